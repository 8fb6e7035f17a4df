"""Raw clients of simulated devices and pools with an HTTP API."""

from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
import json
from typing import Any

import aiohttp

from simulator import SimulatedAxeOS, SimulatedNerdQAxe
from simulator.httpd import HttpDevice


async def fetch_at(
    base: str,
    device: HttpDevice,
    path: str,
    method: str = "GET",
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[int, str, dict[str, str]]:
    """Fetch status, text and headers of a path below ``base``; follow no redirect."""
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{device.port}") as session,
        session.request(
            method, base + path, headers=headers, data=body, allow_redirects=False
        ) as response,
    ):
        return response.status, await response.text(), dict(response.headers)


class RawClient[Device: SimulatedAxeOS | SimulatedNerdQAxe]:
    """A client of one device; follows no redirect."""

    def __init__(self, device: Device, session: aiohttp.ClientSession) -> None:
        """Keep both."""
        self.device = device
        self.session = session

    async def call(
        self, method: str, path: str, **kwargs: Any
    ) -> tuple[int, str, bytes]:
        """Give status, content type and body."""
        async with self.session.request(
            method, path, allow_redirects=False, **kwargs
        ) as response:
            return response.status, response.content_type, await response.read()

    async def info(self) -> dict[str, Any]:
        """Read /info."""
        status, kind, body = await self.call("GET", "/api/system/info")
        assert (status, kind) == (200, "application/json")
        answer: dict[str, Any] = json.loads(body)
        return answer

    async def patch(self, body: Any, **headers: str) -> tuple[int, bytes]:
        """Write settings."""
        status, _, answer = await self.call(
            "PATCH", "/api/system", json=body, headers=headers
        )
        return status, answer


type Start[Client] = Callable[..., Coroutine[Any, Any, Client]]


@asynccontextmanager
async def starting[Client: RawClient[Any]](
    client: type[Client], simulator: type[SimulatedAxeOS | SimulatedNerdQAxe]
) -> AsyncGenerator[Start[Client]]:
    """Give what starts devices with the options that a test needs."""
    async with AsyncExitStack() as stack:

        async def start(generation: str, **options: Any) -> Client:
            device = await stack.enter_async_context(
                simulator(
                    generation=generation,
                    reboot_seconds=0.05,
                    restart_delay=0.02,
                    **options,
                )
            )
            session = await stack.enter_async_context(
                aiohttp.ClientSession(f"http://127.0.0.1:{device.port}")
            )
            return client(device, session)

        yield start
