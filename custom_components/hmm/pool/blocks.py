"""Blocks of a pool account: which are new, and how many are of the last day.

Pools report a list, a total or only when the last one was found. What is news, and
what of a total belongs to the last 24 hours, follows from what was seen before.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, override

from ..driver_api import DashboardTileData, PoolBlock
from ..driver_api.ranges import BLOCKS
from ..driver_api.units import parse_int
from ..stored import Stored

DAY = 86_400
_NEW_CURRENCY = DAY / 2

# A block found between two polls this close is dated at the second
_SHARP_SECONDS = 1200

# How long one part of a pool's answers may lag behind another
_LATE_SECONDS = 1800

# List, total, count of a day, time of the last one
_WAYS = 4

# How many polls in a row may report fewer blocks before it is not a mistake. Those of a
# day do get fewer
_LOWER_TOTALS = 10
_LOWER_DAYS = 3

# More blocks between two polls are not plausible, but a pool may count anything
_MAX_NEWS = 10

# More than a pool may list at once, or a listed block would be news for ever
_MAX_KNOWN = 5 * BLOCKS.maximum


@dataclass(frozen=True, slots=True)
class NewBlocks:
    """Blocks that were found between two polls, oldest first.

    ``more`` is how many there were beyond these, by the count of the pool.
    """

    blocks: tuple[PoolBlock, ...] = ()
    more: int = 0


class _Remembered[KeyT]:
    """The last of what was seen, so that it does not grow for ever."""

    def __init__(self, keys: Iterable[KeyT] = ()) -> None:
        self._keys = dict.fromkeys(keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __iter__(self) -> Iterator[KeyT]:
        return iter(self._keys)

    def add(self, key: KeyT) -> None:
        self._keys.pop(key, None)
        self._keys[key] = None
        if len(self._keys) > _MAX_KNOWN:
            del self._keys[next(iter(self._keys))]


class _KnownBlocks:
    """Blocks that were listed, by their hash and by their height.

    What a pool calls the hash of a block may change: it is reported late, or is a
    transaction id for a while. So a block of another hash is new only if the list has
    more blocks of its height than were known.
    """

    def __init__(
        self, hashes: Iterable[str] = (), heights: Iterable[Any] = (), *_: object
    ) -> None:
        """Start with what was stored; earlier versions stored heights alone, and more."""
        self._hashes = _Remembered(hashes)
        self._heights: _Remembered[tuple[int, int]] = _Remembered(
            (row, 1) if isinstance(row, int) else (int(row[0]), int(row[1]))
            for row in heights
        )

    def as_list(self) -> list[Any]:
        """Return everything as JSON."""
        return [[*self._hashes], [list(height) for height in self._heights]]

    def add(self, blocks: Iterable[PoolBlock]) -> list[PoolBlock]:
        """Add the blocks of a list; return the new ones, none without a name."""
        names = [(block, block.hash and block.hash.lower()) for block in blocks]
        new: set[int] = set()
        counts = Counter[int]()
        # Known hashes first: they are the known ones of their height
        for place in sorted(
            range(len(names)), key=lambda index: names[index][1] not in self._hashes
        ):
            block, name = names[place]
            is_new = name is not None and name not in self._hashes
            # No account has found the first block of a chain: 0 is not reported
            if height := block.height:
                counts[height] += name is not None or not counts[height]
                nth = (height, counts[height])
                is_new = nth not in self._heights and (is_new or name is None)
                self._heights.add(nth)
            if name is not None:
                self._hashes.add(name)
            if is_new:
                new.add(place)
        return [names[place][0] for place in sorted(new)]


@dataclass(slots=True)
class _Count:
    """A count that grows. One that falls is a mistake at first.

    It has started over once it was lower for some polls in a row.
    """

    highest: int | None = None
    _low: int | None = None
    """The most since it fell."""
    _polls: int = 0

    def growth(self, count: int | None, max_polls: int, falls_by: int = 0) -> int:
        """Return how many are new; ``max_polls`` may be lower before it counts.

        It may fall by ``falls_by`` at any time: a block of yesterday.
        """
        if count is None:
            return 0
        before, low = self.highest, self._low
        if before is None or count >= before - falls_by:
            self.highest, self._low, self._polls = count, None, 0
            return 0 if before is None else max(0, count - before)
        self._low = count if low is None else max(low, count)
        self._polls += 1
        if self._polls >= max_polls:
            self.highest, self._low, self._polls = self._low, None, 0
        return 0 if low is None else max(0, count - low)


class BlockWatch:
    """Reports each new block once, whichever way the pool shows it first."""

    def __init__(self, identity: str = "") -> None:
        """Start without any data: the first poll is no news."""
        self.identity = identity
        """Whose blocks they are."""
        self._known = _KnownBlocks()
        self._has_list = False
        self._counts = {"total": _Count(), "day": _Count()}
        self._last: float | None = None
        self._updated_at: float | None = None
        # Blocks that were reported before each of the ways showed them
        self._owed = [0] * _WAYS
        self._reported_at = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "identity": self.identity,
            "known": self._known.as_list(),
            "has_list": self._has_list,
            "counts": {
                name: count.highest
                for name, count in self._counts.items()
                if count.highest is not None
            },
            "last": self._last,
            "looked": self._updated_at,
            "owed": self._owed,
            "told": self._reported_at,
        }

    @classmethod
    def from_dict(cls, data: Any) -> BlockWatch:
        """Return what was stored."""
        watch = cls(str(data["identity"]))
        watch._known = _KnownBlocks(*data["known"])
        watch._has_list = bool(data["has_list"])
        for name, count in data["counts"].items():
            watch._counts[name].highest = int(count)
        watch._last = None if data["last"] is None else float(data["last"])
        watch._updated_at = None if data["looked"] is None else float(data["looked"])
        watch._owed = [int(data["owed"][way]) for way in range(_WAYS)]
        watch._reported_at = float(data["told"])
        return watch

    def update(self, tiles: DashboardTileData, now: float) -> NewBlocks:
        """Return the blocks that were found since the last poll."""
        if self._updated_at is not None and now < self._updated_at:
            # The clock was set back; what was ahead of it would be news for ever
            self._updated_at, self._reported_at = now, min(self._reported_at, now)
        listed = self._new_in_list(tiles)
        later = self._new_by_time(tiles)
        shown = [
            len(listed),
            self._counts["total"].growth(tiles.blocks_found, _LOWER_TOTALS),
            # Older news is dropped, but more of them are certainly new
            self._counts["day"].growth(tiles.blocks_found_24h, _LOWER_DAYS, 1),
            later,
        ]
        self._updated_at = now
        if now - self._reported_at > _LATE_SECONDS:
            self._owed = [0] * _WAYS
        news = [
            max(0, number - owed)
            for number, owed in zip(shown, self._owed, strict=True)
        ]
        newest = max(news)
        self._owed = [
            max(0, owed - number) + newest - new
            for number, owed, new in zip(shown, self._owed, news, strict=True)
        ]
        if not newest:
            return NewBlocks()
        self._reported_at = now
        shown_ones = min(newest, _MAX_NEWS)
        blocks = listed[-shown_ones:]
        last = round(self._last) if later and self._last is not None else None
        unlisted = [PoolBlock(timestamp=last)] * (shown_ones - len(blocks))
        return NewBlocks((*unlisted, *blocks), newest - shown_ones)

    def _new_in_list(self, tiles: DashboardTileData) -> list[PoolBlock]:
        # Blocks that are listed for the first time are new after an empty list
        self._has_list |= tiles.blocks_found == 0
        had_list = self._has_list
        self._has_list |= bool(tiles.own_blocks)
        return [
            block
            for block in self._known.add(reversed(tiles.own_blocks))
            if had_list or self._is_recent(block.timestamp)
        ]

    def _new_by_time(self, tiles: DashboardTileData) -> int:
        if tiles.last_block_found is None:
            return 0
        before, self._last = self._last, tiles.last_block_found.timestamp()
        if before is None:
            return int(self._is_recent(self._last))
        return int(self._last > before)

    def _is_recent(self, timestamp: float | None) -> bool:
        """Return whether that was after the last poll."""
        return (
            timestamp is not None
            and self._updated_at is not None
            and timestamp > self._updated_at
        )


@dataclass(slots=True)
class _Span:
    """Blocks that were found ``after`` one timestamp and ``by`` another.

    ``blocks`` is None where nothing was recorded.
    """

    after: float
    by: float
    blocks: int | None


@dataclass(slots=True)
class BlockLog:
    """What was seen of the total of one account."""

    total: _Count = field(default_factory=_Count)
    updated_at: float = 0.0
    spans: list[_Span] = field(default_factory=list)

    def update(self, count: int, now: float) -> None:
        """Note a total. One that stays lower than before has started over."""
        if now < self.updated_at:
            self._set_back(self.updated_at - now)
        before, after = self.total.highest, self.updated_at
        self.updated_at = now
        self.spans = [span for span in self.spans if span.by > now - DAY]
        if before is None or (count < before and now - after > _SHARP_SECONDS):
            self.total, self.spans = _Count(count), [_Span(0, now, None)]
        elif growth := self.total.growth(count, _LOWER_TOTALS):
            self.spans.append(_Span(after, now, growth))

    def _set_back(self, seconds: float) -> None:
        """Follow a clock that was ahead: as long ago as it was, it still is."""
        self.updated_at -= seconds
        for span in self.spans:
            span.after -= seconds
            span.by -= seconds

    def last_day(self) -> int | None:
        """Return the blocks of the 24 hours before the last poll, None: not known."""
        start, total = self.updated_at - DAY, 0
        for span in self.spans:
            if span.by <= start:
                continue
            if span.blocks is None or (
                span.after < start and span.by - span.after > _SHARP_SECONDS
            ):
                return None
            total += span.blocks
        return total

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {
            "count": self.total.highest,
            "looked": self.updated_at,
            "spans": [[span.after, span.by, span.blocks] for span in self.spans],
        }

    @classmethod
    def from_dict(cls, data: Any) -> BlockLog:
        """Return what was stored."""
        spans = [
            _Span(float(after), float(by), parse_int(blocks))
            for after, by, blocks in data["spans"]
        ]
        return cls(_Count(parse_int(data["count"])), float(data["looked"]), spans)


@dataclass(slots=True)
class AccountRecord(Stored):
    """What is kept of one account: its news, and the blocks of its last day."""

    stored_as: ClassVar = {"other": None}

    watch: BlockWatch = field(default_factory=BlockWatch)
    log: BlockLog = field(default_factory=BlockLog)
    currency: str | None = None
    """What the pool pays in."""
    has_hashrate: bool = False
    has_time: bool = False
    """Whether a hashrate, or a time to a block, was ever known."""
    other: tuple[str, float] | None = field(default=None, compare=False)
    """Another currency that the pool reports, and since when."""

    def update(self, identity: str, tiles: DashboardTileData, now: float) -> NewBlocks:
        """Return the blocks found since the last poll, also before a restart.

        Nothing is news of another ``identity``: another account, server or driver.
        """
        if self.watch.identity != identity:
            self.watch = BlockWatch(identity)
            self.currency = tiles.currency or self.currency
        self.has_hashrate |= tiles.pool_hashrate is not None
        self.has_time |= tiles.estimated_time_to_block is not None
        return self.watch.update(tiles, now)

    def in_currency(self, tiles: DashboardTileData, now: float) -> DashboardTileData:
        """Return the tiles with money in the currency of the account.

        Another one counts once it was reported for half a day: a pool that reports a new
        one at every poll would make entities without end, and money in changing units.
        Until then the amounts are unknown.
        """
        reported = tiles.currency
        if reported is None or reported.upper() == (self.currency or reported).upper():
            self.currency, self.other = reported or self.currency, None
            return tiles
        if self.other is None or self.other[0] != reported:
            self.other = (reported, now)
        if now - self.other[1] >= _NEW_CURRENCY:
            self.currency, self.other = reported, None
            return tiles
        return replace(
            tiles,
            currency=self.currency,
            estimated_earnings_24h=None,
            confirmed_balance=None,
            pending_balance=None,
        )

    def last_day(self, tiles: DashboardTileData, now: float) -> int | None:
        """Return how many blocks an account found in the last 24 hours.

        None: the pool reports neither a total nor when they were found, or it was not
        watched for that long yet.
        """
        listed = _last_day_of_list(tiles, now - DAY)
        if tiles.blocks_found is None:
            return listed
        self.log.update(tiles.blocks_found, now)
        return self.log.last_day() if listed is None else listed

    @override
    def as_dict(self) -> dict[str, Any]:
        stored = super().as_dict()
        return {**stored.pop("log"), **stored}

    @override
    @classmethod
    def from_dict(cls, data: Any) -> Self:
        return super().from_dict({**data, "log": data})


def _last_day_of_list(tiles: DashboardTileData, start: float) -> int | None:
    """Return how many listed blocks are newer, None if the list does not show that.

    It shows that when it is complete, or reaches back beyond that time.
    """
    times = [block.timestamp for block in tiles.own_blocks]
    instants = [instant for instant in times if instant is not None]
    if not times or len(instants) < len(times):
        return None
    complete = tiles.blocks_found is not None and len(times) >= tiles.blocks_found
    if not complete and min(instants) > start:
        return None
    return sum(instant > start for instant in instants)
