"""Which of the entities that an automation names are the ones a trigger is about."""

from collections.abc import Callable, Container
from typing import Any, Protocol

from homeassistant.components.event import DOMAIN as EVENT_DOMAIN
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN, EntryType
from .data import entry_kind, fleet_entry
from .unique_ids import device_id_of


class _Targeting(Protocol):
    """A trigger or condition: what Home Assistant gives it."""

    _hass: HomeAssistant
    _target: dict[str, Any]


@callback
def entities_of(
    about: _Targeting,
    entity_filter: Callable[[set[str]], set[str]],
    entity_ids: set[str],
    keys: Container[str | None],
) -> set[str]:
    """Return the entities of HMM whose translation key is one of ``keys``.

    Home Assistant filters a target by domain and device class alone: a device may
    have entities of other integrations too. The device of the fleet means all miners,
    like in an action, and all blocks and strategies; workers are those miners again.
    """
    hass = about._hass  # noqa: SLF001  part of what a trigger is made of
    registry = er.async_get(hass)
    fleet = fleet_entry(hass)
    named = about._target.get(ATTR_DEVICE_ID) or ()  # noqa: SLF001
    if fleet is not None and device_id_of(hass, fleet) in named:
        entity_ids = entity_ids | {
            entity.entity_id
            for entry in hass.config_entries.async_entries(DOMAIN)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
            if entity.domain == EVENT_DOMAIN or entry_kind(entry) != EntryType.POOL
        }
    return {
        entity_id
        for entity_id in entity_filter(entity_ids)
        if (entry := registry.async_get(entity_id)) is not None
        and entry.platform == DOMAIN
        and entry.translation_key in keys
    }
