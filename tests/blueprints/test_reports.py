"""The blueprints that run by the clock: firmware, weekly restart, daily report."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import SimulatedAxeOS, SimulatedSolopool
from tests.common import find_id, pool_entry
from tests.conftest import miner_entry, set_up

from .conftest import NOTIFY, Clock, automate, run_by_hand, settle

pytestmark = pytest.mark.usefixtures("quick")

type Notifications = list[dict[str, str]]


@pytest.fixture
async def entry(
    home: HomeAssistant, clock: Clock, bitaxe: SimulatedAxeOS
) -> ConfigEntry[Any]:
    """Set up a Bitaxe."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    await clock.look(entry)
    return entry


async def test_firmware_is_told_once_a_week(
    home: HomeAssistant, clock: Clock, notifications: Notifications
) -> None:
    """Given an update and none, the update is told on Sunday and by hand."""
    for name, state in (("axe", "on"), ("other", "off"), ("gone", "unavailable")):
        home.states.async_set(
            f"update.{name}",
            state,
            {
                "friendly_name": name.title(),
                "installed_version": "2.14.0",
                "latest_version": "2.15.1",
            },
        )
    updates = ["update.axe", "update.other", "update.gone", "update.missing"]
    await automate(home, "firmware_available", notify=NOTIFY, updates=updates)
    await clock.at("2030-12-01 09:59:00")
    assert notifications == []
    await clock.wait(1)
    assert [item["message"] for item in notifications] == ["Axe: 2.14.0 → 2.15.1"]
    for day in (2, 3, 7):
        await clock.at(f"2030-12-0{day} 10:00:00")
    assert len(notifications) == 1
    await clock.at("2030-12-08 10:00:00")
    assert len(notifications) == 2
    home.states.async_set("update.axe", "off")
    await clock.at("2030-12-15 10:00:00")
    assert len(notifications) == 2, "there is none"
    await run_by_hand(home)
    assert notifications[-1]["message"] == "No new firmware."


async def test_report_of_the_day(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a fleet, the report has its values, what is chosen, and what is wrong."""
    await automate(home, "daily_report", notify=NOTIFY)
    await clock.at("2030-11-30 20:00:00")
    (report,) = notifications
    lines = report["message"].splitlines()
    assert lines[0] == "1 of 1 miners online"
    names = [line.split(":")[0] for line in lines[1:]]
    assert names == ["Hashrate", "Power", "Efficiency", "Best share"]
    assert "TH/s" in lines[1]

    await bitaxe.unplug()
    await clock.wait(5, entry)
    await run_by_hand(home)
    lines = notifications[-1]["message"].splitlines()
    assert lines[0] == "0 of 1 miners online"
    assert lines[-1].startswith("Axe: ")
    assert "unknown" not in notifications[-1]["message"]


@pytest.mark.parametrize("language", ["en", "de", "es", "fr", "nl", "pt-BR", "zh-Hans"])
async def test_report_finds_the_sensors_of_each_language(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    language: str,
) -> None:
    """Given a solo pool, the chance of a block is the last line by itself."""
    home.config.language = language
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))
    await clock.look(entry)
    async with SimulatedSolopool(generation=1, speed=0) as pool:
        await set_up(home, pool_entry(pool, title="Mine"))
        await automate(home, "daily_report", notify=NOTIFY)
        await settle(home)
        await run_by_hand(home)
    first, hashrate, power, efficiency, _, chance = notifications[0][
        "message"
    ].splitlines()
    assert first == "1 of 1 miners online"
    assert hashrate.endswith("TH/s")
    assert power.endswith("W")
    assert efficiency.endswith("J/TH")
    assert chance.endswith("%")


async def test_report_of_chosen_values(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    entry: ConfigEntry[Any],
) -> None:
    """Given sensors and German, the report has these alone, and German words."""
    power = find_id(home, entry, "sensor", "power")
    home.states.async_set("sensor.gone", "unavailable")
    await automate(
        home,
        "daily_report",
        notify=NOTIFY,
        figures=[power, "sensor.gone", "sensor.missing"],
        language="de",
    )
    await settle(home)
    await run_by_hand(home)
    first, *rest = notifications[0]["message"].splitlines()
    assert first == "1 von 1 Minern online"
    assert [line.split(":")[0] for line in rest] == ["Power"]
