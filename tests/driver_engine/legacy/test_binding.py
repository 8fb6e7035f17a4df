"""Calling by name what every version called otherwise."""

from collections.abc import Callable
from typing import Any

import pytest

from custom_components.hmm.driver_engine.legacy.binding import bind, names

VALUES = {"url": "host", "port": 3333, "coin": "DGB", "username": "me", "wallet": "me"}
SETTINGS = {
    "manager_port": 8085,
    "stratum_port": 3333,
    "url": "twice",
    "coin": "twice",
    "username": "twice",
    "port": "twice",
    "limit": "twice",
    "hours": "twice",
}


def _tiles(url: Any, coin: Any, username: Any = None, **kwargs: Any) -> None: ...
def _health(url: Any, port: Any, **kwargs: Any) -> None: ...
def _first(pool_id: Any, wallet: Any) -> None: ...
def _template(url: Any, port: Any, coin: Any, **kwargs: Any) -> None: ...
def _stack(url: Any, *, manager_port: Any = None) -> None: ...
def _stars(*args: Any, **kwargs: Any) -> None: ...
def _nothing() -> None: ...


_MORE = {"manager_port": 8085, "stratum_port": 3333}


@pytest.mark.parametrize(
    ("function", "keywords"),
    [
        (_tiles, {"url": "host", "coin": "DGB", "username": "me", **_MORE}),
        (_health, {"url": "host", "port": 3333, **_MORE}),
        (_first, {"pool_id": None, "wallet": "me"}),
        (_template, {"url": "host", "port": 3333, "coin": "DGB", **_MORE}),
        (_stack, {"url": "host", "manager_port": 8085}),
        (_stars, _MORE),
        (_nothing, {}),
    ],
)
def test_each_gets_what_it_names(
    function: Callable[..., None], keywords: dict[str, Any]
) -> None:
    """Given a function, it gets its names, and others once and only if it wants."""
    assert bind(function, VALUES, SETTINGS) == keywords
    function(**keywords)


def test_annotations_that_were_never_imported() -> None:
    """Given types that do not exist, a function can be called all the same."""
    scope: dict[str, Any] = {}
    exec("def f(url: Text, limit: Optional[int] = 10) -> List[Block]: ...", scope)

    assert bind(scope["f"], VALUES, {}) == {"url": "host"}
    assert names(scope["f"]) == {"url", "limit"}
