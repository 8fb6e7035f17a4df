"""Drivers that change while Home Assistant runs."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
import json
import logging
from pathlib import Path
import sys
import threading
from typing import Any

from aiohttp import web
from aiohttp.test_utils import TestServer
from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
)
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import Event, EventStateChangedData, HomeAssistant, callback
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.bundled.shared.axeos import AxeDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.diagnostics import async_get_config_entry_diagnostics
from custom_components.hmm.driver_engine import client, preflight
from custom_components.hmm.drivers.manager import DriverManager
from custom_components.hmm.miner import coordinator
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import (
    find,
    find_maybe,
    fire_time_changed,
    fleet_entry,
    pool_entry,
    until,
    value,
)
from tests.conftest import miner_entry, set_up
from tests.repairs import issues

GARAGE = '''\
"""A driver of the user."""

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver

{code}

class GarageDriver(BitaxeDriver):
    driver_type = "{type}"
    driver_version = "{version}"
    hashrate_unit = "{unit}"
'''
BROKEN = "\n\nclass Broken(\n"


def garage(
    version: str = "1.0.0",
    unit: str = "TH/s",
    driver_type: str = "garage",
    code: str = "",
) -> str:
    """Return the source of a driver for a Bitaxe."""
    return GARAGE.format(version=version, unit=unit, type=driver_type, code=code)


def manager_of(hass: HomeAssistant) -> DriverManager:
    """Return the driver manager."""
    return get_data(hass).driver_manager


def unit_of(hass: HomeAssistant, entry: Any) -> str:
    """Return the unit that an entry's driver names; the sensor keeps its first one."""
    state = find(hass, entry, "sensor", "hashrate")
    assert state.state != STATE_UNAVAILABLE
    return str(entry.runtime_data.client.hashrate_unit)


async def in_garage(
    hass: HomeAssistant, device: SimulatedAxeOS
) -> tuple[Path, ConfigEntry[Any]]:
    """Set up a miner with a driver of the user, and return the file of that."""
    file = Path(hass.config.path(DOMAIN, "garage_driver.py"))
    file.write_text(garage())  # noqa: ASYNC240
    return file, await set_up(hass, miner_entry(device, "garage"))


@pytest.fixture
async def another(socket_enabled: None) -> AsyncIterator[SimulatedAxeOS]:
    """Return a second Bitaxe."""
    async with SimulatedAxeOS(
        generation="2.15", model="gamma", mac="AA:BB:CC:00:00:01"
    ) as device:
        yield device


async def test_only_the_miner_of_a_changed_driver_is_set_up_again(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    another: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The new version runs; the other miner does not even notice."""
    file, entry = await in_garage(home, bitaxe)
    other = await set_up(home, miner_entry(another, "bitaxe"))
    kept = other.runtime_data
    assert unit_of(home, entry) == "TH/s"

    caplog.clear()
    file.write_text(garage("1.1.0", unit="GH/s"))
    report = await manager_of(home).async_reload()

    (change,) = report.changes
    assert str(change.id) == "miner/garage"
    assert change.before is not None
    assert change.before.version == "1.0.0"
    assert change.after is not None
    assert change.after.version == "1.1.0"
    assert report.entries == (entry,)
    assert unit_of(home, entry) == "GH/s"
    assert other.runtime_data is kept
    messages = [
        (record.levelno, record.message)
        for record in caplog.records
        if record.name == "custom_components.hmm.drivers.manager"
    ]
    assert [level for level, _ in messages] == [logging.WARNING, logging.INFO]
    assert (
        "Loaded the driver miner/garage 1.1.0 from hmm/garage_driver.py"
        in messages[0][1]
    )
    assert "1 changed, 1 entries" in messages[1][1]


def wait_for_a_busy_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no time decide: here, all miners and their drivers share one machine.

    All are polled in the same moment, which never happens outside of tests, and only
    when a test wants it.
    """
    monkeypatch.setattr(coordinator, "MINER_INTERVAL", timedelta(hours=1))
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 120)
    monkeypatch.setattr(client, "_POLL_SECONDS", 60)
    monkeypatch.setattr(client, "_SWAP_SECONDS", 60)
    monkeypatch.setattr(AxeDriver, "connect_timeout", 60.0)
    monkeypatch.setattr(AxeDriver, "answer_timeout", 60.0)


def is_to_poll(coordinator: Any) -> bool:
    """Return whether a coordinator waits for its next poll.

    When the last one is over, it may have a new best share to save first.
    """
    return coordinator._unsub_refresh is not None


ONE_TH = """\

    async def get_telemetry(self):
        return replace(await super().get_telemetry(), hashrate=1e12)
"""


@pytest.mark.trial
async def test_20_miners_lose_no_poll_while_a_driver_is_reloaded(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is asked once per interval before, during and after the reload.

    That is so of those that go on with a new version of their driver as well: none is
    unavailable for a moment.
    """
    wait_for_a_busy_machine(monkeypatch)
    for name in ("garage", "shed"):
        text = garage(driver_type=name)
        (hmm_folder / f"{name}_driver.py").write_text(text)
    gone: list[str] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        if state is None or state.state == STATE_UNAVAILABLE:
            gone.append(event.data["entity_id"])

    async with AsyncExitStack() as stack:
        devices = [
            await stack.enter_async_context(
                SimulatedAxeOS(
                    generation="2.15", model="gamma", mac=f"AA:BB:CC:00:00:{n:02X}"
                )
            )
            for n in range(20)
        ]
        entries = [
            miner_entry(device, "garage" if n < 15 else "bitaxe", title=f"Miner {n}")
            for n, device in enumerate(devices)
        ]
        new = entries[:15]
        for entry in entries:
            entry.add_to_hass(home)
        mine = await set_up(home, miner_entry(bitaxe, "shed", title="Mine"))
        await home.async_block_till_done(wait_background_tasks=True)
        assert all(entry.state is ConfigEntryState.LOADED for entry in entries)
        coordinators = [entry.runtime_data for entry in entries]
        polls = 0

        async def poll_all() -> None:
            nonlocal polls
            polls += 1
            fire_time_changed(home, dt_util.utcnow() + coordinator.MINER_INTERVAL * 1.1)
            await until(
                lambda: all(item.counters.requests >= polls for item in devices), 60
            )
            await until(lambda: all(map(is_to_poll, coordinators)))

        await poll_all()  # The first two polls of a miner are not 30 s apart
        for device in devices:
            device.counters.reset()
        polls = 0
        home.bus.async_listen("state_changed", note)
        await poll_all()
        go = tmp_path / "go"
        waiting = (
            "from dataclasses import replace\nimport pathlib, time\n"
            f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.01)\n"
        )
        text = garage("2.0.0", code=waiting) + ONE_TH
        (hmm_folder / "garage_driver.py").write_text(text)
        text = garage("2.0.0", unit="GH/s", driver_type="shed")
        (hmm_folder / "shed_driver.py").write_text(text)
        reload = asyncio.create_task(manager_of(home).async_reload())
        for _ in range(3):
            await poll_all()
            assert not reload.done()
        assert [device.counters.requests for device in devices] == [4] * 20
        go.touch()
        report = await reload
        await home.async_block_till_done()
        assert set(report.entries) == {*new, mine}
        assert {str(change.id) for change in report.changes} == {
            "miner/garage",
            "miner/shed",
        }
        assert unit_of(home, mine) == "GH/s"
        # A new version gets to know the device (info, ASIC), then polls it
        assert [device.counters.requests for device in devices] == [7] * 15 + [4] * 5
        for device in devices:
            device.counters.reset()
        polls = 0
        await poll_all()

        assert [device.counters.requests for device in devices] == [1] * 20
        assert {name for name in gone if ".mine" not in name} == set()
        assert [entry.runtime_data for entry in entries] == coordinators
        assert all(coordinator.last_update_success for coordinator in coordinators)
        assert {value(home, entry, "hashrate") for entry in new} == {1.0}


@pytest.mark.parametrize(
    "fault", ["raise ValueError", "return None", "raise asyncio.CancelledError"]
)
async def test_a_new_version_that_cannot_read_the_miner(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS, fault: str
) -> None:
    """It is what the user has put there: the miner is unavailable, until the next."""
    file, entry = await in_garage(home, bitaxe)
    worse = f"\n    async def get_telemetry(self):\n        {fault}\n"
    file.write_text(garage("1.1.0", code="import asyncio") + worse)
    report = await manager_of(home).async_reload()
    assert report.entries == (entry,)
    assert find(home, entry, "sensor", "hashrate").state == STATE_UNAVAILABLE
    file.write_text(garage("1.2.0"))
    await manager_of(home).async_reload()
    assert value(home, entry, "hashrate") > 0


async def test_a_miner_that_can_do_more_with_a_new_version(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """It is set up again, so that it gets its new entities, and loses old ones."""
    cannot = "\n    def supports_pause(self):\n        return False\n"
    file = hmm_folder / "garage_driver.py"
    file.write_text(garage() + cannot)
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    before = entry.runtime_data
    assert find_maybe(home, entry, "switch", "mining") is None
    file.write_text(garage("1.1.0"))
    await manager_of(home).async_reload()
    assert entry.runtime_data is not before
    assert find(home, entry, "switch", "mining").state == "on"


LOSES_ONE = """\

    async def connect(self, ip, port=None):
        if Path({lost!r}).exists():
            Path({lost!r}).unlink()
            raise CannotConnect("No answer", reason="no_response")
        return await super().connect(ip, port)
"""


async def test_one_lost_answer_does_not_set_a_miner_up_again(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS, tmp_path: Path
) -> None:
    """Given a busy moment in which a connection fails, the new version tries again."""
    file, entry = await in_garage(home, bitaxe)
    coordinator = entry.runtime_data
    lost = tmp_path / "lost"
    lost.touch()
    code = (
        "from pathlib import Path\n"
        "from custom_components.hmm.driver_api import CannotConnect\n"
    )
    file.write_text(garage("2.0.0", code=code) + LOSES_ONE.format(lost=str(lost)))
    await manager_of(home).async_reload()
    assert not lost.exists()
    assert entry.runtime_data is coordinator
    assert coordinator.client.driver_version == "2.0.0"


@pytest.mark.trial
async def test_without_a_change_nothing_is_run_again(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS, tmp_path: Path
) -> None:
    """A file that is as it was is not even executed."""
    runs = tmp_path / "runs"
    (hmm_folder / "garage_driver.py").write_text(
        garage(code=f"with open({str(runs)!r}, 'a') as file:\n    file.write('x')\n")
    )
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    before = runs.read_text()
    running = get_data(home).drivers.miners["garage"]
    coordinator = entry.runtime_data

    report = await manager_of(home).async_reload()
    assert report.changes == ()
    assert report.entries == ()
    assert runs.read_text() == before
    assert get_data(home).drivers.miners["garage"] == running
    assert entry.runtime_data is coordinator


@pytest.mark.trial
async def test_a_file_that_got_worse_leaves_the_running_version(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is told once, and vanishes when the file is good again."""
    file, entry = await in_garage(home, bitaxe)
    coordinator = entry.runtime_data

    file.write_text(garage("1.1.0") + BROKEN)
    for _ in range(2):
        report = await manager_of(home).async_reload()
        assert report.changes == ()
        (failed,) = report.failed
        assert failed.path == file
        assert "SyntaxError" in failed.reason
        assert get_data(home).drivers.miners["garage"].version == "1.0.0"
        assert entry.runtime_data is coordinator
        assert set(issues(home)) == {"driver_failed_hmm/garage_driver.py"}
    errors = [
        record.message for record in caplog.records if record.levelno == logging.ERROR
    ]
    assert len(errors) == 1
    assert (
        "hmm/garage_driver.py cannot be used: It fails when it is loaded: SyntaxError"
        in errors[0]
    )

    file.write_text(garage("1.2.0", unit="GH/s"))
    report = await manager_of(home).async_reload()
    assert report.failed == ()
    assert issues(home) == {}
    assert unit_of(home, entry) == "GH/s"
    assert get_data(home).drivers.miners["garage"].version == "1.2.0"


async def test_one_of_two_drivers_in_a_file_got_worse(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """The other one is new, and the one that cannot be used goes on as it was."""
    file = hmm_folder / "both_driver.py"
    file.write_text(
        garage() + '\n\nclass Second(BitaxeDriver):\n    driver_type = "second"\n'
    )
    assert await async_setup_component(home, DOMAIN, {})
    before = get_data(home).drivers.miners["second"]
    file.write_text(
        garage("2.0.0") + "\n\nclass Second(BitaxeDriver):\n"
        '    driver_type = "second"\n    hashrate_unit = "miles"\n'
    )
    report = await manager_of(home).async_reload()
    assert [str(change.id) for change in report.changes] == ["miner/garage"]
    after = get_data(home).drivers.miners
    assert after["garage"].version == "2.0.0"
    assert after["second"].driver_class is before.driver_class
    assert set(issues(home)) == {"driver_failed_hmm/both_driver.py"}


async def test_a_removed_file_makes_room_for_the_bundled_driver(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A miner goes on with what HMM has for it."""
    file = hmm_folder / "bitaxe_driver.py"
    file.write_text(garage(driver_type="bitaxe", unit="GH/s"))
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert unit_of(home, entry) == "GH/s"

    file.unlink()
    report = await manager_of(home).async_reload()
    assert report.entries == (entry,)
    assert get_data(home).drivers.miners["bitaxe"].bundled
    assert unit_of(home, entry) == "TH/s"
    assert "The bundled driver miner/bitaxe" in caplog.text


async def test_a_driver_goes_and_comes_back(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A miner without a driver says so, and is set up when there is one."""
    file = hmm_folder / "garage_driver.py"
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "driver_missing"

    file.write_text(garage())
    report = await manager_of(home).async_reload()
    assert report.changes[0].before is None
    assert report.entries == (entry,)
    assert value(home, entry, "hashrate") > 0

    file.unlink()
    report = await manager_of(home).async_reload()
    assert report.changes[0].after is None
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert "The driver miner/garage is gone" in caplog.text


async def test_a_disabled_entry_stays_as_it_is(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """It is not for a reload to enable what the user disabled."""
    file, entry = await in_garage(home, bitaxe)
    await home.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    file.write_text(garage("2.0.0"))
    report = await manager_of(home).async_reload()
    assert len(report.changes) == 1
    assert report.entries == ()
    assert entry.state is ConfigEntryState.NOT_LOADED


async def test_an_entry_that_cannot_be_unloaded(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    another: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is logged; the other one of the type is set up again."""
    file = hmm_folder / "garage_driver.py"
    file.write_text(garage())
    stuck = miner_entry(bitaxe, "garage", title="Stuck")
    await set_up(home, stuck)
    other = await set_up(home, miner_entry(another, "garage"))
    # As if one of its platforms had not let go
    stuck.mock_state(home, ConfigEntryState.FAILED_UNLOAD)
    file.write_text(garage("2.0.0", unit="GH/s"))
    report = await manager_of(home).async_reload()
    assert report.entries == (stuck, other)
    assert unit_of(home, other) == "GH/s"
    assert "Stuck goes on with its old driver" in caplog.text
    stuck.mock_state(home, ConfigEntryState.LOADED)


async def test_an_entry_that_is_being_removed(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """The user was faster; nothing is left to set up."""
    file, entry = await in_garage(home, bitaxe)
    file.write_text(garage("2.0.0"))
    async with entry.setup_lock:
        remove = asyncio.create_task(home.config_entries.async_remove(entry.entry_id))
        reload = asyncio.create_task(manager_of(home).async_reload())
        await until(lambda: get_data(home).drivers.miners["garage"].version == "2.0.0")
    await remove
    assert (await reload).entries == (entry,)
    assert home.config_entries.async_get_entry(entry.entry_id) is None


async def test_reloads_at_the_same_time_come_one_after_the_other(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """One finds the change; the others find that all is done."""
    file, entry = await in_garage(home, bitaxe)
    file.write_text(garage("2.0.0"))
    manager = manager_of(home)
    reports = await asyncio.gather(*(manager.async_reload() for _ in range(3)))
    assert [len(report.changes) for report in reports] == [1, 0, 0]
    assert [report.entries for report in reports] == [(entry,), (), ()]
    assert entry.state is ConfigEntryState.LOADED


async def test_modules_of_old_versions_are_forgotten(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """To edit a file a hundred times leaves one module behind, not a hundred."""
    file = hmm_folder / "garage_driver.py"
    for version in ("1", "2", "3"):
        file.write_text(garage(version))
        if version == "1":
            assert await async_setup_component(home, DOMAIN, {})
        await manager_of(home).async_reload()
    modules = [name for name in sys.modules if name.startswith("hmm_user_drivers")]
    driver = get_data(home).drivers.miners["garage"].driver_class
    assert modules == [driver.__module__]


async def test_the_hub_counts_the_drivers(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Its sensor follows a reload at once."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    before = value(home, fleet_entry(home), "drivers")
    assert before == len(list(get_data(home).drivers))
    (hmm_folder / "garage_driver.py").write_text(garage())
    await manager_of(home).async_reload()
    assert value(home, fleet_entry(home), "drivers") == before + 1


ENDLESS = "import time\nwhile True:\n    time.sleep(0.1)\n"


@pytest.mark.trial
async def test_an_endless_loop_does_not_keep_home_assistant_from_starting(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file is told; everything else is there. So it is with a reload."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 1.0)
    (hmm_folder / "endless_driver.py").write_text(garage(code=ENDLESS))
    (hmm_folder / "garage_driver.py").write_text(garage())
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    assert entry.state is ConfigEntryState.LOADED
    assert set(issues(home)) == {"driver_failed_hmm/endless_driver.py"}
    (failed,) = manager_of(home).failed
    assert "longer than 1 s" in failed.reason

    (hmm_folder / "garage_driver.py").write_text(garage("2.0.0", code=ENDLESS))
    coordinator = entry.runtime_data
    report = await manager_of(home).async_reload()
    assert len(report.failed) == 2
    assert entry.runtime_data is coordinator
    await coordinator.async_refresh()
    assert coordinator.last_update_success


async def test_a_driver_that_hangs_only_in_home_assistant(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What passed the look before may still hang: its thread is left alone."""
    monkeypatch.setattr(preflight, "LOAD_SECONDS", 2.0)
    release = hmm_folder / "release"
    code = (
        "import pathlib, sys, time\n"
        "while 'pytest' in sys.modules and"
        f" not pathlib.Path({str(release)!r}).exists():\n    time.sleep(0.01)\n"
    )
    (hmm_folder / "hanging_driver.py").write_text(garage(code=code))
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    try:
        assert entry.state is ConfigEntryState.LOADED
        (failed,) = manager_of(home).failed
        assert "longer than 2 s" in failed.reason
    finally:
        release.touch()
    await until(lambda: not loading_threads())


def loading_threads() -> list[str]:
    """Return the threads in which a file is being loaded."""
    return [
        item.name for item in threading.enumerate() if item.name.startswith("hmm load")
    ]


# Pools

LEGACY_POOL = '''\
"""A pool driver of HMM-Local."""

from core.config import app_config
from integrations.base_pool import BasePoolIntegration, DashboardTileData

__version__ = "{version}"


class VillagePool(BasePoolIntegration):
    driver_type = "village"
    pool_type = "village"
    display_name = app_config.get("village.name", "Village")
    supports_coins = ["DGB"]

    async def detect(self, url, port):
        return False

    async def get_health(self, url, port, **kwargs):
        return None

    async def get_network_difficulty(self, coin, **kwargs):
        return 1000.0

    async def get_pool_stats(self, url, coin, **kwargs):
        return None

    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
        return DashboardTileData(
            health_status=True, pool_hashrate={rate}, currency="DGB"
        )
'''


def village(version: str = "1.0.0", rate: int = 5) -> str:
    """Return the source of a pool driver."""
    return LEGACY_POOL.format(version=version, rate=rate)


def village_threads() -> set[int | None]:
    """Return the threads in which the driver runs."""
    return {
        item.ident
        for item in threading.enumerate()
        if item.name == "hmm driver village"
    }


async def test_a_pool_driver_of_hmm_local_changes(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """The account gets the figures of the new one; the old one's thread ends."""
    (hmm_folder / "pool_drivers").mkdir()
    file = hmm_folder / "pool_drivers" / "village_driver.py"
    file.write_text(village())
    async with SimulatedSolopool() as pool:
        other = await set_up(home, pool_entry(pool))
        kept = other.runtime_data
        entry = await set_up(
            home, pool_entry(pool, "elsewhere", data={"driver": "village"})
        )
        assert value(home, entry, "pool_hashrate") == 5
        (old_thread,) = village_threads()

        file.write_text(village("2.0.0", rate=7))
        report = await manager_of(home).async_reload()
        assert report.entries == (entry,)
        assert value(home, entry, "pool_hashrate") == 7
        assert other.runtime_data is kept
        await until(lambda: old_thread not in village_threads())
        assert len(village_threads()) == 1

        file.unlink()
        await manager_of(home).async_reload()
        assert entry.state is ConfigEntryState.SETUP_ERROR
    await until(lambda: not village_threads())


CLOSING = """\
from pathlib import Path

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver


class ClosingDriver(SolopoolDriver):
    driver_type = "closing"
    driver_version = "{version}"

    async def close(self):
        Path({closed!r}).touch()
        raise RuntimeError("not today")
"""


async def test_a_pool_driver_gives_back_what_it_holds(
    home: HomeAssistant, hmm_folder: Path, tmp_path: Path
) -> None:
    """It is told when it is replaced; what it raises then harms nothing."""
    file = hmm_folder / "closing_driver.py"
    closed = tmp_path / "closed"
    file.write_text(CLOSING.format(version="1", closed=str(closed)))
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool, data={"driver": "closing"}))
        await manager_of(home).async_reload()
        assert not closed.exists()
        file.write_text(CLOSING.format(version="2", closed=str(closed)))
        await manager_of(home).async_reload()
        assert closed.exists()
        assert value(home, entry, "pool_hashrate") > 0


async def test_settings_of_the_config_file(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """A driver of HMM-Local gets them, secrets included, and new ones at a reload."""
    (hmm_folder / "village_driver.py").write_text(village())
    (hmm_folder / "garage_driver.py").write_text(garage())
    config = hmm_folder / "config.yaml"
    (hmm_folder.parent / "secrets.yaml").write_text("village: Hidden village\n")
    config.write_text("village:\n  name: !secret village\n")
    await set_up(home, miner_entry(bitaxe, "garage"))

    def name() -> str | None:
        return get_data(home).drivers.pools["village"].driver_class.display_name

    assert name() == "Hidden village"
    assert (await manager_of(home).async_reload()).changes == ()

    config.write_text("village:\n  name: New village\n")
    report = await manager_of(home).async_reload()
    # The other driver does not read them
    assert [str(change.id) for change in report.changes] == ["pool/village"]
    assert name() == "New village"

    for broken in ("village: [\n", "- a list\n", "village: !secret nobody\n"):
        config.write_text(broken)
        assert (await manager_of(home).async_reload()).changes == ()
        assert set(issues(home)) == {"config_file_failed"}
    assert name() == "New village"

    # A part that only the flow reads does not keep drivers from theirs
    config.write_text("village:\n  name: Newest village\nwallets: none\n")
    await manager_of(home).async_reload()
    assert name() == "Newest village"
    assert set(issues(home)) == {"config_file_failed"}
    config.unlink()
    await manager_of(home).async_reload()
    assert name() == "Village"
    assert issues(home) == {}


KEY_POOL = """\
import logging

import aiohttp

from integrations.base_pool import BasePoolIntegration, DashboardTileData

logger = logging.getLogger(__name__)


class KeyPool(BasePoolIntegration):
    pool_type = "keypool"
    supports_coins = ["DGB"]

    async def get_dashboard_data(self, url, coin, username=None, **kwargs):
        logger.error("asked with %s", kwargs)
        key = kwargs.get("api_token")
        async with aiohttp.ClientSession() as session:
            address = f"http://127.0.0.1:{kwargs['stratum_port']}/{username}"
            async with session.get(address, headers={"X-Key": str(key)}) as response:
                return DashboardTileData(
                    health_status=response.status == 200,
                    health_message=f"{username} with {key}",
                    pool_hashrate=float(await response.text()),
                )
"""


async def test_accounts_of_hmm_local_use_the_config_file(
    home: HomeAssistant,
    hmm_folder: Path,
    socket_enabled: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Wallet and key come from the file, new ones at a reload; nothing tells them."""
    asked: list[tuple[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append((request.path, request.headers["X-Key"]))
        return web.Response(text=str(len(asked)))

    app = web.Application()
    app.router.add_get("/{wallet}", answer)
    file = hmm_folder / "keypool_driver.py"
    file.write_text(KEY_POOL)
    (hmm_folder.parent / "secrets.yaml").write_text("key: my-first-key\n")
    config = hmm_folder / "config.yaml"
    config.write_text(
        "wallets:\n  DGB: dgb1qfirst\napi_keys:\n  keypool: !secret key\n"
    )
    async with TestServer(app) as server:
        data = {
            "entry_type": "pool",
            "driver": "keypool",
            "host": "127.0.0.1",
            "port": server.port,
            "coin": "DGB",
            "wallet": "",
        }
        entry = await set_up(
            home, MockConfigEntry(domain=DOMAIN, unique_id="keypool", data=data)
        )
        assert value(home, entry, "pool_hashrate") == len(asked) > 0
        assert set(asked) == {("/dgb1qfirst", "my-first-key")}
        asked.clear()

        config.write_text(
            "wallets:\n  dgb: dgb1qnext\nkeypool_api_token: my-next-key\n"
        )
        report = await manager_of(home).async_reload()
        assert report.entries == (entry,)
        assert set(asked) == {("/dgb1qnext", "my-next-key")}
        diagnostics = await async_get_config_entry_diagnostics(home, entry)
        reported = json.dumps(diagnostics, default=str, ensure_ascii=False)
    assert '"health_message": "… with …"' in reported
    # The server of this test logs what it was asked
    messages = [
        record.getMessage()
        for record in caplog.records
        if record.name != "aiohttp.access"
    ]
    for text in ("dgb1qfirst", "my-first-key", "dgb1qnext", "my-next-key"):
        assert text not in "".join(messages)
        assert text not in reported
        assert text not in repr(get_data(home).drivers)
    file.unlink()
    await manager_of(home).async_reload()
    await until(
        lambda: not any("keypool" in thread.name for thread in threading.enumerate())
    )


async def test_files_of_hmm_local_that_are_no_drivers(
    home: HomeAssistant, hmm_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Energy providers and strategies of a copied folder are one line in the log."""
    for name, module in (
        ("providers/energy/octopus_provider.py", "providers.energy.base"),
        ("strategies/solar_strategy.py", "core.strategy_plugin_base"),
    ):
        file = hmm_folder / name
        file.parent.mkdir(parents=True)
        file.write_text(f"from {module} import *\n")

    def failures() -> list[str]:
        return [
            record.message
            for record in caplog.records
            if "_provider.py" in record.message
        ]

    assert await async_setup_component(home, DOMAIN, {})
    (line,) = failures()
    assert "hmm/providers/energy/octopus_provider.py, hmm/strategies/solar" in line
    assert "energy providers or strategies of HMM-Local" in line
    assert issues(home) == {}
    assert manager_of(home).failed == []

    await manager_of(home).async_reload()
    assert failures() == [line]


POOL = """\
driver: solopool
display_name: {name}
url: home.example
port: {port}
coin: DGB
mining_model: solo
"""


async def test_pool_files_are_read_again(home: HomeAssistant, hmm_folder: Path) -> None:
    """A new one is in the list; one that got worse stays there as it was."""
    assert await async_setup_component(home, DOMAIN, {})
    (hmm_folder / "pools").mkdir()
    file = hmm_folder / "pools" / "mine.yaml"

    def name() -> str | None:
        known = get_data(home).known_pools.pools.get("mine")
        return known.template.display_name if known else None

    assert name() is None
    file.write_text(POOL.format(name="First", port=8004))
    await manager_of(home).async_reload()
    assert name() == "First"

    file.write_text(POOL.format(name="Second", port="many"))
    await manager_of(home).async_reload()
    assert name() == "First"
    assert set(issues(home)) == {"pool_file_failed_hmm/pools/mine.yaml"}

    file.write_text(POOL.format(name="Third", port=8005))
    await manager_of(home).async_reload()
    assert name() == "Third"
    assert issues(home) == {}

    file.unlink()
    await manager_of(home).async_reload()
    assert name() is None


async def test_listeners(home: HomeAssistant, hmm_folder: Path) -> None:
    """They hear of each reload until they are gone."""
    assert await async_setup_component(home, DOMAIN, {})
    manager = manager_of(home)
    heard: list[int] = []
    count: Callable[[], None] = lambda: heard.append(1)  # noqa: E731
    remove = manager.async_add_listener(count)
    await manager.async_reload()
    assert len(heard) == 1
    remove()
    await manager.async_reload()
    assert len(heard) == 1
