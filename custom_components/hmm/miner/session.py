"""The HTTP session that miners are polled over."""

from collections.abc import Awaitable
import socket
from typing import override

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp_asyncmdnsresolver.api import AsyncDualMDNSResolver
from homeassistant.components import zeroconf
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant

# Home Assistant's shared session drops an idle connection after 15 s, half a
# poll: every poll would open a new one, which small web servers run out of.
_KEEP_ALIVE_SECONDS = 90


class _SharedConnector(TCPConnector):
    """Connections that only their owner ends: drivers see them in their sessions."""

    is_ending = False

    @override
    def _close(self, *, abort_ssl: bool = False) -> list[Awaitable[object]]:
        return super()._close(abort_ssl=abort_ssl) if self.is_ending else []


async def async_create_miner_session(hass: HomeAssistant) -> ClientSession:
    """Return a session that keeps one connection per miner between polls."""
    resolver = AsyncDualMDNSResolver(
        async_zeroconf=await zeroconf.async_get_async_instance(hass)
    )
    connector = _SharedConnector(
        # AxeOS rejects every IPv6 client as foreign
        family=socket.AF_INET,
        keepalive_timeout=_KEEP_ALIVE_SECONDS,
        limit=0,
        limit_per_host=2,
        resolver=resolver,
    )
    session = ClientSession(connector=connector, cookie_jar=DummyCookieJar())

    async def async_close(event: Event) -> None:
        connector.is_ending = True
        await session.close()
        await resolver.close()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, async_close)
    return session
