"""What a driver and its device said to each other, as data and as a file.

The file is JSON that a person can read and edit: an answer in JSON stands in it as
JSON, other text as text, and bytes that are neither in base 64.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any

from . import ToolError

FORMAT = "hmm-driver-session"
VERSION = 1

_ENDS = b"\0\r\n "


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpExchange:
    """One HTTP request and its answer. ``target`` is the path with its query."""

    method: str
    target: str
    sent: bytes = field(default=b"", repr=False)
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the response, those that a driver may read; names in lower case."""
    received: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpExchange:
    """One connection: all that went there, all that came back."""

    sent: bytes = field(repr=False)
    received: bytes = field(repr=False)


type Exchange = HttpExchange | TcpExchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Everything that was said, in its order."""

    driver_type: str
    exchanges: tuple[Exchange, ...]

    @property
    def is_http(self) -> bool:
        """Return whether the device speaks HTTP; an empty session does."""
        return not self.exchanges or isinstance(self.exchanges[0], HttpExchange)

    def dump(self) -> str:
        """Return the text of a session file."""
        content = {
            "format": FORMAT,
            "version": VERSION,
            "driver": self.driver_type,
            "exchanges": [_exchange_to_json(item) for item in self.exchanges],
        }
        return _json_text(content, indent=2) + "\n"


def read_session(path: Path) -> Session:
    """Return the session in a file. Raises ToolError: it is none, or not there."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as err:
        raise ToolError(f"{path} cannot be read: {err.strerror}") from err
    except (ValueError, RecursionError) as err:
        raise ToolError(f"{path} is not JSON: {err}") from err
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ToolError(f'{path} is no session: it has no "format": "{FORMAT}"')
    if content.get("version") != VERSION:
        msg = f"{path} is of version {content.get('version')}; this reads {VERSION}"
        raise ToolError(msg)
    try:
        return Session(
            driver_type=str(content["driver"]),
            exchanges=tuple(_exchange(item) for item in content["exchanges"]),
        )
    except (KeyError, TypeError, AttributeError, ValueError, binascii.Error) as err:
        raise ToolError(f"{path} has an exchange that cannot be read: {err!r}") from err


def _exchange_to_json(item: Exchange) -> dict[str, Any]:
    if isinstance(item, TcpExchange):
        return {"sent": _to_text(item.sent), "received": _to_json(item.received)}
    return {
        "request": f"{item.method} {item.target}",
        **({"sent": _to_text(item.sent)} if item.sent else {}),
        "status": item.status,
        "headers": dict(item.headers),
        "received": _to_json(item.received),
    }


def _exchange(item: dict[str, Any]) -> Exchange:
    if "request" not in item:
        return TcpExchange(
            sent=_from_json(item["sent"]), received=_from_json(item["received"])
        )
    method, _, target = str(item["request"]).partition(" ")
    return HttpExchange(
        method=method,
        target=target,
        sent=_from_json(item["sent"]) if "sent" in item else b"",
        status=int(item["status"]),
        headers={str(name): str(value) for name, value in item["headers"].items()},
        received=_from_json(item["received"]),
    )


def _to_text(data: bytes) -> dict[str, Any]:
    """Return a request as it is: a replay searches for the very same bytes."""
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _to_json(data: bytes) -> dict[str, Any]:
    body = data.rstrip(_ENDS)
    end = data[len(body) :].decode("latin-1")
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return _to_text(data)
    try:
        value = json.loads(text, parse_constant=_refuse)
    except ValueError, RecursionError:
        return _to_text(data)
    if not isinstance(value, dict | list):
        return _to_text(data)
    return {"json": value, **({"end": end} if end else {})}


def _refuse(constant: str) -> None:
    # NaN and its kin: other readers of JSON would stumble
    raise ValueError(constant)


def _from_json(value: dict[str, Any]) -> bytes:
    if "json" in value:
        return dump_json(value["json"]) + str(value.get("end", "")).encode("latin-1")
    if "text" in value:
        return str(value["text"]).encode()
    return base64.b64decode(value["base64"], validate=True)


def dump_json(value: Any) -> bytes:
    """Return JSON as small devices write it."""
    return _json_text(value, separators=(",", ":")).encode()


def _json_text(value: Any, **form: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, **form)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a character, where a firmware has cut a name: no file can hold it
        return json.dumps(value, **form)
    return text
