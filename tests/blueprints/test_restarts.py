"""The blueprints that restart miners: weekly, and the one that finds no shares."""

from collections.abc import AsyncIterator
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import SimulatedAxeOS
from tests.common import find, find_id
from tests.conftest import miner_entry, set_up
from tests.miner.test_watchdog import restarts, stand_still

from .conftest import NOTIFY, Clock, automate, device_id, put_label

pytestmark = pytest.mark.usefixtures("quick")

type Notifications = list[dict[str, str]]
type Miner = tuple[SimulatedAxeOS, ConfigEntry[Any]]


@pytest.fixture
async def miners(
    home: HomeAssistant, clock: Clock, bitaxe: SimulatedAxeOS
) -> AsyncIterator[list[Miner]]:
    """Set up two miners."""
    options = {"reboot_seconds": 0.2, "restart_delay": 0.1}
    async with SimulatedAxeOS(generation="2.14", model="supra", **options) as other:
        result = []
        for device, title in ((bitaxe, "Axe"), (other, "Other")):
            entry = await set_up(home, miner_entry(device, "bitaxe", title=title))
            result.append((device, entry))
        await clock.wait(3, *(entry for _, entry in result))
        yield result


def counts(miners: list[Miner]) -> list[int]:
    """Return how many times each was told to restart."""
    return [restarts(device) for device, _ in miners]


async def test_the_day_and_time_of_the_week(
    home: HomeAssistant, clock: Clock, miners: list[Miner]
) -> None:
    """Given two miners, both restart on Sunday at four, once."""
    await automate(home, "weekly_restart", stagger=1)
    await clock.at("2030-12-01 03:59:00")
    assert counts(miners) == [0, 0]
    await clock.at("2030-12-01 04:00:00")
    await clock.wait(1)
    assert counts(miners) == [1, 1]
    for day in range(2, 8):
        await clock.at(f"2030-12-0{day} 04:00:00")
    assert counts(miners) == [1, 1]


async def test_by_hand_and_who_is_left_alone(
    home: HomeAssistant, clock: Clock, miners: list[Miner]
) -> None:
    """Given a label, only who has it and mines restarts, by hand on any day."""
    (_, axe), (other, second) = miners
    label = put_label(home, axe, "Weekly")
    put_label(home, second, "Weekly")
    await automate(
        home, "weekly_restart", miners={"label_id": [label]}, day="wed", stagger=0
    )
    other.paused = True
    await clock.look(second)
    await clock.run_by_hand()
    await clock.wait(1)
    await clock.wait(1)
    assert counts(miners) == [1, 0]
    await clock.at("2030-12-03 04:00:00")
    assert counts(miners) == [1, 0]
    await clock.look(axe)
    await clock.at("2030-12-04 04:00:00")
    await clock.wait(1)
    assert counts(miners) == [2, 0]


@pytest.mark.usefixtures("every_entity")
async def test_who_finds_shares_is_left_alone(
    home: HomeAssistant, clock: Clock, miners: list[Miner]
) -> None:
    """Given a counter of shares that changed just now, its miner is not restarted."""
    (_, axe), _ = miners
    await automate(
        home,
        "weekly_restart",
        shares=[find_id(home, axe, "sensor", "shares_accepted")],
        time="12:30:00",
        day="sat",
        stagger=0,
    )
    await clock.at("2030-11-30 12:25:00")
    home.states.async_set(find_id(home, axe, "sensor", "shares_accepted"), "1")
    await clock.at("2030-11-30 12:30:00")
    await clock.wait(1)
    assert counts(miners) == [0, 1]


@pytest.mark.parametrize("restart", [True, False])
async def test_a_miner_without_shares(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    miners: list[Miner],
    restart: bool,
) -> None:
    """Given a miner that stands still, it is told, and restarted once if wanted."""
    (axe, entry), _ = miners
    await automate(
        home,
        "no_shares",
        notify=NOTIFY,
        restart=restart,
        miners={"device_id": [device_id(home, entry)]},
    )
    stand_still(axe, 100)
    for _ in range(8):
        await clock.wait(10, entry)
        if notifications:
            break
    assert find(home, entry, "sensor", "status").state == "no_shares"
    assert [item["title"] for item in notifications] == ["Axe"]
    assert counts(miners) == [restart, 0]
