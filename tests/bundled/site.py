"""A web server with a few answers, for the tests of pool drivers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from email.utils import formatdate
import json
import ssl
from typing import Any

from tests.listening import listening


class Site:
    """Answers by path: text, a JSON value, or (status, body, header lines); else 404."""

    def __init__(self, answers: dict[str, Any], content_type: str) -> None:
        """Answer with these; text is JSON, too, unless it is a site of plain text."""
        self.answers = answers
        self.content_type = content_type
        self.paths: list[str] = []
        """What was asked for, with its query where that tells answers apart."""
        self.heads: list[str] = []
        self.silent: set[str] = set()
        """The paths that get no answer."""
        self.clock: float | None = None
        """What the clock says, if there is one."""
        self.scheme = "http"
        self.port = 0

    @property
    def base(self) -> str:
        """Return its address."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    async def serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection."""
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                assert head.startswith("GET ")
                path = head.split()[1]
                if path not in self.answers:
                    path = path.partition("?")[0]
                self.heads.append(head.lower())
                self.paths.append(path)
                if path in self.silent:
                    await reader.read()
                await self.answer(path, writer)
        except asyncio.IncompleteReadError, ConnectionError:
            pass
        finally:
            writer.close()

    async def answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        answer = self.answers.get(path, (404, "<html>Not here</html>", ""))
        if not isinstance(answer, tuple):
            is_text = self.content_type == "text/plain" and isinstance(answer, str)
            answer = (200, answer if is_text else json.dumps(answer), "")
        status, text, headers = answer
        if self.clock is not None:
            headers += f"Date: {formatdate(self.clock, usegmt=True)}\r\n"
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Length: {len(text.encode())}\r\n"
            f"Content-Type: {self.content_type}\r\n{headers}\r\n{text}".encode()
        )
        await writer.drain()


@asynccontextmanager
async def serving(
    answers: dict[str, Any],
    certificate: ssl.SSLContext | None = None,
    content_type: str = "text/html",
) -> AsyncGenerator[Site]:
    """Run a site."""
    site = Site(answers, content_type)
    site.scheme = "https" if certificate else "http"
    async with listening(site.serve, certificate) as site.port:
        yield site
