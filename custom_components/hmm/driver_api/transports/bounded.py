"""Ends a connection over which more comes than was requested.

A server may send "100 Continue" without end, or continue after its response. aiohttp reads
and keeps whatever comes, also while nothing waits for it: that stops the event loop for
most of a second at a time, and fills the memory.
"""

import asyncio
from typing import Any, Final, override

from aiohttp import (
    ClientHandlerType,
    ClientPayloadError,
    ClientRequest,
    ClientResponse,
    ClientResponseError,
    StreamReader,
)
from aiohttp.base_protocol import BaseProtocol
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError

from .recording import MAX_BYTES, NO_ANSWER, Answer, Recording, current_recording

MAX_MESSAGES = 16
"""How many responses may come to one request, "100 Continue" and the like included."""

READ_BUFFER: Final = 2**14
"""Bytes that are unpacked at once, and a 16th as many chunks: nothing else runs then."""

MAX_CHUNKS: Final = 4096
"""Chunks of a body, beyond which they must not be small on average."""

_SMALL_CHUNK: Final = 64
_TURN: Final = 512
"""After how many chunks everything else gets a turn."""


async def bounded(request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
    """Send a request (middleware of aiohttp); too many responses are no HTTP."""
    request.response_class = _BoundedResponse
    if (recording := current_recording()) is None or request.method != "GET":
        return await handler(request)
    try:
        response = await handler(request)
    except Exception:
        recording.note(f"GET {request.url}", NO_ANSWER)
        raise
    try:
        await _record(recording, request, response)
    except BaseException:
        # Nobody else has it yet, and small devices have few connections
        response.close()
        raise
    return response


async def read_body(response: ClientResponse, max_bytes: int) -> bytearray:
    """Return a body; one that is longer than ``max_bytes`` has a part more.

    A chunk of one byte takes aiohttp as long as a large one, and it waits for nobody
    while there are more: 1 MB of them stops the event loop for seconds. Raises
    ClientResponseError: nearly all chunks of many are so small.
    """
    body = bytearray()
    chunks = 0
    while len(body) <= max_bytes:
        # Of responses without a body, all share a stream that has only one last chunk
        if response.content.at_eof():
            return body
        data, is_chunk_end = await response.content.readchunk()
        if not data and not is_chunk_end:
            return body
        body += data
        chunks += is_chunk_end
        if chunks > MAX_CHUNKS and len(body) < _SMALL_CHUNK * chunks:
            response.close()
            raise ClientResponseError(
                response.request_info, response.history, message="Too many small chunks"
            )
        if chunks % _TURN == 0 and is_chunk_end:
            await asyncio.sleep(0)
    response.close()
    return body


async def _record(
    recording: Recording, request: ClientRequest, response: ClientResponse
) -> None:
    """Note a response; who sent the request reads it as if it had just come."""
    body = await read_body(response, MAX_BYTES)
    # A driver of HMM would not read more to its end
    if len(body) <= MAX_BYTES:
        headers = tuple(response.headers.items())
        answer = Answer(bytes(body), response.status, headers)
        recording.note(f"GET {request.url}", answer)
    loop = response._loop  # noqa: SLF001  it has no other
    # All of it is here: there is nothing to pause
    again = StreamReader(BaseProtocol(loop), MAX_BYTES, loop=loop)
    again.feed_data(bytes(body))
    again.feed_eof()
    response.content = again


class _BoundedResponse(ClientResponse):
    @override
    async def read(self) -> bytes:
        """Return the body: so reads whoever has the session alone."""
        if self._body is None:
            try:
                body = await read_body(self, MAX_BYTES)
            except BaseException:
                self.close()
                raise
            if len(body) > MAX_BYTES:
                raise ClientPayloadError("The response is too long")
            self._body = bytes(body)
        return await super().read()

    @override
    async def start(self, connection: Connection) -> ClientResponse:
        assert connection.protocol is not None
        if (transport := connection.transport) is not None:
            # asyncio hands over 256 KB at once, which may be thousands of responses
            transport.max_size = READ_BUFFER  # type: ignore[attr-defined]
        bound = _Bound(connection.protocol)
        try:
            return await super().start(connection)
        finally:
            bound.is_awaited = False


class _Bound:
    """Counts what comes over a connection while a response is awaited.

    Later, whoever else uses it may get as many responses as he requests: only those
    that nothing takes are counted.
    """

    def __init__(self, protocol: ResponseHandler) -> None:
        """Begin with a request that was sent."""
        self.is_awaited = True
        self._count = 0
        self._protocol = protocol
        self._feed = super(ResponseHandler, protocol).feed_data
        protocol.feed_data = self._take  # type: ignore[method-assign]

    def _take(self, data: Any, size: int = 0) -> None:
        self._count += self.is_awaited
        if self._protocol.exception() is not None:
            return
        if max(self._count, len(self._protocol) + 1) <= MAX_MESSAGES:
            self._feed(data, size)
            return
        self._protocol.close()
        self._protocol.set_exception(
            HttpProcessingError(code=400, message="Too many responses")
        )
