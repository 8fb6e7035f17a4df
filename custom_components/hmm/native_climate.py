"""Climate entities of both generations of Home Assistant.

Since 2026.11 temperatures are those of ``native_`` properties, and it converts them;
before, the same properties have their names without that. A subclass has the native
ones.
"""

from abc import abstractmethod
from typing import override

from homeassistant.components.climate import ClimateEntity
from homeassistant.const import UnitOfTemperature


class NativeClimate(ClimateEntity):
    """Shows temperatures in °C; ``native_`` properties serve older versions too."""

    if hasattr(ClimateEntity, "native_target_temperature"):
        _attr_native_temperature_unit = UnitOfTemperature.CELSIUS
    else:
        _attr_temperature_unit = UnitOfTemperature.CELSIUS

        @property
        @override
        def current_temperature(self) -> float | None:
            return self.native_current_temperature

        @property
        @override
        def target_temperature(self) -> float | None:
            return self.native_target_temperature

    @property
    @abstractmethod
    def native_current_temperature(self) -> float | None:
        """Return the temperature of the room in °C."""

    @property
    @abstractmethod
    def native_target_temperature(self) -> float | None:
        """Return the temperature to reach in °C."""
