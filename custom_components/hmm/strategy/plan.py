"""What a strategy is about to do, as far as that is known now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from ..money.slots import start_of_day
from .planner.bands import planned, wishes_of
from .planner.decide import decide
from .planner.model import (
    HIGHEST,
    LEAVE,
    LOWEST,
    NORMAL,
    OFF,
    Decision,
    Inputs,
    MinerView,
    Rung,
    Sentence,
    Wish,
)
from .planner.rungs import resolve, steps as ladder_of
from .planner.settings import BandsSettings, CalendarSettings
from .strategy import Strategy

_AHEAD: Final = timedelta(days=7)
_MAX_STEPS: Final = 60


@dataclass(frozen=True, slots=True)
class Step:
    """What miners do from ``start`` to ``end``, None: until something changes.

    ``rungs`` go by the id of a miner, None: it is left alone. ``price`` is the mean in
    the unit of the strategy.
    """

    start: datetime
    end: datetime | None
    rungs: Mapping[str, Rung | None]
    band: str | None = None
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one miner does from ``start`` to ``end``, None: until something changes."""

    start: datetime
    end: datetime | None
    rung: Rung | None


@callback
def plan_of(strategy: Strategy, views: tuple[MinerView, ...]) -> list[Step]:
    """Return the known future, the present first."""
    now = dt_util.utcnow()
    return _plan(strategy, views, now, now)[:_MAX_STEPS]


@callback
def lanes_of(
    strategy: Strategy, views: tuple[MinerView, ...]
) -> dict[tuple[Stretch, ...], list[MinerView]]:
    """Return what miners do today and tomorrow, those that do the same together.

    Only price bands know what of today is past.
    """
    now = dt_util.utcnow()
    begin, end = (
        start_of_day(now, dt_util.get_default_time_zone(), days) for days in (0, 2)
    )
    plan = [step for step in _plan(strategy, views, begin, now) if step.start < end]
    lanes: dict[tuple[Stretch, ...], list[MinerView]] = {}
    for view in views:
        lane: list[Stretch] = []
        for step in plan:
            rung = step.rungs[view.id]
            if lane and (lane[-1].rung, lane[-1].end) == (rung, step.start):
                lane[-1] = replace(lane[-1], end=step.end)
            else:
                lane.append(Stretch(step.start, step.end, rung))
        lanes.setdefault(tuple(lane), []).append(view)
    return lanes


def level_of(rung: Rung | None, view: MinerView) -> str:
    """Return which of the plain rungs the resolved rung of a miner is most like."""
    modes = [mode.rung for mode in ladder_of(view)]
    if rung in (None, OFF):
        return LEAVE if rung is None else OFF
    if rung not in modes or len(modes) == 1:
        return NORMAL
    return LOWEST if rung == modes[0] else HIGHEST if rung == modes[-1] else NORMAL


def _plan(
    strategy: Strategy, views: tuple[MinerView, ...], since: datetime, now: datetime
) -> list[Step]:
    """Return what is known from ``since``, which is not after now, on.

    Price bands are known as far as their prices are, plans and quiet hours by the clock
    for a week. Heat, surplus and champions depend on what is not known yet.
    """
    settings = strategy.settings
    steps: list[Step] = []
    if isinstance(settings, BandsSettings):
        steps = _bands(strategy, settings, views, since)
    elif isinstance(settings, CalendarSettings) and settings.begin is not None:
        steps = _calendar(settings, views, now)
    decision = strategy.decision
    if not steps and decision is not None:
        rungs = _rungs(views, decision.wishes)
        steps = [Step(now, decision.next_change_at, rungs, decision.band)]
    elif decision is not None and decision.state == "overridden":
        steps = _by_hand(steps, decision, views, now)
    return steps


def _by_hand(
    steps: list[Step], decision: Decision, views: tuple[MinerView, ...], now: datetime
) -> list[Step]:
    """Return the steps with what the user wants of the strategy in their place."""
    end = decision.next_change_at
    before = [
        step if step.end is not None and step.end <= now else replace(step, end=now)
        for step in steps
        if step.start < now
    ]
    after = [
        replace(step, start=max(step.start, end))
        for step in steps
        if end is not None and (step.end is None or step.end > end)
    ]
    wanted = Step(now, end, _rungs(views, decision.wishes), decision.band)
    return [*before, wanted, *after]


def _bands(
    strategy: Strategy,
    settings: BandsSettings,
    views: tuple[MinerView, ...],
    since: datetime,
) -> list[Step]:
    """Return the bands of the prices that are known; neighbors of one band are one."""
    now = dt_util.utcnow()
    zone = dt_util.get_default_time_zone()
    wishes = {
        band.name: wishes_of(band, Inputs(now=now, miners=views), Sentence("band"))
        for band in settings.bands
    }
    steps: list[Step] = []
    prices: list[float] = []
    for slot, band in planned(settings, strategy.known_slots, now, zone, expected=True):
        if slot.end <= since or band is None:
            continue
        last = steps[-1] if steps else None
        if last is not None and last.band == band and last.end == slot.start:
            prices.append(slot.price)
            mean = sum(prices) / len(prices)
            steps[-1] = replace(last, end=slot.end, price=mean)
            continue
        prices = [slot.price]
        start = max(slot.start, since)
        rungs = _rungs(views, wishes[band])
        steps.append(Step(start, slot.end, rungs, band, slot.price))
    return steps


def _calendar(
    settings: CalendarSettings, views: tuple[MinerView, ...], now: datetime
) -> list[Step]:
    """Return the next week by the clock."""
    zone = dt_util.get_default_time_zone()
    memory: Any = {}
    steps: list[Step] = []
    at: datetime | None = now
    while at is not None and at < now + _AHEAD and len(steps) < _MAX_STEPS:
        inputs = Inputs(now=at, zone=zone, miners=views)
        decision, memory = decide(settings, memory, inputs)
        end = decision.next_change_at
        steps.append(Step(at, end, _rungs(views, decision.wishes)))
        at = end
    return steps


def _rungs(
    views: Sequence[MinerView], wishes: Sequence[Wish]
) -> Mapping[str, Rung | None]:
    wished = {wish.miner: wish.rung for wish in wishes}
    return {
        view.id: resolve(wished[view.id], view) if view.id in wished else None
        for view in views
    }
