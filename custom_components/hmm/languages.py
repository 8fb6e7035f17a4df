"""The languages of HMM: who reads which texts, and how numbers are written.

One language has several names: "pt" and "pt-BR", "zh-Hans" in the settings of Home
Assistant and "zh-CN" in Assist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import cache
import json
from pathlib import Path
from typing import Final

from homeassistant.core import HomeAssistant, callback

_TWELVE_HOURS: Final = frozenset({"AU", "CA", "IN", "NZ", "PH", "US"})
"""Countries in which who speaks English reads clocks of 12 hours."""


@dataclass(frozen=True, slots=True)
class Language:
    """A language and how it is written."""

    code: str
    """The name of its file in ``translations``."""
    decimal: str = ","
    group: str = "."
    """Between thousands."""
    day_format: str = "%d/%m/%Y"
    comma: str = ", "
    space: str = " "
    """Between words."""
    large_step: int = 1000
    """How many of a large number make one of the next: in Chinese 10,000."""

    def number(self, value: float, decimals: int = 0) -> str:
        """Return a number with all of its decimals, and its thousands apart."""
        marks = {",": self.group, ".": self.decimal}
        return "".join(marks.get(char, char) for char in f"{value:,.{decimals}f}")

    def short(self, value: float, digits: int = 6) -> str:
        """Return a number with its significant digits, without zeros at the end."""
        rounded = float(f"{value:.{digits}g}")
        text = f"{rounded:g}" if abs(rounded) < 1e6 else f"{rounded:.0f}"
        return text.replace(".", self.decimal)

    def day(self, value: date) -> str:
        """Return a day with its year."""
        return value.strftime(self.day_format)

    def clock(self, at: datetime | time, country: str | None) -> str:
        """Return a time of day as people of a country write it."""
        if self.code == "en" and country in _TWELVE_HOURS:
            return f"{at.hour % 12 or 12}:{at:%M} {'AM' if at.hour < 12 else 'PM'}"
        return f"{at:%H:%M}"

    def filled(self, text: str, values: Mapping[str, object]) -> str:
        """Return a text with its values. Raises KeyError if one is missing."""
        return text.format_map(
            {
                name: self.short(value) if isinstance(value, float) else value
                for name, value in values.items()
            }
        )


_ENGLISH: Final = Language("en", ".", ",", "%Y-%m-%d")
LANGUAGES: Final = (
    _ENGLISH,
    Language("de", day_format="%d.%m.%Y"),
    Language("es"),
    Language("fr", group="\u202f"),
    Language("nl", day_format="%d-%m-%Y"),
    Language("pt-BR"),
    Language("zh-Hans", ".", ",", "%Y-%m-%d", comma="、", space="", large_step=10_000),
)


def find_language(code: str) -> Language:
    """Return the language of a code, else one that begins alike, else English."""
    base = code.partition("-")[0]
    alike = [
        language for language in LANGUAGES if language.code.partition("-")[0] == base
    ]
    return next(
        (language for language in alike if language.code == code), (*alike, _ENGLISH)[0]
    )


@cache
def names_of_modes() -> Mapping[str, frozenset[str]]:
    """Return what each mode is called in any language, by its key. Reads the files."""
    names: dict[str, set[str]] = {}
    for path in Path(__file__).with_name("translations").glob("*.json"):
        texts = json.loads(path.read_text("utf-8"))
        for mode, name in texts["entity"]["select"]["mode"]["state"].items():
            names.setdefault(mode, set()).add(name)
    return {mode: frozenset(translated) for mode, translated in names.items()}


@callback
def home_language(hass: HomeAssistant) -> Language:
    """Return the language of Home Assistant."""
    return find_language(hass.config.language)
