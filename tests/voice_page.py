"""What the page about voice promises."""

from pathlib import Path
import re

PAGE = Path(__file__).parents[1] / "docs/recipes/voice.md"


def documented_sentences() -> list[str]:
    """Return the sentences that the page tells its readers to say to Assist."""
    text = PAGE.read_text(encoding="utf-8")
    chapter = text.partition("## What to say")[2].partition("\n## ")[0]
    return [" ".join(it.split()) for it in re.findall(r'"([^"]+)"', chapter)]
