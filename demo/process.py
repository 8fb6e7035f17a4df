"""A program that the demo starts and stops, with its output in a file."""

import asyncio
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Sequence
from pathlib import Path

from .errors import DemoError

STOP_SECONDS = 60
_TAIL = 15


class Program:
    """One program, started in a session of its own.

    A Ctrl-C reaches only the demo that way, which then stops its programs in
    order.
    """

    def __init__(self, name: str, command: Sequence[str | Path], log: Path) -> None:
        """Prepare; `log` gets what the program prints."""
        self.name = name
        self.log = log
        self._command = [str(part) for part in command]
        self._process: Process | None = None

    async def start(self, folder: Path) -> None:
        """Start it in a working folder. Raises DemoError: it cannot be started."""
        with self.log.open("wb") as output:
            try:
                self._process = await asyncio.create_subprocess_exec(
                    *self._command,
                    cwd=folder,
                    stdin=DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
            except OSError as err:
                raise DemoError(f"{self.name} cannot be started: {err}") from err

    @property
    def returncode(self) -> int | None:
        """Its exit status, None while it runs."""
        return None if self._process is None else self._process.returncode

    async def wait(self) -> int:
        """Wait until it ends; returns its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end, make it end after STOP_SECONDS."""
        if (process := self._process) is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(STOP_SECONDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    def output(self) -> str:
        """Return what it has printed."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def ended(self) -> DemoError:
        """Return the error for a program that should still run."""
        tail = "\n".join(self.output().splitlines()[-_TAIL:])
        return DemoError(
            f"{self.name} ended with status {self.returncode}."
            f"\nThe end of {self.log}:\n\n{tail}"
        )
