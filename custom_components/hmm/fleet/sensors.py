"""The sensors of the fleet, of all pools and of each coin, as descriptions."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import PERCENTAGE, EntityCategory, UnitOfPower, UnitOfTime

from ..data import get_data
from ..display_units import EVER, OF_NETWORK, ScaledSensorDescription
from ..figures import (
    SensorValue,
    days,
    rounded,
    stepped_efficiency,
    terahashes,
    whole,
    whole_difficulty,
)
from .coordinator import FleetCoordinator
from .failover import FailoverState
from .members import BestShare
from .problems import MAX_LISTED, FleetState
from .totals import CoinTotals


@dataclass(frozen=True, kw_only=True)
class FleetSensorDescription(ScaledSensorDescription):
    """A sensor of the fleet."""

    value_fn: Callable[[FleetCoordinator], SensorValue]
    attributes_fn: Callable[[FleetCoordinator], dict[str, Any]] | None = None

    def exists(self, coordinator: FleetCoordinator) -> bool:
        """Return whether any pool reports this figure."""
        return self.value_fn(coordinator) is not None


def _problems(fleet: FleetCoordinator) -> dict[str, Any]:
    """Return the first problems: which miner or pool, and why."""
    problems = fleet.data.problems
    return {
        "problems": [
            problem.as_attribute(fleet.hass) for problem in problems[:MAX_LISTED]
        ],
        "more": max(0, len(problems) - MAX_LISTED),
    }


def _sensor(
    key: str, value_fn: Callable[[FleetCoordinator], SensorValue], **options: Any
) -> FleetSensorDescription:
    """Return the description of a figure of the fleet."""
    return FleetSensorDescription(
        **{"key": key, "translation_key": key, "value_fn": value_fn, **options}
    )


_MEASURED: dict[str, Any] = {"state_class": SensorStateClass.MEASUREMENT}
_TERAHASHES = {
    **_MEASURED,
    "native_unit_of_measurement": "TH/s",
    "suggested_display_precision": 2,
}
_PERCENT = {**_MEASURED, "native_unit_of_measurement": PERCENTAGE}
_DAYS = {
    **_MEASURED,
    "device_class": SensorDeviceClass.DURATION,
    "native_unit_of_measurement": UnitOfTime.DAYS,
    "suggested_display_precision": 1,
}
_DIAGNOSTIC: dict[str, Any] = {"entity_category": EntityCategory.DIAGNOSTIC}

FLEET_SENSORS: tuple[FleetSensorDescription, ...] = (
    _sensor("hashrate", lambda fleet: terahashes(fleet.data.hashrate), **_TERAHASHES),
    _sensor(
        "hashrate_expected",
        lambda fleet: terahashes(fleet.data.expected),
        **_TERAHASHES,
        **_DIAGNOSTIC,
    ),
    _sensor(
        "power",
        lambda fleet: whole(fleet.data.power),
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        **_MEASURED,
    ),
    _sensor(
        "efficiency",
        lambda fleet: stepped_efficiency(fleet.data.efficiency),
        native_unit_of_measurement="J/TH",
        suggested_display_precision=1,
        **_MEASURED,
    ),
    _sensor(
        "miners_online",
        lambda fleet: fleet.data.online,
        attributes_fn=lambda fleet: {
            "total": fleet.data.miners,
            "off_on_purpose": fleet.data.on_purpose,
            "offline": list(fleet.data.offline[:MAX_LISTED]),
        },
        **_MEASURED,
    ),
    _sensor(
        "status",
        lambda fleet: fleet.data.state,
        translation_key="fleet_status",
        device_class=SensorDeviceClass.ENUM,
        options=[*FleetState],
    ),
    _sensor(
        "problems",
        lambda fleet: len(fleet.data.problems),
        attributes_fn=_problems,
        **_MEASURED,
    ),
    _sensor(
        "availability",
        lambda fleet: whole(fleet.data.availability),
        suggested_display_precision=0,
        **_PERCENT,
        **_DIAGNOSTIC,
    ),
    _sensor("miners", lambda fleet: fleet.data.miners),
    _sensor(
        "drivers",
        lambda fleet: len(list(get_data(fleet.hass).drivers)),
        **_DIAGNOSTIC,
    ),
)

FLEET_FAILOVER = _sensor(
    "failover",
    lambda fleet: get_data(fleet.hass).failover.state,
    device_class=SensorDeviceClass.ENUM,
    options=[*FailoverState],
    attributes_fn=lambda fleet: get_data(fleet.hass).failover.attributes,
    **_DIAGNOSTIC,
)


def _best_shares(shares: tuple[BestShare, ...]) -> dict[str, Any]:
    """Return whose the best is, and what each miner found, also one that is off."""
    best = shares[0] if shares else None
    return {
        "miner": best and best.miner,
        "found": best and best.found,
        "shares": [
            asdict(share) | {"difficulty": whole_difficulty(share.difficulty)}
            for share in shares
        ],
    }


FLEET_BEST_SHARE = _sensor(
    "best_share",
    lambda fleet: whole_difficulty(
        fleet.data.best_shares[0].difficulty if fleet.data.best_shares else None
    ),
    mined_for=EVER,
    attributes_fn=lambda fleet: _best_shares(fleet.data.best_shares),
    **_MEASURED,
)


def _shares(key: str) -> FleetSensorDescription:
    """Return the description of the shares of all pools.

    No counter: a pool that fails takes its shares out of the sum and brings them
    back, and the statistics would count them as new.
    """
    return _sensor(
        f"pools_{key}",
        lambda fleet: getattr(fleet.data.pools, key),
        translation_key=key,
        entity_registry_enabled_default=False,
        **_MEASURED,
    )


def _soonest(fleet: FleetCoordinator) -> dict[str, Any]:
    """Return whose block it is, or for which pools it waits."""
    pools = fleet.data.pools
    coin = pools.parts.get(pools.soonest_coin or "")
    return {
        "coin": pools.soonest_coin,
        "pools": list(coin.pools) if coin else [],
        "waiting_for": list(pools.soonest_missing),
    }


PLATFORM_SENSORS: tuple[FleetSensorDescription, ...] = (
    _sensor(
        "pools_online",
        lambda fleet: fleet.data.pools.healthy if fleet.data.pools.total else None,
        **_MEASURED,
    ),
    _sensor(
        "pools",
        lambda fleet: fleet.data.pools.total or None,
        entity_registry_enabled_default=False,
    ),
    _sensor(
        "pools_latency",
        lambda fleet: whole(fleet.data.pools.latency),
        translation_key="latency",
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        device_class=SensorDeviceClass.DURATION,
        entity_registry_enabled_default=False,
        **_MEASURED,
        **_DIAGNOSTIC,
    ),
    _sensor(
        "pools_hashrate",
        lambda fleet: terahashes(fleet.data.pools.hashrate),
        **_TERAHASHES,
    ),
    _sensor(
        "soonest_block",
        lambda fleet: days(fleet.data.pools.soonest_block),
        attributes_fn=_soonest,
        **_DAYS,
    ),
    _shares("shares_valid"),
    _shares("shares_invalid"),
    _shares("shares_stale"),
    _sensor(
        "pools_reject_rate",
        lambda fleet: rounded(fleet.data.pools.reject_rate),
        translation_key="reject_rate",
        entity_registry_enabled_default=False,
        suggested_display_precision=2,
        **_PERCENT,
    ),
    _sensor(
        "pools_blocks_24h",
        lambda fleet: fleet.data.pools.blocks_24h,
        translation_key="blocks_24h",
        **_MEASURED,
    ),
)


@dataclass(frozen=True, kw_only=True)
class CoinSensorDescription(ScaledSensorDescription):
    """A sensor of all pools of one coin."""

    value_fn: Callable[[CoinTotals], SensorValue]
    coin: str = ""
    is_money: bool = False
    """Whether the value is in coins."""
    is_network_share: bool = False
    """Whether the value is percent of the network."""

    def of(self, coin: str) -> CoinSensorDescription:
        """Return the description for one coin."""
        return replace(
            self,
            coin=coin,
            key=f"{coin.lower()}_{self.key}",
            translation_placeholders={"coin": coin},
        )

    def exists(self, coordinator: FleetCoordinator) -> bool:
        """Return whether any pool of the coin reports this figure."""
        totals = coordinator.data.pools.coins.get(self.coin)
        return totals is not None and self.value_fn(totals) is not None


def _coin_sensor(
    key: str, value_fn: Callable[[CoinTotals], SensorValue], **options: Any
) -> CoinSensorDescription:
    """Return the description of a figure of one coin; most wait disabled."""
    return CoinSensorDescription(
        **{
            "key": key,
            "translation_key": f"coin_{key}",
            "translation_placeholders": {"coin": ""},
            **_MEASURED,
            "entity_registry_enabled_default": False,
            "value_fn": value_fn,
            **options,
        }
    )


COIN_SENSORS: tuple[CoinSensorDescription, ...] = (
    _coin_sensor(
        "hashrate",
        lambda coin: terahashes(coin.hashrate),
        **_TERAHASHES,
    ),
    _coin_sensor(
        "network_difficulty",
        lambda coin: rounded(coin.network_difficulty, 4),
        mined_for=OF_NETWORK,
        **_DIAGNOSTIC,
    ),
    _coin_sensor(
        "network_share",
        lambda coin: rounded(coin.network_share),
        entity_registry_enabled_default=True,
        is_network_share=True,
        **_PERCENT,
    ),
    _coin_sensor(
        "time_to_block",
        lambda coin: days(coin.time_to_block),
        entity_registry_enabled_default=True,
        **_DAYS,
    ),
    _coin_sensor("earnings_24h", lambda coin: coin.earnings_24h, is_money=True),
    _coin_sensor(
        "confirmed_balance", lambda coin: coin.confirmed_balance, is_money=True
    ),
    _coin_sensor("pending_balance", lambda coin: coin.pending_balance, is_money=True),
)
