"""Look for miners on the local network."""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Network
import socket
from weakref import WeakKeyDictionary

from ..driver_api import BaseMinerAdapter, DriverContext
from .detect import Detected, detect
from .loaded import LoadedDriver

# A live host on the LAN answers a connect within milliseconds; a WiFi miner
# that sleeps may take a second, and a lost packet is sent again after one.
_CONNECT_SECONDS = 1.4
_DETECTIONS_AT_ONCE = 16

# Two ports of a /24 at the same time; a process may have no more than 1,024 files open
_CONNECTS_AT_ONCE = 600

_connects: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = (
    WeakKeyDictionary()
)
"""Of all searches together: each may be in a dialog of its own."""

# Homes have no more; a /16 would take minutes and alarm the router
LARGEST_NETWORK = 1024


def is_too_large(network: IPv4Network) -> bool:
    """Return whether a network is not searched as a whole."""
    return network.num_addresses > LARGEST_NETWORK


def hosts_of(networks: Iterable[IPv4Network]) -> list[str]:
    """Return the addresses of all networks that are not too large, each once."""
    return list(
        dict.fromkeys(
            str(host)
            for network in networks
            if not is_too_large(network)
            for host in network.hosts()
        )
    )


async def scan(
    hosts: Iterable[str],
    drivers: list[LoadedDriver[BaseMinerAdapter]],
    context: DriverContext,
    skip: set[str],
) -> list[Detected]:
    """Return the miners found; their clients are closed again.

    Addresses in ``skip`` (miners that are set up) are left alone.
    """
    ports = {
        kind.default_port
        for driver in drivers
        if (kind := driver.driver_class).connection_type in ("tcp", "http")
        and kind.default_port
    }
    alive = await listening((host for host in hosts if host not in skip), ports)
    limit = asyncio.Semaphore(_DETECTIONS_AT_ONCE)
    over_tcp = [
        driver for driver in drivers if driver.driver_class.connection_type != "udp"
    ]

    async def probe(host: str) -> list[Detected]:
        async with limit:
            detection = await detect(over_tcp, context, host)
        for device in detection.devices:
            await device.client.close()
        return list(detection.devices)

    results = await asyncio.gather(*(probe(host) for host in alive))
    return [device for devices in results for device in devices]


async def listening(hosts: Iterable[str], ports: Iterable[int]) -> list[str]:
    """Return the hosts that accept connections on any of some ports.

    All are tried concurrently, or as many as a process may: the time for a /24 is
    bounded by one connect time-out, unless others search at the same time.
    """
    connects = _connects.setdefault(
        asyncio.get_running_loop(), asyncio.Semaphore(_CONNECTS_AT_ONCE)
    )
    doors = await asyncio.gather(
        *(
            _listens(connects, host, port)
            for host in dict.fromkeys(hosts)
            for port in set(ports)
        )
    )
    return sorted({door for door in doors if door})


async def _listens(connects: asyncio.Semaphore, host: str, port: int) -> str | None:
    """Return the host if something accepts connections on a port."""
    # Streams would take twice the time for the hundreds of hosts that refuse
    async with connects:
        with socket.socket(type=socket.SOCK_STREAM) as door:
            door.setblocking(False)
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    await asyncio.get_running_loop().sock_connect(door, (host, port))
            except TimeoutError, OSError:
                return None
            return host
