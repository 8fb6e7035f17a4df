"""Makes a session: lets a driver talk to its device with a recorder in between."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    DriverContext,
    DriverError,
)
from custom_components.hmm.driver_manager.client import MinerClient
from custom_components.hmm.driver_manager.pool_client import (
    fetch_tiles,
    make_pool_driver,
)

from .conformance import Bench, lent_session
from .pool_checks import account_of
from .recorder import Recorder
from .session import Session
from .targets import Target

POLLS = 3


async def record_miner(
    driver_class: type[BaseMinerAdapter],
    target: Target,
    options: Mapping[str, Any],
    polls: int = POLLS,
) -> Session:
    """Return what driver and device say while it connects and polls.

    Only one port is listened to: the device's, or the driver's usual one. Raises
    DriverError.
    """
    port = target.port or driver_class.default_port or 80
    is_http = driver_class.connection_type != "tcp"
    async with (
        Recorder(target.host, port, is_http=is_http) as recorder,
        lent_session() as session,
    ):
        client = MinerClient(
            driver_class,
            DriverContext(session=session, options=options),
            recorder.host,
            recorder.port,
        )
        try:
            for _ in range(polls):
                await client.poll()
        finally:
            await client.close()
    return recorder.session(driver_class.driver_type or "")


async def record_pool(
    driver_class: type[BasePoolIntegration], target: Target, account: Mapping[str, Any]
) -> Session:
    """Return what driver and pool say while it fetches all that there is.

    The driver must be told the address of the recorder: ``{address}`` in a setting
    stands for it. Raises DriverError.
    """
    port = target.port or 80
    async with (
        Recorder(target.host, port, tls=target.tls) as recorder,
        lent_session() as session,
    ):
        bench = Bench(
            driver_class=driver_class,
            session=recorder.session(""),
            account=dict(account),
        )
        asked = account_of(bench, recorder.address)
        driver = make_pool_driver(driver_class, session)
        told = {
            "stratum_port": asked.port,
            "username": asked.username,
            **asked.settings,
        }
        try:
            await fetch_tiles(driver, asked)
            # What a pool does not have must not spoil the recording
            with suppress(DriverError):
                await driver.get_health(asked.url, asked.port, coin=asked.coin, **told)
            with suppress(DriverError):
                await driver.get_network_difficulty(asked.coin, url=asked.url, **told)
            with suppress(DriverError):
                await driver.get_pool_stats(asked.url, asked.coin, **told)
            with suppress(DriverError):
                await driver.get_blocks(asked.url, asked.coin, **told)
        finally:
            await driver.close()
    return recorder.session(driver_class.driver_type or "")
