"""The readings of the meter of a house in the last minutes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import math

from .model import Inputs
from .settings import SolarSettings

SETTLE = timedelta(seconds=60)
"""How late the meter reports what a miner draws."""
MIN_MARGIN = 50.0
MAX_SAMPLES = 2000
_DARK_LONG = timedelta(minutes=5)
_CLEAR = 2.0
"""Times the changes of the house without miners: a larger step can be judged."""


@dataclass(frozen=True, slots=True)
class MeterSample:
    """A surplus, and what it would be without the miners."""

    at: datetime
    surplus: float
    gross: float
    exported: float
    own: float


@dataclass(frozen=True, slots=True)
class Meter:
    """The meter over the last minutes; ``is_dark``: its readings are not of the sun.

    ``is_wrong``: import and export are mixed up, so it is unusable.
    """

    samples: Sequence[MeterSample]
    now: datetime
    is_dark: bool
    is_wrong: bool = False

    def covers(self, length: timedelta, after: datetime | None) -> bool:
        """Return whether it covers this length of time since the last action."""
        begin = self.now - length
        if not self.samples or self.samples[0].at > begin:
            return False
        return after is None or after <= begin

    def moved(self, acted: datetime) -> int:
        """Return how it moved with what miners draw since a step: -1 against it, 1 with it.

        0: they do not draw that much more or less yet, or the house does as much by
        itself.
        """
        before = [
            sample for sample in self.samples if acted - SETTLE <= sample.at <= acted
        ]
        if not before:
            return 0
        exports, last = [sample.exported for sample in before], self.samples[-1]
        drawn = last.own - before[-1].own
        if abs(drawn) < max(MIN_MARGIN, _CLEAR * (max(exports) - min(exports))):
            return 0
        moved = round((last.exported - exports[-1]) / drawn)
        return moved if moved in {-1, 1} else 0

    def _parts(self, length: timedelta) -> Iterator[tuple[MeterSample, float]]:
        """Return each value with the part of a length in which it held."""
        begin, end = self.now - length, self.now
        for sample in reversed(self.samples):
            if length <= timedelta():
                yield sample, 1.0
            elif end > begin:
                yield sample, (end - max(sample.at, begin)) / length
            if sample.at <= begin:
                break
            end = sample.at

    @property
    def at_night(self) -> float:
        """Return the surplus of a while without sun: positive has the wrong sign."""
        is_long = self.is_dark and self.covers(_DARK_LONG, None)
        return self.surplus(_DARK_LONG) if is_long else 0.0

    @property
    def is_unusable(self) -> bool:
        """Return whether its readings say nothing about the sun."""
        return self.is_dark or self.is_wrong

    def surplus(self, length: timedelta) -> float:
        """Return the mean surplus; each value holds until the next."""
        return sum(sample.surplus * part for sample, part in self._parts(length))

    def gross(self, length: timedelta) -> float:
        """Return the mean of what there would be without the miners."""
        return sum(sample.gross * part for sample, part in self._parts(length))

    def usual_gross(self, length: timedelta) -> float:
        """Return what it was, or more, for half of a length.

        A single absurd value makes a mean of anything.
        """
        left = 0.5
        for sample, part in sorted(
            self._parts(length), key=lambda sample: -sample[0].gross
        ):
            left -= part
            if left <= 1e-6:
                return sample.gross
        return 0.0

    def below(self, length: timedelta, limit: float) -> float:
        """Return for what part of a length the surplus was below a limit."""
        return sum(
            part for sample, part in self._parts(length) if sample.surplus < limit
        )


def read_meter(settings: SolarSettings, inputs: Inputs) -> Meter:
    """Return the samples as surplus; what a battery gives is none."""
    samples: list[MeterSample] = []
    battery_limit = 0.0 if settings.battery_first else math.inf
    for sample in inputs.samples[-MAX_SAMPLES:]:
        surplus, own = sample.exported, sample.own
        if sample.charging is not None and math.isfinite(sample.charging):
            surplus += min(sample.charging, battery_limit)
        if sample.at <= inputs.now and math.isfinite(surplus) and math.isfinite(own):
            samples.append(
                MeterSample(sample.at, surplus, surplus + own, sample.exported, own)
            )
    # A battery may still give at night what the sun gave it by day
    has_battery = any(sample.charging is not None for sample in inputs.samples[-1:])
    is_dark = settings.daylight and inputs.is_dark and not has_battery
    return Meter(samples, inputs.now, is_dark)
