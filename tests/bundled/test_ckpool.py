"""The CKPool driver, against captured files and the simulated pool."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
import json
from pathlib import Path
import socket
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers import ckpool_driver
from custom_components.hmm.bundled.pool_drivers.ckpool_driver import CkpoolDriver
from custom_components.hmm.bundled.shared import ckpool_files, ckpool_server
from custom_components.hmm.bundled.shared.ckpool_files import (
    DifficultyEstimate,
    account_of,
    file_names,
    is_user,
    read_pool_file,
    read_user,
    read_user_object,
    worker_of,
)
from custom_components.hmm.bundled.shared.ckpool_log import CkpoolLog
from custom_components.hmm.bundled.shared.ckpool_server import read_base
from custom_components.hmm.bundled.shared.web_address import host_of
from custom_components.hmm.driver_api import (
    BadAnswer,
    DashboardTileData,
    FoundPool,
    HtmlAnswer,
    InvalidValue,
)
from custom_components.hmm.driver_api.ranges import WORKERS as SHOWN
from simulator.ckpool import COINS, SimulatedCkpool

from .site import Site, serving as serving_any

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ckpool"
ADDRESS = "1BitcoinEaterAddressDontSendf59kuE"
WALLET = "bc1qexamplewallet"
WORKERS = {"gamma": 1.2e12, "nerd": 4.8e12}
STATUS_PATH = "GET /pool/pool.status"
USER_PATH = f"GET /users/{WALLET}"
LOG_PATH = "GET /ckpool.log"


def load(name: str) -> str:
    """Read a captured file."""
    return (FIXTURES / name).read_text()


def status_text(**changes: Any) -> str:
    """Return a pool.status that is fresh, with some keys changed."""
    lines = [json.loads(line) for line in load("pool.status.ndjson").splitlines()]
    lines[0]["lastupdate"] = int(time.time())
    for line in lines:
        line |= {key: changes[key] for key in changes if key in line}
    return "\n".join(map(json.dumps, lines)) + "\n"


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> CkpoolDriver:
    """Return a driver with a session, which never waits and keeps nothing."""
    driver = CkpoolDriver()
    driver.session = session
    driver.again_seconds = 0
    driver.local_status_seconds = driver.status_seconds = 0
    driver.log_seconds = 0
    return driver


def serving(answers: dict[str, Any]) -> AbstractAsyncContextManager[Site]:
    """Run a web server with some files."""
    return serving_any(answers, content_type="text/plain")


@asynccontextmanager
async def simulated(**options: Any) -> AsyncGenerator[SimulatedCkpool]:
    """Run a simulated pool that writes its files for every request."""
    async with SimulatedCkpool(**{"wallets": {WALLET: WORKERS}, **options}) as pool:
        pool.update_seconds = 0
        yield pool


async def tile(
    driver: CkpoolDriver,
    place: SimulatedCkpool | Site,
    username: str | None = WALLET,
    coin: str = "BTC",
    url: str = "127.0.0.1",
    **options: Any,
) -> DashboardTileData:
    """Read the tiles of an address."""
    base = base_of(place)
    return await driver.get_dashboard_data(
        url=url,
        coin=coin,
        username=username,
        **{"api_base": base, "stratum_port": 3333, **options},
    )


def base_of(place: SimulatedCkpool | Site) -> str:
    """Return the address of a server."""
    return place.base if isinstance(place, Site) else f"http://127.0.0.1:{place.port}"


# Captured files


async def test_captured_files(driver: CkpoolDriver) -> None:
    """The user's own figures, in H/s and seconds; work is no count of shares."""
    user = json.loads(load("users.json"))
    user["lastshare"] = user["worker"][0]["lastshare"] = int(time.time()) - 20
    user["worker"][1]["lastshare"] = int(time.time()) - 1801
    answers = {
        "/pool/pool.status": status_text(diff=32.3, accepted=145146117994),
        f"/users/{ADDRESS}": json.dumps(user, indent=1),
    }
    async with serving(answers) as site:
        data = await tile(driver, site, f"{ADDRESS}.gamma")
    assert data.health_status and data.health_message is None
    assert data.latency_ms is not None
    assert data.currency == "BTC"
    assert data.account_known
    assert data.pool_hashrate == 1.49e12
    assert data.network_difficulty == pytest.approx(449_476_611_397, rel=0.002)
    seconds = 449_476_611_397 * 2**32 / 1.49e12
    assert data.estimated_time_to_block == pytest.approx(seconds, rel=0.002)
    assert data.pool_percentage == pytest.approx(100 * 600 / seconds, rel=0.002)
    assert data.active_workers == 1
    assert [
        (worker.name, worker.hashrate, worker.online) for worker in data.workers
    ] == [
        ("gamma", 947e9, True),
        ("ultra", 555e9, False),
    ]
    assert data.workers[0].best_share == 146_605_934
    assert data.workers[0].last_share == datetime.fromtimestamp(user["lastshare"], UTC)
    assert data.best_share == 146_605_934
    assert data.last_share == data.workers[0].last_share
    for untold in (
        data.shares_valid,
        data.shares_invalid,
        data.shares_stale,
        data.reject_rate,
        data.blocks_found,
        data.blocks_found_24h,
        data.last_block_found,
        data.estimated_earnings_24h,
        data.confirmed_balance,
        data.pending_balance,
        data.workers[0].shares_valid,
    ):
        assert untold is None
    assert site.paths == [f"/users/{ADDRESS}", "/pool/pool.status", "/ckpool.log"]


def test_captured_pool_status() -> None:
    """Three lines are one; diff is a percentage of the network's."""
    pool = read_pool_file(load("pool.status.ndjson"))
    assert pool.hashrate == 1.84e12
    assert (pool.users, pool.workers, pool.idle, pool.disconnected) == (1, 2, 0, 0)
    assert pool.hashrates["7d"] == 217e9
    assert pool.round_percent == 0
    assert (pool.accepted, pool.rejected) == (32_868_638, 5000)
    assert pool.best_share == 146_605_934
    assert pool.share_rates["1m"] == 0.567
    assert (pool.runtime, pool.last_update) == (89_405, 1_752_667_066)


def test_more_lines() -> None:
    """Later lines (of proxies, of SV2) take nothing from the first three."""
    text = load("pool.status.ndjson").rstrip() + '\n{"Users": 99, "clients": 1}\n\n'
    pool = read_pool_file(text)
    assert pool.users == 1
    old = '{"runtime": 9, "Users": 1, "Workers": 1}\n{"hashrate1m": "1E"}\n{"SPS1m": 1}'
    pool = read_pool_file(old)
    assert (pool.hashrate, pool.last_update, pool.accepted) == (1e18, None, None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n",
        "\n".join(load("pool.status.ndjson").splitlines()[:2]),
        load("pool.status.ndjson")[:200],
        load("pool.status.ndjson")[:-20],
        "[]",
        "7",
        "null",
        "{}" * 200_000,
        "[" * 200_000,
        "9" * 10_000,
        '{"error": "x"}',
        '{"Users": 1, "x": [' + "1," * 100_000 + "1]}",
        '{"Users": 1, "x": [' + "{}," * 10_000 + "1]}",
    ],
)
def test_no_pool_status(text: str) -> None:
    """A half-written file, or something else, is no status with holes."""
    with pytest.raises(BadAnswer):
        read_pool_file(text)


def test_a_web_page_instead() -> None:
    """That is told apart: it is not a file that is being written."""
    with pytest.raises(HtmlAnswer):
        read_pool_file("\n <!DOCTYPE html>")
    with pytest.raises(HtmlAnswer):
        read_user_object("<html>")


# Names


@pytest.mark.parametrize(
    ("workername", "address", "name"),
    [
        (f"{WALLET}.rig", WALLET, "rig"),
        (f"{WALLET}_rig", WALLET, "rig"),
        (f"{WALLET}.rig.two_3", WALLET, "rig.two_3"),
        (f"{WALLET}._x", WALLET, "_x"),
        (WALLET, WALLET, "default"),
        (f"{WALLET}.", WALLET, "default"),
        ("", WALLET, "default"),
        ("rig1", WALLET, "rig1"),
        ("rig.1", WALLET, "rig.1"),
        ("bitcoincash:qqq.rig", "qqq", "rig"),
        ("qqq.rig", "bitcoincash:qqq", "rig"),
        ("BC1QEXAMPLEWALLETEXAMPLEWALLET.rig", WALLET, "rig"),
        ("BC1QEXAMPLEWALLETEXAMPLEWALLET", WALLET, "default"),
    ],
)
def test_worker_names(workername: str, address: str, name: str) -> None:
    """They are what follows the address, which is kept out of names."""
    assert worker_of(workername, address) == name


def test_accounts() -> None:
    """The first dot or underscore ends them."""
    assert account_of(f" {WALLET}.a_b ") == WALLET
    assert account_of(f"{WALLET}_a.b") == WALLET
    assert account_of("") == ""
    assert is_user(f"{WALLET}_x", WALLET)
    assert is_user("bitcoincash:qqq.x", "qqq")
    assert not is_user(f"{WALLET}x.y", WALLET)


def test_names_of_files() -> None:
    """Only CashAddr has two spellings."""
    assert file_names("qabc", "bch") == ("qabc", "bitcoincash:qabc")
    assert file_names("bitcoincash:qabc", "BCH") == ("bitcoincash:qabc", "qabc")
    assert file_names("1abc", "BCH") == ("1abc",)
    assert file_names("qabc", "BTC") == ("qabc",)


# Users


def user_object(**changes: Any) -> dict[str, Any]:
    """Return a captured user with some keys changed; None as a value removes."""
    data: dict[str, Any] = json.loads(load("users.json"))
    data |= changes
    return {key: value for key, value in data.items() if value is not None}


NOW = 1_761_469_100.0


def test_the_window_of_the_hashrate() -> None:
    """5 minutes; 1 minute only where that is missing, not where it is 0."""
    assert read_user(user_object(), ADDRESS, NOW).hashrate == 1.49e12
    zero = user_object(hashrate5m="0")
    assert read_user(zero, ADDRESS, NOW).hashrate == 0
    bare = user_object(hashrate5m=None, worker=None)
    assert read_user(bare, ADDRESS, NOW).hashrate == 1.61e12
    # The workers know their 5 minutes
    summed = user_object(hashrate5m=None)
    assert read_user(summed, ADDRESS, NOW).hashrate == 947e9 + 555e9
    summed["worker"][0]["hashrate5m"] = "x"
    assert read_user(summed, ADDRESS, NOW).hashrate == 1.61e12
    assert read_user({"workers": 1}, ADDRESS, NOW).hashrate is None


@pytest.mark.parametrize(
    ("text", "hashrate"),
    [
        ("0", 0),
        ("950", 950),
        ("44.4K", 44_400),
        ("1e+03G", 1e12),
        ("2.5E", 2.5e18),
        (1.1e12, 1.1e12),
        ("1100000000000", 1.1e12),
    ],
)
def test_compact_hashrates(text: Any, hashrate: float) -> None:
    """Plain numbers are H/s, exponents are no exahashes."""
    user = read_user(user_object(hashrate5m=text), ADDRESS, NOW)
    assert user.hashrate == pytest.approx(hashrate)


def test_silent_for_long() -> None:
    """The file of who is gone is not rewritten; its hashrates are of the past."""
    user = read_user(user_object(), ADDRESS, NOW + 3700)
    assert user.hashrate == 0
    assert user.active_workers == 0
    assert {worker.hashrate for worker in user.workers} == {0}
    assert user.best_share == 146_605_934


def test_active_workers() -> None:
    """By their last shares, else the connections that ckpool counts."""
    assert read_user(user_object(workers=0), ADDRESS, NOW).active_workers == 2
    assert read_user(user_object(worker=[]), ADDRESS, NOW).active_workers == 2
    data = user_object()
    data["worker"][0]["lastshare"] = 0
    del data["worker"][1]["lastshare"]
    user = read_user(data, ADDRESS, NOW)
    assert [worker.online for worker in user.workers] == [False, None]
    # It may be online: neither 0 nor the connections, which are more
    assert user.active_workers is None
    data["worker"][1]["workername"] = data["worker"][0]["workername"]
    (both,) = read_user(data, ADDRESS, NOW).workers
    assert both.online is None
    del data["worker"][0]["lastshare"]
    assert read_user(data, ADDRESS, NOW).active_workers == 2


def test_old_builds() -> None:
    """Without bestever the best since the pool's last block is told."""
    data = user_object(bestever=None, authorised=None)
    assert read_user(data, ADDRESS, NOW).best_share == 146605934.0824851
    assert read_user(user_object(bestever=0), ADDRESS, NOW).best_share == (
        146605934.0824851
    )


def test_more_workers_than_are_shown() -> None:
    """The account's figures are of all, not of those that were read."""
    entry = {"hashrate5m": "1T", "lastshare": NOW}
    names = [f"{ADDRESS}.rig{number}" for number in range(SHOWN.maximum + 1)]
    data = {
        "workers": len(names),
        "worker": [{**entry, "workername": name} for name in names],
    }
    user = read_user(data, ADDRESS, NOW)
    assert user.hashrate == len(names) * 1e12
    assert user.active_workers == len(names)
    assert len(user.workers) == SHOWN.maximum


def test_one_worker_by_two_names() -> None:
    """A dot and an underscore make two entries of one name."""
    data = user_object()
    data["worker"][1]["workername"] = f"{ADDRESS}_gamma"
    data["worker"][1]["lastshare"] -= 7200
    (worker,) = read_user(data, ADDRESS, NOW).workers
    assert (worker.name, worker.hashrate, worker.online) == ("gamma", 947e9, True)
    assert worker.best_share == 146_605_934
    assert worker.last_share == datetime.fromtimestamp(1761469089, UTC)


async def test_numbers_that_are_none(driver: CkpoolDriver) -> None:
    """Python reads NaN and Infinity in JSON."""
    text = '{"hashrate5m":NaN,"shares":Infinity,"bestever":1e400,"workers":1}'
    async with serving(
        {"/pool/pool.status": status_text(), f"/users/{WALLET}": text}
    ) as site:
        data = await tile(driver, site)
    assert data.pool_hashrate is None
    assert data.best_share is None
    assert data.active_workers == 1


# The network's difficulty


def difficulty_of(*readings: tuple[float, float]) -> float | None:
    """Return the estimate after some (percentage, accepted work)."""
    estimate = DifficultyEstimate()
    for percent, accepted in readings:
        estimate.add(read_pool_file(status_text(diff=percent, accepted=accepted)))
    return estimate.value


def test_the_difficulty_of_a_round() -> None:
    """From 1 % of a block on, as far as the rounding lets it be known."""
    assert difficulty_of() is None
    assert difficulty_of((0.99, 1e9)) is None
    assert difficulty_of((32.3, 0)) is None
    assert difficulty_of((32.3, 1e308)) is None
    assert difficulty_of((1.23, 1.23e12)) == pytest.approx(1e14, rel=0.005)
    assert difficulty_of((150, 1.5e14)) == pytest.approx(1e14, rel=0.005)
    # One decimal is too little of 1.2 %, until several readings fit
    assert difficulty_of((1.2, 1.2e12)) is None
    readings = [
        (round(work / 1e12, 1), float(work)) for work in range(10**12, 10**13, 10**10)
    ]
    assert difficulty_of(*readings) == pytest.approx(1e14, rel=0.003)
    # The pool found a block
    assert difficulty_of((32.3, 3.23e13), (0.0, 100)) is None
    # The network changed
    assert difficulty_of((32.3, 3.23e13), (64.6, 3.3e13)) == pytest.approx(
        3.3e13 / 0.646, rel=0.002
    )


def test_the_difficulty_does_not_swing() -> None:
    """It settles although each reading alone would give another value."""
    estimate, values = DifficultyEstimate(), []
    for work in range(200_000_000, 260_000_000, 1_000_000):
        percent = float(f"{work * 100 / 756_672_128.5:.3g}")
        estimate.add(read_pool_file(status_text(diff=percent, accepted=work)))
        values.append(estimate.value)
    last = values[-1]
    assert last == pytest.approx(756_672_128.5, rel=0.0005)
    assert values[-10:] == [last] * 10


# The log

LINE = "[2026-08-29 23:{minute:02}:00.123] {text}"


def lines(*texts: str, start: int = 0) -> str:
    """Return log lines, one a minute."""
    return "".join(
        LINE.format(minute=start + number, text=text) + "\n"
        for number, text in enumerate(texts)
    )


def utc(text: str) -> int:
    """Return a moment in UTC as seconds since 1970."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def test_captured_log() -> None:
    """The last difficulty; lines of other kinds are passed over."""
    log = CkpoolLog()
    log.add(load("ckpool.log.excerpt.txt"), None)
    assert log.difficulty == 449476611397.2
    assert log.blocks == []
    assert log.last_day is None


SOLVED = f"Solved and confirmed block 900001 by {WALLET}.rig"


@pytest.mark.parametrize("hours", [-12, -3.5, 0, 1, 5.75, 14])
def test_the_time_of_a_block(hours: float) -> None:
    """The log has the moment of each pool.status: that tells the zone."""
    moment = utc("2026-08-29 23:01:00") - round(hours * 3600)
    update = f'Pool:{{"runtime": 5, "lastupdate": {moment}, "Users": 1}}'
    for text in (lines(SOLVED, update), lines("x", update, SOLVED)):
        log = CkpoolLog()
        log.add(text, None)
        (block,) = log.blocks
        assert block.height == 900_001
        assert block.workername == f"{WALLET}.rig"
        assert block.timestamp is not None
        assert abs(block.timestamp - moment) == 60


def test_the_zone_changes() -> None:
    """A block is of the zone that was in force: clocks went back in between."""
    moment = utc("2026-08-29 21:00:00")
    log = CkpoolLog()
    log.add(
        lines(
            f'Pool:{{"lastupdate": {moment}}}',
            SOLVED,
            f'Pool:{{"lastupdate": {moment + 3600 + 120}}}',
        ),
        None,
    )
    assert log.blocks[0].timestamp == moment + 60


@pytest.mark.parametrize(
    ("late", "timestamp"), [(0, True), (100, True), (400, False), (-300, False)]
)
def test_the_zone_by_the_clock_of_the_server(late: int, timestamp: bool) -> None:
    """Its Date serves if the log is as fresh as a log of ckpool is."""
    log = CkpoolLog()
    now = utc("2026-08-29 21:01:00") + late
    log.add(lines(SOLVED, "Stored local workbase"), now)
    assert log.blocks[0].timestamp == (
        utc("2026-08-29 21:00:00") if timestamp else None
    )


def test_a_time_that_is_not_known() -> None:
    """No zone explains it; once one does, the block that is known gets its time."""
    log = CkpoolLog()
    log.add(lines(SOLVED, 'Pool:{"lastupdate": 5}'), None)
    assert log.blocks[0].timestamp is None
    log.add(lines(SOLVED, f'Pool:{{"lastupdate": {utc("2026-08-29 22:01:00")}}}'), None)
    assert [block.timestamp for block in log.blocks] == [utc("2026-08-29 22:00:00")]


def test_pieces_of_a_log() -> None:
    """Overlapping pieces tell each block once; a gap ends what is known."""
    log = CkpoolLog()
    log.add(lines("Network diff set to 5.0", SOLVED), None)
    log.add("cut] off\n" + lines(SOLVED, SOLVED.replace("1 by", "2 by"), start=1), None)
    assert [block.height for block in log.blocks] == [900_002, 900_001]
    known = [log.difficulty]
    log.add(lines("x", start=5), None)
    known.append(log.difficulty)
    assert known == [5, None]
    assert len(log.blocks) == 2
    log.add("", None)
    log.add("no log at all\n[2026-99-99 00:00:00.000] x\n", None)
    assert len(log.blocks) == 2


def test_the_blocks_of_a_day() -> None:
    """They are known when the pieces reach back for so long, without a gap."""
    log = CkpoolLog()
    old = "[2026-08-28 22:00:00.000] Solved and confirmed block 1 by a.b\n"
    log.add(old + "[2026-08-28 23:30:00.000] Solved and confirmed block 2\n", None)
    days = [log.last_day]
    log.add("[2026-08-28 23:10:00.000] x\n" + lines(SOLVED), None)
    days.append(log.last_day)
    heights = [None if day is None else [item.height for item in day] for day in days]
    assert heights == [None, [900_001, 2]]


# The simulated pool


@pytest.mark.parametrize("text_numbers", [False, True])
@pytest.mark.parametrize("coin", ["BTC", "BCH", "DGB", "BC2"])
async def test_simulated_pool(
    driver: CkpoolDriver, coin: str, text_numbers: bool
) -> None:
    """Every field is what the pool says."""
    async with simulated(coin=coin.lower()) as pool:
        pool.text_numbers = text_numbers
        data = await tile(driver, pool, f"{WALLET}.gamma", coin)
        readings = {
            name: worker.miner.read()
            for name, worker in pool.wallets[WALLET].workers.items()
        }
        assert data.health_status
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.02)
        assert data.network_difficulty == pool.difficulty
        assert data.active_workers == 2
        assert data.best_share == int(max(item.best_ever for item in readings.values()))
        assert data.last_share is not None
        assert data.last_share.timestamp() == pytest.approx(time.time(), abs=120)
        assert {worker.name: worker.online for worker in data.workers} == {
            "gamma": True,
            "nerd": True,
        }
        for worker in data.workers:
            reading = readings[worker.name]
            assert worker.hashrate == pytest.approx(reading.averages["10m"], rel=0.01)
            assert worker.best_share == int(reading.best_ever)
        assert sum(worker.hashrate or 0 for worker in data.workers) == pytest.approx(
            data.pool_hashrate, rel=0.01
        )
        block_seconds = COINS[coin.lower()].block_seconds
        assert data.pool_percentage == pytest.approx(
            100 * block_seconds / (data.estimated_time_to_block or 0)
        )
        assert data.shares_valid is None
        assert data.reject_rate is None
        assert data.own_blocks == ()
        assert pool.counters.by_path[LOG_PATH] == 1
        assert pool.counters.requests == 3
        assert pool.counters.connections == 1


async def test_a_worker_stops(driver: CkpoolDriver) -> None:
    """It is offline after half an hour without a share, and has no hashrate later."""
    async with simulated() as pool:
        pool.let_silent(WALLET, "nerd", 1900)
        data = await tile(driver, pool)
        assert data.active_workers == 1
        assert [worker.online for worker in data.workers] == [True, False]
        pool.let_silent(WALLET, "nerd", 3700)
        data = await tile(driver, pool)
        assert data.workers[1].hashrate == 0
        assert data.pool_hashrate
        pool.let_silent(WALLET, "gamma", 3700)
        data = await tile(driver, pool)
        assert (data.pool_hashrate, data.active_workers) == (0, 0)
        assert data.estimated_time_to_block is None
        # ckpool no longer lists it after a week
        pool.let_silent(WALLET, "nerd", 700_000)
        assert [item.name for item in (await tile(driver, pool)).workers] == ["gamma"]


async def test_user_names(driver: CkpoolDriver) -> None:
    """Bare addresses, underscores, and ``wallet`` before ``username``."""
    wallets = {WALLET: {"": 1e12, "_two": 2e12, "three": 3e12}}
    async with simulated(wallets=wallets) as pool:
        for username in (WALLET, f"{WALLET}.x", f" {WALLET}_x.y "):
            data = await tile(driver, pool, username)
            assert [worker.name for worker in data.workers] == [
                "default",
                "two",
                "three",
            ]
        data = await tile(driver, pool, "somebody", wallet=WALLET)
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.02)
        assert (await tile(driver, pool, WALLET, wallet="")).account_known


async def test_cash_addresses(driver: CkpoolDriver) -> None:
    """The file has the prefix if the miner has; what worked is asked first."""
    address = COINS["bch"].wallet
    async with simulated(coin="bch", wallets={address: WORKERS}) as pool:
        bare = address.removeprefix("bitcoincash:")
        for _ in range(2):
            data = await tile(driver, pool, bare, "BCH")
            assert data.pool_hashrate == pytest.approx(6e12, rel=0.02)
            assert [worker.name for worker in data.workers] == list(WORKERS)
        assert pool.counters.by_path[f"GET /users/{bare}"] == 1
        assert pool.counters.by_path[f"GET /users/{address}"] == 2
        pool.find_block()
        assert len((await tile(driver, pool, bare, "BCH")).own_blocks) == 1
    async with simulated(coin="bch", wallets={bare: WORKERS}) as pool:
        assert (await tile(driver, pool, address, "BCH")).account_known


async def test_accounts_share_one_status(driver: CkpoolDriver) -> None:
    """And the log: only the users' own files are asked for each."""
    driver.local_status_seconds = driver.log_seconds = 1000
    wallets = {f"w{number}": {"x": 1e12} for number in range(3)}
    async with simulated(wallets=wallets) as pool:
        await asyncio.gather(*(tile(driver, pool, wallet) for wallet in wallets))
        await tile(driver, pool, "w0")
        assert pool.counters.by_path[STATUS_PATH] == 1
        assert pool.counters.by_path[LOG_PATH] == 1
        assert pool.counters.requests == 6


@pytest.mark.parametrize("kind", ["empty", "short", "cut"])
async def test_half_written_files(driver: CkpoolDriver, kind: Any) -> None:
    """Asked for once more; then it is an error, never nonsense."""
    async with simulated() as pool:
        pool.half_kind = kind
        pool.half_written = 1
        data = await tile(driver, pool, None)
        assert data.health_status
        assert pool.counters.by_path[STATUS_PATH] == 2
        pool.half_written = 2
        data = await tile(driver, pool, None)
        assert not data.health_status
        pool.counters.reset()
        pool.half_written = 1
        data = await tile(driver, pool)
        assert data.pool_hashrate == pytest.approx(6e12, rel=0.02)
        assert pool.counters.by_path[USER_PATH] == 2
        pool.half_written = 2
        data = await tile(driver, pool)
        assert not data.health_status
        assert data.account_known
        assert data.pool_hashrate is None
        assert data.health_message is not None
        assert "JSON" in data.health_message or "empty" in data.health_message
        # The user's file is what matters
        pool.half_written = 0
        pool.shows_status = False
        assert (await tile(driver, pool)).health_status


async def test_ckpool_has_stopped(driver: CkpoolDriver) -> None:
    """The web server answers, with a hashrate that was."""
    async with simulated() as pool:
        assert (await tile(driver, pool)).health_status
        pool.stop_ckpool(600)
        data = await tile(driver, pool)
        # It changed since the last look, so it may be another clock; but not twice
        assert data.health_status
        base = base_of(pool)
        driver._files.clear()
        data = await tile(driver, pool)
        assert not data.health_status
        assert data.health_message is not None
        assert "stopped" in data.health_message
        assert data.pool_hashrate is None
        assert data.workers == ()
        health = await driver.get_health("127.0.0.1", 3333, api_base=base)
        assert not health.is_healthy
        assert health.error_message is not None
        assert "stopped" in health.error_message
        pool.stopped = False
        assert (await tile(driver, pool)).health_status


async def test_files_that_do_not_change(driver: CkpoolDriver) -> None:
    """Without a clock to compare with, that tells that ckpool has stopped."""
    for date_header, old_build in ((False, False), (True, True)):
        async with simulated() as pool:
            pool.date_header = date_header
            pool.old_build = old_build
            pool.stop_ckpool(6000)
            driver.stale_seconds = 180
            assert (await tile(driver, pool)).health_status
            files = driver._files[base_of(pool), True]
            files._pulse._stale_seconds = -1
            assert not (await tile(driver, pool)).health_status


@pytest.mark.parametrize("skew", [-4000, -400, 400, 4000])
async def test_a_clock_that_is_wrong(driver: CkpoolDriver, skew: int) -> None:
    """A server that is fast or slow is alive, and so are its workers."""
    async with simulated() as pool:
        pool.clock_skew = skew
        for date_header in (True, False):
            pool.date_header = date_header
            driver._files.clear()
            data = await tile(driver, pool)
            assert data.health_status
            assert data.active_workers == 2
            assert data.pool_hashrate


async def test_the_clocks_of_two_machines(driver: CkpoolDriver) -> None:
    """A proxy's clock may differ from ckpool's: what changes is alive."""
    user = json.dumps(user_object(lastshare=int(time.time())))
    answers = {"/pool/pool.status": status_text(), f"/users/{ADDRESS}": user}
    async with serving(answers) as site:
        site.clock = time.time() + 500
        assert not (await tile(driver, site, ADDRESS)).health_status
        answers["/pool/pool.status"] = status_text(lastupdate=int(time.time()) + 60)
        assert (await tile(driver, site, ADDRESS)).health_status
        assert (await tile(driver, site, ADDRESS)).health_status


async def test_no_status(driver: CkpoolDriver) -> None:
    """Where there is no pool.status, the user's file is enough."""
    async with simulated() as pool:
        pool.shows_status = pool.shows_log = False
        data = await tile(driver, pool)
        assert data.health_status
        assert data.pool_hashrate
        assert data.network_difficulty is None
        assert data.estimated_time_to_block is None
        # But neither the one nor the other file is the wrong address
        data = await tile(driver, pool, "bc1qnobody")
        assert not data.health_status
        assert data.health_message is not None
        assert "no files of ckpool" in data.health_message
        assert not (await tile(driver, pool, None)).health_status


# The log of the simulated pool


async def test_the_log_is_read_by_its_end(driver: CkpoolDriver) -> None:
    """128 KiB at most, now and then; without Range rarely."""
    driver.log_seconds = 1000
    async with simulated(coin="bch") as pool:
        pool.rewrite_log(400)
        pool.log("Network diff set to 123456789.0")
        size = sum(len(line) + 1 for line in pool._log)
        assert size > ckpool_server.LOG_BYTES
        data = await tile(driver, pool, coin="BCH")
        # A write since then told the difficulty of the chain once more
        assert data.network_difficulty in (123_456_789.0, pool.difficulty)
        await tile(driver, pool, coin="BCH")
        assert pool.counters.by_path[LOG_PATH] == 1
        files = driver._files[base_of(pool), True]
        files._log_due = 0
        await tile(driver, pool, coin="BCH")
        assert pool.counters.by_path[LOG_PATH] == 2
        pool.ranges = False
        files._log_due = 0
        driver.log_seconds = 0
        for _ in range(3):
            data = await tile(driver, pool, coin="BCH")
            assert data.network_difficulty is not None
        assert pool.counters.by_path[LOG_PATH] == 3


async def test_no_log(driver: CkpoolDriver) -> None:
    """Then the round tells the difficulty; the log is not asked for again soon."""
    async with simulated(coin="dgb") as pool:
        pool.shows_log = False
        for _ in range(2):
            data = await tile(driver, pool, coin="DGB")
            assert data.health_status
            assert data.network_difficulty == pytest.approx(pool.difficulty, rel=0.01)
        assert pool.counters.by_path[LOG_PATH] == 1


async def test_a_log_that_cannot_be_had(driver: CkpoolDriver) -> None:
    """It spoils nothing, and nothing old is shown in its place."""
    text = status_text()
    answers: dict[str, Any] = {
        "/pool/pool.status": text,
        f"/users/{ADDRESS}": json.dumps(user_object()),
        "/ckpool.log": lines("Network diff set to 5.0"),
    }
    async with serving(answers) as site:
        assert (await tile(driver, site, ADDRESS)).network_difficulty == 5
        answers["/ckpool.log"] = (500, "", "")
        data = await tile(driver, site, ADDRESS)
        assert data.health_status
        assert data.network_difficulty is None
        answers["/ckpool.log"] = (416, "", "")
        assert (await tile(driver, site, ADDRESS)).network_difficulty is None


@pytest.mark.parametrize("offset", [0, 7200, -12_600])
async def test_own_blocks(driver: CkpoolDriver, offset: int) -> None:
    """From the log, with their time in whatever zone the server is."""
    wallets = {WALLET: WORKERS, "bc1qother": {"x": 1e12}}
    async with simulated(wallets=wallets) as pool:
        pool.utc_offset = offset
        pool.rewrite_log()
        assert (await tile(driver, pool)).own_blocks == ()
        pool.find_block()
        pool.find_block()
        pool.log("Solved and confirmed block 7 by bc1qother.x")
        pool.log("Solved and confirmed block 8")
        for _ in range(2):
            data = await tile(driver, pool)
            assert [(item.height, item.worker) for item in data.own_blocks] == [
                (pool.height + 2, "gamma"),
                (pool.height + 1, "gamma"),
            ]
            for block in data.own_blocks:
                assert block.timestamp == pytest.approx(time.time(), abs=120)
                assert block.coin == "BTC"
                assert block.miner == WALLET
                assert block.confirmed
            assert data.last_block_found is not None
            assert data.last_block_found.timestamp() == pytest.approx(
                time.time(), abs=120
            )
        # The log does not reach back for a day
        assert data.blocks_found_24h is None
        assert data.blocks_found is None


async def test_the_blocks_of_the_last_day(driver: CkpoolDriver) -> None:
    """Known when the log reaches back for 24 hours, 0 too."""
    moment = int(time.time())

    def at(ago: int, text: str) -> str:
        local = datetime.fromtimestamp(moment - ago, UTC)
        return f"[{local:%Y-%m-%d %H:%M:%S}.000] {text}\n"

    start = at(90_000, "ckpool stratifier starting")
    end = at(0, f'Pool:{{"runtime": 1, "lastupdate": {moment}}}')
    answers: dict[str, Any] = {
        "/pool/pool.status": status_text(),
        f"/users/{ADDRESS}": json.dumps(user_object()),
        "/ckpool.log": start + end,
    }
    async with serving(answers) as site:
        assert (await tile(driver, site, ADDRESS)).blocks_found_24h == 0
        answers["/ckpool.log"] = (
            start
            + at(86_500, f"Solved and confirmed block 5 by {ADDRESS}.x")
            + at(86_300, f"Solved and confirmed block 6 by {ADDRESS}.x")
            + at(50, "Solved and confirmed block 7 by somebody.x")
            + end
        )
        data = await tile(driver, site, ADDRESS)
    assert data.blocks_found_24h == 1
    assert [block.height for block in data.own_blocks] == [6, 5]
    assert data.last_block_found == datetime.fromtimestamp(moment - 86_300, UTC)


# What goes wrong


async def test_old_build_and_new(driver: CkpoolDriver) -> None:
    """Builds of 2017 and of 2026 tell what they can."""
    async with simulated(coin="dgb") as pool:
        pool.shows_log = False
        pool.old_build = True
        data = await tile(driver, pool, coin="DGB")
        assert data.health_status
        assert data.best_share
        pool.old_build = False
        pool.decimals = True
        driver._files.clear()
        data = await tile(driver, pool, coin="DGB")
        assert data.network_difficulty == pytest.approx(pool.difficulty, rel=0.01)


# The public pools


PUBLIC = "eusolo.ckpool.org"


@asynccontextmanager
async def two_hosts(
    driver: CkpoolDriver,
) -> AsyncGenerator[tuple[SimulatedCkpool, SimulatedCkpool]]:
    """Run the old and the new address of one region."""
    async with (
        simulated(flavour="public") as old,
        simulated(flavour="public") as new,
    ):
        driver.public_bases = {"eusolo": (base_of(old), base_of(new))}
        yield old, new


async def public_tile(
    driver: CkpoolDriver, username: str = WALLET
) -> DashboardTileData:
    """Read the tiles of an address at a public pool."""
    return await driver.get_dashboard_data(
        url=PUBLIC, coin="BTC", username=username, stratum_port=3333, api_port=3001
    )


async def test_a_public_pool(driver: CkpoolDriver) -> None:
    """One request per poll, no log, and the difficulty by the pool's round."""
    driver.status_seconds = 1000
    async with two_hosts(driver) as (old, new):
        for _ in range(3):
            data = await public_tile(driver)
            assert data.pool_hashrate == pytest.approx(6e12, rel=0.02)
            assert data.network_difficulty == pytest.approx(old.difficulty, rel=0.01)
            assert data.own_blocks == ()
        assert old.counters.by_path == {USER_PATH: 3, STATUS_PATH: 1}
        assert not (await public_tile(driver, "bc1qnobody")).account_known
        assert new.counters.requests == 0


@pytest.mark.parametrize("moved", ["redirect", "missing"])
async def test_a_public_pool_moves(driver: CkpoolDriver, moved: Any) -> None:
    """The new address is tried once, and asked first from then on."""
    async with two_hosts(driver) as (old, new):
        old.moved = moved
        assert (await public_tile(driver)).pool_hashrate
        requests = old.counters.requests
        assert requests <= 2
        assert (await public_tile(driver)).pool_hashrate
        assert old.counters.requests == requests
        # And back, should it be so
        old.moved, new.moved = None, moved
        assert (await public_tile(driver)).pool_hashrate
        health = await driver.get_health(PUBLIC, 3333)
        assert health.is_healthy


async def test_neither_address_knows_a_wallet(driver: CkpoolDriver) -> None:
    """A proper "not here" is no data yet; errors are errors."""
    async with two_hosts(driver) as (old, new):
        old.moved, new.shows_status = "redirect", False
        data = await public_tile(driver, "bc1qnobody")
        assert data.health_status
        assert not data.account_known
        new.moved = "redirect"
        data = await public_tile(driver)
        assert not data.health_status
        assert data.health_message is not None
        assert "moved" in data.health_message
        # One that cannot be reached has not moved
        old.moved = None
        old.status = 502
        new.counters.reset()
        data = await public_tile(driver)
        assert not data.health_status
        assert new.counters.requests == 0


async def test_a_public_pool_has_stopped(driver: CkpoolDriver) -> None:
    """Old files may have been left where it was before."""
    async with two_hosts(driver) as (old, new):
        old.stop_ckpool(1000)
        assert (await public_tile(driver)).health_status
        assert new.counters.requests
        driver._preferred.clear()
        new.moved = "missing"
        data = await public_tile(driver)
        assert data.health_message is not None
        assert "stopped" in data.health_message


def test_the_addresses_of_public_pools() -> None:
    """By region; all of them with HTTPS and two to try."""
    driver = CkpoolDriver()
    for host, region in (
        ("solo.ckpool.org", "solo"),
        ("solo4.ckpool.org", "solo"),
        ("eusolo6.ckpool.org", "eusolo"),
        ("AUSOLO.ckpool.org:3333", "ausolo"),
        ("stratum.ckpool.org", "stratum"),
    ):
        place = driver._place(host, {"api_port": 3001})
        assert place.bases == CkpoolDriver.public_bases[region]
        assert len(place.bases) == 2
        assert all(base.startswith("https://") for base in place.bases)
        assert not place.local
    assert driver._place("eusolo.ckpool.org", {}).bases[0] == (
        "https://eusolo.ckpool.org"
    )


# Where the files are


@pytest.mark.parametrize(
    ("url", "options", "base", "local"),
    [
        ("192.168.1.5", {}, "http://192.168.1.5:3001", True),
        ("192.168.1.5", {"api_port": "13001"}, "http://192.168.1.5:13001", True),
        ("192.168.1.5", {"api_port": "x"}, "http://192.168.1.5:3001", True),
        ("stratum+tcp://Pool.local:3333", {}, "http://pool.local:3001", True),
        ("fd00::5", {}, "http://[fd00::5]:3001", True),
        ("x", {"api_base": "192.168.1.5"}, "http://192.168.1.5", True),
        ("x", {"api_base_url": "http://umbrel:80/"}, "http://umbrel:80", True),
        ("x", {"api_base": "", "api_base_url": "https://a.lan"}, "https://a.lan", True),
        ("x", {"api_base": "https://pool.example.org"}, "https://pool.example.org", 0),
        ("x", {"api_base": "http://8.8.8.8/c/pool/pool.status"}, "http://8.8.8.8/c", 0),
        ("x", {"api_base": "http://[fd00::5]:3001"}, "http://[fd00::5]:3001", True),
        ("solo.ckpool.org", {"api_base": "http://a.lan"}, "http://a.lan", False),
    ],
)
def test_place(url: str, options: dict[str, Any], base: str, local: bool) -> None:
    """At home more often, in public less; what was typed wins."""
    driver = CkpoolDriver()
    place = driver._place(url, options)
    assert place.bases == (base,)
    assert place.local is bool(local)
    assert driver.get_poll_seconds(url, **options) == (30 if local else 60)


def test_no_place() -> None:
    """What is no address is refused in plain words."""
    driver = CkpoolDriver()
    for url, options in (("", {}), ("x", {"api_base": "ftp://x"})):
        with pytest.raises(InvalidValue):
            driver._place(url, options)
        assert driver.get_poll_seconds(url, **options) == 60
    for typed in ("http://", "http://[", "http://x:99999", "://"):
        with pytest.raises(InvalidValue):
            read_base(typed)
    assert read_base("http://a/users/") == "http://a"
    assert host_of("http://[") == ""
    assert host_of("[fd00::5]:3333") == "fd00::5"


async def test_health_without_a_place(driver: CkpoolDriver) -> None:
    """It is told, not raised."""
    health = await driver.get_health("", 3333)
    assert not health.is_healthy
    with pytest.raises(InvalidValue):
        await driver.get_dashboard_data("", "BTC", WALLET)


async def test_certificates(driver: CkpoolDriver) -> None:
    """They are checked unless somebody says no; each way has its own client."""
    checked = driver._place("x", {"api_base": "https://a.lan"})
    trusting = driver._place("x", {"api_base": "https://a.lan", "verify_ssl": False})
    assert checked.verify_ssl
    assert not trusting.verify_ssl
    first = driver._files_at(checked, checked.bases[0])
    assert driver._files_at(checked, checked.bases[0]) is first
    assert driver._files_at(trusting, trusting.bases[0]) is not first


# Probing


@pytest.mark.parametrize(
    ("coin", "reported"), [("btc", "BTC"), ("bch", "BCH"), ("dgb", "DGB"), ("bc2", "")]
)
async def test_probe(driver: CkpoolDriver, coin: str, reported: str) -> None:
    """A pool at home is found with what is needed; the coin as far as it tells."""
    async with simulated(coin=coin) as pool:
        driver.probe_ports = (pool.port,)
        assert await driver.probe("127.0.0.1", 3333) == [
            FoundPool(coin=reported, settings={"api_base": base_of(pool)})
        ]
        pool.shows_log = False
        (result,) = await driver.probe("127.0.0.1", 3333)
        # Only of DigiByte the round of a small pool tells something
        assert result.coin == ("DGB" if coin == "dgb" else "")
        # Never the stratum port
        assert await driver.probe("127.0.0.1", pool.port) == []


async def test_probe_finds_several(driver: CkpoolDriver) -> None:
    """Two pools of one host are two, one pool at two ports is one."""
    async with simulated(coin="dgb") as one, simulated(coin="bch", age=100) as two:
        driver.probe_ports = (one.port, two.port)
        result = await driver.probe("127.0.0.1", 3333)
        assert [pool.coin for pool in result] == ["DGB", "BCH"]
        for pool in result:
            data = await driver.get_dashboard_data(
                "127.0.0.1", pool.coin, WALLET, **pool.settings
            )
            assert data.pool_hashrate
    text = status_text()
    async with (
        serving({"/pool/pool.status": text}) as first,
        serving({"/pool/pool.status": text}) as second,
    ):
        driver.probe_ports = tuple(
            int(site.base.rpartition(":")[2]) for site in (first, second)
        )
        assert len(await driver.probe("127.0.0.1", 3333)) == 1


async def test_probe_finds_nothing(driver: CkpoolDriver) -> None:
    """Other web servers, and those that do not answer, are no pools."""
    driver.probe_seconds = 0.2
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        driver.probe_ports = (port,)
        assert await driver.probe("127.0.0.1", 3333) == []
        silent.listen()
        assert await driver.probe("127.0.0.1", 3333) == []
    for answer in (
        (404, "", ""),
        (200, "<html>", ""),
        (302, "", "Location: /login\r\n"),
        '{"totalHashRate": 5}',
        '{"runtime": 1}\n{"hashrate1m": "1G"}\n{"SPS1m": 1}',
        '{"Users": 1}\n{"hashrate1m": "x"}\n{"SPS1m": 1}',
    ):
        async with serving({"/pool/pool.status": answer}) as site:
            driver.probe_ports = (int(site.base.rpartition(":")[2]),)
            assert await driver.probe("127.0.0.1", 3333) == []
    assert await driver.probe("", 0) == []


def test_usual_ports() -> None:
    """Those of the known ways to serve the files."""
    assert CkpoolDriver.probe_ports == (3001, 80, 13001)
    assert ckpool_driver._coin_of(None) == ""
    assert ckpool_files.ONLINE_SECONDS == 1800


@pytest.mark.parametrize("name", [None, 5, True, ["a"]])
def test_a_worker_whose_name_cannot_be_read(name: Any) -> None:
    """It is not the worker of a miner that gives no name, and counts for nobody."""
    rows = [{"workername": name, "hashrate5m": "1T", "lastshare": NOW}]
    user = read_user(user_object(worker=rows, workers=3), ADDRESS, NOW)
    assert user.workers == ()
    assert user.active_workers == 3
    assert user.hashrate == 1.49e12
