"""A miner owner makes a driver their own, edits it, and takes it back."""

from pathlib import Path
import re

from playwright.async_api import Page, expect
import pytest

from demo.entries import add_miner
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS

from .conftest import Screenshot
from .dialog import Dialog, open_integration

pytestmark = pytest.mark.asyncio(loop_scope="session")

FILE = Path("hmm", "miner_drivers", "nerdqaxe_driver.py")


async def open_drivers(page: Page, server: HomeAssistant) -> Dialog:
    """Open what is behind the cogwheel of the hub."""
    await open_integration(page, server)
    row = page.locator("ha-config-entry-row", has_text="Mining fleet")
    await row.get_by_role("button", name="Configure").first.click()
    dialog = Dialog(page)
    await dialog.menu.wait_for()
    await dialog.choose("Drivers")
    return dialog


async def test_owner_customises_a_driver_and_takes_it_back(
    page: Page,
    client: Client,
    home_assistant: HomeAssistant,
    config_folder: Path,
    screenshot: Screenshot,
) -> None:
    """Copy it, edit it, reload, see the new version, remove it, roll back."""
    file = config_folder / FILE
    async with SimulatedAxeOS(model="gamma", name="e2e-drivers", age=9e5) as bitaxe:
        await add_miner(client, f"{bitaxe.host}:{bitaxe.port}")  # Makes the hub

        dialog = await open_drivers(page, home_assistant)
        await expect(dialog.menu.get_by_text("Remove", exact=True)).to_have_count(0)
        await dialog.choose("Customize a driver of HMM")
        await dialog.unfold()
        await dialog.pick("NerdQAxe · miner/nerdqaxe")
        await expect(dialog.menu).to_contain_text(str(file))

        # The loop of an author: edit, reload, look
        text = file.read_text(encoding="utf-8")
        edited = text.replace('driver_version = "1.0.0"', 'driver_version = "1.0.1"')
        assert edited != text
        file.write_text(edited, encoding="utf-8")
        await dialog.choose("Reload")
        await expect(dialog.menu).to_contain_text("miner/nerdqaxe: 1.0.0 → 1.0.1")
        await dialog.choose("Back to the drivers")
        await dialog.choose("Overview")
        row = dialog.menu.get_by_role("row", name=re.compile("NerdQAxe.*Your file"))
        await expect(row).to_contain_text("1.0.1")
        await screenshot(page, "drivers")

        await dialog.choose("Back to the drivers")
        await dialog.choose("Remove")
        await dialog.take("NerdQAxe · miner/nerdqaxe")
        await expect(dialog.form).to_contain_text("takes its place at once")
        await dialog.submit()
        await expect(dialog.menu).to_contain_text("In use now: 1.0.0")
        assert not file.exists()

        await dialog.choose("Back to the drivers")
        await dialog.choose("Roll back")
        await dialog.take("NerdQAxe · miner/nerdqaxe")
        await dialog.take("1.0.1 · ")
        await expect(dialog.menu).to_contain_text("is now 1.0.1")
        assert file.read_text(encoding="utf-8") == edited

        # The same by the button of the device, and an end
        file.unlink()
        await dialog.choose("Close")
        await dialog.close()
        await client.post(
            "/api/services/button/press",
            {"entity_id": "button.mining_fleet_reload_drivers"},
        )
        dialog = await open_drivers(page, home_assistant)
        await expect(dialog.menu.get_by_text("Remove", exact=True)).to_have_count(0)
