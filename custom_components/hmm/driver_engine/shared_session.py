"""The session as a driver gets it: it can be used by all, and ended by none of them.

``async with self.context.session`` is an easy mistake; it would end the connections of
every other driver, whose authors got the blame.
"""

import asyncio
from socket import AF_INET, AddressFamily
from typing import Any, Self, override

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from multidict import CIMultiDict

from ..driver_api.transports.bounded import bounded


class SharedSession:
    """Does what a session does, but for closing and what is changed in it."""

    def __init__(self, shared: ClientSession) -> None:
        """Take the session that all share."""
        self._shared = shared

    def __getattr__(self, name: str) -> Any:
        """Return what the session itself has."""
        return getattr(self._shared, name)

    @property
    def headers(self) -> CIMultiDict[str]:
        """Return the headers of all requests; a change has no effect."""
        return CIMultiDict(self._shared.headers)

    async def close(self) -> None:
        """Leave it open for the others."""

    def detach(self) -> None:
        """Leave its connections to the others."""

    async def __aenter__(self) -> Self:
        """Use it as a session of one's own."""
        return self

    async def __aexit__(self, *error: object) -> None:
        """Leave it open for the others."""


def session_like(
    shared: ClientSession, home: asyncio.AbstractEventLoop
) -> ClientSession:
    """Return a session of the running loop that reaches what one of ``home`` does.

    Names are looked up by the other one, which knows those of the local network.
    """
    connector = shared.connector
    if not isinstance(connector, TCPConnector):
        return ClientSession(cookie_jar=DummyCookieJar(), middlewares=(bounded,))
    return ClientSession(
        connector=TCPConnector(
            family=AddressFamily(connector.family),
            keepalive_timeout=connector._keepalive_timeout,  # noqa: SLF001  it has no other
            limit=connector.limit,
            limit_per_host=connector.limit_per_host,
            resolver=_ResolverAtHome(connector._resolver, home),  # noqa: SLF001  it has no other
            ssl=connector._ssl,  # noqa: SLF001  it has no other
        ),
        cookie_jar=DummyCookieJar(),
        headers=shared.headers,
        timeout=shared.timeout,
        middlewares=(bounded,),
    )


class _ResolverAtHome(AbstractResolver):
    """Has a resolver look names up in the loop that it belongs to."""

    def __init__(
        self, resolver: AbstractResolver, home: asyncio.AbstractEventLoop
    ) -> None:
        """Take the resolver and its loop."""
        self._resolver = resolver
        self._home = home

    @override
    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: AddressFamily = AF_INET,
    ) -> list[ResolveResult]:
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(
                self._resolver.resolve(host, port, family), self._home
            )
        )

    @override
    async def close(self) -> None:
        """Leave it to its owner."""
