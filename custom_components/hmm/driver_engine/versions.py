"""Compares the versions of drivers, whatever their authors wrote for one."""

import re

from packaging.version import InvalidVersion, Version

UNKNOWN = "unknown"
"""The version of a file that has none."""

_MAX_LENGTH = 64
_RELEASE = re.compile(r"[vV]?([0-9]{1,9}(?:\.[0-9]{1,9}){0,9})(?![0-9.])")


def is_newer(latest: str, installed: str) -> bool:
    """Return whether ``latest`` is an update of ``installed``. Never raises.

    Versions are ordered as Python orders them (PEP 440): "1.10" is above "1.9", "1.0"
    equals "1.0.0", "1.0.0-beta" comes before "1.0.0". Where only the start of one can
    be read ("1.0.0-custom"), its numbers decide. Everything else ("banana", "unknown")
    cannot be ordered: a different version counts as an update, as in HMM-Local.
    """
    if latest == installed:
        return False
    try:
        return _parse(latest) > _parse(installed)
    except InvalidVersion:
        new, old = _release(latest), _release(installed)
        return new is None or old is None or new >= old


def _parse(version: str) -> Version:
    """Return a version of bounded length. Raises InvalidVersion."""
    if len(version) > _MAX_LENGTH:
        raise InvalidVersion
    return Version(version)


def _release(version: str) -> Version | None:
    """Return the numbers at the start of a version, None if there are none."""
    match = _RELEASE.match(version[:_MAX_LENGTH].strip())
    return Version(match[1]) if match else None
