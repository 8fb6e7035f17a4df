"""The simulated public-pool, as of 2025 and of 2026."""

from datetime import datetime
from functools import partial
import json
from pathlib import Path
import time
from typing import Any

import pytest

from simulator.device import Fault
from simulator.public_pool import DIFFICULTY, HEIGHT, SimulatedPublicPool

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures" / "public_pool"
WALLETS = {"wallet": {"one": 1.2e12, "two": 4.8e12}}


fetch = partial(fetch_at, "/api")


def load(name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / f"{name}.json").read_text())


async def get(pool: SimulatedPublicPool, path: str) -> Any:
    """Fetch JSON."""
    status, text, headers = await fetch(pool, path)
    assert status == 200
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    return json.loads(text)


@pytest.mark.parametrize(
    ("generation", "shape"), [(2025, "client.shape"), (2026, "client_2026.shape")]
)
async def test_account(generation: Any, shape: str) -> None:
    """Keys, their order and their types are those of the example."""
    example = load(shape)
    async with SimulatedPublicPool(generation=generation, wallets=WALLETS) as pool:
        account = await get(pool, "/client/wallet")
    assert list(account) == list(example)
    assert account["workersCount"] == len(account["workers"]) == 2
    for worker in account["workers"]:
        assert list(worker) == list(example["workers"][0])
        assert isinstance(worker["bestDifficulty"], str)
        assert worker["bestDifficulty"][-3] == "."
        assert worker["lastSeen"].endswith("Z")
        seen = datetime.fromisoformat(worker["lastSeen"]).timestamp()
        assert seen == pytest.approx(time.time(), abs=660)
    assert sum(item["hashRate"] for item in account["workers"]) == pytest.approx(
        6e12, rel=0.2
    )
    best = max(float(item["bestDifficulty"]) for item in account["workers"])
    assert account["bestDifficulty"] == pytest.approx(best, abs=0.01)
    assert len({item["sessionId"] for item in account["workers"]}) == 2


async def test_accounting() -> None:
    """The counts of 2026 fit each other, and only grow."""
    async with SimulatedPublicPool(wallets=WALLETS, speed=100_000) as pool:
        first = (await get(pool, "/client/wallet"))["accounting"]
        second = await get(pool, "/client/wallet")
        pool.api_only = True
        third = (await get(pool, "/client/wallet"))["accounting"]
    assert list(first) == list(load("client_2026.shape")["accounting"])
    accounting = second["accounting"]
    assert accounting["totalAcceptedShares"] > first["totalAcceptedShares"] > 1000
    assert (
        accounting["acceptedSharesLast10Minutes"]
        < accounting["acceptedSharesLastHour"]
        < accounting["acceptedSharesLastDay"]
        < accounting["totalAcceptedShares"]
    )
    assert accounting["hashRateLast10Minutes"] == pytest.approx(
        sum(worker["hashRate"] for worker in second["workers"]), rel=0.2
    )
    assert third["totalAcceptedShares"] == third["hashRateLastHour"] == 0
    assert third["latestShareAt"] is None


async def test_numbers_as_in_javascript() -> None:
    """There is no 1.0 in its JSON."""
    async with SimulatedPublicPool(wallets=WALLETS) as pool:
        texts = [
            (await fetch(pool, path))[1]
            for path in ("/client/wallet", "/pool", "/network", "/info")
        ]
    for text in texts:
        assert ".0," not in text
        assert ".0}" not in text


async def test_pool_and_network() -> None:
    """Keys are those of the examples, and the sums fit."""
    async with SimulatedPublicPool(wallets=WALLETS) as pool:
        info = await get(pool, "/pool")
        network = await get(pool, "/network")
        pool.generation = 2025
        old = await get(pool, "/network")
    assert list(info) == list(load("pool.shape"))
    assert info["totalHashRate"] == pytest.approx(3.206e15, rel=0.001)
    assert info["totalMiners"] == 1842
    assert info["blocksFound"] == []
    assert set(network) == set(load("network"))
    assert network["difficulty"] == DIFFICULTY
    assert network["blocks"] == info["blockHeight"] == HEIGHT
    assert network["warnings"] == []
    assert old["warnings"] == ""
    assert "next" not in old


async def test_info_and_charts() -> None:
    """What the web page shows besides."""
    async with SimulatedPublicPool(wallets=WALLETS) as pool:
        info = await get(pool, "/info")
        account = await get(pool, "/client/wallet")
        chart = await get(pool, "/client/wallet/chart")
        whole = await get(pool, "/info/chart")
        group = await get(pool, "/client/wallet/one")
        session_id = account["workers"][0]["sessionId"]
        session = await get(pool, f"/client/wallet/one/{session_id}")
        nobody = await get(pool, "/client/wallet/one/00000000")
    assert list(info) == ["blockData", "userAgents", "highScores", "uptime"]
    assert isinstance(info["userAgents"][0]["count"], str)
    assert list(chart[0]) == ["label", "data"]
    assert len(chart) == 143
    assert chart[0]["label"] < chart[-1]["label"]
    assert whole[0]["data"] > chart[0]["data"]
    assert group["name"] == session["name"] == "one"
    assert session["sessionId"] == session_id
    assert nobody == load("client_worker_session_missing.HTTP200.shape")


async def test_sessions_come_and_go() -> None:
    """One more of a name; a silent one is listed for a while."""
    async with SimulatedPublicPool(generation=2025, wallets=WALLETS) as pool:
        session = pool.add_session("wallet", "one", 2e12)
        account = await get(pool, "/client/wallet")
        assert [worker["name"] for worker in account["workers"]] == [
            "one",
            "two",
            "one",
        ]
        assert account["workersCount"] == 3
        session.worker.offline = True
        assert (await get(pool, "/client/wallet"))["workersCount"] == 3
        session.worker.seen -= 301
        assert (await get(pool, "/client/wallet"))["workersCount"] == 2
        for other in pool.wallets["wallet"].sessions:
            other.worker.offline = True
        pool.session_seconds = 0
        silent = await get(pool, "/client/wallet")
    assert silent["bestDifficulty"] == account["bestDifficulty"]
    assert silent["workers"] == []


@pytest.mark.parametrize("generation", [2025, 2026])
async def test_restart(generation: Any) -> None:
    """All sessions are new, the best and the count of the address are kept."""
    async with SimulatedPublicPool(generation=generation, wallets=WALLETS) as pool:
        before = await get(pool, "/client/wallet")
        await pool.unplug()
        await pool.plug_in()
        after = await get(pool, "/client/wallet")
    ids = [
        {worker["sessionId"] for worker in each["workers"]} for each in (before, after)
    ]
    assert not ids[0] & ids[1]
    assert after["bestDifficulty"] >= before["bestDifficulty"]
    if generation == 2026:
        counts = [each["accounting"]["totalAcceptedShares"] for each in (before, after)]
        assert counts[0] <= counts[1]


async def test_found_block() -> None:
    """It is listed without a time, minutes late, and ends everybody's race."""
    wallets = {**WALLETS, "other": {"three": 1e12}}
    async with SimulatedPublicPool(wallets=wallets) as pool:
        assert (await get(pool, "/pool"))["blocksFound"] == []
        pool.find_block()
        assert (await get(pool, "/pool"))["blocksFound"] == []
        pool.cache_seconds = 0
        (block,) = (await get(pool, "/pool"))["blocksFound"]
        account = await get(pool, "/client/wallet")
        other = await get(pool, "/client/other")
    assert list(block) == ["height", "minerAddress", "worker", "sessionId"]
    assert block["minerAddress"] == "wallet"
    assert block["worker"] == "one"
    assert block["sessionId"] == account["workers"][0]["sessionId"]
    assert account["bestDifficulty"] >= DIFFICULTY
    assert other["bestDifficulty"] < 1e9
    assert pool.state()["wallets"]["wallet"]["blocks"] == 1


async def test_unknown_address() -> None:
    """Each generation has its own way, and a proxy another."""
    async with SimulatedPublicPool(generation=2025, wallets=WALLETS) as pool:
        assert await get(pool, "/client/nobody") == load("client_unknown_address")
        # The worker is no part of the address.
        assert (await get(pool, "/client/wallet.one"))["workersCount"] == 0
        pool.generation = 2026
        account = await get(pool, "/client/nobody")
        assert account["bestDifficulty"] == account["workersCount"] == 0
        assert account["accounting"]["totalAcceptedShares"] == 0
        assert account["workers"] == []
        assert await get(pool, "/client/nobody/chart")
        pool.fault = Fault.WRONG_MAC
        assert (await get(pool, "/client/wallet"))["workers"] == []
        pool.fault = None
        pool.unknown_address = "missing"
        status, text, _ = await fetch(pool, "/client/nobody")
        assert status == 404
        assert json.loads(text)["message"] == "Cannot GET /api/client/nobody"
        assert (await fetch(pool, "/client/a/b/c/d"))[0] == 404
        assert (await fetch(pool, "/elsewhere"))[0] == 404


async def test_numbers_as_text_and_nulls() -> None:
    """Numbers as text and nulls."""
    async with SimulatedPublicPool(generation=2025, wallets=WALLETS) as pool:
        pool.text_numbers = True
        best = (await get(pool, "/client/wallet"))["bestDifficulty"]
        pool.nulls = True
        account = await get(pool, "/client/wallet")
        network = await get(pool, "/network")
    assert isinstance(best, str)
    assert float(best) > 1000
    assert account["bestDifficulty"] is None
    assert account["workers"][0]["lastSeen"] is None
    assert network["difficulty"] is None


async def test_nobody_has_mined_yet() -> None:
    """No share, no best; no miner, no block."""
    wallets: dict[str, dict[str, float]] = {"empty": {}, "new": {"one": 1e6}}
    async with SimulatedPublicPool(generation=2025, wallets={"empty": {}}) as pool:
        pool.find_block()
        assert (await get(pool, "/pool"))["blocksFound"] == []
    async with SimulatedPublicPool(generation=2025, wallets=wallets, age=0) as pool:
        assert list(await get(pool, "/client/new")) == ["workersCount", "workers"]
        pool.add_wallet("wallet", WALLETS["wallet"])
        del pool.wallets["empty"]
        pool.wallets["new"].sessions.clear()
        pool.find_block()
        assert len((await get(pool, "/pool"))["blocksFound"]) == 1
        assert list(await get(pool, "/client/new")) == ["workersCount", "workers"]


async def test_lost_node_and_state() -> None:
    """Lost node and state."""
    async with SimulatedPublicPool(wallets=WALLETS) as pool:
        pool.node = False
        assert (await fetch(pool, "/network"))[0] == 500
        pool.node = True
        pool.chain = "signet"
        assert (await get(pool, "/network"))["chain"] == "signet"
        state = pool.state()
        assert pool.counters.by_path["GET /api/network"] == 2
    assert state["generation"] == 2026
    assert state["wallets"]["wallet"]["hashrate"] > 5e12
    assert json.dumps(state)
