"""What README promises."""

from pathlib import Path
import re

README = Path(__file__).parents[1] / "README.md"


def sentences_of_the_readme() -> list[str]:
    """Return what README tells its readers to say to Assist."""
    text = README.read_text(encoding="utf-8")
    chapter = text.partition("### By voice")[2].partition("\n## ")[0]
    return [" ".join(it.split()) for it in re.findall(r'"([^"]+)"', chapter)]
