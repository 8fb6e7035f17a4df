"""When something is wrong with a miner, from poll to poll."""

from dataclasses import replace
from itertools import count
from typing import Any

import pytest

from custom_components.hmm.driver_api import MinerTelemetry, PoolSlot
from custom_components.hmm.miner.problems import Limits, MinerProblems

POOL = PoolSlot(index=0, url="pool.example:3333", user="wallet", active=True)
GOOD = MinerTelemetry(
    hashrate=1.07e12,
    hashrate_expected=1.07e12,
    temperature=58,
    temperature_regulator=61,
    uptime=93_211,
    mode="standard",
    shares_accepted=4210,
    shares_rejected=3,
    pool_difficulty=1000,
    fan_speed=50,
    fan_rpm=(4000,),
    signal=-52,
    hashing=True,
    pools=(POOL,),
)


class Watch:
    """A miner that is polled every 30 s."""

    def __init__(self, **limits: Any) -> None:
        """Begin with a miner that works."""
        self.problems = MinerProblems(Limits(**limits))
        self.now = 1000.0
        self.data = GOOD
        self.shares = count(GOOD.shares_accepted or 0)

    def poll(self, times: int = 1, *, mines: bool = True, **fields: Any) -> list[str]:
        """Poll it; each field has its value from now on. Returns what is wrong."""
        for _ in range(times):
            self.now += 30
            if mines:
                fields["shares_accepted"] = next(self.shares)
            if "uptime" not in fields and self.data.uptime is not None:
                self.data = replace(self.data, uptime=self.data.uptime + 30)
            self.data = replace(self.data, **fields)
            self.problems.update(self.data, self.now)
            fields.pop("uptime", None)
        return list(self.problems.active)


@pytest.fixture
def watch() -> Watch:
    """Return a miner that has worked for a quarter of an hour."""
    watch = Watch()
    assert watch.poll(30) == []
    return watch


def test_what_is_reported_only_now_and_then_goes_on(watch: Watch) -> None:
    """Shares that come while their count is missing are shares; a count lost is none."""
    for accepted in range(5000, 5100):
        seen = accepted if accepted % 2 else None
        assert watch.poll(mines=False, shares_accepted=seen) == []
        assert watch.problems.has_share is (seen is not None)
    watch.poll(mines=False, shares_rejected=None)
    watch.poll(mines=False, shares_rejected=3)
    assert not watch.problems.has_share


@pytest.mark.parametrize(
    ("bad", "polls", "good", "clear_polls", "problem"),
    [
        ({"problems": ("overheat",)}, 1, {"problems": ()}, 2, "overheat"),
        ({"problems": ("power_fault",)}, 2, {"problems": ()}, 2, "power_fault"),
        ({"problems": ("no_pool",)}, 3, {"problems": ()}, 1, "no_pool"),
        ({"problems": ("of_a_user",)}, 1, {"problems": ()}, 1, "of_a_user"),
        ({"temperature": 71}, 5, {"temperature": 66}, 1, "hot"),
        ({"temperature_regulator": 91}, 5, {"temperature_regulator": 86}, 1, "hot"),
        ({"fan_rpm": (0,)}, 3, {"fan_rpm": (3000,)}, 2, "fan_stopped"),
        ({"signal": -81}, 31, {"signal": -70}, 31, "weak_signal"),
    ],
)
def test_begins_and_ends(
    watch: Watch,
    bad: dict[str, Any],
    polls: int,
    good: dict[str, Any],
    clear_polls: int,
    problem: str,
) -> None:
    """A problem needs as many polls to begin and to end as its rule says."""
    assert watch.poll(polls - 1, **bad) == []
    assert watch.poll(**bad) == [problem]
    # For as long as it holds
    assert watch.poll(50) == [problem]
    if clear_polls > 1:
        assert watch.poll(clear_polls - 1, **good) == [problem]
    assert watch.poll(**good) == []
    assert watch.poll(50) == []


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": None, "temperature_regulator": None},
        {"signal": None},
        {"hashrate_expected": None},
        {"shares_accepted": None, "shares_rejected": None},
        {"pool_difficulty": None},
        {"fan_rpm": (), "fan_speed": None},
        {"uptime": None},
        {"hashrate": None, "hashing": None},
        {"pools": ()},
    ],
)
def test_what_is_not_reported_is_no_problem(fields: dict[str, Any]) -> None:
    """A miner that does not report something has no problem with it."""
    watch = Watch()
    mines = "shares_accepted" not in fields
    assert watch.poll(200, mines=mines, **fields) == []


def test_a_temperature_between_both_limits_changes_nothing(watch: Watch) -> None:
    """Given a miner that was hot, then 3 K less end that, and not 1 K."""
    assert watch.poll(5, temperature=71) == ["hot"]
    assert watch.problems.active["hot"] == {"value": 71, "limit": 70, "unit": "°C"}
    assert watch.poll(20, temperature=68) == ["hot"]
    assert watch.poll(temperature=66) == []
    assert watch.poll(20, temperature=68) == []


def test_the_limit_is_that_of_the_kind_of_miner() -> None:
    """An Avalon is made for 95 °C."""
    watch = Watch(warm=95.0)
    assert watch.poll(20, temperature=94) == []
    assert watch.poll(20, temperature=96) == ["hot"]


def test_too_hot_and_hot_are_one_problem(watch: Watch) -> None:
    """A miner that stopped because of the heat is not hot besides."""
    assert watch.poll(20, temperature=75, problems=("overheat",)) == ["overheat"]
    assert watch.problems.active["overheat"] == {"value": 75, "unit": "°C"}
    watch.poll(temperature_limit=70)
    assert watch.problems.active["overheat"] == {
        "value": 75,
        "limit": 70,
        "unit": "°C",
    }


def test_a_fan_that_never_turned_is_none(watch: Watch) -> None:
    """Many have no sensor for it, and report zero."""
    other = Watch()
    assert other.poll(20, fan_rpm=(0,)) == []
    # One that stands because the miner is cool
    assert watch.poll(20, fan_rpm=(0,), fan_speed=0) == []


def test_a_frozen_miner_finds_no_shares(watch: Watch) -> None:
    """Case 18: 40 polls with one hashrate and one count, at a share in 4 s."""
    assert watch.poll(19, mines=False) == []
    assert watch.poll(21, mines=False) == ["no_shares"]
    assert watch.problems.active["no_shares"] == {"reason": "hash_frozen"}
    # A restart sets the counts back, which is no share
    assert watch.poll(10, mines=False, shares_accepted=0, uptime=10) == ["no_shares"]
    assert watch.poll(mines=False, shares_accepted=1) == []


def test_shares_that_are_overdue(watch: Watch) -> None:
    """Given a hashrate that moves, then the wait for a share alone tells."""
    for step in range(24):
        watch.poll(mines=False, hashrate=1.07e12 + step)
    assert list(watch.problems.active) == ["no_shares"]
    assert watch.problems.active["no_shares"] == {
        "reason": "share_overdue",
        "minutes": 12,
        "expected": "4 s",
    }


def test_why_no_share_comes_is_told_anew(watch: Watch) -> None:
    """A pool that is back sends work again: what remains is the miner's."""
    dead = (replace(POOL, alive=False),)
    watch.poll(45, mines=False, pools=dead)
    assert watch.poll(mines=False, pools=(POOL,)) == ["no_shares"]
    assert watch.problems.active["no_shares"]["reason"] == "hash_frozen"


def test_a_difficulty_that_falls_begins_a_new_wait(watch: Watch) -> None:
    """What was waited for so far was a larger share."""
    watch.poll(120, mines=False, pool_difficulty=1e9)
    for step in range(18):
        easy = {"pool_difficulty": 1, "hashrate": 1.07e12 + step}
        assert watch.poll(mines=False, **easy) == []
    assert watch.poll(10, mines=False) == ["no_shares"]


def test_a_measured_frequency_is_no_change(watch: Watch) -> None:
    """An Avalon reports the mean of its chips, and that moves; None is none, either."""
    for step in range(60):
        frequency = None if step % 7 == 0 else 450 + step % 3
        watch.poll(mines=False, frequency=frequency, hashrate=1e12 + step)
    assert "no_shares" in watch.problems.active
    assert watch.problems.changed_at is None
    watch.poll(frequency=450)
    watch.poll(frequency=500)
    assert watch.problems.changed_at == watch.now


def test_a_driver_may_name_any_problem(watch: Watch) -> None:
    """Also one that HMM itself has a word for."""
    assert watch.poll(problems=("no_shares", "hot")) == ["no_shares"]
    assert watch.problems.active["no_shares"] == {}


def test_few_shares_are_not_many_rejected_ones(watch: Watch) -> None:
    """After an hour in which the pool hardly answered, nothing is known of it."""
    for shares in range(60):
        watch.poll(mines=False, shares_accepted=4300 + shares, shares_rejected=30)
    assert list(watch.problems.active) == ["high_rejects"]
    for _ in range(125):
        watch.poll(mines=False, problems=())
    assert "high_rejects" not in watch.problems.active


def test_a_rejected_share_is_life(watch: Watch) -> None:
    """A pool that rejects everything is another problem."""
    for rejected in range(3, 40):
        assert "no_shares" not in watch.poll(mines=False, shares_rejected=rejected)


def test_a_share_that_takes_hours_is_waited_for(watch: Watch) -> None:
    """A difficulty for large miners: one share in 90 minutes is to be expected."""
    watch.poll(mines=False, pool_difficulty=1_350_000)
    for step in range(300):
        assert watch.poll(mines=False, hashrate=1.07e12 + step) == []


def test_a_pool_without_work(watch: Watch) -> None:
    """Given a pool that is lost, then restarting the miner would not help."""
    dead = (replace(POOL, alive=False),)
    assert watch.poll(45, mines=False, pools=dead) == ["no_shares"]
    assert watch.problems.active["no_shares"] == {"reason": "no_work"}


def test_no_share_is_expected_while_it_starts_or_rests(watch: Watch) -> None:
    """What was on its way begins again after a pause."""
    watch.poll(19, mines=False)
    watch.problems.rest()
    assert watch.poll(19, mines=False) == []
    watch.poll(mines=False, mode="eco")
    assert watch.poll(19, mines=False) == []


def test_a_miner_that_does_nothing(watch: Watch) -> None:
    """Whatever it should do, ten minutes of nothing are a problem: ESP-Miner#752."""
    idle = {"hashrate": 0.0, "hashrate_expected": None, "hashing": False}
    assert watch.poll(20, mines=False, **idle) == []
    assert watch.poll(mines=False) == ["not_hashing"]
    assert watch.poll(hashrate=1.07e12, hashing=True) == []


@pytest.mark.parametrize(
    "why", [{"problems": ("no_pool",)}, {"uptime": 20, "mode": "eco"}]
)
def test_a_miner_that_rests_for_a_reason(watch: Watch, why: dict[str, Any]) -> None:
    """It reports why, or has only just started."""
    watch.poll(20, mines=False, hashrate=0.0, hashing=False)
    assert "not_hashing" not in watch.poll(mines=False, **why)


def test_low_hashrate(watch: Watch) -> None:
    """The mean of ten minutes, well below what the settings promise."""
    watch.poll(30)
    assert watch.poll(19, hashrate=0.5e12) == ["low_hashrate"]
    assert watch.problems.active["low_hashrate"]["limit"] == 1.07
    # In between it remains
    assert watch.poll(40, hashrate=0.86e12) == ["low_hashrate"]
    assert watch.poll(40, hashrate=1.05e12) == []


def test_a_hashrate_is_not_low_after_a_change(watch: Watch) -> None:
    """An average of two modes is that of neither."""
    watch.poll(30)
    assert watch.poll(39, mode="oc", hashrate=0.5e12) == []
    assert watch.poll(2) == ["low_hashrate"]


def test_many_rejected_shares(watch: Watch) -> None:
    """Of the last hour, and of fifty at least."""
    assert watch.poll(20, mines=False, shares_rejected=20) == []
    for shares in range(60):
        watch.poll(mines=False, shares_accepted=4300 + shares, shares_rejected=30)
    assert list(watch.problems.active) == ["high_rejects"]
    assert watch.problems.active["high_rejects"]["limit"] == 5
    for shares in range(130):
        watch.poll(mines=False, shares_accepted=4400 + 10 * shares, shares_rejected=30)
    assert watch.problems.active == {}


def test_rejects_that_are_counted_from_zero_again_are_no_zero(watch: Watch) -> None:
    """Given a restart, then what was counted before it is shown until it is over."""
    for shares in range(60):
        watch.poll(mines=False, shares_accepted=4300 + shares, shares_rejected=30)
    before = watch.problems.active["high_rejects"]
    assert before["value"] == 15.3
    assert watch.poll(mines=False, shares_accepted=1, shares_rejected=0) == [
        "high_rejects"
    ]
    assert watch.problems.active["high_rejects"] == before


def test_a_share_before_a_silence_is_none_after_it(watch: Watch) -> None:
    """What the last poll showed was of the time before."""
    assert watch.problems.has_share
    watch.problems.rest()
    assert not watch.problems.has_share
    watch.poll(mines=False)
    assert not watch.problems.has_share


def test_a_pool_that_was_changed_has_an_hour(watch: Watch) -> None:
    """Its first shares may be those of the pool before."""
    other = (replace(POOL, url="other.example:3333"),)
    for shares in range(115):
        assert not watch.poll(
            mines=False,
            pools=other,
            shares_accepted=4300 + shares,
            shares_rejected=30 + shares,
        )
    watch.poll(10, mines=False, shares_accepted=4500, shares_rejected=300)
    assert list(watch.problems.active) == ["high_rejects"]


def test_a_restart_loop(watch: Watch) -> None:
    """Three unexpected starts in an hour, also after polls without a response."""
    for _ in range(2):
        assert watch.poll(10, uptime=20) == []
    watch.problems.rest()
    assert watch.poll(uptime=20) == ["restart_loop"]
    assert watch.poll(239) == ["restart_loop"]
    assert watch.poll(2) == []


def test_hmm_restarts_it_itself(watch: Watch) -> None:
    """Those starts are expected."""
    for _ in range(5):
        watch.problems.restarted_at = watch.now
        assert watch.poll(10, uptime=20) == []


def test_a_miner_that_does_not_obey(watch: Watch) -> None:
    """Three commands that were accepted and not done; the next good one ends it."""
    watch.problems.refusals = 2
    assert watch.poll() == []
    watch.problems.refusals = 3
    assert watch.poll() == ["not_obeying"]
    watch.problems.refusals = 0
    assert watch.poll() == []


def test_a_driver_that_names_new_problems_for_ever(watch: Watch) -> None:
    """What is over is forgotten: memory does not grow."""
    for number in range(2000):
        watch.poll(problems=(f"problem {number}",))
    assert len(watch.problems._debounces) < 5


def test_how_hot_it_was_stays_while_it_cools_down(watch: Watch) -> None:
    """Nobody is told "too hot: 23 °C" of a miner that stopped at 95."""
    heat = ("overheat",)
    watch.poll(temperature=86, problems=heat)
    assert watch.poll(5, temperature=23, problems=heat) == ["overheat"]
    assert watch.problems.active["overheat"] == {"value": 86, "unit": "°C"}

    watch.poll(5, temperature=60, problems=())
    assert watch.poll(temperature=40, problems=heat) == ["overheat"]
    assert watch.problems.active["overheat"] == {}
