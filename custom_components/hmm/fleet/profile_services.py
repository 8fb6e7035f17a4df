"""Actions on profiles themselves: nothing is sent to a miner."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.const import CONF_NAME
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
import voluptuous as vol

from ..action_schema import action_schema
from ..const import DOMAIN
from ..errors import refusal
from ..miner.coordinator import MinerCoordinator
from ..miner.profiles import TuningProfile
from ..miner.tuning import MinerTuning
from ..rights import async_require_admin, async_user, require_read
from ..unique_ids import device_id_of
from .commands import CONF_PROFILE
from .services import Target, async_targets

SERVICE_DELETE_PROFILE: Final = "delete_profile"
SERVICE_GET_TUNING: Final = "get_tuning"
SERVICE_RENAME_PROFILE: Final = "rename_profile"

DELETE_PROFILE_SCHEMA = action_schema(
    {vol.Required(CONF_PROFILE): cv.string, **cv.TARGET_SERVICE_FIELDS}
)
GET_TUNING_SCHEMA = action_schema({**cv.TARGET_SERVICE_FIELDS})
RENAME_PROFILE_SCHEMA = action_schema(
    {
        vol.Required(CONF_PROFILE): cv.string,
        vol.Required(CONF_NAME): cv.string,
        **cv.TARGET_SERVICE_FIELDS,
    }
)


@callback
def async_setup_profile_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def delete(call: ServiceCall) -> None:
        for tuning, profile in await _async_profiles(call):
            tuning.delete(profile)

    async def rename(call: ServiceCall) -> None:
        for tuning, profile in await _async_profiles(call):
            await tuning.async_rename(profile, call.data[CONF_NAME])

    async def get_tuning(call: ServiceCall) -> ServiceResponse:
        user = await async_user(hass, call.context)
        targets = await async_targets(call)
        for target in targets:
            require_read(hass, user, target.entry, target.entry.title)
        return {
            "miners": [_as_json(hass, target) for target in targets if target.miner]
        }

    handlers: Mapping[str, tuple[Callable[..., Any], vol.All, SupportsResponse]] = {
        SERVICE_DELETE_PROFILE: (delete, DELETE_PROFILE_SCHEMA, SupportsResponse.NONE),
        SERVICE_GET_TUNING: (get_tuning, GET_TUNING_SCHEMA, SupportsResponse.ONLY),
        SERVICE_RENAME_PROFILE: (rename, RENAME_PROFILE_SCHEMA, SupportsResponse.NONE),
    }
    for name, (handler, schema, response) in handlers.items():
        hass.services.async_register(
            DOMAIN, name, handler, schema=schema, supports_response=response
        )


async def _async_profiles(call: ServiceCall) -> list[tuple[MinerTuning, TuningProfile]]:
    """Return the profile that a call means, once for each model of its targets.

    It belongs to all miners of a model, so that only administrators may change it.
    """
    await async_require_admin(call.hass, call.context)
    name = call.data[CONF_PROFILE]
    profiles: dict[str, tuple[MinerTuning, TuningProfile]] = {}
    for target in await async_targets(call):
        if target.miner and (profile := target.miner.tuning.find(name)):
            profiles[profile.id] = target.miner.tuning, profile
    if not profiles:
        raise refusal("profile_unknown", profile=name)
    return [*profiles.values()]


def _as_json(hass: HomeAssistant, target: Target) -> dict[str, Any]:
    assert target.miner is not None
    tuning = target.miner.tuning
    return {
        "device": target.entry.title,
        "device_id": device_id_of(hass, target.entry),
        "model": tuning.model,
        "profiles": [
            {
                "name": profile.name,
                "source": profile.source,
                "settings": profile.settings,
                "measured": profile.measured,
            }
            for profile in tuning.profiles
        ],
        "own_point": tuning.own_point,
        "autotune": _autotune(target.miner),
    }


def _autotune(miner: MinerCoordinator) -> dict[str, Any]:
    autotune = miner.autotune
    assert autotune is not None
    return {
        "state": autotune.record.state,
        "reason": autotune.record.reason,
        "step": None,
        "steps": None,
        **(autotune.progress or {}),
        "points": autotune.points,
    }
