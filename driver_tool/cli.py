"""The commands: what they take, and what they print."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
import logging
import os
from pathlib import Path
import sys
from typing import Any

from custom_components.hmm.driver_engine.driver_index import LARGEST_NUMBER

from . import ToolError, commands
from .recorder import POLLS
from .show import show_error
from .watchdog import Blocked, Watchdog

EXAMPLES = """examples:
  script/driver example
  script/driver validate acme_driver.py
  script/driver probe 192.168.1.50 --driver acme_driver.py
  script/driver watch 192.168.1.50 --driver acme_driver.py
  script/driver pool acme_driver.py --coin BTC --username bc1q... --set api_base=https://pool.example/api
  script/driver record 192.168.1.50 --driver acme_driver.py -o acme.json
  script/driver replay acme.json --driver acme_driver.py
  script/driver conformance acme_driver.py --against acme.json
  script/driver index build my-drivers

Wherever an ADDRESS is wanted, simulator:bitaxe-gamma@2.15 runs that simulated device
(python -m simulator --list shows all). A DRIVER is a file, or the type of a driver that
comes with HMM. More is in docs/drivers/tool.md.
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="script/driver",
        description="Write, try and test a driver for HMM.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument("--debug", action="store_true", help="show what is logged")
    kinds = made.add_subparsers(dest="command", required=True, metavar="COMMAND")

    validate = kinds.add_parser("validate", help="look for mistakes in a file")
    validate.add_argument("file", type=Path, nargs="+", help="a driver or a pool file")

    probe = kinds.add_parser("probe", help="ask every driver whether it knows a device")
    probe.add_argument("address", help="host, host:port or simulator:MODEL")
    probe.add_argument("--driver", metavar="DRIVER", help="a file to ask as well")
    _settings(probe)

    watch = kinds.add_parser("watch", help="show what a driver reads, again and again")
    watch.add_argument("address", help="host, host:port or simulator:MODEL")
    _driver(watch)
    watch.add_argument(
        "--interval",
        type=_within("seconds", float, 0.1, 86_400.0),
        default=30.0,
        metavar="S",
        help="seconds between two polls (30, as in Home Assistant)",
    )
    watch.add_argument("--once", action="store_true", help="one poll, then end")
    _settings(watch)

    pool = kinds.add_parser("pool", help="show the tiles of an account at a pool")
    pool.add_argument(
        "driver", metavar="DRIVER", help="a file, or the type of a driver"
    )
    pool.add_argument(
        "address", nargs="?", help="simulator:MODEL, which {address} stands for then"
    )
    _account(pool)

    record = kinds.add_parser(
        "record", help="write down what a driver and its device say, without secrets"
    )
    record.add_argument("address", help="host, host:port, URL or simulator:MODEL")
    _driver(record)
    record.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="session.json"
    )
    record.add_argument(
        "--polls",
        type=_within("polls", int, 1, 10_000),
        default=POLLS,
        metavar="N",
        help="how many (3)",
    )
    _account(record)

    replay = kinds.add_parser("replay", help="run a driver against a recorded session")
    replay.add_argument("session", help="what record has written")
    _driver(replay)
    replay.add_argument(
        "--serve",
        type=_port,
        metavar="PORT",
        help="only play the device, on this port, until Ctrl-C",
    )
    _account(replay)

    conformance = kinds.add_parser(
        "conformance", help="test whether a driver keeps the contract"
    )
    conformance.add_argument(
        "driver", metavar="DRIVER", help="a file, or the type of a driver"
    )
    conformance.add_argument(
        "--against",
        required=True,
        metavar="TARGET",
        help="an address, a session.json or simulator:MODEL",
    )
    conformance.add_argument(
        "--write",
        action="store_true",
        help="also test what changes the device (always done with a simulated one)",
    )
    _account(conformance)

    example = kinds.add_parser(
        "example", help="run the miner and the pool that the templates are for"
    )
    example.add_argument(
        "--port",
        type=_port,
        default=18181,
        help="of the miner; the pool has the next one",
    )

    _index(kinds.add_parser("index", help="build, sign and check a driver index"))
    return made


def _index(index: argparse.ArgumentParser) -> None:
    kinds = index.add_subparsers(dest="index_command", required=True, metavar="COMMAND")

    new = kinds.add_parser("new", help="make a folder with an example")
    new.add_argument("folder", type=Path)

    key = kinds.add_parser("key", help="make a secret key")
    key.add_argument("file", type=Path)

    build = kinds.add_parser("build", help="check all drivers of a folder, list them")
    build.add_argument("folder", type=Path, help="the one with index.yaml")
    build.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="FOLDER/index.json"
    )
    build.add_argument(
        "--serial",
        type=_within("serial", int, 1, LARGEST_NUMBER),
        metavar="N",
        help="the number of this release (one more than in FILE)",
    )

    sign = kinds.add_parser("sign", help="sign an index")
    sign.add_argument("file", type=Path, help="index.json")
    sign.add_argument(
        "--key", type=Path, metavar="FILE", help="else the key is in HMM_INDEX_KEY"
    )

    check = kinds.add_parser("check", help="read an index as HMM does, with its files")
    check.add_argument("index", help="index.json, or its address")


def _driver(kind: argparse.ArgumentParser) -> None:
    kind.add_argument(
        "--driver",
        required=True,
        metavar="DRIVER",
        help="a file, or the type of a driver that comes with HMM",
    )


def _settings(kind: argparse.ArgumentParser) -> None:
    kind.add_argument(
        "--set",
        action="append",
        default=[],
        type=setting,
        metavar="KEY=VALUE",
        help="an option of the miner (admin_password=...) or a setting of the pool",
    )


def _account(kind: argparse.ArgumentParser) -> None:
    kind.add_argument("--url", help="the stratum host of a pool")
    kind.add_argument("--port", type=_port, help="the stratum port of a pool")
    kind.add_argument("--coin", help="the symbol of its coin")
    kind.add_argument("--username", help="the wallet or user at the pool")
    _settings(kind)


def setting(text: str) -> tuple[str, Any]:
    """Read KEY=VALUE; numbers, true and false as such. Raises ArgumentTypeError."""
    key, equals, value = text.partition("=")
    if not key or not equals:
        msg = f"{text!r} is not KEY=VALUE"
        raise argparse.ArgumentTypeError(msg)
    if value in ("true", "false"):
        return key, value == "true"
    return key, int(value) if value.isdecimal() and not value.startswith("0") else value


def _within[T: (int, float)](
    name: str, kind: Callable[[str], T], low: T, high: T
) -> Callable[[str], T]:
    """Return what reads a number; argparse calls it by its name in errors."""

    def read(text: str) -> T:
        if not low <= (number := kind(text)) <= high:
            raise ValueError(text)
        return number

    read.__name__ = name
    return read


_port = _within("port", int, 0, 65_535)
"""0 is any that is free."""


def run(arguments: Sequence[str]) -> int:
    """Run one command; returns the exit status: 1 is a mistake that was found."""
    args = parser().parse_args(arguments)
    if args.debug:
        logging.basicConfig(level=logging.DEBUG)
    else:
        logging.basicConfig(handlers=[logging.NullHandler()])
    command: Callable[[argparse.Namespace], Awaitable[int]] = getattr(
        commands, args.command
    )
    try:
        with Watchdog() as dog:
            status = asyncio.run(_call(command, args, dog))
        sys.stdout.flush()
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The output was closed: the rest is discarded without an error
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Blocked as err:
        commands.report_blocking(args, err)
        return 1
    except (ToolError, OSError, OverflowError) as err:
        print(f"script/driver: {err}", file=sys.stderr)
        return 2
    # An author's driver may raise anything, wherever it is queried
    except (Exception, SystemExit) as err:  # noqa: BLE001
        print(f"script/driver: {show_error(err)}", file=sys.stderr)
        return 2
    return status


async def _call(
    command: Callable[[argparse.Namespace], Awaitable[int]],
    args: argparse.Namespace,
    dog: Watchdog,
) -> int:
    if (task := asyncio.current_task()) is not None:
        dog.follow(task)
    return await command(args)
