"""What mining brings on average, in coins and in money: of a pool account, of all."""

from dataclasses import dataclass
from enum import StrEnum

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT

from ..const import CONF_POOL_FEE, MAX_FEE
from ..driver_api import DashboardTileData
from ..driver_api.units import parse_number
from ..fleet.coordinator import FleetCoordinator
from ..miner.coordinator import MinerCoordinator
from ..pool.coordinator import PoolCoordinator
from ..pool.workers import is_mining_at
from .ledger import Ledger
from .odds import blocks_per_day
from .price import referred_entity
from .rewards import (
    FEE_INCLUDED,
    Fee,
    FeeSource,
    Reward,
    reward_by_height,
    reward_of_blocks,
    reward_of_jobs,
)
from .units import UnitProblem, money_factor

_DAY = 86_400
_MAX_COIN_PRICE = 1e12


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
    fee: Fee | None = None


_UNKNOWN = Expected(None, None)


def coin_price(ledger: Ledger, coin: str) -> float | None:
    """Return what one coin is worth in the currency of Home Assistant."""
    reference = ledger.settings.coins.get(coin.upper())
    entity_id = reference and referred_entity(ledger.hass, reference)
    state = ledger.hass.states.get(entity_id) if entity_id else None
    value = parse_number(state.state) if state else None
    if state is None or value is None or not 0 <= value <= _MAX_COIN_PRICE:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    factor = money_factor(unit, ledger.currency)
    if factor is UnitProblem.UNKNOWN:
        # The user has entered its currency
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
    times = [coin.time_to_block for coin in pools.coins.values() if coin.time_to_block]
    return sum(_DAY / time for time in times) if times else None


@dataclass(frozen=True, slots=True)
class Coins:
    """Coins a day on average; an ``amount`` of None is unknown."""

    amount: float | None
    coin: str
    basis: Basis
    fee: Fee = FEE_INCLUDED


def coins_per_day(
    ledger: Ledger, pool: PoolCoordinator, hashrate: float | None = None
) -> Coins:
    """Return what an account brings: by the pool's estimate, else by its odds.

    With a ``hashrate`` in H/s it is the part of one miner.
    """
    tiles, coin = pool.data, pool.account.coin
    estimate = tiles.estimated_earnings_24h
    if estimate is not None:
        if hashrate is not None:
            of_all = tiles.pool_hashrate
            estimate = estimate * min(hashrate / of_all, 1.0) if of_all else None
        return Coins(estimate, tiles.currency or coin, Basis.POOL)
    if hashrate is None:
        blocks = account_blocks(tiles)
    else:
        blocks = blocks_per_day(hashrate, tiles.network_difficulty)
    reward = reward_at(ledger, pool)
    basis = Basis.SOLO if pool.is_solo else Basis.DIFFICULTY
    if blocks is None or reward is None:
        return Coins(None, coin, basis)
    return Coins(blocks * reward.coins, coin, basis, reward.fee)


def reward_at(ledger: Ledger, pool: PoolCoordinator) -> Reward | None:
    """Return the coins that a block of an account brings now, without the fee.

    It is looked for once with each poll of the pool: there may be many miners.
    """
    entry_id = pool.config_entry.entry_id
    kept = ledger.rewards.get(entry_id)
    if kept is not None and kept[0] == pool.last_good:
        return kept[1]
    reward = _find_reward(ledger, pool)
    if reward is not None:
        ledger.rewards[entry_id] = pool.last_good, reward
    return reward


def _find_reward(ledger: Ledger, pool: PoolCoordinator) -> Reward | None:
    """Return the reward by jobs, blocks or the rule.

    The jobs of its miners know it best; of solo mining also what the pool keeps.
    """
    coin = pool.account.coin
    jobs = [
        miner.data
        for miner in ledger.members.miners.values()
        if is_mining_at(miner, pool.account, pool.data)
    ]
    own = [job.coinbase_own_value for job in jobs if job.coinbase_own_value]
    if pool.is_solo and (reward := reward_of_jobs(coin, own)) is not None:
        return Reward(reward, FEE_INCLUDED)
    whole = reward_of_jobs(coin, [job.coinbase_value for job in jobs])
    if whole is None:
        if (reward := reward_of_blocks(pool.data.own_blocks)) is not None:
            return Reward(reward, FEE_INCLUDED)
        heights = [job.block_height for job in jobs if job.block_height is not None]
        whole = reward_by_height(coin, max(heights, default=None))
    if whole is None:
        return None
    fee = pool_fee(pool)
    return Reward(whole * fee.left, fee)


def pool_fee(pool: PoolCoordinator) -> Fee:
    """Return what a pool keeps: as it reports itself, else as entered by the user."""
    if (percent := pool.data.fee_percent) is not None:
        return Fee(FeeSource.POOL, percent)
    entered = parse_number(pool.config_entry.options.get(CONF_POOL_FEE))
    if entered is not None and 0 <= entered <= MAX_FEE:
        return Fee(FeeSource.OWNER, entered)
    return Fee(FeeSource.UNKNOWN)


def _in_money(ledger: Ledger, coins: Coins) -> Expected:
    price = coin_price(ledger, coins.coin)
    if price is None or coins.amount is None:
        return _UNKNOWN
    return Expected(coins.amount * price, coins.basis, coins.fee)


def pool_revenue(ledger: Ledger, pool: PoolCoordinator) -> Expected:
    """Return what an account brings a day."""
    if not pool.last_update_success:
        return _UNKNOWN
    return _in_money(ledger, coins_per_day(ledger, pool))


def pool_of(ledger: Ledger, miner: MinerCoordinator) -> PoolCoordinator | None:
    """Return the account that a miner mines for now, None if it is not known."""
    return next(
        (
            pool
            for pool in ledger.members.pools.values()
            if pool.last_update_success and is_mining_at(miner, pool.account, pool.data)
        ),
        None,
    )


def parts_of_miners(ledger: Ledger, pool: PoolCoordinator) -> dict[str, float]:
    """Return which part of an account each miner is, by its entry; 1 at most in all."""
    hashrates = {
        entry_id: miner.data.hashrate
        for entry_id, miner in ledger.members.miners.items()
        if miner.last_update_success
        and miner.data.hashrate
        and is_mining_at(miner, pool.account, pool.data)
    }
    of_all = max(sum(hashrates.values()), pool.data.pool_hashrate or 0.0)
    return {entry_id: hashrate / of_all for entry_id, hashrate in hashrates.items()}


def miner_revenue(
    ledger: Ledger, miner: MinerCoordinator, *, solo: bool = True
) -> Expected:
    """Return what a miner brings a day: its own part of what its account does."""
    hashrate = miner.data.hashrate if miner.last_update_success else None
    if hashrate is None or (pool := pool_of(ledger, miner)) is None:
        return _UNKNOWN
    if pool.is_solo and not solo:
        return Expected(0.0, None)
    return _in_money(ledger, coins_per_day(ledger, pool, hashrate))


def fleet_revenue(ledger: Ledger, *, solo: bool = True) -> Expected:
    """Return what all accounts bring a day, with or without ``solo`` mining."""
    revenues = [
        pool_revenue(ledger, pool)
        for pool in ledger.members.pools.values()
        if solo or not pool.is_solo
    ]
    if not revenues:
        # Without a pool nothing is known; without one that pays, nothing comes
        return Expected(0.0 if ledger.members.pools else None, None)
    amounts = [revenue.money for revenue in revenues if revenue.money is not None]
    bases = [revenue.basis for revenue in revenues if revenue.basis is not None]
    if len(amounts) < len(revenues):
        return _UNKNOWN
    sources = {revenue.fee.source for revenue in revenues if revenue.fee is not None}
    fee = Fee(max(sources, key=list(FeeSource).index)) if sources else None
    return Expected(sum(amounts), max(bases, default=None), fee)


def not_counted(ledger: Ledger, fleet: FleetCoordinator) -> list[str]:
    """Return the miners that mine for an account that HMM does not have.

    What they cost counts, what they bring does not. One that does not report for whom
    it mines may be among the workers of an account.
    """
    if ledger.not_counted is None or ledger.not_counted[0] is not fleet.data:
        pools = ledger.members.pools.values()
        names = [
            miner.config_entry.title
            for miner in ledger.members.miners.values()
            if miner.last_update_success
            and miner.data.hashrate
            and (slot := miner.data.active_pool) is not None
            and slot.user
            and not any(is_mining_at(miner, pool.account, pool.data) for pool in pools)
        ]
        # Several sensors show it after each count of the fleet
        ledger.not_counted = fleet.data, sorted(names)
    return ledger.not_counted[1]


def counted_revenue(
    ledger: Ledger, member: MinerCoordinator | FleetCoordinator
) -> Expected:
    """Return what is set against the cost: solo mining only if the user wants that."""
    solo = ledger.settings.solo_in_profit
    if isinstance(member, FleetCoordinator):
        return fleet_revenue(ledger, solo=solo)
    return miner_revenue(ledger, member, solo=solo)
