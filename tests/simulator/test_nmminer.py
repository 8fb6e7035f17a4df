"""The simulated NMMiners: their packets and their HTTP API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
from pathlib import Path
import re
from typing import Any

import pytest

from simulator.device import Fault
from simulator.nmminer import SimulatedNMMiner, suffixed

from .raw_client import fetch_at

pytestmark = pytest.mark.usefixtures("socket_enabled")

DOCUMENTED = Path(__file__).parents[1] / "fixtures/nmminer/v0.3.01"
DOCUMENTED_KEYS = list(
    json.loads((DOCUMENTED / "udp12345.documented.json").read_text())
)


class Listener(asyncio.DatagramProtocol):
    """Collect packets."""

    def __init__(self) -> None:
        """Start empty."""
        self.queue: asyncio.Queue[tuple[bytes, str]] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        """Keep one."""
        self.queue.put_nowait((data, addr[0]))

    async def packet(self) -> dict[str, Any]:
        """Wait for the next packet."""
        data, _ = await self.queue.get()
        packet: dict[str, Any] = json.loads(data)
        return packet


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Listener, tuple[str, int]]]:
    """Listen on a free UDP port."""
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_datagram_endpoint(
        Listener, local_addr=("127.0.0.1", 0)
    )
    try:
        yield listener, transport.get_extra_info("sockname")
    finally:
        transport.close()


async def test_packets_have_the_documented_shape() -> None:
    """Packets have the documented shape."""
    async with (
        listening() as (listener, target),
        SimulatedNMMiner(target=target, interval=0.01) as device,
    ):
        packet = await listener.packet()
        await listener.packet()
        assert device.packets >= 2
    assert list(packet) == DOCUMENTED_KEYS
    assert packet["IP"] == "127.0.0.1"
    assert re.fullmatch(r"1\.\d{4}M|9\d\d\.\d\dK", packet["HashRate"])
    assert re.fullmatch(r"\d+/\d+", packet["Share"])
    assert packet["NetDiff"] == "89.47T"
    assert packet["BestDiff"].endswith("M")
    assert packet["Uptime"] == "04d 15:06:40"
    assert 40 < packet["Temp"] < 55
    assert packet["PoolInUse"] == "public-pool.io:21496"


async def test_styles_of_other_firmwares() -> None:
    """Styles of other firmwares."""
    async with (
        listening() as (listener, target),
        SimulatedNMMiner(target=target, interval=60, version="v2.5") as device,
    ):
        await listener.packet()
        device.ip_key = "ip"
        device.rate_style = "H/s"
        device.share_style = "percent"
        device.total_uptime = True
        device.sensor = False
        device.broadcast()
        packet = await listener.packet()
    assert "IP" not in packet
    assert packet["ip"] == "127.0.0.1"
    assert re.fullmatch(r"[\d.]+[KM]H/s", packet["HashRate"])
    assert re.fullmatch(r"\d+/\d+/9\d\.\d%", packet["Share"])
    assert packet["Uptime"] == "004d 15:06:40\r032d 15:06:40"
    assert packet["Temp"] == 0


async def test_several_miners_share_the_port_and_have_their_own_address() -> None:
    """Several miners share the port and have their own address."""
    async with (
        listening() as (listener, target),
        SimulatedNMMiner(name="a", target=target, interval=60),
        SimulatedNMMiner(name="b", target=target, interval=60, ip="127.0.0.2"),
        SimulatedNMMiner(name="c", target=target, interval=60, ip="192.0.2.7"),
    ):
        senders = {}
        for _ in range(3):
            data, source = await listener.queue.get()
            senders[json.loads(data)["IP"]] = source
    assert senders["127.0.0.2"] == "127.0.0.2"
    # An address that this machine has not is only said.
    assert set(senders) == {"127.0.0.1", "127.0.0.2", "192.0.2.7"}
    assert senders["192.0.2.7"] == "127.0.0.1"


async def test_malformed_and_missing_packets() -> None:
    """Malformed and missing packets."""
    async with (
        listening() as (listener, target),
        SimulatedNMMiner(target=target, interval=60) as device,
    ):
        await listener.packet()
        for fault in (Fault.GARBAGE, Fault.HALF):
            device.fault = fault
            device.broadcast()
            data, _ = await listener.queue.get()
            with pytest.raises(ValueError, match=r"."):
                json.loads(data)
        device.fault = Fault.SILENT
        device.broadcast()
        device.send_raw(b"[]")
        assert (await listener.queue.get())[0] == b"[]"


async def test_unplugged_it_is_silent_and_comes_back_with_a_new_uptime() -> None:
    """Unplugged it is silent and comes back with a new uptime."""
    async with (
        listening() as (listener, target),
        SimulatedNMMiner(target=target, interval=60) as device,
    ):
        await listener.packet()
        await device.unplug()
        device.broadcast()
        assert listener.queue.empty()
        await device.plug_in()
        packet = await listener.packet()
    assert packet["Uptime"].startswith("00d 00:00:")


async def get(device: SimulatedNMMiner, path: str) -> tuple[int, Any]:
    """Fetch; status and JSON, or text."""
    status, text, headers = await fetch_at("", device, path)
    assert headers["Access-Control-Allow-Origin"] == "*"
    is_json = headers["Content-Type"].startswith("application/json")
    return status, json.loads(text) if is_json else text


async def post(device: SimulatedNMMiner, path: str, body: bytes) -> tuple[int, str]:
    """Post; status and text."""
    return (await fetch_at("", device, path, "POST", body=body))[:2]


async def test_http_info_is_nested() -> None:
    """HTTP info is nested."""
    async with SimulatedNMMiner(http=True, udp=False, version="v2.0.04") as device:
        _, info = await get(device, "/api/system/info")
        _, probe = await get(device, "/probe")
        assert device.packets == 0
    assert list(info) == ["identity", "miner", "stratum", "temps", "storage"]
    assert info["identity"]["hwModel"] == "NMMiner"
    # GH/s here, H/s in /probe.
    assert 0.0009 < info["miner"]["hashRate"] < 0.0012
    assert 900_000 < probe["hr"] < 1_200_000
    assert info["miner"]["networkDiff"] == "89470000000000.0000"
    assert info["temps"]["asic"] is None
    assert list(probe) == [
        "model",
        "hostname",
        "ver",
        "sw",
        "sh",
        "hr",
        "sbd",
        "ebd",
        "ut",
    ]


async def test_http_of_v2_0_02_pads_its_difficulties() -> None:
    """HTTP of v2 0 02 pads its difficulties."""
    async with SimulatedNMMiner(http=True, version="v2.0.02") as device:
        device.rate_unknown = True
        device.sensor = False
        _, info = await get(device, "/api/system/info")
        status, _ = await get(device, "/probe")
    miner = info["miner"]
    assert miner["hashRate"] == 0.0
    assert miner["networkDiff"] == "89.47T"
    assert miner["poolDiff"] == "0.0100 "
    assert info["temps"] == {"vcore": None, "asic": None}
    assert status == 404


async def test_alive_tells_the_neighbours() -> None:
    """Alive tells the neighbours."""
    async with SimulatedNMMiner(http=True, ip="192.0.2.1") as device:
        device.peers = ["192.0.2.2"]
        _, quiet = await get(device, "/alive?src=swarm")
        _, woken = await get(device, "/alive")
    assert quiet["ips"] == ["192.0.2.1", "192.0.2.2"]
    assert not quiet["scanning"]
    assert woken["scanning"]


async def test_settings_are_written_in_part() -> None:
    """Settings are written in part."""
    async with SimulatedNMMiner(http=True) as device:
        path = "/api/setting/mining"
        wish = b'{"PrimaryPool": "stratum+tcp://example.org:3333", "Other": 1}'
        assert await post(device, path, wish) == (200, "OK")
        _, mining = await get(device, path)
        _, info = await get(device, "/api/system/info")
        assert (await post(device, path, b"{nonsense"))[0] == 400
        assert (await post(device, "/api/setting/nothing", b"{}"))[0] == 404
        assert (await post(device, "/api/setting/network", b'{"WiFiPWD": "p"}'))[0] == (
            200
        )
        _, network = await get(device, "/api/setting/network")
    assert "Other" not in mining
    assert mining["SecondaryPool"].startswith("stratum+tcp://solobtc")
    assert info["stratum"]["url"] == "example.org:3333"
    # The WiFi password is never given back.
    assert set(network) == {"Hostname", "WiFiSSID"}


async def test_restart() -> None:
    """Restart."""
    async with SimulatedNMMiner(
        http=True, udp=False, restart_delay=0.01, reboot_seconds=0.05
    ) as device:
        path = "/api/system/restart"
        device.restart_needs_json = True
        assert (await post(device, path, b""))[0] == 405
        assert await post(device, path, b"{}") == (200, '{"status":"ok"}')
        await device.wait_ready()
        _, info = await get(device, "/api/system/info")
    assert device.boots == 2
    assert info["miner"]["uptimeSeconds"] < 60
    assert info["miner"]["uptimeEver"] > 2_000_000


@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (113_130, 5, "113.13K"),
        (1_015_400, 5, "1.0154M"),
        (4_021_000, 4, "4.021M"),
        (89.47e12, 4, "89.47T"),
        (0.5, 4, "0.500"),
    ],
)
async def test_suffixes(value: float, digits: int, text: str) -> None:
    """Suffixes."""
    assert suffixed(value, digits) == text
