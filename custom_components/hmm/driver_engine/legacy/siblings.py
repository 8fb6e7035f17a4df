"""Finds the files beside a driver that it imports as modules of HMM-Local.

``adapters.bitaxe_adapter`` was a file in HMM-Local's own folders. Here it is the one
of that name in the folder of the driver, or in a folder ``adapters`` below that.
"""

import ast
from collections.abc import Iterator
from dataclasses import replace

from ...driver_api import Reason
from ..driver_files import DriverFile, UnusableFile, read_file

_PACKAGES = ("adapters", "integrations", "integrations.pools")
_SERVED = {
    *("adapters.base", "integrations.base_pool"),
    *("integrations.pool_registry", "integrations.pools"),
}
"""What is no file of the user, but served by HMM."""

_MOST = 32


def with_siblings(file: DriverFile) -> DriverFile:
    """Return a driver file with the files that it imports, and those that they import.

    Each name is looked up once, so that files which import each other come to an end.
    Blocks (reads files).
    """
    siblings: dict[str, DriverFile | Reason] = {}
    waiting = list(_imported(file))
    while waiting and len(siblings) < _MOST:
        name = waiting.pop()
        if name not in siblings and (sibling := _find(file, name)) is not None:
            siblings[name] = sibling
            if isinstance(sibling, DriverFile):
                waiting.extend(_imported(sibling))
    return replace(file, siblings=siblings)


def sibling_files(file: DriverFile) -> list[DriverFile]:
    """Return the files beside a driver that it needs to load. Blocks (reads files)."""
    siblings = with_siblings(file).siblings.values()
    files = {
        sibling.path: sibling for sibling in siblings if isinstance(sibling, DriverFile)
    }
    files.pop(file.path, None)
    return list(files.values())


def _find(file: DriverFile, name: str) -> DriverFile | Reason | None:
    """Return a sibling, or why it cannot be used; None if there is none."""
    package, _, stem = name.rpartition(".")
    folder = file.path.parent
    places = (
        folder / f"{stem}.py",
        folder / f"{stem}_driver.py",
        folder / package.rpartition(".")[2] / f"{stem}.py",
    )
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        return None
    if path == file.path:
        return file
    try:
        # Nothing from elsewhere, as with drivers
        return read_file(path, folder)
    except UnusableFile as err:
        return err.reason


def _imported(file: DriverFile) -> Iterator[str]:
    """Yield the modules that may be siblings."""
    if not any(package.encode() in file.source for package in _PACKAGES):
        return
    try:
        tree = ast.parse(file.source)
    except SyntaxError, ValueError, RecursionError, MemoryError:
        return
    for node in ast.walk(tree):
        names: list[str] = []
        match node:
            case ast.Import(names=aliases):
                names = [alias.name for alias in aliases]
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                # "from adapters import bitaxe" names a module as well
                names = [module, *(f"{module}.{alias.name}" for alias in aliases)]
        for name in names:
            if name not in _SERVED and name.rpartition(".")[0] in _PACKAGES:
                yield name
