"""Calendar plans and quiet hours: by the clock, or by an entity that is on and off."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from .model import LEAVE, Decision, Inputs, Sentence, State, Wish
from .settings import CalendarSettings
from .stored import Memory

_HOLD = timedelta(hours=2)
_LOOK_AGAIN = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class CalendarMemory(Memory):
    """The last state of the entity, and since when it is unavailable."""

    on: bool | None = None
    missing_since: datetime | None = None


def instant_of(day: date, clock: time, zone: tzinfo) -> datetime:
    """Return when a clock shows a time first; a time it leaps over: when it leaps."""
    local = datetime.combine(day, clock, zone)
    instant = local.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return instant
    low = local.replace(fold=1).astimezone(UTC)
    before = low.astimezone(zone).utcoffset()
    while instant - low > timedelta(seconds=1):
        middle = low + (instant - low) / 2
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            instant = middle
    return instant.replace(microsecond=0)


def _spans(
    settings: CalendarSettings, begin: time, end: time, inputs: Inputs
) -> Iterator[tuple[datetime, datetime]]:
    """Return the spans of yesterday to next week."""
    today = inputs.now.astimezone(inputs.zone).date()
    for days in range(-1, 9):
        day = today + timedelta(days=days)
        if day.weekday() in settings.days:
            last = day if begin < end else day + timedelta(days=1)
            span = (
                instant_of(day, begin, inputs.zone),
                instant_of(last, end, inputs.zone),
            )
            if span[0] < span[1]:
                yield span


def decide(
    settings: CalendarSettings, memory: CalendarMemory, inputs: Inputs
) -> tuple[Decision, CalendarMemory]:
    """Return the rung, or the highest that is allowed, while the span lasts."""
    now = inputs.now
    state: State = "steering"
    change: datetime | None = None
    missing: datetime | None = None
    if settings.begin is not None and settings.end is not None:
        on = False
        for start, stop in _spans(settings, settings.begin, settings.end, inputs):
            if now < stop:
                on = start <= now
                change = stop if on else start
                break
    elif inputs.calendar is not None:
        on, change = inputs.calendar.on, inputs.calendar.until
    else:
        missing = min(memory.missing_since or now, now)
        change = missing + _HOLD
        on, state = memory.on is True, "holding" if memory.on else "waiting"
        if now >= change:
            on, state = False, "fallback"
    if change is not None and change <= now:
        change = None
    if missing is not None:
        sentence = Sentence("calendar_missing", {"time": missing})
    elif on:
        values = {"until": change, "rung": settings.rung}
        sentence = Sentence("quiet" if settings.quiet else "plan", values)
    else:
        sentence = Sentence("calendar_idle", {"time": change})
    wishes: tuple[Wish, ...] = ()
    if on or state == "waiting":
        rung = settings.rung if on else LEAVE
        cap = settings.quiet and on
        wishes = tuple(
            Wish(miner.id, rung, sentence, change, cap=cap) for miner in inputs.miners
        )
    decision = Decision(
        wishes=wishes,
        sentence=sentence,
        state=state,
        next_check_at=min(change or now + _LOOK_AGAIN, now + _LOOK_AGAIN),
        mark="on" if on else "",
        next_change_at=None if missing is not None else change,
        min_time=settings.min_time,
        max_switches=settings.max_switches,
        stagger=settings.stagger,
    )
    return decision, CalendarMemory(
        on=memory.on if missing is not None else on, missing_since=missing
    )
