"""A version of a driver that is tried beside the one that runs, in its own process."""

import asyncio
import base64
import contextlib
import json
import os
import pickle
import signal
import sys
from typing import Any, Final

from ..driver_api import Reason
from ..driver_api.transports.json_text import check_size
from ..driver_api.units import parse_text
from . import trial
from .declaration import DriverId
from .driver_files import DriverFile
from .faults import ENGLISH, FileError, unpack, why
from .shadow import Load, Poll

_START_SECONDS: Final = 60.0
LOAD_SECONDS: Final = 20.0
POLL_SECONDS: Final = 20.0
_LONGEST_LINE: Final = 1_048_576
_DEEPEST: Final = 12
"""Levels of an answer: a reading has half of them."""


class CandidateFailed(FileError):
    """It cannot be tried any longer."""


class Candidate:
    """The process; all its methods raise ``CandidateFailed`` and end it then."""

    def __init__(self, file: DriverFile, id_: DriverId) -> None:
        """Start nothing yet."""
        self._file = file
        self._id = id_
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, settings: dict[str, Any]) -> None:
        """Start the process and load the file there."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", trial.__file__, trial.SHADOW),
                env={
                    **os.environ,
                    "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                start_new_session=True,
                limit=_LONGEST_LINE,
            )
        except OSError as err:
            raise CandidateFailed(why("not_tried")) from err
        await self._receive(_START_SECONDS)
        failed = await self._request(Load(self._file, settings, self._id), LOAD_SECONDS)
        if failed is not None:
            await self.close()
            try:
                reason, line = unpack(failed[0]), failed[1]
                assert isinstance(reason, Reason)
            except Exception as err:
                raise CandidateFailed(why("candidate_odd")) from err
            raise CandidateFailed(reason, line if type(line) is int else None)

    async def poll(self, question: Poll) -> dict[str, Any]:
        """Return ``fields`` or ``failed``, and what was ``missed``."""
        answer = await self._request(question, POLL_SECONDS)
        if not isinstance(answer, dict) or not isinstance(answer.get("missed"), list):
            await self.close()
            raise CandidateFailed(why("candidate_odd"))
        return answer

    async def close(self) -> None:
        """End the process and all that it has started."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        # Not before the garbage collector comes
        process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001

    async def _request(self, question: Load | Poll, seconds: float) -> Any:
        if self._process is None:
            raise CandidateFailed(why("ends_program"))
        assert self._process.stdin is not None
        line = base64.b64encode(pickle.dumps(question)) + b"\n"
        with contextlib.suppress(OSError):
            self._process.stdin.write(line)
        return await self._receive(seconds)

    async def _receive(self, seconds: float) -> Any:
        """Return the next answer of the process, which may be lost at any time."""
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                line = await self._process.stdout.readline()
            if line:
                return _read(line)
            failed = why("ends_program")
        except TimeoutError:
            failed = why("candidate_slow", seconds=f"{seconds:.0f}")
        except ValueError, RecursionError:
            # Too long, too deep, or no JSON
            failed = why("candidate_odd")
        except BaseException:
            await self.close()
            raise
        await self.close()
        raise CandidateFailed(failed)


def _read(line: bytes) -> Any:
    """Return an answer. Raises ValueError, RecursionError.

    The driver may have written it: its texts can be shown and sent, its numbers be
    compared, it has no more values than a device's answer, and nothing in it is deep.
    """
    text = line.decode()
    check_size(text)
    return _plain(json.loads(text, parse_int=_integer), _DEEPEST)


def _integer(digits: str) -> int | float:
    # Of those that a float cannot hold, infinity is left
    return int(digits) if len(digits) < 20 else float(digits)


def _plain(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value.encode(errors="replace").decode()
    if not isinstance(value, list | dict):
        return value
    if not depth:
        raise ValueError
    if isinstance(value, list):
        return [_plain(item, depth - 1) for item in value]
    return {_plain(key, 0): _plain(item, depth - 1) for key, item in value.items()}


def reason_of_answer(failed: Any) -> Reason | None:
    """Return why a candidate could not read, as it can be shown; None: malformed."""
    try:
        key, values = failed
        key = str(key)[:64]
        if key not in ENGLISH:
            key = f"pool_{key}" if f"pool_{key}" in ENGLISH else key
        texts = {
            str(name): parse_text(str(value)) or "?" for name, value in values.items()
        }
        return Reason(key, key, **{"host": "–", "name": "–", **texts})
    except TypeError, ValueError, AttributeError:
        return None
