"""What all entities of HMM have in common."""

from collections.abc import Callable, Iterable
from typing import Any

from homeassistant.core import callback
from homeassistant.helpers.device_registry import (
    CONNECTION_NETWORK_MAC,
    DeviceEntryType,
    DeviceInfo,
)
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import (
    CoordinatorEntity,
    DataUpdateCoordinator,
)

from .const import CONF_COIN, CONF_DRIVER, DOMAIN
from .coordinator import MinerCoordinator, PoolCoordinator
from .hub import HubCoordinator


class MinerEntity(CoordinatorEntity[MinerCoordinator]):
    """An entity of a miner."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: MinerCoordinator, description: EntityDescription
    ) -> None:
        """Attach to the miner's device."""
        super().__init__(coordinator)
        self.entity_description = description
        entry = coordinator.config_entry
        identity = entry.unique_id or entry.entry_id
        self._attr_unique_id = f"{identity}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={(DOMAIN, identity)}, name=entry.title
        )
        if (profile := coordinator.profile) is None:
            return
        facts = profile.facts
        self._attr_device_info.update(
            DeviceInfo(
                connections={(CONNECTION_NETWORK_MAC, facts.mac)}
                if facts.mac
                else set(),
                configuration_url=facts.configuration_url,
                hw_version=facts.hardware,
                manufacturer=facts.manufacturer,
                model=facts.model,
                serial_number=facts.serial,
                sw_version=facts.firmware,
            )
        )


class PoolEntity(CoordinatorEntity[PoolCoordinator]):
    """An entity of a pool account."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: PoolCoordinator, description: EntityDescription
    ) -> None:
        """Attach to the account's device."""
        super().__init__(coordinator)
        self.entity_description = description
        entry = coordinator.config_entry
        identity = entry.unique_id or entry.entry_id
        self._attr_unique_id = f"{identity}_{description.key}"
        self._attr_device_info = DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers={(DOMAIN, identity)},
            manufacturer=coordinator.driver.display_name or entry.data[CONF_DRIVER],
            model=entry.data[CONF_COIN],
            name=entry.title,
            configuration_url=coordinator.driver.documentation_url,
        )


class HubEntity(CoordinatorEntity[HubCoordinator]):
    """An entity of the whole fleet."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: HubCoordinator, description: EntityDescription
    ) -> None:
        """Attach to the hub's device."""
        super().__init__(coordinator)
        self.entity_description = description
        entry = coordinator.config_entry
        identity = entry.unique_id or entry.entry_id
        self._attr_unique_id = f"{identity}_{description.key}"
        self._attr_device_info = DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers={(DOMAIN, identity)},
            manufacturer="HMM",
            name=entry.title,
        )


@callback
def async_add_offered[
    CoordinatorT: DataUpdateCoordinator[Any],
    DescriptionT: EntityDescription,
](
    coordinator: CoordinatorT,
    descriptions: Iterable[DescriptionT],
    exists_fn: Callable[[DescriptionT, CoordinatorT], bool],
    factory: Callable[[CoordinatorT, DescriptionT], Entity],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add an entity for all that a device offers, now and when it learns more.

    A new firmware may bring a pause, the first job a network difficulty.
    """
    missing = list(descriptions)

    @callback
    def add_offered() -> None:
        offered = [d for d in missing if exists_fn(d, coordinator)]
        if offered:
            missing[:] = [d for d in missing if d not in offered]
            async_add_entities(factory(coordinator, d) for d in offered)

    add_offered()
    assert coordinator.config_entry is not None
    coordinator.config_entry.async_on_unload(
        coordinator.async_add_listener(add_offered)
    )
