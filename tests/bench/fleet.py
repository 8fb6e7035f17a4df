"""What a fleet costs Home Assistant: HMM beside the smallest integration and a bare client.

    .venv/bin/python -m tests.bench.fleet 10 100 --seconds 60

A real Home Assistant with its recorder and default integrations, in a process for each
measurement; the simulated Bitaxes are in another one. Times are of CPU where it says so;
only ratios within one run mean anything on a shared machine.
"""

import argparse
import asyncio
from collections.abc import AsyncIterator, Iterator
import compileall
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import asdict, dataclass, field
import json
import logging
from pathlib import Path
import sqlite3
from statistics import median
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
class Effort:
    """What something took: s, s of CPU, and the longest block of the event loop in s.

    The recorder works in a thread of its own, also at what was there before.
    """

    seconds: float = 0.0
    cpu: float = 0.0
    loop: float = 0.0
    """CPU of the thread of the event loop."""
    block: float = 0.0

    def __str__(self) -> str:
        """Return it as cells of a table."""
        times = (f"{item:.2f} s" for item in (self.seconds, self.cpu, self.loop))
        return " | ".join((*times, f"{1000 * self.block:.0f} ms"))


@dataclass(kw_only=True)
class Measured:
    """What the processes of one measurement found. Seconds, MB, counts."""

    kind: str
    miners: int
    first: Effort = field(default_factory=Effort)
    """The first start."""
    again: Effort = field(default_factory=Effort)
    """A start with everything in Home Assistant's registries."""
    reload: Effort = field(default_factory=Effort)
    """Of one entry."""
    cpu: float = 0.0
    seconds: float = 0.0
    lag_p99: float = 0.0
    lag_max: float = 0.0
    memory: float = 0.0
    memory_again: float = 0.0
    """After the other start."""
    rows: int = 0
    entities: int = 0
    sum: float = 0.0
    """CPU of adding up the fleet once."""


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
async def _home_assistant(folder: Path, *, is_running: bool) -> AsyncIterator[Any]:
    from homeassistant import bootstrap, core, loader

    hass = core.HomeAssistant(str(folder))
    loader.async_setup(hass)
    hass.config.skip_pip = True
    database = f"sqlite:///{folder / 'home-assistant_v2.db'}"
    config = {"homeassistant": {}, "recorder": {"db_url": database}}
    assert await bootstrap.async_from_config_dict(config, hass) is not None
    if is_running:
        await hass.async_start()
    await hass.async_block_till_done()
    try:
        yield hass
    finally:
        await hass.async_stop(force=True)


def _add_entries(hass: Any, kind: str, devices: list[tuple[int, str]]) -> None:
    """Make the entries known as they are when Home Assistant has read its storage."""
    from homeassistant.config_entries import ConfigEntry

    for number, (port, mac) in enumerate(devices):
        data: dict[str, Any] = {"host": "127.0.0.1", "port": port}
        if kind == "hmm":
            data |= {"entry_type": "miner", "driver": "bitaxe"}
        entry_id = f"{number:032x}"
        hass.config_entries._entries[entry_id] = ConfigEntry(
            data=data,
            discovery_keys=MappingProxyType({}),
            domain=kind,
            entry_id=entry_id,
            minor_version=1,
            options={},
            source="user",
            subentries_data=(),
            title=f"Bench {number}",
            unique_id=mac.lower(),
            version=1,
        )


async def _until_ready(hass: Any, miners: int) -> None:
    """Wait until each miner shows a hashrate."""
    due = time.monotonic() + 300
    for number in range(miners):
        entity_id = f"sensor.bench_{number}_hashrate"
        while (state := hass.states.get(entity_id)) is None or state.state in (
            "unavailable",
            "unknown",
        ):
            if time.monotonic() > due:
                entry = hass.config_entries.async_get_entry(f"{number:032x}")
                sys.exit(f"{entity_id} is {state}; {entry.state}: {entry.reason}")
            await asyncio.sleep(0.02)


@asynccontextmanager
async def _effort(into: Effort, lag: Lag) -> AsyncIterator[None]:
    """Measure what is done inside."""
    lag.take()
    begun, cpu, loop = time.perf_counter(), time.process_time(), time.thread_time()
    yield
    into.seconds = time.perf_counter() - begun
    into.cpu = time.process_time() - cpu
    into.loop = time.thread_time() - loop
    await asyncio.sleep(0.02)
    into.block = lag.take()[1]


async def _clear_of_statistics(seconds: float) -> None:
    """Wait until the recorder has made its statistics of five minutes and makes no new."""
    since = time.time() % 300
    if since < 60 or since + seconds > 305:
        await asyncio.sleep((60 - since) % 300)


def _rows(folder: Path) -> int:
    """Return how many states are recorded."""
    path = folder / "home-assistant_v2.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        found: int = database.execute("SELECT COUNT(*) FROM states").fetchone()[0]
        return found


async def _cost_of_sum(hass: Any) -> float:
    """Return the CPU seconds of adding up the fleet once."""
    hub = next(
        entry.runtime_data
        for entry in hass.config_entries.async_entries("hmm")
        if entry.data["entry_type"] == "hub"
    )
    taken = []
    for _ in range(21):
        cpu = time.thread_time()
        await hub._async_update_data()
        taken.append(time.thread_time() - cpu)
    return median(taken)  # Without the collection of garbage


async def _measure_home_assistant(
    kind: str,
    devices: list[tuple[int, str]],
    seconds: float,
    folder: Path,
    known: Measured | None,
) -> Measured:
    """Measure a first start and what follows; or another start, if that is ``known``."""
    from homeassistant.setup import async_setup_component

    found = known or Measured(kind=kind, miners=len(devices))
    # Entries that are known are set up before Home Assistant has started, when its
    # recorder still waits
    async with _home_assistant(folder, is_running=known is None) as hass:
        before = _memory()
        lag = Lag()
        if kind != IDLE:
            _add_entries(hass, kind, devices)
            async with _effort(found.again if known else found.first, lag):
                await async_setup_component(hass, kind, {})
                await _until_ready(hass, len(devices))
            await hass.async_block_till_done()
        if known is not None:
            await hass.async_start()
        if known is None:
            await asyncio.sleep(3 * INTERVAL)  # What a start leaves to be done later
            found.memory = _memory() - before
            await _clear_of_statistics(seconds)
            lag.take()
            rows = _rows(folder)
            begun, cpu = time.perf_counter(), time.process_time()
            await asyncio.sleep(seconds)
            found.cpu = time.process_time() - cpu
            found.seconds = time.perf_counter() - begun
            found.lag_p99, found.lag_max = lag.take()
            found.rows = _rows(folder) - rows
            found.entities = len(hass.states.async_all())
            if kind != IDLE:
                async with _effort(found.reload, lag):
                    await hass.config_entries.async_reload(f"{0:032x}")
            if kind == "hmm":
                found.sum = await _cost_of_sum(hass)
        else:
            await asyncio.sleep(10)
            found.memory_again = _memory() - before
        lag.stop()
    # Else Home Assistant would set the entries up itself, before it is looked at
    (folder / ".storage" / "core.config_entries").unlink(missing_ok=True)
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


def _measure(
    kind: str,
    devices: list[tuple[int, str]],
    seconds: float,
    folder: Path,
    known: Measured | None,
) -> Measured:
    logging.disable(logging.CRITICAL)
    if kind == "client":
        return asyncio.run(_measure_client(devices, seconds))
    components = folder / "custom_components"
    components.mkdir(exist_ok=True)
    # Home Assistant is to find these, not those of the checkout
    (components / "__init__.py").touch()
    sys.path.insert(0, str(folder))
    if kind != IDLE and known is None:
        there = Path(__file__).parent
        if kind == "hmm":
            there = ROOT / "custom_components"
        (components / kind).symlink_to(there / kind)
    return asyncio.run(_measure_home_assistant(kind, devices, seconds, folder, known))


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
    idle = next(
        result.cpu / result.seconds for result in results if result.kind == IDLE
    )
    lines = [
        _line("Miners", "", "CPU per poll", "Lag p99 / max", "MB per miner", "Rows"),
        _line(*["---"] * 6),
    ]
    starts = [
        _line("Miners", "", "", "Time", "CPU", "of the loop", "Longest block"),
        _line(*["---"] * 7),
    ]
    least: dict[str, Measured] = {}
    for result in results:
        if result.kind == IDLE:
            continue
        fewer = least.setdefault(result.kind, result)
        polls = result.miners * result.seconds / INTERVAL
        base = 0.0 if result.kind == "client" else idle * result.seconds
        cells = [
            str(result.miners),
            result.kind,
            f"{1000 * (result.cpu - base) / polls:.2f} ms",
        ]
        if result.kind == "client":
            lines.append(_line(*cells, "", "", ""))
            continue
        lines.append(
            _line(
                *cells,
                f"{1000 * result.lag_p99:.1f} / {1000 * result.lag_max:.0f} ms",
                f"{result.memory / result.miners:.2f} / {result.memory_again / result.miners:.2f}",
                f"{result.rows / result.miners / result.seconds * 3600:.0f}",
            )
        )
        starts += [
            _line(str(result.miners), result.kind, "first start", str(result.first)),
            _line(str(result.miners), result.kind, "restart", str(result.again)),
            _line(str(result.miners), result.kind, "reload of one", str(result.reload)),
        ]
        if result.kind == "hmm":
            sums = f"{1e6 * result.sum / result.miners:.1f} µs of CPU per miner"
            starts.append(
                _line(str(result.miners), result.kind, "fleet's sums", sums, "", "", "")
            )
        if (further := result.miners - fewer.miners) > 0:
            # What is there once, such as the code, is in both
            more = (
                result.memory - fewer.memory,
                result.memory_again - fewer.memory_again,
            )
            each = (f"{memory / further:.2f} MB" for memory in more)
            starts.append(
                _line(
                    str(result.miners), result.kind, "each further miner", *each, "", ""
                )
            )
    return "\n".join((*lines, "", *starts))


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _as_measured(text: str) -> Measured:
    data: dict[str, Any] = json.loads(text)
    data |= {key: Effort(**data[key]) for key in ("first", "again", "reload")}
    return Measured(**data)


def _run(arguments: list[str], given: list[Any]) -> Measured:
    """Measure in another process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.fleet", *arguments],
        cwd=ROOT,
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return _as_measured(done.stdout.splitlines()[-1])


def main() -> None:
    """Measure and print, or do one measurement for another process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("miners", type=int, nargs="+")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", choices=KINDS[1:], help="measure nothing else")
    parser.add_argument("--kind", choices=KINDS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.kind:
        devices, known = json.load(sys.stdin)
        measured = _measure(
            options.kind,
            devices,
            options.seconds,
            options.folder,
            _as_measured(known) if known else None,
        )
        print(json.dumps(asdict(measured)))
        return
    # As Home Assistant has it from the second start on
    compileall.compile_dir(ROOT / "custom_components" / "hmm", quiet=2)
    results: list[Measured] = []
    wanted = [options.only] if options.only else KINDS[1:]
    for count in (0, *options.miners):
        with _simulated(count) as devices:
            for kind in wanted if count else (IDLE,):
                with tempfile.TemporaryDirectory() as folder:
                    arguments = [str(count), "--seconds", str(options.seconds)]
                    arguments += ["--kind", kind, "--folder", folder]
                    found = _run(arguments, [json.loads(devices), None])
                    if kind in ("smallest", "hmm"):
                        known = json.dumps(asdict(found))
                        found = _run(arguments, [json.loads(devices), known])
                results.append(found)
                print(found, flush=True)
    print(_report(results))


if __name__ == "__main__":
    main()
