"""Looks for new miners on a schedule if the owner wants that, and only proposes them."""

from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import SOURCE_IGNORE, SOURCE_INTEGRATION_DISCOVERY
from homeassistant.const import CONF_HOST
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import discovery_flow
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started

from ..const import DOMAIN
from ..data import HmmConfigEntry
from ..driver_api.units import parse_number
from ..driver_engine.address import AddressError
from ..driver_engine.detect import Detected
from ..miner.coordinator import MinerCoordinator
from ..miner.search import async_entry_of, async_search, read_range

CONF_RESCAN: Final = "rescan"
CONF_RESCAN_HOURS: Final = "rescan_hours"
CONF_RESCAN_RANGE: Final = "rescan_range"

DEFAULT_HOURS: Final = 24
MAX_HOURS: Final = 168
_FIRST_SECONDS: Final = 120.0
"""From the start of Home Assistant, which is busy then, to the first scan."""
_MAX_PROPOSALS: Final = 16
"""More would bury what else was discovered."""


class Rescan:
    """Looks again and again, while that is switched on."""

    def __init__(self, hass: HomeAssistant, entry: HmmConfigEntry) -> None:
        """Begin with ``async_start``; the options are those of the fleet."""
        self._hass = hass
        self._entry = entry
        self._options: tuple[Any, ...] = ()
        self._next: CALLBACK_TYPE | None = None

    @callback
    def async_start(self) -> CALLBACK_TYPE:
        """Look from now on, if the options say so; return the end."""

        @callback
        def started(_: HomeAssistant) -> None:
            self._apply()

        async def changed(_: HomeAssistant, entry: HmmConfigEntry) -> None:
            self._apply()

        ends = (
            async_at_started(self._hass, started),
            self._entry.add_update_listener(changed),
            self._stop,
        )

        @callback
        def end() -> None:
            for unsubscribe in ends:
                unsubscribe()

        return end

    @callback
    def _apply(self) -> None:
        """Take the options as they are now."""
        keys = (CONF_RESCAN, CONF_RESCAN_HOURS, CONF_RESCAN_RANGE)
        options = tuple(self._entry.options.get(key) for key in keys)
        if options == self._options:
            return
        self._options = options
        self._stop()
        if options[0] is True:
            self._scan_in(_FIRST_SECONDS)

    @callback
    def _stop(self) -> None:
        if self._next is not None:
            self._next()
            self._next = None

    @callback
    def _scan_in(self, seconds: float) -> None:
        job = HassJob(self._begin, "HMM look for new miners", cancel_on_shutdown=True)
        self._next = async_call_later(self._hass, seconds, job)

    @callback
    def _begin(self, _: datetime) -> None:
        hours = parse_number(self._options[1]) or DEFAULT_HOURS
        self._scan_in(timedelta(hours=max(1, min(hours, MAX_HOURS))).total_seconds())
        self._entry.async_create_background_task(
            self._hass, self._scan(), "HMM look for new miners"
        )

    async def _scan(self) -> None:
        """Propose what has no entry, is not ignored and was not proposed before."""
        try:
            hosts = read_range(self._options[2]) if self._options[2] else None
        except AddressError:
            # The file was edited: the form does not take such a range
            return
        flows = self._hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        proposed = {flow["context"].get("unique_id") for flow in flows}
        for device in await async_search(self._hass, hosts):
            if len(proposed) >= _MAX_PROPOSALS:
                return
            if device.unique_id in proposed or await self._is_settled(device):
                continue
            proposed.add(device.unique_id)
            discovery_flow.async_create_flow(
                self._hass,
                DOMAIN,
                context={"source": SOURCE_INTEGRATION_DISCOVERY},
                data={CONF_HOST: device.client.host},
            )

    async def _is_settled(self, device: Detected) -> bool:
        """Return whether nothing is to be proposed: it is set up and works, or ignored.

        The entry of one that is lost at its old address follows it to the new one.
        """
        if (entry := await async_entry_of(self._hass, device)) is None:
            return False
        if entry.source == SOURCE_IGNORE or entry.disabled_by is not None:
            return True
        miner = getattr(entry, "runtime_data", None)
        return isinstance(miner, MinerCoordinator) and miner.last_update_success
