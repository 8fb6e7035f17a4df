"""What a miner driver reports, as frozen data."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceFacts:
    """Who a device is. ``mac`` is lower case with colons; None is "not told"."""

    mac: str | None = None
    serial: str | None = None
    manufacturer: str | None = None
    model: str | None = None
    firmware: str | None = None
    hardware: str | None = None
    hostname: str | None = None
    configuration_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSlot:
    """One pool that a device has configured.

    ``user`` is a secret (it often is a wallet): it is kept out of ``repr``. So
    is a login that someone typed in front of the host: it is cut off.
    """

    index: int
    url: str
    """Host and port as ``host:port``, without scheme."""
    user: str | None = field(default=None, repr=False)
    active: bool = False
    alive: bool | None = None

    def __post_init__(self) -> None:
        """Keep only the address of the pool."""
        object.__setattr__(self, "url", self.url.rpartition("@")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningRange:
    """The limits of one setting, from the device's own option list."""

    minimum: float
    maximum: float
    step: float = 1
    default: float | None = None
    options: tuple[float, ...] = ()


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


@dataclass(frozen=True, slots=True, kw_only=True)
class MinerTelemetry:
    """One poll of a miner. None means that the device did not say.

    Volatile ids and clock times are left out on purpose: two equal polls
    compare equal, and nothing is written to the state machine.
    """

    # The keys of the driver contract
    hashrate: float | None = None
    """H/s, the steadiest short average that the firmware offers."""
    temperature: float | None = None
    """°C of the hottest chip."""
    power: float | None = None
    """W, measured, never a target."""
    uptime: int | None = None
    """s since the miner started."""
    mode: str | None = None
    """One of ``get_supported_modes()``, or ``custom`` when tuned by hand."""

    hashrate_expected: float | None = None
    """H/s that frequency and core count promise."""
    hashrate_10m: float | None = None
    """H/s over the last ten minutes."""
    hashrate_15m: float | None = None
    """H/s over the last quarter of an hour."""
    hashrate_1h: float | None = None
    """H/s over the last hour."""
    hashrate_1d: float | None = None
    """H/s over the last day."""
    chip_hashrates: tuple[float | None, ...] = ()
    """H/s by chip."""
    chip_errors: tuple[int | None, ...] = ()
    """Wrong results by chip, since the miner started."""
    uptime_total: int | None = None
    """s that the miner has run in its life."""
    temperature_regulator: float | None = None
    temperature_board: float | None = None
    temperature_inlet: float | None = None
    temperature_outlet: float | None = None
    chip_temperatures: tuple[float, ...] = ()
    fan_speed: float | None = None
    """Percent."""
    fan_rpm: tuple[int | None, ...] = ()
    frequency: float | None = None
    """MHz, as set."""
    frequency_actual: float | None = None
    """MHz, measured."""
    core_voltage: float | None = None
    """mV, as set."""
    core_voltage_actual: float | None = None
    """mV, measured."""
    target_temperature: float | None = None
    input_voltage: float | None = None
    """mV."""
    input_current: float | None = None
    """mA."""
    shares_accepted: int | None = None
    shares_rejected: int | None = None
    shares_stale: int | None = None
    shares_pending: int | None = None
    """Shares that the pool has not answered yet."""
    reject_reasons: tuple[tuple[str, int], ...] = ()
    """What the pool said and how often, without names of users."""
    error_rate: float | None = None
    """Percent of hardware errors."""
    best_share: float | None = None
    """Difficulty of the best share ever."""
    best_session_share: float | None = None
    """Difficulty of the best share since the miner started."""
    last_share: float | None = None
    """Difficulty of the last share."""
    blocks_found: int | None = None
    blocks_found_session: int | None = None
    """Blocks since the miner started, where it counts them apart."""
    pool_difficulty: float | None = None
    network_difficulty: float | None = None
    block_height: int | None = None
    response_time: float | None = None
    """ms that the pool takes to answer a share."""
    packet_loss: float | None = None
    """Percent of the pings to the pool that are not answered."""
    pool_failures: int | None = None
    """How often a pool was lost."""
    crc_errors: int | None = None
    """Garbled messages between controller and chips."""
    signal: int | None = None
    """dBm."""
    reset_reason: str | None = None
    """Why the miner last started, in the firmware's own words or code."""
    free_memory: int | None = None
    """Bytes."""
    cpu_usage: float | None = None
    """Percent."""
    filter_runtime: int | None = None
    """s since the dust filter was cleaned."""
    hashing: bool | None = None
    """Whether the device works on shares now."""
    paused: bool | None = None
    """Whether it was paused on purpose."""
    using_fallback: bool | None = None
    pools: tuple[PoolSlot, ...] = ()
    problems: tuple[str, ...] = ()
    """Keys of what is wrong: overheat, power_fault, hardware_fault, chip_error,
    fan_fault, no_pool."""
    device: DeviceFacts | None = None
    """What this poll told of the device itself (firmware may be updated)."""

    @property
    def active_pool(self) -> PoolSlot | None:
        """Return the pool that the device mines at."""
        return next((pool for pool in self.pools if pool.active), None)
