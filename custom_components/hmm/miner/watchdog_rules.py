"""What a watchdog does, from poll to poll: restart, cut the power, wait or give up.

Nothing here knows Home Assistant or a clock: every poll comes with its time.

A restart is a cure for a firmware that is stuck, and for nothing else: it is never tried
while the miner is too hot or its pool is lost, nor twice without a share in between. The
power is cut only where the owner allows that, once, after a restart did not help or where
no restart reaches the miner.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Final

from ..stored import Newest, Stored
from .status import MinerState

MAX_RESTARTS: Final = 3
"""In 24 hours."""
MAX_CYCLES: Final = 2
"""In 24 hours."""
_DAY: Final = 86_400.0
_COOL_DOWNS: Final = (900.0, 1800.0, 3600.0)
"""Seconds from a restart to the next one, longer each time."""
_AFTER_CYCLE: Final = 900.0
"""Seconds in which the power that was cut must have helped."""
_BETWEEN_CYCLES: Final = 7200.0
_AFTER_START: Final = 600.0
"""Seconds after Home Assistant started in which nothing is done."""
_LONGEST_POLL: Final = 150.0
_IDLE_SECONDS: Final = 600.0
_LOST_SECONDS: Final = 900.0
_CURABLE: Final = frozenset({"hash_frozen", "share_overdue", "no_core_voltage"})
"""The problems that a restart usually ends."""
NEVER: Final = frozenset({"overheat", "hot", "fan_stopped", "fan_fault"})
"""The problems with which a restart, or a fan without power, would do harm."""
_LOST: Final = frozenset(
    {
        "no_response",
        "refused",
        "timed_out",
        "connection_lost",
        "bad_response",
        "silent",
    }
)
"""The failures of a miner that hangs; with the others it is not the miner."""

NOT_WANTED: Final = "not_wanted"
UNREACHABLE: Final = "unreachable"


class WatchdogAction(StrEnum):
    """What a watchdog does; each is an event."""

    RESTARTED = "restarted"
    POWER_CYCLED = "power_cycled"
    RECOVERED = "recovered"
    HELD_BACK = "held_back"
    GAVE_UP = "gave_up"


@dataclass(slots=True)
class WatchdogRecord(Stored):
    """What of a miner's watchdog outlives a restart of Home Assistant."""

    enabled: bool = False
    restarts: Annotated[list[float], Newest(MAX_RESTARTS)] = field(default_factory=list)
    """When it restarted the miner in the last 24 hours, as Unix timestamps."""
    waits: bool = False
    """Whether no share came since the last restart or cut."""
    gave_up: bool = False
    cycles: Annotated[list[float], Newest(MAX_CYCLES)] = field(default_factory=list)
    """When it cut the power in the last 24 hours."""
    cycled: bool = False
    """Whether no share came since it cut the power."""
    cut: str | None = None
    """The plug that is off now because of it."""

    def forget_old(self, now: float) -> None:
        """Drop what is no more of the last 24 hours, or of the future."""
        self.restarts = [at for at in self.restarts if now - _DAY < at <= now]
        self.cycles = [at for at in self.cycles if now - _DAY < at <= now]

    @property
    def cool_down(self) -> float:
        """Return the seconds from the last restart to the next."""
        return _COOL_DOWNS[min(len(self.restarts), len(_COOL_DOWNS)) - 1]


def _no() -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What a watchdog sees of its miner after a poll."""

    state: MinerState | None
    problems: Collection[str] = ()
    works: bool = False
    """Whether it found a share, or mines where it counts none."""
    can_restart: bool = True
    is_busy: bool = False
    """Whether someone restarts it now, or cuts its power."""
    plug: str | None = NOT_WANTED
    """Why its power must not be cut, None if it may."""
    others_harmed: bool = False
    """Whether another miner on the plug is too hot."""
    many_silent: Callable[[], bool] = _no
    """Whether half of the miners find no shares: then it is the network or the pool.

    This and the next look at all miners, and so are queried only before something is
    done.
    """
    many_lost: Callable[[], bool] = _no
    """Whether half of the miners do not respond."""
    since_start: float = 1e9
    """Seconds since Home Assistant started."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done, and why."""

    action: WatchdogAction
    reason: str | None = None


@dataclass(slots=True)
class Decider:
    """Follows one miner."""

    record: WatchdogRecord
    restart_failed: bool = False
    """Whether the last restart was not done: nothing is to be waited for."""
    _updated: float = 0.0
    _idle_since: float | None = None
    _lost_since: float | None = None
    _harm: str | None = None
    """What was harmful when it responded last."""
    _held_back: str | None = None

    def reset(self, *, enabled: bool) -> None:
        """Switch it on or off; what it gave up it tries again."""
        record = self.record
        record.enabled = enabled
        record.waits = record.gave_up = record.cycled = self.restart_failed = False
        self._held_back = None

    @property
    def is_due(self) -> bool:
        """Return whether a poll matters: it is on, or ends what it has begun."""
        return self.record.enabled or self.record.waits or self.record.gave_up

    def update(self, observed: Observation, now: float) -> Decision | None:
        """Decide after a poll at a Unix timestamp; what is decided is noted as done."""
        record = self.record
        record.forget_old(now)
        if not 0 <= now - self._updated <= _LONGEST_POLL:
            # The clock was set: nothing is known to have lasted
            self._idle_since = self._lost_since = None
        self._updated = now
        cause = self._cause(observed, now)
        if cause is None:
            self._held_back = None
            if (record.waits or record.gave_up) and observed.works:
                record.waits = record.gave_up = record.cycled = False
                self.restart_failed = False
                return Decision(WatchdogAction.RECOVERED)
            return None
        if not record.enabled or observed.is_busy or record.gave_up:
            return None
        action, blocked = self._action(cause, observed, now)
        if blocked is not None:
            if blocked == self._held_back or blocked in ("waiting", NOT_WANTED):
                return None
            self._held_back = blocked
            return Decision(WatchdogAction.HELD_BACK, blocked)
        if action is WatchdogAction.RESTARTED:
            record.restarts.append(now)
            record.waits = True
            self.restart_failed = False
        elif action is WatchdogAction.POWER_CYCLED:
            record.cycles.append(now)
            record.waits = record.cycled = True
        else:
            record.gave_up = True
        return Decision(action, cause)

    def _cause(self, observed: Observation, now: float) -> str | None:
        """Return what a restart, or a cut of the power, may end."""
        if observed.state is MinerState.OFFLINE:
            # What else was wrong with it is of an earlier poll
            if _LOST.isdisjoint(observed.problems):
                return None
            if self._lost_since is None:
                self._lost_since = now
            return UNREACHABLE if now - self._lost_since >= _LOST_SECONDS else None
        self._lost_since = None
        self._harm = next(
            (problem for problem in observed.problems if problem in NEVER), None
        )
        if observed.state is not MinerState.NOT_MINING:
            self._idle_since = None
        elif self._idle_since is None:
            self._idle_since = now
        elif now - self._idle_since >= _IDLE_SECONDS:
            return "not_hashing"
        return next((key for key in observed.problems if key in _CURABLE), None)

    def _action(
        self, cause: str, observed: Observation, now: float
    ) -> tuple[WatchdogAction, str | None]:
        """Return the next remedy, and why it is not for now."""
        record = self.record
        action = WatchdogAction.RESTARTED
        is_last = record.waits or len(record.restarts) >= MAX_RESTARTS
        if is_last or cause == UNREACHABLE or not observed.can_restart:
            action = WatchdogAction.POWER_CYCLED
        if self._harm:
            return action, self._harm
        if observed.since_start < _AFTER_START:
            return action, "just_started"
        if cause == UNREACHABLE:
            if observed.many_lost():
                return action, "many_lost"
        elif cause != "no_core_voltage" and observed.many_silent():
            return action, "many_silent"
        last = record.restarts[-1] if record.restarts else None
        is_over = last is None or now - last >= record.cool_down or self.restart_failed
        if action is WatchdogAction.RESTARTED:
            return action, None if is_over else "cooling_down"
        if record.cycled:
            # One cut without a share after it is enough
            is_over = now - record.cycles[-1] >= _AFTER_CYCLE if record.cycles else True
            return WatchdogAction.GAVE_UP, None if is_over else "waiting"
        if observed.plug is not None:
            return self._without_plug(cause, observed.plug, is_last, is_over)
        if observed.others_harmed:
            return action, "plug_shared_hot"
        if is_last and not is_over:
            return action, "waiting"
        if len(record.cycles) >= MAX_CYCLES:
            return WatchdogAction.GAVE_UP, None
        if record.cycles and now - record.cycles[-1] < _BETWEEN_CYCLES:
            return action, "cooling_down"
        return action, None

    @staticmethod
    def _without_plug(
        cause: str, why: str, is_last: bool, is_over: bool
    ) -> tuple[WatchdogAction, str | None]:
        """Return what remains where the power must not be cut."""
        if cause == UNREACHABLE:
            return WatchdogAction.POWER_CYCLED, why
        if is_last:
            return WatchdogAction.GAVE_UP, None if is_over else "waiting"
        return WatchdogAction.POWER_CYCLED, "no_restart" if why == NOT_WANTED else why
