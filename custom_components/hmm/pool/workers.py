"""Workers of a pool account: devices of their own that come and go."""

from collections.abc import Iterator, Mapping
import hashlib
import ipaddress
import logging
import re
import time

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..const import DOMAIN
from ..data import HmmConfigEntry
from ..driver_api import DashboardTileData, PoolSlot, PoolWorker
from ..driver_api.wallets import strip_worker
from ..driver_engine.pool_client import PoolAccount
from ..miner.coordinator import MinerCoordinator
from ..unique_ids import device_of, identity_of

_LOGGER = logging.getLogger(__name__)

MAX_WORKERS = 250
"""Devices per account. Anybody can mine to a public address, under any names."""

MAX_NEW = 50
"""New devices at one poll: each and its entities are some milliseconds' work."""

_KEEP_SECONDS = 86_400

# A longer time between two polls was not watched
_LONGEST_INTERVAL = 900

_UNNAMED = "default"
# With the longest name of a pool, the ids of its entities are valid
_LONGEST_NAME = 64
_ID_DIGITS = 16

# A name of 26 and more characters that is the address of a wallet, and what follows
_ADDRESS = re.compile(
    r"(?:\w+:)?"
    r"(?:(?i:[a-z]{2,5}1[02-9ac-hj-np-z]{25,})"
    r"|(?i:[qp][02-9ac-hj-np-z]{41})"
    r"|[13DS][1-9A-HJ-NP-Za-km-z]{25,34})"
    r"(?:[._](.*))?",
    re.DOTALL,
)


class PoolWorkers:
    """Keeps a device for each worker of an account, and forgets those that left."""

    def __init__(self, hass: HomeAssistant, entry: HmmConfigEntry) -> None:
        """Begin with the workers that are known from before a restart."""
        self.listed: Mapping[str, PoolWorker] = {}
        """The workers of the last poll that succeeded, by the id of their device.

        Those that are one too many have no device.
        """
        self.reported = False
        """Whether that poll listed workers at all."""
        self.missing: tuple[str, ...] = ()
        """The workers of the user's own miners that mine here and are not listed."""
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._identity = identity_of(entry)
        self._prefix = f"{self._identity}_worker_"
        self._known = {
            name
            for device in dr.async_entries_for_config_entry(
                self._registry, entry.entry_id
            )
            if (name := self.id_of(device)) is not None
        }
        self._claimed: dict[str, set[tuple[str, str]]] = {}
        self._absent: dict[str, float] = {}
        self._updated_at: float | None = None
        self._is_full = False

    def __iter__(self) -> Iterator[str]:
        """Return the ids of all workers that have a device."""
        return iter(self._known)

    def id_of(self, device: dr.DeviceEntry) -> str | None:
        """Return the id of a worker's device, None if it is none of this account."""
        return next(
            (
                name
                for domain, name in device.identifiers
                if domain == DOMAIN and name.startswith(self._prefix)
            ),
            None,
        )

    @callback
    def claim(self, worker_id: str, platform: str, key: str) -> bool:
        """Return True to the first who makes this entity of a worker."""
        claimed = self._claimed.setdefault(worker_id, set())
        new = (platform, key) not in claimed
        claimed.add((platform, key))
        return new

    @callback
    def async_follow(
        self,
        account: PoolAccount,
        tiles: DashboardTileData,
        miners: Mapping[str, MinerCoordinator],
    ) -> None:
        """Take what a poll listed; none get a device while the account has none.

        ``miners`` are the user's own, by their entries: some are these workers.
        """
        name_of_account = account_name(account, tiles)
        self.listed = {
            self._id(name): worker
            for worker in tiles.workers
            for name in (bare_name(worker.name, name_of_account),)
        }
        # A pool may omit its list for once: no worker has left by that
        self.reported = bool(
            tiles.workers or tiles.active_workers == 0 or not tiles.account_known
        )
        self._count_absence()
        if (home := self._device(self._identity)) is None:
            return  # Something else removed it: it is back when the entry is
        own_miners = (
            _own_miners(account, name_of_account, miners) if self.listed else {}
        )
        names = {
            worker_id: bare_name(worker.name, name_of_account)
            for worker_id, worker in self.listed.items()
        }
        listed = {name.casefold() for name in names.values()}
        # One that was never listed may have another name there
        self.missing = tuple(
            sorted(
                name
                for name in _mining_here(account, name_of_account, miners)
                if self.reported
                and name.casefold() not in listed
                and self._id(name) in self._known
            )
        )
        own = {id_ for id_, name in names.items() if name.casefold() in own_miners}
        for worker_id in self._admit(own):
            name = names[worker_id]
            device = self._device(worker_id) or self._register(worker_id, name, home)
            self._known.add(worker_id)
            self._link(device, own_miners.get(name.casefold()), home)

    def _admit(self, own: set[str]) -> list[str]:
        """Return which of the listed workers have a device, or get one now.

        Who has one keeps it, and one's own miners always get one. The rest goes to
        those that mine, the latest share and the most hashrate first.
        """
        kept = [id_ for id_ in self.listed if id_ in self._known or id_ in own]
        new = sorted(self.listed.keys() - set(kept), key=self._rank)
        room = max(0, MAX_WORKERS - len(self._known | own))
        if is_full := len(new) > room:
            if not self._is_full:
                _LOGGER.warning(
                    "%s: the pool lists %d workers. %d devices are the most, so that"
                    " %d of them have none",
                    self._entry.title,
                    len(self.listed),
                    MAX_WORKERS,
                    len(new) - room,
                )
        self._is_full = is_full
        return [*kept, *new[: min(room, MAX_NEW)]]

    def _rank(self, worker_id: str) -> tuple[bool, float, float, str]:
        """Return what puts the workers that are most worth a device first."""
        worker = self.listed[worker_id]
        return (
            worker.online is False,
            -(worker.last_share.timestamp() if worker.last_share else 0.0),
            -(worker.hashrate or 0.0),
            worker_id,
        )

    def _id(self, name: str) -> str:
        """Return an id that reveals neither the wallet nor the name."""
        digest = hashlib.sha256(f"{self._identity}|{name}".encode()).hexdigest()
        return f"{self._prefix}{digest[:_ID_DIGITS]}"

    def _device(self, identifier: str) -> dr.DeviceEntry | None:
        return self._registry.async_get_device_by_identifier(
            (DOMAIN, identifier), self._entry.entry_id
        )

    def _register(
        self, worker_id: str, name: str, home: dr.DeviceEntry
    ) -> dr.DeviceEntry:
        return self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={(DOMAIN, worker_id)},
            manufacturer=home.manufacturer,
            model=home.model,
            translation_key="worker",
            translation_placeholders={
                "pool": self._entry.title,
                "worker": name[:_LONGEST_NAME],
            },
            via_device_id=home.id,
        )

    def _link(
        self,
        device: dr.DeviceEntry,
        miner: dr.DeviceEntry | None,
        home: dr.DeviceEntry,
    ) -> None:
        """Hang a worker on the miner that it is, and take that one's area once.

        A miner that is off or mines elsewhere now is still the same machine.
        """
        if miner is not None and device.via_device_id != miner.id:
            self._registry.async_update_device(
                device.id,
                via_device_id=miner.id,
                area_id=device.area_id or miner.area_id,
            )
        elif device.via_device_id is None:
            self._registry.async_update_device(device.id, via_device_id=home.id)

    def _forget(self, worker_id: str) -> None:
        """Forget a worker without a device: one that comes back is new."""
        self._known.remove(worker_id)
        self._claimed.pop(worker_id, None)
        self._absent.pop(worker_id, None)

    def _count_absence(self) -> None:
        """Remove workers that a day of polls that succeeded did not list."""
        now = time.monotonic()
        passed = 0.0 if self._updated_at is None else max(0.0, now - self._updated_at)
        self._updated_at = now
        for worker_id in tuple(self._known):
            if (device := self._device(worker_id)) is None:
                self._forget(worker_id)  # The user removed it
            elif worker_id in self.listed:
                self._absent.pop(worker_id, None)
            elif self.reported:
                absent = self._absent.get(worker_id, 0.0)
                self._absent[worker_id] = absent + min(passed, _LONGEST_INTERVAL)
                if self._absent[worker_id] >= _KEEP_SECONDS:
                    self._registry.async_remove_device(device.id)
                    self._forget(worker_id)


def account_name(account: PoolAccount, tiles: DashboardTileData | None) -> str:
    """Return the account's part of a stratum user, empty if any mines here."""
    reported = None if tiles is None else tiles.account
    return strip_worker(account.username) or reported or ""


def is_mining_at(
    miner: MinerCoordinator, account: PoolAccount, tiles: DashboardTileData | None
) -> bool:
    """Return whether a miner mines for an account now, by the pool that it uses."""
    if not miner.last_update_success or (slot := miner.data.active_pool) is None:
        return False
    return _worker_at(slot, account, account_name(account, tiles)) is not None


def bare_name(name: str, account: str) -> str:
    """Return a worker's name without the account, nor any other one's wallet."""
    part = after_account(name, account) if account else None
    if part is None:
        address = _ADDRESS.fullmatch(name.strip())
        part = name if address is None else address[1]
    return part or _UNNAMED


def after_account(user: str, account: str) -> str | None:
    """Return what follows the account in a stratum user, None for another one's."""
    user, account = _bare_cash(user.strip()), _bare_cash(account)
    if not user.casefold().startswith(account.casefold()):
        return None
    rest = user[len(account) :]
    return rest[1:] if not rest or rest[0] in "._" else None


def worker_of(user: str) -> str:
    """Return the worker's name in a stratum user, empty where there is none.

    It follows the first dot, behind a wallet also the first underscore.
    """
    address = _ADDRESS.fullmatch(user.strip())
    name = user.partition(".")[2] if address is None else address[1]
    return name or ""


def _own_miners(
    account: PoolAccount,
    name_of_account: str,
    miners: Mapping[str, MinerCoordinator],
) -> dict[str, dr.DeviceEntry]:
    """Return the devices of the miners at this account by their workers' names.

    A name that two miners share says nothing.
    """
    devices: dict[str, dr.DeviceEntry] = {}
    shared: set[str] = set()
    for miner in miners.values():
        names = {
            name.casefold()
            for slot in (miner.data.pools if miner.data is not None else ())
            if (name := _worker_at(slot, account, name_of_account)) is not None
        }
        if not names:
            continue
        if (device := device_of(miner.hass, miner.config_entry)) is None:
            continue
        shared |= names & devices.keys()
        devices |= dict.fromkeys(names, device)
    return {name: device for name, device in devices.items() if name not in shared}


def _mining_here(
    account: PoolAccount, name_of_account: str, miners: Mapping[str, MinerCoordinator]
) -> set[str]:
    """Return the names of the workers of miners that mine at this account now."""
    return {
        name
        for miner in miners.values()
        if miner.last_update_success
        and miner.data is not None
        and miner.data.hashing
        and (slot := miner.data.active_pool) is not None
        and (name := _worker_at(slot, account, name_of_account)) is not None
    }


def _worker_at(
    slot: PoolSlot, account: PoolAccount, name_of_account: str
) -> str | None:
    """Return the name of the worker that a miner is at an account, if it is one."""
    if not slot.user or not _is_same_pool(slot.url, account):
        return None
    if not name_of_account:
        return slot.user.partition(".")[2] or _UNNAMED
    name = after_account(slot.user, name_of_account)
    return None if name is None else name or _UNNAMED


def _bare_cash(address: str) -> str:
    """Return a Bitcoin Cash address without the prefix that may be left out."""
    prefix = "bitcoincash:"
    return address[len(prefix) :] if address.casefold().startswith(prefix) else address


def _is_same_pool(url: str, account: PoolAccount) -> bool:
    """Return whether a stratum address is of this pool.

    The servers of a public pool share a domain. A local one may be known by its
    address here and by its name there.
    """
    host, _, port = url.casefold().rpartition(":")
    other = account.url.casefold()
    if host == other:
        return True
    if _is_local(host) and _is_local(other):
        return port == str(account.port)
    return _domain(host) == _domain(other)


def _is_local(host: str) -> bool:
    """Return whether a host is of one's own network: by address or by name."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".lan", ".home.arpa"))


def _domain(host: str) -> str:
    """Return the domain that belongs to whoever runs a host, or its address."""
    labels = host.split(".")
    return host if labels[-1].isdecimal() else ".".join(labels[-2:])
