"""Whether HMM rolls back worse driver versions automatically: a step of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..flow_tools import OptionSteps
from .watch import CONF_DRIVER_GO_BACK

_SCHEMA = vol.Schema(
    {vol.Required(CONF_DRIVER_GO_BACK, default=False): BooleanSelector()}
)


class WatchSteps(OptionSteps):
    """Rolling back, for which HMM asks unless the user wants it done automatically."""

    async def async_step_driver_go_back(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether it may be done."""
        return self._ask_options("driver_go_back", _SCHEMA, user_input)
