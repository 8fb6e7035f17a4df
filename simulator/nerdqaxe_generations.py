"""What each NerdQAxe release reports, accepts and does: one entry each.

An entry says only what changed against the one before. Keys follow the HTTP
handlers of each release; nothing here is a recorded payload.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from .esp_miner import Release, fallback, suffixed
from .physics import AVERAGES, Reading, Silicon

if TYPE_CHECKING:
    from .nerdqaxe import SimulatedNerdQAxe

type Render = Callable[[View], Any]


class Kind(Enum):
    """The C++ type that ArduinoJson's `is<T>()` checks."""

    TEXT = auto()
    UINT16 = auto()
    POSITIVE = auto()
    """uint16_t, and 0 is ignored as well."""
    UINT32 = auto()
    BOOL = auto()
    FLOAT = auto()
    BOOL_OR_INT = auto()
    FANS = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One board of the family."""

    name: str
    """`deviceModel`."""
    asic: str
    chips: int
    small_cores: int
    frequencies: tuple[int, ...]
    frequency: int
    voltages: tuple[int, ...]
    voltage: int
    max_frequency: int = 800
    max_voltage: int = 1400
    eco_frequency: int = 0
    """0: the board has no eco setting."""
    eco_voltage: int = 0
    min_power: int
    max_power: int
    core_watts: float
    base_watts: float = 6.0
    fans: int = 1
    swarm_color: str = "#e700d8"
    theme: str = "cosmic"

    def silicon(self) -> Silicon:
        """Give the physics of this board."""
        return Silicon(
            chips=self.chips,
            small_cores=self.small_cores,
            frequency=self.frequency,
            voltage=self.voltage,
            core_watts=self.core_watts,
            base_watts=self.base_watts,
            heat=18 / self.core_watts,
            max_rpm=3300,
        )


MODELS = {
    "nerdqaxe+": Model(
        name="NerdQAxe+",
        asic="BM1368",
        chips=4,
        small_cores=1276,
        frequencies=(400, 425, 450, 475, 485, 490, 500, 525, 550, 575),
        frequency=490,
        voltages=(1100, 1150, 1200, 1250, 1300, 1350),
        voltage=1250,
        min_power=30,
        max_power=70,
        core_watts=50.0,
    ),
    "nerdqaxe++": Model(
        name="NerdQAxe++",
        asic="BM1370",
        chips=4,
        small_cores=2040,
        frequencies=(500, 515, 525, 550, 575, 590, 600),
        frequency=600,
        voltages=(1120, 1130, 1140, 1150, 1160, 1170, 1180, 1190, 1200),
        voltage=1150,
        min_power=52,
        max_power=100,
        core_watts=72.0,
        fans=2,
    ),
    "nerdoctaxe-gamma": Model(
        name="NerdOCTAXE-γ",
        asic="BM1370",
        chips=8,
        small_cores=2040,
        frequencies=(525, 550, 575, 600, 625, 650, 675, 700, 725, 750, 775, 800),
        frequency=700,
        voltages=(1120, 1140, 1160, 1180, 1200, 1210, 1220, 1240, 1260),
        voltage=1210,
        max_frequency=850,
        min_power=100,
        max_power=230,
        core_watts=180.0,
        base_watts=12.0,
        fans=2,
    ),
    "nerdaxe": Model(
        name="NerdAxe",
        asic="BM1366",
        chips=1,
        small_cores=894,
        frequencies=(400, 425, 450, 475, 485, 500, 525, 550, 575),
        frequency=485,
        voltages=(1100, 1150, 1200, 1250, 1300),
        voltage=1200,
        min_power=5,
        max_power=20,
        core_watts=9.5,
        base_watts=2.5,
    ),
    "nerdaxe-gamma": Model(
        name="NerdAxeGamma",
        asic="BM1370",
        chips=1,
        small_cores=2040,
        frequencies=(500, 515, 525, 550, 575),
        frequency=515,
        voltages=(1120, 1130, 1140, 1150, 1160, 1170, 1180, 1190, 1200),
        voltage=1150,
        min_power=5,
        max_power=25,
        core_watts=14.0,
        base_watts=2.5,
    ),
    "nerdqx": Model(
        name="NerdQX",
        asic="BM1370",
        chips=4,
        small_cores=2040,
        frequencies=(495, 525, 550, 575, 600, 650, 700, 777, 800, 850, 900, 950, 1000),
        frequency=777,
        voltages=(1085, 1100, 1125, 1150, 1175, 1200, 1225, 1250, 1275, 1300, 1350),
        voltage=1200,
        max_frequency=1000,
        eco_frequency=495,
        eco_voltage=1085,
        min_power=50,
        max_power=160,
        core_watts=105.0,
        fans=2,
    ),
    "q1373": Model(
        name="Q1373",
        asic="BM1373",
        chips=4,
        small_cores=6725,
        frequencies=(300, 325, 350, 375, 400, 425, 450),
        frequency=350,
        voltages=(1000, 1025, 1050, 1075, 1100),
        voltage=1050,
        min_power=50,
        max_power=160,
        core_watts=110.0,
        fans=2,
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The input of the renderers."""

    device: SimulatedNerdQAxe
    reading: Reading

    @property
    def stored(self) -> Mapping[str, Any]:
        """Settings as they are in flash; all of them act immediately."""
        return self.device.settings

    def average(self, window: str) -> float:
        """Give a GH/s average, as far as the release has filled its window."""
        generation = self.device.generation
        if generation.zero_in_shutdown and self.device.shut_down:
            return 0.0
        filled = min(1.0, (self.reading.uptime + 5) / AVERAGES[window])
        if not generation.rising_averages:
            filled = 1.0
        return round(self.reading.averages[window] * filled / 1e9, 3)

    def hashrate(self) -> float:
        """Give the GH/s of a short window."""
        return round(self.reading.hashrate / 1e9, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Release[Render, Kind]):
    """One release line; `commands` are whole paths."""

    closes_reads: bool = False
    """Info and asic say Connection: close."""
    closes_all: bool = False
    """Every answer closes (ConGuard)."""
    fan_key: str = "fanspeed"
    """The PATCH key of the manual fan speed."""
    zero_in_shutdown: bool = False
    rising_averages: bool = False
    """Averages count what is missing of their window as zero (since 1.0.32)."""


def _stored(*keys: str) -> dict[str, Render]:
    """Report settings as they are stored."""

    def one(key: str) -> Render:
        return lambda v: v.stored[key]

    return {key: one(key) for key in keys}


def _numbers(*keys: str) -> dict[str, Render]:
    """Report flags as 0 or 1."""

    def one(key: str) -> Render:
        return lambda v: int(v.stored[key])

    return {key: one(key) for key in keys}


def _twins(key: str) -> tuple[str, str]:
    return key, fallback(key)


def _fans(v: View) -> list[dict[str, Any]]:
    return [
        {
            "label": f"Fan {index + 1}",
            "mode": fan["mode"],
            "manualSpeed": fan["manualSpeed"],
            "overheatTemp": fan["overheatTemp"],
            "rpm": v.device.fan_rpm(index, v.reading),
            "speedPerc": v.device.fan_percent(index, v.reading),
            "pid": {
                "targetTemp": fan["targetTemp"],
                "p": v.stored["pidP"],
                "i": v.stored["pidI"],
                "d": v.stored["pidD"],
            },
        }
        for index, fan in enumerate(v.device.fans())
    ]


def _stratum(v: View) -> dict[str, Any]:
    device = v.device
    general = {
        "poolMode": v.stored["poolMode"],
        "activePoolMode": device.active_pool_mode,
        "poolBalance": v.stored["poolBalance"],
        "totalBestDiff": int(v.reading.best_ever),
    }
    if device.active_pool_mode == 0:
        # One entry, whichever pool it is: the primary's place even on fallback.
        return general | {
            "usingFallback": device.on_fallback,
            "pools": [_pool(v, 1.0, v.device.miner.connected)],
        }
    balance = v.stored["poolBalance"] / 100
    return general | {
        "pools": [
            _pool(v, share, device.reachable(slot))
            for slot, share in enumerate((balance, 1 - balance))
        ]
    }


def _pool(v: View, share: float, connected: bool) -> dict[str, Any]:
    pool = {
        "connected": connected,
        "poolDifficulty": int(v.device.miner.pool_difficulty),
        "poolDiffErr": False,
        "accepted": round(v.reading.accepted * share),
        "rejected": round(v.reading.rejected * share),
        "pingRtt": v.device.ping_milliseconds(),
        "pingLoss": 0,
        "bestDiff": int(v.reading.best_session),
    }
    if "networkDifficulty" in v.device.generation.info:
        pool["networkDifficulty"] = int(v.device.miner.network_difficulty)
    return pool


_BASE_INFO: dict[str, Render] = {
    "asicCount": lambda v: v.device.board.chips,
    "smallCoreCount": lambda v: v.device.board.small_cores,
    "deviceModel": lambda v: v.device.board.name,
    "hostip": lambda v: v.device.host,
    "macAddr": lambda v: v.device.mac,
    "power": lambda v: round(v.reading.power, 3),
    "maxPower": lambda v: v.device.board.max_power,
    "minPower": lambda v: v.device.board.min_power,
    "maxVoltage": lambda _: 13,
    "minVoltage": lambda _: 11,
    "current": lambda v: round(v.device.input_milliamps(v.reading), 1),
    "temp": lambda v: round(v.reading.temperature, 3),
    "vrTemp": lambda v: round(v.reading.vr_temperature - 8, 4),
    "hashRateTimestamp": lambda v: int(v.reading.uptime * 1000),
    "hashRate": lambda v: v.average("10m"),
    "hashRate_10m": lambda v: v.average("10m"),
    # Up to 1.0.31 the longer windows repeat the ten minutes.
    "hashRate_1h": lambda v: v.average("10m"),
    "hashRate_1d": lambda v: v.average("10m"),
    "bestDiff": lambda v: suffixed(v.reading.best_ever),
    "bestSessionDiff": lambda v: suffixed(v.reading.best_session),
    **_stored("coreVoltage"),
    "defaultCoreVoltage": lambda v: v.device.board.voltage,
    "coreVoltageActual": lambda v: int(v.reading.core_millivolts),
    "sharesAccepted": lambda v: v.reading.accepted,
    "sharesRejected": lambda v: v.reading.rejected,
    "isUsingFallbackStratum": lambda v: v.device.on_fallback,
    "isStratumConnected": lambda v: v.device.miner.connected,
    "fanspeed": lambda v: v.device.fan_percent(0, v.reading),
    "fanrpm": lambda v: v.device.fan_rpm(0, v.reading),
    "lastpingrtt": lambda v: v.device.ping_milliseconds(),
    "poolDifficulty": lambda v: int(v.device.miner.pool_difficulty),
    **_stored("pidTargetTemp", "pidP", "pidI", "pidD", "hostname", "ssid"),
    **_stored(
        *_twins("stratumURL"),
        *_twins("stratumPort"),
        *_twins("stratumUser"),
    ),
    "voltage": lambda v: round(v.device.input_millivolts(v.reading), 1),
    **_stored("frequency"),
    "defaultFrequency": lambda v: v.device.board.frequency,
    **_stored("jobInterval", "overheat_temp"),
    **_numbers(
        "flipscreen",
        "invertscreen",
        "autoscreenoff",
        "invertfanpolarity",
        "autofanpolarity",
    ),
    **_stored("autofanspeed"),
    "ASICModel": lambda v: v.device.board.asic,
    "uptimeSeconds": lambda v: int(v.reading.uptime),
    "lastResetReason": lambda v: v.device.reset_reason,
    "wifiStatus": lambda _: "WiFi Connected!",
    "freeHeap": lambda _: 6_890_556,
    "version": lambda v: v.device.version,
    "runningPartition": lambda _: "ota_0",
}

_BASE_WRITABLE: dict[str, Kind] = {
    **dict.fromkeys(_twins("stratumURL"), Kind.TEXT),
    **dict.fromkeys(_twins("stratumPort"), Kind.UINT16),
    **dict.fromkeys(_twins("stratumUser"), Kind.TEXT),
    **dict.fromkeys(_twins("stratumPassword"), Kind.TEXT),
    "ssid": Kind.TEXT,
    "wifiPass": Kind.TEXT,
    "hostname": Kind.TEXT,
    "coreVoltage": Kind.POSITIVE,
    "frequency": Kind.POSITIVE,
    "jobInterval": Kind.POSITIVE,
    "flipscreen": Kind.BOOL,
    "overheat_temp": Kind.UINT16,
    "invertscreen": Kind.BOOL,
    "invertfanpolarity": Kind.BOOL,
    "autofanpolarity": Kind.BOOL,
    "autofanspeed": Kind.UINT16,
    "fanspeed": Kind.UINT16,
    "autoscreenoff": Kind.BOOL,
    "pidTargetTemp": Kind.UINT16,
    "pidP": Kind.FLOAT,
    "pidI": Kind.FLOAT,
    "pidD": Kind.FLOAT,
}

_ASIC: dict[str, Render] = {
    "ASICModel": lambda v: v.device.board.asic,
    "deviceModel": lambda v: v.device.board.name,
    "asicCount": lambda v: v.device.board.chips,
    "defaultFrequency": lambda v: v.device.board.frequency,
    "defaultVoltage": lambda v: v.device.board.voltage,
    "swarmColor": lambda v: v.device.board.swarm_color,
    "frequencyOptions": lambda v: list(v.device.board.frequencies),
    "voltageOptions": lambda v: list(v.device.board.voltages),
    "absMaxFrequency": lambda v: v.device.board.max_frequency,
    "absMaxVoltage": lambda v: v.device.board.max_voltage,
    "ecoFrequency": lambda v: v.device.board.eco_frequency,
    "ecoVoltage": lambda v: v.device.board.eco_voltage,
}


_V30 = Generation(
    number="1.0.30",
    version="v1.0.30",
    info=_BASE_INFO,
    asic={},
    writable=_BASE_WRITABLE,
)
_FALLBACK = tuple(fallback(f"stratum{key}") for key in ("URL", "Port", "User"))
_PID = ("pidTargetTemp", "pidP", "pidI", "pidD", "autofanpolarity")
_V24 = _V30.after(
    "1.0.24",
    "v1.0.24",
    # Before there was PID it was a flag.
    info=_numbers("autofanspeed"),
    drop=(
        *_PID,
        *("hostip", "macAddr", "lastpingrtt", "poolDifficulty", "isStratumConnected"),
        *("defaultFrequency", "defaultCoreVoltage", "isUsingFallbackStratum"),
        *_FALLBACK,
    ),
    writable={"autofanspeed": Kind.BOOL},
    read_only=(*_PID, *_FALLBACK, "fallbackStratumPassword"),
)
_V31 = _V30.after(
    "1.0.31",
    "v1.0.31",
    info={
        "hashRate": lambda v: v.hashrate(),
        "hashRate_1m": lambda v: v.average("1m"),
        "wifiRSSI": lambda v: v.device.rssi(v.reading),
        "freeHeapInt": lambda _: 148_248,
        **_stored("stratumDifficulty"),
    },
    writable={"stratumDifficulty": Kind.UINT32},
    commands=["/api/system/shutdown"],
)
_V34 = _V31.after(
    "1.0.34",
    "v1.0.34",
    info={
        "hashRate_1h": lambda v: v.average("1h"),
        "hashRate_1d": lambda v: v.average("1d"),
        "duplicateHWNonces": lambda _: 0,
        "recentpingloss": lambda _: 0,
        "foundBlocks": lambda v: v.reading.blocks,
        "totalFoundBlocks": lambda v: v.reading.blocks_ever,
        "asicTemps": lambda v: v.device.chip_temperatures(v.reading),
        **_stored(*_twins("stratumEnonceSubscribe")),
        **_numbers("stratum_keep"),
        "vrFrequency": lambda _: 25_011,
        "defaultVrFrequency": lambda _: 25_011,
        "otp": lambda v: v.device.otp is not None,
        "defaultTheme": lambda v: v.device.board.theme,
    },
    asic=_ASIC,
    writable={
        **dict.fromkeys(_twins("stratumEnonceSubscribe"), Kind.BOOL),
        "stratum_keep": Kind.BOOL_OR_INT,
        "vrFrequency": Kind.UINT32,
    },
    commands=["/api/otp/session"],
    closes_reads=True,
    rising_averages=True,
)
_V35 = _V34.after(
    "1.0.35",
    "v1.0.35",
    info={
        "bestDiff": lambda v: int(v.reading.best_ever),
        "bestSessionDiff": lambda v: int(v.reading.best_session),
        "manualFanSpeed": lambda v: v.stored["manualFanSpeed"],
        "shutdown": lambda v: v.device.shut_down,
        "stratum": _stratum,
    },
    drop=["isUsingFallbackStratum", "isStratumConnected", "autofanpolarity"],
    writable={
        "manualFanSpeed": Kind.UINT16,
        "poolMode": Kind.UINT16,
        "poolBalance": Kind.UINT16,
    },
    read_only=["fanspeed", "autofanpolarity"],
    fan_key="manualFanSpeed",
    zero_in_shutdown=True,
)
_V36 = _V35.after(
    "1.0.36",
    "v1.0.36",
    info={
        "currentA": lambda v: round(v.device.input_milliamps(v.reading) / 1000, 4),
        "minCurrentA": lambda _: 0,
        "maxCurrentA": lambda v: v.device.board.max_power // 12,
        **_stored(*_twins("stratumTLS")),
    },
    writable=dict.fromkeys(_twins("stratumTLS"), Kind.BOOL),
    closes_all=True,
)
_V37 = _V36.after(
    "1.0.37",
    "v1.0.37.1",
    info={
        "fanCount": lambda v: v.device.board.fans,
        "fanspeed2": lambda v: v.device.fan_percent(1, v.reading),
        "fanrpm2": lambda v: v.device.fan_rpm(1, v.reading),
        "fans": _fans,
        "networkDifficulty": lambda v: int(v.device.miner.network_difficulty),
        "vrTempInt": lambda v: round(v.reading.vr_temperature - 5, 2),
        **_stored(*_twins("stratumProtocol")),
        "sv2AuthorityPubkey": lambda _: "",
        "fallbackSv2AuthorityPubkey": lambda _: "",
        "sv2ChannelType": lambda _: 0,
        "fallbackSv2ChannelType": lambda _: 0,
    },
    writable={
        "fans": Kind.FANS,
        **dict.fromkeys(_twins("stratumProtocol"), Kind.UINT16),
    },
    commands=["/api/system/reset-stats"],
)

GENERATIONS: dict[str, Generation] = {
    generation.number: generation
    for generation in (_V24, _V30, _V31, _V34, _V35, _V36, _V37)
}
