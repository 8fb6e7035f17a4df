"""What the steps of all config flows share."""

import asyncio
from collections.abc import Awaitable, Callable

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component

from ..const import DOMAIN
from ..data import HmmData, get_data
from ..markdown import inert

SEEN_SECONDS = 2.0
"""How long a progress is shown at least."""


async def async_seen[T](work: Awaitable[T]) -> T:
    """Return what comes of work that a progress is shown for, but not too soon.

    The frontend listens for the end once it shows the progress. An end before that
    is never noticed: the dialog would wait for ever.
    """
    loop = asyncio.get_running_loop()
    seen_at = loop.time() + SEEN_SECONDS
    try:
        return await work
    finally:
        await asyncio.sleep(seen_at - loop.time())


async def async_shared_data(hass: HomeAssistant) -> HmmData:
    """Return the shared data; a flow may come before any entry is set up."""
    await async_setup_component(hass, DOMAIN, {})
    return get_data(hass)


async def async_words(hass: HomeAssistant) -> Callable[[str, str], str]:
    """Return a function that tells the word for an option of a selector.

    What a step fills into its text is not translated by the frontend. It is told in
    the language of Home Assistant.
    """
    language = hass.config.language
    texts = await async_get_translations(hass, language, "selector", {DOMAIN})

    def word(selector: str, option: str) -> str:
        return texts[f"component.{DOMAIN}.selector.{selector}.options.{option}"]

    return word


def choice(
    options: dict[str, str],
    *,
    multiple: bool = False,
    long: bool = False,
    custom: bool = False,
) -> SelectSelector:
    """Return a choice of values by their labels.

    A ``long`` list folds; into a ``custom`` one another value can be typed.
    """
    return SelectSelector(
        SelectSelectorConfig(
            options=[
                SelectOptionDict(value=value, label=label)
                for value, label in options.items()
            ],
            mode=SelectSelectorMode.DROPDOWN if long else SelectSelectorMode.LIST,
            multiple=multiple,
            custom_value=custom,
        )
    )


_LONGEST_NAME = 64
"""Characters of a name that a device or pool chose: Home Assistant puts more behind it."""


def free_title(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, short enough to speak, and no Markdown."""
    name = inert(name)[:_LONGEST_NAME].rstrip()
    free = name
    number = 2
    while free in taken:
        free = f"{name} {number}"
        number += 1
    return free
