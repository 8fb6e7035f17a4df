"""Which of the entities that an automation names are the ones a trigger is about."""

from collections.abc import Container

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN


@callback
def entities_of(
    hass: HomeAssistant, entity_ids: set[str], keys: Container[str | None]
) -> set[str]:
    """Return the entities of HMM whose translation key is one of ``keys``.

    Home Assistant filters a target by domain and device class alone: a device may
    have entities of other integrations too.
    """
    registry = er.async_get(hass)
    return {
        entity_id
        for entity_id in entity_ids
        if (entry := registry.async_get(entity_id)) is not None
        and entry.platform == DOMAIN
        and entry.translation_key in keys
    }
