"""What a miner does now, and why: one word, one reason, and since when.

Decided by rules alone, from a poll or its failure; see ``problems`` for what is wrong.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, override

from ..driver_api import MinerTelemetry
from ..since import Since
from ..stored import Stored
from .availability import Availability
from .problems import RULES, MinerProblems, Values

_PLUG_SECONDS: Final = 60.0
_LOST_SECONDS: Final = 300.0
"""After so long without a response, what was on its way begins again."""
_STARTUP_SECONDS: Final = 120.0
_RESTART_SECONDS: Final = 90.0
"""How long a miner that HMM restarts may be silent: it is starting, not offline."""
_DETAIL_LENGTH: Final = 120
_VALUE_SECONDS: Final = 300.0

# The failures of a poll that are known immediately; the others may be a lost packet
_CERTAIN: Final = frozenset({"login_needed", "login_refused", "driver_error"})
# Faults of the hardware, the gravest first
_FAULTS: Final = ("power_fault", "hardware_fault", "no_core_voltage", "fan_stopped")
# Those that a miner may work with
_MILD_FAULTS: Final = ("fan_fault", "chip_error")


class MinerState(StrEnum):
    """What a miner does, in the order in which it is decided."""

    OFF = "off"
    OFFLINE = "offline"
    OVERHEATED = "overheated"
    FAULT = "fault"
    TUNING = "tuning"
    PAUSED = "paused"
    STARTING = "starting"
    NO_POOL = "no_pool"
    NO_SHARES = "no_shares"
    NOT_MINING = "not_mining"
    SLOW = "slow"
    MINING = "mining"


BY_STRATEGY: Final = "paused_by_strategy"
BY_CIRCUIT: Final = "paused_by_circuit"
_DECIDED: Final = frozenset({BY_STRATEGY, BY_CIRCUIT})
"""The reasons of a pause that HMM has decided on itself."""

ON_PURPOSE: Final = frozenset({MinerState.OFF, MinerState.PAUSED})
"""The states that the owner wanted: nothing is wrong in them."""


@dataclass(slots=True)
class StatusRecord(Stored):
    """What of a miner's status outlives a restart of Home Assistant."""

    status: Since = field(default_factory=Since)
    online: Since = field(default_factory=Since)
    problem: Since = field(default_factory=Since)
    availability: Availability = field(default_factory=Availability)
    paused_by: str | None = None
    """The reason of HMM's own pause, None if the miner was not paused by HMM."""

    @property
    def times(self) -> tuple[object, ...]:
        """Return what must be stored soon when it changes."""
        return self.status.at, self.online.at, self.problem.at, self.paused_by

    @override
    def verify(self) -> None:
        if self.status.state is not None:
            MinerState(str(self.status.state))


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """One poll, with what else decides the status."""

    at: float
    """Seconds of a clock that only grows."""
    time: datetime
    data: MinerTelemetry | None
    """None if the poll failed."""
    failure: str | None = None
    """The key of why it failed."""
    detail: str | None = None
    """What the device or system said of it."""
    plug: str | None = None
    """The name of a plug that is off, None if the miner has power as far as known."""
    tuning: Values | None = None
    """How far autotune is, None unless it holds the miner."""


@dataclass(slots=True)
class MinerStatus:
    """Decides the status of one miner at every poll."""

    record: StatusRecord
    problems: MinerProblems
    began: float | None = None
    """When Home Assistant started, in seconds of the clock of the polls; infinite while
    it has not, None if it did long ago."""
    values: Values = field(default_factory=dict)
    """What belongs to the reason, renewed every few minutes."""
    active: Mapping[str, Values] = field(default_factory=dict)
    """What is wrong now, with its values."""
    detail: str | None = None
    is_pausing: bool = False
    """Whether HMM pauses it now: it may report for a poll or two that it mines."""
    restart_sent_at: float | None = None
    """When HMM restarted it last, in seconds of the clock of the polls."""
    _pause_values: Values = field(default_factory=dict)
    _plug_off_at: float | None = None
    _failures: int = 0
    _failed_at: float = 0.0
    _values_at: float = 0.0

    @property
    def state(self) -> MinerState | None:
        """Return what the miner does now, None if it does not report that."""
        state = self.record.status.state
        return None if state is None else MinerState(str(state))

    @property
    def is_on_purpose(self) -> bool:
        """Return whether the miner does not mine because someone wanted that."""
        return self.state in ON_PURPOSE

    def update(self, poll: Poll) -> bool:
        """Take the next poll; return whether anything that is shown has changed."""
        before = self._shown()
        self._failures = 0 if poll.failure is None else self._failures + 1
        if self._failures == 1:
            self._failed_at = poll.at
        if poll.plug is None:
            self._plug_off_at = None
        elif self._plug_off_at is None:
            self._plug_off_at = poll.at
        state, reason = self._decide(poll)
        self.active = self._problems(poll, state)
        self.detail = (poll.detail or "").strip()[:_DETAIL_LENGTH] or None
        record = self.record
        record.online.set(poll.failure is None, poll.failure, poll.time)
        record.availability.count(
            poll.time.timestamp(), poll.failure is None, state in ON_PURPOSE
        )
        if poll.data is not None:
            record.availability.follow_start(poll.data)
        record.problem.set(bool(self.active), next(iter(self.active), None), poll.time)
        is_new = (state, reason) != (record.status.state, record.status.reason)
        record.status.set(state, reason, poll.time)
        if is_new or poll.at - self._values_at >= _VALUE_SECONDS:
            self._values_at = poll.at
            self.values = self._values_of(reason, poll)
        return self._shown() != before

    def explain_pause(self, reason: str, values: Values, now: datetime) -> bool:
        """Take why HMM keeps a miner paused: who wants it, or what, and until when.

        Returns whether that changes what is shown.
        """
        record, self._pause_values = self.record, values
        if record.paused_by not in _DECIDED:
            return False
        record.paused_by = reason
        if record.status.reason not in _DECIDED:
            return False
        before = record.status.reason, self.values
        record.status.set(record.status.state, reason, now)
        self.values = values
        return before != (reason, values)

    def _shown(self) -> tuple[object, ...]:
        record = self.record
        return (
            record.status.at,
            record.online.at,
            record.problem.at,
            tuple(self.active),
            self.values,
            self.detail,
        )

    def _decide(self, poll: Poll) -> tuple[MinerState | None, str | None]:
        """Return the first state that holds, and why."""
        if self._plug_off_at is not None and (
            poll.failure is not None or poll.at - self._plug_off_at >= _PLUG_SECONDS
        ):
            self._rest(poll.at)
            return MinerState.OFF, "plug_off"
        if poll.failure is not None or poll.data is None:
            if poll.at - self._failed_at >= _LOST_SECONDS:
                self.problems.rest()
            if self._is_restarting(poll):
                return MinerState.STARTING, "booting"
            return MinerState.OFFLINE, poll.failure
        data = poll.data
        if not data.paused:
            if not self.is_pausing:
                self.record.paused_by = None
            if self.is_on_purpose or self.state is MinerState.TUNING:
                self.problems.changed_at = poll.at
        self.problems.update(data, poll.at)
        active = self.problems.active
        if "overheat" in data.problems:
            return MinerState.OVERHEATED, "overheat"
        if fault := next((key for key in _FAULTS if key in active), None):
            return MinerState.FAULT, fault
        if poll.tuning is not None:
            self.problems.rest()
            return MinerState.TUNING, "autotune"
        if data.paused:
            self._rest(poll.at)
            return MinerState.PAUSED, self.record.paused_by or "paused_at_device"
        if not data.hashing:
            return self._why_idle(data, poll.at, active)
        if "no_shares" in active:
            return MinerState.NO_SHARES, _spoken("no_shares", active["no_shares"])
        if "low_hashrate" in active:
            return MinerState.SLOW, "low_hashrate"
        return MinerState.MINING, None

    def _rest(self, now: float) -> None:
        """Forget what was on its way; the start that follows is not a crash."""
        self.problems.rest()
        self.problems.restarted_at = now

    def _why_idle(
        self, data: MinerTelemetry, now: float, active: Mapping[str, Values]
    ) -> tuple[MinerState | None, str | None]:
        """Return why a miner that is on does not mine, as far as it reports that."""
        if data.hashing is False and (
            fault := next((key for key in _MILD_FAULTS if key in active), None)
        ):
            return MinerState.FAULT, fault
        if self.problems.is_starting(data, now):
            young = (
                data.uptime is not None and data.uptime < self.problems.limits.startup
            )
            if young or data.hashing is False:
                return MinerState.STARTING, "booting" if young else "after_change"
        if data.hashing is None:
            return None, None
        if "no_pool" in active:
            return MinerState.NO_POOL, "no_pool"
        if "no_shares" in active:
            return MinerState.NO_SHARES, _spoken("no_shares", active["no_shares"])
        return MinerState.NOT_MINING, "not_hashing"

    def _problems(self, poll: Poll, state: MinerState | None) -> Mapping[str, Values]:
        """Return what is wrong; what the owner wants so never is."""
        if state in ON_PURPOSE or state is MinerState.TUNING:
            return {}
        if poll.failure is not None:
            if state is MinerState.STARTING:
                return {}
            if poll.failure == "busy":
                return {}
            if poll.failure in _CERTAIN:
                return {poll.failure: {}}
            if self._failures < 2:
                # One lost poll changes nothing
                return self.active
            return {} if self._is_startup(poll.at) else {poll.failure: {}}
        active = self.problems.active
        if self._is_startup(poll.at):
            active = {
                key: values
                for key, values in active.items()
                if key in RULES and RULES[key].at_once
            }
        return {_spoken(key, values): values for key, values in active.items()}

    def _is_restarting(self, poll: Poll) -> bool:
        """Return whether HMM has just restarted the miner, and it is not back yet."""
        return (
            self.restart_sent_at is not None
            and poll.failure not in _CERTAIN
            and poll.at - self.restart_sent_at < _RESTART_SECONDS
        )

    def _is_startup(self, now: float) -> bool:
        """Return whether Home Assistant has only just started."""
        return self.began is not None and now - self.began < _STARTUP_SECONDS

    def _values_of(self, reason: str | None, poll: Poll) -> Values:
        if reason == "plug_off":
            return {"plug": poll.plug or ""}
        if reason == "autotune":
            return poll.tuning or {}
        if reason in _DECIDED:
            return self._pause_values
        active = self.problems.active
        key = next(
            (key for key, values in active.items() if _spoken(key, values) == reason),
            "",
        )
        return active.get(key, {})


def _spoken(key: str, values: Values) -> str:
    """Return the reason of a problem: that no share comes has one of several."""
    return str(values.get("reason", key))
