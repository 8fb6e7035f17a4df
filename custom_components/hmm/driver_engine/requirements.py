"""Which packages driver files require, read without running any of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ..driver_api import Reason
from .declaration import DriverId, NotADriver, declare, declared_requirements
from .driver_files import UnusableFile, read_file, user_files
from .faults import why
from .loader import BUNDLED

OPTIONAL_DRIVERS = BUNDLED / "optional_drivers"
"""Bundled drivers that need packages; each is loaded only once it is wanted."""

_HOST = "homeassistant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """The packages that a driver file requires."""

    path: Path
    drivers: tuple[DriverId, ...]
    """The drivers in the file, as far as they are known without running it."""
    display_name: str
    requirements: tuple[str, ...]
    line: int | None = None
    """Where it requires them."""
    bundled: bool = False


def optional_drivers() -> dict[DriverId, Needs]:
    """Return the bundled optional drivers. Blocks (reads files)."""
    needs: dict[DriverId, Needs] = {}
    for path in sorted(OPTIONAL_DRIVERS.glob("*_driver.py")):
        declaration = declare(path.read_bytes(), path)
        needs[declaration.id] = Needs(
            path=path,
            drivers=declaration.drivers,
            display_name=declaration.display_name,
            requirements=declaration.requirements,
            bundled=True,
        )
    return needs


def users_needs(folder: Path) -> list[Needs]:
    """Return what the user's files require, those that require nothing left out.

    ``folder`` is ``<config>/hmm``. Blocks (reads files). What is wrong with a file
    that cannot be read is reported when it is loaded.
    """
    all_needs: list[Needs] = []
    for path in user_files(folder):
        try:
            source = read_file(path, folder.parent).source
        except UnusableFile:
            continue
        if (needs := needs_of(source, path)) is not None:
            all_needs.append(needs)
    return all_needs


def needs_of(source: bytes, path: Path) -> Needs | None:
    """Return what a file requires, None if that is nothing."""
    requirements, line = declared_requirements(source)
    if not requirements:
        return None
    drivers: tuple[DriverId, ...] = ()
    name = path.stem
    try:
        declaration = declare(source, path)
    except NotADriver:
        pass  # The loader knows more kinds of drivers, or says what is wrong
    else:
        drivers, name = declaration.drivers, declaration.display_name
    return Needs(
        path=path,
        drivers=drivers,
        display_name=name,
        requirements=requirements,
        line=line,
    )


def refusals(files: Iterable[Needs]) -> dict[Path, Reason]:
    """Return why files are refused whatever the package index has. Blocks.

    Of two files that require different versions of a package, the first has it.
    """
    owned = _owned_by_home_assistant()
    taken: dict[str, tuple[Requirement, Path]] = {}
    refused: dict[Path, Reason] = {}
    for needs in files:
        reasons = (_refusal(text, owned, taken) for text in needs.requirements)
        if (reason := next(filter(None, reasons), None)) is not None:
            refused[needs.path] = reason
            continue
        for requirement in map(Requirement, needs.requirements):
            name = canonicalize_name(requirement.name)
            taken.setdefault(name, (requirement, needs.path))
    return refused


def _refusal(
    text: str,
    owned: Mapping[str, str],
    taken: Mapping[str, tuple[Requirement, Path]],
) -> Reason | None:
    """Return why a requirement is not even tried."""
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return why("package_invalid", package=text)
    if requirement.url or requirement.marker:
        return why("package_invalid", package=text)
    specifiers = list(requirement.specifier)
    if (
        len(specifiers) != 1
        or specifiers[0].operator != "=="
        or specifiers[0].version.endswith("*")
    ):
        return why("package_version", package=text, name=requirement.name)
    name = canonicalize_name(requirement.name)
    have = owned.get(name)
    if have is not None and not requirement.specifier.contains(have, prereleases=True):
        return why("package_of_home_assistant", package=text, version=have)
    if name in taken:
        other, path = taken[name]
        if other.specifier != requirement.specifier:
            return why(
                "package_conflict", file=path.name, other=str(other), package=text
            )
    return None


def _owned_by_home_assistant() -> dict[str, str]:
    """Return the packages that Home Assistant itself is made of, and their versions.

    A driver that exchanges one of these would break more than itself.
    """
    versions: dict[str, str] = {}
    try:
        texts = [_HOST, *(requires(_HOST) or ())]
    except PackageNotFoundError:
        return versions
    for text in texts:
        name = Requirement(text).name
        try:
            versions[canonicalize_name(name)] = version(name)
        except PackageNotFoundError:
            continue
    return versions
