"""What the strategies do with the miners, and what comes next."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

from homeassistant.util import dt as dt_util

from ..data import get_data
from ..strategy.explain import rung_text
from ..strategy.plan import Step, plan_of
from ..strategy.planner.model import Rung
from ..strategy.planner.settings import CalendarSettings
from ..strategy.strategy import Strategy
from ..strategy.words import time_text
from .asker import Asker, Miner
from .orders import NotUnderstood
from .request import Request
from .speech import Speech

_AHEAD: Final = timedelta(hours=24)
_MAX_STEPS: Final = 4


async def plan(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say what each strategy does now and why, and what it does until tomorrow."""
    if not asker.strategies:
        has_any = bool(get_data(asker.hass).strategies.strategies)
        raise NotUnderstood(speech.say("strategy_hidden" if has_any else "no_strategy"))
    on = [strategy for strategy in asker.strategies if strategy.record.enabled]
    if not on:
        return speech.say("strategies_off")
    return " ".join(_said(asker, speech, strategy) for strategy in on)


def _said(asker: Asker, speech: Speech, strategy: Strategy) -> str:
    manager, language = get_data(asker.hass).strategies, speech.language
    now = (manager.explanation(strategy, language.code) or "").rstrip(".。")
    name = speech.names([strategy.title])
    said = [speech.say("miner", name=name, said=speech.spoken(now))]
    steps = coming(asker, strategy)
    if strategy.sentence is not None and strategy.sentence.key == "band":
        # Its sentence says already what is next
        del steps[:1]
    texts = [
        speech.say(
            "plan_step",
            what=_what(asker, speech, strategy, step),
            time=time_text(asker.hass, step.start, language=language.code),
        )
        for step in steps[:_MAX_STEPS]
    ]
    if texts:
        said.append(speech.say("plan_next", steps=speech.row(texts)))
    return " ".join(said)


def _what(asker: Asker, speech: Speech, strategy: Strategy, step: Step) -> str:
    rung = _rung(strategy, step)
    words = rung_text(asker.hass, rung, speech.language.code)
    if step.band is not None:
        return speech.say("band", band=speech.names([step.band]), rung=words)
    is_cap = getattr(strategy.settings, "quiet", False)
    return speech.say("at_most", rung=words) if is_cap else words


def _rung(strategy: Strategy, step: Step) -> Rung:
    """Return what a step is in general: each miner has a rung of its own."""
    return next(
        (band.rung for band in strategy.bands if band.name == step.band),
        getattr(strategy.settings, "rung", ""),
    )


def coming(asker: Asker, strategy: Strategy) -> list[Step]:
    """Return what is known to change within a day."""
    views = get_data(asker.hass).strategies.views(strategy)
    steps, now = plan_of(strategy, views), dt_util.utcnow()
    is_plan = isinstance(strategy.settings, CalendarSettings)
    return [
        step
        for step in steps
        if now < step.start < now + _AHEAD
        # After a plan or quiet hours the miners are left alone: nothing is set
        and not (is_plan and set(step.rungs.values()) == {None})
    ]


def plan_json(asker: Asker, strategy: Strategy) -> Iterator[dict[str, Any]]:
    """Return what is known to change within a day, as data."""
    for step in coming(asker, strategy)[:_MAX_STEPS]:
        values = {"from": dt_util.as_local(step.start).isoformat(timespec="minutes")}
        if step.band is not None:
            values["band"] = step.band
        yield values | {"set_to": _rung(strategy, step)}
