"""The watchdog restarts a miner that finds no shares, once, and says what it does."""

import asyncio
from contextlib import AsyncExitStack
import json
import time
from typing import Any
from weakref import WeakKeyDictionary

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant, ServiceCall, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.miner import problems, status, watchdog, watchdog_rules
from custom_components.hmm.miner.watchdog_rules import WatchdogRecord
from simulator import Fault, SimulatedAxeOS
from simulator.override import override
from tests.common import act, find, find_id, poll, until
from tests.conftest import miner_entry, set_up

PLUG = "switch.plug"
INFO = "GET /api/system/info"
MINING: WeakKeyDictionary[SimulatedAxeOS, dict[str, Any]] = WeakKeyDictionary()
"""What each miner reported before it was frozen."""

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def entry(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, monkeypatch: pytest.MonkeyPatch
) -> ConfigEntry[Any]:
    """Return a miner whose shares are overdue within three polls."""
    monkeypatch.setattr(problems, "_SHORTEST_WAIT", 0.0)
    monkeypatch.setattr(problems, "OVERDUE", 0)
    monkeypatch.setattr(watchdog_rules, "_AFTER_START", 0.0)
    monkeypatch.setattr(problems.MinerProblems, "is_starting", lambda *_: False)
    stand_still(bitaxe, 100)
    return await set_up(home, miner_entry(bitaxe, "bitaxe"))


def watchdog_events(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> list[tuple[str, Any]]:
    """Return a list that gets each event of the watchdog with its reason."""
    result: list[tuple[str, Any]] = []
    event_id = find_id(home, entry, "event", "watchdog")

    @callback
    def note(event: Any) -> None:
        new = event.data["new_state"]
        if event.data["entity_id"] == event_id and new is not None:
            facts = new.attributes
            result.append((facts["event_type"], facts.get("reason")))

    home.bus.async_listen("state_changed", note)
    return result


def stand_still(
    device: SimulatedAxeOS, shares: int, *, has_uptime: bool = False
) -> None:
    """Let a miner report so many shares and nothing new, also after a restart.

    By an uptime, nobody would believe its hashrate in the first minute.
    """
    if device not in MINING:
        MINING[device] = json.loads(device.routes()[INFO](None).body)  # type: ignore[arg-type]
    values = {**MINING[device], "sharesAccepted": shares, "sharesRejected": 0}
    del values["uptimeSeconds"]
    if not has_uptime:
        values["uptimeSeconds"] = None
    device.rewrite = override(values)


def restarts(bitaxe: SimulatedAxeOS) -> int:
    """Return how many times the miner was told to restart."""
    return bitaxe.counters.by_path["POST /api/system/restart"]


async def enable(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Switch the watchdog on."""
    await act(home, "switch", "turn_on", find_id(home, entry, "switch", "watchdog"))


async def freeze(home: HomeAssistant, entry: ConfigEntry[Any], polls: int = 6) -> None:
    """Poll while nothing changes."""
    for _ in range(polls):
        await poll(home, entry)
        # A restart takes its time
        await home.async_block_till_done(wait_background_tasks=True)


async def test_it_is_off_until_it_is_wanted(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A frozen miner is a problem, and is left alone."""
    result = watchdog_events(home, entry)
    assert find(home, entry, "switch", "watchdog").state == "off"
    await freeze(home, entry)
    assert find(home, entry, "sensor", "status").state == "no_shares"
    assert (result, restarts(bitaxe)) == ([], 0)


async def test_one_restart_and_its_success(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """The next share ends it, not the restart alone."""
    result = watchdog_events(home, entry)
    await enable(home, entry)
    await freeze(home, entry)
    assert restarts(bitaxe) == 1
    assert result == [("restarted", "share_overdue")]
    # Without a share: not once more
    await freeze(home, entry, 12)
    assert restarts(bitaxe) == 1

    await set_shares(home, bitaxe, entry)
    assert result[:2] == [("restarted", "share_overdue"), ("recovered", None)]
    event = find(home, entry, "event", "watchdog")
    assert event.attributes["attempt"] == 1


async def set_shares(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Let the miner find a share between two polls."""
    for shares in (100, 101, 102):
        stand_still(bitaxe, shares)
        await poll(home, entry)


async def test_it_cools_down_between_two_restarts(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A miner that freezes again is waited for, longer each time."""
    result = watchdog_events(home, entry)
    await enable(home, entry)
    record = get_data(home).watchdogs[entry.entry_id]
    for restart, cool_down in enumerate((900, 1800, 3600), start=1):
        await freeze(home, entry)
        assert restarts(bitaxe) == restart
        assert record.cool_down == cool_down
        await set_shares(home, bitaxe, entry)
        await freeze(home, entry)
        assert restarts(bitaxe) == restart
        record.restarts = [at - cool_down for at in record.restarts]
        await set_shares(home, bitaxe, entry)
    # Three in a day are enough
    await freeze(home, entry)
    assert restarts(bitaxe) == 3
    assert result[-1][0] == "gave_up"
    assert ("held_back", "cooling_down") in result


async def test_it_gives_up_with_a_repair(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restart that did not help is the last one; a share ends the repair."""
    monkeypatch.setattr(watchdog_rules, "_COOL_DOWNS", (0.01,))
    result = watchdog_events(home, entry)
    await enable(home, entry)
    await freeze(home, entry, 20)
    assert restarts(bitaxe) == 1
    assert result[-1] == ("gave_up", "share_overdue")
    issues = ir.async_get(home)
    issue = f"watchdog_gave_up_{entry.entry_id}"
    assert issues.async_get_issue(DOMAIN, issue) is not None
    await set_shares(home, bitaxe, entry)
    assert issues.async_get_issue(DOMAIN, issue) is None
    assert ("recovered", None) in result


async def test_a_restart_that_does_not_happen(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A miner that only says that it restarts: given up at once, with the repair."""
    result = watchdog_events(home, entry)
    bitaxe._routes = {
        **bitaxe.routes(),
        "POST /api/system/restart": bitaxe.routes()[INFO],
    }
    stand_still(bitaxe, 100, has_uptime=True)
    await enable(home, entry)
    await freeze(home, entry)
    await until(lambda: result[-1:] == [("gave_up", "share_overdue")])
    await freeze(home, entry)
    assert restarts(bitaxe) == 1


async def test_never_while_it_is_too_hot(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What harms is said, once."""
    result = watchdog_events(home, entry)
    entry.runtime_data.status.problems.limits = problems.Limits(warm=1.0)
    rules = {**problems.RULES, "hot": problems.Rule(polls=1)}
    monkeypatch.setattr(problems, "RULES", rules)
    await enable(home, entry)
    await freeze(home, entry, 12)
    assert (result, restarts(bitaxe)) == ([("held_back", "hot")], 0)


async def test_not_where_half_of_the_miners_are_silent(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Then it is the internet, or their pool."""
    async with AsyncExitStack() as stack:
        other = await stack.enter_async_context(SimulatedAxeOS())
        stand_still(other, 100)
        second = await set_up(home, miner_entry(other, "bitaxe", title="Second"))
        await freeze(home, second)
        result = watchdog_events(home, entry)
        await enable(home, entry)
        await freeze(home, entry)
        assert restarts(bitaxe) == 0
        assert result == [("held_back", "many_silent")]


async def test_it_is_as_before_after_a_restart_of_home_assistant(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What waits for a share still waits; switching it on again tries once more."""
    await enable(home, entry)
    await freeze(home, entry)
    await home.config_entries.async_reload(entry.entry_id)
    await freeze(home, entry, 12)
    assert find(home, entry, "switch", "watchdog").state == "on"
    assert restarts(bitaxe) == 1
    record = get_data(home).watchdogs[entry.entry_id]
    record.restarts = [at - 900 for at in record.restarts]
    await enable(home, entry)
    await freeze(home, entry)
    assert restarts(bitaxe) == 2
    off = find_id(home, entry, "switch", "watchdog")
    await act(home, "switch", "turn_off", off)
    assert find(home, entry, "switch", "watchdog").state == "off"


@pytest.mark.parametrize("broken", [None, [], {"enabled": True, "restarts": ["x"]}])
def test_a_record_that_somebody_edited(broken: Any) -> None:
    """What is no record is one of the errors for which an empty one is taken."""
    with pytest.raises((AttributeError, LookupError, TypeError, ValueError)):
        WatchdogRecord.from_dict(broken)
    record = WatchdogRecord(
        True, [time.time()], True, False, [time.time()], True, "switch.plug"
    )
    assert WatchdogRecord.from_dict(record.as_dict()) == record


def test_a_clock_that_was_set_back() -> None:
    """Restarts in the future are none."""
    record = WatchdogRecord(True, [2e9], cycles=[2e9])
    record.forget_old(1e9)
    assert record.restarts == record.cycles == []


def test_what_an_earlier_version_stored() -> None:
    """It cut no power, and stored nothing of that."""
    stored = {"enabled": True, "restarts": [1.0], "waits": False, "gave_up": False}
    assert WatchdogRecord.from_dict(stored) == WatchdogRecord(True, [1.0])


# The power


@pytest.fixture
async def plug(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> list[bool]:
    """Power the miner by a smart plug that may be cut; gives what it was switched to."""
    monkeypatch.setattr(watchdog, "CUT_SECONDS", 0.2)
    monkeypatch.setattr(watchdog, "_TRY_SECONDS", 0.2)
    monkeypatch.setattr(watchdog_rules, "_COOL_DOWNS", (0.01,))
    switched: list[bool] = []

    async def switch(call: ServiceCall) -> None:
        on = call.service == "turn_on"
        switched.append(on)
        await (bitaxe.plug_in() if on else bitaxe.unplug())
        home.states.async_set(PLUG, "on" if on else "off")

    home.services.async_register("switch", "turn_on", switch)
    home.services.async_register("switch", "turn_off", switch)
    home.states.async_set(PLUG, "on")
    options = {"plug": PLUG, "plug_cycle": "alone"}
    home.config_entries.async_update_entry(entry, options=options)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    return switched


async def test_the_power_is_the_last_step(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    plug: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a restart that did not help, then the power is cut, once, until a share."""
    result = watchdog_events(home, entry)
    entry.runtime_data.watchdog.async_enable(True)
    await freeze(home, entry, 20)
    assert restarts(bitaxe) == 1
    assert plug == [False, True]
    assert result[:2] == [
        ("restarted", "share_overdue"),
        ("power_cycled", "share_overdue"),
    ]
    record = get_data(home).watchdogs[entry.entry_id]
    assert record.cut is None
    await freeze(home, entry, 12)
    assert (restarts(bitaxe), plug, record.gave_up) == (1, [False, True], False)

    monkeypatch.setattr(watchdog_rules, "_AFTER_CYCLE", 0.0)
    await freeze(home, entry)
    assert result[-1][0] == "gave_up"
    await set_shares(home, bitaxe, entry)
    assert ("recovered", None) in result
    assert not record.cycled


async def test_the_power_of_a_miner_that_does_not_respond(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    plug: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a miner that hangs, then only its plug can help; others are left alone."""
    monkeypatch.setattr(watchdog_rules, "_LOST_SECONDS", 0.0)
    result = watchdog_events(home, entry)
    entry.runtime_data.watchdog.async_enable(True)
    bitaxe.fault = Fault.RESET
    async with SimulatedAxeOS(name="other") as device:
        options = {"plug": PLUG}
        other = await set_up(home, miner_entry(device, "bitaxe", options=options))
        await freeze(home, entry, 3)
        assert (result, plug) == ([("held_back", "plug_shared")], [])
        home.config_entries.async_update_entry(other, options={})
        await home.async_block_till_done()
        await freeze(home, entry, 3)
    assert result[1:] == [("power_cycled", "unreachable")]
    assert plug == [False, True]


async def test_what_it_mined_before_it_hung_is_no_recovery(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    plug: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a share in the last poll before a silence, then the next one counts."""
    monkeypatch.setattr(watchdog_rules, "_LOST_SECONDS", 0.0)
    monkeypatch.setattr(status, "_LOST_SECONDS", 0.0)
    monkeypatch.setattr(problems, "_SHORTEST_WAIT", 600.0)
    result = watchdog_events(home, entry)
    await poll(home, entry)
    stand_still(bitaxe, 101)
    await poll(home, entry)
    assert entry.runtime_data.status.problems.has_share
    entry.runtime_data.watchdog.async_enable(True)
    bitaxe.fault = Fault.RESET
    await freeze(home, entry, 3)
    assert result == [("power_cycled", "unreachable")]
    bitaxe.fault = None
    await poll(home, entry)
    assert result == [("power_cycled", "unreachable")]
    stand_still(bitaxe, 102)
    await poll(home, entry)
    assert result[1:] == [("recovered", None)]


async def test_the_power_comes_back_whatever_happens(
    home: HomeAssistant, entry: ConfigEntry[Any], plug: list[bool]
) -> None:
    """Given a crash, or a reload, while the plug is off, then it is switched on."""
    record = get_data(home).watchdogs[entry.entry_id]
    home.states.async_set(PLUG, "off")
    record.cut = PLUG
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    assert (plug, record.cut) == ([True], None)

    await entry.runtime_data.watchdog._records.async_save()
    watcher = entry.runtime_data.watchdog
    watcher._begin(watcher._cycle("unreachable"))
    await until(lambda: plug[-1] is False)
    await home.config_entries.async_unload(entry.entry_id)
    await until(lambda: plug == [True, False, True])
    await until(lambda: record.cut is None)


async def test_a_plug_that_is_renamed_while_it_is_off(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    plug: list[bool],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a plug whose power is cut, then it is switched on under its new name."""
    monkeypatch.setattr(watchdog, "CUT_SECONDS", 60.0)
    registry = er.async_get(home)
    home.states.async_remove(PLUG)
    registry.async_get_or_create("switch", "test", "plug", suggested_object_id="plug")
    home.states.async_set(PLUG, "on")
    switched: list[tuple[str, str]] = []

    async def switch(call: ServiceCall) -> None:
        plug_id: str = call.data["entity_id"]
        switched.append((call.service, plug_id))
        if registry.async_get(plug_id) is not None:
            home.states.async_set(plug_id, call.service.removeprefix("turn_"))

    home.services.async_register("switch", "turn_on", switch)
    home.services.async_register("switch", "turn_off", switch)
    record = get_data(home).watchdogs[entry.entry_id]
    watcher = entry.runtime_data.watchdog
    watcher._begin(watcher._cycle("unreachable"))
    await until(lambda: switched == [("turn_off", PLUG)])
    home.states.async_remove(PLUG)
    registry.async_update_entity(PLUG, new_entity_id="switch.socket")
    await home.async_block_till_done(wait_background_tasks=True)
    assert (switched[1:], record.cut) == ([("turn_on", "switch.socket")], None)
    assert not record.gave_up


@pytest.mark.parametrize("leave", ["async_unload", "disable"])
async def test_a_plug_that_is_renamed_while_its_miner_is_not_loaded(
    home: HomeAssistant, entry: ConfigEntry[Any], plug: list[bool], leave: str
) -> None:
    """Given a miner without its driver, or disabled, then it finds its plug again."""
    registry = er.async_get(home)
    home.states.async_remove(PLUG)
    registry.async_get_or_create("switch", "test", "plug", suggested_object_id="plug")
    if leave == "disable":
        user = ConfigEntryDisabler.USER
        await home.config_entries.async_set_disabled_by(entry.entry_id, user)
    else:
        await home.config_entries.async_unload(entry.entry_id)
    registry.async_update_entity(PLUG, new_entity_id="switch.socket")
    await home.async_block_till_done(wait_background_tasks=True)
    await home.config_entries.async_set_disabled_by(entry.entry_id, None)
    await home.async_block_till_done(wait_background_tasks=True)
    assert entry.runtime_data.plug == "switch.socket"


async def test_a_plug_that_comes_back_late(
    home: HomeAssistant, entry: ConfigEntry[Any], plug: list[bool]
) -> None:
    """Given a crash with the plug off, one that is there minutes later is switched on."""
    result = watchdog_events(home, entry)
    record = get_data(home).watchdogs[entry.entry_id]
    home.states.async_set(PLUG, "unavailable")
    record.cut = PLUG
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    assert (plug, record.cut) == ([], PLUG)
    assert ("gave_up", "plug_stays_off") not in result
    home.states.async_set(PLUG, "off")
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert (plug, record.cut) == ([True], None)


@pytest.mark.parametrize(
    "error", [HomeAssistantError("no radio"), OSError(), asyncio.CancelledError(), None]
)
async def test_a_plug_that_stays_off(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    plug: list[bool],
    error: BaseException | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a plug that cannot be switched on again, or hangs, then a repair says so."""
    monkeypatch.setattr("custom_components.hmm.miner.plug._LIMIT_SECONDS", 0.2)
    result = watchdog_events(home, entry)

    async def fail(call: ServiceCall) -> None:
        if error is None:
            await asyncio.Event().wait()
        else:
            raise error

    watcher = entry.runtime_data.watchdog
    watcher._begin(watcher._cycle("unreachable"))
    home.services.async_register("switch", "turn_on", fail)
    await home.async_block_till_done(wait_background_tasks=True)
    assert result[-1] == ("gave_up", "plug_stays_off")
    issue = f"watchdog_gave_up_{entry.entry_id}"
    assert ir.async_get(home).async_get_issue(DOMAIN, issue) is not None

    # It is tried again without another word, and works as soon as the plug does
    record = get_data(home).watchdogs[entry.entry_id]
    told = len(result)
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert (record.cut, len(result)) == (PLUG, told)

    async def work(call: ServiceCall) -> None:
        home.states.async_set(PLUG, "on")

    home.services.async_register("switch", "turn_on", work)
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert record.cut is None
