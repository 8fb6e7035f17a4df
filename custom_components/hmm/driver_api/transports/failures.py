"""Why a connection failed, from the exceptions of asyncio and aiohttp."""

import errno
import socket
from typing import Final

import aiohttp

from ..reasons import ReadReason

_OS_ERRORS: Final[dict[int | None, ReadReason]] = {
    errno.ECONNREFUSED: "refused",
    errno.ECONNRESET: "connection_lost",
    errno.EPIPE: "connection_lost",
    # Also without a router in between: a device that is off answers no ARP
    errno.EHOSTUNREACH: "no_response",
    errno.EHOSTDOWN: "no_response",
    errno.ENETUNREACH: "no_route",
    errno.ENETDOWN: "no_route",
    errno.EACCES: "no_route",
    errno.EPERM: "no_route",
}


def failure(err: BaseException) -> ReadReason:
    """Return the reason that an exception stands for, ``no_response`` if unsure."""
    match err:
        case aiohttp.ConnectionTimeoutError():
            return "no_response"
        case TimeoutError() if err.errno is None:
            return "timed_out"
        case aiohttp.ClientConnectorDNSError() | socket.gaierror() | UnicodeError():
            return "name_not_resolved"
        case aiohttp.ClientConnectorError():
            return failure(err.os_error)
        case (
            aiohttp.ServerDisconnectedError()
            | aiohttp.ClientPayloadError()
            | ConnectionResetError()
            | BrokenPipeError()
            | EOFError()
        ):
            return "connection_lost"
        case OSError():
            return _OS_ERRORS.get(err.errno, "no_response")
    return "no_response"
