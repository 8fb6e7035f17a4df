"""Fixtures for tests inside Home Assistant."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from contextlib import ExitStack, suppress
import gc
from ipaddress import IPv4Network
import json
import logging
from pathlib import Path
import socket
import sys
import tempfile
import threading
from types import ModuleType
from typing import Any, cast
from unittest.mock import Mock, PropertyMock, patch

import aiohttp
import freezegun.api
from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import executor
import pytest
from pytest_homeassistant_custom_component import common
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.hmm.bundled.miner_drivers.avalon_nano_driver import (
    AvalonNanoDriver,
)
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver
from custom_components.hmm.bundled.miner_drivers.nerdqaxe_driver import NerdqaxeDriver
from custom_components.hmm.bundled.miner_drivers.nmminer_driver import NMMinerDriver
from custom_components.hmm.bundled.pool_drivers.braiins_driver import BraiinsDriver
from custom_components.hmm.bundled.pool_drivers.ckpool_driver import CkpoolDriver
from custom_components.hmm.bundled.pool_drivers.mmfp_driver import MmfpDriver
from custom_components.hmm.bundled.pool_drivers.public_pool_driver import (
    PublicPoolDriver,
)
from custom_components.hmm.bundled.shared import ckpool_stack
from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.bundled.shared.ckpool_stack import StackPorts
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import BaseMinerAdapter, DriverError
from custom_components.hmm.driver_api.transports.cgminer import CgminerClient
from custom_components.hmm.driver_engine import download, loader
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.identity import device_ids
from custom_components.hmm.driver_engine.profile import MinerProfile
from custom_components.hmm.drivers import changes
from custom_components.hmm.miner import discovery
from custom_components.hmm.miner.coordinator import MinerCoordinator
from custom_components.hmm.pool import discovered
from simulator import SimulatedAxeOS
from simulator.device import SimulatedDevice
from tests.file_server import FileServer
from tests.repairs import Repairs


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer a shorter run, for what another Home Assistant may break."""
    parser.addoption(
        "--few-cases",
        action="store_true",
        help="run only tests inside Home Assistant, and only the first case of each",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Leave out what takes a lot of time and finds nothing.

    What Home Assistant logs of each entity is a twentieth of all, and the statements of its
    recorder are more than what they do.
    """
    if config.getoption("verbose") <= 0:
        for name in ("homeassistant", "sqlalchemy.engine"):
            logging.getLogger(name).setLevel(logging.WARNING)
    # To look who asks a frozen clock takes longer than anything else that is done then
    freezegun.api.call_stack_inspection_limit = 0
    # A busy machine needs longer than the 10 s that Home Assistant gives all its threads. One
    # that is interrupted tells the others no more that they can end, and they stay
    executor.EXECUTOR_SHUTDOWN_TIMEOUT = 300
    # Until all tests are imported, nothing is garbage
    gc.disable()
    # Before each test, the plugin looks for this package, which Home Assistant does not need
    sys.modules.setdefault("MySQLdb", cast("ModuleType", None))


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long text by its beginning: some are megabytes, and travel with each report."""
    if isinstance(val, str | bytes) and len(val) > 200:
        return f"{val[:50]!a}... ({len(val)})"
    return None


LONGEST = tuple(
    f"tests/{path}.py"
    for path in (
        *("drivers/test_threads", "drivers/test_compare", "bundled/test_conformance"),
        *("strategy/test_faults", "test_rights", "driver_tool/test_documentation"),
        *(
            "drivers/test_reload",
            "driver_engine/test_preflight",
            "bundled/test_bad_pools",
        ),
        *("miner/test_autotune", "fleet/test_failover_runner", "pool/test_flow"),
        *(
            "driver_engine/legacy/test_miners",
            "bundled/test_bitaxe",
            "bundled/test_avalon_nano",
        ),
        *(
            "driver_engine/test_detect",
            "driver_engine/test_loader",
            "driver_tool/test_cli",
        ),
        *("drivers/test_packages", "miner/test_watchdog", "pool/test_workers"),
        *("pool/test_statistics", "voice/test_answers", "strategy/planner/test_solar"),
    )
)
"""The files that take longest, most of it to wait: begun first, none is waited for in the end."""


def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Put the longest first; leave out the other cases, if that is wanted."""
    place = {path: number for number, path in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.location[0], len(LONGEST)))
    if not config.getoption("--few-cases"):
        return
    first: dict[str, pytest.Item] = {}
    for item in items:
        if isinstance(item, pytest.Function) and "hass" in item.fixturenames:
            first.setdefault(item.nodeid.partition("[")[0], item)
    config.hook.pytest_deselected(items=list({*items}.difference(first.values())))
    items[:] = first.values()


def pytest_collection_finish() -> None:
    """Let the garbage collector run by itself only where a test makes very much.

    What there is by now stays to the end, and what a test leaves goes at its end.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000)
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol() -> Generator[None, object, object]:
    """Collect what a test leaves, and never look at again what stays.

    To collect it by and by takes a quarter of the time: each time, more has stayed.
    """
    result = yield
    gc.collect()
    gc.freeze()
    return result


@pytest.fixture(autouse=True)
def enable_event_loop_debug() -> None:
    """Leave debugging off: to note where each task came from takes a third of the time."""


@pytest.fixture(autouse=True)
def driver_files_are_trusted(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Load driver files without a look for harm, which takes more than a second.

    Tests marked with ``trial`` are about what that look finds.
    """
    if request.node.get_closest_marker("trial") is None:
        for module in (loader, changes):
            monkeypatch.setattr(module, "check", lambda files, settings: {})
        monkeypatch.setattr(loader, "Snapshot", lambda: Mock(changes=tuple))


@pytest.fixture(autouse=True, scope="session")
def disable_http_server() -> Iterator[None]:
    """Start no web server, as the plugin does; but make the mocks for it only once.

    And do not note that each test has a zeroconf of its own, with a stack.
    """
    with (
        patch("homeassistant.components.zeroconf.usage.report_usage"),
        patch("homeassistant.components.http.HomeAssistantHTTP.async_bind"),
        patch("homeassistant.components.http.HomeAssistantHTTP.start"),
    ):
        yield


@pytest.fixture
def hass_storage() -> Iterator[dict[str, Any]]:
    """Keep what is stored in memory, as the plugin does; but without autospec, which is slow."""

    def replace(target: str, *, side_effect: Any, autospec: bool) -> Any:
        return patch(target, side_effect)

    with ExitStack() as stack:
        with patch.object(common, "patch", replace):
            stored = stack.enter_context(common.mock_storage())
        yield stored


@pytest.fixture
def hass_tmp_config_dir(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return an empty config folder; the plugin copies files into it that nothing needs."""
    return tempfile.mkdtemp(dir=tmp_path_factory.getbasetemp())


DRIVER_THREADS = ("hmm driver ", "hmm worker ")


@pytest.fixture(autouse=True)
def threads_of_drivers_end(verify_cleanup: None) -> Iterator[None]:
    """Wait for the threads of drivers that nobody uses any more, which end by themselves."""
    before = threading.enumerate()
    yield
    for thread in threading.enumerate():
        if thread not in before and thread.name.startswith(DRIVER_THREADS):
            # Some objects of a driver refer to each other
            gc.collect()
            thread.join(10)


@pytest.fixture
async def session(socket_enabled: None) -> AsyncGenerator[aiohttp.ClientSession]:
    """Lend a session as HMM does: it keeps connections longer than one poll."""
    connector = aiohttp.TCPConnector(keepalive_timeout=75)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


@pytest.fixture
def every_name_is_local(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every host name lead to this machine: no test looks for a real pool."""
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1", *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


@pytest.fixture
async def home(
    hass: HomeAssistant,
    socket_enabled: None,
    enable_custom_integrations: None,
    every_name_is_local: None,
    hass_storage: dict[str, Any],
) -> AsyncIterator[HomeAssistant]:
    """Return Home Assistant, allowed to talk to simulators on 127.0.0.1."""
    with (
        patch("custom_components.hmm.miner.discovery.BROADCAST_PORT", free_udp_port()),
        # The simulators are on this machine
        patch("custom_components.hmm.miner.discovery.LOOPBACK", True),
    ):
        yield hass
        # The hub makes itself in the background: half set up, it would outlive the test
        with suppress(TimeoutError):
            async with asyncio.timeout(5):
                await hass.async_block_till_done(wait_background_tasks=True)


def free_udp_port() -> int:
    """Return a UDP port that nothing listens on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do not wait as long as a real device may need."""
    monkeypatch.setattr(AxeDriver, "read_back_interval", 0.02)
    monkeypatch.setattr(AxeDriver, "read_back_timeout", 1.0)
    monkeypatch.setattr(AxeDriver, "restart_interval", 0.05)
    monkeypatch.setattr(AvalonNanoDriver, "settle_interval", 0.02)
    monkeypatch.setattr(AvalonNanoDriver, "settle_seconds", 1.0)
    monkeypatch.setattr(AvalonNanoDriver, "mode_seconds", 1.0)
    monkeypatch.setattr(AvalonNanoDriver, "standby_lead", 1)
    monkeypatch.setattr(CgminerClient, "gap", 0.0)
    monkeypatch.setattr(MinerCoordinator, "restart_interval", 0.05)
    monkeypatch.setattr(MinerCoordinator, "restart_seconds", 5.0)


@pytest.fixture
def every_entity() -> Iterator[None]:
    """Make all entities of miners and pools, and enable those of the fleet."""
    with (
        patch("custom_components.hmm.entity.wants_more", return_value=True),
        patch(
            "custom_components.hmm.entity.FleetEntity.entity_registry_enabled_default",
            PropertyMock(return_value=True),
        ),
    ):
        yield


@pytest.fixture
async def bitaxe(socket_enabled: None) -> AsyncIterator[SimulatedAxeOS]:
    """Return a running Bitaxe Gamma with the newest AxeOS."""
    async with SimulatedAxeOS(
        generation="2.15", model="gamma", reboot_seconds=0.2, restart_delay=0.1
    ) as device:
        yield device


def miner_entry(
    device: SimulatedDevice,
    driver: str,
    unique_id: str | None = None,
    **kwargs: Any,
) -> MockConfigEntry:
    """Return an entry for a simulated miner, as the config flow makes it."""
    return MockConfigEntry(
        domain=DOMAIN,
        title=kwargs.pop("title", driver.title()),
        unique_id=unique_id or device.mac.lower(),
        data={
            "entry_type": "miner",
            "driver": driver,
            "host": "127.0.0.1",
            "port": device.port,
            **kwargs.pop("data", {}),
        },
        **kwargs,
    )


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> ConfigEntry[Any]:
    """Add an entry as the config flow does, with the miner's profile, and set it up."""
    assert await async_setup_component(hass, DOMAIN, {})
    data = dict(entry.data)
    if "profile" not in data and (profile := await _profile(hass, entry)) is not None:
        data["profile"] = json.loads(json.dumps(profile.as_dict()))
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data=data)
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    return entry


async def _profile(hass: HomeAssistant, entry: MockConfigEntry) -> MinerProfile | None:
    """Return what the flow finds at an entry's address, None where it finds nothing."""
    data = get_data(hass)
    driver = data.drivers.miners.get(entry.data.get("driver", ""))
    if entry.data["entry_type"] != "miner" or driver is None:
        return None
    context = data.driver_context(dict(entry.options))
    client = MinerClient(
        driver.driver_class, context, entry.data["host"], entry.data.get("port")
    )
    try:
        profile = client.read_profile(await client.poll(), None)
    except DriverError:
        return None
    finally:
        await client.close()
    ids = device_ids(profile.facts)
    return profile if not ids or entry.unique_id in ids else None


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a config folder of the test's own, for drivers and pool files."""
    return hass_tmp_config_dir


@pytest.fixture
async def files(
    socket_enabled: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FileServer]:
    """Run a web server for driver files, which needs no https."""
    monkeypatch.setattr(download, "PLAIN_HTTP_HOSTS", frozenset({"127.0.0.1"}))
    async with FileServer() as server:
        yield server


@pytest.fixture
async def repairs(home: HomeAssistant, hass_client: ClientSessionGenerator) -> Repairs:
    """Return the repairs page."""
    assert await async_setup_component(home, "repairs", {})
    return Repairs(hass_client)


@pytest.fixture
def hmm_folder(hass_tmp_config_dir: str) -> Path:
    """Return the folder for drivers and pool files in that config folder."""
    folder = Path(hass_tmp_config_dir, DOMAIN)
    folder.mkdir()
    return folder


class UsualPorts:
    """The ports that drivers try when none is typed; nothing listens there yet."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, closed: int) -> None:
        """Move the ports, so that no device of this machine's network is met."""
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(NMMinerDriver, "http_port", closed)
        for driver in (AvalonNanoDriver, BitaxeDriver, NerdqaxeDriver):
            self.move(driver, closed)
        for name in ("default_port", "udp_port"):
            monkeypatch.setattr(NMMinerDriver, name, discovery.BROADCAST_PORT)

    def move(self, driver: type[BaseMinerAdapter], port: int) -> None:
        """Let a driver find its devices at another port."""
        self._monkeypatch.setattr(driver, "default_port", port)


@pytest.fixture
def usual_ports(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> Iterator[UsualPorts]:
    """Move the usual ports of miners to where simulators can be."""
    # Broadcasts come every few seconds from a real device, far more often here
    monkeypatch.setattr(NMMinerDriver, "listen_seconds", 0.5)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # never listens: who connects is refused
        yield UsualPorts(monkeypatch, nobody.getsockname()[1])


@pytest.fixture
def nobody_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the ports that drivers probe: what else runs on this machine is no pool."""
    closed = free_udp_port()
    for coin, ports in ckpool_stack.STACKS.items():
        monkeypatch.setitem(
            ckpool_stack.STACKS,
            coin,
            StackPorts(ports.stratum, closed),
        )
    monkeypatch.setattr(MmfpDriver, "gss_port", closed)
    monkeypatch.setattr(MmfpDriver, "gse_port", closed)
    monkeypatch.setattr(PublicPoolDriver, "probe_ports", (closed,))
    monkeypatch.setattr(CkpoolDriver, "probe_ports", (closed,))
    for name in ("gap_seconds", "shared_seconds"):
        monkeypatch.setattr(BraiinsDriver, name, 0.0)


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave alone whatever is in the network of this machine."""

    async def networks(hass: HomeAssistant) -> list[IPv4Network]:
        return []

    monkeypatch.setattr(discovered, "async_own_networks", networks)


type EntryMaker = Callable[..., MockConfigEntry]
