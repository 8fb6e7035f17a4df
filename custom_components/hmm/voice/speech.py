"""Texts in the language of the speaker, with numbers as people say them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
import re
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..driver_api.units import parse_text
from ..languages import Language, find_language
from ..sentences import SENTENCES, SHORT_REASONS

_SPEECH: Final = f"component.{DOMAIN}.selector.speech.options."
_STATES: Final = f"component.{DOMAIN}.entity.sensor.status.state."
_POOL_STATES: Final = f"component.{DOMAIN}.entity.sensor.pool_status.state."
_MODES: Final = f"component.{DOMAIN}.entity.select.mode.state."

LONGEST_NAME: Final = 64
MAX_NAMED: Final = 5
"""Problems and names in one answer: more cannot be listened to."""
_LONGEST_REASON: Final = 160

_PREFIXES: Final = ("hash", "kilohash", "megahash", "gigahash", "terahash", "petahash")
_LARGE: Final = ("thousand", "million", "billion", "trillion")
_SYMBOLS: Final = {
    "°C": "celsius",
    "%": "percent",
    "TH/s": "terahash",
    "GH/s": "gigahash",
    "MH/s": "megahash",
    "kH/s": "kilohash",
    "dBm": "decibel",
    "min": "minutes",
    "W": "watts",
    "J/TH": "joules_terahash",
    "ct/kWh": "cents_kilowatt_hour",
    "¢/kWh": "cents_kilowatt_hour",
    "p/kWh": "pence_kilowatt_hour",
}
_SYMBOL = re.compile(rf"(?<=\d )({'|'.join(_SYMBOLS)})(?!\w)")


@dataclass(frozen=True, slots=True)
class Speech:
    """Says things in one language."""

    language: Language
    texts: Mapping[str, str]
    """The translations of HMM by their full key."""
    country: str | None = None
    """That of Home Assistant, by whose clocks times are said."""

    def say(self, key: str, **values: object) -> str:
        """Return a text under ``selector.speech``."""
        return self.texts[f"{_SPEECH}{key}"].format(**values)

    def number(self, value: float, decimals: int | None = None) -> str:
        """Return a number, by default with three significant digits."""
        if decimals is None:
            return self.language.short(value, 3)
        # Who listens hears no mark between thousands
        return f"{value:.{decimals}f}".replace(".", self.language.decimal)

    def large(self, value: float) -> str:
        """Return a large number with its word: "13.8 billion"."""
        steps, step = 0, self.language.large_step
        while abs(value) >= step - 0.5 and steps < len(_LARGE):
            value, steps = value / step, steps + 1
        if not steps:
            return self.number(value)
        # Who says "1 thousand" says one of it in many languages: 1.0 is the plural
        number = self.number(value, 1 if value < 1.05 else None)
        return self.say(_LARGE[steps - 1], number=number)

    def hashrate(self, value: float) -> str:
        """Return H/s with the unit in full."""
        steps = 0
        while value >= 999.5 and steps < len(_PREFIXES) - 1:
            value, steps = value / 1000, steps + 1
        return f"{self.number(value)} {self.say(_PREFIXES[steps])}"

    def power(self, watts: float) -> str:
        """Return W with the unit in full."""
        return f"{self.number(watts, 0)} {self.say('watts')}"

    def money(self, value: float, currency: str) -> str:
        """Return an amount with the name of its currency, or its code."""
        key = f"{_SPEECH}currency_{currency.lower()}"
        name = self.texts.get(key, parse_text(currency, 8) or "")
        is_small = abs(value) < 0.1 and round(value, 3) != round(value, 2)
        decimals = 3 if is_small else 2
        return f"{self.number(value, decimals)} {name}"

    def since(self, when: datetime | None) -> str:
        """Return since when something is so, nothing if that is not known."""
        if when is None:
            return ""
        local, now = dt_util.as_local(when), dt_util.now()
        days = (now.date() - local.date()) // timedelta(days=1)
        clock = self.language.clock(local, self.country)
        if days <= 0:
            return self.say("since_time", time=clock)
        if days == 1:
            return self.say("since_yesterday", time=clock)
        return self.say("since_days", days=days)

    def names(self, names: Iterable[str]) -> str:
        """Return names in a row: "A, B and C"."""
        return self.row([shown(name) for name in names])

    def row(self, texts: list[str]) -> str:
        """Return texts in a row."""
        if len(texts) < 2:
            return "".join(texts)
        return self.say(
            "and", first=self.language.comma.join(texts[:-1]), last=texts[-1]
        )

    def state(self, state: str | None) -> str:
        """Return what a miner does."""
        return self.texts.get(f"{_STATES}{state}", self.say("unknown"))

    def pool_state(self, state: object) -> str:
        """Return how a pool account stands."""
        return self.texts.get(f"{_POOL_STATES}{state}", self.say("unknown"))

    def mode(self, mode: str) -> str:
        """Return the name of a mode; a profile has its own."""
        return self.texts.get(f"{_MODES}{mode}", mode)

    def reason(self, key: str, values: Mapping[str, object]) -> str:
        """Return what is wrong, without the advice and without symbols.

        A key of a user's driver, which has no translation, is its own sentence.
        """
        text = self.texts.get(f"{SENTENCES}{key}")
        try:
            text = None if text is None else self.language.filled(text, values)
        except KeyError, ValueError:
            text = None
        if text is None:
            text = self.texts.get(f"{SHORT_REASONS}{key}", key)
        return self.plain(text)

    def short_reason(self, key: str | None) -> str | None:
        """Return a reason without values, None for what is none of a miner's status."""
        text = self.texts.get(f"{SHORT_REASONS}{key}")
        return None if text is None else self.plain(text)

    def plain(self, text: str) -> str:
        """Return the first sentence of a text, as it is spoken."""
        first = re.split(r"[.;!] |[.;!]$|[。；！]", text, maxsplit=1)[0]
        return self.spoken(parse_text(first, _LONGEST_REASON) or "")

    def spoken(self, text: str) -> str:
        """Return a text with its units in full."""
        return _SYMBOL.sub(lambda match: self.say(_SYMBOLS[match[1]]), text)


def some(speech: Speech, names: list[str]) -> str:
    """Return the first names in a row, and how many more there are."""
    more = len(names) - MAX_NAMED
    # To name one more is shorter than to count it
    if more < 2:
        return speech.names(names)
    return speech.names([*names[:MAX_NAMED], speech.say("others", count=more)])


def shown(name: str) -> str:
    """Return a name that anybody may have chosen, in one short line."""
    return parse_text(name, LONGEST_NAME) or "?"


async def async_speech(hass: HomeAssistant, language: str | None) -> Speech:
    """Return the texts of a language, by default that of Home Assistant."""
    language_found = find_language(language or hass.config.language)
    texts: dict[str, str] = {}
    for category in ("selector", "entity"):
        texts |= await async_get_translations(
            hass, language_found.code, category, {DOMAIN}
        )
    return Speech(language_found, texts, hass.config.country)
