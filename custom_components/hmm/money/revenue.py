"""What mining brings on average, in coins and in money: of a pool account, of all."""

from dataclasses import dataclass
from enum import StrEnum

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT

from ..driver_api import DashboardTileData
from ..driver_api.units import parse_number
from ..fleet.coordinator import FleetCoordinator
from ..pool.coordinator import PoolCoordinator
from .ledger import Ledger
from .odds import blocks_per_day
from .price import referred_entity
from .rewards import reward_of
from .units import UnitProblem, money_factor

_DAY = 86_400
_MOST_COIN_PRICE = 1e12


class Basis(StrEnum):
    """How an expectation was found."""

    POOL = "pool_estimate"
    DIFFICULTY = "difficulty"
    SOLO = "solo_expectation"


@dataclass(frozen=True, slots=True)
class Expected:
    """Money a day on average, and how it was found; None is unknown."""

    money: float | None
    basis: Basis | None


_UNKNOWN = Expected(None, None)


def coin_price(ledger: Ledger, coin: str) -> float | None:
    """Return what one coin is worth in the currency of Home Assistant."""
    reference = ledger.settings.coins.get(coin.upper())
    entity_id = reference and referred_entity(ledger.hass, reference)
    state = ledger.hass.states.get(entity_id) if entity_id else None
    value = parse_number(state.state) if state else None
    if state is None or value is None or not 0 <= value <= _MOST_COIN_PRICE:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    factor = money_factor(unit, ledger.currency)
    if factor is UnitProblem.UNKNOWN:
        # The user was asked what it is in
        factor = 1.0 if ledger.settings.coin_currency == ledger.currency else factor
    return None if isinstance(factor, UnitProblem) else value * factor


def account_blocks(tiles: DashboardTileData) -> float | None:
    """Return the blocks a day that the hashrate of an account finds on average."""
    if not tiles.account_known:
        return 0.0
    blocks = blocks_per_day(tiles.pool_hashrate, tiles.network_difficulty)
    time = tiles.estimated_time_to_block
    if blocks is None and time is not None and time > 0:
        return _DAY / time
    return blocks


def fleet_blocks(fleet: FleetCoordinator) -> float | None:
    """Return the blocks a day of all solo pools together; None while one is missed."""
    pools = fleet.data.pools
    if any(part.missing for part in pools.parts.values()):
        return None
    times = [it.time_to_block for it in pools.coins.values() if it.time_to_block]
    return sum(_DAY / time for time in times) if times else None


def pool_revenue(ledger: Ledger, pool: PoolCoordinator) -> Expected:
    """Return what an account brings a day: by the pool's estimate, else by its odds."""
    if not pool.last_update_success:
        return _UNKNOWN
    tiles, coin = pool.data, pool.account.coin
    if tiles.estimated_earnings_24h is not None:
        price = coin_price(ledger, tiles.currency or coin)
        if price is None:
            return _UNKNOWN
        return Expected(tiles.estimated_earnings_24h * price, Basis.POOL)
    price, blocks = coin_price(ledger, coin), account_blocks(tiles)
    reward = reward_of(coin, tiles.own_blocks, _height(ledger, pool))
    if price is None or blocks is None or reward is None:
        return _UNKNOWN
    basis = Basis.SOLO if pool.is_solo else Basis.DIFFICULTY
    return Expected(blocks * reward * price, basis)


def fleet_revenue(ledger: Ledger, *, solo: bool = True) -> Expected:
    """Return what all accounts bring a day, with or without ``solo`` mining."""
    found = [
        pool_revenue(ledger, pool)
        for pool in ledger.members.pools.values()
        if solo or not pool.is_solo
    ]
    if not found:
        # Without a pool nothing is known; without one that pays, nothing comes
        return Expected(0.0 if ledger.members.pools else None, None)
    known = [it.money for it in found if it.money is not None]
    bases = [it.basis for it in found if it.basis is not None]
    if len(known) < len(found):
        return _UNKNOWN
    return Expected(sum(known), max(bases, default=None))


def counted_revenue(ledger: Ledger) -> Expected:
    """Return what is set against the cost: solo mining only if the user wants that."""
    return fleet_revenue(ledger, solo=ledger.settings.solo_in_profit)


def _height(ledger: Ledger, pool: PoolCoordinator) -> int | None:
    """Return the height of the chain, by the miners that mine at a pool."""
    host = pool.account.url.lower()
    heights = [
        miner.data.block_height
        for miner in ledger.members.miners.values()
        if miner.last_update_success
        and miner.data.block_height is not None
        and (slot := miner.data.active_pool) is not None
        and slot.url.lower().partition(":")[0] == host
    ]
    return max(heights, default=None)
