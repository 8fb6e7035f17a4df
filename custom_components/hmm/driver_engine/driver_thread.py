"""A thread with an event loop of its own, for drivers that may do anything.

In Home Assistant's event loop, one that blocks would stop the whole house, and a task
of a driver's own that ends the program would do so. Its default executor is the
driver's, and so is the session: both belong to their loop.
"""

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
import logging
import threading
from typing import Any, cast, override
from weakref import WeakSet

from aiohttp import ClientSession

from ..driver_api import CannotConnect
from ..driver_api.transports.bounded import READ_BUFFER
from ..driver_api.transports.recording import MAX_BYTES
from .hanging import Hanging
from .job_threads import Job, jobs_of_call
from .shared_session import SharedSession, session_like

_LOGGER = logging.getLogger(__name__)

_END_SECONDS = 1.0
"""How long an end is waited for."""


@dataclass(slots=True)
class Running:
    """A call that was begun."""

    result: asyncio.Future[Any]
    """Done when the call has ended, not before."""
    cancel: Callable[[], object]
    jobs: set[Job] = field(default_factory=set)
    """What it has blocking threads do, as long as they do it."""


class DriverThread:
    """Runs what a driver does; each object has its own, so that none stops another."""

    def __init__(self, name: str, hanging: Hanging) -> None:
        """Start the thread."""
        self._own = _Own(name, hanging)
        threading.Thread(
            target=_run_loop, args=(self._own,), name=f"hmm driver {name}", daemon=True
        ).start()
        _threads.add(self)

    def __del__(self) -> None:
        """End the thread of an unused driver."""
        self.close()

    @property
    def ended(self) -> Future[None]:
        """Return what is done when the thread has ended."""
        return self._own.ended

    def begin[T](self, call: Callable[[], Coroutine[Any, Any, T]]) -> Running:
        """Begin a coroutine there. Raises CannotConnect: it is closed."""
        own = self._own
        if own.is_closed.is_set():
            raise CannotConnect("Its driver was replaced", reason="no_response")
        own.loop.left = MAX_BYTES
        handle = _Handle()
        result = asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(handle.run(call), own.loop)
        )

        def cancel() -> None:
            # Its result is not used
            result.add_done_callback(
                lambda future: future.cancelled() or future.exception()
            )
            handle.cancel(own.loop)

        return Running(result, cancel, handle.jobs)

    def session(
        self, shared: ClientSession, home: asyncio.AbstractEventLoop
    ) -> ClientSession:
        """Return a session for this thread that is like another one of the loop ``home``.

        Only called in the thread.
        """
        session = session_like(shared, home)
        self._own.sessions.append(session)
        return cast(ClientSession, SharedSession(session))

    def close(self) -> None:
        """End the thread, once what runs there lets it."""
        own = self._own
        if not own.is_closed.is_set():
            own.is_closed.set()
            # The program may be ending
            with suppress(RuntimeError):
                own.loop.call_soon_threadsafe(own.loop.stop)

    async def end(self) -> None:
        """End the thread and wait for that, but not for ever."""
        self.close()
        await asyncio.wait({asyncio.wrap_future(self._own.ended)}, timeout=_END_SECONDS)


_threads: WeakSet[DriverThread] = WeakSet()


async def end_threads() -> None:
    """End all threads, as the program is about to end."""
    await asyncio.gather(*(thread.end() for thread in tuple(_threads)))


class _Loop(asyncio.EventLoop):
    """Ends connections that bring a call more than it may read.

    A driver may pass by the transports of HMM, and read whatever comes: that fills the
    memory, and what reads gigabytes at once stops all threads for seconds.
    """

    left = 0
    """Bytes that may still come for the call that runs."""

    @override
    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        *args: Any,
        **kwargs: Any,
    ) -> tuple[asyncio.Transport, asyncio.BaseProtocol]:
        return await super().create_connection(
            lambda: self._bounded(protocol_factory()), *args, **kwargs
        )

    def _bounded(self, protocol: asyncio.BaseProtocol) -> asyncio.BaseProtocol:
        if not isinstance(protocol, asyncio.Protocol):
            return protocol  # It has a buffer of its own
        made, received = protocol.connection_made, protocol.data_received
        transport: Any = None

        def connection_made(opened: asyncio.BaseTransport) -> None:
            nonlocal transport
            transport = opened
            transport.max_size = READ_BUFFER
            made(opened)

        def data_received(data: bytes) -> None:
            self.left -= len(data)
            if self.left >= 0:
                received(data)
            else:
                transport.abort()

        protocol.connection_made = connection_made  # type: ignore[assignment, method-assign]
        protocol.data_received = data_received  # type: ignore[method-assign]
        return protocol


@dataclass(slots=True, eq=False)
class _Own:
    """What a thread holds: not the object whose collection ends it."""

    name: str
    hanging: Hanging
    # Not by the policy: loops of older versions of Home Assistant keep their executor
    loop: _Loop = field(default_factory=_Loop)
    sessions: list[ClientSession] = field(default_factory=list)
    is_closed: threading.Event = field(default_factory=threading.Event)
    ended: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class _Handle:
    """Cancels a call where it runs, also one that has not begun there yet."""

    task: asyncio.Task[Any] | None = None
    is_cancelled: bool = False
    jobs: set[Job] = field(default_factory=set)

    async def run[T](self, call: Callable[[], Coroutine[Any, Any, T]]) -> T:
        self.task = asyncio.current_task()
        if self.is_cancelled:
            raise asyncio.CancelledError
        jobs_of_call.set(self.jobs)
        return await call()

    def cancel(self, loop: asyncio.AbstractEventLoop) -> None:
        self.is_cancelled = True
        if self.task is not None:
            # The loop may have ended
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self.task.cancel)


def _run_loop(own: _Own) -> None:
    """Run a driver's loop; a thread that never ends keeps what counts it."""
    loop = own.loop
    asyncio.set_event_loop(loop)
    loop.set_default_executor(own.hanging.workers)
    loop.set_exception_handler(_note)
    try:
        while not own.is_closed.is_set():
            try:
                loop.run_forever()
            # KeyboardInterrupt and SystemExit of a task of the driver's own
            except BaseException as err:  # noqa: BLE001
                _LOGGER.error(
                    "A task of the driver %s tried to end the program (%s)",
                    own.name,
                    type(err).__name__,
                )
        with suppress(BaseException):
            loop.run_until_complete(_clean_up(own))
    finally:
        with suppress(RuntimeError):
            loop.close()
        own.ended.set_result(None)


async def _clean_up(own: _Own) -> None:
    """End what a driver left behind, but do not wait for ever."""
    if tasks := asyncio.all_tasks(own.loop) - {asyncio.current_task()}:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=_END_SECONDS)
    for session in own.sessions:
        await session.close()
    await own.loop.shutdown_asyncgens()


def _note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Note what a driver left behind: sessions that it did not close, lost tasks."""
    _LOGGER.debug("A driver left something behind: %s", context.get("message"))
