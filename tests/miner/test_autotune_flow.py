"""Start autotune in the options of a miner."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import InvalidData
import pytest

from custom_components.hmm.miner.walk import Caps, Goal
from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import find, poll
from tests.conftest import miner_entry, set_up
from tests.flows import go_on, open_options, suggested

pytestmark = pytest.mark.usefixtures("quick")

FIELDS: dict[str, Any] = {
    "goal": "efficient",
    "max_temperature": 60,
    "max_regulator": 80,
    "max_fan": 70,
    "max_error": 0.5,
    "minutes_per_point": 5,
    "start": "now",
}


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def form(home: HomeAssistant, entry: ConfigEntry[Any]) -> Any:
    """Open the form."""
    menu = await open_options(home, entry)
    assert "autotune" in menu["menu_options"]
    return await go_on(home, menu, next_step_id="autotune")


async def test_it_is_started(home: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Limits, then what it will take; then it runs, and cannot be started again."""
    confirm = await go_on(home, await form(home, entry), **FIELDS)
    assert confirm["step_id"] == "autotune_confirm"
    assert confirm["description_placeholders"] == {
        "points": "12",
        "hours": "1.6",
        "writes": "15",
        "reason": "",
    }
    result = await go_on(home, confirm)
    assert result["reason"] == "autotune_started"
    autotune = entry.runtime_data.autotune
    assert autotune.record.caps == Caps(
        goal=Goal.EFFICIENT,
        max_power=40,
        max_temperature=60,
        max_regulator=80,
        max_fan=70,
        max_error=0.5,
        minutes_per_point=5,
    )
    assert find(home, entry, "sensor", "autotune").state == "settling"
    assert (await form(home, entry))["reason"] == "autotune_running"
    await autotune.async_stop()
    # The limits of the last time are there again, in German with its numbers
    home.config.language = "de"
    shown = await form(home, entry)
    assert suggested(shown, "max_temperature") == 60
    result = await go_on(home, shown, **FIELDS | {"start": "night", "max_power": 20})
    assert result["description_placeholders"]["hours"] == "1,6"
    await go_on(home, result)
    assert autotune.record.at_night
    assert autotune.record.caps.max_power == 20


async def test_a_board_that_tells_no_maximum(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """The user has to say what it may draw."""
    device = SimulatedAxeOS(generation="2.5", name="old")
    async with device:
        entry = await set_up(home, miner_entry(device, "bitaxe"))
        limits = entry.runtime_data.profile.tuning
        assert limits.most_power is None
        shown = await go_on(home, await form(home, entry), **FIELDS)
        assert shown["errors"] == {"base": "profile_failed"}
        assert "Enter the highest power" in shown["description_placeholders"]["reason"]
        confirm = await go_on(home, shown, **FIELDS, max_power=20)
        assert confirm["step_id"] == "autotune_confirm"


async def test_a_miner_that_has_gone(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """It is said why it cannot be started, and started once it is back."""
    confirm = await go_on(home, await form(home, entry), **FIELDS)
    await bitaxe.unplug()
    await poll(home, entry)
    result = await go_on(home, confirm)
    assert result["errors"] == {"base": "profile_failed"}
    assert "no miner service" in result["description_placeholders"]["reason"]
    # What it will take is known, whatever the miner reports meanwhile
    assert result["description_placeholders"]["points"] == "12"
    await bitaxe.plug_in()
    bitaxe.settings["frequency"] = 700
    await poll(home, entry)
    result = await go_on(home, result)
    assert "beyond its own list" in result["description_placeholders"]["reason"]
    assert result["description_placeholders"]["points"] == "12"
    bitaxe.settings["frequency"] = 525
    await poll(home, entry)
    assert (await go_on(home, result))["reason"] == "autotune_started"


async def test_miners_that_it_is_not_for(home: HomeAssistant) -> None:
    """The menu has it only where it can work."""
    async with SimulatedAvalon() as avalon:
        entry = await set_up(home, miner_entry(avalon, "avalon_nano", avalon.serial))
        menu = await open_options(home, entry)
        assert menu["menu_options"] == ["settings", "profiles", "pool_order"]


async def test_a_limit_that_is_no_number(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Given NaN, which no temperature exceeds, then it is not even begun."""
    shown = await form(home, entry)
    with pytest.raises(InvalidData):
        await go_on(home, shown, **FIELDS | {"max_temperature": "NaN"})
