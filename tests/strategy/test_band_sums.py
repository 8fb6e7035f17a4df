"""What the miners of price bands used and brought in each band."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import PropertyMock, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.money.revenue import miner_revenue
from custom_components.hmm.strategy.records import StrategyRecord
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET
from tests.common import fleet_entry, poll, pool_entry
from tests.conftest import miner_entry, set_up

from .common import BANDS, add, begin, price, settle, state_of

pytestmark = pytest.mark.usefixtures("quick", "band_sensors")

COIN = "sensor.dgb"


@pytest.fixture
def band_sensors() -> Iterator[None]:
    """Enable the sensors of bands."""
    with patch(
        "custom_components.hmm.strategy_sensors.BandSensor"
        ".entity_registry_enabled_default",
        PropertyMock(return_value=True),
    ):
        yield


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe that mines at an account."""
    await home.config.async_update(currency="EUR")
    bitaxe.pools[0].update(
        stratumURL="eu1.solopool.org",
        stratumPort=8004,
        stratumUser=f"{DEMO_WALLET}.axe",
    )
    home.states.async_set(COIN, "1000", {"unit_of_measurement": "EUR"})
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


def tell(home: HomeAssistant, *, solo: bool) -> None:
    """Have the user name the price of the coin, and whether solo mining counts."""
    home.config_entries.async_update_entry(
        fleet_entry(home), options={"coins": {"dgb": COIN, "solo_in_profit": solo}}
    )


async def run(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    miner: ConfigEntry[Any],
    *pools: ConfigEntry[Any],
) -> None:
    """Let the miner use 0.5 kWh, and mine, in ten minutes."""
    for _ in range(10):
        freezer.tick(60)
        miner.runtime_data.energy._add(0.05, 60)
        for entry in (*pools, miner):
            await poll(home, entry)
    await settle(home)


def sums(home: HomeAssistant, strategy: Strategy, band: str) -> list[str]:
    """Return energy, cost and revenue of a band, as each decision shows them."""
    strategy.show()
    return [
        state_of(home, strategy, "sensor", f"band_{field}_{band}").state
        for field in ("energy", "cost", "revenue")
    ]


async def test_each_band_has_its_own_sums(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given two bands in turn, then each has what was used and brought in it.

    Another currency begins new sums of money; energy goes on.
    """
    price(home, 25)
    strategy = await add(
        home,
        "price_bands",
        {**BANDS, "bands": [{**it, "rung": "leave"} for it in BANDS["bands"]]},
    )
    await begin(home)
    await run(home, freezer, miner)
    used = sums(home, strategy, "normal")
    assert used[2] == "unknown", "no price of a coin is named"
    assert float(used[0]) == pytest.approx(0.5, rel=0.05)
    assert float(used[1]) == pytest.approx(float(used[0]) / 4, abs=0.002)
    tell(home, solo=True)
    async with SimulatedSolopool(coin="dgb", speed=0) as server:
        pool = await set_up(home, pool_entry(server))
        price(home, 10)
        await settle(home)
        await run(home, freezer, miner, pool)
        a_day = miner_revenue(get_data(home).money, miner.runtime_data).money
        assert a_day
        energy, cost, revenue = map(float, sums(home, strategy, "cheap"))
        assert energy == pytest.approx(0.5, rel=0.05)
        assert cost == pytest.approx(energy / 10, abs=0.002)
        assert revenue == pytest.approx(a_day / 144, rel=0.1)
        assert sums(home, strategy, "normal") == [*used[:2], "0.0"]
        assert sums(home, strategy, "dear") == ["0.0", "0.0", "0.0"]
        kept = StrategyRecord.from_dict(strategy.record.as_dict())
        assert kept.used == strategy.record.used
        # An outage of the miner's polls is time of which nobody knows
        freezer.tick(timedelta(hours=5))
        await poll(home, miner)
        assert float(sums(home, strategy, "cheap")[2]) == revenue
        await home.config.async_update(currency="SEK")
        await home.async_block_till_done()
        state = state_of(home, strategy, "sensor", "band_cost_cheap")
        assert (state.state, state.attributes["unit_of_measurement"]) == ("0.0", "SEK")
        assert float(sums(home, strategy, "cheap")[0]) >= energy


async def test_a_block_is_the_bands_in_which_it_was_found(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given solo mining, then a band has what the block of its miners brought."""
    price(home, 25)
    strategy = await add(home, "price_bands", BANDS)
    tell(home, solo=False)
    async with SimulatedSolopool(coin="dgb", speed=0) as server:
        pool = await set_up(home, pool_entry(server))
        await begin(home)
        await run(home, freezer, miner, pool)
        assert sums(home, strategy, "normal")[2] == "0.0"
        server.find_block()
        freezer.tick(60)
        await poll(home, pool)
        await poll(home, miner)
        await settle(home)
        part = miner.runtime_data.data.hashrate / max(
            pool.runtime_data.data.pool_hashrate, miner.runtime_data.data.hashrate
        )
        whole = get_data(home).money.revenue(pool.entry_id).money
        assert whole == pytest.approx(3125)
        assert float(sums(home, strategy, "normal")[2]) == pytest.approx(
            whole * part, rel=0.01
        )


async def test_a_tariff_costs_what_the_fleet_pays(
    home: HomeAssistant, miner: ConfigEntry[Any], freezer: FrozenDateTimeFactory
) -> None:
    """Given bands by the states of a tariff, then their cost is by the fleet's price."""
    home.config_entries.async_update_entry(
        fleet_entry(home),
        options={"prices": {"price_source": "fixed", "price_fixed": 0.4}},
    )
    home.states.async_set("input_boolean.dear", "on")
    bands = [
        {"id": "on", "band_name": "Dear", "states": ["on"], "rung": "leave"},
        {"id": "off", "band_name": "Cheap", "states": ["off"], "rung": "leave"},
    ]
    data = {**BANDS, "by": "states", "price_entity": "input_boolean.dear"}
    strategy = await add(home, "price_bands", {**data, "bands": bands})
    await begin(home)
    await run(home, freezer, miner)
    energy, cost, _ = sums(home, strategy, "on")
    assert float(energy) == pytest.approx(0.5, rel=0.05)
    assert float(cost) == pytest.approx(float(energy) * 0.4, abs=0.002)
