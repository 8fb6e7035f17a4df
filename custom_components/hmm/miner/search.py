"""Which miners are on the network, and which of them have an entry."""

import asyncio
from collections.abc import Iterable
from ipaddress import IPv4Network

from homeassistant.components import network
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant

from ..const import CONF_DRIVER, DOMAIN, EntryType
from ..data import HmmConfigEntry, entries_of_kind, entry_kind, get_data
from ..driver_api.addresses import resolve
from ..driver_engine.address_range import parse_range
from ..driver_engine.detect import Detected
from ..driver_engine.identity import facts_of, is_same_device
from ..driver_engine.scan import hosts_of, scan
from . import discovery


def read_range(text: str) -> list[str]:
    """Return the addresses of a typed range; raises AddressError."""
    return parse_range(text, loopback=discovery.LOOPBACK)


async def async_own_networks(hass: HomeAssistant) -> list[IPv4Network]:
    """Return the networks that Home Assistant is in."""
    return [
        IPv4Network(f"{address['address']}/{address['network_prefix']}", False)
        for adapter in await network.async_get_adapters(hass)
        if adapter["enabled"]
        for address in adapter["ipv4"]
    ]


async def async_search(
    hass: HomeAssistant, hosts: Iterable[str] | None = None
) -> list[Detected]:
    """Return the miners at some addresses, or in all networks of Home Assistant.

    Addresses of entries are left alone. A device with two addresses is there at its
    first; one that two drivers know, twice.
    """
    data = get_data(hass)
    if hosts is None:
        hosts = hosts_of(await async_own_networks(hass))
    hosts_in_use = [
        entry.data[CONF_HOST] for entry in entries_of_kind(hass, EntryType.MINER)
    ]
    scanned = await scan(
        hosts,
        list(data.drivers.miners.values()),
        data.driver_context(),
        set(await asyncio.gather(*map(resolve, hosts_in_use))),
    )
    first = {device.unique_id: device.client.host for device in reversed(scanned)}
    return [
        device for device in scanned if first[device.unique_id] == device.client.host
    ]


async def async_entry_of(
    hass: HomeAssistant, device: Detected, but: HmmConfigEntry | None = None
) -> HmmConfigEntry | None:
    """Return the entry of a device, also an ignored one.

    It is known by what it reports itself, or by its address.
    """
    profiles, reported = get_data(hass).profiles, device.profile.facts
    for entry in hass.config_entries.async_entries(DOMAIN):
        if entry is but:
            continue
        if entry.unique_id == device.unique_id:
            return entry
        if entry_kind(entry) != EntryType.MINER:
            continue
        facts = facts_of(entry.unique_id, profiles.get(entry.entry_id))
        is_same = is_same_device(facts, reported)
        # One of the two does not report who it is: then the address decides
        if is_same or (is_same is None and await _is_there(entry, device)):
            return entry
    return None


async def _is_there(entry: HmmConfigEntry, device: Detected) -> bool:
    """Return whether an entry is of this kind, and at this address by any name."""
    ports = {entry.data.get(CONF_PORT), device.client.port}
    return (
        entry.data[CONF_DRIVER] == device.driver.driver_type
        and (len(ports) == 1 or None in ports)
        and await resolve(entry.data[CONF_HOST]) == device.address
    )
