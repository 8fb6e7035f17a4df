"""What the documentation says is so: its examples work, its links lead somewhere."""

from collections.abc import AsyncIterator
import json
from pathlib import Path
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
from aiohttp import web
from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from homeassistant.util import slugify
import pytest
import yaml

from custom_components.hmm.driver_api import DriverContext
from custom_components.hmm.driver_engine import known_pools
from custom_components.hmm.driver_engine.client import MinerClient
from custom_components.hmm.driver_engine.known_pools import load_known_pools
from custom_components.hmm.driver_engine.loader import load_drivers
from custom_components.hmm.pool import defaults as pool_defaults

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CHANGELOG.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "simulator" / "README.md",
    *sorted((ROOT / "docs").rglob("*.md")),
]
RECIPES = sorted((ROOT / "docs/recipes").glob("*.md"))
BLUEPRINTS = sorted((ROOT / "blueprints/automation/hmm").glob("*.yaml"))
INTEGRATION = ROOT / "custom_components/hmm"
REPOSITORY = "https://github.com/hmm-home-assistant/hmm/blob/main/"


def blocks(page: str, language: str) -> list[str]:
    """Return the code of a page in one language."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page, as GitHub makes them from its headings."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {
        re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        for heading in headings
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Given a link to a file of the project, the file and the heading exist."""
    text = page.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        address = urlsplit(link)
        if address.scheme:
            continue
        target = (page.parent / address.path).resolve() if address.path else page
        assert target.exists(), f"{link} does not exist"
        if address.fragment:
            assert address.fragment in anchors(target), f"{link} is no heading"


def imported(page: Path) -> list[Path]:
    """Return the blueprints that the buttons of a page import."""
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\((https://\S+?/redirect/blueprint_import/\S+?)\)", text)
    urls = [parse_qs(urlsplit(link).query)["blueprint_url"][0] for link in links]
    assert all(url.startswith(REPOSITORY) for url in urls)
    return [ROOT / url.removeprefix(REPOSITORY) for url in urls]


@pytest.mark.parametrize("page", RECIPES, ids=lambda page: page.stem)
def test_a_blueprint_of_a_recipe_exists(page: Path) -> None:
    """Given the button of a recipe, it names a blueprint."""
    assert all(blueprint in BLUEPRINTS for blueprint in imported(page))


def test_every_blueprint_can_be_imported() -> None:
    """Given the page of blueprints, each has a button, and names where it is from."""
    assert sorted(imported(ROOT / "docs/blueprints.md")) == BLUEPRINTS
    for blueprint in BLUEPRINTS:
        url = f"{REPOSITORY}{blueprint.relative_to(ROOT)}"
        text = blueprint.read_text(encoding="utf-8")
        assert f"source_url: {url}\n" in text
        assert "min_version: 2026.8.0\n" in text
        # Young interfaces
        assert not re.search(r"trigger: (hmm\.|device)|condition: (hmm\.|device)", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_yaml_is_yaml(page: Path) -> None:
    """Given an example in YAML, it can be read."""
    for block in blocks(str(page.relative_to(ROOT)), "yaml"):
        assert isinstance(yaml.safe_load(block), dict)
        # Not the name that its owner gave it
        assert "device_attr(" not in block
        # Home Assistant takes text only
        assert not re.search(r"message: .*\| list }}", block)


@pytest.mark.parametrize("page", RECIPES, ids=lambda page: page.stem)
async def test_every_recipe_is_an_automation(hass: HomeAssistant, page: Path) -> None:
    """Given the YAML of a recipe, Home Assistant takes it as an automation."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})
    recipe = str(page.relative_to(ROOT))
    automations = blocks(recipe, "yaml")
    assert automations
    for automation in automations:
        # Raises for what the editor would refuse
        await async_validate_config_item(hass, page.stem, yaml.safe_load(automation))


@pytest.mark.parametrize("page", RECIPES, ids=lambda page: page.stem)
def test_recipes_use_what_there_is(page: Path) -> None:
    """Given a recipe, HMM has its actions and names entities as it does."""
    text = page.read_text(encoding="utf-8")
    actions = yaml.safe_load((INTEGRATION / "services.yaml").read_text("utf-8"))
    assert set(re.findall(r"action: hmm\.(\w+)", text)) <= set(actions)

    strings = json.loads((INTEGRATION / "translations/en.json").read_text("utf-8"))
    names = {
        (platform, slugify(entity["name"]))
        for platform, entities in strings["entity"].items()
        for entity in entities.values()
        if "name" in entity
    }
    # The switch has the name of the miner
    names.add(("switch", ""))
    devices = "bitaxe_gamma|avalon_q|solopool_org_dgb|mining_fleet"
    used = set(re.findall(rf"\b([a-z_]+)\.(?:{devices})(?:_(\w+))?", text))
    assert used <= names


def test_the_example_of_a_pool_file_loads(tmp_path: Path) -> None:
    """Given the pool file of the page, it is in the list."""
    example = next(
        block for block in blocks("docs/pools/README.md", "yaml") if "driver:" in block
    )
    (tmp_path / "pools").mkdir()
    (tmp_path / "pools" / "mine.yaml").write_text(example, encoding="utf-8")

    pools = load_known_pools(tmp_path, load_drivers(tmp_path))

    assert pools.failed == []
    assert pools.pools["mine"].template.region == "EU1"


def test_every_key_of_a_pool_file_is_explained() -> None:
    """Given the keys that HMM knows, each is in the table of the page."""
    page = (ROOT / "docs/pools/README.md").read_text(encoding="utf-8")
    _, _, table = page.partition("## A pool file of your own")
    for key in known_pools._KNOWN_KEYS | set(known_pools._ACCOUNT_KEYS):
        assert f"`{key}`" in table, key


def test_every_pool_is_in_the_table(tmp_path: Path) -> None:
    """Given a bundled pool, the page tells its coins, servers and how often."""
    page = (ROOT / "docs/pools/README.md").read_text(encoding="utf-8")
    _, _, rest = page.partition("| Pool | Coins | Servers |")
    table = [line for line in rest.splitlines() if line.startswith("| ")]
    drivers = load_drivers(tmp_path)
    rows: dict[str, list[list[str]]] = {}
    for driver_type, loaded in drivers.pools.items():
        name = loaded.driver_class.display_name
        rows[driver_type] = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in table
            if re.search(rf"\b{re.escape(str(name))}\b", line.split("|")[1])
        ]
        assert rows[driver_type], f"{name} is not in the table"
        assert f"`{driver_type}`" in page
        coins = {
            coin
            for row in rows[driver_type]
            for coin in re.findall(r"[A-Z]\w+", row[1])
        }
        assert coins >= set(loaded.driver_class.supports_coins)

    for pool in load_known_pools(tmp_path, drivers).pools.values():
        template = pool.template
        where = [
            template.region,
            template.url,
            template.display_name.partition(" BTC")[0],
        ]
        place = (
            [str(item) for item in where if item] if template.url else ["self-hosted"]
        )
        seconds = (
            drivers.pools[pool.driver_type]
            .driver_class()
            .get_poll_seconds(template.url or "192.168.1.60")
        )
        assert any(
            any(word in row[2] for word in place)
            and template.coin in row[1]
            and row[4] == f"{seconds} s"
            for row in rows[pool.driver_type]
        ), f"{template.template_id}: {place}, {seconds} s"


def test_the_example_of_a_config_file_is_read(tmp_path: Path) -> None:
    """Given the wallets and keys of the page, they are what the dialogs suggest."""
    example = next(
        block for block in blocks("docs/pools/README.md", "yaml") if "wallets:" in block
    )
    (tmp_path / "hmm").mkdir()
    (tmp_path / "hmm" / "config.yaml").write_text(example, encoding="utf-8")

    defaults = pool_defaults.read_config_file(tmp_path).defaults

    assert set(defaults.wallets) == {"dgb", "btc"}
    assert set(defaults.api_keys) <= set(load_drivers(tmp_path).pools)


@pytest.fixture
async def acme(socket_enabled: None) -> AsyncIterator[int]:
    """Run what the example driver talks to; give its port."""
    state: dict[str, Any] = {"ghs": "1200.5", "temp": 61, "uptime": 60, "mode": "low"}

    async def info(request: web.Request) -> web.Response:
        return web.json_response({"maker": "Acme", "mac": "24:58:7c:00:11:22"})

    async def telemetry(request: web.Request) -> web.Response:
        return web.json_response(state)

    async def mode(request: web.Request) -> web.Response:
        state.update(await request.json())
        return web.Response()

    app = web.Application()
    app.add_routes(
        [
            web.get("/api/info", info),
            web.get("/api/telemetry", telemetry),
            web.post("/api/mode", mode),
        ]
    )
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def test_the_example_of_a_driver_works(tmp_path: Path, acme: int) -> None:
    """Given the driver of the page, it loads, reads and steers its device."""
    (example,) = blocks("docs/drivers/README.md", "python")
    (tmp_path / "acme_driver.py").write_text(example, encoding="utf-8")
    drivers = load_drivers(tmp_path)
    assert drivers.failed == []

    async with aiohttp.ClientSession() as session:
        client = MinerClient(
            drivers.miners["acme"].driver_class,
            DriverContext(session=session, options={}),
            "127.0.0.1",
            acme,
        )
        telemetry = await client.poll()
        profile = client.read_profile(telemetry, None)
        await client.set_mode("high")
        after = await client.poll()

    assert telemetry.hashrate == 1200.5e9
    assert telemetry.power is None
    assert telemetry.mode == "low"
    assert after.mode == "high"
    assert profile.modes == ("low", "high")
    assert profile.facts.mac == "24:58:7c:00:11:22"


def test_what_is_said_of_bad_input_is_tested() -> None:
    """Given the table of bad input, then each row names tests that exist."""
    page = (ROOT / "docs/strategies-input.md").read_text(encoding="utf-8")
    rows = page.split("|---|---|---|")[1].splitlines()[1:]
    assert len(rows) > 30
    for row in rows:
        if row.endswith("| | |"):
            continue
        tests = re.findall(r"`([\w/]+\.py)::(\w+)`", row)
        assert tests, row
        for path, name in tests:
            source = (ROOT / "tests" / path).read_text(encoding="utf-8")
            assert f"def {name}(" in source, (path, name)
