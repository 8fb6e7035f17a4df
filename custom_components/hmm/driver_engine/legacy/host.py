"""Where the drivers of HMM-Local run: in threads, a new one for each that hangs.

They block in coroutines and make a new session for each call.
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, overload
from weakref import WeakValueDictionary

from ..driver_thread import DriverThread, Running
from ..hanging import Hanging

_GIVE_UP_SECONDS = 1.0

# Kept by the driver's classes and by the threads, of which some never end
_hanging_by_file: WeakValueDictionary[tuple[str, str], Hanging] = WeakValueDictionary()


def hanging_of(file_name: str, sha256: str) -> Hanging:
    """Return what hangs of a file in this version; a changed one begins again."""
    key = file_name, sha256
    if (hanging := _hanging_by_file.get(key)) is None:
        hanging = _hanging_by_file[key] = Hanging(file_name)
    return hanging


class Host:
    """Runs what a driver does; each has its own, so that one cannot stop another."""

    def __init__(self, name: str, hanging: Hanging) -> None:
        """Prepare; the thread starts with the first call."""
        self._name = name
        self._thread: DriverThread | None = None
        self._hanging = hanging

    @overload
    async def run[T](self, call: Callable[[], Awaitable[T]], seconds: float) -> T: ...

    @overload
    async def run[T](self, call: Callable[[], T], seconds: float) -> T: ...

    async def run(self, call: Callable[[], Any], seconds: float) -> Any:
        """Run a function or coroutine function there and return its result.

        Raises TimeoutError after ``seconds``: the caller continues, and whatever hangs
        hangs there alone, in a thread that is given up for a new one. Raises
        CannotConnect if it would take a new thread and too much of its file hangs,
        and what the driver raises; what would end the program becomes a
        RuntimeError.
        """
        thread = self._start()
        running = thread.begin(partial(_settle, call))
        try:
            await asyncio.wait({running.result}, timeout=seconds)
        finally:
            if not running.result.done():
                running.cancel()
        if running.result.done():
            return running.result.result()
        await self._give_up(thread, running)
        raise TimeoutError

    def close(self) -> None:
        """End the thread, once what runs there lets it."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()

    def _start(self) -> DriverThread:
        if self._thread is None:
            self._hanging.check(self._name)
            self._thread = DriverThread(self._name, self._hanging)
        return self._thread

    async def _give_up(self, thread: DriverThread, running: Running) -> None:
        """Leave what does not react behind."""
        await asyncio.wait({running.result}, timeout=_GIVE_UP_SECONDS)
        if running.result.done():
            for job in tuple(running.jobs)[:1]:
                self._hanging.add(job)
        elif self._thread is thread:
            self._hanging.add(thread.ended)
            self.close()


async def _settle(call: Callable[[], Any]) -> Any:
    try:
        result = call()
        return await result if isinstance(result, Awaitable) else result
    except Exception, asyncio.CancelledError:
        raise
    # SystemExit would end the loop without a trace; and what is no
    # Exception passes every handler on its way through Home Assistant
    except BaseException as err:
        raise RuntimeError(f"It ends the program ({type(err).__name__})") from err
