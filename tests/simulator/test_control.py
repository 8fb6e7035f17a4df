"""The control panel."""

from collections.abc import AsyncIterator

from aiohttp import ClientSession
import pytest

from simulator.avalon import SimulatedAvalon
from simulator.control import ACTIONS, ControlPanel
from simulator.device import Fault
from simulator.fleet import Fleet

pytestmark = pytest.mark.usefixtures("socket_enabled")


@pytest.fixture
async def panel(socket_enabled: None) -> AsyncIterator[ControlPanel]:
    """Give the panel of a fleet of two."""
    fleet = Fleet.from_specs(["avalon-nano3s", "solopool-dgb"])
    async with fleet, ControlPanel(fleet) as panel:
        yield panel


async def post(panel: ControlPanel, path: str) -> int:
    """Post and give the status."""
    async with (
        ClientSession() as session,
        session.post(f"{panel.url}devices/{path}") as response,
    ):
        return response.status


async def test_page_has_a_button_for_every_action(panel: ControlPanel) -> None:
    """Page has a button for every action."""
    async with ClientSession() as session, session.get(panel.url) as response:
        page = await response.text()
        assert response.content_type == "text/html"
    for name in panel.fleet.devices:
        assert f'id="state-{name}"' in page
    for action in ACTIONS:
        assert f'data-action="{action}"' in page or f'value="{action}"' in page
    assert "{{" not in page


async def test_states(panel: ControlPanel) -> None:
    """States."""
    async with (
        ClientSession() as session,
        session.get(f"{panel.url}devices") as response,
    ):
        states = await response.json()
    async with (
        ClientSession() as session,
        session.get(f"{panel.url}devices/avalon-nano3s") as response,
    ):
        state = await response.json()
    assert set(states) == {"avalon-nano3s", "solopool-dgb"}
    assert states["avalon-nano3s"]["mode"] == state["mode"] == 2
    assert state["online"]


async def test_plug(panel: ControlPanel) -> None:
    """Plug."""
    device = panel.fleet["avalon-nano3s"]
    assert await post(panel, "avalon-nano3s/unplug") == 200
    assert not device.state()["online"]
    assert await post(panel, "avalon-nano3s/reboot") == 409
    assert await post(panel, "avalon-nano3s/plug-in") == 200
    assert device.state()["online"]
    assert device.boots == 2


async def test_reboot(panel: ControlPanel) -> None:
    """Reboot."""
    device = panel.fleet["avalon-nano3s"]
    device.restart_delay = device.reboot_seconds = 0.01
    assert await post(panel, "avalon-nano3s/reboot") == 200
    await device.wait_ready()
    assert device.boots == 2


async def test_faults(panel: ControlPanel) -> None:
    """Faults."""
    device = panel.fleet["avalon-nano3s"]
    for fault in Fault:
        name = fault.value.replace("_", "-")
        assert await post(panel, f"avalon-nano3s/fault-{name}") == 200
        assert device.fault is fault
    assert await post(panel, "avalon-nano3s/fault-none") == 200
    assert device.fault is None


async def test_heat_and_blocks(panel: ControlPanel) -> None:
    """Heat and blocks."""
    device = panel.fleet["avalon-nano3s"]
    assert isinstance(device, SimulatedAvalon)
    assert await post(panel, "avalon-nano3s/find-block") == 200
    assert device.state()["blocks"] == 1
    assert await post(panel, "avalon-nano3s/overheat") == 200
    assert device.state()["work"] == "In Fault"
    pool = panel.fleet["solopool-dgb"]
    (before,) = pool.state()["wallets"].values()
    assert await post(panel, "solopool-dgb/find-block") == 200
    (after,) = pool.state()["wallets"].values()
    assert after["blocks"] == before["blocks"] + 1


async def test_unknown_devices_and_actions(panel: ControlPanel) -> None:
    """Unknown devices and actions."""
    assert await post(panel, "nothing/unplug") == 404
    assert await post(panel, "avalon-nano3s/explode") == 404
    async with (
        ClientSession() as session,
        session.get(f"{panel.url}devices/nothing") as response,
    ):
        assert response.status == 404


async def test_a_taken_port() -> None:
    """A taken port."""
    async with ControlPanel(Fleet([])) as first:
        second = ControlPanel(Fleet([]), port=first.port)
        with pytest.raises(OSError, match="address already in use"):
            await second.start()
        await second.stop()
