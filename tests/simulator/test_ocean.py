"""The simulated OCEAN."""

from datetime import UTC, datetime
from functools import partial
import json
from pathlib import Path
import time
from typing import Any

import pytest

from simulator.device import Fault
from simulator.ocean import BLOCKS, DIFFICULTY, SimulatedOcean

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures" / "ocean"
WALLETS = {"wallet": {"one": 1.2e12, "two": 4.8e12}}


fetch = partial(fetch_at, "/v1")


def load(name: str) -> Any:
    """Read the result of an example."""
    return json.loads((FIXTURES / f"{name}.shape.json").read_text())["result"]


async def get(pool: SimulatedOcean, path: str) -> Any:
    """Fetch a result."""
    status, text, headers = await fetch(pool, path)
    assert status == 200
    assert headers["Access-Control-Allow-Origin"] == "*"
    answer = json.loads(text)
    assert list(answer) == ["result"]
    return answer["result"]


async def test_statsnap_and_userinfo() -> None:
    """Everything is text; the workers sum up to the user."""
    example = load("userinfo_full")
    async with SimulatedOcean(wallets=WALLETS) as pool:
        snapshot = await get(pool, "/statsnap/wallet")
        info = await get(pool, "/userinfo_full/wallet")
    assert list(info) == list(example)
    assert info["user_full"] == snapshot
    assert list(snapshot) == list(example["user_full"])
    assert all(isinstance(value, str) for value in snapshot.values())
    names = [name for entry in info["workers"] for name in entry]
    assert names == ["one", "two"]
    workers = [worker for entry in info["workers"] for worker in entry.values()]
    for key in ("hashrate_60s", "hashrate_300s"):
        total = sum(int(worker[key]) for worker in workers)
        assert int(snapshot[key]) == total == pytest.approx(6e12, rel=0.2)
    assert int(snapshot["shares_300s"]) == pytest.approx(
        int(snapshot["hashrate_300s"]) * 300 / 2**32, abs=1
    )
    assert int(snapshot["lastest_share_ts"]) == pytest.approx(time.time(), abs=60)
    assert 0 < float(snapshot["unpaid"]) < 0.001
    assert float(snapshot["estimated_payout_next_block"]) == 0


async def test_hashrates() -> None:
    """Eight windows, by worker in a list of one, and the one number."""
    example = load("user_hashrate_full")
    async with SimulatedOcean(wallets=WALLETS) as pool:
        user = await get(pool, "/user_hashrate/wallet")
        full = await get(pool, "/user_hashrate_full/wallet")
        pool.prefixed_names = True
        prefixed = await get(pool, "/user_hashrate_full/wallet")
        pool.text_numbers = False
        plain = await get(pool, "/user_hashrate/wallet")
    assert list(full) == list(example)
    assert full["user_hashrate"] == user
    assert list(user) == list(example["user_hashrate"])
    assert user["active_worker_count"] == 2
    ((worker,), _) = full["workers"].values()
    assert list(worker) == list(example["workers"]["gamma"][0])
    assert int(worker["hashrate_300s"]) == pytest.approx(1.2e12, rel=0.2)
    assert list(prefixed["workers"]) == ["wallet.one", "wallet.two"]
    assert isinstance(plain["hashrate_300s"], int)


async def test_snapshots() -> None:
    """Figures move once a minute."""
    async with SimulatedOcean(wallets=WALLETS) as pool:
        first = await get(pool, "/statsnap/wallet")
        pool.wallets["wallet"].workers["two"].offline = True
        assert await get(pool, "/statsnap/wallet") == first
        pool.snap_seconds = 0
        second = await get(pool, "/user_hashrate/wallet")
        pool.behind = 1000
        third = await get(pool, "/user_hashrate/wallet")
        stat = await get(pool, "/pool_stat")
    assert second["active_worker_count"] == 1
    assert int(second["hashrate_300s"]) == pytest.approx(1.2e12, rel=0.2)
    assert int(second["hashrate_86400s"]) == pytest.approx(6e12, rel=0.2)
    for late in (third, stat):
        assert int(late["snap_ts"]) == pytest.approx(time.time() - 1000, abs=70)


async def test_pool() -> None:
    """The pool as a whole."""
    async with SimulatedOcean(wallets=WALLETS) as pool:
        stat = await get(pool, "/pool_stat")
        hashrate = await get(pool, "/pool_hashrate")
        status, text, _ = await fetch(pool, "/ping")
    assert list(stat) == list(load("pool_stat"))
    assert all(isinstance(value, str) for value in stat.values())
    assert int(stat["network_difficulty"]) == DIFFICULTY
    # More than a double can hold
    assert int(hashrate["hashrate_300s"]) > 2**53
    assert (status, text) == (200, '"PONG"')


async def test_earnings_and_blocks() -> None:
    """A block credits everybody; whole satoshis, times without a zone."""
    example = load("earnpay")
    since = int(time.time()) - 86_400
    async with SimulatedOcean(wallets={**WALLETS, "other": {"a": 1e12}}) as pool:
        before = await get(pool, f"/earnpay/wallet/{since}")
        month = await get(pool, "/earnpay/wallet")
        unpaid = pool.wallets["other"].unpaid
        pool.find_block()
        after = await get(pool, f"/earnpay/wallet/{since}")
        none = await get(pool, f"/earnpay/wallet/0/{since - 10_000_000}")
        blocks = (await get(pool, "/blocks/0/3/0"))["blocks"]
        second_page = (await get(pool, "/blocks/1/3/0"))["blocks"]
        standard = (await get(pool, "/blocks"))["blocks"]
        latest = await get(pool, "/latest_block")
        every = (await get(pool, "/blocks/0/1000/0"))["blocks"]
    assert list(before) == list(example)
    assert len(before["earnings"]) == 2
    assert len(month["earnings"]) > 2
    assert len(after["earnings"]) == 3
    earning = after["earnings"][0]
    assert list(earning) == list(example["earnings"][0])
    assert isinstance(earning["satoshis_net_earned"], int)
    assert datetime.fromisoformat(earning["ts"]).tzinfo is None
    result = datetime.fromisoformat(earning["ts"]).replace(tzinfo=UTC)
    assert result.timestamp() == pytest.approx(time.time(), abs=60)
    assert pool.wallets["other"].unpaid > unpaid
    assert none["earnings"] == none["payouts"] == []
    assert blocks[0] == latest
    assert blocks[0]["username"] == "wallet"
    assert blocks[0]["workername"] == "one"
    assert blocks[0]["block_hash"] == earning["block_hash"]
    assert blocks[1]["username"] not in ("wallet", "other")
    assert len(blocks) == len(second_page) == 3
    assert len(standard) == 10
    assert len(every) == BLOCKS + 1
    heights = [block["height"] for block in every]
    assert heights == sorted(set(heights), reverse=True)


async def test_no_miner_no_block() -> None:
    """An address without workers finds none and earns nothing."""
    async with SimulatedOcean(wallets={"empty": {}}) as pool:
        pool.find_block()
        assert len((await get(pool, "/blocks/0/1000/0"))["blocks"]) == BLOCKS
        assert (await get(pool, "/userinfo_full/empty"))["workers"] == []
        assert pool.wallets["empty"].unpaid == 0


async def test_payout() -> None:
    """What is paid out is no longer owed."""
    async with SimulatedOcean(wallets={"big": {"farm": 3.5e16}}, age=100) as pool:
        pool.find_block()
        owed = float((await get(pool, "/statsnap/big"))["unpaid"])
        pool.find_block()
        snapshot = await get(pool, "/statsnap/big")
        (payout,) = (await get(pool, "/earnpay/big"))["payouts"]
    assert 0 < owed < 0.01048576
    assert snapshot["unpaid"] == "0.00000000"
    assert list(payout) == list(load("earnpay")["payouts"][0])
    assert payout["total_satoshis_net_paid"] == pytest.approx(2 * owed * 1e8, abs=2)
    assert payout["is_generation_txn"] is True


async def test_unknown_address() -> None:
    """An error, with 404 or without, under every path."""
    paths = ("statsnap", "user_hashrate", "user_hashrate_full", "userinfo_full")
    async with SimulatedOcean(wallets=WALLETS) as pool:
        for path in (*paths, "earnpay"):
            status, text, _ = await fetch(pool, f"/{path}/nobody")
            assert status == 404
            assert list(json.loads(text)) == ["error"]
        pool.unknown_address = "error"
        status, text, _ = await fetch(pool, "/statsnap/nobody")
        assert status == 200
        assert list(json.loads(text)) == ["error"]
        pool.fault = Fault.WRONG_MAC
        assert "error" in (await fetch(pool, "/statsnap/wallet"))[1]
        pool.fault = None
        pool.missing = {"userinfo_full"}
        assert (await fetch(pool, "/userinfo_full/wallet"))[0] == 404
        assert (await fetch(pool, "/elsewhere"))[0] == 404
        assert await get(pool, "/statsnap/wallet")


async def test_nulls() -> None:
    """Nulls where values may be missing."""
    async with SimulatedOcean(wallets=WALLETS) as pool:
        pool.nulls = True
        info = await get(pool, "/userinfo_full/wallet")
        full = await get(pool, "/user_hashrate_full/wallet")
        earnpay = await get(pool, "/earnpay/wallet")
        stat = await get(pool, "/pool_stat")
    assert info["workers"] is full["workers"] is earnpay["earnings"] is None
    assert info["user_full"]["unpaid"] is None
    assert full["user_hashrate"]["active_worker_count"] is None
    assert stat["network_difficulty"] is None


async def test_state() -> None:
    """State."""
    async with SimulatedOcean(wallets=WALLETS) as pool:
        state = pool.state()
        await get(pool, "/pool_stat")
        assert pool.counters.by_path["GET /v1/pool_stat"] == 1
    assert state["wallets"]["wallet"]["hashrate"] > 5e12
    assert state["wallets"]["wallet"]["unpaid"] > 0
    assert json.dumps(state)
