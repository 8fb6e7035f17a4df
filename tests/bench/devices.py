"""Simulated Bitaxes in a process of their own, whose ports it prints as JSON.

python -m tests.bench.devices 100
"""

import asyncio
from contextlib import AsyncExitStack
import json
import sys

from simulator import SimulatedAxeOS


async def _run(count: int) -> None:
    async with AsyncExitStack() as stack:
        devices = [
            await stack.enter_async_context(SimulatedAxeOS(name=f"bench-{number}"))
            for number in range(count)
        ]
        print(json.dumps([(device.port, device.mac) for device in devices]), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_run(int(sys.argv[1])))
