"""The price that a strategy follows: present, and ahead where known."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
)
from homeassistant.core import HomeAssistant, State, callback
from homeassistant.helpers import entity_registry as er

from ..data import get_data
from ..driver_api.units import parse_number
from ..money.price import PriceSource
from ..money.slots import Slots
from ..money.units import UnitProblem, price_factor

PRICE_DOMAINS: Final = (Platform.SENSOR, Platform.NUMBER, "input_number")
TARIFF_DOMAINS: Final = (
    *("select", "input_select", "binary_sensor", "input_boolean"),
    *("schedule", "calendar"),
)
_LONGEST_STATE: Final = 64
_UNKNOWN: Final = (STATE_UNAVAILABLE, STATE_UNKNOWN, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceReading:
    """What a source reports now.

    A tariff has a ``state``, a price is ``shown`` in its own ``unit``, of which
    ``factor`` makes currency per kWh.
    """

    state: str | None = None
    shown: float | None = None
    unit: str = ""
    factor: float = 1.0
    slots: Slots = ()
    problem: str | None = None
    """The key of why it cannot be followed."""


@callback
def read_price(hass: HomeAssistant, entity_id: str, now: datetime) -> PriceReading:
    """Return the price, or the state of a tariff, that an entity has now."""
    state = hass.states.get(entity_id)
    if state is None or state.state in _UNKNOWN:
        return PriceReading(problem="price_unavailable")
    if _is_tariff(state):
        return PriceReading(state=state.state[:_LONGEST_STATE])
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    factor = price_factor(unit, hass.config.currency)
    unit = unit if isinstance(unit, str) else ""
    if isinstance(factor, UnitProblem):
        return PriceReading(unit=unit, problem=str(factor))
    price = PriceSource(hass, entity=entity_id).read(now)
    shown = parse_number(state.state)
    if shown is None or price.value is None:
        return PriceReading(unit=unit, factor=factor, problem="price_unavailable")
    return PriceReading(shown=shown, unit=unit, factor=factor, slots=price.slots)


def _is_tariff(state: State) -> bool:
    """Return whether an entity has states instead of a number."""
    return state.domain in TARIFF_DOMAINS or (
        state.domain == Platform.SENSOR
        and state.attributes.get("device_class") == "enum"
    )


@callback
def tariff_states(hass: HomeAssistant, entity_id: str) -> list[str]:
    """Return all states that a tariff is known to have."""
    state = hass.states.get(entity_id)
    if state is None:
        return []
    options = state.attributes.get("options")
    if isinstance(options, list):
        return [state for state in options if isinstance(state, str)]
    return ["off", "on"] if state.state in ("off", "on") else [state.state]


@callback
def fleet_price_entity(hass: HomeAssistant) -> str | None:
    """Return the sensor that the fleet takes its price from, if it is set."""
    entity = get_data(hass).money.settings.entity
    return er.async_resolve_entity_id(er.async_get(hass), entity) if entity else None
