"""A client for the web API of a pool: patient, suspicious, never too eager."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import mktime_tz, parsedate_tz
import time
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from ..errors import (
    AuthRequired,
    BadAnswer,
    CannotConnect,
    DriverError,
    HtmlAnswer,
    RedirectAnswer,
    copy_of,
)
from ..units import parse_number
from .bounded import READ_BUFFER, bounded, read_body
from .failures import failure
from .heard import note_request
from .json_text import decode, load_json
from .stratum import is_stratum_only

MAX_ANSWER = 4_194_304
"""Bytes; accounts list every block, worker and payment."""

LONGEST_PAUSE = 900.0
"""The most of a ``Retry-After`` that is obeyed, in seconds."""

SHARED_FAILURE = 30.0
"""The longest that a failure is shared, in seconds: it may be over soon."""

_PAUSE = 60.0
_OLDEST_CACHED = 31_536_000.0
_LAST_DATE = 2.0**33


@dataclass(frozen=True, slots=True)
class WebAnswer:
    """One answer; ``latency_ms`` is the time until it was complete.

    ``text`` stays out of ``repr``: pools answer with accounts and addresses.
    """

    status: int
    text: str = field(repr=False)
    latency_ms: float
    server_time: float | None = None
    """What the server's clock said (``Date``), in seconds since 1970."""

    def json(self) -> Any:
        """Return the body as JSON, whatever its Content-Type says.

        Raises HtmlAnswer: a web page; BadAnswer: no JSON. The message never
        quotes the body.
        """
        if not self.text.strip():
            raise BadAnswer(
                "The pool's answer is empty, where JSON should be",
                reason="bad_response",
            )
        try:
            return load_json(self.text)
        except ValueError:
            if _is_page(self.text):
                raise _web_page() from None
            raise BadAnswer(
                "The pool did not answer with JSON", reason="bad_response"
            ) from None


class WebApi:
    """GET requests to one pool, over a provided session.

    Obeys 429 and ``Retry-After``, follows no redirect (it would lead to a login
    page), reads no more than ``max_bytes`` of an unpacked answer. ``gap_seconds`` is
    the least time between an answer and the next request, for pools that ban who
    asks faster; such a pool gets one request at a time. With ``keyed`` the pool
    wants a key, and 401 or 403 mean that it refused it, unless the 403 is a web
    page: that is of what stands before the pool and takes us for a robot.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession | None,
        base: str,
        *,
        headers: Mapping[str, str] | None = None,
        keyed: bool = False,
        gap_seconds: float = 0.0,
        timeout: float = 15.0,
        max_bytes: int = MAX_ANSWER,
        verify_ssl: bool = True,
    ) -> None:
        """Make a client of the API under ``base``, without any request yet."""
        self.base = base.rstrip("/")
        self._session = session
        self._headers = headers
        self._keyed = keyed
        self._gap_seconds = gap_seconds
        self._timeout = aiohttp.ClientTimeout(total=timeout)
        self._max_bytes = max_bytes
        self._verify_ssl = verify_ssl
        self._place = _place(self.base)
        self._clock: float | None = None
        self._paused_until = 0.0
        self._next_at = 0.0
        self._turn = asyncio.Lock()
        self._shared: dict[str, _Shared] = {}

    @property
    def server_time(self) -> float | None:
        """What the server's clock says now, in seconds since 1970.

        None: it has not answered yet, or does not report it (``Date``).
        """
        return None if self._clock is None else self._clock + time.monotonic()

    def now(self) -> float:
        """Return the time to compare with timestamps of the pool.

        It is that of the server: the clock of this machine may be wrong. Only where
        the server reports none it is ours.
        """
        return time.time() if (timestamp := self.server_time) is None else timestamp

    async def get_json(self, path: str) -> tuple[Any, float]:
        """Return the JSON under a path and the latency in ms.

        None instead of JSON: there is nothing under the path (404). Raises what
        ``get`` and ``WebAnswer.json`` do.
        """
        answer = await self.get(path)
        return (None if answer.status == 404 else answer.json()), answer.latency_ms

    async def get_object(self, path: str) -> tuple[dict[str, Any] | None, float]:
        """Return what ``get_json`` does. Raises BadAnswer: not a JSON object."""
        data, latency = await self.get_json(path)
        if data is not None and not isinstance(data, dict):
            raise BadAnswer(
                "The pool answered with JSON of another shape", reason="bad_response"
            )
        return data, latency

    async def shared_object(
        self, path: str, seconds: float
    ) -> tuple[dict[str, Any] | None, float]:
        """Return what ``get_object`` does, from one request for all who ask.

        An answer serves for ``seconds``, a failure too, but not over
        ``SHARED_FAILURE``.
        """
        if (shared := self._shared.get(path)) is None:
            shared = self._shared[path] = _Shared(self, path)
        return await shared.get(seconds)

    async def get(self, path: str, *, last_bytes: int | None = None) -> WebAnswer:
        """Return the answer to a GET, whose status is 2xx or 404.

        ``last_bytes`` requests only the end of a long file (HTTP Range); a server
        that cannot do so sends all of it, which may be too long.

        Raises CannotConnect: no answer, an error of the server, or the pool asked
        to be left alone; AuthRequired: the key was refused; RedirectAnswer;
        HtmlAnswer: a web page where a key was requested; BadAnswer: another
        status, no HTTP, an answer that is broken or too long.
        """
        self._check_pause()
        if not self._gap_seconds:
            return await self._request(path, last_bytes)
        async with self._turn:
            await asyncio.sleep(self._next_at - time.monotonic())
            # The answer to the one before may have been to query less often
            self._check_pause()
            try:
                return await self._request(path, last_bytes)
            finally:
                # Counted from the end: the pool saw the request at some time before
                self._next_at = time.monotonic() + self._gap_seconds

    def _check_pause(self) -> None:
        if time.monotonic() < self._paused_until:
            raise _busy()

    async def _request(self, path: str, last_bytes: int | None) -> WebAnswer:
        if self._session is None:
            raise CannotConnect("The driver was given no session", reason="no_response")
        if self._place is not None and is_stratum_only(*self._place):
            raise CannotConnect("Miners connect to this port", reason="no_statistics")
        headers = dict(self._headers or {})
        if last_bytes is not None:
            # The end of a packed answer could not be unpacked
            headers |= {"Range": f"bytes=-{last_bytes}", "Accept-Encoding": "identity"}
        start = time.monotonic()
        note_request()
        # The errors of an answer quote its address, in which a wallet may stand:
        # they are left behind.
        try:
            async with self._session.get(
                f"{self.base}/{path.lstrip('/')}",
                headers=headers,
                allow_redirects=False,
                timeout=self._timeout,
                ssl=self._verify_ssl,
                middlewares=(bounded,),
                read_bufsize=READ_BUFFER,
            ) as response:
                server_time = _server_time(response.headers)
                if server_time is not None:
                    self._clock = server_time - time.monotonic()
                self._check(response)
                text = await self._read(response, last_bytes)
                if response.status == 403:
                    raise _web_page() if _is_page(text) else _refused_key()
        except TimeoutError as err:
            raise CannotConnect(
                "The pool did not answer in time", reason=failure(err)
            ) from None
        except aiohttp.ClientConnectorCertificateError as err:
            raise CannotConnect(
                "The pool's certificate cannot be trusted", reason="certificate"
            ) from err
        except aiohttp.ClientSSLError as err:
            raise CannotConnect(
                "The pool does not speak HTTPS there", reason="no_https"
            ) from err
        except aiohttp.ClientPayloadError:
            raise BadAnswer(
                "The pool's answer broke off", reason="connection_lost"
            ) from None
        except aiohttp.ClientResponseError, HttpProcessingError:
            raise BadAnswer(
                "The pool does not speak HTTP there", reason="bad_response"
            ) from None
        except aiohttp.InvalidURL, ValueError:
            raise CannotConnect(
                "This is not the address of a pool", reason="host_invalid"
            ) from None
        except (aiohttp.ClientError, OSError) as err:
            raise CannotConnect(
                "The pool cannot be reached", reason=failure(err)
            ) from err
        return WebAnswer(
            response.status,
            text,
            (time.monotonic() - start) * 1000,
            server_time,
        )

    def _check(self, response: aiohttp.ClientResponse) -> None:
        """Raise what an answer of this status means."""
        status = response.status
        if status in (429, 503):
            wish = self._seconds(response.headers.get("Retry-After"))
            if wish <= 0:
                wish = _PAUSE if status == 429 else 0.0
            until = time.monotonic() + min(wish, LONGEST_PAUSE)
            self._paused_until = max(until, self._paused_until)
        if status == 429:
            raise _busy()
        if self._keyed and status == 403:
            return  # The body shows whose it is
        if self._keyed and status == 401:
            raise _refused_key()
        if 300 <= status < 400:
            raise RedirectAnswer(
                "The pool's API has moved, or wants a login", reason="redirected"
            )
        if status >= 500:
            raise CannotConnect(
                f"The pool is out of order (HTTP status {status})",
                reason="server_error",
                status=status,
            )
        if status in (401, 403):
            raise BadAnswer(
                f"The pool refuses to answer (HTTP status {status})",
                reason="access_denied",
                status=status,
            )
        if status != 404 and not 200 <= status < 300:
            raise BadAnswer(
                f"The pool answered with HTTP status {status}",
                reason="bad_response",
                detail=f"HTTP {status}",
            )

    def _seconds(self, wish: str | None) -> float:
        """Return the seconds of a ``Retry-After``: a number or a date (RFC 9110)."""
        if (seconds := parse_number(wish)) is not None:
            return seconds
        timestamp = _seconds_since_1970(wish)
        return 0.0 if timestamp is None else timestamp - self.now()

    async def _read(
        self, response: aiohttp.ClientResponse, last_bytes: int | None
    ) -> str:
        body = await read_body(response, self._max_bytes)
        if len(body) > self._max_bytes:
            raise BadAnswer("The pool's answer is too long", reason="bad_response")
        if last_bytes is not None:
            # A server without Range sends all of it
            del body[:-last_bytes]
        return decode(body, response.headers.get("Content-Type", ""))


def _place(base: str) -> tuple[str, int] | None:
    """Return host and port of an address, None for what cannot be read."""
    try:
        parts = urlsplit(base)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _is_page(text: str) -> bool:
    return text.lstrip()[:1] == "<"


def _refused_key() -> AuthRequired:
    return AuthRequired("The pool refused the key", reason="key_refused")


def _web_page() -> HtmlAnswer:
    return HtmlAnswer(
        "The pool answered with a web page instead of its figures", reason="web_page"
    )


def _busy() -> CannotConnect:
    return CannotConnect("The pool wants to be asked less often", reason="rate_limited")


def _server_time(headers: Mapping[str, str]) -> float | None:
    """Return what the server's clock says, None if not reported.

    A cache hands out the ``Date`` of the answer that it kept, and how old that is.
    """
    date = _seconds_since_1970(headers.get("Date"))
    if date is None or not 0 < date < _LAST_DATE:
        return None
    age = parse_number(headers.get("Age")) or 0.0
    return date + age if 0 < age < _OLDEST_CACHED else date


def _seconds_since_1970(date: str | None) -> float | None:
    """Return the timestamp of an HTTP date, None for any other string."""
    date_parts = parsedate_tz(date or "")
    try:
        return None if date_parts is None else mktime_tz(date_parts)
    except ValueError, OverflowError:
        return None


class _Shared:
    """One path that several accounts share."""

    def __init__(self, api: WebApi, path: str) -> None:
        self._api = api
        self._path = path
        self._lock = asyncio.Lock()
        self._requested_at: float | None = None
        self._result: tuple[dict[str, Any] | None, float] | DriverError | None = None

    async def get(self, seconds: float) -> tuple[dict[str, Any] | None, float]:
        async with self._lock:
            now = time.monotonic()
            if isinstance(self._result, DriverError):
                seconds = min(seconds, SHARED_FAILURE)
            if (
                self._result is None
                or self._requested_at is None
                or now - self._requested_at >= seconds
            ):
                try:
                    self._result = await self._api.get_object(self._path)
                except DriverError as err:
                    # Its traceback holds the response
                    self._result = copy_of(err)
                self._requested_at = now
            if isinstance(self._result, DriverError):
                raise copy_of(self._result)
            return self._result
