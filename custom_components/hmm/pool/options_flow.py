"""The options of a pool account."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..const import CONF_MORE_ENTITIES
from ..flow_tools import with_more_entities
from ..markdown import escaping


@escaping
class PoolOptionsFlow(OptionsFlowWithReload):
    """Whether an account shows more than most need."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin."""
        return await self.async_step_pool_entities()

    async def async_step_pool_entities(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for it."""
        options = self.config_entry.options
        if user_input is not None:
            return self.async_create_entry(
                data=with_more_entities(options, user_input[CONF_MORE_ENTITIES])
            )
        schema = vol.Schema(
            {vol.Required(CONF_MORE_ENTITIES, default=False): BooleanSelector()}
        )
        return self.async_show_form(
            step_id="pool_entities",
            data_schema=self.add_suggested_values_to_schema(schema, options),
            description_placeholders={"name": self.config_entry.title},
        )
