"""The options of a miner: settings, profiles, autotune, limits."""

from collections.abc import Awaitable
from typing import Any

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import CONF_NAME, UnitOfTemperature
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import voluptuous as vol

from ..const import (
    CONF_CREDENTIALS,
    CONF_HOT_LIMIT,
    CONF_MORE_ENTITIES,
    CONF_OWN_RISK,
    CONF_PLUG,
)
from ..errors import Placeholders, message
from ..flow_tools import (
    async_shared_data,
    choice,
    foreign_field,
    number_field,
    with_more_entities,
    words_field,
)
from ..languages import Language, home_language
from ..markdown import Markdown, escape, escaping
from .autotune_flow import AutotuneSteps
from .login import login_fields, login_names, login_of, read_login, try_login
from .profiles import UNITS, TuningProfile, settings_text
from .tuning import MinerTuning
from .watchdog import CONF_PLUG_CYCLE, CYCLE_NEVER, CYCLES

CONF_CONFIRM = "confirm"
CONF_PROFILE = "profile"
CONF_SHARED = "shared"

_SETTINGS = (CONF_PLUG, CONF_PLUG_CYCLE, CONF_HOT_LIMIT)
"""What the form of the settings stores as options."""


@escaping
class MinerOptionsFlow(AutotuneSteps):
    """The plug of a miner and its login, its profiles, autotune, and its limits."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show what there is; a miner that could not be set up has only settings."""
        if not self._is_loaded:
            return await self.async_step_settings()
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                "settings",
                "profiles",
                *(["autotune"] if self._autotune.limits else []),
                *(["limits"] if self._risky_limits else []),
                # The fleet brings this step
                *(["pool_order"] if self._can_set_pool else []),
            ],
            description_placeholders={"name": self.config_entry.title},
        )

    async def async_step_settings(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show all options of the miner's driver; the login is none of them."""
        entry = self.config_entry
        data = await async_shared_data(self.hass)
        stored = login_of(entry)
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            login = read_login(user_input, stored)
            if login and login != stored:
                errors, texts, _ = await try_login(data, entry, login)
            if not errors:
                return self._save(user_input, login)
        fields: dict[vol.Marker, Any] = {
            vol.Optional(CONF_PLUG): foreign_field(self.hass, SWITCH_DOMAIN),
            vol.Optional(CONF_PLUG_CYCLE, default=CYCLE_NEVER): words_field(
                CONF_PLUG_CYCLE, *CYCLES
            ),
            vol.Optional(CONF_HOT_LIMIT): number_field(
                40, 120, UnitOfTemperature.CELSIUS
            ),
            vol.Required(CONF_MORE_ENTITIES, default=False): BooleanSelector(),
            **login_fields(login_names(data, entry), stored),
        }
        given = entry.options if user_input is None else user_input
        shown = {
            key: given[key]
            for key in (*_SETTINGS, CONF_MORE_ENTITIES)
            if given.get(key) is not None
        }
        return self.async_show_form(
            step_id="settings",
            data_schema=self.add_suggested_values_to_schema(vol.Schema(fields), shown),
            errors=errors,
            description_placeholders={**texts, "name": entry.title},
        )

    def _save(
        self, settings: dict[str, Any], login: dict[str, str]
    ) -> ConfigFlowResult:
        entry = self.config_entry
        options = {**entry.options}
        for key in _SETTINGS:
            options.pop(key, None)
            if settings.get(key) and settings[key] != CYCLE_NEVER:
                options[key] = settings[key]
        options = with_more_entities(options, settings[CONF_MORE_ENTITIES])
        data = {**entry.data}
        data.pop(CONF_CREDENTIALS, None)
        if login:
            data[CONF_CREDENTIALS] = login
        is_new = self.hass.config_entries.async_update_entry(entry, data=data)
        if is_new and options == {**entry.options}:
            # Only changed options reload an entry automatically
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data=options)

    # Profiles

    async def async_step_profiles(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the profiles, and what can be done with them."""
        tuning = self._loaded
        return self.async_show_menu(
            step_id="profiles",
            menu_options=["profile_save"]
            if not tuning.profiles
            else [
                "profile_save",
                "profile_apply",
                "profile_rename",
                "profile_share",
                "profile_delete",
            ],
            description_placeholders={
                "model": tuning.model,
                "present": self._present,
                "profiles": _table(tuning.profiles, home_language(self.hass)),
            },
        )

    async def async_step_profile_save(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Keep the present settings under a name."""
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            saving = self._loaded.async_save_now(
                user_input[CONF_NAME], shared=user_input[CONF_SHARED]
            )
            errors, texts = await self._try(saving)
            if not errors:
                return self.async_abort(reason="profile_saved")
        schema = vol.Schema(
            {
                vol.Required(CONF_NAME): TextSelector(),
                vol.Required(CONF_SHARED, default=True): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="profile_save",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders={"present": self._present, **texts},
        )

    async def async_step_profile_apply(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Set the miner to a profile."""
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if (profile := self._chosen(user_input)) is not None:
            errors, texts = await self._try(self._loaded.async_choose(profile.name))
            if not errors:
                return self.async_abort(reason="profile_applied")
        return self.async_show_form(
            step_id="profile_apply",
            data_schema=self._choice(),
            errors=errors,
            description_placeholders=texts,
        )

    async def async_step_profile_rename(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give a profile another name."""
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input and (profile := self._chosen(user_input)) is not None:
            renaming = self._loaded.async_rename(profile, user_input[CONF_NAME])
            errors, texts = await self._try(renaming)
            if not errors:
                return self.async_abort(reason="profile_renamed")
        return self.async_show_form(
            step_id="profile_rename",
            data_schema=self._choice({vol.Required(CONF_NAME): TextSelector()}),
            errors=errors,
            description_placeholders=texts,
        )

    async def async_step_profile_share(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Give a profile to all miners of the model."""
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if (profile := self._chosen(user_input)) is not None:
            errors, texts = await self._try(self._share(profile))
            if not errors:
                return self.async_abort(reason="profile_shared")
        return self.async_show_form(
            step_id="profile_share",
            data_schema=self._choice(),
            errors=errors,
            description_placeholders=texts,
        )

    async def _share(self, profile: TuningProfile) -> None:
        self._loaded.share(profile)

    async def async_step_profile_delete(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Delete a profile."""
        if (profile := self._chosen(user_input)) is not None:
            self._loaded.delete(profile)
            return self.async_abort(reason="profile_deleted")
        return self.async_show_form(
            step_id="profile_delete", data_schema=self._choice()
        )

    def _choice(self, further: dict[vol.Marker, Any] | None = None) -> vol.Schema:
        """Return the schema that selects one of the profiles, with further fields."""
        profiles = self._loaded.profiles
        language = home_language(self.hass)
        names = {
            profile.id: f"{profile.name} ({settings_text(profile.settings, language)})"
            for profile in profiles
        }
        return vol.Schema(
            {vol.Required(CONF_PROFILE): choice(names), **(further or {})}
        )

    def _chosen(self, user_input: dict[str, Any] | None) -> TuningProfile | None:
        """Return the profile of a form, None for one that was deleted meanwhile."""
        wanted = user_input and user_input[CONF_PROFILE]
        return next(
            (profile for profile in self._loaded.profiles if profile.id == wanted), None
        )

    async def _try(
        self, change: Awaitable[object]
    ) -> tuple[dict[str, str], Placeholders]:
        """Return why a change failed, as errors of a form and their texts."""
        try:
            await change
        except HomeAssistantError as err:
            errors = {"base": "profile_failed"}
            return errors, {"reason": message(self.hass, err)}
        return {}, {}

    # Limits

    async def async_step_limits(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Let the user go beyond the device's own list, or not."""
        if user_input is not None:
            if user_input[CONF_OWN_RISK] and not self.config_entry.options.get(
                CONF_OWN_RISK
            ):
                return await self.async_step_limits_confirm()
            return self._save_risk(own_risk=user_input[CONF_OWN_RISK])
        schema = vol.Schema({vol.Required(CONF_OWN_RISK): BooleanSelector()})
        own_risk = self.config_entry.options.get(CONF_OWN_RISK, False)
        return self.async_show_form(
            step_id="limits",
            data_schema=self.add_suggested_values_to_schema(
                schema, {CONF_OWN_RISK: own_risk}
            ),
            description_placeholders={"limits": self._risky_limits},
        )

    async def async_step_limits_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask once more; without a tick nothing changes."""
        errors: dict[str, str] = {}
        if user_input is not None:
            if user_input[CONF_CONFIRM]:
                return self._save_risk(own_risk=True)
            errors = {CONF_CONFIRM: "not_confirmed"}
        schema = {vol.Required(CONF_CONFIRM, default=False): BooleanSelector()}
        return self.async_show_form(
            step_id="limits_confirm",
            data_schema=vol.Schema(schema),
            errors=errors,
            description_placeholders={"name": self.config_entry.title},
        )

    def _save_risk(self, *, own_risk: bool) -> ConfigFlowResult:
        options = {**self.config_entry.options}
        options.pop(CONF_OWN_RISK, None)
        if own_risk:
            options[CONF_OWN_RISK] = True
        return self.async_create_entry(data=options)

    # Shared

    @property
    def _is_loaded(self) -> bool:
        """Return whether the miner is set up."""
        try:
            return bool(self._miner)
        except AbortFlow:
            return False

    @property
    def _can_set_pool(self) -> bool:
        return self._miner.known.set_pool

    @property
    def _loaded(self) -> MinerTuning:
        return self._miner.tuning

    @property
    def _risky_limits(self) -> str:
        """Return how far the driver lets users go, empty where it does not."""
        limits = self._miner.client.risky_limits
        short = home_language(self.hass).short
        return ", ".join(
            f"{short(limit.minimum)}–{short(limit.maximum)} {UNITS[key]}"
            for key in ("frequency", "core_voltage")
            if (limit := getattr(limits, key, None)) is not None
        )

    @property
    def _present(self) -> str:
        """Return what the miner is set to, a dash while it is off."""
        is_known = self._miner.last_update_success
        language = home_language(self.hass)
        return (
            settings_text(self._loaded.present, language) if is_known else ""
        ) or "–"


def _table(profiles: list[TuningProfile], language: Language) -> Markdown:
    """Return the rows of a Markdown table."""
    return Markdown(
        "\n".join(
            f"| {escape(profile.name)} | {escape(settings_text(profile.settings, language))} |"
            for profile in profiles
        )
        or "| - | - |"
    )
