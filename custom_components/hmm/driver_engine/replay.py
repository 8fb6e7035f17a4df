"""Answers the requests of a driver from what another one was answered.

Only for a process of its own: it takes the place of the network in all of it. Nothing is
sent. What was not recorded fails as if nothing were there, and is noted in ``missed``.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
import importlib
import json
import socket
import sys
from typing import Any, Final

import aiohttp
from yarl import URL

from ..driver_api.transports.recording import Answer
from ..driver_api.transports.udp import BroadcastListener, Packet

_MAX_MISSED: Final = 20
_LONGEST: Final = 200
_KEPT_HEADERS: Final = {
    "content-type",
    "date",
    "age",
    "www-authenticate",
    "retry-after",
}

_FORBIDDEN: Final = (
    "_posixsubprocess.",
    *("ctypes.", "ftplib.", "http.client.", "imaplib.", "mmap.", "nntplib."),
    *("os.chmod", "os.chown", "os.exec", "os.fork", "os.forkpty", "os.kill"),
    *("os.link", "os.mkdir", "os.mkfifo", "os.posix_spawn", "os.putenv", "os.remove"),
    *("os.rename", "os.rmdir", "os.spawn", "os.startfile", "os.symlink", "os.system"),
    *("os.removexattr", "os.setxattr"),
    *("os.truncate", "os.unlink", "os.unsetenv", "os.utime", "poplib.", "pty.spawn"),
    *("resource.prlimit", "sys.remote_exec"),
    *("shutil.", "signal.pthread_kill", "smtplib.", "sqlite3.", "subprocess."),
    *("socket.sethostname", "syslog."),
    *("tempfile.", "urllib.Request", "webbrowser."),
)
"""What a driver that is tried may not do, by the events of Python's audit."""
_UNAUDITED: Final = {
    "posix": (
        *("mkfifo", "mknod", "sched_setaffinity", "sched_setparam"),
        *("sched_setscheduler", "setns", "setpriority"),
    ),
    "_signal": ("pidfd_send_signal",),
    "_multiprocessing": ("SemLock", "sem_unlink"),
    "_posixshmem": ("shm_open", "shm_unlink"),
}
"""The same of which there is no event: in other processes, files and shared memory."""
_FAMILIES: Final = {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}
"""Of sockets; those of the system itself are sent to without an address."""
_SENDING: Final = ("socket.connect", "socket.sendto", "socket.sendmsg", "socket.bind")
_WRITING: Final = frozenset("wax+")


class Replay:
    """The answers that there are now; ``install`` puts them in the place of the network."""

    def __init__(self) -> None:
        """Begin without any."""
        self.answers: dict[str, Answer] = {}
        self.missed: list[str] = []
        self._ports: set[int] = set()
        self._web = self._tcp = 0

    async def install(self) -> None:
        """Take the place of aiohttp's requests, of TCP and of broadcasts."""
        self._web = await self._serve(self._answer_web)
        self._tcp = await self._serve(self._answer_tcp)
        send, connect = aiohttp.ClientSession._request, asyncio.open_connection  # noqa: SLF001
        replay = self

        async def request(
            self: aiohttp.ClientSession, method: str, url: Any, **kwargs: Any
        ) -> aiohttp.ClientResponse:
            target = self._build_url(url)
            if params := kwargs.pop("params", None):
                target = target.extend_query(params)
            key = f"{method.upper()} {target}"
            answer = replay.find(key)
            if answer is None or not answer.status:
                msg = "It was not asked"
                raise aiohttp.ClientConnectionError(msg)
            kept = {"timeout", "raise_for_status", "middlewares", "max_line_size"}
            response: aiohttp.ClientResponse = await send(
                self,
                "GET",
                URL.build(scheme="http", host="127.0.0.1", port=replay._web),
                headers={"X-Asked": key.encode().hex()},
                allow_redirects=False,
                **{name: value for name, value in kwargs.items() if name in kept},
            )
            return response

        async def open_connection(
            host: Any = None, port: Any = None, **kwargs: Any
        ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
            return await connect("127.0.0.1", replay._tcp)

        async def listen(self: BroadcastListener, loop: Any) -> None:
            self.opened = loop.time()

        def find(self: BroadcastListener, host: str) -> Packet | None:
            answer = replay.find(f"udp {host}")
            packet = answer and answer.broadcast
            return packet if isinstance(packet, Packet) else None

        async def wait_for(
            self: BroadcastListener, host: str, timeout: float
        ) -> Packet | None:
            return find(self, host)

        for place, name, new in (
            (aiohttp.ClientSession, "_request", request),
            (asyncio, "open_connection", open_connection),
            (BroadcastListener, "_open", listen),
            (BroadcastListener, "find", find),
            (BroadcastListener, "wait_for", wait_for),
        ):
            setattr(place, name, new)
        self._forbid()
        sys.addaudithook(self._audit)

    def _forbid(self) -> None:
        """Replace what no event reports, wherever it was imported to."""
        for origin, names in _UNAUDITED.items():
            try:
                module = importlib.import_module(origin)
            except ImportError:
                continue
            for name in names:
                original = getattr(module, name, self)
                refuse = partial(self._refuse, f"{origin.removeprefix('_')}.{name}")
                for place in tuple(sys.modules.values()):
                    if vars(place).get(name) is original:
                        setattr(place, name, refuse)

    def find(self, key: str) -> Answer | None:
        """Return the answer to a request; note one that there is none to."""
        if (answer := self.answers.get(key)) is None:
            shown = key[:_LONGEST]
            if len(self.missed) < _MAX_MISSED and shown not in self.missed:
                self.missed.append(shown)
        return answer

    async def _serve(
        self,
        answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    ) -> int:
        """Listen on this machine only, for this process only; return the port."""

        async def handle(
            reader: asyncio.StreamReader, writer: asyncio.StreamWriter
        ) -> None:
            try:
                await answer(reader, writer)
            except OSError, ValueError, asyncio.IncompleteReadError:
                pass
            finally:
                writer.close()

        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        port: int = server.sockets[0].getsockname()[1]
        self._ports.add(port)
        return port

    async def _answer_web(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = (line.partition(": ") for line in head.split("\r\n"))
        key = next(line[2] for line in lines if line[0].lower() == "x-asked")
        answer = self.answers[bytes.fromhex(key).decode()]
        kept = [
            header for header in answer.headers if header[0].lower() in _KEPT_HEADERS
        ]
        shown = [
            f"HTTP/1.1 {answer.status} -",
            *(f"{name}: {value}" for name, value in kept),
            f"Content-Length: {len(answer.body)}",
            "Connection: close",
        ]
        writer.write("\r\n".join((*shown, "", "")).encode("latin-1", "replace"))
        writer.write(answer.body)
        await writer.drain()

    async def _answer_tcp(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Answer a command of cgminer, also several in one in another order."""
        names = _commands(await reader.read(4095))
        joined = "+".join(names)
        exact = self.answers.get(f"tcp {joined}")
        body = exact.body if exact else self._joined(names)
        if body is None:
            return  # It closes without a word
        writer.write(body)
        await writer.drain()

    def _joined(self, names: list[str]) -> bytes | None:
        """Return an answer made of the parts of others, None where there is no part."""
        parts: dict[str, Any] = {}
        for key, answer in self.answers.items():
            kind, _, commands = key.partition(" ")
            if kind != "tcp":
                continue
            try:
                data = json.loads(answer.body.rstrip(b"\0"))
            except ValueError:
                continue
            if "+" not in commands:
                parts[commands] = data
            elif isinstance(data, dict):
                for name in commands.split("+"):
                    part = data.get(name)
                    if isinstance(part, list) and part:
                        parts[name] = part[0]
        for name in names:
            if name not in parts:
                self.find(f"tcp {name}")
        replies = {name: parts[name] for name in names if name in parts}
        if not replies:
            return None
        if len(names) == 1:
            return json.dumps(replies[names[0]]).encode() + b"\0"
        return (
            json.dumps({key: [reply] for key, reply in replies.items()}).encode()
            + b"\0"
        )

    def _audit(self, event: str, args: tuple[Any, ...]) -> None:
        """Forbid what reaches beyond this process."""
        if event in _SENDING:
            address = args[1] if len(args) > 1 else None
            place = address[:2] if isinstance(address, tuple) else (address,)
            own = {("127.0.0.1", port) for port in self._ports}
            if place not in own or event != "socket.connect":
                where = ":".join(map(str, place))
                self.find(f"socket {where}")
                raise ConnectionRefusedError("It was not asked")
        elif event == "socket.getaddrinfo":
            if args[0] not in ("127.0.0.1", b"127.0.0.1"):
                self.find(f"name {args[0]}")
                raise socket.gaierror(socket.EAI_NONAME, "It was not asked")
        elif event == "socket.__new__" and args[1] not in _FAMILIES:
            self._refuse(f"socket {args[1]}")
        elif event == "open":
            mode, flags = args[1], args[2]
            writes = isinstance(mode, str) and _WRITING & set(mode)
            if writes or (isinstance(flags, int) and flags & 3):
                self._refuse("write a file")
        elif event.startswith(_FORBIDDEN):
            self._refuse(event)

    def _refuse(self, what: str, *_: object, **__: object) -> None:
        self.find(f"! {what}")
        raise PermissionError("A driver that is tried may not do that")


def _commands(request: bytes) -> list[str]:
    """Return the commands in a request of the cgminer API."""
    text = request.decode(errors="replace").strip("\0\r\n ")
    try:
        query = json.loads(text)
        command = str(query["command"])
        if query.get("parameter") not in (None, ""):
            # Those that read have none
            return [f"{command} {query['parameter']}"]
    except ValueError, LookupError, TypeError, AttributeError:
        command = text
    return command.split("+")
