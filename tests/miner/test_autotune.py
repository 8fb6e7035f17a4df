"""Autotune in Home Assistant, judged by the physics of the simulators.

``pytest -s -k finds_the_best`` prints the table of docs/tuning.md.
"""

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
import json
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine import client
from custom_components.hmm.miner import autotune
from custom_components.hmm.miner.autotune import Autotune, AutotuneRecord, AutotuneState
from custom_components.hmm.miner.profiles import Settings, TuningProfile
from custom_components.hmm.miner.walk import Caps, Goal, Point, Verdict
from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNerdQAxe, SimulatedNMAxe
from simulator.device import Fault
from simulator.physics import Miner, Silicon
from tests.common import act, devices, find, find_id, find_maybe, poll, refused
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

type Device = SimulatedAxeOS | SimulatedNerdQAxe

QUICK: dict[str, Any] = {"minutes_per_point": 5}


@dataclass
class Clock:
    """The time of chips and of autotune."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return seconds."""
        return self.now


@dataclass
class Bench:
    """A miner on a bench: what it really does is noted at each poll."""

    home: HomeAssistant
    device: Device
    clock: Clock
    entry: ConfigEntry[Any]
    hottest: float = 0.0
    most_power: float = 0.0
    loudest: float = 0.0
    points: list[Point] = field(default_factory=list)

    @property
    def autotune(self) -> Autotune:
        """Return what is tested."""
        autotune: Autotune = self.entry.runtime_data.autotune
        return autotune

    @property
    def point(self) -> Point:
        """Return where the miner is."""
        settings = self.device.settings
        return Point(settings["frequency"], settings["coreVoltage"])

    async def start(self, **wanted: Any) -> None:
        """Start autotune by its action."""
        await self.home.services.async_call(
            DOMAIN,
            "start_autotune",
            {"device_id": [device.id for device in devices(self.home, self.entry)]}
            | QUICK
            | wanted,
            blocking=True,
        )

    async def go_on(
        self, polls: int = 2000, until: Callable[[], bool] | None = None
    ) -> int:
        """Poll until autotune has ended, or so many times; return how many."""
        for number in range(polls):
            if not self.autotune.is_running or (until is not None and until()):
                return number
            for _ in range(3):
                # Also between two polls nothing may be too hot
                self.clock.now += 10
                reading = self.device.miner.read()
                self.hottest = max(self.hottest, reading.temperature)
                self.most_power = max(self.most_power, reading.power)
                self.loudest = max(self.loudest, reading.fan)
            if not self.points or self.points[-1] != self.point:
                self.points.append(self.point)
            await poll(self.home, self.entry)
            await self.home.async_block_till_done(wait_background_tasks=True)
        return polls

    def state(self) -> tuple[str, str | None]:
        """Return what the sensor shows."""
        shown = find(self.home, self.entry, "sensor", "autotune")
        return shown.state, shown.attributes["reason"]


def wire(device: Device, clock: Clock, **options: Any) -> None:
    """Let a device live by the clock of the test."""
    device.miner = Miner(device.board.silicon(), clock=clock, seed=7, **options)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return a clock that only the test moves."""
    clock = Clock()
    monkeypatch.setattr(Autotune, "clock", clock)
    return clock


@pytest.fixture
async def bench(home: HomeAssistant, bitaxe: SimulatedAxeOS, clock: Clock) -> Bench:
    """Return a Gamma in its stride."""
    await bitaxe.unplug()
    wire(bitaxe, clock)
    await bitaxe.plug_in()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    return Bench(home, bitaxe, clock, entry)


def events(bench: Bench) -> list[tuple[str, Any]]:
    """Return a list that gets each event of the tuning."""
    result: list[tuple[str, Any]] = []
    event_id = find_id(bench.home, bench.entry, "event", "tuning")

    @callback
    def note(event: Any) -> None:
        new = event.data["new_state"]
        if event.data["entity_id"] == event_id and new is not None:
            facts = new.attributes
            value = facts.get("reason") or facts.get("profiles") or facts.get("profile")
            result.append((facts["event_type"], value))

    bench.home.bus.async_listen("state_changed", note)
    return result


# What it finds


@cache
def truth(silicon: Silicon, point: Point) -> tuple[float, float, float, float]:
    """Return H/s, W, °C and percent of errors of a point in the long run, without noise."""
    clock = Clock()
    miner = Miner(replace(silicon, noise=0.0), clock=clock, age=0)
    miner.fan_auto(60, 25)
    miner.boot()
    miner.frequency, miner.voltage = point
    for _ in range(200):
        clock.now += 10
        miner.settle()
    reading = miner.read()
    return (
        reading.hashrate,
        reading.power,
        reading.temperature,
        reading.error_percent,
    )


def best(bench: Bench, goal: Goal, caps: Caps, *, has_errors: bool) -> Point:
    """Return the best point of the lists: by trying all of them on the bare physics."""
    board = bench.device.board
    asic = getattr(board, "asic", None)
    frequencies, voltages = (
        (board.frequencies, board.voltages)  # type: ignore[union-attr]
        if not hasattr(asic, "frequencies")
        else (asic.frequencies, asic.voltages)
    )
    points = {
        point: truth(board.silicon(), point)
        for frequency in frequencies
        for voltage in voltages
        if (point := Point(frequency, voltage))
    }
    good = {
        point: (rate, watts)
        for point, (rate, watts, celsius, errors) in points.items()
        if watts <= caps.max_power
        and celsius <= caps.max_temperature
        and (errors <= caps.max_error if has_errors else errors <= 6)
    }
    score: dict[Goal, Callable[[Point], float]] = {
        Goal.QUIET: lambda item: good[item][1],
        Goal.EFFICIENT: lambda item: good[item][1] / good[item][0],
        Goal.FAST: lambda item: -good[item][0],
    }
    return min(good, key=score[goal])


@pytest.mark.parametrize(
    ("kind", "driver", "generation", "model"),
    [
        (SimulatedAxeOS, "bitaxe", "2.15", "gamma"),
        (SimulatedAxeOS, "bitaxe", "2.12", "ultra"),
        (SimulatedAxeOS, "bitaxe", "2.14", "supra"),
        (SimulatedNerdQAxe, "nerdqaxe", "1.0.36", "nerdqaxe++"),
    ],
)
async def test_it_finds_the_best_points(
    home: HomeAssistant,
    clock: Clock,
    kind: type[Device],
    driver: str,
    generation: str,
    model: str,
) -> None:
    """Four models: what it finds is what the physics has, and no limit is exceeded."""
    device = kind(generation=generation, model=model)
    wire(device, clock)
    async with device:
        entry = await set_up(home, miner_entry(device, driver))
        bench = Bench(home, device, clock, entry)
        begun, requests = bench.point, device.counters.requests
        began = clock.now
        await bench.start(minutes_per_point=10)
        polls = await bench.go_on()
        assert bench.state() == ("done", None)
        assert bench.point == begun
        record = bench.autotune.record
        assert record.walk is not None
        assert record.caps is not None
        caps = record.caps
        assert bench.most_power <= caps.max_power
        assert bench.hottest <= caps.max_temperature
        row = []
        profiles = {
            profile.name: profile for profile in entry.runtime_data.tuning.profiles
        }
        assert set(profiles) == {"quiet", "efficient", "fast"}
        for goal in (Goal.QUIET, Goal.EFFICIENT, Goal.FAST):
            settings = profiles[goal].settings
            result = Point(
                settings["frequency"],  # type: ignore[arg-type]
                settings["core_voltage"],  # type: ignore[arg-type]
            )
            has_errors = "error" in record.walk.needs
            wanted = best(bench, goal, caps, has_errors=has_errors)
            steps = [
                abs(a - b)
                for a, b in zip(
                    record.walk.place(result), record.walk.place(wanted), strict=True
                )
            ]
            assert max(steps) <= 1, (goal, result, wanted)
            row.append(f"{result.frequency:g}/{result.core_voltage:g}")
            row.append(f"{wanted.frequency:g}/{wanted.core_voltage:g}")
        extra = device.counters.requests - requests - polls
        hours = (clock.now - began) / 3600
        print(  # noqa: T201
            f"| {model} | {' | '.join(row)} | {len(record.walk.tried)} of"
            f" {len(record.walk.frequencies) * len(record.walk.voltages)}"
            f" | {len(device.writes)} | {extra} | {hours:.1f} h"
            f" | {bench.most_power:.1f} of {caps.max_power:g} W"
            f" | {bench.hottest:.1f} of {caps.max_temperature:g} °C |"
        )
        # One write a point, two where both values change
        assert len(device.writes) <= len(record.walk.tried) + 3
        assert extra <= 6 * len(record.walk.tried) + 12


async def test_what_is_seen_of_it(bench: Bench) -> None:
    """It has entities from the first start on; its points are not the owner's."""
    home, entry = bench.home, bench.entry
    assert find_maybe(home, entry, "sensor", "autotune") is None
    assert find_maybe(home, entry, "button", "stop_autotune") is None
    bench.device.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    tuning = entry.runtime_data.tuning
    seen = events(bench)
    await bench.start()
    assert bench.state() == ("settling", None)
    status = find(home, entry, "sensor", "status")
    await bench.go_on(8)
    assert bench.state() == ("measuring", None)
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == ("tuning", "autotune")
    assert (status.attributes["step"], status.attributes["steps"]) == (1, 12)
    assert find(home, entry, "binary_sensor", "problem").state == "off"
    shown = find(home, entry, "sensor", "autotune").attributes
    assert (shown["step"], shown["steps"], shown["points"]) == (1, 12, [])
    left = shown["finishes"] - dt_util.utcnow()
    assert timedelta(hours=1.5) < left < timedelta(hours=1.7)
    await bench.go_on()
    assert bench.state() == ("done", None)
    assert tuning.own_point == {"frequency": 505, "core_voltage": 1120}
    assert bench.point == (505, 1120)
    shown = find(home, entry, "sensor", "autotune").attributes
    assert 5 < len(shown["points"]) <= 12
    point = shown["points"][0]
    assert point["verdict"] == Verdict.GOOD
    assert point["hashrate"] == pytest.approx(505 * 2040e-6, rel=0.02)
    assert point["efficiency"] == pytest.approx(
        point["power"] / point["hashrate"], 0.01
    )
    assert seen == [("autotune_finished", ["quiet", "efficient", "fast"])]
    # What it found can be chosen, and is found once more in its place
    await tuning.async_choose("efficient")
    assert seen[-1] == ("profile_applied", "efficient")
    assert find(home, entry, "select", "mode").state == "efficient"
    await bench.start(goal="quiet")
    await bench.go_on()
    assert [profile.name for profile in tuning.profiles] == [
        "efficient",
        "fast",
        "quiet",
    ]
    # Who looks for one thing gets it
    assert bench.point == (400, 1000)
    assert find(home, entry, "select", "mode").state == "quiet"


async def test_the_response_of_its_actions(bench: Bench) -> None:
    """It tells per miner what was done; what it has measured is an answer."""

    async def run(action: str, **data: Any) -> Any:
        target = {
            "device_id": [device.id for device in devices(bench.home, bench.entry)]
        }
        response = await bench.home.services.async_call(
            DOMAIN, action, target | data, blocking=True, return_response=True
        )
        assert response is not None
        return response["miners"][0]  # type: ignore[index, call-overload]

    assert (await run("stop_autotune"))["result"] == "already"
    assert (await run("get_tuning"))["autotune"]["state"] == "off"
    answer = await run("start_autotune", goal="fast", max_power=20, max_fan=60)
    assert (answer["result"], answer["value"]) == ("done", "settling")
    assert (await run("start_autotune"))["result"] == "already"
    record = bench.autotune.record
    assert record.caps == Caps(goal=Goal.FAST, max_power=20, max_fan=60)
    answer = await run("get_tuning")
    assert answer["autotune"] == {
        "state": "settling",
        "reason": None,
        "step": 1,
        "steps": 12,
        "points": [],
    }
    assert (await run("stop_autotune"))["value"] == "stopped"
    # The board is made for 40 W, whatever is asked for
    await run("start_autotune", max_power=500)
    assert record.caps == Caps(max_power=40)


# What goes wrong


async def midway(bench: Bench) -> None:
    """Go on until the miner is far from where it was."""
    await bench.start()
    await bench.go_on(until=lambda: bench.point == (490, 1060))
    assert bench.point == (490, 1060)


async def test_the_power_is_cut(bench: Bench) -> None:
    """What is in the flash is a point of the walk: it is undone when the miner is back."""
    seen = events(bench)
    await midway(bench)
    await bench.device.unplug()
    await bench.go_on(1)
    assert bench.state() == ("settling", None)
    await bench.go_on(3)
    assert bench.state() == ("returning", "no_response")
    assert not bench.autotune.is_busy
    assert bench.point == (490, 1060)
    await bench.device.plug_in()
    await bench.go_on(3)
    assert bench.state() == ("failed", "no_response")
    assert bench.point == (525, 1150)
    assert seen == [("autotune_aborted", "no_response")]


async def test_a_miner_that_accepts_and_does_not_do_it(bench: Bench) -> None:
    """It is left where it is, which is the start."""
    await bench.start()
    bench.device._store = lambda key, value: None  # type: ignore[method-assign, union-attr]
    await bench.go_on()
    assert bench.state() == ("failed", "not_applied")
    assert bench.point == (525, 1150)


async def test_a_miner_that_does_not_go_back(bench: Bench) -> None:
    """After three attempts it is said that it is not where it was."""
    await midway(bench)
    bench.device._store = lambda key, value: None  # type: ignore[method-assign, union-attr]
    await bench.autotune.async_stop()
    await bench.go_on()
    assert bench.state() == ("failed", "not_returned")


async def test_a_start_that_is_refused(bench: Bench) -> None:
    """The miner goes to its coolest point instead, and a repair says so till it is set."""
    await midway(bench)
    store = bench.device._store  # type: ignore[union-attr]

    def keep_cool(key: str, value: Any) -> None:
        if (key, value) not in (("frequency", 525), ("coreVoltage", 1150)):
            store(key, value)

    bench.device._store = keep_cool  # type: ignore[method-assign, union-attr]
    await bench.autotune.async_stop()
    await bench.go_on()
    assert bench.state() == ("failed", "not_returned")
    assert bench.point == (400, 1000)
    issues = ir.async_get(bench.home)
    issue = issues.async_get_issue(
        DOMAIN, f"autotune_not_returned_{bench.entry.entry_id}"
    )
    assert issue is not None
    assert issue.translation_placeholders == {
        "name": "Axe",
        "frequency": "525",
        "core_voltage": "1150",
    }
    # A miner that is disabled needs no repair
    await leave(bench, "disable")
    assert issues.async_get_issue(DOMAIN, issue.issue_id) is None
    await bench.home.config_entries.async_set_disabled_by(bench.entry.entry_id, None)
    await bench.home.async_block_till_done(wait_background_tasks=True)
    again = issues.async_get_issue(DOMAIN, issue.issue_id)
    assert again is not None
    assert again.translation_placeholders == issue.translation_placeholders
    await bench.entry.runtime_data.tuning.async_choose("eco")
    assert issues.async_get_issue(DOMAIN, issue.issue_id) is None
    assert await bench.home.config_entries.async_reload(bench.entry.entry_id)
    assert issues.async_get_issue(DOMAIN, issue.issue_id) is None


async def test_a_start_beyond_the_list(bench: Bench) -> None:
    """The device takes the present value only as long as it has it: no way back."""
    bench.device.settings["frequency"] = 650
    await poll(bench.home, bench.entry)
    with refused("autotune_beyond_list", HomeAssistantError):
        await bench.autotune.async_start(Caps(max_power=40))
    # One that waits finds out when its turn has come
    bench.device.settings["frequency"] = 525
    bench.device.paused = True  # type: ignore[union-attr]
    bench.device._apply()
    await poll(bench.home, bench.entry)
    await bench.start()
    assert bench.state() == ("queued", "not_ready")
    bench.device.settings["frequency"] = 650
    bench.device.paused = False  # type: ignore[union-attr]
    bench.device._apply()
    bench.clock.now += 300
    await poll(bench.home, bench.entry)
    assert bench.state() == ("failed", "beyond_list")


@pytest.mark.parametrize(
    "change", [{"frequency": 600}, {"coreVoltage": 1200}, {"temptarget": 50}]
)
async def test_two_writers(bench: Bench, change: dict[str, Any]) -> None:
    """Somebody else changes the miner: it goes back, once."""
    await midway(bench)
    bench.device.settings |= change
    await bench.go_on(3)
    assert bench.state() == ("failed", "foreign_write")
    assert bench.point == (525, 1150)
    writes = len(bench.device.writes)
    bench.device.settings |= {"frequency": 600}
    for _ in range(4):
        await poll(bench.home, bench.entry)
    assert len(bench.device.writes) == writes
    assert bench.point == (600, 1150)


async def test_a_fan_that_is_set_by_hand(bench: Bench) -> None:
    """It is another writer as well."""
    bench.device.settings |= {"autofanspeed": False, "manualFanSpeed": 80}
    await poll(bench.home, bench.entry)
    await midway(bench)
    bench.device.settings |= {"manualFanSpeed": 90}
    await bench.go_on(3)
    assert bench.state() == ("failed", "foreign_write")


async def test_a_restart_of_home_assistant(
    bench: Bench, hass_storage: dict[str, Any]
) -> None:
    """It goes on where it was if the miner still is there."""
    await midway(bench)
    stored = hass_storage["hmm.autotune"]["data"][bench.entry.entry_id]
    assert stored["walk"]["point"] == [490, 1060]
    record = AutotuneRecord.from_dict(json.loads(json.dumps(stored)))
    get_data(bench.home).autotunes._records[bench.entry.entry_id] = record
    assert await bench.home.config_entries.async_reload(bench.entry.entry_id)
    assert bench.autotune.is_running
    assert find(bench.home, bench.entry, "sensor", "status").state == "tuning"
    await bench.go_on()
    assert bench.state() == ("done", None)
    assert bench.point == (525, 1150)


async def test_a_restart_that_cannot_be_verified(bench: Bench) -> None:
    """The miner is elsewhere: it goes back to the start."""
    await midway(bench)
    await bench.home.config_entries.async_unload(bench.entry.entry_id)
    assert get_data(bench.home).autotune_turns.members == {}
    bench.device.settings["coreVoltage"] = 1100
    await bench.home.config_entries.async_setup(bench.entry.entry_id)
    await bench.home.async_block_till_done(wait_background_tasks=True)
    await bench.go_on(3)
    assert bench.state() == ("failed", "interrupted")
    assert bench.point == (525, 1150)


async def leave(bench: Bench, how: str) -> None:
    """Disable or remove the entry of the miner."""
    entries, entry_id = bench.home.config_entries, bench.entry.entry_id
    if how == "remove":
        await entries.async_remove(entry_id)
    else:
        await entries.async_set_disabled_by(entry_id, ConfigEntryDisabler.USER)
    await bench.home.async_block_till_done(wait_background_tasks=True)


@pytest.mark.parametrize("how", ["disable", "remove"])
async def test_an_entry_that_goes(bench: Bench, how: str) -> None:
    """Its miner goes back first: nothing would bring it back any more."""
    await midway(bench)
    await leave(bench, how)
    assert bench.point == (525, 1150)
    assert get_data(bench.home).autotune_turns.members == {}


@pytest.mark.parametrize("how", ["disable", "remove"])
@pytest.mark.parametrize("hangs", [False, True])
async def test_an_entry_that_goes_while_its_miner_is_silent(
    bench: Bench,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
    hangs: bool,
) -> None:
    """It is not waited for, and what it was set to is in the log; enabled, it goes back."""
    monkeypatch.setattr(autotune, "_LEAVE_SECONDS", 0.1)
    await midway(bench)
    if hangs:
        bench.device.fault = Fault.SILENT
        monkeypatch.setattr(client, "_POLL_SECONDS", 0.3)
    else:
        await bench.device.unplug()
    await leave(bench, how)
    assert bench.point == (490, 1060)
    assert "Axe is not as it was before autotune: 525 MHz and 1150 mV" in caplog.text
    if how == "remove":
        return
    bench.device.fault = None
    await bench.device.plug_in()
    await bench.home.config_entries.async_set_disabled_by(bench.entry.entry_id, None)
    await bench.home.async_block_till_done(wait_background_tasks=True)
    await bench.go_on(3)
    assert bench.point == (525, 1150)


async def test_what_was_stopped_never_finishes(bench: Bench) -> None:
    """After a restart of Home Assistant no end is told of a walk that is over."""
    await midway(bench)
    await bench.autotune.async_stop()
    assert bench.state() == ("stopped", "stopped")
    assert await bench.home.config_entries.async_reload(bench.entry.entry_id)
    shown = find(bench.home, bench.entry, "sensor", "autotune").attributes
    assert shown["finishes"] is None


async def test_an_overheat(bench: Bench) -> None:
    """It waits until the firmware is done, then restores the start."""
    await bench.start()
    await bench.go_on(until=lambda: bench.point.heat > Point(525, 1150).heat)
    assert isinstance(bench.device, SimulatedAxeOS)
    bench.device.safe_mode_seconds = 120
    bench.device.overheat()
    await bench.go_on(1)
    assert bench.state() == ("returning", "overheat")
    assert find(bench.home, bench.entry, "sensor", "status").state == "overheated"
    await bench.go_on(20)
    assert bench.state() == ("failed", "overheat")
    assert bench.point == (525, 1150)


async def test_an_overheat_at_a_cool_point(bench: Bench) -> None:
    """The start would be hotter still: what the firmware sets is left alone."""
    await midway(bench)
    writes = len(bench.device.writes)
    bench.device.overheat()
    await bench.go_on(1)
    assert bench.state() == ("failed", "overheat")
    for _ in range(5):
        bench.clock.now += 30
        await poll(bench.home, bench.entry)
    assert len(bench.device.writes) == writes
    assert bench.point == (390, 1000)


async def test_a_restart_of_the_miner(bench: Bench) -> None:
    """It may have crashed: nothing that follows is believed."""
    await midway(bench)
    await bench.device.unplug()
    await bench.device.plug_in()
    await bench.go_on(3)
    assert bench.state() == ("failed", "miner_restarted")
    assert bench.point == (525, 1150)


async def test_a_command_of_the_user(bench: Bench) -> None:
    """It goes first; the miner is at its start before, and stays where it was sent."""
    await midway(bench)
    mode = find_id(bench.home, bench.entry, "select", "mode")
    await act(bench.home, "select", "select_option", mode, option="eco")
    assert bench.state() == ("stopped", "user_command")
    # The start comes first: a write of both values is two
    point = bench.point
    written: dict[str, Any] = {}
    states = []
    for write in bench.device.writes:
        written |= write
        states.append((written.get("frequency"), written.get("coreVoltage")))
    assert states[states.index((490, 1060)) :][-1] == point
    assert (525, 1150) in states[states.index((490, 1060)) : -1]
    assert point != (525, 1150)
    await bench.go_on(3)
    assert bench.point == point


@pytest.mark.parametrize("option", ["mine", "custom"])
async def test_what_the_miner_has_is_a_command_too(bench: Bench, option: str) -> None:
    """Who chooses what the walk has just set ends the walk."""
    await midway(bench)
    tuning = bench.entry.runtime_data.tuning
    if option == "mine":
        there: Settings = {"frequency": 490.0, "core_voltage": 1060.0}
        tuning._book.add(tuning.model_key, TuningProfile(name="mine", settings=there))
    await poll(bench.home, bench.entry)
    assert tuning.current == option
    await tuning.async_choose(option)
    assert bench.state() == ("stopped", "user_command")
    assert bench.point == ((490, 1060) if option == "mine" else (525, 1150))


async def test_a_resume_is_a_command_too(bench: Bench) -> None:
    """Given a miner that mines, a resume sends nothing of its own but ends the walk."""
    await midway(bench)
    await act(
        bench.home,
        "switch",
        "turn_on",
        find_id(bench.home, bench.entry, "switch", "mining"),
    )
    assert bench.state() == ("stopped", "user_command")
    assert bench.point == (525, 1150)


@pytest.mark.usefixtures("every_entity")
@pytest.mark.parametrize("action", ["turn_off", "turn_on"])
async def test_the_fan_is_a_command_too(bench: Bench, action: str) -> None:
    """The switch of the fan gives the miner back."""
    await midway(bench)
    fan = find_id(bench.home, bench.entry, "switch", "fan_auto")
    await act(bench.home, "switch", action, fan)
    assert bench.state() == ("stopped", "user_command")
    assert bench.point == (525, 1150)


async def test_a_command_when_the_miner_is_back(bench: Bench) -> None:
    """The start is restored before the command, or not at all: never after it."""
    await midway(bench)
    await bench.device.unplug()
    await bench.go_on(4)
    assert bench.state() == ("returning", "no_response")
    await bench.device.plug_in()
    await bench.entry.runtime_data.async_set_mode("eco")
    point = bench.point
    assert point != (525, 1150)
    await bench.home.async_block_till_done(wait_background_tasks=True)
    await bench.go_on(3)
    assert bench.state() == ("failed", "no_response")
    assert bench.point == point


async def test_a_walk_does_not_begin_in_a_command(bench: Bench) -> None:
    """What the command sets is the start of the walk that waits."""
    bench.device.paused = True  # type: ignore[union-attr]
    bench.device._apply()
    await poll(bench.home, bench.entry)
    await bench.start()
    await bench.device.unplug()
    await poll(bench.home, bench.entry)
    assert bench.state() == ("queued", "not_ready")
    bench.device.paused = False  # type: ignore[union-attr]
    bench.device._apply()
    await bench.device.plug_in()
    bench.device.miner.settle()
    bench.clock.now += 300
    await bench.entry.runtime_data.async_set_mode("eco")
    eco = bench.point
    assert eco != (525, 1150)
    for _ in range(10):
        bench.clock.now += 30
        await poll(bench.home, bench.entry)
    walk = bench.autotune.record.walk
    assert walk is not None
    assert walk.start == eco


@pytest.mark.usefixtures("every_entity")
async def test_nothing_is_written_while_it_cools_down(bench: Bench) -> None:
    """Neither for the button nor for a fan; the way back stays until it can be gone."""
    await bench.start()
    await bench.go_on(until=lambda: bench.point.heat > Point(525, 1150).heat)
    assert isinstance(bench.device, SimulatedAxeOS)
    bench.device.safe_mode_seconds = 120
    bench.device.overheat()
    await bench.go_on(1)
    assert bench.state() == ("returning", "overheat")
    writes = len(bench.device.writes)
    await bench.autotune.async_stop()
    assert len(bench.device.writes) == writes
    assert bench.state() == ("returning", "overheat")
    target = find_id(bench.home, bench.entry, "number", "set_target_temperature")
    await act(bench.home, "number", "set_value", target, value=50)
    assert bench.state() == ("returning", "overheat")
    await bench.go_on(20)
    assert bench.state() == ("failed", "overheat")
    assert bench.point == (525, 1150)


async def test_the_button(bench: Bench) -> None:
    """It stops a walk, and one that waits."""
    await midway(bench)
    button = find_id(bench.home, bench.entry, "button", "stop_autotune")
    await act(bench.home, "button", "press", button)
    assert bench.state() == ("stopped", "stopped")
    assert bench.point == (525, 1150)
    await act(bench.home, "button", "press", button)
    bench.device.paused = True
    bench.device._apply()
    await poll(bench.home, bench.entry)
    await bench.start()
    assert bench.state() == ("queued", "not_ready")
    await act(bench.home, "button", "press", button)
    assert bench.state() == ("stopped", "stopped")


async def test_a_pause_at_the_miner(bench: Bench) -> None:
    """Who pauses the miner wants no measurements."""
    await midway(bench)
    bench.device.paused = True  # type: ignore[union-attr]
    bench.device._apply()
    await bench.go_on(3)
    assert bench.state() == ("failed", "paused")
    assert bench.point == (525, 1150)


async def test_nothing_is_good(bench: Bench) -> None:
    """With a cap below everything nothing is kept."""
    await bench.start(max_power=5)
    await bench.go_on()
    assert bench.state() == ("failed", "nothing_found")
    assert bench.point == (525, 1150)
    assert bench.entry.runtime_data.tuning.profiles == []


# When it begins


async def test_one_miner_at_a_time(
    bench: Bench, bitaxe: SimulatedAxeOS, clock: Clock
) -> None:
    """The second one waits for the first."""
    other = SimulatedAxeOS(generation="2.15", model="ultra", name="other")
    wire(other, clock)
    async with other:
        entry = await set_up(bench.home, miner_entry(other, "bitaxe", title="Other"))
        second = Bench(bench.home, other, clock, entry)
        await bench.start(goal="quiet")
        await second.start(goal="quiet")
        assert (bench.state()[0], second.state()) == ("settling", ("queued", "turn"))
        await poll(bench.home, entry)
        assert second.state() == ("queued", "turn")
        await bench.go_on()
        await poll(bench.home, entry)
        assert second.state() == ("settling", None)


async def test_at_night(bench: Bench, freezer: FrozenDateTimeFactory) -> None:
    """It begins between ten and six; after a day and a half of waiting it gives up."""
    noon = dt_util.now().replace(hour=12, minute=0)
    freezer.move_to(noon)
    await bench.start(start="night")
    assert bench.state() == ("queued", "night")
    freezer.move_to(noon + timedelta(hours=10))
    await poll(bench.home, bench.entry)
    assert bench.state() == ("settling", None)
    await bench.autotune.async_stop()
    freezer.move_to(noon)
    await bench.start(start="night")
    freezer.move_to(noon + timedelta(hours=37))
    await poll(bench.home, bench.entry)
    assert bench.state() == ("failed", "waited_too_long")


async def test_a_frequency_that_waits_for_a_restart(home: HomeAssistant) -> None:
    """Such a miner has no autotune, and is set to no pair of values."""
    async with SimulatedNMAxe() as device:
        entry = await set_up(home, miner_entry(device, "nmaxe", device.hostname))
        assert entry.runtime_data.profile.tuning.frequency.options
        assert entry.runtime_data.autotune.limits is None
        tuning = entry.runtime_data.tuning
        assert tuning.present.keys().isdisjoint({"frequency", "core_voltage"})
        pair: Settings = {"frequency": 400.0, "core_voltage": 1060.0}
        with refused("frequency_at_restart", HomeAssistantError):
            await tuning.async_apply(pair, own=True)
        assert device.writes == []
        assert await tuning.async_apply({"frequency": 490.0}, own=True)
        assert device.writes == [{"asicFreqReq": 490}]


@pytest.mark.usefixtures("every_entity")
async def test_a_look_that_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The values of the miner are shown all the same."""
    await bench.start()

    def fail() -> None:
        raise AssertionError

    monkeypatch.setattr(bench.autotune, "update", fail)
    bench.device.settings["temptarget"] = 51
    miner = await poll(bench.home, bench.entry)
    assert miner.last_update_success
    assert (
        find(bench.home, bench.entry, "number", "set_target_temperature").state
        == "51.0"
    )


async def test_miners_that_it_is_not_for(home: HomeAssistant) -> None:
    """A miner without lists of frequencies is refused, and one that is off."""
    async with AsyncExitStack() as stack:
        avalon = await stack.enter_async_context(SimulatedAvalon())
        entry = await set_up(home, miner_entry(avalon, "avalon_nano", avalon.serial))
        autotune = entry.runtime_data.autotune
        assert autotune.limits is None
        with refused("autotune_not_supported", HomeAssistantError):
            await autotune.async_start(Caps(max_power=10))
        with refused("autotune_power_needed", HomeAssistantError):
            autotune.caps()
        await avalon.stop()
        await poll(home, entry)
        with pytest.raises(HomeAssistantError) as caught:
            await autotune.async_start(Caps(max_power=10))
        assert caught.value.translation_key != "autotune_not_supported"


@pytest.mark.parametrize(
    "damage",
    [
        {"state": "dancing"},
        {"state": "settling", "walk": None},
        {"state": "queued", "caps": None},
        {"walk": {}},
        {"asked": "yesterday"},
    ],
)
async def test_a_damaged_file(
    home: HomeAssistant, hass_storage: dict[str, Any], damage: dict[str, Any]
) -> None:
    """What cannot be read is none: the miner is left as it is."""
    record = AutotuneRecord().as_dict() | damage
    hass_storage["hmm.autotune"] = {
        "version": 1,
        "key": "hmm.autotune",
        "data": {"entry": record},
    }
    assert await async_setup_component(home, DOMAIN, {})
    assert get_data(home).autotunes["entry"].state is AutotuneState.OFF
