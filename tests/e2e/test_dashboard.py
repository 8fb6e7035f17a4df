"""The dashboard as people use it: on a phone, by keyboard, as a guest, for a screenshot."""

from collections.abc import AsyncIterator
import json
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, expect
import pytest
import pytest_asyncio

from demo.entries import add_miner, add_pool
from demo.home_assistant import Client, HomeAssistant
from demo.price import set_price
from simulator.axeos import SimulatedAxeOS

from .conftest import A_POLL, DESKTOP
from .pools import Pools
from .test_cards import BOARD, accessible, rename, save_board

pytestmark = pytest.mark.asyncio(loop_scope="session")

PHONE = {"width": 390, "height": 844}
GUEST = ("guest", "not a secret either")
OURS = """() => {
  const all = root => [...root.querySelectorAll("*")].flatMap(it => [it, ...(it.shadowRoot ? all(it.shadowRoot) : [])]);
  const isOurs = it => { for (let host = it.getRootNode().host; host; host = host.getRootNode().host) if (host.localName.startsWith("hmm-")) return true; };
  return all(document).filter(isOurs);
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def miners(
    home_assistant: HomeAssistant, pools: Pools
) -> AsyncIterator[tuple[SimulatedAxeOS, SimulatedAxeOS]]:
    """Add two miners and a pool, and tell the price."""
    async with (
        SimulatedAxeOS(model="gamma", name="e2e-desk", age=9e5) as desk,
        SimulatedAxeOS(model="ultra", name="e2e-loft", age=9e5) as loft,
        Client(home_assistant.url) as client,
    ):
        await client.log_in()
        for miner, name in ((desk, "Desk"), (loft, "Loft")):
            title = await add_miner(client, f"{miner.host}:{miner.port}")
            assert title is not None
            await rename(client, title, name)
        await add_pool(
            client, "OCEAN · BTC", "e2e-ocean", {"wallet": pools.wallet("e2e-ocean")}
        )
        await set_price(client)
        yield desk, loft


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def board(client: Client) -> None:
    """Begin with the dashboard, whatever the test before has left."""
    await save_board(client, {"strategy": {"type": "custom:hmm"}})


async def test_a_phone_answers_without_scrolling(
    browser: Browser,
    home_assistant: HomeAssistant,
    miners: tuple[SimulatedAxeOS, SimulatedAxeOS],
) -> None:
    """Which one is broken, what it costs and what it earns: all in the first picture."""
    _, loft = miners
    await loft.unplug()
    phone = await browser.new_context(
        viewport=PHONE, has_touch=True, reduced_motion="reduce"
    )
    page = await phone.new_page()
    await page.goto(f"{home_assistant.url}/{BOARD}/fleet")
    fleet = page.locator("hmm-fleet-card")
    row = fleet.get_by_role("button", name="Loft", exact=False)
    # The miners of other tests went at the same time: then it is one row for all
    problem = row.or_(fleet.get_by_text("Offline since", exact=False)).first
    await expect(problem).to_be_visible(timeout=A_POLL)
    for shown in (
        fleet.locator("h2"),
        problem,
        fleet.get_by_text("Cost", exact=True),
        fleet.get_by_text("Revenue", exact=True).or_(
            fleet.get_by_text("Time per block", exact=True)
        ),
        page.locator("hmm-miners-card").get_by_role("listitem").first,
    ):
        box = await shown.bounding_box()
        assert box is not None
        assert box["y"] >= 0 and box["y"] + box["height"] <= PHONE["height"]
        assert box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]
    await expect(fleet).to_contain_text("need")
    await expect(fleet).to_contain_text("a day")
    await accessible(page)
    await phone.close()
    await loft.plug_in()


async def test_views_share_one_history_and_leave_no_error(
    context: BrowserContext,
    client: Client,
    home_assistant: HomeAssistant,
    miners: tuple[SimulatedAxeOS, SimulatedAxeOS],
) -> None:
    """Each view is drawn; all that two miners had in 24 hours is one subscription."""
    ids = {
        item["name_by_user"]: item["id"]
        for item in await client.command("config/device_registry/list")
    }
    page = await context.new_page()
    sent: list[str] = []
    complaints: list[str] = []
    page.on(
        "websocket",
        lambda ws: ws.on("framesent", lambda frame: sent.append(str(frame))),
    )
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda message: (
            complaints.append(message.text)
            if message.type == "error" and "hmm" in f"{message.text}{message.location}"
            else None
        ),
    )
    for view, element in (
        ("fleet", "hmm-leaderboard-card"),
        ("miners", "hmm-miners-table-card"),
        ("pools", "hmm-pool-card"),
        ("energy", "hui-tile-card"),
        ("health", "hmm-fleet-card"),
        (f"miner-{ids['Desk']}", "hmm-miner-card"),
    ):
        await page.goto(f"{home_assistant.url}/{BOARD}/{view}")
        await expect(page.locator(element).first).to_be_visible()
        await expect(page.locator("hui-error-card")).to_have_count(0)
    await expect(page.locator("hmm-miner-card h2")).to_have_text("Desk")
    await (
        page.get_by_role("button", name="Back")
        .or_(page.get_by_label("Back"))
        .first.click()
    )
    table = page.locator("hmm-miners-table-card table")
    # A phone has no room for the box of all in the head of the table
    card = page.locator("hmm-miners-table-card")
    select_all = card.get_by_role("button", name="Select all that are shown")
    await table.locator("tbody input").first.check()
    await select_all.click()
    await expect(select_all).to_have_count(0)
    await expect(table.locator("tbody input:not(:checked)")).to_have_count(0)
    await card.get_by_role("button", name="End the selection").click()
    # One action for all that are selected, which the miner follows
    await table.get_by_role("checkbox", name="Desk").check()
    selected = card.get_by_role("toolbar")
    await selected.get_by_role("button", name="Pause").click()
    await expect(selected.get_by_role("button", name="Resume")).to_be_visible()
    assert miners[0].paused
    await selected.get_by_role("button", name="Resume").click()
    await expect(selected.get_by_role("button", name="Pause")).to_be_visible()
    assert not miners[0].paused
    await card.get_by_role("button", name="End the selection").click()
    await table.get_by_role("button", name="Desk").click()
    await page.wait_for_url(f"**/{BOARD}/miner-{ids['Desk']}")
    await page.goto(f"{home_assistant.url}/{BOARD}/fleet")
    tile = page.locator("hmm-miners-card").get_by_role("button", name="Desk")
    await tile.click()
    await expect(page.locator("hmm-miner-card h2")).to_have_text("Desk")

    # Home Assistant's own page stumbles over a view that is gone
    await page.goto("about:blank")
    await save_board(
        client,
        {
            "views": [
                {
                    "path": "two",
                    "cards": [
                        {
                            "type": "custom:hmm-miner-card",
                            "device_id": ids[name],
                            "layout": "detailed",
                        }
                        for name in ("Desk", "Loft")
                    ],
                }
            ]
        },
    )
    sent.clear()
    await page.goto(f"{home_assistant.url}/{BOARD}/two")
    # One that was off has a gap, and a line on each side of it
    await expect(page.locator("hmm-spark:has(path.area)")).to_have_count(2)
    streams = [frame for frame in sent if "history/stream" in frame]
    assert len(streams) == 1
    # The line of the hashrate, and the peak of the chip
    assert streams[0].count("sensor.") == 4
    await expect(page.locator("hmm-miner-card .meter b")).to_have_count(2)
    await page.goto("about:blank")
    assert complaints == []


async def test_everything_is_reached_by_keyboard(
    page: Page,
    home_assistant: HomeAssistant,
    miners: tuple[SimulatedAxeOS, SimulatedAxeOS],
) -> None:
    """Tab leads to every control of the cards; each has a name."""
    for view, ready in (
        ("fleet", "hmm-leaderboard-card ol"),
        ("miners", "hmm-miners-table-card table"),
    ):
        await page.goto(f"{home_assistant.url}/{BOARD}/{view}")
        await expect(page.locator(ready)).to_be_visible()
        controls = await page.evaluate(
            f"""() => {{
              window.reached = new Set();
              window.controls = ({OURS})().filter(it =>
                it.matches("button, select, input, [tabindex]") && !it.disabled && it.tabIndex >= 0 && it.checkVisibility());
              return window.controls.length;
            }}"""
        )
        assert controls > 5
        for _ in range(controls + 60):
            await page.keyboard.press("Tab")
            left = await page.evaluate(
                """() => {
                  let it = document.activeElement;
                  while (it?.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
                  window.reached.add(it);
                  return window.controls.filter(it => it.isConnected && !window.reached.has(it)).map(it => it.outerHTML.slice(0, 80));
                }"""
            )
            if not left:
                break
        assert left == []


async def test_privacy_hides_names_for_a_picture(
    page: Page,
    home_assistant: HomeAssistant,
    miners: tuple[SimulatedAxeOS, SimulatedAxeOS],
) -> None:
    """The eye takes pools and addresses out of every card and tooltip, also later."""
    await page.goto(f"{home_assistant.url}/{BOARD}/fleet")
    pool = page.locator("hmm-pool-card").filter(has_text="OCEAN")
    await expect(pool.first).to_be_visible()
    await page.get_by_role("button", name="Hide private data").click()
    await expect(page.get_by_text("Private data is hidden")).to_be_visible()
    for view in ("fleet", "pools", "miners"):
        await page.goto(f"{home_assistant.url}/{BOARD}/{view}")
        await expect(page.locator("hui-sections-view ha-card").first).to_be_visible()
        words = await page.evaluate(
            f"() => ({OURS})().map(it => [it.title, it.ariaLabel, it.shadowRoot ? '' : it.textContent].join(' ')).join(' ')"
        )
        assert "OCEAN" not in words and "stratum" not in words
    await page.goto(f"{home_assistant.url}/{BOARD}/fleet")
    await expect(page.locator("hmm-pool-card").first).to_contain_text("Pool ")
    await page.get_by_role("button", name="Show private data").click()
    await expect(pool.first).to_be_visible()


async def test_a_guest_sees_and_is_not_offered_what_fails(
    browser: Browser,
    client: Client,
    home_assistant: HomeAssistant,
    miners: tuple[SimulatedAxeOS, SimulatedAxeOS],
) -> None:
    """Somebody who is no administrator: all cards are drawn, and no error is logged."""
    user = (
        await client.command(
            "config/auth/create", name="Guest", group_ids=["system-users"]
        )
    )["user"]
    try:
        await client.command(
            "config/auth_provider/homeassistant/create",
            user_id=user["id"],
            username=GUEST[0],
            password=GUEST[1],
        )
        context = await browser.new_context(
            viewport=DESKTOP,
            storage_state={
                "cookies": [],
                "origins": [
                    {
                        "origin": home_assistant.url,
                        "localStorage": [
                            {
                                "name": "hassTokens",
                                "value": json.dumps(
                                    await tokens(client, home_assistant.url)
                                ),
                            }
                        ],
                    }
                ],
            },
        )
        page = await context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        for view in ("fleet", "miners", "pools", "health"):
            await page.goto(f"{home_assistant.url}/{BOARD}/{view}")
            await expect(
                page.locator("hui-sections-view ha-card").first
            ).to_be_visible()
            await expect(page.locator("hui-error-card")).to_have_count(0)
        await expect(page.get_by_text("Set an electricity price")).to_have_count(0)
        assert errors == []
        await context.close()
    finally:
        await client.command("config/auth/delete", user_id=user["id"])


async def tokens(client: Client, url: str) -> dict[str, Any]:
    """Log the guest in, as the page of Home Assistant keeps it."""
    client_id = f"{url}/"
    flow = await client.post(
        "/auth/login_flow",
        {
            "client_id": client_id,
            "handler": ["homeassistant", None],
            "redirect_uri": client_id,
        },
    )
    done = await client.post(
        f"/auth/login_flow/{flow['flow_id']}",
        {"client_id": client_id, "username": GUEST[0], "password": GUEST[1]},
    )
    result = await client.exchange(done["result"])
    return {**result, "hassUrl": url, "clientId": client_id, "expires": 1e14}
