"""The smart plug that powers a miner."""

import asyncio

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
)
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.entity_registry import (
    EVENT_ENTITY_REGISTRY_UPDATED,
    EventEntityRegistryUpdatedData,
)

from ..const import CONF_PLUG, DOMAIN
from ..data import get_data
from ..errors import failure

_LIMIT_SECONDS = 30.0


@callback
def async_follow_plugs(hass: HomeAssistant) -> None:
    """Keep the plugs that get another entity id, also of miners that are not loaded."""

    @callback
    def is_renamed(changed: EventEntityRegistryUpdatedData) -> bool:
        return "old_entity_id" in changed

    @callback
    def renamed(event: Event[EventEntityRegistryUpdatedData]) -> None:
        before, plug = event.data["old_entity_id"], event.data["entity_id"]  # type: ignore[typeddict-item]
        watchdogs = get_data(hass).watchdogs
        for entry in hass.config_entries.async_entries(DOMAIN):
            if entry.options.get(CONF_PLUG) != before:
                continue
            if watchdogs[entry.entry_id].cut == before:
                watchdogs[entry.entry_id].cut = plug
                watchdogs.save_soon()
            options = {**entry.options, CONF_PLUG: plug}
            hass.config_entries.async_update_entry(entry, options=options)
            hass.config_entries.async_schedule_reload(entry.entry_id)

    hass.bus.async_listen(EVENT_ENTITY_REGISTRY_UPDATED, renamed, is_renamed)


@callback
def plug_is_on(hass: HomeAssistant, plug: str) -> bool | None:
    """Return whether a plug is on, None while its state is not known."""
    state = hass.states.get(plug)
    return {STATE_ON: True, STATE_OFF: False}.get(state.state) if state else None


async def async_switch_plug(
    hass: HomeAssistant, plug: str, on: bool, context: Context | None
) -> None:
    """Switch a plug on or off, and wait for its integration.

    Raises HomeAssistantError, whatever the integration does.
    """
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            await hass.services.async_call(
                SWITCH_DOMAIN,
                SERVICE_TURN_ON if on else SERVICE_TURN_OFF,
                {ATTR_ENTITY_ID: plug},
                blocking=True,
                context=context,
            )
    except HomeAssistantError:
        raise
    except (Exception, asyncio.CancelledError) as err:
        if (task := asyncio.current_task()) is not None and task.cancelling():
            raise
        # Also where the integration gave up what it waited for itself
        raise failure("plug_not_switched", plug=plug) from err
