"""Energy from power readings."""

from time import monotonic

_JOULES_PER_KWH = 3_600_000


class EnergyMeter:
    """Adds up power over time; a gap in the readings adds nothing.

    Each reading stands until the next one (a left Riemann sum), but only if
    that one comes, and soon: what a miner used from its last answer until it
    was missed, and while it did not answer, is unknown.
    """

    def __init__(self, longest_gap: float) -> None:
        """Begin at zero. ``longest_gap`` is in seconds."""
        self._longest_gap = longest_gap
        self._last: tuple[float, float] | None = None
        self.kwh = 0.0
        """kWh since this meter was made; only ever grows."""

    def read(self, power: float | None) -> None:
        """Take a reading in watts; None is a poll that failed."""
        now = monotonic()
        if self._last is not None and power is not None:
            since, watts = self._last
            if now - since <= self._longest_gap:
                self.kwh += max(watts, 0.0) * (now - since) / _JOULES_PER_KWH
        self._last = None if power is None else (now, power)
