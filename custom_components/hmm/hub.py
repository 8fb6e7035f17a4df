"""Adds up the fleet; it listens to the miners and polls nothing itself."""

from collections.abc import Iterable
from dataclasses import dataclass
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .driver_api.units import efficiency_j_per_th
from .fleet import Fleet

_LOGGER = logging.getLogger(__name__)

# Every poll of every miner changes a total; the history needs no more than this
_COOLDOWN_SECONDS = 30

type HubConfigEntry = ConfigEntry[HubCoordinator]


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetData:
    """Totals over the miners that answer. H/s, W, J/TH; None is unknown."""

    miners: int | None = None
    online: int | None = None
    hashrate: float | None = None
    power: float | None = None
    efficiency: float | None = None
    best_share: float | None = None


class HubCoordinator(DataUpdateCoordinator[FleetData]):
    """Keeps the totals of the fleet."""

    config_entry: HubConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: HubConfigEntry, fleet: Fleet
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
        self.energy_kwh = 0.0
        """kWh that the miners used since this hub was set up."""
        self._fleet = fleet
        self._meters: dict[str, tuple[Any, float]] = {}
        self._debouncer = Debouncer(
            hass,
            _LOGGER,
            cooldown=_COOLDOWN_SECONDS,
            immediate=True,
            function=self._async_add_up,
            background=True,
        )
        # While Home Assistant starts, the miners come one after the other, and
        # the sum of the first ones would be taken for that of all.
        self._complete = False
        self.data = FleetData()
        entry.async_on_unload(async_at_started(hass, self._started))
        self._count_energy()
        entry.async_on_unload(fleet.async_add_listener(self._fleet_changed))
        entry.async_on_unload(self._debouncer.async_shutdown)

    @callback
    def _fleet_changed(self) -> None:
        self._count_energy()
        self._debouncer.async_schedule_call()

    @callback
    def _started(self, hass: HomeAssistant) -> None:
        self._complete = True
        self._async_add_up()

    @callback
    def _async_add_up(self) -> None:
        if self._complete:
            self.async_set_updated_data(self._total())

    def _count_energy(self) -> None:
        """Add what each miner used since the last look.

        The sum of the increments, not of the totals: a miner that is removed
        takes nothing away from the past.
        """
        for entry_id, miner in self._fleet.miners.items():
            meter, counted = self._meters.get(entry_id, (None, 0.0))
            if meter is not miner.energy:
                # A meter that is new to the hub counts from here on
                counted = miner.energy.kwh
            self.energy_kwh += miner.energy.kwh - counted
            self._meters[entry_id] = (miner.energy, miner.energy.kwh)

    def _total(self) -> FleetData:
        miners = list(self._fleet.miners.values())
        online = [miner for miner in miners if miner.last_update_success]
        hashrate = _sum(miner.data.hashrate for miner in online)
        power = _sum(miner.power for miner in online)
        # Only miners that tell both belong into J/TH
        both = [
            (miner.power, miner.data.hashrate)
            for miner in online
            if miner.power is not None and miner.data.hashrate is not None
        ]
        best = [miner.data.best_share for miner in online if miner.data.best_share]
        return FleetData(
            miners=len(miners),
            online=len(online),
            hashrate=hashrate,
            power=power,
            efficiency=efficiency_j_per_th(
                sum(watts for watts, _ in both), sum(rate for _, rate in both)
            ),
            best_share=max(best, default=None),
        )


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum of what is known, None if nothing is."""
    known = [value for value in values if value is not None]
    return sum(known) if known else None
