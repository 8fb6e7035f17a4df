"""How a pool account stands, poll by poll."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from custom_components.hmm.driver_api import DashboardTileData
from custom_components.hmm.pool.status import PoolPoll, PoolStatus

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
GOOD = DashboardTileData(
    health_status=True, account_known=True, shares_valid=1000, shares_invalid=0
)


class Watch:
    """An account that is polled every minute."""

    def __init__(self) -> None:
        """Begin before the first poll."""
        self.status = PoolStatus()
        self.minutes = 0

    def poll(
        self, minutes: int = 1, data: DashboardTileData | None = GOOD, **fields: Any
    ) -> tuple[str, list[str]]:
        """Poll so many times; return the state and what is wrong."""
        for _ in range(minutes):
            self.minutes += 1
            self.status.update(
                PoolPoll(
                    at=60.0 * self.minutes,
                    time=NOON + timedelta(minutes=self.minutes),
                    data=data,
                    **{"reason": None, "stratum_failures": 0, **fields},
                )
            )
        return str(self.status.status.state), list(self.status.active)


@pytest.mark.parametrize(
    ("data", "fields", "state"),
    [
        (GOOD, {}, "ok"),
        (replace(GOOD, account_known=False), {}, "no_data"),
        (GOOD, {"stratum_failures": 1}, "stratum_down"),
        (GOOD, {"reason": "stratum_down"}, "stratum_down"),
        (None, {"reason": "timed_out"}, "statistics_down"),
        (None, {"reason": "timed_out", "stratum_failures": 1}, "down"),
        (None, {"reason": "key_refused"}, "key_refused"),
        (None, {"reason": "key_missing"}, "key_refused"),
        (None, {"reason": "rate_limited"}, "rate_limited"),
        (None, {"reason": "wallet_checksum"}, "wallet_invalid"),
        (None, {"reason": None}, "statistics_down"),
    ],
)
def test_one_poll_decides(
    data: DashboardTileData | None, fields: dict[str, Any], state: str
) -> None:
    """The gravest state is shown, and since when."""
    watch = Watch()
    watch.poll(5)
    assert watch.poll(3, data, **fields)[0] == state
    since = NOON + timedelta(minutes=1 if state == "ok" else 6)
    assert watch.status.status.at == since


@pytest.mark.parametrize(
    ("data", "fields", "minutes", "problem"),
    [
        (GOOD, {"stratum_failures": 3}, 6, "stratum_down"),
        (None, {"reason": "timed_out"}, 31, "statistics_down"),
        (None, {"reason": "timed_out", "stratum_failures": 3}, 6, "down"),
        (None, {"reason": "key_refused"}, 1, "key_refused"),
        (GOOD, {"missing": ("shed",)}, 31, "workers_missing"),
    ],
)
def test_what_lasts_is_a_problem(
    data: DashboardTileData | None, fields: dict[str, Any], minutes: int, problem: str
) -> None:
    """And over at the first poll without it."""
    watch = Watch()
    watch.poll(5)
    if minutes > 1:
        assert watch.poll(minutes - 1, data, **fields)[1] == []
    assert watch.poll(1, data, **fields)[1] == [problem]
    assert watch.status.problem.at == NOON + timedelta(minutes=5 + minutes)
    assert watch.poll()[1] == []


def test_a_port_that_is_silent_once_is_no_problem() -> None:
    """Three looks in a row have to fail."""
    watch = Watch()
    assert watch.poll(60, stratum_failures=2) == ("stratum_down", [])


@pytest.mark.parametrize("kind", ["shares_invalid", "shares_stale"])
def test_many_shares_that_do_not_count(kind: str) -> None:
    """Of the last hour; that the counts are missing for a while changes nothing."""
    watch = Watch()
    for minute in range(61):
        bad: dict[str, Any] = {"shares_invalid": 0, kind: minute}
        watch.poll(1, replace(GOOD, shares_valid=1000 + minute, **bad))
    assert list(watch.status.active) == ["high_rejects"]
    assert watch.status.active["high_rejects"]["limit"] == 5
    unknown = replace(GOOD, shares_valid=None, shares_invalid=None)
    assert watch.poll(5, unknown)[1] == ["high_rejects"]
    for minute in range(61):
        watch.poll(1, replace(GOOD, shares_valid=1100 + 10 * minute, **bad))
    assert list(watch.status.active) == []
