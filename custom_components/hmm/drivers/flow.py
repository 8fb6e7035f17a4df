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
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
    TextSelectorType,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_DRIVER, DOMAIN
from ..data import HmmConfigEntry, HmmData, get_data
from ..driver_engine.declaration import DriverId
from ..driver_engine.driver_store import Backup
from ..errors import localized, message
from ..flow_tools import async_start_progress, async_words, choice
from ..markdown import Markdown, code, escape, printable
from .customise import async_customise, async_reload, customisable
from .install import async_accept, async_propose, async_reject, described
from .issues import listed_stock, stock_label
from .manager import ReloadReport, id_of
from .overview import async_overview, name_of
from .update_services import CONF_SHA256, CONF_VERSION, sha256
from .updates import (
    DRIVER_UPDATES,
    DriverResult,
    DriverState,
    DriverUpdates,
    PendingDriver,
)

_LOGGER = logging.getLogger(__name__)

CONF_ANSWER = "answer"
CONF_FILES = "files"

SOON_SECONDS = 3.0
"""How long a step waits for what it does before it shows a progress."""

_NONE = "–"
_INSTALL = "install"
_INSTALL_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.URL)
        ),
        vol.Required(CONF_SHA256): TextSelector(),
    }
)
_ANSWER_SCHEMA = vol.Schema(
    {
        vol.Required(CONF_ANSWER): SelectSelector(
            SelectSelectorConfig(
                options=[_INSTALL, "discard"],
                mode=SelectSelectorMode.LIST,
                translation_key="driver_answer",
            )
        )
    }
)

type Texts = dict[str, str]
"""What a step says: its placeholders."""

type _Step = Callable[[], Awaitable[ConfigFlowResult]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """Something that takes a while."""

    task: asyncio.Task[Texts]
    done: str
    """The step that follows, with what the job returned."""
    failed: str
    """The step that follows if it raised, with what the error says."""


class DriverSteps(OptionsFlow):
    """Lists, reloads, customises, installs, rolls back and removes drivers.

    All that it does is done by what the actions use, too.
    """

    def __init__(self) -> None:
        """Begin with nothing chosen."""
        self._job: _Job | None = None
        self._texts: Texts = {}
        self._typed: dict[str, Any] = {}
        """What was entered in the form of the web, in case it must be corrected."""
        self._error: HomeAssistantError | None = None
        self._pending: PendingDriver | None = None
        self._driver = ""
        """Which one is to be rolled back or removed, as ``miner/bitaxe``."""

    @property
    def _data(self) -> HmmData:
        return get_data(self.hass)

    @property
    def _updates(self) -> DriverUpdates:
        return self.hass.data[DRIVER_UPDATES]

    async def async_step_drivers(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what can be done now."""
        self._error = None
        offered = {
            "overview": True,
            "reload": True,
            "check": True,
            "update": any(state.has_update for state in self._updates.states.values()),
            "customise": bool(customisable(self.hass)),
            "stock": bool(self._data.driver_manager.drivers.stock),
            "install": True,
            "roll_back": bool(await self._updates.async_backups()),
            "remove": bool(self._own()),
        }
        return self.async_show_menu(
            step_id="drivers",
            menu_options=[step for step, makes_sense in offered.items() if makes_sense],
            description_placeholders={
                "folder": code(str(self._data.driver_manager.folder))
            },
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
            return self._told_report(await async_reload(self.hass))

        return await self._do(reload(), done="reloaded", failed="failed")

    async def async_step_reloaded(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell what the reload did."""
        return self.async_show_menu(
            step_id="reloaded",
            menu_options=["reload", "drivers", "finish"],
            description_placeholders=self._texts,
        )

    # Updates

    async def async_step_check(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask the sources of all drivers."""

        async def check() -> Texts:
            await self._updates.async_check()
            states = self._updates.states.values()
            return {
                "updates": _lines(
                    f"{escape(str(state.id))}: {escape(state.installed_version)} →"
                    f" {escape(state.latest_version or _NONE)}"
                    for state in states
                    if state.has_update
                ),
                "failed": _lines(
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

    async def async_step_checked(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell what is to be had."""
        states = self._updates.states.values()
        update = ["update"] if any(state.has_update for state in states) else []
        return self.async_show_menu(
            step_id="checked",
            menu_options=[*update, "drivers", "finish"],
            description_placeholders=self._texts,
        )

    async def async_step_update(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Install all updates."""

        async def update() -> Texts:
            updated, failed = await self._updates.async_update_all()
            return {
                "updated": _lines(map(_told_change, updated)),
                "failed": _lines(
                    [
                        f"{escape(str(state.id))}: {escape(message(self.hass, err))}"
                        for state, err in failed
                    ]
                ),
                "entries": self._told_entries([result.id for result in updated]),
            }

        return await self._do(update(), done="updated", failed="failed")

    async def async_step_updated(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell what was updated."""
        return self.async_show_menu(
            step_id="updated",
            menu_options=["drivers", "finish"],
            description_placeholders=self._texts,
        )

    # Customise

    async def async_step_customise(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a bundled driver to copy."""
        drivers = customisable(self.hass)
        if not drivers:
            return self.async_abort(reason="nothing_to_customise")
        if user_input is not None:
            id_ = user_input[CONF_DRIVER]
            return await self._do(
                self._customise(id_), done="customised", failed="customise"
            )
        return await self._show_form(
            "customise",
            vol.Schema(
                {
                    vol.Required(CONF_DRIVER): choice(
                        {
                            str(id_of(driver)): f"{name_of(driver)} · {id_of(driver)}"
                            for driver in drivers
                        },
                        long=True,
                    )
                }
            ),
            {"folder": code(str(self._data.driver_manager.folder))},
        )

    async def _customise(self, driver: str) -> Texts:
        path, report = await async_customise(self.hass, driver)
        return {
            "driver": driver,
            "file": code(str(path)),
            "entries": _entries(report.entries),
        }

    async def async_step_customised(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell where the copy is; reload is what comes after an edit."""
        return self.async_show_menu(
            step_id="customised",
            menu_options=["reload", "drivers", "finish"],
            description_placeholders=self._texts,
        )

    # What came with HMM-Local

    async def async_step_stock(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which of HMM-Local's own files run in place of the bundled drivers."""
        manager = self._data.driver_manager
        files = manager.drivers.stock
        if user_input is not None:
            wanted = user_input[CONF_FILES]

            async def decide() -> Texts:
                return self._told_report(await manager.async_decide_stock(wanted))

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
        """Ask where the file is; it is downloaded and read, but not run."""
        if user_input is None:
            return await self._show_form("install", _INSTALL_SCHEMA)
        self._typed = user_input
        try:
            checksum = sha256(user_input[CONF_SHA256])
        except vol.Invalid:
            return await self._show_form(
                "install", _INSTALL_SCHEMA, errors={CONF_SHA256: "sha256_invalid"}
            )

        async def propose() -> Texts:
            self._pending = await async_propose(
                self.hass, user_input[CONF_URL], checksum
            )
            return {}

        return await self._do(propose(), done="install_confirm", failed="install")

    async def async_step_install_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what would be installed. The question is in the repairs as well."""
        pending = self._pending
        assert pending is not None
        if user_input is None:
            return await self._show_form(
                "install_confirm",
                _ANSWER_SCHEMA,
                {**described(self.hass, pending), "host": pending.url.host or _NONE},
            )
        if user_input[CONF_ANSWER] != _INSTALL:
            await async_reject(self.hass, pending)
            return await self.async_step_drivers()

        async def accept() -> Texts:
            return self._told_result(await async_accept(self.hass, pending))

        return await self._do(accept(), done="installed", failed="install_confirm")

    async def async_step_installed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell what was installed."""
        return self.async_show_menu(
            step_id="installed",
            menu_options=["drivers", "finish"],
            description_placeholders=self._texts,
        )

    # Roll back

    async def async_step_roll_back(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a driver of which there are other versions."""
        backups = await self._updates.async_backups()
        if not backups:
            return self.async_abort(reason="no_backups")
        if user_input is not None:
            self._driver = user_input[CONF_DRIVER]
            return await self.async_step_roll_back_version()
        return await self._show_form(
            "roll_back",
            vol.Schema(
                {
                    vol.Required(CONF_DRIVER): choice(
                        {
                            str(id_): f"{kept[0].declaration.display_name} · {id_}"
                            for id_, kept in backups.items()
                        }
                    )
                }
            ),
        )

    async def async_step_roll_back_version(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose one of the versions that are kept."""
        if user_input is not None:
            return await self._do(
                self._roll_back(user_input[CONF_VERSION]),
                done="rolled_back",
                failed="roll_back_version",
            )
        kept = next(
            (
                backups
                for id_, backups in (await self._updates.async_backups()).items()
                if str(id_) == self._driver
            ),
            None,
        )
        if kept is None:
            return self.async_abort(reason="no_backups")
        state = next(
            (it for it in self._updates.states.values() if str(it.id) == self._driver),
            None,
        )
        return await self._show_form(
            "roll_back_version",
            vol.Schema(
                {
                    vol.Required(CONF_VERSION): choice(
                        {backup.path.stem: _when(backup) for backup in kept}
                    )
                }
            ),
            {
                "driver": self._driver,
                "version": state.installed_version if state else _NONE,
            },
        )

    async def _roll_back(self, backup: str) -> Texts:
        return self._told_result(
            await self._updates.async_roll_back(self._driver, backup)
        )

    async def async_step_rolled_back(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell which version is back."""
        return self.async_show_menu(
            step_id="rolled_back",
            menu_options=["drivers", "finish"],
            description_placeholders=self._texts,
        )

    # Remove

    async def async_step_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose a file of the user."""
        own = self._own()
        if not own:
            return self.async_abort(reason="no_own_drivers")
        if user_input is not None:
            self._driver = user_input[CONF_DRIVER]
            return await self._confirm_removal(own)
        return await self._show_form(
            "remove",
            vol.Schema(
                {
                    vol.Required(CONF_DRIVER): choice(
                        {
                            id_: f"{state.installed.declaration.display_name} · {id_}"
                            for id_, state in own.items()
                        }
                    )
                }
            ),
        )

    async def _confirm_removal(
        self, own: Mapping[str, DriverState]
    ) -> ConfigFlowResult:
        """Tell what becomes of the miners and pools that use the driver."""
        if (state := own.get(self._driver)) is None:
            return self.async_abort(reason="no_own_drivers")
        manager = self._data.driver_manager
        texts = {
            "driver": self._driver,
            "file": code(manager.name_of(state.installed.path)),
            "entries": self._told_entries(state.installed.declaration.drivers),
        }
        if (bundled := manager.bundled.get(state.id)) is None:
            return await self._show_form("remove_for_good", vol.Schema({}), texts)
        texts["version"] = bundled.version
        return await self._show_form("remove_to_bundled", vol.Schema({}), texts)

    async def async_step_remove_for_good(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Remove a driver that nothing takes the place of."""
        return await self._do(self._remove(), done="removed", failed="failed")

    async def async_step_remove_to_bundled(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Remove a driver whose place the bundled one takes."""
        return await self._do(self._remove(), done="removed", failed="failed")

    async def _remove(self) -> Texts:
        return self._told_result(await self._updates.async_remove(self._driver))

    async def async_step_removed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell what was removed."""
        return self.async_show_menu(
            step_id="removed",
            menu_options=["drivers", "finish"],
            description_placeholders=self._texts,
        )

    # Shared by the steps

    async def async_step_working(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Wait for what is being done, then tell how it went."""
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
        """Return the step that tells how a job went, which is over."""
        try:
            self._texts = job.task.result()
        except HomeAssistantError as err:
            self._error = err
            return job.failed
        except Exception as err:
            # The progress would go on for ever
            _LOGGER.exception("Unexpected error")
            self._error = HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="driver_job_failed",
                translation_placeholders={"reason": type(err).__name__},
            )
            return job.failed
        return job.done

    async def async_step_failed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Tell what went wrong where there is no form to go back to."""
        if user_input is not None:
            return await self.async_step_drivers()
        return await self._show_form("failed", vol.Schema({}))

    async def _do(
        self, work: Coroutine[Any, Any, Texts], *, done: str, failed: str
    ) -> ConfigFlowResult:
        """Begin something that takes a while."""
        self._error = None
        task = self.hass.async_create_task(work, "hmm drivers by hand")

        async def waiting() -> Texts:
            # Who closes the dialog does not break off what has begun
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
        # Home Assistant would take a progress that is done at once for a form that
        # was sent, and send it again, for ever
        step: _Step = getattr(self, f"async_step_{self._after(self._job)}")
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
            # Kept: the frontend asks for the form once more after the progress
            errors = {"base": "failed"}
            reason = message(self.hass, self._error)
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(schema, self._typed),
            errors=errors,
            description_placeholders={**(texts or {}), "reason": reason},
        )

    def _own(self) -> dict[str, DriverState]:
        """Return the files of the user that may be changed, by their drivers."""
        return {
            str(id_): state
            for id_, state in self._updates.states.items()
            if state.is_inside
        }

    def _told_report(self, report: ReloadReport) -> Texts:
        name_of_file = self._data.driver_manager.name_of
        return {
            "changes": _lines(
                f"{escape(str(change.id))}:"
                f" {escape(change.before.version if change.before else _NONE)} →"
                f" {escape(change.after.version if change.after else _NONE)}"
                f"{_in_file(name_of_file(change.after.path)) if change.after else ''}"
                for change in report.changes
            ),
            "failed": _lines(
                f"`{code(name_of_file(failed.path))}`"
                f"{f':{failed.line}' if failed.line else ''}"
                f" {escape(localized(self.hass, failed.reason))}"
                for failed in report.failed
            ),
            "entries": _entries(report.entries),
            "seconds": f"{report.seconds:.1f}",
        }

    def _told_result(self, result: DriverResult) -> Texts:
        return {
            "driver": str(result.id),
            "file": code(result.name),
            "old_version": result.old_version or _NONE,
            "new_version": result.new_version or _NONE,
            "entries": self._told_entries([result.id]),
        }

    def _told_entries(self, ids: Iterable[DriverId]) -> Markdown:
        return _entries(self._data.driver_manager.entries_of_types(ids))


def _told_change(result: DriverResult) -> str:
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


def _lines(texts: Iterable[str]) -> Markdown:
    return Markdown("\n".join(f"- {text}" for text in texts) or _NONE)


def _listed(texts: Iterable[str]) -> Markdown:
    return Markdown(", ".join(map(escape, texts)) or _NONE)
