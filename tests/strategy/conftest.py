"""The house in which strategies steer real simulated miners."""

from collections.abc import AsyncIterator

from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.strategy import manager
from simulator import SimulatedAxeOS

from .common import House


@pytest.fixture
async def furnished(
    home: HomeAssistant, bitaxe: SimulatedAxeOS, monkeypatch: pytest.MonkeyPatch
) -> House:
    """Return a house with a Bitaxe."""
    monkeypatch.setattr(manager, "_RETURN_STAGGER", 0.01)
    result = House(home)
    await result.join(bitaxe, "Axe")
    return result


@pytest.fixture
def house(request: pytest.FixtureRequest, furnished: House) -> House:
    """Return that house; its clock is the ``freezer`` of a test that has one.

    The clock stops between two runs of the event loop: no timer is due by that alone.
    """
    if "freezer" in request.fixturenames:
        furnished.freezer = request.getfixturevalue("freezer")
    return furnished


@pytest.fixture
async def two(house: House) -> AsyncIterator[House]:
    """Return a house with a second Bitaxe."""
    async with SimulatedAxeOS(model="gamma", name="other") as device:
        await house.join(device, "B")
        yield house
