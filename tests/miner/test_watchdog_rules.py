"""What a watchdog decides, by a clock of the test."""

from dataclasses import replace
from random import Random

import pytest

from custom_components.hmm.miner.status import MinerState
from custom_components.hmm.miner.watchdog_rules import (
    MAX_CYCLES,
    MAX_RESTARTS,
    Decider,
    Decision,
    Observation,
    WatchdogAction,
    WatchdogRecord,
)

FINE = Observation(state=MinerState.MINING, works=True, plug=None)
FROZEN = Observation(state=MinerState.NO_SHARES, problems=("hash_frozen",), plug=None)
LOST = Observation(state=MinerState.OFFLINE, problems=("no_response",), plug=None)
IDLE = Observation(state=MinerState.NOT_MINING, plug=None)
HOT = replace(FROZEN, problems=("overheat", "hash_frozen"))

MINUTE = 60.0
type Deeds = list[tuple[float, WatchdogAction, str | None]]


def watch(*phases: tuple[Observation, float], decider: Decider | None = None) -> Deeds:
    """Let a miner be in each observed for some minutes; return minute, action and reason."""
    decider = decider or Decider(WatchdogRecord(enabled=True))
    now, result = 1e9, []
    for observed, minutes in phases:
        for _ in range(int(minutes)):
            if decision := decider.update(observed, now):
                result.append(((now - 1e9) / MINUTE, decision.action, decision.reason))
            now += MINUTE
    return result


def test_restart_then_power_then_up() -> None:
    """Each remedy is tried once, and the last word is a repair."""
    assert watch((FROZEN, 300)) == [
        (0, WatchdogAction.RESTARTED, "hash_frozen"),
        (15, WatchdogAction.POWER_CYCLED, "hash_frozen"),
        (30, WatchdogAction.GAVE_UP, "hash_frozen"),
    ]
    without = replace(FROZEN, plug="not_wanted")
    assert watch((without, 300)) == [
        (0, WatchdogAction.RESTARTED, "hash_frozen"),
        (15, WatchdogAction.GAVE_UP, "hash_frozen"),
    ]


def test_a_miner_that_hangs() -> None:
    """Only after a quarter of an hour, and only by the plug."""
    assert watch((LOST, 14), (FINE, 5)) == []
    assert watch((LOST, 40), (FINE, 1)) == [
        (15, WatchdogAction.POWER_CYCLED, "unreachable"),
        (30, WatchdogAction.GAVE_UP, "unreachable"),
        (40, WatchdogAction.RECOVERED, None),
    ]
    assert watch((replace(LOST, plug="not_wanted"), 600)) == []
    assert watch((replace(LOST, problems=("no_route",)), 600)) == []
    # What was too hot when it was seen last is not left without its fan
    assert {item[1:] for item in watch((HOT, 1), (LOST, 60))} == {
        (WatchdogAction.HELD_BACK, "overheat")
    }


@pytest.mark.parametrize("observed", [LOST, IDLE])
@pytest.mark.parametrize("jump", [-7200.0, 7200.0])
def test_a_clock_that_is_set(observed: Observation, jump: float) -> None:
    """It shortens no wait, and starts it over."""
    decider = Decider(WatchdogRecord(enabled=True))
    assert decider.update(observed, 1e9) is None
    waits = [decider.update(observed, 1e9 + jump + n * MINUTE) for n in range(20)]
    assert not any(waits[:10])
    assert any(waits)


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        (HOT, "overheat"),
        (replace(FROZEN, many_silent=lambda: True), "many_silent"),
        (replace(LOST, many_lost=lambda: True), "many_lost"),
        (replace(FROZEN, since_start=60.0), "just_started"),
        (replace(LOST, plug="plug_shared"), "plug_shared"),
        (replace(LOST, others_harmed=True), "plug_shared_hot"),
        (replace(FROZEN, can_restart=False, plug="not_wanted"), "no_restart"),
        (replace(FROZEN, can_restart=False, plug="plug_unknown"), "plug_unknown"),
    ],
)
def test_what_holds_it_back(observed: Observation, reason: str) -> None:
    """It says so once, and does nothing however long that lasts."""
    assert [item[1:] for item in watch((observed, 600))] == [
        (WatchdogAction.HELD_BACK, reason)
    ]


def test_a_miner_that_is_well_looks_at_no_others() -> None:
    """With a thousand miners, all of them would be looked at 33 times a second."""

    def ask() -> bool:
        raise AssertionError

    for observed in (FINE, replace(FROZEN, is_busy=True)):
        assert watch((replace(observed, many_silent=ask, many_lost=ask), 30)) == []


def test_a_restart_that_was_not_done() -> None:
    """The power is cut at once: there is nothing to wait for."""
    decider = Decider(WatchdogRecord(enabled=True))
    assert decider.update(FROZEN, 0.0) == Decision(
        WatchdogAction.RESTARTED, "hash_frozen"
    )
    decider.restart_failed = True
    assert decider.update(FROZEN, 60.0) == Decision(
        WatchdogAction.POWER_CYCLED, "hash_frozen"
    )


def test_it_does_nothing_while_it_is_off_or_another_is_at_work() -> None:
    """Nor where it is idle for a moment only."""
    assert watch((FROZEN, 300), decider=Decider(WatchdogRecord())) == []
    assert watch((replace(FROZEN, is_busy=True), 300)) == []
    assert watch((IDLE, 9), (FINE, 1), (IDLE, 9)) == []
    assert watch((IDLE, 11)) == [(10, WatchdogAction.RESTARTED, "not_hashing")]


@pytest.mark.parametrize("seed", range(40))
def test_limits_hold_whatever_a_miner_does(seed: int) -> None:
    """Never too often, never hot, never the same remedy twice without a share."""
    chance = Random(seed)
    phases = [
        (chance.choice([FINE, FROZEN, LOST, IDLE, HOT]), chance.randint(1, 200))
        for _ in range(30)
    ]
    decider = Decider(WatchdogRecord(enabled=True))
    now, done = 1e9, list[tuple[float, WatchdogAction]]()
    since_share: list[WatchdogAction] = []
    hot = False
    for observed, minutes in phases:
        for _ in range(minutes):
            if observed.state is not MinerState.OFFLINE:
                hot = "overheat" in observed.problems
            decision = decider.update(observed, now)
            if observed.works:
                since_share = []
            if decision and decision.action in (
                WatchdogAction.RESTARTED,
                WatchdogAction.POWER_CYCLED,
            ):
                assert not hot
                assert decision.action not in since_share
                since_share.append(decision.action)
                done.append((now, decision.action))
            now += MINUTE
    for action, most in (
        (WatchdogAction.RESTARTED, MAX_RESTARTS),
        (WatchdogAction.POWER_CYCLED, MAX_CYCLES),
    ):
        times = [at for at, it in done if it is action]
        assert all(
            sum(0 <= at - begin < 86_400 for at in times) <= most for begin in times
        )
