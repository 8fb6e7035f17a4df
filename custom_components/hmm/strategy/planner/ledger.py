"""What was commanded, miner by miner: what dwell, limits and attempts go by."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from .model import Rung
from .stored import VERSION, count, fields, iso, mapping, past, text


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
    min_time: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Ledger:
    """All miners' entries, and when each strategy last commanded one."""

    entries: dict[str, Entry] = field(default_factory=dict)
    commanded_at: Mapping[str, datetime] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, data: object, now: datetime) -> Ledger:
        """Return what was stored; what is damaged is left out."""
        stored = fields(data)
        commanded = {
            key: past(value, now)
            for key, value in mapping(stored.get("commanded_at")).items()
        }
        return cls(
            entries={
                miner: _entry(mapping(entry), now)
                for miner, entry in mapping(stored.get("entries")).items()
            },
            commanded_at={key: at for key, at in commanded.items() if at is not None},
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "version": VERSION,
            "entries": {miner: _stored(entry) for miner, entry in self.entries.items()},
            "commanded_at": {key: iso(at) for key, at in self.commanded_at.items()},
        }

    def switches(self, miner: str, day: date) -> int:
        """Return how often a miner was switched on a day."""
        entry = self.entries.get(miner)
        return 0 if entry is None else switches_of(entry, day)


def switches_of(entry: Entry, day: date) -> int:
    """Return the switchings of a day; a future day was counted by a wrong clock."""
    return entry.switches if entry.day is not None and entry.day >= day else 0


def _entry(data: Mapping[str, Any], now: datetime) -> Entry:
    day = text(data.get("day"))
    try:
        counted = None if day is None else date.fromisoformat(day)
    except ValueError:
        counted = None
    return Entry(
        target=text(data.get("target")),
        reached=data.get("reached") is True,
        changed_at=past(data.get("changed_at"), now),
        switched_at=past(data.get("switched_at"), now),
        attempts=count(data.get("attempts")),
        tried_at=past(data.get("tried_at"), now),
        day=counted,
        switches=count(data.get("switches")),
        before=text(data.get("before")),
        pool=text(data.get("pool")),
        min_time=timedelta(seconds=min(count(data.get("min_time")), 86_400)),
    )


def _stored(entry: Entry) -> dict[str, Any]:
    return {
        "target": entry.target,
        "reached": entry.reached,
        "changed_at": iso(entry.changed_at),
        "switched_at": iso(entry.switched_at),
        "attempts": entry.attempts,
        "tried_at": iso(entry.tried_at),
        "day": None if entry.day is None else entry.day.isoformat(),
        "switches": entry.switches,
        "before": entry.before,
        "pool": entry.pool,
        "min_time": entry.min_time.total_seconds(),
    }
