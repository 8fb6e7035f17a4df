"""Some thousands of inputs; ``python -m tests.fuzz`` has as many as you like."""

import pytest

from .cost import MOST_SECONDS, PARSERS, worst
from .families import FAMILIES
from .run import run

INPUTS = 200
"""Per family, the same in every run."""


@pytest.mark.parametrize("family", FAMILIES)
async def test_nothing_escapes(family: str) -> None:
    """Whatever is sent: typed errors, values within their ranges, in a short time."""
    outcome = await run(family, INPUTS)
    assert outcome.is_clean, outcome.describe()
    assert outcome.inputs == INPUTS
    # One that refuses all of them would prove nothing
    assert outcome.accepted > INPUTS / 20


async def test_same_inputs_in_every_run() -> None:
    """What was found once can be found again."""
    first, second = [await run("nmminer-udp", 50, seed=7) for _ in range(2)]
    assert (first.accepted, first.refused) == (second.accepted, second.refused)


@pytest.mark.parametrize("name", PARSERS)
def test_no_text_costs_more_than_its_length(name: str) -> None:
    """A hundred times the text takes no more than a hundred times the time."""
    assert worst(name, 100_000) < MOST_SECONDS
