"""The platform: what all pools are together, and each coin."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
import math
import time
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.const import (
    ATTR_FRIENDLY_NAME,
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_component import DATA_INSTANCES
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_api import DashboardTileData
from custom_components.hmm.driver_api.coins import network_figures
from custom_components.hmm.fleet.totals import (
    CoinTotals,
    PlatformStatus,
    PoolReading,
    PoolTotals,
    Reporting,
    add_up,
)
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import (
    find,
    find_maybe,
    fleet_entry,
    keys,
    later,
    poll,
    pool_entry,
    value,
)
from tests.conftest import miner_entry, set_up
from tests.flows import TEXTS

BTC_WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"

DGB = DashboardTileData(
    latency_ms=100,
    network_difficulty=756_672_128.56,
    pool_hashrate=2e12,
    pool_percentage=0.004,
    shares_valid=900,
    shares_invalid=100,
    blocks_found_24h=2,
    currency="DGB",
)
BTC = DashboardTileData(
    latency_ms=201,
    network_difficulty=133e12,
    pool_hashrate=3e12,
    pool_percentage=0.0002,
    shares_valid=9000,
    shares_invalid=0,
    shares_stale=0,
    blocks_found_24h=0,
    estimated_earnings_24h=0.00001,
    confirmed_balance=0.001,
    pending_balance=0.0002,
    currency="BTC",
)


def readings(**pools: DashboardTileData | None) -> list[PoolReading]:
    """Return readings; what follows an underscore tells pools of a coin apart."""
    return [
        PoolReading(coin=name.partition("_")[0], tiles=tiles)
        for name, tiles in pools.items()
    ]


# Sums


def test_no_pools() -> None:
    """Given no pools, then there is nothing to say of them."""
    totals = add_up([])
    assert totals == PoolTotals()
    assert totals.status is PlatformStatus.NO_POOLS


def test_two_coins() -> None:
    """Given pools of two coins, then only what can be added is."""
    totals = add_up(readings(DGB=DGB, BTC=BTC))
    assert (totals.total, totals.healthy) == (2, 2)
    assert totals.status is PlatformStatus.HEALTHY
    assert totals.latency == 150.5
    assert totals.hashrate == 5e12
    assert totals.mean_share == pytest.approx(0.0021)
    assert totals.mined == totals.currencies == ("BTC", "DGB")
    assert totals.blocks_24h == 2
    dgb, btc = totals.coins["DGB"], totals.coins["BTC"]
    assert dgb.time_to_block == network_figures("DGB", 756_672_128.56, 2e12).seconds
    assert btc.time_to_block == network_figures("BTC", 133e12, 3e12).seconds
    assert totals.soonest_block == dgb.time_to_block
    assert btc == replace(
        btc,
        hashrate=3e12,
        network_difficulty=133e12,
        network_share=network_figures("BTC", 133e12, 3e12).percent,
        earnings_24h=0.00001,
        confirmed_balance=0.001,
        pending_balance=0.0002,
    )
    assert dgb.earnings_24h is dgb.confirmed_balance is dgb.pending_balance is None


def test_reject_rate_is_weighted() -> None:
    """Given pools of different size, then each share counts the same."""
    totals = add_up(readings(DGB=DGB, BTC=BTC))
    assert (totals.shares_valid, totals.shares_invalid) == (9900, 100)
    assert totals.shares_stale == 0
    assert totals.reject_rate == 1  # not the mean of 10 and 0


def test_pool_that_tells_no_rejects_is_in_no_rate() -> None:
    """Given a pool that counts accepted shares alone, then the rate is without it."""
    silent = DashboardTileData(shares_valid=90_000)
    totals = add_up(readings(DGB=DGB, BTC=silent))
    assert totals.shares_valid == 90_900
    assert totals.reject_rate == 10


def test_one_coin_at_two_pools() -> None:
    """Given two accounts of a coin, then their hashrates mine the same blocks."""
    totals = add_up(
        readings(
            BTC_1=BTC,
            BTC_2=DashboardTileData(pool_hashrate=1e12, currency="BTC"),
        )
    )
    together = network_figures("BTC", 133e12, 4e12)
    (coin,) = totals.coins.values()
    assert coin.hashrate == 4e12
    assert totals.soonest_block == coin.time_to_block == together.seconds
    assert coin.network_share == together.percent


def test_difficulties_do_not_add_up() -> None:
    """Given three pools that tell a difficulty, then an odd one decides nothing."""
    outlier = replace(BTC, network_difficulty=1.0)
    totals = add_up(readings(BTC_1=BTC, BTC_2=outlier, BTC_3=BTC))
    assert totals.coins["BTC"].network_difficulty == 133e12


def test_pools_that_tell_the_outcome_alone() -> None:
    """Given times and shares without a difficulty, then chances are added."""
    tiles = DashboardTileData(
        pool_hashrate=1e12, estimated_time_to_block=300.0, pool_percentage=0.1
    )
    slower = replace(tiles, estimated_time_to_block=600.0, pool_percentage=0.05)
    totals = add_up(readings(XYZ_1=tiles, XYZ_2=slower))
    assert totals.soonest_block == pytest.approx(200)
    assert totals.coins["XYZ"].network_share == pytest.approx(0.15)


def test_what_nobody_tells_is_unknown() -> None:
    """Given pools that tell nothing, then no total is zero."""
    nothing = DashboardTileData(account_known=False)
    totals = add_up(readings(DGB=nothing, BTC=None))
    assert totals == PoolTotals(
        total=2,
        healthy=1,
        mined=("BTC", "DGB"),
        currencies=("BTC", "DGB"),
        coins={"BTC": CoinTotals(), "DGB": CoinTotals()},
    )
    assert totals.status is PlatformStatus.DEGRADED


def test_all_pools_are_down() -> None:
    """Given pools that all fail, then the platform is unhealthy."""
    totals = add_up(readings(DGB=None, BTC=None))
    assert totals.status is PlatformStatus.UNHEALTHY
    assert totals.hashrate is totals.soonest_block is None


def test_zero_is_a_figure() -> None:
    """Given a user whose miners stand still, then the hashrate is 0, no block due."""
    totals = add_up(readings(DGB=replace(DGB, pool_hashrate=0.0)))
    assert totals.hashrate == 0
    assert totals.soonest_block is None
    assert totals.coins["DGB"].network_share == 0


def test_money_belongs_to_what_the_pool_pays() -> None:
    """Given a pool that mines one coin and pays another, then each has its figures."""
    totals = add_up(readings(DGB=replace(BTC, network_difficulty=7e8)))
    assert totals.mined == ("DGB",)
    assert totals.currencies == ("BTC",)
    assert totals.coins["DGB"].hashrate == 3e12
    assert totals.coins["DGB"].earnings_24h is None
    assert totals.coins["BTC"].earnings_24h == 0.00001
    assert totals.coins["BTC"].hashrate is None


@pytest.mark.parametrize("outlier", [1.7e308, -1.0, 5e-324, 0.0])
def test_odd_figures_spoil_nothing(outlier: float) -> None:
    """Given a pool with nonsense, then no total is beyond all numbers or negative."""
    nonsense = DashboardTileData(
        latency_ms=outlier,
        network_difficulty=outlier,
        pool_hashrate=outlier,
        estimated_time_to_block=outlier,
        pool_percentage=outlier,
        shares_valid=round(outlier),
        shares_invalid=round(outlier),
        blocks_found_24h=round(outlier),
        estimated_earnings_24h=outlier,
    )
    totals = add_up(readings(XYZ_1=nonsense, XYZ_2=nonsense, DGB=DGB))
    figures: list[Any] = [
        totals.latency,
        totals.hashrate,
        totals.soonest_block,
        totals.mean_share,
        totals.reject_rate,
        *(getattr(totals.coins["XYZ"], name) for name in CoinTotals.__slots__),
    ]
    assert all(f is None or (math.isfinite(f) and f >= 0) for f in figures)
    assert totals.coins["DGB"] == add_up(readings(DGB=DGB)).coins["DGB"]


# Parts that are unknown


def pool(name: str, tiles: DashboardTileData | None, **facts: Any) -> PoolReading:
    """Return a pool of DigiByte that has reported before."""
    facts = {"coin": "DGB", "has_hashrate": True, "has_time": True, **facts}
    return PoolReading(name=name, tiles=tiles, **facts)


def test_time_of_a_coin_with_a_silent_pool() -> None:
    """Given a pool that mines and is down, then the time is unknown, the sum is not."""
    totals = add_up([pool("a", DGB), pool("b", None, last=DGB)])
    assert totals.coins["DGB"].hashrate == 2e12
    assert totals.parts["DGB"].reporting["hashrate"] == Reporting(1, 2)
    assert totals.coins["DGB"].time_to_block is totals.soonest_block is None
    assert totals.parts["DGB"].missing == totals.soonest_missing == ("b",)


@pytest.mark.parametrize(
    "idle",
    [
        pool("b", None, last=replace(DGB, pool_hashrate=0.0)),
        pool("b", None, last=DashboardTileData(account_known=False)),
        pool("b", replace(DGB, pool_hashrate=0.0)),
        pool("b", DashboardTileData(account_known=False)),
        pool("b", None, last=DGB, solo=False),
        pool("b", None, has_hashrate=False, has_time=False),
    ],
)
def test_a_pool_that_takes_no_part_is_not_missed(idle: PoolReading) -> None:
    """Given a fallback without a miner, then the time is that of the other one."""
    totals = add_up([pool("a", DGB), idle])
    assert totals.soonest_block == add_up([pool("a", DGB)]).soonest_block
    assert totals.soonest_block is not None
    assert totals.soonest_missing == ()


@pytest.mark.parametrize(
    "unknown",
    [
        replace(DGB, pool_hashrate=None),
        # Alone it would be the difficulty of the coin
        replace(DGB, pool_hashrate=None, network_difficulty=None),
    ],
)
def test_a_hashrate_that_is_unknown_is_not_zero(unknown: DashboardTileData) -> None:
    """Given a server that measures still, then no time is told that is too long."""
    totals = add_up([pool("a", DGB), pool("b", unknown)])
    assert totals.coins["DGB"].hashrate == 2e12
    assert totals.reporting["hashrate"] == Reporting(1, 2)
    assert totals.coins["DGB"].time_to_block is None
    assert totals.soonest_missing == ("b",)


def test_a_difficulty_that_is_missing_for_once() -> None:
    """Given a coin whose difficulty is not told, then another coin is not sooner."""
    without = replace(DGB, network_difficulty=None)
    btc = PoolReading(coin="BTC", name="c", tiles=BTC, has_time=True, has_hashrate=True)
    totals = add_up([pool("a", without), btc])
    assert totals.soonest_block is None
    assert totals.soonest_missing == ("a",)
    # A pool that never tells one is not waited for
    never = pool("a", without, has_time=False)
    assert add_up([never, btc]).soonest_coin == "BTC"


def test_of_how_many_a_sum_is() -> None:
    """Given pools that never tell a figure, then they are no part of its sum."""
    silent = pool("b", None, last=BTC, paid_in="BTC")
    totals = add_up([pool("a", DGB), silent, pool("c", BTC)])
    assert totals.reporting["shares_stale"] == Reporting(1, 2)
    assert totals.reporting["shares_valid"] == Reporting(2, 3)
    assert totals.parts["DGB"].reporting["confirmed_balance"] == Reporting(0, 0)
    assert totals.parts["BTC"].reporting["confirmed_balance"] == Reporting(1, 2)


def test_blocks_of_a_day_that_are_not_known_yet() -> None:
    """Given a pool that counts its blocks in total alone, then the sum lacks its part."""
    counts = replace(DGB, blocks_found=7, blocks_found_24h=None)
    never = replace(counts, blocks_found=None)
    for tiles in (counts, None):
        pools = [pool("a", DGB), pool("b", tiles, last=counts), pool("c", never)]
        totals = add_up(pools)
        assert totals.blocks_24h == 2
        assert totals.reporting["blocks_24h"] == Reporting(1, 2)


def test_absurd_parts_make_no_absurd_whole() -> None:
    """Given figures that cannot be together, then what follows is unknown."""
    tiny = replace(DGB, network_difficulty=1.0, pool_percentage=80.0)
    (coin,) = add_up([pool("a", tiny), pool("b", tiny)]).coins.values()
    assert coin.network_share is None
    slow = DashboardTileData(estimated_time_to_block=1e20, pool_hashrate=None)
    (coin,) = add_up([pool("a", slow)]).coins.values()
    assert coin.time_to_block == pytest.approx(1e20)


def test_currency_of_a_silent_pool() -> None:
    """Given a pool that pays in another coin, then that is so while it is down."""
    paying = replace(DGB, currency="BTC", confirmed_balance=0.5)
    assert add_up([pool("a", paying)]).currencies == ("BTC",)
    assert add_up([pool("a", None, paid_in="BTC")]).currencies == ("BTC",)


# Entities of the hub


@dataclass
class Pools:
    """Two pools that work, with their entries."""

    dgb: SimulatedSolopool
    btc: SimulatedSolopool
    entries: list[ConfigEntry[Any]]


@pytest.fixture
async def pools(home: HomeAssistant, every_entity: None) -> AsyncIterator[Pools]:
    """Set up an account for DigiByte, which counts shares, and one for Bitcoin."""
    async with (
        SimulatedSolopool(generation=1, speed=0) as dgb,
        SimulatedSolopool(
            coin="btc", wallets={BTC_WALLET: {"s19": 9e13}}, speed=0
        ) as btc,
    ):
        entries = [
            await set_up(home, pool_entry(dgb, title="DGB pool")),
            await set_up(home, pool_entry(btc, BTC_WALLET, title="BTC pool")),
        ]
        await later(home, 31)
        yield Pools(dgb, btc, entries)
        for entry in entries:
            if home.config_entries.async_get_entry(entry.entry_id):
                await home.config_entries.async_unload(entry.entry_id)


def hashrate(pool: SimulatedSolopool) -> float:
    """Return H/s of the only wallet, as the pool tells it."""
    (wallet,) = pool.wallets.values()
    return sum(
        worker.miner.read().averages["10m"] for worker in wallet.workers.values()
    )


async def test_tiles_of_the_platform(home: HomeAssistant, pools: Pools) -> None:
    """The totals are those of the pools, per coin where a sum means nothing."""
    hub = fleet_entry(home)
    dgb, btc = hashrate(pools.dgb), hashrate(pools.btc)
    assert value(home, hub, "pools_online") == 2
    assert value(home, hub, "pools") == 2
    assert value(home, hub, "pools_latency") >= 0
    assert value(home, hub, "pools_hashrate") == pytest.approx(
        (dgb + btc) / 1e12, rel=0.006
    )
    assert value(home, hub, "btc_hashrate") == pytest.approx(btc / 1e12, rel=0.006)
    assert value(home, hub, "dgb_network_difficulty") == pytest.approx(
        pools.dgb.difficulty, rel=0.001
    )
    expected = network_figures("DGB", pools.dgb.difficulty, dgb)
    assert expected.seconds is not None
    days = expected.seconds / 86_400
    assert value(home, hub, "dgb_time_to_block") == pytest.approx(days, rel=0.006)
    assert value(home, hub, "soonest_block") == value(home, hub, "dgb_time_to_block")
    assert value(home, hub, "btc_time_to_block") > value(home, hub, "soonest_block")
    assert value(home, hub, "dgb_network_share") == pytest.approx(
        expected.percent, rel=0.006
    )
    (wallet,) = pools.dgb.wallets.values()
    counts = [worker.miner.read() for worker in wallet.workers.values()]
    assert value(home, hub, "pools_shares_valid") == sum(
        count.accepted for count in counts
    )
    assert value(home, hub, "pools_shares_invalid") == sum(
        count.rejected for count in counts
    )
    since = time.time() - 86_400
    assert value(home, hub, "pools_blocks_24h") == sum(
        block["timestamp"] >= since
        for pool in (pools.dgb, pools.btc)
        for wallet in pool.wallets.values()
        for block in wallet.blocks
    )
    # Nobody pays here: there are no entities for money
    assert not {key for key in keys(home, hub, "sensor") if "balance" in key}
    state = find(home, hub, "sensor", "btc_network_share")
    assert state.attributes[ATTR_FRIENDLY_NAME] == "Mining fleet BTC share of network"
    assert state.attributes[ATTR_UNIT_OF_MEASUREMENT] == "%"


async def test_share_of_a_large_network(home: HomeAssistant, pools: Pools) -> None:
    """One miner is very little of Bitcoin, but it is not shown as nothing."""
    registry = er.async_get(home)

    def decimals(entry: ConfigEntry[Any], key: str) -> int:
        entity = registry.async_get(find(home, entry, "sensor", key).entity_id)
        assert entity is not None
        digits: int = entity.options["sensor"]["suggested_display_precision"]
        return digits

    one_miner = network_figures("BTC", BTC.network_difficulty, 5e11).percent
    assert one_miner is not None
    dgb, btc = pools.entries
    for entry, key in (
        (btc, "pool_percentage"),
        (fleet_entry(home), "btc_network_share"),
    ):
        assert round(one_miner, decimals(entry, key)) > 0
    for entry, key in (
        (dgb, "pool_percentage"),
        (fleet_entry(home), "dgb_network_share"),
    ):
        assert decimals(entry, key) == 6


async def test_every_attribute_has_a_name(
    home: HomeAssistant, pools: Pools, bitaxe: SimulatedAxeOS
) -> None:
    """Given all entities, then what they tell beside their state is translated."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    named: set[str] = set()
    known = TEXTS["entity"]
    for platform, component in home.data[DATA_INSTANCES].items():
        for entity in component.entities:
            if entity.platform.platform_name != DOMAIN:
                continue
            for name in entity.extra_state_attributes or ():
                about = known[platform][entity.translation_key]
                assert about["state_attributes"][name]["name"], entity.entity_id
                named.add(name)
    assert named >= {"coin", "miner", "pools", "reporting", "total", "waiting_for"}


async def test_few_are_enabled(home: HomeAssistant) -> None:
    """What most do not look at waits disabled."""
    async with SimulatedSolopool(generation=1) as pool:
        entry = await set_up(home, pool_entry(pool))
        await later(home, 31)
        hub = fleet_entry(home)
        registry = er.async_get(home)
        about_pools = {
            entity.unique_id.removeprefix(f"{hub.unique_id}_"): entity
            for entity in er.async_entries_for_config_entry(registry, hub.entry_id)
            if "pool" in entity.unique_id
            or "dgb" in entity.unique_id
            or "soonest" in entity.unique_id
        }
        assert {key for key, it in about_pools.items() if it.disabled_by is None} == {
            "pools_online",
            "pools_hashrate",
            "soonest_block",
            "pools_blocks_24h",
            "dgb_time_to_block",
            "dgb_network_share",
        }
        assert len(about_pools) > 10
        await home.config_entries.async_unload(entry.entry_id)


async def test_no_pools_no_entities(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Who only has miners sees nothing of pools."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await later(home, 31)
    assert not {key for key in keys(home, fleet_entry(home), "sensor") if "pool" in key}


async def test_one_pool_is_off(home: HomeAssistant, pools: Pools) -> None:
    """A pool that fails is in no sum; its coin is unknown, the other is not."""
    hub = fleet_entry(home)
    await pools.dgb.unplug()
    await poll(home, pools.entries[0])
    await later(home, 31)
    assert value(home, hub, "pools_online") == 1
    assert value(home, hub, "pools") == 2
    assert value(home, hub, "pools_hashrate") == pytest.approx(
        hashrate(pools.btc) / 1e12, rel=0.006
    )
    assert of(home, "pools_hashrate") == (1, 2)
    assert of(home, "btc_hashrate") == (1, 1)
    assert of(home, "dgb_hashrate") == (0, 1)
    for key in ("dgb_time_to_block", "dgb_network_share", "pools_shares_valid"):
        assert find(home, hub, "sensor", key).state == STATE_UNKNOWN
    waits = find(home, hub, "sensor", "dgb_time_to_block").attributes["waiting_for"]
    assert waits == ["DGB pool"]


def of(hass: HomeAssistant, key: str) -> tuple[int, int]:
    """Return of how many a sum of the fleet is."""
    facts = find(hass, fleet_entry(hass), "sensor", key).attributes
    return facts["reporting"], facts["total"]


async def test_soonest_block_does_not_jump(home: HomeAssistant, pools: Pools) -> None:
    """Which pool it is of is told; while that is down, another one is not shown."""
    hub = fleet_entry(home)
    shown = find(home, hub, "sensor", "soonest_block")
    assert value(home, hub, "soonest_block") == value(home, hub, "dgb_time_to_block")
    assert shown.attributes["coin"] == "DGB"
    assert shown.attributes["pools"] == ["DGB pool"]
    assert shown.attributes["waiting_for"] == []

    # The other one comes later, whether it answers or not
    await pools.btc.unplug()
    await poll(home, pools.entries[1])
    await later(home, 31)
    assert find(home, hub, "sensor", "btc_time_to_block").state == STATE_UNKNOWN
    assert find(home, hub, "sensor", "soonest_block").state == shown.state
    await pools.btc.plug_in()
    await poll(home, pools.entries[1])

    await pools.dgb.unplug()
    await poll(home, pools.entries[0])
    await later(home, 31)
    waiting = find(home, hub, "sensor", "soonest_block")
    assert waiting.state == STATE_UNKNOWN
    assert waiting.attributes["waiting_for"] == ["DGB pool"]
    assert value(home, hub, "btc_time_to_block") > 0
    # Nor after a restart in which it does not answer
    for entry in (*pools.entries, hub):
        await home.config_entries.async_reload(entry.entry_id)
    await later(home, 31)
    waiting = find(home, hub, "sensor", "soonest_block")
    assert waiting.state == STATE_UNKNOWN
    assert waiting.attributes["waiting_for"] == ["DGB pool"]

    await pools.dgb.plug_in()
    await poll(home, pools.entries[0])
    await later(home, 31)
    assert find(home, hub, "sensor", "soonest_block").state == shown.state


async def test_new_pool_does_not_look_down(home: HomeAssistant, pools: Pools) -> None:
    """While a pool is being set up, it is not taken for one that fails."""
    hub = fleet_entry(home).runtime_data
    seen: list[tuple[int, int]] = []
    remove = hub.async_add_listener(
        lambda: seen.append((hub.data.pools.healthy, hub.data.pools.total))
    )
    await set_up(home, pool_entry(pools.btc, "bc1qnew", title="New"))
    await later(home, 31)
    remove()
    assert seen[-1] == (3, 3)
    assert all(healthy == total for healthy, total in seen)


async def test_reload_does_not_look_down(home: HomeAssistant, pools: Pools) -> None:
    """Who is reloaded leaves no dip in the history of the fleet."""
    hub = fleet_entry(home).runtime_data
    before = hub.data.pools
    assert (before.healthy, before.total) == (2, 2)
    seen: list[PoolTotals] = []
    remove = hub.async_add_listener(lambda: seen.append(hub.data.pools))
    await asyncio.gather(
        *(home.config_entries.async_reload(entry.entry_id) for entry in pools.entries)
    )
    await later(home, 31)
    remove()
    assert seen[-1].healthy == 2
    for totals in seen:
        assert (totals.healthy, totals.total) == (2, 2)
        assert totals.hashrate == before.hashrate

    # One that does not come back is one that is down
    lost = pools.entries[0]
    home.config_entries.async_update_entry(lost, data={**lost.data, "driver": "gone"})
    await home.config_entries.async_reload(lost.entry_id)
    await later(home, 31)
    assert (hub.data.pools.healthy, hub.data.pools.total) == (1, 2)


async def test_unknown_wallet_is_left_out(home: HomeAssistant, pools: Pools) -> None:
    """A wallet that never mined makes its pool online, and no sum smaller."""
    hub = fleet_entry(home)
    before = value(home, hub, "pools_hashrate")
    stranger = await set_up(
        home, pool_entry(pools.dgb, "dgb1qstranger", title="New wallet")
    )
    await later(home, 31)
    assert value(home, hub, "pools_online") == 3
    assert value(home, hub, "pools_hashrate") == before
    await home.config_entries.async_unload(stranger.entry_id)


async def test_coin_comes_and_goes(home: HomeAssistant, pools: Pools) -> None:
    """A new coin gets its entities at once; those of a coin that left go with it."""
    hub = fleet_entry(home)
    assert find_maybe(home, hub, "sensor", "bch_time_to_block") is None
    async with SimulatedSolopool(coin="bch", wallets={"qqbch": {"axe": 1e12}}) as bch:
        entry = await set_up(home, pool_entry(bch, "qqbch", title="BCH pool"))
        await later(home, 31)
        assert value(home, hub, "bch_time_to_block") > 0
        assert value(home, hub, "pools_online") == 3
        # One that is only off keeps them, with their names and their history
        await home.config_entries.async_set_disabled_by(
            entry.entry_id, ConfigEntryDisabler.USER
        )
        await later(home, 31)
        shown = find(home, hub, "sensor", "bch_time_to_block")
        assert shown.state == STATE_UNAVAILABLE
        await home.config_entries.async_remove(entry.entry_id)
        await later(home, 31)
        assert value(home, hub, "pools") == 2
        assert not {key for key in keys(home, hub, "sensor") if key.startswith("bch_")}
        assert value(home, hub, "dgb_time_to_block") > 0
        # And has them again when it comes back
        await set_up(home, pool_entry(bch, "qqbch", title="BCH pool"))
        await later(home, 31)
        assert value(home, hub, "bch_time_to_block") > 0


async def test_last_pool_goes(home: HomeAssistant, pools: Pools) -> None:
    """Without any pool nothing is left of them in the fleet, also after a restart."""
    hub = fleet_entry(home)
    await home.config_entries.async_remove(pools.entries[0].entry_id)
    # The fleet is off while the other one goes
    await home.config_entries.async_unload(hub.entry_id)
    await home.config_entries.async_remove(pools.entries[1].entry_id)
    await home.config_entries.async_setup(hub.entry_id)
    await later(home, 31)
    left = keys(home, hub, "sensor")
    assert not {key for key in left if "pool" in key or "btc" in key or "dgb" in key}
    assert {"hashrate", "miners", "drivers"} <= left


async def test_pool_that_cannot_be_set_up_counts(
    home: HomeAssistant, pools: Pools
) -> None:
    """A pool without its driver is down; one that the user disabled is none."""
    hub = fleet_entry(home)
    lost = pool_entry(pools.dgb, "dgb1qlost", title="Lost")
    await set_up(home, lost)
    home.config_entries.async_update_entry(lost, data={**lost.data, "driver": "gone"})
    await home.config_entries.async_reload(lost.entry_id)
    await later(home, 31)
    assert value(home, hub, "pools") == 3
    assert value(home, hub, "pools_online") == 2

    await home.config_entries.async_set_disabled_by(
        lost.entry_id, ConfigEntryDisabler.USER
    )
    await later(home, 31)
    assert value(home, hub, "pools") == 2


async def test_entities_are_there_again_while_the_pools_are_down(
    home: HomeAssistant, pools: Pools
) -> None:
    """After a restart in which no pool answers, the totals are unknown, not gone."""
    hub = fleet_entry(home)
    for pool, entry in zip((pools.dgb, pools.btc), pools.entries, strict=True):
        await pool.unplug()
        await poll(home, entry)
    await home.config_entries.async_reload(hub.entry_id)
    await home.async_block_till_done()
    assert value(home, hub, "pools_online") == 0
    for key in ("pools_hashrate", "soonest_block", "btc_time_to_block"):
        assert find(home, hub, "sensor", key).state == STATE_UNKNOWN


def test_a_block_of_a_pool_that_shares_is_not_ones_own() -> None:
    """Its hashrate is a part of the network, but brings no block any sooner."""
    solo = DashboardTileData(network_difficulty=1e12, pool_hashrate=1e12)
    shared = DashboardTileData(pool_hashrate=3e12)
    alone = add_up([PoolReading(coin="BTC", tiles=solo)]).coins["BTC"]
    both = add_up(
        [
            PoolReading(coin="BTC", tiles=solo),
            PoolReading(coin="BTC", tiles=shared, solo=False),
        ]
    ).coins["BTC"]
    assert both.time_to_block == alone.time_to_block == pytest.approx(2**32)
    assert both.network_share == pytest.approx(4 * (alone.network_share or 0))
