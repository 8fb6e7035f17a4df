"""NerdQAxe and its relatives (shufps/ESP-Miner-NerdQAxePlus)."""

import base64
from collections import deque
from collections.abc import Callable, Mapping
import hashlib
import hmac
import time
from typing import Any, ClassVar, override

from .esp_miner import EspMiner
from .httpd import (
    Handler,
    Request,
    Response,
    json_response,
    page_response,
    redirect_response,
    text_response,
)
from .nerdqaxe_generations import (
    GENERATIONS,
    MODELS,
    Generation,
    Kind,
    Model,
    Render,
    View,
)
from .physics import Reading

_HOT_REGULATOR = 105.0
_FAN_MANUAL, _FAN_LINKED = 0, 3


class OneTimePasswords:
    """The device's second factor: TOTP codes (RFC 6238) and session tokens.

    Five failures within 60 s block it for five minutes. `clock` gives epoch
    seconds; a test may replace it.
    """

    TTL = 86400.0
    STEP = 30.0

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        """Take the Base32 secret of the authenticator app."""
        self.secret = secret
        self.clock = clock
        self._tokens: dict[str, float] = {}
        self._failures: deque[float] = deque(maxlen=5)
        self._blocked_until = 0.0

    def code(self, steps: int = 0) -> str:
        """Give the code that is valid now, or `steps` periods from now."""
        padded = self.secret + "=" * (-len(self.secret) % 8)
        counter = int(self.clock() // self.STEP) + steps
        mac = hmac.digest(
            base64.b32decode(padded, casefold=True), counter.to_bytes(8), hashlib.sha1
        )
        offset = mac[-1] & 0xF
        number = int.from_bytes(mac[offset : offset + 4]) & 0x7FFFFFFF
        return f"{number % 10**6:06d}"

    def session(self) -> dict[str, Any]:
        """Open a session."""
        expires = self.clock() + self.TTL
        token = hashlib.sha256(f"{self.secret}{expires}".encode()).hexdigest()
        self._tokens[token] = expires
        return {
            "token": token,
            "ttlMs": int(self.TTL * 1000),
            "expiresAt": int(expires * 1000),
        }

    def end_sessions(self) -> None:
        """Make every token worthless."""
        self._tokens.clear()

    @property
    def blocked(self) -> bool:
        """Whether too many attempts failed."""
        return self.clock() < self._blocked_until

    def accepts(self, headers: Mapping[str, str], *, token_allowed: bool) -> bool:
        """Check the headers of a request and remember a failure."""
        token = headers.get("x-otp-session", "")
        if token_allowed and self._tokens.get(token, 0.0) > self.clock():
            return True
        given = headers.get("x-totp", "")
        # A clock may be half a minute off.
        if given and given in {self.code(steps) for steps in (-1, 0, 1)}:
            return True
        now = self.clock()
        self._failures.append(now)
        if len(self._failures) == 5 and now - self._failures[0] <= 60:
            self._blocked_until = now + 300
            self._failures.clear()
        return False


class SimulatedNerdQAxe(EspMiner):
    """A device of the NerdQAxe family, release "1.0.30" to "1.0.37".

    `model` is a key of `nerdqaxe_generations.MODELS`. Besides what every EspMiner has:

    - `settings`: all but `poolMode` acts immediately;
    - `otp_secret` (Base32) switches the second factor on, `current_code()` gives
      the code; `otp_guards_commands` makes restart and shutdown require it too
      (the releases do not, their documentation says so).

    Not simulated: history, InfluxDB, alerts, WiFi, OTA, /api/v2.
    """

    kind: ClassVar[str] = "nerdqaxe"
    cold_boot = "SYSTEM.POWER_ON_RESET"
    board: Model
    generation: Generation
    shut_down: bool
    active_pool_mode: int
    otp: OneTimePasswords | None

    def __init__(
        self,
        *,
        generation: str = "1.0.36",
        model: str = "nerdqaxe++",
        name: str | None = None,
        version: str | None = None,
        otp_secret: str | None = None,
        otp_guards_commands: bool = False,
        **options: Any,
    ) -> None:
        """Make one; the options are those of EspMiner.

        Raises KeyError for an unknown generation or model, ValueError if the
        release has no second factor yet.
        """
        self.generation = GENERATIONS[generation]
        self.board = MODELS[model]
        self.model = model
        if otp_secret is not None and "otp" not in self.generation.info:
            raise ValueError(f"{generation} has no OTP")
        name = name or model
        super().__init__(
            name=name,
            silicon=self.board.silicon(),
            version=version,
            pool_difficulty=4096,
            **{"best_ever": 13.79e9, **options},
        )
        self.max_sockets = 10
        self.lru_purge = True
        self.otp = OneTimePasswords(otp_secret) if otp_secret else None
        self.otp_guards_commands = otp_guards_commands
        self.shut_down = False
        self.active_pool_mode = 0
        self._overheated = False
        user = f"bc1qwd5k6atvv96x2epqd45kuetjyysjzgfptrdzvt.{name}"
        self.settings: dict[str, Any] = {
            "frequency": self.board.frequency,
            "coreVoltage": self.board.voltage,
            "autofanspeed": 2 if "pidTargetTemp" in self.generation.info else True,
            "manualFanSpeed": 100,
            "pidTargetTemp": 60,
            "pidP": 6.0,
            "pidI": 0.1,
            "pidD": 10.0,
            "overheat_temp": 70,
            "jobInterval": 500,
            "stratumDifficulty": 1000,
            "stratum_keep": False,
            "vrFrequency": 25_011,
            "flipscreen": False,
            "invertscreen": False,
            "autoscreenoff": False,
            "invertfanpolarity": False,
            "autofanpolarity": False,
            "hostname": "nerdqaxe",
            "ssid": "Simulated WiFi",
            "wifiPass": "",
            "poolMode": 0,
            "poolBalance": 50,
        }
        for prefix, host, port in (
            ("stratum", "public-pool.io", 21496),
            ("fallbackStratum", "solo.ckpool.org", 3333),
        ):
            self.settings |= {
                f"{prefix}URL": host,
                f"{prefix}Port": port,
                f"{prefix}User": user,
                f"{prefix}Password": "x",
                f"{prefix}EnonceSubscribe": False,
                f"{prefix}TLS": False,
                f"{prefix}Protocol": 0,
            }
        self._second_fan = {
            "mode": _FAN_LINKED,
            "manualSpeed": 40,
            "overheatTemp": 80,
            "targetTemp": 65,
        }

    # --- what a test or the control panel does to it ------------------------

    def current_code(self) -> str:
        """Give the one-time password that is valid now; raises RuntimeError."""
        if self.otp is None:
            raise RuntimeError("OTP is off")
        return self.otp.code()

    @override
    def pool_address(self) -> tuple[str, int] | None:
        slot = self._active_slot()
        if slot is None:
            return None
        return self._host(slot), self.settings[f"{_prefix(slot)}Port"]

    @property
    @override
    def is_paused(self) -> bool:
        return self.shut_down

    @property
    @override
    def on_fallback(self) -> bool:
        """Whether it mines at the fallback pool (never in dual mode)."""
        return self.active_pool_mode == 0 and self._active_slot() == 1

    def reachable(self, slot: int) -> bool:
        """Return whether the primary (0) or the fallback pool (1) responds."""
        host = self._host(slot)
        return bool(host) and host not in self._pools_down

    @override
    def state(self) -> dict[str, Any]:
        return super().state() | {
            "overheated": self._overheated,
            "otp": self.otp is not None,
        }

    # --- what the renderers ask ---------------------------------------------

    def input_millivolts(self, reading: Reading) -> float:
        """Input voltage, mV."""
        return 12250 - reading.power

    def input_milliamps(self, reading: Reading) -> float:
        """Input current, mA."""
        return reading.power / self.input_millivolts(reading) * 1e6

    def chip_temperatures(self, reading: Reading) -> list[float]:
        """°C by chip; `temp` is the hottest."""
        return [
            round(reading.temperature - 0.75 * chip, 3)
            for chip in range(self.board.chips)
        ]

    def ping_milliseconds(self) -> float:
        """Round trip to the pool; 0 while there is none."""
        if not self.miner.connected:
            return 0
        return round(14 + self.miner.random.random() * 6, 3)

    def rssi(self, reading: Reading) -> int:
        """WiFi signal, dBm."""
        return -58 - int(reading.uptime / 60) % 5

    def fans(self) -> list[dict[str, Any]]:
        """Give the settings of each fan channel."""
        first = {
            "mode": self.settings["autofanspeed"],
            "manualSpeed": self.settings["manualFanSpeed"],
            "overheatTemp": self.settings["overheat_temp"],
            "targetTemp": self.settings["pidTargetTemp"],
        }
        return [first, self._second_fan][: self.board.fans]

    def fan_percent(self, channel: int, reading: Reading) -> int:
        """How fast a channel is driven; the second one follows unless manual."""
        if channel >= self.board.fans:
            return 0
        if channel == 1 and self._second_fan["mode"] == _FAN_MANUAL:
            return self._second_fan["manualSpeed"]
        return round(reading.fan)

    def fan_rpm(self, channel: int, reading: Reading) -> int:
        """Revolutions of a channel."""
        percent = self.fan_percent(channel, reading)
        return round(percent / 100 * self.miner.silicon.max_rpm)

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        commands: dict[str, Handler] = {
            "/api/system/shutdown": self._shutdown,
            "/api/system/reset-stats": self._reset_stats,
            "/api/otp/session": self._otp_session,
        }
        routes: dict[str, Handler] = {
            "GET /": lambda _: page_response(),
            "GET /api/system/info": self._info,
            "PATCH /api/system": self._patch,
            "POST /api/system/restart": self._restart,
        }
        routes |= {f"POST {path}": commands[path] for path in self.generation.commands}
        if self.generation.asic:
            routes["GET /api/system/asic"] = self._asic
        return routes

    @override
    def unknown(self, request: Request) -> Response:
        """Lead to the captive portal."""
        return redirect_response()

    @override
    def admit(self, request: Request) -> Response | None:
        """Refuse clients from elsewhere, before any password is looked at."""
        if not request.path.startswith("/api/"):
            return None
        return self.refuse_foreign(request)

    @override
    def finish(self, response: Response) -> Response:
        """Close after every answer since 1.0.36."""
        return response.closing() if self.generation.closes_all else response

    def _render(self, keys: Mapping[str, Render]) -> Response:
        view = View(device=self, reading=self.check())
        answer = json_response(
            {key: render(view) for key, render in keys.items()}, chunked=True
        )
        return answer.closing() if self.generation.closes_reads else answer

    def _info(self, request: Request) -> Response:
        return self._render(self.generation.info)

    def _asic(self, request: Request) -> Response:
        return self._render(self.generation.asic)

    def _locked(
        self, request: Request, *, token_allowed: bool = True
    ) -> Response | None:
        """Require the second factor; the connection of a refused one is closed."""
        if self.otp is None:
            return None
        if self.otp.blocked:
            return text_response("blocked for 5 minutes", status=401, close=True)
        if self.otp.accepts(request.headers, token_allowed=token_allowed):
            return None
        return text_response("OTP/Session required", status=401, close=True)

    def _otp_session(self, request: Request) -> Response:
        refusal = self._locked(request, token_allowed=False)
        if refusal is not None:
            return refusal
        if self.otp is None:
            return text_response("OTP is disabled", status=400)
        return json_response(self.otp.session())

    def _patch(self, request: Request) -> Response:
        if (refusal := self._locked(request)) is not None:
            return refusal
        try:
            body = request.json()
        except ValueError:
            return text_response("Invalid JSON", status=400)
        if isinstance(body, dict):
            self.writes.append(body)
            for key, value in body.items():
                kind = self.generation.writable.get(key)
                if kind is not None and _fits(kind, value):
                    self._store(key, value)
            self._apply()
        return Response(chunked=True)

    def _restart(self, request: Request) -> Response:
        if self.otp_guards_commands and (refusal := self._locked(request)) is not None:
            return refusal
        self.reset_reason = "SYSTEM.RESET_SOFTWARE"
        self.schedule_reboot()
        return text_response("System will restart shortly.")

    def _shutdown(self, request: Request) -> Response:
        if self.otp_guards_commands and (refusal := self._locked(request)) is not None:
            return refusal
        self.shut_down = True
        self._apply()
        return text_response("System will shutdown shortly.")

    def _reset_stats(self, request: Request) -> Response:
        if (refusal := self._locked(request)) is not None:
            return refusal
        self.miner.reset_counts()
        return Response(status=204)

    # --- what the firmware does ---------------------------------------------

    @override
    def check(self) -> Reading:
        reading = self.miner.read()
        if (
            reading.temperature > self.settings["overheat_temp"]
            or reading.vr_temperature > _HOT_REGULATOR
        ) and self.miner.hashing:
            self._overheated = True
        self._apply()
        return self.miner.read()

    def _apply(self) -> None:
        """Put the settings into force."""
        miner, settings = self.miner, self.settings
        miner.frequency = float(settings["frequency"])
        miner.voltage = float(settings["coreVoltage"])
        if self._overheated:
            miner.fan_manual(100)
        elif settings["autofanspeed"] == _FAN_MANUAL:
            miner.fan_manual(settings["manualFanSpeed"])
        else:
            miner.fan_auto(settings["pidTargetTemp"])
        miner.connected = self._active_slot() is not None
        miner.hashing = not (self.shut_down or self._overheated)

    @override
    def _booted(self) -> None:
        """Mine again after a shutdown or an overheat; take over the pool mode."""
        self.shut_down = False
        self._overheated = False
        self.active_pool_mode = self.settings["poolMode"]
        self._apply()

    def _host(self, slot: int) -> str:
        host: str = self.settings[f"{_prefix(slot)}URL"]
        return host

    def _active_slot(self) -> int | None:
        return next((slot for slot in (0, 1) if self.reachable(slot)), None)

    def _store(self, key: str, value: Any) -> None:
        if key == "fans":
            self._store_fans(value)
        elif key == self.generation.fan_key:
            self.settings["manualFanSpeed"] = value
        elif key == "stratum_keep":
            self.settings[key] = bool(value)
        else:
            self.settings[key] = value

    def _store_fans(self, fans: list[Any]) -> None:
        names = {
            "mode": "autofanspeed",
            "manualSpeed": "manualFanSpeed",
            "overheatTemp": "overheat_temp",
            "targetTemp": "pidTargetTemp",
        }
        for channel, fan in enumerate(fans[: self.board.fans]):
            if not isinstance(fan, dict):
                continue
            pid = fan.get("pid")
            given = {**fan, **(pid if isinstance(pid, dict) else {})}
            for key, setting in names.items():
                if not _fits(Kind.UINT16, given.get(key)):
                    continue
                if channel == 0:
                    self.settings[setting] = given[key]
                else:
                    self._second_fan[key] = given[key]


def _prefix(slot: int) -> str:
    return "fallbackStratum" if slot else "stratum"


def _fits(kind: Kind, value: Any) -> bool:
    """Return whether ArduinoJson's `is<T>()` holds: 490.0 is no int, 1 no bool."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    match kind:
        case Kind.TEXT:
            return isinstance(value, str)
        case Kind.BOOL:
            return isinstance(value, bool)
        case Kind.BOOL_OR_INT:
            return isinstance(value, int)
        case Kind.FLOAT:
            return whole or isinstance(value, float)
        case Kind.FANS:
            return isinstance(value, list)
        case Kind.UINT32:
            return whole and 0 <= value < 2**32
        case Kind.POSITIVE:
            return whole and 0 < value < 2**16
        case Kind.UINT16:
            return whole and 0 <= value < 2**16
