"""Loads driver files in a process of its own first, to see whether they can be.

A file may loop for ever, end the program, eat all memory or start threads without
end as soon as it is loaded. Done in here, that harms nothing.
"""

from collections.abc import Iterable, Iterator
import contextlib
from dataclasses import dataclass
import json
import os
from pathlib import Path
import selectors
import signal
import subprocess
import sys
import threading
import time
from types import ModuleType
from typing import IO, Any

LOAD_SECONDS = 10.0
"""How long one file may take to load."""

_START_SECONDS = 60.0
_MEMORY = 2 * 1024**3
_STACK = 64 * 1024**2
_NOT_TRIED = "It could not be tried, as no process started in time; try again"
_FORKS = "It copies the whole program (fork) when it is loaded"
_MOST_THREADS = 10
_SETTLE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a file; ``line`` is None if unknown."""

    reason: str
    line: int | None = None


def check(paths: Iterable[Path]) -> dict[Path, Finding]:
    """Return what is wrong with each file that cannot be loaded. Blocks."""
    waiting = list(paths)
    findings: dict[Path, Finding] = {}
    while waiting:
        for path, finding in _check_in_one_process(waiting.copy()):
            waiting.remove(path)
            if finding is not None:
                findings[path] = finding
    return findings


def _check_in_one_process(
    paths: list[Path],
) -> Iterator[tuple[Path, Finding | None]]:
    """Yield each file that was tried, until one has spoilt the process."""
    with (
        subprocess.Popen(  # noqa: S603  it runs this very file
            [sys.executable, "-P", __file__, *map(str, paths)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process,
        selectors.DefaultSelector() as selector,
    ):
        try:
            assert process.stdout is not None
            reader = _Reader(process.stdout, selector)
            if reader.next(_START_SECONDS) is None:
                # Not the fault of a file; but one that was not tried is not run
                yield from ((path, Finding(_NOT_TRIED)) for path in paths)
                return
            for path in paths:
                answer = reader.next(LOAD_SECONDS)
                if answer is None:
                    reason = f"It takes longer than {LOAD_SECONDS:.0f} s to load"
                    if reader.ended:
                        reason = "It ends the program when it is loaded"
                    yield path, Finding(reason)
                    return
                finding, is_spoilt = answer
                yield path, Finding(*finding) if finding else None
                if is_spoilt:
                    return
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


class _Reader:
    """Reads answers from a pipe, each with a time limit."""

    def __init__(self, pipe: IO[bytes], selector: selectors.BaseSelector) -> None:
        self._pipe = pipe
        self._selector = selector
        self._selector.register(pipe, selectors.EVENT_READ)
        self._buffer = b""
        self.ended = False

    def next(self, seconds: float) -> Any:
        """Return the next answer, None if it does not come in time or never will."""
        while b"\n" not in self._buffer:
            if not self._selector.select(seconds):
                return None
            chunk = os.read(self._pipe.fileno(), 65536)
            if not chunk:
                self.ended = True
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line)


def _main(paths: list[str]) -> None:
    """Load each file and say what came of it, in the process that may be lost."""
    # What the files print must not get between the answers
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    # Each takes so much of the memory that no more than some 30 can be started
    threading.stack_size(_STACK)
    loader = _import_loader()

    def say(answer: Any) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    def forbid_forks() -> None:
        # In Home Assistant, the copy would go on beside it; in a loop, they would
        # take every process that the system can have.
        say([[_FORKS, None], True])
        os._exit(0)

    say("ready")
    os.register_at_fork(before=forbid_forks)
    for path in map(Path, paths):
        threads = threading.active_count()
        failed = loader.try_file(path)
        if _more_threads(threads) > _MOST_THREADS:
            say([["It starts too many threads when it is loaded", None], True])
            break
        say([[failed.reason, failed.line] if failed else None, False])
    # Threads that a file has started do not keep the process alive
    out.close()
    os._exit(0)


def _more_threads(before: int) -> int:
    """Return how many threads there are more, once they had time to multiply."""
    if threading.active_count() > before:
        time.sleep(_SETTLE_SECONDS)
    return threading.active_count() - before


def _import_loader() -> Any:
    """Import the loader without Home Assistant, which takes seconds."""
    integration = Path(__file__).parent.parent
    for name, folder in (
        ("custom_components", integration.parent),
        ("custom_components.hmm", integration),
    ):
        package = ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package
    from custom_components.hmm.driver_manager import loader

    return loader


if __name__ == "__main__":
    _main(sys.argv[1:])
