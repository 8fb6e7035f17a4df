"""Changes answers: single values, their types, their places, and the bytes."""

from collections.abc import Callable
from copy import deepcopy
import json
from random import Random
import re
from typing import Any

type Place = tuple[dict[str, Any] | list[Any], Any]
"""A container, and the key or index of a value in it."""

_SMALL: tuple[Any, ...] = (
    *(None, True, False, "", " ", 0, -1, -5, -0.0, 1, 0.1 + 0.2, 150, 255, 999, -273),
    *(65_535, 2**31, 2**32 - 1, 2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64, 10**30),
    *(1e12, 1e17, 1e18, 1e30, 1e300, -1e300, 1e308, 1e-30, 1e-310, 5e-324, 10**400),
    *(float("nan"), float("inf"), float("-inf")),
    *("nan", "-nan", "inf", "NaN", "1e400", "1e-400", "-1", "1,5", "--1", "1.2.3T"),
    *("0x10", "1_000", "K", "1K", "1E", "1e3e", "\u212a", "1\u212a", "\u0663", "½"),
    *("9" * 64, "9" * 65, "1" * 300 + "!", "1e" * 40, " " * 300 + "1"),
    *(
        "\x00",
        "\x1b[2J\x07",
        "\u202egnp.exe",
        "\ud800",
        "a\u200bb",
        "\x9b31m",
        "\ufeff",
    ),
    *("a" * 64, "a" * 65, "a" * 255, "a" * 300, "<b>", "![x](http://e/x.png)", "{}"),
    *("%s%n", "../../etc", "a\r\nb", "|", ",", "[", "]", "=", "\\", "a@b:c", "://"),
    *("000d 00:00:00", "9999999999d 00:00:00", "1d 99:99:99\r2d 1:1:1", "1/2/3", "/"),
    *("9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00Z", "2026-13-45", "1970-01-01"),
    *(253_402_300_799, 1.8e12, 1_795_000_000, -62_135_596_800, 4_102_444_800),
    *("host:99999", "[::1]:1", "host:", ":1", "1.2.3.4:3333", "stratum+tcp://u:p@h:1"),
    *([], {}, [[]], [None], [0], {"a": 1}, [{}], [-1, 0, 1e300], ["x"], "1" * 5),
)
_LARGE: tuple[Callable[[], Any], ...] = (
    lambda: "1" * 30_000 + "!",
    lambda: "9" * 5_000,
    lambda: "a" * 250_000,
    lambda: "[" * 30_000,
    lambda: "1d " * 10_000,
    lambda: " " * 30_000,
    lambda: list(range(3_000)),
    lambda: [
        {"name": str(number), "workername": str(number)} for number in range(3000)
    ],
    lambda: {str(number): number for number in range(3_000)},
    lambda: _nested(200),
)
_FIELD = re.compile(r"(?<!\w)(\w++)\[([^\[\]]*+)\]")


def _nested(depth: int) -> Any:
    value: Any = 1
    for level in range(depth):
        value = [value] if level % 2 else {"a": value}
    return value


class Mutator:
    """Changes values and bodies as one source of randomness says."""

    def __init__(self, seed: object) -> None:
        """Begin; the same seed gives the same changes."""
        self.random = Random(str(seed))

    def value(self) -> Any:
        """Return what nobody would expect."""
        if self.random.random() < 0.02:
            return self.random.choice(_LARGE)()
        return deepcopy(self.random.choice(_SMALL))

    def change(self, data: Any) -> Any:
        """Return data of JSON with some of its values changed, or others instead."""
        if not isinstance(data, dict | list) or not data or self.random.random() < 0.01:
            return self.value()
        places = _places(data)
        for _ in range(self.random.choice((1, 1, 1, 2, 3, 8))):
            self._change_at(*self.random.choice(places))
        return data

    def body(self, body: bytes) -> bytes:
        """Return an answer that is changed in its values or in its bytes."""
        if self.random.random() < 0.12:
            return self._bytes(body)
        bare = body.rstrip(b"\0")
        try:
            data = json.loads(bare, strict=False)
        except ValueError:
            return self._text(body)
        return dump(self.change(data)) + body[len(bare) :]

    def _change_at(self, parent: Any, step: Any) -> None:
        # An earlier change may have taken the place away
        if isinstance(parent, dict):
            if step not in parent:
                return
        elif step >= len(parent):
            return
        old = parent[step]
        is_plain = not isinstance(old, dict | list)
        match self.random.randrange(12):
            case 0:
                del parent[step]
            case 1 if isinstance(parent, dict):
                parent[str(self.value())[:300]] = parent.pop(step)
            case 2 if is_plain:
                parent[step] = [old] * self.random.choice((1, 2, 300))
            case 3:
                parent[step] = {"value": old, "unit": self.value()}
            case 4 if is_plain:
                parent[step] = str(old)
            case 5 if isinstance(old, int | float):
                factor = self.random.choice((-1, 1e-9, 1e3, 1e9, 1e15))
                parent[step] = old * factor if abs(old) < 1e250 else -old
            case _ if isinstance(old, str) and _FIELD.search(old):
                parent[step] = self._field(old)
            case _:
                parent[step] = self.value()

    def _field(self, text: str) -> str:
        """Change one ``KEY[value]`` of a text of an Avalon."""
        result = self.random.choice(list(_FIELD.finditer(text)))
        parts = result[2].split(" ")
        parts[self.random.randrange(len(parts))] = _plain(self.value())
        return f"{text[: result.start(2)]}{' '.join(parts)}{text[result.end(2) :]}"

    def _text(self, body: bytes) -> bytes:
        """Change a part of a text between the usual signs."""
        text = body.decode(errors="replace")
        parts = re.split(r"([|,=\s:]+)", text)
        for _ in range(self.random.choice((1, 1, 2, 5))):
            parts[self.random.randrange(len(parts))] = _plain(self.value())
        return "".join(parts).encode(errors="replace")

    def _bytes(self, body: bytes) -> bytes:
        start = self.random.randrange(len(body) + 1)
        end = min(len(body), start + self.random.choice((0, 1, 4, 40)))
        match self.random.randrange(10):
            case 0:
                return body[:start]
            case 1:
                return body[:start] + self.random.randbytes(8) + body[end:]
            case 2:
                return body[:start] + b"\xed\xa0\x80\xff\x00" + body[end:]
            case 3:
                return re.sub(rb"(?<=[:,\[])\s*-?\d[\d.]*", b"9" * 5000, body, count=1)
            case 4:
                return re.sub(rb"(?<=[:,\[])\s*-?\d[\d.]*", self._no_number(), body)
            case 5:
                return b"[" * 100_000
            case 6:
                return b'{"a":' * 50_000
            case 7:
                return b"<!DOCTYPE html><html>" + body
            case 8:
                return body[:start] + body
        return body[:start] + dump(self.value()) + body[end:]

    def _no_number(self) -> bytes:
        return self.random.choice(
            (b"nan", b"-nan", b"inf", b"-nan(ind)", b"NaN", b"1e999")
        )


def dump(data: Any) -> bytes:
    """Return JSON, also of what JSON cannot hold."""
    return json.dumps(data, ensure_ascii=True, default=str).encode()


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else dump(value).decode()


def _places(data: dict[str, Any] | list[Any]) -> list[Place]:
    """Return where values are, those of inner objects as well."""
    result: list[Place] = []
    waiting: list[Any] = [data]
    while waiting and len(result) < 2000:
        parent = waiting.pop()
        steps = parent if isinstance(parent, dict) else range(len(parent))
        for step in steps:
            result.append((parent, step))
            if isinstance(parent[step], dict | list) and parent[step]:
                waiting.append(parent[step])
    return result
