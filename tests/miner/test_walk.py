"""The walk of autotune, on chips that are made up: what it never does, and that it ends."""

from dataclasses import dataclass, field, replace
from itertools import pairwise
import json
import math
import random
from typing import Any

import pytest

from custom_components.hmm.miner.walk import (
    FINISHED,
    MAX_STEPS,
    SETTLE_SECONDS,
    Caps,
    Goal,
    Point,
    Sample,
    Verdict,
    Walk,
    begin,
    results,
    seconds_per_point,
    with_sample,
)

CAPS = Caps(max_power=40)
FREQUENCIES = (400, 490, 525, 550, 600, 625)
VOLTAGES = (1000, 1060, 1100, 1150, 1200, 1250)
START = Point(525, 1150)
POLL = 30.0
SEEDS = [range(first, first + 50) for first in range(0, 200, 50)]


@dataclass
class Chip:
    """A chip as far as a walk sees it, without noise unless it is told how much."""

    needed: float = 2.0
    """mV per MHz below which results are wrong."""
    offset: float = 50.0
    watts: float = 14.0
    """At the start point, on top of 3 W."""
    heat: float = 2.5
    """K per watt, above 23 °C."""
    noise: float = 0.0
    fan: float | None = None
    chance: random.Random = field(default_factory=lambda: random.Random(1))

    def power(self, point: Point) -> float:
        """Return watts."""
        return 3 + self.watts * point.heat / START.heat

    def errors(self, point: Point) -> float:
        """Return the part of the results that is wrong."""
        needed = self.offset + self.needed * point.frequency
        return min(1.0, 0.002 + 4 * max(0.0, 1 - point.core_voltage / needed))

    def temperature(self, point: Point) -> float:
        """Return °C."""
        return 23 + self.heat * (self.power(point) - 3)

    def sample(self, point: Point) -> Sample:
        """Return a poll."""
        around = 1 + self.noise * self.chance.uniform(-1, 1)
        expected = point.frequency * 2.04e9
        return Sample(
            hashrate=expected * (1 - self.errors(point)) * around,
            expected=expected,
            power=self.power(point),
            temperature=self.temperature(point),
            fan=self.fan,
            error=self.errors(point) * 100,
            supply=5050,
        )


def run(walk: Walk, chip: Chip) -> tuple[Walk, list[Point]]:
    """Return the end of a walk and each point that was written."""
    written, at = [walk.point], 0.0
    for _ in range(100_000):
        if walk.ended is not None:
            return walk, written
        walk = with_sample(walk, chip.sample(walk.point), at)
        # A restart of Home Assistant may come at any time
        walk = replace(walk)
        if walk.point != written[-1]:
            written.append(walk.point)
        at += POLL
    raise AssertionError("it does not end")


def best(walk: Walk, chip: Chip, goal: Goal) -> Point:
    """Return the best of all points by the physics, found by trying each."""
    caps = walk.caps
    allowed = [
        point
        for frequency in walk.frequencies
        for voltage in walk.voltages
        if chip.power(point := Point(frequency, voltage)) <= caps.max_power
        and chip.temperature(point) <= caps.max_temperature
        and chip.errors(point) * 100 <= caps.max_error
    ]
    rates = {item: item.frequency * (1 - chip.errors(item)) for item in allowed}
    score = {
        Goal.QUIET: chip.power,
        Goal.EFFICIENT: lambda item: chip.power(item) / rates[item],
        Goal.FAST: lambda item: -rates[item],
    }[goal]
    return min(allowed, key=score)


def some_walk(chance: random.Random) -> tuple[Walk, Chip]:
    """Return a walk and a chip of any kind."""
    lists = [
        sorted(chance.sample(range(low, high, 5), chance.randint(1, 12)))
        for low, high in ((300, 900), (900, 1500))
    ]
    start = Point(chance.choice(lists[0]), chance.choice(lists[1]))
    if chance.random() < 0.3:
        start = Point(start.frequency + 3, start.core_voltage - 7)
    caps = Caps(
        goal=chance.choice([*Goal]),
        max_power=chance.uniform(5, 60),
        max_temperature=chance.uniform(45, 70),
        max_fan=chance.choice((100, 60)),
        minutes_per_point=chance.choice((5, 10, 60)),
    )
    chip = Chip(
        needed=chance.uniform(1, 3),
        offset=chance.uniform(-200, 400),
        watts=chance.uniform(5, 40),
        heat=chance.uniform(0.5, 4),
        noise=chance.choice((0, 0.03)),
        fan=chance.uniform(20, 100),
        chance=chance,
    )
    return begin(lists[0], lists[1], start, caps), chip


@pytest.mark.parametrize("seeds", SEEDS)
def test_what_holds_for_every_walk(seeds: range) -> None:
    """Whatever the chip and the caps: it stays on the lists, ends, and finds no bad point."""
    for seed in seeds:
        begun, chip = some_walk(random.Random(seed))
        most = begun.steps
        walk, written = run(begun, chip)
        assert walk.ended == FINISHED
        assert all(walk.contains(point) for point in written[1:])
        assert len(set(written)) == len(written) == len(walk.tried) <= most
        assert most <= len(walk.frequencies) + len(walk.voltages)
        caps = walk.caps
        for trial in walk.tried:
            if trial.verdict is Verdict.GOOD:
                assert chip.power(trial.point) <= caps.max_power
                assert chip.temperature(trial.point) <= caps.max_temperature
                assert chip.errors(trial.point) * 100 <= caps.max_error
                assert chip.fan is not None
                assert chip.fan <= caps.max_fan
        measured = {item.point: item for item in walk.tried}
        for result in results(walk).values():
            assert measured[result.point].verdict is Verdict.GOOD
            assert walk.contains(result.point)
        # With its first point the staircase is at its coolest; then it climbs
        heats = [point.heat for point in written[1:]]
        assert heats == sorted(heats)
        # Nothing hot follows what was too hot
        assert all(
            item.verdict in (Verdict.GOOD, Verdict.ERRORS, Verdict.LOW_HASHRATE)
            for item in walk.tried[1:-1]
        )


@pytest.mark.parametrize("seeds", SEEDS)
def test_no_point_is_written_that_is_known_to_be_too_much(seeds: range) -> None:
    """The power of the next point is reckoned first: it never exceeds the cap."""
    for seed in seeds:
        begun, chip = some_walk(random.Random(seed))
        _, written = run(begun, chip)
        for point in written[2:]:
            assert chip.power(point) <= begun.caps.max_power * 1.0001
            assert chip.temperature(point) <= begun.caps.max_temperature * 1.0001


@pytest.mark.parametrize("seeds", SEEDS)
@pytest.mark.parametrize("goal", [Goal.QUIET, Goal.EFFICIENT, Goal.FAST])
def test_it_finds_the_best_point(seeds: range, goal: Goal) -> None:
    """Without noise it finds what trying each point finds, where the start is good."""
    for seed in seeds:
        begun, chip = some_walk(random.Random(seed))
        chip.noise, chip.fan = 0, 20
        begun = replace(begun, caps=replace(begun.caps, goal=goal))
        walk, written = run(begun, chip)
        if walk.tried[0].verdict is not Verdict.GOOD or not walk.contains(walk.start):
            continue
        result = results(walk)[goal].point
        wanted = best(walk, chip, goal)
        off = [
            abs(a - b)
            for a, b in zip(walk.place(result), walk.place(wanted), strict=True)
        ]
        # The temperature of the next point is reckoned with cold air, on the safe side
        assert max(off) <= 1, (result, wanted, written)


def test_a_walk_on_a_gamma() -> None:
    """It climbs from the least heat, one step of one list at a time."""
    walk, written = run(begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip())
    assert written[:4] == [START, (400, 1000), (490, 1000), (490, 1060)]
    for before, after in pairwise(written[1:]):
        steps = [b - a for a, b in zip(*map(walk.place, (before, after)), strict=True)]
        assert sum(steps) in (1, 2)
    assert walk.steps == walk.step == len(written)
    assert {goal: it.point for goal, it in results(walk).items()} == {
        goal: best(walk, Chip(), goal) for goal in results(walk)
    }


def test_a_quiet_point_takes_few_writes() -> None:
    """Who wants the least power is done with the first stable point."""
    caps = replace(CAPS, goal=Goal.QUIET)
    walk, written = run(begin(FREQUENCIES, VOLTAGES, START, caps), Chip())
    assert written == [START, (400, 1000)]
    assert [*results(walk)] == [Goal.QUIET]


def test_outliers_do_not_count() -> None:
    """A tenth of the samples may be nonsense."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip()
    for number in range(int(seconds_per_point(CAPS) / POLL) + 1):
        sample = chip.sample(walk.point)
        if number in (9, 17):
            sample = replace(sample, hashrate=1.0)
        walk = with_sample(walk, sample, number * POLL)
    (trial,) = walk.tried
    assert trial.verdict is Verdict.GOOD
    assert trial.hashrate == pytest.approx(525 * 2.04e9 * 0.998)


@pytest.mark.parametrize("figure", ["hashrate", "expected", "power", "temperature"])
@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_an_unknown_figure_ends_it(figure: str, nothing: Any) -> None:
    """Without what it needs, twice in a row, it is over."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip()
    broken = replace(chip.sample(START), **{figure: nothing})
    walk = with_sample(walk, chip.sample(START), 0)
    walk = with_sample(walk, broken, SETTLE_SECONDS)
    assert walk.ended is None
    walk = with_sample(walk, chip.sample(START), SETTLE_SECONDS + POLL)
    for number in (2, 3):
        walk = with_sample(walk, broken, SETTLE_SECONDS + number * POLL)
    assert walk.ended == "figure_unknown"
    assert results(walk) == {}
    assert with_sample(walk, chip.sample(START), 9e9) is walk


@pytest.mark.parametrize("figure", ["regulator", "fan", "error", "supply"])
def test_what_was_told_once_is_needed(figure: str) -> None:
    """A sensor that is there at the start is there at each point."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip(fan=30)
    at = 0.0
    while walk.ended is None and at < 1e5:
        sample = replace(chip.sample(walk.point), regulator=60.0)
        if len(walk.tried) == 2:
            missing: dict[str, Any] = {figure: None}
            sample = replace(sample, **missing)
        walk, at = with_sample(walk, sample, at), at + POLL
    assert walk.ended == "figure_unknown"
    assert len(walk.tried) == 2


def test_a_fan_that_must_be_quiet_must_be_known() -> None:
    """A cap on the fan needs its speed."""
    caps = replace(CAPS, max_fan=50)
    walk, _ = run(begin(FREQUENCIES, VOLTAGES, START, caps), Chip())
    assert walk.ended == "figure_unknown"


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ({"power": 41.0}, Verdict.TOO_MUCH_POWER),
        ({"temperature": 65.1}, Verdict.TOO_HOT),
        ({"regulator": 86.0}, Verdict.REGULATOR_TOO_HOT),
        ({"supply": 4700.0}, Verdict.SUPPLY_VOLTAGE),
        ({"supply": 13_200.0}, Verdict.SUPPLY_VOLTAGE),
    ],
)
def test_a_limit_counts_at_once(values: dict[str, Any], verdict: Verdict) -> None:
    """One poll beyond a limit is enough, also while the point settles."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip()
    walk = with_sample(walk, replace(chip.sample(START), **values), 0)
    assert [item.verdict for item in walk.tried] == [verdict]
    assert walk.tried[0].hashrate is None
    assert walk.point == Point(400, 1000)
    # It still is hot from the start
    if verdict is not Verdict.SUPPLY_VOLTAGE:
        walk = with_sample(walk, replace(chip.sample(START), **values), POLL)
        assert walk.ended is None
    late = POLL + SETTLE_SECONDS
    walk = with_sample(walk, replace(chip.sample(START), **values), late)
    walk = with_sample(
        walk, replace(chip.sample(START), **values), late + SETTLE_SECONDS
    )
    assert walk.ended == FINISHED
    assert results(walk) == {}


def test_implausible_figures_end_it() -> None:
    """A firmware that counts one chip of six expects too little."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip()
    for number in range(40):
        sample = chip.sample(walk.point)
        assert sample.hashrate is not None
        sample = replace(sample, expected=sample.hashrate / 6)
        walk = with_sample(walk, sample, number * POLL)
    assert walk.ended == "figures_implausible"


def test_too_few_samples_are_none() -> None:
    """A miner that is polled too rarely cannot be judged."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip()
    for number in range(9):
        walk = with_sample(walk, chip.sample(START), number * 200.0)
    assert walk.ended == "figure_unknown"


def test_a_clock_that_goes_back_begins_the_point_anew() -> None:
    """Nothing is judged by the samples of another time."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip()
    for number in range(10):
        walk = with_sample(walk, chip.sample(START), number * POLL)
    assert walk.is_measuring
    walk = with_sample(walk, chip.sample(START), -1)
    assert not walk.is_measuring
    assert walk.tried == ()


def test_a_walk_is_stored() -> None:
    """What comes back from a file goes on where it was, with its point anew."""
    walk, chip = begin(FREQUENCIES, VOLTAGES, START, CAPS), Chip(fan=30)
    at = 0.0
    while len(walk.tried) < 3:
        walk, at = with_sample(walk, chip.sample(walk.point), at), at + POLL
    stored = Walk.from_dict(json.loads(json.dumps(walk.as_dict())))
    assert stored == walk
    assert run(stored, chip)[0] == run(walk, chip)[0]
    assert stored.seconds_left == stored.steps * 780 - 3 * 780
    damages: list[dict[str, Any]] = [
        {"point": [999, 1000]},
        {"point": [math.nan, 1000]},
        {"tried": [], "point": [400, 1000]},
        {"caps": {}},
        {"frequencies": [True]},
        {"start": [1]},
        # Without these no point can be judged
        {"needs": []},
        {"tried": [{"verdict": "fine"}]},
        *(
            {"tried": [{**walk.as_dict()["tried"][0], key: None}]}
            for key in ("hashrate", "power", "frequency", "core_voltage")
        ),
    ]
    assert walk.tried[0].verdict is Verdict.GOOD
    assert with_sample(stored, Sample(temperature=50, power=10), 0).blind == 0
    settled = replace(stored, since=0.0)
    assert with_sample(settled, Sample(temperature=50, power=10), 200).blind == 1
    for damage in damages:
        with pytest.raises((ValueError, LookupError, TypeError)):
            Walk.from_dict({**walk.as_dict(), **damage})


def test_long_lists_are_thinned_out() -> None:
    """However many values a device has, there are at most 58 points."""
    walk = begin(range(100, 1000), range(900, 1400), START, CAPS)
    assert len(walk.frequencies) == len(walk.voltages) == MAX_STEPS
    assert (walk.frequencies[0], walk.frequencies[-1]) == (100, 999)
    assert walk.steps <= 58
    with pytest.raises(ValueError, match="nothing"):
        begin((), VOLTAGES, START, CAPS)
    with pytest.raises(ValueError, match="nothing"):
        begin(FREQUENCIES, (math.nan, -1), START, CAPS)
