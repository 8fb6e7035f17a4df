"""What the actions take: data of a size that Home Assistant can go through."""

from datetime import timedelta
from typing import Any

from homeassistant.helpers import config_validation as cv
import voluptuous as vol

MAX_ITEMS = 1000
"""Items of one list, more than anybody has targets. Home Assistant compares each
targeted entity with all others."""
LONGEST_TEXT = 2048
"""Characters; the longest are addresses."""


def action_schema(fields: dict[vol.Marker, Any]) -> vol.All:
    """Return the schema of an action: of its fields.

    No text and no list of its data is longer than one that makes sense.
    """
    return vol.All(dict, _check_size, vol.Schema(fields))


def _check_size(data: dict[str, Any]) -> dict[str, Any]:
    for name, value in data.items():
        items = value if isinstance(value, list) else [value]
        if len(items) > MAX_ITEMS:
            raise vol.Invalid(f"No more than {MAX_ITEMS} are possible", [name])
        if any(isinstance(item, str) and len(item) > LONGEST_TEXT for item in items):
            raise vol.Invalid(f"Longer than {LONGEST_TEXT} characters", [name])
    return data


def time_period(value: Any) -> timedelta:
    """Return a span of time that is not negative; raise vol.Invalid, also if it is vast."""
    try:
        period: timedelta = cv.positive_time_period(value)
    except OverflowError:
        raise vol.Invalid("Time period is too long") from None
    return period
