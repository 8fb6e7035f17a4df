"""Prices, times and names as texts, by default in the language of Home Assistant."""

from collections.abc import Callable, Mapping
from datetime import datetime, time, timedelta
from typing import Final

from homeassistant.const import UnitOfTemperature
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..languages import find_language
from ..money.units import HUNDREDTHS, price_factor

_LONGEST: Final = 255
_MINOR: Final = 0.5
"""A unit whose prices are above this is shown with few decimals."""

type Words = Callable[..., str]


@callback
def words_of(hass: HomeAssistant, selector: str, language: str | None = None) -> Words:
    """Return a function that translates an option of a selector, with its values.

    A key without a translation is returned as it is, so nothing fails for it. The texts
    of another language than that of Home Assistant must have been loaded.
    """
    texts = async_get_cached_translations(
        hass, language or hass.config.language, "selector", DOMAIN
    )

    def word(option: str, **values: object) -> str:
        text = texts.get(f"component.{DOMAIN}.selector.{selector}.options.{option}")
        return filled(option if text is None else text, values)

    return word


def filled(text: str, values: Mapping[str, object]) -> str:
    """Return a text with its values; what is missing remains a gap."""

    class Gaps(dict[str, object]):
        def __missing__(self, key: str) -> str:
            return "…"

    return text.format_map(Gaps(values))


def shortened(text: str, longest: int = _LONGEST) -> str:
    """Return a text that fits into an attribute or a state."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


@callback
def number(
    hass: HomeAssistant, value: float, decimals: int = 0, language: str | None = None
) -> str:
    """Return a number as it is written in a language."""
    return find_language(language or hass.config.language).number(value, decimals)


@callback
def price_text(
    hass: HomeAssistant, value: float, unit: str, language: str | None = None
) -> str:
    """Return a price in its own unit: 28.4 ct/kWh, 0.284 EUR/kWh."""
    decimals = 1 if abs(value) >= _MINOR and "." not in unit else 3
    if abs(value) < 10 and decimals == 1:
        decimals = 2
    if not value:
        decimals = 0
    return f"{number(hass, value, decimals, language)} {unit}".rstrip()


@callback
def spoken_price(
    hass: HomeAssistant, value: float, unit: str, language: str | None = None
) -> str:
    """Return a price as people say it, in any unit: 28.4 ct/kWh."""
    currency = hass.config.currency
    hundredth = HUNDREDTHS.get(currency)
    if hundredth is None or abs(value) >= 1 or price_factor(unit, currency) != 1:
        return price_text(hass, value, unit, language)
    return f"{number(hass, 100 * value, 1, language)} {hundredth}/kWh"


@callback
def temperature_text(
    hass: HomeAssistant, celsius: float, language: str | None = None
) -> str:
    """Return a temperature in the unit of Home Assistant."""
    units = hass.config.units
    value = units.temperature(celsius, UnitOfTemperature.CELSIUS)
    return f"{number(hass, value, 1, language)} {units.temperature_unit}"


@callback
def clock_text(
    hass: HomeAssistant, at: datetime | time, language: str | None = None
) -> str:
    """Return a time of day by the clock of Home Assistant's country."""
    speech = find_language(language or hass.config.language)
    return speech.clock(at, hass.config.country)


@callback
def time_text(
    hass: HomeAssistant,
    when: datetime,
    now: datetime | None = None,
    language: str | None = None,
) -> str:
    """Return a time of day; with the day where it is not today."""
    local, today = dt_util.as_local(when), dt_util.as_local(now or dt_util.utcnow())
    clock = clock_text(hass, local, language)
    if local.date() == today.date():
        return clock
    word = words_of(hass, "strategy_day", language)
    if local.date() == today.date() + timedelta(days=1):
        return word("tomorrow", time=clock)
    day = find_language(language or hass.config.language).day(local)
    return word("later", date=day, time=clock)
