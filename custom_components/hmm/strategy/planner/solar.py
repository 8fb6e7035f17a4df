"""Solar surplus: miners use what the house would export, the most efficient first.

What the miners draw themselves is added to the surplus once, at the same instant, and
the sum is allotted again: each miner its lowest mode while that fits, then each the
highest that fits. More surplus then never means fewer watts. To go up it must have
fitted for a while with the reserve left over; to go down the house must have imported
for a while.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from .meter import MIN_MARGIN, SETTLE, read_meter
from .model import LEAVE, OFF, Decision, Inputs, MinerView, Rung, Sentence, State, Wish
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
    turn = _Turn(settings, memory, inputs)
    return turn.decide(), turn.memory


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


def _is_free(miner: MinerView) -> bool:
    return (
        miner.online
        and not miner.held
        and miner.manual is None
        and miner.safety is None
    )


def _draw(miner: MinerView, rung: Rung | None) -> float:
    return watts_of(rung, miner) or 0.0


class _Turn:
    """One decision, with the memory that it changes; the miners are in their order."""

    def __init__(
        self, settings: SolarSettings, memory: SolarMemory, inputs: Inputs
    ) -> None:
        self._settings = settings
        self._inputs = inputs
        self._now = now = inputs.now
        self._miners = ordered(settings, tuple(map(_measured, inputs.miners)), now)
        self._free = [miner for miner in self._miners if _is_free(miner)]
        self._meter = read_meter(settings, inputs)
        self._length = max(settings.window, settings.on_delay)
        acted = memory.acted_at
        self.memory = replace(
            memory,
            allotted={miner.id: self._present(memory, miner) for miner in self._miners},
            acted_at=None if acted is None else min(acted, now),
            battery_low=self._is_battery_low(memory),
        )

    def _present(self, memory: SolarMemory, miner: MinerView) -> Rung:
        """Return what a miner was allotted; without memory, what it does."""
        rung = memory.allotted.get(miner.id, miner.reported)
        is_known = rung == OFF or any(mode.rung == rung for mode in ladder(miner))
        return rung if rung and is_known else self._floor(miner)

    def _is_battery_low(self, memory: SolarMemory) -> bool:
        soc, least = self._inputs.battery_soc, self._settings.min_soc
        if least <= 0 or soc is None:
            return memory.battery_low and least > 0
        return soc < least + (_SOC_STEP if memory.battery_low else 0)

    def decide(self) -> Decision:
        """Return the wishes, and why."""
        meter, now = self._meter, self._now
        latest = self._inputs.metered_since or now
        if meter.samples:
            latest = meter.samples[-1].at
        latest = min(latest, now)
        if now - latest > self._settings.stale_after:
            # What comes after the gap must last as long as after a step
            self._act({miner.id: self._floor(miner) for miner in self._miners}, None)
            values = {"time": latest, "what": self._settings.floor}
            return self._decision(Sentence("solar_stale", values), "fallback")
        if not meter.samples:
            wait = Sentence("solar_stale", {"time": latest, "what": LEAVE})
            return self._decision(wait, "waiting")
        self._judge()
        if self.memory.against >= _DOUBTED:
            self._meter = replace(meter, is_wrong=True)
        self._allot_others()
        if not self._down() and not self._up():
            acted = self.memory.acted_at
            if acted is None or now - acted > self._length + SETTLE:
                self.memory = replace(self.memory, said=None)
        return self._decision(self.memory.said or self._waiting(), "steering")

    def _judge(self) -> None:
        """Judge what the last step has done to the meter.

        When miners draw more, the house exports less by as much, if nothing else
        changes much. A meter that reports the contrary twice stops them; that is a
        step, too, and the last word: clouds that moved it will hardly do so a third
        time. At night an import proves it right.
        """
        memory, now = self.memory, self._now
        acted = memory.acted_at
        if self._meter.at_night < -MIN_MARGIN:
            self.memory = replace(memory, against=0, second_chance=False)
            return
        if acted is None or acted == memory.judged_at or now < acted + _TOLD:
            return
        match self._meter.moved(acted):
            case -1:
                memory = replace(memory, against=0, second_chance=False)
            case 1:
                against = _SURE if memory.second_chance else memory.against + 1
                memory = replace(memory, against=min(against, _SURE))
            case _ if now < acted + _STARTING:
                return
            case _ if memory.against == _DOUBTED:
                memory = replace(memory, against=0, second_chance=True)
        self.memory = replace(memory, judged_at=acted)

    # What is known

    def _floor(self, miner: MinerView) -> Rung:
        return floor_of(self._settings, miner)

    def _allotted(self, miner: MinerView) -> float:
        return _draw(miner, self.memory.allotted[miner.id])

    @property
    def _others(self) -> list[MinerView]:
        """Return the miners that others decide for."""
        return [miner for miner in self._miners if not _is_free(miner)]

    @property
    def _taken(self) -> float:
        """Return what those draw, regardless of what they would be allotted."""
        return sum(
            max(miner.watts or 0.0, _draw(miner, miner.reported))
            for miner in self._others
        )

    @property
    def _is_out(self) -> bool:
        """Return whether there is no surplus, whatever the meter says."""
        return self.memory.battery_low or self._meter.is_unusable

    def _covers(self, length: timedelta) -> bool:
        """Return whether the meter covers a length since the last action."""
        acted = self.memory.acted_at
        return self._meter.covers(length, None if acted is None else acted + SETTLE)

    # Steps

    def _act(self, rungs: Mapping[str, Rung], sentence: Sentence | None) -> None:
        self.memory = replace(
            self.memory,
            allotted={**self.memory.allotted, **rungs},
            acted_at=self._now,
            said=sentence,
        )

    def _allot_others(self) -> None:
        """Keep what others would be allotted if this strategy decided for them."""
        if not self._others or not self._covers(self._length):
            return
        budget = 0.0
        if not self._is_out:
            budget = self._meter.gross(self._length) - self._settings.reserve
        rungs = allot(self._settings, self._miners, budget)
        more = {miner.id: rungs[miner.id] for miner in self._others}
        self.memory = replace(self.memory, allotted={**self.memory.allotted, **more})

    def _lower(
        self, miners: Sequence[MinerView], target: Mapping[str, Rung]
    ) -> tuple[dict[str, Rung], MinerView | None]:
        """Return what goes down to reach a target, and the last miner that does."""
        lower = [
            miner
            for miner in miners
            if _draw(miner, target[miner.id]) < self._allotted(miner)
        ]
        rungs = {miner.id: target[miner.id] for miner in lower}
        return rungs, lower[-1] if lower else None

    def _down(self) -> bool:
        """Take all steps down that are due: the house imported for too long."""
        meter, settings = self._meter, self._settings
        running = [
            miner
            for miner in self._free
            if self._allotted(miner) > _draw(miner, self._floor(miner))
        ]
        if not running:
            return False
        budget, imported, length = 0.0, 0.0, timedelta()
        if not self._is_out:
            limit = -max(MIN_MARGIN, _MARGIN * self._allotted(running[-1]))
            length = settings.off_delay
            if not self._imports(length, limit, 1.0):
                length = settings.off_delay * _LONGER
                if not self._imports(length, limit, _TYPICAL_SHARE):
                    return False
            budget = meter.gross(length) - self._taken
            imported = -meter.surplus(length)
        lower, last = self._lower(running, allot(settings, self._free, budget))
        if last is None:
            return False
        values = {
            "watts": imported,
            "minutes": length / timedelta(minutes=1),
            "miner": last.id,
            "rung": lower[last.id],
        }
        sentence = Sentence("solar_down", values)
        if meter.is_unusable:
            sentence = self._silent()
        elif self.memory.battery_low:
            sentence = Sentence("solar_battery", {"soc": self._inputs.battery_soc})
        self._act(lower, sentence)
        return True

    def _imports(self, length: timedelta, limit: float, part: float) -> bool:
        """Return whether the house imported for that part of a length, and on average."""
        meter = self._meter
        return (
            self._covers(length)
            and meter.below(length, limit) >= part - 1e-6
            and meter.surplus(length) < limit
        )

    def _up(self) -> bool:
        """Take one more step up, if it has fitted for long enough."""
        settings, meter, inputs = self._settings, self._meter, self._inputs
        if self._is_out or not self._covers(self._length):
            return False
        if any(map(self._is_changing, self._free)):
            return False
        surplus = min(
            min(meter.gross(span), meter.usual_gross(span))
            for span in {settings.window, settings.on_delay}
        )
        budget = surplus - settings.reserve - self._taken
        target = allot(settings, self._free, budget)
        present = {
            miner.id: max(self._allotted(miner), _draw(miner, miner.reported))
            for miner in self._free
        }
        left = budget - sum(present.values())
        no_start = settings.min_forecast > 0 and (
            inputs.forecast is None or inputs.forecast < settings.min_forecast
        )
        for miner in self._free:
            rung, is_start = target[miner.id], self.memory.allotted[miner.id] == OFF
            if _draw(miner, rung) <= self._allotted(miner) or (is_start and no_start):
                continue
            if is_start and miner.plugged and not self._covers(_PLUG_DELAY):
                continue
            more = max(_draw(miner, rung) - present[miner.id], 0.0)
            if more > left:
                return self._make_room(target)
            values = {
                "surplus": meter.surplus(self._length),
                "minutes": self._length / timedelta(minutes=1),
                "miner": miner.id,
                "rung": rung,
                "watts": more,
            }
            self._act({miner.id: rung}, Sentence("solar_up", values))
            return True
        return False

    def _is_changing(self, miner: MinerView) -> bool:
        """Return whether a miner is still on its way to what it was allotted."""
        acted, rung = self.memory.acted_at, self.memory.allotted[miner.id]
        if acted is None or self._now - acted > _STARTING or rung == OFF:
            return False
        return not is_at(miner, rung) or not miner.mining

    def _make_room(self, target: Mapping[str, Rung]) -> bool:
        """Take from the others what a miner of higher priority needs."""
        lower, last = self._lower(self._free, target)
        if last is None:
            return False
        values = {"miner": last.id, "rung": lower[last.id]}
        self._act(lower, Sentence("solar_makes_room", values))
        return True

    # What it says

    def _waiting(self) -> Sentence:
        """Return what the next step waits for."""
        if self._meter.is_unusable:
            return self._silent()
        if self.memory.battery_low:
            return Sentence("solar_battery", {"soc": self._settings.min_soc})
        surplus = self._meter.samples[-1].surplus
        if surplus < 0:
            return Sentence("solar_none", {"watts": -surplus})
        for miner in self._free:
            present = self._allotted(miner)
            for mode in ladder(miner):
                if (mode.watts or 0.0) > present:
                    values = {
                        "surplus": surplus,
                        "miner": miner.id,
                        "watts": (mode.watts or 0.0) - present + self._settings.reserve,
                    }
                    return Sentence("solar_wait", values)
        if unknown := [miner.id for miner in self._miners if not ladder(miner)]:
            return Sentence("solar_unknown", {"surplus": surplus, "miners": unknown})
        return Sentence("solar_full", {"surplus": surplus})

    def _silent(self) -> Sentence:
        """Return why nothing runs: it is dark, or the meter has the wrong sign."""
        if self._meter.is_wrong:
            return Sentence("solar_sign_steps")
        surplus = self._meter.samples[-1].surplus
        if surplus > MIN_MARGIN:
            return Sentence("solar_sign", {"surplus": surplus})
        return Sentence("solar_dark")

    def _decision(self, sentence: Sentence, state: State) -> Decision:
        settings, meter, allotted = self._settings, self._meter, self.memory.allotted
        # After steps, or for long enough after sunset
        has_wrong_sign = self.memory.against >= _SURE or meter.at_night > MIN_MARGIN
        return Decision(
            wishes=tuple(
                Wish(miner.id, LEAVE, sentence)
                if state == "waiting"
                else Wish(
                    miner.id,
                    allotted[miner.id],
                    sentence,
                    yields=allotted[miner.id] == self._floor(miner),
                )
                for miner in self._miners
            ),
            sentence=sentence,
            state=state,
            next_check_at=self._now + _LOOK_AGAIN,
            mark=repr(sorted(allotted.items())),
            surplus=meter.samples[-1].surplus if meter.samples else None,
            allotted=sum(map(self._allotted, self._miners)),
            min_time=settings.min_run,
            max_switches=settings.max_switches,
            stagger=settings.stagger,
            free_steps=True,
            is_sun=not meter.is_unusable,
            problem="meter_sign" if has_wrong_sign else None,
        )
