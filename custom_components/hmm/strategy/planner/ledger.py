"""What was commanded, miner by miner: what dwell, limits and attempts go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from .model import Rung
from .stored import VERSION, as_json, mapping, past, restored, versioned


@dataclass(frozen=True, slots=True)
class Entry:
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
class Ledger:
    """All miners' entries, and when each strategy last commanded one."""

    entries: dict[str, Entry] = field(default_factory=dict)
    commanded_at: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: object, now: datetime) -> Ledger:
        """Return what was stored; what is damaged is left out."""
        stored = versioned(data)
        return cls(
            entries={
                miner: restored(Entry, mapping(entry), now)
                for miner, entry in mapping(stored.get("entries")).items()
            },
            commanded_at={
                key: at
                for key, value in mapping(stored.get("commanded_at")).items()
                if (at := past(value, now)) is not None
            },
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "version": VERSION,
            "entries": {miner: as_json(entry) for miner, entry in self.entries.items()},
            "commanded_at": {
                key: at.isoformat() for key, at in self.commanded_at.items()
            },
        }


def switches_of(entry: Entry, day: date) -> int:
    """Return the switchings of a day; a future day was counted by a wrong clock."""
    return entry.switches if entry.day is not None and entry.day >= day else 0
