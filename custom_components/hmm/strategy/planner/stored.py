"""Memory as JSON, read back so that damage costs the memory and nothing else."""

from collections.abc import Mapping
from datetime import datetime
import math
from typing import Any

VERSION = 1
_MOST = 2000


def fields(data: object) -> Mapping[str, Any]:
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


def iso(value: datetime | None) -> str | None:
    """Return an instant as text."""
    return None if value is None else value.isoformat()


def past(value: object, now: datetime) -> datetime | None:
    """Return a past instant; one in the future was written by a wrong clock."""
    parsed = instant(value)
    return None if parsed is None else min(parsed, now)


def text(value: object) -> str | None:
    """Return a text."""
    return value if isinstance(value, str) and len(value) <= 255 else None


def number(value: object) -> float | None:
    """Return a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def count(value: object) -> int:
    """Return a whole number, 0 if there is none."""
    whole = number(value)
    return 0 if whole is None else max(0, min(int(whole), 10**6))


def texts(value: object) -> tuple[str, ...]:
    """Return a list of texts."""
    if not isinstance(value, list | tuple):
        return ()
    return tuple(item for item in value[:_MOST] if text(item) is not None)


def mapping(value: object) -> dict[str, Any]:
    """Return a map with texts as keys."""
    if not isinstance(value, Mapping) or len(value) > _MOST:
        return {}
    return {key: item for key, item in value.items() if isinstance(key, str)}
