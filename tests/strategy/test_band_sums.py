"""What the miners of price bands used and brought in each band."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import PropertyMock, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.hmm.data import get_data
from custom_components.hmm.money.revenue import miner_revenue
from custom_components.hmm.strategy.planner.model import Sentence
from custom_components.hmm.strategy.records import StrategyRecord
from custom_components.hmm.strategy.strategy import Strategy
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET
from tests.common import poll, pool_entry
from tests.conftest import set_up

from .common import BANDS, PRICE, House

pytestmark = pytest.mark.usefixtures("quick", "band_sensors", "at_an_account")

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
async def at_an_account(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Let the Bitaxe mine at an account."""
    await home.config.async_update(currency="EUR")
    bitaxe.pools[0].update(
        stratumURL="eu1.solopool.org",
        stratumPort=8004,
        stratumUser=f"{DEMO_WALLET}.axe",
    )
    home.states.async_set(COIN, "1000", {"unit_of_measurement": "EUR"})


async def mine(house: House, *pools: ConfigEntry[Any]) -> None:
    """Let the miner use 0.5 kWh, and mine, in ten minutes."""
    for _ in range(10):
        house.freezer.tick(60)
        house.miner.energy._add(0.05, 60)
        for entry in (*pools, house.entry):
            await poll(house.hass, entry)
    await house.settle()


def sums(house: House, strategy: Strategy, band: str) -> list[str]:
    """Return energy, cost and revenue of a band, as each decision shows them."""
    strategy.show()
    return [
        house.state_of(strategy, "sensor", f"band_{field}_{band}").state
        for field in ("energy", "cost", "revenue")
    ]


async def test_each_band_has_its_own_sums(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """Given two bands in turn, then each has what was used and brought in it.

    Another currency begins new sums of money; energy goes on.
    """
    house.price(25)
    strategy = await house.add(
        "price_bands",
        {**BANDS, "bands": [{**band, "rung": "leave"} for band in BANDS["bands"]]},
    )
    await house.begin()
    await mine(house)
    used = sums(house, strategy, "normal")
    assert used[2] == "unknown", "no price of a coin is named"
    assert float(used[0]) == pytest.approx(0.5, rel=0.05)
    assert float(used[1]) == pytest.approx(float(used[0]) / 4, abs=0.002)
    house.options(coins={"dgb": COIN, "solo_in_profit": True})
    async with SimulatedSolopool(coin="dgb", speed=0) as server:
        pool = await set_up(house.hass, pool_entry(server))
        house.price(10)
        await house.settle()
        await mine(house, pool)
        a_day = miner_revenue(get_data(house.hass).money, house.miner).money
        assert a_day
        energy, cost, revenue = map(float, sums(house, strategy, "cheap"))
        assert energy == pytest.approx(0.5, rel=0.05)
        assert cost == pytest.approx(energy / 10, abs=0.002)
        assert revenue == pytest.approx(a_day / 144, rel=0.1)
        assert sums(house, strategy, "normal") == [*used[:2], "0.0"]
        assert sums(house, strategy, "dear") == ["0.0", "0.0", "0.0"]
        kept = StrategyRecord.from_dict(strategy.record.as_dict())
        assert kept.used == strategy.record.used
        # An outage of the miner's polls is time of which nobody knows
        freezer.tick(timedelta(hours=5))
        await house.poll()
        assert float(sums(house, strategy, "cheap")[2]) == revenue
        await house.hass.config.async_update(currency="SEK")
        await house.hass.async_block_till_done()
        state = house.state_of(strategy, "sensor", "band_cost_cheap")
        assert (state.state, state.attributes["unit_of_measurement"]) == ("0.0", "SEK")
        assert float(sums(house, strategy, "cheap")[0]) >= energy


async def test_a_block_is_the_bands_in_which_it_was_found(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """Given solo mining, then a band has what the block of its miners brought."""
    house.price(25)
    strategy = await house.add("price_bands", BANDS)
    house.options(coins={"dgb": COIN, "solo_in_profit": False})
    async with SimulatedSolopool(coin="dgb", speed=0) as server:
        pool = await set_up(house.hass, pool_entry(server))
        await house.begin()
        await mine(house, pool)
        assert sums(house, strategy, "normal")[2] == "0.0"
        server.find_block()
        freezer.tick(60)
        await poll(house.hass, pool)
        await house.poll()
        await house.settle()
        part = house.miner.data.hashrate / max(
            pool.runtime_data.data.pool_hashrate, house.miner.data.hashrate
        )
        whole = get_data(house.hass).money.revenue(pool.entry_id).money
        assert whole == pytest.approx(3125)
        assert float(sums(house, strategy, "normal")[2]) == pytest.approx(
            whole * part, rel=0.01
        )


async def test_a_tariff_costs_what_the_fleet_pays(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """Given bands by the states of a tariff, then their cost is by the fleet's price."""
    house.options(prices={"price_source": "fixed", "price_fixed": 0.4})
    house.hass.states.async_set("input_boolean.dear", "on")
    bands = [
        {"id": "on", "band_name": "Dear", "states": ["on"], "rung": "leave"},
        {"id": "off", "band_name": "Cheap", "states": ["off"], "rung": "leave"},
    ]
    data = {**BANDS, "by": "states", "price_entity": "input_boolean.dear"}
    strategy = await house.add("price_bands", {**data, "bands": bands})
    await house.begin()
    await mine(house)
    energy, cost, _ = sums(house, strategy, "on")
    assert float(energy) == pytest.approx(0.5, rel=0.05)
    assert float(cost) == pytest.approx(float(energy) * 0.4, abs=0.002)


async def test_a_band_costs_what_its_miners_do(
    house: House, freezer: FrozenDateTimeFactory
) -> None:
    """Given the fleet's price with surcharge and tax, then a band has them as well."""
    terms = {"price_entity": PRICE, "surcharge": 0.1, "vat": 20}
    house.options(prices={"price_source": "sensor", **terms})
    bands = [{**band, "rung": "leave"} for band in BANDS["bands"]]
    strategy = await house.follow(25, {**BANDS, "bands": bands})
    await mine(house)
    energy, cost, _ = sums(house, strategy, "normal")
    assert float(cost) == pytest.approx(float(energy) * 0.35 * 1.2, abs=0.002)


async def test_settings_that_cannot_be_cost_no_sensor(house: House) -> None:
    """Given damaged settings, then the sums of the bands are kept until they are mended."""
    strategy = await house.follow(25)
    registry = er.async_get(house.hass)
    before = set(registry.entities)
    house.change(strategy, {**BANDS, "dead_band": "much"})
    await house.settle()
    assert strategy.sentence == Sentence("broken", {"where": "dead_band"})
    assert set(registry.entities) == before
    house.change(strategy, {**BANDS, "bands": BANDS["bands"][1:]})
    await house.settle()
    gone = before.difference(registry.entities)
    assert {entity_id.rpartition("_")[2] for entity_id in gone} == {"cheap"}
