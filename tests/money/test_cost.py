"""Tests of the sums of cost, whatever the prices, days and spans are."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
import math
import random

import pytest

from custom_components.hmm.money.cost import (
    MAX_COST,
    Charge,
    CostMeter,
    Period,
    PriceLog,
)
from custom_components.hmm.money.efficiency import DayEfficiency
from custom_components.hmm.money.slots import Slot

START = datetime(2026, 10, 24, 22, tzinfo=UTC)
MONTH = datetime(2026, 9, 30, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_parts_sum_to_the_whole() -> None:
    """Given energy split in any way, then cost and unpriced energy are the same."""
    dice = random.Random(21)
    whole, parts = CostMeter(), [CostMeter() for _ in range(5)]
    split = CostMeter()
    energy = 0.0
    for _ in range(2000):
        kwh = dice.random()
        price = dice.choice([None, 0.3, -0.05, 0.0, dice.uniform(-1, 5)])
        energy += kwh
        whole.charge(Charge(kwh, price, START, MONTH))
        dice.choice(parts).charge(Charge(kwh, price, START, MONTH))
        cut = dice.random()
        for part in (kwh * cut, kwh * (1 - cut)):
            split.charge(Charge(part, price, START, MONTH))
    for name in ("cost", "unpriced"):
        together = math.fsum(getattr(part, name) for part in parts)
        assert getattr(whole, name) == pytest.approx(together)
        assert getattr(whole, name) == pytest.approx(getattr(split, name))
    assert 0 < whole.unpriced < energy
    assert whole.day.cost == whole.month.cost == pytest.approx(whole.cost)


def test_days_begin_anew_by_instants() -> None:
    """Given a day of 25 hours, then its energy is all its own."""
    meter = CostMeter()
    next_day = START + 25 * HOUR
    for hour in range(49):
        day = START if hour < 25 else next_day
        meter.charge(Charge(1, 0.1, day, MONTH))
        if hour == 24:
            assert meter.day.cost == pytest.approx(2.5)
    assert meter.day == Period(next_day, pytest.approx(2.4))
    assert meter.month.cost == pytest.approx(4.9) == meter.cost
    # Energy of yesterday that comes late is not of today
    meter.charge(Charge(1, 0.1, START, MONTH))
    assert meter.day.cost == pytest.approx(2.4)
    assert meter.cost == pytest.approx(5.0)


def test_sums_survive_a_restart_and_damage_does_not() -> None:
    """Given what was stored, then it goes on; a broken sum is told, not made zero."""
    meter = CostMeter(-1.5, 0.25, Period(START, 2.0), Period(MONTH, 3.0))
    assert CostMeter.from_dict(meter.as_dict()) == meter
    for broken in ({}, {"cost": "x"}, {**meter.as_dict(), "cost": float("nan")}):
        with pytest.raises((ValueError, LookupError)):
            CostMeter.from_dict(broken)
    with pytest.raises(ValueError, match="cost"):
        CostMeter.from_dict({**meter.as_dict(), "cost": 2 * MAX_COST})
    for period in (None, [], [1e300, 1], ["x", 1], [0, float("inf")], [-1, 2], 7):
        assert Period.of(period) == Period()


def test_spans_have_no_gaps() -> None:
    """Given any notes, then spans follow each other and cover what was asked for."""
    dice = random.Random(5)
    for _ in range(200):
        log, at = PriceLog(), START
        for _ in range(dice.randrange(40)):
            at += timedelta(seconds=dice.randrange(-100, 3000))
            log.note(at, dice.choice([None, 0.1, 0.2, 0.3]))
        begin = START + timedelta(seconds=dice.randrange(-5000, 40_000))
        end = begin + timedelta(seconds=dice.randrange(1, 90_000))
        spans = list(log.spans(begin, end))
        assert spans[0][0] == begin
        assert spans[-1][1] == end
        assert all(one[1] == two[0] for one, two in pairwise(spans))
        assert all(one[0] < one[1] for one in spans)


def test_a_price_counts_from_its_slot_on() -> None:
    """Given slots, then a span over their border has both prices, and holes none."""
    log = PriceLog()
    slots = tuple(
        Slot(START + n * HOUR, START + (n + 1) * HOUR, n / 10) for n in (0, 1, 3, 4)
    )
    log.note(START + 3 * HOUR, 0.3, slots)
    log.note(START + 4 * HOUR, 0.4, slots)
    spans = log.spans(START - HOUR, START + 5 * HOUR)
    assert [price for _, _, price in spans] == [None, 0.0, 0.1, None, 0.3, 0.4]


def test_the_log_is_bounded() -> None:
    """Given years of prices, then two days of them are kept."""
    log = PriceLog()
    for n in range(20_000):
        log.note(START + n * 0.25 * HOUR, n)
    assert len(log._notes) < 200
    for n in range(20_000):
        log.note(START + timedelta(days=300, seconds=n), n)
    assert len(log._notes) <= 1000


def test_efficiency_of_a_day() -> None:
    """Given energy and hashes, then their ratio over 24 h, once an hour is known."""
    day, now = DayEfficiency(), 1_800_000_000.0
    for minute in range(59):
        day.add(now + 60 * minute, 0.0003, 72.0, 60)
    assert day.value(now + 3540) is None
    day.add(now + 3540, 0.0003, 72.0, 60)
    assert day.value(now + 3540) == pytest.approx(15)
    assert DayEfficiency.from_dict(day.as_dict()) == day
    assert day.value(now + 26 * 3600) is None
    for hour in range(100):
        day.add(now + hour * 3600, 0.018, 3600, 3600)
    assert len(day.hours) == 24
    assert day.value(now + 99 * 3600) == pytest.approx(18)
    with pytest.raises(ValueError, match="x"):
        DayEfficiency.from_dict({"1": [1, 2, "x"]})
