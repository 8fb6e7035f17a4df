"""Resolves the names in a file by its imports."""

import ast
from collections.abc import Mapping


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name means: ``sleep`` is ``time.sleep``."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    root = alias.name.partition(".")[0]
                    names[alias.asname or root] = alias.name if alias.asname else root
            case ast.ImportFrom(module=str(module), names=aliases, level=0):
                for alias in aliases:
                    names[alias.asname or alias.name] = f"{module}.{alias.name}"
    return names


def meaning(node: ast.expr, names: Mapping[str, str]) -> str:
    """Return a name with its dots, as ``asyncio.sleep``; empty for what is none."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return ""
    return ".".join((names.get(node.id, node.id), *reversed(parts)))


def root_of(node: ast.expr) -> ast.expr:
    """Return what an attribute or an item is of, down to the first name."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node
