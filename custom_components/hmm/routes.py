"""Addresses below ``/api/hmm``: who may use them, what they take and what they answer.

Each is a ``Route``; the description at ``/api/hmm/openapi.json`` is made of the same.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache, partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, TypedDict

from aiohttp import web
from homeassistant.auth.models import User
from homeassistant.components.http import KEY_HASS_USER
from homeassistant.config_entries import ConfigError
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.data_entry_flow import FlowError
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
)
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util.json import json_loads
import voluptuous as vol

from .const import DOMAIN
from .errors import message, sentence
from .json_shapes import fields_of, validator

PREFIX: Final = f"/api/{DOMAIN}"
LARGEST_BODY: Final = 64 * 1024
"""Bytes; a thousand ids of miners are less."""

type Method = Literal["get", "post", "put", "delete"]

_STATUS: Final = {
    "miner_disabled": HTTPStatus.CONFLICT,
    "pool_user_fixed": HTTPStatus.CONFLICT,
    "unknown_miner": HTTPStatus.NOT_FOUND,
    "unknown_pool": HTTPStatus.NOT_FOUND,
    "unknown_template": HTTPStatus.NOT_FOUND,
}
"""What the errors of a user mean, where that is not a bad request."""


class Error(TypedDict):
    """Why a request failed."""

    message: Annotated[str, "What to do, in the language of Home Assistant"]
    code: Annotated[str | None, "What went wrong, for programs"]
    detail: Annotated[str, "The message once more, where HMM-Local had it"]


class Nothing(TypedDict):
    """No fields."""


class RouteError(Exception):
    """A request that failed in a way of its own; ``more`` is added to the answer."""

    def __init__(
        self, status: HTTPStatus, code: str | None, text: str, **more: Any
    ) -> None:
        """Take what is answered."""
        super().__init__(text)
        self.status = status
        self.code = code
        self.more = more


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: who, at which address, with what data."""

    hass: HomeAssistant
    user: User
    path: Mapping[str, str]
    data: Mapping[str, Any]

    @property
    def context(self) -> Context:
        """Return in whose name something is done."""
        return Context(user_id=self.user.id)


type Run = Callable[[Call], Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One thing to do, at one or more addresses.

    ``answer``, ``query``, ``body`` and ``error`` are shapes, see ``json_shapes``.
    ``body_in_query``: its fields may stand in the query as well, as scripts for
    HMM-Local have them. ``errors`` are statuses beside 400, 401, 403 and 413.
    """

    method: Method
    paths: tuple[str, ...]
    summary: str
    run: Run
    answer: Any
    query: Any = None
    body: Any = None
    body_in_query: bool = False
    is_for_admins: bool = False
    errors: tuple[HTTPStatus, ...] = ()
    error: Any = Error


# Made for the first request: those of all addresses take 8 ms
_validator = cache(validator)


@callback
def async_register_routes(hass: HomeAssistant, routes: Iterable[Route]) -> None:
    """Register addresses; they stay for as long as Home Assistant runs."""
    by_path: dict[str, list[Route]] = {}
    for route in routes:
        for path in route.paths:
            by_path.setdefault(path, []).append(route)
    for path, at_path in by_path.items():
        hass.http.register_view(_RouteView(path, at_path))


class _RouteView(HomeAssistantView):
    """One address."""

    def __init__(self, path: str, routes: Iterable[Route]) -> None:
        """Serve all that can be done at it."""
        self.url = f"{PREFIX}{path}"
        # As those of HMM-Local end
        self.extra_urls = [f"{self.url}/"]
        self.name = self.url.removeprefix("/").replace("/", ":")
        for route in routes:
            setattr(self, route.method, partial(self._serve, route))

    async def _serve(
        self,
        route: Route,
        request: web.Request,
        **path: str,
    ) -> web.Response:
        """Return what comes of a request."""
        hass, user = request.app[KEY_HASS], request[KEY_HASS_USER]
        try:
            if route.is_for_admins and not user.is_admin:
                raise _failed(hass, HTTPStatus.FORBIDDEN, "not_admin")
            check = _validator(route.body or route.query or Nothing)
            data = check(await _read(hass, route, request))
            return self.json(
                await route.run(Call(hass=hass, user=user, path=path, data=data))
            )
        except RouteError as err:
            return self._refuse(err)
        except vol.Invalid as err:
            return self._refuse(_invalid(hass, err))
        except HomeAssistantError as err:
            return self._refuse(error_of(hass, err))

    def _refuse(self, err: RouteError) -> web.Response:
        text = str(err)
        answer = {"message": text, "code": err.code, "detail": text, **err.more}
        return self.json(answer, err.status)


def error_of(hass: HomeAssistant, err: HomeAssistantError) -> RouteError:
    """Return the answer to an error of an action."""
    if isinstance(err, ConfigError | FlowError):
        # Of Home Assistant: someone else had the entry or the flow at the same time
        return _failed(hass, HTTPStatus.CONFLICT, "changed_meanwhile")
    key = err.translation_key
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if isinstance(err, Unauthorized):
        status = HTTPStatus.FORBIDDEN
    elif isinstance(err, ServiceValidationError):
        status = _STATUS.get(key or "", HTTPStatus.BAD_REQUEST)
    return RouteError(status, key, message(hass, err))


async def _read(
    hass: HomeAssistant, route: Route, request: web.Request
) -> dict[str, Any]:
    """Return the fields of a request, checked for their size only."""
    data: dict[str, Any] = {}
    if shape := route.body if route.body_in_query else route.query:
        names = fields_of(shape)
        data = {key: value for key, value in request.query.items() if key in names}
    if route.body is None or not (text := await _read_body(hass, request)):
        return data
    try:
        body = json_loads(text)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise _failed(hass, HTTPStatus.BAD_REQUEST, "body_not_object")
    return data | body


async def _read_body(hass: HomeAssistant, request: web.Request) -> bytes:
    """Return the body; one that is too large is not read to its end."""
    body = bytearray()
    try:
        if (request.content_length or 0) <= LARGEST_BODY:
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > LARGEST_BODY:
                    break
            else:
                return bytes(body)
    except web.RequestPayloadError as err:
        # What is said to be compressed and is not
        raise _failed(hass, HTTPStatus.BAD_REQUEST, "body_not_object") from err
    raise _failed(
        hass,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "body_too_large",
        size=f"{LARGEST_BODY // 1024} KB",
    )


def _invalid(hass: HomeAssistant, err: vol.Invalid) -> RouteError:
    """Return which fields of a request are missing or wrong."""
    errors = err.errors if isinstance(err, vol.MultipleInvalid) else [err]
    fields = sorted({str(field) for error in errors for field in error.path[:1]})
    return _failed(
        hass,
        HTTPStatus.BAD_REQUEST,
        "body_field_invalid",
        fields=", ".join(fields)[:200],
    )


def _failed(
    hass: HomeAssistant, status: HTTPStatus, key: str, **values: str
) -> RouteError:
    return RouteError(status, key, sentence(hass, key, values))
