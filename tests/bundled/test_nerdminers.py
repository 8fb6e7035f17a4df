"""The NerdMiners driver, against a captured file and the simulated pool."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.nerdminers_driver import (
    NerdminersDriver,
)
from custom_components.hmm.bundled.shared.ckpool_files import (
    read_user,
    read_user_object,
)
from custom_components.hmm.driver_api import DashboardTileData
from simulator.ckpool import SERVICES, SimulatedCkpool

FIXTURES = Path(__file__).parent.parent / "fixtures" / "nerdminers"
HOST = "pool.nerdminers.org"
WALLET = SERVICES["nerdminers"].wallet or ""
USER_PATH = f"GET /users/{WALLET}"
STATUS_PATH = "GET /pool/pool.status"


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> NerdminersDriver:
    """Return a driver with a session, which never waits."""
    driver = NerdminersDriver()
    driver.session = session
    driver.again_seconds = 0
    return driver


@asynccontextmanager
async def simulated(**options: Any) -> AsyncGenerator[SimulatedCkpool]:
    """Run the simulated pool; its files are written for every request."""
    async with SimulatedCkpool(flavour="nerdminers", **options) as pool:
        pool.update_seconds = 0
        yield pool


async def tile(
    driver: NerdminersDriver, pool: SimulatedCkpool, username: str = WALLET
) -> DashboardTileData:
    """Read the tiles of an address."""
    return await driver.get_dashboard_data(
        url=HOST,
        coin="BTC",
        username=username,
        stratum_port=3333,
        api_base=f"http://127.0.0.1:{pool.port}",
    )


def test_unit_for_life() -> None:
    """The smallest miners of all: a unit in which their hashrate is no zero."""
    assert NerdminersDriver.hashrate_unit == "kH/s"


def test_captured_file() -> None:
    """Very small numbers, with decimals where ckpool has none."""
    data = read_user_object((FIXTURES / "users.json").read_text())
    assert data is not None
    user = read_user(data, "bc1qxyz", 1_766_172_060)
    assert user.hashrate == 0
    assert user.hashrates["1d"] == 44_400
    assert user.best_share == 71.23833398347209
    assert user.work == 25_621
    assert user.active_workers == 1
    (worker,) = user.workers
    assert worker.online is True
    assert worker.best_share == 71.23833398347209
    # An hour later it is offline, and known as before
    user = read_user(data, "bc1qxyz", 1_766_172_060 + 3600)
    assert user.active_workers == 0


async def test_simulated_pool(driver: NerdminersDriver) -> None:
    """Every field is what the pool says; kH/s are not taken for more."""
    async with simulated() as pool:
        data = await tile(driver, pool, f"{WALLET}.nerd1")
        assert data.health_status
        assert data.latency_ms is not None
        assert data.pool_hashrate == pytest.approx(440_000, rel=0.02)
        assert data.active_workers == 2
        assert {worker.name: worker.online for worker in data.workers} == {
            "nerd1": True,
            "nerd2": True,
        }
        by_name = {worker.name: worker for worker in data.workers}
        assert by_name["nerd1"].hashrate == pytest.approx(78_000, rel=0.02)
        readings = [
            worker.miner.read() for worker in pool.wallets[WALLET].workers.values()
        ]
        assert data.best_share == pytest.approx(
            max(reading.best_ever for reading in readings)
        )
        assert data.last_share is not None
        assert data.last_share.timestamp() == pytest.approx(time.time(), abs=600)
        # Far too small to do 1 % of a block
        assert data.network_difficulty is None
        assert data.estimated_time_to_block is None
        assert data.pool_percentage is None
        assert data.shares_valid is None
        assert data.blocks_found_24h is None
        assert data.account_known
        # One request a poll: the status serves for some minutes
        await tile(driver, pool)
        assert pool.counters.by_path == {USER_PATH: 2, STATUS_PATH: 1}


@pytest.mark.parametrize("moved", ["redirect", "missing"])
async def test_the_pool_is_gone(driver: NerdminersDriver, moved: Any) -> None:
    """Nothing of it being there is no unknown address."""
    async with simulated() as pool:
        pool.moved = moved
        data = await tile(driver, pool)
        assert not data.health_status
        assert data.account_known
        assert data.health_message


async def test_the_pool_has_stopped(driver: NerdminersDriver) -> None:
    """Its files are old, though the web server answers."""
    async with simulated() as pool:
        pool.stop_ckpool(400)
        data = await tile(driver, pool)
        assert data.health_message is not None
        assert "stopped" in data.health_message


def test_the_address() -> None:
    """It is asked with HTTPS, and as seldom as any public pool."""
    place = NerdminersDriver()._place(HOST, {})
    assert place.bases == ("https://pool.nerdminers.org",)
    assert not place.local
