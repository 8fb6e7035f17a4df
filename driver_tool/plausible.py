"""Which figures a miner or a pool can have, to find units that are wrong."""

from collections.abc import Iterator
from dataclasses import fields
import math
from typing import Any

from custom_components.hmm.driver_api import DashboardTileData, MinerTelemetry
from custom_components.hmm.driver_api.units import TERA

_HASHRATE = (1e3, 1e19, "H/s; multiply GH/s by GIGA of driver_api.units")
_TEMPERATURE = (-40, 150, "°C")
_PERCENT = (0, 100, "percent")
_AGE = (0, 1e9, "seconds")
_COUNT = (0, 1e15, "a count")
_DIFFICULTY = (1e-9, 1e21, "a plain difficulty; parse_compact understands 4.29G")
_CLOCK = (10, 5000, "MHz")

RANGES: dict[str, tuple[float, float, str]] = {
    **dict.fromkeys(
        (
            "hashrate",
            "hashrate_expected",
            "hashrate_10m",
            "hashrate_15m",
            "hashrate_1h",
            "hashrate_1d",
            "chip_hashrates",
            "pool_hashrate",
        ),
        _HASHRATE,
    ),
    **dict.fromkeys(
        (
            "temperature",
            "temperature_regulator",
            "temperature_board",
            "temperature_inlet",
            "temperature_outlet",
            "chip_temperatures",
            "target_temperature",
        ),
        _TEMPERATURE,
    ),
    **dict.fromkeys(
        (
            "fan_speed",
            "error_rate",
            "packet_loss",
            "cpu_usage",
            "reject_rate",
            "pool_percentage",
        ),
        _PERCENT,
    ),
    **dict.fromkeys(("uptime", "uptime_total", "filter_runtime"), _AGE),
    **dict.fromkeys(
        (
            "shares_accepted",
            "shares_rejected",
            "shares_stale",
            "shares_pending",
            "shares_valid",
            "shares_invalid",
            "blocks_found",
            "blocks_found_session",
            "blocks_found_24h",
            "pool_failures",
            "crc_errors",
            "chip_errors",
            "active_workers",
        ),
        _COUNT,
    ),
    **dict.fromkeys(
        (
            "best_share",
            "best_session_share",
            "last_share",
            "pool_difficulty",
            "network_difficulty",
        ),
        _DIFFICULTY,
    ),
    **dict.fromkeys(("frequency", "frequency_actual"), _CLOCK),
    "power": (0.05, 15_000, "W; divide mW by 1000"),
    "fan_rpm": (1, 30_000, "rpm"),
    "core_voltage": (100, 30_000, "mV; multiply V by 1000"),
    "core_voltage_actual": (100, 30_000, "mV; multiply V by 1000"),
    "input_voltage": (1000, 500_000, "mV; multiply V by 1000"),
    "input_current": (1, 1e6, "mA; multiply A by 1000"),
    "response_time": (0, 600_000, "ms"),
    "latency_ms": (0, 600_000, "ms"),
    "signal": (-127, -1, "dBm"),
    "free_memory": (256, 1e12, "bytes"),
    "block_height": (1, 1e9, "a height"),
    "estimated_time_to_block": (1, 1e18, "seconds"),
}
"""The least and the most that makes sense, and what it should be. 0 is always right:
a fan stands still, a miner pauses."""


def implausible(data: MinerTelemetry | DashboardTileData) -> Iterator[str]:
    """Yield what cannot be, one sentence each."""
    for field in fields(data):
        value = getattr(data, field.name)
        if field.name not in RANGES or value is None:
            continue
        least, most, unit = RANGES[field.name]
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, int | float):
                continue
            if not math.isfinite(number):
                yield f"{field.name} is {number}"
            elif number and not least <= number <= most:
                yield f"{field.name} is {number:g}, which is hardly {unit}"
    if isinstance(data, MinerTelemetry):
        yield from _misfit(data.power, data.hashrate)


def _misfit(power: float | None, hashrate: float | None) -> Iterator[str]:
    """Yield a sentence if power and hashrate do not fit to each other.

    Only what no miner of SHA-256 can be; those of other algorithms hash slower.
    """
    if not power or not hashrate:
        return
    efficiency = power / (hashrate / TERA)
    if (hashrate >= _FAST and not _BEST <= efficiency <= _WORST) or (
        hashrate < _SLOW and power > _SMALL
    ):
        yield (
            f"{power:g} W do not fit to {hashrate:g} H/s ({efficiency:.3g} J/TH):"
            " one of the units is wrong"
        )


_FAST, _SLOW = 1e11, 1e6
"""H/s: an ASIC; less than any ASIC."""
_SMALL = 5.0
"""W: more than a miner without an ASIC takes."""
_BEST, _WORST = 3.0, 3000.0
"""J/TH of the best and the first ASICs."""


def flags_of(data: Any) -> dict[str, bool | None]:
    """Return the flags of telemetry or tiles by their names."""
    return {name: getattr(data, name) for name in FLAGS if hasattr(data, name)}


FLAGS = ("hashing", "paused", "using_fallback")


def numbers_of(data: Any) -> dict[str, float]:
    """Return all numbers by field, those of lists as ``fan_rpm[0]``."""
    found: dict[str, float] = {}
    for field in fields(data):
        value = getattr(data, field.name)
        items = enumerate(value) if isinstance(value, tuple) else ((None, value),)
        for place, number in items:
            if isinstance(number, int | float) and not isinstance(number, bool):
                name = field.name if place is None else f"{field.name}[{place}]"
                found[name] = number
    return found
