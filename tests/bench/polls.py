"""Count what one poll costs each kind of miner, and its driver.

    .venv/bin/python -m tests.bench.polls

Requests and connections are counted by the simulated device. CPU time is that
of this process, simulator included on both sides, as a ratio to a bare GET and
JSON parse of the same answer: single times mean nothing on a shared machine.
"""

import asyncio
from contextlib import AsyncExitStack
import json
import resource
import socket

import aiohttp

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.miner_drivers.nerdqaxe_driver import NerdqaxeDriver
from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from custom_components.hmm.driver_api import BaseMinerAdapter, DriverContext
from custom_components.hmm.driver_engine.client import MinerClient
from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.device import SimulatedDevice

POLLS = 100


def _devices(
    udp_port: int,
) -> list[tuple[str, SimulatedDevice, type[BaseMinerAdapter]]]:
    return [
        ("Bitaxe, AxeOS 2.15", SimulatedAxeOS(generation="2.15"), BitaxeDriver),
        ("Bitaxe, AxeOS 2.5", SimulatedAxeOS(generation="2.5"), BitaxeDriver),
        ("NerdQAxe++ 1.0.36", SimulatedNerdQAxe(generation="1.0.36"), NerdqaxeDriver),
        ("NerdQAxe++ 1.0.31", SimulatedNerdQAxe(generation="1.0.31"), NerdqaxeDriver),
        ("Avalon Nano 3", SimulatedAvalon(model="nano3"), AvalonNanoDriver),
        ("Avalon Nano 3S", SimulatedAvalon(model="nano3s"), AvalonNanoDriver),
        ("Avalon Q", SimulatedAvalon(model="q"), AvalonNanoDriver),
        (
            "NMMiner, UDP",
            SimulatedNMMiner(target=("127.0.0.1", udp_port), interval=0.5),
            NMMinerDriver,
        ),
        (
            "NMMiner, HTTP v2",
            SimulatedNMMiner(version="v2.0.03", udp=False, http=True),
            NMMinerDriver,
        ),
    ]


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def _floor(session: aiohttp.ClientSession, port: int) -> float:
    """Return CPU seconds of as many bare requests to an AxeOS device."""
    start = _cpu()
    for _ in range(POLLS):
        async with session.get(f"http://127.0.0.1:{port}/api/system/info") as answer:
            json.loads(await answer.read())
    return _cpu() - start


async def main() -> None:
    """Poll each device and print a table."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        udp_port = int(probe.getsockname()[1])
    connector = aiohttp.TCPConnector(keepalive_timeout=90)
    print(f"{'device':22} {'requests':>9} {'connections':>12} {'CPU ratio':>10}")
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(connector=connector)
        )
        context = DriverContext(session=session, options={})
        for name, device, driver in _devices(udp_port):
            async with device:
                port = udp_port if name == "NMMiner, UDP" else device.port
                client = MinerClient(driver, context, "127.0.0.1", port)
                await client.poll()
                requests = device.counters.requests
                connections = device.counters.connections
                start = _cpu()
                for _ in range(POLLS):
                    await client.poll()
                cpu = _cpu() - start
                requests = device.counters.requests - requests
                connections = device.counters.connections - connections
                ratio = "-"
                if isinstance(device, SimulatedAxeOS):
                    ratio = f"{cpu / await _floor(session, device.port):.2f}"
                print(
                    f"{name:22} {requests / POLLS:9.2f} {connections / POLLS:12.2f}"
                    f" {ratio:>10}"
                )
                await client.close()


if __name__ == "__main__":
    asyncio.run(main())
