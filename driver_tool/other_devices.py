"""What else answers on a home network: devices that no driver may take for its own."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import override

from .replay import PAGE
from .server import LocalServer


@dataclass(frozen=True, slots=True)
class OtherDevice:
    """One type of unrelated device: its greeting, and its reply to a request."""

    name: str
    answer: Callable[[bytes], bytes]
    greeting: bytes = b""


def _http(status: str, content_type: str, body: bytes) -> Callable[[bytes], bytes]:
    head = (
        f"HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\n"
        f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
    )
    return lambda _: head.encode() + body


_CGMINER = (
    b'{"STATUS":[{"STATUS":"E","When":1700000000,"Code":14,'
    b'"Msg":"Invalid command","Description":"cgminer 4.12.1"}],"id":1}\0'
)

OTHER_DEVICES = (
    OtherDevice(
        "a web server that answers every path with its page",
        _http("200 OK", "text/html", PAGE),
    ),
    OtherDevice(
        "a web server that has no such page", _http("404 Not Found", "text/html", PAGE)
    ),
    OtherDevice(
        "a device with a JSON API of another kind",
        _http(
            "200 OK", "application/json", b'{"uptime":17,"status":"ok","version":"1.0"}'
        ),
    ),
    OtherDevice(
        "a device that answers {} to everything",
        _http("200 OK", "application/json", b"{}"),
    ),
    OtherDevice(
        "a device that wants a login", _http("401 Unauthorized", "text/plain", b"")
    ),
    OtherDevice(
        "a mail server, which speaks first",
        lambda _: b"500 What?\r\n",
        b"220 mail.example ESMTP\r\n",
    ),
    OtherDevice("a cgminer API that knows no command", lambda _: _CGMINER),
)


class OtherDeviceServer(LocalServer):
    """A device of another kind on 127.0.0.1; one question per connection."""

    def __init__(self, kind: OtherDevice) -> None:
        """Make one that does not listen yet."""
        super().__init__()
        self._kind = kind

    @override
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(self._kind.greeting)
        if question := await reader.read(65536):
            writer.write(self._kind.answer(question))
            await writer.drain()
