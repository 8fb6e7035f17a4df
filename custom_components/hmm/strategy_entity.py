"""What all entities of strategies have in common."""

from collections.abc import Callable, Iterable
from typing import override

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .data import get_data
from .fleet.coordinator import FleetConfigEntry
from .strategy.manager import StrategyManager
from .strategy.strategy import Strategy


class StrategyEntity(Entity):
    """An entity of a strategy's device; known by the id of its subentry."""

    _attr_has_entity_name = True
    _attr_should_poll = False

    def __init__(
        self,
        manager: StrategyManager,
        strategy: Strategy,
        description: EntityDescription,
    ) -> None:
        """Attach to the device of the strategy."""
        self.entity_description = description
        self.manager = manager
        self.strategy = strategy
        self._attr_unique_id = f"{strategy.id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            entry_type=DeviceEntryType.SERVICE,
            identifiers={(DOMAIN, strategy.id)},
            manufacturer="HMM",
            model=_kind_name(manager.hass, strategy.kind),
            model_id=None,
            name=strategy.title,
            via_device_id=manager.fleet_device_id,
        )

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        self.async_on_remove(self.strategy.async_add_listener(self._show))

    @callback
    def _show(self) -> None:
        """Write the state; Home Assistant leaves out what has not changed."""
        self.async_write_ha_state()


@callback
def _kind_name(hass: HomeAssistant, kind: str) -> str | None:
    """Return what a kind of strategy is called where it is added."""
    texts = async_get_cached_translations(
        hass, hass.config.language, "config_subentries", DOMAIN
    )
    return texts.get(f"component.{DOMAIN}.config_subentries.{kind}.entry_type")


@callback
def async_add_strategies(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    make: Callable[[StrategyManager, Strategy], Iterable[Entity]],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the entities of each strategy, now and as strategies come."""
    manager = get_data(hass).strategies

    @callback
    def add(strategy: Strategy) -> None:
        async_add_entities(make(manager, strategy), config_subentry_id=strategy.id)

    entry.async_on_unload(manager.async_add_new_listener(add))
