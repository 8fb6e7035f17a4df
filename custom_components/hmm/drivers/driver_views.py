"""The drivers over HTTP, at the addresses that HMM-Local and its plans had.

Administrators only: drivers are programs.
"""

from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Any, Final

from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util.json import JsonObjectType

from ..const import CONF_DRIVER
from ..data import get_data
from ..driver_engine.faults import why
from ..errors import message
from ..routes import Call, Route, RouteError, Run
from .actions import (
    CONF_CATEGORY,
    INSTALL,
    ROLL_BACK,
    Data,
    Deed,
    check,
    list_,
    reload,
    remove,
    update,
    update_all,
)
from .driver_shapes import (
    DriverDone,
    DriverList,
    DriverNotDone,
    DriverRow,
    DriversDone,
    DriverToConfirm,
    Reloaded,
    ToInstall,
    WhichVersion,
)
from .service import DriverService
from .updates_json import result_json, update_json, update_states

_NOT_FOUND = {
    "driver_none": "driver_unknown",
    "driver_unknown": "driver_unknown",
    "no_bundled_driver": "unknown_driver",
}
"""The errors of drivers that do not exist, with their codes."""


async def _status(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    return {"drivers": update_states(hass)}


async def _install_bundled(
    hass: HomeAssistant, service: DriverService, data: Data
) -> JsonObjectType:
    result = await service.async_install_bundled(data[CONF_DRIVER], data[CONF_CATEGORY])
    if result.old_version is not None:
        return update_json(hass, result)
    return result_json(hass, result, why("driver_installed", driver=result.name))


def _do(deed: Deed) -> Run:
    """Return what does something; what stands in the address is data of it."""

    async def run(call: Call) -> Any:
        data = {**call.data, **call.path}
        try:
            return await deed(call.hass, get_data(call.hass).driver_service, data)
        except HomeAssistantError as err:
            raise _failed(call.hass, data, err) from err

    return run


def _rows(deed: Deed) -> Run:
    """Return what does something and answers with the list of drivers alone."""
    run = _do(deed)

    async def rows(call: Call) -> Any:
        return (await run(call))["drivers"]

    return rows


def _checked(route: Route, schema: Any) -> Route:
    """Return a route whose data are also checked as those of the action are."""

    async def run(call: Call) -> Any:
        checked = schema({**call.data, **call.path})
        return await route.run(replace(call, data=checked, path={}))

    return replace(route, run=run)


def _failed(
    hass: HomeAssistant, data: Mapping[str, Any], err: HomeAssistantError
) -> RouteError:
    key = err.translation_key
    if key in _NOT_FOUND:
        status = HTTPStatus.NOT_FOUND
    elif isinstance(err, ServiceValidationError):
        status = HTTPStatus.BAD_REQUEST
    else:
        status = HTTPStatus.INTERNAL_SERVER_ERROR
    return RouteError(
        status,
        _NOT_FOUND.get(key, key) if key else None,
        message(hass, err),
        success=False,
        driver_name=data.get(CONF_DRIVER) or data.get(CONF_URL),
        old_version=None,
        new_version=None,
    )


def _get(path: str, summary: str, run: Run, answer: Any) -> Route:
    return Route(
        method="get",
        paths=(f"/drivers{path}",),
        summary=summary,
        run=run,
        answer=answer,
        is_for_admins=True,
    )


def _post(
    *paths: str, summary: str, deed: Deed, answer: Any, body: Any = None
) -> Route:
    return Route(
        method="post",
        paths=tuple(f"/drivers{path}" for path in paths),
        summary=summary,
        run=_do(deed),
        answer=answer,
        body=body,
        is_for_admins=True,
        errors=(HTTPStatus.NOT_FOUND, HTTPStatus.INTERNAL_SERVER_ERROR),
        error=DriverNotDone,
    )


DRIVER_ROUTES: Final = (
    _get("", "All drivers, and the files that failed", _do(list_), DriverList),
    _get(
        "/status",
        "The versions of all drivers, as of the last check",
        _rows(_status),
        list[DriverRow],
    ),
    _get(
        "/check-updates",
        "The same, after a check of all sources",
        _rows(check),
        list[DriverRow],
    ),
    _post(
        "/update/{driver}",
        "/update/{category}/{driver}",
        summary="Install the update of a driver",
        deed=update,
        answer=DriverDone,
    ),
    _post(
        "/update-all",
        summary="Check all sources and install all updates",
        deed=update_all,
        answer=DriversDone,
    ),
    _checked(
        _post(
            "/install",
            summary="Download a driver, which a repair then asks about",
            deed=INSTALL.run,
            answer=DriverToConfirm,
            body=ToInstall,
        ),
        INSTALL.schema,
    ),
    _post(
        "/install/{category}/{driver}",
        summary="Copy a bundled driver, to edit it",
        deed=_install_bundled,
        answer=DriverDone,
    ),
    _checked(
        _post(
            "/rollback/{driver}",
            summary="Restore an earlier version of a driver",
            deed=ROLL_BACK.run,
            answer=DriverDone,
            body=WhichVersion,
        ),
        ROLL_BACK.schema,
    ),
    _post(
        "/remove/{driver}",
        summary="Move a driver to the backups",
        deed=remove,
        answer=DriverDone,
    ),
    _post(
        "/reload",
        summary="Load what has changed",
        deed=reload,
        answer=Reloaded,
    ),
)
