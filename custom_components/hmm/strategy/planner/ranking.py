"""Which miner goes first: the user's own order, then by a figure."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
import math
from typing import Literal, get_args

from .model import MinerView

type RankBy = Literal["efficiency", "efficiency_1d", "hashrate", "fan", "cold_room"]
RANKS: tuple[RankBy, ...] = get_args(RankBy.__value__)

_FIGURES_LAST = timedelta(days=30)


def ranked(
    by: RankBy, order: Sequence[str], miners: Iterable[MinerView], now: datetime
) -> list[MinerView]:
    """Return miners, the best first; those without a value come last, ties by id."""
    places = {miner: place for place, miner in enumerate(order)}

    def rank(miner: MinerView) -> tuple[float, float, str]:
        figure = _figure(by, miner, now)
        rest = math.inf if figure is None else figure
        return places.get(miner.id, math.inf), rest, miner.id

    return sorted(miners, key=rank)


def _figure(by: RankBy, miner: MinerView, now: datetime) -> float | None:
    """Return what a miner is ranked by, the lowest first."""
    if by == "cold_room":
        return miner.room
    if by == "hashrate":
        hashrates = [mode.hashrate for mode in miner.modes if mode.hashrate is not None]
        return -max(hashrates) if hashrates else None
    at = miner.efficiency_at
    if at is not None and now - at > _FIGURES_LAST:
        return None
    if by == "fan":
        return miner.fan_speed
    efficiency = miner.efficiency
    if by == "efficiency_1d" and miner.efficiency_1d is not None:
        efficiency = miner.efficiency_1d
    return efficiency if efficiency is not None and efficiency > 0 else None
