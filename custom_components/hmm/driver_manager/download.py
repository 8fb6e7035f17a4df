"""Fetches a driver file from the web, and takes nothing else for one."""

from http import HTTPStatus
import re

import aiohttp
from yarl import URL

from .driver_files import LARGEST_FILE, TOO_LARGE

PLAIN_HTTP_HOSTS: frozenset[str] = frozenset()
"""Hosts that need no https. Only tests put one in."""

_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)
_MOST_REDIRECTS = 5
_GITHUB = "github.com"
_GITHUB_RAW = "raw.githubusercontent.com"
_GITHUB_FILES = ".githubusercontent.com"
_GITHUB_PAGE = re.compile(r"/([^/]+)/([^/]+)/(?:blob|raw)/(.+)")
_HTML = re.compile(rb"\s*(?:<!doctype|<html|<\?xml|<head)", re.IGNORECASE)
_REDIRECTS = (
    HTTPStatus.MOVED_PERMANENTLY,
    HTTPStatus.FOUND,
    HTTPStatus.SEE_OTHER,
    HTTPStatus.TEMPORARY_REDIRECT,
    HTTPStatus.PERMANENT_REDIRECT,
)


class DownloadFailed(Exception):
    """There is no file to be had at an address; the message says why."""


def file_url(text: str) -> URL:
    """Return the address of the file itself. Raises DownloadFailed.

    The address of GitHub's page about a file becomes that of the file.
    """
    try:
        url = URL(text.strip())
    except ValueError as err:
        msg = "It is not an address"
        raise DownloadFailed(msg) from err
    _check(url)
    if url.host == _GITHUB and (page := _GITHUB_PAGE.fullmatch(url.raw_path)):
        path = "/".join(page.groups())
        url = URL(f"https://{_GITHUB_RAW}/{path}", encoded=True)
    return url.with_fragment(None)


async def download(session: aiohttp.ClientSession, url: URL) -> bytes:
    """Return the file at an address. Raises DownloadFailed.

    It is complete: an answer that ends early, or that does not tell its length so
    that nobody could know, is none. Another host is not followed to, except from
    GitHub to where it keeps its files.
    """
    try:
        for _ in range(_MOST_REDIRECTS):
            async with session.get(
                url, allow_redirects=False, timeout=_TIMEOUT
            ) as response:
                if response.status in _REDIRECTS:
                    url = _redirected(url, response.headers.get("Location", ""))
                    continue
                return await _read(response)
    except TimeoutError as err:
        msg = "The server took too long"
        raise DownloadFailed(msg) from err
    except aiohttp.ClientPayloadError as err:
        msg = "The connection was lost half way"
        raise DownloadFailed(msg) from err
    except (aiohttp.ClientError, OSError, ValueError) as err:
        # The text of the error may repeat the whole address
        msg = f"The server cannot be reached ({type(err).__name__})"
        raise DownloadFailed(msg) from err
    msg = "The server leads round in circles"
    raise DownloadFailed(msg)


def _check(url: URL) -> None:
    if not url.host or not url.absolute:
        msg = "It is not an address"
        raise DownloadFailed(msg)
    if url.user is not None or url.password is not None:
        msg = "An address with a password in it would be shown to everyone"
        raise DownloadFailed(msg)
    if url.scheme != "https" and not (
        url.scheme == "http" and url.host in PLAIN_HTTP_HOSTS
    ):
        msg = "The address must begin with https://"
        raise DownloadFailed(msg)


def _redirected(url: URL, location: str) -> URL:
    """Return where a redirect leads."""
    target = url.join(URL(location))
    _check(target)
    if target.host != url.host and not (
        url.host == _GITHUB and (target.host or "").endswith(_GITHUB_FILES)
    ):
        msg = f"The server leads to another one, {target.host}"
        raise DownloadFailed(msg)
    return target


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Return the body of an answer if it can be a driver."""
    if response.status != HTTPStatus.OK:
        msg = f"The server answered {response.status}"
        raise DownloadFailed(msg)
    too_large = DownloadFailed(TOO_LARGE)
    length = response.content_length
    if length is not None and length > LARGEST_FILE:
        raise too_large
    if length is None and "Transfer-Encoding" not in response.headers:
        msg = "The server does not tell how long the file is"
        raise DownloadFailed(msg)
    body = bytearray()
    async for chunk in response.content.iter_chunked(65_536):
        body += chunk
        if len(body) > LARGEST_FILE:
            raise too_large
    source = bytes(body)
    if response.content_type == "text/html" or _HTML.match(source):
        msg = "It is a web page, not a file. Use the link to the raw file"
        raise DownloadFailed(msg)
    if not source.strip():
        msg = "It is empty"
        raise DownloadFailed(msg)
    return source
