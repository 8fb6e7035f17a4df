"""The interface that every pool driver implements."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import aiohttp

from .tiles import (
    DashboardTileData,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
    PoolTemplate,
)

__version__ = "1.0.0"


class BasePoolIntegration(ABC):
    """Base of all pool drivers; one instance serves all accounts of its kind.

    Keyword arguments beyond the named ones are the settings of the pool file
    and of the config entry (``api_key``, ``api_base``, ``region`` ...).
    Methods may raise the errors of ``driver_api.errors``.
    """

    driver_type: ClassVar[str | None] = None
    """Unique identifier; pool files name it under ``driver:``."""
    driver_version: ClassVar[str] = "1.0.0"
    display_name: ClassVar[str | None] = None
    documentation_url: ClassVar[str | None] = None
    supports_coins: ClassVar[list[str]] = []
    """Coin symbols; an empty list means any."""
    requires_api_key: ClassVar[bool] = False
    poll_seconds: ClassVar[int] = 60
    """How often the pool may be asked."""

    session: aiohttp.ClientSession | None = None
    """Lent by HMM before the first call."""

    def get_pool_templates(self) -> list[PoolTemplate]:
        """Return the pools that the driver knows without a pool file."""
        return []

    @abstractmethod
    async def detect(self, url: str, port: int) -> bool:
        """Return whether a stratum host and port belong to this pool."""

    @abstractmethod
    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        """Return whether the pool answers, and how fast."""

    @abstractmethod
    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        """Return the difficulty of the coin's network."""

    @abstractmethod
    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        """Return figures of the whole pool."""

    async def get_blocks(
        self, url: str, coin: str, hours: int = 24, **kwargs: Any
    ) -> list[PoolBlock]:
        """Return blocks that the pool found lately, newest first."""
        return []

    @abstractmethod
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the four tiles of one account."""

    def get_config_schema(self) -> dict[str, Any]:
        """Return the settings that the driver needs, as a JSON schema."""
        return {"type": "object", "properties": {}, "required": []}

    def validate_config(self, config: dict[str, Any]) -> bool:
        """Return whether settings fit ``get_config_schema()``."""
        return all(config.get(key) for key in self.get_config_schema()["required"])

    async def get_user_stats(
        self, url: str, coin: str, username: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return what the pool tells of one account."""
        return None

    async def get_worker_stats(
        self, url: str, coin: str, worker_name: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return what the pool tells of one worker."""
        return None
