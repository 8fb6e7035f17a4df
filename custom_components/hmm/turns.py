"""Room for everything else while very many entries are set up at once."""

import asyncio
from types import TracebackType


class Turns:
    """Lets one after the other go on, and the event loop do a round in between.

    What takes each of a thousand entries some milliseconds would hold up all of Home
    Assistant for many seconds if they did it in the same moment.
    """

    def __init__(self) -> None:
        """Begin with nobody in it."""
        self._lock = asyncio.Lock()

    async def __aenter__(self) -> None:
        """Wait for the turn."""
        await self._lock.acquire()
        try:
            await asyncio.sleep(0)
        except BaseException:
            self._lock.release()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        err: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let the next one go on."""
        self._lock.release()
