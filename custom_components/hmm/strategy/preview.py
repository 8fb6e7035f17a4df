"""What a strategy would have done with the prices of the last days."""

from collections.abc import Mapping, Sequence
from typing import Any

from homeassistant.core import HomeAssistant

from .words import words_of


async def async_preview_text(
    hass: HomeAssistant, data: Mapping[str, Any], members: Sequence[str]
) -> str:
    """Return the preview of price bands in words."""
    return words_of(hass, "strategy_preview")("no_history")
