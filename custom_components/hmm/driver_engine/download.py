"""Fetches a driver file or an index from the web, and takes nothing else for one."""

from http import HTTPStatus
import re

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from ..driver_api import Reason
from ..driver_api.transports.bounded import READ_BUFFER, bounded, read_body
from ..driver_api.transports.failures import failure
from .driver_files import LARGEST_FILE
from .faults import FileError, why

PLAIN_HTTP_HOSTS: frozenset[str] = frozenset()
"""Hosts that need no https. Only tests put one in."""

_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=10, sock_read=20)
_MAX_REDIRECTS = 5
_GITHUB = "github.com"
_GITHUB_RAW = "raw.githubusercontent.com"
_GITHUB_FILES = ".githubusercontent.com"
_GITHUB_PAGE = re.compile(r"/([^/]+)/([^/]+)/(?:blob|raw)/(.+)")
_HTML = re.compile(rb"\s*(?:<!doctype|<html|<\?xml|<head)", re.IGNORECASE)
_REDIRECTS = (301, 302, 303, 307, 308)


class DownloadFailed(FileError):
    """There is no file to be had at an address."""


def file_url(text: str) -> URL:
    """Return the address of the file itself. Raises DownloadFailed.

    The address of GitHub's page about a file becomes that of the file.
    """
    try:
        url = URL(text.strip())
        # A name of its own letters is read only now
        _check(url)
    except ValueError as err:
        raise DownloadFailed(why("download_no_address")) from err
    if url.host == _GITHUB and (page := _GITHUB_PAGE.fullmatch(url.raw_path)):
        path = "/".join(page.groups())
        url = URL(f"https://{_GITHUB_RAW}/{path}", encoded=True)
    return url.with_fragment(None)


async def download(
    session: aiohttp.ClientSession, url: URL, largest: int = LARGEST_FILE
) -> bytes:
    """Return the file at an address, of ``largest`` bytes. Raises DownloadFailed.

    It is complete: a response that ends early, or that does not report its length so
    that its end is unknown, is none. Another host is not followed to, except from
    GitHub to where it keeps its files.
    """
    try:
        for _ in range(_MAX_REDIRECTS):
            async with session.get(
                url,
                allow_redirects=False,
                timeout=_TIMEOUT,
                middlewares=(bounded,),
                read_bufsize=READ_BUFFER,
            ) as response:
                if response.status in _REDIRECTS:
                    url = _redirected(url, response.headers.get("Location", ""))
                    continue
                return await _read(response, largest)
    except TimeoutError as err:
        raise DownloadFailed(why("download_timed_out")) from err
    except aiohttp.ClientPayloadError as err:
        raise DownloadFailed(why("download_lost")) from err
    except (aiohttp.ClientError, HttpProcessingError, OSError, ValueError) as err:
        raise DownloadFailed(_unreachable(err)) from err
    raise DownloadFailed(why("download_circles"))


def _unreachable(err: Exception) -> Reason:
    """Return why no server responded; the error itself may quote the address."""
    if isinstance(
        err, aiohttp.ClientConnectorCertificateError | aiohttp.ClientSSLError
    ):
        return why("download_certificate")
    match failure(err):
        case "connection_lost":
            return why("download_lost")
        case "name_not_resolved":
            return why("download_host_unknown")
        case "refused":
            return why("download_refused")
    return why("download_unreachable")


def _check(url: URL) -> None:
    if not url.host or not url.absolute:
        raise DownloadFailed(why("download_no_address"))
    if url.user is not None or url.password is not None:
        raise DownloadFailed(why("download_password"))
    if url.scheme != "https" and not (
        url.scheme == "http" and url.host in PLAIN_HTTP_HOSTS
    ):
        raise DownloadFailed(why("download_no_https"))


def _redirected(url: URL, location: str) -> URL:
    """Return where a redirect leads."""
    target = url.join(URL(location))
    _check(target)
    if target.host != url.host and not (
        url.host == _GITHUB and (target.host or "").endswith(_GITHUB_FILES)
    ):
        raise DownloadFailed(why("download_elsewhere", server=target.host))
    return target


async def _read(response: aiohttp.ClientResponse, largest: int) -> bytes:
    """Return the body of a response if it can be a file."""
    if response.status != HTTPStatus.OK:
        raise DownloadFailed(why("download_status", status=response.status))
    too_large = DownloadFailed(why("file_too_large", size=largest // 1024))
    length = response.content_length
    if length is not None and length > largest:
        raise too_large
    if length is None and "Transfer-Encoding" not in response.headers:
        raise DownloadFailed(why("download_no_length"))
    body = await read_body(response, largest)
    if len(body) > largest:
        raise too_large
    source = bytes(body)
    if response.content_type == "text/html" or _HTML.match(source):
        raise DownloadFailed(why("download_web_page"))
    if not source.strip():
        raise DownloadFailed(why("download_empty"))
    return source
