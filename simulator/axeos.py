"""Bitaxe and everything else that runs AxeOS (bitaxeorg/ESP-Miner)."""

from copy import deepcopy
from typing import Any, ClassVar, override

from .axeos_generations import (
    ABSENT,
    GENERATIONS,
    Generation,
    Kind,
    Render,
    View,
    Writable,
)
from .boards import BOARDS, Board
from .esp_miner import EspMiner, suffixed
from .httpd import (
    Handler,
    Request,
    Response,
    json_response,
    page_response,
    redirect_response,
    text_response,
)
from .physics import Reading

type Pool = dict[str, Any]

POOL_DEFAULTS: Pool = {
    "stratumProtocol": "SV1",
    "stratumURL": "",
    "stratumPort": 3333,
    "stratumUser": "",
    "stratumPassword": "x",
    "stratumSuggestedDifficulty": 0,
    "stratumExtranonceSubscribe": False,
    "stratumTLS": 0,
    "stratumCert": "",
    "stratumDecodeCoinbase": True,
    "stratumV2ChannelType": "extended",
    "stratumV2AuthorityPubkey": "",
    "stratumV2RequireAuth": False,
}
"""A pool slot whose optional fields were not given (http_server.c, 2.15)."""

_POOL_CHECKS = {
    "stratumProtocol": Writable(Kind.TEXT, 3, 3),
    "stratumURL": Writable(Kind.TEXT, 1, 255),
    "stratumPort": Writable(Kind.INTEGER, 1),
    "stratumUser": Writable(Kind.TEXT, 1, 255),
    "stratumPassword": Writable(Kind.TEXT, 0, 255),
    "stratumSuggestedDifficulty": Writable(Kind.FLOAT, 0, 1e18),
    "stratumExtranonceSubscribe": Writable(Kind.FLAG),
    "stratumTLS": Writable(Kind.INTEGER, 0, 3),
    "stratumCert": Writable(Kind.TEXT, 0, 3000),
    "stratumDecodeCoinbase": Writable(Kind.FLAG),
    "stratumV2ChannelType": Writable(Kind.TEXT, 1, 16),
    "stratumV2AuthorityPubkey": Writable(Kind.TEXT, 0, 128),
    "stratumV2RequireAuth": Writable(Kind.FLAG),
}
_POOL_REQUIRED = ("stratumURL", "stratumPort", "stratumUser")
_POOL_SLOTS = 8
_BODY_LIMIT = 10240
_HOT_CHIP, _HOT_REGULATOR = 75.0, 105.0
_IDLE_MHZ = 50


class _RefusedError(Exception):
    """A value that the firmware does not take."""


class SimulatedAxeOS(EspMiner):
    """A device with AxeOS of one generation ("2.4" to "2.15") on one board.

    `model` is a key of `boards.BOARDS`. Besides what every EspMiner has:

    - `pools`: what is in its flash (a restart applies them);
    - `power_fault`, `hardware_fault`: text to report, None: the key is absent;
    - `sensor_broken`: True makes `temp` -1;
    - `signal`: dBm of its WiFi, from time to time up to 3 lower;
    - `fork`: adds the keys of a fork that counts its own best difficulty.

    Not simulated: statistics, logs, scoreboard, WebSockets, WiFi scan, OTA, boot.
    """

    kind: ClassVar[str] = "bitaxe"
    cold_boot = "Power on"
    board: Board
    generation: Generation
    dismissed_blocks: int
    paused: bool
    booted_indices: tuple[int, int]

    def __init__(
        self,
        *,
        generation: str = "2.15",
        model: str = "gamma",
        name: str | None = None,
        version: str | None = None,
        fork: bool = False,
        **options: Any,
    ) -> None:
        """Make one; the options are those of EspMiner.

        Raises KeyError for an unknown generation or model.
        """
        self.generation = GENERATIONS[generation]
        self.board = BOARDS[model]
        self.model = model
        self.fork = fork
        super().__init__(
            name=name or f"bitaxe-{model}",
            silicon=self.board.silicon(),
            version=version,
            **{"best_ever": 2.41e9, **options},
        )
        self.max_sockets = self.generation.sockets
        self.lru_purge = self.generation.lru_purge
        self.power_fault: str | None = None
        self.hardware_fault: str | None = None
        self.sensor_broken = False
        self.signal = -52
        self.safe_mode_seconds = 30.0
        self.settings: dict[str, Any] = {
            "frequency": self.board.asic.frequency,
            "coreVoltage": self.board.asic.voltage,
            "autofanspeed": True,
            "manualFanSpeed": 100,
            "minFanSpeed": 25,
            "temptarget": 60,
            "overheat_mode": 0,
            "overclockEnabled": False,
            "hostname": "bitaxe",
            "ssid": "Simulated WiFi",
            "wifiPass": "",
            "display": "SSD1306 (128x32)",
            "displayTimeout": -1,
            "rotation": 0,
            "flipscreen": True,
            "invertscreen": False,
            "statsFrequency": 0,
            "useFallbackStratum": False,
            "primaryPoolIndex": 0,
            "secondaryPoolIndex": 1,
        }
        user = "bc1qwd5k6atvv96x2epqd45kuetjyysjzgfptrdzvt"
        self.pools: dict[int, Pool] = {
            0: {
                **POOL_DEFAULTS,
                "stratumURL": "public-pool.io",
                "stratumPort": 21496,
                "stratumUser": f"{user}.{self.name}",
            },
            1: {
                **POOL_DEFAULTS,
                "stratumURL": "solo.ckpool.org",
                "stratumUser": f"{user}.{self.name}",
            },
        }
        self.booted_pools: tuple[Pool, Pool] = (self.pools[0], self.pools[1])
        self.booted_indices = (0, 1)
        self.paused = False
        self.dismissed_blocks = 0
        self.identifying_until = 0.0
        self._booted_fallback_first = False
        self._safe_since: float | None = None

    # --- what a test or the control panel does to it ------------------------

    @property
    def active_pool(self) -> Pool | None:
        """The pool that it mines at; None: none can be reached."""
        slot = self._active_slot()
        return None if slot is None else self.booted_pools[slot]

    @property
    @override
    def on_fallback(self) -> bool:
        return self._active_slot() == 1

    @property
    @override
    def is_paused(self) -> bool:
        return self.paused

    @override
    def pool_address(self) -> tuple[str, int] | None:
        pool = self.active_pool
        return None if pool is None else (pool["stratumURL"], pool["stratumPort"])

    @override
    def state(self) -> dict[str, Any]:
        return super().state() | {
            "overheat_mode": self.settings["overheat_mode"],
            "autofan": bool(self.settings["autofanspeed"]),
        }

    # --- what the renderers ask ---------------------------------------------

    def input_millivolts(self, reading: Reading) -> float:
        """Input voltage, mV: sags a little under load."""
        return self.board.nominal_voltage * 1020 - reading.power * 2

    def reported_milliamps(self, reading: Reading) -> float:
        """Give `current`, mA: of the input on INA260 boards, else of the core side."""
        if self.board.ina260:
            return reading.power / self.input_millivolts(reading) * 1e6
        volts = reading.core_millivolts / 1000
        if not volts:
            return 0.0
        return max(0.0, reading.power - self.board.power_offset) / volts * 1000

    def chip_temperature(self, view: View, sensor: int) -> float:
        """`temp` (sensor 0) or `temp2` in °C; -1: no reading."""
        if self.sensor_broken or sensor >= self.board.sensors:
            return -1
        return view.number(view.reading.temperature - 1.5 * sensor)

    def response_milliseconds(self, view: View) -> float:
        """How long the pool takes to answer a share."""
        return view.number(24 + self.miner.random.random() * 9)

    def rssi(self, reading: Reading) -> int:
        """WiFi signal, dBm."""
        return self.signal - int(reading.uptime / 60) % 4

    def starting(self, reading: Reading) -> bool:
        """Whether it has just booted: the hashrate is not a measurement yet."""
        return reading.uptime < self.miner.warmup_seconds + 2

    def has_job(self, reading: Reading) -> bool:
        """Whether a pool has sent a job since the boot."""
        return reading.uptime >= self.miner.warmup_seconds and self.miner.connected

    def active_user(self) -> str | None:
        """Give the stratum user at the active pool."""
        pool = self.active_pool
        return None if pool is None else pool["stratumUser"]

    @property
    def connection_info(self) -> str:
        """`poolConnectionInfo`."""
        pool = self.active_pool
        if pool is None:
            return "Not connected"
        return "IPv4 (TLS)" if pool["stratumTLS"] else "IPv4"

    @property
    def actual_frequency(self) -> float:
        """MHz that the chips run at."""
        return self.miner.frequency if self.miner.hashing else float(_IDLE_MHZ)

    # --- HTTP ---------------------------------------------------------------

    @override
    def routes(self) -> dict[str, Handler]:
        routes: dict[str, Handler] = {
            "GET /": lambda _: page_response(),
            "GET /recovery": lambda _: page_response(),
            "GET /api/system/info": self._info,
            "PATCH /api/system": self._patch,
            "POST /api/system/restart": self._restart,
        }
        if self.generation.asic:
            routes["GET /api/system/asic"] = self._asic
        commands: dict[str, Handler] = {
            "identify": self._identify,
            "blockFound/dismiss": self._dismiss,
            "pause": self._pause,
            "resume": self._resume,
        }
        routes |= {
            f"POST /api/system/{command}": commands[command]
            for command in self.generation.commands
        }
        if self.generation.pool_table:
            routes["PUT /api/system/pools/*"] = self._put_pool
            routes["DELETE /api/system/pools/*"] = self._delete_pool
        return routes

    @override
    def unknown(self, request: Request) -> Response:
        """Answer 404 JSON to /api since 2.9, else lead to the captive portal."""
        if self.generation.json_404 and request.path.startswith("/api/"):
            return json_response({"error": "unknown route"}, status=404, chunked=True)
        return redirect_response()

    @override
    def admit(self, request: Request) -> Response | None:
        """Refuse clients from elsewhere (is_network_allowed, since 2.5)."""
        if not (
            self.generation.checks_address and request.path.startswith(("/api", "/rec"))
        ):
            return None
        return self.refuse_foreign(request)

    def _render(self, keys: dict[str, Render]) -> dict[str, Any]:
        view = View(device=self, reading=self.check())
        values = {key: render(view) for key, render in keys.items()}
        return {key: value for key, value in values.items() if value is not ABSENT}

    def _info(self, request: Request) -> Response:
        answer = self._render(dict(self.generation.info))
        if self.fork:
            reading = self.miner.read()
            best: list[Any] = [reading.best_ever, reading.best_session]
            if isinstance(answer["bestDiff"], str):
                best = [suffixed(value) for value in best]
            answer["bestNonceDiff"], answer["bestSessionNonceDiff"] = best
        return json_response(answer, chunked=True)

    def _asic(self, request: Request) -> Response:
        return json_response(self._render(dict(self.generation.asic)), chunked=True)

    def _restart(self, request: Request) -> Response:
        self._restart_soon()
        message = "System will restart shortly."
        if self.generation.restart_json:
            return json_response({"message": message}, chunked=True)
        return text_response(message)

    def _identify(self, request: Request) -> Response:
        now = self.miner.read().uptime
        if self.identifying_until > now:
            self.identifying_until = 0.0
            return json_response({"message": 'The device no longer says "Hi!".'})
        self.identifying_until = now + 30
        return json_response({"message": 'The device says "Hi!" for 30 seconds.'})

    def _dismiss(self, request: Request) -> Response:
        self.dismissed_blocks = self.miner.read().blocks
        return json_response(
            {
                "blockFound": self.dismissed_blocks,
                "showNewBlock": False,
                "message": "Block found notification dismissed",
            }
        )

    def _pause(self, request: Request) -> Response:
        self.paused = True
        self._apply()
        return json_response({"message": "Mining paused"}, chunked=True)

    def _resume(self, request: Request) -> Response:
        self.paused = False
        self._apply()
        return json_response({"message": "Mining resumed"}, chunked=True)

    def _patch(self, request: Request) -> Response:
        if len(request.body) >= _BODY_LIMIT:
            return text_response("content too long", status=500)
        try:
            body = request.json()
        except ValueError:
            body = None
        if isinstance(body, dict):
            self.writes.append(body)
        elif self.generation.validates:
            return text_response("Invalid JSON", status=400)
        else:
            body = {}
        changes: dict[str, Any] = {}
        for key, value in body.items():
            if (setting := self.generation.writable.get(key)) is None:
                continue
            try:
                changes[key] = _accept(setting, value, strict=self.generation.validates)
            except _RefusedError:
                if self.generation.validates:
                    return text_response("Wrong API input", status=400)
        renamed = changes.get("hostname", self.settings["hostname"])
        moved = renamed != self.settings["hostname"]
        for key, value in changes.items():
            self._store(key, value)
        self._apply()
        if moved and self.generation.pool_table:
            return json_response(
                {
                    "status": "success",
                    "redirect": {
                        "url": f"http://{renamed}.local",
                        "delay": 2000,
                        "message": "Hostname updated. Redirecting to new address...",
                    },
                },
                chunked=True,
            )
        return Response(chunked=True)

    def _put_pool(self, request: Request) -> Response:
        slot = _slot(request)
        if slot is None:
            return text_response("Invalid pool index", status=400)
        try:
            body = request.json()
        except ValueError:
            return text_response("Invalid JSON", status=400)
        try:
            self._write_pool(slot, _checked_pool(body))
        except _RefusedError:
            return text_response("Invalid pool configuration payload", status=400)
        return json_response({"message": "Pool updated successfully"}, chunked=True)

    def _delete_pool(self, request: Request) -> Response:
        slot = _slot(request)
        if slot is None:
            return text_response("Invalid pool index", status=400)
        if slot in (
            self.settings["primaryPoolIndex"],
            self.settings["secondaryPoolIndex"],
        ):
            return text_response(
                "Cannot delete a pool that is currently selected as primary"
                " or fallback",
                status=400,
            )
        self.pools.pop(slot, None)
        return json_response({"message": "Pool cleared successfully"}, chunked=True)

    # --- what the firmware does ---------------------------------------------

    @override
    def check(self) -> Reading:
        reading = self.miner.read()
        self._rest(reading)
        # The crippled settings of an overheat up to 2.11 do not trigger another.
        crippled = (
            self.settings["frequency"] <= _IDLE_MHZ
            and self.settings["coreVoltage"] <= 1000
        )
        hot = reading.temperature > _HOT_CHIP or reading.vr_temperature > _HOT_REGULATOR
        if hot and not crippled and self._safe_since is None and not self.rebooting:
            self._react_to_heat(reading)
        self._apply()
        return self.miner.read()

    def _react_to_heat(self, reading: Reading) -> None:
        self.settings |= {
            "autofanspeed": False,
            "manualFanSpeed": 100,
            "overheat_mode": 1,
        }
        if self.generation.safe_mode:
            self._safe_since = reading.uptime
            return
        self.settings |= {"frequency": _IDLE_MHZ, "coreVoltage": 1000}
        self._restart_soon()

    def _rest(self, reading: Reading) -> None:
        """End the safe mode: 100 MHz and 100 mV less from then on."""
        if self._safe_since is None:
            return
        rested = reading.uptime - self._safe_since >= self.safe_mode_seconds
        if rested and reading.temperature <= _HOT_CHIP:
            self._safe_since = None
            self.settings["frequency"] = max(
                _IDLE_MHZ, self.settings["frequency"] - 100
            )
            self.settings["coreVoltage"] = max(1000, self.settings["coreVoltage"] - 100)

    def _apply(self) -> None:
        """Put the live settings into force."""
        miner, settings = self.miner, self.settings
        miner.frequency = float(settings["frequency"])
        miner.voltage = float(settings["coreVoltage"])
        if self.paused:
            miner.fan_manual(30)
        elif settings["autofanspeed"]:
            miner.fan_auto(settings["temptarget"], settings["minFanSpeed"])
        else:
            miner.fan_manual(settings["manualFanSpeed"])
        miner.connected = self._active_slot() is not None
        asleep = self.generation.sleeps_without_pool and not miner.connected
        miner.hashing = not (self.paused or asleep or self._safe_since is not None)

    def _restart_soon(self) -> None:
        self.reset_reason = "Software reset"
        self.schedule_reboot()

    @override
    def _booted(self) -> None:
        """Take over the pools from flash; forget what lives in memory only."""
        settings = self.settings
        self.booted_indices = (
            int(settings["primaryPoolIndex"]),
            int(settings["secondaryPoolIndex"]),
        )
        primary, secondary = (
            deepcopy(self.pools.get(slot, POOL_DEFAULTS))
            for slot in self.booted_indices
        )
        self.booted_pools = (primary, secondary)
        self._booted_fallback_first = bool(settings["useFallbackStratum"])
        self.paused = False
        self._safe_since = None
        self.dismissed_blocks = 0
        self.identifying_until = 0.0
        self._apply()

    def _active_slot(self) -> int | None:
        order = (1, 0) if self._booted_fallback_first else (0, 1)
        for slot in order:
            host = self.booted_pools[slot]["stratumURL"]
            if host and host not in self._pools_down:
                return slot
        return None

    def _store(self, key: str, value: Any) -> None:
        if key == "pools":
            for slot, pool in value.items():
                self._write_pool(slot, pool)
        elif key.startswith("stratum"):
            self.pools[0][key] = value
        elif key.startswith("fallbackS"):
            self.pools[1][f"s{key.removeprefix('fallbackS')}"] = value
        else:
            self.settings[self.generation.writable[key].store or key] = value

    def _write_pool(self, slot: int, pool: Pool) -> None:
        if pool.get("stratumPassword") == "*****":
            kept = self.pools.get(slot, POOL_DEFAULTS)["stratumPassword"]
            pool = {**pool, "stratumPassword": kept}
        self.pools[slot] = {**POOL_DEFAULTS, **pool}


def _slot(request: Request) -> int | None:
    """Give the pool slot that the path names."""
    last = request.path.rsplit("/", 1)[-1]
    # atoi() makes a 0 of what is not a number.
    slot = int(last) if last.isdecimal() else 0
    return slot if slot < _POOL_SLOTS else None


def _accept(setting: Writable, value: Any, *, strict: bool) -> Any:
    """Take a value as the firmware does; raises _RefusedError.

    Up to 2.10 (not strict) only the type and the fixed choices count.
    """
    match setting.kind:
        case Kind.TEXT:
            if not isinstance(value, str):
                raise _RefusedError
            if strict and not setting.low <= len(value.encode()) <= setting.high:
                raise _RefusedError
            return value
        case Kind.FLAG:
            if not isinstance(value, (bool, int, float)):
                raise _RefusedError
            if strict and int(value) not in (0, 1):
                raise _RefusedError
            return bool(int(value))
        case Kind.POOLS:
            return _checked_pools(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _RefusedError
    number = value if setting.kind is Kind.FLOAT else int(value)
    if setting.choices and number not in setting.choices:
        raise _RefusedError
    if strict:
        if not setting.choices and not setting.low <= number <= setting.high:
            raise _RefusedError
        return number
    if setting.low == 1 and number <= 0:
        raise _RefusedError  # "valueint > 0" guards frequency, voltage and ports
    return number if setting.low < 0 else int(number) & 0xFFFF


def _checked_pools(value: Any) -> dict[int, Pool]:
    """Check a pools array: every entry whole and with an id; raises _RefusedError."""
    if not isinstance(value, list):
        raise _RefusedError
    pools: dict[int, Pool] = {}
    for entry in value:
        slot = entry.get("id") if isinstance(entry, dict) else None
        if isinstance(slot, bool) or not isinstance(slot, int):
            raise _RefusedError
        if not 0 <= slot < _POOL_SLOTS:
            raise _RefusedError
        pools[slot] = _checked_pool(entry)
    return pools


def _checked_pool(entry: Any) -> Pool:
    """Check one pool (validate_pool_json of http_server.c); raises _RefusedError."""
    if not isinstance(entry, dict):
        raise _RefusedError
    if any(key not in entry for key in _POOL_REQUIRED):
        raise _RefusedError
    pool = {
        key: _accept(check, entry[key], strict=True)
        for key, check in _POOL_CHECKS.items()
        if key in entry
    }
    if pool.get("stratumProtocol", "SV1") not in ("SV1", "SV2"):
        raise _RefusedError
    return pool
