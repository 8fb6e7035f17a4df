"""What a process runs that ``preflight`` started, to be lost if a file does harm.

Not imported as a part of the package in there: that would bring Home Assistant.
"""

import base64
import contextlib
import importlib
import json
import logging
import os
from pathlib import Path
import pickle
import select
import sys
import threading
import time
from types import ModuleType
from typing import IO, Any

SHADOW = "shadow"
"""The argument of the process that runs a driver on recorded answers."""

IDLE_SECONDS = 60.0
"""How long a process that has nothing to do stays."""

_MEMORY = 2 * 1024**3
_STACK = 64 * 1024**2
_MAX_THREADS = 10
_SETTLE_SECONDS = 0.3
_CPU_SECONDS = 120
"""What a file may compute: whoever would end it may be gone, as after a crash."""


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


def _main() -> None:
    """Load each file and say what came of it, in the process that may be lost."""
    questions, out = _open_pipes()
    # Each takes so much of the memory that no more than some 30 can be started
    threading.stack_size(_STACK)
    user_file, tampering, faults = _import_engine()
    # Home Assistant has set up its log: that a driver does it once more does nothing
    logging.root.addHandler(logging.NullHandler())

    def say(answer: Any) -> None:
        out.write(json.dumps(answer) + "\n")
        out.flush()

    def forbid_forks() -> None:
        # In Home Assistant, the copy would continue beside it; in a loop, they would
        # take every process that the system can have.
        say([[faults.pack(faults.why("forks")), None], True])
        os._exit(0)

    imports = tampering.WatchedImports()
    say("ready")
    os.register_at_fork(before=forbid_forks)
    while select.select([questions], [], [], IDLE_SECONDS)[0]:
        if not (question := questions.readline()):
            break
        # Packages may have been installed since
        importlib.invalidate_caches()
        threads = threading.active_count()
        file, settings = pickle.loads(base64.b64decode(question))  # noqa: S301  ours
        written = tampering.names_written(file.text)
        imports.snapshot = before = tampering.Snapshot()
        process = tampering.process_settings()
        # A file may replace what they are found by
        what_changed = tampering.what_changed
        failed = raised = None
        _limit_time(_CPU_SECONDS)
        try:
            failed = user_file.try_file(file, settings)
        # Without "Exception": the file may have replaced that as well
        except:  # noqa: E722
            raised = sys.exception()
        imports.snapshot = None
        if (changed := what_changed(before, process, written)) is not None:
            reason, line = tampering.explain(file.source.decode(), changed)
            say([[faults.pack(reason), line], True])
            break
        if raised is not None:
            raise raised
        if _more_threads(threads) > _MAX_THREADS:
            say([[faults.pack(faults.why("starts_threads")), None], True])
            break
        say([[faults.pack(failed.reason), failed.line] if failed else None, False])
    # Threads that a file has started do not keep the process alive
    out.close()
    os._exit(0)


def _more_threads(before: int) -> int:
    """Return how many threads there are more, once they had time to multiply."""
    if threading.active_count() > before:
        time.sleep(_SETTLE_SECONDS)
    return threading.active_count() - before


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
