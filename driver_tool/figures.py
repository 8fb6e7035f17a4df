"""The figures of a miner or a pool: their units, and which of them can be."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
import math
from typing import Any

from custom_components.hmm.driver_api import DashboardTileData, MinerTelemetry
from custom_components.hmm.driver_api.units import TERA


@dataclass(frozen=True, slots=True)
class Kind:
    """The least and the most that makes sense, and what it should be.

    0 is always right: a fan stands still, a miner pauses.
    """

    least: float
    most: float
    unit: str
    hint: str = ""


HASHRATE = Kind(10, 1e19, "H/s", "multiply GH/s by GIGA of driver_api.units")
TIME = Kind(0, 1e18, "s")
DIFFICULTY = Kind(1e-9, 1e21, "", "a plain difficulty; parse_compact understands 4.29G")
_COUNT = Kind(0, 1e15, "", "a count")
_AGE = Kind(0, 1e9, "s")
_TEMPERATURE = Kind(-40, 150, "°C")
_PERCENT = Kind(0, 100, "%")
_CLOCK = Kind(10, 5000, "MHz")
_CORE = Kind(100, 30_000, "mV", "multiply V by 1000")
_DELAY = Kind(0, 600_000, "ms")

KINDS: dict[str, Kind] = {
    name: kind
    for kind, names in (
        (
            HASHRATE,
            (
                "hashrate hashrate_expected hashrate_10m hashrate_15m hashrate_1h"
                " hashrate_1d chip_hashrates board_hashrates"
                " pool_hashrate"
            ),
        ),
        (TIME, "estimated_time_to_block"),
        (
            DIFFICULTY,
            (
                "best_share best_session_share last_share pool_difficulty"
                " network_difficulty"
            ),
        ),
        (
            _COUNT,
            (
                "shares_accepted shares_rejected shares_stale shares_pending shares_valid"
                " shares_invalid blocks_found blocks_found_session blocks_found_24h"
                " pool_failures crc_errors chip_errors board_chips active_workers"
            ),
        ),
        (_AGE, "uptime uptime_total filter_runtime"),
        (
            _TEMPERATURE,
            (
                "temperature temperature_regulator temperature_board temperature_inlet"
                " temperature_outlet chip_temperatures board_temperatures"
                " target_temperature temperature_limit"
            ),
        ),
        (
            _PERCENT,
            "fan_speed fan_speeds light_brightness error_rate packet_loss cpu_usage reject_rate pool_percentage",
        ),
        (_CLOCK, "frequency frequency_actual"),
        (_CORE, "core_voltage core_voltage_actual"),
        (_DELAY, "response_time latency_ms"),
        (Kind(0.05, 15_000, "W", "divide mW by 1000"), "power power_limit"),
        (Kind(1, 30_000, "rpm"), "fan_rpm"),
        (Kind(1000, 500_000, "mV", "multiply V by 1000"), "input_voltage"),
        (Kind(1, 1e6, "mA", "multiply A by 1000"), "input_current"),
        (Kind(-127, -1, "dBm"), "signal"),
        (Kind(256, 1e12, "bytes"), "free_memory"),
        (Kind(1, 1e9, "", "a height"), "block_height"),
        (
            Kind(1, 1e16, "", "an amount of the smallest unit"),
            "coinbase_value coinbase_own_value",
        ),
    )
    for name in names.split()
}


def implausible(
    data: MinerTelemetry | DashboardTileData, hashrate_unit: str = "TH/s"
) -> Iterator[str]:
    """Yield what cannot be, one sentence each.

    ``hashrate_unit`` is that of the driver: what is shown in kH/s may be slow and hot.
    """
    for field in fields(data):
        value = getattr(data, field.name)
        if (kind := KINDS.get(field.name)) is None or value is None:
            continue
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, int | float):
                continue
            if not math.isfinite(number):
                yield f"{field.name} is {number}"
            elif number and not kind.least <= number <= kind.most:
                meant = "; ".join(filter(None, (kind.unit, kind.hint)))
                yield f"{field.name} is {number:g}, which is hardly {meant}"
    if isinstance(data, MinerTelemetry):
        yield from _misfit(data.power, data.hashrate, hashrate_unit)


def _misfit(power: float | None, hashrate: float | None, unit: str) -> Iterator[str]:
    """Yield a sentence if power and hashrate do not fit to each other."""
    if not power or not hashrate:
        return
    efficiency = power / (hashrate / TERA)
    if (hashrate >= _FAST and not _BEST <= efficiency <= _WORST) or (
        unit != "kH/s" and hashrate < _SLOW and power > _SMALL
    ):
        yield (
            f"{power:g} W do not fit to {hashrate:g} H/s ({efficiency:.3g} J/TH):"
            " one of the units is wrong"
        )


_FAST, _SLOW = 1e11, 1e6
"""H/s: an ASIC; less than any ASIC of SHA-256 or Scrypt."""
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
