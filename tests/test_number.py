"""Numbers: the limits come from the device."""

import math

from homeassistant.components.number import ATTR_MAX, ATTR_MIN, ATTR_STEP
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.unit_system import US_CUSTOMARY_SYSTEM
import pytest

from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.httpd import Request, Response

from .captured import CapturedAxe, read_case
from .common import act, find, find_id, identity, keys, later, poll, refused, value
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


async def test_tuning_a_bitaxe(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """Each setting acts at the device and shows what the device then says."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    for key, unit, minimum, maximum, now, wanted in (
        ("set_frequency", "MHz", 400, 625, 525, 490),
        ("set_core_voltage", "mV", 1000, 1250, 1150, 1100),
        ("set_target_temperature", "°C", 35, 66, 60, 55),
        ("set_fan_speed", "%", 25, 100, None, 70),
    ):
        shown = find(home, entry, "number", key)
        assert shown.attributes[ATTR_UNIT_OF_MEASUREMENT] == unit
        assert shown.attributes[ATTR_MIN] == minimum
        assert shown.attributes[ATTR_MAX] == maximum
        assert shown.attributes[ATTR_STEP] == 1
        if now is not None:
            assert float(shown.state) == now
        await act(home, "number", "set_value", shown.entity_id, value=wanted)
        assert float(find(home, entry, "number", key).state) == wanted

    assert bitaxe.settings["frequency"] == 490
    assert bitaxe.settings["coreVoltage"] == 1100
    assert bitaxe.settings["temptarget"] == 55
    assert bitaxe.settings["manualFanSpeed"] == 70
    assert not bitaxe.settings["autofanspeed"]
    # "voltage" would be the input's
    assert not any("voltage" in write for write in bitaxe.writes)


@pytest.mark.parametrize(
    ("key", "number"),
    [
        ("set_frequency", 650),
        ("set_frequency", 399),
        ("set_core_voltage", 1300),
        ("set_core_voltage", 900),
        ("set_fan_speed", 0),
        ("set_target_temperature", 80),
        # No limit holds it
        ("set_frequency", math.nan),
    ],
)
async def test_nothing_beyond_the_limits(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    every_entity: None,
    key: str,
    number: float,
) -> None:
    """What could hurt the hardware never leaves Home Assistant."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    with pytest.raises(ServiceValidationError):
        await act(
            home,
            "number",
            "set_value",
            find_id(home, entry, "number", key),
            value=number,
        )
    assert bitaxe.writes == []


async def test_fraction_is_refused(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """The device takes whole numbers: the driver refuses, with the reason."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    with pytest.raises(ServiceValidationError, match="whole numbers") as caught:
        await act(
            home,
            "number",
            "set_value",
            find_id(home, entry, "number", "set_frequency"),
            value=500.5,
        )
    assert caught.value.translation_key == "whole_number"
    assert bitaxe.writes == []


async def test_ignored_write(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """A setting that the device does not report is an error."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))

    def ignored(request: Request) -> Response:
        return Response()

    bitaxe._routes = {**bitaxe.routes(), "PATCH /api/system": ignored}
    with pytest.raises(HomeAssistantError, match="accepted 490"):
        await act(
            home,
            "number",
            "set_value",
            find_id(home, entry, "number", "set_frequency"),
            value=490,
        )
    assert float(find(home, entry, "number", "set_frequency").state) == 525


async def test_limits_of_a_nerdqaxe(home: HomeAssistant, every_entity: None) -> None:
    """Another board, other limits."""
    async with SimulatedNerdQAxe() as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        shown = find(home, entry, "number", "set_frequency")
        assert shown.attributes[ATTR_MIN] == min(device.board.frequencies)
        # What the firmware itself allows (absMaxFrequency)
        assert shown.attributes[ATTR_MAX] == 800
        await act(home, "number", "set_value", shown.entity_id, value=550)
        assert device.miner.frequency == 550


async def test_limits_hold_what_the_device_has(
    home: HomeAssistant, every_entity: None
) -> None:
    """A device beyond its own list (case 12): its setting can be set again."""
    case = read_case("12-tuning-stays-in-the-list")
    async with CapturedAxe(case["info"], case["asic"]) as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe", "aa:bb:cc:46:00:02"))
        for key, minimum, maximum, now in (
            ("set_frequency", 500, 800, 680),
            ("set_core_voltage", 1120, 1400, 1150),
        ):
            shown = find(home, entry, "number", key)
            assert float(shown.state) == now
            assert shown.attributes[ATTR_MIN] == minimum
            assert shown.attributes[ATTR_MAX] == maximum
        # Without absolute limits: the list and what it has now, if that can be
        del case["asic"]["absMaxFrequency"]
        device.info["version"] = "v1.1.0"
        await poll(home, entry)
        assert find(home, entry, "number", "set_frequency").attributes[ATTR_MAX] == 680
        device.info["frequency"] = 9000
        await poll(home, entry)
        assert find(home, entry, "number", "set_frequency").attributes[ATTR_MAX] == 600


async def test_at_their_own_risk(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """Beyond the list only who has said so, and not with a profile of another miner."""
    entry = await set_up(
        home, miner_entry(bitaxe, "bitaxe", options={"own_risk": True})
    )
    shown = find(home, entry, "number", "set_frequency")
    assert (shown.attributes[ATTR_MIN], shown.attributes[ATTR_MAX]) == (50, 1200)
    voltage = find(home, entry, "number", "set_core_voltage").attributes
    assert (voltage[ATTR_MIN], voltage[ATTR_MAX]) == (800, 1400)
    await act(home, "number", "set_value", shown.entity_id, value=700)
    assert bitaxe.settings["frequency"] == 700
    tuning = entry.runtime_data.tuning
    await tuning.async_save("hot", shared=True)
    await tuning.async_choose("eco")
    await tuning.async_choose("hot")
    assert bitaxe.settings["frequency"] == 700
    # The point that was set by hand is beyond the list as well
    await act(home, "number", "set_value", shown.entity_id, value=710)
    await home.config_entries.async_reload(entry.entry_id)
    tuning = entry.runtime_data.tuning
    await tuning.async_choose("eco")
    await tuning.async_choose("custom")
    assert bitaxe.settings["frequency"] == 710

    async with SimulatedAxeOS(name="other", model="gamma") as device:
        other = await set_up(
            home, miner_entry(device, "bitaxe", options={"own_risk": True})
        )
        with refused("out_of_range"):
            await other.runtime_data.tuning.async_choose("hot")
        assert device.writes == []


async def test_avalon_is_not_tuned(home: HomeAssistant, every_entity: None) -> None:
    """What has modes only, and a meter, has no numbers but that of its fan."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        assert keys(home, entry, "number") == {"set_fan_speed"}
        shown = find(home, entry, "number", "set_fan_speed")
        assert (shown.attributes[ATTR_MIN], shown.attributes[ATTR_MAX]) == (25, 100)


async def test_power_draw_of_an_unmetered_miner(home: HomeAssistant) -> None:
    """With the watts that the owner knows there are power, energy, efficiency."""
    async with SimulatedNMMiner(udp=False, http=True) as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        shown = find(home, entry, "number", "power_draw")
        assert shown.state == STATE_UNKNOWN
        assert shown.attributes[ATTR_UNIT_OF_MEASUREMENT] == "W"
        assert not {"power", "energy", "efficiency"} & keys(home, entry, "sensor")

        await act(home, "number", "set_value", shown.entity_id, value=1.5)
        await home.async_block_till_done()
        assert entry.options == {"power_draw": 1.5}
        assert float(find(home, entry, "number", "power_draw").state) == 1.5
        # As the template of an automation may give it
        with refused("not_a_number"):
            await act(home, "number", "set_value", shown.entity_id, value="nan")
        assert entry.options == {"power_draw": 1.5}
        assert value(home, entry, "power") == 1.5
        assert value(home, entry, "energy") == 0
        terahash = device.state()["hashrate"] / 1e12
        assert value(home, entry, "efficiency") == pytest.approx(
            1.5 / terahash, rel=0.01
        )

        # It draws that while it mines; else nobody knows
        device.miner.hashing = False
        await poll(home, entry)
        assert value(home, entry, "hashrate") == 0
        assert find(home, entry, "sensor", "power").state == STATE_UNKNOWN

        # The owner may set it while the miner is off
        await device.unplug()
        await poll(home, entry)
        await act(home, "number", "set_value", shown.entity_id, value=2)
        assert entry.options == {"power_draw": 2}
        assert float(find(home, entry, "number", "power_draw").state) == 2

        # A restart keeps it
        await device.plug_in()
        device.miner.hashing = True
        device.miner.speed = 1000
        await home.config_entries.async_reload(entry.entry_id)
        await home.async_block_till_done()
        await later(home, 31)
        assert value(home, entry, "power") == 2


async def test_metered_miner_has_no_power_draw(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """What is measured is not asked for."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert "power_draw" not in keys(home, entry, "number")


async def test_target_temperature_in_fahrenheit(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """What is no whole number in the miner's unit becomes one."""
    home.config.units = US_CUSTOMARY_SYSTEM
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    number = find(home, entry, "number", "set_target_temperature")
    assert number.attributes[ATTR_UNIT_OF_MEASUREMENT] == "°F"
    await act(home, "number", "set_value", number.entity_id, value=141)
    assert bitaxe.settings["temptarget"] == 61
