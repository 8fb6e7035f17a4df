"""Whether HMM scans for new miners automatically: a step of the fleet's options."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import UnitOfTime
from homeassistant.helpers.selector import BooleanSelector, TextSelector
import voluptuous as vol

from ..driver_engine.address import AddressError
from ..flow_tools import number_field
from ..miner.search import async_own_networks, read_range
from .rescan import (
    CONF_RESCAN,
    CONF_RESCAN_HOURS,
    CONF_RESCAN_RANGE,
    DEFAULT_HOURS,
    MAX_HOURS,
)


class RescanSteps(OptionsFlow):
    """A scan for new miners on a schedule, off unless the user wants it."""

    async def async_step_rescan(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whether, how often and where."""
        errors: dict[str, str] = {}
        if user_input is not None:
            typed = user_input.get(CONF_RESCAN_RANGE, "").strip()
            try:
                if typed:
                    read_range(typed)
            except AddressError as err:
                errors[CONF_RESCAN_RANGE] = err.fault
            else:
                return self.async_create_entry(
                    data={
                        **self.config_entry.options,
                        **user_input,
                        CONF_RESCAN_RANGE: typed,
                    }
                )
        hours = number_field(1, MAX_HOURS, UnitOfTime.HOURS)
        schema = vol.Schema(
            {
                vol.Required(CONF_RESCAN, default=False): BooleanSelector(),
                vol.Required(CONF_RESCAN_HOURS, default=DEFAULT_HOURS): hours,
                vol.Optional(CONF_RESCAN_RANGE): TextSelector(),
            }
        )
        networks = map(str, await async_own_networks(self.hass))
        return self.async_show_form(
            step_id="rescan",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or self.config_entry.options
            ),
            errors=errors,
            description_placeholders={"networks": ", ".join(networks)},
        )
