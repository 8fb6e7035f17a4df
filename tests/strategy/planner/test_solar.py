"""Solar surplus: what is used of it, and what never happens."""

from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
import random
from typing import Any

import pytest

from custom_components.hmm.strategy.planner.decide import decide
from custom_components.hmm.strategy.planner.model import (
    OFF,
    Decision,
    Inputs,
    Sample,
    Sentence,
)
from custom_components.hmm.strategy.planner.settings import SolarSettings
from custom_components.hmm.strategy.planner.solar import allot, ordered

from .test_properties import by_price
from .world import (
    HOUR,
    MINUTE,
    START,
    SimMiner,
    Strategy,
    World,
    avalon_q,
    bitaxe,
    fleet,
    nano,
    nerdqaxe,
)

HALF = timedelta(seconds=30)


class House:
    """A house with sun: ``surplus`` is what would be exported without the miners."""

    def __init__(self, miners: list[SimMiner], **settings: Any) -> None:
        """Begin with no sun."""
        self.surplus = 0.0
        self.battery: float | None = None
        self.soc: float | None = None
        self.forecast: float | None = None
        self.lag = 0
        self.is_metering = True
        self.is_dark = False
        self.sign = 1
        self._later: deque[float] = deque(maxlen=10)
        self._samples: deque[Sample] = deque(maxlen=60)
        self.strategy = Strategy(
            "sun", "solar", SolarSettings.from_dict(settings), self._feed
        )
        self.world = World(miners, [self.strategy])

    @property
    def drawn(self) -> float:
        """Return what the miners draw."""
        return sum(miner.watts(self.world.now) for miner in self.world.miners)

    @property
    def planned(self) -> float:
        """Return what the miners will draw when they have started."""
        return sum(miner.watts(self.world.now + HOUR) for miner in self.world.miners)

    @property
    def decision(self) -> Decision:
        """Return the last decision."""
        return self.world.decision

    def _feed(self, now: datetime) -> dict[str, Any]:
        self._later.append(self.surplus - self.drawn)
        exported = self._later[max(0, len(self._later) - 1 - self.lag)]
        if self.is_metering:
            exported *= self.sign
            self._samples.append(Sample(now, exported, self.drawn, self.battery))
        return {
            "samples": tuple(self._samples),
            "battery_soc": self.soc,
            "forecast": self.forecast,
            "metered_since": START,
            "is_dark": self.is_dark,
        }

    def run(self, span: timedelta, surplus: float | None = None) -> None:
        """Let time pass, at this surplus."""
        self.surplus = self.surplus if surplus is None else surplus
        self.world.run(span, HALF)


def stopped(miners: list[SimMiner]) -> list[SimMiner]:
    """Return miners that are off."""
    for miner in miners:
        miner.running = False
    return miners


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("lag", [0, 2])
def test_constant_sun_ends_in_a_fixed_point(seed: int, lag: int) -> None:
    """Given constant sun, miners off their tables and a late meter, then calm comes."""
    rng = random.Random(seed)
    miners = stopped(fleet())
    for miner in miners:
        miner.truth = rng.uniform(0.93, 1.03)
    house = House(miners)
    house.lag = lag
    house.run(2 * HOUR, rng.uniform(100, 2400))
    count, drawn = len(house.world.commands), house.drawn
    house.run(3 * HOUR)
    assert len(house.world.commands) == count
    assert house.drawn == drawn
    assert house.drawn <= house.surplus
    assert house.decision.sentence.key in {"solar_wait", "solar_full"}


def test_more_sun_never_means_fewer_watts() -> None:
    """Given budgets in order, then what is allotted rises with them and fits."""
    rng = random.Random(4)
    settings = SolarSettings()
    for _ in range(40):
        miners = fleet()
        for miner in miners:
            miner.modes = {
                k: (w * rng.uniform(0.4, 2), h) for k, (w, h) in miner.modes.items()
            }
        views = ordered(settings, [miner.view(START) for miner in miners], START)
        before = 0.0
        for budget in sorted(rng.uniform(0, 2500) for _ in range(40)):
            rungs = allot(settings, views, budget)
            watts = sum(
                miner.modes[rungs[miner.id]][0]
                for miner in miners
                if rungs[miner.id] != OFF
            )
            assert before <= watts <= budget
            before = watts


def test_a_lower_priority_waits_for_a_higher_one_that_fits() -> None:
    """Given an order of one's own, then who is first runs first, also as the sun rises."""
    miners = stopped([bitaxe(), nano(), nerdqaxe()])
    house = House(miners, order=["Avalon Nano 3S", "Bitaxe", "NerdQAxe++"])
    house.run(HOUR, 100 + 55)
    assert [miner.id for miner in miners if miner.running] == ["Bitaxe"]
    house.run(HOUR, 100 + 63)
    # Its room is made
    assert [miner.id for miner in miners if miner.running] == ["Avalon Nano 3S"]
    house.run(HOUR, 100 + 62 + 13)
    assert [miner.id for miner in miners if miner.running] == [
        "Bitaxe",
        "Avalon Nano 3S",
    ]
    house.run(2 * HOUR, 3000)
    assert [miner.reported for miner in miners] == [
        "mode:turbo",
        "mode:high",
        "mode:turbo",
    ]


@pytest.mark.parametrize("floor", ["off", "lowest"])
def test_without_sun_all_reach_their_floor_in_time(floor: str) -> None:
    """Given sun that goes, then within the delays nothing draws more than its floor."""
    house = House(fleet(), floor=floor, min_run=0)
    house.run(2 * HOUR, 3000)
    assert house.planned > 1500
    house.run(8 * MINUTE, -400)
    assert house.drawn == (0 if floor == "off" else 12 + 52 + 62 + 800)


def test_a_kettle_switches_nothing() -> None:
    """Given import for less than the delay, then nothing changes."""
    house = House(stopped(fleet()))
    house.run(HOUR, 1500)
    count = len(house.world.commands)
    for _ in range(6):
        house.run(3 * MINUTE, -500)
        house.run(10 * MINUTE, 1500)
    assert len(house.world.commands) == count


def test_clouds_switch_a_miner_no_more_often_than_allowed() -> None:
    """Given a day of clouds, then starts keep their distance and their number."""
    rng = random.Random(8)
    house = House(stopped([bitaxe(), nerdqaxe(), nano()]), max_switches=8)
    for _ in range(200):
        house.run(3 * MINUTE, rng.uniform(-200, 500))
    for miner in house.world.miners:
        switched = [
            at
            for at, name, before, after in house.world.switched
            if name == miner.id and OFF in {before, after}
        ]
        assert 1 < len(switched) <= 8
        for one, other in pairwise(switched):
            assert other - one >= 10 * MINUTE


def test_a_sun_that_flaps_every_half_minute_switches_nothing() -> None:
    """Given hours between 3 kW of import and of export, then it is noise."""
    house = House(stopped(fleet()))
    house.run(HOUR, 500)
    count, drawn = len(house.world.switched), house.drawn
    for _ in range(6 * 60):
        house.run(HALF, 3000)
        house.run(HALF, -3000)
    assert len(house.world.switched) == count
    assert house.drawn == drawn
    house.run(HOUR / 4, -3000)
    assert house.drawn == 0


def test_a_dead_meter_is_no_sun() -> None:
    """Given a meter that is silent, then all stop, and start again only by the rules."""
    house = House(stopped(fleet()))
    house.run(HOUR, 3000)
    assert house.drawn > 1500
    house.is_metering = False
    house.run(7 * MINUTE)
    assert house.decision.state == "fallback"
    assert house.decision.sentence.key == "solar_stale"
    assert house.drawn == 0
    house.is_metering = True
    house.run(2 * MINUTE)
    assert house.drawn == 0
    house.run(HOUR)
    assert house.drawn > 1500


def test_a_meter_that_was_never_there_changes_nothing_yet() -> None:
    """Given no sample since the start, then it waits, and only then goes low."""
    house = House([nano()])
    house.is_metering = False
    house.run(4 * MINUTE)
    assert house.decision.state == "waiting"
    assert not house.world.commands
    house.run(3 * MINUTE)
    assert house.decision.state == "fallback"
    assert house.drawn == 0


def test_a_battery_is_no_sun() -> None:
    """Given a battery that feeds the house, then that is no surplus; charging may be."""
    house = House(stopped([nano()]))
    house.battery = -500.0
    house.run(HOUR, 400)
    assert house.drawn == 0
    house.battery = 500.0
    house.run(HOUR, 0)
    assert house.drawn == 0
    last = House(stopped([nano()]), battery_first=False)
    last.battery = 500.0
    last.run(HOUR, 0)
    assert last.drawn == 132


def test_a_battery_below_its_minimum_comes_first() -> None:
    """Given a low battery, then nothing runs, until it is some percent above."""
    house = House(stopped([nano()]), min_soc=50)
    for soc, drawn in ((40.0, 0), (51.0, 0), (54.0, 132), (51.0, 132), (49.0, 0)):
        house.soc = soc
        house.run(HOUR, 500)
        assert house.drawn == drawn, soc
    assert house.decision.sentence.key == "solar_battery"


def test_a_forecast_is_a_gate_and_no_reason() -> None:
    """Given a forecast, then little of it keeps what is off off, much starts nothing."""
    house = House(stopped([nano()]), min_forecast=5)
    for forecast, surplus, drawn in ((1.0, 500, 0), (9.0, 0, 0), (9.0, 500, 132)):
        house.forecast = forecast
        house.run(HOUR, surplus)
        assert house.drawn == drawn
    house.forecast = 0.5
    house.run(HOUR, 500)
    assert house.drawn == 132


def test_a_plug_starts_later_than_a_pause() -> None:
    """Given a miner on a plug, then its surplus must last five minutes."""
    for plugged in (False, True):
        house = House(stopped([nano(plugged=plugged)]))
        house.run(HOUR, 500)
        is_late = house.world.switched[0][0] - START >= 5 * MINUTE
        assert is_late is plugged


@pytest.mark.parametrize("daylight", [True, False])
def test_a_surplus_after_sunset_has_the_wrong_sign(daylight: bool) -> None:
    """Given a meter that tells its import as surplus, then the night ends it, in words."""
    house = House(stopped([nano()]), daylight=daylight)
    house.run(HOUR, 500)
    assert house.drawn == 132
    house.is_dark = True
    house.run(HOUR)
    if not daylight:
        assert house.drawn == 132
        return
    assert house.drawn == 0
    assert house.decision.sentence == Sentence("solar_sign", {"surplus": 500})
    assert house.decision.problem == "meter_sign"
    house.run(HOUR, -200)
    assert house.decision.sentence == Sentence("solar_dark")
    assert house.decision.problem is None
    # What a battery gives is known, and may last into the night
    house.battery = 0.0
    house.run(HOUR, 500)
    assert house.drawn == 132


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize("imported", [300, 800, 2500])
def test_a_meter_that_goes_the_wrong_way_is_found_out(imported: int, lag: int) -> None:
    """Given a meter that tells import as surplus, then a few steps by day show it.

    Its miners stop, and nothing starts on it any more.
    """
    house = House(stopped(fleet()))
    house.sign, house.lag = -1, lag
    house.run(3 * HOUR, -imported)
    assert house.decision.problem == "meter_sign"
    assert house.decision.sentence == Sentence("solar_sign_steps")
    assert house.drawn == 0
    starts = [item for item in house.world.switched if item[2] == OFF]
    assert len(starts) <= 8
    count = len(house.world.commands)
    house.run(2 * HOUR)
    house.is_dark = True
    house.run(2 * HOUR)
    assert len(house.world.commands) == count
    assert house.decision.problem == "meter_sign"
    # A meter that was right all the time is believed again after a night
    house.sign = 1
    house.run(HOUR)
    house.is_dark = False
    house.run(HOUR, 2500)
    assert house.drawn > 1500
    house.sign = -1
    house.run(3 * HOUR, -imported)
    # Its owner has turned it round, and it begins anew
    house.sign, house.strategy.memory = 1, None
    house.run(HOUR, 2500)
    assert house.decision.problem is None
    assert house.drawn > 1500


def test_no_cloud_makes_a_meter_wrong() -> None:
    """Given days of sun, clouds and kettles at a right meter, then it is believed."""
    for seed in range(3):
        rng = random.Random(seed)
        house = House(stopped(fleet()), max_switches=200)
        house.lag = seed
        for _ in range(200):
            base = rng.choice([0, 500, 1500, 3000])
            for _ in range(rng.randint(2, 20)):
                house.run(HALF, base + rng.gauss(0, 20) - 1800 * (rng.random() < 0.05))
                assert house.decision.problem is None
        assert len(house.world.switched) > 50


def test_its_words_outlive_a_decision() -> None:
    """Given a step, then it is told until the next one may follow."""
    house = House(stopped([nano()]))
    house.run(3 * MINUTE, 500)
    assert house.decision.sentence.key == "solar_up"
    house.run(MINUTE)
    assert house.decision.sentence.values["miner"] == "Avalon Nano 3S"
    house.strategy.memory["said"] = {"key": 3}
    house.run(HALF)
    assert house.decision.sentence.key == "solar_full"


def test_unknown_watts_get_no_sun() -> None:
    """Given a miner whose watts nobody knows, then it is never allotted any, and said."""
    view = nano().view(START)
    modes = tuple(replace(mode, watts=None) for mode in view.modes)
    unknown = replace(view, modes=modes, watts=None)
    assert allot(SolarSettings(), [unknown], 5000) == {view.id: OFF}
    samples = (Sample(START, 5000, 0),)
    inputs = Inputs(START, miners=(unknown,), samples=samples)
    decision, _ = decide(SolarSettings(), None, inputs)
    values = {"surplus": 5000, "miners": [view.id]}
    assert decision.sentence == Sentence("solar_unknown", values)


def test_what_runs_is_measured_before_it_is_learned() -> None:
    """Given a new strategy and a miner that mines in the sun, then it goes on.

    What it draws has been learned in no mode yet, but is measured in this one.
    """
    view = nano().view(START)
    modes = tuple(replace(mode, watts=None) for mode in view.modes)
    running = replace(view, modes=modes, watts=120.0, mining=True, reported="mode:low")
    samples = (Sample(START, 400, 120),)
    inputs = Inputs(START, miners=(running,), samples=samples)
    decision, _ = decide(SolarSettings(), None, inputs)
    assert [wish.rung for wish in decision.wishes] == ["mode:low"]
    assert decision.sentence.key == "solar_full"


def test_what_a_miner_draws_by_hand_is_not_allotted_again() -> None:
    """Given one set by hand, then the others get only what it leaves."""
    miners = stopped([nano(), nerdqaxe()])
    house = House(miners)
    house.run(MINUTE, 300)
    house.world.by_hand("Avalon Nano 3S", "mode:high", ends="released")
    house.run(2 * HOUR)
    assert miners[0].reported == "mode:high"
    assert house.drawn <= 300
    assert miners[1].reported == "mode:eco"


def test_bands_may_run_what_the_sun_does_not() -> None:
    """Given cheap power at night, then price bands decide; the sun lifts it by day."""
    miners = stopped([nano()])
    house = House(miners)
    house.world.strategies.append(by_price([25]))
    house.run(HOUR, -200)
    assert miners[0].reported == "mode:low"
    assert house.world.controls["Avalon Nano 3S"].by == "price_bands"
    house.run(HOUR, 400)
    assert miners[0].reported == "mode:high"
    assert house.world.controls["Avalon Nano 3S"].by == "solar"


def test_a_big_one_that_starts_slowly_is_not_counted_twice() -> None:
    """Given one that draws little while it starts, then no other takes its surplus."""
    for metered in (True, False):
        miners = stopped([avalon_q(metered=metered), nano()])
        house = House(miners, order=["Avalon Q", "Avalon Nano 3S"])
        house.run(3 * HOUR, 950)
        assert [miner.running for miner in miners] == [True, False]
        assert len(house.world.commands) == 1


def test_a_glitch_of_the_meter_starts_nothing() -> None:
    """Given an import, then the one absurd value of a bus that stuttered is no sun."""
    house = House(stopped([nano()]))
    house.run(10 * MINUTE, -200)
    for glitch in (65_535, 5e6):
        house.run(HALF, glitch)
        house.run(10 * MINUTE, -200)
    assert house.world.commands == []


def test_samples_that_are_nonsense_are_left_out() -> None:
    """Given samples that are no numbers or of tomorrow, then there is no surplus."""
    samples = (
        Sample(START, float("nan"), 0),
        Sample(START, float("inf"), 0),
        Sample(START + HOUR, 5000, 0),
    )
    inputs = Inputs(START, samples=samples, miners=(nano().view(START),))
    decision, _ = decide(SolarSettings(), {"version": 1, "allotted": 3}, inputs)
    assert decision.state == "waiting"
