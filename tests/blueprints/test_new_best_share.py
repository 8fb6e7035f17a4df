"""The blueprint "new best share"."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest

from simulator import SimulatedAxeOS
from tests.conftest import miner_entry, set_up

from .conftest import NOTIFY, Clock, automate, put_label

pytestmark = pytest.mark.usefixtures("quick")

type Notifications = list[dict[str, str]]


@pytest.fixture
async def entry(
    home: HomeAssistant, clock: Clock, bitaxe: SimulatedAxeOS
) -> ConfigEntry[Any]:
    """Return a miner that finds nothing by itself."""
    bitaxe.miner.speed = 0
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def best(
    clock: Clock,
    device: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    difficulty: float,
) -> None:
    """Let a miner find a share of this difficulty, and HMM see it."""
    device.miner.settle()
    device.miner._score(difficulty)
    await clock.look(entry)


async def test_each_record_of_at_least_so_much(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a limit, a record above it is told and one below or no record is not."""
    await automate(home, "new_best_share", notify=NOTIFY, at_least=4)
    await best(clock, bitaxe, entry, 3.9e9)
    await clock.wait(1)
    assert notifications == []
    await best(clock, bitaxe, entry, 5e9)
    assert [item["message"] for item in notifications] == ["Axe: 5.0 G"]
    await clock.wait(1)
    await best(clock, bitaxe, entry, 4.5e9)
    await clock.wait(10)
    assert len(notifications) == 1


async def test_a_muted_miner_is_not_told(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given the label of muted miners, its record is not told."""
    put_label(home, entry, "HMM muted")
    await automate(home, "new_best_share", notify=NOTIFY)
    await best(clock, bitaxe, entry, 5e9)
    await clock.wait(10)
    assert notifications == []


@pytest.mark.parametrize(
    ("evening", "result", "morning"),
    [
        ("2030-11-30 21:00:00", "2030-12-01 02:00:00", "2030-12-01 06:59:00"),
        # The clocks go forward, and back
        ("2031-03-29 21:00:00", "2031-03-30 03:30:00", "2031-03-30 06:59:00"),
        ("2031-10-25 21:00:00", "2031-10-26 02:30:00", "2031-10-26 06:59:00"),
    ],
)
async def test_the_records_of_a_night_are_one_message(
    home: HomeAssistant,
    clock: Clock,
    notifications: Notifications,
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
    evening: str,
    result: str,
    morning: str,
) -> None:
    """Given records in quiet hours, the best is told at their end, once."""
    await automate(home, "new_best_share", notify=NOTIFY)
    await clock.at(evening)
    await best(clock, bitaxe, entry, 5e9)
    assert len(notifications) == 1, "not quiet yet"
    notifications.clear()
    await clock.at(evening.replace("21:00", "22:00"))
    await best(clock, bitaxe, entry, 6e9)
    await clock.wait(10)
    await clock.at(result)
    await best(clock, bitaxe, entry, 7e9)
    await clock.wait(10)
    await clock.at(morning)
    assert notifications == []
    await clock.wait(1)
    assert [item["message"] for item in notifications] == ["Axe: 7.0 G"]
    await clock.wait(30)
    await clock.at(morning.replace("06:59", "23:00"))
    assert len(notifications) == 1
