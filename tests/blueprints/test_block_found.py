"""The blueprint "block found"."""

from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, ServiceCall
import pytest

from simulator import SimulatedAxeOS
from tests.conftest import miner_entry, set_up

from .conftest import NOTIFY, Clock, automate, put_label, settle

pytestmark = pytest.mark.usefixtures("quick")


@pytest.fixture
async def entry(
    home: HomeAssistant, clock: Clock, bitaxe: SimulatedAxeOS
) -> ConfigEntry[Any]:
    """Return a miner that finds nothing by itself."""
    bitaxe.miner.speed = 0
    return await set_up(home, miner_entry(bitaxe, "bitaxe", title="Axe"))


async def find_block(
    clock: Clock, device: SimulatedAxeOS, entry: ConfigEntry[Any]
) -> None:
    """Let a miner find a block, and HMM see it."""
    device.find_block()
    await clock.look(entry)


async def test_each_block_is_told_once(
    home: HomeAssistant,
    clock: Clock,
    notifications: list[dict[str, str]],
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given blocks soon after each other and much later, each has its message."""
    await automate(home, "block_found", notify=NOTIFY)
    await find_block(clock, bitaxe, entry)
    assert [item["title"] for item in notifications] == ["A block!"]
    height = bitaxe.miner.read().block_height
    assert notifications[0]["message"] == f"Axe: block {height}"
    for minutes in (0.5, 1, 2, 3, 3.9, 4.1, 5, 60):
        notifications.clear()
        await clock.wait(minutes)
        await find_block(clock, bitaxe, entry)
        assert len(notifications) == 1, minutes
    notifications.clear()
    await clock.wait(20)
    assert notifications == []


async def test_lights_and_sound(
    home: HomeAssistant,
    clock: Clock,
    notifications: list[dict[str, str]],
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given lights and a sound, they are used beside the message."""
    calls: list[ServiceCall] = []

    async def note(call: ServiceCall) -> None:
        calls.append(call)

    home.services.async_register("light", "turn_on", note)
    await automate(
        home,
        "block_found",
        notify=NOTIFY,
        lights={"entity_id": "light.cellar"},
        sound=[{"action": "test.tell", "data": {"message": "fanfare"}}],
    )
    await find_block(clock, bitaxe, entry)
    assert [item["message"] for item in notifications][1:] == ["fanfare"]
    assert calls[0].data["entity_id"] == ["light.cellar"]
    assert calls[0].data["flash"] == "long"


async def test_who_is_muted_or_not_chosen(
    home: HomeAssistant,
    clock: Clock,
    notifications: list[dict[str, str]],
    bitaxe: SimulatedAxeOS,
    entry: ConfigEntry[Any],
) -> None:
    """Given a muted miner beside another, only the other is told, also right after it."""
    async with SimulatedAxeOS(name="other") as other:
        other.miner.speed = 0
        second = await set_up(home, miner_entry(other, "bitaxe", title="Other"))
        chosen = put_label(home, second, "Chosen")
        put_label(home, entry, "HMM muted")
        await automate(home, "block_found", notify=NOTIFY)
        await find_block(clock, bitaxe, entry)
        assert notifications == []
        await clock.wait(0.5)
        await find_block(clock, other, second)
        assert [item["message"].split(":")[0] for item in notifications] == ["Other"]
        # Nor who is not of the chosen label
        notifications.clear()
        put_label(home, entry, "Another")
        await automate_again(home, miners={"label_id": chosen})
        await clock.wait(5)
        await find_block(clock, bitaxe, entry)
        await find_block(clock, other, second)
        assert [item["message"].split(":")[0] for item in notifications] == ["Other"]


async def automate_again(home: HomeAssistant, **inputs: Any) -> None:
    """Edit the automation."""
    config = {
        "automation": [
            {
                "alias": "It",
                "use_blueprint": {
                    "path": "hmm/block_found.yaml",
                    "input": {"notify": NOTIFY, **inputs},
                },
            }
        ]
    }
    with patch("homeassistant.config.load_yaml_config_file", return_value=config):
        await home.services.async_call("automation", "reload", blocking=True)
    await settle(home)
