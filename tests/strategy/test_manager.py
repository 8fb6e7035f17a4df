"""Strategies steer real simulated miners: bands, by hand, restarts, faults, the end."""

from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun import freeze_time
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.fleet.commands import Outcome
from custom_components.hmm.miner.walk import Caps
from custom_components.hmm.strategy.limits import manual_from_dict
from custom_components.hmm.strategy.miners import SteeredMiner
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    Decision,
    MinerView,
    Mode,
    Sentence,
    Standing,
    Wish,
)
from custom_components.hmm.strategy.planner.precedence import settle as settle_goals
from simulator import Fault, SimulatedAxeOS, SimulatedSolopool
from simulator.httpd import Request, Response, json_response
from tests.common import act, find, find_id, fleet_entry, later, poll, pool_entry, until
from tests.conftest import miner_entry, set_up

from .common import (
    BANDS,
    PRICE,
    add,
    begin,
    device_of,
    down,
    follow,
    manager,
    price,
    settle,
    state_of,
    wait,
)

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe, and the fleet beside it."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def test_a_price_changes_the_mode(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A band that is entered sets its mode, or pauses; what it does is explained."""
    strategy = await follow(home, 25)
    assert entry.runtime_data.tuning.current == "eco"
    status = state_of(home, strategy, "sensor", "state")
    assert status.state == "steering"
    assert status.attributes["explanation"].startswith("25.0 ct/kWh is in “Normal”")
    assert state_of(home, strategy, "sensor", "band").state == "Normal"
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"
    assert device_of(home, strategy).name == "Bands"


async def test_it_says_why_it_waits_after_a_start(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Before anything is decided a strategy tells that, and whether it is on."""
    price(home, 25)
    strategy = await add(home, "price_bands", BANDS)
    switch = state_of(home, strategy, "switch", "switch").entity_id

    def status() -> State:
        return state_of(home, strategy, "sensor", "state")

    assert (status().state, status().attributes["key"]) == ("waiting", "starting")
    assert status().attributes["explanation"].startswith("Nothing is decided yet")
    await act(home, "switch", "turn_off", switch)
    assert (status().state, status().attributes["explanation"]) == ("off", None)
    await act(home, "switch", "turn_on", switch)
    assert status().state == "waiting"
    await begin(home)
    assert status().attributes["key"] == "band_unknown_next"


@pytest.mark.parametrize("how", ["disabled", "removed"])
async def test_without_the_fleet_all_miners_are_given_back(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    """None is left off, however many there are."""
    monkeypatch.setattr("custom_components.hmm.strategy.manager._RETURN_STAGGER", 0.01)
    async with SimulatedAxeOS(model="supra", name="b") as other:
        await set_up(home, miner_entry(other, "bitaxe", title="B"))
        await follow(home, 40)
        assert bitaxe.paused
        assert other.paused
        fleet = fleet_entry(home)
        if how == "disabled":
            await home.config_entries.async_set_disabled_by(
                fleet.entry_id, ConfigEntryDisabler.USER
            )
        else:
            await home.config_entries.async_remove(fleet.entry_id)
        await until(lambda: not (bitaxe.paused or other.paused))
        await home.async_block_till_done(wait_background_tasks=True)


async def test_a_miner_that_is_being_set_is_given_back_too(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What runs when the fleet is removed is canceled, and the miner is not forgotten."""
    await follow(home, 40)
    assert bitaxe.paused
    steered = manager(home).steered(entry.entry_id)
    assert steered is not None
    sent: list[str] = []

    def hang(request: Request) -> Response:
        sent.append(request.path)
        bitaxe.fault = Fault.SILENT
        return json_response({})

    bitaxe._routes = {**bitaxe.routes(), "POST /api/system/resume": hang}
    control = replace(manager(home).controls[entry.entry_id], command="mode:eco")
    steered.begin()
    fleet_entry(home).async_create_background_task(
        home, manager(home)._execute(steered, control), "resume"
    )
    await until(lambda: bool(sent))
    assert steered.is_busy
    await home.config_entries.async_remove(fleet_entry(home).entry_id)
    bitaxe.fault, bitaxe._routes = None, bitaxe.routes()
    await until(lambda: not bitaxe.paused)
    await home.async_block_till_done(wait_background_tasks=True)


async def test_a_paused_miner_never_mines_in_its_old_mode(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A firmware that takes a mode while it is paused has it before it resumes."""
    await act(
        home,
        "select",
        "select_option",
        find_id(home, entry, "select", "mode"),
        option="turbo",
    )
    await follow(home, 40)
    assert bitaxe.paused
    fast = bitaxe.settings["frequency"]
    resumed = []
    resume = bitaxe._routes["POST /api/system/resume"]

    def note(request: Request) -> Any:
        resumed.append(bitaxe.settings["frequency"])
        return resume(request)

    bitaxe._routes = {**bitaxe._routes, "POST /api/system/resume": note}
    price(home, 25)
    await wait(home, freezer, 6)
    assert entry.runtime_data.tuning.current == "eco"
    assert resumed == [bitaxe.settings["frequency"]] != [fast]


async def test_a_dear_band_pauses_and_the_next_one_resumes(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Off is a pause that names its strategy; a cheaper band ends it."""
    strategy = await follow(home, 35)
    assert bitaxe.paused
    status = find(home, entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_by_strategy"
    assert status.attributes["strategy"] == "Bands"
    price(home, 25)
    await wait(home, freezer, 6)
    assert not bitaxe.paused
    assert entry.runtime_data.tuning.current == "eco"
    event = state_of(home, strategy, "event", "decision")
    assert event.attributes["event_type"] == "changed"


async def test_a_dry_run_switches_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """It decides and explains; ended, it steers."""
    strategy = await follow(home, 35, {**BANDS, "start": "dry_run"})
    assert not bitaxe.paused
    status = state_of(home, strategy, "sensor", "state")
    assert status.state == "dry_run"
    assert status.attributes["explanation"].startswith("Dry run: 35.0 ct/kWh")
    dry_run = state_of(home, strategy, "switch", "dry_run").entity_id
    await act(home, "switch", "turn_off", dry_run)
    await settle(home)
    assert bitaxe.paused
    await act(home, "switch", "turn_on", dry_run)
    await settle(home)
    assert state_of(home, strategy, "sensor", "state").state == "dry_run"


async def test_by_hand(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """What somebody sets by hand stays until the next change, or is given back."""
    await follow(home, 35)
    assert bitaxe.paused
    await wait(home, freezer, 6)
    await act(home, "switch", "turn_on", find_id(home, entry, "switch", "mining"))
    await poll(home, entry)
    await settle(home)
    assert find(home, entry, "sensor", "controlled_by").state == "manual"
    await wait(home, freezer, 30)
    assert not bitaxe.paused
    button = find_id(home, entry, "button", "resume_automatic")
    await act(home, "button", "press", button)
    await settle(home)
    assert bitaxe.paused
    await wait(home, freezer, 6)
    await act(home, "switch", "turn_on", find_id(home, entry, "switch", "mining"))
    await poll(home, entry)
    await settle(home)
    assert not bitaxe.paused
    price(home, 25)
    await wait(home, freezer, 6)
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"
    assert entry.runtime_data.tuning.current == "eco"


@pytest.mark.parametrize("how", ["removed", "off"])
async def test_the_end_gives_miners_back(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], how: str
) -> None:
    """A strategy that is removed or switched off leaves no miner off."""
    strategy = await follow(home, 35)
    assert bitaxe.paused
    if how == "removed":
        home.config_entries.async_remove_subentry(fleet_entry(home), strategy.id)
    else:
        switch = state_of(home, strategy, "switch", "switch").entity_id
        await act(home, "switch", "turn_off", switch)
    await settle(home)
    assert not bitaxe.paused
    assert find(home, entry, "sensor", "controlled_by").state == "nothing"


async def test_an_override(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A band that is wanted by hand holds; automatic gives the decision back."""
    strategy = await follow(home, 35)
    assert bitaxe.paused
    await wait(home, freezer, 6)
    select = state_of(home, strategy, "select", "override").entity_id
    await act(home, "select", "select_option", select, option="Normal")
    await settle(home)
    assert not bitaxe.paused
    assert state_of(home, strategy, "select", "override").state == "Normal"
    assert state_of(home, strategy, "sensor", "state").state == "overridden"
    await wait(home, freezer, 6)
    await act(home, "select", "select_option", select, option="automatic")
    await settle(home)
    assert bitaxe.paused


async def test_two_strategies_of_one_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Price bands go before a plan, which says so; a cap of quiet hours before both."""
    price(home, 25)
    home.states.async_set("binary_sensor.night", "on")
    plan = {
        "miners": [],
        "entity": "binary_sensor.night",
        "entity_ids": {},
        "kind": "plan",
        "rung": "off",
    }
    await add(home, "price_bands", BANDS)
    second = await add(home, "calendar", plan, title="Plan")
    await begin(home)
    assert not bitaxe.paused
    assert state_of(home, second, "sensor", "state").state == "suspended"
    home.config_entries.async_remove_subentry(fleet_entry(home), second.id)
    await add(home, "calendar", plan | {"kind": "quiet"}, title="Quiet")
    await settle(home)
    assert bitaxe.paused
    assert find(home, entry, "sensor", "controlled_by").state == "quiet_hours"


async def test_a_removed_fleet_leaves_nothing_of_its_strategies(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """With the fleet its strategies are gone, and so is what was noted of them.

    One that is disabled may be enabled again.
    """
    strategy = await follow(home, 25)
    fleet, records = fleet_entry(home), get_data(home).strategies.store.strategies
    await home.config_entries.async_set_disabled_by(
        fleet.entry_id, ConfigEntryDisabler.USER
    )
    await home.async_block_till_done()
    assert strategy.id in records
    await home.config_entries.async_remove(fleet.entry_id)
    assert strategy.id not in records


async def test_its_only_miner_is_removed(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Then it says that it has none, instead of what nobody does."""
    price(home, 25)
    settings = BANDS | {"miners": [entry.runtime_data.device_id]}
    strategy = await add(home, "price_bands", settings)
    await begin(home)
    await home.config_entries.async_remove(entry.entry_id)
    await settle(home)
    status = state_of(home, strategy, "sensor", "state")
    assert status.attributes["explanation"].startswith("It has no miner")


async def test_the_price_goes_away(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """A price that is gone changes nothing, nor does an absurd one."""
    strategy = await follow(home, 25)
    for value in ("unavailable", "nan", "1e9", "-inf"):
        price(home, value)
        await wait(home, freezer, 6)
        assert entry.runtime_data.tuning.current == "eco"
        assert state_of(home, strategy, "sensor", "state").state == "holding"
    await wait(home, freezer, 180)
    assert state_of(home, strategy, "sensor", "state").state == "fallback"
    assert not bitaxe.paused


async def test_a_strategy_that_cannot_decide_leaves_the_others_alone(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It stays as it is, is told to the log once, and goes on when it can."""
    price(home, 25)
    quiet = {"miners": [], "kind": "quiet", "days": [], "from": "00:00", "to": "23:59"}
    broken = await add(home, "calendar", {**quiet, "rung": "lowest"}, "Broken")
    strategy = await add(home, "price_bands", BANDS)
    await begin(home)
    settings, broken.settings = broken.settings, object()
    for cents in (35, 25):
        price(home, cents)
        await wait(home, freezer, 6)
    assert state_of(home, strategy, "sensor", "band").state == "Normal"
    assert caplog.text.count("Broken cannot decide") == 1
    broken.settings = settings
    await wait(home, freezer, 16)
    assert broken.id not in manager(home)._broken


@pytest.mark.parametrize("bands", [5, ["cheap", None], [{"band_name": "Cheap"}]])
async def test_bands_that_cannot_be_read(
    home: HomeAssistant, entry: ConfigEntry[Any], bands: Any
) -> None:
    """Such a strategy is off and says why; the fleet is set up all the same."""
    strategy = await add(home, "price_bands", {**BANDS, "bands": bands})
    await begin(home)
    status = state_of(home, strategy, "sensor", "state")
    assert status.state == "off"
    assert status.attributes["explanation"].startswith(
        "Its stored settings cannot be read (“"
    )
    issues, issue_id = ir.async_get(home), f"strategy_settings_{strategy.id}"
    issue = issues.async_get_issue("hmm", issue_id)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["name"] == "Bands"
    fleet = fleet_entry(home)
    assert await home.config_entries.async_reload(fleet.entry_id)
    assert issues.async_get_issue("hmm", issue_id) is not None
    # Its dialog opens, and what was mended works
    await home.config_entries.subentries.async_init(
        (fleet.entry_id, "price_bands"),
        context={"source": "reconfigure", "subentry_id": strategy.id},
    )
    home.config_entries.async_update_subentry(
        fleet, fleet.subentries[strategy.id], data=dict(BANDS)
    )
    await begin(home)
    assert issues.async_get_issue("hmm", issue_id) is None
    assert state_of(home, strategy, "sensor", "state").state == "waiting"
    home.config_entries.async_update_subentry(
        fleet, fleet.subentries[strategy.id], data={**BANDS, "bands": bands}
    )
    await home.async_block_till_done()
    assert issues.async_get_issue("hmm", issue_id) is not None
    home.config_entries.async_remove_subentry(fleet, strategy.id)
    await home.async_block_till_done()
    assert issues.async_get_issue("hmm", issue_id) is None


async def test_it_decides_again_after_the_clock_was_set_back(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """A quarter of an hour later it looks again, whatever the clock says by then."""
    strategy = await follow(home, 25)
    # Only the clock on the wall: the loop has one of its own
    now = dt_util.utcnow() - timedelta(hours=1)
    with freeze_time(now, ignore=["asyncio"]):
        await later(home, 16 * 60)
        await later(home, 2)
    assert strategy.decided_at == now


@pytest.mark.parametrize(
    "end_time", ["2026-13-45 00:00:00", "9999-12-31 23:59:59", "x", 7]
)
async def test_a_calendar_with_an_impossible_end(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], end_time: Any
) -> None:
    """It is followed all the same, to an end that is not known."""
    await home.config.async_update(time_zone="America/New_York")
    home.states.async_set("calendar.plan", "on", {"end_time": end_time})
    plan = {"miners": [], "kind": "plan", "entity": "calendar.plan", "rung": "off"}
    strategy = await add(home, "calendar", plan)
    await begin(home)
    assert bitaxe.paused
    assert state_of(home, strategy, "sensor", "state").state == "steering"


async def test_a_miner_that_comes_back_follows_at_once(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """One that was unplugged while it became dear is paused after its first poll."""
    await follow(home, 25)
    await bitaxe.stop()
    await poll(home, entry)
    price(home, 35)
    await wait(home, freezer, 10)
    await bitaxe.start()
    await poll(home, entry)
    await settle(home)
    assert bitaxe.paused


async def test_home_assistant_restarts_in_a_band(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    hass_storage: dict[str, Any],
) -> None:
    """What was paused stays, is still explained, and is given back later."""
    strategy = await follow(home, 35)
    assert bitaxe.paused
    async with down(home, entry):
        pass
    await begin(home)
    assert bitaxe.paused
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"
    home.config_entries.async_remove_subentry(fleet_entry(home), strategy.id)
    await settle(home)
    assert not bitaxe.paused


async def test_what_an_overheat_has_lowered_is_the_owners(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """No mode is set until the owner has decided; nobody is said to have set it."""
    await follow(home, 10)
    await poll(home, entry)
    bitaxe.settings |= {"overheat_mode": 1, "frequency": 405, "coreVoltage": 1060}
    await poll(home, entry)
    bitaxe.settings["overheat_mode"] = 0
    for _ in range(4):
        await poll(home, entry)
        await settle(home)
    assert bitaxe.settings["frequency"] == 405
    assert entry.runtime_data.status.problems.lowered is not None
    controlled = find(home, entry, "sensor", "controlled_by")
    assert controlled.state == "safety"
    assert "Settings > Repairs" in controlled.attributes["explanation"]


async def test_the_power_fails_for_all(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    hass_storage: dict[str, Any],
    freezer: Any,
) -> None:
    """A miner that forgot its pause meanwhile is paused again: nobody has set it."""
    await follow(home, 35)
    await poll(home, entry)
    assert bitaxe.paused
    async with down(home, entry):
        freezer.tick(timedelta(minutes=30))
        await bitaxe.unplug()
        await bitaxe.plug_in()
        bitaxe.miner._step(600)
        assert not bitaxe.paused
    for _ in range(3):
        await poll(home, entry)
    await begin(home)
    for _ in range(3):
        await poll(home, entry)
        await settle(home)
    assert bitaxe.paused
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"


async def test_a_change_while_home_assistant_was_down(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    hass_storage: dict[str, Any],
    freezer: Any,
) -> None:
    """What its owner has set at the device meanwhile is not undone by the first decision."""
    await follow(home, 25)
    await poll(home, entry)
    assert entry.runtime_data.tuning.current == "eco"
    async with down(home, entry):
        freezer.tick(timedelta(minutes=30))
        bitaxe.miner._step(1800)
        bitaxe.settings |= {"frequency": 600, "coreVoltage": 1150}
    for _ in range(3):
        await poll(home, entry)
    price(home, 35)
    written = len(bitaxe.writes)
    await begin(home)
    for _ in range(3):
        await poll(home, entry)
        await settle(home)
    assert (len(bitaxe.writes), bitaxe.paused) == (written, False)
    assert find(home, entry, "sensor", "controlled_by").state == "manual"
    # Until the next change, as after any other change by hand
    price(home, 10)
    await wait(home, freezer, 6)
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"


async def test_a_crash_in_the_middle_of_a_switching(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    hass_storage: dict[str, Any],
    freezer: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was stored before a command knows of it, and blames nobody else for it."""
    stored: list[dict[str, Any]] = []
    apply = SteeredMiner.async_apply

    async def spy(*args: Any) -> Outcome:
        stored.append(deepcopy(hass_storage["hmm.strategy"]))
        return await apply(*args)

    monkeypatch.setattr(SteeredMiner, "async_apply", spy)
    strategy = await follow(home, 25)
    await manager(home).store.async_save()
    price(home, 35)
    await wait(home, freezer, 6)
    assert bitaxe.paused
    async with down(home, entry):
        hass_storage["hmm.strategy"] = stored[-1]
    await begin(home)
    for _ in range(3):
        await poll(home, entry)
    await settle(home)
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"
    home.config_entries.async_remove_subentry(fleet_entry(home), strategy.id)
    await settle(home)
    assert not bitaxe.paused


async def test_a_crash_right_after_something_by_hand(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    hass_storage: dict[str, Any],
    freezer: Any,
) -> None:
    """What someone sets by hand is stored at once; polls and prices store no more often."""

    def stored() -> Any:
        return hass_storage["hmm.strategy"]

    def kept(part: str, key: str) -> Any:
        return stored()["data"][part][key]

    strategy = await follow(home, 25)
    await wait(home, freezer, 6)
    before = stored()
    for _ in range(3):
        await poll(home, entry)
    price(home, 25.5)
    await home.async_block_till_done()
    assert stored() is before
    select = state_of(home, strategy, "select", "override").entity_id
    await act(home, "select", "select_option", select, option="Expensive")
    assert kept("strategies", strategy.id)["override"]["to"] == "band_dear"
    crashed = deepcopy(stored())
    async with down(home, entry):
        hass_storage["hmm.strategy"] = crashed
    await begin(home)
    assert bitaxe.paused
    strategy = manager(home).strategies[strategy.id]
    assert state_of(home, strategy, "select", "override").state == "Expensive"
    # The same for one miner, for its return, and for the strategy itself
    await wait(home, freezer, 6)
    await act(home, "switch", "turn_on", find_id(home, entry, "switch", "mining"))
    for _ in range(2):
        await poll(home, entry)
    await home.async_block_till_done()
    assert kept("miners", entry.entry_id)["manual"]["ends"] == "next_change"
    button = find_id(home, entry, "button", "resume_automatic")
    await act(home, "button", "press", button)
    assert kept("miners", entry.entry_id)["manual"] is None
    switch = state_of(home, strategy, "switch", "switch").entity_id
    await act(home, "switch", "turn_off", switch)
    assert kept("strategies", strategy.id)["enabled"] is False


async def test_autotune_is_left_alone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Given a walk, then its points are no foreign hand, and no band ends it."""
    strategy = await follow(home, 25)
    miner = entry.runtime_data
    assert miner.tuning.current == "eco"
    await miner.autotune.async_start(Caps(max_power=30))
    assert miner.autotune.is_running
    record = miner.autotune.record
    record.walk = replace(record.walk, point=record.walk.point._replace(frequency=490))
    bitaxe.settings["frequency"] = 490
    for _ in range(3):
        await poll(home, entry)
    assert miner.tuning.current == "custom"
    price(home, 35)
    await wait(home, freezer, 6)
    assert miner.autotune.is_running
    assert find(home, entry, "sensor", "controlled_by").state == "manual"
    event = state_of(home, strategy, "event", "decision")
    assert event.attributes["event_type"] != "overridden"
    assert manager(home).store.miners[entry.entry_id].manual is None
    await miner.autotune.async_stop()
    await poll(home, entry)
    await settle(home)
    assert bitaxe.paused
    assert find(home, entry, "sensor", "controlled_by").state == "price_bands"


async def test_a_reload_of_the_fleet_alone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Given a fleet that is set up again, then its miners are followed as before."""
    await follow(home, 25)
    assert await home.config_entries.async_reload(fleet_entry(home).entry_id)
    await begin(home)
    await wait(home, freezer, 6)
    await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    await poll(home, entry)
    await poll(home, entry)
    await settle(home)
    assert find(home, entry, "sensor", "controlled_by").state == "manual"


async def test_polls_alone_decide_and_write_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Given readings that are noisy, then a steered miner is only looked at.

    What is counted and learned is written in a while.
    """
    strategy = await follow(home, 25)
    store = manager(home).store
    memory = store.miners[entry.entry_id]
    for watts in (15.0, 16.0):
        memory.watts.learn("mode:eco", watts, watts * 1e11)
    await poll(home, entry)
    await settle(home)
    asked = strategy.decided_at
    for watts in (15.2, 15.4, 15.1, 15.3):
        memory.watts.learn("mode:eco", watts, watts * 1e11)
        freezer.tick(1)
        await poll(home, entry)
        await settle(home)
    assert strategy.decided_at == asked
    store._store._due = None
    manager(home)._decide()
    assert store._store._due is None
    await poll(home, entry)
    assert store._store._due is not None
    asked = strategy.decided_at
    freezer.tick(1)
    memory.watts.learn("mode:turbo", 30.0, 2e12)
    await poll(home, entry)
    await settle(home)
    assert strategy.decided_at > asked


async def test_the_miners_of_named_devices(
    home: HomeAssistant, entry: ConfigEntry[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """A strategy has the miners of its devices, none of devices that are gone."""
    registry = dr.async_get(home)
    device = dr.async_entries_for_config_entry(registry, entry.entry_id)[0]
    strategy = await add(home, "price_bands", {**BANDS, "miners": [device.id, "gone"]})
    assert manager(home).is_member(entry.entry_id)
    data = {**BANDS, "miners": ["gone"]}
    fleet = fleet_entry(home)
    subentry = fleet.subentries[strategy.id]
    home.config_entries.async_update_subentry(fleet, subentry, data=data)
    await settle(home)
    assert not manager(home).is_member(entry.entry_id)
    assert "deprecated" not in caplog.text


async def test_a_miner_that_is_removed_is_forgotten(
    home: HomeAssistant, entry: ConfigEntry[Any], hass_storage: dict[str, Any]
) -> None:
    """Given a miner that goes, then the file of the strategies has it no more."""
    await follow(home, 25)
    await manager(home).store.async_save()
    assert entry.entry_id in hass_storage["hmm.strategy"]["data"]["miners"]
    await home.config_entries.async_remove(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    assert entry.entry_id not in hass_storage["hmm.strategy"]["data"]["miners"]


async def test_a_miner_that_is_removed_without_the_fleet(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """It is forgotten as well: nothing is decided for it when the fleet is back."""
    await follow(home, 25)
    assert entry.entry_id in manager(home).controls
    fleet = fleet_entry(home)
    await home.config_entries.async_unload(fleet.entry_id)
    await home.config_entries.async_remove(entry.entry_id)
    await home.config_entries.async_setup(fleet.entry_id)
    await begin(home)
    assert entry.entry_id not in manager(home).controls


async def test_the_plan_of_today_and_tomorrow(
    home: HomeAssistant, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """Given prices ahead, then the band tells the band of each, none held, none old."""
    freezer.move_to("2026-11-28T10:20:00+00:00")
    await home.config.async_update(currency="EUR", time_zone="Europe/Berlin")
    first = datetime(2026, 11, 27, 0, tzinfo=UTC)
    hours = [first + timedelta(hours=n) for n in range(96)]
    prices = [25.0, *[19.9] * 11, *[20.1] * 6, *[35.0] * 6] * 4

    def show() -> None:
        attributes = {
            "unit_of_measurement": "ct/kWh",
            "prices": [
                {"start": it.isoformat(), "price": price}
                for it, price in zip(hours, prices, strict=True)
            ],
        }
        home.states.async_set(PRICE, str(prices[34]), attributes, force_update=True)

    show()
    strategy = await add(home, "price_bands", BANDS)
    band = state_of(home, strategy, "sensor", "band")
    assert band.attributes["unit"] == "ct/kWh"
    assert band.attributes["rungs"] == {
        "Cheap": "highest",
        "Normal": "mode:eco",
        "Expensive": "off",
    }
    assert band.attributes["limits"] == {"Cheap": 20.0, "Normal": 30.0}
    plan = band.attributes["plan"]
    assert len(plan) == 48
    midnight = "2026-11-27T23:00:00+00:00"
    assert plan[0] == [midnight, "2026-11-28T00:00:00+00:00", 35.0, "Expensive"]
    assert [it[3] for it in plan[1:20]] == ["Normal"] + ["Cheap"] * 11 + [
        "Normal"
    ] * 6 + ["Expensive"]
    assert plan[12][2] == 19.9
    show()
    await begin(home)
    assert strategy.plan is plan
    by_hours = [
        {"id": "a", "band_name": "Low", "cheapest": 4.0, "rung": "highest"},
        {"id": "b", "band_name": "Rest"},
    ]
    data = {**BANDS, "by": "hours", "bands": by_hours}
    home.config_entries.async_update_subentry(
        fleet_entry(home), fleet_entry(home).subentries[strategy.id], data=data
    )
    await settle(home)
    band = state_of(home, strategy, "sensor", "band")
    assert band.attributes["rungs"] == {"Low": "highest", "Rest": "leave"}
    assert band.attributes["limits"] == {}
    assert [it[3] for it in band.attributes["plan"]].count("Low") == 8
    price(home, 25)
    await settle(home)
    assert state_of(home, strategy, "sensor", "band").attributes["plan"] == []


async def test_the_pool_of_a_band(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """It is set also where the band has the same mode, once; a paused miner has none."""
    bitaxe.reboot_seconds, bitaxe.restart_delay = 0.2, 0.1
    # A change of the pool restarts the miner, which takes time
    with freeze_time(tick=True) as freezer:
        async with SimulatedSolopool(generation=1, speed=0) as simulated:
            pools = [
                await set_up(home, pool_entry(simulated, title="Mine")),
                await set_up(home, pool_entry(simulated, "dgb1qother", title="Other")),
            ]
            first, second = (it.entry_id for it in pools)
            bands = [
                {"id": "a", "band_name": "A", "upto": 20.0, "rung": "normal"},
                {"id": "b", "band_name": "B", "upto": 30.0, "rung": "normal"},
                {"id": "c", "band_name": "C", "rung": "off", "pool": second},
            ]
            bands[0]["pool"], bands[1]["pool"] = first, second
            await follow(home, 10, {**BANDS, "bands": bands})

            def user() -> str:
                return str(bitaxe.pools[0]["stratumUser"]).partition(".")[0]

            assert user() != "dgb1qother"
            await wait(home, freezer, 6)
            price(home, 25)
            await wait(home, freezer, 6)
            await poll(home, entry)
            assert user() == "dgb1qother"
            assert entry.runtime_data.tuning.current == "standard"
            boots = bitaxe.boots
            for _ in range(3):
                await wait(home, freezer, 10)
            assert bitaxe.boots == boots
            price(home, 10)
            await wait(home, freezer, 6)
            assert user() != "dgb1qother"
            price(home, 35)
            await wait(home, freezer, 6)
            assert bitaxe.paused
            assert user() != "dgb1qother"


async def test_the_pool_of_a_band_that_leaves_the_mode_alone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """It is set once, tried again where it was refused; the mode stays the owner's."""
    bitaxe.reboot_seconds, bitaxe.restart_delay = 0.2, 0.1
    with freeze_time(tick=True) as freezer:
        async with SimulatedSolopool(generation=1, speed=0) as simulated:
            mine = await set_up(home, pool_entry(simulated, title="Mine"))
            other = await set_up(home, pool_entry(simulated, "dgb1qother"))
            bands = [
                {"id": "a", "band_name": "A", "upto": 20.0, "rung": "leave"},
                {"id": "b", "band_name": "B", "rung": "leave"},
            ]
            bands[0]["pool"], bands[1]["pool"] = mine.entry_id, other.entry_id
            strategy = await follow(home, 10, {**BANDS, "bands": bands})

            def user() -> str:
                return str(bitaxe.pools[0]["stratumUser"]).partition(".")[0]

            assert user() != "dgb1qother"
            select = find_id(home, entry, "select", "mode")
            await act(home, "select", "select_option", select, option="turbo")
            await wait(home, freezer, 6)
            price(home, 25)
            bitaxe.refuse_address = True
            await wait(home, freezer, 6)
            assert user() != "dgb1qother"
            event = state_of(home, strategy, "event", "decision")
            assert event.attributes["event_type"] == "refused"
            bitaxe.refuse_address = False
            await poll(home, entry)
            await wait(home, freezer, 6)
            await poll(home, entry)
            assert user() == "dgb1qother"
            assert entry.runtime_data.tuning.current == "turbo"
            assert find(home, entry, "sensor", "controlled_by").state == "nothing"
            boots = bitaxe.boots
            for _ in range(3):
                await wait(home, freezer, 10)
            assert bitaxe.boots == boots


@pytest.mark.parametrize("rung", ["normal", "leave"])
def test_a_refused_pool_is_tried_three_times(rung: str) -> None:
    """Minutes apart, with the reason; a change of the wish begins anew."""
    now, ledger, sent = datetime(2026, 3, 2, tzinfo=UTC), Ledger(), []
    view = MinerView(
        id="axe",
        reported="mode:standard",
        default_mode="mode:standard",
        modes=(Mode("mode:standard", 20.0, 1e12),),
    )
    reasons = set()
    for minute in range(60):
        pool = "one" if minute < 40 else "two"
        reason = Sentence("band")
        wish = Wish(miner="axe", rung=rung, reason=reason, pool=pool)
        later_on = now + timedelta(minutes=minute)
        decision = Decision(
            wishes=(wish,),
            sentence=reason,
            state="steering",
            next_check_at=later_on + timedelta(minutes=1),
        )
        standing = Standing("bands", "price_bands", decision, False)
        settlement, ledger = settle_goals(later_on, UTC, [standing], [view], (), ledger)
        control = settlement.controls["axe"]
        if control.command is not None:
            sent.append((minute, control.pool))
            view = replace(view, refusal="pool_refused")
        elif control.reason is not None:
            reasons.add(control.reason.key)
    assert sent == [
        *((it, "one") for it in (0, 5, 15)),
        *((it, "two") for it in (40, 45, 55)),
    ]
    assert "not_obeying" in reasons


async def test_by_hand_until_it_is_released(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], freezer: Any
) -> None:
    """It says so, and a record of before, when it had another name, is read."""
    home.config_entries.async_update_entry(
        fleet_entry(home), options={"manual_hold": "released"}
    )
    strategy = await follow(home, 35)
    await wait(home, freezer, 6)
    select = state_of(home, strategy, "select", "override").entity_id
    await act(home, "select", "select_option", select, option="Cheap")
    await settle(home)
    status = state_of(home, strategy, "sensor", "state").attributes
    # By the name that was chosen, which is also that of the band
    said = "Set to Cheap by hand until you return it to automatic."
    assert status["explanation"].endswith(said)
    assert status["values"] == {"rung": "Cheap", "until": None, "ends": "released"}
    stored = {"ends": "never", "until": None, "against": None}
    assert manual_from_dict(stored).ends == "released"
