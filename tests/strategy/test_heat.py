"""Heating a room with real simulated miners: its dialog, its thermostat, its end."""

from collections.abc import Mapping
from datetime import timedelta
import math
from typing import Any

from homeassistant.components.climate import ATTR_HVAC_ACTION
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, State
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import act, find, find_id, fleet_entry, poll
from tests.conftest import miner_entry, set_up
from tests.flows import Result, suggested

from .common import add, begin, down, manager, settle, state_of, wait
from .test_flow import change, device, fill, only, open_new

pytestmark = pytest.mark.usefixtures("quick")

ROOM = "sensor.room"
HEAT: Mapping[str, Any] = {
    "miners": [],
    "temperature_entity": ROOM,
    "entity_ids": {},
    "max_room": 28,
    "stop_all": False,
    "lowest_rung": "lowest",
    "highest_rung": "highest",
    "when_idle": "off",
    "eco": 18,
    "comfort": 20.5,
    "boost": 22,
    "away": 15,
    "boost_time": 60,
    "tolerance": 0.3,
    "min_cycle": 10,
    "stale_after": 45,
    "stagger": 0,
    "start": "steer",
}
"""A heating as the dialog stores it."""


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


def room(hass: HomeAssistant, value: object, unit: str = "°C") -> None:
    """Let the sensor of the room say something."""
    hass.states.async_set(
        ROOM,
        str(value),
        {"unit_of_measurement": unit, "device_class": "temperature"},
    )


def thermostat(hass: HomeAssistant, strategy: Strategy) -> State:
    """Return the climate entity of a heating."""
    return state_of(hass, strategy, "climate", "climate")


def action(hass: HomeAssistant, strategy: Strategy) -> Any:
    """Return what the heating does."""
    return thermostat(hass, strategy).attributes[ATTR_HVAC_ACTION]


async def turn(
    hass: HomeAssistant, strategy: Strategy, service: str, **data: Any
) -> None:
    """Do something at the thermostat."""
    entity_id = thermostat(hass, strategy).entity_id
    await act(hass, "climate", service, entity_id, **data)
    await settle(hass)


async def add_heating(hass: HomeAssistant, **changes: Any) -> Strategy:
    """Add a heating."""
    return await add(hass, "heat", {**HEAT, **changes}, title="Office heating")


TIMING = {"tolerance": 0.3, "min_cycle": 10, "stale_after": 45, "stagger": 10}
PRESETS = {"eco": 17, "comfort": 21, "boost": 23, "away": 12, "boost_time": 30}


async def go_to_presets(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Result:
    """Go on to the presets of a new heating."""
    form = await fill(
        hass, await open_new(hass, "heat"), "heat", miners=[device(hass, entry)]
    )
    form = await fill(
        hass, form, "heat", temperature_entity=ROOM, max_room=27, stop_all=True
    )
    return await fill(
        hass,
        form,
        "heat",
        lowest_rung="normal",
        highest_rung="highest",
        when_idle="lowest",
    )


async def test_dialog(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """It asks for the miners, the room, the modes, the presets and the timing."""
    room(home, 19.4)
    form = await go_to_presets(home, entry)
    assert suggested(form, "comfort") == 20.5
    form = await fill(home, form, "heat", **PRESETS)
    form = await fill(home, form, "heat", timing=TIMING)
    assert form["step_id"] == "preview"
    assert form["description_placeholders"]["result"] == (
        "The room has 19.4 °C. The thermostat begins with 21.0 °C: "
        "from Normal up to Highest until it is warm, then Lowest."
    )
    await fill(home, form, "heat", start="steer")
    stored = only(home)
    assert stored.title == "Heating"
    assert {key: stored.data[key] for key in PRESETS} == PRESETS
    assert stored.data["max_room"] == 27
    assert stored.data["lowest_rung"] == "normal"
    assert stored.data["tolerance"] == 0.3


async def test_what_the_dialog_refuses(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A room needs miners, and a sensor that is there and none of HMM."""
    form = await fill(home, await open_new(home, "heat"), "heat", name="A")
    assert form["errors"] == {"miners": "no_miners"}
    form = await fill(home, form, "heat", miners=[device(home, entry)])
    given = {"temperature_entity": ROOM, "max_room": 28, "stop_all": False}
    for value, unit in (("unavailable", "°C"), ("nan", "°C"), (20, "%")):
        room(home, value, unit)
        form = await fill(home, form, "heat", **given)
        assert form["errors"] == {"temperature_entity": "room_unavailable"}
    own = find_id(home, entry, "sensor", "temperature")
    form = await fill(home, form, "heat", **given | {"temperature_entity": own})
    assert form["errors"] == {"temperature_entity": "own_sensor"}


async def test_a_change(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Each part can be changed; the sensor is known by its place in the registry."""
    registered = er.async_get(home).async_get_or_create(
        "sensor", "test", "room", suggested_object_id="room"
    )
    room(home, 19)
    strategy = await add_heating(home, miners=[device(home, entry)])
    form = await change(home, only(home), "room")
    assert suggested(form, "max_room") == 28
    given = {"temperature_entity": ROOM, "max_room": 30, "stop_all": False}
    await fill(home, form, "heat", **given)
    assert only(home).data["entity_ids"] == {"temperature_entity": registered.id}
    form = await change(home, only(home), "presets")
    await fill(home, form, "heat", **PRESETS)
    assert thermostat(home, strategy).attributes["temperature"] == 21
    form = await change(home, only(home), "timing")
    await fill(home, form, "heat", timing=TIMING | {"tolerance": 0.5})
    assert only(home).data["tolerance"] == 0.5


async def test_a_dialog_in_fahrenheit(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """It asks in the unit of Home Assistant, and stores °C and K."""
    home.config.units = US_CUSTOMARY_SYSTEM
    room(home, 68, "°F")
    form = await fill(
        home, await open_new(home, "heat"), "heat", miners=[device(home, entry)]
    )
    assert suggested(form, "max_room") == 82.4
    given = {"temperature_entity": ROOM, "max_room": 82.4, "stop_all": False}
    form = await fill(home, form, "heat", **given)
    rungs = {"lowest_rung": "lowest", "highest_rung": "normal", "when_idle": "off"}
    form = await fill(home, form, "heat", **rungs)
    presets = {"eco": 64, "comfort": 70, "boost": 74, "away": 41, "boost_time": 60}
    form = await fill(home, form, "heat", **presets)
    form = await fill(home, form, "heat", timing=TIMING | {"tolerance": 0.5})
    assert "68.0 °F" in form["description_placeholders"]["result"]
    await fill(home, form, "heat", start="steer")
    data = only(home).data
    assert (data["max_room"], data["comfort"], data["away"]) == (28, 21.11, 5)
    assert data["tolerance"] == 0.28
    form = await change(home, only(home), "presets")
    assert suggested(form, "comfort") == 70


async def test_a_cold_room_is_warmed_step_by_step(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Up one mode per cycle, down one above the target, off far above it."""
    room(home, 18)
    strategy = await add_heating(home)
    await begin(home)
    modes = entry.runtime_data.tuning.modes
    steps = [it for it in modes if it != "oc"]
    await wait(home, freezer, 11)
    for _ in steps:
        room(home, 18)
        await wait(home, freezer, 11)
        await poll(home, entry)
    assert entry.runtime_data.tuning.current == steps[-1]
    state = thermostat(home, strategy)
    assert state.state == "heat"
    assert state.attributes["current_temperature"] == 18
    assert state.attributes["temperature"] == 20.5
    assert state.attributes["preset_mode"] == "comfort"
    assert state.attributes["explanation"].startswith("18.0 °C of 20.5 °C")
    assert action(home, strategy) == "heating"
    assert find(home, entry, "sensor", "controlled_by").state == "heat"
    room(home, 20.9)
    await wait(home, freezer, 1)
    assert entry.runtime_data.tuning.current == steps[-2]
    room(home, 21)
    await wait(home, freezer, 5)
    assert entry.runtime_data.tuning.current == steps[-2], "not within a cycle"
    assert not bitaxe.paused
    room(home, 21.6)
    await wait(home, freezer, 11)
    assert bitaxe.paused
    assert action(home, strategy) == "idle"


async def test_a_new_heating_begins_low(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A miner that was paused heats from the lowest mode on; it warms up first."""
    bitaxe.paused = True
    await poll(home, entry)
    room(home, 18)
    strategy = await add_heating(home)
    await begin(home)
    assert not bitaxe.paused
    assert entry.runtime_data.tuning.current == entry.runtime_data.tuning.modes[0]
    assert action(home, strategy) in ("heating", "preheating")


async def test_off_leaves_the_miners(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A warm room pauses; with the thermostat off the miner is as it was before."""
    room(home, 25)
    strategy = await add_heating(home)
    await begin(home)
    assert bitaxe.paused
    await turn(home, strategy, "turn_off")
    assert not bitaxe.paused
    assert thermostat(home, strategy).state == "off"
    assert action(home, strategy) == "off"
    explanation = state_of(home, strategy, "sensor", "state").attributes["explanation"]
    assert explanation == "Heating is off."
    await turn(home, strategy, "turn_on")
    await wait(home, freezer, 11)
    assert bitaxe.paused


@pytest.mark.parametrize("value", ["unavailable", "unknown", "nan", "-40", "80"])
async def test_a_dead_sensor_stops_the_heating(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
    value: str,
) -> None:
    """Without a temperature that can be, nothing heats; with one it goes on."""
    room(home, 18)
    strategy = await add_heating(home)
    await begin(home)
    assert not bitaxe.paused
    room(home, value)
    await settle(home)
    assert bitaxe.paused
    status = state_of(home, strategy, "sensor", "state")
    assert status.state == "fallback"
    assert "No fresh room temperature" in status.attributes["explanation"]
    assert thermostat(home, strategy).attributes["current_temperature"] is None
    room(home, 18)
    await wait(home, freezer, 11)
    assert not bitaxe.paused


@pytest.mark.parametrize("is_gone", [False, True])
async def test_the_preview_says_that_the_sensor_is_silent(
    home: HomeAssistant, entry: ConfigEntry[Any], freezer: Any, *, is_gone: bool
) -> None:
    """An old temperature is none: what it would do with it is not what it does."""
    room(home, 19.4)
    form = await go_to_presets(home, entry)
    form = await fill(home, form, "heat", **PRESETS)
    if is_gone:
        home.states.async_set(ROOM, "unavailable")
    else:
        freezer.tick(timedelta(minutes=46))
    form = await fill(home, form, "heat", timing=TIMING)
    assert form["description_placeholders"]["result"] == (
        "The sensor reports no fresh room temperature: heating waits until it does. "
        "The thermostat then begins with 21.0 °C: "
        "from Normal up to Highest until it is warm, then Lowest."
    )


async def test_a_silent_sensor_stops_the_heating(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A battery that is empty leaves the last temperature; the same one again is news."""
    room(home, 18)
    await add_heating(home)
    await begin(home)
    for _ in range(3):
        await wait(home, freezer, 30)
        room(home, 18)
        await settle(home)
        assert not bitaxe.paused
    for _ in range(5):
        await wait(home, freezer, 10)
    assert bitaxe.paused


async def test_too_warm_stops_all(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Above its most a room stops its miners, even with the thermostat off."""
    room(home, 22)
    strategy = await add_heating(home, stop_all=True)
    await turn(home, strategy, "turn_off")
    await begin(home)
    assert not bitaxe.paused
    room(home, 28.5)
    await settle(home)
    assert bitaxe.paused
    assert find(home, entry, "sensor", "controlled_by").state == "safety"
    select = state_of(home, strategy, "select", "override").entity_id
    await act(home, "select", "select_option", select, option="highest")
    await settle(home)
    assert bitaxe.paused, "no word of the user heats a room that is too warm"
    await act(home, "select", "select_option", select, option="automatic")
    room(home, 27.5)
    await wait(home, freezer, 6)
    assert bitaxe.paused, "only 1 K below"
    room(home, 26.9)
    await wait(home, freezer, 11)
    assert not bitaxe.paused


async def test_targets_and_presets(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A temperature ends the preset; a boost ends by itself, to what was before."""
    room(home, 20)
    strategy = await add_heating(home)
    await begin(home)

    def shown() -> tuple[str, float]:
        attributes = thermostat(home, strategy).attributes
        return attributes["preset_mode"], attributes["temperature"]

    assert shown() == ("comfort", 20.5)
    await turn(home, strategy, "set_preset_mode", preset_mode="eco")
    assert shown() == ("eco", 18)
    await turn(home, strategy, "set_temperature", temperature=19.5)
    assert shown() == ("none", 19.5)
    await turn(home, strategy, "set_preset_mode", preset_mode="boost")
    assert shown() == ("boost", 22)
    await wait(home, freezer, 30)
    await turn(home, strategy, "set_preset_mode", preset_mode="boost")
    await wait(home, freezer, 59)
    assert shown() == ("boost", 22)
    await wait(home, freezer, 2)
    assert shown() == ("none", 19.5)
    await turn(home, strategy, "set_preset_mode", preset_mode="away")
    await turn(home, strategy, "set_preset_mode", preset_mode="none")
    assert shown() == ("none", 15)
    await turn(home, strategy, "set_temperature", temperature=21, hvac_mode="off")
    assert shown() == ("none", 21)
    assert thermostat(home, strategy).state == "off"
    for wrong in (4, 29, math.inf, -math.inf, math.nan):
        with pytest.raises(ServiceValidationError):
            await turn(home, strategy, "set_temperature", temperature=wrong)
    with pytest.raises(ServiceValidationError, match=r"“nan” is not a number\."):
        await turn(
            home, strategy, "set_temperature", temperature="nan", hvac_mode="heat"
        )
    assert thermostat(home, strategy).state == "off"
    with pytest.raises(ServiceValidationError):
        await turn(home, strategy, "set_temperature", temperature=20, hvac_mode="cool")
    assert shown() == ("none", 21)


async def test_switched_off(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Active is no second switch of its name; while it is off nothing heats."""
    room(home, 18)
    strategy = await add_heating(home)
    switch = state_of(home, strategy, "switch", "switch")
    assert switch.name == "Office heating Active"
    assert thermostat(home, strategy).name == "Office heating"
    await act(home, "switch", "turn_off", switch.entity_id)
    assert thermostat(home, strategy).state == "off"
    with pytest.raises(ServiceValidationError, match="Office heating is switched off"):
        await turn(home, strategy, "set_hvac_mode", hvac_mode="heat")
    await turn(home, strategy, "set_hvac_mode", hvac_mode="off")


async def test_fahrenheit(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Limits, targets and words are in the unit of Home Assistant."""
    home.config.units = US_CUSTOMARY_SYSTEM
    room(home, 66.2, "°F")
    strategy = await add_heating(home)
    await begin(home)
    attributes = thermostat(home, strategy).attributes
    assert attributes["current_temperature"] == 66.2
    assert attributes["temperature"] == 68.9
    assert (attributes["min_temp"], attributes["max_temp"]) == (41, 82.4)
    assert attributes["target_temp_step"] == 1
    assert attributes["explanation"].startswith("66.2 °F of 68.9 °F")
    await turn(home, strategy, "set_temperature", temperature=72)
    assert thermostat(home, strategy).attributes["temperature"] == 72
    assert strategy.heating is not None
    assert strategy.heating.target == pytest.approx(22.22, abs=0.01)


async def test_home_assistant_restarts(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
    hass_storage: dict[str, Any],
) -> None:
    """In the middle of heating: level, target and the end of a boost stay."""
    room(home, 18)
    strategy = await add_heating(home)
    await begin(home)
    await turn(home, strategy, "set_temperature", temperature=19.5)
    await turn(home, strategy, "set_preset_mode", preset_mode="boost")
    before, level = entry.runtime_data.tuning.current, strategy.record.memory["level"]
    async with down(home, entry):
        pass
    strategy = manager(home).strategies[strategy.id]
    state = thermostat(home, strategy)
    assert state.attributes["preset_mode"] == "boost"
    assert state.attributes["temperature"] == 22
    assert ATTR_HVAC_ACTION not in state.attributes, "nothing is decided yet"
    await begin(home)
    assert strategy.record.memory["level"] == level
    assert entry.runtime_data.tuning.current == before
    await wait(home, freezer, 61)
    assert thermostat(home, strategy).attributes["temperature"] == 19.5


@pytest.mark.parametrize(
    "climate",
    [
        {"preset": 5, "target": "warm", "on": None},
        {"preset": "boost", "boost_ends": "2999-01-01T00:00:00+00:00"},
        {"preset": "boost", "boost_ends": 4, "before": "boost"},
        {"preset": "none", "target": float("inf")},
    ],
)
async def test_a_damaged_file(
    home: HomeAssistant, entry: ConfigEntry[Any], climate: dict[str, Any]
) -> None:
    """What cannot be is comfort again."""
    room(home, 18)
    strategy = await add_heating(home)
    strategy.record.climate = climate
    await begin(home)
    assert thermostat(home, strategy).attributes["temperature"] == 20.5


async def test_two_miners_and_price_bands(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Both warm the room; heat goes before a plan, which follows once it is off."""
    async with SimulatedAvalon(model="nano3s") as avalon:
        other = await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        home.states.async_set("binary_sensor.night", "on")
        await add(
            home,
            "calendar",
            {
                "miners": [],
                "entity": "binary_sensor.night",
                "entity_ids": {},
                "kind": "plan",
                "rung": "off",
            },
            title="Plan",
        )
        room(home, 18)
        strategy = await add_heating(home)
        await begin(home)
        for it in (entry, other):
            assert find(home, it, "sensor", "controlled_by").state == "heat"
        assert not bitaxe.paused
        await turn(home, strategy, "turn_off")
        await wait(home, freezer, 11)
        assert bitaxe.paused
        assert find(home, entry, "sensor", "controlled_by").state == "calendar"


async def test_only_heatings_have_a_thermostat(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Other strategies have none."""
    await add(home, "calendar", {"miners": [], "kind": "plan", "rung": "off"})
    platforms = {
        it.domain
        for it in er.async_entries_for_config_entry(
            er.async_get(home), fleet_entry(home).entry_id
        )
        if it.platform == DOMAIN
    }
    assert "climate" not in platforms
