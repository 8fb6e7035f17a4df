"""What becomes of an answer of which one value is changed."""

import pytest

from driver_tool.keys import MISSING, Path, leaves, replace_leaf

BODY = b'{"a": [{"b": 1}, []], "c": "text"}\0'


def test_each_value_can_be_replaced_or_be_missing() -> None:
    """The rest of the answer stays as it is, its end as well; an empty list is a value."""
    assert leaves(BODY) == [("a", 0, "b"), ("a", 1), ("c",)]
    assert replace_leaf(BODY, ("a", 0, "b"), None) == (
        b'{"a":[{"b":null},[]],"c":"text"}\0'
    )
    assert replace_leaf(BODY, ("a", 1), MISSING) == b'{"a":[{"b":1}],"c":"text"}\0'


@pytest.mark.parametrize(
    "path", [("a",), ("a", 0), ("a", 2), ("a", "b"), ("c", 0), ("d",), (0,)]
)
def test_an_answer_without_such_a_value_stays_as_it_is(path: Path) -> None:
    """Nothing is there, it is of another shape, or it has values of its own."""
    assert replace_leaf(BODY, path, None) == BODY
    assert replace_leaf(b"no JSON", path, None) == b"no JSON"
