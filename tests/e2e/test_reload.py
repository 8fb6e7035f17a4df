"""Everything is reloaded, restarted and opened once; Home Assistant has no complaint."""

import asyncio
from pathlib import Path
import re
from typing import Any

import pytest

from demo.entries import add_miner, add_pool
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS

from .pools import Pools

pytestmark = pytest.mark.asyncio(loop_scope="session")

ENTRY = "/api/config/config_entries/entry"
FLOWS = ("/api/config/config_entries/flow", "/api/config/config_entries/options/flow")
COMPLAINT = re.compile(
    r"^\S+ \S+ (?:WARNING|ERROR|CRITICAL) .*\bhmm\b.*$", re.MULTILINE
)
EXPECTED = (
    # Home Assistant logs it for every custom integration
    "custom integration hmm which has not been tested",
    # The miners of other tests are off by now
    "Error fetching",
    # The machine has other things to do
    "is taking over 10 seconds",
)


async def entries(client: Client) -> list[dict[str, Any]]:
    """Return the entries of the integration."""
    return [item for item in await client.get(ENTRY) if item["domain"] == "hmm"]


async def states(client: Client, names: tuple[str, ...]) -> dict[str, str]:
    """Return the state of each entity of the devices with these names."""
    return {
        state["entity_id"]: state["state"]
        for state in await client.get("/api/states")
        if state["attributes"].get("friendly_name", "").startswith(names)
    }


async def available_again(client: Client, names: tuple[str, ...]) -> dict[str, str]:
    """Wait until no entity of these devices is unavailable; return their states."""
    async with asyncio.timeout(60):
        while True:
            result = await states(client, names)
            if result and "unavailable" not in result.values():
                return result
            await asyncio.sleep(0.5)


async def test_everything_survives_a_reload_and_opens_its_dialogs(
    client: Client, home_assistant: HomeAssistant, config_folder: Path, pools: Pools
) -> None:
    """Reload each entry, open each dialog, and read the log."""
    log = config_folder.with_name("home-assistant.log")
    # What other tests broke on purpose was told before
    reported = len(log.read_text(encoding="utf-8"))
    async with SimulatedAxeOS(model="gamma", name="e2e-reload", age=9e5) as bitaxe:
        miner = await add_miner(client, f"{bitaxe.host}:{bitaxe.port}")
        # It may be there from another test
        await add_pool(
            client, "OCEAN · BTC", "e2e-ocean", {"wallet": pools.wallet("e2e-ocean")}
        )
        assert miner is not None
        names = (f"{miner} ", "OCEAN BTC ")
        before = await available_again(client, names)

        for entry in await entries(client):
            entry_id = entry["entry_id"]
            if entry["supports_options"]:
                await open_dialog(client, FLOWS[1], handler=entry_id)
            if entry["supports_reconfigure"]:
                await open_dialog(client, FLOWS[0], handler="hmm", entry_id=entry_id)
            await client.post(f"{ENTRY}/{entry_id}/reload", {})
        assert {item["state"] for item in await entries(client)} == {"loaded"}
        after = await available_again(client, names)
        assert after.keys() == before.keys()
    complaints = [
        line
        for line in COMPLAINT.findall(log.read_text(encoding="utf-8")[reported:])
        if not any(text in line for text in EXPECTED)
    ]
    assert complaints == []


async def open_dialog(client: Client, flows: str, **target: str) -> None:
    """Open a dialog, see that it shows something, and close it."""
    step = await client.post(flows, target)
    assert step["type"] in ("form", "menu") or step["reason"] == "fleet_has_no_settings"
