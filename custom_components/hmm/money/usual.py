"""Distinguishes a price from a fault of its sensor, by the previous prices.

A spike of ten times the usual price is a price, and so is any that was announced in a
list, or is negative. It knows no Home Assistant.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from ..driver_api.units import parse_number
from .cost import PriceLog
from .slots import MAX_PRICE, Slots, agree, slot_at

TIMES: Final = 20
"""How many times the usual price is beyond belief."""

_TIMES_AT_FIRST: Final = 1000
"""The same while less than half a day is known: a free hour says little."""

_LOOK_BACK = timedelta(days=2)
_ENOUGH = timedelta(hours=12)
_STORED_EACH = timedelta(hours=1)
_STORED_FOR = timedelta(days=30)
"""So long without a price that can be, and the next one is the first again."""
_LAST_TIME: Final = 2.0**32
_MAX_SOURCES: Final = 100
_MAX_SOURCE: Final = 400
_PART: Final = 0.9
"""The usual price is dearer than that of this part of the time."""


class UsualPrice:
    """What prices were, and which ones are beyond belief."""

    def __init__(self, keep: Callable[[], None] = lambda: None) -> None:
        """Begin without knowing any: the first one is believed.

        ``keep`` is called when what outlives a restart is worth a file.
        """
        self._keep = keep
        self._kept: tuple[float, datetime] | None = None
        self.forget()

    def forget(self) -> None:
        """Begin anew: prices are in another currency."""
        self._log = PriceLog()
        self._announced: Slots = ()
        self._before = 0.0, timedelta()
        self._dearest = 0.0
        """The highest usual price so far: after nights of wind it comes back."""
        self._noted: datetime | None = None

    def note(self, now: datetime, price: float | None, slots: Slots) -> None:
        """Take a price for a real one, with those that are announced."""
        self._log.note(now, price, slots)
        self._announced = slots or self._announced
        if price is None or not self._dearest:
            return
        self._noted = now
        size, at = self._kept or (0.0, now)
        if size != self._dearest or not timedelta() <= now - at < _STORED_EACH:
            self._kept = self._dearest, now
            self._keep()

    def believes(self, now: datetime, price: float, maximum: float | None) -> bool:
        """Return whether a price can be real; with ``maximum`` its owner decides that."""
        if maximum is not None:
            return abs(price) <= maximum
        if agree(self._announced, price, now):
            return True
        usual, length = self._usual(now)
        if length >= _ENOUGH:
            self._dearest = max(self._dearest, usual)
        if self._dearest:
            return abs(price) <= TIMES * self._dearest
        return not usual or abs(price) <= _TIMES_AT_FIRST * usual

    def as_list(self) -> list[float]:
        """Return what outlives a restart as JSON, nothing before enough is known."""
        if self._noted is None:
            return []
        return [self._noted.timestamp(), self._dearest]

    def restore(self, stored: object, now: datetime) -> None:
        """Continue with what was stored; what is damaged or old is not there."""
        if not isinstance(stored, list) or len(stored) != 2:
            return
        at, dearest = parse_number(stored[0]), parse_number(stored[1])
        if at is None or dearest is None or not 0 < dearest <= MAX_PRICE:
            return
        if not 0 <= at < _LAST_TIME:
            return
        noted = min(datetime.fromtimestamp(at, UTC), now)
        if now - noted < _STORED_FOR:
            self._noted, self._dearest = noted, dearest
            self._kept = dearest, noted

    def announced(self, now: datetime) -> float | None:
        """Return the price of now that a list has reported before, None without one."""
        slot = slot_at(self._announced, now)
        return None if slot is None else slot.price

    def _usual(self, now: datetime) -> tuple[float, timedelta]:
        """Return the size of most prices, 0.0 if none was, and for how long."""
        spans = sorted(
            (abs(price), end - begin)
            for begin, end, price in self._log.spans(now - _LOOK_BACK, now)
            if price is not None
        )
        total = sum((length for _, length in spans), timedelta())
        left = total * _PART
        for price, length in spans:
            left -= length
            if left <= timedelta():
                self._before = price, total
                break
        # After days without any it is what it was
        return self._before


class UsualPrices:
    """The usual price of each source: of an entity, with what is added to it."""

    def __init__(self, keep: Callable[[], None]) -> None:
        """Begin without any; ``keep`` is called when there is something to store."""
        self._keep = keep
        self._usual: dict[str, UsualPrice] = {}

    def of(self, source: str) -> UsualPrice:
        """Return the usual price of a source, also one that was away."""
        return self._usual.setdefault(source, UsualPrice(self._keep))

    def forget(self) -> None:
        """Begin anew: prices are in another currency."""
        for usual in self._usual.values():
            usual.forget()

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        rows = {source: usual.as_list() for source, usual in self._usual.items()}
        return {source: row for source, row in rows.items() if row}

    def restore(self, stored: object, now: datetime) -> None:
        """Continue with what was stored; what is damaged begins anew."""
        if isinstance(stored, Mapping):
            for source, row in list(stored.items())[:_MAX_SOURCES]:
                self.of(str(source)[:_MAX_SOURCE]).restore(row, now)
