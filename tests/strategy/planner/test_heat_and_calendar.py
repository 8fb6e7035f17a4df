"""Heat, plans and quiet hours."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from custom_components.hmm.strategy.planner.calendar import CalendarMemory, decide
from custom_components.hmm.strategy.planner.decide import decide as decide_any
from custom_components.hmm.strategy.planner.heat import HeatMemory, levels
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    OFF,
    Inputs,
    MinerView,
    Mode,
    Reading,
    Switched,
)
from custom_components.hmm.strategy.planner.settings import (
    FROM_DICT,
    CalendarSettings,
    HeatSettings,
)

from .world import HOUR, MINUTE, START, Strategy, World, bitaxe, nano

BERLIN = ZoneInfo("Europe/Berlin")


class Room:
    """A room with one heater."""

    def __init__(self, **settings: Any) -> None:
        """Begin cold, with heating on."""
        self.miner = nano(running=False)
        self.temperature = 17.0
        self.target: float | None = 20.0
        self.reported: datetime | None = None
        self.strategy = Strategy(
            "heat", "heat", HeatSettings.from_dict(settings), self._feed
        )
        self.world = World([self.miner], [self.strategy])

    def _feed(self, now: datetime) -> dict[str, Any]:
        at = self.reported or now
        return {"room": Reading(self.temperature, at), "target": self.target}

    def run(self, span: timedelta, temperature: float | None = None) -> str:
        """Let time pass, and return what the miner does then."""
        if temperature is not None:
            self.temperature = temperature
        self.world.run(span)
        return self.miner.reported

    @property
    def key(self) -> str:
        """Return what the strategy says."""
        return self.world.sentence


def test_one_rung_per_cycle() -> None:
    """Given a cold room, then it goes up one rung per cycle, and down as it is warm."""
    room = Room()
    rungs = [room.run(10 * MINUTE) for _ in range(4)]
    assert rungs == ["mode:low", "mode:medium", "mode:high", "mode:high"]
    assert room.run(10 * MINUTE, 20.2) == "mode:high"
    assert room.run(10 * MINUTE, 20.3) == "mode:medium"
    assert room.run(10 * MINUTE, 20.0) == "mode:medium"
    assert room.run(10 * MINUTE, 21.0) == OFF
    assert room.key == "heat"


def test_what_the_minimum_time_holds_says_until_when() -> None:
    """Given a room that is cold at once again, then "off" says why, and until when."""
    room = Room()
    room.run(19 * MINUTE)
    assert room.run(2 * MINUTE, 21.5) == OFF
    assert room.run(2 * MINUTE, 17.0) == OFF
    assert room.key == "heat_hold"
    until = room.world.decision.sentence.values["until"]
    assert room.run(until - room.world.now + MINUTE) == "mode:low"


def test_no_two_rungs_within_a_cycle() -> None:
    """Given a temperature that jumps, then the miner changes once per cycle at most."""
    room = Room()
    for n in range(300):
        room.run(MINUTE, 17.0 if n % 2 else 23.0)
    times = [at for at, *_ in room.world.switched]
    assert len(times) > 5
    assert all(b - a >= 10 * MINUTE for a, b in pairwise(times))


@pytest.mark.parametrize("idle", ["off", "lowest"])
def test_a_dead_sensor_stops_the_heating_at_once(idle: str) -> None:
    """Given a sensor that is silent, or tells nonsense, then it goes to idle at once."""
    low = OFF if idle == "off" else "mode:low"
    for broken in (float("nan"), 80.0, -40.0, None):
        room = Room(when_idle=idle)
        assert room.run(35 * MINUTE) == "mode:high"
        if broken is None:
            room.reported = room.world.now
            assert room.run(45 * MINUTE) == "mode:high"
        assert room.run(2 * MINUTE, broken) == low
        assert room.key == ("heat_stale" if low == OFF else "heat_stale_low")
        room.reported = None
        assert room.run(40 * MINUTE, 17.0) == "mode:high"


def test_a_room_that_is_too_hot_stops_all_if_that_is_ticked() -> None:
    """Given 28 °C, then heating stops, and all mining if wanted, until 27 °C."""
    room = Room(stop_all=True)
    room.target = None
    room.miner.running = True
    assert room.run(MINUTE, 28.0) == OFF
    assert room.key == "heat_too_hot"
    assert room.run(HOUR, 27.1) == OFF
    assert room.run(HOUR, 26.9) == "mode:medium"
    # What cannot be switched off goes on, and nobody says that it has stopped
    room.miner.can_be_off = False
    assert room.run(HOUR, 28.0) == "mode:low"
    assert room.key == "heat_too_hot_low"
    mild = Room()
    mild.target = None
    mild.miner.running = True
    assert mild.run(HOUR, 30.0) == "mode:medium"
    mild.target = 35.0
    assert mild.run(HOUR, 30.0) == OFF


def test_heating_that_is_off_gives_the_miner_back() -> None:
    """Given heating that is turned off, then the miner has again what it had."""
    room = Room()
    assert room.run(HOUR) == "mode:high"
    room.target = None
    assert room.run(HOUR) == OFF
    assert room.key == "heat_off"


def test_a_restart_in_the_middle_changes_nothing() -> None:
    """Given lost memory, then the level is read from what the miner does."""
    room = Room()
    room.run(15 * MINUTE)
    room.temperature = 20.0
    room.run(10 * MINUTE)
    rung, count = room.miner.reported, len(room.world.commands)
    room.strategy.memory = room.world.ledger = None
    assert room.run(HOUR) == rung
    assert len(room.world.commands) == count
    assert HeatMemory.restored({"version": 1, "level": "x"}, START).level is None


def test_rungs_can_be_limited() -> None:
    """Given a lowest and a highest rung, then the heating stays between them."""
    room = Room(lowest_rung="medium", highest_rung="mode:medium")
    assert [room.run(10 * MINUTE) for _ in range(2)] == ["mode:medium"] * 2


def fired(settings: CalendarSettings, begin: datetime, days: int) -> list[datetime]:
    """Return when a plan begins."""
    starts, was_on, memory = [], False, CalendarMemory()
    for n in range(days * 24 * 12):
        now = begin.astimezone(UTC) + n * 5 * MINUTE
        inputs = Inputs(now, BERLIN, (bitaxe().view(now),))
        decision, memory = decide(settings, memory, inputs)
        assert now < decision.next_check_at <= now + 15 * MINUTE
        is_on = bool(decision.wishes)
        if is_on and not was_on:
            starts.append(now.astimezone(BERLIN))
        was_on = is_on
    return starts


@pytest.mark.parametrize("day", [(3, 28), (10, 24)])
@pytest.mark.parametrize(
    "times", [("02:15", "02:45"), ("22:00", "06:00"), ("02:30", "03:15")]
)
def test_a_plan_begins_once_a_day_whatever_the_clock_does(
    day: tuple[int, int], times: tuple[str, str]
) -> None:
    """Given a night that is an hour short or long, then the plan begins once in it."""
    settings = CalendarSettings.from_dict(
        {"from": times[0], "to": times[1], "kind": "plan"}
    )
    begin = datetime(2026, *day, 12, tzinfo=BERLIN)
    starts = fired(settings, begin, 3)
    leapt_over = day == (3, 28) and times == ("02:15", "02:45")
    assert len(starts) == 3 - leapt_over
    assert len({start.date() for start in starts}) == len(starts)


def test_a_plan_has_its_days_and_may_pass_midnight() -> None:
    """Given Fridays from 22 to 6, then it is on in the night to Saturday alone."""
    settings = CalendarSettings.from_dict(
        {"days": ["fri"], "from": "22:00", "to": "06:00", "kind": "plan", "rung": "off"}
    )
    begin = datetime(2026, 3, 2, tzinfo=BERLIN)
    assert fired(settings, begin, 8) == [datetime(2026, 3, 6, 22, tzinfo=BERLIN)]
    now = datetime(2026, 3, 7, 5, tzinfo=BERLIN)
    decision, _ = decide(settings, CalendarMemory(), Inputs(now, BERLIN))
    assert decision.next_change_at == datetime(2026, 3, 7, 6, tzinfo=BERLIN)


def test_a_calendar_that_is_lost_is_held_for_two_hours() -> None:
    """Given an entity that is lost while on, then it holds, and then there is no wish."""
    settings = CalendarSettings.from_dict({"kind": "plan"})
    views = (bitaxe().view(START),)
    memory: Any = None
    states = []
    for n, calendar in enumerate([Switched(True, START + HOUR), *[None] * 5]):
        inputs = Inputs(START + n * 30 * MINUTE, UTC, views, calendar=calendar)
        decision, memory = decide_any(settings, memory, inputs)
        states.append((decision.state, len(decision.wishes)))
    assert states == [
        ("steering", 1),
        *[("holding", 1)] * 4,
        ("fallback", 0),
    ]
    fresh, _ = decide_any(settings, None, Inputs(START, UTC, views))
    assert fresh.state == "waiting"
    assert {wish.rung for wish in fresh.wishes} == {"leave"}


@pytest.mark.parametrize("damaged", [None, [], 5, "x", {"version": 2}, {"version": 1, "entries": {"a": 5}, "commanded_at": 3}])  # fmt: skip
def test_damaged_files_are_no_memory(damaged: Any) -> None:
    """Given a file that is damaged, then all begin anew."""
    ledger = Ledger.restored(damaged, START)
    assert all(entry.target is None for entry in ledger.entries.values())
    now = START
    inputs = Inputs(now, miners=(bitaxe().view(now),))
    data: dict[str, dict[str, Any]] = {
        "price_bands": {
            "bands": [{"band_name": "a", "upto": 1}, {"band_name": "b"}],
        },
        "champion": {"above": 1},
        "solar": {},
        "heat": {},
        "calendar": {},
    }
    for kind, read in FROM_DICT.items():
        decision, memory = decide_any(read(data[kind]), damaged, inputs)
        assert decision.sentence.key
        again, _ = decide_any(read(data[kind]), memory, inputs)
        assert again.wishes == decision.wishes


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["off", "mode:eco", "mode:standard", "mode:turbo"]),
        ({"lowest_rung": "normal"}, ["off", "mode:standard", "mode:turbo"]),
        (
            {"highest_rung": "normal", "when_idle": "lowest"},
            ["mode:eco", "mode:standard"],
        ),
    ],
)
def test_modes_of_unknown_watts_heat_in_their_order(
    settings: dict[str, Any], expected: list[str]
) -> None:
    """Given a miner that ran in one mode only, then the others are levels too."""
    names = ("eco", "standard", "turbo", "oc", "custom")
    modes = tuple(
        Mode(f"mode:{name}", 15.0 if name == "standard" else None) for name in names
    )
    miner = MinerView(
        "a", "mode:standard", (*modes, Mode("profile:Night")), "mode:standard"
    )
    assert levels(HeatSettings.from_dict(settings), miner) == expected
