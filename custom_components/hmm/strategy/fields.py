"""Fields that the dialogs of several kinds of strategies have."""

from homeassistant.helpers.selector import (
    NumberSelector,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from ..flow_tools import number_field


def price_field(unit: str) -> NumberSelector:
    """Return a price in the unit of its sensor."""
    return number_field(-1e6, 1e6, unit, "any")


def list_field(name: str, *options: str) -> SelectSelector:
    """Return a choice of a few words, which are translated under ``name``."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            mode=SelectSelectorMode.LIST,
            translation_key=name,
        )
    )


def dropdown_field(name: str, *options: str) -> SelectSelector:
    """Return a choice of more words, which are translated under ``name``."""
    return SelectSelector(
        SelectSelectorConfig(
            options=list(options),
            mode=SelectSelectorMode.DROPDOWN,
            translation_key=name,
        )
    )
