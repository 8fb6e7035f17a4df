"""The HTTP client, against servers that behave and servers that do not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
import socket
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.streams import DataQueue
import pytest

from custom_components.hmm.driver_api import BadAnswer, CannotConnect
from custom_components.hmm.driver_api.transports.bounded import (
    MAX_CHUNKS,
    MAX_MESSAGES,
    READ_BUFFER,
    bounded,
)
from custom_components.hmm.driver_api.transports.http import (
    MAX_ANSWER,
    HttpClient,
    HttpReply,
)
from custom_components.hmm.driver_api.transports.recording import Recording, recorded
from tests.listening import listening

type Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Server:
    """A raw server that counts what it gets and answers what a test wants."""

    def __init__(self, script: Script) -> None:
        """Serve each connection with a script."""
        self.script = script
        self.port = 0
        self.connections = 0

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        self.connections += 1
        try:
            await self.script(reader, writer)
        except ConnectionError, asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def serving(script: Script) -> AsyncGenerator[Server]:
    """Run a server on a free port of this machine."""
    server = Server(script)
    async with listening(server.accept) as server.port:
        yield server


async def request_head(reader: asyncio.StreamReader) -> bytes:
    """Return the head of one request without a body."""
    return await reader.readuntil(b"\r\n\r\n")


def reply(
    body: bytes,
    *,
    status: str = "200 OK",
    content_type: str = "application/json",
    more: str = "",
) -> bytes:
    """Return a whole answer."""
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {content_type}\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    ).encode() + body


def always(answer: bytes, *, close: bool = False) -> Script:
    """Return a script that gives every request the same answer."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await request_head(reader)
            writer.write(answer)
            await writer.drain()
            if close:
                return

    return script


def client(
    session: aiohttp.ClientSession, server: Server, *, timeout: float = 10.0
) -> HttpClient:
    """Return a client of a server."""
    return HttpClient(session, "127.0.0.1", server.port, timeout=timeout)


async def test_json_is_read_over_one_kept_connection(
    session: aiohttp.ClientSession,
) -> None:
    """Given a device that keeps connections, three polls need one of them."""
    async with serving(always(reply('{"temp": 55.5, "name": "γ"}'.encode()))) as server:
        http = client(session, server)
        for _ in range(3):
            assert await http.get_json("/info") == {"temp": 55.5, "name": "γ"}
        assert server.connections == 1


async def test_a_query_reaches_the_device(session: aiohttp.ClientSession) -> None:
    """A path may carry a query, and no header names a page that asked."""
    heads: list[bytes] = []

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        heads.append(await request_head(reader))
        writer.write(reply(b"{}"))

    async with serving(script) as server:
        await client(session, server).get_json("/alive?src=swarm")
    assert heads[0].startswith(b"GET /alive?src=swarm HTTP/1.1")
    assert b"origin" not in heads[0].lower()


async def test_requests_to_one_device_wait_for_each_other(
    session: aiohttp.ClientSession,
) -> None:
    """Given five callers at once, the device never has two requests."""
    under_way = most = 0

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal under_way, most
        while True:
            await request_head(reader)
            under_way += 1
            most = max(most, under_way)
            await asyncio.sleep(0.02)
            under_way -= 1
            writer.write(reply(b"{}"))
            await writer.drain()

    async with serving(script) as server:
        http = client(session, server)
        await asyncio.gather(*(http.get_json("/info") for _ in range(5)))
        assert most == 1
        assert server.connections == 1


async def test_a_kept_connection_that_the_device_dropped_costs_no_poll(
    session: aiohttp.ClientSession,
) -> None:
    """Given a device that takes the second request and hangs up, a GET is repeated."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await request_head(reader)
        writer.write(reply(b'{"ok": 1}'))
        await request_head(reader)

    async with serving(script) as server:
        http = client(session, server)
        assert await http.get_json("/info") == {"ok": 1}
        assert await http.get_json("/info") == {"ok": 1}
        assert server.connections == 2


async def test_a_write_is_never_sent_twice(session: aiohttp.ClientSession) -> None:
    """Given a device that hangs up on a write, the caller hears of it."""
    writes = 0

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        nonlocal writes
        while True:
            if (await request_head(reader)).startswith(b"PATCH"):
                writes += 1
                return
            writer.write(reply(b"{}"))

    async with serving(script) as server:
        http = client(session, server)
        await http.get_json("/info")
        with pytest.raises(CannotConnect):
            await http.request("PATCH", "/api/system", json={"frequency": 500})
        assert writes == 1


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        pytest.param(
            reply(b"moved", status="302 Found", more="Location: /\r\n"),
            "another page",
            id="redirect",
        ),
        pytest.param(
            reply(b"<html></html>", content_type="text/html; charset=utf-8"),
            "web page",
            id="html",
        ),
        pytest.param(reply(b'{"a": '), "JSON", id="half a JSON"),
        pytest.param(reply(b"\xff\xfe\x00,,"), "JSON", id="garbage"),
        pytest.param(reply(b"[" * 100_000), "JSON", id="nested too deep"),
        pytest.param(reply(b"9" * 5000), "JSON", id="number too long"),
        pytest.param(reply(b"[1, 2]"), "not an object", id="a list"),
        pytest.param(reply(b"{}", status="404 Not Found"), "404", id="404"),
        pytest.param(reply(b"{}", status="500 Oops"), "500", id="500"),
        pytest.param(b"\xff\x00 nonsense\r\n\r\n" * 9, "speak HTTP", id="no HTTP"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b'Content-Length: 99\r\n\r\n{"a": 1',
            "broke off",
            id="half an answer",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
            "broke off|speak HTTP",
            id="bad chunk",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
            b"Content-Length: 4\r\n\r\nnope",
            "broke off|speak HTTP",
            id="bad gzip",
        ),
        pytest.param(reply(b" " * (MAX_ANSWER + 1)), "too long", id="over 1 MB"),
    ],
)
async def test_an_answer_that_cannot_be_used_says_why(
    session: aiohttp.ClientSession, answer: bytes, says: str
) -> None:
    """Given nonsense, the error is BadAnswer and its message tells which."""
    async with serving(always(answer, close=True)) as server:
        with pytest.raises(BadAnswer, match=says):
            await client(session, server).get_json("/info")


async def test_an_endless_answer_ends(session: aiohttp.ClientSession) -> None:
    """Given a device that never stops talking, the client does."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()

    async with serving(script) as server:
        with pytest.raises(BadAnswer, match="too long"):
            await client(session, server).get_json("/info")


@pytest.mark.parametrize(
    ("chunk", "count", "is_read"),
    [
        pytest.param(b" ", MAX_CHUNKS - 10, True, id="printed byte by byte"),
        pytest.param(b" " * 100, MAX_CHUNKS + 500, True, id="long"),
        pytest.param(b" ", MAX_CHUNKS, False, id="dust"),
    ],
)
@pytest.mark.parametrize("is_recorded", [False, True])
async def test_small_chunks_without_end(
    session: aiohttp.ClientSession,
    chunk: bytes,
    count: int,
    is_read: bool,
    is_recorded: bool,
) -> None:
    """Each chunk costs time in which Home Assistant waits, however small it is."""
    pieces = [b"{", *(count * (chunk,)), b"}", b""]
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"".join(
        b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces
    )
    async with serving(always(answer)) as server:
        device = client(session, server)
        recording = recorded(Recording()) if is_recorded else nullcontext()
        says = nullcontext() if is_read else pytest.raises(BadAnswer, match="HTTP")
        with recording, says:
            assert await device.get_json("/info") == {}


async def test_a_silent_device_is_given_up(session: aiohttp.ClientSession) -> None:
    """Given a device that accepts and says nothing, the poll ends."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await reader.read()

    async with serving(script) as server:
        with pytest.raises(CannotConnect, match="in time"):
            await client(session, server, timeout=0.1).get_json("/info")


async def test_a_device_that_resets_cannot_be_reached(
    session: aiohttp.ClientSession,
) -> None:
    """Given a reset on every request, the error is CannotConnect."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await request_head(reader)
        writer.transport.abort()

    async with serving(script) as server:
        with pytest.raises(CannotConnect, match="cannot be reached"):
            await client(session, server).get_json("/info")


async def test_a_refused_connection_cannot_be_reached(
    session: aiohttp.ClientSession,
) -> None:
    """Given a closed port, the error is CannotConnect."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        http = HttpClient(session, "127.0.0.1", closed.getsockname()[1])
        with pytest.raises(CannotConnect, match="cannot be reached"):
            await http.get_json("/info")


@pytest.mark.parametrize("host", ["", "a b", "not/a/host", "[half"])
async def test_nonsense_for_a_host_is_no_address(
    session: aiohttp.ClientSession, host: str
) -> None:
    """A host that cannot be one ends as CannotConnect, not as a ValueError."""
    with pytest.raises(CannotConnect):
        await HttpClient(session, host).get_json("/info")


async def test_an_empty_answer_to_a_write_is_a_success(
    session: aiohttp.ClientSession,
) -> None:
    """AxeOS answers a PATCH with 200 and nothing."""
    async with serving(always(reply(b"", content_type="text/html"))) as server:
        answer = await client(session, server).request("POST", "/api/system/restart")
    assert answer == HttpReply(200, "text/html", b"")
    assert answer.ok


def test_a_reply_keeps_its_body_out_of_repr() -> None:
    """Devices answer with WiFi names and pool users."""
    answer = HttpReply(200, "application/json", b'{"ssid": "my home"}')
    assert "my home" not in repr(answer)


def test_control_characters_and_broken_utf8_spoil_no_poll() -> None:
    """A worker's name may be anything; the figures beside it still count."""
    answer = HttpReply(200, "", b'{"ssid": "a\x01\xff", "temp": 50}')
    assert answer.json_object() == {"ssid": "a\x01\ufffd", "temp": 50}


ODD_JSON = [
    pytest.param(b'\xef\xbb\xbf{"name": "\xc3\xa4"}', "text/plain", id="mark of UTF-8"),
    pytest.param(
        b'{"name": "\xc3\xa4"}\r\n\0', "application/json", id="NUL at the end"
    ),
    pytest.param(b'{"name": "\xc3\xa4"}', "text/html", id="called a page"),
    pytest.param(b'{"name": "\xe4"}', "text/plain; charset=ISO-8859-1", id="Latin-1"),
    pytest.param(b'{"name": "\xe4"}', "x/y; charset=Windows-1252", id="Windows"),
    pytest.param(b'{"name": "\xc3\xa4"}', "x/y; charset=latin1", id="said wrongly"),
]


@pytest.mark.parametrize(("body", "content_type"), ODD_JSON)
async def test_json_as_small_web_servers_send_it(
    session: aiohttp.ClientSession, body: bytes, content_type: str
) -> None:
    """Given JSON in an odd wrapping, it is read all the same."""
    async with serving(always(reply(body, content_type=content_type))) as server:
        assert await client(session, server).get_json("/info") == {"name": "ä"}


async def test_a_message_never_quotes_the_answer(
    session: aiohttp.ClientSession,
) -> None:
    """What breaks off in the middle may be a secret."""
    async with serving(always(reply(b'{"wifiPass": "hunter2'))) as server:
        with pytest.raises(BadAnswer) as caught:
            await client(session, server).get_json("/info")
    assert "hunter2" not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 204 No Content\r\n\r\n", reply(b"")], ids=["204", "empty"]
)
async def test_responses_without_a_body(
    session: aiohttp.ClientSession, answer: bytes
) -> None:
    """Each of them is whole, not only the first one: they share a stream in aiohttp."""
    async with serving(always(answer)) as server:
        asked = client(session, server)
        for _ in range(3):
            assert (await asked.request("POST", "/restart")).body == b""


MORE = [
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
]
MOST_SENT = 8_000_000
"""Bytes that a server sends at most; the system itself takes some that nobody reads."""


@dataclass
class Flood:
    """Sends responses without end, after a good one if there is one."""

    more: bytes
    first: bytes = b""
    sent: int = 0
    is_cut: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve a connection."""
        await request_head(reader)
        writer.write(self.first)
        while self.sent < MOST_SENT:
            writer.write(self.more * 1000)
            try:
                await writer.drain()
            except ConnectionError:
                self.is_cut.set()
                return
            self.sent += len(self.more) * 1000


@pytest.fixture
def messages(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the sizes of the queue of a connection, whenever a message gets there."""
    sizes: list[int] = []
    real = DataQueue.feed_data

    def feed_data(queue: DataQueue[Any], data: Any, size: int = 0) -> None:
        real(queue, data, size)
        sizes.append(len(queue))

    monkeypatch.setattr(DataQueue, "feed_data", feed_data)
    return sizes


@pytest.mark.parametrize("more", MORE[:2])
async def test_a_flood_instead_of_a_response(
    session: aiohttp.ClientSession, messages: list[int], more: bytes
) -> None:
    """Given "100 Continue" without end, few of them are taken and the connection ends."""
    flood = Flood(more)
    async with serving(flood) as server:
        client = HttpClient(session, "127.0.0.1", server.port, timeout=60)
        with pytest.raises(BadAnswer):
            await client.request("GET", "/")
        await flood.is_cut.wait()
    assert len(messages) == MAX_MESSAGES
    assert flood.sent < MOST_SENT


async def test_little_of_a_flood_is_unpacked_at_once(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant waits for that, and many responses come in 256 KB."""
    sizes: list[int] = []
    real = ResponseHandler.data_received

    def data_received(handler: ResponseHandler, data: bytes) -> None:
        sizes.append(len(data))
        real(handler, data)

    monkeypatch.setattr(ResponseHandler, "data_received", data_received)
    async with serving(Flood(MORE[0])) as server:
        with pytest.raises(BadAnswer):
            await client(session, server).request("GET", "/")
    assert 0 < max(sizes) <= READ_BUFFER


@pytest.mark.parametrize("more", MORE)
async def test_a_flood_between_two_polls(
    session: aiohttp.ClientSession, messages: list[int], more: bytes
) -> None:
    """Given a server that goes on after a good response, its connection ends."""
    flood = Flood(more, first=reply(b"{}"))
    async with serving(flood) as server:
        client = HttpClient(session, "127.0.0.1", server.port)
        assert await client.get_json("/") == {}
        await flood.is_cut.wait()
    assert len(messages) <= MAX_MESSAGES + 1
    assert flood.sent < MOST_SENT


async def test_a_trickle_of_interim_responses(
    session: aiohttp.ClientSession, messages: list[int]
) -> None:
    """Given one "100 Continue" after the other, each read at once, they are counted."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await request_head(reader)
        for number in range(1, 10_000):
            writer.write(MORE[0])
            await writer.drain()
            while len(messages) < number and not reader.at_eof():
                await asyncio.sleep(0)

    async with serving(script) as server:
        client = HttpClient(session, "127.0.0.1", server.port, timeout=60)
        with pytest.raises(BadAnswer):
            await client.request("GET", "/")
    assert messages == [1] * MAX_MESSAGES


async def test_others_may_use_the_connection_for_long(
    session: aiohttp.ClientSession,
) -> None:
    """Given a session that is shared, the requests of others are not counted."""
    async with serving(always(reply(b"{}"))) as server:
        await HttpClient(session, "127.0.0.1", server.port).get_json("/")
        for _ in range(2 * MAX_MESSAGES):
            url = f"http://127.0.0.1:{server.port}/"
            async with session.get(url) as response:
                assert await response.json() == {}
    assert server.connections == 1


async def test_some_interim_responses_are_fine(session: aiohttp.ClientSession) -> None:
    """Given "100 Continue" before each response of a kept connection, all are read."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            await request_head(reader)
            writer.write(MORE[0] + MORE[1] + reply(b"{}"))

    async with serving(script) as server:
        client = HttpClient(session, "127.0.0.1", server.port)
        for _ in range(MAX_MESSAGES):
            assert await client.get_json("/") == {}
    assert server.connections == 1


async def test_a_recorded_response_that_ends_early(
    session: aiohttp.ClientSession,
) -> None:
    """Given half a body, the connection is not kept by whoever wanted to record it."""

    async def script(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        await request_head(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        await reader.read()

    async with serving(script) as server:
        timeout = aiohttp.ClientTimeout(total=0.1)
        with recorded(Recording()), pytest.raises(TimeoutError) as raised:
            await session.get(
                f"http://127.0.0.1:{server.port}",
                timeout=timeout,
                middlewares=(bounded,),
            )
        # The error keeps the response alive, as one that is being handled does
        assert raised.value is not None
        assert session.connector is not None
        assert not session.connector._acquired
