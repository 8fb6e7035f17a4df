"""The dialog of solar surplus: meters of all kinds, a battery, and what is wrong."""

from typing import Any

from homeassistant.data_entry_flow import InvalidData
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hmm.strategy.energy_settings import battery_of, meter_of
from simulator import SimulatedAvalon
from tests.common import find_id

from .common import Dialog, House

pytestmark = pytest.mark.usefixtures("quick")

SOLAR = "solar"
GRID = "sensor.grid"
DAY = "2026-06-21T20:00:00+00:00"
NIGHT = "2026-06-21T08:00:00+00:00"


@pytest.fixture(autouse=True)
def day(freezer: Any) -> None:
    """Let the sun shine on the home of the tests."""
    freezer.move_to(DAY)


def sensor(house: House, name: str, value: object, unit: str = "W") -> None:
    """Let a sensor say something."""
    house.hass.states.async_set(
        f"sensor.{name}", str(value), {"unit_of_measurement": unit}, force_update=True
    )


def meter(**given: Any) -> dict[str, Any]:
    """Return a filled in form of the meter."""
    form = {"meter_kind": "grid", "meter_entity": GRID, "positive_is": "import"}
    return form | given


async def begin(house: House, **given: Any) -> Dialog:
    """Begin a new strategy, and choose its meter."""
    form = await house.dialog(SOLAR)
    await form.fill()
    await form.fill(**meter(**given))
    return form


async def test_a_new_one(house: House) -> None:
    """A grid sensor in kW, nothing else: it says what it reads and whom it steers."""
    sensor(house, "grid", -1.25, "kW")
    form = await house.dialog(SOLAR)
    assert form.suggested("name") == "Solar surplus"
    await form.fill()
    await form.fill(**meter())
    assert form.text_of("reading") == "The house exports 1,250 W right now."
    await form.fill(right=True)
    await form.fill()
    await form.fill()
    await form.fill(timing={})
    result = form.text_of("result")
    assert result.startswith(
        "The house exports 1,250 W right now. In this order: Axe ("
    )
    await form.fill(start="dry_run")
    stored = house.stored
    assert stored.title == "Solar surplus"
    assert stored.data["positive_is"] == "import"
    assert house.manager.strategies[stored.subentry_id].record.dry_run


async def test_the_other_sign(house: House) -> None:
    """What is read wrong is turned round, and said again; so are its words at night."""
    sensor(house, "grid", 800)
    form = await begin(house)
    assert form.text_of("reading") == "The house imports 800 W right now."
    await form.fill(right=False)
    assert form.text_of("reading") == "The house exports 800 W right now."
    await form.fill(right=True)
    assert form.step == "battery"


async def test_an_export_at_night(house: House, freezer: Any) -> None:
    """Without sun and battery an export is a sign that is wrong, and that is said."""
    freezer.move_to(NIGHT)
    sensor(house, "grid", 800)
    form = await begin(house, positive_is="export")
    assert "probably mixed up" in form.text_of("reading")
    await form.fill(right=False)
    assert form.text_of("reading") == "The house imports 800 W right now."


async def test_a_surplus_sensor_and_two(house: House) -> None:
    """Their sign is no question: what is wrong leads back to the sensor."""
    sensor(house, "surplus", 300)
    form = await begin(house, meter_kind="surplus", meter_entity="sensor.surplus")
    assert form.text_of("reading") == "The house exports 300 W right now."
    await form.fill(right=False)
    assert form.step == "meter"
    sensor(house, "import", 0)
    sensor(house, "export", 0.0004, "MW")
    two = {"meter_kind": "two", "meter_entity": "sensor.import"}
    for export in ({}, {"export_entity": "sensor.import"}):
        await form.fill(**meter(**two), **export)
        assert form.errors == {"export_entity": "export_missing"}
    await form.fill(**meter(**two), export_entity="sensor.none")
    assert form.errors == {"export_entity": "sensor_unavailable"}
    await form.fill(**meter(**two), export_entity="sensor.export")
    assert form.text_of("reading") == "The house exports 400 W right now."


async def test_sensors_that_are_no_meters(house: House) -> None:
    """Each reason is told at the field."""
    form = await begin(house)
    assert form.errors == {"meter_entity": "sensor_unavailable"}
    for value, unit, error in (
        (5, "kWh", "not_power"),
        (5, "", "not_power"),
        ("unknown", "W", "sensor_unavailable"),
        ("unavailable", "W", "sensor_unavailable"),
        ("much", "W", "sensor_unavailable"),
        ("nan", "W", "sensor_unavailable"),
        (1e12, "W", "sensor_unavailable"),
    ):
        sensor(house, "grid", value, unit)
        await form.fill(**meter())
        assert form.errors == {"meter_entity": error}, (value, unit)
    own = find_id(house.hass, house.entry, "sensor", "power")
    with pytest.raises(InvalidData):
        await form.fill(**meter(meter_entity=own))


async def test_a_battery(house: House) -> None:
    """Its sign is asked for in words, limits need sensors, and it may all be undone."""
    registered = er.async_get(house.hass).async_get_or_create(
        "sensor", "test", "battery", suggested_object_id="battery"
    )
    sensor(house, "grid", -100)
    sensor(house, "battery", 0.5, "kW")
    sensor(house, "soc", 60, "%")
    sensor(house, "forecast", 4000, "Wh")
    form = await begin(house)
    await form.fill(right=True)
    for wrong, errors in (
        ({"min_soc": 20}, {"min_soc": "sensor_missing"}),
        ({"min_forecast": 1}, {"min_forecast": "sensor_missing"}),
        ({"battery_power": "sensor.soc"}, {"battery_power": "not_power"}),
        ({"battery_soc": "sensor.grid"}, {"battery_soc": "not_percent"}),
        ({"forecast_today": "sensor.soc"}, {"forecast_today": "not_energy"}),
    ):
        await form.fill(**wrong)
        assert form.errors == errors
    sensor(house, "soc", 160, "%")
    await form.fill(battery_soc="sensor.soc")
    assert form.errors == {"battery_soc": "sensor_unavailable"}
    sensor(house, "soc", 60, "%")
    sensor(house, "forecast", -1, "Wh")
    await form.fill(forecast_today="sensor.forecast")
    assert form.errors == {"forecast_today": "sensor_unavailable"}
    sensor(house, "forecast", 4, "kWh")
    battery = {
        "battery_power": "sensor.battery",
        "battery_soc": "sensor.soc",
        "forecast_today": "sensor.forecast",
        "min_soc": 20,
        "min_forecast": 1,
    }
    await form.fill(**battery)
    assert form.text_of("reading") == "The battery gives 500 W right now."
    await form.fill(right=False)
    assert form.text_of("reading") == "The battery charges with 500 W right now."
    await form.fill(right=True)
    await form.fill()
    await form.fill(timing={})
    await form.fill(start="steer")
    assert house.stored.data["battery_positive_is"] == "charge"
    assert house.stored.data["entity_ids"] == {"battery_power": registered.id}
    form = await house.reconfigure("battery")
    assert form.suggested("min_soc") == 20
    await form.fill()
    assert house.stored.data["battery_power"] is None
    assert house.stored.data["entity_ids"] == {}


async def test_order_and_changes(house: House) -> None:
    """Miners are put in order by their status; each part is changed on its own."""
    sensor(house, "grid", -100)
    async with SimulatedAvalon(model="nano3s") as avalon:
        await house.join(avalon, "Nano")
        axe, nano = house.entries
        form = await begin(house)
        await form.fill(right=True)
        await form.fill()
        sensors = [
            find_id(house.hass, item, "sensor", "status") for item in (nano, axe)
        ]
        await form.fill(order=sensors)
        await form.fill(timing={})
        result = form.text_of("result")
        assert result.index("Nano") < result.index("Axe")
        await form.fill(start="steer")
        assert house.stored.data["order"] == [nano.entry_id, axe.entry_id]
        form = await house.reconfigure("order")
        assert form.suggested("order") == sensors
        await form.fill(floor="lowest")
        assert form.reason == "reconfigure_successful"
        assert house.stored.data["order"] == []
        form = await house.reconfigure("meter")
        assert form.suggested("meter_entity") == GRID
        await form.fill(**meter(positive_is="export"))
        await form.fill(right=True)
        assert house.stored.data["positive_is"] == "export"
        form = await house.reconfigure("timing")
        await form.fill(timing={"reserve": 250})
        assert house.stored.data["reserve"] == 250
        form = await house.reconfigure("miners")
        await form.fill(name="Sun")
        assert house.stored.title == "Sun"
        form = await house.dialog(SOLAR)
        assert form.choices("copy_from") == {house.stored.subentry_id: "Sun"}
        # A miner that has no status any more cannot be put in order
        registry = er.async_get(house.hass)
        for entity_id in sensors:
            registry.async_remove(entity_id)
        form = await house.reconfigure("order")
        assert form.suggested("order") == []


async def test_miners_whose_draw_is_not_known(house: House) -> None:
    """That is said before it begins."""
    house.miner.async_set_update_error(TimeoutError())
    sensor(house, "grid", -100)
    form = await begin(house)
    await form.fill(right=True)
    await form.fill()
    await form.fill()
    await form.fill(timing={})
    assert "What Axe draws is not known yet" in form.text_of("result")


async def test_the_energy_settings_are_proposed(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """What the energy dashboard knows of the house need not be entered again."""
    source = {"type": "grid", "stat_rate": GRID, "cost_adjustment_day": 0}
    battery = {"type": "battery", "stat_rate": "sensor.battery"}
    hass_storage["energy"] = {
        "version": 1,
        "minor_version": 3,
        "key": "energy",
        "data": {
            "energy_sources": [source, battery],
            "device_consumption": [],
            "device_consumption_water": [],
        },
    }
    house.hass.config.components.add("energy")
    sensor(house, "grid", -100)
    sensor(house, "battery", 0)
    form = await house.dialog(SOLAR)
    await form.fill()
    assert form.suggested("meter_entity") == GRID
    await form.fill(**meter())
    await form.fill(right=True)
    assert form.suggested("battery_power") == "sensor.battery"
    house.hass.config.components.remove("energy")


@pytest.mark.parametrize(
    ("sources", "found"),
    [
        ([], {}),
        ([{"type": "solar", "stat_rate": "sensor.roof"}], {}),
        (
            [{"type": "grid", "power": [{"stat_rate": "sensor.a"}]}],
            {"meter_kind": "grid", "meter_entity": "sensor.a", "positive_is": "import"},
        ),
        (
            [{"type": "grid", "power_config": {"stat_rate_inverted": "sensor.a"}}],
            {"meter_kind": "grid", "meter_entity": "sensor.a", "positive_is": "export"},
        ),
        (
            [
                {
                    "type": "grid",
                    "power_config": {
                        "stat_rate_from": "sensor.a",
                        "stat_rate_to": "sensor.b",
                    },
                }
            ],
            {
                "meter_kind": "two",
                "meter_entity": "sensor.a",
                "export_entity": "sensor.b",
            },
        ),
    ],
)
def test_meters_of_the_energy_settings(sources: Any, found: dict[str, str]) -> None:
    """Each way to tell the power of the grid is understood, old ones too."""
    assert meter_of(sources) == found


def test_batteries_of_the_energy_settings() -> None:
    """Power in either direction, and the charge."""
    one = {"type": "battery", "power_config": {"stat_rate_inverted": "sensor.a"}}
    assert battery_of([one, {"type": "battery", "stat_soc": "sensor.soc"}]) == {
        "battery_power": "sensor.a",
        "battery_positive_is": "charge",
        "battery_soc": "sensor.soc",
    }
