"""Keeps the driver files of the user up to date, and undoes what does not work."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
import hashlib
import logging
from pathlib import Path
import re
from typing import Any, TypedDict, TypeIs

from aiohttp import ClientSession
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey
from yarl import URL

from ..const import DOMAIN
from ..driver_api import Reason
from ..driver_engine.declaration import Declaration, DriverId, NotADriver, declare
from ..driver_engine.download import DownloadFailed, download, file_url
from ..driver_engine.driver_files import DriverFile
from ..driver_engine.driver_store import (
    Backup,
    DriverStore,
    InstalledDriver,
    StoreError,
)
from ..driver_engine.faults import why
from ..driver_engine.legacy.siblings import sibling_files, with_siblings
from ..driver_engine.legacy.stock_hashes import is_stock
from ..driver_engine.loaded import FailedDriver
from ..driver_engine.preflight import check
from ..driver_engine.requirements import needs_of
from ..driver_engine.versions import UNKNOWN, is_newer
from ..errors import localized, message
from ..safe_store import SafeStore
from .manager import DriverManager, id_of

_LOGGER = logging.getLogger(__name__)

CHECK_INTERVAL = timedelta(hours=6)

_STORAGE_KEY = f"{DOMAIN}.drivers"
_STORAGE_VERSION = 1
_DOWNLOADS_AT_ONCE = 4
_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


class Origin(TypedDict):
    """What is kept of a driver that was installed from the web, by its file."""

    driver: str
    url: str
    sha256: str
    version: str
    previous_version: str | None
    installed_at: str
    updated_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the source of a driver has now."""

    declaration: Declaration
    url: URL | None
    """None: it is the bundled driver."""
    path: Path | None
    """None: it is on the web."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverState:
    """A driver file of the user beside what its source has."""

    installed: InstalledDriver
    url: URL | None
    offer: Offer | None
    """None if it has no source, or its source has not answered yet."""
    error: HomeAssistantError | None
    """Why the source could not be asked."""
    is_inside: bool
    """Whether it is below ``<config>/hmm``: other files are never touched."""

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
    def _versions(self) -> tuple[str, str | None]:
        """Return both; two files without a version are told apart by their sums."""
        here = self.installed.declaration
        if self.offer is None:
            return here.version, None
        there = self.offer.declaration
        if here.version == there.version == UNKNOWN and here.sha256 != there.sha256:
            return here.sha256[:8], there.sha256[:8]
        return here.version, there.version


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverResult:
    """What became of a driver; a version is None if there is no file (any more)."""

    id: DriverId
    name: str
    """The name of the file."""
    old_version: str | None
    new_version: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDriver:
    """A driver that waits for the user's yes."""

    declaration: Declaration
    url: URL
    file_name: str


type Progress = Callable[[int], None]


class DriverUpdates:
    """Knows the sources of the user's drivers and changes their files.

    One change at a time; each is finished, or undone, even if who asked for it
    has gone. All methods that change something raise HomeAssistantError.
    """

    def __init__(
        self, hass: HomeAssistant, manager: DriverManager, session: ClientSession
    ) -> None:
        """Begin without knowing any; ``async_start`` looks."""
        self.states: dict[DriverId, DriverState] = {}
        self._hass = hass
        self._manager = manager
        self._session = session
        self._files = DriverStore(manager.folder)
        self._store = SafeStore(hass, _STORAGE_VERSION, _STORAGE_KEY)
        self._origins: dict[str, Origin] = {}
        """By the path below ``<config>/hmm``."""
        self._offers: dict[DriverId, Offer] = {}
        self._errors: dict[DriverId, HomeAssistantError] = {}
        self._listeners: list[Callable[[], None]] = []
        self._changing = asyncio.Lock()
        self._looking = asyncio.Lock()

    async def async_start(self, waiting: set[str]) -> None:
        """Look at the files now and at their sources from time to time.

        ``waiting`` has the checksums of the files that wait for the user's yes.
        """
        await self._load_origins()
        await self._hass.async_add_executor_job(self._files.clean_up, waiting)
        await self.async_refresh()

        @callback
        def reloaded() -> None:
            self._hass.async_create_task(self.async_refresh(), "hmm driver files")

        async def time_to_check(_: datetime | HomeAssistant) -> None:
            await self.async_check()

        @callback
        def started(hass: HomeAssistant) -> None:
            hass.async_create_background_task(self.async_check(), "hmm driver updates")

        self._manager.async_add_listener(reloaded)
        async_at_started(self._hass, started)
        async_track_time_interval(
            self._hass,
            time_to_check,
            CHECK_INTERVAL,
            name="hmm driver updates",
            cancel_on_shutdown=True,
        )

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` whenever ``states`` may have changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    async def _load_origins(self) -> None:
        """Read where the files came from; what cannot be read came from nowhere."""
        stored = await self._store.async_load()
        self._origins = {
            file: origin for file, origin in stored.items() if _is_origin(origin)
        }
        if len(self._origins) < len(stored):
            await self._store.async_set_aside("what is kept of a driver is missing")
            await self._store.async_save({**self._origins})

    async def async_refresh(self) -> None:
        """Look at the files again, and at nothing else."""
        # Of two looks at once, the later one must have the last word
        async with self._looking:
            await self._async_refresh()
        for listener in tuple(self._listeners):
            listener()

    async def _async_refresh(self) -> None:
        installed, offers = await self._hass.async_add_executor_job(self._look)
        states: dict[DriverId, DriverState] = {}
        aside = {it.sha256 for it in self._manager.drivers.stock if not it.is_wanted}
        # What is not loaded stands behind what is, of the same type
        installed.sort(key=lambda driver: driver.declaration.sha256 in aside)
        for driver in installed:
            id_ = driver.declaration.id
            inside = self._files.is_inside(driver.path)
            url = self._url_of(driver) if inside else None
            # Of two files of one type, the first is the one that is loaded
            states.setdefault(
                id_,
                DriverState(
                    installed=driver,
                    url=url,
                    offer=self._offer(driver, url, offers) if inside else None,
                    error=self._errors.get(id_) if url else None,
                    is_inside=inside,
                ),
            )
        self.states = states

    async def async_check(self) -> None:
        """Ask all sources on the web. One that fails keeps no other from it."""
        limit = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)

        async def ask(state: DriverState, url: URL) -> None:
            try:
                async with limit:
                    declaration, _ = await self._async_fetch(url)
                _check_types(state.installed, declaration)
            except HomeAssistantError as err:
                self._errors[state.id] = err
            else:
                self._errors.pop(state.id, None)
                self._offers[state.id] = Offer(
                    declaration=declaration, url=url, path=None
                )

        await self.async_refresh()
        asked = [(state, url) for state in self.states.values() if (url := state.url)]
        if asked:
            await asyncio.gather(*(ask(state, url) for state, url in asked))
            await self.async_refresh()

    def find(self, name: str, kind: str | None = None) -> DriverState:
        """Return a driver by its type (``bitaxe``, ``miner/bitaxe``) or its file.

        Raises ServiceValidationError if there is none or more than one.
        """
        found = [
            state
            for state in self.states.values()
            if name in _names(state) and kind in (None, state.id.kind)
        ]
        if len(found) == 1:
            return found[0]
        if found:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="driver_ambiguous",
                translation_placeholders={
                    "driver": name,
                    "drivers": _listed(state.id for state in found),
                },
            )
        raise self._unknown(name)

    def version_of(self, id_: DriverId) -> str | None:
        """Return the version of the driver that runs now, None if none does."""
        return next(
            (
                driver.version
                for driver in self._manager.drivers
                if id_of(driver) == id_
            ),
            None,
        )

    async def async_update(
        self, name: str, kind: str | None = None, progress: Progress | None = None
    ) -> DriverResult:
        """Install what the source of a driver has, if it is newer.

        What was shown is installed: a file on the web that is another one than at
        the last check is refused. A driver that is not checked yet is checked now.
        """
        return await self._async_whole(
            self._async_update(name, kind, progress or (lambda percent: None))
        )

    async def async_update_all(
        self,
    ) -> tuple[list[DriverResult], list[tuple[DriverState, HomeAssistantError]]]:
        """Check all sources, then install all updates; return the failed as well."""
        await self.async_check()
        updated: list[DriverResult] = []
        failed: list[tuple[DriverState, HomeAssistantError]] = []
        for state in [state for state in self.states.values() if state.has_update]:
            try:
                updated.append(await self.async_update(str(state.id)))
            except HomeAssistantError as err:
                failed.append((state, err))
        return updated, failed

    async def async_backups(self) -> dict[DriverId, list[Backup]]:
        """Return what each driver can be rolled back to, the newest first.

        Drivers that were removed are among them.
        """
        await self.async_refresh()
        found = await self._async_job(
            self._files.all_backups, [*self.states, *self._manager.bundled]
        )
        kept: dict[DriverId, list[Backup]] = {}
        for id_, backups in found.items():
            state = self.states.get(id_)
            if state is None:
                kept[id_] = backups
            elif state.is_inside:
                current = state.installed.declaration.sha256
                kept[id_] = [it for it in backups if it.declaration.sha256 != current]
        return {id_: backups for id_, backups in kept.items() if backups}

    async def async_roll_back(self, name: str, version: str | None) -> DriverResult:
        """Bring back the version before, or one that is told.

        Of several backups of one version, the name of one without ``.py`` says which.
        It also brings back a driver that was removed. Once more brings back what
        was there before: nothing is lost.
        """
        return await self._async_whole(self._async_roll_back(name, version))

    async def async_remove(self, name: str) -> DriverResult:
        """Move a driver to the backups; a bundled one of its type takes over."""
        return await self._async_whole(self._async_remove(name))

    async def async_prepare(self, address: str, sha256: str) -> PendingDriver:
        """Download a driver and lay it aside until the user says yes.

        None of it is run.
        """
        try:
            url = file_url(address)
        except DownloadFailed as err:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="driver_address",
                translation_placeholders={"reason": localized(self._hass, err.reason)},
            ) from err
        declaration, source = await self._async_fetch(url)
        if declaration.sha256 != sha256:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="driver_checksum",
                translation_placeholders={
                    "found": declaration.sha256,
                    "wanted": sha256,
                },
            )
        for id_ in declaration.drivers:
            if not _TYPE.fullmatch(id_.driver_type):
                raise self._invalid(NotADriver(why("type_invalid")))
        file_name = url.name
        await self._async_job(self._files.stage, file_name, source)
        return PendingDriver(declaration=declaration, url=url, file_name=file_name)

    async def async_install(
        self, address: str, sha256: str, file_name: str
    ) -> DriverResult:
        """Install a driver that was laid aside: the user has said yes."""
        return await self._async_whole(
            self._async_install(URL(address, encoded=True), sha256, file_name)
        )

    async def async_discard(self, sha256: str) -> None:
        """Throw away a driver that was laid aside: the user has said no."""
        await self._async_job(self._files.unstage, sha256)

    # What follows runs in the executor

    def _look(self) -> tuple[list[InstalledDriver], dict[DriverId, Offer]]:
        """Read the user's files, and the bundled ones that they stand for."""
        installed = self._files.installed()
        wanted = {id_ for driver in installed for id_ in driver.declaration.drivers}
        offers: dict[DriverId, Offer] = {}
        for id_, bundled in self._manager.bundled.items():
            if id_ in wanted:
                declaration = declare(bundled.path.read_bytes(), bundled.path)
                offers[id_] = Offer(
                    declaration=declaration, url=None, path=bundled.path
                )
        return installed, offers

    def _try(self, path: Path, source: bytes, declaration: Declaration) -> None:
        """Load a file in a process that may be lost. Raises HomeAssistantError.

        ``path`` is where it goes, with the files beside it that it may import. The
        packages that it needs are there already.
        """
        waits = self._files.staged(declaration.sha256) is not None
        staged = self._files.stage(path.name, source)
        for sibling in sibling_files(DriverFile(path, source)):
            self._files.write(
                staged.parent / sibling.path.relative_to(path.parent), sibling.source
            )
        file = with_siblings(DriverFile(staged, source))
        try:
            finding = check([file], self._manager.drivers.settings).get(staged)
        finally:
            if not waits:
                self._files.unstage(declaration.sha256)
        if finding is not None:
            raise self._rejected(finding.reason, finding.line)

    # What follows runs in the event loop

    def _url_of(self, driver: InstalledDriver) -> URL | None:
        """Return the address that a file came from."""
        origin = self._origins.get(self._key(driver.path))
        return URL(origin["url"], encoded=True) if origin else None

    def _key(self, path: Path) -> str:
        """Return the path below the folder."""
        if path.is_relative_to(self._manager.folder):
            return path.relative_to(self._manager.folder).as_posix()
        return path.name

    def _offer(
        self, driver: InstalledDriver, url: URL | None, offers: dict[DriverId, Offer]
    ) -> Offer | None:
        """Return what the source of a driver has; an address goes before the bundle."""
        if url is not None:
            offer = self._offers.get(driver.declaration.id)
            return offer if offer and offer.url == url else None
        offer = offers.get(driver.declaration.id)
        if not driver.declaration.is_native:
            # Of another author, whose versions have nothing to do with ours
            return None
        # A file with more drivers than the bundled one would lose some
        if offer and set(driver.declaration.drivers) <= set(offer.declaration.drivers):
            return offer
        return None

    async def _async_update(
        self, name: str, kind: str | None, progress: Progress
    ) -> DriverResult:
        state = self.find(name, kind)
        self._check_inside(state)
        if not state.has_source:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="driver_no_source",
                translation_placeholders={"driver": str(state.id)},
            )
        if state.offer is None:
            await self.async_check()
            state = self.find(str(state.id))
        if state.offer is None:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="driver_source_failed",
                translation_placeholders={
                    "driver": str(state.id),
                    "reason": message(self._hass, state.error) if state.error else "?",
                },
            )
        old, new = state.installed_version, state.latest_version
        if state.has_update:
            source = await self._async_content(state.offer)
            progress(30)
            _check_types(state.installed, state.offer.declaration)
            await self._async_replace(
                state.installed, source, state.offer.declaration, progress
            )
            _LOGGER.info("Updated the driver %s from %s to %s", state.id, old, new)
        else:
            new = old
        return DriverResult(
            id=state.id,
            name=state.installed.path.name,
            old_version=old,
            new_version=new,
        )

    async def _async_roll_back(self, name: str, version: str | None) -> DriverResult:
        state = next(
            (state for state in self.states.values() if name in _names(state)), None
        )
        if state is not None:
            state = self.find(name)  # It may be ambiguous
            self._check_inside(state)
            backups = await self._async_job(self._files.backups, state.id)
            current = state.installed.declaration.sha256
        else:
            backups = [
                backup
                for id_ in _ids(name)
                for backup in await self._async_job(self._files.backups, id_)
            ]
            if not backups:
                raise self._unknown(name)
            current = ""
        backup = next(
            (
                backup
                for backup in backups
                if backup.declaration.sha256 != current
                and version in (None, backup.declaration.version, backup.path.stem)
            ),
            None,
        )
        if backup is None:
            versions = dict.fromkeys(item.declaration.version for item in backups)
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="driver_no_backup",
                translation_placeholders={
                    "driver": name,
                    "versions": ", ".join(versions) or "-",
                },
            )
        if state is not None:
            await self._async_replace(
                state.installed, backup.source, backup.declaration
            )
            path, old = state.installed.path, state.installed.declaration.version
        else:
            path, old = await self._async_add(backup.source, backup.declaration), None
        new = backup.declaration.version
        _LOGGER.info("Rolled the driver %s back to %s", name, new)
        return DriverResult(
            id=backup.declaration.id, name=path.name, old_version=old, new_version=new
        )

    async def _async_remove(self, name: str) -> DriverResult:
        state = self.find(name)
        self._check_inside(state)
        await self._async_job(self._files.remove, state.installed)
        await self._async_reload()
        _LOGGER.info("Removed the driver %s; it is among the backups", state.id)
        return DriverResult(
            id=state.id,
            name=state.installed.path.name,
            old_version=state.installed.declaration.version,
            new_version=self.version_of(state.id),
        )

    async def _async_install(
        self, url: URL, sha256: str, file_name: str
    ) -> DriverResult:
        staged = await self._async_job(self._files.staged, sha256)
        if staged is None:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="driver_not_pending"
            )
        source = staged[1]
        declaration = await self._async_declare(file_name, source)
        state = self.states.get(declaration.id)
        if state is None:
            path = await self._async_add(source, declaration, file_name)
            old = None
        else:
            self._check_inside(state)
            _check_types(state.installed, declaration)
            path, old = state.installed.path, state.installed.declaration.version
            await self._async_replace(state.installed, source, declaration)
        self._origins[self._key(path)] = Origin(
            driver=str(declaration.id),
            url=str(url),
            sha256=sha256,
            version=declaration.version,
            previous_version=old,
            installed_at=dt_util.utcnow().isoformat(),
            updated_at=None,
        )
        await self._store.async_save({**self._origins})
        self._offers[declaration.id] = Offer(
            declaration=declaration, url=url, path=None
        )
        await self._async_job(self._files.unstage, sha256)
        await self.async_refresh()
        _LOGGER.warning(
            "Installed the driver %s %s (SHA-256 %s)",
            declaration.id,
            declaration.version,
            sha256,
        )
        return DriverResult(
            id=declaration.id,
            name=path.name,
            old_version=old,
            new_version=declaration.version,
        )

    async def _async_replace(
        self,
        installed: InstalledDriver,
        source: bytes,
        declaration: Declaration,
        progress: Progress = lambda percent: None,
    ) -> None:
        """Write another version of a file; if it does not load, all is as before."""
        await self._async_require(installed.path, source)
        await self._async_job(self._try, installed.path, source, declaration)
        await self._async_want(source)
        progress(60)
        running = self._running(installed.path)
        failed = self._failure(installed.path)
        await self._async_job(self._files.replace, installed, source)
        progress(80)
        try:
            await self._async_verify(installed.path, declaration, running, failed)
        except BaseException:
            await self._async_job(self._files.write, installed.path, installed.source)
            await self._async_reload()
            raise
        progress(100)
        if origin := self._origins.get(self._key(installed.path)):
            origin["driver"] = str(declaration.id)
            origin["previous_version"] = installed.declaration.version
            origin["version"] = declaration.version
            origin["sha256"] = declaration.sha256
            origin["updated_at"] = dt_util.utcnow().isoformat()
            await self._store.async_save({**self._origins})
        await self.async_refresh()

    async def _async_add(
        self, source: bytes, declaration: Declaration, file_name: str | None = None
    ) -> Path:
        """Write a new file; if it does not load, it is gone again."""
        if file_name is None:
            # It comes back to where it was
            file_name = next(
                (
                    Path(file).name
                    for file, origin in self._origins.items()
                    if origin["driver"] == str(declaration.id)
                ),
                declaration.id.driver_type,
            )
        path = await self._async_job(self._files.path_for, declaration, file_name)
        await self._async_require(path, source)
        await self._async_job(self._try, path, source, declaration)
        await self._async_want(source)
        await self._async_job(self._files.write, path, source)
        try:
            await self._async_verify(path, declaration, set(), None)
        except BaseException:
            await self._async_job(self._files.delete, path)
            await self._async_reload()
            raise
        await self.async_refresh()
        return path

    async def _async_want(self, source: bytes) -> None:
        """Let a file run that the user has put there, even if HMM-Local came with it."""
        if await self._hass.async_add_executor_job(is_stock, source):
            sha256 = hashlib.sha256(source).hexdigest()
            await self._manager.stock_decisions.async_decide([sha256], [sha256])

    async def _async_require(self, path: Path, source: bytes) -> None:
        """Install what a file needs. Raises HomeAssistantError if that fails."""
        needs = await self._hass.async_add_executor_job(needs_of, source, path)
        if needs is None:
            return
        withheld = await self._manager.async_require(needs)
        if withheld is not None:
            raise self._rejected(withheld.reason, needs.line)

    async def _async_verify(
        self,
        path: Path,
        declaration: Declaration,
        running: set[DriverId],
        failed_before: FailedDriver | None,
    ) -> None:
        """Load a file that was written. Raises HomeAssistantError if it does not run.

        What ran before must run, and nothing in the file may fail that did not.
        """
        await self._manager.async_reload(retry_packages=False)
        failed = self._failure(path)
        if failed and not failed_before:
            raise self._rejected(failed.reason, failed.line)
        now = {
            id_of(driver)
            for driver in self._manager.drivers
            if driver.sha256 == declaration.sha256
        }
        if not (running or {declaration.id}) <= now:
            raise self._rejected(
                failed.reason if failed else why("type_gone", driver=declaration.id),
                failed.line if failed else None,
            )

    def _running(self, path: Path) -> set[DriverId]:
        """Return the drivers that run from a file."""
        return {
            id_of(driver) for driver in self._manager.drivers if driver.path == path
        }

    def _failure(self, path: Path) -> FailedDriver | None:
        """Return what is wrong with a file."""
        return next(
            (failed for failed in self._manager.failed if failed.path == path), None
        )

    async def _async_reload(self) -> None:
        await self._manager.async_reload(retry_packages=False)
        await self.async_refresh()

    async def _async_content(self, offer: Offer) -> bytes:
        """Return the file that was offered, and no other."""
        if offer.path is not None:
            source = await self._hass.async_add_executor_job(offer.path.read_bytes)
        else:
            assert offer.url is not None
            _, source = await self._async_fetch(offer.url)
        if hashlib.sha256(source).hexdigest() != offer.declaration.sha256:
            await self.async_check()
            raise HomeAssistantError(
                translation_domain=DOMAIN, translation_key="driver_source_changed"
            )
        return source

    async def _async_fetch(self, url: URL) -> tuple[Declaration, bytes]:
        """Download a driver and read what it declares."""
        try:
            source = await download(self._session, url)
        except DownloadFailed as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="driver_download_failed",
                translation_placeholders={"reason": localized(self._hass, err.reason)},
            ) from err
        return await self._async_declare(url.name, source), source

    async def _async_declare(self, file_name: str, source: bytes) -> Declaration:
        try:
            return await self._hass.async_add_executor_job(
                declare, source, Path(file_name)
            )
        except NotADriver as err:
            raise self._invalid(err) from err

    async def _async_job[*Ts, T](self, job: Callable[[*Ts], T], *args: *Ts) -> T:
        """Change files in the executor."""
        try:
            return await self._hass.async_add_executor_job(job, *args)
        except StoreError as err:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="driver_file_failed",
                translation_placeholders={"reason": localized(self._hass, err.reason)},
            ) from err

    async def _async_whole[T](self, change: Coroutine[Any, Any, T]) -> T:
        """Finish a change, whatever becomes of who waits for it."""

        async def locked() -> T:
            async with self._changing:
                await self.async_refresh()
                return await change

        return await asyncio.shield(
            self._hass.async_create_task(locked(), "hmm driver change")
        )

    def _check_inside(self, state: DriverState) -> None:
        if not state.is_inside:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="driver_elsewhere",
                translation_placeholders={
                    "file": self._manager.name_of(state.installed.path)
                },
            )

    def _invalid(self, err: NotADriver) -> HomeAssistantError:
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="driver_invalid",
            translation_placeholders={
                "reason": localized(self._hass, err.reason),
                "line": str(err.line or "?"),
            },
        )

    def _rejected(self, reason: Reason, line: int | None) -> HomeAssistantError:
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="driver_rejected",
            translation_placeholders={
                "reason": localized(self._hass, reason),
                "line": str(line or "?"),
            },
        )

    def _unknown(self, name: str) -> ServiceValidationError:
        return ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="driver_unknown",
            translation_placeholders={
                "driver": name,
                "drivers": _listed(self.states) or "-",
            },
        )


DRIVER_UPDATES: HassKey[DriverUpdates] = HassKey(f"{DOMAIN}_driver_updates")


def _names(state: DriverState) -> set[str]:
    """Return all that a driver may be called."""
    path = state.installed.path
    names = {path.name, path.stem}
    for id_ in state.installed.declaration.drivers:
        names |= {str(id_), id_.driver_type}
    return names


def _ids(name: str) -> list[DriverId]:
    """Return which drivers a name may mean of which there is no file."""
    kind, slash, driver_type = name.partition("/")
    if slash and kind == "miner":
        return [DriverId("miner", driver_type)]
    if slash and kind == "pool":
        return [DriverId("pool", driver_type)]
    return [DriverId("miner", name), DriverId("pool", name)]


def _listed(ids: Iterable[DriverId]) -> str:
    return ", ".join(sorted(map(str, ids)))


def _check_types(installed: InstalledDriver, declaration: Declaration) -> None:
    """Raise HomeAssistantError if an update lacks a driver that is in use."""
    for id_ in installed.declaration.drivers:
        if id_ not in declaration.drivers:
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="driver_lost",
                translation_placeholders={"driver": str(id_)},
            )


def _is_origin(stored: Any) -> TypeIs[Origin]:
    """Return whether this was stored as an origin."""
    if not isinstance(stored, dict) or not stored.keys() >= Origin.__required_keys__:
        return False
    try:
        URL(stored["url"], encoded=True)
    except TypeError, ValueError:
        return False
    return isinstance(stored["driver"], str)
