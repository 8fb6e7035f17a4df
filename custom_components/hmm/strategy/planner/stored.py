"""Memory as JSON, read back so that damage costs the memory and nothing else."""

from dataclasses import fields, replace
from datetime import datetime
from typing import Any, ClassVar, Self, override

from ...stored import BROKEN, Stored

VERSION = 1


class Memory(Stored):
    """What a type of strategy remembers: a data class, each field with a default."""

    __slots__ = ()
    may_be_ahead: ClassVar[tuple[str, ...]] = ()
    """The fields whose instant may be in the future."""

    @classmethod
    def restored(cls, data: Any, now: datetime) -> Self:
        """Return what was stored; what is damaged is as at the beginning."""
        try:
            if data["version"] == VERSION:
                return past(cls.from_dict(data), now)
        except BROKEN:
            pass
        return cls()

    @override
    def as_dict(self) -> dict[str, Any]:
        return {"version": VERSION, **super().as_dict()}


def past[T: Stored](memory: T, now: datetime) -> T:
    """Return a memory without instants in the future: they were of a wrong clock."""
    found: dict[str, Any] = {}
    for field in fields(memory):  # type: ignore[arg-type]
        value = getattr(memory, field.name)
        if isinstance(value, Memory):
            found[field.name] = past(value, now)
        elif isinstance(value, datetime):
            is_ahead = field.name in getattr(memory, "may_be_ahead", ())
            found[field.name] = value if is_ahead else min(value, now)
    return replace(memory, **found)  # type: ignore[type-var]
