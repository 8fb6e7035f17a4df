"""How long changes by hand hold: a step of the options of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
import voluptuous as vol

from ..flow_tools import words_field
from .limits import CONF_MANUAL_HOLD, HOLD_NEXT, HOLDS


class HoldSteps(OptionsFlow):
    """What is set by hand stands against the strategies."""

    async def async_step_manual_hold(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask when the strategies decide again."""
        if user_input is not None:
            return self.async_create_entry(
                data={**self.config_entry.options, **user_input}
            )
        schema = vol.Schema(
            {
                vol.Required(CONF_MANUAL_HOLD, default=HOLD_NEXT): words_field(
                    "strategy_hold", *HOLDS
                )
            }
        )
        return self.async_show_form(
            step_id="manual_hold",
            data_schema=self.add_suggested_values_to_schema(
                schema, self.config_entry.options
            ),
        )
