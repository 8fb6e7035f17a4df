"""The drivers of the local stacks, against known shapes and the simulated stack."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
import json
from pathlib import Path
import socket
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.bch_stack_driver import BchStackDriver
from custom_components.hmm.bundled.pool_drivers.btc_stack_driver import BtcStackDriver
from custom_components.hmm.bundled.pool_drivers.dgb_stack_driver import DgbStackDriver
from custom_components.hmm.bundled.shared import ckpool_stack
from custom_components.hmm.bundled.shared.ckpool_stack import CkpoolStackDriver
from custom_components.hmm.driver_api import DashboardTileData, FoundPool, InvalidValue
from simulator.device import Fault
from simulator.stack import SimulatedStack
from simulator.stratum import SimulatedStratum
from tests.listening import listening

from .site import Site

FIXTURES = Path(__file__).parent.parent / "fixtures" / "hmm_stack"
WORKERS = {"gamma": 1.2e12, "ultra": 0.5e12}
HOST = "127.0.0.1"
DRIVERS: dict[str, type[CkpoolStackDriver]] = {
    "DGB": DgbStackDriver,
    "BCH": BchStackDriver,
    "BTC": BtcStackDriver,
}

METRICS = "/api/v1/ckpool/metrics"
MINING = "/api/v1/node/mining"
READY = "/api/v1/ready"
EVENTS = "/api/v1/events"


def load(name: str) -> Any:
    """Read an example of a shape."""
    return json.loads((FIXTURES / f"{name}.shape.json").read_text())


def examples() -> dict[str, Any]:
    """Return what a stack answers in the examples, by path."""
    return {
        "/health": {"status": "ok", "service": "dgb-local-stack-manager"},
        METRICS: load("ckpool_metrics"),
        MINING: load("node_mining"),
        READY: load("ready"),
        EVENTS: {"events": []},
    }


@pytest.fixture
def driver(session: aiohttp.ClientSession) -> DgbStackDriver:
    """Return a driver with a session."""
    driver = DgbStackDriver()
    driver.session = session
    return driver


class Manager(Site):
    """A manager, whose stratum port takes connections."""

    def __init__(self, answers: dict[str, Any]) -> None:
        """Answer with these."""
        super().__init__(answers, "application/json")
        self.stratum = SimulatedStratum()


@asynccontextmanager
async def managing(answers: dict[str, Any]) -> AsyncGenerator[Manager]:
    """Run a manager."""
    manager = Manager(answers)
    async with listening(manager.serve) as manager.port, manager.stratum:
        yield manager


def ports(stack: Manager | SimulatedStack) -> dict[str, int]:
    """Return where a stack listens, as HMM tells the driver."""
    return {"manager_port": stack.port, "stratum_port": stack.stratum.port}


async def tile(
    driver: CkpoolStackDriver, stack: Manager | SimulatedStack
) -> DashboardTileData:
    """Read the tiles."""
    return await driver.get_dashboard_data(
        url=HOST, coin=driver.coin, username="", **ports(stack)
    )


# Known shapes


async def test_the_example(driver: DgbStackDriver) -> None:
    """Every figure of the example, in base units."""
    answers = examples()
    answers[METRICS]["best_share_diff"] = 41_000_000.5
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert data.health_status
    assert data.health_message is None
    assert data.latency_ms is not None
    assert data.network_difficulty == 756672128.5626
    assert data.pool_hashrate == 821e9
    # D * 2^32 / H, and 75 s per block of this algorithm
    assert data.estimated_time_to_block == pytest.approx(3_958_460, rel=1e-4)
    assert data.pool_percentage == pytest.approx(100 * 75 / 3_958_460, rel=1e-4)
    assert data.active_workers == 2
    assert data.best_share == 41_000_000.5
    assert data.currency == "DGB"
    assert data.account_known
    # Not one log line per share: the zeros of the manager are not known to be zeros
    assert data.shares_valid is None
    assert data.shares_invalid is None
    assert data.shares_stale is None
    assert data.reject_rate is None
    assert data.blocks_found_24h == 0
    assert data.blocks_found is None
    assert data.workers == ()
    assert sorted(manager.paths) == sorted([METRICS, MINING, READY, EVENTS])


@pytest.mark.parametrize(
    ("hashrate", "expected"),
    [
        ({"value": 821.0, "unit": "GH/s"}, 821e9),
        ({"value": "1.18", "unit": "th/s"}, 1.18e12),
        ({"value": 1.18, "unit": " TH/S ", "display": "9 GH/s"}, 1.18e12),
        ({"value": 950, "unit": "H/s"}, 950),
        ({"value": 950, "unit": "KH/s"}, 950e3),
        ({"value": 2, "unit": "PH/s"}, 2e15),
        ({"value": 0, "unit": "H/s"}, 0),
        # Without a unit that is known it is no figure, whatever is displayed
        ({"value": 821.0, "display": "821 GH/s"}, None),
        ({"value": 821.0, "unit": "gigahash"}, None),
        ({"value": 821.0, "unit": ""}, None),
        ({"value": -1, "unit": "GH/s"}, None),
        ({"value": 1e308, "unit": "PH/s"}, None),
        ({"value": "NaN", "unit": "GH/s"}, None),
        ({"unit": "GH/s"}, None),
        (821e9, None),
        ("821 GH/s", None),
        (None, None),
    ],
)
async def test_hashrate(driver: DgbStackDriver, hashrate: Any, expected: Any) -> None:
    """The value with its unit; ``display`` plays no part."""
    answers = examples()
    answers[METRICS]["summary"]["hashrate"] = hashrate
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert data.health_status
    assert data.pool_hashrate == expected
    assert (data.estimated_time_to_block is None) is not bool(expected)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, 756672128.5626),
        # The node's own algorithm is not the one that SHA-256 miners meet
        ({"pow_algo": "scrypt", "difficulty": 1.0}, 756672128.5626),
        ({"difficulties": {"x": "5"}, "pow_algo": "x", "difficulty": 9}, 5),
        ({"difficulties": {"sha256d": "756672128.56"}}, 756672128.56),
        ({"difficulties": None}, 756672128.5626),
        ({"difficulties": None, "difficulty": "133869853540305.4"}, 133869853540305.4),
        ({"difficulties": {}, "pow_algo": None, "difficulty": None}, None),
        ({"difficulties": [], "pow_algo": [], "difficulty": 0}, None),
        ({"difficulties": {"sha256d": "NaN"}, "difficulty": -1}, None),
        ({"difficulties": {"scrypt": 9}, "pow_algo": "scrypt", "difficulty": 9}, None),
        ({"difficulties": None, "pow_algo": "skein", "difficulty": 9}, None),
        ({"difficulties": None, "pow_algo": "sha256", "difficulty": 9}, 9),
    ],
)
async def test_difficulty(driver: DgbStackDriver, change: Any, expected: Any) -> None:
    """That of SHA-256 where the node tells several."""
    answers = examples()
    answers[MINING]["data"] |= change
    async with managing(answers) as manager:
        data = await tile(driver, manager)
        alone = await driver.get_network_difficulty("DGB", url=HOST, **ports(manager))
    assert data.network_difficulty == alone == expected
    assert data.pool_hashrate == 821e9
    assert (data.estimated_time_to_block is None) is (expected is None)


@pytest.mark.parametrize(
    ("mining", "known"),
    [
        ({"age_seconds": 299}, True),
        ({"age_seconds": "14.9"}, True),
        ({"age_seconds": 301}, False),
        # The manager says ok of what it remembers
        ({"age_seconds": 86_400, "error": "Connection refused"}, False),
        ({"ok": False, "data": None, "age_seconds": None}, False),
        ({"ok": None}, False),
        ({"data": []}, False),
    ],
)
async def test_old_difficulty(driver: DgbStackDriver, mining: Any, known: bool) -> None:
    """What the node said too long ago is not told."""
    answers = examples()
    answers[MINING] |= mining
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert (data.network_difficulty is not None) is known
    assert data.health_status
    assert data.pool_hashrate == 821e9


async def test_share_counts_are_never_shown(driver: DgbStackDriver) -> None:
    """Neither lines of the log that are no shares nor work."""
    answers = examples()
    async with managing(answers) as manager:
        for counts in (
            {"accepted": 1440, "rejected": 1440, "stale": 0},
            {"accepted": 59210, "rejected": 0, "stale": 0},
        ):
            answers[METRICS]["shares"] |= counts
            answers[METRICS]["summary"]["shares"] = 59210
            answers[METRICS]["blocks"]["found"] = 6
            data = await tile(driver, manager)
            assert data.shares_valid is None
            assert data.reject_rate is None
            assert data.blocks_found is None
            assert data.blocks_found_24h == 0


async def test_a_log_that_has_stopped(driver: DgbStackDriver) -> None:
    """A status line that stays the same is no news any more."""
    answers = examples()
    async with managing(answers) as manager:
        assert (await tile(driver, manager)).pool_hashrate == 821e9
        driver.sample_age_seconds = 0
        data = await tile(driver, manager)
        assert data.health_status
        assert data.pool_hashrate is None
        assert data.active_workers is None
        answers[METRICS]["summary"]["sample_ts"] = "2026-02-21T12:01:00.000000"
        driver.sample_age_seconds = 600
        assert (await tile(driver, manager)).pool_hashrate == 821e9
        # Older managers do not tell when it was
        driver.sample_age_seconds = 0
        del answers[METRICS]["summary"]["sample_ts"]
        assert (await tile(driver, manager)).pool_hashrate == 821e9


async def test_no_status_line_yet(driver: DgbStackDriver) -> None:
    """A ckpool that has just begun: healthy, and nothing known."""
    answers = examples()
    answers[METRICS]["summary"] = None
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert data.health_status
    assert data.pool_hashrate is None
    assert data.active_workers is None
    assert data.network_difficulty is not None


# Blocks


def event(message: str, timestamp: Any = None) -> dict[str, Any]:
    """Return an event as the manager makes it of a line of the log."""
    if timestamp is None:
        timestamp = datetime.now(UTC).replace(tzinfo=None).isoformat()
    return {
        "timestamp": timestamp,
        "source": "ckpool.stderr",
        "severity": "info",
        "event_type": "block_found",
        "message": message,
    }


async def test_blocks_in_the_log(driver: DgbStackDriver) -> None:
    """Each block once; what only talks of blocks is none."""
    answers = examples()
    answers[EVENTS]["events"] = [
        event("Solved and confirmed block 23000005 by dgb1qwallet.gamma"),
        event("Block solved after 123456 shares at 87.3% diff"),
        event("Solved and confirmed block 23000004 by dgb1qwallet_ultra"),
        event("Solved and confirmed block 23000004 by dgb1qwallet_ultra"),
        event(
            "Solved and confirmed block 22000000 by dgb1qwallet", "2026-02-21T12:00:00"
        ),
        event("Solved and confirmed block 21000000", "2026-02-20T12:00:00"),
        event("Authorised Solved and confirmed block 1 by me.x"),
        event("Solved and confirmed block 1 by me.x and somebody else"),
        event("Solved and confirmed block 99999999999999999999 by me.x"),
    ]
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert [(item.height, item.worker) for item in data.own_blocks] == [
        (23000005, "gamma"),
        (23000004, "ultra"),
        (22000000, None),
        (21000000, None),
    ]
    assert data.own_blocks[2].timestamp == 1771675200
    assert data.blocks_found_24h == 2
    assert data.last_block_found is not None
    assert data.last_block_found.timestamp() == data.own_blocks[0].timestamp
    assert all(block.miner is None for block in data.own_blocks)


async def test_a_block_without_a_time(driver: DgbStackDriver) -> None:
    """It is a block, and how many there were in 24 hours is unknown."""
    answers = examples()
    answers[EVENTS]["events"] = [event("Solved and confirmed block 5 by a.b", "x")]
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert [block.height for block in data.own_blocks] == [5]
    assert data.blocks_found_24h is None
    assert data.last_block_found is None


@pytest.mark.parametrize("malformed", [None, [], {}, {"message": 5}, {"message": None}])
async def test_an_event_that_cannot_be_read(
    driver: DgbStackDriver, malformed: Any
) -> None:
    """It may have told of a block, so how many there were is unknown."""
    answers = examples()
    answers[EVENTS]["events"] = [
        event("Solved and confirmed block 5 by a.b"),
        malformed,
    ]
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert data.health_status
    assert data.own_blocks == ()
    assert data.blocks_found_24h is None


async def test_a_manager_without_events(driver: DgbStackDriver) -> None:
    """No list of blocks is not "no blocks"."""
    answers = examples()
    del answers[EVENTS]
    async with managing(answers) as manager:
        data = await tile(driver, manager)
    assert data.health_status
    assert data.blocks_found_24h is None
    assert data.own_blocks == ()


# Health


@pytest.mark.parametrize(
    ("ready", "words"),
    [
        ({"ready": False, "reasons": ["ckpool not RUNNING", "x"]}, "RUNNING, x"),
        ({"ready": "false", "reasons": []}, "does not say why"),
        ({"ready": False, "reasons": None}, "does not say why"),
        ({"ready": False, "reasons": [5, None, "", "a\nb", "node slow"]}, "node slow"),
    ],
)
async def test_not_ready(driver: DgbStackDriver, ready: Any, words: str) -> None:
    """The reasons are the message, and no figure is shown."""
    answers = examples()
    answers[READY] |= ready
    async with managing(answers) as manager:
        data = await tile(driver, manager)
        health = await driver.get_health(
            HOST, manager.stratum.port, manager_port=manager.port
        )
    assert not data.health_status
    assert data.health_message is not None
    assert data.health_message.startswith("Not ready: ")
    assert words in data.health_message
    assert "\n" not in data.health_message
    assert data.pool_hashrate is None
    assert data.network_difficulty is None
    assert not health.is_healthy
    assert health.error_message == data.health_message


async def test_a_flood_of_reasons(driver: DgbStackDriver) -> None:
    """A message stays readable."""
    answers = examples()
    answers[READY] |= {"ready": False, "reasons": ["x" * 10_000] * 1000}
    async with managing(answers) as manager:
        message = (await tile(driver, manager)).health_message
    assert message is not None
    assert len(message) < 600


async def test_ready_is_asked_seldom(driver: DgbStackDriver) -> None:
    """A yes is believed for a while, a no is not."""
    answers = examples()
    async with managing(answers) as manager:
        for _ in range(3):
            assert (await tile(driver, manager)).health_status
        assert manager.paths.count(READY) == 1
        answers[READY]["ready"] = False
        assert (await tile(driver, manager)).health_status
        driver.ready_seconds = 0
        manager.paths.clear()
        driver._stacks.clear()
        for _ in range(2):
            assert not (await tile(driver, manager)).health_status
        assert manager.paths.count(READY) == 2
        answers[READY]["ready"] = True
        assert (await tile(driver, manager)).health_status


@pytest.mark.parametrize(
    "answer",
    [
        (500, "Internal Server Error", ""),
        (200, "<html>", ""),
        (200, "[]", ""),
        (404, "{}", ""),
        {"ready": None, "reasons": ["x"]},
        {},
        "silence",
    ],
)
async def test_ready_is_not_told(driver: DgbStackDriver, answer: Any) -> None:
    """A slow or broken check is no "no": the figures are there, and it is said."""
    answers = examples()
    answers[READY] = answer
    driver.ready_timeout_seconds = 0.1
    async with managing(answers) as manager:
        if answer == "silence":
            manager.silent.add(READY)
        data = await tile(driver, manager)
        health = await driver.get_health(
            HOST, manager.stratum.port, manager_port=manager.port
        )
    assert data.health_status
    assert data.pool_hashrate == 821e9
    assert data.health_message is not None
    assert "does not say" in data.health_message
    assert health.is_healthy
    assert health.error_message == data.health_message


async def test_miners_cannot_connect(driver: DgbStackDriver) -> None:
    """A manager that is happy does not make a pool of a closed port."""
    async with managing(examples()) as manager:
        await manager.stratum.unplug()
        data = await tile(driver, manager)
        health = await driver.get_health(
            HOST, manager.stratum.port, manager_port=manager.port
        )
        assert not data.health_status
        assert data.health_message == "The stratum port cannot be reached"
        assert data.latency_ms is None
        assert not health.is_healthy
        assert health.latency_ms is None
        await manager.stratum.plug_in()
        assert (await tile(driver, manager)).health_status
        # It was looked at, and never spoken to
        assert manager.stratum.counters.requests == 0
        assert manager.stratum.unauthorized == 0


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((500, "Internal Server Error", ""), "500"),
        ((429, "", "Retry-After: 30\r\n"), "less often"),
        ((200, "[1]", ""), "shape"),
        ((200, "{", ""), "JSON"),
        ((404, '{"detail":"Not Found"}', ""), "port"),
    ],
)
async def test_a_manager_that_fails(
    driver: DgbStackDriver, answer: Any, words: str
) -> None:
    """Miners can connect, but there is nothing to tell."""
    answers = dict.fromkeys((METRICS, "/health"), answer)
    async with managing({**examples(), **answers}) as manager:
        data = await tile(driver, manager)
        assert not data.health_status
        assert data.health_message is not None
        assert words in data.health_message
        assert data.health_message.startswith("No word from the manager")
        assert data.pool_hashrate is None
        health = await driver.get_health(
            HOST, manager.stratum.port, manager_port=manager.port
        )
        assert not health.is_healthy


async def test_other_failures_spoil_nothing(driver: DgbStackDriver) -> None:
    """Without the node's word or the events the pool's figures are there."""
    answers = examples()
    answers[MINING] = answers[EVENTS] = (500, "", "")
    async with managing(answers) as manager:
        data = await tile(driver, manager)
        assert data.health_status
        assert data.pool_hashrate == 821e9
        assert data.network_difficulty is None
        assert data.blocks_found_24h is None


async def test_nothing_there(driver: DgbStackDriver) -> None:
    """Both ports are closed, and both are named."""
    with socket.socket() as one, socket.socket() as two:
        one.bind((HOST, 0))
        two.bind((HOST, 0))
        data = await driver.get_dashboard_data(
            HOST,
            "DGB",
            manager_port=one.getsockname()[1],
            stratum_port=two.getsockname()[1],
        )
    assert not data.health_status
    assert data.health_message is not None
    assert "stratum port" in data.health_message
    assert "manager" in data.health_message


# The simulated stack


@asynccontextmanager
async def simulated(
    session: aiohttp.ClientSession, coin: str, **options: Any
) -> AsyncGenerator[tuple[SimulatedStack, CkpoolStackDriver]]:
    """Run a simulated stack with the driver of its coin."""
    driver = DRIVERS[coin]()
    driver.session = session
    options = {"workers": WORKERS, "age": 5000.0, **options}
    async with SimulatedStack(coin=coin.lower(), **options) as stack:
        yield stack, driver


@pytest.mark.parametrize("skew", [-30 * 86_400, 3600])
async def test_blocks_of_a_day_by_the_clock_of_the_stack(
    session: aiohttp.ClientSession, skew: float
) -> None:
    """A day ends now for the stack, whatever our clock says."""
    async with simulated(session, "DGB") as (stack, driver):
        stack.clock_skew = skew
        stack._solved.clear()
        for ago in (86_400 + 60, 86_400 - 60):
            stack._add_block("gamma", ago)
        assert (await tile(driver, stack)).blocks_found_24h == 1


@pytest.mark.parametrize("old_manager", [False, True])
@pytest.mark.parametrize("text_numbers", [False, True])
@pytest.mark.parametrize("coin", list(DRIVERS))
async def test_simulated_stack(
    session: aiohttp.ClientSession, coin: str, text_numbers: bool, old_manager: bool
) -> None:
    """Each field is what the stack says of itself."""
    async with simulated(session, coin) as (stack, driver):
        stack.text_numbers = text_numbers
        stack.old_manager = old_manager
        data = await tile(driver, stack)
        state = stack.state()
        seconds = {"DGB": 75, "BCH": 600, "BTC": 600}[coin]
        assert data.health_status
        assert data.health_message is None
        assert data.currency == coin
        assert data.pool_hashrate == pytest.approx(state["hashrate"], rel=0.01)
        assert data.active_workers == state["workers"] == 2
        assert data.network_difficulty == pytest.approx(stack.difficulty, rel=1e-3)
        assert data.network_difficulty is not None
        assert data.pool_hashrate is not None
        expected = data.network_difficulty * 2**32 / data.pool_hashrate
        assert data.estimated_time_to_block == pytest.approx(expected)
        assert data.pool_percentage == pytest.approx(100 * seconds / expected)
        assert data.shares_valid is None
        assert data.blocks_found_24h == len(data.own_blocks) == state["blocks"]
        user = await driver.get_user_stats(HOST, coin, "", **ports(stack))
        assert user == {
            "hashrate": data.pool_hashrate,
            "workers": 2,
            "best_share": None,
        }
        assert await driver.get_worker_stats(HOST, coin, "x", **ports(stack)) is None
        health = await driver.get_health(
            HOST, stack.stratum.port, manager_port=stack.port
        )
        assert health.is_healthy
        assert health.latency_ms is not None
        assert health.error_message is None


async def test_requests_of_a_poll(session: aiohttp.ClientSession) -> None:
    """One for the figures each time, the others seldom; one look at the port."""
    async with simulated(session, "DGB") as (stack, driver):
        for _ in range(4):
            assert (await tile(driver, stack)).health_status
        assert stack.counters.by_path == {
            "GET /api/v1/ckpool/metrics": 4,
            "GET /api/v1/node/mining": 1,
            "GET /api/v1/ready": 1,
            "GET /api/v1/events": 1,
        }
        assert stack.counters.connections <= 4
        assert stack.stratum.counters.connections == 4
        driver.node_seconds = 0
        await tile(driver, stack)
        assert stack.counters.by_path["GET /api/v1/node/mining"] == 2


async def test_secrets_are_never_asked_for(session: aiohttp.ClientSession) -> None:
    """Nothing the driver does reads the RPC password or changes the stack."""
    async with simulated(session, "BTC") as (stack, driver):
        where = ports(stack)
        driver.node_seconds = driver.ready_seconds = driver.blocks_seconds = 0
        for broken in (False, True):
            if broken:
                await stack.stratum.unplug()
                stack.node_online = False
            await tile(driver, stack)
            await driver.get_health(HOST, where["stratum_port"], **_only(where))
            await driver.get_network_difficulty("BTC", url=HOST, **where)
            await driver.get_user_stats(HOST, "BTC", "", **where)
            await driver.get_worker_stats(HOST, "BTC", "x", **where)
            await driver.detect(HOST, where["stratum_port"])
        assert stack.secrets_read == 0
        assert stack.posts == 0
        assert all(path.startswith("GET ") for path in stack.counters.by_path)
        assert stack.stratum.counters.requests == 0


def _only(where: dict[str, int]) -> dict[str, int]:
    return {"manager_port": where["manager_port"]}


async def test_a_found_block(session: aiohttp.ClientSession) -> None:
    """It is there once, although the manager counts it twice."""
    async with simulated(session, "DGB") as (stack, driver):
        driver.blocks_seconds = 0
        before = (await tile(driver, stack)).own_blocks
        stack.find_block()
        data = await tile(driver, stack)
        assert len(data.own_blocks) == len(before) + 1
        assert data.own_blocks[0].worker == "gamma"
        assert data.blocks_found_24h == len(data.own_blocks)
        assert data.last_block_found is not None
        assert abs(data.last_block_found.timestamp() - time.time()) < 60


async def test_workers_come_and_go(session: aiohttp.ClientSession) -> None:
    """The pool tells how many there are."""
    async with simulated(session, "BCH") as (stack, driver):
        stack.workers["ultra"].offline = True
        assert (await tile(driver, stack)).active_workers == 1


async def test_simulated_trouble(session: aiohttp.ClientSession) -> None:
    """No ckpool, the node syncing or silent: each in the manager's words."""
    async with simulated(session, "DGB") as (stack, driver):
        driver.ready_seconds = driver.node_seconds = 0
        await stack.stratum.unplug()
        message = (await tile(driver, stack)).health_message
        assert message is not None
        assert "stratum port" in message
        assert "ckpool not RUNNING" in message
        await stack.stratum.plug_in()
        stack.syncing = True
        message = (await tile(driver, stack)).health_message
        assert message == "Not ready: node in initial block download"
        stack.syncing = False
        assert (await tile(driver, stack)).health_message is None
        stack.node_age = 4000
        data = await tile(driver, stack)
        assert data.network_difficulty is None
        assert data.pool_hashrate is not None
        stack.no_summary = True
        assert (await tile(driver, stack)).pool_hashrate is None
        stack.no_summary = False
        stack.nulls = True
        assert (await tile(driver, stack)).active_workers is None


# Finding it


@pytest.fixture
async def homes(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[dict[str, SimulatedStack]]:
    """Run all three stacks on one host, and let their ports be the usual ones."""
    stacks = {coin: SimulatedStack(coin=coin.lower()) for coin in DRIVERS}
    try:
        for stack in stacks.values():
            await stack.start()
        usual = {
            coin: ckpool_stack.StackPorts(stack.stratum.port, stack.port)
            for coin, stack in stacks.items()
        }
        monkeypatch.setattr(ckpool_stack, "STACKS", usual)
        yield stacks
    finally:
        for stack in stacks.values():
            await stack.stop()


def provided(coin: str, session: aiohttp.ClientSession) -> CkpoolStackDriver:
    """Return the driver of a coin with a session."""
    driver = DRIVERS[coin]()
    driver.session = session
    return driver


async def test_probe(
    session: aiohttp.ClientSession, homes: dict[str, SimulatedStack]
) -> None:
    """Each driver finds its own stack, by what the manager says that it is."""
    for coin, stack in homes.items():
        result = [FoundPool(coin=coin, settings={"manager_port": stack.port})]
        driver = provided(coin, session)
        assert await driver.probe(HOST, 0) == result
        assert await driver.probe(f"stratum+tcp://{HOST}:1", 14333) == result
        assert await driver.probe(HOST, stack.stratum.port) == result
        # That is another stack's port, and that stack is there
        others = [it for other, it in homes.items() if other != coin]
        assert await driver.probe(HOST, others[0].stratum.port) == []
        assert stack.secrets_read == 0
        assert stack.stratum.counters.connections == 0
    # It is not there any more, so the port may be anybody's
    await homes["BTC"].unplug()
    assert await provided("DGB", session).probe(HOST, homes["BTC"].stratum.port)


async def test_probe_finds_nothing(
    session: aiohttp.ClientSession, homes: dict[str, SimulatedStack]
) -> None:
    """Another coin, another service, no service, no host."""
    driver = provided("DGB", session)
    stack = homes["DGB"]
    stack.coin_name = "btc"
    assert await driver.probe(HOST, 0) == []
    stack.coin_name = "dgb"
    assert await driver.probe(HOST, 0)
    assert await driver.probe("", 0) == []
    # The port is said to be the stratum port: nobody speaks HTTP to it
    asked = stack.counters.requests
    assert await driver.probe(HOST, stack.port) == []
    assert stack.counters.requests == asked
    for fault in (Fault.HTML, Fault.RESET, Fault.GARBAGE, Fault.REDIRECT):
        stack.fault = fault
        assert await driver.probe(HOST, 0) == []
    stack.fault = Fault.SILENT
    driver.probe_seconds = 0.1
    assert await driver.probe(HOST, 0) == []
    await stack.unplug()
    assert await driver.probe(HOST, 0) == []


@pytest.mark.parametrize("coin", list(DRIVERS))
async def test_what_the_driver_is(coin: str) -> None:
    """No host is known by its name, and none by its port."""
    driver = DRIVERS[coin]()
    usual = {"DGB": (3335, 8085), "BCH": (3334, 8084), "BTC": (3333, 8083)}[coin]
    assert driver.driver_type == f"{coin.lower()}_stack"
    assert driver.supports_coins == [coin]
    assert driver.poll_seconds == 30
    assert not driver.requires_api_key
    for host in ("192.168.1.5", "stack.local", "eu1.solopool.org"):
        assert not await driver.detect(host, usual[0])
    (template,) = driver.get_pool_templates()
    assert (template.port, template.coin) == (usual[0], coin)


@pytest.mark.parametrize("port", [0, 70_000, 80.5, "x", True])
async def test_manager_port(driver: DgbStackDriver, port: Any) -> None:
    """What is no port is refused in plain words."""
    with pytest.raises(InvalidValue, match="port"):
        await driver.get_dashboard_data(HOST, "DGB", "", manager_port=port)
    health = await driver.get_health(HOST, port or -1)
    assert not health.is_healthy
    assert health.error_message == "A port must be a number from 1 to 65535"


async def test_addresses(driver: DgbStackDriver) -> None:
    """A host in whatever form it is told; one stack is kept for each."""
    async with managing(examples()) as manager:
        for url in (HOST, f"stratum+tcp://{HOST}:3335", f" http://{HOST}/x "):
            data = await driver.get_dashboard_data(url, "DGB", "", **ports(manager))
            assert data.health_status
    assert len(driver._stacks) == 1
    for url in ("::1", "[::1]:3335", "stratum+tcp://[::1]:3335"):
        driver._stack(url, {})
    assert list(driver._stacks)[1:] == [("::1", 8085)]
    assert driver._stacks["::1", 8085].api.base == "http://[::1]:8085"
    for empty in ("", " ", "stratum+tcp://"):
        with pytest.raises(InvalidValue, match="host"):
            await driver.get_dashboard_data(empty, "DGB")
    with pytest.raises(InvalidValue, match="host"):
        await driver.get_network_difficulty("DGB")


async def test_the_port_under_its_old_name(driver: DgbStackDriver) -> None:
    """Pool files may call the stratum port ``port``."""
    async with managing(examples()) as manager:
        data = await driver.get_dashboard_data(
            HOST, "DGB", port=manager.stratum.port, manager_port=manager.port
        )
    assert data.health_status
