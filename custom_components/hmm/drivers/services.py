"""Actions of drivers, for administrators: list, reload, customise."""

import os
from pathlib import Path

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_admin_service
import voluptuous as vol

from ..const import CONF_DRIVER, DOMAIN
from ..data import get_data
from ..driver_manager.driver_store import DriverStore, StoreError, driver_file_name
from .list_json import list_drivers, reload_report
from .manager import id_of

SERVICE_CUSTOMISE_DRIVER = "customise_driver"
SERVICE_LIST_DRIVERS = "list_drivers"
SERVICE_RELOAD_DRIVERS = "reload_drivers"

CUSTOMISE_DRIVER_SCHEMA = vol.Schema({vol.Required(CONF_DRIVER): cv.string})
LIST_DRIVERS_SCHEMA = vol.Schema({})
RELOAD_DRIVERS_SCHEMA = vol.Schema({})


@callback
def async_setup_driver_services(hass: HomeAssistant) -> None:
    """Register the actions."""
    manager = get_data(hass).driver_manager

    async def list_(call: ServiceCall) -> ServiceResponse:
        return list_drivers(hass)

    async def reload(call: ServiceCall) -> ServiceResponse:
        report = await manager.async_reload()
        return reload_report(manager, report) if call.return_response else None

    async def customise(call: ServiceCall) -> ServiceResponse:
        path = await _async_customise(hass, call.data[CONF_DRIVER])
        report = await manager.async_reload()
        if not call.return_response:
            return None
        return {"file": manager.name_of(path), **reload_report(manager, report)}

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


async def _async_customise(hass: HomeAssistant, name: str) -> Path:
    """Copy a bundled driver to where the user can edit it; return where.

    ``name`` is its type, as ``bitaxe`` or ``miner/bitaxe``.
    """
    manager = get_data(hass).driver_manager
    bundled = next(
        (
            driver
            for id_, driver in manager.bundled.items()
            if name in (id_.driver_type, str(id_))
        ),
        None,
    )
    if bundled is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_bundled_driver",
            translation_placeholders={
                "driver": name,
                "drivers": ", ".join(
                    sorted(id_.driver_type for id_ in manager.bundled)
                ),
            },
        )
    id_ = id_of(bundled)
    target = manager.folder / f"{id_.kind}_drivers" / driver_file_name(id_.driver_type)
    for driver in manager.drivers:
        if id_of(driver) == id_ and not driver.bundled:
            target = driver.path
    try:
        await hass.async_add_executor_job(
            _copy, DriverStore(manager.folder), bundled.path, target
        )
    except FileExistsError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="driver_file_exists",
            translation_placeholders={"file": manager.name_of(target)},
        ) from err
    except StoreError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="cannot_write_driver",
            translation_placeholders={
                "file": manager.name_of(target),
                "reason": str(err),
            },
        ) from err
    return target


def _copy(store: DriverStore, source: Path, target: Path) -> None:
    """Write a new file; an old one is never written over."""
    if os.path.lexists(target):
        raise FileExistsError(target)
    store.write(target, source.read_bytes())
