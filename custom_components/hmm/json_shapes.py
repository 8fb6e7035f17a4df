"""The shapes of JSON: written once as types, published as JSON Schema and checked.

A shape is a TypedDict, a list, ``dict[str, ...]``, a Literal, or a plain type. What is
more to state is in ``Annotated``: a text describes, ``vol.Range`` and ``vol.Length``
limit.
"""

from collections.abc import Callable
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Final,
    Literal,
    NotRequired,
    Required,
    TypeAliasType,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

import voluptuous as vol

type JsonSchema = dict[str, Any]
type Components = dict[str, JsonSchema]
"""The schemas that others refer to, by the names of their types."""

LONGEST_TEXT: Final = 256

Text = Annotated[str, vol.Length(min=1, max=LONGEST_TEXT)]
Moment = Annotated[str, "ISO 8601, in UTC"]

_TYPES: Final = {
    bool: "boolean",
    float: "number",
    int: "integer",
    NoneType: "null",
    str: "string",
}
_REFERENCE: Final = "#/components/schemas/"


def fields_of(shape: Any) -> dict[str, Any]:
    """Return the shapes of the fields of a TypedDict."""
    return get_type_hints(shape, include_extras=True)


def json_schema(shape: Any, components: Components) -> JsonSchema:
    """Return a shape as JSON Schema; TypedDicts go to the components."""
    shape, extras = _bare(shape)
    schema = _schema_of(shape, components)
    for extra in extras:
        match extra:
            case str():
                schema["description"] = extra
            case vol.Range():
                limits = {"minimum": extra.min, "maximum": extra.max}
                schema |= {
                    key: limit for key, limit in limits.items() if limit is not None
                }
            case vol.Length():
                kind = "Items" if get_origin(shape) is list else "Length"
                limits = {f"min{kind}": extra.min, f"max{kind}": extra.max}
                schema |= {
                    key: limit for key, limit in limits.items() if limit is not None
                }
    return schema


def _schema_of(shape: Any, components: Components) -> JsonSchema:
    if is_typeddict(shape):
        name = shape.__name__
        if name not in components:
            components[name] = {}  # Shapes may hold themselves
            components[name] = {
                "type": "object",
                "description": " ".join((shape.__doc__ or "").split()),
                "properties": {
                    key: json_schema(member, components)
                    for key, member in fields_of(shape).items()
                },
                "required": sorted(shape.__required_keys__),
                "additionalProperties": False,
            }
        return {"$ref": f"{_REFERENCE}{name}"}
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": json_schema(arguments[0], components)}
    if origin is dict:
        values = json_schema(arguments[1], components)
        return {"type": "object", "additionalProperties": values}
    if origin in (Union, UnionType):
        options = [json_schema(argument, components) for argument in arguments]
        if all(option.keys() == {"type"} for option in options):
            return {"type": [option["type"] for option in options]}
        return {"anyOf": options}
    return {} if shape is Any else {"type": _TYPES[shape]}


def validator(shape: Any) -> Callable[[Any], Any]:
    """Return what checks a value against a shape: it raises vol.Invalid."""
    shape, extras = _bare(shape)
    limits = [extra for extra in extras if not isinstance(extra, str)]
    checked: Callable[[Any], Any] = vol.All(_validator_of(shape), *limits)
    return checked


def _validator_of(shape: Any) -> Any:
    if is_typeddict(shape):
        required = shape.__required_keys__
        return vol.Schema(
            {
                (vol.Required if key in required else vol.Optional)(key): validator(
                    member
                )
                for key, member in fields_of(shape).items()
            }
        )
    origin, arguments = get_origin(shape), get_args(shape)
    if origin is Literal:
        return vol.In(arguments)
    if origin is list:
        return vol.Schema([validator(arguments[0])])
    if origin is dict:
        return vol.Schema({str: validator(arguments[1])})
    if origin in (Union, UnionType):
        return vol.Any(*(validator(argument) for argument in arguments))
    return _plain(shape)


def _plain(kind: type) -> Callable[[Any], Any]:
    """Return a check for a plain type; Python takes true for the number 1."""
    if kind is Any:
        return lambda value: value
    kinds = (int, float) if kind is float else kind

    def check(value: Any) -> Any:
        if not isinstance(value, kinds) or (
            isinstance(value, bool) and kind is not bool
        ):
            raise vol.TypeInvalid(f"expected {_TYPES[kind]}")
        return value

    return check


def _bare(shape: Any) -> tuple[Any, list[Any]]:
    """Return a shape without its annotations, and these."""
    extras: list[Any] = []
    while True:
        if isinstance(shape, TypeAliasType):
            shape = shape.__value__
        elif get_origin(shape) in (Required, NotRequired):
            (shape,) = get_args(shape)
        elif get_origin(shape) is Annotated:
            shape, *more = get_args(shape)
            extras += more
        else:
            return shape, extras
