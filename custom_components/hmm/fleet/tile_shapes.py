"""The shapes of the tiles and of the list of pools, with the keys of HMM-Local."""

from typing import Annotated, TypedDict

from ..json_shapes import Moment

type HashesPerSecond = Annotated[float | None, "H/s"]
type Milliseconds = Annotated[float | None, "Milliseconds"]
type Percent = Annotated[float | None, "Percent"]
type Coins = Annotated[float | None, "In the currency"]
type TimeText = Annotated[str | None, "For example 3 days"]


class PlatformHealth(TypedDict):
    """How many pools respond."""

    total_pools: int
    healthy_pools: int
    unhealthy_pools: int
    avg_latency_ms: Milliseconds
    status: Annotated[str, "healthy, degraded, unhealthy or no_pools"]


class PlatformNetwork(TypedDict):
    """The own hashrate over all pools."""

    total_pool_hashrate: HashesPerSecond
    total_network_difficulty: float | None
    avg_pool_percentage: Percent
    estimated_time_to_block: TimeText


class PlatformShares(TypedDict):
    """The own shares over all pools."""

    total_valid: float | None
    total_invalid: float | None
    total_stale: float | None
    avg_reject_rate: Percent


class PlatformBlocks(TypedDict):
    """What was found and earned at all pools."""

    total_blocks_24h: float | None
    total_earnings_24h: Coins
    currencies: list[str | None]


class PlatformTiles(TypedDict):
    """The four tiles over all pools."""

    tile_1_health: PlatformHealth
    tile_2_network: PlatformNetwork
    tile_3_shares: PlatformShares
    tile_4_blocks: PlatformBlocks


class PoolHealth(TypedDict):
    """Whether a pool responds, and why not."""

    health_status: bool
    health_message: str | None
    latency_ms: Milliseconds


class PoolNetwork(TypedDict):
    """The own hashrate at a pool, and its network."""

    network_difficulty: float | None
    pool_hashrate: HashesPerSecond
    estimated_time_to_block: TimeText
    pool_percentage: Percent
    active_workers: float | None


class PoolShares(TypedDict):
    """The own shares at a pool."""

    shares_valid: float | None
    shares_invalid: float | None
    shares_stale: float | None
    reject_rate: Percent


class PoolBlocks(TypedDict):
    """What was found and earned at a pool."""

    blocks_found_24h: float | None
    last_block_found: Moment | None
    estimated_earnings_24h: Coins
    currency: str | None
    confirmed_balance: Coins
    pending_balance: Coins


class PoolTiles(TypedDict):
    """The four tiles of a pool."""

    pool_id: str
    pool_type: str
    display_name: str
    supports_coins: list[str | None]
    tile_1_health: PoolHealth
    tile_2_network: PoolNetwork
    tile_3_shares: PoolShares
    tile_4_blocks: PoolBlocks
    last_updated: Moment | None
    supports_earnings: bool
    supports_balance: bool


class ListedPool(TypedDict):
    """A pool that can be chosen from the list."""

    pool_type: str
    pool_display_name: str | None
    template_id: str | None
    display_name: str | None
    url: Annotated[str | None, "Empty: a self-hosted server"]
    port: int
    coin: str | None
    mining_model: str | None
    region: str | None
    requires_auth: bool
    supports_shares: bool
    supports_earnings: bool
    supports_balance: bool
    description: str | None
    fee_percent: Percent


class Match(TypedDict):
    """What a server can be."""

    pool_type: str | None
    pool_display_name: str | None
    template_id: str | None
    display_name: str | None
    coin: str | None


class FoundServer(TypedDict):
    """A pool server of the own miners or of the own network."""

    url: str | None
    port: Annotated[int | None, "Where miners connect to"]
    miners: list[str | None]
    active: Annotated[bool, "Whether a miner mines there now"]
    matches: list[Match]
    configured: bool
    pool_ids: list[str]
