"""The entities of strategies, and of miners that are in one: how they are described."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, get_args

from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.climate import ClimateEntityDescription
from homeassistant.components.event import EventEntityDescription
from homeassistant.components.select import SelectEntityDescription
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.components.switch import SwitchEntityDescription
from homeassistant.const import (
    MAX_LENGTH_STATE_STATE,
    EntityCategory,
    UnitOfEnergy,
    UnitOfPower,
)

from .planner.model import Controller, State
from .records import OF_SUN, Used
from .strategy import Strategy

BANDS: Final = "price_bands"
CHAMPION: Final = "champion"
SOLAR: Final = "solar"
NO_CHAMPION: Final = "none"

EVENTS: Final = ["changed", "held", "refused", "fallback", "overridden", "resumed"]

STRATEGY_SWITCH = SwitchEntityDescription(
    key="switch", translation_key="strategy", name=None
)
STRATEGY_ACTIVE = SwitchEntityDescription(
    key="switch",
    translation_key="strategy_active",
    entity_category=EntityCategory.CONFIG,
)
"""The same of a heating, whose thermostat has the name of the strategy."""
STRATEGY_HEATING = ClimateEntityDescription(
    key="climate", translation_key="strategy_heating", name=None
)
STRATEGY_DRY_RUN = SwitchEntityDescription(
    key="dry_run",
    translation_key="strategy_dry_run",
    entity_category=EntityCategory.CONFIG,
)
STRATEGY_OVERRIDE = SelectEntityDescription(
    key="override", translation_key="strategy_override"
)
STRATEGY_DECISION = EventEntityDescription(
    key="decision", translation_key="strategy_decision", event_types=EVENTS
)


@dataclass(frozen=True, kw_only=True)
class StrategySensorDescription(SensorEntityDescription):
    """A figure or a word of a strategy; of only one kind where that is named."""

    value_fn: Callable[[Strategy], str | float | datetime | None]
    attributes_fn: Callable[[Strategy], dict[str, Any]] = lambda _: {}
    kind: str | None = None


STRATEGY_STATUS = StrategySensorDescription(
    key="state",
    translation_key="strategy_status",
    device_class=SensorDeviceClass.ENUM,
    options=list(get_args(State.__value__)),
    value_fn=lambda strategy: strategy.state,
)


def _decided(field: str) -> Callable[[Strategy], Any]:
    """Return a field of the last decision, None before there is one."""
    return lambda strategy: getattr(strategy.decision, field, None)


def _tens(watts: float | None) -> float | None:
    """Return W without what is only noise."""
    return None if watts is None else round(watts, -1)


STRATEGY_SENSORS: tuple[StrategySensorDescription, ...] = (
    StrategySensorDescription(
        key="next_change",
        translation_key="strategy_next_change",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_decided("next_change_at"),
    ),
    StrategySensorDescription(
        key="band",
        translation_key="strategy_band",
        device_class=SensorDeviceClass.ENUM,
        kind=BANDS,
        value_fn=_decided("band"),
        attributes_fn=lambda strategy: {
            "unit": strategy.unit,
            "rungs": {band.name: band.rung for band in strategy.bands},
            "limits": {
                band.name: band.upto for band in strategy.bands if band.upto is not None
            },
            "plan": strategy.plan,
        },
    ),
    StrategySensorDescription(
        key="next_band",
        translation_key="strategy_next_band",
        device_class=SensorDeviceClass.ENUM,
        kind=BANDS,
        value_fn=_decided("next_band"),
    ),
    StrategySensorDescription(
        key="champion",
        translation_key="strategy_champion",
        kind=CHAMPION,
        value_fn=lambda strategy: (
            strategy.names((strategy.decision.champion,))[0][:MAX_LENGTH_STATE_STATE]
            if strategy.decision and strategy.decision.champion
            else NO_CHAMPION
        ),
        attributes_fn=lambda strategy: {
            "ranking": strategy.names(
                strategy.decision.ranking if strategy.decision else ()
            )
        },
    ),
    StrategySensorDescription(
        key="surplus",
        translation_key="strategy_surplus",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        kind=SOLAR,
        value_fn=lambda strategy: _tens(_decided("surplus")(strategy)),
    ),
    StrategySensorDescription(
        key="allotted",
        translation_key="strategy_allotted",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        kind=SOLAR,
        value_fn=_decided("allotted"),
    ),
    StrategySensorDescription(
        key="solar_energy",
        translation_key="strategy_solar_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=2,
        kind=SOLAR,
        value_fn=lambda strategy: round(
            strategy.record.used.get(OF_SUN, Used()).energy, 3
        ),
    ),
)


@dataclass(frozen=True, kw_only=True)
class BandSensorDescription(SensorEntityDescription):
    """What was used in one band, or brought: a ``field`` of ``Used``."""

    field: str


STRATEGY_BAND_SENSORS: tuple[BandSensorDescription, ...] = (
    BandSensorDescription(
        key="band_energy",
        translation_key="strategy_band_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        state_class=SensorStateClass.TOTAL_INCREASING,
        suggested_display_precision=2,
        entity_registry_enabled_default=False,
        translation_placeholders={"band": ""},
        field="energy",
    ),
    *(
        BandSensorDescription(
            key=f"band_{field}",
            translation_key=f"strategy_band_{field}",
            device_class=SensorDeviceClass.MONETARY,
            state_class=SensorStateClass.TOTAL,
            suggested_display_precision=2,
            entity_registry_enabled_default=False,
            translation_placeholders={"band": ""},
            field=field,
        )
        for field in ("cost", "revenue")
    ),
)

CONTROLLED_BY = SensorEntityDescription(
    key="controlled_by",
    translation_key="controlled_by",
    device_class=SensorDeviceClass.ENUM,
    options=list(get_args(Controller.__value__)),
)
RESUME_AUTOMATIC = ButtonEntityDescription(
    key="resume_automatic",
    translation_key="resume_automatic",
)
