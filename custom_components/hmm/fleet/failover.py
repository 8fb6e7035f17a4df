"""Which miner moves to which pool, and when: decided from what is known, and nothing else.

Times are seconds of one clock that outlives a restart.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, ClassVar, Final, override

from ..miner.problems import ShareWindow
from ..stored import Newest, Stored

DAY: Final = 86_400.0
MAX_MOVES: Final = 6
"""In 24 hours, for one miner; attempts that fail are among them."""
SHORTEST_GAP: Final = 600.0
"""Seconds between two moves of one miner."""
SHORTEST_STAY: Final = 3600.0
"""Seconds at a backup pool before the way back."""
STAGGER: Final = 30.0
"""Seconds between the moves of two miners."""
RETRIES: Final = (300.0, 900.0, 1800.0)
"""Seconds after an attempt that failed, longer each time."""
SHORTEST_PROOF: Final = 300.0
"""Seconds that the others wait at most for a share of the first miner."""
_LAST_TIME: Final = 1e12
_UNSEEN: Final = 150.0
"""Seconds without a check after which a suspicion starts over."""


class FailoverState(StrEnum):
    """How a miner stands in its order of pools."""

    PRIMARY = "primary"
    DEVICE = "device"
    BACKUP = "backup"
    SUSPECT = "suspect"
    HELD = "held"
    RETURNING = "returning"
    MOVING = "moving"
    EXHAUSTED = "exhausted"
    FAILED = "failed"


BY_SEVERITY: Final = tuple(FailoverState)
"""The gravest last; the fleet shows the gravest of its miners."""
ON_THE_WAY: Final = frozenset({FailoverState.MOVING, FailoverState.RETURNING})


class Criterion(StrEnum):
    """The signs that a pool is of no use to a miner."""

    STRATUM_DOWN = "stratum_down"
    MINER_NO_POOL = "miner_no_pool"
    HIGH_REJECTS = "high_rejects"
    HIGH_STALE = "high_stale"


PRIMARY_BACK: Final = "primary_back"
"""The reason of a move back up."""
# Why a miner is held
CHOSEN_BY_OWNER: Final = "chosen_by_owner"
MOVE_LIMIT: Final = "move_limit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the owner chose. ``moves`` False: HMM only says what it would do."""

    moves: bool
    when: frozenset[Criterion]
    after: float
    back_after: float
    even_own: bool = False
    """Whether miners with a fallback pool of their own are moved as well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHealth:
    """Since when miners could connect to a pool, or could not; None: they cannot, or can."""

    good_since: float | None = None
    silent_since: float | None = None
    is_stale: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerFacts:
    """One miner as it is now. Pools are known by the ids of their accounts."""

    order: tuple[str, ...]
    at: str | None
    """Where it mines, "" for a pool that is not an account, None if not reported."""
    is_ready: bool = True
    """Whether it responds and should mine."""
    is_device: bool = False
    """Whether its owner leaves it to itself."""
    has_own: bool = False
    """Whether it has a fallback pool of its own."""
    has_own_order: bool = False
    """Whether its owner gave it an order of its own."""
    is_own_switch: bool = False
    """Whether it still has the pool where it was: then it left it automatically."""
    by_user: bool = False
    """Whether a user set its pool since the last check."""
    no_pool: bool = False
    has_rejects: bool = False
    share_at: float | None = None
    """When the last share was accepted that HMM saw."""
    proof: float = SHORTEST_PROOF
    """Seconds in which a share must come if the pool works."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory(Stored):
    """What is remembered of one miner, also over a restart."""

    stored_as: ClassVar = {
        "is_placed": "placed",
        "is_held": "held",
        **dict.fromkeys(("suspect_since", "seen", "until")),
    }

    state: FailoverState | None = None
    at: str | None = None
    """The pool that it mined at when it was looked at last."""
    to: str | None = None
    """Where it is on its way to, or was sent and is not yet: it may come late."""
    reason: str | None = None
    """Why it is on its way, or is not where it should be."""
    is_placed: bool = False
    """Whether HMM or the miner itself chose ``at``, and not its owner."""
    is_held: bool = False
    """Whether its owner chose ``at`` and so ended the order."""
    arrived: float = 0.0
    sent: Annotated[tuple[float, ...], Newest(MAX_MOVES)] = ()
    """When it was sent to another pool in the last 24 hours."""
    moved: float = 0.0
    """When it last arrived at another pool."""
    failures: int = 0
    """How many attempts in a row it did not follow."""
    failure: str | None = None
    """Why it did not follow the last of them."""
    first: str | None = None
    """Where a strategy sent it: that pool comes before its order."""
    unconfirmed: str | None = None
    """Where a strategy sent it in vain: it may come late."""
    suspect_since: float | None = None
    seen: float = 0.0
    until: float | None = None
    """When it may move again, None if nothing holds it."""

    @property
    def state_reason(self) -> str | None:
        """Why it is in its state."""
        if self.state is FailoverState.FAILED:
            return self.failure
        if self.state is FailoverState.HELD:
            return CHOSEN_BY_OWNER if self.until is None else MOVE_LIMIT
        return self.reason

    @override
    def verify(self) -> None:
        times = (self.arrived, self.moved, *self.sent)
        if not all(0 <= at < _LAST_TIME for at in times):
            raise ValueError(times)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One miner to another pool."""

    miner: str
    origin: str
    to: str
    reason: str
    is_back: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What every miner is in now, what to do, and what would be done."""

    memories: Mapping[str, Memory]
    moves: tuple[Move, ...] = ()
    wanted: tuple[Move, ...] = ()
    """What is not done because HMM only notifies."""


def decide(
    now: float,
    settings: Settings,
    pools: Mapping[str, PoolHealth],
    miners: Mapping[str, MinerFacts],
    memories: Mapping[str, Memory],
    *,
    last_sent: float = 0.0,
    has_internet: bool = True,
) -> Decision:
    """Return what is to be done now: at most one move.

    ``pools`` are those that can be used. The first miner goes alone; the others
    follow once it has a share there, or has had the time for one.
    """
    new_memories: dict[str, Memory] = {}
    wishes: list[Move] = []
    unreachable = _unreachable(miners)
    for miner_id, miner in miners.items():
        before = _in_time(memories.get(miner_id, Memory()), now)
        memory, wish = _state_of(
            now, settings, pools, miner_id, miner, before, unreachable, has_internet
        )
        if wish is not None:
            memory = _limited(memory, now)
            if memory.until is None and memory.state is not FailoverState.FAILED:
                wishes.append(wish)
        elif memory.state not in ON_THE_WAY:
            memory = replace(memory, until=None)
        new_memories[miner_id] = memory
    if not settings.moves:
        return Decision(memories=new_memories, wanted=tuple(wishes))
    if now - last_sent < STAGGER:
        return Decision(memories=new_memories)
    for wish in wishes:
        if _may_follow(now, wish.to, miners, new_memories):
            memory = new_memories[wish.miner]
            new_memories[wish.miner] = replace(
                memory,
                state=FailoverState.RETURNING if wish.is_back else FailoverState.MOVING,
                to=wish.to,
                reason=wish.reason,
                sent=(*memory.sent, now),
            )
            return Decision(memories=new_memories, moves=(wish,))
    return Decision(memories=new_memories)


def has_arrived(memory: Memory, now: float, *, is_first: bool) -> Memory:
    """Return the memory of a miner that mines where it was sent."""
    return replace(
        memory,
        state=FailoverState.PRIMARY if is_first else FailoverState.BACKUP,
        at=memory.to,
        to=None,
        reason=None if is_first else memory.reason,
        is_placed=True,
        arrived=now,
        moved=now,
        failures=0,
        suspect_since=None,
    )


def has_failed(memory: Memory, now: float, reason: str | None) -> Memory:
    """Return the memory of a miner that did not go where it was sent."""
    return replace(
        memory,
        state=FailoverState.FAILED,
        failure=reason,
        failures=min(memory.failures + 1, len(RETRIES) + 1),
        seen=now,
    )


def resumed(memory: Memory) -> Memory:
    """Return the memory of a miner whose order starts over where it is."""
    return replace(
        memory,
        state=None,
        at=None,
        to=None,
        is_held=False,
        failures=0,
        first=None,
        unconfirmed=None,
        suspect_since=None,
    )


def worst(memories: Mapping[str, Memory]) -> FailoverState | None:
    """Return the gravest state, None where no one is followed."""
    states = [memory.state for memory in memories.values() if memory.state is not None]
    return max(states, key=BY_SEVERITY.index, default=None)


def _in_time(memory: Memory, now: float) -> Memory:
    """Return a memory without what lies in the future: the clock was set back."""
    sent = tuple(min(at, now) for at in memory.sent)
    since = memory.suspect_since
    if since is not None and now - memory.seen > _UNSEEN:
        since = None
    return replace(
        memory,
        sent=tuple(at for at in sent if now - at < DAY),
        moved=min(memory.moved, now),
        arrived=min(memory.arrived, now),
        suspect_since=None if since is None else min(since, now),
        seen=min(memory.seen, now),
    )


def _state_of(
    now: float,
    settings: Settings,
    pools: Mapping[str, PoolHealth],
    miner_id: str,
    miner: MinerFacts,
    memory: Memory,
    unreachable: frozenset[str],
    has_internet: bool,
) -> tuple[Memory, Move | None]:
    """Return the state of one miner, and where it should go."""
    if memory.state in ON_THE_WAY:
        return memory, None
    order = miner.order
    is_left = miner.has_own and not (settings.even_own or miner.has_own_order)
    if miner.is_device or is_left:
        return _idle(memory, FailoverState.DEVICE), None
    if len(order) < 2:
        return _idle(memory, None), None
    if not miner.is_ready or miner.at is None:
        return replace(memory, state=None), None
    memory = replace(_followed(memory, miner, now), seen=now)
    position = order.index(miner.at) if miner.at in order else len(order)
    if memory.is_held or (position == len(order) and not memory.is_placed):
        memory = replace(memory, failures=0, suspect_since=None, reason=None)
        return replace(memory, state=FailoverState.HELD), None
    trouble = _trouble(now, settings, pools.get(miner.at), miner)
    if trouble is None:
        memory = replace(memory, suspect_since=None)
        if position == 0:
            state = FailoverState.PRIMARY
            memory = replace(memory, state=state, to=None, reason=None, failures=0)
            return memory, None
        memory = replace(memory, state=FailoverState.BACKUP)
        back = next(
            (
                pool
                for pool in order[:position]
                if _good_for(pools.get(pool), now) >= settings.back_after
                and pool not in unreachable
            ),
            None,
        )
        if back is None or now - memory.arrived < SHORTEST_STAY:
            return replace(memory, failures=0), None
        return memory, _move(miner_id, miner.at, back, PRIMARY_BACK, is_back=True)
    since = now if memory.suspect_since is None else memory.suspect_since
    memory = replace(
        memory, state=FailoverState.SUSPECT, suspect_since=since, reason=trouble
    )
    targets = [
        pool
        for pool in (*order[position + 1 :], *order[:position])
        if _good_for(pools.get(pool), now) >= 0 and pool not in unreachable
    ]
    if not targets:
        return replace(memory, state=FailoverState.EXHAUSTED), None
    if not has_internet or now - since < settings.after:
        return memory, None
    return memory, _move(miner_id, miner.at, targets[0], trouble, is_back=False)


def _move(miner: str, origin: str, to: str, reason: str, *, is_back: bool) -> Move:
    return Move(miner=miner, origin=origin, to=to, reason=reason, is_back=is_back)


def _idle(memory: Memory, state: FailoverState | None) -> Memory:
    """Return the memory of a miner that is not followed now."""
    return replace(
        memory,
        state=state,
        at=None,
        is_held=False,
        failures=0,
        suspect_since=None,
        reason=None,
    )


def _followed(memory: Memory, miner: MinerFacts, now: float) -> Memory:
    """Return the memory with where the miner is now, and who brought it there."""
    if memory.at == miner.at:
        return memory
    if memory.unconfirmed == miner.at and not miner.by_user:
        return replace(
            memory,
            at=miner.at,
            to=None,
            first=miner.at,
            unconfirmed=None,
            arrived=now,
            is_placed=True,
            suspect_since=None,
        )
    if memory.at is None:
        return replace(memory, at=miner.at, arrived=now)
    if memory.at == "" and not memory.is_held:
        # Its owner brought it to a pool of the list
        return replace(memory, at=miner.at, arrived=now, is_placed=False)
    is_sent = miner.at in (memory.first, memory.to)
    is_own = not miner.by_user and (miner.is_own_switch or is_sent)
    return replace(
        memory,
        at=miner.at,
        to=None,
        unconfirmed=None,
        arrived=now,
        is_placed=is_own,
        is_held=memory.is_held or not is_own,
        suspect_since=None,
    )


def _trouble(
    now: float, settings: Settings, pool: PoolHealth | None, miner: MinerFacts
) -> Criterion | None:
    """Return the first that holds of what the owner chose."""
    silent = pool.silent_since if pool is not None else None
    # A share is the better proof: then it is Home Assistant that has no internet.
    # One of long ago is none: the connection of then has ended since.
    has_share = silent is not None and (
        miner.share_at is not None and miner.share_at > max(silent, now - miner.proof)
    )
    holds = {
        Criterion.STRATUM_DOWN: silent is not None and not has_share,
        Criterion.MINER_NO_POOL: miner.no_pool,
        Criterion.HIGH_REJECTS: miner.has_rejects,
        Criterion.HIGH_STALE: pool is not None and pool.is_stale,
    }
    return next(
        (
            criterion
            for criterion in Criterion
            if criterion in settings.when and holds[criterion]
        ),
        None,
    )


def _good_for(pool: PoolHealth | None, now: float) -> float:
    """Return for how many seconds miners could connect without a break."""
    if pool is None or pool.good_since is None or pool.silent_since is not None:
        return -1.0
    return now - pool.good_since


def _limited(memory: Memory, now: float) -> Memory:
    """Return the memory with what keeps a miner from being sent now."""
    if memory.failures > len(RETRIES):
        return replace(memory, state=FailoverState.FAILED, until=None)
    free = memory.moved + SHORTEST_GAP if memory.moved else now
    if memory.sent:
        wait = RETRIES[max(memory.failures, 1) - 1]
        free = max(free, memory.sent[-1] + wait)
    if len(memory.sent) >= MAX_MOVES:
        free = max(free, memory.sent[-MAX_MOVES] + DAY)
    if free <= now:
        return replace(memory, until=None)
    state = FailoverState.FAILED if memory.failures else FailoverState.HELD
    return replace(memory, state=state, until=free)


def _unreachable(miners: Mapping[str, MinerFacts]) -> frozenset[str]:
    """Return the pools that the miners there cannot reach, without any share."""
    return frozenset(
        miner.at
        for miner in miners.values()
        if miner.is_ready and miner.at and miner.no_pool
    ) - frozenset(
        miner.at
        for miner in miners.values()
        if miner.is_ready and miner.at and not miner.no_pool
    )


def _may_follow(
    now: float,
    to: str,
    miners: Mapping[str, MinerFacts],
    memories: Mapping[str, Memory],
) -> bool:
    """Return whether another miner may go to a pool: the first one shows how it is."""
    if any(
        memory.state in ON_THE_WAY and memory.to == to for memory in memories.values()
    ):
        return False
    waits = False
    for miner, memory in _there(to, miners, memories):
        since = max(memory.arrived, now - miner.proof)
        if miner.share_at is not None and miner.share_at >= since:
            return True
        waits = waits or (memory.is_placed and now - memory.arrived < miner.proof)
    return not waits


def _there(
    pool: str, miners: Mapping[str, MinerFacts], memories: Mapping[str, Memory]
) -> Iterator[tuple[MinerFacts, Memory]]:
    for miner_id, miner in miners.items():
        if miner.is_ready and miner.at == pool:
            yield miner, memories[miner_id]


def bad_shares() -> ShareWindow:
    """Return a count of the bad shares of the last half hour."""
    return ShareWindow(1800.0, 60.0)


def are_many(percent: float | None) -> bool:
    """Return whether so many bad shares are a reason to leave a pool."""
    return percent is not None and percent >= 20
