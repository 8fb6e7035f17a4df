"""Adds up the pools: the four tiles over all of them, and per coin.

A sum is that of the pools that report, and says of how many (``reporting``); a value
that no pool reports is None. A time to a block is not a sum: without one of its pools
it would be too long, so it is None while a pool that takes part is silent. Hashrates
are in H/s, times in seconds, shares of a network in percent.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
import math
from operator import attrgetter
from statistics import median
from typing import Final

from ..driver_api import DashboardTileData
from ..driver_api.coins import network_figures
from ..driver_api.ranges import BLOCK_TIME, PERCENT, Range
from ..driver_api.units import HASHES_PER_DIFFICULTY, reject_percent

_SHARES: Final = ("shares_valid", "shares_invalid", "shares_stale", "reject_rate")


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
    name: str = ""
    last: DashboardTileData | None = None
    """What it reported before it went down, None if that is not known.

    It decides which silent pools are missed, and is never shown."""
    paid_in: str | None = None
    """What it paid in when it last reported it."""
    has_hashrate: bool = False
    """Whether it ever reported a hashrate of the account."""
    has_time: bool = False
    """Whether a time to a block was ever known of it."""

    @property
    def currency(self) -> str:
        """Return what the pool pays in, by default the coin that it mines."""
        reported = self.tiles.currency if self.tiles else None
        return (reported or self.paid_in or self.coin).upper()


@dataclass(frozen=True, slots=True)
class Reporting:
    """Of how many members a sum is, out of those that have such a value."""

    reporting: int
    total: int


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
class CoinParts:
    """What the totals of a coin are made of."""

    missing: tuple[str, ...] = ()
    """The pools without which no time to a block can be determined."""
    pools: tuple[str, ...] = ()
    """The pools whose hashrate makes the time to a block."""
    reporting: Mapping[str, Reporting] = field(default_factory=dict)
    """By the name of the field."""


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
    soonest_coin: str | None = field(default=None, compare=False)
    soonest_missing: tuple[str, ...] = field(default=(), compare=False)
    """The silent pools that may have the soonest block."""
    mean_share: float | None = None
    """The mean of the accounts' shares of their networks."""
    shares_valid: int | None = None
    shares_invalid: int | None = None
    shares_stale: int | None = None
    reject_rate: float | None = None
    """Percent of the shares of all pools that report both kinds."""
    blocks_24h: int | None = None
    mined: tuple[str, ...] = ()
    """The coins that are mined, whether or not their pools answer."""
    currencies: tuple[str, ...] = ()
    """What the pools pay in, whether or not they answer."""
    coins: Mapping[str, CoinTotals] = field(default_factory=dict)
    """By coin and currency."""
    parts: Mapping[str, CoinParts] = field(default_factory=dict, compare=False)
    """Also by coin and currency."""
    reporting: Mapping[str, Reporting] = field(default_factory=dict, compare=False)
    """By the name of the field."""

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
    results = {coin: _coin(coin, readings) for coin in sorted({*mined, *currencies})}
    coins = {coin: totals for coin, (totals, _) in results.items()}
    parts = {coin: part for coin, (_, part) in results.items()}
    soonest, soonest_missing = _soonest(coins, parts, readings)
    return PoolTotals(
        total=len(readings),
        healthy=len(tiles),
        latency=_mean(tile.latency_ms for tile in tiles),
        hashrate=_sum(tile.pool_hashrate for tile in tiles),
        soonest_block=None if soonest is None else coins[soonest].time_to_block,
        soonest_coin=soonest,
        soonest_missing=soonest_missing,
        mean_share=_mean(tile.pool_percentage for tile in tiles),
        shares_valid=_count(tile.shares_valid for tile in tiles),
        shares_invalid=_count(tile.shares_invalid for tile in tiles),
        shares_stale=_count(tile.shares_stale for tile in tiles),
        reject_rate=_reject_rate(tiles),
        blocks_24h=_count(tile.blocks_found_24h for tile in tiles),
        mined=tuple(mined),
        currencies=tuple(currencies),
        coins=coins,
        parts=parts,
        reporting={
            "hashrate": _of_hashrate(readings),
            "latency": _reporting(readings, "latency_ms"),
            **{name: _reporting(readings, name) for name in _SHARES},
            "blocks_24h": _of_blocks(readings),
        },
    )


def _coin(coin: str, readings: Iterable[PoolReading]) -> tuple[CoinTotals, CoinParts]:
    """Return all pools of a coin together; money by what they pay in."""
    mining = [reading for reading in readings if reading.coin.upper() == coin]
    paying = [reading for reading in readings if reading.currency == coin]
    mined = [reading.tiles for reading in mining if reading.tiles]
    paid = [reading.tiles for reading in paying if reading.tiles]
    hashrate = _sum(tiles.pool_hashrate for tiles in mined)
    # They speak of one network: one that is off must not decide
    difficulties = _valid(tiles.network_difficulty for tiles in mined)
    difficulty = _finite(median(difficulties)) if difficulties else None
    share = network_figures(coin, difficulty, hashrate).percent
    if share is None:
        share = _within(PERCENT, _sum(tiles.pool_percentage for tiles in mined))
    solo = [reading for reading in mining if reading.solo]
    rates = [
        (reading, None if reading.tiles is None else _rate(reading.tiles, difficulty))
        for reading in solo
    ]
    missing: tuple[str, ...] = ()
    if difficulty is not None or any(reading.has_time for reading in solo):
        missing = tuple(
            reading.name
            for reading, rate in rates
            if rate is None and _is_missed(reading)
        )
    parts = [(reading.tiles, rate) for reading, rate in rates if reading.tiles and rate]
    if all(difficulty and tiles.pool_hashrate for tiles, _ in parts):
        together = _sum(tiles.pool_hashrate for tiles, _ in parts)
        seconds = network_figures(coin, difficulty, together).seconds
    else:
        # Some pools report the outcome alone; what adds up are blocks per second
        seconds = _within(BLOCK_TIME, 1 / sum(rate for _, rate in parts))
    totals = CoinTotals(
        hashrate=hashrate,
        network_difficulty=difficulty,
        network_share=share,
        time_to_block=None if missing else seconds,
        earnings_24h=_sum(tiles.estimated_earnings_24h for tiles in paid),
        confirmed_balance=_sum(tiles.confirmed_balance for tiles in paid),
        pending_balance=_sum(tiles.pending_balance for tiles in paid),
    )
    of_hashrate = _of_hashrate(mining)
    return totals, CoinParts(
        missing=missing,
        pools=tuple(reading.name for reading, rate in rates if rate),
        reporting={
            "hashrate": of_hashrate,
            "network_share": of_hashrate,
            "earnings_24h": _reporting(paying, "estimated_earnings_24h"),
            "confirmed_balance": _reporting(paying, "confirmed_balance"),
            "pending_balance": _reporting(paying, "pending_balance"),
        },
    )


def _rate(tiles: DashboardTileData, difficulty: float | None) -> float | None:
    """Return the blocks per second that an account may expect, None if unknown."""
    hashrate, time = tiles.pool_hashrate, tiles.estimated_time_to_block
    if not tiles.account_known or hashrate == 0:
        return 0.0
    if hashrate is not None and hashrate > 0 and difficulty:
        return _finite(hashrate / difficulty / HASHES_PER_DIFFICULTY)
    return _finite(1 / time) if time is not None and time > 0 else None


def _is_missed(reading: PoolReading) -> bool:
    """Return whether a pool of an unknown rate may have one.

    One that had no hashrate before it went down takes no part.
    """
    if reading.tiles is None:
        last = reading.last
        if last is not None and _rate(last, last.network_difficulty) == 0:
            return False
        return reading.has_time or reading.has_hashrate
    return reading.has_time or (
        reading.has_hashrate and reading.tiles.pool_hashrate is None
    )


def _soonest(
    coins: Mapping[str, CoinTotals],
    parts: Mapping[str, CoinParts],
    readings: Iterable[PoolReading],
) -> tuple[str | None, tuple[str, ...]]:
    """Return the coin whose block is to be expected first, and who is missed for it.

    A silent pool is not missed if its coin, by what it reported last, comes later.
    """
    times = {
        coin: totals.time_to_block
        for coin, totals in coins.items()
        if totals.time_to_block is not None
    }
    soonest = min(times, key=lambda coin: times[coin], default=None)
    missing: list[str] = []
    for coin, part in parts.items():
        if not part.missing:
            continue
        before = [
            replace(reading, tiles=reading.tiles or reading.last)
            for reading in readings
            if reading.coin.upper() == coin
        ]
        expected = _coin(coin, before)[0].time_to_block
        if expected is None or soonest is None or expected <= times[soonest]:
            missing += part.missing
    return (None if missing else soonest), tuple(missing)


def _reporting(
    readings: Iterable[PoolReading],
    name: str,
    owes: Callable[[DashboardTileData], bool] = lambda _: False,
) -> Reporting:
    """Return how many accounts report a field of their tiles, of those that have it.

    ``owes`` returns whether one without the value has it nevertheless. A silent one has
    it unless it is known that it does not report it.
    """
    read: Callable[[DashboardTileData], float | None] = attrgetter(name)
    reported = unknown = 0
    for reading in readings:
        tiles = reading.tiles or reading.last
        if reading.tiles is not None and _valid([read(reading.tiles)]):
            reported += 1
        elif tiles is None or _valid([read(tiles)]) or owes(tiles):
            unknown += 1
    return Reporting(reported, reported + unknown)


def _of_hashrate(readings: Iterable[PoolReading]) -> Reporting:
    """Return the same of the hashrate, which every account has that is known."""
    return _reporting(readings, "pool_hashrate", lambda tiles: tiles.account_known)


def _of_blocks(readings: Iterable[PoolReading]) -> Reporting:
    """Return the same of the day's blocks, which take a day to know from a total."""
    return _reporting(
        readings, "blocks_found_24h", lambda tiles: tiles.blocks_found is not None
    )


def _reject_rate(tiles: Iterable[DashboardTileData]) -> float | None:
    """Return the rate of all shares together, not the mean of the pools' rates.

    A pool that reports accepted shares alone would make it look better than it is.
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


def _valid[NumberT: (int, float)](values: Iterable[NumberT | None]) -> list[NumberT]:
    """Return the values that mean something: a driver may report -1 for "unknown"."""
    return [value for value in values if value is not None and value >= 0]


def _count(values: Iterable[int | None]) -> int | None:
    numbers = _valid(values)
    return sum(numbers) if numbers else None


def _sum(values: Iterable[float | None]) -> float | None:
    numbers = _valid(values)
    return _finite(sum(numbers)) if numbers else None


def _mean(values: Iterable[float | None]) -> float | None:
    numbers = _valid(values)
    total = _sum(numbers)
    return None if total is None else total / len(numbers)


def _within(rule: Range, value: float | None) -> float | None:
    """Return a value unless it is beyond what it can be."""
    return value if value is not None and value in rule else None


def _finite(value: float | None) -> float | None:
    """Return a value unless it is beyond all numbers: such sums are nonsense."""
    return value if value is not None and math.isfinite(value) else None
