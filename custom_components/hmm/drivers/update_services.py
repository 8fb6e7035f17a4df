"""Actions that change driver files, for administrators."""

from typing import Any

from homeassistant.const import CONF_URL
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
import voluptuous as vol

from ..action_schema import action_schema
from ..const import CONF_DRIVER, DOMAIN
from ..driver_engine.faults import why
from ..errors import listed
from .install import async_propose
from .updates import DRIVER_UPDATES
from .updates_json import (
    pending_json,
    result_json,
    update_all_json,
    update_json,
    update_states,
)

SERVICE_CHECK_DRIVER_UPDATES = "check_driver_updates"
SERVICE_INSTALL_DRIVER = "install_driver"
SERVICE_REMOVE_DRIVER = "remove_driver"
SERVICE_ROLLBACK_DRIVER = "rollback_driver"
SERVICE_UPDATE_ALL_DRIVERS = "update_all_drivers"
SERVICE_UPDATE_DRIVER = "update_driver"

CONF_SHA256 = "sha256"
CONF_VERSION = "version"


def sha256(value: Any) -> str:
    """Validate a checksum: 64 hexadecimal digits, in either case."""
    text = cv.matches_regex(r"\s*[0-9A-Fa-f]{64}\s*\Z")(cv.string(value))
    return str(text).strip().lower()


CHECK_DRIVER_UPDATES_SCHEMA = action_schema({})
INSTALL_DRIVER_SCHEMA = action_schema(
    {vol.Required(CONF_URL): cv.string, vol.Required(CONF_SHA256): sha256}
)
REMOVE_DRIVER_SCHEMA = action_schema({vol.Required(CONF_DRIVER): cv.string})
ROLLBACK_DRIVER_SCHEMA = action_schema(
    {vol.Required(CONF_DRIVER): cv.string, vol.Optional(CONF_VERSION): cv.string}
)
UPDATE_ALL_DRIVERS_SCHEMA = action_schema({})
UPDATE_DRIVER_SCHEMA = action_schema({vol.Required(CONF_DRIVER): cv.string})


@callback
def async_setup_driver_update_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    updates = hass.data[DRIVER_UPDATES]

    async def check(call: ServiceCall) -> ServiceResponse:
        await updates.async_check()
        return {"drivers": update_states(hass)} if call.return_response else None

    async def install(call: ServiceCall) -> ServiceResponse:
        pending = await async_propose(hass, call.data[CONF_URL], call.data[CONF_SHA256])
        return pending_json(hass, pending) if call.return_response else None

    async def remove(call: ServiceCall) -> ServiceResponse:
        result = await updates.async_remove(call.data[CONF_DRIVER])
        return result_json(hass, result, why("driver_removed", driver=result.name))

    async def roll_back(call: ServiceCall) -> ServiceResponse:
        result = await updates.async_roll_back(
            call.data[CONF_DRIVER], call.data.get(CONF_VERSION)
        )
        return result_json(hass, result, why("driver_rolled_back", driver=result.name))

    async def update_all(call: ServiceCall) -> ServiceResponse:
        updated, failed = await updates.async_update_all()
        if failed and not call.return_response:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="some_drivers_failed",
                translation_placeholders={
                    "failed": listed(
                        hass, ((str(state.id), err) for state, err in failed)
                    )
                },
            )
        return update_all_json(hass, updated, failed)

    async def update(call: ServiceCall) -> ServiceResponse:
        return update_json(hass, await updates.async_update(call.data[CONF_DRIVER]))

    for name, action, schema in (
        (SERVICE_CHECK_DRIVER_UPDATES, check, CHECK_DRIVER_UPDATES_SCHEMA),
        (SERVICE_INSTALL_DRIVER, install, INSTALL_DRIVER_SCHEMA),
        (SERVICE_REMOVE_DRIVER, remove, REMOVE_DRIVER_SCHEMA),
        (SERVICE_ROLLBACK_DRIVER, roll_back, ROLLBACK_DRIVER_SCHEMA),
        (SERVICE_UPDATE_ALL_DRIVERS, update_all, UPDATE_ALL_DRIVERS_SCHEMA),
        (SERVICE_UPDATE_DRIVER, update, UPDATE_DRIVER_SCHEMA),
    ):
        async_register_admin_service(
            hass,
            DOMAIN,
            name,
            action,
            schema=schema,
            supports_response=SupportsResponse.OPTIONAL,
        )
