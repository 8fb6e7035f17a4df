"""What the meter of a house told in the last minutes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import math

from .model import Inputs
from .settings import SolarSettings

SETTLE = timedelta(seconds=60)
"""How late the meter tells what a miner draws."""
LEAST_MARGIN = 50.0
MOST_SAMPLES = 2000
_DARK_LONG = timedelta(minutes=5)
_CLEAR = 2.0
"""Times what the house does by itself: a step that is larger can be judged."""


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
    """The meter over the last minutes; ``is_dark``: what it tells is no sun.

    ``is_wrong``: import and export are mixed up, so it tells nothing.
    """

    samples: Sequence[MeterSample]
    now: datetime
    is_dark: bool
    is_wrong: bool = False

    def covers(self, length: timedelta, after: datetime | None) -> bool:
        """Return whether it tells of so long a time, since the last action."""
        begin = self.now - length
        if not self.samples or self.samples[0].at > begin:
            return False
        return after is None or after <= begin

    def moved(self, acted: datetime) -> int:
        """Return how it moved with what miners draw since a step: -1 against it, 1 with it.

        0: they do not draw that much more or less yet, or the house does as much by
        itself.
        """
        before = [it for it in self.samples if acted - SETTLE <= it.at <= acted]
        if not before:
            return 0
        exports, last = [it.exported for it in before], self.samples[-1]
        drawn = last.own - before[-1].own
        if abs(drawn) < max(LEAST_MARGIN, _CLEAR * (max(exports) - min(exports))):
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
    def exports_at_night(self) -> bool:
        """Return whether it has told a surplus for a while without sun."""
        return self._at_night > LEAST_MARGIN

    @property
    def imports_at_night(self) -> bool:
        """Return whether it has told an import for a while without sun."""
        return self._at_night < -LEAST_MARGIN

    @property
    def _at_night(self) -> float:
        is_long = self.is_dark and self.covers(_DARK_LONG, None)
        return self.surplus(_DARK_LONG) if is_long else 0.0

    @property
    def tells_nothing(self) -> bool:
        """Return whether what it tells is no sun."""
        return self.is_dark or self.is_wrong

    def surplus(self, length: timedelta) -> float:
        """Return the mean surplus; each value holds until the next."""
        return sum(it.surplus * part for it, part in self._parts(length))

    def gross(self, length: timedelta) -> float:
        """Return the mean of what there would be without the miners."""
        return sum(it.gross * part for it, part in self._parts(length))

    def usual_gross(self, length: timedelta) -> float:
        """Return what it was, or more, for half of a length.

        A single absurd value makes a mean of anything.
        """
        left = 0.5
        for it, part in sorted(self._parts(length), key=lambda it: -it[0].gross):
            left -= part
            if left <= 1e-6:
                return it.gross
        return 0.0

    def below(self, length: timedelta, limit: float) -> float:
        """Return for what part of a length the surplus was below a limit."""
        return sum(part for it, part in self._parts(length) if it.surplus < limit)


def read_meter(settings: SolarSettings, inputs: Inputs) -> Meter:
    """Return the samples as surplus; what a battery gives is none."""
    samples: list[MeterSample] = []
    most = 0.0 if settings.battery_first else math.inf
    for it in inputs.samples[-MOST_SAMPLES:]:
        surplus, own = it.exported, it.own
        if it.charging is not None and math.isfinite(it.charging):
            surplus += min(it.charging, most)
        if it.at <= inputs.now and math.isfinite(surplus) and math.isfinite(own):
            samples.append(MeterSample(it.at, surplus, surplus + own, it.exported, own))
    # A battery may still give at night what the sun gave it by day
    has_battery = any(it.charging is not None for it in inputs.samples[-1:])
    is_dark = settings.daylight and inputs.is_dark and not has_battery
    return Meter(samples, inputs.now, is_dark)
