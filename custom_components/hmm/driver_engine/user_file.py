"""Runs one file of the user and registers the drivers in it."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import replace
import importlib
import importlib.util
import inspect
from pathlib import Path
import sys
import traceback
from types import ModuleType
from typing import Any, get_args

from ..driver_api import BaseMinerAdapter, BasePoolIntegration, HashrateUnit, Reason
from .declaration import NotADriver, declare
from .driver_files import DriverFile, decode
from .faults import FileError, why
from .legacy.app_settings import AppSettings, settings_seen
from .legacy.namespace import PoolRegistry, Siblings, private_builtins
from .legacy.wrap import find_legacy
from .loaded import AnyLoaded, DriverClass, FailedDriver, LoadedDriver, LoadedDrivers

_LONGEST_TEXT = 1000
"""Characters of what a file raises, which may be its data."""

USER_MODULES = "hmm_user_drivers"


def try_file(file: DriverFile, settings: Mapping[str, Any]) -> FailedDriver | None:
    """Return what is wrong with a file of the user, None if a driver in it loads.

    Runs it: only in a process that may be lost (see ``preflight``).
    """
    drivers = LoadedDrivers()
    load_user_file(drivers, file, settings)
    if drivers.miners or drivers.pools:
        return None
    return next(iter(drivers.failed), None)


def load_user_file(
    drivers: LoadedDrivers, file: DriverFile, settings: Mapping[str, Any]
) -> None:
    """Load one file into ``drivers``; no reason of a failure quotes a secret."""
    # A driver may change what it is given
    settings = deepcopy(dict(settings_seen(file.text, settings)))
    discreet = AppSettings(settings).discreet

    def note(err: BaseException, driver_class: type | None = None) -> None:
        line = _line_in_file(err, file.path)
        if line is None and driver_class is not None:
            line = class_line(driver_class)
        reason = reason_of_failure(err, discreet)
        drivers.failed.append(FailedDriver(path=file.path, reason=reason, line=line))

    try:
        registry = PoolRegistry()
        module = _import_user_file(file, registry, settings)
        legacy = find_legacy(module, registry, file, settings)
        native = driver_classes(module)
    # A driver may raise anything at import, SystemExit included, and none of it
    # may end Home Assistant or keep the next driver from loading.
    except BaseException as err:  # noqa: BLE001
        note(err)
        return
    if not native and not legacy:
        note(NotADriver(why("no_driver_class")))
    version = _declared_version(file)
    for theirs, wrap in {**dict.fromkeys(native), **legacy}.items():
        try:
            register(
                drivers,
                wrap() if wrap else theirs,
                file.path,
                file.sha256,
                bundled=False,
                version=version,
            )
        # Its class attributes may be anything as well
        except BaseException as err:  # noqa: BLE001
            note(err, theirs)


def _declared_version(file: DriverFile) -> str | None:
    """Return the version of a file, as its updates show it: a file has one alone.

    None if only running it shows that it is a driver.
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
    name = module_name(path, file.sha256)
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


def module_name(path: Path, sha256: str) -> str:
    """Return the private name of the module that a file is run as."""
    return f"{USER_MODULES}.{path.stem}_{sha256[:8]}"


def driver_classes(module: ModuleType) -> list[DriverClass]:
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


def register(
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
        _check_attributes(driver_class)
    add(
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


def add(drivers: LoadedDrivers, driver: AnyLoaded) -> None:
    """Add a driver; raise NotADriver if another file has its type."""
    registry = of_its_kind(drivers, driver)
    other = registry.get(driver.driver_type)
    if other is not None and other.bundled == driver.bundled:
        raise NotADriver(
            why("type_taken", driver=driver.driver_type, file=other.path.name)
        )
    registry[driver.driver_type] = replace(driver, replaces=other)


def of_its_kind(drivers: LoadedDrivers, driver: AnyLoaded) -> dict[str, Any]:
    """Return the drivers of the kind that a driver is: miners, or pools."""
    is_miner = issubclass(driver.driver_class, BaseMinerAdapter)
    return drivers.miners if is_miner else drivers.pools


def _check_attributes(driver_class: type[BaseMinerAdapter]) -> None:
    """Raise NotADriver if what a class says of its devices is invalid."""
    name = driver_class.__name__
    kind: object = driver_class.connection_type
    port: object = driver_class.default_port
    options: object = driver_class.option_fields
    if kind not in (None, "http", "tcp", "udp"):
        raise NotADriver(why("class_connection_type", driver_class=name))
    if port is not None and (type(port) is not int or not 0 <= port < 65_536):
        raise NotADriver(why("class_default_port", driver_class=name))
    if not isinstance(options, tuple):
        raise NotADriver(why("class_option_fields", driver_class=name))
    if driver_class.hashrate_unit not in (units := get_args(HashrateUnit)):
        shown = ", ".join(units)
        raise NotADriver(why("class_hashrate_unit", driver_class=name, units=shown))


def reason_of_failure(
    err: BaseException, discreet: Callable[[str], str] = lambda text: text
) -> Reason:
    """Return why a file cannot be loaded; ``discreet`` cuts secrets from a text."""

    def shown(text: str) -> str:
        text = discreet(text)
        return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"

    match err:
        case FileError(reason=reason):
            values = {
                name: shown(value) if type(value) is str else value
                for name, value in reason.values.items()
            }
            return why(reason.key, **values)
        case SystemExit():
            return why("exits")
    text = " ".join(str(err.msg if isinstance(err, SyntaxError) else err).split())
    error = f"{type(err).__name__}: {text}" if text else type(err).__name__
    return why("raises", error=shown(error))


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


def class_line(driver_class: type) -> int | None:
    """Return the line where a class begins."""
    return getattr(driver_class, "__firstlineno__", None)
