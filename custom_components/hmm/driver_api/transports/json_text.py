"""JSON as small devices write it."""

import json
import re
from typing import Any

# C prints floats that are no numbers as "nan", "-nan(ind)" or "inf", which JSON has not
_NO_NUMBER = re.compile(
    r"(?<=[:,\[])\s*+-?(?:nan|inf)(?:\(\w{0,40}\))?(?=\s*+[,}\]])", re.IGNORECASE
)


def load_json(text: str) -> Any:
    """Return what a text holds, null in the place of C's "nan" and "inf".

    Takes control characters inside of strings. Raises ValueError: it is not JSON, is
    nested too deeply, or holds a number of more than 4,300 digits.
    """
    try:
        try:
            return json.loads(text, strict=False)
        except ValueError:
            return json.loads(without_nan(text), strict=False)
    except RecursionError:
        msg = "The text is nested too deeply"
        raise ValueError(msg) from None


def without_nan(text: str) -> str:
    """Return JSON with null in the place of C's "nan" and "inf"."""
    return _NO_NUMBER.sub("null", text)
