"""The chance of a block and what mining brings on average; it knows no Home Assistant."""

import math
from typing import Final

from ..driver_api.units import HASHES_PER_DIFFICULTY

DAYS: Final = {"day": 1.0, "week": 7.0, "month": 30.436875, "year": 365.2425}
_DAY_SECONDS = 86_400


def blocks_per_day(hashrate: float | None, difficulty: float | None) -> float | None:
    """Return the blocks a day that a hashrate in H/s finds on average.

    ``difficulty`` is that of the network on the algorithm that is mined. None if
    either is unknown.
    """
    if hashrate is None or difficulty is None or hashrate < 0 or difficulty <= 0:
        return None
    blocks = hashrate / difficulty / HASHES_PER_DIFFICULTY * _DAY_SECONDS
    return blocks if math.isfinite(blocks) else None


def chance(blocks: float | None, days: float = 1) -> float | None:
    """Return the chance of a block where ``blocks`` are expected a day: 0 to 1.

    It keeps its digits at 1e-12.
    """
    return None if blocks is None or blocks < 0 else -math.expm1(-blocks * days)


def one_in(probability: float | None) -> int | None:
    """Return 17000 for a chance of 1 in 17,000, with two digits that mean something."""
    if not probability or probability < 1e-15:
        return None
    number = 1 / probability
    return int(float(f"{number:.2g}")) if number >= 100 else round(number)
