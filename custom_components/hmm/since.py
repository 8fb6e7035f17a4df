"""A state with its reason, and since when."""

from dataclasses import dataclass
from datetime import datetime

from .stored import Stored


@dataclass(slots=True)
class Since(Stored):
    """A state with its reason, and since when both are so."""

    state: str | bool | None = None
    reason: str | None = None
    at: datetime | None = None

    def set(self, state: str | bool | None, reason: str | None, now: datetime) -> None:
        """Take what is true now; the time remains while nothing changes."""
        if self.at is None or (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.at = state, reason, now
