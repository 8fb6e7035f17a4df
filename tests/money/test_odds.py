"""Tests of chances and rewards: the formulas, and rules that must not go stale."""

from datetime import UTC, datetime
import math
import random

import pytest

from custom_components.hmm.driver_api import PoolBlock
from custom_components.hmm.money.odds import DAYS, blocks_per_day, chance, one_in
from custom_components.hmm.money.rewards import (
    CHECKED,
    RULES,
    reward_by_height,
    reward_of_blocks,
    reward_of_jobs,
)


def test_a_known_chance() -> None:
    """Given 1.2 TH/s at a difficulty of 150 T, then it is 1 in 17,000 a year."""
    blocks = blocks_per_day(1.2e12, 150e12)
    assert blocks == pytest.approx(1.6e-7, rel=0.02)
    year = chance(blocks * DAYS["year"])
    assert year == pytest.approx(5.9e-5, rel=0.01)
    assert one_in(year) == 17000


def test_chances_behave() -> None:
    """Given any hashrate and difficulty, then a chance is one and moves as it must."""
    dice = random.Random(22)
    for _ in range(500):
        hashrate = 10 ** dice.uniform(3, 18)
        difficulty = 10 ** dice.uniform(0, 16)
        blocks = blocks_per_day(hashrate, difficulty)
        assert blocks is not None
        chances = [chance(blocks * days) for days in DAYS.values()]
        assert all(0 <= item <= 1 for item in chances)
        assert chances == sorted(chances)
        assert blocks_per_day(2 * hashrate, difficulty) > blocks
        assert blocks_per_day(hashrate, 2 * difficulty) < blocks
    # Where 1 - exp(-x) has no digits left
    assert chance(1.2345e-12) == pytest.approx(1.2345e-12, rel=1e-9)


@pytest.mark.parametrize(
    ("hashrate", "difficulty"),
    [(None, 1), (1, None), (-1, 1), (1, 0), (1, -1), (1e308, 1e-308)],
)
def test_chances_that_are_unknown(
    hashrate: float | None, difficulty: float | None
) -> None:
    """Given what cannot be, then nothing is said."""
    assert blocks_per_day(hashrate, difficulty) is None
    assert chance(None) is None
    assert one_in(None) is None
    assert one_in(0.0) is None
    assert chance(0) == 0
    assert not math.isnan(chance(1e9) or 0)


@pytest.mark.parametrize("coin", RULES)
def test_rules_give_the_reward_of_a_known_height(coin: str) -> None:
    """Given a height that was looked up, then the rule gives what a block brought."""
    rule = RULES[coin]
    assert rule.reward(rule.height) == pytest.approx(rule.known, rel=1e-5)
    assert reward_by_height(coin, rule.height) == rule.reward(rule.height)


def test_rules_go_on() -> None:
    """Given later heights, then rewards fall as the chains do it."""
    assert reward_by_height("BTC", 1_050_000) == 1.5625
    assert reward_by_height("DGB", 24_500_000) == pytest.approx(247.93, abs=0.01)
    assert reward_by_height("DGB", 1_000) is None
    assert reward_by_height("BTC", 2**62) is not None
    assert reward_by_height("DGB", 2**62) == 1
    assert reward_by_height("XEC", 900_000) is None
    assert reward_by_height("BTC", None) is None


def test_the_pool_knows_better() -> None:
    """Given blocks that the pool lists, then their mean is the reward, fees included."""
    blocks = [PoolBlock(reward=3.2), PoolBlock(reward=None), PoolBlock(reward=3.3)]
    assert reward_of_blocks(blocks) == pytest.approx(3.25)


def test_the_job_knows_best() -> None:
    """Given what jobs pay in the smallest unit, then their mean is the reward."""
    assert reward_of_jobs("BTC", [312_500_000, 313_500_000]) == pytest.approx(3.13)
    assert reward_of_jobs("XEC", [62_500_000_00]) == pytest.approx(62_500_000)
    assert reward_of_jobs("BTC", []) is None


def test_the_rules_were_checked_within_a_year() -> None:
    """Compare the rules with the chains (heights, rewards), then move the date."""
    assert (datetime.now(UTC).date() - CHECKED).days < 366
