"""JSON as small devices write it."""

import codecs
from contextlib import suppress
import json
import re
from typing import Any

# C prints floats that are no numbers as "nan", "-nan(ind)" or "inf", which JSON has not.
# It begins with what a text can be searched for fast: cases are spelled out for that.
_NO_NUMBER = re.compile(
    r"([:,\[]\s*+)-?(?:[nN][aA][nN]|[iI][nN][fF])(?:\(\w{0,40}\))?(?=\s*+[,}\]])"
)


_WESTERN = ("8859-1", "latin1", "latin-1", "1252")
"""How one calls the only other encoding that small servers use; browsers take all of
these for the last."""

_DECODER = json.JSONDecoder(strict=False)

MAX_OBJECTS = 10_000
"""Objects and lists in a text: five for each worker of the largest account. More of
them cost memory and time in everything that reads them."""
MAX_VALUES = 100_000
"""Values and names in a text, by their commas and colons: fifty for each worker of the
largest account. Numbers take the longest to read."""


def decode(body: bytes | bytearray, content_type: str) -> str:
    """Return the text of a body, which is in UTF-8 unless its type says otherwise.

    A mark of UTF-8 at the beginning and the NUL of C at the end are left out; what cannot
    be read becomes U+FFFD.
    """
    body = body.removeprefix(codecs.BOM_UTF8).rstrip(b"\0")
    with suppress(UnicodeDecodeError):
        return body.decode()
    is_western = any(name in content_type.lower() for name in _WESTERN)
    return body.decode("cp1252" if is_western else "utf-8", "replace")


def load_json(text: str) -> Any:
    """Return what a text holds, null in the place of C's "nan" and "inf".

    Takes control characters inside of strings. Raises ValueError: it is not JSON, is
    nested too deeply, has over ``MAX_OBJECTS`` or ``MAX_VALUES``, or a number of over
    4,300 digits.
    """
    check_size(text)
    for as_json in (str, without_nan):
        with suppress(RecursionError, ValueError):
            return _DECODER.decode(as_json(text))
    # Not from the error of the parser, which holds all of the text
    raise ValueError("The text is not JSON, or nested too deeply")


def check_size(text: str) -> None:
    """Raise ValueError: a text has more objects or values than any answer."""
    if text.count("{") + text.count("[") > MAX_OBJECTS:
        raise ValueError("The text has too many objects")
    if max(text.count(","), text.count(":")) > MAX_VALUES:
        raise ValueError("The text has too many values")


def without_nan(text: str) -> str:
    """Return JSON with null in the place of C's "nan" and "inf"."""
    return _NO_NUMBER.sub(r"\1null", text)
