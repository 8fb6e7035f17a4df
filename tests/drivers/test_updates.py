"""What happens to the user's drivers: updated, undone, rolled back, removed."""

import asyncio
import errno
import logging
import os
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
import pytest
import voluptuous as vol

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine.loaded import LoadedDriver
from custom_components.hmm.drivers.service import CHECK_INTERVAL
from custom_components.hmm.markdown import checksum
from simulator import SimulatedAxeOS
from tests.common import find, fleet_entry, later, poll, refused, until
from tests.conftest import miner_entry, set_up
from tests.file_server import FileServer
from tests.repairs import Repairs, issues
from tests.user_drivers import (
    BITAXE,
    acme,
    acme_entry,
    broken,
    do,
    names,
    put,
    read,
    start,
    sum_of,
)

FILE = "miner_drivers/acme_driver.py"
TH = 10**12


def running(home: HomeAssistant, driver_type: str = "acme") -> LoadedDriver[Any]:
    """Return the driver that runs."""
    return get_data(home).drivers.miners[driver_type]


async def hashrate(home: HomeAssistant, entry: Any) -> float:
    """Return what a miner tells in TH/s: which version of its driver polls it."""
    coordinator = await poll(home, entry)
    assert coordinator.data.hashrate is not None
    return coordinator.data.hashrate / TH


async def install(
    home: HomeAssistant, repairs: Repairs, url: str, text: str
) -> dict[str, Any]:
    """Install a driver from the web and say yes."""
    answer = await do(home, "install_driver", url=url, sha256=sum_of(text))
    await repairs.open(answer["issue_id"])
    result = await repairs.choose("install")
    await home.async_block_till_done()
    return result


async def install_acme(home: HomeAssistant, files: FileServer, repairs: Repairs) -> str:
    """Set HMM up, install the driver Acme from the web, and return from where."""
    await start(home)
    url = files.put("/acme_driver.py", acme())
    await install(home, repairs, url, acme())
    return url


async def offer(home: HomeAssistant, files: FileServer, text: str) -> None:
    """Put an update of Acme into the web, and look for it."""
    files.put("/acme_driver.py", text)
    await do(home, "check_driver_updates")


async def ask(home: HomeAssistant, files: FileServer, text: str) -> dict[str, Any]:
    """Put Acme into the web, and ask for its installation."""
    url = files.put("/acme_driver.py", text)
    return await do(home, "install_driver", url=url, sha256=sum_of(text))


def older(text: str, version: str = "0.9.0") -> str:
    """Return a bundled driver with another version."""
    assert 'driver_version = "1.0.0"' in text
    return text.replace('driver_version = "1.0.0"', f'driver_version = "{version}"')


async def bundled_copy(home: HomeAssistant, version: str = "0.9.0") -> Path:
    """Put a copy of a bundled driver into the folder."""
    text = older(await read(BITAXE), version)
    return await put(home, "miner_drivers/bitaxe_driver.py", text)


# From the bundled driver


async def test_update_from_the_bundled_driver(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, caplog: pytest.LogCaptureFixture
) -> None:
    """Given an old copy of a bundled driver, it is replaced and its miner goes on."""
    caplog.set_level(logging.INFO)
    path = await bundled_copy(home)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    before = running(home, "bitaxe")
    assert (before.version, before.bundled) == ("0.9.0", False)

    assert await do(home, "update_driver", driver="bitaxe") == {
        "success": True,
        "message": "Driver bitaxe_driver.py updated successfully.",
        "driver_name": "bitaxe_driver.py",
        "old_version": "0.9.0",
        "new_version": "1.0.0",
    }
    assert await read(path) == await read(BITAXE)
    assert running(home, "bitaxe").version == "1.0.0"
    assert entry.state is ConfigEntryState.LOADED
    assert await hashrate(home, entry) > 0
    (backup,) = await names(home, "backup")
    assert backup.startswith("bitaxe/0.9.0-")
    assert "Updated the driver miner/bitaxe from 0.9.0 to 1.0.0" in caplog.text


async def test_what_is_up_to_date_is_left_alone(home: HomeAssistant) -> None:
    """Given the newest version, or a newer one of one's own, nothing is written."""
    for version in ("1.0.0", "1.0", "2.0"):
        path = await bundled_copy(home, version)
        await start(home)
        await do(home, "reload_drivers")
        text = await read(path)
        answer = await do(home, "update_driver", driver="miner/bitaxe")
        assert answer["message"] == "Driver bitaxe_driver.py is up to date."
        assert answer["old_version"] == answer["new_version"] == version
        assert await read(path) == text
    assert await names(home, "backup") == set()


async def test_a_version_that_is_none_differs(home: HomeAssistant) -> None:
    """A version that is older or cannot be ordered gets the bundled one offered."""
    await start(home)
    for version in ("banana", "", "9.x", "0.9.0-beta", "1.0.0-custom"):
        path = await bundled_copy(home, version)
        await do(home, "reload_drivers")
        answer = await do(home, "check_driver_updates")
        (row,) = (row for row in answer["drivers"] if row["driver_type"] == "bitaxe")
        assert row["status"] == "update_available", version
        assert row["current_version"] == (version or "unknown")
        assert (await do(home, "update_driver", driver="bitaxe"))["success"]
        assert await read(path) == await read(BITAXE)


async def test_a_file_has_one_version(home: HomeAssistant) -> None:
    """The list, the check and the update entity tell the same, however it is told."""
    await set_up(home, acme_entry("bitaxe"))
    usual = acme(driver_type="bitaxe")
    for old, new, version in (
        ("from custom", '__version__ = "3.1"\nfrom custom', "3.1"),
        ('    driver_version = "1.0.0"\n', "", "unknown"),
        ('"1.0.0"', 'f"{1 + 1}.0"', "unknown"),
        ('"1.0.0"', "1.5", "1.5"),
        ('driver_version = "1.0.0"', "x = 1", "unknown"),
    ):
        text = usual.replace(old, new)
        assert text != usual
        await put(home, "miner_drivers/bitaxe_driver.py", text)
        await do(home, "reload_drivers")
        listed = (await do(home, "list_drivers"))["drivers"]
        checked = (await do(home, "check_driver_updates"))["drivers"]
        (first,) = (row for row in listed if row["type"] == "bitaxe")
        (second,) = (row for row in checked if row["driver_type"] == "bitaxe")
        update = find(home, fleet_entry(home), "update", "driver_miner_bitaxe")
        assert first["version"] == version, new
        assert second["current_version"] == version
        assert update.attributes["installed_version"] == version
        assert running(home, "bitaxe").version == version


async def test_a_broken_file_is_mended_by_its_update(home: HomeAssistant) -> None:
    """Given a copy that no longer loads, the update brings it back to life."""
    path = await bundled_copy(home)
    await put(home, "miner_drivers/bitaxe_driver.py", broken(await read(path)))
    await start(home)
    assert set(issues(home)) == {"driver_failed_hmm/miner_drivers/bitaxe_driver.py"}
    await do(home, "update_driver", driver="bitaxe_driver.py")
    assert issues(home) == {}
    assert not running(home, "bitaxe").bundled


async def test_a_file_with_more_drivers_keeps_them(home: HomeAssistant) -> None:
    """Given a file with a second driver, the bundled one is no source for it."""
    text = f"{await read(BITAXE)}\n\nclass Other(BitaxeDriver):\n    driver_type='o'\n"
    await put(home, "miner_drivers/bitaxe_driver.py", older(text))
    await start(home)
    with refused("driver_no_source"):
        await do(home, "update_driver", driver="bitaxe")


async def test_a_copy_of_each_bundled_driver_can_be_updated(
    home: HomeAssistant,
) -> None:
    """Given copies of all bundled drivers, all are updated in one go."""
    await start(home)
    for driver in tuple(get_data(home).drivers):
        name = f"{driver.path.parent.name}/{driver.path.name}"
        await put(home, name, older(await read(driver.path)))
    count = len(list(get_data(home).drivers))
    await do(home, "reload_drivers")
    assert all(driver.version == "0.9.0" for driver in get_data(home).drivers)
    answer = await do(home, "update_all_drivers")
    assert answer["success"]
    assert answer["message"] == f"Updated {count} driver(s)."
    assert {driver.version for driver in get_data(home).drivers} == {"1.0.0"}


# Undone by itself


@pytest.mark.trial
async def test_an_update_that_does_not_load_changes_nothing(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given an update that raises when it is loaded, the old one never stops."""
    entry = await set_up(home, acme_entry("bitaxe"))  # Only to have HMM set up
    url = files.put("/acme_driver.py", acme())
    assert (await install(home, repairs, url, acme()))["type"] == "create_entry"
    entry = await set_up(home, acme_entry())
    class_before = running(home).driver_class
    runtime_before = entry.runtime_data

    await offer(home, files, broken(acme("2.0.0", hashrate=2)))
    with pytest.raises(HomeAssistantError, match="RuntimeError: no") as raised:
        await do(home, "update_driver", driver="acme")
    assert raised.value.translation_key == "driver_rejected"

    path = Path(home.config.path(DOMAIN, FILE))
    assert await read(path) == acme()
    assert running(home).driver_class is class_before
    assert entry.runtime_data is runtime_before
    assert await hashrate(home, entry) == 1
    assert issues(home) == {}
    assert await names(home) == {FILE}

    await offer(home, files, acme("2.0.1", hashrate=2))
    assert (await do(home, "update_driver", driver="acme"))["new_version"] == "2.0.1"
    assert await hashrate(home, entry) == 2


@pytest.mark.trial
async def test_an_update_for_a_newer_hmm_changes_nothing(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given an update that needs a newer interface, the old one runs on, with the reason."""
    await set_up(home, acme_entry("bitaxe"))  # Only to have HMM set up
    url = files.put("/acme_driver.py", acme())
    assert (await install(home, repairs, url, acme()))["type"] == "create_entry"
    newer = acme("2.0.0").replace(
        "    driver_type =", '    interface_version = "99.0"\n    driver_type ='
    )
    assert "interface_version" in newer
    await offer(home, files, newer)
    with pytest.raises(HomeAssistantError, match=r"needs version 99\.0 .* Update HMM"):
        await do(home, "update_driver", driver="acme")
    assert await read(Path(home.config.path(DOMAIN, FILE))) == acme()
    assert running(home).version == "1.0.0"


@pytest.mark.parametrize(
    ("ending", "reason"),
    [
        ("AcmeDriver.driver_type = 'else'", "It has no driver miner/acme"),
        # It loads when it is tried, but not in its place
        (
            "if 'pending' not in __file__:\n    raise RuntimeError('only here')",
            "RuntimeError: only here",
        ),
        # What it needs is looked at before it is run
        ("REQUIREMENTS = ['yarl']\nraise RuntimeError", "the version must be exact"),
    ],
)
async def test_an_update_that_is_another_driver_is_undone(
    home: HomeAssistant,
    files: FileServer,
    repairs: Repairs,
    ending: str,
    reason: str,
) -> None:
    """Given a file that turns out to be no update as it is loaded, it goes back."""
    await install_acme(home, files, repairs)
    entry = await set_up(home, acme_entry())
    await offer(home, files, f"{acme('2.0.0', hashrate=2)}\n{ending}\n")
    with pytest.raises(HomeAssistantError, match=reason) as raised:
        await do(home, "update_driver", driver="acme")
    assert raised.value.translation_key == "driver_rejected"
    assert await read(Path(home.config.path(DOMAIN, FILE))) == acme()
    assert running(home).version == "1.0.0"
    assert "else" not in get_data(home).drivers.miners
    assert await hashrate(home, entry) == 1
    assert issues(home) == {}


async def test_an_update_without_the_driver_is_refused(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a file that became another driver, it is no update."""
    await install_acme(home, files, repairs)
    files.put("/acme_driver.py", acme("2.0.0", driver_type="other"))
    answer = await do(home, "check_driver_updates")
    row = next(row for row in answer["drivers"] if row["driver_type"] == "acme")
    assert row["status"] == "up_to_date"
    assert "no longer has the driver miner/acme" in row["error"]


@pytest.mark.parametrize("moment", ["cut", "gone", "changed"])
async def test_an_update_that_loses_the_network_changes_nothing(
    home: HomeAssistant, files: FileServer, repairs: Repairs, moment: str
) -> None:
    """Given a download that ends half way, the file and what runs are untouched."""
    await install_acme(home, files, repairs)
    await offer(home, files, acme("2.0.0"))
    key = "driver_download_failed"
    if moment == "cut":
        files.cut("/acme_driver.py")
    elif moment == "gone":
        await files.stop()
    else:
        files.put("/acme_driver.py", acme("2.0.0", hashrate=666))
        key = "driver_source_changed"
    with refused(key, HomeAssistantError):
        await do(home, "update_driver", driver="acme")
    assert await names(home) == {FILE}
    assert await read(Path(home.config.path(DOMAIN, FILE))) == acme()
    assert running(home).version == "1.0.0"
    if moment == "changed":
        # It was looked at again, so that the next time installs it
        assert (await do(home, "update_driver", driver="acme"))["success"]


async def test_a_full_disk_changes_nothing(
    home: HomeAssistant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given no space for the new file, the old one stays and runs."""
    path = await bundled_copy(home)
    await start(home)
    text = await read(path)

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(HomeAssistantError, match="No space left") as raised:
        await do(home, "update_driver", driver="bitaxe")
    assert raised.value.translation_key == "driver_file_failed"
    assert await read(path) == text
    assert await names(home) == {"miner_drivers/bitaxe_driver.py"}
    assert running(home, "bitaxe").version == "0.9.0"


async def test_a_change_is_finished_by_itself(home: HomeAssistant) -> None:
    """Given somebody who asks and goes, the update is done or undone, never half."""
    await bundled_copy(home)
    await start(home)
    task = home.async_create_task(
        get_data(home).driver_service.async_update("bitaxe"), eager_start=True
    )
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await home.async_block_till_done()
    assert running(home, "bitaxe").version == "1.0.0"


async def test_two_changes_come_one_after_the_other(home: HomeAssistant) -> None:
    """Given the same update twice at once, the second finds nothing to do."""
    await bundled_copy(home)
    await start(home)
    answers = await asyncio.gather(
        *(do(home, "update_driver", driver="bitaxe") for _ in range(2))
    )
    assert sorted(answer["old_version"] for answer in answers) == ["0.9.0", "1.0.0"]
    assert len(await names(home, "backup")) == 1


# All


async def test_update_all(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given several updates, one that fails keeps no other from being installed."""
    await bundled_copy(home)
    await start(home)
    for name in ("acme", "bad"):
        text = acme(driver_type=name)
        url = files.put(f"/{name}_driver.py", text)
        await install(home, repairs, url, text)
    files.put("/acme_driver.py", acme("1.1.0"))
    files.put("/bad_driver.py", broken(acme("1.1.0", driver_type="bad")))

    answer = await do(home, "update_all_drivers")
    assert answer["success"] is False
    assert answer["message"] == "Updated 2 driver(s). 1 failed."
    assert sorted(answer["updated"], key=lambda row: row["name"]) == [
        {
            "name": "acme_driver.py",
            "category": "miner",
            "old_version": "1.0.0",
            "new_version": "1.1.0",
        },
        {
            "name": "bitaxe_driver.py",
            "category": "miner",
            "old_version": "0.9.0",
            "new_version": "1.0.0",
        },
    ]
    (failed,) = answer["failed"]
    assert failed["name"] == "bad_driver.py"
    assert failed["category"] == "miner"
    assert "RuntimeError: no" in failed["error"]
    assert {t: running(home, t).version for t in ("acme", "bad", "bitaxe")} == {
        "acme": "1.1.0",
        "bad": "1.0.0",
        "bitaxe": "1.0.0",
    }
    # Who wants no answer is told by an error
    with pytest.raises(HomeAssistantError, match=r"miner/bad: .*RuntimeError"):
        await home.services.async_call(DOMAIN, "update_all_drivers", blocking=True)


async def test_sources_are_asked_every_six_hours(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a driver from the web, its source is asked from time to time."""
    await install_acme(home, files, repairs)
    asked = len(files.requests)
    files.put("/acme_driver.py", acme("1.1.0"))
    await later(home, CHECK_INTERVAL.total_seconds() / 2)
    assert len(files.requests) == asked
    await later(home, CHECK_INTERVAL.total_seconds() + 1)
    await until(lambda: len(files.requests) > asked)
    await home.async_block_till_done(wait_background_tasks=True)
    (state,) = get_data(home).driver_service.states.values()
    assert state.latest_version == "1.1.0"
    assert state.has_update
    assert await read(state.installed.path) == acme()


async def test_versions_are_told(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given drivers of all sorts, each has its versions, its source and its status."""
    await bundled_copy(home)
    await put(home, "mine_driver.py", acme(driver_type="mine"))
    url = await install_acme(home, files, repairs)
    await files.stop()
    rows = {
        row["driver_type"]: row
        for row in (await do(home, "check_driver_updates"))["drivers"]
    }
    assert rows["bitaxe"] == {
        "name": "bitaxe_driver.py",
        "driver_type": "bitaxe",
        "category": "miner",
        "display_name": "Bitaxe (AxeOS)",
        "current_version": "0.9.0",
        "available_version": "1.0.0",
        "status": "update_available",
        "description": rows["bitaxe"]["description"],
        "source": "bundled",
        "url": None,
        "error": None,
    }
    mine, own, solo = rows["mine"], rows["acme"], rows["solopool"]
    assert (mine["status"], mine["available_version"]) == ("no_source", None)
    assert mine["source"] is None
    assert mine["description"] == "Talks to no miner at all."
    # What it had at the last check is still known
    assert (own["status"], own["available_version"]) == ("up_to_date", "1.0.0")
    assert (own["source"], own["url"]) == ("url", url)
    assert "cannot be reached" in own["error"]
    assert (solo["status"], solo["source"]) == ("up_to_date", "bundled")
    assert solo["current_version"] == solo["available_version"]


async def test_files_without_a_version_are_told_apart(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a source that counts no versions, another file of it is an update."""

    def text(hashrate: int) -> str:
        lines = acme(hashrate=hashrate).splitlines()
        return "\n".join(line for line in lines if "driver_version" not in line)

    await start(home)
    url = files.put("/acme_driver.py", text(1))
    await install(home, repairs, url, text(1))
    (state,) = get_data(home).driver_service.states.values()
    assert (state.installed_version, state.has_update) == ("unknown", False)
    await offer(home, files, text(2))
    (state,) = get_data(home).driver_service.states.values()
    assert state.installed_version == sum_of(text(1))[:8]
    assert state.latest_version == sum_of(text(2))[:8]
    assert (await do(home, "update_driver", driver="acme"))["success"]


# Roll back


async def test_roll_back_and_forth(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given updates, any kept version comes back, and what it replaced is kept."""
    await install_acme(home, files, repairs)
    entry = await set_up(home, acme_entry())
    for number in (2, 3):
        files.put("/acme_driver.py", acme(f"{number}.0.0", hashrate=number))
        await do(home, "check_driver_updates")
        await do(home, "update_driver", driver="acme")
        assert await hashrate(home, entry) == number

    answer = await do(home, "rollback_driver", driver="acme")
    assert (answer["old_version"], answer["new_version"]) == ("3.0.0", "2.0.0")
    assert await hashrate(home, entry) == 2
    answer = await do(home, "rollback_driver", driver="miner/acme", version="1.0.0")
    assert (answer["old_version"], answer["new_version"]) == ("2.0.0", "1.0.0")
    assert await hashrate(home, entry) == 1
    answer = await do(home, "rollback_driver", driver="acme_driver")
    assert answer["new_version"] == "2.0.0"

    with pytest.raises(ServiceValidationError, match=r"2\.0\.0") as raised:
        await do(home, "rollback_driver", driver="acme", version="7")
    assert raised.value.translation_key == "driver_no_backup"

    # The newer version is on offer again
    (state,) = get_data(home).driver_service.states.values()
    assert (state.installed_version, state.latest_version) == ("2.0.0", "3.0.0")
    assert state.has_update


async def test_roll_back_to_what_does_not_load(home: HomeAssistant) -> None:
    """Given a backup that no longer works, the driver stays as it is."""
    await put(home, FILE, acme())
    await put(home, "backup/acme/0.1-20250101T000000000000Z.py", broken(acme("0.1")))
    await start(home)
    with refused("driver_rejected", HomeAssistantError):
        await do(home, "rollback_driver", driver="acme")
    assert running(home).version == "1.0.0"


async def test_nothing_to_roll_back_to(home: HomeAssistant) -> None:
    """Given a driver that was never changed, it is told, and one that never was.

    Who has no driver file is not asked to choose one of them.
    """
    await put(home, FILE, acme())
    await start(home)
    with refused("driver_no_backup"):
        await do(home, "rollback_driver", driver="acme")
    names = ("nobody", "miner/nobody", "pool/../../x")
    for name in names:
        with refused("driver_unknown"):
            await do(home, "rollback_driver", driver=name)
    await do(home, "remove_driver", driver="acme")
    for name in names:
        with refused("driver_none"):
            await do(home, "rollback_driver", driver=name)


# Remove


async def test_remove_makes_room_for_the_bundled_driver(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a copy that is removed, its miner goes on with the bundled driver."""
    await bundled_copy(home)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert await do(home, "remove_driver", driver="bitaxe") == {
        "success": True,
        "message": "Driver bitaxe_driver.py moved to the backups.",
        "driver_name": "bitaxe_driver.py",
        "old_version": "0.9.0",
        "new_version": "1.0.0",
    }
    assert running(home, "bitaxe").bundled
    assert entry.state is ConfigEntryState.LOADED
    assert await hashrate(home, entry) > 0
    (backup,) = await names(home)
    assert backup.startswith("backup/bitaxe/0.9.0-")

    # And back
    answer = await do(home, "rollback_driver", driver="bitaxe")
    assert (answer["old_version"], answer["new_version"]) == (None, "0.9.0")
    assert running(home, "bitaxe").version == "0.9.0"
    assert entry.state is ConfigEntryState.LOADED


async def test_a_removed_driver_comes_back_with_its_source(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a driver from the web that is removed, it comes back as it was."""
    await start(home)
    url = files.put("/My Acme-driver.py".replace(" ", "%20"), acme())
    await install(home, repairs, url, acme())
    entry = await set_up(home, acme_entry())
    before = await names(home)
    answer = await do(home, "remove_driver", driver="acme")
    assert answer["new_version"] is None
    assert "acme" not in get_data(home).drivers.miners
    assert entry.state is ConfigEntryState.SETUP_ERROR
    with pytest.raises(ServiceValidationError):
        await do(home, "remove_driver", driver="acme")

    await do(home, "rollback_driver", driver="miner/acme")
    assert before <= await names(home)
    assert entry.state is ConfigEntryState.LOADED
    (state,) = get_data(home).driver_service.states.values()
    assert str(state.url) == url


async def test_a_backup_that_does_not_load_does_not_come_back(
    home: HomeAssistant,
) -> None:
    """Given a removed driver that is broken, it does not come back."""
    backup = "backup/acme/0.1-20250101T000000000000Z.py"
    tricky = acme() + "\nif 'pending' not in __file__:\n    raise RuntimeError\n"
    await put(home, backup, tricky)
    await start(home)
    with refused("driver_rejected", HomeAssistantError):
        await do(home, "rollback_driver", driver="acme")
    assert await names(home) == {backup}
    assert issues(home) == {}


# Files that are left alone


async def test_files_elsewhere_are_left_alone(home: HomeAssistant) -> None:
    """Given a driver beside the folder, it is told, but nothing touches it."""
    text = older(await read(BITAXE))
    path = await put(home, "../drivers/miners/bitaxe_driver.py", text)
    await start(home)
    assert running(home, "bitaxe").version == "0.9.0"
    for action in ("update_driver", "remove_driver", "rollback_driver"):
        with refused("driver_elsewhere"):
            await do(home, action, driver="bitaxe")
    answer = await do(home, "check_driver_updates")
    (row,) = (row for row in answer["drivers"] if row["driver_type"] == "bitaxe")
    assert row["status"] == "no_source"
    assert await read(path) == text


async def test_names_must_be_clear(home: HomeAssistant) -> None:
    """Given a miner and a pool of one type, it must be said which is meant."""
    await put(home, FILE, acme())
    pool = (
        "from integrations.base_pool import BasePoolIntegration\n"
        "class A(BasePoolIntegration):\n    driver_type = 'acme'\n"
    )
    await put(home, "pool_drivers/acme_driver.py", pool)
    await start(home)
    for name in ("acme", "acme_driver.py"):
        with refused("driver_ambiguous"):
            await do(home, "remove_driver", driver=name)
        with refused("driver_ambiguous"):
            await do(home, "rollback_driver", driver=name)
    with pytest.raises(ServiceValidationError, match="miner/acme, pool/acme") as raised:
        await do(home, "remove_driver", driver="nobody")
    assert raised.value.translation_key == "driver_unknown"
    await do(home, "remove_driver", driver="pool/acme")
    assert "acme" in get_data(home).drivers.miners


# Install


async def test_install_asks_before_anything_runs(
    home: HomeAssistant,
    files: FileServer,
    repairs: Repairs,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a driver on the web, it is shown first, and installed after the yes."""

    async def was_run(trace: str) -> bool:
        return await home.async_add_executor_job(os.path.exists, trace)

    caplog.set_level(logging.INFO)
    await start(home)
    trace = home.config.path("trace")
    text = "REQUIREMENTS = []\n" + acme() + f"\nopen({trace!r}, 'a').write('x')\n"
    url = files.put("/acme_driver.py", text)
    answer = await do(home, "install_driver", url=url, sha256=sum_of(text).upper())
    assert answer == {
        "success": True,
        "message": "Confirm the installation in Settings > Repairs.",
        "driver_name": "acme_driver.py",
        "driver_type": "acme",
        "category": "miner",
        "display_name": "Acme One",
        "version": "1.0.0",
        "requirements": [],
        "sha256": sum_of(text),
        "url": url,
        "issue_id": "driver_install_miner/acme",
    }
    await do(home, "reload_drivers")
    assert "acme" not in get_data(home).drivers.miners
    assert not await was_run(trace)

    issue = ir.async_get(home).async_get_issue(DOMAIN, answer["issue_id"])
    assert issue is not None
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.is_persistent
    flow = await repairs.open(answer["issue_id"])
    assert flow["type"] == "menu"
    assert flow["menu_options"] == ["install", "discard"]
    assert flow["description_placeholders"] == {
        "name": "Acme One",
        "driver": "miner/acme",
        "version": "1.0.0",
        "url": url,
        "sha256": checksum(sum_of(text)),
        "requirements": "-",
        "index": "-",
        "replaces": "-",
    }
    assert not await was_run(trace)

    await repairs.open(answer["issue_id"])
    result = await repairs.choose("install")
    assert result["type"] == "create_entry"
    assert await was_run(trace)
    assert running(home).version == "1.0.0"
    assert await names(home) == {FILE}
    assert issues(home) == {}
    assert f"Installed the driver miner/acme 1.0.0 (SHA-256 {sum_of(text)})" in (
        caplog.text
    )
    assert url not in caplog.text


async def test_install_can_be_declined(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a no, nothing of the file is left."""
    await start(home)
    answer = await ask(home, files, acme())
    await repairs.open(answer["issue_id"])
    result = await repairs.choose("discard")
    assert result["type"] == "create_entry"
    assert await names(home) == set()
    assert issues(home) == {}


@pytest.mark.trial
@pytest.mark.parametrize("text", [broken(acme()), acme() + "\nimport os; os._exit(1)"])
async def test_what_does_not_load_is_not_installed(
    home: HomeAssistant, files: FileServer, repairs: Repairs, text: str
) -> None:
    """Given a file that breaks when it is loaded, it is told, and asked on."""
    await start(home)
    url = files.put("/acme_driver.py", text)
    result = await install(home, repairs, url, text)
    assert result["type"] == "abort"
    assert result["reason"] == "not_installed"
    assert "cannot be loaded" in result["description_placeholders"]["reason"]
    assert "acme" not in get_data(home).drivers.miners
    assert set(issues(home)) == {"driver_install_miner/acme"}
    assert {name.split("/")[0] for name in await names(home)} == {"pending"}
    # The user may try again, or not
    await repairs.open("driver_install_miner/acme")
    result = await repairs.choose("install")
    assert result["reason"] == "not_installed"
    await repairs.open("driver_install_miner/acme")
    await repairs.choose("discard")
    assert await names(home) == set()


async def test_what_does_not_load_in_its_place_is_gone_again(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a file that loads only when it is tried, nothing of it stays."""
    await start(home)
    text = acme() + "\nif 'pending' not in __file__:\n    raise RuntimeError('here')\n"
    result = await install(home, repairs, files.put("/acme_driver.py", text), text)
    assert "RuntimeError: here" in result["description_placeholders"]["reason"]
    assert await names(home, "miner_drivers") == set()
    assert set(issues(home)) == {"driver_install_miner/acme"}


async def test_install_replaces_a_driver(
    home: HomeAssistant, files: FileServer, repairs: Repairs, bitaxe: SimulatedAxeOS
) -> None:
    """Given a driver of the type in use, the user sees which version it replaces."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    for version, replaces in (("1.5.0", "1.0.0"), ("1.6.0", "1.5.0")):
        text = older(await read(BITAXE), version)
        url = files.put("/other_name_driver.py", text)
        await do(home, "install_driver", url=url, sha256=sum_of(text))
        flow = await repairs.open("driver_install_miner/bitaxe")
        assert flow["description_placeholders"]["replaces"] == replaces
        await repairs.open("driver_install_miner/bitaxe")
        result = await repairs.choose("install")
        assert result["type"] == "create_entry"
        await home.async_block_till_done()
        assert running(home, "bitaxe").version == version
        assert entry.state is ConfigEntryState.LOADED
    assert await names(home, "miner_drivers") == {"other_name_driver.py"}
    (backup,) = await names(home, "backup")
    assert backup.startswith("bitaxe/1.5.0-")


async def test_what_was_confirmed_is_installed(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a file that is changed while it waits, it is not what was confirmed."""
    await start(home)
    answer = await ask(home, files, acme())
    (name,) = await names(home)
    await put(home, name, acme("6.6.6"))
    await repairs.open(answer["issue_id"])
    result = await repairs.choose("install")
    assert result["type"] == "abort"
    assert "Install the driver again" in result["description_placeholders"]["reason"]
    assert "acme" not in get_data(home).drivers.miners


async def test_what_waits_is_not_swept_away(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a start of Home Assistant, what waits for a yes is kept, the rest goes."""
    await start(home)
    url = files.put("/acme_driver.py", acme())
    await do(home, "install_driver", url=url, sha256=sum_of(acme()))
    await put(home, f"pending/{'0' * 64}/x_driver.py", "x")
    await put(home, "miner_drivers/.hmm-abc.tmp", "x")
    waiting = {f"pending/{sum_of(acme())}/acme_driver.py"}
    assert waiting < await names(home)
    updates = get_data(home).driver_service
    await home.async_add_executor_job(updates._files.clean_up, {sum_of(acme())})
    assert await names(home) == waiting


async def test_what_is_no_driver_is_not_even_asked_for(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given a file that cannot be a driver, nobody is asked and nothing is written."""
    await start(home)
    for body, key in (
        ("def f(:", "driver_invalid"),
        ("print('hello')", "driver_invalid"),
        (acme(driver_type="../../x"), "driver_invalid"),
        (acme(driver_type="a" * 65), "driver_invalid"),
        ("\x00\x01", "driver_invalid"),
        ("<html></html>", "driver_download_failed"),
        ("#" * 10_000_000, "driver_download_failed"),
    ):
        url = files.put("/acme_driver.py", body)
        with refused(key, HomeAssistantError):
            await do(home, "install_driver", url=url, sha256=sum_of(body))
        assert issues(home) == {}, body[:50]
        assert await names(home) == set(), body[:50]


@pytest.mark.parametrize("path", ["cut", "missing"])
async def test_what_cannot_be_downloaded_is_not_asked_for(
    home: HomeAssistant, files: FileServer, path: str
) -> None:
    """Given a download that fails, nobody is asked and nothing is written."""
    await start(home)
    files.put("/cut", acme())
    files.cut("/cut")
    with refused("driver_download_failed", HomeAssistantError):
        await do(
            home, "install_driver", url=files.url(f"/{path}"), sha256=sum_of(acme())
        )
    with pytest.raises(ServiceValidationError, match="https://") as raised:
        await do(
            home, "install_driver", url="http://example.org/a", sha256=sum_of(acme())
        )
    assert raised.value.translation_key == "driver_address"
    assert await names(home) == set()


async def test_the_checksum_must_be_right(
    home: HomeAssistant, files: FileServer
) -> None:
    """Given another checksum, the file is refused; without one, it is not fetched."""
    await start(home)
    url = files.put("/acme_driver.py", acme())
    with pytest.raises(ServiceValidationError, match=sum_of(acme())) as raised:
        await do(home, "install_driver", url=url, sha256="0" * 64)
    assert raised.value.translation_key == "driver_checksum"
    asked = len(files.requests)
    for data in ({}, {"sha256": ""}, {"sha256": "abc"}, {"sha256": "g" * 64}):
        with pytest.raises(vol.Invalid):
            await do(home, "install_driver", url=url, **data)
    assert len(files.requests) == asked
    assert issues(home) == {}
    assert await names(home) == set()


async def test_texts_of_the_file_cannot_pretend(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a name that looks like a link, it stays in its quotes."""
    await start(home)
    text = acme().replace("Acme One", "`[Home Assistant](https://evil)`\\n# Safe")
    url = files.put("/acme_driver.py", text)
    await do(home, "install_driver", url=url, sha256=sum_of(text))
    flow = await repairs.open("driver_install_miner/acme")
    name = flow["description_placeholders"]["name"]
    assert "`" not in name
    assert "\n" not in name


async def test_the_source_is_remembered(
    home: HomeAssistant,
    files: FileServer,
    repairs: Repairs,
    hass_storage: dict[str, Any],
) -> None:
    """Given a driver from the web, where it came from outlives a restart."""
    url = await install_acme(home, files, repairs)
    files.put("/acme_driver.py", acme("2.0.0"))
    await do(home, "update_all_drivers")
    (kept,) = hass_storage["hmm.drivers"]["data"].items()
    assert kept[0] == FILE
    assert kept[1]["driver"] == "miner/acme"
    assert kept[1]["url"] == url
    assert kept[1]["sha256"] == sum_of(acme("2.0.0"))
    assert kept[1]["version"] == "2.0.0"
    assert kept[1]["previous_version"] == "1.0.0"
    assert kept[1]["installed_at"] <= kept[1]["updated_at"]
