"""What a pool driver reports, as data.

The names and fields are those that driver authors were promised; all have a
default, so that a driver gives what its pool offers and nothing more.
"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class MiningModel(StrEnum):
    """How a pool pays."""

    SOLO = "solo"
    POOL = "pool"


@dataclass(slots=True, kw_only=True)
class PoolHealthStatus:
    """Whether a pool answers. ``latency_ms`` is in milliseconds."""

    is_healthy: bool
    latency_ms: float | None = None
    error_message: str | None = None
    additional_info: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PoolStats:
    """Figures of the pool as a whole. ``hashrate`` is in H/s."""

    hashrate: float | None = None
    active_workers: int | None = None
    blocks_found: int | None = None
    network_difficulty: float | None = None
    additional_stats: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class PoolBlock:
    """A block that the pool found. ``timestamp`` is in seconds since 1970."""

    height: int | None = None
    hash: str | None = None
    miner: str | None = None
    worker: str | None = None
    timestamp: int | None = None
    difficulty: float | None = None
    network_difficulty: float | None = None
    coin: str | None = None
    reward: float | None = None
    confirmed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTemplate:
    """A pool that the user can choose from a list.

    An empty ``url`` stands for a server of one's own: the user tells its host,
    and ``port`` is the usual one.
    """

    template_id: str
    display_name: str
    url: str
    port: int
    coin: str
    mining_model: MiningModel
    region: str | None = None
    requires_auth: bool = False
    supports_shares: bool = True
    supports_earnings: bool = False
    supports_balance: bool = False
    description: str | None = None
    fee_percent: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundPool:
    """A pool that answered at a host of one's own network.

    ``settings`` are what the driver needs to be told to reach it again.
    """

    coin: str
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolWorker:
    """One worker of the user at the pool. ``hashrate`` is in H/s.

    ``name`` is what follows the account in the stratum user, "default" for a
    miner that gives none. Shares are counts.
    """

    name: str
    hashrate: float | None = None
    online: bool | None = None
    shares_valid: int | None = None
    shares_invalid: int | None = None
    shares_stale: int | None = None
    best_share: float | None = None
    last_share: datetime | None = None
    """With time zone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DashboardTileData:
    """The four tiles of one pool account. None means that the pool is silent.

    Shares and hashrate are the user's own, never the pool's total.
    """

    # Tile 1: health
    health_status: bool = True
    health_message: str | None = None
    latency_ms: float | None = field(default=None, compare=False)

    # Tile 2: network
    network_difficulty: float | None = None
    pool_hashrate: float | None = None
    """The USER's hashrate in H/s."""
    estimated_time_to_block: float | None = None
    """Mean seconds to a block with the user's hashrate."""
    pool_percentage: float | None = None
    """Percent of the network that the user's hashrate is."""
    active_workers: int | None = None

    # Tile 3: shares
    shares_valid: int | None = None
    shares_invalid: int | None = None
    shares_stale: int | None = None
    reject_rate: float | None = None
    """Percent."""

    # Tile 4: blocks and earnings
    blocks_found_24h: int | None = None
    last_block_found: datetime | None = None
    """With time zone."""
    estimated_earnings_24h: float | None = None
    currency: str | None = None
    confirmed_balance: float | None = None
    pending_balance: float | None = None

    # Beyond the tiles
    blocks_found: int | None = None
    """Blocks of the user's own since the pool began to count."""
    own_blocks: tuple[PoolBlock, ...] = ()
    """Blocks of the user's own that the pool lists, newest first."""
    best_share: float | None = None
    last_share: datetime | None = None
    """With time zone."""
    workers: tuple[PoolWorker, ...] = ()
    account: str | None = None
    """The account's name, of a pool that knows it by the key alone."""
    account_known: bool = True
    """False while the pool has no data for this address yet."""
