"""The drivers over HTTP, at the addresses that HMM-Local and its plans had.

Administrators only: drivers are programs.
"""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any

from aiohttp import web
from homeassistant.components.http import require_admin
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.json import JsonObjectType
import voluptuous as vol

from ..const import CONF_DRIVER, DOMAIN
from ..data import get_data
from ..driver_engine.faults import why
from ..errors import message, sentence
from .customise import known_drivers
from .install import async_propose
from .list_json import list_drivers, reload_report
from .services import SERVICE_CUSTOMISE_DRIVER
from .update_services import INSTALL_DRIVER_SCHEMA, ROLLBACK_DRIVER_SCHEMA
from .updates import DRIVER_UPDATES, DriverResult
from .updates_json import (
    pending_json,
    result_json,
    update_all_json,
    update_json,
    update_states,
)

_UNKNOWN = ("driver_unknown", "no_bundled_driver")


@callback
def async_register_driver_views(hass: HomeAssistant) -> None:
    """Register the addresses; they stay for as long as Home Assistant runs."""
    for view in (
        DriversView,
        DriverStatusView,
        CheckUpdatesView,
        UpdateDriverView,
        UpdateAllView,
        InstallDriverView,
        InstallBundledView,
        RollBackDriverView,
        RemoveDriverView,
        ReloadDriversView,
    ):
        hass.http.register_view(view)


class _DriverView(HomeAssistantView):
    """What the addresses that change something have in common."""

    async def _answer(
        self, request: web.Request, name: str, change: Awaitable[JsonObjectType]
    ) -> web.Response:
        """Return what came of a change, as HMM-Local would if it worked."""
        try:
            return self.json(await change)
        except HomeAssistantError as err:
            if err.translation_key in _UNKNOWN:
                status = HTTPStatus.NOT_FOUND
            elif isinstance(err, ServiceValidationError):
                status = HTTPStatus.BAD_REQUEST
            else:
                status = HTTPStatus.INTERNAL_SERVER_ERROR
            return self.json(
                {
                    "success": False,
                    "message": message(request.app[KEY_HASS], err),
                    "code": err.translation_key,
                    "driver_name": name,
                    "old_version": None,
                    "new_version": None,
                },
                status,
            )

    def _refuse(self, request: web.Request, err: vol.Invalid) -> web.Response:
        """Return which fields of a body are missing or wrong."""
        errors = err.errors if isinstance(err, vol.MultipleInvalid) else [err]
        fields = sorted({str(field) for error in errors for field in error.path[:1]})
        key = "body_field_invalid" if fields else "body_not_object"
        return self.json_message(
            sentence(request.app[KEY_HASS], key, {"fields": ", ".join(fields)[:200]}),
            HTTPStatus.BAD_REQUEST,
            key,
        )


class DriversView(HomeAssistantView):
    """All drivers."""

    url = "/api/hmm/drivers"
    name = "api:hmm:drivers"

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return what the action ``list_drivers`` does."""
        return self.json(list_drivers(request.app[KEY_HASS]))


class DriverStatusView(HomeAssistantView):
    """The versions of all drivers, as they were at the last check."""

    url = "/api/hmm/drivers/status"
    name = "api:hmm:drivers:status"

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return a list of them."""
        return self.json(update_states(request.app[KEY_HASS]))


class CheckUpdatesView(HomeAssistantView):
    """The versions of all drivers, as their sources have them now."""

    url = "/api/hmm/drivers/check-updates"
    name = "api:hmm:drivers:check-updates"

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return a list of them, once all sources are asked."""
        hass = request.app[KEY_HASS]
        await hass.data[DRIVER_UPDATES].async_check()
        return self.json(update_states(hass))


class UpdateDriverView(_DriverView):
    """The update of one driver."""

    url = "/api/hmm/drivers/update/{driver}"
    extra_urls = ["/api/hmm/drivers/update/{category}/{driver}"]
    name = "api:hmm:drivers:update"

    @require_admin
    async def post(
        self, request: web.Request, driver: str, category: str | None = None
    ) -> web.Response:
        """Install it."""
        hass = request.app[KEY_HASS]
        updates = hass.data[DRIVER_UPDATES]

        async def update() -> JsonObjectType:
            return update_json(hass, await updates.async_update(driver, category))

        return await self._answer(request, driver, update())


class UpdateAllView(_DriverView):
    """The updates of all drivers."""

    url = "/api/hmm/drivers/update-all"
    name = "api:hmm:drivers:update-all"

    @require_admin
    async def post(self, request: web.Request) -> web.Response:
        """Install them; one that fails keeps no other from it."""
        hass = request.app[KEY_HASS]
        updates = hass.data[DRIVER_UPDATES]
        return self.json(update_all_json(hass, *await updates.async_update_all()))


class InstallDriverView(_DriverView):
    """A new driver from the web."""

    url = "/api/hmm/drivers/install"
    name = "api:hmm:drivers:install"

    @require_admin
    async def post(self, request: web.Request) -> web.Response:
        """Download a driver (``url``, ``sha256``) and ask in the repairs."""
        hass = request.app[KEY_HASS]
        try:
            wanted = INSTALL_DRIVER_SCHEMA(await _body(request))
        except vol.Invalid as err:
            return self._refuse(request, err)

        async def install() -> JsonObjectType:
            return pending_json(
                hass, await async_propose(hass, wanted["url"], wanted["sha256"])
            )

        return await self._answer(request, wanted["url"], install())


class InstallBundledView(_DriverView):
    """A copy of a bundled driver, to edit."""

    url = "/api/hmm/drivers/install/{category}/{driver}"
    name = "api:hmm:drivers:install-bundled"

    @require_admin
    async def post(
        self, request: web.Request, category: str, driver: str
    ) -> web.Response:
        """Make the copy, or update the one that is there."""
        hass = request.app[KEY_HASS]
        bundled = next(
            (
                (id_, bundled)
                for id_, bundled in get_data(hass).driver_manager.bundled.items()
                if id_.kind == category
                and driver in (bundled.path.name, bundled.path.stem, id_.driver_type)
            ),
            None,
        )
        if bundled is None:
            return self.json_message(
                sentence(
                    hass,
                    "no_bundled_driver",
                    {"driver": driver, "drivers": known_drivers(hass)},
                ),
                HTTPStatus.NOT_FOUND,
                "unknown_driver",
            )
        id_, original = bundled
        updates = hass.data[DRIVER_UPDATES]

        async def install() -> JsonObjectType:
            await updates.async_refresh()
            if id_ in updates.states:
                return update_json(hass, await updates.async_update(str(id_)))
            await hass.services.async_call(
                DOMAIN,
                SERVICE_CUSTOMISE_DRIVER,
                {CONF_DRIVER: str(id_)},
                blocking=True,
                context=self.context(request),
            )
            result = DriverResult(
                id=id_,
                name=original.path.name,
                old_version=None,
                new_version=original.version,
            )
            return result_json(
                hass, result, why("driver_installed", driver=result.name)
            )

        return await self._answer(request, driver, install())


class RollBackDriverView(_DriverView):
    """The version before."""

    url = "/api/hmm/drivers/rollback/{driver}"
    name = "api:hmm:drivers:rollback"

    @require_admin
    async def post(self, request: web.Request, driver: str) -> web.Response:
        """Bring it back, or the ``version`` of the body."""
        hass = request.app[KEY_HASS]
        updates = hass.data[DRIVER_UPDATES]
        try:
            wanted = ROLLBACK_DRIVER_SCHEMA(
                {**await _body(request), CONF_DRIVER: driver}
            )
        except vol.Invalid as err:
            return self._refuse(request, err)

        async def roll_back() -> JsonObjectType:
            result = await updates.async_roll_back(driver, wanted.get("version"))
            return result_json(
                hass, result, why("driver_rolled_back", driver=result.name)
            )

        return await self._answer(request, driver, roll_back())


class RemoveDriverView(_DriverView):
    """A driver that is not wanted any more."""

    url = "/api/hmm/drivers/remove/{driver}"
    name = "api:hmm:drivers:remove"

    @require_admin
    async def post(self, request: web.Request, driver: str) -> web.Response:
        """Move it to the backups."""
        hass = request.app[KEY_HASS]
        updates = hass.data[DRIVER_UPDATES]

        async def remove() -> JsonObjectType:
            result = await updates.async_remove(driver)
            return result_json(hass, result, why("driver_removed", driver=result.name))

        return await self._answer(request, driver, remove())


class ReloadDriversView(HomeAssistantView):
    """The files of the drivers, as they are now."""

    url = "/api/hmm/drivers/reload"
    name = "api:hmm:drivers:reload"

    @require_admin
    async def post(self, request: web.Request) -> web.Response:
        """Load those that changed."""
        hass = request.app[KEY_HASS]
        manager = get_data(hass).driver_manager
        return self.json(reload_report(hass, manager, await manager.async_reload()))


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
