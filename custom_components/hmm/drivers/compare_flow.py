"""Another version of a driver beside the one that runs: steps of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
import voluptuous as vol

from ..data import HmmConfigEntry, get_data
from ..flow_tools import async_words, choice, number_field
from ..markdown import Markdown, checksum, code, escape, printable
from .actions import CONF_ENTRY, CONF_POLLS, CONF_VERSION
from .compare import MAX_POLLS, USUAL_POLLS, DriverTrials, Offered
from .flow import DriverSteps, Texts, bullets
from .watch import field_name

_WEB = "web"
_NONE = "–"
_MAX_ROWS = 40


class CompareSteps(DriverSteps):
    """Chooses a miner or pool and a version, shows the differences, takes it over."""

    def __init__(self) -> None:
        """Start with nothing chosen."""
        super().__init__()
        self._entry: HmmConfigEntry | None = None
        self._offers: dict[str, Offered] = {}
        self._offered: Offered | None = None
        self._polls = USUAL_POLLS

    @property
    def _trials(self) -> DriverTrials:
        return get_data(self.hass).driver_trials

    async def async_step_compare(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose on what another version is tried, unless one is being tried."""
        if self._trials.current is not None:
            return await self.async_step_compare_result()
        entries = {entry.entry_id: entry for entry in self._trials.entries()}
        if not entries:
            return self.async_abort(reason="nothing_to_compare")
        if user_input is not None and user_input[CONF_ENTRY] in entries:
            self._entry = entries[user_input[CONF_ENTRY]]
            self._polls = int(user_input[CONF_POLLS])
            return await self.async_step_compare_version()
        return await self._show_form(
            "compare",
            vol.Schema(
                {
                    vol.Required(CONF_ENTRY): choice(
                        {
                            key: f"{printable(entry.title)} · {entry.data['driver']}"
                            for key, entry in entries.items()
                        },
                        long=True,
                    ),
                    vol.Required(CONF_POLLS, default=USUAL_POLLS): number_field(
                        1, MAX_POLLS
                    ),
                }
            ),
        )

    async def async_step_compare_version(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Choose which version is tried; none of them has been run."""
        assert self._entry is not None
        if user_input is not None:
            if (key := user_input[CONF_VERSION]) == _WEB:
                return await self.async_step_compare_web()
            self._offered = self._offers[key]
            return await self.async_step_compare_confirm()
        self._offers = await self._trials.async_offers(self._entry)
        word = await async_words(self.hass)
        labels = {
            key: f"{printable(offer.declaration.version)} · {
                word('driver_origin', offer.origin)
            }"
            f" · {printable(offer.file_name)}"
            for key, offer in self._offers.items()
        }
        labels[_WEB] = word("driver_origin", "address")
        return await self._show_choice("compare_version", CONF_VERSION, labels)

    async def async_step_compare_web(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Download a file; it then also waits in the repairs, and is not run."""
        return await self._propose("compare_web", user_input, done="compare_version")

    async def async_step_compare_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what would be run, and on what."""
        offered, entry = self._offered, self._entry
        assert offered is not None
        assert entry is not None
        if user_input is None:
            return await self._show_form(
                "compare_confirm",
                vol.Schema({}),
                {
                    "entry": entry.title,
                    "name": code(offered.declaration.display_name),
                    "version": code(offered.declaration.version),
                    "file": code(offered.file_name),
                    "sha256": checksum(offered.declaration.sha256),
                    "requirements": code(", ".join(offered.declaration.requirements))
                    or _NONE,
                },
            )

        async def start() -> Texts:
            await self._trials.async_start(entry, offered, self._polls)
            return {}

        return await self._do(start(), done="compare_result", failed="compare_confirm")

    async def async_step_compare_result(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what came of it so far, and what can be done."""
        if (trial := self._trials.current) is None:
            return await self.async_step_drivers()
        word = await async_words(self.hass)
        comparison = trial.comparison
        rows = [
            f"| {escape(field_name(self.hass, name))} | {word('compare_kind', kind)}"
            f" | {escape(result.running)} | {escape(result.candidate)} |"
            for kind in ("lost", "different", "gained")
            for name, result in comparison.of_kind(kind).items()
        ]
        is_over = trial.ended.is_set()
        options = ["compare_take", "compare_drop", "drivers"]
        return self.async_show_menu(
            step_id="compare_result",
            menu_options=options if is_over else ["compare_result", *options],
            description_placeholders={
                "entry": trial.entry.title,
                "running": trial.running_version,
                "candidate": trial.offered.declaration.version,
                "polls": str(comparison.polls),
                "wanted": str(trial.wanted),
                "good": str(comparison.good),
                "same": str(len(comparison.of_kind("same"))),
                "differences": Markdown("\n".join(rows[:_MAX_ROWS]))
                if rows
                else Markdown("| – | – | – | – |"),
                "errors": bullets(
                    escape(f"{count} × {text}")
                    for text, count in comparison.errors.items()
                ),
                "not_asked": bullets(map(escape, comparison.missed)),
                "ended": trial.failed or _NONE,
            },
        )

    async def async_step_compare_take(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Use the version that was tried, on all its miners or pools."""
        return await self._do(
            self._described(self._trials.async_take_over()),
            done="installed",
            failed="failed",
        )

    async def async_step_compare_drop(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """End it; everything remains as it is."""
        await self._trials.async_drop()
        return await self.async_step_drivers()
