"""The efficiency of a day, from energy and hashes by the hour."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..driver_api.ranges import EFFICIENCY
from ..driver_api.units import parse_int, parse_number

_HOUR = 3600.0
_HOURS = 24
_LEAST = _HOUR
"""Seconds that must have been counted before it is said."""

_JOULES_PER_KWH = 3.6e6


@dataclass(slots=True)
class _Hour:
    joules: float = 0.0
    terahashes: float = 0.0
    seconds: float = 0.0


@dataclass(slots=True)
class DayEfficiency:
    """What a miner, or all, used and hashed in the last 24 h while both were known."""

    hours: dict[int, _Hour] = field(default_factory=dict)
    """By the number of the hour since 1970."""

    def add(self, now: float, kwh: float, terahashes: float, seconds: float) -> None:
        """Add what was used and hashed in the ``seconds`` before ``now``."""
        number = int(now // _HOUR)
        hour = self.hours.setdefault(number, _Hour())
        hour.joules += kwh * _JOULES_PER_KWH
        hour.terahashes += terahashes
        hour.seconds += seconds
        if len(self.hours) > _HOURS:
            # Also what is ahead of a clock that was set back
            self.hours = {
                at: hour
                for at, hour in self.hours.items()
                if number - _HOURS < at <= number
            }

    def value(self, now: float) -> float | None:
        """Return J/TH, None while too little is known."""
        number = int(now // _HOUR)
        hours = [
            hour for at, hour in self.hours.items() if number - _HOURS < at <= number
        ]
        hashes = sum(hour.terahashes for hour in hours)
        if sum(hour.seconds for hour in hours) < _LEAST or hashes <= 0:
            return None
        efficiency = sum(hour.joules for hour in hours) / hashes
        return efficiency if efficiency > 0 and efficiency in EFFICIENCY else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            str(at): [hour.joules, hour.terahashes, hour.seconds]
            for at, hour in self.hours.items()
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> DayEfficiency:
        """Return what was stored. Raises an error if that cannot be read."""
        day = cls()
        for at, stored in list(data.items())[-_HOURS:]:
            number, values = parse_int(at), [parse_number(value) for value in stored]
            valid = [value for value in values if value is not None and value >= 0]
            if number is None or len(valid) != 3:
                raise ValueError(stored)
            day.hours[number] = _Hour(*valid)
        return day
