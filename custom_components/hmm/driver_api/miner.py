"""The interface that every miner driver implements."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import aiohttp

from .telemetry import DeviceFacts, MinerTelemetry, TuningLimits
from .units import HashrateUnit

CREDENTIALS = ("admin_user", "admin_password", "otp_secret")
"""What a driver may ask the user, see ``option_fields``."""

OWN_RISK = "own_risk"
"""The option of ``DriverContext`` that lets a user go beyond the device's own list."""

Setting = Literal[
    "frequency", "core_voltage", "fan_speed", "target_temperature", "power_limit"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverContext:
    """What HMM provides to a driver: it never makes its own session or listener."""

    session: aiohttp.ClientSession
    """A session that keeps connections for longer than one poll."""
    options: Mapping[str, Any]
    """What the user entered for this device (``admin_user``,
    ``admin_password``, ``otp_secret`` ...); see ``BaseMinerAdapter.option_fields``."""


class BaseMinerAdapter(ABC):
    """Base of all miner drivers; one instance serves one device.

    HMM creates the driver without arguments, calls ``attach`` with what it
    lends, then ``connect``, then ``get_telemetry`` at every poll, and ``close``
    when the device is removed. Only the methods marked abstract are needed;
    what a driver does not override, its device cannot do.

    Methods may raise the errors of ``driver_api.errors``; any other exception
    is reported as a fault of the driver and harms nothing else.
    """

    driver_type: ClassVar[str | None] = None
    """Unique identifier: lower case, no blanks."""
    driver_version: ClassVar[str] = "1.0.0"
    interface_version: ClassVar[str | None] = None
    """The ``INTERFACE_VERSION`` that the driver needs; an older HMM says so instead of
    loading it."""
    display_name: ClassVar[str | None] = None
    manufacturer: ClassVar[str | None] = None
    supported_models: ClassVar[list[str]] = []
    connection_type: ClassVar[str | None] = None
    """``http``, ``tcp`` or ``udp``."""
    default_port: ClassVar[int | None] = None
    hashrate_unit: ClassVar[HashrateUnit] = "TH/s"
    """The unit that the hashrate sensor shows; values stay in H/s."""
    warm_temperature: ClassVar[float] = 70.0
    """°C of the hottest chip above which HMM warns; mining continues."""
    frequency_at_restart: ClassVar[bool] = False
    """Whether a frequency is applied at the next restart only, unlike a voltage.

    HMM then never sets both together: the new voltage would run with the old frequency.
    """
    mode_while_paused: ClassVar[bool] = False
    """Whether a mode that is set while mining is paused applies from its first hash on.

    A strategy then sets the mode before it resumes, else after it.
    """
    startup_seconds: ClassVar[float] = 180.0
    """How long the device takes from its start, or a change, until it mines."""
    option_fields: ClassVar[tuple[str, ...]] = ()
    """Which of ``admin_user``, ``admin_password`` and ``otp_secret`` the driver uses."""
    risky_limits: ClassVar[TuningLimits | None] = None
    """How far a user may go at their own risk, where the driver heeds ``OWN_RISK``."""

    context: DriverContext | None = None

    def attach(self, context: DriverContext) -> None:
        """Take what HMM provides. Called once, before ``connect``."""
        self.context = context

    @abstractmethod
    async def connect(self, ip: str, port: int | None = None) -> bool:
        """Return whether the device at this address is one of this driver's.

        Called when a device is looked for and once before polling. It must not
        change anything on the device. Raise ``CannotConnect`` when nothing
        answers and ``AddressRefused`` or ``BadAnswer`` when the reason helps
        the user; return False when something else answered.
        """

    @abstractmethod
    async def get_telemetry(self) -> MinerTelemetry | dict[str, Any]:
        """Return one poll, with as few requests as the firmware allows.

        A dict needs the keys ``hashrate`` (H/s), ``temperature`` (°C),
        ``power`` (W), ``uptime`` (s) and ``mode``; any other field of
        ``MinerTelemetry`` may be added under its name.
        """

    async def get_pool_info(self) -> dict[str, Any]:
        """Return ``pool_url``, ``pool_user`` and ``pool_pass`` of the pool in use.

        Made from the telemetry, whose ``pools`` HMM itself shows; no miner reports a
        password.
        """
        telemetry = await self.get_telemetry()
        pools = () if isinstance(telemetry, dict) else telemetry.pools
        active = next((pool for pool in pools if pool.active), None)
        return {
            "pool_url": active.url if active else None,
            "pool_user": active.user if active else None,
            "pool_pass": None,
        }

    @abstractmethod
    async def set_mode(self, mode: str) -> bool:
        """Set one of ``get_supported_modes()`` and return whether it was taken."""

    @abstractmethod
    async def restart(self) -> bool:
        """Restart the miner and return whether the command was taken."""

    async def set_pool(self, url: str, user: str, password: str) -> bool:
        """Point the miner at another pool and return whether it was taken.

        ``url`` is ``host:port`` or ``stratum+tcp://host:port``.
        """
        return False

    async def get_version_info(self) -> dict[str, str]:
        """Return firmware versions by name."""
        firmware = (await self.get_device_facts()).firmware
        return {"firmware": firmware} if firmware else {}

    def supports_tuning(self) -> bool:
        """Return whether frequency or voltage can be set by hand."""
        return self.get_tuning_limits() is not None

    def get_supported_modes(self) -> list[str]:
        """Return the names of the device's modes, slowest first."""
        return []

    # What HMM adds to the contract; all of it is optional

    async def check_login(self) -> bool:
        """Try the login of ``context.options`` without changing anything.

        Called after a poll, when the user has entered a login. Raise
        ``AuthRequired`` if the device refuses it or more is needed. Return True if
        the device has accepted it, False where only a command would show that.
        """
        return False

    async def close(self) -> None:
        """Release what the driver holds. The provided session is not its own."""

    async def get_device_facts(self) -> DeviceFacts:
        """Return who the device is, known after ``connect``."""
        return DeviceFacts()

    def supports_pause(self) -> bool:
        """Return whether mining can be paused and resumed."""
        return False

    async def pause(self) -> bool:
        """Stop mining, keep the device on, and return whether it was taken."""
        return False

    async def resume(self) -> bool:
        """Mine again and return whether it was taken."""
        return False

    def supports_restart(self) -> bool:
        """Return whether ``restart`` works on this device."""
        return True

    def supports_identify(self) -> bool:
        """Return whether the device can show which one it is."""
        return False

    async def identify(self) -> bool:
        """Make the device show itself (screen or light)."""
        return False

    def supports_filter_reset(self) -> bool:
        """Return whether the device counts since when its dust filter is clean."""
        return False

    async def reset_filter(self) -> bool:
        """Restart the count: the filter was cleaned."""
        return False

    def supports_fan_auto(self) -> bool:
        """Return whether the device can set the speed of its fan itself."""
        return False

    async def set_fan_auto(self) -> bool:
        """Let the device set the speed of its fan; ``fan_speed`` ends that."""
        return False

    def supports_light(self) -> bool:
        """Return whether the device has a light of its own that can be set."""
        return False

    def get_light_effects(self) -> list[str]:
        """Return the names of what its light can do, the steady one first."""
        return []

    async def set_light(
        self,
        on: bool,
        brightness: float | None = None,
        color: tuple[int, int, int] | None = None,
        effect: str | None = None,
    ) -> bool:
        """Set the light; ``light_on`` in the telemetry shows that it is set.

        ``brightness`` is in percent and above 0, ``color`` is red, green and blue from
        0 to 255, ``effect`` one of ``get_light_effects()``. None leaves it as it is.
        """
        return False

    def supports_set_pool(self) -> bool:
        """Return whether ``set_pool`` works on this device."""
        return type(self).set_pool is not BaseMinerAdapter.set_pool

    def supports_select_pool(self) -> bool:
        """Return whether ``select_pool`` works on this device."""
        return type(self).select_pool is not BaseMinerAdapter.select_pool

    async def select_pool(self, index: int) -> bool:
        """Mine at another of the device's own pools (``PoolSlot.index``)."""
        return False

    def get_tuning_limits(self) -> TuningLimits | None:
        """Return what may be tuned and within which limits, None if nothing."""
        return None

    async def set_tuning(self, setting: Setting, value: float) -> bool:
        """Set one value within ``get_tuning_limits()``."""
        return False
