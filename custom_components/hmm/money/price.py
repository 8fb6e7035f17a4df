"""The price of electricity: from an entity with what it knows ahead, or a fixed one."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT, EVENT_CORE_CONFIG_UPDATE
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HassJob,
    HomeAssistant,
    State,
    callback,
)
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import (
    async_call_later,
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
)
from homeassistant.util import dt as dt_util

from ..driver_api.units import parse_number
from ..listeners import notify_all
from .companions import companions, kept_elsewhere
from .look_ahead import LookAhead
from .slots import MAX_PRICE, Slots, agree, find_slots, slot_at, with_price
from .units import UnitProblem, price_factor
from .usual import UsualPrice, UsualPrices

_GRACE = timedelta(minutes=15)
"""How long a price may be used after the end of its slot, if it did not change, or
after its sensor began to show what cannot be.
"""

_AFTER = timedelta(seconds=5)
"""After the end of a slot: the sensors write the next one then."""

_LATE = timedelta(minutes=5)
_FEW_DECIMALS = 10.0


class PriceReason(StrEnum):
    """Why there is no price, or not that of the sensor."""

    UNAVAILABLE = "price_unavailable"
    STALE = "price_stale"
    UNIT_CHANGED = "unit_changed"
    ABSURD = "price_absurd"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True)
class Price:
    """A price in currency per kWh, with ``reason`` where ``value`` is None.

    Where the sensor shows what cannot be, ``value`` is the one before for a while, also
    with a ``reason``. ``valid_until`` is the end of its slot, None if that is not known.
    ``slots`` are the prices that are known, of today and later.
    """

    value: float | None
    reason: PriceReason | None = None
    valid_until: datetime | None = None
    slots: Slots = ()


def entity_reference(hass: HomeAssistant, entity: str) -> str:
    """Return what to store for an entity: it stays the same when it is renamed."""
    entry = er.async_get(hass).async_get(entity)
    return entity if entry is None else entry.id


def referred_entity(hass: HomeAssistant, reference: str) -> str | None:
    """Return the entity id of what was stored, None if it is gone."""
    return er.async_resolve_entity_id(er.async_get(hass), reference)


class PriceSource:
    """Provides the present price, and those ahead.

    It may be read at any time; while someone listens it follows its entity, also when
    that is renamed, and the times of its slots: equal prices change no state.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        *,
        entity: str | None = None,
        fixed: float | None = None,
        surcharge: float = 0.0,
        vat: float = 0.0,
        maximum: Callable[[], float | None] = lambda: None,
        usual: UsualPrices | None = None,
    ) -> None:
        """Take an entity, by id or reference, or a ``fixed`` price per kWh.

        ``surcharge`` per kWh and then ``vat`` percent are added to that of an entity.
        ``maximum`` returns the highest price that can be, by the user's options;
        ``usual`` remembers what prices were.
        """
        self.hass = hass
        self.reference = entity
        self.fixed = fixed
        self._surcharge = surcharge
        self._vat = 1 + vat / 100
        self._maximum = maximum
        terms = f"{entity and entity_reference(hass, entity)} +{surcharge} *{self._vat}"
        self._usual = UsualPrice() if usual is None else usual.of(terms)
        self._believed: float | None = None
        """The last price, None if there was none just before."""
        self._absurd_since: datetime | None = None
        self._listeners: list[Callable[[], None]] = []
        self._stops: list[CALLBACK_TYPE] = []
        self._timer: CALLBACK_TYPE | None = None
        self._ahead: LookAhead | None = None
        self._cached: tuple[State, Price, datetime | None] | None = None
        self._slot_end: datetime | None = None
        """Of the last slot that agreed with the state."""

    @property
    def entity_id(self) -> str | None:
        """Return the entity that the price comes from, None for a fixed one."""
        return self.reference and referred_entity(self.hass, self.reference)

    def read(self, now: datetime) -> Price:
        """Return the price at an instant close to now."""
        if self.reference is None:
            if self.fixed is None:
                return Price(None, PriceReason.NOT_CONFIGURED)
            return Price(self.fixed)
        entity_id = self.entity_id
        state = self.hass.states.get(entity_id) if entity_id else None
        if state is None:
            return Price(None, PriceReason.UNAVAILABLE)
        if self._cached is not None:
            cached, price, due = self._cached
            if cached is state and (due is None or now < due):
                return price
        price, due = self._sane(*self._price_of(state, now), now)
        self._cached = (state, price, due)
        return price

    def paid(self, raw: float) -> float:
        """Return a price with surcharge and tax."""
        return (raw + self._surcharge) * self._vat

    @callback
    def async_listen(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call ``listener`` whenever the price or what is known ahead may be another."""
        if not self._listeners:
            self._start()
        self._listeners.append(listener)

        @callback
        def remove() -> None:
            self._listeners.remove(listener)
            if not self._listeners:
                self._stop()

        return remove

    def _price_of(self, state: State, now: datetime) -> tuple[Price, datetime | None]:
        """Return the price of a state, and when it must be found again."""
        reading = self._reading(state)
        if reading is None:
            return Price(None, PriceReason.UNAVAILABLE), None
        if isinstance(reading, UnitProblem):
            return Price(None, PriceReason.UNIT_CHANGED), None
        raw, factor = reading
        slots = self._slots(state, raw, factor, now)
        slot = slot_at(slots, now)
        if slot is None:
            # Without a list it is unknown how long a price is valid
            if self._slot_end is None or state.last_reported >= self._slot_end:
                return Price(self.paid(raw)), None
            if now >= (stale := self._slot_end + _GRACE):
                return Price(None, PriceReason.STALE), None
            return Price(self.paid(raw)), stale
        self._slot_end = slot.end
        due = slot.end
        if not agree((slot,), raw, now, self._rounding(state, factor)):
            # The sensor still shows the slot before
            raw, due = slot.price, min(due, slot.start + _LATE)
        return (
            Price(
                self.paid(raw),
                valid_until=slot.end,
                slots=with_price(slots, self.paid),
            ),
            due,
        )

    def _sane(
        self, price: Price, due: datetime | None, now: datetime
    ) -> tuple[Price, datetime | None]:
        """Return a price that can be, and when it must be found again."""
        if price.value is None or self._usual.believes(
            now, price.value, self._maximum()
        ):
            self._usual.note(now, price.value, price.slots)
            self._believed, self._absurd_since = price.value, None
            return price, due
        self._usual.note(now, None, ())
        self._absurd_since = self._absurd_since or now
        ends = self._absurd_since + _GRACE
        if self._believed is None or now >= ends:
            self._believed = None
            return Price(None, PriceReason.ABSURD), due
        announced = self._usual.announced(now)
        value = self._believed if announced is None else announced
        due = ends if due is None else min(due, ends)
        return Price(value, PriceReason.ABSURD), due

    def _slots(self, state: State, raw: float, factor: float, now: datetime) -> Slots:
        zone = dt_util.get_default_time_zone()
        rounding = self._rounding(state, factor)
        slots: Slots = ()
        for lists in (
            state.attributes,
            *kept_elsewhere(self.hass, state.entity_id),
        ):
            if slots := find_slots(lists, factor, raw, now, zone, rounding):
                break
        if not slots and self._ahead is not None:
            slots = self._ahead.slots
            slots = slots if agree(slots, raw, now, rounding) else ()
        return slots

    @staticmethod
    def _rounding(state: State, factor: float) -> float:
        """Return by how much a state may be off because it is rounded."""
        decimals = len(state.state.partition(".")[2])
        value = parse_number(state.state) or 0.0
        # "0" says nothing about the 0.28 that it may stand for
        if not decimals and abs(value) < _FEW_DECIMALS:
            return 0.0
        return 0.51 * 10.0**-decimals * abs(factor)

    def _reading(self, state: State) -> tuple[float, float] | UnitProblem | None:
        """Return the entity's price per kWh in its currency, and the factor of its unit."""
        if (value := parse_number(state.state)) is None:
            return None
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
        factor = price_factor(unit, self.hass.config.currency)
        if isinstance(factor, UnitProblem):
            return factor
        raw = value * factor
        return (raw, factor) if abs(raw) <= MAX_PRICE else None

    @callback
    def _start(self) -> None:
        """Follow the entity."""
        if self.reference is not None:
            self.reference = entity_reference(self.hass, self.reference)
        self._stops = [self.hass.bus.async_listen(EVENT_CORE_CONFIG_UPDATE, self._anew)]
        if (entity_id := self.entity_id) is not None:
            self._stops += [
                async_track_state_change_event(self.hass, entity_id, self._changed),
                async_track_state_change_event(
                    self.hass, companions(self.hass, entity_id), self._anew
                ),
                async_track_entity_registry_updated_event(
                    self.hass, entity_id, self._renamed
                ),
            ]
            self._ahead = LookAhead(
                self.hass, entity_id, self._now_of_entity, self._anew
            )
            self._ahead.async_start()
        self._schedule()

    @callback
    def _stop(self) -> None:
        while self._stops:
            self._stops.pop()()
        if self._timer is not None:
            self._timer()
            self._timer = None
        if self._ahead is not None:
            self._ahead.async_stop()
            self._ahead = None
        self._cached = None

    @callback
    def _renamed(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        data = event.data
        if data["action"] == "update" and "entity_id" not in data["changes"]:
            return
        self._stop()
        self._start()
        self._changed()

    @callback
    def _anew(self, _: Event[Any] | None = None) -> None:
        """Find the price again: there are other slots, or another currency."""
        self._cached = None
        self._changed()

    def _now_of_entity(self) -> tuple[float, float] | None:
        entity_id = self.entity_id
        state = self.hass.states.get(entity_id) if entity_id else None
        reading = None if state is None else self._reading(state)
        return None if isinstance(reading, UnitProblem) else reading

    @callback
    def _changed(self, _: Event[EventStateChangedData] | None = None) -> None:
        self._schedule()
        notify_all(self._listeners)

    @callback
    def _schedule(self) -> None:
        """Look again when what is known now ends."""
        if self._timer is not None:
            self._timer()
            self._timer = None
        self.read(dt_util.utcnow())
        due = self._cached[2] if self._cached is not None else None
        if due is None:
            return

        @callback
        def update(_: datetime) -> None:
            self._timer = None
            self._changed()

        job = HassJob(update, "HMM end of a price", cancel_on_shutdown=True)
        wait = due + _AFTER - dt_util.utcnow()
        self._timer = async_call_later(self.hass, wait, job)
