"""The threads in which a driver may block."""

import asyncio
import subprocess
import sys
from textwrap import dedent
import threading

from custom_components.hmm.driver_engine import job_threads
from custom_components.hmm.driver_engine.job_threads import Workers


async def test_of_too_many_jobs_the_last_ones_wait() -> None:
    """Given more jobs than threads, all are done, and no thread stays."""
    free = threading.Event()
    most = job_threads._MAX_THREADS
    pool = Workers("acme", None)
    jobs = [pool.submit(free.wait) for _ in range(most + 5)]
    cancelled = jobs.pop()
    assert cancelled.cancel()

    def alive() -> int:
        names = [thread.name for thread in threading.enumerate()]
        return names.count("hmm worker acme")

    assert alive() == most
    free.set()
    assert await asyncio.gather(*map(asyncio.wrap_future, jobs)) == [True] * (most + 4)
    for thread in threading.enumerate():
        if thread.name == "hmm worker acme":
            await asyncio.to_thread(thread.join)
    assert alive() == 0


def test_a_blocked_job_does_not_keep_the_program() -> None:
    """Given a job that takes an hour, the program ends all the same."""
    program = """
        import asyncio, time
        from custom_components.hmm.driver_engine.driver_thread import DriverThread
        from custom_components.hmm.driver_engine.hanging import Hanging

        async def main():
            thread = DriverThread("acme", Hanging("acme"))
            running = thread.begin(lambda: asyncio.to_thread(time.sleep, 3600))
            await asyncio.sleep(0.1)
            running.cancel()
            await thread.end()

        asyncio.run(main())
    """
    subprocess.run([sys.executable, "-c", dedent(program)], check=True, timeout=60)
