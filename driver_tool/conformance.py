"""Tests whether a driver keeps the contract: the same tests for every driver.

Most checks require no device but a session of it (what it once answered): the device is
played from that, with keys missing, with half answers, or silent. A live device is
asked only to make such a session, and for what changes it (``may_write``).
"""

import asyncio
from collections import Counter
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
import inspect
import logging
import time
from typing import Any, Self

import aiohttp

from custom_components.hmm.driver_api import (
    BaseMinerAdapter,
    BasePoolIntegration,
    DashboardTileData,
    MinerTelemetry,
)
from custom_components.hmm.driver_api.ranges import Range, Text, rule_of

from .masks import find_secrets, is_secret
from .replay import BadResponse, Replay
from .session import Session
from .show import show_error, table

KEEPALIVE_SECONDS = 75
"""As HMM provides it: longer than from one poll to the next."""

CANCEL_SECONDS = 5
LEFT_SECONDS = 2.0
"""How long a task or connection may take to end, once all is over."""

CHECK_SECONDS = 300
"""After which a check has failed."""


class Outcome(StrEnum):
    """What came of a check."""

    PASSED = "pass"
    FAILED = "FAIL"
    NOT_APPLICABLE = "n/a"
    WARNING = "warn"


class CheckFailed(Exception):
    """The driver does not do what the check wants; the message says what it does."""


class CheckWarning(Exception):
    """It may be as it should for this device; the message says what to check."""


class CheckSkipped(Exception):
    """The check makes no sense for this driver or device; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One check and what came of it. ``detail`` may have several lines."""

    check: str
    means: str
    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext[T: (BaseMinerAdapter, BasePoolIntegration)]:
    """A driver to test, and what it is tested with.

    ``address`` is the live device, None if there is only its session. ``account`` is
    the account at a pool, as the keyword arguments of HMM; where
    ``{address}`` stands in them, it is replaced by the present device.
    """

    driver_class: type[T]
    session: Session
    address: tuple[str, int] | None = None
    may_write: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    account: dict[str, Any] = field(default_factory=dict)

    @property
    def secrets(self) -> list[str]:
        """Return what may be seen in no message, log or repr."""
        reported = {**self.options, **self.account, **self.account.get("settings", {})}
        values = [
            value
            for key, value in reported.items()
            if isinstance(value, str) and is_secret(key)
        ]
        # A user may be called as the driver is, whose name appears in messages
        own = f"{self.driver_class.__module__}.{self.driver_class.__qualname__}"
        secrets = find_secrets(self.session, values)
        return [secret for secret in secrets if secret.lower() not in own.lower()]

    def require_session(self) -> Session:
        """Return the session. Raises CheckSkipped: nothing was recorded."""
        if not self.session.exchanges:
            raise CheckSkipped(
                "The device is not asked over HTTP or TCP, so that it cannot be played"
            )
        return self.session

    def play(self) -> Replay:
        """Return the device of the session, which answers the same each time."""
        return Replay(self.require_session(), frozen=True)


@dataclass(frozen=True, slots=True)
class Check[T: (BaseMinerAdapter, BasePoolIntegration)]:
    """One thing to test.

    ``run`` returns a note, or raises CheckFailed, CheckWarning or CheckSkipped.
    """

    id: str
    means: str
    run: Callable[[CheckContext[T]], Awaitable[str | None]]


async def run_checks[T: (BaseMinerAdapter, BasePoolIntegration)](
    context: CheckContext[T], checks: Sequence[Check[T]], *, at_once: bool = True
) -> list[Result]:
    """Run the checks, those that do not touch the live device side by side."""
    if not at_once:
        return [await _run(context, check) for check in checks]
    return list(await asyncio.gather(*(_run(context, check) for check in checks)))


async def _run[T: (BaseMinerAdapter, BasePoolIntegration)](
    context: CheckContext[T], check: Check[T]
) -> Result:
    outcome, detail = Outcome.PASSED, ""
    limit = asyncio.timeout(CHECK_SECONDS)
    try:
        async with limit:
            detail = await check.run(context) or ""
    except CheckSkipped as err:
        outcome, detail = Outcome.NOT_APPLICABLE, str(err)
    except CheckWarning as err:
        outcome, detail = Outcome.WARNING, str(err)
    except CheckFailed as err:
        outcome, detail = Outcome.FAILED, str(err)
    # Whatever a driver raises, the other checks continue
    except (Exception, SystemExit) as err:  # noqa: BLE001
        outcome, detail = Outcome.FAILED, show_error(err)
        if limit.expired():
            detail = f"It was not done after {CHECK_SECONDS} s"
        elif isinstance(err, TypeError) and (wrong := _not_async(context.driver_class)):
            detail = "\n".join(
                f"{name} must be async: write `async def {name}(...)`" for name in wrong
            )
    return Result(check=check.id, means=check.means, outcome=outcome, detail=detail)


def _not_async(
    driver_class: type[BaseMinerAdapter | BasePoolIntegration],
) -> list[str]:
    """Return the methods that HMM awaits, but that cannot be."""
    base = (
        BaseMinerAdapter
        if issubclass(driver_class, BaseMinerAdapter)
        else BasePoolIntegration
    )
    return [
        name
        for name, _ in inspect.getmembers_static(base, inspect.iscoroutinefunction)
        if not inspect.iscoroutinefunction(getattr(driver_class, name))
    ]


@asynccontextmanager
async def shared_session() -> AsyncIterator[aiohttp.ClientSession]:
    """Provide a session as HMM does."""
    connector = aiohttp.TCPConnector(keepalive_timeout=KEEPALIVE_SECONDS)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


# --- what is left behind ---------------------------------------------------------------

_OWNER: ContextVar[object] = ContextVar("owner", default=None)


@asynccontextmanager
async def require_no_tasks() -> AsyncIterator[None]:
    """Raise CheckFailed if what is done inside leaves tasks running."""
    mark = object()
    token = _OWNER.set(mark)
    try:
        yield
    finally:
        _OWNER.reset(token)

    def running() -> list[asyncio.Task[Any]]:
        return [
            task
            for task in asyncio.all_tasks()
            if task.get_context().get(_OWNER) is mark
        ]

    if not (left := await _what_stays(running)):
        return
    names = ", ".join(str(task.get_coro()) for task in left)
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    raise CheckFailed(f"It leaves tasks running: {names}")


async def require_closed(replay: Replay) -> None:
    """Raise CheckFailed if connections stay open."""
    if left := await _what_stays(lambda: replay.open_connections):
        raise CheckFailed(f"It leaves {left} connections open")


async def _what_stays[T](count: Callable[[], T]) -> T:
    """Return what remains after a short time."""
    deadline = time.monotonic() + LEFT_SECONDS
    while (left := count()) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return left


async def cancel_and_wait(task: asyncio.Task[Any], replay: Replay) -> None:
    """Cancel what waits for a device. Raises CheckFailed if it does not end with that."""
    try:
        async with asyncio.timeout(CANCEL_SECONDS):
            await replay.was_requested.wait()
    except TimeoutError as err:
        task.cancel()
        await asyncio.wait((task,), timeout=CANCEL_SECONDS)
        raise CheckFailed(
            f"It asks nothing within {CANCEL_SECONDS} s, so that nothing can be stopped"
        ) from err
    task.cancel()
    done, _ = await asyncio.wait((task,), timeout=CANCEL_SECONDS)
    if not done:
        # It must not retry in a loop while the device is taken away
        replay.bad_response = BadResponse.HANGS_UP
        task.cancel()
        await asyncio.wait((task,), timeout=CANCEL_SECONDS)
    require(done, "What is cancelled goes on. Does something catch CancelledError?")
    require(task.cancelled(), "What is cancelled does not end with CancelledError")


class LogWatch(logging.Handler):
    """Keeps what is logged while a block runs, to search it for secrets."""

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


def require_no_secrets(secrets: Iterable[str], where: str, text: str) -> None:
    """Raise CheckFailed if a secret stands in a text. The message does not quote it."""
    for secret in secrets:
        if secret in text:
            kind = secret[:3] + "..."
            msg = f"{where} shows a secret ({kind}, {len(secret)} characters)"
            raise CheckFailed(msg)


def report(results: Iterable[Result]) -> str:
    """Return the results as a table, with what failed at the end."""
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
    count = Counter(result.outcome for result in results)
    lines.append(
        f"\n{count[Outcome.PASSED]} passed, {count[Outcome.FAILED]} failed,"
        f" {count[Outcome.NOT_APPLICABLE]} not applicable"
        + (f", {doubts} to look at" if (doubts := count[Outcome.WARNING]) else "")
    )
    return "\n".join(lines)


def require(condition: object, message: str) -> None:
    """Raise CheckFailed with a message unless something is so."""
    if not condition:
        raise CheckFailed(message)


def unreadable_fields(
    answer: Any, read: MinerTelemetry | DashboardTileData
) -> list[str]:
    """Say which values of an answer HMM does not take as they are."""
    names = {field.name for field in fields(read)}
    reported: Mapping[str, Any] = (
        answer
        if isinstance(answer, dict)
        else {name: getattr(answer, name) for name in names}
    )
    wrong = []
    for name, value in reported.items():
        read_value = getattr(read, name, None)
        if name not in names:
            wrong.append(f"There is no field {name!r} in {type(read).__name__}")
        elif value in (None, (), []) or value == read_value:
            continue
        elif isinstance(value, datetime):
            wrong.append(f"{name} has no time zone")
        elif isinstance(value, str) and not isinstance(read_value, str):
            wrong.append(f"{name} is text ({value[:20]!r}); give a number")
        elif read_value in (None, ()):
            wrong.append(f"{name} is {_unreadable(value, rule_of(type(read), name))}")
    return wrong


def _unreadable(value: Any, rule: object) -> str:
    """Say why HMM takes a value for unknown."""
    if isinstance(value, int | float) and isinstance(rule, Range):
        return f"{value:g}, which is hardly {rule}: {rule.reason}"
    if isinstance(value, str) and isinstance(rule, Text):
        return f"a text of {len(value)} characters; {rule.longest} are the most"
    return f"{type(value).__name__}, which HMM cannot read"


def require_equal[T: (MinerTelemetry, DashboardTileData)](first: T, second: T) -> None:
    """Raise CheckFailed if two answers, which should be equal, are not."""
    pairs = [
        (field.name, getattr(first, field.name), getattr(second, field.name))
        for field in fields(first)
        if field.compare
    ]
    different = [
        f"{name}: {one!r}, then {two!r}" for name, one, two in pairs if one != two
    ]
    require(
        not different,
        "Two equal answers are read as different ones, which fills the database:\n"
        + "\n".join(different),
    )
