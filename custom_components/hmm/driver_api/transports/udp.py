"""What devices broadcast on UDP: one shared listener per port.

Only one socket can count on getting a port, so that all drivers and the
discovery share it. Nothing is ever sent.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address
import logging
import socket
import time
from typing import Any, override
from weakref import WeakKeyDictionary

from custom_components.hmm.driver_api.errors import CannotConnect
from custom_components.hmm.driver_api.transports.json_text import load_json

_LOGGER = logging.getLogger(__name__)

MAX_PACKET = 4096
"""Bytes; the packets of known devices have about 400."""
_GAPS = 5
"""From how many gaps the rhythm of a device follows."""
MAX_SENDERS = 256
"""How many senders are remembered; the one silent for longest goes first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """The last packet of one device.

    ``data`` has its keys in lower case: firmwares disagree on "IP" and "ip".
    """

    device: str
    """Its ``ip`` as it says itself, else the address that the packet came from."""
    address: str
    """The address that the packet came from."""
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


type Subscriber = Callable[[Packet], None]


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
        self._users = 0
        self._opening: asyncio.Lock = asyncio.Lock()
        self._transport: asyncio.DatagramTransport | None = None
        # In the order of arrival, the longest silent first.
        self._packets: dict[str, Packet] = {}
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
        for ports in self._listeners.values():
            if ports.get(self.port) is self:
                del ports[self.port]

    @property
    def packets(self) -> tuple[Packet, ...]:
        """Return the last packet of every device, the newest last."""
        return tuple(self._packets.values())

    def find(self, host: str) -> Packet | None:
        """Return the last packet of the device at an address, None if unheard.

        What a device says of itself counts more than where a packet came from:
        one address can be that of a relay for many.
        """
        if (packet := self._packets.get(host)) is not None:
            return packet
        return next(
            (it for it in reversed(self._packets.values()) if it.address == host),
            None,
        )

    async def wait_for(self, host: str, timeout: float) -> Packet | None:
        """Return the next packet of a device, None if it is silent so long."""
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
        """Call back with the first packet of every new sender.

        Those that are known already are told at once. Returns the function
        that ends the subscription.
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
        if (content := _decode(data)) is None:
            # Never its content: it may be another device's settings.
            _LOGGER.debug("Dropped an unreadable packet of %s bytes", len(data))
            return
        said = content.get("ip")
        device = said.strip() if isinstance(said, str) else ""
        if not _is_device_address(device):
            device = address
        now = time.monotonic()
        known = self._packets.pop(device, None)
        gaps = () if known is None else (*known.gaps, now - known.received)
        packet = Packet(
            device=device,
            address=address,
            data=content,
            received=now,
            gaps=gaps[-_GAPS:],
        )
        self._packets[device] = packet
        if len(self._packets) > MAX_SENDERS:
            del self._packets[next(iter(self._packets))]
        for host, future in self._waiting:
            if host in (device, address) and not future.done():
                future.set_result(packet)
        if known is None:
            for subscriber in tuple(self._subscribers):
                subscriber(packet)

    @override
    def error_received(self, exc: Exception) -> None:
        """Ignore what the network reports of others."""

    async def _open(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            sock = _bind(self.port)
        except OSError as err:
            raise CannotConnect(
                f"UDP port {self.port} is used by another program"
            ) from err
        transport, _ = await loop.create_datagram_endpoint(lambda: self, sock=sock)
        if self._users == 0:
            transport.close()
        else:
            self._transport = transport


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


def _is_device_address(text: str) -> bool:
    """Return whether a device may be asked there; anybody can send a packet."""
    try:
        address = IPv4Address(text)
    except ValueError:
        return False
    return not (address.is_unspecified or address.is_multicast)


def _decode(data: bytes) -> dict[str, Any] | None:
    if len(data) > MAX_PACKET:
        return None
    try:
        # C programs send the NUL that ends their text, and names in any encoding.
        text = data.rstrip(b"\0").decode(errors="replace")
        content = load_json(text)
    except ValueError:
        return None
    if not isinstance(content, dict):
        return None
    return {key.strip().lower(): value for key, value in content.items()}
