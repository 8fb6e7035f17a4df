"""Adds up the fleet; it listens to miners and pools and polls nothing itself."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
import logging
from typing import override

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from ..const import DOMAIN, EntryType
from ..data import HmmConfigEntry, entry_kind
from ..driver_api.units import efficiency_j_per_th
from ..miner.availability import percent
from ..miner.coordinator import MinerCoordinator
from ..miner.energy import EnergyBook
from ..miner.status import MinerState
from .members import BestShare, Fleet
from .problems import FleetProblem, FleetState, find_problems, fleet_state
from .totals import PoolTotals, Reporting, add_up

_LOGGER = logging.getLogger(__name__)

# Every poll of every miner changes a total; the history needs no more than this
_COOLDOWN_SECONDS = 30
# When a router fails, all miners have news, one after the other
_NEWS_SECONDS = 1

_MAX_SHARES = 50
"""Best shares in an attribute; more would not be read, and cost a state its size."""

_IN_PROGRESS = (
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS,
)

type FleetConfigEntry = ConfigEntry[FleetCoordinator]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetData:
    """Totals over those that answer. H/s, W, J/TH; None is unknown."""

    complete: bool = False
    """Whether all that is set up was added up, and not the first ones alone."""
    state: FleetState | None = None
    miners: int | None = None
    """All that the user has, also those that could not be set up."""
    online: int | None = None
    on_purpose: int | None = None
    """How many are off or paused because someone wanted that."""
    offline: tuple[str, ...] = ()
    """The names of those that do not respond."""
    problems: tuple[FleetProblem, ...] = ()
    availability: float | None = None
    """Percent of the last 24 h in which the miners were online."""
    hashrate: float | None = None
    expected: float | None = None
    """What all would do that are not off on purpose; one that reports no expectation
    counts with what it does."""
    power: float | None = None
    efficiency: float | None = None
    best_shares: tuple[BestShare, ...] = ()
    """Of the best miners, the best first."""
    reporting: Mapping[str, Reporting] = field(default_factory=dict)
    """Of how many miners or pools a sum is, by the key of its sensor."""
    missing: tuple[tuple[str, ...], ...] = ()
    """What else must not be shown as it was: the pools that times wait for."""
    pools: PoolTotals = field(default_factory=PoolTotals)


class FleetCoordinator(DataUpdateCoordinator[FleetData]):
    """Keeps the totals of the fleet."""

    config_entry: FleetConfigEntry

    def __init__(
        self,
        hass: HomeAssistant,
        entry: FleetConfigEntry,
        fleet: Fleet,
        energy: EnergyBook,
    ) -> None:
        """Add up what is there and listen for more."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=None,
            always_update=False,
        )
        self.energy = energy
        self._fleet = fleet
        self._debouncer, self._news = (
            Debouncer(
                hass,
                _LOGGER,
                cooldown=seconds,
                immediate=True,
                function=self._async_add_up,
                background=True,
            )
            for seconds in (_COOLDOWN_SECONDS, _NEWS_SECONDS)
        )
        # While Home Assistant starts, the miners come one after the other, and
        # the sum of the first ones would be taken for that of all.
        self._complete = False
        self._changing = {
            member.entry_id
            for member in hass.config_entries.async_entries(DOMAIN)
            if member.state in _IN_PROGRESS and member is not entry
        }
        self.data = FleetData()
        entry.async_on_unload(async_at_started(hass, self._started))
        entry.async_on_unload(fleet.async_add_listener(self._fleet_changed))
        entry.async_on_unload(
            async_dispatcher_connect(
                hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed
            )
        )
        entry.async_on_unload(self._debouncer.async_shutdown)
        entry.async_on_unload(self._news.async_shutdown)

    @callback
    def _fleet_changed(self, at_once: bool) -> None:
        if at_once:
            # Whoever adds a miner or unplugs one looks at the totals next
            self._news.async_schedule_call()
        else:
            self._schedule()

    @callback
    def _entry_changed(self, change: ConfigEntryChange, entry: HmmConfigEntry) -> None:
        """Count again when a miner or pool goes or cannot be set up."""
        if entry.domain != DOMAIN or entry_kind(entry) == EntryType.FLEET:
            return
        if entry.state in _IN_PROGRESS:
            self._changing.add(entry.entry_id)
            return
        self._changing.discard(entry.entry_id)
        if (
            change is not ConfigEntryChange.ADDED
            and entry.state is not ConfigEntryState.LOADED
        ):
            # What is unloaded for a reload is being set up again by then
            self.hass.loop.call_soon(self._schedule)

    @callback
    def _schedule(self) -> None:
        """Add up soon, but not while that would give less than there is."""
        if not self._is_changing:
            self._debouncer.async_schedule_call()

    @callback
    def _started(self, hass: HomeAssistant) -> None:
        self._complete = True
        self._async_add_up()

    @override
    async def _async_update_data(self) -> FleetData:
        """Add up on request; otherwise its members say when they changed."""
        return self._total() if self._complete else self.data

    @callback
    def _async_add_up(self) -> None:
        if self._complete and not self._is_changing:
            self.async_set_updated_data(self._total())

    @property
    def _is_changing(self) -> bool:
        """Return whether a miner or pool is being set up or unloaded now.

        It would be taken for one that is down. Its entry notifies when that is over.
        """
        return any(
            entry_id not in self._fleet.miners and entry_id not in self._fleet.pools
            for entry_id in self._changing
        )

    def _total(self) -> FleetData:
        miners = list(self._fleet.miners.values())
        online = [miner for miner in miners if miner.last_update_success]
        entries = self.hass.config_entries.async_entries(
            DOMAIN, include_ignore=False, include_disabled=False
        )
        problems = tuple(find_problems(self.hass, entries))
        hours = [miner.status.record.availability.total_and_online for miner in miners]
        rates = [miner.data.hashrate for miner in online]
        watts = [miner.power for miner in online]
        expected = [_expected(miner) for miner in miners]
        # Only miners that report both belong into J/TH
        both = [
            (power, rate)
            for power, rate in zip(watts, rates, strict=True)
            if power is not None and rate is not None
        ]
        pools = add_up(self._fleet.read_pools(self.hass))
        return FleetData(
            complete=True,
            state=fleet_state((miner.status.state for miner in miners), problems),
            miners=len(miners)
            + sum(
                problem.kind == EntryType.MINER
                and problem.entry.entry_id not in self._fleet.miners
                for problem in problems
            ),
            online=len(online),
            on_purpose=sum(miner.status.is_on_purpose for miner in miners),
            offline=tuple(
                miner.config_entry.title
                for miner in miners
                if miner.status.state is MinerState.OFFLINE
            ),
            problems=problems,
            availability=percent(
                sum(known for known, _ in hours), sum(up for _, up in hours)
            ),
            hashrate=_sum(rates),
            expected=_sum(expected),
            power=_sum(watts),
            efficiency=efficiency_j_per_th(
                sum(power for power, _ in both), sum(rate for _, rate in both)
            ),
            best_shares=tuple(self._fleet.read_best_shares(self.hass)[:_MAX_SHARES]),
            reporting={
                "hashrate": _reporting(rates, miners),
                "hashrate_expected": _reporting(expected, miners),
                "power": _reporting(watts, miners),
                "efficiency": Reporting(len(both), len(miners)),
                **{f"pools_{name}": value for name, value in pools.reporting.items()},
                **{
                    f"{coin.lower()}_{name}": value
                    for coin, part in pools.parts.items()
                    for name, value in part.reporting.items()
                },
            },
            missing=(
                pools.soonest_missing,
                *(part.missing for part in pools.parts.values()),
            ),
            pools=pools,
        )


def _reporting(values: list[float | None], miners: list[MinerCoordinator]) -> Reporting:
    """Return how many of the miners have a value."""
    return Reporting(sum(value is not None for value in values), len(miners))


def _expected(miner: MinerCoordinator) -> float | None:
    """Return H/s that a miner should do: nothing while it is off on purpose.

    The expectation is not a reading: that of a miner that fails is the last one.
    """
    if miner.status.is_on_purpose:
        return 0.0
    # Of one that never responded nothing is known
    expected = miner.data.hashrate_expected if miner.data else None
    if expected is None and miner.last_update_success:
        return miner.data.hashrate
    return expected


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is known, None if nothing is."""
    numbers = [value for value in values if value is not None]
    return sum(numbers) if numbers else None
