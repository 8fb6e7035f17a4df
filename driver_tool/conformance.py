"""Tests whether a driver keeps the contract: the same tests for every driver.

Most checks need no device but a session of it (what it once answered): the device is
played from that, with keys missing, with half answers, or silent. A live device is
asked only to make such a session, and for what changes it (``may_write``).
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from enum import StrEnum
import logging
from typing import Any, Self

import aiohttp

from custom_components.hmm.driver_api import BaseMinerAdapter, BasePoolIntegration

from .masks import find_secrets
from .problems import ToolError
from .replay import Replay
from .session import Session
from .show import show_error

KEEPALIVE_SECONDS = 75
"""As HMM lends it: longer than from one poll to the next."""

CHECK_SECONDS = 300
"""After which a check has failed."""


class Outcome(StrEnum):
    """What came of a check."""

    PASSED = "pass"
    FAILED = "FAIL"
    NOT_APPLICABLE = "n/a"


class Failed(Exception):
    """The driver does not do what the check wants; the message says what it does."""


class NotApplicable(Exception):
    """The check makes no sense for this driver or device; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check and what came of it. ``detail`` may have several lines."""

    check: str
    means: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench[T: (BaseMinerAdapter, BasePoolIntegration)]:
    """A driver to test, and what it is tested with.

    ``address`` is the live device, None if there is only its session. ``account`` is
    whose figures a pool is asked for, as the keyword arguments of HMM; where
    ``{address}`` stands in them, it is replaced by the device of the moment.
    """

    driver_class: type[T]
    session: Session
    address: tuple[str, int] | None = None
    may_write: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def secrets(self) -> Iterable[str]:
        """Return what may be seen in no message, log or repr."""
        known = [
            value
            for settings in (self.options, self.account)
            for key, value in settings.items()
            if isinstance(value, str)
            and any(
                word in key for word in ("password", "secret", "key", "token", "user")
            )
        ]
        return find_secrets(self.session, known)

    def need_session(self) -> Session:
        """Return the session. Raises NotApplicable: nothing was recorded."""
        if not self.session.exchanges:
            msg = (
                "The device is not asked over HTTP or TCP, so that it cannot be played"
            )
            raise NotApplicable(msg)
        return self.session

    def play(self) -> Replay:
        """Return the device of the session, which answers the same each time."""
        return Replay(self.need_session(), frozen=True)


@dataclass(frozen=True, slots=True)
class Check[T: (BaseMinerAdapter, BasePoolIntegration)]:
    """One thing to test. ``run`` returns a note, or raises Failed or NotApplicable."""

    id: str
    means: str
    run: Callable[[Bench[T]], Awaitable[str | None]]


async def run_checks[T: (BaseMinerAdapter, BasePoolIntegration)](
    bench: Bench[T], checks: Sequence[Check[T]], *, at_once: bool = True
) -> list[Result]:
    """Run the checks, those that do not touch the live device side by side."""
    if not at_once:
        return [await _run(bench, check) for check in checks]
    return list(await asyncio.gather(*(_run(bench, check) for check in checks)))


async def _run[T: (BaseMinerAdapter, BasePoolIntegration)](
    bench: Bench[T], check: Check[T]
) -> Result:
    outcome, detail = Outcome.PASSED, ""
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            detail = await check.run(bench) or ""
    except NotApplicable as err:
        outcome, detail = Outcome.NOT_APPLICABLE, str(err)
    except Failed as err:
        outcome, detail = Outcome.FAILED, str(err)
    except TimeoutError:
        outcome = Outcome.FAILED
        detail = f"It was not done after {CHECK_SECONDS} s"
    # Whatever a driver raises, the other checks go on
    except (Exception, SystemExit) as err:  # noqa: BLE001
        outcome, detail = Outcome.FAILED, show_error(err)
    return Result(check=check.id, means=check.means, outcome=outcome, detail=detail)


@asynccontextmanager
async def lent_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Lend a session as HMM does."""
    connector = aiohttp.TCPConnector(keepalive_timeout=KEEPALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


# --- what is left behind ---------------------------------------------------------------

_OWNER: ContextVar[object] = ContextVar("owner", default=None)


@asynccontextmanager
async def no_tasks_left() -> AsyncIterator[None]:
    """Raise Failed if what is done inside leaves tasks running."""
    mark = object()
    token = _OWNER.set(mark)
    try:
        yield
    finally:
        _OWNER.reset(token)
    # A task that was just told to stop needs a moment
    for _ in range(100):
        left = [
            task
            for task in asyncio.all_tasks()
            if task.get_context().get(_OWNER) is mark
        ]
        if not left:
            return
        await asyncio.sleep(0.02)
    names = ", ".join(str(task.get_coro()) for task in left)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    msg = f"It leaves tasks running: {names}"
    raise Failed(msg)


async def all_hung_up(replay: Replay) -> None:
    """Raise Failed if connections stay open."""
    for _ in range(100):
        if not replay.open_connections:
            return
        await asyncio.sleep(0.02)
    msg = f"It leaves {replay.open_connections} connections open"
    raise Failed(msg)


class LogWatch(logging.Handler):
    """Keeps what is logged while a block runs, to look for secrets in it."""

    def __init__(self, *loggers: str) -> None:
        """Watch these loggers and those below them."""
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._loggers = [logging.getLogger(name) for name in loggers]
        self._levels: list[int] = []

    def __enter__(self) -> Self:
        """Begin."""
        self._levels = [logger.level for logger in self._loggers]
        for logger in self._loggers:
            logger.addHandler(self)
            logger.setLevel(logging.DEBUG)
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        for logger, level in zip(self._loggers, self._levels, strict=True):
            logger.removeHandler(self)
            logger.setLevel(level)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one line."""
        self.lines.append(self.format(record))


def look_for_secrets(secrets: Iterable[str], where: str, text: str) -> None:
    """Raise Failed if a secret stands in a text. The message does not quote it."""
    for secret in secrets:
        if secret in text:
            kind = secret[:3] + "..."
            msg = f"{where} shows a secret ({kind}, {len(secret)} characters)"
            raise Failed(msg)


def report(results: Iterable[Result]) -> str:
    """Return the results as a table, with what failed at the end."""
    from .show import table

    results = list(results)
    lines = [
        table(
            [(result.outcome.value, result.check, result.means) for result in results]
        )
    ]
    for result in results:
        if result.detail and result.outcome is not Outcome.PASSED:
            detail = result.detail.replace("\n", "\n    ")
            lines.append(f"\n{result.outcome.value}  {result.check}\n    {detail}")
    count = dict.fromkeys(Outcome, 0)
    for result in results:
        count[result.outcome] += 1
    lines.append(
        f"\n{count[Outcome.PASSED]} passed, {count[Outcome.FAILED]} failed,"
        f" {count[Outcome.NOT_APPLICABLE]} not applicable"
    )
    return "\n".join(lines)


def need(condition: object, message: str) -> None:
    """Raise Failed with a message unless something is so."""
    if not condition:
        raise Failed(message)


__all__ = [
    "Bench",
    "Check",
    "Failed",
    "LogWatch",
    "NotApplicable",
    "Outcome",
    "Result",
    "ToolError",
    "all_hung_up",
    "lent_session",
    "look_for_secrets",
    "need",
    "no_tasks_left",
    "report",
    "run_checks",
]
