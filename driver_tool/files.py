"""Loads the driver of an author in the way that Home Assistant would."""

from collections.abc import Iterable
from dataclasses import dataclass
import hashlib
import linecache
from pathlib import Path
import tempfile

from custom_components.hmm.driver_api import BaseMinerAdapter, BasePoolIntegration
from custom_components.hmm.driver_engine import loader
from custom_components.hmm.driver_engine.driver_files import DriverFile
from custom_components.hmm.driver_engine.legacy.siblings import sibling_files
from custom_components.hmm.driver_engine.loaded import LoadedDriver, LoadedDrivers
from custom_components.hmm.driver_engine.loader import load_drivers

from . import ToolError

_FOLDER = "hmm-driver-"
_BUNDLED = Path(loader.__file__).parents[1] / "bundled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """All drivers, and which of them are the author's."""

    everything: LoadedDrivers
    miners: tuple[LoadedDriver[BaseMinerAdapter], ...]
    pools: tuple[LoadedDriver[BasePoolIntegration], ...]


def load(name: str) -> Loaded:
    """Return the drivers of a file, or the bundled one of a type.

    Runs the file, in a process of its own first. Raises ToolError: it does not load,
    or there is no such file or type.
    """
    path = Path(name)
    if path.suffix != ".py" and not path.is_file():
        return _bundled(name)
    if not path.is_file():
        raise ToolError(f"There is no file {path}")
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
        # A config folder with nothing else in it: only this file can fail
        home = Path(folder, "hmm")
        home.mkdir()
        copy = home / usable_name(path)
        source = path.read_bytes()
        copy.write_bytes(source)
        copy_siblings(path, home)
        # One that came with HMM-Local is to be tried, too
        wanted = {hashlib.sha256(source).hexdigest()}
        drivers = load_drivers(home, stock_wanted=wanted)
        # Tracebacks show lines of the copy, which is gone then
        lines = source.decode("utf-8", "replace").splitlines(keepends=True)
        linecache.cache[str(copy)] = (len(source), None, lines, str(path))
    if drivers.failed:
        failure = drivers.failed[0]
        where = f"{path}:{failure.line}" if failure.line else str(path)
        raise ToolError(f"{where}: {failure.reason}")
    return Loaded(
        everything=drivers,
        miners=tuple(item for item in drivers.miners.values() if not item.bundled),
        pools=tuple(item for item in drivers.pools.values() if not item.bundled),
    )


def copy_siblings(path: Path, folder: Path) -> None:
    """Copy the files beside a driver that it imports, as those of HMM-Local may."""
    for sibling in sibling_files(DriverFile(path, path.read_bytes())):
        copy = folder / sibling.path.relative_to(path.parent)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(sibling.source)


def load_bundled() -> LoadedDrivers:
    """Return the drivers that come with HMM."""
    return load_with(())


def load_with(files: Iterable[Path]) -> LoadedDrivers:
    """Return the drivers that come with HMM, and those of some files.

    A file whose name HMM does not see is left out.
    """
    with tempfile.TemporaryDirectory(prefix=_FOLDER) as folder:
        home = Path(folder, "hmm")
        home.mkdir()
        for path in files:
            if usable_name(path) == path.name:
                (home / path.name).write_bytes(path.read_bytes())
        return load_drivers(home)


def is_of_a_driver(file_name: str) -> bool:
    """Return whether code is of a driver, by the file that it came from."""
    path = Path(file_name)
    return path.is_relative_to(_BUNDLED) or any(
        part.startswith(_FOLDER) for part in path.parts
    )


def usable_name(path: Path) -> str:
    """Return the name under which HMM would load a file; old ones have their type in it."""
    if path.name.endswith(("_driver.py", "_plugin.py")) and (
        "template" not in path.stem.lower()
    ):
        return path.name
    return "tried_driver.py"


def _bundled(driver_type: str) -> Loaded:
    drivers = load_bundled()
    loaded = Loaded(
        everything=drivers,
        miners=tuple(
            x for x in drivers.miners.values() if x.driver_type == driver_type
        ),
        pools=tuple(x for x in drivers.pools.values() if x.driver_type == driver_type),
    )
    if not loaded.miners and not loaded.pools:
        types = ", ".join(sorted([*drivers.miners, *drivers.pools]))
        msg = f"There is no file {driver_type}, and no bundled driver of that type ({types})"
        raise ToolError(msg)
    return loaded


def one_miner(name: str) -> type[BaseMinerAdapter]:
    """Return the miner driver of a file or type. Raises ToolError: none, or several."""
    drivers = load(name)
    if drivers.pools and not drivers.miners:
        raise ToolError(f"{name} is for a pool: script/driver pool shows what it reads")
    return only(drivers.miners, f"drivers for miners in {name}")


def one_pool(name: str) -> type[BasePoolIntegration]:
    """Return the pool driver of a file or type. Raises ToolError: none, or several."""
    drivers = load(name)
    if drivers.miners and not drivers.pools:
        msg = f"{name} is for miners: script/driver watch shows what it reads"
        raise ToolError(msg)
    return only(drivers.pools, f"drivers for pools in {name}")


def only[T](drivers: tuple[LoadedDriver[T], ...], what: str) -> type[T]:
    """Return the class of the one driver. Raises ToolError: none, or several."""
    if len(drivers) != 1:
        raise ToolError(f"There are {len(drivers) or 'no'} {what}; one is needed")
    return drivers[0].driver_class
