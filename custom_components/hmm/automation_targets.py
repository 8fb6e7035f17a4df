"""Which of the entities that an automation names are the ones a trigger is about."""

from collections.abc import Container
from typing import Any, ClassVar

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN, EntryType
from .data import entry_kind
from .unique_ids import named_devices, names_fleet


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
        miner stands for it, and the fleet means all miners, and all blocks and
        strategies; workers are those miners again.
        """
        hass, registry = self._hass, er.async_get(self._hass)
        entities = entities | {
            entity.entity_id
            for device_id in named_devices(hass, self._target)
            for entity in er.async_entries_for_device(registry, device_id)
        }
        if names_fleet(hass, self._target):
            entities |= {
                entity.entity_id
                for entry in hass.config_entries.async_entries(DOMAIN)
                for entity in er.async_entries_for_config_entry(
                    registry, entry.entry_id
                )
                if entity.domain == EVENT_DOMAIN or entry_kind(entry) != EntryType.POOL
            }
        fitting: set[str] = super().entity_filter(entities)  # type: ignore[misc]
        return {
            entity_id
            for entity_id in fitting
            if (entry := registry.async_get(entity_id)) is not None
            and entry.platform == DOMAIN
            and entry.translation_key in self._keys
        }
