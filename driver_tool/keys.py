"""Changes single values in a body of JSON: what happens when a key is missing."""

from collections.abc import Callable, Iterator
from functools import lru_cache
import json
import re
from typing import Any

from .session import dump_json

type Path = tuple[str | int, ...]

MISSING = object()
"""Stands for a key that is not there."""


def leaves(body: bytes) -> list[Path]:
    """Return the ways to all numbers, texts and flags in a body, none if not JSON."""
    data = _load(body)
    return [] if data is None else list(_leaves(data[0], ()))


def replace_leaf(body: bytes, path: Path, value: object) -> bytes:
    """Return a body with another value there, or none (MISSING).

    A body that has no such place comes back as it is.
    """
    if (loaded := _load(body)) is None:
        return body
    data, end = loaded
    parent, (*steps, last) = data, path
    try:
        for step in steps:
            parent = _inside(parent, step)
        if _is_full(_inside(parent, last)):
            return body
    except LookupError:
        return body
    if value is MISSING:
        del parent[last]
    else:
        parent[last] = value
    return dump_json(data) + end


def nested(body: bytes) -> bytes:
    """Return a body with an object in place of each value."""
    return _change_body(body, lambda _: {"odd": ""})


@lru_cache(maxsize=32)  # The same answers, once for each key that is missing
def without_zeros(body: bytes) -> bytes:
    """Return a body with 1 in place of each 0 and true in place of each false."""
    return _change_body(body, _not_zero)


def _change_body(body: bytes, change: Callable[[Any], Any]) -> bytes:
    """Return a body with each value changed; what is not JSON stays as it is."""
    data = _load(body)
    return body if data is None else dump_json(_change(data[0], change)) + data[1]


def _not_zero(value: Any) -> Any:
    if isinstance(value, bool):
        return True
    if isinstance(value, int | float):
        return value or 1
    if isinstance(value, str) and _ZERO.fullmatch(value):
        return "1"
    return value


_ZERO = re.compile(r"\s*[+-]?0+(\.0*)?\s*")


def name_of(path: Path) -> str:
    """Return a way as people write it: ``fans[0].rpm``."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".")


def _load(body: bytes) -> tuple[Any, bytes] | None:
    bare = body.rstrip(b"\0\r\n ")
    try:
        data = json.loads(bare, strict=False)
    except ValueError, RecursionError:
        return None
    return (data, body[len(bare) :]) if isinstance(data, dict | list) else None


def _inside(data: Any, step: Any) -> Any:
    """Return what is there. Raises LookupError, also if it is of another shape."""
    if not isinstance(data, dict if isinstance(step, str) else list):
        raise LookupError
    return data[step]


def _is_full(value: Any) -> bool:
    """Return whether there are values inside of one."""
    return isinstance(value, dict | list) and bool(value)


def _leaves(data: Any, path: Path) -> Iterator[Path]:
    items: Any = ()
    if isinstance(data, dict):
        items = data.items()
    elif isinstance(data, list):
        items = enumerate(data)
    for step, value in items:
        if _is_full(value):
            yield from _leaves(value, (*path, step))
        else:
            yield (*path, step)


def _change(data: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(data, dict):
        return {key: _change(value, change) for key, value in data.items()}
    if isinstance(data, list):
        return [_change(value, change) for value in data]
    return None if data is None else change(data)
