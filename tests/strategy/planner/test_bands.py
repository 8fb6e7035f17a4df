"""Price bands: which band, when it changes, and what a lost price does."""

from datetime import UTC, datetime, timedelta
import random
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.hmm.money.slots import Slot
from custom_components.hmm.strategy.planner.bands import BandsMemory, decide, planned
from custom_components.hmm.strategy.planner.model import Decision, Inputs, Price
from custom_components.hmm.strategy.planner.settings import (
    BandsSettings,
    CalendarSettings,
    ChampionSettings,
    HeatSettings,
    SettingsError,
    SolarSettings,
)

from .world import HOUR, START, Strategy, World, bands_of, bitaxe, price_of, slots_from

BERLIN = ZoneInfo("Europe/Berlin")
TWO = {"bands": [{"band_name": "a", "upto": 1}, {"band_name": "b"}]}


def three(**timing: Any) -> BandsSettings:
    """Return cheap below 20, normal below 30, dear above."""
    return bands_of(
        ("Cheap", 20, "highest"),
        ("Normal", 30, "normal"),
        ("Dear", None, "off"),
        **timing,
    )


def at(
    price: float | None,
    memory: BandsMemory | None = None,
    settings: BandsSettings | None = None,
    now: datetime = START,
    **inputs: Any,
) -> tuple[Decision, BandsMemory]:
    """Return the decision for a price."""
    shown = None if price is None else Price(price)
    return decide(
        settings or three(),
        memory or BandsMemory(),
        Inputs(now=now, price=shown, miners=(bitaxe().view(now),), **inputs),
    )


@pytest.mark.parametrize(
    ("price", "band"),
    [
        *((-299, "Cheap"), (0, "Cheap"), (19.999, "Cheap")),
        *((20, "Normal"), (29.999, "Normal"), (30, "Dear"), (299, "Dear")),
    ],
)
def test_every_price_is_in_one_band(price: float, band: str) -> None:
    """Given a price, also on a limit, then it is in exactly one band."""
    assert at(price)[0].band == band


def test_a_converted_price_meets_its_limit() -> None:
    """Given 0.29 EUR as cents, which is 28.999999999999996, then it is 29."""
    settings = bands_of(("a", 29, "off"), ("b", None, "off"))
    assert at(0.29 / 0.01, settings=settings)[0].band == "b"


@pytest.mark.parametrize(
    ("bands", "key"),
    [
        ([(20, {}), (20, {}), (None, {})], "limits_order"),
        ([(30, {}), (20, {}), (None, {})], "limits_order"),
        ([(20, {}), (30, {})], "no_top_band"),
        ([(None, {}), (None, {})], "no_top_band"),
        ([(None, {})], "band_count"),
        ([(float("nan"), {}), (None, {})], "not_a_number"),
        ([("20", {}), (None, {})], "not_a_number"),
        ([(20, {"rung": 5}), (None, {})], "not_a_rung"),
        ([(20, {"band_name": ""}), (None, {})], "name_missing"),
        ([(20, {"band_name": "1"}), (None, {})], "name_taken"),
        (
            [(None, {"cheapest": 20}), (None, {"cheapest": 5}), (None, {})],
            "too_many_hours",
        ),
        ([(None, {"cheapest": 0}), (None, {})], "out_of_range"),
        ([(None, {"cheapest": 6}), (None, {"cheapest": 6})], "no_top_band"),
        ([(None, {"states": ["a"]}), (None, {"states": ["a"]})], "states_overlap"),
        ([(20, {"models": {"a": 5}}), (None, {})], "not_a_rung"),
        ([(20, {}), (None, {"models": 3})], "not_a_rung"),
        ([(float(n), {}) for n in range(24)] + [(None, {})], "band_count"),
    ],
)
def test_gaps_and_overlaps_cannot_be_set(bands: list[Any], key: str) -> None:
    """Given bands that leave a gap or are nonsense, then they are refused with a key."""
    stored = [
        {"band_name": str(n), "rung": "off", "upto": upto} | more
        for n, (upto, more) in enumerate(bands)
    ]
    with pytest.raises(SettingsError) as error:
        BandsSettings.from_dict({"bands": stored})
    assert error.value.key == key


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (ChampionSettings, {}),
        (ChampionSettings, {"above": 3, "band": "Dear"}),
        (ChampionSettings, {"above": 3, "reserve": "highest"}),
        (ChampionSettings, {"above": True}),
        (SolarSettings, {"reserve": -5}),
        (SolarSettings, {"battery_first": "yes"}),
        (SolarSettings, {"order": "abc"}),
        (HeatSettings, {"tolerance": 99}),
        (HeatSettings, {"lowest_rung": ""}),
        (CalendarSettings, {"from": "22:00", "to": "22:00"}),
        (CalendarSettings, {"from": "22:00"}),
        (CalendarSettings, {"from": "25:00", "to": "07:00"}),
        (CalendarSettings, {"days": ["monday"]}),
        (CalendarSettings, {"kind": "loud"}),
        (BandsSettings, {"bands": 5}),
        (BandsSettings, TWO | {"fallback": "band_gone"}),
        (BandsSettings, TWO | {"fallback": 7}),
        (BandsSettings, {"bands": ["cheap", None]}),
        (CalendarSettings, {"kind": ["quiet"]}),
    ],
)
def test_settings_that_cannot_be_are_refused(kind: Any, data: dict[str, Any]) -> None:
    """Given settings out of range, then a typed error names the field."""
    with pytest.raises(SettingsError) as error:
        kind.from_dict(data)
    assert error.value.where


def test_a_price_near_a_limit_changes_nothing() -> None:
    """Given a price inside the dead band of its limit, then the band stays."""
    for name, inside, outside in (("Cheap", 20.39, 20.41), ("Normal", 19.61, 19.59)):
        memory = BandsMemory(band=name, since=START - HOUR)
        assert at(inside, memory)[0].band == name
        assert at(outside, memory)[0].band != name


def test_what_is_expected_stays_in_a_band_until_its_limit_is_passed() -> None:
    """The color of a bar is that of its price; what is planned is what will be done."""
    begin = datetime(2026, 11, 28, tzinfo=BERLIN).astimezone(UTC)
    slots = tuple(
        Slot(begin + hour * HOUR, begin + (hour + 1) * HOUR, price)
        for hour, price in enumerate((25.0, 19.9, 15.0, 20.1, 31.0, 29.9, 25.0))
    )

    def bands(**how: bool) -> list[str | None]:
        result = planned(three(), slots, begin, BERLIN, **how)
        return [band for _, band in result]

    low, mid, high = "Cheap", "Normal", "Dear"
    assert bands() == [mid, low, low, mid, high, mid, mid]
    assert bands(expected=True) == [mid, mid, low, low, high, high, mid]


def test_a_lower_price_never_gives_a_dearer_band() -> None:
    """Given equal memory and prices ahead, then the band rises with the price."""
    rng = random.Random(1)
    for _ in range(300):
        memory = BandsMemory(
            band=rng.choice(["Cheap", "Normal", "Dear", None]),
            since=START - timedelta(minutes=rng.randint(0, 40)),
        )
        ahead = slots_from(
            START + timedelta(minutes=15), [rng.uniform(5, 45) for _ in range(8)]
        )
        prices = sorted(rng.uniform(-5, 45) for _ in range(6))
        result = [at(price, memory, slots=ahead)[0].band or "" for price in prices]
        order = ["Cheap", "Normal", "Dear"]
        assert result == sorted(result, key=order.index), (memory, prices)


def test_prices_in_another_unit_decide_alike() -> None:
    """Given the same prices per MWh in cents, then the bands are the same."""
    rng = random.Random(2)
    for factor in (0.01, 10, 1000):
        plain, scaled = (
            bands_of(("a", 0, "highest"), ("b", upto, "normal"), ("c", None, "off"))
            for upto in (20, 20 * factor)
        )
        one = other = BandsMemory()
        now = START
        for _ in range(200):
            price = rng.uniform(-5, 40)
            first, one = at(price, one, plain, now)
            second, other = at(price * factor, other, scaled, now)
            assert first.band == second.band
            now += timedelta(minutes=rng.randint(5, 30))


def test_a_cheap_slot_alone_is_not_taken() -> None:
    """Given a cheaper price that lasts one slot, then the band stays; two are taken."""
    memory = BandsMemory(band="Dear", since=START - HOUR)
    settings = three(min_time=30)
    for prices, band in (
        ([10, 40, 40], "Dear"),
        ([10, 25, 25], "Normal"),
        ([10, 10, 40], "Cheap"),
    ):
        decision, _ = at(10, memory, settings, slots=slots_from(START, prices))
        assert decision.band == band, prices
    decision, _ = at(10, memory, settings, slots=slots_from(START, [10, 40]))
    assert decision.sentence.key == "hold_next"
    assert decision.sentence.values == {"band": "Cheap", "price": 40}
    blind = three(min_time=30, look_ahead=False)
    assert at(10, memory, blind, slots=slots_from(START, [10, 40]))[0].band == "Cheap"


def test_a_dearer_price_is_followed_at_once_but_for_the_minimum_time() -> None:
    """Given a dearer price, then only the minimum time holds it."""
    memory = BandsMemory(band="Cheap", since=START - timedelta(minutes=5))
    decision, kept = at(40, memory)
    assert decision.band == "Cheap"
    assert decision.sentence.key == "hold_time"
    assert decision.sentence.values["minutes"] == 5
    assert decision.next_check_at == START + timedelta(minutes=10)
    assert at(40, kept, now=decision.next_check_at)[0].band == "Dear"


def test_it_says_what_comes_next() -> None:
    """Given prices ahead, then the sentence names the next band and when."""
    slots = slots_from(START, [25, 25, 25, 40])
    decision, _ = at(25, slots=slots)
    assert decision.sentence.key == "band"
    assert decision.next_band == decision.sentence.values["next"] == "Dear"
    assert decision.next_change_at == slots[3].start
    assert at(25)[0].sentence.key == "band_unknown_next"


def test_a_list_that_disagrees_with_the_sensor_is_not_believed() -> None:
    """Given slots that say another price than the sensor does, then the sensor counts."""
    slots = slots_from(START - 10 * timedelta(minutes=1), [50, 50], 60)
    assert at(10, slots=slots)[0].band == "Cheap"
    # Just after the change the sensor may be late: there the list counts
    late = START + timedelta(minutes=1)
    two = slots_from(START - HOUR, [10, 50], 60)
    assert at(10, slots=two, now=late)[0].band == "Dear"


@pytest.mark.parametrize("price", [float("nan"), float("inf"), 1e9, -1e9, 400.0, None])
def test_an_absurd_price_is_none(price: float | None) -> None:
    """Given a price that cannot be, then the band is held, and the first one waits."""
    memory = BandsMemory(band="Normal", since=START - HOUR)
    decision, kept = at(price, memory)
    assert (decision.band, decision.state) == ("Normal", "holding")
    assert decision.sentence.key == "price_missing"
    assert kept.band == "Normal"
    first, _ = at(price)
    assert first.state == "waiting"
    assert {wish.rung for wish in first.wishes} == {"leave"}


def test_a_price_that_is_in_the_list_as_well_is_no_absurd_one() -> None:
    """Given ten times the usual price in sensor and list, then it is believed."""
    assert at(400.0, slots=slots_from(START, [400.0, 400.0]))[0].band == "Dear"


@pytest.mark.parametrize(
    ("fallback", "band", "rung"),
    [
        ("keep", "Cheap", "highest"),
        ("off", None, "off"),
        ("band_Normal", "Normal", "normal"),
    ],
)
def test_a_lost_price_is_held_and_then_falls_back_once(
    fallback: str, band: str | None, rung: str
) -> None:
    """Given a price that is lost, then it holds, falls back, and does not flap."""
    settings = three(fallback=fallback)
    memory = BandsMemory(band="Cheap", since=START - HOUR, valid_until=START + HOUR)
    now, seen = START, []
    while now < START + timedelta(hours=4):
        decision, memory = at(None, memory, settings, now)
        seen.append((decision.state, decision.band, decision.wishes[0].rung))
        now = decision.next_check_at
    held = [item for item in seen if item[0] == "holding"]
    assert set(held) == {("holding", "Cheap", "highest")}
    assert set(seen[len(held) :]) == {("fallback", band, rung)}
    # 15 min after the end of the last slot
    decision, _ = at(None, BandsMemory("Cheap", START, START, START + HOUR), settings,
                     START + HOUR + timedelta(minutes=15))  # fmt: skip
    assert decision.state == "fallback"


def test_a_stale_price_is_held_too() -> None:
    """Given a price whose slot is long over, then it is a lost one."""
    memory = BandsMemory(band="Cheap", since=START - HOUR)
    late = START + timedelta(minutes=3)
    inputs = Inputs(now=late, price=Price(40, START), miners=(bitaxe().view(late),))
    decision, _ = decide(three(), memory, inputs)
    assert (decision.band, decision.sentence.key) == ("Cheap", "price_missing")


def day_of(date: datetime, minutes: int = 15) -> tuple[Slot, ...]:
    """Return the slots of a local day, dear in the evening; 92 to 100 quarters."""
    begin = date.replace(hour=0, tzinfo=BERLIN)
    end = (begin + timedelta(days=1)).astimezone(UTC)
    begin = begin.astimezone(UTC)
    count = int((end - begin) / timedelta(minutes=minutes))
    prices = [20 + abs(n - count * 0.6) / count * 20 for n in range(count)]
    return slots_from(begin, prices, minutes)


@pytest.mark.parametrize(
    ("day", "count"), [((3, 29), 92), ((10, 25), 100), ((6, 1), 96)]
)
@pytest.mark.parametrize("minutes", [15, 60])
def test_the_cheapest_hours_of_any_day(
    day: tuple[int, int], count: int, minutes: int
) -> None:
    """Given a day of 23, 24 or 25 hours, then exactly its six cheapest are cheap."""
    slots = day_of(datetime(2026, *day, tzinfo=BERLIN), minutes)
    assert len(slots) == count * 15 // minutes
    settings = bands_of(("Cheap", None, {"cheapest": 6}), ("Rest", None, "lowest"))
    cheap = []
    for slot in slots:
        inputs = Inputs(now=slot.start, zone=BERLIN, slots=slots)
        if decide(settings, BandsMemory(), inputs)[0].band == "Cheap":
            cheap.append(slot)
    assert sum((item.end - item.start for item in cheap), timedelta()) == timedelta(
        hours=6
    )
    assert max(item.price for item in cheap) <= min(
        item.price for item in slots if item not in cheap
    )
    # Too much of the day is unknown
    inputs = Inputs(now=slots[0].start, zone=BERLIN, slots=slots[: len(slots) // 2])
    assert decide(settings, BandsMemory(), inputs)[0].state == "waiting"


def test_equal_instants_decide_alike_in_any_zone() -> None:
    """Given prices over a change to winter time, then the zone alters nothing."""
    slots = day_of(datetime(2026, 10, 25, tzinfo=BERLIN))
    for timestamp in (slots[0].start + n * timedelta(minutes=7) for n in range(210)):
        price = price_of(slots, timestamp)
        bands = {
            decide(
                three(),
                BandsMemory(),
                Inputs(now=timestamp, zone=zone, price=price, slots=slots),
            )[0].band
            for zone in (UTC, BERLIN, ZoneInfo("Australia/Lord_Howe"))
        }
        assert len(bands) == 1


def test_a_tariff_has_bands_too() -> None:
    """Given a tariff in words, then each word has its band, and others are unknown."""
    settings = bands_of(
        ("Night", None, {"states": ["low", "off"]}), ("Day", None, {"states": ["high"]})
    )
    assert at(None, settings=settings, tariff="off")[0].band == "Night"
    assert at(None, settings=settings, tariff="high")[0].band == "Day"
    assert at(None, settings=settings, tariff="unavailable")[0].state == "waiting"


def test_a_model_has_its_own_rung() -> None:
    """Given a band with a rung per model, then the model gets it, and a pool both."""
    own = {"models": {"Bitaxe": "turbo"}, "pool": "account"}
    settings = bands_of(("Cheap", 20, own), ("Rest", None, "off"))
    (wish,) = at(10, settings=settings)[0].wishes
    assert (wish.rung, wish.pool) == ("mode:turbo", "account")
    assert at(90, settings=settings)[0].wishes[0].pool is None


def test_a_price_that_was_valid_forever_is_held_no_longer() -> None:
    """Given a file that says the year 9999, then the band is held for two hours."""
    stored = {"version": 1, "band": "Cheap", "valid_until": "9999-12-31T23:59:59+00:00"}
    decision, memory = at(None, BandsMemory.restored(stored, START))
    assert decision.state == "holding"
    decision, _ = at(None, memory, now=START + 2 * HOUR)
    assert decision.state == "fallback"


def test_looking_ahead_right_costs_no_more_per_kwh() -> None:
    """Given a month of prices, then looking ahead saves, and the day sums agree."""
    rng = random.Random(3)
    prices = [25 + 12 * rng.uniform(-1, 1) for _ in range(96 * 20)]
    slots = slots_from(START, prices)
    cost = {}
    for look in (True, False):
        miner = bitaxe()
        settings = three(look_ahead=look, min_time=30, max_switches=96)

        def feed(now: datetime) -> dict[str, Any]:
            place = int((now - START) / timedelta(minutes=15))
            ahead = slots[place : place + 40]
            return {"price": price_of(ahead, now), "slots": ahead}

        world = World([miner], [Strategy("s", "price_bands", settings, feed)])
        energy = money = 0.0
        for slot in slots[:400]:
            world.now = slot.start
            world.step()
            energy += miner.watts(world.now + timedelta(minutes=1))
            money += miner.watts(world.now + timedelta(minutes=1)) * slot.price
        cost[look] = money / energy
    assert cost[True] <= cost[False]
