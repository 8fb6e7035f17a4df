"""Miners that make themselves known."""

import logging

from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY
from homeassistant.const import CONF_HOST, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.helpers import discovery_flow

from .bundled.miner_drivers.nmminer_driver import is_nmminer
from .const import CONF_DRIVER, DOMAIN, EntryType
from .data import entry_kind
from .driver_api import CannotConnect
from .driver_api.transports.udp import BroadcastListener, Packet

_LOGGER = logging.getLogger(__name__)

BROADCAST_PORT = 12345
_BROADCAST_DRIVER = "nmminer"


async def async_listen_for_broadcasts(hass: HomeAssistant) -> None:
    """Offer every miner that broadcasts on the network.

    The listener is the one that the drivers of these miners use.
    """
    try:
        listener = await BroadcastListener.acquire(BROADCAST_PORT)
    except CannotConnect as err:
        _LOGGER.info("Miners that broadcast are not discovered: %s", err)
        return

    @callback
    def heard(packet: Packet) -> None:
        known = {
            entry.data[CONF_HOST]
            for entry in hass.config_entries.async_entries(DOMAIN)
            if entry_kind(entry) == EntryType.MINER
        }
        if is_nmminer(packet.data) and known.isdisjoint(
            {packet.device, packet.address}
        ):
            discovery_flow.async_create_flow(
                hass,
                DOMAIN,
                context={"source": SOURCE_INTEGRATION_DISCOVERY},
                data={CONF_HOST: packet.device, CONF_DRIVER: _BROADCAST_DRIVER},
            )

    unsubscribe = listener.subscribe(heard)

    @callback
    def stop(event: Event) -> None:
        unsubscribe()
        listener.release()

    hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, stop)
