"""Gives each driver file the modules that it imports, without anyone noticing.

``core``, ``adapters``, ``integrations`` and ``providers`` are names that other
software may use, so they never get into ``sys.modules``: the file runs with its own
``__import__``, which also serves imports inside of functions.
"""

import builtins
from collections.abc import Callable, Mapping
import sys
import threading
from types import ModuleType
from typing import Any

from ..driver_files import DriverFile
from ..faults import FileError, why
from .shims import adapters, base_pool, core, database
from .silence import silence


class PoolRegistry:
    """``PoolRegistry`` of HMM-Local: takes the instances that a file registers."""

    def __init__(self) -> None:
        """Start with none."""
        self.instances: list[base_pool.BasePoolIntegration] = []

    def register(self, instance: Any) -> None:
        """Take an instance; one that is no pool driver is ignored."""
        if isinstance(instance, base_pool.BasePoolIntegration):
            self.instances.append(instance)

    async def detect_pool_type(self, url: str, port: int) -> str | None:
        """Return the type of the first instance that knows an address."""
        for instance in self.instances:
            if await instance.detect(url, port):  # type: ignore[attr-defined]
                return instance.pool_type or instance.driver_type  # type: ignore[no-any-return]
        return None


class SiblingError(FileError, ImportError):
    """A file beside a driver cannot be imported."""


class SiblingMissing(SiblingError, ModuleNotFoundError):
    """There is no file of this name beside a driver."""


class Siblings:
    """The files beside a driver that it imports, run once each when they are.

    They are modules of this driver alone, with names below its own private one.
    """

    def __init__(self, file: DriverFile, module: ModuleType) -> None:
        """Start with the module of the driver itself, which a sibling may import."""
        self._siblings = file.siblings
        self._modules = {file.path: module}
        self._module = module
        # Drivers import inside of functions, too, in any of their threads
        self._lock = threading.RLock()

    def load(self, name: str) -> ModuleType | None:
        """Return a sibling as a module, None if there is none of this name.

        Raises ImportError with the reason: it cannot be read, or fails. Of two files
        that import each other, one sees what the other has so far, as ever in Python.
        """
        sibling = self._siblings.get(name)
        if sibling is None:
            return None
        if isinstance(sibling, str):
            raise SiblingError(why("sibling_unusable", module=name, reason=sibling))
        with self._lock:
            if (module := self._modules.get(sibling.path)) is None:
                module = self._run(sibling)
            return module

    def _run(self, file: DriverFile) -> ModuleType:
        name = f"{self._module.__name__}.{file.path.stem}_{file.sha256[:8]}"
        module = ModuleType(name)
        module.__file__ = str(file.path)
        vars(module)["__builtins__"] = vars(self._module)["__builtins__"]
        self._modules[file.path] = module
        # dataclasses look their module up by name
        sys.modules[name] = module
        try:
            code = compile(file.source, str(file.path), "exec", dont_inherit=True)
            exec(code, vars(module))  # noqa: S102
        except BaseException as err:
            del self._modules[file.path], sys.modules[name]
            if not isinstance(err, Exception):
                raise
            error = f"{type(err).__name__}: {err}"
            raise SiblingError(
                why("sibling_raises", file=file.path.name, error=error)
            ) from err
        silence(module)
        return module


def private_builtins(
    source: str,
    registry: PoolRegistry,
    settings: Mapping[str, Any],
    siblings: Siblings | None = None,
) -> dict[str, Any]:
    """Return the ``__builtins__`` for one driver file.

    ``settings`` are those of config.yaml. ``print`` is silent: drivers print what
    must not be seen.
    """
    modules = _modules(registry, settings)
    if "core.database" in source:
        # Only its own tables make sense with it, and they are not real
        modules.update(_database_modules())
    return {
        **vars(builtins),
        "__import__": _importer(modules, siblings),
        "print": lambda *args, **values: None,
    }


def _importer(
    modules: dict[str, ModuleType], siblings: Siblings | None
) -> Callable[..., Any]:
    def find(name: str) -> ModuleType | None:
        """Return a module that is served, or that is a file beside the driver."""
        module = modules.get(name)
        if module is None and siblings and (module := siblings.load(name)):
            parent, _, last = name.rpartition(".")
            modules[name] = module
            setattr(modules[parent], last, module)
        return module

    def import_(
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        fromlist: tuple[str, ...] | None = (),
        level: int = 0,
    ) -> Any:
        root = name.partition(".")[0]
        if level or root not in modules:
            return builtins.__import__(name, globals_, locals_, fromlist or (), level)
        if (module := find(name)) is None:
            raise SiblingMissing(why("sibling_missing", module=name))
        for item in fromlist or ():
            if not hasattr(module, item):
                find(f"{name}.{item}")
        return module if fromlist else modules[root]

    return import_


def _modules(
    registry: PoolRegistry, settings: Mapping[str, Any]
) -> dict[str, ModuleType]:
    return _tree(
        {
            "integrations.base_pool": vars(base_pool),
            "integrations.pool_registry": {"PoolRegistry": registry},
            "integrations.pools": {"PoolRegistry": registry},
            "adapters.base": vars(adapters),
            "core.utils": {"format_hashrate": core.format_hashrate},
            "core.config": {"app_config": core.AppConfig(dict(settings))},
            "core.database": vars(database),
            "core.mqtt": {"mqtt_client": database.mqtt_client},
        }
    )


def _database_modules() -> dict[str, ModuleType]:
    verbs = dict.fromkeys(
        ("select", "update", "insert", "delete", "desc", "func", "and_", "or_"),
        database.AsyncSession,
    )
    sessions = {"AsyncSession": database.AsyncSession}
    return _tree(
        {
            "sqlalchemy": verbs,
            "sqlalchemy.ext.asyncio": sessions,
            "sqlalchemy.orm": {},
        }
    )


def _tree(contents: Mapping[str, Mapping[str, Any]]) -> dict[str, ModuleType]:
    """Make modules and the packages above them."""
    modules: dict[str, ModuleType] = {}
    for name, content in contents.items():
        path = ""
        parent: ModuleType | None = None
        for part in name.split("."):
            path = f"{path}.{part}" if path else part
            module = modules.setdefault(path, ModuleType(path))
            if parent is not None:
                setattr(parent, part, module)
            parent = module
        assert parent is not None
        vars(parent).update(
            {key: value for key, value in content.items() if not key.startswith("__")}
        )
    return modules
