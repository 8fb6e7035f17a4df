"""What the drivers' tests share."""

from collections.abc import AsyncGenerator

import aiohttp
import pytest


@pytest.fixture
async def session(socket_enabled: None) -> AsyncGenerator[aiohttp.ClientSession]:
    """Lend a session as HMM does: it keeps connections longer than one poll."""
    connector = aiohttp.TCPConnector(keepalive_timeout=75)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session
