"""What a miner draws and brings in each of its modes, learned from its polls."""

from dataclasses import dataclass, field
from statistics import median
from typing import Annotated, Any, ClassVar, Final, Self, override

from ..stored import Newest, Stored

SETTLE_SECONDS: Final = 180.0
"""While a miner starts up it draws less than in the long run."""

_SAMPLES: Final = 11
EXCEEDS: Final = 1.15
"""Times the known watts: more is no noise, and must be known before it has settled."""
_SLACK: Final = 0.03
"""What a median may move before it means anything: readings are noisy."""
_MAX_RUNGS: Final = 32
_LARGEST: Final = 1e21


@dataclass(slots=True)
class Draw(Stored):
    """The last watts and H/s of one mode; about their median it draws and brings."""

    stored_as: ClassVar = dict.fromkeys(
        ("steady_watts", "steady_hashrate", "has_spike")
    )

    watts: Annotated[list[float], Newest(_SAMPLES)] = field(default_factory=list)
    hashrates: Annotated[list[float], Newest(_SAMPLES)] = field(default_factory=list)
    steady_watts: float | None = None
    steady_hashrate: float | None = None
    has_spike: bool = False
    """Whether one reading was clearly above the steady watts, and none settled since."""

    def settle(self) -> None:
        """Take the medians where they really are others than before."""
        self.steady_watts = _steady(self.steady_watts, self.watts)
        self.steady_hashrate = _steady(self.steady_hashrate, self.hashrates)

    @override
    def verify(self) -> None:
        if not all(0 <= value <= _LARGEST for value in self.watts + self.hashrates):
            raise ValueError(self)
        self.settle()


@dataclass(slots=True)
class LearnedWatts:
    """What one miner draws and brings, by rung."""

    draws: dict[str, Draw] = field(default_factory=dict)

    def learn(self, rung: str, watts: float | None, hashrate: float | None) -> None:
        """Take what a miner reports that has settled in a mode."""
        if rung not in self.draws and len(self.draws) >= _MAX_RUNGS:
            del self.draws[next(iter(self.draws))]
        draw = self.draws.setdefault(rung, Draw())
        for values, value in ((draw.watts, watts), (draw.hashrates, hashrate)):
            if value is not None:
                values.append(round(value, 3))
                del values[:-_SAMPLES]
        draw.has_spike = False
        draw.settle()

    def exceed(self, rung: str, watts: float) -> bool:
        """Take a reading that may be clearly more than what a miner drew before.

        Returns whether it is a spike: the first one is taken for an error of the meter.
        The second one is believed, also when the miner was set lower in between for the
        first: else it would be let up and be over the limit again and again.
        """
        draw = self.draws.get(rung)
        if not draw or not draw.steady_watts or watts <= EXCEEDS * draw.steady_watts:
            return False
        if not draw.has_spike:
            draw.has_spike = True
            return True
        draw.watts, draw.has_spike = [round(watts, 3)], False
        draw.settle()
        return False

    def watts_of(self, rung: str) -> float | None:
        """Return W, None if it never ran so long enough."""
        draw = self.draws.get(rung)
        return draw.steady_watts if draw else None

    def hashrate_of(self, rung: str) -> float | None:
        """Return H/s, None if it never ran so long enough."""
        draw = self.draws.get(rung)
        return draw.steady_hashrate if draw else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {rung: draw.as_dict() for rung, draw in self.draws.items()}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return what was stored. Raises an error if that cannot be read."""
        newest = list(data.items())[-_MAX_RUNGS:]
        return cls({str(rung): Draw.from_dict(draw) for rung, draw in newest})


def _steady(before: float | None, values: list[float]) -> float | None:
    if not values:
        return None
    now = median(values)
    is_same = before is not None and abs(now - before) <= _SLACK * before
    return before if is_same else now
