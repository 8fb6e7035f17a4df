"""A thread with an event loop of its own, for drivers that may do anything.

Drivers of HMM-Local block in coroutines and make a new session for each call. In
Home Assistant's event loop that would stop the whole house.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Future
from contextlib import suppress
import logging
import threading
from typing import Any, overload
from weakref import WeakValueDictionary

from ...driver_api import CannotConnect

_LOGGER = logging.getLogger(__name__)

_MOST_HANGING = 3
"""How many threads of a driver file may hang before it gets no new one."""


class Hanging:
    """The threads of one driver file that hang, whichever of its objects they served.

    They cannot be ended: without a count that outlives the objects, a driver that
    always hangs would take one more with each device, each scan and each reload.
    """

    def __init__(self, file_name: str) -> None:
        """Begin with none."""
        self._file_name = file_name
        self._threads: list[threading.Thread] = []

    def add(self, thread: threading.Thread) -> None:
        """Note a thread that was given up."""
        self._threads.append(thread)
        if len(self._alive()) == _MOST_HANGING:
            _LOGGER.error(
                "%s hangs: %d of its calls never came back. It gets no new thread"
                " before one of them does; correct the file and reload the drivers, or"
                " restart Home Assistant",
                self._file_name,
                _MOST_HANGING,
            )

    def check(self, name: str) -> None:
        """Raise CannotConnect if the file is to get no new thread for a driver."""
        if len(self._alive()) >= _MOST_HANGING:
            msg = (
                f"The driver {name} hangs: {_MOST_HANGING} of its calls never came"
                f" back; correct {self._file_name} and reload the drivers, or restart"
                " Home Assistant"
            )
            raise CannotConnect(
                msg, reason="driver_hangs", driver=name, file=self._file_name
            )

    def _alive(self) -> list[threading.Thread]:
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return self._threads


# Kept by the driver's classes and by the threads, of which some never end
_hanging_by_file: WeakValueDictionary[tuple[str, str], Hanging] = WeakValueDictionary()


def hanging_of(file_name: str, sha256: str) -> Hanging:
    """Return what hangs of a file in this version; a changed one begins anew."""
    key = file_name, sha256
    if (hanging := _hanging_by_file.get(key)) is None:
        hanging = _hanging_by_file[key] = Hanging(file_name)
    return hanging


class Host:
    """Runs what a driver does; each has its own, so that one cannot stop another."""

    def __init__(self, name: str, hanging: Hanging) -> None:
        """Prepare; the thread starts with the first call."""
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._hanging = hanging

    def __del__(self) -> None:
        """End the thread of a driver that nobody uses any more."""
        self.close()

    @overload
    async def run[T](self, call: Callable[[], Awaitable[T]], seconds: float) -> T: ...

    @overload
    async def run[T](self, call: Callable[[], T], seconds: float) -> T: ...

    async def run(self, call: Callable[[], Any], seconds: float) -> Any:
        """Run a function or coroutine function there and return its result.

        Raises TimeoutError after ``seconds``: the caller goes on, and whatever hangs
        hangs there alone, in a thread that is given up for a new one. Raises
        CannotConnect if it would take a new thread and too many of its file hang,
        and what the driver raises; what would end the program becomes a
        RuntimeError.
        """
        loop = self._start()
        future = asyncio.run_coroutine_threadsafe(_settle(call), loop)
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            await self._give_up(loop, future)
            raise

    def close(self) -> None:
        """End the thread, once what runs there lets it."""
        loop, self._loop = self._loop, None
        self._thread = None
        if loop is not None:
            # It may have ended by itself
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(loop.stop)

    def _start(self) -> asyncio.AbstractEventLoop:
        if self._loop is None or self._loop.is_closed():
            self._hanging.check(self._name)
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_run_loop,
                args=(self._loop, self._hanging),
                name=f"hmm driver {self._name}",
                daemon=True,
            )
            self._thread.start()
        return self._loop

    async def _give_up(
        self, loop: asyncio.AbstractEventLoop, future: Future[Any]
    ) -> None:
        """Cancel what takes too long; a loop that does not react is left behind."""
        future.cancel()
        alive = asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop)
        try:
            async with asyncio.timeout(1):
                await asyncio.wrap_future(alive)
        except TimeoutError:
            if self._loop is loop:
                if self._thread is not None:
                    self._hanging.add(self._thread)
                self.close()


async def _settle(call: Callable[[], Any]) -> Any:
    try:
        result = call()
        return await result if isinstance(result, Awaitable) else result
    except Exception, asyncio.CancelledError:
        raise
    # SystemExit would end the loop and nobody would hear of it; and what is no
    # Exception passes every handler on its way through Home Assistant
    except BaseException as err:
        msg = f"It ends the program ({type(err).__name__})"
        raise RuntimeError(msg) from err


def _run_loop(loop: asyncio.AbstractEventLoop, hanging: Hanging) -> None:
    """Run a driver's loop; a thread that never ends keeps what counts it."""
    asyncio.set_event_loop(loop)
    loop.set_exception_handler(_note)
    try:
        loop.run_forever()
    finally:
        for task in (tasks := asyncio.all_tasks(loop)):
            task.cancel()
        with suppress(Exception):
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
            loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what a driver left behind: sessions that it did not close, lost tasks."""
    _LOGGER.debug("A driver left something behind: %s", context.get("message"))
