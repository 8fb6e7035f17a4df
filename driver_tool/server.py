"""A server on 127.0.0.1 whose connections can be counted and cut off."""

from abc import abstractmethod
import asyncio
from contextlib import suppress
from typing import override

from simulator.device import TcpDevice


class LocalServer(TcpDevice):
    """Listens on a free port, or on ``port``; ``async with`` starts and stops it."""

    limit = 262_144

    def __init__(self, port: int = 0) -> None:
        """Make one that does not listen yet."""
        super().__init__(name="server", port=port)

    @property
    def address(self) -> str:
        """Return ``host:port``."""
        return f"{self.host}:{self.port}"

    @property
    def connections(self) -> int:
        """Return how many connections were accepted."""
        return self.counters.connections

    @abstractmethod
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Talk to one client."""

    @override
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            await self.serve(reader, writer)
