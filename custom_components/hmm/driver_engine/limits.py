"""A time limit for what a driver does when it is loaded."""

from collections.abc import Callable
import threading


def run_limited[T](call: Callable[[], T], seconds: float) -> T:
    """Return what ``call`` returns, or raise what it raises.

    It runs in a thread of its own, which is left behind when it takes longer; then
    TimeoutError is raised. Blocks for that long.
    """
    results: list[T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(call())
        except BaseException as err:  # noqa: BLE001  it is raised below
            errors.append(err)

    thread = threading.Thread(target=run, name="hmm load", daemon=True)
    thread.start()
    thread.join(seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]
