"""What cannot be is unknown, whichever driver reports it."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime, timedelta
import math
from typing import Any

import pytest

from custom_components.hmm.driver_api import (
    DashboardTileData,
    DeviceFacts,
    MinerTelemetry,
    MiningModel,
    PoolBlock,
    PoolHealthStatus,
    PoolSlot,
    PoolStats,
    PoolTemplate,
    PoolWorker,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_api.ranges import (
    BLOCKS,
    CHIPS,
    POOLS,
    WORKERS,
    Many,
    Range,
    Text,
    rule_of,
)
from custom_components.hmm.driver_engine.answers import (
    _Plan,
    read_facts,
    read_limits,
    read_modes,
    read_telemetry,
    read_template,
    read_tiles,
)

REPORTS = (
    MinerTelemetry,
    PoolSlot,
    DeviceFacts,
    TuningLimits,
    TuningRange,
    DashboardTileData,
    PoolBlock,
    PoolWorker,
    PoolStats,
    PoolHealthStatus,
    PoolTemplate,
)

NEEDED: dict[type, dict[str, Any]] = {
    PoolSlot: {"index": 0, "url": "pool.example:3333"},
    PoolWorker: {"name": "rig"},
    TuningRange: {"minimum": 0, "maximum": 1},
    PoolHealthStatus: {"is_healthy": True},
    PoolTemplate: {
        "template_id": "a",
        "display_name": "A",
        "url": "",
        "port": 1,
        "coin": "BTC",
        "mining_model": MiningModel.SOLO,
    },
}


def declared(rule: type) -> Iterator[Any]:
    """Yield the fields that are limited so, with their class and limits."""
    for kind in REPORTS:
        for field in fields(kind):
            result = rule_of(kind, field.name)
            if isinstance(result, rule):
                yield pytest.param(
                    kind, field.name, result, id=f"{kind.__name__}.{field.name}"
                )


def read_field(kind: type, name: str, value: Any) -> Any:
    """Return what becomes of a value; None also if the whole is unknown."""
    whole = _Plan(kind).read(kind(**NEEDED.get(kind, {}) | {name: value}))
    return None if whole is None else getattr(whole, name)


@pytest.mark.parametrize("kind", REPORTS)
def test_every_field_is_declared_with_its_limits(kind: type) -> None:
    """A field that holds numbers or texts of any size would be no reader's."""
    assert _Plan(kind).read(kind(**NEEDED.get(kind, {}))) is not None


@pytest.mark.parametrize(("kind", "name", "limits"), declared(Range))
def test_number_outside_its_range_is_unknown(
    kind: type, name: str, limits: Range
) -> None:
    """The limits themselves are in it."""
    for value in (limits.minimum, limits.maximum):
        assert read_field(kind, name, value) == value
    beyond: list[Any] = [
        *(limits.minimum - 1, limits.maximum * 1.01 + 1, 1e300, -1e300),
        *(10**400, math.nan, math.inf, -math.inf, "9" * 5000, "1e999", True),
    ]
    for value in beyond:
        assert read_field(kind, name, value) is None
    # Who divides by it divides by zero
    assert read_field(kind, name, 1e-320) in (None, 0)
    assert limits.reason


@pytest.mark.parametrize(("kind", "name", "limits"), declared(Text))
def test_text_is_bounded_and_in_one_line(kind: type, name: str, limits: Text) -> None:
    """Names are cut off; a part of an address or of a serial number is another one."""
    longest = "x" * limits.longest
    assert read_field(kind, name, longest) == longest
    reported = read_field(kind, name, longest + "x" * 250_000)
    assert reported == (longest if limits.cut else None)
    assert read_field(kind, name, " a\x1b[2J\u202ec\u200b\x00d ") == "a[2Jcd"


@pytest.mark.parametrize(("kind", "name", "limits"), declared(Many))
def test_list_ends(kind: type, name: str, limits: Many) -> None:
    """However many items were sent."""
    item: Any = {
        "pools": PoolSlot(**NEEDED[PoolSlot]),
        "own_blocks": PoolBlock(height=1),
        "workers": PoolWorker(name="rig"),
        "reject_reasons": ("Stale", 1),
        "problems": "overheat",
    }.get(name, 1)
    if name in ("additional_info", "additional_stats"):
        reported = read_field(kind, name, {str(number): 1 for number in range(10_000)})
        assert len(reported) == limits.maximum
        return
    if name == "workers":
        items: list[Any] = [PoolWorker(name=str(number)) for number in range(10_000)]
    else:
        items = [item] * 10_000
    assert len(read_field(kind, name, items)) == limits.maximum


def test_lists_hold_what_there_is() -> None:
    """The largest machines and accounts fit."""
    assert (CHIPS.maximum, POOLS.maximum) >= (576, 8)
    assert WORKERS.maximum > 250
    assert BLOCKS.maximum >= 1000


def test_chip_that_burns_is_shown() -> None:
    """The moment that matters most is not one that cannot be."""
    hot = read_telemetry(MinerTelemetry(temperature=150, chip_temperatures=(151, 999)))
    assert hot is not None
    assert (hot.temperature, hot.chip_temperatures) == (150, (151, None))


def test_pool_that_takes_hours_for_a_share() -> None:
    """Case 02: the clock was set meanwhile, and nothing was measured."""
    telemetry = read_telemetry({"response_time": 26_041_793.839, "power": 17.4})
    assert telemetry == MinerTelemetry(power=17.4)


@pytest.mark.parametrize(
    "timestamp",
    [
        datetime.max.replace(tzinfo=UTC),
        datetime(9998, 1, 1, tzinfo=UTC),
        datetime.now(UTC) + timedelta(days=60),
        datetime(1999, 1, 1, tzinfo=UTC),
        datetime.now(),  # noqa: DTZ005
        "2026-11-20T12:00:00Z",
    ],
)
def test_moment_that_has_not_been(timestamp: Any) -> None:
    """A share of the year 9999, or of before Bitcoin, was not found."""
    tiles = read_tiles(
        DashboardTileData(
            last_share=timestamp,
            last_block_found=timestamp,
            workers=(PoolWorker(name="rig", last_share=timestamp),),
        )
    )
    assert tiles == DashboardTileData(workers=(PoolWorker(name="rig"),))


def test_clock_that_lags() -> None:
    """A machine without a clock's battery may be days behind its pools."""
    timestamp = datetime.now(UTC) + timedelta(days=5)
    tiles = read_tiles(DashboardTileData(last_share=timestamp))
    assert tiles is not None
    assert tiles.last_share == timestamp


def test_facts_and_modes_of_a_device() -> None:
    """What is not of the right type is unknown, and nothing is longer than a name."""
    facts = DeviceFacts(
        mac="aa:bb:cc:dd:ee:ff",
        serial="s" * 300,
        firmware="v" * 250_000,
        model=5,  # type: ignore[arg-type]
    )
    assert read_facts(facts) == DeviceFacts(mac="aa:bb:cc:dd:ee:ff", firmware="v" * 255)
    assert read_facts({"mac": "aa:bb:cc:dd:ee:ff"}) == DeviceFacts()
    assert read_modes(["eco", "eco", 5, None, "x" * 65, "oc\x1b"]) == ("eco", "oc")
    assert len(read_modes([str(number) for number in range(1000)])) == 256
    assert read_modes(None) == read_modes("eco") == ()


def test_limits_that_make_no_sense() -> None:
    """A setting that nobody could set has no entity; the others have."""
    good = TuningRange(minimum=400, maximum=600, options=(400, 600))
    limits = TuningLimits(
        frequency=good,
        core_voltage=TuningRange(minimum=2, maximum=1),
        fan_speed=TuningRange(minimum=0, maximum=100, step=0),
        target_temperature=TuningRange(minimum=math.nan, maximum=1),
    )
    assert read_limits(limits) == TuningLimits(frequency=good)
    assert read_limits(None) is read_limits({"frequency": good}) is None


def test_templates_of_a_driver() -> None:
    """One without a name, or with a port that is none, cannot be chosen."""
    template = PoolTemplate(**NEEDED[PoolTemplate])
    assert read_template(template) == template
    for name, value in (("port", 65_536), ("coin", "x" * 17), ("display_name", "")):
        odd = PoolTemplate(**NEEDED[PoolTemplate] | {name: value})
        assert read_template(odd) is None
    assert read_template("template") is None
