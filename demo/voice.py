"""What Assist can be told in the demo, besides what it can be told anywhere."""

import asyncio
from collections.abc import Iterable
from typing import Any

from .devices import Device
from .home_assistant import Client

SCRIPT = "eco_mining"
_LOAD_SECONDS = 60


def eco_mining(devices: Iterable[str]) -> dict[str, Any]:
    """Return a script that sets the mode of devices (ids) that saves most energy."""
    return {
        "alias": "Eco mining",
        "description": "Every miner uses as little power as it can.",
        "icon": "mdi:leaf",
        "sequence": [
            {
                "action": "hmm.set_mode",
                "target": {"device_id": [*devices]},
                "data": {"mode": ["eco", "low"]},
            }
        ],
    }


async def set_up_voice(client: Client, devices: Iterable[Device]) -> None:
    """Make a script for the modes, and let Assist run it."""
    miners = [it.device_id for it in devices if "select.mode" in it.entities]
    await client.post(f"/api/config/script/config/{SCRIPT}", eco_mining(miners))
    # Home Assistant answers before it has loaded it, and forgets what is exposed of
    # what it does not know yet
    async with asyncio.timeout(_LOAD_SECONDS):
        while f"script.{SCRIPT}" not in {
            it["entity_id"] for it in await client.get("/api/states")
        }:
            await asyncio.sleep(0.1)
    await client.command(
        "homeassistant/expose_entity",
        assistants=["conversation"],
        entity_ids=[f"script.{SCRIPT}"],
        should_expose=True,
    )
