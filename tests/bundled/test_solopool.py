"""The Solopool driver, against known shapes and the simulated pool."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import json
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.driver_api import (
    DashboardTileData,
    InvalidValue,
    PoolBlock,
    PoolWorker,
)
from simulator.solopool import SimulatedSolopool

from .site import serving

FIXTURES = Path(__file__).parent.parent / "fixtures" / "solopool"
WALLET = "dgb1qexamplewallet"
WORKERS = {"bitaxe": 1.2e12, "nerd": 4.8e12}


def load(name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / f"{name}.shape.json").read_text())


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> SolopoolDriver:
    """Return a driver with a session."""
    driver = SolopoolDriver()
    driver.session = session
    return driver


def forget(driver: SolopoolDriver, base: str) -> None:
    """Let what is shared be too old, and a pause that was asked for be over."""
    site = driver._site("DGB", {"api_base": base})
    site._stats_seconds = 0
    site.api._paused_until = 0


async def tile(
    driver: SolopoolDriver, base: str, username: str | None = WALLET, coin: str = "DGB"
) -> DashboardTileData:
    """Read the tiles of a wallet."""
    return await driver.get_dashboard_data(
        "eu1.solopool.org", coin, username, api_base=base
    )


# The two generations


async def test_version_2(driver: SolopoolDriver) -> None:
    """The user's own figures, in H/s and seconds."""
    account = load("miners_v2")
    account["blocks"][0]["timestamp"] = int(time.time()) - 3600
    account["blocks"].append({"timestamp": int(time.time()) - 90_000})
    stats = load("stats_v2")
    stats["node"]["difficulty"] = "756672128.56"
    async with serving({"/stats": stats, f"/miners/{WALLET}": account}) as site:
        data = await tile(driver, site.base, f"{WALLET}.bitaxe1")
    assert data.health_status and data.health_message is None
    assert data.latency_ms is not None
    assert data.network_difficulty == 756672128.56
    assert data.pool_hashrate == 1.21e12
    # D * 2^32 / H, and 75 s per block of this algorithm
    assert data.estimated_time_to_block == pytest.approx(2_685_844, rel=1e-4)
    assert data.pool_percentage == pytest.approx(100 * 75 / 2_685_844, rel=1e-4)
    assert data.active_workers == 1
    assert data.workers == (PoolWorker(name="bitaxe1", hashrate=1.21e12, online=True),)
    assert data.shares_valid is None
    assert data.shares_invalid is None
    assert data.shares_stale is None
    assert data.reject_rate is None
    assert data.best_share == 41_000_000
    assert data.last_share == datetime.fromtimestamp(1785000123, UTC)
    assert data.blocks_found == 0
    assert data.own_blocks[0] == PoolBlock(
        height=900000,
        hash="000...",
        worker="bitaxe1",
        timestamp=account["blocks"][0]["timestamp"],
        difficulty=2_000_000_000,
    )
    assert len(data.own_blocks) == 2
    assert data.blocks_found_24h == 1
    assert data.last_block_found == datetime.fromtimestamp(
        account["blocks"][0]["timestamp"], UTC
    )
    assert data.account_known
    assert data.confirmed_balance is None
    assert data.estimated_earnings_24h is None
    assert site.paths == ["/stats", f"/miners/{WALLET}"]


async def test_version_1(driver: SolopoolDriver) -> None:
    """Shares are summed over the workers; the short window is the hashrate."""
    account = load("accounts_v1")
    account["earnings"][0]["blocks"] = 2
    account["workers"]["other"] = {
        "hr": 0,
        "offline": True,
        "sharesValid": "44",
        "sharesInvalid": 8,
        "sharesStale": 100,
    }
    async with serving(
        {"/stats": load("stats_v1"), f"/accounts/{WALLET}": account}
    ) as site:
        data = await tile(driver, site.base)
    assert data.pool_hashrate == 1.21e12
    assert data.network_difficulty == 756672128.56
    assert data.active_workers == 1
    assert data.shares_valid == 123_500
    assert data.shares_invalid == 20
    assert data.shares_stale == 100
    assert data.reject_rate == pytest.approx(100 * 120 / 123_620)
    assert data.workers[1] == PoolWorker(
        name="other",
        hashrate=0,
        online=False,
        shares_valid=44,
        shares_invalid=8,
        shares_stale=100,
    )
    assert data.last_share == datetime.fromtimestamp(1770000123, UTC)
    assert data.blocks_found_24h == 2
    assert data.last_block_found is None
    assert data.best_share is None
    assert [worker.online for worker in data.workers] == [True, False]
    assert data.confirmed_balance is None
    # The shape of /stats told the generation: nothing was asked in vain.
    assert site.paths == ["/stats", f"/accounts/{WALLET}"]


async def test_the_pool_changes_its_generation(driver: SolopoolDriver) -> None:
    """In both directions, while HMM runs; what worked last is asked first."""
    v1 = {"/stats": load("stats_v1"), f"/accounts/{WALLET}": load("accounts_v1")}
    v2 = {"/stats": load("stats_v2"), f"/miners/{WALLET}": load("miners_v2")}
    driver.stats_seconds = 1000
    async with serving(v1) as site:
        assert (await tile(driver, site.base)).shares_valid == 123_456
        site.answers = v2
        assert (await tile(driver, site.base)).best_share == 41_000_000
        site.paths.clear()
        assert (await tile(driver, site.base)).best_share == 41_000_000
        assert site.paths == [f"/miners/{WALLET}"]
        site.answers = v1
        assert (await tile(driver, site.base)).shares_valid == 123_456
        site.paths.clear()
        await tile(driver, site.base)
        assert site.paths == [f"/accounts/{WALLET}"]


async def test_the_keys_decide_not_the_path(driver: SolopoolDriver) -> None:
    """An old account under the new path is read as what it is."""
    async with serving({f"/miners/{WALLET}": load("accounts_v1")}) as site:
        data = await tile(driver, site.base)
    assert data.shares_valid == 123_456
    assert data.network_difficulty is None
    assert data.estimated_time_to_block is None
    assert data.health_status


@pytest.mark.parametrize(
    "account",
    [
        (404, "<html></html>", ""),
        (404, '{"error":"not found"}', ""),
        {},
        {"hashrate": 0, "onlineWorkers": 0, "totalWorkers": 0, "workers": {}},
        {"hashrate": None, "onlineWorkers": None, "totalWorkers": None},
    ],
)
@pytest.mark.parametrize("other", [(404, "", ""), (200, "<html>", ""), (500, "", "")])
async def test_unknown_wallet(driver: SolopoolDriver, account: Any, other: Any) -> None:
    """No data yet is not "down"; the other generation's path does not matter."""
    answers = {
        "/stats": load("stats_v2"),
        f"/miners/{WALLET}": account,
        f"/accounts/{WALLET}": other,
    }
    async with serving(answers) as site:
        data = await tile(driver, site.base)
    assert data.account_known is False
    assert data.health_status is True
    assert data.pool_hashrate is None
    assert data.active_workers is None
    assert data.blocks_found_24h is None
    assert data.network_difficulty is not None


async def test_a_wallet_that_stopped_mining(driver: SolopoolDriver) -> None:
    """Zeros of a wallet that has mined before are real."""
    account = {
        "hashrate": 0,
        "onlineWorkers": 0,
        "totalWorkers": 0,
        "lastShare": 1785000123,
        "totalBlocks": 0,
    }
    async with serving({f"/miners/{WALLET}": account}) as site:
        data = await tile(driver, site.base)
    assert data.account_known
    assert data.pool_hashrate == 0
    assert data.estimated_time_to_block is None
    assert data.blocks_found_24h == 0


async def test_the_worker_without_a_name(driver: SolopoolDriver) -> None:
    """It is listed under the wallet, which is kept out of names."""
    account = load("miners_v2")
    account["workers"] = {WALLET: {"hr": 5}, "": {"hr": "7", "offline": 0}, "x": None}
    async with serving({f"/miners/{WALLET}": account}) as site:
        data = await tile(driver, site.base)
    assert data.workers == (
        PoolWorker(name="default", hashrate=5, online=None),
        PoolWorker(name="default", hashrate=7, online=True),
    )


async def test_workers_as_a_list(driver: SolopoolDriver) -> None:
    """Each with its name inside is read like those under their names."""
    account = load("miners_v2")
    account["workers"] = [
        {"name": "rig", "hr": 5, "offline": False, "sharesValid": 3},
        {"name": WALLET, "hr": "7", "sharesValid": 4},
        {"hr": 9, "offline": True},
        "x",
    ]
    async with serving({f"/miners/{WALLET}": account}) as site:
        data = await tile(driver, site.base)
    assert data.workers == (
        PoolWorker(name="rig", hashrate=5, online=True, shares_valid=3),
        PoolWorker(name="default", hashrate=7, online=None, shares_valid=4),
        PoolWorker(name="default", hashrate=9, online=False),
    )
    # What one of them does not report is not zero
    assert data.shares_valid is None


async def test_unreadable_parts_are_not_counted(driver: SolopoolDriver) -> None:
    """Neither workers nor blocks that cannot be read are none."""
    account = load("miners_v2")
    account |= {"onlineWorkers": None, "workers": {"a": {"hr": 1}, "b": {"hr": 2}}}
    for blocks in ([{"height": 5}], [[5]], [{"height": 5, "timestamp": "x"}]):
        answers = {f"/miners/{WALLET}": {**account, "blocks": blocks}}
        async with serving({"/stats": load("stats_v2"), **answers}) as site:
            data = await tile(driver, site.base)
        assert data.active_workers is None
        assert data.blocks_found_24h is None


# Sharing and failing


async def test_accounts_share_one_fetch(driver: SolopoolDriver) -> None:
    """All accounts of a coin ask for /stats once, together or in turn."""
    answers = {f"/miners/w{number}": load("miners_v2") for number in range(3)}
    async with serving({"/stats": load("stats_v2"), **answers}) as site:
        await asyncio.gather(
            *(tile(driver, site.base, f"w{item}") for item in range(3))
        )
        await tile(driver, site.base, "w0")
        assert site.paths.count("/stats") == 1
        forget(driver, site.base)
        await tile(driver, site.base, "w0")
        assert site.paths.count("/stats") == 2


async def test_no_address_at_all(driver: SolopoolDriver) -> None:
    """Nothing can be asked there."""
    health = await driver.get_health("x", 1, coin="DGB", api_base="http://[")
    assert not health.is_healthy
    assert health.error_message is not None
    assert "address" in health.error_message


# The simulated pool


@asynccontextmanager
async def simulated(**options: Any) -> AsyncGenerator[tuple[SimulatedSolopool, str]]:
    """Run a simulated pool and give its base address."""
    async with SimulatedSolopool(**{"wallets": {WALLET: WORKERS}, **options}) as pool:
        yield pool, f"http://127.0.0.1:{pool.port}/api"


@pytest.mark.parametrize("text_numbers", [False, True])
@pytest.mark.parametrize("generation", [1, 2])
async def test_simulated_pool(
    driver: SolopoolDriver, generation: Any, text_numbers: bool
) -> None:
    """Both generations give the same picture."""
    async with simulated(generation=generation) as (pool, base):
        pool.text_numbers = text_numbers
        data = await tile(driver, base, f"{WALLET}.bitaxe")
        assert data.health_status
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.3)
        assert data.network_difficulty == pytest.approx(756_672_128, rel=0.02)
        assert data.active_workers == 2
        assert {worker.name for worker in data.workers} == set(WORKERS)
        assert (data.shares_valid is None) is (generation == 2)
        before = data.blocks_found_24h
        assert before is not None
        pool.find_block()
        after = await tile(driver, base)
        assert after.blocks_found_24h == before + 1
        pool.wallets[WALLET].workers["nerd"].offline = True
        assert (await tile(driver, base)).active_workers == 1
        # One /stats for all of this, and one request per poll.
        assert pool.counters.by_path["GET /api/stats"] == 1
        assert pool.counters.requests == 4
        assert pool.counters.connections == 1


@pytest.mark.parametrize("skew", [-30 * 86_400, -3600, 30 * 86_400])
async def test_blocks_of_a_day_by_the_clock_of_the_pool(
    driver: SolopoolDriver, skew: float
) -> None:
    """A day ends now for the pool, whatever our clock says."""
    async with simulated(clock_skew=skew) as (pool, base):
        pool.wallets[WALLET].blocks.clear()
        pool._add_block(pool.wallets[WALLET], "nerd", 1e12, ago=86_400 + 60)
        pool._add_block(pool.wallets[WALLET], "nerd", 1e12, ago=86_400 - 60)
        assert (await tile(driver, base)).blocks_found_24h == 1


# Which pool, which wallet


@pytest.mark.parametrize(
    ("coin", "base"),
    [
        ("DGB", "https://dgb-sha.solopool.org/api"),
        ("btc", "https://btc.solopool.org/api"),
        ("BCH", "https://bch.solopool.org/api"),
        ("BC2", "https://bc2.solopool.org/api"),
    ],
)
def test_one_api_per_coin(coin: str, base: str) -> None:
    """The address follows from the coin; accounts share a site."""
    driver = SolopoolDriver()
    site = driver._site(coin, {})
    assert site.api.base == base
    assert driver._site(coin.lower(), {}) is site


async def test_no_such_coin(driver: SolopoolDriver) -> None:
    """A coin that the pool has not is refused."""
    with pytest.raises(InvalidValue):
        await driver.get_dashboard_data("x", "DOGE", WALLET)
    health = await driver.get_health("pool.example.org", 1)
    assert not health.is_healthy


async def test_block_times(driver: SolopoolDriver) -> None:
    """600 s but for DigiByte; a coin that is not known has no percentage."""
    answers = {"/stats": load("stats_v2"), f"/miners/{WALLET}": load("miners_v2")}
    async with serving(answers) as site:
        shares = {
            coin: (await tile(driver, site.base, coin=coin)).pool_percentage
            for coin in ("BTC", "BCH", "BC2", "DGB", "DOGE")
        }
    assert shares["DOGE"] is None
    assert shares["BTC"] is not None and shares["DGB"] is not None
    assert shares["BTC"] == shares["BCH"] == shares["BC2"]
    assert shares["BTC"] == pytest.approx(8 * shares["DGB"])
