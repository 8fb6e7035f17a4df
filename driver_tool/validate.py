"""Looks at a driver file or a pool file: what is wrong, in which line, what to do."""

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import difflib
import inspect
from pathlib import Path
import re
import tempfile

from custom_components.hmm.driver_api import BaseMinerAdapter, BasePoolIntegration
from custom_components.hmm.driver_engine.declaration import (
    Declaration,
    NotADriver,
    declare,
    imports_api,
)
from custom_components.hmm.driver_engine.driver_files import LARGEST_FILE, TOO_LARGE
from custom_components.hmm.driver_engine.known_pools import load_known_pools
from custom_components.hmm.driver_engine.loader import load_drivers

from . import ToolError
from .dangers import find_dangers
from .files import copy_siblings, load_with, usable_name
from .problem import Problem, warn

type AnyBase = type[BaseMinerAdapter | BasePoolIntegration]

_ADVICE: tuple[tuple[str, str], ...] = (
    ("not valid Python", "Python does not understand the line, or the one before it."),
    ("SyntaxError", "Python does not understand the line, or the one before it."),
    ("IndentationError", "Use four spaces for each level, and no tabs."),
    ("ModuleNotFoundError", "The module is not there. REQUIREMENTS names packages."),
    (
        "ImportError",
        "There is no such name in that module; driver_api has what there is.",
    ),
    ("sys.exit", "Remove what ends the program; only an `if __name__` block may."),
    ("ends the program", "Remove what ends the program when the file is loaded."),
    (
        "to load",
        "Nothing may loop or wait at the top of a file: connect() is for that.",
    ),
    ("threads", "Start nothing at the top of a file: connect() is for that."),
    ("fork", "Start nothing at the top of a file: connect() is for that."),
    (
        "No class in it extends",
        "Write `class AcmeDriver(BaseMinerAdapter)`, imported from driver_api.",
    ),
    ("does not implement", "Write these methods; the template shows how."),
    ("has no driver_type", 'Give the class a `driver_type = "acme"`.'),
    ("of the driver interface", "Update HMM, or the checkout of it that you are in."),
    ("default_port", "Write `default_port = 80`, without quotes."),
    ("option_fields", 'Write `option_fields = ("admin_password",)`, with the comma.'),
)


_OF_TEMPLATES = ("example_one", "example_pool")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found in one file; ``declaration`` is None if it is no driver."""

    path: Path
    declaration: Declaration | None = None
    problems: tuple[Problem, ...] = ()

    @property
    def is_usable(self) -> bool:
        """Return whether HMM could load it."""
        return all(problem.level != "error" for problem in self.problems)


def validate(path: Path, drivers: Iterable[Path] = ()) -> Report:
    """Return what is wrong with a driver (``.py``) or a pool (``.yaml``).

    A driver is read first, then loaded in a process of its own. A pool may be one of
    the bundled ``drivers`` or of one in these files. Raises ToolError: there is no
    such file.
    """
    if not path.is_file():
        raise ToolError(f"There is no file {path}")
    if path.suffix in (".yaml", ".yml") or path.name.endswith(".yaml.example"):
        return Report(path=path, problems=tuple(_pool_file(path, drivers)))
    source = path.read_bytes()
    problems = list(_name(path))
    if len(source) > LARGEST_FILE:
        problems.append(
            Problem(level="error", text=TOO_LARGE, advice="Is it a driver?")
        )
        return Report(path=path, problems=tuple(problems))
    try:
        declaration = declare(source, path)
    except NotADriver as err:
        nameless = [] if err.line else list(_without_type(source))
        problems += nameless or [_error(str(err), err.line)]
        return Report(path=path, problems=tuple(problems))
    problems += _declared(declaration)
    tree = ast.parse(source)
    broken = [*_contract(tree)]
    problems += [*broken, *find_dangers(tree, source, path)]
    if all(problem.level != "error" for problem in broken):
        problems += _loads(path, source)
    problems.sort(key=lambda problem: (problem.level != "error", problem.line or 0))
    return Report(path=path, declaration=declaration, problems=tuple(problems))


def _error(reason: str, line: int | None) -> Problem:
    advice = next((advice for sign, advice in _ADVICE if sign in reason), "")
    return Problem(level="error", text=reason, advice=advice, line=line)


def _name(path: Path) -> Iterator[Problem]:
    if "template" in path.stem.lower():
        yield Problem(
            level="warning",
            text="A file with TEMPLATE in its name is never loaded",
            advice=f"Copy it to another name: cp {path.name} acme_driver.py",
        )
    elif not path.name.endswith(("_driver.py", "_plugin.py")) and (
        path.name != "plugin.py" or path.parent.parent.name != "plugins"
    ):
        yield Problem(
            level="error",
            text="The name does not end in _driver.py, so that HMM does not see it",
            advice=f"Rename it to {path.stem}_driver.py.",
        )


def _declared(declaration: Declaration) -> Iterator[Problem]:
    if declaration.version == "unknown":
        yield Problem(
            level="warning",
            text="It has no version",
            advice='Give the class a `driver_version = "1.0.0"`.',
        )
    elif not re.fullmatch(r"v?\d+(\.\d+)*", declaration.version):
        yield Problem(
            level="warning",
            text=f"The version {declaration.version} is no number",
            advice='Use dotted numbers ("1.2.0"): others cannot be compared.',
        )
    for driver in declaration.drivers:
        if not re.fullmatch(r"[a-z0-9_]+", driver.driver_type):
            yield Problem(
                level="warning",
                text=f"The driver_type {driver.driver_type!r} is not plain",
                advice="Use lower-case letters, digits and underscores.",
            )
        elif driver.driver_type in _OF_TEMPLATES:
            yield Problem(
                level="warning",
                text=f"The driver_type {driver.driver_type!r} is that of the template",
                advice='Choose your own ("acme"): it is unique, and stays for good.',
            )


def _loads(path: Path, source: bytes) -> Iterator[Problem]:
    """Load it in a process that may be lost, under the name that HMM would take."""
    with tempfile.TemporaryDirectory(prefix="hmm-driver-") as folder:
        home = Path(folder, "hmm")
        home.mkdir()
        (home / usable_name(path)).write_bytes(source)
        copy_siblings(path, home)
        for failure in load_drivers(home).failed:
            yield _error(failure.reason, failure.line)


# --- pool files ----------------------------------------------------------------------


def _pool_file(path: Path, drivers: Iterable[Path]) -> Iterator[Problem]:
    with tempfile.TemporaryDirectory(prefix="hmm-driver-") as folder:
        home = Path(folder, "hmm")
        (home / "pools").mkdir(parents=True)
        (home / "pools" / "tried-pool.yaml").write_bytes(path.read_bytes())
        loaded = load_with(drivers)
        own = [
            driver.driver_type for driver in loaded.pools.values() if not driver.bundled
        ]
        for failure in load_known_pools(home, loaded).failed:
            advice = "The template bundled/templates/TEMPLATE-pool.yaml.example has every key."
            if "There is no pool driver" in failure.reason:
                advice = (
                    f"The driver_type in your file is {' or '.join(own)}."
                    if own
                    else "Is it the type of yours? Then give its file as well:"
                    f" script/driver validate acme_driver.py {path.name}"
                )
            yield Problem(
                level="error", text=failure.reason, advice=advice, line=failure.line
            )


# --- the contract --------------------------------------------------------------------

_BASES: Mapping[str, AnyBase] = {
    "BaseMinerAdapter": BaseMinerAdapter,
    "BasePoolIntegration": BasePoolIntegration,
}


def _contract(tree: ast.Module) -> Iterator[Problem]:
    if not any(imports_api(node) for node in ast.walk(tree)):
        yield Problem(
            level="warning",
            text="It does not import custom_components.hmm.driver_api",
            advice="It is treated as a driver of HMM-Local, which runs unmodified. For a"
            " new one, begin with the template.",
        )
        return
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in classes.values():
        if (base := _base_of(node, classes)) is not None:
            yield from _class(node, base)
            yield from _lookalikes(node, base, classes)
    yield from _habits(tree)


def _base_of(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> AnyBase | None:
    for base in node.bases:
        name = base.id if isinstance(base, ast.Name) else getattr(base, "attr", "")
        if name in _BASES:
            return _BASES[name]
        if name in classes and classes[name] is not node:
            if (base_of_base := _base_of(classes[name], classes)) is not None:
                return base_of_base
    return None


def _without_type(source: bytes) -> Iterator[Problem]:
    """Find the classes that would be drivers if they had a driver_type."""
    try:
        tree = ast.parse(source)
    except SyntaxError, ValueError, RecursionError, MemoryError:
        return
    classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    for node in classes.values():
        if _base_of(node, classes) is not None:
            yield _error(f"{node.name} has no driver_type", node.lineno)


def _methods(node: ast.ClassDef, classes: Mapping[str, ast.ClassDef]) -> set[str]:
    """Return the methods of a class, with those of its bases in the same file."""
    methods = {
        item.name
        for item in node.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes and base.id != node.name:
            methods |= _methods(classes[base.id], classes)
    return methods


def _lookalikes(
    node: ast.ClassDef, base: AnyBase, classes: Mapping[str, ast.ClassDef]
) -> Iterator[Problem]:
    """Find methods that are never called, but are nearly named as in the contract."""
    there = _methods(node, classes)
    wanted = [
        name
        for name, _ in inspect.getmembers_static(base, inspect.isfunction)
        if not name.startswith("_") and name not in there
    ]
    for item in node.body:
        if (
            not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef)
            or item.name.startswith("_")
            or hasattr(base, item.name)
        ):
            continue
        for name in difflib.get_close_matches(item.name, wanted, n=1, cutoff=0.85):
            must = name in base.__abstractmethods__
            yield Problem(
                level="error" if must else "warning",
                line=item.lineno,
                text=f"{node.name} does not implement {name}, but has {item.name}",
                advice=f"If it is meant to be {name}, write it so: HMM goes by the name.",
            )


def _class(node: ast.ClassDef, base: AnyBase) -> Iterator[Problem]:
    """Compare the methods of a class with those that HMM calls."""
    for item in node.body:
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        ours = inspect.getattr_static(base, item.name, None)
        if item.name == "__init__":
            if _required(item) > 1:
                yield Problem(
                    level="error",
                    line=item.lineno,
                    text="__init__ wants arguments, but HMM gives none",
                    advice="Take nothing; the address comes with connect().",
                )
        elif inspect.isfunction(ours):
            yield from _method(item, ours)


def _method(
    item: ast.FunctionDef | ast.AsyncFunctionDef, ours: object
) -> Iterator[Problem]:
    assert inspect.isfunction(ours)
    is_async = isinstance(item, ast.AsyncFunctionDef)
    if inspect.iscoroutinefunction(ours) != is_async:
        yield Problem(
            level="error",
            line=item.lineno,
            text=f"{item.name} must {'not ' if is_async else ''}be async",
            advice=f"Write `{'' if is_async else 'async '}def {item.name}(...)`.",
        )
    wanted = inspect.signature(ours)
    if not _takes(item, wanted):
        yield Problem(
            level="error",
            line=item.lineno,
            text=f"{item.name} does not take what HMM gives it",
            advice=f"Write `def {item.name}{_plain(wanted)}`.",
        )


def _plain(signature: inspect.Signature) -> str:
    bare = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in signature.parameters.values()
    ]
    return str(inspect.Signature(bare))


def _required(item: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    arguments = item.args
    positional = len(arguments.posonlyargs) + len(arguments.args)
    keywords = sum(default is None for default in arguments.kw_defaults)
    return positional - len(arguments.defaults) + keywords


def _takes(
    item: ast.FunctionDef | ast.AsyncFunctionDef, wanted: inspect.Signature
) -> bool:
    """Return whether a method can be called in the way of the contract."""
    arguments = item.args
    names = [argument.arg for argument in (*arguments.posonlyargs, *arguments.args)]
    keywords = [argument.arg for argument in arguments.kwonlyargs]
    given = [
        parameter
        for parameter in wanted.parameters.values()
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD
    ]
    passes_rest = len(given) < len(wanted.parameters)
    if passes_rest:
        # Called by name
        missing = [p.name for p in given if p.name not in (*names, *keywords)]
        return arguments.kwarg is not None and (
            not missing or all(name == "self" for name in missing)
        )
    if arguments.vararg is not None:
        return True
    minimum = len(names) - len(arguments.defaults)
    return minimum <= len(given) <= len(names)


def _habits(tree: ast.Module) -> Iterator[Problem]:
    """Find what works on the author's desk and hurts somewhere else."""
    for node in ast.walk(tree):
        yield from _habits_of_imports(node)
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield warn(
                    node.lineno,
                    "It prints",
                    "Remove it: nobody sees it, and it may show what is secret.",
                )
            case ast.Call(func=ast.Attribute(attr="ClientSession")):
                yield warn(
                    node.lineno,
                    "It opens a session of its own",
                    "Use self.context.session (miners) or self.session (pools): it is"
                    " kept from poll to poll.",
                )
            case ast.Call(
                func=ast.Attribute(attr="get"), args=[_, ast.Constant(value=value)]
            ) if _is_zero(value):
                yield warn(node.lineno, *_INVENTS)
            case ast.BoolOp(
                op=ast.Or(), values=[ast.Call(func=called), ast.Constant(value=value)]
            ) if _is_zero(value) and _reads(called):
                yield warn(node.lineno, *_INVENTS)


_INVENTS = (
    "It takes 0 for what the device did not say",
    "If it becomes a figure, use parse_number and similar functions, which return None.",
)


def _habits_of_imports(node: ast.AST) -> Iterator[Problem]:
    names: list[str] = []
    match node:
        case ast.Import(names=imported):
            names = [alias.name for alias in imported]
        case ast.ImportFrom(module=str(module), level=0):
            names = [module]
    for name in names:
        assert isinstance(node, ast.Import | ast.ImportFrom)
        if name.partition(".")[0] == "homeassistant":
            yield warn(
                node.lineno,
                "It imports Home Assistant",
                "Only custom_components.hmm.driver_api stays as it is.",
            )


def _reads(called: ast.expr) -> bool:
    """Return whether a function reads what a device said."""
    match called:
        case ast.Attribute(attr="get"):
            return True
        case ast.Name(id=name):
            return name in ("float", "int") or name.startswith("parse_")
    return False


def _is_zero(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and not value
