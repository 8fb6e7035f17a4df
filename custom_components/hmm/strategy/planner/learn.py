"""What a miner draws in each mode: measured once it has settled, else by its driver."""

from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from .model import Rung
from .stored import VERSION, fields, mapping, number

_SETTLED = timedelta(minutes=3)
_SAMPLES = 60
_LEAST = 5
_MOST_RUNGS = 50
_MOST_WATTS = 100_000.0


class LearnedWatts:
    """The watts of one miner by rung: the median of what it drew 3 minutes into each."""

    def __init__(self, stored: object = None) -> None:
        """Begin with what was learned before."""
        watts = mapping(fields(stored).get("watts"))
        self._watts: dict[Rung, float] = {
            rung: known
            for rung, value in list(watts.items())[:_MOST_RUNGS]
            if (known := number(value)) is not None and 0 < known <= _MOST_WATTS
        }
        self._rung: Rung | None = None
        self._since: datetime | None = None
        self._samples: deque[float] = deque(maxlen=_SAMPLES)

    def note(
        self, now: datetime, rung: Rung | None, watts: float | None, *, mining: bool
    ) -> None:
        """Take one poll: the rung that is reported, and the watts that are measured."""
        if rung != self._rung or not mining or self._since is None or now < self._since:
            self._rung, self._since = rung, now
            self._samples.clear()
        if watts is None or rung is None or rung == "off" or not mining:
            return
        if not 0 < watts <= _MOST_WATTS or now - self._since < _SETTLED:
            return
        self._samples.append(watts)
        if len(self._samples) >= _LEAST and (
            rung in self._watts or len(self._watts) < _MOST_RUNGS
        ):
            self._watts[rung] = round(median(self._samples), 1)

    def watts(
        self, rung: Rung, table: Mapping[Rung, float] | None = None
    ) -> float | None:
        """Return the watts of a rung: learned, else by the driver's table."""
        learned = self._watts.get(rung)
        return learned if learned is not None else (table or {}).get(rung)

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"version": VERSION, "watts": dict(self._watts)}
