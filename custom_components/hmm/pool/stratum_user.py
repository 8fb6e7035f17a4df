"""What a miner needs to mine at a pool that is set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field
import re
from typing import Final

from homeassistant.util import slugify

from ..driver_api import PoolSlot
from ..errors import refusal
from ..miner.coordinator import MinerCoordinator
from .coordinator import PoolCoordinator
from .workers import account_name, after_account, worker_of

USUAL_PASSWORD: Final = "x"  # noqa: S105
"""Pools ignore the password of miners, but the protocol has one."""

# What all pools take as the name of a worker
_WORKER = re.compile(r"[A-Za-z0-9_-]{1,32}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StratumPool:
    """A pool as it is written into miners.

    ``url`` is ``host:port``. ``user`` and ``password`` are secrets; ``per_miner``
    adds a worker name to the user.
    """

    url: str
    user: str = field(repr=False)
    password: str = field(default=USUAL_PASSWORD, repr=False)
    per_miner: bool = False

    def user_of(self, miner: MinerCoordinator) -> str:
        """Return the user name of one miner, for example ``wallet.garage``."""
        return f"{self.user}.{_worker_of(miner)}" if self.per_miner else self.user

    def holds(self, slot: PoolSlot) -> bool:
        """Return whether a slot of a miner is this pool, with whatever worker name.

        Of a device that does not report its user, the address has to do.
        """
        return slot.url.casefold() == self.url.casefold() and (
            slot.user is None or after_account(slot.user, self.user) is not None
        )


def stratum_at(pool: PoolCoordinator) -> StratumPool | None:
    """Return a pool account as miners log in there, None if its user is unknown."""
    account = account_name(pool.account, pool.data)
    if not account or pool.driver.account_is_stratum_user is not True:
        return None
    return StratumPool(
        url=f"{pool.account.url}:{pool.account.port}", user=account, per_miner=True
    )


def stratum_of(pools: Mapping[str, PoolCoordinator], entry_id: str) -> StratumPool:
    """Return a pool account that is set up, as miners log in there.

    Raises ServiceValidationError: there is no such pool, or its user name is unknown,
    for example of a server that counts all miners without a wallet.
    """
    if (pool := pools.get(entry_id)) is None:
        raise refusal("unknown_pool", pool_id=entry_id)
    if (stratum := stratum_at(pool)) is None:
        raise refusal("no_stratum_user", name=pool.config_entry.title)
    return stratum


def _worker_of(miner: MinerCoordinator) -> str:
    """Return the name that a miner has at its pools now, else one of its title.

    With the same name at each pool, its figures there stay together.
    """
    if miner.data is not None:
        active = miner.data.active_pool
        for slot in (active, *miner.data.pools) if active else miner.data.pools:
            name = worker_of(slot.user or "")
            if _WORKER.fullmatch(name):
                return name
    return slugify(miner.config_entry.title, separator="-")[:32]
