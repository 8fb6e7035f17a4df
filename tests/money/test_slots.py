"""Tests of prices that are known ahead: every shape, every kind of day, and junk."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from itertools import pairwise
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.hmm.money.slots import (
    MAX_SLOTS,
    Slots,
    find_slots,
    slot_at,
    start_of_day,
)

BERLIN = ZoneInfo("Europe/Berlin")
MADRID = ZoneInfo("Europe/Madrid")
WINTER = datetime(2026, 11, 28, 10, 20, tzinfo=UTC)
SPRING = datetime(2026, 3, 29, 10, 20, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 25, 10, 20, tzinfo=UTC)


def times(now: datetime, minutes: int, days: int = 0) -> list[datetime]:
    """Return the starts of the slots of a local day, in UTC."""
    start, end = (start_of_day(now, BERLIN, days + item) for item in (0, 1))
    step = timedelta(minutes=minutes)
    return [start + n * step for n in range((end - start) // step)]


def price_of(moment: datetime) -> float:
    """Return a price that tells its slot; some are negative."""
    return round(((moment.timestamp() // 900) * 37 % 101 - 10) / 100, 4)


def maps(
    now: datetime, minutes: int, start: str, end: str | None, value: str, days: int = 0
) -> list[dict[str, Any]]:
    """Return a list as integrations keep it in their attributes."""
    step = timedelta(minutes=minutes)
    return [
        {
            start: time.astimezone(BERLIN).isoformat(),
            **({end: (time + step).astimezone(BERLIN).isoformat()} if end else {}),
            value: price_of(time),
        }
        for time in times(now, minutes, days)
    ]


def found(
    attributes: Mapping[str, Any], now: datetime, price: float | None = None
) -> Slots:
    """Return the slots that are found, with the state that fits them."""
    fits = price_of(datetime.fromtimestamp(now.timestamp() // 900 * 900, UTC))
    return find_slots(attributes, 1, fits if price is None else price, now, BERLIN)


SHAPES: dict[str, Any] = {
    "nordpool": (("raw_today", "raw_tomorrow"), "start", "end", "value"),
    "entsoe": (("prices_today", "prices_tomorrow"), "time", None, "price"),
    "frank": (("prices", None), "from", "till", "price"),
    "epex": (("data", None), "start_time", "end_time", "price_per_kwh"),
    "octopus": (("rates", None), "start", "end", "value_inc_vat"),
    "amber": (("forecasts", None), "start_time", "end_time", "per_kwh"),
    "tibber": (("forecast", None), "startsAt", None, "total"),
    "energi": (("raw_today", "raw_tomorrow"), "hour", None, "price"),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(
    ("now", "slots"), [(WINTER, 96), (SPRING, 92), (AUTUMN, 100)], ids=str
)
def test_each_shape_on_each_kind_of_day(shape: str, now: datetime, slots: int) -> None:
    """Given a list of 92, 96 or 100 quarters, then each slot has its own price."""
    (today, tomorrow), *keys = SHAPES[shape]
    attributes = {today: maps(now, 15, *keys)}
    if tomorrow:
        attributes[tomorrow] = maps(now, 15, *keys, days=1)
    else:
        attributes[today] += maps(now, 15, *keys, days=1)
    result = found(attributes, now)
    assert len(result) == slots + 96
    assert [slot.start for slot in result] == times(now, 15) + times(now, 15, 1)
    assert all(slot.price == price_of(slot.start) for slot in result)
    assert all(before.end == after.start for before, after in pairwise(result))


@pytest.mark.parametrize(("now", "hours"), [(WINTER, 24), (SPRING, 23), (AUTUMN, 25)])
def test_hours_by_name_and_bare_numbers(now: datetime, hours: int) -> None:
    """Given PVPC's names of hours, or numbers alone, then the instants are right."""
    now = now.replace(minute=0)
    named = {}
    for days, prefix in enumerate(("price_", "price_next_day_")):
        for time in times(now, 60, days):
            local = time.astimezone(MADRID)
            repeated = "_d" if local.fold else ""
            named[f"{prefix}{local.hour:02}h{repeated}"] = price_of(time)
    bare = {"today": [price_of(time) for time in times(now, 60)]}
    assert len(found(named, now)) == hours + 24
    for slots in (found(named, now)[:hours], found(bare, now)):
        assert [slot.start for slot in slots] == times(now, 60)
        assert all(slot.price == price_of(slot.start) for slot in slots)
    assert not found({"today": [*bare["today"], 0.1, 0.2]}, now)


def test_local_times_that_occur_twice() -> None:
    """Given starts without a zone in autumn, then the second hour is the second."""
    naive = [
        {"start": time.astimezone(BERLIN).replace(tzinfo=None), "value": price_of(time)}
        for time in times(AUTUMN, 60)
    ]
    slots = found({"raw_today": naive}, AUTUMN.replace(minute=0))
    assert [slot.start for slot in slots] == times(AUTUMN, 60)


def test_holes_are_no_prices() -> None:
    """Given missing values and entries, then nothing is there in their place."""
    items = maps(WINTER, 60, "start", "end", "value")
    now = WINTER.replace(minute=0)
    items[3]["value"] = None
    items[4]["value"] = float("nan")
    del items[5]
    slots = found({"raw_today": items, "raw_tomorrow": None}, now)
    assert len(slots) == 21
    starts = times(WINTER, 60)
    assert all(slot_at(slots, starts[item]) is None for item in (3, 4, 5))
    without_ends = [{"start": item["start"], "value": item["value"]} for item in items]
    assert slot_at(found({"raw_today": without_ends}, now), starts[5]) is None


def test_seconds_do_not_matter() -> None:
    """Given slots that begin a second late and end one early, then they touch."""
    items = [
        {
            "start_time": (time + timedelta(seconds=1)).isoformat(),
            "end_time": (time + timedelta(minutes=15, seconds=-1)).isoformat(),
            "per_kwh": price_of(time),
        }
        for time in times(WINTER, 15)
    ]
    slots = found({"forecasts": items}, WINTER)
    assert [slot.start for slot in slots] == times(WINTER, 15)
    assert all(before.end == after.start for before, after in pairwise(slots))


def test_a_list_must_agree_with_its_sensor() -> None:
    """Given a list in another unit, of another day or without now, then none of it."""
    items = maps(WINTER, 15, "start", "end", "value")
    fits = price_of(WINTER.replace(minute=15))
    assert found({"raw_today": items}, WINTER)
    assert found({"raw_today": items}, WINTER, fits * 1.009)
    assert not found({"raw_today": items}, WINTER, fits * 1.02)
    assert not found({"raw_today": items}, WINTER, fits * 100)
    assert not found({"raw_today": items}, WINTER + timedelta(days=1), fits)
    # The sensor may be some minutes late, and no more
    before = price_of(WINTER.replace(minute=0))
    assert found({"raw_today": items}, WINTER.replace(minute=16), before)
    assert not found({"raw_today": items}, WINTER.replace(minute=21), before)


def test_tomorrow_that_is_still_today() -> None:
    """Given a list of tomorrow that is that of today, then it is left out."""
    items = maps(WINTER, 60, "start", "end", "value")
    now = WINTER.replace(minute=0)
    assert len(found({"raw_today": items, "raw_tomorrow": items}, now)) == 24


def test_lists_out_of_order() -> None:
    """Given entries that overlap or go back, then the list is not used."""
    now = WINTER.replace(minute=0)
    items = maps(now, 60, "start", "end", "value")
    assert not found({"raw_today": [*items[5:], *items[:5]]}, now)
    assert not found({"raw_today": [items[0], *items]}, now)
    items[7]["end"] = items[9]["end"]
    assert not found({"raw_today": items}, now)


JUNK: list[Any] = [
    *(None, True, 7, "text", b"x", [], {}, [[]], {"start": {"start": []}}),
    *(float("nan"), float("inf"), 10**400, "9" * 10_000, "2026-13-45", "0001-01-01"),
    *("9999-12-31T23:59:59-23:59", datetime.min.replace(tzinfo=UTC)),
]


def test_junk_never_raises_and_never_grows() -> None:
    """Given any attributes, then there are few slots or none, and no error."""
    dice = random.Random(7)
    names = [
        *("raw_today", "raw_tomorrow", "prices", "data", "today", "forecast"),
        *("prices_today", "price_00h", "price_next_day_23h", "tomorrow"),
    ]
    good = maps(WINTER, 15, "start", "end", "value")
    for _ in range(300):
        attributes: dict[str, Any] = {}
        for name in dice.sample(names, 4):
            items = [dict(it) for it in good]
            for item in dice.sample(items, 3):
                item[dice.choice(["start", "end", "value"])] = dice.choice(JUNK)
            items[dice.randrange(96)] = dice.choice(JUNK)
            attributes[name] = dice.choice([items, items, *JUNK])
        slots = found(attributes, WINTER)
        assert all(before.end <= after.start for before, after in pairwise(slots))
    nested: Any = []
    for _ in range(10_000):
        nested = [nested]
    assert not found({"data": nested, "prices": [nested] * 100}, WINTER)
    endless = [
        {"start": WINTER + n * timedelta(minutes=5), "value": 0.2}
        for n in range(100_000)
    ]
    assert len(found({"data": endless}, WINTER, 0.2)) == MAX_SLOTS


def test_days_at_the_end_of_time() -> None:
    """Given starts up to the year 9999, then no end is reckoned that cannot be."""
    ends = [{"start": f"9999-12-{day}T00:00:00+00:00", "value": 1} for day in (30, 31)]
    assert not found({"data": ends}, WINTER)
    good = maps(WINTER, 60, "start", "end", "value")
    now = WINTER.replace(minute=0)
    assert len(found({"data": [*good, *ends]}, now)) == 24
