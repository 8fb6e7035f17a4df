"""The pool slots of an Avalon and the commands that change them."""

from collections.abc import Mapping
from dataclasses import dataclass
import hashlib
import re
from typing import TYPE_CHECKING

from .cgminer import Command, Reply, atoi

if TYPE_CHECKING:
    from .avalon import SimulatedAvalon

POOL_SLOTS = 3


@dataclass(frozen=True, slots=True)
class PoolSetting:
    """What is stored for one pool slot."""

    url: str
    user: str
    password: str


@dataclass(slots=True)
class Pool:
    """One pool slot as cgminer runs it since the last boot."""

    setting: PoolSetting
    priority: int
    enabled: bool = True
    alive: bool = True
    """Tests may take a pool away; the next one in priority is mined at then."""
    accepted: int = 0
    rejected: int = 0
    best: float = 0.0
    last_share: int = 0

    @property
    def usable(self) -> bool:
        """Whether it can be mined at."""
        return self.enabled and self.alive

    @property
    def status(self) -> str:
        """What `pools` says of it."""
        if not self.enabled:
            return "Disabled"
        return "Alive" if self.alive else "Dead"


WEB_LOGIN = "root"
"""User and password of the web page, which `setpool` requires."""

DEFAULT_POOLS = (
    PoolSetting("stratum+tcp://eu1.solopool.org:8004", "dgb1qexample.avalon", "x"),
    PoolSetting("stratum+tcp://public-pool.io:21496", "bc1qexample.avalon", "x"),
    PoolSetting("stratum+tcp://solo.ckpool.org:3333", "bc1qexample.avalon", "x"),
)


class PoolCommands:
    """switchpool, poolpriority, enablepool, disablepool and setpool (api.c)."""

    def __init__(self, device: SimulatedAvalon) -> None:
        """Serve this device."""
        self.device = device

    def commands(self) -> Mapping[str, Command]:
        """Give the handlers by command."""
        return {
            "switchpool": self._switchpool,
            "poolpriority": self._poolpriority,
            "enablepool": self._enablepool,
            "disablepool": self._disablepool,
            "setpool": self._setpool,
        }

    def _pool(self, parameter: str | None) -> Pool | Reply:
        if not parameter:
            return Reply(25, "Missing pool id parameter")
        slot = atoi(parameter)
        if not 0 <= slot < POOL_SLOTS:
            return Reply(26, f"Invalid pool id {slot} - range is 0 - {POOL_SLOTS - 1}")
        return self.device.pools[slot]

    def _named(self, pool: Pool) -> str:
        return f"pool {self.device.pools.index(pool)}:'{pool.setting.url}'"

    def _switchpool(self, parameter: str | None) -> Reply:
        pool = self._pool(parameter)
        if isinstance(pool, Reply):
            return pool
        # switch_pools(): the chosen one becomes the first, those before it move back.
        for other in self.device.pools:
            if other.priority < pool.priority:
                other.priority += 1
        pool.priority = 0
        pool.enabled = True
        return Reply(27, f"Switching to {self._named(pool)}")

    def _enablepool(self, parameter: str | None) -> Reply:
        pool = self._pool(parameter)
        if isinstance(pool, Reply):
            return pool
        if pool.enabled:
            return Reply(49, f"{self._named(pool).capitalize()} already enabled")
        pool.enabled = True
        return Reply(47, f"Enabling {self._named(pool)}")

    def _disablepool(self, parameter: str | None) -> Reply:
        pool = self._pool(parameter)
        if isinstance(pool, Reply):
            return pool
        if not pool.enabled:
            return Reply(50, f"{self._named(pool).capitalize()} already disabled")
        if sum(other.enabled for other in self.device.pools) <= 1:
            return Reply(51, f"Cannot disable last active {self._named(pool)}")
        pool.enabled = False
        return Reply(48, f"Disabling {self._named(pool)}")

    def _poolpriority(self, parameter: str | None) -> Reply:
        if not parameter:
            return Reply(25, "Missing pool id parameter")
        order: list[Pool] = []
        for part in parameter.rstrip(",").split(","):
            pool = self._pool(part or "0")
            if isinstance(pool, Reply):
                return pool
            if pool in order:
                return Reply(74, f"Duplicate pool specified {atoi(part)}")
            order.append(pool)
        others = sorted(self.device.pools, key=lambda other: other.priority)
        order += [other for other in others if other not in order]
        for priority, pool in enumerate(order):
            pool.priority = priority
        return Reply(73, "Changed pool priorities")

    def _setpool(self, parameter: str | None) -> Reply:
        """`user,password,slot,url,worker[,pass]`: stored, used from the next boot."""
        if not parameter:
            return _pool_error("no params")
        # sscanf("%[^,],%[^,],%d,%[^,],…") stops at the first part that is empty.
        parts = parameter.split(",")[:6]
        end = next((at for at, part in enumerate(parts) if not part), len(parts))
        if end >= 3 and not re.match(r"\s*[+-]?\d+\s*$", parts[2]):
            end = 2
        if end not in (5, 6):
            return _pool_error(
                f"we need 5 | 6 arguments, your input is {end} arguments."
            )
        if parts[0] != self.device.user:
            return _pool_error("username err")
        if parts[1] != self._login():
            return _pool_error("userpass err")
        slot = int(parts[2])
        if not 0 <= slot < POOL_SLOTS:
            return _pool_error(f"pool num must between 0 and 2 , your input is {slot}")
        secret = parts[5] if end == 6 else ""
        self.device.stored[slot] = PoolSetting(parts[3], parts[4], secret)
        return Reply(
            133,
            f"Pool set info: \npool {slot} success set to {parts[3]}\n"
            f"worker is {parts[4]}\nworkerpassword is {secret}\n"
            "Please reboot miner to make config work.\n",
            severity=self.device.model.setpool_severity,
        )

    def _login(self) -> str:
        if not self.device.model.hashed_login:
            return self.device.password
        return (
            "ff0000ff" + hashlib.sha256(self.device.password.encode()).hexdigest()[:24]
        )


def _pool_error(text: str) -> Reply:
    return Reply(132, f"Pool set error: {text}")
