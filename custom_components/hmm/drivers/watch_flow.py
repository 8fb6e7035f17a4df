"""Whether HMM rolls back worse driver versions automatically: a step of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from .watch import CONF_DRIVER_GO_BACK

_SCHEMA = vol.Schema(
    {vol.Required(CONF_DRIVER_GO_BACK, default=False): BooleanSelector()}
)


class WatchSteps(OptionsFlow):
    """Rolling back, for which HMM asks unless the user wants it done automatically."""

    async def async_step_driver_go_back(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether it may be done."""
        if user_input is not None:
            return self.async_create_entry(
                data={**self.config_entry.options, **user_input}
            )
        return self.async_show_form(
            step_id="driver_go_back",
            data_schema=self.add_suggested_values_to_schema(
                _SCHEMA, self.config_entry.options
            ),
        )
