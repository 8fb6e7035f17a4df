"""Loads driver files in processes of their own first, to see whether they can be.

A file may loop for ever, end the program, eat all memory or start threads without
end as soon as it is loaded. Done in there, that harms nothing.

One process tries all files, one after the other. While a file keeps it waiting,
further processes continue with the others, so that several files that hang cost little
more time than one. Then the next one is started and waits for a minute: who edits a
driver reloads it again and again, and to start takes longer than to try a file. One
that has run a file is never used again, with all that the file has opened or changed.
"""

import atexit
import base64
from collections import deque
from collections.abc import Iterable, Mapping
import contextlib
import json
import os
from pathlib import Path
import pickle
import selectors
import signal
import subprocess
import sys
import threading
import time
from typing import Any

from ..driver_api import INTERFACE_VERSION, Reason
from . import trial
from .declaration import NotADriver, declare
from .driver_files import DriverFile
from .faults import unpack, why
from .loaded import Finding
from .versions import is_newer

LOAD_SECONDS = 10.0
"""How long one file may take to load."""

TOTAL_SECONDS = 30.0
"""After how long no further file is begun, once one has taken all of its time."""

_MAX_PROCESSES = 4
_PATIENCE_SECONDS = 1.0
"""How long a file may keep the others waiting for a process of their own."""

_MAX_PASSED = 1000
_passed: set[str] = set()
"""The fingerprints of files that did no harm: they are not tried again while the
program runs."""

_LONGEST_ANSWER = 1_048_576
"""Bytes without the end of a line, which only a file can have written."""

_START_SECONDS = 60.0
_SPARE_SECONDS = trial.IDLE_SECONDS - 15
"""How long it is given files: surely before it goes."""


def check(
    files: Iterable[DriverFile], settings: Mapping[str, Any] | None = None
) -> dict[Path, Finding]:
    """Return what is wrong with each file that cannot be loaded. Blocks.

    What is tried is what was read: the file may be another by then. ``settings`` are
    those of config.yaml, which a file may need to load at all.
    """
    new = [file for file in files if file.fingerprint not in _passed]
    findings = {
        file.path: finding for file in new if (finding := _too_new(file)) is not None
    }
    new = [file for file in new if file.path not in findings]
    if not new:
        return findings
    findings |= _Trial(deque(new), settings or {}).run()
    if len(_passed) > _MAX_PASSED:
        _passed.clear()
    _passed.update(file.fingerprint for file in new if file.path not in findings)
    return findings


def _too_new(file: DriverFile) -> Finding | None:
    """Return that a file needs a newer interface than there is, None if it does not."""
    if b"interface_version" not in file.source:
        return None
    try:
        needed = declare(file.source, file.path).interface_version
    except NotADriver:
        return None
    if needed is None or not is_newer(needed, INTERFACE_VERSION):
        return None
    return Finding(why("interface_too_old", needed=needed, version=INTERFACE_VERSION))


def too_slow() -> Reason:
    """Return that a file took too long."""
    return why("loads_slowly", seconds=f"{LOAD_SECONDS:.0f}")


class _Spare:
    """The process that waits for the next trial, if there is one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None

    def take(self) -> _Process | None:
        """Return it, if it is still of use."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return None
        if not process.is_fresh:
            process.end()
            return None
        process.deadline = time.monotonic() + _START_SECONDS
        return process

    def renew(self) -> None:
        """Start one, in the place of another. It has not run anything."""
        with contextlib.suppress(OSError):  # There is no need of it
            process = _Process()
            with self._lock:
                before, self._process = self._process, process
            if before is not None:
                before.end()

    def end(self) -> None:
        """End it."""
        if (process := self.take()) is not None:
            process.end()


_spare = _Spare()
atexit.register(_spare.end)


class _Trial:
    """Gives files to processes and takes their answers."""

    def __init__(self, waiting: deque[DriverFile], settings: Mapping[str, Any]) -> None:
        self._waiting = waiting
        self._settings = settings
        self._findings: dict[Path, Finding] = {}
        self._processes: list[_Process] = []
        self._max_processes = _MAX_PROCESSES
        self._selector = selectors.DefaultSelector()
        self._end: float | None = None
        self._has_late_ones = False

    def run(self) -> dict[Path, Finding]:
        """Return what is wrong with the files."""
        if (spare := _spare.take()) is not None:
            self._add(spare)
        try:
            while self._waiting or any(process.path for process in self._processes):
                self._hand_out()
                self._take_answers()
                self._end_late_ones()
        finally:
            for process in tuple(self._processes):
                self._drop(process)
            self._selector.close()
        _spare.renew()
        return self._findings

    def _hand_out(self) -> None:
        """Give files to processes that are free; begin one more if all are slow."""
        for process in tuple(self._processes):
            if self._waiting and process.is_free:
                process.give(self._waiting.popleft(), self._settings)
        if not self._waiting or len(self._processes) >= self._max_processes:
            return
        if all(
            process.busy_seconds() >= _PATIENCE_SECONDS for process in self._processes
        ):
            try:
                self._add(_Process())
            except OSError:
                self._do_without_more()

    def _do_without_more(self) -> None:
        """Go on with the processes that there are: the machine has no room for more."""
        self._max_processes = max(len(self._processes), 1)
        if not self._processes:
            # Not the fault of a file; but one that was not tried is not run
            self._leave(why("not_tried"))

    def _take_answers(self) -> None:
        for key, _ in self._selector.select(self._seconds_to_wait()):
            process: _Process = key.data
            if (answers := process.read()) is None:
                self._note(process, why("ends_program"))
                self._drop(process)
                continue
            for answer in answers:
                if not process.has_started:
                    process.has_started = True
                    self._end = self._end or time.monotonic() + TOTAL_SECONDS
                    continue
                try:
                    finding, is_spoilt = _read_answer(answer)
                except TypeError, ValueError, LookupError, AttributeError:
                    # The file wrote between the answers
                    self._note(process, why("candidate_odd"))
                    self._drop(process)
                    break
                if finding is not None and process.path is not None:
                    self._findings[process.path] = finding
                process.path = None
                if is_spoilt:
                    self._drop(process)
                    break

    def _end_late_ones(self) -> None:
        now = time.monotonic()
        for process in tuple(self._processes):
            if process.path is not None and now >= process.deadline:
                self._has_late_ones = True
                self._note(process, too_slow())
                self._drop(process)
            elif not process.has_started and now >= process.deadline:
                self._drop(process)
        # Many good files on a slow machine have all the time that they need
        if self._has_late_ones and self._end is not None and now >= self._end:
            self._leave(why("not_tried_in_time"))

    def _note(self, process: _Process, reason: Reason) -> None:
        if process.path is not None:
            self._findings[process.path] = Finding(reason, harmful=True)
            process.path = None

    def _drop(self, process: _Process) -> None:
        if process not in self._processes:
            return
        self._remove(process)
        process.end()
        if not process.has_started:
            self._do_without_more()

    def _add(self, process: _Process) -> None:
        self._processes.append(process)
        self._selector.register(process.output, selectors.EVENT_READ, process)

    def _remove(self, process: _Process) -> None:
        self._processes.remove(process)
        self._selector.unregister(process.output)

    def _leave(self, reason: Reason) -> None:
        self._findings.update((file.path, Finding(reason)) for file in self._waiting)
        self._waiting.clear()

    def _seconds_to_wait(self) -> float:
        now = time.monotonic()
        moments = [
            process.deadline
            for process in self._processes
            if process.path or not process.has_started
        ]
        if self._waiting:
            if self._has_late_ones and self._end is not None:
                moments.append(self._end)
            if len(self._processes) < self._max_processes and all(
                process.path for process in self._processes
            ):
                # When the last of them has kept the others waiting for too long
                latest = max(
                    (process.since for process in self._processes), default=now
                )
                moments.append(latest + _PATIENCE_SECONDS)
        return max(min((instant - now for instant in moments), default=0.0), 0.0)


def _read_answer(text: bytes) -> tuple[Finding | None, bool]:
    """Return what is wrong with a file, and whether its process is of no more use.

    Raises TypeError, ValueError, LookupError, AttributeError: the file wrote this.
    """
    try:
        finding, is_spoilt = json.loads(text)
        if finding is None:
            return None, bool(is_spoilt)
        packed, at = finding
        reason = unpack(packed)
    except RecursionError as err:
        raise ValueError from err
    if not isinstance(reason, Reason):
        raise TypeError
    line = at if type(at) is int else None
    return Finding(reason, line, bool(is_spoilt)), bool(is_spoilt)


class _Process:
    """A process that tries one file at a time, as long as it lasts."""

    def __init__(self) -> None:
        """Start it; it reports when it is ready."""
        self._sys_path = tuple(sys.path)
        self._popen = subprocess.Popen(  # noqa: S603  a file of ours
            [sys.executable, "-P", trial.__file__],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self._popen.stdout is not None
        self.output = self._popen.stdout
        self.path: Path | None = None
        """The file that it tries now."""
        self.has_started = False
        self.since = time.monotonic()
        self.deadline = self.since + _START_SECONDS
        self._buffer = b""

    @property
    def is_free(self) -> bool:
        """Return whether it can be given a file."""
        return self.has_started and self.path is None

    @property
    def is_fresh(self) -> bool:
        """Return whether it has not waited for too long, and finds the same packages."""
        return (
            self._popen.poll() is None
            and time.monotonic() - self.since < _SPARE_SECONDS
            and self._sys_path == tuple(sys.path)
        )

    def busy_seconds(self) -> float:
        """Return how long its file has kept it; nothing while it starts."""
        return 0.0 if self.path is None else time.monotonic() - self.since

    def give(self, file: DriverFile, settings: Mapping[str, Any]) -> None:
        """Let it try a file."""
        self.path = file.path
        self.since = time.monotonic()
        self.deadline = self.since + LOAD_SECONDS
        assert self._popen.stdin is not None
        # Not as an argument, which every user of the machine could read
        question = base64.b64encode(pickle.dumps((file, dict(settings))))
        # One that has ended in the meantime is found out by its silence
        with contextlib.suppress(OSError):
            self._popen.stdin.write(question + b"\n")
            self._popen.stdin.flush()

    def read(self) -> list[bytes] | None:
        """Return the responses that came, None if it has ended."""
        chunk = os.read(self.output.fileno(), 65536)
        if not chunk:
            return None
        if len(self._buffer) > _LONGEST_ANSWER:
            return [b""]
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        return lines

    def end(self) -> None:
        """End it and all that it has started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._popen.pid, signal.SIGKILL)
        self._popen.wait()
        for pipe in (self._popen.stdin, self.output):
            assert pipe is not None
            with contextlib.suppress(OSError):
                pipe.close()
