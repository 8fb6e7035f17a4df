"""Find driver files and load the driver classes in them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, field, replace
import hashlib
import importlib
import importlib.util
import inspect
import logging
from pathlib import Path
import sys
import traceback
from types import ModuleType
from typing import Any, get_args

from ..driver_api import BaseMinerAdapter, BasePoolIntegration, HashrateUnit, Reason
from . import preflight
from .declaration import DriverId, NotADriver, declare
from .driver_files import (
    DriverFile,
    UnusableFile,
    decode,
    other_plugins,
    read_file,
    user_files,
)
from .faults import FileError, why
from .legacy.app_settings import AppSettings, settings_seen
from .legacy.namespace import PoolRegistry, Siblings, private_builtins
from .legacy.siblings import with_siblings
from .legacy.stock_hashes import is_stock
from .legacy.wrap import find_legacy
from .limits import run_limited
from .preflight import Finding, check
from .tampering import Snapshot, explain, made_by

_LOGGER = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent.parent / "bundled"
_BUNDLED_PACKAGE = f"{__package__.rpartition('.')[0]}.bundled"
_BUNDLED_FOLDERS = ("miner_drivers", "pool_drivers")
_USER_MODULES = "hmm_user_drivers"

type DriverClass = type[BaseMinerAdapter | BasePoolIntegration]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedDriver[T]:
    """A driver class and where it came from."""

    driver_class: type[T]
    driver_type: str
    version: str
    path: Path
    sha256: str
    bundled: bool
    replaces: LoadedDriver[T] | None = None
    """The bundled driver that the user's file is used in place of."""
    optional: bool = False
    """Whether it is one that needs a package, loaded because it is wanted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDriver:
    """A driver file that could not be used. ``line`` is None if unknown."""

    path: Path
    reason: Reason
    line: int | None = None
    waiting: bool = False
    """Whether it will be loaded by itself, once its packages are installed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockFile:
    """A driver file that came with HMM-Local and is unchanged.

    The bundled drivers of its types run in its place, unless the user wants it.
    """

    path: Path
    sha256: str
    drivers: tuple[DriverId, ...]
    version: str
    is_wanted: bool


type AnyLoaded = LoadedDriver[BaseMinerAdapter] | LoadedDriver[BasePoolIntegration]


@dataclass(slots=True, kw_only=True)
class LoadedDrivers:
    """Everything that one look at the driver folders brought."""

    miners: dict[str, LoadedDriver[BaseMinerAdapter]] = field(default_factory=dict)
    pools: dict[str, LoadedDriver[BasePoolIntegration]] = field(default_factory=dict)
    failed: list[FailedDriver] = field(default_factory=list)
    passed_over: list[Path] = field(default_factory=list)
    """Files of HMM-Local that are plug-ins of another kind, which HMM has none of."""
    fingerprints: dict[Path, str] = field(default_factory=dict)
    """Of the user's files, with all that they import, as they were loaded."""
    stock: list[StockFile] = field(default_factory=list)
    """Files that came with HMM-Local, those that the user wants included."""
    settings: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What config.yaml held when they were loaded."""
    tried: dict[str, Finding | None] = field(default_factory=dict)
    """What came of trying a file, by its fingerprint: None, or the harm that it did.
    A mere error is not kept: its cause may be elsewhere, as a missing package."""

    def __iter__(self) -> Iterator[AnyLoaded]:
        """Yield all of them, the miners first."""
        yield from self.miners.values()
        yield from self.pools.values()


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
    over as they are, and those of one that can no longer be loaded go on.
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
    findings = _try(
        drivers.tried,
        [it for it in files if not kept[it.path] and it.path not in withheld],
        drivers.settings,
    )
    new = [
        file
        for file in files
        if not kept[file.path]
        and file.path not in withheld
        and file.path not in findings
    ]
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
        _module_name(driver.path, driver.sha256)
        for driver in drivers
        if not driver.bundled
    }
    for name in tuple(sys.modules):
        # What a driver imports of the files beside it has a name below its own
        if name.startswith(f"{_USER_MODULES}.") and not any(
            name == used or name.startswith(f"{used}.") for used in in_use
        ):
            del sys.modules[name]


def try_file(file: DriverFile, settings: Mapping[str, Any]) -> FailedDriver | None:
    """Return what is wrong with a file of the user, None if a driver in it loads.

    Runs it: only in a process that may be lost (see ``preflight``).
    """
    drivers = LoadedDrivers()
    _load_user_file(drivers, file, settings)
    if drivers.miners or drivers.pools:
        return None
    return next(iter(drivers.failed), None)


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
    tried: dict[str, Finding | None],
    files: list[DriverFile],
    settings: Mapping[str, Any],
) -> dict[Path, Finding]:
    """Return what is wrong with files; note in ``tried`` what came of them."""
    findings = {
        file.path: replace(known, reason=why("not_tried_again", reason=known.reason))
        for file in files
        if (known := tried.get(file.fingerprint)) is not None
    }
    new = [file for file in files if file.fingerprint not in tried]
    found = check(new, settings)
    for file in new:
        finding = found.get(file.path)
        if finding is None or finding.harmful:
            tried[file.fingerprint] = finding
    return findings | found


def _take_over(drivers: LoadedDrivers, kept: list[AnyLoaded]) -> None:
    for driver in kept:
        try:
            _add(drivers, driver)
        except NotADriver as err:
            drivers.failed.append(
                FailedDriver(
                    path=driver.path,
                    reason=err.reason,
                    line=_class_line(driver.driver_class),
                )
            )


def _let_go_on(drivers: LoadedDrivers, running: LoadedDrivers) -> None:
    """Keep what runs of the files that failed now, but for what took its place."""
    failed = {failure.path for failure in drivers.failed}
    for driver in running:
        other = _of_its_kind(drivers, driver).get(driver.driver_type)
        if driver.path in failed and (other is None or other.bundled):
            _add(drivers, driver)


def _load_optional(drivers: LoadedDrivers, path: Path) -> FailedDriver | None:
    """Load a bundled driver that needs a package; return why it cannot be used.

    A package may be built for another machine, or be broken: it is not ours.
    """
    try:
        _load_bundled(drivers, path, optional=True)
    except BaseException as err:  # noqa: BLE001
        return FailedDriver(path=path, reason=_reason(err))
    return None


def _load_bundled(
    drivers: LoadedDrivers, path: Path, *, optional: bool = False
) -> None:
    module = importlib.import_module(
        f"{_BUNDLED_PACKAGE}.{path.parent.name}.{path.stem}"
    )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for driver_class in _driver_classes(module):
        _register(drivers, driver_class, path, sha256, bundled=True, optional=optional)


def _load_all(
    tried: dict[str, Finding | None],
    files: list[DriverFile],
    settings: Mapping[str, Any],
) -> dict[Path, LoadedDrivers]:
    """Load files that did no harm in the other process; they may still do it here.

    One that changes what others use is not used, and what it changed is put back.
    """
    if not files:
        return {}
    before = Snapshot()
    found = {file.path: _load_with_limit(tried, file, settings) for file in files}
    modules = {_module_name(file.path, file.sha256): file for file in files}
    for change in before.changes():
        if (file := modules.get(made_by(change.after))) is not None:
            tried[file.fingerprint] = finding = Finding(
                *explain(file.source.decode(), str(change)), harmful=True
            )
            found[file.path] = LoadedDrivers(failed=[_failed(file, finding)])
            change.undo()
    return found


def _load_with_limit(
    tried: dict[str, Finding | None], file: DriverFile, settings: Mapping[str, Any]
) -> LoadedDrivers:
    """Load one file."""
    found = LoadedDrivers()
    try:
        run_limited(
            lambda: _load_user_file(found, file, settings), preflight.LOAD_SECONDS
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
    return found


def _failed(file: DriverFile, finding: Finding) -> FailedDriver:
    return FailedDriver(path=file.path, reason=finding.reason, line=finding.line)


def _load_user_file(
    drivers: LoadedDrivers, file: DriverFile, settings: Mapping[str, Any]
) -> None:
    """Load one file into ``drivers``; no reason of a failure quotes a secret."""
    path, sha256 = file.path, file.sha256
    # A driver may change what it is given
    settings = deepcopy(dict(settings_seen(file.text, settings)))
    discreet = AppSettings(settings).discreet
    try:
        registry = PoolRegistry()
        module = _import_user_file(file, registry, settings)
        legacy = find_legacy(module, registry, file, settings)
        native = _driver_classes(module)
    # A driver may raise anything at import, SystemExit included, and none of it
    # may end Home Assistant or keep the next driver from loading.
    except BaseException as err:  # noqa: BLE001
        drivers.failed.append(
            FailedDriver(
                path=path,
                reason=_reason(err, discreet),
                line=_line_in_file(err, path),
            )
        )
        return

    if not native and not legacy:
        drivers.failed.append(
            FailedDriver(
                path=path,
                reason=why("no_driver_class"),
            )
        )
    version = _declared_version(file)
    for driver_class in native:
        try:
            _register(
                drivers, driver_class, path, sha256, bundled=False, version=version
            )
        # Its class attributes may be anything as well
        except BaseException as err:  # noqa: BLE001
            line = _line_in_file(err, path) or _class_line(driver_class)
            drivers.failed.append(
                FailedDriver(path=path, reason=_reason(err, discreet), line=line)
            )
    for theirs, wrap in legacy.items():
        try:
            _register(drivers, wrap(), path, sha256, bundled=False, version=version)
        except BaseException as err:  # noqa: BLE001
            line = _line_in_file(err, path) or _class_line(theirs)
            drivers.failed.append(
                FailedDriver(path=path, reason=_reason(err, discreet), line=line)
            )


def _declared_version(file: DriverFile) -> str | None:
    """Return the version of a file, as its updates tell it: a file has one alone.

    None if only running it tells that it is a driver.
    """
    try:
        return declare(file.source, file.path).version
    except NotADriver:
        return None


def _import_user_file(
    file: DriverFile, registry: PoolRegistry, settings: Mapping[str, Any]
) -> ModuleType:
    """Run a user's file as a module with a private name.

    The name can never shadow a module of the standard library or of Home
    Assistant, and two versions of a file never share one.
    """
    path = file.path
    name = _module_name(path, file.sha256)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    vars(module)["__builtins__"] = private_builtins(
        file.text, registry, settings, Siblings(file, module)
    )
    code = compile(decode(file.source), str(path), "exec", dont_inherit=True)
    # dataclasses and pickle look their module up by name
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _module_name(path: Path, sha256: str) -> str:
    return f"{_USER_MODULES}.{path.stem}_{sha256[:8]}"


def _driver_classes(module: ModuleType) -> list[DriverClass]:
    """Return the drivers that a module defines itself.

    A class that only serves as the base of others in the file is none.
    """
    # Two names may stand for one class
    classes = dict.fromkeys(
        value
        for value in vars(module).values()
        if inspect.isclass(value)
        and value.__module__ == module.__name__
        and issubclass(value, BaseMinerAdapter | BasePoolIntegration)
    )
    bases = {base for driver_class in classes for base in driver_class.__mro__[1:]}
    return [
        driver_class
        for driver_class in classes
        if driver_class not in bases
        or (driver_class.driver_type and not inspect.isabstract(driver_class))
    ]


def _register(
    drivers: LoadedDrivers,
    driver_class: DriverClass,
    path: Path,
    sha256: str,
    *,
    bundled: bool,
    optional: bool = False,
    version: str | None = None,
) -> None:
    """Add one class; raise NotADriver with what is wrong with it."""
    name = driver_class.__name__
    if missing := getattr(driver_class, "__abstractmethods__", None):
        methods = ", ".join(sorted(missing))
        raise NotADriver(why("class_abstract", driver_class=name, methods=methods))
    driver_type = driver_class.driver_type
    # One of a kind of its own may do anything wherever it is looked up
    if type(driver_type) is not str or not driver_type:
        raise NotADriver(why("class_no_type", driver_class=name))
    if issubclass(driver_class, BaseMinerAdapter):
        _check_connection(driver_class)
    if issubclass(driver_class, BaseMinerAdapter) and (
        driver_class.hashrate_unit not in get_args(HashrateUnit)
    ):
        units = ", ".join(get_args(HashrateUnit))
        raise NotADriver(why("class_hashrate_unit", driver_class=name, units=units))
    _add(
        drivers,
        LoadedDriver[Any](
            driver_class=driver_class,
            driver_type=driver_type,
            version=version or str(driver_class.driver_version),
            path=path,
            sha256=sha256,
            bundled=bundled,
            optional=optional,
        ),
    )


def _add(drivers: LoadedDrivers, driver: AnyLoaded) -> None:
    """Add a driver; raise NotADriver if another file has its type."""
    known = _of_its_kind(drivers, driver)
    other = known.get(driver.driver_type)
    if other is not None and other.bundled == driver.bundled:
        raise NotADriver(
            why("type_taken", driver=driver.driver_type, file=other.path.name)
        )
    known[driver.driver_type] = replace(driver, replaces=other)


def _of_its_kind(drivers: LoadedDrivers, driver: AnyLoaded) -> dict[str, Any]:
    is_miner = issubclass(driver.driver_class, BaseMinerAdapter)
    return drivers.miners if is_miner else drivers.pools


def _check_connection(driver_class: type[BaseMinerAdapter]) -> None:
    """Raise NotADriver if what tells how to reach the device makes no sense."""
    name = driver_class.__name__
    kind: object = driver_class.connection_type
    port: object = driver_class.default_port
    options: object = driver_class.option_fields
    if kind not in (None, "http", "tcp", "udp"):
        raise NotADriver(why("class_connection_type", driver_class=name))
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        raise NotADriver(why("class_default_port", driver_class=name))
    if not isinstance(options, tuple):
        raise NotADriver(why("class_option_fields", driver_class=name))


def _reason(
    err: BaseException, discreet: Callable[[str], str] = lambda text: text
) -> Reason:
    """Return why a file cannot be loaded; ``discreet`` cuts secrets from a text."""
    match err:
        case FileError(reason=reason):
            values = {
                name: discreet(value) if type(value) is str else value
                for name, value in reason.values.items()
            }
            return why(reason.key, **values)
        case SystemExit():
            return why("exits")
    text = " ".join(str(err.msg if isinstance(err, SyntaxError) else err).split())
    error = f"{type(err).__name__}: {text}" if text else type(err).__name__
    return why("raises", error=discreet(error))


def _line_in_file(err: BaseException, path: Path) -> int | None:
    """Return the deepest line of the file itself that an error passed through."""
    if isinstance(err, SyntaxError) and err.filename == str(path):
        return err.lineno
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(err.__traceback__)
        if frame.filename == str(path)
    ]
    return lines[-1] if lines else None


def _class_line(driver_class: type) -> int | None:
    """Return the line where a class begins."""
    return getattr(driver_class, "__firstlineno__", None)
