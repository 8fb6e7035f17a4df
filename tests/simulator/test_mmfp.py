"""The simulated GoSlimStratum and GoStratumEngine."""

from datetime import UTC, datetime
from functools import partial
import json
from pathlib import Path
import time
from typing import Any

import pytest

from simulator.mmfp import (
    NEVER,
    SimulatedGoSlimStratum,
    SimulatedGoStratumEngine,
    SimulatedMmfpServer,
    go_json,
    go_number,
    go_time,
    suited_difficulty,
)
from simulator.solopool import DEMO_WALLET

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures"
ADDRESS = "dgb1qfpx56gr90psk6urvv5sjzgfpyysjzgfp3jmnu4"
ACCOUNTS = {
    "dgb": {ADDRESS: {"one": 1.2e12, "two": 4.8e12}},
    "btc": {"bc1qfpx56gr90psk6urvv5sjzgfpyysjzgfpxfltym": {"three": 0.6e12}},
}
type Kind = type[SimulatedGoSlimStratum | SimulatedGoStratumEngine]
SERVERS = (SimulatedGoSlimStratum, SimulatedGoStratumEngine)


fetch = partial(fetch_at, "/api/v1/")


def load(folder: str, name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / folder / f"{name}.shape.json").read_text())


async def get(server: SimulatedMmfpServer, path: str) -> Any:
    """Fetch JSON."""
    status, text, headers = await fetch(server, path)
    assert status == 200
    assert headers["Content-Type"] == "application/json"
    assert text.endswith("}\n")
    return json.loads(text)


# GoSlimStratum


async def test_gss_shapes() -> None:
    """Every key of the examples is there, and no other."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        pool = await get(server, "DGB/metrics/pool")
        miners = await get(server, "DGB/metrics/miners")
        health = await get(server, "health")
    example = load("mmfp_gss", "metrics_pool")
    assert list(pool) == list(example)
    for key in ("hashrate", "shares", "network_comparison"):
        assert list(pool[key]) == list(example[key])
    example = load("mmfp_gss", "metrics_miners")
    assert list(miners) == ["workers"]
    assert list(miners["workers"][0]) == list(example["workers"][0])
    assert list(health) == list(load("mmfp_gss", "health"))
    assert health["uptime"] == pytest.approx(200_000, abs=30)


async def test_gss_figures_agree() -> None:
    """What the workers do is what the pool does."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        pool = await get(server, "DGB/metrics/pool")
        workers = (await get(server, "DGB/metrics/miners"))["workers"]
        other = await get(server, "BTC/metrics/pool")
    assert [item["worker_name"] for item in workers] == [
        f"{ADDRESS}.one",
        f"{ADDRESS}.two",
    ]
    rates = [worker["current_hashrate"] for worker in workers]
    assert pool["hashrate"]["5m"] == pytest.approx(sum(rates), rel=0.01)
    assert rates[0] == pytest.approx(1.2e12, rel=0.1)
    shares = pool["shares"]
    assert shares["valid"] == pytest.approx(
        sum(worker["current_valid_shares"] for worker in workers), abs=5
    )
    assert shares["total"] == shares["valid"] + shares["invalid"] + shares["stale"]
    # 15 s per share over 200 000 s, from two miners
    assert shares["valid"] == pytest.approx(2 * 200_000 / 15, rel=0.1)
    assert shares["5m"]["total"] == pytest.approx(40, abs=10)
    network = pool["network_comparison"]
    assert network["network_difficulty"] == 756672128.56
    assert network["pool_percentage"] == pytest.approx(
        100 * sum(rates) / 43.3e15, rel=0.02
    )
    assert network["estimated_time_to_block"].startswith("6d ")
    assert pool["active_miners"] == 2
    assert other["active_miners"] == 1


async def test_gss_worker_that_stops() -> None:
    """It stays in the list, inactive, and its last moment stays."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        before = await get(server, "DGB/metrics/pool")
        server.pools["dgb"].workers[f"{ADDRESS}.two"].offline = True
        first, second = (await get(server, "DGB/metrics/miners"))["workers"]
        pool = await get(server, "DGB/metrics/pool")
    assert (first["is_active"], second["is_active"]) == (True, False)
    assert second["current_hashrate"] == 0
    assert second["current_valid_shares"] > 0
    assert pool["active_miners"] == 1
    assert pool["hashrate"]["5m"] < before["hashrate"]["5m"] / 2


async def test_gss_key() -> None:
    """Only the health is told without it."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        server.api_key = "secret"
        for headers in ({}, {"X-API-Key": "wrong"}):
            status, text, _ = await fetch(server, "DGB/metrics/pool", headers=headers)
            assert status == 401
            assert "secret" not in text
        server.refusal = 403
        assert (await fetch(server, "XXX/metrics/pool"))[0] == 403
        headers = {"X-API-Key": "secret"}
        assert (await fetch(server, "DGB/metrics/pool", headers=headers))[0] == 200
        assert (await get(server, "health"))["status"] == "ok"


@pytest.mark.parametrize(
    "path",
    [
        "BCH/metrics/pool",
        "dgb/metrics/pool",
        "metrics/pool",
        "metrics/miners",
        "DGB/metrics/other",
        "DGB",
        "stats",
        "miners",
    ],
)
async def test_gss_not_found(path: str) -> None:
    """Other coins, the paths before release 5, those of the other product."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        status, text, headers = await fetch(server, path)
    assert status == 404
    assert text == "404 page not found\n"
    assert headers["Content-Type"].startswith("text/plain")


async def test_gss_oddities() -> None:
    """Nulls, texts for numbers, the time as seconds, nobody there."""
    async with SimulatedGoSlimStratum(accounts={**ACCOUNTS, "bch": {}}) as server:
        server.text_numbers = True
        server.ettb = "seconds"
        pool = await get(server, "DGB/metrics/pool")
        assert float(pool["hashrate"]["5m"]) == pytest.approx(6e12, rel=0.1)
        assert pool["network_comparison"]["network_difficulty"] == "756672128.56"
        assert pool["network_comparison"]["estimated_time_to_block"] == pytest.approx(
            756672128.56 * 2**32 / 6e12, rel=0.1
        )
        server.nulls = True
        pool = await get(server, "DGB/metrics/pool")
        assert pool["network_comparison"] is pool["hashrate"]["1m"] is None
        worker = (await get(server, "DGB/metrics/miners"))["workers"][0]
        assert worker["last_seen_at"] is worker["best_share_difficulty"] is None
        server.nulls = False
        empty = await get(server, "BCH/metrics/pool")
        assert empty["network_comparison"]["estimated_time_to_block"] is None
        assert empty["shares"]["1m"] == {}
        assert (await get(server, "BCH/metrics/miners"))["workers"] is None


async def test_gss_restart() -> None:
    """Shares begin at 0 again; blocks and best shares are in the database."""
    async with SimulatedGoSlimStratum(accounts=ACCOUNTS) as server:
        server.find_block()
        before = await get(server, "DGB/metrics/pool")
        best = (await get(server, "DGB/metrics/miners"))["workers"][0]
        await server.reboot(0)
        after = await get(server, "DGB/metrics/pool")
        workers = (await get(server, "DGB/metrics/miners"))["workers"]
        assert (await get(server, "health"))["uptime"] < 10
    assert before["blocks_found"] == after["blocks_found"] >= 1
    assert after["shares"]["valid"] < 10 < before["shares"]["valid"]
    assert workers[0]["best_share_difficulty"] == best["best_share_difficulty"]
    assert workers[0]["best_share_difficulty"] >= 756_672_128


# GoStratumEngine


async def test_gse_shapes() -> None:
    """Every key of the examples is there in its order, and no other."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS) as server:
        server.find_block()
        stats = await get(server, "stats")
        miners = await get(server, "miners")
        assert await get(server, "health") == load("mmfp_gse", "health")
    example = load("mmfp_gse", "stats")
    assert list(stats) == list(example)
    assert list(stats["coins"]) == ["BTC", "DGB"]
    for coin in ("DGB", "BTC"):
        assert list(stats["coins"][coin]) == list(example["coins"][coin])
    example = load("mmfp_gse", "miners")
    assert list(miners["miners"]) == ["BTC", "DGB"]
    assert list(miners["miners"]["DGB"][0]) == list(example["miners"]["DGB"][0])
    assert stats["coins"]["BTC"]["last_block_time"] == NEVER


async def test_gse_figures_agree() -> None:
    """Shares times difficulty are the hashrate; the coin is the sum of its users."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS) as server:
        stats = await get(server, "stats")
        one, two = (await get(server, "miners"))["miners"]["DGB"]
    assert one["worker_name"] == f"{ADDRESS}.one"
    assert one["difficulty"] == suited_difficulty(1.2e12) == 4191
    uptime = stats["uptime_seconds"]
    for miner, rate in ((one, 1.2e12), (two, 4.8e12)):
        done = miner["shares_accepted"] * miner["difficulty"] * 2**32
        assert done / uptime == pytest.approx(rate, rel=0.1)
        assert miner["remote_addr"].startswith("192.0.2.")
        assert miner["last_share_time"].endswith("-04:00")
    coin = stats["coins"]["DGB"]
    assert coin["shares_accepted"] == pytest.approx(
        one["shares_accepted"] + two["shares_accepted"], abs=5
    )
    assert one["remote_addr"] != two["remote_addr"]


async def test_gse_connections() -> None:
    """Only who is connected is listed, also who has not logged in."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS) as server:
        server.unauthorized = 1
        server.doubled = {f"{ADDRESS}.one"}
        miners = (await get(server, "miners"))["miners"]["DGB"]
        names = [miner["worker_name"] for miner in miners]
        assert names == [f"{ADDRESS}.one", f"{ADDRESS}.one", f"{ADDRESS}.two", ""]
        assert len({miner["remote_addr"] for miner in miners}) == 4
        # Both connections bear the counts of the one name.
        assert miners[0]["shares_accepted"] == miners[1]["shares_accepted"] > 100
        assert miners[3]["last_share_time"] == NEVER
        before = (await get(server, "stats"))["coins"]["DGB"]["shares_accepted"]
        for worker in server.pools["dgb"].workers.values():
            worker.offline = True
        server.unauthorized = 0
        assert (await get(server, "miners"))["miners"]["DGB"] == []
        after = (await get(server, "stats"))["coins"]["DGB"]["shares_accepted"]
        assert after >= before


async def test_gse_block_and_restart() -> None:
    """The last block is told until the restart; nothing is kept."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS, age=1000) as server:
        before = (await get(server, "stats"))["coins"]["DGB"]["blocks_found"]
        server.find_block()
        coin = (await get(server, "stats"))["coins"]["DGB"]
        assert coin["blocks_found"] == before + 1
        assert coin["last_block_height"] >= 22_400_000
        moment = datetime.fromisoformat(coin["last_block_time"])
        assert moment.timestamp() == pytest.approx(time.time(), abs=30)
        miner = (await get(server, "miners"))["miners"]["DGB"][0]
        assert miner["blocks_found"] >= 1
        assert miner["best_difficulty"] >= 756_672_128
        await server.reboot(0)
        stats = await get(server, "stats")
        miner = (await get(server, "miners"))["miners"]["DGB"][0]
        assert stats["uptime_seconds"] < 10
        assert stats["coins"]["DGB"]["blocks_found"] == 0
        assert stats["coins"]["DGB"]["last_block_time"] == NEVER
        assert "last_block_hash" not in stats["coins"]["DGB"]
        assert miner["shares_accepted"] < 5
        assert miner["blocks_found"] == 0
        assert miner["best_difficulty"] < 756_672_128
        server.find_block()
        assert (await get(server, "stats"))["coins"]["DGB"]["blocks_found"] == 1


async def test_gse_methods_and_paths() -> None:
    """Only GET; but the health answers to all (its handler looks at no method)."""
    async with SimulatedGoStratumEngine(accounts=ACCOUNTS) as server:
        for path in ("stats", "miners"):
            status, text, _ = await fetch(server, path, "POST")
            assert (status, text) == (405, "method not allowed\n")
        assert (await fetch(server, "health", "POST"))[0] == 200
        for path in ("DGB/metrics/pool", "stats/", "blocks"):
            status, text, _ = await fetch(server, path)
            assert (status, text) == (404, "404 page not found\n")


# Both


@pytest.mark.parametrize("kind", SERVERS)
async def test_state(kind: Kind) -> None:
    """It tells what the miners really do."""
    server = kind(accounts=ACCOUNTS)
    state = server.state()
    assert state["kind"] == kind.kind
    assert state["coins"]["dgb"]["hashrate"] == pytest.approx(6e12, rel=0.1)
    assert state["coins"]["dgb"]["workers"] == 2
    server.find_block()
    assert (
        server.state()["coins"]["dgb"]["blocks"] == state["coins"]["dgb"]["blocks"] + 1
    )
    assert json.dumps(server.state())


@pytest.mark.parametrize("kind", SERVERS)
def test_accounts(kind: Kind) -> None:
    """The demo's, a miner without worker name, a coin that there is not."""
    server = kind()
    assert list(server.pools["dgb"].workers) == [
        f"{DEMO_WALLET}.{name}" for name in ("gamma", "nerdqaxe", "nano3s")
    ]
    server = kind(accounts={"xec": {ADDRESS: {"": 1e12}}})
    assert list(server.pools["xec"].workers) == [ADDRESS]
    with pytest.raises(KeyError):
        kind(accounts={"doge": {}})


def test_what_go_writes() -> None:
    """Numbers, times and JSON as its encoder does."""
    assert repr(go_number(1024.0)) == "1024"
    assert repr(go_number(41000000.5)) == "41000000.5"
    moment = datetime(2026, 3, 15, 11, 10, 29, tzinfo=UTC).timestamp()
    assert go_time(moment, 0, 0) == "2026-03-15T11:10:29Z"
    assert go_time(moment, -240, 123_456_789) == "2026-03-15T07:10:29.123456789-04:00"
    assert go_time(moment, 330, 120_000_000) == "2026-03-15T16:40:29.12+05:30"
    assert go_time(moment + 0.5, 0) == "2026-03-15T11:10:29.500000789Z"
    assert go_json({"a": "<b>&"}).body == b'{"a":"\\u003cb\\u003e\\u0026"}\n'
