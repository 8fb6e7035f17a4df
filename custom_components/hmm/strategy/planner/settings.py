"""The settings of each type, made from what a subentry stores, and refused with a key."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, timedelta
from itertools import pairwise
import math
from typing import Any, Literal, cast

from .model import HIGHEST, LEAVE, LOWEST, NORMAL, OFF, PLAIN_RUNGS, Rung
from .ranking import RANKS, RankBy

MAX_BANDS = 24
PER_MODEL = "per_model"
_MOST = 50
_LONGEST = 255


class SettingsError(ValueError):
    """A setting that cannot be: ``key`` of its translation, its values, and where."""

    def __init__(self, key: str, where: str, **values: object) -> None:
        """Keep what the form needs to show it."""
        super().__init__(f"{where}: {key} {values or ''}".strip())
        self.key = key
        self.where = where
        self.values = values


def as_rung(value: object) -> Rung | None:
    """Return what a miner should do, None for an invalid value; a mode by its name."""
    if not isinstance(value, str) or not value or len(value) > _LONGEST:
        return None
    if value in PLAIN_RUNGS or value.startswith(("mode:", "profile:")):
        return value
    return f"mode:{value}"


class _Data:
    """The stored settings of one strategy, read with their defaults and ranges."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        if not isinstance(data, Mapping):
            raise SettingsError("not_a_choice", "bands")
        timing = data.get("timing")
        self._data = {**data, **(timing if isinstance(timing, Mapping) else {})}

    def _get(self, key: str) -> Any:
        return self._data.get(key)

    def number(
        self, key: str, default: float, low: float = 0, high: float = 1e9
    ) -> float:
        """Return a number within its range."""
        if (value := self.number_or_none(key)) is None:
            return default
        if not low <= value <= high:
            raise SettingsError("out_of_range", key, low=low, high=high)
        return value

    def number_or_none(self, key: str) -> float | None:
        """Return a finite number, None if there is none."""
        value = self._get(key)
        if value is None:
            return None
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not math.isfinite(value)
        ):
            raise SettingsError("not_a_number", key)
        return float(value)

    def span(self, key: str, default: float, low: float, high: float) -> timedelta:
        """Return minutes as a span of time."""
        return timedelta(minutes=self.number(key, default, low, high))

    def seconds(self, key: str, default: float, high: float = 3600) -> timedelta:
        """Return seconds as a span of time."""
        return timedelta(seconds=self.number(key, default, 0, high))

    def flag(self, key: str, *, default: bool) -> bool:
        """Return a yes or no."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise SettingsError("not_a_choice", key)
        return value

    def choice[T: str](self, key: str, default: T, *others: T) -> T:
        """Return one of some words."""
        value = self._get(key)
        if value is None:
            return default
        if not isinstance(value, str) or value not in {default, *others}:
            raise SettingsError("not_a_choice", key)
        return value

    def rung(self, key: str, default: Rung) -> Rung:
        """Return what a miner should do."""
        value = self._get(key)
        if value is None:
            return default
        if (rung := as_rung(value)) is None:
            raise SettingsError("not_a_rung", key)
        return rung

    def text(self, key: str) -> str | None:
        """Return a short text, None if there is none."""
        value = self._get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str) or len(value) > _LONGEST:
            raise SettingsError("not_a_text", key)
        return value

    def items(self, key: str) -> Sequence[Any]:
        """Return a list."""
        value = self._get(key)
        if value is None:
            return ()
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise SettingsError("not_a_list", key)
        return value


@dataclass(frozen=True, slots=True)
class Band:
    """One band; ``upto`` is not part of it any more, None: no upper limit.

    ``models`` has a rung of its own for some models.
    """

    id: str
    name: str
    rung: Rung = LEAVE
    upto: float | None = None
    cheapest: float | None = None
    states: tuple[str, ...] = ()
    models: Mapping[str, Rung] = field(default_factory=dict)
    pool: str | None = None

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Band:
        """Return a band from what is stored; raise SettingsError."""
        read = _Data(data)
        if (name := read.text("band_name")) is None:
            raise SettingsError("name_missing", "band_name")
        cheapest = read.number_or_none("cheapest")
        if cheapest is not None and not 0 < cheapest <= 23:
            raise SettingsError("out_of_range", "cheapest", low=1, high=23)
        rung = NORMAL if data.get("rung") == PER_MODEL else read.rung("rung", LEAVE)
        pool = read.text("pool")
        return cls(
            id=read.text("id") or name,
            name=name,
            rung=rung,
            upto=read.number_or_none("upto"),
            cheapest=cheapest,
            states=tuple(str(state) for state in read.items("states")[:_MOST]),
            models=_models(data),
            pool=None if pool == LEAVE else pool,
        )


def _models(data: Mapping[str, Any]) -> Mapping[str, Rung]:
    """Return the rungs of models, where a band has one for each."""
    models = data.get("models")
    if data.get("rung") != PER_MODEL or models is None:
        return {}
    if not isinstance(models, Mapping):
        raise SettingsError("not_a_rung", "models")
    rungs = {str(model): as_rung(value) for model, value in models.items()}
    if any(rung is None for rung in rungs.values()):
        raise SettingsError("not_a_rung", "models")
    return cast(Mapping[str, Rung], rungs)


type BandKind = Literal["price", "hours", "states"]


@dataclass(frozen=True, slots=True)
class BandsSettings:
    """Price bands from cheap to dear.

    By ``price`` each ends where the next begins and the last is open; by ``hours``
    each takes its hours of the day in order of price and the last takes the rest; by
    ``states`` each has the words of a tariff.
    """

    bands: tuple[Band, ...]
    by: BandKind = "price"
    dead_band: float = 2.0
    min_time: timedelta = timedelta(minutes=15)
    look_ahead: bool = True
    max_switches: int = 12
    fallback: str = "keep"
    stagger: timedelta = timedelta(seconds=10)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> BandsSettings:
        """Return settings from what is stored; raise SettingsError.

        ``fallback`` is "keep", "off" or "band_" and the id of a band.
        """
        read = _Data(data)
        bands = tuple(Band.from_dict(band) for band in read.items("bands"))
        if not 2 <= len(bands) <= MAX_BANDS:
            raise SettingsError("band_count", "bands", low=2, high=MAX_BANDS)
        if min(
            len({band.name for band in bands}), len({band.id for band in bands})
        ) < len(bands):
            raise SettingsError("name_taken", "bands")
        by = _kind_of(bands)
        fallback = read.text("fallback") or "keep"
        if fallback not in {"keep", "off", *(f"band_{band.id}" for band in bands)}:
            raise SettingsError("not_a_choice", "fallback")
        return cls(
            bands=bands,
            by=by,
            dead_band=read.number("dead_band", 2, 0, 50),
            min_time=read.span("min_time", 15, 5, 240),
            look_ahead=read.flag("look_ahead", default=True),
            max_switches=int(read.number("max_switches", 12, 1, 200)),
            fallback=fallback,
            stagger=read.seconds("stagger", 10),
        )


def _kind_of(bands: tuple[Band, ...]) -> BandKind:
    """Return what bands go by; raise SettingsError unless they cover all there is."""
    if any(band.states for band in bands):
        words = [word for band in bands for word in band.states]
        if len(set(words)) < len(words) or not all(band.states for band in bands):
            raise SettingsError("states_overlap", "bands")
        return "states"
    *others, last = bands
    if any(band.cheapest is not None for band in bands):
        if last.cheapest is not None or any(band.cheapest is None for band in others):
            raise SettingsError("no_top_band", "bands")
        if sum(band.cheapest or 0 for band in others) >= 24:
            raise SettingsError("too_many_hours", "bands")
        return "hours"
    limits = [band.upto for band in others]
    if last.upto is not None or any(limit is None for limit in limits):
        raise SettingsError("no_top_band", "bands")
    bounds = cast(list[float], limits)
    for low, high in pairwise(bounds):
        if low >= high:
            raise SettingsError("limits_order", "bands", a=low, b=high)
    return "price"


@dataclass(frozen=True, slots=True)
class ChampionSettings:
    """Only the most efficient miner runs while the price is ``above``, or in a ``band``.

    ``order`` holds the ids of those that go first, the others follow by ``rank_by``.
    ``reserve`` is what the others do: off or lowest. ``band`` is the id of a band, and
    ``Inputs.band`` must then be that of the strategy that it belongs to.
    """

    above: float | None = None
    band: str | None = None
    rank_by: RankBy = "efficiency"
    order: tuple[str, ...] = ()
    rung: Rung = LOWEST
    replace_after: timedelta = timedelta(minutes=6)
    reserve: Rung = OFF
    dead_band: float = 2.0
    min_time: timedelta = timedelta(minutes=15)
    look_ahead: bool = True
    max_switches: int = 12
    stagger: timedelta = timedelta(seconds=10)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> ChampionSettings:
        """Return settings from what is stored; raise SettingsError."""
        read = _Data(data)
        above, band = read.number_or_none("above"), read.text("band")
        if (above is None) == (band is None):
            raise SettingsError("above_or_band", "above")
        return cls(
            above=above,
            band=band,
            rank_by=read.choice("rank_by", *RANKS),
            order=tuple(str(miner) for miner in read.items("order")),
            rung=read.rung("rung", LOWEST),
            replace_after=read.span("replace_after", 6, 3, 30),
            reserve=read.choice("reserve", OFF, LOWEST),
            dead_band=read.number("dead_band", 2, 0, 50),
            min_time=read.span("min_time", 15, 5, 240),
            look_ahead=read.flag("look_ahead", default=True),
            max_switches=int(read.number("max_switches", 12, 1, 200)),
            stagger=read.seconds("stagger", 10),
        )


@dataclass(frozen=True, slots=True)
class SolarSettings:
    """How miners fill a surplus; ``order`` and ``rank_by`` as those of a champion.

    With ``daylight`` a meter without a battery has no surplus after sunset.
    """

    rank_by: RankBy = "efficiency"
    order: tuple[str, ...] = ()
    reserve: float = 100.0
    window: timedelta = timedelta(minutes=2)
    on_delay: timedelta = timedelta(minutes=2)
    off_delay: timedelta = timedelta(minutes=5)
    min_run: timedelta = timedelta(minutes=10)
    battery_first: bool = True
    min_soc: float = 0.0
    min_forecast: float = 0.0
    daylight: bool = True
    stale_after: timedelta = timedelta(minutes=5)
    floor: Rung = OFF
    max_switches: int = 12
    stagger: timedelta = timedelta(seconds=10)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> SolarSettings:
        """Return settings from what is stored; raise SettingsError."""
        read = _Data(data)
        return cls(
            rank_by=read.choice("rank_by", *RANKS),
            order=tuple(str(miner) for miner in read.items("order")),
            reserve=read.number("reserve", 100, 0, 100_000),
            window=read.span("window", 2, 0.5, 30),
            on_delay=read.span("on_delay", 2, 0, 60),
            off_delay=read.span("off_delay", 5, 0, 60),
            min_run=read.span("min_run", 10, 0, 240),
            battery_first=read.flag("battery_first", default=True),
            min_soc=read.number("min_soc", 0, 0, 100),
            min_forecast=read.number("min_forecast", 0, 0, 10_000),
            daylight=read.flag("daylight", default=True),
            stale_after=read.span("stale_after", 5, 1, 60),
            floor=read.choice("floor", OFF, LOWEST),
            max_switches=int(read.number("max_switches", 12, 1, 200)),
            stagger=read.seconds("stagger", 10),
        )


@dataclass(frozen=True, slots=True)
class HeatSettings:
    """How miners heat a room, between two rungs; ``stop_all`` above ``max_room``."""

    lowest_rung: Rung = LOWEST
    highest_rung: Rung = HIGHEST
    when_idle: Rung = OFF
    tolerance: float = 0.3
    min_cycle: timedelta = timedelta(minutes=10)
    stale_after: timedelta = timedelta(minutes=45)
    max_room: float = 28.0
    stop_all: bool = False
    max_switches: int = 144
    stagger: timedelta = timedelta(seconds=10)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HeatSettings:
        """Return settings from what is stored; raise SettingsError."""
        read = _Data(data)
        return cls(
            lowest_rung=read.rung("lowest_rung", LOWEST),
            highest_rung=read.rung("highest_rung", HIGHEST),
            when_idle=read.choice("when_idle", OFF, LOWEST),
            tolerance=read.number("tolerance", 0.3, 0.1, 2),
            min_cycle=read.span("min_cycle", 10, 5, 120),
            stale_after=read.span("stale_after", 45, 30, 60),
            max_room=read.number("max_room", 28, 15, 45),
            stop_all=read.flag("stop_all", default=False),
            max_switches=int(read.number("max_switches", 144, 1, 288)),
            stagger=read.seconds("stagger", 10),
        )


@dataclass(frozen=True, slots=True)
class CalendarSettings:
    """A span by the clock, or of an entity (``begin`` None): at most, or exactly, a rung.

    ``days`` are 0 for Monday to 6, and those on which the span begins.
    """

    rung: Rung = LOWEST
    quiet: bool = True
    days: frozenset[int] = frozenset(range(7))
    begin: time | None = None
    end: time | None = None
    min_time: timedelta = timedelta()
    max_switches: int = 24
    stagger: timedelta = timedelta(seconds=10)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> CalendarSettings:
        """Return settings from what is stored; raise SettingsError.

        ``kind`` is "quiet" or "plan"; ``days`` are "mon" to "sun"; ``from`` and ``to``
        are like "22:00" and may pass midnight; without them ``Inputs.calendar`` counts.
        """
        read = _Data(data)
        begin, end = _time(read.text("from"), "from"), _time(read.text("to"), "to")
        if (begin is None) != (end is None):
            raise SettingsError("not_a_time", "to" if end is None else "from")
        if begin is not None and begin == end:
            raise SettingsError("empty_span", "to")
        names = read.items("days") or _DAYS
        if not all(day in _DAYS for day in names):
            raise SettingsError("not_a_choice", "days")
        return cls(
            rung=read.rung("rung", LOWEST),
            quiet=read.choice("kind", "quiet", "plan") == "quiet",
            days=frozenset(_DAYS.index(day) for day in names),
            begin=begin,
            end=end,
            max_switches=int(read.number("max_switches", 24, 1, 200)),
            stagger=read.seconds("stagger", 10),
        )


_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _time(text: str | None, where: str) -> time | None:
    """Return a time of the day."""
    if text is None:
        return None
    try:
        return time.fromisoformat(text).replace(tzinfo=None)
    except ValueError:
        raise SettingsError("not_a_time", where) from None


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
