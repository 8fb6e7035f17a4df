"""Price bands: which band a price is in, and when the miners follow it."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
import math

from ...money.slots import Slot, Slots, slot_at, start_of_day
from .model import LEAVE, OFF, Decision, Inputs, Sentence, State, Wish
from .settings import Band, BandsSettings
from .stored import Memory

_GRACE = timedelta(minutes=2)
"""How late a sensor may report the price of the next slot."""
_HOLD_AFTER_SLOT = timedelta(minutes=15)
_HOLD_WITHOUT_SLOT = timedelta(hours=1)
_HOLD_AT_MOST = timedelta(hours=2)
_LOOK_AGAIN = timedelta(minutes=15)
_ABSURD = 10
"""Times the highest limit: such a price must be in the list as well."""
_AGREES = 0.01
_LATE = timedelta(minutes=5)
_COVERED = 0.9
"""Of a day, for its hours to be ranked."""
_MAX_AHEAD = 400
_MAX_PLANNED = 200
"""Two days of quarters of an hour, and the hour more that one of them may have."""


@dataclass(frozen=True, slots=True)
class BandsMemory(Memory):
    """The band that is followed and since when, and since when the price is missing."""

    may_be_ahead = ("valid_until",)

    band: str | None = None
    since: datetime | None = None
    missing_since: datetime | None = None
    valid_until: datetime | None = None
    fell_back: bool = False


def _is_valid(slot: Slot) -> bool:
    return math.isfinite(slot.price) and slot.end > slot.start


def trusted_slots(inputs: Inputs) -> Sequence[Slot]:
    """Return the slots unless the present one contradicts the sensor."""
    now, price = inputs.now, inputs.price
    slots: Sequence[Slot] = inputs.slots
    if not all(map(_is_valid, slots)):
        slots = [slot for slot in slots if _is_valid(slot)]
    current = slot_at(slots, now)
    if price is None or current is None or now - current.start < _LATE:
        return slots
    apart = abs(current.price - price.value)
    if apart <= _AGREES * max(abs(current.price), abs(price.value)):
        return slots
    return ()


@dataclass(frozen=True, slots=True)
class _Now:
    """The price or tariff of now and until when it holds."""

    value: float | str
    until: datetime | None


class _Ranks:
    """Which band each slot of a day is in by its rank among the hours of that day."""

    def __init__(self, bands: Sequence[Band], slots: Sequence[Slot], inputs: Inputs):
        self._bands = bands
        self._slots = slots
        self._starts = {slot.start: slot for slot in slots}
        self._zone = inputs.zone
        self._days: dict[object, dict[datetime, int]] = {}

    def index(self, instant: datetime) -> int | None:
        """Return the band of an instant, None if too little of its day is known."""
        slot = self._starts.get(instant) or slot_at(self._slots, instant)
        if slot is None:
            return None
        day = instant.astimezone(self._zone).date()
        if day not in self._days:
            begin, end = (start_of_day(instant, self._zone, days) for days in (0, 1))
            self._days[day] = self._ranked(begin, end)
        return self._days[day].get(slot.start)

    def _ranked(self, begin: datetime, end: datetime) -> dict[datetime, int]:
        slots = [slot for slot in self._slots if begin <= slot.start < end]
        covered = sum((slot.end - slot.start for slot in slots), timedelta())
        if covered < _COVERED * (end - begin):
            return {}
        ranked: dict[datetime, int] = {}
        place, taken = 0, timedelta()
        limits = [timedelta(hours=band.cheapest or 1e3) for band in self._bands]
        limit = limits[0]
        for slot in sorted(slots, key=lambda slot: (slot.price, slot.start)):
            length = slot.end - slot.start
            while taken + length / 2 > limit and place < len(limits) - 1:
                place += 1
                limit += limits[place]
            taken += length
            ranked[slot.start] = place
        return ranked


class _Finder:
    """Finds the band of a price; the present one keeps what is near its limits."""

    def __init__(self, settings: BandsSettings, inputs: Inputs) -> None:
        self.bands = settings.bands
        self._by = settings.by
        self._dead_band = settings.dead_band / 100
        self.slots = trusted_slots(inputs)
        self._ranks = _Ranks(self.bands, self.slots, inputs)
        self._limits = [band.upto for band in self.bands[:-1] if band.upto is not None]
        self._scale = max(map(abs, self._limits), default=0.0)
        self._rounding = 1e-9 * self._scale
        self.now = self._read(inputs)

    def _read(self, inputs: Inputs) -> _Now | None:
        if self._by == "states":
            states = {word for band in self.bands for word in band.states}
            if inputs.tariff in states and inputs.tariff is not None:
                return _Now(inputs.tariff, None)
            return None
        slot, price = slot_at(self.slots, inputs.now), inputs.price
        if slot is not None:
            return _Now(slot.price, slot.end)
        if price is None or not math.isfinite(price.value) or self._by == "hours":
            return None
        until = price.valid_until
        if until is not None and inputs.now >= until + _GRACE:
            return None
        if self._scale and abs(price.value) > _ABSURD * self._scale:
            return None
        return _Now(price.value, until)

    def index(
        self, value: float | str, at: datetime, present: int | None
    ) -> int | None:
        """Return the band of a price or tariff at an instant."""
        if self._by == "hours":
            return self._ranks.index(at)
        if isinstance(value, str):
            return next(
                (n for n, band in enumerate(self.bands) if value in band.states), None
            )
        # A price that was converted may miss its limit by a rounding
        value += self._rounding
        place = bisect_right(self._limits, value)
        if present is None:
            return place
        # What is inside the dead band of a limit of the present band stays there
        while place > present and not self._is_beyond(value, place - 1, 1):
            place -= 1
        while place < present and not self._is_beyond(value, place, -1):
            place += 1
        return place

    def _is_beyond(self, value: float, place: int, side: int) -> bool:
        limit = self._limits[place]
        width = self._dead_band * (abs(limit) or self._scale / 10)
        return side * (value - limit) >= width - 2 * self._rounding

    def _after(self, now: datetime) -> Sequence[Slot]:
        first = bisect_right(self.slots, now, key=lambda slot: slot.start)
        return self.slots[first : first + _MAX_AHEAD]

    def ahead(self, now: datetime, until: datetime) -> list[tuple[Slot, int | None]]:
        """Return the slots that start after now, at least one, with their bands."""
        return [
            (slot, self.index(slot.price, slot.start, None))
            for n, slot in enumerate(self._after(now))
            if n == 0 or slot.start < until
        ]

    def next_change(self, now: datetime, present: int) -> tuple[Slot, int] | None:
        """Return the first slot that is in another band, as far as prices are known."""
        place = present
        for slot in self._after(now):
            index = self.index(slot.price, slot.start, place)
            if index is not None and index != place:
                return slot, index
        return None


def planned(
    settings: BandsSettings,
    slots: Slots,
    now: datetime,
    zone: tzinfo,
    *,
    expected: bool = False,
) -> list[tuple[Slot, str | None]]:
    """Return the slots of today and tomorrow, each with the name of its band.

    That is the band of its price alone, or the one ``expected`` to be followed: a price
    just beyond a limit does not leave the band before it. None: it is not known.
    """
    finder = _Finder(settings, Inputs(now=now, zone=zone, slots=slots))
    begin, end = (start_of_day(now, zone, days) for days in (0, 2))
    found: list[tuple[Slot, str | None]] = []
    before: int | None = None
    for slot in finder.slots:
        if not begin <= slot.start < end or len(found) >= _MAX_PLANNED:
            continue
        place = finder.index(slot.price, slot.start, before)
        before = place if expected else None
        found.append((slot, None if place is None else settings.bands[place].name))
    return found


def decide(
    settings: BandsSettings, memory: BandsMemory, inputs: Inputs
) -> tuple[Decision, BandsMemory]:
    """Return the band to follow: a dearer one now, a cheaper one if it lasts."""
    now = inputs.now
    finder = _Finder(settings, inputs)
    ids = [band.id for band in settings.bands]
    present = ids.index(memory.band) if memory.band in ids else None
    raw = None if finder.now is None else finder.index(finder.now.value, now, present)
    if finder.now is None or raw is None:
        return _without_price(settings, memory, inputs, present)

    place, held = raw, None
    dwell_ends = None
    # A clock that was set back must not prolong it
    began = None if memory.since is None else min(memory.since, now)
    if present is not None and raw != present and began is not None:
        dwell_ends = began + settings.min_time
        if now < dwell_ends:
            minutes = int((now - began) / timedelta(minutes=1))
            values = {"band": settings.bands[raw].name, "minutes": minutes}
            place, held = present, Sentence("hold_time", values)
    if held is None and present is not None and raw < present and settings.look_ahead:
        for slot, ahead in finder.ahead(now, now + settings.min_time):
            if ahead is not None and ahead > place:
                place = min(present, ahead)
                if place == present:
                    values = {"band": settings.bands[raw].name, "price": slot.price}
                    held = Sentence("hold_next", values)
                    break
    since = began if place == present and began is not None else now
    band = settings.bands[place]
    following = finder.next_change(now, place)
    values = {"price": finder.now.value, "band": band.name, "what": band.rung}
    if following is None:
        sentence = Sentence("band_unknown_next", values)
    else:
        slot, n = following
        after = {"next": settings.bands[n].name, "time": slot.start}
        sentence = Sentence("band", {**values, **after})
    decision = _decision(
        settings,
        inputs,
        band,
        held or sentence,
        "holding" if held else "steering",
        (finder.now.until, dwell_ends if held else None),
        (settings.bands[following[1]].name, following[0].start) if following else None,
    )
    return decision, BandsMemory(
        band=band.id, since=since, valid_until=finder.now.until
    )


def _without_price(
    settings: BandsSettings, memory: BandsMemory, inputs: Inputs, present: int | None
) -> tuple[Decision, BandsMemory]:
    """Hold the band for a while, then fall back."""
    now = inputs.now
    missing = min(memory.missing_since or now, now)
    valid = memory.valid_until or missing + _HOLD_WITHOUT_SLOT - _HOLD_AFTER_SLOT
    # A damaged file may contain the year 9999, to which nothing can be added
    last = missing + _HOLD_AT_MOST - _HOLD_AFTER_SLOT
    until = min(max(valid, missing), last) + _HOLD_AFTER_SLOT
    fallback = settings.fallback
    band = None if present is None else settings.bands[present]
    since = memory.since
    sentence = Sentence("price_missing", {"time": missing, "until": until})
    state: State = "waiting" if band is None else "holding"
    # A fallback remains until there is a price again, regardless of the clock
    fell_back = memory.fell_back or now >= until
    if fell_back:
        state = "fallback"
        what = LEAVE if band is None else band.rung
        if fallback == "off":
            band, what = None, OFF
        elif fallback != "keep":
            wanted = fallback.removeprefix("band_")
            band = next((band for band in settings.bands if band.id == wanted), band)
            what = LEAVE if band is None else band.rung
        if not memory.fell_back and fallback != "keep":
            since = now
        sentence = Sentence("price_fallback", {"time": missing, "what": what})
    shown = band or (_ALL_OFF if fell_back and fallback == "off" else _LEFT_ALONE)
    decision = _decision(settings, inputs, shown, sentence, state, (until,), None)
    return decision, BandsMemory(
        band=memory.band if band is None else band.id,
        since=since,
        missing_since=missing,
        valid_until=memory.valid_until,
        fell_back=fell_back,
    )


_ALL_OFF = Band(rung=OFF)
_LEFT_ALONE = Band(rung=LEAVE)


def _decision(
    settings: BandsSettings,
    inputs: Inputs,
    band: Band,
    sentence: Sentence,
    state: State,
    checks: Sequence[datetime | None],
    following: tuple[str, datetime] | None,
) -> Decision:
    now = inputs.now
    next_band, next_at = following or (None, None)
    checks = (*checks, next_at, now + _LOOK_AGAIN)
    return Decision(
        wishes=wishes_of(band, inputs, sentence, next_at),
        sentence=sentence,
        state=state,
        next_check_at=min(
            instant for instant in checks if instant is not None and instant > now
        ),
        mark=band.id or band.rung,
        next_change_at=next_at,
        band=band.name or None,
        next_band=next_band,
        min_time=settings.min_time,
        max_switches=settings.max_switches,
        stagger=settings.stagger,
    )


def wishes_of(
    band: Band, inputs: Inputs, reason: Sentence, until: datetime | None = None
) -> tuple[Wish, ...]:
    """Return the rung of a band for each miner."""
    return tuple(
        Wish(
            miner=miner.id,
            rung=band.models.get(miner.model or "", band.rung),
            reason=reason,
            until=until,
            pool=band.pool,
        )
        for miner in inputs.miners
    )
