"""Actions on many miners: what is done, refused, kept, and what the response says."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
import time
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.const import (
    EVENT_HOMEASSISTANT_FINAL_WRITE,
    STATE_OFF,
    STATE_ON,
    STATE_UNAVAILABLE,
)
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.fleet import commands, services
from custom_components.hmm.miner.coordinator import MinerCoordinator
from custom_components.hmm.miner.kept import Kept
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.httpd import Request, Response
from tests.common import (
    act,
    find,
    find_id,
    fleet_entry,
    later,
    poll,
    pool_entry,
    refused,
    until,
)
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

KEYS = {
    *("device", "device_id", "success", "result", "previous", "value"),
    *("seconds", "reason", "error"),
}


def device(hass: HomeAssistant, entry: ConfigEntry[Any]) -> str:
    """Return the id of an entry's own device."""
    found = dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, entry.unique_id or ""), entry.entry_id
    )
    assert found is not None
    return found.id


async def run(
    hass: HomeAssistant, action: str, *entries: ConfigEntry[Any], **data: Any
) -> dict[str, dict[str, Any]]:
    """Run an action on miners and return what became of each."""
    target = {"device_id": [device(hass, entry) for entry in entries]}
    response: Any = await hass.services.async_call(
        DOMAIN, action, target | data, blocking=True, return_response=True
    )
    summary, miners = response["summary"], response["miners"]
    assert summary.pop("total") == len(miners) == sum(summary.values())
    assert all(miner.keys() == KEYS for miner in miners)
    return {miner["device"]: miner for miner in miners}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


@pytest.fixture
async def four(
    home: HomeAssistant,
) -> AsyncIterator[list[tuple[SimulatedAxeOS, ConfigEntry[Any]]]]:
    """Set up four Bitaxes."""
    axes = [
        SimulatedAxeOS(name=f"axe-{number}", reboot_seconds=0.2, restart_delay=0.1)
        for number in range(4)
    ]
    for axe in axes:
        await axe.start()
    yield [
        (axe, await set_up(home, miner_entry(axe, "bitaxe", title=f"Axe {number}")))
        for number, axe in enumerate(axes)
    ]
    for axe in axes:
        await axe.stop()


# Each action


async def test_pause_and_resume(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """The response has the state before and after, and nothing is sent twice."""
    paused = (await run(home, "pause", entry))["Axe"]
    assert bitaxe.paused
    assert (paused["result"], paused["previous"], paused["value"]) == (
        *("done", "mining", "paused"),
    )
    assert paused["device_id"] == device(home, entry)
    assert paused["error"] is paused["reason"] is None
    again = (await run(home, "pause", entry))["Axe"]
    assert (again["result"], again["success"], again["seconds"]) == ("already", True, 0)
    assert bitaxe.counters.by_path["POST /api/system/pause"] == 1
    resumed = (await run(home, "resume", entry))["Axe"]
    assert (resumed["result"], resumed["value"]) == ("done", "mining")
    assert not bitaxe.paused


async def test_pause_by_the_plug(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A miner that is linked to a plug is paused by it; one that sticks, or is gone, is a failure."""
    works = True

    async def switch(call: ServiceCall) -> None:
        if works:
            on = call.service == "turn_on"
            home.states.async_set("switch.plug", STATE_ON if on else STATE_OFF)

    home.states.async_set("switch.plug", STATE_ON)
    entry = await set_up(
        home,
        miner_entry(bitaxe, "bitaxe", title="Axe", options={"plug": "switch.plug"}),
    )
    for action in ("turn_on", "turn_off"):
        home.services.async_register("switch", action, switch)
    assert (await run(home, "resume", entry))["Axe"]["result"] == "already"
    assert (await run(home, "pause", entry))["Axe"]["result"] == "done"
    assert home.states.get("switch.plug").state == STATE_OFF  # type: ignore[union-attr]
    works = False
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "_PLUG_SECONDS", 0.1)
        for state, action in (
            (STATE_OFF, "resume"),
            (STATE_UNAVAILABLE, "resume"),
            (STATE_UNAVAILABLE, "pause"),
        ):
            home.states.async_set("switch.plug", state)
            stuck = (await run(home, action, entry))["Axe"]
            assert (stuck["result"], stuck["reason"]) == ("failed", "plug_not_switched")

    error: BaseException = OSError("no radio")

    async def fail(call: ServiceCall) -> None:
        raise error

    home.services.async_register("switch", "turn_off", fail)
    home.states.async_set("switch.plug", STATE_ON)
    async with SimulatedAxeOS() as second:
        other = await set_up(home, miner_entry(second, "bitaxe", title="Other"))
        both = await run(home, "pause", entry, other)
        assert both["Axe"]["reason"] == "plug_not_switched"
        assert both["Other"]["result"] == "done"
        # The plug is reloaded while its answer is awaited
        error = asyncio.CancelledError()
        both = await run(home, "pause", entry, other)
        assert both["Axe"]["reason"] == "plug_not_switched"
        assert both["Other"]["result"] == "already"
    assert not bitaxe.paused


async def test_resume_while_it_is_too_hot(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Safety goes first: it is refused with the reason."""
    bitaxe.settings["overheat_mode"] = 1
    await poll(home, entry)
    reported = (await run(home, "resume", entry))["Axe"]
    assert (reported["result"], reported["reason"]) == ("refused", "overheat")
    assert reported["error"].startswith("Axe is too hot")


async def test_restart_waits_until_it_is_back(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Done means that it has restarted."""
    assert (await run(home, "restart", entry))["Axe"]["result"] == "done"
    assert bitaxe.boots == 2
    assert entry.runtime_data.last_update_success


async def test_a_restart_that_is_accepted_and_not_done(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A device that says yes and runs on has failed; so has one that stays away."""
    monkeypatch.setattr(MinerCoordinator, "restart_seconds", 0.5)

    def ignored(request: Request) -> Response:
        return Response()

    routes = bitaxe.routes()
    bitaxe._routes = {**routes, "POST /api/system/restart": ignored}
    reported = (await run(home, "restart", entry))["Axe"]
    assert (reported["result"], reported["reason"]) == ("failed", "restart_not_applied")
    assert bitaxe.boots == 1

    bitaxe._routes = routes
    bitaxe.reboot_seconds = 5
    reported = (await run(home, "restart", entry))["Axe"]
    assert (reported["result"], reported["reason"]) == ("failed", "restart_lost")


async def test_what_a_miner_cannot_do(home: HomeAssistant) -> None:
    """Each action is refused by itself, and says so in a sentence."""
    async with (
        SimulatedNMMiner(udp=False, http=True, version="v2.0.03") as lotto,
        SimulatedAxeOS(generation="2.4") as old,
        SimulatedAvalon() as avalon,
    ):
        entries = [
            await set_up(
                home,
                miner_entry(lotto, "nmminer", lotto.hostname.lower(), title="Lotto"),
            ),
            await set_up(home, miner_entry(old, "bitaxe", title="Old")),
            await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano")),
        ]
        for action, data in {
            "set_mode": {"mode": "warp"},
            "pause": {},
            "identify": {},
        }.items():
            if action == "identify":
                # It lets its screen flash (POST /api/swarm/find)
                assert (await run(home, action, entries.pop(0)))["Lotto"]["success"]
                assert lotto.counters.by_path["POST /api/swarm/find"] == 1
            reported = await run(home, action, *entries, **data)
            refused = {name: it["reason"] for name, it in reported.items()}
            assert {item["result"] for item in reported.values()} == {"refused"}, action
            assert all(item["error"] for item in reported.values())
            no_mode = dict.fromkeys(("Old", "Nano"), "no_such_mode")
            assert refused == (
                {"Lotto": "not_supported"} | no_mode
                if action == "set_mode"
                else dict.fromkeys(reported, "not_supported")
            )
        assert old.writes == []


async def test_a_mode_that_is_accepted_and_not_applied(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A device that answers 200 and does nothing has failed, and says what it has."""

    def ignored(request: Request) -> Response:
        return Response()

    bitaxe._routes = {**bitaxe.routes(), "PATCH /api/system": ignored}
    reported = (await run(home, "set_mode", entry, mode="eco"))["Axe"]
    assert (reported["result"], reported["reason"]) == ("failed", "mode_not_applied")
    assert (reported["previous"], reported["value"]) == ("standard", "standard")


async def test_a_miner_that_takes_for_ever(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It has its time and no more; the others have theirs."""
    monkeypatch.setattr(commands, "_LIMIT_SECONDS", 0.3)
    bitaxe.fault = Fault.SILENT
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("custom_components.hmm.driver_engine.client._POLL_SECONDS", 0.5)
        reported = (await run(home, "set_mode", entry, mode="eco"))["Axe"]
    assert (reported["result"], reported["reason"]) == ("failed", "took_too_long")


async def test_two_writers_at_once(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """One command goes after the other: the last one counts, none is mixed."""
    await asyncio.gather(
        *(run(home, "set_mode", entry, mode=mode) for mode in ("eco", "turbo", "oc"))
    )
    points = [(write["frequency"], write["coreVoltage"]) for write in bitaxe.writes]
    assert points == [(400, 1100), (600, 1200), (625, 1250)]
    assert find(home, entry, "select", "mode").state == "oc"


# Many


async def test_no_more_at_once_than_asked_for(
    home: HomeAssistant, four: list[tuple[SimulatedAxeOS, ConfigEntry[Any]]]
) -> None:
    """With one at a time, the second is not asked before the first has answered."""
    first, *others = four
    first[0].fault = Fault.SILENT
    task = asyncio.create_task(
        run(home, "set_mode", *(item[1] for item in four), mode="eco", parallel=1)
    )
    await asyncio.sleep(0.3)
    assert not any(axe.writes for axe, _ in four)
    first[0].fault = None
    await first[0].unplug()  # who waits for its answer knows now
    await first[0].plug_in()
    reported = await task
    assert all(axe.writes for axe, _ in others)
    assert [reported[other[1].title]["result"] for other in others] == ["done"] * 3


async def test_restarts_are_staggered(
    home: HomeAssistant, four: list[tuple[SimulatedAxeOS, ConfigEntry[Any]]]
) -> None:
    """Between two starts there is the time that was asked for."""
    started = time.monotonic()
    data = {"stagger": {"milliseconds": 300}, "parallel": 20}
    reported = await run(home, "restart", *(item[1] for item in four), **data)
    assert [item["result"] for item in reported.values()] == ["done"] * 4
    assert time.monotonic() - started >= 0.9
    assert [axe.boots for axe, _ in four] == [2] * 4


async def test_the_fleet_means_all_miners(
    home: HomeAssistant, four: list[tuple[SimulatedAxeOS, ConfigEntry[Any]]]
) -> None:
    """Its device in the target is every miner; pools are passed over."""
    async with SimulatedSolopool(speed=0) as pool:
        account = await set_up(home, pool_entry(pool))
        reported = await run(home, "set_mode", fleet_entry(home), account, mode="eco")
        assert set(reported) == {f"Axe {number}" for number in range(4)}
        with refused("no_miners_targeted"):
            await run(home, "set_mode", account, mode="eco")


async def test_a_miner_that_is_not_set_up_is_in_the_response(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """One whose driver is missing is unreachable, with the reason."""
    bitaxe_id = device(home, entry)
    home.config_entries.async_update_entry(entry, data={**entry.data, "driver": "gone"})
    await home.config_entries.async_reload(entry.entry_id)
    response: Any = await home.services.async_call(
        DOMAIN, "pause", {"device_id": bitaxe_id}, blocking=True, return_response=True
    )
    (reported,) = response["miners"]
    assert (reported["result"], reported["reason"]) == ("unreachable", "driver_missing")
    assert "gone" in reported["error"]


async def test_a_miner_that_is_being_set_up_is_waited_for(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given an entry that is set up again, then its miner is not left out."""
    bitaxe.fault = Fault.SILENT
    reload = home.async_create_task(home.config_entries.async_reload(entry.entry_id))
    await until(lambda: entry.state is ConfigEntryState.SETUP_IN_PROGRESS)
    with monkeypatch.context() as patch:
        patch.setattr(services, "_RELOAD_SECONDS", 0)
        late = (await run(home, "pause", entry))["Axe"]
    assert (late["result"], late["reason"]) == ("unreachable", "no_response")
    assert late["error"].startswith("No response from Axe.")
    call = home.async_create_task(run(home, "pause", entry))
    bitaxe.fault = None
    assert (await call)["Axe"]["result"] == "done"
    assert bitaxe.paused
    await reload


# Kept for a miner that is off


async def test_the_status_shows_what_is_kept(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Its owner sees what is going to happen, and until when."""
    await bitaxe.unplug()
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)
    (kept,) = find(home, entry, "sensor", "status").attributes["kept"]
    assert (kept["action"], kept["value"]) == ("set_mode", "eco")
    assert kept["until"] == entry.runtime_data.kept["mode"].until.isoformat()
    await bitaxe.plug_in()
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert find(home, entry, "sensor", "status").attributes["kept"] == []


async def test_a_pool_that_it_mines_at_is_not_set_again(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A restart for nothing is spared."""
    async with SimulatedSolopool(speed=0) as pool:
        account = await set_up(home, pool_entry(pool, title="Mine"))
        for result, boots in (("done", 2), ("already", 2)):
            reported = await run(home, "set_pool", entry, pool=account.entry_id)
            assert reported["Axe"]["result"] == result
            assert bitaxe.boots == boots


async def test_kept_until_it_is_back(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A miner that is off does it when it is back; kept alone is no failure."""
    await bitaxe.unplug()
    reported = (await run(home, "set_mode", entry, mode=["low", "eco"], keep_for=3600))[
        "Axe"
    ]
    assert (reported["result"], reported["success"]) == ("kept", False)
    assert (reported["reason"], reported["value"]) == ("refused", "low, eco")
    assert reported["error"].startswith("Off; kept until ")
    target = {"device_id": device(home, entry)}
    await home.services.async_call(
        DOMAIN, "pause", target | {"keep_for": "01:00:00"}, blocking=True
    )
    assert {kind: it.action for kind, it in entry.runtime_data.kept.items()} == {
        "mode": "set_mode",
        "mining": "pause",
    }

    await bitaxe.plug_in()
    await poll(home, entry)
    await until(lambda: not entry.runtime_data.kept)
    await home.async_block_till_done(wait_background_tasks=True)
    assert bitaxe.settings["frequency"] == 400
    assert bitaxe.paused


@pytest.mark.parametrize("started", [True, False])
async def test_a_kept_restart(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    started: bool,
) -> None:
    """Given a miner that was only out of reach, it restarts; one that was off has done."""
    bitaxe.fault = Fault.RESET
    reported = (await run(home, "restart", entry, keep_for=3600))["Axe"]
    assert (reported["result"], reported["value"]) == ("kept", None)
    kept = get_data(home).kept[entry.entry_id].commands
    assert list(kept) == ["restart"]
    uptime = entry.runtime_data.data.uptime
    shift = timedelta(seconds=-uptime - 60 if started else 0)
    kept["restart"] = replace(kept["restart"], since=dt_util.utcnow() + shift)
    boots = bitaxe.boots
    bitaxe.fault = None
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert not entry.runtime_data.kept
    assert bitaxe.boots == boots + (not started)


async def test_kept_over_a_restart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What is kept is written at once, and is there after a crash."""
    await bitaxe.unplug()
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)
    await home.config_entries.async_unload(entry.entry_id)
    records = get_data(home).kept
    records._records.clear()
    await records.async_load()
    await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    assert list(entry.runtime_data.kept) == ["mode"]

    await bitaxe.plug_in()
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert bitaxe.settings["frequency"] == 400
    assert not entry.runtime_data.kept
    home.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await home.async_block_till_done()
    records._records.clear()
    await records.async_load()
    assert not entry.runtime_data.kept


async def test_a_newer_command_takes_the_place(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Of two modes that are kept only the last is set; a pause is another thing."""
    await bitaxe.unplug()
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)
    await run(home, "pause", entry, keep_for=3600)
    await run(home, "set_mode", entry, mode="turbo", keep_for=3600)
    # One that is not to be kept is newer, too
    await run(home, "resume", entry)
    assert {kind: it.value for kind, it in entry.runtime_data.kept.items()} == {
        "mode": "turbo"
    }
    await bitaxe.plug_in()
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert [write["frequency"] for write in bitaxe.writes] == [600]
    assert not bitaxe.paused


async def test_a_change_by_hand_takes_the_place(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What the owner does is newer."""
    await bitaxe.unplug()
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)
    select = find_id(home, entry, "select", "mode")
    component = home.data["entity_components"]["select"].get_entity(select)
    await bitaxe.plug_in()
    await component.async_select_option("turbo")
    await home.async_block_till_done(wait_background_tasks=True)
    assert find(home, entry, "select", "mode").state == "turbo"
    assert not entry.runtime_data.kept


async def test_too_late(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    freezer: Any,
) -> None:
    """A miner that is back after the end is left alone."""
    await bitaxe.unplug()
    reported = (await run(home, "set_mode", entry, mode="eco", keep_for=0))["Axe"]
    assert reported["result"] == "unreachable"
    await run(home, "set_mode", entry, mode="eco", keep_for=60)
    await bitaxe.plug_in()
    freezer.tick(timedelta(seconds=61))
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert bitaxe.writes == []
    assert not entry.runtime_data.kept


async def test_a_miner_that_calibrates_when_it_is_back(home: HomeAssistant) -> None:
    """What it refuses for now is tried again at the next poll."""
    async with SimulatedAvalon() as avalon:
        entry = await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        await avalon.unplug()
        await run(home, "set_mode", entry, mode="low", keep_for=3600)
        await avalon.plug_in()
        avalon.calibrating = True
        await poll(home, entry)
        await home.async_block_till_done(wait_background_tasks=True)
        assert list(entry.runtime_data.kept) == ["mode"]
        reported = (await run(home, "set_mode", entry, mode="medium", keep_for=3600))[
            "Nano"
        ]
        assert (reported["result"], reported["reason"]) == ("refused", "calibrating")
        # That was newer, and refused
        assert not entry.runtime_data.kept
        avalon.calibrating = False


async def test_what_is_refused_when_it_is_back_is_told(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is dropped, and the log says why."""
    await bitaxe.unplug()
    # What it cannot do is not kept
    reported = (await run(home, "set_mode", entry, mode="warp", keep_for=3600))["Axe"]
    assert (reported["result"], reported["reason"]) == ("refused", "no_such_mode")
    assert not entry.runtime_data.kept
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)

    def ignored(request: Request) -> Response:
        return Response()

    bitaxe._routes = {**bitaxe.routes(), "PATCH /api/system": ignored}
    await bitaxe.plug_in()
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert not entry.runtime_data.kept
    assert "Axe is back, but set_mode was not done: 127.0.0.1 acc" in caplog.text


async def test_an_entry_that_is_reloaded_in_the_middle_of_it(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What was kept is done after that."""
    await bitaxe.unplug()
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)
    await bitaxe.plug_in()
    await entry.runtime_data.async_refresh()
    bitaxe.fault = Fault.SILENT
    await home.config_entries.async_unload(entry.entry_id)
    assert list(get_data(home).kept[entry.entry_id].commands) == ["mode"]
    bitaxe.fault = None
    await home.config_entries.async_setup(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    await until(lambda: not entry.runtime_data.kept)
    assert bitaxe.settings["frequency"] == 400


async def test_what_another_version_kept_is_dropped(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """An action that is unknown harms nothing."""
    await bitaxe.unplug()
    await run(home, "set_mode", entry, mode="eco", keep_for=3600)
    commands_ = get_data(home).kept[entry.entry_id].commands
    object.__setattr__(commands_["mode"], "action", "fly")
    await bitaxe.plug_in()
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert not entry.runtime_data.kept
    assert bitaxe.writes == []


async def test_nothing_secret_is_shown_of_a_pool(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What is kept of a pool is its name or its address."""
    await bitaxe.unplug()
    data = {"url": "eu1.solopool.org:8004", "username": "dgb1qsecret.axe"}
    reported = await run(home, "set_pool", entry, keep_for=3600, **data)
    assert reported["Axe"]["value"] == "eu1.solopool.org:8004"
    assert "dgb1qsecret" not in str(reported) + repr(entry.runtime_data.kept)
    async with SimulatedSolopool(speed=0) as pool:
        account = await set_up(home, pool_entry(pool, title="Mine"))
        reported = await run(
            home, "set_pool", entry, keep_for=3600, pool=account.entry_id
        )
        assert reported["Axe"]["value"] == "Mine"
    await bitaxe.plug_in()
    await later(home, 60)
    await until(lambda: not entry.runtime_data.kept)
    await home.async_block_till_done(wait_background_tasks=True)
    mined = bitaxe.active_pool
    assert mined is not None
    assert (mined["stratumURL"], mined["stratumPort"]) == ("eu1.solopool.org", 8004)


async def test_a_miner_that_leaves_before_its_turn(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """One that is removed gets nothing, and is not kept; one that is reloaded does it."""
    async with SimulatedAxeOS() as second, SimulatedAxeOS() as third:
        reloaded = await set_up(home, miner_entry(second, "bitaxe", title="Reloaded"))
        removed = await set_up(home, miner_entry(third, "bitaxe", title="Removed"))
        call = home.async_create_task(
            run(home, "pause", entry, reloaded, removed, stagger=1, keep_for=3600)
        )
        await until(lambda: bitaxe.paused)
        await home.config_entries.async_remove(removed.entry_id)
        home.config_entries.async_schedule_reload(reloaded.entry_id)
        found = await call
        assert found["Reloaded"]["result"] == "done"
        assert second.paused
        assert (found["Removed"]["result"], found["Removed"]["reason"]) == (
            "refused",
            "miner_left",
        )
        assert get_data(home).kept.get(removed.entry_id) is None


async def test_a_reload_ends_the_wait_for_a_restart(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Nobody polls for the old entry any more, and a second restart is not sent."""
    bitaxe.reboot_seconds = 2.0
    call = home.async_create_task(run(home, "restart", entry))
    await until(lambda: bitaxe.counters.by_path["POST /api/system/restart"] == 1)
    (again,) = (await run(home, "restart", entry)).values()
    assert (again["result"], again["reason"]) == ("refused", "busy")
    assert bitaxe.counters.by_path["POST /api/system/restart"] == 1
    await home.config_entries.async_reload(entry.entry_id)
    (found,) = (await call).values()
    assert found["reason"] == "miner_left"


@pytest.mark.parametrize(
    "kept",
    [
        {"action": "restart", "data": {}},
        {"action": "set_mode", "data": {}},
        {"action": "set_mode", "data": {"mode": 5}},
        {"action": "fly", "data": {}},
    ],
)
async def test_a_kept_command_that_somebody_edited(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any], kept: Any
) -> None:
    """It is dropped at the first poll, and nothing is sent."""
    until_then = dt_util.utcnow() + timedelta(hours=1)
    get_data(home).kept[entry.entry_id].commands["mode"] = Kept(
        **kept, value=None, until=until_then
    )
    bitaxe.counters.reset()
    await poll(home, entry)
    await home.async_block_till_done(wait_background_tasks=True)
    assert not entry.runtime_data.kept
    assert not bitaxe.writes


async def test_the_switch_drops_what_is_kept(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A pause that waits is obsolete once the owner has switched it on."""
    await bitaxe.unplug()
    await run(home, "pause", entry, keep_for=3600)
    registry = er.async_get(home)
    switch = registry.async_get_entity_id("switch", DOMAIN, f"{entry.unique_id}_mining")
    assert switch is not None
    await bitaxe.plug_in()
    component = home.data["entity_components"]["switch"].get_entity(switch)
    await component.async_turn_on()
    await home.async_block_till_done(wait_background_tasks=True)
    assert not entry.runtime_data.kept
    assert not bitaxe.paused
    await act(home, "switch", "turn_off", switch)
    assert bitaxe.paused
