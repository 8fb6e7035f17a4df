"""The cards and the dashboard, in a browser that has never been here."""

import json
from pathlib import Path
import re
from typing import Any

from playwright.async_api import Browser, Page, expect
import pytest

from demo.config_folder import CHECKOUT
from demo.entries import add_miner
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS

from .conftest import A_POLL, DESKTOP

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOARD = "hmm-e2e"
AXE = CHECKOUT / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
HOSTILE = (
    "<img src=x onerror=\"document.title='hacked'\">{name}&amp;",
    "\u202eright to left \u05d0\u05d1\u05d2 " + "long" * 55,
)
PAUSE = {"en-GB": "Pause", "nl-NL": "Pauzeren", "pt-PT": "Pausar", "zh-CN": "暂停"}
"""What the button says in a browser of that language; each reads a file of its own."""
CARDS = (
    "hmm-fleet-card",
    "hmm-miner-card",
    "hmm-miners-card",
    "hmm-miners-table-card",
    "hmm-leaderboard-card",
    "hmm-pools-card",
)


async def rename(client: Client, name: str, new_name: str) -> str:
    """Give a device another name; returns its id."""
    for device in await client.command("config/device_registry/list"):
        if name in (device["name"], device["name_by_user"]):
            await client.command(
                "config/device_registry/update",
                device_id=device["id"],
                name_by_user=new_name,
            )
            return str(device["id"])
    raise LookupError(name)


async def save_board(client: Client, config: dict[str, Any]) -> None:
    """Make or replace the dashboard of these tests."""
    boards = await client.command("lovelace/dashboards/list")
    if not any(board["url_path"] == BOARD for board in boards):
        await client.command(
            "lovelace/dashboards/create",
            url_path=BOARD,
            title="Cards",
            mode="storage",
            show_in_sidebar=False,
            require_admin=False,
        )
    await client.command("lovelace/config/save", url_path=BOARD, config=config)


async def test_a_new_browser_draws_every_card_whatever_miners_are_called(
    browser: Browser, client: Client, home_assistant: HomeAssistant
) -> None:
    """Four times from cold, since the page's own scripts race; nothing is run or broken."""
    async with (
        SimulatedAxeOS(model="gamma", name="e2e-card-1", age=9e5) as one,
        SimulatedAxeOS(model="ultra", name="e2e-card-2", age=9e5) as two,
    ):
        devices = []
        for miner, name in zip((one, two), HOSTILE, strict=True):
            title = await add_miner(client, f"{miner.host}:{miner.port}")
            assert title is not None
            devices.append(await rename(client, title, name))
        cards: list[dict[str, Any]] = [
            {"type": f"custom:{card}", "device_id": devices[0], "layout": "detailed"}
            for card in CARDS
        ]
        mode = next(
            entity["entity_id"]
            for entity in await client.command("config/entity_registry/list")
            if entity["device_id"] == devices[0] and entity["translation_key"] == "mode"
        )
        features = [
            {"type": f"custom:hmm-{name}-feature"} for name in ("mode", "pause")
        ]
        cards.append({"type": "tile", "entity": mode, "features": features})
        view = {
            "type": "sections",
            "badges": [{"type": "custom:hmm-fleet-badge", "show": "mining"}],
            "sections": [{"type": "grid", "cards": cards}],
        }
        await save_board(client, {"views": [view]})
        errors: list[str] = []
        for locale, word in PAUSE.items():
            context = await browser.new_context(viewport=DESKTOP, locale=locale)
            page = await context.new_page()
            page.on("pageerror", lambda error: errors.append(str(error)))
            await page.goto(f"{home_assistant.url}/{BOARD}/0")
            for card in CARDS:
                await expect(page.locator(f"{card} ha-card").first).to_be_visible()
            await expect(page.locator("hmm-mode-feature [role=radio]")).to_have_count(4)
            await expect(page.locator("hmm-pause-feature button")).to_have_text(word)
            badge = page.locator("hmm-fleet-badge")
            told = "mining" if locale == "en-GB" else re.compile(r"\d")
            await expect(badge).to_contain_text(told)
            await expect(page.locator("hui-error-card")).to_have_count(0)
            await expect(page.locator("hmm-miner-card h2")).to_have_text(HOSTILE[0])
            assert await page.title() != "hacked"
            assert errors == []
            boxes = await page.evaluate(
                """() => {
                  const find = root => [...root.querySelectorAll("*")].flatMap(it =>
                    [...(it.localName.startsWith("hmm-") ? [it] : []), ...(it.shadowRoot ? find(it.shadowRoot) : [])]);
                  return find(document).map(it => [it.localName, it.scrollWidth - it.clientWidth]);
                }"""
            )
            assert all(beyond <= 0 for name, beyond in boxes if name.endswith("-card"))
            await context.close()


async def test_dashboard_is_offered_and_follows_what_breaks(
    page: Page, client: Client, home_assistant: HomeAssistant
) -> None:
    """It stands under "Add dashboard", and shows which miner is broken and why."""
    async with SimulatedAxeOS(model="gamma", name="e2e-board", age=9e5) as miner:
        title = await add_miner(client, f"{miner.host}:{miner.port}")
        assert title is not None
        await rename(client, title, "Shed")

        await page.goto(f"{home_assistant.url}/config/lovelace/dashboards")
        await page.get_by_text("Add dashboard").click()
        await expect(page.get_by_text("HMM - Home Miner Manager")).to_be_visible()

        await save_board(client, {"strategy": {"type": "custom:hmm"}})
        await page.goto(f"{home_assistant.url}/{BOARD}/fleet")
        tile = page.locator("hmm-miners-card").get_by_role(
            "button", name="Shed", exact=False
        )
        await expect(tile).to_contain_text("TH/s", timeout=A_POLL)
        await miner.unplug()
        await expect(tile).to_contain_text("Offline since", timeout=A_POLL)
        # The miners of other tests went at the same time: one row for all
        await expect(page.locator("hmm-fleet-card")).to_contain_text("Offline since")
        await accessible(page)

        # By keyboard alone: the tile leads to the miner's page, which says why
        await tile.focus()
        await page.keyboard.press("Enter")
        await page.wait_for_url("**/miner-*")
        await expect(page.locator("hmm-miner-card")).to_contain_text(
            "does not accept connections"
        )


async def accessible(page: Page) -> None:
    """Let axe judge what HMM drew, where its package is installed."""
    if not AXE.is_file():
        return
    await page.evaluate(AXE.read_text(encoding="utf-8"))
    result = await page.evaluate(
        "() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa']})"
    )
    # What axe cannot judge is not readable for certain
    unsure = [item for item in result["incomplete"] if item["id"] == "color-contrast"]
    ours = [
        (violation["id"], node["target"])
        for violation in (*result["violations"], *unsure)
        for node in violation["nodes"]
        if "hmm-" in json.dumps(node["target"])
    ]
    assert ours == []


async def test_page_loads_the_cards_once_and_stores_nothing(
    page: Page, client: Client, home_assistant: HomeAssistant, config_folder: Path
) -> None:
    """At one address, whatever was reloaded; the user's resources stay the user's."""
    async with SimulatedAxeOS(model="gamma", name="e2e-once", age=9e5) as miner:
        await add_miner(client, f"{miner.host}:{miner.port}")
        response = await page.request.get(home_assistant.url)
        addresses = set(re.findall(r"/hmm_files/hmm\.js[^\"]*", await response.text()))
        assert len(addresses) == 1
    assert not (config_folder / ".storage" / "lovelace_resources").exists()
