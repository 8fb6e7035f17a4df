"""Another version of a driver on the answers of the one that runs: nothing more is sent."""

from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.hmm.bundled.pool_drivers.solopool_driver import SolopoolDriver
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine import candidate as process
from custom_components.hmm.driver_engine.declaration import DriverId
from custom_components.hmm.drivers import compare
from custom_components.hmm.drivers.compare import DriverTrial, DriverTrials
from custom_components.hmm.drivers.compare_json import comparison_json
from custom_components.hmm.markdown import checksum
from simulator import (
    SimulatedAvalon,
    SimulatedAxeOS,
    SimulatedNMMiner,
    SimulatedSolopool,
)
from tests.common import fleet_entry, identity, later, poll, pool_entry, until
from tests.conftest import free_udp_port, miner_entry, set_up
from tests.driver_engine.legacy.variants import read_driver
from tests.driver_index import (
    OTHER_KEY,
    driver_of,
    index_of,
    signed,
    version_of,
    written,
)
from tests.drivers.test_flow import choose, fill
from tests.drivers.test_indexes import INDEX, add
from tests.drivers.test_watch import FILE, POOL_FILE, VILLAGE, garage
from tests.file_server import FileServer
from tests.flows import open_drivers
from tests.user_drivers import BITAXE, do, names, put, read, sum_of

ASIDE = "miner_drivers/garage_two.py"


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner whose driver is the user's."""
    await put(home, FILE, garage("1.0.0"))
    return await set_up(home, miner_entry(bitaxe, "garage", title="Garage"))


def trials(home: HomeAssistant) -> DriverTrials:
    """Return what tries versions."""
    return get_data(home).driver_trials


async def begin(
    home: HomeAssistant, entry: ConfigEntry[Any], key: str, polls: int = 2
) -> DriverTrial:
    """Try a version."""
    offers = await trials(home).async_offers(entry)
    return await trials(home).async_start(entry, offers[key], polls)


async def compared(
    home: HomeAssistant, entry: ConfigEntry[Any], times: int = 2
) -> dict[str, Any]:
    """Poll so often and return what came of it."""
    for _ in range(times):
        await poll(home, entry)
        await home.async_block_till_done(wait_background_tasks=True)
    trial = trials(home).current
    assert trial is not None
    return dict(comparison_json(trial))


async def test_fields_that_differ_and_no_second_request(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """Each field is compared; the device is asked as often as without it."""
    before = bitaxe.counters.requests
    await poll(home, miner)
    per_poll = bitaxe.counters.requests - before
    code = "telemetry = replace(telemetry, power=None, temperature=1e308, mode='x' * 30000, signal=-1)"
    await put(home, ASIDE, garage("2.0.0", code))
    trial = await begin(home, miner, "garage_two.py", 3)
    # Once, the running driver connects anew: the other one must know whom it reads
    await compared(home, miner)
    assert trial.comparison.polls == 1

    before, writes = bitaxe.counters.requests, len(bitaxe.writes)
    found = await compared(home, miner)
    assert bitaxe.counters.requests - before == 2 * per_poll
    assert len(bitaxe.writes) == writes
    assert trial.ended.is_set()
    assert (found["polls"], found["read"], found["ended_early"]) == (3, 3, None)
    assert (found["running_version"], found["candidate_version"]) == ("1.0.0", "2.0.0")
    assert found["same_fields"] > 20
    differences = {
        difference["field"]: difference for difference in found["differences"]
    }
    assert differences["power"]["kind"] == "lost"
    assert differences["power"]["polls"] == 3
    # What is absurd is no value, in the other process as here
    assert differences["temperature"]["candidate"] == "–"
    assert differences["signal"]["candidate"] == "-1"
    assert all(
        len(difference["candidate"]) <= 60 for difference in found["differences"]
    )
    # Afterwards nothing is kept of the answers
    assert miner.runtime_data.recording is None


async def test_take_over_and_back(home: HomeAssistant, miner: ConfigEntry[Any]) -> None:
    """A file is taken over with a backup, which then can be tried as well."""
    await put(home, ASIDE, garage("2.0.0"))
    await begin(home, miner, "garage_two.py")
    found = await compared(home, miner, times=3)
    assert (found["polls"], found["differences"]) == (2, [])
    result = await trials(home).async_take_over()
    assert (result.old_version, result.new_version) == ("1.0.0", "2.0.0")
    assert trials(home).current is None
    (key,) = [key for key in await trials(home).async_offers(miner) if "1.0.0" in key]
    await begin(home, miner, key)
    await trials(home).async_take_over()
    assert await read(Path(home.config.path(DOMAIN, FILE))) == garage("1.0.0")
    with pytest.raises(ServiceValidationError):
        await trials(home).async_take_over()


@pytest.mark.parametrize("is_trusted", [True, False])
async def test_from_an_index(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer, is_trusted: bool
) -> None:
    """It is still from the index when it is taken over, unless that got another key."""
    text = garage("2.0.0")
    url, version = (
        files.put("/hmm/acme-2.0.0_driver.py", text),
        version_of(text, "2.0.0"),
    )
    index = index_of(driver_of(version, type="garage"))
    await add(home, files.put(INDEX, written(signed(index))))
    await do(home, "install_driver", url=url, sha256=sum_of(text))
    await begin(home, miner, f"web-{sum_of(text)[:8]}")
    if not is_trusted:
        files.put(INDEX, written(signed(index, OTHER_KEY)))
        await do(home, "check_driver_updates")
        with pytest.raises(HomeAssistantError, match="has another key"):
            await trials(home).async_take_over()
        return
    await trials(home).async_take_over()
    state = get_data(home).driver_service.states[DriverId("miner", "garage")]
    assert (state.installed_version, state.index) == ("2.0.0", files.url(INDEX))


async def test_the_bundled_driver(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """A customized copy is compared with what it was copied from, and makes room."""
    copy = await put(home, "miner_drivers/bitaxe_driver.py", await read(BITAXE) + "\n")
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    await begin(home, entry, "bundled")
    found = await compared(home, entry, times=3)
    assert (found["polls"], found["differences"]) == (2, [])
    await trials(home).async_take_over()
    assert get_data(home).drivers.miners["bitaxe"].bundled
    assert not copy.exists()


def says(text: str) -> str:
    """Return code that writes a line where the answers go, past what HMM writes."""
    code = f"""
import os
for number in range(3, 30):
    try:
        os.write(number, {text} + b'\\n')
    except OSError:
        pass
"""
    return f"exec({code!r})"


READS = """b'{"missed": [], "fields": {"core_voltage": %s, "no_field": 1, "mode": "x\\\\ud800"}}'"""

ENDS = {
    "import time; time.sleep(1e6)": "It took longer than",
    "import asyncio; await asyncio.sleep(1e6)": "It took longer than",
    "import os; os._exit(0)": "ends",
    says("b'[' * 900_000"): "cannot be read",
    says(f"{READS} % (b'[' * 3000 + b']' * 3000)"): "cannot be read",
    says(f"{READS} % (b'[' + b'[],' * 300_000 + b'1]')"): "cannot be read",
}
"""What ends the trial, and what is told."""

FAILS = (
    "x = bytearray(2**33)",
    "raise ValueError('secret')",
    "open('/tmp/hmm-candidate', 'w').write('x')",
    "import subprocess; subprocess.run(['true'])",
    "import socket; socket.create_connection(('127.0.0.1', 80))",
    "import multiprocessing as m; m.get_context('spawn').Process(target=print).start()",
    "import os, resource; resource.prlimit(os.getppid(), resource.RLIMIT_CPU, (1, 1))",
    "import os, signal; signal.pidfd_send_signal(os.pidfd_open(os.getppid()), 9)",
    "import os; os.mknod('/tmp/hmm-candidate')",
    "import os; os.setpriority(os.PRIO_PROCESS, os.getppid(), 1)",
    "from multiprocessing.shared_memory import SharedMemory as M; M('hmm', True, 1)",
    "import socket; socket.socket(socket.AF_NETLINK)",
    "await self._request('PATCH', '/api/system', {'fanspeed': 1})",
)
"""What fails one poll, and no other."""


async def poll_unnoticed(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """Poll; neither the running driver nor the device notices anything of the other one."""
    before = bitaxe.counters.requests
    await poll(home, miner)
    assert bitaxe.counters.requests - before == 1
    await home.async_block_till_done(wait_background_tasks=True)
    assert bitaxe.writes == []
    assert miner.runtime_data.last_update_success


async def test_what_ends_a_candidate(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
    subtests: pytest.Subtests,
) -> None:
    """It hangs, ends or says what cannot be read: that ends in its process."""
    for code, ended in ENDS.items():
        # What it says is read at once, however slow the machine is
        seconds = 0.5 if "sleep" in code else 20.0
        monkeypatch.setattr(process, "POLL_SECONDS", seconds)
        with subtests.test(code[:50]):
            await put(home, ASIDE, garage("2.0.0", code))
            trial = await begin(home, miner, "garage_two.py")
            await compared(home, miner, times=2)
            await poll_unnoticed(home, miner, bitaxe)
            assert trial.failed is not None
            assert ended in trial.failed
        await trials(home).async_drop()


async def test_what_fails_a_poll_of_a_candidate(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """It does harm in each poll, another one each time: that ends in its process."""
    code = "\n        ".join(
        f"if self.polls == {number}:\n            {harm}"
        for number, harm in enumerate(FAILS, 1)
    )
    await put(home, ASIDE, garage("2.0.0", code))
    trial = await begin(home, miner, "garage_two.py", len(FAILS))
    await compared(home, miner, times=2)
    for _ in FAILS[1:]:
        await poll_unnoticed(home, miner, bitaxe)
    found = trial.comparison
    assert (trial.failed, found.polls, found.good) == (None, len(FAILS), 0)
    assert found.errors.total() == len(FAILS)
    assert "secret" not in str(found.errors)
    assert set(found.missed) == {
        "! write a file",
        "! subprocess.Popen",
        "socket 127.0.0.1:80",
        "! _posixsubprocess.fork_exec",
        "! resource.prlimit",
        "! signal.pidfd_send_signal",
        "! posix.mknod",
        "! posix.setpriority",
        "! posixshmem.shm_open",
        "! socket 16",
        f"PATCH http://127.0.0.1:{bitaxe.port}/api/system",
    }
    assert not Path("/tmp/hmm-candidate").exists()  # noqa: ASYNC240


async def test_a_candidate_that_answers_for_hmm(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """What it says then can be shown and sent all the same."""
    await put(home, ASIDE, garage("2.0.0", says(f"{READS} % (b'9' * 4000)")))
    await begin(home, miner, "garage_two.py")
    found = await compared(home, miner, times=3)
    assert found["polls"] == 2
    differences = {
        difference["field"]: difference["candidate"]
        for difference in found["differences"]
    }
    assert "no_field" not in differences
    # Its true answer comes to the next poll, when neither of these has changed
    assert (differences["core_voltage"], differences["mode"]) == ("inf", "x?")
    await trials(home).async_drop()


async def test_a_candidate_that_does_not_load(
    home: HomeAssistant, miner: ConfigEntry[Any], subtests: pytest.Subtests
) -> None:
    """It is refused, and nothing remains of it."""
    for code in (
        "raise RuntimeError('no')",
        "import sys; sys.exit()",
        "import os; os._exit(1)",
    ):
        with subtests.test(code):
            await put(home, ASIDE, f"{garage('2.0.0')}\n{code}\n")
            with pytest.raises(HomeAssistantError):
                await begin(home, miner, "garage_two.py")
            assert trials(home).current is None
            assert miner.runtime_data.recording is None


@pytest.mark.trial
async def test_a_candidate_that_does_harm_when_it_is_loaded(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    subtests: pytest.Subtests,
) -> None:
    """It does none: it is loaded nowhere else than where it is tried."""
    path = tmp_path / "harm"
    for code in (
        f"open({str(path)!r}, 'w').write('x')",
        f"import os; os.mkdir({str(path)!r})",
        f"import socket; socket.create_connection(('127.0.0.1', {bitaxe.port}))",
        "import os; os.fork()",
        "import json; json.dumps = 1",
        "import time; time.sleep(1e6)",
    ):
        if "sleep" in code:
            monkeypatch.setattr(process, "LOAD_SECONDS", 0.5)
        with subtests.test(code):
            await put(home, ASIDE, f"{garage('2.0.0')}\n{code}\n")
            with pytest.raises(HomeAssistantError) as caught:
                await begin(home, miner, "garage_two.py")
            assert caught.value.translation_key == "compare_not_started"
            assert not path.exists()
            assert trials(home).current is None


async def test_a_candidate_for_a_newer_hmm(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """It is not run."""
    newer = garage("2.0.0").replace("polls = 0", 'interface_version = "99.0"')
    await put(home, ASIDE, newer)
    with pytest.raises(HomeAssistantError) as caught:
        await begin(home, miner, "garage_two.py")
    assert caught.value.translation_key == "compare_not_started"
    assert "Update HMM" in str(caught.value.translation_placeholders)


async def test_another_type_is_not_offered(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """A file with another driver, and one that is none, cannot be chosen."""
    await put(home, ASIDE, garage("2.0.0", driver_type="other"))
    await put(home, "miner_drivers/notes.py", "x = 1\n")
    await put(home, "miner_drivers/cut.py", "\0")
    assert await trials(home).async_offers(miner) == {}


async def test_an_avalon_connects_once_anew(home: HomeAssistant) -> None:
    """Who the device is was asked long ago: the running driver asks once more, not the other."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano", identity(device)))
        bundled = get_data(home).drivers.miners["avalon_nano"].path
        await put(home, "miner_drivers/other.py", await read(bundled) + "\n")
        before = device.counters.requests
        await poll(home, entry)
        per_poll = device.counters.requests - before
        await begin(home, entry, "other.py")
        await compared(home, entry, times=2)
        before = device.counters.requests
        found = await compared(home, entry, times=1)
        assert device.counters.requests - before == per_poll
        assert (found["polls"], found["read"]) == (2, 2), found
        assert found["differences"] == []


async def test_broadcasts(home: HomeAssistant) -> None:
    """A miner that only broadcasts: the other version gets the same packets."""
    port = free_udp_port()
    async with SimulatedNMMiner(
        port=port, target=("127.0.0.1", port), interval=0.05
    ) as device:
        entry = await set_up(home, miner_entry(device, "nmminer", identity(device)))
        bundled = get_data(home).drivers.miners["nmminer"].path
        await put(home, "miner_drivers/other.py", await read(bundled) + "\n")
        await begin(home, entry, "other.py", 1)
        found = await compared(home, entry, times=2)
        assert found["read"] == 1, (found["errors"], found["not_asked"])
        assert {difference["field"] for difference in found["differences"]} <= {
            "uptime"
        }


async def test_a_pool(home: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of pools, the tiles are compared; what was asked in vain names no account."""
    await put(home, POOL_FILE, VILLAGE.format(version="1.0", code="pass", made="pass"))
    code = (
        "tiles = replace(tiles, pool_hashrate=None)\n"
        "        import aiohttp\n"
        "        try: await self.session.get('http://127.0.0.1:9/' + kwargs['username'])\n"
        "        except aiohttp.ClientError: pass"
    )
    text = VILLAGE.format(version="1.1", code=code, made="pass")
    await put(home, "pool_drivers/village_two.py", text)
    # Else the running driver keeps what it knows of the coin for half a minute
    monkeypatch.setattr(SolopoolDriver, "stats_seconds", 0.0)
    async with SimulatedSolopool() as pool:
        entry = pool_entry(pool)
        data = {**entry.data, "driver": "village"}
        entry = type(entry)(domain=DOMAIN, unique_id="v", title="Village", data=data)
        await set_up(home, entry)
        before = pool.counters.requests
        await poll(home, entry)
        per_poll = pool.counters.requests - before
        monkeypatch.setitem(compare._MAX_SKIPPED, "pool", 1)
        await begin(home, entry, "village_two.py", 1)
        before = pool.counters.requests
        found = await compared(home, entry, times=2)
        assert pool.counters.requests - before == 2 * per_poll
    assert found["read"] == 1, found
    # What it keeps of the coin is that of the first poll
    lost = [
        difference["field"]
        for difference in found["differences"]
        if difference["kind"] == "lost"
    ]
    assert lost == ["pool_hashrate"]
    assert found["not_asked"] == ["GET http://127.0.0.1:9/…"]


async def test_a_running_driver_of_hmm_local(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Its requests go past HMM: that is told, instead of wrong differences."""
    text = read_driver("legacy_bitaxe_driver.py")
    await put(home, "miner_drivers/bitaxe_driver.py", text)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    trial = await begin(home, entry, "bundled")
    await compared(home, entry, times=1)
    assert trial.failed is not None
    assert "bypasses HMM" in trial.failed


async def test_a_candidate_of_hmm_local(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """A file of that time is tried beside the bundled driver, with sessions of its own."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    text = read_driver("legacy_bitaxe_driver.py")
    await put(home, "miner_drivers/old_bitaxe.py", text)
    await begin(home, entry, "old_bitaxe.py", 1)
    before = bitaxe.counters.requests
    found = await compared(home, entry, times=1)
    assert bitaxe.counters.requests - before == 1
    assert found["read"] == 1, found
    assert {"power", "temperature"}.isdisjoint(
        difference["field"] for difference in found["differences"]
    )


async def test_it_ends_with_what_it_is_tried_on(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """A reload of the entry, or another running driver, ends it; so does Home Assistant."""
    await put(home, ASIDE, garage("2.0.0"))
    trial = await begin(home, miner, "garage_two.py")
    with pytest.raises(ServiceValidationError):
        await begin(home, miner, "garage_two.py")
    await home.config_entries.async_reload(miner.entry_id)
    await home.async_block_till_done()
    assert trial.failed == "The miner or pool was set up again, or removed."

    trial = await begin(home, miner, "garage_two.py")
    await put(home, FILE, garage("1.1.0"))
    await do(home, "reload_drivers")
    assert trial.failed == "The running driver was changed."

    trial = await begin(home, miner, "garage_two.py")
    home.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await home.async_block_till_done()
    assert trial.ended.is_set()
    assert trials(home).current is None
    # Nothing waits for the next start
    assert not {name for name in await names(home) if name.startswith("pending")}


@pytest.mark.parametrize("is_reloaded", [True, False])
async def test_a_change_while_it_starts(
    home: HomeAssistant, miner: ConfigEntry[Any], is_reloaded: bool
) -> None:
    """What was changed while the other version was loaded is not tried on."""
    await put(home, ASIDE, garage("2.0.0"))
    starting = home.async_create_task(begin(home, miner, "garage_two.py"))
    await until(trials(home)._starting.locked)
    if is_reloaded:
        await home.config_entries.async_reload(miner.entry_id)
    else:
        await put(home, FILE, garage("1.1.0"))
        await do(home, "reload_drivers")
    with pytest.raises(ServiceValidationError):
        await starting
    # Nothing is left that the next one must wait for
    assert (await begin(home, miner, "garage_two.py")).failed is None


async def test_a_miner_that_is_off(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """Failed polls of the running driver are no polls of the other one."""
    await put(home, ASIDE, garage("2.0.0"))
    trial = await begin(home, miner, "garage_two.py")
    await bitaxe.stop()
    await compared(home, miner, times=2)
    assert trial.comparison.polls == 0
    await home.config_entries.async_unload(miner.entry_id)
    assert trial.ended.is_set() or (await trial.ended.wait())
    with pytest.raises(ServiceValidationError):
        await trials(home).async_start(miner, trial.offered)


# By hand


async def test_the_action(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """It waits for the polls and returns the differences; it runs nothing from the web."""
    await put(home, ASIDE, garage("2.0.0", "telemetry = replace(telemetry, power=1)"))
    call = home.async_create_task(
        home.services.async_call(
            DOMAIN,
            "compare_driver",
            {"entry": miner.entry_id, "version": "2.0.0", "polls": 1},
            blocking=True,
            return_response=True,
        )
    )
    await until(lambda: trials(home).current is not None)
    # Not all that is to be done: the action itself waits for these polls
    await miner.runtime_data.async_refresh()
    run = trials(home)._run
    assert run is not None
    await until(lambda: run._skipped == 1)
    await miner.runtime_data.async_refresh()
    answer = await call
    assert isinstance(answer, dict)
    assert [difference["field"] for difference in answer["differences"]] == ["power"]  # type: ignore[index]
    text = garage("3.0.0")
    url = files.put("/garage_driver.py", text)
    await do(home, "install_driver", url=url, sha256=sum_of(text))
    for data in (
        {"entry": miner.entry_id, "version": "3.0.0"},
        {"entry": miner.entry_id, "version": "no"},
        {"entry": "no", "version": "2.0.0"},
    ):
        with pytest.raises(ServiceValidationError):
            await do(home, "compare_driver", **data)


async def test_an_action_that_waits_in_vain(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A miner that is not polled well keeps nobody waiting for ever."""
    monkeypatch.setattr("custom_components.hmm.drivers.compare._PATIENCE", 0)
    await put(home, ASIDE, garage("2.0.0"))
    answer = await do(
        home, "compare_driver", entry=miner.entry_id, version="2.0.0", polls=1
    )
    assert answer["ended_early"] == "The miner or pool did not respond often enough."


async def test_the_dialog(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """From the web: shown before it is run, compared, shown again, taken over."""
    code = "telemetry = replace(telemetry, power=None)"
    text = garage("3.0.0", code)
    url = files.put("/garage_driver.py", text)
    menu = await open_drivers(home, fleet_entry(home))
    form = await choose(home, menu, "compare")
    assert form["step_id"] == "compare"
    form = await fill(home, form, entry=miner.entry_id, polls=3)
    assert form["step_id"] == "compare_version"
    form = await fill(home, form, version="web")
    form = await fill(home, form, url=url, sha256="no")
    assert form["errors"] == {"sha256": "sha256_invalid"}
    form = await fill(home, form, url=url, sha256=sum_of("x"))
    assert form["errors"] == {"base": "failed"}
    form = await fill(home, form, url=url, sha256=sum_of(text))
    assert form["step_id"] == "compare_version"
    form = await fill(home, form, version=f"web-{sum_of(text)[:8]}")
    assert form["step_id"] == "compare_confirm"
    assert form["description_placeholders"]["sha256"] == checksum(sum_of(text))
    assert trials(home).current is None

    menu = await fill(home, form)
    assert menu["step_id"] == "compare_result"
    assert menu["menu_options"][0] == "compare_result"
    assert menu["description_placeholders"]["differences"] == "| – | – | – | – |"
    await compared(home, miner, times=2)
    menu = await choose(home, menu, "compare_result")
    shown = menu["description_placeholders"]
    assert "| Power | Missing |" in shown["differences"]
    assert (shown["polls"], shown["wanted"]) == ("1", "3")
    await compared(home, miner, times=2)
    # Whoever closes the dialog finds it again
    menu = await choose(home, await open_drivers(home, fleet_entry(home)), "compare")
    assert menu["menu_options"] == ["compare_take", "compare_drop", "drivers"]
    result = await choose(home, menu, "compare_take")
    assert result["step_id"] == "installed"
    assert get_data(home).drivers.miners["garage"].version == "3.0.0"
    # The repair that asked about the same file has its answer
    assert (
        ir.async_get(home).async_get_issue(DOMAIN, "driver_install_miner/garage")
        is None
    )


async def test_the_dialog_when_it_is_over(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """It is dropped, elsewhere as well; without anything that works it says so."""
    await put(home, ASIDE, garage("2.0.0"))
    first = await open_drivers(home, fleet_entry(home))
    await begin(home, miner, "garage_two.py")
    menu = await choose(home, first, "compare")
    await trials(home).async_drop()
    back = await choose(home, menu, "compare_result")
    assert back["step_id"] == "drivers"
    await begin(home, miner, "garage_two.py")
    menu = await choose(home, back, "compare")
    back = await choose(home, menu, "compare_drop")
    assert back["step_id"] == "drivers"
    assert trials(home).current is None
    await home.config_entries.async_unload(miner.entry_id)
    over = await choose(home, back, "compare")
    assert over["reason"] == "nothing_to_compare"
    await later(home, 1)
