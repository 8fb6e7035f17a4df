"""What a price was in the last days, as far as Home Assistant has recorded it."""

from collections.abc import Sequence
from datetime import timedelta
import math
from typing import Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..driver_api.units import parse_number
from ..money.slots import MAX_PRICE, Slot
from .prices import PriceReading

_RECORDER: Final = "recorder"
_HOUR: Final = timedelta(hours=1)
_MIN_SLOTS: Final = 12
"""Hours; with fewer, no statement about a day is possible."""
_LONGEST_DAYS: Final = 30
_SMALL: Final = 1e-5


async def price_history(
    hass: HomeAssistant, entity_id: str, factor: float, days: int
) -> list[Slot]:
    """Return a mean price for each hour of the last days, in currency per kWh.

    From the statistics of the sensor; of one that has none, nothing.
    """
    if _RECORDER not in hass.config.components:
        return []
    # Not every Home Assistant has a recorder
    from homeassistant.components.recorder import get_instance
    from homeassistant.components.recorder.statistics import statistics_during_period

    start = dt_util.utcnow() - timedelta(days=min(days, _LONGEST_DAYS))
    rows = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(
            hass, start, None, {entity_id}, "hour", None, {"mean"}
        )
    )
    slots = []
    for row in rows.get(entity_id, ()):
        price = parse_number(row.get("mean"))
        if price is not None and abs(price * factor) <= MAX_PRICE:
            begin = dt_util.utc_from_timestamp(row["start"])
            slots.append(Slot(begin, begin + _HOUR, price * factor))
    return slots


async def recent_prices(
    hass: HomeAssistant, entity_id: str, reading: PriceReading, days: int
) -> Sequence[Slot]:
    """Return recorded prices, else those that the sensor reports, else none."""
    recorded = await price_history(hass, entity_id, reading.factor, days)
    return recorded if len(recorded) >= _MIN_SLOTS else reading.slots


async def price_limits(
    hass: HomeAssistant, entity_id: str, reading: PriceReading
) -> tuple[float, float]:
    """Return two limits in the unit of the sensor to begin with.

    Below them are 33 and 75 % of the prices of the last 7 days; where none are known,
    they are around the price of now.
    """
    slots = await recent_prices(hass, entity_id, reading, 7)
    prices = sorted(slot.price / reading.factor for slot in slots)
    if len(prices) >= _MIN_SLOTS:
        low, high = (prices[int(len(prices) * part)] for part in (0.33, 0.75))
    else:
        now = reading.shown or 0.0
        low, high = now - 0.1 * abs(now), now + 0.15 * abs(now)
    # Two significant digits
    size = max(abs(low), abs(high))
    step = 10 ** (math.floor(math.log10(size)) - 1 if size > _SMALL else -3)
    low, high = round(round(low / step) * step, 6), round(round(high / step) * step, 6)
    return low, high if high > low else round(low + step, 6)


def days_of(slots: Sequence[Slot]) -> int:
    """Return over how many days slots reach, at least one."""
    if not slots:
        return 0
    span: timedelta = slots[-1].end - slots[0].start
    return max(1, round(span / timedelta(days=1)))
