"""Whether HMM checks for new firmware: a step of the options of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..flow_tools import OptionSteps, number_field
from .firmware_news import CONF_FIRMWARE_CHECK, CONF_FIRMWARE_HOLD, DEFAULT_HOLD


class FirmwareSteps(OptionSteps):
    """News of firmware, off unless the user wants them."""

    async def async_step_firmware(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether GitHub may be queried."""
        schema = vol.Schema(
            {
                vol.Required(CONF_FIRMWARE_CHECK, default=False): BooleanSelector(),
                vol.Required(CONF_FIRMWARE_HOLD, default=DEFAULT_HOLD): number_field(
                    0, 30, UnitOfTime.DAYS
                ),
            }
        )
        return self._ask_options("firmware", schema, user_input)
