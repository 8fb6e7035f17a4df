"""Actions that return what the pools report, and what they did, as data.

Each needs the right to read the entities that show the same.
"""

from datetime import timedelta
from typing import cast

from homeassistant.auth.models import User
from homeassistant.const import ATTR_CONFIG_ENTRY_ID
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from .action_schema import action_schema
from .const import DOMAIN
from .data import HmmConfigEntry, pool_entries
from .errors import refusal
from .fleet.tiles_json import platform_tiles, pool_tiles
from .pool.statistics import compare_pools, pool_history
from .rights import async_user, may_read

SERVICE_GET_PLATFORM_TILES = "get_platform_tiles"
SERVICE_GET_POOL_TILES = "get_pool_tiles"

SERVICE_COMPARE_POOLS = "compare_pools"
SERVICE_GET_POOL_HISTORY = "get_pool_history"

CONF_DAYS = "days"
CONF_PERIOD = "period"

MAX_DAYS = 366
MAX_DAYS_BY_HOUR = 31

GET_PLATFORM_TILES_SCHEMA = action_schema({})
GET_POOL_TILES_SCHEMA = action_schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})

_DAYS = vol.All(
    vol.Coerce(float),
    vol.Range(min=1 / 24, max=MAX_DAYS, msg=f"Must be from an hour to {MAX_DAYS} days"),
)
COMPARE_POOLS_SCHEMA = action_schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(CONF_DAYS, default=7): _DAYS,
    }
)
GET_POOL_HISTORY_SCHEMA = action_schema(
    {
        vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string,
        vol.Optional(CONF_DAYS, default=30): _DAYS,
        vol.Optional(CONF_PERIOD, default="day"): vol.In(("hour", "day")),
    }
)


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
            raise refusal("unknown_pool", pool_id=pool_id)
        return cast("JsonObjectType", {pool_id: pools[pool_id]})

    async def compare(call: ServiceCall) -> ServiceResponse:
        entries = _readable(hass, await async_user(hass, call.context), call)
        period = timedelta(days=call.data[CONF_DAYS])
        pools = await compare_pools(hass, entries, period)
        return cast("JsonObjectType", {"pools": pools})

    async def get_pool_history(call: ServiceCall) -> ServiceResponse:
        entries = _readable(hass, await async_user(hass, call.context), call)
        days, span = call.data[CONF_DAYS], call.data[CONF_PERIOD]
        if span == "hour" and days > MAX_DAYS_BY_HOUR:
            raise refusal("too_many_hours", days=str(MAX_DAYS_BY_HOUR))
        pools = await pool_history(hass, entries, timedelta(days=days), span)
        return cast("JsonObjectType", {"pools": pools})

    for name, run, schema in (
        (SERVICE_COMPARE_POOLS, compare, COMPARE_POOLS_SCHEMA),
        (SERVICE_GET_PLATFORM_TILES, get_platform_tiles, GET_PLATFORM_TILES_SCHEMA),
        (SERVICE_GET_POOL_HISTORY, get_pool_history, GET_POOL_HISTORY_SCHEMA),
        (SERVICE_GET_POOL_TILES, get_pool_tiles, GET_POOL_TILES_SCHEMA),
    ):
        hass.services.async_register(
            DOMAIN, name, run, schema=schema, supports_response=SupportsResponse.ONLY
        )


@callback
def _readable(
    hass: HomeAssistant, user: User | None, call: ServiceCall
) -> list[HmmConfigEntry]:
    """Return the accounts that are meant, of those that a user may read.

    Raises ServiceValidationError: there is no such account.
    """
    entries = [entry for entry in pool_entries(hass) if may_read(hass, user, entry)]
    if (pool_id := call.data.get(ATTR_CONFIG_ENTRY_ID)) is None:
        return entries
    if not (meant := [entry for entry in entries if entry.entry_id == pool_id]):
        raise refusal("unknown_pool", pool_id=pool_id)
    return meant
