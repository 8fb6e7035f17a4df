"""Has a device confirm what a driver of HMM-Local sent it.

These drivers report success for what they sent, whatever the device made of it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from ...driver_api import CommandFailed

MODE_SECONDS = 30.0
POOL_SECONDS = 90.0
"""A new pool takes a restart, of some 30 s with an Avalon."""

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 8.0
_LONGEST_TEXT = 64


async def confirm(
    read: Callable[[], Awaitable[str | None]],
    is_wanted: Callable[[str], bool],
    *,
    before: str | None,
    seconds: float,
) -> bool:
    """Wait until ``read`` returns what was set, however often it fails until then.

    Returns False if the device responds, but never reported such a thing: nothing
    shows whether it took the command. Raises CommandFailed if it reports something
    else, or nothing, for so many ``seconds``.
    """
    reported: str | None = None
    has_answered = False
    pause = _FIRST_PAUSE
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                # While it restarts, a driver may raise anything
                with suppress(Exception):
                    reported = await read()
                    has_answered = True
                    if reported is None and before is None:
                        return False
                    if reported is not None and is_wanted(reported):
                        return True
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
    if not has_answered:
        raise CommandFailed(
            "It took the command, but has not responded since",
            reason="silent_since",
        )
    if reported is None:
        raise CommandFailed(
            "It took the command, but does not report what it does now",
            reason="not_reported",
        )
    raise CommandFailed(
        f"It still reports {reported[:_LONGEST_TEXT]}",
        reason="still_reports",
        reported=reported[:_LONGEST_TEXT],
    )


def is_mode(reported: str, wanted: str) -> bool:
    """Return whether a device reports a mode, in either of its spellings."""
    return _plain_mode(reported) == _plain_mode(wanted)


def is_server(reported: str, host: str, port: int) -> bool:
    """Return whether a pool that a device reports is at ``host``, and at the port.

    Some drivers leave the port out.
    """
    address = reported.rpartition("://")[2].partition("/")[0].rpartition("@")[2]
    found_host, _, found_port = address.partition(":")
    if found_host.rstrip(".").lower() != host.rstrip(".").lower():
        return False
    return not found_port.isdecimal() or int(found_port) == port


def _plain_mode(mode: str) -> str:
    plain = mode.strip().lower()
    return "standard" if plain == "std" else plain
