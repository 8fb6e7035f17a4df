"""What the tests of the tool share."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
import re
from typing import Any

import aiohttp
import pytest
import pytest_socket

from driver_tool.example import (
    EXAMPLE_WALLET,
    SimulatedExampleMiner,
    SimulatedExamplePool,
)
from driver_tool.files import one_miner, one_pool
from driver_tool.recorder import record_miner, record_pool
from driver_tool.session import Session
from driver_tool.targets import Target

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "custom_components" / "hmm" / "bundled"
MINER = BUNDLED / "templates" / "TEMPLATE_miner_driver.py"
POOL = BUNDLED / "templates" / "TEMPLATE_pool_driver.py"
POOL_ACCOUNT: dict[str, Any] = {
    "coin": "BTC",
    "username": EXAMPLE_WALLET,
    "settings": {"api_base": "http://{address}/api"},
}


@pytest.fixture
def page() -> Callable[[str], list[str]]:
    """Return the blocks of Python of a page of the documentation."""

    def blocks(name: str) -> list[str]:
        text = (ROOT / "docs" / "drivers" / name).read_text(encoding="utf-8")
        return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    return blocks


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a silent device for a shorter time than real drivers do."""
    real = aiohttp.ClientTimeout

    def shorter(**seconds: Any) -> aiohttp.ClientTimeout:
        return real(
            **{key: value and min(value, 1.5) for key, value in seconds.items()}
        )

    monkeypatch.setattr(aiohttp, "ClientTimeout", shorter)


@pytest.fixture(scope="package")
def miner_session() -> Session:
    """Return what the example miner says to the template."""

    async def record() -> Session:
        async with SimulatedExampleMiner() as device:
            target = Target(host=device.host, port=device.port)
            return await record_miner(one_miner(str(MINER)), target, {})

    return _run(record())


@pytest.fixture(scope="package")
def pool_session() -> Session:
    """Return what the example pool says to the template."""

    async def record() -> Session:
        async with SimulatedExamplePool() as pool:
            target = Target(host=pool.host, port=pool.port)
            return await record_pool(one_pool(str(POOL)), target, POOL_ACCOUNT)

    return _run(record())


def _run[T](work: Coroutine[Any, Any, T]) -> T:
    pytest_socket.enable_socket()
    with asyncio.Runner() as runner:
        return runner.run(work)
