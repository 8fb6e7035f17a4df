"""Events: a block, a new best share; never one that did not happen."""

import asyncio
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.event import ATTR_EVENT_TYPE
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import HomeAssistant, callback
import pytest

from custom_components.hmm.data import get_data
from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNMMiner

from .common import act, find, find_id, fleet_entry, identity, keys, later, poll
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


def best(device: SimulatedAxeOS, difficulty: float) -> None:
    """Let a device find a share of this difficulty."""
    device.miner.settle()
    device.miner._score(difficulty)


async def test_block_found(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A block is told, with the height that was worked on."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert find(home, entry, "event", "highlight").state == STATE_UNKNOWN

    await poll(home, entry)
    assert find(home, entry, "event", "highlight").state == STATE_UNKNOWN

    bitaxe.find_block()
    await later(home, 31)
    shown = find(home, entry, "event", "highlight")
    assert shown.state != STATE_UNKNOWN
    assert shown.attributes[ATTR_EVENT_TYPE] == "block_found"
    assert shown.attributes["block_height"] == bitaxe.miner.read().block_height

    await later(home, 31)
    assert find(home, entry, "event", "highlight").state == shown.state


async def test_new_best_share(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A new record is told with its difficulty."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    best(bitaxe, 5e9)
    await poll(home, entry)
    shown = find(home, entry, "event", "highlight")
    assert shown.attributes[ATTR_EVENT_TYPE] == "new_best_share"
    assert shown.attributes["difficulty"] == pytest.approx(5e9)

    # A good share that is no record is none
    best(bitaxe, 4e9)
    await poll(home, entry)
    assert find(home, entry, "event", "highlight").state == shown.state


async def test_found_around_a_lost_poll(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """What was found while a poll was lost is told once, with the next one."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await bitaxe.unplug()
    await poll(home, entry)
    assert find(home, entry, "event", "highlight").state == STATE_UNAVAILABLE
    best(bitaxe, 5e9)
    await bitaxe.plug_in()
    await poll(home, entry)
    reported = find(home, entry, "event", "highlight")
    assert reported.attributes["event_type"] == "new_best_share"
    await poll(home, entry)
    assert find(home, entry, "event", "highlight").state == reported.state


async def test_nothing_after_a_restart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Counters that begin anew between two polls are no find."""
    bitaxe.miner.speed = 0
    bitaxe.find_block()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await bitaxe.unplug()
    await bitaxe.plug_in()
    assert bitaxe.miner.read().blocks == 0
    await poll(home, entry)
    await poll(home, entry)
    assert find(home, entry, "event", "highlight").state == STATE_UNKNOWN

    # Nor is a best share when Home Assistant restarts; a block is, see test_restart
    best(bitaxe, 9e12)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    await poll(home, entry)
    assert find(home, entry, "event", "highlight").state == STATE_UNKNOWN


async def test_when_the_best_share_was_found_outlives_the_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The fleet says it, also where the miner is off when HMM starts again."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await later(home, 2)
    shown = find(home, fleet_entry(home), "sensor", "best_share")
    assert shown.attributes["found"] is None
    best(bitaxe, 9e12)
    await poll(home, entry)
    await bitaxe.unplug()
    await home.config_entries.async_reload(entry.entry_id)
    await later(home, 31)
    assert find(home, entry, "event", "highlight").state == STATE_UNAVAILABLE
    shown = find(home, fleet_entry(home), "sensor", "best_share")
    (share,) = shown.attributes["shares"]
    assert share["found"] == shown.attributes["found"] is not None
    assert (share["entry_id"], share["difficulty"]) == (entry.entry_id, 9e12)


async def test_what_was_found_in_an_outage_has_no_date(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, freezer: FrozenDateTimeFactory
) -> None:
    """It may be of another day than that on which the miner is back."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    for hours, is_dated in ((0.9, True), (1.1, False)):
        best(bitaxe, 9e12 + hours * 1e12)
        freezer.tick(timedelta(hours=hours))
        await poll(home, entry)
        await home.async_block_till_done()
        record = get_data(home).miner_records[entry.entry_id]
        assert (record.found is not None) == is_dated


async def test_one_find_is_told_once(home: HomeAssistant) -> None:
    """Other news of the miner do not tell the last find again."""
    async with SimulatedNMMiner(udp=False, http=True) as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        fired: list[Any] = []

        @callback
        def note(event: Any) -> None:
            fired.append(event)

        home.bus.async_listen("state_changed", note)
        device.find_block()
        await poll(home, entry)
        event = find_id(home, entry, "event", "highlight")
        assert len([e for e in fired if e.data["entity_id"] == event]) == 1

        await act(
            home,
            "number",
            "set_value",
            find_id(home, entry, "number", "power_draw"),
            value=3,
        )
        await home.async_block_till_done()
        assert len([e for e in fired if e.data["entity_id"] == event]) == 1


async def test_avalon_tells_blocks_only(home: HomeAssistant) -> None:
    """An Avalon knows the session's best share; a record it has none."""
    async with SimulatedAvalon() as device:
        device.miner.speed = 0
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        assert keys(home, entry, "event") == {"highlight", "watchdog", "tuning"}
        device.find_block()
        await poll(home, entry)
        shown = find(home, entry, "event", "highlight")
        assert shown.attributes[ATTR_EVENT_TYPE] == "block_found"


async def test_two_polls_at_the_same_time(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A poll of the timer and one after a command tell of one find once."""
    bitaxe.miner.speed = 0
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    fired: list[str] = []
    event = find(home, entry, "event", "highlight").entity_id
    home.bus.async_listen(
        "state_changed",
        callback(
            lambda item: (
                fired.append(item.data["entity_id"])
                if item.data["entity_id"] == event
                else None
            )
        ),
    )
    best(bitaxe, 5e9)
    coordinator = entry.runtime_data
    await asyncio.gather(coordinator._async_refresh(), coordinator._async_refresh())
    await home.async_block_till_done()
    assert len(fired) == 1
