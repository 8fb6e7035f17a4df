"""What devices broadcast on UDP: one shared listener per port.

Only one socket can count on getting a port, so that all drivers and the
discovery share it. Nothing is ever sent.

Anyone on the network can send a packet. So a sender is one of a home network, what it
states of its address never counts more than what comes from there, and however many
packets come, those that are read and those that are kept are limited.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
import logging
import socket
import time
from typing import Any, override
from weakref import WeakKeyDictionary

from custom_components.hmm.driver_api.addresses import is_home_address
from custom_components.hmm.driver_api.errors import CannotConnect
from custom_components.hmm.driver_api.transports.json_text import load_json
from custom_components.hmm.driver_api.transports.recording import (
    Answer,
    current_recording,
)

_LOGGER = logging.getLogger(__name__)

MAX_PACKET = 4096
"""Bytes; the packets of known devices have about 400."""
_GAPS = 5
"""From how many gaps the rhythm of a device follows."""
MAX_FIELDS = 64
"""Fields of a packet; a known device has 16."""
MAX_TEXT = 255
"""Characters of a text in a packet."""
MAX_SENDERS = 256
"""How many senders that no driver requests are remembered; the one silent for longest
goes first. A sender that a driver requests has a place of its own."""

_WANTED_SECONDS = 600.0
"""For how long a sender keeps its place after a driver requested it."""
_OWN_SECONDS = 120.0
"""For how long what a device sent counts more than what others send in its name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The last packet of one device.

    ``data`` has texts, numbers and booleans, and None for what is nested. Its keys are
    in lower case: firmwares disagree on "IP" and "ip".
    """

    address: str
    """The address that the packet came from: the only one that may be queried."""
    device: str
    """The address that it states, else the one that it came from."""
    data: Mapping[str, Any] = field(repr=False)
    received: float
    """``time.monotonic()`` of the arrival."""
    gaps: tuple[float, ...] = ()
    """Seconds between its last packets, the newest last."""

    @property
    def rhythm(self) -> float | None:
        """Return the seconds from one packet to the next, None while too few came.

        The second longest of the last gaps: one lost packet does not change it,
        nor do packets that arrive twice.
        """
        return sorted(self.gaps)[-2] if len(self.gaps) >= 2 else None

    @property
    def age(self) -> float:
        """Return the seconds since the packet arrived."""
        return time.monotonic() - self.received

    def rank(self, host: str) -> int:
        """Return how much it counts for a host, 0 if not at all.

        Most of all what the host itself sent, then what a relay sent for it, then
        what it relayed for others.
        """
        return 2 * (self.device == host) + (self.address == host)


type Subscriber = Callable[[Packet], None]


class Budget:
    """Allows so many things a second, and a burst of as many as were saved up."""

    def __init__(self, rate: float, burst: int) -> None:
        """Begin with all that can be saved up."""
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._since = time.monotonic()

    def take(self) -> bool:
        """Return whether one more is allowed now, and count it."""
        now = time.monotonic()
        self._left = min(self._burst, self._left + (now - self._since) * self._rate)
        self._since = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


@dataclass(slots=True)
class _Wanted:
    """A sender that a driver requests."""

    requested_at: float
    packet: Packet | None = None
    budget: Budget = field(default_factory=lambda: Budget(50, 100))

    def hear(self, host: str, packet: Packet) -> bool:
        """Keep a packet unless it is another's, or counts less than the last one."""
        rank, last = packet.rank(host), self.packet
        if not rank or (
            last is not None
            and rank < last.rank(host)
            and packet.received - last.received < _OWN_SECONDS
        ):
            return False
        self.packet = packet
        return True


class BroadcastListener(asyncio.DatagramProtocol):
    """Remembers the last packet of every device that broadcasts on a port.

    Get it with ``acquire`` and give it back with ``release``, once each; the
    socket closes with the last user.
    """

    _listeners: WeakKeyDictionary[
        asyncio.AbstractEventLoop, dict[int, BroadcastListener]
    ] = WeakKeyDictionary()

    def __init__(self, port: int) -> None:
        """Prepare; use ``acquire`` instead."""
        self.port = port
        self.opened = 0.0
        """Since when it listens, by the monotonic clock."""
        self._users = 0
        self._siblings: dict[int, BroadcastListener] = {}
        self._opening: asyncio.Lock = asyncio.Lock()
        self._transport: asyncio.DatagramTransport | None = None
        self._wanted: dict[str, _Wanted] = {}
        # In the order of arrival, the longest silent first.
        self._others: dict[tuple[str, str], Packet] = {}
        self._budget = Budget(100, 300)
        self._subscribers: list[Subscriber] = []
        self._waiting: list[tuple[str, asyncio.Future[Packet]]] = []

    @classmethod
    async def acquire(cls, port: int) -> BroadcastListener:
        """Return the listener of a port in the running loop, opened.

        Raises ``CannotConnect`` when another program owns the port.
        """
        loop = asyncio.get_running_loop()
        ports = cls._listeners.setdefault(loop, {})
        listener = ports.get(port)
        if listener is None:
            listener = ports[port] = cls(port)
            listener._siblings = ports
        listener._users += 1
        try:
            async with listener._opening:
                if listener._transport is None:
                    await listener._open(loop)
        except BaseException:
            listener.release()
            raise
        return listener

    def release(self) -> None:
        """Give the listener back."""
        self._users -= 1
        if self._users > 0:
            return
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        # Not all of all loops: another thread may change those meanwhile
        if self._siblings.get(self.port) is self:
            del self._siblings[self.port]

    @property
    def packets(self) -> tuple[Packet, ...]:
        """Return the last packet of every device, the newest last."""
        packets = {
            (packet.address, packet.device): packet
            for packet in (
                *self._others.values(),
                *(
                    wanted.packet
                    for wanted in self._wanted.values()
                    if wanted.packet is not None
                ),
            )
        }
        return tuple(sorted(packets.values(), key=lambda packet: packet.received))

    def find(self, host: str) -> Packet | None:
        """Return the last packet of the device at an IPv4 address, None if unheard.

        A relay may send for many: what states the address counts more than what came
        from there, and what does both most of all. A requested device is not
        forgotten, however many others send.
        """
        now = time.monotonic()
        if (wanted := self._wanted.get(host)) is None:
            for other, sender in tuple(self._wanted.items()):
                if now - sender.requested_at > _WANTED_SECONDS:
                    del self._wanted[other]
            wanted = self._wanted[host] = _Wanted(now)
            for key, packet in tuple(self._others.items()):
                wanted.hear(host, packet)
                if packet.device == host:
                    del self._others[key]
        wanted.requested_at = now
        if wanted.packet is not None and (recording := current_recording()) is not None:
            recording.note(f"udp {host}", Answer(b"", broadcast=wanted.packet))
        return wanted.packet

    async def wait_for(self, host: str, timeout: float) -> Packet | None:
        """Return the next packet of a device, None if it is silent so long."""
        self.find(host)
        future: asyncio.Future[Packet] = asyncio.get_running_loop().create_future()
        entry = (host, future)
        self._waiting.append(entry)
        try:
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            return None
        finally:
            self._waiting.remove(entry)

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call back with every packet that is read, and now with those known already.

        Returns the function that ends the subscription.
        """
        self._subscribers.append(subscriber)
        for packet in self.packets:
            subscriber(packet)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._subscribers.remove(subscriber)

        return unsubscribe

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Remember a packet; one that makes no sense is dropped."""
        address = str(addr[0])
        if len(data) > MAX_PACKET or not is_home_address(address, loopback=True):
            return
        wanted = self._wanted.get(address)
        if not (self._budget if wanted is None else wanted.budget).take():
            return
        if (content := _decode(data)) is None:
            # Never its content: it may be another device's settings.
            _LOGGER.debug("Dropped an unreadable packet of %s bytes", len(data))
            return
        stated = content.get("ip")
        device = stated.strip() if isinstance(stated, str) else ""
        if not is_home_address(device, loopback=address.startswith("127.")):
            device = address
        now = time.monotonic()
        last = self._last(address, device)
        gaps = () if last is None else (*last.gaps, now - last.received)
        packet = Packet(
            address=address,
            device=device,
            data=content,
            received=now,
            gaps=gaps[-_GAPS:],
        )
        for host in {address, device} & self._wanted.keys():
            if self._wanted[host].hear(host, packet):
                self._wake(host, packet)
        if device not in self._wanted:
            self._others.pop((address, device), None)
            self._others[address, device] = packet
            if len(self._others) > MAX_SENDERS:
                del self._others[next(iter(self._others))]
        for subscriber in tuple(self._subscribers):
            subscriber(packet)

    def _last(self, address: str, device: str) -> Packet | None:
        """Return the last packet of a device from the same sender."""
        if (wanted := self._wanted.get(device)) is None:
            return self._others.get((address, device))
        last = wanted.packet
        return last if last is not None and last.address == address else None

    def _wake(self, host: str, packet: Packet) -> None:
        for wanted, future in self._waiting:
            if wanted == host and not future.done():
                future.set_result(packet)

    @override
    def error_received(self, exc: Exception) -> None:
        """Ignore what the network reports of others."""

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            sock = _bind(self.port)
        except OSError as err:
            raise CannotConnect(
                f"UDP port {self.port} is used by another program",
                reason="port_in_use",
                port=self.port,
            ) from err
        transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        if self._users == 0:
            transport.close()
        else:
            self._transport = transport
            self.opened = time.monotonic()


def _bind(port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        # Both: which of the two lets another program listen as well depends
        # on the system. Each gets its own copy of a broadcast.
        for name in ("SO_REUSEADDR", "SO_REUSEPORT"):
            if (option := getattr(socket, name, None)) is not None:
                sock.setsockopt(socket.SOL_SOCKET, option, 1)
        sock.setblocking(False)
        sock.bind(("", port))
    except BaseException:
        sock.close()
        raise
    return sock


def _decode(data: bytes) -> dict[str, Any] | None:
    try:
        # C programs send the NUL that ends their text, and names in any encoding.
        text = data.rstrip(b"\0").decode(errors="replace")
        content = load_json(text)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    return {
        key[:MAX_TEXT].strip().lower(): _plain(value)
        for key, value in islice(content.items(), MAX_FIELDS)
    }


def _plain(value: Any) -> str | float | None:
    if isinstance(value, str):
        return value[:MAX_TEXT]
    return value if isinstance(value, int | float) else None
