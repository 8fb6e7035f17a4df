"""Counts what accounts bring, and the work of solo mining, with each poll of a pool."""

from datetime import datetime, timedelta

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from ..pool.coordinator import PoolCoordinator
from .ledger import Ledger
from .revenue import (
    account_blocks,
    coin_price,
    coins_per_day,
    parts_of_miners,
    reward_at,
)

_DAY = timedelta(days=1)
_LONGEST = timedelta(minutes=15)
"""Between two polls; of longer pauses it is unknown what was mined."""


@callback
def async_count_earnings(ledger: Ledger, pool: PoolCoordinator) -> CALLBACK_TYPE:
    """Count from now on what an account brings; return how to end that."""
    earned = ledger.earned[pool.config_entry.entry_id]
    earned.counted = pool.last_good
    if pool.is_solo and earned.account != pool.identity:
        earned.begin_work(pool.identity, dt_util.utcnow())
    return pool.async_add_listener(lambda: _count(ledger, pool))


def _count(ledger: Ledger, pool: PoolCoordinator) -> None:
    """Count the time since the last poll that succeeded, and new blocks, once."""
    earned, now = ledger.earned[pool.config_entry.entry_id], pool.last_good
    if now is None or now == earned.counted:
        return
    span = timedelta(0) if earned.counted is None else now - earned.counted
    # Some pools are polled only once an hour
    if (
        not timedelta(0)
        <= span
        <= max(_LONGEST, 2 * (pool.update_interval or _LONGEST))
    ):
        span = timedelta(0)
    earned.counted = now
    if pool.is_solo:
        _count_work(ledger, pool, span / _DAY, now)
    coins, coin = _coins(ledger, pool, span / _DAY)
    if coin.upper() in ledger.settings.coins:
        money = earned.earn(coins, coin, coin_price(ledger, coin))
        if money:
            periods = ledger.periods(dt_util.utcnow())
            earned.add(money, *periods)
            if (fleet := ledger.fleet_id) is not None:
                ledger.earned[fleet].add(money, *periods)
            if pool.is_solo and not ledger.settings.solo_in_profit:
                for entry_id, part in parts_of_miners(ledger, pool).items():
                    ledger.on_block(entry_id, money * part)
    ledger.earned.save_later()


def _count_work(
    ledger: Ledger, pool: PoolCoordinator, days: float, now: datetime
) -> None:
    """Add the work of some days to the effort; it starts over with a block."""
    earned = ledger.earned[pool.config_entry.entry_id]
    new = pool.new_blocks
    if new.blocks or new.more:
        times = [block.timestamp for block in new.blocks if block.timestamp is not None]
        last = dt_util.utc_from_timestamp(max(times)) if times else now
        earned.begin_work(pool.identity, min(last, now))
    else:
        earned.effort += (account_blocks(pool.data) or 0.0) * days


def _coins(ledger: Ledger, pool: PoolCoordinator, days: float) -> tuple[float, str]:
    """Return what some days brought, and in which coin.

    Of solo mining it is what blocks brought, unless the user counts its mean.
    """
    if not pool.is_solo or ledger.settings.solo_in_profit:
        expected = coins_per_day(ledger, pool)
        return (expected.amount or 0.0) * days, expected.coin
    new, coin = pool.new_blocks, pool.account.coin
    reward = reward_at(ledger, pool)
    usual = 0.0 if reward is None else reward.coins
    rewards = sum(block.reward or usual for block in new.blocks)
    return rewards + new.more * usual, coin
