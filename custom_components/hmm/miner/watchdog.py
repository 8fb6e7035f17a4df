"""Restarts a miner that hashes without result, where its owner has switched that on.

A restart is a cure for a firmware that is stuck, and for nothing else: it is never tried
while the miner is too hot or its pool is lost, nor twice without a share in between.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
import logging
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..data import HmmConfigEntry
from ..markdown import async_create_issue
from ..records import Records
from .coordinator import MinerCoordinator
from .status import MinerState

_LOGGER = logging.getLogger(__name__)

WATCHDOG_GAVE_UP: Final = "watchdog_gave_up"

MOST_RESTARTS: Final = 3
"""In 24 hours."""
_DAY: Final = 86_400.0
_COOL_DOWNS: Final = (900.0, 1800.0, 3600.0)
"""Seconds from a restart to the next one, longer each time."""
_AFTER_START: Final = 600.0
"""Seconds after Home Assistant started in which nothing is restarted."""
_IDLE_SECONDS: Final = 600.0
_CURABLE: Final = frozenset({"hash_frozen", "share_overdue", "no_core_voltage"})
"""The problems that a restart usually ends."""
_NEVER: Final = frozenset({"overheat", "hot", "fan_stopped", "fan_fault"})
"""The problems with which a restart would do harm."""


class Deed(StrEnum):
    """What a watchdog does; each is an event."""

    RESTARTED = "restarted"
    RECOVERED = "recovered"
    HELD_BACK = "held_back"
    GAVE_UP = "gave_up"


@dataclass(slots=True)
class WatchdogRecord:
    """What of a miner's watchdog outlives a restart of Home Assistant."""

    enabled: bool = False
    restarts: list[float] = field(default_factory=list)
    """When it restarted the miner in the last 24 hours, as Unix timestamps."""
    waits: bool = False
    """Whether no share came since the last of them."""
    gave_up: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "enabled": self.enabled,
            "restarts": self.restarts,
            "waits": self.waits,
            "gave_up": self.gave_up,
        }

    @classmethod
    def from_dict(cls, data: Any) -> WatchdogRecord:
        """Return what was stored."""
        return cls(
            data["enabled"] is True,
            [float(at) for at in data["restarts"][-MOST_RESTARTS:]],
            data["waits"] is True,
            data["gave_up"] is True,
        )

    def may_restart(self, now: float) -> str | None:
        """Return why the miner must not be restarted now, None if it may."""
        self.restarts = [at for at in self.restarts if now - _DAY < at <= now]
        if self.waits:
            return "no_success"
        if len(self.restarts) >= MOST_RESTARTS:
            return "too_many_restarts"
        if self.restarts and now - self.restarts[-1] < self.cool_down:
            return "cooling_down"
        return None

    @property
    def cool_down(self) -> float:
        """Return the seconds from the last restart to the next."""
        return _COOL_DOWNS[min(len(self.restarts), len(_COOL_DOWNS)) - 1]


class Watchdog:
    """Watches one miner from poll to poll."""

    def __init__(
        self,
        hass: HomeAssistant,
        miner: MinerCoordinator,
        records: Records[WatchdogRecord],
        many_silent: Callable[[], bool],
    ) -> None:
        """Continue where it was before a restart of Home Assistant.

        ``many_silent`` says whether half of the miners find no shares: then it is
        the network or the pool.
        """
        self._hass = hass
        self._miner = miner
        self._records = records
        self._many_silent = many_silent
        self._began = time.monotonic()
        self._idle_since: float | None = None
        self._held_back: str | None = None
        self._is_restarting = False
        self._listeners: list[Callable[[Deed, dict[str, Any]], None]] = []

    @property
    def record(self) -> WatchdogRecord:
        """Return what is kept of the miner."""
        return self._records[self._miner.config_entry.entry_id]

    @callback
    def async_add_listener(
        self, listener: Callable[[Deed, dict[str, Any]], None]
    ) -> CALLBACK_TYPE:
        """Call ``listener`` with each deed and its facts."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_enable(self, enabled: bool) -> None:
        """Let it restart the miner, or not; what it gave up it tries again."""
        record = self.record
        record.enabled = enabled
        record.waits = record.gave_up = False
        self._held_back = None
        async_forget_watchdog_issue(self._hass, self._miner.config_entry)
        self._records.save_soon()

    @callback
    def async_look(self) -> None:
        """Decide after a poll."""
        record = self.record
        cause = self._cause()
        if cause is None:
            self._held_back = None
            if (record.waits or record.gave_up) and self._works():
                record.waits = record.gave_up = False
                async_forget_watchdog_issue(self._hass, self._miner.config_entry)
                self._report(Deed.RECOVERED, len(record.restarts))
            return
        if not record.enabled or self._is_restarting or record.gave_up:
            return
        if self._miner.is_restarting:
            # Somebody else does it
            return
        now = time.time()
        if blocked := self._blocked(cause, now):
            if blocked in ("no_success", "too_many_restarts"):
                if self._is_over(now):
                    self._give_up(cause)
            elif blocked != self._held_back:
                self._held_back = blocked
                self._report(Deed.HELD_BACK, len(record.restarts), reason=blocked)
            return
        self._is_restarting = True
        self._miner.config_entry.async_create_background_task(
            self._hass, self._restart(cause, now), f"watchdog {self._miner.name}"
        )

    def _works(self) -> bool:
        """Return whether the miner found a share, or mines where it counts none."""
        data, status = self._miner.data, self._miner.status
        if data.shares_accepted is None and data.shares_rejected is None:
            return status.state is MinerState.MINING
        return status.problems.has_share

    def _cause(self) -> str | None:
        """Return what a restart may end, None for nothing."""
        status, now = self._miner.status, time.monotonic()
        if status.state is not MinerState.NOT_MINING:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since >= _IDLE_SECONDS:
            return "not_hashing"
        return next((key for key in status.active if key in _CURABLE), None)

    def _blocked(self, cause: str, now: float) -> str | None:
        """Return why the miner is not restarted now."""
        miner = self._miner
        if harmful := next((it for it in miner.status.active if it in _NEVER), None):
            return harmful
        if miner.profile is None or not miner.profile.restart:
            return "no_restart"
        if time.monotonic() - self._began < _AFTER_START:
            return "just_started"
        if cause != "no_core_voltage" and self._many_silent():
            return "many_silent"
        return self.record.may_restart(now)

    def _is_over(self, now: float) -> bool:
        """Return whether the last restart had long enough to help."""
        restarts = self.record.restarts
        return not restarts or now - restarts[-1] >= self.record.cool_down

    async def _restart(self, cause: str, now: float) -> None:
        record = self.record
        record.restarts.append(now)
        record.waits = True
        # Before it is sent, so that a crash does not make it two
        await self._records.async_save()
        _LOGGER.warning("%s is restarted: %s", self._miner.name, cause)
        self._report(
            Deed.RESTARTED,
            len(record.restarts),
            reason=cause,
            next_attempt=now + record.cool_down,
        )
        try:
            await self._miner.async_restart()
        except HomeAssistantError:
            if record.enabled and not self._miner.is_left:
                self._give_up(cause)
        finally:
            self._is_restarting = False

    @callback
    def _give_up(self, cause: str) -> None:
        record = self.record
        record.gave_up = True
        self._report(Deed.GAVE_UP, len(record.restarts), reason=cause)
        self.async_show_issue()

    @callback
    def async_show_issue(self) -> None:
        """Show that it gave up, also after a restart of Home Assistant."""
        if not self.record.gave_up:
            return
        async_create_issue(
            self._hass,
            _issue_id(self._miner.config_entry),
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=WATCHDOG_GAVE_UP,
            translation_placeholders={"name": self._miner.config_entry.title},
        )

    @callback
    def _report(self, deed: Deed, attempt: int, **facts: Any) -> None:
        self._records.save_soon()
        for listener in tuple(self._listeners):
            listener(deed, {"attempt": attempt, **facts})


@callback
def async_watch(watchdog: Watchdog, miner: MinerCoordinator) -> CALLBACK_TYPE:
    """Let a watchdog look after each poll; return the end."""
    watchdog.async_show_issue()
    return miner.async_add_listener(watchdog.async_look)


@callback
def async_forget_watchdog_issue(hass: HomeAssistant, entry: HmmConfigEntry) -> None:
    """Take the issue away: the miner works, was switched or was removed."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(entry))


def _issue_id(entry: HmmConfigEntry) -> str:
    return f"{WATCHDOG_GAVE_UP}_{entry.entry_id}"
