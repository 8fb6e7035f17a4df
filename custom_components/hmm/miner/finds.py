"""What a miner found since it was polled last, also before a restart."""

from dataclasses import dataclass, field
from datetime import datetime
import math
from typing import ClassVar, override

from ..driver_api import MinerTelemetry
from ..driver_api.ranges import SHARE
from ..stored import Stored

# A best share that went down counts again once so many polls in a row reported less:
# the miner was reset. One that goes up and down is no news each time.
_POLLS_OF_A_RESET = 10


@dataclass(slots=True)
class MinerRecord(Stored):
    """The counts of a miner that must only be seen to grow once."""

    stored_as: ClassVar = dict.fromkeys(
        ("uptime", "session_share", "session_at", "lower_polls")
    )

    identity: str = ""
    """Which device it is, and by which driver: another one counts otherwise."""
    blocks_found: int | None = None
    best_share: float | None = None
    """The best share ever; of a miner that reports none, that of its sessions."""
    best_at: datetime | None = None
    """When HMM saw it come, None if it was there before."""
    uptime: float | None = field(default=None, compare=False)
    """Seconds since it started: while they grow, fewer blocks are a mistake."""
    session_share: float | None = field(default=None, compare=False)
    """The best share of its session in the last poll."""
    session_at: datetime | None = field(default=None, compare=False)
    """When HMM saw that come, None if it was there before."""
    lower_polls: int = field(default=0, compare=False)
    """How many polls in a row reported a lower best share."""

    @property
    def best(self) -> float | None:
        """Return the best share that is known, also one that is not sure to last."""
        return max(self.best_share or 0.0, self.session_share or 0.0) or None

    @property
    def found(self) -> datetime | None:
        """Return when that was found, as far as HMM saw it."""
        return self.best_at if self.best == self.best_share else None

    def update(
        self, identity: str, telemetry: MinerTelemetry, at: datetime | None = None
    ) -> str | None:
        """Return which field shows a find: "blocks_found", "best_share" or None.

        ``at`` is when it was polled; None if what is new may be of long before.

        A block is its best share as well, and that is one find. A count that was
        not known before, or goes back because the miner restarted, is none.
        """
        before = self if identity == self.identity else MinerRecord()
        blocks, best = before.blocks_found, before.best_share
        self.identity = identity
        self.blocks_found = _or(telemetry.blocks_found, blocks)
        self.best_share, self.best_at = best, before.best_at
        found = at
        if telemetry.best_share is None:
            found = before.session_at
            if before.session_share != telemetry.best_session_share:
                self.session_at = at
            self._note_session(before.session_share, telemetry.best_session_share)
        else:
            self._note_best(telemetry.best_share, before.lower_polls)
        if _is_later(before.uptime, telemetry.uptime):
            self.blocks_found = _larger(blocks, self.blocks_found)
        is_same = _is_same_share(best, self.best_share)
        if self.best_share != best and not is_same:
            self.best_at = found if _grew(best, self.best_share) else None
        self.uptime = telemetry.uptime
        if _grew(blocks, telemetry.blocks_found):
            return "blocks_found"
        if is_same or not _grew(best, telemetry.best_share):
            return None
        return "best_share"

    def _note_best(self, reported: float, lower_polls: int) -> None:
        """Note the best share ever that the miner reports.

        Zero stands for "not read yet" in a device that has just started.
        """
        is_lower = 0 < reported < (self.best_share or 0)
        self.lower_polls = lower_polls + 1 if is_lower else 0
        if not self.best_share or self.lower_polls >= _POLLS_OF_A_RESET:
            self.best_share, self.lower_polls = reported, 0
        self.best_share = max(self.best_share, reported)

    def _note_session(self, before: float | None, now: float | None) -> None:
        """Note the best share of a session, once two polls in a row report it.

        A value that comes and goes would stay for ever.
        """
        self.session_share = now
        if before is not None and now is not None:
            self.best_share = max(self.best_share or 0.0, min(before, now)) or None

    @override
    def verify(self) -> None:
        if self.best_share is not None and self.best_share not in SHARE:
            self.best_share = None


def _is_same_share(before: float | None, now: float | None) -> bool:
    """Return whether a best share is the one before, reported with more digits.

    Firmwares reported three or four of them (4.29G), until an update to all of them.
    """
    if not before or now is None:
        return False
    digits = next((n for n in (3, 4) if float(f"{before:.{n}g}") == before), None)
    if digits is None:
        return False
    last_digit = 10.0 ** (math.floor(math.log10(before)) + 1 - digits)
    return 0 <= now - before < 0.9 * last_digit


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
