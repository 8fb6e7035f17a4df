"""What holds whatever happens: walks over days, with faults, users and clocks."""

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
import random
from typing import Any

import pytest

from custom_components.hmm.strategy.planner.circuits import load
from custom_components.hmm.strategy.planner.decide import decide, overridden
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    OFF,
    Circuit,
    Inputs,
    Manual,
    MinerView,
    Mode,
    Price,
    Reading,
    Rung,
    Sample,
    Standing,
    Switched,
)
from custom_components.hmm.strategy.planner.precedence import settle
from custom_components.hmm.strategy.planner.rungs import ladder, most_watts_of, resolve
from custom_components.hmm.strategy.planner.settings import (
    BandsSettings,
    CalendarSettings,
    ChampionSettings,
    HeatSettings,
    SolarSettings,
)

from .world import (
    DAY,
    HOUR,
    MINUTE,
    START,
    SimMiner,
    Strategy,
    World,
    avalon_q,
    bands_of,
    bitaxe,
    fleet,
    nano,
    nerdqaxe,
    price_of,
    slots_from,
)


def bands(**timing: Any) -> BandsSettings:
    """Return three bands, the dear one off."""
    return bands_of(
        ("Cheap", 20, "highest"),
        ("Normal", 30, "lowest"),
        ("Dear", None, "off"),
        **timing,
    )


def followed(prices: list[float | None], minutes: int = 15) -> Any:
    """Return a feed of prices, each for some minutes; None is a lost one."""

    def feed(now: datetime) -> dict[str, Any]:
        place = int((now - START) / timedelta(minutes=minutes))
        price = prices[place % len(prices)]
        end = START + (place + 1) * timedelta(minutes=minutes)
        return {"price": None if price is None else Price(price, end)}

    return feed


def by_price(prices: list[float | None], **timing: Any) -> Strategy:
    """Return a strategy by price bands."""
    return Strategy("bands", "price_bands", bands(**timing), followed(prices))


def priced(miners: list[SimMiner], *prices: float | None, **timing: Any) -> World:
    """Return a world with price bands alone."""
    return World(miners, [by_price(list(prices), stagger=0, **timing)])


@pytest.mark.parametrize("seed", range(4))
def test_a_walk_through_days(seed: int) -> None:
    """Given days of chance, then dwell, limits, circuits and the user's word hold."""
    rng = random.Random(seed)
    prices = [rng.choice([None, 10, 25, 40, rng.uniform(-5, 60)]) for _ in range(400)]
    quiet = CalendarSettings.from_dict({"from": "22:00", "to": "06:30"})
    heat = HeatSettings.from_dict({"min_cycle": 15})
    room = [19.0]

    def rooms(now: datetime) -> dict[str, Any]:
        room[0] += rng.uniform(-0.3, 0.3)
        target = 20.0 if now.hour > 12 else None
        return {"room": Reading(room[0], now), "target": target}

    strategies = [
        by_price(prices, max_switches=6, min_time=30, stagger=10),
        Strategy("quiet", "calendar", quiet, lambda now: {}),
        Strategy("heat", "heat", heat, rooms, frozenset({"Avalon Nano 3S"})),
    ]
    circuits = [
        Circuit("a", 1500, frozenset(item.id for item in fleet())),
        Circuit("b", 160, frozenset({"Bitaxe", "NerdQAxe++", "Avalon Nano 3S"})),
    ]
    miners = fleet()
    miners[3].running = False
    world = World(miners, strategies, circuits)

    def chance() -> None:
        miner = rng.choice(world.miners)
        match rng.randint(0, 200):
            case 0:
                miner.safety = rng.choice([None, "hot", "stop", "lowered"])
            case 1:
                miner.online = not miner.online
                miner.back_at = world.now if miner.online else miner.back_at
            case 2:
                miner.refuses = not miner.refuses
            case 3:
                # By hand it may go up only where the circuit lets it
                world.by_hand(miner.id, OFF, ends="time", until=world.now + HOUR)
            case 4:
                strategies[0].is_on = not strategies[0].is_on
        world.now += timedelta(seconds=rng.randint(0, 400))

    for _ in range(450):
        chance()
        before = {item.id: (item.manual, item.safety) for item in world.miners}
        count = len(world.commands)
        world.step()
        for _at, name, rung, control in world.commands[count:]:
            assert control.reason is not None or control.by == "nothing"
            if before[name][0] is not None and world.miner(name).manual is not None:
                assert control.by == "safety", "a command against the user"
            if before[name][1] == "stop":
                assert rung == OFF
        for circuit in circuits:
            drawn = [item for item in world.miners if item.id in circuit.miners]
            assert (
                sum(item.watts(world.now + HOUR) for item in drawn) <= circuit.max_watts
            )
        # Idempotent: the same instant again is no command, unless it uses the room on a
        # circuit that the first has made
        again = len(world.commands)
        world.step()
        for *_, control in world.commands[again:]:
            assert control.reason is not None
            assert control.reason.key == "circuit"
        world.now += MINUTE

    assert world.switched
    for miner in world.miners:
        counted = [
            (at, control)
            for at, name, _rung, control in world.commands
            if name == miner.id and control.attempt == 1 and control.by != "nothing"
        ]
        own = [
            at
            for at, control in counted
            if control.by == "price_bands" and control.reason is not None
        ]
        for one, other in pairwise(own):
            assert other - one >= 30 * MINUTE
        days = Counter(at.date() for at, c in counted if c.by == "price_bands")
        assert max(days.values(), default=0) <= 6


def test_a_fresh_and_a_lost_price_in_turn_do_not_flap() -> None:
    """Given a price that comes and goes, then nothing changes but once to the band."""
    world = priced([bitaxe()], 40, None, 40, None, None, 40)
    world.run(DAY, MINUTE)
    assert [item[3] for item in world.switched] == [OFF]


def test_the_order_of_inputs_is_irrelevant() -> None:
    """Given miners and strategies in any order, then all that is decided is the same."""
    rng = random.Random(5)
    results = []
    for _ in range(4):
        miners, strategies = fleet(), [
            by_price([10, 40, 25], stagger=30),
            Strategy("a", "price_bands", bands(), followed([40])),
            Strategy("q", "calendar", CalendarSettings.from_dict({"from": "01:00", "to": "02:00"}), lambda now: {}),
        ]  # fmt: skip
        rng.shuffle(miners)
        rng.shuffle(strategies)
        world = World(miners, strategies)
        world.run(6 * HOUR, 5 * MINUTE)
        results.append([(at, name, rung) for at, name, rung, _ in world.commands])
    assert results[0]
    assert all(result == results[0] for result in results)


def test_the_users_word_holds_until_the_next_change() -> None:
    """Given a miner set by hand, then only it stays so, until its band changes."""
    world = priced([bitaxe(), nano()], *[40] * 8, *[10] * 8)
    world.run(HOUR)
    assert world.miner("Bitaxe").reported == OFF
    world.by_hand("Bitaxe", "mode:eco")
    world.run(START + 2 * HOUR)
    assert world.miner("Bitaxe").reported == "mode:eco"
    assert world.miner("Avalon Nano 3S").reported == OFF
    control = world.controls["Bitaxe"]
    assert (control.by, control.reason and control.reason.key) == ("manual", "manual")
    world.run(START + 3 * HOUR)
    assert world.miner("Bitaxe").reported == "mode:turbo"
    assert world.controls["Bitaxe"].by == "price_bands"


@pytest.mark.parametrize("ends", ["time", "released"])
def test_the_users_word_holds_for_a_time_or_for_ever(ends: str) -> None:
    """Given a miner set by hand for two hours or for good, then it stays so."""
    world = priced([bitaxe()], 40, 40, 10, 10)
    world.step()
    until = START + 2 * HOUR if ends == "time" else None
    world.by_hand("Bitaxe", "mode:eco", ends=ends, until=until)
    world.run(START + 2 * HOUR)
    assert world.miner("Bitaxe").reported == "mode:eco"
    world.run(START + 4 * HOUR)
    assert (world.miner("Bitaxe").reported == "mode:eco") is (ends == "released")
    states = {"released": "overridden", "time": "steering"}
    assert world.states["bands"] == states[ends]


def test_a_strategy_can_be_overridden_as_a_whole() -> None:
    """Given another band by hand, then all follow it until the next change."""
    settings, miner = bands(), bitaxe()
    inputs = Inputs(START, price=Price(40), miners=(miner.view(START),))
    decision, _ = decide(settings, None, inputs)
    manual = Manual(against=decision.mark)
    over, ended = overridden(settings, decision, "band_Cheap", manual, inputs)
    assert (over.band, over.state, ended) == ("Cheap", "overridden", False)
    assert over.wishes[0].rung == "highest"
    assert over.next_change_at == decision.next_change_at
    for to, rung in (("lowest", "lowest"), ("off", "off")):
        over, _ = overridden(settings, decision, to, manual, inputs)
        assert over.wishes[0].rung == rung
    other, _ = decide(settings, None, replace(inputs, price=Price(10)))
    assert overridden(settings, other, "off", manual, inputs) == (other, True)
    timed = Manual("time", START + HOUR)
    assert overridden(settings, other, "off", timed, inputs)[1] is False
    late = replace(inputs, now=START + HOUR)
    assert overridden(settings, other, "off", timed, late)[1] is True


@pytest.mark.parametrize(
    ("manual", "change", "band"),
    [
        (Manual("time", START + HOUR), START + HOUR, "Dear"),
        (Manual("time", START + 3 * HOUR), START + 3 * HOUR, None),
        (Manual("released"), None, None),
    ],
)
def test_an_override_says_when_it_ends(
    manual: Manual, change: datetime | None, band: str | None
) -> None:
    """What comes next is the end of the override, not what the prices would do."""
    settings, miner = bands(), bitaxe()
    inputs = Inputs(START, price=Price(40), miners=(miner.view(START),))
    decision, _ = decide(settings, None, inputs)
    ahead = START + 2 * HOUR
    decision = replace(decision, next_change_at=ahead, next_band="Cheap")
    over, _ = overridden(settings, decision, "band_Cheap", manual, inputs)
    assert (over.next_change_at, over.next_band) == (change, band)


def test_a_restart_with_its_memory_does_nothing() -> None:
    """Given a fleet that is settled, then a new process with its files does nothing."""
    world = priced(fleet(), 25)
    world.run(HOUR)
    twin = World(world.miners, [by_price([25])], now=world.now, ledger=world.ledger)
    twin.strategies[0].memory = world.strategies[0].memory
    twin.run(HOUR)
    assert not twin.commands


def test_a_restart_without_memory_changes_each_miner_once_at_most() -> None:
    """Given memory that is lost, then each miner is set once, what was there is not."""
    world = priced(fleet(), 25)
    world.run(HOUR)
    twin = World(world.miners, [by_price([40])], now=world.now)
    twin.run(2 * HOUR)
    assert Counter(name for _, name, *_ in twin.commands) == {
        miner.id: 1 for miner in world.miners
    }
    same = World(world.miners, [by_price([40])], now=twin.now, ledger="damaged")
    same.run(2 * HOUR)
    assert not same.commands


def settle_one(
    world: World, now: datetime, view: MinerView, ledger: Ledger
) -> tuple[Rung | None, Ledger]:
    """Return what is sent to the only miner of a world by its price bands."""
    standing = Standing("bands", "price_bands", world.decision)
    settled, ledger = settle(now, world.zone, [standing], [view], [], ledger)
    return settled.controls[view.id].command, ledger


def test_a_minimum_off_time_counts_without_memory_too() -> None:
    """Given a miner that went off a minute ago and no memory, then it stays off."""
    world = priced([bitaxe(running=False)], 10)
    view = replace(world.miners[0].view(START), since=START - MINUTE)
    world.step()
    for now, command in ((START, None), (START + 15 * MINUTE, "mode:turbo")):
        assert settle_one(world, now, view, Ledger())[0] == command


def test_a_miner_that_is_being_set_gets_no_second_command() -> None:
    """Given a command that still runs, then none is counted as sent meanwhile."""
    world = priced([bitaxe()], 40)
    view = world.miners[0].view(START)
    world.step()
    ledger = Ledger()
    for minute, busy, command in ((0, True, None), (1, True, None), (2, False, OFF)):
        now, view = START + minute * MINUTE, replace(view, busy=busy)
        sent, ledger = settle_one(world, now, view, ledger)
        assert sent == command
        assert ledger.entries["Bitaxe"].attempts == (0 if busy else 1)


def test_a_refusing_miner_gets_three_attempts_and_holds_nobody_up() -> None:
    """Given one that refuses, then it is told three times, and the others follow."""
    miners = fleet()
    miners[0].refuses = True
    world = priced(miners, 40)
    world.run(6 * HOUR)
    told = Counter(name for _, name, *_ in world.commands)
    assert told == {"Bitaxe": 3, "NerdQAxe++": 1, "Avalon Nano 3S": 1, "Avalon Q": 1}
    reason = world.controls["Bitaxe"].reason
    assert reason is not None
    assert reason.key == "not_obeying"
    assert (reason.values["n"], reason.values["reason"]) == (3, "reports_other")
    # It is asked again when it comes back
    miners[0].refuses, miners[0].back_at = False, world.now
    world.run(10 * MINUTE)
    assert miners[0].reported == OFF


def test_a_miner_that_starts_for_four_minutes_is_told_once() -> None:
    """Given one that hashes late, then it gets one command and no second one."""
    world = priced([avalon_q(running=False)], 10)
    world.run(HOUR)
    assert len(world.commands) == 1


def test_a_miner_that_comes_back_gets_its_rung_at_once() -> None:
    """Given one that lost its pause in a reboot, then it is paused again."""
    miner = bitaxe()
    world = priced([miner], 40, min_time=240)
    world.run(10 * MINUTE)
    miner.running, miner.back_at = True, world.now
    world.run(2 * MINUTE)
    assert miner.reported == OFF


@pytest.mark.parametrize("jump", [timedelta(hours=-30), timedelta(hours=30), -HOUR])
def test_a_clock_that_jumps_makes_no_burst(jump: timedelta) -> None:
    """Given a clock that is set, then each miner is switched once at most for it."""
    world = priced(fleet(), 25)
    world.run(HOUR)
    world.strategies[0].feed = followed([10])
    world.now += jump
    count = len(world.commands)
    world.run(3 * HOUR)
    told = Counter(name for _, name, *_ in world.commands[count:])
    assert told == {miner.id: 1 for miner in world.miners}


def test_a_limit_a_day_keeps_the_last_switching_for_a_step_down() -> None:
    """Given prices that jump all day, then the last switching leaves it low."""
    miner = bitaxe()
    world = priced([miner], 10, 10, 40, 40, max_switches=5)
    world.run(DAY - 40 * MINUTE)
    assert 3 < len(world.switched) <= 5
    assert world.switched[-1][3] == OFF
    assert world.why("Bitaxe") == "limit"
    count = len(world.switched)
    world.run(HOUR)
    assert len(world.switched) > count


def test_what_is_turned_off_gives_back_what_it_had() -> None:
    """Given a strategy that is turned off, then each miner has again what it had."""
    miners = fleet()
    miners[1].running = False
    had = {miner.id: miner.reported for miner in miners}
    world = World(miners, [by_price([40])])
    world.run(HOUR)
    assert {miner.reported for miner in miners} == {OFF}
    world.strategies[0].is_on = False
    world.run(HOUR)
    assert {miner.id: miner.reported for miner in miners} == had
    count = len(world.commands)
    miners[0].running = False
    world.run(HOUR)
    assert len(world.commands) == count


def test_what_is_not_enrolled_or_only_tried_is_not_touched() -> None:
    """Given a dry run, or a miner that is in no strategy, then it gets no command."""
    world = priced([bitaxe(), nano()], 40)
    world.strategies[0].miners = frozenset({"Bitaxe"})
    world.run(HOUR)
    assert {name for _, name, *_ in world.commands} == {"Bitaxe"}
    dry = World(fleet(), [replace(by_price([40]), dry_run=True)])
    dry.run(HOUR)
    assert not dry.commands
    assert dry.states == {"bands": "dry_run"}


def test_the_first_with_a_wish_decides() -> None:
    """Given heat, bands and a plan for one miner, then they take turns in that order."""
    room = [17.0]
    target: list[float | None] = [20.0]
    plan = CalendarSettings.from_dict({"kind": "plan", "rung": "eco"})
    heat = HeatSettings.from_dict({})
    leave = by_price([10], min_time=5)
    world = World(
        [nerdqaxe()],
        [
            Strategy("plan", "calendar", plan, lambda now: {"calendar": Switched(True)}),
            leave,
            Strategy(
                "heat", "heat", heat,
                lambda now: {"room": Reading(room[0], now), "target": target[0]},
            ),
        ],
    )  # fmt: skip
    world.run(HOUR)
    assert world.controls["NerdQAxe++"].by == "heat"
    assert world.states == {
        "heat": "steering",
        "bands": "suspended",
        "plan": "suspended",
    }
    target[0] = None
    world.run(HOUR)
    assert world.controls["NerdQAxe++"].by == "price_bands"
    leave.is_on = False
    world.run(HOUR)
    assert world.controls["NerdQAxe++"].by == "calendar"
    assert world.miners[0].reported == "mode:eco"


def test_quiet_hours_allow_less_and_ask_for_nothing() -> None:
    """Given quiet hours, then what is on goes low, what is off stays off, and back."""
    quiet = CalendarSettings.from_dict({"from": "22:00", "to": "06:00"})
    miners = [nano(mode="mode:high"), nerdqaxe(running=False)]
    world = World(miners, [Strategy("quiet", "calendar", quiet, lambda now: {})])
    world.run(3 * HOUR)
    assert [miner.reported for miner in miners] == ["mode:low", OFF]
    assert world.controls["Avalon Nano 3S"].by == "quiet_hours"
    world.run(4 * HOUR)
    assert [miner.reported for miner in miners] == ["mode:high", OFF]
    assert len(world.commands) == 2


def test_what_cannot_be_off_goes_low_and_says_so() -> None:
    """Given a miner that cannot be switched off, then it runs low, with a reason."""
    world = priced([bitaxe(can_be_off=False)], 40)
    world.run(HOUR)
    assert world.miners[0].reported == "mode:eco"
    assert world.why("Bitaxe") == "cannot_be_off"
    # While its watts are not known, by the order of its modes
    view = world.miners[0].view(START)
    view = replace(view, modes=tuple(replace(mode, watts=None) for mode in view.modes))
    assert resolve(OFF, view) == "mode:eco"


def test_too_hot_waits_for_nothing() -> None:
    """Given a miner that gets hot right after a change, then it goes down at once."""
    miner = nano()
    world = priced([miner], 10, min_time=240)
    world.run(5 * MINUTE)
    assert miner.reported == "mode:high"
    for safety, rung in (("hot", "mode:low"), ("stop", OFF)):
        miner.safety = safety
        world.step()
        assert miner.reported == rung
        assert world.controls[miner.id].by == "safety"
        world.now += MINUTE
    # Also against the user, and nothing starts it meanwhile
    world.by_hand(miner.id, "mode:high")
    world.step()
    assert miner.reported == OFF


def test_unknown_watts_go_by_the_order_of_the_modes() -> None:
    """Given a miner whose watts nobody knows, then it can go low all the same."""
    miner = nano(mode="mode:high", unknown=frozenset(nano().modes), metered=False)
    view = miner.view(START)
    assert not ladder(view)
    assert resolve("lowest", view) == "mode:low"
    assert resolve("highest", view) == "mode:high"
    assert resolve("mode:none", view) is None
    assert resolve("lowest", replace(view, modes=())) == "on"
    world = priced([miner], 10)
    miner.safety = "hot"
    world.run(5 * MINUTE)
    assert miner.reported == "mode:low"


def test_what_an_overheat_has_lowered_gets_no_mode() -> None:
    """Given a miner that its firmware has lowered, then it is on or off, and not set."""
    miner = nano()
    world = priced([miner], 10)
    miner.mode = "mode:low"
    miner.safety = "lowered"
    world.run(2 * HOUR)
    assert miner.reported == "mode:low"
    assert world.why(miner.id) == "safety_lowered"
    miner.safety = None
    world.run(HOUR)
    assert miner.reported == "mode:high"


def test_a_circuit_is_never_over_its_limit() -> None:
    """Given all that want up at once, then the limit holds at every instant."""
    miners = [avalon_q("Q1"), avalon_q("Q2"), avalon_q("Q3", metered=False)]
    for miner in miners:
        miner.running = False
    circuit = Circuit("garage", 3300, frozenset(miner.id for miner in miners))
    world = World(miners, [by_price([*[10] * 8, *[25] * 8], stagger=0)], [circuit])

    def check() -> None:
        assert sum(miner.watts(world.now + HOUR) for miner in miners) <= 3300

    world.run(4 * HOUR, MINUTE, check)
    assert sum(miner.running for miner in miners) == 3
    assert {miner.reported for miner in miners} == {"mode:eco"}
    # A smaller fuse: what is over goes down at once
    world.circuits = [replace(circuit, max_watts=1700)]
    world.step()
    check()
    assert sum(miner.watts(world.now + HOUR) for miner in miners) <= 1700
    assert "safety" in {control.by for control in world.controls.values()}


def test_what_does_not_fit_back_on_a_circuit_takes_nobody_else_down() -> None:
    """Given strategies that end, then what is too much stays off, the others run on.

    So does a small one for which there is room again once a big one has gone.
    """
    miners = [bitaxe(), avalon_q()]
    circuit = Circuit("garage", 5000, frozenset(miner.id for miner in miners))
    world = World(miners, [by_price([40], stagger=0)], [circuit])
    world.run(HOUR)
    world.by_hand("Bitaxe", "mode:eco", ends="released")
    world.circuits = [replace(circuit, max_watts=100)]
    world.strategies[0].is_on = False
    world.run(HOUR)
    assert [miner.reported for miner in miners] == ["mode:eco", OFF]
    assert world.why("Avalon Q") == "circuit"
    # The less efficient one is looked at first; that is no reason to stop it
    small = [bitaxe(), nerdqaxe(mode="mode:turbo")]
    small[0].modes = {key: (watts, 0.1) for key, (watts, _) in small[0].modes.items()}
    limit = Circuit("desk", 70, frozenset(item.id for item in small))
    tight = World(small, [by_price([10], stagger=0)], [limit])
    tight.run(HOUR)
    assert all(item.running for item in small)
    assert sum(item.watts(tight.now) for item in small) <= 70


def test_a_slower_mode_draws_at_most_what_a_faster_one_does() -> None:
    """Given a mode that nobody has measured, then it gets the room of the next faster one.

    So much stays reserved until it is measured.
    """
    settings = bands_of(("a", 50, "mode:eco"), ("b", None, "leave"), stagger=0)
    new = bitaxe("new", running=False, unknown=frozenset({"mode:eco", "mode:turbo"}))
    old = bitaxe("old", mode="mode:eco")
    circuit = Circuit("desk", 12 + 17, frozenset({"new", "old"}))
    world = World(
        [new, old],
        [Strategy("s", "price_bands", settings, followed([25]))],
        [circuit],
    )
    world.run(10 * MINUTE)
    reason = world.controls["new"].reason
    assert reason is not None
    assert (new.running, reason.key) == (False, "circuit")
    world.circuits = [replace(circuit, max_watts=12 + 18)]
    world.run(10 * MINUTE)
    assert new.reported == "mode:eco"
    entry = Ledger.restored(world.ledger, world.now).entries["new"]
    assert load(new.view(world.now), entry) == 18
    new.unknown = frozenset()
    assert load(new.view(world.now), entry) == 12


def test_one_reading_that_is_too_high_lowers_nobody() -> None:
    """Given a spike, then it counts only where the circuit is over its limit by it."""
    first = nerdqaxe("first", mode="mode:eco")
    last = nerdqaxe("last", mode="mode:eco")
    circuit = Circuit("desk", 210, frozenset({"first", "last"}))

    def settled(spike: bool, limit: float) -> dict[str, Rung | None]:
        """Return what both should do when the last one is about to go up."""
        for item in (first, last):
            item.mode, item.spike = "mode:turbo", False
        strategies = [
            replace(by_price([10], stagger=0), id="a", miners=frozenset({"first"})),
            replace(by_price([25, 10]), id="b", miners=frozenset({"last"})),
        ]
        world = World([first, last], strategies, [circuit])
        world.run(15 * MINUTE)
        assert [item.reported for item in (first, last)] == ["mode:turbo", "mode:eco"]
        first.spike = spike
        world.circuits = [replace(circuit, max_watts=limit)]
        return {id_: it.rung for id_, it in world.step().controls.items()}

    up = {"first": "mode:turbo", "last": "mode:turbo"}
    assert settled(spike=True, limit=210) == up
    assert settled(spike=False, limit=210) == up
    assert settled(spike=True, limit=201) != up
    assert settled(spike=False, limit=201) == up


def test_an_order_that_is_none_bounds_nothing() -> None:
    """Given modes that draw less the faster they are, then nothing is assumed."""
    modes = (Mode("mode:a"), Mode("mode:b", 30.0), Mode("mode:c", 20.0))
    view = MinerView("odd", OFF, modes)
    assert [most_watts_of(mode.rung, view) for mode in modes] == [None, 30.0, 20.0]
    right = replace(view, modes=(*modes[:2], Mode("mode:custom", 5.0), Mode("mode:c")))
    assert [most_watts_of(mode.rung, right) for mode in right.modes] == [
        30,
        30,
        5,
        None,
    ]
    assert most_watts_of("profile:Night", right) is None


def test_a_day_of_100_quarters_counts_once() -> None:
    """Given prices of a day in autumn, then each slot is decided for in its time."""
    rng = random.Random(7)
    slots = slots_from(START, [rng.choice([10.0, 40.0]) for _ in range(100)])
    miner = bitaxe()
    strategy = Strategy(
        "bands",
        "price_bands",
        bands(max_switches=100, look_ahead=False),
        lambda now: {"price": price_of(slots, now), "slots": slots},
    )
    world = World([miner], [strategy])
    for slot in slots[:-1]:
        world.now = slot.start
        world.step()
        assert miner.running is (slot.price < 20)


def test_a_miner_that_is_reloaded_is_remembered() -> None:
    """Given a miner that is gone for a moment, then it gets back what it had before."""
    miner = bitaxe()
    world = priced([miner, nano()], 40)
    world.run(10 * MINUTE)
    world.miners.remove(miner)
    world.run(10 * MINUTE)
    world.miners.append(miner)
    world.strategies[0].is_on = False
    world.run(10 * MINUTE)
    assert miner.reported == "mode:standard"
    # One that left for good is forgotten
    world.miners.remove(miner)
    world.now += 31 * DAY
    world.step()
    assert list(world.ledger["entries"]) == ["Avalon Nano 3S"]


def test_one_after_the_other_and_down_before_up() -> None:
    """Given a stagger, then commands keep that distance, and steps down come first."""
    miners = [bitaxe(), avalon_q(), nano(mode="mode:low"), nerdqaxe(mode="mode:turbo")]
    world = World(miners, [by_price([25], stagger=30)])
    steps = []
    while world.now < START + 5 * MINUTE:
        before = {miner.id: miner.watts(world.now + HOUR) for miner in miners}
        settlement = world.step()
        for at, name, rung, _ in world.commands[len(steps) :]:
            steps.append((at, world.miner(name).modes[rung][0] - before[name]))
        world.now = settlement.next_check_at
    assert len(steps) == 3
    assert all(it < 0 for _, it in steps)
    assert {b[0] - a[0] for a, b in pairwise(steps)} == {timedelta(seconds=30)}
    # One up, one down: the one that goes up is in a circuit that has no room before
    up, down = nano("up", mode="mode:low"), nano("down", mode="mode:high")
    models = {"models": {"up": "high", "down": "low"}}
    settings = bands_of(("a", 50, models), ("b", None, "leave"), stagger=0)
    strategy = Strategy("s", "price_bands", settings, followed([25]))
    world = World(
        [up, down], [strategy], [Circuit("c", 200, frozenset({"up", "down"}))]
    )
    world.run(10 * MINUTE)
    assert [(name, rung) for _, name, rung, _ in world.commands] == [
        ("down", "mode:low"),
        ("up", "mode:high"),
    ]
    assert world.commands[0][0] < world.commands[1][0]


@pytest.mark.parametrize("seed", range(3))
def test_a_list_that_lies_breaks_nothing(seed: int) -> None:
    """Given a list that is wrong about what comes, then dwell and limits hold.

    It is asked again when the next slot begins at the latest.
    """
    rng = random.Random(seed)
    truth = [rng.uniform(5, 60) for _ in range(96)]

    def feed(now: datetime) -> dict[str, Any]:
        place = int((now - START) / (15 * MINUTE))
        begin = START + place * 15 * MINUTE
        lies = slots_from(
            begin, [truth[place % 96], *(rng.uniform(5, 60) for _ in range(20))]
        )
        return {"price": Price(truth[place % 96], lies[0].end), "slots": lies}

    strategy = Strategy(
        "bands", "price_bands", bands(min_time=30, max_switches=8, stagger=0), feed
    )
    world = World(fleet(), [strategy])
    while world.now < START + DAY:
        settlement = world.step()
        assert strategy.decision is not None
        boundary = feed(world.now)["price"].valid_until
        assert world.now < settlement.next_check_at <= boundary
        world.now = settlement.next_check_at
    for miner in world.miners:
        times = [at for at, name, *_ in world.switched if name == miner.id]
        assert 1 < len(times) <= 8
        assert all(other - one >= 30 * MINUTE for one, other in pairwise(times))


@pytest.mark.parametrize("seed", range(3))
def test_there_is_one_champion_while_any_miner_is_able(seed: int) -> None:
    """Given days of faults and users, then one miner runs in dear hours, and stays.

    Another one takes over only because it failed, left, got too hot or was taken.
    """
    rng = random.Random(seed)
    settings = ChampionSettings.from_dict({"above": 30, "stagger": 0})
    strategy = Strategy("champion", "champion", settings, followed([40]))
    world = World(fleet(), [strategy])
    before: str | None = None
    for _ in range(600):
        miner = rng.choice(world.miners)
        match rng.randint(0, 60):
            case 0:
                miner.mining = not miner.mining
            case 1:
                miner.safety = rng.choice([None, "hot"])
            case 2:
                miner.online = not miner.online
                miner.back_at = world.now if miner.online else miner.back_at
            case 3:
                world.by_hand(miner.id, OFF, ends="time", until=world.now + HOUR)
        able = [
            item.id
            for item in world.miners
            if item.safety is None
            and item.manual is None
            and (item.online or not item.running)
        ]
        world.step()
        decision = strategy.decision
        assert decision is not None
        champion = decision.champion
        if able:
            assert champion is not None
        if champion != before and before is not None and champion is not None:
            assert decision.sentence.values["reason"] in {
                "left", "by_hand", "too_hot", "not_mining",
            }  # fmt: skip
        running = [wish.rung for wish in decision.wishes if wish.rung != OFF]
        assert running == (["lowest"] if champion else ["leave"] * len(world.miners))
        before = champion
        world.now += MINUTE


def test_the_order_of_miners_is_irrelevant_for_all() -> None:
    """Given sun, heat and champion and miners in any order, then all decide alike."""
    rng = random.Random(2)
    kinds: list[tuple[Any, dict[str, Any]]] = [
        (SolarSettings.from_dict({}), {"samples": tuple(Sample(START + n * MINUTE - HOUR, 700.0, 0.0) for n in range(61))}),
        (HeatSettings.from_dict({}), {"room": Reading(17.0, START), "target": 20.0}),
        (ChampionSettings.from_dict({"above": 30}), {"price": Price(40)}),
    ]  # fmt: skip
    for settings, inputs in kinds:
        decided = set()
        for _ in range(6):
            views = [item.view(START) for item in fleet()]
            rng.shuffle(views)
            decision, _ = decide(
                settings, None, Inputs(START, miners=tuple(views), **inputs)
            )
            wishes = tuple(sorted((wish.miner, wish.rung) for wish in decision.wishes))
            decided.add((wishes, decision.mark, repr(decision.sentence)))
        assert len(decided) == 1
