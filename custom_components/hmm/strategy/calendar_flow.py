"""The dialog of calendars and quiet hours."""

from typing import Any

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    TimeSelector,
)
import voluptuous as vol

from ..flow_tools import ending, words_field
from ..markdown import escaping
from .flow import StrategyFlow, Texts, rung_selector
from .keys import (
    CONF_DAYS,
    CONF_ENTITY,
    CONF_FROM,
    CONF_KIND,
    CONF_RUNG,
    CONF_TO,
    DAYS,
    KIND_PLAN,
    KIND_QUIET,
)
from .planner.model import LOWEST
from .words import words_of

_FROM = "22:00:00"
_TO = "06:00:00"


@ending
@escaping
class CalendarFlow(StrategyFlow):
    """Adds and changes quiet hours and plans by the clock."""

    kind = "calendar"
    steps = ("when", "what")

    async def async_step_when(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for an entity that is on at that time, or for days and hours."""
        errors: Texts = {}
        if user_input is not None:
            entity_id = user_input.get(CONF_ENTITY)
            if not entity_id and user_input[CONF_FROM] == user_input[CONF_TO]:
                errors = {CONF_TO: "empty_span"}
            elif not entity_id and not user_input[CONF_DAYS]:
                errors = {CONF_DAYS: "no_days"}
            else:
                if entity_id:
                    user_input = {CONF_ENTITY: entity_id}
                for key in (CONF_ENTITY, CONF_DAYS, CONF_FROM, CONF_TO):
                    self._data[key] = user_input.get(key)
                self._name_entity(CONF_ENTITY, entity_id)
                return await self._after("when")
        stored = {key: value for key, value in self._data.items() if value is not None}
        return self._show_form(
            "when",
            {
                vol.Optional(CONF_ENTITY): EntitySelector(
                    EntitySelectorConfig(
                        domain=[
                            *("schedule", "calendar"),
                            *("binary_sensor", "input_boolean"),
                        ]
                    )
                ),
                vol.Required(CONF_DAYS, default=list(DAYS)): words_field(
                    "strategy_weekday", *DAYS, multiple=True
                ),
                vol.Required(CONF_FROM, default=_FROM): TimeSelector(),
                vol.Required(CONF_TO, default=_TO): TimeSelector(),
            },
            user_input or stored,
            errors,
        )

    async def async_step_what(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask whether it is a cap or a plan, and of which rung."""
        if user_input is not None:
            self._data |= user_input
            return await self._after("what")
        return self._show_form(
            "what",
            {
                vol.Required(CONF_KIND, default=KIND_QUIET): words_field(
                    "strategy_calendar", KIND_QUIET, KIND_PLAN
                ),
                vol.Required(CONF_RUNG, default=LOWEST): rung_selector(leave=False),
            },
            self._data,
        )

    async def _preview(self) -> str:
        word = words_of(self.hass, "strategy_preview")
        rung = words_of(self.hass, "strategy_rung")(self._data[CONF_RUNG])
        kind = self._data[CONF_KIND]
        if entity_id := self._data[CONF_ENTITY]:
            return word(f"{kind}_entity", entity=entity_id, rung=rung)
        day = words_of(self.hass, "strategy_weekday")
        return word(
            kind,
            days=", ".join(
                day(weekday) for weekday in DAYS if weekday in self._data[CONF_DAYS]
            ),
            start=self._data[CONF_FROM][:5],
            end=self._data[CONF_TO][:5],
            rung=rung,
        )
