"""The fleet's options that all strategies follow: by hand, and fuses."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..driver_api.units import parse_number
from .keys import CONF_MINERS
from .members import entries_of
from .planner.model import Circuit, Manual

CONF_MANUAL_HOLD: Final = "manual_hold"
HOLD_NEXT: Final = "next_change"
HOLD_MIDNIGHT: Final = "midnight"
HOLD_RELEASED: Final = "released"
_HOURS: Final = {"1h": 1, "4h": 4}
HOLDS: Final = (HOLD_NEXT, *_HOURS, HOLD_MIDNIGHT, HOLD_RELEASED)

CONF_CIRCUITS: Final = "circuits"
CONF_CIRCUIT: Final = "circuit"
"""Its name."""
CONF_MAX_WATTS: Final = "max_watts"
MAX_CIRCUITS: Final = 32


def manual_of(options: Mapping[str, Any], now: datetime, against: str | None) -> Manual:
    """Return how long what is set by hand holds against what would be wished."""
    hold = options.get(CONF_MANUAL_HOLD, HOLD_NEXT)
    if hold == HOLD_MIDNIGHT:
        tomorrow = dt_util.start_of_local_day() + timedelta(days=1)
        return Manual("time", dt_util.as_utc(tomorrow))
    if (hours := _HOURS.get(hold)) is not None:
        return Manual("time", now + timedelta(hours=hours))
    if hold == HOLD_RELEASED:
        return Manual(HOLD_RELEASED)
    return Manual("next_change", against=against)


@callback
def circuits_of(
    hass: HomeAssistant,
    options: Mapping[str, Any],
    steered: set[str],
    drawn: Callable[[str], float],
) -> tuple[Circuit, ...]:
    """Return the fuses with the miners that are steered.

    ``drawn`` returns W of the other ones on them: only the rest can be planned.
    """
    return tuple(
        Circuit(
            circuit.name,
            circuit.max_watts - (reserved := sum(map(drawn, circuit.miners - steered))),
            circuit.miners & steered,
            reserved,
        )
        for circuit in rated(hass, options)
    )


@callback
def rated(hass: HomeAssistant, options: Mapping[str, Any]) -> tuple[Circuit, ...]:
    """Return the fuses with all their miners, and what these may draw together."""
    return tuple(
        Circuit(
            row[CONF_CIRCUIT],
            row[CONF_MAX_WATTS],
            frozenset(entry.entry_id for entry in entries_of(hass, row[CONF_MINERS])),
        )
        for row in rows_of(options)
    )


def rows_of(options: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fuses as they are stored: name, W and ids of devices."""
    rows = options.get(CONF_CIRCUITS)
    return [
        {CONF_CIRCUIT: name, CONF_MAX_WATTS: watts, CONF_MINERS: miners}
        for row in (rows if isinstance(rows, list) else [])[:MAX_CIRCUITS]
        if isinstance(row, Mapping)
        and (name := row.get(CONF_CIRCUIT))
        and isinstance(name, str)
        and (miners := row.get(CONF_MINERS))
        and isinstance(miners, list)
        and (watts := parse_number(row.get(CONF_MAX_WATTS))) is not None
    ]
