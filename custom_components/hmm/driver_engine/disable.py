"""Takes a file of the user out of use."""

from itertools import count
import os
from pathlib import Path

_SUFFIX = ".disabled"


def disable(path: Path) -> Path:
    """Rename a driver or pool file so that it is not loaded; return its new name.

    Nothing is deleted or overwritten. Raises OSError.
    """
    names = (f"{path.name}{_SUFFIX}{f'.{n}' if n > 1 else ''}" for n in count(1))
    target = next(
        target for name in names if not os.path.lexists(target := path.with_name(name))
    )
    return path.rename(target)
