"""How likely a block is, in words that are right for rare and for frequent ones."""

from typing import Any, Final

from ..data import fleet_entry
from ..figures import rounded
from ..money.odds import DAYS, chance
from ..money.revenue import fleet_blocks
from .asker import Asker, Miner, number_of
from .request import Request
from .speech import Speech

_MILLION: Final = 1e6
_RARE: Final = 0.1
"""Up to this chance a year it is "1 in so many"."""
_SURE: Final = 0.95
"""A chance above this is said of a shorter span: one of 100 percent says nothing."""
_SEVERAL: Final = 1.5
"""Blocks a year from which on their number is said."""


async def block_chance(
    asker: Asker, speech: Speech, miners: list[Miner], request: Request
) -> str:
    """Say the chance of a block in a span of time, and how many are to be expected."""
    blocks = blocks_per_day(asker)
    if blocks is None:
        is_hidden = not asker.sees_all and asker.fleet_entity("soonest_block")
        return speech.say("not_all_exposed" if is_hidden else "no_chance")
    spans = [(span, chance(blocks, DAYS[span]) or 0.0) for span in reversed(DAYS)]
    if (yearly := spans[0][1]) < _RARE:
        one_in = float(f"{1 / yearly:.2g}")
        count = speech.number(one_in) if one_in < _MILLION else speech.large(one_in)
        said = [speech.say("block_chance", one_in=count)]
    else:
        span, part = next((item for item in spans if item[1] <= _SURE), spans[-1])
        # Not 100: no block is ever certain
        percent = speech.number(min(99.9, float(f"{100 * part:.2g}")))
        said = [speech.say(f"chance_{span}", percent=percent)]
        if (count_a_year := blocks * DAYS["year"]) >= _SEVERAL:
            count = speech.number(float(f"{count_a_year:.2g}"))
            said.append(speech.say("blocks_average", count=count))
    return " ".join([*said, speech.say("luck")])


def blocks_per_day(asker: Asker) -> float | None:
    """Return how many blocks a day all miners find on average, None if not known.

    Those of all solo pools, else those of the coin whose next block takes the shortest.
    """
    fleet = fleet_entry(asker.hass)
    if fleet is not None and number_of(asker.fleet_state("odds_year")):
        return fleet_blocks(fleet.runtime_data)
    days = number_of(asker.fleet_state("soonest_block"))
    return 1 / days if days is not None and days > 0 else None


def chance_json(asker: Asker) -> dict[str, Any]:
    """Return the same as figures."""
    if (blocks := blocks_per_day(asker)) is None:
        return {}
    return {
        "chance_of_a_block_in_a_year_percent": rounded(
            100 * (chance(blocks, DAYS["year"]) or 0.0)
        ),
        "blocks_a_year_on_average": rounded(blocks * DAYS["year"]),
    }
