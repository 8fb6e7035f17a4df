"""The mining switch: in the miner itself, or by the plug that it hangs on."""

from typing import Any

from homeassistant.components.switch import SwitchEntity
from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import setup_test_component_platform

from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNerdQAxe
from simulator.device import SimulatedDevice
from simulator.httpd import Request, Response, json_response

from .common import act, find, find_id, keys, poll, refused
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

PLUG = "switch.garage_plug"


async def test_pause_and_resume(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """The switch has the device's name and stops the chips."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))
    switch = find_id(home, entry, "switch", "mining")
    assert switch == "switch.garage"
    assert find(home, entry, "switch", "mining").name == "Garage"

    await act(home, "switch", "turn_off", switch)
    assert bitaxe.state()["paused"] and not bitaxe.state()["hashing"]
    # At once, without waiting for the next poll
    assert find(home, entry, "switch", "mining").state == STATE_OFF
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == ("paused", "paused_by_user")

    await act(home, "switch", "turn_on", switch)
    assert not bitaxe.state()["paused"]
    assert find(home, entry, "switch", "mining").state == STATE_ON


async def test_paused_elsewhere(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """What was done at the device's own page shows at the next poll."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.paused = True
    await poll(home, entry)
    assert find(home, entry, "switch", "mining").state == STATE_OFF


async def test_pause_that_does_not_happen(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A 200 is no proof: the device still mines, and the action says so."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))

    def ignored(request: Request) -> Response:
        return json_response({"message": "Mining paused"})

    bitaxe._routes = {**bitaxe.routes(), "POST /api/system/pause": ignored}
    with pytest.raises(HomeAssistantError, match="still mining") as caught:
        await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    assert caught.value.translation_key == "pause_not_applied"
    assert find(home, entry, "switch", "mining").state == STATE_ON


async def test_miner_that_is_gone(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A miner that vanished since its last poll: an error, then unavailable."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await bitaxe.unplug()
    with refused("refused", HomeAssistantError):
        await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    assert find(home, entry, "switch", "mining").state == STATE_UNAVAILABLE


async def test_nerdqaxe(home: HomeAssistant) -> None:
    """A NerdQAxe is shut down and comes back by a restart."""
    async with SimulatedNerdQAxe(
        generation="1.0.36", reboot_seconds=0.1, restart_delay=0.1
    ) as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        switch = find_id(home, entry, "switch", "mining")
        await act(home, "switch", "turn_off", switch)
        assert device.shut_down
        assert find(home, entry, "switch", "mining").state == STATE_OFF
        await act(home, "switch", "turn_on", switch)
        assert not device.shut_down and device.boots == 2
        assert find(home, entry, "switch", "mining").state == STATE_ON


async def test_avalon_q(home: HomeAssistant) -> None:
    """A Q goes to standby and comes back."""
    async with SimulatedAvalon(model="q") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        switch = find_id(home, entry, "switch", "mining")
        await act(home, "switch", "turn_off", switch)
        assert device.standby
        assert find(home, entry, "switch", "mining").state == STATE_OFF
        await act(home, "switch", "turn_on", switch)
        assert not device.standby
        assert find(home, entry, "switch", "mining").state == STATE_ON


async def test_no_switch_without_pause(home: HomeAssistant) -> None:
    """What cannot be paused has no switch."""
    async with SimulatedAxeOS(generation="2.13") as device:
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        assert "mining" not in keys(home, entry, "switch")


class Plug(SwitchEntity):
    """A smart plug that gives a simulated miner its power."""

    _attr_is_on = True
    _attr_name = "Garage plug"
    _attr_should_poll = False

    def __init__(self, device: SimulatedDevice) -> None:
        """Plug the device in."""
        self._device = device
        self.contexts: list[Context | None] = []

    async def async_turn_on(self, **kwargs: Any) -> None:
        """Give power."""
        await self._device.plug_in()
        self._switched(True)

    async def async_turn_off(self, **kwargs: Any) -> None:
        """Cut the power."""
        await self._device.unplug()
        self._switched(False)

    def _switched(self, on: bool) -> None:
        self.contexts.append(self._context)
        self._attr_is_on = on
        self.async_write_ha_state()

    def lose_connection(self) -> None:
        """Become unavailable."""
        self._attr_available = False
        self.async_write_ha_state()


async def test_plug(home: HomeAssistant) -> None:
    """A miner without pause is switched by its plug, and comes back by it."""
    async with SimulatedAxeOS(generation="2.8", model="supra") as device:
        plug = Plug(device)
        setup_test_component_platform(home, "switch", [plug])
        assert await async_setup_component(
            home, "switch", {"switch": {"platform": "test"}}
        )
        await home.async_block_till_done()
        entry = await set_up(
            home, miner_entry(device, "bitaxe", title="Heater", options={"plug": PLUG})
        )
        switch = find_id(home, entry, "switch", "mining")
        assert switch == "switch.heater"
        assert find(home, entry, "switch", "mining").state == STATE_ON

        somebody = Context(user_id=None)
        await home.services.async_call(
            "switch",
            "turn_off",
            {"entity_id": switch},
            blocking=True,
            context=somebody,
        )
        assert not device.online
        # The logbook tells who it was, at the plug as well
        assert plug.contexts == [somebody]
        await poll(home, entry)
        assert find(home, entry, "sensor", "power").state == STATE_UNAVAILABLE
        # It stays available: it is how the miner comes back
        assert find(home, entry, "switch", "mining").state == STATE_OFF

        await act(home, "switch", "turn_on", switch)
        assert device.online
        await poll(home, entry)
        assert find(home, entry, "switch", "mining").state == STATE_ON
        assert find(home, entry, "sensor", "power").state != STATE_UNAVAILABLE

        plug.lose_connection()
        await home.async_block_till_done()
        assert find(home, entry, "switch", "mining").state == STATE_UNAVAILABLE


async def test_plug_of_a_miner_that_is_off_at_the_start(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The plug works before its miner was ever reached since the start."""
    plug = Plug(bitaxe)
    setup_test_component_platform(home, "switch", [plug])
    assert await async_setup_component(home, "switch", {"switch": {"platform": "test"}})
    await home.async_block_till_done()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", options={"plug": PLUG}))
    await act(home, "switch", "turn_off", PLUG)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert find(home, entry, "switch", "mining").state == STATE_OFF

    await act(home, "switch", "turn_on", find_id(home, entry, "switch", "mining"))
    assert bitaxe.online
    # The plug, and not the pause that this firmware has
    assert find(home, entry, "switch", "mining").state == STATE_ON


async def test_plug_that_gets_another_name(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """It is still the one of the miner; what else is changed of it is no news."""
    registry = er.async_get(home)
    plug = registry.async_get_or_create("switch", "test", "plug").entity_id
    home.states.async_set(plug, STATE_ON)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", options={"plug": plug}))
    miner = entry.runtime_data
    registry.async_update_entity(plug, name="Socket")
    await home.async_block_till_done()
    assert entry.runtime_data is miner
    registry.async_update_entity(plug, new_entity_id="switch.other")
    home.states.async_set("switch.other", STATE_OFF)
    await home.async_block_till_done()
    assert entry.options == {"plug": "switch.other"}
    assert find(home, entry, "switch", "mining").state == STATE_OFF


async def test_plug_that_is_gone(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A plug that was removed makes the switch unavailable."""
    entry = await set_up(
        home, miner_entry(bitaxe, "bitaxe", options={"plug": "switch.gone"})
    )
    assert find(home, entry, "switch", "mining").state == STATE_UNAVAILABLE
    assert find(home, entry, "sensor", "hashrate").state != STATE_UNAVAILABLE


# The fan


@pytest.mark.parametrize("kind", ["bitaxe", "nerdqaxe"])
async def test_the_automatic_fan(
    home: HomeAssistant, kind: str, every_entity: None
) -> None:
    """Off keeps the fan as it runs, on lets the miner set it; both are read back."""
    device: SimulatedAxeOS | SimulatedNerdQAxe
    device = SimulatedAxeOS() if kind == "bitaxe" else SimulatedNerdQAxe()
    async with device:
        entry = await set_up(home, miner_entry(device, kind))
        switch = find_id(home, entry, "switch", "fan_auto")
        assert find(home, entry, "switch", "fan_auto").state == "on"
        await act(home, "switch", "turn_off", switch)
        assert not device.settings["autofanspeed"]
        assert find(home, entry, "switch", "fan_auto").state == "off"
        await act(home, "switch", "turn_on", switch)
        assert device.settings["autofanspeed"] == (1 if kind == "bitaxe" else 2)
        shown = find(home, entry, "switch", "fan_auto")
        assert shown.state == "on"
        assert "assumed_state" not in shown.attributes


async def test_the_fan_of_an_avalon(home: HomeAssistant, every_entity: None) -> None:
    """It tells its speed, but not who sets it: that is what was commanded last."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        shown = find(home, entry, "switch", "fan_auto")
        assert (shown.state, shown.attributes["assumed_state"]) == ("unknown", True)
        number = find_id(home, entry, "number", "set_fan_speed")
        await act(home, "number", "set_value", number, value=80)
        assert float(find(home, entry, "number", "set_fan_speed").state) == 80
        await act(home, "switch", "turn_on", shown.entity_id)
        assert find(home, entry, "switch", "fan_auto").state == "on"
        await act(home, "switch", "turn_off", shown.entity_id)
        assert find(home, entry, "switch", "fan_auto").state == "off"
