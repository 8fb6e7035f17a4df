"""The ports that miners connect to: their addresses, and whether they answer."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
import re
import time

from ..errors import CannotConnect, InvalidValue

_ENDPOINT = re.compile(
    r"(?:(?P<scheme>[a-z0-9+]+)://)?"
    r"(?P<host>\[[0-9a-f:.]+\]|[^\s:/@\[\]]+):(?P<port>\d{1,5})/?",
    re.IGNORECASE,
)
_PLAIN_SCHEMES = {"", "stratum+tcp", "stratum", "tcp"}
_TLS_SCHEMES = {"stratum+ssl", "stratum+tls", "stratum+tcps", "ssl", "tls"}


@dataclass(frozen=True, slots=True)
class _Closed:
    """Ports of a host that are left alone, and those that were requested."""

    host: str
    ports: frozenset[int]
    refused: set[int] = field(default_factory=set)


_CLOSED: ContextVar[_Closed | None] = ContextVar("stratum_ports", default=None)


@contextmanager
def stratum_only(host: str, ports: Iterable[int]) -> Iterator[set[int]]:
    """Let ``WebApi`` send nothing to these ports of a host meanwhile.

    Miners connect there: HTTP or TLS can get their address banned. Returns the set of
    those to which something was to be sent.
    """
    closed = _Closed(host.strip("[]").lower(), frozenset(ports))
    token = _CLOSED.set(closed)
    try:
        yield closed.refused
    finally:
        _CLOSED.reset(token)


def is_stratum_only(host: str, port: int) -> bool:
    """Return whether nothing but stratum may be sent to a port now."""
    closed = _CLOSED.get()
    if closed is None or host != closed.host or port not in closed.ports:
        return False
    closed.refused.add(port)
    return True


async def connect_latency(host: str, port: int, timeout: float = 5.0) -> float:
    """Return how long a TCP connection to a stratum port takes, in ms.

    Sends nothing: some pools ban who speaks anything but stratum there. Raises
    CannotConnect: nothing answers.
    """
    start = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as err:
        raise CannotConnect(
            "The stratum port does not answer", reason="stratum_down"
        ) from err
    except (OSError, ValueError, OverflowError) as err:
        raise CannotConnect(
            "The stratum port cannot be reached", reason="stratum_down"
        ) from err
    latency = (time.monotonic() - start) * 1000
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return latency


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a pool listens, as a user gave it."""

    host: str
    port: int
    tls: bool

    @property
    def address(self) -> str:
        """Return ``host:port``."""
        return f"{self.host}:{self.port}"


def parse_endpoint(url: str) -> Endpoint:
    """Return the endpoint of ``host:port`` or ``stratum+tcp://host:port``.

    Raises InvalidValue for anything else. ``stratum+ssl`` and ``stratum+tls``
    request encryption.
    """
    match = _ENDPOINT.fullmatch(url.strip())
    if match is None or not 0 < int(match["port"]) < 65536:
        raise InvalidValue(
            "A pool address is host:port or stratum+tcp://host:port",
            reason="pool_format",
        )
    scheme = (match["scheme"] or "").lower()
    if scheme not in _PLAIN_SCHEMES | _TLS_SCHEMES:
        raise InvalidValue(
            f"The miner cannot speak {scheme} to a pool",
            reason="pool_scheme",
            scheme=scheme,
        )
    return Endpoint(match["host"], int(match["port"]), scheme in _TLS_SCHEMES)
