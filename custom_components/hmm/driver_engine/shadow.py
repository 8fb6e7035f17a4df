"""Runs one driver on the answers that another one got, in a process of its own.

``trial`` starts it. A question is a pickle in Base64 in a line, of this program; an
answer is JSON in a line. The driver reaches neither the network nor a file.
"""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import dataclass, field
import json
import os
import pickle
import threading
from typing import IO, Any, Final

import aiohttp

from ..driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    DriverContext,
    DriverError,
    reason_of,
)
from ..driver_api.transports.recording import Answer
from . import faults
from .client import MinerClient
from .comparison import readable
from .declaration import DriverId
from .driver_files import DriverFile
from .interface import too_new
from .loaded import LoadedDrivers
from .pool_client import PoolAccount, discreet, fetch_tiles, make_pool_driver
from .replay import Replay
from .user_file import load_user_file

CPU_SECONDS: Final = 20
"""What a driver may compute for a poll, or while it is loaded."""

_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Load:
    """The first question: which driver."""

    file: DriverFile
    settings: dict[str, Any] = field(repr=False)
    id: DriverId


@dataclass(frozen=True, slots=True)
class Poll:
    """Each further question: what the running driver was answered, and where."""

    answers: dict[str, Answer] = field(repr=False)
    host: str = ""
    port: int | None = None
    options: dict[str, Any] = field(default_factory=dict, repr=False)
    account: PoolAccount | None = None
    """None for a miner."""


def serve(questions: IO[bytes], out: IO[str], limit: Callable[[], None]) -> None:
    """Answer questions until there are no more."""

    def say(answer: Any) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    async def run() -> None:
        loop = asyncio.get_running_loop()
        replay = Replay()
        await replay.install()
        say("ready")
        driver: _Driver | None = None
        lines: asyncio.Queue[bytes] = asyncio.Queue()

        def read_questions() -> None:
            for line in questions:
                loop.call_soon_threadsafe(lines.put_nowait, line)
            # Home Assistant has ended, whatever the driver does now
            os._exit(0)

        threading.Thread(target=read_questions, daemon=True).start()
        while True:
            line = await lines.get()
            limit()
            question = pickle.loads(base64.b64decode(line))  # noqa: S301  ours
            if isinstance(question, Load):
                failed, driver = _load(question)
                say(failed)
            elif driver is not None:
                say(await driver.poll(question, replay))

    asyncio.run(run())


def _load(question: Load) -> tuple[Any, _Driver | None]:
    """Return what is wrong with a file, packed, or its driver."""
    if (newer := too_new(question.file)) is not None:
        return [faults.pack(newer.reason), None], None
    drivers = LoadedDrivers()
    load_user_file(drivers, question.file, question.settings)
    id_ = question.id
    driver = (drivers.miners if id_.kind == "miner" else drivers.pools).get(
        id_.driver_type
    )
    if driver is not None:
        return None, _Driver(driver.driver_class)
    if drivers.failed:
        failed = drivers.failed[0]
        return [faults.pack(failed.reason), failed.line], None
    return [faults.pack(faults.why("type_gone", driver=id_)), None], None


class _Driver:
    """The driver, which keeps what it knows from poll to poll as it would elsewhere."""

    def __init__(self, kind: type[BaseMinerAdapter | BasePoolIntegration]) -> None:
        """Make nothing yet."""
        self._kind: Any = kind
        self._session: aiohttp.ClientSession | None = None
        self._client: MinerClient | None = None
        self._pool: BasePoolIntegration | None = None

    async def poll(self, question: Poll, replay: Replay) -> dict[str, Any]:
        """Return the fields that it reads, or why it reads none."""
        replay.answers, replay.missed = question.answers, []
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        result: dict[str, Any] = {}
        try:
            result["fields"] = readable(await self._read(question))
        except DriverError as err:
            reason = reason_of(err)
            # Its words may quote the device
            values = {
                name: value
                for name, value in reason.values.items()
                if name in ("driver", "error", "file", "line")
            }
            result["failed"] = [
                reason.key[:_LONGEST],
                {name: str(value)[:_LONGEST] for name, value in values.items()},
            ]
        result["missed"] = [
            discreet(request.partition("?")[0], question.account)
            for request in replay.missed
        ]
        return result

    async def _read(self, question: Poll) -> Any:
        assert self._session is not None
        if question.account is not None:
            if self._pool is None:
                self._pool = make_pool_driver(self._kind, self._session)
            return await fetch_tiles(self._pool, question.account)
        if self._client is None:
            context = DriverContext(session=self._session, options=question.options)
            self._client = MinerClient(
                self._kind, context, question.host, question.port
            )
        return await self._client.poll()
