"""Heating a room with real simulated miners: its dialog, its thermostat, its end."""

from datetime import timedelta
import math
from typing import Any

from homeassistant.components.climate import ATTR_HVAC_ACTION
from homeassistant.core import State
from homeassistant.data_entry_flow import InvalidData
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.strategy.strategy import Strategy
from tests.common import act, find_id

from .common import Dialog, House

pytestmark = pytest.mark.usefixtures("quick")

ROOM = "sensor.room"
HEAT = {"temperature_entity": ROOM, "stagger": 0}
"""A heating as the dialog stores it; the rest is by default."""


def room(house: House, value: object, unit: str = "°C") -> None:
    """Let the sensor of the room say something."""
    attributes = {"unit_of_measurement": unit, "device_class": "temperature"}
    house.hass.states.async_set(ROOM, str(value), attributes)


def thermostat(house: House, strategy: Strategy) -> State:
    """Return the climate entity of a heating."""
    return house.state_of(strategy, "climate", "climate")


def action(house: House, strategy: Strategy) -> Any:
    """Return what the heating does."""
    return thermostat(house, strategy).attributes[ATTR_HVAC_ACTION]


async def turn(house: House, strategy: Strategy, service: str, **data: Any) -> None:
    """Do something at the thermostat."""
    await act(
        house.hass, "climate", service, thermostat(house, strategy).entity_id, **data
    )
    await house.settle()


async def add_heating(house: House, **changes: Any) -> Strategy:
    """Add a heating."""
    return await house.add("heat", {**HEAT, **changes}, title="Office heating")


PRESETS = {"eco": 17, "comfort": 21, "boost": 23, "away": 12, "boost_time": 30}


async def go_to_presets(house: House) -> Dialog:
    """Go on to the presets of a new heating."""
    form = await house.dialog("heat")
    await form.fill(miners=[house.device_id()])
    await form.fill(temperature_entity=ROOM, max_room=27, stop_all=True)
    await form.fill(lowest_rung="normal", highest_rung="highest", when_idle="lowest")
    return form


async def test_dialog(house: House) -> None:
    """It asks for the miners, the room, the modes, the presets and the timing."""
    room(house, 19.4)
    form = await go_to_presets(house)
    assert form.suggested("comfort") == 20.5
    await form.fill(**PRESETS)
    await form.fill(timing={})
    assert form.step == "preview"
    assert form.text_of("result") == (
        "The room has 19.4 °C. The thermostat begins with 21.0 °C: "
        "from Normal up to Highest until it is warm, then Lowest."
    )
    await form.fill(start="steer")
    stored = house.stored
    assert stored.title == "Heating"
    assert {key: stored.data[key] for key in PRESETS} == PRESETS
    assert stored.data["max_room"] == 27
    assert stored.data["lowest_rung"] == "normal"
    assert stored.data["tolerance"] == 0.3


async def test_what_the_dialog_refuses(house: House) -> None:
    """A room needs miners, and a sensor that is there and none of HMM."""
    form = await house.dialog("heat")
    await form.fill(name="A")
    assert form.errors == {"miners": "no_miners"}
    await form.fill(miners=[house.device_id()])
    given = {"temperature_entity": ROOM, "max_room": 28, "stop_all": False}
    for value, unit in (("unavailable", "°C"), ("nan", "°C"), (20, "%")):
        room(house, value, unit)
        await form.fill(**given)
        assert form.errors == {"temperature_entity": "room_unavailable"}
    own = find_id(house.hass, house.entry, "sensor", "temperature")
    with pytest.raises(InvalidData):
        await form.fill(**given | {"temperature_entity": own})


async def test_a_change(house: House) -> None:
    """Each part can be changed; the sensor is known by its place in the registry."""
    registered = er.async_get(house.hass).async_get_or_create(
        "sensor", "test", "room", suggested_object_id="room"
    )
    room(house, 19)
    strategy = await add_heating(house, miners=[house.device_id()])
    form = await house.reconfigure("room")
    assert form.suggested("max_room") == 28
    given = {"temperature_entity": ROOM, "max_room": 30, "stop_all": False}
    await form.fill(**given)
    assert house.stored.data["entity_ids"] == {"temperature_entity": registered.id}
    form = await house.reconfigure("presets")
    await form.fill(**PRESETS)
    assert thermostat(house, strategy).attributes["temperature"] == 21
    form = await house.reconfigure("timing")
    await form.fill(timing={"tolerance": 0.5})
    assert house.stored.data["tolerance"] == 0.5


async def test_a_dialog_in_fahrenheit(house: House) -> None:
    """It asks in the unit of Home Assistant, and stores °C and K."""
    house.hass.config.units = US_CUSTOMARY_SYSTEM
    room(house, 68, "°F")
    form = await house.dialog("heat")
    await form.fill(miners=[house.device_id()])
    assert form.suggested("max_room") == 82.4
    given = {"temperature_entity": ROOM, "max_room": 82.4, "stop_all": False}
    await form.fill(**given)
    rungs = {"lowest_rung": "lowest", "highest_rung": "normal", "when_idle": "off"}
    await form.fill(**rungs)
    presets = {"eco": 64, "comfort": 70, "boost": 74, "away": 41, "boost_time": 60}
    await form.fill(**presets)
    await form.fill(timing={"tolerance": 0.5})
    assert "68.0 °F" in form.text_of("result")
    await form.fill(start="steer")
    data = house.stored.data
    assert (data["max_room"], data["comfort"], data["away"]) == (28, 21.11, 5)
    assert data["tolerance"] == 0.28
    form = await house.reconfigure("presets")
    assert form.suggested("comfort") == 70


async def test_a_cold_room_is_warmed_step_by_step(house: House, freezer: Any) -> None:
    """Up one mode per cycle, down one above the target, off far above it."""
    room(house, 18)
    strategy = await add_heating(house)
    await house.begin()
    modes = house.miner.tuning.modes
    steps = [mode for mode in modes if mode != "oc"]
    await house.wait(11)
    for _ in steps:
        room(house, 18)
        await house.wait(11)
        await house.poll()
    assert house.mode == steps[-1]
    state = thermostat(house, strategy)
    assert state.state == "heat"
    assert state.attributes["current_temperature"] == 18
    assert state.attributes["temperature"] == 20.5
    assert state.attributes["preset_mode"] == "comfort"
    assert state.attributes["explanation"].startswith("18.0 °C of 20.5 °C")
    assert action(house, strategy) == "heating"
    assert house.by() == "heat"
    room(house, 20.9)
    await house.wait(1)
    assert house.mode == steps[-2]
    room(house, 21)
    await house.wait(5)
    assert house.mode == steps[-2], "not within a cycle"
    assert not house.device.paused
    room(house, 21.6)
    await house.wait(11)
    assert house.device.paused
    assert action(house, strategy) == "idle"


async def test_a_new_heating_begins_low(house: House, freezer: Any) -> None:
    """A miner that was paused heats from the lowest mode on; it warms up first."""
    house.device.paused = True
    await house.poll()
    room(house, 18)
    strategy = await add_heating(house)
    await house.begin()
    assert not house.device.paused
    assert house.mode == house.miner.tuning.modes[0]
    assert action(house, strategy) in ("heating", "preheating")


async def test_off_leaves_the_miners(house: House, freezer: Any) -> None:
    """A warm room pauses; with the thermostat off the miner is as it was before."""
    room(house, 25)
    strategy = await add_heating(house)
    await house.begin()
    assert house.device.paused
    await turn(house, strategy, "turn_off")
    assert not house.device.paused
    assert thermostat(house, strategy).state == "off"
    assert action(house, strategy) == "off"
    explanation = house.status(strategy).attributes["explanation"]
    assert explanation == "Heating is off."
    await turn(house, strategy, "turn_on")
    await house.wait(11)
    assert house.device.paused


@pytest.mark.parametrize("value", ["unavailable", "80"])
async def test_a_dead_sensor_stops_the_heating(
    house: House, freezer: Any, value: str
) -> None:
    """Without a temperature that can be, nothing heats; with one it goes on."""
    room(house, 18)
    strategy = await add_heating(house)
    await house.begin()
    assert not house.device.paused
    room(house, value)
    await house.settle()
    assert house.device.paused
    status = house.status(strategy)
    assert status.state == "fallback"
    assert "No fresh room temperature" in status.attributes["explanation"]
    assert thermostat(house, strategy).attributes["current_temperature"] is None
    room(house, 18)
    await house.wait(11)
    assert not house.device.paused


@pytest.mark.parametrize("is_gone", [False, True])
async def test_the_preview_says_that_the_sensor_is_silent(
    house: House, freezer: Any, *, is_gone: bool
) -> None:
    """An old temperature is none: what it would do with it is not what it does."""
    room(house, 19.4)
    form = await go_to_presets(house)
    await form.fill(**PRESETS)
    if is_gone:
        house.hass.states.async_set(ROOM, "unavailable")
    else:
        freezer.tick(timedelta(minutes=46))
    await form.fill(timing={})
    assert form.text_of("result") == (
        "The sensor reports no fresh room temperature: heating waits until it does. "
        "The thermostat then begins with 21.0 °C: "
        "from Normal up to Highest until it is warm, then Lowest."
    )


async def test_a_silent_sensor_stops_the_heating(house: House, freezer: Any) -> None:
    """A battery that is empty leaves the last temperature; the same one again is news."""
    room(house, 18)
    await add_heating(house)
    await house.begin()
    for _ in range(3):
        await house.wait(30)
        room(house, 18)
        await house.settle()
        assert not house.device.paused
    for _ in range(5):
        await house.wait(10)
    assert house.device.paused


async def test_too_warm_stops_all(house: House, freezer: Any) -> None:
    """Above its most a room stops its miners, even with the thermostat off."""
    room(house, 22)
    strategy = await add_heating(house, stop_all=True)
    await turn(house, strategy, "turn_off")
    await house.begin()
    assert not house.device.paused
    room(house, 28.5)
    await house.settle()
    assert house.device.paused
    assert house.by() == "safety"
    await house.override(strategy, "highest")
    assert house.device.paused, "no word of the user heats a room that is too warm"
    await house.override(strategy, "automatic")
    room(house, 27.5)
    await house.wait(6)
    assert house.device.paused, "only 1 K below"
    room(house, 26.9)
    await house.wait(11)
    assert not house.device.paused


async def test_targets_and_presets(house: House, freezer: Any) -> None:
    """A temperature ends the preset; a boost ends by itself, to what was before."""
    room(house, 20)
    strategy = await add_heating(house)
    await house.begin()

    def shown() -> tuple[str, float]:
        attributes = thermostat(house, strategy).attributes
        return attributes["preset_mode"], attributes["temperature"]

    assert shown() == ("comfort", 20.5)
    await turn(house, strategy, "set_preset_mode", preset_mode="eco")
    assert shown() == ("eco", 18)
    await turn(house, strategy, "set_temperature", temperature=19.5)
    assert shown() == ("none", 19.5)
    await turn(house, strategy, "set_preset_mode", preset_mode="boost")
    assert shown() == ("boost", 22)
    await house.wait(30)
    await turn(house, strategy, "set_preset_mode", preset_mode="boost")
    await house.wait(59)
    assert shown() == ("boost", 22)
    await house.wait(2)
    assert shown() == ("none", 19.5)
    await turn(house, strategy, "set_preset_mode", preset_mode="away")
    await turn(house, strategy, "set_preset_mode", preset_mode="none")
    assert shown() == ("none", 15)
    await turn(house, strategy, "set_temperature", temperature=21, hvac_mode="off")
    assert shown() == ("none", 21)
    assert thermostat(house, strategy).state == "off"
    for wrong in (4, 29, math.inf, -math.inf, math.nan):
        with pytest.raises(ServiceValidationError):
            await turn(house, strategy, "set_temperature", temperature=wrong)
    with pytest.raises(ServiceValidationError, match=r"“nan” is not a number\."):
        await turn(
            house, strategy, "set_temperature", temperature="nan", hvac_mode="heat"
        )
    assert thermostat(house, strategy).state == "off"
    with pytest.raises(ServiceValidationError):
        await turn(house, strategy, "set_temperature", temperature=20, hvac_mode="cool")
    assert shown() == ("none", 21)


async def test_switched_off(house: House) -> None:
    """Active is no second switch of its name; while it is off nothing heats."""
    room(house, 18)
    strategy = await add_heating(house)
    switch = house.state_of(strategy, "switch", "switch")
    assert switch.name == "Office heating Active"
    assert thermostat(house, strategy).name == "Office heating"
    await house.switch(strategy, False)
    assert thermostat(house, strategy).state == "off"
    with pytest.raises(ServiceValidationError, match="Office heating is switched off"):
        await turn(house, strategy, "set_hvac_mode", hvac_mode="heat")
    await turn(house, strategy, "set_hvac_mode", hvac_mode="off")


async def test_fahrenheit(house: House) -> None:
    """Limits, targets and words are in the unit of Home Assistant."""
    house.hass.config.units = US_CUSTOMARY_SYSTEM
    room(house, 66.2, "°F")
    strategy = await add_heating(house)
    await house.begin()
    attributes = thermostat(house, strategy).attributes
    assert attributes["current_temperature"] == 66.2
    assert attributes["temperature"] == 68.9
    assert (attributes["min_temp"], attributes["max_temp"]) == (41, 82.4)
    assert attributes["target_temp_step"] == 1
    assert attributes["explanation"].startswith("66.2 °F of 68.9 °F")
    await turn(house, strategy, "set_temperature", temperature=72)
    assert thermostat(house, strategy).attributes["temperature"] == 72
    assert strategy.heating is not None
    assert strategy.heating.target == pytest.approx(22.22, abs=0.01)


async def test_home_assistant_restarts(
    house: House, freezer: Any, hass_storage: dict[str, Any]
) -> None:
    """In the middle of heating: level, target and the end of a boost stay."""
    room(house, 18)
    strategy = await add_heating(house)
    await house.begin()
    await turn(house, strategy, "set_temperature", temperature=19.5)
    await turn(house, strategy, "set_preset_mode", preset_mode="boost")
    before, level = house.mode, strategy.record.memory["level"]
    async with house.down():
        pass
    strategy = house.manager.strategies[strategy.id]
    state = thermostat(house, strategy)
    assert state.attributes["preset_mode"] == "boost"
    assert state.attributes["temperature"] == 22
    assert ATTR_HVAC_ACTION not in state.attributes, "nothing is decided yet"
    await house.begin()
    assert strategy.record.memory["level"] == level
    assert house.mode == before
    await house.wait(61)
    assert thermostat(house, strategy).attributes["temperature"] == 19.5


@pytest.mark.parametrize(
    "climate",
    [
        {"preset": 5, "target": "warm", "on": None},
        {"preset": "boost", "boost_ends": "2999-01-01T00:00:00+00:00"},
        {"preset": "boost", "boost_ends": 4, "before": "boost"},
        {"preset": "none", "target": float("inf")},
    ],
)
async def test_a_damaged_file(house: House, climate: dict[str, Any]) -> None:
    """What cannot be is comfort again."""
    room(house, 18)
    strategy = await add_heating(house)
    strategy.record.climate = climate
    await house.begin()
    assert thermostat(house, strategy).attributes["temperature"] == 20.5


async def test_only_heatings_have_a_thermostat(house: House) -> None:
    """Other strategies have none."""
    await house.add("calendar", {"miners": [], "kind": "plan", "rung": "off"})
    platforms = {
        entry.domain
        for entry in er.async_entries_for_config_entry(
            er.async_get(house.hass), house.fleet.entry_id
        )
        if entry.platform == DOMAIN
    }
    assert "climate" not in platforms
