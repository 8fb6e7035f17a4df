"""A running Home Assistant, a browser, and places for screenshots.

These tests are a call of pytest of their own (see script/test): everything is real,
down to the sockets, and all of it runs in one event loop for the whole session.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
import os
from pathlib import Path
import random
import shutil
import socket
import sys

from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    ViewportSize,
    async_playwright,
    expect,
)
import pytest
import pytest_asyncio

from demo.config_folder import CHECKOUT, CORE_CONFIG, prepare
from demo.home_assistant import Client, HomeAssistant
from tests.certificate import write_certificate

from .pools import Pools
from .sheet import ContactSheet

IMAGES = CHECKOUT / "docs" / "images"
TIME_ZONE = str(CORE_CONFIG["time_zone"])
"""The browser stands where Home Assistant does."""
DESKTOP = ViewportSize(width=1280, height=860)
PATIENCE = 30_000
"""Milliseconds in which the frontend shows what it knows, on a slow machine too."""
A_POLL = 90_000
"""Milliseconds in which a miner is surely polled (every 30 s) and added up."""

expect.set_options(timeout=PATIENCE)

type Screenshot = Callable[[Page, str], Awaitable[None]]


def free_port() -> int:
    """Return a TCP port that nothing uses.

    It is below those that the system gives to whoever asks for any, where a simulator of
    another test could take it before Home Assistant does, and above those of the demo.
    """
    while True:
        port = random.randrange(32_000, 32_768)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@pytest.fixture(scope="session")
def chromium() -> str:
    """Return the path of Chromium; script/test finds it, or installs it."""
    path = os.environ.get("HMM_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.fail("There is no Chromium: run script/test --lane e2e")
    return path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(chromium: str) -> AsyncIterator[Browser]:
    """Return a browser without a window."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium,
            args=[
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def context(browser: Browser) -> AsyncIterator[BrowserContext]:
    """Return a browser profile on a desktop, which keeps the files of the frontend."""
    context = await browser.new_context(
        viewport=DESKTOP,
        color_scheme="light",
        reduced_motion="reduce",
        timezone_id=TIME_ZONE,
    )
    context.set_default_timeout(PATIENCE)
    yield context
    await context.close()


@asynccontextmanager
async def new_page(context: BrowserContext) -> AsyncGenerator[Page]:
    """Open a page; in the end, fail if its JavaScript did."""
    page = await context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    await page.close()
    assert errors == []


@pytest_asyncio.fixture(loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """Return a page of the test's own."""
    async with new_page(context) as page:
        yield page


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def pools() -> AsyncIterator[Pools]:
    """Return a simulated pool of each kind."""
    async with Pools() as pools:
        yield pools


@pytest.fixture(scope="session")
def interpreter() -> Path:
    """Return the Python whose Home Assistant is tested, by default this one's."""
    return Path(os.environ.get("HMM_HOME_ASSISTANT_PYTHON") or sys.executable)


@pytest.fixture(scope="session")
def config_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the config folder of Home Assistant."""
    return tmp_path_factory.mktemp("home-assistant") / "config"


@pytest.fixture(scope="session")
def certificate(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Path]:
    """Return a certificate that Home Assistant trusts once it is started."""
    path = write_certificate(tmp_path_factory.mktemp("certificate"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("REQUESTS_CA_BUNDLE", str(path))
        yield path


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def home_assistant(
    config_folder: Path, interpreter: Path, pools: Pools, certificate: Path
) -> AsyncIterator[HomeAssistant]:
    """Return a Home Assistant with an owner, the integration and pool files."""
    port = free_port()
    prepare(config_folder, host="127.0.0.1", port=port)
    pools.write_files(config_folder / "hmm" / "pools")
    server = HomeAssistant(
        interpreter,
        config_folder,
        port,
        config_folder.with_name("home-assistant.log"),
    )
    try:
        await server.start()
        async with Client(server.url) as client:
            await client.create_owner("Test", "test", "not a secret")
            await client.log_in()
            await server.wait_until_running(client)
        yield server
    finally:
        await server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def client(home_assistant: HomeAssistant) -> AsyncIterator[Client]:
    """Return a session of the owner."""
    async with Client(home_assistant.url) as client:
        await client.log_in()
        yield client


@pytest.fixture(scope="session")
def is_saving() -> bool:
    """Return whether pictures are for the guide: HMM_SAVE_SCREENSHOTS=1."""
    return os.environ.get("HMM_SAVE_SCREENSHOTS") == "1"


@pytest.fixture(scope="session")
def sheet(is_saving: bool) -> Iterator[ContactSheet]:
    """Return the sheet that shows all kinds of pools."""
    sheet = ContactSheet(is_saving=is_saving)
    yield sheet
    sheet.write(IMAGES / "pools.png", pairs=14)


@pytest.fixture
def screenshot(is_saving: bool) -> Screenshot:
    """Return a function that saves what a page shows, by a name."""

    async def save(page: Page, name: str) -> None:
        if is_saving:
            # Whatever it was over last would be highlighted
            await page.mouse.move(0, 0)
            await page.screenshot(path=IMAGES / f"{name}.png", animations="disabled")

    return save
