"""The prices behind the "Configure" of the fleet, clicked through."""

from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import entity_registry as er
import pytest

from tests.common import find, find_maybe, keys
from tests.flows import Result, go_on, open_options
from tests.strategy.common import House

SENSOR = "sensor.tariff"


@pytest.fixture(autouse=True)
async def euros(home: HomeAssistant) -> None:
    """Let the house pay in euros."""
    await home.config.async_update(currency="EUR")


async def open_step(house: House, name: str) -> Result:
    """Open a step of the fleet's options."""
    menu = await open_options(house.hass, house.fleet)
    return await go_on(house.hass, menu, next_step_id=name)


def show(house: House, state: str, unit: str | None = "ct/kWh") -> None:
    """Have the sensor show a price."""
    house.hass.states.async_set(SENSOR, state, {"unit_of_measurement": unit})


async def test_a_price_from_a_sensor(house: House) -> None:
    """Given a sensor in cents, then its price is said in words, and used at once."""
    registry = er.async_get(house.hass)
    entity = registry.async_get_or_create(
        "sensor", "test", "tariff", suggested_object_id="tariff"
    )
    show(house, "28.4")
    assert "cost" not in keys(house.hass, house.entry, "sensor")
    form = await open_step(house, "prices")
    check = await go_on(house.hass, form, price_source="sensor", price_entity=SENSOR)
    assert check["step_id"] == "price_check"
    watts = house.miner.power
    assert check["description_placeholders"] == {
        "price": "28.40 ct/kWh",
        "miner": "Axe",
        "cost": f"{watts * 0.024 * 0.284:.2f} EUR",
    }
    done = await go_on(house.hass, check, next_step_id="price_save")
    assert done["type"] == "create_entry"
    assert house.fleet.options["prices"]["price_entity"] == entity.id
    assert float(find(house.hass, house.fleet, "sensor", "price").state) == 0.284
    assert find(house.hass, house.entry, "sensor", "cost").attributes[
        "unit_of_measurement"
    ] == ("EUR")
    # It shows what is set, under the name that the sensor has by now
    registry.async_update_entity(SENSOR, new_entity_id="sensor.renamed")
    await house.hass.async_block_till_done()
    form = await open_step(house, "prices")
    suggested = {
        str(key): key.description["suggested_value"]
        for key in form["data_schema"].schema
        if key.description
    }
    assert suggested["price_entity"] == "sensor.renamed"
    # And what is taken away takes the sensors with it
    await go_on(house.hass, form, price_source="none")
    for entry, key in ((house.entry, "cost"), (house.fleet, "price")):
        assert find_maybe(house.hass, entry, "sensor", key) is None
    assert find_maybe(house.hass, house.fleet, "sensor", "efficiency_1d") is not None


async def test_a_fixed_price(house: House) -> None:
    """Given a price of one's own, then it can be corrected before it is used."""
    form = await open_step(house, "prices")
    check = await go_on(house.hass, form, price_source="fixed", price_fixed=30)
    form = await go_on(house.hass, check, next_step_id="prices")
    assert form["step_id"] == "prices"
    check = await go_on(house.hass, form, price_source="fixed", price_fixed=0.3)
    await go_on(house.hass, check, next_step_id="price_save")
    assert find(house.hass, house.fleet, "sensor", "price").state == "0.3"
    assert find(house.hass, house.fleet, "sensor", "cost_rate").state != "unknown"


async def test_a_price_before_any_power_is_known(house: House) -> None:
    """Given that no miner answers, then the price is said alone, in German digits."""
    await house.device.stop()
    await house.miner.async_refresh()
    house.hass.config.language = "de"
    form = await open_step(house, "prices")
    check = await go_on(house.hass, form, price_source="fixed", price_fixed=0.3)
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
    house: House,
    given: dict[str, Any],
    state: str,
    unit: str | None,
    field: str,
    error: str,
) -> None:
    """Given a price that says nothing, then its field says what to do."""
    show(house, state, unit)
    form = await open_step(house, "prices")
    given = given or {"price_source": "sensor", "price_entity": SENSOR}
    result = await go_on(house.hass, form, **given)
    assert result["errors"] == {f"price_{field}": error}


async def test_the_highest_price_that_can_be(house: House) -> None:
    """Given a limit, then it must be above the price of now, and is kept."""
    show(house, "30")
    form = await open_step(house, "prices")
    given = {"price_source": "sensor", "price_entity": SENSOR}
    form = await go_on(house.hass, form, **given, price_most=0.2)
    assert form["errors"] == {"price_most": "price_above_most"}
    check = await go_on(house.hass, form, **given, price_most=0.5)
    await go_on(house.hass, check, next_step_id="price_save")
    show(house, "60")
    await house.hass.async_block_till_done()
    price = find(house.hass, house.fleet, "sensor", "price")
    assert (price.state, price.attributes["reason"]) == ("0.3", "price_absurd")


async def test_what_hmm_shows_itself_is_no_price(house: House) -> None:
    """It would wait for itself: the price of the fleet was unknown for ever."""
    house.options(prices={"price_source": "fixed", "price_fixed": 0.3})
    await house.hass.async_block_till_done()
    own = find(house.hass, house.fleet, "sensor", "price").entity_id
    form = await open_step(house, "prices")
    with pytest.raises(InvalidData):
        await go_on(house.hass, form, price_source="sensor", price_entity=own)
    form = await open_step(house, "coins")
    with pytest.raises(InvalidData):
        await go_on(house.hass, form, btc=own)


async def test_prices_of_coins(house: House) -> None:
    """Given the price of a coin, then it must be in the currency, or be said to be."""
    house.hass.states.async_set("sensor.btc", "90000", {"unit_of_measurement": "USD"})
    house.hass.states.async_set("sensor.dgb", "0.01", {"unit_of_measurement": "?"})
    form = await open_step(house, "coins")
    form = await go_on(house.hass, form, btc="sensor.btc", dgb="sensor.dgb")
    assert form["errors"] == {"btc": "price_currency"}
    ask = await go_on(house.hass, form, dgb="sensor.dgb", solo_in_profit=True)
    assert ask["step_id"] == "coin_currency"
    ask = await go_on(house.hass, ask, coin_currency="other")
    assert ask["errors"] == {"coin_currency": "price_currency"}
    await go_on(house.hass, ask, coin_currency="EUR")
    assert house.fleet.options["coins"] == {
        "dgb": "sensor.dgb",
        "solo_in_profit": True,
        "coin_currency": "EUR",
    }
    house.hass.states.async_set("sensor.btc", "90000", {"unit_of_measurement": "EUR"})
    form = await open_step(house, "coins")
    await go_on(house.hass, form, btc="sensor.btc")
    assert house.fleet.options["coins"] == {
        "btc": "sensor.btc",
        "solo_in_profit": False,
    }
