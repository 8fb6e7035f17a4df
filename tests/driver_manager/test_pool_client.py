"""A pool account through its driver: nothing but typed answers and typed errors."""

import asyncio
from datetime import UTC, datetime
from typing import Any, Never

import aiohttp
import pytest

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    InvalidValue,
    PoolHealthStatus,
    PoolStats,
    PoolWorker,
)
from custom_components.hmm.driver_manager import pool_client
from custom_components.hmm.driver_manager.client import DriverFault
from custom_components.hmm.driver_manager.pool_client import (
    fetch_tiles,
    make_pool_driver,
)


class Pretend(BasePoolIntegration):
    """A driver whose answer a test gives; it notes what it was asked."""

    driver_type = "pretend"

    def __init__(self, answer: Any) -> None:
        """Take the answer, or what to raise."""
        self.answer = answer
        self.asked: dict[str, Any] = {}

    async def detect(self, url: str, port: int) -> bool:
        """Say no."""
        return False

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
        if isinstance(self.answer, BaseException):
            raise self.answer
        answer = await self.answer() if callable(self.answer) else self.answer
        tiles: DashboardTileData = answer
        return tiles


async def fetch(driver: Pretend) -> DashboardTileData:
    """Ask a driver for an account."""
    return await fetch_tiles(
        driver,
        url="eu1.pool.example",
        port=3333,
        coin="DGB",
        username="wallet",
        settings={"api_base": "http://127.0.0.1"},
    )


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
    odd: dict[str, Any] = {
        "health_status": "yes",
        "pool_hashrate": "fast",
        "active_workers": "3",
        "last_block_found": datetime(2026, 11, 1),  # noqa: DTZ001
        "workers": [worker, "nerdqaxe"],
        "currency": 7,
        "reject_rate": float("nan"),
        "best_share": 5,
    }
    assert await fetch(Pretend(DashboardTileData(**odd))) == DashboardTileData(
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
        (TimeoutError(), CannotConnect, "did not answer after 0 s"),
        (aiohttp.ServerDisconnectedError(), CannotConnect, "did not answer"),
        (OSError(113, "No route"), CannotConnect, "did not answer"),
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
