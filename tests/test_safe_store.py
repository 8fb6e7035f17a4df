"""What HMM keeps in Home Assistant's storage, after it was damaged."""

from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest

from custom_components.hmm.safe_store import SafeStore
from simulator import SimulatedAxeOS

from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

FILES = (
    "energy",
    "finds",
    "blocks",
    "kept",
    "profiles",
    "miners",
    "drivers",
    "stock_files",
)


def damage(
    home: HomeAssistant, storage: dict[str, Any], name: str, content: dict[str, Any]
) -> Path:
    """Put content into a file of HMM, and return the file."""
    storage[f"hmm.{name}"] = {"version": 1, "minor_version": 1, "data": {}} | content
    path = Path(home.config.path(".storage", f"hmm.{name}"))
    path.parent.mkdir(exist_ok=True)
    path.write_text("what was there", encoding="utf-8")
    return path


def reported(home: HomeAssistant) -> dict[str, Path]:
    """Return where the user is told that the files are, by what they hold."""
    return {
        issue.translation_placeholders["storage_key"].removeprefix("hmm."): Path(
            issue.translation_placeholders["corrupt_path"]
        )
        for issue in ir.async_get(home).issues.values()
        if issue.translation_key == "storage_corruption"
        and issue.translation_placeholders is not None
    }


@pytest.mark.parametrize(
    "content",
    [
        {"version": 2},
        {"version": 0},
        {"data": [1, 2]},
        {"data": "x"},
        {"version": "one"},
    ],
)
async def test_files_of_another_version_or_shape_are_kept(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    hass_storage: dict[str, Any],
    content: dict[str, Any],
) -> None:
    """HMM starts without them, says where they are, and writes over none."""
    paths = {name: damage(home, hass_storage, name, content) for name in FILES}
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert entry.state is ConfigEntryState.LOADED
    kept = reported(home)
    assert kept.keys() == paths.keys()
    for name, path in paths.items():
        assert not path.exists()
        assert kept[name].read_text(encoding="utf-8") == "what was there"


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("energy", {"fleet": "much", "miners": {"ID": {"kwh": 7.0}}}),
        ("energy", {"fleet": 7.0, "miners": {"ID": {"kwh": 7.0}, "x": 5}}),
        ("energy", {"fleet": 7.0, "miners": []}),
        ("finds", {"ID": 5}),
        ("blocks", {"ID": {"count": 1, "looked": "never", "spans": []}}),
        ("stock_files", {"wanted": 5, "seen": []}),
        ("stock_files", {"wanted": [], "seen": [1, "a"]}),
        ("stock_files", {"wanted": []}),
        ("drivers", {"a.py": 5}),
        ("drivers", {"a.py": {"driver": "miner/a"}}),
        (
            "drivers",
            {
                "a.py": {
                    "driver": "miner/a",
                    "url": 5,
                    "sha256": "",
                    "version": "1",
                    "previous_version": None,
                    "installed_at": "",
                    "updated_at": None,
                }
            },
        ),
    ],
)
async def test_a_part_that_cannot_be_read_is_kept(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    hass_storage: dict[str, Any],
    name: str,
    data: dict[str, Any],
) -> None:
    """The file is laid aside before what was left of it is written."""
    path = damage(home, hass_storage, name, {"data": data})
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", entry_id="ID"))
    assert entry.state is ConfigEntryState.LOADED
    assert reported(home)[name].read_text(encoding="utf-8") == "what was there"
    assert not path.exists()
    if name == "energy" and isinstance(data["miners"], dict):
        assert entry.runtime_data.energy.kwh >= 7.0


async def test_a_file_that_cannot_be_moved_is_not_overwritten(
    home: HomeAssistant, hass_storage: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder may be one that nobody may write to."""
    path = damage(home, hass_storage, "energy", {"version": 2})

    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", refuse)
    store = SafeStore(home, 1, "hmm.energy")
    assert await store.async_load() == {}
    assert reported(home)["energy"] == path
    await store.async_save({"new": 1})
    assert hass_storage["hmm.energy"]["version"] == 2
