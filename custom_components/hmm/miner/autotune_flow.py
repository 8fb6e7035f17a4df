"""Autotune in the options of a miner: its limits, then what it will take."""

from typing import Any, Final

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.data_entry_flow import AbortFlow
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import NumberSelector
import voluptuous as vol

from ..errors import message
from ..flow_tools import number_field, words_field
from ..languages import home_language
from ..markdown import placeholders
from .autotune import Autotune
from .coordinator import MinerCoordinator
from .walk import Caps, Goal

CONF_GOAL: Final = "goal"
CONF_START: Final = "start"

NOW: Final = "now"
AT_NIGHT: Final = "night"

MAX_WATTS: Final = 10_000
LIMITS: Final = {
    "max_temperature": (45, 70, "°C"),
    "max_regulator": (60, 95, "°C"),
    "max_power": (1, MAX_WATTS, "W"),
    "max_fan": (30, 100, "%"),
    "max_error": (0.1, 10, "%"),
    "minutes_per_point": (5, 60, "min"),
}
"""The least, the most and the unit of each limit."""


class AutotuneSteps(OptionsFlowWithReload):
    """Starts autotune; nothing is kept in the options."""

    _caps: Caps | None = None
    _effort = (0, 0.0)
    _at_night = False

    async def async_step_autotune(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the goal, and how far the miner may go."""
        autotune = self._autotune
        if autotune.is_running:
            return self.async_abort(reason="autotune_running")
        errors: dict[str, str] = {}
        reason = ""
        if user_input is not None:
            wanted = {**user_input}
            self._at_night = wanted.pop(CONF_START) == AT_NIGHT
            wanted[CONF_GOAL] = Goal(wanted[CONF_GOAL])
            try:
                self._caps = autotune.caps(**wanted)
                self._effort = autotune.effort(self._caps)
            except HomeAssistantError as err:
                errors = {"base": "profile_failed"}
                reason = message(self.hass, err)
            else:
                return await self.async_step_autotune_confirm()
        return self.async_show_form(
            step_id="autotune",
            data_schema=self.add_suggested_values_to_schema(
                _SCHEMA, user_input or self._before(autotune)
            ),
            errors=errors,
            description_placeholders={
                "name": self.config_entry.title,
                "reason": reason,
            },
        )

    async def async_step_autotune_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say how long it takes and how often it writes, then start it."""
        autotune, errors, reason = self._autotune, {}, ""
        assert self._caps is not None
        if user_input is not None:
            try:
                await autotune.async_start(self._caps, at_night=self._at_night)
            except HomeAssistantError as err:
                errors = {"base": "profile_failed"}
                reason = message(self.hass, err)
            else:
                return self.async_abort(reason="autotune_started")
        points, hours = self._effort
        return self.async_show_form(
            step_id="autotune_confirm",
            data_schema=vol.Schema({}),
            errors=errors,
            description_placeholders={
                "points": str(points),
                "hours": home_language(self.hass).number(hours, 1),
                # To the first point and back both values are written
                "writes": str(points + 3),
                "reason": reason,
            },
        )

    @property
    def _autotune(self) -> Autotune:
        autotune = self._miner.autotune
        assert autotune is not None
        return autotune

    @property
    def _miner(self) -> MinerCoordinator:
        """Return the miner; a dialog may be open for longer than its entry is loaded."""
        miner = getattr(self.config_entry, "runtime_data", None)
        if not isinstance(miner, MinerCoordinator) or miner.profile is None:
            raise AbortFlow(
                "miner_not_loaded", placeholders({"name": self.config_entry.title})
            )
        return miner

    @staticmethod
    def _before(autotune: Autotune) -> dict[str, Any]:
        """Return what was requested the last time."""
        caps = autotune.record.caps
        return {} if caps is None else caps.as_dict()


def _limit(key: str) -> NumberSelector:
    minimum, maximum, unit = LIMITS[key]
    return number_field(minimum, maximum, unit, 0.1 if key == "max_error" else 1)


_DEFAULTS: Final = Caps(max_power=0)
_SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_GOAL, default=Goal.ALL): words_field("autotune_goal", *Goal),
        **{
            vol.Optional(key)
            if key == "max_power"
            else vol.Required(key, default=getattr(_DEFAULTS, key)): _limit(key)
            for key in LIMITS
        },
        vol.Required(CONF_START, default=NOW): words_field(
            "autotune_start", NOW, AT_NIGHT
        ),
    }
)
