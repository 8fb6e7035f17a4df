"""What the page about voice promises."""

from pathlib import Path
import re

PAGE = Path(__file__).parents[1] / "docs/recipes/voice.md"
_HEADS = {"en": "| Say | Answer |", "de": "| Sag | Antwort |"}


def documented_answers(language: str) -> list[tuple[str, str]]:
    """Return what the page tells to say in a language, each with the answer."""
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition(_HEADS[language])[2].partition("\n\n")[0]
    return re.findall(r'^\| "([^"]+)" \| (.+) \|$', table, re.MULTILINE)


def stock_sentences() -> list[str]:
    """Return what the page tells of the sentences of Home Assistant itself."""
    text = PAGE.read_text(encoding="utf-8")
    chapter = text.partition("## What Home Assistant brings")[2].partition("\n## ")[0]
    return [" ".join(item.split()) for item in re.findall(r'"([^"]+)"', chapter)]
