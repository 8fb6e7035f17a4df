"""Driver and pool files of the user, as Home Assistant shows them."""

from pathlib import Path
import sys

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import find, pool_entry, value
from tests.conftest import miner_entry, set_up
from tests.flows import TEXTS

BUNDLED = {"avalon_nano", "bitaxe", "nerdqaxe", "nmaxe", "nmminer"}

GOOD = '''\
"""A driver of the user."""

from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver


class GarageDriver(BitaxeDriver):
    driver_type = "garage"
    driver_version = "1.2.3"
'''

UNFINISHED = """\
from custom_components.hmm.driver_api import BaseMinerAdapter


class UnfinishedDriver(BaseMinerAdapter):
    driver_type = "unfinished"

    async def connect(self, ip, port=None):
        return True
"""

BROKEN = {
    "syntax": ("import sys\n\nclass Broken(\n", 3, "SyntaxError"),
    "exit": ("import sys\n\n\nsys.exit(1)\n", 4, "ends the program"),
    "missing_import": ("import no_such_module_at_all\n", 1, "ModuleNotFoundError"),
    "raises": (
        "def check():\n    raise RuntimeError('not today')\n\ncheck()\n",
        2,
        "RuntimeError: not today",
    ),
    "empty": ("", None, "No class"),
    "unfinished": (UNFINISHED, 4, "get_telemetry"),
}


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return the repair issues by file."""
    return {
        (issue.translation_placeholders or {})["file"]: issue
        for issue in ir.async_get(hass).issues.values()
        if issue.domain == DOMAIN
    }


def read(issue: ir.IssueEntry) -> str:
    """Return the text of an issue as the user reads it."""
    assert issue.translation_key is not None
    texts = TEXTS["issues"][issue.translation_key]
    placeholders = issue.translation_placeholders or {}
    text = f"{texts['title']}\n{texts['fix_flow']['step']['init']['description']}"
    return text.format(**placeholders, source="")


async def test_broken_drivers_become_repair_issues(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of each, file, line and reason are told, once; the good ones among them load."""
    for name, (source, _, _) in BROKEN.items():
        (hmm_folder / f"{name}_driver.py").write_text(source)
    (hmm_folder / "miner_drivers").mkdir()
    (hmm_folder / "miner_drivers" / "garage_driver.py").write_text(GOOD)
    # After all the others, with the type of one that is there already
    (hmm_folder / "miner_drivers" / "second_driver.py").write_text(GOOD + "\n")
    (hmm_folder / "pools").mkdir()
    (hmm_folder / "pools" / "mine.yaml").write_text("driver: solopool\nurl: [\n")
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, miner_entry(bitaxe, "garage"))
        account = await set_up(home, pool_entry(pool))

        assert set(issues(home)) == {
            *(f"hmm/{name}_driver.py" for name in BROKEN),
            "hmm/miner_drivers/second_driver.py",
            "hmm/pools/mine.yaml",
        }
        assert set(get_data(home).drivers.miners) == {*BUNDLED, "garage"}
        assert value(home, entry, "hashrate") > 0
        assert value(home, account, "pool_hashrate") > 0
    text = read(issues(home)["hmm/miner_drivers/second_driver.py"])
    assert "garage is already loaded from garage_driver.py" in text
    for name, (_, line, reason) in BROKEN.items():
        file = f"hmm/{name}_driver.py"
        issue = issues(home)[file]
        assert issue.translation_key == "driver_failed"
        assert issue.severity is ir.IssueSeverity.ERROR
        assert issue.is_fixable
        text = read(issue)
        assert f"The driver file {file} cannot be used" in text
        assert f"Line {line or '?'}:" in text
        assert reason in text
        levels = [
            record.levelname
            for record in caplog.records
            if record.name.startswith("custom_components.hmm")
            and file in record.message
        ]
        assert levels == ["ERROR"]


async def test_the_user_sees_the_issue(
    home: HomeAssistant, hmm_folder: Path, hass_ws_client: WebSocketGenerator
) -> None:
    """The repairs page gets what it needs."""
    (hmm_folder / "exit_driver.py").write_text(BROKEN["exit"][0])
    assert await async_setup_component(home, "repairs", {})
    assert await async_setup_component(home, DOMAIN, {})
    client = await hass_ws_client(home)
    await client.send_json_auto_id({"type": "repairs/list_issues"})
    answer = await client.receive_json()
    (issue,) = [item for item in answer["result"]["issues"] if item["domain"] == DOMAIN]
    assert issue["translation_key"] == "driver_failed"
    assert issue["translation_placeholders"]["line"] == "4"


POOL = """\
driver: solopool
display_name: My own
url: home.example
port: 8004
coin: DGB
mining_model: solo
"""


@pytest.mark.parametrize(
    ("content", "line", "reason"),
    [
        ("driver: solopool\nurl: [\n", 3, "expected the node content"),
        (POOL.replace("solopool", "nobody"), 1, "no pool driver nobody"),
        (POOL.replace("8004", "many"), 4, "from 1 to 65535"),
    ],
)
async def test_a_broken_pool_file_becomes_a_repair_issue(
    home: HomeAssistant, hmm_folder: Path, content: str, line: int, reason: str
) -> None:
    """A pool file is told with its line as well; the bundled pools are there."""
    (hmm_folder / "pools").mkdir()
    (hmm_folder / "pools" / "mine.yaml").write_text(content)
    assert await async_setup_component(home, DOMAIN, {})
    issue = issues(home)["hmm/pools/mine.yaml"]
    assert issue.translation_key == "pool_file_failed"
    text = read(issue)
    assert f"Line {line}:" in text
    assert reason in text
    assert "solopool-dgb-eu1" in get_data(home).known_pools.pools


async def test_a_driver_of_the_user_works(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It runs, and the log warns once that it has all rights."""
    (hmm_folder / "garage_driver.py").write_text(GOOD)
    entry = await set_up(home, miner_entry(bitaxe, "garage"))
    assert entry.state is ConfigEntryState.LOADED
    assert find(home, entry, "select", "mode").state == "standard"
    assert issues(home) == {}

    warnings = [
        record.message
        for record in caplog.records
        if record.levelname == "WARNING"
        and record.name.startswith("custom_components.hmm")
    ]
    (warning,) = warnings
    loaded = get_data(home).drivers.miners["garage"]
    assert "garage 1.2.3" in warning
    assert "hmm/garage_driver.py" in warning
    assert "BitaxeDriver" in warning
    assert loaded.sha256 in warning
    assert "all rights" in warning


async def test_the_log_sums_up(
    home: HomeAssistant, hmm_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One line per file of the user, one for all; no word of each bundled one."""
    (hmm_folder / "garage_driver.py").write_text(GOOD)
    (hmm_folder / "exit_driver.py").write_text(BROKEN["exit"][0])
    assert await async_setup_component(home, DOMAIN, {})
    data = get_data(home)
    messages = [
        record.message
        for record in caplog.records
        if record.name == "custom_components.hmm.drivers.manager"
    ]
    assert len(messages) == 3
    failed, loaded, summary = messages
    assert "hmm/exit_driver.py cannot be used" in failed
    assert "garage" in loaded
    assert (
        f"Loaded {len(data.drivers.miners)} miner drivers, {len(data.drivers.pools)}"
        f" pool drivers and {len(data.known_pools.pools)} pools; 1 of the drivers"
    ) in summary
    assert "1 files cannot be used" in summary


async def test_a_driver_of_the_user_replaces_the_bundled_one(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """A file with the type of a bundled driver is used in its place."""
    (hmm_folder / "bitaxe_driver.py").write_text(
        GOOD.replace('"garage"', '"bitaxe"') + '    hashrate_unit = "GH/s"\n'
    )
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.LOADED
    loaded = get_data(home).drivers.miners["bitaxe"]
    assert not loaded.bundled
    assert loaded.replaces is not None
    assert loaded.replaces.bundled
    hashrate = find(home, entry, "sensor", "hashrate")
    assert hashrate.attributes["unit_of_measurement"] == "GH/s"


async def test_names_of_the_standard_library_shadow_nothing(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Files beside a driver are no modules that others could get by mistake."""
    for name in ("json", "asyncio", "aiohttp", "homeassistant"):
        (hmm_folder / f"{name}.py").write_text("raise SystemExit('wrong file')\n")
        (hmm_folder / f"{name}_driver.py").write_text(
            f"import json, asyncio, aiohttp, homeassistant\n\n{GOOD}".replace(
                '"garage"', f'"{name}"'
            )
        )
    before = set(sys.path)
    entry = await set_up(home, miner_entry(bitaxe, "json"))
    assert entry.state is ConfigEntryState.LOADED
    assert issues(home) == {}
    assert set(get_data(home).drivers.miners) == {
        *BUNDLED,
        "json",
        "asyncio",
        "aiohttp",
        "homeassistant",
    }
    assert set(sys.path) == before
    assert not {name for name in sys.modules if name.endswith("json_driver")}


async def test_a_driver_that_fails_later(
    home: HomeAssistant,
    hmm_folder: Path,
    bitaxe: SimulatedAxeOS,
    hass_client: ClientSessionGenerator,
) -> None:
    """A driver that ends the program while it polls takes only its miner down."""
    (hmm_folder / "garage_driver.py").write_text(
        GOOD.replace(
            '    driver_version = "1.2.3"\n',
            "\n    async def get_telemetry(self):\n        raise SystemExit\n",
        )
    )
    broken = await set_up(home, miner_entry(bitaxe, "garage", unique_id="garage"))
    assert broken.state is ConfigEntryState.SETUP_RETRY
    assert "The driver garage has an error in line 10" in str(broken.reason)

    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.LOADED
