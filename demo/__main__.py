"""Command line of the demo; script/demo calls it."""

import argparse
import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack, closing
from dataclasses import asdict, dataclass
import errno
import fcntl
import json
import math
from pathlib import Path
import secrets
import shutil
import signal
import socket
import sys
from typing import IO, Self

import aiohttp

from simulator.fleet import DEMO_CONTROL_PORT, DEMO_PORT_BASE, NMMINER_PORT, Fleet
from simulator.nmminer import SimulatedNMMiner
from simulator.stratum import SimulatedStratum

from .config_folder import CHECKOUT, prepare
from .dashboard import create_dashboard
from .devices import Device, read_devices
from .energy import set_up_energy
from .entries import add_miner, add_pool
from .errors import DemoError
from .history import Past, go_on, write_past
from .home_assistant import RESTART_STATUS, Client, HomeAssistant
from .output import fail, say
from .pools import demo_pools
from .price import add_strategy, set_price
from .process import Program
from .sums import write_sums

DEFAULT_PORT = 8123
LOCAL = "127.0.0.1"
USERNAME = "demo"
SIMULATOR_SECONDS = 30
_DATABASE = "home-assistant_v2.db"


@dataclass(slots=True)
class State:
    """What the demo remembers from one run to the next."""

    password: str
    sim_shift: int
    ready: bool = False
    """Whether everything has been set up once."""

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Return what was written, None if there is nothing."""
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return None
        except TypeError, ValueError:
            raise DemoError(
                f"{path} cannot be understood.\nBegin afresh with --fresh."
            ) from None

    def write(self, path: Path) -> None:
        """Keep it; it holds a password."""
        path.touch(mode=0o600)
        path.write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")


class Demo:
    """One run of the demo."""

    def __init__(self, options: argparse.Namespace) -> None:
        """Prepare."""
        self.port: int = options.port
        self.host: str = options.host
        self.folder: Path = options.folder.resolve()
        self.fresh: bool = options.fresh
        self.shift: int = options.sim_shift
        self.devices = list(Fleet.demo(shift=self.shift))
        self.pools = dict(demo_pools(self.devices, self.shift))
        self.panel = f"http://{LOCAL}:{DEMO_CONTROL_PORT + self.shift}/"

    @property
    def _config(self) -> Path:
        return self.folder / "config"

    async def run(self) -> None:
        """Run until Home Assistant ends or the task is cancelled. Raises DemoError."""
        async with AsyncExitStack() as stack:
            self.folder.mkdir(parents=True, exist_ok=True)
            stack.enter_context(closing(_lock(self.folder)))
            # Before anything is kept: what never started must not decide the next ports
            self._check_ports()
            state = self._state()
            stack.callback(say, "Stopped")
            simulator = self._simulator()
            stack.push_async_callback(simulator.stop)
            say("Starting the simulated miners")
            await self._start_simulator(simulator)
            say("Starting Home Assistant")
            server = self._home_assistant()
            stack.push_async_callback(server.stop)
            stack.callback(say, "Stopping")
            await server.start()
            if not state.ready:
                async with Client(server.url) as client:
                    await client.create_owner("Demo", USERNAME, state.password)
                    await client.log_in()
                    await server.wait_until_running(client)
                    devices, past = await self._set_up(client)
                # It would wait for those who are still connected
                await server.stop()
                await asyncio.to_thread(self._continue, devices, past)
                await server.start()
                state.ready = True
                state.write(self.folder / "demo.json")
            async with Client(server.url) as client:
                await client.log_in()
                await server.wait_until_running(client)
            self._announce(state)
            await self._watch(server, simulator)

    def _state(self) -> State:
        """Return what is known from before, or begin."""
        path = self.folder / "demo.json"
        if self.fresh:
            say("Forgetting what was changed in the demo before")
            path.unlink(missing_ok=True)
            shutil.rmtree(self.folder / "config", ignore_errors=True)
        if (state := State.read(path)) is None:
            state = State(password=secrets.token_urlsafe(9), sim_shift=self.shift)
            state.write(path)
        if state.sim_shift != self.shift:
            raise DemoError(
                f"This demo was set up with --sim-shift {state.sim_shift}."
                "\nUse the same, or begin afresh with --fresh."
            )
        return state

    def _check_ports(self) -> None:
        """Raise DemoError if a port is taken, before anything has started."""
        if _is_taken(self.port, self.host):
            raise DemoError(
                f"Port {self.port} is in use, by another Home Assistant perhaps."
                f"\nStop that, or use another port: script/demo --port {self.port + 1}"
            )
        ports = [device.port for device in self.devices if device.port]
        taken = [
            port for port in [*ports, DEMO_CONTROL_PORT + self.shift] if _is_taken(port)
        ]
        if taken:
            raise DemoError(
                "These ports of the simulated devices are in use:"
                f" {', '.join(str(port) for port in taken)}."
                "\nStop what uses them, by another demo perhaps, or use other ports:"
                f"\nscript/demo --fresh --sim-shift {self.shift + 100}"
            )

    def _simulator(self) -> Program:
        return Program(
            "The simulator",
            [
                *(sys.executable, "-m", "simulator", "demo"),
                *("--port-base", str(DEMO_PORT_BASE + self.shift)),
                *("--nmminer-target", f"{_broadcast_address()}:{NMMINER_PORT}"),
            ],
            self.folder / "simulator.log",
        )

    async def _start_simulator(self, simulator: Program) -> None:
        """Start it and wait for its control panel, which comes last."""
        await simulator.start(CHECKOUT)
        try:
            async with asyncio.timeout(SIMULATOR_SECONDS):
                while self.panel not in simulator.output():
                    if simulator.returncode is not None:
                        raise simulator.ended()
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise DemoError(
                f"The simulator has not started within {SIMULATOR_SECONDS} s."
                f"\nWhat it says is in {simulator.log}"
            ) from None

    def _home_assistant(self) -> HomeAssistant:
        config = self._config
        prepare(config, host=self.host, port=self.port)
        for pool in self.pools.values():
            pool.write_file(config / "hmm" / "pools")
        return HomeAssistant(
            Path(sys.executable), config, self.port, self.folder / "home-assistant.log"
        )

    async def _set_up(self, client: Client) -> tuple[list[Device], Past]:
        """Make the entries and the dashboard; return what there is, and its past."""
        for device in self.devices:
            if isinstance(device, SimulatedNMMiner) and not _may_listen(NMMINER_PORT):
                say(
                    f"Leaving out {device.name}: UDP port {NMMINER_PORT}, which it"
                    " broadcasts to, belongs to another program"
                )
                continue
            if isinstance(device, SimulatedStratum):
                continue  # It only is where the miners connect to
            say(f"Adding {device.name}")
            if (pool := self.pools.get(device.name)) is not None:
                await add_pool(client, pool.group, pool.region, pool.account)
            elif isinstance(device, SimulatedNMMiner):
                await _add_broadcasting(client, device)
            else:
                await add_miner(client, f"{device.host}:{device.port}")
        say("Telling what electricity costs")
        await set_price(client)
        say("Adding a strategy")
        await add_strategy(client)
        say("Making the dashboard")
        devices = await read_devices(client)
        await create_dashboard(client, self.panel)
        await set_up_energy(client, devices)
        say("Writing the week before")
        return devices, await write_past(client, devices, self._config / _DATABASE)

    def _continue(self, devices: list[Device], past: Past) -> None:
        """Let what counts go on from the past, while Home Assistant is stopped."""
        go_on(self._config / _DATABASE, past)
        write_sums(self._config / ".storage", past, devices)

    def _announce(self, state: State) -> None:
        say("Ready")
        where = "localhost" if self.host in ("0.0.0.0", LOCAL) else self.host
        lines = [
            f"Home Assistant   http://{where}:{self.port}",
            f"Pull a plug      {self.panel}",
        ]
        if self.host != LOCAL:
            lines.append(f"From elsewhere   user {USERNAME}, password {state.password}")
        lines += [
            "Stop             Ctrl-C",
            f"Its state        {self.folder} (script/demo --fresh begins afresh)",
        ]
        print("\n" + "\n".join(f"  {line}" for line in lines) + "\n", flush=True)

    async def _watch(self, server: HomeAssistant, simulator: Program) -> None:
        """Wait for what should not end; restart Home Assistant when it asks for it."""
        while True:
            waits = {
                asyncio.create_task(program.wait()): program
                for program in (server.program, simulator)
            }
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
            if server.program.returncode != RESTART_STATUS:
                break
            say("Restarting Home Assistant")
            await server.start()
            say("Home Assistant is back")
        if simulator.returncode is not None:
            raise simulator.ended()
        if server.program.returncode:
            raise server.program.ended()


async def _add_broadcasting(client: Client, device: SimulatedNMMiner) -> None:
    """Add a miner that only broadcasts: once Home Assistant has listened for a while.

    Raises DemoError.
    """
    tries = 1 + math.ceil(device.interval)
    for left in reversed(range(tries)):
        try:
            await add_miner(client, device.ip)
        except DemoError:
            if not left:
                raise
        else:
            return


def _lock(folder: Path) -> IO[str]:
    """Take the folder for this run. Raises DemoError: another run has it."""
    lock = (folder / "lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise DemoError(
            "The demo is running already, from the same folder."
            "\nStop it there with Ctrl-C first."
        ) from None
    return lock


def _may_listen(port: int) -> bool:
    """Return whether broadcasts can be received, beside Home Assistant itself."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
    return True


def _broadcast_address() -> str:
    """Return where every program on this machine hears what an NMMiner sends.

    Two Home Assistants may run here. Only Linux broadcasts within the machine;
    elsewhere one of the two hears it.
    """
    return "127.255.255.255" if sys.platform == "linux" else LOCAL


def _is_taken(port: int, host: str = LOCAL) -> bool:
    """Return whether something listens on a port. Raises DemoError: no such host."""
    with socket.socket() as probe:
        # As servers do: a port that was closed a moment ago is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except PermissionError:
            raise DemoError(
                f"Only root may listen on port {port}. Use one above 1023."
            ) from None
        except OSError as err:
            if err.errno == errno.EADDRINUSE:
                return True
            raise DemoError(f"Cannot listen on {host}: {err.strerror}") from None
    return False


def _port(text: str) -> int:
    """Read a port. Raises ValueError."""
    if not 0 < (port := int(text)) < 65536:
        raise ValueError(text)
    return port


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="script/demo", description=__doc__)
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT)
    parser.add_argument("--host", default=LOCAL)
    parser.add_argument("--fresh", action="store_true")
    parser.add_argument("--sim-shift", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=CHECKOUT / ".demo")
    return parser


async def _run(options: argparse.Namespace) -> None:
    """Run the demo until it ends or a signal comes."""
    demo = asyncio.create_task(Demo(options).run())
    loop = asyncio.get_running_loop()
    stopping = False

    def stop() -> None:
        nonlocal stopping
        if stopping:
            say("Still stopping, Home Assistant writes down what it knows")
            return
        stopping = True
        demo.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)
    try:
        await demo
    except asyncio.CancelledError:
        if not stopping:
            raise


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    try:
        asyncio.run(_run(options))
    except DemoError as err:
        fail(str(err))
    except (aiohttp.ClientError, TimeoutError) as err:
        log = options.folder / "home-assistant.log"
        fail(f"Home Assistant did not answer as it should: {err!r}\nSee {log}")
    except OSError as err:
        fail(f"{err}\nIs there space, and may you write to {options.folder}?")
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
