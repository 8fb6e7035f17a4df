"""Loads driver files in processes of their own first, to see whether they can be.

A file may loop for ever, end the program, eat all memory or start threads without
end as soon as it is loaded. Done in there, that harms nothing.

One process imports what all files need and copies itself for each of them (see
``trial``). No copy tries a second file, with all that the first has opened or changed.
"""

from collections.abc import Iterable, Mapping
import json
import os
from pathlib import Path
import pickle
import subprocess
import sys
from typing import Any

from ..driver_api import Reason
from . import trial
from .driver_files import DriverFile
from .faults import unpack, why
from .interface import too_new
from .loaded import Finding

LOAD_SECONDS = 10.0
"""How long one file may take to load."""

TOTAL_SECONDS = 30.0
"""After how long no further file is begun, once one has taken all of its time."""

_MAX_PROCESSES = 4
_START_SECONDS = 60.0

_MAX_PASSED = 1000
_passed: set[str] = set()
"""The fingerprints of files that did no harm: they are not tried again while the
program runs."""


def check(
    files: Iterable[DriverFile], settings: Mapping[str, Any] | None = None
) -> dict[Path, Finding]:
    """Return what is wrong with each file that cannot be loaded. Blocks.

    What is tried is what was read: the file may be another by then. ``settings`` are
    those of config.yaml, which a file may need to load at all.
    """
    new = [file for file in files if file.fingerprint not in _passed]
    findings = {
        file.path: finding for file in new if (finding := too_new(file)) is not None
    }
    new = [file for file in new if file.path not in findings]
    if not new:
        return findings
    findings |= _try(new, settings or {})
    if len(_passed) > _MAX_PASSED:
        _passed.clear()
    _passed.update(file.fingerprint for file in new if file.path not in findings)
    return findings


def too_slow() -> Reason:
    """Return that a file took too long."""
    return why("loads_slowly", seconds=f"{LOAD_SECONDS:.0f}")


def _try(files: list[DriverFile], settings: Mapping[str, Any]) -> dict[Path, Finding]:
    """Return what is wrong with files, as another process reports."""
    findings: dict[Path, Finding] = {}
    untried = dict(enumerate(files))
    rest = why("not_tried")
    for line in _run(files, settings):
        number, answer = json.loads(line)
        path = untried.pop(number).path
        if (finding := _read_answer(answer)) is not None:
            findings[path] = finding
        if answer is None:
            rest = why("not_tried_in_time")
    # Not the fault of a file; but one that was not tried is not run
    return findings | {file.path: Finding(rest) for file in untried.values()}


def _run(files: list[DriverFile], settings: Mapping[str, Any]) -> list[bytes]:
    """Return the lines that the process wrote, one for each file that it tried."""
    question = (files, dict(settings), LOAD_SECONDS, TOTAL_SECONDS, _MAX_PROCESSES)
    try:
        output = subprocess.run(  # noqa: S603  a file of ours
            [sys.executable, "-P", trial.__file__],
            check=False,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            # Not as an argument, which every user of the machine could read
            input=pickle.dumps(question),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            # It ends in time itself, unless a file found a way to stop it
            timeout=_START_SECONDS + len(files) * LOAD_SECONDS,
        ).stdout
    except OSError, subprocess.TimeoutExpired:
        return []
    # Where it was killed, the last line may be a part of one
    return output.rpartition(b"\n")[0].splitlines()


def _read_answer(text: str | None) -> Finding | None:
    """Return what is wrong with a file by what its process wrote, None: nothing."""
    if text is None:
        return Finding(too_slow(), harmful=True)
    if not text:
        return Finding(why("ends_program"), harmful=True)
    try:
        finding, is_harmful = json.loads(text)
        if finding is None:
            return None
        packed, at = finding
        if isinstance(reason := unpack(packed), Reason):
            return Finding(reason, at if type(at) is int else None, bool(is_harmful))
    except TypeError, ValueError, LookupError, AttributeError, RecursionError:
        pass
    # The file wrote this
    return Finding(why("candidate_odd"), harmful=True)
