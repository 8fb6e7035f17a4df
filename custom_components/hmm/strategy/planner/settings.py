"""The settings of each type, made from what a subentry stores, and refused with a key."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import time, timedelta
from functools import cache
from itertools import pairwise
import math
from typing import Annotated, Any, Literal, Self, cast, get_type_hints

from .model import HIGHEST, LEAVE, LOWEST, OFF, PLAIN_RUNGS, Rung
from .ranking import RANKS, RankBy

MAX_BANDS = 24
_LONGEST = 255
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class SettingsError(ValueError):
    """A setting that cannot be: ``key`` of its translation, its values, and where."""

    def __init__(self, key: str, where: str, **values: object) -> None:
        """Keep what the form needs to show it."""
        super().__init__(f"{where}: {key} {values or ''}".strip())
        self.key = key
        self.where = where
        self.values = values


# How what is stored under a key is read; each raises SettingsError

type _Reader = Callable[[Any, str], Any]


def as_rung(value: Any, key: str) -> Rung:
    """Return what a miner should do; a mode by its name."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST:
        raise SettingsError("not_a_rung", key)
    is_known = value in PLAIN_RUNGS or value.startswith(("mode:", "profile:"))
    return value if is_known else f"mode:{value}"


def _number(value: Any, key: str) -> float:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
    ):
        raise SettingsError("not_a_number", key)
    return float(value)


def _within(low: float, high: float) -> _Reader:
    def read(value: Any, key: str) -> float:
        if not low <= (number := _number(value, key)) <= high:
            raise SettingsError("out_of_range", key, low=low, high=high)
        return number

    return read


def _flag(value: Any, key: str) -> bool:
    if not isinstance(value, bool):
        raise SettingsError("not_a_choice", key)
    return value


def _one_of(*words: str) -> _Reader:
    def read(value: Any, key: str) -> str:
        if not isinstance(value, str) or value not in words:
            raise SettingsError("not_a_choice", key)
        return value

    return read


def _text(value: Any, key: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST:
        raise SettingsError("not_a_text", key)
    return value


def _list(value: Any, key: str) -> list[Any] | tuple[Any, ...]:
    if not isinstance(value, list | tuple):
        raise SettingsError("not_a_list", key)
    return value


def _texts(value: Any, key: str) -> tuple[str, ...]:
    return tuple(map(str, _list(value, key)))


def _rungs(value: Any, key: str) -> Mapping[str, Rung]:
    if not isinstance(value, Mapping):
        raise SettingsError("not_a_rung", key)
    return {str(model): as_rung(rung, key) for model, rung in value.items()}


def _time(value: Any, key: str) -> time:
    try:
        return time.fromisoformat(_text(value, key)).replace(tzinfo=None)
    except ValueError:
        raise SettingsError("not_a_time", key) from None


def _is_quiet(value: Any, key: str) -> bool:
    return bool(_one_of("quiet", "plan")(value, key) == "quiet")


def _weekdays(value: Any, key: str) -> frozenset[int]:
    names = _texts(value, key) or _DAYS
    if not all(day in _DAYS for day in names):
        raise SettingsError("not_a_choice", key)
    return frozenset(map(_DAYS.index, names))


def _minutes(low: float, high: float) -> _Reader:
    read = _within(low, high)
    return lambda value, key: timedelta(minutes=read(value, key))


def _seconds(value: Any, key: str) -> timedelta:
    return timedelta(seconds=_within(0, 3600)(value, key))


def _switches(most: int) -> _Reader:
    read = _within(1, most)
    return lambda value, key: int(read(value, key))


# What several types have

_DeadBand = Annotated[float, _within(0, 50)]
_Flag = Annotated[bool, _flag]
_Limit = Annotated[float | None, _number]
_MinTime = Annotated[timedelta, _minutes(5, 240)]
_Order = Annotated[tuple[str, ...], _texts]
_RankBy = Annotated[RankBy, _one_of(*RANKS)]
_Rung = Annotated[Rung, as_rung]
_Resting = Annotated[Rung, _one_of(OFF, LOWEST)]
_Stagger = Annotated[timedelta, _seconds]
_STAGGER = timedelta(seconds=10)
_Switches = Annotated[int, _switches(200)]
_Text = Annotated[str, _text]


@cache
def _readers(cls: Any) -> Mapping[str, tuple[str, _Reader]]:
    """Return by field what it is stored under, by default its name, and how it is read."""
    found = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if metadata := getattr(hint, "__metadata__", ()):
            read, *key = metadata
            found[name] = key[0] if key else name, read
    return found


def _read(cls: Any, data: Any) -> dict[str, Any]:
    """Return what is stored of the fields of a data class."""
    if not isinstance(data, Mapping):
        raise SettingsError("not_a_choice", "bands")
    return {
        name: read(value, key)
        for name, (key, read) in _readers(cls).items()
        if (value := data.get(key)) is not None and (value != "" or read is not _text)
    }


class _Settings:
    """What all types have in common: how they are read."""

    __slots__ = ()

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return settings from what is stored; raise SettingsError."""
        return cls(**_read(cls, data))


@dataclass(frozen=True, slots=True)
class Band:
    """One band; ``upto`` is not part of it any more, None: no upper limit.

    ``models`` has a rung of its own for some models.
    """

    id: _Text = ""
    name: Annotated[str, _text, "band_name"] = ""
    rung: _Rung = LEAVE
    upto: _Limit = None
    cheapest: Annotated[float | None, _within(1, 23)] = None
    states: Annotated[tuple[str, ...], _texts] = ()
    models: Annotated[Mapping[str, Rung], _rungs] = field(default_factory=dict)
    pool: Annotated[str | None, _text] = None

    @classmethod
    def from_dict(cls, data: Any) -> Band:
        """Return a band from what is stored; raise SettingsError."""
        found = _read(cls, data)
        if "name" not in found:
            raise SettingsError("name_missing", "band_name")
        return cls(**{"id": found["name"], **found})


type BandKind = Literal["price", "hours", "states"]


def _bands(value: Any, key: str) -> tuple[Band, ...]:
    return tuple(map(Band.from_dict, _list(value, key)))


@dataclass(frozen=True, slots=True)
class BandsSettings(_Settings):
    """Price bands from cheap to dear.

    By ``price`` each ends where the next begins and the last is open; by ``hours``
    each takes its hours of the day in order of price and the last takes the rest; by
    ``states`` each has the words of a tariff. ``fallback`` is "keep", "off" or "band_"
    and the id of a band.
    """

    bands: Annotated[tuple[Band, ...], _bands] = ()
    dead_band: _DeadBand = 2.0
    min_time: _MinTime = timedelta(minutes=15)
    look_ahead: _Flag = True
    max_switches: _Switches = 12
    fallback: _Text = "keep"
    stagger: _Stagger = _STAGGER

    def __post_init__(self) -> None:
        """Refuse bands that do not cover all there is, or overlap."""
        bands = self.bands
        if not 2 <= len(bands) <= MAX_BANDS:
            raise SettingsError("band_count", "bands", low=2, high=MAX_BANDS)
        for names in ({band.name for band in bands}, {band.id for band in bands}):
            if len(names) < len(bands):
                raise SettingsError("name_taken", "bands")
        _CHECKS[self.by](bands)
        if self.fallback not in {"keep", "off", *(f"band_{band.id}" for band in bands)}:
            raise SettingsError("not_a_choice", "fallback")

    @property
    def by(self) -> BandKind:
        """Return what the bands go by."""
        if any(band.states for band in self.bands):
            return "states"
        has_hours = any(band.cheapest is not None for band in self.bands)
        return "hours" if has_hours else "price"


def _check_states(bands: tuple[Band, ...]) -> None:
    words = [word for band in bands for word in band.states]
    if len(set(words)) < len(words) or not all(band.states for band in bands):
        raise SettingsError("states_overlap", "bands")


def _check_hours(bands: tuple[Band, ...]) -> None:
    *others, last = (band.cheapest for band in bands)
    if last is not None or None in others:
        raise SettingsError("no_top_band", "bands")
    if sum(cast(list[float], others)) >= 24:
        raise SettingsError("too_many_hours", "bands")


def _check_limits(bands: tuple[Band, ...]) -> None:
    *others, last = (band.upto for band in bands)
    if last is not None or None in others:
        raise SettingsError("no_top_band", "bands")
    for low, high in pairwise(cast(list[float], others)):
        if low >= high:
            raise SettingsError("limits_order", "bands", a=low, b=high)


_CHECKS: Mapping[BandKind, Callable[[tuple[Band, ...]], None]] = {
    "price": _check_limits,
    "hours": _check_hours,
    "states": _check_states,
}


@dataclass(frozen=True, slots=True)
class ChampionSettings(_Settings):
    """Only the most efficient miner runs while the price is ``above``, or in a ``band``.

    ``order`` holds the ids of those that go first, the others follow by ``rank_by``.
    ``reserve`` is what the others do: off or lowest. ``band`` is the id of a band, and
    ``Inputs.band`` must then be that of the strategy that it belongs to.
    """

    above: _Limit = None
    band: Annotated[str | None, _text] = None
    rank_by: _RankBy = "efficiency"
    order: _Order = ()
    rung: _Rung = LOWEST
    replace_after: Annotated[timedelta, _minutes(3, 30)] = timedelta(minutes=6)
    reserve: _Resting = OFF
    dead_band: _DeadBand = 2.0
    min_time: _MinTime = timedelta(minutes=15)
    look_ahead: _Flag = True
    max_switches: _Switches = 12
    stagger: _Stagger = _STAGGER

    def __post_init__(self) -> None:
        """Refuse two limits, or none."""
        if (self.above is None) == (self.band is None):
            raise SettingsError("above_or_band", "above")


@dataclass(frozen=True, slots=True)
class SolarSettings(_Settings):
    """How miners fill a surplus; ``order`` and ``rank_by`` as those of a champion.

    With ``daylight`` a meter without a battery has no surplus after sunset.
    """

    rank_by: _RankBy = "efficiency"
    order: _Order = ()
    reserve: Annotated[float, _within(0, 100_000)] = 100.0
    window: Annotated[timedelta, _minutes(0.5, 30)] = timedelta(minutes=2)
    on_delay: Annotated[timedelta, _minutes(0, 60)] = timedelta(minutes=2)
    off_delay: Annotated[timedelta, _minutes(0, 60)] = timedelta(minutes=5)
    min_run: Annotated[timedelta, _minutes(0, 240)] = timedelta(minutes=10)
    battery_first: _Flag = True
    min_soc: Annotated[float, _within(0, 100)] = 0.0
    min_forecast: Annotated[float, _within(0, 10_000)] = 0.0
    daylight: _Flag = True
    stale_after: Annotated[timedelta, _minutes(1, 60)] = timedelta(minutes=5)
    floor: _Resting = OFF
    max_switches: _Switches = 12
    stagger: _Stagger = _STAGGER


@dataclass(frozen=True, slots=True)
class HeatSettings(_Settings):
    """How miners heat a room, between two rungs; ``stop_all`` above ``max_room``."""

    lowest_rung: _Rung = LOWEST
    highest_rung: _Rung = HIGHEST
    when_idle: _Resting = OFF
    tolerance: Annotated[float, _within(0.1, 2)] = 0.3
    min_cycle: Annotated[timedelta, _minutes(5, 120)] = timedelta(minutes=10)
    stale_after: Annotated[timedelta, _minutes(30, 60)] = timedelta(minutes=45)
    max_room: Annotated[float, _within(15, 45)] = 28.0
    stop_all: _Flag = False
    max_switches: Annotated[int, _switches(288)] = 144
    stagger: _Stagger = _STAGGER


@dataclass(frozen=True, slots=True)
class CalendarSettings(_Settings):
    """A span by the clock, or of an entity (``begin`` None): at most, or exactly, a rung.

    ``days`` are 0 for Monday to 6, and those on which the span begins; it may pass
    midnight. Without it ``Inputs.calendar`` counts.
    """

    rung: _Rung = LOWEST
    quiet: Annotated[bool, _is_quiet, "kind"] = True
    days: Annotated[frozenset[int], _weekdays] = frozenset(range(7))
    begin: Annotated[time | None, _time, "from"] = None
    end: Annotated[time | None, _time, "to"] = None
    min_time: timedelta = timedelta()
    max_switches: _Switches = 24
    stagger: _Stagger = _STAGGER

    def __post_init__(self) -> None:
        """Refuse half a span, and an empty one."""
        if (self.begin is None) != (self.end is None):
            raise SettingsError("not_a_time", "to" if self.end is None else "from")
        if self.begin is not None and self.begin == self.end:
            raise SettingsError("empty_span", "to")


type Settings = (
    BandsSettings | ChampionSettings | SolarSettings | HeatSettings | CalendarSettings
)

FROM_DICT: Mapping[str, Callable[[Mapping[str, Any]], Settings]] = {
    "price_bands": BandsSettings.from_dict,
    "champion": ChampionSettings.from_dict,
    "solar": SolarSettings.from_dict,
    "heat": HeatSettings.from_dict,
    "calendar": CalendarSettings.from_dict,
}
"""By type of strategy, how its settings are read; each raises SettingsError."""
