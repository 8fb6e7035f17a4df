"""The NMAxe family: nested JSON over HTTP (ESP-Miner-NMAxe docs/API.md, v2.9 and v3)."""

from typing import Any, ClassVar, override
import zlib

from .boards import BM1370, Asic
from .httpd import Handler, HttpDevice, Request, Response, json_response, page_response
from .physics import Miner, Silicon


class SimulatedNMAxe(HttpDevice):
    """One NMAxe Gamma.

    `version` decides the dialect: pausing came with v3. Attributes for tests:
    `busy` refuses to pause (409), `deaf` accepts settings and keeps its own,
    `failed` reports the state "error".
    """

    kind: ClassVar[str] = "nmaxe"
    miner: Miner

    def __init__(
        self,
        *,
        name: str = "nmaxe",
        version: str = "v3.0.21-nmaxe",
        chip: Asic = BM1370,
        seed: int | None = None,
        speed: float = 1.0,
        age: float = 400_000.0,
        **options: Any,
    ) -> None:
        """Make one; `age` is for how many seconds it has run when it starts."""
        super().__init__(
            name=name,
            miner=Miner(
                Silicon(
                    chips=1,
                    small_cores=chip.small_cores,
                    frequency=chip.frequency,
                    voltage=chip.voltage,
                    core_watts=14.0,
                ),
                seed=zlib.crc32(name.encode()) if seed is None else seed,
                speed=speed,
                age=age,
                best_ever=4.2e9,
            ),
            **options,
        )
        self.version = version
        self.chip = chip
        self.busy = self.deaf = self.failed = False
        self.hostname = name
        self.fan: dict[str, Any] = {"id": 0, "auto": 1, "target": 60.0, "speed": 40}
        self.settings: dict[str, Any] = {
            "freqReq": chip.frequency,
            "vcoreReq": chip.voltage,
        }
        self.pools = {
            slot: {"url": f"stratum+tcp://{host}:3333", "user": "bc1q.nm", "pwd": "x"}
            for slot, host in (
                ("primary", "pool.example"),
                ("fallback", "pool2.example"),
            )
        }
        self._used = dict(self.pools["primary"])
        self.writes: list[dict[str, Any]] = []

    @override
    def _booted(self) -> None:
        self._used = dict(self.pools["primary"])
        self.miner.hashing = True
        self.miner.frequency = self.settings["freqReq"]

    @override
    def routes(self) -> dict[str, Handler]:
        return {
            "GET /": lambda _: page_response(),
            "GET /api/system/info": self._info,
            "GET /api/setting/mining": self._mining,
            "GET /api/setting/preference": self._preference,
            "PATCH /api/setting/mining": self._set_mining,
            "PATCH /api/setting/preference": self._set_preference,
            "PATCH /api/mining/state": self._set_state,
            "POST /api/system/restart": self._restart,
        }

    @property
    def _pauses(self) -> bool:
        return self.version >= "v3"

    def _info(self, request: Request) -> Response:
        now = self.miner.read()
        state = "running" if self.miner.hashing else "paused"
        info: dict[str, Any] = {
            "power": {
                "power": round(now.power, 1),
                "vbus": 5080,
                "ibus": round(now.power / 5.08 * 1000),
            },
            "temps": {
                "vcore": round(now.vr_temperature, 1),
                "asic": round(now.temperature, 1),
            },
            "asic": {
                "count": 1,
                "model": self.chip.model,
                "vcoreReq": self.settings["vcoreReq"],
                "vcoreReal": round(now.core_millivolts),
                "freqReq": self.settings["freqReq"],
                "smallCoreCnt": self.chip.small_cores,
            },
            "miner": {
                "hashRate": round(now.averages["1m"] / 1e9, 2),
                "bestDiffEver": _short(now.best_ever),
                "bestDiffSession": _short(now.best_session),
                "networkDiff": _short(self.miner.network_difficulty),
                "poolDiff": str(round(self.miner.pool_difficulty)),
                "lastDiff": _short(self.miner.pool_difficulty * 1.7),
                "blkhits": now.blocks_ever,
                "sAccepted": now.accepted,
                "sRejected": now.rejected,
                "uptimeSeconds": int(now.uptime),
                "uptimeEver": int(now.lifetime_uptime),
                "freeHeap": 187_320,
            },
            "identity": {
                "fwVersion": self.version,
                "hwModel": "NMAxeGamma",
                "displayName": "NMAxe Gamma",
                "hostName": self.hostname,
                "ssid": "HomeMiners",
                "rssi": -55,
            },
            "stratum": self._used,
            "fans": [{"id": 0, "speed": round(now.fan), "rpm": now.rpm}],
        }
        if self._pauses:
            info["miner"] |= {
                "state": "error" if self.failed else state,
                "paused": not self.miner.hashing,
            }
        return json_response(info)

    def _mining(self, request: Request) -> Response:
        def options(values: tuple[int, ...], unit: str) -> dict[str, Any]:
            return {
                "options": [
                    {"name": f"{value}{unit}", "value": value} for value in values
                ]
            }

        return json_response(
            {
                **self.settings,
                "asic": self.chip.model,
                "stratum": {"used": self._used, **self.pools},
                "overclock": options(self.chip.frequencies, "MHz"),
                "vcore": options(self.chip.voltages, "mV"),
            }
        )

    def _preference(self, request: Request) -> Response:
        return json_response({"Brightness": 80, "fans": [self.fan]})

    def _set_mining(self, request: Request) -> Response:
        body = request.json()
        self.writes.append(body)
        if self.deaf:
            return json_response({"status": "ok"})
        for slot, pool in body.get("stratum", {}).items():
            self.pools[slot] |= pool
        if (voltage := body.get("asicVcoreReq")) is not None:
            self.settings["vcoreReq"] = self.miner.voltage = voltage
        if (frequency := body.get("asicFreqReq")) is not None:
            self.settings["freqReq"] = frequency  # At the next restart
        return json_response({"status": "ok"})

    def _set_preference(self, request: Request) -> Response:
        body = request.json()
        self.writes.append(body)
        if not self.deaf:
            for fan in body.get("fans", []):
                self.fan |= fan
            if self.fan["auto"]:
                self.miner.fan_auto(self.fan["target"])
            else:
                self.miner.fan_manual(self.fan["speed"])
        return json_response({"status": "ok"})

    def _set_state(self, request: Request) -> Response:
        if not self._pauses:
            return self.unknown(request)
        if self.busy:
            return json_response({"error": "benchmark running"}, status=409)
        self.writes.append(body := request.json())
        if not self.deaf:
            self.miner.hashing = not body["paused"]
        return json_response({"status": "ok"})

    def _restart(self, request: Request) -> Response:
        self.schedule_reboot()
        return json_response({"status": "ok"})


def _short(value: float) -> str:
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "K")):
        if value >= size:
            return f"{value / size:.2f}{suffix}"
    return f"{value:.0f}"
