"""Whether the port answers that miners connect to."""

import asyncio
from contextlib import suppress
import time

from ..errors import CannotConnect


async def connect_latency(host: str, port: int, timeout: float = 5.0) -> float:
    """Return how long a TCP connection to a stratum port takes, in ms.

    Sends nothing: some pools ban who speaks anything but stratum there. Raises
    CannotConnect: nothing answers.
    """
    start = time.monotonic()
    try:
        async with asyncio.timeout(timeout):
            _, writer = await asyncio.open_connection(host, port)
    except TimeoutError as err:
        raise CannotConnect(
            "The stratum port does not answer", reason="stratum_down"
        ) from err
    except (OSError, ValueError, OverflowError) as err:
        raise CannotConnect(
            "The stratum port cannot be reached", reason="stratum_down"
        ) from err
    latency = (time.monotonic() - start) * 1000
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return latency
