"""What pool accounts did over a time, from what Home Assistant has recorded.

The figures are those of the card that compares pools: the same statistics, of the same
lengths, added up in the same way.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Annotated, Any, Final, Literal, TypedDict

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import CONF_COIN
from ..data import HmmConfigEntry, get_data
from ..display_units import HASHRATE_UNITS
from ..driver_api.units import parse_number
from ..figures import rounded
from ..json_shapes import Moment
from ..unique_ids import entity_id_of

_RECORDER: Final = "recorder"
_DAY: Final = timedelta(days=1)
_MAX_CHANGES: Final = 20_000
"""Changes of the health of one account; one that flaps each minute has as many."""
_DIGITS: Final = 6
_SECONDS: Final = {"duration": "s"}

_SENSORS: Final = (
    *("pool_hashrate", "reject_rate", "latency_ms", "stratum_latency"),
    *("shares_valid", "shares_invalid", "shares_stale"),
    *("blocks_found", "estimated_time_to_block", "estimated_earnings_24h"),
)
_HEALTH: Final = "health"

type Span = Literal["5minute", "hour", "day"]


class PoolFigures(TypedDict):
    """What an account did over a time; null is unknown."""

    hashrate: Annotated[float | None, "H/s, the mean"]
    shares_valid: float | None
    shares_invalid: float | None
    shares_stale: float | None
    reject_rate: Annotated[float | None, "Percent of the shares that do not count"]
    stale_rate: Annotated[float | None, "Percent of the shares that came too late"]
    latency_ms: Annotated[
        float | None, "Milliseconds, of the port of the miners if known"
    ]
    blocks: float | None
    expected_blocks: Annotated[float | None, "Those that the work is good for, if solo"]
    earnings: Annotated[float | None, "Coins that the pool says it credits, estimated"]


class PoolPeriod(PoolFigures):
    """What an account did in an hour or a day."""

    start: Moment


class ComparedPool(PoolFigures):
    """An account beside the others."""

    pool_id: str
    name: str
    coin: str
    currency: str | None
    uptime: Annotated[float | None, "Percent of the recorded time that it responded"]
    luck: Annotated[float | None, "Percent: blocks found of those expected"]
    effort: Annotated[float | None, "Percent, since the last block until now"]


@dataclass(slots=True)
class _Bucket:
    """The statistics of one account over one time, by sensor."""

    rows: dict[str, list[Mapping[str, Any]]] = field(default_factory=dict)

    def mean(self, key: str) -> float | None:
        """Return the mean of the means."""
        values = self._values(key, "mean")
        return sum(values) / len(values) if values else None

    def change(self, key: str) -> float | None:
        """Return how much a counter grew."""
        values = self._values(key, "change")
        return sum(values) if values else None

    def expected_blocks(self) -> float | None:
        """Return the length of each row in times to a block, all together."""
        blocks = [
            (row["end"] - row["start"]) / seconds
            for row in self.rows.get("estimated_time_to_block", ())
            if (seconds := parse_number(row.get("mean"))) is not None and seconds > 0
        ]
        return sum(blocks) if blocks else None

    def earnings(self) -> float | None:
        """Return what the estimates for a day are over the rows."""
        earnings = [
            coins * (row["end"] - row["start"]) / _DAY.total_seconds()
            for row in self.rows.get("estimated_earnings_24h", ())
            if (coins := parse_number(row.get("mean"))) is not None
        ]
        return sum(earnings) if earnings else None

    def _values(self, key: str, kind: str) -> list[float]:
        values = (parse_number(row.get(kind)) for row in self.rows.get(key, ()))
        return [value for value in values if value is not None]


@dataclass(frozen=True, slots=True)
class _Account:
    """An account and its entities, by their keys."""

    entry: HmmConfigEntry
    entities: Mapping[str, str]
    hashrate_unit: float | None
    """H/s; None: the sensor shows nothing now, so its unit is unknown."""
    is_solo: bool


def span_of(period: timedelta) -> Span:
    """Return how long each row of the statistics is, as the card takes them."""
    if period <= _DAY:
        return "5minute"
    return "hour" if period <= 7 * _DAY else "day"


async def compare_pools(
    hass: HomeAssistant, entries: Iterable[HmmConfigEntry], period: timedelta
) -> list[ComparedPool]:
    """Return what accounts did from some time ago until now."""
    accounts = [_account(hass, entry) for entry in entries]
    start = dt_util.utcnow() - period
    rows = await _rows(hass, accounts, start, span_of(period))
    changes = await _changes_of_health(hass, accounts, start)
    return [
        _compared(
            hass, account, rows, changes.get(account.entities.get(_HEALTH, ""), {})
        )
        for account in accounts
    ]


async def pool_history(
    hass: HomeAssistant,
    entries: Iterable[HmmConfigEntry],
    period: timedelta,
    span: Span,
) -> dict[str, list[PoolPeriod]]:
    """Return what accounts did in each hour or day, by their ids."""
    accounts = [_account(hass, entry) for entry in entries]
    rows = await _rows(hass, accounts, dt_util.utcnow() - period, span)
    return {account.entry.entry_id: _periods(account, rows) for account in accounts}


def _account(hass: HomeAssistant, entry: HmmConfigEntry) -> _Account:
    entities = {
        key: entity_id
        for platform, keys in (
            ("sensor", (*_SENSORS, "effort")),
            ("binary_sensor", (_HEALTH,)),
        )
        for key in keys
        if (entity_id := entity_id_of(hass, entry, platform, key))
    }
    shown = hass.states.get(entities.get("pool_hashrate", ""))
    unit = shown.attributes.get(ATTR_UNIT_OF_MEASUREMENT) if shown else None
    pool = get_data(hass).fleet.pools.get(entry.entry_id)
    return _Account(
        entry, entities, HASHRATE_UNITS.get(unit), pool is not None and pool.is_solo
    )


async def _rows(
    hass: HomeAssistant, accounts: Iterable[_Account], start: datetime, span: Span
) -> Mapping[str, list[Any]]:
    """Return the statistics by entity; of a Home Assistant without a recorder, none."""
    wanted = {
        entity_id
        for account in accounts
        for key, entity_id in account.entities.items()
        if key in _SENSORS
    }
    if _RECORDER not in hass.config.components or not wanted:
        return {}
    # Not every Home Assistant has a recorder
    from homeassistant.components.recorder import get_instance
    from homeassistant.components.recorder.statistics import statistics_during_period

    rows: dict[str, list[Any]] = await get_instance(hass).async_add_executor_job(
        partial(
            statistics_during_period,
            hass,
            start,
            None,
            wanted,
            span,
            _SECONDS,
            {"mean", "change"},
        )
    )
    return rows


async def _changes_of_health(
    hass: HomeAssistant, accounts: Iterable[_Account], start: datetime
) -> Mapping[str, Mapping[float, str]]:
    """Return when the health of each account became what, by entity."""
    wanted = [
        account.entities[_HEALTH] for account in accounts if _HEALTH in account.entities
    ]
    if _RECORDER not in hass.config.components:
        return {}
    from homeassistant.components.recorder import get_instance
    from homeassistant.components.recorder.history import state_changes_during_period

    def read() -> dict[str, dict[float, str]]:
        return {
            entity_id: {
                max(state.last_changed, start).timestamp(): state.state
                for state in state_changes_during_period(
                    hass,
                    start,
                    None,
                    entity_id,
                    no_attributes=True,
                    limit=_MAX_CHANGES,
                ).get(entity_id, ())
            }
            for entity_id in wanted
        }

    return await get_instance(hass).async_add_executor_job(read)


def _compared(
    hass: HomeAssistant,
    account: _Account,
    rows: Mapping[str, list[Any]],
    health: Mapping[float, str],
) -> ComparedPool:
    entry = account.entry
    pool = get_data(hass).fleet.pools.get(entry.entry_id)
    figures = _figures(account, _Bucket(_of(account, rows)))
    blocks, expected = figures["blocks"], figures["expected_blocks"]
    effort = hass.states.get(account.entities.get("effort", ""))
    return {
        "pool_id": entry.entry_id,
        "name": entry.title,
        "coin": entry.data[CONF_COIN],
        "currency": pool.currency if pool else None,
        **figures,
        "uptime": rounded(_share_of_on(health, dt_util.utcnow().timestamp())),
        "luck": None
        if blocks is None or not expected
        else rounded(100 * blocks / expected),
        "effort": parse_number(effort.state) if effort else None,
    }


def _share_of_on(health: Mapping[float, str], now: float) -> float | None:
    """Return the percent of the known time that something was on."""
    seconds = {STATE_ON: 0.0, STATE_OFF: 0.0}
    times = sorted(health)
    if len(times) < _MAX_CHANGES:
        times.append(now)
    for begin, end in pairwise(times):
        if (state := health[begin]) in seconds:
            seconds[state] += max(0.0, end - begin)
    total = sum(seconds.values())
    return 100 * seconds[STATE_ON] / total if total else None


def _of(account: _Account, rows: Mapping[str, list[Any]]) -> dict[str, list[Any]]:
    """Return the rows of an account by the keys of its sensors."""
    return {key: rows.get(entity_id, []) for key, entity_id in account.entities.items()}


def _periods(account: _Account, rows: Mapping[str, list[Any]]) -> list[PoolPeriod]:
    buckets: dict[float, _Bucket] = {}
    for key, of_key in _of(account, rows).items():
        for row in of_key:
            bucket = buckets.setdefault(row["start"], _Bucket())
            bucket.rows.setdefault(key, []).append(row)
    return [
        {
            "start": dt_util.utc_from_timestamp(start).strftime("%Y-%m-%dT%H:%M:%SZ"),
            **_figures(account, bucket),
        }
        for start, bucket in sorted(buckets.items())
    ]


def _figures(account: _Account, bucket: _Bucket) -> PoolFigures:
    valid, invalid, stale = (
        bucket.change(f"shares_{kind}") for kind in ("valid", "invalid", "stale")
    )
    total = (valid or 0) + (invalid or 0) + (stale or 0)
    if valid is not None and total > 0:
        rejected: float | None = 100 - 100 * valid / total
    else:
        rejected = bucket.mean("reject_rate")
    too_late = 100 * stale / total if stale is not None and total else None
    hashrate, unit = bucket.mean("pool_hashrate"), account.hashrate_unit
    latency = bucket.mean("stratum_latency")
    if latency is None:
        latency = bucket.mean("latency_ms")
    return {
        "hashrate": None
        if hashrate is None or unit is None
        else rounded(hashrate * unit, _DIGITS),
        "shares_valid": valid,
        "shares_invalid": invalid,
        "shares_stale": stale,
        "reject_rate": rounded(rejected, _DIGITS),
        "stale_rate": rounded(too_late, _DIGITS),
        "latency_ms": rounded(None if latency is None else latency * 1000, _DIGITS),
        "blocks": bucket.change("blocks_found"),
        "expected_blocks": rounded(bucket.expected_blocks())
        if account.is_solo
        else None,
        "earnings": rounded(bucket.earnings(), _DIGITS),
    }
