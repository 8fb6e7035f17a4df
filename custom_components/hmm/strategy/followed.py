"""The entities that a strategy follows, also when they have been renamed."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er

from .keys import CONF_ENTITY_IDS


@callback
def followed(hass: HomeAssistant, data: Mapping[str, Any], key: str) -> str | None:
    """Return an entity of what is stored of a strategy, as it is called now."""
    registry_id = (data.get(CONF_ENTITY_IDS) or {}).get(key)
    if registry_id is not None:
        entity = er.async_get(hass).entities.get_entry(registry_id)
        if entity is not None:
            return entity.entity_id
    entity_id = data.get(key)
    return entity_id if isinstance(entity_id, str) else None


@callback
def with_present_names(hass: HomeAssistant, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is stored of a strategy with its entities as they are called now."""
    ids = data.get(CONF_ENTITY_IDS) or {}
    return {**data} | {key: followed(hass, data, key) for key in ids}
