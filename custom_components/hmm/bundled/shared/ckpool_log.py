"""What the end of ckpool's log contains: the network's difficulty, and blocks.

A line is ``[2026-08-29 23:26:16.467] Network diff set to 449476611397.2``, in the
local time of the server, which names no time zone (libckpool.c, ``get_timestamp``).
"""

from dataclasses import dataclass
from datetime import UTC, datetime
import re

from custom_components.hmm.driver_api.units import parse_amount, parse_number

DAY = 86_400

_LINE = re.compile(r"\[(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)(?:\.\d+)?\] (.*)")
_DIFFICULTY = re.compile(r"Network diff set to (\S+)")
_BLOCK = re.compile(r"Solved and confirmed block (\d{1,12})(?: by (.+))?")
_UPDATE = re.compile(r'Pool:\{.*"lastupdate":\s*(\d{1,12})\b')

# More than anybody finds while Home Assistant runs
_MAX_BLOCKS = 1000

# Time zones differ by quarters of an hour, up to 14 hours
_ZONE_STEP = 900
_LARGEST_ZONE = 50_400

# A line is written when it is logged; between two lines there is a minute or two
_LATE_SECONDS = 180
_EARLY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class LogBlock:
    """A block that the pool found.

    ``timestamp`` is in seconds since 1970, None if the server's time zone is not
    known; ``local`` is the time on the server's wall, in seconds.
    """

    height: int
    workername: str
    timestamp: int | None
    local: float


class CkpoolLog:
    """What was read of one log so far, piece by piece."""

    def __init__(self) -> None:
        """Start with nothing read."""
        self.difficulty: float | None = None
        """Of the network, as far as no later change can have been missed."""
        self._blocks: dict[tuple[int, str], LogBlock] = {}
        self._since = 0.0
        self._until: float | None = None

    @property
    def blocks(self) -> list[LogBlock]:
        """All blocks that were read of, newest first."""
        return sorted(
            self._blocks.values(),
            key=lambda block: (block.local, block.height),
            reverse=True,
        )

    @property
    def last_day(self) -> list[LogBlock] | None:
        """The blocks of the last 24 hours, None if not all of these were read."""
        if self._until is None or self._since > self._until - DAY:
            return None
        start = self._until - DAY
        return [block for block in self.blocks if block.local > start]

    def add(self, text: str, server_time: float | None) -> None:
        """Read the end of the log, as it is now.

        ``server_time`` is what the server's clock says, in seconds since 1970.
        """
        lines = [
            (local, match[2])
            for line in text.splitlines()
            if (match := _LINE.fullmatch(line.rstrip())) is not None
            and (local := _local_seconds(match[1])) is not None
        ]
        if not lines:
            return
        if self._until is None or lines[0][0] > self._until:
            # What was logged in between was never seen
            self._since = lines[0][0]
            self.difficulty = None
        self._until = lines[-1][0]
        zone: int | None = None
        first_zone: int | None = None
        blocks: list[tuple[float, re.Match[str], int | None]] = []
        for local, message in lines:
            if (match := _UPDATE.match(message)) is not None:
                # The same second on the wall and since 1970
                if (offset := _zone(local - float(match[1]))) is not None:
                    zone = offset
                    first_zone = offset if first_zone is None else first_zone
            elif (match := _DIFFICULTY.match(message)) is not None:
                self.difficulty = parse_amount(match[1]) or self.difficulty
            elif (match := _BLOCK.match(message)) is not None:
                blocks.append((local, match, zone))
        if first_zone is None and server_time is not None:
            first_zone = _zone(lines[-1][0] - server_time)
        for local, match, block_zone in blocks:
            self._note(local, match, first_zone if block_zone is None else block_zone)

    def _note(self, local: float, match: re.Match[str], zone: int | None) -> None:
        block = LogBlock(
            height=int(match[1]),
            workername=(match[2] or "").strip(),
            timestamp=None if zone is None else round(local - zone),
            local=local,
        )
        key = (block.height, block.workername)
        previous = self._blocks.get(key)
        if previous is None or previous.timestamp is None:
            self._blocks[key] = block
            if len(self._blocks) > _MAX_BLOCKS:
                del self._blocks[next(iter(self._blocks))]


def _local_seconds(text: str) -> float | None:
    """Return a time on the wall as seconds, as if the wall were in Greenwich."""
    try:
        return parse_number(
            datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
        )
    except ValueError:
        return None


def _zone(difference: float) -> int | None:
    """Return the offset from UTC that explains a difference, None if none does."""
    zone = round(difference / _ZONE_STEP) * _ZONE_STEP
    if not -_LATE_SECONDS <= difference - zone <= _EARLY_SECONDS:
        return None
    return zone if abs(zone) <= _LARGEST_ZONE else None
