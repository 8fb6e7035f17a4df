"""Makes a device report other values than it has."""

from collections.abc import Callable, Mapping
import json
import re
from typing import Any

_FIELD = re.compile(r"(?<!\w)(\w++)\[[^\[\]]*+\]")


def override(values: Mapping[str, Any]) -> Callable[[bytes], bytes]:
    """Return what gives keys of an answer other values, for `SimulatedDevice.rewrite`.

    A key counts wherever it stands in the JSON, as does ``KEY[value]`` in a text of an
    Avalon. A body without any of them, or that is not JSON, is sent as it is.
    """

    def change(data: Any) -> Any:
        match data:
            case dict():
                return {
                    key: values[key] if key in values else change(value)
                    for key, value in data.items()
                }
            case list():
                return [change(value) for value in data]
            case str():
                return _FIELD.sub(field, data)
        return data

    def field(match: re.Match[str]) -> str:
        name = match[1]
        return f"{name}[{values[name]}]" if name in values else match[0]

    def rewrite(body: bytes) -> bytes:
        bare = body.rstrip(b"\0")
        try:
            data = json.loads(bare, strict=False)
        except ValueError:
            return body
        return json.dumps(change(data)).encode() + body[len(bare) :]

    return rewrite
