"""The thread in which a driver may do what it wants."""

import asyncio
from collections.abc import Callable, Iterator
import gc
import logging
import sys
import threading
from typing import Any

import pytest

from custom_components.hmm.driver_api import CannotConnect
from custom_components.hmm.driver_manager.legacy.host import Host


class Stuck:
    """Blocks whatever thread calls it until it is let go."""

    def __init__(self) -> None:
        """Begin stuck."""
        self.begun = threading.Event()
        self.free = threading.Event()

    async def block(self) -> str:
        """Block in a coroutine, as a driver does that uses plain sockets."""
        self.begun.set()
        self.free.wait()
        return "free"


@pytest.fixture
def stuck() -> Iterator[Stuck]:
    """Return something that blocks, and let it go in the end."""
    stuck = Stuck()
    yield stuck
    stuck.free.set()


async def test_functions_and_coroutines_run_elsewhere() -> None:
    """Given either kind, its result comes back, and it ran in one other thread."""
    host = Host("acme")

    async def coroutine() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert await host.run(coroutine, 10) == "hmm driver acme"
    names = [await host.run(threading.current_thread, 10) for _ in range(2)]
    assert names[0] is names[1] is not threading.current_thread()


async def test_what_it_makes_lives_on() -> None:
    """Given a session made in one call, the next call finds it in the same loop."""
    host = Host("acme")
    loops = [await host.run(asyncio.get_running_loop, 10) for _ in range(2)]

    assert loops[0] is loops[1] is not asyncio.get_running_loop()


async def test_who_blocks_stops_nobody_else(stuck: Stuck) -> None:
    """Given a driver that blocks its thread, everything else goes on."""
    host = Host("stuck")
    waiting = asyncio.create_task(host.run(stuck.block, 60))
    await asyncio.to_thread(stuck.begun.wait)

    # The loop of the caller is free, and so is another driver's
    assert await Host("other").run(lambda: "answer", 10) == "answer"
    assert not waiting.done()
    stuck.free.set()
    assert await waiting == "free"


async def test_a_call_that_hangs_is_given_up(stuck: Stuck) -> None:
    """Given a driver that blocks, its time ends, and the next call is served."""
    host = Host("stuck")

    with pytest.raises(TimeoutError):
        await host.run(stuck.block, 0.05)
    assert await host.run(lambda: "answer", 10) == "answer"


async def test_a_call_that_only_waits_keeps_its_thread() -> None:
    """Given a slow driver that does not block, it is cancelled where it stands."""
    host = Host("slow")
    thread = await host.run(threading.current_thread, 10)
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    with pytest.raises(TimeoutError):
        await host.run(wait, 0.05)
    assert await host.run(threading.current_thread, 10) is thread
    assert cancelled.is_set()


async def test_who_hangs_for_ever_gets_no_more_threads(stuck: Stuck) -> None:
    """Given a driver that always hangs, it is asked no more until one call ends."""
    host = Host("stuck")
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await host.run(stuck.block, 0.01)
    threads = [
        thread for thread in threading.enumerate() if thread.name == "hmm driver stuck"
    ]

    assert len(threads) == 3
    with pytest.raises(CannotConnect, match="stuck hangs"):
        await host.run(stuck.block, 10)
    stuck.free.set()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert await host.run(lambda: "answer", 10) == "answer"


def _exit() -> None:
    sys.exit(3)


def _interrupt() -> None:
    raise KeyboardInterrupt


def _generator_exit() -> None:
    raise GeneratorExit


class Strange(BaseException):
    """No Exception, so that nothing on its way catches it."""


def _strange() -> None:
    raise Strange


@pytest.mark.parametrize("call", [_exit, _interrupt, _generator_exit, _strange])
async def test_nothing_ends_the_program(call: Callable[[], None]) -> None:
    """Given what would end Home Assistant, it is an error like any other."""
    host = Host("acme")

    async def coroutine() -> None:
        call()

    for kind in (call, coroutine):
        with pytest.raises(RuntimeError, match="It ends the program"):
            await host.run(kind, 10)
    assert await host.run(lambda: "answer", 10) == "answer"


async def test_errors_come_through() -> None:
    """Given an exception, it is raised where the call was made."""

    def fail() -> None:
        raise ValueError("text")

    with pytest.raises(ValueError, match="text"):
        await Host("acme").run(fail, 10)


async def test_who_waits_may_be_cancelled() -> None:
    """Given a poll that is cancelled, so is what the driver does for it."""
    host = Host("acme")
    events: list[str] = []
    begun = threading.Event()

    async def wait() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            events.append("ended")

    waiting = asyncio.create_task(host.run(wait, 60))
    await asyncio.to_thread(begun.wait)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await host.run(lambda: asyncio.sleep(0), 10)
    assert events == ["ended"]


async def test_what_a_driver_leaves_behind_is_one_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Given a task whose error nobody reads, the log holds no traceback of it."""
    host = Host("acme")

    def leave() -> None:
        async def fail() -> None:
            raise ValueError("the wallet")

        task = asyncio.get_running_loop().create_task(fail())
        task.add_done_callback(lambda _: None)

    with caplog.at_level(logging.DEBUG, "custom_components.hmm"):
        await host.run(leave, 10)
        await host.run(lambda: asyncio.sleep(0), 10)
        gc.collect()
        await host.run(lambda: asyncio.sleep(0), 10)

    assert "the wallet" not in caplog.text
    noted = [record for record in caplog.records if "left something" in record.message]
    assert [record.levelno for record in noted] == [logging.DEBUG]


async def test_the_thread_ends_with_the_driver() -> None:
    """Given a driver that was replaced, its thread ends, and what it left does."""
    events: list[str] = []

    async def leave() -> threading.Thread:
        async def wait() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                events.append("ended")

        vars(threading.current_thread())["task"] = asyncio.create_task(wait())
        await asyncio.sleep(0)
        return threading.current_thread()

    host: Host | None = Host("acme")
    assert host is not None
    thread = await host.run(leave, 10)
    host.close()
    await asyncio.to_thread(thread.join)
    assert events == ["ended"]
    # Closing twice, or one that never ran, is nothing
    host.close()
    Host("idle").close()
    answers: list[Any] = [await host.run(lambda: "answer", 10)]
    assert answers == ["answer"]


def test_a_host_that_nobody_has_any_more() -> None:
    """Given a host that is forgotten, its thread does not go on without it."""

    async def use() -> threading.Thread:
        # Not one that the fixture of these tests keeps
        host = Host.__new__(Host)
        vars(host).update(vars(Host("forgotten")))
        return await host.run(threading.current_thread, 10)

    thread = asyncio.run(use())
    gc.collect()
    thread.join(20)
    assert not thread.is_alive()
