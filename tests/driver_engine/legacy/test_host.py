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
from custom_components.hmm.driver_engine.hanging import Hanging
from custom_components.hmm.driver_engine.legacy.host import Host, hanging_of


def host_of(name: str) -> Host:
    """Return a host for the only object of a file."""
    return Host(name, Hanging(f"{name}_driver.py"))


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
def stuck(impatient: None) -> Iterator[Stuck]:
    """Return something that blocks, and let it go in the end."""
    stuck = Stuck()
    yield stuck
    stuck.free.set()


async def test_functions_and_coroutines_run_elsewhere() -> None:
    """Given either kind, its result comes back, and it ran in one other thread."""
    host = host_of("acme")

    async def coroutine() -> str:
        await asyncio.sleep(0)
        return threading.current_thread().name

    assert await host.run(coroutine, 10) == "hmm driver acme"
    names = [await host.run(threading.current_thread, 10) for _ in range(2)]
    assert names[0] is names[1] is not threading.current_thread()


async def test_what_it_makes_lives_on() -> None:
    """Given a session made in one call, the next call finds it in the same loop."""
    host = host_of("acme")
    loops = [await host.run(asyncio.get_running_loop, 10) for _ in range(2)]

    assert loops[0] is loops[1] is not asyncio.get_running_loop()


async def test_who_blocks_stops_nobody_else(stuck: Stuck) -> None:
    """Given a driver that blocks its thread, everything else continues."""
    host = host_of("stuck")
    waiting = asyncio.create_task(host.run(stuck.block, 60))
    await asyncio.to_thread(stuck.begun.wait)

    # The loop of the caller is free, and so is another driver's
    assert await host_of("other").run(lambda: "answer", 10) == "answer"
    assert not waiting.done()
    stuck.free.set()
    assert await waiting == "free"


async def test_a_call_that_hangs_is_given_up(stuck: Stuck) -> None:
    """Given a driver that blocks, its time ends, and the next call is served."""
    host = host_of("stuck")

    with pytest.raises(TimeoutError):
        await host.run(stuck.block, 0.05)
    assert await host.run(lambda: "answer", 10) == "answer"


async def test_a_call_that_only_waits_keeps_its_thread() -> None:
    """Given a slow driver that does not block, it is cancelled where it stands."""
    host = host_of("slow")
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


async def test_who_hangs_for_ever_gets_no_more_threads(
    stuck: Stuck, caplog: pytest.LogCaptureFixture
) -> None:
    """Given a driver that always hangs, it is asked no more until one call ends."""
    hanging = Hanging("stuck_driver.py")
    host = Host("stuck", hanging)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await host.run(stuck.block, 0.2)
    threads = [
        thread for thread in threading.enumerate() if thread.name == "hmm driver stuck"
    ]

    assert len(threads) == 3
    # A new object of the same file is no way around it
    for refused in (host, Host("stuck", hanging)):
        with pytest.raises(CannotConnect, match=r"stuck hangs.* correct stuck_driver"):
            await refused.run(stuck.block, 10)
    reported = [
        record.message
        for record in caplog.records
        if "stuck_driver.py hangs" in record.message
    ]
    assert len(reported) == 1
    stuck.free.set()
    for thread in threads:
        await asyncio.to_thread(thread.join)
    assert await host.run(lambda: "answer", 10) == "answer"


async def test_objects_that_hang_are_counted_together(stuck: Stuck) -> None:
    """Given a device per object, three that hang are as many as one that does thrice."""
    hanging = Hanging("stuck_driver.py")
    well = Host("stuck", hanging)
    thread = await well.run(threading.current_thread, 10)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await Host("stuck", hanging).run(stuck.block, 0.2)

    with pytest.raises(CannotConnect):
        await Host("stuck", hanging).run(lambda: "answer", 10)
    # One that never hung goes on in the thread that it has
    assert await well.run(threading.current_thread, 10) is thread
    # Another file has nothing to do with it
    assert await host_of("other").run(lambda: "answer", 10) == "answer"


async def test_the_count_outlives_what_was_counted(stuck: Stuck) -> None:
    """Given the same version of a file, what hung before still counts; a new one not."""
    for _ in range(3):
        host = Host("stuck", hanging_of("stuck_driver.py", "aa"))
        with pytest.raises(TimeoutError):
            await host.run(stuck.block, 0.2)
        # As when the driver is loaded again
        del host
        gc.collect()

    with pytest.raises(CannotConnect):
        await Host("stuck", hanging_of("stuck_driver.py", "aa")).run(stuck.block, 10)
    mended = Host("stuck", hanging_of("stuck_driver.py", "bb"))
    assert await mended.run(lambda: "answer", 10) == "answer"


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
    host = host_of("acme")

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
        await host_of("acme").run(fail, 10)


async def test_who_waits_may_be_cancelled() -> None:
    """Given a poll that is cancelled, so is what the driver does for it."""
    host = host_of("acme")
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
    host = host_of("acme")

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

    host: Host | None = host_of("acme")
    assert host is not None
    thread = await host.run(leave, 10)
    host.close()
    await asyncio.to_thread(thread.join)
    assert events == ["ended"]
    # Closing twice, or one that never ran, is nothing
    host.close()
    host_of("idle").close()
    answers: list[Any] = [await host.run(lambda: "answer", 10)]
    assert answers == ["answer"]


def test_a_host_that_nobody_has_any_more() -> None:
    """Given a host that is forgotten, its thread does not go on without it."""

    async def use() -> threading.Thread:
        # Not one that the fixture of these tests keeps
        host = Host.__new__(Host)
        vars(host).update(vars(host_of("forgotten")))
        return await host.run(threading.current_thread, 10)

    thread = asyncio.run(use())
    gc.collect()
    thread.join(20)
    assert not thread.is_alive()


async def test_a_task_that_ends_the_program_ends_no_thread() -> None:
    """Given a task of the driver's own that nobody awaits, the next call is served."""
    host = host_of("acme")
    for error in (KeyboardInterrupt, SystemExit):

        async def leave(error: type[BaseException] = error) -> threading.Thread:
            async def fail() -> None:
                raise error

            asyncio.get_running_loop().create_task(fail()).add_done_callback(print)
            return threading.current_thread()

        thread = await host.run(leave, 10)
        assert await host.run(threading.current_thread, 10) is thread


async def test_jobs_that_hang_are_counted_as_calls(stuck: Stuck) -> None:
    """Given a driver that leaves a blocked worker with each call, it is stopped."""
    hanging = Hanging("stuck_driver.py")
    host = Host("stuck", hanging)
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await host.run(lambda: asyncio.to_thread(stuck.free.wait), 0.2)
    with pytest.raises(CannotConnect, match="stuck hangs"):
        await Host("stuck", hanging).run(lambda: "answer", 10)
    assert await asyncio.to_thread(lambda: "free") == "free"
