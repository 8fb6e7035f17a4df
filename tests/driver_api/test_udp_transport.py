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
        result: int = sock.getsockname()[1]
        return result


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
    send(port, {})
    assert await second.wait_for("127.0.0.1", 5) is not None
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
    packet = await listener.wait_for("127.0.0.1", 5)
    assert packet is not None
    assert packet.data["hashrate"] == "1K"
    assert before <= packet.received <= time.monotonic()
    assert "hunter2" not in repr(packet)
    listener.release()


async def test_a_packet_of_a_c_program(port: int) -> None:
    """The NUL that ends a text, and a name that is no UTF-8, do no harm."""
    listener = await BroadcastListener.acquire(port)
    send(port, b'{"ip": "10.0.0.3", "BoardType": "caf\xe9", "Valid": 1}\0\0')
    packet = await listener.wait_for("127.0.0.1", 5)
    assert packet is not None
    assert packet.data["valid"] == 1
    listener.release()


@pytest.mark.parametrize(
    "stated",
    ["8.8.8.8", "169.254.169.254", "239.1.2.3", "evil.example", "0.0.0.0", "", 7, None],
)
async def test_an_address_that_cannot_be_the_devices(port: int, stated: object) -> None:
    """A packet that states no address of a home has that of its sender."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"IP": stated, "n": 1}, "127.0.0.2")
    packet = await listener.wait_for("127.0.0.2", 5)
    assert packet is not None
    assert packet.address == packet.device == "127.0.0.2"
    assert listener.packets == (packet,)
    assert listener.find(str(stated)) is None
    listener.release()


async def test_loopback_is_this_machine_only(port: int) -> None:
    """Another one cannot state it."""
    listener = await BroadcastListener.acquire(port)
    listener.datagram_received(b'{"ip": "127.0.0.1"}', ("192.168.1.66", port))
    assert [packet.device for packet in listener.packets] == ["192.168.1.66"]
    listener.release()


async def test_a_relay_sends_for_many(port: int) -> None:
    """Each device is found by the address that it states, the relay by its own."""
    listener = await BroadcastListener.acquire(port)
    for number in (2, 3):
        send(port, {"ip": f"10.0.0.{number}", "n": number})
        await listener.wait_for("127.0.0.1", 5)
    for number in (2, 3):
        result = listener.find(f"10.0.0.{number}")
        assert result is not None and result.data["n"] == number
        assert result.address == "127.0.0.1"
    assert listener.find("10.0.0.4") is None
    send(port, {"ip": "127.0.0.1", "n": 1})
    await listener.wait_for("127.0.0.1", 5)
    send(port, {"ip": "10.0.0.2", "n": 4})
    result = await listener.wait_for("10.0.0.2", 5)
    assert result is not None and result.data["n"] == 4
    own = listener.find("127.0.0.1")
    assert own is not None and own.data["n"] == 1
    listener.release()


async def test_nobody_speaks_for_a_device_that_speaks(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a device sends itself counts, whatever another sends in its name."""
    listener = await BroadcastListener.acquire(port)
    send(port, {"ip": "127.0.0.2", "n": 1}, "127.0.0.2")
    await listener.wait_for("127.0.0.2", 5)
    send(port, {"ip": "127.0.0.2", "n": 2}, "127.0.0.3")
    await listener.wait_for("127.0.0.3", 5)
    result = listener.find("127.0.0.2")
    assert result is not None and result.data["n"] == 1
    # Unless it fell silent: a relay may have come between
    monkeypatch.setattr(udp, "_OWN_SECONDS", 0)
    send(port, {"ip": "127.0.0.2", "n": 3}, "127.0.0.3")
    await listener.wait_for("127.0.0.3", 5)
    result = listener.find("127.0.0.2")
    assert result is not None and result.data["n"] == 3
    listener.release()


@pytest.mark.parametrize(
    ("sender", "counts"),
    [
        ("192.168.1.50", True),
        ("10.1.2.3", True),
        ("172.31.255.254", True),
        ("169.254.7.7", True),
        ("127.0.0.1", True),  # this machine itself: the kernel lets no other send it
        ("172.32.0.1", False),
        ("100.64.0.1", False),
        ("8.8.8.8", False),
        ("169.254.169.254", False),
        ("169.254.170.2", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("0.0.0.0", False),
        ("192.0.2.1", False),
        ("fe80::1", False),
    ],
)
async def test_only_senders_of_a_home_network_count(
    port: int, sender: str, counts: bool
) -> None:
    """A packet from elsewhere is not even read."""
    listener = await BroadcastListener.acquire(port)
    listener.datagram_received(b'{"n": 1}', (sender, port))
    assert [packet.address for packet in listener.packets] == [sender] * counts
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
        b'{"x":"' + b"hunter2" * 800 + b'"}',
    ):
        send(port, raw, "127.0.0.2")
    send(port, {})
    assert await listener.wait_for("127.0.0.1", 5) is not None
    assert [packet.address for packet in listener.packets] == ["127.0.0.1"]
    assert "Dropped" in caplog.text
    assert "hunter2" not in caplog.text
    listener.release()


async def test_what_is_kept_of_a_packet_is_limited(port: int) -> None:
    """No nested data, 64 fields, 255 characters each."""
    listener = await BroadcastListener.acquire(port)
    for content in (
        {"a": "x" * 3000, "b" * 700: 1, "list": [[[]]] * 50, "dict": {"n": 1}},
        {f"k{number}": number for number in range(300)},
    ):
        send(port, content)
        packet = await listener.wait_for("127.0.0.1", 5)
        assert packet is not None
        assert 2 <= len(packet.data) <= 64
        assert all(len(key) <= 255 for key in packet.data)
        texts = [item for item in packet.data.values() if isinstance(item, str)]
        assert all(len(text) <= 255 for text in texts)
        assert not any(isinstance(item, list | dict) for item in packet.data.values())
    listener.release()


async def test_the_number_of_senders_is_capped(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sender that was silent for longest is forgotten."""
    monkeypatch.setattr(udp, "MAX_SENDERS", 2)
    listener = await BroadcastListener.acquire(port)
    for number in (1, 2, 1, 3):
        listener.datagram_received(b"{}", (f"10.0.0.{number}", port))
    assert [packet.address for packet in listener.packets] == ["10.0.0.1", "10.0.0.3"]
    listener.release()


async def test_a_flood_pushes_no_known_sender_out(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whom a driver asks for stays, and others that come later are still heard."""
    monkeypatch.setattr(udp, "_WANTED_SECONDS", 0.2)
    listener = await BroadcastListener.acquire(port)
    listener.datagram_received(b'{"n": 1}', ("192.168.1.50", port))
    assert listener.find("192.168.1.50") is not None
    assert listener.find("192.168.1.51") is None
    for number in range(1000):
        address = f"10.0.{number // 250}.{number % 250}"
        listener.datagram_received(b"{}", (address, port))
    assert len(listener.packets) <= 1 + udp.MAX_SENDERS
    first = listener.find("192.168.1.50")
    assert first is not None and first.data["n"] == 1
    # Still heard, although the flood used up what unknown devices may send
    for address in ("192.168.1.50", "192.168.1.51"):
        listener.datagram_received(b'{"n": 2}', (address, port))
        packet = listener.find(address)
        assert packet is not None and packet.data["n"] == 2
    # Whom nobody asks for any more has no place of its own
    await asyncio.sleep(0.3)
    listener.find("192.168.1.52")
    assert len(listener.packets) <= udp.MAX_SENDERS
    listener.release()


async def test_a_flood_costs_little(port: int) -> None:
    """Most of it is dropped unread, whether it is known or not who seems to send it."""
    listener = await BroadcastListener.acquire(port)
    heard: list[Packet] = []
    listener.subscribe(heard.append)
    listener.find("192.168.1.50")
    raw = json.dumps({f"k{number}": "x" * 20 for number in range(100)}).encode()
    assert len(raw) < udp.MAX_PACKET
    for number in range(20_000):
        listener.datagram_received(raw, (f"10.0.0.{number % 200}", port))
        listener.datagram_received(raw, ("192.168.1.50", port))
    assert len(heard) < 600
    listener.release()


async def test_a_silent_device(port: int) -> None:
    """Waiting ends; other devices do not count."""
    listener = await BroadcastListener.acquire(port)
    send(port, {})
    assert await listener.wait_for("127.0.0.2", 0.2) is None
    listener.release()


async def test_subscribers_hear_of_all_packets(port: int) -> None:
    """Known senders at once, then every packet, none after the end."""
    listener = await BroadcastListener.acquire(port)
    send(port, {})
    await listener.wait_for("127.0.0.1", 5)
    heard: list[Packet] = []
    unsubscribe = listener.subscribe(heard.append)
    for source in ("127.0.0.2", "127.0.0.1"):
        send(port, {}, source)
        await listener.wait_for(source, 5)
    assert [item.address for item in heard] == ["127.0.0.1", "127.0.0.2", "127.0.0.1"]
    unsubscribe()
    unsubscribe()
    send(port, {}, "127.0.0.3")
    await listener.wait_for("127.0.0.3", 5)
    assert len(heard) == 3
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
