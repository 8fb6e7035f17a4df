"""Data classes as JSON."""

from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
import json
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import pytest

from custom_components.hmm.stored import BROKEN, Newest, Stored
from custom_components.hmm.strategy.miners import MinerMemory


class Color(StrEnum):
    """One of two."""

    RED = "red"
    BLUE = "blue"


class Place(NamedTuple):
    """Two numbers."""

    x: float
    y: float


@dataclass(slots=True)
class Part(Stored):
    """A part of a whole."""

    name: str
    count: int = 0


@dataclass(slots=True)
class Whole(Stored):
    """A field of each kind."""

    stored_as: ClassVar = {"is_on": "on", "seen": None}

    part: Part
    is_on: bool = False
    seen: float = 0.0
    color: Color = Color.RED
    size: Literal["s", "m"] = "m"
    at: datetime | None = None
    day: date | None = None
    place: Place | None = None
    value: str | bool | None = None
    numbers: Annotated[list[float], Newest(2)] = field(default_factory=list)
    last: deque[str] = field(default_factory=deque)
    names: frozenset[str] = frozenset()
    parts: Annotated[dict[str, Part], Newest(2)] = field(default_factory=dict)
    rest: dict[str, Any] = field(default_factory=dict)
    _hidden: int = 0


def test_it_is_read_as_it_was_stored() -> None:
    """Given all kinds of fields, then each comes back but those that are not kept."""
    whole = Whole(
        Part("a", 3),
        is_on=True,
        seen=5.0,
        color=Color.BLUE,
        size="s",
        at=datetime(2026, 11, 30, tzinfo=UTC),
        day=date(2026, 11, 30),
        place=Place(1.0, 2.0),
        value=True,
        numbers=[1.0, 2.0],
        last=deque(["x"]),
        names=frozenset({"b", "a"}),
        parts={"b": Part("b")},
        rest={"any": [1, None]},
        _hidden=7,
    )
    stored = json.loads(json.dumps(whole.as_dict()))
    assert stored["on"] is True
    assert stored["names"] == ["a", "b"]
    assert not {"seen", "is_on", "_hidden"} & stored.keys()
    whole.seen, whole._hidden = 0.0, 0
    assert Whole.from_dict(stored) == whole


def test_what_is_missing_has_its_default() -> None:
    """Given what another version stored, then it is read as far as it is known."""
    assert Whole.from_dict({"part": {"name": "a"}, "new": 1}) == Whole(Part("a"))


def test_only_the_newest_are_kept() -> None:
    """Given more than there may be, then the last ones are read."""
    whole = Whole.from_dict(
        {
            "part": {"name": "a"},
            "numbers": [1, 2, 3],
            "parts": {key: {"name": key} for key in "abc"},
            "at": 1_790_000_000,
        }
    )
    assert whole.numbers == [2.0, 3.0]
    assert list(whole.parts) == ["b", "c"]
    assert whole.at == datetime.fromtimestamp(1_790_000_000, UTC)


@pytest.mark.parametrize(
    "broken",
    [
        {"part": None},
        {"part": {}},
        {"part": {"name": 1}},
        {"part": {"name": "a", "count": -1}},
        {"part": {"name": "a", "count": 1e300}},
        {"color": "green"},
        {"size": "l"},
        {"at": "2026-11-30T00:00:00"},
        {"at": 1e12},
        {"day": "today"},
        {"place": [1]},
        {"value": 1.5},
        {"numbers": "12"},
        {"numbers": [float("nan")]},
        {"numbers": [True]},
        {"parts": ["a"]},
    ],
)
def test_what_nothing_was_stored_as(broken: dict[str, Any]) -> None:
    """Given damage, then it is an error, and nothing is guessed."""
    with pytest.raises(BROKEN):
        Whole.from_dict({"part": {"name": "a"}, **broken})
    with pytest.raises(BROKEN):
        Whole.from_dict([])


def test_a_day_of_work_has_two_sums() -> None:
    """Given one number or three, then the memory of a miner is damaged: a poll adds them up."""
    memory = MinerMemory(work={"2026-11-30": [10.0, 1e12]})
    assert MinerMemory.from_dict(memory.as_dict()) == memory
    for sums in ([], [10.0], [10.0, 1e12, 1.0]):
        with pytest.raises(ValueError, match="2026-11-30"):
            MinerMemory.from_dict({"work": {"2026-11-30": sums}})
