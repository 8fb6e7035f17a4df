"""Writes docs/drivers/reference.md from the docstrings of driver_api.

python -m driver_tool.reference            write it
python -m driver_tool.reference --check    only say whether it is up to date
"""

import ast
from collections.abc import Iterable, Iterator
import inspect
from pathlib import Path
import re
import sys
from typing import get_args

from custom_components.hmm.driver_api import ranges

ROOT = Path(__file__).parents[1]
API = ROOT / "custom_components" / "hmm" / "driver_api"
PAGE = ROOT / "docs" / "drivers" / "reference.md"

_MODULES = (
    ("Miners", "miner.py"),
    ("What a miner reports", "telemetry.py"),
    ("What a field may hold", "ranges.py"),
    ("Pools", "pool.py"),
    ("What a pool reports", "tiles.py"),
    ("Errors", "errors.py"),
    ("Reasons", "reasons.py"),
    ("Reading numbers", "units.py"),
    ("Wallets", "wallets.py"),
    ("Coins", "coins.py"),
    ("Addresses", "addresses.py"),
    ("HTTP for devices", "transports/http.py"),
    ("The cgminer API", "transports/cgminer.py"),
    ("Broadcasts", "transports/udp.py"),
    ("HTTP for pools", "transports/web.py"),
    ("Stratum ports", "transports/stratum.py"),
)
_HEAD = """# The reference

All that a driver may import, made from the docstrings by `script/driver_reference`. Begin with the
[guide for miners](guide-miner.md) or [for pools](guide-pool.md).

"""

type _Function = ast.FunctionDef | ast.AsyncFunctionDef


def render() -> str:
    """Return the page."""
    parts = [_HEAD]
    parts += [
        f"- [{title}](#{title.lower().replace(' ', '-')})\n" for title, _ in _MODULES
    ]
    for title, path in _MODULES:
        parts += ["\n", *_module(title, path)]
    return "".join(parts)


def _module(title: str, path: str) -> Iterator[str]:
    source = API / path
    tree = ast.parse(source.read_text(encoding="utf-8"))
    dotted = ".".join(source.relative_to(ROOT).with_suffix("").parts)
    # What the package offers itself is imported from there
    place = "custom_components.hmm.driver_api" if path in _PACKAGED else dotted
    yield f"## {title}\n\n`{place}`\n\n"
    yield _prose(ast.get_docstring(tree))
    if path == "ranges.py":
        yield from _ranges()
    for node, following in _with_next(tree.body):
        match node:
            case ast.ClassDef(name=name) if not name.startswith("_"):
                yield from _class(node)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if (
                not name.startswith("_")
            ):
                yield f"### {name}\n\n{_code(_signature(node))}"
                yield _prose(ast.get_docstring(node))
            case (
                ast.Assign(targets=[ast.Name(id=name)])
                | ast.AnnAssign(target=ast.Name(id=name))
            ) if not name.startswith("_"):
                yield from _constant(node, following)


def _ranges() -> Iterator[str]:
    """Yield the types that fields are declared with."""
    yield "| Type | Is | Limits | Because of |\n|---|---|---|---|\n"
    for name, hint in vars(ranges).items():
        if not isinstance(rule := (get_args(hint) or (None,))[-1], _RULES):
            continue
        kind = get_args(hint)[0]
        match rule:
            case ranges.Text():
                over = "cut off" if rule.cut else "unknown"
                limits = f"{rule.longest} characters; what is longer is {over}"
            case ranges.Past():
                limits = f"from {rule.year} to now"
            case ranges.Many():
                limits = f"{rule.most} items"
            case _:
                limits = str(rule)
        cells = (
            f"`{name}`",
            f"`{getattr(kind, '__name__', kind)}`",
            limits,
            rule.reason,
        )
        yield f"| {' | '.join(cells)} |\n"
    yield "\n"


_RULES = (ranges.Range, ranges.Text, ranges.Past, ranges.Many)

_PACKAGED = ("miner.py", "telemetry.py", "pool.py", "tiles.py", "errors.py")


def _class(node: ast.ClassDef) -> Iterator[str]:
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    yield f"### {node.name}\n\n"
    if bases:
        yield f"Extends `{bases}`.\n\n"
    yield _prose(ast.get_docstring(node))
    rows = list(_fields(node))
    if rows:
        yield "| Name | Type | Default | |\n|---|---|---|---|\n"
        yield from rows
        yield "\n"
    for item in node.body:
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and (
            not item.name.startswith("_")
        ):
            yield f"#### {node.name}.{item.name}\n\n"
            marks = {ast.unparse(mark) for mark in item.decorator_list}
            if "abstractmethod" in marks:
                yield "**Required.**\n\n"
            yield _code(_signature(item, is_property="property" in marks))
            yield _prose(ast.get_docstring(item))


def _fields(node: ast.ClassDef) -> Iterator[str]:
    for item, following in _with_next(node.body):
        match item:
            case ast.AnnAssign(target=ast.Name(id=name), annotation=kind, value=value):
                text = ast.unparse(kind).removeprefix("ClassVar[")
                if text != ast.unparse(kind):
                    text = text.removesuffix("]")
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                text = ""
            case _:
                continue
        if name.startswith("_"):
            continue
        default = "required" if value is None else _default(value)
        cells = (f"`{name}`", f"`{text}`" if text else "", default, _doc_of(following))
        yield f"| {' | '.join(cell.replace('|', '\\|') for cell in cells)} |\n"


def _default(value: ast.expr) -> str:
    match value:
        case ast.Call(func=ast.Name(id="field"), keywords=keywords):
            for keyword in keywords:
                if keyword.arg == "default":
                    return f"`{ast.unparse(keyword.value)}`"
                if keyword.arg == "default_factory":
                    return f"`{ast.unparse(keyword.value)}()`"
            return "required"
    return f"`{ast.unparse(value)}`"


def _constant(
    node: ast.Assign | ast.AnnAssign, following: ast.stmt | None
) -> Iterator[str]:
    """Yield a constant that is explained; the others are details."""
    text = _doc_of(following)
    if not text:
        return
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target
    value = ast.unparse(node.value) if node.value else ""
    name = ast.unparse(target)
    yield f"### {name}\n\n"
    if len(value) < 60:
        yield _code(f"{name} = {value}")
    yield f"{text}\n\n"


def _doc_of(following: ast.stmt | None) -> str:
    match following:
        case ast.Expr(value=ast.Constant(value=str(text))):
            return _plain(" ".join(inspect.cleandoc(text).split()))
    return ""


def _signature(node: _Function, *, is_property: bool = False) -> str:
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    if is_property:
        return f"{node.name}{result}"
    prefix = "async def" if isinstance(node, ast.AsyncFunctionDef) else "def"
    kind = "".join(map(ast.unparse, node.type_params))
    return (
        f"{prefix} {node.name}{f'[{kind}]' if kind else ''}"
        f"({ast.unparse(node.args)}){result}"
    )


def _code(text: str) -> str:
    return f"    {text}\n\n"


def _prose(docstring: str | None) -> str:
    return f"{_plain(docstring.strip())}\n\n" if docstring else ""


def _plain(text: str) -> str:
    """Return a docstring as Markdown."""
    return re.sub(r"``(.+?)``", r"`\1`", text)


def _with_next(
    body: Iterable[ast.stmt],
) -> Iterator[tuple[ast.stmt, ast.stmt | None]]:
    items = list(body)
    return zip(items, [*items[1:], None], strict=True)


def main(arguments: list[str]) -> int:
    """Write the page, or check it; returns the exit status."""
    page = render()
    if "--check" in arguments:
        is_fresh = PAGE.read_text(encoding="utf-8") == page
        if not is_fresh:
            print(
                f"{PAGE.relative_to(ROOT)} is out of date: run script/driver_reference"
            )
        return 0 if is_fresh else 1
    PAGE.write_text(page, encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(page.splitlines())} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
