"""Turns: room for others while very many entries are set up."""

import asyncio

import pytest

from custom_components.hmm import turns


@pytest.mark.parametrize(("seconds", "rounds"), [(0.0, 20), (3600.0, 1)])
async def test_entries_share_a_round_only_while_it_has_time(
    monkeypatch: pytest.MonkeyPatch, seconds: float, rounds: int
) -> None:
    """Given a round that is too short or long enough, then one or all continue in it."""
    monkeypatch.setattr(turns, "_ROUND_SECONDS", seconds)
    shared, number, continued = turns.Turns(), 0, []

    async def set_up() -> None:
        await shared.wait()
        continued.append(number)

    tasks = [asyncio.ensure_future(set_up()) for _ in range(20)]
    while not all(task.done() for task in tasks):
        number += 1
        await asyncio.sleep(0)
    assert len(continued) == 20
    assert len(set(continued)) == rounds
