"""Actions: on many miners at once, and what the pools say as data.

Each needs the right of what it does: ``set_mode`` and ``set_pool`` control of the
miners, credentials an administrator, the tiles the right to read the entities that
show the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from homeassistant.const import (
    ATTR_CONFIG_ENTRY_ID,
    ATTR_MODE,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
)
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_extract_config_entry_ids
import voluptuous as vol

from .action_schema import action_schema
from .const import DOMAIN
from .data import get_data
from .errors import listed, message
from .fleet.tiles_json import platform_tiles, pool_tiles
from .miner.coordinator import MinerCoordinator
from .pool.stratum_user import USUAL_PASSWORD, StratumPool, stratum_of
from .rights import async_require_admin, async_user, require_control
from .select import MODE, POOL

SERVICE_GET_PLATFORM_TILES = "get_platform_tiles"
SERVICE_GET_POOL_TILES = "get_pool_tiles"
SERVICE_SET_MODE = "set_mode"
SERVICE_SET_POOL = "set_pool"

CONF_POOL = "pool"

GET_PLATFORM_TILES_SCHEMA = action_schema({})
GET_POOL_TILES_SCHEMA = action_schema({vol.Optional(ATTR_CONFIG_ENTRY_ID): cv.string})
# What a schema refuses is reported in English: only what its form cannot send is left
# to it
SET_MODE_SCHEMA = action_schema(
    {
        vol.Required(ATTR_MODE): vol.All(
            cv.ensure_list, vol.Length(min=1), [cv.string]
        ),
        **cv.TARGET_SERVICE_FIELDS,
    }
)
SET_POOL_SCHEMA = action_schema(
    {
        vol.Optional(CONF_POOL): cv.string,
        vol.Optional(CONF_URL): cv.string,
        vol.Optional(CONF_USERNAME): cv.string,
        vol.Optional(CONF_PASSWORD): cv.string,
        **cv.TARGET_SERVICE_FIELDS,
    }
)


def _require_one_pool(data: Mapping[str, Any]) -> None:
    """Raise unless a pool is given by its entry or by its credentials, not both."""
    credentials = data.keys() & {CONF_URL, CONF_USERNAME, CONF_PASSWORD}
    if CONF_POOL in data:
        is_one = not credentials
    else:
        is_one = credentials >= {CONF_URL, CONF_USERNAME}
    if not is_one:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="pool_or_credentials"
        )


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def set_mode(call: ServiceCall) -> ServiceResponse:
        wanted: list[str] = call.data[ATTR_MODE]

        async def run(miner: MinerCoordinator) -> None:
            modes = miner.profile.modes if miner.profile else ()
            mode = next((name for name in wanted if name in modes), None)
            if not modes:
                raise ServiceValidationError(
                    translation_domain=DOMAIN,
                    translation_key="modes_missing",
                    translation_placeholders={"host": miner.config_entry.title},
                )
            if mode is None:
                raise ServiceValidationError(
                    translation_domain=DOMAIN,
                    translation_key="unknown_mode",
                    translation_placeholders={
                        "mode": ", ".join(wanted),
                        "modes": ", ".join(modes),
                    },
                )
            await miner.async_set_mode(mode)

        return await _run_on_targets(call, MODE.key, run)

    async def set_pool(call: ServiceCall) -> ServiceResponse:
        _require_one_pool(call.data)
        if CONF_POOL in call.data:
            pool = stratum_of(get_data(hass).fleet.pools, call.data[CONF_POOL])
        else:
            await async_require_admin(hass, call.context)
            pool = StratumPool(
                url=call.data[CONF_URL],
                user=call.data[CONF_USERNAME],
                password=call.data.get(CONF_PASSWORD, USUAL_PASSWORD),
            )

        async def run(miner: MinerCoordinator) -> None:
            if miner.profile is None or not miner.profile.set_pool:
                raise ServiceValidationError(
                    translation_domain=DOMAIN, translation_key="no_set_pool"
                )
            await miner.async_command(
                miner.client.set_pool(pool.url, pool.user_of(miner), pool.password)
            )

        return await _run_on_targets(call, POOL.key, run)

    async def get_platform_tiles(call: ServiceCall) -> ServiceResponse:
        return platform_tiles(hass, await async_user(hass, call.context))

    async def get_pool_tiles(call: ServiceCall) -> ServiceResponse:
        pools = pool_tiles(hass, await async_user(hass, call.context))
        if (pool_id := call.data.get(ATTR_CONFIG_ENTRY_ID)) is None:
            return {**pools}
        if pool_id not in pools:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="unknown_pool",
                translation_placeholders={"pool_id": pool_id},
            )
        return {pool_id: pools[pool_id]}

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
    hass.services.async_register(
        DOMAIN,
        SERVICE_SET_MODE,
        set_mode,
        schema=SET_MODE_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    hass.services.async_register(
        DOMAIN,
        SERVICE_SET_POOL,
        set_pool,
        schema=SET_POOL_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )


async def _run_on_targets(
    call: ServiceCall,
    select: str,
    run: Callable[[MinerCoordinator], Awaitable[None]],
) -> ServiceResponse:
    """Run on every targeted miner at the same time and report for each.

    ``select`` is the key of the select entity that does the same: nothing is run if
    the user may not control that of all of them. Raises when any failed, after all
    were tried; with a response wanted, the report says which.
    """
    entry_ids = await async_extract_config_entry_ids(call)
    fleet = get_data(call.hass).fleet
    miners = [miner for id_, miner in fleet.miners.items() if id_ in entry_ids]
    if not miners:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_miners_targeted"
        )
    user = await async_user(call.hass, call.context)
    for miner in miners:
        require_control(call.hass, user, miner.config_entry, select)

    async def attempt(miner: MinerCoordinator) -> HomeAssistantError | None:
        try:
            await run(miner)
        except HomeAssistantError as err:
            return err
        return None

    results = await asyncio.gather(*(attempt(miner) for miner in miners))
    if not call.return_response:
        failed = [
            (miner, err)
            for miner, err in zip(miners, results, strict=True)
            if err is not None
        ]
        if len(miners) == 1 and failed:
            raise failed[0][1]
        if failed:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="some_failed",
                translation_placeholders={
                    "failed": listed(
                        call.hass,
                        ((miner.config_entry.title, err) for miner, err in failed),
                    ),
                },
            )
        return None
    report: list[Any] = [
        {
            "device": miner.config_entry.title,
            "success": err is None,
            "error": None if err is None else message(call.hass, err),
        }
        for miner, err in zip(miners, results, strict=True)
    ]
    return {"miners": report}
