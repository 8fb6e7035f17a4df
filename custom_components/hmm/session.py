"""The HTTP session that miners are polled over."""

import socket

from aiohttp import ClientSession, DummyCookieJar, TCPConnector
from aiohttp_asyncmdnsresolver.api import AsyncDualMDNSResolver
from homeassistant.components import zeroconf
from homeassistant.const import EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import Event, HomeAssistant

# Home Assistant's shared session drops an idle connection after 15 s, half a
# poll: every poll would open a new one, which small web servers run out of.
_KEEP_ALIVE_SECONDS = 90


async def async_create_miner_session(hass: HomeAssistant) -> ClientSession:
    """Return a session that keeps one connection per miner between polls."""
    resolver = AsyncDualMDNSResolver(
        async_zeroconf=await zeroconf.async_get_async_instance(hass)
    )
    session = ClientSession(
        connector=TCPConnector(
            # AxeOS takes every IPv6 client for a stranger
            family=socket.AF_INET,
            keepalive_timeout=_KEEP_ALIVE_SECONDS,
            limit=0,
            limit_per_host=2,
            resolver=resolver,
        ),
        cookie_jar=DummyCookieJar(),
    )

    async def async_close(event: Event) -> None:
        await session.close()
        await resolver.close()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, async_close)
    return session
