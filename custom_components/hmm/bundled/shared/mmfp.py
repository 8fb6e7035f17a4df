"""What the pool servers of MMFP Solutions share: workers named by stratum users."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from typing import Any

from custom_components.hmm.driver_api import BadAnswer, DashboardTileData, PoolWorker
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import parse_number

NAMELESS = "default"
"""The worker of a miner that gives no worker name."""

_SHORTEST_ADDRESS = 25
"""Characters; a stratum user without a dot that is shorter is a worker's name."""


class PoolServer(ABC):
    """One server on the user's network, which may run pools of several coins.

    ``share_seconds`` is how long one response serves all accounts of the server.
    ``pool`` is the name of a pool there, which is the coin's symbol as a rule.
    """

    def __init__(self, api: WebApi, share_seconds: float) -> None:
        """Make a client without any request yet."""
        self.api = api
        self._share_seconds = share_seconds

    @abstractmethod
    async def answers(self, pool: str) -> bool:
        """Return whether this is such a server and it has this pool."""

    @abstractmethod
    async def tiles(self, pool: str, account: str) -> DashboardTileData:
        """Return the figures of an account, of the whole pool if that is empty.

        What follows from other figures (time to block, percentages) is left out.
        Raises BadAnswer: it has no such pool.
        """

    async def _object(self, path: str) -> tuple[dict[str, Any] | None, float]:
        return await self.api.shared_object(f"api/v1/{path}", self._share_seconds)


def no_such_pool(pool: str) -> BadAnswer:
    """Return the error for a server that does not have a pool."""
    return BadAnswer(
        f"There is no {pool} pool of MMFP Solutions at this address",
        reason="no_statistics",
    )


def worker_name(user: str, account: str) -> str | None:
    """Return the worker's name in a stratum user, None if it is not the account's.

    An empty account is everybody. With merged mining the user is
    ``<address>|<address of the other chain>.<worker>`` (GoSlimStratum 4.1).
    """
    head, dot, tail = user.strip().partition(".")
    if account and not any(_is_same(part, account) for part in head.split("|")):
        return None
    if not dot and not account and 0 < len(head) < _SHORTEST_ADDRESS:
        # Where all mine to the pool's own address, any text will do as user
        return head
    return tail.strip() or NAMELESS


def _is_same(address: str, account: str) -> bool:
    """Compare addresses; CashAddr comes with or without ``bitcoincash:``."""
    address, account = (text.rpartition(":")[2] for text in (address, account))
    # Only base58, which mixes the case, means anything by it
    return (address.lower() if account == account.lower() else address) == account


def merge_workers(workers: Iterable[PoolWorker]) -> tuple[PoolWorker, ...]:
    """Return the workers with those of one name (of several accounts) made one."""
    merged: dict[str, PoolWorker] = {}
    for worker in workers:
        if (other := merged.get(worker.name)) is None:
            merged[worker.name] = worker
            continue
        states = (worker.online, other.online)
        merged[worker.name] = replace(
            worker,
            hashrate=total_amount((other.hashrate, worker.hashrate)),
            online=True in states or (None if None in states else False),
            shares_valid=total_count((other.shares_valid, worker.shares_valid)),
            shares_invalid=total_count((other.shares_invalid, worker.shares_invalid)),
            shares_stale=total_count((other.shares_stale, worker.shares_stale)),
            best_share=highest((other.best_share, worker.best_share)),
            last_share=latest((other.last_share, worker.last_share)),
        )
    return tuple(merged.values())


def total_count(counts: Iterable[int | None]) -> int | None:
    """Return the sum, None of nothing and where a part is unknown."""
    parts = list(counts)
    numbers = [count for count in parts if count is not None]
    return sum(numbers) if numbers and len(numbers) == len(parts) else None


def total_amount(amounts: Iterable[float | None]) -> float | None:
    """Return the sum, None of nothing and where a part is unknown."""
    parts = list(amounts)
    numbers = [amount for amount in parts if amount is not None]
    return (
        parse_number(sum(numbers)) if numbers and len(numbers) == len(parts) else None
    )


def highest(amounts: Iterable[float | None]) -> float | None:
    """Return the most of what is known and not zero, None if nothing is."""
    return max((amount for amount in amounts if amount), default=None)


def latest(moments: Iterable[datetime | None]) -> datetime | None:
    """Return the last of the moments that are known, None if none is."""
    return max(
        (timestamp for timestamp in moments if timestamp is not None), default=None
    )


def section(data: dict[str, Any], key: str) -> dict[str, Any]:
    """Return an object inside of another, empty if it is none."""
    value = data.get(key)
    return value if isinstance(value, dict) else {}


def rows(value: Any) -> list[dict[str, Any]]:
    """Return the objects in a list; Go writes an empty one as null."""
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict)]
