"""Adding miners and pools, and changing what was added."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, get_args
from unittest.mock import AsyncMock, patch

from homeassistant.components.network import Adapter
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_IGNORE,
    SOURCE_SYSTEM,
    SOURCE_ZEROCONF,
    ConfigEntry,
    ConfigEntryState,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import flush_store
import pytest_socket

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.const import DOMAIN, FLEET_UNIQUE_ID
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine.address import AddressFault
from custom_components.hmm.fleet.failover import Memory
from custom_components.hmm.markdown import own_issues
from custom_components.hmm.miner import discovery
from custom_components.hmm.miner.autotune import AutotuneState
from custom_components.hmm.miner.walk import Caps
from custom_components.hmm.miner.watchdog_rules import WatchdogRecord
from simulator import (
    Fault,
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNerdQAxe,
    SimulatedNMMiner,
)
from simulator.device import SimulatedDevice
from simulator.httpd import text_response

from .common import act, find, find_id, fleet_entry, poll, value
from .conftest import UsualPorts, free_udp_port, miner_entry, set_up
from .flows import (
    TEXTS,
    Result,
    begin,
    choose,
    fill,
    open_options,
    options,
    reconfigure,
    suggested,
    with_texts,
)
from .listening import listening
from .other_devices import Antminer, JsonOfAnotherKind, Lamp, Mailserver

pytestmark = pytest.mark.usefixtures("quick", "usual_ports")

OTHER_WALLET = "dgb1qda6xsetjypjhsctdwpkx2gfpyysjzgfphl8kfa"
BITCOIN_WALLET = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"

BOTH_FIT = """
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver

class GarageDriver(BitaxeDriver):
    driver_type = "garage"
    display_name = "My own AxeOS"
"""


def miners(hass: HomeAssistant) -> list[ConfigEntry[Any]]:
    """Return the entries of miners."""
    return [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.data.get("entry_type") == "miner"
    ]


async def add_miner(hass: HomeAssistant, device: SimulatedDevice) -> Result:
    """Add a simulated miner by its address."""
    return await fill(
        hass, await choose(hass, "miner"), host=f"127.0.0.1:{device.port}"
    )


# A miner by its address


def broadcasting() -> SimulatedNMMiner:
    """Return an NMMiner that broadcasts to a port that is also given as its own."""
    port = free_udp_port()
    return SimulatedNMMiner(port=port, target=("127.0.0.1", port), interval=0.05)


def mac(device: Any) -> str:
    """Return what most miners are known by."""
    return str(device.mac).lower()


@pytest.mark.parametrize(
    ("make", "driver", "title", "unique_id"),
    [
        pytest.param(
            lambda: SimulatedAxeOS(generation="2.4", model="ultra"),
            "bitaxe",
            "Bitaxe Ultra",
            mac,
            id="bitaxe-2.4",
        ),
        pytest.param(
            lambda: SimulatedAxeOS(generation="2.15", model="gamma"),
            "bitaxe",
            "Bitaxe Gamma",
            mac,
            id="bitaxe-2.15",
        ),
        pytest.param(SimulatedNerdQAxe, "nerdqaxe", "NerdQAxe++", mac, id="nerdqaxe"),
        pytest.param(
            lambda: SimulatedAvalon(model="nano3s"),
            "avalon_nano",
            "Avalon Nano 3S",
            mac,
            id="nano3s",
        ),
        pytest.param(
            lambda: SimulatedAvalon(model="nano3"),
            "avalon_nano",
            "Avalon Nano 3",
            lambda device: device.serial,
            id="nano3-without-mac",
        ),
        pytest.param(
            lambda: SimulatedNMMiner(udp=False, http=True, version="v2.0.03"),
            "nmminer",
            "NMMiner",
            lambda device: device.hostname.lower(),
            id="nmminer-http",
        ),
        pytest.param(
            broadcasting,
            "nmminer",
            "NMLotto",
            lambda device: f"address:127.0.0.1:{device.port}",
            id="nmminer-udp",
        ),
    ],
)
async def test_a_miner_is_added_by_its_address(
    home: HomeAssistant,
    make: Callable[[], SimulatedDevice],
    driver: str,
    title: str,
    unique_id: Callable[[Any], str],
) -> None:
    """Only the address is asked for; the device tells what and who it is."""
    async with make() as device:
        form = await choose(home, "miner")
        assert form["step_id"] == "miner"
        result = await fill(home, form, host=f" 127.0.0.1:{device.port} ")

        assert result["type"] is FlowResultType.CREATE_ENTRY
        entry = result["result"]
        assert entry.title == result["title"] == title
        assert entry.unique_id == unique_id(device)
        assert entry.state is ConfigEntryState.LOADED
        assert entry.data["entry_type"] == "miner"
        assert entry.data["driver"] == driver
        assert entry.data["host"] == "127.0.0.1"
        assert entry.data["port"] == device.port
        assert value(home, entry, "hashrate") > 0
        # and the hub made itself
        assert fleet_entry(home).state is ConfigEntryState.LOADED


@pytest.mark.parametrize("typed", ["http://{}/", "HTTP://me@{}/#/settings", "{}/"])
async def test_an_address_is_pasted_from_the_browser(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, typed: str
) -> None:
    """What a browser shows is understood as the address of the miner."""
    form = await choose(home, "miner")
    result = await fill(home, form, host=typed.format(f"127.0.0.1:{bitaxe.port}"))
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["host"] == "127.0.0.1"
    assert result["data"]["port"] == bitaxe.port


async def test_miners_of_one_model_get_different_names(home: HomeAssistant) -> None:
    """The second Bitaxe is told from the first by the end of its MAC."""
    async with (
        SimulatedAxeOS(name="one") as one,
        SimulatedAxeOS(name="two") as two,
        SimulatedNMMiner(name="a", udp=False, http=True) as three,
        SimulatedNMMiner(name="b", udp=False, http=True) as four,
    ):
        titles = [(await add_miner(home, item))["title"] for item in (one, two)]
        tail = two.mac.replace(":", "")[-4:]
        assert titles == ["Bitaxe Gamma", f"Bitaxe Gamma {tail}"]
        # These tell no MAC
        titles = [(await add_miner(home, item))["title"] for item in (three, four)]
        assert titles == ["NMMiner", "NMMiner 2"]


@pytest.mark.parametrize(
    ("typed", "error"),
    [
        ("http://", "address_invalid"),
        ("http://[2001:db8::1]/", "address_ipv6"),
        ("fe80::1", "address_ipv6"),
        ("[2001:db8::1]:80", "address_ipv6"),
        ("127.0.0.1:0", "address_port"),
        ("127.0.0.1:65536", "address_port"),
        ("127.0.0.1:http", "address_port"),
        ("192.168.1.500", "address_invalid"),
        ("my bitaxe", "address_invalid"),
        ("", "address_invalid"),
    ],
)
async def test_an_address_that_is_none(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, typed: str, error: str
) -> None:
    """What is wrong with the address is said at its field; the next one works."""
    result = await fill(home, await choose(home, "miner"), host=typed)
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == "miner"
    assert result["errors"] == {"host": error}
    assert suggested(result, "host") == typed
    assert bitaxe.counters.connections == 0

    result = await fill(home, result, host=f"127.0.0.1:{bitaxe.port}")
    assert result["type"] is FlowResultType.CREATE_ENTRY


@asynccontextmanager
async def bad_axe(**attributes: Any) -> AsyncIterator[SimulatedAxeOS]:
    """Run a Bitaxe that something is wrong with."""
    async with SimulatedAxeOS(name="bad") as device:
        for name, it in attributes.items():
            setattr(device, name, it)
        yield device


@asynccontextmanager
async def switched_off() -> AsyncIterator[SimulatedAxeOS]:
    """Run a Bitaxe whose plug is pulled."""
    async with SimulatedAxeOS(name="off") as device:
        await device.unplug()
        yield device


@pytest.mark.parametrize(
    ("stranger", "error"),
    [
        pytest.param(switched_off, "refused", id="no-answer"),
        pytest.param(
            lambda: bad_axe(fault=Fault.RESET), "connection_lost", id="connection-reset"
        ),
        pytest.param(Mailserver, "bad_response", id="wrong-service"),
        pytest.param(lambda: bad_axe(fault=Fault.GARBAGE), "not_a_miner", id="garbage"),
        pytest.param(lambda: bad_axe(fault=Fault.HALF), "not_a_miner", id="half"),
        pytest.param(lambda: bad_axe(fault=Fault.HTML), "not_a_miner", id="web-page"),
        pytest.param(
            lambda: bad_axe(fault=Fault.REDIRECT), "not_a_miner", id="redirect"
        ),
        pytest.param(
            lambda: bad_axe(refuse_address=True), "network_refused", id="axeos-401"
        ),
        pytest.param(Antminer, "unsupported_device", id="cgminer-that-is-no-avalon"),
        pytest.param(Lamp, "unsupported_device", id="http-device-of-another-kind"),
        pytest.param(
            JsonOfAnotherKind, "unsupported_device", id="json-of-another-kind"
        ),
        pytest.param(
            lambda: bad_axe(admit=lambda _: text_response("Sign in", status=401)),
            "login_needed",
            id="login",
        ),
    ],
)
async def test_what_answers_is_no_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, stranger: Any, error: str
) -> None:
    """Each thing that can answer has its own message; the right address works."""
    async with stranger() as device:
        result = await add_miner(home, device)
        assert result["type"] is FlowResultType.FORM
        assert result["step_id"] == "miner"
        assert result["errors"] == {"base": error}
        assert suggested(result, "host") == f"127.0.0.1:{device.port}"

        result = await fill(home, result, host=f"127.0.0.1:{bitaxe.port}")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["title"] == "Bitaxe Gamma"
        assert len(miners(home)) == 1


async def test_a_miner_is_not_added_twice(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The same address again changes nothing, and names what has it, as a plain text."""
    entry = (await add_miner(home, bitaxe))["result"]
    home.config_entries.async_update_entry(entry, title="Axe [attic]")
    before = dict(entry.data)

    result = await add_miner(home, bitaxe)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert result["description_placeholders"] == {"name": r"Axe \[attic\]"}
    assert entry.data == before
    assert miners(home) == [entry]


async def test_a_miner_that_is_added_again_moves(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A known miner at a new address is followed there, in its own entry."""
    entry = (await add_miner(home, bitaxe))["result"]
    await bitaxe.unplug()
    await poll(home, entry)
    assert find(home, entry, "sensor", "hashrate").state == "unavailable"

    async with SimulatedAxeOS(name=bitaxe.name) as moved:
        assert moved.mac == bitaxe.mac
        result = await add_miner(home, moved)
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "address_updated"
        assert miners(home) == [entry]
        assert entry.data["port"] == moved.port
        assert value(home, entry, "hashrate") > 0


async def test_two_drivers_fit(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Where a driver of the user knows the miner as well, the user chooses."""
    (hmm_folder / "garage_driver.py").write_text(BOTH_FIT)

    result = await add_miner(home, bitaxe)
    assert result["step_id"] == "driver"
    assert options(result, "driver") == {
        "bitaxe": "Bitaxe (AxeOS)",
        "garage": "My own AxeOS",
    }
    result = await fill(home, result, driver="garage")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["driver"] == "garage"
    assert result["result"].unique_id == bitaxe.mac.lower()
    assert value(home, result["result"], "hashrate") > 0


async def test_no_driver_at_all(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Without drivers no miner is found, and it is said so."""
    await async_setup_component(home, DOMAIN, {})
    with patch.object(get_data(home).drivers, "miners", {}):
        result = await add_miner(home, bitaxe)
    assert result["errors"] == {"base": "unsupported_device"}
    result = await fill(home, result, host=f"127.0.0.1:{bitaxe.port}")
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_driver_of_the_user_that_always_says_no(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Only bundled drivers are known to say no to what answered and nothing else."""
    (hmm_folder / "garage_driver.py").write_text(
        BOTH_FIT + '    connection_type = "modbus"\n'
        "    async def connect(self, ip, port=None):\n        return False\n"
    )
    async with switched_off() as off:
        result = await add_miner(home, off)
    assert result["errors"] == {"base": "refused"}


# The scan


@pytest.fixture
def two_hosts(home: HomeAssistant) -> None:
    """Allow a second address of this machine."""
    pytest_socket.socket_allow_hosts(["127.0.0.1", "127.0.0.2"])


@asynccontextmanager
async def scan(hass: HomeAssistant, length: int = 32) -> AsyncIterator[Result]:
    """Scan 127.0.0.1/``length``; gives what the dialog shows after its progress."""
    adapter = Adapter(
        name="eth0",
        index=1,
        enabled=True,
        auto=True,
        default=True,
        ipv4=[{"address": "127.0.0.1", "network_prefix": length}],
        ipv6=[],
    )
    unused = Adapter(**{**adapter, "name": "eth1", "enabled": False})
    with patch(
        "homeassistant.components.network.async_get_adapters",
        return_value=[adapter, unused],
    ):
        shown = await choose(hass, "scan")
        if shown["type"] is FlowResultType.SHOW_PROGRESS:  # else nobody was asked
            shown = await hass.config_entries.flow.async_configure(shown["flow_id"])
        yield with_texts(shown)


async def test_the_scan_finds_nothing(home: HomeAssistant) -> None:
    """A network without miners is told as such."""
    async with scan(home) as result:
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "no_devices_found"


async def test_the_scan_finds_a_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """What is found is offered; nothing is added unasked."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    async with scan(home) as result:
        assert result["step_id"] == "scan_result"
        name = "Bitaxe Gamma, bitaxe (127.0.0.1)"
        assert options(result, "devices") == {"127.0.0.1": name}
        assert result["description_placeholders"] == {
            "miners": "| Bitaxe Gamma | bitaxe | 127.0.0.1 |"
        }
        assert miners(home) == []

        result = await fill(home, result, devices=[])
        assert result["step_id"] == "scan_result"

        result = await fill(home, result, devices=["127.0.0.1"])
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["result"].unique_id == bitaxe.mac.lower()
        assert result["result"].data["port"] is None
        assert "next_flow" not in result


async def test_the_scan_leaves_out_known_miners(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """A miner that is set up is neither asked nor offered again."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    await add_miner(home, bitaxe)
    bitaxe.counters.reset()
    async with scan(home) as result:
        assert result["reason"] == "no_devices_found"
    assert bitaxe.counters.requests == 0


async def test_a_network_that_is_too_large_is_said_and_a_part_may_be_typed(
    home: HomeAssistant,
) -> None:
    """Nobody is told that there is no miner where none was looked for."""
    async with scan(home, 8) as result:
        assert result["step_id"] == "scan_range"
        assert result["errors"] == {"base": "range_own_too_large"}
        assert result["description_placeholders"] == {"networks": "127.0.0.0/8"}


async def test_several_found_miners_are_added_in_one_go(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    two_hosts: None,
) -> None:
    """All that were picked are there when the dialog closes, the ignored one as well."""
    async with SimulatedAxeOS(
        name="second", model="ultra", host="127.0.0.2", port=bitaxe.port
    ) as second:
        usual_ports.move(BitaxeDriver, bitaxe.port)
        await home.config_entries.flow.async_init(
            DOMAIN,
            context={"source": SOURCE_IGNORE},
            data={"unique_id": second.mac.lower(), "title": "Ignored"},
        )
        async with scan(home, 30) as result:
            assert list(options(result, "devices")) == ["127.0.0.1", "127.0.0.2"]
            result = await fill(home, result, devices=["127.0.0.1", "127.0.0.2"])
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert "next_flow" not in result
        assert not home.config_entries.flow.async_progress()
        assert {(miner.unique_id, miner.title) for miner in miners(home)} == {
            (bitaxe.mac.lower(), "Bitaxe Gamma"),
            (second.mac.lower(), "Bitaxe Ultra"),
        }
        assert all(miner.state is ConfigEntryState.LOADED for miner in miners(home))


async def test_only_the_driver_of_a_picked_miner_is_asked_for(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    two_hosts: None,
) -> None:
    """Where two drivers know them, one question follows the other."""
    (hmm_folder / "garage_driver.py").write_text(
        BOTH_FIT + f"    default_port = {bitaxe.port}\n"
    )
    async with SimulatedAxeOS(
        name="second", host="127.0.0.2", port=bitaxe.port
    ) as second:
        usual_ports.move(BitaxeDriver, bitaxe.port)
        async with scan(home, 30) as result:
            result = await fill(home, result, devices=["127.0.0.1", "127.0.0.2"])
        assert result["step_id"] == "driver"
        result = await fill(home, result, driver="bitaxe")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        (flow,) = home.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert result["next_flow"] == ("config_flow", flow["flow_id"])
        assert flow["step_id"] == "driver"
        result = await fill(home, flow, driver="bitaxe")
        assert result["result"].unique_id == second.mac.lower()


async def test_a_typed_range_is_searched(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    two_hosts: None,
) -> None:
    """Given a range, only that is searched; without a miner, another can be typed."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    form = await choose(home, "scan_range")
    assert form["step_id"] == "scan_range"
    for typed, fault in (
        ("garage", "range_invalid"),
        ("10.0.0.0/21", "range_too_large"),
        ("8.8.8.0/24", "range_elsewhere"),
    ):
        form = await fill(home, form, range=typed)
        assert form["errors"] == {"range": fault}

    form = await _searched(home, form, "127.0.0.2")
    assert form["errors"] == {"base": "range_nothing"}
    assert suggested(form, "range") == "127.0.0.2"
    assert bitaxe.counters.requests == 0
    result = await _searched(home, form, "127.0.0.1-2")
    assert result["step_id"] == "scan_result"
    result = await fill(home, result, devices=["127.0.0.1"])
    assert result["result"].unique_id == bitaxe.mac.lower()


async def _searched(home: HomeAssistant, form: Result, typed: str) -> Result:
    """Type a range and wait for the end of the search."""
    shown = await fill(home, form, range=typed)
    while shown["type"] is FlowResultType.SHOW_PROGRESS:
        shown = await home.config_entries.flow.async_configure(shown["flow_id"])
    return with_texts(shown)


async def test_a_picked_miner_that_vanished_says_so_and_can_be_tried_again(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    two_hosts: None,
) -> None:
    """The owner picked two and would not know why one is missing."""
    async with SimulatedAxeOS(
        name="second", host="127.0.0.2", port=bitaxe.port
    ) as second:
        usual_ports.move(BitaxeDriver, bitaxe.port)
        async with scan(home, 30) as result:
            await second.unplug()
            result = await fill(home, result, devices=["127.0.0.1", "127.0.0.2"])
        assert result["type"] is FlowResultType.CREATE_ENTRY
        (flow,) = home.config_entries.flow.async_progress_by_handler(DOMAIN)
        assert result["next_flow"] == ("config_flow", flow["flow_id"])
        assert flow["context"]["title_placeholders"] == {"name": "127.0.0.2"}
        form = with_texts(
            await home.config_entries.flow.async_configure(flow["flow_id"])
        )
        assert form["step_id"] == "miner"
        assert suggested(form, "host") == "127.0.0.2"
        assert form["errors"] == {"base": "refused"}
        form = await fill(home, form, host="127.0.0.2")
        assert form["errors"] == {"base": "refused"}

        await second.plug_in()
        result = await fill(home, form, host="127.0.0.2")
        assert result["result"].unique_id == second.mac.lower()


async def test_a_scan_in_which_two_drivers_fit(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
) -> None:
    """The miner is offered once, as it stands in the form, and the driver is chosen."""
    (hmm_folder / "garage_driver.py").write_text(
        BOTH_FIT + f"    default_port = {bitaxe.port}\n"
    )
    usual_ports.move(BitaxeDriver, bitaxe.port)
    async with scan(home) as result:
        marker = next(iter(result["data_schema"].schema))
        assert marker.default() == ["127.0.0.1"]
        result = await fill(home, result, devices=["127.0.0.1", "127.0.0.1"])
    assert result["step_id"] == "driver"
    result = await fill(home, result, driver="garage")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert "next_flow" not in result
    assert not home.config_entries.flow.async_progress()


async def test_a_scan_finds_a_miner_with_two_addresses_once(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
    two_hosts: None,
) -> None:
    """It has one MAC, so it is one miner."""
    async with SimulatedAxeOS(name=bitaxe.name, host="127.0.0.2", port=bitaxe.port):
        usual_ports.move(BitaxeDriver, bitaxe.port)
        async with scan(home, 30) as result:
            assert len(options(result, "devices")) == 1


async def test_two_kinds_at_one_address(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """Where several miners share an address, the user chooses which one it is."""
    async with SimulatedAvalon() as avalon:
        usual_ports.move(BitaxeDriver, bitaxe.port)
        usual_ports.move(AvalonNanoDriver, avalon.port)
        async with scan(home) as result:
            assert set(options(result, "devices")) == {"127.0.0.1"}
            result = await fill(home, result, devices=["127.0.0.1"])
            assert result["step_id"] == "driver"
            assert set(options(result, "driver")) == {"avalon_nano", "bitaxe"}
            result = await fill(home, result, driver="bitaxe")
        assert result["type"] is FlowResultType.CREATE_ENTRY
        assert result["result"].unique_id == bitaxe.mac.lower()


# Discovery


def lease(device: SimulatedDevice, ip: str = "127.0.0.1") -> DhcpServiceInfo:
    """Return what DHCP tells of a device."""
    return DhcpServiceInfo(
        ip=ip, hostname="bitaxe", macaddress=device.mac.replace(":", "").lower()
    )


async def test_dhcp_finds_a_new_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """A new miner on the network is added when its owner confirms."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["step_id"] == "discovery_confirm"
    assert result["description_placeholders"] == {
        "name": "Bitaxe Gamma",
        "host": "127.0.0.1",
    }
    (flow,) = home.config_entries.flow.async_progress()
    assert flow["context"]["title_placeholders"] == {"name": "Bitaxe Gamma (127.0.0.1)"}
    assert miners(home) == []

    result = await fill(home, result)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].unique_id == bitaxe.mac.lower()


async def test_dhcp_follows_a_known_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, two_hosts: None
) -> None:
    """A new lease of a known miner moves its entry, and it is back."""
    entry = await set_up(
        home, miner_entry(bitaxe, "bitaxe", data={"host": "127.0.0.2"})
    )
    assert entry.reason is not None  # nobody answers there

    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "address_updated"
    assert entry.data["host"] == "127.0.0.1"
    assert entry.data["port"] == bitaxe.port
    assert entry.state is ConfigEntryState.LOADED
    assert value(home, entry, "hashrate") > 0


async def test_dhcp_sets_a_miner_up_that_is_back(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """Home Assistant does not wait for its next try of an entry that never was set up."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    await bitaxe.unplug()
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.SETUP_RETRY

    await bitaxe.plug_in()
    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["reason"] == "already_configured"
    assert entry.state is ConfigEntryState.LOADED


async def test_no_lease_moves_a_miner_without_its_driver(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, two_hosts: None
) -> None:
    """Without the driver nobody can say that the miner has left its old address."""
    entry = await set_up(home, miner_entry(bitaxe, "gone", data={"host": "127.0.0.2"}))
    assert entry.state is ConfigEntryState.SETUP_ERROR
    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["reason"] == "already_configured"
    assert entry.data["host"] == "127.0.0.2"


async def test_no_lease_moves_a_miner_that_still_answers(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, two_hosts: None
) -> None:
    """Anyone can ask for a lease in the name of a miner, or answer with its MAC."""
    entry = (await add_miner(home, bitaxe))["result"]
    before = dict(entry.data)
    async with SimulatedAxeOS(
        name=bitaxe.name, host="127.0.0.2", port=bitaxe.port
    ) as impostor:
        assert impostor.mac == bitaxe.mac
        result = await begin(home, SOURCE_DHCP, lease(impostor, "127.0.0.2"))
        assert result["reason"] == "already_configured"
        result = await fill(
            home, await choose(home, "miner"), host=f"127.0.0.2:{impostor.port}"
        )
        assert result["reason"] == "already_configured"
        assert dict(entry.data) == before
        assert not impostor.writes


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "169.254.169.254", "224.0.0.251", "100.64.0.1", "0.0.0.0"]
)
async def test_an_announced_address_elsewhere_is_not_asked(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, address: str
) -> None:
    """Whoever announces it makes nobody ask it, nor moves a miner there."""
    entry = (await add_miner(home, bitaxe))["result"]
    await bitaxe.unplug()
    asked = AsyncMock(side_effect=AssertionError)
    with patch("custom_components.hmm.miner.flow.detect", asked):
        for source, info in (
            (SOURCE_ZEROCONF, announcement(address)),
            (SOURCE_DHCP, lease(bitaxe, address)),
        ):
            result = await begin(home, source, info)
            assert result["type"] is FlowResultType.ABORT
            assert result["reason"] == "address_elsewhere"
    assert entry.data["host"] == "127.0.0.1"


async def test_loopback_is_asked_in_tests_only(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An announced miner is another machine."""
    monkeypatch.setattr("custom_components.hmm.miner.discovery.LOOPBACK", False)
    result = await begin(home, SOURCE_ZEROCONF, announcement("127.0.0.1"))
    assert result["reason"] == "address_elsewhere"


async def test_dhcp_finds_no_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """What only has a miner's name is not offered."""
    bitaxe.fault = Fault.HTML
    usual_ports.move(BitaxeDriver, bitaxe.port)
    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_offered"

    await bitaxe.unplug()
    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "not_offered"


async def test_a_found_miner_that_two_drivers_know(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    usual_ports: UsualPorts,
) -> None:
    """The choice of the driver is not taken away by discovery."""
    (hmm_folder / "garage_driver.py").write_text(
        BOTH_FIT + f"    default_port = {bitaxe.port}\n"
    )
    usual_ports.move(BitaxeDriver, bitaxe.port)
    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["step_id"] == "discovery_confirm"
    result = await fill(home, result)
    assert result["step_id"] == "driver"
    result = await fill(home, result, driver="garage")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["driver"] == "garage"


def announcement(address: str) -> ZeroconfServiceInfo:
    """Return what a Bitaxe announces."""
    return ZeroconfServiceInfo(
        ip_address=ip_address(address),
        ip_addresses=[ip_address(address)],
        port=80,
        hostname="bitaxe.local.",
        type="_http._tcp.local.",
        name="bitaxe._http._tcp.local.",
        properties={},
    )


async def test_zeroconf_finds_a_new_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """A miner that announces itself is offered once, however often it does."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    form = await begin(home, SOURCE_ZEROCONF, announcement("127.0.0.1"))
    assert form["step_id"] == "discovery_confirm"

    again = await begin(home, SOURCE_ZEROCONF, announcement("127.0.0.1"))
    assert again["type"] is FlowResultType.ABORT
    assert again["reason"] == "already_in_progress"

    result = await fill(home, form)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    again = await begin(home, SOURCE_ZEROCONF, announcement("127.0.0.1"))
    assert again["reason"] == "already_configured"


async def test_announcements_by_the_dozen(
    home: HomeAssistant, usual_ports: UsualPorts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few are asked who they are at a time, and of too many the last ones never."""
    monkeypatch.setattr(discovery, "MAX_ANNOUNCED", 30)
    connections: set[asyncio.StreamWriter] = set()
    most = count = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal most, count
        connections.add(writer)
        most, count = max(most, len(connections)), count + 1
        await asyncio.sleep(0.02)
        connections.discard(writer)
        writer.close()

    async def announce() -> None:
        result = await begin(home, SOURCE_ZEROCONF, announcement("127.0.0.1"))
        assert result["reason"] == "not_offered"

    async with listening(serve) as port:
        usual_ports.move(AvalonNanoDriver, port)
        await announce()
        each = count
        await asyncio.gather(*(announce() for _ in range(40)))
    assert count == each + 30 * each
    assert most <= discovery.ASKED_AT_ONCE


async def test_zeroconf_tells_only_an_ipv6_address(home: HomeAssistant) -> None:
    """Miners do not answer over IPv6."""
    result = await begin(home, SOURCE_ZEROCONF, announcement("fe80::1"))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "address_ipv6"


async def test_a_found_miner_can_be_ignored(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """An ignored miner is not offered again, and can be added by hand."""
    usual_ports.move(BitaxeDriver, bitaxe.port)
    await begin(home, SOURCE_DHCP, lease(bitaxe))
    result: Result = await home.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_IGNORE},
        data={"unique_id": bitaxe.mac.lower(), "title": "Bitaxe Gamma"},
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert not home.config_entries.flow.async_progress()
    # The list of all entries, as the settings show it, has it as well
    ignored = result["result"]
    assert ignored.as_json_fragment
    assert not ignored.supports_options

    result = await begin(home, SOURCE_DHCP, lease(bitaxe))
    assert result["reason"] == "already_configured"

    result = await add_miner(home, bitaxe)
    assert result["type"] is FlowResultType.CREATE_ENTRY


# Reconfigure


async def test_a_miner_that_is_removed_meanwhile(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The dialog, open in another tab, says so."""
    entry = (await add_miner(home, bitaxe))["result"]
    form = await reconfigure(home, entry)
    await home.config_entries.async_remove(entry.entry_id)
    result = await fill(home, form, host=f"127.0.0.1:{bitaxe.port}")
    assert result["reason"] == "removed_meanwhile"


async def test_a_miner_that_moved_is_reconfigured(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The new address is taken when the same miner answers there."""
    entry = (await add_miner(home, bitaxe))["result"]
    form = await reconfigure(home, entry)
    assert form["step_id"] == "reconfigure_miner"
    assert form["description_placeholders"]["name"] == "Bitaxe Gamma"
    assert suggested(form, "host") == f"127.0.0.1:{bitaxe.port}"
    await bitaxe.unplug()

    async with SimulatedAxeOS(name=bitaxe.name) as moved:
        result = await fill(home, form, host=f"127.0.0.1:{moved.port}")
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "reconfigure_successful"
        assert entry.data["port"] == moved.port
        assert entry.unique_id == bitaxe.mac.lower()
        assert entry.state is ConfigEntryState.LOADED
        assert value(home, entry, "hashrate") > 0
        assert miners(home) == [entry]


async def test_reconfigure_shows_the_usual_port_as_none(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A miner at its usual port has only a host in the form."""
    entry = miner_entry(bitaxe, "bitaxe", data={"port": None})
    entry.add_to_hass(home)
    form = await reconfigure(home, entry)
    assert suggested(form, "host") == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "errors"),
    [
        ("127.0.0.", {"host": "address_invalid"}),
        (None, {"base": "refused"}),
    ],
)
async def test_reconfigure_to_where_no_miner_is(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    address: str | None,
    errors: dict[str, str],
) -> None:
    """A wrong address is told and nothing changes; the right one is taken."""
    entry = (await add_miner(home, bitaxe))["result"]
    before = dict(entry.data)
    right = f"127.0.0.1:{bitaxe.port}"
    async with switched_off() as off:
        result = await fill(
            home,
            await reconfigure(home, entry),
            host=address or f"127.0.0.1:{off.port}",
        )
    assert result["type"] is FlowResultType.FORM
    assert result["errors"] == errors
    assert entry.data == before

    result = await fill(home, result, host=right)
    assert result["reason"] == "reconfigure_successful"
    assert entry.state is ConfigEntryState.LOADED


@pytest.mark.parametrize(
    ("make", "step", "driver"),
    [
        (
            lambda: SimulatedAxeOS(name="other", generation="2.15", model="gamma"),
            "replace_miner",
            "bitaxe",
        ),
        (lambda: SimulatedAxeOS(model="suprahex"), "replace_miner", "bitaxe"),
        (SimulatedAvalon, "replace_other_kind", "avalon_nano"),
    ],
)
async def test_another_miner_takes_the_place(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    make: Callable[[], SimulatedDevice],
    step: str,
    driver: str,
) -> None:
    """After a question the new one has the entities, their history and the device."""
    entry = (await add_miner(home, bitaxe))["result"]
    home.config_entries.async_update_entry(
        entry, options={"plug": "switch.socket", "power_draw": 20}
    )
    before, entities = dict(entry.data), entity_ids(home, entry)
    model = entry.runtime_data.profile.facts.model
    hashrate = find_id(home, entry, "sensor", "hashrate")
    registry = dr.async_get(home)
    (device,) = dr.async_entries_for_config_entry(registry, entry.entry_id)
    area = ar.async_get(home).async_create("Garage")
    registry.async_update_device(device.id, area_id=area.id)
    await bitaxe.unplug()
    async with make() as other:
        form = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{other.port}"
        )
        assert form["type"] is FlowResultType.FORM
        assert form["step_id"] == step
        shown = form["description_placeholders"]
        assert bitaxe.mac.lower() in shown["old"]
        assert other.mac.lower() in shown["new"]
        # Nothing happened yet
        assert dict(entry.data) == before
        assert entry.unique_id == bitaxe.mac.lower()

        result = await fill(home, form)
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "miner_replaced"
        assert miners(home) == [entry]
        assert entry.unique_id == other.mac.lower()
        assert (entry.data["driver"], entry.data["port"]) == (driver, other.port)
        assert entry.options["plug"] == "switch.socket"
        assert entry.state is ConfigEntryState.LOADED
        assert find_id(home, entry, "sensor", "hashrate") == hashrate
        assert value(home, entry, "hashrate") > 0
        miner = entry.runtime_data
        is_same_model = miner.profile.facts.model == model
        assert ("power_draw" in entry.options) is is_same_model
        if is_same_model:
            assert entities <= entity_ids(home, entry)
        else:
            # Of what the new one does not have nothing is left, also what was disabled
            assert (entities <= entity_ids(home, entry)) is (driver == "bitaxe")
            assert {
                entity.unique_id.removeprefix(f"{entry.unique_id}_")
                for entity in er.async_entries_for_config_entry(
                    er.async_get(home), entry.entry_id
                )
            } == miner.offered
        (after,) = dr.async_entries_for_config_entry(registry, entry.entry_id)
        assert (after.id, after.area_id) == (device.id, area.id)
        assert after.identifiers == {(DOMAIN, other.mac.lower())}
        assert after.connections == {("mac", other.mac.lower())}

        # The old one is a new one now
        await bitaxe.plug_in()
        assert (await add_miner(home, bitaxe))["type"] is FlowResultType.CREATE_ENTRY


async def test_nothing_is_done_at_a_new_miner_that_was_meant_for_the_old_one(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, hass_storage: dict[str, Any]
) -> None:
    """What was to be undone, to be done, or allowed ends with the one that it was for."""
    entry = (await add_miner(home, bitaxe))["result"]
    home.config_entries.async_update_entry(entry, options={"own_risk": True})
    await home.config_entries.async_reload(entry.entry_id)
    data, entry_id = get_data(home), entry.entry_id
    autotune = data.autotunes[entry_id]
    autotune.caps = Caps(max_power=20)
    autotune.walk = entry.runtime_data.autotune.plan(autotune.caps)
    bitaxe.settings |= {"frequency": 400, "coreVoltage": 1060, "overheat_mode": 1}
    await poll(home, entry)
    bitaxe.settings["overheat_mode"] = 0
    await poll(home, entry)
    assert own_issues(home)
    data.watchdogs[entry_id].gave_up = True
    await act(home, "switch", "turn_on", find_id(home, entry, "switch", "watchdog"))
    await bitaxe.unplug()
    autotune.state = AutotuneState.RETURNING
    autotune.reason = "no_response"
    (device,) = dr.async_entries_for_config_entry(dr.async_get(home), entry_id)
    target = {"device_id": device.id, "keep_for": 3600}
    await home.services.async_call(
        DOMAIN, "set_mode", target | {"mode": "eco"}, blocking=True
    )
    data.failovers[entry_id] = Memory(at="pool", is_held=True)
    data.statuses[entry_id].paused_by = "paused_by_strategy"
    data.watchdogs[entry_id].gave_up = True
    await flush_store(data.tuning._store)
    for records in (data.autotunes, data.failovers, data.kept, data.watchdogs):
        await records.async_save()
    async with SimulatedAxeOS(name="other", generation="2.15", model="gamma") as other:
        other.settings["frequency"] = 490
        form = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{other.port}"
        )
        assert (await fill(home, form))["reason"] == "miner_replaced"
        # Nor after a crash: what is stored is as well gone
        for key in ("autotune", "failover", "kept"):
            assert entry_id not in hass_storage[f"hmm.{key}"]["data"]
        assert not hass_storage["hmm.profiles"]["data"]["miners"].get(entry_id)
        watchdog = hass_storage["hmm.watchdog"]["data"][entry_id]
        assert not watchdog.get("gave_up")
        assert not hass_storage["hmm.status"]["data"][entry_id].get("paused_by")
        for _ in range(3):
            await poll(home, entry)
            await home.async_block_till_done(wait_background_tasks=True)
        assert other.counters.by_path["PATCH /api/system"] == 0
        assert other.settings["frequency"] == 490
        assert (entry.options, entry.runtime_data.kept) == ({}, {})
        assert own_issues(home) == []
        assert data.autotunes[entry_id].state is AutotuneState.OFF
        assert data.failovers.get(entry_id) is None
        # What the owner wants of any miner there stays
        assert data.watchdogs[entry_id] == WatchdogRecord(enabled=True)


async def test_a_miner_that_has_an_entry_takes_no_place(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The form says whose it is, and takes another address."""
    entry = (await add_miner(home, bitaxe))["result"]
    async with SimulatedAxeOS(name="other") as other:
        known = (await add_miner(home, other))["result"]
        result = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{other.port}"
        )
        assert result["type"] is FlowResultType.FORM
        assert result["errors"] == {"base": "other_entry"}
        assert result["description_placeholders"]["other"] == known.title
        assert entry.unique_id == bitaxe.mac.lower()
        result = await fill(home, result, host=f"127.0.0.1:{bitaxe.port}")
        assert result["reason"] == "reconfigure_successful"


async def test_a_new_miner_that_was_offered_takes_the_place(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, usual_ports: UsualPorts
) -> None:
    """Its dialog as a new miner closes."""
    entry = (await add_miner(home, bitaxe))["result"]
    async with SimulatedAxeOS(name="other") as other:
        usual_ports.move(BitaxeDriver, other.port)
        offer = await begin(home, SOURCE_DHCP, lease(other))
        assert offer["step_id"] == "discovery_confirm"
        form = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{other.port}"
        )
        assert (await fill(home, form))["reason"] == "miner_replaced"
        assert not home.config_entries.flow.async_progress()


async def test_a_new_miner_that_was_added_meanwhile_takes_no_place(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Two entries never have one device."""
    entry = (await add_miner(home, bitaxe))["result"]
    async with SimulatedAxeOS(name="other") as other:
        form = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{other.port}"
        )
        assert form["step_id"] == "replace_miner"
        added = await add_miner(home, other)
        result = await fill(home, form)
        assert result["reason"] == "already_configured"
        assert result["description_placeholders"] == {"name": added["title"]}
        assert entry.unique_id == bitaxe.mac.lower()


async def test_name_and_address_are_one_miner(home: HomeAssistant) -> None:
    """A miner that tells no identity is not added again by another name."""
    async with broadcasting() as device:
        entry = (await add_miner(home, device))["result"]
        form = await choose(home, "miner")
        result = await fill(home, form, host=f"nmminer.test:{device.port}")
        assert result["type"] is FlowResultType.ABORT
        assert result["reason"] == "already_configured"
        assert entry.data["host"] == "127.0.0.1"
        assert miners(home) == [entry]


async def test_a_miner_that_is_known_by_its_address_moves(home: HomeAssistant) -> None:
    """A miner that tells no identity keeps its entities at its new address."""
    async with broadcasting() as device:
        entry = (await add_miner(home, device))["result"]
        entity_id = find_id(home, entry, "sensor", "hashrate")
        entities = entity_ids(home, entry)
    async with broadcasting() as moved:
        result = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{moved.port}"
        )
        assert result["reason"] == "reconfigure_successful"
        assert entry.unique_id == f"address:127.0.0.1:{moved.port}"
        assert find_id(home, entry, "sensor", "hashrate") == entity_id
        assert entity_ids(home, entry) == entities
        assert value(home, entry, "hashrate") > 0
        (device_entry,) = dr.async_entries_for_config_entry(
            dr.async_get(home), entry.entry_id
        )
        assert device_entry.identifiers == {(DOMAIN, entry.unique_id)}


def entity_ids(hass: HomeAssistant, entry: ConfigEntry[Any]) -> set[str]:
    """Return the ids of all entities of an entry."""
    return {
        entity.entity_id
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), entry.entry_id
        )
    }


async def test_reconfigure_of_an_address_to_a_known_miner(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Two entries never stand for one miner."""
    known = (await add_miner(home, bitaxe))["result"]
    async with broadcasting() as device:
        entry = (await add_miner(home, device))["result"]
        unique_id = entry.unique_id
        result = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{bitaxe.port}"
        )
        assert result["type"] is FlowResultType.FORM
        assert result["errors"] == {"base": "other_entry"}
        assert entry.unique_id == unique_id
        assert known.state is ConfigEntryState.LOADED

        # Where it is now is no other miner's place
        result = await fill(
            home, await reconfigure(home, entry), host=f"127.0.0.1:{device.port}"
        )
        assert result["reason"] == "reconfigure_successful"


async def test_reconfigure_keeps_the_driver(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Where two drivers fit, the one that was chosen stays."""
    (hmm_folder / "garage_driver.py").write_text(BOTH_FIT)
    entry = (await fill(home, await add_miner(home, bitaxe), driver="garage"))["result"]
    result = await fill(
        home, await reconfigure(home, entry), host=f"127.0.0.1:{bitaxe.port}"
    )
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["driver"] == "garage"


async def test_the_hub_has_nothing_to_reconfigure(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The hub says that there is nothing to set; its drivers are its options."""
    await add_miner(home, bitaxe)
    result = await reconfigure(home, fleet_entry(home))
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "fleet_has_no_settings"
    menu = await open_options(home, fleet_entry(home))
    assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "fleet")


# Texts


def test_every_fault_has_its_texts() -> None:
    """Whatever an address can be at fault for is translated."""
    for fault in get_args(AddressFault.__value__):
        assert TEXTS["config"]["error"][fault]


# The hub


async def test_there_is_one_hub(home: HomeAssistant) -> None:
    """The hub makes itself once."""
    first = await begin(home, SOURCE_SYSTEM, {})
    assert first["type"] is FlowResultType.CREATE_ENTRY
    assert first["title"] == "Mining fleet"
    assert first["result"].unique_id == FLEET_UNIQUE_ID

    second = await begin(home, SOURCE_SYSTEM, {})
    assert second["type"] is FlowResultType.ABORT
    assert second["reason"] == "already_configured"
    assert second["description_placeholders"] == {"name": "Mining fleet"}
    assert len(home.config_entries.async_entries(DOMAIN)) == 1


async def test_the_menu_offers_five_ways(home: HomeAssistant) -> None:
    """A miner, the two scans, a pool or what HMM-Local has."""
    result = await begin(home)
    assert result["type"] is FlowResultType.MENU
    assert result["menu_options"] == [
        "miner",
        "scan",
        "scan_range",
        "pool",
        "import_hmm_local",
    ]
