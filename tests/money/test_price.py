"""Tests of the price of electricity, as Home Assistant tells it."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from threading import current_thread, main_thread
from typing import Any
from zoneinfo import ZoneInfo

import aiozoneinfo
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant, ServiceCall, SupportsResponse
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.money.price import Price, PriceReason, PriceSource
from tests.common import fire_time_changed

NOW = datetime(2026, 11, 28, 10, 20, tzinfo=UTC)
HOUR = timedelta(hours=1)
THIS_HOUR = NOW.replace(minute=0)
SENSOR = "sensor.price"


@pytest.fixture(autouse=True)
async def euros(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> None:
    """Be in Berlin, at a time of no importance."""
    freezer.move_to(NOW)
    await hass.config.async_update(currency="EUR", time_zone="Europe/Berlin")


def show(hass: HomeAssistant, state: Any, unit: Any = "EUR/kWh", **more: Any) -> None:
    """Have the sensor show a price."""
    hass.states.async_set(
        SENSOR, str(state), {"unit_of_measurement": unit, **more}, force_update=True
    )


def rows(
    prices: Iterable[float],
    first: datetime = THIS_HOUR,
    step: timedelta = HOUR,
    keys: tuple[str, str, str] = ("start", "end", "value"),
) -> list[dict[str, Any]]:
    """Return a list of prices, one after the other, as integrations report it."""
    return [
        dict(zip(keys, (first + n * step, first + (n + 1) * step, price), strict=True))
        for n, price in enumerate(prices)
    ]


def hours(*prices: float) -> list[Any]:
    """Return a list of prices by the hour, from this one on."""
    return rows(prices)


def listen(
    hass: HomeAssistant, entity: str = SENSOR
) -> tuple[PriceSource, list[Price]]:
    """Return a source that is listened to, and what it then said."""
    source, readings = PriceSource(hass, entity=entity), []
    source.async_listen(lambda: readings.append(source.read(dt_util.utcnow())))
    return source, readings


def answers(
    hass: HomeAssistant,
    sensor: tuple[str, str],
    action: str,
    answer: Callable[[ServiceCall], Awaitable[Any]],
) -> str:
    """Let an integration have a price, and an action that answers; return its entry."""
    entry = MockConfigEntry(domain=sensor[0])
    entry.add_to_hass(hass)
    er.async_get(hass).async_get_or_create(
        "sensor", *sensor, suggested_object_id="price", config_entry=entry
    )
    hass.services.async_register(
        sensor[0], action, answer, supports_response=SupportsResponse.ONLY
    )
    return entry.entry_id


async def pass_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, step: timedelta
) -> datetime:
    """Let time pass; return what it is then."""
    freezer.tick(step)
    fire_time_changed(hass)
    await hass.async_block_till_done()
    return dt_util.utcnow()


@pytest.mark.parametrize(
    ("state", "unit", "price", "reason"),
    [
        ("0.284", "EUR/kWh", 0.284, None),
        ("28.4", "ct/kWh", 0.284, None),
        ("284", "€/MWh", 0.284, None),
        ("-3.5", "ct/kWh", -0.035, None),
        # A real spike of 1000 % is a price like any other
        ("3.2", "EUR/kWh", 3.2, None),
        ("0.284", "GBP/kWh", None, PriceReason.UNIT_CHANGED),
        ("0.284", "EUR", None, PriceReason.UNIT_CHANGED),
        ("0.284", None, None, PriceReason.UNIT_CHANGED),
        ("0.284", ["EUR/kWh"], None, PriceReason.UNIT_CHANGED),
        ("unavailable", "EUR/kWh", None, PriceReason.UNAVAILABLE),
        ("unknown", "EUR/kWh", None, PriceReason.UNAVAILABLE),
        ("nan", "EUR/kWh", None, PriceReason.UNAVAILABLE),
        ("inf", "EUR/kWh", None, PriceReason.UNAVAILABLE),
        ("1e300", "EUR/kWh", None, PriceReason.UNAVAILABLE),
        ("cheap", "EUR/kWh", None, PriceReason.UNAVAILABLE),
    ],
)
async def test_what_a_sensor_may_say(
    hass: HomeAssistant, state: str, unit: Any, price: float | None, reason: Any
) -> None:
    """Given a state and a unit, then it is a price, or there is a reason."""
    show(hass, state, unit)
    read = PriceSource(hass, entity=SENSOR).read(NOW)
    assert read.value == (None if price is None else pytest.approx(price))
    assert read.reason == reason


async def test_prices_without_a_sensor(hass: HomeAssistant) -> None:
    """Given a fixed price, none, or an entity that is gone, then each is told."""
    assert PriceSource(hass, fixed=0.3).read(NOW).value == 0.3
    assert PriceSource(hass).read(NOW).reason is PriceReason.NOT_CONFIGURED
    for gone in ("sensor.gone", "0123456789abcdef0123456789abcdef"):
        read = PriceSource(hass, entity=gone).read(NOW)
        assert (read.value, read.reason) == (None, PriceReason.UNAVAILABLE)


async def test_surcharge_and_tax(hass: HomeAssistant) -> None:
    """Given an exchange price, then surcharge and tax are on it and on what comes."""
    show(hass, 0.10, raw_today=hours(0.10, -0.20))
    read = PriceSource(hass, entity=SENSOR, surcharge=0.15, vat=20).read(NOW)
    assert read.value == pytest.approx(0.3)
    assert [slot.price for slot in read.slots] == pytest.approx([0.3, -0.06])
    assert read.valid_until == THIS_HOUR + HOUR


async def test_the_slot_decides_where_the_sensor_is_late(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a sensor that shows the slot before, then the new one counts at once."""
    show(hass, 0.2, raw_today=hours(0.2, 0.4, 0.4))
    source, readings = listen(hass)
    await pass_time(hass, freezer, timedelta(minutes=40, seconds=6))
    assert [item.value for item in readings] == [0.4]
    # Nor does an equal price of the next slot need another state
    show(hass, 0.4, raw_today=hours(0.2, 0.4, 0.4))
    await pass_time(hass, freezer, HOUR)
    assert source.read(dt_util.utcnow()).valid_until == THIS_HOUR + 3 * HOUR


async def test_a_sensor_that_stands_still(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a list that ended and no news, then its price is stale, not cheap."""
    show(hass, 0.2, raw_today=hours(0.2, 0.4))
    _, readings = listen(hass)
    for _ in range(13):
        await pass_time(hass, freezer, timedelta(minutes=10))
    assert readings[-1].reason is PriceReason.STALE
    assert readings[-1].value is None
    # News without a list are a price again
    show(hass, 0.5)
    await hass.async_block_till_done()
    assert readings[-1].value == 0.5


async def test_a_sensor_without_a_list_is_never_stale(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a fixed tariff in a helper, then it counts for as long as it is there."""
    show(hass, 0.3)
    source = PriceSource(hass, entity=SENSOR)
    freezer.tick(timedelta(days=30))
    assert source.read(dt_util.utcnow()).value == 0.3


async def glitch(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, *states: Any, most: Any = None
) -> list[tuple[float | None, PriceReason | None]]:
    """Return what is read of 30 ct for a day, and then of each of the states."""
    source = PriceSource(hass, entity=SENSOR, maximum=lambda: most)
    source.async_listen(lambda: None)
    show(hass, 30, "ct/kWh")
    await pass_time(hass, freezer, 24 * HOUR)
    readings = []
    for state in states:
        show(hass, *(state if isinstance(state, tuple) else (state, "ct/kWh")))
        await pass_time(hass, freezer, timedelta(seconds=1))
        read = source.read(dt_util.utcnow())
        readings.append((read.value, read.reason))
    return readings


@pytest.mark.parametrize(
    ("shown", "most", "is_real"),
    [
        (330, None, True),  # A jump by 1000 %
        (-400, None, True),
        (0, None, True),
        ((0.3, "EUR/kWh"), None, True),  # The same in another unit
        ((30, "EUR/kWh"), None, False),  # The unit is ahead of its number
        (1e8, None, False),
        (-1e8, None, False),
        ((30, "EUR/kWh"), 50, True),  # Its owner says that this can be
        (70, 0.5, False),
    ],
)
async def test_a_price_beyond_belief(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    shown: Any,
    most: float | None,
    is_real: bool,
) -> None:
    """Given a price that is far from the usual, then that of before counts first."""
    number, unit = shown if isinstance(shown, tuple) else (shown, "ct/kWh")
    value = number / 100 if unit == "ct/kWh" else number
    believed, after = await glitch(hass, freezer, shown, 31, most=most)
    if is_real:
        assert believed == (pytest.approx(value), None)
    else:
        assert believed == (pytest.approx(0.3), PriceReason.ABSURD)
    assert after == (pytest.approx(0.31), None)


async def test_a_price_beyond_belief_that_stays(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a fault that lasts, then there is no price, nor is the fault ever usual."""
    _, readings = listen(hass)

    def last() -> tuple[float | None, PriceReason | None]:
        return readings[-1].value, readings[-1].reason

    show(hass, 0.3)
    await pass_time(hass, freezer, HOUR)
    show(hass, 1e6)
    await pass_time(hass, freezer, HOUR / 5)
    assert last() == (0.3, PriceReason.ABSURD)
    # It tells so itself when it gives up
    await pass_time(hass, freezer, HOUR / 10)
    assert last() == (None, PriceReason.ABSURD)
    for _ in range(4):
        show(hass, 1e6)
        await pass_time(hass, freezer, 24 * HOUR)
    assert last() == (None, PriceReason.ABSURD)
    # After an outage nothing of before is held
    for state in ("unavailable", 0.3, "unavailable", 1e6):
        show(hass, state)
        await hass.async_block_till_done()
    assert last() == (None, PriceReason.ABSURD)


async def test_a_spike_that_was_announced(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a list that tells a spike ahead, then it is a price; one without is not."""
    source, _ = listen(hass)
    prices = hours(*[0.1] * 13, 4.0, 0.1)
    show(hass, 0.1, raw_today=prices)
    for _ in range(13):
        now = await pass_time(hass, freezer, HOUR)
    show(hass, 4.0, raw_today=prices)
    assert (source.read(now).value, source.read(now).reason) == (4.0, None)
    now = await pass_time(hass, freezer, timedelta(minutes=41))
    show(
        hass,
        10,
        raw_today=[{**price, "value": 10 * price["value"]} for price in prices],
    )
    # The next slot was announced as well, and counts while its sensor is wrong
    assert (source.read(now).value, source.read(now).reason) == (
        0.1,
        PriceReason.ABSURD,
    )


async def test_what_is_free_at_first(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a first hour that was almost free, then the next one may cost a lot."""
    source, _ = listen(hass)
    for price in (0, 0.001, 0.3):
        show(hass, price)
        now = await pass_time(hass, freezer, HOUR)
        assert source.read(now).value == price


async def test_after_days_that_were_almost_free(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given days of wind, then the price of before is believed when it comes back."""
    source, _ = listen(hass)
    for price in (0.3, *[0.002] * 3, 0.3):
        show(hass, price)
        now = await pass_time(hass, freezer, 24 * HOUR)
    assert source.read(now).value == 0.3


async def test_a_sensor_that_is_renamed(hass: HomeAssistant) -> None:
    """Given another entity id, then the price goes on under it."""
    registry = er.async_get(hass)
    entity = registry.async_get_or_create(
        "sensor", "test", "price", suggested_object_id="price"
    )
    show(hass, 0.3)
    source, readings = listen(hass)
    registry.async_update_entity(entity.entity_id, new_entity_id="sensor.tariff")
    await hass.async_block_till_done()
    hass.states.async_set("sensor.tariff", "0.4", {"unit_of_measurement": "EUR/kWh"})
    await hass.async_block_till_done()
    assert source.entity_id == "sensor.tariff"
    assert readings[-1].value == 0.4
    # What was stored is the id of the registry, which stays
    assert PriceSource(hass, entity=source.reference).read(NOW).value == 0.4


async def test_another_currency(hass: HomeAssistant) -> None:
    """Given a home that moves, then its old prices are none, at once."""
    show(hass, 0.3)
    source, readings = listen(hass)
    assert source.read(NOW).value == 0.3
    await hass.config.async_update(currency="SEK")
    await hass.async_block_till_done()
    assert [item.reason for item in readings] == [PriceReason.UNIT_CHANGED]


async def test_who_stops_listening(hass: HomeAssistant) -> None:
    """Given that nobody listens any more, then nothing is followed."""
    show(hass, 0.3)
    source, readings = PriceSource(hass, entity=SENSOR), []
    stop = source.async_listen(lambda: readings.append(1))
    stop()
    show(hass, 0.4)
    await hass.async_block_till_done()
    assert not readings
    assert source.read(NOW).value == 0.4


def nordpool(day: str, hours: int) -> dict[str, Any]:
    """Return what Nord Pool answers: per MWh, a list for each area."""
    first = datetime.fromisoformat(day).replace(hour=23, tzinfo=UTC)
    prices = {"SE3": 50, "SE4": 0}
    return {
        # Both cost the same now, and others do later
        area: rows(
            (100.0 + 10 * n + (more if n > 20 else 0) for n in range(hours)),
            first - timedelta(days=1),
            keys=("start", "end", "price"),
        )
        for area, more in prices.items()
    }


@pytest.mark.parametrize("hours", [24, 48])
async def test_prices_that_are_told_on_request(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
    hours: int,
) -> None:
    """Given Nord Pool of Home Assistant, then it is asked once for each day.

    Its zone is read from disk outside of the event loop. A list may be longer than its
    day, and so overlap with the next one.
    """
    zones: list[tuple[str, bool]] = []

    def get_zone(name: str) -> ZoneInfo:
        zones.append((name, current_thread() is main_thread()))
        return ZoneInfo(name)

    monkeypatch.setattr(aiozoneinfo, "get_time_zone", get_zone)
    asked: list[str] = []

    async def answer(call: ServiceCall) -> Any:
        asked.append(call.data["date"])
        if len(asked) == 1:
            raise ValueError("not now")
        assert call.data["config_entry"] == entry
        return nordpool(call.data["date"], hours)

    price = ("nordpool", "SE4-current_price")
    entry = answers(hass, price, "get_prices_for_date", answer)
    show(hass, 0.21)
    source, _ = listen(hass)
    assert not source.read(NOW).slots
    for _ in range(4):
        hour = dt_util.now().hour + 1
        freezer.tick(HOUR)
        show(hass, 0.1 + 0.01 * hour)
        fire_time_changed(hass)
        await hass.async_block_till_done(wait_background_tasks=True)
    read = source.read(dt_util.utcnow())
    assert read.value == pytest.approx(0.1 + 0.01 * hour)
    assert len(read.slots) == 24 + hours
    assert [slot.start for slot in read.slots] == sorted(
        slot.start for slot in read.slots
    )
    assert read.slots[-1].price == pytest.approx(0.1 + 0.01 * (hours - 1))
    assert asked == ["2026-11-28", "2026-11-28", "2026-11-29"]
    assert set(zones) == {("Europe/Brussels", False)}


def register(hass: HomeAssistant, domain: str, platform: str, unique: str) -> str:
    """Register an entity of another integration; return its id."""
    entity = er.async_get(hass).async_get_or_create(
        *(domain, platform, unique), suggested_object_id=unique.replace("-", "_")
    )
    return entity.entity_id


async def test_octopus_energy_keeps_its_lists_in_events(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given the rates of today and tomorrow as events, then they are known ahead."""
    await hass.config.async_update(currency="GBP")
    meter = "octopus_energy_electricity_12L_13_"
    rate, today, tomorrow, export = (
        register(hass, domain, "octopus_energy", f"{meter}{name}")
        for domain, name in (
            ("sensor", "current_rate"),
            ("event", "current_day_rates"),
            ("event", "next_day_rates"),
            ("event", "export_current_day_rates"),
        )
    )

    def rates(event: str, first: datetime, *prices: float) -> None:
        result = rows(prices, first, HOUR / 2, ("start", "end", "value_inc_vat"))
        more = {"is_capped": False, "is_intelligent_adjusted": False}
        attributes = {"rates": [item | more for item in result]}
        hass.states.async_set(event, NOW.isoformat(), attributes)

    hass.states.async_set(rate, "0.2431", {"unit_of_measurement": "GBP/kWh"})
    source, readings = listen(hass, rate)
    assert not source.read(NOW).slots
    rates(export, THIS_HOUR, *[0.2431] * 9)
    await hass.async_block_till_done()
    assert not readings
    rates(today, THIS_HOUR, 0.243075, 0.19, -0.02)
    await hass.async_block_till_done()
    assert [slot.price for slot in readings[-1].slots] == [0.243075, 0.19, -0.02]
    rates(tomorrow, THIS_HOUR + 14 * HOUR, 0.3, 0.31)
    await hass.async_block_till_done()
    assert [slot.price for slot in readings[-1].slots][3:] == [0.3, 0.31]
    # An intelligent tariff changes within the day
    rates(today, THIS_HOUR, 0.243075, 0.07, 0.07)
    await hass.async_block_till_done()
    assert [slot.price for slot in readings[-1].slots][:3] == [0.243075, 0.07, 0.07]


async def test_a_list_of_a_neighbour(hass: HomeAssistant) -> None:
    """Given ENTSO-e and Amber, whose lists are those of other sensors, they are found."""
    price, mean = (
        register(hass, "sensor", "entsoe", f"entsoe.{key}")
        for key in ("current_price", "avg_price")
    )
    hass.states.async_set(price, "0.1", {"unit_of_measurement": "EUR/kWh"})
    prices = [
        {"time": str(THIS_HOUR + n * HOUR), "price": 0.1 + n / 10} for n in range(4)
    ]
    hass.states.async_set(mean, "0.3", {"prices": prices})
    read = PriceSource(hass, entity=price).read(NOW)
    assert [slot.price for slot in read.slots] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    await hass.config.async_update(currency="AUD")
    price, ahead = (
        register(hass, "sensor", "amberelectric", f"01-{key}-general")
        for key in ("current", "forecasts")
    )
    second = timedelta(seconds=1)
    first = {"start_time": NOW + second, "end_time": NOW + HOUR / 2, "per_kwh": 0.25}
    hass.states.async_set(price, "0.25", {"unit_of_measurement": "$/kWh", **first})
    forecasts = [
        {
            "start_time": NOW + (n + 1) * HOUR / 2 + second,
            "end_time": NOW + (n + 2) * HOUR / 2,
            "per_kwh": 0.31 + n,
        }
        for n in range(2)
    ]
    hass.states.async_set(ahead, "0.31", {"forecasts": forecasts})
    read = PriceSource(hass, entity=price).read(NOW)
    assert [slot.price for slot in read.slots] == pytest.approx([0.25, 0.31, 1.31])


async def test_prices_from_now_on(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given Green Planet Energy, which tells the next 24 hours, it is asked again."""

    async def answer(call: ServiceCall) -> Any:
        assert call.data == {"config_entry_id": entry, "hours": 24}
        now = dt_util.now()
        first = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0)
        prices = rows([0.2] * 96, first, HOUR / 4, ("start", "end", "price"))
        return {"hours_requested": 24, "prices": prices}

    price = ("green_planet_energy", "gpe_current_price")
    entry = answers(hass, price, "get_prices", answer)
    show(hass, 0.2)
    source, _ = listen(hass)
    for _ in range(6):
        now = await pass_time(hass, freezer, 6 * HOUR)
        show(hass, 0.2)
        await hass.async_block_till_done(wait_background_tasks=True)
        slots = source.read(now).slots
        assert len(slots) == 96
        assert slots[-1].end > now + 23 * HOUR
