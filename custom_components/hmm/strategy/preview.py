"""What price bands would have done with the prices of the last days."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..data import get_data
from ..miner.coordinator import MinerCoordinator
from ..money.slots import Slots, with_price
from .history import days_of, recent_prices
from .keys import BY_STATES, CONF_BY, CONF_PRICE_ENTITY
from .miners import MinerMemory, SteeredMiner
from .planner.decide import decide
from .planner.model import LEAVE, OFF, Inputs, MinerView, Mode, Price, Rung
from .planner.rungs import resolve, watts_of
from .planner.settings import BandsSettings
from .prices import read_price
from .words import number, words_of

_DAYS: Final = 7
_KILO: Final = 1000.0
NO_HISTORY: Final = "no_history"
_NO_WATTS: Final = "no_watts"


@dataclass(slots=True)
class Past:
    """Cost in the currency with the bands and without, and what they would have done.

    ``hours_off`` are those of an average miner, ``switches`` of the one that has most.
    """

    days: int = 0
    cost: float = 0.0
    always: float = 0.0
    hashes: float = 0.0
    possible_hashes: float = 0.0
    hours_off: float = 0.0
    switches: int = 0

    @property
    def share(self) -> float:
        """Return which part of the hashrate is left, 0 to 1."""
        return self.hashes / self.possible_hashes


async def async_past(
    hass: HomeAssistant, data: Mapping[str, Any], members: Sequence[str], days: int
) -> Past | str:
    """Return what bands would have cost, or the reason why that is not known."""
    if data.get(CONF_BY) == BY_STATES:
        return NO_HISTORY
    entity_id = data[CONF_PRICE_ENTITY]
    reading = read_price(hass, entity_id, dt_util.utcnow())
    slots = tuple(await recent_prices(hass, entity_id, reading, days))
    if not slots:
        return NO_HISTORY
    views = views_of(hass, members)
    shown = with_price(slots, lambda price: price / reading.factor)
    source = get_data(hass).money.source
    if source.entity_id == entity_id:
        # The limits are without surcharge and tax, what is paid is not
        slots = with_price(slots, source.paid)
    # A decision for each slot of a month: too long for the event loop
    past = await hass.async_add_executor_job(
        _add_up, BandsSettings.from_dict(data), views, slots, shown
    )
    if past is None:
        return _NO_WATTS
    past.days = days_of(slots)
    past.hours_off /= len(views)
    return past


async def async_preview_text(
    hass: HomeAssistant, data: Mapping[str, Any], members: Sequence[str]
) -> str:
    """Return in words what the bands would have cost, and saved."""
    word = words_of(hass, "strategy_preview")
    past = await async_past(hass, data, members, _DAYS)
    if isinstance(past, str):
        return word(past)
    currency = hass.config.currency
    return word(
        "cost",
        days=past.days,
        cost=f"{number(hass, past.cost, 2)} {currency}",
        always=f"{number(hass, past.always, 2)} {currency}",
        share=number(hass, 100 * past.share),
        hours=number(hass, past.hours_off),
        switches=past.switches,
    )


def views_of(hass: HomeAssistant, members: Sequence[str]) -> list[MinerView]:
    """Return miners with what each draws in the mode that it runs in now."""
    miners, memories = (
        get_data(hass).fleet.miners,
        get_data(hass).strategies.store.miners,
    )
    return [
        _view_of(miners[key], memories.get(key) or MinerMemory())
        for key in members
        if key in miners
    ]


def _view_of(miner: MinerCoordinator, memory: MinerMemory) -> MinerView:
    steered = SteeredMiner(miner, memory)
    steered.update()
    view = steered.view
    if not view.mining or view.watts is None:
        return view
    modes = (
        Mode(mode.rung, view.watts, miner.data.hashrate)
        if mode.rung == view.reported and mode.watts is None
        else mode
        for mode in view.modes
    )
    return replace(view, modes=tuple(modes))


def _add_up(
    settings: BandsSettings, views: Sequence[MinerView], slots: Slots, shown: Slots
) -> Past | None:
    """Return the sums, None if what a miner draws or brings is not known."""
    total = Past()
    memory: dict[str, Any] = {}
    before: dict[str, Rung | None] = {}
    changes = dict.fromkeys((view.id for view in views), 0)
    for slot, own in zip(slots, shown, strict=True):
        inputs = Inputs(
            now=slot.start + timedelta(seconds=1),
            zone=dt_util.get_default_time_zone(),
            miners=tuple(views),
            price=Price(own.price, own.end),
            slots=shown,
        )
        decision, memory = decide(settings, memory, inputs)
        wished = {wish.miner: wish.rung for wish in decision.wishes}
        hours = (slot.end - slot.start) / timedelta(hours=1)
        for view in views:
            rung = resolve(wished.get(view.id, LEAVE), view)
            rung = view.reported if rung is None else rung
            watts, present = watts_of(rung, view), watts_of(view.reported, view)
            rate, present_rate = _hashrate(rung, view), _hashrate(view.reported, view)
            if watts is None or not present or rate is None or present_rate is None:
                return None
            total.cost += watts * hours / _KILO * slot.price
            total.always += present * hours / _KILO * slot.price
            total.hashes += rate * hours
            total.possible_hashes += present_rate * hours
            total.hours_off += hours if rung == OFF else 0
            if before.setdefault(view.id, rung) != rung:
                changes[view.id] += 1
                before[view.id] = rung
    total.switches = max(changes.values(), default=0)
    return total if total.possible_hashes else None


def _hashrate(rung: Rung | None, view: MinerView) -> float | None:
    if rung == OFF:
        return 0.0
    return next((mode.hashrate for mode in view.modes if mode.rung == rung), None)
