"""The actions of drivers: who may run them, and what they answer."""

import hashlib
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_engine.driver_store import DriverStore, StoreError
from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import pool_entry, refused, value
from tests.conftest import miner_entry, set_up

GARAGE = """\
from custom_components.hmm.bundled.miner_drivers.bitaxe_driver import BitaxeDriver


class GarageDriver(BitaxeDriver):
    driver_type = "{type}"
    driver_version = "{version}"
"""


async def run(hass: HomeAssistant, action: str, **data: Any) -> dict[str, Any]:
    """Run an action and return its answer."""
    answer = await hass.services.async_call(
        DOMAIN, action, data, blocking=True, return_response=True
    )
    await hass.async_block_till_done()
    assert isinstance(answer, dict)
    return answer


def files_in(folder: Path) -> list[str]:
    """Return the names of what is in a folder."""
    return [path.name for path in folder.iterdir()]


async def test_list_drivers(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Each with its version, file, checksum and what uses it."""
    source = GARAGE.format(type="bitaxe", version="9.0.0")
    (hmm_folder / "garage_driver.py").write_text(source)
    (hmm_folder / "broken_driver.py").write_text("\nclass Broken(\n")
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    answer = await run(home, "list_drivers")

    drivers = {
        (driver["category"], driver["type"]): driver for driver in answer["drivers"]
    }
    assert len(drivers) == len(answer["drivers"]) == len(list(get_data(home).drivers))
    mine = drivers["miner", "bitaxe"]
    metrics = mine.pop("metrics")
    assert metrics["polls"] >= 1
    assert metrics["errors"] == {}
    assert metrics["median_seconds"] > 0
    bundled = get_data(home).drivers.miners["bitaxe"].replaces
    assert bundled is not None
    assert mine == {
        "type": "bitaxe",
        "category": "miner",
        "display_name": bundled.driver_class.display_name,
        "version": "9.0.0",
        "bundled_version": bundled.version,
        "source": "user",
        "variant": "BitaxeDriver",
        "file": "hmm/garage_driver.py",
        "sha256": hashlib.sha256(source.encode()).hexdigest(),
        "entries": [{"entry_id": entry.entry_id, "title": entry.title}],
    }
    pool = drivers["pool", "solopool"]
    assert pool["source"] == "bundled"
    assert pool["file"] == "bundled/pool_drivers/solopool_driver.py"
    assert pool["version"] == pool["bundled_version"]
    assert pool["entries"] == []
    (failed,) = answer["failed_files"]
    assert failed["file"] == "hmm/broken_driver.py"
    assert failed["line"] == 2
    assert "SyntaxError" in failed["reason"]


async def test_reload_drivers(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """The answer tells what was done: added, changed, removed, failed."""
    for name in ("garage", "attic"):
        (hmm_folder / f"{name}_driver.py").write_text(
            GARAGE.format(type=name, version="1")
        )
    entry = await set_up(home, miner_entry(bitaxe, "garage", title="Garage"))
    count = len(list(get_data(home).drivers))
    assert await run(home, "reload_drivers") == {
        "loaded": count,
        "changed": [],
        "failed_files": [],
        "entries": [],
        "seconds": pytest.approx(0, abs=600),
    }

    (hmm_folder / "garage_driver.py").write_text(
        GARAGE.format(type="garage", version="2")
    )
    (hmm_folder / "attic_driver.py").unlink()
    (hmm_folder / "cellar_driver.py").write_text(
        GARAGE.format(type="cellar", version="3")
    )
    (hmm_folder / "broken_driver.py").write_text("class Broken(\n")
    answer = await run(home, "reload_drivers")
    assert answer["loaded"] == count
    changes = {item.pop("type"): item for item in answer["changed"]}
    assert changes == {
        "garage": {
            "category": "miner",
            "change": "changed",
            "old_version": "1",
            "new_version": "2",
            "file": "hmm/garage_driver.py",
        },
        "attic": {
            "category": "miner",
            "change": "removed",
            "old_version": "1",
            "new_version": None,
            "file": None,
        },
        "cellar": {
            "category": "miner",
            "change": "added",
            "old_version": None,
            "new_version": "3",
            "file": "hmm/cellar_driver.py",
        },
    }
    assert [file["file"] for file in answer["failed_files"]] == ["hmm/broken_driver.py"]
    assert answer["entries"] == [
        {
            "entry_id": entry.entry_id,
            "title": "Garage",
            "state": "loaded",
            "reason": None,
        }
    ]


async def test_reload_without_an_answer(home: HomeAssistant, hmm_folder: Path) -> None:
    """An automation need not take the answer."""
    assert await async_setup_component(home, DOMAIN, {})
    (hmm_folder / "garage_driver.py").write_text(
        GARAGE.format(type="garage", version="1")
    )
    await home.services.async_call(DOMAIN, "reload_drivers", blocking=True)
    assert "garage" in get_data(home).drivers.miners


async def test_customise_a_miner(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """The copy runs at once, and what is changed in it is used."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bundled = get_data(home).drivers.miners["bitaxe"]
    answer = await run(home, "customise_driver", driver="bitaxe")
    assert answer["file"] == "hmm/miner_drivers/bitaxe_driver.py"
    assert [item["title"] for item in answer["entries"]] == [entry.title]
    file = hmm_folder / "miner_drivers" / "bitaxe_driver.py"
    assert file.read_bytes() == bundled.path.read_bytes()
    loaded = get_data(home).drivers.miners["bitaxe"]
    assert not loaded.bundled
    assert loaded.sha256 == bundled.sha256
    assert value(home, entry, "hashrate") > 0

    mine = file.read_text().replace(f'"{bundled.version}"', f'"{bundled.version}-mine"')
    file.write_text(mine)
    answer = await run(home, "reload_drivers")
    assert answer["changed"][0]["new_version"] == f"{bundled.version}-mine"
    assert value(home, entry, "hashrate") > 0


async def test_customise_a_pool(home: HomeAssistant, hmm_folder: Path) -> None:
    """An account goes on with the copy of its pool's driver."""
    async with SimulatedSolopool() as pool:
        entry = await set_up(home, pool_entry(pool))
        before = entry.runtime_data.driver
        await home.services.async_call(
            DOMAIN, "customise_driver", {"driver": "solopool"}, blocking=True
        )
        await home.async_block_till_done()
        assert (hmm_folder / "pool_drivers" / "solopool_driver.py").exists()
        assert not get_data(home).drivers.pools["solopool"].bundled
        assert entry.runtime_data.driver is not before
        assert value(home, entry, "pool_hashrate") > 0


@pytest.mark.parametrize("name", ["bitaxe_driver.py", "mine_driver.py"])
async def test_an_existing_file_is_never_written_over(
    home: HomeAssistant, hmm_folder: Path, name: str
) -> None:
    """Neither one of the same name, nor is a second one of the type put beside it."""
    (hmm_folder / "miner_drivers").mkdir()
    file = hmm_folder / "miner_drivers" / name
    source = GARAGE.format(type="bitaxe", version="1")
    file.write_text(source)
    assert await async_setup_component(home, DOMAIN, {})
    with pytest.raises(ServiceValidationError) as caught:
        await run(home, "customise_driver", driver="bitaxe")
    assert caught.value.translation_key == "driver_file_exists"
    assert caught.value.translation_placeholders == {
        "file": f"hmm/miner_drivers/{name}"
    }
    assert file.read_text() == source
    assert files_in(hmm_folder / "miner_drivers") == [name]


async def test_no_driver_of_that_type(home: HomeAssistant) -> None:
    """The error says which there are."""
    assert await async_setup_component(home, DOMAIN, {})
    with pytest.raises(ServiceValidationError) as caught:
        await run(home, "customise_driver", driver="toaster")
    assert caught.value.translation_key == "no_bundled_driver"
    assert "bitaxe, " in (caught.value.translation_placeholders or {})["drivers"]


async def test_a_copy_that_cannot_be_written(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The bundled driver goes on, and the user is told why."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))

    def refuse(store: DriverStore, path: Path, source: bytes) -> None:
        raise StoreError("bitaxe_driver.py cannot be written (No space left)")

    monkeypatch.setattr(DriverStore, "write", refuse)
    with refused("cannot_write_driver", HomeAssistantError):
        await run(home, "customise_driver", driver="bitaxe")
    assert entry.state is ConfigEntryState.LOADED
    assert get_data(home).drivers.miners["bitaxe"].bundled
