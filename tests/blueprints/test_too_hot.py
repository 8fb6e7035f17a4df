"""The blueprint "too hot"."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, ServiceCall
import pytest

from simulator import SimulatedAvalon, SimulatedAxeOS
from simulator.override import override
from tests.conftest import miner_entry, set_up

from .conftest import NOTIFY, Clock, automate, device_id, put_label

pytestmark = pytest.mark.usefixtures("quick")

type Notifications = list[dict[str, str]]


@pytest.fixture
async def entry(
    home: HomeAssistant, clock: Clock, bitaxe: SimulatedAxeOS
) -> ConfigEntry[Any]:
    """Set up a Bitaxe that is not hot yet."""
    heat(bitaxe, 60)
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    await clock.wait(1, entry)
    return entry


@pytest.fixture
def deeds(home: HomeAssistant, entry: ConfigEntry[Any]) -> list[tuple[str, list[str]]]:
    """Return which actions are called, and for which devices."""
    result: list[tuple[str, list[str]]] = []

    async def note(call: ServiceCall) -> None:
        result.append((call.service, call.data["device_id"]))

    for action in ("set_mode", "pause"):
        home.services.async_register("hmm", action, note)
    return result


def heat(device: SimulatedAxeOS, degrees: float) -> None:
    """Let a miner report a temperature, and its regulator always a high one."""
    device.rewrite = override({"temp": degrees, "temp2": -1, "vrTemp": 88})


async def test_it_steps_down_and_then_pauses(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    deeds: list[tuple[str, list[str]]],
) -> None:
    """Given 72 °C, after 2 minutes an economical mode, after 5 more a pause, no return."""
    await automate(home, "too_hot", notify=NOTIFY)
    device = device_id(home, entry)
    heat(bitaxe, 72)
    await clock.wait(2, entry)
    assert deeds == []
    await clock.wait(3, entry)
    assert deeds == [("set_mode", [device])]
    assert notifications[0]["message"].startswith("Too hot: 72.0 °C, limit 70 °C")
    await clock.wait(6, entry)
    assert deeds[1:] == [("pause", [device])]
    await clock.wait(10, entry)
    assert len(deeds) == len(notifications) == 2

    # 68 is not cool yet
    heat(bitaxe, 68)
    await clock.wait(3, entry)
    assert len(notifications) == 2
    heat(bitaxe, 66)
    await clock.wait(3, entry)
    assert [item["message"] for item in notifications[2:]] == ["No longer too hot."]
    assert notifications[2]["tag"] == notifications[0]["tag"]
    assert len(deeds) == 2


async def test_an_economical_mode_may_be_enough(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    deeds: list[tuple[str, list[str]]],
) -> None:
    """Given that it cools down after the first step, it is not paused."""
    await automate(home, "too_hot", notify=NOTIFY, language="de")
    heat(bitaxe, 72)
    await clock.wait(4, entry)
    heat(bitaxe, 69)
    await clock.wait(20, entry)
    assert [action for action, _ in deeds] == ["set_mode"]
    heat(bitaxe, 60)
    await clock.wait(3, entry)
    assert notifications[1]["message"] == "Nicht mehr zu heiß."


async def test_who_is_left_alone(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    deeds: list[tuple[str, list[str]]],
) -> None:
    """Given a paused miner, or one that is not in the target, nothing is done."""
    label = put_label(home, entry, "Chosen")
    await automate(home, "too_hot", notify=NOTIFY, miners={"label_id": label})
    bitaxe.paused = True
    heat(bitaxe, 72)
    await clock.wait(10, entry)
    assert deeds == []
    bitaxe.paused = False
    put_label(home, entry, "HMM muted")
    await clock.wait(10, entry)
    assert deeds == []


async def test_muted_is_acted_on_but_not_told(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    deeds: list[tuple[str, list[str]]],
) -> None:
    """Given the label of muted miners, it is stepped down without a word."""
    put_label(home, entry, "HMM muted")
    await automate(home, "too_hot", notify=NOTIFY)
    heat(bitaxe, 72)
    await clock.wait(10, entry)
    assert [action for action, _ in deeds] == ["set_mode", "pause"]
    assert notifications == []


async def test_an_avalon_has_its_own_limit(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    deeds: list[tuple[str, list[str]]],
) -> None:
    """Given an Avalon above 70 °C, as it always is, nothing is done."""
    async with SimulatedAvalon(model="nano3s") as avalon:
        entry = await set_up(home, miner_entry(avalon, "avalon_nano", title="Nano"))
        await automate(home, "too_hot", notify=NOTIFY, limit=30)
        await clock.wait(5, entry)
        nano = device_id(home, entry)
        assert all(nano not in devices for _, devices in deeds)
        assert deeds, "the other one is above 30 °C"
