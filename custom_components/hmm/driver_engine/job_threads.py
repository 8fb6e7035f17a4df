"""Threads for what blocks: the default executor of a loop that runs drivers.

That of Home Assistant serves everyone: a driver whose calls never return would fill
it. This one is filled by its own drivers alone, and keeps no program from ending.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
import threading
import time
from typing import Any, override

_MAX_THREADS = 16
_OVERDUE_SECONDS = 180.0
"""After how long a job hangs whoever waits for it: longer than any call may take."""

type Job = Future[Any]

jobs_of_call: ContextVar[set[Job] | None] = ContextVar("jobs_of_call", default=None)
"""The jobs of the call of a driver that have not ended."""


class Workers(ThreadPoolExecutor):
    """Runs jobs in threads that end with them; of too many, the last ones wait.

    The base only lends its name, which event loops request: its threads are joined
    when the program ends, however long that takes.
    """

    def __init__(self, name: str, owner: object) -> None:
        """Start without threads; ``owner`` is kept for as long as one of them is."""
        super().__init__(_MAX_THREADS)
        self._name = name
        self._owner = owner
        self._lock = threading.Lock()
        self._queue: deque[tuple[Job, Callable[[], Any]]] = deque()
        self._begun: dict[Job, float] = {}
        self._alive = 0

    @property
    def overdue(self) -> int:
        """Return how many jobs have run for longer than any call may take."""
        latest = time.monotonic() - _OVERDUE_SECONDS
        return sum(begun < latest for begun in tuple(self._begun.values()))

    @override
    def submit[**P, T](
        self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run a function; called in the event loop that waits for it."""
        future: Future[T] = Future()
        if (jobs := jobs_of_call.get()) is not None:
            jobs.add(future)
            future.add_done_callback(jobs.discard)
        with self._lock:
            self._queue.append((future, partial(fn, *args, **kwargs)))
            if self._alive < _MAX_THREADS:
                threading.Thread(
                    target=self._work, name=f"hmm worker {self._name}", daemon=True
                ).start()
                self._alive += 1
        return future

    @override
    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Go on: a loop that closes is not the only one."""

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._alive -= 1
                    return
                future, run = self._queue.popleft()
            if not future.set_running_or_notify_cancel():
                continue
            self._begun[future] = time.monotonic()
            try:
                result = run()
            except BaseException as err:  # noqa: BLE001  who waits for it gets it
                future.set_exception(err)
            else:
                future.set_result(result)
            finally:
                del self._begun[future]
            del future, run
