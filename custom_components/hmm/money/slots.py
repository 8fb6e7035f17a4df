"""Prices that are known ahead, from the attributes that integrations keep them in.

There is one adapter for each shape of attributes. A list is taken only if it is in
order and its slot of now agrees with the state of its sensor: that alone finds a wrong
unit, tax, time zone or day. It knows no Home Assistant.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta, tzinfo
from itertools import islice, pairwise
from typing import Any, Final

from ..driver_api.units import parse_number

MAX_SLOTS: Final = 1000
"""Entries of a list that are looked at: a week in quarters of an hour, and more."""

MAX_PRICE: Final = 1e6
"""Of any currency, for a kWh; what is beyond is no price."""

_LONGEST_TIME = 40
_YEARS = range(2000, 3000)
"""Of a price; further ahead Python cannot add an hour."""
_SHORTEST = timedelta(minutes=1)
_LONGEST = timedelta(days=1)
_LATE = timedelta(minutes=5)
"""How long after the end of a slot its sensor may still show it."""

_AGREES = 0.01

# Lists that follow each other: the second is of the next day
_LISTS: tuple[tuple[str, ...], ...] = (
    ("raw_today", "raw_tomorrow"),
    ("prices_today", "prices_tomorrow"),
    ("prices",),
    ("data",),
    ("rates",),
    ("forecasts",),
    ("forecast",),
)
_NUMBERS = ("today", "tomorrow")
_STARTS = (
    *("start", "start_time", "from", "hour", "time", "startsAt", "starts_at"),
    *("timestamp", "datetime"),
)
_ENDS = ("end", "end_time", "till", "to", "endsAt", "ends_at")
_VALUES = (
    *("value", "price", "price_per_kwh", "per_kwh", "value_inc_vat"),
    *("total", "electricity_price"),
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A price from one instant to another, in UTC; currency per kWh."""

    start: datetime
    end: datetime
    price: float


@dataclass(frozen=True, slots=True)
class _Entry:
    """One entry of a list: without ``end`` it ends with the next, None is a hole."""

    start: datetime
    end: datetime | None
    price: float | None


type Slots = tuple[Slot, ...]


def find_slots(
    attributes: Mapping[str, Any],
    factor: float,
    price: float,
    now: datetime,
    zone: tzinfo,
    rounding: float = 0.0,
) -> Slots:
    """Return the slots that attributes report, empty if none can be trusted.

    ``factor`` makes currency per kWh of their values; ``price`` is the state in that,
    off by at most ``rounding``. ``zone`` is that of times without one.
    """
    for entries in _shapes(attributes, now, zone):
        slots = _slots(entries, factor)
        if agree(slots, price, now, rounding):
            return slots
    return ()


def slots_of(items: Any, factor: float, zone: tzinfo) -> Slots:
    """Return the slots of one list of maps, empty if it is not in order."""
    return _slots(_maps(items, zone), factor)


def slot_at(slots: Sequence[Slot], instant: datetime) -> Slot | None:
    """Return the slot that an instant is in, None in a hole; they are in order."""
    place = bisect_right(slots, instant, key=lambda slot: slot.start) - 1
    return slots[place] if place >= 0 and instant < slots[place].end else None


def agree(
    slots: Sequence[Slot], price: float, now: datetime, rounding: float = 0.0
) -> bool:
    """Return whether slots say of now what the sensor does.

    For some minutes after its end the sensor may still show the slot before.
    """
    shown = [slot_at(slots, now)]
    if shown[0] is None:
        return False
    if now - shown[0].start < _LATE:
        shown.append(slot_at(slots, shown[0].start - _SHORTEST))
    return any(
        slot is not None
        and abs(slot.price - price)
        <= max(_AGREES * max(abs(slot.price), abs(price)), rounding)
        for slot in shown
    )


def with_price(slots: Slots, change: Callable[[float], float]) -> Slots:
    """Return slots with their prices changed: taxes, a surcharge."""
    return tuple(replace(slot, price=change(slot.price)) for slot in slots)


def start_of_day(now: datetime, zone: tzinfo, days: int = 0) -> datetime:
    """Return a local midnight in UTC, of today or so many days later."""
    day = now.astimezone(zone).date() + timedelta(days=days)
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _shapes(
    attributes: Mapping[str, Any], now: datetime, zone: tzinfo
) -> Iterator[list[_Entry]]:
    """Return what each adapter finds, those with times first."""
    for names in _LISTS:
        entries: list[_Entry] = []
        for name in names:
            more = _maps(attributes.get(name), zone)
            # Around midnight "tomorrow" may still be today
            if not entries or (more and more[0].start > entries[-1].start):
                entries += more
        if entries:
            yield entries
    yield _named_hours(attributes, now, zone)
    yield [
        entry
        for days, name in enumerate(_NUMBERS)
        for entry in _numbers(attributes.get(name), now, zone, days)
    ]


def _items(value: Any) -> Iterable[Any]:
    return islice(value, MAX_SLOTS) if isinstance(value, list | tuple) else ()


def _maps(value: Any, zone: tzinfo) -> list[_Entry]:
    """Read a list of maps; entries without a start are left out."""
    entries: list[_Entry] = []
    for item in _items(value):
        if not isinstance(item, Mapping):
            continue
        after = entries[-1].start if entries else None
        start = _instant(_first(item, _STARTS), zone, after)
        if start is not None:
            end = _instant(_first(item, _ENDS), zone, start)
            entries.append(_Entry(start, end, parse_number(_first(item, _VALUES))))
    return entries


def _named_hours(
    attributes: Mapping[str, Any], now: datetime, zone: tzinfo
) -> list[_Entry]:
    """Read PVPC: an attribute for each local hour, "_d" for the one that repeats."""
    entries = []
    for days, prefix in enumerate(("price_", "price_next_day_")):
        instant, end = (start_of_day(now, zone, days + day) for day in (0, 1))
        while instant < end:
            local = instant.astimezone(zone)
            name = f"{prefix}{local.hour:02}h{'_d' if local.fold else ''}"
            entries.append(
                _Entry(
                    instant,
                    instant + timedelta(hours=1),
                    parse_number(attributes.get(name)),
                )
            )
            instant += timedelta(hours=1)
    return entries


def _numbers(value: Any, now: datetime, zone: tzinfo, days: int) -> list[_Entry]:
    """Read a list that reports no times: its length must be that of its day."""
    prices = [parse_number(item) for item in _items(value)]
    start, end = (start_of_day(now, zone, days + day) for day in (0, 1))
    hours = (end - start) / timedelta(hours=1)
    if not prices or len(prices) not in (hours, 2 * hours, 4 * hours):
        return []
    step = (end - start) / len(prices)
    return [
        _Entry(start + place * step, start + (place + 1) * step, price)
        for place, price in enumerate(prices)
    ]


def _slots(entries: list[_Entry], factor: float) -> Slots:
    """Return entries as slots, none if they overlap or are not in order.

    Where only starts are reported, no slot is longer than the smallest step: the rest
    may be a hole.
    """
    steps = [after.start - before.start for before, after in pairwise(entries)]
    if any(step < _SHORTEST for step in steps):
        return ()
    longest = min(steps, default=None)
    slots: list[Slot] = []
    for place, entry in enumerate(entries):
        end = entry.end
        if end is None:
            if longest is None:
                return ()
            end = entry.start + longest
        if place < len(steps) and end > entries[place + 1].start:
            return ()
        if not _SHORTEST <= end - entry.start <= _LONGEST:
            return ()
        price = None if entry.price is None else entry.price * factor
        if price is not None and abs(price) <= MAX_PRICE:
            slots.append(Slot(entry.start, end, price))
    return tuple(slots)


def _first(item: Mapping[Any, Any], names: Iterable[str]) -> Any:
    return next((item[name] for name in names if name in item), None)


def _instant(value: Any, zone: tzinfo, after: datetime | None) -> datetime | None:
    """Return a time in UTC, to the minute: some begin a second late or end one early.

    Of a local time that occurs twice it is the second where the first is not after
    ``after``.
    """
    try:
        if isinstance(value, str) and len(value) <= _LONGEST_TIME:
            value = datetime.fromisoformat(value)
        if not isinstance(value, datetime):
            return None
        instant = _to_minute(value if value.tzinfo else value.replace(tzinfo=zone))
        if value.tzinfo is None and after is not None and instant <= after:
            instant = _to_minute(value.replace(tzinfo=zone, fold=1))
    except ValueError, OverflowError:
        return None
    return instant if instant.year in _YEARS else None


def _to_minute(value: datetime) -> datetime:
    rounded = value.astimezone(UTC) + timedelta(seconds=30)
    return rounded.replace(second=0, microsecond=0)
