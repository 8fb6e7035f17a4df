"""Find out which driver speaks the language of a device."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
import logging

from ..driver_api import (
    BadAnswer,
    BaseMinerAdapter,
    CannotConnect,
    DriverContext,
    DriverError,
    HtmlAnswer,
    MinerTelemetry,
    NotThisDevice,
    RedirectAnswer,
)
from ..driver_api.addresses import resolve
from ..driver_api.transports.heard import on_reply
from .client import MinerClient
from .guard import DriverFault
from .identity import address_id, miner_unique_id
from .loaded import LoadedDriver
from .profile import MinerProfile

_LOGGER = logging.getLogger(__name__)

FIRST_REPLY_SECONDS = 6.0
"""How long all drivers together wait for the first sign of a device.

An old ESP32 takes up to 4 s for a reply. Home Assistant searches 5 s for a name that ends
in ".local": with less, its failure would be an error in the log. A driver that ignores its
cancellation may hold the result up for another second.
"""
BROADCAST_SECONDS = 2.5
"""How long a device may take in all to broadcast while none of its ports replies.

Home Assistant listens from the moment that a dialog is opened: a device that was heard
since then is found immediately.
"""
_LAST_SECONDS = 1.0
"""How long it may take where the ports took all of that time to stay silent."""
NEXT_DOOR_SECONDS = 0.5
"""How long another protocol waits for one that gets no reply at the same port."""

# cgminer's port first: a web server shrugs off a JSON line, while some small
# devices are slow to close a web request that they do not understand.
_ORDER = {"tcp": 0, "http": 1, "udp": 2}

# How specific each error is, the least first; the first class that fits decides.
# A driver that talks to the wrong kind of server sees a bad response, so that another's
# "this is a miner, but not mine" says more. A driver that failed may be the very one for
# the device: its author has to know.
_WEIGHTS: tuple[tuple[type[DriverError], int], ...] = (
    (CannotConnect, 0),
    (HtmlAnswer, 2),
    (RedirectAnswer, 2),
    (BadAnswer, 1),
    (NotThisDevice, 3),
    (DriverFault, 4),
    (DriverError, 5),
)


type _Door = tuple[str | None, int | None]
"""What a driver speaks, and at which port."""
type _Turn = tuple[int, LoadedDriver[BaseMinerAdapter]]
"""A driver and its place in the order of all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """A device that a driver knows. Its client is connected."""

    driver: LoadedDriver[BaseMinerAdapter]
    client: MinerClient
    telemetry: MinerTelemetry
    profile: MinerProfile
    address: str
    """The IPv4 address of its host, the host itself where no such is known."""

    @property
    def unique_id(self) -> str:
        """Return what the device is known by: its MAC, serial number or address."""
        port = self.client.port
        if port == self.driver.driver_class.default_port:
            port = None
        return miner_unique_id(self.profile.facts) or address_id(self.address, port)

    @property
    def driver_name(self) -> str:
        """Return the name of the driver for people."""
        return self.driver.driver_class.display_name or self.driver.driver_type

    @property
    def model(self) -> str:
        """Return the model, or what the driver calls such devices."""
        return self.profile.facts.model or self.driver_name


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """The results of all drivers for one address.

    ``error`` is the most specific reason when no driver supports the device, else
    None: a response that made no sense says more than a port that is closed.
    """

    devices: tuple[Detected, ...] = ()
    error: DriverError | None = None


async def detect(
    drivers: Iterable[LoadedDriver[BaseMinerAdapter]],
    context: DriverContext,
    host: str,
    port: int | None = None,
) -> Detection:
    """Try all drivers at a device; ``port`` is the only one if given.

    Where nothing replies, this ends after ``FIRST_REPLY_SECONDS``; where all ports are
    closed, after ``BROADCAST_SECONDS``. Once there was a reply, every driver has its
    own time: a small device may take several seconds for each request.
    """
    search = _Search(context, host, port)
    try:
        return await search.run(sorted(drivers, key=search.rank))
    except BaseException:
        for device in search.devices:
            await device.client.close()
        raise


class _Search:
    """One search for the drivers that know a device.

    Drivers of the same door (protocol and port) are queried one after the other, since
    the web servers of miners serve one client at a time; a door that is closed is tried
    once. Doors at the same port begin one after the other as well, but none waits for a
    silent one until it gives up. Different ports are tried at the same time.
    """

    def __init__(self, context: DriverContext, host: str, port: int | None) -> None:
        """Prepare; nothing is sent yet."""
        self._context = context
        self._host = host
        self._port = port
        # All of these by the driver's turn
        self._results: dict[int, Detected | DriverError] = {}
        self._unfinished: set[int] = set()
        self._has_reply = False
        self._limit: asyncio.Timeout | None = None

    def rank(self, driver: LoadedDriver[BaseMinerAdapter]) -> tuple[bool, bool, int]:
        """Return when it is a driver's turn: first those whose own port was typed."""
        kind = driver.driver_class
        is_elsewhere = self._port is not None and self._port != kind.default_port
        return driver.optional, is_elsewhere, _ORDER.get(kind.connection_type or "", 3)

    @property
    def devices(self) -> tuple[Detected, ...]:
        """Return the devices found so far, in the order of the drivers."""
        return tuple(
            result for result in self._in_order() if isinstance(result, Detected)
        )

    @property
    def _is_unknown_name(self) -> bool:
        """Return whether no driver found out where the host is."""
        return bool(self._results) and all(
            isinstance(result, DriverError) and result.reason_key == "name_not_resolved"
            for result in self._results.values()
        )

    async def run(self, drivers: list[LoadedDriver[BaseMinerAdapter]]) -> Detection:
        """Ask the drivers, given in the order of their rank."""
        turns = list(enumerate(drivers))
        usual = [turn for turn in turns if not turn[1].optional]
        with on_reply(self._on_reply):
            await self._try_doors(usual)
        if not self.devices:
            # An optional driver knows many miners that have a better one, and takes its
            # time. Its protocol may be its own: that there was no reply means nothing
            for turn, driver in turns[len(usual) :]:
                await self._try_driver(turn, driver)
        if devices := self.devices:
            return Detection(devices=devices)
        if not drivers:
            msg = "There is no driver for it"
            return Detection(error=CannotConnect(msg, reason="unsupported_device"))
        errors = [error for error in self._in_order() if isinstance(error, DriverError)]
        if self._unfinished or not errors:
            # A port that is open but slow says more than one that is closed
            in_time = CannotConnect("Nothing answered in time", reason="no_response")
            errors.insert(0, in_time)
        # The first of those that are as specific
        return Detection(error=max(errors, key=_weight))

    async def _try_doors(self, turns: list[_Turn]) -> None:
        doors: dict[_Door, list[_Turn]] = {}
        for turn in turns:
            kind = turn[1].driver_class
            door = kind.connection_type, self._port or kind.default_port
            doors.setdefault(door, []).append(turn)
        tasks: dict[_Door, asyncio.Task[None]] = {}
        # Broadcasts last: whoever replies to a request need not be waited for
        ordered = sorted(doors, key=lambda door: door[0] == "udp")
        with suppress(TimeoutError):
            async with (
                asyncio.timeout(FIRST_REPLY_SECONDS) as self._limit,
                asyncio.TaskGroup() as group,
            ):
                for door in ordered:
                    before = {
                        task
                        for other, task in tasks.items()
                        if door[0] == "udp" or other[1] == door[1]
                    }
                    tasks[door] = group.create_task(
                        self._try_door(door, doors[door], before)
                    )
        self._limit = None

    async def _try_door(
        self, door: _Door, turns: list[_Turn], before: set[asyncio.Task[None]]
    ) -> None:
        is_broadcast = door[0] == "udp"
        if before:
            await asyncio.wait(
                before, timeout=None if is_broadcast else NEXT_DOOR_SECONDS
            )
            if self._has_reply:
                await asyncio.wait(before)
        if is_broadcast:
            if self.devices or self._is_unknown_name:
                return
            if before:
                self._wait_for_broadcasts()
        for turn in turns:
            if not await self._try_driver(*turn):
                return

    def _on_reply(self) -> None:
        """Lift the limit: there was a reply."""
        self._has_reply = True
        if self._limit is not None:
            self._limit.reschedule(None)
            self._limit = None

    def _wait_for_broadcasts(self) -> None:
        """Shorten the limit: no port is left that could reply."""
        if self._limit is None or (limit := self._limit.when()) is None:
            return
        now = asyncio.get_running_loop().time()
        rest = max(limit - FIRST_REPLY_SECONDS + BROADCAST_SECONDS, now + _LAST_SECONDS)
        self._limit.reschedule(min(limit, rest))

    async def _try_driver(
        self, turn: int, driver: LoadedDriver[BaseMinerAdapter]
    ) -> bool:
        """Try one driver; return whether another of the same door may be tried."""
        if driver.driver_class.connection_type != "udp":
            self._unfinished.add(turn)
        is_to_go_on = await self._try(turn, driver)
        # Not if the time was up in the meantime
        self._unfinished.discard(turn)
        return is_to_go_on

    async def _try(self, turn: int, driver: LoadedDriver[BaseMinerAdapter]) -> bool:
        client = MinerClient(driver.driver_class, self._context, self._host, self._port)
        try:
            if await client.connect():
                self._on_reply()
                telemetry = await client.poll()
                self._results[turn] = Detected(
                    driver=driver,
                    client=client,
                    telemetry=telemetry,
                    profile=client.read_profile(telemetry, None),
                    address=await resolve(self._host),
                )
                return True
            if driver.bundled:
                # Bundled drivers report no only to a device that answered
                self._on_reply()
                self._results[turn] = NotThisDevice(
                    "A device answered that no driver knows",
                    reason="unsupported_device",
                )
        except DriverError as err:
            _LOGGER.debug("%s at %s: %s", driver.driver_type, self._host, err)
            self._results[turn] = err
            if driver.bundled and isinstance(err, CannotConnect):
                # A user's driver may fail for reasons of its own
                await client.close()
                return False
        except BaseException:
            await client.close()
            raise
        await client.close()
        return True

    def _in_order(self) -> list[Detected | DriverError]:
        return [self._results[turn] for turn in sorted(self._results)]


def _weight(error: DriverError) -> int:
    kind = DriverFault if error.reason_key == "driver_hangs" else type(error)
    return next(weight for reported, weight in _WEIGHTS if issubclass(kind, reported))
