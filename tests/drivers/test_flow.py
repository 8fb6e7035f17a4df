"""The whole life of a driver, clicked through behind the "Configure" of the hub."""

import asyncio
import errno
import logging
from pathlib import Path
from typing import Any, NoReturn

from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import (
    EVENT_DATA_ENTRY_FLOW_PROGRESSED,
    FlowResultType,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine import loader
from custom_components.hmm.drivers import flow as drivers
from custom_components.hmm.drivers.actions import sha256
from custom_components.hmm.drivers.service import DriverService
from simulator import SimulatedAxeOS
from tests.common import act, find_id, fleet_entry, later, refused, until
from tests.conftest import miner_entry, set_up
from tests.file_server import FileServer
from tests.flows import Result, open_drivers, options, with_texts
from tests.repairs import issues
from tests.user_drivers import (
    BITAXE,
    acme,
    acme_entry,
    broken,
    do,
    names,
    put,
    read,
    sum_of,
)

FILE = "miner_drivers/acme_driver.py"
COPY = "miner_drivers/bitaxe_driver.py"
WORSE = "hmm/miner_drivers/worse_driver.py"
OFF = "hmm/miner_drivers/old_driver.py.disabled"


@pytest.fixture
async def miner(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner that is set up, so that there is a hub."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Living room"))
    await home.async_block_till_done(wait_background_tasks=True)
    return entry


async def configure(home: HomeAssistant) -> Result:
    """Open what is behind the "Configure" of the hub."""
    return await open_drivers(home, fleet_entry(home))


async def fill(home: HomeAssistant, result: Result, **user_input: Any) -> Result:
    """Fill in a step, and wait as the frontend does while something is done."""
    flows = home.config_entries.options
    answer = await flows.async_configure(result["flow_id"], user_input)
    while answer["type"] is FlowResultType.SHOW_PROGRESS:
        with_texts(answer, "options")
        await home.async_block_till_done(wait_background_tasks=True)
        answer = await flows.async_configure(result["flow_id"])
    await home.async_block_till_done(wait_background_tasks=True)
    return with_texts(answer, "options")


async def choose(home: HomeAssistant, result: Result, step: str) -> Result:
    """Choose from a menu."""
    return await fill(home, result, next_step_id=step)


async def open_step(home: HomeAssistant, step: str) -> Result:
    """Open the dialog and choose from its first menu."""
    return await choose(home, await configure(home), step)


def texts_of(result: Result, step: str) -> dict[str, str]:
    """Return what a result says; it leads back, or ends the dialog."""
    assert result["type"] is FlowResultType.MENU
    assert result["step_id"] == step
    assert list(result["menu_options"])[-2:] == ["drivers", "finish"]
    return dict(result["description_placeholders"])


def why(result: Result, step: str) -> str:
    """Return what a form that is shown once more says is wrong."""
    assert result["type"] is FlowResultType.FORM
    assert result["step_id"] == step
    assert result["errors"] == {"base": "failed"}
    return str(result["description_placeholders"]["reason"])


async def delete(home: HomeAssistant, name: str) -> None:
    """Delete a file of the folder."""
    path = Path(home.config.path(DOMAIN, name))
    await home.async_add_executor_job(path.unlink)


async def reload(home: HomeAssistant) -> None:
    """Load the drivers again."""
    await do(home, "reload_drivers")


async def install_acme(home: HomeAssistant, files: FileServer, text: str) -> Result:
    """Go through the dialog up to the question whether to install a driver."""
    url = files.put("/acme_driver.py", text)
    form = await open_step(home, "install")
    # Copied with blanks and in capitals, as it happens
    return await fill(home, form, url=url, sha256=f" {sum_of(text).upper()} ")


# The menu


async def test_only_what_makes_sense_is_offered(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Without files of one's own, there is nothing to update, roll back or remove."""
    assert fleet_entry(home).supports_options
    menu = await configure(home)
    assert menu["menu_options"] == [
        "overview",
        "reload",
        "check",
        "customise",
        "install",
        "indexes",
        "compare",
    ]
    assert menu["description_placeholders"]["folder"] == home.config.path(DOMAIN)

    await put(home, COPY, (await read(BITAXE)).replace('"1.0.0"', '"0.9.0"'))
    await reload(home)
    menu = await configure(home)
    assert {"update", "remove"} < set(menu["menu_options"])
    assert "roll_back" not in menu["menu_options"]

    await do(home, "remove_driver", driver="bitaxe")
    menu = await configure(home)
    assert "roll_back" in menu["menu_options"]
    assert {"update", "remove"}.isdisjoint(menu["menu_options"])


async def test_the_dialog_ends_without_a_change(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """A result leads back to the menu or ends; the hub is not set up again."""
    hub = fleet_entry(home)
    runtime = hub.runtime_data
    overview = await open_step(home, "overview")
    menu = await choose(home, overview, "drivers")
    assert menu["step_id"] == "drivers"
    end = await choose(home, await choose(home, menu, "overview"), "finish")
    assert end["type"] is FlowResultType.CREATE_ENTRY
    assert hub.options == {}
    assert hub.runtime_data is runtime


# The overview


async def test_overview_tells_all_states(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Each driver with its kind, version, origin and state, one's own ones first."""
    question = await install_acme(home, files, acme("2.0.0"))
    await fill(home, question, answer="install")
    await put(home, COPY, (await read(BITAXE)).replace('"1.0.0"', '"0.9.0"'))
    await put(home, "miner_drivers/worse_driver.py", broken(acme("7.0", "worse")))
    await put(home, "pool_drivers/no_driver.py", "class Broken(\n")
    await put(home, "odd_driver.py", "x = `1`|2\n")
    await put(home, "miner_drivers/old_driver.py.disabled", "")
    await reload(home)

    table = texts_of(await open_step(home, "overview"), "overview")["drivers"]
    rows = [
        [cell.strip() for cell in line.strip("|").replace("\\|", "!").split("|")]
        for line in table.splitlines()
    ]
    assert [row[:5] for row in rows[:6]] == [
        ["hmm/odd_driver.py", "–", "–", "Your file", "Broken"],
        ["Acme One", "Miner", "2.0.0", "The web", "Running"],
        ["Bitaxe (AxeOS)", "Miner", "0.9.0", "Your file", "Update available"],
        [OFF, "Miner", "–", "Your file", "Switched off"],
        [WORSE, "Miner", "7.0", "Your file", "Broken"],
        ["hmm/pool_drivers/no_driver.py", "Pool", "–", "Your file", "Broken"],
    ]
    none = ["–", "–", "–"]
    replaced = ["Bitaxe (AxeOS)", "Miner", "1.0.0", "HMM", "Replaced by your file"]
    assert [*replaced, *none] in rows
    # Its polls are those of this whole process
    assert ["Solopool.org", "Pool", "1.0.0", "HMM", "Running"] in [
        item[:5] for item in rows
    ]
    needed = [row for row in rows if row[4] == "When it is needed"]
    assert [row[1:4] for row in needed] == [["Miner", "–", "HMM"]]
    polls, failed, time = rows[2][5:]
    assert int(polls) > 0
    assert failed == "0"
    assert time.endswith(" ms")


async def test_words_are_in_the_language_of_home_assistant(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """What a step fills in is told in German to a German Home Assistant."""
    await home.config.async_update(language="de")
    table = texts_of(await open_step(home, "overview"), "overview")["drivers"]
    assert "| NMMiner | Miner | 1.0.0 | HMM | Läuft |" in table

    file = await put(home, COPY, "class Broken(\n")
    form = await open_step(home, "customise")
    reason = why(await fill(home, form, driver="miner/bitaxe"), "customise")
    assert reason.startswith(f"Die Datei hmm/{COPY} gibt es schon")
    assert await read(file) == "class Broken(\n"


# Reload


async def test_reload(
    home: HomeAssistant, miner: ConfigEntry[Any], bitaxe: SimulatedAxeOS
) -> None:
    """It tells what changed, what was set up again and what is broken; once more."""
    await put(home, FILE, acme())
    nothing = texts_of(await open_step(home, "reload"), "reloaded")
    assert nothing["changes"] == f"- miner/acme: – → 1.0.0 (`hmm/{FILE}`)"
    assert (nothing["entries"], nothing["failed"]) == ("–", "–")
    assert float(nothing["seconds"]) < 60

    text = (await read(BITAXE)).replace('"1.0.0"', '"1.1.0"')
    await put(home, COPY, text)
    await put(home, FILE, "class Broken(\n")
    result = await open_step(home, "reload")
    placeholders = texts_of(result, "reloaded")
    assert placeholders["changes"] == f"- miner/bitaxe: 1.0.0 → 1.1.0 (`hmm/{COPY}`)"
    assert placeholders["entries"] == "Living room"
    assert placeholders["failed"].startswith(
        f"- `hmm/{FILE}`:1 It fails when it is loaded: SyntaxError"
    )
    assert set(issues(home)) == {f"driver_failed_hmm/{FILE}"}

    await delete(home, COPY)
    await bitaxe.unplug()
    await put(home, FILE, acme("1.2.0"))
    placeholders = texts_of(await choose(home, result, "reload"), "reloaded")
    assert placeholders["changes"].splitlines() == [
        "- miner/bitaxe: 1.1.0 → 1.0.0 (`bundled/miner_drivers/bitaxe_driver.py`)",
        f"- miner/acme: 1.0.0 → 1.2.0 (`hmm/{FILE}`)",
    ]
    assert placeholders["failed"] == "–"

    await delete(home, FILE)
    placeholders = texts_of(await open_step(home, "reload"), "reloaded")
    assert placeholders["changes"] == "- miner/acme: 1.2.0 → –"


async def test_a_reload_that_cannot_be_done(
    home: HomeAssistant, miner: ConfigEntry[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that cannot be read: it is reported, and everything continues."""
    await put(home, FILE, acme())

    def unreadable(folder: Path) -> NoReturn:
        raise OSError(errno.ENFILE, "Too many open files in system")

    monkeypatch.setattr(loader, "user_files", unreadable)
    failed = await open_step(home, "reload")
    assert why(failed, "failed").startswith("The drivers could not be reloaded")
    assert (await fill(home, failed))["step_id"] == "drivers"

    button = find_id(home, fleet_entry(home), "button", "reload_drivers")
    with refused("drivers_not_reloaded", HomeAssistantError):
        await act(home, "button", "press", button)
    assert "acme" not in get_data(home).drivers.miners
    assert miner.state is ConfigEntryState.LOADED

    monkeypatch.undo()
    await act(home, "button", "press", button)
    assert "acme" in get_data(home).drivers.miners


async def test_who_closes_the_dialog_does_not_break_off_a_reload(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reload that has begun comes to its end, whether somebody looks or not."""
    go = tmp_path / "go"
    waits = (
        "\nimport pathlib, time\n"
        f"while not pathlib.Path({str(go)!r}).exists():\n    time.sleep(0.01)\n"
    )
    await put(home, FILE, acme() + waits)
    monkeypatch.setattr(drivers, "SOON_SECONDS", 0.05)
    menu = await configure(home)
    flows = home.config_entries.options
    progress = await flows.async_configure(menu["flow_id"], {"next_step_id": "reload"})
    assert with_texts(progress, "options")["type"] is FlowResultType.SHOW_PROGRESS
    flows.async_abort(menu["flow_id"])
    await asyncio.sleep(0)
    go.touch()
    await until(lambda: "acme" in get_data(home).drivers.miners)
    assert not flows.async_progress()


async def test_an_error_that_nobody_expects(
    home: HomeAssistant, miner: ConfigEntry[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The dialog says so; it does not wait for ever."""

    async def fail(_: object) -> None:
        raise LookupError("secret")

    monkeypatch.setattr(DriverService, "async_reload", fail)
    failed = await open_step(home, "reload")
    assert failed["step_id"] == "failed"
    assert "LookupError" in failed["description_placeholders"]["reason"]
    assert "secret" not in failed["description_placeholders"]["reason"]


async def test_what_is_soon_done_shows_no_progress(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """The result follows at once."""
    await put(home, FILE, acme())
    done = await home.config_entries.options.async_configure(
        (await configure(home))["flow_id"], {"next_step_id": "reload"}
    )
    assert done["step_id"] == "reloaded"


@pytest.mark.parametrize("closed", [False, True])
async def test_the_end_of_a_progress_is_reported_until_it_is_seen(
    home: HomeAssistant,
    miner: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
    closed: bool,
) -> None:
    """A browser that is too slow for the first reports does not wait for ever."""
    monkeypatch.setattr(drivers, "SOON_SECONDS", 0.0)
    reports = async_capture_events(home, EVENT_DATA_ENTRY_FLOW_PROGRESSED)
    menu = await configure(home)
    flows = home.config_entries.options
    shown = await flows.async_configure(menu["flow_id"], {"next_step_id": "reload"})
    assert with_texts(shown, "options")["type"] is FlowResultType.SHOW_PROGRESS
    await home.async_block_till_done()
    assert len(reports) == 1
    for number in range(2, 6):
        await later(home, 3600)
        assert len(reports) == number
    assert {report.data["flow_id"] for report in reports} == {menu["flow_id"]}
    if closed:
        flows.async_abort(menu["flow_id"])
    else:
        shown = await flows.async_configure(menu["flow_id"])
        assert shown["step_id"] == "reloaded"
    await later(home, 3600)
    assert len(reports) == 5


# Updates


async def test_check_and_update(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """What is newer is told and installed, what does not load is not."""
    question = await install_acme(home, files, acme())
    await fill(home, question, answer="install")
    await put(home, COPY, (await read(BITAXE)).replace('"1.0.0"', '"0.9.0"'))
    await put(home, "miner_drivers/mine_driver.py", acme(driver_type="mine"))
    await reload(home)
    files.put("/acme_driver.py", broken(acme("2.0.0")))

    checked = await open_step(home, "check")
    assert checked["menu_options"] == ["update", "drivers", "finish"]
    assert texts_of(checked, "checked") == {
        "updates": "- miner/acme: 1.0.0 → 2.0.0\n- miner/bitaxe: 0.9.0 → 1.0.0",
        "failed": "–",
        "others": "miner/mine",
    }
    placeholders = texts_of(await choose(home, checked, "update"), "updated")
    assert (
        placeholders["updated"] == "- miner/bitaxe: 0.9.0 → 1.0.0 (`bitaxe_driver.py`)"
    )
    assert placeholders["failed"].startswith(
        "- miner/acme: The new file cannot be loaded"
    )
    assert placeholders["entries"] == "Living room"
    assert get_data(home).drivers.miners["acme"].version == "1.0.0"

    await files.stop()
    checked = await open_step(home, "check")
    assert (
        "The driver could not be downloaded" in texts_of(checked, "checked")["failed"]
    )
    # What was to be had at the last check still is
    assert checked["menu_options"] == ["update", "drivers", "finish"]


async def test_nothing_to_update(home: HomeAssistant, miner: ConfigEntry[Any]) -> None:
    """Without files of one's own, there is nothing to ask for."""
    checked = await open_step(home, "check")
    assert checked["menu_options"] == ["drivers", "finish"]
    assert set(texts_of(checked, "checked").values()) == {"–"}


# Customise


async def test_customise_edit_and_reload(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """The copy is told with its whole path; once edited, it is reloaded from there."""
    form = await open_step(home, "customise")
    assert options(form, "driver")["miner/bitaxe"] == "Bitaxe (AxeOS) · miner/bitaxe"
    result = await fill(home, form, driver="miner/bitaxe")
    placeholders = texts_of(result, "customised")
    path = Path(placeholders["file"])
    assert path == Path(home.config.path(DOMAIN, COPY))
    assert await read(path) == await read(BITAXE)
    assert placeholders["entries"] == "Living room"
    assert not get_data(home).drivers.miners["bitaxe"].bundled

    await put(home, COPY, (await read(path)).replace('"1.0.0"', '"1.0.1"'))
    placeholders = texts_of(await choose(home, result, "reload"), "reloaded")
    assert "1.0.0 → 1.0.1" in placeholders["changes"]
    form = await open_step(home, "customise")
    assert "miner/bitaxe" not in options(form, "driver")


async def test_all_are_customised(home: HomeAssistant, miner: ConfigEntry[Any]) -> None:
    """With a copy of each bundled driver, there is none left to choose."""
    menu = await configure(home)
    for driver in tuple(get_data(home).drivers):
        name = f"{driver.path.parent.name}/{driver.path.name}"
        await put(home, name, await read(driver.path))
    await reload(home)
    assert "customise" not in (await configure(home))["menu_options"]
    result = await choose(home, menu, "customise")
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "nothing_to_customise"


# Install


async def test_install_from_the_web(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer, tmp_path: Path
) -> None:
    """What was downloaded is shown; nothing of it is run before the yes."""
    ran = tmp_path / "ran"
    text = f"{acme('3.0.0')}\nimport pathlib\npathlib.Path({str(ran)!r}).touch()\n"
    await set_up(home, acme_entry())
    question = await install_acme(home, files, text)
    assert question["step_id"] == "install_confirm"
    shown = question["description_placeholders"]
    assert shown["sha256"].replace(" ", "") == sum_of(text)
    assert sha256(shown["sha256"]) == sum_of(text), "it can be pasted"
    assert {
        key: shown[key] for key in shown if key not in ("reason", "url", "sha256")
    } == {
        "name": "Acme One",
        "driver": "miner/acme",
        "version": "3.0.0",
        "host": "127.0.0.1",
        "requirements": "-",
        "index": "-",
        "replaces": "-",
    }
    assert not ran.exists()
    assert set(issues(home)) == {"driver_install_miner/acme"}

    placeholders = texts_of(await fill(home, question, answer="install"), "installed")
    assert ran.exists()
    assert placeholders == {
        "driver": "miner/acme",
        "file": "acme_driver.py",
        "old_version": "–",
        "new_version": "3.0.0",
        "entries": "Acme",
    }
    assert issues(home) == {}
    assert await names(home) == {FILE}


async def test_a_driver_that_is_not_wanted(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """A no throws the file away; a closed dialog leaves the question in the repairs."""
    question = await install_acme(home, files, acme())
    menu = await fill(home, question, answer="discard")
    assert menu["step_id"] == "drivers"
    assert issues(home) == {}
    assert await names(home) == set()

    question = await install_acme(home, files, acme())
    home.config_entries.options.async_abort(question["flow_id"])
    assert set(issues(home)) == {"driver_install_miner/acme"}
    assert "acme" not in get_data(home).drivers.miners


async def test_two_dialogs_ask_about_one_driver(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """An answer to one of them is none to the other."""
    first = await install_acme(home, files, acme())
    second = await install_acme(home, files, acme("2.0.0"))
    await fill(home, first, answer="discard")
    assert set(issues(home)) == {"driver_install_miner/acme"}
    await fill(home, second, answer="install")
    assert issues(home) == {}
    assert get_data(home).drivers.miners["acme"].version == "2.0.0"


async def test_what_cannot_be_installed_can_be_corrected(
    home: HomeAssistant, miner: ConfigEntry[Any], files: FileServer
) -> None:
    """Each fault is told in the form, with what was typed still in it."""
    url = files.put("/acme_driver.py", acme())
    form = await open_step(home, "install")
    result = await fill(home, form, url=url, sha256="abc")
    assert result["errors"] == {"sha256": "sha256_invalid"}

    wrong = sum_of("another")
    for typed, placeholders in (
        ("ftp://127.0.0.1/acme_driver.py", "There can be no driver at this address"),
        (url, "The file at this address is not the one that you want"),
        (files.url("/none.py"), "The driver could not be downloaded"),
    ):
        result = await fill(home, result, url=typed, sha256=wrong)
        assert placeholders in why(result, "install")
        markers = {str(item): item.description for item in result["data_schema"].schema}
        assert markers["url"] == {"suggested_value": typed}
    # A wrong sum once more: what was wrong before is not told again
    result = await fill(home, result, url=url, sha256="abc")
    assert result["errors"] == {"sha256": "sha256_invalid"}

    text = broken(acme())
    files.put("/acme_driver.py", text)
    question = await fill(home, result, url=url, sha256=sum_of(text))
    assert question["step_id"] == "install_confirm"
    result = await fill(home, question, answer="install")
    assert "RuntimeError: no" in why(result, "install_confirm")
    assert set(issues(home)) == {"driver_install_miner/acme"}
    assert "acme" not in get_data(home).drivers.miners


# Roll back


async def test_roll_back_to_a_version_that_is_chosen(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Two backups of one version are told apart by their time; the newer may stay."""
    updates = get_data(home).driver_service
    for text in (acme(hashrate=1), acme(hashrate=2), acme("2.0.0")):
        await put(home, FILE, text)
        await reload(home)
        await updates.async_remove("acme")
    await put(home, FILE, acme("3.0.0"))
    await reload(home)
    await set_up(home, acme_entry())

    form = await open_step(home, "roll_back")
    assert options(form, "driver") == {"miner/acme": "Acme One · miner/acme"}
    form = await fill(home, form, driver="miner/acme")
    assert form["step_id"] == "roll_back_version"
    assert form["description_placeholders"]["version"] == "3.0.0"
    kept = options(form, "version")
    versions = [label.partition(" · ")[0] for label in kept.values()]
    assert versions == ["2.0.0", "1.0.0", "1.0.0"]
    oldest = list(kept)[-1]

    placeholders = texts_of(await fill(home, form, version=oldest), "rolled_back")
    assert placeholders == {
        "driver": "miner/acme",
        "file": "acme_driver.py",
        "old_version": "3.0.0",
        "new_version": "1.0.0",
        "entries": "Acme",
    }
    assert await read(Path(home.config.path(DOMAIN, FILE))) == acme(hashrate=1)
    # The version that was replaced is kept in turn, the one in use is not offered
    form = await fill(home, await open_step(home, "roll_back"), driver="miner/acme")
    assert [
        label.partition(" · ")[0] for label in options(form, "version").values()
    ] == [
        "3.0.0",
        "2.0.0",
        "1.0.0",
    ]


async def test_a_removed_driver_comes_back(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Also one whose backup was named by hand, so that it does not tell a time."""
    await put(home, "backup/acme/my-oldZ.py", acme("0.1"))
    await put(home, "backup/acme/broken-20260101T000000000000Z.py", "class Broken(\n")
    form = await fill(home, await open_step(home, "roll_back"), driver="miner/acme")
    assert form["description_placeholders"]["version"] == "–"
    assert options(form, "version") == {"my-oldZ": "0.1"}
    placeholders = texts_of(await fill(home, form, version="my-oldZ"), "rolled_back")
    assert (placeholders["old_version"], placeholders["new_version"]) == ("–", "0.1")
    assert get_data(home).drivers.miners["acme"].version == "0.1"


async def test_what_cannot_be_rolled_back(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """A version that does not load, one that is gone, a file elsewhere."""
    await put(home, FILE, broken(acme("0.9")))
    await do(home, "reload_drivers")
    await get_data(home).driver_service.async_remove("acme")
    await put(home, FILE, acme())
    await reload(home)
    form = await fill(home, await open_step(home, "roll_back"), driver="miner/acme")
    (version,) = options(form, "version")
    result = await fill(home, form, version=version)
    assert "RuntimeError: no" in why(result, "roll_back_version")
    assert get_data(home).drivers.miners["acme"].version == "1.0.0"

    menu = await configure(home)
    choice = await choose(home, await configure(home), "roll_back")
    for name in await names(home, "backup"):
        await delete(home, f"backup/{name}")
    late = await fill(home, result, version=version)
    assert late["type"] is FlowResultType.ABORT
    for gone in (
        await choose(home, menu, "roll_back"),
        await fill(home, choice, driver="miner/acme"),
    ):
        assert gone["type"] is FlowResultType.ABORT
        assert gone["reason"] == "no_backups"


async def test_the_other_one_of_two_drivers_with_backups_is_gone(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """The dialog ends where the chosen driver has no backups any more."""
    await put(home, "backup/acme/0.1-20260101T000000000000Z.py", acme("0.1"))
    await put(home, "backup/other/0.1-20260101T000000000000Z.py", acme("0.1", "other"))
    form = await fill(home, await open_step(home, "roll_back"), driver="miner/other")
    assert form["step_id"] == "roll_back_version"
    await delete(home, "backup/other/0.1-20260101T000000000000Z.py")
    (version,) = options(form, "version")
    result = await fill(home, form, version=version)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "no_backups"


async def test_backups_of_a_file_elsewhere_are_not_offered(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Files beside the folder are never changed, so not rolled back or removed."""
    await put(home, "../drivers/miners/acme_driver.py", acme())
    await put(home, "backup/acme/0.1-20260101T000000000000Z.py", acme("0.1"))
    await reload(home)
    assert get_data(home).drivers.miners["acme"].version == "1.0.0"
    menu = await configure(home)
    assert {"roll_back", "remove"}.isdisjoint(menu["menu_options"])


# Remove


async def test_remove_for_good(home: HomeAssistant, miner: ConfigEntry[Any]) -> None:
    """Its miner stops, which is said before; rolled back, it goes on."""
    await put(home, FILE, acme())
    await reload(home)
    entry = await set_up(home, acme_entry())
    form = await open_step(home, "remove")
    assert options(form, "driver") == {"miner/acme": "Acme One · miner/acme"}
    confirm = await fill(home, form, driver="miner/acme")
    assert confirm["step_id"] == "remove_for_good"
    assert confirm["description_placeholders"]["entries"] == "Acme"
    assert "acme" in get_data(home).drivers.miners

    placeholders = texts_of(await fill(home, confirm), "removed")
    assert (placeholders["old_version"], placeholders["new_version"]) == ("1.0.0", "–")
    assert placeholders["entries"] == "Acme ⚠"
    assert entry.state is ConfigEntryState.SETUP_ERROR
    assert FILE not in await names(home)

    form = await fill(home, await open_step(home, "roll_back"), driver="miner/acme")
    (version,) = options(form, "version")
    await fill(home, form, version=version)
    assert entry.state is ConfigEntryState.LOADED


async def test_remove_makes_room_for_the_bundled_driver(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Its miner goes on with what HMM has, which is said before."""
    await put(home, COPY, (await read(BITAXE)).replace('"1.0.0"', '"9.0.0"'))
    await reload(home)
    confirm = await fill(home, await open_step(home, "remove"), driver="miner/bitaxe")
    assert confirm["step_id"] == "remove_to_bundled"
    assert confirm["description_placeholders"]["version"] == "1.0.0"
    assert confirm["description_placeholders"]["entries"] == "Living room"
    placeholders = texts_of(await fill(home, confirm), "removed")
    assert (placeholders["old_version"], placeholders["new_version"]) == (
        "9.0.0",
        "1.0.0",
    )
    assert placeholders["entries"] == "Living room"
    assert miner.state is ConfigEntryState.LOADED


async def test_what_is_to_be_removed_is_gone_already(
    home: HomeAssistant, miner: ConfigEntry[Any]
) -> None:
    """Somebody else was faster: it is told at each step."""
    await put(home, FILE, acme())
    await put(home, "miner_drivers/other_driver.py", acme(driver_type="other"))
    await reload(home)
    menu, first = await configure(home), await open_step(home, "remove")
    second = await fill(home, await open_step(home, "remove"), driver="miner/acme")

    await do(home, "remove_driver", driver="acme")
    result = await fill(home, first, driver="miner/acme")
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "no_own_drivers",
    )
    result = await fill(home, second)
    assert "You have no driver file miner/acme" in why(result, "failed")

    await do(home, "remove_driver", driver="other")
    result = await choose(home, menu, "remove")
    assert (result["type"], result["reason"]) == (
        FlowResultType.ABORT,
        "no_own_drivers",
    )


async def test_texts_of_the_button(
    home: HomeAssistant, miner: ConfigEntry[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """The button loads what was edited; a fault is an issue, not an error."""
    caplog.set_level(logging.INFO)
    button = find_id(home, fleet_entry(home), "button", "reload_drivers")
    assert button == "button.mining_fleet_reload_drivers"
    await put(home, FILE, acme())
    await act(home, "button", "press", button)
    assert get_data(home).drivers.miners["acme"].version == "1.0.0"
    await put(home, FILE, broken(acme("1.1.0")))
    await act(home, "button", "press", button)
    assert set(issues(home)) == {f"driver_failed_hmm/{FILE}"}
    assert get_data(home).drivers.miners["acme"].version == "1.0.0"
    texts = await async_get_translations(home, "en", "config", {DOMAIN})
    assert "restart Home Assistant" not in " ".join(texts.values())
