"""The dialogs of the integration, as they are clicked through."""

import re

from playwright.async_api import Locator, Page

from demo.home_assistant import HomeAssistant


class Dialog:
    """A dialog that adds or changes something, on whatever page it is."""

    def __init__(self, page: Page) -> None:
        """Take the page."""
        self.page = page
        self.form = page.locator("step-flow-form")
        self.menu = page.locator("step-flow-menu")

    async def open_from_settings(self, server: HomeAssistant) -> None:
        """Open what adds something the way that one goes for the first time."""
        page = self.page
        await visit(page, f"{server.url}/config/integrations/dashboard")
        await page.locator("ha-integration-card").first.wait_for()
        await page.get_by_role("button", name="Add integration").click()
        await page.get_by_placeholder("Search for a brand name").fill("HMM")
        await page.locator("dialog-add-integration").get_by_text("HMM - Home").click()

    async def open(self, server: HomeAssistant) -> None:
        """Open what adds something, on the page of the integration."""
        await open_integration(self.page, server)
        await self.page.get_by_role("button", name="Add miner or pool").click()

    async def choose(self, option: str) -> None:
        """Choose from a menu."""
        await self.menu.get_by_text(option, exact=True).click()

    async def unfold(self) -> None:
        """Show all of a list that folds."""
        await self.form.locator("ha-select").click()

    async def pick(self, option: str) -> None:
        """Pick from the list that was unfolded, and go on."""
        await self.page.get_by_role("menuitem", name=option, exact=True).click()
        await self.submit()

    async def take(self, option: str) -> None:
        """Take one of a few, by a part of its text, and go on."""
        await self.form.get_by_text(option).click()
        await self.submit()

    def field(self, label: str) -> Locator:
        """Return a field by what stands above it."""
        text = self.page.get_by_text(re.compile(rf"^\s*{label}\s*\*?\s*$"))
        return self.form.locator("ha-input", has=text).locator("input")

    async def fill(self, **fields: object) -> None:
        """Fill in fields by their labels, with underscores for blanks."""
        for label, value in fields.items():
            await self.field(label.replace("_", " ")).fill(str(value))

    async def submit(self) -> None:
        """Go on."""
        await self.page.get_by_role("button", name="Submit").click()

    async def finish(self) -> None:
        """Leave the names of the new devices as they are."""
        await self.page.get_by_role("button", name="Skip and finish").click()

    async def close(self) -> None:
        """Close the last step of a change."""
        await self.page.get_by_role("button", name="Close").last.click()


async def visit(page: Page, url: str) -> None:
    """Go somewhere as a link of Home Assistant does: it loads nothing again."""
    if page.url == "about:blank":
        await page.goto(url)
    else:
        await page.evaluate(
            """url => {
              history.pushState(null, "", url);
              window.dispatchEvent(new CustomEvent("location-changed"));
            }""",
            url,
        )


async def open_integration(page: Page, server: HomeAssistant) -> None:
    """Open the page that lists the entries, and wait until it is there."""
    await visit(page, f"{server.url}/config/integrations/integration/hmm")
    await page.get_by_text("Hubs", exact=True).wait_for()


async def open_device(page: Page, name: str) -> None:
    """Open a device from the page of the integration."""
    row = page.locator("ha-config-entry-device-row")
    await row.filter(has=page.get_by_text(name, exact=True)).click()
    await page.wait_for_url(re.compile("/config/devices/device/"))
