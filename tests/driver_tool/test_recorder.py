"""The recorder changes nothing, and a replay says what was said."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import override

import aiohttp
import pytest

from custom_components.hmm.driver_api import (
    BadAnswer,
    CannotConnect,
    DriverContext,
    DriverError,
    HtmlAnswer,
    MinerTelemetry,
)
from custom_components.hmm.driver_api.transports.http import HttpClient
from custom_components.hmm.driver_engine.client import MinerClient
from driver_tool.conformance import shared_session
from driver_tool.files import one_miner
from driver_tool.recorder import Recorder, record_miner
from driver_tool.replay import ANSWERS, BadResponse, Replay
from driver_tool.server import LocalServer
from driver_tool.session import HttpExchange, Session, TcpExchange
from driver_tool.targets import Target, open_target
from simulator import Fault, SimulatedAvalon, SimulatedAxeOS

pytestmark = pytest.mark.usefixtures("socket_enabled")


class RawServer(LocalServer):
    """A server that answers with given bytes, and keeps what it was asked."""

    def __init__(self, *answers: bytes, keep: bool = False) -> None:
        """Take one answer for each request."""
        super().__init__()
        self.answers = list(answers)
        self.asked: list[bytes] = []
        self.keep = keep

    @override
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while question := await reader.read(65536):
            self.asked.append(question)
            writer.write(self.answers.pop(0))
            await writer.drain()
            if not self.keep:
                return


async def poll(driver: str, host: str, port: int, polls: int = 1) -> MinerTelemetry:
    """Return the last of some polls."""
    async with shared_session() as session:
        client = MinerClient(
            one_miner(driver), DriverContext(session=session, options={}), host, port
        )
        try:
            for _ in range(polls):
                telemetry = await client.poll()
        finally:
            await client.close()
    return telemetry


@asynccontextmanager
async def http_client(port: int) -> AsyncIterator[HttpClient]:
    """Lend a client of a port of this machine."""
    async with aiohttp.ClientSession() as session:
        yield HttpClient(session, "127.0.0.1", port)


async def test_a_device_sees_what_it_sees_without_the_recorder() -> None:
    """Given three polls through the recorder, the device has as many requests."""
    async with (
        SimulatedAxeOS(generation="2.15") as device,
        Recorder(device.host, device.port) as recorder,
    ):
        await poll("bitaxe", recorder.host, recorder.port, polls=3)
        assert device.counters.by_path["GET /api/system/info"] == 4
        assert device.counters.connections == 1
        session = recorder.session("bitaxe")
    assert len(session.exchanges) == device.counters.requests
    assert session.is_http


async def test_a_replay_gives_the_same_telemetry() -> None:
    """Given a session of a device over HTTP, the driver reads the same from it."""
    async with open_target("simulator:bitaxe-gamma@2.15") as target:
        session = await record_miner(one_miner("bitaxe"), target, {}, polls=1)
    async with Replay(session) as device:
        once = await poll("bitaxe", device.host, device.port)
        assert device.requested["GET /api/system/info"] == 2
    async with Replay(session, frozen=True) as device:
        again = await poll("bitaxe", device.host, device.port, polls=5)
    assert once.hashrate == again.hashrate is not None
    assert once.shares_accepted == again.shares_accepted


async def test_a_replay_of_tcp_gives_the_same_telemetry() -> None:
    """Given a session of a device over plain TCP, the driver reads it."""
    async with SimulatedAvalon(model="nano3s") as device:
        target = Target(host=device.host, port=device.port)
        session = await record_miner(one_miner("avalon_nano"), target, {}, polls=2)
        accepted = device.miner.read().accepted
    assert not session.is_http
    assert all(isinstance(item, TcpExchange) for item in session.exchanges)
    async with Replay(session) as replay:
        telemetry = await poll("avalon_nano", replay.host, replay.port, polls=4)
        assert telemetry.shares_accepted == pytest.approx(accepted, abs=5)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault.HTML, HtmlAnswer),
        (Fault.GARBAGE, BadAnswer),
        (Fault.HALF, BadAnswer),
        (Fault.RESET, DriverError),
        (Fault.REDIRECT, BadAnswer),
    ],
)
async def test_faults_pass_through_the_recorder(
    fault: Fault, error: type[DriverError]
) -> None:
    """Given a device that is broken, the driver sees it as without the recorder."""
    async with (
        SimulatedAxeOS(generation="2.15") as device,
        Recorder(device.host, device.port) as recorder,
    ):
        device.fault = fault
        async with http_client(recorder.port) as client:
            with pytest.raises(error):
                await client.get_json("/api/system/info")


async def test_a_device_that_is_off_is_off_behind_the_recorder() -> None:
    """Given no device, the driver is told that nothing answers."""
    async with SimulatedAxeOS(generation="2.15") as device:
        host, port = device.host, device.port
    async with Recorder(host, port) as recorder, http_client(recorder.port) as client:
        with pytest.raises(CannotConnect):
            await client.get_json("/api/system/info")
        assert not recorder.exchanges


async def test_the_device_is_called_by_its_own_name() -> None:
    """Given a request, the device reads its own address in Host."""
    answer = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nset-cookie: s=1\r\n\r\n{}"
    async with (
        RawServer(answer) as device,
        Recorder(device.host, device.port) as recorder,
        http_client(recorder.port) as client,
    ):
        assert (await client.request("GET", "/x")).ok
    (asked,) = device.asked
    assert f"\r\nHost: 127.0.0.1:{device.port}\r\n".encode() in asked
    assert b"\r\nAccept-Encoding: identity\r\n" in asked
    (exchange,) = recorder.exchanges
    assert isinstance(exchange, HttpExchange)
    assert "set-cookie" not in exchange.headers


CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabc", b"abc"),
        (b"HTTP/1.1 200 OK\r\n\r\nuntil the end", b"until the end"),
        (CHUNKED + b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nx-trailer: 1\r\n\r\n", b"abcde"),
        (b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n", b""),
    ],
)
async def test_every_form_of_an_answer_is_recorded(answer: bytes, body: bytes) -> None:
    """Given lengths, chunks or neither, driver and session have the same body."""
    async with (
        RawServer(answer) as device,
        Recorder(device.host, device.port) as recorder,
        http_client(recorder.port) as client,
    ):
        assert (await client.request("GET", "/")).body == body
    assert [item.received for item in recorder.exchanges] == [body]


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example ESMTP\r\n\r\n",
        b"220 mail.example",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nhalf",
        CHUNKED + b"xyz\r\n",
        CHUNKED + b"-5\r\n",
        b"x" * 400_000,
        b"",
    ],
)
async def test_what_is_not_http_is_passed_on_and_not_recorded(answer: bytes) -> None:
    """Given another protocol, the driver is not left waiting."""
    async with (
        RawServer(answer) as device,
        Recorder(device.host, device.port) as recorder,
        http_client(recorder.port) as client,
    ):
        with pytest.raises(DriverError):
            await client.get_json("/")
        assert not recorder.exchanges


async def talk(port: int, question: bytes) -> bytes:
    """Return all that comes back for some bytes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(question)
    answer = await reader.read()
    writer.close()
    return answer


@pytest.mark.parametrize("question", [b"hello\r\n\r\n", b"GET\r\n\r\n", b"half a head"])
async def test_a_driver_that_speaks_no_http_is_cut_off(question: bytes) -> None:
    """Given bytes that are no HTTP request, neither recorder nor replay hangs."""
    session = Session(driver_type="x", exchanges=())
    servers: list[Callable[[], LocalServer]] = [
        lambda: Recorder("127.0.0.1", raw.port),
        lambda: Replay(session),
    ]
    async with RawServer() as raw:
        for make in servers:
            async with make() as server:
                reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
                writer.write(question)
                writer.write_eof()
                assert await reader.read() == b""
                writer.close()


HTTP = Session(
    driver_type="x",
    exchanges=tuple(
        HttpExchange(
            method=method,
            target="/a",
            sent=sent,
            status=status,
            headers={"content-type": "application/json"},
            received=received,
        )
        for method, sent, status, received in (
            ("GET", b"", 200, b'{"n":1}'),
            ("GET", b"", 200, b'{"n":2}'),
            ("POST", b'{"id":1}', 204, b""),
        )
    ),
)


async def test_a_replay_answers_in_the_order_of_the_session() -> None:
    """Given two recorded answers, the second one stays; a stranger's path is 404."""
    async with Replay(HTTP) as device, http_client(device.port) as client:
        reported = [(await client.get_json("/a"))["n"] for _ in range(4)]
        assert reported == [1, 2, 2, 2]
        assert (await client.request("POST", "/a", json={"id": 7})).status == 204
        assert (await client.request("GET", "/b")).status == 404
        assert device.requested == {"GET /a": 4, 'POST /a {"id": 7}': 1, "GET /b": 1}
        assert (await client.request("POST", "/a", json={"id": "x"})).status == 404
        assert device.requests == 7
        assert device.open_connections == 1
        device.alter = lambda body: body.replace(b"2", b"9")
        assert await client.get_json("/a") == {"n": 9}


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/pay/me/1790000001?to=1790000002000", 200),
        ("/pay/you/1790000001?to=1790000002000", 404),
        ("/pay/me/17900?to=1790000002000", 404),
    ],
)
async def test_a_clock_in_a_path_makes_no_other_question(
    target: str, status: int
) -> None:
    """Given a path with the time, it is found at another time, for the same account."""
    item = HttpExchange(
        method="GET",
        target="/pay/me/1780000000?to=1780000009000",
        status=200,
        received=b"{}",
    )
    session = Session(driver_type="x", exchanges=(item,))
    async with Replay(session) as device, http_client(device.port) as client:
        assert (await client.request("GET", target)).status == status


async def test_a_replay_takes_a_question_in_pieces() -> None:
    """Given a question that comes in two parts, it is answered once it is whole."""
    session = Session(
        driver_type="x", exchanges=(TcpExchange(sent=b"version", received=b"1\0"),)
    )
    async with Replay(session) as device:
        reader, writer = await asyncio.open_connection("127.0.0.1", device.port)
        writer.write(b"ver")
        await writer.drain()
        await asyncio.sleep(0.05)
        writer.write(b"sion")
        assert await reader.read() == b"1\0"
        writer.close()
        assert await talk(device.port, b"other") == b""
        assert device.requested == {"version": 1, "other": 1}


@pytest.mark.parametrize("bad_response", ANSWERS)
@pytest.mark.parametrize("is_http", [True, False])
async def test_an_odd_device_always_says_the_same(
    bad_response: BadResponse, is_http: bool
) -> None:
    """Given a device that has gone wrong, no answer is the recorded one."""
    tcp = Session(
        driver_type="x",
        exchanges=(TcpExchange(sent=b"stats", received=b'{"n":12345}\0'),),
    )
    ask: Callable[[int], Awaitable[bytes]] = lambda port: talk(  # noqa: E731
        port,
        b"GET /a HTTP/1.1\r\nconnection: close\r\n\r\n" if is_http else b"stats",
    )
    async with Replay(HTTP if is_http else tcp, frozen=True) as device:
        good = await ask(device.port)
        assert b'"n":' in good
        device.bad_response = bad_response
        assert await ask(device.port) != good


async def test_a_pool_over_https_is_asked_over_https(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given an https address, the recorder encrypts towards the pool."""
    asked: dict[str, object] = {}
    real = asyncio.open_connection

    async def connect(host: str, port: int, **options: object) -> None:
        asked.update(host=host, port=port, **options)
        raise OSError

    async with Recorder("pool.example", 443, tls=True) as recorder:
        monkeypatch.setattr(asyncio, "open_connection", connect)
        reader, writer = await real("127.0.0.1", recorder.port)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        with suppress(ConnectionError):
            assert await reader.read() == b""
        writer.close()
    assert (asked["host"], asked["port"], asked["ssl"]) == ("pool.example", 443, True)
