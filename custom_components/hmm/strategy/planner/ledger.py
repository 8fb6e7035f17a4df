"""What was commanded, miner by miner: what dwell, limits and attempts go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Self, override

from ...stored import Stored
from .model import Rung
from .stored import Memory, past


@dataclass(frozen=True, slots=True)
class Entry(Stored):
    """What HMM did with one miner.

    ``target`` is the last command, ``reached`` whether the miner has reported it.
    ``changed_at`` is when it last changed, ``switched_at`` when it was last started or
    stopped. ``before`` is what it had before any strategy touched it. ``pool`` is what a
    strategy sent it to, as long as it wishes that.
    """

    target: Rung | None = None
    reached: bool = False
    changed_at: datetime | None = None
    switched_at: datetime | None = None
    attempts: int = 0
    tried_at: datetime | None = None
    day: date | None = None
    switches: int = 0
    before: Rung | None = None
    pool: str | None = None


@dataclass(frozen=True, slots=True)
class Ledger(Memory):
    """All miners' entries, and when each strategy last commanded one."""

    entries: dict[str, Entry] = field(default_factory=dict)
    commanded_at: Mapping[str, datetime] = field(default_factory=dict)

    @override
    @classmethod
    def restored(cls, data: Any, now: datetime) -> Self:
        stored = super().restored(data, now)
        return cls(
            {miner: past(entry, now) for miner, entry in stored.entries.items()},
            {key: min(at, now) for key, at in stored.commanded_at.items()},
        )


def switches_of(entry: Entry, day: date) -> int:
    """Return the switchings of a day; a future day was counted by a wrong clock."""
    return entry.switches if entry.day is not None and entry.day >= day else 0
