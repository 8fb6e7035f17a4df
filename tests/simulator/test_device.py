"""Plug, counters, faults and sockets of any simulated device."""

import asyncio
from collections.abc import AsyncGenerator
import socket

import aiohttp
import pytest

from simulator import Fault, SimulatedAxeOS

pytestmark = pytest.mark.usefixtures("socket_enabled")

INFO = "/api/system/info"


@pytest.fixture
async def device() -> AsyncGenerator[SimulatedAxeOS]:
    """Give a running device that reboots fast."""
    async with SimulatedAxeOS(reboot_seconds=0.1, restart_delay=0.05) as running:
        yield running


@pytest.fixture
async def client(device: SimulatedAxeOS) -> AsyncGenerator[aiohttp.ClientSession]:
    """Give a client of it."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{device.port}") as session:
        yield session


async def refused(port: int) -> bool:
    """Tell whether a connection is refused."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        return True
    writer.close()
    await writer.wait_closed()
    return False


async def ask(port: int, patience: float = 10) -> tuple[asyncio.StreamWriter, bytes]:
    """Ask on a new connection; give it with what came, b"" if nothing did."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {INFO} HTTP/1.1\r\nHost: miner\r\n\r\n".encode())
    try:
        async with asyncio.timeout(patience):
            answer = await reader.read(65536)
    except TimeoutError:
        answer = b""
    return writer, answer


async def test_counts_requests_and_connections(
    device: SimulatedAxeOS, client: aiohttp.ClientSession
) -> None:
    """Given a client that keeps its connection, two polls are one connection."""
    for _ in range(2):
        async with client.get(INFO) as response:
            await response.json()
    assert device.counters.requests == 2
    assert device.counters.connections == 1
    assert device.counters.by_path == {f"GET {INFO}": 2}
    device.counters.reset()
    assert device.counters.requests == device.counters.connections == 0
    assert not device.counters.by_path


async def test_identity_follows_the_name() -> None:
    """The same name is the same device in every run, another name another one."""
    one, same, other = (SimulatedAxeOS(name=name) for name in ("a", "a", "b"))
    assert (one.mac, one.serial) == (same.mac, same.serial)
    assert one.mac != other.mac
    assert SimulatedAxeOS(mac="AA:BB:CC:00:11:22").mac == "AA:BB:CC:00:11:22"


async def test_unplugged_refuses_and_comes_back_on_its_port(
    device: SimulatedAxeOS, client: aiohttp.ClientSession
) -> None:
    """Pulling the plug cuts open connections; plugged in, the uptime starts at 0."""
    port = device.port
    async with client.get(INFO) as response:
        assert (await response.json())["uptimeSeconds"] >= 3600
    await device.unplug()
    assert await refused(port)
    assert device.open_connections == 0
    assert device.state()["online"] is False
    assert device.state()["hashrate"] == 0
    await device.plug_in()
    assert device.port == port
    async with client.get(INFO) as response:
        info = await response.json()
    assert info["uptimeSeconds"] < 3600
    assert info["sharesAccepted"] == 0
    assert device.boots == 2


async def test_a_taken_port_is_an_error(device: SimulatedAxeOS) -> None:
    """Two devices cannot share a fixed port."""
    with pytest.raises(OSError, match="address already in use"):
        await SimulatedAxeOS(port=device.port).start()


async def test_reboot_refuses_for_a_while(device: SimulatedAxeOS) -> None:
    """A reboot refuses connections, then the device is back by itself."""
    rebooting = asyncio.create_task(device.reboot())
    await asyncio.sleep(0.02)
    assert await refused(device.port)
    await rebooting
    assert not await refused(device.port)


async def test_the_plug_beats_a_reboot(device: SimulatedAxeOS) -> None:
    """Given a reboot under way, an unplugged device stays off."""
    device.schedule_reboot()
    assert device.rebooting
    await device.unplug()
    await asyncio.sleep(0.3)
    assert await refused(device.port)
    assert not device.rebooting


async def test_slow_answers_late(
    device: SimulatedAxeOS, client: aiohttp.ClientSession
) -> None:
    """A slow device answers, but not within its delay."""
    device.fault, device.slow_seconds = Fault.SLOW, 0.3
    with pytest.raises(TimeoutError):
        await client.get(INFO, timeout=aiohttp.ClientTimeout(total=0.1))
    async with client.get(INFO) as response:
        assert response.status == 200


async def test_silent_accepts_and_never_answers(device: SimulatedAxeOS) -> None:
    """A silent device takes the connection and says nothing."""
    device.fault = Fault.SILENT
    writer, answer = await ask(device.port, patience=0.2)
    assert answer == b""
    assert device.counters.connections == device.open_connections == 1
    writer.close()
    while device.open_connections:
        await asyncio.sleep(0.01)


async def test_reset_is_a_tcp_reset(device: SimulatedAxeOS) -> None:
    """The client sees ECONNRESET."""
    device.fault = Fault.RESET
    with pytest.raises(ConnectionResetError):
        await ask(device.port)


async def test_garbage_is_no_json(
    device: SimulatedAxeOS, client: aiohttp.ClientSession
) -> None:
    """Garbage comes as HTTP that claims to be JSON, or as any bytes one wants."""
    device.fault = Fault.GARBAGE
    async with client.get(INFO) as response:
        assert response.content_type == "application/json"
        with pytest.raises(ValueError, match="utf-8"):
            await response.json()
    device.garbage = b"\x00\x01\x02"
    with pytest.raises(aiohttp.ClientError):
        await client.get(INFO)


async def test_half_an_answer(
    device: SimulatedAxeOS, client: aiohttp.ClientSession
) -> None:
    """The connection ends in the middle of the body."""
    device.fault = Fault.HALF
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.get(INFO) as response:
            await response.read()


async def test_html_and_redirect(
    device: SimulatedAxeOS, client: aiohttp.ClientSession
) -> None:
    """A web page or a captive portal instead of the API."""
    device.fault = Fault.HTML
    async with client.get(INFO) as response:
        assert (response.status, response.content_type) == (200, "text/html")
        assert "<html" in await response.text()
    device.fault = Fault.REDIRECT
    async with client.get(INFO, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/")


async def test_wrong_mac(device: SimulatedAxeOS, client: aiohttp.ClientSession) -> None:
    """Another device seems to have got this address."""
    async with client.get(INFO) as response:
        right = (await response.json())["macAddr"]
    device.fault = Fault.WRONG_MAC
    async with client.get(INFO) as response:
        wrong = (await response.json())["macAddr"]
    assert right != wrong
    assert len(right) == len(wrong) == 17
    assert device.state()["mac"] == right


async def test_one_request_at_a_time(device: SimulatedAxeOS) -> None:
    """Given two clients, the second waits for the first and then its own delay."""
    device.fault, device.slow_seconds = Fault.SLOW, 0.3
    asked = [asyncio.create_task(ask(device.port)) for _ in range(2)]
    done, waiting = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    assert (len(done), len(waiting)) == (1, 1)
    for writer, answer in await asyncio.gather(*asked):
        assert answer.startswith(b"HTTP/1.1 200")
        writer.close()


async def test_what_is_not_http_is_hung_up(device: SimulatedAxeOS) -> None:
    """A client of another protocol gets nothing but the end."""
    for nonsense in (
        b"hello\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", device.port)
        writer.write(nonsense)
        assert await reader.read() == b""
        writer.close()


async def fill(port: int, count: int) -> list[asyncio.StreamWriter]:
    """Open connections that were all answered once."""
    writers = []
    for _ in range(count):
        writer, answer = await ask(port)
        assert answer.startswith(b"HTTP/1.1 200")
        writers.append(writer)
    return writers


async def test_eleventh_connection_hangs_without_lru() -> None:
    """Up to 2.9 ten sockets are all; the next one waits until one closes."""
    async with SimulatedAxeOS(generation="2.9") as device:
        writers = await fill(device.port, 10)
        hanging, answer = await ask(device.port, patience=0.2)
        assert answer == b""
        waiting = asyncio.create_task(ask(device.port))
        hanging.close()
        writers[3].close()
        late, answer = await waiting
        assert answer.startswith(b"HTTP/1.1 200")
        for writer in (*writers, late):
            writer.close()


async def test_lru_throws_out_the_quietest() -> None:
    """Since 2.10 a connection over the limit closes the one used least recently."""
    async with SimulatedAxeOS(generation="2.10") as device:
        device.max_sockets = 3
        await device.unplug()
        await device.plug_in()
        writers = await fill(device.port, 3)
        extra, answer = await ask(device.port)
        assert answer.startswith(b"HTTP/1.1 200")
        assert device.open_connections == 3
        for writer in (*writers, extra):
            writer.close()


@pytest.mark.parametrize("turns", range(5))
async def test_who_connects_while_it_stops_is_cut_off(turns: int) -> None:
    """Given a client that sends half a request at that moment, then it stops all the same."""
    with socket.socket() as client:
        async with asyncio.timeout(10):
            async with SimulatedAxeOS() as device:
                client.connect((device.host, device.port))
                client.send(b"PATCH / HTTP/1.1\r\ncontent-length: 9\r\n\r\n")
                for _ in range(turns):
                    await asyncio.sleep(0)
