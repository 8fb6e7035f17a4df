"""Pools compared, and their history: from what Home Assistant has recorded."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder import get_instance
from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import (
    async_import_statistics,
    statistics_during_period,
)
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
import voluptuous as vol

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.json_shapes import validator
from custom_components.hmm.pool.statistics import ComparedPool, PoolPeriod
from simulator import SimulatedSolopool
from tests.common import find_id, poll, pool_entry
from tests.conftest import set_up

NOW = datetime(2026, 11, 28, 12, 0, tzinfo=dt_util.UTC)
HOUR = timedelta(hours=1)

pytestmark = pytest.mark.usefixtures("every_entity")
recorded = pytest.mark.usefixtures("recorder_mock")
"""It has to be there before Home Assistant."""


@pytest.fixture
async def pools(
    home: HomeAssistant, freezer: FrozenDateTimeFactory
) -> AsyncIterator[tuple[SimulatedSolopool, list[ConfigEntry[Any]]]]:
    """Set up two accounts, of which one has no statistics."""
    freezer.move_to(NOW - 4 * HOUR)
    async with SimulatedSolopool(generation=1, speed=0) as pool:
        entries = [
            await set_up(home, pool_entry(pool, title="Mine")),
            await set_up(home, pool_entry(pool, "dgb1qother", title="New")),
        ]
        yield pool, entries
        for entry in entries:
            await home.config_entries.async_unload(entry.entry_id)


def record(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    key: str,
    means: Sequence[float | None] = (),
    sums: Sequence[float] = (),
    unit: str | None = None,
) -> None:
    """Put hourly statistics of a sensor into the recorder, the last ones before now."""
    first = NOW - max(len(means), len(sums)) * HOUR
    rows = [
        StatisticData(start=first + n * HOUR, mean=value, min=value, max=value)
        for n, value in enumerate(means)
        if value is not None
    ] + [
        StatisticData(start=first + n * HOUR, state=value, sum=value)
        for n, value in enumerate(sums)
    ]
    metadata = StatisticMetaData(
        mean_type=StatisticMeanType.ARITHMETIC if means else StatisticMeanType.NONE,
        has_sum=bool(sums),
        name=None,
        source="recorder",
        statistic_id=find_id(home, entry, "sensor", key),
        unit_class="duration" if unit in ("ms", "d") else None,
        unit_of_measurement=unit,
    )
    async_import_statistics(home, metadata, rows)


async def run(home: HomeAssistant, action: str, **data: Any) -> Any:
    """Return the answer of an action."""
    answer = await home.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    assert answer is not None
    return answer["pools"]


async def fill(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Record four hours of an account."""
    record(home, entry, "pool_hashrate", [1.0, 2.0, None, 3.0], unit="TH/s")
    record(home, entry, "shares_valid", sums=[100, 150, 250, 400])
    record(home, entry, "shares_invalid", sums=[0, 0, 1, 2])
    record(home, entry, "shares_stale", sums=[0, 1, 1, 3])
    record(home, entry, "latency_ms", [40, 60, 80, 100], unit="ms")
    record(home, entry, "estimated_time_to_block", [2.0, 2.0, 4.0, 4.0], unit="d")
    await async_wait_recording_done(home)


@recorded
async def test_figures_are_those_of_the_statistics(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    pools: tuple[SimulatedSolopool, list[ConfigEntry[Any]]],
) -> None:
    """Given recorded hours, means and sums are right; what was not recorded is null."""
    _, (mine, _) = pools
    await fill(home, mine)
    freezer.move_to(NOW)
    first, second = await run(home, "compare_pools", days=2)
    validator(list[ComparedPool])([first, second])
    assert first["pool_id"] == mine.entry_id
    assert (first["name"], first["coin"], first["currency"]) == ("Mine", "DGB", "DGB")
    assert first["hashrate"] == 2e12
    grown = first["shares_valid"], first["shares_invalid"], first["shares_stale"]
    assert grown == (400, 2, 3)
    assert first["reject_rate"] == pytest.approx(100 * 5 / 405, rel=1e-4)
    assert first["stale_rate"] == pytest.approx(100 * 3 / 405, rel=1e-4)
    assert first["latency_ms"] == 70
    assert first["expected_blocks"] == pytest.approx((1 + 1 + 0.5 + 0.5) / 48, rel=0.01)
    # The pool was healthy since the account was set up, four hours ago
    assert first["uptime"] == 100
    unknown = ("hashrate", "shares_valid", "reject_rate", "latency_ms", "blocks")
    assert {second[key] for key in unknown} == {None}
    assert {second[key] for key in ("luck", "expected_blocks", "earnings")} == {None}

    (only,) = await run(home, "compare_pools", config_entry_id=mine.entry_id, days=2)
    assert only == first


@recorded
async def test_figures_are_those_of_the_card(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    pools: tuple[SimulatedSolopool, list[ConfigEntry[Any]]],
) -> None:
    """Given what the card asks for and adds up, the action says the same."""
    _, (mine, _) = pools
    await fill(home, mine)
    freezer.move_to(NOW)
    keys = (
        *("pool_hashrate", "shares_valid", "shares_invalid", "shares_stale"),
        *("reject_rate", "latency_ms", "stratum_latency"),
    )
    ids = {key: find_id(home, mine, "sensor", key) for key in keys}
    spans: tuple[tuple[int, Literal["hour", "day"]], ...] = ((7, "hour"), (30, "day"))
    for days, period in spans:
        rows = await get_instance(home).async_add_executor_job(
            partial(
                statistics_during_period,
                home,
                NOW - timedelta(days=days),
                None,
                set(ids.values()),
                period,
                None,
                {"mean", "change"},
            )
        )

        def known(key: str, kind: str, rows: Any = rows) -> list[float]:
            values = [row.get(kind) for row in rows.get(ids[key], [])]
            return [value for value in values if value is not None]

        (result,) = await run(
            home, "compare_pools", config_entry_id=mine.entry_id, days=days
        )
        means, latencies = known("pool_hashrate", "mean"), known("latency_ms", "mean")
        valid, invalid, stale = (
            sum(known(f"shares_{kind}", "change"))
            for kind in ("valid", "invalid", "stale")
        )
        total = valid + invalid + stale
        assert result["hashrate"] == pytest.approx(sum(means) / len(means) * 1e12)
        assert result["reject_rate"] == pytest.approx(
            100 - 100 * valid / total, rel=1e-4
        )
        assert result["stale_rate"] == pytest.approx(100 * stale / total, rel=1e-4)
        assert result["latency_ms"] == pytest.approx(sum(latencies) / len(latencies))


@recorded
async def test_history_by_hour_and_day(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    pools: tuple[SimulatedSolopool, list[ConfigEntry[Any]]],
) -> None:
    """Given recorded hours, there is a row for each, and for the day they are in."""
    _, (mine, new) = pools
    await fill(home, mine)
    freezer.move_to(NOW)
    result = await run(home, "get_pool_history", days=1, period="hour")
    assert result.keys() == {mine.entry_id, new.entry_id}
    rows = result[mine.entry_id]
    validator(list[PoolPeriod])(rows)
    assert [row["start"] for row in rows] == [
        f"2026-11-28T{hour:02}:00:00Z" for hour in (8, 9, 10, 11)
    ]
    assert [row["hashrate"] for row in rows] == [1e12, 2e12, None, 3e12]
    assert [row["shares_valid"] for row in rows] == [100, 50, 100, 150]
    assert [row["latency_ms"] for row in rows] == [40, 60, 80, 100]
    assert result[new.entry_id] == []
    (day,) = (await run(home, "get_pool_history"))[mine.entry_id]
    assert (day["hashrate"], day["shares_valid"]) == (2e12, 400)


@recorded
async def test_uptime_is_the_healthy_share(
    home: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    pools: tuple[SimulatedSolopool, list[ConfigEntry[Any]]],
) -> None:
    """Given a pool that was down for one of four hours, it was up for three quarters."""
    pool, (mine, _) = pools
    await async_wait_recording_done(home)
    for status, at in ((502, NOW - 3 * HOUR), (None, NOW - 2 * HOUR)):
        freezer.move_to(at)
        pool.status = status
        await poll(home, mine)
        await async_wait_recording_done(home)
    freezer.move_to(NOW)
    result = await run(home, "compare_pools", config_entry_id=mine.entry_id, days=1)
    assert result[0]["uptime"] == pytest.approx(75, abs=0.5)


@recorded
async def test_blocks_and_luck(
    home: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    """Given a block in work that is good for two, the luck is a half."""
    freezer.move_to(NOW - HOUR)
    async with SimulatedSolopool(generation=2, speed=0) as pool:
        mine = await set_up(home, pool_entry(pool, title="Mine"))
        record(home, mine, "estimated_time_to_block", [0.0625] * 3, unit="d")
        record(home, mine, "blocks_found", sums=[0, 0, 1])
        await async_wait_recording_done(home)
        freezer.move_to(NOW)
        (result,) = await run(home, "compare_pools", days=2)
        assert (result["blocks"], result["expected_blocks"], result["luck"]) == (
            1,
            2,
            50,
        )
        await home.config_entries.async_unload(mine.entry_id)


async def test_without_a_recorder_all_is_unknown(home: HomeAssistant) -> None:
    """Given a Home Assistant that records nothing, every figure is null."""
    async with SimulatedSolopool(speed=0) as pool:
        entry = await set_up(home, pool_entry(pool, title="Mine"))
        (result,) = await run(home, "compare_pools")
        assert {result[key] for key in ("hashrate", "uptime", "blocks")} == {None}
        assert await run(home, "get_pool_history") == {entry.entry_id: []}
        await home.config_entries.async_unload(entry.entry_id)


@pytest.mark.parametrize(
    ("action", "data", "error"),
    [
        ("compare_pools", {"days": 0}, vol.Invalid),
        ("compare_pools", {"days": 367}, vol.Invalid),
        ("compare_pools", {"days": "nan"}, vol.Invalid),
        ("compare_pools", {"days": "many"}, vol.Invalid),
        ("compare_pools", {"config_entry_id": "../x"}, ServiceValidationError),
        ("get_pool_history", {"period": "minute"}, vol.Invalid),
        ("get_pool_history", {"period": "hour", "days": 32}, ServiceValidationError),
    ],
)
async def test_nonsense_is_refused(
    home: HomeAssistant, action: str, data: dict[str, Any], error: type[Exception]
) -> None:
    """Given what cannot be, nothing is read."""
    async with SimulatedSolopool(speed=0) as pool:
        entry = await set_up(home, pool_entry(pool))
        with pytest.raises(error):
            await run(home, action, **data)
        await home.config_entries.async_unload(entry.entry_id)
