"""The drivers over HTTP, at the addresses that HMM-Local and its plans had.

Administrators only: drivers are programs.
"""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from aiohttp import web
from homeassistant.components.http import require_admin
from homeassistant.const import CONF_URL
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from ..const import CONF_DRIVER, DOMAIN
from ..data import get_data
from ..driver_engine.faults import why
from ..errors import message, sentence
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
from .service import DriverService
from .updates_json import result_json, update_json, update_states

_NOT_FOUND = {"driver_unknown": "driver_unknown", "no_bundled_driver": "unknown_driver"}
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """One address below ``/api/hmm/drivers``; what stands in it is data of the deed."""

    name: str
    paths: tuple[str, ...]
    run: Deed
    schema: vol.All | None = None
    """Of the body, together with what stands in the address; None: there is none."""
    rows: bool = False
    """Whether it returns the list of drivers alone."""


_READ = (
    _Route(name="", paths=("",), run=list_),
    _Route(name=":status", paths=("/status",), run=_status, rows=True),
    _Route(name=":check-updates", paths=("/check-updates",), run=check, rows=True),
)
_CHANGE = (
    _Route(
        name=":update",
        paths=("/update/{driver}", "/update/{category}/{driver}"),
        run=update,
    ),
    _Route(name=":update-all", paths=("/update-all",), run=update_all),
    _Route(
        name=":install", paths=("/install",), run=INSTALL.run, schema=INSTALL.schema
    ),
    _Route(
        name=":install-bundled",
        paths=("/install/{category}/{driver}",),
        run=_install_bundled,
    ),
    _Route(
        name=":rollback",
        paths=("/rollback/{driver}",),
        run=ROLL_BACK.run,
        schema=ROLL_BACK.schema,
    ),
    _Route(name=":remove", paths=("/remove/{driver}",), run=remove),
    _Route(name=":reload", paths=("/reload",), run=reload),
)


@callback
def async_register_driver_views(hass: HomeAssistant) -> None:
    """Register the addresses; they stay for as long as Home Assistant runs."""
    for route in _READ:
        hass.http.register_view(_ReadView(route))
    for route in _CHANGE:
        hass.http.register_view(_ChangeView(route))


class _DriverView(HomeAssistantView):
    """One route."""

    def __init__(self, route: _Route) -> None:
        """Serve a route of the tables."""
        self.url, *self.extra_urls = (
            f"/api/{DOMAIN}/drivers{path}" for path in route.paths
        )
        self.name = f"api:{DOMAIN}:drivers{route.name}"
        self._route = route

    async def _respond(self, request: web.Request, given: Data) -> web.Response:
        """Return what came of a deed, as HMM-Local would if it worked."""
        hass, route = request.app[KEY_HASS], self._route
        try:
            data = (
                route.schema({**await _body(request), **given})
                if route.schema
                else given
            )
        except vol.Invalid as err:
            return self._refuse(hass, err)
        try:
            answer = await route.run(hass, get_data(hass).driver_service, data)
        except HomeAssistantError as err:
            return self._failed(hass, data, err)
        return self.json(answer["drivers"] if route.rows else answer)

    def _failed(
        self, hass: HomeAssistant, data: Data, err: HomeAssistantError
    ) -> web.Response:
        key = err.translation_key
        if key in _NOT_FOUND:
            status = HTTPStatus.NOT_FOUND
        elif isinstance(err, ServiceValidationError):
            status = HTTPStatus.BAD_REQUEST
        else:
            status = HTTPStatus.INTERNAL_SERVER_ERROR
        return self.json(
            {
                "success": False,
                "message": message(hass, err),
                "code": _NOT_FOUND.get(key, key) if key else None,
                "driver_name": data.get(CONF_DRIVER) or data.get(CONF_URL),
                "old_version": None,
                "new_version": None,
            },
            status,
        )

    def _refuse(self, hass: HomeAssistant, err: vol.Invalid) -> web.Response:
        """Return which fields of a body are missing or wrong."""
        errors = err.errors if isinstance(err, vol.MultipleInvalid) else [err]
        fields = sorted({str(field) for error in errors for field in error.path[:1]})
        key = "body_field_invalid" if fields else "body_not_object"
        return self.json_message(
            sentence(hass, key, {"fields": ", ".join(fields)[:200]}),
            HTTPStatus.BAD_REQUEST,
            key,
        )


class _ReadView(_DriverView):
    """What changes nothing."""

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return what is known."""
        return await self._respond(request, {})


class _ChangeView(_DriverView):
    """What changes something."""

    @require_admin
    async def post(self, request: web.Request, /, **given: str) -> web.Response:
        """Change it."""
        return await self._respond(request, given)


async def _body(request: web.Request) -> dict[str, Any]:
    """Return the object in the body; raises vol.Invalid if there is something else."""
    if not await request.read():
        return {}
    try:
        body = await request.json()
    except ValueError as err:
        msg = "The body is not JSON"
        raise vol.Invalid(msg) from err
    if not isinstance(body, dict):
        msg = "The body is not an object"
        raise vol.Invalid(msg)
    return body
