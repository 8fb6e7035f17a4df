"""Notices a driver that blocks: while it waits, all of Home Assistant would.

The drivers run in the same event loop as the device that is played for them, so that
one that waits for it without ``await`` would wait for ever.
"""

import asyncio
from contextlib import suppress
import os
from pathlib import Path
import signal
import sys
import threading
import time
import traceback
from types import FrameType, TracebackType
from typing import Self

from .files import is_of_a_driver

LIMIT = 1.0
"""Seconds for which a driver may keep the event loop."""

LAST = 20.0
"""Seconds after which the program is ended, if nothing else ends the wait."""

_ADVICE = (
    "Nothing else happens in the meantime. Use HttpClient, WebApi or CgminerClient of"
    " driver_api.transports, and `await asyncio.sleep`."
)


class Blocked(BaseException):
    """A driver blocks the event loop; the message says where.

    No Exception: a driver that catches those must not continue as if nothing had
    happened.
    """


class Watchdog:
    """Watches the event loop of the main thread; ``with`` it around ``asyncio.run``.

    A driver that does not let the loop turn for ``LIMIT`` is interrupted. Leaving the
    block raises Blocked then, whatever the driver made of it.
    """

    def __init__(self) -> None:
        """Make one that does not watch yet."""
        self._limit, self._last = LIMIT, LAST
        self._said: str | None = None
        self._turned = 0
        self._main = threading.main_thread().ident
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[int] | None = None
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        # A signal, since it is what ends the wait in a call of the system
        self._before = signal.signal(signal.SIGUSR1, self._interrupt)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End. Raises Blocked: a driver blocked."""
        self._ended.set()
        self._thread.join()
        signal.signal(signal.SIGUSR1, self._before)
        if self._said is not None:
            raise Blocked(self._said) from None

    def follow(self, task: asyncio.Task[int]) -> None:
        """Note that the loop of a task turns, and end the task if a driver blocks."""
        self._loop, self._task = task.get_loop(), task
        self._turn()

    def _turn(self) -> None:
        assert self._loop is not None
        self._turned += 1
        self._loop.call_later(self._limit / 10, self._turn)

    def _watch(self) -> None:
        """Look what the main thread does, until it keeps on doing it."""
        seen: tuple[int, FrameType | None] = (0, None)
        since = interrupted_at = time.monotonic()
        while not self._ended.wait(self._limit / 10):
            now = time.monotonic()
            frame = sys._current_frames().get(self._main or 0)  # noqa: SLF001
            frames = _of_driver(frame)
            outermost = frames[-1] if frames else None
            if outermost is None or seen != (self._turned, outermost):
                seen = self._turned, outermost
                since = interrupted_at = now
                continue
            if now - since > self._last:
                self._give_up(_say(frames[0]))
            if now - interrupted_at > self._limit:
                interrupted_at = now
                self._said = self._said or _say(frames[0])
                assert self._main is not None
                signal.pthread_kill(self._main, signal.SIGUSR1)
                if self._loop is not None and self._task is not None:
                    with suppress(RuntimeError):  # the loop is closed
                        self._loop.call_soon_threadsafe(self._task.cancel)

    def _interrupt(self, _: int, frame: FrameType | None) -> None:
        # It may have gone on in the meantime
        if self._said is not None and _of_driver(frame):
            raise Blocked(self._said)

    def _give_up(self, message: str) -> None:
        print(f"script/driver: {message}", file=sys.stderr, flush=True)
        os._exit(1)


def _of_driver(frame: FrameType | None) -> list[FrameType]:
    """Return the frames of a driver, innermost first; none while it is loaded."""
    frames = []
    while frame is not None:
        if is_of_a_driver(frame.f_code.co_filename):
            frames.append(frame)
        frame = frame.f_back
    return [] if any(frame.f_code.co_name == "<module>" for frame in frames) else frames


def _say(frame: FrameType) -> str:
    (line,) = traceback.StackSummary.extract([(frame, frame.f_lineno)])
    where = f"{Path(line.filename).name}:{line.lineno} in {line.name}"
    return f"{where} blocks Home Assistant while it waits:\n  {line.line}\n{_ADVICE}"
