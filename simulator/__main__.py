"""Command line: run simulated miners and pools until Ctrl-C or SIGTERM."""

import argparse
import asyncio
from collections.abc import Sequence
import errno
import logging
import signal
import sys

from .control import ControlPanel
from .fleet import (
    CONTROL_OFFSET,
    DEMO_PORT_BASE,
    NMMINER_PORT,
    PORT_BASE,
    Fleet,
    catalogue,
    how_to_add,
)

EXAMPLES = """examples:
  python -m simulator demo
  python -m simulator bitaxe-gamma@2.15 nerdqaxe++@1.0.36:8083 avalon-q nmminer
  python -m simulator --list
"""


def parser() -> argparse.ArgumentParser:
    """Make the parser of the command line."""
    made = argparse.ArgumentParser(
        prog="python -m simulator",
        description="Fake miners and pools that speak the real protocols.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "specs",
        nargs="*",
        metavar="model[@release][:port]",
        help='the devices to run, or "demo"',
    )
    made.add_argument("--list", action="store_true", help="show what there is")
    made.add_argument("--host", default="127.0.0.1", help="address to listen on")
    made.add_argument(
        "--port-base",
        type=int,
        metavar="N",
        help=f"devices listen on N+1, N+2, … (default {PORT_BASE}); the ports of the"
        f" demo move by the difference to {DEMO_PORT_BASE}",
    )
    made.add_argument(
        "--control-port",
        type=int,
        metavar="N",
        help=f"port of the control panel (default: port base + {CONTROL_OFFSET};"
        " 0: none)",
    )
    made.add_argument(
        "--nmminer-target",
        type=address,
        default=("127.0.0.1", NMMINER_PORT),
        metavar="HOST:PORT",
        help=f"where NMMiners send to (default 127.0.0.1:{NMMINER_PORT})",
    )
    made.add_argument(
        "--speed", type=float, default=1.0, help="let time run this much faster"
    )
    made.add_argument("--verbose", action="store_true", help="log what happens")
    return made


def address(text: str) -> tuple[str, int]:
    """Read HOST:PORT. Raises ValueError."""
    host, separator, port = text.rpartition(":")
    if not separator:
        raise ValueError(text)
    return host, int(port)


async def run(options: argparse.Namespace) -> None:
    """Run the fleet until a signal comes. Raises OSError, ValueError."""
    common = {
        "host": options.host,
        "speed": options.speed,
        "nmminer_target": options.nmminer_target,
    }
    port_base = options.port_base
    if options.specs == ["demo"]:
        port_base = DEMO_PORT_BASE if port_base is None else port_base
        fleet = Fleet.demo(shift=port_base - DEMO_PORT_BASE, **common)
    else:
        port_base = PORT_BASE if port_base is None else port_base
        fleet = Fleet.from_specs(options.specs, port_base=port_base, **common)
    control_port = options.control_port
    if control_port is None:
        control_port = port_base + CONTROL_OFFSET
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with fleet:
        width = max(len(device.name) for device in fleet)
        for device in fleet:
            print(f"{device.name:{width}}  {how_to_add(device)}", flush=True)
        if control_port == 0:
            await stop.wait()
            return
        async with ControlPanel(fleet, host=options.host, port=control_port) as panel:
            print(f"{'control':{width}}  {panel.url}", flush=True)
            await stop.wait()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    made = parser()
    options = made.parse_args(arguments)
    if options.list:
        for model, releases in catalogue():
            print(f"{model:20} {' '.join(releases)}".rstrip())
        return 0
    if not options.specs:
        made.error('name some devices, or "demo"; --list shows what there is')
    logging.basicConfig(level=logging.DEBUG if options.verbose else logging.WARNING)
    try:
        asyncio.run(run(options))
    except (OSError, ValueError) as err:
        print(f"{made.prog}: {err}", file=sys.stderr)
        if isinstance(err, OSError) and err.errno == errno.EADDRINUSE:
            print(
                "Take other ports with --port-base for the devices, and with"
                " --control-port for the control panel",
                file=sys.stderr,
            )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
