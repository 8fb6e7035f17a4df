"""What a rung means for one miner, and what it draws."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
import math

from .model import HIGHEST, OFF, ON, MinerView, Mode, Rung

_NEVER_CHOSEN = "mode:oc"
"""Overclocking is for those who name it."""
_BY_HAND = "mode:custom"


def ladder(miner: MinerView) -> Sequence[Mode]:
    """Return what may be chosen by watts, lowest first: modes whose watts are known."""
    return _ladder(miner.modes)


@lru_cache(maxsize=512)
def _ladder(modes: tuple[Mode, ...]) -> Sequence[Mode]:
    chosen = [
        mode
        for mode in modes
        if mode.watts is not None and 0 < mode.watts < math.inf and _is_step(mode)
    ]
    return tuple(sorted(chosen, key=lambda mode: (mode.watts or 0, mode.rung)))


def steps(miner: MinerView) -> Sequence[Mode]:
    """Return the modes, lowest first: by watts, in the miner's order while some are unknown."""
    by_watts = ladder(miner)
    modes = [mode for mode in miner.modes if _is_step(mode)]
    return by_watts if len(by_watts) == len(modes) else modes


def _is_step(mode: Mode) -> bool:
    """Return whether a mode may be chosen without being named."""
    return mode.rung not in {_NEVER_CHOSEN, _BY_HAND} and (
        mode.rung == ON or mode.rung.startswith("mode:")
    )


def resolve(rung: Rung, miner: MinerView) -> Rung | None:
    """Return ``off``, ``on`` or a named rung that the miner has; None: leave it.

    Where no mode can be chosen, ``on`` at least ends an ``off``.
    """
    match rung:
        case "leave":
            return None
        case "on":
            return ON
        case "off" if miner.can_be_off:
            return OFF
        case "normal":
            return miner.default_mode or ON
        case "off" | "lowest" | "highest":
            modes = steps(miner) or (Mode(ON),)
            return modes[-1 if rung == HIGHEST else 0].rung
    return rung if any(mode.rung == rung for mode in miner.modes) else None


def is_at(miner: MinerView, rung: Rung) -> bool:
    """Return whether a miner reports what ``resolve`` returned."""
    if rung == ON:
        return miner.reported not in {OFF, None}
    return miner.reported == rung


def watts_of(rung: Rung | None, miner: MinerView) -> float | None:
    """Return what a miner draws on a rung, as far as it is known."""
    if rung == OFF:
        return 0.0
    for mode in miner.modes:
        if mode.rung == rung:
            return mode.watts
    return miner.watts if rung is not None and is_at(miner, rung) else None


def most_watts_of(rung: Rung | None, miner: MinerView) -> float | None:
    """Return what a miner draws at most on a rung, as far as it is known.

    Where its own watts are unknown, those of the next faster mode are assumed: miners
    list their modes slowest first, and a slower one draws no more than a faster one.
    Where the known watts contradict that order, nothing is assumed.
    """
    watts = watts_of(rung, miner)
    return _bounds(miner.modes).get(rung) if watts is None and rung else watts


@lru_cache(maxsize=512)
def _bounds(modes: tuple[Mode, ...]) -> Mapping[Rung, float]:
    """Return the watts of the next faster mode for each mode that has one."""
    bounds: dict[Rung, float] = {}
    faster = math.inf
    for mode in reversed(modes):
        if not mode.rung.startswith("mode:") or mode.rung == _BY_HAND:
            continue
        if faster < math.inf:
            bounds[mode.rung] = faster
        if mode.watts is not None and 0 < mode.watts < math.inf:
            if mode.watts > faster:
                return {}
            faster = mode.watts
    return bounds


def capped(rung: Rung, cap: Rung, miner: MinerView) -> Rung:
    """Return the lower of two resolved rungs; the cap where that is not known."""
    if rung == OFF:
        return rung
    watts, limit = most_watts_of(rung, miner), watts_of(cap, miner)
    if cap in {OFF, rung}:
        return cap
    return rung if watts is not None and limit is not None and watts <= limit else cap
