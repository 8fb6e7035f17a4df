"""The one place where HMM calls the code of a driver.

Whatever a driver raises becomes a ``DriverError``, also what would end the program
(KeyboardInterrupt, SystemExit) or close a coroutine (GeneratorExit), and a driver that
ignores its cancellation is left behind. One of the user's runs in a thread of its own,
see ``hanging.set_apart``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
import logging
from pathlib import PurePath
import traceback
from typing import Any, cast
from weakref import WeakKeyDictionary

import aiohttp

from ..driver_api import CannotConnect, DriverError, errors
from ..driver_api.transports.failures import failure
from .driver_thread import DriverThread, Running
from .hanging import Hanging, hanging_of
from .limits import run_limited

_LOGGER = logging.getLogger(__name__)

_API = errors.__name__.rpartition(".")[0]

_CANCEL_SECONDS = 1.0
"""How long a driver may take to end after it was cancelled."""

_MAKE_SECONDS = 10.0
"""How long a driver may take to be made."""

_READ_SECONDS = 2.0
"""How long a method of a user's driver may take that is not asynchronous: Home
Assistant waits for it."""

_THREAD = "_hmm_thread"
"""The attribute of a driver that holds its thread."""

_MAX_FAULTY = 100
"""How many bugs of a driver are logged."""

_HERE = PurePath(__file__).parent

_LONGEST_MESSAGE = 1000
"""Characters of what a driver reports in an error."""


class DriverFault(DriverError):
    """The driver itself failed: a bug in its file, not in the device."""

    default_reason = "driver_error"


class TimedOut(CannotConnect):
    """A call took longer than it may; the driver has no time limit of its own."""


@dataclass(frozen=True, slots=True)
class _Outcome[T]:
    """What came of a call: its value, or what it raised as it can be shown."""

    value: T | None = None
    error: DriverError | None = None
    cause: Exception | None = None


# By the class of a driver: a changed file makes another class and begins again
_faulty: WeakKeyDictionary[type, set[tuple[str, str]]] = WeakKeyDictionary()


async def make_driver[DriverT](
    kind: type[DriverT],
    attach: Callable[[DriverT, aiohttp.ClientSession], None],
    session: aiohttp.ClientSession,
) -> DriverT:
    """Return a new driver, to which ``attach`` has given a session.

    Raises nothing but ``DriverError``. One of the user's gets a thread, which
    ``release`` ends, and a session of that thread like ``session``.
    """

    def make(kind: type[DriverT], session: aiohttp.ClientSession) -> DriverT:
        driver = kind()
        attach(driver, session)
        return driver

    name = driver_name(kind)
    hanging = hanging_of(kind, name)
    if not hanging.is_apart:
        return read_driver(kind, lambda class_: make(class_, session))
    hanging.check(name)
    thread = DriverThread(name, hanging)
    home = asyncio.get_running_loop()

    async def make_there() -> DriverT:
        driver = make(kind, thread.session(session, home))
        vars(driver)[_THREAD] = thread
        return driver

    try:
        return await _call(name, hanging, thread, make_there, _MAKE_SECONDS)
    except BaseException:
        thread.close()
        raise


async def release(driver: object) -> None:
    """End the thread of a driver that is used no more."""
    if (thread := _thread_of(driver)) is not None:
        await thread.end()


async def call_driver[DriverT, T](
    driver: DriverT, call: Callable[[DriverT], Awaitable[T]], seconds: float
) -> T:
    """Return what ``call`` awaits: an asynchronous method of ``driver``.

    Raises nothing but ``DriverError``, CannotConnect after ``seconds``. The call runs
    in a task or thread of its own, so that neither an exception that ends programs nor
    one that ignores its cancellation reaches the caller.
    """

    async def run() -> T:
        return await call(driver)

    name = driver_name(driver)
    hanging = hanging_of(type(driver), name)
    return await _call(name, hanging, _thread_of(driver), run, seconds)


async def _call[T](
    name: str,
    hanging: Hanging,
    thread: DriverThread | None,
    call: Callable[[], Coroutine[Any, Any, T]],
    seconds: float,
) -> T:
    hanging.check(name)
    settled = partial(_settle, name, call)
    running = _begin(name, settled) if thread is None else thread.begin(settled)
    is_late = False
    try:
        await asyncio.wait({running.result}, timeout=seconds)
    finally:
        if not running.result.done():
            is_late = True
            running.cancel()
            await asyncio.wait({running.result}, timeout=_CANCEL_SECONDS)
            _count_what_is_left(hanging, running)
    if is_late or running.result.cancelled():
        raise TimedOut("It did not answer in time", reason="timed_out")
    outcome: _Outcome[T] = running.result.result()
    if outcome.error is None:
        return outcome.value  # type: ignore[return-value]
    raise outcome.error from outcome.cause


def _begin[T](name: str, settled: Callable[[], Coroutine[Any, Any, T]]) -> Running:
    # It runs until it waits for something: a turn of the event loop less for each poll
    task = asyncio.create_task(settled(), name=f"hmm driver {name}", eager_start=True)
    return Running(task, task.cancel)


def _count_what_is_left(hanging: Hanging, running: Running) -> None:
    """Count a late call that continues, or left a thread that does, as one that hangs."""
    if not running.result.done():
        hanging.add(running.result)
    elif jobs := tuple(running.jobs):
        hanging.add(jobs[0])


def read_driver[DriverT, T](driver: DriverT, read: Callable[[DriverT], T]) -> T:
    """Return what ``read`` gets from a driver without I/O: by a method or an attribute.

    ``driver`` is an object or a class. Raises nothing but ``DriverError``. It is
    waited for: one of the user's gets a thread for it, and little time.
    """
    name = driver_name(driver)
    hanging = hanging_of(_kind(driver), name)
    if not hanging.is_apart:
        return _read(name, partial(read, driver))
    hanging.check(name)
    try:
        return run_limited(
            lambda: _read(name, partial(read, driver)), _READ_SECONDS, hanging.add
        )
    except TimeoutError:
        raise TimedOut("It did not answer in time", reason="timed_out") from None


def _read[T](name: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except BaseException as err:  # noqa: BLE001  it becomes a DriverError
        raise _as_driver_error(name, err) from _harmless(err)


def tolerated(
    driver: Any, what: str, of: str = ""
) -> AbstractContextManager[None, bool]:
    """Go on without a result where a driver raises ``DriverError``.

    Only here is that reported: a bug of the driver is logged once, and its end.
    ``of`` identifies for whom ``what`` is done, so that the success of one is not the
    end of another's bug.
    """
    # A type checker takes no other one for one that goes on
    return cast(AbstractContextManager[None, bool], _tolerated(driver, what, of))


@contextmanager
def _tolerated(driver: Any, what: str, of: str) -> Iterator[None]:
    faulty = _faulty.setdefault(_kind(driver), set())
    try:
        yield
    except DriverFault as err:
        if (what, of) not in faulty and len(faulty) < _MAX_FAULTY:
            faulty.add((what, of))
            _LOGGER.warning("%s (%s)", err, what)
    except DriverError:
        pass  # Of the device, whose polls report it
    else:
        if (what, of) in faulty:
            faulty.discard((what, of))
            _LOGGER.info("%s of the driver %s works again", what, driver_name(driver))


def fault(driver_type: str | None, err: BaseException) -> DriverFault:
    """Return an error that shows the driver's author where the bug is.

    The text of the exception is left out: it may quote what the device sent.
    """
    place = _place(err)
    file = "?" if place is None else PurePath(place[0]).name
    where = "" if place is None else f" in line {place[1]} of {file}"
    if _LOGGER.isEnabledFor(logging.DEBUG):
        # It reads the files of all lines, also for each call that took too long
        _LOGGER.debug(
            "Driver %s failed with %s:\n%s",
            driver_type,
            type(err).__name__,
            "".join(traceback.format_tb(err.__traceback__)),
        )
    return DriverFault(
        f"The driver {driver_type} failed with {type(err).__name__}{where}",
        reason="driver_error",
        driver=driver_type,
        error=type(err).__name__,
        file=file,
        line="?" if place is None else place[1],
    )


def _place(err: BaseException) -> tuple[str, int] | None:
    """Return where the driver failed: the last line of its file, not of a library."""
    frames = [
        (frame.f_code.co_filename, line)
        for frame, line in traceback.walk_tb(err.__traceback__)
    ]
    own = [frame for frame in frames if _HERE not in PurePath(frame[0]).parents]
    if not own:
        return frames[-1] if frames else None
    return [frame for frame in own if frame[0] == own[0][0]][-1]


def _as_driver_error(name: str, err: BaseException) -> DriverError:
    """Return what a driver raised as an error that can be shown.

    Even reading an exception is running code of the driver: its text is read here once.
    """
    try:
        if isinstance(err, DriverError):
            # One of a driver's own may do anything when it is read
            kinds = type(err).__mro__
            kind = next(kind for kind in kinds if kind.__module__.startswith(_API))
            text = str(err)[:_LONGEST_MESSAGE]
            error: DriverError = kind(text, reason=err.reason_key, **err.reason_values)
            return error
        if isinstance(err, TimeoutError):
            return TimedOut("It did not answer in time", reason=failure(err))
        if isinstance(err, aiohttp.ClientError | OSError):
            msg = f"The connection failed ({type(err).__name__})"
            return CannotConnect(msg, reason=failure(err))
    except BaseException as other:  # noqa: BLE001
        err = other
    return fault(name, err)


async def _settle[T](
    name: str, call: Callable[[], Coroutine[Any, Any, T]]
) -> _Outcome[T]:
    """Run a call to its end; the caller raises what it raised, as that is safe."""
    try:
        return _Outcome(value=await call())
    except BaseException as err:  # noqa: BLE001
        return _Outcome(error=_as_driver_error(name, err), cause=_harmless(err))


def _thread_of(driver: object) -> DriverThread | None:
    """Return the thread of a driver of the user."""
    thread = vars(driver).get(_THREAD)
    return thread if isinstance(thread, DriverThread) else None


def _kind(driver: object) -> type:
    return driver if isinstance(driver, type) else type(driver)


def driver_name(driver: Any) -> str:
    """Return the type of a driver, whatever it makes of that attribute."""
    kind: Any = _kind(driver)
    try:
        return str(kind.driver_type)[:64]
    except BaseException:  # noqa: BLE001
        return str(kind.__name__)


def _harmless(err: BaseException) -> Exception | None:
    """Return what may be the cause of another error: nothing that ends programs.

    The coordinator keeps it, so it lets go of what its frames hold: the response.
    """
    chain, seen = [err], set[int]()
    with suppress(BaseException):  # An attribute of a driver's own error
        while chain:
            one = chain.pop()
            seen.add(id(one))
            traceback.clear_frames(one.__traceback__)
            others = (one.__cause__, one.__context__)
            chain += [
                error for error in others if error is not None and id(error) not in seen
            ]
    return err if isinstance(err, Exception) else None
