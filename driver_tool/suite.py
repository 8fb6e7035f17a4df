"""Runs the conformance suite of a driver against a device, a session, a simulator."""

from collections.abc import Mapping
from typing import Any

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    DriverError,
)

from . import ToolError
from .conformance import CheckContext, Result, run_checks
from .miner_checks import LIVE_MINER_CHECKS, MINER_CHECKS
from .pool_checks import POOL_CHECKS
from .recorder import record_miner, record_pool
from .session import Session
from .show import show_error
from .targets import Target


async def try_miner(
    driver_class: type[BaseMinerAdapter],
    target: Target,
    options: Mapping[str, Any],
    *,
    may_write: bool,
) -> list[Result]:
    """Return the result of every check of a miner driver.

    ``may_write`` is whether modes may be set and mining be paused on the device.
    Raises ToolError: the driver does not even read its device.
    """
    session = target.session
    address = None
    if session is None:
        address = (target.host, target.port or driver_class.default_port or 80)
        try:
            session = await record_miner(driver_class, target, options)
        except (DriverError, ToolError) as err:
            if driver_class.connection_type != "udp":
                msg = f"The driver cannot read the device: {show_error(err)}"
                raise ToolError(msg) from err
            session = Session(driver_type="", exchanges=())
    context = CheckContext(
        driver_class=driver_class,
        session=session,
        address=address,
        may_write=may_write,
        options=dict(options),
    )
    return [
        *await run_checks(context, MINER_CHECKS, at_once=bool(session.exchanges)),
        *await run_checks(context, LIVE_MINER_CHECKS, at_once=False),
    ]


async def try_pool(
    driver_class: type[BasePoolIntegration],
    target: Target,
    account: Mapping[str, Any],
) -> list[Result]:
    """Return the result of every check of a pool driver. Nothing is ever written.

    ``account`` has ``coin``, ``username``, ``url``, ``port`` and ``settings``.
    Raises ToolError: the driver gets no tiles, or does not know where the pool is.
    """
    session = target.session
    settings = account.get("settings", {}).values()
    if session is not None and not any(
        sign in str(value) for value in settings for sign in ("{address}", "{port}")
    ):
        raise ToolError(
            "The driver must ask the session and not the real pool. A setting tells it"
            " so: --set api_base=http://{address}/api"
        )
    if session is None:
        try:
            session = await record_pool(driver_class, target, account)
        except DriverError as err:
            msg = f"The driver gets nothing from the pool: {show_error(err)}"
            raise ToolError(msg) from err
    context = CheckContext(
        driver_class=driver_class, session=session, account=dict(account)
    )
    return await run_checks(context, POOL_CHECKS)
