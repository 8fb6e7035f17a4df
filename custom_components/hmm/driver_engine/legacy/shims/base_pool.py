"""``integrations.base_pool`` of HMM-Local, all versions in one.

No method is abstract: HMM-Local's own template lacked some. Which ones a driver
has is found out when it is called.
"""

from datetime import datetime
from enum import Enum
from typing import Any

from .lenient import Lenient


class MiningModel(str, Enum):  # noqa: UP042  drivers compare it with plain text
    """How a pool pays."""

    SOLO = "solo"
    POOL = "pool"


class PoolHealthStatus(Lenient):
    """Whether a pool answers."""

    is_healthy: Any = False
    latency_ms: Any = None
    error_message: Any = None
    additional_info: Any = {}
    response_time_ms: Any = None


class PoolStats(Lenient):
    """Figures of the whole pool."""

    hashrate: Any = None
    active_workers: Any = None
    blocks_found: Any = None
    network_difficulty: Any = None
    additional_stats: Any = {}
    pool_hashrate: Any = None


class PoolBlock(Lenient):
    """A block."""

    height: Any = None
    hash: Any = None
    miner: Any = None
    timestamp: Any = None
    difficulty: Any = None
    network_difficulty: Any = None
    coin: Any = None
    reward: Any = None
    confirmed: Any = False


class PoolTemplate(Lenient):
    """A pool to choose."""

    template_id: Any = None
    display_name: Any = None
    url: Any = None
    port: Any = None
    coin: Any = None
    mining_model: Any = MiningModel.SOLO
    region: Any = None
    requires_auth: Any = False
    supports_shares: Any = False
    supports_earnings: Any = False
    supports_balance: Any = False
    description: Any = None
    fee_percent: Any = None


class DashboardTileData(Lenient):
    """The four tiles."""

    health_status: Any = True
    health_message: Any = None
    latency_ms: Any = None
    response_time_ms: Any = None
    network_difficulty: Any = None
    pool_hashrate: Any = None
    estimated_time_to_block: Any = None
    pool_percentage: Any = None
    active_workers: Any = None
    shares_valid: Any = None
    shares_invalid: Any = None
    shares_stale: Any = None
    reject_rate: Any = None
    blocks_found_24h: Any = None
    last_block_found: Any = None
    estimated_earnings_24h: Any = None
    current_block_reward: Any = None
    currency: Any = None
    confirmed_balance: Any = None
    pending_balance: Any = None
    balances: Any = None
    last_updated: datetime | None = None
    supports_earnings: Any = False
    supports_balance: Any = False


class BasePoolIntegration:
    """Base of all pool drivers of HMM-Local."""

    driver_type: Any = None
    pool_type: Any = None
    driver_version: Any = None
    display_name: Any = None
    documentation_url: Any = None
    supports_coins: Any = ()
    requires_api_key: Any = False

    def get_config_schema(self) -> dict[str, Any]:
        """Query nothing."""
        return {"type": "object", "properties": {}, "required": []}

    def validate_config(self, config: dict[str, Any]) -> bool:
        """Accept everything."""
        return True
