"""An owner adds a driver index over https, and installs a driver from it."""

import json
from pathlib import Path
import re
import shutil

from playwright.async_api import Page, expect
import pytest

from demo.entries import add_miner
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS
from tests.driver_index import signed, written

from .conftest import Screenshot
from .test_drivers import open_drivers
from .web import https

pytestmark = pytest.mark.asyncio(loop_scope="session")

TEMPLATE = Path(__file__).parents[2] / "docs/drivers/index-template"


async def test_owner_installs_a_driver_from_an_index(
    page: Page,
    client: Client,
    home_assistant: HomeAssistant,
    config_folder: Path,
    certificate: Path,
    tmp_path: Path,
    screenshot: Screenshot,
) -> None:
    """Add it, see who signed it, search, read what the driver is, install, remove."""
    folder = tmp_path / "web"
    shutil.copytree(TEMPLATE, folder)
    index = json.loads((folder / "index.json").read_bytes())
    index["drivers"][0]["versions"][0]["changes"] = "- ![x](https://evil.example/x.png)"
    (folder / "index.json").write_bytes(written(signed(index)))
    async with SimulatedAxeOS(model="gamma", name="e2e-index", age=9e5) as bitaxe:
        await add_miner(client, f"{bitaxe.host}:{bitaxe.port}")  # Makes the hub
        with https(folder, certificate) as site:
            dialog = await open_drivers(page, home_assistant)
            await dialog.choose("Driver indexes")
            await dialog.choose("Add an index")
            await dialog.fill(Address=f"{site}/none.json")
            await dialog.submit()
            await expect(dialog.form).to_contain_text("The server returned 404")
            await dialog.fill(Address=f"{site}/index.json")
            await dialog.submit()
            await expect(dialog.form).to_contain_text("It is signed.")
            await expect(dialog.form).to_contain_text(f"{site}/index.json")
            await screenshot(page, "index-signed")
            await dialog.submit()
            row = dialog.menu.get_by_role("row", name=re.compile("Drivers of Example"))
            await expect(row).to_contain_text("–")
            await screenshot(page, "indexes")

            await dialog.choose("Search")
            await dialog.field("Device, pool or author").fill("example one")
            await dialog.submit()
            await dialog.take("Sample for the Example One 1.0.0")
            await expect(dialog.menu).to_contain_text("validate, conformance")
            await expect(dialog.menu).to_contain_text(
                "![x](https://evil.example/x.png)"
            )
            await expect(dialog.menu.locator("img")).to_have_count(0)
            await screenshot(page, "index-driver")
            await dialog.choose("Install")
            await expect(dialog.form).to_contain_text("all rights of Home Assistant")
            file = config_folder / "hmm/miner_drivers/sample_one_driver.py"
            assert not file.exists()
            await dialog.take("I trust who wrote it")
            await expect(dialog.menu).to_contain_text("sample_one_driver.py")
            assert file.exists()

        await dialog.choose("Back to the drivers")
        await dialog.choose("Driver indexes")
        await dialog.choose("Check them now")
        await expect(dialog.menu).to_contain_text("The server cannot be reached")
        await dialog.choose("Remove an index")
        await dialog.take("Drivers of Example")
        await expect(dialog.menu.get_by_text("Search", exact=True)).to_have_count(0)
        await dialog.choose("Back to the drivers")
        await dialog.choose("Remove")
        await dialog.take("Sample for the Example One")
        await dialog.submit()
        await expect(dialog.menu).to_contain_text("miner/sample_one")
        assert not file.exists()
