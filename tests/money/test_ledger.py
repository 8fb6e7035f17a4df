"""What mining costs, counted from real polls of simulated miners."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STOP,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import flush_store

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.money.ledger import Ledger
from custom_components.hmm.money.price import PriceReason
from simulator import SimulatedAxeOS
from tests.common import find, keys, later
from tests.strategy.common import House

SENSOR = "sensor.tariff"
NIGHT = datetime(2026, 10, 25, 21, 30, tzinfo=UTC)


@pytest.fixture(autouse=True)
async def berlin(home: HomeAssistant) -> None:
    """Let the house be in Berlin."""
    await home.config.async_update(currency="EUR", time_zone="Europe/Berlin")


@pytest.fixture
async def both(house: House) -> AsyncIterator[House]:
    """Return a house with a second miner."""
    async with SimulatedAxeOS(generation="2.15", model="supra") as device:
        await house.join(device, "Other")
        yield house


async def set_price(house: House, **prices: Any) -> Ledger:
    """Have the user set a price, as the dialog stores it."""
    house.options(prices=prices)
    await house.hass.async_block_till_done()
    return get_data(house.hass).money


async def follow(house: House, state: str, unit: str = "EUR/kWh") -> Ledger:
    """Have the user choose a sensor of the price, which shows this."""
    show(house, state, unit)
    return await set_price(house, price_source="sensor", price_entity=SENSOR)


async def fix(house: House, price: float, **prices: Any) -> Ledger:
    """Have the user enter a price."""
    return await set_price(house, price_source="fixed", price_fixed=price, **prices)


def show(house: House, state: str, unit: str = "EUR/kWh") -> None:
    """Have the sensor show a price."""
    house.hass.states.async_set(SENSOR, state, {"unit_of_measurement": unit})


def shown(house: House, entry: ConfigEntry[Any], key: str) -> str:
    """Return the state of a sensor."""
    return find(house.hass, entry, "sensor", key).state


async def use(house: House, kwh: float, index: int = 0) -> None:
    """Let a miner use energy in a minute, and show what it costs."""
    meter = get_data(house.hass).energy.meter(house.entries[index].entry_id)
    if house.freezer is not None:
        house.freezer.tick(60)
    meter._add(kwh, 60)
    await house.poll(index)
    await house.fleet.runtime_data.async_refresh()
    await house.hass.async_block_till_done()


@pytest.mark.usefixtures("every_entity")
async def test_what_energy_costs(both: House, freezer: Any) -> None:
    """Given two miners and a price that changes, then the parts sum to the fleet."""
    freezer.move_to(NIGHT)  # No midnight comes in between
    await follow(both, "30", "ct/kWh")
    await use(both, 10)
    show(both, "-10", "ct/kWh")
    await use(both, 5, 1)
    fleet = both.fleet
    assert [
        shown(both, item, "cost") for item in (both.entry, both.entries[1], fleet)
    ] == [*("3.0", "-0.5", "2.5")]
    for key in ("cost_today", "cost_month"):
        assert shown(both, fleet, key) == "2.5"
        attributes = find(both.hass, fleet, "sensor", key).attributes
        assert datetime.fromisoformat(attributes["last_reset"]).tzinfo is not None
    cost = find(both.hass, fleet, "sensor", "cost").attributes
    assert (cost["device_class"], cost["state_class"]) == ("monetary", "total")
    assert cost["unit_of_measurement"] == "EUR"
    assert "last_reset" not in cost
    rate = find(both.hass, both.entry, "sensor", "cost_rate")
    assert rate.attributes["unit_of_measurement"] == "EUR/h"
    watts = both.miner.power
    assert float(rate.state) == pytest.approx(-watts / 10_000, abs=0.001)
    assert shown(both, fleet, "unpriced_energy") == "0.0"


@pytest.mark.usefixtures("every_entity")
async def test_energy_without_a_price(house: House, freezer: Any) -> None:
    """Given a sensor that fails, then cost stands still, and says why."""
    await follow(house, "0.3")
    await use(house, 1)
    show(house, "unavailable")
    await use(house, 2)
    fleet = house.fleet
    for entry in (house.entry, fleet):
        assert shown(house, entry, "cost") == "0.3"
        assert shown(house, entry, "unpriced_energy") == "2.0"
        rate = find(house.hass, entry, "sensor", "cost_rate")
        assert rate.state == "unknown"
        assert rate.attributes["reason"] == "price_unavailable"
    price = find(house.hass, fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("unknown", "price_unavailable")
    # What had no price never gets one
    show(house, "0.3")
    await use(house, 1)
    assert shown(house, house.entry, "cost") == "0.6"


@pytest.mark.usefixtures("every_entity")
async def test_a_glitch_costs_nothing(house: House, freezer: Any) -> None:
    """Given a price of a million for a moment, then no energy is charged with it.

    What is used while it stays is counted as energy without a price.
    """
    await follow(house, "0.3")
    await use(house, 1)
    show(house, "1000000")
    await use(house, 1)
    fleet = house.fleet
    price = find(house.hass, fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("0.3", "price_absurd")
    show(house, "0.2")
    await use(house, 1)
    assert shown(house, house.entry, "cost") == "0.8"
    show(house, "1000000")
    freezer.tick(1000)
    await later(house.hass, 1)
    await use(house, 1)
    price = find(house.hass, fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("unknown", "price_absurd")
    assert shown(house, house.entry, "cost") == "0.8"
    assert shown(house, house.entry, "unpriced_energy") == "1.0"


async def test_a_bridge_over_midnight_and_slots(house: House, freezer: Any) -> None:
    """Given energy of hours, then each part has the price and the day of its time.

    The day before has 25 hours.
    """
    freezer.move_to(NIGHT)
    first = NIGHT.replace(minute=0)
    slots = [
        {
            "start": first + timedelta(hours=n),
            "end": first + timedelta(hours=n + 1),
            "value": price,
        }
        for n, price in enumerate((0.1, 0.2, 0.4, 0.8))
    ]
    attributes = {"unit_of_measurement": "EUR/kWh", "raw_today": slots}
    house.hass.states.async_set(SENSOR, "0.1", attributes)
    ledger = await set_price(house, price_source="sensor", price_entity=SENSOR)
    for price in ("0.2", "0.4", "0.8"):
        freezer.tick(3600)
        house.hass.states.async_set(SENSOR, price, attributes)
        await house.hass.async_block_till_done()
    # It is half past one; midnight was at 23:00 UTC
    ledger.charge(house.entry.entry_id, 30, 3 * 3600)
    meter = ledger.meter(house.entry.entry_id)
    assert meter.cost == pytest.approx(0.5 + 2 + 4 + 4)
    assert meter.day.cost == pytest.approx(8)
    assert meter.day.start == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert meter.month.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert meter.month.cost == pytest.approx(10.5)
    assert meter.unpriced == 0
    # Before anybody asked, the price is known by its slots alone, and not before them
    ledger.charge(house.entry.entry_id, 6, 6 * 3600)
    assert meter.unpriced == pytest.approx(2.5)


async def test_the_day_ends_while_nobody_polls(house: House, freezer: Any) -> None:
    """Given midnight, then today's cost begins anew by itself."""
    freezer.move_to(NIGHT)
    await later(house.hass, 1)
    await fix(house, 0.25)
    await use(house, 4)
    fleet = house.fleet
    assert shown(house, fleet, "cost_today") == "1.0"
    freezer.move_to(NIGHT + timedelta(hours=26))
    await later(house.hass, 1)
    assert shown(house, fleet, "cost_today") == "0.0"
    assert shown(house, fleet, "cost") == "1.0"


async def test_solar_power_has_its_own_price(house: House) -> None:
    """Given that half of the power is surplus, then half has the price of the sun."""
    ledger = await fix(house, 0.3, solar_price=0.1)
    ledger.surplus[house.entry.entry_id] = 0.5
    await use(house, 10)
    assert shown(house, house.entry, "cost") == "2.0"


async def test_another_currency_begins_new_sums(house: House) -> None:
    """Given a home that moves, then no euro is counted as a krona."""
    await fix(house, 0.3)
    await use(house, 10)
    await house.hass.config.async_update(currency="SEK")
    await house.hass.async_block_till_done()
    await use(house, 1)
    state = find(house.hass, house.entry, "sensor", "cost")
    assert (state.state, state.attributes["unit_of_measurement"]) == ("0.3", "SEK")
    issue = ir.async_get(house.hass).async_get_issue(DOMAIN, "currency_changed")
    assert issue is not None
    assert issue.translation_placeholders == {"before": "3.00 EUR", "now": "SEK"}
    await house.hass.config_entries.async_remove(house.fleet.entry_id)
    assert ir.async_get(house.hass).async_get_issue(DOMAIN, issue.issue_id) is None


async def test_sums_are_there_after_a_restart(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Given what was stored, then it goes on; a broken file is kept, and told."""
    ledger = await fix(house, 0.3)
    await use(house, 10)
    await flush_store(ledger._store)
    assert hass_storage["hmm.cost"]["data"]["currency"] == "EUR"
    again = Ledger(house.hass, get_data(house.hass).energy, get_data(house.hass).fleet)
    await again.async_load()
    assert again.meter(house.entry.entry_id).cost == pytest.approx(3)
    assert again.fleet.cost == pytest.approx(ledger.fleet.cost, abs=0.01)
    assert again.has_price
    again.apply({})
    for damage in ({"meters": []}, {"meters": {"fleet": {"cost": "x"}}}):
        hass_storage["hmm.cost"]["data"] = damage
        broken = Ledger(
            house.hass, get_data(house.hass).energy, get_data(house.hass).fleet
        )
        await broken.async_load()
        assert broken.fleet.cost == 0
        assert ir.async_get(house.hass).issues


@pytest.mark.parametrize(
    ("damage", "is_held"),
    [
        (None, True),
        ("gone", False),
        ([], False),
        ({}, False),
        ([None, 0.3], False),
        ([1e300, 0.3], False),
        ([0, 0.3], False),  # A month without a price
        ([9e8, -0.3], False),
        ([2.0**32 - 1, 0.3], True),  # Of a clock that was ahead
    ],
)
async def test_the_usual_price_outlives_a_restart(
    house: House, freezer: Any, hass_storage: dict[str, Any], damage: Any, is_held: bool
) -> None:
    """Given 100 times the usual price right after a restart, then it is none."""
    ledger = await follow(house, "0.3")
    for hour in range(14):
        freezer.tick(3600)
        price = 0.3 + hour / 100
        show(house, f"{price}")
        assert ledger.price.value == pytest.approx(price)
    await flush_store(ledger._store)
    stored = hass_storage["hmm.cost"]["data"]["usual"]
    assert len(stored) == 1
    if damage is not None:
        key = next(iter(stored))
        hass_storage["hmm.cost"]["data"]["usual"] = (
            damage if damage == "gone" else {key: damage, "other": [1, 2, 3]}
        )
    show(house, "30")
    again = Ledger(house.hass, get_data(house.hass).energy, get_data(house.hass).fleet)
    await again.async_load()
    assert (again.price.value is None) is is_held
    assert (again.price.reason is PriceReason.ABSURD) is is_held
    # Another sensor, another tax and another currency know nothing of it
    house.hass.states.async_set("sensor.b", "30", {"unit_of_measurement": "EUR/kWh"})
    for other in ({"price_entity": "sensor.b"}, {"price_entity": SENSOR, "vat": 19}):
        again.apply({"prices": {"price_source": "sensor", **other}})
        assert again.price.value is not None
    again.apply({"prices": {"price_source": "sensor", "price_entity": SENSOR}})
    assert (again.price.value is None) is is_held
    show(house, "0.4")
    assert again.price.value == 0.4
    await house.hass.config.async_update(currency="SEK")
    show(house, "40", "SEK/kWh")
    await house.hass.async_block_till_done()
    assert again.price.value == 40
    again.apply({})


async def test_a_miner_that_is_removed_stays_in_the_sum(both: House) -> None:
    """Given a miner that goes, then what it cost remains the fleet's."""
    ledger = await fix(both, 0.3)
    await use(both, 10, 1)
    await both.hass.config_entries.async_remove(both.entries[1].entry_id)
    await both.hass.async_block_till_done()
    assert ledger.fleet.cost == pytest.approx(3)
    assert both.entries[1].entry_id not in ledger._meters


@pytest.mark.usefixtures("every_entity")
async def test_midnight_wakes_what_counts_the_day(house: House, freezer: Any) -> None:
    """Given midnight, then today's cost of a miner is new, and nobody else looks."""
    freezer.move_to(NIGHT)
    ledger = await fix(house, 0.25)
    await use(house, 4)
    assert shown(house, house.entry, "cost_today") == "1.0"
    woken: list[None] = []
    house.miner.async_add_listener(lambda: woken.append(None))
    freezer.move_to(NIGHT + timedelta(hours=26))
    ledger._midnight(NIGHT)
    await house.hass.async_block_till_done()
    assert shown(house, house.entry, "cost_today") == "0.0"
    assert not woken


@pytest.mark.parametrize(
    "options",
    [
        {"prices": None, "coins": 7},
        {"prices": {"price_source": "fixed", "price_fixed": float("nan")}},
        {"prices": {"price_source": "sensor", "price_entity": ["sensor.x"]}},
        {"prices": {"price_source": "fixed", "price_fixed": "1e99"}},
    ],
)
async def test_options_that_cannot_be_read(
    house: House, options: dict[str, Any]
) -> None:
    """Given options that somebody edited, then there is no price, and no error."""
    house.options(**options)
    await house.hass.async_block_till_done()
    assert not get_data(house.hass).money.has_price
    assert "cost" not in keys(house.hass, house.entry, "sensor")


async def test_the_last_sums_are_written_when_home_assistant_stops(
    house: House, hass_storage: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Given energy just before the end, then its cost is in the file, and no error."""
    ledger = await fix(house, 0.3)
    for _ in range(2):
        await use(house, 10)
    ledger.earned[house.entry.entry_id].money = 2.5
    for event in (EVENT_HOMEASSISTANT_STOP, EVENT_HOMEASSISTANT_FINAL_WRITE):
        house.hass.bus.async_fire(event)
        await house.hass.async_block_till_done()
    stored = hass_storage["hmm.cost"]["data"]["meters"][house.entry.entry_id]["cost"]
    assert stored == pytest.approx(6) == ledger.meter(house.entry.entry_id).cost
    stored = hass_storage["hmm.revenue"]["data"][house.entry.entry_id]["money"]
    assert stored == 2.5
    assert "Unable to remove" not in caplog.text
