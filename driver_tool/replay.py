"""Plays the device of a recorded session, or a device that has gone wrong."""

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
import re
from typing import NamedTuple, override

from .keys import leaves, nested
from .server import LocalServer
from .session import HttpExchange, Session, TcpExchange
from .wire import Message, NotHttp, read_request

PAGE = (
    b"<!DOCTYPE html><html><head><title>Login</title></head>"
    b"<body><form>Password</form></body></html>"
)
GARBAGE = b'{"hashRate":\xff\xfe\x00,,,NaN'


class BadResponse(StrEnum):
    """What a device may answer instead of what it should."""

    SILENT = "silent"
    """Nothing, for as long as one waits."""
    HANGS_UP = "hangs up"
    """The end of the connection."""
    HTML = "a web page"
    REDIRECT = "a redirect to a login page"
    GARBAGE = "garbage"
    HALF = "half an answer"
    NOISE = "bytes of another protocol"
    ERROR = "an error (HTTP status 500)"
    LIST = "a JSON list"
    NULL = "JSON null"
    NESTED = "JSON whose values are objects"


ANSWERS = tuple(
    bad_response
    for bad_response in BadResponse
    if bad_response is not BadResponse.SILENT
)
"""All that is an answer."""


class Replay(LocalServer):
    """Serves a session on 127.0.0.1.

    The same request gets its recorded answers in their order, then the last one
    again and again; with ``frozen`` it is the last one from the beginning. What was
    never recorded gets 404 (HTTP) or the end of the connection (TCP).

    ``malformed`` replaces every answer, ``alter`` changes the body of each one,
    ``asked`` counts the requests as "GET /path", with their body if they have one, or
    by what was sent.
    """

    def __init__(
        self, session: Session, port: int = 0, *, frozen: bool = False
    ) -> None:
        """Make a device that does not listen yet."""
        super().__init__(port)
        self.frozen = frozen
        self.bad_response: BadResponse | None = None
        self.alter: Callable[[bytes], bytes] | None = None
        self.requested: Counter[str] = Counter()
        self.was_requested = asyncio.Event()
        self._exchanges = session.exchanges
        self._is_http = session.is_http
        self._http: dict[_Question, list[HttpExchange]] = {}
        self._tcp: dict[bytes, list[TcpExchange]] = {}
        self._next: Counter[object] = Counter()
        for item in session.exchanges:
            if isinstance(item, HttpExchange):
                key = _Question(item.method, item.target, item.sent)
                self._http.setdefault(key, []).append(item)
            else:
                self._tcp.setdefault(item.sent, []).append(item)

    @property
    def answers(self) -> tuple[BadResponse, ...]:
        """Return what it may answer instead. Only JSON can have another shape."""
        is_json = any(leaves(item.received) for item in self._exchanges)
        return tuple(
            bad_response
            for bad_response in ANSWERS
            if is_json or bad_response is not BadResponse.NESTED
        )

    @property
    def requests(self) -> int:
        """Return how many requests came."""
        return self.requested.total()

    @override
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._is_http:
            with suppress(NotHttp):
                await self._serve_http(reader, writer)
        else:
            await self._serve_tcp(reader, writer)

    def _count(self, what: str) -> None:
        self.requested[what] += 1
        self.was_requested.set()

    # HTTP

    async def _serve_http(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while (request := await read_request(reader)) is not None:
            body = request.body.decode("utf-8", "replace")
            self._count(f"{request.first[0]} {request.first[1]} {body}".rstrip())
            if self.bad_response is BadResponse.SILENT:
                await reader.read()  # until the driver hangs up
                return
            data, is_last = self._http_answer(request)
            writer.write(data)
            await writer.drain()
            if is_last or request.closes:
                return

    def _http_answer(self, request: Message) -> tuple[bytes, bool]:
        """Return the bytes of an answer and whether the connection ends with it."""
        exchange = self._find_http(request)
        body = exchange.received if exchange else b'{"error":"not found"}'
        json = {"content-type": "application/json"}
        match self.bad_response:
            case BadResponse.HANGS_UP:
                return b"", True
            case BadResponse.HTML:
                return _encode(200, {"content-type": "text/html"}, PAGE), False
            case BadResponse.REDIRECT:
                return _encode(302, {"location": "/login"}, PAGE), False
            case BadResponse.GARBAGE:
                return _encode(200, json, GARBAGE), False
            case BadResponse.HALF:
                whole = _encode(200, json, body)
                return whole[: len(whole) - max(1, len(body) // 2)], True
            case BadResponse.NOISE:
                return b"220 mail.example ESMTP\r\n", True
            case BadResponse.ERROR:
                return _encode(500, {"content-type": "text/plain"}, b"Error"), False
            case BadResponse.LIST:
                return _encode(200, json, b"[1,2,3]"), False
            case BadResponse.NULL:
                return _encode(200, json, b"null"), False
            case BadResponse.NESTED:
                return _encode(200, json, nested(body)), False
        if exchange is None:
            return _encode(404, json, body), False
        if self.alter is not None:
            body = self.alter(body)
        return _encode(exchange.status, exchange.headers, body), False

    def _find_http(self, request: Message) -> HttpExchange | None:
        method, target, _ = request.first
        exact = _Question(method, target, request.body)
        if exact in self._http:
            return self._turn(exact, self._http[exact])
        for question, items in self._http.items():
            if question.is_like(exact):
                return self._turn(question, items)
        return None

    # TCP

    async def _serve_tcp(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        received = bytearray()
        while chunk := await reader.read(65536):
            received += chunk
            sent = bytes(received)
            if self.bad_response is None and sent not in self._tcp:
                if any(other.startswith(sent) for other in self._tcp):
                    continue  # there is more to come
                self._count(sent.decode("utf-8", "replace"))
                return
            self._count(sent.decode("utf-8", "replace"))
            if self.bad_response is BadResponse.SILENT:
                await reader.read()
                return
            writer.write(self._tcp_answer(sent))
            await writer.drain()
            return

    def _tcp_answer(self, sent: bytes) -> bytes:
        items = self._tcp.get(sent, [])
        body = self._turn(sent, items).received if items else b"{}\0"
        match self.bad_response:
            case BadResponse.HANGS_UP:
                return b""
            case BadResponse.HTML | BadResponse.REDIRECT:
                return _encode(400, {"content-type": "text/html"}, PAGE)
            case BadResponse.GARBAGE:
                return GARBAGE
            case BadResponse.HALF:
                return body[: len(body) // 2]
            case BadResponse.NOISE | BadResponse.ERROR:
                return b"500 What?\r\n"
            case BadResponse.LIST:
                return b"[1,2,3]\0"
            case BadResponse.NULL:
                return b"null\0"
            case BadResponse.NESTED:
                return nested(body)
        return body if self.alter is None else self.alter(body)

    def _turn[T](self, key: object, items: list[T]) -> T:
        if self.frozen:
            return items[-1]
        index = min(self._next[key], len(items) - 1)
        self._next[key] += 1
        return items[index]


class _Question(NamedTuple):
    """A request of a driver over HTTP."""

    method: str
    target: str
    body: bytes

    def is_like(self, other: _Question) -> bool:
        """Return whether only a clock or a counter in it differs."""
        return (
            self.method == other.method
            and _CLOCK.sub("0", self.target) == _CLOCK.sub("0", other.target)
            and _without_counters(self.body) == _without_counters(other.body)
        )


# Seconds or milliseconds since 1970
_CLOCK = re.compile(r"(?<=[=/])[12]\d{9}(?:\d{3})?(?=[&/?]|$)")
_COUNTER = re.compile(rb"(?<![\w.])\d+(?![\w.])")


def _without_counters(body: bytes) -> bytes:
    return _COUNTER.sub(b"0", b"".join(body.split()))


def _encode(status: int, headers: object, body: bytes) -> bytes:
    assert isinstance(headers, dict)
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if status not in (204, 304):
        lines.append(f"content-length: {len(body)}")
    else:
        body = b""
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


_REASONS = {200: "OK", 302: "Found", 404: "Not Found", 500: "Internal Server Error"}
