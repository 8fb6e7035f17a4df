"""The sensors of revenue and of the odds of a block, as descriptions."""

from collections.abc import Callable
from typing import Any

from homeassistant.components.sensor import SensorStateClass
from homeassistant.const import PERCENTAGE

from ..figures import SensorValue, rounded
from ..fleet.coordinator import FleetCoordinator
from ..pool.coordinator import PoolCoordinator
from .earned import Earned
from .ledger import Ledger
from .odds import DAYS, chance, one_in
from .revenue import (
    Expected,
    account_blocks,
    counted_revenue,
    fleet_blocks,
    fleet_revenue,
    miner_revenue,
    not_counted,
    pool_revenue,
)
from .sensors import Member, MoneySensorDescription, counted, watts_of

_MAX_LISTED = 20
"""Names in an attribute."""

type _Blocks = Callable[[Any], float | None]


def _has_coins(ledger: Ledger) -> bool:
    return bool(ledger.settings.coins)


def _profits(ledger: Ledger) -> bool:
    return ledger.has_price and _has_coins(ledger)


def _cents(value: float | None) -> float | None:
    return None if value is None else round(value, 2) + 0.0


def _pool_blocks(pool: PoolCoordinator) -> float | None:
    """Return the blocks a day; unknown for an account without a share, as its hashrate."""
    is_known = pool.last_update_success and pool.data.account_known
    return account_blocks(pool.data) if is_known else None


def _odds(blocks: _Blocks) -> tuple[MoneySensorDescription, ...]:
    """Return the chance of a block in each span; that of a year is enabled."""

    def describe(name: str, days: float) -> MoneySensorDescription:
        def probability(of: Any) -> float | None:
            return chance(blocks(of), days)

        def percent(_: Ledger, of: Any) -> SensorValue:
            part = probability(of)
            return None if part is None else rounded(100 * part)

        return MoneySensorDescription(
            key=f"odds_{name}",
            translation_key=f"odds_{name}",
            native_unit_of_measurement=PERCENTAGE,
            # Statistics of one of them are enough
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
        attributes_fn=lambda ledger, of: {
            **_found_by(expected(ledger, of)),
            **_not_counted(ledger, of),
        },
    )


def _not_counted(ledger: Ledger, of: Member | PoolCoordinator) -> dict[str, Any]:
    """Return whose revenue is missing in that of the fleet."""
    if not isinstance(of, FleetCoordinator):
        return {}
    names = not_counted(ledger, of)
    return {"not_counted": len(names), "not_counted_miners": names[:_MAX_LISTED]}


def _found_by(expected: Expected) -> dict[str, Any]:
    """Return how an expectation was found, and what the pool keeps of it."""
    fee = expected.fee
    return {
        "basis": expected.basis,
        "fee": fee and fee.source,
        "fee_percent": fee and fee.percent,
    }


def _earned(ledger: Ledger, of: PoolCoordinator | FleetCoordinator) -> Earned:
    return ledger.revenue(of.config_entry.entry_id)


def _sums(*, is_fleet: bool) -> tuple[MoneySensorDescription, ...]:
    """Return the descriptions of what was earned."""
    return counted(
        "revenue",
        _earned,
        lambda earned: earned.money,
        lambda ledger, _: _has_coins(ledger),
        _has_coins,
        is_fleet=is_fleet,
        attributes_fn=_not_counted,
    )


def profit(ledger: Ledger, member: Member) -> float | None:
    """Return what is left a day of the revenue, with power and price of now."""
    revenue, watts = counted_revenue(ledger, member).money, watts_of(member)
    price = ledger.price.value
    if revenue is None or watts is None or price is None:
        return None
    return revenue - watts * 24 / 1000 * price


def break_even(ledger: Ledger, member: Member) -> float | None:
    """Return the price of a kWh at which nothing is left."""
    revenue, watts = counted_revenue(ledger, member).money, watts_of(member)
    if revenue is None or not watts or watts <= 0:
        return None
    return revenue / (watts * 24 / 1000)


def _profit(*, is_fleet: bool) -> tuple[MoneySensorDescription, ...]:
    """Return the descriptions of what is left, and of the price at which nothing is."""
    return (
        MoneySensorDescription(
            key="profit_rate",
            translation_key="profit_rate",
            state_class=SensorStateClass.MEASUREMENT,
            suggested_display_precision=2,
            unit="/d",
            entity_registry_enabled_default=is_fleet,
            configured_fn=_profits,
            exists_fn=lambda ledger, _: _profits(ledger),
            value_fn=lambda ledger, member: _cents(profit(ledger, member)),
            attributes_fn=lambda ledger, member: {
                "basis": counted_revenue(ledger, member).basis,
                "reason": ledger.price.reason,
                **_not_counted(ledger, member),
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
            value_fn=lambda ledger, member: (
                None
                if (price := break_even(ledger, member)) is None
                else round(price, 4)
            ),
            attributes_fn=lambda ledger, member: {
                "basis": counted_revenue(ledger, member).basis,
                **_not_counted(ledger, member),
            },
        ),
    )


def _effort(ledger: Ledger, pool: PoolCoordinator) -> SensorValue:
    return rounded(100 * _earned(ledger, pool).effort)


_EFFORT = MoneySensorDescription(
    key="effort",
    translation_key="effort",
    native_unit_of_measurement=PERCENTAGE,
    state_class=SensorStateClass.MEASUREMENT,
    unit=None,
    entity_registry_enabled_default=False,
    configured_fn=lambda _: True,
    exists_fn=lambda ledger, pool: (
        pool.is_solo
        and pool.data is not None
        and _earned(ledger, pool).since is not None
    ),
    value_fn=_effort,
    attributes_fn=lambda ledger, pool: {"counted_since": _earned(ledger, pool).since},
)

MINER_EARNINGS = (
    _revenue(miner_revenue, is_fleet=False),
    *_profit(is_fleet=False),
)

POOL_MONEY = (
    _revenue(pool_revenue, is_fleet=False),
    *_sums(is_fleet=False),
    *_odds(_pool_blocks),
    _EFFORT,
)

FLEET_EARNINGS = (
    _revenue(lambda ledger, _: fleet_revenue(ledger), is_fleet=True),
    *_sums(is_fleet=True),
    *_profit(is_fleet=True),
    *_odds(fleet_blocks),
)
