"""Whether a pool account works, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from ..driver_api import DashboardTileData
from ..miner.problems import Debounce, Rejects, Rule, Values
from ..since import Since

STRATUM_CHECKS: Final = 3

_RULES: Final[Mapping[str, Rule]] = {
    "key_refused": Rule(polls=1),
    "down": Rule(seconds=300),
    "stratum_down": Rule(seconds=300),
    "statistics_down": Rule(seconds=1800),
    "high_rejects": Rule(polls=1),
    "workers_missing": Rule(seconds=1800),
}


class PoolState(StrEnum):
    """How a pool account stands, in the order in which it is decided."""

    KEY_REFUSED = "key_refused"
    RATE_LIMITED = "rate_limited"
    WALLET_INVALID = "wallet_invalid"
    DOWN = "down"
    STATISTICS_DOWN = "statistics_down"
    STRATUM_DOWN = "stratum_down"
    NO_DATA = "no_data"
    OK = "ok"


_OWN_STATES: Final = {
    "key_refused": PoolState.KEY_REFUSED,
    "key_missing": PoolState.KEY_REFUSED,
    "rate_limited": PoolState.RATE_LIMITED,
    "wallet_invalid": PoolState.WALLET_INVALID,
    "wallet_checksum": PoolState.WALLET_INVALID,
    "wallet_other_coin": PoolState.WALLET_INVALID,
}
"""What the user can do something about, by the reason of the failure."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPoll:
    """One poll of a pool, with what else decides its status."""

    at: float
    """Seconds of a clock that only grows."""
    time: datetime
    data: DashboardTileData | None
    """None if the statistics did not respond."""
    reason: str | None
    """The key of what is wrong."""
    stratum_failures: int
    """How many times in a row miners could not have connected."""
    missing: tuple[str, ...] = ()
    """The user's own miners that mine here and are not listed."""


@dataclass(slots=True)
class PoolStatus:
    """Decides the status of one account at every poll."""

    status: Since = field(default_factory=Since)
    problem: Since = field(default_factory=Since)
    active: Mapping[str, Values] = field(default_factory=dict)
    """What is wrong now, with its values."""
    _debounces: dict[str, Debounce] = field(
        default_factory=lambda: {key: Debounce() for key in _RULES}
    )
    _rejects: Rejects = field(default_factory=Rejects)

    def update(self, poll: PoolPoll) -> bool:
        """Take the next poll; return whether anything that is shown has changed."""
        before = self.status.at, self.problem.at, tuple(self.active)
        state = _decide(poll)
        self.status.set(state, poll.reason, poll.time)
        problems = dict.fromkeys(_RULES, False) | {
            str(state): True,
            "workers_missing": poll.data is not None and bool(poll.missing),
        }
        many = None
        if poll.data is not None:
            many = self._rejects.are_many(
                poll.data.shares_valid, _lost_shares(poll.data), poll.at
            )
        values: dict[str, Values] = {
            "high_rejects": self._rejects.values,
            "workers_missing": {"workers": ", ".join(poll.missing[:5])},
        }
        for key, rule in _RULES.items():
            bad: bool | None = problems[key]
            if key == "high_rejects":
                bad = many
            elif key == "stratum_down":
                bad = bad and poll.stratum_failures >= STRATUM_CHECKS
            self._debounces[key].update(rule, bad, poll.at)
        self.active = {
            key: values.get(key, {}) for key in _RULES if self._debounces[key].active
        }
        self.problem.set(bool(self.active), next(iter(self.active), None), poll.time)
        return before != (self.status.at, self.problem.at, tuple(self.active))


def _lost_shares(data: DashboardTileData) -> int | None:
    """Return how many shares do not count: wrong ones, and those that came too late."""
    if data.shares_invalid is None and data.shares_stale is None:
        return None
    return (data.shares_invalid or 0) + (data.shares_stale or 0)


def _decide(poll: PoolPoll) -> PoolState:
    """Return the first state that holds."""
    if poll.data is None:
        own = _OWN_STATES.get(poll.reason or "")
        if own is not None:
            return own
        return PoolState.DOWN if poll.stratum_failures else PoolState.STATISTICS_DOWN
    if poll.stratum_failures or poll.reason == "stratum_down":
        return PoolState.STRATUM_DOWN
    return PoolState.OK if poll.data.account_known else PoolState.NO_DATA
