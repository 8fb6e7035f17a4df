"""The session as a driver gets it: it can be used by all, and ended by none of them.

``async with self.context.session`` is an easy mistake; it would end the connections of
every other driver, whose authors got the blame.
"""

from typing import Any, Self

from aiohttp import ClientSession
from multidict import CIMultiDict


class LentSession:
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
