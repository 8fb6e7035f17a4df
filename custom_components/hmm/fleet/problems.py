"""What needs attention in the whole fleet: which miner or pool, and why."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..const import EntryType
from ..data import HmmConfigEntry, entry_kind
from ..errors import entry_reason
from ..miner.coordinator import MinerCoordinator
from ..miner.status import ON_PURPOSE, MinerState
from ..pool.coordinator import PoolCoordinator
from ..sentences import reason_sentence
from ..unique_ids import device_id_of

MAX_LISTED: Final = 20

# What can wait: the miner works
_MILD: Final = frozenset(
    {"hot", "high_rejects", "weak_signal", "low_hashrate", "overheat_lowered"}
)


class FleetState(StrEnum):
    """Whether all is well."""

    ALL_WELL = "all_well"
    ATTENTION = "attention"
    PROBLEM = "problem"
    RESTING = "resting"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetProblem:
    """What is wrong with one miner or pool."""

    entry: HmmConfigEntry
    kind: EntryType
    keys: tuple[str, ...]
    sentences: tuple[str, ...]
    """What each is and what helps."""
    since: datetime | None

    @property
    def is_mild(self) -> bool:
        """Return whether the miner or pool works in spite of it."""
        return _MILD.issuperset(self.keys)

    def as_attribute(self, hass: HomeAssistant) -> dict[str, Any]:
        """Return what cards and automations read."""
        return {
            "name": self.entry.title,
            "device_id": device_id_of(hass, self.entry),
            "kind": self.kind,
            "problems": list(self.keys),
            "sentence": self.sentences[0],
            "sentences": list(self.sentences),
            "since": self.since,
        }


@callback
def find_problems(
    hass: HomeAssistant, entries: Iterable[HmmConfigEntry]
) -> Iterator[FleetProblem]:
    """Return what is wrong with each of the miners and pools that the user wants."""
    for entry in entries:
        kind = entry_kind(entry)
        if kind is None or kind is EntryType.FLEET:
            continue
        member = getattr(entry, "runtime_data", None)
        if isinstance(member, MinerCoordinator | PoolCoordinator):
            status = member.status
            if status.active:
                yield FleetProblem(
                    entry=entry,
                    kind=kind,
                    keys=tuple(status.active),
                    sentences=tuple(
                        reason_sentence(hass, _key_of(kind, key), values)
                        for key, values in status.active.items()
                    ),
                    since=_since(member),
                )
        elif (reason := entry_reason(hass, entry)) is not None:
            # Not even set up: its driver is missing, or it was never reached
            yield FleetProblem(
                entry=entry,
                kind=kind,
                keys=(entry.error_reason_translation_key or "not_set_up",),
                sentences=(reason,),
                since=None,
            )


def _since(member: MinerCoordinator | PoolCoordinator) -> datetime | None:
    if isinstance(member, MinerCoordinator):
        return member.status.record.problem.at
    return member.status.problem.at


def _key_of(kind: EntryType, key: str) -> str:
    """Return the key of the sentence: a pool's reasons have their own."""
    return f"pool_{key}" if kind is EntryType.POOL else key


def fleet_state(
    states: Iterable[MinerState | None], problems: Iterable[FleetProblem]
) -> FleetState:
    """Return the verdict."""
    verdicts = list(states)
    open_problems = list(problems)
    if not verdicts and not open_problems:
        return FleetState.EMPTY
    if any(not problem.is_mild for problem in open_problems):
        return FleetState.PROBLEM
    if open_problems:
        return FleetState.ATTENTION
    if all(state in ON_PURPOSE for state in verdicts):
        return FleetState.RESTING
    return FleetState.ALL_WELL
