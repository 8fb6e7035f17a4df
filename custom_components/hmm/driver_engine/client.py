"""One device through its driver: typed answers, typed errors, time limits."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import replace
import logging
from typing import Any, Concatenate, cast, get_args

from aiohttp import ClientSession

from ..driver_api import (
    BadAnswer,
    BaseMinerAdapter,
    CannotConnect,
    CommandFailed,
    DeviceFacts,
    DriverContext,
    DriverError,
    HashrateUnit,
    MinerTelemetry,
    Setting,
    TuningLimits,
)
from ..driver_api.units import parse_number, parse_text
from .answers import read_facts, read_telemetry
from .guard import (
    DriverFault,
    TimedOut,
    call_driver,
    driver_name,
    make_driver,
    read_driver,
    release,
    tolerated,
)
from .identity import device_ids
from .metrics import metrics_of
from .profile import MinerProfile, new_fields, read_profile, steady_values
from .shared_session import SharedSession

_LOGGER = logging.getLogger(__name__)

_UNITS: tuple[HashrateUnit, ...] = get_args(HashrateUnit)

# A poll may wait for a slow web server, a command also for a restart.
_POLL_SECONDS = 20
_COMMAND_SECONDS = 150
_POLLS_OF_PROFILE = 10
"""After how many polls the capabilities of a device are read again."""
_SWAP_SECONDS = 10
"""How long another version of the driver waits for a command to end."""


class UnexpectedDevice(DriverError):
    """Another device responds than the one that is meant, or it has no identity."""

    def __init__(self, facts: DeviceFacts) -> None:
        """Keep what is known of the other device."""
        super().__init__(
            "Another device answers at this address",
            reason="wrong_device",
            found=facts.model or facts.mac or facts.serial or "?",
        )


def _command[**P](
    method: Callable[Concatenate[BaseMinerAdapter, P], Awaitable[bool]],
) -> Callable[Concatenate[MinerClient, P], Coroutine[Any, Any, None]]:
    """Return what sends the command that is a method of the driver."""
    name = method.__name__

    async def send(client: MinerClient, /, *args: P.args, **kwargs: P.kwargs) -> None:
        await client.send(lambda driver: getattr(driver, name)(*args, **kwargs))

    return send


class MinerClient:
    """Runs one driver instance; nothing but ``DriverError`` leaves it."""

    def __init__(
        self,
        driver_class: type[BaseMinerAdapter],
        context: DriverContext,
        host: str,
        port: int | None,
    ) -> None:
        """Prepare a driver for a device at ``host``."""
        self.host = host
        self.port = port
        self._driver_class = driver_class
        self._context = context
        self._driver: BaseMinerAdapter | None = None
        self._facts = DeviceFacts()
        self.is_meant: Callable[[DeviceFacts], bool] | None = None
        """Whether commands may go to the device that reports these facts.

        None: to any. Otherwise the device is queried before each command.
        """
        self._is_closed = False
        self._was_good = False
        self._profile: MinerProfile | None = None
        self._seen: object = None
        """What the last profile was read from."""
        self._polls_since = 0
        # One request or command at a time: small web servers take no more, and
        # a poll in the middle of a write would publish half of it.
        self._lock = asyncio.Lock()

    @property
    def driver(self) -> BaseMinerAdapter | None:
        """Return the driver that is connected, for a tool that checks it itself."""
        return self._driver

    @property
    def hashrate_unit(self) -> HashrateUnit:
        """Return the unit that suits this kind of device."""
        return valid_unit(self._driver_class.hashrate_unit)

    @property
    def frequency_at_restart(self) -> bool:
        """Return whether a frequency is applied at the next restart only."""
        return self._driver_class.frequency_at_restart is True

    @property
    def mode_while_paused(self) -> bool:
        """Return whether a mode can be set before mining is resumed."""
        return self._driver_class.mode_while_paused is True

    @property
    def warm_temperature(self) -> float:
        """Return °C of the hottest chip above which its owner is warned."""
        return _number(self._driver_class.warm_temperature, "warm_temperature")

    @property
    def startup_seconds(self) -> float:
        """Return how long the device takes until it mines."""
        return _number(self._driver_class.startup_seconds, "startup_seconds")

    @property
    def driver_version(self) -> str:
        """Return the version of the driver, empty for one that has none."""
        return parse_text(self._driver_class.driver_version) or ""

    @property
    def option_fields(self) -> tuple[str, ...]:
        """Return the credentials that this type of device may require."""
        return self._driver_class.option_fields

    @property
    def risky_limits(self) -> TuningLimits | None:
        """Return how far users may go at their own risk, None: no further."""
        limits = self._driver_class.risky_limits
        return limits if isinstance(limits, TuningLimits) else None

    async def connect(self) -> bool:
        """Return whether the device is one of this driver's."""
        async with self._lock:
            return await self._connect()

    async def poll(self) -> MinerTelemetry:
        """Return one poll; connects first where that has not been done.

        A response that is lost after a good poll is requested once more. A
        command that is under way is waited for: its device is busy, not gone.
        """
        async with self._lock:
            may_retry, self._was_good = self._was_good, False
            with metrics_of(self._driver_class).measured():
                try:
                    async with asyncio.timeout(_POLL_SECONDS):
                        telemetry = await self._read_telemetry(may_retry)
                except TimeoutError as err:
                    msg = "The device did not answer in time"
                    raise CannotConnect(msg, reason="timed_out") from err
            self._was_good = True
        return telemetry

    async def _read_once(self) -> MinerTelemetry:
        driver = await self._connected()
        telemetry = await call_driver(driver, _get_telemetry, _POLL_SECONDS)
        if self._driver is not driver:
            msg = "It was disconnected while it answered"
            raise CannotConnect(msg, reason="connection_lost")
        if telemetry is None:
            name = driver_name(driver)
            raise DriverFault(
                f"The driver {name} returned no telemetry",
                reason="driver_no_result",
                driver=name,
            )
        return telemetry

    async def _read_telemetry(self, may_retry: bool) -> MinerTelemetry:
        try:
            return await self._read_once()
        except TimedOut:
            raise  # There is no time left for another try
        except CannotConnect, BadAnswer, DriverFault:
            # Not a login or another device: these were not lost
            if not may_retry:
                raise
            return await self._read_telemetry(False)

    def localized(self, telemetry: MinerTelemetry) -> DeviceFacts:
        """Return the device that answered a poll, else that of the connect."""
        device = telemetry.device
        return self._facts if device is None or not device_ids(device) else device

    async def _check_device(self) -> None:
        """Ask who is there now. Raises UnexpectedDevice: not the device that is meant.

        The last poll may be half a minute old: time enough for another device to get
        the address.
        """
        if self.is_meant is None:
            return
        telemetry = await self._read_telemetry(True)
        if telemetry.device is None or not device_ids(telemetry.device):
            # This driver identifies the device only when it connects
            await self.disconnect()
            await self._connected()
        if not self.is_meant(facts := self.localized(telemetry)):
            raise UnexpectedDevice(facts)

    def read_profile(
        self, telemetry: MinerTelemetry, before: MinerProfile | None
    ) -> MinerProfile:
        """Return what the device can do, as its driver reports after a poll.

        The driver is called when the poll shows something new, and now and then: mostly
        it would say the same.
        """
        driver = self._driver
        assert driver is not None
        seen = driver, self._facts, steady_values(telemetry)
        self._polls_since += 1
        if (
            before is not None
            and before is self._profile
            and seen == self._seen
            and self._polls_since < _POLLS_OF_PROFILE
            and not new_fields(telemetry, before)
        ):
            return before
        self._seen = None
        profile = read_driver(
            driver,
            lambda instance: read_profile(instance, self._facts, telemetry, before),
        )
        if before is not None and profile == before:
            profile = before
        self._profile, self._seen, self._polls_since = profile, seen, 0
        return profile

    async def try_version(
        self, driver_class: type[BaseMinerAdapter], before: MinerProfile
    ) -> MinerTelemetry | None:
        """Go on with another version of the driver if only its code is new.

        That is so if it reads the device and takes it for what it was ``before``.
        Returns its first poll; None if nothing was changed, also when a command takes
        too long. In the meantime no other request is made.
        """
        try:
            async with asyncio.timeout(_SWAP_SECONDS):
                await self._lock.acquire()
        except TimeoutError:
            return None
        try:
            other = MinerClient(driver_class, self._context, self.host, self.port)
            # The miner is up: one lost answer is no reason to set it up again
            other._was_good = True
            is_same = False
            try:
                telemetry = await other.poll()
                is_same = (
                    other.read_profile(telemetry, before) == before
                    and other.hashrate_unit == self.hashrate_unit
                    and not self._is_closed
                )
            except DriverError:
                return None
            finally:
                if not is_same:
                    await other.close()
            if not is_same:
                return None
            old, self._driver = self._driver, other._driver
            self._driver_class, self._facts = driver_class, other._facts
        finally:
            self._lock.release()
        if old is not None:
            await self._close(old)
        return telemetry

    async def check_login(self) -> bool:
        """Return whether the device has accepted the login; AuthRequired if not.

        False where only a command would show it.
        """
        async with self._lock:
            driver = await self._connected()
            return await call_driver(driver, _check_login, _POLL_SECONDS)

    set_mode = _command(BaseMinerAdapter.set_mode)
    restart = _command(BaseMinerAdapter.restart)
    pause = _command(BaseMinerAdapter.pause)
    resume = _command(BaseMinerAdapter.resume)
    identify = _command(BaseMinerAdapter.identify)
    reset_filter = _command(BaseMinerAdapter.reset_filter)
    set_fan_auto = _command(BaseMinerAdapter.set_fan_auto)
    select_pool = _command(BaseMinerAdapter.select_pool)
    set_pool = _command(BaseMinerAdapter.set_pool)
    set_tuning = _command(BaseMinerAdapter.set_tuning)

    async def set_light(
        self,
        on: bool,
        *,
        brightness: float | None = None,
        color: tuple[int, int, int] | None = None,
        effect: str | None = None,
    ) -> None:
        """Set the light of the device; None leaves it as it is."""
        await self.send(lambda driver: driver.set_light(on, brightness, color, effect))

    async def apply(
        self, values: Mapping[Setting, float], mode: str | None = None
    ) -> None:
        """Set a mode and several values as one command, each read back.

        No other command comes in between. At each step the voltage is enough for the
        frequency and the fan for both: what the device has already is not written.
        """

        async def run(driver: BaseMinerAdapter) -> bool:
            now = await _get_telemetry(driver) or MinerTelemetry()
            if mode is not None and mode != now.mode:
                if not await driver.set_mode(mode):
                    return False
            for setting in _safe_order(values, now):
                if not await driver.set_tuning(setting, values[setting]):
                    return False
            return True

        await self.send(run)

    async def close(self) -> None:
        """Release what the driver holds, for good."""
        self._is_closed = True
        await self.disconnect()

    async def disconnect(self) -> None:
        """Release what the driver holds; the next call connects again."""
        driver, self._driver = self._driver, None
        if driver is not None:
            await self._close(driver)

    async def _close(self, driver: BaseMinerAdapter) -> None:
        with tolerated(driver, "close", self.host):
            await call_driver(driver, lambda instance: instance.close(), _POLL_SECONDS)
        await release(driver)

    async def _connect(self) -> bool:
        driver = await make_driver(
            self._driver_class, self._attach, self._context.session
        )

        async def connect(driver: BaseMinerAdapter) -> DeviceFacts | None:
            if not await driver.connect(self.host, self.port):
                return None
            return read_facts(await driver.get_device_facts())

        try:
            facts = await call_driver(driver, connect, _POLL_SECONDS)
        except BaseException:
            await self._close(driver)
            raise
        if facts is None or self._is_closed:
            # Or the entry was unloaded in the meantime
            await self._close(driver)
            return False
        self._driver, self._facts = driver, facts
        return True

    def _attach(self, driver: BaseMinerAdapter, session: ClientSession) -> None:
        """Provide a driver with what it needs."""
        shared = cast(ClientSession, SharedSession(session))
        driver.attach(replace(self._context, session=shared))

    async def _connected(self) -> BaseMinerAdapter:
        if self._driver is None and not await self._connect():
            msg = "It is off, or no device of this kind"
            raise CannotConnect(msg, reason="no_response")
        assert self._driver is not None
        return self._driver

    async def send(
        self, command: Callable[[BaseMinerAdapter], Awaitable[bool]]
    ) -> None:
        """Have the device that is meant do something, and confirm it."""
        async with self._lock:
            await self._check_device()
            driver = await self._connected()

            async def is_taken(driver: BaseMinerAdapter) -> bool:
                return bool(await command(driver))

            if not await call_driver(driver, is_taken, _COMMAND_SECONDS):
                msg = "The device did not take the command"
                raise CommandFailed(msg, reason="command_failed")


async def _get_telemetry(driver: BaseMinerAdapter) -> MinerTelemetry | None:
    return read_telemetry(await driver.get_telemetry())


async def _check_login(driver: BaseMinerAdapter) -> bool:
    return await driver.check_login() is True


def _safe_order(values: Mapping[Setting, float], now: MinerTelemetry) -> list[Setting]:
    """Return what to set in which order: a frequency rises last, and falls first."""
    order: list[Setting] = [
        *("target_temperature", "fan_speed", "core_voltage", "frequency"),
    ]
    frequency = values.get("frequency")
    if frequency is not None and frequency < (now.frequency or 0):
        order.reverse()
    reported = {"frequency": now.frequency, "core_voltage": now.core_voltage}
    return [
        setting
        for setting in order
        if setting in values and values[setting] != reported.get(setting)
    ]


def valid_unit(unit: object) -> HashrateUnit:
    """Return the unit that a driver names, the usual one if it is none."""
    return next((choice for choice in _UNITS if choice == unit), "TH/s")


def _number(value: object, name: str) -> float:
    """Return a number of a driver, the contract's own if it is none."""
    number = parse_number(value)
    default: float = getattr(BaseMinerAdapter, name)
    return default if number is None or number <= 0 else number
