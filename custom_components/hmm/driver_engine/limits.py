"""A time limit for what a driver does when it is loaded."""

from collections.abc import Callable
from concurrent.futures import Future
import threading
from typing import Any


def run_limited[T](
    call: Callable[[], T],
    seconds: float,
    on_late: Callable[[Future[Any]], object] = lambda job: None,
) -> T:
    """Return what ``call`` returns, or raise what it raises.

    It runs in a thread of its own, which is left behind when it takes longer; then
    ``on_late`` gets what is done when it ends, and TimeoutError is raised. Blocks for
    that long.
    """
    job: Future[T] = Future()

    def run() -> None:
        try:
            job.set_result(call())
        except BaseException as err:  # noqa: BLE001  it is raised below
            job.set_exception(err)

    thread = threading.Thread(target=run, name="hmm load", daemon=True)
    thread.start()
    thread.join(seconds)
    if not job.done():
        on_late(job)
        raise TimeoutError
    return job.result()
