"""Which firmware an answer or a broadcast is of, where several share a port."""

from collections.abc import Mapping
from typing import Any

from .units import parse_text


def is_nested(info: Mapping[str, Any]) -> bool:
    """Return whether this is the nested dialect of NMAxe and NMMiner v2."""
    return isinstance(info.get("identity"), dict) or isinstance(info.get("miner"), dict)


def is_nerdqaxe(info: Mapping[str, Any]) -> bool:
    """Return whether this /info is of the NerdQAxe firmware.

    It names ``deviceModel`` in /info (since 1.0.24) and never an AxeOS version or
    a board; ``hashRateTimestamp`` is its own in every version. Forks of AxeOS
    that put ``deviceModel`` into /info keep AxeOS' keys beside it.
    """
    if is_nested(info) or parse_text(info.get("ASICModel")) is None:
        return False
    if "hashRateTimestamp" in info:
        return True
    return parse_text(info.get("deviceModel")) is not None and not (
        "axeOSVersion" in info or "boardVersion" in info
    )


def is_axeos(info: Mapping[str, Any]) -> bool:
    """Return whether this /info is of AxeOS or a fork that speaks as it does."""
    return (
        not is_nested(info)
        and parse_text(info.get("ASICModel")) is not None
        and ("hashRate" in info or "stratumURL" in info)
        and not is_nerdqaxe(info)
    )


def is_nmminer(data: Mapping[str, Any]) -> bool:
    """Return whether a broadcast (keys in lower case) is an NMMiner's.

    NMAxe 2.5 broadcasts on the same port.
    """
    board = parse_text(data.get("boardtype")) or ""
    return (
        "hashrate" in data
        and ("boardtype" in data or "version" in data)
        and "nmaxe" not in board.lower()
    )
