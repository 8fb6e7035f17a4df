"""The cgminer API over TCP: one request per connection.

Framing (cgminer ``api.c``, read in Canaan's Nano 3S sources): the server reads
a request with ONE ``recv`` of at most 4095 bytes, answers, appends a NUL and
closes. Its accept loop is single-threaded, so an idle connection blocks every
other client, and a reader that dawdles gets half an answer.
"""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
import json
import socket
import time
from typing import Any

from custom_components.hmm.driver_api.errors import (
    BadAnswer,
    CannotConnect,
    InvalidValue,
)
from custom_components.hmm.driver_api.transports.failures import failure
from custom_components.hmm.driver_api.transports.heard import note_reply, note_request
from custom_components.hmm.driver_api.transports.json_text import load_json
from custom_components.hmm.driver_api.transports.recording import (
    Answer,
    current_recording,
)
from custom_components.hmm.driver_api.units import parse_int, parse_text

DEFAULT_PORT = 4028

MAX_REQUEST = 4095
"""Bytes that the server's single ``recv`` takes."""
MAX_ANSWER = 262_144
"""Bytes; the longest known answer (all of an Avalon Q) has about 8,000."""

# Sections are plural in JSON and singular in text.
_TEXT_SECTIONS = {"POOL": "POOLS", "ASC": "DEVS"}


class NoReply(CannotConnect):
    """The device took the request and closed the connection without a word.

    Some commands that stop the device (reboot, softon) end this way.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class CgminerAnswer:
    """One answer: its STATUS and its sections.

    ``letter`` is S (done), I (info), W (warning), E (error) or F (fatal).
    ``message`` and the sections stay out of ``repr``: the reply to ``setpool``
    repeats the pool password.
    """

    letter: str
    code: int | None = None
    message: str = field(default="", repr=False)
    when: int | None = None
    """The device's clock, in seconds since 1970."""
    sections: Mapping[str, tuple[Mapping[str, Any], ...]] = field(
        default_factory=dict, repr=False
    )

    @property
    def accepted(self) -> bool:
        """Return whether the device did, or will do, what was commanded."""
        return self.letter in ("S", "I", "W")

    def first(self, section: str) -> Mapping[str, Any]:
        """Return the first entry of a section, empty if there is none."""
        entries = self.sections.get(section, ())
        return entries[0] if entries else {}


class CgminerClient:
    """Talks to one device; one request at a time, none while another runs.

    Raises ``CannotConnect`` when nothing answers and ``BadAnswer`` when the
    answer is not of this protocol. No request and no answer is ever logged.
    """

    connect_timeout = 3.0
    answer_timeout = 10.0
    """Seconds for a whole exchange, also as long as another client may block it."""
    gap = 0.1
    """Seconds between two connections, for the sake of the single thread."""
    rejoin_seconds = 600.0
    """Seconds without joined commands after a device has refused them twice."""

    def __init__(self, host: str, port: int | None = None) -> None:
        """Prepare for a device; nothing is sent yet."""
        self.host = host
        self.port = port or DEFAULT_PORT
        self._lock = asyncio.Lock()
        self._closed_at: float | None = None
        self._refusals = 0
        self._join_at = 0.0

    @property
    def joins(self) -> bool:
        """Return whether several commands go over one connection now."""
        return time.monotonic() >= self._join_at

    async def command(self, name: str, parameter: str | None = None) -> CgminerAnswer:
        """Send one command and return its answer, whatever its status says."""
        answers = await self._exchange(name, parameter)
        if isinstance(answers, CgminerAnswer):
            return answers
        # A lone command may come back in the joined form.
        if (answer := answers.get(name)) is None:
            raise BadAnswer(
                "The answer is not to the question that was asked",
                reason="bad_response",
            )
        return answer

    async def read(self, *names: str) -> dict[str, CgminerAnswer]:
        """Return the accepted answers to read commands, in one connection.

        A firmware that refuses joined commands gets them one by one. One refusal is
        a slip, after two in a row ``rejoin_seconds`` pass before the next attempt.
        What the firmware does not support is missing from the result.
        """
        if len(names) > 1 and self.joins:
            answers = await self._exchange("+".join(names))
            if not isinstance(answers, CgminerAnswer):
                self._refusals = 0
                return {
                    name: answer
                    for name in names
                    if (answer := answers.get(name)) is not None and answer.accepted
                }
            # One well-formed answer to a question of many: a refusal. Broken
            # answers raise above and are no reason to give up joining.
            self._refusals += 1
            if self._refusals > 1:
                self._join_at = time.monotonic() + self.rejoin_seconds
        singles = {name: await self.command(name) for name in names}
        return {name: answer for name, answer in singles.items() if answer.accepted}

    async def _exchange(
        self, name: str, parameter: str | None = None
    ) -> CgminerAnswer | dict[str, CgminerAnswer]:
        request = {"command": name}
        if parameter is not None:
            request["parameter"] = parameter
        data = json.dumps(request, ensure_ascii=False).encode()
        if len(data) > MAX_REQUEST:
            raise InvalidValue(
                "That is longer than the device can take", reason="text_not_allowed"
            )
        async with self._lock:
            if self._closed_at is not None:
                wait = self._closed_at + self.gap - time.monotonic()
                if wait > 0:
                    await asyncio.sleep(wait)
            try:
                async with asyncio.timeout(self.answer_timeout):
                    raw = await self._talk(data)
                if (recording := current_recording()) is not None:
                    recording.note(f"tcp {name}", Answer(raw))
            except TimeoutError as err:
                raise CannotConnect(
                    "The device did not answer in time", reason="timed_out"
                ) from err
            finally:
                self._closed_at = time.monotonic()
        return parse_answer(raw)

    async def _talk(self, request: bytes) -> bytes:
        note_request()
        try:
            async with asyncio.timeout(self.connect_timeout):
                reader, writer = await asyncio.open_connection(
                    self.host, self.port, family=socket.AF_INET
                )
        except TimeoutError as err:
            raise CannotConnect(
                "Nothing answers at this address", reason="no_response"
            ) from err
        except (OSError, UnicodeError) as err:
            raise CannotConnect(
                "The device cannot be reached", reason=failure(err)
            ) from err
        raw = bytearray()
        try:
            writer.write(request)
            while chunk := await reader.read(65536):
                note_reply()
                raw += chunk
                if len(raw) > MAX_ANSWER:
                    raise BadAnswer("The answer is far too long", reason="bad_response")
                # It ends an answer; some firmwares then wait for the next question
                if raw.endswith(b"\0"):
                    break
        except OSError as err:
            raise NoReply(
                "The device broke the connection", reason="connection_lost"
            ) from err
        finally:
            # Not close(): a half-closed socket would keep the device's only
            # thread busy.
            writer.transport.abort()
        if not raw.strip(b"\0"):
            raise NoReply(
                "The device closed the connection without an answer",
                reason="connection_lost",
            )
        return bytes(raw)


def parse_answer(raw: bytes) -> CgminerAnswer | dict[str, CgminerAnswer]:
    """Return one answer, or the answers to joined commands by command.

    JSON is tried first, then the text form, which some firmwares use for
    errors even when they were requested in JSON. Raises ``BadAnswer``.
    """
    text = raw.replace(b"\0", b"").decode(errors="replace").strip()
    if text.startswith(("STATUS=", "CMD=")):
        # Truncated JSON is recognized as such; text ends with | and NUL.
        if not raw.endswith(b"\0") and not text.endswith("|"):
            raise BadAnswer("The answer is incomplete", reason="connection_lost")
        return _parse_text_answer(text)
    if text[:1] == "<" or text[:5] == "HTTP/":
        raise BadAnswer(
            "A web server answers there, not a cgminer API", reason="not_a_miner"
        )
    data = _load_json(text)
    if not isinstance(data, dict):
        raise _not_cgminer()
    if "STATUS" in data:
        return _json_answer(data)
    parts = {
        name: _json_answer(value[0])
        for name, value in data.items()
        if isinstance(value, list) and value and _has_status(value[0])
    }
    if not parts:
        raise _not_cgminer()
    return parts


def _not_cgminer() -> BadAnswer:
    return BadAnswer("The answer is not of the cgminer API", reason="bad_response")


def _load_json(text: str) -> Any:
    try:
        return load_json(text)
    except ValueError:
        if text.startswith("{"):
            raise BadAnswer(
                "The answer is incomplete or broken", reason="bad_response"
            ) from None
        raise _not_cgminer() from None


def _has_status(value: Any) -> bool:
    return isinstance(value, dict) and "STATUS" in value


def _json_answer(data: Mapping[str, Any]) -> CgminerAnswer:
    status = data["STATUS"]
    if isinstance(status, list):
        status = status[0] if status else None
    if not isinstance(status, dict):
        raise _not_cgminer()
    return _build(
        status,
        {
            name: tuple(entry for entry in value if isinstance(entry, dict))
            for name, value in data.items()
            if name != "STATUS" and isinstance(value, list)
        },
    )


def _build(
    status: Mapping[str, Any],
    sections: Mapping[str, tuple[Mapping[str, Any], ...]],
) -> CgminerAnswer:
    if (letter := parse_text(status.get("STATUS"))) is None:
        raise _not_cgminer()
    message = status.get("Msg")
    return CgminerAnswer(
        letter=letter[0].upper(),
        code=parse_int(status.get("Code")),
        message=message if isinstance(message, str) else "",
        when=parse_int(status.get("When")),
        sections=sections,
    )


def _parse_text_answer(text: str) -> CgminerAnswer | dict[str, CgminerAnswer]:
    """Parse ``STATUS=S,When=..|SUMMARY,Elapsed=..|``, joined after ``CMD=name``."""
    parts: dict[str, tuple[dict[str, str], dict[str, list[Mapping[str, Any]]]]] = {}
    command = ""
    for name, entry in _text_sections(text):
        if name == "CMD":
            command = entry["CMD"]
        elif name == "STATUS":
            parts[command] = (entry, {})
        elif command in parts:
            section = _TEXT_SECTIONS.get(name, name)
            parts[command][1].setdefault(section, []).append(entry)
    answers = {
        name: _build(status, {key: tuple(value) for key, value in sections.items()})
        for name, (status, sections) in parts.items()
    }
    if not answers:
        raise _not_cgminer()
    return answers.get("", answers)


def _text_sections(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    for section in _split(text, "|"):
        if not section.strip():
            continue
        name = ""
        entry: dict[str, list[str]] = {}
        last: list[str] | None = None
        for item in _split(section.strip("\r\n"), ",", nesting=True):
            key, equals, value = item.partition("=")
            if not name:
                name = key = key.strip()
                if not equals:
                    continue
            if equals:
                last = entry[key] = [value]
            elif last is not None:
                # A comma of the value before: messages are not escaped.
                last.append(item)
        yield name, {key: ",".join(parts) for key, parts in entry.items()}


def _split(text: str, separator: str, *, nesting: bool = False) -> Iterator[str]:
    r"""Split at a separator that is not escaped with ``\`` nor inside brackets.

    Avalon's ``SYSTEMSTATU[Work: In Work, Hash Board: 1]`` holds a bare comma.
    """
    depth = 0
    escaped = False
    part: list[str] = []
    for char in text:
        if escaped:
            # Kept for the inner split, which removes it.
            part.append(char if nesting else f"\\{char}")
            escaped = False
        elif char == "\\":
            escaped = True
        elif char == separator and not depth:
            yield "".join(part)
            part = []
        else:
            if nesting:
                depth += (char == "[") - (char == "]" and depth > 0)
            part.append(char)
    yield "".join(part)
