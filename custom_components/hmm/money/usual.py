"""Tells a price from a fault of its sensor, by what prices were before.

A spike of ten times the usual price is a price, and so is any that was announced in a
list, or is negative. It knows no Home Assistant.
"""

from datetime import datetime, timedelta
from typing import Final

from .cost import PriceLog
from .slots import Slots, agree, slot_at

TIMES: Final = 20
"""How many times the usual price is beyond belief."""

_TIMES_AT_FIRST: Final = 1000
"""The same while less than half a day is known: a free hour says little."""

_LOOK_BACK = timedelta(days=2)
_ENOUGH = timedelta(hours=12)
_PART: Final = 0.9
"""The usual price is dearer than that of this part of the time."""


class UsualPrice:
    """What prices were, and which ones are beyond belief."""

    def __init__(self) -> None:
        """Begin without knowing any: the first one is believed."""
        self._log = PriceLog()
        self._announced: Slots = ()
        self._before = 0.0, timedelta()
        self._dearest = 0.0
        """The highest usual price so far: after nights of wind it comes back."""

    def note(self, now: datetime, price: float | None, slots: Slots) -> None:
        """Take a price for a real one, with those that are announced."""
        self._log.note(now, price, slots)
        self._announced = slots or self._announced

    def believes(self, now: datetime, price: float, most: float | None) -> bool:
        """Return whether a price can be real; with ``most`` its owner decides that."""
        if most is not None:
            return abs(price) <= most
        if agree(self._announced, price, now):
            return True
        usual, known = self._usual(now)
        if known < _ENOUGH:
            return not usual or abs(price) <= _TIMES_AT_FIRST * usual
        self._dearest = max(self._dearest, usual)
        return not usual or abs(price) <= TIMES * self._dearest

    def announced(self, now: datetime) -> float | None:
        """Return the price of now that a list has told before, None without one."""
        slot = slot_at(self._announced, now)
        return None if slot is None else slot.price

    def _usual(self, now: datetime) -> tuple[float, timedelta]:
        """Return the size of most prices, 0.0 if none was, and for how long."""
        spans = sorted(
            (abs(price), end - begin)
            for begin, end, price in self._log.spans(now - _LOOK_BACK, now)
            if price is not None
        )
        known = sum((length for _, length in spans), timedelta())
        left = known * _PART
        for price, length in spans:
            left -= length
            if left <= timedelta():
                self._before = price, known
                break
        # After days without any it is what it was
        return self._before
