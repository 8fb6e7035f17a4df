"""How long it takes to look for miners in a /24 without any.

    .venv/bin/python -m tests.bench.scan

In a network namespace of its own (Linux; ``unshare`` and ``ip``): in one network all
hosts refuse the connection, in the other none says anything.
"""

import asyncio
from ipaddress import IPv4Network
import os
from pathlib import Path
import subprocess
import sys
import tempfile
import time

import aiohttp

from custom_components.hmm.driver_api import DriverContext
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.driver_engine.scan import hosts_of, scan

REFUSES, SILENT = IPv4Network("10.9.1.0/24"), IPv4Network("10.9.2.0/24")
_INSIDE = "--inside"


def _make_networks() -> None:
    for command in (
        "link set lo up",
        f"route add local {REFUSES} dev lo",
        # Nobody is at the other end of this cable
        "link add dev silent0 type veth peer name silent1",
        f"addr add {SILENT[1]}/24 dev silent0",
        "link set dev silent0 up",
        "link set dev silent1 up",
    ):
        subprocess.run(["ip", *command.split()], check=True)


async def _scan() -> None:
    with tempfile.TemporaryDirectory() as folder:
        drivers = list(load_drivers(Path(folder)).miners.values())
    print("| 254 hosts | Time | CPU |", "|---|---|---|", sep="\n")
    async with aiohttp.ClientSession() as session:
        context = DriverContext(session=session, options={})
        for name, network in (("refuse", REFUSES), ("are silent", SILENT)):
            begun, cpu = time.perf_counter(), time.process_time()
            assert not await scan(hosts_of([network]), drivers, context, set())
            seconds = time.perf_counter() - begun
            cpu = time.process_time() - cpu
            print(f"| {name} | {seconds:.2f} s | {cpu:.2f} s |")


def main() -> None:
    """Scan both networks, in a namespace that has nothing else."""
    if _INSIDE in sys.argv:
        _make_networks()
        asyncio.run(_scan())
        return
    user = [] if os.getuid() == 0 else ["--map-root-user"]
    again = [sys.executable, "-m", "tests.bench.scan", _INSIDE]
    subprocess.run(["unshare", *user, "--net", *again], check=True)


if __name__ == "__main__":
    main()
