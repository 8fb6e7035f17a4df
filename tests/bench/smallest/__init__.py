"""The smallest integration that shows as many sensors of a Bitaxe: what is compared with."""

from datetime import timedelta
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

_LOGGER = logging.getLogger(__name__)


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Poll one device."""
    session = async_get_clientsession(hass)
    url = f"http://{entry.data['host']}:{entry.data['port']}/api/system/info"

    async def update() -> dict[str, Any]:
        async with session.get(url) as response:
            data: dict[str, Any] = await response.json()
            return data

    entry.runtime_data = DataUpdateCoordinator(
        hass,
        _LOGGER,
        config_entry=entry,
        name=entry.title,
        update_interval=timedelta(seconds=30),
        update_method=update,
    )
    await entry.runtime_data.async_config_entry_first_refresh()
    await hass.config_entries.async_forward_entry_setups(entry, ["sensor"])
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Stop."""
    return await hass.config_entries.async_unload_platforms(entry, ["sensor"])
