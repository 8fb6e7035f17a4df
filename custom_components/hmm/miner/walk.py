"""The walk of autotune: which point of a miner is measured next, and what is found.

Nothing here knows Home Assistant or a clock: every poll comes with its time, in seconds
that only grow, and gives the next walk. A point is a frequency and a core voltage, both
of the device's own lists.

The first point is the present one. From the least heat on the walk then climbs like a
staircase: while a point is stable the frequency rises by one step, else the voltage
does. Each point is at most a little hotter than the one before; the first that is too
hot, too loud or draws too much is the last, because all further ones are hotter still.
So there are never more points than steps in both lists.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
import math
from statistics import fmean
from typing import ClassVar, Final, NamedTuple, override

from ..stored import Stored

SETTLE_SECONDS: Final = 180.0
"""From a write until the short averages of the firmwares are those of the new point."""

MAX_STEPS: Final = 29
"""Of one list; longer ones are thinned out, so that there are at most 58 points."""

_FEWEST_SAMPLES: Final = 7
_MAX_SAMPLES: Final = 200
_MAX_BLIND: Final = 2
_TRIMMED: Final = 0.1
"""Which part of the samples counts as outliers, at each end."""
_STABLE: Final = 0.94
"""Which part of the expected hashrate a stable point delivers."""
_IMPLAUSIBLE: Final = 1.25
_AS_FAST: Final = 0.995
_COOLEST_AIR: Final = 15.0
"""°C; with warmer air the chips are heated less than is assumed."""
_ROOMY_FAN: Final = 90.0
"""Percent below which an automatic fan can hold its temperature."""

# mV that a power supply of this kind may have
_SUPPLIES: Final = ((4800.0, 5500.0), (11_000.0, 13_000.0))
_BETWEEN_SUPPLIES: Final = 8000.0


class Goal(StrEnum):
    """What to optimize; all but the first are names of profiles."""

    ALL = "all"
    QUIET = "quiet"
    """The least power."""
    EFFICIENT = "efficient"
    """The fewest J/TH."""
    FAST = "fast"
    """The highest hashrate."""


class Verdict(StrEnum):
    """How a point is."""

    GOOD = "good"
    LOW_HASHRATE = "low_hashrate"
    ERRORS = "errors"
    TOO_HOT = "too_hot"
    REGULATOR_TOO_HOT = "regulator_too_hot"
    TOO_MUCH_POWER = "too_much_power"
    TOO_LOUD = "too_loud"
    SUPPLY_VOLTAGE = "supply_voltage"


_UNSTABLE: Final = (Verdict.LOW_HASHRATE, Verdict.ERRORS)
"""More voltage helps."""

FINISHED: Final = "finished"


class Point(NamedTuple):
    """MHz and mV."""

    frequency: float
    core_voltage: float

    @property
    def heat(self) -> float:
        """Return a measure of the heat: what chips draw grows with it."""
        return self.frequency * self.core_voltage**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps(Stored):
    """What the user wants, and what no good point exceeds."""

    max_power: float
    """W."""
    goal: Goal = Goal.ALL
    max_temperature: float = 65.0
    """°C of the hottest chip."""
    max_regulator: float = 85.0
    """°C."""
    max_fan: float = 100.0
    """Percent."""
    max_error: float = 1.0
    """Percent of wrong results."""
    minutes_per_point: float = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What one poll says; None is unknown."""

    hashrate: float | None = None
    """H/s."""
    expected: float | None = None
    """H/s."""
    power: float | None = None
    """W."""
    temperature: float | None = None
    """°C of the hottest chip."""
    regulator: float | None = None
    """°C."""
    fan: float | None = None
    """Percent."""
    fan_auto: bool | None = None
    error: float | None = None
    """Percent."""
    supply: float | None = None
    """mV."""


_ALWAYS: Final = ("temperature", "power")
_MEASURED: Final = ("hashrate", "expected", *_ALWAYS)
_OPTIONAL: Final = ("regulator", "fan", "error", "supply")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial(Stored):
    """A point that was measured, and how it is."""

    frequency: float
    core_voltage: float
    verdict: Verdict
    hashrate: float | None = None
    """H/s."""
    power: float | None = None
    temperature: float | None = None
    """The highest one."""
    regulator: float | None = None
    fan: float | None = None
    error: float | None = None

    @property
    def point(self) -> Point:
        """Return where it is."""
        return Point(self.frequency, self.core_voltage)

    @override
    def verify(self) -> None:
        is_good = self.verdict is Verdict.GOOD
        if not (self.frequency and self.core_voltage) or (
            is_good and None in (self.hashrate, self.power)
        ):
            raise ValueError("a figure is missing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk(Stored):
    """Where a walk is. Made by ``begin`` and ``with_sample``, and never changed."""

    # The present point starts over
    stored_as: ClassVar = dict.fromkeys(("since", "samples", "blind"))

    frequencies: tuple[float, ...]
    voltages: tuple[float, ...]
    caps: Caps
    start: Point
    point: Point
    """Where the miner is to be."""
    tried: tuple[Trial, ...] = ()
    needs: tuple[str, ...] = _MEASURED
    """The figures without which a point cannot be judged."""
    ended: str | None = None
    """Why the walk is over: ``finished``, or what is doubtful."""
    since: float | None = None
    """Since when the miner has been at this point, None before its first poll."""
    samples: tuple[Sample, ...] = field(default=(), repr=False)
    blind: int = 0
    """How many polls in a row lacked a figure."""

    @property
    def is_measuring(self) -> bool:
        """Return whether the miner has settled at the point."""
        return bool(self.samples)

    @property
    def step(self) -> int:
        """Return the number of the present point, from 1."""
        return len(self.tried) + (self.ended is None)

    @property
    def steps(self) -> int:
        """Return how many points there are at most."""
        return len(self.tried) + (0 if self.ended else 1 + self._ahead)

    @property
    def seconds_left(self) -> float:
        """Return how long the walk takes from this point on, at most."""
        return (self.steps - len(self.tried)) * seconds_per_point(self.caps)

    @property
    def _ahead(self) -> int:
        """Return how many points can follow the present one."""
        rows, columns = len(self.frequencies), len(self.voltages)
        if not self.tried:
            return columns if self.caps.goal is Goal.QUIET else rows + columns - 1
        row, column = self.place(self.point)
        if self.caps.goal is Goal.QUIET:
            return columns - 1 - column
        return rows - 1 - row + columns - 1 - column

    def place(self, point: Point) -> tuple[int, int]:
        """Return the places of a point in both lists. Raises ValueError."""
        return (
            self.frequencies.index(point.frequency),
            self.voltages.index(point.core_voltage),
        )

    def contains(self, point: Point) -> bool:
        """Return whether both values are of the lists."""
        return (
            point.frequency in self.frequencies and point.core_voltage in self.voltages
        )

    @override
    def verify(self) -> None:
        if not {*_MEASURED} <= {*self.needs} <= {*_MEASURED, *_OPTIONAL}:
            raise ValueError(self.needs)
        on_way = self.contains(self.point) if self.tried else self.point == self.start
        if self.ended is None and not on_way:
            raise ValueError("a point beyond the lists")


def seconds_per_point(caps: Caps) -> float:
    """Return how long a point takes."""
    return SETTLE_SECONDS + caps.minutes_per_point * 60


def begin(
    frequencies: Iterable[float], voltages: Iterable[float], start: Point, caps: Caps
) -> Walk:
    """Return a walk over the values of a device, which is at ``start`` now.

    Raises ValueError for a list without values.
    """
    rows, columns = _thinned(frequencies), _thinned(voltages)
    if not rows or not columns:
        raise ValueError("nothing to choose from")
    needs = (*_MEASURED, "fan") if caps.max_fan < 100 else _MEASURED
    return Walk(
        frequencies=rows,
        voltages=columns,
        caps=caps,
        start=start,
        point=start,
        needs=needs,
    )


def _thinned(values: Iterable[float]) -> tuple[float, ...]:
    ordered = sorted(
        {float(value) for value in values if math.isfinite(value) and value > 0}
    )
    last = len(ordered) - 1
    if last < MAX_STEPS:
        return tuple(ordered)
    return tuple(
        ordered[round(index * last / (MAX_STEPS - 1))] for index in range(MAX_STEPS)
    )


def restarted(walk: Walk) -> Walk:
    """Return the walk with its present point not yet begun."""
    return replace(walk, since=None, samples=(), blind=0)


def with_sample(walk: Walk, sample: Sample, at: float) -> Walk:
    """Take the next poll of a miner that is at the walk's point."""
    if walk.ended is not None:
        return walk
    if walk.since is None or at < walk.since:
        walk = replace(restarted(walk), since=at)
    assert walk.since is not None
    age = at - walk.since
    is_settled = age >= SETTLE_SECONDS
    if any(
        not _is_number(getattr(sample, key))
        for key in (walk.needs if is_settled else _ALWAYS)
    ):
        walk = replace(walk, blind=walk.blind + 1)
        is_over = walk.blind >= _MAX_BLIND
        return replace(walk, ended="figure_unknown") if is_over else walk
    walk = replace(walk, blind=0)
    if (verdict := _exceeded(walk, sample, is_settled=is_settled)) is not None:
        if not is_settled:
            # These are still those of the point before
            sample = replace(sample, hashrate=None, error=None)
        return _judged(replace(walk, samples=(*walk.samples, sample)), verdict)
    if not is_settled:
        return walk
    walk = replace(walk, samples=(*walk.samples, sample)[-_MAX_SAMPLES:])
    if age < seconds_per_point(walk.caps):
        return walk
    if len(walk.samples) < _FEWEST_SAMPLES:
        return replace(walk, ended="figure_unknown")
    return _measured(walk)


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _exceeded(walk: Walk, sample: Sample, *, is_settled: bool) -> Verdict | None:
    """Return which limit a poll exceeds: one is enough."""
    caps = walk.caps
    assert sample.power is not None
    assert sample.temperature is not None
    if not _cools_down(walk, is_settled):
        if sample.power > caps.max_power:
            return Verdict.TOO_MUCH_POWER
        if sample.temperature > caps.max_temperature:
            return Verdict.TOO_HOT
        if sample.regulator is not None and sample.regulator > caps.max_regulator:
            return Verdict.REGULATOR_TOO_HOT
    if sample.supply is not None and _is_number(sample.supply):
        low, high = _SUPPLIES[sample.supply > _BETWEEN_SUPPLIES]
        if not low <= sample.supply <= high:
            return Verdict.SUPPLY_VOLTAGE
    return None


def _cools_down(walk: Walk, is_settled: bool) -> bool:
    """Return whether what is too hot may be so from the point before."""
    return (
        not is_settled
        and bool(walk.tried)
        and walk.point.heat < walk.tried[-1].point.heat
    )


def _measured(walk: Walk) -> Walk:
    """Judge a point by all of its samples."""
    caps, samples = walk.caps, walk.samples
    expected = _mean(samples, "expected")
    delivered = _mean(samples, "hashrate")
    assert expected is not None
    assert delivered is not None
    if expected <= 0 or delivered > _IMPLAUSIBLE * expected:
        # The firmware counts other chips than there are
        return replace(walk, ended="figures_implausible")
    error, fan = _mean(samples, "error"), _mean(samples, "fan")
    if fan is not None and fan > caps.max_fan:
        return _judged(walk, Verdict.TOO_LOUD)
    if delivered < _STABLE * expected:
        return _judged(walk, Verdict.LOW_HASHRATE)
    if error is not None and error > caps.max_error:
        return _judged(walk, Verdict.ERRORS)
    return _judged(walk, Verdict.GOOD)


def _mean(samples: tuple[Sample, ...], key: str) -> float | None:
    """Return the mean without outliers, None if any sample lacks the figure."""
    values = sorted(
        getattr(sample, key) for sample in samples if _is_number(getattr(sample, key))
    )
    if not values or len(values) < len(samples):
        return None
    out = int(len(values) * _TRIMMED)
    return fmean(values[out : len(values) - out])


def _judged(walk: Walk, verdict: Verdict) -> Walk:
    """Note how the present point is, and continue with the next."""
    samples = walk.samples

    def highest(key: str) -> float | None:
        values = [
            getattr(sample, key)
            for sample in samples
            if _is_number(getattr(sample, key))
        ]
        return max(values, default=None)

    trial = Trial(
        frequency=walk.point.frequency,
        core_voltage=walk.point.core_voltage,
        verdict=verdict,
        hashrate=_mean(samples, "hashrate"),
        power=_mean(samples, "power"),
        temperature=highest("temperature"),
        regulator=highest("regulator"),
        fan=_mean(samples, "fan"),
        error=_mean(samples, "error"),
    )
    if not walk.tried:
        # What the miner reported once, it has to report from now on
        reported = {key for key in _OPTIONAL if _mean(samples, key) is not None}
        needs = tuple(
            key
            for key in (*_MEASURED, *_OPTIONAL)
            if key in reported or key in walk.needs
        )
        walk = replace(walk, needs=needs)
    last = samples[-1]
    walk = replace(restarted(walk), tried=(*walk.tried, trial))
    point = _next(walk)
    if point is None or _will_exceed(walk, point, trial, last):
        return replace(walk, ended=FINISHED)
    return replace(walk, point=point)


def _next(walk: Walk) -> Point | None:
    """Return the point after the last trial, None if that was the last."""
    rows, columns, trial = walk.frequencies, walk.voltages, walk.tried[-1]
    measured = {trial.point: trial for trial in walk.tried}
    place: tuple[int, int] | None = (0, 0)
    if len(walk.tried) > 1:
        place = _after(walk, walk.place(trial.point), trial)
    elif walk.caps.goal is Goal.FAST and trial.verdict is Verdict.GOOD:
        # Slower ones are not among those it looks for
        slower = [row for row in rows if row <= walk.start.frequency]
        place = (max(0, len(slower) - 1), 0)
    while place is not None and place[0] < len(rows) and place[1] < len(columns):
        point = Point(rows[place[0]], columns[place[1]])
        if (tried := measured.get(point)) is None:
            return point
        # The start is on the way
        place = _after(walk, place, tried)
    return None


def _after(walk: Walk, place: tuple[int, int], trial: Trial) -> tuple[int, int] | None:
    """Return the next step of the staircase, None where it ends."""
    row, column = place
    if trial.verdict in _UNSTABLE:
        return row, column + 1
    if trial.verdict is Verdict.GOOD and walk.caps.goal is not Goal.QUIET:
        return row + 1, column
    return None


def _will_exceed(walk: Walk, point: Point, trial: Trial, last: Sample) -> bool:
    """Return whether a point is too hot or draws too much, by what was measured."""
    growth = point.heat / trial.point.heat
    if growth <= 1:
        return False
    if (watts := _estimated_power(walk, point)) is not None:
        if watts > walk.caps.max_power:
            return True
    if last.fan_auto and last.fan is not None and last.fan < _ROOMY_FAN:
        return False
    if (highest := trial.temperature) is None:
        return True
    return highest + (highest - _COOLEST_AIR) * (growth - 1) > walk.caps.max_temperature


def _estimated_power(walk: Walk, point: Point) -> float | None:
    """Return the power of a point: it grows by the heat, on top of a base."""
    powers = [
        (trial.point.heat, trial.power)
        for trial in walk.tried
        if trial.power is not None
    ]
    if not powers:
        return None
    mean_heat = fmean(heat for heat, _ in powers)
    mean_power = fmean(power for _, power in powers)
    spread = sum((heat - mean_heat) ** 2 for heat, _ in powers)
    if spread == 0:
        return mean_power * point.heat / mean_heat
    slope = sum((heat - mean_heat) * (power - mean_power) for heat, power in powers)
    return mean_power + max(0.0, slope / spread) * (point.heat - mean_heat)


def results(walk: Walk) -> dict[Goal, Trial]:
    """Return the best good point of the lists for each goal."""
    good = [
        trial
        for trial in walk.tried
        if trial.verdict is Verdict.GOOD and walk.contains(trial.point)
    ]
    wanted = [goal for goal in Goal if goal is not Goal.ALL]
    if walk.caps.goal is not Goal.ALL:
        wanted = [walk.caps.goal]

    return {goal: _best(good, goal) for goal in wanted if good}


def _best(good: list[Trial], goal: Goal) -> Trial:
    """Return the best of good points."""

    def power(trial: Trial) -> float:
        assert trial.power is not None
        return trial.power

    def hashrate(trial: Trial) -> float:
        assert trial.hashrate is not None
        return trial.hashrate

    if goal is Goal.EFFICIENT:
        return min(good, key=lambda trial: power(trial) / max(hashrate(trial), 1))
    if goal is Goal.FAST:
        # Of those that only chance distinguishes, the one that draws least
        fastest = max(map(hashrate, good))
        good = [trial for trial in good if hashrate(trial) >= _AS_FAST * fastest]
    return min(good, key=power)
