"""Energy from power readings, of each miner and of the fleet, kept over restarts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from time import monotonic, time
from typing import Any

from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Event, HomeAssistant, callback

from ..const import DOMAIN
from ..driver_api.ranges import ENERGY
from ..driver_api.units import parse_number
from ..safe_store import SafeStore

_JOULES_PER_KWH = 3_600_000
_STORE_VERSION = 1

_SAVE_SECONDS = 10.0
"""What a crash may take away: displayed values are written this soon."""

_LONGEST_BRIDGE = 86_400.0
"""s; the mean of two readings that are further apart says little."""

_CLOCK_SLACK = 15.0
"""s by which a miner's uptime and the clock here may differ: a slow response."""
_CLOCK_DRIFT = 0.001

_DECIMALS = 2


@dataclass(frozen=True, slots=True)
class _Reading:
    """Watts of a miner, with its uptime in s, at a time of the monotonic clock."""

    at: float
    watts: float
    uptime: float | None

    def proves(self, later: float | None, elapsed: float) -> bool:
        """Return whether the miner was on from this reading to a later uptime."""
        if self.uptime is None or later is None:
            return False
        if not 0 <= elapsed <= _LONGEST_BRIDGE:
            # A clock that was set back: a count never falls
            return False
        slack = _CLOCK_SLACK + _CLOCK_DRIFT * elapsed
        return abs(later - self.uptime - elapsed) <= slack


class EnergyMeter:
    """Adds up the power of one miner over time.

    Each reading is valid until the next one (a left Riemann sum). When polls
    were missed in between, the miner may have been off: the gap counts with the
    mean of the two readings if the uptime proves that it was on, else not at all.
    """

    def __init__(
        self,
        longest_gap: float,
        used: Callable[[float, float, bool], None] = lambda *_: None,
    ) -> None:
        """Start at zero. ``longest_gap`` is in seconds.

        ``used`` gets each increment, the seconds that it took, and whether it changes
        what is displayed.
        """
        self._longest_gap = longest_gap
        self._used = used
        self._last: _Reading | None = None
        self._missed = False
        self.kwh = 0.0
        """kWh since the miner was added; only ever grows."""

    @property
    def displayed(self) -> float:
        """Return kWh as they are displayed."""
        return round(self.kwh, _DECIMALS)

    def read(self, power: float | None, uptime: float | None = None) -> None:
        """Take a reading in watts; None ends the count until the next one."""
        now = monotonic()
        if self._last is not None and power is not None:
            elapsed = now - self._last.at
            watts = 0.0
            if not self._missed and elapsed <= self._longest_gap:
                watts = max(self._last.watts, 0.0)
            elif self._last.proves(uptime, elapsed):
                watts = (max(self._last.watts, 0.0) + max(power, 0.0)) / 2
            self._add(watts * elapsed / _JOULES_PER_KWH, elapsed)
        self._last = None if power is None else _Reading(now, power, uptime)
        self._missed = False

    def miss(self) -> None:
        """Note a poll without a reading."""
        self._missed = True

    def raise_to(self, kwh: float) -> None:
        """Continue from a count of before, if that is more."""
        if kwh in ENERGY:
            self.kwh = max(self.kwh, kwh)

    def as_dict(self) -> dict[str, float | None]:
        """Return the count and the last reading as JSON types."""
        if self._last is None:
            return {"kwh": self.kwh}
        return {
            "kwh": self.kwh,
            "watts": self._last.watts,
            "uptime": self._last.uptime,
            "time": time() - (monotonic() - self._last.at),
        }

    def restore(self, stored: Mapping[str, Any]) -> None:
        """Continue from a stored count; what came after it is a gap."""
        self.raise_to(parse_number(stored.get("kwh")) or 0.0)
        watts, at = parse_number(stored.get("watts")), parse_number(stored.get("time"))
        if watts is None or at is None:
            return
        # A clock that is wrong now or was wrong then makes no proof
        since = monotonic() - (time() - at)
        self._last = _Reading(since, watts, parse_number(stored.get("uptime")))
        self._missed = True

    def _add(self, kwh: float, seconds: float) -> None:
        before = self.displayed
        self.kwh += kwh
        self._used(kwh, seconds, self.displayed != before)


class EnergyBook:
    """The meters of all miners, and what they counted together.

    The fleet's count takes each increment when the miner's does, and both are
    stored in one file, so that they agree after a crash. The file is written as
    soon as a displayed value changed: a falling one is not displayed.
    """

    def __init__(self, hass: HomeAssistant, longest_gap: float) -> None:
        """Start empty. ``longest_gap`` is that of the meters."""
        self.fleet_kwh = 0.0
        self.on_use: Callable[[str, float, float], None] = lambda *_: None
        """Gets each increment: the entry of its miner, kWh, and the seconds until now
        that it took."""
        self._longest_gap = longest_gap
        self._meters: dict[str, EnergyMeter] = {}
        self._store = SafeStore(hass, _STORE_VERSION, f"{DOMAIN}.energy")
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._stop)

    @property
    def displayed(self) -> float:
        """Return the fleet's kWh as they are displayed."""
        return round(self.fleet_kwh, _DECIMALS)

    async def async_load(self) -> None:
        """Continue from the file, if there is one that can be read."""
        if not (stored := await self._store.async_load()):
            return
        fleet, miners = parse_number(stored.get("fleet")), stored.get("miners")
        if is_broken := fleet is None or not isinstance(miners, dict):
            miners = miners if isinstance(miners, dict) else {}
        self.raise_fleet_to(fleet or 0.0)
        for entry_id, line in miners.items():
            if isinstance(line, dict):
                self.meter(entry_id).restore(line)
            else:
                is_broken = True
        if is_broken:
            await self._store.async_set_aside("a count is missing")
            await self._store.async_save(self._data())

    def meter(self, entry_id: str) -> EnergyMeter:
        """Return the meter of a miner; there is one for as long as its entry."""
        if (meter := self._meters.get(entry_id)) is None:
            meter = EnergyMeter(self._longest_gap, partial(self._count, entry_id))
            self._meters[entry_id] = meter
        return meter

    async def async_forget(self, entry_id: str) -> None:
        """Drop the meter of a miner that was removed; the fleet's count stays."""
        if self._meters.pop(entry_id, None) is not None:
            await self._store.async_save(self._data())

    def raise_fleet_to(self, kwh: float) -> None:
        """Continue the fleet's count from one of before, if that is more."""
        if kwh in ENERGY:
            self.fleet_kwh = max(self.fleet_kwh, kwh)

    @callback
    def _count(
        self, entry_id: str, kwh: float, seconds: float, is_visible: bool
    ) -> None:
        if kwh > 0:
            self.on_use(entry_id, kwh, seconds)
        before = self.displayed
        self.fleet_kwh += kwh
        if is_visible or self.displayed != before:
            self._store.async_save_within(self._data, _SAVE_SECONDS)

    def _data(self) -> dict[str, Any]:
        return {
            "fleet": self.fleet_kwh,
            "miners": {key: meter.as_dict() for key, meter in self._meters.items()},
        }

    @callback
    def _stop(self, _: Event) -> None:
        """Have the last counts written with all that Home Assistant still writes then."""
        self._store.async_delay_save(self._data)
