"""Read what a driver reports: a value that cannot be is unknown.

A driver may return anything; one malformed value must neither reach an entity nor the
totals of the fleet. What can be is declared at the fields themselves, with the types of
``driver_api.ranges``: the readers are made from these declarations.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
import math
from operator import attrgetter, is_
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from ..driver_api import (
    DashboardTileData,
    DeviceFacts,
    FoundPool,
    MinerTelemetry,
    PoolTemplate,
    Reason,
    TuningLimits,
    TuningRange,
)
from ..driver_api.ranges import OPTIONS, SMALLEST, Flag, Key, Many, Past, Range, Text
from ..driver_api.units import parse_int, parse_number, parse_text, parse_timestamp

type Reader = Callable[[Any], Any]
"""Returns a value as its field may hold it, None for what is unknown."""

_LONGEST_DETAIL = 2048
_DEEPEST_DETAIL = 3


class _Needed:
    """Stands for what a field without a value makes of the whole: nothing."""


_NEEDED: Final = _Needed()


class _Plan[T]:
    """How to read a data class."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        hints = get_type_hints(kind, include_extras=True)
        self.names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
        self._fields = [_field(hints[name]) for name in self.names]
        self._values_of: Callable[[T], tuple[Any, ...]] = attrgetter(*self.names)

    def read(self, answer: Any) -> T | None:
        """Return an instance with what is readable, None if it lacks what it needs."""
        if not isinstance(answer, self._kind):
            return None
        reported = self._values_of(answer)
        if (values := self._read(reported)) is None:
            return None
        if type(answer) is self._kind and values is reported:
            # Most answers are as they should be, and are not built a second time
            return answer
        return self._kind(**dict(zip(self.names, values, strict=True)))

    def fill(self, reported: Mapping[str, Any]) -> T | None:
        """Return an instance of values by their names."""
        values = self._read(tuple(map(reported.get, self.names)))
        if values is None:
            return None
        return self._kind(**dict(zip(self.names, values, strict=True)))

    def _read(self, reported: tuple[Any, ...]) -> Sequence[Any] | None:
        """Return the values of all fields, None if one lacks that is needed.

        It is ``reported`` itself if they are what was reported.
        """
        values: list[Any] | None = None
        for index, (read, unknown) in enumerate(self._fields):
            value = reported[index]
            if value is unknown:
                continue
            valid = None if value is None else read(value)
            if valid is None:
                if unknown is _NEEDED:
                    return None
                valid = unknown
            if valid is not value:
                values = values or list(reported)
                values[index] = valid
        return reported if values is None else values


def _field(hint: Any) -> tuple[Reader, Any]:
    """Return how to read what is declared so, and what stands for an unknown value."""
    optional = _without_none(hint)
    if optional is not hint:
        return _reader(optional), None
    kind, rule = _rule_of(hint)
    unknown: Any = _NEEDED
    if kind is bool:
        unknown = rule.otherwise if isinstance(rule, Flag) else False
    elif get_origin(kind) is tuple:
        unknown = ()
    return _reader(hint), unknown


def _without_none(hint: Any) -> Any:
    """Return X of ``X | None``, else what it was."""
    kinds = [kind for kind in get_args(hint) if kind is not type(None)]
    return kinds[0] if type(None) in get_args(hint) else hint


def _rule_of(hint: Any) -> tuple[Any, Any]:
    """Return what is declared: the type, and what limits it."""
    if get_origin(hint) is Annotated:
        kind, rule = get_args(hint)
        return kind, rule
    return hint, None


def _reader(hint: Any) -> Reader:
    """Return how to read what is declared so; a declaration without limits fails."""
    match _rule_of(hint):
        case (kind, Range() as rule) if kind is float:
            return _number(rule)
        case (kind, Range() as rule) if kind is int:
            return _whole(rule)
        case (kind, Text() as rule) if kind is str:
            return _text(rule)
        case (kind, Past() as rule) if kind is datetime:
            return _datetime(rule)
        case (kind, Past() as rule) if kind is int:
            return _timestamp(rule)
        case (kind, Many() as rule) if get_origin(kind) is tuple:
            return _items(get_args(kind)[0], rule)
        case (kind, Many() as rule) if get_origin(kind) is dict:
            return _details(rule)
        case (kind, _) if kind is bool:
            return lambda value: value if isinstance(value, bool) else None
        case (kind, None) if get_origin(kind) is tuple:
            return _pair(get_args(kind))
        case (kind, None) if is_dataclass(kind):
            return _Plan(kind).read  # type: ignore[arg-type]
        case (kind, None) if isinstance(kind, type) and issubclass(kind, StrEnum):
            return _member(kind)
    raise TypeError(f"{hint} has no limits")


def _number(rule: Range) -> Reader:
    minimum, maximum = max(rule.minimum, SMALLEST), rule.maximum

    def read(value: Any) -> float | None:
        # Nearly all are, and a poll reads dozens
        if type(value) is float and minimum <= value <= maximum:
            return value
        number = parse_number(value)
        if number is None or number not in rule:
            return None
        # A zero has no sign
        return number if number or math.copysign(1, number) > 0 else 0.0

    return read


def _whole(rule: Range) -> Reader:
    minimum, maximum = rule.minimum, rule.maximum

    def read(value: Any) -> int | None:
        if type(value) is int and minimum <= value <= maximum:
            return value
        number = parse_int(value)
        return number if number is not None and number in rule else None

    return read


def _text(rule: Text) -> Reader:
    longest = rule.longest

    def read(value: Any) -> str | None:
        if isinstance(value, str) and len(value) > longest and not rule.cut:
            return parse_text(value) if len(value.strip()) <= longest else None
        text = parse_text(value, longest)
        if text is not None and isinstance(value, Reason):
            return Reason(text, value.key, **value.values)
        return "" if text is None and rule.empty and isinstance(value, str) else text

    return read


def _datetime(rule: Past) -> Reader:
    def read(value: Any) -> datetime | None:
        if not isinstance(value, datetime) or value.tzinfo is None:
            return None
        try:
            timestamp = value.astimezone(UTC)
        except OverflowError:  # The first and the last day of the calendar
            return None
        known = parse_timestamp(timestamp.timestamp())
        # One in thousands of years would be read as milliseconds
        is_past = known is not None and known.year == timestamp.year >= rule.year
        return timestamp if is_past else None

    return read


def _timestamp(rule: Past) -> Reader:
    def read(value: Any) -> int | None:
        timestamp = parse_timestamp(parse_number(value))
        if timestamp is None or timestamp.year < rule.year:
            return None
        return round(timestamp.timestamp())

    return read


def _items(hint: Any, rule: Many) -> Reader:
    item = _without_none(hint)
    has_gaps = item is not hint
    # Two workers of one name would be one device
    has_names = is_dataclass(item) and "name" in {field.name for field in fields(item)}
    read_item = _reader(item)

    def read(value: Any) -> tuple[Any, ...] | None:
        if not isinstance(value, list | tuple):
            return None
        items = [read_item(entry) for entry in value[: rule.maximum]]
        if not has_gaps:
            items = [entry for entry in items if entry is not None]
        if has_names:
            items = list({entry.name: entry for entry in items}.values())
        return _same_or_new(value, items)

    return read


def _pair(hints: tuple[Any, ...]) -> Reader:
    readers = [_reader(hint) for hint in hints]

    def read(value: Any) -> tuple[Any, ...] | None:
        if not isinstance(value, list | tuple) or len(value) != len(readers):
            return None
        items = [read(entry) for read, entry in zip(readers, value, strict=True)]
        return None if None in items else _same_or_new(value, items)

    return read


def _same_or_new(
    reported: list[Any] | tuple[Any, ...], items: list[Any]
) -> tuple[Any, ...]:
    """Return what was reported if it is a tuple of these very items, else a new one."""
    if type(reported) is tuple and len(reported) == len(items):
        return reported if all(map(is_, reported, items, strict=True)) else tuple(items)
    return tuple(items)


def _details(rule: Many) -> Reader:
    def plain(value: Any, depth: int) -> Any:
        match value:
            case bool():
                return value
            case int():
                return parse_int(value)
            case float():
                return value if math.isfinite(value) else None
            case str():
                return value[:_LONGEST_DETAIL]
            case list() | tuple() if depth:
                return [plain(item, depth - 1) for item in value[: rule.maximum]]
            case dict() if depth:
                return {
                    name: plain(item, depth - 1)
                    for name, item in list(value.items())[: rule.maximum]
                    if isinstance(name, str)
                }
        return None

    return lambda value: (
        plain(value, _DEEPEST_DETAIL) if isinstance(value, dict) else None
    )


def _member(kind: type[StrEnum]) -> Reader:
    def read(value: Any) -> StrEnum | None:
        try:
            return kind(value)
        except ValueError:
            return None

    return read


_TELEMETRY = _Plan(MinerTelemetry)
_TILES = _Plan(DashboardTileData)
_FACTS = _Plan(DeviceFacts)
_LIMITS = _Plan(TuningLimits)
_TEMPLATE = _Plan(PoolTemplate)
_FOUND_POOL = _Plan(FoundPool)
_MODES = _reader(Annotated[tuple[Key, ...], OPTIONS])


def read_telemetry(answer: Any) -> MinerTelemetry | None:
    """Return a miner driver's answer as telemetry, None if it is no such thing."""
    if not isinstance(answer, dict):
        return _TELEMETRY.read(answer)
    telemetry = _TELEMETRY.fill(answer)
    if telemetry is None or telemetry.hashing is not None:
        return telemetry
    hashrate = telemetry.hashrate
    return replace(telemetry, hashing=None if hashrate is None else hashrate > 0)


def read_tiles(answer: Any) -> DashboardTileData | None:
    """Return a pool driver's answer as tiles, None if it is no such thing."""
    return _TILES.read(answer)


def read_facts(answer: Any) -> DeviceFacts:
    """Return who a device is, nothing of what cannot be read."""
    return _FACTS.read(answer) or DeviceFacts()


def read_limits(answer: Any) -> TuningLimits | None:
    """Return what may be tuned; a setting with limits that make no sense may not."""
    if (limits := _LIMITS.read(answer)) is None:
        return None
    wrong = {
        name: None
        for name in _LIMITS.names
        if isinstance(limit := getattr(limits, name), TuningRange)
        and not (limit.minimum <= limit.maximum and limit.step > 0)
    }
    return replace(limits, **wrong) if wrong else limits


def read_modes(answer: Any) -> tuple[str, ...]:
    """Return the modes of a device, or the effects of its light, each of them once."""
    return tuple(dict.fromkeys(_MODES(answer) or ()))


def read_template(answer: Any) -> PoolTemplate | None:
    """Return a pool that a driver knows, None if it is no such thing."""
    return _TEMPLATE.read(answer)


def read_found_pools(answer: Any) -> list[FoundPool]:
    """Return what a probe found; what is no such thing is left out."""
    items = answer if isinstance(answer, list | tuple) else ()
    pools = [_FOUND_POOL.read(item) for item in items[: OPTIONS.maximum]]
    return [replace(pool, coin=pool.coin.upper()) for pool in pools if pool is not None]
