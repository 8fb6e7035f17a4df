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
from homeassistant.util import dt as dt_util

from .const import ATTR_DETAIL, ATTR_REASON, ATTR_SINCE
from .data import HmmConfigEntry
from .driver_api import MinerTelemetry
from .entity import (
    AlwaysAvailable,
    FleetEntity,
    MinerEntity,
    Offer,
    PoolEntity,
    WorkerEntity,
    async_add_offered,
    async_add_workers,
)
from .miner.coordinator import MinerCoordinator
from .pool.coordinator import PoolCoordinator
from .since import Since

PARALLEL_UPDATES = 0

_NO_DATA = "no_data"
_DOING = {True: "working", False: "idle", None: None}
"""The reason of a listed worker, by whether it is online."""


@dataclass(frozen=True, kw_only=True)
class MinerBinarySensorDescription(BinarySensorEntityDescription):
    """A yes-or-no state of a miner; ``field`` is what the miner must report."""

    field: str
    value_fn: Callable[[MinerTelemetry], bool | None]


MINER_BINARY_SENSORS: tuple[MinerBinarySensorDescription, ...] = (
    MinerBinarySensorDescription(
        key="running",
        translation_key="running",
        device_class=BinarySensorDeviceClass.RUNNING,
        field="hashing",
        # Status says more; those who have it keep it
        entity_registry_enabled_default=False,
        value_fn=lambda data: data.hashing,
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

MINER_ONLINE = BinarySensorEntityDescription(
    key="online",
    translation_key="online",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
)

MINER_PROBLEM = BinarySensorEntityDescription(
    key="problem",
    translation_key="problem",
    device_class=BinarySensorDeviceClass.PROBLEM,
)

POOL_PROBLEM = BinarySensorEntityDescription(
    key="problem",
    translation_key="pool_problem",
    device_class=BinarySensorDeviceClass.PROBLEM,
)

FLEET_PROBLEM = BinarySensorEntityDescription(
    key="problem",
    translation_key="fleet_problem",
    device_class=BinarySensorDeviceClass.PROBLEM,
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
            async_add_entities,
            Offer((MINER_ONLINE,), lambda *_: True, MinerOnlineSensor),
            Offer((MINER_PROBLEM,), lambda *_: True, MinerProblemSensor),
            Offer(MINER_BINARY_SENSORS, _exists, MinerBinarySensor),
        )
    elif isinstance(coordinator, PoolCoordinator):
        async_add_entities(
            [
                PoolHealthSensor(coordinator, POOL_HEALTH),
                PoolStratumSensor(coordinator, POOL_STRATUM),
                PoolProblemSensor(coordinator, POOL_PROBLEM),
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
    else:
        async_add_entities([FleetProblemSensor(coordinator, FLEET_PROBLEM)])


def _exists(
    description: MinerBinarySensorDescription, coordinator: MinerCoordinator
) -> bool:
    """Return whether the miner reports this state."""
    return description.field in coordinator.known.telemetry


class MinerBinarySensor(MinerEntity, BinarySensorEntity):
    """A yes-or-no state of a miner."""

    _state_of = ("is_on", "extra_state_attributes")
    entity_description: MinerBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        return self.entity_description.value_fn(self.coordinator.data)


class MinerOnlineSensor(AlwaysAvailable, MinerEntity, BinarySensorEntity):
    """Whether the miner responds; it is off, not unavailable, when it does not."""

    _state_of = ("is_on", "extra_state_attributes")
    _unrecorded_attributes = frozenset({ATTR_DETAIL})

    @property
    @override
    def is_on(self) -> bool | None:
        state = self.coordinator.status.record.online.state
        return state if isinstance(state, bool) else None

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        status = self.coordinator.status
        online = status.record.online
        return {
            ATTR_REASON: online.reason,
            ATTR_SINCE: online.at,
            ATTR_DETAIL: status.detail,
        }


class MinerProblemSensor(AlwaysAvailable, MinerEntity, BinarySensorEntity):
    """Whether anything is wrong with the miner, also that it does not respond."""

    _state_of = ("is_on", "extra_state_attributes")

    @property
    @override
    def is_on(self) -> bool:
        return bool(self.coordinator.status.active)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        status = self.coordinator.status
        return {
            "problems": list(status.active),
            ATTR_SINCE: status.record.problem.at,
        }


class PoolHealthSensor(AlwaysAvailable, PoolEntity, BinarySensorEntity):
    """Whether the pool answers; it is off, not unavailable, when it does not."""

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.last_update_success

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        pool = self.coordinator
        if pool.last_update_success and not pool.data.account_known:
            return {ATTR_REASON: _NO_DATA}
        key = pool.reason_key
        if key == "problem":
            # The words of a user's driver
            return {ATTR_REASON: key, ATTR_DETAIL: str(pool.reason)}
        return {ATTR_REASON: key}


class PoolProblemSensor(AlwaysAvailable, PoolEntity, BinarySensorEntity):
    """Whether anything is wrong with the account, also that its pool is down."""

    @property
    @override
    def is_on(self) -> bool:
        return bool(self.coordinator.status.active)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        status = self.coordinator.status
        return {"problems": list(status.active), ATTR_SINCE: status.problem.at}


class FleetProblemSensor(FleetEntity, BinarySensorEntity):
    """Whether anything is wrong with any miner or pool."""

    @property
    @override
    def is_on(self) -> bool | None:
        data = self.coordinator.data
        return bool(data.problems) if data.complete else None


class PoolStratumSensor(AlwaysAvailable, PoolEntity, BinarySensorEntity):
    """Whether miners can connect, which the pool's figures do not report."""

    @property
    @override
    def is_on(self) -> bool:
        return self.coordinator.stratum_latency is not None


class WorkerOnlineSensor(WorkerEntity, BinarySensorEntity):
    """Whether a worker mines; one that the pool lists no more does not."""

    def __init__(
        self,
        coordinator: PoolCoordinator,
        worker_id: str,
        description: BinarySensorEntityDescription,
    ) -> None:
        """Start without knowing since when."""
        super().__init__(coordinator, worker_id, description)
        self._since = Since()

    @property
    @override
    def available(self) -> bool:
        return super().available or (
            self.coordinator.last_update_success and self.coordinator.workers.reported
        )

    @property
    @override
    def is_on(self) -> bool | None:
        return False if self.worker is None else self.worker.online

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        worker = self.worker
        reason = "not_listed" if worker is None else _DOING[worker.online]
        self._since.set(self.is_on, reason, dt_util.utcnow())
        return {ATTR_REASON: reason, ATTR_SINCE: self._since.at}
