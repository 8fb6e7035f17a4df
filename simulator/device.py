"""The base of every simulated device: its power plug, its counters, its faults."""

from abc import ABC, abstractmethod
import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
import hashlib
import logging
import socket
import struct
from typing import Any, ClassVar, Self, override

from .physics import Miner

_LOGGER = logging.getLogger(__name__)


class Fault(StrEnum):
    """What can be wrong with a device that is switched on."""

    SLOW = "slow"
    """Answers after `slow_seconds`."""
    SILENT = "silent"
    """Accepts connections and never answers."""
    RESET = "reset"
    """Resets a connection at the first request."""
    GARBAGE = "garbage"
    """Answers bytes that mean nothing in its protocol."""
    HALF = "half"
    """Sends half an answer, then closes."""
    HTML = "html"
    """Answers any request with 200 and a web page (HTTP devices)."""
    REDIRECT = "redirect"
    """Answers any request with 302 to "/" (HTTP devices)."""
    WRONG_MAC = "wrong_mac"
    """Reports another MAC: another device got this address."""


@dataclass(slots=True)
class Counters:
    """What reached the device, so that a test can say what a poll costs."""

    requests: int = 0
    connections: int = 0
    """Accepted TCP connections."""
    by_path: Counter[str] = field(default_factory=Counter)
    """Requests by "GET /path" (HTTP) or by command (Avalon)."""

    def count(self, what: str) -> None:
        """Count one request."""
        self.requests += 1
        self.by_path[what] += 1

    def reset(self) -> None:
        """Start again at zero."""
        self.requests = self.connections = 0
        self.by_path.clear()


class SimulatedDevice(ABC):
    """One device on one address.

    `port` 0 takes a free port, which stays the device's own until `stop()`. An
    `async with` block starts and stops it. Every subclass says how it listens
    (`_open`, `_close`) and may react to `_booted`.

    Attributes for tests: `fault`, `fault_left` (how many responses the fault still
    spoils; None: all), `rewrite` (what becomes of the body of an answer or of a
    broadcast before it is sent; see `override`), `slow_seconds`, `reboot_seconds` (how long it
    refuses connections while it reboots), `restart_delay` (how long it still
    answers after a restart command), `counters`, `miner`.
    """

    kind: ClassVar[str] = "device"
    """Short name of the family, the first part of a fleet specification."""

    def __init__(
        self,
        *,
        name: str,
        host: str = "127.0.0.1",
        port: int = 0,
        mac: str | None = None,
        serial: str | None = None,
        miner: Miner | None = None,
        reboot_seconds: float = 10.0,
        restart_delay: float = 1.0,
    ) -> None:
        """Make a device that is not plugged in yet.

        Without `mac` and `serial` both follow from `name`, so that a fleet has
        the same identities in every run.
        """
        digest = hashlib.sha256(name.encode()).hexdigest().upper()
        self.name = name
        self.host = host
        self.port = port
        tail = ":".join((digest[:2], digest[2:4], digest[4:6]))
        self._mac = mac or f"24:58:7C:{tail}"
        self.serial = serial or digest[6:22]
        self.miner = miner
        self.fault: Fault | None = None
        self.rewrite: Callable[[bytes], bytes] | None = None
        self.fault_left: int | None = None
        self.slow_seconds = 5.0
        self.reboot_seconds = reboot_seconds
        self.restart_delay = restart_delay
        self.counters = Counters()
        self.boots = 0
        self._online = False
        self._reboot: asyncio.Task[None] | None = None

    # --- who it is ----------------------------------------------------------

    @property
    def mac(self) -> str:
        """The MAC that it reports: a false one under Fault.WRONG_MAC."""
        if self.fault is Fault.WRONG_MAC:
            return self._mac[:-2] + f"{int(self._mac[-2:], 16) ^ 0xFF:02X}"
        return self._mac

    @property
    def online(self) -> bool:
        """Whether it listens."""
        return self._online

    @property
    def rebooting(self) -> bool:
        """Whether it is restarting and not back yet."""
        return self._reboot is not None and not self._reboot.done()

    def rewritten(self, body: bytes) -> bytes:
        """Return what is sent in the place of a body."""
        return body if self.rewrite is None else self.rewrite(body)

    # --- the plug -----------------------------------------------------------

    async def start(self) -> None:
        """Plug it in; returns when it answers. Raises OSError: the port is taken."""
        await self.plug_in()

    async def stop(self) -> None:
        """Switch it off for good and give its port back."""
        await self.unplug()

    async def unplug(self) -> None:
        """Pull the plug: listener and connections vanish, as the mains does it."""
        task, self._reboot = self._reboot, None
        if task is not None and task is not asyncio.current_task():
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._power_down()

    async def plug_in(self) -> None:
        """Give it power again, on the same port and with an uptime from 0."""
        if self._online:
            return
        if self._reboot is not None and self._reboot is not asyncio.current_task():
            # The plug beats a reboot that is under way.
            await self.unplug()
        await self._open()
        self._online = True
        self.boots += 1
        if self.miner is not None:
            self.miner.boot()
        self._booted()
        _LOGGER.debug("%s is up on %s:%s", self.name, self.host, self.port)

    async def reboot(self, seconds: float | None = None) -> None:
        """Refuse connections for `seconds` (`reboot_seconds`), then be back."""
        await self._power_down()
        await asyncio.sleep(self.reboot_seconds if seconds is None else seconds)
        await self.plug_in()

    def schedule_reboot(self) -> None:
        """Restart `restart_delay` seconds from now, as a firmware does it itself."""
        if self.rebooting:
            return
        self._reboot = asyncio.create_task(self._reboot_later())

    async def wait_ready(self) -> None:
        """Wait for the end of a commanded reboot."""
        if self._reboot is not None:
            await asyncio.shield(self._reboot)

    async def __aenter__(self) -> Self:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *error: object) -> None:
        """Stop."""
        await self.stop()

    # --- what happens to a miner --------------------------------------------

    def overheat(self) -> None:
        """Get too hot; what follows is the firmware's business."""
        if self.miner is not None:
            self.miner.heat_to(95.0)

    def find_block(self) -> None:
        """Find a block."""
        if self.miner is not None:
            self.miner.find_block()

    def state(self) -> dict[str, Any]:
        """How it stands, for tests and the control panel: plain JSON values.

        H/s, W, °C, MHz, mV, s. Subclasses add their own keys.
        """
        state: dict[str, Any] = {
            "name": self.name,
            "kind": self.kind,
            "host": self.host,
            "port": self.port,
            "mac": self._mac,
            "online": self._online,
            "rebooting": self.rebooting,
            "fault": self.fault.value if self.fault else None,
            "requests": self.counters.requests,
            "connections": self.counters.connections,
        }
        if self.miner is not None:
            reading = self.miner.read()
            state |= {
                "frequency": self.miner.frequency,
                "voltage": self.miner.voltage,
                "hashing": self.miner.hashing and self._online,
                "hashrate": reading.hashrate,
                "power": reading.power,
                "temperature": reading.temperature,
                "fan": reading.fan,
                "uptime": reading.uptime if self._online else None,
                "accepted": reading.accepted,
                "rejected": reading.rejected,
                "best": reading.best_ever,
                "blocks": reading.blocks_ever,
            }
        return state

    # --- for subclasses -----------------------------------------------------

    @abstractmethod
    async def _open(self) -> None:
        """Listen; set `self.port` to the real one."""

    @abstractmethod
    async def _close(self) -> None:
        """Stop listening and drop every connection."""

    def _booted(self) -> None:
        """React to a boot: settings that take effect at a restart do so here."""

    async def _power_down(self) -> None:
        if not self._online:
            return
        self._online = False
        if self.miner is not None:
            self.miner.power_off()
        await self._close()

    async def _reboot_later(self) -> None:
        await asyncio.sleep(self.restart_delay)
        await self.reboot()


class TcpDevice(SimulatedDevice):
    """A device that serves TCP connections, `_serve()` each.

    `max_sockets` is how many connections the firmware serves at a time (None: as
    many as come). A connection over that waits unserved until another one closes,
    or, with `lru_purge`, throws out the one that was quiet for longest.
    `garbage` is what it sends under Fault.GARBAGE, `limit` how many bytes a line or
    the head of a message may have.
    """

    max_sockets: int | None = None
    lru_purge: bool = False
    limit: int = 65_536

    def __init__(self, *, name: str, **options: Any) -> None:
        """Take the options of SimulatedDevice."""
        super().__init__(name=name, **options)
        self.garbage = b"\xff\xfe\x00garbage\x80{]" * 3
        self._server: asyncio.Server | None = None
        self._reservation: socket.socket | None = None
        self._writers: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        # The connections that are served, the quietest first.
        self._active: dict[asyncio.StreamWriter, asyncio.StreamReader] = {}
        self._slots: asyncio.Semaphore | None = None

    @override
    async def stop(self) -> None:
        await super().stop()
        if self._reservation is not None:
            self._reservation.close()
            self._reservation = None

    @property
    def open_connections(self) -> int:
        """How many connections are open, served or waiting."""
        return len(self._writers)

    @abstractmethod
    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Talk to one client until it or the device is done."""

    def _touch(self, writer: asyncio.StreamWriter) -> None:
        """Note that this connection was used just now (for `lru_purge`)."""
        if (reader := self._active.pop(writer, None)) is not None:
            self._active[writer] = reader

    async def _deliver(self, writer: asyncio.StreamWriter, answer: bytes) -> bool:
        """Send an answer, or what the fault makes of it; False: close the connection."""
        kept = await self._deliver_faulty(writer, answer)
        if self.fault is not None and self.fault_left is not None:
            self.fault_left -= 1
            if self.fault_left <= 0:
                self.fault = self.fault_left = None
        return kept

    async def _deliver_faulty(
        self, writer: asyncio.StreamWriter, answer: bytes
    ) -> bool:
        """Send an answer the way the fault wants it; False: close the connection.

        HTML, REDIRECT and WRONG_MAC change what is said, not how it is sent, so
        they are left to the protocol.
        """
        match self.fault:
            case Fault.SLOW:
                await asyncio.sleep(self.slow_seconds)
            case Fault.SILENT:
                # Until the client gives up or the fault is lifted.
                while self.fault is Fault.SILENT and not self._is_disconnected(writer):
                    await asyncio.sleep(0.05)
                return False
            case Fault.RESET:
                self._abort(writer)
                return False
            case Fault.GARBAGE:
                answer = self.garbage
            case Fault.HALF:
                answer = answer[: max(1, len(answer) // 2)]
        writer.write(answer)
        with suppress(ConnectionError):
            await writer.drain()
        return self.fault not in (Fault.GARBAGE, Fault.HALF)

    def _is_disconnected(self, writer: asyncio.StreamWriter) -> bool:
        """Return whether the client closed this connection."""
        reader = self._active.get(writer)
        return reader is None or reader.at_eof() or writer.is_closing()

    @staticmethod
    def _abort(writer: asyncio.StreamWriter) -> None:
        """Close with a TCP reset instead of a FIN."""
        sock = writer.get_extra_info("socket")
        if sock is not None:
            linger = struct.pack("ii", 1, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    @override
    async def _open(self) -> None:
        if self.port == 0:
            # Bound but never listening: nothing else gets the port while the
            # device is off, and connecting to it is refused.
            reservation = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reservation.bind((self.host, 0))
            self._reservation = reservation
            self.port = reservation.getsockname()[1]
        if self.max_sockets is not None:
            self._slots = asyncio.Semaphore(self.max_sockets)
        self._server = await asyncio.start_server(
            self._accept,
            self.host,
            self.port,
            limit=self.limit,
            reuse_address=True,
            reuse_port=self._reservation is not None or None,
        )

    @override
    async def _close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        tasks = [task for task in self._writers if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        for writer in list(self._writers.values()):
            writer.transport.abort()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.counters.connections += 1
        if self._server is not None and not self._server.is_serving():
            # It came while this was closed, which would wait for its end
            writer.transport.abort()
            return
        task = asyncio.ensure_future(self._guarded(reader, writer))
        self._writers[task] = writer
        task.add_done_callback(lambda done: self._writers.pop(done, None))

    async def _guarded(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            await self._admit(reader, writer)
        except ConnectionError, asyncio.IncompleteReadError, TimeoutError:
            pass  # the client went away
        except Exception:
            _LOGGER.exception("%s failed to serve a client", self.name)
        finally:
            writer.close()

    async def _admit(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self._slots is None:
            await self._serve_counted(reader, writer)
            return
        if self.lru_purge and self._slots.locked() and self._active:
            # Its own task ends by the closed connection and frees the slot.
            quietest = next(iter(self._active))
            del self._active[quietest]
            quietest.transport.abort()
        async with self._slots:
            await self._serve_counted(reader, writer)

    async def _serve_counted(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._active[writer] = reader
        try:
            await self._serve(reader, writer)
        finally:
            self._active.pop(writer, None)
