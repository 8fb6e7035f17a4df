"""Sentences of the planner as texts, by default in the language of Home Assistant."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback

from ..sentences import reason_sentence
from .planner.model import Sentence
from .words import (
    number,
    shortened,
    spoken_price,
    temperature_text,
    time_text,
    words_of,
)

SENTENCE: Final = "strategy_"
"""How the keys of strategies begin: reasons of miners have some of the same names."""

_MAX_NAMES: Final = 5
_MINERS = ("miner", "old")
_RUNGS = ("what", "rung")
_TIMES = ("time", "until")
_OPEN = ("calendar_idle", "champion", "champion_low", "manual", "plan", "quiet")
_PRICES = ("price", "limit")
_WATTS = ("surplus", "watts")
_DEGREES = ("room", "target")
_DIGITS: Final = dict.fromkeys(_PRICES, 5) | dict.fromkeys((*_DEGREES, "efficiency"), 1)


@callback
def rung_text(hass: HomeAssistant, rung: str, language: str | None = None) -> str:
    """Return a rung in words: a plain one, or the name of a mode or profile."""
    kind, _, name = rung.partition(":")
    if name:
        return words_of(hass, "mode", language)(name) if kind == "mode" else name
    return words_of(hass, "strategy_rung", language)(rung)


@callback
def sentence_text(
    hass: HomeAssistant,
    sentence: Sentence,
    name_of: Callable[[str], str],
    unit: str,
    *,
    dry_run: bool = False,
    language: str | None = None,
) -> str:
    """Return a sentence with its values as texts.

    ``name_of`` returns the title of a miner or strategy, ``unit`` is that of prices.
    """
    values = {
        key: _text_of(hass, key, value, unit, language)
        for key, value in _named(sentence, name_of).items()
    }
    word = words_of(hass, "sentence", language)
    text = word(f"{SENTENCE}{sentence.key}{_variant(sentence)}", **values)
    return shortened(word(f"{SENTENCE}dry_run", text=text) if dry_run else text)


def _variant(sentence: Sentence) -> str:
    """Return which form of a sentence fits: some have another without a time."""
    values = sentence.values
    if values.get("ends") == "released":
        return "_released"
    is_open = any(key in values and values[key] is None for key in _TIMES)
    return "_open" if is_open and sentence.key in _OPEN else ""


@callback
def sentence_facts(
    sentence: Sentence | None, name_of: Callable[[str], str], unit: str
) -> dict[str, Any]:
    """Return a sentence for who makes the text of it: its key, and its values.

    Modes, prices and times are for a user in another language, with another clock.
    """
    if sentence is None:
        return {"key": None, "values": {}}
    values = {
        key: _plain(key, value) for key, value in _named(sentence, name_of).items()
    }
    if any(key in values for key in _PRICES):
        values["unit"] = unit
    return {"key": sentence.key, "values": values}


def _plain(key: str, value: object) -> object:
    """Return a value as JSON has it, with the digits that are shown of it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, float):
        # A state is not written for digits that nobody sees
        return round(value, _DIGITS.get(key)) + 0
    return value


def _named(sentence: Sentence, name_of: Callable[[str], str]) -> dict[str, object]:
    """Return the values of a sentence with names in the place of ids."""

    def named(key: str, value: object) -> object:
        if isinstance(value, list | tuple):
            names = [name_of(str(miner)) for miner in value]
            more = [f"+{len(names) - _MAX_NAMES}"] if len(names) > _MAX_NAMES else []
            return ", ".join([*names[:_MAX_NAMES], *more])
        return name_of(value) if key in _MINERS and isinstance(value, str) else value

    return {key: named(key, value) for key, value in sentence.values.items()}


def _text_of(
    hass: HomeAssistant, key: str, value: object, unit: str, language: str | None
) -> str:
    if value is None:
        return "–"
    if isinstance(value, datetime):
        return time_text(hass, value, language=language)
    if isinstance(value, str):
        if key == "reason":
            return _reason(hass, value, language)
        return rung_text(hass, value, language) if key in _RUNGS else value
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if key in _PRICES:
        return spoken_price(hass, value, unit, language)
    if key in _WATTS:
        return f"{number(hass, value, language=language)} W"
    if key in _DEGREES:
        return temperature_text(hass, value, language)
    if key == "efficiency":
        return f"{number(hass, value, 1, language)} J/TH"
    return number(hass, value, language=language)


def _reason(hass: HomeAssistant, key: str, language: str | None) -> str:
    """Return why a champion was replaced, or a command refused: the short text."""
    text = words_of(hass, "strategy_replaced", language)(key)
    if text != key:
        return text
    return reason_sentence(hass, key, {}, language).removesuffix(".")
