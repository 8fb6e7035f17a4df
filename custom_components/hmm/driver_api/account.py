"""The four tiles of an account, from what a pool reports of it and of the network."""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any

from .coins import network_figures
from .errors import DriverError, reason_of
from .tiles import DashboardTileData, MiningModel
from .units import reject_percent


async def outcome[T](request: Awaitable[T]) -> T | DriverError:
    """Return a result or its error, so that one failure does not end the others."""
    try:
        return await request
    except DriverError as err:
        return err


def account_tiles(
    coin: str,
    network: tuple[float | None, float] | DriverError,
    account: tuple[DashboardTileData | None, float] | DriverError | None,
    *,
    mining_model: MiningModel = MiningModel.SOLO,
) -> DashboardTileData:
    """Return the tiles of an account, with health and what follows from its figures.

    ``network`` is the difficulty and the latency in ms. ``account`` is what the pool
    reports of the account (hashrate, workers, shares, blocks, balances) and the
    latency; (None, latency): the pool does not know it yet; None: there is none.
    An account that can be read is healthy, even where the network cannot.
    """
    problem: DriverError | None = None
    difficulty: float | None = None
    latency: float | None = None
    tiles: DashboardTileData | None = None
    if isinstance(network, DriverError):
        problem = network
    else:
        difficulty, latency = network
    if isinstance(account, DriverError):
        problem = account
    elif account is not None:
        tiles, latency = account
        if tiles is not None:
            problem = None
    return with_network(
        replace(
            tiles or DashboardTileData(),
            health_status=problem is None,
            health_message=None if problem is None else reason_of(problem),
            latency_ms=None if problem else latency,
            network_difficulty=difficulty,
            account_known=account is None or tiles is not None or problem is not None,
        ),
        coin,
        mining_model=mining_model,
    )


def with_network(
    tiles: DashboardTileData,
    coin: str,
    *,
    mining_model: MiningModel = MiningModel.SOLO,
) -> DashboardTileData:
    """Return tiles with what follows from hashrate, difficulty and counts of shares.

    A pool that shares its blocks has no time to a block of one's own.
    """
    figures = network_figures(coin, tiles.network_difficulty, tiles.pool_hashrate)
    is_solo = mining_model is MiningModel.SOLO
    return replace(
        tiles,
        estimated_time_to_block=figures.seconds if is_solo else None,
        pool_percentage=figures.percent,
        reject_rate=reject_percent(
            tiles.shares_valid, tiles.shares_invalid, tiles.shares_stale
        ),
        currency=coin.strip().upper(),
    )


def wallet_schema(description: str = "", **others: dict[str, Any]) -> dict[str, Any]:
    """Return a config schema that requires a wallet address; ``others`` are optional."""
    wallet = {"type": "string", "title": "Wallet address", "format": "wallet"}
    if description:
        wallet["description"] = description
    return {
        "type": "object",
        "properties": {"username": wallet, **others},
        "required": ["username"],
    }


def objects(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a JSON list; empty if it is none."""
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict)]
