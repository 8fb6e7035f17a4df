"""Sensors of strategies, and of miners who controls them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any, override

from homeassistant.components.sensor import (
    DOMAIN as SENSOR_DOMAIN,
    SensorDeviceClass,
    SensorEntity,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import DOMAIN
from .data import get_data
from .entity import AlwaysAvailable, MinerEntity
from .strategy.entities import BandSensorDescription, StrategySensorDescription
from .strategy.explain import rung_text
from .strategy.manager import StrategyManager
from .strategy.records import Used
from .strategy.strategy import Strategy
from .strategy_entity import StrategyEntity

_MAX_MINERS = 50
"""Listed in an attribute; more would not be read, and cost a state its size."""


class StrategySensor(StrategyEntity, SensorEntity):
    """A figure or a word of a strategy."""

    entity_description: StrategySensorDescription
    _unrecorded_attributes = frozenset({"limits", "plan", "ranking", "rungs", "unit"})

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        return self.entity_description.attributes_fn(self.strategy)

    @property
    @override
    def native_value(self) -> str | float | datetime | None:
        value = self.entity_description.value_fn(self.strategy)
        return value if self._is_possible(value) else None

    def _is_possible(self, value: object) -> bool:
        return self.options is None or value in self.options

    @property
    @override
    def options(self) -> list[str] | None:
        if self.entity_description.options is not None:
            return self.entity_description.options
        if self.device_class is SensorDeviceClass.ENUM:
            return [band.name for band in self.strategy.bands]
        return None


class StrategyStatusSensor(StrategySensor):
    """What a strategy does, why, and what comes next."""

    _unrecorded_attributes = frozenset(
        {"explanation", "key", "values", "miners", "next"}
    )

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        strategy, manager = self.strategy, self.manager
        decision = strategy.decision
        return {
            "explanation": manager.explanation(strategy),
            **manager.facts(strategy),
            "miners": list(self._miners()),
            "next": decision.next_band if decision else None,
        }

    def _miners(self) -> Iterator[dict[str, Any]]:
        decision = self.strategy.decision
        for wish in decision.wishes[:_MAX_MINERS] if decision else ():
            yield {
                "name": self.manager.name_of(wish.miner),
                "rung": rung_text(self.hass, wish.rung),
                "reason": wish.reason.key,
                "until": wish.until,
            }


class BandSensor(StrategyEntity, SensorEntity):
    """What the miners of a strategy used, or brought, in one of its bands."""

    entity_description: BandSensorDescription

    def __init__(
        self,
        manager: StrategyManager,
        strategy: Strategy,
        template: BandSensorDescription,
        band_id: str,
        band: str,
    ) -> None:
        """Show one band."""
        super().__init__(
            manager,
            strategy,
            replace(
                template,
                key=f"{template.key}_{band_id}",
                translation_placeholders={"band": band},
            ),
        )
        self._band_id = band_id

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        unit = self.entity_description.native_unit_of_measurement
        return unit or self.manager.hass.config.currency

    @property
    @override
    def native_value(self) -> float | None:
        field = self.entity_description.field
        if field == "revenue" and not get_data(self.hass).money.settings.coins:
            return None
        used = self.strategy.record.used.get(self._band_id, Used())
        return round(float(getattr(used, field)), 3)


class ControlledBySensor(AlwaysAvailable, MinerEntity, SensorEntity):
    """Who decides for a miner that is in a strategy, and why."""

    _state_of = ("native_value", "extra_state_attributes")
    _unrecorded_attributes = frozenset(
        {"strategy", "explanation", "key", "values", "until"}
    )

    @property
    @override
    def native_value(self) -> str:
        control = self._manager.controls.get(self.coordinator.config_entry.entry_id)
        return control.by if control is not None else "nothing"

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        entry_id = self.coordinator.config_entry.entry_id
        control = self._manager.controls.get(entry_id)
        strategy = control.strategy if control is not None else None
        return {
            "strategy": self._manager.name_of(strategy) if strategy else None,
            "explanation": self._manager.control_text(entry_id),
            **self._manager.control_facts(entry_id),
            "until": control.until if control is not None else None,
        }

    @property
    def _manager(self) -> StrategyManager:
        return get_data(self.coordinator.hass).strategies


@callback
def async_add_strategy_sensors(
    hass: HomeAssistant,
    status: StrategySensorDescription,
    sensors: tuple[StrategySensorDescription, ...],
    of_bands: tuple[BandSensorDescription, ...],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of each strategy as strategies and their bands come."""
    manager = get_data(hass).strategies
    added: set[str] = set()

    @callback
    def add_bands(strategy: Strategy) -> None:
        """Add sensors of new bands, and remove those of bands that are gone."""
        if strategy.error is not None:
            return  # Which bands it has is not known until that is mended
        registry, entities = er.async_get(hass), []
        wanted = {
            f"{strategy.id}_{template.key}_{band.id}": (template, band)
            for template in of_bands
            for band in strategy.bands
        }
        for unique_id, (template, band) in wanted.items():
            if unique_id not in added:
                added.add(unique_id)
                entities.append(
                    BandSensor(manager, strategy, template, band.id, band.name)
                )
        if entities:
            async_add_entities(entities, config_subentry_id=strategy.id)
        for unique_id in [
            key
            for key in added
            if key.startswith(f"{strategy.id}_") and key not in wanted
        ]:
            added.discard(unique_id)
            entity_id = registry.async_get_entity_id(SENSOR_DOMAIN, DOMAIN, unique_id)
            if entity_id is not None:
                registry.async_remove(entity_id)

    @callback
    def add(strategy: Strategy) -> None:
        async_add_entities(
            [
                StrategyStatusSensor(manager, strategy, status),
                *(
                    StrategySensor(manager, strategy, sensor)
                    for sensor in sensors
                    if sensor.kind in (None, strategy.kind)
                ),
            ],
            config_subentry_id=strategy.id,
        )
        add_bands(strategy)
        strategy.async_add_changed_listener(lambda: add_bands(strategy))

    manager.fleet_entry.async_on_unload(manager.async_add_new_listener(add))
