"""Holds the drivers that run, loads them again and reports what is broken."""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
from pathlib import Path
import time
from typing import Any

from aiohttp import ClientSession
from homeassistant.config_entries import (
    ConfigEntryState,
    OperationNotAllowed,
    UnknownEntry,
)
from homeassistant.const import EVENT_CORE_CONFIG_UPDATE, EVENT_HOMEASSISTANT_CLOSE
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.translation import (
    async_get_translations,
    async_load_integrations,
)

from ..const import CONF_DRIVER, CONF_ENTRY_TYPE, DOMAIN
from ..data import HmmConfigEntry
from ..driver_api import BaseMinerAdapter, BasePoolIntegration, DriverError
from ..driver_engine.declaration import DriverId
from ..driver_engine.driver_thread import end_threads
from ..driver_engine.guard import make_driver
from ..driver_engine.hanging import is_apart, set_apart, watch
from ..driver_engine.known_pools import KnownPools, load_known_pools
from ..driver_engine.loaded import AnyLoaded, FailedDriver, LoadedDriver, LoadedDrivers
from ..driver_engine.loader import BUNDLED, forget_modules, load_drivers
from ..driver_engine.pool_client import (
    attach_session,
    close_pool_driver,
    make_pool_driver,
)
from ..driver_engine.requirements import Needs, optional_drivers, users_needs
from ..listeners import notify_all
from ..miner.coordinator import MinerCoordinator
from ..pool.defaults import (
    ConfigFile,
    async_read_defaults,
    async_show_issue,
    read_config_file,
)
from .issues import async_show_issues
from .packages import PackageInstaller
from .stock_files import StockDecisions

_LOGGER = logging.getLogger(__name__)

# Entries in these states have a driver, or would like to have one
_IN_USE = (
    ConfigEntryState.FAILED_UNLOAD,
    ConfigEntryState.LOADED,
    ConfigEntryState.SETUP_ERROR,
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.SETUP_RETRY,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverChange:
    """What became of a driver type: one of the two sides may be None, not both."""

    id: DriverId
    before: AnyLoaded | None
    after: AnyLoaded | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadReport:
    """What a reload did."""

    changes: tuple[DriverChange, ...]
    failed: tuple[FailedDriver, ...]
    """All driver and pool files that cannot be used now."""
    entries: tuple[HmmConfigEntry, ...]
    """Those that were set up again, or continued with the new version without a gap.

    Their state shows how that went.
    """
    seconds: float

    def followed_by(self, later: ReloadReport) -> ReloadReport:
        """Return one report for two reloads in a row."""
        changes = {change.id: change for change in self.changes}
        for change in later.changes:
            before = changes[change.id].before if change.id in changes else None
            changes[change.id] = DriverChange(
                id=change.id, before=before or change.before, after=change.after
            )
        return ReloadReport(
            changes=tuple(changes.values()),
            failed=later.failed,
            entries=tuple(dict.fromkeys((*self.entries, *later.entries))),
            seconds=self.seconds + later.seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Packages:
    """The packages that the files need, as of the last scan."""

    optional: Mapping[DriverId, Needs] = field(default_factory=dict)
    """All bundled drivers that need packages, wanted or not."""
    files: tuple[Needs, ...] = ()
    """The wanted ones of these, then the files of the user."""
    withheld: Mapping[Path, FailedDriver] = field(default_factory=dict)


class DriverManager:
    """The drivers and known pools that run now.

    ``drivers`` and ``known_pools`` are replaced by a reload, never changed: take
    them from here each time.
    """

    def __init__(self, hass: HomeAssistant, pool_session: ClientSession) -> None:
        """Start without any; ``async_load`` brings them."""
        self.folder = Path(hass.config.path(DOMAIN))
        """``<config>/hmm``"""
        self.drivers = LoadedDrivers()
        self.known_pools = KnownPools()
        self.stock_decisions = StockDecisions(hass)
        self._hass = hass
        self._pool_session = pool_session
        self._pool_drivers: dict[
            type[BasePoolIntegration], BasePoolIntegration | DriverError
        ] = {}
        """Those that were made, or why one could not be."""
        self._lock = asyncio.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._change_listeners: list[Callable[[Sequence[DriverChange]], None]] = []
        self._reported: set[FailedDriver] = set()
        self._reported_skipped: list[Path] = []
        self._reported_stock: set[Path] = set()
        self._packages = _Packages()
        self._installer = PackageInstaller(hass, self._async_installed_late)
        self._requested: set[DriverId] = set()
        """Optional drivers that a flow wants, before there is an entry."""
        self._stop_watching = watch(self._async_hanging_changed)
        hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._async_config_changed)
        # Not before: polls and commands may continue until then
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_CLOSE, self._async_end_threads)

    @property
    def failed(self) -> list[FailedDriver]:
        """Return the driver and pool files that cannot be used."""
        return [*self.drivers.failed, *self.known_pools.failed]

    @property
    def bundled(self) -> dict[DriverId, AnyLoaded]:
        """Return the bundled drivers, also those that the user replaced."""
        return {
            id_of(driver): driver
            for loaded in self.drivers
            if (driver := loaded if loaded.bundled else loaded.replaces) is not None
        }

    @property
    def optional(self) -> dict[DriverId, Needs]:
        """Return the bundled drivers that need packages, loaded or not."""
        return dict(self._packages.optional)

    def why_missing(self, id_: DriverId) -> FailedDriver | None:
        """Return why a driver is not there though its file is, None if it is not."""
        paths = {needs.path for needs in self._packages.files if id_ in needs.drivers}
        return next(
            (failed for failed in self.drivers.failed if failed.path in paths), None
        )

    def name_of(self, path: Path) -> str:
        """Return a file's path below the config folder, or that of a bundled one."""
        is_bundled = path.is_relative_to(BUNDLED)
        root = BUNDLED.parent if is_bundled else self.folder.parent
        name = path.relative_to(root).as_posix()
        # The bytes of a name need not be text, but what is stored must
        return name.encode(errors="replace").decode()

    @callback
    def entries_of(self, driver: AnyLoaded) -> list[HmmConfigEntry]:
        """Return the entries of a driver's type, also those that are disabled."""
        return self.entries_of_types([id_of(driver)])

    @callback
    def entries_of_types(self, ids: Iterable[DriverId]) -> list[HmmConfigEntry]:
        """Return the entries of some types, whether there is a driver or not."""
        # Not a set: the data of a damaged entry may be anything
        wanted = [(id_.kind, id_.driver_type) for id_ in ids]
        return [
            entry
            for entry in self._hass.config_entries.async_entries(
                DOMAIN, include_ignore=False
            )
            if (entry.data.get(CONF_ENTRY_TYPE), entry.data.get(CONF_DRIVER)) in wanted
        ]

    def pool_driver(
        self, loaded: LoadedDriver[BasePoolIntegration]
    ) -> BasePoolIntegration:
        """Return the one instance that serves all accounts of a kind of pool.

        It is shared, so that accounts share what the pool reports of a coin. Raises
        DriverError if the driver cannot even be made.
        """
        if (driver := self._pool_drivers.get(loaded.driver_class)) is None:
            driver = make_pool_driver(loaded.driver_class, self._pool_session)
            self._pool_drivers[loaded.driver_class] = driver
        if isinstance(driver, DriverError):
            raise driver
        return driver

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` after each reload, once its entries are set up again."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_add_change_listener(
        self, listener: Callable[[Sequence[DriverChange]], None]
    ) -> None:
        """Call ``listener`` with what a reload changes, before its entries take it over."""
        self._change_listeners.append(listener)

    async def async_load(self) -> None:
        """Load everything for the first time; a broken file becomes a repair issue.

        Drivers whose packages must be installed first follow later: nothing waits.
        """
        await self.stock_decisions.async_load()
        async with self._lock:
            await self._async_replace()
            users = [driver for driver in self.drivers if not driver.bundled]
            for driver in users:
                self._log_loaded(driver)
            _LOGGER.info(
                "Loaded %d miner drivers, %d pool drivers and %d pools; %d of the"
                " drivers are from the configuration folder, %d files cannot be used",
                len(self.drivers.miners),
                len(self.drivers.pools),
                len(self.known_pools.pools),
                len(users),
                len(self.failed),
            )
        # Home Assistant installs one thing at a time, and looks at the packages of an
        # integration only when it is done: no start waits for a driver.
        async_at_started(self._hass, self._async_begin_to_install)

    async def async_reload(self, *, retry_packages: bool = True) -> ReloadReport:
        """Load what has changed, and set up the entries of these drivers again.

        A miner that is the same to the new version continues with it without a gap.
        Nothing else is touched. A file that can no longer be loaded leaves its
        driver running; one that is gone makes room for the bundled driver. Reloads
        at the same time come one after the other. Drivers that need packages follow
        when these are installed, all others do not wait for them. With
        ``retry_packages``, those that could not be installed are tried again.
        """
        if retry_packages:
            self._installer.async_forget_failures()
        report = await self._async_reload_once()
        later = await self._async_install_waiting()
        return report.followed_by(later) if later else report

    async def async_decide_stock(self, wanted: Collection[str]) -> ReloadReport:
        """Run those of HMM-Local's own files whose SHA-256 is ``wanted``, no others."""
        files = {file.sha256 for file in self.drivers.stock}
        await self.stock_decisions.async_decide(files, wanted)
        return await self.async_reload(retry_packages=False)

    async def async_load_optional(self, id_: DriverId) -> FailedDriver | None:
        """Install the packages of an optional driver and load it, or say why not."""
        self._requested.add(id_)
        if id_ not in {id_of(driver) for driver in self.drivers}:
            await self.async_reload()
        return self.why_missing(id_)

    async def async_require(self, needs: Needs) -> FailedDriver | None:
        """Install what a file needs that is not loaded yet, or say why not."""
        self._installer.async_forget_failures(needs.requirements)
        files = [other for other in self._packages.files if other.path != needs.path]
        withheld = await self._installer.async_withheld([*files, needs])
        if (problem := withheld.get(needs.path)) is None or not problem.waiting:
            return problem
        await self._installer.async_install([needs])
        return (await self._installer.async_withheld([*files, needs])).get(needs.path)

    async def _async_install_waiting(self) -> ReloadReport | None:
        """Install what files wait for, and load these; None if there are none."""
        paths = {file.path for file in self._packages.withheld.values() if file.waiting}
        waiting = [needs for needs in self._packages.files if needs.path in paths]
        if not waiting:
            return None
        await self._installer.async_install(waiting)
        report = await self._async_reload_once()
        # Entries that wait fail now: the packages will not come
        wanting = {
            id_
            for needs in waiting
            for id_ in needs.drivers
            if (failed := self.why_missing(id_)) and not failed.waiting
        }
        await asyncio.gather(
            *(
                self._async_reload_entry(entry)
                for entry in self.entries_of_types(wanting)
                if entry.state is ConfigEntryState.SETUP_RETRY
            )
        )
        return report

    @callback
    def _async_begin_to_install(self, hass: HomeAssistant) -> None:
        hass.async_create_background_task(
            self._async_install_waiting(), "hmm packages of drivers"
        )

    @callback
    def _async_installed_late(self) -> None:
        self._hass.async_create_background_task(
            self._async_reload_once(), "hmm packages of drivers"
        )

    async def _async_reload_once(self) -> ReloadReport:
        async with self._lock:
            start = time.monotonic()
            before = self.drivers
            await self._async_replace()
            changes = _changes(before, self.drivers)
            for change in changes:
                self._log_change(change)
            notify_all(self._change_listeners, changes)
            entries = [
                entry
                for entry in self.entries_of_types(change.id for change in changes)
                if entry.state in _IN_USE
            ]
            await asyncio.gather(*map(self._async_reload_entry, entries))
            await self._async_close_unused()
            forget_modules(self.drivers)
            report = ReloadReport(
                changes=tuple(changes),
                failed=tuple(self.failed),
                entries=tuple(entries),
                seconds=time.monotonic() - start,
            )
            _LOGGER.info(
                "Reloaded the drivers: %d changed, %d entries took that over, %d files"
                " cannot be used",
                len(changes),
                len(entries),
                len(report.failed),
            )
        for loaded in tuple(self._listeners):
            loaded()
        return report

    async def _async_replace(self) -> None:
        """Load everything and show what is wrong."""
        self._packages = await self._async_check_packages()
        (
            self.drivers,
            self.known_pools,
            config_file,
        ) = await self._hass.async_add_executor_job(
            _load,
            self.folder,
            self.drivers,
            self.known_pools,
            self._packages,
            self.stock_decisions.wanted,
        )
        # Repairs are filled with them, and at the start they may not be there yet
        await async_load_integrations(self._hass, {DOMAIN})
        await self._async_set_apart()
        async_show_issue(self._hass, config_file)
        self._log_passed_over()
        self._log_stock()
        for failed in self.failed:
            if failed.waiting:
                _LOGGER.info("%s: %s", self.name_of(failed.path), failed.reason)
            elif failed not in self._reported:
                _LOGGER.error(
                    "%s cannot be used: %s (line %s)",
                    self.name_of(failed.path),
                    failed.reason,
                    failed.line or "?",
                )
        self._reported = set(self.failed)
        async_show_issues(self._hass, self)

    async def _async_set_apart(self) -> None:
        """Let the drivers of others run in threads of their own.

        These are the user's, and those that consist of a package of someone else.
        Those of pools are made now, as that may take a while.
        """
        for driver in self.drivers:
            if driver.optional or not driver.bundled:
                set_apart(driver.driver_class, self.name_of(driver.path))
        await asyncio.gather(
            *(
                self._async_make_pool_driver(driver.driver_class)
                for driver in self.drivers.pools.values()
                if is_apart(driver.driver_class)
                and driver.driver_class not in self._pool_drivers
            )
        )

    async def _async_make_pool_driver(self, kind: type[BasePoolIntegration]) -> None:
        made: BasePoolIntegration | DriverError
        try:
            made = await make_driver(kind, attach_session, self._pool_session)
        except DriverError as err:
            made = err
        self._pool_drivers[kind] = made

    @callback
    def _async_hanging_changed(self) -> None:
        async_show_issues(self._hass, self)

    async def _async_config_changed(self, event: Event[Any]) -> None:
        """Show the repairs in a new language: Home Assistant keeps their reasons."""
        if "language" in event.data:
            language = self._hass.config.language
            await async_get_translations(self._hass, language, "exceptions", {DOMAIN})
            async_show_issues(self._hass, self)
            await async_read_defaults(self._hass)

    async def _async_end_threads(self, event: Event) -> None:
        self._stop_watching()
        await end_threads()

    async def _async_check_packages(self) -> _Packages:
        """Return what the files need that are to be loaded now."""
        optional, users = await self._hass.async_add_executor_job(
            _read_needs, self.folder
        )
        wanted = [
            needs
            for id_, needs in optional.items()
            if id_ in self._requested or self.entries_of_types([id_])
        ]
        files = (*wanted, *users)
        return _Packages(
            optional=optional,
            files=files,
            withheld=await self._installer.async_withheld(files),
        )

    async def _async_reload_entry(self, entry: HmmConfigEntry) -> None:
        if await self._async_goes_on(entry):
            return
        try:
            await self._hass.config_entries.async_reload(entry.entry_id)
        except UnknownEntry:
            pass  # The user has just removed it
        except OperationNotAllowed as err:
            # It could not be unloaded, now or before
            _LOGGER.error("%s goes on with its old driver: %s", entry.title, err)

    async def _async_goes_on(self, entry: HmmConfigEntry) -> bool:
        """Let a miner continue with a new version of its driver, if that suffices."""
        driver = self.drivers.miners.get(entry.data[CONF_DRIVER])
        if driver is None or entry.state is not ConfigEntryState.LOADED:
            return False
        coordinator = entry.runtime_data
        try:
            return isinstance(coordinator, MinerCoordinator) and (
                await coordinator.async_try_driver(driver.driver_class)
            )
        except Exception:
            # An entity that cannot take it must not keep the others from theirs
            _LOGGER.exception("%s is set up again", entry.title)
            return False

    async def _async_close_unused(self) -> None:
        """Let pool drivers that were replaced release what they hold."""
        in_use = {driver.driver_class for driver in self.drivers.pools.values()}
        unused = [
            self._pool_drivers.pop(driver_class)
            for driver_class in tuple(self._pool_drivers)
            if driver_class not in in_use
        ]
        await asyncio.gather(
            *(
                close_pool_driver(driver)
                for driver in unused
                if not isinstance(driver, DriverError)
            )
        )

    def _log_loaded(self, driver: AnyLoaded) -> None:
        _LOGGER.warning(
            "Loaded the driver %s %s from %s (%s, SHA-256 %s). It runs with all rights"
            " of Home Assistant",
            id_of(driver),
            driver.version,
            self.name_of(driver.path),
            variant_of(driver),
            driver.sha256,
        )

    def _log_passed_over(self) -> None:
        """Report the plug-ins of a copied folder that do nothing here, once."""
        passed_over = self.drivers.passed_over
        if passed_over and passed_over != self._reported_skipped:
            _LOGGER.warning(
                "Not loaded, as they are no drivers of miners or pools but energy"
                " providers or strategies of HMM-Local: %s. Home Assistant has its own"
                " integrations and automations for these",
                ", ".join(map(self.name_of, passed_over)),
            )
        self._reported_skipped = passed_over

    def _log_stock(self) -> None:
        """Report once which files of HMM-Local have made room for bundled drivers."""
        unseen = self.stock_decisions.unseen(self.drivers.stock)
        if new := {file.path for file in unseen} - self._reported_stock:
            _LOGGER.warning(
                "HMM's own drivers run in place of these files, which came with"
                " HMM-Local and are unchanged: %s. To use yours anyway, see Settings >"
                " Repairs",
                ", ".join(sorted(map(self.name_of, new))),
            )
        self._reported_stock |= new

    def _log_change(self, change: DriverChange) -> None:
        if change.after is None:
            _LOGGER.warning("The driver %s is gone", change.id)
        elif change.after.bundled:
            _LOGGER.info(
                "The bundled driver %s %s is used now",
                change.id,
                change.after.version,
            )
        else:
            self._log_loaded(change.after)


def id_of(driver: AnyLoaded) -> DriverId:
    """Return which driver it is."""
    is_miner = issubclass(driver.driver_class, BaseMinerAdapter)
    return DriverId("miner" if is_miner else "pool", driver.driver_type)


def variant_of(driver: AnyLoaded) -> str:
    """Return what a driver's class extends, which decides how it is run."""
    base = driver.driver_class.__base__
    assert base is not None
    return base.__name__


def _read_needs(folder: Path) -> tuple[dict[DriverId, Needs], list[Needs]]:
    return optional_drivers(), users_needs(folder)


def _load(
    folder: Path,
    running: LoadedDrivers,
    previous: KnownPools,
    packages: _Packages,
    stock_wanted: Collection[str],
) -> tuple[LoadedDrivers, KnownPools, ConfigFile]:
    config_file = read_config_file(folder.parent)
    content = config_file.content
    drivers = load_drivers(
        folder,
        # Drivers continue with what they had while the file cannot be read
        running.settings if content is None else content,
        running,
        optional=[needs.path for needs in packages.files if needs.bundled],
        withheld=packages.withheld,
        stock_wanted=stock_wanted,
    )
    pools = load_known_pools(folder, drivers)
    failed = {failure.path for failure in pools.failed}
    for template_id, pool in previous.pools.items():
        # A pool of a file that got worse stays in the list
        if pool.path in failed and pool.driver_type in drivers.pools:
            pools.pools[template_id] = pool
    return drivers, pools, config_file


def _changes(before: LoadedDrivers, after: LoadedDrivers) -> list[DriverChange]:
    """Return which drivers are others now; the same class is the same driver."""
    old = {id_of(driver): driver for driver in before}
    new = {id_of(driver): driver for driver in after}
    return [
        DriverChange(id=id_, before=old.get(id_), after=new.get(id_))
        for id_ in dict.fromkeys((*old, *new))
        if id_ not in old
        or id_ not in new
        or old[id_].driver_class is not new[id_].driver_class
    ]
