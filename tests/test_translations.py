"""All languages say the same: each has every key, with the same placeholders."""

from collections.abc import Iterator
import json
from pathlib import Path
import re
from string import Formatter
from typing import Any

import pytest

from custom_components import hmm

FOLDER = Path(hmm.__file__).parent / "translations"
LANGUAGES = sorted(path.stem for path in FOLDER.glob("*.json"))
OTHERS = [language for language in LANGUAGES if language != "en"]

MARKS = ("**", "`", "\n", "|", "://")
"""What Markdown and links are made of."""
_OPEN = re.compile(r"{\w*}")
_WORD = re.compile(r"[^\W\d_]{2,}")


def read(language: str) -> dict[str, str]:
    """Return the texts of a language by their full keys."""
    content = json.loads((FOLDER / f"{language}.json").read_text("utf-8"))
    return dict(flat(content))


def flat(node: dict[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the texts of nested objects by their full keys."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from flat(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def placeholders(text: str) -> list[str]:
    """Return what a text leaves open."""
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


@pytest.mark.parametrize("language", OTHERS)
def test_each_language_has_every_text(language: str) -> None:
    """Given a key of en.json, then every other language has it, and no more."""
    english, other = read("en"), read(language)
    missing, extra = english.keys() - other.keys(), other.keys() - english.keys()
    files = ", ".join(f"{item}.json" for item in LANGUAGES)
    for keys, order in ((missing, "add the key in"), (extra, "remove the key from")):
        assert not keys, f"{order} all of: {files} ({language}: {sorted(keys)})"


@pytest.mark.parametrize("language", OTHERS)
def test_each_text_is_filled_in_alike(language: str) -> None:
    """Given a text, then its placeholders, Markdown and links are those of English."""
    other = read(language)
    for key, text in read("en").items():
        said = other[key]
        assert placeholders(said) == placeholders(text), (language, key)
        assert said == said.strip(), (language, key)
        for mark in MARKS:
            assert said.count(mark) == text.count(mark), (language, key, mark)


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_is_left_in_english(language: str) -> None:
    """Given a text of more than a few words, then it is translated."""
    other = read(language)
    left = [
        key
        for key, text in read("en").items()
        if other[key] == text and len(_WORD.findall(_OPEN.sub("", text))) > 3
    ]
    assert not left, f"translate in {language}.json: {', '.join(left)}"
