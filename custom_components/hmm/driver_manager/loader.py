"""Find driver files and load the driver classes in them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
import hashlib
import importlib
import importlib.util
import inspect
import logging
from pathlib import Path
import sys
import traceback
from types import ModuleType
from typing import get_args

from ..driver_api import BaseMinerAdapter, BasePoolIntegration, HashrateUnit

_LOGGER = logging.getLogger(__name__)

BUNDLED = Path(__file__).parent.parent / "bundled"
_BUNDLED_PACKAGE = f"{__package__.rpartition('.')[0]}.bundled"
_BUNDLED_FOLDERS = ("miner_drivers", "pool_drivers")
_USER_FOLDERS = (".", "miner_drivers", "pool_drivers")
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FailedDriver:
    """A driver file that could not be used. ``line`` is None if unknown."""

    path: Path
    reason: str
    line: int | None = None


@dataclass(slots=True, kw_only=True)
class LoadedDrivers:
    """Everything that one look at the driver folders brought."""

    miners: dict[str, LoadedDriver[BaseMinerAdapter]] = field(default_factory=dict)
    pools: dict[str, LoadedDriver[BasePoolIntegration]] = field(default_factory=dict)
    failed: list[FailedDriver] = field(default_factory=list)


def load_drivers(config_folder: Path) -> LoadedDrivers:
    """Load the bundled drivers, then the user's; a user's file wins.

    Blocks (reads files, imports modules): run it in an executor. One file that
    fails is listed in ``failed`` and never keeps another from loading.
    """
    drivers = LoadedDrivers()
    for path in _driver_files(BUNDLED, _BUNDLED_FOLDERS):
        _load_file(drivers, path, bundled=True)
    for path in _driver_files(config_folder, _USER_FOLDERS):
        _load_file(drivers, path, bundled=False)
    return drivers


def _driver_files(root: Path, folders: tuple[str, ...]) -> Iterator[Path]:
    """Yield driver files in a stable order; templates are not drivers."""
    for folder in folders:
        for path in sorted((root / folder).glob("*_driver.py")):
            if "template" not in path.stem.lower():
                yield path


def _load_file(drivers: LoadedDrivers, path: Path, *, bundled: bool) -> None:
    """Load one file into ``drivers``."""
    try:
        source = path.read_bytes()
        sha256 = hashlib.sha256(source).hexdigest()
        module = (
            importlib.import_module(
                f"{_BUNDLED_PACKAGE}.{path.parent.name}.{path.stem}"
            )
            if bundled
            else _import_user_file(path, source, sha256)
        )
        classes = _driver_classes(module)
    # A driver may raise anything at import, SystemExit included, and none of it
    # may end Home Assistant or keep the next driver from loading.
    except BaseException as err:  # noqa: BLE001
        drivers.failed.append(
            FailedDriver(path=path, reason=_reason(err), line=_line_in_file(err, path))
        )
        return

    if not classes:
        drivers.failed.append(
            FailedDriver(
                path=path,
                reason="No class in it extends BaseMinerAdapter or BasePoolIntegration",
            )
        )
    for driver_class in classes:
        try:
            _register(drivers, driver_class, path, sha256, bundled=bundled)
        except ValueError as err:
            drivers.failed.append(
                FailedDriver(path=path, reason=str(err), line=_class_line(driver_class))
            )


def _import_user_file(path: Path, source: bytes, sha256: str) -> ModuleType:
    """Run a user's file as a module with a private name.

    The name can never shadow a module of the standard library or of Home
    Assistant, and two versions of a file never share one.
    """
    name = f"{_USER_MODULES}.{path.stem}_{sha256[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    code = compile(source, str(path), "exec", dont_inherit=True)
    # dataclasses and pickle look their module up by name
    sys.modules[name] = module
    try:
        exec(code, module.__dict__)  # noqa: S102
    except BaseException:
        del sys.modules[name]
        raise
    return module


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
) -> None:
    """Add one class; raise ValueError with what is wrong with it."""
    if missing := getattr(driver_class, "__abstractmethods__", None):
        msg = f"{driver_class.__name__} does not implement {', '.join(sorted(missing))}"
        raise ValueError(msg)
    driver_type = driver_class.driver_type
    if not isinstance(driver_type, str) or not driver_type:
        msg = f"{driver_class.__name__} has no driver_type"
        raise ValueError(msg)
    if issubclass(driver_class, BaseMinerAdapter):
        _check_connection(driver_class)
    if issubclass(driver_class, BaseMinerAdapter) and (
        driver_class.hashrate_unit not in get_args(HashrateUnit)
    ):
        units = ", ".join(get_args(HashrateUnit))
        msg = f"The hashrate_unit of {driver_class.__name__} must be one of {units}"
        raise ValueError(msg)
    known: (
        dict[str, LoadedDriver[BaseMinerAdapter]]
        | dict[str, LoadedDriver[BasePoolIntegration]]
    ) = drivers.miners if issubclass(driver_class, BaseMinerAdapter) else drivers.pools
    if (other := known.get(driver_type)) and other.bundled == bundled:
        msg = f"The driver type {driver_type} is already loaded from {other.path.name}"
        raise ValueError(msg)
    known[driver_type] = LoadedDriver(
        driver_class=driver_class,  # type: ignore[arg-type]
        driver_type=driver_type,
        version=str(driver_class.driver_version),
        path=path,
        sha256=sha256,
        bundled=bundled,
    )


def _check_connection(driver_class: type[BaseMinerAdapter]) -> None:
    """Raise ValueError if what tells how to reach the device makes no sense."""
    kind: object = driver_class.connection_type
    port: object = driver_class.default_port
    options: object = driver_class.option_fields
    if kind not in (None, "http", "tcp", "udp"):
        msg = f"The connection_type of {driver_class.__name__} must be http, tcp or udp"
        raise ValueError(msg)
    if port is not None and (isinstance(port, bool) or not isinstance(port, int)):
        msg = f"The default_port of {driver_class.__name__} must be a number"
        raise ValueError(msg)
    if not isinstance(options, tuple):
        msg = f"The option_fields of {driver_class.__name__} must be a tuple"
        raise ValueError(msg)


def _reason(err: BaseException) -> str:
    """Return one line that tells what went wrong."""
    if isinstance(err, SystemExit):
        return "It ends the program (sys.exit) when it is loaded"
    text = " ".join(str(err.msg if isinstance(err, SyntaxError) else err).split())
    return f"{type(err).__name__}: {text}" if text else type(err).__name__


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
