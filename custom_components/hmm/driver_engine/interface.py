"""Whether a driver file needs a newer interface than this HMM has."""

from ..driver_api import INTERFACE_VERSION
from .declaration import NotADriver, declare
from .driver_files import DriverFile
from .faults import why
from .loaded import Finding
from .versions import is_newer


def too_new(file: DriverFile) -> Finding | None:
    """Return that a file needs a newer interface than there is, None if it does not."""
    if b"interface_version" not in file.source:
        return None
    try:
        needed = declare(file.source, file.path).interface_version
    except NotADriver:
        return None
    if needed is None or not is_newer(needed, INTERFACE_VERSION):
        return None
    return Finding(why("interface_too_old", needed=needed, version=INTERFACE_VERSION))
