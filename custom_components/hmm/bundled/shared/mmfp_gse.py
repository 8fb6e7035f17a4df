"""GoStratumEngine's API: ``/api/v1/stats`` and ``/api/v1/miners``."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
import time
from typing import Any, TypeIs, override

from custom_components.hmm.bundled.shared.mmfp import (
    PoolServer,
    highest,
    latest,
    merge_workers,
    no_such_pool,
    rows,
    section,
    total_amount,
    total_count,
    worker_name,
)
from custom_components.hmm.driver_api import (
    BadAnswer,
    DashboardTileData,
    PoolBlock,
    PoolWorker,
)
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import (
    HASHES_PER_DIFFICULTY,
    parse_amount,
    parse_count,
    parse_number,
    parse_text,
    parse_timestamp,
)

_MAX_POOLS = 100
_MAX_USERS = 1000
"""How many are remembered, be they connected or not."""
MAX_SAMPLES = 100
"""Of one of them: a server whose uptime stands still never leaves the window."""


class GoStratumEngine(PoolServer):
    """A GoStratumEngine (GPL; its ``pkg/metrics/api.go`` and ``stats.go``).

    All figures count from its start and are gone after a restart. It knows no
    network difficulty and no hashrate: that of a worker is estimated from its
    accepted shares times their difficulty in the last ``window_seconds``, and
    unknown until it was watched for ``least_seconds``. With the usual 15 s per
    share ten minutes hold 40 shares, so one miner's hashrate strays by some
    16 % (one sigma), and more for a while after its difficulty was changed.
    """

    def __init__(
        self,
        api: WebApi,
        share_seconds: float,
        *,
        window_seconds: float,
        least_seconds: float,
    ) -> None:
        """Make a client without any request yet."""
        super().__init__(api, share_seconds)
        self._ledger = _Ledger(window_seconds, least_seconds)

    @override
    async def answers(self, pool: str) -> bool:
        return pool in (await self.coins() or {})

    async def coins(self) -> dict[str, Any] | None:
        """Return the response about its coins, None if it is not a GoStratumEngine."""
        stats, _ = await self._object("stats")
        if stats is None or "pool_name" not in stats:
            return None
        coins = stats.get("coins")
        return coins if isinstance(coins, dict) else None

    @override
    async def tiles(self, pool: str, account: str) -> DashboardTileData:
        stats, latency = await self._object("stats")
        coin = section(stats or {}, "coins").get(pool)
        if stats is None or not isinstance(coin, dict):
            raise no_such_pool(pool)
        answer, _ = await self._object("miners")
        listed = (answer or {}).get("miners")
        if not _is_list_of_miners(listed):
            raise BadAnswer(
                "The server does not list its miners", reason="bad_response"
            )
        self._ledger.learn(parse_amount(stats.get("uptime_seconds")), listed)
        mine = {
            user: name
            for user in self._ledger.users(pool)
            if (name := worker_name(user, account)) is not None
        }
        miners = [self._ledger.miner(pool, user) for user in mine]
        online = [miner for miner in miners if miner.connected]
        block_count = parse_count(coin.get("blocks_found"))
        counts = _Counts.read(coin)
        block = _last_block(coin)
        if account:
            counts = _Counts.total(miner.counts for miner in miners)
            if block_count is None or counts.blocks != block_count:
                block = None  # It may be another one's
        is_registered = bool(mine) or not account
        hashrate = 0.0 if is_registered else None
        if online:
            # Unknown until all were watched for long enough
            hashrate = total_amount(miner.hashrate for miner in online)
        return DashboardTileData(
            latency_ms=latency,
            pool_hashrate=hashrate,
            active_workers=len(online) if is_registered else None,
            shares_valid=counts.accepted,
            shares_invalid=counts.rejected,
            shares_stale=counts.stale,
            last_block_found=None
            if block is None
            else parse_timestamp(block.timestamp),
            blocks_found=counts.blocks,
            own_blocks=() if block is None else (block,),
            best_share=highest(miner.best_share for miner in miners),
            last_share=latest(miner.last_share for miner in miners),
            workers=merge_workers(
                miner.worker(mine[user])
                for user in mine
                for miner in (self._ledger.miner(pool, user),)
                if miner.connected
            ),
            account_known=is_registered,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """What is counted for a coin and for each of its stratum users alike."""

    accepted: int | None = None
    rejected: int | None = None
    stale: int | None = None
    blocks: int | None = None

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> _Counts:
        return cls(
            accepted=parse_count(data.get("shares_accepted")),
            rejected=parse_count(data.get("shares_rejected")),
            stale=parse_count(data.get("shares_stale")),
            blocks=parse_count(data.get("blocks_found")),
        )

    @classmethod
    def total(cls, counts: Iterable[_Counts]) -> _Counts:
        entries = list(counts)
        return cls(
            accepted=total_count(entry.accepted for entry in entries),
            rejected=total_count(entry.rejected for entry in entries),
            stale=total_count(entry.stale for entry in entries),
            blocks=total_count(entry.blocks for entry in entries),
        )


@dataclass(slots=True)
class _Miner:
    """A stratum user of one coin, whatever the number of its connections."""

    counts: _Counts = field(default_factory=_Counts)
    difficulty: float | None = None
    best_share: float | None = None
    last_share: datetime | None = None
    connected: bool = False
    hashrate: float | None = None
    work: float = 0.0
    """Difficulty of all shares that were seen to be accepted."""
    samples: deque[tuple[float, float]] = field(
        default_factory=lambda: deque(maxlen=MAX_SAMPLES)
    )
    """Seconds and the work until then."""

    def worker(self, name: str) -> PoolWorker:
        return PoolWorker(
            name=name,
            hashrate=self.hashrate,
            online=self.connected,
            shares_valid=self.counts.accepted,
            shares_invalid=self.counts.rejected,
            shares_stale=self.counts.stale,
            best_share=self.best_share,
            last_share=self.last_share,
        )

    def learn(self, now: float, connections: list[dict[str, Any]]) -> None:
        """Take what is reported of its connections, which all bear the same counts."""
        before, was = self.counts.accepted, self.difficulty
        self.counts = _Counts.read(connections[0])
        self.best_share = parse_amount(connections[0].get("best_difficulty")) or None
        self.last_share = parse_timestamp(connections[0].get("last_share_time"))
        difficulties = [
            difficulty
            for connection in connections
            if (difficulty := parse_amount(connection.get("difficulty")))
        ]
        accepted = self.counts.accepted
        self.difficulty = (
            sum(difficulties) / len(difficulties) if difficulties else None
        )
        if accepted is None or self.difficulty is None:
            self.forget_work()
            return
        if before is None or was is None or accepted < before or not self.connected:
            self.forget_work()
        else:
            # It is unknown when in between the difficulty was changed
            self.work += (accepted - before) * (was + self.difficulty) / 2
        self.samples.append((now, self.work))

    def forget_work(self) -> None:
        self.samples.clear()
        self.work = 0.0
        self.hashrate = None

    def estimate(self, window: float, minimum: float) -> None:
        """Set the hashrate from the samples of the window."""
        samples = self.samples
        while len(samples) > 2 and samples[1][0] <= samples[-1][0] - window:
            samples.popleft()
        span = samples[-1][0] - samples[0][0] if samples else 0.0
        self.hashrate = (
            parse_number((self.work - samples[0][1]) * HASHES_PER_DIFFICULTY / span)
            if span > 0 and span >= minimum
            else None
        )


class _Ledger:
    """The stratum users that the server has reported since its start.

    It lists only those that are connected, but continues counting where it was
    when one comes back. So do the sums of an account here: blocks must not
    seem to be lost and found again.
    """

    def __init__(self, window: float, minimum: float) -> None:
        self._window = window
        self._minimum = minimum
        self._miners: dict[str, dict[str, _Miner]] = {}
        self._listed: Mapping[str, Any] | None = None
        self._uptime: float | None = None

    def users(self, pool: str) -> list[str]:
        """Return all stratum users of a coin, also those that have left."""
        return list(self._miners.get(pool, ()))

    def miner(self, pool: str, user: str) -> _Miner:
        """Return one of the users."""
        return self._miners[pool][user]

    def learn(self, uptime: float | None, listed: Mapping[str, Any]) -> None:
        """Take one response, once for all accounts that share it.

        Time is that of the server, whose uptime came with the response; only if
        it reports none, that of this machine.
        """
        if listed is self._listed:
            return
        self._listed = listed
        if (uptime is None) != (self._uptime is None) or (
            uptime is not None and self._uptime is not None and uptime < self._uptime
        ):
            self._miners.clear()
        self._uptime = uptime
        now = time.monotonic() if uptime is None else uptime
        for pool in self._miners.keys() - listed.keys():
            if len(self._miners) > _MAX_POOLS:
                del self._miners[pool]
        for pool in {*listed, *self._miners}:
            self._learn_pool(now, self._miners.setdefault(pool, {}), listed.get(pool))

    def _learn_pool(self, now: float, miners: dict[str, _Miner], listed: Any) -> None:
        connections: dict[str, list[dict[str, Any]]] = {}
        for row in rows(listed):
            # Who has not logged in yet has no name
            if (user := parse_text(row.get("worker_name"))) is not None:
                connections.setdefault(user, []).append(row)
        for user, miner in miners.items():
            if user not in connections:
                miner.connected = False
                miner.forget_work()
        for user, entries in connections.items():
            miner = miners.setdefault(user, _Miner())
            miner.learn(now, entries)
            miner.connected = True
            miner.estimate(self._window, self._minimum)
        gone = [user for user, miner in miners.items() if not miner.connected]
        # The longest known first
        for user in gone[: max(0, len(miners) - _MAX_USERS)]:
            del miners[user]


def _is_list_of_miners(listed: Any) -> TypeIs[dict[str, Any]]:
    """Return whether all of it can be read, so no miner seems to have left."""
    return isinstance(listed, dict) and all(
        # Go writes an empty list as null
        miners is None
        or (
            isinstance(miners, list)
            and all(
                isinstance(row, dict) and isinstance(row.get("worker_name"), str)
                for row in miners
            )
        )
        for miners in listed.values()
    )


def _last_block(coin: Mapping[str, Any]) -> PoolBlock | None:
    """Return the last block of a coin, None if there was none since the start."""
    # Go's "omitempty" does not leave out a time, which is in the year 1 then
    timestamp = parse_timestamp(coin.get("last_block_time"))
    if timestamp is None:
        return None
    return PoolBlock(
        height=parse_count(coin.get("last_block_height")) or None,
        hash=parse_text(coin.get("last_block_hash")),
        timestamp=int(timestamp.timestamp()),
    )
