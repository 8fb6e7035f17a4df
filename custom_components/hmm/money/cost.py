"""What energy cost: each increment at the price of its time; it knows no Home Assistant.

Energy without a known price is counted apart and never priced later.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..driver_api.ranges import ENERGY
from ..driver_api.units import parse_number
from .slots import Slots

MAX_COST: Final = 1e12

_MAX_NOTES = 1000
_KEPT = timedelta(days=2)
_BEGIN = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_TIME = 2.0**32


@dataclass(frozen=True, slots=True)
class Charge:
    """Energy of one span: kWh, and the price per kWh that it had, None if unknown.

    ``day`` and ``month`` are the local midnights in UTC at which its periods began.
    """

    kwh: float
    price: float | None
    day: datetime
    month: datetime


@dataclass(slots=True)
class Period:
    """What a day or month has cost since it began."""

    start: datetime = _BEGIN
    cost: float = 0.0

    def add(self, cost: float, start: datetime) -> None:
        """Add to the period that began at ``start``; a newer one starts over."""
        self.roll(start)
        if start == self.start:
            self.cost += cost

    def roll(self, start: datetime) -> None:
        """Begin the period of now, if that is another one."""
        if start > self.start:
            self.start, self.cost = start, 0.0

    def as_list(self) -> list[float]:
        """Return it as JSON."""
        return [self.start.timestamp(), self.cost]

    @classmethod
    def of(cls, stored: Any) -> Period:
        """Return what was stored, an empty one if that cannot be read."""
        if not isinstance(stored, list) or len(stored) != 2:
            return cls()
        start, cost = parse_number(stored[0]), _cost(stored[1])
        if start is None or cost is None or not 0 <= start < _LAST_TIME:
            return cls()
        return cls(datetime.fromtimestamp(start, UTC), cost)


@dataclass(slots=True)
class CostMeter:
    """What a miner, or the fleet, has cost since its price is known."""

    cost: float = 0.0
    """May fall: prices can be negative."""
    unpriced: float = 0.0
    """kWh whose price is not known."""
    day: Period = field(default_factory=Period)
    month: Period = field(default_factory=Period)

    @property
    def shown(self) -> tuple[float, float]:
        """Return what sensors show of it."""
        return round(self.cost, 2), round(self.unpriced, 3)

    def charge(self, charge: Charge) -> None:
        """Add the energy of one span."""
        if charge.price is None:
            self.unpriced += charge.kwh
            return
        cost = charge.kwh * charge.price
        self.cost += cost
        self.day.add(cost, charge.day)
        self.month.add(cost, charge.month)

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "cost": self.cost,
            "unpriced": self.unpriced,
            "day": self.day.as_list(),
            "month": self.month.as_list(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CostMeter:
        """Return what was stored. Raises ValueError if a sum cannot be read."""
        cost, unpriced = _cost(data.get("cost")), parse_number(data.get("unpriced"))
        if cost is None or unpriced is None or unpriced not in ENERGY:
            raise ValueError(data)
        return cls(cost, unpriced, Period.of(data.get("day")), Period.of(data["month"]))


def _cost(value: Any) -> float | None:
    number = parse_number(value)
    return number if number is not None and abs(number) <= MAX_COST else None


class PriceLog:
    """What the price was in the last two days, as far as it was known."""

    def __init__(self) -> None:
        """Begin without knowing any."""
        self._notes: deque[tuple[datetime, float | None]] = deque(maxlen=_MAX_NOTES)

    @property
    def is_empty(self) -> bool:
        """Return whether no price was ever noted."""
        return not self._notes

    def note(self, at: datetime, price: float | None, slots: Slots = ()) -> None:
        """Note the price from ``at`` on; ``slots`` report those of before it.

        A price that is fixed is noted from the year 1970 on.
        """
        if not self._notes:
            for slot in slots:
                if slot.end <= at:
                    self._append(slot.start, slot.price)
                    self._append(slot.end, None)
        while self._notes and self._notes[0][0] < at - _KEPT and len(self._notes) > 1:
            if self._notes[1][0] > at - _KEPT:
                break
            self._notes.popleft()
        self._append(at, price)

    def _append(self, at: datetime, price: float | None) -> None:
        if self._notes:
            last, before = self._notes[-1]
            # The clock was set back, or the slot began before it was seen
            at = max(at, last)
            if at == last:
                self._notes.pop()
            elif before == price:
                return
        self._notes.append((at, price))

    def spans(
        self, start: datetime, end: datetime
    ) -> Iterator[tuple[datetime, datetime, float | None]]:
        """Return the spans of one price between two moments, in order, without gaps."""
        price: float | None = None
        for at, following in self._notes:
            if at >= end:
                break
            if at > start:
                yield start, at, price
                start = at
            price = following
        if start < end:
            yield start, end, price
