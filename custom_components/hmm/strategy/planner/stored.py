"""Memory as JSON, read back so that damage costs the memory and nothing else.

What is stored of a data class follows from the types of its fields.
"""

from collections.abc import Callable, Mapping
from dataclasses import fields
from datetime import date, datetime
from functools import cache
import math
from typing import Any, Self, get_type_hints

from .model import Rung, Sentence

VERSION = 1
_MOST = 2000

type Ahead = datetime
"""An instant that may be in the future; all others are past."""


class Memory:
    """What a type of strategy remembers: a data class, each field with a default."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, data: object, now: datetime) -> Self:
        """Return what was stored; what is damaged is as at the beginning."""
        return restored(cls, versioned(data), now)

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {"version": VERSION, **as_json(self)}


def restored[T](cls: Callable[..., T], stored: Mapping[str, Any], now: datetime) -> T:
    """Return a data class from its stored fields."""
    found = {
        name: read(stored[name], now)
        for name, read in _readers(cls).items()
        if name in stored
    }
    return cls(**found)


def as_json(record: Any) -> dict[str, Any]:
    """Return the fields of a data class as they are stored."""
    return {field.name: _json(getattr(record, field.name)) for field in fields(record)}


def _json(value: Any) -> Any:
    match value:
        case date():
            return value.isoformat()
        case Memory():
            return value.as_dict()
        case Sentence():
            return {"key": value.key, "values": dict(value.values)}
    return value


def versioned(data: object) -> Mapping[str, Any]:
    """Return what was stored, empty if it is of another version or damaged."""
    if isinstance(data, Mapping) and data.get("version") == VERSION:
        return data
    return {}


def instant(value: object) -> datetime | None:
    """Return an instant from its text."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo is not None else None


def past(value: object, now: datetime) -> datetime | None:
    """Return a past instant; one in the future was written by a wrong clock."""
    parsed = instant(value)
    return None if parsed is None else min(parsed, now)


def mapping(value: object) -> dict[str, Any]:
    """Return a map with texts as keys."""
    if not isinstance(value, Mapping) or len(value) > _MOST:
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str)}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= 255 else None


def _number(value: object) -> float | None:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _count(value: object) -> int | None:
    whole = _number(value)
    return None if whole is None else max(0, min(int(whole), 10**6))


def _day(value: object) -> date | None:
    try:
        return date.fromisoformat(_text(value) or "")
    except ValueError:
        return None


def _texts(value: object) -> tuple[str, ...]:
    items = value[:_MOST] if isinstance(value, list | tuple) else ()
    return tuple(item for item in items if _text(item) is not None)


def _sentence(data: object) -> Sentence | None:
    stored = mapping(data)
    if (key := _text(stored.get("key"))) is None:
        return None
    values = {
        name: value
        for name, value in mapping(stored.get("values")).items()
        if value is None or _text(value) is not None or _number(value) is not None
    }
    return Sentence(key, values)


type _Reader = Callable[[Any, datetime], Any]

_READERS: Mapping[Any, _Reader] = {
    bool: lambda value, _: value is True,
    bool | None: lambda value, _: value if isinstance(value, bool) else None,
    int: lambda value, _: _count(value) or 0,
    int | None: lambda value, _: _count(value),
    str | None: lambda value, _: _text(value),
    Rung | None: lambda value, _: _text(value),
    date | None: lambda value, _: _day(value),
    datetime | None: past,
    Ahead | None: lambda value, _: instant(value),
    tuple[str, ...]: lambda value, _: _texts(value),
    dict[str, Rung]: lambda value, _: {
        key: rung for key, rung in mapping(value).items() if _text(rung) is not None
    },
    Sentence | None: lambda value, _: _sentence(value),
}
"""By the type of a field, how it is read."""


@cache
def _readers(cls: Any) -> Mapping[str, _Reader]:
    hints = get_type_hints(cls)
    return {
        field.name: _READERS.get(hints[field.name]) or hints[field.name].from_dict
        for field in fields(cls)
    }
