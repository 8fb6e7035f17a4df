"""What mining brings, from real polls of a simulated pool."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import PoolBlock
from custom_components.hmm.money import earnings
from custom_components.hmm.money.earned import Earned
from custom_components.hmm.money.odds import blocks_per_day, chance
from custom_components.hmm.money.revenue import (
    Basis,
    Coins,
    account_blocks,
    coin_price,
    coins_per_day,
)
from custom_components.hmm.money.rewards import Fee, FeeSource
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET
from tests.common import find, find_maybe, fleet_entry, poll, pool_entry
from tests.conftest import miner_entry, set_up

COIN = "sensor.dgb"


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner that is set up, so that there is a fleet."""
    await home.config.async_update(currency="EUR")
    bitaxe.pools[0].update(
        stratumURL="eu1.solopool.org",
        stratumPort=8004,
        stratumUser=f"{DEMO_WALLET}.axe",
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await home.async_block_till_done(wait_background_tasks=True)
    return entry


@pytest.fixture
async def pool(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> AsyncIterator[ConfigEntry[Any]]:
    """Return an account at a simulated solo pool that the miner mines for."""
    async with SimulatedSolopool(coin="dgb") as server:
        yield await set_up(home, pool_entry(server))


async def tell(home: HomeAssistant, **coins: Any) -> None:
    """Have the user tell the prices of electricity and coins."""
    home.config_entries.async_update_entry(
        fleet_entry(home),
        options={
            "prices": {"price_source": "fixed", "price_fixed": 0.3},
            "coins": coins,
        },
    )
    await home.async_block_till_done()


@pytest.mark.usefixtures("every_entity")
async def test_what_solo_mining_brings(
    home: HomeAssistant, pool: ConfigEntry[Any]
) -> None:
    """Given a solo pool, then its chance is told, and its mean is named as such."""
    tiles = pool.runtime_data.data
    blocks = account_blocks(tiles)
    assert blocks
    day = find(home, pool, "sensor", "odds_day")
    assert float(day.state) == pytest.approx(100 * chance(blocks), rel=0.01)
    assert day.attributes["one_in"] >= 1
    assert "state_class" not in day.attributes
    year = find(home, pool, "sensor", "odds_year")
    assert 0 < float(day.state) <= float(year.state) <= 100
    assert year.attributes["state_class"] == "measurement"
    assert find_maybe(home, pool, "sensor", "revenue_rate") is None
    home.states.async_set(COIN, "0.02", {"unit_of_measurement": "EUR"})
    await tell(home, dgb=COIN)
    revenue = find(home, pool, "sensor", "revenue_rate")
    # The job of the miner tells what a block pays
    expected = pytest.approx(blocks * 3.125 * 0.02, abs=0.01)
    assert float(revenue.state) == expected
    assert revenue.attributes["basis"] == "solo_expectation"
    assert revenue.attributes["unit_of_measurement"] == "EUR/d"
    fleet = fleet_entry(home)
    await poll(home, fleet)
    assert find(home, fleet, "sensor", "revenue_rate").state == revenue.state
    # Its profit does not count on a lottery, unless the user wants that
    loss = float(find(home, fleet, "sensor", "profit_rate").state)
    watts = fleet.runtime_data.data.power
    assert loss == pytest.approx(-watts * 0.024 * 0.3, abs=0.01)
    assert find(home, fleet, "sensor", "break_even").state == "0.0"
    await tell(home, dgb=COIN, solo_in_profit=True)
    profit = float(find(home, fleet, "sensor", "profit_rate").state)
    assert profit == pytest.approx(loss + float(revenue.state), abs=0.02)
    await tell(home)
    assert find_maybe(home, pool, "sensor", "revenue_rate") is None
    assert find_maybe(home, fleet, "sensor", "profit_rate") is None


@pytest.mark.usefixtures("every_entity")
async def test_what_a_miner_brings(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Given a miner at a solo account, then it has the part of its own hashrate."""
    home.states.async_set(COIN, "0.02", {"unit_of_measurement": "EUR"})
    await tell(home, dgb=COIN, solo_in_profit=True)
    for key in ("revenue_rate", "profit_rate", "break_even"):
        # Nobody knows what a pool without an account here brings
        assert find(home, miner, "sensor", key).state == "unknown"
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(home, pool_entry(server))
        await check_what_a_miner_brings(home, miner, pool)


async def check_what_a_miner_brings(
    home: HomeAssistant, miner: ConfigEntry[Any], pool: ConfigEntry[Any]
) -> None:
    """Compare the sensors of a miner with the formulas."""
    await poll(home, miner)
    data, tiles = miner.runtime_data.data, pool.runtime_data.data
    assert data.hashrate
    blocks = blocks_per_day(data.hashrate, tiles.network_difficulty)
    assert blocks is not None
    brought = blocks * 3.125 * 0.02
    revenue = find(home, miner, "sensor", "revenue_rate")
    assert float(revenue.state) == pytest.approx(brought, abs=0.006)
    assert revenue.attributes["basis"] == "solo_expectation"
    assert revenue.attributes["unit_of_measurement"] == "EUR/d"
    spent = miner.runtime_data.power * 0.024
    even = find(home, miner, "sensor", "break_even")
    assert float(even.state) == pytest.approx(brought / spent, rel=0.01)
    profit = float(find(home, miner, "sensor", "profit_rate").state)
    assert profit == pytest.approx(brought - spent * 0.3, abs=0.02)
    await tell(home, dgb=COIN)
    await poll(home, miner)
    profit = float(find(home, miner, "sensor", "profit_rate").state)
    assert profit == pytest.approx(-spent * 0.3, abs=0.02)
    assert find(home, miner, "sensor", "break_even").state == "0.0"
    assert find(home, miner, "sensor", "revenue_rate").state == revenue.state


async def test_the_part_of_a_miner_in_what_a_pool_estimates(
    home: HomeAssistant, miner: ConfigEntry[Any], pool: ConfigEntry[Any]
) -> None:
    """Given an estimate for the account, then each miner has its part, never more."""
    ledger, account = get_data(home).money, pool.runtime_data
    account.data = replace(
        account.data, estimated_earnings_24h=0.5, currency="BTC", pool_hashrate=4e12
    )
    assert coins_per_day(ledger, account, 1e12) == Coins(0.125, "BTC", Basis.POOL)
    assert coins_per_day(ledger, account, 8e12).amount == 0.5
    account.data = replace(account.data, pool_hashrate=None)
    assert coins_per_day(ledger, account, 1e12).amount is None
    assert coins_per_day(ledger, account).amount == 0.5


@pytest.mark.usefixtures("every_entity")
async def test_what_the_pool_keeps(
    home: HomeAssistant, miner: ConfigEntry[Any], pool: ConfigEntry[Any]
) -> None:
    """Given a fee, then it is taken off where nobody has done so, and is named.

    The job tells what is left, the pool its fee, the owner what he knows; a fee that
    nobody tells is not taken off.
    """
    home.states.async_set(COIN, "1", {"unit_of_measurement": "EUR"})
    await tell(home, dgb=COIN)
    ledger, account, mined = get_data(home).money, pool.runtime_data, miner.runtime_data
    coins = account.account.coin

    def expect(**job: Any) -> Coins:
        mined.data = replace(
            mined.data,
            **{"coinbase_value": None, "coinbase_own_value": None, **job},
        )
        ledger.rewards.clear()
        return coins_per_day(ledger, account)

    blocks = account_blocks(account.data)
    assert blocks
    whole = expect(coinbase_value=300_000_000)
    assert whole == Coins(3 * blocks, coins, Basis.SOLO, Fee(FeeSource.UNKNOWN))
    own = expect(coinbase_value=300_000_000, coinbase_own_value=294_000_000)
    assert own.amount == pytest.approx(2.94 * blocks)
    assert own.fee == Fee(FeeSource.INCLUDED)
    home.config_entries.async_update_entry(pool, options={"pool_fee": 2})
    told = expect(coinbase_value=300_000_000)
    assert told.amount == pytest.approx(2.94 * blocks)
    assert told.fee == Fee(FeeSource.OWNER, 2)
    by_rule = expect(block_height=22_650_000)
    assert by_rule.amount == pytest.approx(277.376 * 0.98 * blocks, rel=1e-4)
    for entry, percent in ((pool, 2), (fleet_entry(home), None)):
        entry.runtime_data.async_update_listeners()
        shown = find(home, entry, "sensor", "revenue_rate").attributes
        assert (shown["fee"], shown["fee_percent"]) == ("owner", percent)
    account.data = replace(account.data, fee_percent=1.0)
    reported = expect(coinbase_value=300_000_000)
    assert reported.amount == pytest.approx(2.97 * blocks)
    assert reported.fee == Fee(FeeSource.POOL, 1)
    block = PoolBlock(hash="00", reward=2.9)
    account.data = replace(account.data, own_blocks=(block,))
    assert expect().amount == pytest.approx(2.9 * blocks)
    for odd in ("x", -1, 101, None, float("nan")):
        home.config_entries.async_update_entry(pool, options={"pool_fee": odd})
        account.data = replace(account.data, fee_percent=None, own_blocks=())
        assert expect(coinbase_value=300_000_000).fee == Fee(FeeSource.UNKNOWN)


async def mine(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    entry: ConfigEntry[Any],
    seconds: float = 600,
) -> None:
    """Let an account mine for a while."""
    freezer.tick(seconds)
    await poll(home, entry)
    await fleet_entry(home).runtime_data.async_refresh()
    await home.async_block_till_done()


@pytest.mark.usefixtures("every_entity")
async def test_the_sum_of_what_a_pool_pays(
    home: HomeAssistant,
    pool: ConfigEntry[Any],
    freezer: FrozenDateTimeFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a pool that pays for shares, then its money is counted with its time."""
    ledger, account, fleet = get_data(home).money, pool.runtime_data, fleet_entry(home)
    account.is_solo = False
    # 144 of a coin a day: one in ten minutes
    daily = Coins(144.0, "DGB", Basis.DIFFICULTY)
    monkeypatch.setattr(earnings, "coins_per_day", lambda *_: daily)
    await mine(home, freezer, pool)
    home.states.async_set(COIN, "2", {"unit_of_measurement": "EUR"})
    await tell(home, dgb=COIN)
    await mine(home, freezer, pool)
    for entry in (pool, fleet):
        for key in ("revenue", "revenue_today", "revenue_month"):
            shown = find(home, entry, "sensor", key)
            assert shown.state == "2.0"
            assert shown.attributes["device_class"] == "monetary"
            assert shown.attributes["state_class"] == "total"
            assert shown.attributes["unit_of_measurement"] == "EUR"
            assert ("last_reset" in shown.attributes) == (key != "revenue")
    # What comes while the price of the coin is unknown gets the next one
    home.states.async_set(COIN, "unavailable")
    await mine(home, freezer, pool)
    assert find(home, pool, "sensor", "revenue").state == "2.0"
    home.states.async_set(COIN, "3", {"unit_of_measurement": "EUR"})
    await mine(home, freezer, pool)
    assert find(home, pool, "sensor", "revenue").state == "8.0"
    # Of an outage nobody knows whether miners ran
    await mine(home, freezer, pool, 7200)
    assert find(home, pool, "sensor", "revenue").state == "8.0"
    # A pool that is polled once an hour has no outage in between
    usual, account.update_interval = account.update_interval, timedelta(hours=1)
    await mine(home, freezer, pool, 3600)
    assert find(home, pool, "sensor", "revenue").state == "26.0"
    account.update_interval = usual
    stored = Earned.from_dict(ledger.revenue(pool.entry_id).as_dict())
    assert stored.money == pytest.approx(26)
    assert stored.month.cost == pytest.approx(26)
    freezer.tick(24 * 3600)
    assert ledger.revenue(pool.entry_id).day.cost == 0
    await home.config.async_update(currency="USD")
    assert ledger.revenue(fleet.entry_id).money == 0


@pytest.mark.usefixtures("every_entity")
async def test_solo_mining_earns_blocks_and_counts_its_work(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given a solo account, then a block is its revenue, and ends its effort."""
    home.states.async_set(COIN, "0.02", {"unit_of_measurement": "EUR"})
    await tell(home, dgb=COIN)
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(home, pool_entry(server))
        begun = find(home, pool, "sensor", "effort")
        assert begun.state == "0.0"
        await mine(home, freezer, pool)
        blocks = account_blocks(pool.runtime_data.data)
        effort = find(home, pool, "sensor", "effort")
        assert blocks
        assert float(effort.state) == pytest.approx(blocks / 1.44, rel=0.02)
        since = begun.attributes["counted_since"]
        assert effort.attributes["counted_since"] == since
        assert find(home, pool, "sensor", "revenue").state == "0.0"
        server.find_block()
        await mine(home, freezer, pool)
        money = find(home, pool, "sensor", "revenue")
        assert money.state == "0.06"  # 3.125 of the coin
        # A poll that fails counts nothing twice
        server.status = 503
        await mine(home, freezer, pool)
        assert find(home, pool, "sensor", "revenue").state == money.state
        server.status = None
        effort = find(home, pool, "sensor", "effort")
        await mine(home, freezer, pool, 60)
        effort = find(home, pool, "sensor", "effort")
        assert effort.attributes["counted_since"] > since
        assert 0 < float(effort.state) < 100 * blocks / 96
        # With its mean as revenue, a block that is found is none
        await tell(home, dgb=COIN, solo_in_profit=True)
        server.find_block()
        before = get_data(home).money.revenue(pool.entry_id).money
        await mine(home, freezer, pool, 60)
        gain = get_data(home).money.revenue(pool.entry_id).money - before
        assert gain == pytest.approx(3.125 * 0.02 * blocks / 1440, rel=0.05)


@pytest.mark.parametrize(
    "broken",
    [{"money": "nan"}, {"coins": -1}, {"effort": 1e300}, {"money": None}],
)
def test_a_broken_sum(broken: dict[str, Any]) -> None:
    """Given a file that was changed by hand, then its line is refused."""
    good = Earned(money=2.5, coin="DGB", coins=1, since=None).as_dict()
    assert Earned.from_dict(good).money == 2.5
    with pytest.raises(ValueError):
        Earned.from_dict(good | broken)


@pytest.mark.parametrize(
    ("state", "unit", "coins", "price"),
    [
        ("0.02", "EUR", {}, 0.02),
        ("2", "ct", {}, 0.02),
        ("0.02", "USD", {}, None),
        ("0.02", "?", {}, None),
        ("0.02", "?", {"coin_currency": "EUR"}, 0.02),
        ("0.02", "USD", {"coin_currency": "EUR"}, None),
        ("unavailable", "EUR", {}, None),
        ("-1", "EUR", {}, None),
        ("1e300", "EUR", {}, None),
        ("nan", "EUR", {}, None),
    ],
)
async def test_what_a_coin_is_worth(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    state: str,
    unit: str,
    coins: dict[str, Any],
    price: float | None,
) -> None:
    """Given the price of a coin in another currency or none, then it is unknown."""
    home.states.async_set(COIN, state, {"unit_of_measurement": unit})
    await tell(home, dgb=COIN, **coins)
    assert coin_price(get_data(home).money, "dgb") == (
        None if price is None else pytest.approx(price)
    )
    assert coin_price(get_data(home).money, "btc") is None
