"""Knows drivers of HMM-Local that do harm to devices of today, by their source.

Sources: AxeOS http_server.c (``coreVoltage`` is what can be set, ``voltage`` is the
input that it measures; since 2.15 pools are set as ``pools`` only, and what is
unknown is answered with 200 and ignored).
"""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

type Danger = Literal["writes_input_voltage", "pool_switch_restarts"]

# What HMM calls to change something, by all names that it ever had
_COMMANDS = (
    *("set_mode", "set_tuning", "apply_custom_settings", "_apply_custom_settings"),
    *("set_pool", "switch_pool"),
)
# What a command may call to see what it did: it writes nothing, but names all keys
_QUESTIONS = {
    *("get_telemetry", "get_mode", "get_current_mode", "get_pool_info"),
    *("get_version_info", "get_available_modes", "is_online", "connect"),
}


@dataclass(slots=True)
class _Part:
    """What a function or a constant of a file mentions."""

    keys: dict[str, int] = field(default_factory=dict)
    """Keys of the dictionaries that are made in it, with their lines."""
    names: set[str] = field(default_factory=set)
    """What it uses: functions, constants, attributes."""
    texts: set[str] = field(default_factory=set)

    def __or__(self, other: _Part) -> _Part:
        """Return both together."""
        return _Part(
            other.keys | self.keys, self.names | other.names, self.texts | other.texts
        )

    @property
    def patches(self) -> bool:
        """Return whether it sends an HTTP PATCH."""
        return "PATCH" in self.texts or any("patch" in n.lower() for n in self.names)

    @property
    def restarts(self) -> bool:
        """Return whether it restarts the device."""
        return any("/restart" in text for text in self.texts) or any(
            name.strip("_").lower() in ("restart", "reboot", "restart_miner")
            for name in self.names
        )


def known_dangers(source: str, path: Path) -> dict[Danger, int]:
    """Return the known harm that a driver does and in which line, the worst first.

    ``writes_input_voltage``: its modes send the key ``voltage``, which AxeOS and
    NerdQAxe ignore, so that the frequency rises at the old core voltage.
    ``pool_switch_restarts``: it sends a pool as AxeOS took it before 2.15 and
    restarts, which a newer one does without a change, as often as it is commanded.
    """
    try:
        tree = ast.parse(source)
    except SyntaxError, ValueError, RecursionError, MemoryError:
        return {}
    if not any("/api/system" in text for text in _texts(ast.walk(tree))):
        return {}
    parts = _parts(tree)
    commands = [_reach(parts, name) for name in _COMMANDS if name in parts]
    dangers: dict[Danger, int] = {}
    for command in commands:
        if _writes_input_voltage(command):
            dangers.setdefault("writes_input_voltage", command.keys["voltage"])
    for command in () if _is_for_nerdqaxe(tree, path) else commands:
        if _restarts_in_vain(command):
            dangers.setdefault("pool_switch_restarts", command.keys["stratumURL"])
    return dangers


def _writes_input_voltage(command: _Part) -> bool:
    return (
        command.patches
        and "voltage" in command.keys
        and "coreVoltage" not in command.keys
    )


def _restarts_in_vain(command: _Part) -> bool:
    return (
        command.patches
        and command.restarts
        and "stratumURL" in command.keys
        and "pools" not in command.keys
        and not any("/pools" in text for text in command.texts)
    )


def _parts(tree: ast.Module) -> dict[str, _Part]:
    """Return the functions and constants of a file by name.

    Equal names of several classes are one: which is meant is not known here.
    """
    parts: dict[str, _Part] = {}
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names = [name]
            case ast.Assign(targets=targets):
                names = [
                    target.id for target in targets if isinstance(target, ast.Name)
                ]
            case ast.AnnAssign(target=ast.Name(id=name)):
                names = [name]
            case _:
                continue
        part = _read(node)
        for name in names:
            parts[name] = parts.get(name, _Part()) | part
    return parts


def _reach(parts: dict[str, _Part], start: str) -> _Part:
    """Return what a function mentions, with all that it uses."""
    reached = _Part()
    waiting, seen = [start], set(_QUESTIONS)
    while waiting:
        name = waiting.pop()
        if name in seen or name not in parts:
            continue
        seen.add(name)
        reached |= parts[name]
        waiting.extend(parts[name].names)
    return reached


def _read(top: ast.AST) -> _Part:
    part = _Part()
    nodes = list(ast.walk(top))
    part.texts.update(_texts(nodes))
    for node in nodes:
        match node:
            case ast.Dict(keys=keys):
                for key in keys:
                    if isinstance(key, ast.Constant) and isinstance(key.value, str):
                        # The first of them is the place to check
                        part.keys.setdefault(key.value, key.lineno)
            # settings["voltage"] = ...
            case ast.Subscript(slice=ast.Constant(value=str(key)), ctx=ast.Store()):
                part.keys[key] = node.lineno
            # dict(voltage=...), self._patch(voltage=...)
            case ast.Call(
                func=ast.Name(id=name) | ast.Attribute(attr=name), keywords=keywords
            ) if name == "dict" or "patch" in name.lower():
                part.keys.update(
                    (keyword.arg, keyword.lineno) for keyword in keywords if keyword.arg
                )
            case ast.Name(id=name) | ast.Attribute(attr=name):
                part.names.add(name)
    return part


def _texts(nodes: Iterable[ast.AST | None]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _is_for_nerdqaxe(tree: ast.Module, path: Path) -> bool:
    """Return whether it is for the firmware that still takes a pool that way."""
    if "nerd" in path.stem.lower():
        return True
    types = (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and any(
            isinstance(target, ast.Name) and target.id in ("miner_type", "driver_type")
            for target in node.targets
        )
    )
    return any("nerd" in text.lower() for text in _texts(types))
