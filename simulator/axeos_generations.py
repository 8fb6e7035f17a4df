"""What each generation of AxeOS reports, accepts and does: one entry each.

An entry says only what changed against the one before. Names and types follow the
firmware's own cJSON_Add* calls by release; nothing here is a recorded payload.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
import math
import struct
from typing import TYPE_CHECKING, Any

from .esp_miner import Release, fallback, suffixed
from .physics import Reading

if TYPE_CHECKING:
    from .axeos import SimulatedAxeOS

ABSENT = object()
"""What a renderer gives for a key that is left out just now."""

type Render = Callable[[View], Any]


class Kind(Enum):
    """How the firmware stores a writable setting."""

    TEXT = auto()
    INTEGER = auto()
    FLOAT = auto()
    FLAG = auto()
    POOLS = auto()


@dataclass(frozen=True, slots=True)
class Writable:
    """One key of PATCH /api/system."""

    kind: Kind
    low: float = 0
    high: float = 65535
    choices: tuple[int, ...] = ()
    store: str | None = None
    """Name of the setting, where it differs from the key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """The input of the renderers."""

    device: SimulatedAxeOS
    reading: Reading

    @property
    def stored(self) -> Mapping[str, Any]:
        """Settings as they are in flash."""
        return self.device.settings

    def number(self, value: float, digits: int = 2) -> float:
        """Write a float as this generation does.

        Up to 2.11 a C float goes through cJSON's double; since 2.12 the decimals
        are fixed.
        """
        if self.device.generation.fixed_floats:
            return round(value, digits)
        single: float = struct.unpack("f", struct.pack("f", value))[0]
        return single

    def pool(self, slot: int, key: str) -> Any:
        """Give a flat stratum value of the primary (0) or the fallback pool (1)."""
        if self.device.generation.reports_written_pool:
            return self.device.pools[slot][key]
        return self.device.booted_pools[slot][key]

    def job(self, value: Any) -> Any:
        """Give a value that is known only once there was a job."""
        return value if self.device.has_job(self.reading) else ABSENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation(Release[Render, Writable]):
    """One line of AxeOS releases; `commands` are below /api/system."""

    checks_address: bool = True
    json_404: bool = False
    """Unknown /api routes are 404 JSON, not a captive portal's 302."""
    restart_json: bool = False
    validates: bool = False
    """The whole PATCH body is checked first; 400 and nothing applied."""
    fixed_floats: bool = False
    boot_hashrate: float = 1000.0
    """GH/s that it claims before the chips have worked."""
    reports_written_pool: bool = True
    """Shows written flat stratum keys immediately, though they act at the next boot."""
    pool_table: bool = False
    """Pools live in pools[] with PUT and DELETE; flat keys are read-only."""
    safe_mode: bool = False
    """An overheated chip rests and continues slower, instead of a crippled reboot."""
    sleeps_without_pool: bool = False
    sockets: int = 10
    lru_purge: bool = False


def _flat(key: str, convert: Callable[[Any], Any]) -> dict[str, Render]:
    """Give a flat stratum key and its fallback twin."""
    return {
        key: lambda v: convert(v.pool(0, key)),
        fallback(key): lambda v: convert(v.pool(1, key)),
    }


def _both(key: str, writable: Writable) -> dict[str, Writable]:
    return {key: writable, fallback(key): writable}


def _rejections(v: View) -> list[dict[str, Any]]:
    if not v.reading.rejected:
        return []
    return [{"message": "Job not found", "count": v.reading.rejected}]


def _hashrate(v: View) -> float:
    if v.device.starting(v.reading) and v.device.generation.boot_hashrate:
        return v.device.generation.boot_hashrate
    return v.number(v.reading.hashrate / 1e9)


def _monitor(v: View) -> dict[str, Any]:
    chips, domains = v.device.board.chips, v.device.board.asic.domains
    each = v.reading.hashrate / 1e9 / chips
    errors = v.reading.error_percent / 100 * v.reading.total_hashes
    return {
        "asics": [
            {
                "total": v.number(each),
                "domains": [v.number(each / domains) for _ in range(domains)],
                # The counter counts results at the chip's own difficulty.
                "errorCount": int(errors / chips / 2**40),
            }
            for _ in range(chips)
        ]
    }


def _pools(v: View) -> list[dict[str, Any]]:
    return [
        {"id": slot, **pool, "stratumPassword": "*****"}
        for slot, pool in sorted(v.device.pools.items())
    ]


def _partitions(v: View) -> list[dict[str, Any]]:
    empty = {"version": None, "compileDate": None, "compileTime": None}
    running = {
        "version": v.device.version,
        "compileDate": "Aug  4 2026",
        "compileTime": "09:30:00",
    }
    return [
        {
            "label": label,
            **(running if label == "ota_0" else empty),
            "isCurrent": label == "ota_0",
            "isFactory": label == "factory",
            "usagePercent": 61 if label == "ota_0" else None,
        }
        for label in ("factory", "ota_0", "ota_1")
    ]


def _coinbase(v: View) -> Any:
    user = v.device.active_user() or ""
    value = 312_500_000
    return v.job([{"value": value, "address": user.split(".")[0]}])


_BASE_INFO: dict[str, Render] = {
    "power": lambda v: v.number(v.reading.power),
    "voltage": lambda v: v.number(v.device.input_millivolts(v.reading)),
    "current": lambda v: v.number(v.device.reported_milliamps(v.reading)),
    "temp": lambda v: v.device.chip_temperature(v, 0),
    "vrTemp": lambda v: (
        v.number(v.reading.vr_temperature) if v.device.board.vr_sensor else 0
    ),
    "hashRate": _hashrate,
    "bestDiff": lambda v: suffixed(v.reading.best_ever),
    "bestSessionDiff": lambda v: suffixed(v.reading.best_session),
    "stratumDiff": lambda v: int(v.device.miner.pool_difficulty),
    "isUsingFallbackStratum": lambda v: int(v.device.on_fallback),
    "freeHeap": lambda _: 185_304,
    "coreVoltage": lambda v: int(v.stored["coreVoltage"]),
    "coreVoltageActual": lambda v: round(v.reading.core_millivolts),
    "frequency": lambda v: int(v.stored["frequency"]),
    "ssid": lambda v: v.stored["ssid"],
    "macAddr": lambda v: v.device.mac,
    "hostname": lambda v: v.stored["hostname"],
    "wifiStatus": lambda _: "Connected!",
    "sharesAccepted": lambda v: v.reading.accepted,
    "sharesRejected": lambda v: v.reading.rejected,
    "uptimeSeconds": lambda v: int(v.reading.uptime),
    "asicCount": lambda v: v.device.board.chips,
    "smallCoreCount": lambda v: v.device.board.asic.small_cores,
    "ASICModel": lambda v: v.device.board.asic.model,
    **_flat("stratumURL", str),
    **_flat("stratumPort", int),
    **_flat("stratumUser", str),
    "version": lambda v: v.device.version,
    "idfVersion": lambda _: "v5.3.1",
    "boardVersion": lambda v: v.device.board.version,
    "runningPartition": lambda _: "ota_0",
    "flipscreen": lambda v: int(v.stored["flipscreen"]),
    "overheat_mode": lambda v: int(v.stored["overheat_mode"]),
    "invertscreen": lambda v: int(v.stored["invertscreen"]),
    "invertfanpolarity": lambda _: 1,
    "autofanspeed": lambda v: int(v.stored["autofanspeed"]),
    "fanspeed": lambda v: v.number(v.reading.fan),
    "fanrpm": lambda v: v.reading.rpm,
}

_BASE_WRITABLE: dict[str, Writable] = {
    **_both("stratumURL", Writable(Kind.TEXT, 0, 255)),
    **_both("stratumPort", Writable(Kind.INTEGER, 1)),
    **_both("stratumUser", Writable(Kind.TEXT, 0, 255)),
    **_both("stratumPassword", Writable(Kind.TEXT, 0, 255)),
    "frequency": Writable(Kind.INTEGER, 1),
    "coreVoltage": Writable(Kind.INTEGER, 1),
    "autofanspeed": Writable(Kind.FLAG),
    "fanspeed": Writable(Kind.INTEGER, 0, 100, store="manualFanSpeed"),
    "overheat_mode": Writable(Kind.INTEGER, choices=(0,)),
    "hostname": Writable(Kind.TEXT, 1, 32),
    "ssid": Writable(Kind.TEXT, 1, 32),
    "wifiPass": Writable(Kind.TEXT, 0, 63),
    "flipscreen": Writable(Kind.FLAG),
    "invertscreen": Writable(Kind.FLAG),
}

_ASIC: dict[str, Render] = {
    "ASICModel": lambda v: v.device.board.asic.model,
    "asicCount": lambda v: v.device.board.chips,
    "frequencyOptions": lambda v: list(v.device.board.asic.frequencies),
    "voltageOptions": lambda v: list(v.device.board.asic.voltages),
}


_V2_4 = Generation(
    number="2.4",
    version="v2.4.5",
    info=_BASE_INFO,
    asic={},
    writable=_BASE_WRITABLE,
    checks_address=False,
)
_V2_5 = _V2_4.after("2.5", "v2.5.1", checks_address=True)
_V2_6 = _V2_5.after(
    "2.6",
    "v2.6.5",
    info={
        "apEnabled": lambda _: 0,
        "isPSRAMAvailable": lambda _: 1,
        "maxPower": lambda v: v.device.board.max_power,
        "nominalVoltage": lambda v: v.device.board.nominal_voltage,
        "overclockEnabled": lambda v: int(v.stored["overclockEnabled"]),
        "wifiRSSI": lambda v: v.device.rssi(v.reading),
        "sharesRejectedReasons": _rejections,
        "power_fault": lambda v: v.device.power_fault or ABSENT,
    },
    writable={"overclockEnabled": Writable(Kind.FLAG)},
)
_V2_7 = _V2_6.after(
    "2.7",
    "v2.7.1",
    info={
        "displayTimeout": lambda v: v.stored["displayTimeout"],
        "temptarget": lambda v: int(v.stored["temptarget"]),
    },
    drop=["invertfanpolarity"],
    asic=_ASIC,
    writable={
        "displayTimeout": Writable(Kind.INTEGER, -1, 71582),
        "temptarget": Writable(Kind.INTEGER, 35, 66),
    },
)
_V2_8 = _V2_7.after(
    "2.8",
    "v2.8.1",
    info={
        "expectedHashrate": lambda v: v.number(v.reading.expected / 1e9),
        "display": lambda v: v.stored["display"],
        "statsLimit": lambda _: 0,
        "statsDuration": lambda _: 1,
    },
    asic={
        "defaultFrequency": lambda v: v.device.board.asic.frequency,
        "defaultVoltage": lambda v: v.device.board.asic.voltage,
    },
    writable={"display": Writable(Kind.TEXT, 1, 64)},
)
_V2_9 = _V2_8.after(
    "2.9",
    "v2.9.0",
    info={
        "axeOSVersion": lambda v: v.device.version,
        "poolDifficulty": lambda v: int(v.device.miner.pool_difficulty),
        "responseTime": lambda v: v.device.response_milliseconds(v),
        "rotation": lambda v: v.stored["rotation"],
        "statsFrequency": lambda v: v.stored["statsFrequency"],
        **_flat("stratumSuggestedDifficulty", int),
        **_flat("stratumExtranonceSubscribe", int),
    },
    drop=["flipscreen", "stratumDiff", "statsLimit", "statsDuration", "asicCount"],
    asic={
        "deviceModel": lambda v: v.device.board.family,
        "swarmColor": lambda v: v.device.board.swarm_color,
    },
    writable={
        "rotation": Writable(Kind.INTEGER, choices=(0, 90, 180, 270)),
        "statsFrequency": Writable(Kind.INTEGER),
        **_both("stratumSuggestedDifficulty", Writable(Kind.INTEGER)),
        **_both("stratumExtranonceSubscribe", Writable(Kind.FLAG)),
    },
    read_only=["flipscreen"],
    json_404=True,
)
_V2_10 = _V2_9.after(
    "2.10",
    "v2.10.1",
    info={
        "minFanSpeed": lambda v: int(v.stored["minFanSpeed"]),
        "temp2": lambda v: v.device.chip_temperature(v, 1),
    },
    writable={"minFanSpeed": Writable(Kind.INTEGER, 0, 99)},
    sockets=20,
    lru_purge=True,
)
_V2_11 = _V2_10.after(
    "2.11",
    "v2.11.0",
    info={
        "bestDiff": lambda v: int(v.reading.best_ever),
        "bestSessionDiff": lambda v: int(v.reading.best_session),
        "errorPercentage": lambda v: v.number(v.reading.error_percent),
        "fan2rpm": lambda v: v.reading.rpm if v.device.board.fans > 1 else 0,
        "manualFanSpeed": lambda v: int(v.stored["manualFanSpeed"]),
        "blockFound": lambda v: v.reading.blocks,
        "blockHeight": lambda v: v.job(v.reading.block_height),
        "networkDifficulty": lambda v: v.job(int(v.device.miner.network_difficulty)),
        "scriptsig": lambda v: v.job("/solo miner/"),
        "hashrateMonitor": _monitor,
        "ipv4": lambda v: v.device.host,
        "ipv6": lambda _: "fe80::2658:7cff:fe00:1",
        "freeHeapInternal": lambda _: 121_880,
        "freeHeapSpiram": lambda _: 8_050_612,
        "poolAddrFamily": lambda _: 2,
    },
    asic={"hashDomains": lambda v: v.device.board.asic.domains},
    writable={
        "frequency": Writable(Kind.FLOAT, 1),
        "manualFanSpeed": Writable(Kind.INTEGER, 0, 100),
        "useFallbackStratum": Writable(Kind.FLAG),
    },
    read_only=["fanspeed"],
    validates=True,
    boot_hashrate=0.0,
)
_V2_12 = _V2_11.after(
    "2.12",
    "v2.12.2",
    info={
        "hashRate_1m": lambda v: v.number(v.reading.averages["1m"] / 1e9),
        "hashRate_10m": lambda v: v.number(v.reading.averages["10m"] / 1e9),
        "hashRate_1h": lambda v: v.number(v.reading.averages["1h"] / 1e9),
        "resetReason": lambda v: v.device.reset_reason,
    },
    commands=["identify"],
    fixed_floats=True,
    safe_mode=True,
)
_V2_13 = _V2_12.after(
    "2.13",
    "v2.13.2",
    info={
        "frequency": lambda v: v.number(v.stored["frequency"]),
        "coinbaseOutputs": _coinbase,
        "coinbaseValueTotalSatoshis": lambda v: v.job(312_500_000),
        "coinbaseValueUserSatoshis": lambda v: v.job(312_500_000),
        **_flat("stratumTLS", int),
        **_flat("stratumCert", str),
        **_flat("stratumDecodeCoinbase", int),
        "poolConnectionInfo": lambda v: v.device.connection_info,
        "showNewBlock": lambda v: v.reading.blocks > v.device.dismissed_blocks,
    },
    drop=["poolAddrFamily"],
    writable={
        **_both("stratumTLS", Writable(Kind.INTEGER, 0, 3)),
        **_both("stratumCert", Writable(Kind.TEXT, 0, 3000)),
        **_both("stratumDecodeCoinbase", Writable(Kind.FLAG)),
    },
    commands=["blockFound/dismiss"],
    restart_json=True,
    reports_written_pool=False,
)
_V2_14 = _V2_13.after(
    "2.14",
    "v2.14.2",
    info={
        "actualFrequency": lambda v: v.number(v.device.actual_frequency),
        "cpuUsage": lambda _: 21.4,
        "miningPaused": lambda v: v.device.paused,
        "hardware_fault": lambda v: v.device.hardware_fault or ABSENT,
        "processTime": lambda _: 1.7,
        "responseShareBatch": lambda _: 1,
        "blockSignals": lambda _: [],
        "statsLimit": lambda _: 720,
        **_flat("stratumProtocol", str),
        **_flat("stratumV2ChannelType", str),
        **_flat("stratumV2AuthorityPubkey", str),
        **_flat("stratumDecodeCoinbase", bool),
        **_flat("stratumExtranonceSubscribe", bool),
    },
    writable={
        **_both("stratumProtocol", Writable(Kind.TEXT, 3, 3)),
        **_both("stratumV2ChannelType", Writable(Kind.TEXT, 1, 16)),
        **_both("stratumV2AuthorityPubkey", Writable(Kind.TEXT, 0, 128)),
    },
    commands=["pause", "resume"],
)
_V2_15 = _V2_14.after(
    "2.15",
    "v2.15.0",
    info={
        "pools": _pools,
        "primaryPoolIndex": lambda v: v.device.booted_indices[0],
        "secondaryPoolIndex": lambda v: v.device.booted_indices[1],
        "useFallbackStratum": lambda v: int(v.stored["useFallbackStratum"]),
        "partitions": _partitions,
        "totalUptimeSeconds": lambda v: int(v.reading.lifetime_uptime),
        "totalHashes": lambda v: int(v.reading.lifetime_hashes),
        "totalLog2Work": lambda v: round(
            math.log2(max(1.0, v.reading.lifetime_hashes)), 4
        ),
        "sharesPending": lambda _: 0,
        "workReceived": lambda v: (
            int(v.reading.uptime / 30) if v.device.pool_address() else 0
        ),
        "minFreeHeap": lambda _: 7_911_040,
        "maxAllocHeap": lambda _: 7_733_248,
        "useCustomWWW": lambda _: 0,
        "fullHostname": lambda v: f"{v.stored['hostname']}.local",
        "mdnsHostname": lambda v: v.stored["hostname"],
        "coreVoltageActual": lambda v: v.number(v.reading.core_millivolts),
        "fanspeed": lambda v: round(v.reading.fan),
    },
    writable={
        "pools": Writable(Kind.POOLS),
        "primaryPoolIndex": Writable(Kind.INTEGER, 0, 7),
        "secondaryPoolIndex": Writable(Kind.INTEGER, 0, 7),
    },
    read_only=[
        key for key in _V2_14.writable if key.startswith(("stratum", "fallbackStratum"))
    ],
    pool_table=True,
    sleeps_without_pool=True,
)

GENERATIONS: dict[str, Generation] = {
    generation.number: generation
    for generation in (
        _V2_4,
        _V2_5,
        _V2_6,
        _V2_7,
        _V2_8,
        _V2_9,
        _V2_10,
        _V2_11,
        _V2_12,
        _V2_13,
        _V2_14,
        _V2_15,
    )
}
