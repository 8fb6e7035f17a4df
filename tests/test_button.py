"""Restart and identify."""

from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import EntityCategory
import pytest

from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNMMiner

from .common import act, find, find_id, identity, keys, poll, refused
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


async def test_restart(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """The miner restarts; its entities come back with it."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await act(home, "button", "press", find_id(home, entry, "button", "restart"))
    await bitaxe.wait_ready()
    assert bitaxe.boots == 2
    await poll(home, entry)
    assert find(home, entry, "button", "restart").state != STATE_UNAVAILABLE


async def test_identify(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """The miner shows itself."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await act(home, "button", "press", find_id(home, entry, "button", "identify"))
    assert bitaxe.identifying_until > 0
    registry = er.async_get(home)
    for key, category in {
        "identify": EntityCategory.DIAGNOSTIC,
        "restart": EntityCategory.CONFIG,
    }.items():
        entity = registry.async_get(find_id(home, entry, "button", key))
        assert entity is not None
        assert entity.entity_category is category


async def test_restart_of_a_miner_that_is_gone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A press that reaches nobody is an error."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await bitaxe.unplug()
    with refused("refused", HomeAssistantError):
        await act(home, "button", "press", find_id(home, entry, "button", "restart"))


async def test_what_cannot_be_done_has_no_button(home: HomeAssistant) -> None:
    """Before AxeOS 2.12 nothing shows itself."""
    async with SimulatedAxeOS(generation="2.11") as device:
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        assert keys(home, entry, "button") == {"restart"}


async def test_avalon(home: HomeAssistant) -> None:
    """An Avalon has no restart command; it is told to reboot."""
    async with SimulatedAvalon(reboot_seconds=0.1) as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        device.counters.reset()
        await act(home, "button", "press", find_id(home, entry, "button", "restart"))
        assert device.counters.by_path["ascset"] == 1


async def test_nmminer(home: HomeAssistant) -> None:
    """An NMMiner of version 2 restarts."""
    async with SimulatedNMMiner(
        udp=False, http=True, restart_delay=0.05, reboot_seconds=0.05
    ) as device:
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        await act(home, "button", "press", find_id(home, entry, "button", "restart"))
        await device.wait_ready()
        assert device.boots == 2


async def test_the_filter_of_an_avalon(home: HomeAssistant) -> None:
    """Who has cleaned it lets it count anew; a model without has no button."""
    async with SimulatedAvalon(model="nano3s") as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        before = device.panel.filter_since
        await act(
            home, "button", "press", find_id(home, entry, "button", "reset_filter")
        )
        assert device.panel.filter_since > before
    async with SimulatedAvalon(model="nano3") as old:
        entry = await set_up(home, miner_entry(old, "avalon_nano", identity(old)))
        assert ("reset_filter" in keys(home, entry, "button")) is (
            "filter-clean" in old.model.options
        )
