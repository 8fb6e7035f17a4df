"""Room for everything else while very many entries are set up concurrently."""

import asyncio
from typing import Literal, override


class Turns(asyncio.Lock):
    """Lets one after the other continue, and the event loop do a round in between.

    What takes each of a thousand entries some milliseconds would hold up all of Home
    Assistant for many seconds if they did it at the same time.
    """

    @override
    async def acquire(self) -> Literal[True]:
        await super().acquire()
        try:
            await asyncio.sleep(0)
        except BaseException:
            self.release()
            raise
        return True
