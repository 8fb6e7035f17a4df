"""What all entities of HMM have in common."""

from collections.abc import Callable, Iterable
from typing import Any, override

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


class HmmEntity[CoordinatorT: DataUpdateCoordinator[Any]](
    CoordinatorEntity[CoordinatorT]
):
    """An entity of an entry's device; both are known by the entry's unique id."""

    _attr_has_entity_name = True

    def __init__(
        self, coordinator: CoordinatorT, description: EntityDescription
    ) -> None:
        """Attach to the device of the coordinator's entry."""
        super().__init__(coordinator)
        self.entity_description = description
        entry = coordinator.config_entry
        assert entry is not None
        identity = entry.unique_id or entry.entry_id
        self._attr_unique_id = f"{identity}_{description.key}"
        self._attr_device_info = self._device({(DOMAIN, identity)}, entry.title)

    def _device(self, identifiers: set[tuple[str, str]], name: str) -> DeviceInfo:
        """Return the device that the entity belongs to."""
        raise NotImplementedError


class MinerEntity(HmmEntity[MinerCoordinator]):
    """An entity of a miner."""

    @override
    def _device(self, identifiers: set[tuple[str, str]], name: str) -> DeviceInfo:
        assert self.coordinator.profile is not None
        facts = self.coordinator.profile.facts
        return DeviceInfo(
            configuration_url=facts.configuration_url,
            connections={(CONNECTION_NETWORK_MAC, facts.mac)} if facts.mac else set(),
            hw_version=facts.hardware,
            identifiers=identifiers,
            manufacturer=facts.manufacturer,
            model=facts.model,
            name=name,
            serial_number=facts.serial,
            sw_version=facts.firmware,
        )


class PoolEntity(HmmEntity[PoolCoordinator]):
    """An entity of a pool account."""

    @override
    def _device(self, identifiers: set[tuple[str, str]], name: str) -> DeviceInfo:
        driver = self.coordinator.driver
        data = self.coordinator.config_entry.data
        return DeviceInfo(
            configuration_url=driver.documentation_url,
            entry_type=DeviceEntryType.SERVICE,
            identifiers=identifiers,
            manufacturer=driver.display_name or data[CONF_DRIVER],
            model=data[CONF_COIN],
            name=name,
        )


class HubEntity(HmmEntity[HubCoordinator]):
    """An entity of the whole fleet."""

    @override
    def _device(self, identifiers: set[tuple[str, str]], name: str) -> DeviceInfo:
        return DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers=identifiers,
            manufacturer="HMM",
            name=name,
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
