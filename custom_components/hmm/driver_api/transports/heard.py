"""What transports send and receive, for whoever counts it or waits for a first sign."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_on_reply: ContextVar[Callable[[], None] | None] = ContextVar("on_reply", default=None)
_on_request: ContextVar[Callable[[], None] | None] = ContextVar(
    "on_request", default=None
)


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
    """Report that a reply has started to arrive; called by the transports."""
    if (callback := _on_reply.get()) is not None:
        callback()


@contextmanager
def on_request(callback: Callable[[], None]) -> Iterator[None]:
    """Call back with each request that a transport sends in here or in a task begun here.

    Another thread may call back, too.
    """
    token = _on_request.set(callback)
    try:
        yield
    finally:
        _on_request.reset(token)


def note_request() -> None:
    """Report that a request is sent; called by the transports."""
    if (callback := _on_request.get()) is not None:
        callback()
