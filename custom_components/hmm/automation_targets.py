"""Which of the entities that an automation names are the ones a trigger is about."""

from collections.abc import Container
from typing import Any, ClassVar

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN, EntryType
from .data import entry_kind, fleet_entry
from .unique_ids import device_id_of


class OfHmm:
    """A trigger or condition about entities of HMM; mixed into one of Home Assistant."""

    _hass: HomeAssistant
    _target: dict[str, Any]
    _primary_entities_only: ClassVar[bool] = False

    @property
    def _keys(self) -> Container[str | None]:
        """Return the translation keys of the entities that it is about."""
        raise NotImplementedError

    def entity_filter(self, entities: set[str]) -> set[str]:
        """Return those of the entities that it is about.

        Home Assistant filters a target by domain and device class alone: a device may
        have entities of other integrations too. Like in an action, any entity of a
        miner stands for it, and the device of the fleet means all miners, and all
        blocks and strategies; workers are those miners again.
        """
        hass, registry = self._hass, er.async_get(self._hass)
        fleet = fleet_entry(hass)
        named = self._target.get(ATTR_DEVICE_ID) or ()
        if fleet is not None and device_id_of(hass, fleet) in named:
            entities = entities | {
                entity.entity_id
                for entry in hass.config_entries.async_entries(DOMAIN)
                for entity in er.async_entries_for_config_entry(
                    registry, entry.entry_id
                )
                if entity.domain == EVENT_DOMAIN or entry_kind(entry) != EntryType.POOL
            }
        for entity_id in self._target.get(ATTR_ENTITY_ID) or ():
            named_entity = registry.async_get(entity_id)
            if named_entity is not None and named_entity.device_id is not None:
                entities = entities | {
                    entity.entity_id
                    for entity in er.async_entries_for_device(
                        registry, named_entity.device_id
                    )
                }
        fitting: set[str] = super().entity_filter(entities)  # type: ignore[misc]
        return {
            entity_id
            for entity_id in fitting
            if (entry := registry.async_get(entity_id)) is not None
            and entry.platform == DOMAIN
            and entry.translation_key in self._keys
        }
