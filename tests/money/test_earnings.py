"""What mining brings, from real polls of a simulated pool."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, State
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
from tests.common import find, find_maybe, later, poll, pool_entry
from tests.conftest import set_up
from tests.strategy.common import House

COIN = "sensor.dgb"


@pytest.fixture(autouse=True)
async def at_an_account(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Let the miner mine at an account."""
    await home.config.async_update(currency="EUR")
    bitaxe.pools[0].update(
        stratumURL="eu1.solopool.org",
        stratumPort=8004,
        stratumUser=f"{DEMO_WALLET}.axe",
    )


@pytest.fixture
async def pool(house: House) -> AsyncIterator[ConfigEntry[Any]]:
    """Return an account at a simulated solo pool that the miner mines for."""
    async with SimulatedSolopool(coin="dgb") as server:
        yield await set_up(house.hass, pool_entry(server))


def worth(house: House, state: str, unit: str = "EUR") -> None:
    """Let a coin be worth this."""
    house.hass.states.async_set(COIN, state, {"unit_of_measurement": unit})


async def tell(house: House, **coins: Any) -> None:
    """Have the user tell the prices of electricity and coins."""
    prices = {"price_source": "fixed", "price_fixed": 0.3}
    house.options(prices=prices, coins=coins)
    await house.hass.async_block_till_done()


def shown(house: House, entry: ConfigEntry[Any], key: str) -> State:
    """Return what a sensor shows."""
    return find(house.hass, entry, "sensor", key)


@pytest.mark.usefixtures("every_entity")
async def test_what_solo_mining_brings(house: House, pool: ConfigEntry[Any]) -> None:
    """Given a solo pool, then its chance is told, and its mean is named as such."""
    tiles = pool.runtime_data.data
    blocks = account_blocks(tiles)
    assert blocks
    day = shown(house, pool, "odds_day")
    assert float(day.state) == pytest.approx(100 * chance(blocks), rel=0.01)
    assert day.attributes["one_in"] >= 1
    assert "state_class" not in day.attributes
    year = shown(house, pool, "odds_year")
    assert 0 < float(day.state) <= float(year.state) <= 100
    assert year.attributes["state_class"] == "measurement"
    assert find_maybe(house.hass, pool, "sensor", "revenue_rate") is None
    worth(house, "0.02")
    await tell(house, dgb=COIN)
    revenue = shown(house, pool, "revenue_rate")
    # The job of the miner tells what a block pays
    expected = pytest.approx(blocks * 3.125 * 0.02, abs=0.01)
    assert float(revenue.state) == expected
    assert revenue.attributes["basis"] == "solo_expectation"
    assert revenue.attributes["unit_of_measurement"] == "EUR/d"
    fleet = house.fleet
    await poll(house.hass, fleet)
    assert shown(house, fleet, "revenue_rate").state == revenue.state
    # Its profit does not count on a lottery, unless the user wants that
    loss = float(shown(house, fleet, "profit_rate").state)
    watts = fleet.runtime_data.data.power
    assert loss == pytest.approx(-watts * 0.024 * 0.3, abs=0.01)
    assert shown(house, fleet, "break_even").state == "0.0"
    await tell(house, dgb=COIN, solo_in_profit=True)
    profit = float(shown(house, fleet, "profit_rate").state)
    assert profit == pytest.approx(loss + float(revenue.state), abs=0.02)
    await tell(house)
    assert find_maybe(house.hass, pool, "sensor", "revenue_rate") is None
    assert find_maybe(house.hass, fleet, "sensor", "profit_rate") is None


@pytest.mark.usefixtures("every_entity")
async def test_a_miner_without_an_account(house: House) -> None:
    """Given a miner whose revenue no account counts, then the fleet's says so."""
    worth(house, "0.02")
    await tell(house, dgb=COIN)
    keys = ("revenue_rate", "profit_rate", "break_even")
    keys += ("revenue", "revenue_today", "revenue_month")

    async def missing() -> set[tuple[int, tuple[str, ...]]]:
        await later(house.hass, 31)
        facts = [shown(house, house.fleet, key).attributes for key in keys]
        return {(it["not_counted"], tuple(it["not_counted_miners"])) for it in facts}

    assert await missing() == {(1, ("Axe",))}
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(house.hass, pool_entry(server))
        assert await missing() == {(0, ())}
        assert "not_counted" not in shown(house, pool, "revenue_rate").attributes


async def test_no_chance_without_a_hashrate(house: House) -> None:
    """An account that the pool forgot has an unknown hashrate, and no chance of 0 %."""
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(house.hass, pool_entry(server))
        assert float(shown(house, pool, "odds_year").state) > 0
        server.wallets.clear()
        await poll(house.hass, pool)
        assert shown(house, pool, "pool_hashrate").state == "unknown"
        assert shown(house, pool, "odds_year").state == "unknown"


@pytest.mark.usefixtures("every_entity")
async def test_what_a_miner_brings(house: House) -> None:
    """Given a miner at a solo account, then it has the part of its own hashrate."""
    worth(house, "0.02")
    await tell(house, dgb=COIN, solo_in_profit=True)
    for key in ("revenue_rate", "profit_rate", "break_even"):
        # Nobody knows what a pool without an account here brings
        assert shown(house, house.entry, key).state == "unknown"
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(house.hass, pool_entry(server))
        await check_what_a_miner_brings(house, pool)


async def check_what_a_miner_brings(house: House, pool: ConfigEntry[Any]) -> None:
    """Compare the sensors of a miner with the formulas."""
    await house.poll()
    data, tiles = house.miner.data, pool.runtime_data.data
    assert data.hashrate
    blocks = blocks_per_day(data.hashrate, tiles.network_difficulty)
    assert blocks is not None
    brought = blocks * 3.125 * 0.02
    revenue = shown(house, house.entry, "revenue_rate")
    assert float(revenue.state) == pytest.approx(brought, abs=0.006)
    assert revenue.attributes["basis"] == "solo_expectation"
    assert revenue.attributes["unit_of_measurement"] == "EUR/d"
    spent = house.miner.power * 0.024
    even = shown(house, house.entry, "break_even")
    assert float(even.state) == pytest.approx(brought / spent, rel=0.01)
    profit = float(shown(house, house.entry, "profit_rate").state)
    assert profit == pytest.approx(brought - spent * 0.3, abs=0.02)
    await tell(house, dgb=COIN)
    await house.poll()
    profit = float(shown(house, house.entry, "profit_rate").state)
    assert profit == pytest.approx(-spent * 0.3, abs=0.02)
    assert shown(house, house.entry, "break_even").state == "0.0"
    assert shown(house, house.entry, "revenue_rate").state == revenue.state


async def test_the_part_of_a_miner_in_what_a_pool_estimates(
    house: House, pool: ConfigEntry[Any]
) -> None:
    """Given an estimate for the account, then each miner has its part, never more."""
    ledger, account = get_data(house.hass).money, pool.runtime_data
    account.data = replace(
        account.data, estimated_earnings_24h=0.5, currency="BTC", pool_hashrate=4e12
    )
    assert coins_per_day(ledger, account, 1e12) == Coins(0.125, "BTC", Basis.POOL)
    assert coins_per_day(ledger, account, 8e12).amount == 0.5
    account.data = replace(account.data, pool_hashrate=None)
    assert coins_per_day(ledger, account, 1e12).amount is None
    assert coins_per_day(ledger, account).amount == 0.5


@pytest.mark.usefixtures("every_entity")
async def test_what_the_pool_keeps(house: House, pool: ConfigEntry[Any]) -> None:
    """Given a fee, then it is taken off where nobody has done so, and is named.

    The job tells what is left, the pool its fee, the owner what he knows; a fee that
    nobody tells is not taken off.
    """
    worth(house, "1")
    await tell(house, dgb=COIN)
    ledger, account, mined = get_data(house.hass).money, pool.runtime_data, house.miner
    coins = account.account.coin

    def expect(**job: Any) -> Coins:
        mined.data = replace(
            mined.data, **{"coinbase_value": None, "coinbase_own_value": None, **job}
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
    house.hass.config_entries.async_update_entry(pool, options={"pool_fee": 2})
    told = expect(coinbase_value=300_000_000)
    assert told.amount == pytest.approx(2.94 * blocks)
    assert told.fee == Fee(FeeSource.OWNER, 2)
    by_rule = expect(block_height=22_650_000)
    assert by_rule.amount == pytest.approx(277.376 * 0.98 * blocks, rel=1e-4)
    for entry, percent in ((pool, 2), (house.fleet, None)):
        entry.runtime_data.async_update_listeners()
        rate = shown(house, entry, "revenue_rate").attributes
        assert (rate["fee"], rate["fee_percent"]) == ("owner", percent)
    account.data = replace(account.data, fee_percent=1.0)
    reported = expect(coinbase_value=300_000_000)
    assert reported.amount == pytest.approx(2.97 * blocks)
    assert reported.fee == Fee(FeeSource.POOL, 1)
    block = PoolBlock(hash="00", reward=2.9)
    account.data = replace(account.data, own_blocks=(block,))
    assert expect().amount == pytest.approx(2.9 * blocks)
    for malformed in ("x", -1, 101, None, float("nan")):
        house.hass.config_entries.async_update_entry(
            pool, options={"pool_fee": malformed}
        )
        account.data = replace(account.data, fee_percent=None, own_blocks=())
        assert expect(coinbase_value=300_000_000).fee == Fee(FeeSource.UNKNOWN)


async def mine(house: House, entry: ConfigEntry[Any], seconds: float = 600) -> None:
    """Let an account mine for a while."""
    house.freezer.tick(seconds)
    await poll(house.hass, entry)
    await house.fleet.runtime_data.async_refresh()
    await house.hass.async_block_till_done()


@pytest.mark.usefixtures("every_entity")
async def test_the_sum_of_what_a_pool_pays(
    house: House, pool: ConfigEntry[Any], freezer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a pool that pays for shares, then its money is counted with its time."""
    ledger, account, fleet = get_data(house.hass).money, pool.runtime_data, house.fleet
    account.is_solo = False
    # 144 of a coin a day: one in ten minutes
    daily = Coins(144.0, "DGB", Basis.DIFFICULTY)
    monkeypatch.setattr(earnings, "coins_per_day", lambda *_: daily)
    await mine(house, pool)
    worth(house, "2")
    await tell(house, dgb=COIN)
    await mine(house, pool)
    for entry in (pool, fleet):
        for key in ("revenue", "revenue_today", "revenue_month"):
            state = shown(house, entry, key)
            assert state.state == "2.0"
            assert state.attributes["device_class"] == "monetary"
            assert state.attributes["state_class"] == "total"
            assert state.attributes["unit_of_measurement"] == "EUR"
            assert ("last_reset" in state.attributes) == (key != "revenue")
    # What comes while the price of the coin is unknown gets the next one
    house.hass.states.async_set(COIN, "unavailable")
    await mine(house, pool)
    assert shown(house, pool, "revenue").state == "2.0"
    worth(house, "3")
    await mine(house, pool)
    assert shown(house, pool, "revenue").state == "8.0"
    # Of an outage nobody knows whether miners ran
    await mine(house, pool, 7200)
    assert shown(house, pool, "revenue").state == "8.0"
    # A pool that is polled once an hour has no outage in between
    usual, account.update_interval = account.update_interval, timedelta(hours=1)
    await mine(house, pool, 3600)
    assert shown(house, pool, "revenue").state == "26.0"
    account.update_interval = usual
    stored = Earned.from_dict(ledger.revenue(pool.entry_id).as_dict())
    assert stored.money == pytest.approx(26)
    assert stored.month.cost == pytest.approx(26)
    freezer.tick(24 * 3600)
    assert ledger.revenue(pool.entry_id).day.cost == 0
    await house.hass.config.async_update(currency="USD")
    assert ledger.revenue(fleet.entry_id).money == 0


@pytest.mark.usefixtures("every_entity")
async def test_solo_mining_earns_blocks_and_counts_its_work(
    house: House, freezer: Any
) -> None:
    """Given a solo account, then a block is its revenue, and ends its effort."""
    worth(house, "0.02")
    await tell(house, dgb=COIN)
    async with SimulatedSolopool(coin="dgb") as server:
        pool = await set_up(house.hass, pool_entry(server))
        begun = shown(house, pool, "effort")
        assert begun.state == "0.0"
        await mine(house, pool)
        blocks = account_blocks(pool.runtime_data.data)
        effort = shown(house, pool, "effort")
        assert blocks
        assert float(effort.state) == pytest.approx(blocks / 1.44, rel=0.02)
        since = begun.attributes["counted_since"]
        assert effort.attributes["counted_since"] == since
        assert shown(house, pool, "revenue").state == "0.0"
        server.find_block()
        await mine(house, pool)
        money = shown(house, pool, "revenue")
        assert money.state == "0.06"  # 3.125 of the coin
        # A poll that fails counts nothing twice
        server.status = 503
        await mine(house, pool)
        assert shown(house, pool, "revenue").state == money.state
        server.status = None
        effort = shown(house, pool, "effort")
        await mine(house, pool, 60)
        effort = shown(house, pool, "effort")
        assert effort.attributes["counted_since"] > since
        assert 0 < float(effort.state) < 100 * blocks / 96
        # With its mean as revenue, a block that is found is none
        await tell(house, dgb=COIN, solo_in_profit=True)
        server.find_block()
        before = get_data(house.hass).money.revenue(pool.entry_id).money
        await mine(house, pool, 60)
        gain = get_data(house.hass).money.revenue(pool.entry_id).money - before
        assert gain == pytest.approx(3.125 * 0.02 * blocks / 1440, rel=0.05)


@pytest.mark.parametrize(
    "broken", [{"money": "nan"}, {"coins": -1}, {"effort": 1e300}, {"money": None}]
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
    house: House, state: str, unit: str, coins: dict[str, Any], price: float | None
) -> None:
    """Given the price of a coin in another currency or none, then it is unknown."""
    worth(house, state, unit)
    await tell(house, dgb=COIN, **coins)
    assert coin_price(get_data(house.hass).money, "dgb") == (
        None if price is None else pytest.approx(price)
    )
    assert coin_price(get_data(house.hass).money, "btc") is None
