"""What all entries of HMM share."""

from asyncio import Lock
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from aiohttp import ClientSession
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from .const import (
    CONF_COIN,
    CONF_DRIVER,
    CONF_ENTRY_TYPE,
    CONF_WALLET,
    DOMAIN,
    FLEET_UNIQUE_ID,
    EntryType,
)
from .driver_api import BasePoolIntegration, DriverContext
from .turns import Turns

if TYPE_CHECKING:
    from .driver_engine.known_pools import KnownPools
    from .driver_engine.loaded import LoadedDriver, LoadedDrivers
    from .drivers.compare import DriverTrials
    from .drivers.manager import DriverManager
    from .drivers.service import DriverService
    from .drivers.watch import DriverWatch
    from .fleet.coordinator import FleetConfigEntry
    from .fleet.failover import Memory
    from .fleet.failover_runner import Failover
    from .fleet.firmware_news import FirmwareNews
    from .fleet.members import Fleet
    from .miner.autotune import AutotuneRecord, AutotuneTurns
    from .miner.coordinator import MinerConfigEntry
    from .miner.discovery import Announced
    from .miner.energy import EnergyBook
    from .miner.finds import MinerRecord
    from .miner.kept import KeptCommands
    from .miner.profile_store import ProfileStore
    from .miner.profiles import TuningProfiles
    from .miner.status import StatusRecord
    from .miner.watchdog_rules import WatchdogRecord
    from .money.ledger import Ledger
    from .pool.blocks import AccountRecord
    from .pool.coordinator import PoolConfigEntry
    from .records import Records
    from .strategy.manager import StrategyManager


type HmmConfigEntry = MinerConfigEntry | PoolConfigEntry | FleetConfigEntry


class EntryStore(Protocol):
    """What is kept of entries over a restart."""

    async def async_load(self) -> None:
        """Continue where it was before the restart."""

    async def async_forget(self, entry_id: str) -> None:
        """Forget an entry that was removed."""


@dataclass(slots=True, kw_only=True)
class HmmData:
    """Drivers, known pools, the session, the fleet, and what is kept of each entry."""

    driver_service: DriverService
    driver_trials: DriverTrials
    driver_watch: DriverWatch
    session: ClientSession
    fleet: Fleet
    energy: EnergyBook
    failover: Failover
    failovers: Records[Memory]
    firmware: FirmwareNews
    kept: Records[KeptCommands]
    money: Ledger
    miner_records: Records[MinerRecord]
    account_records: Records[AccountRecord]
    profiles: ProfileStore
    statuses: Records[StatusRecord]
    strategies: StrategyManager
    tuning: TuningProfiles
    watchdogs: Records[WatchdogRecord]
    autotunes: Records[AutotuneRecord]
    autotune_turns: AutotuneTurns
    announced: Announced
    turns: Turns = field(default_factory=Turns)
    """In which entries are set up."""
    pool_searches: Lock = field(default_factory=Lock)
    """One scan for pools in the network at a time."""
    other_models: set[str] = field(default_factory=set)
    """The entries whose miner was replaced by another model; see ``_remove_left``."""

    @property
    def stores(self) -> tuple[EntryStore, ...]:
        """Return everything that keeps something of an entry until that is removed."""
        return (
            *(self.energy, self.miner_records, self.account_records, self.kept),
            *(self.tuning, self.profiles, self.statuses, self.watchdogs),
            *(self.failovers, self.autotunes, self.money, self.strategies.store),
        )

    @property
    def driver_manager(self) -> DriverManager:
        """Return what holds the drivers that run now."""
        return self.driver_service.manager

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
        """Return what a driver gets from HMM."""
        return DriverContext(session=self.session, options=options or {})


HMM_DATA: HassKey[HmmData] = HassKey(DOMAIN)


def get_data(hass: HomeAssistant) -> HmmData:
    """Return the shared data; it exists since ``async_setup``."""
    return hass.data[HMM_DATA]


_ALWAYS_THERE: Final[dict[EntryType, dict[str, type]]] = {
    EntryType.MINER: {CONF_DRIVER: str, CONF_HOST: str},
    EntryType.POOL: {
        CONF_DRIVER: str,
        CONF_HOST: str,
        CONF_PORT: int,
        CONF_COIN: str,
        CONF_WALLET: str,
    },
    EntryType.FLEET: {},
}
"""What all code relies on in the data of an entry."""


def entry_kind(entry: HmmConfigEntry) -> EntryType | None:
    """Return which of the three kinds an entry is, None for an ignored device.

    An entry whose stored data is damaged has no kind either: whatever goes through
    all entries leaves it out.
    """
    reported = entry.data.get(CONF_ENTRY_TYPE)
    kind = next((kind for kind in EntryType if kind == reported), None)
    if kind is None or not all(
        isinstance(entry.data.get(key), type_)
        for key, type_ in _ALWAYS_THERE[kind].items()
    ):
        return None
    return kind


@callback
def entries_of_kind(
    hass: HomeAssistant, kind: EntryType, *, include_disabled: bool = True
) -> list[HmmConfigEntry]:
    """Return the entries of a kind."""
    return [
        entry
        for entry in hass.config_entries.async_entries(
            DOMAIN, include_ignore=False, include_disabled=include_disabled
        )
        if entry_kind(entry) == kind
    ]


@callback
def fleet_entry(hass: HomeAssistant) -> FleetConfigEntry | None:
    """Return the entry of the fleet, None before there is one."""
    return hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, FLEET_UNIQUE_ID)


@callback
def pool_entries(hass: HomeAssistant) -> list[HmmConfigEntry]:
    """Return the entries of all pools that the user wants, not the disabled ones."""
    return entries_of_kind(hass, EntryType.POOL, include_disabled=False)


@callback
def miner_entries(hass: HomeAssistant) -> list[HmmConfigEntry]:
    """Return the entries of all miners that the user wants, not the disabled ones."""
    return entries_of_kind(hass, EntryType.MINER, include_disabled=False)
