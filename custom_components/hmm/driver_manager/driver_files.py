"""Find the driver files of the user, in every layout that HMM ever had."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
import hashlib
from itertools import chain
from pathlib import Path

LARGEST_FILE = 1_048_576
"""Bytes; the longest known driver has 60,000."""

_HERE = (".", "miner_drivers", "pool_drivers", "pools", "miners")
_HMM_LOCAL = ("drivers", "drivers/pools", "drivers/miners", "miner_drivers")
_PATTERNS = ("*_driver.py", "*_plugin.py")

# What a driver imports to be one, by which it is told from other software
_SIGNS = (b"driver_api", b"base_pool", b"adapters.base", b"integrations.pool")

# HMM-Local had plug-ins that are no drivers: tariffs of electricity and strategies.
# Where they are, and what one imports.
_OTHER_PLUGINS = (
    *("providers/energy/*.py", "providers/*.py", "strategies/*.py"),
    "plugins/*/plugin.py",
)
_OTHER_SIGNS = (b"providers.energy", b"strategy_plugin_base")


class UnusableFile(Exception):
    """A file that is not even read as a driver; the message says why."""


@dataclass(frozen=True)
class DriverFile:
    """A driver file and what is in it."""

    path: Path
    source: bytes

    @cached_property
    def sha256(self) -> str:
        """Return the checksum of what is in it."""
        return hashlib.sha256(self.source).hexdigest()


def user_files(folder: Path) -> Iterator[Path]:
    """Yield the driver files under ``<config>/hmm``, then those beside it.

    The order is stable. Beside it, in ``<config>`` itself, only files that import
    what a driver imports count: other software may keep drivers there as well.
    """
    seen: set[Path] = set()
    for path in chain(
        _files(folder, (*_HERE, *_HMM_LOCAL)),
        filter(_is_for_hmm, _files(folder.parent, _HMM_LOCAL)),
    ):
        if path not in seen and not _is_other_plugin(path):
            seen.add(path)
            yield path


def other_plugins(folder: Path) -> list[Path]:
    """Return the files of HMM-Local that are plug-ins of another kind than a driver.

    They are looked for where ``user_files`` looks as well, and never run.
    """
    places = (
        *_OTHER_PLUGINS,
        *(f"{place}/{name}" for place in (*_HERE, *_HMM_LOCAL) for name in _PATTERNS),
        *(f"{place}/*_provider.py" for place in (*_HERE, *_HMM_LOCAL)),
    )
    found = (
        path
        for root in (folder, folder.parent)
        for place in places
        for path in sorted(root.glob(place))
    )
    return [path for path in dict.fromkeys(found) if _is_other_plugin(path)]


def read_file(path: Path, root: Path) -> DriverFile:
    """Return a driver file below ``root``. Raises UnusableFile."""
    try:
        if not path.resolve().is_relative_to(root.resolve()):
            msg = "It is a link that leads out of the configuration folder"
            raise UnusableFile(msg)
        if not path.is_file():
            msg = "It is not a file"
            raise UnusableFile(msg)
        if path.stat().st_size > LARGEST_FILE:
            msg = f"It is larger than {LARGEST_FILE // 1_048_576} MB"
            raise UnusableFile(msg)
        return DriverFile(path, path.read_bytes())
    except OSError as err:
        msg = f"It cannot be read ({err.strerror or type(err).__name__})"
        raise UnusableFile(msg) from err


def _files(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    """Yield driver files; templates are not drivers."""
    for folder in dict.fromkeys(folders):
        found = chain.from_iterable((root / folder).glob(name) for name in _PATTERNS)
        for path in sorted(found):
            if "template" not in path.stem.lower():
                yield path
    yield from sorted((root / "plugins").glob("*/plugin.py"))


def _is_for_hmm(path: Path) -> bool:
    return _holds(_begin(path), _SIGNS)


def _is_other_plugin(path: Path) -> bool:
    """Return whether a file is a plug-in of HMM-Local, and no driver at all."""
    source = _begin(path)
    return _holds(source, _OTHER_SIGNS) and not _holds(source, _SIGNS)


def _holds(source: bytes, signs: tuple[bytes, ...]) -> bool:
    return any(sign in source for sign in signs)


def _begin(path: Path) -> bytes:
    """Return what a file holds, nothing if it cannot be read."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return file.read(LARGEST_FILE)
    except OSError:
        return b""
