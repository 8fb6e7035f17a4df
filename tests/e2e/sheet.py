"""One picture of many: dialogs, and the pages that they lead to."""

from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont
from playwright.async_api import FloatRect, Page

WIDTH, HEIGHT = 1280, 860
SIDEBAR = 256
DIALOG = FloatRect(x=330, y=0, width=620, height=HEIGHT)
CONTENT = FloatRect(x=SIDEBAR, y=0, width=WIDTH - SIDEBAR, height=HEIGHT)

SCALE = 0.5
COLUMNS = 2
GAP = 16
TITLE = 30
COLORS = 128


class ContactSheet:
    """Pictures of what tests see, in pairs, if they are saved; `write()` puts all into one."""

    def __init__(self, *, is_saving: bool) -> None:
        """Begin with an empty one."""
        self._is_saving = is_saving
        self._dialogs: dict[str, Image.Image] = {}
        self._pages: dict[str, Image.Image] = {}

    async def take_dialog(self, page: Page, title: str) -> None:
        """Take a picture of the dialog that is open."""
        if self._is_saving:
            self._dialogs[title] = await _take(page, DIALOG)

    async def take_page(self, page: Page, title: str) -> None:
        """Take a picture of what is beside the sidebar."""
        if self._is_saving:
            self._pages[title] = await _take(page, CONTENT)

    def write(self, path: Path, *, pairs: int) -> None:
        """Write it, if so many pairs were taken: not after a part of the tests."""
        titles = [title for title in self._dialogs if title in self._pages]
        if len(titles) < pairs:
            return
        left, right = (round(clip["width"] * SCALE) for clip in (DIALOG, CONTENT))
        width = left + right + 2 * GAP
        height = TITLE + round(HEIGHT * SCALE) + GAP
        size = (width * COLUMNS, height * -(-pairs // COLUMNS))
        sheet = Image.new("RGB", size, "white")
        draw = ImageDraw.Draw(sheet)
        font = ImageFont.load_default(size=18)
        for number, title in enumerate(titles):
            row, column = divmod(number, COLUMNS)
            x, y = column * width, row * height
            draw.text((x, y + GAP // 4), title, fill="black", font=font)
            sheet.paste(self._dialogs[title], (x, y + TITLE))
            sheet.paste(self._pages[title], (x + left + GAP, y + TITLE))
        sheet.quantize(COLORS).save(path, optimize=True)


async def _take(page: Page, clip: FloatRect) -> Image.Image:
    await page.mouse.move(0, 0)
    picture = await page.screenshot(clip=clip, animations="disabled")
    image = Image.open(BytesIO(picture)).convert("RGB")
    size = (round(clip["width"] * SCALE), round(clip["height"] * SCALE))
    return image.resize(size, Image.Resampling.LANCZOS)
