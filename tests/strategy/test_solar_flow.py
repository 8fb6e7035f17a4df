"""The dialog of solar surplus: meters of all kinds, a battery, and what is wrong."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hmm.strategy.energy_settings import battery_of, meter_of
from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import find_id
from tests.conftest import miner_entry, set_up
from tests.flows import Result, options, suggested

from .common import manager
from .test_flow import change, fill, only, open_new

pytestmark = pytest.mark.usefixtures("quick")

SOLAR = "solar"
GRID = "sensor.grid"
DAY = "2026-06-21T20:00:00+00:00"
NIGHT = "2026-06-21T08:00:00+00:00"

ALONE = {
    "battery_positive_is": "discharge",
    "battery_first": True,
    "min_soc": 0,
    "min_forecast": 0,
}
"""A house without a battery."""

ORDER = {"floor": "off", "min_run": 10}
TIMING = {
    "reserve": 100,
    "window": 2,
    "on_delay": 2,
    "off_delay": 5,
    "stale_after": 5,
    "daylight": True,
    "max_switches": 12,
    "stagger": 10,
}


@pytest.fixture(autouse=True)
def day(freezer: Any) -> None:
    """Let the sun shine on the home of the tests."""
    freezer.move_to(DAY)


@pytest.fixture
async def entry(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, day: None
) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


def sensor(hass: HomeAssistant, name: str, value: object, unit: str = "W") -> None:
    """Let a sensor say something."""
    hass.states.async_set(
        f"sensor.{name}", str(value), {"unit_of_measurement": unit}, force_update=True
    )


def meter(**given: Any) -> dict[str, Any]:
    """Return a filled in form of the meter."""
    return {
        "meter_kind": "grid",
        "meter_entity": GRID,
        "positive_is": "import",
    } | given


async def begin(hass: HomeAssistant, **given: Any) -> Result:
    """Begin a new strategy, and choose its meter."""
    form = await fill(hass, await open_new(hass, SOLAR), SOLAR)
    return await fill(hass, form, SOLAR, **meter(**given))


def reading(form: Result) -> str:
    """Return what a form says of a sensor."""
    text: str = form["description_placeholders"]["reading"]
    return text


async def test_a_new_one(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A grid sensor in kW, nothing else: it says what it reads and whom it steers."""
    sensor(home, "grid", -1.25, "kW")
    form = await open_new(home, SOLAR)
    assert suggested(form, "name") == "Solar surplus"
    form = await fill(home, form, SOLAR)
    form = await fill(home, form, SOLAR, **meter())
    assert reading(form) == "The house exports 1,250 W right now."
    form = await fill(home, form, SOLAR, right=True)
    form = await fill(home, form, SOLAR, **ALONE)
    form = await fill(home, form, SOLAR, **ORDER)
    form = await fill(home, form, SOLAR, timing=TIMING)
    result = form["description_placeholders"]["result"]
    assert result.startswith(
        "The house exports 1,250 W right now. In this order: Axe ("
    )
    await fill(home, form, SOLAR, start="dry_run")
    stored = only(home)
    assert stored.title == "Solar surplus"
    assert stored.data["positive_is"] == "import"
    assert manager(home).strategies[stored.subentry_id].record.dry_run


async def test_the_other_sign(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """What is read wrong is turned round, and said again; so are its words at night."""
    sensor(home, "grid", 800)
    form = await begin(home)
    assert reading(form) == "The house imports 800 W right now."
    form = await fill(home, form, SOLAR, right=False)
    assert reading(form) == "The house exports 800 W right now."
    form = await fill(home, form, SOLAR, right=True)
    assert form["step_id"] == "battery"


async def test_an_export_at_night(
    home: HomeAssistant, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Without sun and battery an export is a sign that is wrong, and that is said."""
    freezer.move_to(NIGHT)
    sensor(home, "grid", 800)
    form = await begin(home, positive_is="export")
    assert "probably mixed up" in reading(form)
    form = await fill(home, form, SOLAR, right=False)
    assert reading(form) == "The house imports 800 W right now."


async def test_a_surplus_sensor_and_two(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Their sign is no question: what is wrong leads back to the sensor."""
    sensor(home, "surplus", 300)
    form = await begin(home, meter_kind="surplus", meter_entity="sensor.surplus")
    assert reading(form) == "The house exports 300 W right now."
    form = await fill(home, form, SOLAR, right=False)
    assert form["step_id"] == "meter"
    sensor(home, "import", 0)
    sensor(home, "export", 0.0004, "MW")
    two = {"meter_kind": "two", "meter_entity": "sensor.import"}
    for export in ({}, {"export_entity": "sensor.import"}):
        form = await fill(home, form, SOLAR, **meter(**two), **export)
        assert form["errors"] == {"export_entity": "export_missing"}
    form = await fill(home, form, SOLAR, **meter(**two), export_entity="sensor.none")
    assert form["errors"] == {"export_entity": "sensor_unavailable"}
    form = await fill(home, form, SOLAR, **meter(**two), export_entity="sensor.export")
    assert reading(form) == "The house exports 400 W right now."


async def test_sensors_that_are_no_meters(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Each reason is told at the field."""
    form = await begin(home)
    assert form["errors"] == {"meter_entity": "sensor_unavailable"}
    for value, unit, error in (
        (5, "kWh", "not_power"),
        (5, "", "not_power"),
        ("unknown", "W", "sensor_unavailable"),
        ("unavailable", "W", "sensor_unavailable"),
        ("much", "W", "sensor_unavailable"),
        ("nan", "W", "sensor_unavailable"),
        (1e12, "W", "sensor_unavailable"),
    ):
        sensor(home, "grid", value, unit)
        form = await fill(home, form, SOLAR, **meter())
        assert form["errors"] == {"meter_entity": error}, (value, unit)
    own = find_id(home, entry, "sensor", "power")
    form = await fill(home, form, SOLAR, **meter(meter_entity=own))
    assert form["errors"] == {"meter_entity": "own_draw"}


async def test_a_battery(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Its sign is asked for in words, limits need sensors, and it may all be undone."""
    registered = er.async_get(home).async_get_or_create(
        "sensor", "test", "battery", suggested_object_id="battery"
    )
    sensor(home, "grid", -100)
    sensor(home, "battery", 0.5, "kW")
    sensor(home, "soc", 60, "%")
    sensor(home, "forecast", 4000, "Wh")
    form = await fill(home, await begin(home), SOLAR, right=True)
    for wrong, errors in (
        ({"min_soc": 20}, {"min_soc": "sensor_missing"}),
        ({"min_forecast": 1}, {"min_forecast": "sensor_missing"}),
        ({"battery_power": "sensor.soc"}, {"battery_power": "not_power"}),
        ({"battery_soc": "sensor.grid"}, {"battery_soc": "not_percent"}),
        ({"forecast_today": "sensor.soc"}, {"forecast_today": "not_energy"}),
    ):
        form = await fill(home, form, SOLAR, **ALONE | wrong)
        assert form["errors"] == errors
    sensor(home, "soc", 160, "%")
    form = await fill(home, form, SOLAR, **ALONE, battery_soc="sensor.soc")
    assert form["errors"] == {"battery_soc": "sensor_unavailable"}
    sensor(home, "soc", 60, "%")
    sensor(home, "forecast", -1, "Wh")
    form = await fill(home, form, SOLAR, **ALONE, forecast_today="sensor.forecast")
    assert form["errors"] == {"forecast_today": "sensor_unavailable"}
    sensor(home, "forecast", 4, "kWh")
    battery = ALONE | {
        "battery_power": "sensor.battery",
        "battery_soc": "sensor.soc",
        "forecast_today": "sensor.forecast",
        "min_soc": 20,
        "min_forecast": 1,
    }
    form = await fill(home, form, SOLAR, **battery)
    assert reading(form) == "The battery gives 500 W right now."
    form = await fill(home, form, SOLAR, right=False)
    assert reading(form) == "The battery charges with 500 W right now."
    form = await fill(home, form, SOLAR, right=True)
    form = await fill(home, form, SOLAR, **ORDER)
    form = await fill(home, form, SOLAR, timing=TIMING)
    await fill(home, form, SOLAR, start="steer")
    assert only(home).data["battery_positive_is"] == "charge"
    assert only(home).data["entity_ids"] == {"battery_power": registered.id}
    form = await change(home, only(home), "battery")
    assert suggested(form, "min_soc") == 20
    await fill(home, form, SOLAR, **ALONE)
    assert only(home).data["battery_power"] is None
    assert only(home).data["entity_ids"] == {}


async def test_order_and_changes(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Miners are put in order by their status; each part is changed on its own."""
    sensor(home, "grid", -100)
    async with SimulatedAvalon(model="nano3s") as avalon:
        nano = await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        form = await fill(home, await begin(home), SOLAR, right=True)
        form = await fill(home, form, SOLAR, **ALONE)
        sensors = [find_id(home, it, "sensor", "status") for it in (nano, entry)]
        form = await fill(home, form, SOLAR, **ORDER, order=sensors)
        form = await fill(home, form, SOLAR, timing=TIMING)
        result = form["description_placeholders"]["result"]
        assert result.index("Nano") < result.index("Axe")
        await fill(home, form, SOLAR, start="steer")
        assert only(home).data["order"] == [nano.entry_id, entry.entry_id]
        form = await change(home, only(home), "order")
        assert suggested(form, "order") == sensors
        done = await fill(home, form, SOLAR, **ORDER | {"floor": "lowest"})
        assert done["reason"] == "reconfigure_successful"
        assert only(home).data["order"] == []
        form = await change(home, only(home), "meter")
        assert suggested(form, "meter_entity") == GRID
        form = await fill(home, form, SOLAR, **meter(positive_is="export"))
        await fill(home, form, SOLAR, right=True)
        assert only(home).data["positive_is"] == "export"
        form = await change(home, only(home), "timing")
        await fill(home, form, SOLAR, timing=TIMING | {"reserve": 250})
        assert only(home).data["reserve"] == 250
        form = await change(home, only(home), "miners")
        await fill(home, form, SOLAR, name="Sun")
        assert only(home).title == "Sun"
        form = await open_new(home, SOLAR)
        assert options(form, "copy_from") == {only(home).subentry_id: "Sun"}
        # A miner that has no status any more cannot be put in order
        registry = er.async_get(home)
        for entity_id in sensors:
            registry.async_remove(entity_id)
        form = await change(home, only(home), "order")
        assert suggested(form, "order") == []


async def test_miners_whose_draw_is_not_known(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """That is said before it begins."""
    entry.runtime_data.async_set_update_error(TimeoutError())
    sensor(home, "grid", -100)
    form = await fill(home, await begin(home), SOLAR, right=True)
    form = await fill(home, form, SOLAR, **ALONE)
    form = await fill(home, form, SOLAR, **ORDER)
    form = await fill(home, form, SOLAR, timing=TIMING)
    assert (
        "What Axe draws is not known yet" in form["description_placeholders"]["result"]
    )


async def test_the_energy_settings_are_proposed(
    home: HomeAssistant, entry: ConfigEntry[Any], hass_storage: dict[str, Any]
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
    home.config.components.add("energy")
    sensor(home, "grid", -100)
    sensor(home, "battery", 0)
    form = await fill(home, await open_new(home, SOLAR), SOLAR)
    assert suggested(form, "meter_entity") == GRID
    form = await fill(home, form, SOLAR, **meter())
    form = await fill(home, form, SOLAR, right=True)
    assert suggested(form, "battery_power") == "sensor.battery"
    home.config.components.remove("energy")


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
