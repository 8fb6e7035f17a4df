"""How the cards get to the browser."""

from collections.abc import Callable
import gzip
from http import HTTPStatus
from pathlib import Path
import re

from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL, UrlManager
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.typing import (
    ClientSessionGenerator,
    WebSocketGenerator,
)

from custom_components.hmm.frontend import DIST, ENTRY, URL
from simulator import SimulatedAxeOS

from .common import fleet_entry
from .conftest import miner_entry, set_up

SOURCE = Path(__file__).parent.parent / "frontend"
LARGEST = 36 * 1024
"""Bytes, gzipped, of what is loaded before the first card is drawn."""

type LoadedModules = Callable[[], frozenset[str]]


@pytest.fixture
def modules(home: HomeAssistant) -> LoadedModules:
    """Let Home Assistant have a frontend; return how to see what it loads."""
    home.data[DATA_EXTRA_MODULE_URL] = UrlManager(lambda change, url: None, [])
    return lambda: home.data[DATA_EXTRA_MODULE_URL].urls


async def test_page_loads_the_cards_while_there_is_an_entry(
    home: HomeAssistant, modules: LoadedModules, bitaxe: SimulatedAxeOS
) -> None:
    """Once, at an address that changes with the file; not any more after the last."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    hub = fleet_entry(home)
    (url,) = modules()
    assert re.fullmatch(rf"{URL}/{ENTRY}\?v=[0-9a-f]{{10}}", url)

    await home.config_entries.async_reload(entry.entry_id)
    assert modules() == {url}

    await home.config_entries.async_remove(entry.entry_id)
    assert modules() == {url}
    await home.config_entries.async_remove(hub.entry_id)
    assert not modules()

    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert modules() == {url}


async def test_home_assistant_without_a_frontend_works(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Nothing is loaded, nothing fails."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe"))
    assert await home.config_entries.async_remove(entry.entry_id)
    assert DATA_EXTRA_MODULE_URL not in home.data


async def test_files_are_served_compressed_and_kept(
    home: HomeAssistant,
    bitaxe: SimulatedAxeOS,
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    """Each with its gzip file, to anyone: a page loads them before its login."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    client = await hass_client_no_auth()
    for path in DIST.glob("*.js"):
        response = await client.get(
            f"{URL}/{path.name}?v=1", headers={"Accept-Encoding": "gzip"}
        )
        assert response.status == HTTPStatus.OK
        assert response.headers["Content-Encoding"] == "gzip"
        assert response.content_type == "text/javascript"
        assert "max-age" in response.headers["Cache-Control"]
        assert await response.read() == path.read_bytes()


async def test_open_page_learns_of_an_update(
    home: HomeAssistant,
    modules: LoadedModules,
    bitaxe: SimulatedAxeOS,
    hass_ws_client: WebSocketGenerator,
) -> None:
    """By the version in the address that it would load now."""
    await set_up(home, miner_entry(bitaxe, "bitaxe"))
    client = await hass_ws_client(home)
    await client.send_json_auto_id({"type": "hmm/cards_version"})
    response = await client.receive_json()
    (url,) = modules()
    assert url.endswith(f"?v={response['result']['version']}")


def test_built_files_are_whole() -> None:
    """Each has its own gzip file, names only files that exist, and no other server."""
    files = {path.name: path.read_bytes() for path in DIST.glob("*.js")}
    assert {path.name for path in DIST.iterdir()} == {
        *files,
        *(f"{name}.gz" for name in files),
    }
    for name, content in files.items():
        assert gzip.decompress((DIST / f"{name}.gz").read_bytes()) == content
        text = content.decode()
        assert set(re.findall(r"\./([\w-]+\.js)", text)) <= files.keys()
        assert not re.search(r"(?:import\(?|src=)\"?https?://", text)


def test_first_card_is_drawn_from_36_kb() -> None:
    """What is imported at once, from the entry on."""
    loaded: set[str] = set()
    waiting = {ENTRY}
    while waiting:
        loaded.add(name := waiting.pop())
        text = (DIST / name).read_text(encoding="utf-8")
        result = re.findall(r"(?:from|import)\s*\"\./([\w-]+\.js)\"", text)
        if name == ENTRY:
            # All that it does is to wait for the page
            result += re.findall(r"import\(\"\./([\w-]+\.js)\"\)", text)
        waiting |= set(result) - loaded
    assert len(loaded) > 1
    assert sum((DIST / f"{name}.gz").stat().st_size for name in loaded) <= LARGEST
