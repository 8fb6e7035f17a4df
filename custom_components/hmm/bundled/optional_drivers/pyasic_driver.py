"""Large ASICs by way of the package pyasic_rs: Antminer, Whatsminer, Avalon A and more.

The package (asic-rs, Apache-2.0) knows the firmwares of Bitmain, MicroBT and Canaan as
well as Braiins OS, LuxOS, VNish, ePIC, MARA and others. It chooses ports and protocols
itself; what a miner can do depends on its firmware. Checked against 0.8.6.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
import contextlib
from ipaddress import IPv4Address
import math
import socket
import time
from typing import override

from pyasic_rs import Miner, MinerFactory
from pyasic_rs.config import TuningConfig
from pyasic_rs.data import (
    BoardData,
    DataField,
    HashRate,
    MessageSeverity,
    MinerData,
    MinerMessage,
    MiningMode,
    OperatingState,
    PoolData,
    TuningCapabilities,
    TuningTarget,
)

from custom_components.hmm.bundled.shared.axeos import within_limits
from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
    PoolSlot,
    Setting,
    TuningLimits,
    TuningRange,
)
from custom_components.hmm.driver_api.reasons import CommandReason
from custom_components.hmm.driver_api.units import parse_temperature

REQUIREMENTS = ["pyasic_rs==0.8.6"]

_MODES = {
    "low": MiningMode.Low,
    "normal": MiningMode.Normal,
    "high": MiningMode.High,
}

# HMM's own drivers know more of these: measured watts above all
_OWN_MODELS = ("nano", "homeq", "mini3", "bitaxe", "nerd")

# Not requested: each costs a request per poll, and nothing shows it
_UNUSED = [
    DataField.ApiVersion,
    DataField.ControlBoardVersion,
    DataField.DevFeeConnected,
    DataField.LightFlashing,
    DataField.PsuFans,
]

# Firmwares whose web page requires a login before it reports the model. The package
# refuses a name that it does not know.
_WITH_LOGIN = (
    "AntMiner Stock",
    "Braiins",
    "Goldshell Stock",
    "LuxOS",
    "Marathon",
    "VNish",
    "VolcMiner Stock",
    "WhatsMiner Stock",
)
_USUAL_USER = "root"

_LIGHT_SECONDS = 10.0
"""s that a light may take to flash."""

_ASLEEP = (
    OperatingState.Idling,
    OperatingState.Paused,
    OperatingState.Stopped,
    OperatingState.Suspended,
)
_AWAKE = (
    OperatingState.AdjustingClockVoltage,
    OperatingState.AdjustingFrequency,
    OperatingState.AdjustingVoltage,
    OperatingState.DegradedMining,
    OperatingState.Initializing,
    OperatingState.Mining,
    OperatingState.Stable,
    OperatingState.Starting,
    OperatingState.Tuning,
)


class PyasicDriver(BaseMinerAdapter):
    """One large ASIC.

    The package returns the same for a miner that is off and one that reports nothing,
    and then calls it mining: what is not backed by a figure is left out here.
    """

    driver_type = "pyasic"
    driver_version = "1.0.0"
    display_name = "Large ASIC (pyasic_rs)"
    option_fields = ("admin_user", "admin_password")

    settle_interval = 3.0
    """s between two checks of whether a command has worked."""
    settle_seconds = 120.0
    """s that a command may take: boards start one after the other."""

    def __init__(self) -> None:
        """Start without a miner."""
        self._miner: Miner | None = None
        self._facts = DeviceFacts()
        self._presets: tuple[str, ...] = ()
        self._has_modes = False
        self._mode: str | None = None
        """The last that it reported; a miner that sleeps may report none."""
        self._limits: TuningLimits | None = None
        self._paused: bool | None = None
        """What was sent to the miner last, until it shows something else."""

    @override
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Identify the miner; the package tries the usual ports only."""
        miner = await self._factory().get_miner(await _address(ip))
        if miner is None:
            msg = (
                "No miner answered there that the package pyasic_rs knows. If its"
                " password was changed, no model can be read"
            )
            raise CannotConnect(msg, reason="unsupported_device")
        if any(name in miner.model.lower() for name in _OWN_MODELS):
            msg = f"{miner.make} {miner.model} has a driver of its own"
            raise NotThisDevice(msg, reason="unsupported_device")
        self._miner = miner
        data = await self._read()
        if miner.supports_presets:
            self._presets = _slowest_first(
                preset.name for preset in await miner.get_presets()
            )
        self._has_modes = _has_modes(miner, data.tuning_target)
        self._limits = _limits(miner, data.tuning_capabilities)
        self._facts = _facts(miner, data)
        return True

    @override
    async def get_device_facts(self) -> DeviceFacts:
        """Return what the miner reported last."""
        return self._facts

    @override
    async def get_telemetry(self) -> MinerTelemetry:
        """Return one poll. How many requests it takes is the package's choice."""
        data = await self._read()
        if data.mac:
            self._facts = _facts(self._connected, data)
        hashrate = _hashrate(data)
        hashing = None if hashrate is None else hashrate > 0
        if hashing:
            self._paused = False
        # A sleeping miner has no mode to report
        self._has_modes |= _has_modes(self._connected, data.tuning_target)
        self._mode = (mode := _mode(data.tuning_target)) or self._mode
        if (limits := _limits(self._connected, data.tuning_capabilities)) is not None:
            self._limits = limits
        groups = [
            [pool for pool in group.pools if not _takes_fee(pool)]
            for group in data.pools
        ]
        pools = [pool for group in groups for pool in group]
        slots = _slots(groups)
        paused = _is_paused(data, self._paused)
        return MinerTelemetry(
            hashrate=hashrate,
            temperature=_hottest(
                value
                for board in data.hashboards
                for value in (
                    board.inlet_chip_temperature,
                    board.outlet_chip_temperature,
                    *(chip.temperature for chip in board.chips),
                )
            ),
            temperature_board=_hottest(
                board.board_temperature for board in data.hashboards
            ),
            temperature_inlet=parse_temperature(data.fluid_temperature),
            temperature_outlet=parse_temperature(data.outlet_fluid_temperature),
            power=_positive(data.wattage),
            uptime=None if data.uptime is None else int(data.uptime.total_seconds()),
            mode=mode,
            power_limit=_power_limit(data),
            hashrate_expected=_positive(_per_second(data.expected_hashrate)),
            fan_rpm=tuple(
                None if fan.rpm is None else round(fan.rpm) for fan in data.fans
            ),
            frequency=_frequency(data.hashboards),
            board_hashrates=_by_board(data, lambda board: _per_second(board.hashrate)),
            board_temperatures=_by_board(
                data, lambda board: parse_temperature(board.board_temperature)
            ),
            board_chips=_by_board(data, lambda board: board.working_chips),
            shares_accepted=_sum(pool.accepted_shares for pool in pools),
            shares_rejected=_sum(pool.rejected_shares for pool in pools),
            best_share=data.best_share,
            best_session_share=data.session_best_share,
            hashing=hashing,
            paused=paused,
            using_fallback=_uses_fallback(slots),
            pools=slots,
            problems=_problems(data.messages, slots, paused=paused),
            # A poll that lost the MAC does not say who responds
            device=self._facts if data.mac else None,
        )

    # Commands; each counts once the miner shows it

    @override
    def supports_pause(self) -> bool:
        """Return whether the firmware can sleep and wake."""
        miner = self._connected
        return miner.supports_pause and miner.supports_resume

    @override
    async def pause(self) -> bool:
        """Let the miner sleep; it counts when it hashes no more."""
        await _send(self._connected.pause)
        await self._settles(
            lambda data: _sleeps(data) is True, "It goes on mining", "pause_not_applied"
        )
        self._paused = True
        return True

    @override
    async def resume(self) -> bool:
        """Wake the miner in its mode; it counts when it starts or hashes."""
        mode = self._mode
        await _send(self._connected.resume)
        if self._has_modes and mode in _MODES:
            # Sleep is a mode of an Antminer, which the package ends with the normal one
            data = await self._settles(
                lambda data: _mode(data.tuning_target) is not None,
                "It does not report a mode yet",
                "resume_not_applied",
            )
            if _mode(data.tuning_target) != mode:
                await self.set_mode(mode)
        await self._settles(
            lambda data: _sleeps(data) is False,
            "It does not mine yet",
            "resume_not_applied",
        )
        self._paused = False
        return True

    @override
    def supports_restart(self) -> bool:
        return self._connected.supports_restart

    @override
    async def restart(self) -> bool:
        await _send(self._connected.restart)
        return True

    @override
    def get_supported_modes(self) -> list[str]:
        """Return the presets of the firmware, or low, normal and high."""
        if self._presets:
            return list(self._presets)
        return list(_MODES) if self._has_modes else []

    @override
    async def set_mode(self, mode: str) -> bool:
        """Set a mode or preset; it counts when the miner reports it."""
        if mode not in self.get_supported_modes():
            msg = f"It has no mode {mode}"
            raise InvalidValue(msg, reason="mode_unknown", mode=mode)
        if mode in self._presets:
            config = TuningConfig.preset(mode)
        else:
            config = TuningConfig.mode(_MODES[mode])
        await _send(lambda: self._connected.set_tuning_config(config))
        await self._settles(
            lambda data: _mode(data.tuning_target) == mode,
            "It does not report the new mode",
            "mode_not_applied",
            mode=mode,
            reported="–",
        )
        return True

    @override
    def get_tuning_limits(self) -> TuningLimits | None:
        """Return the range of the power limit, where the firmware reports one.

        Of the others the hardware limits are unknown: they have none.
        """
        return self._limits

    @override
    async def set_tuning(self, setting: Setting, value: float) -> bool:
        """Set the power limit in W; it counts when the miner reports it."""
        watts = within_limits(self._limits, setting, value)
        await _send(lambda: self._connected.set_power_limit(watts))
        reported: float | None = None

        def is_set(data: MinerData) -> bool:
            nonlocal reported
            reported = _power_limit(data)
            return reported is not None and round(reported) == watts

        try:
            await self._settles(
                is_set, "It does not report the new limit", "setting_not_applied"
            )
        except CommandFailed as err:
            raise CommandFailed(
                str(err),
                reason="setting_not_applied",
                value=watts,
                reported="–" if reported is None else f"{reported:g}",
            ) from err
        return True

    @override
    def supports_identify(self) -> bool:
        return self._connected.supports_set_fault_light

    @override
    async def identify(self) -> bool:
        """Let its fault light flash, or stop where it flashes."""
        miner = self._connected
        wanted = not await miner.get_light_flashing()
        await _send(lambda: miner.set_fault_light(wanted))
        deadline = time.monotonic() + min(self.settle_seconds, _LIGHT_SECONDS)
        while (shown := await miner.get_light_flashing()) is not wanted:
            if time.monotonic() >= deadline:
                msg = f"The miner took the command but its light reports {shown}"
                raise CommandFailed(
                    msg, reason="not_reported" if shown is None else "command_failed"
                )
            await asyncio.sleep(self.settle_interval)
        return True

    # Talking

    @property
    def _connected(self) -> Miner:
        if self._miner is None:
            raise CannotConnect("The miner is not connected", reason="no_response")
        return self._miner

    def _factory(self) -> MinerFactory:
        """Return a factory that knows the login of the user, if there is one."""
        factory = MinerFactory()
        options = self.context.options if self.context else {}
        if password := options.get("admin_password"):
            user = options.get("admin_user") or _USUAL_USER
            for firmware in _WITH_LOGIN:
                factory = factory.with_firmware_discovery_auth(firmware, user, password)
        return factory

    async def _read(self) -> MinerData:
        """Request everything. Raises CannotConnect when there was no response."""
        data = await self._connected.get_data(exclude=_UNUSED)
        if (
            data.hashrate is None
            and data.uptime is None
            and data.mac is None
            and not data.pools
            and not data.fans
        ):
            raise CannotConnect("The miner did not answer", reason="no_response")
        return data

    async def _settles(
        self,
        check: Callable[[MinerData], bool],
        fault: str,
        reason: CommandReason,
        **values: object,
    ) -> MinerData:
        """Return what makes something true. Raises CommandFailed if nothing does."""
        deadline = time.monotonic() + self.settle_seconds
        while True:
            try:
                if check(data := await self._read()):
                    return data
            except CannotConnect:
                pass  # Some restart their miner software to change something
            if time.monotonic() >= deadline:
                msg = f"{fault} {self.settle_seconds:.0f} s after it took the command"
                raise CommandFailed(msg, reason=reason, **values)
            await asyncio.sleep(self.settle_interval)


async def _address(host: str) -> str:
    """Return the IPv4 address of a host: the package takes no names."""
    with contextlib.suppress(ValueError):
        return str(IPv4Address(host))
    loop = asyncio.get_running_loop()
    try:
        results = await loop.getaddrinfo(
            host, None, family=socket.AF_INET, type=socket.SOCK_STREAM
        )
    except OSError as err:
        msg = "There is no device of this name"
        raise CannotConnect(msg, reason="name_not_resolved") from err
    return str(results[0][4][0])


async def _send(command: Callable[[], Awaitable[bool]]) -> None:
    """Send a command. Raises CommandFailed if the miner did not take it."""
    try:
        taken = await command()
    except RuntimeError as err:
        # Its text may quote what was sent
        msg = "The miner refused it; if it has a login, enter that in the options"
        raise CommandFailed(msg, reason="login_needed") from err
    if not taken:
        msg = "The miner did not take the command"
        raise CommandFailed(msg, reason="command_failed")


def _facts(miner: Miner, data: MinerData) -> DeviceFacts:
    return DeviceFacts(
        mac=data.mac.lower() if data.mac else None,
        serial=data.serial_number,
        manufacturer=miner.make,
        model=f"{miner.make} {miner.model}",
        firmware=" ".join(filter(None, (miner.firmware, data.firmware_version))),
        hostname=data.hostname,
        configuration_url=f"http://{miner.ip}",
    )


def _per_second(rate: HashRate | None) -> float | None:
    """Return H/s."""
    return None if rate is None else rate.value * rate.unit.value


def _was_switched_off(data: MinerData) -> bool:
    """Return whether a Whatsminer says so: its mining software then answers nothing.

    Of others the package says the same of a miner that did not answer.
    """
    return not data.is_mining and data.device_info.make == "Whatsminer"


def _hashrate(data: MinerData) -> float | None:
    """Return H/s, also of a miner that only says that it was switched off."""
    return 0.0 if _was_switched_off(data) else _per_second(data.hashrate)


def _positive(value: float | None) -> float | None:
    return value if value is not None and value > 0 else None


def _hottest(values: Iterable[float | None]) -> float | None:
    """Return the highest of what was measured; 0 is a sensor that is off."""
    return max(filter(None, map(parse_temperature, values)), default=None)


def _by_board[T](
    data: MinerData, read: Callable[[BoardData], T | None]
) -> tuple[T | None, ...]:
    """Return a figure of each board, nothing where no board reports it."""
    values = tuple(map(read, data.hashboards))
    return () if all(value is None for value in values) else values


def _frequency(boards: list[BoardData]) -> float | None:
    """Return MHz, the mean of the boards: each may be tuned on its own."""
    values = [board.frequency for board in boards if board.frequency]
    return round(sum(values) / len(values), 1) if values else None


def _sum(values: Iterable[int | None]) -> int | None:
    numbers = [value for value in values if value is not None]
    return sum(numbers) if numbers else None


def _has_modes(miner: Miner, target: TuningTarget | None) -> bool:
    """Return whether the miner runs in one of the three modes that all firmwares share.

    Many firmwares are tuned in some other way; these report no mode.
    """
    return (
        miner.supports_tuning_config
        and target is not None
        and target.target_mode is not None
    )


def _slowest_first(names: Iterable[str]) -> tuple[str, ...]:
    """Return the names of presets; those of VNish are watts.

    It lists first that there is none, with which the miner may draw the most.
    """
    return tuple(
        sorted(
            filter(None, names),
            key=lambda name: int(name) if name.isdecimal() else math.inf,
        )
    )


def _mode(target: TuningTarget | None) -> str | None:
    if target is None:
        return None
    if target.preset_name is not None:
        return target.preset_name
    return None if target.target_mode is None else str(target.target_mode).lower()


def _limits(
    miner: Miner, capabilities: TuningCapabilities | None
) -> TuningLimits | None:
    """Return the range of the power limit, None if the firmware does not report it."""
    power = capabilities.power if capabilities else None
    if power is None or not miner.supports_set_power_limit:
        return None
    minimum, maximum, usual = (
        target.watts if target else None
        for target in (power.minimum, power.maximum, power.default)
    )
    if minimum is None or maximum is None or not 0 < minimum <= maximum:
        return None
    return TuningLimits(
        power_limit=TuningRange(
            minimum=math.ceil(minimum), maximum=math.floor(maximum), default=usual
        )
    )


def _power_limit(data: MinerData) -> float | None:
    """Return W that the miner is set to; one that is tuned in another way has none."""
    return None if data.tuning_target is None else data.tuning_target.watts


def _sleeps(data: MinerData) -> bool | None:
    """Return whether the miner rests, None if it does not show that."""
    state = data.operating_state
    if isinstance(state, _ASLEEP):
        return True
    if isinstance(state, _AWAKE):
        return False
    rate = _hashrate(data)
    return None if rate is None else rate <= 0


def _is_paused(data: MinerData, reported: bool | None) -> bool | None:
    """Return whether the miner was paused on purpose.

    Many firmwares do not report that: then no hashrate means it only after a pause from
    here.
    """
    if isinstance(data.operating_state, (*_ASLEEP, *_AWAKE)):
        return isinstance(data.operating_state, _ASLEEP)
    return _was_switched_off(data) or reported


def _takes_fee(pool: PoolData) -> bool:
    """Return whether it is where VNish mines for its maker now and then."""
    return pool.url is not None and pool.url.host.lower() == "devfee"


def _slots(groups: list[list[PoolData]]) -> tuple[PoolSlot, ...]:
    slots: list[PoolSlot] = []
    for group in groups:
        used = _used_pool(group)
        slots += (
            PoolSlot(
                index=index if pool.position is None else pool.position,
                url=f"{pool.url.host}:{pool.url.port}",
                user=pool.user or None,
                active=pool is used,
                alive=pool.alive,
            )
            for index, pool in enumerate(group, start=len(slots))
            if pool.url is not None and pool.url.host
        )
    return tuple(slots)


def _used_pool(group: list[PoolData]) -> PoolData | None:
    """Return the one pool of a group that is mined at.

    The package calls a pool active as well that VNish reports to be reachable.
    """
    active = (pool for pool in group if pool.active)
    return max(active, key=lambda pool: pool.last_share_time or 0, default=None)


def _uses_fallback(slots: tuple[PoolSlot, ...]) -> bool | None:
    active = next((slot.index for slot in slots if slot.active), None)
    return None if active is None else active > min(slot.index for slot in slots)


def _problems(
    messages: Iterable[MinerMessage],
    slots: tuple[PoolSlot, ...],
    *,
    paused: bool | None,
) -> tuple[str, ...]:
    """Return what the firmware calls an error, in HMM's own few words."""
    problems = {
        _problem(message)
        for message in messages
        if str(message.severity) == str(MessageSeverity.Error)
    }
    if slots and not paused and all(slot.alive is False for slot in slots):
        problems.add("no_pool")
    return tuple(sorted(problems))


def _problem(message: MinerMessage) -> str:
    text = f"{message.component or ''} {message.message}".lower()
    for word, problem in (
        ("fan", "fan_fault"),
        ("temp", "overheat"),
        ("heat", "overheat"),
        ("power", "power_fault"),
        ("psu", "power_fault"),
        ("chip", "chip_error"),
    ):
        if word in text:
            return problem
    return "hardware_fault"
