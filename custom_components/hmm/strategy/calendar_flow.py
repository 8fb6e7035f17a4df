"""The dialog of calendars and quiet hours."""

from datetime import time
from itertools import groupby
from typing import Any, Final

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import (
    EntitySelector,
    EntitySelectorConfig,
    TimeSelector,
)
import voluptuous as vol

from ..flow_tools import ending, words_field
from ..languages import home_language
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
from .words import clock_text, words_of

_FROM = "22:00:00"
_TO = "06:00:00"
_ROW: Final = 3
"""Days from which on a row of them is shorter as a span."""


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
        start, end = (
            clock_text(self.hass, time.fromisoformat(self._data[key]))
            for key in (CONF_FROM, CONF_TO)
        )
        return word(kind, days=self._days(), start=start, end=end, rung=rung)

    def _days(self) -> str:
        """Return the days in short: those in a row as one span."""
        word = words_of(self.hass, "strategy_preview")
        day = words_of(self.hass, "strategy_weekday")
        chosen = set(self._data[CONF_DAYS])
        if chosen.issuperset(DAYS):
            return word("every_day")
        parts: list[str] = []
        for is_chosen, group in groupby(DAYS, chosen.__contains__):
            days = [day(weekday) for weekday in group] if is_chosen else []
            if len(days) < _ROW:
                parts += days
            else:
                parts.append(word("days", first=days[0], last=days[-1]))
        text = ", ".join(parts)
        # In most languages days are no names
        is_name = home_language(self.hass).code in ("en", "de")
        return text if is_name else text[:1] + text[1:].lower()
