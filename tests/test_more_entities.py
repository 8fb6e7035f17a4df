"""What most do not need has entities only for who asks for them."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest

from simulator import SimulatedAxeOS, SimulatedSolopool

from .common import find, find_id, find_maybe, fleet_entry, later, pool_entry
from .conftest import miner_entry, set_up
from .flows import go_on, open_options, open_settings, options

pytestmark = pytest.mark.usefixtures("quick")

WALLET = "dgb1qme"
ASKED = {"more_entities": True}
MORE = [
    ("sensor", "fan_rpm"),
    ("sensor", "availability"),
    ("binary_sensor", "running"),
    ("number", "set_frequency"),
    ("switch", "fan_auto"),
]


def registered(hass: HomeAssistant, entry: ConfigEntry[Any]) -> list[er.RegistryEntry]:
    """Return the entities of an entry."""
    return er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)


async def before_one_could_ask(
    hass: HomeAssistant, device: SimulatedAxeOS
) -> ConfigEntry[Any]:
    """Return a miner, not set up, of which some entities wait disabled."""
    entry = await set_up(hass, miner_entry(device, "bitaxe", options=ASKED))
    await hass.config_entries.async_unload(entry.entry_id)
    hass.config_entries.async_update_entry(entry, options={})
    for platform, key in MORE:
        er.async_get(hass).async_update_entity(
            find_id(hass, entry, platform, key),
            disabled_by=er.RegistryEntryDisabler.INTEGRATION,
        )
    return entry


async def test_nothing_waits_disabled(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a miner and a pool of which nobody asked for more, then all is in use."""
    async with SimulatedSolopool(wallets={WALLET: {"a": 1e12}}) as pool:
        miner = await set_up(home, miner_entry(bitaxe, "bitaxe"))
        account = await set_up(home, pool_entry(pool, WALLET))
        for entry in (miner, account):
            assert not [item for item in registered(home, entry) if item.disabled]
        for platform, key in MORE:
            assert find_maybe(home, miner, platform, key) is None
        assert find_maybe(home, account, "sensor", "latency_ms") is None


async def test_a_miner_is_asked_for_more(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """They come enabled, go again but for one with a name, and come back as they were."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    few = len(registered(home, entry))
    result = await go_on(home, await open_settings(home, entry), more_entities=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    for platform, key in MORE:
        assert find(home, entry, platform, key).state != STATE_UNAVAILABLE
    assert not [item for item in registered(home, entry) if item.disabled]

    registry = er.async_get(home)
    registry.async_update_entity(
        find_id(home, entry, "sensor", "fan_rpm"), name="Noise"
    )
    speed = find_id(home, entry, "sensor", "fan_speed")
    registry.async_update_entity(speed, new_entity_id="sensor.breeze")
    await go_on(home, await open_settings(home, entry), more_entities=False)
    assert len(registered(home, entry)) == few + 1
    assert find(home, entry, "sensor", "fan_rpm").name.endswith("Noise")

    await go_on(home, await open_settings(home, entry), more_entities=True)
    assert find_id(home, entry, "sensor", "fan_speed") == "sensor.breeze"


async def test_what_was_there_before_one_could_ask(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """What was enabled or has a name stays; what nobody touched goes."""
    entry = await before_one_could_ask(home, bitaxe)
    registry = er.async_get(home)
    frequency = find_id(home, entry, "number", "set_frequency")
    registry.async_update_entity(frequency, disabled_by=None)
    named = find_id(home, entry, "sensor", "availability")
    registry.async_update_entity(named, aliases=["up"])
    await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done()

    assert float(find(home, entry, "number", "set_frequency").state) > 0
    assert registry.entities[named].disabled_by is er.RegistryEntryDisabler.INTEGRATION
    for platform, key in (("sensor", "fan_rpm"), ("switch", "fan_auto")):
        assert find_maybe(home, entry, platform, key) is None
    await home.config_entries.async_reload(entry.entry_id)
    assert float(find(home, entry, "number", "set_frequency").state) > 0

    # Home Assistant remembers what it was told of removed ones: that they are disabled
    await go_on(home, await open_settings(home, entry), more_entities=True)
    await later(home, 31)
    for platform, key in MORE:
        assert find(home, entry, platform, key).state != STATE_UNAVAILABLE


async def test_new_entities_are_to_wait(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Who has Home Assistant disable all new entities keeps them as they are."""
    entry = miner_entry(bitaxe, "bitaxe", options=ASKED, pref_disable_new_entities=True)
    await set_up(home, entry)
    await later(home, 31)
    assert all(item.disabled for item in registered(home, entry))
    await go_on(home, await open_settings(home, entry), more_entities=False)
    assert find_maybe(home, entry, "sensor", "fan_rpm") is None
    assert find_id(home, entry, "sensor", "hashrate")


async def test_a_pool_is_asked_for_more(home: HomeAssistant) -> None:
    """Its account and its workers get them, and lose them again."""
    async with SimulatedSolopool(generation=1, wallets={WALLET: {"a": 1e12}}) as pool:
        entry = await set_up(home, pool_entry(pool, WALLET))
        few = len(registered(home, entry))
        await go_on(home, await open_options(home, entry), more_entities=True)
        more = registered(home, entry)
        assert not [item for item in more if item.disabled]
        assert find(home, entry, "sensor", "latency_ms").state != STATE_UNAVAILABLE
        assert len([item for item in more if "_worker_" in item.unique_id]) > 2
        await go_on(home, await open_options(home, entry), more_entities=False)
        assert len(registered(home, entry)) == few < len(more)


async def test_many_are_asked_for_more(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The options of the fleet list all miners and pools; who is left out loses them."""
    async with SimulatedAxeOS(name="twin", model="gamma") as device:
        entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
        twin = await set_up(
            home, miner_entry(device, "bitaxe", title="Twin", options=ASKED)
        )
        menu = await open_options(home, fleet_entry(home))
        form = await go_on(home, menu, next_step_id="entities")
        assert options(form, "more_entities") == {
            entry.entry_id: "Bitaxe",
            twin.entry_id: "Twin",
        }
        marker = next(iter(form["data_schema"].schema))
        assert marker.default() == [twin.entry_id]
        loaded = twin.runtime_data
        await go_on(home, form, more_entities=[entry.entry_id, twin.entry_id])
        assert find(home, entry, "sensor", "fan_rpm").state != STATE_UNAVAILABLE
        assert twin.runtime_data is loaded, "nothing changed for it"

        menu = await open_options(home, fleet_entry(home))
        form = await go_on(home, menu, next_step_id="entities")
        await go_on(home, form, more_entities=[])
        assert find_maybe(home, twin, "sensor", "fan_rpm") is None
