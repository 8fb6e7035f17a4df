"""Yes-or-no states of miners."""

from collections.abc import Callable
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.const import ATTR_DEVICE_CLASS, STATE_OFF, STATE_ON
from homeassistant.core import HomeAssistant
import pytest

from simulator import SimulatedAvalon, SimulatedAxeOS, SimulatedNerdQAxe

from .common import find, keys, later, poll
from .conftest import miner_entry, set_up

pytestmark = pytest.mark.usefixtures("quick")


@pytest.mark.usefixtures("every_entity")
async def test_running(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """Running follows what the chips do."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    shown = find(home, entry, "binary_sensor", "running")
    assert shown.state == STATE_ON
    assert shown.attributes[ATTR_DEVICE_CLASS] == "running"
    assert "problems" not in shown.attributes

    bitaxe.paused = True
    await poll(home, entry)
    assert find(home, entry, "binary_sensor", "running").state == STATE_OFF
    # It was paused on purpose
    assert find(home, entry, "binary_sensor", "problem").state == STATE_OFF


def _no_pool(device: SimulatedAxeOS) -> None:
    device.set_pool_reachable("public-pool.io", False)
    device.set_pool_reachable("solo.ckpool.org", False)


@pytest.mark.parametrize(
    ("harm", "problem", "state"),
    [
        (lambda device: device.overheat(), "overheat", "overheated"),
        (lambda device: setattr(device, "power_fault", "Low"), "power_fault", "fault"),
        (
            lambda device: setattr(device, "hardware_fault", "ASIC"),
            "hardware_fault",
            "fault",
        ),
        (_no_pool, "no_pool", "no_pool"),
    ],
)
async def test_problem_of_a_bitaxe(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    harm: Callable[[SimulatedAxeOS], Any],
    problem: str,
    state: str,
    freezer: FrozenDateTimeFactory,
) -> None:
    """A problem is named."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    shown = find(home, entry, "binary_sensor", "problem")
    assert shown.state == STATE_OFF
    assert shown.attributes["problems"] == []

    harm(bitaxe)
    await poll(home, entry)
    freezer.tick(60)
    await poll(home, entry)
    shown = find(home, entry, "binary_sensor", "problem")
    assert shown.state == STATE_ON
    assert shown.attributes["problems"] == [problem]
    status = find(home, entry, "sensor", "status")
    assert (status.state, status.attributes["reason"]) == (state, problem)


async def test_problem_of_a_nerdqaxe(home: HomeAssistant) -> None:
    """A NerdQAxe that cut its chips off because of the heat."""
    async with SimulatedNerdQAxe() as device:
        entry = await set_up(home, miner_entry(device, "nerdqaxe"))
        device.overheat()
        await poll(home, entry)
        assert find(home, entry, "sensor", "status").state == "overheated"
        shown = find(home, entry, "binary_sensor", "problem")
        assert "overheat" in shown.attributes["problems"]


async def test_problem_of_an_avalon(home: HomeAssistant) -> None:
    """An Avalon that overheated: no second poll is awaited."""
    async with SimulatedAvalon() as device:
        entry = await set_up(home, miner_entry(device, "avalon_nano"))
        assert find(home, entry, "binary_sensor", "problem").state == STATE_OFF
        device.overheat()
        await poll(home, entry)
        assert find(home, entry, "binary_sensor", "problem").state == STATE_ON
        assert find(home, entry, "sensor", "status").state == "overheated"


async def test_fallback_pool(home: HomeAssistant, bitaxe: SimulatedAxeOS) -> None:
    """The fallback is in use while the first pool does not answer."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert find(home, entry, "binary_sensor", "using_fallback").state == STATE_OFF
    bitaxe.set_pool_reachable("public-pool.io", False)
    assert bitaxe.on_fallback
    await later(home, 31)
    assert find(home, entry, "binary_sensor", "using_fallback").state == STATE_ON
    bitaxe.set_pool_reachable("public-pool.io", True)
    await later(home, 31)
    assert find(home, entry, "binary_sensor", "using_fallback").state == STATE_OFF
    assert keys(home, entry, "binary_sensor") == {
        "online",
        "problem",
        "using_fallback",
    }
