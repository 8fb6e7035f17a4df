"""Data classes as JSON: what outlives a restart.

How a field is stored follows from its type, or it has a function that reads it. One that is missing has its default: a new
field needs no migration.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
import math
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    Self,
    TypeAliasType,
    get_args,
    get_origin,
    get_type_hints,
)

from .driver_api.ranges import LARGEST_COUNT

BROKEN = (AttributeError, LookupError, TypeError, ValueError)
"""What is raised for data that nothing was stored as."""

_LAST_TIME = 2.0**32

_PLAIN = frozenset({bool, float, int, NoneType, str})
"""Nearly all is, and the whole fleet is written at once."""

type _Reader = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Newest:
    """The most items of a list or dictionary; the last ones are kept."""

    maximum: int


class Stored:
    """A data class that is kept in a file."""

    __slots__ = ()
    stored_as: ClassVar[Mapping[str, str | None]] = {}
    """The keys of fields that are not their names, None of those that are not kept."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        kind: Any = type(self)
        return {
            key: as_json(getattr(self, name)) for name, (key, _) in _parts(kind).items()
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return what was stored. Raises one of ``BROKEN``."""
        kind: Any = cls
        found = data.keys()
        record = cls(
            **{
                name: read(data[key])
                for name, (key, read) in _parts(kind).items()
                if key in found
            }
        )
        record.verify()
        return record

    def verify(self) -> None:
        """Correct what can no longer be. Raise ValueError for what it never can be."""


def as_json(value: Any) -> Any:
    """Return what can be written into a file."""
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind in (list, tuple, deque):
        return [item if type(item) in _PLAIN else as_json(item) for item in value]
    if hasattr(value, "as_dict"):
        return value.as_dict()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(value)
    return [*value] if isinstance(value, tuple) else value


@cache
def _parts(kind: Any) -> dict[str, tuple[str, _Reader]]:
    """Return the key of each field that is kept, and how it is read."""
    hints = get_type_hints(kind, include_extras=True)
    keys: dict[str, str | None] = {
        field.name: field.name for field in fields(kind) if field.name[0] != "_"
    }
    keys |= getattr(kind, "stored_as", {})
    return {
        name: (key, _reader(hints[name]))
        for name, key in keys.items()
        if key is not None
    }


def _reader(hint: Any) -> _Reader:
    """Return how to read what is declared so."""
    if isinstance(hint, TypeAliasType):
        return _reader(hint.__value__)
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        read, limits = _reader(parts[0]), parts[1:]
        for limit in limits:
            if isinstance(limit, Newest):
                return _newest(read, limit.maximum)
            if callable(limit):
                return limit  # type: ignore[no-any-return]
        return read
    if origin is UnionType:
        return _one_of([part for part in parts if part is not NoneType], parts)
    if origin is Literal:
        return _member(parts)
    if origin in (tuple, list, deque, frozenset):
        item = _reader(parts[0])
        return lambda value: origin(map(item, _list(value)))
    if origin in (dict, Mapping):
        item = _reader(parts[1])
        return lambda value: {str(key): item(part) for key, part in value.items()}
    if hint in _READERS:
        return _READERS[hint]
    if issubclass(hint, tuple):
        return lambda value: hint(*map(_number, _list(value)))
    make: _Reader = hint if issubclass(hint, StrEnum) else hint.from_dict
    return make


def _newest(read: _Reader, maximum: int) -> _Reader:
    def newest(value: Any) -> Any:
        if isinstance(value, dict):
            return read(dict([*value.items()][-maximum:]))
        return read(_list(value)[-maximum:])

    return newest


def _one_of(kinds: list[Any], parts: tuple[Any, ...]) -> _Reader:
    if len(kinds) == 1:
        read = _reader(kinds[0])
        return lambda value: None if value is None else read(value)
    return lambda value: _typed(value, parts)


def _member(members: tuple[Any, ...]) -> _Reader:
    def member(value: Any) -> Any:
        if value not in members:
            raise ValueError(value)
        return value

    return member


def _typed(value: Any, kinds: Any) -> Any:
    if not isinstance(value, kinds):
        raise TypeError(value)
    return value


def _list(value: Any) -> list[Any]:
    return list(_typed(value, list))


def _count(value: Any) -> int:
    if not 0 <= _number(value) <= LARGEST_COUNT:
        raise ValueError(value)
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError(value)
    return float(value)


def instant(value: Any) -> datetime:
    """Return when something was, or will be. Raises one of ``BROKEN``."""
    if isinstance(value, int | float):  # Some were stored so before
        if not 0 <= value < _LAST_TIME:
            raise ValueError(value)
        return datetime.fromtimestamp(value, UTC)
    instant = datetime.fromisoformat(value)
    if instant.tzinfo is None:
        raise ValueError(value)
    return instant


_READERS: Mapping[Any, _Reader] = {
    Any: lambda value: value,
    object: lambda value: value,
    bool: lambda value: value is True,
    datetime: instant,
    date: date.fromisoformat,
    float: _number,
    int: _count,
    str: lambda value: _typed(value, str),
}
