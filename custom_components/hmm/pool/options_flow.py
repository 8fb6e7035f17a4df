"""The options of a pool account."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import CONF_HOST, CONF_PORT, PERCENTAGE
from homeassistant.helpers.selector import BooleanSelector
import voluptuous as vol

from ..const import CONF_MORE_ENTITIES, CONF_POOL_FEE, MAX_FEE
from ..flow_tools import async_shared_data, ending, number_field, with_more_entities
from ..markdown import escaping


@ending
@escaping
class PoolOptionsFlow(OptionsFlowWithReload):
    """What a pool keeps, and whether an account shows more than most need."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Begin."""
        return await self.async_step_pool_entities()

    async def async_step_pool_entities(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for both; the fee in the pool file is only proposed."""
        options = self.config_entry.options
        if user_input is not None:
            kept = {key: options[key] for key in options if key != CONF_POOL_FEE}
            if (fee := user_input.get(CONF_POOL_FEE)) is not None:
                kept[CONF_POOL_FEE] = fee
            return self.async_create_entry(
                data=with_more_entities(kept, user_input[CONF_MORE_ENTITIES])
            )
        percent = number_field(0, MAX_FEE, PERCENTAGE, "any")
        schema = vol.Schema(
            {
                vol.Optional(CONF_POOL_FEE): percent,
                vol.Required(CONF_MORE_ENTITIES, default=False): BooleanSelector(),
            }
        )
        listed = {} if options else {CONF_POOL_FEE: await self._listed_fee()}
        return self.async_show_form(
            step_id="pool_entities",
            data_schema=self.add_suggested_values_to_schema(schema, listed | options),
            description_placeholders={"name": self.config_entry.title},
        )

    async def _listed_fee(self) -> float | None:
        """Return the entry in the pool files of the pool that an account is at."""
        data = self.config_entry.data
        pools = (await async_shared_data(self.hass)).known_pools.pools.values()
        return next(
            (
                pool.template.fee_percent
                for pool in pools
                if pool.template.url == data[CONF_HOST]
                and pool.template.port == data[CONF_PORT]
            ),
            None,
        )
