"""How long changes by hand hold: a step of the options of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
import voluptuous as vol

from ..flow_tools import OptionSteps, words_field
from .limits import CONF_MANUAL_HOLD, HOLD_NEXT, HOLDS


class HoldSteps(OptionSteps):
    """What is set by hand stands against the strategies."""

    async def async_step_manual_hold(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask when the strategies decide again."""
        schema = vol.Schema(
            {
                vol.Required(CONF_MANUAL_HOLD, default=HOLD_NEXT): words_field(
                    "strategy_hold", *HOLDS
                )
            }
        )
        return self._ask_options("manual_hold", schema, user_input)
