"""What is found in a file."""

from dataclasses import dataclass
from typing import Literal

type Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not as it should be; an error keeps the file from working."""

    level: Level
    text: str
    advice: str = ""
    line: int | None = None


def warn(line: int, text: str, advice: str) -> Problem:
    """Return a warning."""
    return Problem(level="warning", text=text, advice=advice, line=line)
