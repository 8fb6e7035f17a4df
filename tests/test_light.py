"""The light on the case of a miner."""

from dataclasses import replace

from homeassistant.const import STATE_OFF, STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import EntityCategory
import pytest

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from simulator import SimulatedAvalon, cgminer

from .common import act, find, find_id, identity, keys, poll, refused
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


async def test_the_light_of_an_avalon(home: HomeAssistant) -> None:
    """It is set, read back, and shown as the device has it."""
    async with SimulatedAvalon(model="nano3s") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        light = find_id(home, entry, "light", "light")
        assert find(home, entry, "light", "light").state == STATE_OFF
        entity = er.async_get(home).async_get(light)
        assert entity is not None
        assert entity.entity_category is EntityCategory.CONFIG

        await act(
            home,
            "light",
            "turn_on",
            light,
            rgb_color=[255, 100, 0],
            brightness_pct=40,
            effect="blink",
        )
        assert device.panel.led == (2, 40, 50, 255, 100, 0)
        shown = find(home, entry, "light", "light")
        assert shown.state == STATE_ON
        assert shown.attributes["supported_color_modes"] == ["rgb"]
        assert shown.attributes["rgb_color"] == (255, 100, 0)
        assert shown.attributes["brightness"] == 102
        assert shown.attributes["effect"] == "blink"
        assert shown.attributes["effect_list"] == [
            "steady",
            "blink",
            "breathe",
            "cycle",
        ]

        await act(home, "light", "turn_on", light, brightness=1)
        assert device.panel.led == (2, 1, 50, 255, 100, 0)
        await act(home, "light", "turn_off", light)
        assert find(home, entry, "light", "light").state == STATE_OFF
        # Somebody else lights it
        device.panel.led = (4, 100, 50, 1, 2, 3)
        await poll(home, entry)
        shown = find(home, entry, "light", "light")
        assert (shown.state, shown.attributes["effect"]) == (STATE_ON, "cycle")


async def test_a_light_that_stays_off(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the device says instead of obeying is the error; the state stays its own."""
    async with SimulatedAvalon(model="nano3s") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        light = find_id(home, entry, "light", "light")
        reply = cgminer.Reply(118, "ASC 0 set info: not in (day)mode now")
        monkeypatch.setitem(device.commands, "ascset", lambda _: reply)
        with refused("command_refused", HomeAssistantError):
            await act(home, "light", "turn_on", light)
        assert find(home, entry, "light", "light").state == STATE_OFF


async def test_a_light_of_a_miner_that_is_off(home: HomeAssistant) -> None:
    """It is there with all it can do, and cannot be had."""
    async with SimulatedAvalon(model="nano3s") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        await device.unplug()
        await home.config_entries.async_reload(entry.entry_id)
        await home.async_block_till_done()
        shown = find(home, entry, "light", "light")
        assert shown.state == STATE_UNAVAILABLE
        assert shown.attributes["supported_color_modes"] == ["rgb"]
        assert shown.attributes["effect_list"][0] == "steady"


async def test_a_light_with_less(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that tells no color has a light without one."""
    telemetry = AvalonNanoDriver._telemetry
    hidden = {"light_color": None}

    def reduced(self: AvalonNanoDriver, **parts: object) -> object:
        return replace(telemetry(self, **parts), **hidden)  # type: ignore[arg-type]

    monkeypatch.setattr(AvalonNanoDriver, "_telemetry", reduced)
    monkeypatch.setattr(AvalonNanoDriver, "get_light_effects", lambda _: [])
    for name, mode in (("dimmer", "brightness"), ("switch", "onoff")):
        async with SimulatedAvalon(model="nano3s", name=name) as device:
            entry = await set_up(
                home, miner_entry(device, "avalon_nano", identity(device))
            )
            shown = find(home, entry, "light", "light")
            assert shown.attributes["supported_color_modes"] == [mode]
            assert "effect_list" not in shown.attributes
            await act(home, "light", "turn_on", shown.entity_id)
            assert find(home, entry, "light", "light").state == STATE_ON
        hidden["light_brightness"] = None


@pytest.mark.parametrize("model", ["nano3", "q"])
async def test_what_the_firmware_does_not_list_has_no_light(
    home: HomeAssistant, model: str
) -> None:
    """Without the commands in the help there is no entity."""
    async with SimulatedAvalon(model=model) as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano", identity(device)))
        assert keys(home, entry, "light") == set()
