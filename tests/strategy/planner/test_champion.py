"""Champion: one miner runs in dear hours, and who replaces it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from custom_components.hmm.strategy.planner.champion import ChampionMemory
from custom_components.hmm.strategy.planner.decide import decide
from custom_components.hmm.strategy.planner.model import (
    OFF,
    BandNow,
    Inputs,
    MinerView,
    Price,
    Sentence,
)
from custom_components.hmm.strategy.planner.ranking import RANKS, RankBy, ranked
from custom_components.hmm.strategy.planner.settings import ChampionSettings

from .test_properties import followed
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


def dear(miners: list[SimMiner], *prices: float | None, **settings: Any) -> World:
    """Return a world with a champion above 30."""
    stored = {"above": 30, "stagger": 0} | settings
    champion = ChampionSettings.from_dict(stored)
    feed = followed(list(prices), 60)
    return World(miners, [Strategy("champion", "champion", champion, feed)])


def running(world: World) -> list[str]:
    """Return who mines."""
    return [miner.id for miner in world.miners if miner.running]


def test_only_the_most_efficient_runs_while_it_is_dear() -> None:
    """Given dear hours, then one miner runs low, and after them all is as before."""
    world = dear(fleet(), 20, 40, 40, 20)
    world.run(HOUR)
    assert len(running(world)) == 4
    assert world.sentence == "champion_rests"
    world.run(2 * HOUR)
    assert running(world) == ["Bitaxe"]
    assert world.miner("Bitaxe").reported == "mode:eco"
    assert world.decision.champion == "Bitaxe"
    assert world.decision.sentence.values["count"] == 3
    world.run(HOUR)
    assert world.reported() == [item.reported for item in fleet()]


def test_the_others_may_run_low() -> None:
    """Given a reserve that runs low, then nothing is off."""
    world = dear([bitaxe(), nano()], 40, reserve="lowest", rung="highest")
    world.run(HOUR)
    assert world.reported() == ["mode:turbo", "mode:low"]
    assert world.sentence == "champion_low"


def test_a_champion_that_does_not_mine_is_replaced() -> None:
    """Given a champion that fails for six minutes, then the next runs, and says why."""
    world = dear([bitaxe(), nano(), nerdqaxe()], 40)
    world.run(HOUR)
    champion = world.miner("Bitaxe")
    champion.mining = False
    world.run(5 * MINUTE)
    assert running(world) == ["Bitaxe"]
    world.run(3 * MINUTE)
    assert running(world) == ["NerdQAxe++"]
    sentence = world.decision.sentence
    assert sentence.key == "champion_replaced"
    assert [*sentence.values.values()] == ["NerdQAxe++", "Bitaxe", "not_mining"]
    # It keeps its place when the first one could mine again
    champion.mining = True
    world.run(HOUR)
    assert running(world) == ["NerdQAxe++"]


def test_a_slow_starter_is_given_its_time() -> None:
    """Given a champion that starts for four minutes, then it is not replaced."""
    miners = [nano(running=False), bitaxe(safety="stop")]
    miners[0].start_seconds = 240
    world = dear(miners, 40)
    world.run(HOUR)
    assert running(world) == ["Avalon Nano 3S"]


def test_when_all_fail_they_take_turns() -> None:
    """Given miners that all fail, then there is always exactly one champion."""
    miners = [bitaxe(), nano(), nerdqaxe()]
    world = dear(miners, 40)
    for miner in miners:
        miner.mining = False
    seen = []
    for _ in range(120):
        world.step()
        champion = world.decision.champion
        assert champion is not None
        if seen[-1:] != [champion]:
            seen.append(champion)
        world.now += MINUTE
    assert set(seen) == {miner.id for miner in miners}
    assert 10 < len(seen) < 25


def test_the_user_may_take_the_champion() -> None:
    """Given a champion that is set by hand, then another one runs."""
    world = dear([bitaxe(), nano(), nerdqaxe()], 40)
    world.run(HOUR)
    world.by_hand("Bitaxe", "mode:turbo", ends="released")
    world.run(10 * MINUTE)
    assert running(world) == ["Bitaxe", "NerdQAxe++"]
    for miner in world.miners:
        world.by_hand(miner.id, OFF, ends="released")
    world.run(MINUTE)
    assert world.decision.champion is None
    assert world.sentence == "champion_none"


def test_figures_age_and_ties_are_stable() -> None:
    """Given old, equal and no figures, then the order is by figures, then by id."""
    views = [item.view(START) for item in (nerdqaxe("b"), nerdqaxe("a"), bitaxe("old"))]
    views[2] = replace(views[2], efficiency=1.0, efficiency_at=START)
    views.append(replace(bitaxe("none").view(START), efficiency=None))
    order = [item.id for item in ranked("efficiency", (), views, START)]
    assert order == ["old", "a", "b", "none"]
    late = ranked("efficiency", (), reversed(views), START + timedelta(days=31))
    assert [item.id for item in late] == ["a", "b", "none", "old"]


def test_who_goes_first() -> None:
    """Given each figure, then the best goes first, behind the user's own order."""
    small = replace(
        bitaxe("small").view(START),
        efficiency=20.0, efficiency_1d=14.0, fan_speed=30.0, room=21.5,
    )  # fmt: skip
    big = replace(
        avalon_q("big").view(START),
        efficiency=15.0, efficiency_1d=19.0, fan_speed=80.0, room=17.0,
    )  # fmt: skip
    unknown = MinerView("unknown", None)
    first: dict[RankBy, str] = {
        "efficiency": "big",
        "efficiency_1d": "small",
        "hashrate": "big",
        "fan": "small",
        "cold_room": "big",
    }
    assert set(first) == set(RANKS)
    for by, name in first.items():
        order = [item.id for item in ranked(by, (), (unknown, small, big), START)]
        assert (order[0], order[-1]) == (name, "unknown")
        own = [
            item.id for item in ranked(by, ("unknown",), (small, big, unknown), START)
        ]
        assert own == ["unknown", *order[:-1]]
    # Without a figure of the last day that of the last days counts
    idle = replace(small, id="idle", efficiency=1.0, efficiency_1d=None)
    assert ranked("efficiency_1d", (), (small, idle), START)[0] is idle


def test_it_may_follow_a_band_of_another_strategy() -> None:
    """Given a band, then its hours count, and a strategy that is silent changes nothing."""
    settings = ChampionSettings.from_dict({"band": "dear"})
    miners = tuple(item.view(START) for item in fleet())
    memory: Any = None
    for n, (band, champion) in enumerate(
        [
            (BandNow("cheap", "Cheap"), None),
            (BandNow("dear", "Dear", START + HOUR), "Bitaxe"),
            (None, "Bitaxe"),
            (BandNow("cheap", "Cheap"), None),
        ]
    ):
        inputs = Inputs(START + n * 20 * MINUTE, miners=miners, band=band)
        decision, memory = decide(settings, memory, inputs)
        assert decision.champion == champion
    assert decision.sentence == Sentence("champion_rests_band", {"band": "Cheap"})


def test_a_price_that_was_never_there_leaves_all_alone() -> None:
    """Given no price yet, then it waits, and damaged memory is none."""
    settings = ChampionSettings.from_dict({"above": 30})
    inputs = Inputs(START, miners=(bitaxe().view(START),))
    decision, _ = decide(settings, {"version": 1, "failed": 3, "price": []}, inputs)
    assert decision.state == "waiting"
    assert {wish.rung for wish in decision.wishes} == {"leave"}
    decision, _ = decide(settings, None, replace(inputs, price=Price(40)))
    assert decision.champion == "Bitaxe"
    assert ChampionMemory.restored([], START) == ChampionMemory()
