"""What a driver of the user does to others: nothing, whatever it blocks or raises."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
import threading
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine import (
    client,
    driver_thread,
    guard,
    hanging,
    job_threads,
    pool_client,
)
from custom_components.hmm.miner.coordinator import MINER_INTERVAL
from simulator import SimulatedAxeOS, SimulatedSolopool
from simulator.solopool import DEMO_WALLET
from tests.common import fire_time_changed, pool_entry, until, value
from tests.conftest import miner_entry, set_up
from tests.flows import choose, fill
from tests.other_devices import Lamp
from tests.repairs import issues
from tests.user_drivers import acme, start

FILE = "garage_driver.py"
ISSUE = f"driver_hangs_hmm/{FILE}"

_BLOCKS = '''\
"""A driver of the user."""

import asyncio
from pathlib import Path
import time


def block():
    while Path({blocks!r}).exists():
        time.sleep(0.02)


'''
MINER = (
    _BLOCKS
    + """
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver


class GarageDriver(BitaxeDriver):
    driver_type = "garage"
    driver_version = "{version}"

    def __init__(self):
        super().__init__()
        {made}

    def get_supported_modes(self):
        {read}
        return super().get_supported_modes()

    async def get_telemetry(self):
        answer = await super().get_telemetry()
        {polled}
        return answer
"""
)

IN_THREAD = "await asyncio.to_thread(block)"
IN_EXECUTOR = "await asyncio.get_running_loop().run_in_executor(None, block)"
IN_LOOP = "block()"
LEFT_BEHIND = "asyncio.get_running_loop().run_in_executor(None, block)"
SWALLOWS = """
        while Path({blocks!r}).exists():
            try:
                await asyncio.sleep(0.05)
            except asyncio.CancelledError:
                pass
"""


class Blocks:
    """A file: drivers block for as long as it is there."""

    def __init__(self, path: Path) -> None:
        """Begin without it."""
        self.path = str(path)
        self._file = path

    def begin(self) -> None:
        """Let drivers block from now on."""
        self._file.touch()

    def end(self) -> None:
        """Let them go on."""
        self._file.unlink(missing_ok=True)


@pytest.fixture
def blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Blocks]:
    """Return what lets drivers block; in the end, none does.

    Who blocks is waited for only a little.
    """
    monkeypatch.setattr(guard, "_CANCEL_SECONDS", 0.2)
    monkeypatch.setattr(driver_thread, "_END_SECONDS", 0.2)
    blocks = Blocks(tmp_path / "blocks")
    yield blocks
    blocks.end()
    for thread in threading.enumerate():
        if thread.name.startswith(("hmm worker", "hmm load")):
            thread.join(20)


@pytest.fixture
async def devices(socket_enabled: None) -> AsyncIterator[list[SimulatedAxeOS]]:
    """Return a dozen miners."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(
                SimulatedAxeOS(model="gamma", mac=f"AA:BB:CC:00:02:{n:02X}")
            )
            for n in range(12)
        ]


def garage(
    blocks: Blocks,
    polled: str = "pass",
    *,
    made: str = "pass",
    read: str = "pass",
    version: str = "1.0.0",
) -> str:
    """Return the source of a driver that does something when it is called."""
    polled = polled.format(blocks=blocks.path)
    return MINER.format(
        blocks=blocks.path, polled=polled, made=made, read=read, version=version
    )


async def set_up_all(
    home: HomeAssistant, devices: list[SimulatedAxeOS], driver: str = "garage"
) -> list[MockConfigEntry]:
    """Set up an entry for each device."""
    entries = [
        miner_entry(device, driver, title=f"Miner {n}")
        for n, device in enumerate(devices)
    ]
    for entry in entries:
        entry.add_to_hass(home)
    assert await async_setup_component(home, DOMAIN, {})
    await home.async_block_till_done(wait_background_tasks=True)
    assert all(entry.state is ConfigEntryState.LOADED for entry in entries)
    return entries


async def poll(home: HomeAssistant) -> None:
    """Let all miners be polled once."""
    fire_time_changed(home, dt_util.utcnow() + MINER_INTERVAL * 1.1)
    await home.async_block_till_done(wait_background_tasks=True)


async def executor_answers(home: HomeAssistant) -> bool:
    """Return whether Home Assistant's executor still serves everyone."""
    jobs = [home.async_add_executor_job(threading.get_ident) for _ in range(100)]
    async with asyncio.timeout(20):
        return len(await asyncio.gather(*jobs)) == 100


def good(entry: ConfigEntry[Any]) -> bool:
    """Return whether a miner answered its last poll."""
    return bool(entry.runtime_data.last_update_success)


def threads(kind: str) -> int:
    """Return how many threads of a kind there are."""
    return sum(item.name.startswith(f"hmm {kind}") for item in threading.enumerate())


@pytest.mark.parametrize(
    "polled", [IN_THREAD, IN_EXECUTOR, IN_LOOP, SWALLOWS, LEFT_BEHIND]
)
async def test_a_driver_that_blocks_is_stopped_and_named(
    home: HomeAssistant,
    hmm_folder: Path,
    devices: list[SimulatedAxeOS],
    bitaxe: SimulatedAxeOS,
    blocks: Blocks,
    monkeypatch: pytest.MonkeyPatch,
    polled: str,
) -> None:
    """Given six devices whose driver leaves a thread at each poll, others go on."""
    monkeypatch.setattr(job_threads, "_OVERDUE_SECONDS", 0.5)
    file = hmm_folder / FILE
    file.write_text(garage(blocks, polled))
    entries = await set_up_all(home, devices[:6])
    other = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert all(map(good, entries))

    with monkeypatch.context() as patch:
        patch.setattr(client, "_POLL_SECONDS", 0.3)
        blocks.begin()
        for _ in range(4):
            await poll(home)
            await asyncio.sleep(0.2)
    assert not any(map(good, entries))
    assert set(issues(home)) == {ISSUE}
    reason = entries[0].runtime_data.last_exception
    assert reason.translation_key == "driver_hangs"
    assert reason.translation_placeholders["file"] == f"hmm/{FILE}"
    assert threads("worker") <= 16
    assert threads("driver") <= 6

    # Everyone else goes on
    assert await executor_answers(home)
    before = bitaxe.counters.requests
    await poll(home)
    assert bitaxe.counters.requests == before + 1
    assert good(other)

    # Corrected and reloaded, it has a new chance, while the threads still hang
    file.write_text(garage(blocks, version="1.0.1"))
    await get_data(home).driver_manager.async_reload()
    await poll(home)
    assert all(map(good, entries))
    assert issues(home) == {}


async def test_what_comes_back_is_called_again(
    home: HomeAssistant,
    hmm_folder: Path,
    devices: list[SimulatedAxeOS],
    blocks: Blocks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given threads that end after all, the driver goes on and the repair vanishes."""
    (hmm_folder / FILE).write_text(garage(blocks, IN_THREAD))
    entries = await set_up_all(home, devices[:3])
    with monkeypatch.context() as patch:
        patch.setattr(client, "_POLL_SECONDS", 0.3)
        blocks.begin()
        await poll(home)
    assert set(issues(home)) == {ISSUE}

    blocks.end()
    await until(lambda: not threads("worker"))
    await poll(home)
    assert all(map(good, entries))
    assert issues(home) == {}


async def test_home_assistant_stops_while_drivers_hang(
    home: HomeAssistant,
    hmm_folder: Path,
    devices: list[SimulatedAxeOS],
    blocks: Blocks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given blocked loops and workers, nothing waits for them."""
    (hmm_folder / FILE).write_text(garage(blocks, IN_THREAD))
    (hmm_folder / "shed_driver.py").write_text(
        garage(blocks, IN_LOOP).replace('"garage"', '"shed"')
    )
    await set_up_all(home, devices[:6])
    for device in devices[6:]:
        await set_up(home, miner_entry(device, "shed"))
    monkeypatch.setattr(client, "_POLL_SECONDS", 0.3)
    blocks.begin()
    await poll(home)
    assert threads("worker") == 6

    async with asyncio.timeout(20):
        await home.async_stop(force=True)
    assert threads("worker") == 6


ENDS = (
    "asyncio.create_task(end())",
    "await asyncio.gather(end(), return_exceptions=True)",
    "asyncio.get_running_loop().call_soon(end_now)",
)


async def test_a_task_of_a_drivers_own_ends_nothing(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    blocks: Blocks,
    subtests: pytest.Subtests,
) -> None:
    """Given one that raises what ends programs, Home Assistant and the miner go on."""
    file = hmm_folder / FILE
    file.write_text(garage(blocks))
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    errors = ("KeyboardInterrupt", "SystemExit", "GeneratorExit", "BaseException")
    for polled, error in product(ENDS, errors):
        with subtests.test(f"{error} in {polled}"):
            ends = f"""
        def end_now():
            raise {error}

        async def end():
            await asyncio.sleep(0)
            end_now()

        {polled}
        await asyncio.sleep(0.01)
"""
            file.write_text(garage(blocks, ends))
            await get_data(home).driver_manager.async_reload()
            for _ in range(2):
                await poll(home)
            assert entry.state is ConfigEntryState.LOADED
            # What is awaited is the driver's fault; what is not harms nobody
            assert good(entry) or "gather" in polled
            assert home.is_running
            assert await executor_answers(home)
        file.write_text(garage(blocks))
        await get_data(home).driver_manager.async_reload()
        await poll(home)
        assert good(entry)


@pytest.mark.parametrize("where", ["made", "read"])
async def test_a_method_that_is_not_asynchronous_has_little_time(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    blocks: Blocks,
    monkeypatch: pytest.MonkeyPatch,
    where: str,
) -> None:
    """Given a constructor or a plain method that blocks, so do only its threads."""
    monkeypatch.setattr(guard, "_READ_SECONDS", 0.2)
    monkeypatch.setattr(guard, "_MAKE_SECONDS", 0.2)
    (hmm_folder / FILE).write_text(garage(blocks, **{where: "block()"}))
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    assert good(entry)
    blocks.begin()
    for _ in range(4):
        await entry.runtime_data.client.disconnect()
        await poll(home)
    assert not good(entry)
    assert set(issues(home)) == {ISSUE}
    assert await executor_answers(home)
    assert threads("load") + threads("driver") <= hanging.MAX_HANGING + 1


POOL = (
    _BLOCKS
    + """
from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver


class VillageDriver(SolopoolDriver):
    driver_type = "village"

    def __init__(self):
        super().__init__()
        {made}

    async def get_dashboard_data(self, *args, **kwargs):
        {polled}
        async with self.session:  # an easy mistake
            return await super().get_dashboard_data(*args, **kwargs)
"""
)


async def test_a_pool_driver_that_blocks(
    home: HomeAssistant,
    hmm_folder: Path,
    blocks: Blocks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given accounts of two drivers, the one that blocks is named, the other goes on."""
    (hmm_folder / FILE).write_text(
        POOL.format(blocks=blocks.path, made="pass", polled=IN_THREAD)
    )
    async with SimulatedSolopool() as pool:
        other = await set_up(home, pool_entry(pool))
        entry = await set_up(
            home,
            pool_entry(
                pool,
                "elsewhere",
                data={"driver": "village", "wallet": DEMO_WALLET},
            ),
        )
        assert value(home, entry, "pool_hashrate") > 0
        monkeypatch.setattr(pool_client, "_FETCH_SECONDS", 0.3)
        blocks.begin()
        for _ in range(4):
            await entry.runtime_data.async_refresh()
        assert not good(entry)
        assert set(issues(home)) == {ISSUE}
        monkeypatch.undo()
        await other.runtime_data.async_refresh()
        assert good(other)


async def test_a_pool_driver_that_cannot_be_made(
    home: HomeAssistant,
    hmm_folder: Path,
    blocks: Blocks,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Given a constructor that blocks, the start waits for it a moment, and no more."""
    made = "'pytest' in __import__('sys').modules and block()"
    (hmm_folder / FILE).write_text(
        POOL.format(blocks=blocks.path, made=made, polled="pass")
    )
    monkeypatch.setattr(guard, "_MAKE_SECONDS", 0.2)
    async with SimulatedSolopool() as pool:
        entry = pool_entry(pool, "elsewhere", data={"driver": "village"})
        blocks.begin()
        entry = await set_up(home, entry)
        assert entry.state is ConfigEntryState.SETUP_ERROR
        assert entry.error_reason_translation_key == "pool_timed_out"


async def test_the_dialog_names_a_driver_that_failed(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Given a device that no other driver supports, the bug in the user's is shown."""
    connect = "        return True\n\n    async def get_telemetry"
    bug = connect.replace("True", "{}['hashrate']")
    (hmm_folder / "acme_driver.py").write_text(acme().replace(connect, bug))
    await start(home)
    async with Lamp() as device:
        result = await choose(home, "miner")
        result = await fill(home, result, host=f"127.0.0.1:{device.port}")

    assert result["errors"] == {"base": "driver_error"}
    shown = result["description_placeholders"]
    assert shown is not None
    assert (shown["driver"], shown["error"]) == ("acme", "KeyError")
    assert shown["file"] == "acme_driver.py"
