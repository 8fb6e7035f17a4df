"""What every driver of a pool must do."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import product
import math
from typing import Any

import aiohttp

from custom_components.hmm.driver_api import (
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
)
from custom_components.hmm.driver_engine.answers import read_tiles
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.pool_client import (
    PoolAccount,
    fetch_tiles,
    make_pool_driver,
)

from .conformance import (
    Check,
    CheckContext,
    CheckFailed,
    CheckSkipped,
    LogWatch,
    cancel_and_wait,
    require,
    require_closed,
    require_equal,
    require_no_secrets,
    require_no_tasks,
    shared_session,
    unreadable_fields,
)
from .defaulted_values import Alter, find_defaulted_values
from .figures import implausible, numbers_of
from .replay import ANSWERS, BadResponse, Replay
from .show import show_error, show_hashrate
from .targets import account_at

type PoolContext = CheckContext[BasePoolIntegration]

FETCH_SECONDS = 30
"""What HMM gives a driver for the tiles of one account."""
_AT_ONCE = 30
"""Some drivers wait for seconds between two requests, to be polite."""
_NO_HOST = "no-such-pool.invalid"
_OWN = (
    "pool_hashrate",
    "estimated_time_to_block",
    "pool_percentage",
    "active_workers",
    "shares_valid",
    "shares_invalid",
    "shares_stale",
    "best_share",
    "confirmed_balance",
    "pending_balance",
    "blocks_found",
)
"""Figures of the account, not of the network."""

UNKNOWN_ACCOUNTS = {
    "BTC": "bc1qdejhvetjypkkjmn9vssxsetjv5sjzgfp745ad6",
    "BCH": "qphx2an9wgsx66twv4jzq6r9wfjjzgfpyy8aqsumdk",
    "DGB": "dgb1qdejhvetjypkkjmn9vssxsetjv5sjzgfpfws945",
    "BC2": "bc1qdejhvetjypkkjmn9vssxsetjv5sjzgfp745ad6",
}
"""Well-formed addresses without an owner."""


@asynccontextmanager
async def _driver(context: PoolContext) -> AsyncIterator[BasePoolIntegration]:
    async with shared_session() as session:
        driver = make_pool_driver(context.driver_class, session)
        try:
            yield driver
        finally:
            await driver.close()


@asynccontextmanager
async def _playing(
    context: PoolContext,
) -> AsyncIterator[tuple[Replay, BasePoolIntegration, PoolAccount]]:
    """Give the pool of the session, a driver and the account."""
    async with context.play() as replay, _driver(context) as driver:
        yield replay, driver, account_at(context.account, replay.address)


async def _fetch(
    driver: BasePoolIntegration, account: PoolAccount
) -> DashboardTileData:
    """Return what the driver answers, as it is."""
    return await driver.get_dashboard_data(
        url=account.url,
        coin=account.coin,
        username=account.username,
        **{"stratum_port": account.port, **account.settings},
    )


async def _tiles(context: PoolContext) -> str:
    async with _playing(context) as (_, driver, account):
        answer = await _fetch(driver, account)
        total = await _total(driver, account)
    if (tiles := read_tiles(answer)) is None:
        raise CheckFailed(f"get_dashboard_data returns {type(answer).__name__}")
    wrong = [*unreadable_fields(answer, tiles), *implausible(tiles)]
    require(not wrong, "\n".join(wrong))
    require(tiles.health_status, f"It says that the pool fails: {tiles.health_message}")
    require(tiles.account_known, "It says that the account has no data")
    require(
        any(getattr(tiles, name) is not None for name in _OWN),
        "It tells nothing of the account",
    )
    _require_own_hashrate(tiles, total)
    return f"{len(numbers_of(tiles))} figures"


async def _total(driver: BasePoolIntegration, account: PoolAccount) -> PoolStats:
    """Return the figures of the pool as a whole, empty if they cannot be had."""
    # What is wrong with the method is for another check
    with suppress(Exception):
        stats = await driver.get_pool_stats(
            account.url,
            account.coin,
            username=account.username,
            **{"stratum_port": account.port, **account.settings},
        )
        if isinstance(stats, PoolStats):
            return stats
    return PoolStats()


def _require_own_hashrate(tiles: DashboardTileData, total: PoolStats) -> None:
    """Raise CheckFailed if the account's hashrate is that of the whole pool.

    Both may be the same where one user is the only one. So it must be clear from the
    workers that the account is but a part.
    """
    own = tiles.pool_hashrate
    if not own or not total.hashrate or not math.isclose(own, total.hashrate):
        return
    speeds = [worker.hashrate for worker in tiles.workers]
    rates = [speed for speed in speeds if speed is not None]
    if len(rates) == len(speeds) > 0:
        is_part = sum(rates) < 0.5 * own
    else:
        is_part = (
            tiles.active_workers is not None
            and total.active_workers is not None
            and tiles.active_workers < total.active_workers
        )
    require(
        not is_part,
        f"pool_hashrate is that of the whole pool ({show_hashrate(own)}), not the"
        " account's: its workers do not add up to it",
    )


async def _equal(context: PoolContext) -> None:
    async with context.play() as replay:
        account = account_at(context.account, replay.address)
        async with _driver(context) as driver:
            first = await fetch_tiles(driver, account)
        async with _driver(context) as driver:
            second = await fetch_tiles(driver, account)
    require_equal(first, second)


async def _other_methods(context: PoolContext) -> None:
    async with _playing(context) as (_, driver, account):
        reported = {
            "url": account.url,
            "stratum_port": account.port,
            "username": account.username,
            **account.settings,
        }
        without_url = {key: value for key, value in reported.items() if key != "url"}
        health = await driver.get_health(
            account.url, account.port, coin=account.coin, **without_url
        )
        require(
            isinstance(health, PoolHealthStatus),
            f"get_health returns {type(health).__name__}",
        )
        require(
            health.is_healthy is True, f"get_health is False: {health.error_message}"
        )
        difficulty = await driver.get_network_difficulty(account.coin, **reported)
        require(
            difficulty is None or isinstance(difficulty, int | float),
            f"get_network_difficulty returns {type(difficulty).__name__}",
        )
        stats = await driver.get_pool_stats(account.url, account.coin, **without_url)
        require(
            stats is None or isinstance(stats, PoolStats),
            f"get_pool_stats returns {type(stats).__name__}",
        )
        blocks = await driver.get_blocks(account.url, account.coin, **without_url)
        require(
            isinstance(blocks, list)
            and all(isinstance(block, PoolBlock) for block in blocks),
            "get_blocks returns something else than a list of PoolBlock",
        )


async def _schema(context: PoolContext) -> None:
    async with _driver(context) as driver:
        schema = driver.get_config_schema()
        require(
            isinstance(schema, dict) and isinstance(schema.get("properties"), dict),
            'get_config_schema returns no schema with "properties"',
        )
        required = schema.get("required", [])
        unknown = [key for key in required if key not in schema["properties"]]
        require(not unknown, f"Required, but not among the properties: {unknown}")
        for key, item in schema["properties"].items():
            require(
                isinstance(item, dict)
                and item.get("type") in ("string", "integer", "number", "boolean"),
                f"{key} has no type (string, integer, number or boolean)",
            )
        if required:
            require(
                not driver.validate_config({}),
                "validate_config is True although all that is required is missing",
            )


def _require_unasked(requests: Counter[str]) -> None:
    require(not requests, f"detect asks {', '.join(requests)}; it goes by names alone")


async def _detect(context: PoolContext) -> None:
    """Count the requests while hosts are compared by their names."""
    requests: Counter[str] = Counter()
    tracing = aiohttp.TraceConfig()

    async def note(_: Any, __: Any, reported: aiohttp.TraceRequestStartParams) -> None:
        requests[str(reported.url.host)] += 1

    tracing.on_request_start.append(note)
    async with context.play() as replay:
        async with aiohttp.ClientSession(trace_configs=[tracing]) as session:
            driver = make_pool_driver(context.driver_class, session)
            # The port says nothing: nearly every pool has 3333
            own = account_at(context.account, "").port
            ports = dict.fromkeys((replay.port, own, 3333))
            hosts = (
                _NO_HOST,
                "127.0.0.1",
                replay.address,
                "",
                "pool",
                "stratum+tcp://x",
            )
            for host, port in product(hosts, ports):
                try:
                    answer = await driver.detect(host, port)
                except Exception as err:
                    _require_unasked(requests)
                    msg = f"detect fails with {host!r}, {port}\n{show_error(err)}"
                    raise CheckFailed(msg) from err
                require(
                    answer is False,
                    f"detect returns {answer!r} for {host!r}, {port}, which is no pool of it",
                )
            for template in driver.get_pool_templates():
                if template.url:
                    require(
                        await driver.detect(template.url, template.port),
                        f"detect rejects its own {template.url}:{template.port}",
                    )
            await driver.close()
        _require_unasked(requests)
        require(
            not replay.connections,
            "detect connects to the pool; it goes by names alone",
        )


def _require_username(context: PoolContext) -> None:
    """Raise CheckSkipped unless the account is known by its user name."""
    if context.driver_class.requires_api_key:
        raise CheckSkipped("The pool knows the account by a key")
    if not context.account.get("username"):
        msg = "No account was told; if the pool has accounts, add --username"
        raise CheckSkipped(msg)


async def _unknown_account(context: PoolContext) -> str:
    _require_username(context)
    async with _playing(context) as (_, driver, account):
        own = await fetch_tiles(driver, account)
        nobody = UNKNOWN_ACCOUNTS.get(account.coin.upper(), "never-mined-here")
        try:
            tiles = await fetch_tiles(driver, replace(account, username=nobody))
        except DriverFault as err:
            msg = f"It fails with an account that the pool does not know\n{show_error(err)}"
            raise CheckFailed(msg) from err
        except DriverError as err:
            return f"says: {err}"
    wrong = [
        f"{name} of somebody else is {getattr(tiles, name):g}"
        for name in _OWN
        if getattr(tiles, name) and getattr(own, name) is not None
    ]
    require(not wrong, "\n".join(wrong))
    return "not known" if not tiles.account_known else "no figures"


async def _bad_answers(context: PoolContext) -> None:
    wrong: list[str] = []
    async with context.play() as replay:
        account = account_at(context.account, replay.address)
        for bad_response in replay.answers:
            replay.bad_response = bad_response
            async with _driver(context) as driver:
                try:
                    tiles = await fetch_tiles(driver, account)
                except DriverFault as err:
                    wrong.append(f"{bad_response.value}: {show_error(err)}")
                    continue
                except DriverError:
                    continue
            figures = {
                name: getattr(tiles, name) for name in _OWN if getattr(tiles, name)
            }
            if figures:
                wrong.append(f"{bad_response.value}: it makes figures of it: {figures}")
            elif tiles.health_status and bad_response is not BadResponse.NESTED:
                wrong.append(f"{bad_response.value}: it says that the pool is well")
    require(not wrong, "\n".join(wrong))


async def _silent(context: PoolContext) -> None:
    async with context.play() as replay:
        replay.bad_response = BadResponse.SILENT
        account = account_at(context.account, replay.address)
        async with _driver(context) as driver:
            try:
                async with asyncio.timeout(FETCH_SECONDS - 1):
                    tiles = await fetch_tiles(driver, account)
            except DriverError:
                return
            except TimeoutError as err:
                msg = f"It waits for more than {FETCH_SECONDS} s. Use WebApi's timeout"
                raise CheckFailed(msg) from err
    require(not tiles.health_status, "It says that a pool is well which never answers")


async def _nothing_invented(context: PoolContext) -> str:
    """Take away one key of the answers after the other."""

    async def fetch(alter: Alter | None) -> DashboardTileData:
        # A new driver each time: what is shared is fetched once a minute only
        async with _playing(context) as (replay, driver, account):
            replay.alter = alter
            return await fetch_tiles(driver, account)

    return await find_defaulted_values(context.require_session(), fetch, _AT_ONCE)


async def _shared(context: PoolContext) -> str:
    _require_username(context)
    async with _playing(context) as (replay, driver, account):
        await fetch_tiles(driver, account)
        once = Counter(replay.requested)
        nobody = UNKNOWN_ACCOUNTS.get(account.coin.upper(), "never-mined-here")
        with suppress(DriverError):
            await fetch_tiles(driver, replace(account, username=nobody))
        twice = [
            path
            for path, count in replay.requested.items()
            if count > once[path]
            and once[path]
            and account.username.partition(".")[0] not in path
        ]
        require(
            not twice,
            f"Asked again for the second account: {', '.join(twice)}. Use"
            " WebApi.shared_object for what is the same for all",
        )
    return f"{once.total()} requests for the first account"


async def _cancel(context: PoolContext) -> None:
    async with _playing(context) as (replay, driver, account):
        replay.bad_response = BadResponse.SILENT
        # Past HMM's own call, which ends with its caller whatever the driver does
        await cancel_and_wait(asyncio.create_task(_fetch(driver, account)), replay)
        replay.bad_response = None
        tiles = await fetch_tiles(driver, account)
        require(
            tiles.health_status,
            f"After a cancelled call, the next one fails: {tiles.health_message}",
        )


async def _close(context: PoolContext) -> None:
    async with context.play() as replay:
        account = account_at(context.account, replay.address)
        async with require_no_tasks(), shared_session() as session:
            driver = make_pool_driver(context.driver_class, session)
            await fetch_tiles(driver, account)
            await driver.close()
            await driver.close()  # twice is not too often
            require(not session.closed, "close closes the session, which is shared")
        await require_closed(replay)


async def _secrets(context: PoolContext) -> str:
    """Check the driver's own messages: HMM hides the account only."""
    secrets = context.secrets
    if not secrets:
        raise CheckSkipped("The pool tells nothing that is secret")
    with LogWatch("custom_components.hmm", context.driver_class.__module__) as log:
        async with _playing(context) as (replay, driver, account):
            await _fetch(driver, account)
            require_no_secrets(secrets, "repr of the driver", repr(driver))
            for bad_response in ANSWERS:
                replay.bad_response = bad_response
                try:
                    tiles = read_tiles(await _fetch(driver, account))
                except DriverError as err:
                    require_no_secrets(secrets, "An error", f"{err!r} {err}")
                # A fault is of another check, and HMM shows no text of it
                except Exception:  # noqa: BLE001, S112
                    continue
                else:
                    message = (tiles.health_message if tiles else None) or ""
                    require_no_secrets(secrets, "health_message", message)
    require_no_secrets(secrets, "The log", "\n".join(log.lines))
    return f"{len(secrets)} secrets"


POOL_CHECKS: tuple[Check[BasePoolIntegration], ...] = (
    Check("tiles", "values have the right types and units, and are finite", _tiles),
    Check("equal-answers", "equal responses give equal tiles", _equal),
    Check("nothing-invented", "a missing value is None, not 0", _nothing_invented),
    Check("unknown-account", "an unknown account has no values", _unknown_account),
    Check("other-methods", "health, difficulty, statistics and blocks", _other_methods),
    Check("schema", "the form of the settings is described", _schema),
    Check("detect", "detect compares names and sends no request", _detect),
    Check("shared", "what all accounts share is requested once", _shared),
    Check("bad-answers", "malformed responses make the pool unhealthy", _bad_answers),
    Check("silent-pool", "a pool that does not respond times out", _silent),
    Check("cancel", "a call can be canceled at any time", _cancel),
    Check("close", "close releases everything", _close),
    Check("secrets", "accounts and keys are not shown", _secrets),
)
