"""The driver files of the user, and what the sources of these files have now."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import hashlib
from pathlib import Path
from typing import Any, NotRequired, TypedDict, TypeIs

from aiohttp import ClientSession
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
from yarl import URL

from ..const import DOMAIN
from ..driver_engine.declaration import Declaration, DriverId, NotADriver, declare
from ..driver_engine.download import DownloadFailed, download
from ..driver_engine.driver_store import DriverStore, InstalledDriver
from ..driver_engine.versions import UNKNOWN, is_newer
from ..errors import failure, localized, refusal
from ..listeners import notify_all
from ..safe_store import SafeStore
from .indexes import DriverIndexes, Listing, needs_hmm
from .manager import DriverManager

_STORAGE_KEY = f"{DOMAIN}.drivers"
_STORAGE_VERSION = 1
_DOWNLOADS_AT_ONCE = 4


class Origin(TypedDict):
    """What is stored about a driver that was installed from the web, by its file."""

    driver: str
    url: str
    sha256: str
    version: str
    previous_version: str | None
    installed_at: str
    updated_at: str | None
    index: NotRequired[str]
    """The address of the index that lists it, from which its updates come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the source of a driver has now."""

    declaration: Declaration
    url: URL | None
    """None: it is the bundled driver."""
    path: Path | None
    """None: it is on the web."""
    index: str | None = None
    """The address of the index that lists it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverState:
    """A driver file of the user and what its source has."""

    installed: InstalledDriver
    url: URL | None
    index: str | None
    """The address of the index that it was installed from and that there still is."""
    offer: Offer | None
    """None if it has no source, or its source has not responded yet."""
    error: HomeAssistantError | None
    """Why the source could not be checked."""
    is_inside: bool
    """Whether it is below ``<config>/hmm``: other files are never changed."""

    @property
    def id(self) -> DriverId:
        """Return which driver it is."""
        return self.installed.declaration.id

    @property
    def has_source(self) -> bool:
        """Return whether there is something to update from."""
        return self.url is not None or self.offer is not None

    @property
    def installed_version(self) -> str:
        """Return the version in use."""
        return self._versions[0]

    @property
    def latest_version(self) -> str | None:
        """Return the version that the source has, None if that is not known."""
        return self._versions[1]

    @property
    def has_update(self) -> bool:
        """Return whether the source has a newer version. Older ones are not offered."""
        installed, latest = self._versions
        return latest is not None and is_newer(latest, installed)

    @property
    def names(self) -> set[str]:
        """Return all names by which the driver can be selected."""
        path = self.installed.path
        names = {path.name, path.stem}
        for id_ in self.installed.declaration.drivers:
            names |= {str(id_), id_.driver_type}
        return names

    @property
    def _versions(self) -> tuple[str, str | None]:
        """Return both; checksums distinguish two files without a version."""
        here = self.installed.declaration
        if self.offer is None:
            return here.version, None
        there = self.offer.declaration
        if here.version == there.version == UNKNOWN and here.sha256 != there.sha256:
            return here.sha256[:8], there.sha256[:8]
        return here.version, there.version


class DriverSources:
    """Reads the user's driver files and checks where they came from for updates."""

    def __init__(
        self,
        hass: HomeAssistant,
        manager: DriverManager,
        session: ClientSession,
        indexes: DriverIndexes,
    ) -> None:
        """Start empty; ``async_load`` and ``async_refresh`` fill it."""
        self.states: dict[DriverId, DriverState] = {}
        self.files = DriverStore(manager.folder)
        self._hass = hass
        self._manager = manager
        self._session = session
        self._indexes = indexes
        self._store = SafeStore(hass, _STORAGE_VERSION, _STORAGE_KEY)
        self._origins: dict[str, Origin] = {}
        """By the path below ``<config>/hmm``."""
        self._offers: dict[DriverId, Offer] = {}
        self._errors: dict[DriverId, HomeAssistantError] = {}
        self._listeners: list[Callable[[], None]] = []
        self._refreshing = asyncio.Lock()

    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` whenever ``states`` may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def async_load(self) -> None:
        """Read where the files came from; unreadable records are dropped."""
        stored = await self._store.async_load()
        self._origins = {
            file: origin for file, origin in stored.items() if _is_origin(origin)
        }
        if len(self._origins) < len(stored):
            await self._store.async_set_aside("what is kept of a driver is missing")
            await self._store.async_save({**self._origins})

    async def async_refresh(self) -> None:
        """Read the files again, without a request to their sources."""
        # Of two concurrent refreshes, the later one must set the final state
        async with self._refreshing:
            await self._async_refresh()
        notify_all(self._listeners)

    async def _async_refresh(self) -> None:
        installed, offers = await self._hass.async_add_executor_job(self._read)
        states: dict[DriverId, DriverState] = {}
        aside = {
            driver.sha256
            for driver in self._manager.drivers.stock
            if not driver.is_wanted
        }
        # Of two files of one type, the first is used: those that are loaded first
        installed.sort(key=lambda driver: driver.declaration.sha256 in aside)
        for driver in installed:
            id_ = driver.declaration.id
            inside = self.files.is_inside(driver.path)
            origin = self._origins.get(self._key(driver.path)) if inside else None
            index = origin.get("index") if origin else None
            if index is not None and self._indexes.get(index) is None:
                # The owner has removed it, and its files with it as a source
                origin = index = None
            url = URL(origin["url"], encoded=True) if origin else None
            offer = self._offer(driver, url, index, offers) if inside else None
            error = self._errors.get(id_) if url else None
            if index is not None:
                try:
                    self._indexes.require(index)
                except HomeAssistantError as err:
                    offer, error = None, err
            states.setdefault(
                id_,
                DriverState(
                    installed=driver,
                    url=url,
                    index=index,
                    offer=offer,
                    error=error,
                    is_inside=inside,
                ),
            )
        self.states = states

    def _read(self) -> tuple[list[InstalledDriver], dict[DriverId, Offer]]:
        """Read the user's files and the bundled ones that they replace (executor)."""
        installed = self.files.installed()
        wanted = {id_ for driver in installed for id_ in driver.declaration.drivers}
        offers: dict[DriverId, Offer] = {}
        for id_, bundled in self._manager.bundled.items():
            if id_ in wanted:
                declaration = declare(bundled.path.read_bytes(), bundled.path)
                offers[id_] = Offer(
                    declaration=declaration, url=None, path=bundled.path
                )
        return installed, offers

    def _offer(
        self,
        driver: InstalledDriver,
        url: URL | None,
        index: str | None,
        offers: dict[DriverId, Offer],
    ) -> Offer | None:
        """Return what the source of a driver has; the web comes before the bundle."""
        if url is not None:
            offer = self._offers.get(driver.declaration.id)
            if offer is None or offer.index != index:
                return None
            # Each version that an index lists has an address of its own
            return offer if index is not None or offer.url == url else None
        offer = offers.get(driver.declaration.id)
        if not driver.declaration.is_native:
            # Of another author, whose versions are unrelated to ours
            return None
        # A file with more drivers than the bundled one would lose some
        if offer and set(driver.declaration.drivers) <= set(offer.declaration.drivers):
            return offer
        return None

    async def async_check(self) -> None:
        """Check all sources on the web. One that fails does not stop the others."""
        limit = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)

        async def check(state: DriverState, url: URL) -> None:
            try:
                async with limit:
                    offer = await self._async_offer(state, url)
                check_types(state.installed, offer.declaration)
            except HomeAssistantError as err:
                self._errors[state.id] = err
            else:
                self._errors.pop(state.id, None)
                self._offers[state.id] = offer

        await self.async_refresh()
        on_web = [(state, url) for state in self.states.values() if (url := state.url)]
        if on_web:
            await asyncio.gather(*(check(state, url) for state, url in on_web))
            await self.async_refresh()

    async def _async_offer(self, state: DriverState, url: URL) -> Offer:
        """Return what a source on the web has. Raises HomeAssistantError."""
        if state.index is not None:
            return await self._async_listed(state, url, state.index)
        declaration, _ = await self.async_fetch(url)
        return Offer(declaration=declaration, url=url, path=None)

    async def _async_listed(self, state: DriverState, url: URL, index: str) -> Offer:
        """Return what an index has; a newer file is fetched to read its notes."""
        own = self._indexes.require(index)
        driver = own.index.drivers.get(state.id) if own.index else None
        if driver is None:
            raise failure("index_lists_not", index=own.name, driver=str(state.id))
        if (version := driver.newest_for(self._indexes.hmm)) is None:
            raise needs_hmm(driver.id, driver.versions[0])
        here = state.installed.declaration
        if version.sha256 == here.sha256 or not is_newer(version.version, here.version):
            return Offer(declaration=here, url=url, path=None, index=index)
        offer = self._offers.get(state.id)
        if offer and offer.index and offer.declaration.sha256 == version.sha256:
            return offer
        declaration, _ = await self.async_fetch(version.url)
        if declaration.sha256 != version.sha256:
            raise refusal(
                "driver_checksum", found=declaration.sha256, wanted=version.sha256
            )
        listing = Listing(own=own, driver=driver, version=version)
        self._indexes.check_file(listing, declaration)
        return Offer(declaration=declaration, url=version.url, path=None, index=index)

    def find(self, name: str, kind: str | None = None) -> DriverState:
        """Return a driver by its type (``bitaxe``, ``miner/bitaxe``) or its file.

        Raises ServiceValidationError if there is none or more than one.
        """
        matches = [
            state
            for state in self.states.values()
            if name in state.names and kind in (None, state.id.kind)
        ]
        if len(matches) > 1:
            ids = ", ".join(sorted(str(state.id) for state in matches))
            raise refusal("driver_ambiguous", driver=name, drivers=ids)
        if not matches:
            raise self.unknown(name)
        return matches[0]

    def unknown(self, name: str) -> ServiceValidationError:
        """Return the error for a driver that does not exist."""
        if not self.states:
            return refusal("driver_none", driver=name)
        drivers = ", ".join(sorted(map(str, self.states)))
        return refusal("driver_unknown", driver=name, drivers=drivers)

    def origin_name(self, id_: DriverId) -> str | None:
        """Return the path of a file that was installed from the web, if known."""
        return next(
            (
                file
                for file, origin in self._origins.items()
                if origin["driver"] == str(id_)
            ),
            None,
        )

    async def async_installed(
        self,
        path: Path,
        declaration: Declaration,
        url: URL,
        previous: str | None,
        index: str | None,
    ) -> None:
        """Store where a file came from that was installed now."""
        origin = Origin(
            driver=str(declaration.id),
            url=str(url),
            sha256=declaration.sha256,
            version=declaration.version,
            previous_version=previous,
            installed_at=dt_util.utcnow().isoformat(),
            updated_at=None,
        )
        if index is not None:
            origin["index"] = index
        self._origins[self._key(path)] = origin
        await self._store.async_save({**self._origins})
        self._offers[declaration.id] = Offer(
            declaration=declaration, url=url, path=None, index=index
        )

    async def async_replaced(
        self, driver: InstalledDriver, declaration: Declaration
    ) -> None:
        """Store the new version of a file, if it came from the web."""
        if origin := self._origins.get(self._key(driver.path)):
            origin["driver"] = str(declaration.id)
            origin["previous_version"] = driver.declaration.version
            origin["version"] = declaration.version
            origin["sha256"] = declaration.sha256
            origin["updated_at"] = dt_util.utcnow().isoformat()
            offer = self._offers.get(declaration.id)
            if offer and offer.url and offer.declaration.sha256 == declaration.sha256:
                origin["url"] = str(offer.url)
            await self._store.async_save({**self._origins})

    def _key(self, path: Path) -> str:
        """Return the path below the folder."""
        if path.is_relative_to(self._manager.folder):
            return path.relative_to(self._manager.folder).as_posix()
        return path.name

    async def async_content(self, offer: Offer) -> bytes:
        """Return the file that was offered. Raises if the source has another one."""
        if offer.path is not None:
            source = await self._hass.async_add_executor_job(offer.path.read_bytes)
        else:
            assert offer.url is not None
            if offer.index is not None:
                self._indexes.require(offer.index)
            _, source = await self.async_fetch(offer.url)
        if hashlib.sha256(source).hexdigest() != offer.declaration.sha256:
            await self.async_check()
            raise failure("driver_source_changed")
        return source

    async def async_fetch(self, url: URL) -> tuple[Declaration, bytes]:
        """Download a driver and read what it declares. Raises HomeAssistantError."""
        try:
            source = await download(self._session, url)
        except DownloadFailed as err:
            reason = localized(self._hass, err.reason)
            raise failure("driver_download_failed", reason=reason) from err
        return await self.async_declare(url.name, source), source

    async def async_declare(self, file_name: str, source: bytes) -> Declaration:
        """Read what a file declares. Raises HomeAssistantError if it is no driver."""
        try:
            return await self._hass.async_add_executor_job(
                declare, source, Path(file_name)
            )
        except NotADriver as err:
            raise self.invalid(err) from err

    def invalid(self, err: NotADriver) -> HomeAssistantError:
        """Return the error for a file that is not a usable driver."""
        reason = localized(self._hass, err.reason)
        return failure("driver_invalid", reason=reason, line=str(err.line or "?"))


def check_types(installed: InstalledDriver, declaration: Declaration) -> None:
    """Raise HomeAssistantError if an update lacks a driver that is in use."""
    for id_ in installed.declaration.drivers:
        if id_ not in declaration.drivers:
            raise failure("driver_lost", driver=str(id_))


def _is_origin(stored: Any) -> TypeIs[Origin]:
    """Return whether this was stored as an origin."""
    if not isinstance(stored, dict) or not stored.keys() >= Origin.__required_keys__:
        return False
    try:
        URL(stored["url"], encoded=True)
    except TypeError, ValueError:
        return False
    return all(
        isinstance(value, str) for value in (stored["driver"], stored.get("index", ""))
    )
