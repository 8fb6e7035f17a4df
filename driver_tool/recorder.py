"""A proxy between a driver and its device that records their traffic."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
import re
from typing import Any, override

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    DriverContext,
    DriverError,
)
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.pool_client import (
    close_pool_driver,
    fetch_tiles,
    make_pool_driver,
)

from . import ToolError
from .conformance import shared_session
from .server import LocalServer
from .session import Exchange, HttpExchange, Session, TcpExchange
from .targets import Target, account_at
from .wire import Message, NotHttp, read_answer, read_request

KEPT_HEADERS = ("content-type", "location", "retry-after")
"""Those of a response that a driver may read. A session id is not among them."""

_HOST = re.compile(rb"\r\nhost:[^\r]*", re.IGNORECASE)
_ENCODING = re.compile(rb"\r\naccept-encoding:[^\r]*", re.IGNORECASE)
_CONNECT_SECONDS = 10
_LOOK_SECONDS = 3
_EXTRA_SECONDS = 30

POLLS = 3


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
        self.is_unreachable = False

    async def check_device(self) -> None:
        """Note whether anything answers, if nothing was said."""
        if not self.exchanges:
            with suppress(OSError):
                _, writer = await self._reach(_LOOK_SECONDS)
                writer.transport.abort()

    async def _reach(self, seconds: float) -> _Stream:
        """Connect to the device. Raises OSError: nothing answers."""
        host, port = self._device
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.open_connection(
                    host, port, ssl=self._tls or None, limit=self.limit
                )
        except OSError:
            self.is_unreachable = True
            raise

    def session(self, driver_type: str | None) -> Session:
        """Return the session so far. Raises ToolError: there was no exchange."""
        if not self.exchanges:
            why = (
                "nothing answers at {}:{}".format(*self._device)
                if self.is_unreachable
                else "{}:{} gives no answer that can be recorded".format(*self._device)
                if self.connections
                else "the driver did not ask the address that it was given. A pool"
                " driver is told by a setting: --set api_base=http://{address}/api"
            )
            raise ToolError(f"Nothing was recorded: {why}")
        return Session(driver_type=driver_type or "", exchanges=tuple(self.exchanges))

    @override
    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        # A missing device appears so to the driver: the connection is closed
        device = await self._reach(_CONNECT_SECONDS)
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
                rest = await device[0].read(self.limit)
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


async def record_miner(
    driver_class: type[BaseMinerAdapter],
    target: Target,
    options: Mapping[str, Any],
    polls: int = POLLS,
) -> Session:
    """Return the exchanges of driver and device while it connects and polls.

    Only one port is listened to: the device's, or the driver's usual one. Raises
    DriverError; ToolError: nothing was said that can be recorded.
    """
    port = target.port or driver_class.default_port or 80
    is_http = driver_class.connection_type != "tcp"
    async with (
        Recorder(target.host, port, is_http=is_http) as recorder,
        shared_session() as session,
    ):
        context = DriverContext(session=session, options=options)
        client = MinerClient(driver_class, context, recorder.host, recorder.port)
        try:
            for _ in range(polls):
                await client.poll()
        except DriverError as err:
            if driver_class.connection_type != "udp":
                await recorder.check_device()
                if not recorder.is_unreachable:
                    raise
                return recorder.session(driver_class.driver_type)
            if recorder.exchanges:
                raise
            msg = "Nothing was recorded: what a device broadcasts (UDP) cannot be"
            raise ToolError(msg) from err
        finally:
            await client.close()
    return recorder.session(driver_class.driver_type)


async def record_pool(
    driver_class: type[BasePoolIntegration], target: Target, account: Mapping[str, Any]
) -> Session:
    """Return the exchanges of driver and pool while it fetches all that there is.

    The driver must be given the address of the recorder: ``{address}`` in a setting
    stands for it. Raises DriverError; ToolError: nothing was said.
    """
    async with (
        Recorder(target.host, target.port or 80, tls=target.tls) as recorder,
        shared_session() as session,
    ):
        pool_account = account_at(account, recorder.address)
        driver = make_pool_driver(driver_class, session)
        reported = {
            "stratum_port": pool_account.port,
            "username": pool_account.username,
            **pool_account.settings,
        }
        try:
            await fetch_tiles(driver, pool_account)
            for call in (
                lambda: driver.get_health(
                    pool_account.url,
                    pool_account.port,
                    coin=pool_account.coin,
                    **reported,
                ),
                lambda: driver.get_network_difficulty(
                    pool_account.coin, url=pool_account.url, **reported
                ),
                lambda: driver.get_pool_stats(
                    pool_account.url, pool_account.coin, **reported
                ),
                lambda: driver.get_blocks(
                    pool_account.url, pool_account.coin, **reported
                ),
            ):
                # What a pool or its driver does not have must not spoil the recording
                with suppress(Exception):
                    async with asyncio.timeout(_EXTRA_SECONDS):
                        await call()
        finally:
            await close_pool_driver(driver)
        await recorder.check_device()
    return recorder.session(driver_class.driver_type)
