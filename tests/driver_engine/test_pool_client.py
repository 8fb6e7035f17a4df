"""A pool account through its driver: nothing but typed answers and typed errors."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
import json
import traceback
from typing import Any, Never

import aiohttp
import pytest

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    FoundPool,
    InvalidValue,
    PoolHealthStatus,
    PoolStats,
    PoolWorker,
)
from custom_components.hmm.driver_engine import pool_client
from custom_components.hmm.driver_engine.guard import DriverFault, read_driver
from custom_components.hmm.driver_engine.pool_client import (
    PoolAccount,
    coin_of,
    fetch_tiles,
    hashrate_unit,
    is_pool_of,
    make_pool_driver,
    poll_seconds,
    probe,
)

ACCOUNT = PoolAccount(
    url="eu1.pool.example",
    port=3333,
    coin="DGB",
    username="wallet",
    settings={"api_base": "http://127.0.0.1"},
)


class Pretend(BasePoolIntegration):
    """A driver whose answer a test gives; it notes what it was asked."""

    driver_type = "pretend"

    def __init__(self, answer: Any) -> None:
        """Take the answer, or what to raise."""
        self.answer = answer
        self.asked: dict[str, Any] = {}

    async def detect(self, url: str, port: int) -> bool:
        """Answer."""
        self.asked = {"url": url, "port": port}
        answer: bool = await self._give()
        return answer

    def coin_at(self, url: str, port: int) -> str | None:
        """Answer."""
        coin: str | None = self._give_now(url=url, port=port)
        return coin

    def get_poll_seconds(self, url: str, **kwargs: Any) -> int:
        """Answer."""
        seconds: int = self._give_now(url=url, **kwargs)
        return seconds

    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Answer."""
        self.asked = {"url": url, "port": port}
        answer: list[FoundPool] = await self._give()
        return answer

    def _give_now(self, **asked: Any) -> Any:
        self.asked = asked
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    async def _give(self) -> Any:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return await self.answer() if callable(self.answer) else self.answer

    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        """Say yes."""
        return PoolHealthStatus(is_healthy=True)

    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        """Say nothing."""
        return None

    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        """Say nothing."""
        return None

    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Answer."""
        self.asked = {"url": url, "coin": coin, "username": username, **kwargs}
        tiles: DashboardTileData = await self._give()
        return tiles


async def fetch(driver: Pretend) -> DashboardTileData:
    """Ask a driver for an account."""
    return await fetch_tiles(driver, ACCOUNT)


async def test_the_driver_is_told_what_it_needs() -> None:
    """Given an account, the driver gets it, with port and settings."""
    driver = Pretend(tiles := DashboardTileData(pool_hashrate=1e12))

    assert await fetch(driver) == tiles
    assert driver.asked == {
        "url": "eu1.pool.example",
        "coin": "DGB",
        "username": "wallet",
        "stratum_port": 3333,
        "api_base": "http://127.0.0.1",
    }


async def test_values_of_the_wrong_kind_are_unknown() -> None:
    """Given odd values in the tiles, they are None, the others arrive."""
    worker = PoolWorker(name="bitaxe")
    malformed: dict[str, Any] = {
        "health_status": "yes",
        "pool_hashrate": "fast",
        "active_workers": "3",
        "last_block_found": datetime(2026, 11, 1),  # noqa: DTZ001
        "workers": [worker, "nerdqaxe"],
        "currency": 7,
        "reject_rate": float("nan"),
        "best_share": 5,
    }
    assert await fetch(Pretend(DashboardTileData(**malformed))) == DashboardTileData(
        health_status=False, active_workers=3, workers=(worker,), best_share=5.0
    )
    block = DashboardTileData(last_block_found=datetime(2026, 11, 1, tzinfo=UTC))
    assert await fetch(Pretend(block)) == block


@pytest.mark.parametrize("answer", [None, {}, {"pool_hashrate": 1}, "text"])
async def test_no_tiles_at_all(answer: Any) -> None:
    """Given something else than tiles, it is a bad answer."""
    with pytest.raises(BadAnswer, match="pretend returned no tiles"):
        await fetch(Pretend(answer))


async def _cancelled() -> Never:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future
    raise AssertionError


@pytest.mark.parametrize(
    ("raised", "kind", "text"),
    [
        (InvalidValue("No such coin"), InvalidValue, "No such coin"),
        (TimeoutError(), CannotConnect, "did not answer in time"),
        (aiohttp.ServerDisconnectedError(), CannotConnect, "ServerDisconnectedError"),
        (OSError(113, "No route"), CannotConnect, "connection failed"),
        (KeyError("wallet"), DriverFault, "pretend failed with KeyError"),
        (SystemExit(1), DriverFault, "failed with SystemExit"),
        (_cancelled, DriverFault, "failed with CancelledError"),
    ],
)
async def test_whatever_a_driver_raises_is_a_driver_error(
    raised: Any, kind: type[DriverError], text: str
) -> None:
    """Given any exception, its kind is told, and never what it quotes."""
    with pytest.raises(kind, match=text) as caught:
        await fetch(Pretend(raised))
    assert "wallet" not in str(caught.value)


def test_a_bug_that_nobody_sees_is_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a bug where HMM goes on, its file and type are logged, and its end."""
    caplog.set_level("INFO", "custom_components.hmm")
    other = replace(ACCOUNT, url="eu2.pool.example")
    driver = Pretend(KeyError("wallet"))
    for _ in range(3):
        assert poll_seconds(driver, ACCOUNT) == 60
    driver.answer = 30
    # Another account has nothing to do with it
    assert poll_seconds(driver, other) == 30
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    for _ in range(3):
        assert poll_seconds(driver, ACCOUNT) == 30
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    bug, end = caplog.messages
    assert "pretend failed with KeyError in line" in bug
    assert "of test_pool_client.py (get_poll_seconds)" in bug
    assert "wallet" not in bug
    assert end == "get_poll_seconds of the driver pretend works again"
    driver.answer = TypeError()
    poll_seconds(driver, ACCOUNT)
    # A server that is down is not a bug
    driver.answer = CannotConnect("Nothing")
    poll_seconds(driver, other)
    assert [record.levelname for record in caplog.records] == [
        "WARNING",
        "INFO",
        "WARNING",
    ]


def test_the_line_of_a_bug_is_in_the_file_of_the_driver() -> None:
    """Given a library that raises, the driver's own line is named, not the library's."""

    class Parses(Pretend):
        def coin_at(self, url: str, port: int) -> str | None:
            return str(json.loads("{"))

    with pytest.raises(DriverFault, match=r"of test_pool_client\.py") as caught:
        read_driver(Parses(None), lambda item: item.coin_at("x", 1))
    assert caught.value.reason_values["file"] == "test_pool_client.py"
    assert caught.value.reason_values["error"] == "JSONDecodeError"


OWN = PoolAccount(
    url="eu1.pool.example",
    port=3333,
    coin="BCH",
    username="bitcoincash:qqownwallet.garage",
    settings={
        "api_base": "http://192.168.1.60:4004/api",
        "api_key": "0123456789abcdef",
        "pool_key": "BCH-MAIN",
        "api_port": 4004,
    },
)
QUOTED = (
    "404, url='http://192.168.1.60:4004/api/{wallet}?key=0123456789abcdef',"
    " pool BCH-MAIN"
)


@pytest.mark.parametrize(
    "wallet",
    [
        "bitcoincash:qqownwallet.garage",
        "bitcoincash:qqownwallet",
        "qqownwallet",
        "QQOWNWALLET",
    ],
)
async def test_messages_tell_neither_account_nor_key(wallet: str) -> None:
    """Given a message that quotes what was asked, the rest of it is told."""
    text = QUOTED.format(wallet=wallet)
    discreet = "404, url='http://192.168.1.60:4004/api/…?key=…', pool BCH-MAIN"

    down = DashboardTileData(health_status=False, health_message=text)
    tiles = await fetch_tiles(Pretend(down), OWN)
    assert tiles.health_message == discreet

    async def fail() -> Never:
        try:
            {}[text]
        except KeyError as err:
            raise BadAnswer(text) from err
        raise AssertionError

    with pytest.raises(BadAnswer) as caught:
        await fetch_tiles(Pretend(fail), OWN)
    assert str(caught.value) == discreet
    # Nor does what developers have logged
    reported = "".join(traceback.format_exception(caught.value))
    assert "404" in reported
    assert "qqownwallet" not in reported.casefold()


async def test_what_is_no_secret_stays_in_a_message() -> None:
    """Given an account without a name, or named "x", the text is as it was."""
    text = "Next exam: 4004"
    for username in ("", "x", "x.garage"):
        account = replace(OWN, username=username, settings={"api_port": 4004})
        answer = DashboardTileData(health_message=text)
        assert (await fetch_tiles(Pretend(answer), account)).health_message == text


@pytest.mark.parametrize(
    ("reported", "unit"),
    [("kH/s", "kH/s"), ("GH/s", "GH/s"), ("H/s", "TH/s"), (None, "TH/s"), ([], "TH/s")],
)
def test_unit_of_hashrates(
    monkeypatch: pytest.MonkeyPatch, reported: Any, unit: str
) -> None:
    """Given a unit that does not exist, it is the usual one."""
    driver = Pretend(None)
    assert hashrate_unit(driver) == "TH/s"
    monkeypatch.setattr(Pretend, "hashrate_unit", reported)
    assert hashrate_unit(driver) == unit


async def test_a_driver_that_hangs_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a driver that never answers, the poll ends."""
    monkeypatch.setattr(pool_client, "_FETCH_SECONDS", 0.1)
    with pytest.raises(CannotConnect):
        await fetch(Pretend(asyncio.Event().wait))


async def test_who_cancels_a_poll_is_obeyed() -> None:
    """Given a poll that Home Assistant cancels, it is cancelled."""
    began = asyncio.Event()

    async def hang() -> None:
        began.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(fetch(Pretend(hang)))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_driver_that_cannot_be_made() -> None:
    """Given a driver that fails at once, it is a fault of the driver."""

    class Stillborn(Pretend):
        def __init__(self) -> None:
            raise SystemExit

    async with aiohttp.ClientSession() as session:
        with pytest.raises(DriverFault, match="SystemExit"):
            make_pool_driver(Stillborn, session)


FAULTS = [KeyError("wallet"), SystemExit(1), RuntimeError("wallet"), OSError()]


@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        (30, 30),
        (600, 600),
        (1e300, 3600),
        ("45", 45),
        (29.6, 30),
        (0, 10),
        (-5, 10),
        (None, 60),
        ("often", 60),
        (float("nan"), 60),
        (float("inf"), 60),
        (True, 60),
        *((fault, 60) for fault in FAULTS),
    ],
)
def test_how_often_a_pool_is_asked(answer: Any, seconds: int) -> None:
    """Given any answer, a pool is neither asked all the time nor never."""
    driver = Pretend(answer)
    assert poll_seconds(driver, ACCOUNT) == seconds
    assert driver.asked == {
        "url": "eu1.pool.example",
        "stratum_port": 3333,
        "api_base": "http://127.0.0.1",
    }


@pytest.mark.parametrize(
    ("answer", "known"),
    [
        (True, True),
        (False, False),
        (None, False),
        ("yes", False),
        (1, False),
        (_cancelled, False),
        *((fault, False) for fault in FAULTS),
    ],
)
async def test_only_a_plain_yes_is_a_pool(answer: Any, known: bool) -> None:
    """Given any answer about a host, only True is one."""
    driver = Pretend(answer)
    assert await is_pool_of(driver, "eu1.pool.example", 3333) is known
    assert driver.asked == {"url": "eu1.pool.example", "port": 3333}


@pytest.mark.parametrize(
    ("answer", "coin"),
    [
        ("DGB", "DGB"),
        ("dgb", "DGB"),
        ("", None),
        (None, None),
        (7, None),
        (["DGB"], None),
        *((fault, None) for fault in FAULTS),
    ],
)
def test_the_coin_of_a_host(answer: Any, coin: str | None) -> None:
    """Given any answer about a coin, it is a symbol or not known."""
    assert coin_of(Pretend(answer), "eu1.pool.example", 3333) == coin


@pytest.mark.parametrize(
    ("answer", "result"),
    [
        ([], []),
        (
            [FoundPool(coin="dgb", settings={"manager_port": 8085})],
            [FoundPool(coin="DGB", settings={"manager_port": 8085})],
        ),
        ((FoundPool(coin="BTC"), "BCH", None), [FoundPool(coin="BTC")]),
        ([FoundPool(coin=None)], []),  # type: ignore[arg-type]
        ([FoundPool(coin="BTC", settings=[])], []),  # type: ignore[arg-type]
        (None, []),
        (True, []),
        (_cancelled, []),
        (CannotConnect("No"), []),
        *((fault, []) for fault in FAULTS),
    ],
)
async def test_what_a_probe_finds(answer: Any, result: list[FoundPool]) -> None:
    """Given any answer of a probe, what is no pool is left out."""
    assert await probe(Pretend(answer), "192.168.1.60", 3333) == result


async def test_a_probe_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a host that never answers, nothing is found there."""
    monkeypatch.setattr(pool_client, "_PROBE_SECONDS", 0.1)
    hanging = Pretend(asyncio.Event().wait)
    assert await probe(hanging, "192.168.1.60", 0) == []
    assert not await is_pool_of(hanging, "192.168.1.60", 0)
