"""``adapters.base`` of HMM-Local and of the plan that followed it."""

from datetime import UTC, datetime
from typing import Any

from .core import format_hashrate


class MinerTelemetry:
    """What a miner driver of HMM-Local reports. ``hashrate`` in GH/s, mostly."""

    def __init__(
        self,
        miner_id: Any = None,
        hashrate: Any = None,
        temperature: Any = None,
        power_watts: Any = None,
        shares_accepted: Any = None,
        shares_rejected: Any = None,
        pool_difficulty: Any = None,
        pool_in_use: Any = None,
        extra_data: Any = None,
        **more: Any,
    ) -> None:
        """Keep everything as it comes."""
        self.miner_id = miner_id
        self.hashrate = hashrate
        self.temperature = temperature
        self.power_watts = power_watts
        self.shares_accepted = shares_accepted
        self.shares_rejected = shares_rejected
        self.pool_difficulty = pool_difficulty
        self.pool_in_use = pool_in_use
        self.extra_data = extra_data or {}
        # Without a time zone, as the drivers do their sums with it
        self.timestamp = datetime.now(UTC).replace(tzinfo=None)
        for name, value in more.items():
            setattr(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it, the hashrate with its unit."""
        return {
            "miner_id": self.miner_id,
            "timestamp": self.timestamp.isoformat(),
            "hashrate": format_hashrate(
                self.hashrate, self.extra_data.get("hashrate_unit", "GH/s")
            ),
            "temperature": self.temperature,
            "power_watts": self.power_watts,
            "shares_accepted": self.shares_accepted,
            "shares_rejected": self.shares_rejected,
            "pool_difficulty": self.pool_difficulty,
            "pool_in_use": self.pool_in_use,
            "extra_data": self.extra_data,
        }


class MinerAdapter:
    """Base of the miner drivers of HMM-Local: one object per miner."""

    miner_type: Any = None

    def __init__(
        self,
        miner_id: Any = None,
        miner_name: Any = None,
        ip_address: Any = None,
        port: Any = None,
        config: Any = None,
    ) -> None:
        """Keep where the miner is.

        At first miners had no name: (miner_id, ip_address, port, config).
        """
        if isinstance(miner_name, str) and isinstance(ip_address, int | None):
            miner_name, ip_address, port, config = None, miner_name, ip_address, port
        self.miner_id = miner_id
        self.miner_name = miner_name
        self.ip_address = ip_address
        self.port = port
        self.config = config or {}


class BaseMinerAdapter(MinerAdapter):
    """Base of the miner drivers of the plan of February 2026: connect() first.

    Some put its name over a driver that is made as those of HMM-Local are.
    """

    driver_type: Any = None
    driver_version: Any = "1.0.0"
    display_name: Any = None
    manufacturer: Any = None
    supported_models: Any = ()
    connection_type: Any = None
    default_port: Any = None

    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Change nothing."""
        return False

    async def get_version_info(self) -> dict[str, str]:
        """Log nothing."""
        return {}

    def supports_tuning(self) -> bool:
        """Say no."""
        return False

    def get_supported_modes(self) -> list[str]:
        """Know none."""
        return []
