"""What hangs of a driver: it cannot be ended, but it can be counted.

Without a count that outlives the objects of a driver, one that always hangs would
leave a thread behind with each poll, each device, each scan and each reload.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future
import logging
from typing import Any
from weakref import WeakKeyDictionary

from ..driver_api import CannotConnect
from .job_threads import Workers

_LOGGER = logging.getLogger(__name__)

MAX_HANGING = 3
"""How many calls of a driver may hang before it gets no more."""

_watchers: list[Callable[[], None]] = []


class Hanging:
    """The calls and threads of a driver that hang, whichever of its objects they serve.

    Used in the event loop that calls the drivers.
    """

    def __init__(self, file_name: str, *, is_apart: bool = False) -> None:
        """Start with none; ``is_apart``: the driver runs in threads of its own."""
        self.is_apart = is_apart
        self.workers = Workers(file_name, self)
        self._file_name = file_name
        self._things: set[Future[Any] | asyncio.Future[Any]] = set()
        self._was_too_much = False

    def add(self, thing: Future[Any] | asyncio.Future[Any]) -> None:
        """Count what was given up, until it is done."""
        self._things.add(thing)
        thing.add_done_callback(self._things.discard)
        self.is_too_much()

    def check(self, name: str) -> None:
        """Raise CannotConnect if the driver is to get no more calls, or threads."""
        if self.is_too_much():
            msg = (
                f"The driver {name} hangs: {MAX_HANGING} of its calls never came"
                f" back; correct {self._file_name} and reload the drivers, or restart"
                " Home Assistant"
            )
            raise CannotConnect(
                msg, reason="driver_hangs", driver=name, file=self._file_name
            )

    def is_too_much(self) -> bool:
        """Return whether too much hangs now; watchers are notified of a change."""
        is_too_much = len(self._things) + self.workers.overdue >= MAX_HANGING
        if is_too_much != self._was_too_much:
            self._was_too_much = is_too_much
            if is_too_much:
                _LOGGER.error(
                    "%s hangs: %d of its calls never came back. It gets no more"
                    " before one of them does; correct the file and reload the"
                    " drivers, or restart Home Assistant",
                    self._file_name,
                    MAX_HANGING,
                )
            for watcher in tuple(_watchers):
                watcher()
        return is_too_much


_by_class: WeakKeyDictionary[type, Hanging] = WeakKeyDictionary()
# By the class: a changed file makes another one, and begins again


def hanging_of(kind: type, name: str) -> Hanging:
    """Return what hangs of a driver class, which is called ``name`` if it is new."""
    return _by_class.get(kind) or _by_class.setdefault(kind, Hanging(name))


def set_apart(kind: type, file_name: str) -> None:
    """Let a driver class of the user run in threads of its own from now on."""
    if not is_apart(kind) and _of_file(kind) is None:
        _by_class[kind] = Hanging(file_name, is_apart=True)


def is_apart(kind: type) -> bool:
    """Return whether a driver class runs in threads of its own."""
    return (entry := _by_class.get(kind)) is not None and entry.is_apart


def is_stopped(kind: type) -> bool:
    """Return whether so much of a driver class hangs that it gets no more calls."""
    return any(
        entry is not None and entry.is_too_much()
        for entry in (_by_class.get(kind), _of_file(kind))
    )


def watch(watcher: Callable[[], None]) -> Callable[[], None]:
    """Call back when a driver is stopped, or continues; return what ends that."""
    _watchers.append(watcher)
    return lambda: _watchers.remove(watcher)


def _of_file(kind: type) -> Hanging | None:
    """Return the count of a class that runs its calls in threads itself."""
    entry = getattr(kind, "hanging", None)
    return entry if isinstance(entry, Hanging) else None
