"""All miners and pools that are set up, as one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from homeassistant.config_entries import ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback

from ..const import CONF_COIN, EntryType
from ..data import HmmConfigEntry, entries_of_kind, pool_entries
from ..listeners import notify_all
from ..miner.coordinator import MinerCoordinator
from ..miner.finds import MinerRecord
from ..miner.status import MinerState
from ..pool.blocks import AccountRecord
from ..pool.coordinator import PoolCoordinator
from ..records import Records
from .totals import PoolReading

_SILENT = (MinerState.NO_POOL, MinerState.NO_SHARES, MinerState.NOT_MINING)


@dataclass(frozen=True, slots=True)
class BestShare:
    """The best share of a miner, and when HMM saw it come."""

    difficulty: float
    miner: str
    entry_id: str
    found: datetime | None


class Fleet:
    """Holds the coordinators that are set up and notifies when one has news."""

    def __init__(
        self,
        miner_records: Records[MinerRecord],
        account_records: Records[AccountRecord],
    ) -> None:
        """Begin with nothing but what is known from before a restart."""
        self.miner_records = miner_records
        self.account_records = account_records
        self.miners: dict[str, MinerCoordinator] = {}
        self.pools: dict[str, PoolCoordinator] = {}
        self.version = 0
        """Rises whenever a miner or pool comes or goes, or gets another name."""
        self._listeners: list[Callable[[bool], None]] = []

    @callback
    def async_add_miner(self, coordinator: MinerCoordinator) -> CALLBACK_TYPE:
        """Add a miner; its poll continues even if all its entities are disabled."""
        return self._add(self.miners, coordinator)

    @callback
    def async_add_pool(self, coordinator: PoolCoordinator) -> CALLBACK_TYPE:
        """Add a pool account; its poll continues like that of a miner."""
        return self._add(self.pools, coordinator)

    def _add[CoordinatorT: MinerCoordinator | PoolCoordinator](
        self, members: dict[str, CoordinatorT], coordinator: CoordinatorT
    ) -> CALLBACK_TYPE:
        entry_id = coordinator.config_entry.entry_id
        members[entry_id] = coordinator
        self.version += 1

        @callback
        def changed() -> None:
            self._changed(at_once=coordinator.has_news)

        remove_listener = coordinator.async_add_listener(changed)
        self._changed(at_once=True)

        @callback
        def remove() -> None:
            remove_listener()
            del members[entry_id]
            self.version += 1
            self._changed()

        return remove

    @callback
    def async_entry_changed(self, _: ConfigEntryChange, entry: HmmConfigEntry) -> None:
        """Let those that show the name of a miner or pool know a new one."""
        member = self.miners.get(entry.entry_id) or self.pools.get(entry.entry_id)
        if member is not None and member.name != entry.title:
            member.name = entry.title
            self.version += 1
            self._changed(at_once=True)

    async def async_end_polls(self, event: Event) -> None:
        """Poll no more when the sessions close: it would look like an error in a driver.

        Home Assistant ends the polls in its earlier stages of a stop, not in its last.
        """
        members: list[MinerCoordinator | PoolCoordinator]
        members = [*self.miners.values(), *self.pools.values()]
        for member in members:
            await member.async_shutdown()

    @callback
    def async_add_listener(self, listener: Callable[[bool], None]) -> CALLBACK_TYPE:
        """Call ``listener`` whenever a miner or pool was polled, comes or goes.

        Its argument: whether to update immediately: one was added, or its status
        changed.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def read_pools(self, hass: HomeAssistant) -> list[PoolReading]:
        """Return how each pool stands, also one that could not be set up."""
        return [self._read_pool(entry) for entry in pool_entries(hass)]

    def _read_pool(self, entry: HmmConfigEntry) -> PoolReading:
        pool = self.pools.get(entry.entry_id)
        record = self.account_records.get(entry.entry_id) or AccountRecord()
        return PoolReading(
            coin=entry.data[CONF_COIN],
            tiles=pool.data if pool and pool.last_update_success else None,
            solo=pool is None or pool.is_solo,
            name=entry.title,
            last=pool.data if pool else None,
            paid_in=record.currency,
            has_hashrate=record.has_hashrate,
            has_time=record.has_time,
        )

    @callback
    def read_best_shares(self, hass: HomeAssistant) -> list[BestShare]:
        """Return the best share of each miner, the best of all first.

        Each counts with what it reported last, also one that is off or disabled: a
        record is a fact of the past. It falls when its miner is removed, or continues
        reporting less because it was reset.
        """
        return sorted(
            (
                BestShare(record.best, entry.title, entry.entry_id, record.found)
                for entry in entries_of_kind(hass, EntryType.MINER)
                if (record := self.miner_records.get(entry.entry_id)) is not None
                and record.best
            ),
            key=lambda share: -share.difficulty,
        )

    def many_silent(self) -> bool:
        """Return whether half of the miners find no shares: it is none of them then."""
        silent = sum(miner.status.state in _SILENT for miner in self.miners.values())
        return silent >= 2 and 2 * silent >= len(self.miners)

    def many_lost(self) -> bool:
        """Return whether half of the miners do not respond: it is the network then."""
        states = [miner.status.state for miner in self.miners.values()]
        lost = states.count(MinerState.OFFLINE)
        return lost >= 2 and 2 * lost >= len(states)

    @callback
    def coins(self, hass: HomeAssistant) -> set[str]:
        """Return what is mined and paid by all pools, also by disabled ones."""
        coins: set[str] = set()
        for entry in entries_of_kind(hass, EntryType.POOL):
            reading = self._read_pool(entry)
            coins |= {reading.coin.upper(), reading.currency}
        return coins

    @callback
    def _changed(self, at_once: bool = False) -> None:
        notify_all(self._listeners, at_once)
