"""The thermostats of heatings: miners that warm a room."""

from collections.abc import Mapping
from typing import Any, override

from homeassistant.components.climate import (
    PRESET_NONE,
    ClimateEntityFeature,
    HVACAction,
    HVACMode,
)
from homeassistant.const import ATTR_TEMPERATURE, PRECISION_TENTHS, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .errors import refusal, require_number
from .fleet.coordinator import FleetConfigEntry
from .native_climate import NativeClimate
from .strategy.entities import STRATEGY_HEATING
from .strategy.explain import rung_text
from .strategy.heating import DEFAULTS, HIGHEST_TARGET, LOWEST_TARGET, Heating
from .strategy.planner.model import OFF
from .strategy_entity import StrategyEntity, async_add_strategies

PARALLEL_UPDATES = 1


async def async_setup_entry(
    hass: HomeAssistant,
    entry: FleetConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the thermostat of each heating."""
    async_add_strategies(
        hass,
        entry,
        lambda manager, strategy: (
            [HeatingClimate(manager, strategy, STRATEGY_HEATING)]
            if strategy.heating
            else []
        ),
        async_add_entities,
    )


class HeatingClimate(StrategyEntity, NativeClimate):
    """Sets what a heating is to reach; how it gets there is decided by its planner."""

    _attr_hvac_modes = [HVACMode.OFF, HVACMode.HEAT]
    _attr_max_temp = HIGHEST_TARGET
    _attr_min_temp = LOWEST_TARGET
    _attr_precision = PRECISION_TENTHS
    _attr_preset_modes = [PRESET_NONE, *DEFAULTS]
    _attr_supported_features = (
        ClimateEntityFeature.TARGET_TEMPERATURE
        | ClimateEntityFeature.PRESET_MODE
        | ClimateEntityFeature.TURN_ON
        | ClimateEntityFeature.TURN_OFF
    )
    _unrecorded_attributes = frozenset({"explanation", "room_reported", "rung"})

    @property
    def _heating(self) -> Heating:
        assert self.strategy.heating is not None
        return self.strategy.heating

    @property
    @override
    def target_temperature_step(self) -> float:
        # It is the one figure that Home Assistant does not convert
        unit = self.hass.config.units.temperature_unit
        return 0.5 if unit == UnitOfTemperature.CELSIUS else 1.0

    @property
    @override
    def native_current_temperature(self) -> float | None:
        return self.strategy.fresh_room

    @property
    @override
    def native_target_temperature(self) -> float:
        return self._heating.target

    @property
    @override
    def hvac_mode(self) -> HVACMode:
        is_on = self.strategy.record.enabled and self._heating.is_on
        return HVACMode.HEAT if is_on else HVACMode.OFF

    @property
    @override
    def hvac_action(self) -> HVACAction | None:
        if self.hvac_mode is HVACMode.OFF:
            return HVACAction.OFF
        if (decision := self.strategy.decision) is None:
            return None
        miners = self.manager.steered_by(self.strategy)
        if not decision.level or not miners:
            return HVACAction.IDLE
        is_warm = any(miner.mining for miner in miners)
        return HVACAction.HEATING if is_warm else HVACAction.PREHEATING

    @property
    @override
    def preset_mode(self) -> str:
        return self._heating.preset

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        decision, room = self.strategy.decision, self.strategy.room
        rung = decision.wishes[0].rung if decision and decision.wishes else OFF
        return {
            "explanation": self.manager.explanation(self.strategy),
            "room_reported": room.at if room else None,
            "rung": rung_text(self.hass, rung),
        }

    @override
    async def async_set_hvac_mode(self, hvac_mode: HVACMode) -> None:
        self._set_mode(hvac_mode)
        self.manager.async_set()

    @override
    async def async_set_preset_mode(self, preset_mode: str) -> None:
        self._heating.choose(preset_mode, dt_util.utcnow())
        self.manager.async_set()

    @override
    async def async_set_temperature(self, **kwargs: Any) -> None:
        if (mode := kwargs.get("hvac_mode")) is not None:
            self._valid_mode_or_raise("hvac", mode, self.hvac_modes)
        target = kwargs[ATTR_TEMPERATURE]
        require_number(target)
        if mode is not None:
            self._set_mode(mode)
        self._heating.set_target(target)
        self.manager.async_set()

    def _set_mode(self, mode: HVACMode) -> None:
        if mode is HVACMode.HEAT and not self.strategy.record.enabled:
            raise refusal("strategy_off", name=self.strategy.title)
        self._heating.switch(mode is HVACMode.HEAT)
