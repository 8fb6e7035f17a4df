"""The miner and the pool that the templates are written for. They run on this machine.

The miner, over HTTP with JSON:

    GET  /api/status      what it does now; see ``SimulatedExampleMiner.status``
    POST /api/mode        {"mode": "quiet"}      one of its "modes"
    POST /api/pause       {"paused": true}
    POST /api/pool        {"url": "host:port", "user": "...", "password": "..."}
    POST /api/frequency   {"mhz": 500}           within "limits"
    POST /api/identify    blinks
    POST /api/restart     answers, then is gone for a moment

A POST is answered with {"ok": true}, also if the miner ignores what was sent, as
real ones do. With a password set, each POST needs it in the header ``X-Password``.

The pool, over HTTP with JSON:

    GET /api/<coin>/network             difficulty, and what the pool as a whole does
    GET /api/<coin>/account/<address>   one account; 404 for one that never mined here
    GET /api/<coin>/blocks              the blocks that the pool found, newest first
"""

import time
from typing import Any, ClassVar, override

from simulator.httpd import Handler, HttpDevice, Request, Response, json_response
from simulator.physics import Miner, Silicon

_SILICON = Silicon(
    chips=1,
    small_cores=2040,
    frequency=525,
    voltage=1150,
    core_watts=13.0,
    base_watts=4.0,
    heat=1.6,
    max_rpm=5000,
    noise=0.01,
)
MODES: dict[str, float] = {"quiet": 425, "balanced": 525, "fast": 600}
"""MHz by the name of a mode."""

LIMITS = (400, 625)
"""MHz."""

EXAMPLE_WALLET = "bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym"
WORKERS = {"garage": 1.2e12, "cellar": 0.6e12}
"""H/s by worker."""


class SimulatedExampleMiner(HttpDevice):
    """The miner of TEMPLATE_miner_driver.py."""

    kind: ClassVar[str] = "example-miner"
    miner: Miner

    def __init__(self, *, name: str = "example-miner", **options: Any) -> None:
        """Make one that is off; ``password`` may be set afterwards."""
        speed, age = options.pop("speed", 1.0), options.pop("age", 7200.0)
        options = {"reboot_seconds": 2.0, "restart_delay": 0.2, **options}
        miner = Miner(_SILICON, speed=speed, age=age)
        super().__init__(name=name, miner=miner, **options)
        self.password: str | None = None
        self.paused = False
        self.identified = 0
        self.pool = {"url": "stratum+tcp://pool.example:3333", "user": "bc1qex.garage"}

    def status(self) -> dict[str, Any]:
        """Return the answer of ``GET /api/status``.

        GH/s, °C, mW, s, MHz, mV; ``best`` is a difficulty such as "4.29G" or "812.50M".
        """
        reading = self.miner.read()
        return {
            "maker": "Example",
            "model": "Example One",
            "firmware": "1.4.2",
            "mac": self.mac,
            "hostname": "example-one",
            "uptime": round(reading.uptime),
            "hashrate_ghs": round(reading.hashrate / 1e9, 1),
            "temperature": {"chip": round(reading.temperature, 1), "board": 47.5},
            "power_mw": round(reading.power * 1000),
            "fan": {"percent": round(reading.fan), "rpm": reading.rpm},
            "frequency": self.miner.frequency,
            "voltage": self.miner.voltage,
            "shares": {"accepted": reading.accepted, "rejected": reading.rejected},
            "best": _short(reading.best_ever),
            "mode": self._mode(),
            "modes": list(MODES),
            "limits": {"frequency": list(LIMITS)},
            "paused": self.paused,
            "pool": self.pool,
        }

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/status": lambda _: json_response(self.status()),
            "POST /api/mode": self._set_mode,
            "POST /api/pause": self._set_paused,
            "POST /api/pool": self._set_pool,
            "POST /api/frequency": self._set_frequency,
            "POST /api/identify": self._identify,
            "POST /api/restart": self._restart,
        }

    @override
    def admit(self, request: Request) -> Response | None:
        if request.method == "GET" or self.password is None:
            return None
        if request.headers.get("x-password") == self.password:
            return None
        return json_response({"error": "password"}, status=401)

    def _mode(self) -> str:
        for mode, frequency in MODES.items():
            if frequency == self.miner.frequency:
                return mode
        return "custom"

    def _set_mode(self, request: Request) -> Response:
        frequency = MODES.get(_body(request).get("mode", ""))
        if frequency is not None:
            self.miner.frequency = frequency
        return _done()

    def _set_frequency(self, request: Request) -> Response:
        frequency = _body(request).get("mhz")
        if isinstance(frequency, int) and LIMITS[0] <= frequency <= LIMITS[1]:
            self.miner.frequency = frequency
        return _done()

    def _set_paused(self, request: Request) -> Response:
        self.paused = _body(request).get("paused") is True
        self.miner.hashing = not self.paused
        return _done()

    def _set_pool(self, request: Request) -> Response:
        body = _body(request)
        if isinstance(body.get("url"), str) and isinstance(body.get("user"), str):
            self.pool = {"url": body["url"], "user": body["user"]}
        return _done()

    def _identify(self, request: Request) -> Response:
        self.identified += 1
        return _done()

    def _restart(self, request: Request) -> Response:
        self.schedule_reboot()
        return _done()


class SimulatedExamplePool(HttpDevice):
    """The pool of TEMPLATE_pool_driver.py."""

    kind: ClassVar[str] = "example-pool"

    def __init__(self, *, name: str = "example-pool", **options: Any) -> None:
        """Make one that is off."""
        age = options.pop("age", 86_400.0)
        options.pop("speed", None)
        super().__init__(name=name, **options)
        self._began = time.time() - age
        self.difficulty = 133_869_853_540_305.4
        self.accounts: dict[str, dict[str, float]] = {EXAMPLE_WALLET: dict(WORKERS)}

    def account(self, address: str) -> dict[str, Any]:
        """Return the answer for one account; H/s, and seconds since 1970."""
        workers = self.accounts[address]
        shares = int(time.time() - self._began) // 6
        return {
            "hashrate": sum(workers.values()),
            "best_share": "812.5M",
            "last_share": int(time.time()) // 60 * 60,
            "shares": {"valid": shares, "invalid": shares // 500, "stale": 2},
            "blocks": [],
            "workers": [
                {"name": name, "hashrate": hashrate, "online": True}
                for name, hashrate in workers.items()
            ],
        }

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /api/btc/network": self._network,
            "GET /api/btc/blocks": lambda _: json_response(self.blocks()),
            "GET /api/btc/account/*": self._account,
        }

    def blocks(self) -> list[dict[str, Any]]:
        """Return the blocks that the pool found, newest first."""
        return [
            {
                "height": 956_400 - 3000 * number,
                "hash": f"{number:064x}",
                "time": int(self._began) - 86_400 * number,
                "finder": EXAMPLE_WALLET if number else "bc1qsomebodyelse",
            }
            for number in range(2)
        ]

    def _network(self, request: Request) -> Response:
        return json_response(
            {
                "difficulty": self.difficulty,
                "pool": {"hashrate": 6e15, "workers": 1520, "blocks": 17},
            }
        )

    def _account(self, request: Request) -> Response:
        address = request.path.rpartition("/")[2]
        if address not in self.accounts:
            return json_response({"error": "unknown account"}, status=404)
        return json_response(self.account(address))


def _short(difficulty: float) -> str:
    """Return a difficulty as the miner shows it: "4.29G", "812.50M", "3.10k"."""
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if difficulty >= size:
            return f"{difficulty / size:.2f}{unit}"
    return f"{difficulty / 1e3:.2f}k"


def _body(request: Request) -> dict[str, Any]:
    try:
        body = request.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _done() -> Response:
    return json_response({"ok": True})
