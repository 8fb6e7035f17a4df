"""Every kind of pool, when what it answers is not what it should be."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import fields, replace
from itertools import product
import json
import math
import re
import socket
import sys
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.bundled.pool_drivers.public_pool_driver import (
    PublicPoolDriver,
)
from custom_components.hmm.bundled.shared.ckpool_server import FilesDriver
from custom_components.hmm.driver_api import (
    AuthRequired,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
)
from custom_components.hmm.driver_api.transports.web import MAX_ANSWER
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.pool_client import (
    PoolAccount,
    fetch_tiles,
    make_pool_driver,
    poll_seconds,
)
from simulator import stack
from simulator.braiins import SimulatedBraiins
from simulator.ckpool import SimulatedCkpool
from simulator.httpd import HttpDevice, Response
from simulator.mmfp import SimulatedGoSlimStratum, SimulatedMmfpServer
from simulator.ocean import SimulatedOcean
from simulator.public_pool import SimulatedPublicPool
from simulator.solopool import SimulatedSolopool
from tests.pool_cases import BTC_WALLET, DGB_WALLET, KINDS, RATES, Kind, public_pool

HOUR = 3600.0
DAY = 86_400.0

# A socket's own buffers hold some of what nobody reads any more
BUFFERS = 40_000_000

PAGE = b"<!DOCTYPE html><html><body><h1>Checking your browser</h1></body></html>"


class Clock:
    """Takes the place of the module ``time``, and can be put forward."""

    def __init__(self) -> None:
        """Begin at noon: none of the hours to come is of another day."""
        self.ahead = 0.0
        self._to_noon = DAY / 2 - time.time() % DAY

    def monotonic(self) -> float:
        """Return the seconds of a clock that never goes back."""
        return time.monotonic() + self.ahead

    def time(self) -> float:
        """Return seconds since 1970."""
        return time.time() + self._to_noon + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Let drivers and simulators live by a clock that can be put forward."""
    clock = Clock()
    for name, module in list(sys.modules.items()):
        if (
            name.startswith(
                (
                    "simulator",
                    "custom_components.hmm.bundled",
                    "custom_components.hmm.driver_api",
                )
            )
            and getattr(module, "time", None) is time
        ):
            monkeypatch.setattr(module, "time", clock)
    # Grows in the course of an hour
    monkeypatch.setattr(SimulatedBraiins, "_pending", lambda *_: 0.000_01)
    return clock


# What changes the answers of a pool

type Change = Callable[[Response, asyncio.StreamWriter], Awaitable[Response | None]]
"""Changes an answer, or writes what it wants by itself and hangs up."""


class Spoiler:
    """Changes what a simulator answers."""

    def __init__(self, pool: HttpDevice) -> None:
        """Change nothing yet."""
        self.pool = pool
        self.change: Change | None = None
        self.part = ""
        """What an address must hold for its answer to be changed."""
        self.paths: list[str] = []

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        while (request := await self.pool._read_request(reader, writer)) is not None:
            self.paths.append(request.path)
            answer: Response | None = self.pool.finish(self.pool.answer(request))
            if self.change is not None and self.part in request.path:
                assert answer is not None
                answer = await self.change(answer, writer)
            if answer is None:
                return
            writer.write(answer.encode())
            await writer.drain()


@asynccontextmanager
async def spoiling(
    kind: Kind,
) -> AsyncGenerator[tuple[Spoiler, Callable[[], BasePoolIntegration]]]:
    """Run a simulator that can be spoilt; give it, and what makes drivers for it."""
    spoiler = Spoiler(kind.pool)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind.pool, "_serve", spoiler.serve)
        async with kind.pool, aiohttp.ClientSession() as session:
            yield spoiler, lambda: make_pool_driver(kind.driver, session)


# What is bad


def each_document(body: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return JSON with each of its documents changed; ckpool writes several."""
    text = body.decode()
    parts, position = [], 0
    try:
        while position < len(text):
            value, position = json.JSONDecoder().raw_decode(text, position)
            parts.append(json.dumps(change(value)))
            position += len(text[position:]) - len(text[position:].lstrip())
    except ValueError:
        return body  # A log
    return "\n".join(parts).replace('"@', "").replace('@"', "").encode()


def leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return JSON with everything changed that is no object and no list."""
    match value:
        case dict():
            return {key: leaves(entry, change) for key, entry in value.items()}
        case list():
            return [leaves(entry, change) for entry in value]
    return change(value)


def is_number(value: Any) -> bool:
    """Return whether something is a number or the text of one."""
    if isinstance(value, str):
        return re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?[KMGTPE]?", value) is not None
    return isinstance(value, int | float) and not isinstance(value, bool)


def numbers(text: str) -> Change:
    """Return what puts this in the place of each number, also of those in texts."""

    def change(value: Any) -> Any:
        if not is_number(value):
            return value
        return text if isinstance(value, str) else f"@{text}@"

    return changed(lambda value: leaves(value, change))


def figures(instead: Any) -> Change:
    """Return what puts this value in the place of each number."""
    return changed(
        lambda value: leaves(value, lambda item: instead if is_number(item) else item)
    )


def members(instead: Any) -> Change:
    """Return what puts this in the place of everything in the outermost object."""
    return changed(
        lambda value: (
            dict.fromkeys(value, instead) if isinstance(value, dict) else value
        )
    )


def items(value: Any, instead: Any) -> Any:
    """Return JSON with this in the place of everything in a list."""
    match value:
        case dict():
            return {key: items(entry, instead) for key, entry in value.items()}
        case list():
            return [instead for _ in value]
    return value


def changed(change: Callable[[Any], Any]) -> Change:
    """Return what changes the JSON of an answer."""

    async def apply(answer: Response, _: asyncio.StreamWriter) -> Response:
        return replace(answer, body=each_document(answer.body, change))

    return apply


def answering(
    status: int,
    body: bytes = PAGE,
    content_type: str = "text/html; charset=UTF-8",
    **headers: str,
) -> Change:
    """Return what answers something else."""

    names = {name.replace("_", "-"): text for name, text in headers.items()}
    bad = Response(status=status, body=body, content_type=content_type, headers=names)

    async def apply(_: Response, __: asyncio.StreamWriter) -> Response:
        return bad

    return apply


async def half(answer: Response, _: asyncio.StreamWriter) -> Response:
    """Give the first half of an answer as if it were all."""
    return replace(answer, body=answer.body[: len(answer.body) // 2])


async def broken_off(answer: Response, writer: asyncio.StreamWriter) -> None:
    """Hang up in the middle of an answer."""
    writer.write(answer.encode()[: -len(answer.body) // 2])
    await writer.drain()


async def reset(_: Response, writer: asyncio.StreamWriter) -> None:
    """Reset the connection."""
    writer.transport.abort()


async def garbage(_: Response, writer: asyncio.StreamWriter) -> None:
    """Answer bytes that mean nothing in HTTP."""
    writer.write(b"\x00\xff\x80 no answer\n" * 20)
    await writer.drain()


class Endless:
    """An answer that has no end, and how much of it was taken."""

    def __init__(self) -> None:
        """Begin without having sent anything."""
        self.sent: list[int] = []

    async def __call__(self, _: Response, writer: asyncio.StreamWriter) -> None:
        """Send until nobody reads any more."""
        number = len(self.sent)
        self.sent.append(0)
        writer.write(b'HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n{"a":"')
        with suppress(ConnectionError):
            while True:
                writer.write(b"9" * 65_536)
                self.sent[number] += 65_536
                await writer.drain()


def first_to_list(value: Any) -> Any:
    """Return a list where an object was."""
    return [value]


def inner_to_lists(value: Any) -> Any:
    """Return lists of their values where objects were inside of others."""
    match value:
        case dict():
            return [inner_to_lists(entry) for entry in value.values()]
        case list():
            return [inner_to_lists(entry) for entry in value]
    return value


def lists_to_objects(value: Any) -> Any:
    """Return objects where lists were."""
    match value:
        case dict():
            return {key: lists_to_objects(entry) for key, entry in value.items()}
        case list():
            return {str(key): lists_to_objects(it) for key, it in enumerate(value)}
    return value


FAILURES: Mapping[str, Callable[[], Change]] = {
    "nothing here": lambda: answering(404),
    "page, 200": lambda: answering(200),
    "page, 403": lambda: answering(403),
    "page, 503": lambda: answering(503),
    "429": lambda: answering(429),
    "429, Retry-After": lambda: answering(429, Retry_After="120"),
    "500": lambda: answering(500),
    "500 with JSON": lambda: answering(500, b'{"error":"x"}', "application/json"),
    "login page": lambda: answering(302, b"", Location="https://login.example/"),
    "empty": lambda: answering(200, b"", "application/json"),
    "half": lambda: half,
    "broken off": lambda: broken_off,
    "reset": lambda: reset,
    "garbage": lambda: garbage,
    "endless": Endless,
    "null": lambda: answering(200, b"null", "application/json"),
    "NaN alone": lambda: answering(200, b"NaN", "application/json"),
    "nested": lambda: answering(200, b"[" * 100_000, "application/json"),
    "lists for objects": lambda: changed(first_to_list),
}
"""What no driver can take for an answer."""

NOTHING = ("nothing here", "null")
"""What some pools answer when they do not know a wallet."""

WORDS = {
    "page, 200": "web page",
    "page, 503": "503",
    "429": "less often",
    "429, Retry-After": "less often",
    "500": "500",
    "500 with JSON": "500",
    "login page": "moved",
    "half": "JSON",
    "nested": "JSON",
    "lists for objects": "shape",
}
"""What the reason says of some."""

ODD: Mapping[str, Callable[[], Change]] = {
    "nulls": lambda: changed(lambda value: leaves(value, lambda _: None)),
    "members null": lambda: members(None),
    "members texts": lambda: members("x"),
    "members lists": lambda: members([None]),
    "members below zero": lambda: members(-5),
    "lists of nulls": lambda: changed(lambda value: items(value, None)),
    "lists of texts": lambda: changed(lambda value: items(value, "x")),
    "NaN": lambda: numbers("NaN"),
    "1e400": lambda: numbers("1e400"),
    "5000 digits": lambda: numbers("9" * 5000),
    "below zero": lambda: numbers("-1"),
    "true": lambda: changed(
        lambda value: leaves(
            value, lambda item: item if isinstance(item, bool) else True
        )
    ),
    "words": lambda: figures("n/a"),
    "empty texts": lambda: figures(""),
    "empty lists": lambda: changed(lambda value: leaves(value, lambda _: [])),
    "objects": lambda: changed(
        lambda value: leaves(value, lambda item: {"value": item})
    ),
    "inner lists for objects": lambda: changed(
        lambda value: (
            {key: inner_to_lists(it) for key, it in value.items()}
            if isinstance(value, dict)
            else value
        )
    ),
    "objects for lists": lambda: changed(lists_to_objects),
    "{}": lambda: answering(200, b"{}", "application/json"),
    "error": lambda: answering(200, b'{"error":"x"}', "application/json"),
}
"""What may be an answer, with figures that are none."""

FIGURES = (
    *("nulls", "NaN", "1e400", "below zero", "true"),
    *("words", "empty texts", "empty lists", "objects"),
)
"""Those in which nothing but figures is odd: the pool itself is well."""

BAD = {**FAILURES, **ODD}


# The tests

# Later than the last time, of course
MOVING = {"latency_ms", "last_share"}


@pytest.fixture(autouse=True)
def in_a_hurry(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait as long as for real pools."""
    monkeypatch.setattr(BraiinsDriver, "gap_seconds", 0.0)
    monkeypatch.setattr(FilesDriver, "again_seconds", 0.0)


@pytest.fixture
def driver_of(session: aiohttp.ClientSession) -> Callable[[Kind], BasePoolIntegration]:
    """Return what makes drivers."""
    return lambda kind: make_pool_driver(kind.driver, session)


async def poll(
    driver: BasePoolIntegration, account: PoolAccount
) -> DashboardTileData | DriverError:
    """Ask as HMM does; nothing but a DriverError may come of it."""
    try:
        return await fetch_tiles(driver, account)
    except DriverFault:
        raise
    except DriverError as err:
        return err


def assert_clean(tiles: DashboardTileData, good: DashboardTileData) -> None:
    """Assert that each figure is unknown or what it was while all was well."""
    for known in fields(tiles):
        value, before = getattr(tiles, known.name), getattr(good, known.name)
        if known.name == "workers":
            names = {worker.name: worker for worker in good.workers}
            for worker in value:
                other = names.get(worker.name)
                assert other is not None, worker
                for name in ("hashrate", "online", "best_share", "shares_valid"):
                    assert_same(name, getattr(worker, name), getattr(other, name))
        elif known.name == "own_blocks":
            heights = {block.height for block in good.own_blocks}
            assert all(item.height is None or item.height in heights for item in value)
        elif known.name not in {
            *MOVING,
            "health_status",
            "health_message",
            "account_known",
        }:
            assert_same(known.name, value, before)


def assert_same(name: str, value: Any, before: Any) -> None:
    """Assert that a figure is unknown or the one that it was."""
    if isinstance(value, float):
        assert math.isfinite(value), name
        before = pytest.approx(before, rel=0.02)
    assert value is None or value == before, f"{name}: {value} was {before}"


def assert_failed(outcome: DashboardTileData | DriverError) -> str:
    """Assert that it is a failure, and return its reason, which is in plain words."""
    if isinstance(outcome, DashboardTileData):
        assert not outcome.health_status
        assert outcome.latency_ms is None
        assert outcome.account_known
        reason = outcome.health_message
    else:
        reason = str(outcome)
    assert reason
    assert not re.search(
        r"bc1q|dgb1q|127\.0\.0\.1|Traceback|Error\b|not-a-real", reason
    )
    return reason


async def assert_unwell(
    driver: BasePoolIntegration, account: PoolAccount, reason: str
) -> None:
    """Assert that the health of a pool is bad for the same reason."""
    health = await driver.get_health(
        account.url,
        account.port,
        coin=account.coin,
        username=account.username,
        **account.settings,
    )
    assert not health.is_healthy
    assert health.error_message == reason


async def recover(
    driver: BasePoolIntegration,
    kind: Kind,
    account: PoolAccount,
    clock: Clock,
    good: DashboardTileData,
) -> None:
    """Assert that all is well again: the account at once, everything in an hour."""
    kind.share()
    tiles = await fetch_tiles(driver, account)
    assert tiles.health_status, tiles.health_message
    assert tiles.account_known
    assert tiles.pool_hashrate == good.pool_hashrate
    clock.ahead += HOUR
    kind.share()
    tiles = await fetch_tiles(driver, account)
    assert_clean(tiles, good)
    for known in fields(good):
        if getattr(good, known.name) is not None:
            assert getattr(tiles, known.name) is not None, known.name
    assert len(tiles.workers) == len(good.workers)


# The three stacks differ in the coin alone
DISTINCT = [kind for kind in KINDS if kind not in ("bch stack", "btc stack")]
SAME_REQUESTS = (
    "solopool v1",
    "braiins solo, numbers",
    "public ckpool",
    "mmfp gss, one address",
    "mmfp gse, one address",
    "public-pool 2025",
)
"""What is asked for in the same way as of another kind: only the figures differ."""
REQUESTS = [kind for kind in DISTINCT if kind not in SAME_REQUESTS]


@pytest.mark.parametrize("kind", DISTINCT)
async def test_bad_answer(clock: Clock, subtests: pytest.Subtests, kind: str) -> None:
    """Before the first good answer and after it: no wrong figure, and it recovers."""
    for bad in BAD if kind in REQUESTS else ODD:
        # That is how its one address tells that it does not know a wallet
        if (kind, bad) != ("braiins solo", "nothing here"):
            with subtests.test(bad):
                clock.ahead = 0
                await try_bad_answer(clock, kind, bad)


async def try_bad_answer(clock: Clock, kind: str, bad: str) -> None:
    """Let a pool answer badly twice, for a driver that never had a good answer or had."""
    it, change = KINDS[kind](), BAD[bad]()
    async with spoiling(it) as (spoiler, make_driver):
        account = it.account(it.pool.port)
        good = await fetch_tiles(make_driver(), account)
        assert good.health_status, good.health_message
        driver = make_driver()
        for is_new in (True, False):
            spoiler.change = change
            for _ in range(2):
                outcome = await poll(driver, account)
                asked = len(spoiler.paths)
                assert not isinstance(outcome, AuthRequired)
                match outcome:
                    case DashboardTileData(health_status=True) if (
                        bad in NOTHING and not is_new
                    ):
                        # It asked for the account alone
                        assert not outcome.account_known
                    case _ if bad in FAILURES:
                        reason = assert_failed(outcome)
                        assert WORDS.get(bad, "") in reason
                        if is_new:
                            await assert_unwell(driver, account, reason)
                # GSE names who mines in what is no figure
                if bad in FIGURES and not kind.startswith("mmfp gse"):
                    assert isinstance(outcome, DashboardTileData)
                    assert outcome.health_status
                if isinstance(outcome, DashboardTileData):
                    assert_clean(outcome, good)
                if bad.startswith("429"):
                    # It has been told to wait, whoever asks
                    assert_failed(await poll(driver, account))
                    assert len(spoiler.paths) == asked
                clock.ahead += 150
            spoiler.change = None
            await recover(driver, it, account, clock, good)
            clock.ahead += 150
            if isinstance(change, Endless):
                assert change.sent
                assert max(change.sent) < MAX_ANSWER + BUFFERS


@pytest.mark.parametrize("kind", REQUESTS)
async def test_nothing_answers(
    driver_of: Callable[[Kind], BasePoolIntegration], kind: str
) -> None:
    """Refused, silent, no session: each is told in plain words."""
    it = KINDS[kind]()
    async with it.pool:  # Its other parts are there
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            account = it.account(unused.getsockname()[1])
            assert "reached" in assert_failed(await poll(driver_of(it), account))
            unused.listen()
            hurried: Any = driver_of(it)
            hurried.timeout_seconds = hurried.ready_timeout_seconds = 0.1
            assert "time" in assert_failed(await poll(hurried, account))
            alone = driver_of(it)
            alone.session = None
            assert "session" in assert_failed(await poll(alone, account))


PARTS = ["page, 200", "429", "500", "half", "nulls"]


@pytest.mark.parametrize("kind", REQUESTS)
async def test_one_bad_part(clock: Clock, subtests: pytest.Subtests, kind: str) -> None:
    """Where only one of the addresses fails, the others are not spoilt."""
    it = KINDS[kind]()
    async with spoiling(it) as (spoiler, make_driver):
        await fetch_tiles(make_driver(), it.account(it.pool.port))
    for part, bad in product({part_of(path) for path in spoiler.paths}, PARTS):
        with subtests.test(f"{part}: {bad}"):
            clock.ahead = 0
            await try_bad_part(clock, kind, part, bad)


async def try_bad_part(clock: Clock, kind: str, part: str, bad: str) -> None:
    """Let one address of a pool answer badly twice."""
    it = KINDS[kind]()
    async with spoiling(it) as (spoiler, make_driver):
        account = it.account(it.pool.port)
        good = await fetch_tiles(make_driver(), account)
        driver = make_driver()
        for _ in range(2):
            spoiler.part, spoiler.change = part, BAD[bad]()
            outcome = await poll(driver, account)
            assert not isinstance(outcome, AuthRequired)
            if isinstance(outcome, DashboardTileData):
                assert_clean(outcome, good)
                if bad in FAILURES:
                    # That is no word on whether the wallet is known
                    assert outcome.account_known
            clock.ahead += 150
            spoiler.change = None
            await recover(driver, it, account, clock, good)


def part_of(path: str) -> str:
    """Return what tells an address from the others of a pool."""
    path = path.partition("?")[0].rstrip("/")
    return re.sub(r"/\d{9,}$", "/", path)  # A moment


# The account


WITH_WALLET = [name for name in KINDS if KINDS[name]().wallet]
WAYS = {
    SimulatedSolopool: ("missing", "empty", "zeros"),
    SimulatedPublicPool: ("missing", "empty"),
    SimulatedOcean: ("missing", "error"),
    SimulatedCkpool: ("missing", "error"),
}
"""How these may tell that they do not know a wallet."""


@pytest.mark.parametrize(
    ("kind", "way"),
    [
        (kind, way)
        for kind in WITH_WALLET
        for way in WAYS.get(type(KINDS[kind]().pool), ("unlisted",))
    ],
)
async def test_unknown_wallet(
    driver_of: Callable[[Kind], BasePoolIntegration], clock: Clock, kind: str, way: str
) -> None:
    """No share has come yet: the pool is well, and there are no figures of it."""
    it = KINDS[kind]()
    pool: Any = it.pool
    pool.unknown_address = way
    async with pool:
        good = await fetch_tiles(driver_of(it), it.account(pool.port))
        for wallet in (f"{it.wallet[:-4]}2222", f"{it.wallet}0", "x", "%"):
            account = it.account(pool.port, username=f"{wallet}.garage")
            tiles = await fetch_tiles(driver_of(it), account)
            assert tiles.health_status, tiles.health_message
            assert not tiles.account_known
            assert_same(
                "network_difficulty", good.network_difficulty, tiles.network_difficulty
            )
            assert_nothing_of_the_account(tiles)
        if isinstance(pool, SimulatedMmfpServer):
            pool.add_worker("dgb", wallet, 1e12)
        else:
            pool.add_wallet(wallet, RATES)
        assert (await fetch_tiles(driver_of(it), account)).account_known


@pytest.mark.parametrize("kind", [item for item in WITH_WALLET if "mmfp" not in item])
async def test_no_wallet(
    driver_of: Callable[[Kind], BasePoolIntegration], clock: Clock, kind: str
) -> None:
    """The network is known, and never the pool's total shown instead."""
    it = KINDS[kind]()
    async with it.pool:
        account = it.account(it.pool.port)
        good = await fetch_tiles(driver_of(it), account)
        for username in ("", " ", ".garage"):
            tiles = await fetch_tiles(
                driver_of(it), replace(account, username=username)
            )
            assert tiles.health_status, tiles.health_message
            assert tiles.account_known
            assert_same(
                "network_difficulty", good.network_difficulty, tiles.network_difficulty
            )
            assert_nothing_of_the_account(tiles)


@pytest.mark.parametrize("kind", WITH_WALLET)
async def test_wallet_of_another_coin(
    driver_of: Callable[[Kind], BasePoolIntegration], kind: str
) -> None:
    """It is noticed before it is asked for; a pool does not know it anyway."""
    it = KINDS[kind]()
    driver = driver_of(it)
    other = DGB_WALLET if it.coin == "BTC" else BTC_WALLET
    assert driver.validate_config({"coin": it.coin, "username": it.wallet})
    assert not driver.validate_config({"coin": it.coin, "username": other})
    async with it.pool:
        tiles = await fetch_tiles(driver, it.account(it.pool.port, username=other))
    assert tiles.health_status, tiles.health_message
    assert not tiles.account_known
    assert_nothing_of_the_account(tiles)


def assert_nothing_of_the_account(tiles: DashboardTileData) -> None:
    """Assert that no figure of anybody is shown as that of the account."""
    for known in fields(tiles):
        if known.name not in {
            "health_status",
            "health_message",
            "latency_ms",
            "network_difficulty",
            "currency",
            "account_known",
        }:
            assert getattr(tiles, known.name) in (None, ()), known.name


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("kind", [name for name in KINDS if KINDS[name]().key])
async def test_refused_key(
    driver_of: Callable[[Kind], BasePoolIntegration],
    clock: Clock,
    kind: str,
    status: int,
) -> None:
    """It asks for another key, which works at once; the old one is in no message."""
    it = KINDS[kind]()
    if isinstance(it.pool, SimulatedGoSlimStratum):
        it.pool.refusal = status
    async with it.pool:
        account = it.account(it.pool.port)
        driver = driver_of(it)
        wrong = {**account.settings, it.key: "another-not-real-key"}
        for settings in (wrong, {**wrong, it.key: None}):
            with pytest.raises(AuthRequired) as caught:
                await fetch_tiles(driver, replace(account, settings=settings))
            assert "key" in str(caught.value) or "token" in str(caught.value)
            assert "not-real" not in str(caught.value)
        tiles = await fetch_tiles(driver, account)
        assert tiles.health_status
        assert tiles.active_workers == len(RATES)


# How much is asked


REQUESTS_PER_HOUR: Mapping[str, int] = {
    "solopool v2": 120,
    "solopool v1": 120,
    "braiins": 60,
    "braiins solo": 60,
    "braiins solo, numbers": 60,
    "ckpool of one's own": 252,
    "public ckpool": 72,
    "nerdminers": 72,
    "mmfp gss": 240,
    "mmfp gss, one address": 240,
    "mmfp gse": 240,
    "mmfp gse, one address": 240,
    "dgb stack": 240,
    "public-pool 2025": 144,
    "public-pool 2026": 144,
    "ocean": 76,
}
"""Of one account. Of the hosted public-pool it is 84, see below; docs/pools/README.md.

Two of the three stacks are left out: they differ in the coin alone.
"""


@pytest.mark.parametrize("kind", REQUESTS_PER_HOUR)
async def test_requests_per_hour(
    driver_of: Callable[[Kind], BasePoolIntegration], clock: Clock, kind: str
) -> None:
    """An hour of polls costs what the table says; the first one may cost one more.

    What is no account's own is asked once, however many accounts there are.
    """
    it = KINDS[kind]()
    async with it.pool:
        account = it.account(it.pool.port)
        # Where all who ask have one account there is no other one
        other = f"{it.wallet[:-4]}2222" if it.wallet else ""
        driver, counts = driver_of(it), it.pool.counters.by_path
        await an_hour(driver, it, [account], clock)
        first = counts.total()
        counts.clear()
        await an_hour(driver, it, [account], clock)
        if isinstance(it.pool, stack.SimulatedStack):
            # Each poll tries the port of the miners, too
            assert it.pool.stratum.counters.connections == 2 * 120
        asked = REQUESTS_PER_HOUR[kind]
        assert counts.total() == asked
        assert asked <= first <= asked + 1
        alone = {path: it for path, it in counts.items() if is_shared(path)}
        counts.clear()
        await an_hour(driver, it, [account, replace(account, username=other)], clock)
        both = {path: it for path, it in counts.items() if is_shared(path)}
    # What is asked once an hour may fall into either hour
    assert all(both[path] - alone.get(path, 0) <= 1 for path in both)


async def test_requests_per_hour_of_a_hosted_public_pool(
    driver_of: Callable[[Kind], BasePoolIntegration],
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is asked as often as any public pool."""
    monkeypatch.setattr(
        PublicPoolDriver, "own_poll_seconds", PublicPoolDriver.poll_seconds
    )
    it = public_pool(2026)
    async with it.pool:
        await an_hour(driver_of(it), it, [it.account(it.pool.port)], clock)
        assert it.pool.counters.requests == 84


def is_shared(path: str) -> bool:
    """Return whether an address is that of no account alone."""
    return not re.search("bc1q|dgb1q|ckpool/metrics", path)


async def an_hour(
    driver: BasePoolIntegration, kind: Kind, accounts: list[PoolAccount], clock: Clock
) -> None:
    """Poll accounts as often as HMM does, for an hour."""
    seconds = poll_seconds(driver, accounts[0])
    for _ in range(int(HOUR / seconds)):
        for account in accounts:
            tiles = await fetch_tiles(driver, account)
            assert tiles.health_status, tiles.health_message
        clock.ahead += seconds
        kind.share()
