"""What a fleet costs Home Assistant: HMM beside the smallest integration and a bare client.

    .venv/bin/python -m tests.bench.fleet 10 100 --seconds 60

A real Home Assistant with its recorder and default integrations, in a process for each
measurement; the simulated Bitaxes are in another one. Times are of CPU where it says so;
only ratios within one run mean anything on a shared machine.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass
import json
import logging
from pathlib import Path
import subprocess
import sys
import tempfile
import time
from types import MappingProxyType
from typing import Any

import aiohttp

ROOT = Path(__file__).parents[2]
INTERVAL = 30.0
IDLE = "nothing"
KINDS = (IDLE, "client", "smallest", "hmm")


@dataclass(kw_only=True)
class Measured:
    """What one process measured. Seconds, MB, counts."""

    kind: str
    miners: int
    ready: float = 0.0
    ready_cpu: float = 0.0
    ready_lag: float = 0.0
    cpu: float = 0.0
    seconds: float = 0.0
    lag_p99: float = 0.0
    lag_max: float = 0.0
    memory: float = 0.0
    entities: int = 0


class Lag:
    """How late the event loop is, looked at every 10 ms."""

    def __init__(self) -> None:
        """Begin to look."""
        self._late: list[float] = []
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            due = time.perf_counter() + 0.01
            await asyncio.sleep(0.01)
            self._late.append(max(0.0, time.perf_counter() - due))

    def take(self) -> tuple[float, float]:
        """Return the 99th percentile and the most since it was asked last."""
        late, self._late = sorted(self._late), []
        return (late[int(len(late) * 0.99)], late[-1]) if late else (0.0, 0.0)

    def stop(self) -> None:
        """End."""
        self._task.cancel()


def _memory() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


@asynccontextmanager
async def _home_assistant(folder: Path) -> AsyncIterator[Any]:
    from homeassistant import bootstrap, core, loader

    hass = core.HomeAssistant(str(folder))
    loader.async_setup(hass)
    hass.config.skip_pip = True
    database = f"sqlite:///{folder / 'home-assistant_v2.db'}"
    config = {"homeassistant": {}, "recorder": {"db_url": database}}
    assert await bootstrap.async_from_config_dict(config, hass) is not None
    await hass.async_start()
    await hass.async_block_till_done()
    try:
        yield hass
    finally:
        await hass.async_stop(force=True)


def _entry(kind: str, number: int, port: int, mac: str) -> Any:
    from homeassistant.config_entries import ConfigEntry

    data: dict[str, Any] = {"host": "127.0.0.1", "port": port}
    if kind == "hmm":
        data |= {"entry_type": "miner", "driver": "bitaxe"}
    return ConfigEntry(
        data=data,
        discovery_keys=MappingProxyType({}),
        domain=kind,
        minor_version=1,
        options={},
        source="user",
        subentries_data=(),
        title=f"Bench {number}",
        unique_id=mac.lower(),
        version=1,
    )


def _ready(hass: Any, miners: int) -> bool:
    """Return whether each miner shows a hashrate."""
    shown = sum(
        state.state not in ("unavailable", "unknown")
        for state in hass.states.async_all("sensor")
        if state.entity_id.startswith("sensor.bench_")
        and state.entity_id.endswith("_hashrate")
    )
    return shown >= miners


async def _until_ready(hass: Any, miners: int) -> None:
    async with asyncio.timeout(300):
        while not _ready(hass, miners):
            await asyncio.sleep(0.02)


async def _measure_home_assistant(
    kind: str, devices: list[tuple[int, str]], seconds: float, folder: Path
) -> Measured:
    found = Measured(kind=kind, miners=len(devices))
    async with _home_assistant(folder) as hass:
        before = _memory()
        lag = Lag()
        if kind != IDLE:
            begun, cpu = time.perf_counter(), time.process_time()
            entries = [
                _entry(kind, number, port, mac)
                for number, (port, mac) in enumerate(devices)
            ]
            await asyncio.gather(*map(hass.config_entries.async_add, entries))
            await _until_ready(hass, len(devices))
            found.ready = time.perf_counter() - begun
            found.ready_cpu = time.process_time() - cpu
            found.ready_lag = lag.take()[1]
            await hass.async_block_till_done()
            await asyncio.sleep(INTERVAL)  # What a start leaves to be done later
        found.memory = _memory() - before
        lag.take()
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        found.cpu = time.process_time() - cpu
        found.seconds = time.perf_counter() - begun
        found.lag_p99, found.lag_max = lag.take()
        lag.stop()
        found.entities = len(hass.states.async_all())
    return found


async def _measure_client(devices: list[tuple[int, str]], seconds: float) -> Measured:
    """Poll with a bare client at the pace of the integrations."""
    found = Measured(kind="client", miners=len(devices))
    async with aiohttp.ClientSession() as session:

        async def poll(number: int, port: int) -> None:
            await asyncio.sleep(INTERVAL * number / len(devices))
            while True:
                url = f"http://127.0.0.1:{port}/api/system/info"
                async with session.get(url) as response:
                    json.loads(await response.text())
                await asyncio.sleep(INTERVAL)

        tasks = [
            asyncio.create_task(poll(number, port))
            for number, (port, _) in enumerate(devices)
        ]
        await asyncio.sleep(INTERVAL)
        begun, cpu = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        found.cpu = time.process_time() - cpu
        found.seconds = time.perf_counter() - begun
        for task in tasks:
            task.cancel()
    return found


def _measure(kind: str, devices: list[tuple[int, str]], seconds: float) -> Measured:
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as name:
        if kind == "client":
            return asyncio.run(_measure_client(devices, seconds))
        folder = Path(name)
        components = folder / "custom_components"
        components.mkdir()
        # Home Assistant is to find these, not those of the checkout
        (components / "__init__.py").touch()
        sys.path.insert(0, name)
        if kind == "smallest":
            (components / kind).symlink_to(Path(__file__).parent / kind)
        elif kind == "hmm":
            (components / kind).symlink_to(ROOT / "custom_components" / kind)
        return asyncio.run(_measure_home_assistant(kind, devices, seconds, folder))


@contextmanager
def _simulated(count: int) -> Iterator[str]:
    """Run simulated devices; gives their ports and MACs as JSON."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.devices", str(count)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        yield process.stdout.readline()
    finally:
        process.stdin.close()
        process.wait(30)


def _report(results: list[Measured]) -> str:
    idle = next(it.cpu / it.seconds for it in results if it.kind == IDLE)
    heads = (
        *("Miners", "", "CPU per poll", "Set-up", "its CPU", "longest block then"),
        *("Lag p99 / max", "MB per miner"),
    )
    lines = [
        f"| {' | '.join(heads)} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for it in results:
        if it.kind == IDLE:
            continue
        polls = it.miners * it.seconds / INTERVAL
        base = 0.0 if it.kind == "client" else idle * it.seconds
        cells = [str(it.miners), it.kind, f"{1000 * (it.cpu - base) / polls:.2f} ms"]
        if it.kind == "client":
            cells += [""] * 5
        else:
            cells += [
                f"{it.ready:.1f} s",
                f"{it.ready_cpu:.1f} s",
                f"{1000 * it.ready_lag:.0f} ms",
                f"{1000 * it.lag_p99:.1f} / {1000 * it.lag_max:.0f} ms",
                f"{it.memory / it.miners:.2f}",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print, or do one measurement for another process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("miners", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kind:
        measured = _measure(
            options.kind, json.loads(sys.stdin.read() or "[]"), options.seconds
        )
        print(json.dumps(asdict(measured)))
        return
    results: list[Measured] = []
    for count in (0, *options.miners):
        with _simulated(count) as devices:
            for kind in KINDS[1:] if count else (IDLE,):
                done = subprocess.run(
                    [
                        *(sys.executable, "-m", "tests.bench.fleet", str(count)),
                        *("--seconds", str(options.seconds), "--kind", kind),
                    ],
                    cwd=ROOT,
                    input=devices,
                    stdout=subprocess.PIPE,
                    text=True,
                    check=True,
                )
                results.append(Measured(**json.loads(done.stdout.splitlines()[-1])))
                print(results[-1], flush=True)
    print(_report(results))


if __name__ == "__main__":
    main()
