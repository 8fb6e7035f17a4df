"""Fields that the dialogs of several kinds of strategies have."""

from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)


def number_field(
    min_value: float, max_value: float, unit: str, step: float = 1
) -> NumberSelector:
    """Return a number with its unit."""
    return NumberSelector(
        NumberSelectorConfig(
            min=min_value,
            max=max_value,
            step=step,
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )


def price_field(unit: str) -> NumberSelector:
    """Return a price in the unit of its sensor."""
    return NumberSelector(
        NumberSelectorConfig(
            min=-1e6,
            max=1e6,
            step="any",
            unit_of_measurement=unit,
            mode=NumberSelectorMode.BOX,
        )
    )


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
