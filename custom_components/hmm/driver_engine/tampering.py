"""Notices what a driver file changes of what everyone uses while it is loaded.

A file that replaces ``aiohttp.ClientSession`` or ``logging.Logger.info`` breaks others,
whose authors get the blame. It is compared what modules and their classes hold, and the
few settings that a process has only one of.

What stays unnoticed: a change inside of an object (``ssl_context.check_hostname = False``,
``list.append``), and a variable that is set under a name which the file does not contain.
"""

import ast
import asyncio
import builtins
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
import gc
import importlib
import locale
import logging
import os
from pathlib import Path
import re
import resource
import signal
import socket
import sys
import time
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
"""What no honest file replaces; a variable may be set by its owner."""

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
        owner, name, value = self.owner, self.name, self.before
        with suppress(AttributeError, TypeError):
            if isinstance(owner, dict):
                if value is _MISSING:
                    del owner[name]
                else:
                    owner[name] = value
            elif value is _MISSING:
                delattr(owner, name)
            else:
                setattr(owner, name, value)

    @property
    def is_of_shared(self) -> bool:
        """Return whether it was something that no honest file replaces."""
        return isinstance(self.owner, dict) or _is_shared(self.before)


class Snapshot:
    """What modules and their classes hold now."""

    def __init__(self) -> None:
        """Take it; that costs some tenths of a second in a whole Home Assistant."""
        self._builtins_now = vars(builtins)
        self._builtins = dict(self._builtins_now)
        self._modules: dict[str, Any] = {}
        self._held: list[tuple[Any, dict[str, Any]]] = []
        self.add_new()

    def add_new(self) -> None:
        """Add the modules that were imported since."""
        new = self._new_modules()
        self._modules |= new
        self._held += [(owner, dict(vars(owner))) for owner in _owners(new)]

    def changes(self) -> Iterator[Change]:
        """Yield what was replaced or removed since, and what a driver put elsewhere."""
        for change in self._differences():
            if change.is_of_shared:
                yield change
        yield from self._all_planted()

    def harm(self, written: Collection[str]) -> list[Change]:
        """Return what a file has changed, after that was put back.

        ``written`` are the names that occur in it (see ``names_written``): of these, a
        variable counts as well. Only where nothing else runs.
        """
        # Nothing works without these, this method included
        now, replaced = self._builtins_now, []
        for name, before in self._builtins.items():
            if now.get(name) is not before:
                replaced.append((name, now.get(name)))
                now[name] = before
        changes = [Change(builtins, name, now[name], after) for name, after in replaced]
        changes += self._differences()
        for change in changes:
            change.undo()
        harm = (
            change
            for change in changes
            if change.is_of_shared or change.name in written
        )
        return [*harm, *self._all_planted()]

    def _differences(self) -> Iterator[Change]:
        for name, module in self._modules.items():
            if (after := sys.modules.get(name, _MISSING)) is not module:
                yield Change(sys.modules, name, module, after)
        for owner, held in self._held:
            now = vars(owner)
            for name, before in held.items():
                if (after := now.get(name, _MISSING)) is not before:
                    yield Change(owner, name, before, after)

    def _all_planted(self) -> Iterator[Change]:
        for owner, held in self._held:
            if isinstance(owner, type) and len(vars(owner)) > len(held):
                # It may hide what the class inherits
                yield from _planted(owner, held)
        for owner in _owners(self._new_modules()):
            yield from _planted(owner, {})

    def _new_modules(self) -> dict[str, Any]:
        return {
            name: module
            for name, module in tuple(sys.modules.items())
            if name not in self._modules
        }


def _planted(owner: Any, held: Mapping[str, Any]) -> Iterator[Change]:
    """Yield what a driver has put into a module or class beside what it held."""
    for name, after in tuple(vars(owner).items()):
        if name not in held and _is_shared(after):
            if made_by(after).startswith(f"{_OWN}."):
                yield Change(owner, name, _MISSING, after)


class WatchedImports:
    """Has each module that a file imports noted as it is before the file continues.

    Only where nothing else runs: whatever imports passes here.
    """

    def __init__(self) -> None:
        """Begin; ``snapshot`` is where modules are added."""
        self._depth = 0
        builtins.__import__ = self._watched(builtins.__import__)
        importlib.import_module = self._watched(importlib.import_module)
        self.snapshot: Snapshot | None = Snapshot()

    def _watched[**P, T](self, real: Callable[P, T]) -> Callable[P, T]:
        def watched(*args: P.args, **kwargs: P.kwargs) -> T:
            count = len(sys.modules)
            self._depth += 1
            try:
                return real(*args, **kwargs)
            finally:
                self._depth -= 1
                # Until all is imported, modules may complete each other
                if not self._depth and len(sys.modules) != count and self.snapshot:
                    self.snapshot.add_new()

        return watched


def names_written(text: str) -> set[str]:
    """Return the names that a file may set something by: attributes and texts."""
    names: set[str] = set()
    try:
        tree = ast.parse(text)
    except SyntaxError, ValueError, RecursionError, MemoryError:
        return names
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls")):
                pass
            case ast.Attribute(attr=name, ctx=ast.Store() | ast.Del()):
                names.add(name)
            case ast.Constant(value=str(name)):
                names.add(name)
    return names


def made_by(value: Any) -> str:
    """Return the name of the module that something is of, empty if unknown."""
    for _ in range(10):
        inner = next(
            (
                inner
                for name in _WRAPPED
                if (inner := getattr(value, name, None)) is not None
            ),
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

    Only where nothing else runs: it sets some to read them. What may grow, but has to
    keep what it holds, is a frozenset.
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
            name for name, logger in loggers if getattr(logger, "disabled", False)
        },
        "sys.stdout": [
            (stream, getattr(stream, "closed", None))
            for stream in (sys.stdout, sys.stderr)
        ],
        # exit() closes it, which is found by what it raises
        "sys.stdin": sys.stdin,
        "sys.settrace": (sys.gettrace(), sys.getprofile()),
        "sys.setrecursionlimit": sys.getrecursionlimit(),
        "sys.setswitchinterval": sys.getswitchinterval(),
        "asyncio.set_event_loop_policy": vars(asyncio.events).get("_event_loop_policy"),
        "socket.setdefaulttimeout": socket.getdefaulttimeout(),
        "signal.signal": {
            number: signal.getsignal(number) for number in signal.valid_signals()
        },
        "resource.setrlimit": {
            name: resource.getrlimit(getattr(resource, name))
            for name in dir(resource)
            # Each file that is tried gets CPU time of its own
            if name.startswith("RLIMIT_") and name != "RLIMIT_CPU"
        },
        "os.environ": frozenset(os.environ.items()),
        "time.tzset": time.strftime("%Z %z"),
        "os.chdir": Path.cwd(),
        "os.umask": mask,
        "locale.setlocale": locale.setlocale(locale.LC_ALL),
        "gc.disable": gc.isenabled(),
        "gc.set_threshold": gc.get_threshold(),
    }


def what_changed(
    before: Snapshot, settings: Mapping[str, Any], written: Collection[str]
) -> str | None:
    """Return the first thing that is not as before, None if nothing is."""
    if harm := before.harm(written):
        return str(harm[0])
    now = process_settings()
    for name, value in settings.items():
        kept = value & now[name] if isinstance(value, frozenset) else now[name]
        if kept != value:
            return name
    return None


def explain(text: str, changed: str) -> tuple[Reason, int | None]:
    """Return why a file is not used that changes something, and its line if found."""
    lines = text.splitlines()
    # In full, or as it was imported
    for name in (changed, changed.rpartition(".")[2]):
        pattern = re.compile(rf"\b{re.escape(name)}\b")
        numbers = (
            number for number, line in enumerate(lines, 1) if pattern.search(line)
        )
        if (line := next(numbers, None)) is not None:
            break
    return why("changes_shared", what=changed), line
