"""The whole life of a driver: steps of the "Configure" of the fleet."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
import logging
from typing import Any

from homeassistant.config_entries import ConfigEntryState, ConfigFlowResult, OptionsFlow
from homeassistant.const import CONF_URL
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import (
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_DRIVER
from ..data import HmmConfigEntry, get_data
from ..driver_engine.declaration import DriverId
from ..driver_engine.driver_store import Backup
from ..driver_engine.metrics import DriverMetrics
from ..errors import failure, localized, message
from ..flow_tools import async_start_progress, async_words, choice, words_field
from ..languages import home_language
from ..markdown import Markdown, code, escape, printable
from .actions import CONF_SHA256, CONF_VERSION, sha256
from .install import PendingDriver, described
from .issues import listed_stock, stock_label
from .manager import ReloadReport, id_of
from .overview import async_overview
from .service import DriverResult, DriverService
from .sources import DriverState

_LOGGER = logging.getLogger(__name__)

CONF_ANSWER = "answer"
CONF_FILES = "files"

SOON_SECONDS = 3.0
"""How long a step waits for what it does before it shows a progress."""

_NONE = "–"
_INSTALL = "install"
_WEB_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.URL)
        ),
        vol.Required(CONF_SHA256): TextSelector(),
    }
)
_ANSWER_SCHEMA = vol.Schema(
    {vol.Required(CONF_ANSWER): words_field("driver_answer", _INSTALL, "discard")}
)

type Texts = dict[str, str]
"""What a step says: its placeholders."""

type _Step = Callable[
    [DriverSteps, dict[str, Any] | None], Coroutine[Any, Any, ConfigFlowResult]
]


def _result(step_id: str, *options: str) -> _Step:
    """Return the step that shows what a job did, and what can be done next."""

    async def step(
        self: DriverSteps, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        offered = [
            option
            for option in options
            if option != "update" or self._service.has_updates
        ]
        return self.async_show_menu(
            step_id=step_id,
            menu_options=[*offered, "drivers", "finish"],
            description_placeholders=self._texts,
        )

    return step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Something that takes a while."""

    task: asyncio.Task[Texts]
    done: str
    """The step that follows, with what the job returned."""
    failed: str
    """The step that follows if it raised, with what the error says."""


class DriverSteps(OptionsFlow):
    """Lists, reloads, customizes, installs, rolls back and removes drivers.

    ``DriverService`` does it, as for the actions.
    """

    def __init__(self) -> None:
        """Start with nothing chosen."""
        self._job: _Job | None = None
        self._texts: Texts = {}
        self._typed: dict[str, Any] = {}
        """What was entered in the form of the web, in case it must be corrected."""
        self._error: HomeAssistantError | None = None
        self._pending: PendingDriver | None = None
        self._driver = ""
        """Which one is to be rolled back or removed, as ``miner/bitaxe``."""

    @property
    def _service(self) -> DriverService:
        return get_data(self.hass).driver_service

    async_step_reloaded = _result("reloaded", "reload")
    async_step_checked = _result("checked", "update")
    async_step_updated = _result("updated")
    async_step_customised = _result("customised", "reload")
    async_step_installed = _result("installed")
    async_step_rolled_back = _result("rolled_back")
    async_step_removed = _result("removed")

    async def async_step_drivers(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what can be done now."""
        self._error = None
        service = self._service
        offered = {
            "overview": True,
            "reload": True,
            "check": True,
            "update": service.has_updates,
            "customise": bool(service.customizable),
            "stock": bool(service.manager.drivers.stock),
            "install": True,
            "indexes": True,
            "roll_back": bool(await service.async_backups()),
            "remove": bool(service.own),
            "compare": bool(get_data(self.hass).driver_trials.entries()),
            "driver_go_back": bool(service.own),
        }
        return self.async_show_menu(
            step_id="drivers",
            menu_options=[step for step, is_possible in offered.items() if is_possible],
            description_placeholders={"folder": code(str(service.manager.folder))},
        )

    async def async_step_finish(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Close the dialog; there are no options to be saved."""
        return self.async_create_entry(data=dict(self.config_entry.options))

    # To look at

    async def async_step_overview(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show all drivers."""
        word = await async_words(self.hass)
        rows = [
            (
                escape(row.name),
                word("driver_kind", row.kind) if row.kind else _NONE,
                escape(row.version or _NONE),
                word("driver_source", row.source),
                word("driver_state", row.state),
                *_polls(row.metrics),
            )
            for row in await async_overview(self.hass)
        ]
        return self.async_show_menu(
            step_id="overview",
            menu_options=["drivers", "finish"],
            description_placeholders={
                "drivers": Markdown("\n".join(f"| {' | '.join(row)} |" for row in rows))
            },
        )

    # Reload

    async def async_step_reload(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Load what has changed."""

        async def reload() -> Texts:
            return self._report(await self._service.async_reload())

        return await self._do(reload(), done="reloaded", failed="failed")

    # Updates

    async def async_step_check(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Check the sources of all drivers."""

        async def check() -> Texts:
            await self._service.async_check()
            states = self._service.states.values()
            return {
                "updates": bullets(
                    f"{escape(str(state.id))}: {escape(state.installed_version)} →"
                    f" {escape(state.latest_version or _NONE)}"
                    for state in states
                    if state.has_update
                ),
                "failed": bullets(
                    f"{escape(str(state.id))}:"
                    f" {escape(message(self.hass, state.error))}"
                    for state in states
                    if state.error
                ),
                "others": _listed(
                    str(state.id) for state in states if not state.has_source
                ),
            }

        return await self._do(check(), done="checked", failed="failed")

    async def async_step_update(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Install all updates."""

        async def update() -> Texts:
            updated, failed = await self._service.async_update_all()
            return {
                "updated": bullets(map(_change, updated)),
                "failed": bullets(
                    [
                        f"{escape(str(state.id))}: {escape(message(self.hass, err))}"
                        for state, err in failed
                    ]
                ),
                "entries": self._entries_of([result.id for result in updated]),
            }

        return await self._do(update(), done="updated", failed="failed")

    # Customise

    async def async_step_customise(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a bundled driver to copy."""
        drivers = self._service.customizable
        if not drivers:
            return self.async_abort(reason="nothing_to_customise")
        if user_input is not None:
            id_ = user_input[CONF_DRIVER]
            return await self._do(
                self._customise(id_), done="customised", failed="customise"
            )
        return await self._show_choice(
            "customise",
            CONF_DRIVER,
            {
                str(id_of(driver)): f"{driver.name} · {id_of(driver)}"
                for driver in drivers
            },
            {"folder": code(str(self._service.manager.folder))},
            long=True,
        )

    async def _customise(self, driver: str) -> Texts:
        path, report = await self._service.async_customize(driver)
        return {
            "driver": driver,
            "file": code(str(path)),
            "entries": _entries(report.entries),
        }

    # What came with HMM-Local

    async def async_step_stock(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose which of HMM-Local's own files replace the bundled drivers."""
        manager = self._service.manager
        files = manager.drivers.stock
        if user_input is not None:
            wanted = user_input[CONF_FILES]

            async def decide() -> Texts:
                return self._report(await self._service.async_decide_stock(wanted))

            return await self._do(decide(), done="reloaded", failed="failed")
        return await self._show_form(
            "stock",
            vol.Schema(
                {
                    vol.Required(
                        CONF_FILES,
                        default=[file.sha256 for file in files if file.is_wanted],
                    ): choice(
                        {file.sha256: stock_label(manager, file) for file in files},
                        multiple=True,
                    )
                }
            ),
            {"files": listed_stock(manager, files)},
        )

    # Install from the web

    async def async_step_install(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Enter where the file is."""
        return await self._propose("install", user_input, done="install_confirm")

    async def _propose(
        self, step_id: str, user_input: dict[str, Any] | None, *, done: str
    ) -> ConfigFlowResult:
        """Enter where a file is; it is downloaded and read, but not run."""
        if user_input is None:
            return await self._show_form(step_id, _WEB_SCHEMA)
        self._typed = user_input
        try:
            checksum = sha256(user_input[CONF_SHA256])
        except vol.Invalid:
            return await self._show_form(
                step_id, _WEB_SCHEMA, errors={CONF_SHA256: "sha256_invalid"}
            )

        async def propose() -> Texts:
            self._pending = await self._service.async_propose(
                user_input[CONF_URL], checksum
            )
            return {}

        return await self._do(propose(), done=done, failed=step_id)

    async def async_step_install_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what would be installed. The repairs show the same."""
        pending = self._pending
        assert pending is not None
        if user_input is None:
            return await self._show_form(
                "install_confirm",
                _ANSWER_SCHEMA,
                {**described(pending), "host": pending.url.host or _NONE},
            )
        if user_input[CONF_ANSWER] != _INSTALL:
            await self._service.async_reject(pending)
            return await self.async_step_drivers()
        return await self._do(
            self._described(self._service.async_accept(pending)),
            done="installed",
            failed="install_confirm",
        )

    # Roll back

    async def async_step_roll_back(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a driver of which there are other versions."""
        backups = await self._service.async_backups()
        if not backups:
            return self.async_abort(reason="no_backups")
        if user_input is not None:
            self._driver = user_input[CONF_DRIVER]
            return await self.async_step_roll_back_version()
        return await self._show_choice(
            "roll_back",
            CONF_DRIVER,
            {
                str(id_): f"{kept[0].declaration.display_name} · {id_}"
                for id_, kept in backups.items()
            },
        )

    async def async_step_roll_back_version(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose one of the versions that are kept."""
        if user_input is not None:
            version = user_input[CONF_VERSION]
            return await self._do(
                self._described(self._service.async_roll_back(self._driver, version)),
                done="rolled_back",
                failed="roll_back_version",
            )
        backups = {
            str(id_): kept
            for id_, kept in (await self._service.async_backups()).items()
        }
        if (kept := backups.get(self._driver)) is None:
            return self.async_abort(reason="no_backups")
        states = {str(id_): state for id_, state in self._service.states.items()}
        state = states.get(self._driver)
        return await self._show_choice(
            "roll_back_version",
            CONF_VERSION,
            {backup.path.stem: _when(backup) for backup in kept},
            {
                "driver": self._driver,
                "version": state.installed_version if state else _NONE,
            },
        )

    # Remove

    async def async_step_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a file of the user."""
        own = self._service.own
        if not own:
            return self.async_abort(reason="no_own_drivers")
        if user_input is not None:
            self._driver = user_input[CONF_DRIVER]
            return await self._confirm_removal(own)
        return await self._show_choice(
            "remove",
            CONF_DRIVER,
            {
                id_: f"{state.installed.declaration.display_name} · {id_}"
                for id_, state in own.items()
            },
        )

    async def _confirm_removal(
        self, own: Mapping[str, DriverState]
    ) -> ConfigFlowResult:
        """Show what becomes of the miners and pools that use the driver."""
        if (state := own.get(self._driver)) is None:
            return self.async_abort(reason="no_own_drivers")
        manager = self._service.manager
        texts = {
            "driver": self._driver,
            "file": code(manager.name_of(state.installed.path)),
            "entries": self._entries_of(state.installed.declaration.drivers),
        }
        if (bundled := manager.bundled.get(state.id)) is None:
            return await self._show_form("remove_for_good", vol.Schema({}), texts)
        texts["version"] = bundled.version
        return await self._show_form("remove_to_bundled", vol.Schema({}), texts)

    async def async_step_remove_for_good(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Remove a driver, whether or not a bundled one takes its place."""
        return await self._do(
            self._described(self._service.async_remove(self._driver)),
            done="removed",
            failed="failed",
        )

    async_step_remove_to_bundled = async_step_remove_for_good

    # Shared by the steps

    async def async_step_working(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for the job, then show its result."""
        job = self._job
        assert job is not None
        if not job.task.done():
            return self.async_show_progress(
                step_id="working",
                progress_action="working",
                progress_task=job.task,
            )
        return self.async_show_progress_done(next_step_id=self._after(job))

    def _after(self, job: _Job) -> str:
        """Return the step that shows the result of a job, which is done."""
        try:
            self._texts = job.task.result()
        except HomeAssistantError as err:
            self._error = err
            return job.failed
        except Exception as err:
            # The progress would never end
            _LOGGER.exception("Unexpected error")
            self._error = failure("driver_job_failed", reason=type(err).__name__)
            return job.failed
        return job.done

    async def async_step_failed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what went wrong where there is no form to go back to."""
        if user_input is not None:
            return await self.async_step_drivers()
        return await self._show_form("failed", vol.Schema({}))

    async def _do(
        self, work: Coroutine[Any, Any, Texts], *, done: str, failed: str
    ) -> ConfigFlowResult:
        """Start something that takes a while."""
        self._error = None
        task = self.hass.async_create_task(work, "hmm drivers by hand")

        async def waiting() -> Texts:
            # Closing the dialog does not cancel the job
            return await asyncio.shield(task)

        await asyncio.wait([task], timeout=SOON_SECONDS)
        self._job = _Job(
            task=self.hass.async_create_task(waiting())
            if task.done()
            else async_start_progress(self, waiting()),
            done=done,
            failed=failed,
        )
        if not self._job.task.done():
            return await self.async_step_working()
        # Home Assistant would take a progress that is done immediately for a form that
        # was sent, and send it again, for ever
        step: Callable[[], Awaitable[ConfigFlowResult]]
        step = getattr(self, f"async_step_{self._after(self._job)}")
        return await step()

    async def _show_form(
        self,
        step_id: str,
        schema: vol.Schema,
        texts: Mapping[str, str] | None = None,
        errors: dict[str, str] | None = None,
    ) -> ConfigFlowResult:
        """Show a form, with what the last job said if it failed."""
        reason = ""
        if errors is None and self._error is not None:
            # Kept: the frontend requests the form again after the progress
            errors = {"base": "failed"}
            reason = message(self.hass, self._error)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, self._typed),
            errors=errors,
            description_placeholders={**(texts or {}), "reason": reason},
        )

    async def _show_choice(
        self,
        step_id: str,
        key: str,
        labels: dict[str, str],
        texts: Mapping[str, str] | None = None,
        *,
        long: bool = False,
    ) -> ConfigFlowResult:
        """Show a form with one list to choose from."""
        schema = vol.Schema({vol.Required(key): choice(labels, long=long)})
        return await self._show_form(step_id, schema, texts)

    def _report(self, report: ReloadReport) -> Texts:
        name_of_file = self._service.manager.name_of
        return {
            "changes": bullets(
                f"{escape(str(change.id))}:"
                f" {escape(change.before.version if change.before else _NONE)} →"
                f" {escape(change.after.version if change.after else _NONE)}"
                f"{_in_file(name_of_file(change.after.path)) if change.after else ''}"
                for change in report.changes
            ),
            "failed": bullets(
                f"`{code(name_of_file(failed.path))}`"
                f"{f':{failed.line}' if failed.line else ''}"
                f" {escape(localized(self.hass, failed.reason))}"
                for failed in report.failed
            ),
            "entries": _entries(report.entries),
            "seconds": home_language(self.hass).number(report.seconds, 1),
        }

    async def _described(self, change: Coroutine[Any, Any, DriverResult]) -> Texts:
        """Return what a step says of a change once it is made."""
        result = await change
        return {
            "driver": str(result.id),
            "file": code(result.name),
            "old_version": result.old_version or _NONE,
            "new_version": result.new_version or _NONE,
            "entries": self._entries_of([result.id]),
        }

    def _entries_of(self, ids: Iterable[DriverId]) -> Markdown:
        return _entries(self._service.manager.entries_of_types(ids))


def _change(result: DriverResult) -> str:
    return (
        f"{escape(str(result.id))}: {escape(result.old_version or _NONE)} →"
        f" {escape(result.new_version or _NONE)}{_in_file(result.name)}"
    )


def _in_file(name: str) -> str:
    return f" (`{code(name)}`)"


def _entries(entries: Iterable[HmmConfigEntry]) -> Markdown:
    """Return the names of miners and pools; those that do not work now are marked."""
    return _listed(
        entry.title
        if entry.disabled_by or entry.state is ConfigEntryState.LOADED
        else f"{entry.title} ⚠"
        for entry in entries
    )


def _when(backup: Backup) -> str:
    """Return a version with the time since when it is kept."""
    version = printable(backup.declaration.version)
    if backup.made_at is None:
        return version
    return f"{version} · {dt_util.as_local(backup.made_at):%Y-%m-%d %H:%M:%S}"


def _polls(metrics: DriverMetrics | None) -> tuple[str, str, str]:
    """Return how many polls a driver made, how many failed, and what they take."""
    if metrics is None or not metrics.polls:
        return _NONE, _NONE, _NONE
    median = metrics.quantile(0.5)
    time = _NONE if median is None else f"{1000 * median:.0f} ms"
    return str(metrics.polls), str(metrics.failed), time


def bullets(texts: Iterable[str]) -> Markdown:
    """Return a list of texts that are Markdown."""
    return Markdown("\n".join(f"- {text}" for text in texts) or _NONE)


def _listed(texts: Iterable[str]) -> Markdown:
    return Markdown(", ".join(map(escape, texts)) or _NONE)
