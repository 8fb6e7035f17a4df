"""Looking for miners on the network."""

import asyncio
from ipaddress import IPv4Network
from pathlib import Path
import socket

import pytest

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.driver_api import BaseMinerAdapter, DriverContext
from custom_components.hmm.driver_engine import scan as module
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.driver_engine.scan import hosts_of, listening, scan
from simulator import Fault, SimulatedAvalon, SimulatedAxeOS, SimulatedDevice

type Drivers = list[LoadedDriver[BaseMinerAdapter]]

HERE = hosts_of([IPv4Network("127.0.0.1/32")])


@pytest.fixture
def usual_ports(monkeypatch: pytest.MonkeyPatch) -> UsualPorts:
    """Return what makes the ports of simulated devices the usual ones."""
    return UsualPorts(monkeypatch)


class UsualPorts:
    """Changes the ports that the drivers look at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Change nothing yet."""
        self._monkeypatch = monkeypatch

    def set(self, *, http: SimulatedDevice, cgminer: SimulatedDevice) -> None:
        """Let the drivers look at these devices."""
        self._monkeypatch.setattr(AxeDriver, "default_port", http.port)
        self._monkeypatch.setattr(AvalonNanoDriver, "default_port", cgminer.port)


async def test_miners_are_found(
    bundled: Drivers, context: DriverContext, usual_ports: UsualPorts
) -> None:
    """Given two miners in the network, both are found, and their clients closed."""
    async with SimulatedAxeOS() as bitaxe, SimulatedAvalon() as avalon:
        usual_ports.set(http=bitaxe, cgminer=avalon)
        result = await scan(HERE, bundled, context, set())

    assert {device.driver.driver_type for device in result} == {"bitaxe", "avalon_nano"}
    for device in result:
        assert (device.client.host, device.client.port) == ("127.0.0.1", None)
        assert device.profile.facts.mac
        assert device.client._driver is None
    assert not bitaxe.writes


async def test_what_is_no_miner_is_left_out(
    bundled: Drivers, context: DriverContext, usual_ports: UsualPorts
) -> None:
    """Given a web page and a device that is off, nothing is found."""
    async with SimulatedAxeOS() as router, SimulatedAvalon() as avalon:
        usual_ports.set(http=router, cgminer=avalon)
        router.fault = Fault.HTML
        await avalon.unplug()
        assert await scan(HERE, bundled, context, set()) == []


async def test_miners_that_are_set_up_are_left_alone(
    bundled: Drivers, context: DriverContext, usual_ports: UsualPorts
) -> None:
    """Given an address to skip, not even a connection is opened."""
    async with SimulatedAxeOS() as bitaxe, SimulatedAvalon() as avalon:
        usual_ports.set(http=bitaxe, cgminer=avalon)
        assert await scan(HERE, bundled, context, {"127.0.0.1"}) == []
        assert bitaxe.counters.connections == avalon.counters.connections == 0


async def test_a_network_of_a_company_is_not_scanned(
    bundled: Drivers, context: DriverContext, usual_ports: UsualPorts
) -> None:
    """Given a network of 65,536 addresses, it is left alone."""
    async with SimulatedAxeOS() as bitaxe, SimulatedAvalon() as avalon:
        usual_ports.set(http=bitaxe, cgminer=avalon)
        large = hosts_of([IPv4Network("127.0.0.0/16")])
        assert await scan(large, bundled, context, set()) == []
        assert bitaxe.counters.connections == 0


async def test_an_address_in_two_networks_is_asked_once(
    bundled: Drivers, context: DriverContext, usual_ports: UsualPorts
) -> None:
    """Given networks that overlap, each miner is found once."""
    async with SimulatedAxeOS() as bitaxe, SimulatedAvalon() as avalon:
        usual_ports.set(http=bitaxe, cgminer=avalon)
        result = await scan(HERE * 2, bundled, context, set())
    assert len(result) == 2


def open_files() -> int:
    """Return how many files, sockets included, this process has open."""
    return len(list(Path("/dev/fd").iterdir()))


async def test_searches_share_the_connections(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many dialogs search at once, files are left for everything else."""
    monkeypatch.setattr(module, "_CONNECTS_AT_ONCE", 5)
    monkeypatch.setattr(module, "_CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as silent:
        port = silent.getsockname()[1]
        queue = [socket.socket() for _ in range(3)]
        for client in queue:
            # What nobody accepts fills the queue; whoever comes then gets no answer
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
        searches = [
            asyncio.create_task(listening(["127.0.0.1"], [port])) for _ in range(20)
        ]
        before = most = open_files()
        while not all(search.done() for search in searches):
            most = max(most, open_files())
            await asyncio.sleep(0.01)
        for client in queue:
            client.close()
    assert 0 < most - before <= 5
