"""Notices what a driver file changes of what everyone uses while it is loaded.

A file that replaces ``aiohttp.ClientSession`` or ``logging.Logger.info`` breaks others,
whose authors get the blame. It is compared what modules and their classes hold, and the
few settings that a process has only one of.
"""

import asyncio
from collections.abc import Iterator, Mapping
import contextlib
from dataclasses import dataclass
import gc
import locale
import logging
import os
from pathlib import Path
import re
import signal
import socket
import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from ..driver_api import Reason
from .faults import why

_OWN = "hmm_user_drivers"
_MISSING = object()
_SHARED = (
    *(FunctionType, BuiltinFunctionType, MethodType, ModuleType, type),
    *(property, staticmethod, classmethod),
)
"""What is replaced by nobody who means well; a variable may be set by its owner."""

_WRAPPED = ("__wrapped__", "__func__", "fget", "func")


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is not what it was before."""

    owner: Any
    """A module or class, or the dictionary of all modules."""
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        """Return what was changed, as it is written in a file."""
        if isinstance(self.owner, dict):
            return self.name
        above = self.owner.__name__
        if isinstance(self.owner, type):
            above = f"{self.owner.__module__}.{self.owner.__qualname__}"
        return f"{above}.{self.name}"

    def undo(self) -> None:
        """Put back what was there."""
        with contextlib.suppress(AttributeError, TypeError):
            if self.before is _MISSING:
                delattr(self.owner, self.name)
            elif isinstance(self.owner, dict):
                self.owner[self.name] = self.before
            else:
                setattr(self.owner, self.name, self.before)


class Snapshot:
    """What modules and their classes hold now."""

    def __init__(self) -> None:
        """Take it; that costs some tenths of a second in a whole Home Assistant."""
        self._modules = dict(sys.modules)
        self._held = [(owner, dict(vars(owner))) for owner in _owners(self._modules)]

    def changes(self) -> Iterator[Change]:
        """Yield what was replaced or removed since, and what a driver put elsewhere."""
        for name, module in self._modules.items():
            if (after := sys.modules.get(name, _MISSING)) is not module:
                yield Change(sys.modules, name, module, after)
        for owner, held in self._held:
            now = vars(owner)
            for name, before in held.items():
                after = now.get(name, _MISSING)
                if after is not before and _is_shared(before):
                    yield Change(owner, name, before, after)
            if isinstance(owner, type) and len(now) > len(held):
                # It may hide what the class inherits
                yield from _planted(owner, held)
        new = {
            name: it for name, it in sys.modules.items() if name not in self._modules
        }
        for owner in _owners(new):
            yield from _planted(owner, {})


def _planted(owner: Any, held: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what a driver has put into a module or class beside what it held."""
    for name, after in tuple(vars(owner).items()):
        if name not in held and _is_shared(after):
            if made_by(after).startswith(f"{_OWN}."):
                yield Change(owner, name, _MISSING, after)


def made_by(value: Any) -> str:
    """Return the name of the module that something is of, empty if nothing tells."""
    for _ in range(10):
        inner = next(
            (it for name in _WRAPPED if (it := getattr(value, name, None)) is not None),
            None,
        )
        if inner is None or isinstance(value, type):
            break
        value = inner
    maker = value if isinstance(value, type | FunctionType) else type(value)
    return str(getattr(maker, "__module__", ""))


def _owners(modules: Mapping[str, Any]) -> Iterator[Any]:
    """Yield all modules but drivers, and the classes that are defined in them."""
    for name, module in modules.items():
        if not isinstance(module, ModuleType) or name.partition(".")[0] == _OWN:
            continue
        yield module
        for value in tuple(vars(module).values()):
            if isinstance(value, type) and value.__module__ == name:
                yield value


def _is_shared(value: Any) -> bool:
    # typing replaces this of a protocol itself, when the first instance is made
    name = getattr(value, "__name__", "")
    return isinstance(value, _SHARED) and name != "_no_init_or_replace_init"


def process_settings() -> dict[str, Any]:
    """Return the settings that a process has only one of, by what changes them.

    Only where nothing else runs: it sets some to read them.
    """
    root = logging.root
    loggers = tuple(root.manager.loggerDict.items())
    mask = os.umask(0)
    os.umask(mask)
    return {
        "logging.root.level": root.level,
        "logging.root.handlers": [*root.handlers, *root.filters],
        "logging.disable": root.manager.disable,
        "logging.Logger.disabled": {
            name for name, it in loggers if getattr(it, "disabled", False)
        },
        "sys.stdout": (sys.stdout, sys.stderr, sys.stdin),
        "sys.settrace": (sys.gettrace(), sys.getprofile()),
        "sys.setrecursionlimit": sys.getrecursionlimit(),
        "sys.setswitchinterval": sys.getswitchinterval(),
        "asyncio.set_event_loop_policy": vars(asyncio.events).get("_event_loop_policy"),
        "socket.setdefaulttimeout": socket.getdefaulttimeout(),
        "signal.signal": {it: signal.getsignal(it) for it in signal.valid_signals()},
        "os.chdir": Path.cwd(),
        "os.umask": mask,
        "locale.setlocale": locale.setlocale(locale.LC_ALL),
        "gc.disable": gc.isenabled(),
    }


def what_changed(before: Snapshot, settings: Mapping[str, Any]) -> str | None:
    """Return the first thing that is not as before, None if nothing is."""
    now = process_settings()
    changes = (
        *map(str, before.changes()),
        *(name for name, value in settings.items() if now[name] != value),
    )
    return next(iter(changes), None)


def explain(text: str, changed: str) -> tuple[Reason, int | None]:
    """Return why a file is not used that changes something, and its line if found."""
    lines = text.splitlines()
    # In full, or as it was imported
    for name in (changed, changed.rpartition(".")[2]):
        pattern = re.compile(rf"\b{re.escape(name)}\b")
        found = (it for it, line in enumerate(lines, 1) if pattern.search(line))
        if (line := next(found, None)) is not None:
            break
    return why("changes_shared", what=changed), line
