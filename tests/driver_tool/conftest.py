"""What the tests of the tool share."""

from collections.abc import Callable
from pathlib import Path
import re
from typing import Any

import aiohttp
import pytest

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "custom_components" / "hmm" / "bundled"


@pytest.fixture
def page() -> Callable[[str], list[str]]:
    """Return the blocks of Python of a page of the documentation."""

    def blocks(name: str) -> list[str]:
        text = (ROOT / "docs" / "drivers" / name).read_text(encoding="utf-8")
        return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)

    return blocks


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for a silent device for a shorter time than real drivers do."""
    real = aiohttp.ClientTimeout

    def shorter(**seconds: Any) -> aiohttp.ClientTimeout:
        return real(
            **{key: value and min(value, 3.0) for key, value in seconds.items()}
        )

    monkeypatch.setattr(aiohttp, "ClientTimeout", shorter)
