"""Compares the versions of drivers, whatever their authors wrote for one."""

import re

UNKNOWN = "unknown"
"""What stands for the version of a file that tells none."""

_DOTTED = re.compile(r"[vV]?([0-9]{1,9}(?:\.[0-9]{1,9})*)")


def is_newer(latest: str, installed: str) -> bool:
    """Return whether ``latest`` is an update of ``installed``. Never raises.

    Dotted numbers are compared as numbers ("1.10" is above "1.9", "1.0" is "1.0.0").
    Everything else ("banana", "unknown") cannot be ordered: another one counts as
    an update, as in HMM-Local.
    """
    if latest == installed:
        return False
    new, old = _numbers(latest), _numbers(installed)
    return True if new is None or old is None else new > old


def _numbers(version: str) -> list[int] | None:
    """Return the numbers of a dotted version without the zeros at its end."""
    if (match := _DOTTED.fullmatch(version.strip())) is None:
        return None
    numbers = [int(part) for part in match[1].split(".")]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers
