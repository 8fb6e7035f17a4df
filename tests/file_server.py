"""A small web server that has driver files, and everything that can go wrong."""

import asyncio
import contextlib
from types import TracebackType
from typing import Self


class FileServer:
    """Serves files over plain HTTP on 127.0.0.1, as raw as it needs to be."""

    def __init__(self) -> None:
        """Begin without any file."""
        self.port = 0
        self.requests: list[str] = []
        self._answers: dict[str, bytes] = {}
        self._cut: set[str] = set()
        self._silent: set[str] = set()
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Listen on a free port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Hang up."""
        await self.stop()

    async def stop(self) -> None:
        """Be gone, as far as everybody else can see."""
        if self._server is None:
            return
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._server = None

    def url(self, path: str) -> str:
        """Return the address of a file."""
        return f"http://127.0.0.1:{self.port}{path}"

    def put(
        self, path: str, body: bytes | str, content_type: str = "text/plain"
    ) -> str:
        """Serve a file; return its address."""
        body = body.encode() if isinstance(body, str) else body
        return self.answer(
            path,
            f"200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}",
            body,
        )

    def answer(self, path: str, head: str, body: bytes = b"") -> str:
        """Serve an answer with any status and headers; return its address."""
        self._answers[path] = f"HTTP/1.1 {head}\r\n\r\n".encode() + body
        self._cut.discard(path)
        return self.url(path)

    def cut(self, path: str) -> str:
        """Hang up half way through a file."""
        self._cut.add(path)
        return self.url(path)

    def hush(self, path: str) -> str:
        """Take requests for a file and never answer."""
        self._silent.add(path)
        return self.url(path)

    def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = request.split(" ")[1]
            self.requests.append(path)
            if path in self._silent:
                await asyncio.sleep(3600)
            answer = self._answers.get(
                path, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
            )
            if path in self._cut:
                answer = answer[: answer.index(b"\r\n\r\n") + len(answer) // 3]
            writer.write(answer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
