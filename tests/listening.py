"""A TCP server of a test."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
import ssl

type Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(
    serve: Serve, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[int]:
    """Serve connections at a free port of this machine, and give the port."""
    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        listener.close_clients()
        await listener.wait_closed()
