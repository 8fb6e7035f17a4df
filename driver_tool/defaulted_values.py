"""Finds figures that a driver invents when the device does not report them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from custom_components.hmm.driver_api import DriverError
from custom_components.hmm.driver_engine.guard import DriverFault

from .conformance import CheckSkipped, require
from .figures import flags_of, numbers_of
from .keys import MISSING, Path, leaves, name_of, replace_leaf, without_zeros
from .session import Session
from .show import show_error

MAX_KEYS = 500
_SHOWN = 12
"""After so many finds, the rest is the same."""

type Alter = Callable[[bytes], bytes]
type Fetch = Callable[[Alter | None], Awaitable[Any]]
"""Return figures of a device whose answers are altered so."""


async def find_defaulted_values(
    session: Session, fetch: Fetch, at_once: int = 1
) -> str:
    """Fetch again and again, each time with one key missing or null.

    Returns a note. Raises CheckFailed: a figure that was reported (or unknown) becomes 0, or
    the driver fails. CheckSkipped: the answers are not JSON.
    """
    paths = list(
        dict.fromkeys(
            path for item in session.exchanges for path in leaves(item.received)
        )
    )[:MAX_KEYS]
    if not paths:
        raise CheckSkipped("The device does not answer with JSON")
    limit = asyncio.Semaphore(at_once)

    async def check(sweep: _Sweep, path: Path, value: object) -> list[str]:
        what = "is missing" if value is MISSING else "is null"
        async with limit:
            texts = await _defaulted(fetch, sweep, path, value)
        return [f"when {name_of(path)} {what}: {text}" for text in texts]

    checks = [
        check(sweep, path, value)
        for sweep in await _sweeps(fetch)
        for path in paths
        for value in (MISSING, None)
    ]
    wrong = [text for texts in await asyncio.gather(*checks) for text in texts]
    require(not wrong, "\n".join(list(dict.fromkeys(wrong))[:_SHOWN]))
    return f"{len(paths)} keys"


@dataclass(frozen=True, slots=True)
class _Sweep:
    """A device whose keys are taken away, one after the other.

    ``before`` are the figures while it reports all, ``alter`` is what is done to its
    answers in any case.
    """

    before: dict[str, float | bool]
    alter: Alter


async def _sweeps(fetch: Fetch) -> list[_Sweep]:
    """Return the device as it is, and as it would be if nothing were 0 or false.

    A reported 0 cannot be distinguished from an invented one, so figures which
    are 0 require the second sweep.
    """
    reported = _figures(await fetch(None))
    sweeps = [_Sweep(reported, lambda body: body)]
    try:
        full = _figures(await fetch(without_zeros))
    except DriverError:
        return sweeps  # That makes no sense to the driver
    rest = {
        name: value for name, value in full.items() if value and not reported.get(name)
    }
    return [*sweeps, _Sweep(rest, without_zeros)] if rest else sweeps


async def _defaulted(
    fetch: Fetch, sweep: _Sweep, path: Path, value: object
) -> list[str]:
    try:
        after = _figures(
            await fetch(lambda body: replace_leaf(sweep.alter(body), path, value))
        )
        if not (names := _turned_to_nothing(sweep, after)):
            return []
        # Another key may report 0 as well: what remains 0 when nothing reports it is
        # invented
        again = _figures(
            await fetch(lambda body: without_zeros(replace_leaf(body, path, value)))
        )
    except DriverFault as err:
        return [show_error(err)]
    except DriverError:
        return []  # to refuse such an answer is right as well
    return [
        f"{name} is {after[name]} instead of unknown"
        for name in names
        if again.get(name) == after[name]
    ]


def _turned_to_nothing(sweep: _Sweep, after: dict[str, float | bool]) -> list[str]:
    """Return what became 0 or False that was something else, or unknown."""
    is_first = sweep.alter is not without_zeros
    return [
        name
        for name, value in after.items()
        if not value and sweep.before.get(name, is_first)
    ]


def _figures(data: Any) -> dict[str, float | bool]:
    flags = {name: flag for name, flag in flags_of(data).items() if flag is not None}
    return {**numbers_of(data), **flags}
