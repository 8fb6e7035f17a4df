"""A session of a driver's own over the connections of all.

A driver may close its session (``async with self.context.session`` is an easy mistake),
detach it or change its headers: no other driver has the same.
"""

from aiohttp import ClientSession, DummyCookieJar


class OwnSession:
    """Keeps a session until nobody needs it; its connections are not its own."""

    def __init__(self, shared: ClientSession) -> None:
        """Make a session with the connector of ``shared``."""
        self.session = ClientSession(
            connector=shared.connector,
            connector_owner=False,
            cookie_jar=DummyCookieJar(),
            headers=shared.headers,
        )

    def __del__(self) -> None:
        """Leave the connections to the others."""
        self.session.detach()
