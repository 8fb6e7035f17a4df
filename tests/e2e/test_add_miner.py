"""A miner owner adds a Bitaxe in the browser and steers it."""

import asyncio
from collections.abc import Callable
import re

from playwright.async_api import Page, expect
import pytest

from demo.entries import add_miner
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS

from .conftest import A_POLL, Screenshot
from .dialog import Dialog

pytestmark = pytest.mark.asyncio(loop_scope="session")

MODE = "hui-select-entity-row:has-text('Mode')"
# The other one is its watchdog's
MINING = re.compile("^Toggle (?!.*Watchdog)")


async def eventually(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until something holds that no page shows."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


# As it is written: there is an expected hashrate, too
HASHRATE = re.compile("Hashrate")


async def choose(page: Page, row: str, option: str) -> None:
    """Choose an option in a select of a device page."""
    await page.locator(row).locator("ha-select").click()
    await page.get_by_role("menuitem", name=option, exact=True).click()


async def test_owner_adds_a_bitaxe_and_steers_it(
    page: Page, home_assistant: HomeAssistant, screenshot: Screenshot
) -> None:
    """The way through the dialogs, to the mode, and to the mining switch."""
    async with SimulatedAxeOS(generation="2.15", model="gamma", age=9e5) as bitaxe:
        dialog = Dialog(page)
        await dialog.open_from_settings(home_assistant)
        await dialog.choose("A miner by its address")

        await dialog.fill(Address=f"{bitaxe.host}:{bitaxe.port}")
        await screenshot(page, "add-miner")
        # As it is copied from the browser
        await dialog.fill(Address=f"http://{bitaxe.host}:{bitaxe.port}/")
        await dialog.submit()
        await dialog.finish()

        # A single new device is opened at once
        await page.wait_for_url(re.compile("/config/devices/device/"))
        await expect(page.locator(MODE)).to_contain_text("Standard")
        await expect(page.get_by_text("Firmware: v2.15")).to_be_visible()
        hashrate = page.locator("hui-sensor-entity-row", has_text=HASHRATE)
        await expect(hashrate).to_contain_text(re.compile(r"1\.\d\d\s+TH/s"))
        await screenshot(page, "device")
        assert bitaxe.state()["frequency"] == 525

        await choose(page, MODE, "Eco")
        await expect(page.locator(MODE)).to_contain_text("Eco")
        await eventually(lambda: bitaxe.state()["frequency"] < 525)
        await screenshot(page, "mode")

        rows = page.locator("hui-toggle-entity-row")
        mining = rows.filter(has=page.get_by_label(MINING))
        await mining.locator("ha-switch").click()
        await eventually(lambda: bitaxe.state()["paused"])
        await mining.locator("ha-switch").click()
        await eventually(lambda: not bitaxe.state()["paused"])


async def test_unplugged_miner_is_unavailable_until_it_is_back(
    page: Page, client: Client, home_assistant: HomeAssistant
) -> None:
    """Pull the plug while its page is open, and put it in again."""
    async with SimulatedAxeOS(
        generation="2.5", model="ultra", name="unplugged", age=9e5
    ) as bitaxe:
        name = await add_miner(client, f"{bitaxe.host}:{bitaxe.port}")
        assert name is not None
        await page.goto(f"{home_assistant.url}/config/devices/dashboard")
        await page.get_by_role("rowheader", name=name).click()
        await expect(page.locator(MODE)).to_contain_text("Standard")
        hashrate = page.locator("hui-sensor-entity-row", has_text=HASHRATE)
        await expect(hashrate).to_contain_text("TH/s")

        await bitaxe.unplug()
        await poll(client, name)
        await expect(hashrate).to_contain_text("Unavailable")
        await expect(hashrate).not_to_contain_text("TH/s")

        await bitaxe.plug_in()
        await expect(hashrate).to_contain_text("TH/s", timeout=A_POLL)
        await expect(page.locator(MODE)).to_contain_text("Standard")


async def poll(client: Client, name: str) -> None:
    """Poll a miner until a second miss counts, without the wait for its turn."""
    entity_id = next(
        item["entity_id"]
        for item in await client.command("get_states")
        if item["attributes"].get("friendly_name") == f"{name} Hashrate"
    )
    for _ in range(2):
        await client.command(
            "call_service",
            domain="homeassistant",
            service="update_entity",
            service_data={"entity_id": entity_id},
        )
