"""Sentences that Assist understands without a file in the user's configuration.

Home Assistant lets only its own code register sentences so far, by an interface that
may change with any release: nothing else knows of it, and without it the intents and
the files in ``custom_sentences`` remain.

A sentence of ours wins over all others. That is why only the names of miners, areas and
modes that exist are understood in them: "restart the router" stays what it was.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from itertools import chain
import logging
from pathlib import Path
import re
from typing import Any, Final, Literal

from homeassistant.const import MATCH_ALL
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.helpers.debounce import Debouncer
from homeassistant.helpers.start import async_at_started
from homeassistant.setup import async_when_setup
from homeassistant.util.yaml import load_yaml_dict

from ..data import get_data
from ..fleet.coordinator import FleetCoordinator
from ..languages import find_language
from .answers import async_reply
from .asker import Asker, folded
from .orders import NotUnderstood, spoken_modes
from .request import Request
from .speech import Speech, async_speech

_LOGGER = logging.getLogger(__name__)

FOLDER: Final = Path(__file__).parents[1] / "custom_sentences"

_ASSISTANT: Final = "conversation"
_PIPELINES: Final = "assist_pipeline"
_MANAGER: Final = "homeassistant.components.conversation.agent_manager"
_UPDATE_SECONDS: Final = 5
_MAX_NAMES: Final = 40
"""More are not distinguished in every sentence; the files know them."""
_MAX_AREAS: Final = 100

_MEANT: Final = re.compile(r"[()\[\]{}<>|;\\]")
"""What means something in the pattern of a sentence, and nothing in a name."""

type Shape = Literal["all", "area", "name", "first_word"]
type Shapes = dict[tuple[str, Shape], list[str]]
"""Sentences by intent and by what they name."""


@dataclass(frozen=True, slots=True)
class Names:
    """What is understood in a sentence, in which languages; modes by language."""

    languages: tuple[str, ...]
    miners: tuple[str, ...]
    first_words: tuple[str, ...]
    """Of names, and names without their marks, where nothing else is called like that:
    "turn off the Bitaxe"."""
    areas: tuple[str, ...]
    modes: dict[str, tuple[str, ...]]


@callback
def async_register_sentences(
    hass: HomeAssistant, fleet: FleetCoordinator
) -> CALLBACK_TYPE:
    """Register the sentences when Assist has started; return what removes them."""
    sentences = Sentences(hass, fleet)

    async def start(_: HomeAssistant, component: str) -> None:
        # Which languages are spoken shows only when all of Home Assistant is there
        sentences.listeners.append(async_at_started(hass, sentences.async_start))

    async_when_setup(hass, _ASSISTANT, start)
    return sentences.async_stop


class Sentences:
    """Keeps sentences registered, with the names that exist now."""

    def __init__(self, hass: HomeAssistant, fleet: FleetCoordinator) -> None:
        """Begin with none."""
        self._hass = hass
        self._fleet = fleet
        self._files: dict[str, Shapes] = {}
        self._speech: dict[str, Speech] = {}
        self._names: Names | None = None
        self._fits: dict[int, list[tuple[bool, int, int]]] = {}
        """How well sentences fit, by what is being answered: all that do are called."""
        self._is_stopped = False
        self._registered: list[CALLBACK_TYPE] = []
        self.listeners: list[CALLBACK_TYPE] = []
        self._debouncer = Debouncer(
            hass,
            _LOGGER,
            cooldown=_UPDATE_SECONDS,
            immediate=False,
            function=self._async_update,
            background=True,
        )

    @callback
    def async_start(self, _: HomeAssistant) -> None:
        """Register the sentences soon, and follow the names."""
        if self._is_stopped:
            return

        @callback
        def changed(_: Event[Any] | None = None) -> None:
            self._debouncer.async_schedule_call()

        listen = self._hass.bus.async_listen
        self.listeners += [
            self._fleet.async_add_listener(changed),
            listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, changed),
            listen(ar.EVENT_AREA_REGISTRY_UPDATED, changed),
            self._debouncer.async_shutdown,
        ]
        # Not now: more miners may be about to be set up
        changed()

    @callback
    def async_stop(self) -> None:
        """Remove all sentences."""
        self._is_stopped = True
        for unsubscribe in self.listeners:
            unsubscribe()
        self.listeners = []
        self._remove()

    @callback
    def _remove(self) -> None:
        for unsubscribe in self._registered:
            try:
                unsubscribe()
            except Exception:
                # Not ours either: the fleet is unloaded all the same
                _LOGGER.warning("A sentence stays with Assist", exc_info=True)
        self._registered = []

    async def _async_update(self) -> None:
        """Register the sentences again if other names exist than before."""
        if not self._files:
            self._files = await self._hass.async_add_executor_job(read_sentences)
        spoken = _spoken_languages(self._hass)
        languages = tuple(
            language
            for language in self._files
            if spoken is None or find_language(language).code in spoken
        )
        for language in languages:
            if language not in self._speech:
                # Of a language that nobody speaks, Home Assistant need not keep the texts
                self._speech[language] = await async_speech(self._hass, language)
        if self._is_stopped:
            return
        names = self._find_names(languages)
        if names == self._names:
            return
        self._names = names
        self._remove()
        try:
            for language in names.languages:
                for (intent_type, shape), sentences in self._files[language].items():
                    self._register(language, intent_type, shape, sentences, names)
        except Exception:
            # Also errors that are not ours: the interface is not public
            _LOGGER.warning(
                "Assist takes no sentences of HMM; copy its files instead",
                exc_info=True,
            )

    def _find_names(self, languages: tuple[str, ...]) -> Names:
        miners: dict[str, None] = {}
        first_words: set[str] = set()
        modes: dict[str, dict[str, None]] = {}
        if len(get_data(self._hass).fleet.miners) <= _MAX_NAMES:
            asker = Asker.of_assistant(self._hass, _ASSISTANT)
            miners = dict.fromkeys(list(asker.spellings)[:_MAX_NAMES])
            first_words = miners.keys() & asker.spoken_names
            for language in languages:
                speech = self._speech[language]
                words = spoken_modes(self._hass, speech, asker.miners)
                modes[language] = dict.fromkeys(words)
        areas = {
            folded(name)
            for area in ar.async_get(self._hass).async_list_areas()
            for name in (area.name, *area.aliases)
        }
        if first_words:
            first_words -= areas
            first_words -= {
                state.name.lower() for state in self._hass.states.async_all()
            }
        return Names(
            languages,
            tuple(miners),
            tuple(sorted(first_words)),
            tuple(sorted(areas - {""})[:_MAX_AREAS]),
            {language: tuple(words) for language, words in modes.items()},
        )

    def _register(
        self,
        language: str,
        intent_type: str,
        shape: Shape,
        sentences: list[str],
        names: Names,
    ) -> None:
        """Register the sentences of one intent and shape, none without names."""
        modes = names.modes.get(language, ())
        filled = {
            "name": names.miners,
            "first_word": names.first_words,
            "area": names.areas,
        }.get(shape)
        if filled is not None:
            if not filled:
                return
            slot = "area" if shape == "area" else "name"
            sentences = [_fill(sentence, slot, filled) for sentence in sentences]
        if shape == "name":
            # Else "set the garage to 20 degrees" would be for a miner of that name
            sentences = [_fill(sentence, "hmm_mode", modes) for sentence in sentences]
        sentences = [sentence for sentence in sentences if sentence]
        if sentences:
            # Private to Home Assistant: whatever it raises ends in ``_async_update``
            manager = import_module(_MANAGER).get_agent_manager(self._hass)
            order = len(self._registered)
            answer = partial(self._async_answer, language, intent_type, shape, order)
            self._registered.append(manager.register_trigger(sentences, answer))

    async def _async_answer(
        self,
        language: str,
        intent_type: str,
        shape: Shape,
        order: int,
        result: Any,
        recognized: Any,
    ) -> str | None:
        """Return the answer, nothing if other sentences of HMM fit better.

        ``result`` and ``recognized`` are of Home Assistant.
        """
        assert self._names is not None
        given = recognized.entities.get("hmm_mode")
        is_own = find_language(result.language) is self._speech[language].language
        # "reinicie" is Spanish and Portuguese; "en pause" is not a mode
        fit = (is_own, -len(str(given.value)) if given is not None else 0, -order)
        fits = self._fits.setdefault(id(result), [])
        fits.append(fit)
        await asyncio.sleep(0)
        self._fits.pop(id(result), None)
        if fit != max(fits):
            return None
        space = self._speech[language].language.space
        text = f"{space}{folded(result.text)}{space}"
        name = area = None
        if shape in ("name", "first_word"):
            name = _longest(text, self._names.miners, space)
            text = text.replace(f"{space}{name}{space}", space, 1)
        elif shape == "area":
            area = _longest(text, self._names.areas, space)
        mode = (
            str(given.value)
            if given is not None
            else _longest(text, chain.from_iterable(self._names.modes.values()), space)
        )
        try:
            return await async_reply(
                self._hass,
                intent_type,
                Request(name=name, area=area, mode=mode),
                context=result.context,
                assistant=_ASSISTANT,
                language=result.language,
            )
        except NotUnderstood as err:
            return str(err)
        except Exception:
            # Assist would answer nothing at all
            _LOGGER.exception("%s has no answer", intent_type)
            return self._speech[language].say("not_possible")


@callback
def _spoken_languages(hass: HomeAssistant) -> set[str] | None:
    """Return the languages of Home Assistant and of its assistants, None if unknown.

    Each language costs time with the first sentence that is said.
    """
    if _PIPELINES not in hass.config.components:
        return None
    # Not every Home Assistant has it
    from homeassistant.components.assist_pipeline import async_get_pipelines

    languages = [hass.config.language]
    languages += [
        pipeline.conversation_language for pipeline in async_get_pipelines(hass)
    ]
    # One for all languages says "*": then whoever speaks has that of Home Assistant
    return {
        find_language(language).code for language in languages if language != MATCH_ALL
    }


def read_sentences() -> dict[str, Shapes]:
    """Return the sentences of each language, by intent and what they name."""
    return {
        path.parent.name: _shapes(load_yaml_dict(str(path)))
        for path in sorted(FOLDER.glob("*/hmm.yaml"))
    }


def _shapes(content: dict[str, Any]) -> Shapes:
    shapes: Shapes = {}
    for intent_type, sentences in content["intents"].items():
        for block in sentences["data"]:
            for sentence in block["sentences"]:
                shape: Shape = next(
                    (name for name in ("name", "area") if f"{{{name}}}" in sentence),
                    "all",
                )
                shapes.setdefault((intent_type, shape), []).append(sentence)
    # Not for Home Assistant: its own sentences know the names as they are
    for intent_type, sentences in content["first_words"].items():
        shapes[intent_type, "first_word"] = sentences
    return shapes


def _fill(sentence: str, slot: str, words: Iterable[str]) -> str:
    """Return a sentence with words for a slot, an empty one without any."""
    if f"{{{slot}}}" not in sentence:
        return sentence
    choice = "|".join(_MEANT.sub(r"\\\g<0>", word) for word in words)
    return sentence.replace(f"{{{slot}}}", f"({choice})") if choice else ""


def _longest(text: str, words: Iterable[str], space: str) -> str | None:
    """Return the longest of some words that a text has between spaces, folded."""
    matches = {
        name for word in words if f"{space}{(name := folded(word))}{space}" in text
    }
    return max(matches, key=len, default=None)
