"""A server on 127.0.0.1 whose connections can be counted and cut off."""

from abc import ABC, abstractmethod
import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Self

LIMIT = 262_144
"""Bytes of one line; the head of a message is one to asyncio."""


class LocalServer(ABC):
    """Listens on a free port, or on ``port``; ``async with`` starts and stops it."""

    host = "127.0.0.1"

    def __init__(self, port: int = 0) -> None:
        """Make one that does not listen yet."""
        self.port = port
        self.connections = 0
        """Accepted ones."""
        self._server: asyncio.Server | None = None
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def address(self) -> str:
        """Return ``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def open_connections(self) -> int:
        """Return how many connections are open."""
        return len(self._writers)

    async def __aenter__(self) -> Self:
        """Listen. Raises OSError: the port is taken."""
        self._server = await asyncio.start_server(
            self._accept, self.host, self.port, limit=LIMIT
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Be gone."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._writers)
        for task, writer in tuple(self._writers.items()):
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    @abstractmethod
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Talk to one client."""

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections += 1
        task = asyncio.get_running_loop().create_task(self._guarded(reader, writer))
        self._writers[task] = writer
        task.add_done_callback(lambda done: self._writers.pop(done, None))

    async def _guarded(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            with suppress(OSError):
                await self.serve(reader, writer)
        finally:
            writer.close()
