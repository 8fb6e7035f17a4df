"""Two versions of a driver on the same answers: which fields they read differently."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
import math
from typing import Any, Final, Literal

from ..driver_api import DashboardTileData, MinerTelemetry
from .worse import Reading

type Value = str | float | bool | list[Any] | dict[str, Any] | None
type Kind = Literal["same", "different", "lost", "gained"]

_LONGEST: Final = 60
"""Characters of a value as it is shown."""
_MAX_MISSED: Final = 20
_CLOSE: Final = 1e-9
_NOTHING: Final = "–"
_FIELDS: Final = frozenset(
    field.name for kind in (MinerTelemetry, DashboardTileData) for field in fields(kind)
)
"""What a candidate says of anything else is none of its reading."""

SECRET: Final = frozenset({"account", "own_blocks", "pools", "workers", "device"})
"""Fields that hold names and accounts: compared, never shown."""
_LEFT_OUT: Final = frozenset({"latency_ms"})


def readable(reading: Reading) -> dict[str, Value]:
    """Return the fields of a reading that have a value, as JSON types."""
    plain = _plain(reading)
    assert isinstance(plain, dict)
    return {
        name: value
        for name, value in plain.items()
        if value not in (None, []) and name not in _LEFT_OUT
    }


def _plain(value: Any) -> Value:
    if is_dataclass(value):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(name): _plain(item) for name, item in value.items()}
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


@dataclass(slots=True)
class FieldResult:
    """How one field fared over all polls, and what it last was where it differed."""

    counts: Counter[Kind] = field(default_factory=Counter)
    running: str = _NOTHING
    candidate: str = _NOTHING
    """As they are shown."""

    @property
    def kind(self) -> Kind:
        """Return the worst of what was seen."""
        kinds: tuple[Kind, ...] = ("lost", "different", "gained")
        return next((kind for kind in kinds if self.counts[kind]), "same")


@dataclass(slots=True)
class Comparison:
    """What came of all polls so far."""

    polls: int = 0
    good: int = 0
    """Those that the candidate read."""
    fields: dict[str, FieldResult] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)
    """How many polls the candidate failed, by the reported reason."""
    missed: dict[str, None] = field(default_factory=dict)
    """What the candidate asked and the running driver had not."""

    def note(self, running: Mapping[str, Value], candidate: Mapping[str, Any]) -> None:
        """Compare one poll, of which the candidate may have made anything."""
        self.polls += 1
        self.good += 1
        for name in {**running, **candidate}:
            if name not in _FIELDS:
                continue
            result = self.fields.setdefault(name, FieldResult())
            one, two = running.get(name), candidate.get(name)
            kind = _kind(one, two)
            result.counts[kind] += 1
            if kind != "same" or result.kind == "same":
                result.running, result.candidate = shown(name, one), shown(name, two)

    def note_failure(self, text: str) -> None:
        """Count a poll that the candidate failed."""
        self.polls += 1
        if text in self.errors or len(self.errors) < _MAX_MISSED:
            self.errors[text] += 1

    def note_missed(self, missed: list[str]) -> None:
        """Keep the requests without a response."""
        for request in missed:
            if len(self.missed) < _MAX_MISSED:
                self.missed[request] = None

    def of_kind(self, kind: Kind) -> dict[str, FieldResult]:
        """Return the fields that fared so, by their names."""
        return {
            name: result
            for name, result in sorted(self.fields.items())
            if result.kind == kind
        }


def shown(name: str, value: Value) -> str:
    """Return a value in few characters; of names and accounts only how many."""
    if value is None:
        return _NOTHING
    if name in SECRET:
        return f"({len(value)})" if isinstance(value, list | dict) else "…"
    if isinstance(value, float):
        text = f"{value:.6g}"
    elif isinstance(value, list):
        text = ", ".join(shown("", item) for item in value[:20])
    elif isinstance(value, dict):
        text = f"({len(value)})"
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _kind(one: Value, two: Value) -> Kind:
    if one is None and two is not None:
        return "gained"
    if two is None and one is not None:
        return "lost"
    return "same" if _is_same(one, two) else "different"


def _is_same(one: Value, two: Value) -> bool:
    if isinstance(one, float | int) and isinstance(two, float | int):
        return math.isclose(one, two, rel_tol=_CLOSE)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_same, one, two, strict=True))
    return one == two
