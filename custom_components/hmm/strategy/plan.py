"""What a strategy is about to do, as far as that is known now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .miners import by_order
from .planner.bands import planned, wishes_of
from .planner.decide import decide
from .planner.model import Inputs, MinerView, Rung, Sentence, Wish
from .planner.rungs import resolve
from .planner.settings import BandsSettings, CalendarSettings
from .strategy import Strategy

_AHEAD: Final = timedelta(days=7)
_MOST_STEPS: Final = 60


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


@callback
def plan_of(strategy: Strategy, views: tuple[MinerView, ...]) -> list[Step]:
    """Return what is known of the time to come, the present first.

    Price bands are known as far as their prices are, plans and quiet hours by the clock
    for a week. Heat, surplus and champions depend on what nobody knows yet.
    """
    now, settings = dt_util.utcnow(), strategy.settings
    steps: list[Step] = []
    if isinstance(settings, BandsSettings):
        steps = _bands(strategy, settings, views, now)
    elif isinstance(settings, CalendarSettings) and settings.begin is not None:
        steps = _calendar(settings, views, now)
    decision = strategy.decision
    if not steps and decision is not None:
        rungs = _rungs(views, decision.wishes)
        steps = [Step(now, decision.next_change_at, rungs, decision.band)]
    return steps[:_MOST_STEPS]


def _bands(
    strategy: Strategy,
    settings: BandsSettings,
    views: tuple[MinerView, ...],
    now: datetime,
) -> list[Step]:
    """Return the bands of the prices that are known; neighbors of one band are one."""
    zone = dt_util.get_default_time_zone()
    wishes = {
        band.name: wishes_of(band, Inputs(now=now, miners=views), Sentence("band"))
        for band in settings.bands
    }
    steps: list[Step] = []
    prices: list[float] = []
    for slot, band in planned(settings, strategy.known_slots, now, zone):
        if slot.end <= now or band is None:
            continue
        last = steps[-1] if steps else None
        if last is not None and last.band == band and last.end == slot.start:
            prices.append(slot.price)
            mean = sum(prices) / len(prices)
            steps[-1] = replace(last, end=slot.end, price=mean)
            continue
        prices = [slot.price]
        start = max(slot.start, now)
        rungs = _rungs(views, wishes[band])
        steps.append(Step(start, slot.end, rungs, band, slot.price))
    return steps


def _calendar(
    settings: CalendarSettings, views: tuple[MinerView, ...], now: datetime
) -> list[Step]:
    """Return what the clock says of the next week."""
    zone = dt_util.get_default_time_zone()
    memory: Any = {}
    steps: list[Step] = []
    at: datetime | None = now
    while at is not None and at < now + _AHEAD and len(steps) < _MOST_STEPS:
        inputs = Inputs(now=at, zone=zone, miners=views)
        decision, memory = decide(settings, memory, inputs)
        end = decision.next_change_at
        steps.append(Step(at, end, _rungs(views, decision.wishes)))
        at = end
    return steps


def _rungs(
    views: Sequence[MinerView], wishes: Sequence[Wish]
) -> Mapping[str, Rung | None]:
    wished = {it.miner: it.rung for it in wishes}
    return {
        view.id: resolve(by_order(wished[view.id], view), view)
        if view.id in wished
        else None
        for view in views
    }
