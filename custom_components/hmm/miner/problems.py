"""What is wrong with a miner, from its polls: when a problem begins and when it is over.

Nothing here knows Home Assistant or a clock: every poll comes with its time, in seconds
that only grow. The times and limits are explained in docs/troubleshooting.md.
"""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from ..driver_api import MinerTelemetry
from ..driver_api.units import expected_seconds_to_block

type Values = Mapping[str, float | str]
"""What belongs to a problem: ``value``, ``limit`` and ``unit``, or what its sentence names."""

REGULATOR_LIMIT: Final = 90.0
"""°C; regulators switch off between 100 and 125 °C."""

OVERDUE: Final = 12
"""By chance, one wait in 160,000 is this many times longer than expected."""
_SHORTEST_WAIT: Final = 600.0
_FROZEN_POLLS: Final = 20
_MEAN_POLLS: Final = 20
_STEADY_SECONDS: Final = 1200.0
"""How long after a change an average is that of two settings."""
_REJECTS_SECONDS: Final = 3600.0
_SAMPLE_SECONDS: Final = 300.0
_FEWEST_SHARES: Final = 50
_LOOP_SECONDS: Final = 3600.0
_LOOP_RESTARTS: Final = 3
_REFUSALS: Final = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """How long something must hold before it begins to be a problem, or ends to be one."""

    polls: int = 2
    seconds: float = 0.0
    clear_polls: int = 1
    clear_seconds: float = 0.0
    at_once: bool = False
    """Whether it counts even while Home Assistant has only just started."""


RULES: Final[Mapping[str, Rule]] = {
    "overheat": Rule(polls=1, clear_polls=2, at_once=True),
    "power_fault": Rule(clear_polls=2),
    "hardware_fault": Rule(clear_polls=2),
    "chip_error": Rule(clear_polls=2),
    "fan_fault": Rule(clear_polls=2),
    "fan_stopped": Rule(seconds=60, clear_polls=2),
    "no_core_voltage": Rule(),
    "no_pool": Rule(seconds=60),
    "no_shares": Rule(polls=1),
    "not_hashing": Rule(seconds=_SHORTEST_WAIT),
    "low_hashrate": Rule(polls=1, clear_seconds=300),
    "hot": Rule(seconds=120),
    "high_rejects": Rule(polls=1),
    "weak_signal": Rule(seconds=900, clear_seconds=900),
    "restart_loop": Rule(polls=1),
    "not_obeying": Rule(polls=1),
    "overheat_lowered": Rule(polls=1),
}
_OTHER: Final = Rule(polls=1)
"""For the problems that a user's driver names."""


@dataclass(slots=True)
class ShareWindow:
    """Which part of the shares of the last time was bad, from counts that grow."""

    seconds: float
    sample: float
    """Seconds between two counts that are kept."""
    _counts: deque[tuple[float, int, int]] = field(default_factory=deque)

    def percent(self, now: float, good: int | None, bad: int | None) -> float | None:
        """Take two counts; return the bad part, None for too few shares."""
        counts = self._counts
        if good is None or bad is None:
            return None
        if counts and (good < counts[-1][1] or bad < counts[-1][2]):
            # They were reset
            counts.clear()
        if not counts or now - counts[-1][0] >= self.sample:
            counts.append((now, good, bad))
        while len(counts) > 1 and not 0 <= now - counts[0][0] <= self.seconds:
            counts.popleft()
        new_bad = bad - counts[0][2]
        shares = good - counts[0][1] + new_bad
        return 100 * new_bad / shares if shares >= _FEWEST_SHARES else None

    def is_full(self, now: float) -> bool:
        """Return whether they are of the whole time."""
        return bool(self._counts) and (
            now - self._counts[0][0] > self.seconds - self.sample
        )

    def clear(self) -> None:
        """Start over, at another pool."""
        self._counts.clear()


@dataclass(slots=True)
class Rejects:
    """Whether too many shares of the last hour were rejected."""

    values: Values = field(default_factory=dict)
    """What was shown of them last: a restart begins the counts, and ends no problem."""
    _window: ShareWindow = field(
        default_factory=lambda: ShareWindow(_REJECTS_SECONDS, _SAMPLE_SECONDS)
    )

    def are_many(
        self, accepted: int | None, rejected: int | None, now: float
    ) -> bool | None:
        """Take two counts that grow; return whether too many shares were rejected.

        None is in between, or not known yet. An hour with few shares is not a problem.
        """
        if accepted is None or rejected is None:
            return None
        percent = self._window.percent(now, accepted, rejected)
        if percent is None:
            return False if self._window.is_full(now) else None
        self.values = {"value": round(percent, 1), "limit": 5, "unit": "%"}
        return True if percent > 5 else False if percent < 3 else None


@dataclass(slots=True)
class Debounce:
    """Whether a problem is there, and since when its opposite has held."""

    active: bool = False
    polls: int = 0
    began: float = 0.0

    def update(self, rule: Rule, bad: bool | None, now: float) -> None:
        """Take the next poll; None is neither: unknown, or between two limits."""
        if bad is None or bad == self.active:
            self.polls = 0
            return
        if not self.polls:
            self.began = now
        self.polls += 1
        polls, seconds = (
            (rule.clear_polls, rule.clear_seconds)
            if self.active
            else (rule.polls, rule.seconds)
        )
        if self.polls >= polls and now - self.began >= seconds:
            self.active, self.polls = bad, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is normal for a kind of miner."""

    warm: float = 70.0
    """°C of the hottest chip from which on its owner wants to know."""
    startup: float = 180.0
    """Seconds from its start, or a change, until it mines."""
    hashes: float = 1e12
    """H/s of one unit that its hashrate is shown in."""
    unit: str = "TH/s"


@dataclass(slots=True)
class MinerProblems:
    """Follows one miner from poll to poll."""

    limits: Limits
    fan_turned: bool = False
    """Whether its fan was ever seen to turn: many have none, or none that is measured."""
    refusals: int = 0
    """How many commands in a row it accepted and did not do."""
    lowered: Values | None = None
    """What an overheat has lowered, as ``old`` and ``new``."""
    changed_at: float | None = None
    """When its mode, settings or pool changed last."""
    pool_changed_at: float | None = None
    restarted_at: float | None = None
    """When HMM restarted it last."""
    _debounces: dict[str, Debounce] = field(default_factory=dict)
    _values: dict[str, Values] = field(default_factory=dict)
    _before: MinerTelemetry | None = None
    _uptime: float | None = None
    _hottest: float = 0.0
    """°C since it began to be too hot."""
    _shares_at: float | None = None
    _counted: tuple[float | None, ...] = ()
    """The difficulty at the pool and the shares that it accepted and rejected, as they
    were reported last."""
    has_share: bool = False
    """Whether the last poll showed a share more than the one before."""
    _same_hashrates: int = 0
    _hashrates: deque[float] = field(default_factory=lambda: deque(maxlen=_MEAN_POLLS))
    _rejects: Rejects = field(default_factory=Rejects)
    _restarts: deque[float] = field(
        default_factory=lambda: deque(maxlen=_LOOP_RESTARTS)
    )

    @property
    def active(self) -> dict[str, Values]:
        """Return what is wrong now, the gravest first, each with its values."""
        return {
            key: self._values.get(key, {})
            for key in (*RULES, *(key for key in self._debounces if key not in RULES))
            if (debounce := self._debounces.get(key)) is not None and debounce.active
        }

    def rest(self) -> None:
        """Forget what was on its way: the miner is off, paused or cannot be reached.

        How often it restarted, and that it does not obey, is as true as before.
        """
        kept = ("restart_loop", "not_obeying")
        self._debounces = {
            key: debounce for key, debounce in self._debounces.items() if key in kept
        }
        self._shares_at = None
        self.has_share = False
        self._same_hashrates = 0
        self._hashrates.clear()
        self._before = None

    def is_starting(self, data: MinerTelemetry, now: float) -> bool:
        """Return whether the miner has only just started, or was changed."""
        startup = self.limits.startup
        return (data.uptime is not None and data.uptime < startup) or (
            self.changed_at is not None and now - self.changed_at < startup
        )

    def update(self, data: MinerTelemetry, now: float) -> None:
        """Take the next poll of a miner that should mine."""
        self._follow(data, now)
        self._count_restart(data.uptime, now)
        problems: dict[str, bool | None] = dict.fromkeys(self._debounces, False)
        problems |= {
            "fan_stopped": self._fan_stopped(data),
            "no_shares": self._no_shares(data, now),
            "not_hashing": self._does_nothing(data, now),
            "low_hashrate": self._low_hashrate(data, now),
            "hot": self._hot(data),
            "high_rejects": self._high_rejects(data, now),
            "weak_signal": self._weak_signal(data),
            "restart_loop": self._restart_loop(now),
            "not_obeying": self.refusals >= _REFUSALS,
            "overheat_lowered": self.lowered is not None,
        }
        problems.update(dict.fromkeys(data.problems, True))
        if self.lowered is not None:
            self._values["overheat_lowered"] = self.lowered
        if "overheat" in data.problems:
            # It is reported once
            problems["hot"] = None
        self._note_heat(data)
        for key, bad in problems.items():
            debounce = self._debounces.get(key)
            if debounce is None:
                if not bad:
                    continue
                debounce = self._debounces[key] = Debounce()
            debounce.update(RULES.get(key, _OTHER), bad, now)
            if not debounce.active and not debounce.polls:
                # A driver may name any number of problems, one after the other
                del self._debounces[key]
        self._before = data

    def _note_heat(self, data: MinerTelemetry) -> None:
        """Keep how hot it was: it cools down while it is still stopped for the heat."""
        if "overheat" not in data.problems:
            self._hottest = 0.0
            return
        self._hottest = max(self._hottest, data.temperature or 0.0)
        limit = data.temperature_limit
        heat: dict[str, float | str] = {}
        # It may have cooled down before anybody looked
        if self._hottest >= min(self.limits.warm, limit or self.limits.warm):
            heat = {"value": round(self._hottest), "unit": "°C"}
            if limit is not None:
                heat["limit"] = round(limit)
        self._values["overheat"] = heat

    def _follow(self, data: MinerTelemetry, now: float) -> None:
        """Note what changed since the previous poll."""
        before = self._before
        counted = data.pool_difficulty, data.shares_accepted, data.shares_rejected
        if self._shares_at is None or before is None:
            self._shares_at, self._counted = now, counted
            return
        old, new = before.active_pool, data.active_pool
        if old and new and (old.url, old.user) != (new.url, new.user):
            self.pool_changed_at = self.changed_at = now
        if (
            (before.mode and data.mode and before.mode != data.mode)
            or _differs(before.frequency, data.frequency)
            or _differs(before.core_voltage, data.core_voltage)
        ):
            self.changed_at = now
        # What is not reported for once is as it was
        pairs = zip(self._counted, counted, strict=True)
        known = tuple(old if new is None else new for old, new in pairs)
        pairs = zip(self._counted, known, strict=True)
        difficulty, *shares = (_rise(old, new) for old, new in pairs)
        self._counted = known
        # What was waited for so far was a larger share
        if difficulty < 0 or any(shares):
            self._shares_at = now
        self.has_share = any(rise > 0 for rise in shares)
        is_same = data.hashrate is not None and before.hashrate == data.hashrate
        self._same_hashrates = self._same_hashrates + 1 if is_same else 0

    def _count_restart(self, uptime: float | None, now: float) -> None:
        """Note a start that HMM did not request, also after a poll without response."""
        before, self._uptime = self._uptime, uptime
        if before is None or uptime is None or uptime >= before:
            return
        if self.restarted_at is None or now - self.restarted_at > _SAMPLE_SECONDS:
            self._restarts.append(now)

    def _fan_stopped(self, data: MinerTelemetry) -> bool | None:
        turning = [bool(rpm) for rpm in data.fan_rpm if rpm is not None]
        if any(turning):
            self.fan_turned = True
        wanted = data.hashing is True and data.fan_speed != 0
        return wanted and self.fan_turned and bool(turning) and not any(turning)

    def _no_shares(self, data: MinerTelemetry, now: float) -> bool | None:
        """Return whether no share came for far longer than chance allows."""
        assert self._shares_at is not None
        debounce = self._debounces.get("no_shares")
        was_active = debounce is not None and debounce.active
        if was_active and self.has_share:
            return False
        is_counted = (data.shares_accepted, data.shares_rejected) != (None, None)
        if not data.hashing or not is_counted or self.is_starting(data, now):
            self._shares_at = now
            # A restart alone brings no share
            return was_active
        waited = now - self._shares_at
        frozen = self._same_hashrates >= _FROZEN_POLLS
        expected = seconds_per_share(data)
        wait = max(_SHORTEST_WAIT, OVERDUE * (expected or 0))
        if waited < wait or (expected is None and not frozen):
            return was_active
        pool = data.active_pool
        if pool is not None and pool.alive is False:
            self._values["no_shares"] = {"reason": "no_work"}
        elif frozen:
            self._values["no_shares"] = {"reason": "hash_frozen"}
        else:
            self._values["no_shares"] = {
                "reason": "share_overdue",
                "minutes": round(waited / 60),
                "expected": _duration(expected or 0),
            }
        return True

    def _does_nothing(self, data: MinerTelemetry, now: float) -> bool:
        """Return whether it does not mine, and reports nothing that would be why."""
        is_idle = data.hashing is False and not data.problems
        return is_idle and not self.is_starting(data, now)

    def _low_hashrate(self, data: MinerTelemetry, now: float) -> bool | None:
        if data.hashing and data.hashrate is not None:
            self._hashrates.append(data.hashrate)
        is_steady = (
            self.changed_at is None or now - self.changed_at >= _STEADY_SECONDS
        ) and (data.uptime is None or data.uptime >= _STEADY_SECONDS)
        if (
            not is_steady
            or not data.hashrate_expected
            or len(self._hashrates) < _MEAN_POLLS
        ):
            return None
        mean = sum(self._hashrates) / _MEAN_POLLS
        part = mean / data.hashrate_expected
        self._values["low_hashrate"] = {
            "value": _digits(mean / self.limits.hashes),
            "limit": _digits(data.hashrate_expected / self.limits.hashes),
            "unit": self.limits.unit,
        }
        return True if part < 0.75 else False if part > 0.85 else None

    def _hot(self, data: MinerTelemetry) -> bool | None:
        bad: bool | None = False
        for value, limit in (
            (data.temperature, self.limits.warm),
            (data.temperature_regulator, REGULATOR_LIMIT),
        ):
            if value is None or value < limit - 3:
                continue
            self._values["hot"] = {
                "value": round(value),
                "limit": round(limit),
                "unit": "°C",
            }
            if value > limit:
                return True
            bad = None
        return bad

    def _high_rejects(self, data: MinerTelemetry, now: float) -> bool | None:
        if self.pool_changed_at == now:
            self._rejects = Rejects()
            return False
        many = self._rejects.are_many(data.shares_accepted, data.shares_rejected, now)
        if (
            self.pool_changed_at is not None
            and now - self.pool_changed_at < _REJECTS_SECONDS
        ):
            return None
        self._values["high_rejects"] = self._rejects.values
        return many

    def _weak_signal(self, data: MinerTelemetry) -> bool | None:
        if data.signal is None:
            return None
        self._values["weak_signal"] = {
            "value": round(data.signal),
            "limit": -80,
            "unit": "dBm",
        }
        return True if data.signal < -80 else False if data.signal > -75 else None

    def _restart_loop(self, now: float) -> bool | None:
        restarts = self._restarts
        if not restarts or now - restarts[-1] >= 2 * _LOOP_SECONDS:
            return False
        self._values["restart_loop"] = {"value": len(restarts)}
        is_loop = len(restarts) == _LOOP_RESTARTS
        return True if is_loop and now - restarts[0] <= _LOOP_SECONDS else None


def seconds_per_share(data: MinerTelemetry) -> float | None:
    """Return how long a share takes on average, None where that is not known."""
    if data.pool_difficulty is None or data.hashrate is None:
        return None
    # It is found as a block is, only more often
    return expected_seconds_to_block(data.pool_difficulty, data.hashrate)


def _rise(before: float | None, after: float | None) -> float:
    """Return by how much a figure rose; what was unknown is no zero."""
    return 0 if before is None or after is None else after - before


def _differs(before: float | None, after: float | None) -> bool:
    """Return whether a setting was changed: a measured one moves automatically."""
    if before is None or after is None:
        return False
    return abs(after - before) > max(5.0, 0.02 * before)


def _digits(value: float) -> float:
    return float(f"{value:.3g}")


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
