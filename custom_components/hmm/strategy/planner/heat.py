"""Heat: miners warm a room, one rung after the other."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import math

from .model import (
    HIGHEST,
    LOWEST,
    OFF,
    Decision,
    Inputs,
    MinerView,
    Reading,
    Rung,
    Sentence,
    State,
    Wish,
)
from .rungs import resolve, steps
from .settings import HeatSettings
from .stored import Memory

_FAR_ABOVE = 1.0
_BELOW_MAX = 1.0
_LOWEST_ROOM, _HIGHEST_ROOM = -10.0, 45.0
_LOOK_AGAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class HeatMemory(Memory):
    """The level (0: idle) and since when; whether the room was too hot or unknown."""

    level: int | None = None
    since: datetime | None = None
    too_hot: bool = False
    stale_since: datetime | None = None


def levels(settings: HeatSettings, miner: MinerView) -> list[Rung]:
    """Return the rungs of a miner from idle to the hottest."""
    rungs = [mode.rung for mode in steps(miner)]
    low = _place(settings.lowest_rung, miner, rungs, 0)
    high = _place(settings.highest_rung, miner, rungs, len(rungs) - 1)
    idle = resolve(settings.when_idle, miner) or OFF
    if idle != OFF and rungs:
        idle = rungs[0]
    return [idle, *(rung for rung in rungs[low : high + 1] if rung != idle)]


def _place(rung: Rung, miner: MinerView, rungs: Sequence[Rung], default: int) -> int:
    """Return where a rung is among those of a miner."""
    if rung == HIGHEST:
        return len(rungs) - 1
    named = None if rung == LOWEST else resolve(rung, miner)
    return rungs.index(named) if named in rungs else default


def fresh(settings: HeatSettings, room: Reading | None, now: datetime) -> float | None:
    """Return the temperature of the room if it is fresh and possible."""
    if room is None or not math.isfinite(room.value):
        return None
    if not _LOWEST_ROOM <= room.value <= _HIGHEST_ROOM:
        return None
    return room.value if now - room.at <= settings.stale_after else None


def decide(
    settings: HeatSettings, memory: HeatMemory, inputs: Inputs
) -> tuple[Decision, HeatMemory]:
    """Return the level of the room's miners; no wish while heating is off."""
    now, target = inputs.now, inputs.target
    miners = sorted(inputs.miners, key=lambda miner: miner.id)
    ladders = {miner.id: levels(settings, miner) for miner in miners}
    top = max((len(rungs) - 1 for rungs in ladders.values()), default=0)
    room = fresh(settings, inputs.room, now)
    too_hot = _too_hot(settings, memory, room)
    level = min(_level(memory, inputs, ladders), top) if target is not None else 0
    wanted, is_urgent = 0, target is not None and (room is None or too_hot)
    state: State = "steering"
    since = None if memory.since is None else min(memory.since, now)
    stale_since = None
    cycle_ends = None
    if target is not None and room is None:
        stale_since = min(memory.stale_since or now, now)
        state = "fallback"
    elif target is not None and room is not None and not too_hot:
        wanted = _wanted(settings, level, room, target, top)
        if wanted != level and since is not None:
            cycle_ends = since + settings.min_cycle
            if now < cycle_ends:
                wanted, state = level, "holding"
    if wanted != level:
        since = now
    first = next(iter(ladders.values()), [OFF])
    what = first[min(wanted, len(first) - 1)]
    if stale_since is not None or too_hot:
        # Some continue if they cannot be off, or are not to be
        idle = (rungs[0] for rungs in ladders.values())
        what = next((rung for rung in idle if rung != OFF), OFF)
    held_until = cycle_ends if state == "holding" else None
    sentence = _sentence(inputs, room, what, stale_since, too_hot, held_until)
    stops_all = too_hot and settings.stop_all
    wishes: list[Wish] = []
    for miner in inputs.miners:
        rungs = ladders[miner.id]
        if stops_all:
            wishes.append(Wish(miner.id, OFF, sentence, safety=True))
        elif target is not None:
            rung = rungs[min(wanted, len(rungs) - 1)]
            wishes.append(Wish(miner.id, rung, sentence, urgent=is_urgent))
    checks = [now + _LOOK_AGAIN]
    if cycle_ends is not None and cycle_ends > now:
        checks.append(cycle_ends)
    if room is not None and inputs.room is not None and target is not None:
        checks.append(inputs.room.at + settings.stale_after + timedelta(seconds=1))
    decision = Decision(
        wishes=tuple(wishes),
        sentence=sentence,
        state=state,
        next_check_at=min(instant for instant in checks if instant > now),
        mark="" if target is None else str(wanted),
        level=wanted,
        min_time=settings.min_cycle,
        max_switches=settings.max_switches,
        stagger=settings.stagger,
    )
    return decision, HeatMemory(
        level=None if target is None else wanted,
        since=since,
        too_hot=too_hot,
        stale_since=stale_since,
    )


def _too_hot(settings: HeatSettings, memory: HeatMemory, room: float | None) -> bool:
    """Return whether the room is above its maximum; only 1 K below ends it."""
    if room is None:
        return memory.too_hot
    if room >= settings.max_room:
        return True
    return memory.too_hot and room > settings.max_room - _BELOW_MAX


def _level(memory: HeatMemory, inputs: Inputs, ladders: dict[str, list[Rung]]) -> int:
    """Return the level of before; without memory that of the hottest miner."""
    if memory.level is not None:
        return memory.level
    return max(
        (
            ladders[miner.id].index(miner.reported)
            for miner in inputs.miners
            if miner.reported in ladders[miner.id]
        ),
        default=0,
    )


def _wanted(
    settings: HeatSettings, level: int, room: float, target: float, top: int
) -> int:
    if room >= target + _FAR_ABOVE:
        return 0
    if room >= target + settings.tolerance:
        return max(level - 1, 0)
    if room < target - settings.tolerance:
        return min(level + 1, top)
    return level


def _sentence(
    inputs: Inputs,
    room: float | None,
    what: Rung,
    stale_since: datetime | None,
    too_hot: bool,
    held_until: datetime | None,
) -> Sentence:
    is_off = what == OFF
    if stale_since is not None:
        values = {"time": stale_since, "what": what}
        return Sentence("heat_stale" if is_off else "heat_stale_low", values)
    if too_hot:
        values = {"room": room, "what": what}
        return Sentence("heat_too_hot" if is_off else "heat_too_hot_low", values)
    if inputs.target is None:
        return Sentence("heat_off")
    values = {"room": room, "target": inputs.target, "what": what}
    if held_until is not None:
        # Else a cold room and "Off" contradict each other
        return Sentence("heat_hold", {**values, "until": held_until})
    return Sentence("heat", values)
