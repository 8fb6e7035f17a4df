"""What a miner driver reports, as frozen data."""

from dataclasses import dataclass, field
from typing import Annotated

from .ranges import (
    BOARDS,
    CHIPS,
    FANS,
    OPTIONS,
    POOLS,
    PROBLEMS,
    REASONS,
    Address,
    Age,
    Blocks,
    Bytes,
    Channel,
    ChipVoltage,
    Count,
    Current,
    Difficulty,
    ErrorRate,
    FanSpeed,
    Frequency,
    Hashrate,
    Height,
    Identifier,
    Key,
    Name,
    Percent,
    Power,
    ResponseTime,
    SettingValue,
    Share,
    Signal,
    Slot,
    SupplyVoltage,
    Temperature,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """Who a device is. ``mac`` is lower case with colons; None is "not reported"."""

    mac: Key | None = None
    serial: Identifier | None = None
    manufacturer: Name | None = None
    model: Name | None = None
    firmware: Name | None = None
    hardware: Name | None = None
    hostname: Name | None = None
    configuration_url: Address | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSlot:
    """One pool that a device has configured.

    ``user`` is a secret (it often is a wallet): it is kept out of ``repr``. So
    is a login that someone typed in front of the host: it is cut off.
    """

    index: Slot
    url: Address
    """Host and port as ``host:port``, without scheme."""
    user: Identifier | None = field(default=None, repr=False)
    active: bool = False
    alive: bool | None = None

    def __post_init__(self) -> None:
        """Keep only the address of the pool."""
        object.__setattr__(self, "url", self.url.rpartition("@")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRange:
    """The limits of one setting, from the device's own option list."""

    minimum: SettingValue
    maximum: SettingValue
    step: SettingValue = 1
    default: SettingValue | None = None
    options: Annotated[tuple[SettingValue, ...], OPTIONS] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningLimits:
    """What may be tuned by hand; None is "cannot be set on this device"."""

    frequency: TuningRange | None = None
    """MHz."""
    core_voltage: TuningRange | None = None
    """mV."""
    fan_speed: TuningRange | None = None
    """Percent."""
    target_temperature: TuningRange | None = None
    """°C."""
    power_limit: TuningRange | None = None
    """W that the device may draw."""
    most_power: Power | None = None
    """W that the board is made for, where the device reports that; nothing sets it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerTelemetry:
    """One poll of a miner. None means that the device did not say.

    Volatile ids and clock times are left out on purpose: two equal polls
    compare equal, and nothing is written to the state machine.
    """

    # The keys of the driver contract
    hashrate: Hashrate | None = None
    """H/s, the steadiest short average that the firmware offers."""
    temperature: Temperature | None = None
    """°C of the hottest chip."""
    power: Power | None = None
    """W, measured, never a target."""
    uptime: Age | None = None
    """s since the miner started."""
    mode: Key | None = None
    """One of ``get_supported_modes()``, or ``custom`` when tuned by hand."""

    hashrate_expected: Hashrate | None = None
    """H/s that frequency and core count promise."""
    hashrate_10m: Hashrate | None = None
    """H/s over the last ten minutes."""
    hashrate_15m: Hashrate | None = None
    """H/s over the last quarter of an hour."""
    hashrate_1h: Hashrate | None = None
    """H/s over the last hour."""
    hashrate_1d: Hashrate | None = None
    """H/s over the last day."""
    chip_hashrates: Annotated[tuple[Hashrate | None, ...], CHIPS] = ()
    """H/s by chip."""
    chip_errors: Annotated[tuple[Count | None, ...], CHIPS] = ()
    """Wrong results by chip, since the miner started."""
    board_hashrates: Annotated[tuple[Hashrate | None, ...], BOARDS] = ()
    """H/s by hashboard, where a device has several."""
    board_temperatures: Annotated[tuple[Temperature | None, ...], BOARDS] = ()
    board_chips: Annotated[tuple[Count | None, ...], BOARDS] = ()
    """Chips that work, by hashboard."""
    uptime_total: Age | None = None
    """s that the miner has run in its life."""
    temperature_regulator: Temperature | None = None
    temperature_board: Temperature | None = None
    temperature_inlet: Temperature | None = None
    temperature_outlet: Temperature | None = None
    chip_temperatures: Annotated[tuple[Temperature | None, ...], CHIPS] = ()
    """°C by chip; one without a reading keeps its place."""
    fan_speed: Percent | None = None
    """Percent."""
    fan_auto: bool | None = None
    """Whether the device itself sets the speed of its fan."""
    fan_speed_set: Percent | None = None
    """Percent that is set by hand, where that is reported apart from ``fan_speed``: a
    firmware may let a fan run slower while it rests, and faster when it is hot."""
    fan_speeds: Annotated[tuple[Percent | None, ...], FANS] = ()
    """Percent by fan, where the firmware reports them apart."""
    fan_rpm: Annotated[tuple[FanSpeed | None, ...], FANS] = ()
    frequency: Frequency | None = None
    """MHz, as set."""
    frequency_actual: Frequency | None = None
    """MHz, measured."""
    core_voltage: ChipVoltage | None = None
    """mV, as set."""
    core_voltage_actual: ChipVoltage | None = None
    """mV, measured."""
    target_temperature: Temperature | None = None
    temperature_limit: Temperature | None = None
    """°C of the hottest chip at which the device stops or slows down automatically."""
    power_limit: Power | None = None
    """W that the device is set to draw; what it measures is ``power``."""
    input_voltage: SupplyVoltage | None = None
    """mV."""
    input_current: Current | None = None
    """mA."""
    shares_accepted: Count | None = None
    shares_rejected: Count | None = None
    shares_stale: Count | None = None
    shares_pending: Count | None = None
    """Shares that the pool has not answered yet."""
    reject_reasons: Annotated[tuple[tuple[Name, Count], ...], REASONS] = ()
    """What the pool said and how often, without names of users."""
    error_rate: ErrorRate | None = None
    """Percent of hardware errors."""
    best_share: Share | None = None
    """Difficulty of the best share ever."""
    best_session_share: Share | None = None
    """Difficulty of the best share since the miner started."""
    last_share: Share | None = None
    """Difficulty of the last share."""
    blocks_found: Blocks | None = None
    blocks_found_session: Blocks | None = None
    """Blocks since the miner started, where it counts them apart."""
    pool_difficulty: Difficulty | None = None
    network_difficulty: Difficulty | None = None
    block_height: Height | None = None
    coinbase_value: Count | None = None
    """What a block of the present job would pay, fees included: satoshis, or whatever
    the smallest unit of the coin is called."""
    coinbase_own_value: Count | None = None
    """What of it goes to the address that the miner mines for."""
    response_time: ResponseTime | None = None
    """ms that the pool takes to answer a share."""
    packet_loss: Percent | None = None
    """Percent of the pings to the pool that are not answered."""
    pool_failures: Count | None = None
    """How often a pool was lost."""
    crc_errors: Count | None = None
    """Garbled messages between controller and chips."""
    signal: Signal | None = None
    """dBm."""
    reset_reason: Name | None = None
    """Why the miner last started, in the firmware's own words or code."""
    free_memory: Bytes | None = None
    """Bytes."""
    cpu_usage: Percent | None = None
    """Percent."""
    filter_runtime: Age | None = None
    """s since the dust filter was cleaned."""
    light_on: bool | None = None
    """Whether its own light is on; the other fields of the light are what is set."""
    light_brightness: Percent | None = None
    """Percent."""
    light_color: tuple[Channel, Channel, Channel] | None = None
    """Red, green and blue."""
    light_effect: Key | None = None
    """One of ``get_light_effects()``."""
    hashing: bool | None = None
    """Whether the device works on shares now."""
    paused: bool | None = None
    """Whether it was paused on purpose."""
    using_fallback: bool | None = None
    pools: Annotated[tuple[PoolSlot, ...], POOLS] = ()
    problems: Annotated[tuple[Key, ...], PROBLEMS] = ()
    """Keys of what is wrong: overheat, power_fault, hardware_fault, chip_error,
    fan_fault, no_core_voltage, no_pool."""
    device: DeviceFacts | None = None
    """What this poll reported about the device itself (firmware may be updated)."""

    @property
    def fan_setting(self) -> float | None:
        """Return the percent that are set by hand, else those that the fan runs at."""
        if self.fan_auto is not False or self.fan_speed_set is None:
            return self.fan_speed
        return self.fan_speed_set

    @property
    def active_pool(self) -> PoolSlot | None:
        """Return the pool that the device mines at."""
        return next((pool for pool in self.pools if pool.active), None)
