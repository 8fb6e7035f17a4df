"""A small HTTP/1.1 server that answers the way the ESP-IDF one does.

Not aiohttp's: the quirks of these devices (chunks or not, which headers, what is
closed when, one request at a time) are just what a full server tidies away.
"""

from abc import abstractmethod
import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
import json
from typing import Any, override
from urllib.parse import parse_qsl, unquote, urlsplit

from .device import Fault, TcpDevice

REASONS = {
    200: "OK",
    204: "No Content",
    206: "Partial Content",
    302: "Temporary Redirect",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Content Too Large",
    416: "Range Not Satisfiable",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}

CHUNK_BYTES = 1024
MAX_BODY = 65536

HTML = "text/html"
"""Also what ESP-IDF labels plain text and empty answers (HTTPD_TYPE_TEXT)."""

PAGE = (
    "<!DOCTYPE html><html><head><title>Miner</title></head>"
    "<body><app-root>Loading</app-root></body></html>"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    """Decoded, without the query."""
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """By lower-case name."""
    body: bytes
    peer: str
    """The client's address."""

    def json(self) -> Any:
        """Parse the body; raises ValueError."""
        return json.loads(self.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer; `close` ends the connection after it."""

    status: int = 200
    body: bytes = b""
    content_type: str = HTML
    headers: Mapping[str, str] = field(default_factory=dict)
    chunked: bool = False
    close: bool = False

    def encode(self) -> bytes:
        """Give the bytes for the wire."""
        lines = [f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Unknown')}"]
        if self.status != 204:
            lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.close:
            lines.append("Connection: close")
        if self.chunked:
            lines.append("Transfer-Encoding: chunked")
            body = b"".join(
                b"%x\r\n%b\r\n" % (len(piece), piece) for piece in self._pieces()
            )
            body += b"0\r\n\r\n"
        else:
            if self.status != 204:
                lines.append(f"Content-Length: {len(self.body)}")
            body = self.body
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + body

    def closing(self) -> Response:
        """Give the same answer, with the connection closed after it."""
        return replace(self, close=True)

    def _pieces(self) -> list[bytes]:
        return [
            self.body[start : start + CHUNK_BYTES]
            for start in range(0, len(self.body), CHUNK_BYTES)
        ]


def json_response(
    value: Any,
    *,
    status: int = 200,
    chunked: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Answer JSON, UTF-8 as the firmwares write it."""
    return Response(
        status=status,
        body=json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(),
        content_type="application/json",
        chunked=chunked,
        headers=headers or {},
    )


def text_response(text: str, *, status: int = 200, close: bool = False) -> Response:
    """Answer plain text, labelled as HTML like every ESP-IDF text."""
    return Response(status=status, body=text.encode(), close=close)


def page_response() -> Response:
    """Answer the device's web page."""
    return text_response(PAGE)


def redirect_response(location: str = "/") -> Response:
    """Send the client elsewhere, as a captive portal does."""
    return Response(
        status=302,
        body=b"Redirect to the captive portal",
        headers={"Location": location},
    )


type Handler = Callable[[Request], Response]


class HttpDevice(TcpDevice):
    """A device with an HTTP server of one task: requests are answered in turn.

    Subclasses give `routes()`: "GET /path" to a handler; a "*" at the end matches
    any rest. What no route matches goes to `unknown()`.
    """

    def __init__(self, *, name: str, **options: Any) -> None:
        """Take the options of SimulatedDevice."""
        super().__init__(name=name, **options)
        self._task_lock = asyncio.Lock()
        self._routes: dict[str, Handler] | None = None
        # Well-formed HTTP around nonsense, which is what a client meets when a
        # firmware's memory is corrupt; a test may put other bytes here.
        self.garbage = Response(
            body=b'{"hashRate":\xff\xfe\x00,,,NaN', content_type="application/json"
        ).encode()

    @abstractmethod
    def routes(self) -> dict[str, Handler]:
        """Give the handlers by "METHOD /path"."""

    def unknown(self, request: Request) -> Response:
        """Answer what no route matches."""
        return json_response({"error": "not found"}, status=404)

    def admit(self, request: Request) -> Response | None:
        """Refuse a request before it is routed, or return None."""
        return None

    def finish(self, response: Response) -> Response:
        """Give every answer what this firmware adds to all of them."""
        return response

    def answer(self, request: Request) -> Response:
        """Find the handler and its answer; faults that change it come first."""
        match self.fault:
            case Fault.HTML:
                return page_response()
            case Fault.REDIRECT:
                return redirect_response()
        if (refusal := self.admit(request)) is not None:
            return refusal
        return self._handler(request)(request)

    def _handler(self, request: Request) -> Handler:
        if self._routes is None:
            self._routes = self.routes()
        wanted = f"{request.method} {request.path}"
        if (handler := self._routes.get(wanted)) is not None:
            return handler
        for pattern, handler in self._routes.items():
            if pattern.endswith("*") and wanted.startswith(pattern[:-1]):
                return handler
        return self.unknown

    @override
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while (request := await self._read_request(reader, writer)) is not None:
            self.counters.count(f"{request.method} {request.path}")
            async with self._task_lock:
                self._touch(writer)
                while self.rebooting:
                    # The one task sleeps until the restart; then this is cut off.
                    await asyncio.sleep(0.01)
                response = self.finish(self.answer(request))
                response = replace(response, body=self.rewritten(response.body))
                kept = await self._deliver(writer, response.encode())
            wish = request.headers.get("connection", "").lower()
            if not kept or response.close or wish == "close":
                return

    async def _read_request(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> Request | None:
        """Read one request; None: the client is gone or talks no HTTP."""
        try:
            head = await reader.readexactly(1)
            if not head.isalpha():
                # No method begins so: the parser does not wait for more (ESP-IDF
                # httpd_parse.c: HTTPD_400_BAD_REQUEST, then the session is closed)
                bad = text_response("Bad request syntax", status=400, close=True)
                await self._deliver(writer, bad.encode())
                return None
            head += await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError, asyncio.LimitOverrunError:
            return None
        first, *rest = head.decode("latin-1").split("\r\n")
        words = first.split(" ")
        if len(words) != 3:
            return None
        headers: dict[str, str] = {}
        for line in filter(None, rest):
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        try:
            length = int(headers.get("content-length", "0"))
        except ValueError:
            return None
        if not 0 <= length <= MAX_BODY:
            return None
        body = await reader.readexactly(length) if length else b""
        target = urlsplit(words[1])
        peer = writer.get_extra_info("peername")
        return Request(
            method=words[0],
            path=unquote(target.path),
            query=dict(parse_qsl(target.query)),
            headers=headers,
            body=body,
            peer=peer[0] if peer else "",
        )
