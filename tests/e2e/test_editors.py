"""The visual editors of the cards, in Home Assistant's own dialog, by keyboard alone."""

from collections.abc import AsyncIterator

from playwright.async_api import Locator, Page, expect
import pytest
import pytest_asyncio

from demo.entries import add_miner, add_pool
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS

from .conftest import A_POLL
from .pools import Pools
from .test_cards import BOARD, rename, save_board

pytestmark = pytest.mark.asyncio(loop_scope="session")

STOPS = 80
"""More than a page of three cards has, or an editor with the preview of its card."""


@pytest_asyncio.fixture(loop_scope="session")
async def board(
    client: Client, home_assistant: HomeAssistant, pools: Pools
) -> AsyncIterator[str]:
    """Return the address of a dashboard with a card of each kind that is edited."""
    async with SimulatedAxeOS(model="gamma", name="e2e-edit", age=9e5) as miner:
        title = await add_miner(client, f"{miner.host}:{miner.port}")
        assert title is not None
        miner_id = await rename(client, title, "Edited")
        wallet = pools.wallet("e2e-ocean")
        await add_pool(client, "OCEAN · BTC", "e2e-ocean", {"wallet": wallet})
        pool_id = await rename(client, "OCEAN BTC", "OCEAN BTC")
        cards = [
            {"type": "custom:hmm-fleet-card"},
            {"type": "custom:hmm-miner-card", "device_id": miner_id},
            {"type": "custom:hmm-pool-card", "device_id": pool_id},
        ]
        view = {"type": "sections", "path": "edit", "sections": [{"cards": cards}]}
        await save_board(client, {"views": [view]})
        yield f"{home_assistant.url}/{BOARD}/edit"


async def tab_to(page: Page, target: Locator) -> None:
    """Press Tab until the keyboard is there, or in a part of it."""
    await expect(target).to_be_visible()
    for _ in range(STOPS):
        await page.keyboard.press("Tab")
        if await target.evaluate("it => it.matches(':focus-within')"):
            return
    pytest.fail(f"Tab does not lead to {target}")


async def choose(page: Page, editor: Locator, option: str) -> None:
    """Unfold the last list of an editor and take one of its options."""
    # A device comes before it, if there is one
    await tab_to(page, editor.locator("ha-select").last)
    await page.keyboard.press("Enter")
    wanted = page.get_by_role("menuitem", name=option, exact=True)
    await expect(wanted).to_be_visible()
    # Once it has unfolded, the first one gets the keyboard, wherever an arrow has led
    await expect(page.locator("[role=menuitem]:focus")).to_be_visible()
    for _ in range(5):
        if await wanted.evaluate("it => it.matches(':focus-within')"):
            break
        await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(wanted).to_be_hidden()


async def test_cards_are_edited_by_keyboard(page: Page, board: str) -> None:
    """Open the editor of each, change one setting, save, and see the change."""
    await page.goto(board)
    fleet = page.locator("hui-grid-section hmm-fleet-card")
    miner = page.locator("hui-grid-section hmm-miner-card")
    pool = page.locator("hui-grid-section hmm-pool-card")
    highlight = fleet.get_by_text("Best share", exact=False)
    await expect(highlight.first).to_be_visible(timeout=A_POLL)
    await expect(miner.get_by_role("heading", name="Edited")).to_have_count(0)
    figures = pool.get_by_text("Health", exact=True)
    await expect(figures).to_be_visible()
    await tab_to(page, page.get_by_role("button", name="Edit dashboard"))
    await page.keyboard.press("Enter")

    dialog = page.locator("hui-dialog-edit-card")
    editor = dialog.locator("hui-card-element-editor")
    for card in ("fleet", "miner", "pool"):
        frame = page.locator("hui-card-edit-mode", has=page.locator(f"hmm-{card}-card"))
        await tab_to(page, frame.get_by_role("button", name="Edit card"))
        await page.keyboard.press("Enter")
        if card == "fleet":
            await tab_to(page, editor.get_by_role("switch"))
            await page.keyboard.press("Space")
        else:
            await choose(page, editor, "Detailed" if card == "miner" else "Tile")
        await tab_to(page, dialog.get_by_role("button", name="Save"))
        await page.keyboard.press("Enter")
        await expect(dialog).to_be_hidden()

    await tab_to(page, page.get_by_role("button", name="Done"))
    await page.keyboard.press("Enter")
    await expect(page.locator("hui-card-edit-mode")).to_have_count(0)
    await expect(highlight).to_have_count(0)
    await expect(miner.get_by_role("heading", name="Edited")).to_be_visible()
    await expect(figures).to_have_count(0)
    await expect(pool.get_by_text("OCEAN BTC")).to_be_visible()


async def test_features_and_miners_are_picked(
    page: Page, client: Client, home_assistant: HomeAssistant
) -> None:
    """Add both features to a tile, and a miner card that shows a miner at once."""
    async with SimulatedAxeOS(model="gamma", name="e2e-pick", age=9e5) as miner:
        title = await add_miner(client, f"{miner.host}:{miner.port}")
        assert title is not None
        await rename(client, title, "Picked")
        status = next(
            state["entity_id"]
            for state in await client.get("/api/states")
            if state["attributes"].get("friendly_name") == "Picked Status"
        )
        tile_only = [{"cards": [{"type": "tile", "entity": status}]}]
        view = {"type": "sections", "path": "pick", "sections": tile_only}
        await save_board(client, {"views": [view]})
        await page.goto(f"{home_assistant.url}/{BOARD}/pick")
        await page.get_by_role("button", name="Edit dashboard").click()
        frame = page.locator("hui-card-edit-mode", has=page.locator("hui-tile-card"))
        await frame.get_by_role("button", name="Edit card").press("Enter")
        dialog = page.locator("hui-dialog-edit-card")
        await dialog.get_by_text("Features", exact=True).click()
        for feature in ("HMM miner mode", "HMM miner pause"):
            await dialog.get_by_role("button", name="Add feature").click()
            await page.get_by_role("menuitem", name=feature).click()
        await dialog.get_by_role("button", name="Save").click()
        await expect(dialog).to_be_hidden()
        tile = page.locator("hui-grid-section hui-tile-card")
        mode = tile.get_by_role("radio", name="Standard")
        await expect(mode.first).to_be_visible()
        await expect(tile.get_by_role("button", name="Pause").first).to_be_visible()

        await page.locator("hui-grid-section .add").first.click()
        picker = page.locator("hui-dialog-create-card")
        await picker.get_by_text("By card", exact=True).click()
        search = picker.locator("hui-card-picker ha-input-search input")
        await search.fill("HMM miner")
        card = picker.locator("hui-card-picker .card").filter(
            has=page.get_by_text("HMM miner", exact=True)
        )
        await card.locator(".overlay").click()
        preview = dialog.locator("hmm-miner-card")
        # Of any miner: those of other tests may be offline
        await expect(preview).to_contain_text("Chip")
        await expect(preview).not_to_contain_text("Mining fleet")
