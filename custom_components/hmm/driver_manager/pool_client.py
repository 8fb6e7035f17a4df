"""One pool account through its driver: typed answers, typed errors, limits."""

import asyncio
import logging
import time
from typing import Any

import aiohttp

from ..driver_api import (
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
)
from .answers import read_tiles
from .client import DriverFault, is_cancelled, log_fault

_LOGGER = logging.getLogger(__name__)

_FETCH_SECONDS = 30


def make_pool_driver(
    driver_class: type[BasePoolIntegration], session: aiohttp.ClientSession
) -> BasePoolIntegration:
    """Return a driver with the session that it is lent."""
    try:
        driver = driver_class()
        driver.session = session
    except (Exception, SystemExit) as err:
        log_fault(driver_class.driver_type, err)
        msg = f"The driver {driver_class.driver_type} failed with {type(err).__name__}"
        raise DriverFault(msg) from err
    return driver


async def fetch_tiles(
    driver: BasePoolIntegration,
    *,
    url: str,
    port: int,
    coin: str,
    username: str,
    settings: dict[str, Any],
) -> DashboardTileData:
    """Return the four tiles of one account; raise only ``DriverError``."""
    start = time.monotonic()
    try:
        async with asyncio.timeout(_FETCH_SECONDS):
            answer = await driver.get_dashboard_data(
                url=url,
                coin=coin,
                username=username,
                **{"stratum_port": port, **settings},
            )
    except DriverError:
        raise
    except (TimeoutError, aiohttp.ClientError, OSError) as err:
        msg = f"The pool did not answer after {time.monotonic() - start:.0f} s"
        raise CannotConnect(msg) from err
    # SystemExit in a driver must not end Home Assistant's event loop
    except (Exception, SystemExit, asyncio.CancelledError) as err:
        if isinstance(err, asyncio.CancelledError) and is_cancelled():
            raise
        _LOGGER.debug("Pool driver %s failed", driver.driver_type, exc_info=err)
        msg = f"The driver {driver.driver_type} failed with {type(err).__name__}"
        raise DriverFault(msg) from err
    if (tiles := read_tiles(answer)) is None:
        msg = f"The driver {driver.driver_type} returned no tiles"
        raise BadAnswer(msg)
    return tiles
