"""How values are rounded: to what they mean, so that noise does not fill the history.

A sensor shows them in the unit that it is declared with: where Home Assistant converts,
the division leaves its own noise (86689.8148148148 days).
"""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
import logging
import math
from typing import Any

from homeassistant.helpers.typing import StateType

from .driver_api.units import TERA, parse_number, parse_text

_LOGGER = logging.getLogger(__name__)

type SensorValue = StateType | datetime

_LONGEST_STATE = 255
_SECONDS_PER_DAY = 86_400
_SECONDS_PER_HOUR = 3600

_failed: set[str] = set()


def read_safely[T](read: Callable[[], T], key: str) -> T | None:
    """Return what ``read`` returns, None if it fails.

    One entity that fails must not keep the others of its device from being updated.
    The first failure of a ``key`` is logged.
    """
    try:
        return read()
    except Exception:
        if key not in _failed:
            _failed.add(key)
            _LOGGER.exception("The value of %s cannot be shown", key)
        return None


def as_state(value: Any) -> SensorValue:
    """Return a value if Home Assistant takes it as the state of a sensor, else None."""
    match value:
        case int():
            return value if abs(value) < 2**63 else parse_number(value)
        case float():
            return value + 0.0 if math.isfinite(value) else None
        case str():
            return parse_text(value, _LONGEST_STATE)
        case datetime():
            return value if value.tzinfo is not None else None
    return None


def in_digits(value: SensorValue) -> SensorValue:
    """Return a number whose text would have an exponent as digits: "0.000012"."""
    if isinstance(value, float) and "e" in repr(value):
        return f"{Decimal(repr(value)):f}"
    return value


def days(seconds: float | None) -> float | None:
    """Return seconds as days with their significant digits."""
    return None if seconds is None else rounded(seconds / _SECONDS_PER_DAY)


def hours(seconds: float | None) -> float | None:
    """Return seconds as hours, in steps of six minutes."""
    return None if seconds is None else round(seconds / _SECONDS_PER_HOUR, 1)


def thousandths(value: float | None) -> float | None:
    """Return mV as V, or mA as A, with two decimals."""
    return None if value is None else round(value / 1000, 2)


def kibibytes(value: float | None) -> int | None:
    """Return bytes as KiB."""
    return None if value is None else round(value / 1024)


def rounded(value: float | None, digits: int = 3) -> float | None:
    """Return a value with its significant digits: the rest is noise."""
    return None if value is None else float(f"{value:.{digits}g}")


def stepped(value: float | None) -> float | None:
    """Return a value in steps of 1 to 2.5 %, for an estimate that is no better."""
    if not value:
        return value
    digit = 10.0 ** math.floor(math.log10(abs(value)))
    lead = abs(value) / digit
    parts = 50 if lead < 2 else 20 if lead < 5 else 10
    return rounded(round(value / digit * parts) / parts * digit)


def whole(value: float | None) -> int | None:
    """Return a value without decimals."""
    return None if value is None else round(value)


def whole_difficulty(value: float | None) -> float | None:
    """Return a difficulty whole, small ones (of the smallest miners) with six digits."""
    if value is None:
        return None
    return float(f"{value:.6g}") if value < 1000 else round(value)


def four_digits(value: float, factor: float) -> float:
    """Return a value in a larger unit with the four digits that people say: 13.8."""
    rounded_value = float(f"{value / factor:.4g}")
    return int(rounded_value) if rounded_value.is_integer() else rounded_value


def percent_of(part: float | None, other: float | None) -> float | None:
    """Return part of part + other in percent, None if nothing was counted."""
    if part is None or other is None or part + other <= 0:
        return None
    return round(100 * part / (part + other), 2)


def terahashes(hashrate: float | None) -> float | None:
    """Return H/s in TH/s."""
    return None if hashrate is None else rounded(hashrate / TERA)


def stepped_efficiency(value: float | None) -> float | None:
    """Return J/TH in steps of a half: the hashrate it comes from is noisy."""
    return None if value is None else round(2 * value) / 2


def share_decimals(coin: str) -> int:
    """Return how many decimals show that 1 TH/s is more than nothing of a network."""
    return 9 if coin.upper() == "BTC" else 6
