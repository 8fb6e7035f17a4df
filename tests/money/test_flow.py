"""The prices behind the "Configure" of the fleet, clicked through."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import SimulatedAxeOS
from tests.common import find, find_maybe, fleet_entry, keys
from tests.conftest import miner_entry, set_up
from tests.flows import Result, open_options, with_texts

SENSOR = "sensor.tariff"


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner that is set up, so that there is a fleet."""
    await home.config.async_update(currency="EUR")
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Living room"))
    await home.async_block_till_done(wait_background_tasks=True)
    return entry


async def step(home: HomeAssistant, result: Result, **given: Any) -> Result:
    """Fill in a step of the options."""
    answer = await home.config_entries.options.async_configure(result["flow_id"], given)
    await home.async_block_till_done(wait_background_tasks=True)
    return with_texts(answer, "options")


async def open_step(home: HomeAssistant, name: str) -> Result:
    """Open a step of the fleet's options."""
    menu = await open_options(home, fleet_entry(home))
    return await step(home, menu, next_step_id=name)


def show(home: HomeAssistant, state: str, unit: str | None = "ct/kWh") -> None:
    """Have the sensor show a price."""
    home.states.async_set(SENSOR, state, {"unit_of_measurement": unit})


async def test_a_price_from_a_sensor(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Given a sensor in cents, then its price is said in words, and used at once."""
    registry = er.async_get(home)
    entity = registry.async_get_or_create(
        "sensor", "test", "tariff", suggested_object_id="tariff"
    )
    show(home, "28.4")
    assert "cost" not in keys(home, miner, "sensor")
    form = await open_step(home, "prices")
    check = await step(home, form, price_source="sensor", price_entity=SENSOR)
    assert check["step_id"] == "price_check"
    watts = miner.runtime_data.power
    assert check["description_placeholders"] == {
        "price": "28.40 ct/kWh",
        "miner": "Living room",
        "cost": f"{watts * 0.024 * 0.284:.2f} EUR",
    }
    done = await step(home, check, next_step_id="price_save")
    assert done["type"] == "create_entry"
    assert fleet_entry(home).options["prices"]["price_entity"] == entity.id
    assert float(find(home, fleet_entry(home), "sensor", "price").state) == 0.284
    assert find(home, miner, "sensor", "cost").attributes["unit_of_measurement"] == (
        "EUR"
    )
    # It shows what is set, under the name that the sensor has by now
    registry.async_update_entity(SENSOR, new_entity_id="sensor.renamed")
    await home.async_block_till_done()
    form = await open_step(home, "prices")
    suggested = {
        str(key): key.description["suggested_value"]
        for key in form["data_schema"].schema
        if key.description
    }
    assert suggested["price_entity"] == "sensor.renamed"
    # And what is taken away takes the sensors with it
    await step(home, form, price_source="none")
    for entry, key in ((miner, "cost"), (fleet_entry(home), "price")):
        assert find_maybe(home, entry, "sensor", key) is None
    assert find_maybe(home, fleet_entry(home), "sensor", "efficiency_1d") is not None


async def test_a_fixed_price(home: HomeAssistant, miner: ConfigEntry[Any]) -> None:
    """Given a price of one's own, then it can be corrected before it is used."""
    form = await open_step(home, "prices")
    check = await step(home, form, price_source="fixed", price_fixed=30)
    form = await step(home, check, next_step_id="prices")
    assert form["step_id"] == "prices"
    check = await step(home, form, price_source="fixed", price_fixed=0.3)
    await step(home, check, next_step_id="price_save")
    assert find(home, fleet_entry(home), "sensor", "price").state == "0.3"
    assert find(home, fleet_entry(home), "sensor", "cost_rate").state != "unknown"


async def test_a_price_before_any_power_is_known(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """Given that no miner answers, then the price is said alone, in German digits."""
    await bitaxe.stop()
    await miner.runtime_data.async_refresh()
    home.config.language = "de"
    form = await open_step(home, "prices")
    check = await step(home, form, price_source="fixed", price_fixed=0.3)
    assert check["step_id"] == "price_alone"
    assert check["description_placeholders"] == {"price": "30,00 ct/kWh"}


@pytest.mark.parametrize(
    ("given", "state", "unit", "field", "error"),
    [
        ({"price_entity": SENSOR}, "1", "EUR/kWh", "source", "price_source_missing"),
        ({"price_fixed": 0.3}, "1", "EUR/kWh", "source", "price_source_missing"),
        ({"price_source": "sensor"}, "1", "EUR/kWh", "entity", "price_entity_missing"),
        ({"price_source": "fixed"}, "1", "EUR/kWh", "fixed", "price_missing"),
        ({}, "1", "bananas", "entity", "price_unit_unknown"),
        ({}, "1", None, "entity", "price_unit_unknown"),
        ({}, "1", "USD/kWh", "entity", "price_currency"),
        ({}, "unavailable", "EUR/kWh", "entity", "price_unavailable"),
        ({}, "cheap", "EUR/kWh", "entity", "price_unavailable"),
    ],
)
async def test_prices_that_cannot_be_read(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    given: dict[str, Any],
    state: str,
    unit: str | None,
    field: str,
    error: str,
) -> None:
    """Given a price that says nothing, then its field says what to do."""
    show(home, state, unit)
    form = await open_step(home, "prices")
    given = given or {"price_source": "sensor", "price_entity": SENSOR}
    result = await step(home, form, **given)
    assert result["errors"] == {f"price_{field}": error}


async def test_the_highest_price_that_can_be(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Given a limit, then it must be above the price of now, and is kept."""
    show(home, "30")
    form = await open_step(home, "prices")
    given = {"price_source": "sensor", "price_entity": SENSOR}
    form = await step(home, form, **given, price_most=0.2)
    assert form["errors"] == {"price_most": "price_above_most"}
    check = await step(home, form, **given, price_most=0.5)
    await step(home, check, next_step_id="price_save")
    show(home, "60")
    await home.async_block_till_done()
    price = find(home, fleet_entry(home), "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("0.3", "price_absurd")


async def test_prices_of_coins(home: HomeAssistant, miner: ConfigEntry[Any]) -> None:
    """Given the price of a coin, then it must be in the currency, or be said to be."""
    home.states.async_set("sensor.btc", "90000", {"unit_of_measurement": "USD"})
    home.states.async_set("sensor.dgb", "0.01", {"unit_of_measurement": "?"})
    form = await open_step(home, "coins")
    form = await step(home, form, btc="sensor.btc", dgb="sensor.dgb")
    assert form["errors"] == {"btc": "price_currency"}
    ask = await step(home, form, dgb="sensor.dgb", solo_in_profit=True)
    assert ask["step_id"] == "coin_currency"
    ask = await step(home, ask, coin_currency="other")
    assert ask["errors"] == {"coin_currency": "price_currency"}
    await step(home, ask, coin_currency="EUR")
    assert fleet_entry(home).options["coins"] == {
        "dgb": "sensor.dgb",
        "solo_in_profit": True,
        "coin_currency": "EUR",
    }
    home.states.async_set("sensor.btc", "90000", {"unit_of_measurement": "EUR"})
    form = await open_step(home, "coins")
    await step(home, form, btc="sensor.btc")
    assert fleet_entry(home).options["coins"] == {
        "btc": "sensor.btc",
        "solo_in_profit": False,
    }
