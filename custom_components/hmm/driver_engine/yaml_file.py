"""Reads YAML of the user: small, flat and plain, at a cost that its size bounds.

YAML can say in a few lines what fills all memory (aliases), what no file can hold
(dates, numbers without end) and one key twice. None of that is needed here.
"""

from collections.abc import Iterator
from contextlib import suppress
import math
import re
from typing import Any

import yaml

from .faults import FileError, why

LARGEST_FILE = 65_536
"""Bytes; the longest known file has 3,000."""

_MAX_EVENTS = 5000
_DEEPEST = 10
_LONGEST_TEXT = 4096
_LONGEST_KEY = 64
_LARGEST_NUMBER = 2**53
_NOT_SHOWN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,15})")
_TRUE = ("yes", "true", "on")


class YamlProblem(FileError):
    """A file cannot be used; the reason quotes no value of it."""


class _Loader(yaml.SafeLoader):
    """Takes a date for text, as everything else that JSON has no type for."""


class _FastLoader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """The same with libyaml, if there is one: a seventh of the time, other messages."""


_Loader.yaml_implicit_resolvers = _FastLoader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != f"{_TAG}timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_mapping(text: str) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the keys and values of a document, and the line of each key.

    The values are text, numbers, booleans, None, lists and mappings of these. Raises
    YamlProblem.
    """
    with suppress(YamlProblem):
        return _read_mapping(text, _FastLoader)
    return _read_mapping(text, _Loader)


def _read_mapping(
    text: str, loader: type[yaml.SafeLoader]
) -> tuple[dict[str, Any], dict[str, int]]:
    for tag, line in check(text, loader):
        raise YamlProblem(why("yaml_tag", tag=tag[:40]), line)
    try:
        root = yaml.compose(text, Loader=loader)
    except yaml.YAMLError as err:
        raise problem_of(err) from err
    if not isinstance(root, yaml.MappingNode):
        raise YamlProblem(why("yaml_no_mapping"), 1)
    lines = {key.value: _line(key) for key, _ in root.value if _is_text(key)}
    return _mapping(root), lines


def check(
    text: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader
) -> Iterator[tuple[str, int]]:
    """Check a document, and yield its tags with their values and lines.

    Raises YamlProblem: it is not YAML, or more than one document, has aliases, or is
    nested too deeply or too long.
    """
    if len(text) > LARGEST_FILE:
        raise YamlProblem(why("file_too_large", size=LARGEST_FILE // 1024))
    depth = 0
    try:
        for number, event in enumerate(yaml.parse(text, Loader=loader)):
            mark = event.start_mark
            line = 1 if mark is None else mark.line + 1
            if number >= _MAX_EVENTS:
                raise YamlProblem(why("yaml_too_long"), line)
            if getattr(event, "anchor", None) is not None:
                raise YamlProblem(why("yaml_repeats"), line)
            match event:
                case yaml.CollectionStartEvent():
                    depth += 1
                case yaml.CollectionEndEvent():
                    depth -= 1
            if depth > _DEEPEST:
                raise YamlProblem(why("yaml_too_deep"), line)
            if (tag := getattr(event, "tag", None)) is not None:
                yield f"{tag} {getattr(event, 'value', '')}".strip(), line
    except yaml.YAMLError as err:
        raise problem_of(err) from err
    except (ValueError, OverflowError) as err:  # "\UFFFFFFFF" is not a character
        raise YamlProblem(why("yaml_value", error=type(err).__name__)) from err


def problem_of(err: yaml.YAMLError) -> YamlProblem:
    """Return what is wrong with a document that is not YAML."""
    begin = getattr(err, "context_mark", None)
    problem = getattr(err, "problem", None) or getattr(err, "context", None)
    if begin is not None and problem == "found unexpected end of stream":
        # It is missed at the end of the file, which says nothing
        return YamlProblem(why("yaml_quote_open"), begin.line + 1)
    mark = getattr(err, "problem_mark", None) or begin
    return YamlProblem(
        why("not_yaml", error=problem or type(err).__name__),
        None if mark is None else mark.line + 1,
    )


def is_plain(text: str) -> bool:
    """Return whether a text can be shown and stored: no control characters."""
    return len(text) <= _LONGEST_TEXT and _NOT_SHOWN.search(text) is None


def _mapping(node: yaml.MappingNode) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in node.value:
        if not _is_text(key):
            raise YamlProblem(why("yaml_keys_not_text"), _line(key))
        if key.value in values:
            raise YamlProblem(why("yaml_key_twice", key=key.value), _line(key))
        values[key.value] = _value(value)
    return values


def _value(node: yaml.Node) -> Any:
    match node:
        case yaml.MappingNode():
            return _mapping(node)
        case yaml.SequenceNode():
            return [_value(item) for item in node.value]
    match node.tag.removeprefix(_TAG):
        case "null":
            return None
        case "bool":
            return node.value.lower() in _TRUE
        case "int" | "float":
            return _number(node)
    if not is_plain(node.value):
        raise YamlProblem(why("yaml_text"), _line(node))
    return node.value


def _number(node: yaml.Node) -> float:
    """Return a number; what people would read otherwise is none (012, 1:30, .inf)."""
    if _INTEGER.fullmatch(node.value):
        number: float = int(node.value)
    else:
        try:
            number = float(node.value)
        except ValueError:
            number = math.nan
        if node.tag == f"{_TAG}int":
            number = math.nan
    if not abs(number) <= _LARGEST_NUMBER:
        raise YamlProblem(why("yaml_number"), _line(node))
    return number


def _is_text(key: yaml.Node) -> bool:
    return (
        isinstance(key, yaml.ScalarNode)
        and key.tag == f"{_TAG}str"
        and 0 < len(key.value) <= _LONGEST_KEY
        and is_plain(key.value)
    )


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
