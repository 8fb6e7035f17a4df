"""Configure a miner: its profiles and its limits."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest

from simulator import SimulatedAvalon, SimulatedAxeOS
from tests.common import find, poll
from tests.conftest import miner_entry, set_up
from tests.flows import go_on, open_options, options, suggested

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe that was tuned by hand."""
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def step(hass: HomeAssistant, entry: ConfigEntry[Any], *path: str) -> Any:
    """Go to a step by its menus."""
    result = await open_options(hass, entry)
    for item in path:
        result = await go_on(hass, result, next_step_id=item)
    return result


async def test_the_life_of_a_profile(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """It is saved, renamed, applied, shared and deleted in the dialog."""
    menu = await step(home, entry, "profiles")
    assert menu["menu_options"] == ["profile_save"]
    assert "505 MHz, 1120 mV" in menu["description_placeholders"]["present"]
    form = await go_on(home, menu, next_step_id="profile_save")
    form = await go_on(home, form, name="eco", shared=True)
    assert form["errors"] == {"base": "profile_failed"}
    assert form["description_placeholders"]["reason"].startswith("A mode has this name")
    assert suggested(form, "name") == "eco"
    form = await go_on(home, form, name="q" * 10_000, shared=True)
    assert form["errors"] == {"base": "profile_failed"}
    result = await go_on(home, form, name="*quiet*", shared=False)
    assert result["reason"] == "profile_saved"
    (profile,) = entry.runtime_data.tuning.profiles
    assert profile.miner == entry.entry_id

    menu = await step(home, entry, "profiles")
    table = menu["description_placeholders"]["profiles"]
    assert r"| \*quiet\* | 505 MHz, 1120 mV" in table
    form = await go_on(home, menu, next_step_id="profile_rename")
    assert "*quiet* (505 MHz" in options(form, "profile")[profile.id]
    form = await go_on(home, form, profile=profile.id, name="Standard")
    assert form["errors"] == {"base": "profile_failed"}
    result = await go_on(home, form, profile=profile.id, name="quiet")
    assert result["reason"] == "profile_renamed"

    await entry.runtime_data.tuning.async_choose("turbo")
    form = await step(home, entry, "profiles", "profile_apply")
    result = await go_on(home, form, profile=profile.id)
    assert result["reason"] == "profile_applied"
    assert find(home, entry, "select", "mode").state == "quiet"
    assert bitaxe.settings["frequency"] == 505

    form = await step(home, entry, "profiles", "profile_share")
    result = await go_on(home, form, profile=profile.id)
    assert result["reason"] == "profile_shared"
    assert entry.runtime_data.tuning.profiles[0].miner is None

    form = await step(home, entry, "profiles", "profile_delete")
    assert (await go_on(home, form, profile=profile.id))["reason"] == "profile_deleted"
    assert entry.runtime_data.tuning.profiles == []


async def test_a_name_that_two_miners_use(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Given a profile that autotune found for two, then neither is shared."""
    async with SimulatedAxeOS(name="twin", model="gamma") as device:
        twin = await set_up(home, miner_entry(device, "bitaxe", title="Twin"))
        for item in (entry, twin):
            item.runtime_data.tuning.save_result("quiet", {"frequency": 490}, {})
        (profile,) = entry.runtime_data.tuning.profiles
        form = await step(home, entry, "profiles", "profile_share")
        form = await go_on(home, form, profile=profile.id)
        assert form["errors"] == {"base": "profile_failed"}
        assert profile.miner == entry.entry_id


async def test_a_miner_that_is_off(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Nothing can be saved or applied, and the dialog says why."""
    await entry.runtime_data.tuning.async_save("quiet", shared=True)
    (profile,) = entry.runtime_data.tuning.profiles
    await entry.runtime_data.tuning.async_choose("eco")
    await bitaxe.unplug()
    await poll(home, entry)
    form = await step(home, entry, "profiles", "profile_save")
    assert form["description_placeholders"]["present"] == "–"
    form = await go_on(home, form, name="night", shared=True)
    assert "no miner service" in form["description_placeholders"]["reason"]
    form = await step(home, entry, "profiles", "profile_apply")
    form = await go_on(home, form, profile=profile.id)
    assert form["errors"] == {"base": "profile_failed"}


async def test_a_profile_that_was_deleted_meanwhile(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """The dialog asks again."""
    tuning = entry.runtime_data.tuning
    for name in ("quiet", "night"):
        await tuning.async_save(name, shared=True)
    gone = tuning.find("quiet")
    forms = {
        name: await step(home, entry, "profiles", f"profile_{name}")
        for name in ("apply", "rename", "share", "delete")
    }
    tuning.delete(gone)
    for name, form in forms.items():
        typed = {"name": "other"} if name == "rename" else {}
        form = await go_on(home, form, profile=gone.id, **typed)
        assert form["type"] is FlowResultType.FORM
        assert list(options(form, "profile").values())[0].startswith("night (")


async def test_limits_are_confirmed_twice(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Without the second tick nothing changes; the way back needs no question."""
    form = await step(home, entry, "limits")
    limits = form["description_placeholders"]["limits"]
    assert "50–1200 MHz" in limits
    form = await go_on(home, form, own_risk=True)
    assert form["step_id"] == "limits_confirm"
    form = await go_on(home, form, confirm=False)
    assert form["errors"] == {"confirm": "not_confirmed"}
    assert "own_risk" not in entry.options
    result = await go_on(home, form, confirm=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options["own_risk"] is True
    assert entry.runtime_data.profile.tuning.frequency.maximum == 1200

    form = await step(home, entry, "limits")
    assert suggested(form, "own_risk") is True
    await go_on(home, form, own_risk=True)
    assert entry.options["own_risk"] is True
    await go_on(home, await step(home, entry, "limits"), own_risk=False)
    assert "own_risk" not in entry.options
    assert entry.runtime_data.profile.tuning.frequency.maximum == 625


async def test_the_warning_limit(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Given a limit, then the miner is hot above it; empty brings the usual one back."""
    for given, limit in (({"hot_limit": 55}, 55), ({}, 70)):
        form = await step(home, entry, "settings")
        await go_on(home, form, **given)
        assert entry.runtime_data.status.problems.limits.warm == limit
    assert not entry.options


async def test_a_miner_without_such_limits(home: HomeAssistant) -> None:
    """An Avalon has profiles, but nothing to go beyond."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        menu = await open_options(home, entry)
        assert menu["menu_options"] == ["settings", "profiles", "pool_order"]


async def test_whether_the_power_may_be_cut(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Not unless that is chosen; what is not allowed is not stored."""
    for chosen, stored in (("shared", "shared"), ("alone", "alone"), ("never", None)):
        form = await step(home, entry, "settings")
        await go_on(home, form, plug="switch.garage", plug_cycle=chosen)
        assert entry.options.get("plug_cycle") == stored
    assert entry.options["plug"] == "switch.garage"


@pytest.mark.parametrize(
    ("path", "given"),
    [
        (("limits",), {"own_risk": True}),
        (("autotune",), {"goal": "all", "max_temperature": 60}),
        (("profiles",), {"next_step_id": "profile_save"}),
        (("profiles", "profile_save"), {"name": "quiet", "shared": True}),
        (("profiles", "profile_delete"), {"profile": "quiet"}),
    ],
)
async def test_the_miner_is_disabled_meanwhile(
    home: HomeAssistant, entry: ConfigEntry[Any], path: tuple[str, ...], given: Any
) -> None:
    """The dialog, open in another tab, says so; settings can be stored all the same."""
    entry.runtime_data.tuning.save_result("quiet", {"frequency": 490}, {})
    (profile,) = entry.runtime_data.tuning.profiles
    if "profile" in given:
        given = {"profile": profile.id}
    form = await step(home, entry, *path)
    assert await home.config_entries.async_unload(entry.entry_id)
    result = await go_on(home, form, **given)
    if path == ("limits",):
        result = await go_on(home, result, confirm=True)
        assert result["type"] is FlowResultType.CREATE_ENTRY
        return
    assert result["reason"] == "miner_not_loaded"
    assert result["description_placeholders"] == {"name": "Axe"}


@pytest.mark.parametrize("path", [("settings",), ("pool_order",), ("profiles",)])
async def test_the_miner_is_removed_meanwhile(
    home: HomeAssistant, entry: ConfigEntry[Any], path: tuple[str, ...]
) -> None:
    """The dialog, open in another tab, says so."""
    form = await step(home, entry, *path)
    await home.config_entries.async_remove(entry.entry_id)
    given = {"next_step_id": "profile_save"} if path == ("profiles",) else {}
    result = await go_on(home, form, **given)
    assert result["reason"] == "removed_meanwhile"
