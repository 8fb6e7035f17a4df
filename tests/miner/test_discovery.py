"""Miners that broadcast, over real packets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
import json
import logging
import socket
from typing import Any

from homeassistant.config_entries import SOURCE_INTEGRATION_DISCOVERY, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
import pytest_socket

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.driver_api.transports.udp import BroadcastListener
from custom_components.hmm.miner import discovery
from simulator import SimulatedAxeOS, SimulatedNMMiner
from tests.common import until, value
from tests.conftest import UsualPorts
from tests.flows import begin, fill, finish, with_texts

PACKET = {"HashRate": "113.13K", "BoardType": "NMLotto", "Version": "v0.3.01"}

pytestmark = pytest.mark.usefixtures("usual_ports")


@asynccontextmanager
async def broadcasting(**options: Any) -> AsyncIterator[SimulatedNMMiner]:
    """Run an NMMiner on the network where Home Assistant listens."""
    async with SimulatedNMMiner(
        target=("127.0.0.1", discovery.BROADCAST_PORT), interval=0.05, **options
    ) as device:
        yield device


def flows(hass: HomeAssistant) -> list[Any]:
    """Return the flows that wait for their user."""
    return list(hass.config_entries.flow.async_progress_by_handler(DOMAIN))


def send(content: Any, source: str) -> None:
    """Send a packet from an address of this machine."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.sendto(raw, ("127.0.0.1", discovery.BROADCAST_PORT))


async def heard(device: SimulatedNMMiner, packets: int = 3) -> None:
    """Wait until a device has sent more packets, and they arrived."""
    sent = device.packets
    await until(lambda: device.packets >= sent + packets)


async def test_a_miner_that_broadcasts_is_offered(home: HomeAssistant) -> None:
    """The first packet brings one dialog, which adds the miner."""
    assert await async_setup_component(home, DOMAIN, {})
    async with broadcasting() as device:
        await until(lambda: bool(flows(home)))
        await home.async_block_till_done()
        (flow,) = flows(home)
        assert flow["context"]["source"] == SOURCE_INTEGRATION_DISCOVERY
        assert flow["context"]["title_placeholders"] == {"name": "NMLotto (127.0.0.1)"}
        assert flow["step_id"] == "discovery_confirm"
        form = with_texts(
            await home.config_entries.flow.async_configure(flow["flow_id"])
        )
        assert form["description_placeholders"]["host"] == "127.0.0.1"
        assert home.config_entries.async_entries(DOMAIN) == []

        result = await finish(home, form)
        entry = result["result"]
        assert entry.unique_id == "address:127.0.0.1"
        assert entry.data["driver"] == "nmminer"
        assert entry.data["port"] is None
        assert entry.state is ConfigEntryState.LOADED
        assert value(home, entry, "hashrate") > 0

        # It goes on to broadcast, and is not offered again
        await heard(device)
        await home.async_block_till_done()
        assert flows(home) == []


async def test_a_miner_that_broadcast_before_is_offered(home: HomeAssistant) -> None:
    """What was heard before anyone listened for new miners is not lost."""
    listener = await BroadcastListener.acquire(discovery.BROADCAST_PORT)
    async with broadcasting():
        await until(lambda: bool(listener.packets))
        assert await async_setup_component(home, DOMAIN, {})
        await until(lambda: bool(flows(home)))
        await home.async_block_till_done()
        assert len(flows(home)) == 1
    listener.release()


async def test_known_miners_and_others_are_not_offered(home: HomeAssistant) -> None:
    """A miner that is set up, or what is none, brings no dialog."""
    async with broadcasting() as device:
        form = await begin(home, SOURCE_INTEGRATION_DISCOVERY, {"host": "127.0.0.1"})
        await finish(home, form)

        listener = await BroadcastListener.acquire(discovery.BROADCAST_PORT)
        # Another program on the same port, and NMAxe, which another driver is for
        send({"hello": "world"}, "127.0.0.7")
        send({"BoardType": "NMAxe Gamma", "HashRate": "1.2T"}, "127.0.0.8")
        send(b"\x00\xff no JSON", "127.0.0.9")
        await until(lambda: len(listener.packets) == 3)
        await heard(device)
        await home.async_block_till_done()
        assert flows(home) == []
        listener.release()


async def test_an_ignored_miner_does_not_stop_the_listening(
    home: HomeAssistant,
) -> None:
    """Ignored devices have no data of a miner; others are still found."""
    assert await async_setup_component(home, DOMAIN, {})
    await home.config_entries.flow.async_init(
        DOMAIN,
        context={"source": "ignore"},
        data={"unique_id": "address:192.0.2.9", "title": "Ignored"},
    )
    async with broadcasting():
        await until(lambda: bool(flows(home)))
        await home.async_block_till_done()
        assert len(flows(home)) == 1


async def test_only_the_sender_is_asked(
    home: HomeAssistant, usual_ports: UsualPorts
) -> None:
    """A packet makes nobody ask an address of its choice."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    assert await async_setup_component(home, DOMAIN, {})
    async with SimulatedAxeOS(host="127.0.0.3") as bait:
        usual_ports.move(BitaxeDriver, bait.port)
        send({"ip": "127.0.0.3", **PACKET}, "127.0.0.2")
        await until(lambda: bool(flows(home)))
        await home.async_block_till_done()
        (flow,) = flows(home)
        assert flow["context"]["unique_id"] == "address:127.0.0.2"
        assert bait.counters.connections == 0


async def test_a_flood_brings_a_few_dialogs(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many senders look like miners, a few a minute are asked and offered."""
    pytest_socket.socket_allow_hosts([f"127.0.1.{number}" for number in range(200)])
    assert await async_setup_component(home, DOMAIN, {})
    listener = await BroadcastListener.acquire(discovery.BROADCAST_PORT)
    for number in range(1, 200):
        send(PACKET, f"127.0.1.{number}")
        await asyncio.sleep(0.001)
    await until(lambda: len(listener.packets) == 199)
    await until(lambda: bool(flows(home)))
    await home.async_block_till_done(wait_background_tasks=True)
    assert len(flows(home)) == 4
    listener.release()


async def test_dialogs_that_nobody_answers_are_not_buried(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With eight dialogs waiting no further one comes until its user closed one."""
    monkeypatch.setattr(discovery, "_DISCOVERIES_AT_ONCE", 100)
    monkeypatch.setattr(discovery, "_LOOK_SECONDS", 0)
    pytest_socket.socket_allow_hosts([f"127.0.1.{number}" for number in range(30)])
    assert await async_setup_component(home, DOMAIN, {})
    listener = await BroadcastListener.acquire(discovery.BROADCAST_PORT)
    for number in range(1, 30):
        send(PACKET, f"127.0.1.{number}")
    await until(lambda: len(listener.packets) == 29)
    listener.release()
    await until(lambda: len(flows(home)) == 8)
    await home.async_block_till_done(wait_background_tasks=True)
    assert len(flows(home)) == 8

    home.config_entries.flow.async_abort(flows(home)[0]["flow_id"])
    send(PACKET, "127.0.1.29")
    await until(lambda: len(flows(home)) == 8)
    offered = {flow["context"]["unique_id"] for flow in flows(home)}
    assert "address:127.0.1.29" in offered


async def test_a_removed_miner_is_offered_again(home: HomeAssistant) -> None:
    """Its next packet brings the dialog back."""
    async with broadcasting() as device:
        form = await begin(home, SOURCE_INTEGRATION_DISCOVERY, {"host": "127.0.0.1"})
        entry = (await fill(home, form))["result"]
        await heard(device)
        assert flows(home) == []
        await home.config_entries.async_remove(entry.entry_id)
        await until(lambda: bool(flows(home)))
        await home.async_block_till_done()
        (flow,) = flows(home)
        assert flow["context"]["unique_id"] == "address:127.0.0.1"


async def test_the_listening_ends_with_home_assistant(home: HomeAssistant) -> None:
    """Nothing is offered after the stop, and the port is free."""
    assert await async_setup_component(home, DOMAIN, {})
    home.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await home.async_block_till_done()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as alone:
        # Without SO_REUSEPORT: fails while anything else listens
        alone.bind(("", discovery.BROADCAST_PORT))


async def test_a_port_that_another_program_owns(
    home: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the port no miner is discovered, and all else works."""
    caplog.set_level(logging.INFO, "custom_components.hmm")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("", discovery.BROADCAST_PORT))
        assert await async_setup_component(home, DOMAIN, {})
    assert "Miners that broadcast are not discovered" in caplog.text
    assert str(discovery.BROADCAST_PORT) in caplog.text
    assert home.services.has_service(DOMAIN, "set_mode")
