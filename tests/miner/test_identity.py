"""An entry is its device, whatever its address and whenever the device says who it is."""

from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import SOURCE_DHCP, SOURCE_IGNORE, ConfigEntry
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
import pytest

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.const import DOMAIN
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from simulator.device import SimulatedDevice
from tests.common import (
    act,
    devices,
    find,
    find_id,
    identity,
    poll,
    pool_entry,
    refused,
)
from tests.conftest import UsualPorts, miner_entry, set_up
from tests.flows import begin

pytestmark = pytest.mark.usefixtures("quick", "usual_ports")


def tells(device: SimulatedAxeOS, **changes: Any) -> None:
    """Let a device answer with other values from now on; None leaves a field out."""
    render = type(device)._render

    def rendered(what: Any) -> dict[str, Any]:
        info = {**render(device, what), **changes}
        return {key: value for key, value in info.items() if value is not None}

    device._render = rendered  # type: ignore[method-assign]


def entities(hass: HomeAssistant, entry: ConfigEntry[Any]) -> dict[str, str]:
    """Return the keys of an entry's entities by their ids."""
    return {
        item.entity_id: item.unique_id.removeprefix(f"{entry.unique_id}_")
        for item in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
    }


def lease(mac: str) -> DhcpServiceInfo:
    """Return what DHCP says of a device."""
    return DhcpServiceInfo(
        ip="127.0.0.1", hostname="bitaxe", macaddress=mac.replace(":", "").lower()
    )


# A MAC that comes later (case 09)


@pytest.mark.parametrize("reported", [None, "00:00:00:00:00:00"])
async def test_a_mac_that_comes_later_becomes_the_id(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    reported: str | None,
) -> None:
    """Entities, device and history stay, and no second entry is offered."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    tells(bitaxe, macAddr=reported)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", "address:127.0.0.1"))
    before = entities(home, entry)
    (device,) = devices(home, entry)
    assert device.connections == set()
    loaded = entry.runtime_data

    tells(bitaxe)
    await poll(home, entry)
    mac = bitaxe.mac.lower()
    assert entry.unique_id == mac
    assert entities(home, entry) == before
    assert entry.runtime_data is loaded
    (after,) = devices(home, entry)
    assert after.id == device.id
    assert after.identifiers == {(DOMAIN, mac)}
    assert after.connections == {("mac", mac)}
    assert float(find(home, entry, "sensor", "hashrate").state) > 0

    result = await begin(home, SOURCE_DHCP, lease(mac))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    # The same after a restart
    assert await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done()
    assert entities(home, entry) == before


@pytest.mark.parametrize("kind", ["miner", "pool"])
async def test_a_crash_right_after_the_id_has_changed(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, kind: str
) -> None:
    """Home Assistant writes entries first: their entities and devices follow later."""
    async with SimulatedSolopool() as pool:
        made = (
            pool_entry(pool) if kind == "pool" else miner_entry(bitaxe, "bitaxe", "x")
        )
        entry = await set_up(home, made)
        before = entities(home, entry)
        ids = {device.id for device in devices(home, entry)}
        assert await home.config_entries.async_unload(entry.entry_id)
        home.config_entries.async_update_entry(entry, unique_id=bitaxe.mac.lower())
        assert await home.config_entries.async_setup(entry.entry_id)
        await home.async_block_till_done()
        assert before.items() <= entities(home, entry).items()
        assert ids <= {device.id for device in devices(home, entry)}


async def test_a_mac_that_a_lease_brings_becomes_the_id(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """The miner is not offered again, and is known by its MAC from then on."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    tells(bitaxe, macAddr=None)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", "address:127.0.0.1"))
    before = entities(home, entry)

    tells(bitaxe)
    result = await begin(home, SOURCE_DHCP, lease(bitaxe.mac))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert entry.unique_id == bitaxe.mac.lower()
    assert entities(home, entry) == before


async def test_a_mac_that_another_entry_has(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Two entries never count one device twice."""
    tells(bitaxe, macAddr=None)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", "address:127.0.0.1"))
    tells(bitaxe)
    other = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Other"))
    await poll(home, entry)
    assert entry.unique_id == "address:127.0.0.1"
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
    await home.config_entries.async_remove(other.entry_id)
    await poll(home, entry)
    assert entry.unique_id == bitaxe.mac.lower()


async def test_a_mac_that_was_ignored(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Whoever ignored the second offer of a miner keeps the miner."""
    tells(bitaxe, macAddr=None)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", "address:127.0.0.1"))
    await home.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": bitaxe.mac.lower(), "title": "Bitaxe"},
    )
    tells(bitaxe)
    for _ in range(2):
        await poll(home, entry)
        assert float(find(home, entry, "sensor", "hashrate").state) > 0
    assert entry.unique_id == bitaxe.mac.lower()


async def test_a_mac_that_is_not_told_for_a_while(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The values go on; a command waits until the miner says who it is."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    tells(bitaxe, macAddr="00:00:00:00:00:00")
    await poll(home, entry)
    assert float(find(home, entry, "sensor", "hashrate").state) > 0
    mode = find_id(home, entry, "select", "mode")
    with pytest.raises(HomeAssistantError):
        await act(home, "select", "select_option", mode, option="eco")
    assert not bitaxe.writes
    (device,) = devices(home, entry)
    assert device.connections == {("mac", bitaxe.mac.lower())}

    tells(bitaxe)
    await act(home, "select", "select_option", mode, option="eco")
    assert find(home, entry, "select", "mode").state == "eco"


# Commands (case 10)


COMMANDS: dict[str, tuple[Callable[[], Any], str, tuple[str, str, str, str], Any]] = {
    "bitaxe mode": (
        SimulatedAxeOS,
        "bitaxe",
        ("select", "mode", "select", "select_option"),
        {"option": "eco"},
    ),
    "bitaxe pause": (
        SimulatedAxeOS,
        "bitaxe",
        ("switch", "mining", "switch", "turn_off"),
        {},
    ),
    "bitaxe restart": (
        SimulatedAxeOS,
        "bitaxe",
        ("button", "restart", "button", "press"),
        {},
    ),
    "bitaxe frequency": (
        SimulatedAxeOS,
        "bitaxe",
        ("number", "set_frequency", "number", "set_value"),
        {"value": 400},
    ),
    "nerdqaxe mode": (
        SimulatedNerdQAxe,
        "nerdqaxe",
        ("select", "mode", "select", "select_option"),
        {"option": "eco"},
    ),
    "nerdqaxe restart": (
        SimulatedNerdQAxe,
        "nerdqaxe",
        ("button", "restart", "button", "press"),
        {},
    ),
    "avalon mode": (
        lambda: SimulatedAvalon(mode=2),
        "avalon_nano",
        ("select", "mode", "select", "select_option"),
        {"option": "low"},
    ),
    "avalon restart": (
        SimulatedAvalon,
        "avalon_nano",
        ("button", "restart", "button", "press"),
        {},
    ),
    "nmminer restart": (
        lambda: SimulatedNMMiner(udp=False, http=True),
        "nmminer",
        ("button", "restart", "button", "press"),
        {},
    ),
}


@pytest.mark.usefixtures("every_entity")
@pytest.mark.parametrize(
    ("make", "driver", "target", "data"), COMMANDS.values(), ids=list(COMMANDS)
)
async def test_no_command_reaches_another_miner(
    home: HomeAssistant,
    make: Callable[[], SimulatedDevice],
    driver: str,
    target: tuple[str, str, str, str],
    data: dict[str, Any],
) -> None:
    """Given an address that got another miner since the last poll, it is refused."""
    platform, key, domain, action = target
    async with make() as device:
        entry = await set_up(home, miner_entry(device, driver, identity(device)))
        entity_id = find_id(home, entry, platform, key)
        assert entry.runtime_data.last_update_success
        device.fault = Fault.WRONG_MAC
        device.counters.reset()
        boots = device.boots
        with refused("wrong_device", HomeAssistantError):
            await act(home, domain, action, entity_id, **data)
        assert device.boots == boots
        assert not [
            path
            for path in device.counters.by_path
            if path.startswith(("PATCH", "POST", "PUT"))
            or path in ("ascset", "setpool", "switchpool")
        ]
        assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE

        # The right one is back, and obeys
        device.fault = None
        await poll(home, entry)
        await act(home, domain, action, entity_id, **data)
