"""Finds around a restart of Home Assistant: each is told once, afterwards."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    EVENT_HOMEASSISTANT_STARTED,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import CoreState, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.data import get_data
from simulator import SimulatedAxeOS, SimulatedSolopool

from .common import find, find_id, poll, pool_entry
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

WALLET = "dgb1qme"

type Found = list[dict[str, Any]]


@pytest.fixture
async def pool(home: HomeAssistant) -> AsyncIterator[SimulatedSolopool]:
    """Return a pool at which the user found a block long ago."""
    async with SimulatedSolopool(wallets={WALLET: {"a": 1e12}}, speed=0) as pool:
        pool.find_block()
        yield pool


def listen(hass: HomeAssistant, entry: ConfigEntry[Any], key: str) -> Found:
    """Return a list of what an event entity is going to tell."""
    result: Found = []
    entity_id = find_id(hass, entry, "event", key)

    @callback
    def note(event: Any) -> None:
        state = event.data["new_state"]
        if event.data["entity_id"] != entity_id or state is None:
            return
        # The last one is shown again after a restart, with its time
        fired = {"at": state.state, **state.attributes}
        if state.attributes.get("event_type") and fired["at"] not in (
            STATE_UNAVAILABLE,
            *(item["at"] for item in result),
        ):
            result.append(fired)

    hass.bus.async_listen("state_changed", note)
    return result


async def stop(hass: HomeAssistant, entry: ConfigEntry[Any], *, crash: bool) -> None:
    """Let Home Assistant end for an entry; after a crash nothing more is written."""
    await hass.config_entries.async_unload(entry.entry_id)
    if not crash:
        hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
        await hass.async_block_till_done()
    data = get_data(hass)
    for records in (data.miner_records, data.account_records):
        records._records.clear()
        await records.async_load()
    hass.set_state(CoreState.not_running)


async def start(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Let Home Assistant come up with an entry, up to where automations listen."""
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def started(hass: HomeAssistant) -> None:
    """Let Home Assistant finish its start."""
    hass.set_state(CoreState.running)
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await hass.async_block_till_done()


type Case = tuple[MockConfigEntry, str, Callable[[], None]]


@pytest.fixture(params=["pool", "miner"])
async def case(
    home: HomeAssistant,
    pool: SimulatedSolopool,
    bitaxe: SimulatedAxeOS,
    request: pytest.FixtureRequest,
) -> AsyncIterator[Case]:
    """Return an entry, the key of its event, and how to find a block."""
    bitaxe.miner.speed = 0
    bitaxe.find_block()
    case: Case = (
        (pool_entry(pool, WALLET), "block_found", pool.find_block)
        if request.param == "pool"
        else (miner_entry(bitaxe, "bitaxe"), "highlight", bitaxe.find_block)
    )
    await set_up(home, case[0])
    yield case
    if home.config_entries.async_get_entry(case[0].entry_id):
        await home.config_entries.async_unload(case[0].entry_id)


async def test_history_is_no_news(home: HomeAssistant, case: Case) -> None:
    """What was found before HMM knew the account or the miner is not told."""
    entry, key, _ = case
    assert find(home, entry, "event", key).state == STATE_UNKNOWN
    await poll(home, entry)
    assert find(home, entry, "event", key).state == STATE_UNKNOWN


@pytest.mark.parametrize("crash", [False, True])
async def test_block_found_while_home_assistant_was_off(
    home: HomeAssistant, case: Case, crash: bool
) -> None:
    """It is told once, when automations listen again."""
    entry, key, find_block = case
    if crash:
        # What was seen first is on the disk soon
        home.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
        await home.async_block_till_done()
    result = listen(home, entry, key)
    await stop(home, entry, crash=crash)
    find_block()
    await start(home, entry)
    # A start may take longer than a poll
    await poll(home, entry)
    assert result == []
    await started(home)
    assert [item["event_type"] for item in result] == ["block_found"]
    await poll(home, entry)
    assert len(result) == 1
    await stop(home, entry, crash=crash)
    await start(home, entry)
    await started(home)
    await poll(home, entry)
    assert len(result) == 1


async def test_block_found_before_a_crash(home: HomeAssistant, case: Case) -> None:
    """What was told is not told again, however Home Assistant ended."""
    entry, key, find_block = case
    result = listen(home, entry, key)
    find_block()
    await poll(home, entry)
    assert len(result) == 1
    await stop(home, entry, crash=True)
    await start(home, entry)
    await started(home)
    await poll(home, entry)
    assert len(result) == 1


async def test_block_found_during_a_reload(home: HomeAssistant, case: Case) -> None:
    """A reload of the entry loses nothing."""
    entry, key, find_block = case
    result = listen(home, entry, key)
    await home.config_entries.async_unload(entry.entry_id)
    find_block()
    await start(home, entry)
    assert [item["event_type"] for item in result] == ["block_found"]
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    await poll(home, entry)
    assert len(result) == 1


async def test_block_found_while_the_source_was_down_as_well(
    home: HomeAssistant, pool: SimulatedSolopool
) -> None:
    """It is told with the first poll that succeeds, long after the start."""
    entry = await set_up(home, pool_entry(pool, WALLET))
    result = listen(home, entry, "block_found")
    await stop(home, entry, crash=False)
    pool.find_block()
    pool.status = 502
    await start(home, entry)
    await started(home)
    await poll(home, entry)
    assert result == []
    pool.status = None
    await poll(home, entry)
    assert len(result) == 1


async def test_disabled_entity_tells_nothing_of_the_past(
    home: HomeAssistant, case: Case
) -> None:
    """Who enables the event later is not told what was found in the meantime."""
    entry, key, find_block = case
    registry = er.async_get(home)
    entity_id = find_id(home, entry, "event", key)
    registry.async_update_entity(entity_id, disabled_by=er.RegistryEntryDisabler.USER)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    find_block()
    await poll(home, entry)
    registry.async_update_entity(entity_id, disabled_by=None)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    await poll(home, entry)
    assert find(home, entry, "event", key).state == STATE_UNKNOWN


async def test_removed_entry_is_forgotten(
    home: HomeAssistant, case: Case, hass_storage: dict[str, Any]
) -> None:
    """Nothing is left of an entry in the files."""
    entry, _, _ = case
    home.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await home.async_block_till_done()
    files = ("hmm.blocks", "hmm.finds")
    assert entry.entry_id in str([hass_storage.get(name) for name in files])
    assert WALLET not in str([hass_storage.get(name) for name in files])
    await home.config_entries.async_remove(entry.entry_id)
    assert entry.entry_id not in str([hass_storage.get(name) for name in files])
