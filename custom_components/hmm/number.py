"""Settings of a miner that are numbers."""

from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import (
    PERCENTAGE,
    EntityCategory,
    UnitOfElectricPotential,
    UnitOfFrequency,
    UnitOfPower,
    UnitOfTemperature,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_POWER_DRAW
from .driver_api import Setting, TuningRange
from .entity import AlwaysAvailable, MinerEntity, Offer, async_add_offered
from .errors import require_number
from .miner.coordinator import MinerConfigEntry, MinerCoordinator

PARALLEL_UPDATES = 1

_DRAWS: Final = ("frequency", "core_voltage", "power_limit")
"""Settings that decide about the power."""


@dataclass(frozen=True, kw_only=True)
class TuningDescription(NumberEntityDescription):
    """A setting within the limits that the device gives for it."""

    setting: Setting


TUNING_NUMBERS: tuple[TuningDescription, ...] = (
    TuningDescription(
        key="set_frequency",
        translation_key="frequency",
        setting="frequency",
        device_class=NumberDeviceClass.FREQUENCY,
        native_unit_of_measurement=UnitOfFrequency.MEGAHERTZ,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    TuningDescription(
        key="set_core_voltage",
        translation_key="core_voltage",
        setting="core_voltage",
        device_class=NumberDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.MILLIVOLT,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    TuningDescription(
        key="set_fan_speed",
        translation_key="fan_speed",
        setting="fan_speed",
        native_unit_of_measurement=PERCENTAGE,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    TuningDescription(
        key="set_target_temperature",
        translation_key="target_temperature",
        setting="target_temperature",
        device_class=NumberDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        entity_category=EntityCategory.CONFIG,
        entity_registry_enabled_default=False,
    ),
    TuningDescription(
        key="set_power_limit",
        translation_key="power_limit",
        setting="power_limit",
        device_class=NumberDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        entity_category=EntityCategory.CONFIG,
    ),
)

POWER_DRAW = NumberEntityDescription(
    key="power_draw",
    translation_key="power_draw",
    device_class=NumberDeviceClass.POWER,
    native_unit_of_measurement=UnitOfPower.WATT,
    entity_category=EntityCategory.CONFIG,
    native_min_value=0,
    native_max_value=5000,
    native_step=0.1,
    mode=NumberMode.BOX,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: MinerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of a miner."""
    coordinator = entry.runtime_data
    async_add_offered(
        coordinator,
        async_add_entities,
        Offer(
            TUNING_NUMBERS,
            lambda description, miner: _limits(miner, description.setting) is not None,
            TuningNumber,
        ),
        Offer((POWER_DRAW,), _needs_power_draw, PowerDrawNumber),
    )


def _needs_power_draw(
    _: NumberEntityDescription, coordinator: MinerCoordinator
) -> bool:
    """Return whether the miner mines without reporting its power.

    One that rests may report it once it works again.
    """
    return (
        coordinator.last_update_success
        and coordinator.data.hashing is True
        and not coordinator.measures_power
    ) or CONF_POWER_DRAW in coordinator.config_entry.options


def _limits(coordinator: MinerCoordinator, setting: Setting) -> TuningRange | None:
    """Return the limits of a setting, None where it cannot be set."""
    tuning = coordinator.known.tuning
    limits: TuningRange | None = None if tuning is None else getattr(tuning, setting)
    return limits


class TuningNumber(MinerEntity, NumberEntity):
    """A setting that is tuned by hand."""

    _state_of = ("native_value", "native_min_value", "native_max_value", "native_step")
    entity_description: TuningDescription
    _last_range = TuningRange(minimum=0, maximum=0)

    @property
    @override
    def native_min_value(self) -> float:
        return self._range.minimum

    @property
    @override
    def native_max_value(self) -> float:
        return self._range.maximum

    @property
    @override
    def native_step(self) -> float:
        return self._range.step

    @property
    @override
    def native_value(self) -> float | None:
        data, setting = self.coordinator.data, self.entity_description.setting
        value: float | None = (
            data.fan_setting if setting == "fan_speed" else getattr(data, setting)
        )
        return value

    @override
    async def async_set_native_value(self, value: float) -> None:
        require_number(value)
        if self.unit_of_measurement != self.native_unit_of_measurement:
            # 141 °F are 60.56 °C, while miners take whole numbers
            value = round(value)
        setting = self.entity_description.setting
        watts = self.coordinator.tuning.watts_with({setting: value})
        if setting in _DRAWS and watts is not None:
            self.coordinator.require_room(watts=watts)
        await self.coordinator.async_command(
            self.coordinator.client.set_tuning(setting, value),
            "mode",
            sets_point=setting in _DRAWS,
        )
        self.coordinator.tuning.keep_point(by_hand=True)

    @property
    def _range(self) -> TuningRange:
        # A new firmware may take a setting away while its entity is there
        limits = _limits(self.coordinator, self.entity_description.setting)
        if limits is not None:
            self._last_range = limits
        return self._last_range


class PowerDrawNumber(AlwaysAvailable, MinerEntity, NumberEntity):
    """What a miner without a meter draws, as its owner knows it."""

    _state_of = ("native_value",)

    @property
    @override
    def native_value(self) -> float | None:
        draw: float | None = self.coordinator.config_entry.options.get(CONF_POWER_DRAW)
        return draw

    @override
    async def async_set_native_value(self, value: float) -> None:
        require_number(value)
        entry = self.coordinator.config_entry
        self.hass.config_entries.async_update_entry(
            entry, options={**entry.options, CONF_POWER_DRAW: value}
        )
        # Power, energy and efficiency exist from now on
        self.coordinator.async_update_listeners()
