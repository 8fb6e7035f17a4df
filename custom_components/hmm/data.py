"""What all entries of HMM share."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .driver_api import BasePoolIntegration, DriverContext
from .driver_manager.known_pools import KnownPools
from .driver_manager.loader import LoadedDriver, LoadedDrivers
from .drivers.manager import DriverManager
from .energy import EnergyBook
from .finds import MinerRecord
from .fleet import Fleet
from .pools.blocks import AccountRecord
from .profile_store import ProfileStore
from .records import Records


@dataclass(slots=True, kw_only=True)
class HmmData:
    """Drivers, known pools, the session, the fleet, its energy, its miners' profiles."""

    driver_manager: DriverManager
    session: ClientSession
    fleet: Fleet
    energy: EnergyBook
    miner_records: Records[MinerRecord]
    account_records: Records[AccountRecord]
    profiles: ProfileStore
    other_models: set[str] = field(default_factory=set)
    """The entries whose miner was replaced by another model; see ``_remove_left``."""

    @property
    def drivers(self) -> LoadedDrivers:
        """Return the drivers that run now."""
        return self.driver_manager.drivers

    @property
    def known_pools(self) -> KnownPools:
        """Return the pools that can be chosen now."""
        return self.driver_manager.known_pools

    def pool_driver(
        self, loaded: LoadedDriver[BasePoolIntegration]
    ) -> BasePoolIntegration:
        """Return the one instance that serves all accounts of a kind of pool.

        Raises DriverError if the driver cannot even be made.
        """
        return self.driver_manager.pool_driver(loaded)

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
