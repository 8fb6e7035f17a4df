"""Cards in a browser without a Home Assistant: what they do as states come and go."""

from collections.abc import AsyncIterator

from playwright.async_api import Browser, Page, Route, expect
import pytest
import pytest_asyncio

from demo.config_folder import CHECKOUT

from .conftest import DESKTOP, new_page

pytestmark = pytest.mark.asyncio(loop_scope="session")

DIST = CHECKOUT / "custom_components" / "hmm" / "frontend" / "dist"
HOME_ASSISTANT = """
customElements.define("home-assistant", class extends HTMLElement {});
const root = document.querySelector("home-assistant");
window.subscribed = new Set();
const states = {}, entities = {}, devices = {};
window.hass = {
  states, entities, devices, areas: {}, user: { is_admin: true }, language: "en",
  config: { currency: "EUR", time_zone: "Europe/Berlin", components: ["history"], state: "RUNNING" },
  locale: { language: "en", number_format: "language", time_format: "24", time_zone: "server" },
  localize: () => "", formatEntityState: state => state.state,
  loadBackendTranslation: async () => undefined, callService: async () => ({}),
  connection: {
    addEventListener: () => undefined,
    sendMessagePromise: async () => ({}),
    subscribeMessage: async (callback, { entity_ids }) => {
      subscribed.add(entity_ids);
      return async () => void subscribed.delete(entity_ids);
    },
  },
};
root.hass = hass;
window.add = (device, entry_type, some) => {
  devices[device] = { id: device, name: device, entry_type };
  for (const [key, [state, attributes]] of Object.entries(some)) {
    const [domain, translation_key] = key.split(".");
    const entity_id = `${domain}.${device}_${translation_key}`;
    entities[entity_id] = { entity_id, device_id: device, platform: "hmm", translation_key };
    states[entity_id] = { entity_id, state, attributes, last_changed: "2026-11-28T13:02:00Z" };
  }
};
window.miner = (name, hashrate) => add(name, null, {
  "sensor.status": ["mining", {}], "sensor.hashrate": [hashrate, { unit_of_measurement: "TH/s" }],
  "sensor.power": ["17", { unit_of_measurement: "W" }], "sensor.temperature": ["60", { unit_of_measurement: "°C" }],
  "sensor.efficiency": ["17", { unit_of_measurement: "J/TH" }], "select.mode": ["eco", { options: ["eco", "turbo"] }],
  "sensor.best_share": ["3", { unit_of_measurement: "G" }], "button.restart": ["unknown", {}],
  "switch.mining": ["on", {}],
});
// As Home Assistant tells what changed: with a new object
window.tell = changes => {
  const all = { ...root.hass.states };
  for (const [id, state] of Object.entries(changes)) all[id] = { ...all[id], state };
  root.hass = { ...root.hass, states: all };
  for (const card of document.querySelectorAll("[card]")) card.hass = root.hass;
};
window.show = async (type, config = {}) => {
  await customElements.whenDefined(type);
  const card = document.createElement(type);
  card.setAttribute("card", "");
  card.setConfig({ type: `custom:${type}`, ...config });
  card.hass = root.hass;
  document.body.append(card);
  while (!inner(card).shadowRoot?.querySelector("ha-card")) await new Promise(done => setTimeout(done, 10));
  return inner(card);
};
window.inner = card => card.shadowRoot ? card : card.firstElementChild ?? card;
window.drawn = card => card.updateComplete;
"""


async def serve(route: Route) -> None:
    """Send the page, its Home Assistant and the cards."""
    name = route.request.url.rpartition("/")[2].partition("?")[0]
    if not name:
        await route.fulfill(
            content_type="text/html",
            body='<home-assistant></home-assistant><script type="module" src="ha.js">'
            '</script><script type="module" src="hmm.js?v=1"></script>',
        )
    elif name == "ha.js":
        await route.fulfill(content_type="text/javascript", body=HOME_ASSISTANT)
    elif (DIST / name).is_file():
        await route.fulfill(path=DIST / name, content_type="text/javascript")
    else:
        await route.fulfill(status=404)


@pytest_asyncio.fixture(loop_scope="session")
async def alone(browser: Browser) -> AsyncIterator[Page]:
    """Return a page with the cards and nothing on it."""
    context = await browser.new_context(viewport=DESKTOP)
    async with new_page(context) as page:
        await page.route("**/*", serve)
        await page.goto("http://hmm.test/")
        yield page
    await context.close()


FOCUSED = """() => {
  let found = document.activeElement;
  while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement;
  return found?.closest("tr, .prob, [role=listitem]")?.textContent.replace(/\\s+/g, " ") ?? "";
}"""


async def test_focus_stays_with_its_miner_when_others_come_before_it(
    alone: Page,
) -> None:
    """Enter would do to another miner what was meant for this one."""
    await alone.evaluate(
        """async () => {
          for (const name of ["Axe", "Bee", "Cob", "Dot"]) miner(name, "1");
          tell({ "sensor.Bee_status": "no_shares" });
          for (const type of ["fleet", "miners", "miners-table"]) await show(`hmm-${type}-card`);
        }"""
    )
    restart = alone.locator("hmm-fleet-card .prob .btn")
    await restart.focus()
    await alone.evaluate("""() => tell({ "sensor.Cob_status": "overheated" })""")
    await expect(alone.locator("hmm-fleet-card .prob")).to_have_count(2)
    assert "Bee" in await alone.evaluate(FOCUSED)

    # Mining, so that its place is by its hashrate
    await alone.locator("hmm-miners-card").get_by_label("Axe").focus()
    for hashrate in ("0.5", "2", "0.5"):
        await alone.evaluate("one => tell({'sensor.Axe_hashrate': one})", hashrate)
        line = alone.locator("hmm-miners-card").get_by_label("Axe")
        await expect(line).to_contain_text(hashrate)
        assert "Axe" in await alone.evaluate(FOCUSED)

    table = alone.locator("hmm-miners-table-card")
    await table.get_by_label("Select Axe").focus()
    await table.evaluate("card => inner(card).sorted = 'hashrate'")
    await alone.evaluate(
        """() => tell({ "sensor.Axe_hashrate": "3", "sensor.Dot_status": "offline" })"""
    )
    await expect(table.locator("tbody").first).to_contain_text("Dot")
    assert "Axe" in await alone.evaluate(FOCUSED)
    # Of one that has got well again as well
    await alone.evaluate(
        """() => tell({ "sensor.Cob_status": "mining", "sensor.Bee_status": "mining", "sensor.Dot_status": "mining" })"""
    )
    await expect(table.locator("tbody")).to_have_count(1)
    assert "Axe" in await alone.evaluate(FOCUSED)


async def test_button_at_work_keeps_the_focus_and_is_not_pressed_twice(
    alone: Page,
) -> None:
    """Who works by keyboard would begin again at the top of the page."""
    await alone.evaluate(
        """async () => {
          miner("Axe", "1");
          window.calls = [];
          hass.callService = (...call) => {
            calls.push(call.slice(0, 2).join("."));
            return new Promise(done => window.finish = done);
          };
          await show("hmm-miner-card", { device_id: "Axe", layout: "detailed" });
        }"""
    )
    button = alone.locator("[data-key=foot0]")
    await button.focus()
    await alone.keyboard.press("Enter")
    await expect(button).to_have_text("Pausing")
    await alone.keyboard.press("Enter")
    await expect(button).to_be_focused()
    await expect(button).to_be_disabled()
    assert await alone.evaluate("calls") == ["switch.turn_off"]
    await alone.get_by_role("button", name="Restart").press("Enter")
    await expect(alone.get_by_role("button", name="Cancel")).to_be_focused()
    await alone.locator(".ask .btn:not(.cancel)").press("Enter")
    await expect(alone.get_by_role("button", name="Restarting")).to_be_focused()
    assert await alone.evaluate("calls") == ["switch.turn_off", "button.press"]


async def test_card_that_was_taken_away_follows_and_asks_nothing(alone: Page) -> None:
    """Home Assistant goes on telling what a hidden card shows; it is up to date when back."""
    await alone.evaluate(
        """async () => {
          miner("Axe", "1");
          window.card = await show("hmm-miner-card", { device_id: "Axe", layout: "detailed" });
        }"""
    )
    await alone.wait_for_function("subscribed.size === 1")
    await alone.evaluate(
        """async () => {
          window.outer = card.closest("[card]");
          outer.remove();
          tell({ "sensor.Axe_hashrate": "2" });
          outer.hass = document.querySelector("home-assistant").hass;
          outer.setConfig({ type: "custom:hmm-miner-card", device_id: "Axe", layout: "detailed" });
          await card.updateComplete;
        }"""
    )
    await alone.wait_for_function("subscribed.size === 0")
    await alone.evaluate("() => document.body.append(outer)")
    await expect(alone.locator("hmm-miner-card")).to_contain_text("2.00")
    await alone.wait_for_function("subscribed.size === 1")


async def test_many_miners_leave_the_browser_time_for_others(alone: Page) -> None:
    """However often one of 200 says something, the table takes a small part of it."""
    draws, last = await alone.evaluate(
        """async () => {
          for (let n = 0; n < 200; n++) miner(`m${n}`, "1.0");
          const card = await show("hmm-miners-table-card");
          const draw = card.draw.bind(card);
          let draws = 0;
          card.draw = (...given) => (draws++, draw(...given));
          for (let n = 0; n < 40; n++) {
            tell({ [`sensor.m${n}_power`]: `4${n}` });
            await card.updateComplete;
          }
          const during = draws;
          while (!card.shadowRoot.textContent.includes("439")) await new Promise(done => setTimeout(done, 10));
          return [during, draws];
        }"""
    )
    assert draws < 20
    assert last > draws


async def test_card_whose_file_did_not_come_says_so(alone: Page) -> None:
    """Home Assistant was restarting when its view was opened: an empty box explains nothing."""
    await alone.route("**/table-*.js", lambda route: route.abort())
    await alone.evaluate(
        """() => {
          miner("Axe", "1");
          void show("hmm-miners-table-card");
        }"""
    )
    table = alone.locator("hmm-miners-table-card")
    await expect(table).to_contain_text("Reload the page")


async def test_many_are_asked_for_with_the_focus_on_cancel(alone: Page) -> None:
    """Enter and Escape leave all as it was; only the other button does it."""
    await alone.evaluate(
        """async () => {
          for (const name of ["Axe", "Bee"]) miner(name, "1");
          window.calls = [];
          hass.callService = async (...call) => (calls.push(call[1]), { response: { miners: [] } });
          await show("hmm-miners-table-card");
        }"""
    )
    table = alone.locator("hmm-miners-table-card")
    await table.get_by_role("checkbox", name="Select all that are shown").check()
    bar, question = table.get_by_role("toolbar"), table.get_by_role("alertdialog")
    for key in ("Enter", "Escape"):
        await bar.get_by_role("button", name="Pause").click()
        await expect(question).to_contain_text("Pause 2 miners?")
        await expect(question.get_by_role("button", name="Cancel")).to_be_focused()
        await alone.keyboard.press(key)
        await expect(question).to_have_count(0)
        await expect(bar.get_by_role("button", name="Pause")).to_be_focused()
    await bar.get_by_label("Mode").select_option("turbo")
    await expect(question).to_contain_text("Set 2 miners to turbo?")
    await expect(question.get_by_role("button", name="Cancel")).to_be_focused()
    assert await alone.evaluate("calls") == []
    await question.get_by_role("button", name="turbo").click()
    await expect(question).to_have_count(0)
    assert await alone.evaluate("calls") == ["set_mode"]
