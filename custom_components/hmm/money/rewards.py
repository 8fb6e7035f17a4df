"""What a block brings, by the rules of each coin at its height; no constant of today.

A rule is used where neither the miner's job nor the blocks of the pool report the
reward.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from statistics import fmean
from typing import Final

from ..driver_api import PoolBlock

_SMALLEST_UNITS: Mapping[str, int] = {"XEC": 100}
"""Of a coin, where it is not a hundred millionth."""

CHECKED: Final = date(2026, 11, 28)
"""When the rules and the newest heights below were last compared with the chains."""

_LAST_BLOCKS = 10
_HALVING = 210_000

# DigiByte: since this height the reward falls by the month, computed in whole steps
_DGB_HEIGHT = 1_430_000
_DGB_SECONDS = 15
_DGB_MONTH = 2_628_000
_DGB_FIRST = 1078.5
_DGB_KEPT = 98_884
_DGB_OF = 100_000
_COIN = 100_000_000


def _halving(height: int) -> float:
    return 50 / (1 << min(height // _HALVING, 64))


def _digibyte(height: int) -> float | None:
    if height < _DGB_HEIGHT:
        return None
    months = (height - _DGB_HEIGHT) * _DGB_SECONDS // _DGB_MONTH
    reward = round(_DGB_FIRST * _COIN)
    for _ in range(min(months, 5000)):
        reward = reward * _DGB_KEPT // _DGB_OF
    return max(reward, _COIN) / _COIN


@dataclass(frozen=True, slots=True)
class _Rule:
    """``reward`` by height; ``height`` and ``known`` are one that was looked up."""

    reward: Callable[[int], float | None]
    height: int
    known: float


RULES: Mapping[str, _Rule] = {
    "BTC": _Rule(_halving, 975_000, 3.125),
    "BCH": _Rule(_halving, 975_000, 3.125),
    "BC2": _Rule(_halving, 100_000, 50.0),
    "DGB": _Rule(_digibyte, 22_650_000, 277.376),
}


class FeeSource(StrEnum):
    """The source of what the pool keeps; the least certain one last."""

    INCLUDED = "included"
    """It is taken off already: by the pool's estimate, the miner's job, the block."""
    POOL = "pool"
    OWNER = "owner"
    UNKNOWN = "unknown"
    """Nothing is taken off."""


@dataclass(frozen=True, slots=True)
class Fee:
    """What a pool keeps, in ``percent`` where it is a figure."""

    source: FeeSource
    percent: float | None = None

    @property
    def left(self) -> float:
        """Return the part that is left."""
        return 1 - (self.percent or 0.0) / 100


FEE_INCLUDED: Final = Fee(FeeSource.INCLUDED)


@dataclass(frozen=True, slots=True)
class Reward:
    """Coins that a block brings, and what was taken off of them."""

    coins: float
    fee: Fee


def reward_of_jobs(coin: str, values: Iterable[int | None]) -> float | None:
    """Return the coins that the jobs of miners pay on average, in its smallest unit."""
    paid = [value for value in values if value]
    return fmean(paid) / _SMALLEST_UNITS.get(coin.upper(), _COIN) if paid else None


def reward_of_blocks(blocks: Iterable[PoolBlock]) -> float | None:
    """Return what the last blocks brought on average; they are newest first."""
    rewards = [
        block.reward
        for block in blocks
        if block.reward is not None and block.reward > 0
    ]
    return fmean(rewards[:_LAST_BLOCKS]) if rewards else None


def reward_by_height(coin: str, height: int | None) -> float | None:
    """Return the coins that a block brings by the rule of its coin, without fees."""
    rule = RULES.get(coin.upper())
    return None if rule is None or height is None else rule.reward(height)
