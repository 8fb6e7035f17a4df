"""The driver of MMFP Solutions' servers, against shapes and simulated servers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
import json
from pathlib import Path
import socket
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.mmfp_driver import MmfpDriver
from custom_components.hmm.bundled.shared import mmfp_gse
from custom_components.hmm.bundled.shared.mmfp import merge_workers, worker_name
from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    CannotConnect,
    DashboardTileData,
    DriverError,
    FoundPool,
    InvalidValue,
    PoolWorker,
)
from custom_components.hmm.driver_api.units import parse_timestamp
from simulator import mmfp as simulated
from simulator.mmfp import (
    SimulatedGoSlimStratum,
    SimulatedGoStratumEngine,
    SimulatedMmfpServer,
)

from .site import serving

FIXTURES = Path(__file__).parent.parent / "fixtures"
ADDRESS = "dgb1qfpx56gr90psk6urvv5sjzgfpyysjzgfp3jmnu4"
OTHER = "dgb1qda6xsetjypjhsctdwpkx2gfpyysjzgfphl8kfa"
ACCOUNTS = {
    "dgb": {ADDRESS: {"rig1": 1.2e12, "rig10": 4.8e12}, OTHER: {"his": 2.4e12}},
    "btc": {"bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym": {"rig1": 0.6e12}},
}
GSS_PATHS = {"GET /api/v1/DGB/metrics/pool", "GET /api/v1/DGB/metrics/miners"}
GSE_PATHS = {"GET /api/v1/stats", "GET /api/v1/miners"}
KINDS = (SimulatedGoSlimStratum, SimulatedGoStratumEngine)

type Kind = type[SimulatedGoSlimStratum | SimulatedGoStratumEngine]


def load(folder: str, name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / folder / f"{name}.shape.json").read_text())


def gss_site(**changes: Any) -> dict[str, Any]:
    """Return the answers of a GoSlimStratum; `pool` and `miners` can be replaced."""
    return {
        "/api/v1/DGB/metrics/pool": changes.get(
            "pool", load("mmfp_gss", "metrics_pool")
        ),
        "/api/v1/DGB/metrics/miners": changes.get(
            "miners", load("mmfp_gss", "metrics_miners")
        ),
        "/api/v1/health": load("mmfp_gss", "health"),
    }


def gse_site(**changes: Any) -> dict[str, Any]:
    """Return the answers of a GoStratumEngine; `stats` and `miners` can be replaced."""
    return {
        "/api/v1/stats": changes.get("stats", load("mmfp_gse", "stats")),
        "/api/v1/miners": changes.get("miners", load("mmfp_gse", "miners")),
        "/api/v1/health": load("mmfp_gse", "health"),
    }


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> MmfpDriver:
    """Return a driver with a session that asks anew at each poll."""
    driver = MmfpDriver()
    driver.session = session
    driver.share_seconds = 0
    driver.least_seconds = 0
    return driver


@asynccontextmanager
async def closed_port() -> AsyncGenerator[int]:
    """Give a port where nothing listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield unused.getsockname()[1]


async def tile(
    driver: MmfpDriver,
    port: int | None,
    username: str | None = None,
    coin: str = "DGB",
    **settings: Any,
) -> DashboardTileData:
    """Read the tiles as HMM does: by keywords, with all settings."""
    if port is not None:
        settings["api_port"] = port
    return await driver.get_dashboard_data(
        url="127.0.0.1", coin=coin, username=username, stratum_port=3333, **settings
    )


# GoSlimStratum by its example


async def test_gss_whole_server(driver: MmfpDriver) -> None:
    """Without an address the pool's figures are the user's; two requests."""
    driver.share_seconds = MmfpDriver.share_seconds
    async with serving(gss_site()) as site:
        data = await tile(driver, site.port, "")
    assert data.health_status and data.health_message is None
    assert data.latency_ms is not None
    assert data.network_difficulty == 756672128.56
    assert data.pool_hashrate == 1.18e12  # the mean of five minutes
    # Never what the server calculates: D * 2^32 / H, 75 s a block
    seconds = 756672128.56 * 2**32 / 1.18e12
    assert data.estimated_time_to_block == pytest.approx(seconds)
    assert data.pool_percentage == pytest.approx(100 * 75 / seconds)
    assert data.active_workers == 1
    assert (data.shares_valid, data.shares_invalid, data.shares_stale) == (12345, 12, 3)
    assert data.reject_rate == pytest.approx(100 * 15 / 12360)
    # All there ever were, not those of a day
    assert data.blocks_found == 3
    assert data.blocks_found_24h is None
    assert data.last_block_found is None
    assert data.own_blocks == ()
    assert data.best_share == 41_000_000
    moment = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert data.last_share == moment
    assert data.workers == (
        PoolWorker(
            name="bitaxe1",
            hashrate=1.18e12,
            online=True,
            shares_valid=12345,
            shares_invalid=12,
            best_share=41_000_000,
            last_share=moment,
        ),
    )
    assert data.currency == "DGB"
    assert data.account_known
    assert data.confirmed_balance is data.pending_balance is None
    assert data.estimated_earnings_24h is None
    assert site.paths == list(gss_site())[:2]
    assert "x-api-key" not in site.heads[0]


@pytest.mark.parametrize(
    ("ettb", "percentage"),
    [("31d 4h", 5.0), (1e9, "x"), ("1e9", None), (None, -1), ([], {})],
)
async def test_gss_own_calculations_do_not_matter(
    driver: MmfpDriver, ettb: Any, percentage: Any
) -> None:
    """Text, number or nonsense: HMM calculates by itself."""
    pool = load("mmfp_gss", "metrics_pool")
    pool["network_comparison"]["estimated_time_to_block"] = ettb
    pool["network_comparison"]["pool_percentage"] = percentage
    async with serving(gss_site(pool=pool)) as site:
        data = await tile(driver, site.port)
    assert data.estimated_time_to_block == pytest.approx(2_754_143, rel=1e-4)
    assert data.pool_percentage == pytest.approx(0.0027232, rel=1e-4)


@pytest.mark.parametrize(
    ("hashrate", "expected"),
    [
        ({"1m": 1, "5m": 2, "15m": 3}, 2),
        ({"1m": 1, "5m": 0, "15m": 3}, 0),  # a zero is a zero
        ({"1m": "1e12", "15m": None}, 1e12),
        ({"5m": "x", "1m": 1, "15m": 3}, 3),
        ({"10m": 7}, 7),  # its windows can be configured
        (5e12, 5e12),
        ({}, None),
        (None, None),
        ("x", None),
    ],
)
async def test_gss_windows(
    driver: MmfpDriver, hashrate: Any, expected: float | None
) -> None:
    """Five minutes; another window only where that one is missing."""
    pool = {**load("mmfp_gss", "metrics_pool"), "hashrate": hashrate}
    async with serving(gss_site(pool=pool)) as site:
        data = await tile(driver, site.port)
    assert data.pool_hashrate == expected


# GoStratumEngine by its example


def gse_at(
    uptime: float | None, *miners: dict[str, Any], **coin: Any
) -> dict[str, Any]:
    """Return what an engine answers at a moment."""
    stats = load("mmfp_gse", "stats")
    stats["coins"]["DGB"].update(coin)
    stats["uptime_seconds"] = uptime
    return gse_site(stats=stats, miners={"miners": {"DGB": list(miners)}})


def miner(accepted: Any, **changes: Any) -> dict[str, Any]:
    """Return a connection."""
    example = load("mmfp_gse", "miners")["miners"]["DGB"][0]
    return {
        **example,
        "worker_name": f"{ADDRESS}.rig1",
        "shares_accepted": accepted,
        **changes,
    }


async def test_gse_whole_server(driver: MmfpDriver) -> None:
    """Counts and the last block; no network, and no hashrate at first."""
    async with serving(gse_site()) as site:
        data = await tile(driver, site.port)
        paths = list(site.paths)
        other = await tile(driver, site.port, coin="btc")
    assert data.health_status
    assert data.pool_hashrate is None
    assert data.network_difficulty is None
    assert data.estimated_time_to_block is data.pool_percentage is None
    assert data.active_workers == 1
    assert (data.shares_valid, data.shares_invalid, data.shares_stale) == (12345, 12, 3)
    assert data.reject_rate == pytest.approx(100 * 15 / 12360)
    assert data.blocks_found == 1
    assert data.blocks_found_24h is None
    assert data.best_share == 41_000_000.5
    assert data.last_share == datetime(2026, 3, 15, 8, 10, 29, tzinfo=UTC)
    # Nine digits of a second, and hours off UTC
    assert data.last_block_found == datetime(2026, 3, 15, 11, 10, 29, tzinfo=UTC)
    (block,) = data.own_blocks
    assert (block.height, block.hash, block.coin) == (20000001, "000...", "DGB")
    assert block.timestamp == int(data.last_block_found.timestamp())
    assert data.workers == (
        PoolWorker(
            name="bitaxe1",
            online=True,
            shares_valid=12345,
            shares_invalid=12,
            shares_stale=3,
            best_share=41_000_000.5,
            last_share=data.last_share,
        ),
    )
    # GSS was looked for first at this port, and never again
    assert paths == [
        "/api/v1/DGB/metrics/pool",
        "/api/v1/stats",
        "/api/v1/stats",
        "/api/v1/miners",
    ]
    # Never a block, nobody there
    assert other.last_block_found is None
    assert other.own_blocks == ()
    assert other.blocks_found == 0
    assert other.pool_hashrate == 0
    assert other.active_workers == 0
    assert other.best_share is None and other.last_share is None
    assert other.reject_rate is None


def test_times_of_go() -> None:
    """Nine digits, none, an offset, and what Go writes for "never"."""
    base = datetime(2026, 3, 15, 11, 10, 29, tzinfo=UTC)
    for text, expected in (
        ("2026-03-15T07:10:29.123456789-04:00", base.replace(microsecond=123456)),
        ("2026-03-15T11:10:29.1Z", base.replace(microsecond=100000)),
        ("2026-03-15T11:10:29Z", base),
        ("2026-03-15T16:40:29.000000001+05:30", base),
        ("0001-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00-04:00", None),
        ("0001-01-01T00:00:00+04:00", None),
    ):
        assert parse_timestamp(text) == expected


async def test_gse_hashrate(driver: MmfpDriver) -> None:
    """Shares times difficulty times 2^32 over the time of the server."""
    driver.least_seconds = 60
    async with serving(gse_at(1000.0, miner(100))) as site:
        assert (await tile(driver, site.port)).pool_hashrate is None
        site.answers = gse_at(1030.0, miner(102))
        assert (await tile(driver, site.port)).pool_hashrate is None  # too short
        site.answers = gse_at(1060.0, miner(106))
        data = await tile(driver, site.port)
        assert data.pool_hashrate == pytest.approx(6 * 1024 * 2**32 / 60)
        assert data.workers[0].hashrate == data.pool_hashrate
        # None in thirty seconds is no reason to fall to zero
        site.answers = gse_at(1090.0, miner(106))
        data = await tile(driver, site.port)
        assert data.pool_hashrate == pytest.approx(6 * 1024 * 2**32 / 90)
        # A difficulty that changed in between counts half and half
        site.answers = gse_at(1120.0, miner(110, difficulty=2048))
        data = await tile(driver, site.port)
        assert data.pool_hashrate == pytest.approx((6 * 1024 + 4 * 1536) * 2**32 / 120)


async def test_gse_hashrate_of_a_window(driver: MmfpDriver) -> None:
    """What is long ago does not count."""
    async with serving({}) as site:
        for step in range(101):
            # 10 shares per 30 s until half time, 1 after
            shares = 10 * min(step, 50) + max(step - 50, 0)
            site.answers = gse_at(1000.0 + 30 * step, miner(shares))
            data = await tile(driver, site.port)
    assert data.pool_hashrate == pytest.approx(1024 * 2**32 / 30)


async def test_gse_whose_uptime_stands_still(driver: MmfpDriver) -> None:
    """It has no hashrate, and what is remembered of it does not grow for ever."""
    async with serving(gse_at(1000.0, miner(100))) as site:
        for _ in range(mmfp_gse.MAX_SAMPLES + 10):
            data = await tile(driver, site.port)
    assert data.pool_hashrate is None
    (server,) = {*driver._found.values()}
    assert isinstance(server, mmfp_gse.GoStratumEngine)
    samples = server._ledger.miner("DGB", f"{ADDRESS}.rig1").samples
    assert len(samples) == mmfp_gse.MAX_SAMPLES


async def test_gse_restart(driver: MmfpDriver) -> None:
    """All begins anew: unknown, never negative, never a leap."""
    async with serving(gse_at(1000.0, miner(1000))) as site:
        await tile(driver, site.port)
        site.answers = gse_at(1030.0, miner(1010))
        assert (await tile(driver, site.port)).pool_hashrate
        site.answers = gse_at(12.0, miner(1500))  # more than before, but in 12 s?
        assert (await tile(driver, site.port)).pool_hashrate is None
        site.answers = gse_at(42.0, miner(1502))
        data = await tile(driver, site.port)
        assert data.pool_hashrate == pytest.approx(2 * 1024 * 2**32 / 30)
        # The same without a word of the uptime
        site.answers = gse_at(72.0, miner(3))
        assert (await tile(driver, site.port)).pool_hashrate is None


async def test_gse_without_uptime(
    driver: MmfpDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Then one's own clock tells the time."""
    now = [5000.0]

    class Clock:
        @staticmethod
        def monotonic() -> float:
            return now[0]

    monkeypatch.setattr(mmfp_gse, "time", Clock)
    async with serving(gse_at(None, miner(100))) as site:
        await tile(driver, site.port)
        now[0] += 60
        site.answers = gse_at(None, miner(104))
        data = await tile(driver, site.port)
        assert data.pool_hashrate == pytest.approx(4 * 1024 * 2**32 / 60)
        site.answers = gse_at(77.0, miner(108))
        assert (await tile(driver, site.port)).pool_hashrate is None


async def test_gse_worker_that_leaves_and_returns(driver: MmfpDriver) -> None:
    """It is not listed while it is gone, but its counts are not lost."""
    second = f"{ADDRESS}.b"
    both = (
        miner(100, blocks_found=1),
        miner(50, worker_name=second, blocks_found=0, best_difficulty=7),
    )
    counts = {"blocks_found": 1}
    async with serving(gse_at(1000.0, *both, **counts)) as site:
        data = await tile(driver, site.port, ADDRESS)
        assert data.shares_valid == 150
        assert data.blocks_found == 1
        assert data.own_blocks
        left = miner(60, worker_name=second, blocks_found=0, best_difficulty=8)
        site.answers = gse_at(1030.0, left, **counts)
        data = await tile(driver, site.port, ADDRESS)
        assert data.shares_valid == 160
        assert data.blocks_found == 1
        assert data.active_workers == 1
        assert [worker.name for worker in data.workers] == ["b"]
        assert data.best_share == 41_000_000.5
        assert data.pool_hashrate == pytest.approx(10 * 1024 * 2**32 / 30)
        site.answers = gse_at(1060.0, **counts)
        data = await tile(driver, site.port, ADDRESS)
        assert data.account_known
        assert data.pool_hashrate == 0
        assert data.active_workers == 0
        assert data.shares_valid == 160
        # The time that it was away is not part of its hashrate
        site.answers = gse_at(9060.0, miner(101, blocks_found=1), **counts)
        data = await tile(driver, site.port, ADDRESS)
        assert data.pool_hashrate is None
        assert data.shares_valid == 161


async def test_gse_block_of_another(driver: MmfpDriver) -> None:
    """The last block is told of the coin; it is ours if all of them are."""
    theirs = miner(5, worker_name=f"{OTHER}.x", blocks_found=1)
    mine = miner(5, blocks_found=1)
    async with serving(gse_at(1000.0, mine, theirs, blocks_found=2)) as site:
        data = await tile(driver, site.port, ADDRESS)
        assert data.blocks_found == 1
        assert data.own_blocks == ()
        assert data.last_block_found is None
        whole = await tile(driver, site.port)
        assert whole.blocks_found == 2
        assert whole.own_blocks
        site.answers = gse_at(1000.0, mine, blocks_found=1)
        assert (await tile(driver, site.port, ADDRESS)).own_blocks


async def test_gse_connections_of_one_user(driver: MmfpDriver) -> None:
    """They share their counts, which must not be added; others do not count."""
    first, second = miner(100), miner(100, difficulty=3072)
    nobody = miner(0, worker_name="")
    async with serving(gse_at(1000.0, first, second, nobody)) as site:
        await tile(driver, site.port, ADDRESS)
        first["shares_accepted"] = second["shares_accepted"] = 110
        site.answers = gse_at(1100.0, first, second, nobody)
        data = await tile(driver, site.port, ADDRESS)
    assert data.shares_valid == 110
    assert data.active_workers == 1
    assert len(data.workers) == 1
    assert data.pool_hashrate == pytest.approx(10 * 2048 * 2**32 / 100)


async def test_gse_shared_answer_counts_once(driver: MmfpDriver) -> None:
    """Several accounts on one answer do not make time stand still."""
    driver.share_seconds = 1000
    async with serving(gse_at(1000.0, miner(100))) as site:
        for username in ("", ADDRESS, OTHER):
            await tile(driver, site.port, username)
        assert site.paths.count("/api/v1/stats") == 1
        assert site.paths.count("/api/v1/miners") == 1
        driver.share_seconds = 0
    (server,) = {*driver._found.values()}
    assert isinstance(server, mmfp_gse.GoStratumEngine)
    assert len(server._ledger.miner("DGB", f"{ADDRESS}.rig1").samples) == 1


# Whose workers


@pytest.mark.parametrize(
    ("user", "account", "name"),
    [
        (f"{ADDRESS}.rig1", "", "rig1"),
        (f"{ADDRESS}.rig1", ADDRESS, "rig1"),
        (f"{ADDRESS}.a.b", ADDRESS, "a.b"),
        (f" {ADDRESS}. x ", ADDRESS, "x"),
        (ADDRESS, ADDRESS, "default"),
        (f"{ADDRESS}.", ADDRESS, "default"),
        (ADDRESS, "", "default"),
        (ADDRESS.upper() + ".x", ADDRESS, "x"),
        (f"{ADDRESS}0.x", ADDRESS, None),
        (f"{ADDRESS[:-1]}.x", ADDRESS, None),
        (f"x{ADDRESS}.x", ADDRESS, None),
        (f"{ADDRESS}_x", ADDRESS, None),
        ("rig.x", ADDRESS, None),
        ("rig1", "", "rig1"),
        ("rig1", ADDRESS, None),
        ("user.rig1", "", "rig1"),
        ("DExampLeAddress000000000000.x", "DExampLeAddress000000000000", "x"),
        ("DEXAMPLEADDRESS000000000000.x", "DExampLeAddress000000000000", None),
        ("bitcoincash:qexample00000.x", "qexample00000", "x"),
        ("qexample00000.x", "bitcoincash:qexample00000", "x"),
        ("ecash:qexample00000", "ecash:qexample00000", "default"),
        (f"bc1qother|{ADDRESS}.x", ADDRESS, "x"),
        (f"{ADDRESS}|Dother.x", ADDRESS, "x"),
        (f"bc1qother|x{ADDRESS}.x", ADDRESS, None),
    ],
)
def test_worker_names(user: str, account: str, name: str | None) -> None:
    """The whole address, then a dot; the rest is the name."""
    assert worker_name(user, account) == name


@pytest.mark.parametrize("hashrate", [None, "nan", -1])
async def test_an_unknown_hashrate_makes_no_zero(
    driver: MmfpDriver, hashrate: Any
) -> None:
    """Where one miner is off and that of another is unknown, it is not 0 H/s."""
    rows = [
        {"worker_name": f"{ADDRESS}.off", "is_active": False, "current_hashrate": 5},
        {"worker_name": f"{ADDRESS}.on", "is_active": True},
    ]
    rows[1]["current_hashrate"] = hashrate
    answers = {
        "/api/v1/DGB/metrics/pool": load("mmfp_gss", "metrics_pool"),
        "/api/v1/DGB/metrics/miners": {"workers": rows},
    }
    async with serving(answers) as site:
        data = await tile(driver, site.port, ADDRESS)
    assert data.pool_hashrate is None
    assert data.estimated_time_to_block is None
    assert data.active_workers == 1


def test_workers_of_one_name() -> None:
    """Of two accounts they become one: their figures are added."""
    early, late = (datetime(2026, 1, day, tzinfo=UTC) for day in (1, 2))
    one = PoolWorker(
        name="rig",
        hashrate=1.0,
        online=False,
        shares_valid=1,
        shares_invalid=2,
        best_share=5.0,
        last_share=late,
    )
    two = PoolWorker(
        name="rig", hashrate=2.0, online=True, shares_valid=3, last_share=early
    )
    other = PoolWorker(name="x", online=False)
    expected = PoolWorker(
        name="rig",
        hashrate=3.0,
        online=True,
        shares_valid=4,
        best_share=5.0,
        last_share=late,
    )
    assert merge_workers([one, two, other]) == (expected, other)
    assert merge_workers([two, one])[0] == expected
    assert merge_workers([]) == ()
    # A part that is unknown is not zero
    unknown = PoolWorker(name="rig")
    merged = merge_workers([one, two, unknown])[0]
    assert merged == replace(expected, hashrate=None, shares_valid=None)


# The simulated servers


def server_paths(server: SimulatedMmfpServer) -> set[str]:
    """Return what a poll of DGB asks."""
    return GSS_PATHS if isinstance(server, SimulatedGoSlimStratum) else GSE_PATHS


@pytest.mark.parametrize("kind", KINDS)
async def test_two_requests_per_poll(driver: MmfpDriver, kind: Kind) -> None:
    """Over one kept connection, once it is known which server it is."""
    async with kind(accounts=ACCOUNTS) as server:
        await tile(driver, server.port)
        server.counters.reset()
        for _ in range(3):
            await tile(driver, server.port, ADDRESS)
        assert server.counters.by_path == dict.fromkeys(server_paths(server), 3)
        assert server.counters.connections == 0


@pytest.mark.parametrize("kind", KINDS)
async def test_accounts_share_requests(driver: MmfpDriver, kind: Kind) -> None:
    """Whatever their number: one set of answers for all of them."""
    driver.share_seconds = 1000
    async with kind(accounts=ACCOUNTS) as server:
        await asyncio.gather(
            *(tile(driver, server.port, name) for name in ("", ADDRESS, OTHER))
        )
        for path in server_paths(server):
            assert server.counters.by_path[path] == 1


async def test_simulated_gss(driver: MmfpDriver) -> None:
    """Every field of the tiles is what the server's miners do."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        state = server.state()["coins"]["dgb"]
        data = await tile(driver, server.port)
        readings = {
            user: worker.miner.read()
            for user, worker in server.pools["dgb"].workers.items()
        }
    assert data.health_status
    assert data.pool_hashrate == pytest.approx(state["hashrate"], rel=0.01)
    assert data.network_difficulty == 756672128.56
    assert data.active_workers == state["workers"] == 3
    valid = sum(reading.accepted for reading in readings.values())
    assert data.shares_valid == pytest.approx(valid, abs=5)
    assert data.shares_invalid is not None and data.shares_stale is not None
    assert data.shares_invalid + data.shares_stale == pytest.approx(
        sum(reading.rejected for reading in readings.values()), abs=3
    )
    assert data.reject_rate == pytest.approx(0.2, abs=0.1)
    assert data.blocks_found == state["blocks"]
    assert data.best_share == pytest.approx(
        max(reading.best_ever for reading in readings.values()), abs=1
    )
    assert data.last_share is not None
    assert data.last_share.timestamp() == pytest.approx(time.time(), abs=60)
    assert {worker.name for worker in data.workers} == {"rig1", "rig10", "his"}
    for worker in data.workers:
        reading = next(
            reading for user, reading in readings.items() if user.endswith(worker.name)
        )
        assert worker.hashrate == pytest.approx(reading.averages["10m"], rel=0.01)
        assert worker.shares_valid == pytest.approx(reading.accepted, abs=5)


async def test_simulated_gss_account(driver: MmfpDriver) -> None:
    """Of an address only its own workers; what is told of the pool alone is not."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        data = await tile(driver, server.port, f"{ADDRESS}.rig1")
        assert data.account_known
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.1)
        assert data.network_difficulty == 756672128.56
        assert data.estimated_time_to_block == pytest.approx(
            756672128.56 * 2**32 / 6e12, rel=0.1
        )
        assert data.active_workers == 2
        assert {worker.name for worker in data.workers} == {"rig1", "rig10"}
        assert data.shares_valid == pytest.approx(2 * 200_000 / 15, rel=0.1)
        assert data.shares_invalid is not None
        assert data.shares_stale is None
        assert data.reject_rate is not None
        assert data.blocks_found is None
        server.pools["dgb"].workers[f"{ADDRESS}.rig10"].offline = True
        data = await tile(driver, server.port, ADDRESS)
        assert data.active_workers == 1
        assert data.pool_hashrate == pytest.approx(1.2e12, rel=0.1)
        assert [worker.online for worker in data.workers] == [True, False]


class Clock:
    """A clock that only a test moves."""

    time = staticmethod(time.time)

    def __init__(self) -> None:
        """Begin now."""
        self.now = time.monotonic()

    def monotonic(self) -> float:
        """Tell the time."""
        return self.now


async def test_simulated_gse(
    driver: MmfpDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The estimate comes near the truth; all else is what the server counts."""
    driver.window_seconds = 60_000
    clock = Clock()
    monkeypatch.setattr(simulated, "time", clock)
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS) as server:
        for worker in server.pools["dgb"].workers.values():
            worker.miner.settle()
            worker.miner._clock = clock.monotonic
        server.unauthorized = 2
        server.doubled = {f"{ADDRESS}.rig1"}
        clock.now += 10
        whole = await tile(driver, server.port)
        assert whole.pool_hashrate is None
        for _ in range(10):
            clock.now += 6000
            data = await tile(driver, server.port)
        mine = await tile(driver, server.port, ADDRESS)
        readings = [
            worker.miner.read() for worker in server.pools["dgb"].workers.values()
        ]
        blocks = server.state()["coins"]["dgb"]["blocks"]
    # 4 000 shares of each of the miners
    assert data.pool_hashrate == pytest.approx(8.4e12, rel=0.06)
    assert mine.pool_hashrate == pytest.approx(6e12, rel=0.07)
    hashrates = {worker.name: worker.hashrate for worker in data.workers}
    assert hashrates == pytest.approx(
        {"rig1": 1.2e12, "rig10": 4.8e12, "his": 2.4e12}, rel=0.1
    )
    assert data.active_workers == 3
    assert mine.active_workers == 2
    assert whole.shares_valid is not None and data.shares_valid is not None
    assert data.shares_valid > whole.shares_valid
    assert data.shares_valid == sum(reading.accepted for reading in readings)
    assert data.shares_invalid is not None and data.shares_stale is not None
    assert data.shares_invalid + data.shares_stale == sum(
        reading.rejected for reading in readings
    )
    assert data.best_share == max(reading.best_session for reading in readings)
    assert data.blocks_found == blocks
    assert len(data.own_blocks) == min(blocks, 1)
    assert data.last_share is not None
    assert data.last_share.timestamp() == pytest.approx(time.time(), abs=60)


async def test_simulated_gse_block_and_restart(driver: MmfpDriver) -> None:
    """A block shows at once; a restart of the server forgets it."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS, age=1000) as server:
        before = await tile(driver, server.port)
        server.find_block()
        data = await tile(driver, server.port)
        assert before.blocks_found is not None
        assert data.blocks_found == before.blocks_found + 1
        assert data.last_block_found is not None
        assert data.last_block_found.timestamp() == pytest.approx(time.time(), abs=30)
        result = server.pools["dgb"].blocks[0]
        assert data.own_blocks[0].hash == result.hash
        assert data.own_blocks[0].height == result.height
        assert data.best_share is not None and data.best_share > 756_000_000
        await server.reboot(0)
        data = await tile(driver, server.port)
        assert data.blocks_found == 0
        assert data.own_blocks == ()
        assert data.pool_hashrate is None
        assert data.shares_valid is not None and data.shares_valid < 10


@pytest.mark.parametrize("kind", KINDS)
async def test_text_numbers_and_nulls(driver: MmfpDriver, kind: Kind) -> None:
    """Numbers may be texts, and what is null is unknown."""
    async with kind(accounts=ACCOUNTS) as server:
        server.text_numbers = True
        data = await tile(driver, server.port)
        assert data.best_share is not None and data.best_share > 1e6
        if isinstance(server, SimulatedGoSlimStratum):
            assert data.pool_hashrate == pytest.approx(8.4e12, rel=0.1)
            assert data.network_difficulty == 756672128.56
            server.nulls = True
            data = await tile(driver, server.port)
            assert data.pool_hashrate is data.network_difficulty is None
            assert data.best_share is None and data.last_share is None
        assert data.active_workers == 3


async def test_empty_server(driver: MmfpDriver) -> None:
    """No miner: a real zero, and a list that is null."""
    accounts: dict[str, Any] = {"dgb": {}}
    async with SimulatedGoSlimStratum(accounts=accounts) as server:
        data = await tile(driver, server.port)
        assert data.pool_hashrate == 0
        assert data.active_workers == 0
        assert data.workers == ()
        assert data.estimated_time_to_block is None
        assert (await tile(driver, server.port, ADDRESS)).account_known is False
    async with SimulatedGoStratumEngine(accounts=accounts) as engine:
        data = await tile(driver, engine.port)
        assert data.pool_hashrate == 0
        assert data.active_workers == 0


# Keys, and what goes wrong


@pytest.mark.parametrize("refusal", [401, 403])
async def test_key(driver: MmfpDriver, refusal: int) -> None:
    """A key that is missing or wrong is told as such, the right one works."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        server.api_key = "right"
        server.refusal = refusal
        for key in (None, "", "wrong"):
            with pytest.raises(AuthRequired) as caught:
                await tile(driver, server.port, api_key=key)
            assert "wrong" not in str(caught.value)
        data = await tile(driver, server.port, api_key=" right ")
        assert data.pool_hashrate
        health = await driver.get_health(
            "127.0.0.1", 3333, coin="DGB", api_port=server.port, api_key="right"
        )
        assert health.is_healthy
        server.api_key = "new"
        with pytest.raises(AuthRequired):
            await tile(driver, server.port, api_key="right")


async def test_the_key_is_for_gss_alone(driver: MmfpDriver) -> None:
    """Another server at the other port never sees it."""
    async with serving(gse_site()) as site, closed_port() as port:
        driver.gss_port, driver.gse_port = port, site.port
        assert (await tile(driver, None, api_key="secret")).active_workers == 1
    assert not any("secret" in head for head in site.heads)


async def test_a_stranger_that_wants_a_password(driver: MmfpDriver) -> None:
    """Whatever is at 8080 while GSS is down is no reason to ask for a key."""
    async with closed_port() as port, serving({}) as site:
        site.answers = dict.fromkeys({**gss_site(), **gse_site()}, (401, "", ""))
        driver.gss_port, driver.gse_port = port, site.port
        with pytest.raises(CannotConnect, match="reached"):
            await tile(driver, None)
        # Told to ask there, a GSS behind it may be meant
        with pytest.raises(AuthRequired):
            await tile(driver, site.port)


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((500, "<html>", ""), CannotConnect, "500"),
        ((400, "x", ""), BadAnswer, "400"),
        ((200, "", ""), BadAnswer, "JSON"),
        ((200, "[1]", ""), BadAnswer, "shape"),
        ((200, '{"hashrate":' + "9" * 5000 + "}", ""), BadAnswer, "JSON"),
    ],
)
async def test_a_server_that_fails(
    driver: MmfpDriver, answer: Any, error: type[DriverError], words: str
) -> None:
    """Each is an error in plain words, before and after it was known."""
    for good in (gss_site(), gse_site()):
        async with serving(dict.fromkeys(good, answer)) as site:
            with pytest.raises(error, match=words) as caught:
                await tile(driver, site.port, ADDRESS)
            assert ADDRESS not in str(caught.value)
            site.answers = good
            driver._servers.clear()  # a 503 makes it wait
            assert (await tile(driver, site.port)).health_status
            for path in list(good)[:2]:
                site.answers = {**good, path: answer}
                with pytest.raises(error, match=words):
                    await tile(driver, site.port)
                site.answers = good
                driver._servers.clear()
                driver._found.clear()
                assert (await tile(driver, site.port)).health_status


async def test_no_host(driver: MmfpDriver) -> None:
    """That is said before anything is asked."""
    with pytest.raises(InvalidValue, match="address"):
        await driver.get_dashboard_data("", "DGB")
    assert not (await driver.get_health("", 3333)).is_healthy


@pytest.mark.parametrize("kind", KINDS)
async def test_no_such_coin(driver: MmfpDriver, kind: Kind) -> None:
    """A server without the coin is not healthy, and says why."""
    async with kind(accounts=ACCOUNTS) as server:
        with pytest.raises(BadAnswer, match="BCH"):
            await tile(driver, server.port, coin="BCH")
        # One whose coin is switched off while HMM watches
        assert await tile(driver, server.port, coin="BTC")
        pool = server.pools.pop("btc")
        with pytest.raises(BadAnswer, match="BTC"):
            await tile(driver, server.port, coin="BTC")
        assert await tile(driver, server.port)
        server.pools["btc"] = pool
        assert await tile(driver, server.port, coin="BTC")


async def test_missing_list_of_miners(driver: MmfpDriver) -> None:
    """GSS has the pool's figures all the same; GSE's hashrate needs the list."""
    gss, gse = gss_site(), gse_site()
    del gss["/api/v1/DGB/metrics/miners"], gse["/api/v1/miners"]
    async with serving(gss) as site:
        data = await tile(driver, site.port)
        assert data.pool_hashrate == 1.18e12
        assert data.workers == ()
        assert data.best_share is None
    async with serving(gse) as site:
        with pytest.raises(BadAnswer, match="list"):
            await tile(driver, site.port)


# Which server, and where


async def test_gse_is_found_while_the_port_is_left_alone(driver: MmfpDriver) -> None:
    """With no port or the usual one; with another one only that is asked."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS) as engine:
        async with closed_port() as port:
            driver.gss_port, driver.gse_port = port, engine.port
            for settings in ({}, {"api_port": None}, {"api_port": str(port)}):
                assert (await tile(driver, None, **settings)).active_workers == 3
        async with closed_port() as port:
            with pytest.raises(CannotConnect):
                await tile(driver, port)
        # At its own port it is asked for first
        engine.counters.reset()
        fresh = MmfpDriver()
        fresh.session, fresh.gse_port = driver.session, engine.port
        await tile(fresh, engine.port)
        assert engine.counters.by_path == dict.fromkeys(GSE_PATHS, 1)


async def test_both_servers(driver: MmfpDriver) -> None:
    """GSS comes first where it has the coin; GSE has what GSS has not."""
    async with (
        SimulatedGoSlimStratum(accounts={"dgb": ACCOUNTS["dgb"]}) as server,
        SimulatedGoStratumEngine(accounts=ACCOUNTS) as engine,
    ):
        driver.gss_port, driver.gse_port = server.port, engine.port
        assert (await tile(driver, None)).network_difficulty
        assert engine.counters.requests == 0
        assert (await tile(driver, None, coin="BTC")).active_workers == 1
        assert set(engine.counters.by_path) == GSE_PATHS
        with pytest.raises(BadAnswer, match="BC2"):
            await tile(driver, None, coin="BC2")
        # GSS being down, its accounts do not turn to the other one
        await server.unplug()
        with pytest.raises(CannotConnect):
            await tile(driver, None)


async def test_the_server_becomes_another(driver: MmfpDriver) -> None:
    """One poll fails, the next finds out."""
    async with serving(gss_site()) as site:
        assert (await tile(driver, site.port)).network_difficulty
        site.answers = gse_site()
        with pytest.raises(BadAnswer):
            await tile(driver, site.port)
        data = await tile(driver, site.port)
        assert data.network_difficulty is None
        assert data.active_workers == 1


@pytest.mark.parametrize("key", ["api_base", "api_base_url"])
@pytest.mark.parametrize("tail", ["", "/", "/api/v1", "/api/v1/"])
async def test_base_address(driver: MmfpDriver, key: str, tail: str) -> None:
    """A proxy's address replaces host and port, for both products."""
    for answers in (gss_site(), gse_site()):
        async with serving({f"/x{path}": it for path, it in answers.items()}) as site:
            base = f"http://127.0.0.1:{site.port}/x{tail}"
            data = await driver.get_dashboard_data(
                url="pool.invalid", coin="dgb", api_port=1, **{key: base}
            )
            assert data.active_workers == 1


async def test_name_of_the_pool(driver: MmfpDriver) -> None:
    """A pool need not be called like its coin."""
    answers = {
        path.replace("DGB", "BTC-CORE"): answer for path, answer in gss_site().items()
    }
    async with serving(answers) as site:
        data = await tile(driver, site.port, coin="BTC", pool_key="BTC-CORE")
        assert data.currency == "BTC"
        seconds = 756672128.56 * 2**32 / 1.18e12
        assert data.pool_percentage == pytest.approx(100 * 600 / seconds)
        with pytest.raises(BadAnswer):
            await tile(driver, site.port, coin="BTC")
        # No path is left by a name
        with pytest.raises(BadAnswer):
            await tile(driver, site.port, pool_key="../../x")
        assert "/api/v1/..%2F..%2Fx/metrics/pool" in site.paths


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1", "stratum+tcp://127.0.0.1:3333", "127.0.0.1:3333/", " 127.0.0.1"],
)
async def test_hosts(driver: MmfpDriver, url: str) -> None:
    """With or without scheme and port."""
    async with serving(gss_site()) as site:
        assert await driver.get_dashboard_data(url, "DGB", api_port=site.port)


def test_hosts_of_ipv6() -> None:
    """They need brackets in a URL."""
    driver = MmfpDriver()
    for url in ("fe80::1", "[fe80::1]", "stratum+tcp://[fe80::1]:3333"):
        (first, _), (second, _) = driver._places(url, {})
        assert first == "http://[fe80::1]:4004"
        assert second == "http://[fe80::1]:8080"


async def test_probe(driver: MmfpDriver) -> None:
    """The coins of both, with what it takes to reach them again."""
    gss = {**ACCOUNTS, "xec": {}}
    async with (
        SimulatedGoSlimStratum(accounts=gss) as server,
        SimulatedGoStratumEngine(accounts={"bc2": {}}) as engine,
    ):
        driver.gss_port, driver.gse_port = server.port, engine.port
        result = await driver.probe("127.0.0.1", 3333)
        assert sorted((item.coin, item.settings["api_port"]) for item in result) == [
            ("BC2", engine.port),
            ("BTC", server.port),
            ("DGB", server.port),
            ("XEC", server.port),
        ]
        for item in result:
            data = await driver.get_dashboard_data(
                "127.0.0.1", item.coin, "", **item.settings
            )
            assert data.health_status
        # One does not spoil the other
        await server.unplug()
        assert await driver.probe("127.0.0.1", 0) == [
            FoundPool(
                coin="BC2",
                settings={"api_port": engine.port},
                template_id="mmfp-gse-bc2",
            )
        ]


async def test_probe_of_a_second_pool(driver: MmfpDriver) -> None:
    """The installer knows a second Bitcoin pool."""
    answers = {"/api/v1/health": {"status": "OK"}}
    pool = load("mmfp_gss", "metrics_pool")
    answers |= dict.fromkeys(
        ("/api/v1/BTC/metrics/pool", "/api/v1/BTC-CORE/metrics/pool"), pool
    )
    async with serving(answers) as site, closed_port() as port:
        driver.gss_port, driver.gse_port = site.port, port
        assert await driver.probe("127.0.0.1", 3336) == [
            FoundPool(
                coin="BTC",
                settings={"api_port": site.port},
                template_id="mmfp-gss-btc",
            ),
            FoundPool(
                coin="BTC",
                settings={"api_port": site.port, "pool_key": "BTC-CORE"},
                template_id="mmfp-gss-btc",
            ),
        ]


@pytest.mark.parametrize(
    "answers",
    [
        {},
        {"/api/v1/health": {"status": "ok"}},
        {"/api/v1/health": {"status": "ok"}, "/api/v1/DGB/metrics/pool": {"a": 1}},
        {**gss_site(), "/api/v1/health": {"status": "starting"}},
        {"/api/v1/health": (200, "<html>", ""), "/api/v1/stats": (200, "<html>", "")},
        # hmm-local-stratum also has coins in its statistics
        {"/api/v1/stats": {"coins": {"DGB": {"connected_workers": 1}}}},
        {"/api/v1/stats": {"pool_name": "x", "coins": [1]}},
        {"/api/v1/stats": {"pool_name": "x", "coins": {"DOGE": {}}}},
        dict.fromkeys(("/api/v1/health", "/api/v1/stats"), (401, "", "")),
        dict.fromkeys(
            ("/api/v1/health", "/api/v1/stats"), (302, "", "Location: /\r\n")
        ),
    ],
)
async def test_probe_of_something_else(
    driver: MmfpDriver, answers: dict[str, Any]
) -> None:
    """It is no server of this kind, at neither port."""
    async with serving(answers) as site:
        driver.gss_port = driver.gse_port = site.port
        assert await driver.probe("127.0.0.1", 3333) == []


async def test_probe_of_silence(driver: MmfpDriver) -> None:
    """Nobody, a host that never answers, and a GSS that wants its key."""
    driver.probe_seconds = 0.1
    async with closed_port() as port:
        driver.gss_port = driver.gse_port = port
        assert await driver.probe("127.0.0.1", 3333) == []
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        driver.gss_port = driver.gse_port = silent.getsockname()[1]
        assert await driver.probe("127.0.0.1", 3333) == []
    driver.probe_seconds = 2.5
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        server.api_key = "secret"
        driver.gss_port = driver.gse_port = server.port
        assert await driver.probe("127.0.0.1", 3333) == []


# The rest of the interface


def test_templates() -> None:
    """Servers of one's own, each with the stratum port that its installer takes."""
    templates = MmfpDriver().get_pool_templates()
    assert {
        template.template_id: (template.coin, template.port) for template in templates
    } == {
        "mmfp-gss-dgb": ("DGB", 3333),
        "mmfp-gss-bch": ("BCH", 3334),
        "mmfp-gss-btc": ("BTC", 3335),
        "mmfp-gse-btc": ("BTC", 3333),
        "mmfp-gse-dgb": ("DGB", 3334),
        "mmfp-gse-bch": ("BCH", 3335),
        "mmfp-gse-xec": ("XEC", 3336),
        "mmfp-gse-bc2": ("BC2", 3337),
    }
