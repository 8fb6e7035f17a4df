"""Sensors that show a field each as it comes."""

from typing import Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.device_registry import DeviceInfo
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import CoordinatorEntity

FIELDS = (
    *("power", "voltage", "current", "temp", "vrTemp", "hashRate", "bestDiff"),
    *("bestSessionDiff", "freeHeap", "coreVoltage", "coreVoltageActual", "frequency"),
    *("wifiRSSI", "sharesAccepted", "sharesRejected", "uptimeSeconds", "fanspeed"),
    *("fanrpm", "expectedHashrate"),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add them."""
    async_add_entities(FieldSensor(entry, field) for field in FIELDS)


class FieldSensor(CoordinatorEntity[Any], SensorEntity):
    """One field."""

    _attr_has_entity_name = True

    def __init__(self, entry: ConfigEntry[Any], field: str) -> None:
        """Attach to the device."""
        super().__init__(entry.runtime_data)
        self._field = field
        self._attr_name = field
        self._attr_unique_id = f"{entry.unique_id}_{field}"
        self._attr_device_info = DeviceInfo(
            identifiers={("smallest", entry.unique_id or "")}, name=entry.title
        )

    @property
    @override
    def native_value(self) -> Any:
        """Return it as it came."""
        return self.coordinator.data.get(self._field)
