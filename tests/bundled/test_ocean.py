"""The OCEAN driver, against known shapes and the simulated pool."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import json
from pathlib import Path
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.ocean_driver import OceanDriver
from custom_components.hmm.driver_api import DashboardTileData, PoolWorker
from simulator.ocean import DEMO_WALLET, DIFFICULTY, SimulatedOcean

from .site import Site, serving

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ocean"
WALLET = "bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym"
FULL = f"/v1/userinfo_full/{WALLET}"
HASHRATES = f"/v1/user_hashrate_full/{WALLET}"
SNAP = f"/v1/statsnap/{WALLET}"
WORKERS = {"bitaxe": 1.2e12, "nerd": 4.8e12}


def load(name: str) -> Any:
    """Read an example of a shape, as if it was of now."""
    text = (FIXTURES / f"{name}.shape.json").read_text()
    example = 1787271720
    for ago in (0, -4, 22):
        text = text.replace(str(example - ago), str(int(time.time()) - ago))
    return json.loads(text)


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> OceanDriver:
    """Return a driver with a session."""
    driver = OceanDriver()
    driver.session = session
    return driver


async def tile(
    driver: OceanDriver, base: str, username: str | None = WALLET
) -> DashboardTileData:
    """Read the tiles of a wallet."""
    return await driver.get_dashboard_data(
        url="mine.ocean.xyz",
        coin="BTC",
        username=username,
        stratum_port=3334,
        api_base=f"{base}/v1",
    )


def whole(full: Any) -> dict[str, Any]:
    """Give what most polls ask for."""
    return {FULL: full, "/v1/pool_stat": load("pool_stat")}


def asked(site: Site) -> list[str]:
    """Return the names of what was asked for."""
    return sorted(path.split("/")[2] for path in site.paths)


# Known shapes


async def test_one_request_tells_an_account(driver: OceanDriver) -> None:
    """The user's own figures; the strings of the pool become numbers."""
    async with serving(whole(load("userinfo_full"))) as site:
        data = await tile(driver, site.base, f"{WALLET}.gamma")
    assert data.health_status and data.health_message is None
    assert data.latency_ms is not None
    assert data.account_known
    assert data.currency == "BTC"
    assert data.network_difficulty == 133869853540305
    assert data.pool_hashrate == 1202590842880
    network = 133869853540305 * 2**32 / 600
    assert data.pool_percentage == pytest.approx(100 * 1202590842880 / network)
    assert data.active_workers == 1
    assert data.confirmed_balance == 0.00012345
    # The clocks of the two are compared by the second
    reported = int(load("userinfo_full")["result"]["user_full"]["lastest_share_ts"])
    assert data.last_share is not None
    assert abs(data.last_share.timestamp() - reported) <= 1
    assert data.workers == (
        PoolWorker(
            name="gamma",
            hashrate=1202590842880,
            online=True,
            last_share=data.last_share,
        ),
        PoolWorker(
            name="nano3s",
            hashrate=0,
            online=False,
            last_share=datetime.fromtimestamp(1787260000, UTC),
        ),
    )
    # Every block of the pool pays: no block is the user's business.
    assert data.estimated_time_to_block is None
    assert data.blocks_found is None
    assert data.blocks_found_24h is None
    assert data.last_block_found is None
    assert data.own_blocks == ()
    # Work is no count
    assert data.shares_valid is None
    assert data.shares_invalid is None
    assert data.shares_stale is None
    assert data.reject_rate is None
    assert data.best_share is None
    # An estimate is no balance
    assert data.pending_balance is None
    assert asked(site) == ["earnpay", "pool_stat", "userinfo_full"]


@pytest.mark.parametrize("full", [(404, "", ""), {"result": {"x": 1}}])
async def test_two_requests_tell_it_as_well(driver: OceanDriver, full: Any) -> None:
    """The other shape of workers; what the one lacks the other has."""
    snapshot = {"result": load("userinfo_full")["result"]["user_full"]}
    answers = {
        FULL: full,
        HASHRATES: load("user_hashrate_full"),
        SNAP: snapshot,
        "/v1/pool_stat": load("pool_stat"),
    }
    async with serving(answers) as site:
        data = await tile(driver, site.base)
        assert data.health_status
        assert data.pool_hashrate == 1202590842880
        assert data.active_workers == 1
        assert data.confirmed_balance == 0.00012345
        assert data.workers == (
            PoolWorker(name="gamma", hashrate=1202590842880, online=True),
            PoolWorker(name="nano3s", hashrate=0, online=False),
        )
        assert data.last_share is not None
        del site.answers[SNAP]
        data = await tile(driver, site.base)
        assert data.health_status
        assert data.pool_hashrate == 1202590842880
        assert data.confirmed_balance is None


@pytest.mark.parametrize(
    "workers",
    [
        {"a": [{"hashrate_300s": "5"}], f"{WALLET}.b": [{"hashrate_300s": 6}]},
        [{"a": {"hashrate_300s": "5"}}, {f"{WALLET}.b": {"hashrate_300s": 6}}],
        {"a": {"hashrate_300s": "5"}, "b": {"hashrate_300s": 6}},
        [{"a": [{"hashrate_300s": "5"}], "b": {"hashrate_300s": 6}}, None, {"c": []}],
    ],
)
async def test_shapes_of_workers(driver: OceanDriver, workers: Any) -> None:
    """By name or one each, in a list or not; the address is no part of a name."""
    full: Any = {"result": {"user_full": {}, "workers": workers}}
    async with serving(whole(full)) as site:
        data = await tile(driver, site.base)
    assert [
        (worker.name, worker.hashrate, worker.online) for worker in data.workers
    ] == [
        ("a", 5, True),
        ("b", 6, True),
    ]
    assert data.active_workers == 2
    assert data.pool_hashrate is None


@pytest.mark.parametrize("name", [WALLET, "", " ", f"{WALLET}."])
async def test_a_worker_without_a_name(driver: OceanDriver, name: str) -> None:
    """The address itself is no name."""
    full: Any = {
        "result": {"user_full": {}, "workers": [{name: {"hashrate_300s": None}}]}
    }
    async with serving(whole(full)) as site:
        data = await tile(driver, site.base)
    assert data.workers == (PoolWorker(name="default"),)
    assert data.active_workers is None


@pytest.mark.parametrize(
    "workers", [[{"a": {}}], {"0": {"a": {"hashrate_300s": "5"}}}, ["a"], {"a": None}]
)
async def test_workers_that_cannot_be_read(driver: OceanDriver, workers: Any) -> None:
    """They are none of which something is known: neither listed nor off."""
    full: Any = {"result": {"user_full": None, "workers": workers}}
    async with serving(whole(full)) as site:
        data = await tile(driver, site.base)
    assert data.workers == ()
    assert data.active_workers is None


async def test_who_is_online(driver: OceanDriver) -> None:
    """A small miner may be silent for minutes."""
    now = int(time.time())
    workers = [
        {"slow": {"hashrate_60s": "0", "lastest_share_ts": str(now - 500)}},
        {"gone": {"hashrate_60s": "0", "lastest_share_ts": str(now - 700)}},
        {"right": {"latest_share_ts": now}},
        {"never": {"hashrate_300s": "0", "lastest_share_ts": "0"}},
    ]
    full = {"result": {"user_full": {}, "workers": workers}}
    async with serving(whole(full)) as site:
        data = await tile(driver, site.base)
    assert [worker.online for worker in data.workers] == [True, False, True, False]
    assert data.active_workers == 2


async def test_earnings(driver: OceanDriver) -> None:
    """The sum of what the blocks of 24 hours brought, in coins, asked now and then."""
    now = datetime.now(UTC)
    earnpay = load("earnpay")
    first, second = earnpay["result"]["earnings"]
    first["ts"] = now.strftime("%Y-%m-%dT%H:%M:%S")
    second["ts"] = str(int(now.timestamp()) - 80_000)
    second["satoshis_net_earned"] = "121"
    old = {**first, "ts": now.timestamp() - 90_000}
    earnpay["result"]["earnings"] += [old, {**first, "ts": None}]
    seen = []

    class Earnpay(dict[str, Any]):
        """Answers whatever the moment in the path is."""

        def get(self, path: str, default: Any = None) -> Any:
            if path.startswith(f"/v1/earnpay/{WALLET}/"):
                seen.append(int(path.rpartition("/")[2]))
                return earnpay
            return super().get(path, default)

    async with serving(Earnpay(whole(load("userinfo_full")))) as site:
        data = await tile(driver, site.base)
        assert data.estimated_earnings_24h == pytest.approx(357e-8)
        assert seen == [pytest.approx(now.timestamp() - 86_400, abs=60)]
        earnpay["result"]["earnings"] = []
        assert (await tile(driver, site.base)).estimated_earnings_24h == (
            pytest.approx(357e-8)
        )
        assert len(seen) == 1
        driver.earnings_seconds = 0
        assert (await tile(driver, site.base)).estimated_earnings_24h == 0
        malformed: Any
        for malformed in (None, {}, [{"satoshis_net_earned": None}], [{}]):
            earnpay["result"]["earnings"] = malformed
            data = await tile(driver, site.base)
            assert data.health_status
            assert data.estimated_earnings_24h is None


@pytest.mark.parametrize(
    "unknown",
    [
        (404, '{"error":"No such user"}', ""),
        (404, "<html>", ""),
        {"error": "no such user: bc1qexample"},
    ],
)
async def test_unknown_wallet(driver: OceanDriver, unknown: Any) -> None:
    """No data yet is neither "pool down" nor zero."""
    answers = whole(unknown) | {HASHRATES: unknown, SNAP: unknown}
    async with serving(answers) as site:
        data = await tile(driver, site.base)
        assert data.health_status is True
        assert data.account_known is False
        assert data.pool_hashrate is None
        assert data.active_workers is None
        assert data.confirmed_balance is None
        assert data.estimated_earnings_24h is None
        assert data.network_difficulty is not None
        assert "earnpay" not in asked(site)
        # Once the first request told an account its word is enough
        site.answers[f"/v1/userinfo_full/{DEMO_WALLET}"] = load("userinfo_full")
        await tile(driver, site.base, DEMO_WALLET)
        site.paths.clear()
        assert (await tile(driver, site.base)).account_known is False
        assert asked(site) == ["userinfo_full"]


# Sharing and failing


async def test_an_error_is_shared_for_less(driver: OceanDriver) -> None:
    """The pool's figures are asked for again before they would be old."""
    answers = whole(load("userinfo_full"))
    stat = answers["/v1/pool_stat"]
    malformed: Any
    for malformed in ({"error": "database is gone"}, (404, "", "")):
        answers["/v1/pool_stat"] = malformed
        driver.retry_seconds = 30
        async with serving(answers) as site:
            data = await tile(driver, site.base)
            assert data.health_status
            assert data.network_difficulty is None
            assert data.pool_percentage is None
            assert data.pool_hashrate is not None
            site.answers["/v1/pool_stat"] = stat
            assert (await tile(driver, site.base)).network_difficulty is None
            driver.retry_seconds = 0
            assert (await tile(driver, site.base)).network_difficulty is not None


async def test_figures_that_stand_still(driver: OceanDriver) -> None:
    """Old figures are not shown as if they were of now."""
    answers = whole(load("userinfo_full"))
    stat = answers["/v1/pool_stat"]["result"]
    stat["snap_ts"] = str(int(time.time()) - 1700)
    async with serving(answers) as site:
        assert (await tile(driver, site.base)).health_status
        driver.shared_seconds = 0
        stat["snap_ts"] = str(int(time.time()) - 1900)
        data = await tile(driver, site.base)
        assert not data.health_status
        assert data.health_message is not None
        assert "stand still" in data.health_message
        health = await driver.get_health("x", 1, api_base=f"{site.base}/v1")
        assert not health.is_healthy
        assert health.error_message == data.health_message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, "<html>", ""), "500"),
        ((200, "[1]", ""), "shape"),
        ((200, "{}", ""), "shape"),
        ((200, '{"result":[]}', ""), "shape"),
        ((200, '{"error":"database of bc1q is gone"}', ""), "reported an error"),
    ],
)
async def test_a_pool_that_fails(driver: OceanDriver, answer: Any, words: str) -> None:
    """The tile says so in plain words, and what is known stays."""
    answers = whole(answer) | {HASHRATES: answer, SNAP: answer}
    async with serving(answers) as site:
        data = await tile(driver, site.base)
        assert data.health_status is False
        assert data.health_message is not None
        assert words in data.health_message
        assert "bc1q" not in data.health_message
        assert data.latency_ms is None
        assert data.account_known is True
        assert data.pool_hashrate is None
        assert data.network_difficulty is not None


async def test_a_failure_after_all_was_well(driver: OceanDriver) -> None:
    """It costs one request, and the next poll tries the other way as well."""
    answers = whole(load("userinfo_full"))
    answers |= {HASHRATES: load("user_hashrate_full")}
    async with serving(answers) as site:
        assert (await tile(driver, site.base)).health_status
        site.answers[FULL] = (200, "<html>", "")
        site.paths.clear()
        assert not (await tile(driver, site.base)).health_status
        assert asked(site) == ["userinfo_full"]
        data = await tile(driver, site.base)
        assert data.health_status
        assert data.pool_hashrate == 1202590842880


# The simulated pool


@asynccontextmanager
async def simulated(**options: Any) -> AsyncGenerator[tuple[SimulatedOcean, str]]:
    """Run a simulated pool and give its base address."""
    async with SimulatedOcean(**{"wallets": {WALLET: WORKERS}, **options}) as pool:
        pool.snap_seconds = 0
        yield pool, f"http://127.0.0.1:{pool.port}"


@pytest.mark.parametrize("prefixed", [False, True])
@pytest.mark.parametrize("text_numbers", [False, True])
@pytest.mark.parametrize("missing", [set(), {"userinfo_full"}])
async def test_simulated_pool(
    driver: OceanDriver, missing: set[str], text_numbers: bool, prefixed: bool
) -> None:
    """Every field against what the pool stands at, whatever way it is told."""
    async with simulated() as (pool, base):
        pool.missing = missing
        pool.text_numbers = text_numbers
        pool.prefixed_names = prefixed
        wallet = pool.wallets[WALLET]
        data = await tile(driver, base, f"{WALLET}.bitaxe")
        assert data.health_status
        assert data.account_known
        rates = {
            name: worker.miner.read().averages["10m"]
            for name, worker in wallet.workers.items()
        }
        assert data.pool_hashrate is not None
        assert data.pool_hashrate == pytest.approx(sum(rates.values()), rel=0.001)
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.2)
        assert data.network_difficulty == DIFFICULTY
        assert data.pool_percentage == pytest.approx(
            100 * data.pool_hashrate * 600 / (DIFFICULTY * 2**32)
        )
        assert data.estimated_time_to_block is None
        assert data.active_workers == 2
        assert {item.name: item.hashrate for item in data.workers} == {
            name: pytest.approx(rate, rel=0.001) for name, rate in rates.items()
        }
        assert all(worker.online for worker in data.workers)
        assert data.confirmed_balance is not None
        assert data.confirmed_balance == pytest.approx(wallet.unpaid / 1e8)
        assert wallet.unpaid > 0
        assert data.last_share is not None
        assert data.last_share.timestamp() == pytest.approx(time.time(), abs=60)
        day = time.time() - 86_400
        earned = sum(
            earning["satoshis_net_earned"]
            for earning in wallet.earnings
            if earning["ts"] >= day
        )
        assert earned > 0
        assert data.estimated_earnings_24h == pytest.approx(earned / 1e8)
        # The next poll of an account costs one request, or two of the other way
        pool.counters.reset()
        pool.find_block()
        again = await tile(driver, base)
        assert pool.counters.requests == (3 if missing else 1)
        assert again.confirmed_balance == pytest.approx(wallet.unpaid / 1e8)
        assert again.confirmed_balance is not None
        assert again.confirmed_balance > data.confirmed_balance
        assert again.blocks_found is None
        driver.earnings_seconds = 0
        again = await tile(driver, base)
        assert again.estimated_earnings_24h is not None
        assert again.estimated_earnings_24h > earned / 1e8


async def test_simulated_payout(driver: OceanDriver) -> None:
    """What was paid out is owed no more."""
    async with simulated(wallets={WALLET: {"big": 3.5e16}}, age=100) as (pool, base):
        assert (await tile(driver, base)).confirmed_balance == 0
        pool.find_block()
        before = await tile(driver, base)
        assert before.confirmed_balance == pytest.approx(0.009, abs=0.001)
        pool.find_block()
        after = await tile(driver, base)
        assert after.confirmed_balance == 0


@pytest.mark.parametrize("missing", [set(), {"userinfo_full"}])
async def test_simulated_worker_stops(driver: OceanDriver, missing: set[str]) -> None:
    """It is listed with 0 and offline, and the account goes on."""
    async with simulated() as (pool, base):
        pool.missing = missing
        await tile(driver, base)
        worker = pool.wallets[WALLET].workers["nerd"]
        worker.offline = True
        await tile(driver, base)
        worker.seen -= 1000
        data = await tile(driver, base)
        assert data.active_workers == 1
        assert {item.name: item.online for item in data.workers} == {
            "bitaxe": True,
            "nerd": False,
        }
        assert [item.hashrate for item in data.workers if item.name == "nerd"] == [0]
        assert data.pool_hashrate == pytest.approx(1.2e12, rel=0.2)
        pool.wallets[WALLET].workers["bitaxe"].offline = True
        data = await tile(driver, base)
        assert data.account_known
        assert data.pool_hashrate == 0
        assert data.pool_percentage == 0


async def test_simulated_snapshots_stop(driver: OceanDriver) -> None:
    """A pool whose snapshots are old is not well."""
    driver.shared_seconds = 0
    async with simulated() as (pool, base):
        pool.behind = 4000
        assert not (await tile(driver, base)).health_status
        pool.behind = 0
        assert (await tile(driver, base)).health_status


def clock(driver: OceanDriver, base: str) -> float | None:
    """Return what the pool's clock says."""
    return driver.get_server_time("mine.ocean.xyz", "BTC", api_base=f"{base}/v1")


@pytest.mark.parametrize("skew", [-30 * 86_400, -3600, 3600])
async def test_the_clock_of_the_pool_counts(driver: OceanDriver, skew: float) -> None:
    """Where our clock is an hour or a month off, the pool is as well as before."""
    driver.shared_seconds = driver.retry_seconds = driver.earnings_seconds = 0.0
    async with SimulatedOcean(wallets={WALLET: WORKERS}, clock_skew=skew) as pool:
        pool.find_block()
        base = f"http://127.0.0.1:{pool.port}"
        first = await tile(driver, base)
        assert first.health_status and first.health_message is None
        assert first.active_workers == len(WORKERS)
        assert all(worker.online for worker in first.workers)
        assert first.estimated_earnings_24h and first.estimated_earnings_24h > 0
        assert clock(driver, base) == pytest.approx(time.time() + skew, abs=2)
        # Right again: what was learnt of the offset is not kept
        pool.clock_skew = 0.0
        again = await tile(driver, base)
        assert again.health_status
        assert clock(driver, base) == pytest.approx(time.time(), abs=2)
        # And figures that do stand still are noticed
        pool.behind = 4000
        assert not (await tile(driver, base)).health_status


async def test_a_pool_without_a_clock_is_measured_by_ours(driver: OceanDriver) -> None:
    """A server that sends no ``Date`` is judged as it always was."""
    driver.shared_seconds = driver.retry_seconds = 0.0
    async with SimulatedOcean(wallets={WALLET: WORKERS}, clock_skew=-3600) as pool:
        pool.date_header = False
        base = f"http://127.0.0.1:{pool.port}"
        assert not (await tile(driver, base)).health_status
        assert clock(driver, base) is None


async def test_simulated_earnings_fail(driver: OceanDriver) -> None:
    """They are asked for again with the next poll, the rest is not touched."""
    async with simulated() as (pool, base):
        pool.missing = {"earnpay"}
        data = await tile(driver, base)
        assert data.health_status
        assert data.pool_hashrate
        assert data.estimated_earnings_24h is None


# Which pool, which wallet


def test_one_api() -> None:
    """All accounts share one site."""
    driver = OceanDriver()
    site = driver._site({})
    assert site.api.base == "https://api.ocean.xyz/v1"
    assert driver._site({"api_base": " "}) is site
    assert driver._site({"api_base": "https://api.ocean.xyz/v1/"}) is site
