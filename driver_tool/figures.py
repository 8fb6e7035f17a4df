"""The figures of a miner or a pool: their units, and which of them can be."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cache
import math
from typing import Any, get_args, get_type_hints

from custom_components.hmm.driver_api import DashboardTileData, MinerTelemetry
from custom_components.hmm.driver_api.ranges import DIFFICULTY, SHARE, Range
from custom_components.hmm.driver_api.units import TERA

_DIFFICULTY = (1e-9, math.inf, "a plain difficulty; parse_compact understands 4.29G")
_AMOUNT = (1, 1e16, "an amount of the smallest unit")
_CORE = (100, 30_000, "multiply V by 1000")

# Narrower than what HMM takes; 0 is always right: a fan stands still, a miner pauses
_PLAUSIBLE: Mapping[object, tuple[float, float, str]] = {
    DIFFICULTY: _DIFFICULTY,
    SHARE: _DIFFICULTY,
    "block_height": (1, 1e9, "a height"),
    "coinbase_value": _AMOUNT,
    "coinbase_own_value": _AMOUNT,
    "core_voltage": _CORE,
    "core_voltage_actual": _CORE,
    "input_voltage": (1000, 500_000, "multiply V by 1000"),
    "H/s": (10, math.inf, "multiply GH/s by GIGA of driver_api.units"),
    "°C": (-40, 150, ""),
    "%": (0, 100, ""),
    "MHz": (10, 5000, ""),
    "W": (0.05, 15_000, "divide mW by 1000"),
    "rpm": (1, 30_000, ""),
    "mA": (1, math.inf, "multiply A by 1000"),
    "dBm": (-127, -1, ""),
    "B": (256, 1e12, ""),
}
"""The minimum, the maximum and a hint, by range, field or unit."""


@cache
def range_of(kind: type, name: str) -> Range | None:
    """Return what limits a number, or the numbers of a list, in a data class."""
    hints = [get_type_hints(kind, include_extras=True)[name]]
    for hint in hints:
        for rule in getattr(hint, "__metadata__", ()):
            if isinstance(rule, Range):
                return rule
        hints += get_args(hint)
    return None


def implausible(
    data: MinerTelemetry | DashboardTileData, hashrate_unit: str = "TH/s"
) -> Iterator[str]:
    """Yield what cannot be, one sentence each.

    ``hashrate_unit`` is that of the driver: what is shown in kH/s may be slow and hot.
    """
    kind: Any = type(data)
    for field in fields(data):
        value = getattr(data, field.name)
        if (rule := range_of(kind, field.name)) is None or value is None:
            continue
        limits = next(
            (
                _PLAUSIBLE[key]
                for key in (rule, field.name, rule.unit)
                if key in _PLAUSIBLE
            ),
            (rule.minimum, rule.maximum, ""),
        )
        for number in value if isinstance(value, tuple) else (value,):
            if not isinstance(number, int | float):
                continue
            if not math.isfinite(number):
                yield f"{field.name} is {number}"
            elif number and not limits[0] <= number <= limits[1]:
                meant = "; ".join(filter(None, (rule.unit, limits[2])))
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
    numbers: dict[str, float] = {}
    for field in fields(data):
        value = getattr(data, field.name)
        if isinstance(value, tuple):
            for index, item in enumerate(value):
                if _is_number(item):
                    numbers[f"{field.name}[{index}]"] = item
        elif _is_number(value):
            numbers[field.name] = value
    return numbers


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
