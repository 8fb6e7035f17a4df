"""The cards where dashboards are files, after restarts and an upgrade.

script/test runs it on the oldest Home Assistant, too.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
import re
import shutil

from playwright.async_api import BrowserContext, Error, Page, expect
import pytest
import pytest_asyncio

from demo.config_folder import CHECKOUT, prepare
from demo.entries import add_miner
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS

from .conftest import A_POLL, free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

IN_FILES = """
lovelace:
  resource_mode: yaml
  dashboards:
    mining-file:
      mode: yaml
      title: Mining
      filename: mining.yaml
"""
BOARD = """\
views:
  - path: cards
    cards:
      - type: custom:hmm-fleet-card
      - type: custom:hmm-miners-card
      - type: custom:hmm-leaderboard-card
"""
STRATEGY = "strategy:\n  type: custom:hmm\n"


@dataclass
class House:
    """A Home Assistant of this file's own, whose integration may be upgraded."""

    server: HomeAssistant
    folder: Path

    @property
    def integration(self) -> Path:
        """Return the folder of the integration, a copy."""
        return self.folder / "custom_components" / "hmm"

    async def restart(self) -> None:
        """Stop Home Assistant and start it again."""
        await self.server.stop()
        await self.server.start()
        async with Client(self.server.url) as client:
            await client.log_in()
            await self.server.wait_until_running(client)


@pytest_asyncio.fixture(loop_scope="session")
async def house(tmp_path: Path, interpreter: Path) -> AsyncIterator[House]:
    """Start it with a miner, everything of Lovelace in files."""
    port, folder = free_port(), tmp_path / "config"
    prepare(folder, host="127.0.0.1", port=port)
    with (folder / "configuration.yaml").open("a", encoding="utf-8") as file:
        file.write(IN_FILES)
    (folder / "mining.yaml").write_text(STRATEGY, encoding="utf-8")
    link = folder / "custom_components" / "hmm"
    link.unlink()
    shutil.copytree(CHECKOUT / "custom_components" / "hmm", link)
    server = HomeAssistant(interpreter, folder, port, tmp_path / "home-assistant.log")
    async with SimulatedAxeOS(model="gamma", name="e2e-file", age=9e5) as miner:
        try:
            await server.start()
            async with Client(server.url) as client:
                await client.create_owner("Test", "test", "not a secret")
                await client.log_in()
                await server.wait_until_running(client)
                await add_miner(client, f"{miner.host}:{miner.port}")
            yield House(server, folder)
        finally:
            await server.stop()


async def addresses(page: Page, house: House) -> set[str]:
    """Return where a page of Home Assistant loads the cards from."""
    response = await page.request.get(house.server.url)
    return set(re.findall(r"/hmm_files/hmm\.js[^\"]*", await response.text()))


async def version(page: Page) -> str:
    """Return which cards a page has; nothing while it is being loaded."""
    try:
        return str(await page.evaluate("window.hmmCards"))
    except Error:
        return "none"


async def test_cards_come_without_the_resource_store(
    context: BrowserContext, house: House
) -> None:
    """In YAML mode, once after each restart, and an open page hears of an upgrade."""
    # Home Assistant's own scripts complain when it is stopped
    page = await context.new_page()
    await page.goto(f"{house.server.url}/mining-file")
    fleet = page.locator("hmm-fleet-card")
    await expect(fleet.locator("h2")).to_contain_text("is well", timeout=A_POLL)
    await expect(page.locator("hui-error-card")).to_have_count(0)
    (before,) = await addresses(page, house)

    # Cards in a file, and a restart that changes nothing
    (house.folder / "mining.yaml").write_text(BOARD, encoding="utf-8")
    await house.restart()
    assert await addresses(page, house) == {before}
    await page.goto(f"{house.server.url}/mining-file/cards")
    for card in ("hmm-fleet-card", "hmm-miners-card", "hmm-leaderboard-card"):
        await expect(page.locator(f"{card} ha-card").first).to_be_visible()
    # Once to be seen, once to be heard
    hint = page.get_by_text("HMM was updated", exact=False).first
    await expect(hint).to_be_hidden()
    # What shows hints is loaded after 5 s, and 2026.8 never asks for it again if that failed
    await page.evaluate(
        "customElements.whenDefined('notification-manager').then(() => true)"
    )

    # An upgrade: other files, to which the page that is open belongs no more
    entry = house.integration / "frontend" / "dist" / "hmm.js"
    entry.write_text(entry.read_text(encoding="utf-8") + "//", encoding="utf-8")
    entry.with_name("hmm.js.gz").unlink()
    await house.restart()
    (after,) = await addresses(page, house)
    assert after != before
    async with asyncio.timeout(A_POLL / 1000):
        # Some versions load their page again by themselves: then it has the new ones
        while not (await hint.is_visible() or await version(page) in after):
            await asyncio.sleep(0.5)
    await page.reload()
    await expect(page.locator("hmm-fleet-card ha-card")).to_be_visible()
    assert not (house.folder / ".storage" / "lovelace_resources").exists()
