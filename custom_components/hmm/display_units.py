"""The unit that a sensor shows a hashrate or a difficulty in, the same for life.

Difficulties are shown as people say them, "13.8 G": the prefix is the unit. A unit that
followed the value would spoil graphs, automations and statistics (which Home Assistant
ends with a repair as soon as the unit is another one). So it is chosen once: the prefix
of what the sensor is likely to show over the years, or that of its first value if that
is larger. From then on the registered unit counts, whichever driver or device comes.
The plain number is an attribute.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from homeassistant.components.sensor import (
    DOMAIN as SENSOR_DOMAIN,
    SensorEntityDescription,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.typing import UNDEFINED

from .const import DOMAIN
from .driver_api import HashrateUnit
from .driver_api.units import GIGA, HASHES_PER_DIFFICULTY, KILO, MEGA, PETA, TERA

type Units = Mapping[str | None, float]

HASHRATE_UNITS: Units = {"kH/s": KILO, "MH/s": MEGA, "GH/s": GIGA, "TH/s": TERA}
DIFFICULTY_UNITS: Units = {
    None: 1,
    "k": KILO,
    "M": MEGA,
    "G": GIGA,
    "T": TERA,
    "P": PETA,
}

# How long a miner takes for what a sensor of a difficulty shows
EVER = 365 * 86_400.0
SESSION = 86_400.0
SHARE = 10.0
"""Pools aim at a share every few seconds."""
OF_NETWORK = 0.0
"""No miner decides it: the first value does."""

_OPTION = "unit"


@dataclass(frozen=True, kw_only=True)
class ScaledSensorDescription(SensorEntityDescription):
    """A sensor whose value may be a hashrate or a difficulty."""

    is_hashrate: bool = False
    """Whether the value is H/s, to be shown in the unit of the miner or pool."""
    mined_for: float | None = None
    """Seconds that it takes to find such a difficulty; None: it is none."""


def difficulty_unit(
    hashrate_unit: HashrateUnit, seconds: float, first: float | None = None
) -> str | None:
    """Return the prefix for a difficulty, None for a plain number.

    A device of 1 ``hashrate_unit`` finds a share of H * t / 2^32 in that time: 7 G in a
    year with 1 TH/s. ``first`` is the first known value.
    """
    expected = HASHRATE_UNITS[hashrate_unit] * seconds / HASHES_PER_DIFFICULTY
    fitting = [
        unit
        for unit, factor in DIFFICULTY_UNITS.items()
        if factor <= max(expected, first or 0)
    ]
    return fitting[-1] if fitting else None


@callback
def unit_for_life(
    hass: HomeAssistant, unique_id: str, wanted: str | None, units: Units
) -> str | None:
    """Return the unit that a sensor is or was registered with, else ``wanted``.

    Home Assistant remembers the options of a removed sensor, which gets its entity id
    and thereby its statistics back. Without the option it was one of plain numbers.
    """
    registry = er.async_get(hass)
    key = (SENSOR_DOMAIN, DOMAIN, unique_id)
    if (entity_id := registry.async_get_entity_id(*key)) is not None:
        unit = registry.entities[entity_id].unit_of_measurement
    elif (removed := registry.deleted_entities.get(key)) is not None:
        options = removed.options
        if options is UNDEFINED or DOMAIN not in options:
            unit = None
        else:
            unit = options[DOMAIN].get(_OPTION)
    else:
        return wanted
    return unit if unit in units else wanted


def unit_option(unit: str | None) -> er.EntityOptionsType:
    """Return the option by which ``unit_for_life`` finds the unit again."""
    return {DOMAIN: {_OPTION: unit}}
