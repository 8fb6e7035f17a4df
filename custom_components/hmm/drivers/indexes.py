"""The driver indexes that the owner added: what they list, and who has signed them."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
import hashlib
import logging
import time
from typing import Any, Final

from aiohttp import ClientSession
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.loader import async_get_integration
from yarl import URL

from ..const import DOMAIN
from ..driver_api import INTERFACE_VERSION, Reason
from ..driver_engine.declaration import Declaration, DriverId
from ..driver_engine.download import DownloadFailed, download, file_url
from ..driver_engine.driver_index import (
    LARGEST_INDEX,
    LARGEST_NUMBER,
    DriverIndex,
    IndexedDriver,
    IndexedVersion,
    IndexProblem,
    read_index,
)
from ..driver_engine.faults import FileError, why
from ..driver_engine.index_signature import Signer
from ..errors import failure, localized, refusal, sentence
from ..listeners import notify_all
from ..safe_store import SafeStore

_LOGGER = logging.getLogger(__name__)

MAX_INDEXES: Final = 10
_DAY: Final = 24 * 3600.0
_STORAGE_KEY = f"{DOMAIN}.driver_indexes"
_STORAGE_VERSION = 1


@dataclass(frozen=True, slots=True)
class KeyChange:
    """An index came with another key than before, or (None) without a signature."""

    signer: Signer | None


@dataclass(slots=True, kw_only=True)
class OwnIndex:
    """An index that the owner added, as it was last."""

    address: URL
    source: str
    index: DriverIndex | None
    """None if what is stored of it cannot be read, until it is looked at again."""
    signer: Signer | None
    """Whose key it must be signed with; the first key that it comes with is taken."""
    serial: int
    """The highest that was seen under this key: what comes with a lower one is old."""
    looked_at: float
    """In Unix time, when what is there could be had last."""
    changed: KeyChange | None = None
    """Nothing is installed from it while the owner has not decided about this."""
    error: Reason | None = None
    """Why nothing new came the last time."""

    @property
    def name(self) -> str:
        """Return what it calls itself, its server if that is not known."""
        return self.index.name if self.index else self.address.host or "?"

    @property
    def id(self) -> str:
        """Return an id that can be part of another one."""
        return hashlib.sha256(str(self.address).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """Return what is stored."""
        return {
            "source": self.source,
            "key": self.signer and self.signer.key,
            "serial": self.serial,
            "looked_at": self.looked_at,
            "changed": self.changed
            and {"key": self.changed.signer and self.changed.signer.key},
        }

    @classmethod
    def from_dict(cls, address: str, stored: Any) -> OwnIndex:
        """Return what was stored. Raises LookupError, TypeError, ValueError."""
        url, source = file_url(address), stored["source"]
        key, changed = stored["key"], stored["changed"]
        serial = int(stored["serial"])
        if not 0 <= serial <= LARGEST_NUMBER:
            raise ValueError(serial)
        looked_at = float(stored["looked_at"])
        index = None
        try:
            index = read_index(source.encode(), url)
        except IndexProblem as err:
            _LOGGER.debug("The stored index of %s: %s", url.host, err)
        return cls(
            address=url,
            source=source,
            index=index,
            signer=_signer(key),
            serial=serial,
            looked_at=looked_at if index and 0 <= looked_at < 2**33 else 0.0,
            changed=KeyChange(_signer(changed["key"])) if changed and key else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundIndex:
    """What is at an address now."""

    address: URL
    source: str
    index: DriverIndex


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """A driver in an index."""

    own: OwnIndex
    driver: IndexedDriver
    version: IndexedVersion | None
    """The newest one that runs with this HMM, or the one that was requested."""


class DriverIndexes:
    """Looks at the indexes once a day, and at no others than those that were added."""

    def __init__(self, hass: HomeAssistant, session: ClientSession) -> None:
        """Start without any; ``async_load`` brings them."""
        self.hmm = "0"
        """The version of HMM, which some drivers need a higher one of."""
        self._hass = hass
        self._session = session
        self._store = SafeStore(hass, _STORAGE_VERSION, _STORAGE_KEY)
        self._own: dict[str, OwnIndex] = {}
        self._lock = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []

    async def async_load(self) -> None:
        """Load the indexes as of before the restart; broken records are dropped."""
        integration = await async_get_integration(self._hass, DOMAIN)
        self.hmm = str(integration.version)
        stored = await self._store.async_load()
        self._own = await self._hass.async_add_executor_job(_load, stored)
        if len(self._own) < len(stored):
            await self._store.async_set_aside("what is kept of an index is broken")
            await self._async_save()

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` whenever something about an index may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    # What there is

    @property
    def all(self) -> list[OwnIndex]:
        """Return the indexes by their names."""
        return sorted(self._own.values(), key=lambda own: own.name.casefold())

    def get(self, address: str) -> OwnIndex | None:
        """Return an index by its address."""
        return self._own.get(address)

    def require(self, address: str) -> OwnIndex:
        """Return an index that may be installed from. Raises HomeAssistantError."""
        if (own := self._own.get(address)) is None:
            raise refusal("index_unknown", index=address)
        if own.changed is not None:
            raise failure("index_not_trusted", index=own.name)
        return own

    def problem(self, own: OwnIndex) -> str | None:
        """Return what is wrong with an index, in the language of Home Assistant."""
        if own.changed is not None:
            return sentence(self._hass, "index_not_trusted", {"index": own.name})
        return None if own.error is None else localized(self._hass, own.error)

    def search(self, query: str) -> list[Listing]:
        """Return the drivers that have all words of a query, by their names."""
        matches = [
            listing for listing in self._listings() if listing.driver.matches(query)
        ]
        return sorted(matches, key=lambda listing: listing.driver.name.casefold())

    def listing(self, url: URL, sha256: str) -> Listing | None:
        """Return which driver of an index a file is, by its address and checksum."""
        for own, driver in self._drivers():
            for version in driver.versions:
                if (version.url, version.sha256) == (url, sha256):
                    return Listing(own=own, driver=driver, version=version)
        return None

    def check_file(self, listing: Listing, declaration: Declaration) -> None:
        """Raise HomeAssistantError if a file is not what its index says, or too new."""
        version = listing.version
        assert version is not None
        if not version.runs_with(self.hmm):
            raise needs_hmm(listing.driver.id, version)
        listed = f"{listing.driver.id} {version.version}"
        actual = f"{declaration.id} {declaration.version}"
        if actual != listed:
            raise refusal("index_other_file", listed=listed, found=actual)

    def _listings(self) -> Iterable[Listing]:
        for own, driver in self._drivers():
            version = driver.newest_for(self.hmm)
            yield Listing(own=own, driver=driver, version=version)

    def _drivers(self) -> Iterable[tuple[OwnIndex, IndexedDriver]]:
        for own in self._own.values():
            if own.changed is None and own.index is not None:
                for driver in own.index.drivers.values():
                    yield own, driver

    # What can be done

    async def async_read(self, address: str) -> FoundIndex:
        """Return what is at an address that may be added. Raises HomeAssistantError."""
        try:
            url = file_url(address)
        except DownloadFailed as err:
            reason = localized(self._hass, err.reason)
            raise refusal("index_address_invalid", reason=reason) from err
        if str(url) in self._own:
            raise refusal("index_added_already")
        if len(self._own) >= MAX_INDEXES:
            raise refusal("index_too_many", most=str(MAX_INDEXES))
        try:
            return await self._async_fetch(url)
        except FileError as err:
            reason = localized(self._hass, err.reason)
            raise failure("index_failed", reason=reason) from err

    async def async_add(self, fetched: FoundIndex) -> None:
        """Add an index that the owner has agreed to; its key is the right one now."""
        own = OwnIndex(
            address=fetched.address,
            source=fetched.source,
            index=fetched.index,
            signer=fetched.index.signer,
            serial=fetched.index.serial,
            looked_at=time.time(),
        )
        self._own[str(own.address)] = own
        await self._async_changed()

    async def async_remove(self, address: str) -> None:
        """Forget an index; the drivers that came from it stay as they are."""
        self._own.pop(address, None)
        await self._async_changed()

    async def async_trust(self, own: OwnIndex) -> bool:
        """Take the new key of an index, or that it has none, and fetch it.

        Return whether the key is still that one.
        """
        if own.changed is not None:
            own.signer, own.serial, own.changed = own.changed.signer, 0, None
            await self._async_fetch_all([own])
        return own.changed is None

    async def async_check(self, *, only_due: bool) -> None:
        """Look at all indexes, or at those that were not looked at for a day.

        One that cannot be had stays as it was, with the reason. Nothing is raised.
        """
        now = time.time()
        await self._async_fetch_all(
            own
            for own in self.all
            # The clock may have been wrong, now or then
            if not only_due or not 0 <= now - own.looked_at < _DAY
        )

    async def _async_fetch_all(self, indexes: Iterable[OwnIndex]) -> None:
        async with self._lock:
            if indexes := list(indexes):
                await asyncio.gather(*map(self._async_update, indexes))
                await self._async_changed()

    async def _async_update(self, own: OwnIndex) -> None:
        before, own.error = own.error, None
        try:
            self._take(own, await self._async_fetch(own.address))
        except FileError as err:
            # It is queried again at the next check, not in a day
            own.error = err.reason
        else:
            own.looked_at = time.time()
        if own.error != before:
            _LOGGER.log(
                logging.INFO if own.error is None else logging.WARNING,
                "The driver index %s: %s",
                own.name,
                own.error or "all is well again",
            )

    def _take(self, own: OwnIndex, fetched: FoundIndex) -> None:
        """Take what is at the address now. Raises IndexProblem if it is older."""
        index = fetched.index
        if own.signer not in (None, index.signer):
            own.changed = KeyChange(index.signer)
            return
        own.changed = None
        if index.serial < own.serial:
            raise IndexProblem(why("index_older", found=index.serial, seen=own.serial))
        own.source, own.index = fetched.source, index
        own.signer, own.serial = index.signer, index.serial

    async def _async_fetch(self, url: URL) -> FoundIndex:
        """Return what is at an address. Raises DownloadFailed, IndexProblem."""
        source = await download(self._session, url, LARGEST_INDEX)
        index = await self._hass.async_add_executor_job(read_index, source, url)
        return FoundIndex(address=url, source=source.decode("utf-8-sig"), index=index)

    async def _async_changed(self) -> None:
        await self._async_save()
        notify_all(self._listeners)

    async def _async_save(self) -> None:
        await self._store.async_save(
            {address: own.as_dict() for address, own in self._own.items()}
        )


def needs_hmm(id_: DriverId, version: IndexedVersion) -> HomeAssistantError:
    """Return the error for a driver that needs a newer HMM."""
    if not version.has_interface:
        return refusal(
            "interface_too_old", needed=version.interface, version=INTERFACE_VERSION
        )
    return refusal(
        "index_needs_hmm", driver=f"{id_} {version.version}", version=version.min_hmm
    )


def _load(stored: dict[str, Any]) -> dict[str, OwnIndex]:
    """Return the indexes that were stored (executor)."""
    indexes: dict[str, OwnIndex] = {}
    for address, data in stored.items():
        try:
            indexes[address] = OwnIndex.from_dict(address, data)
        except AttributeError, DownloadFailed, LookupError, TypeError, ValueError:
            _LOGGER.warning("A driver index was stored in a form that is none")
    return indexes


def _signer(key: str | None) -> Signer | None:
    """Return who has a key. Raises ValueError."""
    if key is None:
        return None
    bytes.fromhex(key)
    return Signer(key)
