"""Actions of drivers, for administrators: list, reload, customise."""

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
import voluptuous as vol

from ..action_schema import action_schema
from ..const import CONF_DRIVER, DOMAIN
from ..data import get_data
from .customise import async_customise, async_reload
from .list_json import list_drivers, reload_report

SERVICE_CUSTOMISE_DRIVER = "customise_driver"
SERVICE_LIST_DRIVERS = "list_drivers"
SERVICE_RELOAD_DRIVERS = "reload_drivers"

CUSTOMISE_DRIVER_SCHEMA = action_schema({vol.Required(CONF_DRIVER): cv.string})
LIST_DRIVERS_SCHEMA = action_schema({})
RELOAD_DRIVERS_SCHEMA = action_schema({})


@callback
def async_setup_driver_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    manager = get_data(hass).driver_manager

    async def list_(call: ServiceCall) -> ServiceResponse:
        return list_drivers(hass)

    async def reload(call: ServiceCall) -> ServiceResponse:
        report = await async_reload(hass)
        return reload_report(hass, manager, report) if call.return_response else None

    async def customise(call: ServiceCall) -> ServiceResponse:
        path, report = await async_customise(hass, call.data[CONF_DRIVER])
        if not call.return_response:
            return None
        return {"file": manager.name_of(path), **reload_report(hass, manager, report)}

    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_LIST_DRIVERS,
        list_,
        schema=LIST_DRIVERS_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_RELOAD_DRIVERS,
        reload,
        schema=RELOAD_DRIVERS_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
    async_register_admin_service(
        hass,
        DOMAIN,
        SERVICE_CUSTOMISE_DRIVER,
        customise,
        schema=CUSTOMISE_DRIVER_SCHEMA,
        supports_response=SupportsResponse.OPTIONAL,
    )
