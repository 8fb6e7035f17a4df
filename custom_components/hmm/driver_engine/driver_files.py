"""Find the driver files of the user, in every layout that HMM ever had."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
import hashlib
from itertools import chain
import os
from pathlib import Path
import re
import stat

from ..driver_api import Reason
from .faults import FileError, os_reason, why

LARGEST_FILE = 262_144
"""Bytes; the longest known driver has 60,000. To parse ten times that takes seconds
in which nothing else runs."""
TOO_LARGE = why("file_too_large", size=LARGEST_FILE // 1024)

_HERE = (".", "miner_drivers", "pool_drivers", "pools", "miners")
_HMM_LOCAL = ("drivers", "drivers/pools", "drivers/miners", "miner_drivers")
_PATTERNS = ("*_driver.py", "*_plugin.py")

# What a driver imports to be one, which distinguishes it from other software
_SIGNS = (b"driver_api", b"base_pool", b"adapters.base", b"integrations.pool")

# HMM-Local had plug-ins that are no drivers: tariffs of electricity and strategies.
# Where they are, and what one imports.
_OTHER_PLUGINS = (
    *("providers/energy/*.py", "providers/*.py", "strategies/*.py"),
    "plugins/*/plugin.py",
)
_OTHER_SIGNS = (b"providers.energy", b"strategy_plugin_base")


# What makes an editor show other code than the one that runs
_BIDIRECTIONAL = re.compile("[\u202a-\u202e\u2066-\u2069]")
# PEP 263, in either of the first two lines
_ENCODING = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_UTF_8 = (b"utf-8", b"utf8")


class UnusableFile(FileError):
    """A file that is not even read."""


@dataclass(frozen=True)
class DriverFile:
    """A driver file and what is in it."""

    path: Path
    source: bytes
    siblings: Mapping[str, DriverFile | Reason] = field(default_factory=dict)
    """The files that it imports by the names of modules, or why one cannot be used."""

    @cached_property
    def text(self) -> str:
        """Return what is written in it and in its siblings."""
        others = (
            sibling
            for sibling in self.siblings.values()
            if isinstance(sibling, DriverFile)
        )
        sources = dict.fromkeys((self.source, *(sibling.source for sibling in others)))
        return "\n".join(source.decode("utf-8-sig", "replace") for source in sources)

    @cached_property
    def fingerprint(self) -> str:
        """Return the checksum of what is in it and in its siblings."""
        if not self.siblings:
            return self.sha256
        parts = (
            f"{name} {file if isinstance(file, str) else file.sha256}"
            for name, file in sorted(self.siblings.items())
        )
        return hashlib.sha256("\n".join((self.sha256, *parts)).encode()).hexdigest()

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
    paths = (
        path
        for root in (folder, folder.parent)
        for place in places
        for path in sorted(root.glob(place))
    )
    return [path for path in dict.fromkeys(paths) if _is_other_plugin(path)]


def read_file(path: Path, root: Path) -> DriverFile:
    """Return a driver file below ``root``. Raises UnusableFile."""
    source = read_bytes(path, root)
    decode(source)
    return DriverFile(path, source)


def read_bytes(path: Path, root: Path, largest: int = LARGEST_FILE) -> bytes:
    """Return what a regular file below ``root`` holds. Raises UnusableFile.

    Never waits: not for who writes to a pipe, not for a device.
    """
    try:
        path.name.encode()
    except UnicodeEncodeError as err:
        raise UnusableFile(why("file_name_invalid")) from err
    try:
        target = path.resolve(strict=True)
        if not target.is_relative_to(root.resolve()):
            raise UnusableFile(why("file_link_outside"))
        # Before it is opened, which may be enough to make a device do something
        _need_regular(target.stat())
        handle = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
        with os.fdopen(handle, "rb") as file:
            _need_regular(os.fstat(handle))
            content = file.read(largest + 1)
    except OSError as err:
        raise UnusableFile(why("file_unreadable", error=os_reason(err))) from err
    if len(content) > largest:
        raise UnusableFile(why("file_too_large", size=largest // 1024))
    return content


def _need_regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise UnusableFile(why("file_not_a_file"))


def decode(source: bytes) -> str:
    """Return Python source as everyone reads it. Raises UnusableFile.

    Python itself would follow a line that names another encoding. In UTF-7 a comment
    may be code, which no reader sees.
    """
    for number, line in enumerate(re.split(rb"\r\n|\r|\n", source, maxsplit=2)[:2], 1):
        named = _ENCODING.match(line.removeprefix(b"\xef\xbb\xbf"))
        if named and named[1].lower().replace(b"_", b"-") not in _UTF_8:
            encoding = named[1].decode("ascii", "replace")[:40]
            raise UnusableFile(why("file_encoding", encoding=encoding), number)
    try:
        text = source.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = source.count(b"\n", 0, err.start) + 1
        raise UnusableFile(why("file_not_utf8"), line) from err
    if (place := text.find("\0")) >= 0:
        raise UnusableFile(why("file_null"), text.count("\n", 0, place) + 1)
    if match := _BIDIRECTIONAL.search(text):
        line = text.count("\n", 0, match.start()) + 1
        raise UnusableFile(why("file_bidirectional"), line)
    return text


def _files(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    """Yield driver files; templates are not drivers."""
    for folder in dict.fromkeys(folders):
        paths = chain.from_iterable((root / folder).glob(name) for name in _PATTERNS)
        for path in sorted(paths):
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
