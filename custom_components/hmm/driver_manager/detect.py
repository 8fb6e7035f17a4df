"""Find out which driver speaks the language of a device."""

from collections.abc import Iterable
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
from .client import MinerClient
from .guard import DriverFault
from .identity import address_id, miner_unique_id
from .loader import LoadedDriver
from .profile import MinerProfile

_LOGGER = logging.getLogger(__name__)

# cgminer's port first: a web server shrugs off a JSON line, while some small
# devices are slow to close a web request that they do not understand.
_ORDER = {"tcp": 0, "http": 1, "udp": 2}

# What each answer tells of a device, the least first; the first class that fits
# decides. A driver that talks to the wrong kind of server sees a bad answer, so
# that another's "this is a miner, but not mine" says more.
_TELLS: tuple[tuple[type[DriverError], int], ...] = (
    (CannotConnect, 0),
    (DriverFault, 1),
    (HtmlAnswer, 3),
    (RedirectAnswer, 3),
    (BadAnswer, 2),
    (NotThisDevice, 4),
    (DriverError, 5),
)


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
    """What all drivers say of one address.

    ``error`` is the most telling reason when no driver knows the device, else
    None: an answer that made no sense says more than a port that is closed.
    """

    found: tuple[Detected, ...] = ()
    error: DriverError | None = None


async def detect(
    drivers: Iterable[LoadedDriver[BaseMinerAdapter]],
    context: DriverContext,
    host: str,
    port: int | None = None,
) -> Detection:
    """Ask every driver, one after the other, whether it knows the device.

    One after the other: the web servers of miners serve one client at a time.
    A port that nothing listens on is tried once, not once per driver.
    """
    found: list[Detected] = []
    error: DriverError | None = None
    closed: set[tuple[str | None, int | None]] = set()
    for driver in sorted(
        drivers,
        key=lambda d: (
            d.optional,
            _ORDER.get(d.driver_class.connection_type or "", 3),
        ),
    ):
        kind = driver.driver_class
        door = (kind.connection_type, port or kind.default_port)
        if door in closed:
            continue
        if found and (driver.optional or kind.connection_type == "udp"):
            # The device is known already. Waiting for a broadcast takes seconds, and
            # an optional driver knows many miners that have a better one.
            continue
        client = MinerClient(kind, context, host, port)
        try:
            if await client.connect():
                telemetry = await client.poll()
                profile = client.read_profile(telemetry, None)
                found.append(
                    Detected(
                        driver=driver,
                        client=client,
                        telemetry=telemetry,
                        profile=profile,
                        address=await resolve(host),
                    )
                )
                continue
            if driver.bundled:
                # Bundled drivers say no only to a device that answered
                no = NotThisDevice(
                    "A device answered that no driver knows",
                    reason="unsupported_device",
                )
                error = _more_telling(error, no)
        except CannotConnect as err:
            if driver.bundled:
                # A user's driver may fail for reasons of its own
                closed.add(door)
            error = _more_telling(error, err)
        except DriverError as err:
            _LOGGER.debug("%s at %s: %s", driver.driver_type, host, err)
            error = _more_telling(error, err)
        await client.close()
    if found:
        return Detection(found=tuple(found))
    return Detection(
        error=error
        or CannotConnect("There is no driver for it", reason="unsupported_device")
    )


def _more_telling(error: DriverError | None, other: DriverError) -> DriverError:
    """Return the error that says more of a device, the first of equal ones."""
    if error is None or _tells(other) > _tells(error):
        return other
    return error


def _tells(error: DriverError) -> int:
    return next(weight for kind, weight in _TELLS if isinstance(error, kind))
