"""The sensors of a miner, as descriptions."""

from collections.abc import Callable, Mapping, Sequence
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


def _sensor(key: str, **options: Any) -> MinerSensorDescription:
    """Return a description by its key, and what else it has.

    Without ``value_fn`` it shows the telemetry field of its name as it is.
    """
    return MinerSensorDescription(
        **{
            "key": key,
            "translation_key": key,
            "value_fn": lambda miner: getattr(miner.data, key),
            **options,
        }
    )


def _detail(key: str, **options: Any) -> MinerSensorDescription:
    """Return the description of a figure that only a tinkerer wants."""
    return _sensor(
        key,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        **options,
    )


_MEASURED: dict[str, Any] = {"state_class": SensorStateClass.MEASUREMENT}
_HASHRATE = {**_MEASURED, "suggested_display_precision": 2, "is_hashrate": True}
_CELSIUS = {
    **_MEASURED,
    "device_class": SensorDeviceClass.TEMPERATURE,
    "native_unit_of_measurement": UnitOfTemperature.CELSIUS,
    "suggested_display_precision": 0,
}
_PERCENT = {**_MEASURED, "native_unit_of_measurement": PERCENTAGE}
_RPM = {**_MEASURED, "native_unit_of_measurement": REVOLUTIONS_PER_MINUTE}
_MILLIVOLT = {
    **_MEASURED,
    "device_class": SensorDeviceClass.VOLTAGE,
    "native_unit_of_measurement": UnitOfElectricPotential.MILLIVOLT,
}
_COUNT: dict[str, Any] = {
    "state_class": SensorStateClass.TOTAL_INCREASING,
    "entity_registry_enabled_default": False,
}


def _temperature(key: str, limit: float | None = None) -> MinerSensorDescription:
    """Return the description of a temperature beside the chip's."""
    return _detail(
        key,
        value_fn=lambda miner: whole(getattr(miner.data, key)),
        limit_fn=None if limit is None else lambda _: limit,
        **_CELSIUS,
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
    _detail(
        "availability",
        suggested_display_precision=0,
        value_fn=lambda miner: whole(
            percent(*miner.status.record.availability.total_and_online)
        ),
        **_PERCENT,
    ),
    _detail(
        "boot_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.SECONDS,
        value_fn=lambda miner: whole(miner.status.record.availability.boot_time),
    ),
)

MINER_SENSORS: tuple[MinerSensorDescription, ...] = (
    _sensor("hashrate", **_HASHRATE),
    _sensor(
        "temperature",
        value_fn=lambda miner: whole(miner.data.temperature),
        limit_fn=lambda miner: miner.status.problems.limits.warm,
        **_CELSIUS,
    ),
    _sensor(
        "power",
        device_class=SensorDeviceClass.POWER,
        native_unit_of_measurement=UnitOfPower.WATT,
        suggested_display_precision=0,
        exists_fn=knows_power,
        value_fn=_power,
        **_MEASURED,
    ),
    _sensor(
        "efficiency",
        native_unit_of_measurement="J/TH",
        suggested_display_precision=1,
        exists_fn=lambda miner: knows_power(miner) and _reports(miner, "hashrate"),
        value_fn=lambda miner: stepped_efficiency(
            efficiency_j_per_th(miner.power, miner.data.hashrate)
        ),
        **_MEASURED,
    ),
    _sensor(
        "best_share",
        mined_for=EVER,
        value_fn=lambda miner: whole_difficulty(miner.data.best_share),
        **_MEASURED,
    ),
    _sensor(
        "best_session_share",
        mined_for=SESSION,
        value_fn=lambda miner: whole_difficulty(miner.data.best_session_share),
        **_MEASURED,
    ),
    _sensor(
        "reject_rate",
        suggested_display_precision=2,
        exists_fn=lambda miner: _reports(miner, "shares_accepted", "shares_rejected"),
        value_fn=_reject_rate,
        **_PERCENT,
    ),
    _sensor(
        "uptime",
        device_class=SensorDeviceClass.UPTIME,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda miner: miner.started,
    ),
    _sensor(
        "active_pool",
        entity_category=EntityCategory.DIAGNOSTIC,
        exists_fn=lambda miner: _reports(miner, "pools"),
        value_fn=_active_pool,
    ),
    _sensor("shares_accepted", **_COUNT),
    _sensor("shares_rejected", **_COUNT),
    _sensor("shares_stale", **_COUNT),
    _sensor("blocks_found", **_COUNT),
    _sensor(
        "hashrate_expected",
        entity_category=EntityCategory.DIAGNOSTIC,
        suggested_display_precision=2,
        is_hashrate=True,
    ),
    _detail("hashrate_10m", **_HASHRATE),
    _detail("hashrate_15m", **_HASHRATE),
    _detail("hashrate_1h", **_HASHRATE),
    _detail("hashrate_1d", **_HASHRATE),
    _temperature("temperature_regulator", REGULATOR_LIMIT),
    _temperature("temperature_board"),
    _temperature("temperature_inlet"),
    _temperature("temperature_outlet"),
    _detail(
        "fan_speed", value_fn=lambda miner: whole(miner.data.fan_speed), **_PERCENT
    ),
    _detail("fan_rpm", value_fn=_fan_rpm, **_RPM),
    _detail(
        "frequency",
        device_class=SensorDeviceClass.FREQUENCY,
        native_unit_of_measurement=UnitOfFrequency.MEGAHERTZ,
        **_MEASURED,
    ),
    _detail("core_voltage", **_MILLIVOLT),
    _detail(
        "core_voltage_actual",
        value_fn=lambda miner: whole(miner.data.core_voltage_actual),
        **_MILLIVOLT,
    ),
    _detail(
        "input_voltage",
        device_class=SensorDeviceClass.VOLTAGE,
        native_unit_of_measurement=UnitOfElectricPotential.VOLT,
        suggested_display_precision=2,
        value_fn=lambda miner: thousandths(miner.data.input_voltage),
        **_MEASURED,
    ),
    _detail(
        "input_current",
        device_class=SensorDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.AMPERE,
        suggested_display_precision=2,
        value_fn=lambda miner: thousandths(miner.data.input_current),
        **_MEASURED,
    ),
    _detail(
        "error_rate",
        suggested_display_precision=2,
        value_fn=lambda miner: rounded(miner.data.error_rate),
        **_PERCENT,
    ),
    _detail("pool_difficulty", mined_for=SHARE),
    _detail("network_difficulty", mined_for=OF_NETWORK),
    _detail(
        "response_time",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        value_fn=lambda miner: whole(miner.data.response_time),
        **_MEASURED,
    ),
    _detail(
        "signal",
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
        **_MEASURED,
    ),
    _detail("packet_loss", suggested_display_precision=1, **_PERCENT),
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
        suggested_display_precision=0,
        value_fn=lambda miner: kibibytes(miner.data.free_memory),
        **_MEASURED,
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


def _one_of(
    key: str,
    field: str,
    index: int,
    options: Mapping[str, Any],
    *,
    shown: Callable[[Any], SensorValue] = lambda value: value,
    is_offered: Callable[[Sequence[Any], int], bool] = lambda *_: True,
    translation_key: str | None = None,
) -> MinerSensorDescription:
    """Return the description of one value of a list of telemetry.

    ``is_offered`` returns whether the value at an index of a list deserves a sensor.
    """

    def value(miner: MinerCoordinator) -> SensorValue:
        values = getattr(miner.data, field)
        return shown(values[index]) if index < len(values) else None

    def exists(miner: MinerCoordinator) -> bool:
        values = getattr(miner.data, field, ())
        return index < len(values) and is_offered(values, index)

    return _detail(
        f"{key}_{index + 1}",
        translation_placeholders={"index": str(index + 1)},
        exists_fn=exists,
        value_fn=value,
        **{"translation_key": translation_key or key, **options},
    )


# The first fan has the sensors that every miner has
FAN_SENSORS = tuple(
    _one_of(key, field, index, options, shown=whole, translation_key=f"{key}_of")
    for index in (1, 2, 3)
    for key, field, options in (
        ("fan_speed", "fan_speeds", _PERCENT),
        ("fan_rpm", "fan_rpm", _RPM),
    )
)

# The largest home miner (Avalon Q) has 160 chips; that many sensors are of no use
_MAX_CHIPS = 16
CHIP_SENSORS = (
    *(
        _one_of(
            "chip_temperature",
            "chip_temperatures",
            index,
            _CELSIUS,
            shown=whole,
            is_offered=lambda chips, index: chips[index] is not None,
        )
        for index in range(_MAX_CHIPS)
    ),
    *(
        _one_of(
            "chip_hashrate",
            "chip_hashrates",
            index,
            _HASHRATE,
            # That of a single chip is that of the miner
            is_offered=lambda chips, _: len(chips) > 1,
        )
        for index in range(_MAX_CHIPS)
    ),
)

_MAX_BOARDS = 4
BOARD_SENSORS = tuple(
    _one_of(key, field, index, options)
    for index in range(_MAX_BOARDS)
    for key, field, options in (
        ("hashboard_hashrate", "board_hashrates", _HASHRATE),
        ("hashboard_temperature", "board_temperatures", _CELSIUS),
        ("hashboard_chips", "board_chips", _MEASURED),
    )
)
