"""The NMMiner driver, against the documented packet and the simulated devices."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import socket
import time
from typing import Any

import aiohttp
import pytest

from custom_components.hmm.bundled.miner_drivers import nmminer_driver
from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from custom_components.hmm.driver_api import (
    BadAnswer,
    CannotConnect,
    CommandFailed,
    DriverContext,
    InvalidValue,
    MinerTelemetry,
    NotThisDevice,
)
from custom_components.hmm.driver_api.families import is_nmminer
from custom_components.hmm.driver_api.transports.udp import BroadcastListener
from simulator.axeos import SimulatedAxeOS
from simulator.device import Fault
from simulator.nmminer import SimulatedNMMiner
from tests.listening import listening

pytestmark = pytest.mark.usefixtures("socket_enabled")

FIXTURES = Path(__file__).parent.parent / "fixtures" / "nmminer"
PACKET: dict[str, Any] = json.loads(
    (FIXTURES / "v0.3.01/udp12345.documented.json").read_text()
)


@pytest.fixture
def udp_port() -> int:
    """Return a port that is free for both UDP and TCP."""
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        tcp.bind(("127.0.0.1", 0))
        result: int = tcp.getsockname()[1]
        udp.bind(("127.0.0.1", result))
        return result


@pytest.fixture
async def driver(
    session: aiohttp.ClientSession, udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[NMMinerDriver]:
    """Return a driver that listens on the free port, closed at the end."""
    monkeypatch.setattr(NMMinerDriver, "udp_port", udp_port)
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", 0.5)
    driver = NMMinerDriver()
    driver.attach(DriverContext(session=session, options={}))
    yield driver
    await driver.close()


@pytest.fixture
async def ear(
    udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[NMMinerDriver]:
    """Return a driver that got no session: it only listens."""
    monkeypatch.setattr(NMMinerDriver, "udp_port", udp_port)
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", 0.5)
    driver = NMMinerDriver()
    yield driver
    await driver.close()


@asynccontextmanager
async def broadcasting(
    port: int, *packets: dict[str, Any] | bytes
) -> AsyncGenerator[None]:
    """Send packets over and over."""

    async def send() -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while True:
                for packet in packets:
                    raw = (
                        packet
                        if isinstance(packet, bytes)
                        else json.dumps(packet).encode()
                    )
                    sock.sendto(raw, ("127.0.0.1", port))
                await asyncio.sleep(0.02)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        task.cancel()


async def heard(
    driver: NMMinerDriver, port: int, packet: dict[str, Any]
) -> MinerTelemetry:
    """Connect to a device that sends a packet and read one poll."""
    async with broadcasting(port, packet):
        assert await driver.connect(packet.get("IP") or packet["ip"], port)
        return await driver.get_telemetry()


# Broadcasts


async def test_documented_packet(ear: NMMinerDriver, udp_port: int) -> None:
    """Everything in the packet is read, suffixes included."""
    telemetry = await heard(ear, udp_port, PACKET)
    assert telemetry.hashrate == pytest.approx(113_130)
    assert telemetry.shares_accepted == 138
    assert telemetry.shares_rejected == 1
    assert telemetry.network_difficulty == pytest.approx(89.47e12)
    assert telemetry.pool_difficulty == 0.001
    assert telemetry.best_share == pytest.approx(4.021e6)
    assert telemetry.blocks_found == 0
    assert telemetry.temperature == 48.5
    assert telemetry.signal == -62
    assert telemetry.uptime == 5026
    assert telemetry.uptime_total is None
    assert telemetry.last_share == 0.001
    assert telemetry.free_memory == round(8203.9 * 1024)
    assert telemetry.power is None
    assert telemetry.hashing is True
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.url == "public-pool.io:21496"
    assert telemetry.device is not None
    assert telemetry.device.serial is None
    assert telemetry.device.model == "NMLotto"
    assert telemetry.device.firmware == "v0.3.01"
    assert telemetry.device.mac is None
    assert await ear.get_version_info() == {"firmware": "v0.3.01"}
    assert await ear.get_device_facts() == telemetry.device


async def test_the_other_dialect(ear: NMMinerDriver, udp_port: int) -> None:
    """Lower-case keys, H/s, a percentage of shares, two uptimes, no sensor."""
    packet = {
        "ip": "10.0.0.5",
        "boardtype": "CYD",
        "hashrate": "1.0154MH/s",
        "share": "2/98/98.0%",
        "bestdiff": "306.59 ",
        "temp": 0,
        "uptime": "000d 00:22:57\r028d 18:25:01",
        "poolinuse": "stratum+tcp://public-pool.io:21496/",
    }
    telemetry = await heard(ear, udp_port, packet)
    assert telemetry.hashrate == pytest.approx(1_015_400)
    assert (telemetry.shares_rejected, telemetry.shares_accepted) == (2, 98)
    assert telemetry.best_share == 306.59
    assert telemetry.temperature is None
    assert telemetry.uptime == 22 * 60 + 57
    assert telemetry.uptime_total == ((28 * 24 + 18) * 60 + 25) * 60 + 1
    assert telemetry.free_memory is None
    assert telemetry.active_pool is not None
    assert telemetry.active_pool.url == "public-pool.io:21496"
    assert telemetry.signal is None


@pytest.mark.parametrize("value", [None, "", [], {}, True, "nan", "x/y", -1e300])
async def test_nonsense_is_unknown(
    ear: NMMinerDriver, udp_port: int, value: Any
) -> None:
    """A value of any wrong kind is None for its field, never an exception."""
    packet = {**dict.fromkeys(PACKET, value), "IP": "10.0.0.5", "Version": value}
    telemetry = await heard(ear, udp_port, packet)
    assert telemetry.hashrate is None
    assert telemetry.hashing is None
    assert telemetry.temperature is None
    assert telemetry.uptime is None
    assert telemetry.shares_accepted is None


async def test_several_miners_and_malformed_packets(
    ear: NMMinerDriver, udp_port: int
) -> None:
    """Each ear sees its own device; what is malformed does not matter."""
    other = NMMinerDriver()
    one, two = {**PACKET, "IP": "10.0.0.1"}, {**PACKET, "ip": "10.0.0.2"}
    del two["IP"]
    two["HashRate"] = "5K"
    async with broadcasting(udp_port, b"\xff{", one, b'{"IP": "10.0.0.1"', two):
        assert await ear.connect("10.0.0.1")
        assert await other.connect("10.0.0.2")
        assert (await ear.get_telemetry()).hashrate == pytest.approx(113_130)
        assert (await other.get_telemetry()).hashrate == 5000
    await other.close()


async def test_a_device_that_fell_silent(
    ear: NMMinerDriver, udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last packet is not repeated for ever."""
    async with broadcasting(udp_port, PACKET):
        assert await ear.connect("192.168.1.101")
    assert (await ear.get_telemetry()).hashing
    later = time.monotonic() + 91
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with pytest.raises(CannotConnect, match="90 seconds"):
        await ear.get_telemetry()


async def test_two_missed_broadcasts_of_its_own_rhythm(
    ear: NMMinerDriver, udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A device that broadcasts every 5 s is gone after 13 s, one packet lost or not."""
    async with broadcasting(udp_port, PACKET):
        assert await ear.connect("192.168.1.101")
    assert ear._listener is not None
    clock = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: clock)
    address = ("192.168.1.101", 12345)
    # One arrives twice, one is lost
    for gap in (5, 5, 0.01, 10, 5, 5):
        clock += gap
        ear._listener.datagram_received(json.dumps(PACKET).encode(), address)
    clock += 12
    assert (await ear.get_telemetry()).hashing
    clock += 1
    with pytest.raises(CannotConnect, match="nothing for 12 seconds"):
        await ear.get_telemetry()
    # Slow ones get no more than the most
    for gap in (50, 50, 50):
        clock += gap
        ear._listener.datagram_received(json.dumps(PACKET).encode(), address)
    clock += 89
    assert (await ear.get_telemetry()).hashing
    clock += 2
    with pytest.raises(CannotConnect, match="90 seconds"):
        await ear.get_telemetry()


async def test_what_was_silent_all_the_while_is_not_waited_for(
    driver: NMMinerDriver, udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a listener that has heard nothing for a minute, only a second is added."""
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", 8.0)
    waits: list[float] = []

    async def note(self: BroadcastListener, host: str, timeout: float) -> None:
        waits.append(timeout)

    monkeypatch.setattr(BroadcastListener, "wait_for", note)
    with pytest.raises(CannotConnect):
        await driver.connect("127.0.0.1", udp_port)
    listener = await BroadcastListener.acquire(udp_port)
    with pytest.raises(CannotConnect):
        await driver.connect("127.0.0.1", udp_port)
    listener.opened -= 60
    with pytest.raises(CannotConnect):
        await driver.connect("127.0.0.1", udp_port)
    listener.release()
    fresh, again, old = waits
    assert 1.0 < min(fresh, again) <= max(fresh, again) <= 8.0
    assert old <= 1.0


async def test_nothing_to_hear(driver: NMMinerDriver, udp_port: int) -> None:
    """No HTTP and no broadcast: nothing is there; the port is given back."""
    with pytest.raises(CannotConnect, match="broadcast"):
        await driver.connect("127.0.0.1", udp_port)
    with pytest.raises(CannotConnect):
        await driver.get_telemetry()
    await asyncio.sleep(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", udp_port))


async def test_by_name(ear: NMMinerDriver, udp_port: int) -> None:
    """A host name is looked up to compare it with the broadcasts."""
    async with broadcasting(udp_port, {**PACKET, "IP": "127.0.0.1"}):
        assert await ear.connect("localhost")
        facts = await ear.get_device_facts()
        assert facts.serial is None


async def test_other_broadcasts(driver: NMMinerDriver, udp_port: int) -> None:
    """NMAxe uses the same port, and so may anything else."""
    assert is_nmminer({"hashrate": "1K", "version": "v1"})
    for packet in (
        {**PACKET, "IP": "127.0.0.1", "BoardType": "NMAxe Gamma"},
        {"IP": "127.0.0.1", "hello": 1},
    ):
        async with broadcasting(udp_port, packet):
            assert await driver.connect("127.0.0.1", udp_port) is False


async def test_another_device_took_the_address(
    ear: NMMinerDriver, udp_port: int
) -> None:
    """A poll notices it."""
    async with broadcasting(udp_port, PACKET):
        assert await ear.connect("192.168.1.101")
    async with broadcasting(udp_port, {"IP": "192.168.1.101", "hello": 1}):
        await asyncio.sleep(0.1)
        with pytest.raises(NotThisDevice):
            await ear.get_telemetry()


async def test_a_broadcasting_device_cannot_be_told_anything(
    ear: NMMinerDriver, udp_port: int
) -> None:
    """No restart, no modes, no pause, no pools."""
    await heard(ear, udp_port, PACKET)
    assert not ear.supports_restart()
    assert not ear.supports_pause()
    assert not ear.supports_set_pool()
    assert not ear.supports_select_pool()
    assert ear.get_supported_modes() == []
    with pytest.raises(CommandFailed):
        await ear.restart()
    with pytest.raises(InvalidValue):
        await ear.set_mode("low")
    assert (await ear.get_pool_info())["pool_url"] == "public-pool.io:21496"


@asynccontextmanager
async def simulated(port: int, **options: Any) -> AsyncGenerator[SimulatedNMMiner]:
    """Run a simulated NMMiner that broadcasts to a port."""
    device = SimulatedNMMiner(
        target=("127.0.0.1", port),
        interval=0.05,
        **{"reboot_seconds": 0.2, "restart_delay": 0.05, **options},
    )
    async with device:
        yield device


@pytest.mark.parametrize("rate_style", ["K", "H/s"])
@pytest.mark.parametrize("share_style", ["counts", "percent"])
@pytest.mark.parametrize("ip_key", ["IP", "ip"])
async def test_simulated_broadcasts(
    driver: NMMinerDriver,
    udp_port: int,
    rate_style: Any,
    share_style: Any,
    ip_key: Any,
) -> None:
    """All spellings of the packet give the same figures."""
    async with simulated(udp_port) as device:
        device.rate_style, device.share_style = rate_style, share_style
        device.ip_key, device.total_uptime = ip_key, True
        assert await driver.connect("127.0.0.1")
        await asyncio.sleep(0.1)
        telemetry = await driver.get_telemetry()
        state = device.state()
        assert telemetry.hashrate == pytest.approx(state["hashrate"], rel=0.2)
        assert telemetry.shares_accepted == pytest.approx(state["accepted"], abs=5)
        assert telemetry.temperature == pytest.approx(state["temperature"], abs=5)
        assert telemetry.uptime == pytest.approx(state["uptime"], abs=5)
        assert telemetry.uptime is not None
        assert telemetry.uptime_total is not None
        assert telemetry.uptime_total > telemetry.uptime
        assert device.counters.requests == 0
        device.fault = Fault.GARBAGE
        await asyncio.sleep(0.1)
        assert (await driver.get_telemetry()).hashing


# Version 2


def serves_http(port: int = 0, **options: Any) -> SimulatedNMMiner:
    """Make a device of version 2 that does not broadcast."""
    return SimulatedNMMiner(
        name="nm-cyd-c5-AB12CD",
        udp=False,
        http=True,
        port=port,
        **{
            "version": "v2.0.04",
            "reboot_seconds": 0.2,
            "restart_delay": 0.05,
            **options,
        },
    )


@pytest.mark.parametrize("version", ["v2.0.02", "v2.0.04"])
async def test_version_2(driver: NMMinerDriver, version: str) -> None:
    """One request and no new connection per poll; both styles of figures."""
    async with serves_http(version=version) as device:
        assert await driver.connect("127.0.0.1", device.port)
        device.counters.reset()
        telemetry = await driver.get_telemetry()
        assert device.counters.requests == 1
        assert device.counters.connections == 0
        state = device.state()
        assert telemetry.hashrate == pytest.approx(state["hashrate"], rel=0.2)
        assert telemetry.shares_accepted == pytest.approx(state["accepted"], abs=5)
        assert telemetry.best_share == pytest.approx(state["best"], rel=0.01)
        assert telemetry.network_difficulty == pytest.approx(89.47e12)
        assert telemetry.pool_difficulty == pytest.approx(0.01)
        assert telemetry.uptime == pytest.approx(state["uptime"], abs=5)
        assert telemetry.temperature is not None
        assert telemetry.uptime is not None
        assert telemetry.uptime_total is not None
        assert telemetry.uptime_total > telemetry.uptime
        assert telemetry.last_share == pytest.approx(0.017)
        assert telemetry.free_memory == 118_432
        assert telemetry.signal == -62
        assert telemetry.active_pool is not None
        assert telemetry.active_pool.url == "public-pool.io:21496"
        assert telemetry.active_pool.user == "bc1qexample.nmminer"
        facts = telemetry.device
        assert facts is not None
        assert facts.serial == "nm-cyd-c5-ab12cd"
        assert facts.hostname == "nm-cyd-c5-AB12CD"
        assert facts.firmware == version
        assert facts.configuration_url == f"http://127.0.0.1:{device.port}/"


async def test_an_update_to_version_2(
    driver: NMMinerDriver, udp_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What broadcasts no more is asked by HTTP, and is there again without a reload."""
    driver.http_port = udp_port  # TCP
    async with broadcasting(udp_port, PACKET | {"IP": "127.0.0.1"}):
        assert await driver.connect("127.0.0.1")
        assert (await driver.get_telemetry()).hashrate == 113_130
    clock = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 91)
    with pytest.raises(CannotConnect, match="broadcast nothing for"):
        await driver.get_telemetry()
    async with serves_http(udp_port):
        for _ in range(2):
            facts = (await driver.get_telemetry()).device
            assert facts is not None
            assert facts.firmware == "v2.0.04"
        assert driver.supports_restart()


@pytest.mark.parametrize("needs_json", [False, True])
async def test_version_2_restarts(driver: NMMinerDriver, needs_json: bool) -> None:
    """It restarts, also where a POST needs a JSON body."""
    async with serves_http() as device:
        device.restart_needs_json = needs_json
        assert await driver.connect("127.0.0.1", device.port)
        assert driver.supports_restart()
        assert await driver.restart()
        await device.wait_ready()
        assert device.boots == 2
        uptime = (await driver.get_telemetry()).uptime
        assert uptime is not None and uptime < 60


async def test_version_2_without_sensor(driver: NMMinerDriver) -> None:
    """A missing temperature is unknown."""
    async with serves_http() as device:
        device.sensor = False
        assert await driver.connect("127.0.0.1", device.port)
        assert (await driver.get_telemetry()).temperature is None


async def test_hashrate_that_is_not_told(driver: NMMinerDriver) -> None:
    """0.0 of a device that mines is no zero: unknown, then estimated by shares."""
    # Time that flies brings many shares into the seconds of this test.
    async with serves_http(speed=20_000) as device:
        device.rate_unknown = True
        assert await driver.connect("127.0.0.1", device.port)
        first = await driver.get_telemetry()
        assert first.hashrate is None
        assert first.hashing is None
        estimate: float | None = None
        async with asyncio.timeout(20):
            while estimate is None:
                await asyncio.sleep(0.05)
                estimate = (await driver.get_telemetry()).hashrate
        real = device.state()["hashrate"] * 20_000
        assert estimate == pytest.approx(real, rel=0.8)


async def test_zero_is_believed_of_a_device_that_tells(driver: NMMinerDriver) -> None:
    """Once it told a hashrate, 0.0 means that it stopped."""
    async with serves_http() as device:
        assert await driver.connect("127.0.0.1", device.port)
        assert (await driver.get_telemetry()).hashing is True
        device.rate_unknown = True
        telemetry = await driver.get_telemetry()
        assert telemetry.hashrate == 0
        assert telemetry.hashing is False


async def test_shares_refute_a_zero(driver: NMMinerDriver) -> None:
    """It mines as long as its shares are accepted: then it is estimated again."""
    async with serves_http(speed=20_000) as device:
        assert await driver.connect("127.0.0.1", device.port)
        assert (await driver.get_telemetry()).hashing is True
        device.rate_unknown = True
        async with asyncio.timeout(20):
            while not (await driver.get_telemetry()).hashing:
                await asyncio.sleep(0.05)


def test_estimate_from_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work of the accepted shares over their time, when they are enough."""
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    rate = nmminer_driver._ShareRate()
    rate.add(100, 0.01)
    assert rate.hashrate is None
    now += 30
    rate.add(120, 0.01)
    assert rate.hashrate is None  # 20 shares are too few
    now += 30
    rate.add(160, 0.02)
    # 20 shares of 0.01 and 40 of 0.02 in 60 s
    assert rate.hashrate == pytest.approx(1.0 * 2**32 / 60)
    rate.add(None, 0.01)
    rate.add(170, None)
    assert rate.hashrate == pytest.approx(1.0 * 2**32 / 60)
    now += 10
    rate.add(3, 0.01)  # restarted
    assert rate.hashrate is None
    now += 2000
    rate.add(1000, 0.01)
    assert rate.hashrate is None  # the point before is out of the window


NESTED = {
    "identity": {"hwModel": "NMMiner"},
    "miner": {"hashRate": "956.4K", "sAccepted": "x", "poolDiff": None},
    "temps": [],
    "stratum": None,
}


@asynccontextmanager
async def web(
    body: str, content_type: str = "application/json", status: int = 200
) -> AsyncGenerator[int]:
    """Serve one answer to everything."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\n"
        head += (
            f"Location: /\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        writer.write((head + body).encode())
        writer.close()

    async with listening(serve) as port:
        yield port


async def test_version_2_with_odd_values(driver: NMMinerDriver) -> None:
    """Wrong types are unknown; a figure with a suffix is in H/s."""
    async with web(json.dumps(NESTED)) as port:
        assert await driver.connect("127.0.0.1", port)
        telemetry = await driver.get_telemetry()
        assert telemetry.hashrate == pytest.approx(956_400)
        assert telemetry.shares_accepted is None
        assert telemetry.pools == ()
        assert telemetry.device is not None
        assert telemetry.device.serial is None


async def test_version_2_with_a_mac(driver: NMMinerDriver) -> None:
    """A build that tells its MAC is known by it."""
    info = {**NESTED, "identity": {"hwModel": "NMMiner", "mac": "24-58-7C-AA-BB-CC"}}
    async with web(json.dumps(info)) as port:
        assert await driver.connect("127.0.0.1", port)
        assert (await driver.get_device_facts()).mac == "24:58:7c:aa:bb:cc"


async def test_other_devices(driver: NMMinerDriver) -> None:
    """AxeOS and NMAxe answer properly and are others'; nothing is waited for."""
    async with SimulatedAxeOS(generation="2.15") as device:
        assert await driver.connect("127.0.0.1", device.port) is False
    async with web('{"identity":{"hwModel":"NMAxe"},"miner":{}}') as port:
        assert await driver.connect("127.0.0.1", port) is False
    async with web("Unauthorized", "text/plain", 401) as port:
        assert await driver.connect("127.0.0.1", port) is False


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        ("<html></html>", "text/html", 200),
        ("nonsense", "application/json", 200),
        ("", "text/html", 302),
        ("[]", "application/json", 200),
    ],
)
async def test_other_servers(
    driver: NMMinerDriver, body: str, content_type: str, status: int
) -> None:
    """What is no JSON object is a bad answer."""
    async with web(body, content_type, status) as port:
        with pytest.raises(BadAnswer):
            await driver.connect("127.0.0.1", port)


async def test_a_web_page_beside_broadcasts(
    driver: NMMinerDriver, udp_port: int
) -> None:
    """A device that was heard is believed whatever its port 80 says."""
    listening = NMMinerDriver()
    packet = {**PACKET, "IP": "127.0.0.1"}
    async with broadcasting(udp_port, packet):
        assert await listening.connect("127.0.0.1", udp_port)
        for body in ("<html></html>", '{"hello": 1}'):
            async with web(body) as port:
                driver.http_port = port
                assert await driver.connect("127.0.0.1")
                assert not driver.supports_restart()
    await listening.close()


FAULTS: list[tuple[Fault, type[Exception]]] = [
    (Fault.RESET, CannotConnect),
    (Fault.GARBAGE, BadAnswer),
    (Fault.HALF, BadAnswer),
    (Fault.HTML, BadAnswer),
    (Fault.REDIRECT, BadAnswer),
]


@pytest.mark.parametrize(("fault", "error"), FAULTS)
async def test_faults_of_version_2(
    driver: NMMinerDriver, fault: Fault, error: type[Exception]
) -> None:
    """Each is a typed error, and over when the fault is."""
    async with serves_http() as device:
        assert await driver.connect("127.0.0.1", device.port)
        device.fault = fault
        with pytest.raises(error):
            await driver.get_telemetry()
        device.fault = None
        assert (await driver.get_telemetry()).hashing


async def test_version_2_replaced_by_another(driver: NMMinerDriver) -> None:
    """Another device at the address is noticed."""
    async with serves_http() as device:
        assert await driver.connect("127.0.0.1", device.port)
        first = await driver.get_device_facts()
        device.fault = Fault.WRONG_MAC
        assert (await driver.get_telemetry()).device != first
        port = device.port
    async with SimulatedAxeOS(generation="2.15", port=port):
        with pytest.raises(NotThisDevice):
            await driver.get_telemetry()


async def test_restart_that_is_refused(driver: NMMinerDriver) -> None:
    """An error status is an error."""
    async with web(json.dumps(NESTED)) as port:
        assert await driver.connect("127.0.0.1", port)
    async with serves_http(port=port) as device:
        device.version = "v2.0.04"
        device.routes = dict  # type: ignore[method-assign]
        with pytest.raises(CommandFailed, match="404"):
            await driver.restart()


def test_metadata() -> None:
    """What the loader and the flows read."""
    assert NMMinerDriver.driver_type == "nmminer"
    assert NMMinerDriver.hashrate_unit == "kH/s"
    assert NMMinerDriver.udp_port == 12345
    assert NMMinerDriver.listen_seconds == 8.0
