"""Find out which driver speaks the language of a device."""

from collections.abc import Iterable
from dataclasses import dataclass
import logging

from ..driver_api import (
    BaseMinerAdapter,
    CannotConnect,
    DriverContext,
    DriverError,
    MinerTelemetry,
    NotThisDevice,
)
from .client import MinerClient
from .loader import LoadedDriver
from .profile import MinerProfile

_LOGGER = logging.getLogger(__name__)

# cgminer's port first: a web server shrugs off a JSON line, while some small
# devices are slow to close a web request that they do not understand.
_ORDER = {"tcp": 0, "http": 1, "udp": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """A device that a driver knows. Its client is connected."""

    driver: LoadedDriver[BaseMinerAdapter]
    client: MinerClient
    telemetry: MinerTelemetry
    profile: MinerProfile


@dataclass(frozen=True, slots=True, kw_only=True)
class Detection:
    """What all drivers say of one address.

    ``error`` is the most telling reason when no driver knows the device:
    an answer that made no sense says more than a port that is closed.
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
        drivers, key=lambda d: _ORDER.get(d.driver_class.connection_type or "", 3)
    ):
        kind = driver.driver_class
        door = (kind.connection_type, port or kind.default_port)
        if door in closed:
            continue
        if found and kind.connection_type == "udp":
            # Waiting for a broadcast takes seconds; the device is known already
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
                    )
                )
                continue
            if driver.bundled and (error is None or isinstance(error, CannotConnect)):
                # Bundled drivers say no only to a device that answered
                error = NotThisDevice("A device answered that no driver knows")
        except CannotConnect as err:
            closed.add(door)
            error = error or err
        except DriverError as err:
            _LOGGER.debug("%s at %s: %s", driver.driver_type, host, err)
            if error is None or isinstance(error, CannotConnect | NotThisDevice):
                error = err
        await client.close()
    return Detection(found=tuple(found), error=error)
