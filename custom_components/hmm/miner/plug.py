"""The smart plug that powers a miner."""

from homeassistant.components.switch import DOMAIN as SWITCH_DOMAIN
from homeassistant.const import (
    ATTR_ENTITY_ID,
    SERVICE_TURN_OFF,
    SERVICE_TURN_ON,
    STATE_OFF,
    STATE_ON,
)
from homeassistant.core import Context, HomeAssistant, callback


@callback
def plug_is_on(hass: HomeAssistant, plug: str) -> bool | None:
    """Return whether a plug is on, None while its state is not known."""
    state = hass.states.get(plug)
    return {STATE_ON: True, STATE_OFF: False}.get(state.state) if state else None


async def async_switch_plug(
    hass: HomeAssistant, plug: str, on: bool, context: Context | None
) -> None:
    """Switch a plug on or off, and wait for its integration."""
    await hass.services.async_call(
        SWITCH_DOMAIN,
        SERVICE_TURN_ON if on else SERVICE_TURN_OFF,
        {ATTR_ENTITY_ID: plug},
        blocking=True,
        context=context,
    )
