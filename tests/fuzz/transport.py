"""Takes the place of sockets: a session that a simulator answers, changed."""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from yarl import URL

from custom_components.hmm.driver_api.transports.cgminer import CgminerClient
from simulator import HttpDevice
from simulator.httpd import Request, Response

type Change = Callable[[bytes], bytes]
type Answer = Callable[[Request], Response]


class Wire:
    """Between drivers and devices; ``change`` is what happens to each answer."""

    def __init__(self, answer: Answer) -> None:
        """Answer as it is, for now."""
        self.answer = answer
        self.change: Change = lambda body: body
        self.sent: list[bytes] = []
        """The answers since this was emptied last."""

    def send(self, body: bytes) -> bytes:
        """Return what arrives of an answer."""
        changed = self.change(body)
        self.sent.append(changed)
        return changed


class FakeSession:
    """Has what drivers use of a session of aiohttp."""

    def __init__(self, wire: Wire) -> None:
        """Answer each request from the wire."""
        self._wire = wire

    def request(self, method: str, url: Any, **options: Any) -> _Exchange:
        """Return an answer as a context manager."""
        parts = URL(str(url))
        headers = {k.lower(): v for k, v in (options.get("headers") or {}).items()}
        request = Request(
            method=method,
            path=parts.path,
            query=dict(parts.query),
            headers=headers,
            body=b"",
            peer="127.0.0.1",
        )
        response = self._wire.answer(request)
        body = self._wire.send(response.body)
        return _Exchange(response.status, body, response)

    def get(self, url: Any, **options: Any) -> _Exchange:
        """Return an answer to a GET request."""
        return self.request("GET", url, **options)


class _Exchange:
    """One answer, as aiohttp gives it."""

    def __init__(self, status: int, body: bytes, response: Response) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {
            "Content-Type": response.content_type,
            **response.headers,
        }
        self.content = self
        self._body = body

    def at_eof(self) -> bool:
        return not self._body

    async def readchunk(self) -> tuple[bytes, bool]:
        body, self._body = self._body, b""
        return body, True

    def close(self) -> None:
        self._body = b""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        pass


def wire_of(device: HttpDevice) -> Wire:
    """Return a wire to a simulator that was never switched on."""
    return Wire(device.answer)


def cgminer_client(wire: Wire, talk: Callable[[bytes], bytes]) -> type[CgminerClient]:
    """Return a client that asks a function instead of a socket."""

    class FakeClient(CgminerClient):
        gap = 0.0

        async def _talk(self, request: bytes) -> bytes:
            return wire.send(talk(request))

    return FakeClient
