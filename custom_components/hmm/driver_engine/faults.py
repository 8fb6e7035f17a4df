"""What is wrong with a file of the user, or was done, as keys of the translations.

The English sentences are those of ``translations/en.json`` as well: the log and the
command line report what Home Assistant shows.
"""

import errno
import json
from pathlib import Path
from typing import Any, Final

from ..driver_api import Reason

ENGLISH: Final[dict[str, str]] = {
    key: value["message"]
    for key, value in json.loads(
        (Path(__file__).parent.parent / "translations/en.json").read_bytes()
    )["exceptions"].items()
}
"""The sentences under ``exceptions`` by their keys."""

_OS_ERRORS: Final = {
    errno.EACCES: "os_access_denied",
    errno.EPERM: "os_access_denied",
    errno.EROFS: "os_read_only",
    errno.ENOSPC: "os_no_space",
    errno.EDQUOT: "os_no_space",
    errno.ENOENT: "os_not_found",
    errno.ENOTDIR: "os_not_found",
    errno.EISDIR: "os_folder",
    errno.EEXIST: "os_exists",
    errno.ELOOP: "os_loop",
    errno.ENAMETOOLONG: "os_name_too_long",
    errno.EIO: "os_disk",
    errno.ENOMEM: "os_no_memory",
    errno.EMFILE: "os_too_much_open",
    errno.ENFILE: "os_too_much_open",
    errno.EAGAIN: "os_too_much_open",
}


class FileError(Exception):
    """A file cannot be used, changed or had; ``line`` is None if unknown."""

    def __init__(self, reason: Reason, line: int | None = None) -> None:
        """Keep why, and where it is wrong."""
        super().__init__(reason)
        self.reason = reason
        self.line = line


def why(key: str, /, **values: object) -> Reason:
    """Return a reason; its values may be reasons themselves."""
    return Reason(ENGLISH[key].format(**values), key, **values)


def os_reason(err: OSError) -> Reason:
    """Return why the system did not do something with a file or process."""
    if (key := _OS_ERRORS.get(err.errno or 0)) is not None:
        return why(key)
    return why(
        "os_error", error=errno.errorcode.get(err.errno or 0, type(err).__name__)
    )


def pack(reason: str) -> Any:
    """Return a reason as JSON, for another process."""
    if not isinstance(reason, Reason):
        return reason
    return [
        reason.key,
        {
            name: pack(value) if isinstance(value, str) else value
            for name, value in reason.values.items()
        },
    ]


def unpack(packed: Any) -> Any:
    """Return what was packed."""
    if not isinstance(packed, list):
        return packed
    key, values = packed
    return why(key, **{name: unpack(value) for name, value in values.items()})
