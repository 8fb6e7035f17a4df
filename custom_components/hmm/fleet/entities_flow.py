"""Which miners and pools have more entities: a step of the options of the fleet."""

from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
import voluptuous as vol

from ..const import CONF_MORE_ENTITIES, EntryType
from ..data import entries_of_kind
from ..flow_tools import choice, with_more_entities


class EntitiesSteps(OptionsFlow):
    """What each miner and pool has in its own options, for all of them together."""

    async def async_step_entities(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask who is to have more entities."""
        entries = {
            entry.entry_id: entry
            for kind in (EntryType.MINER, EntryType.POOL)
            for entry in entries_of_kind(self.hass, kind)
        }
        if user_input is not None:
            for entry_id, entry in entries.items():
                wanted = entry_id in user_input[CONF_MORE_ENTITIES]
                if self.hass.config_entries.async_update_entry(
                    entry, options=with_more_entities(entry.options, wanted)
                ):
                    self.hass.config_entries.async_schedule_reload(entry_id)
            return self.async_create_entry(data={**self.config_entry.options})
        chosen = [
            entry_id
            for entry_id in entries
            if entries[entry_id].options.get(CONF_MORE_ENTITIES)
        ]
        schema = vol.Schema(
            {
                vol.Required(CONF_MORE_ENTITIES, default=chosen): choice(
                    {entry_id: entry.title for entry_id, entry in entries.items()},
                    multiple=True,
                    long=True,
                )
            }
        )
        return self.async_show_form(step_id="entities", data_schema=schema)
