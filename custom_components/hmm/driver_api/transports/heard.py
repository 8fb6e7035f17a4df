"""Whether a device has sent anything yet, for whoever waits for the first sign of it."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_on_reply: ContextVar[Callable[[], None] | None] = ContextVar("on_reply", default=None)


@contextmanager
def on_reply(callback: Callable[[], None]) -> Iterator[None]:
    """Call back with each reply that a transport receives in here or in a task begun here."""
    loop = asyncio.get_running_loop()

    def call_back() -> None:
        # A user's driver receives it in the loop of its own thread
        if asyncio.get_running_loop() is loop:
            callback()
        else:
            loop.call_soon_threadsafe(callback)

    token = _on_reply.set(call_back)
    try:
        yield
    finally:
        _on_reply.reset(token)


def note_reply() -> None:
    """Tell that a reply has begun to arrive; called by the transports."""
    if (callback := _on_reply.get()) is not None:
        callback()
