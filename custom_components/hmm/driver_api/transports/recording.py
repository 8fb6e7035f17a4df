"""What a poll asked and what came back, for whoever wants to read it a second time.

Transports note each answer; outside of ``recorded`` that costs one look.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final

MAX_ANSWERS: Final = 100
MAX_BYTES: Final = 8 * 1024 * 1024
"""How much is kept of the answers to a driver; the oldest ones go first."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. ``body`` may hold anything that a device or pool knows of its owner."""

    body: bytes = field(repr=False)
    status: int = 0
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    broadcast: Any = field(default=None, repr=False)


NO_ANSWER: Final = Answer(b"")
"""It was queried, and there was no response."""


@dataclass(slots=True)
class Recording:
    """The last answer to each request, by the request: ``GET http://...``, ``tcp version``."""

    answers: dict[str, Answer] = field(default_factory=dict, repr=False)
    _bytes: int = 0

    def note(self, request: str, answer: Answer) -> None:
        """Keep an answer in place of the one before."""
        if (before := self.answers.pop(request, None)) is not None:
            self._bytes -= len(before.body)
        self.answers[request] = answer
        self._bytes += len(answer.body)
        while len(self.answers) > MAX_ANSWERS or self._bytes > MAX_BYTES:
            oldest = next(iter(self.answers))
            self._bytes -= len(self.answers.pop(oldest).body)


_recording: ContextVar[Recording | None] = ContextVar("recording", default=None)


@contextmanager
def recorded(recording: Recording | None) -> Iterator[None]:
    """Keep what is answered in here, or in a task begun here, None: keep nothing."""
    token = _recording.set(recording)
    try:
        yield
    finally:
        _recording.reset(token)


def current_recording() -> Recording | None:
    """Return where the transports are to note answers now."""
    return _recording.get()
