"""Find out which pool is at a host: by its name, or by asking it at home."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

from ..driver_api import BasePoolIntegration
from ..driver_api.transports.stratum import stratum_only
from .address import Address, AddressError, parse_address
from .known_pools import KnownPool, KnownPools
from .pool_client import coin_of, is_pool_of, probe

_HOME_SUFFIXES = (".local", ".lan", ".home.arpa")
# Reserved for names that never exist (RFC 2606)
_NO_HOST = "no-such-pool.invalid"
_HOSTS_AT_ONCE = 8
"""Each is asked by all drivers at the same time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolMatch:
    """A pool that is at a host.

    ``coin`` is None where only its owner knows; ``port`` is 0 where none was
    given and none is usual. ``settings`` are what the driver needs to reach
    it. ``listed`` is the pool of the list that it is, None for one that is not in it.
    """

    driver_type: str
    url: str
    port: int
    coin: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    listed: KnownPool | None = None


def parse_stratum(text: str) -> Address:
    """Return the host and port of a pool as people type it.

    Also takes what is in a miner: ``stratum+tcp://user@host:port/#xnsub``. The
    port of a web page (``http://host:port``) is not that of the stratum: it is left
    out. Raises AddressError.
    """
    address = parse_address(text)
    if text.strip().lower().startswith(("http://", "https://")):
        return Address(address.host)
    return address


def is_at_home(host: str) -> bool:
    """Return whether a host is in the user's own network, judging by its name."""
    try:
        address = ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(_HOME_SUFFIXES)
    return address.is_private or address.is_loopback or address.is_link_local


def match_of(pool: KnownPool) -> PoolMatch:
    """Return the pool of the list as one that was found; ``url`` may be empty."""
    template = pool.template
    return PoolMatch(
        driver_type=pool.driver_type,
        url=host_of(pool),
        port=template.port,
        coin=template.coin.upper() or None,
        settings=pool.settings,
        listed=pool,
    )


async def find_pools_of_each(
    drivers: Mapping[str, BasePoolIntegration],
    known_pools: KnownPools,
    servers: Iterable[Address],
) -> list[list[PoolMatch]]:
    """Return what ``find_pools`` finds at each of many servers, few at the same time."""
    limit = asyncio.Semaphore(_HOSTS_AT_ONCE)

    async def find(server: Address) -> list[PoolMatch]:
        async with limit:
            return await find_pools(drivers, known_pools, server.host, server.port)

    return await asyncio.gather(*map(find, servers))


async def find_pools(
    drivers: Mapping[str, BasePoolIntegration],
    known_pools: KnownPools,
    url: str,
    port: int | None,
) -> list[PoolMatch]:
    """Return the pools that a stratum host can be, the surest kind alone.

    ``drivers`` are instances by their type, ``url`` is a bare host name or address
    (see ``parse_stratum``), ``port`` None where none was given. The known pools
    decide by the whole host and port, then the drivers by the host; only a host of
    the user's own network is queried, by all drivers concurrently, in 5 seconds at
    most, or twice that where nothing was found. Never raises what a driver raises.
    Empty if the host is unknown.
    """
    host = url.lower()
    listed = [
        match_of(pool)
        for pool in known_pools.pools.values()
        if host_of(pool) == host and port in (None, pool.template.port)
    ]
    if listed:
        return listed
    named = await asyncio.gather(
        *(_by_name(driver, known_pools, host, port) for driver in drivers.values())
    )
    if any(named) or not is_at_home(host):
        return [match for matches in named for match in matches]
    # On the usual stratum ports of servers at home only if nothing else was found: one
    # host may have several, and HTTP or TLS there can get a miner banned
    usual = {
        pool.template.port
        for pool in known_pools.pools.values()
        if not pool.template.url
    }
    typed = {port} if port else set[int]()
    for ports in (typed | usual, typed):
        with stratum_only(host, ports) as refused:
            answers = await asyncio.gather(
                *(
                    _by_probe(driver, known_pools, host, port)
                    for driver in drivers.values()
                )
            )
        if any(answers) or refused <= typed:
            return [match for matches in answers for match in matches]
    return []


async def _by_name(
    driver: BasePoolIntegration, known_pools: KnownPools, host: str, port: int | None
) -> list[PoolMatch]:
    """Return the match of a driver for a host that it knows by its name.

    One that accepts a host that does not exist goes by the port alone.
    """
    if not await is_pool_of(driver, host, port or 0):
        return []
    if await is_pool_of(driver, _NO_HOST, port or 0):
        return []
    coin = coin_of(driver, host, port or 0)
    listed = [
        pool
        for pool in known_pools.pools.values()
        if pool.driver_type == driver.driver_type
        and host_of(pool) == host
        and pool.template.coin.upper() == coin
    ]
    return [_match(driver, host, port, coin, {}, listed)]


async def _by_probe(
    driver: BasePoolIntegration, known_pools: KnownPools, host: str, port: int | None
) -> list[PoolMatch]:
    """Return the pools that a driver finds at a host of the user's own."""
    return [
        _match(
            driver,
            host,
            port,
            pool_found.coin,
            pool_found.settings,
            [
                pool
                for pool in known_pools.pools.values()
                if pool.driver_type == driver.driver_type
                and not pool.template.url
                and pool.template.coin.upper() == pool_found.coin
                and pool_found.template_id in (None, pool.template.template_id)
            ],
        )
        for pool_found in await probe(driver, host, port or 0)
    ]


def _match(
    driver: BasePoolIntegration,
    host: str,
    port: int | None,
    coin: str | None,
    settings: Mapping[str, Any],
    listed: list[KnownPool],
) -> PoolMatch:
    """Return a match with what the list knows of it, if that is but one pool."""
    if port is not None and len(listed) > 1:
        listed = [pool for pool in listed if pool.template.port == port]
    only = listed[0] if len(listed) == 1 else None
    return PoolMatch(
        driver_type=driver.driver_type or "",
        url=host,
        port=port or (only.template.port if only else 0),
        coin=coin,
        settings={**(only.settings if only else {}), **settings},
        listed=only,
    )


def host_of(pool: KnownPool) -> str:
    """Return the bare host of a known pool, empty if the user enters it.

    Files may have a scheme in front of it, as miners.
    """
    try:
        return parse_stratum(pool.template.url).host
    except AddressError:
        return pool.template.url.strip().lower()
