"""The fix flows of repair issues, as the repairs page walks through them."""

import os
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, UnknownFlow
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import json_bytes
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import flush_store
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.repairs import async_create_fix_flow
from simulator import SimulatedAxeOS

from .common import find, value
from .conftest import miner_entry, set_up
from .repairs import Repairs, issues

FIXTURES = Path(__file__).parent / "fixtures" / "drivers"

GARAGE = """\
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver


class GarageDriver(BitaxeDriver):
    driver_type = "garage"
"""
BROKEN = GARAGE + "    hashrate_unit = `oops` +\n"

POOL = """\
driver: solopool
display_name: My own
url: home.example
port: many
coin: DGB
mining_model: solo
"""


async def test_a_broken_file_is_shown_and_tried_again(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs, bitaxe: SimulatedAxeOS
) -> None:
    """The line is there to read; when it is corrected, the miner is set up."""
    file = hmm_folder / "garage_driver.py"
    file.write_text(BROKEN)
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    assert entry.state is ConfigEntryState.SETUP_ERROR
    (issue_id,) = issues(home)

    shown = await repairs.open(issue_id)
    assert shown["type"] == FlowResultType.MENU
    assert shown["step_id"] == "init"
    assert shown["menu_options"] == ["reload", "disable"]
    reported = shown["description_placeholders"]
    assert reported["file"] == "hmm/garage_driver.py"
    assert reported["line"] == "6"
    assert "SyntaxError" in reported["reason"]
    # It stands between back quotes
    assert reported["source"] == "hashrate_unit = 'oops' +"

    file.write_text("import no_such_module\n")
    shown = await repairs.choose("reload")
    assert shown["step_id"] == "still_broken"
    reported = shown["description_placeholders"]
    assert reported["line"] == "1"
    assert reported["source"] == "import no_such_module"
    assert "ModuleNotFoundError" in reported["reason"]

    file.write_text(GARAGE)
    shown = await repairs.choose("reload")
    assert shown["type"] == FlowResultType.CREATE_ENTRY
    assert issues(home) == {}
    assert value(home, entry, "hashrate") > 0


async def test_a_broken_file_is_disabled(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs
) -> None:
    """It is renamed, to a name that is free, and nothing is lost."""
    file = hmm_folder / "garage_driver.py"
    earlier = hmm_folder / "garage_driver.py.disabled"
    earlier.write_text("from before")
    file.write_text(BROKEN)
    assert await async_setup_component(home, DOMAIN, {})
    await repairs.open("driver_failed_hmm/garage_driver.py")
    shown = await repairs.choose("disable")
    assert shown["type"] == FlowResultType.CREATE_ENTRY
    assert issues(home) == {}
    assert not file.exists()
    assert (hmm_folder / "garage_driver.py.disabled.2").read_text() == BROKEN
    assert earlier.read_text() == "from before"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("bitaxe_driver.py", "class Broken(\n"),
        ("mine_driver.py", BROKEN.replace('"garage"', '"bitaxe"')),
    ],
)
async def test_the_bundled_driver_is_offered(
    home: HomeAssistant,
    hmm_folder: Path,
    repairs: Repairs,
    bitaxe: SimulatedAxeOS,
    name: str,
    source: str,
) -> None:
    """Where HMM has one for that, the miner goes on with it."""
    file = hmm_folder / name
    file.write_text(
        GARAGE.replace('"garage"', '"bitaxe"') + '    hashrate_unit = "GH/s"\n'
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    file.write_text(source)
    await get_data(home).driver_manager.async_reload()
    assert not get_data(home).drivers.miners["bitaxe"].bundled

    shown = await repairs.open(f"driver_failed_hmm/{name}")
    assert shown["menu_options"] == ["reload", "use_bundled"]
    shown = await repairs.choose("use_bundled")
    assert shown["type"] == FlowResultType.CREATE_ENTRY
    assert get_data(home).drivers.miners["bitaxe"].bundled
    assert (hmm_folder / f"{name}.disabled").read_text() == source
    assert find(home, entry, "sensor", "hashrate").state != STATE_UNAVAILABLE
    assert entry.runtime_data.client.hashrate_unit == "TH/s"


async def test_a_second_file_of_a_type(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs
) -> None:
    """To disable it brings no bundled driver: the first file is in use."""
    source = GARAGE.replace('"garage"', '"bitaxe"')
    (hmm_folder / "a_driver.py").write_text(source)
    (hmm_folder / "b_driver.py").write_text(source + "\n")
    assert await async_setup_component(home, DOMAIN, {})
    shown = await repairs.open("driver_failed_hmm/b_driver.py")
    assert shown["menu_options"] == ["reload", "disable"]
    reported = shown["description_placeholders"]
    assert reported["source"] == "class GarageDriver(BitaxeDriver):"
    await repairs.choose("disable")
    assert issues(home) == {}
    assert not get_data(home).drivers.miners["bitaxe"].bundled


async def test_a_file_that_is_gone_or_no_text(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs
) -> None:
    """What cannot be shown is not; what the user has removed is done."""
    file = hmm_folder / "garage_driver.py"
    file.write_bytes(b"\x00\xff\xfe\x00" * 100)
    assert await async_setup_component(home, DOMAIN, {})
    shown = await repairs.open("driver_failed_hmm/garage_driver.py")
    assert shown["type"] == FlowResultType.MENU
    assert "\x00" not in shown["description_placeholders"]["source"]

    file.unlink()
    shown = await repairs.open("driver_failed_hmm/garage_driver.py")
    assert shown["description_placeholders"]["source"] == "?"
    shown = await repairs.choose("disable")
    assert shown["type"] == FlowResultType.CREATE_ENTRY
    assert issues(home) == {}


async def test_a_file_that_cannot_be_renamed(
    home: HomeAssistant,
    hmm_folder: Path,
    repairs: Repairs,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The user is told why; the issue stays."""
    (hmm_folder / "garage_driver.py").write_text(BROKEN)
    assert await async_setup_component(home, DOMAIN, {})

    def refuse(path: Path, target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    await repairs.open("driver_failed_hmm/garage_driver.py")
    shown = await repairs.choose("disable")
    assert shown["type"] == FlowResultType.ABORT
    assert shown["reason"] == "cannot_rename"
    assert shown["description_placeholders"]["reason"] == "Permission denied"
    assert len(issues(home)) == 1


async def test_an_issue_that_was_mended_elsewhere(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs
) -> None:
    """A page that was open for long has nothing left to do."""
    file = hmm_folder / "garage_driver.py"
    file.write_text(BROKEN)
    assert await async_setup_component(home, DOMAIN, {})
    await repairs.open("driver_failed_hmm/garage_driver.py")
    file.write_text(GARAGE)
    await get_data(home).driver_manager.async_reload()
    shown = await repairs.choose("reload")
    assert shown["type"] == FlowResultType.CREATE_ENTRY


async def test_a_broken_pool_file(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs
) -> None:
    """It has the same flow; no bundled file is offered for it."""
    (hmm_folder / "pools").mkdir()
    file = hmm_folder / "pools" / "solopool.yaml"
    file.write_text(POOL)
    assert await async_setup_component(home, DOMAIN, {})
    shown = await repairs.open("pool_file_failed_hmm/pools/solopool.yaml")
    assert shown["menu_options"] == ["reload", "disable"]
    assert shown["description_placeholders"]["source"] == "port: many"
    shown = await repairs.choose("reload")
    assert shown["step_id"] == "still_broken"
    file.write_text(POOL.replace("many", "8004"))
    await repairs.choose("reload")
    assert issues(home) == {}
    assert "solopool" in get_data(home).known_pools.pools


async def test_what_is_no_file_keeps_nothing_from_starting(
    home: HomeAssistant,
    hmm_folder: Path,
    repairs: Repairs,
    hass_ws_client: WebSocketGenerator,
    hass_storage: dict[str, Any],
) -> None:
    """Given pipes and names that are no text, Home Assistant starts and tells of them."""
    (hmm_folder / "pools").mkdir()
    os.mkfifo(hmm_folder / "pools" / "pipe.yaml")
    os.mkfifo(hmm_folder / "config.yaml")
    malformed = os.fsdecode(bytes(hmm_folder) + b"/\xff_driver.py")
    (hmm_folder / "odd").write_text(GARAGE)
    (hmm_folder / "odd").rename(malformed)
    assert await async_setup_component(home, DOMAIN, {})

    reasons = {
        issue_id: (issue.translation_placeholders or {})["reason"]
        for issue_id, issue in issues(home).items()
    }
    assert reasons == {
        "config_file_failed": "It is not a file",
        "driver_failed_hmm/?_driver.py": "Its name is not valid text: rename it",
        "pool_file_failed_hmm/pools/pipe.yaml": "It is not a file",
    }
    client = await hass_ws_client()
    # Nobody waits for a line of it, and it can be taken away
    shown = await repairs.open("pool_file_failed_hmm/pools/pipe.yaml")
    assert shown["description_placeholders"]["source"] == "?"
    shown = await repairs.choose("disable")
    assert shown["type"] == FlowResultType.CREATE_ENTRY
    assert "pool_file_failed_hmm/pools/pipe.yaml" not in issues(home)
    # All of it can be sent and stored
    await client.send_json_auto_id({"type": "repairs/list_issues"})
    listed = (await client.receive_json())["result"]["issues"]
    assert "driver_failed_hmm/?_driver.py" in {item["issue_id"] for item in listed}
    await flush_store(ir.async_get(home)._store)
    json_bytes(hass_storage["repairs.issue_registry"])


async def test_two_faults_in_a_file_are_one_issue(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """The first one is told; it is enough to begin with."""
    nameless = GARAGE.partition("\n\n")[2].replace('"garage"', "None")
    (hmm_folder / "garage_driver.py").write_text(
        GARAGE
        + nameless.replace("Garage", "Second")
        + nameless.replace("Garage", "Third")
    )
    assert await async_setup_component(home, DOMAIN, {})
    assert len(get_data(home).driver_manager.failed) == 2
    (issue,) = issues(home).values()
    assert "SecondDriver" in (issue.translation_placeholders or {})["reason"]


# Drivers that do harm


@pytest.fixture(
    params={
        "writes_input_voltage": "driver_writes_input_voltage",
        "pool_switch_restarts": "driver_pool_switch_restarts",
    }.items(),
    ids=lambda param: param[0],
)
def harm(request: pytest.FixtureRequest) -> Any:
    """Return a danger that drivers are known for, and its issue."""
    return request.param


HARMFUL = GARAGE + '    hashrate_unit = "GH/s"\n    danger = "{danger}"\n'


async def test_the_bundled_driver_in_place_of_a_harmful_one(
    home: HomeAssistant,
    hmm_folder: Path,
    repairs: Repairs,
    bitaxe: SimulatedAxeOS,
    harm: tuple[str, str],
) -> None:
    """The user is warned while the driver runs, and may do without it."""
    danger, key = harm
    source = HARMFUL.format(danger=danger).replace('"garage"', '"bitaxe"')
    (hmm_folder / "bitaxe_driver.py").write_text(source)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.LOADED
    issue = issues(home)[f"{key}_hmm/bitaxe_driver.py"]
    assert issue.severity is ir.IssueSeverity.WARNING
    assert issue.translation_placeholders == {
        "file": "hmm/bitaxe_driver.py",
        "driver": "bitaxe",
    }

    shown = await repairs.open(issue.issue_id)
    assert shown["menu_options"] == ["use_bundled", "keep"]
    shown = await repairs.choose("use_bundled")
    assert shown["type"] == FlowResultType.CREATE_ENTRY
    assert issues(home) == {}
    assert get_data(home).drivers.miners["bitaxe"].bundled
    assert find(home, entry, "sensor", "hashrate").state != STATE_UNAVAILABLE
    assert entry.runtime_data.client.hashrate_unit == "TH/s"


async def test_a_harmful_driver_is_kept(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs, harm: tuple[str, str]
) -> None:
    """It stays, and the issue is ignored, also after a reload."""
    danger, key = harm
    (hmm_folder / "garage_driver.py").write_text(HARMFUL.format(danger=danger))
    assert await async_setup_component(home, DOMAIN, {})
    issue_id = f"{key}_hmm/garage_driver.py"
    shown = await repairs.open(issue_id)
    # HMM has no driver of this type
    assert shown["menu_options"] == ["disable", "keep"]
    shown = await repairs.choose("keep")
    assert shown["type"] == FlowResultType.ABORT
    assert shown["reason"] == "kept"
    await get_data(home).driver_manager.async_reload()
    assert issues(home)[issue_id].dismissed_version is not None
    assert "garage" in get_data(home).drivers.miners


async def test_a_danger_that_is_no_text_is_none(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """Given a class attribute that cannot be looked up, the driver loads like others."""
    source = HARMFUL.replace('"{danger}"', "[]")
    (hmm_folder / "garage_driver.py").write_text(source)
    assert await async_setup_component(home, DOMAIN, {})
    assert "garage" in get_data(home).drivers.miners
    assert issues(home) == {}


async def test_a_harmful_driver_that_vanished_is_kept(
    home: HomeAssistant, hmm_folder: Path, repairs: Repairs
) -> None:
    """A page that was open for long does no harm."""
    file = hmm_folder / "garage_driver.py"
    file.write_text(HARMFUL.format(danger="writes_input_voltage"))
    assert await async_setup_component(home, DOMAIN, {})
    (issue_id,) = issues(home)
    await repairs.open(issue_id)
    file.unlink()
    await get_data(home).driver_manager.async_reload()
    assert issues(home) == {}
    shown = await repairs.choose("keep")
    assert shown["type"] == FlowResultType.ABORT


async def test_a_real_driver_of_hmm_local_that_does_harm(
    home: HomeAssistant, hmm_folder: Path
) -> None:
    """The Bitaxe driver that writes the wrong key is recognised by its source."""
    source = (FIXTURES / "legacy_bitaxe_driver.py").read_text(encoding="utf-8")
    (hmm_folder / "bitaxe_driver.py").write_text(
        source.replace('"coreVoltage": 1', '"voltage": 1')
    )
    assert await async_setup_component(home, DOMAIN, {})
    keys = {issue.translation_key for issue in issues(home).values()}
    assert keys == {"driver_writes_input_voltage"}


async def test_no_flow_for_what_is_not_known(home: HomeAssistant) -> None:
    """Other issues have no fix flow."""
    with pytest.raises(UnknownFlow):
        await async_create_fix_flow(home, "config_file_failed", None)
