"""The cards and the dashboard for the browser, and how they get there.

``dist`` is what /frontend builds: ``hmm.js``, which loads the other files as they are
needed, and a gzip file beside each, which aiohttp sends to browsers that take it.

Home Assistant's own page loads ``hmm.js`` (an extra module of the frontend). That works
whether Lovelace resources are kept in storage or in YAML, and writes nothing to them.
In safe mode Home Assistant leaves extra modules out, as it should.
"""

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from homeassistant.components import websocket_api
from homeassistant.components.frontend import (
    DATA_EXTRA_MODULE_URL,
    add_extra_js_url,
    remove_extra_js_url,
)
from homeassistant.components.http import StaticPathConfig
from homeassistant.core import HomeAssistant, callback
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN

URL = "/hmm_files"
"""Not below /static or /hacsfiles, whose queries Home Assistant's service worker ignores."""
DIST = Path(__file__).parent / "dist"
ENTRY = "hmm.js"


@dataclass(slots=True)
class _Cards:
    """What is served."""

    version: str
    is_loaded: bool = False

    @property
    def url(self) -> str:
        """Return the address, a new one for each build: it is cached for a month."""
        return f"{URL}/{ENTRY}?v={self.version}"


_CARDS: HassKey[_Cards] = HassKey(f"{DOMAIN}_cards")


async def async_serve_cards(hass: HomeAssistant) -> None:
    """Serve the files, once for as long as Home Assistant runs."""
    hass.data[_CARDS] = _Cards(await hass.async_add_executor_job(_version))
    await hass.http.async_register_static_paths(
        [StaticPathConfig(URL, str(DIST), cache_headers=True)]
    )
    websocket_api.async_register_command(hass, _ws_version)


@callback
def async_load_cards(hass: HomeAssistant) -> None:
    """Let every page of Home Assistant load the cards; open ones do immediately."""
    cards = hass.data[_CARDS]
    if not cards.is_loaded and DATA_EXTRA_MODULE_URL in hass.data:
        cards.is_loaded = True
        add_extra_js_url(hass, cards.url)


@callback
def async_unload_cards(hass: HomeAssistant) -> None:
    """Let no page load the cards any more."""
    cards = hass.data.get(_CARDS)
    if cards is not None and cards.is_loaded:
        cards.is_loaded = False
        remove_extra_js_url(hass, cards.url)


def _version() -> str:
    """Return what changes with the files: the entry names the others by their hash."""
    return sha256((DIST / ENTRY).read_bytes()).hexdigest()[:10]


@callback
@websocket_api.websocket_command({"type": f"{DOMAIN}/cards_version"})
def _ws_version(
    hass: HomeAssistant,
    connection: websocket_api.ActiveConnection,
    msg: dict[str, Any],
) -> None:
    """Report a page that was opened before an update that it should be reloaded."""
    connection.send_result(msg["id"], {"version": hass.data[_CARDS].version})
