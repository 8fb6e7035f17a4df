"""Yes-or-no states of miners, pools and their workers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, override

from homeassistant.components.binary_sensor import (
    DOMAIN as BINARY_SENSOR_DOMAIN,
    BinarySensorDeviceClass,
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .data import HmmConfigEntry
from .driver_api import MinerTelemetry
from .entity import (
    MinerEntity,
    PoolEntity,
    WorkerEntity,
    async_add_offered,
    async_add_workers,
)
from .errors import pool_reason
from .miner.coordinator import MinerCoordinator
from .pool.coordinator import PoolCoordinator

PARALLEL_UPDATES = 0

_NO_DATA = "no_data"


@dataclass(frozen=True, kw_only=True)
class MinerBinarySensorDescription(BinarySensorEntityDescription):
    """A yes-or-no state of a miner; ``field`` is what the miner must tell."""

    field: str | None = None
    value_fn: Callable[[MinerTelemetry], bool | None]


MINER_BINARY_SENSORS: tuple[MinerBinarySensorDescription, ...] = (
    MinerBinarySensorDescription(
        key="running",
        translation_key="running",
        device_class=BinarySensorDeviceClass.RUNNING,
        field="hashing",
        value_fn=lambda data: data.hashing,
    ),
    MinerBinarySensorDescription(
        key="problem",
        translation_key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda data: bool(data.problems),
    ),
    MinerBinarySensorDescription(
        key="using_fallback",
        translation_key="using_fallback",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        field="using_fallback",
        value_fn=lambda data: data.using_fallback,
    ),
)

POOL_HEALTH = BinarySensorEntityDescription(
    key="health",
    translation_key="health",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
)

POOL_STRATUM = BinarySensorEntityDescription(
    key="stratum",
    translation_key="stratum",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
)

WORKER_ONLINE = BinarySensorEntityDescription(
    key="online",
    translation_key="online",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the yes-or-no states of an entry."""
    coordinator = entry.runtime_data
    if isinstance(coordinator, MinerCoordinator):
        async_add_offered(
            coordinator,
            MINER_BINARY_SENSORS,
            _exists,
            MinerBinarySensor,
            async_add_entities,
        )
    elif isinstance(coordinator, PoolCoordinator):
        async_add_entities(
            [
                PoolHealthSensor(coordinator, POOL_HEALTH),
                PoolStratumSensor(coordinator, POOL_STRATUM),
            ]
        )
        async_add_workers(
            hass,
            coordinator,
            BINARY_SENSOR_DOMAIN,
            (WORKER_ONLINE,),
            lambda _, worker: worker.online is not None,
            WorkerOnlineSensor,
            async_add_entities,
        )


def _exists(
    description: MinerBinarySensorDescription, coordinator: MinerCoordinator
) -> bool:
    """Return whether the miner tells this state."""
    profile = coordinator.profile
    return description.field is None or (
        profile is not None and description.field in profile.telemetry
    )


class MinerBinarySensor(MinerEntity, BinarySensorEntity):
    """A yes-or-no state of a miner."""

    entity_description: MinerBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        if self.entity_description.key != "problem":
            return None
        return {"problems": list(self.coordinator.data.problems)}


class PoolHealthSensor(PoolEntity, BinarySensorEntity):
    """Whether the pool answers; it is off, not unavailable, when it does not."""

    @property
    @override
    def available(self) -> bool:
        return True

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.last_update_success

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        pool = self.coordinator
        if pool.last_update_success and not pool.data.account_known:
            return {"reason": _NO_DATA}
        if pool.reason is None:
            return {"reason": None}
        key = pool_reason(pool.reason)
        if key == "problem":
            # The words of a user's driver
            return {"reason": key, "detail": str(pool.reason)}
        return {"reason": key}


class PoolStratumSensor(PoolEntity, BinarySensorEntity):
    """Whether miners can connect, which the pool's figures do not tell."""

    @property
    @override
    def available(self) -> bool:
        return True

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.stratum_latency is not None


class WorkerOnlineSensor(WorkerEntity, BinarySensorEntity):
    """Whether a worker mines; one that the pool lists no more does not."""

    @property
    @override
    def available(self) -> bool:
        return super().available or (
            self.coordinator.last_update_success and self.coordinator.workers.told
        )

    @property
    @override
    def is_on(self) -> bool | None:
        return False if self.worker is None else self.worker.online
