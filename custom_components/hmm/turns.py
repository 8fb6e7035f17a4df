"""Room for everything else while very many entries are set up concurrently."""

import asyncio
import time

_ROUND_SECONDS = 0.03


class Turns:
    """Lets entries continue for some milliseconds in each round of the event loop.

    What takes each of a thousand entries some milliseconds would hold up all of Home
    Assistant for many seconds in one round. A round of its own for each made a start
    take twice as long: whenever the loop pauses, the recorder, which has most to do at
    that time, gets its turn at Python.
    """

    def __init__(self) -> None:
        """Begin without a round."""
        self._ends: float | None = None

    async def wait(self) -> None:
        """Wait for a round in which there is time left; one can always continue."""
        while self._ends is not None and time.monotonic() >= self._ends:
            await asyncio.sleep(0)
        if self._ends is None:
            self._ends = time.monotonic() + _ROUND_SECONDS
            # Before all who wait now
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self._ends = None
