"""The sensors of cost, as descriptions: of a miner, and of the fleet."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import EntityCategory, UnitOfEnergy

from ..display_units import ScaledSensorDescription
from ..figures import SensorValue, stepped_efficiency
from ..fleet.coordinator import FleetCoordinator
from ..miner.coordinator import MinerCoordinator
from ..miner.sensors import knows_power
from .cost import CostMeter
from .earned import Earned
from .ledger import Ledger

type Member = MinerCoordinator | FleetCoordinator

_MAX_LISTED = 300
"""Slots in the attribute of the price: three days of quarters of an hour."""


@dataclass(frozen=True, kw_only=True)
class MoneySensorDescription(ScaledSensorDescription):
    """A sensor of what a miner, a pool or the fleet costs or brings.

    ``unit`` is what stands behind the currency; ``reset_fn`` returns when its period
    began.
    """

    value_fn: Callable[[Ledger, Any], SensorValue]
    exists_fn: Callable[[Ledger, Any], bool]
    configured_fn: Callable[[Ledger], bool] = lambda ledger: ledger.has_price
    """Whether the user has configured what it needs; else it is removed."""
    unit: str | None = ""
    reset_fn: Callable[[Ledger, Any], datetime] | None = None
    attributes_fn: Callable[[Ledger, Any], dict[str, Any]] | None = None
    always: bool = False
    """Whether HMM itself knows it, also while the miner is off."""

    def unit_in(self, currency: str) -> str | None:
        """Return the unit where money is in that currency."""
        if self.unit is None:
            return self.native_unit_of_measurement
        return f"{currency}{self.unit}"


def meter_of(ledger: Ledger, member: Member) -> CostMeter:
    """Return the meter of a miner or of the fleet."""
    if isinstance(member, FleetCoordinator):
        return ledger.fleet
    return ledger.meter(member.config_entry.entry_id)


def watts_of(member: Member) -> float | None:
    """Return the power of now, None if it is not known."""
    if isinstance(member, FleetCoordinator):
        return member.data.power
    if not member.last_update_success:
        return None
    return member.power


def cost_rate(ledger: Ledger, member: Member) -> float | None:
    """Return what an hour costs with the power and the price of now."""
    price, watts = ledger.price.value, watts_of(member)
    if price is None or watts is None:
        return None
    return round(watts / 1000 * price, 3) + 0.0


def _costs(ledger: Ledger, member: Member) -> bool:
    """Return whether a member's cost can be determined: price and power are known."""
    if not ledger.has_price:
        return False
    if isinstance(member, FleetCoordinator):
        return member.data.power is not None or member.energy.fleet_kwh > 0
    return knows_power(member)


def _has_efficiency(ledger: Ledger, member: Member) -> bool:
    if isinstance(member, FleetCoordinator):
        return member.data.power is not None
    return knows_power(member)


def _price_reason(ledger: Ledger, _: Member) -> dict[str, Any]:
    """Return why something is unknown: its price is."""
    return {"reason": ledger.price.reason}


def _price_attributes(ledger: Ledger, _: Member) -> dict[str, Any]:
    """Return where the price comes from, and what is known ahead."""
    price = ledger.price
    return {
        "source": ledger.source.entity_id,
        "valid_until": price.valid_until,
        "reason": price.reason,
        "slots": [
            {
                "start": slot.start.isoformat(),
                "end": slot.end.isoformat(),
                "price": round(slot.price, 5),
            }
            for slot in price.slots[:_MAX_LISTED]
        ],
    }


def counted[CountedT: (CostMeter, Earned)](
    name: str,
    read: Callable[[Ledger, Any], CountedT],
    total_fn: Callable[[CountedT], float],
    exists_fn: Callable[[Ledger, Any], bool],
    configured_fn: Callable[[Ledger], bool],
    *,
    is_fleet: bool,
    attributes_fn: Callable[[Ledger, Any], dict[str, Any]] | None = None,
) -> tuple[MoneySensorDescription, ...]:
    """Return the descriptions of money that is counted: ever, today and this month.

    Those of a miner or a pool are enabled for all time only.
    """

    def describe(
        key: str,
        value_fn: Callable[[CountedT], float],
        start_fn: Callable[[CountedT], datetime] | None = None,
    ) -> MoneySensorDescription:
        return MoneySensorDescription(
            key=key,
            translation_key=key,
            device_class=SensorDeviceClass.MONETARY,
            state_class=SensorStateClass.TOTAL,
            suggested_display_precision=2,
            configured_fn=configured_fn,
            exists_fn=exists_fn,
            always=True,
            value_fn=lambda ledger, of: round(value_fn(read(ledger, of)), 2) + 0.0,
            reset_fn=start_fn and (lambda ledger, of: start_fn(read(ledger, of))),
            attributes_fn=attributes_fn,
            entity_registry_enabled_default=start_fn is None or is_fleet,
        )

    return (
        describe(name, total_fn),
        describe(
            f"{name}_today", lambda meter: meter.day.cost, lambda meter: meter.day.start
        ),
        describe(
            f"{name}_month",
            lambda meter: meter.month.cost,
            lambda meter: meter.month.start,
        ),
    )


def _descriptions(*, is_fleet: bool) -> tuple[MoneySensorDescription, ...]:
    """Return what miners and the fleet have; fewer of a miner are enabled."""
    return (
        *counted(
            "cost",
            meter_of,
            lambda meter: meter.cost,
            _costs,
            lambda ledger: ledger.has_price,
            is_fleet=is_fleet,
        ),
        MoneySensorDescription(
            key="cost_rate",
            translation_key="cost_rate",
            state_class=SensorStateClass.MEASUREMENT,
            suggested_display_precision=3,
            unit="/h",
            entity_registry_enabled_default=is_fleet,
            exists_fn=_costs,
            value_fn=cost_rate,
            attributes_fn=_price_reason,
        ),
        MoneySensorDescription(
            key="unpriced_energy",
            translation_key="unpriced_energy",
            device_class=SensorDeviceClass.ENERGY,
            native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
            state_class=SensorStateClass.TOTAL_INCREASING,
            entity_category=EntityCategory.DIAGNOSTIC,
            suggested_display_precision=3,
            unit=None,
            entity_registry_enabled_default=False,
            exists_fn=_costs,
            always=True,
            value_fn=lambda ledger, member: round(meter_of(ledger, member).unpriced, 3),
        ),
        MoneySensorDescription(
            key="efficiency_1d",
            translation_key="efficiency_1d",
            native_unit_of_measurement="J/TH",
            state_class=SensorStateClass.MEASUREMENT,
            suggested_display_precision=1,
            unit=None,
            entity_registry_enabled_default=is_fleet,
            exists_fn=_has_efficiency,
            configured_fn=lambda _: True,
            always=True,
            value_fn=lambda ledger, member: stepped_efficiency(
                ledger.efficiency_1d(member.config_entry.entry_id)
            ),
        ),
    )


MINER_MONEY = _descriptions(is_fleet=False)
FLEET_MONEY = (
    *_descriptions(is_fleet=True),
    MoneySensorDescription(
        key="price",
        translation_key="price",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=4,
        unit="/kWh",
        exists_fn=lambda ledger, _: ledger.has_price,
        value_fn=lambda ledger, _: (
            None if (price := ledger.price.value) is None else round(price, 5) + 0.0
        ),
        attributes_fn=_price_attributes,
    ),
)
