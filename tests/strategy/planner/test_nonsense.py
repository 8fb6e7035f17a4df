"""Inputs and memory that cannot be: nothing raises, nothing is decided for the past."""

from dataclasses import replace
from datetime import UTC, timedelta
import json
import random
from typing import Any

import pytest

from custom_components.hmm.money.slots import Slot
from custom_components.hmm.strategy.planner.decide import decide
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    BandNow,
    Circuit,
    Inputs,
    Mode,
    Price,
    Reading,
    Sample,
    Standing,
    StrategyType,
    Switched,
)
from custom_components.hmm.strategy.planner.precedence import settle
from custom_components.hmm.strategy.planner.settings import FROM_DICT

from .world import START, fleet

SETTINGS: dict[StrategyType, dict[str, Any]] = {
    "price_bands": {
        "bands": [
            {"band_name": "a", "upto": 0.0, "rung": "highest"},
            {"band_name": "b", "rung": "off"},
        ]
    },
    "champion": {"above": 10},
    "solar": {"min_soc": 20, "min_forecast": 1},
    "heat": {"stop_all": True},
    "calendar": {"from": "02:30", "to": "02:31"},
}


def damaged(value: Any, rng: random.Random) -> Any:
    """Return JSON with some of it replaced by something else."""
    if rng.random() < 0.15:
        return rng.choice(
            [None, -1, 1e308, "", "x", [], {}, [[]], True, "2026-03-02T00:00:00"]
        )
    if isinstance(value, dict):
        return {key: damaged(item, rng) for key, item in value.items()}
    if isinstance(value, list):
        return [damaged(item, rng) for item in value]
    return value


@pytest.mark.parametrize("seed", range(5))
def test_nothing_raises(seed: int) -> None:
    """Given numbers, times, files and miners of all kinds, then there is a decision."""
    rng = random.Random(seed)

    def number() -> float:
        wild = [float("nan"), float("inf"), -float("inf"), 0.0, -0.0, 1e300, -1e300]
        return rng.choice([*wild, rng.uniform(-500, 500), rng.uniform(0, 30)])

    def timestamp() -> Any:
        return now + timedelta(minutes=rng.randint(-2000, 2000))

    now, memory, ledger = START, dict.fromkeys(SETTINGS), Ledger()
    for _ in range(120):
        now += timedelta(seconds=rng.randint(-4000, 8000))
        views = tuple(
            replace(
                item.view(now),
                reported=rng.choice([None, "off", "on", "mode:eco", "profile:x"]),
                modes=tuple(
                    Mode(rung, rng.choice([None, number()]))
                    for rung in ("mode:eco", "mode:high", "mode:oc", "profile:x")
                ),
                watts=rng.choice([None, 0.0, 50.0]),
                efficiency=rng.choice([None, 20.0]),
                efficiency_at=rng.choice([None, timestamp()]),
                online=rng.random() < 0.9,
                mining=rng.random() < 0.8,
                since=rng.choice([None, timestamp()]),
                reachable_since=rng.choice([None, timestamp()]),
                safety=rng.choice([None, None, "hot", "stop", "lowered"]),
                refusal=rng.choice([None, "busy"]),
                can_be_off=rng.random() < 0.8,
            )
            for item in fleet()
        )
        slots = [Slot(timestamp(), timestamp(), number()) for _ in range(6)]
        inputs = Inputs(
            now,
            miners=views[: rng.randint(0, 4)],
            price=rng.choice([None, Price(number(), rng.choice([None, timestamp()]))]),
            slots=tuple(sorted(slots, key=lambda slot: slot.start)),
            samples=tuple(
                Sample(timestamp(), number(), number(), rng.choice([None, number()]))
                for _ in range(rng.randint(0, 4))
            ),
            battery_soc=rng.choice([None, number()]),
            forecast=rng.choice([None, number()]),
            room=rng.choice([None, Reading(number(), timestamp())]),
            target=rng.choice([None, number()]),
            calendar=rng.choice([None, Switched(True, timestamp())]),
            band=rng.choice([None, BandNow("a", "A", timestamp())]),
        )
        standings = []
        for kind, stored in SETTINGS.items():
            settings = FROM_DICT[kind](stored)
            before = damaged(memory[kind], rng)
            decision, memory[kind] = decide(settings, before, inputs)
            json.dumps(memory[kind])
            assert now < decision.next_check_at <= now + timedelta(hours=2)
            assert decision.sentence.key
            standings.append(Standing(kind, kind, decision))
        circuits = [Circuit("c", 500, frozenset(view.id for view in views))]
        settlement, ledger = settle(
            now, inputs.zone, standings, views, circuits, ledger
        )
        assert now < settlement.next_check_at <= now + timedelta(minutes=15)
        assert set(settlement.controls) == {view.id for view in views}
        ledger = Ledger.restored(damaged(ledger.as_dict(), rng), now)


def test_a_strategy_that_was_removed_is_forgotten() -> None:
    """Given when it last commanded a miner, then that is not stored for ever."""
    commanded = {
        "now": START - timedelta(minutes=1),
        "gone": START - timedelta(days=31),
    }
    ledger = Ledger(commanded_at=commanded)
    _, ledger = settle(START, UTC, [], [], [], ledger)
    assert set(ledger.commanded_at) == {"now"}
