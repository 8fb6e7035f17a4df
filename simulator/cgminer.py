"""The cgminer API of Canaan's firmware: what a request means, how a reply looks.

Written after `cg_miner/api/api.c` of Canaan-Creative/Avalon_Nano3s (cgminer 4.11.1,
API 3.7). Only the framing lives here; what a command does is the device's business.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import json
import re

RECV_BYTES = 4095
"""Bytes that the one `recv` of a connection takes (TMPBUFSIZ / 2 - 1)."""

DESCRIPTION = "cgminer 4.11.1"


class Number(str):
    """A number already printed with the decimals that the firmware gives it."""

    __slots__ = ()


class Foreign(str):
    """Text from outside, the only kind that the firmware escapes (API_ESCAPE)."""

    __slots__ = ()


type Value = str | int | bool
type Row = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Reply:
    """What one command answers: a status line and perhaps a section of rows.

    `lone` sections hold one object and carry their name in text form
    (`SUMMARY,Elapsed=…|`); the rows of the others begin with their own key
    (`POOL=0,…|`).
    """

    code: int
    message: str
    section: str | None = None
    rows: Sequence[Row] = ()
    lone: bool = False
    severity: str | None = None
    """Where a firmware differs from SEVERITY."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `commands` are several when they were joined with `+`."""

    commands: tuple[str, ...]
    parameter: str | None
    is_json: bool
    joined: bool


type Command = Callable[[str | None], Reply]
"""Runs a command with its parameter."""


class BadRequestError(Exception):
    """A request that is refused before any command runs."""

    def __init__(self, reply: Reply) -> None:
        """Keep what the firmware answers, always as JSON."""
        super().__init__(reply.message)
        self.reply = reply


SUCCESS, INFO, WARNING, ERROR = "S", "I", "W", "E"

SEVERITY: dict[int, str] = {
    7: SUCCESS,
    9: SUCCESS,
    11: SUCCESS,
    14: ERROR,
    15: ERROR,
    22: SUCCESS,
    23: ERROR,
    24: ERROR,
    25: ERROR,
    26: ERROR,
    27: SUCCESS,
    33: SUCCESS,
    45: ERROR,
    47: SUCCESS,
    48: SUCCESS,
    49: INFO,
    50: INFO,
    51: ERROR,
    69: SUCCESS,
    70: SUCCESS,
    71: ERROR,
    72: SUCCESS,
    73: SUCCESS,
    74: ERROR,
    78: SUCCESS,
    107: ERROR,
    116: ERROR,
    118: INFO,
    119: SUCCESS,
    120: ERROR,
    124: WARNING,
    125: SUCCESS,
    130: INFO,
    131: INFO,
    132: ERROR,
    133: SUCCESS,
}
"""Severity by status code (the `codes[]` table of api.c, as far as it is used)."""

INVALID_COMMAND = Reply(14, "Invalid command")


NOT_JOINABLE = frozenset(
    (
        "switchpool",
        "poolpriority",
        "enablepool",
        "disablepool",
        "setpool",
        "check",
        "ascset",
        "time",
    )
)
"""Commands that are denied in a join."""


def access_denied(command: str) -> Reply:
    """Refuse a command that cannot be joined with others."""
    return Reply(45, f"Access denied to '{command}' command")


def parse(received: bytes) -> Request:
    """Take a request apart as `api()` does.

    `cmd|param` or `{"command": …, "parameter": …}`. A trailing newline belongs to
    the command or the parameter in text form. Raises BadRequestError (23 Invalid
    JSON, 24 Missing JSON 'command', 14 for a command that is not a string).
    """
    text = received.split(b"\0", 1)[0].decode("utf-8", "replace")
    if text.startswith("{"):
        command, parameter = _parse_json(text)
        return _request(command, parameter, is_json=True)
    command, separator, parameter = text.partition("|")
    return _request(command, parameter if separator else None, is_json=False)


def _parse_json(text: str) -> tuple[str, str | None]:
    try:
        request = json.loads(text)
    except ValueError:
        raise BadRequestError(Reply(23, "Invalid JSON")) from None
    if "command" not in request:
        raise BadRequestError(Reply(24, "Missing JSON 'command'"))
    command = request["command"]
    if not isinstance(command, str):
        raise BadRequestError(INVALID_COMMAND)
    match request.get("parameter"):
        case str(parameter):
            return command, parameter
        case bool():
            return command, None
        case int(number):
            return command, str(number)
        case float(number):
            return command, f"{number:f}"
    return command, None


def _request(command: str, parameter: str | None, *, is_json: bool) -> Request:
    if "+" not in command:
        return Request((command,), parameter, is_json, joined=False)
    # A command given twice is answered once; a join takes no parameter.
    commands = tuple(dict.fromkeys(part for part in command.split("+") if part))
    return Request(commands, None, is_json, joined=True)


def answer(
    request: Request, run: Callable[[str, str | None, bool], Reply], when: int
) -> bytes:
    """Run the commands of a request and print the replies, NUL included.

    `run(command, parameter, joined)`; `when` is the device's clock in epoch seconds.
    """
    replies = [
        (command, run(command, request.parameter, request.joined))
        for command in request.commands
    ]
    if not request.joined:
        text = show(replies[0][1], when, is_json=request.is_json)
    elif request.is_json:
        parts = (
            f'"{command}":[{show(reply, when, is_json=True)}]'
            for command, reply in replies
        )
        text = "{" + ",".join(parts) + ',"id":1}'
    else:
        text = "".join(
            f"CMD={command}|{show(reply, when, is_json=False)}"
            for command, reply in replies
        )
    return text.encode() + b"\0"


def show(reply: Reply, when: int, *, is_json: bool) -> str:
    """Print one reply, without the NUL.

    The JSON is the firmware's own and is not always valid: only `"` and the
    backslash are escaped, so a newline in a message stays raw.
    """
    status: dict[str, Value] = {
        "STATUS": reply.severity or SEVERITY[reply.code],
        "When": when,
        "Code": reply.code,
        "Msg": Foreign(reply.message),
    }
    if reply.code != 14:
        # "Do not give out description for random probes" (api.c).
        status["Description"] = DESCRIPTION
    if is_json:
        sections = f'"STATUS":[{_json_row(status)}]'
        if reply.section is not None:
            rows = ",".join(_json_row(row) for row in reply.rows)
            sections += f',"{reply.section}":[{rows}]'
        return "{" + sections + ',"id":1}'
    text = _text_row(status)
    for row in reply.rows:
        text += f"{reply.section}," if reply.lone else ""
        text += _text_row(row)
    return text


def _json_row(row: Row) -> str:
    return "{" + ",".join(f'"{k}":{_json_value(v)}' for k, v in row.items()) + "}"


def _json_value(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int() | Number():
            return str(value)
        case Foreign():
            return '"' + re.sub(r'(["\\])', r"\\\1", value) + '"'
    return f'"{value}"'


def _text_row(row: Row) -> str:
    return ",".join(f"{k}={_text_value(v)}" for k, v in row.items()) + "|"


def _text_value(value: Value) -> str:
    match value:
        case bool():
            return str(value).lower()
        case Foreign():
            return re.sub(r"([,|=\\])", r"\\\1", value)
    return str(value)


def decimal(value: float, places: int) -> Number:
    """Print a number with so many decimals."""
    return Number(f"{value:.{places}f}")


def percent(part: float, rest: float) -> Number:
    """Print a part of the whole as the firmware does, 0 to 100."""
    return decimal(100 * part / (part + rest) if part + rest else 0, 4)


def scan(text: str) -> int | None:
    """Read an integer as sscanf("%d") does: what follows it does not matter."""
    match = re.match(r"\s*([+-]?\d+)", text)
    return None if match is None else int(match[1])


def atoi(text: str) -> int:
    """Read an integer, as C does: 0 if there is none."""
    return scan(text) or 0
