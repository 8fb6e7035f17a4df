"""The pool servers of the user's own miners and network, and what they are."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback

from ..const import CONF_COIN, CONF_DRIVER
from ..data import HmmData, get_data, pool_entries
from ..driver_engine.address import Address, AddressError
from ..driver_engine.pool_detect import (
    PoolMatch,
    find_pools_of_each,
    is_at_home,
    parse_stratum,
)
from ..driver_engine.scan import hosts_of, listening
from ..miner.coordinator import MinerCoordinator
from ..miner.search import async_own_networks
from .mined import pool_drivers

_MAX_HOSTS = 64
"""Of those that listen there; at home there are a few."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscoveredPool:
    """A server of the user's miners or network; nothing in it reveals an account."""

    address: Address
    miners: tuple[str, ...]
    """The names of the miners that have it among their pools."""
    active: bool
    """Whether any of them mines there now."""
    matches: tuple[PoolMatch, ...]
    """What it can be; empty if unknown."""
    pool_ids: tuple[str, ...]
    """The pools that are set up for it."""


async def async_discover_pools(
    hass: HomeAssistant, *, network: bool
) -> list[DiscoveredPool]:
    """Return what the miners have reported, and what is in the network.

    Both query only servers of the user's network; one such scan at a time.
    """
    data = get_data(hass)
    async with data.pool_searches:
        pools = await _mined_at(hass, data)
        if network:
            hosts = {pool.address.host for pool in pools}
            pools += await _in_network(hass, data, hosts)
    return pools


async def _mined_at(hass: HomeAssistant, data: HmmData) -> list[DiscoveredPool]:
    servers = _servers(data.fleet.miners.values())
    matches = await find_pools_of_each(
        pool_drivers(data),
        data.known_pools,
        servers,
    )
    return [
        DiscoveredPool(
            address=address,
            miners=tuple(miners),
            active=any(miners.values()),
            matches=tuple(matched),
            pool_ids=tuple(_pool_ids(hass, address, matched)),
        )
        for (address, miners), matched in zip(servers.items(), matches, strict=True)
    ]


async def _in_network(
    hass: HomeAssistant, data: HmmData, skipped: Collection[str]
) -> list[DiscoveredPool]:
    """Return the pools at hosts that listen where miners connect to their own pools."""
    ports = {
        pool.template.port
        for pool in data.known_pools.pools.values()
        if not pool.template.url
    }
    alive = await listening(
        (
            host
            for host in hosts_of(await async_own_networks(hass))
            if host not in skipped and is_at_home(host)
        ),
        ports,
    )
    hosts = alive[:_MAX_HOSTS]
    found = await find_pools_of_each(
        pool_drivers(data), data.known_pools, (Address(host, None) for host in hosts)
    )
    pools = []
    for host, matches in zip(hosts, found, strict=True):
        if matches:
            address = Address(host, matches[0].port or None)
            pools.append(
                DiscoveredPool(
                    address=address,
                    miners=(),
                    active=False,
                    matches=tuple(matches),
                    pool_ids=tuple(_pool_ids(hass, address, matches)),
                )
            )
    return pools


def _servers(
    miners: Iterable[MinerCoordinator],
) -> dict[Address, dict[str, bool]]:
    """Return by server which miners have it, and whether they mine there now."""
    servers: dict[Address, dict[str, bool]] = {}
    for miner in miners:
        # What a miner that is off has reported last still is in its settings
        for slot in miner.data.pools if miner.data else ():
            try:
                address = parse_stratum(slot.url)
            except AddressError:
                continue
            users = servers.setdefault(address, {})
            name = miner.config_entry.title
            mines = slot.active and miner.last_update_success
            users[name] = users.get(name, False) or mines
    return servers


@callback
def _pool_ids(
    hass: HomeAssistant, address: Address, matches: Iterable[PoolMatch]
) -> list[str]:
    """Return the entries of a server; all servers of a public pool are one."""
    kinds = {
        (match.driver_type, match.coin)
        for match in matches
        if match.listed is not None and match.listed.template.url
    }
    return [
        entry.entry_id
        for entry in pool_entries(hass)
        if (entry.data[CONF_HOST].lower(), entry.data[CONF_PORT])
        == (address.host, address.port)
        or (entry.data[CONF_DRIVER], entry.data[CONF_COIN]) in kinds
    ]
