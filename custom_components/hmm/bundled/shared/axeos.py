"""What AxeOS and its relatives share: reading, options, modes, the write cycle."""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re
import time
from typing import Any, ClassVar, override

from custom_components.hmm.driver_api import (
    OWN_RISK,
    AddressRefused,
    BadAnswer,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverError,
    HtmlAnswer,
    InvalidValue,
    MinerTelemetry,
    PoolSlot,
    RedirectAnswer,
    Setting,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_api.transports.http import HttpClient, HttpReply
from custom_components.hmm.driver_api.units import (
    GIGA,
    MEGA,
    TERA,
    parse_age,
    parse_int,
    parse_number,
    parse_temperature,
    parse_text,
)

type Info = Mapping[str, Any]
"""The response of ``GET /api/system/info``."""

CUSTOM_MODE = "custom"
WARM_UP_SECONDS = 60
"""Seconds after a boot in which the hashrate says nothing (1 TH/s with no share
at all was seen 4 s after a boot)."""
_WINDOWS: Mapping[str, int] = {
    # The chips need some seconds after a boot: a third of a minute's average
    "hashRate_1m": 60 + 30,
    "hashRate_10m": 600,
    "hashRate_1h": 3_600,
    "hashRate_1d": 86_400,
}
"""Seconds after a boot from which an average covers its whole window."""
_POWER_OFF = 100
"""mV of core voltage: below that no chip has power."""
FAN_FLOOR = 25.0
"""Percent: a fan cannot be stopped by mistake."""
RISKY_FREQUENCIES: tuple[float, float] = (50, 1200)
"""MHz that a user may set at their own risk: what benchmarks go through."""
RISKY_VOLTAGES: tuple[float, float] = (800, 1400)
"""mV that a user may set at their own risk."""
_MAX_OPTIONS = 256
TARGET_TEMPERATURES = TuningRange(minimum=35, maximum=66)
"""°C that AxeOS takes for ``temptarget`` (nvs_config.c)."""

_BEST_EFFICIENCY = 15.0
"""J/TH at the wall; none of these miners needs less."""
_BOOT_SLACK = 10.0
"""Seconds by which the clocks of device and host may disagree between polls."""
_MAC = re.compile(r"[0-9a-f]{12}")


# --- chips and their options -------------------------------------------------


@dataclass(frozen=True, slots=True)
class OperatingPoint:
    """A frequency in MHz with a core voltage in mV."""

    frequency: float
    voltage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChipOptions:
    """What a device offers: MHz and mV, ascending, and its defaults."""

    frequencies: tuple[float, ...]
    voltages: tuple[float, ...]
    default_frequency: float | None = None
    default_voltage: float | None = None
    eco: OperatingPoint | None = None
    """The economical point that NerdQAxe names itself."""
    most_frequency: float | None = None
    most_voltage: float | None = None
    """The absolute limits that NerdQAxe names itself."""


BM1366 = ChipOptions(
    frequencies=(400, 425, 450, 475, 485, 500, 525, 550, 575),
    voltages=(1100, 1150, 1200, 1250, 1300),
    default_frequency=485,
    default_voltage=1200,
)
BM1368 = ChipOptions(
    frequencies=(400, 425, 450, 475, 485, 490, 500, 525, 550, 575),
    voltages=(1100, 1150, 1166, 1200, 1250, 1300),
    default_frequency=490,
    default_voltage=1166,
)
BM1370 = ChipOptions(
    frequencies=(400, 490, 525, 550, 600, 625),
    voltages=(1000, 1060, 1100, 1150, 1200, 1250),
    default_frequency=525,
    default_voltage=1150,
)
BM1370_XP = ChipOptions(
    frequencies=(350, 375, 380, 400, 410),
    voltages=BM1370.voltages,
    default_frequency=400,
    default_voltage=1150,
)
BM1372 = ChipOptions(
    frequencies=(327, 350, 375, 380, 400, 410),
    voltages=BM1370.voltages,
    default_frequency=327,
    default_voltage=1000,
)
BM1397 = ChipOptions(
    frequencies=(400, 425, 450, 475, 485, 500, 525, 550, 575, 600),
    voltages=(1100, 1150, 1200, 1250, 1300, 1350, 1400, 1450, 1500),
    default_frequency=425,
    default_voltage=1400,
)

CHIP_OPTIONS: Mapping[str, ChipOptions] = {
    "BM1366": BM1366,
    "BM1368": BM1368,
    "BM1370": BM1370,
    "BM1372": BM1372,
    "BM1373": BM1372,
    "BM1372/BM1373": BM1372,
    "BM1397": BM1397,
}
"""What AxeOS' own page offers per chip (ESP-Miner device_config.h); used where the
firmware has no ``/api/system/asic`` (before 2.7)."""

SMALL_CORES: Mapping[str, int] = {
    "BM1366": 894,
    "BM1368": 1276,
    "BM1370": 2040,
    "BM1372": 6725,
    "BM1373": 6725,
    "BM1372/BM1373": 6725,
    "BM1397": 672,
}
"""Small cores per chip: a chip does MHz * cores million hashes a second."""


def _offered(value: Any, bounds: tuple[float, float]) -> tuple[float, ...]:
    """Return what a list offers, nothing of one that no such chip can have."""
    if not isinstance(value, list):
        return ()
    numbers = (parse_number(item) for item in value[:_MAX_OPTIONS])
    offered = sorted({number for number in numbers if number and number > 0})
    if not offered or offered[0] < bounds[0] or offered[-1] > bounds[1]:
        return ()
    return tuple(offered)


def _named(value: Any, bounds: tuple[float, float]) -> float | None:
    """Return a point that a device names, None for one that is impossible."""
    number = parse_number(value)
    return number if number is not None and bounds[0] <= number <= bounds[1] else None


def read_options(asic: Info | None, fallback: ChipOptions | None) -> ChipOptions | None:
    """Return the options of ``GET /api/system/asic``, else those of the table.

    A default that the device does not name (AxeOS 2.7) is the table's, when it
    lies within the device's own list. The firmwares write whatever they are sent:
    a list with a value that would break a chip counts as none. None: there is
    nothing that is known to be safe.
    """
    asic, mhz, mv = asic or {}, RISKY_FREQUENCIES, RISKY_VOLTAGES
    if fallback is not None:  # That of BM1397 goes further
        mv = (mv[0], max(mv[1], fallback.voltages[-1]))
    frequencies = _offered(asic.get("frequencyOptions"), mhz)
    voltages = _offered(asic.get("voltageOptions"), mv)
    if not frequencies or not voltages:
        return fallback
    default_frequency = _named(asic.get("defaultFrequency"), mhz)
    default_voltage = _named(asic.get("defaultVoltage"), mv)
    if fallback is not None:
        default_frequency = default_frequency or within(
            fallback.default_frequency, frequencies
        )
        default_voltage = default_voltage or within(fallback.default_voltage, voltages)
    eco_frequency = _named(asic.get("ecoFrequency"), mhz)
    eco_voltage = _named(asic.get("ecoVoltage"), mv)
    return ChipOptions(
        frequencies=frequencies,
        voltages=voltages,
        default_frequency=default_frequency,
        default_voltage=default_voltage,
        eco=(
            OperatingPoint(eco_frequency, eco_voltage)
            if eco_frequency and eco_voltage
            else None
        ),
        most_frequency=_positive(asic.get("absMaxFrequency")),
        most_voltage=_positive(asic.get("absMaxVoltage")),
    )


def within(value: float | None, options: tuple[float, ...]) -> float | None:
    """Return a value that lies between the least and the greatest option."""
    if value is None or not options or not options[0] <= value <= options[-1]:
        return None
    return value


def make_modes(options: ChipOptions | None) -> dict[str, OperatingPoint]:
    """Return the modes that the options allow, slowest first.

    With F and V the options and f0, v0 the defaults: ``standard`` = (f0, v0);
    ``eco`` = the device's own, else (least F, next V below v0); with H = F above
    f0: ``turbo`` = (lower middle of H, next V above v0), ``oc`` = (greatest F,
    second V above v0). ``oc`` is left out when it would be turbo's frequency.
    """
    if (
        options is None
        or options.default_frequency is None
        or options.default_voltage is None
    ):
        return {}
    frequency, voltage = options.default_frequency, options.default_voltage
    lower = [option for option in options.voltages if option < voltage]
    higher = [option for option in options.voltages if option > voltage] or [voltage]
    faster = [option for option in options.frequencies if option > frequency]

    modes: dict[str, OperatingPoint] = {}
    slowest = min(options.frequencies[0], frequency)
    if options.eco is not None:
        if options.eco != OperatingPoint(frequency, voltage):
            modes["eco"] = options.eco
    elif slowest < frequency or lower:
        modes["eco"] = OperatingPoint(slowest, lower[-1] if lower else voltage)
    modes["standard"] = OperatingPoint(frequency, voltage)
    if faster:
        modes["turbo"] = OperatingPoint(faster[(len(faster) - 1) // 2], higher[0])
    if len(faster) > 1:
        modes["oc"] = OperatingPoint(faster[-1], higher[:2][-1])
    return modes


def same_point(
    point: OperatingPoint, frequency: float | None, voltage: float | None
) -> bool:
    """Return whether a device set so runs at this point (within 0.5)."""
    return same(point.frequency, frequency) and same(point.voltage, voltage)


def same(wanted: float, reported: float | None) -> bool:
    """Return whether a reported setting is the wanted one (within 0.5)."""
    return reported is not None and abs(reported - wanted) <= 0.5


def find_mode(
    modes: Mapping[str, OperatingPoint],
    frequency: float | None,
    voltage: float | None,
) -> str | None:
    """Return the mode of a frequency and voltage as set, ``custom``, or None."""
    if not modes or frequency is None or voltage is None:
        return None
    for name, point in modes.items():
        if same_point(point, frequency, voltage):
            return name
    return CUSTOM_MODE


def plain(value: float) -> int | float:
    """Return a whole number as an int: NerdQAxe ignores 490.0."""
    return int(value) if value == int(value) else value


# --- reading one field ---------------------------------------------------------


def _positive(value: Any) -> float | None:
    number = parse_number(value)
    return number if number is not None and number > 0 else None


def positive(info: Info, *keys: str) -> float | None:
    """Return the first of these fields that is a number above zero.

    Right for what is never zero on a running device (settings, input voltage).
    """
    for key in keys:
        if (number := parse_number(info.get(key))) is not None and number > 0:
            return number
    return None


def temperature(info: Info, key: str) -> float | None:
    """Return °C above zero; -1, 0 and 255 say that no sensor is fitted."""
    number = parse_temperature(info.get(key))
    return number if number is not None and number > 0 else None


def natural(info: Info, *keys: str) -> float | None:
    """Return the first of these fields that is a number of zero or above."""
    for key in keys:
        if (number := parse_number(info.get(key))) is not None and number >= 0:
            return number
    return None


def count(info: Info, *keys: str) -> int | None:
    """Return the first of these fields that is a count; true counts as 1."""
    for key in keys:
        value = info.get(key)
        if isinstance(value, bool):
            return int(value)
        if (number := parse_int(value)) is not None and number >= 0:
            return number
    return None


def percent(info: Info, *keys: str) -> float | None:
    """Return the first of these fields that is a number from 0 to 100."""
    number = natural(info, *keys)
    return number if number is not None and number <= 100 else None


def board_temperature(info: Info) -> float | None:
    """Return the °C of the hotter board sensor (old Hex and NerdQAxe firmwares)."""
    sensors = (temperature(info, "boardtemp1"), temperature(info, "boardtemp2"))
    return max((value for value in sensors if value is not None), default=None)


def signal(info: Info) -> int | None:
    """Return the WiFi signal in dBm; 0 and -128 mean "not connected"."""
    rssi = parse_int(info.get("wifiRSSI"))
    return rssi if rssi is not None and -128 < rssi < 0 else None


def mac_address(value: Any) -> str | None:
    """Return a MAC as ``aa:bb:cc:dd:ee:ff``, None for nonsense and for zeros."""
    if not isinstance(value, str):
        return None
    digits = re.sub(r"[:.\-\s]", "", value).lower()
    if not _MAC.fullmatch(digits) or digits in ("0" * 12, "f" * 12):
        return None
    return ":".join(digits[index : index + 2] for index in range(0, 12, 2))


def pool_address(url: Any, port: Any) -> str | None:
    """Return ``host:port`` of a configured pool, None for an empty slot.

    Users type ``stratum+tcp://`` or a login in front of the host and a port
    behind it; the firmware cuts none of it off.
    """
    if (text := parse_text(url)) is None:
        return None
    host = text.rpartition("://")[2].rpartition("@")[2].rstrip("/")
    own_port: str | None = None
    if host.count(":") == 1 or "]:" in host:
        host, _, own_port = host.rpartition(":")
    if not host:
        return None
    number = parse_int(port) or parse_int(own_port)
    return f"{host}:{number}" if number else host


def holds(slot: PoolSlot | None, url: str, user: str | None) -> bool:
    """Return whether a slot is the pool at ``host:port`` with this user."""
    return (
        slot is not None
        and slot.url.lower() == url.lower()
        and (slot.user or "") == (user or "").strip()
    )


# --- the driver that both have in common -------------------------------------------


class AxeDriver(BaseMinerAdapter):
    """Base of the drivers that speak AxeOS' HTTP dialect.

    One request per poll: ``GET /api/system/info``. ``GET /api/system/asic`` is
    read at the start and again when firmware or chip have changed.
    """

    connection_type = "http"
    default_port = 80
    risky_limits = TuningLimits(
        frequency=TuningRange(
            minimum=RISKY_FREQUENCIES[0], maximum=RISKY_FREQUENCIES[1]
        ),
        core_voltage=TuningRange(minimum=RISKY_VOLTAGES[0], maximum=RISKY_VOLTAGES[1]),
    )

    connect_timeout: ClassVar[float] = 3.0
    """Seconds to wait for a TCP connection."""
    answer_timeout: ClassVar[float] = 10.0
    """Seconds to wait for a whole answer."""
    read_back_timeout: ClassVar[float] = 10.0
    """Seconds that a device gets to report what was written."""
    read_back_interval: ClassVar[float] = 0.5
    """Seconds between two checks of what it reports."""
    restart_timeout: ClassVar[float] = 90.0
    """Seconds that a device gets to come back from a restart."""
    restart_interval: ClassVar[float] = 2.0
    """Seconds between two checks of whether it is back."""

    def __init__(self) -> None:
        """Make a driver that is not connected."""
        self._http: HttpClient | None = None
        self._info: Info = {}
        self._asic: Info | None = None
        self._options_of: tuple[Any, ...] | None = None
        self._options: ChipOptions | None = None
        self._modes: dict[str, OperatingPoint] = {}
        self._booted_at: float | None = None
        self._uptime: int | None = None
        self._boots = 0
        self._writing = asyncio.Lock()

    # What each dialect defines

    @staticmethod
    @abstractmethod
    def _is_mine(info: Info) -> bool:
        """Return whether this /info is of this driver's kind of device."""

    @abstractmethod
    def _table(self, info: Info) -> ChipOptions | None:
        """Return the options for a device without ``/api/system/asic``."""

    @abstractmethod
    def _facts(self, info: Info) -> DeviceFacts:
        """Return who the device is."""

    @abstractmethod
    def _telemetry(self, info: Info) -> MinerTelemetry:
        """Return one poll."""

    @abstractmethod
    def _pools(self, info: Info) -> tuple[PoolSlot, ...]:
        """Return the pools; the active one is the one mined at."""

    @abstractmethod
    def _point_patch(self, info: Info, point: OperatingPoint) -> dict[str, Any]:
        """Return what to write to run at this point."""

    @abstractmethod
    def _fan_patch(self, info: Info, speed: int) -> dict[str, Any]:
        """Return what to write for a fixed fan speed in percent."""

    @abstractmethod
    def _target_patch(self, info: Info, target: int) -> dict[str, Any]:
        """Return what to write for a target temperature in °C."""

    @staticmethod
    @abstractmethod
    def _target_temperature(info: Info) -> float | None:
        """Return the target temperature, None when the device has none."""

    # The contract

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Look whether this is one of the devices; two GETs at most, no write."""
        if self.context is None:
            raise DriverError("The driver was not attached", reason="command_failed")
        http = HttpClient(
            self.context.session,
            ip,
            port or self.default_port or 80,
            connect_timeout=self.connect_timeout,
            timeout=self.answer_timeout,
        )
        reply = await http.request("GET", "/api/system/info")
        check_address(reply)
        reply.check_login()
        if not reply.ok:
            return False
        info = reply.json_object()
        if not self._is_mine(info):
            return False
        self._http = http
        await self._note(info)
        return True

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        return self._telemetry(await self._read())

    @override
    async def get_device_facts(self) -> DeviceFacts:
        """Return what the last response reported about the device."""
        return self._facts(self._info)

    @override
    def get_supported_modes(self) -> list[str]:
        """Return the modes that the device's own options allow."""
        return list(self._modes)

    @override
    def get_tuning_limits(self) -> TuningLimits | None:
        """Return the range of the device's own options, and of its fan."""
        options, info = self._options, self._info
        fan = (
            TuningRange(minimum=FAN_FLOOR, maximum=100)
            if "autofanspeed" in info
            else None
        )
        target = (
            TARGET_TEMPERATURES if self._target_temperature(info) is not None else None
        )
        if options is None and fan is None and target is None:
            return None
        at_risk = self.context is not None and self.context.options.get(OWN_RISK)
        return TuningLimits(
            frequency=_range(
                options.frequencies,
                options.default_frequency,
                RISKY_FREQUENCIES,
                *(RISKY_FREQUENCIES if at_risk else ()),
                options.most_frequency,
                positive(info, "frequency"),
            )
            if options
            else None,
            core_voltage=_range(
                options.voltages,
                options.default_voltage,
                RISKY_VOLTAGES,
                *(RISKY_VOLTAGES if at_risk else ()),
                options.most_voltage,
                positive(info, "coreVoltage"),
            )
            if options
            else None,
            fan_speed=fan,
            target_temperature=target,
            most_power=positive(info, "maxPower"),
        )

    @override
    async def set_mode(self, mode: str) -> bool:
        """Write a mode's frequency and voltage in one PATCH and read them back."""
        async with self._writing:
            info = await self._read()
            if (point := self._modes.get(mode)) is None:
                raise InvalidValue(
                    f"The miner has no mode {mode!r}", reason="mode_unknown", mode=mode
                )
            patch = self._point_patch(info, point)
            await self._patch(patch)
            info = await self._wait_for(lambda info: _taken(info, patch))
            if not _taken(info, patch):
                raise CommandFailed(
                    f"The miner did not take the mode: it reports {_point_text(info)}"
                    f" instead of {point.frequency:g} MHz, {point.voltage:g} mV",
                    reason="mode_not_applied",
                    mode=mode,
                    reported=_point_text(info),
                )
        return True

    def _after_overheat(self, info: Info) -> dict[str, Any]:
        """Return what else must be written for a firmware to end its emergency."""
        return {}

    @override
    async def set_tuning(self, setting: Setting, value: float) -> bool:
        """Write one value within the limits and read it back.

        A fan speed switches the automatic fan off, a target temperature
        switches it on again.
        """
        async with self._writing:
            info = await self._read()
            number = within_limits(self.get_tuning_limits(), setting, value)
            match setting:
                case "frequency":
                    patch: dict[str, Any] = {
                        "frequency": number,
                        **self._after_overheat(info),
                    }
                case "core_voltage":
                    patch = {"coreVoltage": number}
                case "fan_speed":
                    patch = self._fan_patch(info, number)
                case "target_temperature":
                    patch = self._target_patch(info, number)
            await self._patch(patch)
            expected = {key: patch[key] for key in patch if key in info}
            info = await self._wait_for(lambda info: _taken(info, expected))
            if not _taken(info, expected):
                reported = ", ".join(f"{key} {info.get(key)}" for key in expected)
                raise CommandFailed(
                    f"The miner did not take {number}: it reports {reported}",
                    reason="setting_not_applied",
                    value=number,
                    reported=reported,
                )
        return True

    @override
    def supports_fan_auto(self) -> bool:
        return "autofanspeed" in self._info

    @override
    async def set_fan_auto(self) -> bool:
        """Switch the automatic fan on and read it back."""
        async with self._writing:
            patch = self._fan_auto_patch()
            await self._patch(patch)
            info = await self._wait_for(lambda info: _taken(info, patch))
            if not _taken(info, patch):
                reported = f"autofanspeed {info.get('autofanspeed')}"
                raise CommandFailed(
                    f"The miner did not take the automatic fan: it reports {reported}",
                    reason="setting_not_applied",
                    value="auto",
                    reported=reported,
                )
        return True

    def _fan_auto_patch(self) -> dict[str, Any]:
        """Return what to write for the automatic fan."""
        return {"autofanspeed": 1}

    @override
    async def restart(self) -> bool:
        """Restart the miner; it stops answering about a second later."""
        async with self._writing:
            await self._post("/api/system/restart")
        return True

    # Requests

    async def _request(
        self, method: str, path: str, json: Mapping[str, Any] | None = None
    ) -> HttpReply:
        """Send one request to the device that ``connect`` found."""
        reply = await self._client.request(method, path, json=json)
        check_address(reply)
        return reply

    @property
    def _client(self) -> HttpClient:
        if self._http is None:
            raise CannotConnect("The miner was not found yet", reason="no_response")
        return self._http

    async def _read(self) -> Info:
        """Return a fresh /info."""
        info = (await self._request("GET", "/api/system/info")).json_object()
        if not self._is_mine(info):
            raise BadAnswer(
                "Another kind of device answers at this address",
                reason="unsupported_device",
            )
        await self._note(info)
        return info

    async def _note(self, info: Info) -> None:
        """Keep what must be known at the next poll, and detect a new boot."""
        identity = (info.get("version"), info.get("ASICModel"), info.get("deviceModel"))
        if identity != self._options_of:
            try:
                self._asic = await self._read_asic()
                self._options_of = identity
            except BadAnswer:
                # Incomplete: a slow boot perhaps. Requested again.
                self._options_of = None
            self._options = self._read_options(info)
            self._modes = make_modes(self._options)
        self._info = info
        now, uptime = time.monotonic(), parse_age(info.get("uptimeSeconds"))
        if uptime is None:
            return
        booted_at = now - uptime
        if (
            self._booted_at is None
            or self._uptime is None
            or uptime < self._uptime
            or booted_at > self._booted_at + _BOOT_SLACK
        ):
            self._boots += 1
            self._new_boot(info)
        self._booted_at, self._uptime = booted_at, uptime

    def _new_boot(self, info: Info) -> None:
        """React to a boot: what is configured now is in use now."""

    def _read_options(self, info: Info) -> ChipOptions | None:
        """Return the options of the device, else of the table."""
        return read_options(self._asic, self._table(info))

    async def _read_asic(self) -> Info | None:
        """Return /asic, None where the firmware has no such path."""
        try:
            reply = await self._request("GET", "/api/system/asic")
            if reply.status in (404, 405):
                return None
            return reply.json_object()
        except HtmlAnswer, RedirectAnswer:
            return None

    async def _patch(self, patch: Mapping[str, Any]) -> None:
        """Write settings. The response is empty; unknown keys are ignored silently."""
        check_write(await self._request("PATCH", "/api/system", patch))

    async def _post(self, path: str) -> None:
        """Give a command."""
        check_write(await self._request("POST", path))

    # Reading back

    async def _wait_for(self, done: Callable[[Info], bool]) -> Info:
        """Return the first /info that is as wanted, else the last one.

        Raises the last error when the device did not answer at all.
        """
        deadline = time.monotonic() + self.read_back_timeout
        while True:
            late = time.monotonic() >= deadline
            try:
                info = await self._read()
            except CannotConnect, BadAnswer:
                if late:
                    raise
            else:
                if late or done(info):
                    return info
            await asyncio.sleep(self.read_back_interval)

    async def _restart_and_wait(self) -> Info:
        """Restart the miner and return its first /info after the boot.

        Raises CommandFailed when it does not restart or come back in time.
        """
        boots, uptime = self._boots, self._uptime or 0
        sent = time.monotonic()
        await self._post("/api/system/restart")
        was_gone = False
        while (elapsed := time.monotonic() - sent) < self.restart_timeout:
            await asyncio.sleep(self.restart_interval)
            try:
                info = await self._read()
            except CannotConnect, BadAnswer:
                was_gone = True
                continue
            elapsed = time.monotonic() - sent
            now_up = parse_age(info.get("uptimeSeconds"))
            if self._boots > boots:
                return info
            # It was restarted within the slack of the clocks.
            if now_up is None:
                fresh = was_gone
            elif was_gone:
                fresh = now_up <= elapsed + 1
            else:
                fresh = now_up < uptime + elapsed - 2
            if fresh:
                self._boots += 1
                self._new_boot(info)
                return info
        raise CommandFailed(
            "The miner did not come back within"
            f" {self.restart_timeout:g} s after its restart"
            if was_gone
            else "The miner took the restart command but did not restart",
            reason="restart_lost" if was_gone else "restart_not_applied",
            seconds=round(self.restart_timeout),
        )

    # Figures

    def _cores(self, info: Info) -> float | None:
        """Return the small cores of all chips together."""
        cores = positive(info, "smallCoreCount") or SMALL_CORES.get(
            parse_text(info.get("ASICModel")) or ""
        )
        chips = positive(info, "asicCount") or positive(self._asic or {}, "asicCount")
        return cores * chips if cores and chips else None

    def _computed_hashrate(self, info: Info) -> float | None:
        """Return the H/s that set frequency and cores make."""
        frequency, cores = positive(info, "frequency"), self._cores(info)
        return frequency * MEGA * cores if frequency and cores else None

    def _expected_hashrate(self, info: Info, hashrate: float | None) -> float | None:
        """Return what the device should make, None where ``hashrate`` refutes it.

        A measured hashrate above twice of it is believed where the power fits:
        then the firmware counts too few chips, and so did this figure.
        """
        reported = positive(info, "expectedHashrate")
        expected = reported * GIGA if reported else self._computed_hashrate(info)
        if expected and hashrate and hashrate > 2 * expected:
            return None
        return expected

    def _average(self, info: Info, key: str) -> float | None:
        """Return the H/s of a longer window, None where it is not meaningful.

        As with the shorter ones: spikes are malformed values, and a zero of a
        device that hashes is an average that has not started yet. Chips without
        power leave the last average standing.
        """
        value = natural(info, key)
        if value is None or not covers(info, key) or has_no_power(info):
            return None
        if not value and natural(info, "hashRate"):
            return None
        return value * GIGA if self._is_plausible(info, value * GIGA) else None

    def _hashrate(self, info: Info, *, stopped: bool) -> float | None:
        """Return H/s, None while the device warms up or reports malformed values.

        ``stopped``: paused, shut down or too hot. ``hashRate`` is noisy, so the
        average of a minute goes first where there is one, but it lags behind a
        stop: a ``hashRate`` of zero is believed. Chips without power make
        nothing, while some firmwares repeat their last hashrate.
        """
        if has_no_power(info):
            return 0.0
        now = natural(info, "hashRate")
        if now is None:
            # NerdQAxe before 1.0.24 has no shorter average than ten minutes.
            now = natural(info, "hashRate_10m")
        # A minute's average of zero is one that has not started yet.
        use_minute = now != 0 and not stopped and covers(info, "hashRate_1m")
        minute = positive(info, "hashRate_1m") if use_minute else None
        if not stopped and warming_up(info):
            return None
        for value in (minute, now):
            if value is not None and self._is_plausible(info, value * GIGA):
                return value * GIGA
        return None

    def _is_plausible(self, info: Info, hashrate: float) -> bool:
        """Return whether the chips can do that: BitForge reports 9.5e8 GH/s at times.

        Some firmwares count one chip on a board of six. Where the power fits to
        the hashrate, it is the count that is wrong.
        """
        power = positive(info, "power")
        # Also one that no sensor would show
        efficiency = power * TERA / hashrate if power and hashrate else None
        if (limit := self._computed_hashrate(info)) is None:
            if (reported := positive(info, "expectedHashrate")) is None:
                return efficiency is None or 2 * efficiency >= _BEST_EFFICIENCY
            limit = reported * GIGA
        return hashrate <= 2 * limit or (
            efficiency is not None and efficiency >= _BEST_EFFICIENCY
        )


def within_limits(limits: TuningLimits | None, setting: Setting, value: float) -> int:
    """Return a whole number within the limits of a setting, else InvalidValue."""
    allowed = getattr(limits, setting, None)
    if not isinstance(allowed, TuningRange):
        raise InvalidValue("The miner cannot set this", reason="not_settable")
    if not allowed.minimum <= value <= allowed.maximum:
        raise InvalidValue(
            f"The miner takes {allowed.minimum:g} to {allowed.maximum:g},"
            f" not {value:g}",
            reason="out_of_range",
            minimum=allowed.minimum,
            maximum=allowed.maximum,
            value=value,
        )
    if value != int(value):
        raise InvalidValue(
            f"The miner takes whole numbers, not {value:g}",
            reason="whole_number",
            value=value,
        )
    return int(value)


def warming_up(info: Info) -> bool:
    """Return whether the device has just booted and found nothing yet."""
    uptime = parse_age(info.get("uptimeSeconds"))
    return (
        uptime is not None
        and uptime < WARM_UP_SECONDS
        and not count(info, "sharesAccepted")
    )


def covers(info: Info, key: str) -> bool:
    """Return whether the device has run for the whole window of an average.

    Until then NerdQAxe (since 1.0.32) reports the average times the covered part
    of its window: half of the day's after twelve hours (history.cpp).
    """
    uptime = parse_age(info.get("uptimeSeconds"))
    return uptime is not None and uptime >= _WINDOWS[key]


def has_no_power(info: Info) -> bool:
    """Return whether the chips are without power, by a fault or by their voltage.

    AxeOS' own page shows no hashrate while there is a fault, either.
    """
    core = natural(info, "coreVoltageActual")
    return (
        fault_text(info, "power_fault") is not None
        or fault_text(info, "hardware_fault") is not None
        or (core is not None and core < _POWER_OFF and not warming_up(info))
    )


def is_hashing(hashrate: float | None, *, stopped: bool) -> bool | None:
    """Return whether the device works on shares, None if unknown."""
    if stopped:
        return False
    return None if hashrate is None else hashrate > 0


def fault_text(info: Info, key: str) -> str | None:
    """Return a fault; AxeOS sends the key only while there is one."""
    return parse_text(info.get(key))


def fan_rpm(info: Info, *keys: str, known: int = 0) -> tuple[int | None, ...]:
    """Return the fans' rpm; a further fan that stands still is none at all.

    Unless it is one of those that are ``known`` to be there: then it has stopped.
    """
    speeds = [count(info, key) for key in keys]
    while len(speeds) > known and (
        speeds[-1] is None or (not speeds[-1] and len(speeds) > 1)
    ):
        speeds.pop()
    return tuple(speeds)


def _range(
    options: tuple[float, ...],
    default: float | None,
    bounds: tuple[float, float],
    *further: float | None,
) -> TuningRange:
    """Return the range of the options and of further values within the bounds.

    Those are what the device has now and its absolute limits: it may report anything.
    """
    values = [*options]
    values += (
        value
        for value in further
        if value is not None and bounds[0] <= value <= bounds[1]
    )
    return TuningRange(
        minimum=min(values),
        maximum=max(values),
        default=within(default, options),
        options=options,
    )


def check_address(reply: HttpReply) -> None:
    """Raise AddressRefused for AxeOS' refusal of clients from elsewhere.

    Since AxeOS 2.5 the client's IPv4 must be private, else 401 with the bare
    word (http_server.c, is_network_allowed). It has nothing to do with a login,
    which a fork requires with another text or with ``WWW-Authenticate``.
    """
    if (
        reply.status == 401
        and not reply.challenge
        and reply.text.strip() == "Unauthorized"
    ):
        raise AddressRefused(
            "The miner only answers clients of a private IPv4 network"
            " (10.x, 172.16-31.x, 192.168.x)",
            reason="network_refused",
        )


def check_write(reply: HttpReply) -> None:
    """Raise what a refused write means."""
    reply.check_login()
    if reply.ok:
        return
    if reply.status == 404:
        raise CommandFailed(
            "The miner's firmware does not know this command",
            reason="command_unsupported",
        )
    raise CommandFailed(
        f"The miner refused the command with HTTP status {reply.status}",
        reason="command_refused",
        detail=f"HTTP {reply.status}",
    )


def _taken(info: Info, expected: Mapping[str, Any]) -> bool:
    """Return whether the device reports all of the settings (numbers) as written."""
    for key, wanted in expected.items():
        reported = info.get(key)
        if isinstance(reported, bool):
            reported = int(reported)
        if not same(wanted, parse_number(reported)):
            return False
    return True


def _point_text(info: Info) -> str:
    frequency, voltage = positive(info, "frequency"), positive(info, "coreVoltage")
    return (
        f"{f'{frequency:g}' if frequency else '-'} MHz,"
        f" {f'{voltage:g}' if voltage else '-'} mV"
    )
