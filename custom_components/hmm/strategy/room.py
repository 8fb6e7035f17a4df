"""The temperature of a room, from any sensor that reports it."""

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, UnitOfTemperature
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.unit_conversion import TemperatureConverter

from ..driver_api.units import parse_number
from .planner.model import Reading


@callback
def room_of(hass: HomeAssistant, entity_id: str | None) -> Reading | None:
    """Return a room's temperature in °C, and when its sensor last reported it."""
    state = hass.states.get(entity_id) if entity_id else None
    if state is None or (value := parse_number(state.state)) is None:
        return None
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    # A state that is set over the API may have anything as its unit
    if not isinstance(unit, str) or unit not in TemperatureConverter.VALID_UNITS:
        return None
    celsius = TemperatureConverter.convert(value, unit, UnitOfTemperature.CELSIUS)
    return Reading(celsius, state.last_reported)
