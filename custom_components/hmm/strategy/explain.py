"""Sentences of the planner as texts, in the language of Home Assistant."""

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


@callback
def rung_text(hass: HomeAssistant, rung: str) -> str:
    """Return a rung in words: a plain one, or the name of a mode or profile."""
    kind, _, name = rung.partition(":")
    if name:
        return words_of(hass, "mode")(name) if kind == "mode" else name
    return words_of(hass, "strategy_rung")(rung)


@callback
def sentence_text(
    hass: HomeAssistant,
    sentence: Sentence,
    name_of: Callable[[str], str],
    unit: str,
    *,
    dry_run: bool = False,
) -> str:
    """Return a sentence with its values as texts.

    ``name_of`` returns the title of a miner or strategy, ``unit`` is that of prices.
    """
    values = _texts_of(hass, sentence, name_of, unit)
    word = words_of(hass, "sentence")
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
    hass: HomeAssistant,
    sentence: Sentence | None,
    name_of: Callable[[str], str],
    unit: str,
) -> dict[str, Any]:
    """Return a sentence for who makes the text of it: its key, and its values as texts.

    Its times stay times, which a user's own clock shows in another way than this one.
    """
    if sentence is None:
        return {"key": None, "values": {}}
    values: dict[str, str | None] = {**_texts_of(hass, sentence, name_of, unit)}
    for key in _TIMES:
        if key in values:
            value = sentence.values[key]
            values[key] = value.isoformat() if isinstance(value, datetime) else None
    return {"key": sentence.key, "values": values}


def _texts_of(
    hass: HomeAssistant, sentence: Sentence, name_of: Callable[[str], str], unit: str
) -> dict[str, str]:
    def text(key: str, value: object) -> str:
        if value is None:
            return "–"
        if isinstance(value, datetime):
            return time_text(hass, value)
        if isinstance(value, list | tuple):
            names = [name_of(str(miner)) for miner in value]
            more = [f"+{len(names) - _MAX_NAMES}"] if len(names) > _MAX_NAMES else []
            return ", ".join([*names[:_MAX_NAMES], *more])
        if isinstance(value, str):
            if key in _MINERS:
                return name_of(value)
            if key == "reason":
                return _reason(hass, value)
            return rung_text(hass, value) if key in _RUNGS else value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return str(value)
        if key in _PRICES:
            return spoken_price(hass, value, unit)
        if key in _WATTS:
            return f"{number(hass, value)} W"
        if key in _DEGREES:
            return temperature_text(hass, value)
        if key == "efficiency":
            return f"{number(hass, value, 1)} J/TH"
        return number(hass, value)

    return {key: text(key, value) for key, value in sentence.values.items()}


def _reason(hass: HomeAssistant, key: str) -> str:
    """Return why a champion was replaced, or a command refused: the short text."""
    text = words_of(hass, "strategy_replaced")(key)
    return text if text != key else reason_sentence(hass, key, {}).removesuffix(".")
