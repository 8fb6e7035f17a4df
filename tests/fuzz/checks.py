"""What must hold of any report, and of what the entities make of it."""

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache
import math
from types import SimpleNamespace
from typing import Any, ClassVar, cast

from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.entity_registry import DATA_REGISTRY
from homeassistant.helpers.json import json_bytes
from homeassistant.util.unit_system import METRIC_SYSTEM

from custom_components.hmm.binary_sensor import MINER_BINARY_SENSORS
from custom_components.hmm.driver_api import (
    BasePoolIntegration,
    DashboardTileData,
    DeviceFacts,
    MinerTelemetry,
    PoolBlock,
)
from custom_components.hmm.driver_api.ranges import Many, Past, Range, Text, rule_of
from custom_components.hmm.driver_engine.profile import MinerProfile
from custom_components.hmm.event import PoolEvent
from custom_components.hmm.fleet.coordinator import FleetData
from custom_components.hmm.fleet.sensors import COIN_SENSORS, PLATFORM_SENSORS
from custom_components.hmm.fleet.tiles_json import duration_text
from custom_components.hmm.fleet.totals import PoolReading, add_up
from custom_components.hmm.miner.energy import EnergyMeter
from custom_components.hmm.miner.problems import Limits, MinerProblems
from custom_components.hmm.miner.sensors import CHIP_SENSORS, MINER_SENSORS
from custom_components.hmm.miner.status import MinerStatus, Poll, StatusRecord
from custom_components.hmm.pool.blocks import BlockLog, BlockWatch
from custom_components.hmm.pool.sensors import POOL_SENSORS, WORKER_SENSORS
from custom_components.hmm.pool.workers import bare_name
from custom_components.hmm.sensor import (
    FleetCoinSensor,
    FleetSensor,
    MinerSensor,
    PoolSensor,
    WorkerSensor,
)

# Nothing is registered yet
_REGISTRY = SimpleNamespace(async_get_entity_id=lambda *_: None, deleted_entities={})
_DEVICES = SimpleNamespace(async_get=lambda _: None)


class _Hass:
    """As much of Home Assistant as entities read; hashable, as it is there."""

    config = SimpleNamespace(units=METRIC_SYSTEM)
    data: ClassVar = {DATA_REGISTRY: _REGISTRY, dr.DATA_REGISTRY: _DEVICES}


_HASS = _Hass()
# What it needs to look for the translation of its unit
_PLATFORM = SimpleNamespace(
    platform_name="hmm", domain="sensor", default_language_platform_translations={}
)
_MAX_EVENTS = 11


@cache
def _rules(kind: type) -> tuple[tuple[str, Any], ...]:
    return tuple((f.name, rule_of(kind, f.name)) for f in fields(kind))


def violations(report: Any) -> Iterator[str]:
    """Yield what a report holds that it may not, whoever reads it."""
    for name, rule in _rules(type(report)):
        value = getattr(report, name)
        for fault in _faults(value, rule):
            yield f"{type(report).__name__}.{name}: {fault}"


def _faults(value: Any, rule: Any) -> Iterator[str]:
    match value:
        case None | bool() | Enum():
            return
        case int() | float():
            if not math.isfinite(value) or (type(value) is int and abs(value) > 2**53):
                yield "a number that is none"
            elif isinstance(rule, Range) and not rule.minimum <= value <= rule.maximum:
                yield f"{value:g} is not {rule}"
        case str():
            longest = rule.longest if isinstance(rule, Text) else 255
            if len(value) > longest or not value.isprintable():
                yield f"a text of {len(value)}"
        case datetime():
            last = datetime.now(UTC) + timedelta(days=33)
            if (
                value.tzinfo is None
                or not datetime(2009, 1, 1, tzinfo=UTC) <= value < last
            ):
                yield f"{value}"
        case tuple():
            if isinstance(rule, Many) and len(value) > rule.maximum:
                yield f"{len(value)} items"
            for item in value:
                yield from _faults(item, None)
        case _ if is_dataclass(value):
            yield from violations(value)
        case _:
            yield f"a {type(value).__name__}"
    if isinstance(rule, Past) and not isinstance(value, int | datetime):
        yield "no moment"


def _entry(unique_id: str) -> Any:
    return SimpleNamespace(
        unique_id=unique_id,
        entry_id=unique_id,
        title="Fuzz",
        options={},
        data={"driver": "fuzz", "coin": "BTC"},
    )


def _add(entity: Any) -> None:
    """Make an entity believe that it was added to Home Assistant."""
    entity.hass, entity.platform_data = _HASS, _PLATFORM


def _shown(entity: Any, key: str) -> Iterator[str]:
    """Yield what Home Assistant would refuse of an entity, or fail with."""
    try:
        state = entity.state
        attributes = entity.extra_state_attributes
        json_bytes({"state": state, "attributes": attributes})
    except Exception as err:  # noqa: BLE001
        yield f"{key} fails with {type(err).__name__}: {str(err)[:200]}"
        return
    if isinstance(state, float) and not math.isfinite(state):
        yield f"{key} shows {state}"
    if len(str(state)) > 255:
        yield f"{key} shows a text of {len(str(state))}"


def _value(read: Callable[[], Any], key: str) -> Iterator[str]:
    """Yield that a function of a description raises: entities hide it."""
    try:
        read()
    except Exception as err:  # noqa: BLE001
        yield f"{key} raises {type(err).__name__}: {str(err)[:200]}"


class MinerView:
    """The entities of a miner, whose data changes."""

    def __init__(self, unit: Any = "TH/s") -> None:
        """Make all of them, also those that wait disabled."""
        every = frozenset(f.name for f in fields(MinerTelemetry))
        self._status = MinerStatus(StatusRecord(), MinerProblems(Limits()))
        self._miner: Any = SimpleNamespace(
            hass=_HASS,
            device_id="miner",
            status=self._status,
            started=None,
            offered=set(),
            data=MinerTelemetry(),
            power=None,
            measures_power=True,
            known=MinerProfile(facts=DeviceFacts(), telemetry=every),
            config_entry=_entry("miner"),
            client=SimpleNamespace(hashrate_unit=unit),
            last_update_success=True,
        )
        self._meter = EnergyMeter(1e9)
        self._polls = 0
        self._sensors = [
            MinerSensor(self._miner, description)
            for description in (*MINER_SENSORS, *CHIP_SENSORS)
        ]
        for sensor in self._sensors:
            _add(sensor)

    def check(self, telemetry: MinerTelemetry) -> Iterator[str]:
        """Yield what goes wrong with this poll."""
        yield from violations(telemetry)
        miner = self._miner
        miner.data, miner.power = telemetry, telemetry.power
        miner.started = datetime.now(UTC) - timedelta(seconds=telemetry.uptime or 0)
        for sensor in self._sensors:
            description = sensor.entity_description
            yield from _value(lambda d=description: d.value_fn(miner), description.key)
            yield from _value(lambda d=description: d.exists(miner), description.key)
            yield from _shown(sensor, description.key)
        yield from _value(lambda: self._look(telemetry), "status")
        for flag in MINER_BINARY_SENSORS:
            yield from _value(lambda d=flag: d.value_fn(telemetry), flag.key)
        before = self._meter.kwh
        self._meter.read(telemetry.power)
        if not 0 <= self._meter.kwh - before < 1000:
            yield f"energy grows by {self._meter.kwh - before:g} kWh"

    def _look(self, telemetry: MinerTelemetry) -> str | None:
        """Decide the status, which must be JSON, as its record."""
        self._polls += 1
        at = 30.0 * self._polls
        time = datetime.fromtimestamp(at, UTC)
        self._status.update(Poll(at=at, time=time, data=telemetry))
        record = self._status.record
        json_bytes([self._status.values, self._status.active, record.as_dict()])
        assert StatusRecord.from_dict(record.as_dict()).status == record.status
        return self._status.state


class PoolView:
    """The entities of a pool account, of its workers and of the fleet."""

    def __init__(self, driver: BasePoolIntegration, coin: str) -> None:
        """Make all of them, also those that wait disabled."""
        self._pool: Any = SimpleNamespace(
            hass=_HASS,
            data=DashboardTileData(),
            driver=driver,
            account=SimpleNamespace(coin=coin, username="wallet"),
            currency=coin,
            stratum_latency=None,
            config_entry=_entry("pool"),
            last_update_success=True,
            workers=SimpleNamespace(listed={}),
        )
        self._hub: Any = SimpleNamespace(
            hass=_HASS,
            data=FleetData(),
            config_entry=_entry("hub"),
            last_update_success=True,
        )
        self._coin = coin
        self._watch, self._log, self._now = BlockWatch(), BlockLog(), 1.7e9
        self._event = PoolEvent(self._pool, cast(Any, SimpleNamespace(key="block")))
        self._sensors: list[Any] = [
            *(PoolSensor(self._pool, description) for description in POOL_SENSORS),
            *(FleetSensor(self._hub, description) for description in PLATFORM_SENSORS),
            *(FleetCoinSensor(self._hub, item.of(coin)) for item in COIN_SENSORS),
            *(WorkerSensor(self._pool, "worker", item) for item in WORKER_SENSORS),
        ]
        for sensor in self._sensors:
            _add(sensor)

    def check(self, tiles: DashboardTileData) -> Iterator[str]:
        """Yield what goes wrong with this poll."""
        yield from violations(tiles)
        self._pool.data = tiles
        reading = PoolReading(coin=self._coin, tiles=tiles)
        self._hub.data = FleetData(pools=add_up([reading, reading]))
        workers = tiles.workers
        self._pool.workers.listed = {"worker": workers[0]} if workers else {}
        for sensor in self._sensors:
            yield from _value(sensor._read, sensor.entity_description.key)
            yield from _shown(sensor, sensor.entity_description.key)
        for worker in workers[:20]:
            name = bare_name(worker.name, "wallet")
            for item in WORKER_SENSORS:
                yield from _value(
                    lambda d=item, w=worker: d.value_fn(w), f"{item.key} {name}"
                )
        duration_text(tiles.estimated_time_to_block)
        yield from self._blocks(tiles)

    def _blocks(self, tiles: DashboardTileData) -> Iterator[str]:
        self._now += 60
        news = self._watch.update(tiles, self._now)
        if len(news.blocks) > _MAX_EVENTS:
            yield f"{len(news.blocks)} events"
        for block in (*news.blocks, *tiles.own_blocks[:20], PoolBlock()):
            json_bytes(self._event._describe(block))
        if tiles.blocks_found is not None:
            self._log.update(tiles.blocks_found, self._now)
        json_bytes([self._log.last_day(), self._log.as_dict()])
