"""The pictures behind the icons; they come with the frontend.

The environment of the oldest Home Assistant has no frontend, so this runs with
the current one only.
"""

import json
from pathlib import Path

import hass_frontend

from custom_components import hmm

ICONS = Path(hmm.__file__).parent / "icons.json"


def test_icons_exist() -> None:
    """Given the icons, then the frontend has a picture for each."""
    pictures: set[str] = set()
    for path in (hass_frontend.where() / "static/mdi").glob("*.json"):
        if isinstance(content := json.loads(path.read_text(encoding="utf-8")), dict):
            pictures |= content.keys()
    assert "home" in pictures
    used = _texts(json.loads(ICONS.read_text(encoding="utf-8")))
    assert used
    assert {icon for icon in used if not icon.startswith("mdi:")} == set()
    assert {icon.removeprefix("mdi:") for icon in used} - pictures == set()


def _texts(node: object) -> set[str]:
    """Return all texts in nested JSON objects."""
    if isinstance(node, dict):
        return {text for value in node.values() for text in _texts(value)}
    return {node} if isinstance(node, str) else set()
