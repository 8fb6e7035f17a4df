"""Find driver files and load the driver classes in them."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
import hashlib
import importlib
import logging
from pathlib import Path
import sys
from typing import Any

from . import preflight
from .declaration import NotADriver, declare
from .driver_files import DriverFile, UnusableFile, other_plugins, read_file, user_files
from .faults import why
from .legacy.app_settings import settings_seen
from .legacy.siblings import with_siblings
from .legacy.stock_hashes import is_stock
from .limits import run_limited
from .loaded import AnyLoaded, FailedDriver, Finding, LoadedDrivers, StockFile
from .preflight import check
from .tampering import Snapshot, explain, made_by
from .user_file import (
    USER_MODULES,
    add,
    class_line,
    driver_classes,
    load_user_file,
    module_name,
    of_its_kind,
    reason_of_failure,
    register,
)

_LOGGER = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent.parent / "bundled"
_BUNDLED_PACKAGE = f"{__package__.rpartition('.')[0]}.bundled"
_BUNDLED_FOLDERS = ("miner_drivers", "pool_drivers")


def load_drivers(
    folder: Path,
    settings: Mapping[str, Any] | None = None,
    running: LoadedDrivers | None = None,
    *,
    optional: Iterable[Path] = (),
    withheld: Mapping[Path, FailedDriver] | None = None,
    stock_wanted: Collection[str] = (),
) -> LoadedDrivers:
    """Load the bundled drivers, then the user's; a user's file wins.

    One that came with HMM-Local and is unchanged does not, unless its SHA-256 is
    among ``stock_wanted`` or there is no bundled driver of its type.

    ``folder`` is ``<config>/hmm``, ``settings`` the content of its config.yaml.
    Of what is ``running``, the drivers of a file that has not changed are taken
    over as they are, and those of one that can no longer be loaded continue.
    ``optional`` are the bundled drivers that are wanted though they need packages;
    ``withheld`` are files that are not to be run, as they lack theirs. A file that
    hung or did harm is not run again before it is changed.

    Blocks (reads files, imports modules): run it in an executor. One file that
    fails is listed in ``failed`` and never keeps another from loading.
    """
    running = running or LoadedDrivers()
    drivers = LoadedDrivers(settings=settings or {}, tried=dict(running.tried))
    drivers.passed_over = other_plugins(folder)
    for name in _BUNDLED_FOLDERS:
        for path in sorted((BUNDLED / name).glob("*_driver.py")):
            if "template" not in path.stem.lower():
                _load_bundled(drivers, path)
    withheld = withheld or {}
    for path in optional:
        if (failed := withheld.get(path) or _load_optional(drivers, path)) is not None:
            drivers.failed.append(failed)
    files = _set_stock_aside(drivers, _read_user_files(drivers, folder), stock_wanted)
    kept = {file.path: _unchanged(file, drivers.settings, running) for file in files}
    new = [f for f in files if not kept[f.path] and f.path not in withheld]
    findings = _try(drivers.tried, new, drivers.settings)
    new = [file for file in new if file.path not in findings]
    loaded = _load_all(drivers.tried, new, drivers.settings)
    for file in files:
        drivers.fingerprints[file.path] = file.fingerprint
        if kept[file.path]:
            _take_over(drivers, kept[file.path])
        elif file.path in withheld:
            drivers.failed.append(withheld[file.path])
        elif (finding := findings.get(file.path)) is not None:
            drivers.failed.append(_failed(file, finding))
        else:
            drivers.failed.extend(loaded[file.path].failed)
            _take_over(drivers, list(loaded[file.path]))
    _let_go_on(drivers, running)
    return drivers


def forget_modules(drivers: LoadedDrivers) -> None:
    """Forget the modules of files that none of the drivers is of any more."""
    in_use = {
        module_name(driver.path, driver.sha256)
        for driver in drivers
        if not driver.bundled
    }
    for name in tuple(sys.modules):
        # What a driver imports of the files beside it has a name below its own
        if name.startswith(f"{USER_MODULES}.") and not any(
            name == used or name.startswith(f"{used}.") for used in in_use
        ):
            del sys.modules[name]


def _read_user_files(drivers: LoadedDrivers, folder: Path) -> list[DriverFile]:
    """Return the files of the user; two that are the same count once."""
    files: dict[bytes, DriverFile] = {}
    for path in user_files(folder):
        try:
            file = with_siblings(read_file(path, folder.parent))
        except UnusableFile as err:
            drivers.failed.append(
                FailedDriver(path=path, reason=err.reason, line=err.line)
            )
        else:
            files.setdefault(file.source, file)
    return list(files.values())


def _set_stock_aside(
    drivers: LoadedDrivers, files: Iterable[DriverFile], wanted: Collection[str]
) -> list[DriverFile]:
    """Return the files to load: without those that bundled drivers stand in for."""
    rest: list[DriverFile] = []
    for file in files:
        stock = _as_stock(drivers, file, file.sha256 in wanted)
        if stock is not None:
            drivers.stock.append(stock)
        if stock is None or stock.is_wanted:
            rest.append(file)
    return rest


def _as_stock(
    drivers: LoadedDrivers, file: DriverFile, is_wanted: bool
) -> StockFile | None:
    """Return a file as one of HMM-Local's own whose types all have bundled drivers."""
    if not is_stock(file.source):
        return None
    try:
        declared = declare(file.source, file.path)
    except NotADriver:
        return None
    for id_ in declared.drivers:
        bundled = drivers.miners if id_.kind == "miner" else drivers.pools
        if id_.driver_type not in bundled:
            return None
    return StockFile(
        path=file.path,
        sha256=file.sha256,
        drivers=declared.drivers,
        version=declared.version,
        is_wanted=is_wanted,
    )


def _unchanged(
    file: DriverFile, settings: Mapping[str, Any], running: LoadedDrivers
) -> list[AnyLoaded]:
    """Return the drivers that run from a file, none if it must be loaded again."""
    if any(failed.path == file.path for failed in running.failed):
        return []
    if settings_seen(file.text, settings) != settings_seen(file.text, running.settings):
        return []  # It has read them when it was loaded
    if running.fingerprints.get(file.path) != file.fingerprint:
        return []
    return [
        driver for driver in running if driver.path == file.path and not driver.bundled
    ]


def _try(
    tried: dict[str, Finding],
    files: list[DriverFile],
    settings: Mapping[str, Any],
) -> dict[Path, Finding]:
    """Return what is wrong with files; note in ``tried`` what came of them."""
    rejected = {
        file.path: replace(
            finding, reason=why("not_tried_again", reason=finding.reason)
        )
        for file in files
        if (finding := tried.get(file.fingerprint)) is not None
    }
    new = [file for file in files if file.path not in rejected]
    findings = check(new, settings)
    for file in new:
        if (finding := findings.get(file.path)) is not None and finding.harmful:
            tried[file.fingerprint] = finding
    return rejected | findings


def _take_over(drivers: LoadedDrivers, kept: list[AnyLoaded]) -> None:
    for driver in kept:
        try:
            add(drivers, driver)
        except NotADriver as err:
            drivers.failed.append(
                FailedDriver(
                    path=driver.path,
                    reason=err.reason,
                    line=class_line(driver.driver_class),
                )
            )


def _let_go_on(drivers: LoadedDrivers, running: LoadedDrivers) -> None:
    """Keep what runs of the files that failed now, but for what took its place."""
    failed = {failure.path for failure in drivers.failed}
    for driver in running:
        other = of_its_kind(drivers, driver).get(driver.driver_type)
        if driver.path in failed and (other is None or other.bundled):
            add(drivers, driver)


def _load_optional(drivers: LoadedDrivers, path: Path) -> FailedDriver | None:
    """Load a bundled driver that needs a package; return why it cannot be used.

    A package may be built for another machine, or be broken: it is not ours.
    """
    try:
        _load_bundled(drivers, path, optional=True)
    except BaseException as err:  # noqa: BLE001
        return FailedDriver(path=path, reason=reason_of_failure(err))
    return None


def _load_bundled(
    drivers: LoadedDrivers, path: Path, *, optional: bool = False
) -> None:
    module = importlib.import_module(
        f"{_BUNDLED_PACKAGE}.{path.parent.name}.{path.stem}"
    )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for driver_class in driver_classes(module):
        register(drivers, driver_class, path, sha256, bundled=True, optional=optional)


def _load_all(
    tried: dict[str, Finding],
    files: list[DriverFile],
    settings: Mapping[str, Any],
) -> dict[Path, LoadedDrivers]:
    """Load files that did no harm in the other process; they may still do it here.

    One that changes what others use is not used, and what it changed is put back.
    """
    if not files:
        return {}
    before = Snapshot()
    loaded = {file.path: _load_with_limit(tried, file, settings) for file in files}
    modules = {module_name(file.path, file.sha256): file for file in files}
    for change in before.changes():
        if (file := modules.get(made_by(change.after))) is not None:
            tried[file.fingerprint] = finding = Finding(
                *explain(file.source.decode(), str(change)), harmful=True
            )
            loaded[file.path] = LoadedDrivers(failed=[_failed(file, finding)])
            change.undo()
    return loaded


def _load_with_limit(
    tried: dict[str, Finding], file: DriverFile, settings: Mapping[str, Any]
) -> LoadedDrivers:
    """Load one file."""
    loaded = LoadedDrivers()
    try:
        run_limited(
            lambda: load_user_file(loaded, file, settings), preflight.LOAD_SECONDS
        )
    except TimeoutError:
        reason = preflight.too_slow()
        # Each time, a thread would be left behind
        tried[file.fingerprint] = finding = Finding(reason, harmful=True)
        return LoadedDrivers(failed=[_failed(file, finding)])
    # Even its errors are code of the file, and may fail when they are read
    except BaseException as err:  # noqa: BLE001
        finding = Finding(why("raises", error=type(err).__name__), harmful=True)
        return LoadedDrivers(failed=[_failed(file, finding)])
    return loaded


def _failed(file: DriverFile, finding: Finding) -> FailedDriver:
    return FailedDriver(path=file.path, reason=finding.reason, line=finding.line)
