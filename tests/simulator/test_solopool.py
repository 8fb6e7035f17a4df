"""The simulated solopool.org in both generations."""

from functools import partial
import json
import time
from typing import Any

import pytest

from simulator.device import Fault
from simulator.solopool import SimulatedSolopool

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

WALLETS = {"wallet": {"one": 1.2e12, "two": 4.8e12}}


fetch = partial(fetch_at, "/api")


async def get(pool: SimulatedSolopool, path: str) -> Any:
    """Fetch JSON."""
    status, text, _ = await fetch(pool, path)
    assert status == 200
    return json.loads(text)


async def test_v2_stats() -> None:
    """V2 stats."""
    async with SimulatedSolopool() as pool:
        stats = await get(pool, "/stats")
    assert list(stats) == [
        "hashrate",
        "totalMiners",
        "totalWorkers",
        "totalBlocks",
        "lastBlockTime",
        "node",
        "charts",
    ]
    node = stats["node"]
    assert node["difficulty"] == pytest.approx(756_672_128.56, rel=0.02)
    # The sha256d algorithm of DigiByte has a block every 75 s.
    assert node["hashrate"] == pytest.approx(43.3e15, rel=0.06)
    assert stats["charts"][0]["x"] > stats["charts"][1]["x"]


async def test_v2_account() -> None:
    """V2 account."""
    async with SimulatedSolopool(wallets=WALLETS) as pool:
        account = await get(pool, "/miners/wallet")
    assert account["hashrate"] == pytest.approx(6e12, rel=0.05)
    assert account["averageHashrate"] == pytest.approx(6e12, rel=0.05)
    assert (account["onlineWorkers"], account["totalWorkers"]) == (2, 2)
    assert set(account["workers"]) == {"one", "two"}
    assert account["workers"]["one"]["hr"] == pytest.approx(1.2e12, rel=0.05)
    assert account["lastShare"] == pytest.approx(time.time(), abs=60)
    assert account["roundShares"] > 0


async def test_v1_account() -> None:
    """V1 account."""
    async with SimulatedSolopool(generation=1, wallets=WALLETS) as pool:
        account = await get(pool, "/accounts/wallet")
        stats = await get(pool, "/stats")
    assert account["currentHashrate"] == pytest.approx(6e12, rel=0.05)
    assert account["workersOnline"] == account["workersTotal"] == 2
    assert [entry["period"] for entry in account["earnings"]] == [
        86_400,
        604_800,
        2_592_000,
    ]
    worker = account["workers"]["two"]
    assert list(worker) == [
        "hr",
        "hr2",
        "lastBeat",
        "offline",
        "sharesValid",
        "sharesInvalid",
        "sharesStale",
    ]
    assert worker["sharesValid"] > 1000
    assert isinstance(account["currentLuck"], str)
    assert set(stats) == {"stats", "hashrate"}


@pytest.mark.parametrize(
    ("generation", "path"),
    [(1, "/miners/wallet"), (2, "/accounts/wallet"), (2, "/blocks")],
)
async def test_paths_of_the_other_generation(generation: Any, path: str) -> None:
    """Paths of the other generation."""
    async with SimulatedSolopool(generation=generation, wallets=WALLETS) as pool:
        status, text, _ = await fetch(pool, path)
    assert status == 404
    assert text.startswith("<!DOCTYPE html>")


async def test_shares_grow_and_an_offline_worker_stops() -> None:
    """Shares grow and an offline worker stops."""
    async with SimulatedSolopool(wallets=WALLETS, speed=100_000) as pool:
        first = await get(pool, "/miners/wallet")
        second = await get(pool, "/miners/wallet")
        assert second["bestShare"] >= first["bestShare"]
        pool.wallets["wallet"].workers["two"].offline = True
        await get(pool, "/miners/wallet")
        third = await get(pool, "/miners/wallet")
    assert (third["onlineWorkers"], third["offlineWorkers"]) == (1, 1)
    assert third["workers"]["two"]["offline"]
    assert third["workers"]["two"]["hr"] < first["workers"]["two"]["hr"]


async def test_found_block() -> None:
    """Found block."""
    async with SimulatedSolopool(wallets=WALLETS, age=10) as pool:
        pool.find_block()
        account = await get(pool, "/miners/wallet")
        stats = await get(pool, "/stats")
        pool.generation = 1
        blocks = await get(pool, "/blocks")
        old = await get(pool, "/accounts/wallet")
    (block,) = account["blocks"]
    assert block["worker"] == "one"
    assert block["shareDiff"] >= 700_000_000
    assert account["totalBlocks"] == 1
    assert account["lastBlockTime"] == block["timestamp"] == stats["lastBlockTime"]
    # A new round began.
    assert account["roundShares"] < 5_000
    assert old["earnings"][0]["blocks"] == 1
    assert blocks["candidates"] is None
    assert isinstance(blocks["immature"][0]["reward"], str)


async def test_numbers_as_text_and_nulls() -> None:
    """Numbers as text and nulls."""
    async with SimulatedSolopool(generation=1, wallets=WALLETS) as pool:
        pool.text_numbers = True
        old = (await get(pool, "/stats"))["stats"]
        pool.nulls = True
        account = await get(pool, "/accounts/wallet")
        pool.generation = 2
        stats = await get(pool, "/stats")
        miner = await get(pool, "/miners/wallet")
    assert float(old["difficulty"]) == pytest.approx(756_672_128.56, rel=0.02)
    assert isinstance(old["difficulty"], str)
    assert account["payments"] is account["workers"] is None
    assert stats["node"] is stats["charts"] is None
    assert miner["blocks"] is miner["lastShare"] is None
    assert miner["totalWorkers"] == 2


async def test_unknown_address() -> None:
    """Unknown address."""
    async with SimulatedSolopool(wallets=WALLETS) as pool:
        assert (await fetch(pool, "/miners/nobody"))[0] == 404
        # The worker is no part of the address.
        assert (await fetch(pool, "/miners/wallet.one"))[0] == 404
        pool.unknown_address = "empty"
        assert await get(pool, "/miners/nobody") == {}
        pool.unknown_address = "zeros"
        account = await get(pool, "/miners/nobody")
    assert account["hashrate"] == account["totalWorkers"] == 0
    assert account["workers"] == {}


async def test_web_page_fault_and_state() -> None:
    """Web page fault and state."""
    async with SimulatedSolopool(coin="btc", wallets=WALLETS) as pool:
        pool.fault = Fault.HTML
        status, text, _ = await fetch(pool, "/stats")
        assert (status, "<html>" in text) == (200, True)
        state = pool.state()
        assert pool.counters.by_path["GET /api/stats"] == 1
    assert state["coin"] == "btc"
    assert state["wallets"]["wallet"]["hashrate"] > 5e12


async def test_unknown_coin() -> None:
    """Unknown coin."""
    with pytest.raises(KeyError):
        SimulatedSolopool(coin="doge")
