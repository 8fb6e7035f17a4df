"""Adds up the pools: the four tiles over all of them, and per coin.

A figure that no pool tells is None, and a pool that does not tell one is left out
of its sum. Hashrates are in H/s, times in seconds, shares of a network in percent.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
import math
from statistics import median

from ..driver_api import DashboardTileData
from ..driver_api.coins import network_figures
from ..driver_api.units import reject_percent


class PlatformStatus(StrEnum):
    """How the pools are, all together."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    NO_POOLS = "no_pools"


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReading:
    """One pool account: its coin and its tiles, which are None while it is down."""

    coin: str
    tiles: DashboardTileData | None = None
    solo: bool = True
    """Whether a block that is found there is the user's own."""

    @property
    def currency(self) -> str:
        """Return what the pool pays in, by default the coin that it mines."""
        told = self.tiles.currency if self.tiles else None
        return (told or self.coin).upper()


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinTotals:
    """All pools of one coin together."""

    hashrate: float | None = None
    network_difficulty: float | None = None
    network_share: float | None = None
    time_to_block: float | None = None
    earnings_24h: float | None = None
    confirmed_balance: float | None = None
    pending_balance: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTotals:
    """All pools together."""

    total: int = 0
    healthy: int = 0
    latency: float | None = None
    """The mean, in milliseconds."""
    hashrate: float | None = None
    soonest_block: float | None = None
    """The expected time of the coin whose block is to be expected first."""
    mean_share: float | None = None
    """The mean of the accounts' shares of their networks."""
    shares_valid: int | None = None
    shares_invalid: int | None = None
    shares_stale: int | None = None
    reject_rate: float | None = None
    """Percent of the shares of all pools that tell both kinds."""
    blocks_24h: int | None = None
    mined: tuple[str, ...] = ()
    """The coins that are mined, whether or not their pools answer."""
    currencies: tuple[str, ...] = ()
    """What the pools pay in, whether or not they answer."""
    coins: Mapping[str, CoinTotals] = field(default_factory=dict)
    """By coin and currency."""

    @property
    def status(self) -> PlatformStatus:
        """Return how the pools are."""
        if not self.total:
            return PlatformStatus.NO_POOLS
        if not self.healthy:
            return PlatformStatus.UNHEALTHY
        if self.healthy < self.total:
            return PlatformStatus.DEGRADED
        return PlatformStatus.HEALTHY


def add_up(pools: Iterable[PoolReading]) -> PoolTotals:
    """Return what the pools are together."""
    readings = list(pools)
    tiles = [reading.tiles for reading in readings if reading.tiles is not None]
    mined = sorted({reading.coin.upper() for reading in readings})
    currencies = sorted({reading.currency for reading in readings})
    coins = {coin: _coin(coin, readings) for coin in sorted({*mined, *currencies})}
    times = _known(coin.time_to_block for coin in coins.values())
    return PoolTotals(
        total=len(readings),
        healthy=len(tiles),
        latency=_mean(tile.latency_ms for tile in tiles),
        hashrate=_sum(tile.pool_hashrate for tile in tiles),
        soonest_block=min(times, default=None),
        mean_share=_mean(tile.pool_percentage for tile in tiles),
        shares_valid=_count(tile.shares_valid for tile in tiles),
        shares_invalid=_count(tile.shares_invalid for tile in tiles),
        shares_stale=_count(tile.shares_stale for tile in tiles),
        reject_rate=_reject_rate(tiles),
        blocks_24h=_count(tile.blocks_found_24h for tile in tiles),
        mined=tuple(mined),
        currencies=tuple(currencies),
        coins=coins,
    )


def _coin(coin: str, readings: Iterable[PoolReading]) -> CoinTotals:
    """Return all pools of a coin together; money by what they pay in."""
    answers = [(reading, reading.tiles) for reading in readings if reading.tiles]
    mining = [tiles for reading, tiles in answers if reading.coin.upper() == coin]
    paying = [tiles for reading, tiles in answers if reading.currency == coin]
    hashrate = _sum(tiles.pool_hashrate for tiles in mining)
    # They speak of one network: one that is off must not decide
    difficulties = _known(tiles.network_difficulty for tiles in mining)
    difficulty = _finite(median(difficulties)) if difficulties else None
    solo = [
        tiles
        for reading, tiles in answers
        if reading.coin.upper() == coin and reading.solo
    ]
    share = _finite(network_figures(coin, difficulty, hashrate).percent)
    seconds = _finite(
        network_figures(
            coin, difficulty, _sum(tiles.pool_hashrate for tiles in solo)
        ).seconds
    )
    if share is None:
        share = _sum(tiles.pool_percentage for tiles in mining)
    if seconds is None:
        # Some pools tell the outcome alone; what adds up are blocks per second
        times = _known(tiles.estimated_time_to_block for tiles in solo)
        rate = sum(1 / time for time in times if time)
        seconds = _finite(1 / rate) if rate else None
    return CoinTotals(
        hashrate=hashrate,
        network_difficulty=difficulty,
        network_share=share,
        time_to_block=seconds,
        earnings_24h=_sum(tiles.estimated_earnings_24h for tiles in paying),
        confirmed_balance=_sum(tiles.confirmed_balance for tiles in paying),
        pending_balance=_sum(tiles.pending_balance for tiles in paying),
    )


def _reject_rate(tiles: Iterable[DashboardTileData]) -> float | None:
    """Return the rate of all shares together, not the mean of the pools' rates.

    A pool that tells accepted shares alone would make it look better than it is.
    """
    both = [
        tile
        for tile in tiles
        if reject_percent(tile.shares_valid, tile.shares_invalid, tile.shares_stale)
        is not None
    ]
    return reject_percent(
        _count(tile.shares_valid for tile in both),
        _count(tile.shares_invalid for tile in both),
        _count(tile.shares_stale for tile in both),
    )


def _known[NumberT: (int, float)](values: Iterable[NumberT | None]) -> list[NumberT]:
    """Return the values that mean something: a driver may say -1 for "unknown"."""
    return [value for value in values if value is not None and value >= 0]


def _count(values: Iterable[int | None]) -> int | None:
    known = _known(values)
    return sum(known) if known else None


def _sum(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return _finite(sum(known)) if known else None


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    total = _sum(known)
    return None if total is None else total / len(known)


def _finite(value: float | None) -> float | None:
    """Return a value unless it is beyond all numbers: such sums are nonsense."""
    return value if value is not None and math.isfinite(value) else None
