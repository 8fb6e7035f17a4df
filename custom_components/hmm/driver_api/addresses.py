"""Where devices may be."""

import asyncio
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network
import socket

_HOME = tuple(
    map(
        IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16")
    )
)
_LOOPBACK = IPv4Network("127.0.0.0/8")
# Link-local, but of a cloud: it hands out credentials
_METADATA = {IPv4Address("169.254.169.254"), IPv4Address("169.254.170.2")}


@lru_cache(maxsize=1024)
def is_home_address(text: str, *, loopback: bool = False) -> bool:
    """Return whether an address is an IPv4 address of a home network.

    These are the private ranges of RFC 1918 and the link-local one, without the
    metadata services of clouds. ``loopback`` allows 127.0.0.0/8 as well: right only
    for the sender of a packet, which then is this machine itself.
    """
    try:
        address = IPv4Address(text)
    except ValueError:
        return False
    if address in _LOOPBACK:
        return loopback
    return address not in _METADATA and any(address in network for network in _HOME)


async def resolve(host: str) -> str:
    """Return the IPv4 address of a host; the host itself if it has none."""
    try:
        return str(IPv4Address(host))
    except ValueError:
        pass
    try:
        results = await asyncio.get_running_loop().getaddrinfo(
            host, None, family=socket.AF_INET, type=socket.SOCK_DGRAM
        )
    except OSError, UnicodeError:
        return host
    return str(results[0][4][0]) if results else host
