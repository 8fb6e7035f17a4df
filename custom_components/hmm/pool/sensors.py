"""The sensors of a pool account and of its workers, as descriptions."""

from collections.abc import Callable
from dataclasses import dataclass

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfTime

from ..display_units import EVER, OF_NETWORK, ScaledSensorDescription
from ..driver_api import PoolWorker
from ..figures import SensorValue, days, rounded, stepped, whole, whole_difficulty
from .coordinator import PoolCoordinator
from .status import PoolState


@dataclass(frozen=True, kw_only=True)
class PoolSensorDescription(ScaledSensorDescription):
    """A sensor of a pool account."""

    value_fn: Callable[[PoolCoordinator], SensorValue]
    exists_fn: Callable[[PoolCoordinator], bool] | None = None
    is_money: bool = False
    """Whether the value is in what the pool pays in."""
    is_network_share: bool = False
    """Whether the value is percent of the network, of some coins very small."""

    def exists(self, coordinator: PoolCoordinator) -> bool:
        """Return whether the pool reports this figure."""
        if self.exists_fn is not None:
            return self.exists_fn(coordinator)
        return coordinator.data is not None and self.value_fn(coordinator) is not None


def _always(_: PoolCoordinator) -> bool:
    """Return that every account has this figure, be it not known yet."""
    return True


def _tile(key: str) -> Callable[[PoolCoordinator], SensorValue]:
    """Return a function that reads one field of the tiles."""
    return lambda pool: getattr(pool.data, key)


def _pool_latency(
    key: str, translation_key: str, value_fn: Callable[[PoolCoordinator], float | None]
) -> PoolSensorDescription:
    """Return the description of a latency: of use when something is slow."""
    return PoolSensorDescription(
        key=key,
        translation_key=translation_key,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda pool: whole(value_fn(pool)),
    )


def _pool_counter(key: str) -> PoolSensorDescription:
    """Return the description of a count that only the pool resets."""
    return PoolSensorDescription(
        key=key,
        translation_key=key,
        state_class=SensorStateClass.TOTAL_INCREASING,
        value_fn=_tile(key),
    )


def _money(key: str, translation_key: str) -> PoolSensorDescription:
    """Return the description of an amount of coins.

    Coins are none of the currencies that the class of money is for.
    """
    return PoolSensorDescription(
        key=key,
        translation_key=translation_key,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=8,
        is_money=True,
        value_fn=_tile(key),
    )


POOL_STATUS = SensorEntityDescription(
    key="status",
    translation_key="pool_status",
    device_class=SensorDeviceClass.ENUM,
    options=[*PoolState],
)

POOL_STRATUM_LATENCY = _pool_latency(
    "stratum_latency", "stratum_latency", lambda pool: pool.stratum_latency
)

POOL_SENSORS: tuple[PoolSensorDescription, ...] = (
    _pool_latency("latency_ms", "latency", lambda pool: pool.data.latency_ms),
    PoolSensorDescription(
        key="network_difficulty",
        translation_key="network_difficulty",
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        mined_for=OF_NETWORK,
        value_fn=lambda pool: rounded(pool.data.network_difficulty, 4),
    ),
    PoolSensorDescription(
        key="pool_hashrate",
        translation_key="hashrate",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        is_hashrate=True,
        exists_fn=_always,
        value_fn=_tile("pool_hashrate"),
    ),
    PoolSensorDescription(
        key="estimated_time_to_block",
        translation_key="time_to_block",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.DAYS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        value_fn=lambda pool: days(pool.data.estimated_time_to_block),
    ),
    PoolSensorDescription(
        key="pool_percentage",
        translation_key="network_share",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        is_network_share=True,
        value_fn=lambda pool: rounded(pool.data.pool_percentage),
    ),
    PoolSensorDescription(
        key="active_workers",
        translation_key="workers",
        state_class=SensorStateClass.MEASUREMENT,
        exists_fn=_always,
        value_fn=_tile("active_workers"),
    ),
    _pool_counter("shares_valid"),
    _pool_counter("shares_invalid"),
    _pool_counter("shares_stale"),
    PoolSensorDescription(
        key="reject_rate",
        translation_key="reject_rate",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        value_fn=lambda pool: rounded(pool.data.reject_rate),
    ),
    PoolSensorDescription(
        key="blocks_found_24h",
        translation_key="blocks_24h",
        state_class=SensorStateClass.MEASUREMENT,
        # From a total it is known only after a day
        exists_fn=lambda pool: (
            pool.data is not None
            and (
                pool.data.blocks_found_24h is not None
                or pool.data.blocks_found is not None
            )
        ),
        value_fn=_tile("blocks_found_24h"),
    ),
    _pool_counter("blocks_found"),
    PoolSensorDescription(
        key="last_block_found",
        translation_key="last_block",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_tile("last_block_found"),
    ),
    PoolSensorDescription(
        key="last_share",
        translation_key="last_share",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_tile("last_share"),
    ),
    _money("estimated_earnings_24h", "earnings_24h"),
    _money("confirmed_balance", "confirmed_balance"),
    _money("pending_balance", "pending_balance"),
    PoolSensorDescription(
        key="best_share",
        translation_key="best_share",
        state_class=SensorStateClass.MEASUREMENT,
        mined_for=EVER,
        value_fn=lambda pool: whole_difficulty(pool.data.best_share),
    ),
)


@dataclass(frozen=True, kw_only=True)
class WorkerSensorDescription(ScaledSensorDescription):
    """A sensor of a worker at a pool."""

    value_fn: Callable[[PoolWorker], SensorValue]


def _worker_counter(key: str) -> WorkerSensorDescription:
    """Return the description of a count of shares."""
    return WorkerSensorDescription(
        key=key,
        translation_key=key,
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_registry_enabled_default=False,
        value_fn=lambda worker: getattr(worker, key),
    )


WORKER_SENSORS: tuple[WorkerSensorDescription, ...] = (
    WorkerSensorDescription(
        key="hashrate",
        translation_key="hashrate",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        is_hashrate=True,
        value_fn=lambda worker: stepped(worker.hashrate),
    ),
    _worker_counter("shares_valid"),
    _worker_counter("shares_invalid"),
    _worker_counter("shares_stale"),
    WorkerSensorDescription(
        key="best_share",
        translation_key="best_share",
        state_class=SensorStateClass.MEASUREMENT,
        entity_registry_enabled_default=False,
        mined_for=EVER,
        value_fn=lambda worker: whole_difficulty(worker.best_share),
    ),
    WorkerSensorDescription(
        key="last_share",
        translation_key="last_share",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda worker: worker.last_share,
    ),
)
