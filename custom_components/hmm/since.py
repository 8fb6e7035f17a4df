"""A state with its reason, and since when."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from .driver_api.units import parse_number, parse_text

_LAST_TIME: Final = 2.0**32


@dataclass(slots=True)
class Since:
    """A state with its reason, and since when both are so."""

    state: str | bool | None = None
    reason: str | None = None
    at: datetime | None = None

    def set(self, state: str | bool | None, reason: str | None, now: datetime) -> None:
        """Take what is true now; the time remains while nothing changes."""
        if self.at is None or (state, reason) != (self.state, self.reason):
            self.state, self.reason, self.at = state, reason, now

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "state": self.state,
            "reason": self.reason,
            "at": self.at.timestamp() if self.at else None,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Since:
        """Return what was stored."""
        state, at = data["state"], parse_number(data["at"])
        if at is not None and not 0 <= at < _LAST_TIME:
            raise ValueError(at)
        return cls(
            state if isinstance(state, bool) else parse_text(state),
            parse_text(data["reason"]),
            None if at is None else datetime.fromtimestamp(at, UTC),
        )
