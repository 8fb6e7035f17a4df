"""The pools that the user's own miners mine at."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..data import HmmData
from ..driver_api import BasePoolIntegration, DriverError
from ..driver_api.wallets import strip_worker
from ..driver_engine.address import AddressError
from ..driver_engine.pool_detect import parse_stratum
from ..miner.coordinator import MinerCoordinator

_LONGEST_ACCOUNT = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class MinedPool:
    """A pool as it stands in miners; ``user`` is a secret, without the worker."""

    host: str
    port: int
    user: str = field(repr=False)
    miners: tuple[str, ...] = ()
    """The names of the miners that have it."""

    @property
    def account(self) -> str:
        """Return the user, shortened as wallets are: enough to recognize it."""
        return shortened(self.user)

    @property
    def address(self) -> str:
        """Return host and port as the user knows them."""
        return f"{self.host}:{self.port}"


def shortened(user: str) -> str:
    """Return the beginning and the end of an account."""
    if len(user) <= _LONGEST_ACCOUNT:
        return user
    return f"{user[:6]}…{user[-4:]}"


def mined_pools(coordinators: Iterable[MinerCoordinator]) -> list[MinedPool]:
    """Return the pools of all miners that answered, those of most miners first.

    Pools for emergencies are among them. One server is there once for each account.
    """
    miners: dict[tuple[str, int, str], set[str]] = {}
    for miner in coordinators:
        for slot in miner.data.pools if miner.data else ():
            try:
                address = parse_stratum(slot.url)
            except AddressError:
                continue
            if address.port is not None:
                key = (address.host, address.port, strip_worker(slot.user or ""))
                miners.setdefault(key, set()).add(miner.config_entry.title)
    pools = [
        MinedPool(host=host, port=port, user=user, miners=tuple(sorted(names)))
        for (host, port, user), names in miners.items()
    ]
    return sorted(pools, key=lambda pool: -len(pool.miners))


def pool_drivers(data: HmmData) -> dict[str, BasePoolIntegration]:
    """Return the driver of each kind of pool; one that cannot be made is left out."""
    drivers = {}
    for driver_type, loaded in data.drivers.pools.items():
        try:
            drivers[driver_type] = data.pool_driver(loaded)
        except DriverError:
            continue
    return drivers
