"""What a pool driver reports, as data.

The names and fields are those that driver authors were promised; all have a
default, so that a driver gives what its pool offers and nothing more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

from .ranges import (
    BLOCKS,
    WORKERS,
    AccountHashrate,
    Blocks,
    BlockTime,
    Coins,
    Count,
    Details,
    Difficulty,
    Flag,
    Height,
    Identifier,
    Message,
    Moment,
    Name,
    NetworkHashrate,
    Percent,
    Port,
    ResponseTime,
    Share,
    Symbol,
    Text,
    Timestamp,
)


class MiningModel(StrEnum):
    """How a pool pays."""

    SOLO = "solo"
    POOL = "pool"


@dataclass(slots=True, kw_only=True)
class PoolHealthStatus:
    """Whether a pool answers. ``latency_ms`` is in milliseconds.

    ``error_message`` is best a ``Reason`` (see ``reason_of``), which users read in
    their own language; other text is shown as it is.
    """

    is_healthy: bool
    latency_ms: ResponseTime | None = None
    error_message: Message | None = None
    additional_info: Details = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PoolStats:
    """Figures of the pool as a whole. ``hashrate`` is in H/s."""

    hashrate: NetworkHashrate | None = None
    active_workers: Count | None = None
    blocks_found: Blocks | None = None
    network_difficulty: Difficulty | None = None
    additional_stats: Details = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PoolBlock:
    """A block that the pool found. ``timestamp`` is in seconds since 1970.

    ``reward`` is what the user got for it, without the fee of the pool.
    """

    height: Height | None = None
    hash: Identifier | None = None
    miner: Identifier | None = None
    worker: Name | None = None
    timestamp: Timestamp | None = None
    difficulty: Difficulty | None = None
    network_difficulty: Difficulty | None = None
    coin: Symbol | None = None
    reward: Coins | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTemplate:
    """A pool that the user can choose from a list.

    An empty ``url`` means a self-hosted server: the user enters its host,
    and ``port`` is the usual one.
    """

    template_id: Identifier
    display_name: Name
    url: Annotated[str, Text(300, "a host", cut=False, empty=True)]
    port: Port
    coin: Symbol
    mining_model: MiningModel
    region: Name | None = None
    requires_auth: bool = False
    supports_shares: bool = True
    supports_earnings: bool = False
    supports_balance: bool = False
    description: Message | None = None
    fee_percent: Percent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPool:
    """A pool that answered at a host of one's own network.

    ``settings`` are what the driver needs to reach it again, ``template_id`` is which
    of the driver's templates it is, where several are of its coin.
    """

    coin: Symbol
    settings: Details = field(default_factory=dict)
    template_id: Identifier | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolWorker:
    """One worker of the user at the pool. ``hashrate`` is in H/s.

    ``name`` is what follows the account in the stratum user, "default" for a
    miner that gives none. Shares are counts.
    """

    name: Name
    hashrate: AccountHashrate | None = None
    online: bool | None = None
    shares_valid: Count | None = None
    shares_invalid: Count | None = None
    shares_stale: Count | None = None
    best_share: Share | None = None
    last_share: Moment | None = None
    """With time zone."""


def count_online(workers: Iterable[PoolWorker]) -> int | None:
    """Return how many workers are online, None where one may be or not."""
    states = [worker.online for worker in workers]
    return None if None in states else states.count(True)


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardTileData:
    """The four tiles of one pool account. None means that the pool is silent.

    Shares and hashrate are the user's own, never the pool's total.
    """

    # Tile 1: health
    health_status: bool = True
    health_message: Message | None = None
    """What is wrong: best a ``Reason``, which users read in their own language."""
    latency_ms: ResponseTime | None = field(default=None, compare=False)

    # Tile 2: network
    network_difficulty: Difficulty | None = None
    pool_hashrate: AccountHashrate | None = None
    """The USER's hashrate in H/s."""
    estimated_time_to_block: BlockTime | None = None
    """Mean seconds to a block with the user's hashrate."""
    pool_percentage: Percent | None = None
    """Percent of the network that the user's hashrate is."""
    active_workers: Count | None = None

    # Tile 3: shares
    shares_valid: Count | None = None
    shares_invalid: Count | None = None
    shares_stale: Count | None = None
    reject_rate: Percent | None = None
    """Percent."""

    # Tile 4: blocks and earnings
    blocks_found_24h: Blocks | None = None
    last_block_found: Moment | None = None
    """With time zone."""
    estimated_earnings_24h: Coins | None = None
    currency: Symbol | None = None
    confirmed_balance: Coins | None = None
    pending_balance: Coins | None = None

    # Beyond the tiles
    fee_percent: Percent | None = None
    """What the pool keeps of what it pays for, if it reports that; 0 is none."""
    blocks_found: Blocks | None = None
    """Blocks of the user's own since the pool began to count."""
    own_blocks: Annotated[tuple[PoolBlock, ...], BLOCKS] = ()
    """Blocks of the user's own that the pool lists, newest first."""
    best_share: Share | None = None
    last_share: Moment | None = None
    """With time zone."""
    workers: Annotated[tuple[PoolWorker, ...], WORKERS] = ()
    account: Name | None = None
    """The account's name, of a pool that knows it by the key alone."""
    account_known: Annotated[
        bool, Flag(True, "drivers of before know nothing of this")
    ] = True
    """False while the pool has no data for this address yet."""
