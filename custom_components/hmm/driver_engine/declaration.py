"""Reads what a driver file contains about itself, without running any of it."""

import ast
import codecs
from collections.abc import Iterable, Iterator, Mapping
import contextlib
from dataclasses import dataclass
from functools import lru_cache
import hashlib
import inspect
import io
from pathlib import Path
import re
import tokenize
from typing import Literal
import warnings

from .driver_files import UnusableFile, decode
from .faults import FileError, why
from .versions import UNKNOWN

type Kind = Literal["miner", "pool"]

_BASES: Mapping[str, Kind] = {
    "BaseMinerAdapter": "miner",
    "BasePoolIntegration": "pool",
    "MinerAdapter": "miner",
}
# In which order the names of the type are looked at, as the loader does
_TYPE_NAMES: Mapping[Kind, tuple[str, ...]] = {
    "miner": ("miner_type", "driver_type"),
    "pool": ("driver_type", "pool_type"),
}
_NAMES = ("display_name", "DISPLAY_NAME", "NAME")
# All that is read of a class: what others it has may be very many
_READ = frozenset(
    {
        *_NAMES,
        "driver_version",
        "interface_version",
        *(name for name_list in _TYPE_NAMES.values() for name in name_list),
    }
)
_CHANGELOG_NAMES = ("__changelog__", "CHANGELOG")
_CHANGELOG = re.compile(
    r"\W*(change ?log|changes|release notes|version history|what'?s new)\b",
    re.IGNORECASE,
)
_LONGEST_NOTES = 10_000
_LONGEST_NAME = 100

DRIVER_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
"""The types of drivers that may be installed from the web."""


class NotADriver(FileError):
    """A file that cannot be a driver."""


@dataclass(frozen=True, slots=True, order=True)
class DriverId:
    """Which driver: miners and pools each have their own types."""

    kind: Kind
    driver_type: str

    def __str__(self) -> str:
        """Return the id as it is shown and typed: ``miner/bitaxe``."""
        return f"{self.kind}/{self.driver_type}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """What is written in a driver file."""

    drivers: tuple[DriverId, ...]
    """All drivers in it, in their order; at least one."""
    version: str
    """``unknown`` if it reports none."""
    display_name: str
    description: str | None
    requirements: tuple[str, ...]
    notes: str | None
    """Its changelog, else its docstring; Markdown."""
    sha256: str
    is_native: bool
    """Whether it is written for HMM; else it is of the time of HMM-Local."""
    interface_version: str | None = None
    """The version of ``driver_api`` that it needs, if it reports it."""

    @property
    def id(self) -> DriverId:
        """Return the first driver, by which the file is known."""
        return self.drivers[0]


@lru_cache(maxsize=64)  # The bundled ones are read at each start, reload and update
def declare(source: bytes, path: Path) -> Declaration:
    """Return what a file declares. Raises NotADriver.

    ``path`` need not exist: some old drivers have their type in the file's name
    only, and some do not say whether they are for miners or pools but in a folder's.
    """
    tree = _parse(source)
    constants = dict(_constants(_statements(tree.body)))
    classes = _classes(tree, constants)
    drivers = _drivers(classes, path, source)
    if not drivers:
        raise NotADriver(why("no_driver_class"))
    first = drivers[0][1]
    return Declaration(
        drivers=tuple(dict.fromkeys(driver for driver, _ in drivers)),
        version=_short(_text(constants.get("__version__")))
        or _first_text((class_ for _, class_ in drivers), "driver_version")
        or UNKNOWN,
        display_name=_first_text((first,), *_NAMES) or drivers[0][0].driver_type,
        description=_paragraph(first.docstring),
        requirements=_requirements(constants),
        notes=_notes(tree, constants, source, first),
        sha256=hashlib.sha256(source).hexdigest(),
        is_native=any(imports_api(node) for node in ast.walk(tree)),
        interface_version=_first_text(
            (class_ for _, class_ in drivers), "interface_version"
        ),
    )


def imports_api(node: ast.AST) -> bool:
    """Return whether a statement imports what a driver for HMM extends."""
    match node:
        case ast.ImportFrom(module=str(module)):
            modules = [module]
        case ast.Import(names=names):
            modules = [name.name for name in names]
        case _:
            return False
    return any("driver_api" in module or "hmm.bundled" in module for module in modules)


def declared_requirements(source: bytes) -> tuple[tuple[str, ...], int | None]:
    """Return the packages that a file requires, and the line where it does.

    Unlike ``declare`` it does not ask whether the file is a driver. Of a file that
    is not Python, it returns none.
    """
    if b"REQUIREMENTS" not in source:
        return (), None
    try:
        tree = _parse(source)
    except NotADriver:
        return (), None
    statements = list(_statements(tree.body))
    line = next(
        (
            node.lineno
            for node in statements
            for name, _ in _constants([node])
            if name == "REQUIREMENTS"
        ),
        None,
    )
    return _requirements(dict(_constants(statements))), line


def _parse(source: bytes) -> ast.Module:
    try:
        with warnings.catch_warnings():
            # Of the author's business, not of the user's log
            warnings.simplefilter("ignore")
            return ast.parse(decode(source))
    except UnusableFile as err:
        raise NotADriver(err.reason, err.line) from err
    except SyntaxError as err:
        raise NotADriver(why("not_python", error=err.msg), err.lineno) from err
    except (MemoryError, RecursionError, ValueError) as err:
        error = str(err) or type(err).__name__
        raise NotADriver(why("not_python", error=error)) from err


@dataclass(frozen=True, slots=True)
class _Class:
    name: str
    bases: tuple[str, ...]
    texts: dict[str, str]
    """Those of ``_READ`` that are texts, with those of bases in the same file."""
    docstring: str | None
    kind: Kind | None
    legacy_miner: bool


def _classes(tree: ast.Module, constants: Mapping[str, object]) -> dict[str, _Class]:
    """Return the classes of a file by name."""
    classes: dict[str, _Class] = {}
    for node in _statements(tree.body):
        if not isinstance(node, ast.ClassDef):
            continue
        bases = tuple(name for base in node.bases if (name := _last_name(base)))
        above = [classes[base] for base in bases if base in classes]
        texts: dict[str, str] = {}
        for parent in reversed(above):
            texts |= parent.texts
        attributes = _attributes(node, constants)
        texts |= {name: text for name, text in attributes if name in _READ}
        classes[node.name] = _Class(
            name=node.name,
            bases=bases,
            texts=texts,
            docstring=ast.get_docstring(node),
            kind=_kind(bases, above),
            legacy_miner="MinerAdapter" in bases
            or any(parent.legacy_miner for parent in above),
        )
    return classes


def _first_text(classes: Iterable[_Class], *names: str) -> str | None:
    """Return the first of these attributes that a class has, in one line."""
    texts = (_short(class_.texts.get(name)) for class_ in classes for name in names)
    return next(filter(None, texts), None)


def _kind(bases: Iterable[str], above: Iterable[_Class]) -> Kind | None:
    """Return what a class is for, by what it extends."""
    for base in bases:
        if kind := _BASES.get(base):
            return kind
    for parent in above:
        if parent.kind:
            return parent.kind
    return None


def _drivers(
    classes: Mapping[str, _Class], path: Path, source: bytes
) -> list[tuple[DriverId, _Class]]:
    """Return the drivers among the classes."""
    drivers: list[tuple[DriverId, _Class]] = []
    extended = {base for item in classes.values() for base in item.bases}
    for item in classes.values():
        if item.kind is None and not item.bases:
            continue
        kind = item.kind or _guess_kind(item, path, source)
        names = _TYPE_NAMES[kind] if kind else ()
        driver_type = next(
            (item.texts[name] for name in names if name in item.texts), None
        )
        if kind and driver_type:
            drivers.append((DriverId(kind, driver_type), item))
        elif item.legacy_miner and item.name not in extended:
            # Of a time when the file's name showed what it is for
            stem = path.stem.lower().removesuffix("_driver")
            drivers.append((DriverId("miner", stem), item))
    return drivers


def _guess_kind(item: _Class, path: Path, source: bytes) -> Kind | None:
    """Return what a class is for that extends one of another file."""
    if "miner_type" in item.texts:
        return "miner"
    if "pool_type" in item.texts:
        return "pool"
    if "driver_type" not in item.texts:
        return None
    for folder in (path.parent.name, path.parent.parent.name):
        if "pool" in folder:
            return "pool"
        if "miner" in folder:
            return "miner"
    return "pool" if b"supports_coins" in source else "miner"


def _attributes(
    node: ast.ClassDef, constants: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Yield the attributes of a class that are texts, properties included."""
    for item in node.body:
        if isinstance(item, ast.FunctionDef):
            if item.name == "__init__":
                yield from _set_by(item, constants)
            elif any(_last_name(mark) == "property" for mark in item.decorator_list):
                for inner in item.body:
                    if isinstance(inner, ast.Return) and inner.value is not None:
                        if text := _text(_value(inner.value, constants)):
                            yield item.name, text
    for name, value in _constants(node.body, constants):
        if text := _text(value):
            yield name, text


def _set_by(
    init: ast.FunctionDef, constants: Mapping[str, object]
) -> Iterator[tuple[str, str]]:
    """Yield what a constructor sets on its object."""
    for item in init.body:
        match item:
            case ast.Assign(
                targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)],
                value=value,
            ):
                if text := _text(_value(value, constants)):
                    yield name, text


def _statements(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those below ``if`` and ``try`` as well."""
    open_: list[Iterator[ast.stmt]] = [iter(body)]
    # Not by recursion: every "elif" is one level deeper
    while open_:
        if (node := next(open_[-1], None)) is None:
            open_.pop()
            continue
        yield node
        if isinstance(node, ast.If):
            open_.append(iter([*node.body, *node.orelse]))
        elif isinstance(node, ast.Try):
            handlers = [item for handler in node.handlers for item in handler.body]
            open_.append(iter([*node.body, *handlers, *node.orelse]))


def _constants(
    body: Iterable[ast.stmt], constants: Mapping[str, object] | None = None
) -> Iterator[tuple[str, object]]:
    """Yield the names that are given a literal value."""
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if (literal := _value(value, constants or {})) is not None:
            yield name, literal


def _value(node: ast.expr, constants: Mapping[str, object]) -> object:
    """Return a literal or what a name stands for, None if it is neither."""
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    try:
        value: object = ast.literal_eval(node)
    except MemoryError, RecursionError, SyntaxError, TypeError, ValueError:
        return None
    return value


def _text(value: object) -> str | None:
    """Return a text or number as text."""
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, int | float) and not isinstance(value, bool):
        with contextlib.suppress(ValueError):  # More digits than Python writes
            return str(value)
    return None


def _short(text: str | None) -> str | None:
    """Return a text in one line of bounded length."""
    return " ".join(text.split())[:_LONGEST_NAME] if text else None


def _paragraph(docstring: str | None) -> str | None:
    """Return the first paragraph in one line."""
    if not docstring or not docstring.strip():
        return None
    return " ".join(docstring.strip().split("\n\n")[0].split())


def _last_name(node: ast.expr) -> str | None:
    """Return ``C`` of ``C``, ``a.b.C`` and ``C[T]``."""
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Subscript(value=value):
            return _last_name(value)
    return None


def _requirements(constants: Mapping[str, object]) -> tuple[str, ...]:
    """Return the packages that a file requires, none if it is not a list of strings."""
    value = constants.get("REQUIREMENTS")
    if not isinstance(value, list | tuple):
        return ()
    return tuple(
        text for item in value if isinstance(item, str) if (text := item.strip())
    )


def _notes(
    tree: ast.Module, constants: Mapping[str, object], source: bytes, first: _Class
) -> str | None:
    """Return the changelog of a file, else its docstring."""
    docstring = ast.get_docstring(tree)
    notes = next(
        (
            inspect.cleandoc(text)
            for name in _CHANGELOG_NAMES
            if isinstance(text := constants.get(name), str)
        ),
        None,
    )
    notes = notes or _changelog_comment(source) or _changelog_part(docstring)
    notes = (notes or docstring or first.docstring or "").strip()
    return notes[:_LONGEST_NOTES] or None


def _changelog_part(docstring: str | None) -> str | None:
    """Return a docstring from the heading of its changelog on."""
    lines = (docstring or "").splitlines()
    for index, line in enumerate(lines):
        if len(line) < 40 and _CHANGELOG.match(line):
            return "\n".join(lines[index:])
    return None


def _changelog_comment(source: bytes) -> str | None:
    """Return the comment that begins with the heading of a changelog."""
    source = source.removeprefix(codecs.BOM_UTF8)
    # To find its comments takes far longer than all else that is read of a file
    if not any(map(_is_heading, source.splitlines())):
        return None
    lines: list[str] = []
    last = 0
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.tokenize(io.BytesIO(source).readline):
            if token.type != tokenize.COMMENT:
                continue
            row, column = token.start
            text = _text_of(token.string)
            if lines and row == last + 1 and column == 0:
                lines.append(text)
            elif lines:
                break
            elif column == 0 and _CHANGELOG.match(text):
                lines.append(text)
            last = row
    return "\n".join(lines) or None


def _is_heading(line: bytes) -> bool:
    """Return whether a line, unless it is within a text, is the heading of a changelog."""
    if not line.startswith(b"#"):
        return False
    return _CHANGELOG.match(_text_of(line.decode(errors="replace"))) is not None


def _text_of(comment: str) -> str:
    return comment.lstrip("#").removeprefix(" ").rstrip()
