"""HMM, the Home Miner Manager: miners and pools in Home Assistant."""

from typing import Any

from homeassistant.config_entries import SOURCE_SYSTEM, ConfigEntry
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv, discovery_flow
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.typing import ConfigType

from .const import CONF_DRIVER, DOMAIN, HUB_UNIQUE_ID, PLATFORMS, EntryType
from .coordinator import MinerCoordinator, PoolCoordinator
from .data import HMM_DATA, HmmData, entry_kind, get_data
from .discovery import async_listen_for_broadcasts
from .driver_api import DriverError
from .driver_manager.client import MinerClient
from .drivers import async_load
from .errors import translation_key
from .fleet import Fleet
from .hub import HubCoordinator
from .services import async_setup_services
from .session import async_create_miner_session

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Load the drivers and everything else that all entries share."""
    drivers, pool_files = await async_load(hass)
    hass.data[HMM_DATA] = HmmData(
        drivers=drivers,
        pool_files=pool_files,
        session=await async_create_miner_session(hass),
        pool_session=async_get_clientsession(hass),
        fleet=Fleet(),
    )
    async_setup_services(hass)
    await async_listen_for_broadcasts(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Set up a miner, a pool or the hub."""
    match entry_kind(entry):
        case EntryType.MINER:
            await _async_setup_miner(hass, entry)
        case EntryType.POOL:
            await _async_setup_pool(hass, entry)
        case EntryType.HUB:
            entry.runtime_data = HubCoordinator(hass, entry, get_data(hass).fleet)
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    if entry_kind(entry) != EntryType.HUB:
        _make_hub(hass)
    return True


async def async_unload_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:
    """Unload an entry; its driver gives back what it holds."""
    unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if unloaded and isinstance(entry.runtime_data, MinerCoordinator):
        await entry.runtime_data.client.close()
    return unloaded


def _make_hub(hass: HomeAssistant) -> None:
    """Let the hub entry make itself beside the first miner or pool.

    A hub that the user disabled stays disabled.
    """
    if not hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, HUB_UNIQUE_ID):
        discovery_flow.async_create_flow(
            hass, DOMAIN, context={"source": SOURCE_SYSTEM}, data={}
        )


async def _async_setup_miner(
    hass: HomeAssistant, entry: ConfigEntry[MinerCoordinator]
) -> None:
    data = get_data(hass)
    if (driver := data.drivers.miners.get(entry.data[CONF_DRIVER])) is None:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="driver_missing",
            translation_placeholders={"driver": entry.data[CONF_DRIVER]},
        )
    client = MinerClient(
        driver.driver_class,
        data.driver_context({**entry.options}),
        entry.data[CONF_HOST],
        entry.data.get(CONF_PORT),
    )
    coordinator = MinerCoordinator(hass, entry, client)
    if coordinator.profile is None:
        await coordinator.async_config_entry_first_refresh()
    else:
        # Owners switch miners off for hours: a known one gets its entities
        # anyway, unavailable until it answers.
        await coordinator.async_refresh()
    entry.runtime_data = coordinator
    entry.async_on_unload(data.fleet.async_add_miner(coordinator))


async def _async_setup_pool(
    hass: HomeAssistant, entry: ConfigEntry[PoolCoordinator]
) -> None:
    data = get_data(hass)
    if (driver := data.drivers.pools.get(entry.data[CONF_DRIVER])) is None:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key="driver_missing",
            translation_placeholders={"driver": entry.data[CONF_DRIVER]},
        )
    try:
        pool_driver = data.pool_driver(driver)
    except DriverError as err:
        raise ConfigEntryError(
            translation_domain=DOMAIN,
            translation_key=translation_key(err),
            translation_placeholders={
                "host": entry.data[CONF_HOST],
                "reason": str(err),
            },
        ) from err
    coordinator = PoolCoordinator(hass, entry, pool_driver)
    await coordinator.async_config_entry_first_refresh()
    entry.runtime_data = coordinator
