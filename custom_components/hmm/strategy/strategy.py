"""One strategy as it runs: what it follows, and what it wants."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, cast

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import STATE_OFF, STATE_ON
from homeassistant.core import (
    CALLBACK_TYPE,
    Event,
    EventStateChangedData,
    HomeAssistant,
    callback,
)
from homeassistant.helpers.entity_registry import EventEntityRegistryUpdatedData
from homeassistant.helpers.event import (
    async_track_entity_registry_updated_event,
    async_track_state_change_event,
)
from homeassistant.util import dt as dt_util

from ..data import get_data
from ..listeners import notify_all
from ..money.price import PriceSource
from ..money.slots import Slots, start_of_day, with_price
from ..money.units import UnitProblem, price_factor
from .followed import followed
from .heating import Heating
from .keys import (
    BY_STATES,
    CONF_BY,
    CONF_ENTITY,
    CONF_ENTITY_IDS,
    CONF_MINERS,
    CONF_PRICE_ENTITY,
    CONF_PRICE_UNIT,
    CONF_TEMPERATURE_ENTITY,
    FALLBACK_BAND,
    METER_KEYS,
)
from .planner.bands import planned
from .planner.decide import decide, overridden
from .planner.heat import fresh
from .planner.model import (
    LEAVE,
    PLAIN_RUNGS,
    BandNow,
    Decision,
    Inputs,
    MinerView,
    Price,
    Problem,
    Reading,
    Sentence,
    State,
    StrategyType,
    Switched,
)
from .planner.settings import (
    FROM_DICT,
    Band,
    BandsSettings,
    ChampionSettings,
    HeatSettings,
    SettingsError,
    SolarSettings,
)
from .records import OF_SUN, StrategyRecord, Used
from .room import room_of
from .solar_inputs import SolarMeter

_LONGEST_STATE: Final = 64


class Strategy:
    """A strategy of the fleet; ``changed`` is called when its inputs may be others."""

    def __init__(
        self,
        hass: HomeAssistant,
        subentry: ConfigSubentry,
        record: StrategyRecord,
        changed: CALLBACK_TYPE,
    ) -> None:
        """Prepare it from what is stored."""
        self.hass = hass
        self.id = subentry.subentry_id
        self.kind = cast(StrategyType, subentry.subentry_type)
        self.record = record
        self.decision: Decision | None = None
        # Until the first decision, which waits for what starts after Home Assistant
        self.state: State = "waiting" if record.enabled else "off"
        self.decided_at = dt_util.utcnow()
        self._changed = changed
        self._stops: list[CALLBACK_TYPE] = []
        self._listeners: list[CALLBACK_TYPE] = []
        self._changed_listeners: list[CALLBACK_TYPE] = []
        self._event_listeners: list[Callable[[str, dict[str, Any]], None]] = []
        self._slots: tuple[Slots, float, Slots] = ((), 1.0, ())
        self._price: PriceSource | None = None
        self._meter: SolarMeter | None = None
        self.drawn: Callable[[], float] = float
        """Returns W of all its miners."""
        self.followed_band: Callable[[], BandNow | None] = lambda: None
        """Returns the band of the strategy that it follows."""
        self._plan: tuple[object, list[list[str | float | None]]] = (None, [])
        self.title = ""
        self.data: Mapping[str, Any] = {}
        self.settings: Any = None
        self.heating: Heating | None = None
        """What is set at its thermostat, where it heats."""
        self.error: SettingsError | None = None
        self.take(subentry)

    @callback
    def take(self, subentry: ConfigSubentry) -> None:
        """Take its name and its settings, now or after a change."""
        before = self.data
        self.title, self.data = subentry.title, subentry.data
        if before and any(
            before.get(meter_key) != self.data.get(meter_key)
            for meter_key in METER_KEYS
        ):
            # What was learned from another meter does not apply to this one
            self.record.memory = {}
        self.settings, self.error = None, None
        try:
            self.settings = FROM_DICT[self.kind](self.data)
        except SettingsError as err:
            self.error = err
        if self.bands and (override := self.record.override) is not None:
            is_band = override.to.startswith(f"{FALLBACK_BAND}_")
            if is_band and self.overridden_by is None:
                # Its user wanted one that is gone
                self.record.override = None
        if self.kind == "heat":
            self.heating = Heating(self.record, self.data)
        notify_all(self._changed_listeners)

    @property
    def device_ids(self) -> list[str]:
        """Return the devices of its miners, none for all miners."""
        miners = self.data.get(CONF_MINERS)
        return miners if isinstance(miners, list) else []

    @property
    def bands(self) -> tuple[Band, ...]:
        """Return the bands, cheap ones first."""
        return self.settings.bands if isinstance(self.settings, BandsSettings) else ()

    @property
    def unit(self) -> str:
        """Return the unit of its prices."""
        return str(self.data.get(CONF_PRICE_UNIT) or "")

    @property
    def sentence(self) -> Sentence | None:
        """Return what it does and why, None while it is off."""
        if self.error is not None:
            return Sentence("broken", {"where": self.error.where})
        if self.decision is not None:
            return self.decision.sentence
        return Sentence("starting") if self.state == "waiting" else None

    @property
    def problem(self) -> Problem | None:
        """Return what its owner must mend."""
        if self.error is not None:
            return "settings"
        return None if self.decision is None else self.decision.problem

    @property
    def override_names(self) -> dict[str, str]:
        """Return what the user can want of it by its name: bands, else rungs."""
        if self.bands:
            return {band.name: f"{FALLBACK_BAND}_{band.id}" for band in self.bands}
        return {rung: rung for rung in PLAIN_RUNGS if rung != LEAVE}

    @property
    def overridden_by(self) -> str | None:
        """Return the name of what the user wants of it, None if it is automatic."""
        override = self.record.override
        if override is None:
            return None
        names = self.override_names.items()
        return next((name for name, to in names if to == override.to), None)

    # What it follows

    def entity(self, key: str) -> str | None:
        """Return an entity that it follows, also if that was renamed."""
        return followed(self.hass, self.data, key)

    @callback
    def start(self) -> None:
        """Follow its entities."""
        watched = []
        if price := self.entity(CONF_PRICE_ENTITY):
            if self.data.get(CONF_BY) == BY_STATES:
                watched.append(price)
            else:
                money = get_data(self.hass).money
                self._price = PriceSource(
                    self.hass,
                    entity=price,
                    maximum=lambda: money.settings.maximum,
                    usual=money.usual,
                )
                self._stops.append(self._price.async_listen(self._changed))
        if entity_id := self.entity(CONF_ENTITY):
            watched.append(entity_id)
        if isinstance(self.settings, SolarSettings):
            self._meter = SolarMeter(
                self.hass, self.data, self.settings, self.entity, self.drawn
            )
            self._stops.append(self._meter.async_follow(self._changed))
        if room := self.entity(CONF_TEMPERATURE_ENTITY):
            watched.append(room)
        if watched:
            self._stops.append(
                async_track_state_change_event(self.hass, watched, self._entity_changed)
            )
        entities = [self.entity(key) for key in self.data.get(CONF_ENTITY_IDS) or ()]
        self._stops.append(
            async_track_entity_registry_updated_event(
                self.hass,
                [entity_id for entity_id in entities if entity_id is not None],
                self._renamed,
            )
        )

    @callback
    def _renamed(self, event: Event[EventEntityRegistryUpdatedData]) -> None:
        """Follow an entity under its new name."""
        if "old_entity_id" in event.data:
            self.stop()
            self.start()
            self._changed()

    @callback
    def _entity_changed(self, _: Event[EventStateChangedData]) -> None:
        """Decide again; a room is shown immediately, before any decision."""
        if self.heating is not None:
            self.show()
        self._changed()

    @callback
    def stop(self) -> None:
        """Follow nothing any more."""
        while self._stops:
            self._stops.pop()()
        self._price = self._meter = None

    # What it wants

    @callback
    def decide(self, now: datetime, miners: tuple[MinerView, ...]) -> None:
        """Ask the planner."""
        assert self.settings is not None
        inputs = self._inputs(now, miners)
        self.decided_at = now
        decision, self.record.memory = decide(self.settings, self.record.memory, inputs)
        if (override := self.record.override) is not None:
            manual = override.manual
            if manual.ends == "next_change" and manual.against is None:
                # Given before anything was decided: this is what it is against
                manual = replace(manual, against=decision.mark)
                override = self.record.override = replace(override, manual=manual)
            decision, is_over = overridden(
                self.settings, decision, override.to, override.manual, inputs
            )
            if is_over:
                self.record.override = None
                self.fire("resumed", {})
        if not miners:
            # They were removed or disabled
            decision = replace(decision, sentence=Sentence("no_miners"))
        if self.heating is not None and (ends := self.heating.boost_ends):
            check = min(decision.next_check_at, ends)
            decision = replace(decision, next_check_at=check)
        self.decision = decision

    def _inputs(self, now: datetime, miners: tuple[MinerView, ...]) -> Inputs:
        zone = dt_util.get_default_time_zone()
        inputs = Inputs(now=now, zone=zone, miners=miners)
        if self._price is not None:
            price, slots = self._read_price(self._price, now)
            inputs = replace(inputs, price=price, slots=slots)
        elif entity_id := self.entity(CONF_PRICE_ENTITY):
            state = self.hass.states.get(entity_id)
            tariff = None if state is None else state.state[:_LONGEST_STATE]
            inputs = replace(inputs, tariff=tariff)
        if entity_id := self.entity(CONF_ENTITY):
            inputs = replace(inputs, calendar=self._read_switched(entity_id))
        if self.heating is not None:
            target = self.heating.wanted(now)
            inputs = replace(inputs, room=self.room, target=target)
        if self._meter is not None:
            inputs = self._meter.add_to(inputs)
        if isinstance(self.settings, ChampionSettings):
            inputs = replace(inputs, band=self.followed_band())
        return inputs

    @property
    def part_of_sun(self) -> float:
        """Return which part of what its miners draw is surplus of the sun, 0 to 1."""
        if self._meter is None or self.decision is None or not self.decision.is_sun:
            return 0.0
        return self._meter.part_of_sun(dt_util.utcnow())

    @property
    def room(self) -> Reading | None:
        """Return what the sensor of its room reports, however old."""
        return room_of(self.hass, self.entity(CONF_TEMPERATURE_ENTITY))

    @property
    def fresh_room(self) -> float | None:
        """Return the temperature in °C that it heats by, None if it is too old."""
        if not isinstance(self.settings, HeatSettings):
            return None
        return fresh(self.settings, self.room, dt_util.utcnow())

    def _read_price(
        self, source: PriceSource, now: datetime
    ) -> tuple[Price | None, Slots]:
        """Return the price and the slots in the unit of the limits."""
        factor = price_factor(self.unit, self.hass.config.currency)
        if isinstance(factor, UnitProblem):
            return None, ()
        price = source.read(now)
        if price.value is None:
            return None, ()
        if self._slots[0] is not price.slots or self._slots[1] != factor:
            scaled = with_price(price.slots, lambda price: price / factor)
            self._slots = (price.slots, factor, scaled)
        return Price(price.value / factor, price.valid_until), self._slots[2]

    @property
    def price(self) -> float | None:
        """Return the price of now in the currency per kWh; of a tariff the fleet's."""
        money = get_data(self.hass).money
        if self._price is None or self._price.entity_id == money.source.entity_id:
            # That has its surcharge and tax
            return money.price.value
        return self._price.read(dt_util.utcnow()).value

    @property
    def known_slots(self) -> Slots:
        """Return the prices that are known ahead, in ``unit``."""
        if self._price is None:
            return ()
        return self._read_price(self._price, dt_util.utcnow())[1]

    @property
    def plan(self) -> list[list[str | float | None]]:
        """Return the slots of today and tomorrow that are known.

        Each is its start and end in ISO format, the price in ``unit`` and the name of
        its band, None where too little of its day is known.
        """
        settings, now = self.settings, dt_util.utcnow()
        if self._price is None or not isinstance(settings, BandsSettings):
            return []
        zone = dt_util.get_default_time_zone()
        slots = self.known_slots
        key = (slots, settings, start_of_day(now, zone))
        if self._plan[0] != key:
            self._plan = (
                key,
                [
                    [
                        slot.start.isoformat(),
                        slot.end.isoformat(),
                        round(slot.price, 5),
                        band,
                    ]
                    for slot, band in planned(settings, slots, now, zone)
                ],
            )
        return self._plan[1]

    def _read_switched(self, entity_id: str) -> Switched | None:
        state = self.hass.states.get(entity_id)
        if state is None or state.state not in (STATE_ON, STATE_OFF):
            return None
        is_on = state.state == STATE_ON
        until = state.attributes.get("next_event")
        if state.domain == "calendar":
            until = state.attributes.get("end_time") if is_on else None
        try:
            if isinstance(until, str):
                until = dt_util.parse_datetime(until)
            until = dt_util.as_utc(until) if isinstance(until, datetime) else None
        except ValueError, OverflowError:
            until = None
        return Switched(is_on, until)

    def names(self, miners: Iterable[str]) -> list[str]:
        """Return the titles of miners."""
        entries = map(self.hass.config_entries.async_get_entry, miners)
        return ["–" if entry is None else entry.title for entry in entries]

    # What it used

    @callback
    def count(self, kwh: float, money: float) -> None:
        """Add what a miner used just now, and what it brought meanwhile."""
        if sun := self.part_of_sun:
            self.record.used.setdefault(OF_SUN, Used()).energy += kwh * sun
        name = self.decision and self.decision.band
        for band in self.bands:
            if band.name == name:
                used = self.record.used.setdefault(band.id, Used())
                used.energy += kwh
                used.revenue += money
                if (price := self.price) is not None:
                    used.cost += kwh * price

    @callback
    def forget_money(self) -> None:
        """Begin new sums: the currency is another one."""
        for used in self.record.used.values():
            used.cost = used.revenue = 0.0

    # Who shows it

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call ``listener`` when what is shown may be another."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def async_add_event_listener(
        self, listener: Callable[[str, dict[str, Any]], None]
    ) -> CALLBACK_TYPE:
        """Call ``listener`` with each decision that the logbook shows."""
        self._event_listeners.append(listener)
        return lambda: self._event_listeners.remove(listener)

    @callback
    def async_add_changed_listener(self, listener: CALLBACK_TYPE) -> None:
        """Call ``listener`` when its settings are others."""
        self._changed_listeners.append(listener)

    @callback
    def show(self) -> None:
        """Notify all listeners."""
        notify_all(self._listeners)

    @callback
    def fire(self, kind: str, facts: dict[str, Any]) -> None:
        """Show a decision."""
        notify_all(self._event_listeners, kind, facts)
