"""The options of a miner."""

from typing import Any

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import EntitySelector, EntitySelectorConfig
import voluptuous as vol

from ..const import CONF_CREDENTIALS, CONF_PLUG, DOMAIN
from ..errors import Placeholders
from ..flow_tools import async_shared_data
from ..markdown import escaping
from .login import login_fields, login_names, login_of, read_login, try_login


@escaping
class MinerOptionsFlow(OptionsFlowWithReload):
    """The plug that a miner hangs on, and what it asks for on changes."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show all options of the miner's driver; the login is none of them."""
        entry = self.config_entry
        data = await async_shared_data(self.hass)
        stored = login_of(entry)
        errors: dict[str, str] = {}
        texts: Placeholders = {}
        if user_input is not None:
            login = read_login(user_input, stored)
            if login and login != stored:
                errors, texts, _ = await try_login(data, entry, login)
            if not errors:
                return self._save(user_input.get(CONF_PLUG), login)
        fields: dict[vol.Marker, Any] = {
            vol.Optional(CONF_PLUG): EntitySelector(
                EntitySelectorConfig(
                    domain=SWITCH_DOMAIN, exclude_entities=_own_switches(self.hass)
                )
            ),
            **login_fields(login_names(data, entry), stored),
        }
        shown = (entry.options if user_input is None else user_input).get(CONF_PLUG)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(
                vol.Schema(fields), {CONF_PLUG: shown} if shown else {}
            ),
            errors=errors,
            description_placeholders={**texts, "name": entry.title},
        )

    def _save(self, plug: str | None, login: dict[str, str]) -> ConfigFlowResult:
        entry = self.config_entry
        options = {**entry.options}
        options.pop(CONF_PLUG, None)
        if plug:
            options[CONF_PLUG] = plug
        data = {**entry.data}
        data.pop(CONF_CREDENTIALS, None)
        if login:
            data[CONF_CREDENTIALS] = login
        is_new = self.hass.config_entries.async_update_entry(entry, data=data)
        if is_new and options == {**entry.options}:
            # Only changed options reload an entry by themselves
            self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data=options)


def _own_switches(hass: HomeAssistant) -> list[str]:
    """Return the mining switches: none of them is a plug."""
    return [
        entity.entity_id
        for entity in er.async_get(hass).entities.values()
        if entity.platform == DOMAIN and entity.domain == SWITCH_DOMAIN
    ]
