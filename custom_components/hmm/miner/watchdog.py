"""Restarts a miner that hashes without result, where its owner has switched that on.

When, and what else it does, is decided in ``watchdog_rules``.
"""

import asyncio
from collections.abc import Callable, Coroutine
import logging
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from ..const import CONF_PLUG, DOMAIN, EntryType
from ..data import HmmConfigEntry, entries_of_kind
from ..listeners import notify_all
from ..markdown import async_create_issue
from ..records import Records
from .coordinator import MinerCoordinator
from .plug import async_switch_plug, plug_is_on
from .status import MinerState
from .watchdog_rules import (
    NEVER,
    NOT_WANTED,
    Decider,
    Observation,
    WatchdogAction,
    WatchdogRecord,
)

_LOGGER = logging.getLogger(__name__)

WATCHDOG_GAVE_UP: Final = "watchdog_gave_up"

CONF_PLUG_CYCLE: Final = "plug_cycle"
CYCLE_NEVER: Final = "never"
CYCLE_ALONE: Final = "alone"
CYCLE_SHARED: Final = "shared"
CYCLES: Final = (CYCLE_NEVER, CYCLE_ALONE, CYCLE_SHARED)
"""Whether its power may be cut: not at all, if no other miner is on the plug, or always."""

CUT_SECONDS: Final = 15.0
PLUG_SECONDS: Final = 600.0
"""From the start until a plug that is not there is a fault."""
_TRIES: Final = 5
_TRY_SECONDS: Final = 2.0


class Watchdog:
    """Watches one miner from poll to poll."""

    def __init__(
        self,
        hass: HomeAssistant,
        miner: MinerCoordinator,
        records: Records[WatchdogRecord],
        many_silent: Callable[[], bool],
        many_lost: Callable[[], bool],
    ) -> None:
        """Continue where it was before a restart of Home Assistant.

        ``many_silent`` and ``many_lost`` say whether half of the miners find no shares,
        or do not respond: then it is the network or the pool.
        """
        self._hass = hass
        self._miner = miner
        self._records = records
        self._many_silent = many_silent
        self._many_lost = many_lost
        self._began = time.monotonic()
        self._is_at_work = False
        self._decider = Decider(self.record)
        self._issue_id = f"{WATCHDOG_GAVE_UP}_{miner.config_entry.entry_id}"
        self._listeners: list[Callable[[WatchdogAction, dict[str, Any]], None]] = []

    @property
    def record(self) -> WatchdogRecord:
        """Return what is kept of the miner."""
        return self._records[self._miner.config_entry.entry_id]

    @callback
    def async_add_listener(
        self, listener: Callable[[WatchdogAction, dict[str, Any]], None]
    ) -> CALLBACK_TYPE:
        """Call ``listener`` with each action and its facts."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_enable(self, enabled: bool) -> None:
        """Let it restart the miner, or not; what it gave up it tries again."""
        self._decider.reset(enabled=enabled)
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        self._records.save_soon()

    @callback
    def async_update(self) -> None:
        """Decide after a poll."""
        self._return_power()
        if not self._decider.is_due:
            return
        now = time.time()
        if (decision := self._decider.update(self._observe(), now)) is None:
            return
        match decision.action:
            case WatchdogAction.RESTARTED:
                self._begin(self._restart(str(decision.reason), now))
            case WatchdogAction.POWER_CYCLED:
                self._begin(self._cycle(str(decision.reason)))
            case WatchdogAction.GAVE_UP:
                self._give_up(str(decision.reason))
            case WatchdogAction.RECOVERED:
                ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
                self._report(WatchdogAction.RECOVERED)
            case WatchdogAction.HELD_BACK:
                self._report(WatchdogAction.HELD_BACK, reason=decision.reason)

    def _observe(self) -> Observation:
        miner, status = self._miner, self._miner.status
        others = self._others()
        loaded = (getattr(entry, "runtime_data", None) for entry in others)
        return Observation(
            state=status.state,
            problems=tuple(status.active),
            works=self._works(),
            can_restart=miner.known.restart,
            is_busy=self._is_at_work or miner.is_restarting,
            plug=self._why_no_cut(shared=bool(others)),
            others_harmed=any(
                not NEVER.isdisjoint(coordinator.status.active)
                for coordinator in loaded
                if isinstance(coordinator, MinerCoordinator)
            ),
            many_silent=self._many_silent,
            many_lost=self._many_lost,
            since_start=time.monotonic() - self._began,
        )

    def _works(self) -> bool:
        """Return whether the miner found a share, or mines where it counts none."""
        data, status = self._miner.data, self._miner.status
        if data is None or not self._miner.last_update_success:
            return False
        if data.shares_accepted is None and data.shares_rejected is None:
            return status.state is MinerState.MINING
        return status.problems.has_share

    def _others(self) -> list[HmmConfigEntry]:
        """Return the entries of other miners that hang on its plug."""
        plug, entry = self._miner.plug, self._miner.config_entry
        if plug is None:
            return []
        return [
            other
            for other in entries_of_kind(self._hass, EntryType.MINER)
            if other.entry_id != entry.entry_id and other.options.get(CONF_PLUG) == plug
        ]

    def _why_no_cut(self, *, shared: bool) -> str | None:
        """Return why the power must not be cut, None if it may."""
        wanted = self._miner.config_entry.options.get(CONF_PLUG_CYCLE, CYCLE_NEVER)
        if self._miner.plug is None or wanted not in (CYCLE_ALONE, CYCLE_SHARED):
            return NOT_WANTED
        if shared and wanted != CYCLE_SHARED:
            return "plug_shared"
        if plug_is_on(self._hass, self._miner.plug) is not True:
            return "plug_unknown"
        return None

    # What is done

    @callback
    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        async def run() -> None:
            try:
                await work
            finally:
                self._is_at_work = False

        self._is_at_work = True
        self._miner.config_entry.async_create_background_task(
            self._hass, run(), f"watchdog {self._miner.name}"
        )

    async def _restart(self, cause: str, now: float) -> None:
        record = self.record
        # Before it is sent, so that a crash does not make it two
        await self._records.async_save()
        _LOGGER.warning("%s is restarted: %s", self._miner.name, cause)
        next_attempt = now + record.cool_down
        self._report(WatchdogAction.RESTARTED, reason=cause, next_attempt=next_attempt)
        try:
            await self._miner.async_restart()
        except HomeAssistantError:
            if not record.enabled or self._miner.is_left:
                return
            self._decider.restart_failed = True
            if self._why_no_cut(shared=bool(self._others())) is not None:
                record.gave_up = True
                self._give_up(cause)

    async def _cycle(self, cause: str) -> None:
        record, plug = self.record, self._miner.plug
        assert plug is not None
        record.cut = plug
        # A crash must not leave it without power
        await self._records.async_save()
        _LOGGER.warning("The power of %s is cut: %s", self._miner.name, cause)
        self._report(WatchdogAction.POWER_CYCLED, reason=cause)
        try:
            await async_switch_plug(self._hass, plug, False, None)
            await asyncio.sleep(CUT_SECONDS)
        except HomeAssistantError as err:
            _LOGGER.warning("%s cannot be switched off: %s", plug, err)
        finally:
            # Also when the entry is unloaded in the middle of it
            await asyncio.shield(self._hass.async_create_task(self._give_power(record)))
        self._miner.status.problems.restarted_at = time.monotonic()

    @callback
    def _return_power(self) -> None:
        """Switch on the plug that a crash, or the plug itself, has left off.

        One that is not there is waited for: many come up minutes after Home Assistant.
        """
        plug = self.record.cut
        if plug is None or self._is_at_work:
            return
        is_missing = plug_is_on(self._hass, plug) is None
        is_early = time.monotonic() - self._began < PLUG_SECONDS
        if not is_missing or not (is_early or self.record.gave_up):
            self._begin(self._give_power(self.record))

    async def _give_power(self, record: WatchdogRecord) -> None:
        """Switch a plug on again and see to it that it is; complain once if it stays off.

        It may get another entity id meanwhile.
        """
        is_known = record.gave_up
        for _ in range(_TRIES):
            if (plug := record.cut) is None:
                return
            try:
                await async_switch_plug(self._hass, plug, True, None)
            except HomeAssistantError as err:
                if not is_known:
                    _LOGGER.warning("%s cannot be switched on: %s", plug, err)
            for _ in range(int(_TRY_SECONDS / 0.1)):
                if plug_is_on(self._hass, plug):
                    record.cut = None
                    self._records.save_soon()
                    return
                await asyncio.sleep(0.1)
        if is_known:
            return
        _LOGGER.error("%s stays off: %s has no power", plug, self._miner.name)
        record.gave_up = True
        self._give_up("plug_stays_off")

    @callback
    def async_start(self) -> None:
        """Go on after a restart of Home Assistant, also with what it interrupted."""
        self.async_show_issue()
        self._return_power()

    @callback
    def _give_up(self, cause: str) -> None:
        self._report(WatchdogAction.GAVE_UP, reason=cause)
        self.async_show_issue()

    @callback
    def async_show_issue(self) -> None:
        """Show that it gave up, also after a restart of Home Assistant."""
        if not self.record.gave_up:
            return
        async_create_issue(
            self._hass,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=WATCHDOG_GAVE_UP,
            translation_placeholders={"name": self._miner.config_entry.title},
        )

    @callback
    def _report(self, action: WatchdogAction, **facts: Any) -> None:
        self._records.save_soon()
        attempt = len(self.record.restarts)
        notify_all(self._listeners, action, {"attempt": attempt, **facts})


@callback
def async_watch(watchdog: Watchdog, miner: MinerCoordinator) -> CALLBACK_TYPE:
    """Update a watchdog after each poll; return the end."""
    watchdog.async_start()
    return miner.async_add_listener(watchdog.async_update)
