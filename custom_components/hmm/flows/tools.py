"""What the steps of all config flows share."""

from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.setup import async_setup_component

from ..const import DOMAIN
from ..data import HmmData, get_data


async def async_shared_data(hass: HomeAssistant) -> HmmData:
    """Return the shared data; a flow may come before any entry is set up."""
    await async_setup_component(hass, DOMAIN, {})
    return get_data(hass)


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


def free_title(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, short enough to speak."""
    free = name
    number = 2
    while free in taken:
        free = f"{name} {number}"
        number += 1
    return free
