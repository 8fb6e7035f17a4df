"""The one place where HMM calls the code of a driver.

Whatever a driver raises becomes a ``DriverError``, also what would end the program
(KeyboardInterrupt, SystemExit) or close a coroutine (GeneratorExit), and a driver that
ignores its cancellation is left behind.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
import logging
from pathlib import PurePath
import traceback
from types import TracebackType
from typing import Any
from weakref import WeakKeyDictionary

import aiohttp

from ..driver_api import CannotConnect, DriverError, errors
from ..driver_api.transports.failures import failure

_LOGGER = logging.getLogger(__name__)

_API = errors.__name__.rpartition(".")[0]

_CANCEL_SECONDS = 1.0
"""How long a driver may take to end after it was cancelled."""

_MOST_HANGING = 3
"""How many calls of a driver may ignore their cancellation before it gets no more."""


_MOST_FAULTY = 100
"""How many bugs of a driver are logged."""

_HERE = PurePath(__file__).parent

_LONGEST_MESSAGE = 1000
"""Characters of what a driver says in an error."""


class DriverFault(DriverError):
    """The driver itself failed: a bug in its file, not in the device."""

    default_reason = "driver_error"


class TimedOut(CannotConnect):
    """A call took longer than it may; the driver has no time limit of its own."""


@dataclass(frozen=True, slots=True)
class _Outcome[T]:
    """What came of a call: its value, or what it raised."""

    value: T | None = None
    error: BaseException | None = None


# By the class of a driver: a changed file makes another class and begins anew
_faulty: WeakKeyDictionary[type, set[tuple[str, str]]] = WeakKeyDictionary()
_hanging: WeakKeyDictionary[type, set[asyncio.Task[Any]]] = WeakKeyDictionary()


async def call_driver[DriverT, T](
    driver: DriverT, call: Callable[[DriverT], Awaitable[T]], seconds: float
) -> T:
    """Return what ``call`` awaits: an asynchronous method of ``driver``.

    Raises nothing but ``DriverError``, CannotConnect after ``seconds``. The call runs
    in a task of its own, so that neither an exception that ends programs nor one that
    ignores its cancellation reaches the caller.
    """
    kind, name = type(driver), _name(driver)
    hanging = _hanging.setdefault(kind, set())
    if len(hanging) >= _MOST_HANGING:
        msg = (
            f"The driver {name} hangs: {_MOST_HANGING} of its calls ignored that they"
            " were cancelled; correct its file and reload the drivers"
        )
        raise CannotConnect(msg, reason="driver_hangs", driver=name, file=name)
    task = asyncio.create_task(_settle(driver, call), name=f"hmm driver {name}")
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=_CANCEL_SECONDS)
        if not task.done():
            hanging.add(task)
            task.add_done_callback(hanging.discard)
            _LOGGER.error(
                "The driver %s ignores that its calls are cancelled; correct its file",
                name,
            )
    if not task.done() or task.cancelling():
        raise TimedOut("It did not answer in time", reason="timed_out")
    outcome = task.result()
    if (err := outcome.error) is None:
        return outcome.value  # type: ignore[return-value]
    raise _as_driver_error(name, err) from _harmless(err)


def read_driver[DriverT, T](driver: DriverT, read: Callable[[DriverT], T]) -> T:
    """Return what ``read`` gets from a driver at once: by a method, from an attribute.

    ``driver`` is an object or a class. Raises nothing but ``DriverError``.
    """
    try:
        return read(driver)
    except BaseException as err:  # noqa: BLE001  it becomes a DriverError
        raise _as_driver_error(_name(driver), err) from _harmless(err)


class Tolerated:
    """Goes on without a result where a driver raises ``DriverError``.

    Nobody else reports that: a bug of the driver is logged once, and that it is over.
    ``of`` tells apart for whom ``what`` is done, so that the success of one is not the
    end of another's bug.
    """

    def __init__(self, driver: Any, what: str, of: str = "") -> None:
        """Prepare for a call ``what`` of a driver."""
        self._driver, self._key = driver, (what, of)

    def __enter__(self) -> None:
        """Begin the call."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        """Note how it ended."""
        driver_class = (
            self._driver if isinstance(self._driver, type) else type(self._driver)
        )
        faulty = _faulty.setdefault(driver_class, set())
        if err is None:
            if self._key in faulty:
                faulty.discard(self._key)
                _LOGGER.info(
                    "%s of the driver %s works again", self._key[0], _name(self._driver)
                )
            return False
        if (
            isinstance(err, DriverFault)
            and self._key not in faulty
            and len(faulty) < _MOST_FAULTY
        ):
            faulty.add(self._key)
            _LOGGER.warning("%s (%s)", err, self._key[0])
        return isinstance(err, DriverError)


def fault(driver_type: str | None, err: BaseException) -> DriverFault:
    """Return an error that shows the driver's author where to look.

    The text of the exception is left out: it may quote what the device sent.
    """
    frames = traceback.extract_tb(err.__traceback__)
    place = _place(frames)
    file = "?" if place is None else PurePath(place.filename).name
    where = "" if place is None else f" in line {place.lineno} of {file}"
    _LOGGER.debug(
        "Driver %s failed with %s:\n%s",
        driver_type,
        type(err).__name__,
        "".join(traceback.format_list(frames)),
    )
    return DriverFault(
        f"The driver {driver_type} failed with {type(err).__name__}{where}",
        reason="driver_error",
        driver=driver_type,
        error=type(err).__name__,
        file=file,
        line="?" if place is None else place.lineno,
    )


def _place(frames: Sequence[traceback.FrameSummary]) -> traceback.FrameSummary | None:
    """Return where the driver failed: the last line of its file, not of a library."""
    own = [it for it in frames if _HERE not in PurePath(it.filename).parents]
    if not own:
        return frames[-1] if frames else None
    return [it for it in own if it.filename == own[0].filename][-1]


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


async def _settle[DriverT, T](
    driver: DriverT, call: Callable[[DriverT], Awaitable[T]]
) -> _Outcome[T]:
    try:
        return _Outcome(value=await call(driver))
    except BaseException as err:  # noqa: BLE001  the caller raises it, as it is safe
        return _Outcome(error=err)


def _name(driver: Any) -> str:
    """Return the type of a driver, whatever it makes of that attribute."""
    kind: Any = driver if isinstance(driver, type) else type(driver)
    try:
        return str(kind.driver_type)[:64]
    except BaseException:  # noqa: BLE001
        return str(kind.__name__)


def _harmless(err: BaseException) -> Exception | None:
    """Return what may be the cause of another error: nothing that ends programs."""
    return err if isinstance(err, Exception) else None
