"""Sensors of miners, pools, their workers and the fleet."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from functools import partial
from typing import Any, override

from homeassistant.components.sensor import (
    DOMAIN as SENSOR_DOMAIN,
    RestoreSensor,
    SensorEntity,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from .const import ATTR_DETAIL, ATTR_REASON, ATTR_SINCE
from .data import HmmConfigEntry, get_data
from .display_units import (
    DIFFICULTY_UNITS,
    HASHRATE_UNITS,
    OF_NETWORK,
    ScaledSensorDescription,
    Units,
    difficulty_unit,
    unit_for_life,
    unit_option,
)
from .driver_api import HashrateUnit
from .driver_api.units import MEGA, parse_number
from .driver_engine.pool_client import hashrate_unit
from .entity import (
    AlwaysAvailable,
    FleetEntity,
    MinerEntity,
    Offer,
    PoolEntity,
    WorkerEntity,
    async_add_offered,
    async_add_workers,
    enabled_of,
    registered,
)
from .figures import (
    SensorValue,
    as_state,
    four_digits,
    in_digits,
    read_safely,
    rounded,
    share_decimals,
)
from .fleet.coordinator import FleetConfigEntry, FleetCoordinator
from .fleet.sensors import (
    COIN_SENSORS,
    FLEET_BEST_SHARE,
    FLEET_FAILOVER,
    FLEET_SENSORS,
    PLATFORM_SENSORS,
    CoinSensorDescription,
    FleetSensorDescription,
)
from .fleet.totals import CoinTotals
from .miner.autotune import AutotuneState
from .miner.coordinator import MinerCoordinator
from .miner.missing import missing_values
from .miner.sensors import (
    BOARD_SENSORS,
    CHIP_SENSORS,
    FAN_SENSORS,
    MINER_AUTOTUNE,
    MINER_ENERGY,
    MINER_SENSORS,
    MINER_STATUS,
    WATCH_SENSORS,
    MinerSensorDescription,
    knows_power,
)
from .miner.status import MinerState
from .money.earning_sensors import FLEET_EARNINGS, MINER_EARNINGS, POOL_MONEY
from .money.ledger import Ledger
from .money.sensors import FLEET_MONEY, MINER_MONEY, MoneySensorDescription
from .pool.coordinator import PoolCoordinator
from .pool.sensors import (
    POOL_SENSORS,
    POOL_STATUS,
    POOL_STRATUM_LATENCY,
    WORKER_SENSORS,
    PoolSensorDescription,
    WorkerSensorDescription,
)
from .strategy.entities import (
    CONTROLLED_BY,
    STRATEGY_BAND_SENSORS,
    STRATEGY_SENSORS,
    STRATEGY_STATUS,
)
from .strategy_sensors import ControlledBySensor, async_add_strategy_sensors
from .unique_ids import entity_id_of, identity_of

PARALLEL_UPDATES = 0

_ATTR_DIFFICULTY = "difficulty"
_ATTR_LIMIT = "limit"
# What belongs to a reason that has a limit
_MEASURED = ("value", _ATTR_LIMIT, "unit")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: HmmConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of an entry."""
    coordinator = entry.runtime_data
    if isinstance(coordinator, MinerCoordinator):
        _add_miner_sensors(hass, coordinator, async_add_entities)
    elif isinstance(coordinator, PoolCoordinator):
        _add_pool_sensors(hass, coordinator, async_add_entities)
    elif isinstance(coordinator, FleetCoordinator):
        _add_fleet_sensors(hass, coordinator, async_add_entities)


@callback
def _add_miner_sensors(
    hass: HomeAssistant,
    coordinator: MinerCoordinator,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a miner, as it reports what they show."""
    identity = identity_of(coordinator.config_entry)
    before = registered(hass, coordinator, SENSOR_DOMAIN)
    async_add_offered(
        coordinator,
        async_add_entities,
        Offer((MINER_STATUS,), _always, MinerStatusSensor),
        Offer(WATCH_SENSORS, _always, MinerWatchSensor),
        Offer(
            (*MINER_SENSORS, *FAN_SENSORS, *CHIP_SENSORS, *BOARD_SENSORS),
            lambda description, miner: (
                description.exists(miner)
                and (
                    description.mined_for != OF_NETWORK
                    or f"{identity}_{description.key}" in before
                    or _is_reported(description, miner)
                )
            ),
            MinerSensor,
        ),
        Offer(
            (MINER_AUTOTUNE,),
            lambda _, miner: miner.autotune is not None and miner.autotune.was_started,
            MinerAutotuneSensor,
        ),
        Offer((MINER_ENERGY,), lambda _, miner: knows_power(miner), MinerEnergySensor),
        Offer(
            (CONTROLLED_BY,),
            lambda _, miner: get_data(hass).strategies.is_member(
                miner.config_entry.entry_id
            ),
            ControlledBySensor,
        ),
    )
    money = (*MINER_MONEY, *MINER_EARNINGS)
    _add_money(hass, coordinator, money, MinerMoney, async_add_entities)


@callback
def _add_pool_sensors(
    hass: HomeAssistant,
    coordinator: PoolCoordinator,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a pool account and of its workers."""
    identity = identity_of(coordinator.config_entry)
    before = registered(hass, coordinator, SENSOR_DOMAIN)
    async_add_offered(
        coordinator,
        async_add_entities,
        Offer((POOL_STATUS,), _always, PoolStatusSensor),
        Offer((POOL_STRATUM_LATENCY,), _always, PoolStratumLatency),
        Offer(
            POOL_SENSORS,
            lambda description, pool: (
                f"{identity}_{description.key}" in before or description.exists(pool)
            ),
            PoolSensor,
        ),
    )
    async_add_workers(
        hass,
        coordinator,
        SENSOR_DOMAIN,
        WORKER_SENSORS,
        lambda description, worker: description.value_fn(worker) is not None,
        WorkerSensor,
        async_add_entities,
    )
    _add_money(hass, coordinator, POOL_MONEY, PoolMoney, async_add_entities)


@callback
def _add_fleet_sensors(
    hass: HomeAssistant,
    coordinator: FleetCoordinator,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of the fleet and of the strategies."""
    identity = identity_of(coordinator.config_entry)
    before = registered(hass, coordinator, SENSOR_DOMAIN)
    async_add_entities(FleetSensor(coordinator, d) for d in FLEET_SENSORS)
    async_add_offered(
        coordinator,
        async_add_entities,
        Offer(
            (MINER_ENERGY,),
            lambda _, fleet: fleet.data.power is not None,
            FleetEnergySensor,
        ),
        Offer(
            (FLEET_BEST_SHARE,),
            lambda description, fleet: (
                f"{identity}_{description.key}" in before or description.exists(fleet)
            ),
            FleetBestShare,
        ),
        Offer(
            (FLEET_FAILOVER,),
            lambda *_: get_data(hass).failover.is_set_up,
            FleetSensor,
        ),
    )
    _add_pool_totals(hass, coordinator, async_add_entities)
    money = (*FLEET_MONEY, *FLEET_EARNINGS)
    _add_money(hass, coordinator, money, FleetMoney, async_add_entities)
    async_add_strategy_sensors(
        hass,
        STRATEGY_STATUS,
        STRATEGY_SENSORS,
        STRATEGY_BAND_SENSORS,
        async_add_entities,
    )


def _always(*_: object) -> bool:
    """Return that all have it."""
    return True


def _is_reported(description: MinerSensorDescription, miner: MinerCoordinator) -> bool:
    """Return whether a miner reports a value now, by which its unit is chosen."""
    return miner.data is not None and description.value_fn(miner) is not None


@callback
def _add_pool_totals(
    hass: HomeAssistant,
    fleet: FleetCoordinator,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what the pools report together, now and as pools and coins come.

    A figure that was there before a restart is there again, even if its pools are
    down.
    """
    entry = fleet.config_entry
    added: set[str] = set()
    previous: set[str] | None = None

    def is_wanted(description: FleetSensorDescription | CoinSensorDescription) -> bool:
        return description.key not in added and (
            read_safely(lambda: description.exists(fleet), description.key)
            or entity_id_of(hass, entry, SENSOR_DOMAIN, description.key) is not None
        )

    @callback
    def add_offered() -> None:
        nonlocal previous
        members = get_data(hass).fleet
        if fleet.data.complete and previous != (coins := members.coins(hass)):
            added.difference_update(_remove_pool_totals(hass, entry, coins))
            previous = coins
        entities: list[FleetSensor | FleetCoinSensor] = [
            FleetSensor(fleet, description)
            for description in PLATFORM_SENSORS
            if is_wanted(description)
        ]
        entities += [
            FleetCoinSensor(fleet, description)
            for coin in fleet.data.pools.coins
            for template in COIN_SENSORS
            if is_wanted(description := template.of(coin))
        ]
        if entities:
            added.update(entity.entity_description.key for entity in entities)
            async_add_entities(entities)

    add_offered()
    entry.async_on_unload(fleet.async_add_listener(add_offered))


def _remove_pool_totals(
    hass: HomeAssistant, entry: FleetConfigEntry, coins: set[str]
) -> set[str]:
    """Remove the totals of coins that no pool has, or of no pools; return their keys.

    ``coins`` are those of all pools that are set up.
    """
    registry, prefix = er.async_get(hass), f"{identity_of(entry)}_"
    of_pools = {d.key for d in PLATFORM_SENSORS}
    of_coins = tuple(f"_{d.key}" for d in COIN_SENSORS)
    wanted = {d.key for d in FLEET_SENSORS} | (of_pools if coins else set())
    wanted |= {d.of(coin).key for d in COIN_SENSORS for coin in coins}
    removed = set()
    for entity in er.async_entries_for_config_entry(registry, entry.entry_id):
        key = entity.unique_id.removeprefix(prefix)
        is_left = key not in wanted and (key in of_pools or key.endswith(of_coins))
        if entity.domain == SENSOR_DOMAIN and is_left:
            registry.async_remove(entity.entity_id)
            removed.add(key)
    return removed


@callback
def _add_money[CoordinatorT: MinerCoordinator | PoolCoordinator | FleetCoordinator](
    hass: HomeAssistant,
    coordinator: CoordinatorT,
    descriptions: Sequence[MoneySensorDescription],
    factory: Callable[[CoordinatorT, MoneySensorDescription], SensorEntity],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what can be determined of money; it goes when its price is not configured."""
    ledger, registry = get_data(hass).money, er.async_get(hass)
    entry = coordinator.config_entry
    owner = identity_of(entry)
    before = registered(hass, coordinator, SENSOR_DOMAIN)
    wanted = enabled_of(coordinator, SENSOR_DOMAIN, owner, descriptions, before)
    added: set[str] = set()
    seen: object = None

    def id_of(key: str) -> str | None:
        return entity_id_of(hass, entry, SENSOR_DOMAIN, key)

    @callback
    def follow() -> None:
        nonlocal seen
        if len(added) == len(wanted) and seen is ledger.settings:
            return
        is_new, seen = seen is not ledger.settings, ledger.settings
        new: list[SensorEntity] = []
        for description in wanted:
            key = description.key
            if key not in added and (
                read_safely(partial(description.exists_fn, ledger, coordinator), key)
                # What was there before a restart is there again, be its pool down
                or (description.configured_fn(ledger) and id_of(key) is not None)
            ):
                added.add(key)
                new.append(factory(coordinator, description))
            elif is_new and not description.configured_fn(ledger):
                added.discard(key)
                if (entity_id := id_of(key)) is not None:
                    registry.async_remove(entity_id)
        if new:
            async_add_entities(new)

    follow()
    entry.async_on_unload(coordinator.async_add_listener(follow))
    entry.async_on_unload(ledger.async_add_listener(follow))


class _PreciseSensor(SensorEntity):
    """A sensor that is registered with its precision, and not once more for it."""

    @override
    def get_initial_entity_options(self) -> er.EntityOptionsType | None:
        options = {**(super().get_initial_entity_options() or {})}
        if (precision := self.suggested_display_precision) is not None:
            options[SENSOR_DOMAIN] = {"suggested_display_precision": precision}
        return options


class _ValueSensor(_PreciseSensor):
    """A sensor of a value that a device or pool reports, or of a sum of them.

    It may show a hashrate or a difficulty in a larger unit, which is fixed for life.
    """

    entity_description: ScaledSensorDescription
    _unrecorded_attributes = frozenset({_ATTR_DIFFICULTY, _ATTR_LIMIT})
    _factor: float | None = None

    def _fix_unit(
        self,
        coordinator: DataUpdateCoordinator[Any],
        hashrate_unit: HashrateUnit,
        minimum: float = 0,
    ) -> None:
        """Choose the unit of a hashrate or difficulty, or take the one it has.

        ``hashrate_unit`` suits the kind of miner or pool; ``minimum`` is a
        difficulty that is shown one day.
        """
        description = self.entity_description
        if description.is_hashrate:
            self._show_in(coordinator.hass, hashrate_unit, HASHRATE_UNITS)
        elif (seconds := description.mined_for) is not None:
            first = self._shown() if coordinator.data is not None else None
            wanted = difficulty_unit(
                hashrate_unit, seconds, max(parse_number(first) or 0, minimum)
            )
            self._show_in(coordinator.hass, wanted, DIFFICULTY_UNITS)

    def _show_in(self, hass: HomeAssistant, wanted: str | None, units: Units) -> None:
        assert self.unique_id is not None
        unit = unit_for_life(hass, self.unique_id, wanted, units)
        self._attr_native_unit_of_measurement = unit
        self._factor = units[unit]

    @override
    def get_initial_entity_options(self) -> er.EntityOptionsType | None:
        options = super().get_initial_entity_options() or {}
        if self._factor is not None:
            return {**options, **unit_option(self.native_unit_of_measurement)}
        return options

    def _read(self) -> SensorValue:
        """Return the value; it may fail, and be anything."""
        raise NotImplementedError

    def _shown(self) -> SensorValue:
        """Return the value in the unit that it is read in."""
        return as_state(read_safely(self._read, self.entity_description.key))

    @property
    @override
    def native_value(self) -> SensorValue:
        value = self._shown()
        if self._factor is not None and isinstance(value, int | float):
            if self.entity_description.is_hashrate:
                value = rounded(value / self._factor)
            elif self._factor != 1:
                value = four_digits(value, self._factor)
        return in_digits(value)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return the plain number behind a difficulty."""
        if self.entity_description.mined_for is None:
            return {}
        value = self._shown()
        return {} if value is None else {_ATTR_DIFFICULTY: value}


class MinerSensor(MinerEntity, _ValueSensor):
    """One figure of a miner."""

    _state_of = ("_source",)
    entity_description: MinerSensorDescription

    def __init__(
        self, coordinator: MinerCoordinator, description: MinerSensorDescription
    ) -> None:
        """Fix the unit of a hashrate or difficulty."""
        super().__init__(coordinator, description)
        self._fix_unit(coordinator, coordinator.client.hashrate_unit)

    @property
    def _source(self) -> SensorValue:
        """Return what value and attributes are made of; a hashrate only as rounded."""
        is_hashrate = self.entity_description.is_hashrate
        return self.native_value if is_hashrate else self._shown()

    @override
    def _read(self) -> SensorValue:
        return self.entity_description.value_fn(self.coordinator)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return the plain number behind a difficulty, and from what on HMM warns."""
        if (limit_fn := self.entity_description.limit_fn) is None:
            return super().extra_state_attributes
        return {_ATTR_LIMIT: limit_fn(self.coordinator)}


class MinerStatusSensor(AlwaysAvailable, MinerEntity, SensorEntity):
    """What a miner does and why; it remains available while the miner is off."""

    _state_of = ("native_value", "extra_state_attributes")
    _unrecorded_attributes = frozenset(
        {
            ATTR_DETAIL,
            "kept",
            "missing",
            "plug",
            "minutes",
            "expected",
            "step",
            "steps",
            *_MEASURED,
        }
    )

    @property
    @override
    def native_value(self) -> MinerState | None:
        return self.coordinator.status.state

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        status = self.coordinator.status
        shown = status.record.status
        return {
            ATTR_REASON: shown.reason,
            ATTR_SINCE: shown.at,
            ATTR_DETAIL: status.detail,
            **dict.fromkeys(_MEASURED),
            **{
                key: value for key, value in status.values.items() if key != ATTR_REASON
            },
            "missing": missing_values(self.coordinator),
            "kept": [
                {
                    "action": command.action,
                    "value": command.value,
                    "until": command.until.isoformat(),
                }
                for command in self.coordinator.kept.values()
            ],
        }


class MinerAutotuneSensor(AlwaysAvailable, MinerEntity, SensorEntity):
    """What autotune does at a miner, and what it has measured."""

    _state_of = ("native_value", "extra_state_attributes")
    _unrecorded_attributes = frozenset(
        {"step", "steps", "finishes", ATTR_REASON, "points"}
    )

    @property
    @override
    def native_value(self) -> AutotuneState:
        assert self.coordinator.autotune is not None
        return self.coordinator.autotune.record.state

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        autotune = self.coordinator.autotune
        assert autotune is not None
        return {
            "step": None,
            "steps": None,
            **(autotune.progress or {}),
            "finishes": autotune.finishes,
            ATTR_REASON: autotune.record.reason,
            "points": autotune.points,
        }


class MinerWatchSensor(AlwaysAvailable, MinerSensor):
    """What HMM itself knows of a miner, also while it is off."""


class PoolStatusSensor(AlwaysAvailable, PoolEntity, SensorEntity):
    """How a pool account stands; it remains available while the pool is down."""

    @property
    @override
    def native_value(self) -> str | None:
        state = self.coordinator.status.status.state
        return None if state is None else str(state)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        shown = self.coordinator.status.status
        return {ATTR_REASON: shown.reason, ATTR_SINCE: shown.at}


class PoolSensor(PoolEntity, _ValueSensor):
    """One figure of a pool account."""

    entity_description: PoolSensorDescription

    def __init__(
        self, coordinator: PoolCoordinator, description: PoolSensorDescription
    ) -> None:
        """Fix the unit of a hashrate or difficulty."""
        super().__init__(coordinator, description)
        self._fix_unit(coordinator, hashrate_unit(coordinator.driver))
        if description.is_network_share:
            decimals = share_decimals(coordinator.account.coin)
            self._attr_suggested_display_precision = decimals

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Return the unit: money is in what the pool pays in."""
        pool = self.coordinator
        if not self.entity_description.is_money:
            return super().native_unit_of_measurement
        reported = pool.data.currency if pool.data is not None else None
        return reported or pool.currency or pool.account.coin

    @override
    def _read(self) -> SensorValue:
        return self.entity_description.value_fn(self.coordinator)


class PoolStratumLatency(AlwaysAvailable, PoolSensor):
    """How fast the port answers that miners connect to, whatever the figures do."""


class WorkerSensor(WorkerEntity, _ValueSensor):
    """One figure of a worker at a pool."""

    entity_description: WorkerSensorDescription

    def __init__(
        self,
        coordinator: PoolCoordinator,
        worker_id: str,
        description: WorkerSensorDescription,
    ) -> None:
        """Fix the unit of a hashrate or difficulty."""
        super().__init__(coordinator, worker_id, description)
        self._fix_unit(coordinator, hashrate_unit(coordinator.driver))

    @override
    def _read(self) -> SensorValue:
        worker = self.worker
        return None if worker is None else self.entity_description.value_fn(worker)


class FleetSensor(FleetEntity, _ValueSensor):
    """One total of the fleet."""

    entity_description: FleetSensorDescription
    _unrecorded_attributes = frozenset(
        {
            _ATTR_DIFFICULTY,
            "problems",
            "more",
            "offline",
            "off_on_purpose",
            "total",
            "miners",
            "shares",
        }
    )

    @override
    def _read(self) -> SensorValue:
        return self.entity_description.value_fn(self.coordinator)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return of how many a sum is, and what else is to be said of a value."""
        read = self.entity_description.attributes_fn
        return {
            **super().extra_state_attributes,
            **_reporting(self.coordinator, self.entity_description.key),
            **(read(self.coordinator) if read else {}),
        }


class FleetBestShare(FleetSensor):
    """The best share of the fleet."""

    def __init__(
        self, coordinator: FleetCoordinator, description: FleetSensorDescription
    ) -> None:
        """Fix the unit by the largest miners, not too small for those to come."""
        super().__init__(coordinator, description)
        units: list[HashrateUnit] = [
            miner.client.hashrate_unit
            for miner in get_data(coordinator.hass).fleet.miners.values()
        ]
        units.sort(key=lambda unit: HASHRATE_UNITS[unit])
        self._fix_unit(coordinator, units[-1] if units else "kH/s", minimum=MEGA)


class _MoneySensor(_ValueSensor):
    """What something costs or brings, in the currency of Home Assistant."""

    entity_description: MoneySensorDescription
    coordinator: Any
    _unrecorded_attributes = frozenset(
        {
            "source",
            "valid_until",
            "slots",
            "reason",
            "basis",
            "one_in",
            "counted_since",
            "not_counted",
            "not_counted_miners",
        }
    )

    @property
    def _ledger(self) -> Ledger:
        return get_data(self.hass).money

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        if self.entity_description.reset_fn is not None:
            # Its period may end between polls
            self.async_on_remove(
                self._ledger.async_add_listener(self.async_write_ha_state)
            )

    @property
    @override
    def available(self) -> bool:
        return self.entity_description.always or super().available

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        return self.entity_description.unit_in(self._ledger.currency)

    @property
    @override
    def last_reset(self) -> datetime | None:
        read = self.entity_description.reset_fn
        return None if read is None else read(self._ledger, self.coordinator)

    @override
    def _read(self) -> SensorValue:
        return self.entity_description.value_fn(self._ledger, self.coordinator)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        read = self.entity_description.attributes_fn
        return {} if read is None else read(self._ledger, self.coordinator)


class MinerMoney(_MoneySensor, MinerEntity):
    """What a miner costs or brings."""

    _state_of = (
        "native_value",
        "native_unit_of_measurement",
        "last_reset",
        "extra_state_attributes",
    )


class PoolMoney(_MoneySensor, PoolEntity):
    """What a pool account brings."""


class FleetMoney(_MoneySensor, FleetEntity):
    """What the fleet costs or brings."""


def _reporting(fleet: FleetCoordinator, key: str) -> dict[str, Any]:
    """Return of how many a sum is, nothing for what is not a sum."""
    counts = fleet.data.reporting.get(key)
    return {} if counts is None else asdict(counts)


class FleetCoinSensor(FleetEntity, _ValueSensor):
    """One total of all pools of a coin."""

    entity_description: CoinSensorDescription

    def __init__(
        self, coordinator: FleetCoordinator, description: CoinSensorDescription
    ) -> None:
        """Show money in its coin, and a share of its network as more than zero."""
        super().__init__(coordinator, description)
        if description.is_money:
            self._attr_native_unit_of_measurement = description.coin
        if description.is_network_share:
            decimals = share_decimals(description.coin)
            self._attr_suggested_display_precision = decimals
        self._fix_unit(coordinator, "TH/s")

    @property
    @override
    def available(self) -> bool:
        return super().available and self._totals is not None

    @override
    def _read(self) -> SensorValue:
        totals = self._totals
        return None if totals is None else self.entity_description.value_fn(totals)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Return of how many pools a sum is, or for which pools a time waits."""
        description = self.entity_description
        if description.key.endswith("_time_to_block"):
            part = self.coordinator.data.pools.parts.get(description.coin)
            return {"waiting_for": list(part.missing) if part else []}
        return {
            **super().extra_state_attributes,
            **_reporting(self.coordinator, description.key),
        }

    @property
    def _totals(self) -> CoinTotals | None:
        """Return the totals of the coin, None without any pool of it."""
        return self.coordinator.data.pools.coins.get(self.entity_description.coin)


class _EnergySensor(_PreciseSensor, RestoreSensor):
    """Energy that continues where it was before a restart.

    It is kept by the energy book; what Home Assistant restores is for a miner
    that was removed and added again, and for a book that was lost.
    """

    _is_restored = False

    @override
    async def async_added_to_hass(self) -> None:
        await super().async_added_to_hass()
        if self._is_restored:
            # It got another entity id, under which another miner may be stored
            return
        self._is_restored = True
        last = await self.async_get_last_sensor_data()
        if last is not None and (kwh := parse_number(last.native_value)) is not None:
            self._raise_to(kwh)

    def _raise_to(self, kwh: float) -> None:
        """Continue from a count of before, if that is more."""
        raise NotImplementedError


class MinerEnergySensor(MinerEntity, _EnergySensor):
    """Energy that a miner used."""

    _state_of = ("native_value",)

    @property
    @override
    def native_value(self) -> float:
        return self.coordinator.energy.displayed

    @override
    def _raise_to(self, kwh: float) -> None:
        self.coordinator.energy.raise_to(kwh)


class FleetEnergySensor(FleetEntity, _EnergySensor):
    """Energy that the fleet used."""

    @property
    @override
    def native_value(self) -> float:
        return self.coordinator.energy.displayed

    @override
    def _raise_to(self, kwh: float) -> None:
        self.coordinator.energy.raise_fleet_to(kwh)
