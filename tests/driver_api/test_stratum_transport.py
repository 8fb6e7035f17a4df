"""Whether a stratum port answers, on real sockets."""

import asyncio
import socket

import pytest

from custom_components.hmm.driver_api import CannotConnect
from custom_components.hmm.driver_api.transports.stratum import connect_latency

pytestmark = pytest.mark.usefixtures("socket_enabled")


async def test_a_port_that_answers() -> None:
    """It takes some time, and not a byte is sent."""
    got: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.set_result(await reader.read())
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        assert await connect_latency("127.0.0.1", port) > 0
        assert await got == b""


async def test_a_port_that_hangs_up() -> None:
    """A pool that bans at once was reached all the same."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as listener:
        port = listener.sockets[0].getsockname()[1]
        assert await connect_latency("127.0.0.1", port) > 0


async def test_a_closed_port() -> None:
    """Nothing listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        with pytest.raises(CannotConnect, match="reached"):
            await connect_latency("127.0.0.1", closed.getsockname()[1])


async def test_a_silent_port() -> None:
    """A full queue leaves a connection without an answer, as a firewall does."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = []
        try:
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", port))
                waiting.append(one)
            with pytest.raises(CannotConnect, match="does not answer"):
                await connect_latency("127.0.0.1", port, timeout=0.05)
        finally:
            for one in waiting:
                one.close()


@pytest.mark.parametrize(
    ("host", "port"),
    [("127.0.0.1", 99_999), ("127.0.0.1", -1), ("a\0b", 3333)],
)
async def test_no_address(host: str, port: int) -> None:
    """What is no address is a port that cannot be reached, not a crash."""
    with pytest.raises(CannotConnect, match="reached"):
        await connect_latency(host, port)
