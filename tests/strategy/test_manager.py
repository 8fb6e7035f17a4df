"""Strategies steer real simulated miners: bands, by hand, restarts, faults, the end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from freezegun import freeze_time
from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntryDisabler
from homeassistant.core import HomeAssistant, State
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.fleet.commands import Outcome
from custom_components.hmm.miner.walk import Caps
from custom_components.hmm.strategy.limits import manual_of
from custom_components.hmm.strategy.miners import SteeredMiner
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    Decision,
    Manual,
    MinerView,
    Mode,
    Sentence,
    Standing,
    Wish,
)
from custom_components.hmm.strategy.planner.precedence import settle as settle_goals
from simulator import Fault, SimulatedAxeOS, SimulatedSolopool
from simulator.httpd import Request, Response, json_response
from tests.common import find, later, pool_entry, until
from tests.conftest import set_up
from tests.flows import fill, reconfigure

from .common import BANDS, PRICE, Dialog, House, device_of

pytestmark = pytest.mark.usefixtures("quick")


async def test_a_price_changes_the_mode(house: House) -> None:
    """A band that is entered sets its mode, or pauses; what it does is explained."""
    strategy = await house.follow(25)
    assert house.mode == "eco"
    status = house.status(strategy)
    assert status.state == "steering"
    assert status.attributes["explanation"].startswith("25.0 ct/kWh is in “Normal”")
    assert house.state_of(strategy, "sensor", "band").state == "Normal"
    assert house.by() == "price_bands"
    assert device_of(house.hass, strategy).name == "Bands"


async def test_it_says_why_it_waits_after_a_start(house: House) -> None:
    """Before anything is decided a strategy tells that, and whether it is on."""
    house.price(25)
    strategy = await house.add("price_bands", BANDS)

    def status() -> State:
        return house.status(strategy)

    assert (status().state, status().attributes["key"]) == ("waiting", "starting")
    assert status().attributes["explanation"].startswith("Nothing is decided yet")
    await house.switch(strategy, False)
    assert (status().state, status().attributes["explanation"]) == ("off", None)
    await house.switch(strategy, True)
    assert status().state == "waiting"
    await house.begin()
    assert status().attributes["key"] == "band_unknown_next"


@pytest.mark.parametrize("how", ["disabled", "removed"])
async def test_without_the_fleet_all_miners_are_given_back(
    two: House, how: str
) -> None:
    """None is left off, however many there are."""
    await two.follow(40)
    assert [device.paused for device in two.devices] == [True, True]
    fleet = two.fleet
    if how == "disabled":
        await two.hass.config_entries.async_set_disabled_by(
            fleet.entry_id, ConfigEntryDisabler.USER
        )
    else:
        await two.hass.config_entries.async_remove(fleet.entry_id)
    await until(lambda: not any(device.paused for device in two.devices))
    await two.hass.async_block_till_done(wait_background_tasks=True)


async def test_a_miner_that_is_being_set_is_given_back_too(house: House) -> None:
    """What runs when the fleet is removed is canceled, and the miner is not forgotten."""
    await house.follow(40)
    assert house.device.paused
    steered = house.steered()
    sent: list[str] = []

    def hang(request: Request) -> Response:
        sent.append(request.path)
        house.device.fault = Fault.SILENT
        return json_response({})

    house.device._routes = {**house.device.routes(), "POST /api/system/resume": hang}
    control = replace(house.manager.controls[house.entry.entry_id], command="mode:eco")
    steered.begin()
    house.fleet.async_create_background_task(
        house.hass, house.manager._execute(steered, control), "resume"
    )
    await until(lambda: bool(sent))
    assert steered.is_busy
    removal = asyncio.create_task(
        house.hass.config_entries.async_remove(house.fleet.entry_id)
    )
    await asyncio.sleep(0)
    assert not removal.done()
    house.device.fault, house.device._routes = None, house.device.routes()
    await house.device.unplug()
    await house.device.plug_in()
    await removal
    await until(lambda: not house.device.paused)
    await house.hass.async_block_till_done(wait_background_tasks=True)


async def test_a_paused_miner_never_mines_in_its_old_mode(
    house: House, freezer: Any
) -> None:
    """A firmware that takes a mode while it is paused has it before it resumes."""
    await house.set_mode("turbo")
    await house.follow(40)
    assert house.device.paused
    fast = house.device.settings["frequency"]
    resumed = []
    resume = house.device._routes["POST /api/system/resume"]

    def note(request: Request) -> Any:
        resumed.append(house.device.settings["frequency"])
        return resume(request)

    house.device._routes = {**house.device._routes, "POST /api/system/resume": note}
    house.price(25)
    await house.wait(6)
    assert house.mode == "eco"
    assert resumed == [house.device.settings["frequency"]] != [fast]


async def test_a_dear_band_pauses_and_the_next_one_resumes(
    house: House, freezer: Any
) -> None:
    """Off is a pause that names its strategy; a cheaper band ends it."""
    strategy = await house.follow(35)
    assert house.device.paused
    status = find(house.hass, house.entry, "sensor", "status")
    assert status.attributes["reason"] == "paused_by_strategy"
    assert status.attributes["strategy"] == "Bands"
    house.price(25)
    await house.wait(6)
    assert not house.device.paused
    assert house.mode == "eco"
    assert house.event_of(strategy) == "changed"


async def test_a_dry_run_switches_nothing(house: House) -> None:
    """It decides and explains; ended, it steers."""
    strategy = await house.follow(35, {**BANDS, "start": "dry_run"})
    assert not house.device.paused
    status = house.status(strategy)
    assert status.state == "dry_run"
    assert status.attributes["explanation"].startswith("Dry run: 35.0 ct/kWh")
    await house.switch(strategy, False, "dry_run")
    await house.settle()
    assert house.device.paused
    await house.switch(strategy, True, "dry_run")
    await house.settle()
    assert house.status(strategy).state == "dry_run"


async def test_by_hand(house: House, freezer: Any) -> None:
    """What somebody sets by hand stays until the next change, or is given back."""
    await house.follow(35)
    assert house.device.paused
    await house.wait(6)
    await house.mine(True)
    await house.settle_polls(1)
    assert house.by() == "manual"
    await house.wait(30)
    assert not house.device.paused
    await house.resume()
    await house.settle()
    assert house.device.paused
    await house.wait(6)
    await house.mine(True)
    await house.settle_polls(1)
    assert not house.device.paused
    house.price(25)
    await house.wait(6)
    assert house.by() == "price_bands"
    assert house.mode == "eco"


async def test_another_miner_in_the_place_is_no_change_by_hand(
    house: House, freezer: Any
) -> None:
    """It is steered at once; at the end it gets back its own mode, not the old one's."""
    await house.set_mode("turbo")
    await house.settle_polls(1)
    strategy = await house.follow(25)
    assert (house.by(), house.mode) == ("price_bands", "eco")
    await house.device.unplug()
    async with SimulatedAxeOS(name="other", generation="2.15", model="gamma") as other:
        form = await reconfigure(house.hass, house.entry)
        form = await fill(house.hass, form, host=f"127.0.0.1:{other.port}")
        assert (await fill(house.hass, form))["reason"] == "miner_replaced"
        await house.wait(6)
        await house.settle_polls(3)
        assert (house.by(), house.mode) == ("price_bands", "eco")
        house.remove(strategy)
        await house.settle()
        assert house.mode == "standard"


async def test_the_end_gives_miners_back(house: House) -> None:
    """A strategy that is switched off leaves no miner off."""
    strategy = await house.follow(35)
    assert house.device.paused
    await house.switch(strategy, False)
    await house.settle()
    assert not house.device.paused
    assert house.by() == "nothing"


@pytest.mark.parametrize("is_down", [False, True])
@pytest.mark.parametrize("when", ["before", "during", "after"])
async def test_the_end_gives_miners_back_that_are_out_of_reach(
    house: House, hass_storage: dict[str, Any], is_down: bool, when: str
) -> None:
    """A miner or Home Assistant may be down before, when and after it ends."""
    strategy = await house.follow(35)
    assert house.device.paused
    if when == "before":
        house.device.fault = Fault.RESET
        house.remove(strategy)
        await house.settle_polls(2)
    async with house.down() if is_down else nullcontext():
        if when == "during":
            house.remove(strategy)
    house.device.fault = None
    if when == "after":
        house.remove(strategy)
    if is_down:
        await house.begin()
    await house.settle_polls(2)
    assert not house.device.paused
    assert not house.manager.store.owed


async def test_an_override(house: House, freezer: Any) -> None:
    """A band that is wanted by hand holds; automatic gives the decision back."""
    strategy = await house.follow(35)
    assert house.device.paused
    await house.wait(6)
    await house.override(strategy, "Normal")
    assert not house.device.paused
    assert house.state_of(strategy, "select", "override").state == "Normal"
    assert house.status(strategy).state == "overridden"
    await house.wait(6)
    await house.override(strategy, "automatic")
    assert house.device.paused


async def test_an_override_before_anything_is_decided(
    house: House, freezer: Any
) -> None:
    """What its owner wants right after a start is not taken for what is over."""
    house.price(35)
    strategy = await house.add("price_bands", BANDS)
    await house.override(strategy, "Normal")
    await house.begin()
    assert house.status(strategy).state == "overridden"
    assert not house.device.paused
    house.price(10)
    await house.wait(6)
    assert house.state_of(strategy, "select", "override").state == "automatic"


async def test_two_strategies_of_one_miner(house: House) -> None:
    """Price bands go before a plan, which says so; a cap of quiet hours before both."""
    house.price(25)
    house.hass.states.async_set("binary_sensor.night", "on")
    plan = {
        "miners": [],
        "entity": "binary_sensor.night",
        "entity_ids": {},
        "kind": "plan",
        "rung": "off",
    }
    await house.add("price_bands", BANDS)
    second = await house.add("calendar", plan, title="Plan")
    await house.begin()
    assert not house.device.paused
    assert house.status(second).state == "suspended"
    house.remove(second)
    await house.add("calendar", plan | {"kind": "quiet"}, title="Quiet")
    await house.settle()
    assert house.device.paused
    assert house.by() == "quiet_hours"


async def test_a_removed_fleet_leaves_nothing_of_its_strategies(house: House) -> None:
    """With the fleet its strategies are gone, and so is what was noted of them.

    One that is disabled may be enabled again.
    """
    strategy = await house.follow(25)
    fleet, records = house.fleet, get_data(house.hass).strategies.store.strategies
    await house.hass.config_entries.async_set_disabled_by(
        fleet.entry_id, ConfigEntryDisabler.USER
    )
    await house.hass.async_block_till_done()
    assert strategy.id in records
    await house.hass.config_entries.async_remove(fleet.entry_id)
    assert strategy.id not in records


async def test_its_only_miner_is_removed(house: House) -> None:
    """Then it says that it has none, instead of what nobody does."""
    house.price(25)
    settings = BANDS | {"miners": [house.miner.device_id]}
    strategy = await house.add("price_bands", settings)
    await house.begin()
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.settle()
    status = house.status(strategy)
    assert status.attributes["explanation"].startswith("It has no miner")


async def test_the_price_goes_away(house: House, freezer: Any) -> None:
    """A price that is gone changes nothing, nor does an absurd one."""
    strategy = await house.follow(25)
    for value in ("unavailable", "nan", "1e9", "-inf"):
        house.price(value)
        await house.wait(6)
        assert house.mode == "eco"
        assert house.status(strategy).state == "holding"
    await house.wait(180)
    assert house.status(strategy).state == "fallback"
    assert not house.device.paused


async def test_a_strategy_that_cannot_decide_leaves_the_others_alone(
    house: House, freezer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """It stays as it is, is told to the log once, and goes on when it can."""
    house.price(25)
    quiet = {"miners": [], "kind": "quiet", "days": [], "from": "00:00", "to": "23:59"}
    broken = await house.add("calendar", {**quiet, "rung": "lowest"}, "Broken")
    strategy = await house.add("price_bands", BANDS)
    await house.begin()
    settings, broken.settings = broken.settings, object()
    for cents in (35, 25):
        house.price(cents)
        await house.wait(6)
    assert house.state_of(strategy, "sensor", "band").state == "Normal"
    assert caplog.text.count("Broken cannot decide") == 1
    broken.settings = settings
    await house.wait(16)
    assert broken.id not in house.manager._broken


@pytest.mark.parametrize("bands", [5, ["cheap", None], [{"band_name": "Cheap"}]])
async def test_bands_that_cannot_be_read(house: House, bands: Any) -> None:
    """Such a strategy is off and says why; the fleet is set up all the same."""
    strategy = await house.add("price_bands", {**BANDS, "bands": bands})
    await house.begin()
    status = house.status(strategy)
    assert status.state == "off"
    assert status.attributes["explanation"].startswith(
        "Its stored settings cannot be read (“"
    )
    issues, issue_id = ir.async_get(house.hass), f"strategy_settings_{strategy.id}"
    issue = issues.async_get_issue("hmm", issue_id)
    assert issue.translation_placeholders["name"] == "Bands"
    fleet = house.fleet
    assert await house.hass.config_entries.async_reload(fleet.entry_id)
    assert issues.async_get_issue("hmm", issue_id) is not None
    # Its dialog opens, and what was mended works
    await Dialog(house.hass, "price_bands").open(
        SOURCE_RECONFIGURE, subentry_id=strategy.id
    )
    house.change(strategy, BANDS)
    await house.begin()
    assert issues.async_get_issue("hmm", issue_id) is None
    assert house.status(strategy).state == "waiting"
    house.change(strategy, {**BANDS, "bands": bands})
    await house.hass.async_block_till_done()
    assert issues.async_get_issue("hmm", issue_id) is not None
    house.remove(strategy)
    await house.hass.async_block_till_done()
    assert issues.async_get_issue("hmm", issue_id) is None


async def test_it_decides_again_after_the_clock_was_set_back(house: House) -> None:
    """A quarter of an hour later it looks again, whatever the clock says by then."""
    strategy = await house.follow(25)
    # Only the clock on the wall: the loop has one of its own
    now = dt_util.utcnow() - timedelta(hours=1)
    with freeze_time(now, ignore=["asyncio"]):
        await later(house.hass, 16 * 60)
        await later(house.hass, 2)
    assert strategy.decided_at == now


@pytest.mark.parametrize(
    "end_time", ["2026-13-45 00:00:00", "9999-12-31 23:59:59", "x", 7]
)
async def test_a_calendar_with_an_impossible_end(house: House, end_time: Any) -> None:
    """It is followed all the same, to an end that is not known."""
    await house.hass.config.async_update(time_zone="America/New_York")
    house.hass.states.async_set("calendar.plan", "on", {"end_time": end_time})
    plan = {"miners": [], "kind": "plan", "entity": "calendar.plan", "rung": "off"}
    strategy = await house.add("calendar", plan)
    await house.begin()
    assert house.device.paused
    assert house.status(strategy).state == "steering"


async def test_a_miner_that_comes_back_follows_at_once(
    house: House, freezer: Any
) -> None:
    """One that was unplugged while it became dear is paused after its first poll."""
    await house.follow(25)
    await house.device.stop()
    await house.poll()
    house.price(35)
    await house.wait(10)
    await house.device.start()
    await house.settle_polls(1)
    assert house.device.paused


async def test_home_assistant_restarts_in_a_band(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """What was paused stays, is still explained, and is given back later."""
    strategy = await house.follow(35)
    assert house.device.paused
    async with house.down():
        pass
    await house.begin()
    assert house.device.paused
    assert house.by() == "price_bands"
    house.remove(strategy)
    await house.settle()
    assert not house.device.paused


async def test_what_an_overheat_has_lowered_is_the_owners(house: House) -> None:
    """No mode is set until the owner has decided; nobody is said to have set it."""
    await house.follow(10)
    await house.poll()
    house.device.settings |= {"overheat_mode": 1, "frequency": 405, "coreVoltage": 1060}
    await house.poll()
    house.device.settings["overheat_mode"] = 0
    await house.settle_polls(4)
    assert house.device.settings["frequency"] == 405
    assert house.miner.status.problems.lowered is not None
    assert house.by() == "safety"
    assert "Settings > Repairs" in house.why()


async def test_the_power_fails_for_all(
    house: House, hass_storage: dict[str, Any], freezer: Any
) -> None:
    """A miner that forgot its pause meanwhile is paused again: nobody has set it."""
    await house.follow(35)
    await house.poll()
    assert house.device.paused
    async with house.down():
        freezer.tick(timedelta(minutes=30))
        await house.device.unplug()
        await house.device.plug_in()
        house.device.miner._step(600)
        assert not house.device.paused
    await house.poll(times=3)
    await house.begin()
    await house.settle_polls(3)
    assert house.device.paused
    assert house.by() == "price_bands"


async def test_a_change_while_home_assistant_was_down(
    house: House, hass_storage: dict[str, Any], freezer: Any
) -> None:
    """What its owner has set at the device meanwhile is not undone by the first decision."""
    await house.follow(25)
    await house.poll()
    assert house.mode == "eco"
    async with house.down():
        freezer.tick(timedelta(minutes=30))
        house.device.miner._step(1800)
        house.device.settings |= {"frequency": 600, "coreVoltage": 1150}
    await house.poll(times=3)
    house.price(35)
    written = len(house.device.writes)
    await house.begin()
    await house.settle_polls(3)
    assert (len(house.device.writes), house.device.paused) == (written, False)
    assert house.by() == "manual"
    # Until the next change, as after any other change by hand
    house.price(10)
    await house.wait(6)
    assert house.by() == "price_bands"


async def test_a_crash_in_the_middle_of_a_switching(
    house: House,
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
    strategy = await house.follow(25)
    await house.manager.store.async_save()
    house.price(35)
    await house.wait(6)
    assert house.device.paused
    async with house.down():
        hass_storage["hmm.strategy"] = stored[-1]
    await house.begin()
    await house.settle_polls(3)
    assert house.by() == "price_bands"
    house.remove(strategy)
    await house.settle()
    assert not house.device.paused


async def test_a_crash_right_after_something_by_hand(
    house: House, hass_storage: dict[str, Any], freezer: Any
) -> None:
    """What someone sets by hand is stored at once; polls and prices store no more often."""

    def stored() -> Any:
        return hass_storage["hmm.strategy"]

    def kept(part: str, key: str) -> Any:
        return stored()["data"][part][key]

    strategy = await house.follow(25)
    await house.wait(6)
    before = stored()
    await house.poll(times=3)
    house.price(25.5)
    await house.hass.async_block_till_done()
    assert stored() is before
    await house.override(strategy, "Expensive")
    assert kept("strategies", strategy.id)["override"]["to"] == "band_dear"
    crashed = deepcopy(stored())
    async with house.down():
        hass_storage["hmm.strategy"] = crashed
    await house.begin()
    assert house.device.paused
    strategy = house.manager.strategies[strategy.id]
    assert house.state_of(strategy, "select", "override").state == "Expensive"
    # The same for one miner, for its return, and for the strategy itself
    await house.wait(6)
    await house.mine(True)
    await house.poll(times=2)
    await house.hass.async_block_till_done()
    assert kept("miners", house.entry.entry_id)["manual"]["ends"] == "next_change"
    await house.resume()
    assert kept("miners", house.entry.entry_id)["manual"] is None
    await house.switch(strategy, False)
    assert kept("strategies", strategy.id)["enabled"] is False


async def test_autotune_is_left_alone(house: House, freezer: Any) -> None:
    """Given a walk, then its points are no foreign hand, and no band ends it."""
    strategy = await house.follow(25)
    miner = house.miner
    assert miner.tuning.current == "eco"
    await miner.autotune.async_start(Caps(max_power=30))
    assert miner.autotune.is_running
    record = miner.autotune.record
    record.walk = replace(record.walk, point=record.walk.point._replace(frequency=490))
    house.device.settings["frequency"] = 490
    await house.poll(times=3)
    assert miner.tuning.current == "custom"
    house.price(35)
    await house.wait(6)
    assert miner.autotune.is_running
    assert house.by() == "manual"
    assert house.event_of(strategy) != "overridden"
    assert house.manager.store.miners[house.entry.entry_id].manual is None
    await miner.autotune.async_stop()
    await house.settle_polls(1)
    assert house.device.paused
    assert house.by() == "price_bands"


async def test_a_reload_of_the_fleet_alone(house: House, freezer: Any) -> None:
    """Given a fleet that is set up again, then its miners are followed as before."""
    await house.follow(25)
    assert await house.hass.config_entries.async_reload(house.fleet.entry_id)
    await house.begin()
    await house.wait(6)
    await house.mine(False)
    await house.poll()
    await house.settle_polls(1)
    assert house.by() == "manual"


async def test_polls_alone_decide_and_write_nothing(house: House, freezer: Any) -> None:
    """Given readings that are noisy, then a steered miner is only looked at.

    What is counted and learned is written in a while.
    """
    strategy = await house.follow(25)
    store = house.manager.store
    memory = store.miners[house.entry.entry_id]
    for watts in (15.0, 16.0):
        memory.watts.learn("mode:eco", watts, watts * 1e11)
    await house.settle_polls(1)
    asked = strategy.decided_at
    for watts in (15.2, 15.4, 15.1, 15.3):
        memory.watts.learn("mode:eco", watts, watts * 1e11)
        freezer.tick(1)
        await house.settle_polls(1)
    assert strategy.decided_at == asked
    store._store._due = None
    house.manager._decide()
    assert store._store._due is None
    await house.poll()
    assert store._store._due is not None
    asked = strategy.decided_at
    freezer.tick(1)
    memory.watts.learn("mode:turbo", 30.0, 2e12)
    await house.settle_polls(1)
    assert strategy.decided_at > asked


async def test_the_miners_of_named_devices(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """A strategy has the miners of its devices, none of devices that are gone."""
    registry = dr.async_get(house.hass)
    device = dr.async_entries_for_config_entry(registry, house.entry.entry_id)[0]
    strategy = await house.add("price_bands", {**BANDS, "miners": [device.id, "gone"]})
    assert house.manager.is_member(house.entry.entry_id)
    house.change(strategy, {**BANDS, "miners": ["gone"]})
    await house.settle()
    assert not house.manager.is_member(house.entry.entry_id)
    assert "deprecated" not in caplog.text


async def test_a_miner_that_is_removed_is_forgotten(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """Given a miner that goes, then the file of the strategies has it no more."""
    await house.follow(25)
    await house.manager.store.async_save()
    assert house.entry.entry_id in hass_storage["hmm.strategy"]["data"]["miners"]
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert house.entry.entry_id not in hass_storage["hmm.strategy"]["data"]["miners"]


async def test_a_miner_that_is_removed_without_the_fleet(house: House) -> None:
    """It is forgotten as well: nothing is decided for it when the fleet is back."""
    await house.follow(25)
    assert house.entry.entry_id in house.manager.controls
    fleet = house.fleet
    await house.hass.config_entries.async_unload(fleet.entry_id)
    await house.hass.config_entries.async_remove(house.entry.entry_id)
    await house.hass.config_entries.async_setup(fleet.entry_id)
    await house.begin()
    assert house.entry.entry_id not in house.manager.controls


async def test_the_plan_of_today_and_tomorrow(house: House, freezer: Any) -> None:
    """Given prices ahead, then the band tells the band of each, none held, none old."""
    freezer.move_to("2026-11-28T10:20:00+00:00")
    await house.hass.config.async_update(currency="EUR", time_zone="Europe/Berlin")
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
        house.hass.states.async_set(
            PRICE, str(prices[34]), attributes, force_update=True
        )

    show()
    strategy = await house.add("price_bands", BANDS)
    band = house.state_of(strategy, "sensor", "band")
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
    assert [item[3] for item in plan[1:20]] == ["Normal"] + ["Cheap"] * 11 + [
        "Normal"
    ] * 6 + ["Expensive"]
    assert plan[12][2] == 19.9
    show()
    await house.begin()
    assert strategy.plan is plan
    by_hours = [
        {"id": "a", "band_name": "Low", "cheapest": 4.0, "rung": "highest"},
        {"id": "b", "band_name": "Rest"},
    ]
    data = {**BANDS, "by": "hours", "bands": by_hours}
    house.change(strategy, data)
    await house.settle()
    band = house.state_of(strategy, "sensor", "band")
    assert band.attributes["rungs"] == {"Low": "highest", "Rest": "leave"}
    assert band.attributes["limits"] == {}
    assert [item[3] for item in band.attributes["plan"]].count("Low") == 8
    house.price(25)
    await house.settle()
    assert house.state_of(strategy, "sensor", "band").attributes["plan"] == []


@pytest.fixture
async def accounts(house: House) -> AsyncIterator[list[str]]:
    """Return two accounts; the clock runs on: another pool restarts the miner."""
    house.device.reboot_seconds, house.device.restart_delay = 0.2, 0.1
    async with SimulatedSolopool(generation=1, speed=0) as simulated:
        mine = await set_up(house.hass, pool_entry(simulated, title="Mine"))
        other = await set_up(house.hass, pool_entry(simulated, "dgb1qother"))
        with freeze_time(tick=True) as house.freezer:
            yield [mine.entry_id, other.entry_id]


def mines_for_other(house: House) -> bool:
    """Return whether a miner mines for the second account."""
    user = str(house.device.pools[0]["stratumUser"])
    return user.partition(".")[0] == "dgb1qother"


async def test_the_pool_of_a_band(house: House, accounts: list[str]) -> None:
    """It is set also where the band has the same mode, once; a paused miner has none."""
    first, second = accounts
    bands = [
        {"id": "a", "band_name": "A", "upto": 20.0, "rung": "normal", "pool": first},
        {"id": "b", "band_name": "B", "upto": 30.0, "rung": "normal", "pool": second},
        {"id": "c", "band_name": "C", "rung": "off", "pool": second},
    ]
    await house.follow(10, {**BANDS, "bands": bands})
    assert not mines_for_other(house)
    await house.wait(6)
    house.price(25)
    await house.wait(6)
    await house.poll()
    assert mines_for_other(house)
    assert house.mode == "standard"
    boots = house.device.boots
    for _ in range(3):
        await house.wait(10)
    assert house.device.boots == boots
    house.price(10)
    await house.wait(6)
    assert not mines_for_other(house)
    house.price(35)
    await house.wait(6)
    assert house.device.paused
    assert not mines_for_other(house)


async def test_the_pool_of_a_band_that_leaves_the_mode_alone(
    house: House, accounts: list[str]
) -> None:
    """It is set once, tried again where it was refused; the mode stays the owner's."""
    first, second = accounts
    bands = [
        {"id": "a", "band_name": "A", "upto": 20.0, "rung": "leave", "pool": first},
        {"id": "b", "band_name": "B", "rung": "leave", "pool": second},
    ]
    strategy = await house.follow(10, {**BANDS, "bands": bands})
    assert not mines_for_other(house)
    await house.set_mode("turbo")
    await house.wait(6)
    house.price(25)
    house.device.refuse_address = True
    await house.wait(6)
    assert not mines_for_other(house)
    assert house.event_of(strategy) == "refused"
    house.device.refuse_address = False
    await house.poll()
    await house.wait(6)
    await house.poll()
    assert mines_for_other(house)
    assert house.mode == "turbo"
    assert house.by() == "nothing"
    boots = house.device.boots
    for _ in range(3):
        await house.wait(10)
    assert house.device.boots == boots


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
        *((item, "one") for item in (0, 5, 15)),
        *((item, "two") for item in (40, 45, 55)),
    ]
    assert "not_obeying" in reasons


@pytest.mark.parametrize(
    ("hold", "until"), [("4h", "14:20:00+00:00"), ("midnight", "23:00:00+00:00")]
)
async def test_by_hand_until_a_time(
    home: HomeAssistant, freezer: Any, hold: str, until: str
) -> None:
    """For hours, or until the day ends where Home Assistant is."""
    freezer.move_to("2026-11-28T10:20:00+00:00")
    await home.config.async_update(time_zone="Europe/Berlin")
    manual = manual_of({"manual_hold": hold}, dt_util.utcnow(), "band")
    assert manual == Manual("time", datetime.fromisoformat(f"2026-11-28T{until}"))


async def test_by_hand_until_it_is_released(house: House, freezer: Any) -> None:
    """It says so, and a record of before, when it had another name, is read."""
    house.options(manual_hold="released")
    strategy = await house.follow(35)
    await house.wait(6)
    await house.override(strategy, "Cheap")
    status = house.status(strategy).attributes
    # By the name that was chosen, which is also that of the band
    said = "Set to Cheap by hand until you return it to automatic."
    assert status["explanation"].endswith(said)
    assert status["values"] == {"rung": "band:Cheap", "until": None, "ends": "released"}
    stored = {"ends": "never", "until": None, "against": None}
    assert Manual.from_dict(stored).ends == "released"
