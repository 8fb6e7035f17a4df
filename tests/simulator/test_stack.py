"""The simulated stacks: what their managers answer."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from simulator.stack import RPC_PASSWORD, SimulatedStack

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures" / "hmm_stack"
WORKERS = {"one": 500e9, "two": 321e9}


async def get(stack: SimulatedStack, path: str) -> Any:
    """Fetch JSON."""
    status, text, headers = await fetch_at("", stack, path)
    assert status == 200
    assert headers["Content-Type"].startswith("application/json")
    return json.loads(text)


async def ask(stack: SimulatedStack, method: str, path: str) -> tuple[int, str]:
    """Send a request; return status and text."""
    return (await fetch_at("", stack, path, method))[:2]


def shape(value: Any) -> Any:
    """Return the keys and types of a value."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


@pytest.mark.parametrize(
    ("path", "example"),
    [
        ("/api/v1/ready", "ready"),
        ("/api/v1/node/mining", "node_mining"),
        ("/api/v1/ckpool/metrics", "ckpool_metrics"),
    ],
)
async def test_shapes(path: str, example: str) -> None:
    """The keys, their order and their types are those of the examples."""
    wanted = json.loads((FIXTURES / f"{example}.shape.json").read_text())
    async with SimulatedStack(workers=WORKERS) as stack:
        got = await get(stack, path)
    wanted_shape, got_shape = shape(wanted), shape(got)
    if example == "node_mining":
        # Which algorithms there are changed over the years.
        wanted_shape["data"].pop("difficulties")
        assert "sha256d" in got_shape["data"].pop("difficulties")
    assert list(got) == list(wanted)
    assert got_shape == wanted_shape


async def test_health_tells_the_coin() -> None:
    """Each coin has its own service name and ports."""
    for coin in ("dgb", "bch", "btc"):
        async with SimulatedStack(coin=coin) as stack:
            health = await get(stack, "/health")
            mining = (await get(stack, "/api/v1/node/mining"))["data"]
        assert health["service"] == f"{coin}-local-stack-manager"
        assert ("difficulties" in mining) is (coin == "dgb")
    with pytest.raises(KeyError):
        SimulatedStack(coin="doge")


async def test_status_line() -> None:
    """Three digits of hashrate, the workers that mine, and a time."""
    async with SimulatedStack(workers=WORKERS) as stack:
        summary = (await get(stack, "/api/v1/ckpool/metrics"))["summary"]
        assert summary["hashrate"]["unit"] == "GH/s"
        assert summary["hashrate"]["value"] == pytest.approx(821, rel=0.05)
        assert summary["hashrate"]["display"].endswith(" GH/s")
        assert summary["workers"] == 2
        # Within ten seconds it is the same line.
        again = (await get(stack, "/api/v1/ckpool/metrics"))["summary"]
        assert again["sample_ts"] == summary["sample_ts"]
        stack.no_summary = True
        assert (await get(stack, "/api/v1/ckpool/metrics"))["summary"] is None


async def test_what_the_log_makes_of_shares() -> None:
    """Nothing, the minutes since the start, or work: never the shares."""
    async with SimulatedStack(workers=WORKERS, age=6000) as stack:
        shares = (await get(stack, "/api/v1/ckpool/metrics"))["shares"]
        assert set(shares.values()) == {0}
        stack.log_counts = "status"
        shares = (await get(stack, "/api/v1/ckpool/metrics"))["shares"]
        assert shares["accepted"] == shares["rejected"] == 100
        assert shares["accepted_15m"] == 15
        stack.log_counts = "none"
        stack.old_manager = True
        metrics = await get(stack, "/api/v1/ckpool/metrics")
        assert metrics["shares"]["accepted"] == metrics["summary"]["shares"]
        real = sum(worker.miner.read().accepted for worker in stack.workers.values())
        assert metrics["shares"]["accepted"] > 100 * real
        assert "sample_ts" not in metrics["summary"]


async def test_blocks_are_counted_twice() -> None:
    """Two lines of the log match each block; the events show both."""
    async with SimulatedStack(workers=WORKERS, age=100) as stack:
        stack.find_block()
        metrics = await get(stack, "/api/v1/ckpool/metrics")
        events = await get(stack, "/api/v1/events?event_type=block_found&order=desc")
        every = await get(stack, "/api/v1/events?limit=1")
        none = await get(stack, "/api/v1/events?since=2999-01-01T00:00:00")
        assert (await ask(stack, "GET", "/api/v1/events?since=x"))[0] == 400
        state = stack.state()
    assert metrics["blocks"]["found"] == 2
    assert state["blocks"] == 1
    assert [event["event_type"] for event in events["events"]] == ["block_found"] * 2
    assert "Solved and confirmed block" in events["events"][1]["message"]
    assert (every["count"], every["total_matching"], every["has_more"]) == (1, 3, True)
    assert none["events"] == []


async def test_not_ready() -> None:
    """What the manager says when ckpool or node are gone, or the node is new."""
    async with SimulatedStack() as stack:
        assert (await get(stack, "/api/v1/ready"))["reasons"] == []
        stack.syncing = True
        ready = await get(stack, "/api/v1/ready")
        assert ready["reasons"] == ["node in initial block download"]
        assert ready["ready"] is False
        stack.syncing = False
        await stack.stratum.unplug()
        assert (await get(stack, "/api/v1/ready"))["reasons"] == ["ckpool not RUNNING"]
        stack.node_online = False
        ready = await get(stack, "/api/v1/ready")
        assert "digibyted not RUNNING" in ready["reasons"]
        assert "node sync unavailable" in ready["reasons"]
        node = await get(stack, "/api/v1/node/mining")
        # As the manager does: old data with ok.
        assert node["ok"] is True
        assert node["error"]
        stack.ready_error = True
        assert (await ask(stack, "GET", "/api/v1/ready"))[0] == 500


async def test_forbidden_requests_are_counted() -> None:
    """Everything with the RPC password in it, and everything that changes."""
    paths = (
        "/api/config",
        "/api/v1/ckpool/config",
        "/api/v1/snapshot",
        "/api/v1/snapshot/compact",
    )
    async with SimulatedStack() as stack:
        for path in paths:
            assert RPC_PASSWORD in (await ask(stack, "GET", path))[1]
        assert stack.secrets_read == len(paths)
        assert stack.posts == 0
        for path in ("/api/config", "/api/restart/ckpool", "/api/v1/ready"):
            await ask(stack, "POST", path)
        assert stack.posts == 3
        state = stack.state()
        assert (state["secrets_read"], state["posts"]) == (4, 3)
        harmless = ["/", "/health", "/api/v1/capabilities", "/api/v1/services"]
        for path in (*harmless, "/api/v1/node/blockchain", "/api/v1/node/network"):
            status, text = await ask(stack, "GET", path)
            assert status == 200
            assert RPC_PASSWORD not in text
        assert (stack.secrets_read, stack.posts) == (4, 3)
        assert (await ask(stack, "GET", "/x")) == (404, '{"detail":"Not Found"}')


async def test_the_plug_takes_ckpool_along() -> None:
    """One container: both ports come and go together, and stay the same."""
    async with SimulatedStack() as stack:
        ports = (stack.port, stack.stratum.port)
        await stack.unplug()
        assert not stack.stratum.online
        await stack.plug_in()
        assert (stack.port, stack.stratum.port) == ports
        _, writer = await asyncio.open_connection("127.0.0.1", stack.stratum.port)
        writer.close()


async def test_odd_answers() -> None:
    """Nulls, numbers as text, another algorithm, an error of the server."""
    async with SimulatedStack() as stack:
        stack.text_numbers = True
        stack.pow_algo = "scrypt"
        mining = (await get(stack, "/api/v1/node/mining"))["data"]
        assert mining["difficulty"] == mining["difficulties"]["scrypt"]
        assert float(mining["difficulties"]["sha256d"]) > 7e8
        stack.nulls = True
        metrics = await get(stack, "/api/v1/ckpool/metrics")
        assert metrics["summary"]["hashrate"] is None
        stack.status = 502
        assert (await ask(stack, "GET", "/health"))[0] == 502
