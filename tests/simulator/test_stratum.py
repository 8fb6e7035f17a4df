"""The simulated stratum port."""

import asyncio
import json
from typing import Any

import pytest

from simulator.device import Fault
from simulator.stratum import LONGEST_LINE, SimulatedStratum

pytestmark = pytest.mark.usefixtures("socket_enabled")


class Client:
    """A miner's side of the line."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Use a connection."""
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: SimulatedStratum) -> Client:
        """Connect."""
        return cls(*await asyncio.open_connection(port.host, port.port))

    async def say(self, line: bytes) -> None:
        """Send bytes."""
        self.writer.write(line)
        await self.writer.drain()

    async def hear(self) -> Any:
        """Read one line."""
        return json.loads(await self.reader.readline())

    async def ask(self, method: str, *params: Any) -> Any:
        """Send a request and read what comes first."""
        request = {"id": method, "method": method, "params": params}
        await self.say(json.dumps(request).encode() + b"\n")
        return await self.hear()


async def test_a_miner_stays_connected() -> None:
    """The four requests that miners begin with, then silence on an open line."""
    async with SimulatedStratum(difficulty=512) as port:
        client = await Client.to(port)
        configured = await client.ask(
            "mining.configure",
            ["version-rolling", "minimum-difficulty"],
            {"version-rolling.mask": "ffffffff"},
        )
        subscribed = await client.ask("mining.subscribe", "bitaxe/BM1370")
        authorised = await client.ask("mining.authorize", "address.one", "x")
        reported = await client.hear()
        assert (await client.ask("mining.suggest_difficulty", 1000))["result"] is True
        changed = await client.hear()
        state = port.state()
        client.writer.close()
    assert configured["result"] == {
        "version-rolling": True,
        "version-rolling.mask": "1fffe000",
        "minimum-difficulty": False,
    }
    subscriptions, extranonce, size = subscribed["result"]
    assert subscriptions[0][0] == "mining.notify"
    assert bytes.fromhex(extranonce)
    assert size == 8
    assert authorised == {"id": "mining.authorize", "result": True, "error": None}
    assert (reported["method"], reported["params"]) == ("mining.set_difficulty", [512])
    assert reported["id"] is None
    assert changed["params"] == [1000]
    assert (state["miners"], state["users"]) == (1, ["address.one"])
    assert state["unauthorized"] == 0
    assert port.counters.by_path["mining.subscribe"] == 1


async def test_each_miner_has_its_own_extranonce() -> None:
    """Two miners never do the same work."""
    async with SimulatedStratum() as port:
        clients = [await Client.to(port) for _ in range(2)]
        replies = [await client.ask("mining.subscribe") for client in clients]
        assert port.open_connections == 2
        for client in clients:
            client.writer.close()
    assert len({reply["result"][1] for reply in replies}) == 2


async def test_unknown_method() -> None:
    """An error, and the line stays open."""
    async with SimulatedStratum() as port:
        client = await Client.to(port)
        reply = await client.ask("mining.extranonce.subscribe")
        assert reply["result"] is None
        assert reply["error"][1] == "Method not found"
        assert (await client.ask("mining.subscribe"))["error"] is None
        client.writer.close()


async def test_odd_parameters() -> None:
    """Parameters of the wrong kind do not end the line."""
    async with SimulatedStratum() as port:
        client = await Client.to(port)
        await client.say(b'{"id":1,"method":"mining.configure","params":"x"}\n')
        assert (await client.hear())["result"] == {}
        reply = await client.ask("mining.configure", [1, "x"])
        assert reply["result"] == {"x": False}
        assert (await client.ask("mining.suggest_difficulty", "x"))["id"]
        assert (await client.ask("mining.suggest_difficulty", -1))["id"]
        client.writer.close()


async def test_refused() -> None:
    """A pool that does not want this user."""
    async with SimulatedStratum() as port:
        port.refuse = True
        client = await Client.to(port)
        assert (await client.ask("mining.authorize", "a", "x"))["result"] is False
        assert port.users == []
        client.writer.close()


@pytest.mark.parametrize(
    "line",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b"[" * 10_000 + b"\n",
        b'"' + b"x" * LONGEST_LINE + b'"\n',
        b"x" * 100_000 + b"\n",
    ],
)
async def test_what_is_not_a_miner_is_cut_off(line: bytes) -> None:
    """Whoever does not speak stratum is counted and gets no answer."""
    async with SimulatedStratum() as port:
        client = await Client.to(port)
        heard = b""
        try:
            await client.say(line)
            heard = await client.reader.read()
        except ConnectionError:
            pass  # cut off with bytes unread
        assert heard == b""
        assert port.unauthorized == 1
        assert port.counters.requests == 0
        client.writer.close()


async def test_a_look_is_no_stranger() -> None:
    """A connection that only comes and goes, or stops in the middle of a line."""
    async with SimulatedStratum() as port:
        for begun in (b"", b'{"id"'):
            client = await Client.to(port)
            await client.say(begun)
            client.writer.close()
            await client.writer.wait_closed()
        client = await Client.to(port)
        assert await client.ask("mining.subscribe")
        assert port.unauthorized == 0
        assert port.counters.connections == 3
        client.writer.close()


async def test_faults_and_the_plug() -> None:
    """Half an answer; nobody there without power, and the same port after it."""
    async with SimulatedStratum() as port:
        port.fault = Fault.HALF
        client = await Client.to(port)
        await client.say(b'{"id":1,"method":"mining.subscribe","params":[]}\n')
        half = await client.reader.read()
        assert half
        assert not half.endswith(b"\n")
        port.fault = None
        await port.unplug()
        with pytest.raises(OSError):
            await Client.to(port)
        await port.plug_in()
        client = await Client.to(port)
        assert (await client.ask("mining.subscribe"))["error"] is None
        client.writer.close()
