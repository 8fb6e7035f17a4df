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
    Bench,
    Check,
    Failed,
    LogWatch,
    NotApplicable,
    all_hung_up,
    lent_session,
    look_for_secrets,
    lost,
    need,
    need_equal,
    no_tasks_left,
    stop,
)
from .figures import implausible, numbers_of
from .inventions import Alter, find_inventions
from .replay import ANSWERS, Odd, Replay
from .show import show_error, show_hashrate
from .targets import account_at

type PoolBench = Bench[BasePoolIntegration]

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
"""Well-formed enough, and nobody's."""


@asynccontextmanager
async def _driver(bench: PoolBench) -> AsyncIterator[BasePoolIntegration]:
    async with lent_session() as session:
        driver = make_pool_driver(bench.driver_class, session)
        try:
            yield driver
        finally:
            await driver.close()


@asynccontextmanager
async def _playing(
    bench: PoolBench,
) -> AsyncIterator[tuple[Replay, BasePoolIntegration, PoolAccount]]:
    """Give the pool of the session, a driver and the account."""
    async with bench.play() as replay, _driver(bench) as driver:
        yield replay, driver, account_at(bench.account, replay.address)


async def _ask(driver: BasePoolIntegration, account: PoolAccount) -> DashboardTileData:
    """Return what the driver answers, as it is."""
    return await driver.get_dashboard_data(
        url=account.url,
        coin=account.coin,
        username=account.username,
        **{"stratum_port": account.port, **account.settings},
    )


async def _tiles(bench: PoolBench) -> str:
    async with _playing(bench) as (_, driver, account):
        answer = await _ask(driver, account)
        total = await _total(driver, account)
    if (tiles := read_tiles(answer)) is None:
        msg = f"get_dashboard_data returns {type(answer).__name__}"
        raise Failed(msg)
    wrong = [*lost(answer, tiles), *implausible(tiles)]
    need(not wrong, "\n".join(wrong))
    need(tiles.health_status, f"It says that the pool fails: {tiles.health_message}")
    need(tiles.account_known, "It says that the account has no data")
    need(
        any(getattr(tiles, name) is not None for name in _OWN),
        "It tells nothing of the account",
    )
    _need_own_hashrate(tiles, total)
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


def _need_own_hashrate(tiles: DashboardTileData, total: PoolStats) -> None:
    """Raise Failed if the account's hashrate is that of the whole pool.

    Both may be the same where one user is the only one. So it must be clear from the
    workers that the account is but a part.
    """
    own = tiles.pool_hashrate
    if not own or not total.hashrate or not math.isclose(own, total.hashrate):
        return
    speeds = [worker.hashrate for worker in tiles.workers]
    known = [speed for speed in speeds if speed is not None]
    if len(known) == len(speeds) > 0:
        is_part = sum(known) < 0.5 * own
    else:
        is_part = (
            tiles.active_workers is not None
            and total.active_workers is not None
            and tiles.active_workers < total.active_workers
        )
    need(
        not is_part,
        f"pool_hashrate is that of the whole pool ({show_hashrate(own)}), not the"
        " account's: its workers do not add up to it",
    )


async def _equal(bench: PoolBench) -> None:
    async with bench.play() as replay:
        account = account_at(bench.account, replay.address)
        async with _driver(bench) as driver:
            first = await fetch_tiles(driver, account)
        async with _driver(bench) as driver:
            second = await fetch_tiles(driver, account)
    need_equal(first, second)


async def _other_methods(bench: PoolBench) -> None:
    async with _playing(bench) as (_, driver, account):
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
        need(
            isinstance(health, PoolHealthStatus),
            f"get_health returns {type(health).__name__}",
        )
        need(health.is_healthy is True, f"get_health is False: {health.error_message}")
        difficulty = await driver.get_network_difficulty(account.coin, **reported)
        need(
            difficulty is None or isinstance(difficulty, int | float),
            f"get_network_difficulty returns {type(difficulty).__name__}",
        )
        stats = await driver.get_pool_stats(account.url, account.coin, **without_url)
        need(
            stats is None or isinstance(stats, PoolStats),
            f"get_pool_stats returns {type(stats).__name__}",
        )
        blocks = await driver.get_blocks(account.url, account.coin, **without_url)
        need(
            isinstance(blocks, list)
            and all(isinstance(block, PoolBlock) for block in blocks),
            "get_blocks returns something else than a list of PoolBlock",
        )


async def _schema(bench: PoolBench) -> None:
    async with _driver(bench) as driver:
        schema = driver.get_config_schema()
        need(
            isinstance(schema, dict) and isinstance(schema.get("properties"), dict),
            'get_config_schema returns no schema with "properties"',
        )
        required = schema.get("required", [])
        unknown = [key for key in required if key not in schema["properties"]]
        need(not unknown, f"Required, but not among the properties: {unknown}")
        for key, item in schema["properties"].items():
            need(
                isinstance(item, dict)
                and item.get("type") in ("string", "integer", "number", "boolean"),
                f"{key} has no type (string, integer, number or boolean)",
            )
        if required:
            need(
                not driver.validate_config({}),
                "validate_config is True although all that is required is missing",
            )


def _need_unasked(asked: Counter[str]) -> None:
    need(not asked, f"detect asks {', '.join(asked)}; it goes by names alone")


async def _detect(bench: PoolBench) -> None:
    """Count what is asked while hosts are compared by their names."""
    asked: Counter[str] = Counter()
    tracing = aiohttp.TraceConfig()

    async def note(_: Any, __: Any, reported: aiohttp.TraceRequestStartParams) -> None:
        asked[str(reported.url.host)] += 1

    tracing.on_request_start.append(note)
    async with bench.play() as replay:
        async with aiohttp.ClientSession(trace_configs=[tracing]) as session:
            driver = make_pool_driver(bench.driver_class, session)
            # The port says nothing: nearly every pool has 3333
            own = account_at(bench.account, "").port
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
                    _need_unasked(asked)
                    msg = f"detect fails with {host!r}, {port}\n{show_error(err)}"
                    raise Failed(msg) from err
                need(
                    answer is False,
                    f"detect returns {answer!r} for {host!r}, {port}, which is no pool of it",
                )
            for template in driver.get_pool_templates():
                if template.url:
                    need(
                        await driver.detect(template.url, template.port),
                        f"detect rejects its own {template.url}:{template.port}",
                    )
            await driver.close()
        _need_unasked(asked)
        need(
            not replay.connections,
            "detect connects to the pool; it goes by names alone",
        )


def _need_username(bench: PoolBench) -> None:
    """Raise NotApplicable unless the account is known by its user name."""
    if bench.driver_class.requires_api_key:
        msg = "The pool knows the account by a key"
        raise NotApplicable(msg)
    if not bench.account.get("username"):
        msg = "No account was told; if the pool has accounts, add --username"
        raise NotApplicable(msg)


async def _unknown_account(bench: PoolBench) -> str:
    _need_username(bench)
    async with _playing(bench) as (_, driver, account):
        known = await fetch_tiles(driver, account)
        nobody = UNKNOWN_ACCOUNTS.get(account.coin.upper(), "never-mined-here")
        try:
            tiles = await fetch_tiles(driver, replace(account, username=nobody))
        except DriverFault as err:
            msg = f"It fails with an account that the pool does not know\n{show_error(err)}"
            raise Failed(msg) from err
        except DriverError as err:
            return f"says: {err}"
    wrong = [
        f"{name} of somebody else is {getattr(tiles, name):g}"
        for name in _OWN
        if getattr(tiles, name) and getattr(known, name) is not None
    ]
    need(not wrong, "\n".join(wrong))
    return "not known" if not tiles.account_known else "no figures"


async def _bad_answers(bench: PoolBench) -> None:
    wrong: list[str] = []
    async with bench.play() as replay:
        account = account_at(bench.account, replay.address)
        for odd in replay.answers:
            replay.odd = odd
            async with _driver(bench) as driver:
                try:
                    tiles = await fetch_tiles(driver, account)
                except DriverFault as err:
                    wrong.append(f"{odd.value}: {show_error(err)}")
                    continue
                except DriverError:
                    continue
            found = {
                name: getattr(tiles, name) for name in _OWN if getattr(tiles, name)
            }
            if found:
                wrong.append(f"{odd.value}: it makes figures of it: {found}")
            elif tiles.health_status and odd is not Odd.NESTED:
                wrong.append(f"{odd.value}: it says that the pool is well")
    need(not wrong, "\n".join(wrong))


async def _silent(bench: PoolBench) -> None:
    async with bench.play() as replay:
        replay.odd = Odd.SILENT
        account = account_at(bench.account, replay.address)
        async with _driver(bench) as driver:
            try:
                async with asyncio.timeout(FETCH_SECONDS - 1):
                    tiles = await fetch_tiles(driver, account)
            except DriverError:
                return
            except TimeoutError as err:
                msg = f"It waits for more than {FETCH_SECONDS} s. Use WebApi's timeout"
                raise Failed(msg) from err
    need(not tiles.health_status, "It says that a pool is well which never answers")


async def _nothing_invented(bench: PoolBench) -> str:
    """Take away one key of the answers after the other."""

    async def fetch(alter: Alter | None) -> DashboardTileData:
        # A new driver each time: what is shared is asked once a minute only
        async with _playing(bench) as (replay, driver, account):
            replay.alter = alter
            return await fetch_tiles(driver, account)

    return await find_inventions(bench.need_session(), fetch, _AT_ONCE)


async def _shared(bench: PoolBench) -> str:
    _need_username(bench)
    async with _playing(bench) as (replay, driver, account):
        await fetch_tiles(driver, account)
        once = Counter(replay.asked)
        nobody = UNKNOWN_ACCOUNTS.get(account.coin.upper(), "never-mined-here")
        with suppress(DriverError):
            await fetch_tiles(driver, replace(account, username=nobody))
        twice = [
            path
            for path, count in replay.asked.items()
            if count > once[path]
            and once[path]
            and account.username.partition(".")[0] not in path
        ]
        need(
            not twice,
            f"Asked again for the second account: {', '.join(twice)}. Use"
            " WebApi.shared_object for what is the same for all",
        )
    return f"{once.total()} requests for the first account"


async def _read(driver: BasePoolIntegration, account: PoolAccount) -> None:
    await driver.get_dashboard_data(
        url=account.url,
        coin=account.coin,
        username=account.username,
        **{"stratum_port": account.port, **account.settings},
    )


async def _cancel(bench: PoolBench) -> None:
    async with _playing(bench) as (replay, driver, account):
        replay.odd = Odd.SILENT
        # Past HMM's own call, which ends with its caller whatever the driver does
        await stop(asyncio.create_task(_read(driver, account)), replay)
        replay.odd = None
        tiles = await fetch_tiles(driver, account)
        need(
            tiles.health_status,
            f"After a cancelled call, the next one fails: {tiles.health_message}",
        )


async def _close(bench: PoolBench) -> None:
    async with bench.play() as replay:
        account = account_at(bench.account, replay.address)
        async with no_tasks_left(), lent_session() as session:
            driver = make_pool_driver(bench.driver_class, session)
            await fetch_tiles(driver, account)
            await driver.close()
            await driver.close()  # twice is not too often
            need(not session.closed, "close closes the session, which is only lent")
        await all_hung_up(replay)


async def _secrets(bench: PoolBench) -> str:
    """Look at what the driver itself says: HMM hides the account only."""
    secrets = bench.secrets
    if not secrets:
        msg = "The pool tells nothing that is secret"
        raise NotApplicable(msg)
    with LogWatch("custom_components.hmm", bench.driver_class.__module__) as log:
        async with _playing(bench) as (replay, driver, account):
            await _ask(driver, account)
            look_for_secrets(secrets, "repr of the driver", repr(driver))
            for odd in ANSWERS:
                replay.odd = odd
                try:
                    tiles = read_tiles(await _ask(driver, account))
                except DriverError as err:
                    look_for_secrets(secrets, "An error", f"{err!r} {err}")
                # A fault is of another check, and HMM shows no text of it
                except Exception:  # noqa: BLE001, S112
                    continue
                else:
                    message = (tiles.health_message if tiles else None) or ""
                    look_for_secrets(secrets, "health_message", message)
    look_for_secrets(secrets, "The log", "\n".join(log.lines))
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
