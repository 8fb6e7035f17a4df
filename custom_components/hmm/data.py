"""What all entries of HMM share."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .driver_api import BasePoolIntegration, DriverContext
from .driver_manager.loader import LoadedDriver, LoadedDrivers
from .driver_manager.pool_client import make_pool_driver
from .driver_manager.pool_files import PoolFiles
from .fleet import Fleet


@dataclass(slots=True, kw_only=True)
class HmmData:
    """Drivers, pool files, the session and the fleet."""

    drivers: LoadedDrivers
    pool_files: PoolFiles
    session: ClientSession
    fleet: Fleet
    pool_session: ClientSession
    """Home Assistant's own session: pools are on the internet."""
    _pool_drivers: dict[str, BasePoolIntegration] = field(default_factory=dict)

    def pool_driver(
        self, loaded: LoadedDriver[BasePoolIntegration]
    ) -> BasePoolIntegration:
        """Return the one instance that serves all accounts of a kind of pool.

        It is shared, so that accounts share what the pool tells of a coin. Raises
        DriverError if the driver cannot even be made.
        """
        if (driver := self._pool_drivers.get(loaded.driver_type)) is None:
            driver = make_pool_driver(loaded.driver_class, self.pool_session)
            self._pool_drivers[loaded.driver_type] = driver
        return driver

    def driver_context(self, options: dict[str, Any] | None = None) -> DriverContext:
        """Return what a driver is lent."""
        return DriverContext(session=self.session, options=options or {})


HMM_DATA: HassKey[HmmData] = HassKey(DOMAIN)


def get_data(hass: HomeAssistant) -> HmmData:
    """Return the shared data; it exists since ``async_setup``."""
    return hass.data[HMM_DATA]


def entry_kind(entry: ConfigEntry[Any]) -> str:
    """Return which of the three kinds an entry is, empty for an ignored device."""
    return str(entry.data.get("entry_type", ""))
