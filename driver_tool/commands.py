"""What each command of the command line does. All return the exit status."""

from argparse import Namespace
import asyncio
from collections.abc import Mapping
import sys
import time
from typing import Any

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    DriverContext,
    DriverError,
)
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.guard import DriverFault
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.driver_engine.pool_client import (
    close_pool_driver,
    fetch_tiles,
    make_pool_driver,
)

from . import ToolError
from .conformance import Outcome, Result, report, shared_session
from .example import EXAMPLE_WALLET, SimulatedExampleMiner, SimulatedExamplePool
from .files import load, load_bundled, one_miner, one_pool, only
from .index_commands import INDEX_COMMANDS
from .masks import is_secret, mask
from .recorder import record_miner, record_pool
from .replay import Replay
from .session import HttpExchange, Session
from .show import rows_of, show_error, table, unknown_in
from .suite import try_miner, try_pool
from .targets import Target, account_at, open_target
from .validate import Report, validate as look_at
from .watchdog import Blocked


async def validate(args: Namespace) -> int:
    """Look for mistakes in files."""
    drivers = [path for path in args.file if path.suffix == ".py" and path.is_file()]
    reports = [await asyncio.to_thread(look_at, path, drivers) for path in args.file]
    for result in reports:
        _print_report(result)
    return 0 if all(result.is_usable for result in reports) else 1


def _print_report(result: Report) -> None:
    for problem in result.problems:
        where = f"{result.path}:{problem.line}" if problem.line else str(result.path)
        print(f"{where}: {problem.level}: {problem.text}")
        if problem.advice:
            print(f"    {problem.advice}")
    if (declared := result.declaration) is not None:
        drivers = ", ".join(map(str, declared.drivers))
        print(f"{result.path}: {declared.display_name} {declared.version} ({drivers})")
        for requirement in declared.requirements:
            print(f"    needs the package {requirement}")
    print(
        f"{result.path}: {'HMM can load it' if result.is_usable else 'HMM cannot use it'}"
    )


async def probe(args: Namespace) -> int:
    """Ask every driver whether it knows a device."""
    drivers = load(args.driver).everything if args.driver else load_bundled()
    async with open_target(args.address) as target, shared_session() as session:
        _require_address(target)
        context = DriverContext(session=session, options=dict(args.set))
        # One after the other: small devices serve one client at a time
        rows = [
            await _probe(driver, context, target) for driver in drivers.miners.values()
        ]
    print(table(rows))
    return 0 if any(row[1] == "yes" for row in rows) else 1


async def _probe(
    driver: LoadedDriver[BaseMinerAdapter], context: DriverContext, target: Target
) -> tuple[str, str, str]:
    name = driver.driver_type + ("" if driver.bundled else " (yours)")
    client = MinerClient(driver.driver_class, context, target.host, target.port)
    try:
        if not await client.connect():
            return name, "no", "a device of another type responds"
        telemetry = await client.poll()
        facts = client.read_profile(telemetry, None).facts
    except DriverFault as err:
        return name, "FAULT", show_error(err).replace("\n", "\n    ")
    except DriverError as err:
        return name, "no", str(err)
    finally:
        await client.close()
    parts = (facts.manufacturer, facts.model, facts.firmware, facts.mac)
    return name, "yes", ", ".join(text for text in parts if text)


async def watch(args: Namespace) -> int:
    """Show what a driver reads, again and again."""
    driver_class = one_miner(args.driver)
    async with open_target(args.address) as target, shared_session() as session:
        _require_address(target)
        context = DriverContext(session=session, options=dict(args.set))
        client = MinerClient(driver_class, context, target.host, target.port)
        before: Mapping[str, str] = {}
        try:
            while True:
                before = await _show_poll(client, before)
                if args.once:
                    return 0 if before else 1
                await asyncio.sleep(args.interval)
        finally:
            await client.close()


async def _show_poll(
    client: MinerClient, before: Mapping[str, str]
) -> Mapping[str, str]:
    """Print one poll; what differs from the one before is marked."""
    began = time.monotonic()
    try:
        telemetry = await client.poll()
        took = (time.monotonic() - began) * 1000
        profile = client.read_profile(telemetry, None)
    except DriverError as err:
        print(f"{time.strftime('%H:%M:%S')}  {show_error(err)}\n", flush=True)
        return {}
    rows = rows_of(telemetry)
    print(f"{time.strftime('%H:%M:%S')}  {client.host}, answered in {took:.0f} ms")
    print(
        table(
            [
                (name, ("* " if before and before.get(name) != text else "  ") + text)
                for name, text in rows
            ]
        )
    )
    print(unknown_in(telemetry))
    print(f"  modes: {', '.join(profile.modes) or 'none'}")
    able = [
        name
        for name in ("pause", "restart", "identify", "set_pool", "select_pool")
        if getattr(profile, name)
    ]
    print(f"  can: {', '.join(able) or 'nothing'}\n", flush=True)
    return dict(rows)


async def pool(args: Namespace) -> int:
    """Show the tiles of an account."""
    driver_class = one_pool(args.driver)
    if args.address is None:
        return await _show_tiles(driver_class, args, "")
    async with open_target(args.address) as target:
        _require_address(target)
        port = target.port or 80
        return await _show_tiles(driver_class, args, f"{target.host}:{port}")


async def _show_tiles(
    driver_class: type[BasePoolIntegration], args: Namespace, address: str
) -> int:
    account = account_at(_account(args, driver_class), address)
    async with shared_session() as session:
        driver = make_pool_driver(driver_class, session)
        try:
            tiles = await fetch_tiles(driver, account)
        except DriverError as err:
            print(show_error(err))
            return 1
        finally:
            await close_pool_driver(driver)
    print(table(rows_of(tiles)))
    print(unknown_in(tiles))
    return 0 if tiles.health_status else 1


async def record(args: Namespace) -> int:
    """Write down what a driver and its device report, without secrets."""
    if not args.output.absolute().parent.is_dir():
        raise ToolError(f"There is no folder {args.output.parent}")
    drivers = load(args.driver)
    async with open_target(args.address) as target:
        _require_address(target)
        if drivers.miners:
            miner = only(drivers.miners, f"drivers for miners in {args.driver}")
            session = await record_miner(miner, target, dict(args.set), args.polls)
        else:
            pool_class = only(drivers.pools, f"drivers for pools in {args.driver}")
            account = _account(args, pool_class)
            session = await record_pool(pool_class, target, account)
    secrets = [str(value) for key, value in args.set if is_secret(key)]
    session = mask(session, [*secrets, args.username or ""])
    args.output.write_text(session.dump(), encoding="utf-8")
    print(f"{args.output}: {len(session.exchanges)} exchanges")
    print(table([(text,) for text in dict.fromkeys(_titles(session))]))
    print(
        "Wallets, users, passwords, WiFi names, serial numbers and MACs were replaced."
        " Look at the file all the same before you give it to others."
    )
    return 0


async def replay(args: Namespace) -> int:
    """Run a driver against a recorded session."""
    async with open_target(args.session) as target:
        if target.session is None:
            raise ToolError(f"{args.session} is no session; record makes one")
        if args.serve is not None:
            async with Replay(target.session, args.serve) as device:
                print(f"Playing {args.session} at {device.address}", flush=True)
                await asyncio.Event().wait()
        drivers = load(args.driver)
        async with Replay(target.session) as device:
            if not drivers.miners:
                pool_class = only(drivers.pools, f"drivers for pools in {args.driver}")
                return await _show_tiles(pool_class, args, device.address)
            miner = only(drivers.miners, f"drivers for miners in {args.driver}")
            async with shared_session() as session:
                context = DriverContext(session=session, options=dict(args.set))
                client = MinerClient(miner, context, device.host, device.port)
                try:
                    shown = await _show_poll(client, {})
                finally:
                    await client.close()
            return 0 if shown else 1


async def conformance(args: Namespace) -> int:
    """Test whether a driver keeps the contract."""
    drivers = load(args.driver)
    results: list[Result] = []
    async with open_target(args.against) as target:
        for driver in drivers.miners:
            may_write = args.write or target.simulated is not None
            results += await try_miner(
                driver.driver_class, target, dict(args.set), may_write=may_write
            )
        for other in drivers.pools:
            account = _account(args, other.driver_class)
            results += await try_pool(other.driver_class, target, account)
    print(report(results))
    return 1 if any(result.outcome is Outcome.FAILED for result in results) else 0


async def index(args: Namespace) -> int:
    """Build, sign and check a driver index."""
    return await INDEX_COMMANDS[args.index_command](args)


def report_blocking(args: Namespace, err: Blocked) -> None:
    """Say that a driver blocks, which has ended the command."""
    if args.command == "conformance":
        detail = f"{err}\nThe other checks wait until that is done."
        blocking = Result(
            check="blocking",
            means="no call blocks the thread of the driver",
            outcome=Outcome.FAILED,
            detail=detail,
        )
        print(report([blocking]))
    else:
        print(f"script/driver: {err}", file=sys.stderr)


async def example(args: Namespace) -> int:
    """Run the miner and the pool that the templates are for, until Ctrl-C."""
    async with (
        SimulatedExampleMiner(port=args.port) as miner,
        SimulatedExamplePool(port=args.port and args.port + 1) as other,
    ):
        print(f"Example One   http://{miner.host}:{miner.port}/api/status")
        print(f"Example Pool  http://{other.host}:{other.port}/api/btc/network")
        print(f"              account {EXAMPLE_WALLET}\n")
        print("Ctrl-C ends them. With copies of the templates, in another terminal:")
        print(
            f"  script/driver watch {miner.host}:{miner.port} --driver acme_driver.py\n"
            f"  script/driver pool acme_pool_driver.py --username {EXAMPLE_WALLET}"
            f" --set api_base=http://{other.host}:{other.port}/api",
            flush=True,
        )
        await asyncio.Event().wait()
    return 0


def _require_address(target: Target) -> None:
    if target.session is not None:
        msg = "This needs a device. For a session there are replay and conformance"
        raise ToolError(msg)


def _account(
    args: Namespace, driver_class: type[BasePoolIntegration]
) -> dict[str, Any]:
    """Return the account as the pool checks take it. Raises ToolError: no coin."""
    coins = driver_class.supports_coins
    coin = args.coin or (coins[0] if len(coins) == 1 else None)
    if coin is None:
        raise ToolError(f"Which coin? --coin {' or '.join(coins) or 'BTC'}")
    return {
        "url": args.url,
        "port": args.port,
        "coin": coin,
        "username": args.username,
        "settings": dict(args.set),
    }


def _titles(session: Session) -> list[str]:
    return [
        f"{item.method} {item.target} -> {item.status}, {len(item.received)} bytes"
        if isinstance(item, HttpExchange)
        else f"{item.sent.decode('utf-8', 'replace')} -> {len(item.received)} bytes"
        for item in session.exchanges
    ]
