"""One call for all types: settings and memory as they are stored."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from . import bands, calendar, champion, heat, solar
from .model import Decision, Inputs, Manual, Rung, Sentence, Wish
from .settings import (
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
    now = inputs.now
    match settings:
        case BandsSettings():
            decision, memory = bands.decide(
                settings, bands.BandsMemory.from_dict(stored, now), inputs
            )
            return decision, memory.as_dict()
        case ChampionSettings():
            decision, kept = champion.decide(
                settings, champion.ChampionMemory.from_dict(stored, now), inputs
            )
            return decision, kept.as_dict()
        case SolarSettings():
            decision, sun = solar.decide(
                settings, solar.SolarMemory.from_dict(stored, now), inputs
            )
            return decision, sun.as_dict()
        case HeatSettings():
            decision, room = heat.decide(
                settings, heat.HeatMemory.from_dict(stored, now), inputs
            )
            return decision, room.as_dict()
        case CalendarSettings():
            decision, day = calendar.decide(
                settings, calendar.CalendarMemory.from_dict(stored, now), inputs
            )
            return decision, day.as_dict()


def overridden(
    settings: Settings, decision: Decision, to: str, manual: Manual, inputs: Inputs
) -> tuple[Decision, bool]:
    """Return a decision with the user's word in place of its own, and if that is over.

    ``to`` is a rung or "band_" and the id of a band. ``manual.against`` is the ``mark``
    of the decision when the word was given.
    """
    now = inputs.now
    match manual.ends:
        case "time":
            over = manual.until is None or now >= manual.until
        case "next_change":
            over = decision.mark != manual.against
        case _:
            over = False
    if over:
        return decision, True
    band = None
    if isinstance(settings, BandsSettings):
        band = next((band for band in settings.bands if f"band_{band.id}" == to), None)
    rung: Rung = to if band is None else band.rung
    values = {"rung": rung, "until": manual.until, "ends": manual.ends}
    reason = Sentence("manual", values)
    if band is None:
        wishes = tuple(
            Wish(miner.id, rung, reason, manual.until) for miner in inputs.miners
        )
    else:
        wishes = bands.wishes_of(band, inputs, reason, manual.until)
    safe = tuple(wish for wish in decision.wishes if wish.safety)
    return replace(
        decision,
        wishes=(*safe, *wishes),
        sentence=reason,
        state="overridden",
        band=decision.band if band is None else band.name,
        next_check_at=_sooner(decision.next_check_at, manual.until, now),
    ), False


def _sooner(check: datetime, until: datetime | None, now: datetime) -> datetime:
    return check if until is None or until <= now else min(check, until)
