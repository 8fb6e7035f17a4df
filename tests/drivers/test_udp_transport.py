"""The shared listener for broadcasts."""

import asyncio
import json
import logging
import socket
import time

import pytest

from custom_components.hmm.driver_api import CannotConnect
from custom_components.hmm.driver_api.transports import udp
from custom_components.hmm.driver_api.transports.udp import BroadcastListener, Packet

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
def port() -> int:
    """Return a UDP port that is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        found: int = sock.getsockname()[1]
        return found


def send(port: int, data: object, source: str = "127.0.0.1") -> None:
    """Send a packet, JSON unless it is bytes."""
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.sendto(raw, ("127.0.0.1", port))


async def test_one_socket_for_all_users(port: int) -> None:
    """The second user gets the same listener; the last one closes it."""
    first = await BroadcastListener.acquire(port)
    second = await BroadcastListener.acquire(port)
    assert first is second
    first.release()
    send(port, {"IP": "10.0.0.1"})
    assert await second.wait_for("10.0.0.1", 5) is not None
    second.release()
    third = await BroadcastListener.acquire(port)
    assert third is not first
    assert third.packets == ()
    third.release()


async def test_users_that_come_at_once(port: int) -> None:
    """Two that open a port at the same time share it, too."""
    listeners = await asyncio.gather(
        *(BroadcastListener.acquire(port) for _ in range(3))
    )
    assert len(set(map(id, listeners))) == 1
    for listener in listeners:
        listener.release()


async def test_keys_address_and_time(port: int) -> None:
    """Keys are in lower case, the time is monotonic, content is not in repr."""
    listener = await BroadcastListener.acquire(port)
    before = time.monotonic()
    send(port, {"IP": " 10.0.0.1 ", "HashRate": "1K", "Secret": "hunter2"})
    packet = await listener.wait_for("10.0.0.1", 5)
    assert packet is not None
    assert packet.data["hashrate"] == "1K"
    assert (packet.device, packet.address) == ("10.0.0.1", "127.0.0.1")
    assert before <= packet.received <= time.monotonic()
    assert "hunter2" not in repr(packet)
    listener.release()


async def test_a_packet_of_a_c_program(port: int) -> None:
    """The NUL that ends a text, and a name that is no UTF-8, do no harm."""
    listener = await BroadcastListener.acquire(port)
    send(port, b'{"ip": "10.0.0.3", "BoardType": "caf\xe9", "Valid": 1}\0\0')
    packet = await listener.wait_for("10.0.0.3", 5)
    assert packet is not None
    assert packet.data["valid"] == 1
    listener.release()


@pytest.mark.parametrize("content", [{}, {"ip": ""}, {"ip": 7}, {"IP": "0.0.0.0"}])
async def test_the_source_address_stands_in(
    port: int, content: dict[str, object]
) -> None:
    """A packet that does not say its address has that of its sender."""
    listener = await BroadcastListener.acquire(port)
    send(port, content)
    packet = await listener.wait_for("127.0.0.1", 5)
    assert packet is not None
    assert packet.device == "127.0.0.1"
    listener.release()


async def test_find_prefers_what_a_device_says(port: int) -> None:
    """Of many behind one address, the named one is found; else the newest."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"ip": "127.0.0.1", "n": 1})
    await listener.wait_for("127.0.0.1", 5)
    send(port, {"ip": "10.0.0.2", "n": 2})
    await listener.wait_for("10.0.0.2", 5)
    own = listener.find("127.0.0.1")
    other = listener.find("10.0.0.2")
    assert own is not None and own.data["n"] == 1
    assert other is not None and other.data["n"] == 2
    assert listener.find("10.0.0.3") is None
    listener.release()


async def test_find_by_source(port: int) -> None:
    """A device that is behind a relay is found by the relay's address."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"ip": "10.0.0.2", "n": 2})
    await listener.wait_for("10.0.0.2", 5)
    found = listener.find("127.0.0.1")
    assert found is not None and found.data["n"] == 2
    listener.release()


async def test_malformed_packets(port: int, caplog: pytest.LogCaptureFixture) -> None:
    """They are dropped, and what they hold is not logged."""
    caplog.set_level(logging.DEBUG)
    listener = await BroadcastListener.acquire(port)
    for raw in (
        b"",
        b"\xff\xfehunter2",
        b'{"ip": "hunter2',
        b"[1]",
        b'"hunter2"',
        b"[" * 4000,
        b'{"ip":"10.0.0.9","x":"' + b"hunter2" * 800 + b'"}',
    ):
        send(port, raw)
    send(port, {"ip": "10.0.0.1"})
    assert await listener.wait_for("10.0.0.1", 5) is not None
    assert [packet.device for packet in listener.packets] == ["10.0.0.1"]
    assert "Dropped" in caplog.text
    assert "hunter2" not in caplog.text
    listener.release()


async def test_the_number_of_senders_is_capped(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender that was silent for longest is forgotten."""
    monkeypatch.setattr(udp, "MAX_SENDERS", 2)
    listener = await BroadcastListener.acquire(port)
    for device in ("10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.3"):
        send(port, {"ip": device})
        await listener.wait_for(device, 5)
    assert [packet.device for packet in listener.packets] == ["10.0.0.1", "10.0.0.3"]
    listener.release()


async def test_a_silent_device(port: int) -> None:
    """Waiting ends; other devices do not count."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"ip": "10.0.0.1"})
    assert await listener.wait_for("10.0.0.2", 0.2) is None
    listener.release()


async def test_subscribers_hear_of_new_senders_once(port: int) -> None:
    """Known ones at once, new ones with their first packet, none after the end."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"ip": "10.0.0.1"})
    await listener.wait_for("10.0.0.1", 5)
    heard: list[Packet] = []
    unsubscribe = listener.subscribe(heard.append)
    for device in ("10.0.0.1", "10.0.0.2", "10.0.0.2"):
        send(port, {"ip": device})
        await listener.wait_for(device, 5)
    assert [packet.device for packet in heard] == ["10.0.0.1", "10.0.0.2"]
    unsubscribe()
    unsubscribe()
    send(port, {"ip": "10.0.0.3"})
    await listener.wait_for("10.0.0.3", 5)
    assert len(heard) == 2
    listener.release()


async def test_another_program_owns_the_port(port: int) -> None:
    """That is told, and the next try works once the port is free."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as owner:
        owner.bind(("127.0.0.1", port))
        with pytest.raises(CannotConnect, match=str(port)):
            await BroadcastListener.acquire(port)
    listener = await BroadcastListener.acquire(port)
    listener.release()


async def test_another_program_shares_the_port(port: int) -> None:
    """One that is as polite does not stop us."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("", port))
        listener = await BroadcastListener.acquire(port)
        listener.release()


@pytest.mark.parametrize("said", ["evil.example", "0.0.0.0", "239.1.2.3", "", 7])
async def test_an_address_that_cannot_be_the_devices(port: int, said: object) -> None:
    """Anybody can send a packet: it makes nobody ask a host of its choice."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"IP": said})
    packet = await listener.wait_for("127.0.0.1", 5)
    assert packet is not None
    assert packet.device == "127.0.0.1"
    listener.release()
