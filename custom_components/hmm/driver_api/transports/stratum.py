"""Whether the port answers that miners connect to."""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
import time

from ..errors import CannotConnect


@dataclass(frozen=True, slots=True)
class _Closed:
    """Ports of a host that are left alone, and those that were asked for."""

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
