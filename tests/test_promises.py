"""What docs/promises.md names is there: files, actions, addresses, words and tests."""

import ast
from functools import cache
import json
from pathlib import Path
import re
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
INTEGRATION = ROOT / "custom_components/hmm"
PAGE = ROOT / "docs/promises.md"

# Words of Home Assistant itself, which are not among the texts of HMM
_OF_HOME_ASSISTANT = {"Add integration", "Configure", "Delete", "HMM", "Reconfigure"}


class Row(NamedTuple):
    """One promise."""

    section: str
    promise: str
    here: str
    tests: list[str]


def rows() -> list[Row]:
    """Return the rows of all tables of the page."""
    lines = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| Section")
    ]
    return [
        Row(section, promise, here, re.findall(r"`([^`]+)`", tests))
        for section, promise, here, tests in lines
    ]


ROWS = rows()


@cache
def defined_in(path: Path) -> set[str]:
    """Return the functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_the_page_is_read_whole() -> None:
    """Given the page, then all five documents are in it."""
    assert len(re.findall(r"^## ", PAGE.read_text("utf-8"), re.MULTILINE)) == 5
    assert len(ROWS) > 200


def test_every_promise_has_its_proof() -> None:
    """Given a promise, then its tests exist; without one, it says that it is not here."""
    for row in ROWS:
        assert row.tests or row.here.startswith("Not here"), row.promise
        for test in row.tests:
            file, _, name = test.partition("::")
            assert re.fullmatch(r"tests/(\w+/)*test_\w+\.py", file), test
            assert name.startswith("test_"), test
            assert (ROOT / file).is_file() and name in defined_in(ROOT / file), test


def texts(of: Any) -> set[str]:
    """Return all texts in a file of translations."""
    if isinstance(of, dict):
        return set().union(*map(texts, of.values()))
    return {of}


def test_what_is_named_exists() -> None:
    """Given where a promise lives, then there is such a file, action, address or word."""
    strings = json.loads((INTEGRATION / "translations/en.json").read_text("utf-8"))
    words = texts(strings) | _OF_HOME_ASSISTANT
    actions = yaml.safe_load((INTEGRATION / "services.yaml").read_text("utf-8"))
    cards = (ROOT / "docs/cards.md").read_text("utf-8")
    # A test tries every address of this page
    rights = (ROOT / "docs/actions.md").read_text("utf-8")
    for row in ROWS:
        for name in re.findall(r"`([^`]+)`", row.here):
            if name.startswith("hmm."):
                assert name.removeprefix("hmm.") in actions, name
            elif name.startswith("hmm-"):
                assert name in cards, name
            elif re.match(r"(GET|POST|PUT|DELETE) ", name):
                assert f"`{name}`" in rights, name
            elif "." in name.rpartition("/")[2].strip(".") or "/" in name:
                assert any((item / name).exists() for item in (ROOT, INTEGRATION)), name
        for path in re.findall(r"\*([^*]+)\*", row.here):
            assert set(path.split(" → ")) <= words, path
