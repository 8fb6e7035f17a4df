"""The sensors of a miner, as descriptions."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    PERCENTAGE,
    REVOLUTIONS_PER_MINUTE,
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfElectricCurrent,
    UnitOfElectricPotential,
    UnitOfEnergy,
    UnitOfFrequency,
    UnitOfInformation,
    UnitOfPower,
    UnitOfTemperature,
    UnitOfTime,
)

from ..const import CONF_POWER_DRAW
from ..display_units import EVER, OF_NETWORK, SESSION, SHARE, ScaledSensorDescription
from ..driver_api.units import efficiency_j_per_th
from ..figures import (
    SensorValue,
    hours,
    kibibytes,
    percent_of,
    rounded,
    stepped_efficiency,
    thousandths,
    whole,
    whole_difficulty,
)
from .autotune import AutotuneState
from .availability import percent
from .coordinator import MinerCoordinator
from .problems import REGULATOR_LIMIT
from .status import MinerState


@dataclass(frozen=True, kw_only=True)
class MinerSensorDescription(ScaledSensorDescription):
    """A sensor of a miner."""

    value_fn: Callable[[MinerCoordinator], SensorValue]
    exists_fn: Callable[[MinerCoordinator], bool] | None = None
    limit_fn: Callable[[MinerCoordinator], float] | None = None
    """Returns above which value HMM warns, in the unit of the sensor."""

    def exists(self, coordinator: MinerCoordinator) -> bool:
        """Return whether the miner ever reported this figure."""
        if self.exists_fn is not None:
            return self.exists_fn(coordinator)
        return _reports(coordinator, self.key)


def _reports(coordinator: MinerCoordinator, *names: str) -> bool:
    """Return whether the miner ever sent all of these telemetry fields."""
    return coordinator.known.telemetry.issuperset(names)


def knows_power(coordinator: MinerCoordinator) -> bool:
    """Return whether power is measured or was given by the user."""
    return (
        coordinator.measures_power
        or coordinator.config_entry.options.get(CONF_POWER_DRAW) is not None
    )


def _power(coordinator: MinerCoordinator) -> float | None:
    """Return W in steps of about 2 %: less is noise of the meter."""
    power = coordinator.power
    if power is None:
        return None
    if power < 10:
        return round(power, 1)
    return round(2 * power) / 2 if power < 50 else round(power)


def _fan_rpm(coordinator: MinerCoordinator) -> int | None:
    """Return the speed of the first fan that turns, in steps of 10 rpm."""
    speeds = [rpm for rpm in coordinator.data.fan_rpm if rpm is not None]
    return round(speeds[0], -1) if speeds else None


def _reject_rate(coordinator: MinerCoordinator) -> float | None:
    data = coordinator.data
    return percent_of(data.shares_rejected, data.shares_accepted)


def _active_pool(coordinator: MinerCoordinator) -> str | None:
    """Return host and port of the pool that the miner works for, or of both."""
    pools = [pool.url for pool in coordinator.data.pools if pool.active]
    return " + ".join(pools)[:255] or None


def _detail(key: str, **options: Any) -> MinerSensorDescription:
    """Return the description of a figure that only a tinkerer wants.

    ``options`` are fields of the description; without ``value_fn`` the sensor
    shows the telemetry field of its name as it is.
    """
    return MinerSensorDescription(
        **{
            "key": key,
            "translation_key": key,
            "entity_category": EntityCategory.DIAGNOSTIC,
            "entity_registry_enabled_default": False,
            "value_fn": lambda miner: getattr(miner.data, key),
            **options,
        }
    )


def _temperature(key: str, limit: float | None = None) -> MinerSensorDescription:
    """Return the description of a temperature beside the chip's."""
    return _detail(
        key,
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda miner: whole(getattr(miner.data, key)),
        limit_fn=None if limit is None else lambda _: limit,
    )


def _average_hashrate(key: str) -> MinerSensorDescription:
    """Return the description of a hashrate over a longer window."""
    return _detail(
        key,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        is_hashrate=True,
    )


def _duration(key: str, state_class: SensorStateClass) -> MinerSensorDescription:
    """Return the description of a long time, shown in hours."""
    return _detail(
        key,
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.HOURS,
        state_class=state_class,
        suggested_display_precision=0,
        value_fn=lambda miner: hours(getattr(miner.data, key)),
    )


MINER_STATUS = SensorEntityDescription(
    key="status",
    translation_key="status",
    device_class=SensorDeviceClass.ENUM,
    options=[*MinerState],
)

MINER_AUTOTUNE = SensorEntityDescription(
    key="autotune",
    translation_key="autotune",
    device_class=SensorDeviceClass.ENUM,
    entity_category=EntityCategory.DIAGNOSTIC,
    options=[*AutotuneState],
)

WATCH_SENSORS: tuple[MinerSensorDescription, ...] = (
    MinerSensorDescription(
        key="availability",
        translation_key="availability",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=0,
        value_fn=lambda miner: whole(
            percent(*miner.status.record.availability.total_and_online)
        ),
    ),
    MinerSensorDescription(
        key="boot_time",
        translation_key="boot_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: whole(miner.status.record.availability.boot_time),
    ),
)

MINER_SENSORS: tuple[MinerSensorDescription, ...] = (
    MinerSensorDescription(
        key="hashrate",
        translation_key="hashrate",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        is_hashrate=True,
        value_fn=lambda miner: miner.data.hashrate,
    ),
    MinerSensorDescription(
        key="temperature",
        translation_key="temperature",
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda miner: whole(miner.data.temperature),
        limit_fn=lambda miner: miner.status.problems.limits.warm,
    ),
    MinerSensorDescription(
        key="power",
        translation_key="power",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        exists_fn=knows_power,
        value_fn=_power,
    ),
    MinerSensorDescription(
        key="efficiency",
        translation_key="efficiency",
        native_unit_of_measurement="J/TH",
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
        exists_fn=lambda miner: knows_power(miner) and _reports(miner, "hashrate"),
        value_fn=lambda miner: stepped_efficiency(
            efficiency_j_per_th(miner.power, miner.data.hashrate)
        ),
    ),
    MinerSensorDescription(
        key="best_share",
        translation_key="best_share",
        state_class=SensorStateClass.MEASUREMENT,
        mined_for=EVER,
        value_fn=lambda miner: whole_difficulty(miner.data.best_share),
    ),
    MinerSensorDescription(
        key="best_session_share",
        translation_key="best_session_share",
        state_class=SensorStateClass.MEASUREMENT,
        mined_for=SESSION,
        value_fn=lambda miner: whole_difficulty(miner.data.best_session_share),
    ),
    MinerSensorDescription(
        key="reject_rate",
        translation_key="reject_rate",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        exists_fn=lambda miner: _reports(miner, "shares_accepted", "shares_rejected"),
        value_fn=_reject_rate,
    ),
    MinerSensorDescription(
        key="uptime",
        translation_key="uptime",
        device_class=SensorDeviceClass.UPTIME,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda miner: miner.started,
    ),
    MinerSensorDescription(
        key="active_pool",
        translation_key="active_pool",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda miner: _reports(miner, "pools"),
        value_fn=_active_pool,
    ),
    MinerSensorDescription(
        key="shares_accepted",
        translation_key="shares_accepted",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.shares_accepted,
    ),
    MinerSensorDescription(
        key="shares_rejected",
        translation_key="shares_rejected",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.shares_rejected,
    ),
    MinerSensorDescription(
        key="shares_stale",
        translation_key="shares_stale",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.shares_stale,
    ),
    MinerSensorDescription(
        key="blocks_found",
        translation_key="blocks_found",
        state_class=SensorStateClass.TOTAL_INCREASING,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.blocks_found,
    ),
    MinerSensorDescription(
        key="hashrate_expected",
        translation_key="hashrate_expected",
        entity_category=EntityCategory.DIAGNOSTIC,
        suggested_display_precision=2,
        is_hashrate=True,
        value_fn=lambda miner: miner.data.hashrate_expected,
    ),
    _average_hashrate("hashrate_10m"),
    _average_hashrate("hashrate_15m"),
    _average_hashrate("hashrate_1h"),
    _average_hashrate("hashrate_1d"),
    _temperature("temperature_regulator", REGULATOR_LIMIT),
    _temperature("temperature_board"),
    _temperature("temperature_inlet"),
    _temperature("temperature_outlet"),
    MinerSensorDescription(
        key="fan_speed",
        translation_key="fan_speed",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: whole(miner.data.fan_speed),
    ),
    MinerSensorDescription(
        key="fan_rpm",
        translation_key="fan_rpm",
        native_unit_of_measurement=REVOLUTIONS_PER_MINUTE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=_fan_rpm,
    ),
    MinerSensorDescription(
        key="frequency",
        translation_key="frequency",
        device_class=SensorDeviceClass.FREQUENCY,
        native_unit_of_measurement=UnitOfFrequency.MEGAHERTZ,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.frequency,
    ),
    MinerSensorDescription(
        key="core_voltage",
        translation_key="core_voltage",
        device_class=SensorDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.MILLIVOLT,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.core_voltage,
    ),
    MinerSensorDescription(
        key="core_voltage_actual",
        translation_key="core_voltage_actual",
        device_class=SensorDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.MILLIVOLT,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: whole(miner.data.core_voltage_actual),
    ),
    MinerSensorDescription(
        key="input_voltage",
        translation_key="input_voltage",
        device_class=SensorDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=2,
        value_fn=lambda miner: thousandths(miner.data.input_voltage),
    ),
    MinerSensorDescription(
        key="input_current",
        translation_key="input_current",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=2,
        value_fn=lambda miner: thousandths(miner.data.input_current),
    ),
    MinerSensorDescription(
        key="error_rate",
        translation_key="error_rate",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=2,
        value_fn=lambda miner: rounded(miner.data.error_rate),
    ),
    MinerSensorDescription(
        key="pool_difficulty",
        translation_key="pool_difficulty",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        mined_for=SHARE,
        value_fn=lambda miner: miner.data.pool_difficulty,
    ),
    MinerSensorDescription(
        key="network_difficulty",
        translation_key="network_difficulty",
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        mined_for=OF_NETWORK,
        value_fn=lambda miner: miner.data.network_difficulty,
    ),
    MinerSensorDescription(
        key="response_time",
        translation_key="response_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: whole(miner.data.response_time),
    ),
    MinerSensorDescription(
        key="signal",
        translation_key="signal",
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda miner: miner.data.signal,
    ),
    _detail(
        "packet_loss",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=1,
    ),
    _detail("pool_failures", state_class=SensorStateClass.TOTAL_INCREASING),
    # Not the class of an uptime, which is the time of a start
    _duration("uptime_total", SensorStateClass.TOTAL_INCREASING),
    # Set back when the filter is cleaned
    _duration("filter_runtime", SensorStateClass.MEASUREMENT),
    _detail("reset_reason"),
    _detail(
        "free_memory",
        device_class=SensorDeviceClass.DATA_SIZE,
        native_unit_of_measurement=UnitOfInformation.KIBIBYTES,
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=0,
        value_fn=lambda miner: kibibytes(miner.data.free_memory),
    ),
)

MINER_ENERGY = SensorEntityDescription(
    key="energy",
    translation_key="energy",
    device_class=SensorDeviceClass.ENERGY,
    native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
    state_class=SensorStateClass.TOTAL_INCREASING,
    suggested_display_precision=2,
)


def _chip_temperature(index: int) -> MinerSensorDescription:
    """Return the description of one chip's temperature."""

    def value(miner: MinerCoordinator) -> SensorValue:
        chips = miner.data.chip_temperatures
        return whole(chips[index]) if index < len(chips) else None

    return MinerSensorDescription(
        key=f"chip_temperature_{index + 1}",
        translation_key="chip_temperature",
        translation_placeholders={"index": str(index + 1)},
        device_class=SensorDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        suggested_display_precision=0,
        exists_fn=lambda miner: (
            miner.data is not None
            and index < len(miner.data.chip_temperatures)
            and miner.data.chip_temperatures[index] is not None
        ),
        value_fn=value,
    )


def _chip_hashrate(index: int) -> MinerSensorDescription:
    """Return the description of one chip's hashrate, where there are several."""

    def value(miner: MinerCoordinator) -> SensorValue:
        chips = miner.data.chip_hashrates
        return chips[index] if index < len(chips) else None

    return _detail(
        f"chip_hashrate_{index + 1}",
        translation_key="chip_hashrate",
        translation_placeholders={"index": str(index + 1)},
        state_class=SensorStateClass.MEASUREMENT,
        suggested_display_precision=2,
        is_hashrate=True,
        exists_fn=lambda miner: (
            miner.data is not None
            and index < len(miner.data.chip_hashrates)
            and len(miner.data.chip_hashrates) > 1
        ),
        value_fn=value,
    )


def _board(key: str, values: str, index: int, **options: Any) -> MinerSensorDescription:
    """Return the description of a figure of one hashboard, from a list of telemetry."""

    def value(miner: MinerCoordinator) -> SensorValue:
        boards = getattr(miner.data, values)
        return boards[index] if index < len(boards) else None

    return _detail(
        f"{key}_{index + 1}",
        translation_key=key,
        translation_placeholders={"index": str(index + 1)},
        state_class=SensorStateClass.MEASUREMENT,
        exists_fn=lambda miner: (
            miner.data is not None and index < len(getattr(miner.data, values))
        ),
        value_fn=value,
        **options,
    )


def _fan(key: str, values: str, index: int, unit: str) -> MinerSensorDescription:
    """Return the description of one more fan, from a list of telemetry."""

    def value(miner: MinerCoordinator) -> SensorValue:
        fans = getattr(miner.data, values)
        return whole(fans[index]) if index < len(fans) else None

    return _detail(
        f"{key}_{index + 1}",
        translation_key=f"{key}_of",
        translation_placeholders={"index": str(index + 1)},
        native_unit_of_measurement=unit,
        state_class=SensorStateClass.MEASUREMENT,
        exists_fn=lambda miner: (
            miner.data is not None and index < len(getattr(miner.data, values))
        ),
        value_fn=value,
    )


# The first fan has the sensors that every miner has
FAN_SENSORS = tuple(
    _fan(key, values, index, unit)
    for index in (1, 2, 3)
    for key, values, unit in (
        ("fan_speed", "fan_speeds", PERCENTAGE),
        ("fan_rpm", "fan_rpm", REVOLUTIONS_PER_MINUTE),
    )
)

# The largest home miner (Avalon Q) has 160 chips; that many sensors are of no use
_MAX_CHIPS = 16
CHIP_SENSORS = tuple(
    describe(index)
    for describe in (_chip_temperature, _chip_hashrate)
    for index in range(_MAX_CHIPS)
)

_MAX_BOARDS = 4
BOARD_SENSORS = tuple(
    describe
    for index in range(_MAX_BOARDS)
    for describe in (
        _board(
            "hashboard_hashrate",
            "board_hashrates",
            index,
            suggested_display_precision=2,
            is_hashrate=True,
        ),
        _board(
            "hashboard_temperature",
            "board_temperatures",
            index,
            device_class=SensorDeviceClass.TEMPERATURE,
            native_unit_of_measurement=UnitOfTemperature.CELSIUS,
            suggested_display_precision=0,
        ),
        _board("hashboard_chips", "board_chips", index),
    )
)
