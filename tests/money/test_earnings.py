"""What mining brings, from real polls of a simulated pool."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.money.odds import chance
from custom_components.hmm.money.revenue import account_blocks, coin_price
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import find, find_maybe, fleet_entry, poll, pool_entry
from tests.conftest import miner_entry, set_up

COIN = "sensor.dgb"


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner that is set up, so that there is a fleet."""
    await home.config.async_update(currency="EUR")
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await home.async_block_till_done(wait_background_tasks=True)
    return entry


@pytest.fixture
async def pool(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> AsyncIterator[ConfigEntry[Any]]:
    """Return an account at a simulated solo pool."""
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
    rewards = [it.reward for it in tiles.own_blocks if it.reward]
    if rewards:
        reward = sum(rewards[:10]) / len(rewards[:10])
        expected = pytest.approx(blocks * reward * 0.02, abs=0.01)
        assert float(revenue.state) == expected
        assert revenue.attributes["basis"] == "solo_expectation"
    else:
        assert revenue.state == "unknown"
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
    profit = find(home, fleet, "sensor", "profit_rate").state
    if rewards:
        assert float(profit) == pytest.approx(loss + float(revenue.state), abs=0.02)
    else:
        assert profit == "unknown"
    await tell(home)
    assert find_maybe(home, pool, "sensor", "revenue_rate") is None
    assert find_maybe(home, fleet, "sensor", "profit_rate") is None


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
