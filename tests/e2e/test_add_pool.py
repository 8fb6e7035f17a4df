"""A miner owner adds a pool of each kind in the browser, and changes them."""

from collections.abc import AsyncIterator
from pathlib import Path

from playwright.async_api import BrowserContext, Page, ViewportSize, expect
import pytest
import pytest_asyncio

from demo.entries import add_miner, add_pool
from demo.home_assistant import Client, HomeAssistant
from simulator.axeos import SimulatedAxeOS
from simulator.braiins import DEMO_KEY, DEMO_USER

from .conftest import DESKTOP, Screenshot, new_page
from .dialog import Dialog, open_device, open_integration, visit
from .pools import BCH_WALLET, Pools
from .sheet import ContactSheet

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROW = "hui-simple-entity-row, hui-sensor-entity-row"
TALL = ViewportSize(width=1280, height=1390)
"""A window in which the page of a pool shows its workers, too."""

NEW_KEY = "another token"
BROKEN_FILE = """\
driver: solopool
display_name: Broken
url: example.org
port: many
coin: DGB
mining_model: solo
"""


async def choose_from_list(dialog: Dialog, server: HomeAssistant, kind: str) -> None:
    """Open the dialog and choose a pool and coin."""
    await dialog.open(server)
    await dialog.choose("A pool account")
    await dialog.choose("Choose from the list")
    await dialog.unfold()
    await dialog.pick(kind)


async def submit(dialog: Dialog, sheet: ContactSheet, kind: str, name: str) -> None:
    """Finish the dialog at the step of the account, and open the pool's device."""
    await sheet.take_dialog(dialog.page, kind)
    await dialog.submit()
    await dialog.finish()
    await open_device(dialog.page, name)


async def see(page: Page, hashrate: float, unit: str = "TH/s") -> None:
    """See on the page of its device that a pool works, and how much is mined there."""
    rows = page.locator(ROW)
    await expect(rows.filter(has_text="Health")).to_contain_text("Connected")
    row = rows.filter(has_text="Hashrate")
    shown = await row.get_by_text(unit).inner_text()
    number = shown.removesuffix(unit).replace(",", "")
    assert float(number) == pytest.approx(hashrate, rel=0.3)
    # For the pictures: icons come last
    await expect(rows.filter(has_not=page.locator("path"))).to_have_count(0)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def page(context: BrowserContext) -> AsyncIterator[Page]:
    """Return one page for all, as their owner has."""
    async with new_page(context) as page:
        yield page


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def restarted(
    page: Page, home_assistant: HomeAssistant, pools: Pools, config_folder: Path
) -> AsyncIterator[HomeAssistant]:
    """Return a Home Assistant that met a revoked token and a broken pool file.

    It was restarted: what Braiins Pool has told would serve for 100 s otherwise.
    """
    await page.goto("about:blank")
    async with Client(home_assistant.url) as client:
        await client.log_in()
        # Unless it is there from a test before
        await add_pool(
            client, "Braiins Pool · BTC", "e2e-braiins", {"api_token": DEMO_KEY}
        )
    pools.braiins.tokens = {NEW_KEY: DEMO_USER}
    file = config_folder / "hmm" / "pools" / "broken.yaml"
    file.write_text(BROKEN_FILE, encoding="utf-8")
    await home_assistant.stop()
    await home_assistant.start()
    async with Client(home_assistant.url) as client:
        await client.log_in()
        await home_assistant.wait_until_running(client)
    yield home_assistant
    file.unlink()


async def test_pool_that_a_miner_mines_at(
    page: Page,
    client: Client,
    home_assistant: HomeAssistant,
    pools: Pools,
    screenshot: Screenshot,
    sheet: ContactSheet,
) -> None:
    """The wallet is taken from the miner, and its worker hangs on the miner."""
    solopool = pools.public["e2e-solopool"]
    wallet = pools.wallet("e2e-solopool")
    async with SimulatedAxeOS(model="gamma", name="gamma", age=9e5) as bitaxe:
        bitaxe.pools[0] |= {
            "stratumURL": solopool.stratum.host,
            "stratumPort": solopool.stratum.port,
            "stratumUser": f"{wallet}.gamma",
        }
        miner = await add_miner(client, f"{bitaxe.host}:{bitaxe.port}")
        assert miner is not None

        dialog = Dialog(page)
        await dialog.open_from_settings(home_assistant)
        await dialog.choose("A pool account")
        await expect(dialog.menu.get_by_text("By its address")).to_be_visible()
        await screenshot(page, "add-pool")
        await dialog.choose("A pool that your miners mine at")
        await dialog.take(solopool.address)
        await expect(dialog.field("Wallet address")).to_have_value(wallet)
        await screenshot(page, "pool-account")
        await sheet.take_dialog(page, "Solopool.org")
        await dialog.submit()
        await dialog.finish()

        await open_integration(page, home_assistant)
        await open_device(page, "Solopool.org DGB worker gamma")
        info = page.locator("ha-device-info-card")
        await expect(info).to_contain_text(f"Connected via {miner}")
        await page.go_back()
        await open_device(page, "Solopool.org DGB")
        await see(page, 12.5)
        await sheet.take_page(page, "Solopool.org")
        await page.set_viewport_size(TALL)
        await screenshot(page, "pool")
        await page.set_viewport_size(DESKTOP)


async def test_wrong_key_can_be_corrected(
    page: Page, home_assistant: HomeAssistant, sheet: ContactSheet
) -> None:
    """A key that the pool refuses is asked for again, with the reason beside it."""
    dialog = Dialog(page)
    await dialog.open(home_assistant)
    await dialog.choose("A pool account")
    await dialog.choose("Choose from the list")
    await dialog.submit()
    await expect(dialog.form).to_contain_text("Not all required fields")
    await dialog.unfold()
    await sheet.take_dialog(page, "The list, and the servers of a pool")
    await dialog.pick("Braiins Pool · BTC")
    await expect(dialog.form).to_contain_text("eu.stratum.braiins.com")
    await sheet.take_page(page, "The list, and the servers of a pool")
    await dialog.take("Simulated")

    await dialog.fill(Access_token="not the token")
    await dialog.submit()
    await expect(dialog.form).to_contain_text("refused the key, or requires one")
    await dialog.fill(Access_token=DEMO_KEY)
    await submit(dialog, sheet, "Braiins Pool", "Braiins Pool BTC")
    await see(page, 12.5)
    await sheet.take_page(page, "Braiins Pool")


@pytest.mark.parametrize(
    ("kind", "stem", "hashrate"),
    [
        ("Braiins Solo", "e2e-braiins-solo", 1.1),
        ("CKPool", "e2e-ckpool", 6.0),
        ("OCEAN", "e2e-ocean", 7.7),
    ],
)
async def test_pool_from_the_list(
    page: Page,
    home_assistant: HomeAssistant,
    pools: Pools,
    sheet: ContactSheet,
    kind: str,
    stem: str,
    hashrate: float,
) -> None:
    """Pool and coin, then the server, then the wallet."""
    dialog = Dialog(page)
    await choose_from_list(dialog, home_assistant, f"{kind} · BTC")
    await dialog.take("Simulated")
    await dialog.fill(Wallet_address=pools.wallet(stem))
    await submit(dialog, sheet, kind, f"{kind} BTC")
    await see(page, hashrate)
    await sheet.take_page(page, kind)


async def test_pool_by_its_address(
    page: Page, home_assistant: HomeAssistant, pools: Pools, sheet: ContactSheet
) -> None:
    """HMM knows the address from the pool file; very small miners mine there."""
    address = pools.public["e2e-nerdminers"].address
    dialog = Dialog(page)
    await dialog.open(home_assistant)
    await dialog.choose("A pool account")
    await dialog.choose("By its address")
    await dialog.fill(Address=f"stratum+tcp://{address}")
    await dialog.submit()
    await expect(dialog.form).to_contain_text("Whose statistics of NerdMiners.org BTC")
    await dialog.fill(Wallet_address=pools.wallet("e2e-nerdminers"))
    await submit(dialog, sheet, "NerdMiners.org", "NerdMiners.org BTC")
    await see(page, 440, "kH/s")
    await sheet.take_page(page, "NerdMiners.org")


async def test_server_that_nobody_knows(
    page: Page, home_assistant: HomeAssistant, pools: Pools, sheet: ContactSheet
) -> None:
    """A server of one's own with an unusual port: its owner tells what it is."""
    dialog = Dialog(page)
    await dialog.open(home_assistant)
    await dialog.choose("A pool account")
    await dialog.choose("By its address")
    await dialog.fill(Address=f"{pools.stratum.host}:{pools.stratum.port}")
    await dialog.submit()
    await dialog.choose("I know what it is")
    await dialog.unfold()
    await dialog.pick("MMFP Solutions")
    await dialog.unfold()
    await dialog.pick("Bitcoin Cash (BCH)")
    await dialog.fill(Port_of_the_statistics=pools.mmfp.port)
    await submit(dialog, sheet, "MMFP Solutions", "MMFP Solutions BCH")
    await see(page, 1.7)
    await sheet.take_page(page, "MMFP Solutions")


async def test_own_ckpool(
    page: Page, home_assistant: HomeAssistant, pools: Pools, sheet: ContactSheet
) -> None:
    """A ckpool of one's own whose files are on another port than usual."""
    dialog = Dialog(page)
    await choose_from_list(dialog, home_assistant, "CKPool · BC2")
    await dialog.fill(
        Address=pools.stratum.host,
        Port=pools.stratum.port,
        Wallet_address=next(iter(pools.ckpool.wallets)),
        Port_of_the_statistics=pools.ckpool.port,
    )
    await submit(dialog, sheet, "CKPool (own server)", "CKPool BC2")
    await see(page, 6.0)
    await sheet.take_page(page, "CKPool (own server)")


async def test_own_public_pool(
    page: Page, home_assistant: HomeAssistant, pools: Pools, sheet: ContactSheet
) -> None:
    """A Public Pool of one's own, by the address of its web page."""
    api = pools.public_pool
    dialog = Dialog(page)
    await choose_from_list(dialog, home_assistant, "Public Pool · BTC")
    await dialog.take("Public Pool (own server)")
    await dialog.fill(
        Address=pools.stratum.host,
        Port=pools.stratum.port,
        Wallet_address=next(iter(api.wallets)),
        Address_of_the_statistics=f"http://{api.host}:{api.port}",
    )
    await submit(dialog, sheet, "Public Pool (own server)", "Public Pool BTC")
    await see(page, 6.0)
    await sheet.take_page(page, "Public Pool (own server)")


async def test_own_stack(
    page: Page, home_assistant: HomeAssistant, pools: Pools, sheet: ContactSheet
) -> None:
    """A stack of one's own whose manager is on another port than usual."""
    dialog = Dialog(page)
    await choose_from_list(dialog, home_assistant, "DGB stack")
    await dialog.fill(
        Address=pools.stack.host,
        Port=pools.stack.stratum.port,
        Port_of_the_manager=pools.stack.port,
    )
    await submit(dialog, sheet, "DGB stack", "DGB stack")
    await see(page, 1.7)
    await sheet.take_page(page, "DGB stack")


async def test_pool_moves_to_another_server(
    page: Page, client: Client, home_assistant: HomeAssistant, sheet: ContactSheet
) -> None:
    """The account stays, the figures are those of the other server."""
    name = await add_pool(
        client, "Solopool.org · BCH", "e2e-solopool-home", {"wallet": BCH_WALLET}
    )
    assert name is not None
    await open_integration(page, home_assistant)
    entry = page.locator("ha-config-entry-row", has_text=name)
    await entry.get_by_role("button", name="Menu").first.click()
    await page.get_by_role("menuitem", name="Reconfigure").click()
    dialog = Dialog(page)
    await expect(dialog.menu).to_contain_text(f"What do you want to change for {name}?")
    await dialog.choose("Another server of the same pool")
    await expect(dialog.form).to_contain_text("Abroad (127.0.0.1)")
    await sheet.take_dialog(page, "Another server")
    await dialog.take("Abroad")
    await expect(page.get_by_text("Reconfiguration was successful")).to_be_visible()
    await dialog.close()
    await open_device(page, name)
    await see(page, 5.0)
    await sheet.take_page(page, "Another server")


async def test_refused_key_is_asked_for_again(
    page: Page, restarted: HomeAssistant, sheet: ContactSheet
) -> None:
    """A token was revoked: the card in the settings asks for a new one."""
    name = "Braiins Pool BTC"
    await open_integration(page, restarted)
    await page.get_by_role("button", name="Reconfigure").click()
    dialog = Dialog(page)
    await expect(dialog.form).to_contain_text(f"{name} refused the key")
    await dialog.fill(Access_token=DEMO_KEY)
    await dialog.submit()
    await expect(dialog.form).to_contain_text("refused the key, or requires one")
    await sheet.take_dialog(page, "A new key")
    await dialog.fill(Access_token=NEW_KEY)
    await dialog.submit()
    await expect(page.get_by_text("Re-authentication was successful")).to_be_visible()
    await dialog.close()
    await expect(page.get_by_role("button", name="Reconfigure")).to_have_count(0)
    await open_device(page, name)
    await see(page, 12.5)
    await sheet.take_page(page, "A new key")


async def test_broken_pool_file_is_shown_in_the_repairs(
    page: Page, restarted: HomeAssistant, sheet: ContactSheet
) -> None:
    """Its name, the line and the key are told."""
    await visit(page, f"{restarted.url}/config/repairs")
    issue = page.get_by_text("broken.yaml cannot be used")
    await expect(issue).to_be_visible()
    await sheet.take_page(page, "A broken pool file")
    await issue.click()
    reason = "Line 4: The key port must be a number"
    await expect(page.get_by_text(reason)).to_be_visible()
    await sheet.take_dialog(page, "A broken pool file")
