"""What an overheat has lowered is told, and can be undone."""

from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest

from custom_components.hmm.const import DOMAIN
from simulator import SimulatedAxeOS
from tests.common import act, find, find_id, fleet_entry, poll
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")

GOOD = {"frequency": 575, "coreVoltage": 1200, "overheat_mode": 0, "autofanspeed": 1}
LOWERED = {"frequency": 475, "coreVoltage": 1100, "autofanspeed": 0}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Return a miner that was tuned by hand."""
    bitaxe.settings |= GOOD
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="*Axe*"))


def issue_of(hass: HomeAssistant, entry: ConfigEntry[Any]) -> ir.IssueEntry | None:
    """Return the repair of the miner."""
    issue_id = f"overheat_lowered_{entry.entry_id}"
    return ir.async_get(hass).async_get_issue(DOMAIN, issue_id)


async def overheat(
    hass: HomeAssistant,
    device: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    lowered: dict[str, Any] | None = None,
) -> None:
    """Let the firmware react to a heat that is over afterwards."""
    device.settings |= {"overheat_mode": 1} | (LOWERED if lowered is None else lowered)
    await poll(hass, entry)
    device.settings["overheat_mode"] = 0
    for _ in range(3):
        await poll(hass, entry)


async def fix(hass: HomeAssistant, entry: ConfigEntry[Any], choice: str) -> Any:
    """Walk through the repair."""
    issue = issue_of(hass, entry)
    assert issue is not None
    assert await async_setup_component(hass, "repairs", {})
    flows = hass.data["repairs"]["flow_manager"]
    menu = await flows.async_init(DOMAIN, data={"issue_id": issue.issue_id})
    assert menu["type"] is FlowResultType.MENU
    assert set(menu["menu_options"]) == {"restore", "keep"}
    # They are escaped once
    assert menu["description_placeholders"] == issue.translation_placeholders
    result = await flows.async_configure(menu["flow_id"], {"next_step_id": choice})
    await hass.async_block_till_done()
    return result


async def test_it_is_told_and_restored(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """The repair names both points; it survives a reload and leads back."""
    await overheat(home, bitaxe, entry)
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    await poll(home, entry)
    issue = issue_of(home, entry)
    assert issue is not None
    assert issue.translation_placeholders == {
        "name": r"\*Axe\*",
        "old": "575 MHz, 1200 mV",
        "new": "475 MHz, 1100 mV",
    }
    problem = find(home, entry, "binary_sensor", "problem")
    assert problem.attributes["problems"] == ["overheat_lowered"]
    (told,) = find(home, fleet_entry(home), "sensor", "problems").attributes["problems"]
    assert "from 575 MHz, 1200 mV to 475 MHz, 1100 mV" in told["sentence"]

    result = await fix(home, entry, "restore")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    for key in ("frequency", "coreVoltage", "autofanspeed"):
        assert bitaxe.settings[key] == GOOD[key]
    await poll(home, entry)
    assert issue_of(home, entry) is None
    assert find(home, entry, "binary_sensor", "problem").state == "off"


async def test_not_while_it_is_too_hot(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Nothing is restored before the heat is over."""
    bitaxe.overheat()
    await poll(home, entry)
    assert entry.runtime_data.data.hashing is False
    bitaxe.settings |= LOWERED
    await poll(home, entry)
    result = await fix(home, entry, "restore")
    assert result["reason"] == "not_restored"
    assert bitaxe.settings["frequency"] == 475


async def test_not_while_it_is_off(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Given an entry that was reloaded meanwhile, then nothing is known of the miner."""
    await overheat(home, bitaxe, entry)
    await bitaxe.unplug()
    await home.config_entries.async_reload(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    result = await fix(home, entry, "restore")
    assert result["reason"] == "not_restored"
    assert "connections" in result["description_placeholders"]["reason"]
    await bitaxe.plug_in()
    result = await fix(home, entry, "restore")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert bitaxe.settings["frequency"] == GOOD["frequency"]


async def test_what_is_left_as_it_is(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Whoever leaves it, or sets it, is not asked again; the next overheat is new."""
    await overheat(home, bitaxe, entry)
    await fix(home, entry, "keep")
    await poll(home, entry)
    await poll(home, entry)
    assert issue_of(home, entry) is None
    await overheat(home, bitaxe, entry, {"frequency": 400, "coreVoltage": 1060})
    issue = issue_of(home, entry)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["old"] == "475 MHz, 1100 mV"

    mode = find_id(home, entry, "select", "mode")
    await act(home, "select", "select_option", mode, option="standard")
    await poll(home, entry)
    assert issue_of(home, entry) is None


async def test_a_miner_that_is_disabled(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """The question is there again when it is enabled; without its driver, it holds."""
    await overheat(home, bitaxe, entry)
    entries, by_user = home.config_entries, ConfigEntryDisabler.USER
    await entries.async_set_disabled_by(entry.entry_id, by_user)
    assert issue_of(home, entry) is None
    await entries.async_set_disabled_by(entry.entry_id, None)
    await home.async_block_till_done(wait_background_tasks=True)
    await poll(home, entry)
    assert issue_of(home, entry) is not None
    await entries.async_unload(entry.entry_id)
    result = await fix(home, entry, "restore")
    assert "disabled" in result["description_placeholders"]["reason"]
    await fix(home, entry, "keep")
    await entries.async_setup(entry.entry_id)
    await home.async_block_till_done(wait_background_tasks=True)
    await poll(home, entry)
    assert issue_of(home, entry) is None
    assert bitaxe.settings["frequency"] == LOWERED["frequency"]


async def test_an_overheat_that_lowers_nothing(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Then there is nothing to tell; nor where the owner has set it at the miner."""
    await overheat(home, bitaxe, entry, {})
    assert issue_of(home, entry) is None
    await overheat(home, bitaxe, entry)
    bitaxe.settings |= GOOD
    await poll(home, entry)
    assert issue_of(home, entry) is None


async def test_an_old_firmware_that_stays_crippled(home: HomeAssistant) -> None:
    """Up to 2.11 it waits at 50 MHz, hot or not: its settings end the emergency."""
    async with SimulatedAxeOS(generation="2.9", model="gamma") as device:
        device.settings |= GOOD
        entry = await set_up(home, miner_entry(device, "bitaxe", title="*Axe*"))
        device.settings |= {"frequency": 50, "coreVoltage": 1000, "overheat_mode": 1}
        await poll(home, entry)
        assert issue_of(home, entry) is not None
        await fix(home, entry, "restore")
        for key in ("frequency", "coreVoltage", "overheat_mode", "autofanspeed"):
            assert device.settings[key] == GOOD[key]
        assert issue_of(home, entry) is None
