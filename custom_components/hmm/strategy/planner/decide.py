"""One call for all types: settings and memory as they are stored."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from . import bands, calendar, champion, heat, solar
from .model import Decision, Inputs, Manual, Sentence
from .settings import (
    Band,
    BandsSettings,
    CalendarSettings,
    ChampionSettings,
    HeatSettings,
    Settings,
    SolarSettings,
)


def decide(
    settings: Settings, stored: object, inputs: Inputs
) -> tuple[Decision, dict[str, Any]]:
    """Return what a strategy wants and its memory as JSON, damaged or none taken too."""
    plan, memory_of = _PLANNERS[type(settings)]
    decision, memory = plan(settings, memory_of(stored, inputs.now), inputs)
    return decision, memory.as_dict()


_PLANNERS: Mapping[type[Settings], tuple[Callable[..., Any], Callable[..., Any]]] = {
    BandsSettings: (bands.decide, bands.BandsMemory.restored),
    CalendarSettings: (calendar.decide, calendar.CalendarMemory.restored),
    ChampionSettings: (champion.decide, champion.ChampionMemory.restored),
    HeatSettings: (heat.decide, heat.HeatMemory.restored),
    SolarSettings: (solar.decide, solar.SolarMemory.restored),
}


def overridden(
    settings: Settings, decision: Decision, to: str, manual: Manual, inputs: Inputs
) -> tuple[Decision, bool]:
    """Return a decision with the user's word in place of its own, and if that is over.

    ``to`` is a rung or "band_" and the id of a band. ``manual.against`` is the ``mark``
    of the decision when the word was given.
    """
    if manual.is_over(decision.mark, inputs.now):
        return decision, True
    known = settings.bands if isinstance(settings, BandsSettings) else ()
    band = next((one for one in known if f"band_{one.id}" == to), Band(rung=to))
    named = f"band:{band.name}" if band.name else to
    values = {"rung": named, "until": manual.until, "ends": manual.ends}
    reason = Sentence("manual", values)
    safe = (wish for wish in decision.wishes if wish.safety)
    wishes = bands.wishes_of(band, inputs, reason, manual.until)
    change, next_band = decision.next_change_at, decision.next_band
    if manual.ends != "next_change":
        # What the strategy would do meanwhile comes only if it is still so then
        is_within = manual.until is not None and (
            change is None or manual.until < change
        )
        change, next_band = manual.until, decision.band if is_within else None
    return replace(
        decision,
        wishes=(*safe, *wishes),
        sentence=reason,
        state="overridden",
        band=band.name or decision.band,
        next_change_at=change,
        next_band=next_band,
        next_check_at=min(
            decision.next_check_at, manual.until or decision.next_check_at
        ),
    ), False
