"""How much of the last day a miner was there, and how long it takes to start."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, override

from ..driver_api import MinerTelemetry
from ..stored import Stored

_HOUR: Final = 3600.0
_HOURS: Final = 24
_MIN_KNOWN: Final = 600.0
_LONGEST_POLL: Final = 150.0
"""Seconds; what lies between two polls further apart is not known."""


@dataclass(slots=True)
class Availability(Stored):
    """The seconds of each hour of the last day, known ones and those online.

    Time in which a miner is off on purpose does not count.
    """

    hours: deque[list[float]] = field(default_factory=deque)
    """Number of the hour, seconds known, seconds online."""
    boot_time: float | None = None
    """Seconds from its last start until it mined."""
    _at: float | None = None
    _uptime: int | None = None
    _waits: bool = False

    def count(self, now: float, online: bool, on_purpose: bool) -> None:
        """Count the time since the last poll; ``now`` is a Unix timestamp."""
        before, self._at = self._at, now
        hour = now // _HOUR
        if self.hours and self.hours[-1][0] > hour:
            # The clock was set back
            self.hours.clear()
        while self.hours and self.hours[0][0] <= hour - _HOURS:
            self.hours.popleft()
        if on_purpose or before is None or not 0 < now - before <= _LONGEST_POLL:
            return
        if not self.hours or self.hours[-1][0] != hour:
            self.hours.append([hour, 0.0, 0.0])
        self.hours[-1][1] += now - before
        self.hours[-1][2] += now - before if online else 0.0

    @property
    def total_and_online(self) -> tuple[float, float]:
        """Return the seconds of the last day that are known, and those online."""
        return sum(hour[1] for hour in self.hours), sum(hour[2] for hour in self.hours)

    def follow_start(self, data: MinerTelemetry) -> None:
        """Note how long it took from the start of the miner until it mined.

        A start whose first hash came while nobody looked, or while it was paused, tells
        nothing: the last one that was seen stays.
        """
        before, self._uptime = self._uptime, data.uptime
        if data.uptime is None:
            return
        if before is not None and data.uptime < before:
            self._waits, before = True, 0
        if data.paused:
            self._waits = False
        if self._waits and data.hashing:
            self._waits = False
            if before is not None and data.uptime - before <= _LONGEST_POLL:
                self.boot_time = data.uptime

    @override
    def verify(self) -> None:
        for _, total, online in self.hours:
            if not 0 <= online <= total <= _HOUR * 2:
                raise ValueError(self.hours)


def percent(total: float, online: float) -> float | None:
    """Return which part of the known time was online, None for too short a time."""
    return round(100 * online / total, 1) if total >= _MIN_KNOWN else None
