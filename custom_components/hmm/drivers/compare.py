"""Tries another version of a driver beside the one that runs, on the same answers.

Nothing more is sent to a device or pool: what the running driver is answered is answered
to the other one as well, which runs in a process of its own without network and files
(``driver_engine.replay``). One comparison at a time; it ends with Home Assistant.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
import logging
from pathlib import Path
from typing import Any, Final, Literal

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback

from ..const import CONF_CREDENTIALS, CONF_DRIVER, CONF_OWN_RISK
from ..data import HmmConfigEntry
from ..driver_api import OWN_RISK
from ..driver_api.transports.recording import Recording
from ..driver_engine.candidate import Candidate, CandidateFailed, reason_of_answer
from ..driver_engine.comparison import Comparison, readable
from ..driver_engine.declaration import Declaration, DriverId, NotADriver, declare
from ..driver_engine.driver_files import DriverFile, UnusableFile, read_file
from ..driver_engine.faults import why
from ..driver_engine.legacy.siblings import with_siblings
from ..driver_engine.shadow import Poll
from ..errors import failure, localized, refusal
from ..markdown import own_issues, printable
from ..miner.coordinator import MinerCoordinator
from ..pool.coordinator import PoolCoordinator
from .install import (
    DATA_FILE_NAME,
    DATA_SHA256,
    DRIVER_INSTALL,
    PendingDriver,
    as_pending,
)
from .manager import DriverChange, id_of
from .service import DriverResult, DriverService

_LOGGER = logging.getLogger(__name__)

MAX_POLLS: Final = 100
USUAL_POLLS: Final = 5

_MAX_FILES: Final = 50
_PATIENCE: Final = 2
_MAX_SKIPPED: Final = {"miner": 1, "pool": 10}
"""Polls until the running driver has sent all requests that the other one needs:
a miner's connects again for that, a pool's keeps some answers for minutes."""
_LONGEST: Final = 300

type Origin = Literal["backup", "bundled", "file", "web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """A version that can be tried; nothing of it has been run."""

    key: str
    """By what it is chosen: ``bundled``, the name of a backup or of a file."""
    origin: Origin
    file_name: str
    source: bytes = field(repr=False)
    declaration: Declaration
    pending: PendingDriver | None = None
    """What a repair asks about, if it is from the web."""


@dataclass(slots=True, kw_only=True)
class DriverTrial:
    """A version beside the one that runs, and what came of it so far."""

    id: DriverId
    entry: HmmConfigEntry
    offered: Offered
    running_version: str
    wanted: int
    """How many polls are to be compared."""
    comparison: Comparison = field(default_factory=Comparison)
    failed: str | None = None
    """Why it ended early, in the language of Home Assistant."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)


class DriverTrials:
    """The comparison that runs, or ran last."""

    def __init__(self, hass: HomeAssistant, service: DriverService) -> None:
        """Start without any."""
        self.current: DriverTrial | None = None
        self._hass = hass
        self._service = service
        self._manager = service.manager
        self._run: _Run | None = None
        self._starting = asyncio.Lock()
        self._manager.async_add_change_listener(self._changing)
        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, self._async_stop)

    def entries(self) -> list[HmmConfigEntry]:
        """Return the miners and pools that another version can be tried on."""
        return [
            entry
            for driver in self._manager.drivers
            for entry in self._manager.entries_of(driver)
            if entry.state is ConfigEntryState.LOADED
        ]

    async def async_offers(self, entry: HmmConfigEntry) -> dict[str, Offered]:
        """Return the other versions of an entry's driver, by what they are chosen."""
        id_ = self._id_of(entry)
        backups = [
            backup
            for kept in (await self._service.async_backups()).values()
            for backup in kept
            if id_ in backup.declaration.drivers
        ]
        offers = [
            Offered(
                key=backup.path.stem,
                origin="backup",
                file_name=backup.path.name,
                source=backup.source,
                declaration=backup.declaration,
            )
            for backup in backups
        ]
        offers += await self._hass.async_add_executor_job(
            self._read_offers, id_, self._pending()
        )
        running = self._sha256(id_)
        return {
            offer.key: offer for offer in offers if offer.declaration.sha256 != running
        }

    async def async_start(
        self, entry: HmmConfigEntry, offered: Offered, wanted: int = USUAL_POLLS
    ) -> DriverTrial:
        """Begin to try a version: its code is run from now on.

        Raises HomeAssistantError: it does not load, another one is being tried, or
        the miner or pool is not set up.
        """
        async with self._starting:
            if self._run is not None:
                raise refusal("compare_running")
            coordinator = getattr(entry, "runtime_data", None)
            if entry.state is not ConfigEntryState.LOADED or not isinstance(
                coordinator, MinerCoordinator | PoolCoordinator
            ):
                raise refusal("compare_not_loaded", name=entry.title)
            id_ = self._id_of(entry)
            running = self._sha256(id_)
            path = self._place_of(id_, offered)
            # It is loaded only there: whoever installs a file gives it more rights
            await self._service.async_require(path, offered.source)
            file = await self._hass.async_add_executor_job(
                with_siblings, DriverFile(path, offered.source)
            )
            trial = DriverTrial(
                id=id_,
                entry=entry,
                offered=offered,
                running_version=self._service.version_of(id_) or "?",
                wanted=min(max(wanted, 1), MAX_POLLS),
            )
            run = _Run(self._hass, trial, coordinator, Candidate(file, id_))
            try:
                await run.candidate.start(dict(self._manager.drivers.settings))
            except CandidateFailed as err:
                reason = localized(self._hass, err.reason)
                line = str(err.line or "?")
                raise failure("compare_not_started", reason=reason, line=line) from err
            if (
                getattr(entry, "runtime_data", None) is not coordinator
                or self._sha256(id_) != running
            ):
                # Meanwhile it was set up again, or got another driver
                await run.candidate.close()
                raise refusal("compare_not_loaded", name=entry.title)
            self.current, self._run = trial, run
            # It stays until then, and must not hold all that this trial has
            entry.async_on_unload(lambda: self._left(entry))
            run.begin(self._ended)
        _LOGGER.info(
            "%s is read with %s %s as well, without a request more",
            entry.title,
            id_,
            offered.declaration.version,
        )
        return trial

    async def async_wait(self, trial: DriverTrial) -> None:
        """Wait for its end, but not for ever: a miner that is off is not polled well."""
        interval = trial.entry.runtime_data.update_interval
        assert interval is not None
        polls = trial.wanted + _MAX_SKIPPED[trial.id.kind] + 1
        seconds = polls * _PATIENCE * interval.total_seconds()
        try:
            async with asyncio.timeout(seconds):
                await trial.ended.wait()
        except TimeoutError:
            if self._run is not None and self._run.trial is trial:
                await self._run.async_end(localized(self._hass, why("compare_late")))

    async def async_drop(self) -> None:
        """End the comparison and forget it; the running driver continues."""
        run, self.current = self._run, None
        if run is not None:
            await run.async_end(None)

    async def async_take_over(self) -> DriverResult:
        """Use the version that was tried from now on. Raises HomeAssistantError."""
        if (trial := self.current) is None:
            raise refusal("compare_none")
        await self.async_drop()
        offered, driver = trial.offered, str(trial.id)
        match offered.origin:
            case "bundled":
                return await self._service.async_remove(driver)
            case "backup":
                return await self._service.async_roll_back(driver, offered.key)
            case "web":
                assert offered.pending is not None
                return await self._service.async_accept(offered.pending)
        return await self._service.async_use(
            offered.source, offered.declaration, offered.file_name
        )

    # How it is done

    def _id_of(self, entry: HmmConfigEntry) -> DriverId:
        is_miner = isinstance(getattr(entry, "runtime_data", None), MinerCoordinator)
        return DriverId("miner" if is_miner else "pool", entry.data[CONF_DRIVER])

    def _sha256(self, id_: DriverId) -> str | None:
        drivers = self._manager.drivers
        return next((driver.sha256 for driver in drivers if id_of(driver) == id_), None)

    def _place_of(self, id_: DriverId, offered: Offered) -> Path:
        """Return as which file it runs: what it imports lies beside that one."""
        state = self._service.states.get(id_)
        if state is not None and state.is_inside:
            return state.installed.path
        name = f"{id_.driver_type}_driver.py"
        return self._manager.folder / f"{id_.kind}_drivers" / name

    def _pending(self) -> list[dict[str, Any]]:
        """Return the data of the repair issues about downloads."""
        return [
            {**issue.data}
            for issue in own_issues(self._hass)
            if issue.translation_key == DRIVER_INSTALL and issue.data
        ]

    def _read_offers(
        self, id_: DriverId, pending: list[dict[str, Any]]
    ) -> list[Offered]:
        """Read the files that are no backups (executor)."""
        sources: list[tuple[str, Origin, str, bytes, dict[str, Any] | None]] = []
        for install in pending:
            sha256, name = str(install[DATA_SHA256]), str(install[DATA_FILE_NAME])
            if (staged := self._service.sources.files.staged(sha256)) is not None:
                sources.append((f"web-{sha256[:8]}", "web", name, staged[1], install))
        bundled = self._manager.bundled.get(id_)
        state = self._service.states.get(id_)
        if bundled is not None and (state is None or state.is_inside):
            source = bundled.path.read_bytes()
            sources.append(("bundled", "bundled", bundled.path.name, source, None))
        root = self._manager.folder
        folders = (root / f"{id_.kind}_drivers", root)
        paths = [path for folder in folders for path in sorted(folder.glob("*.py*"))]
        for path in paths[:_MAX_FILES]:
            try:
                source = read_file(path, root.parent).source
            except UnusableFile:
                continue
            sources.append((path.name, "file", path.name, source, None))
        offers = []
        for key, origin, name, source, asked_of in sources:
            try:
                declaration = declare(source, Path(f"{id_.kind}_drivers", name))
            except NotADriver:
                continue
            if id_ in declaration.drivers:
                offers.append(
                    Offered(
                        key=key,
                        origin=origin,
                        file_name=name,
                        source=source,
                        declaration=declaration,
                        pending=as_pending(asked_of, declaration) if asked_of else None,
                    )
                )
        return offers

    @callback
    def _ended(self, run: _Run) -> None:
        if self._run is run:
            self._run = None

    @callback
    def _left(self, entry: HmmConfigEntry) -> None:
        """End with the entry: another coordinator follows, or none."""
        if self._run is not None and self._run.trial.entry is entry:
            self._run.end_soon(localized(self._hass, why("compare_left")))

    @callback
    def _changing(self, changes: Sequence[DriverChange]) -> None:
        run = self._run
        if run is not None and any(change.id == run.trial.id for change in changes):
            run.end_soon(localized(self._hass, why("compare_changed")))

    async def _async_stop(self, event: Event) -> None:
        await self.async_drop()


class _Run:
    """What is held while a version is tried."""

    def __init__(
        self,
        hass: HomeAssistant,
        trial: DriverTrial,
        coordinator: MinerCoordinator | PoolCoordinator,
        candidate: Candidate,
    ) -> None:
        """Hold it; ``begin`` starts to listen."""
        self.trial = trial
        self.candidate = candidate
        self._hass = hass
        self._coordinator = coordinator
        self._recording = Recording()
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._seen: object = coordinator.data
        self._is_busy = False
        self._skipped = 0
        self._on_end: Callable[[_Run], None] = lambda run: None

    def begin(self, on_end: Callable[[_Run], None]) -> None:
        """Compare each poll from now on."""
        self._on_end = on_end
        self._coordinator.recording = self._recording
        self._unsubscribe = self._coordinator.async_add_listener(self._polled)

    async def async_end(self, failed: str | None) -> None:
        """End it; ``failed`` says why it is early."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
            self._coordinator.recording = None
            self.trial.failed = failed
            self._on_end(self)
        await self.candidate.close()
        self.trial.ended.set()

    @callback
    def end_soon(self, failed: str) -> None:
        """End it from where nothing can be awaited."""
        if self._unsubscribe is not None:
            self._hass.async_create_task(self.async_end(failed), "hmm driver trial")

    @callback
    def _polled(self) -> None:
        coordinator = self._coordinator
        data = coordinator.data
        if not coordinator.last_update_success or data is self._seen or self._is_busy:
            return
        self._seen = data
        if not self._recording.answers:
            self.end_soon(localized(self._hass, why("compare_nothing")))
            return
        self._is_busy = True
        self._hass.async_create_background_task(
            self._async_compare(), "hmm driver trial"
        )

    async def _async_compare(self) -> None:
        running = readable(self._coordinator.data)
        try:
            answer = await self.candidate.poll(self._question())
        except CandidateFailed as err:
            await self.async_end(localized(self._hass, err.reason))
            return
        finally:
            self._is_busy = False
        comparison = self.trial.comparison
        missed = [
            printable(str(request), _LONGEST) for request in answer["missed"][:20]
        ]
        if missed and await self._async_skip():
            return
        comparison.note_missed(missed)
        read = answer.get("fields")
        if isinstance(read, dict):
            comparison.note(running, read)
        else:
            reason = reason_of_answer(answer.get("failed")) or why("candidate_odd")
            comparison.note_failure(printable(localized(self._hass, reason), _LONGEST))
        if comparison.polls >= self.trial.wanted:
            await self.async_end(None)

    async def _async_skip(self) -> bool:
        """Return whether a poll does not count, as an answer is missing that may come.

        The other driver begins by finding out whom it is talking to, which the
        running one has done long ago: that of a miner connects again, once.
        """
        if self._skipped >= _MAX_SKIPPED[self.trial.id.kind]:
            return False
        coordinator = self._coordinator
        if isinstance(coordinator, MinerCoordinator):
            if coordinator.commands_running:
                return False
            await coordinator.client.disconnect()
        self._skipped += 1
        return True

    def _question(self) -> Poll:
        answers = dict(self._recording.answers)
        coordinator = self._coordinator
        if isinstance(coordinator, PoolCoordinator):
            return Poll(answers, account=coordinator.account)
        entry = coordinator.config_entry
        options = dict(entry.data.get(CONF_CREDENTIALS, {}))
        if entry.options.get(CONF_OWN_RISK):
            options[OWN_RISK] = True
        client = coordinator.client
        return Poll(answers, client.host, client.port, options)
