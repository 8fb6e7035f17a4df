"""What the system information says of HMM."""

from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.hmm.const import DOMAIN
from simulator import SimulatedAxeOS

from .conftest import miner_entry, set_up


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Return a config folder of the test's own."""
    return hass_tmp_config_dir


async def test_counts_without_a_name(
    home: HomeAssistant, hmm_folder: Path, bitaxe: SimulatedAxeOS
) -> None:
    """Given a miner and a broken driver, both are counted."""
    (hmm_folder / "broken_driver.py").write_text("class Broken(\n")
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert await async_setup_component(home, "system_health", {})
    assert await get_system_health_info(home, DOMAIN) == {
        "miners": "1/1",
        "pools": 0,
        "own_drivers": 0,
        "failed_files": 1,
    }
