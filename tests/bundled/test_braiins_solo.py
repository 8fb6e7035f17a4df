"""The Braiins Solo driver, against both known shapes and the simulated pool."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.braiins_solo_driver import (
    BraiinsSoloDriver,
)
from custom_components.hmm.bundled.shared.ckpool_files import (
    read_user,
    read_user_object,
)
from custom_components.hmm.driver_api import BadAnswer, DashboardTileData
from simulator.ckpool import SERVICES, SimulatedCkpool

FIXTURES = Path(__file__).parent.parent / "fixtures" / "braiins_solo"
HOST = "solo.stratum.braiins.com"
WALLET = SERVICES["braiins"].wallet or ""
WORKERS = {"rig1": 1.1e12, "rig2": 2.2e12}
FLAVOURS = ("braiins", "braiins-numeric")


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> BraiinsSoloDriver:
    """Return a driver with a session, which never waits."""
    driver = BraiinsSoloDriver()
    driver.session = session
    driver.again_seconds = 0
    return driver


@asynccontextmanager
async def simulated(flavour: Any, **options: Any) -> AsyncGenerator[SimulatedCkpool]:
    """Run the simulated pool; its answers are made for every request."""
    options = {"wallets": {WALLET: WORKERS}, **options}
    async with SimulatedCkpool(flavour=flavour, **options) as pool:
        pool.update_seconds = 0
        yield pool


async def tile(
    driver: BraiinsSoloDriver, pool: SimulatedCkpool, username: str = WALLET
) -> DashboardTileData:
    """Read the tiles of an address."""
    return await driver.get_dashboard_data(
        url=HOST,
        coin="BTC",
        username=username,
        stratum_port=3333,
        api_base=f"http://127.0.0.1:{pool.port}",
    )


@pytest.mark.parametrize("style", ["ckpool", "numeric"])
def test_known_shapes(style: str) -> None:
    """Strings or numbers, a list under either name."""
    text = (FIXTURES / f"users.{style}_style.shape.json").read_text()
    data = read_user_object(text)
    assert data is not None
    user = read_user(data, "bc1qEXAMPLE", 1_780_000_100)
    # The numeric shape knows 5 minutes of the workers only
    assert user.hashrate == pytest.approx(1.08e12)
    assert user.hashrates["1m"] == pytest.approx(1.1e12)
    assert user.best_share == 98_765_432
    assert user.active_workers == 1
    assert user.last_share == datetime.fromtimestamp(1_780_000_000, UTC)
    (worker,) = user.workers
    assert worker.name == "rig1"
    assert worker.hashrate == pytest.approx(1.08e12)
    assert worker.online is True
    assert worker.best_share == (98_765_432 if style == "ckpool" else 1_234_567.8)
    assert worker.shares_valid is None


@pytest.mark.parametrize("text_numbers", [False, True])
@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_simulated_pool(
    driver: BraiinsSoloDriver, flavour: str, text_numbers: bool
) -> None:
    """Both shapes give the same picture, from one request."""
    async with simulated(flavour) as pool:
        pool.text_numbers = text_numbers
        data = await tile(driver, pool, f"{WALLET}.rig1")
        readings = {
            name: worker.miner.read()
            for name, worker in pool.wallets[WALLET].workers.items()
        }
        assert data.health_status
        assert data.latency_ms is not None
        assert data.currency == "BTC"
        assert data.pool_hashrate == pytest.approx(3.3e12, rel=0.02)
        assert data.active_workers == 2
        assert data.best_share == int(
            max(reading.best_ever for reading in readings.values())
        )
        assert data.last_share is not None
        assert data.last_share.timestamp() == pytest.approx(time.time(), abs=120)
        for worker in data.workers:
            assert worker.online is True
            assert worker.hashrate == pytest.approx(WORKERS[worker.name], rel=0.02)
            best = readings[worker.name].best_ever
            assert worker.best_share == pytest.approx(best, abs=1)
        assert len(data.workers) == 2
        # Of the network and the pool nothing is told, and work is no share count
        for untold in (
            data.network_difficulty,
            data.estimated_time_to_block,
            data.pool_percentage,
            data.shares_valid,
            data.shares_invalid,
            data.shares_stale,
            data.reject_rate,
            data.blocks_found_24h,
            data.confirmed_balance,
        ):
            assert untold is None
        assert pool.counters.by_path == {f"GET /users/{WALLET}": 1}


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_worker_stops(driver: BraiinsSoloDriver, flavour: str) -> None:
    """By the time of its last share, in either shape."""
    async with simulated(flavour) as pool:
        pool.let_silent(WALLET, "rig2", 4000)
        data = await tile(driver, pool)
        assert data.active_workers == 1
        assert {worker.name: worker.online for worker in data.workers} == {
            "rig1": True,
            "rig2": False,
        }


@pytest.mark.parametrize("flavour", FLAVOURS)
async def test_a_clock_that_is_wrong(driver: BraiinsSoloDriver, flavour: str) -> None:
    """The server's own clock tells the age of a share."""
    async with simulated(flavour) as pool:
        pool.clock_skew = -5000
        assert (await tile(driver, pool)).active_workers == 2


async def test_health(driver: BraiinsSoloDriver) -> None:
    """By the address if it is known, else by the front page."""
    async with simulated("braiins") as pool:
        options = {"api_base": f"http://127.0.0.1:{pool.port}"}
        health = await driver.get_health(HOST, 3333, username=WALLET, **options)
        assert health.is_healthy
        assert health.latency_ms is not None
        health = await driver.get_health(HOST, 3333, **options)
        assert health.is_healthy
        assert health.latency_ms is not None
        pool.moved = "redirect"
        # A front page may send its visitors to the one of their language
        assert (await driver.get_health(HOST, 3333, **options)).is_healthy
        health = await driver.get_health(HOST, 3333, username=WALLET, **options)
        assert not health.is_healthy
        pool.moved, pool.status = None, 500
        assert not (await driver.get_health(HOST, 3333, **options)).is_healthy


async def test_something_else(driver: BraiinsSoloDriver) -> None:
    """JSON of another service is no account."""
    with pytest.raises(BadAnswer):
        read_user_object('{"hashRate": 5}')


def test_the_address() -> None:
    """It is asked with HTTPS, and as seldom as any public pool."""
    place = BraiinsSoloDriver()._place(HOST, {})
    assert place.bases == ("https://solo.braiins.com",)
    assert not place.local
