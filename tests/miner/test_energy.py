"""Energy: counted from power, never made up, never lost."""

from copy import deepcopy
from datetime import timedelta
from time import time
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import (
    mock_restore_cache_with_extra_data,
)

from custom_components.hmm.data import get_data
from custom_components.hmm.miner.coordinator import LONGEST_ENERGY_GAP
from custom_components.hmm.miner.energy import EnergyBook, EnergyMeter
from simulator import Fault, SimulatedAxeOS, SimulatedNMMiner
from tests.common import (
    act,
    find,
    find_id,
    find_maybe,
    fleet_entry,
    identity,
    later,
    poll,
    value,
)
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

HOUR = 3600


async def test_kilowatt_hours(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """Watts times the time between two polls; a poll in between adds nothing."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    shown = find(home, entry, "sensor", "energy")
    assert shown.attributes[ATTR_UNIT_OF_MEASUREMENT] == "kWh"
    assert shown.attributes["device_class"] == "energy"
    assert float(shown.state) == 0

    watts = bitaxe.state()["power"]
    for _ in range(120):
        freezer.tick(30)
        await poll(home, entry)
    assert value(home, entry, "energy") == pytest.approx(
        watts / 1000, abs=0.006
    )  # an hour
    await poll(home, entry)
    await poll(home, entry)
    assert value(home, entry, "energy") == pytest.approx(watts / 1000, abs=0.006)


async def test_each_reading_stands_until_the_next(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """A change counts from the poll that saw it."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    high = bitaxe.state()["power"]
    freezer.tick(100)
    bitaxe.paused = True
    await poll(home, entry)
    low = bitaxe.state()["power"]
    assert low < high / 2
    freezer.tick(100)
    await poll(home, entry)
    assert entry.runtime_data.energy.kwh == pytest.approx(
        (high + low) * 100 / HOUR / 1000, rel=0.001
    )


async def test_gap_adds_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """What a miner used while it did not answer is unknown: not counted."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    freezer.tick(120)
    await poll(home, entry)
    before = entry.runtime_data.energy.kwh
    assert before > 0

    await bitaxe.unplug()
    freezer.tick(30)
    await poll(home, entry)
    assert find(home, entry, "sensor", "energy").state == STATE_UNAVAILABLE
    freezer.tick(30)
    await bitaxe.plug_in()
    await poll(home, entry)
    # Nobody knows when between the two polls it was switched off
    assert entry.runtime_data.energy.kwh == before

    # A poll that comes very late (the computer slept) is a gap as well
    freezer.tick(10 * HOUR)
    await poll(home, entry)
    assert entry.runtime_data.energy.kwh == before


def _pass(
    freezer: FrozenDateTimeFactory, device: SimulatedAxeOS, seconds: float
) -> None:
    """Let time pass, here and in the miner."""
    freezer.tick(seconds)
    assert device.miner is not None
    device.miner._step(seconds)


async def test_a_miner_that_was_on_all_the_while_loses_no_energy(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """Its uptime proves it: the gap counts with the mean of before and after."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    high = bitaxe.state()["power"]
    bitaxe.fault = Fault.GARBAGE
    for _ in range(20):
        _pass(freezer, bitaxe, 30)
        await poll(home, entry)
    assert find(home, entry, "sensor", "energy").state == STATE_UNAVAILABLE
    assert entry.runtime_data.energy.kwh == 0
    bitaxe.fault = None
    bitaxe.paused = True
    _pass(freezer, bitaxe, 30)
    await poll(home, entry)
    mean = (high + bitaxe.state()["power"]) / 2
    bridged = entry.runtime_data.energy.kwh
    assert bridged == pytest.approx(mean * 630 / HOUR / 1000, rel=0.001)

    # One value that is missing is a gap as well
    render = bitaxe._render
    bitaxe.paused = False
    bitaxe._render = lambda keys: {**render(keys), "power": None}  # type: ignore[method-assign]
    _pass(freezer, bitaxe, 30)
    await poll(home, entry)
    bitaxe._render = render  # type: ignore[method-assign]
    _pass(freezer, bitaxe, 30)
    await poll(home, entry)
    assert entry.runtime_data.energy.kwh > bridged


@pytest.mark.parametrize("hours", [3, 25])
async def test_a_restarted_miner_proves_nothing(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    freezer: FrozenDateTimeFactory,
    hours: int,
) -> None:
    """It was off for a part of the gap; a gap of more than a day says too little."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.fault = Fault.GARBAGE
    freezer.tick(30)
    await poll(home, entry)
    bitaxe.fault = None
    if hours < 24:
        await bitaxe.unplug()
        await bitaxe.plug_in()
    _pass(freezer, bitaxe, hours * HOUR)
    await poll(home, entry)
    assert entry.runtime_data.energy.kwh == 0


async def test_a_crash_neither_dips_nor_counts_twice(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """What Home Assistant restores may be a quarter of an hour old."""
    bitaxe.miner.speed = 0
    mock_restore_cache_with_extra_data(
        home,
        [
            (
                State(entity_id, "1.0"),
                {"native_value": 1.0, "native_unit_of_measurement": "kWh"},
            )
            for entity_id in ("sensor.garage_energy", "sensor.mining_fleet_energy")
        ],
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    hub = fleet_entry(home)
    watts = bitaxe.state()["power"]
    for _ in range(250):
        _pass(freezer, bitaxe, 30)
        await poll(home, entry)
    freezer.tick(31)
    await later(home, 0)
    shown = value(home, entry, "energy")
    assert shown == pytest.approx(1 + watts * 7500 / HOUR / 1000, abs=0.006)
    assert value(home, hub, "energy") == shown

    # The crash: what is not in the file by now is lost
    crashed = deepcopy(hass_storage["hmm.energy"])
    for _ in range(2):
        _pass(freezer, bitaxe, 30)
        await poll(home, entry)
    for each in (entry, hub):
        await home.config_entries.async_unload(each.entry_id)
    hass_storage["hmm.energy"] = crashed
    book = EnergyBook(home, LONGEST_ENERGY_GAP)
    await book.async_load()
    get_data(home).energy = book
    # The same quarter of an hour passes with or without Home Assistant
    _pass(freezer, bitaxe, 900)
    for each in (entry, hub):
        await home.config_entries.async_setup(each.entry_id)
    await home.async_block_till_done()
    exact = 1 + watts * (7500 + 31 + 60 + 900 - 31) / HOUR / 1000
    assert value(home, entry, "energy") == pytest.approx(exact, abs=0.006)
    assert value(home, hub, "energy") == value(home, entry, "energy") >= shown


def test_a_clock_that_was_set_back_takes_nothing_away() -> None:
    """Given a reading of the future, then no uptime proves anything."""
    meter = EnergyMeter(LONGEST_ENERGY_GAP)
    stored = {"kwh": 1.0, "watts": 1000, "uptime": 7200, "time": time() + HOUR}
    meter.restore(stored)
    meter.read(1000, 7200 - HOUR)
    assert meter.kwh == 1.0


@pytest.mark.parametrize(
    "stored",
    [
        {"fleet": "much", "miners": []},
        {"fleet": 1.67e295, "miners": {"x": {"kwh": 1.67e295, "watts": 1, "time": 0}}},
        {"fleet": None, "miners": {"x": 1, "y": {"kwh": -1, "uptime": []}}},
        [],
    ],
)
async def test_a_file_that_makes_no_sense_is_no_count(
    home: HomeAssistant, hass_storage: dict[str, Any], stored: Any
) -> None:
    """It starts at zero."""
    hass_storage["hmm.energy"] = {"version": 1, "key": "hmm.energy", "data": stored}
    book = EnergyBook(home, 100)
    await book.async_load()
    assert book.displayed == book.meter("x").displayed == book.meter("y").displayed == 0


async def test_a_removed_miner_leaves_the_fleets_count(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    freezer: FrozenDateTimeFactory,
    hass_storage: dict[str, Any],
) -> None:
    """The fleet used it; the miner's own line is forgotten."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    for _ in range(120):
        freezer.tick(30)
        await poll(home, entry)
    used = value(home, entry, "energy")
    assert used > 0
    assert entry.entry_id in hass_storage["hmm.energy"]["data"]["miners"]
    await home.config_entries.async_remove(entry.entry_id)
    await home.async_block_till_done()
    assert hass_storage["hmm.energy"]["data"]["miners"] == {}
    assert hass_storage["hmm.energy"]["data"]["fleet"] == pytest.approx(used, abs=0.006)


async def test_unknown_power_adds_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """A poll without a figure for the power ends the count until the next one."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    render = bitaxe._render
    bitaxe._render = lambda keys: {**render(keys), "power": None}  # type: ignore[method-assign]
    await poll(home, entry)
    before = entry.runtime_data.energy.kwh
    assert find(home, entry, "sensor", "power").state == STATE_UNKNOWN
    freezer.tick(30)
    await poll(home, entry)
    freezer.tick(30)
    bitaxe._render = render  # type: ignore[method-assign]
    await poll(home, entry)
    assert entry.runtime_data.energy.kwh == before


async def test_restart_of_home_assistant(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """The count goes on where it was, the miner's and the fleet's."""
    bitaxe.miner.speed = 0
    mock_restore_cache_with_extra_data(
        home,
        [
            (
                State(entity_id, "123.5"),
                {"native_value": 123.5, "native_unit_of_measurement": "kWh"},
            )
            for entity_id in ("sensor.garage_energy", "sensor.mining_fleet_energy")
        ],
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    hub = fleet_entry(home)
    assert find_id(home, entry, "sensor", "energy") == "sensor.garage_energy"
    assert find_id(home, hub, "sensor", "energy") == "sensor.mining_fleet_energy"
    assert value(home, entry, "energy") == 123.5
    assert value(home, hub, "energy") == 123.5
    for _ in range(120):
        freezer.tick(30)
        await poll(home, entry)
    expected = 123.5 + bitaxe.state()["power"] / 1000
    assert value(home, entry, "energy") == pytest.approx(expected, abs=0.006)
    freezer.tick(timedelta(seconds=31))
    await later(home, 0)
    assert value(home, hub, "energy") == pytest.approx(expected, abs=0.006)


@pytest.mark.parametrize(
    "stored", [None, "much", {}, 1.67e295, "1.67e295", -5.0, "nan", 1e12]
)
async def test_restart_with_nonsense_in_the_store(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, stored: Any
) -> None:
    """What cannot be read is no count, nor is what nobody can have used: it begins anew."""
    mock_restore_cache_with_extra_data(
        home,
        [
            (
                State("sensor.garage_energy", STATE_UNKNOWN),
                {"native_value": stored, "native_unit_of_measurement": None},
            )
        ],
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    assert value(home, entry, "energy") == 0


async def test_another_entity_id(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """Who renames the entity keeps what was counted, also from before a restart."""
    mock_restore_cache_with_extra_data(
        home,
        [
            (
                State("sensor.garage_energy", "120"),
                {"native_value": 120.0, "native_unit_of_measurement": "kWh"},
            )
        ],
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    for _ in range(60):
        freezer.tick(60)
        await poll(home, entry)
    before = value(home, entry, "energy")
    assert before > 120

    er.async_get(home).async_update_entity(
        find_id(home, entry, "sensor", "energy"), new_entity_id="sensor.heater_energy"
    )
    await home.async_block_till_done()
    assert float(home.states.get("sensor.heater_energy").state) == before
    freezer.tick(60)
    await poll(home, entry)
    assert value(home, entry, "energy") >= before


async def test_reload_never_decreases(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """Reload after reload, also while the miner is off: only ever more."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    hub = fleet_entry(home)
    last, fleet = 0.0, 0.0
    for turn in range(4):
        for _ in range(20):
            freezer.tick(140)
            await poll(home, entry)
        now = value(home, entry, "energy")
        # After the power loss the miner idles: too little to be seen
        assert now > last or turn > 1
        assert now >= last
        last = now
        if turn == 1:
            await bitaxe.unplug()
        await home.config_entries.async_reload(entry.entry_id)
        await home.config_entries.async_reload(hub.entry_id)
        await home.async_block_till_done()
        if turn == 1:
            assert find(home, entry, "sensor", "energy").state == STATE_UNAVAILABLE
            await home.config_entries.async_reload(entry.entry_id)
            await home.async_block_till_done()
            await bitaxe.plug_in()
            await poll(home, entry)
            freezer.tick(31)
            await later(home, 0)
        assert value(home, entry, "energy") == pytest.approx(last, abs=0.006)
        assert value(home, hub, "energy") >= fleet
        fleet = value(home, hub, "energy")
    assert fleet == pytest.approx(last, abs=0.02)


async def test_energy_by_the_owners_watts(
    home: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """An unmetered miner counts from the moment that its draw is known."""
    async with SimulatedNMMiner(udp=False, http=True) as device:
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        freezer.tick(30)
        await poll(home, entry)
        assert find_maybe(home, entry, "sensor", "energy") is None
        number = find_id(home, entry, "number", "power_draw")
        await act(home, "number", "set_value", number, value=1000)
        await home.async_block_till_done()
        assert value(home, entry, "energy") == 0
        await poll(home, entry)
        freezer.tick(90)
        await poll(home, entry)
        assert value(home, entry, "energy") == pytest.approx(0.025, abs=0.006)


def test_meter_never_turns_back(freezer: FrozenDateTimeFactory) -> None:
    """A negative reading is a broken meter, not energy that comes back."""
    meter = EnergyMeter(100)
    for watts in (1000.0, -500.0, None, 1000.0, 2000.0):
        meter.read(watts)
        freezer.tick(36)
    meter.read(0)
    assert meter.kwh == pytest.approx(0.01 + 0 + 0 + 0.01 + 0.02)
