"""Solar surplus: miners use what the house would export, the most efficient first.

What the miners draw themselves is added to the surplus once, at the same instant, and
the sum is allotted again: each miner its lowest mode while that fits, then each the
highest that fits. More surplus then never means fewer watts. To go up it must have
fitted for a while with the reserve left over; to go down the house must have imported
for a while.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from .meter import MIN_MARGIN, SETTLE, Meter, read_meter
from .model import (
    LEAVE,
    OFF,
    Decision,
    Inputs,
    MinerView,
    Problem,
    Rung,
    Sentence,
    Wish,
)
from .ranking import ranked
from .rungs import is_at, ladder, resolve, watts_of
from .settings import SolarSettings
from .stored import Memory

_STARTING = timedelta(minutes=5)
_PLUG_DELAY = timedelta(minutes=5)
_MARGIN = 0.1
_LONGER = 3
_TYPICAL_SHARE = 0.6
"""Times the delay to go down: in so long a time, so much of it counts as all."""
_SOC_STEP = 3.0
_TOLD = timedelta(seconds=90)
"""After a step: by then the meter reports what most miners draw."""
_DOUBTED, _SURE = 2, 3
"""Steps in a row after which the meter moved the wrong way."""
_LOOK_AGAIN = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class SolarMemory(Memory):
    """What each miner was allotted, when that last changed, and the reason given."""

    allotted: dict[str, Rung] = field(default_factory=dict)
    acted_at: datetime | None = None
    battery_low: bool = False
    said: Sentence | None = None
    judged_at: datetime | None = None
    against: int = 0
    """After how many steps in a row the meter moved the wrong way."""
    second_chance: bool = False
    """Whether it was doubted, and that could not be judged."""


def horizon(settings: SolarSettings) -> timedelta:
    """Return how far back samples are used."""
    return max(
        settings.off_delay * _LONGER, settings.window, settings.on_delay, _PLUG_DELAY
    )


def ordered(
    settings: SolarSettings, miners: Sequence[MinerView], now: datetime
) -> list[MinerView]:
    """Return the miners, that which is served first in front."""
    return ranked(settings.rank_by, settings.order, miners, now)


def allot(
    settings: SolarSettings, miners: Sequence[MinerView], budget: float
) -> dict[str, Rung]:
    """Return a rung for each miner within a budget in W, in the order given.

    What cannot go below a mode keeps it even if there is no surplus.
    """
    rungs: dict[str, Rung] = {}
    watts: dict[str, float] = {}
    for miner in miners:
        rungs[miner.id] = floor_of(settings, miner)
        watts[miner.id] = watts_of(rungs[miner.id], miner) or 0.0
        budget -= watts[miner.id]
    for is_first in (True, False):
        for miner in miners:
            steps = ladder(miner)
            for mode in steps[:1] if is_first else reversed(steps):
                more = (mode.watts or 0.0) - watts[miner.id]
                if 0 < more <= budget:
                    budget -= more
                    rungs[miner.id] = mode.rung
                    watts[miner.id] = mode.watts or 0.0
                    break
    return rungs


def floor_of(settings: SolarSettings, miner: MinerView) -> Rung:
    """Return what a miner does without surplus."""
    return resolve(settings.floor, miner) or OFF


def decide(
    settings: SolarSettings, memory: SolarMemory, inputs: Inputs
) -> tuple[Decision, SolarMemory]:
    """Return what each miner may use of the surplus."""
    now = inputs.now
    measured = tuple(map(_measured, inputs.miners))
    if measured != inputs.miners:
        inputs = replace(inputs, miners=measured)
    miners = ordered(settings, inputs.miners, now)
    memory = replace(
        memory,
        allotted={miner.id: _present(settings, memory, miner) for miner in miners},
        acted_at=None if memory.acted_at is None else min(memory.acted_at, now),
        battery_low=_battery_low(settings, memory, inputs),
    )
    meter = read_meter(settings, inputs)
    latest = meter.samples[-1].at if meter.samples else inputs.metered_since or now
    latest = min(latest, now)
    if now - latest > settings.stale_after:
        # What comes after the gap must last as long as after a step
        memory = replace(
            memory,
            allotted={miner.id: floor_of(settings, miner) for miner in miners},
            acted_at=now,
            said=None,
        )
        sentence = Sentence("solar_stale", {"time": latest, "what": settings.floor})
        return _decision(settings, memory, inputs, sentence, meter, "fallback"), memory
    if not meter.samples:
        wait = Sentence("solar_stale", {"time": latest, "what": LEAVE})
        return _decision(settings, memory, inputs, wait, meter, "waiting"), memory
    memory = _judged(memory, meter)
    if memory.against >= _DOUBTED:
        meter = replace(meter, is_wrong=True)
    memory = _step(settings, memory, inputs, miners, meter)
    sentence = memory.said or _waiting(settings, memory, miners, meter)
    return _decision(settings, memory, inputs, sentence, meter, "steering"), memory


def _measured(miner: MinerView) -> MinerView:
    """Return a miner with what it draws right now in a mode of which nothing is learned.

    Else a new strategy would stop all that runs, and could never start it again.
    """
    is_known = watts_of(miner.reported, miner) is not None
    if is_known or not miner.mining or not miner.watts:
        return miner
    modes = tuple(
        replace(mode, watts=miner.watts) if mode.rung == miner.reported else mode
        for mode in miner.modes
    )
    return replace(miner, modes=modes)


def _present(settings: SolarSettings, memory: SolarMemory, miner: MinerView) -> Rung:
    """Return what a miner was allotted; without memory, what it does."""
    rung = memory.allotted.get(miner.id, miner.reported)
    is_known = rung == OFF or any(mode.rung == rung for mode in ladder(miner))
    return rung if rung and is_known else floor_of(settings, miner)


def _battery_low(settings: SolarSettings, memory: SolarMemory, inputs: Inputs) -> bool:
    soc = inputs.battery_soc
    if settings.min_soc <= 0 or soc is None:
        return memory.battery_low and settings.min_soc > 0
    return soc < settings.min_soc + (_SOC_STEP if memory.battery_low else 0)


def _judged(memory: SolarMemory, meter: Meter) -> SolarMemory:
    """Return the memory after judging what the last step has done to the meter.

    When miners draw more, the house exports less by as much, if nothing else changes
    much. A meter that reports the contrary twice stops them; that is a step, too, and
    the last word: clouds that moved it will hardly do so a third time. At night an
    import proves it right.
    """
    acted, now = memory.acted_at, meter.now
    if meter.imports_at_night:
        return replace(memory, against=0, second_chance=False)
    if acted is None or acted == memory.judged_at or now < acted + _TOLD:
        return memory
    match meter.moved(acted):
        case -1:
            memory = replace(memory, against=0, second_chance=False)
        case 1:
            against = _SURE if memory.second_chance else memory.against + 1
            memory = replace(memory, against=min(against, _SURE))
        case _ if now < acted + _STARTING:
            return memory
        case _ if memory.against == _DOUBTED:
            memory = replace(memory, against=0, second_chance=True)
    return replace(memory, judged_at=acted)


def _is_free(miner: MinerView) -> bool:
    return (
        miner.online
        and not miner.held
        and miner.manual is None
        and miner.safety is None
    )


def _draw(miner: MinerView, rung: Rung | None) -> float:
    return watts_of(rung, miner) or 0.0


def _step(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    miners: Sequence[MinerView],
    meter: Meter,
) -> SolarMemory:
    """Return the memory after at most one step up, or all steps down that are due."""
    free = [miner for miner in miners if _is_free(miner)]
    others = [miner for miner in miners if not _is_free(miner)]
    # What others decide for draws its part, regardless of what it would be allotted
    taken = sum(
        max(miner.watts or 0.0, _draw(miner, miner.reported)) for miner in others
    )
    settled = None if memory.acted_at is None else memory.acted_at + SETTLE
    if rungs := _for_others(settings, memory, inputs, miners, others, meter, settled):
        memory = replace(memory, allotted={**memory.allotted, **rungs})
    down = _down(settings, memory, inputs, free, meter, taken, settled)
    if down is not None:
        return down
    up = _up(settings, memory, inputs, free, meter, taken, settled)
    if up is not None:
        return up
    waited = max(settings.window, settings.on_delay) + SETTLE
    is_past = memory.acted_at is None or inputs.now - memory.acted_at > waited
    if memory.said is not None and is_past:
        memory = replace(memory, said=None)
    return memory


def _for_others(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    miners: Sequence[MinerView],
    others: Sequence[MinerView],
    meter: Meter,
    settled: datetime | None,
) -> dict[str, Rung]:
    """Return what others would be allotted if this strategy decided for them."""
    length = max(settings.window, settings.on_delay)
    if not others or not meter.covers(length, settled):
        return {}
    budget = meter.gross(length) - settings.reserve
    if memory.battery_low or meter.is_unusable:
        budget = 0.0
    rungs = allot(settings, miners, budget)
    return {miner.id: rungs[miner.id] for miner in others}


def _down(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    free: Sequence[MinerView],
    meter: Meter,
    taken: float,
    settled: datetime | None,
) -> SolarMemory | None:
    """Return what is left of the allotment after the house imported for too long."""
    running = [
        miner
        for miner in free
        if _draw(miner, memory.allotted[miner.id])
        > _draw(miner, floor_of(settings, miner))
    ]
    if not running:
        return None
    if memory.battery_low or meter.is_unusable:
        budget, imported, length = 0.0, 0.0, timedelta()
    else:
        step = _draw(running[-1], memory.allotted[running[-1].id])
        margin = max(MIN_MARGIN, _MARGIN * step)
        length = settings.off_delay
        if not _imports(meter, length, settled, -margin, 1.0):
            length = settings.off_delay * _LONGER
            if not _imports(meter, length, settled, -margin, _TYPICAL_SHARE):
                return None
        budget = meter.gross(length) - taken
        imported = -meter.surplus(length)
    target = allot(settings, free, budget)
    lower = {
        miner.id: target[miner.id]
        for miner in running
        if _draw(miner, target[miner.id]) < _draw(miner, memory.allotted[miner.id])
    }
    if not lower:
        return None
    last = next(miner for miner in reversed(running) if miner.id in lower)
    values = {
        "watts": imported,
        "minutes": length / timedelta(minutes=1),
        "miner": last.id,
        "rung": lower[last.id],
    }
    sentence = Sentence("solar_down", values)
    if meter.is_unusable:
        sentence = _silent(meter)
    elif memory.battery_low:
        sentence = Sentence("solar_battery", {"soc": inputs.battery_soc})
    return replace(
        memory,
        allotted={**memory.allotted, **lower},
        acted_at=inputs.now,
        said=sentence,
    )


def _imports(
    meter: Meter,
    length: timedelta,
    settled: datetime | None,
    limit: float,
    part: float,
) -> bool:
    """Return whether the house imported for that part of a length, and on average."""
    return (
        meter.covers(length, settled)
        and meter.below(length, limit) >= part - 1e-6
        and meter.surplus(length) < limit
    )


def _up(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    free: Sequence[MinerView],
    meter: Meter,
    taken: float,
    settled: datetime | None,
) -> SolarMemory | None:
    """Return the allotment with one more step, if it has fitted for long enough."""
    now = inputs.now
    length = max(settings.window, settings.on_delay)
    is_out = memory.battery_low or meter.is_unusable
    if is_out or not meter.covers(length, settled):
        return None
    if any(_is_changing(memory, miner, now) for miner in free):
        return None
    surplus = min(
        min(meter.gross(span), meter.usual_gross(span))
        for span in {settings.window, settings.on_delay}
    )
    budget = surplus - settings.reserve - taken
    target = allot(settings, free, budget)
    present = {
        miner.id: max(
            _draw(miner, memory.allotted[miner.id]), _draw(miner, miner.reported)
        )
        for miner in free
    }
    left = budget - sum(present.values())
    no_start = settings.min_forecast > 0 and (
        inputs.forecast is None or inputs.forecast < settings.min_forecast
    )
    for miner in free:
        rung, before = target[miner.id], memory.allotted[miner.id]
        if _draw(miner, rung) <= _draw(miner, before):
            continue
        is_start = before == OFF
        if is_start and no_start:
            continue
        if is_start and miner.plugged and not meter.covers(_PLUG_DELAY, settled):
            continue
        more = max(_draw(miner, rung) - present[miner.id], 0.0)
        if more > left:
            return _make_room(settings, memory, inputs, free, target)
        values = {
            "surplus": meter.surplus(length),
            "minutes": length / timedelta(minutes=1),
            "miner": miner.id,
            "rung": rung,
            "watts": more,
        }
        return replace(
            memory,
            allotted={**memory.allotted, miner.id: rung},
            acted_at=now,
            said=Sentence("solar_up", values),
        )
    return None


def _is_changing(memory: SolarMemory, miner: MinerView, now: datetime) -> bool:
    """Return whether a miner is still on its way to what it was allotted."""
    if memory.acted_at is None or now - memory.acted_at > _STARTING:
        return False
    rung = memory.allotted[miner.id]
    if rung == OFF:
        return False
    return not is_at(miner, rung) or not miner.mining


def _make_room(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    free: Sequence[MinerView],
    target: dict[str, Rung],
) -> SolarMemory | None:
    """Return the allotment without what a miner of higher priority needs."""
    lower = {
        miner.id: target[miner.id]
        for miner in free
        if _draw(miner, target[miner.id]) < _draw(miner, memory.allotted[miner.id])
    }
    if not lower:
        return None
    last = next(miner for miner in reversed(free) if miner.id in lower)
    values = {"miner": last.id, "rung": lower[last.id]}
    return replace(
        memory,
        allotted={**memory.allotted, **lower},
        acted_at=inputs.now,
        said=Sentence("solar_makes_room", values),
    )


def _waiting(
    settings: SolarSettings,
    memory: SolarMemory,
    miners: Sequence[MinerView],
    meter: Meter,
) -> Sentence:
    """Return what the next step waits for."""
    if meter.is_unusable:
        return _silent(meter)
    if memory.battery_low:
        return Sentence("solar_battery", {"soc": settings.min_soc})
    surplus = meter.samples[-1].surplus
    if surplus < 0:
        return Sentence("solar_none", {"watts": -surplus})
    for miner in miners:
        present = _draw(miner, memory.allotted[miner.id])
        for mode in ladder(miner):
            if (mode.watts or 0.0) > present and _is_free(miner):
                values = {
                    "surplus": surplus,
                    "miner": miner.id,
                    "watts": (mode.watts or 0.0) - present + settings.reserve,
                }
                return Sentence("solar_wait", values)
    if unknown := [miner.id for miner in miners if not ladder(miner)]:
        return Sentence("solar_unknown", {"surplus": surplus, "miners": unknown})
    return Sentence("solar_full", {"surplus": surplus})


def _silent(meter: Meter) -> Sentence:
    """Return why nothing runs: it is dark, or the meter has the wrong sign."""
    if meter.is_wrong:
        return Sentence("solar_sign_steps")
    surplus = meter.samples[-1].surplus
    if surplus > MIN_MARGIN:
        return Sentence("solar_sign", {"surplus": surplus})
    return Sentence("solar_dark")


def _problem(memory: SolarMemory, meter: Meter) -> Problem | None:
    """Return whether the sign is wrong: after steps, or for long enough after sunset."""
    is_wrong = memory.against >= _SURE or meter.exports_at_night
    return "meter_sign" if is_wrong else None


def _decision(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    sentence: Sentence,
    meter: Meter,
    state: Any,
) -> Decision:
    wishes = []
    for miner in inputs.miners:
        rung = memory.allotted[miner.id]
        floor = floor_of(settings, miner)
        if state == "waiting":
            rung = LEAVE
        wishes.append(Wish(miner.id, rung, sentence, yields=rung == floor))
    drawn = sum(_draw(miner, memory.allotted[miner.id]) for miner in inputs.miners)
    return Decision(
        wishes=tuple(wishes),
        sentence=sentence,
        state=state,
        next_check_at=inputs.now + _LOOK_AGAIN,
        mark=repr(sorted(memory.allotted.items())),
        surplus=meter.samples[-1].surplus if meter.samples else None,
        allotted=drawn,
        min_time=settings.min_run,
        max_switches=settings.max_switches,
        stagger=settings.stagger,
        free_steps=True,
        is_sun=not meter.is_unusable,
        problem=_problem(memory, meter),
    )
