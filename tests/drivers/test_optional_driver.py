"""The driver for large ASICs in Home Assistant: there once a user asks for it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
import threading
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED
from homeassistant.core import CoreState, HomeAssistant
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util, package
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_capture_events,
    async_fire_time_changed,
)
import pytest_socket

from custom_components.hmm.bundled.optional_drivers.pyasic_driver import PyasicDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.drivers import packages as driver_requirements
from custom_components.hmm.flow_tools import REPEAT_SECONDS
from simulator import SimulatedAxeOS
from tests.common import act, find, find_id, keys, refused, until, value
from tests.conftest import miner_entry
from tests.flows import Result, choose, fill, finish, with_texts
from tests.luxos import FakeLuxMiner, PowerLimit
from tests.package_index import PackageIndex, package_index
from tests.user_drivers import do, start

pytestmark = pytest.mark.usefixtures("quick", "usual_ports")

PACKAGE = "pyasic_rs==0.8.6"


@pytest.fixture
async def antminer(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[FakeLuxMiner]:
    """Run a large Antminer, which all drivers may try to reach."""
    monkeypatch.setattr(PyasicDriver, "settle_interval", 0.02)
    monkeypatch.setattr(PyasicDriver, "settle_seconds", 1.0)
    async with FakeLuxMiner() as miner:
        pytest_socket.socket_allow_hosts(["127.0.0.1", miner.host])
        yield miner
    pytest_socket.socket_allow_hosts(["127.0.0.1"])


@pytest.fixture
async def no_package(
    home: HomeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[PackageIndex]:
    """Let the package be missing, and the only index be empty."""

    real = package.is_installed

    def is_installed(requirement: str) -> bool:
        return requirement != PACKAGE and real(requirement)

    for module in (driver_requirements, package):
        monkeypatch.setattr(module, "is_installed", is_installed)
    async with package_index(home, tmp_path, monkeypatch) as index:
        yield index


def pyasic_entry(device: FakeLuxMiner) -> MockConfigEntry:
    """Return an entry of a large Antminer."""
    return MockConfigEntry(
        domain=DOMAIN,
        title="Garage",
        unique_id=device.mac,
        data={
            "entry_type": "miner",
            "driver": "pyasic",
            "host": device.host,
            "port": None,
        },
    )


async def other_kind(home: HomeAssistant, host: str) -> Result:
    """Type an address that no driver knows, and say that it is another kind."""
    result = await choose(home, "miner")
    assert "other_kind" not in result["data_schema"].schema
    result = await fill(home, result, host=host)
    assert result["step_id"] == "miner"
    assert result["errors"]
    assert "other_kind" in result["data_schema"].schema
    return await fill(home, result, host=host, other_kind=True)


async def install(home: HomeAssistant, result: Result, **login: str) -> Result:
    """Say yes, and wait for what comes after the progress."""
    assert result["step_id"] == "other_miner"
    result = await fill(home, result, **login)
    while result["type"] in {
        FlowResultType.SHOW_PROGRESS,
        FlowResultType.SHOW_PROGRESS_DONE,
    }:
        await home.async_block_till_done()
        result = await home.config_entries.flow.async_configure(result["flow_id"])
    return with_texts(result)


async def test_a_large_asic_is_added(
    home: HomeAssistant, antminer: FakeLuxMiner
) -> None:
    """Given a miner that no driver knows, it is added by way of the package."""
    await start(home)
    assert "pyasic" not in get_data(home).drivers.miners
    result = await other_kind(home, antminer.host)
    assert result["description_placeholders"] == {
        "host": antminer.host,
        "packages": PACKAGE,
    }
    assert "pyasic" not in get_data(home).drivers.miners
    result = await install(home, result, admin_user="root", admin_password="mine")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    assert entry.title == "Antminer S19KPro"
    assert entry.unique_id == antminer.mac
    assert entry.data["driver"] == "pyasic"
    login = {"admin_user": "root", "admin_password": "mine"}
    assert (entry.data["credentials"], entry.options) == (login, {})
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert value(home, entry, "hashrate") == pytest.approx(56.92, abs=0.1)
    assert value(home, entry, "power") == 1051

    switch = find(home, entry, "switch", "mining").entity_id
    await home.services.async_call(
        "switch", "turn_off", {"entity_id": switch}, blocking=True
    )
    assert antminer.curtailed


async def test_a_large_asic_that_takes_long_is_requested_once(
    home: HomeAssistant, antminer: FakeLuxMiner
) -> None:
    """While it is asked and added no end is reported: the dialog would end in an error."""
    await start(home)
    reports = async_capture_events(home, EVENT_DATA_ENTRY_FLOW_PROGRESSED)
    result = await fill(home, await other_kind(home, antminer.host))
    assert result["type"] is FlowResultType.SHOW_PROGRESS
    assert len(reports) == 1
    adding = asyncio.create_task(
        home.config_entries.flow.async_configure(result["flow_id"])
    )
    await asyncio.sleep(0)
    assert not adding.done()
    # Once more, and not so late that its requests would time out as well
    async_fire_time_changed(home, dt_util.utcnow() + timedelta(seconds=REPEAT_SECONDS))
    added = await adding
    assert added["type"] is FlowResultType.CREATE_ENTRY, added["errors"]
    assert len(reports) == 1


async def test_once_it_is_there_it_knows_its_miners_at_once(
    home: HomeAssistant, antminer: FakeLuxMiner, bitaxe: SimulatedAxeOS
) -> None:
    """Given a large ASIC, a second one is found; all others keep their drivers."""
    first = pyasic_entry(antminer)
    # Its entry is there when Home Assistant starts, which is why the driver is loaded
    first.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done()
    assert first.state is ConfigEntryState.LOADED
    async with FakeLuxMiner() as second:
        second.mac = "62:f7:5e:b7:10:47"
        pytest_socket.socket_allow_hosts(["127.0.0.1", antminer.host, second.host])
        result = await finish(home, await choose(home, "miner"), host=second.host)
        assert result["result"].data["driver"] == "pyasic"
        await home.async_block_till_done()
    result = await fill(
        home, await choose(home, "miner"), host=f"127.0.0.1:{bitaxe.port}"
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["result"].data["driver"] == "bitaxe"


async def test_its_controls(
    home: HomeAssistant,
    antminer: FakeLuxMiner,
    monkeypatch: pytest.MonkeyPatch,
    every_entity: None,
) -> None:
    """Given a power limit, boards and a fault light, each has its entity."""
    limit = PowerLimit()
    monkeypatch.setattr(PyasicDriver, "_factory", lambda _: limit.factory())
    entry = pyasic_entry(antminer)
    entry.add_to_hass(home)
    await start(home)
    number = find(home, entry, "number", "set_power_limit")
    assert (float(number.state), number.attributes["min"]) == (1200, 900)
    assert number.attributes["max"] == 1500
    await act(home, "number", "set_value", number.entity_id, value=950)
    assert limit.watts == 950
    assert float(find(home, entry, "number", "set_power_limit").state) == 950
    limit.obeys = False
    with refused("setting_not_applied", HomeAssistantError):
        await act(home, "number", "set_value", number.entity_id, value=1300)
    assert float(find(home, entry, "number", "set_power_limit").state) == 950

    assert value(home, entry, "hashboard_hashrate_3") == pytest.approx(19.07, abs=0.1)
    assert value(home, entry, "hashboard_temperature_1") == 37.5
    shown = {key for key in keys(home, entry, "sensor") if "hashboard" in key}
    assert shown == {
        f"hashboard_{figure}_{index}"
        for figure in ("hashrate", "temperature")
        for index in (1, 2, 3)
    }

    await act(home, "button", "press", find_id(home, entry, "button", "identify"))
    assert antminer.led == "blink"


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt])
async def test_a_task_of_the_package_ends_nothing(
    home: HomeAssistant,
    antminer: FakeLuxMiner,
    monkeypatch: pytest.MonkeyPatch,
    error: type[BaseException],
) -> None:
    """Given a package with a task that raises what ends programs, all goes on."""
    real = PyasicDriver._read
    ended: list[str] = []

    async def end() -> None:
        ended.append(threading.current_thread().name)
        raise error

    async def read(driver: PyasicDriver) -> Any:
        asyncio.get_running_loop().create_task(end())
        return await real(driver)

    monkeypatch.setattr(PyasicDriver, "_read", read)
    entry = pyasic_entry(antminer)
    entry.add_to_hass(home)
    await start(home)
    assert entry.state is ConfigEntryState.LOADED
    assert set(ended) == {"hmm driver pyasic"}
    assert home.is_running


async def test_the_address_is_wrong(home: HomeAssistant) -> None:
    """Given an address with nobody, or none at all, the form says so."""
    await start(home)
    result = await other_kind(home, "127.0.0.1")
    result = await install(home, result)
    assert result["step_id"] == "miner"
    assert result["errors"] == {"base": "unsupported_device"}
    result = await fill(home, result, host="127.0.0.", other_kind=True)
    assert result["errors"] == {"host": "address_invalid"}


async def test_a_package_that_cannot_be_installed(
    home: HomeAssistant, antminer: FakeLuxMiner, no_package: PackageIndex
) -> None:
    """Given no internet, the form says what is missing, and nothing is half done."""
    await start(home)
    assert no_package.requests == []
    result = await install(home, await other_kind(home, antminer.host))
    assert result["step_id"] == "miner"
    assert result["errors"] == {"base": "install_failed"}
    assert PACKAGE in result["description_placeholders"]["reason"]
    assert no_package.requests
    assert "pyasic" not in get_data(home).drivers.miners
    assert not ir.async_get(home).issues


async def test_an_entry_whose_package_is_missing_says_so(
    home: HomeAssistant,
    antminer: FakeLuxMiner,
    bitaxe: SimulatedAxeOS,
    no_package: PackageIndex,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a start without the package, the entry waits, then says what is wrong.

    All others are there at once. When the package is there, a reload is enough.
    """
    home.set_state(CoreState.starting)
    entry = pyasic_entry(antminer)
    entry.add_to_hass(home)
    other = miner_entry(bitaxe, "bitaxe")
    other.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done()
    assert other.state is ConfigEntryState.LOADED
    assert entry.state is ConfigEntryState.SETUP_RETRY
    assert entry.reason is not None
    assert PACKAGE in entry.reason
    assert no_package.requests == []

    home.set_state(CoreState.running)
    home.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await until(lambda: entry.state is ConfigEntryState.SETUP_ERROR)
    assert entry.reason is not None
    assert f"The package {PACKAGE} could not be installed" in entry.reason
    assert other.state is ConfigEntryState.LOADED

    monkeypatch.setattr(driver_requirements, "is_installed", lambda _: True)
    await do(home, "reload_drivers")
    assert entry.state is ConfigEntryState.LOADED


async def test_a_package_that_does_not_work_here(
    home: HomeAssistant, antminer: FakeLuxMiner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a package that was built for another machine, its entry says so."""

    def broken(name: str) -> Any:
        if name.endswith(".pyasic_driver"):
            raise ImportError("wrong ELF class")
        return real(name)

    import importlib

    real = importlib.import_module
    monkeypatch.setattr(
        "custom_components.hmm.driver_engine.loader.importlib.import_module", broken
    )
    entry = pyasic_entry(antminer)
    # Its entry is there when Home Assistant starts, which is why the driver is loaded
    entry.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.reason is not None
    assert "wrong ELF class" in entry.reason
    assert not ir.async_get(home).issues
