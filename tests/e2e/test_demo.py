"""The demo, as a visitor meets it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path
import signal
import socket
import sys
from zoneinfo import ZoneInfo

from playwright.async_api import Browser, BrowserContext, Page, expect
import pytest

from demo.config_folder import CHECKOUT
from demo.dashboard import URL_PATH
from demo.home_assistant import Client
from simulator.fleet import DEMO_CONTROL_PORT, Fleet
from tests.voice_page import documented_answers, stock_sentences

from .conftest import A_POLL, DESKTOP, TIME_ZONE, Screenshot, free_port

pytestmark = pytest.mark.asyncio(loop_scope="session")

MINERS = (
    "Bitaxe Gamma",
    "Bitaxe Ultra",
    "NerdQAxe++",
    "Avalon Nano 3",
    "Avalon Nano 3S",
    "NMLotto",
)
POOLS = ("Solopool.org DGB", "OCEAN BTC", "MMFP Solutions BC2")
START_SECONDS = 240
A_DECISION = 180_000


@asynccontextmanager
async def running_demo(
    *arguments: str, stop_with: signal.Signals
) -> AsyncIterator[list[str]]:
    """Run script/demo; gives what it has printed up to "Ready"."""
    process = await asyncio.create_subprocess_exec(
        CHECKOUT / "script" / "demo",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    lines: list[str] = []
    try:
        async with asyncio.timeout(START_SECONDS):
            while not lines or "Ready" not in lines[-1]:
                line = await process.stdout.readline()
                assert line, "\n".join(lines)
                lines.append(line.decode().rstrip())
        yield lines
    finally:
        if process.returncode is None:
            process.send_signal(stop_with)
        rest, _ = await process.communicate()
    assert rest.decode().rstrip().endswith("Stopped")
    assert process.returncode == 0


def free_shift() -> int:
    """Return by how much to move the demo's ports so that all of them are free.

    They stay below those that the system gives to whoever asks for any.
    """
    for shift in range(1000, 14000, 100):
        ports = [device.port for device in Fleet.demo(shift=shift) if device.port]
        with ExitStack() as probes:
            try:
                for port in (*ports, DEMO_CONTROL_PORT + shift):
                    probe = probes.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return shift
    pytest.fail("There are no free ports for the demo")


async def everyone_is_online(page: Page) -> None:
    """Wait until the dashboard is drawn and says that all is well."""
    await expect(page.get_by_role("link", name="control panel")).to_be_visible()
    await expect(page.locator("hmm-fleet-card")).to_contain_text(
        f"All {len(MINERS)} miners are well", timeout=A_POLL
    )


async def test_visitor_sees_the_fleet_without_a_login(
    page: Page,
    context: BrowserContext,
    browser: Browser,
    screenshot: Screenshot,
    is_saving: bool,
    tmp_path: Path,
) -> None:
    """First start from nothing, and everything answers."""
    port = free_port()
    shift = free_shift()
    options = (
        *("--folder", str(tmp_path / "demo"), "--port", str(port)),
        *("--sim-shift", str(shift)),
    )
    async with running_demo(*options, stop_with=signal.SIGINT):
        await page.goto(f"http://localhost:{port}")
        await everyone_is_online(page)
        tiles = page.locator("hmm-miners-card").get_by_role("listitem")
        await expect(tiles).to_have_count(len(MINERS))
        for name in MINERS:
            # The NMMiner has kH/s
            await expect(tiles.filter(has_text=name).first).to_contain_text("H/s")
        for name in POOLS:
            await expect(
                page.locator("hmm-pool-card").get_by_text(name, exact=True)
            ).to_be_visible()
        await expect(page.get_by_text("Unavailable")).to_have_count(0)
        # What the fleet has cost and brought fits the week behind it; a day or a month that
        # has only just begun costs nothing yet
        now = datetime.now(ZoneInfo(TIME_ZONE))
        hours = {"today": now.hour, "month": now.hour + 24 * (now.day - 1)}
        for name in ("Cost today", "Cost this month", "Revenue this month"):
            tile = page.locator("hui-tile-card").filter(has_text=name)
            await expect(tile).to_contain_text("€")
            if hours[name.rpartition(" ")[2]] >= 3:
                await expect(tile).not_to_contain_text("€0.00")
        if is_saving:
            # After a start the strategy waits for two minutes before it decides
            await expect(page.locator("hmm-strategy-card")).to_contain_text(
                "until", timeout=A_DECISION
            )
        await screenshot(page, "dashboard")

        await page.goto(f"http://localhost:{port}/{URL_PATH}/strategy")
        plan = page.locator("hmm-strategy-card")
        await expect(plan.locator("hmm-plan .lane").first).to_be_visible()
        await screenshot(page, "strategy")
        # By hand for longer than the strategy would have it
        await plan.get_by_role("combobox").select_option("4")
        await plan.get_by_role("radio", name="Expensive").click()
        chosen = plan.locator("select option:checked")
        await expect(chosen).to_contain_text("By hand until")
        await expect(plan.get_by_role("radio", name="Expensive")).to_be_checked()
        await plan.get_by_role("radio", name="Automatic").click()
        await expect(plan.get_by_role("radio", name="Automatic")).to_be_checked()
        await page.goto(f"http://localhost:{port}/{URL_PATH}/fleet")
        await everyone_is_online(page)

        phone = await browser.new_context(
            viewport={"width": 400, "height": 860},
            device_scale_factor=2,
            color_scheme="dark",
            reduced_motion="reduce",
            timezone_id=TIME_ZONE,
        )
        pocket = await phone.new_page()
        await pocket.goto(f"http://localhost:{port}")
        await everyone_is_online(pocket)
        await screenshot(pocket, "dashboard-phone-dark")
        await phone.close()

        async with page.expect_popup() as popup:
            await page.get_by_role("link", name="control panel").click()
        panel = await popup.value
        await expect(panel.get_by_text("TH/s")).to_have_count(len(MINERS))
        await screenshot(panel, "simulator")
        row = panel.get_by_role("row").filter(has_text="bitaxe-ultra")
        await row.get_by_role("button", name="unplug").click()
        hot = panel.get_by_role("row").filter(has_text="nerdqaxe").first
        await hot.get_by_role("button", name="overheat").click()
        fleet = page.locator("hmm-fleet-card")
        await expect(fleet).to_contain_text(
            f"2 of {len(MINERS)} miners need attention", timeout=A_POLL
        )
        await expect(fleet.get_by_role("button", name="Bitaxe Ultra")).to_contain_text(
            "Offline since"
        )
        await expect(tiles.first).to_contain_text("Too hot")
        await expect(tiles.nth(1)).to_contain_text("Bitaxe Ultra")
        await screenshot(page, "dashboard-problem")

        german = await browser.new_context(
            viewport=DESKTOP,
            locale="de-DE",
            reduced_motion="reduce",
            timezone_id=TIME_ZONE,
        )
        desk = await german.new_page()
        await desk.goto(f"http://localhost:{port}")
        await expect(desk.locator("hmm-fleet-card")).to_contain_text(
            f"2 von {len(MINERS)} Minern brauchen Aufmerksamkeit"
        )
        await expect(desk.get_by_text("Stromkosten").first).to_be_visible()
        await screenshot(desk, "dashboard-german")
        await german.close()
        await row.get_by_role("button", name="plug in").click()
        async with Client(f"http://127.0.0.1:{port}") as client:
            await client.log_in()
            # The demo has no rooms, and exposes no button
            reply = [
                it
                for it, _ in documented_answers("en")
                if "garage" not in it and not it.startswith("restart")
            ]
            for sentence in (*reply, *stock_sentences()):
                answer = await client.command("conversation/process", text=sentence)
                assert answer["response"]["response_type"] != "error", sentence
        await page.close()

    # The second time everything is there already
    async with running_demo(*options, stop_with=signal.SIGTERM) as lines:
        assert not any("Adding" in line for line in lines)
        page = await context.new_page()
        await page.goto(f"http://localhost:{port}")
        await everyone_is_online(page)


async def test_a_taken_port_leaves_nothing_behind(tmp_path: Path) -> None:
    """The next start may use other ports, also for the devices."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "demo", "--folder", str(tmp_path), "--port", port),
            cwd=CHECKOUT,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        reply, _ = await process.communicate()
    assert f"Port {port} is in use" in reply.decode()
    assert not (tmp_path / "demo.json").exists()
