"""The description of all addresses below ``/api/hmm``, in OpenAPI 3.1."""

from collections.abc import Iterable
from functools import cache
from http import HTTPStatus
import re
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from .drivers.driver_views import DRIVER_ROUTES
from .fleet.miner_views import MINER_ROUTES
from .fleet.pool_views import POOL_ROUTES
from .fleet.tile_views import TILE_ROUTES
from .json_shapes import Components, JsonSchema, fields_of, json_schema
from .routes import PREFIX, Call, Route, async_register_routes

_VERSION: Final = "1.0.0"
"""Of the addresses, not of HMM."""
_STATUSES: Final = {
    HTTPStatus.BAD_REQUEST: "The request is not right; the message says what to change",
    HTTPStatus.UNAUTHORIZED: "No valid access token was sent",
    HTTPStatus.FORBIDDEN: "The user has no right to this",
    HTTPStatus.NOT_FOUND: "There is no such thing",
    HTTPStatus.CONFLICT: "It is not possible as things are now",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is too large",
    HTTPStatus.INTERNAL_SERVER_ERROR: "It failed, and nothing has changed",
    HTTPStatus.SERVICE_UNAVAILABLE: "A miner or pool does not respond",
}


@callback
def async_register_api(hass: HomeAssistant) -> None:
    """Register all addresses; they stay for as long as Home Assistant runs."""
    async_register_routes(hass, ROUTES)


async def _openapi(call: Call) -> JsonSchema:
    return description()


ROUTES: Final = (
    *TILE_ROUTES,
    *POOL_ROUTES,
    *MINER_ROUTES,
    *DRIVER_ROUTES,
    Route(
        method="get",
        paths=("/openapi.json",),
        summary="This description",
        run=_openapi,
        answer=dict[str, Any],
    ),
)


@cache
def description() -> JsonSchema:
    """Return the document."""
    components: Components = {}
    paths: dict[str, JsonSchema] = {}
    for route in ROUTES:
        for path in route.paths:
            paths.setdefault(path, {})[route.method] = _operation(
                route, path, components
            )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "HMM for Home Assistant",
            "version": _VERSION,
            "description": "Miners, pools and drivers of the Home Miner Manager.",
        },
        "servers": [{"url": PREFIX}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, path: str, components: Components) -> JsonSchema:
    answer = json_schema(route.answer, components)
    responses = {"200": _response("What came of it", answer)}
    for status in _errors(route):
        is_json = status is not HTTPStatus.UNAUTHORIZED
        error = json_schema(route.error, components) if is_json else None
        responses[str(status.value)] = _response(_STATUSES[status], error)
    operation: JsonSchema = {
        "summary": route.summary,
        "operationId": f"{route.method}{path.replace('/', '_')}".translate(
            {ord(char): None for char in "{}."}
        ).replace("-", "_"),
        "tags": [path.split("/")[1]],
        "parameters": [*_parameters(route, path, components)],
        "responses": responses,
    }
    if route.body is not None:
        is_needed = route.body.__required_keys__ and not route.body_in_query
        operation["requestBody"] = {
            "required": bool(is_needed),
            "content": _json(json_schema(route.body, components)),
        }
    if route.is_for_admins:
        operation["description"] = "Only for administrators."
    return operation


def _errors(route: Route) -> list[HTTPStatus]:
    statuses = {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, *route.errors}
    if route.query or route.body or route.method != "get":
        statuses.add(HTTPStatus.BAD_REQUEST)
    if route.body:
        statuses.add(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    return sorted(statuses)


def _parameters(
    route: Route, path: str, components: Components
) -> Iterable[JsonSchema]:
    for name in re.findall(r"\{(\w+)\}", path):
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string"},
        }
    shape = route.body if route.body_in_query else route.query
    for name, field in (fields_of(shape) if shape else {}).items():
        schema = json_schema(field, components)
        yield {"name": name, "in": "query", "required": False, "schema": schema}


def _response(text: str, schema: JsonSchema | None) -> JsonSchema:
    if schema is None:
        return {"description": text}
    return {"description": text, "content": _json(schema)}


def _json(schema: JsonSchema) -> JsonSchema:
    return {"application/json": {"schema": schema}}
