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

from ...driver_api import CannotConnect

_LOGGER = logging.getLogger(__name__)

_MOST_HANGING = 3
"""How many threads of a driver may hang before it is asked no more."""


class Host:
    """Runs what a driver does; each has its own, so that one cannot stop another."""

    def __init__(self, name: str) -> None:
        """Prepare; the thread starts with the first call."""
        self._name = name
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._hanging: list[threading.Thread] = []

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
        CannotConnect as long as too many hang, and what the driver raises; what
        would end the program becomes a RuntimeError.
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
        self._hanging = [thread for thread in self._hanging if thread.is_alive()]
        if len(self._hanging) >= _MOST_HANGING:
            msg = f"The driver {self._name} hangs; it is asked again when it answers"
            raise CannotConnect(msg)
        if self._loop is None or self._loop.is_closed():
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=_run_loop,
                args=(self._loop,),
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
                    self._hanging.append(self._thread)
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


def _run_loop(loop: asyncio.AbstractEventLoop) -> None:
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
