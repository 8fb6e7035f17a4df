"""The whole life of driver files: a method for each thing that users can do with them.

Actions, HTTP paths, dialogs, repairs, update entities and the button call these.
"""

import asyncio
from collections.abc import Collection, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
import logging
import os
from pathlib import Path
from typing import Any

from aiohttp import ClientSession
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from yarl import URL

from ..driver_engine.declaration import DRIVER_TYPE, Declaration, DriverId, NotADriver
from ..driver_engine.disable import disable
from ..driver_engine.download import DownloadFailed, file_url
from ..driver_engine.driver_store import (
    Backup,
    DriverStore,
    StoreError,
    driver_file_name,
)
from ..driver_engine.faults import os_reason, why
from ..driver_engine.loaded import AnyLoaded
from ..errors import failure, localized, message, refusal
from .changes import DriverChanges, Progress, no_progress
from .index_issues import async_show_index_issues
from .indexes import DriverIndexes, Listing
from .install import (
    PendingDriver,
    async_answered,
    async_pending_checksums,
    async_show_proposal,
)
from .manager import DriverManager, ReloadReport, id_of
from .sources import DriverSources, DriverState, check_types

_LOGGER = logging.getLogger(__name__)

CHECK_INTERVAL = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverResult:
    """What became of a driver; a version is None if there is no file (any more)."""

    id: DriverId
    path: Path
    old_version: str | None
    new_version: str | None

    @property
    def name(self) -> str:
        """Return the name of the file."""
        return self.path.name


class DriverService:
    """Does everything that can be done with driver files.

    One change at a time; each is finished, or undone, even if the caller is
    cancelled. All methods that change something raise HomeAssistantError.
    """

    def __init__(
        self, hass: HomeAssistant, manager: DriverManager, session: ClientSession
    ) -> None:
        """Start without knowing any file; ``async_start`` reads them."""
        self.manager = manager
        self.indexes = DriverIndexes(hass, session)
        self.sources = DriverSources(hass, manager, session, self.indexes)
        self._hass = hass
        self._changes = DriverChanges(hass, manager, self.sources)
        self._files = self.sources.files
        self._changing = asyncio.Lock()

    async def async_start(self) -> None:
        """Read the files now and check their sources from time to time."""
        await self.indexes.async_load()
        await self.sources.async_load()
        await self._hass.async_add_executor_job(
            self._files.clean_up, async_pending_checksums(self._hass)
        )
        await self.sources.async_refresh()

        @callback
        def reloaded() -> None:
            self._hass.async_create_task(
                self.sources.async_refresh(), "hmm driver files"
            )

        @callback
        def indexes_changed() -> None:
            async_show_index_issues(self._hass, self.indexes)
            reloaded()

        async def time_to_check(_: datetime | HomeAssistant) -> None:
            await self.async_check(by_hand=False)

        @callback
        def started(hass: HomeAssistant) -> None:
            hass.async_create_background_task(
                self.async_check(by_hand=False), "hmm driver updates"
            )

        self.manager.async_add_listener(reloaded)
        self.indexes.async_add_listener(indexes_changed)
        async_show_index_issues(self._hass, self.indexes)
        async_at_started(self._hass, started)
        async_track_time_interval(
            self._hass,
            time_to_check,
            CHECK_INTERVAL,
            name="hmm driver updates",
            cancel_on_shutdown=True,
        )

    # What there is

    @property
    def states(self) -> dict[DriverId, DriverState]:
        """Return the driver files of the user."""
        return self.sources.states

    @property
    def own(self) -> dict[str, DriverState]:
        """Return the files of the user that may be changed, by their drivers."""
        return {
            str(id_): state for id_, state in self.states.items() if state.is_inside
        }

    @property
    def has_updates(self) -> bool:
        """Return whether any driver has an update."""
        return any(state.has_update for state in self.states.values())

    @property
    def customizable(self) -> list[AnyLoaded]:
        """Return the bundled drivers that no file of the user replaces yet."""
        return [driver for driver in self.manager.drivers if driver.bundled]

    def version_of(self, id_: DriverId) -> str | None:
        """Return the version of the driver that runs now, None if none does."""
        drivers = self.manager.drivers
        return next(
            (driver.version for driver in drivers if id_of(driver) == id_), None
        )

    async def async_backups(self) -> dict[DriverId, list[Backup]]:
        """Return what each driver can be rolled back to, the newest first.

        Drivers that were removed are among them.
        """
        await self.sources.async_refresh()
        all_backups = await self._changes.async_job(
            self._files.all_backups, [*self.states, *self.manager.bundled]
        )
        kept: dict[DriverId, list[Backup]] = {}
        for id_, backups in all_backups.items():
            state = self.states.get(id_)
            if state is None:
                kept[id_] = backups
            elif state.is_inside:
                current = state.installed.declaration.sha256
                kept[id_] = [
                    backup for backup in backups if backup.declaration.sha256 != current
                ]
        return {id_: backups for id_, backups in kept.items() if backups}

    # What can be done

    async def async_reload(self) -> ReloadReport:
        """Load driver and pool files again.

        A file that cannot be used is in the report and in the repairs. Raises
        HomeAssistantError only if the reload itself could not be done.
        """
        try:
            return await self.manager.async_reload()
        except OSError as err:
            # No process could be started to try the files in, or a folder is missing
            reason = localized(self._hass, os_reason(err))
            raise failure("drivers_not_reloaded", reason=reason) from err

    async def async_decide_stock(self, wanted: Collection[str]) -> ReloadReport:
        """Run those of HMM-Local's own files whose SHA-256 is ``wanted``, no others."""
        return await self.manager.async_decide_stock(wanted)

    async def async_check(self, *, by_hand: bool = True) -> None:
        """Check the sources of all drivers.

        Unless requested now, an index is checked once a day.
        """
        await self.indexes.async_check(only_due=not by_hand)
        await self.sources.async_check()

    async def async_update(
        self, name: str, kind: str | None = None, progress: Progress = no_progress
    ) -> DriverResult:
        """Install what the source of a driver has, if it is newer.

        What was shown is installed: a file on the web that differs from the one at
        the last check is refused. A driver that is not checked yet is checked now.
        """
        return await self._async_whole(self._async_update(name, kind, progress))

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

    async def async_propose(self, address: str, sha256: str) -> PendingDriver:
        """Download a driver, keep it aside and ask in the repairs whether to install it.

        None of it is run.
        """
        try:
            url = file_url(address)
        except DownloadFailed as err:
            reason = localized(self._hass, err.reason)
            raise refusal("driver_address", reason=reason) from err
        declaration, source = await self.sources.async_fetch(url)
        if declaration.sha256 != sha256:
            raise refusal("driver_checksum", found=declaration.sha256, wanted=sha256)
        if not all(
            DRIVER_TYPE.fullmatch(id_.driver_type) for id_ in declaration.drivers
        ):
            raise self.sources.invalid(NotADriver(why("type_invalid")))
        if listing := self.indexes.listing(url, sha256):
            self.indexes.check_file(listing, declaration)
        await self._changes.async_job(self._files.stage, url.name, source)
        # In an index, each version of a file may have a name of its own
        type_name = driver_file_name(declaration.id.driver_type)
        pending = PendingDriver(
            declaration=declaration,
            url=url,
            file_name=type_name if listing else url.name,
            replaces=self.version_of(declaration.id),
            index=str(listing.own.address) if listing else None,
        )
        async_show_proposal(self._hass, pending)
        return pending

    async def async_accept(self, pending: PendingDriver) -> DriverResult:
        """Install a proposed driver; the issue stays if that raises."""
        result = await self.async_install(
            str(pending.url),
            pending.declaration.sha256,
            pending.file_name,
            pending.index,
        )
        async_answered(self._hass, pending)
        return result

    async def async_reject(self, pending: PendingDriver) -> None:
        """Discard a proposed driver and its issue."""
        await self.async_discard(pending.declaration.sha256)
        async_answered(self._hass, pending)

    async def async_propose_listed(self, listing: Listing) -> PendingDriver:
        """Propose a driver of an index, as ``async_propose`` does."""
        assert listing.version is not None
        self.indexes.require(str(listing.own.address))
        return await self.async_propose(
            str(listing.version.url), listing.version.sha256
        )

    async def async_install(
        self, address: str, sha256: str, file_name: str, index: str | None = None
    ) -> DriverResult:
        """Install a driver that was proposed, as its issue describes it."""
        if index is not None:
            self.indexes.require(index)
        url = URL(address, encoded=True)
        return await self._async_whole(
            self._async_install(url, sha256, file_name, index)
        )

    async def async_discard(self, sha256: str) -> None:
        """Delete the file of a proposed driver."""
        await self._changes.async_job(self._files.unstage, sha256)

    async def async_roll_back(self, name: str, version: str | None) -> DriverResult:
        """Restore the previous version, or a given one.

        Of several backups of one version, the name of one without ``.py`` selects it.
        It also restores a driver that was removed. A second roll back restores what
        was there before: nothing is lost.
        """
        return await self._async_whole(self._async_roll_back(name, version))

    async def async_remove(self, name: str) -> DriverResult:
        """Move a driver to the backups; a bundled one of its type takes over."""
        return await self._async_whole(self._async_remove(name))

    async def async_customize(self, name: str) -> tuple[Path, ReloadReport]:
        """Copy a bundled driver to where the user can edit it, and use the copy.

        ``name`` is its type, as ``bitaxe`` or ``miner/bitaxe``.
        """
        manager = self.manager
        for id_ in manager.bundled:
            if name in (id_.driver_type, str(id_)):
                break
        else:
            raise self._not_bundled(name)
        file_name = driver_file_name(id_.driver_type)
        target = manager.folder / f"{id_.kind}_drivers" / file_name
        for driver in manager.drivers:
            if id_of(driver) == id_ and not driver.bundled:
                target = driver.path
        try:
            await self._hass.async_add_executor_job(
                _copy, self._files, manager.bundled[id_].path, target
            )
        except FileExistsError as err:
            raise refusal("driver_file_exists", file=manager.name_of(target)) from err
        except StoreError as err:
            raise failure(
                "cannot_write_driver",
                file=manager.name_of(target),
                reason=localized(self._hass, err.reason),
            ) from err
        return target, await self.async_reload()

    async def async_install_bundled(self, name: str, kind: str) -> DriverResult:
        """Copy a bundled driver, or update the copy that exists.

        ``name`` is its type or that of its file; ``kind`` is miner or pool.
        """
        for id_, bundled in self.manager.bundled.items():
            names = (bundled.path.name, bundled.path.stem, id_.driver_type)
            if id_.kind == kind and name in names:
                break
        else:
            raise self._not_bundled(name)
        await self.sources.async_refresh()
        if id_ in self.states:
            return await self.async_update(str(id_))
        await self.async_customize(str(id_))
        return DriverResult(
            id=id_,
            path=bundled.path,
            old_version=None,
            new_version=bundled.version,
        )

    async def async_require(self, path: Path, source: bytes) -> None:
        """Install the packages that a file needs; nothing else is changed."""
        await self._async_whole(self._changes.async_require(path, source))

    async def async_use(
        self, source: bytes, declaration: Declaration, file_name: str
    ) -> DriverResult:
        """Use the content of a file of the user's as a driver, with a backup."""
        return await self._async_whole(self._async_use(source, declaration, file_name))

    async def async_disable(self, path: Path) -> None:
        """Rename a file so that it is not loaded. Raises OSError."""
        # The user may have been faster
        with suppress(FileNotFoundError):
            await self._hass.async_add_executor_job(disable, path)
        await self.manager.async_reload(retry_packages=False)

    # How it is done, one at a time

    async def _async_update(
        self, name: str, kind: str | None, progress: Progress
    ) -> DriverResult:
        state = self._find_inside(name, kind)
        if not state.has_source:
            raise refusal("driver_no_source", driver=str(state.id))
        if state.offer is None:
            await self.async_check(by_hand=False)
            state = self.sources.find(str(state.id))
        if state.offer is None:
            reason = message(self._hass, state.error) if state.error else "?"
            raise failure("driver_source_failed", driver=str(state.id), reason=reason)
        old, new = state.installed_version, state.latest_version
        if state.has_update:
            source = await self.sources.async_content(state.offer)
            progress(30)
            check_types(state.installed, state.offer.declaration)
            await self._changes.async_replace(
                state.installed, source, state.offer.declaration, progress
            )
            _LOGGER.info("Updated the driver %s from %s to %s", state.id, old, new)
        else:
            new = old
        return DriverResult(
            id=state.id,
            path=state.installed.path,
            old_version=old,
            new_version=new,
        )

    async def _async_roll_back(self, name: str, version: str | None) -> DriverResult:
        is_installed = any(name in state.names for state in self.states.values())
        state = self._find_inside(name) if is_installed else None
        ids = [state.id] if state else _ids(name)
        backups = [
            backup
            for id_ in ids
            for backup in await self._changes.async_job(self._files.backups, id_)
        ]
        if state is None and not backups:
            raise self.sources.unknown(name)
        current = state.installed.declaration.sha256 if state else ""
        for backup in backups:
            declaration = backup.declaration
            names = (None, declaration.version, backup.path.stem)
            if declaration.sha256 != current and version in names:
                break
        else:
            versions = dict.fromkeys(item.declaration.version for item in backups)
            listed = ", ".join(versions) or "–"
            raise refusal("driver_no_backup", driver=name, versions=listed)
        result = await self._async_put(state, backup.source, declaration)
        _LOGGER.info("Rolled the driver %s back to %s", name, result.new_version)
        return result

    async def _async_remove(self, name: str) -> DriverResult:
        state = self._find_inside(name)
        await self._changes.async_remove(state.installed)
        _LOGGER.info("Removed the driver %s; it is among the backups", state.id)
        return DriverResult(
            id=state.id,
            path=state.installed.path,
            old_version=state.installed.declaration.version,
            new_version=self.version_of(state.id),
        )

    async def _async_install(
        self, url: URL, sha256: str, file_name: str, index: str | None
    ) -> DriverResult:
        staged = await self._changes.async_job(self._files.staged, sha256)
        if staged is None:
            raise refusal("driver_not_pending")
        source = staged[1]
        declaration = await self.sources.async_declare(file_name, source)
        result = await self._async_use(source, declaration, file_name)
        await self.sources.async_installed(
            result.path, declaration, url, result.old_version, index
        )
        await self._changes.async_job(self._files.unstage, sha256)
        await self.sources.async_refresh()
        _LOGGER.warning(
            "Installed the driver %s %s (SHA-256 %s)",
            declaration.id,
            declaration.version,
            sha256,
        )
        return result

    async def _async_use(
        self, source: bytes, declaration: Declaration, file_name: str
    ) -> DriverResult:
        """Write a file; where there is one for the driver, another version of that."""
        if (state := self.states.get(declaration.id)) is not None:
            self._check_inside(state)
            check_types(state.installed, declaration)
        return await self._async_put(state, source, declaration, file_name)

    async def _async_put(
        self,
        state: DriverState | None,
        source: bytes,
        declaration: Declaration,
        file_name: str | None = None,
    ) -> DriverResult:
        """Write another version of a file, or a new one."""
        if state is None:
            path = await self._changes.async_add(source, declaration, file_name)
        else:
            path = state.installed.path
            await self._changes.async_replace(state.installed, source, declaration)
        return DriverResult(
            id=declaration.id,
            path=path,
            old_version=state.installed.declaration.version if state else None,
            new_version=declaration.version,
        )

    async def _async_whole[T](self, change: Coroutine[Any, Any, T]) -> T:
        """Finish a change, even if the caller is cancelled."""

        async def locked() -> T:
            async with self._changing:
                await self.sources.async_refresh()
                return await change

        return await asyncio.shield(
            self._hass.async_create_task(locked(), "hmm driver change")
        )

    def _find_inside(self, name: str, kind: str | None = None) -> DriverState:
        """Return a driver whose file may be changed."""
        state = self.sources.find(name, kind)
        self._check_inside(state)
        return state

    def _check_inside(self, state: DriverState) -> None:
        if not state.is_inside:
            file = self.manager.name_of(state.installed.path)
            raise refusal("driver_elsewhere", file=file)

    def _not_bundled(self, name: str) -> HomeAssistantError:
        types = sorted(id_.driver_type for id_ in self.manager.bundled)
        return refusal("no_bundled_driver", driver=name, drivers=", ".join(types))


def _ids(name: str) -> list[DriverId]:
    """Return which drivers a name may mean of which there is no file."""
    kind, slash, driver_type = name.partition("/")
    if slash and kind == "miner":
        return [DriverId("miner", driver_type)]
    if slash and kind == "pool":
        return [DriverId("pool", driver_type)]
    return [DriverId("miner", name), DriverId("pool", name)]


def _copy(files: DriverStore, source: Path, target: Path) -> None:
    """Write a new file; an existing one is never overwritten."""
    if os.path.lexists(target):
        raise FileExistsError(target)
    files.write(target, source.read_bytes())
