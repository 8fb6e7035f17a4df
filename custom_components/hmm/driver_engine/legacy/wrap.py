"""Finds the drivers of HMM-Local in a file and makes native ones of them."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
import inspect
from types import ModuleType
from typing import Any

from ...driver_api import BaseMinerAdapter, BasePoolIntegration
from ..driver_files import DriverFile
from .app_settings import AppSettings
from .host import hanging_of
from .miners import wrap_miner
from .namespace import PoolRegistry
from .origin import Origin
from .pools import wrap_pool
from .shims import adapters, base_pool
from .silence import silence

_POOL = base_pool.BasePoolIntegration
_MINERS = (adapters.MinerAdapter, adapters.BaseMinerAdapter)

type Wrapping = Callable[[], type[BaseMinerAdapter | BasePoolIntegration]]


def find_legacy(
    module: ModuleType,
    registry: PoolRegistry,
    file: DriverFile,
    settings: Mapping[str, Any],
) -> dict[type, Wrapping]:
    """Return the drivers that a file defines or registers, with how to wrap each.

    A class that only serves as the base of others is none, and neither is one of
    another file. The wrapping runs the driver: it raises whatever that raises, and
    NotADriver if it does not report its type. ``settings`` are those of config.yaml.
    """
    origin = Origin(
        path=file.path,
        source=file.text,
        module=module,
        hanging=hanging_of(file.path.name, file.fingerprint),
        settings=AppSettings(settings),
    )
    registered = {type(instance): instance for instance in registry.instances}
    # Two names may stand for one class
    classes = dict.fromkeys(
        value
        for value in (*vars(module).values(), *registered)
        if _is_driver(value) and value.__module__ == module.__name__
    )
    if classes:
        silence(module)
    return {
        class_: partial(wrap_pool, registered.get(class_, class_), origin)
        if issubclass(class_, _POOL)
        else partial(wrap_miner, class_, origin)
        for class_ in classes
        if class_ in registered or not _is_only_a_base(class_, classes)
    }


def _is_driver(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, (_POOL, *_MINERS))


def _is_only_a_base(class_: type, classes: Iterable[type]) -> bool:
    """Return whether another class extends one that has no type of its own."""
    kind = _kind(class_)
    return any(
        other is not class_
        and issubclass(other, class_)
        and (kind is None or kind == _kind(other))
        for other in classes
    )


def _kind(driver_class: type) -> Any:
    return next(
        (
            kind
            for name in ("driver_type", "pool_type", "miner_type")
            if (kind := getattr(driver_class, name, None))
        ),
        None,
    )
