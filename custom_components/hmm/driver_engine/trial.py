"""What a process runs that ``preflight`` started: a copy of it tries each file.

The copy is lost if the file does harm. The process itself runs nothing of a file.

Not imported as a part of the package in there: that would bring Home Assistant.
"""

from collections import deque
from collections.abc import Callable
import contextlib
from dataclasses import dataclass, field
from functools import partial
import gc
import json
import logging
import os
from pathlib import Path
import pickle
import select
import signal
import sys
import threading
import time
from types import ModuleType
from typing import IO, Any

SHADOW = "shadow"
"""The argument of the process that runs a driver on recorded answers."""

_PATIENCE_SECONDS = 1.0
"""How long files keep all cores busy before one more is begun: several that hang do so
side by side."""

_ANSWERS = 3
"""The number of the pipe that a copy answers by."""

_LONGEST_ANSWER = 1_048_576
"""Bytes; only a file can have written more."""

_MEMORY = 2 * 1024**3
_STACK = 64 * 1024**2
_MAX_THREADS = 10
_SETTLE_SECONDS = 0.3
_CPU_SECONDS = 120
_ALARM_SECONDS = 5
"""What a file may compute, and how much longer than its time it may wait: whoever would
end it may be gone, as after a crash."""


def _limit(name: str, maximum: int) -> None:
    """Set a limit of this process, where the system has such limits."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        kind = getattr(resource, name)
        resource.setrlimit(kind, (maximum, resource.getrlimit(kind)[1]))


def _open_pipes() -> tuple[IO[bytes], IO[str]]:
    """Return where questions come from and answers go to; limit what may be used.

    What the files print or read must not get between them.
    """
    questions = os.fdopen(os.dup(0), "rb")
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sink = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(sink, number)
    _limit("RLIMIT_AS", _MEMORY)
    return questions, out


def _shadow() -> None:
    """Run one driver on recorded answers, see ``shadow``."""
    questions, out = _open_pipes()
    # No file grows, whatever finds a way to write to one
    _limit("RLIMIT_FSIZE", 0)
    _import_engine()
    from custom_components.hmm.driver_engine import shadow

    logging.root.addHandler(logging.NullHandler())
    shadow.serve(questions, out, lambda: _limit_time(shadow.CPU_SECONDS))
    os._exit(0)


def _limit_time(seconds: int) -> None:
    _limit("RLIMIT_CPU", int(time.process_time()) + seconds)


@dataclass(slots=True)
class _Copy:
    """A copy of this process that tries one file."""

    number: int
    pid: int
    pipe: int
    """Where its answer comes from."""
    seconds: float
    """How long it may take."""
    start: float = field(default_factory=time.monotonic)
    output: bytearray = field(default_factory=bytearray)

    @property
    def is_slow(self) -> bool:
        """Return whether the other files have waited for it for long enough."""
        return time.monotonic() - self.start >= _PATIENCE_SECONDS

    @property
    def left(self) -> float:
        """Return how many seconds it has left."""
        return max(self.start + self.seconds - time.monotonic(), 0.0)

    def has_ended(self) -> bool:
        """Take what it has written; return whether no more is expected."""
        chunk = os.read(self.pipe, 65536)
        self.output += chunk
        return not chunk or len(self.output) > _LONGEST_ANSWER

    def end(self) -> None:
        """End it and all that it has started."""
        with contextlib.suppress(OSError):
            os.killpg(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.pipe)


def _main() -> None:
    """Try files, and write a line for each: its number and what its copy wrote.

    That is nothing if the copy has ended early, and None if it took too long.
    """
    questions, out = _open_pipes()
    # Each takes so much of the memory that no more than some 30 can be started
    threading.stack_size(_STACK)
    engine = _import_engine()
    # Home Assistant has set up its log: that a driver does it once more does nothing
    logging.root.addHandler(logging.NullHandler())
    imports = engine[1].WatchedImports()
    process = engine[1].process_settings()
    # What is here stays as it is: the copies share it
    gc.freeze()
    files, settings, seconds, total_seconds, max_copies = pickle.load(questions)  # noqa: S301  ours
    waiting = deque(enumerate(files))
    cores = os.process_cpu_count() or 1
    copies: list[_Copy] = []
    start = time.monotonic()
    is_any_late = False
    while True:
        # Many good files on a slow machine have all the time that they need
        if is_any_late and time.monotonic() - start >= total_seconds:
            waiting.clear()
        while (
            waiting
            and len(copies) < max_copies
            and (len(copies) < cores or all(copy.is_slow for copy in copies))
        ):
            number, file = waiting[0]
            try_file = partial(_try, engine, imports, process, file, settings)
            try:
                copies.append(_begin(try_file, number, seconds))
            except OSError:
                # The machine has no room for more, perhaps for none
                max_copies = len(copies)
            else:
                waiting.popleft()
        if not copies:
            break
        wait = min(_PATIENCE_SECONDS, *(copy.left for copy in copies))
        readable = select.select([copy.pipe for copy in copies], [], [], wait)[0]
        for copy in tuple(copies):
            text: str | None = None
            if copy.pipe in readable and copy.has_ended():
                text = copy.output.decode("latin-1")
            elif copy.left:
                continue
            else:
                is_any_late = True
            copies.remove(copy)
            copy.end()
            out.write(json.dumps([copy.number, text]) + "\n")
            out.flush()


def _begin(try_file: Callable[[], None], number: int, seconds: float) -> _Copy:
    """Try a file in a copy of this process. Raises OSError."""
    receive, send = os.pipe()
    try:
        pid = os.fork()
        if not pid:
            try:
                os.setpgid(0, 0)
                # All that it can reach is the pipe for its own answer
                os.dup2(send, _ANSWERS, inheritable=False)
                os.closerange(_ANSWERS + 1, 256)
                _limit_time(_CPU_SECONDS)
                signal.alarm(int(seconds) + _ALARM_SECONDS)
                try_file()
            finally:
                # Threads that the file has started do not keep it alive
                os._exit(0)
    except OSError:
        os.close(receive)
        raise
    finally:
        os.close(send)
    with contextlib.suppress(OSError):
        # As the copy does: whichever is first
        os.setpgid(pid, pid)
    return _Copy(number, pid, receive, seconds)


def _try(
    engine: tuple[Any, Any, Any], imports: Any, process: Any, file: Any, settings: Any
) -> None:
    """Load a file and say what came of it: what is wrong, and whether it is harm.

    ``imports`` and ``process`` are what everyone uses, as it is before.
    """
    user_file, tampering, faults = engine
    before = imports.snapshot
    why = faults.why

    def say(reason: Any = None, line: int | None = None, *, harm: bool = False) -> None:
        finding = None if reason is None else [faults.pack(reason), line]
        os.write(_ANSWERS, json.dumps([finding, harm]).encode())

    def forbid_forks() -> None:
        # In Home Assistant, the copy would continue beside it; in a loop, they would
        # take every process that the system can have.
        say(why("forks"), harm=True)
        os._exit(0)

    os.register_at_fork(before=forbid_forks)
    written = tampering.names_written(file.text)
    # A file may replace what they are found by
    what_changed = tampering.what_changed
    failed = None
    has_raised = False
    try:
        failed = user_file.try_file(file, settings)
    # Without "Exception": the file may have replaced that as well
    except:  # noqa: E722
        has_raised = True
    imports.snapshot = None
    if (changed := what_changed(before, process, written)) is not None:
        say(*tampering.explain(file.source.decode(), changed), harm=True)
    elif has_raised:
        return
    elif _started_threads() > _MAX_THREADS:
        say(why("starts_threads"), harm=True)
    elif failed is not None:
        say(failed.reason, failed.line)
    else:
        say()


def _started_threads() -> int:
    """Return how many threads a file has started, once they had time to multiply."""
    if threading.active_count() > 1:
        time.sleep(_SETTLE_SECONDS)
    return threading.active_count() - 1


def _import_engine() -> tuple[Any, Any, Any]:
    """Import what runs a file and what watches it, without Home Assistant: seconds."""
    integration = Path(__file__).parent.parent
    for name, folder in (
        ("custom_components", integration.parent),
        ("custom_components.hmm", integration),
    ):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    from custom_components.hmm.driver_engine import faults, tampering, user_file

    return user_file, tampering, faults


if __name__ == "__main__":
    if SHADOW in sys.argv:
        _shadow()
    else:
        _main()
