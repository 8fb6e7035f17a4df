"""A small HTTP client for devices that serve one request at a time."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ..errors import AuthRequired, BadAnswer, CannotConnect, HtmlAnswer, RedirectAnswer
from .bounded import READ_BUFFER, bounded, read_body
from .failures import failure
from .heard import note_reply, note_request
from .json_text import decode, load_json

MAX_ANSWER = 1_048_576
"""Bytes; the longest known answer (/info of AxeOS 2.15) has about 4,000."""


@dataclass(frozen=True, slots=True)
class HttpReply:
    """One answer that is neither a redirect nor too long.

    ``body`` stays out of ``repr``: devices answer with WiFi and pool names.
    """

    status: int
    content_type: str
    """Lower case, without parameters; empty when the device did not say."""
    body: bytes = field(default=b"", repr=False)
    challenge: bool = False
    """Whether it came with ``WWW-Authenticate``."""
    charset: str = ""
    """What the device said about the encoding."""

    @property
    def ok(self) -> bool:
        """Return whether the status is a success."""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """Return the body as text; bytes that cannot be read become U+FFFD."""
        return decode(self.body, self.charset)

    def check_login(self) -> None:
        """Raise AuthRequired when the device wants a login (401 or 403)."""
        if self.status in (401, 403):
            raise AuthRequired("The device requires a login", reason="login_needed")

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises AuthRequired: status 401 or 403; HtmlAnswer: a web page; BadAnswer:
        another error status, not JSON, or JSON of another shape. The message
        never quotes the body.
        """
        self.check_login()
        if not self.ok:
            raise BadAnswer(
                f"The device answered with HTTP status {self.status}",
                reason="bad_response",
                detail=f"HTTP {self.status}",
            )
        try:
            data = load_json(self.text)
        except ValueError:
            # Some web servers call everything so, JSON as well
            if self.content_type == "text/html":
                raise HtmlAnswer(
                    "The device answered with a web page", reason="not_a_miner"
                ) from None
            raise BadAnswer(
                "The device did not answer with JSON", reason="bad_response"
            ) from None
        if not isinstance(data, dict):
            raise BadAnswer(
                "The device answered with JSON that is not an object",
                reason="bad_response",
            )
        return data


class HttpClient:
    """Requests to one device over a provided session, one at a time.

    The HTTP server of an ESP32 is a single task: a second request only waits
    in its queue, and old firmwares stop accepting after ten sockets. The
    session keeps the connection between polls where the device does.

    A GET on a kept connection that the device has closed meanwhile is repeated
    once on a new one; aiohttp does so for the methods that may be repeated, PUT
    and DELETE among them. A POST or PATCH is never sent twice.

    No redirect is followed: AxeOS before 2.9 and NerdQAxe send a client that
    requests for an unknown path to their web page.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        host: str,
        port: int = 80,
        *,
        connect_timeout: float = 3.0,
        timeout: float = 10.0,
    ) -> None:
        """Make a client; times in seconds, ``timeout`` is for the whole answer.

        Raises CannotConnect: this is not a host or port at all.
        """
        self._session = session
        try:
            self._base = URL.build(scheme="http", host=host, port=port)
        except ValueError as err:
            raise CannotConnect(
                "This is not a valid address", reason="name_not_resolved"
            ) from err
        self._timeout = aiohttp.ClientTimeout(
            total=timeout, sock_connect=connect_timeout
        )
        self._one_at_a_time = asyncio.Lock()

    @property
    def url(self) -> str:
        """Return the address of the device's web page."""
        return str(self._base.with_path("/"))

    async def get_json(self, path: str) -> dict[str, Any]:
        """Return the JSON object at a path.

        Raises CannotConnect, AuthRequired and BadAnswer as ``request`` and
        ``HttpReply.json_object`` do.
        """
        return (await self.request("GET", path)).json_object()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpReply:
        """Send one request and return the answer, whatever its status is.

        Raises CannotConnect: nothing answered, or not in time. Raises
        RedirectAnswer: a redirect. Raises BadAnswer: no HTTP, an answer that
        broke off or is over 1 MB.
        """
        async with self._one_at_a_time:
            note_request()
            try:
                async with self._session.request(
                    method,
                    self._base.join(URL(path)),
                    json=json,
                    headers=headers,
                    allow_redirects=False,
                    timeout=self._timeout,
                    middlewares=(bounded,),
                    read_bufsize=READ_BUFFER,
                ) as response:
                    note_reply()
                    return await self._read(response)
            except TimeoutError as err:
                raise CannotConnect(
                    "The device did not answer in time", reason=failure(err)
                ) from None
            except aiohttp.ClientPayloadError:
                raise BadAnswer(
                    "The device's answer broke off", reason="connection_lost"
                ) from None
            except aiohttp.ClientResponseError, HttpProcessingError:
                raise BadAnswer(
                    "The device does not speak HTTP", reason="bad_response"
                ) from None
            except (aiohttp.ClientError, OSError, ValueError) as err:
                raise CannotConnect(
                    f"The device cannot be reached ({type(err).__name__})",
                    reason=failure(err),
                ) from err

    async def _read(self, response: aiohttp.ClientResponse) -> HttpReply:
        if 300 <= response.status < 400:
            raise RedirectAnswer(
                "The device sends its clients to another page", reason="not_a_miner"
            )
        body = await read_body(response, MAX_ANSWER)
        if len(body) > MAX_ANSWER:
            raise BadAnswer("The device's answer is too long", reason="bad_response")
        # aiohttp's own property invents application/octet-stream.
        content_type, _, charset = response.headers.get("Content-Type", "").partition(
            ";"
        )
        return HttpReply(
            response.status,
            content_type.strip().lower(),
            bytes(body),
            challenge="WWW-Authenticate" in response.headers,
            charset=charset,
        )
