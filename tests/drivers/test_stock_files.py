"""What a user sees of the driver files that came with HMM-Local."""

import json
from pathlib import Path
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er, issue_registry as ir
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine.legacy import stock_hashes as stock
from tests.common import fleet_entry
from tests.conftest import set_up
from tests.file_server import FileServer
from tests.repairs import Repairs
from tests.user_drivers import acme, acme_entry, do, names, put, start, sum_of

from .test_flow import choose, fill, open_step, texts_of

ISSUE = "stock_files_of_hmm_local"
POOL = """\
from integrations.base_pool import BasePoolIntegration

__version__ = "1.0.6"


class SolopoolIntegration(BasePoolIntegration):
    pool_type = "solopool"
"""
MINER = """\
from adapters.base import MinerAdapter

__version__ = "1.1.1"


class BitaxeAdapter(MinerAdapter):
    miner_type = "bitaxe"
"""
POOL_FILE = "drivers/solopool_driver.py"
MINER_FILE = "drivers/miners/bitaxe_driver.py"


@pytest.fixture(autouse=True)
def released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the two files some that came with HMM-Local."""
    monkeypatch.setattr(
        stock, "checksums", lambda: frozenset({sum_of(POOL), sum_of(MINER)})
    )


@pytest.fixture
async def copied(home: HomeAssistant) -> None:
    """Copy both files, as our guide says."""
    await put(home, POOL_FILE, POOL)
    await put(home, MINER_FILE, MINER)


def issue(home: HomeAssistant) -> ir.IssueEntry | None:
    """Return the notice."""
    return ir.async_get(home).async_get_issue(DOMAIN, ISSUE)


def used(home: HomeAssistant) -> set[str]:
    """Return the types that the user's files are used for."""
    drivers = get_data(home).driver_manager.drivers
    assert drivers.failed == []
    return {driver.driver_type for driver in drivers if not driver.bundled} - {"acme"}


async def start_with_hub(home: HomeAssistant) -> None:
    """Set HMM up with a miner, so that there is a hub."""
    await put(home, "miner_drivers/acme_driver.py", acme())
    await set_up(home, acme_entry())
    await home.async_block_till_done(wait_background_tasks=True)


async def restart(home: HomeAssistant, hass_storage: dict[str, Any]) -> None:
    """Load the drivers as a new start of Home Assistant would."""
    # Only what a restart keeps: JSON
    kept = json.loads(json.dumps(hass_storage[f"{DOMAIN}.stock_files"]))
    hass_storage[f"{DOMAIN}.stock_files"] = kept
    manager = get_data(home).driver_manager
    manager.stock_decisions.wanted = manager.stock_decisions.seen = frozenset()
    await manager.async_load()


@pytest.mark.usefixtures("copied")
async def test_it_is_said_once_which_and_why(
    home: HomeAssistant, caplog: pytest.LogCaptureFixture
) -> None:
    """One line in the log and one repair name both files and what runs instead."""
    await start(home)
    assert used(home) == set()
    found = issue(home)
    assert found is not None and found.is_fixable
    assert found.translation_placeholders == {
        "files": "- `hmm/drivers/solopool_driver.py 1.0.6`: solopool 1.0.0\n"
        "- `hmm/drivers/miners/bitaxe_driver.py 1.1.1`: bitaxe 1.0.0"
    }
    await do(home, "reload_drivers")
    lines = [message for message in caplog.messages if "came with HMM-Local" in message]
    assert len(lines) == 1
    assert f"hmm/{MINER_FILE}, hmm/{POOL_FILE}" in lines[0]


@pytest.mark.usefixtures("copied")
async def test_the_drivers_of_hmm_are_kept(
    home: HomeAssistant, repairs: Repairs, hass_storage: dict[str, Any]
) -> None:
    """Given a yes to HMM's drivers, nobody asks again, also after a restart."""
    await start(home)
    shown = await repairs.open(ISSUE)
    assert shown["menu_options"] == ["use_bundled", "use_mine", "choose"]
    assert (await repairs.choose("use_bundled"))["type"] == "create_entry"
    assert (issue(home), used(home)) == (None, set())
    await restart(home, hass_storage)
    assert (issue(home), used(home)) == (None, set())


@pytest.mark.usefixtures("copied")
async def test_all_files_are_used_anyway(
    home: HomeAssistant, repairs: Repairs, hass_storage: dict[str, Any]
) -> None:
    """Given the wish for one's own, all run, also after a restart."""
    await start(home)
    await repairs.open(ISSUE)
    await repairs.choose("use_mine")
    assert (issue(home), used(home)) == (None, {"bitaxe", "solopool"})
    await restart(home, hass_storage)
    assert (issue(home), used(home)) == (None, {"bitaxe", "solopool"})


@pytest.mark.usefixtures("copied")
async def test_one_file_is_used_anyway(
    home: HomeAssistant, repairs: Repairs, hass_storage: dict[str, Any]
) -> None:
    """Given the wish for one of them, only that runs, until its text is another."""
    await start(home)
    await repairs.open(ISSUE)
    shown = await repairs.choose("choose")
    assert shown["step_id"] == "choose"
    client = repairs._client
    answer = await client.post(
        f"/api/repairs/issues/fix/{shown['flow_id']}", json={"files": [sum_of(POOL)]}
    )
    assert (await answer.json())["type"] == "create_entry"
    await home.async_block_till_done()
    assert (issue(home), used(home)) == (None, {"solopool"})
    await restart(home, hass_storage)
    assert (issue(home), used(home)) == (None, {"solopool"})


async def test_the_notice_goes_with_the_file(
    home: HomeAssistant, repairs: Repairs
) -> None:
    """Given one file, there is nothing to choose; without it there is no notice."""
    path = await put(home, POOL_FILE, POOL)
    await start(home)
    shown = await repairs.open(ISSUE)
    assert shown["menu_options"] == ["use_bundled", "use_mine"]
    await home.async_add_executor_job(path.unlink)
    await do(home, "reload_drivers")
    assert issue(home) is None


@pytest.mark.usefixtures("copied")
async def test_a_file_that_comes_later_is_asked_about(
    home: HomeAssistant, repairs: Repairs
) -> None:
    """Given a decision about some files, another one is a new question."""
    path = Path(home.config.path(DOMAIN, MINER_FILE))
    await home.async_add_executor_job(path.unlink)
    await start(home)
    await repairs.open(ISSUE)
    await repairs.choose("use_mine")
    await put(home, MINER_FILE, MINER)
    await do(home, "reload_drivers")
    found = issue(home)
    assert found is not None and found.translation_placeholders is not None
    assert "solopool" not in found.translation_placeholders["files"]
    await repairs.open(ISSUE)
    await repairs.choose("use_bundled")
    assert used(home) == {"solopool"}


@pytest.mark.usefixtures("copied")
async def test_the_lists_show_them(home: HomeAssistant) -> None:
    """The action and the overview say which files are not used, and none updates."""
    await start_with_hub(home)
    answer = await do(home, "list_drivers")
    assert answer["failed_files"] == []
    assert answer["stock_files"] == [
        {
            "file": f"hmm/{POOL_FILE}",
            "drivers": ["pool/solopool"],
            "version": "1.0.6",
            "sha256": sum_of(POOL),
            "used": False,
        },
        {
            "file": f"hmm/{MINER_FILE}",
            "drivers": ["miner/bitaxe"],
            "version": "1.1.1",
            "sha256": sum_of(MINER),
            "used": False,
        },
    ]
    drivers = {driver["type"]: driver["source"] for driver in answer["drivers"]}
    assert drivers["bitaxe"] == drivers["solopool"] == "bundled"
    table = texts_of(await open_step(home, "overview"), "overview")["drivers"]
    assert (
        "| hmm/drivers/solopool_driver.py | Pool | 1.0.6 | Your file |"
        " Not used: HMM's own driver runs |"
    ) in table


@pytest.mark.usefixtures("copied")
async def test_the_decision_can_be_changed(home: HomeAssistant) -> None:
    """Behind "Configure" each file can be used, and left again."""
    await start_with_hub(home)
    form = await open_step(home, "stock")
    result = await fill(home, form, files=[sum_of(POOL)])
    assert "pool/solopool: 1.0.0 → 1.0.6" in texts_of(result, "reloaded")["changes"]
    assert (issue(home), used(home)) == (None, {"solopool"})
    form = await choose(home, await choose(home, result, "drivers"), "stock")
    schema = {str(key): key.default() for key in form["data_schema"].schema}
    assert schema == {"files": [sum_of(POOL)]}
    await fill(home, form, files=[])
    assert used(home) == set()


async def test_versions_of_two_authors_are_not_compared(home: HomeAssistant) -> None:
    """Given a changed copy of HMM-Local's, HMM's own driver is no update of it."""
    for name, text in ((MINER_FILE, MINER), (POOL_FILE, POOL)):
        old = text.replace("1.1.1", "0.1").replace("1.0.6", "0.1")
        await put(home, name, f"{old}\n# changed\n")
    await start_with_hub(home)
    assert used(home) == {"bitaxe", "solopool"}
    answer = await do(home, "check_driver_updates")
    for row in answer["drivers"]:
        if row["driver_type"] in ("bitaxe", "solopool"):
            assert (row["status"], row["available_version"]) == ("no_source", None)
    entities = er.async_entries_for_config_entry(
        er.async_get(home), fleet_entry(home).entry_id
    )
    assert [entity.entity_id for entity in entities if entity.domain == "update"] == []
    assert (await do(home, "update_all_drivers"))["updated"] == []


@pytest.mark.usefixtures("copied")
async def test_it_can_be_removed_and_brought_back(home: HomeAssistant) -> None:
    """Given the wish to have it back from the backups, it runs: that was chosen."""
    await start(home)
    await do(home, "remove_driver", driver="solopool")
    assert POOL_FILE not in await names(home)
    await do(home, "rollback_driver", driver="solopool")
    assert used(home) == {"solopool"}


async def test_one_that_the_user_installs_runs(
    home: HomeAssistant, files: FileServer, repairs: Repairs
) -> None:
    """Given a file from the web that came with HMM-Local, a yes is a yes."""
    await start(home)
    url = files.put("/solopool_driver.py", POOL)
    answer = await do(home, "install_driver", url=url, sha256=sum_of(POOL))
    await repairs.open(answer["issue_id"])
    assert (await repairs.choose("install"))["type"] == "create_entry"
    await home.async_block_till_done()
    assert (issue(home), used(home)) == (None, {"solopool"})
