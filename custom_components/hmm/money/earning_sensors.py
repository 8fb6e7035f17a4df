"""The sensors of revenue and of the odds of a block, as descriptions."""

from collections.abc import Callable
from typing import Any

from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import PERCENTAGE

from ..figures import SensorValue, rounded
from ..fleet.coordinator import FleetCoordinator
from ..pool.coordinator import PoolCoordinator
from .ledger import Ledger
from .odds import DAYS, chance, one_in
from .revenue import (
    Expected,
    account_blocks,
    counted_revenue,
    fleet_blocks,
    fleet_revenue,
    pool_revenue,
)
from .sensors import MoneySensorDescription

type _Blocks = Callable[[Any], float | None]


def _has_coins(ledger: Ledger) -> bool:
    return bool(ledger.settings.coins)


def _profits(ledger: Ledger) -> bool:
    return ledger.has_price and _has_coins(ledger)


def _cents(value: float | None) -> float | None:
    return None if value is None else round(value, 2) + 0.0


def _pool_blocks(pool: PoolCoordinator) -> float | None:
    return account_blocks(pool.data) if pool.last_update_success else None


def _odds(blocks: _Blocks) -> tuple[MoneySensorDescription, ...]:
    """Return the chance of a block in each span; that of a year is enabled."""

    def describe(name: str, days: float) -> MoneySensorDescription:
        def probability(of: Any) -> float | None:
            expected = blocks(of)
            return None if expected is None else chance(expected * days)

        def percent(_: Ledger, of: Any) -> SensorValue:
            found = probability(of)
            return None if found is None else rounded(100 * found)

        return MoneySensorDescription(
            key=f"odds_{name}",
            translation_key=f"odds_{name}",
            native_unit_of_measurement=PERCENTAGE,
            # Statistics of one of them tell all
            state_class=SensorStateClass.MEASUREMENT if name == "year" else None,
            unit=None,
            entity_registry_enabled_default=name == "year",
            configured_fn=lambda _: True,
            exists_fn=lambda _, of: of.data is not None and blocks(of) is not None,
            value_fn=percent,
            attributes_fn=lambda _, of: {"one_in": one_in(probability(of))},
        )

    return tuple(describe(name, days) for name, days in DAYS.items())


def _revenue(
    expected: Callable[[Ledger, Any], Expected], *, is_fleet: bool
) -> MoneySensorDescription:
    """Return the description of what is to be expected a day."""
    return MoneySensorDescription(
        key="revenue_rate",
        translation_key="revenue_rate",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        unit="/d",
        entity_registry_enabled_default=is_fleet,
        configured_fn=_has_coins,
        exists_fn=lambda ledger, _: _has_coins(ledger),
        value_fn=lambda ledger, of: _cents(expected(ledger, of).money),
        attributes_fn=lambda ledger, of: {"basis": expected(ledger, of).basis},
    )


def profit(ledger: Ledger, fleet: FleetCoordinator) -> float | None:
    """Return what is left a day of the revenue, with power and price of now."""
    revenue, watts = counted_revenue(ledger).money, fleet.data.power
    price = ledger.price.value
    if revenue is None or watts is None or price is None:
        return None
    return revenue - watts * 24 / 1000 * price


def break_even(ledger: Ledger, fleet: FleetCoordinator) -> float | None:
    """Return the price of a kWh at which nothing is left."""
    revenue, watts = counted_revenue(ledger).money, fleet.data.power
    if revenue is None or not watts or watts <= 0:
        return None
    return revenue / (watts * 24 / 1000)


POOL_MONEY = (
    _revenue(pool_revenue, is_fleet=False),
    *_odds(_pool_blocks),
)

FLEET_EARNINGS = (
    _revenue(lambda ledger, _: fleet_revenue(ledger), is_fleet=True),
    MoneySensorDescription(
        key="profit_rate",
        translation_key="profit_rate",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        unit="/d",
        configured_fn=_profits,
        exists_fn=lambda ledger, _: _profits(ledger),
        value_fn=lambda ledger, fleet: _cents(profit(ledger, fleet)),
        attributes_fn=lambda ledger, _: {
            "basis": counted_revenue(ledger).basis,
            "reason": ledger.price.reason,
        },
    ),
    MoneySensorDescription(
        key="break_even",
        translation_key="break_even",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=3,
        unit="/kWh",
        entity_registry_enabled_default=False,
        configured_fn=_profits,
        exists_fn=lambda ledger, _: _profits(ledger),
        value_fn=lambda ledger, fleet: (
            None if (price := break_even(ledger, fleet)) is None else round(price, 4)
        ),
        attributes_fn=lambda ledger, _: {"basis": counted_revenue(ledger).basis},
    ),
    *_odds(fleet_blocks),
)
