"""Profiles and the owner's own point: saved, applied, shared, refused, damaged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from homeassistant.config_entries import ConfigEntry, ConfigEntryDisabler
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import device_registry as dr, issue_registry as ir
import pytest
import voluptuous as vol

from custom_components.hmm import select
from custom_components.hmm.const import DOMAIN
from custom_components.hmm.data import get_data
from custom_components.hmm.driver_api import MinerTelemetry
from custom_components.hmm.driver_engine.client import _safe_order
from custom_components.hmm.miner import tuning as tuning_module
from custom_components.hmm.miner.profiles import (
    MAX_PROFILES,
    TuningProfile,
    TuningProfiles,
)
from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNerdQAxe
from simulator.httpd import Request, Response
from tests.common import act, find, find_id, later, poll, refused
from tests.conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def entry(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> ConfigEntry[Any]:
    """Set up a Bitaxe."""
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


@pytest.fixture
async def others(
    home: HomeAssistant,
) -> AsyncIterator[dict[str, tuple[Any, ConfigEntry[Any]]]]:
    """Set up a second Bitaxe of the same model, a NerdQAxe and an Avalon."""
    async with AsyncExitStack() as stack:
        result = {}
        for title, driver, device in (
            ("Twin", "bitaxe", SimulatedAxeOS(name="twin", model="gamma")),
            ("Nerd", "nerdqaxe", SimulatedNerdQAxe()),
            ("Nano", "avalon_nano", SimulatedAvalon()),
        ):
            await stack.enter_async_context(device)
            entry = await set_up(home, miner_entry(device, driver, title=title))
            result[title] = device, entry
        yield result


def target(hass: HomeAssistant, *entries: ConfigEntry[Any]) -> dict[str, list[str]]:
    """Return entries as a target."""
    registry = dr.async_get(hass)
    return {
        "device_id": [
            item.id
            for entry in entries
            for item in dr.async_entries_for_config_entry(registry, entry.entry_id)
        ]
    }


async def run(
    hass: HomeAssistant, action: str, *entries: ConfigEntry[Any], **data: Any
) -> dict[str, tuple[str, str | None]]:
    """Run an action on miners; return result and reason of each."""
    response: Any = await hass.services.async_call(
        DOMAIN,
        action,
        target(hass, *entries) | data,
        blocking=True,
        return_response=True,
    )
    return {
        miner["device"]: (miner["result"], miner["reason"])
        for miner in response["miners"]
    }


async def edit(
    hass: HomeAssistant, action: str, *entries: ConfigEntry[Any], **data: Any
) -> None:
    """Run an action on profiles."""
    await hass.services.async_call(
        DOMAIN, action, target(hass, *entries) | data, blocking=True
    )
    await hass.async_block_till_done()


async def tuning(hass: HomeAssistant, *entries: ConfigEntry[Any]) -> dict[str, Any]:
    """Return what the action says of miners."""
    response: Any = await hass.services.async_call(
        DOMAIN,
        "get_tuning",
        target(hass, *entries),
        blocking=True,
        return_response=True,
    )
    return {miner["device"]: miner for miner in response["miners"]}


def point(axe: SimulatedAxeOS) -> tuple[int, int]:
    """Return the MHz and mV of a device."""
    return axe.settings["frequency"], axe.settings["coreVoltage"]


def options(hass: HomeAssistant, entry: ConfigEntry[Any]) -> list[str]:
    """Return what the mode can be set to."""
    result: list[str] = find(hass, entry, "select", "mode").attributes["options"]
    return result


# The life of a profile


async def test_save_and_apply(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    others: dict[str, tuple[Any, ConfigEntry[Any]]],
) -> None:
    """What is saved at one miner is a mode of all miners of its model, and no others."""
    twin, twin_entry = others["Twin"]
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    assert await run(home, "save_profile", entry, name="quiet") == {
        "Axe": ("done", None)
    }
    assert find(home, entry, "select", "mode").state == "quiet"
    modes = ["eco", "standard", "turbo", "oc"]
    assert options(home, entry) == [*modes, "quiet"]
    await poll(home, twin_entry)
    assert options(home, twin_entry) == [*modes, "quiet"]
    nerd, nerd_entry = others["Nerd"]
    assert "quiet" not in options(home, nerd_entry)

    reported = await run(
        home, "apply_profile", entry, twin_entry, nerd_entry, profile=["night", "quiet"]
    )
    assert reported == {
        "Axe": ("already", None),
        "Twin": ("done", None),
        "Nerd": ("refused", "profile_other_model"),
    }
    assert point(twin) == (505, 1120)
    assert find(home, twin_entry, "select", "mode").state == "quiet"
    assert nerd.writes == []

    # As a mode, by the action and by the select
    assert await run(home, "set_mode", twin_entry, mode="eco") == {
        "Twin": ("done", None)
    }
    assert await run(home, "set_mode", twin_entry, mode="quiet") == {
        "Twin": ("done", None)
    }
    await run(home, "set_mode", twin_entry, mode="turbo")
    await act(
        home,
        "select",
        "select_option",
        find_id(home, twin_entry, "select", "mode"),
        option="quiet",
    )
    assert point(twin) == (505, 1120)


async def test_many_changes_at_once_are_shown_once(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Given profiles that are saved and deleted together, then one look is enough."""
    book, model = get_data(home).tuning, entry.runtime_data.tuning.model_key
    shown: list[int] = []
    book.async_add_listener(lambda: shown.append(book.version))
    before = book.version
    kept = [
        TuningProfile(name=f"P{n}", source="user", settings={"fan": 40.0 + n})
        for n in range(20)
    ]
    for profile in kept:
        book.add(model, profile)
    for profile in kept[1:]:
        book.remove(model, profile)
    await home.async_block_till_done()
    assert shown == [before + 39]
    options = find(home, entry, "select", "mode").attributes["options"]
    assert [option for option in options if option.startswith("P")] == ["P0"]


async def test_a_miner_that_is_unloaded_does_not_follow_profiles(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Given an entry that is disabled, then nothing of its miner is shown again."""
    miner, shown = entry.runtime_data, []
    assert await home.config_entries.async_set_disabled_by(
        entry.entry_id, ConfigEntryDisabler.USER
    )
    stop_listening = miner.async_add_listener(lambda: shown.append(1))
    get_data(home).tuning.add(
        miner.tuning.model_key, TuningProfile(name="P", source="user", settings={})
    )
    await home.async_block_till_done()
    stop_listening()
    assert shown == []


async def test_rename_and_delete(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    others: dict[str, tuple[Any, ConfigEntry[Any]]],
) -> None:
    """Both are for all miners of the model; the miner runs on as it is."""
    _, twin = others["Twin"]
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    await run(home, "save_profile", entry, name="quiet")
    await edit(home, "rename_profile", entry, twin, profile="quiet", name="Night")
    assert find(home, entry, "select", "mode").state == "Night"
    # Only the spelling
    await edit(home, "rename_profile", entry, profile="Night", name="night")
    assert options(home, twin)[-1] == "night"
    with refused("profile_unknown"):
        await edit(home, "delete_profile", entry, profile="quiet")

    bitaxe.writes.clear()
    await edit(home, "delete_profile", entry, twin, profile="night")
    assert find(home, entry, "select", "mode").state == "custom"
    assert "night" not in options(home, twin)
    assert bitaxe.writes == []
    assert await run(home, "apply_profile", entry, profile="night") == {
        "Axe": ("refused", "no_such_mode")
    }


async def test_a_hundred_profiles_in_a_row(
    home: HomeAssistant, entry: ConfigEntry[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Many deletions are shown as some: the options of a select are no stream."""
    book, model = get_data(home).tuning, entry.runtime_data.tuning.model_key
    for number in range(100):
        profile = TuningProfile(name=f"P{number}", settings={"frequency": 400.0})
        book.add(model, profile)
    await home.async_block_till_done()
    assert len(options(home, entry)) > 100
    changes = []
    mode = find_id(home, entry, "select", "mode")

    @callback
    def note(event: Any) -> None:
        if event.data["entity_id"] == mode:
            changes.append(event)

    home.bus.async_listen("state_changed", note)
    for number in range(100):
        await edit(home, "delete_profile", entry, profile=f"P{number}")
    await later(home, 5)
    assert not any(option.startswith("P") for option in options(home, entry))
    assert 1 <= len(changes) <= 12
    assert "too often" not in caplog.text


async def test_profiles_that_are_saved_all_the_time(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    others: dict[str, tuple[Any, ConfigEntry[Any]]],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One line in the log for all miners; later their selects list what there is then."""
    twin = others["Twin"][1]
    for number in range(150):
        await run(home, "save_profile", entry, name=f"P{number}")
        if number:
            await edit(home, "delete_profile", entry, profile=f"P{number - 1}")
        await poll(home, twin)
    assert "too often" not in caplog.text
    assert caplog.text.count("Profiles are saved, renamed or deleted all the time") == 1
    # What can be chosen by an action is what there is
    assert await run(home, "apply_profile", entry, profile="P149") == {
        "Axe": ("already", None)
    }
    monkeypatch.setattr(select, "_PAUSE", 0)
    for item in (entry, twin):
        await poll(home, item)
        assert [name for name in options(home, item) if name.startswith("P")] == [
            "P149"
        ]
    assert find(home, entry, "select", "mode").state == "P149"


async def test_a_private_profile(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    others: dict[str, tuple[Any, ConfigEntry[Any]]],
) -> None:
    """It is only its miner's, but its name is taken for all; it goes with its miner."""
    _, twin = others["Twin"]
    await run(home, "save_profile", entry, name="mine", shared=False)
    assert options(home, entry)[-1] == "mine"
    await poll(home, twin)
    assert "mine" not in options(home, twin)
    assert await run(home, "save_profile", twin, name="Mine") == {
        "Twin": ("refused", "name_taken")
    }
    profile = entry.runtime_data.tuning.find("mine")
    entry.runtime_data.tuning.share(profile)
    await poll(home, twin)
    assert options(home, twin)[-1] == "mine"
    await run(home, "save_profile", entry, name="only", shared=False)
    await home.config_entries.async_remove(entry.entry_id)
    await run(home, "save_profile", twin, name="only")
    assert options(home, twin)[-2:] == ["mine", "only"]


async def test_what_there_is_to_know(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The response has settings, what was measured with them, and the own point."""
    monkeypatch.setattr(tuning_module, "STABLE_SECONDS", 0)
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    await poll(home, entry)
    reported = (await tuning(home, entry))["Axe"]
    assert reported["own_point"] == {"frequency": 505, "core_voltage": 1120}
    assert reported["autotune"]["state"] == "off"
    assert reported["profiles"] == []
    await run(home, "save_profile", entry, name="quiet")
    (profile,) = (await tuning(home, entry))["Axe"]["profiles"]
    assert (profile["name"], profile["source"]) == ("quiet", "saved")
    assert profile["settings"] == {
        "frequency": 505,
        "core_voltage": 1120,
        "fan": "auto",
        "target_temperature": 60,
    }
    measured = profile["measured"]
    assert measured["hashrate"] > 0.5
    assert measured["power"] > 5
    assert measured.keys() == {"hashrate", "power", "efficiency", "temperature", "at"}


async def test_the_fan_is_part_of_it(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A fan that was set by hand is set again, and so is an automatic one."""
    await run(home, "save_profile", entry, name="auto")
    bitaxe.settings |= {"autofanspeed": 0, "manualFanSpeed": 45}
    await poll(home, entry)
    await run(home, "save_profile", entry, name="slow fan")
    await run(home, "apply_profile", entry, profile="auto")
    assert bitaxe.settings["autofanspeed"] == 1
    assert find(home, entry, "select", "mode").state == "auto"
    await run(home, "apply_profile", entry, profile="slow fan")
    assert (bitaxe.settings["autofanspeed"], bitaxe.settings["manualFanSpeed"]) == (
        0,
        45,
    )
    assert find(home, entry, "select", "mode").state == "slow fan"


async def test_a_fan_at_rest_is_set_as_before(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, every_entity: None
) -> None:
    """While AxeOS is paused its fan runs at 30 %: that is not what was set."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    bitaxe.settings |= {"autofanspeed": 0, "manualFanSpeed": 80}
    await poll(home, entry)
    await run(home, "save_profile", entry, name="loud")
    assert find(home, entry, "select", "mode").state == "loud"
    await act(home, "switch", "turn_off", find_id(home, entry, "switch", "mining"))
    assert find(home, entry, "sensor", "fan_speed").state == "30"
    assert float(find(home, entry, "number", "set_fan_speed").state) == 80
    assert find(home, entry, "select", "mode").state == "loud"
    await run(home, "save_profile", entry, name="saved at rest")
    saved = entry.runtime_data.tuning.profiles
    assert [profile.settings["fan"] for profile in saved] == [80, 80]


async def test_a_profile_of_a_miner_with_modes_only(
    home: HomeAssistant, others: dict[str, tuple[Any, ConfigEntry[Any]]]
) -> None:
    """It keeps the mode."""
    nano, entry = others["Nano"]
    await run(home, "save_profile", entry, name="winter")
    await run(home, "set_mode", entry, mode="low")
    assert await run(home, "apply_profile", entry, profile="winter") == {
        "Nano": ("done", None)
    }
    assert nano.mode == 2
    assert (await tuning(home, entry))["Nano"]["profiles"][0]["settings"] == {
        "mode": "high"
    }


# Names


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "name_invalid"),
        (" quiet", "name_invalid"),
        ("q" * 33, "name_invalid"),
        ("qui\net", "name_invalid"),
        ("qui\u202eet", "name_invalid"),
        ("ECO", "name_is_mode"),
        ("custom", "name_is_mode"),
        ("Overclock", "name_is_mode"),
        ("Übertaktet", "name_is_mode"),
        ("Quiet", "name_taken"),
    ],
)
async def test_names_that_are_refused(
    home: HomeAssistant, entry: ConfigEntry[Any], name: str, reason: str
) -> None:
    """A name can be read, is no mode in any language, and is there once."""
    await run(home, "save_profile", entry, name="quiet")
    assert await run(home, "save_profile", entry, name=name) == {
        "Axe": ("refused", reason)
    }
    if reason != "name_taken":
        with pytest.raises(ServiceValidationError):
            await edit(home, "rename_profile", entry, profile="quiet", name=name)
    assert options(home, entry)[-1] == "quiet"


async def test_no_more_than_a_list_can_show(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """The hundred and first profile is refused."""
    for number in range(MAX_PROFILES):
        await entry.runtime_data.tuning.async_save(f"p{number}", shared=True)
    assert await run(home, "save_profile", entry, name="one more") == {
        "Axe": ("refused", "too_many_profiles")
    }


async def test_a_miner_that_is_off_has_nothing_to_save(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What it had half a minute ago is not what it has."""
    await bitaxe.unplug()
    await poll(home, entry)
    assert await run(home, "save_profile", entry, name="quiet") == {
        "Axe": ("unreachable", "refused")
    }


# Safe


@pytest.mark.parametrize(
    ("now", "wanted", "order"),
    [
        ((500, 1100), (600, 1200), ["core_voltage", "frequency"]),
        ((600, 1200), (500, 1100), ["frequency", "core_voltage"]),
        ((500, 1200), (600, 1150), ["core_voltage", "frequency"]),
        ((600, 1100), (500, 1150), ["frequency", "core_voltage"]),
        ((500, 1100), (500, 1150), ["core_voltage"]),
        ((500, 1100), (500, 1100), []),
        ((None, None), (500, 1100), ["core_voltage", "frequency"]),
    ],
)
def test_the_voltage_is_always_enough(
    now: tuple[float, float], wanted: tuple[float, float], order: list[str]
) -> None:
    """Between two writes no chip runs faster than its voltage is good for."""
    assert (
        _safe_order(
            {"frequency": wanted[0], "core_voltage": wanted[1]},
            MinerTelemetry(frequency=now[0], core_voltage=now[1]),
        )
        == order
    )


async def test_two_profiles_at_once_are_not_mixed(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Of two writers the last one counts, with all of its values."""
    for name, values in {"low": (410, 1010), "high": (610, 1240)}.items():
        bitaxe.settings |= dict(zip(("frequency", "coreVoltage"), values, strict=True))
        await poll(home, entry)
        await run(home, "save_profile", entry, name=f"{name} one")
    await run(home, "set_mode", entry, mode="standard")
    bitaxe.writes.clear()
    await asyncio.gather(
        *(
            run(home, "apply_profile", entry, profile=f"{name} one")
            for name in ("high", "low", "high", "low")
        )
    )
    assert point(bitaxe) in ((410, 1010), (610, 1240))
    frequency, voltage = 525, 1150
    for write in bitaxe.writes:
        frequency = write.get("frequency", frequency)
        voltage = write.get("coreVoltage", voltage)
        assert frequency < 600 or voltage == 1240


async def test_a_profile_that_is_accepted_and_not_applied(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A device that answers 200 and does nothing has failed."""
    await run(home, "save_profile", entry, name="usual")
    await run(home, "set_mode", entry, mode="eco")

    def ignored(request: Request) -> Response:
        return Response()

    bitaxe._routes = {**bitaxe.routes(), "PATCH /api/system": ignored}
    assert await run(home, "apply_profile", entry, profile="usual") == {
        "Axe": ("failed", "setting_not_applied")
    }
    assert find(home, entry, "select", "mode").state == "eco"


async def test_what_half_a_change_leaves_is_nobodys_point(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """A device that takes the voltage and not the frequency: custom still leads back."""
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    await run(home, "save_profile", entry, name="fast")
    await edit(home, "delete_profile", entry, profile="fast")
    bitaxe.settings |= {"frequency": 610, "coreVoltage": 1240}
    await poll(home, entry)
    await run(home, "save_profile", entry, name="fast")
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    routes = bitaxe.routes()
    patch = routes["PATCH /api/system"]

    def stuck(request: Request) -> Response:
        return Response() if b"frequency" in request.body else patch(request)

    bitaxe._routes = {**routes, "PATCH /api/system": stuck}
    assert await run(home, "apply_profile", entry, profile="fast") == {
        "Axe": ("failed", "setting_not_applied")
    }
    assert point(bitaxe) == (505, 1240)
    assert find(home, entry, "select", "mode").state == "custom"
    bitaxe._routes = routes
    assert await run(home, "set_mode", entry, mode="custom") == {"Axe": ("done", None)}
    assert point(bitaxe) == (505, 1120)


async def test_a_profile_beyond_the_limits(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """What the device does not allow is listed, but refused before anything is sent."""
    bitaxe.settings |= {"frequency": 700}
    await poll(home, entry)
    await run(home, "save_profile", entry, name="hot")
    await run(home, "set_mode", entry, mode="eco")
    bitaxe.writes.clear()
    assert "hot" in options(home, entry)
    assert await run(home, "apply_profile", entry, profile="hot") == {
        "Axe": ("refused", "beyond_list")
    }
    assert bitaxe.writes == []


# The own point


async def test_an_own_point_that_was_set_in_home_assistant(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    every_entity: None,
) -> None:
    """Given the number, then the point is known at once, and survives a reload."""
    tuned = entry.runtime_data.tuning
    await entry.runtime_data.async_command(
        entry.runtime_data.client.set_tuning("frequency", 505), "mode"
    )
    tuned.keep_point(by_hand=True)
    assert tuned.own_point == {"frequency": 505, "core_voltage": 1150}
    await run(home, "set_mode", entry, mode="eco")
    await home.config_entries.async_reload(entry.entry_id)
    assert await run(home, "set_mode", entry, mode="custom") == {"Axe": ("done", None)}
    assert point(bitaxe) == (505, 1150)


async def test_a_point_that_lasts_is_the_owners(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A point that was set on the device's own page counts once it has lasted."""
    bitaxe.settings["frequency"] = 505
    await poll(home, entry)
    await poll(home, entry)
    assert entry.runtime_data.tuning.own_point is None
    monkeypatch.setattr(tuning_module, "STABLE_SECONDS", 0)
    await poll(home, entry)
    assert entry.runtime_data.tuning.own_point is not None


async def test_what_an_overheat_has_lowered_is_nobodys_point(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The firmware's emergency settings do not take the place of the own point."""
    monkeypatch.setattr(tuning_module, "STABLE_SECONDS", 0)
    bitaxe.settings |= {"frequency": 505, "coreVoltage": 1120}
    await poll(home, entry)
    await poll(home, entry)
    bitaxe.settings |= {"overheat_mode": 1, "frequency": 405, "coreVoltage": 1020}
    await poll(home, entry)
    bitaxe.settings["overheat_mode"] = 0
    await poll(home, entry)
    await poll(home, entry)
    await run(home, "set_mode", entry, mode="eco")
    await run(home, "set_mode", entry, mode="custom")
    assert point(bitaxe) == (505, 1120)


async def test_another_model_in_its_place_has_no_such_point(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """The own point of the miner before is not for the one that replaced it."""
    bitaxe.settings["frequency"] = 505
    await poll(home, entry)
    await run(home, "set_mode", entry, mode="eco")
    assert options(home, entry)[-1] == "custom"
    get_data(home).tuning.record(entry.entry_id).model_key = "bitaxe Max 102"
    await poll(home, entry)
    assert "custom" not in options(home, entry)


# The file


async def test_a_device_that_is_another_model_at_every_poll(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Nothing is kept of models without profiles."""
    render = bitaxe._render
    for number in range(20):
        bitaxe._render = lambda keys, board=f"{number}": {  # type: ignore[method-assign]
            **render(keys),
            "boardVersion": board,
        }
        await poll(home, entry)
        assert entry.runtime_data.tuning.model_key.endswith(f" {number}")
    assert len(get_data(home).tuning._sorted) < 5


async def load(hass: HomeAssistant) -> TuningProfiles:
    """Return what is read from the file."""
    book = TuningProfiles(hass)
    await book.async_load()
    return book


async def test_the_file_is_read_again(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Everything is as it was."""
    bitaxe.settings["frequency"] = 505
    await poll(home, entry)
    await run(home, "set_mode", entry, mode="eco")
    await run(home, "save_profile", entry, name="quiet")
    book, key = get_data(home).tuning, entry.runtime_data.tuning.model_key
    await book._store.async_save(book._content())
    again = await load(home)
    assert again.of(key, entry.entry_id) == book.of(key, entry.entry_id)
    assert again.record(entry.entry_id) == book.record(entry.entry_id)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data, row: row.update(name="q" * 10_000),
        lambda data, row: row.update(name=5),
        lambda data, row: row.update(settings={}),
        lambda data, row: row.update(settings={"frequency": "fast"}),
        lambda data, row: row.update(settings={"frequency": float("inf")}),
        lambda data, row: row.update(settings={"mode": 5}),
        lambda data, row: row.update(settings=[]),
        lambda data, row: data["models"].update(x=5),
        lambda data, row: data.update(imported=[]),
        lambda data, row: data["miners"].update(x=[]),
        lambda data, row: data["models"]["key"].extend([row] * 10_000),
    ],
)
async def test_a_damaged_file(
    home: HomeAssistant,
    entry: ConfigEntry[Any],
    hass_storage: dict[str, Any],
    damage: Any,
) -> None:
    """What can be read is used, and the file is kept for its owner."""
    good = {
        "id": "1",
        "name": "good",
        "source": "saved",
        "created": "2026-11-20T02:10:00+01:00",
        "settings": {"frequency": 450, "core_voltage": 1060, "fan": "auto"},
        "measured": None,
        "miner": None,
        "origin": None,
    }
    bad = good | {"id": "2", "name": "bad"}
    data: dict[str, Any] = {
        "models": {"key": [good, bad]},
        "miners": {},
        "imported": {},
        "adopted": [],
    }
    damage(data, bad)
    hass_storage["hmm.profiles"] = {"version": 1, "minor_version": 1, "data": data}
    book = await load(home)
    names = [item.name for item in book.of("key", "x")]
    assert names[-1] == "good"
    assert len(names) <= MAX_PROFILES
    assert any(
        issue.translation_key == "storage_corruption"
        for issue in ir.async_get(home).issues.values()
    )


async def test_ten_thousand_characters(
    home: HomeAssistant, entry: ConfigEntry[Any]
) -> None:
    """Nobody reads such a name."""
    with pytest.raises(vol.Invalid, match="Longer than"):
        await run(home, "save_profile", entry, name="q" * 10_000)
