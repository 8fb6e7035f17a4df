"""The interface that every pool driver implements."""

from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar

import aiohttp

from .errors import DriverError, reason_of
from .tiles import (
    DashboardTileData,
    FoundPool,
    MiningModel,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
    PoolTemplate,
)
from .units import HashrateUnit, parse_number
from .wallets import is_wallet


class BasePoolIntegration(ABC):
    """Base of all pool drivers; one instance serves all accounts of its kind.

    Keyword arguments beyond the named ones are the settings of the pool file
    and of the config entry (``api_key``, ``api_base``, ``region`` ...).
    Methods may raise the errors of ``driver_api.errors``.
    """

    driver_type: ClassVar[str | None] = None
    """Unique identifier; pool files name it under ``driver:``."""
    driver_version: ClassVar[str] = "1.0.0"
    interface_version: ClassVar[str | None] = None
    """The ``INTERFACE_VERSION`` that the driver needs; an older HMM says so instead of
    loading it."""
    display_name: ClassVar[str | None] = None
    documentation_url: ClassVar[str | None] = None
    supports_coins: ClassVar[list[str]] = []
    """Coin symbols; an empty list means any."""
    requires_api_key: ClassVar[bool] = False
    mining_model: ClassVar[MiningModel] = MiningModel.SOLO
    """How the pool pays. A block of a pool that shares is not the user's own."""
    account_is_stratum_user: ClassVar[bool] = True
    """Whether miners log in with the account, with their name behind a dot.

    The account is ``username``, or ``DashboardTileData.account`` where the pool
    reports it. Set it to False for an account that only the statistics know."""
    servers_share_accounts: ClassVar[bool] = True
    """Whether all servers of the pool show the same account."""
    poll_seconds: ClassVar[int] = 60
    """How often the pool may be queried, unless ``get_poll_seconds`` returns more."""
    hashrate_unit: ClassVar[HashrateUnit] = "TH/s"
    """The unit that the hashrate sensors show; values stay in H/s."""

    session: aiohttp.ClientSession | None = None
    """Lent by HMM before the first call."""

    def get_pool_templates(self) -> list[PoolTemplate]:
        """Return the pools that the driver knows without a pool file."""
        return []

    def get_poll_seconds(self, url: str, **kwargs: Any) -> int:
        """Return the poll interval for this host."""
        return self.poll_seconds

    @abstractmethod
    async def detect(self, url: str, port: int) -> bool:
        """Return whether a stratum host and port belong to this pool.

        Compares the whole host and sends no request; ``probe`` does.
        """

    def coin_at(self, url: str, port: int) -> str | None:
        """Return the coin of a host and port that ``detect`` knows, if it is sure."""
        return self.supports_coins[0] if len(self.supports_coins) == 1 else None

    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Ask a host of one's own network whether it runs this pool.

        ``url`` is its host, ``port`` the stratum port or 0. Only called for
        private addresses. Only reads, never touches the stratum port, and gives
        up within 3 seconds. Returns the coins that it mines; raises nothing but
        ``DriverError``, which means no.
        """
        return []

    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        """Return whether the pool responds, and how fast (ms).

        Made from the tiles; HMM itself shows those. ``coin`` and ``username`` are
        among the keyword arguments.
        """
        coin = kwargs.pop("coin", None) or self.coin_at(url, port) or ""
        try:
            tiles = await self.get_dashboard_data(
                url, coin, **{"stratum_port": port, **kwargs}
            )
        except DriverError as err:
            return PoolHealthStatus(is_healthy=False, error_message=reason_of(err))
        return PoolHealthStatus(
            is_healthy=tiles.health_status,
            latency_ms=tiles.latency_ms,
            error_message=tiles.health_message,
        )

    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        """Return the difficulty of the coin's network, from the tiles."""
        tiles = await self.get_dashboard_data(kwargs.pop("url", ""), coin, **kwargs)
        return tiles.network_difficulty

    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        """Return statistics of the whole pool, None if it has none. HMM shows none."""
        return None

    async def get_blocks(
        self, url: str, coin: str, hours: int = 24, **kwargs: Any
    ) -> list[PoolBlock]:
        """Return blocks that the pool found lately, newest first."""
        return []

    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        """Return what the pool's own clock says now, in seconds since 1970.

        That is ``WebApi.server_time``, None if the pool has not reported it. What it
        reports of moments is compared with this clock, because ours may be wrong.
        """
        return None

    @abstractmethod
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the four tiles of one account."""

    def get_config_schema(self) -> dict[str, Any]:
        """Return what the user must enter, as a JSON schema.

        ``properties`` are of the types string, integer, number and boolean, with
        ``title``, ``description``, ``default`` and ``enum`` as in any schema.
        ``username`` is the account; ``format`` "wallet" has it checked as an
        address of the coin, "password" hides what is typed.
        """
        return {"type": "object", "properties": {}, "required": []}

    def validate_config(self, config: dict[str, Any]) -> bool:
        """Return whether settings fit ``get_config_schema()``.

        Required ones are there, wallets are of ``coin``, integers whole, and numbers in
        their range.
        """
        schema = self.get_config_schema()
        coins = self.supports_coins
        coin = config.get("coin") or (coins[0] if len(coins) == 1 else None)
        if not all(config.get(key) for key in schema.get("required", ())):
            return False
        for key, spec in schema["properties"].items():
            if (value := config.get(key)) in (None, ""):
                continue
            if spec.get("format") == "wallet" and not is_wallet(value, coin):
                return False
            if spec.get("type") in ("integer", "number") and not _fits(value, spec):
                return False
        return True

    async def get_user_stats(
        self, url: str, coin: str, username: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return ``hashrate`` (H/s), ``workers`` and ``best_share``, from the tiles.

        None: the pool does not know the account.
        """
        tiles = await self.get_dashboard_data(url, coin, username, **kwargs)
        if not tiles.account_known:
            return None
        return {
            "hashrate": tiles.pool_hashrate,
            "workers": tiles.active_workers,
            "best_share": tiles.best_share,
        }

    async def get_worker_stats(
        self, url: str, coin: str, worker_name: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return the fields of ``PoolWorker`` of a worker of ``username``.

        Made from the tiles. None: there is no such worker.
        """
        tiles = await self.get_dashboard_data(url, coin, **kwargs)
        workers = (
            asdict(worker) for worker in tiles.workers if worker.name == worker_name
        )
        return next(workers, None)

    async def close(self) -> None:
        """Release what the driver holds; it is not used again."""


def _fits(value: Any, spec: dict[str, Any]) -> bool:
    number = parse_number(value)
    low, high = spec.get("minimum"), spec.get("maximum")
    return (
        number is not None
        and (spec["type"] == "number" or number.is_integer())
        and (low is None or low <= number)
        and (high is None or number <= high)
    )
