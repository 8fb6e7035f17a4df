"""Actions that return what the pools say as data.

Each needs the right to read the entities that show the same.
"""

from typing import cast

from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .action_schema import action_schema
from .const import DOMAIN
from .fleet.tiles_json import platform_tiles, pool_tiles
from .rights import async_user

SERVICE_GET_PLATFORM_TILES = "get_platform_tiles"
SERVICE_GET_POOL_TILES = "get_pool_tiles"

GET_PLATFORM_TILES_SCHEMA = action_schema({})
GET_POOL_TILES_SCHEMA = action_schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def get_platform_tiles(call: ServiceCall) -> ServiceResponse:
        tiles = platform_tiles(hass, await async_user(hass, call.context))
        return cast("JsonObjectType", tiles)

    async def get_pool_tiles(call: ServiceCall) -> ServiceResponse:
        pools = pool_tiles(hass, await async_user(hass, call.context))
        if (pool_id := call.data.get(ATTR_CONFIG_ENTRY_ID)) is None:
            return cast("JsonObjectType", pools)
        if pool_id not in pools:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="unknown_pool",
                translation_placeholders={"pool_id": pool_id},
            )
        return cast("JsonObjectType", {pool_id: pools[pool_id]})

    hass.services.async_register(
        DOMAIN,
        SERVICE_GET_PLATFORM_TILES,
        get_platform_tiles,
        schema=GET_PLATFORM_TILES_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
    hass.services.async_register(
        DOMAIN,
        SERVICE_GET_POOL_TILES,
        get_pool_tiles,
        schema=GET_POOL_TILES_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
