"""Stands between a driver and its device and writes down what they say."""

import asyncio
import re
from typing import override

from .server import LIMIT, LocalServer
from .session import Exchange, HttpExchange, Session, TcpExchange
from .wire import Message, NotHttp, read_answer, read_request

KEPT_HEADERS = ("content-type", "location", "retry-after")
"""Those of an answer that a driver may look at. A session id is not among them."""

_HOST = re.compile(rb"\r\nhost:[^\r]*", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\naccept-encoding:[^\r]*", re.IGNORECASE)
_CONNECT_SECONDS = 10


class Recorder(LocalServer):
    """A proxy on 127.0.0.1 for one device or pool at ``host:port``.

    The driver connects to ``recorder.host`` and ``recorder.port``. Bytes pass as
    they are, but for the ``Host`` of a request, and that answers are not to be
    packed. Over plain TCP (``is_http`` False) one connection is one exchange.
    """

    def __init__(
        self, host: str, port: int, *, is_http: bool = True, tls: bool = False
    ) -> None:
        """Make a proxy that does not listen yet; ``tls`` is towards the device."""
        super().__init__()
        self.exchanges: list[Exchange] = []
        self._device = (host, port)
        self._is_http = is_http
        self._tls = tls

    def session(self, driver_type: str) -> Session:
        """Return what was said so far."""
        return Session(driver_type=driver_type, exchanges=tuple(self.exchanges))

    @override
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        host, port = self._device
        async with asyncio.timeout(_CONNECT_SECONDS):
            # A device that is not there looks so to the driver: it is cut off
            device = await asyncio.open_connection(
                host, port, ssl=self._tls or None, limit=LIMIT
            )
        try:
            if self._is_http:
                await self._serve_http((reader, writer), device)
            else:
                await self._serve_tcp((reader, writer), device)
        finally:
            device[1].transport.abort()

    async def _serve_http(self, driver: _Stream, device: _Stream) -> None:
        while True:
            try:
                request = await read_request(driver[0])
            except NotHttp:
                return
            if request is None:
                return
            device[1].write(self._towards_device(request))
            try:
                answer = await read_answer(device[0], request.first[0])
            except NotHttp as err:
                # Half an answer, or another protocol: the driver is to see it too
                rest = await device[0].read(LIMIT)
                driver[1].write(err.raw + rest)
                await driver[1].drain()
                return
            if answer is None:
                return
            self.exchanges.append(_exchange(request, answer))
            driver[1].write(answer.raw)
            await driver[1].drain()
            if request.closes or answer.closes:
                return

    def _towards_device(self, request: Message) -> bytes:
        host, port = self._device
        name = host if port in (80, 443) else f"{host}:{port}"
        head, gap, body = request.raw.partition(b"\r\n\r\n")
        head = _HOST.sub(b"\r\nHost: " + name.encode("latin-1"), head)
        head = _ENCODING.sub(b"\r\nAccept-Encoding: identity", head)
        return head + gap + body

    async def _serve_tcp(self, driver: _Stream, device: _Stream) -> None:
        sent, received = bytearray(), bytearray()
        there = asyncio.create_task(_pump(driver[0], device[1], sent))
        back = asyncio.create_task(_pump(device[0], driver[1], received))
        try:
            await asyncio.wait((there, back), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (there, back):
                task.cancel()
            await asyncio.gather(there, back, return_exceptions=True)
            if sent and received:
                self.exchanges.append(
                    TcpExchange(sent=bytes(sent), received=bytes(received))
                )


type _Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, into: bytearray
) -> None:
    """Pass bytes on until one side hangs up."""
    while chunk := await reader.read(65536):
        into += chunk
        writer.write(chunk)
        await writer.drain()


def _exchange(request: Message, answer: Message) -> HttpExchange:
    return HttpExchange(
        method=request.first[0],
        target=request.first[1],
        sent=request.body,
        status=int(answer.first[1]),
        headers={
            name: answer.headers[name]
            for name in KEPT_HEADERS
            if name in answer.headers
        },
        received=answer.body,
    )
