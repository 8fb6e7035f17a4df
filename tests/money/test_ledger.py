"""What mining costs, counted from real polls of simulated miners."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
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
from tests.common import find, fleet_entry, keys, later, poll
from tests.conftest import miner_entry, set_up

SENSOR = "sensor.tariff"
NIGHT = datetime(2026, 10, 25, 21, 30, tzinfo=UTC)


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner in Berlin that is set up, so that there is a fleet."""
    await home.config.async_update(currency="EUR", time_zone="Europe/Berlin")
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await home.async_block_till_done(wait_background_tasks=True)
    return entry


@pytest.fixture
async def other(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> AsyncIterator[ConfigEntry[Any]]:
    """Return a second miner."""
    async with SimulatedAxeOS(generation="2.15", model="supra") as device:
        yield await set_up(home, miner_entry(device, "bitaxe", title="Other"))


async def set_price(home: HomeAssistant, **prices: Any) -> Ledger:
    """Have the user set a price, as the dialog stores it."""
    home.config_entries.async_update_entry(
        fleet_entry(home), options={"prices": prices}
    )
    await home.async_block_till_done()
    return get_data(home).money


def shown(home: HomeAssistant, entry: ConfigEntry[Any], key: str) -> str:
    """Return the state of a sensor."""
    return find(home, entry, "sensor", key).state


async def use(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    kwh: float,
    freezer: FrozenDateTimeFactory | None = None,
) -> None:
    """Let a miner use energy in a minute, and show what it costs."""
    meter = get_data(home).energy.meter(entry.entry_id)
    if freezer is not None:
        freezer.tick(60)
    meter._add(kwh, 60)
    await poll(home, entry)
    await fleet_entry(home).runtime_data.async_refresh()
    await home.async_block_till_done()


@pytest.mark.usefixtures("every_entity")
async def test_what_energy_costs(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    other: ConfigEntry[Any],
    freezer: FrozenDateTimeFactory,
) -> None:
    """Given two miners and a price that changes, then the parts sum to the fleet."""
    home.states.async_set(SENSOR, "30", {"unit_of_measurement": "ct/kWh"})
    await set_price(home, price_source="sensor", price_entity=SENSOR)
    await use(home, miner, 10, freezer)
    home.states.async_set(SENSOR, "-10", {"unit_of_measurement": "ct/kWh"})
    await use(home, other, 5, freezer)
    fleet = fleet_entry(home)
    assert [shown(home, it, "cost") for it in (miner, other, fleet)] == [
        *("3.0", "-0.5", "2.5")
    ]
    for key in ("cost_today", "cost_month"):
        assert shown(home, fleet, key) == "2.5"
        attributes = find(home, fleet, "sensor", key).attributes
        assert datetime.fromisoformat(attributes["last_reset"]).tzinfo is not None
    cost = find(home, fleet, "sensor", "cost").attributes
    assert (cost["device_class"], cost["state_class"]) == ("monetary", "total")
    assert cost["unit_of_measurement"] == "EUR"
    assert "last_reset" not in cost
    rate = find(home, miner, "sensor", "cost_rate")
    assert rate.attributes["unit_of_measurement"] == "EUR/h"
    watts = miner.runtime_data.power
    assert float(rate.state) == pytest.approx(-watts / 10_000, abs=0.001)
    assert shown(home, fleet, "unpriced_energy") == "0.0"


@pytest.mark.usefixtures("every_entity")
async def test_energy_without_a_price(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given a sensor that fails, then cost stands still, and says why."""
    home.states.async_set(SENSOR, "0.3", {"unit_of_measurement": "EUR/kWh"})
    await set_price(home, price_source="sensor", price_entity=SENSOR)
    await use(home, miner, 1, freezer)
    home.states.async_set(SENSOR, "unavailable", {"unit_of_measurement": "EUR/kWh"})
    await use(home, miner, 2, freezer)
    fleet = fleet_entry(home)
    for entry in (miner, fleet):
        assert shown(home, entry, "cost") == "0.3"
        assert shown(home, entry, "unpriced_energy") == "2.0"
        rate = find(home, entry, "sensor", "cost_rate")
        assert rate.state == "unknown"
        assert rate.attributes["reason"] == "price_unavailable"
    price = find(home, fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("unknown", "price_unavailable")
    # What had no price never gets one
    home.states.async_set(SENSOR, "0.3", {"unit_of_measurement": "EUR/kWh"})
    await use(home, miner, 1, freezer)
    assert shown(home, miner, "cost") == "0.6"


@pytest.mark.usefixtures("every_entity")
async def test_a_glitch_costs_nothing(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given a price of a million for a moment, then no energy is charged with it.

    What is used while it stays is counted as energy without a price.
    """
    home.states.async_set(SENSOR, "0.3", {"unit_of_measurement": "EUR/kWh"})
    await set_price(home, price_source="sensor", price_entity=SENSOR)
    await use(home, miner, 1, freezer)
    home.states.async_set(SENSOR, "1000000", {"unit_of_measurement": "EUR/kWh"})
    await use(home, miner, 1, freezer)
    fleet = fleet_entry(home)
    price = find(home, fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("0.3", "price_absurd")
    home.states.async_set(SENSOR, "0.2", {"unit_of_measurement": "EUR/kWh"})
    await use(home, miner, 1, freezer)
    assert shown(home, miner, "cost") == "0.8"
    home.states.async_set(SENSOR, "1000000", {"unit_of_measurement": "EUR/kWh"})
    freezer.tick(1000)
    await later(home, 1)
    await use(home, miner, 1, freezer)
    price = find(home, fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("unknown", "price_absurd")
    assert shown(home, miner, "cost") == "0.8"
    assert shown(home, miner, "unpriced_energy") == "1.0"


async def test_a_bridge_over_midnight_and_slots(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
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
    home.states.async_set(SENSOR, "0.1", attributes)
    ledger = await set_price(home, price_source="sensor", price_entity=SENSOR)
    for price in ("0.2", "0.4", "0.8"):
        freezer.tick(3600)
        home.states.async_set(SENSOR, price, attributes)
        await home.async_block_till_done()
    # It is half past one; midnight was at 23:00 UTC
    ledger.charge(miner.entry_id, 30, 3 * 3600)
    meter = ledger.meter(miner.entry_id)
    assert meter.cost == pytest.approx(0.5 + 2 + 4 + 4)
    assert meter.day.cost == pytest.approx(8)
    assert meter.day.start == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert meter.month.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert meter.month.cost == pytest.approx(10.5)
    assert meter.unpriced == 0
    # Before anybody asked, the price is known by its slots alone, and not before them
    ledger.charge(miner.entry_id, 6, 6 * 3600)
    assert meter.unpriced == pytest.approx(2.5)


async def test_the_day_ends_while_nobody_polls(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given midnight, then today's cost begins anew by itself."""
    freezer.move_to(NIGHT)
    await later(home, 1)
    await set_price(home, price_source="fixed", price_fixed=0.25)
    await use(home, miner, 4)
    fleet = fleet_entry(home)
    assert shown(home, fleet, "cost_today") == "1.0"
    freezer.move_to(NIGHT + timedelta(hours=26))
    await later(home, 1)
    assert shown(home, fleet, "cost_today") == "0.0"
    assert shown(home, fleet, "cost") == "1.0"


async def test_solar_power_has_its_own_price(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Given that half of the power is surplus, then half has the price of the sun."""
    ledger = await set_price(
        home, price_source="fixed", price_fixed=0.3, solar_price=0.1
    )
    ledger.surplus[miner.entry_id] = 0.5
    await use(home, miner, 10)
    assert shown(home, miner, "cost") == "2.0"


async def test_another_currency_begins_new_sums(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Given a home that moves, then no euro is counted as a krona."""
    await set_price(home, price_source="fixed", price_fixed=0.3)
    await use(home, miner, 10)
    await home.config.async_update(currency="SEK")
    await home.async_block_till_done()
    await use(home, miner, 1)
    state = find(home, miner, "sensor", "cost")
    assert (state.state, state.attributes["unit_of_measurement"]) == ("0.3", "SEK")
    issue = ir.async_get(home).async_get_issue(DOMAIN, "currency_changed")
    assert issue is not None
    assert issue.translation_placeholders == {"before": "3.00 EUR", "now": "SEK"}


async def test_sums_are_there_after_a_restart(
    home: HomeAssistant, miner: ConfigEntry[Any], hass_storage: dict[str, Any]
) -> None:
    """Given what was stored, then it goes on; a broken file is kept, and told."""
    ledger = await set_price(home, price_source="fixed", price_fixed=0.3)
    await use(home, miner, 10)
    await flush_store(ledger._store)
    assert hass_storage["hmm.cost"]["data"]["currency"] == "EUR"
    again = Ledger(home, get_data(home).energy, get_data(home).fleet)
    await again.async_load()
    assert again.meter(miner.entry_id).cost == pytest.approx(3)
    assert again.fleet.cost == pytest.approx(ledger.fleet.cost, abs=0.01)
    assert again.has_price
    again.apply({})
    for damage in ({"meters": []}, {"meters": {"fleet": {"cost": "x"}}}):
        hass_storage["hmm.cost"]["data"] = damage
        broken = Ledger(home, get_data(home).energy, get_data(home).fleet)
        await broken.async_load()
        assert broken.fleet.cost == 0
        assert ir.async_get(home).issues


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
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
    damage: Any,
    is_held: bool,
) -> None:
    """Given 100 times the usual price right after a restart, then it is none."""
    home.states.async_set(SENSOR, "0.3", {"unit_of_measurement": "EUR/kWh"})
    ledger = await set_price(home, price_source="sensor", price_entity=SENSOR)
    for hour in range(14):
        freezer.tick(3600)
        price = 0.3 + hour / 100
        home.states.async_set(SENSOR, f"{price}", {"unit_of_measurement": "EUR/kWh"})
        assert ledger.price.value == pytest.approx(price)
    await flush_store(ledger._store)
    stored = hass_storage["hmm.cost"]["data"]["usual"]
    assert len(stored) == 1
    if damage is not None:
        key = next(iter(stored))
        hass_storage["hmm.cost"]["data"]["usual"] = (
            damage if damage == "gone" else {key: damage, "other": [1, 2, 3]}
        )
    home.states.async_set(SENSOR, "30", {"unit_of_measurement": "EUR/kWh"})
    again = Ledger(home, get_data(home).energy, get_data(home).fleet)
    await again.async_load()
    assert (again.price.value is None) is is_held
    assert (again.price.reason is PriceReason.ABSURD) is is_held
    # Another sensor, another tax and another currency know nothing of it
    home.states.async_set("sensor.b", "30", {"unit_of_measurement": "EUR/kWh"})
    for other in ({"price_entity": "sensor.b"}, {"price_entity": SENSOR, "vat": 19}):
        again.apply({"prices": {"price_source": "sensor", **other}})
        assert again.price.value is not None
    again.apply({"prices": {"price_source": "sensor", "price_entity": SENSOR}})
    assert (again.price.value is None) is is_held
    home.states.async_set(SENSOR, "0.4", {"unit_of_measurement": "EUR/kWh"})
    assert again.price.value == 0.4
    await home.config.async_update(currency="SEK")
    home.states.async_set(SENSOR, "40", {"unit_of_measurement": "SEK/kWh"})
    await home.async_block_till_done()
    assert again.price.value == 40
    again.apply({})


async def test_a_miner_that_is_removed_stays_in_the_sum(
    home: HomeAssistant, miner: ConfigEntry[Any], other: ConfigEntry[Any]
) -> None:
    """Given a miner that goes, then what it cost remains the fleet's."""
    ledger = await set_price(home, price_source="fixed", price_fixed=0.3)
    await use(home, other, 10)
    await home.config_entries.async_remove(other.entry_id)
    await home.async_block_till_done()
    assert ledger.fleet.cost == pytest.approx(3)
    assert other.entry_id not in ledger._meters


@pytest.mark.usefixtures("every_entity")
async def test_midnight_wakes_what_counts_the_day(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given midnight, then today's cost of a miner is new, and nobody else looks."""
    freezer.move_to(NIGHT)
    ledger = await set_price(home, price_source="fixed", price_fixed=0.25)
    await use(home, miner, 4)
    assert shown(home, miner, "cost_today") == "1.0"
    woken: list[None] = []
    miner.runtime_data.async_add_listener(lambda: woken.append(None))
    freezer.move_to(NIGHT + timedelta(hours=26))
    ledger._midnight(NIGHT)
    await home.async_block_till_done()
    assert shown(home, miner, "cost_today") == "0.0"
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
    home: HomeAssistant, miner: ConfigEntry[Any], options: dict[str, Any]
) -> None:
    """Given options that somebody edited, then there is no price, and no error."""
    home.config_entries.async_update_entry(fleet_entry(home), options=options)
    await home.async_block_till_done()
    assert not get_data(home).money.has_price
    assert "cost" not in keys(home, miner, "sensor")


async def test_the_last_sums_are_written_when_home_assistant_stops(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    hass_storage: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given energy just before the end, then its cost is in the file, and no error."""
    ledger = await set_price(home, price_source="fixed", price_fixed=0.3)
    for _ in range(2):
        await use(home, miner, 10)
    ledger.earned["pool"].money = 2.5
    ledger.earned.save_later()
    for event in (EVENT_HOMEASSISTANT_STOP, EVENT_HOMEASSISTANT_FINAL_WRITE):
        home.bus.async_fire(event)
        await home.async_block_till_done()
    stored = hass_storage["hmm.cost"]["data"]["meters"][miner.entry_id]["cost"]
    assert stored == pytest.approx(6) == ledger.meter(miner.entry_id).cost
    assert "Unable to remove" not in caplog.text
