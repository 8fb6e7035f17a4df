"""The fleet's options that all strategies follow: by hand, and fuses."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from ..driver_api.units import parse_number
from .members import miner_entries
from .planner.model import Circuit, Manual

CONF_MANUAL_HOLD: Final = "manual_hold"
HOLD_NEXT: Final = "next_change"
HOLD_MIDNIGHT: Final = "midnight"
HOLD_RELEASED: Final = "released"
_HOURS: Final = {"1h": 1, "4h": 4}
HOLDS: Final = (HOLD_NEXT, *_HOURS, HOLD_MIDNIGHT, HOLD_RELEASED)

CONF_CIRCUITS: Final = "circuits"
CONF_LABEL: Final = "label"
CONF_MAX_WATTS: Final = "max_watts"
MOST_CIRCUITS: Final = 32


def until_of(options: Mapping[str, Any], now: datetime) -> datetime | None:
    """Return until when what is set by hand holds, None if that is no time."""
    hold = options.get(CONF_MANUAL_HOLD, HOLD_NEXT)
    if hold == HOLD_MIDNIGHT:
        return dt_util.as_utc(dt_util.start_of_local_day() + timedelta(days=1))
    hours = _HOURS.get(hold)
    return None if hours is None else now + timedelta(hours=hours)


def manual_of(options: Mapping[str, Any], now: datetime, against: str | None) -> Manual:
    """Return how long what is set by hand holds against what would be wished."""
    if (until := until_of(options, now)) is not None:
        return Manual("time", until)
    if options.get(CONF_MANUAL_HOLD) == HOLD_RELEASED:
        return Manual("never")
    return Manual("next_change", against=against)


def manual_as_dict(manual: Manual) -> dict[str, Any]:
    """Return as JSON what was set by hand."""
    return {
        "ends": manual.ends,
        "until": manual.until and manual.until.isoformat(),
        "against": manual.against,
    }


def manual_from_dict(data: Any) -> Manual:
    """Return what was stored; any error is taken for a record that is broken."""
    ends, against = data["ends"], data["against"]
    if ends not in ("time", "next_change", "never"):
        raise ValueError(ends)
    if against is not None and not isinstance(against, str):
        raise TypeError(against)
    until = data["until"] and datetime.fromisoformat(data["until"])
    if until is not None and until.tzinfo is None:
        raise ValueError(until)
    return Manual(ends, until, against)


@callback
def circuits_of(
    hass: HomeAssistant, options: Mapping[str, Any], known: Iterable[str]
) -> tuple[Circuit, ...]:
    """Return the fuses with their miners: those whose device has the label."""
    rows = options.get(CONF_CIRCUITS)
    if not isinstance(rows, list) or not rows:
        return ()
    registry, steered = dr.async_get(hass), set(known)
    labels: dict[str, set[str]] = {}
    for entry in miner_entries(hass):
        for device in dr.async_entries_for_config_entry(registry, entry.entry_id):
            for label in device.labels if entry.entry_id in steered else ():
                labels.setdefault(label, set()).add(entry.entry_id)
    return tuple(
        Circuit(name, watts, frozenset(labels.get(name, ())))
        for row in rows[:MOST_CIRCUITS]
        if isinstance(row, Mapping)
        and (name := str(row.get(CONF_LABEL)))
        and (watts := parse_number(row.get(CONF_MAX_WATTS))) is not None
    )
