"""What a miner found since it was polled last, also before a restart."""

from dataclasses import dataclass
from typing import Any

from .driver_api import MinerTelemetry
from .driver_api.units import parse_int, parse_number


@dataclass(slots=True)
class MinerRecord:
    """The counts of a miner that must only be seen to grow once."""

    identity: str = ""
    """Which device it is, and by which driver: another one counts otherwise."""
    blocks_found: int | None = None
    best_share: float | None = None
    """The best share ever, as the miner reported it last."""
    uptime: float | None = None
    """Seconds since it started: while they grow, fewer blocks are a mistake."""

    def look(self, identity: str, telemetry: MinerTelemetry) -> str | None:
        """Return which field shows a find: "blocks_found", "best_share" or None.

        A block is its best share as well, and that is one find. A count that was
        not known before, or goes back because the miner restarted, is none.
        """
        before = self if identity == self.identity else MinerRecord()
        blocks, best = before.blocks_found, before.best_share
        self.identity = identity
        self.blocks_found = _or(telemetry.blocks_found, blocks)
        # Zero stands for "not read yet" in a device that has just started
        self.best_share = telemetry.best_share or _or(best, telemetry.best_share)
        if _is_later(before.uptime, telemetry.uptime):
            self.blocks_found = _larger(blocks, self.blocks_found)
        self.uptime = telemetry.uptime
        if _grew(blocks, telemetry.blocks_found):
            return "blocks_found"
        return "best_share" if _grew(best, telemetry.best_share) else None

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "identity": self.identity,
            "blocks_found": self.blocks_found,
            "best_share": self.best_share,
        }

    @classmethod
    def from_dict(cls, data: Any) -> MinerRecord:
        """Return what was stored."""
        return cls(
            str(data["identity"]),
            parse_int(data["blocks_found"]),
            parse_number(data["best_share"]),
        )


def _or[NumberT: float](value: NumberT | None, other: NumberT | None) -> NumberT | None:
    return other if value is None else value


def _is_later(before: float | None, now: float | None) -> bool:
    """Return whether a miner has not restarted between two of its uptimes."""
    return before is not None and now is not None and now >= before


def _larger(before: int | None, now: int | None) -> int | None:
    return now if before is None or now is None else max(before, now)


def _grew(before: float | None, now: float | None) -> bool:
    """Return whether both values are known and the second is larger."""
    return before is not None and now is not None and now > before
