"""Calls functions whose parameters changed from version to version, by name."""

from annotationlib import Format
from collections.abc import Callable, Mapping
import inspect
from typing import Any

# Drivers hand their **kwargs on, beside these as arguments of their own: twice the
# same is a TypeError.
_NEVER_EXTRA = {"url", "coin", "username", "port", "limit", "hours"}


def bind(
    function: Callable[..., Any],
    values: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the keywords with which to call a function.

    It gets those of ``values`` and ``settings`` that it names, None for what it
    needs and is unknown, and the other ``settings`` if it takes any keyword.
    """
    keywords: dict[str, Any] = {}
    takes_more = False
    for name, parameter in _parameters(function).items():
        match parameter.kind:
            case inspect.Parameter.VAR_KEYWORD:
                takes_more = True
            case inspect.Parameter.VAR_POSITIONAL:
                pass
            case _ if name in values:
                keywords[name] = values[name]
            case _ if name in settings:
                keywords[name] = settings[name]
            case _ if parameter.default is inspect.Parameter.empty:
                keywords[name] = None
    if takes_more:
        keywords |= {
            name: value
            for name, value in settings.items()
            if name not in keywords and name not in _NEVER_EXTRA
        }
    return keywords


def names(function: Callable[..., Any]) -> set[str]:
    """Return the parameters that a function names."""
    return set(_parameters(function))


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    # Some name types in annotations that they forgot to import
    signature = inspect.signature(function, annotation_format=Format.FORWARDREF)
    return signature.parameters
