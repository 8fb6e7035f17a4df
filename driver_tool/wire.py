"""HTTP/1.1 messages as they are on the wire: what a proxy needs of them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

MAX_BODY = 8_388_608
"""Bytes."""


class NotHttp(Exception):
    """Something else than HTTP came; ``raw`` is all that was read."""

    def __init__(self, raw: bytes) -> None:
        """Keep what was read."""
        super().__init__("This is not HTTP")
        self.raw = raw


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One request or answer; ``raw`` are its bytes, ``body`` what they carry."""

    first: tuple[str, str, str]
    headers: Mapping[str, str]
    body: bytes
    raw: bytes
    closes: bool
    """Whether the connection ends with this message."""


async def read_request(reader: asyncio.StreamReader) -> Message | None:
    """Return the next request, None if the client hung up. Raises NotHttp."""
    return await _read(reader, answers=None)


async def read_answer(reader: asyncio.StreamReader, method: str) -> Message | None:
    """Return the answer to a request, None if there is none. Raises NotHttp."""
    return await _read(reader, answers=method)


async def _read(reader: asyncio.StreamReader, answers: str | None) -> Message | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as err:
        if not err.partial:
            return None
        raise NotHttp(err.partial) from err
    except asyncio.LimitOverrunError as err:
        raise NotHttp(await reader.read(65536)) from err
    lines = head.decode("latin-1").split("\r\n")
    words = lines[0].split(" ", 2)
    if len(words) < 2 or "HTTP/" not in lines[0]:
        raise NotHttp(head)
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in lines[1:] if line)
    }
    raw = bytearray(head)
    try:
        body, is_last = await _read_body(reader, raw, headers, words, answers)
    except asyncio.IncompleteReadError as err:
        raise NotHttp(bytes(raw) + err.partial) from err
    except ValueError as err:
        raise NotHttp(bytes(raw)) from err
    first = (words[0], words[1], words[2] if len(words) > 2 else "")
    return Message(
        first=first,
        headers=headers,
        body=body,
        raw=bytes(raw),
        closes=is_last or headers.get("connection", "").lower() == "close",
    )


async def _read_body(
    reader: asyncio.StreamReader,
    raw: bytearray,
    headers: Mapping[str, str],
    words: list[str],
    answers: str | None,
) -> tuple[bytes, bool]:
    """Return the body, and whether the connection ends with it."""
    if answers is not None and (
        answers == "HEAD" or words[1].startswith("1") or words[1] in ("204", "304")
    ):
        return b"", False
    if "chunked" in headers.get("transfer-encoding", "").lower():
        return await _read_chunks(reader, raw), False
    if "content-length" in headers:
        length = int(headers["content-length"])
        if not 0 <= length <= MAX_BODY:
            raise ValueError(length)
        body = await reader.readexactly(length)
        raw += body
        return body, False
    if answers is None:
        return b"", False
    # Without a length, an answer ends with the connection
    body = b""
    while len(body) <= MAX_BODY and (chunk := await reader.read(65536)):
        body += chunk
    raw += body
    return body, True


async def _read_chunks(reader: asyncio.StreamReader, raw: bytearray) -> bytes:
    body = bytearray()
    while True:
        line = await reader.readuntil(b"\n")
        raw += line
        size = int(line.split(b";")[0].strip(), 16)
        if size == 0:
            break
        if not 0 < size <= MAX_BODY - len(body):
            raise ValueError(size)
        piece = await reader.readexactly(size + 2)
        raw += piece
        body += piece[:-2]
    while True:
        line = await reader.readuntil(b"\n")
        raw += line
        if not line.strip():
            return bytes(body)
