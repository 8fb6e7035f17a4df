"""Reads what drivers of HMM-Local report: units, times, spellings."""

from collections.abc import Mapping
from datetime import UTC, datetime
import re
from typing import Any

from ...driver_api.units import (
    LONGEST_FIGURE,
    parse_amount,
    parse_compact,
    parse_number,
    parse_timestamp,
)

_DURATION = re.compile(
    r"([\d.,]++)\s*+(y|mo|w|d|h|m|s)[a-z]*+",  # "31d 4h", "7 days", "2.5 hours"
    re.IGNORECASE,
)
_SECONDS = {
    "y": 31_557_600.0,
    "mo": 2_629_800.0,
    "w": 604_800.0,
    "d": 86_400.0,
    "h": 3600.0,
    "m": 60.0,
    "s": 1.0,
}


def read(answer: Any, name: str) -> Any:
    """Return a field of an object or of a dictionary, None if it is not there."""
    if isinstance(answer, Mapping):
        return answer.get(name)
    return getattr(answer, name, None)


def read_hashrate(value: Any, plain_unit: str) -> float | None:
    """Return a hashrate in H/s, None if it is negative or cannot be read.

    A dictionary reports its unit (GH/s if it does not); a plain number, also one that
    is a text, is in ``plain_unit``. A text as "1.02T" reports its unit itself.
    """
    unit = plain_unit
    if isinstance(value, Mapping):
        unit = value.get("unit") or "GH/s"
        if value.get("display") == "N/A":
            return None
        value = value.get("value")
    if parse_number(value) is None:
        unit, value = "H/s", parse_compact(value)
    number = parse_amount(value)
    factor = parse_compact(f"1 {unit}")
    return None if number is None or factor is None else parse_number(number * factor)


def read_duration(value: Any) -> float | None:
    """Return seconds from a number of them, or from a text as "31d 4h"."""
    if (number := parse_number(value)) is not None:
        return number
    if not isinstance(value, str) or len(value) > LONGEST_FIGURE:
        return None
    parts = [
        (parse_number(amount.replace(",", "")), unit.lower())
        for amount, unit in _DURATION.findall(value)
    ]
    spans = [amount * _SECONDS[unit] for amount, unit in parts if amount is not None]
    return sum(spans) if spans else None


def read_timestamp(value: Any) -> datetime | None:
    """Return a timestamp with time zone; one without is UTC, as HMM-Local had it."""
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value
    return parse_timestamp(value)
