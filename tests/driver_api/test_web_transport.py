"""The client for the APIs of pools, against servers that behave and that do not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from email.utils import formatdate
import gzip
import math
import socket
import ssl
import time
import traceback

import aiohttp
import pytest

from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    CannotConnect,
    DriverError,
    HtmlAnswer,
    RedirectAnswer,
)
from custom_components.hmm.driver_api.transports import web
from custom_components.hmm.driver_api.transports.json_text import (
    MAX_OBJECTS,
    MAX_VALUES,
)
from custom_components.hmm.driver_api.transports.web import WebAnswer, WebApi
from custom_components.hmm.driver_api.units import parse_amount
from tests.certificate import server_context, write_certificate
from tests.listening import listening

type Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

SECRET = "bc1qsecretwallet"


class Server:
    """A server that keeps the heads of its requests."""

    def __init__(self, script: Script) -> None:
        """Serve each connection with a script."""
        self.script = script
        self.base = ""
        self.heads: list[str] = []
        self.at: list[float] = []
        self.sent = 0

    async def accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        try:
            await self.script(reader, writer)
        except ConnectionError, asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    async def head(self, reader: asyncio.StreamReader) -> str:
        """Return the head of one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        self.heads.append(head)
        self.at.append(time.monotonic())
        return head

    @property
    def paths(self) -> list[str]:
        """What was asked for."""
        return [head.split()[1] for head in self.heads]


@asynccontextmanager
async def serving(
    answer: bytes | Callable[[str], bytes] | None = None,
    *,
    script: Callable[[Server], Script] | None = None,
    tls: ssl.SSLContext | None = None,
    close: bool = False,
) -> AsyncGenerator[Server]:
    """Run a server that answers so, or by a script of its own."""

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = await server.head(reader)
            assert answer is not None
            writer.write(answer(head) if callable(answer) else answer)
            await writer.drain()
            if close:
                return

    server = Server(plain)
    if script is not None:
        server.script = script(server)
    async with listening(server.accept, tls) as port:
        server.base = f"{'https' if tls else 'http'}://127.0.0.1:{port}/api"
        yield server


def reply(body: bytes, status: int = 200, more: str = "") -> bytes:
    """Return a whole answer, which never says that it is JSON."""
    return (
        f"HTTP/1.1 {status} X\r\nContent-Type: application/octet-stream\r\n"
        f"Content-Length: {len(body)}\r\n{more}\r\n"
    ).encode() + body


# Answers


@pytest.mark.parametrize(
    ("body", "charset"),
    [
        (b'\xef\xbb\xbf{"name": "\xc3\xa4"}', "utf-8"),
        (b'{"name": "\xc3\xa4"}\n\0', "utf-8"),
        (b'{"name": "\xe4"}', "iso-8859-1"),
        (b'{"name": "\xe4"}', '"Windows-1252"'),
    ],
)
async def test_json_as_small_web_servers_send_it(
    session: aiohttp.ClientSession, body: bytes, charset: str
) -> None:
    """Given JSON in an odd wrapping, it is read all the same."""
    answer = (
        f"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset={charset}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    async with serving(answer.encode() + body) as server:
        data, _ = await WebApi(session, server.base).get_json("stats")
    assert data == {"name": "ä"}


async def test_json(session: aiohttp.ClientSession) -> None:
    """JSON is JSON whatever its type is called, and slashes do not pile up."""
    async with serving(reply('{"hashrate": 1.5, "name": "a\x01γ"}'.encode())) as server:
        api = WebApi(session, f"{server.base}/", headers={"Pool-Auth-Token": "k"})
        data, latency = await api.get_object("/stats?x=1")
        assert data == {"hashrate": 1.5, "name": "a\x01γ"}
        assert latency > 0
        await api.get_json("stats")
    assert server.paths == ["/api/stats?x=1", "/api/stats"]
    assert all("\r\nPool-Auth-Token: k\r\n" in head for head in server.heads)


async def test_nothing_there(session: aiohttp.ClientSession) -> None:
    """404 is an answer: there is no such account."""
    async with serving(reply(b"<html>Not Found</html>", 404)) as server:
        api = WebApi(session, server.base)
        for data, latency in (
            await api.get_object("x"),
            await api.get_json("x"),
            await api.shared_object("x", 9),
        ):
            assert data is None
            assert latency > 0
        answer = await api.get("x")
        assert (answer.status, answer.text) == (404, "<html>Not Found</html>")


@pytest.mark.parametrize(
    ("body", "kind", "says"),
    [
        (b"<html>maintenance</html>", HtmlAnswer, "web page"),
        (b"\n <!DOCTYPE html>", HtmlAnswer, "web page"),
        (b"", BadAnswer, "JSON"),
        (b'{"a": ', BadAnswer, "JSON"),
        (b"\xff\xfe\x00", BadAnswer, "JSON"),
        (b"[" * 100_000, BadAnswer, "JSON"),
        (b"9" * 5000, BadAnswer, "JSON"),
        (b"[1]", BadAnswer, "shape"),
        (b"null", None, ""),
        (b'"text"', BadAnswer, "shape"),
        (b"7", BadAnswer, "shape"),
    ],
)
async def test_not_an_object(
    session: aiohttp.ClientSession,
    body: bytes,
    kind: type[DriverError] | None,
    says: str,
) -> None:
    """Each says what it is; a bare null is as good as nothing there."""
    async with serving(reply(body)) as server:
        api = WebApi(session, server.base)
        if kind is None:
            assert (await api.get_object("stats"))[0] is None
            return
        with pytest.raises(kind, match=says):
            await api.get_object("stats")


async def test_numbers_that_are_none(session: aiohttp.ClientSession) -> None:
    """NaN and 1e400 are read, so that the rest of the answer counts."""
    body = b'{"a": NaN, "b": 1e400, "c": -Infinity, "d": 5}'
    async with serving(reply(body)) as server:
        data, _ = await WebApi(session, server.base).get_object("stats")
    assert data is not None
    assert math.isnan(data["a"])
    assert [parse_amount(data[key]) for key in "abcd"] == [None, None, None, 5]


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (400, BadAnswer, "400"),
        (401, BadAnswer, "401"),
        (403, BadAnswer, "403"),
        (500, CannotConnect, "500"),
        (502, CannotConnect, "502"),
        (503, CannotConnect, "503"),
        (302, RedirectAnswer, "moved, or wants a login"),
        (308, RedirectAnswer, "moved"),
        (304, RedirectAnswer, "moved"),
    ],
)
async def test_status(
    session: aiohttp.ClientSession, status: int, kind: type[DriverError], says: str
) -> None:
    """Errors of the server are for now; a redirect is told, not followed."""
    more = "Location: /api/login\r\n" if status < 400 else ""
    async with serving(reply(b"" if status == 304 else b"{}", status, more)) as server:
        with pytest.raises(kind, match=says):
            await WebApi(session, server.base).get("stats")
    assert server.paths == ["/api/stats"]


@pytest.mark.parametrize("status", [401, 403])
async def test_refused_key(session: aiohttp.ClientSession, status: int) -> None:
    """Only who has a key can be told that it is wrong."""
    async with serving(reply(b"Forbidden", status)) as server:
        with pytest.raises(AuthRequired, match="key"):
            await WebApi(session, server.base, keyed=True).get_object("stats")


async def test_a_page_is_no_refusal(session: aiohttp.ClientSession) -> None:
    """A CDN that takes us for a robot knows nothing of keys; 401 is always ours."""
    page = b"\n<!DOCTYPE html><html>Just a moment...</html>"
    async with serving(reply(page, 403)) as server:
        with pytest.raises(HtmlAnswer, match="web page"):
            await WebApi(session, server.base, keyed=True).get_object("stats")
        with pytest.raises(BadAnswer, match=r"refuses to answer.*403"):
            await WebApi(session, server.base).get_object("stats")
    async with serving(reply(page, 401)) as server:
        with pytest.raises(AuthRequired, match="key"):
            await WebApi(session, server.base, keyed=True).get_object("stats")


def test_an_answer_keeps_its_text_out_of_repr() -> None:
    """Pools answer with accounts and addresses."""
    assert SECRET not in repr(WebAnswer(200, SECRET, 1.0))


async def test_errors_quote_no_wallet(session: aiohttp.ClientSession) -> None:
    """Neither from the address nor from the body, not even in a traceback."""
    bodies = [
        b"not http at all " * 9 + b"\r\n\r\n",
        reply(SECRET.encode()),
        reply(b"{}", 403),
        reply(b"{}", 500),
        reply(b"{}")[:-1],
        reply(b"", 302, "Location: /login\r\n"),
    ]
    reported: list[DriverError] = []
    for body in bodies:
        async with serving(body, close=True) as server:
            with pytest.raises(DriverError) as caught:
                await WebApi(session, server.base).get_object(f"users/{SECRET}")
        reported.append(caught.value)
    with pytest.raises(DriverError) as caught:
        await WebApi(session, f"http://[{SECRET}").get("x")
    reported.append(caught.value)
    for error in reported:
        assert SECRET not in "".join(traceback.format_exception(error))
        assert SECRET not in repr(error.__cause__)


# Limits


@asynccontextmanager
async def pouring(
    head: str, piece: bytes, *, chunked: bool = False
) -> AsyncGenerator[Server]:
    """Run a server that would send 200 MB, and count what it got rid of."""

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.head(reader)
            writer.write(f"HTTP/1.1 200 OK\r\n{head}\r\n".encode())
            while server.sent < 200_000_000:
                size = b"%x\r\n" % len(piece)
                writer.write(size + piece + b"\r\n" if chunked else piece)
                await writer.drain()
                server.sent += len(piece)

        return run

    async with serving(script=script) as server:
        yield server


@pytest.mark.parametrize(
    ("head", "chunked"),
    [
        ("", False),
        ("Content-Length: 200000000\r\n", False),
        ("Transfer-Encoding: chunked\r\n", True),
    ],
)
async def test_200_megabytes(
    session: aiohttp.ClientSession, head: str, chunked: bool
) -> None:
    """It is cut off at the limit, not read and thrown away."""
    async with pouring(head, b" " * 65536, chunked=chunked) as server:
        with pytest.raises(BadAnswer, match="too long"):
            await WebApi(session, server.base, max_bytes=100_000).get("stats")
        # What the buffers of both ends took
        assert server.sent < 50_000_000


async def test_at_the_limit(session: aiohttp.ClientSession) -> None:
    """A byte more is too much."""
    async with serving(reply(b'"123"')) as server:
        assert (await WebApi(session, server.base, max_bytes=5).get("x")).text
        with pytest.raises(BadAnswer, match="too long"):
            await WebApi(session, server.base, max_bytes=4).get("x")
    assert WebApi(session, "http://x")._max_bytes == web.MAX_ANSWER


async def test_more_objects_than_any_account_has(
    session: aiohttp.ClientSession,
) -> None:
    """They would cost every reader of them time in which Home Assistant waits."""
    for body in (b"{}," * MAX_OBJECTS, b"[]," * MAX_OBJECTS):
        async with serving(reply(b"[" + body + b"1]")) as server:
            with pytest.raises(BadAnswer, match="JSON"):
                await WebApi(session, server.base).get_json("x")
        async with serving(reply(b"[" + body[3:] + b"1]")) as server:
            data, _ = await WebApi(session, server.base).get_json("x")
            assert len(data) == MAX_OBJECTS


async def test_more_values_than_any_account_has(
    session: aiohttp.ClientSession,
) -> None:
    """Numbers take the longest to read, and text that is no JSON is read twice."""
    names = (f'"{number}":1' for number in range(MAX_VALUES))
    for fits, is_too_long in (
        ("[1" + ",1" * MAX_VALUES + "]", "[1,1" + ",1" * MAX_VALUES + "]"),
        ("{" + (members := ",".join(names)) + "}", "{" + members + ',"x":1}'),
        ('["' + ":" * MAX_VALUES + '"]', '[":' + ":" * MAX_VALUES + '"]'),
    ):
        async with serving(reply(fits.encode())) as server:
            await WebApi(session, server.base).get_json("x")
        async with serving(reply(is_too_long.encode())) as server:
            with pytest.raises(BadAnswer, match="JSON"):
                await WebApi(session, server.base).get_json("x")


async def test_packed(session: aiohttp.ClientSession) -> None:
    """A packed answer is unpacked."""
    packed = gzip.compress(b'{"a": 1}')
    async with serving(reply(packed, more="Content-Encoding: gzip\r\n")) as server:
        assert (await WebApi(session, server.base).get_object("x"))[0] == {"a": 1}


async def test_a_packed_bomb(
    session: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit is for what it unpacks to, and it is never unpacked as a whole."""
    bomb = gzip.compress(bytes(200_000_000), 9)
    assert len(bomb) < 250_000
    pieces: list[int] = []
    readany = aiohttp.StreamReader.readany

    async def measured(self: aiohttp.StreamReader) -> bytes:
        piece = await readany(self)
        pieces.append(len(piece))
        return piece

    monkeypatch.setattr(aiohttp.StreamReader, "readany", measured)
    async with serving(reply(bomb, more="Content-Encoding: gzip\r\n")) as server:
        with pytest.raises(BadAnswer, match="too long"):
            await WebApi(session, server.base, max_bytes=1_000_000).get("x")
    assert sum(pieces) < 20_000_000


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"a": 1', "broke off"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
            "broke off",
        ),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
            "broke off|HTTP",
        ),
        (
            b"HTTP/1.1 200 X\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno",
            "broke off|HTTP",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n" * 9, "HTTP"),
    ],
)
async def test_broken(session: aiohttp.ClientSession, answer: bytes, says: str) -> None:
    """Half an answer is none."""
    async with serving(answer, close=True) as server:
        with pytest.raises(BadAnswer, match=says):
            await WebApi(session, server.base).get_json("stats")


# Nobody there


async def test_refused(session: aiohttp.ClientSession) -> None:
    """A closed port."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        base = f"http://127.0.0.1:{closed.getsockname()[1]}"
        with pytest.raises(CannotConnect, match="reached"):
            await WebApi(session, base).get("stats")


async def test_reset(session: aiohttp.ClientSession) -> None:
    """A connection that is dropped."""

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.head(reader)
            writer.transport.abort()

        return run

    async with serving(script=script) as server:
        with pytest.raises(CannotConnect, match="reached"):
            await WebApi(session, server.base).get("stats")


@pytest.mark.parametrize("begins", [b"", b'HTTP/1.1 200 OK\r\n\r\n{"a"'])
async def test_silent(session: aiohttp.ClientSession, begins: bytes) -> None:
    """A pool that says nothing, or stops in the middle, is given up."""

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.head(reader)
            writer.write(begins)
            await reader.read()

        return run

    async with serving(script=script) as server:
        with pytest.raises(CannotConnect, match="in time"):
            await WebApi(session, server.base, timeout=0.05).get("stats")


@pytest.mark.parametrize(
    "base", ["", "pool.example.org", "http://", "http://[", "http://a b/", "ftp://x"]
)
async def test_no_address(session: aiohttp.ClientSession, base: str) -> None:
    """What is no address at all asks nobody."""
    with pytest.raises(CannotConnect):
        await WebApi(session, base).get("stats")


async def test_no_session() -> None:
    """A driver that got none."""
    with pytest.raises(CannotConnect, match="session"):
        await WebApi(None, "http://127.0.0.1:1").get("stats")


# TLS


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> ssl.SSLContext:
    """Return a certificate that nobody has signed."""
    return server_context(write_certificate(tmp_path_factory.mktemp("tls")))


async def test_a_certificate_of_its_own(
    session: aiohttp.ClientSession, tls: ssl.SSLContext
) -> None:
    """It is refused, unless the user said that it is all right."""
    async with serving(reply(b'{"a": 1}'), tls=tls) as server:
        with pytest.raises(CannotConnect, match="certificate cannot be trusted"):
            await WebApi(session, server.base).get("stats")
        assert server.heads == []
        api = WebApi(session, server.base, verify_ssl=False)
        assert (await api.get_object("stats"))[0] == {"a": 1}


async def test_https_where_there_is_none(session: aiohttp.ClientSession) -> None:
    """A wrong scheme is not called a bad certificate."""

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await reader.read(1)
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        return run

    async with serving(script=script) as server:
        base = server.base.replace("http:", "https:")
        with pytest.raises(CannotConnect, match="HTTPS"):
            await WebApi(session, base).get("stats")


# Asked to wait


async def test_429(session: aiohttp.ClientSession) -> None:
    """Nothing is asked before the pause is over; then all is well."""
    answers = [reply(b"slow down", 429, "Retry-After: 30\r\n"), reply(b"{}")]
    async with serving(lambda _: answers[len(server.heads) - 1]) as server:
        api = WebApi(session, server.base)
        for _ in range(3):
            with pytest.raises(CannotConnect, match="less often"):
                await api.get("stats")
        assert len(server.heads) == 1
        api._paused_until = time.monotonic()
        assert (await api.get_object("stats"))[0] == {}


@pytest.mark.parametrize(
    ("status", "wish", "least", "most"),
    [
        (429, "30", 20, 30),
        (429, None, 50, 60),
        (429, "soon", 50, 60),
        (429, "0", 50, 60),
        (429, "-5", 50, 60),
        (429, "nan", 50, 60),
        (429, "999999", 890, 900),
        (429, "in 100 s", 100, 200),
        (429, "100 s ago", 50, 60),
        (429, "Fri, 31 Dec 99999 23:59:59 GMT", 50, 900),
        (503, "120", 110, 120),
        (503, None, 0, 0),
        (503, "x", 0, 0),
        (502, "120", 0, 0),
    ],
)
async def test_retry_after(
    session: aiohttp.ClientSession,
    status: int,
    wish: str | None,
    least: float,
    most: float,
) -> None:
    """Seconds or a date, within reason; without it a minute after 429."""
    if wish == "in 100 s":
        wish = formatdate(time.time() + 200, usegmt=True)
    elif wish == "100 s ago":
        wish = formatdate(time.time() - 100, usegmt=True)
    more = "" if wish is None else f"Retry-After: {wish}\r\n"
    async with serving(reply(b"", status, more)) as server:
        api = WebApi(session, server.base)
        with pytest.raises(CannotConnect):
            await api.get("stats")
        pause = max(0.0, api._paused_until - time.monotonic())
        assert least <= pause <= most


@pytest.mark.parametrize("skew", [-86_400, 86_400])
async def test_retry_after_a_date_by_the_servers_clock(
    session: aiohttp.ClientSession, skew: float
) -> None:
    """The moment that the server names is one of its own clock."""
    now = time.time() + skew
    more = f"Date: {formatdate(now, usegmt=True)}\r\n"
    more += f"Retry-After: {formatdate(now + 200, usegmt=True)}\r\n"
    async with serving(reply(b"", 429, more)) as server:
        api = WebApi(session, server.base)
        with pytest.raises(CannotConnect):
            await api.get("stats")
        assert api._paused_until - time.monotonic() == pytest.approx(200, abs=3)


@pytest.mark.parametrize(
    ("date", "age", "ahead"),
    [
        (-40 * 86_400, None, -40 * 86_400),
        (3600, None, 3600),
        # A cache kept the answer for ten minutes
        (-600, "600", 0),
        (-600, "-1", -600),
        (-600, "1e300", -600),
        (-600, "nan", -600),
    ],
)
async def test_the_servers_clock(
    session: aiohttp.ClientSession, date: float, age: str | None, ahead: float
) -> None:
    """It goes on from the last answer; without one, time is ours."""
    more = f"Date: {formatdate(time.time() + date, usegmt=True)}\r\n"
    more += "" if age is None else f"Age: {age}\r\n"
    async with serving(reply(b"{}", more=more)) as server:
        api = WebApi(session, server.base)
        assert api.server_time is None
        assert api.now() == pytest.approx(time.time(), abs=1)
        await api.get("stats")
        assert api.server_time == pytest.approx(time.time() + ahead, abs=2)
        assert api.now() == pytest.approx(time.time() + ahead, abs=2)


@pytest.mark.parametrize(
    "date", ["", "soon", "Thu, 01 Jan 1970 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59"]
)
async def test_a_clock_that_is_none(session: aiohttp.ClientSession, date: str) -> None:
    """A date that cannot be is not taken."""
    async with serving(reply(b"{}", more=f"Date: {date}\r\n")) as server:
        api = WebApi(session, server.base)
        await api.get("stats")
        assert api.server_time is None


async def test_a_pause_is_not_shortened(session: aiohttp.ClientSession) -> None:
    """By another answer that was under way."""
    answers = [reply(b"", 429, "Retry-After: 500\r\n"), reply(b"", 503)]
    async with serving(lambda _: answers[len(server.heads) - 1]) as server:
        api = WebApi(session, server.base)
        await asyncio.gather(api.get("a"), api.get("b"), return_exceptions=True)
        assert len(server.heads) == 2
        assert api._paused_until - time.monotonic() > 400


async def test_the_gap(session: aiohttp.ClientSession) -> None:
    """Requests come one at a time, each a gap after the answer to the last."""
    gap = 0.05
    done: list[float] = []

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            while True:
                await server.head(reader)
                await asyncio.sleep(0.01)
                done.append(time.monotonic())
                writer.write(reply(b"{}", 500 if len(done) == 1 else 200))

        return run

    async with serving(script=script) as server:
        api = WebApi(session, server.base, gap_seconds=gap)
        results = await asyncio.gather(
            *(api.get(f"{number}") for number in range(4)), return_exceptions=True
        )
        await api.get("4")
        assert server.paths == [f"/api/{number}" for number in range(5)]
    # A failure counts, too
    assert [type(result) for result in results] == [CannotConnect, *[WebAnswer] * 3]
    waits = [start - end for end, start in zip(done, server.at[1:], strict=False)]
    assert len(waits) == 4
    assert min(waits) >= gap


async def test_no_gap(session: aiohttp.ClientSession) -> None:
    """A pool that does not mind is asked at once."""
    both = asyncio.Barrier(2)

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.head(reader)
            # Neither is answered before both have asked
            await both.wait()
            writer.write(reply(b"{}"))

        return run

    async with serving(script=script) as server:
        api = WebApi(session, server.base)
        await asyncio.gather(api.get("a"), api.get("b"))


async def test_those_in_the_queue_hear_of_a_pause(
    session: aiohttp.ClientSession,
) -> None:
    """Who waited for a turn when the pool asked to be left alone does not ask."""
    async with serving(reply(b"", 429)) as server:
        api = WebApi(session, server.base, gap_seconds=0.01)
        results = await asyncio.gather(
            *(api.get("x") for _ in range(3)), return_exceptions=True
        )
        assert [type(result) for result in results] == [CannotConnect] * 3
        assert len(server.heads) == 1


async def test_who_gives_up_holds_nobody_up(session: aiohttp.ClientSession) -> None:
    """A request that is cancelled frees its turn, but its time counts."""
    async with serving(reply(b"{}")) as server:
        api = WebApi(session, server.base, gap_seconds=0.05)
        await api.get("a")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await api.get("b")
        await api.get("c")
    assert server.paths == ["/api/a", "/api/c"]
    assert server.at[1] - server.at[0] >= 0.05


# One request for many


async def test_shared(session: aiohttp.ClientSession) -> None:
    """Together or in turn, until it is too old; each path for itself."""
    async with serving(
        lambda _: reply(f'{{"n": {len(server.heads)}}}'.encode())
    ) as server:
        api = WebApi(session, server.base)
        answers = await asyncio.gather(*(api.shared_object("a", 99) for _ in range(5)))
        answers.append(await api.shared_object("a", 99))
        assert [data for data, _ in answers] == [{"n": 1}] * 6
        assert (await api.shared_object("b", 99))[0] == {"n": 2}
        assert (await api.shared_object("a", 0))[0] == {"n": 3}
        assert (await api.shared_object("a", 99))[0] == {"n": 3}
    assert server.paths == ["/api/a", "/api/b", "/api/a"]


@pytest.mark.parametrize("answer", [reply(b"", 500), reply(b"[]"), reply(b"", 403)])
async def test_shared_failure(
    session: aiohttp.ClientSession, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pool that is down is not asked by everybody, and asked again soon."""
    answers = [answer, reply(b"{}")]
    async with serving(lambda _: answers[len(server.heads) - 1]) as server:
        api = WebApi(session, server.base, keyed=True)
        errors = await asyncio.gather(
            *(api.shared_object("a", 9999) for _ in range(3)), return_exceptions=True
        )
        assert len({type(error) for error in errors}) == 1
        assert all(isinstance(error, DriverError) for error in errors)
        # Not one exception for all: each has a traceback of its own
        assert len({id(error) for error in errors}) == 3
        assert len(server.heads) == 1
        monkeypatch.setattr(web, "SHARED_FAILURE", 0.0)
        assert (await api.shared_object("a", 9999))[0] == {}


async def test_shared_and_cancelled(session: aiohttp.ClientSession) -> None:
    """Who comes after one that gave up asks anew."""
    let_go = asyncio.Event()

    def script(server: Server) -> Script:
        async def run(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.head(reader)
            if len(server.heads) == 1:
                let_go.set()
                await reader.read()
            writer.write(reply(b"{}"))

        return run

    async with serving(script=script) as server:
        api = WebApi(session, server.base)
        first = asyncio.create_task(api.shared_object("a", 99))
        await let_go.wait()
        first.cancel()
        assert (await api.shared_object("a", 99))[0] == {}
        assert first.cancelled()


# The end of a long file

LOG = b"".join(b"line %d\n" % number for number in range(1000))


def ranged(head: str) -> bytes:
    """Answer as a server does that knows ranges."""
    length = int(head.lower().partition("range: bytes=-")[2].partition("\r")[0])
    body = LOG[-length:]
    return reply(body, 206, f"Content-Range: bytes 0-1/{len(LOG)}\r\n")


@pytest.mark.parametrize("answer", [ranged, reply(LOG)])
async def test_last_bytes(session: aiohttp.ClientSession, answer: bytes) -> None:
    """The end comes, whether the server knows ranges or not."""
    async with serving(answer) as server:
        api = WebApi(session, server.base)
        found = await api.get("ckpool.log", last_bytes=20)
        assert found.text == LOG[-20:].decode()
        assert (await api.get("ckpool.log", last_bytes=len(LOG) * 2)).text == (
            LOG.decode()
        )
    # A part of what is packed could not be unpacked
    assert all("Accept-Encoding: identity" in head for head in server.heads)


async def test_last_bytes_of_a_file_that_is_too_long(
    session: aiohttp.ClientSession,
) -> None:
    """A server that sends it all from the start is cut off."""
    async with serving(reply(LOG)) as server:
        with pytest.raises(BadAnswer, match="too long"):
            await WebApi(session, server.base, max_bytes=100).get("x", last_bytes=9)


async def test_interim_responses_without_end(session: aiohttp.ClientSession) -> None:
    """Given a server that floods with "100 Continue", the connection ends soon."""
    is_cut = asyncio.Event()

    def script(server: Server) -> Script:
        async def flood(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            await server.head(reader)
            for _ in range(300):
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000)
                try:
                    await writer.drain()
                except ConnectionError:
                    is_cut.set()
                    return

        return flood

    async with serving(script=script) as server:
        with pytest.raises(BadAnswer):
            await WebApi(session, server.base, timeout=60).get("/")
        await is_cut.wait()
