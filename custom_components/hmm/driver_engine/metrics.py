"""How the polls of each driver go: how many, how long, how many failed and why."""

from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
import time
from typing import Any, Final
from weakref import WeakKeyDictionary

from ..driver_api import DriverError
from ..driver_api.transports.heard import on_request

_KEPT: Final = 500
"""How many of the last times count."""
_MAX_KINDS: Final = 20
"""How many kinds of errors are distinguished; a driver may name any."""
_LONGEST_KIND: Final = 64
_OTHER: Final = "other"


@dataclass(slots=True)
class DriverMetrics:
    """What a version of a driver did since Home Assistant loaded it."""

    since: datetime = field(default_factory=lambda: datetime.now(UTC))
    polls: int = 0
    requests: int = 0
    """Those that HMM's transports sent; a driver may have its own ways."""
    errors: Counter[str] = field(default_factory=Counter)
    """How many polls failed, by the key of the reason."""
    _seconds: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT))

    @property
    def failed(self) -> int:
        """Return how many polls failed."""
        return self.errors.total()

    def quantile(self, share: float) -> float | None:
        """Return the seconds that ``share`` (0 to 1) of the last good polls took at most."""
        if not self._seconds:
            return None
        times = sorted(self._seconds)
        return times[min(int(len(times) * share), len(times) - 1)]

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Count what is done inside as one poll."""
        start = time.monotonic()
        self.polls += 1
        try:
            with on_request(self._count_request):
                yield
        except DriverError as err:
            kind = (err.reason_key or type(err).__name__)[:_LONGEST_KIND]
            is_told = kind in self.errors or len(self.errors) < _MAX_KINDS
            self.errors[kind if is_told else _OTHER] += 1
            raise
        self._seconds.append(time.monotonic() - start)

    def _count_request(self) -> None:
        self.requests += 1

    def as_dict(self) -> dict[str, Any]:
        """Return JSON: counts, seconds, errors by kind with the most frequent first."""
        return {
            "since": self.since.isoformat(timespec="seconds"),
            "polls": self.polls,
            "failed": self.failed,
            "errors": dict(islice(self.errors.most_common(), _MAX_KINDS)),
            "requests": self.requests,
            "median_seconds": _rounded(self.quantile(0.5)),
            "p95_seconds": _rounded(self.quantile(0.95)),
        }


_metrics: WeakKeyDictionary[type, DriverMetrics] = WeakKeyDictionary()


def metrics_of(driver_class: type) -> DriverMetrics:
    """Return how the polls of a driver go, whichever of its objects make them."""
    if (metrics := _metrics.get(driver_class)) is None:
        metrics = _metrics[driver_class] = DriverMetrics()
    return metrics


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
