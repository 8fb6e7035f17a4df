"""Solar surplus: miners use what the house would export, the most efficient first.

What the miners draw themselves is added to the surplus once, at the same instant, and
the sum is allotted anew: each miner its lowest mode while that fits, then each the
highest that fits. More surplus then never means fewer watts. To go up it must have
fitted for a while with the reserve left over; to go down the house must have imported
for a while.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import math
from typing import Any

from .model import LEAVE, OFF, Decision, Inputs, MinerView, Rung, Sentence, Wish
from .rungs import is_at, ladder, resolve, watts_of
from .settings import SolarSettings
from .stored import VERSION, fields, mapping, number, past, text

_SETTLE = timedelta(seconds=60)
"""How late the meter tells what a miner draws."""
_STARTING = timedelta(minutes=5)
_PLUG_DELAY = timedelta(minutes=5)
_LEAST_MARGIN = 50.0
_MARGIN = 0.1
_LONGER = 3
_MOSTLY = 0.6
"""Times the delay to go down: in so long a time, so much of it counts as all."""
_SOC_STEP = 3.0
_LOOK_AGAIN = timedelta(seconds=30)
MOST_SAMPLES = 2000


@dataclass(frozen=True, slots=True)
class SolarMemory:
    """What each miner was allotted, when that last changed, and what was said then."""

    allotted: dict[str, Rung] = field(default_factory=dict)
    acted_at: datetime | None = None
    battery_low: bool = False
    said: Sentence | None = None

    @classmethod
    def from_dict(cls, data: object, now: datetime) -> SolarMemory:
        """Return what was stored, empty if it is damaged."""
        stored = fields(data)
        rungs = mapping(stored.get("allotted"))
        return cls(
            allotted={k: v for k, v in rungs.items() if text(v) is not None},
            acted_at=past(stored.get("acted_at"), now),
            battery_low=stored.get("battery_low") is True,
            said=_sentence(stored.get("said")),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        acted, said = self.acted_at, self.said
        return {
            "version": VERSION,
            "allotted": dict(self.allotted),
            "acted_at": None if acted is None else acted.isoformat(),
            "battery_low": self.battery_low,
            "said": said and {"key": said.key, "values": dict(said.values)},
        }


def _sentence(data: object) -> Sentence | None:
    """Return what was said, None if that is damaged."""
    stored = mapping(data)
    if (key := text(stored.get("key"))) is None:
        return None
    values = {
        name: it
        for name, it in mapping(stored.get("values")).items()
        if it is None or text(it) is not None or number(it) is not None
    }
    return Sentence(key, values)


@dataclass(frozen=True, slots=True)
class _Sample:
    """A surplus, and what it would be without the miners."""

    at: datetime
    surplus: float
    gross: float


@dataclass(frozen=True, slots=True)
class _Meter:
    """The meter over the last minutes; ``is_dark``: what it tells is no sun."""

    samples: Sequence[_Sample]
    now: datetime
    is_dark: bool

    def covers(self, length: timedelta, after: datetime | None) -> bool:
        """Return whether it tells of so long a time, since the last action."""
        begin = self.now - length
        if not self.samples or self.samples[0].at > begin:
            return False
        return after is None or after <= begin

    def _parts(self, length: timedelta) -> Iterator[tuple[_Sample, float]]:
        """Return each value with the part of a length in which it held."""
        begin, end = self.now - length, self.now
        for sample in reversed(self.samples):
            if length <= timedelta():
                yield sample, 1.0
            elif end > begin:
                yield sample, (end - max(sample.at, begin)) / length
            if sample.at <= begin:
                break
            end = sample.at

    def surplus(self, length: timedelta) -> float:
        """Return the mean surplus; each value holds until the next."""
        return sum(it.surplus * part for it, part in self._parts(length))

    def gross(self, length: timedelta) -> float:
        """Return the mean of what there would be without the miners."""
        return sum(it.gross * part for it, part in self._parts(length))

    def usual_gross(self, length: timedelta) -> float:
        """Return what it was, or more, for half of a length.

        A single absurd value makes a mean of anything.
        """
        left = 0.5
        for it, part in sorted(self._parts(length), key=lambda it: -it[0].gross):
            left -= part
            if left <= 1e-6:
                return it.gross
        return 0.0

    def below(self, length: timedelta, limit: float) -> float:
        """Return for what part of a length the surplus was below a limit."""
        return sum(part for it, part in self._parts(length) if it.surplus < limit)


def _meter(settings: SolarSettings, inputs: Inputs) -> _Meter:
    """Return the samples as surplus; what a battery gives is none."""
    samples: list[_Sample] = []
    most = 0.0 if settings.battery_first else math.inf
    for it in inputs.samples[-MOST_SAMPLES:]:
        surplus, own = it.exported, it.own
        if it.charging is not None and math.isfinite(it.charging):
            surplus += min(it.charging, most)
        if it.at <= inputs.now and math.isfinite(surplus) and math.isfinite(own):
            samples.append(_Sample(it.at, surplus, surplus + own))
    # A battery may still give at night what the sun gave it by day
    has_battery = any(it.charging is not None for it in inputs.samples[-1:])
    is_dark = settings.daylight and inputs.is_dark and not has_battery
    return _Meter(samples, inputs.now, is_dark)


def horizon(settings: SolarSettings) -> timedelta:
    """Return how far back samples are looked at."""
    return max(
        settings.off_delay * _LONGER, settings.window, settings.on_delay, _PLUG_DELAY
    )


def ordered(settings: SolarSettings, miners: Sequence[MinerView]) -> list[MinerView]:
    """Return the miners by the user's order, then by J/TH, then by id."""
    places = {miner: place for place, miner in enumerate(settings.order)}

    def rank(miner: MinerView) -> tuple[float, float, str]:
        place = places.get(miner.id, math.inf)
        efficiency = miner.efficiency
        return place, math.inf if efficiency is None else efficiency, miner.id

    return sorted(miners, key=rank)


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
    inputs = replace(inputs, miners=tuple(map(_measured, inputs.miners)))
    miners = ordered(settings, inputs.miners)
    memory = replace(
        memory,
        allotted={it.id: _present(settings, memory, it) for it in miners},
        acted_at=None if memory.acted_at is None else min(memory.acted_at, now),
        battery_low=_battery_low(settings, memory, inputs),
    )
    meter = _meter(settings, inputs)
    latest = meter.samples[-1].at if meter.samples else inputs.metered_since or now
    latest = min(latest, now)
    if now - latest > settings.stale_after:
        # What comes after the gap must last as long as after a step
        memory = replace(
            memory,
            allotted={it.id: floor_of(settings, it) for it in miners},
            acted_at=now,
            said=None,
        )
        sentence = Sentence("solar_stale", {"time": latest, "what": settings.floor})
        return _decision(settings, memory, inputs, sentence, meter, "fallback"), memory
    if not meter.samples:
        wait = Sentence("solar_stale", {"time": latest, "what": LEAVE})
        return _decision(settings, memory, inputs, wait, meter, "waiting"), memory
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
    is_known = rung == OFF or any(it.rung == rung for it in ladder(miner))
    return rung if rung and is_known else floor_of(settings, miner)


def _battery_low(settings: SolarSettings, memory: SolarMemory, inputs: Inputs) -> bool:
    soc = inputs.battery_soc
    if settings.min_soc <= 0 or soc is None:
        return memory.battery_low and settings.min_soc > 0
    return soc < settings.min_soc + (_SOC_STEP if memory.battery_low else 0)


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
    meter: _Meter,
) -> SolarMemory:
    """Return the memory after at most one step up, or all steps down that are due."""
    free = [it for it in miners if _is_free(it)]
    others = [it for it in miners if not _is_free(it)]
    # What others decide for draws its part, whatever would be allotted to it
    taken = sum(max(it.watts or 0.0, _draw(it, it.reported)) for it in others)
    settled = None if memory.acted_at is None else memory.acted_at + _SETTLE
    acted = {
        **memory.allotted,
        **_for_others(settings, memory, inputs, miners, others, meter, settled),
    }
    memory = replace(memory, allotted=acted)
    down = _down(settings, memory, inputs, free, meter, taken, settled)
    if down is not None:
        return down
    up = _up(settings, memory, inputs, free, meter, taken, settled)
    if up is not None:
        return up
    waited = max(settings.window, settings.on_delay) + _SETTLE
    if memory.acted_at is None or inputs.now - memory.acted_at > waited:
        memory = replace(memory, said=None)
    return memory


def _for_others(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    miners: Sequence[MinerView],
    others: Sequence[MinerView],
    meter: _Meter,
    settled: datetime | None,
) -> dict[str, Rung]:
    """Return what others would be allotted if nobody else decided for them."""
    length = max(settings.window, settings.on_delay)
    if not others or not meter.covers(length, settled):
        return {}
    budget = meter.gross(length) - settings.reserve
    if memory.battery_low or meter.is_dark:
        budget = 0.0
    rungs = allot(settings, miners, budget)
    return {it.id: rungs[it.id] for it in others}


def _down(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    free: Sequence[MinerView],
    meter: _Meter,
    taken: float,
    settled: datetime | None,
) -> SolarMemory | None:
    """Return what is left of the allotment after the house imported for too long."""
    running = [
        it
        for it in free
        if _draw(it, memory.allotted[it.id]) > _draw(it, floor_of(settings, it))
    ]
    if not running:
        return None
    if memory.battery_low or meter.is_dark:
        budget, imported, length = 0.0, 0.0, timedelta()
    else:
        step = _draw(running[-1], memory.allotted[running[-1].id])
        margin = max(_LEAST_MARGIN, _MARGIN * step)
        length = settings.off_delay
        if not _imports(meter, length, settled, -margin, 1.0):
            length = settings.off_delay * _LONGER
            if not _imports(meter, length, settled, -margin, _MOSTLY):
                return None
        budget = meter.gross(length) - taken
        imported = -meter.surplus(length)
    target = allot(settings, free, budget)
    lower = {
        it.id: target[it.id]
        for it in running
        if _draw(it, target[it.id]) < _draw(it, memory.allotted[it.id])
    }
    if not lower:
        return None
    last = next(it for it in reversed(running) if it.id in lower)
    values = {
        "watts": imported,
        "minutes": length / timedelta(minutes=1),
        "miner": last.id,
        "rung": lower[last.id],
    }
    said = Sentence("solar_down", values)
    if meter.is_dark:
        said = _dark(meter)
    elif memory.battery_low:
        said = Sentence("solar_battery", {"soc": inputs.battery_soc})
    return replace(
        memory,
        allotted={**memory.allotted, **lower},
        acted_at=inputs.now,
        said=said,
    )


def _imports(
    meter: _Meter,
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
    meter: _Meter,
    taken: float,
    settled: datetime | None,
) -> SolarMemory | None:
    """Return the allotment with one more step, if it has fitted for long enough."""
    now = inputs.now
    length = max(settings.window, settings.on_delay)
    if memory.battery_low or meter.is_dark or not meter.covers(length, settled):
        return None
    if any(_is_changing(memory, it, now) for it in free):
        return None
    surplus = min(
        min(meter.gross(it), meter.usual_gross(it))
        for it in {settings.window, settings.on_delay}
    )
    budget = surplus - settings.reserve - taken
    target = allot(settings, free, budget)
    present = {
        it.id: max(_draw(it, memory.allotted[it.id]), _draw(it, it.reported))
        for it in free
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
        it.id: target[it.id]
        for it in free
        if _draw(it, target[it.id]) < _draw(it, memory.allotted[it.id])
    }
    if not lower:
        return None
    last = next(it for it in reversed(free) if it.id in lower)
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
    meter: _Meter,
) -> Sentence:
    """Return what the next step waits for."""
    if meter.is_dark:
        return _dark(meter)
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
    if unknown := [it.id for it in miners if not ladder(it)]:
        return Sentence("solar_unknown", {"surplus": surplus, "miners": unknown})
    return Sentence("solar_full", {"surplus": surplus})


def _dark(meter: _Meter) -> Sentence:
    """Return why nothing runs after sunset; a surplus then has the wrong sign."""
    surplus = meter.samples[-1].surplus
    if surplus > _LEAST_MARGIN:
        return Sentence("solar_sign", {"surplus": surplus})
    return Sentence("solar_dark")


def _decision(
    settings: SolarSettings,
    memory: SolarMemory,
    inputs: Inputs,
    sentence: Sentence,
    meter: _Meter,
    state: Any,
) -> Decision:
    wishes = []
    for miner in inputs.miners:
        rung = memory.allotted[miner.id]
        floor = floor_of(settings, miner)
        if state == "waiting":
            rung = LEAVE
        wishes.append(Wish(miner.id, rung, sentence, yields=rung == floor))
    drawn = sum(_draw(it, memory.allotted[it.id]) for it in inputs.miners)
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
    )
