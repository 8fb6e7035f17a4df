"""The public-pool driver, against known shapes and the simulated pool."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import json
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.public_pool_driver import (
    PublicPoolDriver,
)
from custom_components.hmm.driver_api import (
    DashboardTileData,
    FoundPool,
    InvalidValue,
    PoolBlock,
    PoolWorker,
)
from simulator.device import Fault
from simulator.public_pool import DIFFICULTY, SimulatedPublicPool
from tests.certificate import server_context, write_certificate

from .site import serving

FIXTURES = Path(__file__).parent.parent / "fixtures" / "public_pool"
WALLET = "bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym"
CLIENT = f"/api/client/{WALLET}"
WORKERS = {"bitaxe": 1.2e12, "nerd": 4.8e12}


def load(name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> PublicPoolDriver:
    """Return a driver with a session."""
    driver = PublicPoolDriver()
    driver.session = session
    return driver


async def tile(
    driver: PublicPoolDriver,
    base: str,
    username: str | None = WALLET,
    coin: str = "BTC",
    **options: Any,
) -> DashboardTileData:
    """Read the tiles of a wallet."""
    return await driver.get_dashboard_data(
        url="umbrel.local",
        coin=coin,
        username=username,
        stratum_port=3333,
        api_base=base,
        **options,
    )


def whole(client: Any) -> dict[str, Any]:
    """Give all answers that one poll asks for."""
    return {
        CLIENT: client,
        "/api/network": load("network"),
        "/api/pool": load("pool.shape"),
    }


# Known shapes


async def test_server_of_2025(driver: PublicPoolDriver) -> None:
    """Sessions of one name are one worker; the user's own figures, in H/s."""
    async with serving(whole(load("client.shape"))) as site:
        data = await tile(driver, site.base, f"{WALLET}.bitaxe")
    assert data.health_status and data.health_message is None
    assert data.latency_ms is not None
    assert data.account_known
    assert data.currency == "BTC"
    assert data.network_difficulty == 133869853540305.4
    assert data.pool_hashrate == 480000000000 + 500123456789.12
    expected = 133869853540305.4 * 2**32 / data.pool_hashrate
    assert data.estimated_time_to_block == pytest.approx(expected)
    assert data.pool_percentage == pytest.approx(100 * 600 / expected)
    assert data.active_workers == 1
    last = datetime(2026, 7, 31, 12, 40, 58, tzinfo=UTC)
    assert data.workers == (
        PoolWorker(
            name="bitaxe-01",
            hashrate=data.pool_hashrate,
            online=True,
            best_share=1.2e9,
            last_share=last,
        ),
    )
    assert data.last_share == last
    assert data.best_share == 4.1e9
    assert data.blocks_found == 0
    assert data.own_blocks == ()
    # Not told, and therefore unknown
    assert data.blocks_found_24h is None
    assert data.last_block_found is None
    assert data.shares_valid is None
    assert data.shares_invalid is None
    assert data.shares_stale is None
    assert data.reject_rate is None
    assert data.estimated_earnings_24h is None
    assert data.confirmed_balance is None
    assert data.pending_balance is None
    assert sorted(site.paths) == [CLIENT, "/api/network", "/api/pool"]


async def test_server_of_2026(driver: PublicPoolDriver) -> None:
    """It counts accepted shares; how many were rejected stays unknown."""
    async with serving(whole(load("client_2026.shape"))) as site:
        data = await tile(driver, site.base)
    assert data.shares_valid == 12345
    assert data.shares_invalid is None
    assert data.reject_rate is None
    assert data.pool_hashrate == 469124961075.2
    assert data.best_share == 4.1e9


@pytest.mark.parametrize(
    ("reported", "fee"), [(0, 0.0), (1.5, 1.5), ("x", None), (None, None)]
)
async def test_the_fee(driver: PublicPoolDriver, reported: Any, fee: Any) -> None:
    """Given what the pool keeps in percent, then it is told; rubbish is nothing."""
    answers = whole(load("client_2026.shape"))
    answers["/api/pool"] = {**load("pool.shape"), "fee": reported}
    async with serving(answers) as site:
        assert (await tile(driver, site.base)).fee_percent == fee


async def test_own_blocks(driver: PublicPoolDriver) -> None:
    """Those of other addresses are somebody else's; they have no time."""
    answers = whole(load("client.shape"))
    answers["/api/pool"]["blocksFound"] = [
        {"height": 5, "minerAddress": WALLET, "worker": "a", "sessionId": "x"},
        {"height": 7, "minerAddress": "bc1qother", "worker": "b"},
        {"height": 9, "minerAddress": WALLET, "worker": None},
    ]
    async with serving(answers) as site:
        data = await tile(driver, site.base)
        assert data.blocks_found == 2
        assert data.own_blocks == (
            PoolBlock(height=9, miner=WALLET, coin="BTC"),
            PoolBlock(height=5, miner=WALLET, worker="a", coin="BTC"),
        )
        assert data.blocks_found_24h is None
        malformed: Any
        for malformed in (None, {}, "x"):
            site.answers["/api/pool"]["blocksFound"] = malformed
            driver.shared_seconds = 0
            data = await tile(driver, site.base)
            assert data.blocks_found is None
            assert data.own_blocks == ()


UNKNOWN = [
    load("client_unknown_address"),
    {"bestDifficulty": 0, "workersCount": 0, "accounting": {}, "workers": []},
    (404, '{"statusCode":404,"message":"Not Found"}', ""),
    {"workersCount": 0, "workers": []},
    {"workersCount": "0", "workers": None},
]


@pytest.mark.parametrize("client", UNKNOWN)
async def test_unknown_wallet(driver: PublicPoolDriver, client: Any) -> None:
    """No data yet is neither "pool down" nor zero."""
    async with serving(whole(client)) as site:
        data = await tile(driver, site.base)
        assert await driver.get_user_stats("x", "BTC", WALLET, api_base=site.base) is (
            None
        )
    assert data.health_status is True
    assert data.account_known is False
    assert data.pool_hashrate is None
    assert data.active_workers is None
    assert data.workers == ()
    assert data.blocks_found is None
    assert data.best_share is None
    assert data.network_difficulty is not None


@pytest.mark.parametrize(
    ("client", "best"),
    [
        ({"bestDifficulty": 4.1e9, "workersCount": 0, "workers": []}, 4.1e9),
        ({"bestDifficulty": "41.5", "workersCount": 0, "workers": []}, 41.5),
        # The server of 2025 sets all to 0 when somebody finds a block
        ({"bestDifficulty": 0, "workersCount": 0, "workers": []}, 0),
        (
            {
                "bestDifficulty": 0,
                "workersCount": 0,
                "accounting": {"totalAcceptedShares": 7},
                "workers": [],
            },
            0,
        ),
    ],
)
async def test_a_wallet_that_stopped_mining(
    driver: PublicPoolDriver, client: Any, best: float
) -> None:
    """Its sessions vanish, but the pool knows it: real zeros."""
    async with serving(whole(client)) as site:
        data = await tile(driver, site.base)
    assert data.account_known
    assert data.pool_hashrate == 0
    assert data.active_workers == 0
    assert data.workers == ()
    assert data.best_share == best
    assert data.estimated_time_to_block is None
    assert data.pool_percentage == 0
    assert data.blocks_found == 0


async def test_a_part_that_is_unknown(driver: PublicPoolDriver) -> None:
    """A sum without one of its parts would be wrong."""
    client = load("client.shape")
    client["workers"].append({"name": " ", "hashRate": None, "lastSeen": "soon"})
    client["workers"].append("x")
    async with serving(whole(client)) as site:
        data = await tile(driver, site.base)
    assert data.pool_hashrate is None
    assert data.active_workers == 2
    assert [worker.name for worker in data.workers] == ["bitaxe-01", "default"]
    assert data.workers[0].hashrate == pytest.approx(980e9, rel=0.01)
    assert data.workers[1] == PoolWorker(name="default", online=True)


# Sharing and failing


async def test_a_failure_is_shared_for_less(driver: PublicPoolDriver) -> None:
    """A network that was not there is asked for again before figures would be old."""
    answers = whole(load("client.shape"))
    network = answers.pop("/api/network")
    async with serving(answers) as site:
        data = await tile(driver, site.base)
        assert data.health_status
        assert data.network_difficulty is None
        assert data.estimated_time_to_block is None
        assert data.pool_hashrate is not None
        site.answers["/api/network"] = network
        assert (await tile(driver, site.base)).network_difficulty is None
        driver.retry_seconds = 0
        assert (await tile(driver, site.base)).network_difficulty is not None


async def test_pool_figures_that_fail(driver: PublicPoolDriver) -> None:
    """Blocks are unknown then, not none; the rest is not touched."""
    answers = whole(load("client.shape"))
    answers["/api/pool"] = (500, "", "")
    async with serving(answers) as site:
        data = await tile(driver, site.base)
    assert data.health_status
    assert data.blocks_found is None
    assert data.pool_hashrate is not None


async def test_self_signed_certificate(
    driver: PublicPoolDriver, tmp_path: Path
) -> None:
    """It is refused unless the user said otherwise."""
    answers = whole(load("client.shape"))
    async with serving(answers, server_context(write_certificate(tmp_path))) as site:
        for options in ({}, {"verify_ssl": True}, {"verify_ssl": None}):
            data = await tile(driver, site.base, **options)
            assert data.health_message is not None
            assert "certificate" in data.health_message
        assert site.paths == []
        data = await tile(driver, site.base, verify_ssl=False)
        assert data.health_status
        # API_SECURE=true, which a probe finds out
        port = int(site.base.rpartition(":")[2])
        driver.probe_ports = (port,)
        assert await driver.probe("127.0.0.1", 0) == [
            FoundPool(
                coin="BTC",
                settings={"api_base": f"{site.base}/api", "verify_ssl": False},
            )
        ]


# The simulated pool


@asynccontextmanager
async def simulated(
    **options: Any,
) -> AsyncGenerator[tuple[SimulatedPublicPool, str]]:
    """Run a simulated pool and give its base address."""
    async with SimulatedPublicPool(**{"wallets": {WALLET: WORKERS}, **options}) as pool:
        yield pool, f"http://127.0.0.1:{pool.port}"


@pytest.mark.parametrize("text_numbers", [False, True])
@pytest.mark.parametrize("generation", [2025, 2026])
async def test_simulated_pool(
    driver: PublicPoolDriver, generation: Any, text_numbers: bool
) -> None:
    """Every field against what the pool stands at."""
    async with simulated(generation=generation) as (pool, base):
        pool.text_numbers = text_numbers
        pool.cache_seconds = 0
        wallet = pool.wallets[WALLET]
        data = await tile(driver, base, f"{WALLET}.bitaxe")
        assert data.health_status
        assert data.account_known
        rates = {
            session.name: session.worker.miner.read().averages["10m"]
            for session in wallet.sessions
        }
        assert data.pool_hashrate is not None
        assert data.pool_hashrate == pytest.approx(sum(rates.values()), rel=0.001)
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.2)
        assert data.network_difficulty == DIFFICULTY
        expected = DIFFICULTY * 2**32 / data.pool_hashrate
        assert data.estimated_time_to_block == pytest.approx(expected)
        assert data.pool_percentage == pytest.approx(100 * 600 / expected)
        assert data.active_workers == 2
        for worker in data.workers:
            assert worker.hashrate == pytest.approx(rates[worker.name], rel=0.001)
            assert worker.online
            assert worker.best_share is not None
            assert worker.last_share is not None
        assert {worker.name for worker in data.workers} == set(WORKERS)
        assert wallet.best is not None
        assert data.best_share == pytest.approx(wallet.best, rel=1e-6)
        assert data.last_share is not None
        assert time.time() - data.last_share.timestamp() < 700
        accepted = sum(item.worker.miner.read().accepted for item in wallet.sessions)
        if generation == 2026:
            assert data.shares_valid == pytest.approx(accepted, abs=3)
        else:
            assert data.shares_valid is None
        assert data.blocks_found == 0
        assert pool.counters.by_path[f"GET /api/client/{WALLET}"] == 1
        assert pool.counters.requests == 3
        pool.find_block()
        # Polls of the next minutes ask one thing
        again = await tile(driver, base)
        assert pool.counters.requests == 4
        assert again.blocks_found == 0
        driver.shared_seconds = 0
        again = await tile(driver, base)
        assert again.blocks_found == 1
        assert again.own_blocks[0].worker == "bitaxe"
        assert again.own_blocks[0].height == pool.height
        assert again.best_share is not None
        assert again.best_share >= DIFFICULTY


async def test_simulated_reconnect(driver: PublicPoolDriver) -> None:
    """Two devices of one name are one worker, and their hashrates add up."""
    async with simulated() as (pool, base):
        pool.add_session(WALLET, "bitaxe", 2e12)
        data = await tile(driver, base)
        assert data.active_workers == 2
        assert data.pool_hashrate == pytest.approx(8e12, rel=0.2)
        hashrates = {worker.name: worker.hashrate for worker in data.workers}
        assert hashrates["bitaxe"] == pytest.approx(3.2e12, rel=0.2)


@pytest.mark.parametrize("generation", [2025, 2026])
async def test_simulated_worker_vanishes(
    driver: PublicPoolDriver, generation: Any
) -> None:
    """Silent sessions vanish; when all did, the account stands at zero."""
    async with simulated(generation=generation) as (pool, base):
        for session in pool.wallets[WALLET].sessions:
            session.worker.offline = True
        assert (await tile(driver, base)).active_workers == 2
        pool.wallets[WALLET].sessions[0].worker.seen -= 10_000
        data = await tile(driver, base)
        assert [worker.name for worker in data.workers] == ["nerd"]
        pool.session_seconds = 0
        data = await tile(driver, base)
        assert data.account_known
        assert data.pool_hashrate == 0
        assert data.active_workers == 0
        assert data.workers == ()
        assert data.best_share


@pytest.mark.parametrize("generation", [2025, 2026])
async def test_simulated_restart(driver: PublicPoolDriver, generation: Any) -> None:
    """All sessions are new then; what is counted goes on."""
    async with simulated(generation=generation) as (pool, base):
        before = await tile(driver, base)
        await pool.unplug()
        down = await tile(driver, base)
        assert not down.health_status
        await pool.plug_in()
        after = await tile(driver, base)
        assert after.health_status
        assert after.active_workers == 2
        assert after.best_share is not None and before.best_share is not None
        assert after.best_share >= before.best_share
        if before.shares_valid is not None:
            assert after.shares_valid is not None
            assert after.shares_valid >= before.shares_valid


async def test_simulated_server_that_counts_nothing(driver: PublicPoolDriver) -> None:
    """Zeros for a miner that mines are no count."""
    async with simulated() as (pool, base):
        pool.api_only = True
        data = await tile(driver, base)
        assert data.shares_valid is None
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.2)


async def test_simulated_lost_node(driver: PublicPoolDriver) -> None:
    """The account is what matters."""
    async with simulated() as (pool, base):
        pool.node = False
        data = await tile(driver, base)
        assert data.health_status
        assert data.pool_hashrate
        assert data.network_difficulty is None
        assert not (await driver.get_health("x", 1, api_base=base)).is_healthy


# Which pool, which address, which wallet


@pytest.mark.parametrize(
    ("url", "options", "base"),
    [
        ("public-pool.io", {}, "https://public-pool.io:40557/api"),
        ("blitzpool.yourdevice.ch", {}, "https://blitzpool.yourdevice.ch:3334/api"),
        ("pool.solomining.de", {}, "https://pool.solomining.de/api"),
        ("192.168.1.5", {}, "http://192.168.1.5:3334/api"),
        ("fd00::5", {}, "http://[fd00::5]:3334/api"),
        ("[fd00::5]:3333", {}, "http://[fd00::5]:3334/api"),
        ("x", {"api_base": "http://umbrel.local:2019"}, "http://umbrel.local:2019/api"),
        ("x", {"api_base": "http://a:2019/api/"}, "http://a:2019/api"),
        ("x", {"api_base": "a:2019"}, "http://a:2019/api"),
        ("x", {"api_base": "a"}, "http://a:3334/api"),
        ("x", {"api_base": "http://a"}, "http://a/api"),
        ("x", {"api_base": "https://a/pool/"}, "https://a/pool/api"),
        ("x", {"api_base": "http://a:1/#/app/bc1q"}, "http://a:1/api"),
        ("x", {"api_base": "http://a:1/api/client/bc1q"}, "http://a:1/api"),
        ("x", {"api_base_url": "http://a:1"}, "http://a:1/api"),
        (
            "x",
            {"api_base": "https://web.public-pool.io/#/app/bc1q"},
            "https://public-pool.io:40557/api",
        ),
        ("x", {"api_base": " "}, "http://x:3334/api"),
    ],
)
def test_where_the_api_is(url: str, options: dict[str, Any], base: str) -> None:
    """What one types may be the API or its web page; accounts share a site."""
    driver = PublicPoolDriver()
    site = driver._site(url, options)
    assert site.api.base == base
    assert driver._site(url, dict(options)) is site
    assert driver._site(url, {**options, "verify_ssl": False}) is not site


@pytest.mark.parametrize(
    ("url", "typed"),
    [("x", "http://["), ("x", "ftp://a"), ("x", "http://a:99999"), ("", "")],
)
async def test_no_address(driver: PublicPoolDriver, url: str, typed: str) -> None:
    """That is refused in plain words."""
    with pytest.raises(InvalidValue):
        await driver.get_dashboard_data(url, "BTC", WALLET, api_base=typed)
    health = await driver.get_health(url, 1, api_base=typed)
    assert not health.is_healthy
    assert driver.get_poll_seconds(url, api_base=typed) == 60


@pytest.mark.parametrize(
    ("url", "options", "seconds"),
    [
        ("public-pool.io", {}, 60),
        ("pool.solomining.de", {}, 60),
        ("192.168.1.5", {}, 30),
        ("umbrel.local", {"api_base": "http://umbrel.local:2019"}, 30),
        ("gateway.local", {"api_base": "https://public-pool.io:40557"}, 60),
    ],
)
def test_poll_seconds(url: str, options: dict[str, Any], seconds: int) -> None:
    """A server of one's own is asked more often."""
    driver = PublicPoolDriver()
    assert driver.get_poll_seconds(url, stratum_port=3333, **options) == seconds


async def test_probe(driver: PublicPoolDriver) -> None:
    """Found where the API answers; what was found works."""
    async with simulated() as (pool, base):
        driver.probe_ports = (pool.port,)
        result = await driver.probe("127.0.0.1", 3333)
        assert result == [FoundPool(coin="BTC", settings={"api_base": f"{base}/api"})]
        data = await driver.get_dashboard_data(
            "127.0.0.1", "BTC", WALLET, **result[0].settings
        )
        assert data.pool_hashrate
        pool.chain = "testnet4"
        (test_net,) = await driver.probe("127.0.0.1", 3333)
        assert test_net.coin == "TBTC"
        pool.node = False
        assert [item.coin for item in await driver.probe("127.0.0.1", 0)] == ["BTC"]
        # Never the port that miners connect to
        pool.counters.reset()
        assert await driver.probe("127.0.0.1", pool.port) == []
        assert pool.counters.connections == 0
        assert await driver.probe("", 0) == []


async def test_probe_takes_the_first(driver: PublicPoolDriver) -> None:
    """One server, whatever number of its ports answers."""
    async with simulated() as (one, base), simulated(name="two") as (two, _):
        driver.probe_ports = (one.port, two.port)
        (result,) = await driver.probe("127.0.0.1", 0)
        assert result.settings["api_base"] == f"{base}/api"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"totalHashRate": None},
        [1],
        (404, "", ""),
        (200, "<html>", ""),
        (302, "", "Location: /login\r\n"),
    ],
)
async def test_probe_of_something_else(driver: PublicPoolDriver, answer: Any) -> None:
    """A web server is no pool."""
    driver.probe_seconds = 0.2
    async with serving({"/api/pool": answer}) as site:
        driver.probe_ports = (int(site.base.rpartition(":")[2]),)
        assert await driver.probe("127.0.0.1", 0) == []


async def test_probe_of_a_port_that_hangs(driver: PublicPoolDriver) -> None:
    """A stratum port does so when it is asked for a web page."""
    driver.probe_seconds = 0.1
    async with simulated() as (pool, _):
        pool.fault = Fault.SILENT
        driver.probe_ports = (pool.port,)
        assert await driver.probe("127.0.0.1", 0) == []
        pool.fault = None
    assert await driver.probe("127.0.0.1", 0) == []
