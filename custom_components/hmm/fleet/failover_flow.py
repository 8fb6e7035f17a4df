"""The order of pools: a step of the options of the fleet, and of each miner."""

from typing import Any, Final

from homeassistant.components.binary_sensor import DOMAIN as BINARY_SENSOR_DOMAIN
from homeassistant.config_entries import (
    ConfigFlowResult,
    OptionsFlow,
    OptionsFlowWithReload,
)
from homeassistant.const import UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
)
import voluptuous as vol

from ..data import get_data
from ..flow_tools import number_field, words_field
from ..pool.stratum_user import stratum_at
from ..unique_ids import entity_id_of
from .failover import Criterion
from .failover_runner import (
    CHOICES,
    CONF_FAILOVER,
    CONF_FAILOVER_AFTER,
    CONF_FAILOVER_BACK_AFTER,
    CONF_FAILOVER_MODE,
    CONF_FAILOVER_MODE_BEFORE,
    CONF_FAILOVER_OWN,
    CONF_FAILOVER_POOLS,
    CONF_FAILOVER_WHEN,
    DEFAULT_AFTER,
    DEFAULT_BACK_AFTER,
    DEFAULT_WHEN,
    MAX_POOLS,
    MODES,
)

_FEWEST_POOLS: Final = 2


class FailoverSteps(OptionsFlow):
    """The order of pools of the fleet."""

    async def async_step_failover(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Prompt for the pools, the best first, and when to leave one."""
        sensors = _health_sensors(self.hass)
        if len(sensors) < _FEWEST_POOLS:
            return self.async_abort(reason="failover_needs_pools")
        options = {**self.config_entry.options}
        errors: dict[str, str] = {}
        if user_input is not None:
            pools = _pools_of(self.hass, sensors, user_input, options)
            if user_input[CONF_FAILOVER_MODE] != MODES[0]:
                if len(pools) < _FEWEST_POOLS:
                    errors = {CONF_FAILOVER_POOLS: "failover_pools_few"}
                elif not user_input[CONF_FAILOVER_WHEN]:
                    errors = {CONF_FAILOVER_WHEN: "failover_when_none"}
            if not errors:
                options.pop(CONF_FAILOVER_MODE_BEFORE, None)
                options |= user_input | {CONF_FAILOVER_POOLS: pools}
                return self.async_create_entry(data=options)
        schema = vol.Schema(
            {
                vol.Required(CONF_FAILOVER_MODE, default=MODES[0]): words_field(
                    "failover_mode", *MODES
                ),
                vol.Optional(CONF_FAILOVER_POOLS, default=[]): _pool_selector(sensors),
                vol.Required(CONF_FAILOVER_WHEN, default=[*DEFAULT_WHEN]): words_field(
                    "failover_when", *Criterion, multiple=True
                ),
                vol.Required(CONF_FAILOVER_AFTER, default=DEFAULT_AFTER): number_field(
                    3, 60, UnitOfTime.MINUTES
                ),
                vol.Required(
                    CONF_FAILOVER_BACK_AFTER, default=DEFAULT_BACK_AFTER
                ): number_field(10, 240, UnitOfTime.MINUTES),
                vol.Required(CONF_FAILOVER_OWN, default=False): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="failover",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or _shown(sensors, options)
            ),
            errors=errors,
        )


class PoolOrderSteps(OptionsFlowWithReload):
    """The order of pools of one miner."""

    async def async_step_pool_order(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask whose order the miner follows."""
        sensors = _health_sensors(self.hass)
        options = {**self.config_entry.options}
        errors: dict[str, str] = {}
        if user_input is not None:
            pools = _pools_of(self.hass, sensors, user_input, options)
            if user_input[CONF_FAILOVER] == "own" and len(pools) < _FEWEST_POOLS:
                errors = {CONF_FAILOVER_POOLS: "failover_pools_few"}
            else:
                options.pop(CONF_FAILOVER, None)
                options.pop(CONF_FAILOVER_POOLS, None)
                if user_input[CONF_FAILOVER] != CHOICES[0]:
                    options[CONF_FAILOVER] = user_input[CONF_FAILOVER]
                if pools:
                    options[CONF_FAILOVER_POOLS] = pools
                return self.async_create_entry(data=options)
        schema = vol.Schema(
            {
                vol.Required(CONF_FAILOVER, default=CHOICES[0]): words_field(
                    "failover_choice", *CHOICES
                ),
                vol.Optional(CONF_FAILOVER_POOLS, default=[]): _pool_selector(sensors),
            }
        )
        return self.async_show_form(
            step_id="pool_order",
            data_schema=self.add_suggested_values_to_schema(
                schema, user_input or _shown(sensors, options)
            ),
            errors=errors,
            description_placeholders={"name": self.config_entry.title},
        )


def _health_sensors(hass: HomeAssistant) -> dict[str, str]:
    """Return the entries of accounts that can be mined to, by their health sensors."""
    sensors: dict[str, str] = {}
    for entry_id, pool in get_data(hass).fleet.pools.items():
        entity_id = entity_id_of(
            hass, pool.config_entry, BINARY_SENSOR_DOMAIN, "health"
        )
        if entity_id is not None and stratum_at(pool) is not None:
            sensors[entity_id] = entry_id
    return sensors


def _pool_selector(sensors: dict[str, str]) -> EntitySelector:
    return EntitySelector(
        EntitySelectorConfig(
            include_entities=list(sensors), multiple=True, reorder=True
        )
    )


def _pools_of(
    hass: HomeAssistant,
    sensors: dict[str, str],
    user_input: dict[str, Any],
    options: dict[str, Any],
) -> list[str]:
    """Return the accounts that were chosen, each once, the best first.

    Those that cannot be shown now, as they are disabled, are the last ones.
    """
    chosen = user_input.get(CONF_FAILOVER_POOLS, [])
    pools = [sensors[entity_id] for entity_id in chosen if entity_id in sensors]
    hidden = [
        entry_id
        for entry_id in options.get(CONF_FAILOVER_POOLS, [])
        if entry_id not in sensors.values()
        and hass.config_entries.async_get_entry(entry_id) is not None
    ]
    return list(dict.fromkeys((*pools, *hidden)))[:MAX_POOLS]


def _shown(sensors: dict[str, str], options: dict[str, Any]) -> dict[str, Any]:
    """Return what is stored as the form shows it."""
    entities = {entry_id: entity_id for entity_id, entry_id in sensors.items()}
    stored = options.get(CONF_FAILOVER_POOLS, [])
    return options | {
        CONF_FAILOVER_POOLS: [
            entities[entry_id] for entry_id in stored if entry_id in entities
        ]
    }
