"""Miners that make themselves known."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import logging

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    SOURCE_INTEGRATION_DISCOVERY,
    ConfigEntry,
    ConfigEntryChange,
)
from homeassistant.const import CONF_HOST, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import discovery_flow
from homeassistant.helpers.dispatcher import async_dispatcher_connect

from ..const import CONF_DRIVER, DOMAIN, EntryType
from ..data import entry_kind
from ..driver_api import CannotConnect
from ..driver_api.addresses import is_home_address
from ..driver_api.families import is_nmminer
from ..driver_api.transports.udp import BroadcastListener, Budget, Packet

_LOGGER = logging.getLogger(__name__)

BROADCAST_PORT = 12345
_BROADCAST_DRIVER = "nmminer"

LOOPBACK = False
"""Whether announced miners may be on this machine: so it is in tests only."""

# Anyone on the network can send a packet that looks like a miner's
_DISCOVERIES_A_SECOND = 4 / 60
_DISCOVERIES_AT_ONCE = 4
_MAX_DIALOGS = 8

ASKED_AT_ONCE = 16
MAX_ANNOUNCED = 1024
"""Devices that announced themselves and are asked who they are, or wait for that."""

_AGAIN_SECONDS = 600
"""After which a sender that was offered, and is no entry yet, is offered again."""
_LOOK_SECONDS = 30
"""After which a sender that is an entry, or no miner, is looked at again."""
_MAX_SENDERS = 1024


def may_be_contacted(address: str) -> bool:
    """Return whether an address that the network announced may be queried.

    Anyone can announce any address by mDNS or DHCP.
    """
    return is_home_address(address, loopback=LOOPBACK)


class Announced:
    """Lets announced devices be asked who they are, a few at once.

    One computer can announce thousands by mDNS or DHCP. Each is asked over several
    connections, which all together would stop Home Assistant, or take all its files.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._turns = asyncio.Semaphore(ASKED_AT_ONCE)
        self._count = 0

    @property
    def is_full(self) -> bool:
        """Return whether no more may wait."""
        return self._count >= MAX_ANNOUNCED

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Wait until one more may be asked."""
        self._count += 1
        try:
            async with self._turns:
                yield
        finally:
            self._count -= 1


class _Discovery:
    """Offers the miners that broadcast, a few a minute."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with no sender known."""
        self._hass = hass
        self._budget = Budget(_DISCOVERIES_A_SECOND, _DISCOVERIES_AT_ONCE)
        # When each sender is looked at again; the first ones make room for others
        self._due: dict[str, float] = {}

    @callback
    def on_packet(self, packet: Packet) -> None:
        """Offer the sender of a packet, and nothing that the packet states."""
        sender, now = packet.address, packet.received
        if now < self._due.get(sender, 0):
            return
        offers = self._is_new(packet) and self._has_room() and self._budget.take()
        self._due[sender] = now + (_AGAIN_SECONDS if offers else _LOOK_SECONDS)
        if len(self._due) > _MAX_SENDERS:
            del self._due[next(iter(self._due))]
        if offers:
            discovery_flow.async_create_flow(
                self._hass,
                DOMAIN,
                context={"source": SOURCE_INTEGRATION_DISCOVERY},
                data={CONF_HOST: sender, CONF_DRIVER: _BROADCAST_DRIVER},
            )

    @callback
    def changed(self, change: ConfigEntryChange, entry: ConfigEntry) -> None:
        """Offer a miner again once it was removed."""
        if change is ConfigEntryChange.REMOVED and entry.domain == DOMAIN:
            self._due.clear()

    def _is_new(self, packet: Packet) -> bool:
        """Return whether it is a miner's, and of none that is set up."""
        return is_nmminer(packet.data) and not any(
            entry.data[CONF_HOST] in (packet.address, packet.device)
            for entry in self._hass.config_entries.async_entries(DOMAIN)
            if entry_kind(entry) == EntryType.MINER
        )

    def _has_room(self) -> bool:
        """Return whether one more dialog does not bury the others."""
        waiting = self._hass.config_entries.flow.async_progress_by_init_data_type(
            dict,
            lambda data: data.get(CONF_DRIVER) == _BROADCAST_DRIVER,
            include_uninitialized=True,
        )
        return len(waiting) < _MAX_DIALOGS


async def async_listen_for_broadcasts(hass: HomeAssistant) -> None:
    """Offer every miner that broadcasts on the network.

    The listener is the one that the drivers of these miners use.
    """
    try:
        listener = await BroadcastListener.acquire(BROADCAST_PORT)
    except CannotConnect as err:
        _LOGGER.info("Miners that broadcast are not discovered: %s", err)
        return
    discovery = _Discovery(hass)
    ends = (
        listener.subscribe(discovery.on_packet),
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, discovery.changed),
        listener.release,
    )

    @callback
    def stop(event: Event) -> None:
        for end in ends:
            end()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)
