"""The inputs of a solar strategy: the meter of the house, a battery, a forecast."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    PERCENTAGE,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
    Platform,
    UnitOfEnergy,
    UnitOfPower,
)
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import (
    async_track_state_change_event,
    async_track_state_report_event,
)
from homeassistant.helpers.sun import is_up
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import EnergyConverter, PowerConverter

from ..driver_api.units import parse_number
from .keys import (
    CONF_BATTERY,
    CONF_BATTERY_POSITIVE_IS,
    CONF_BATTERY_SOC,
    CONF_EXPORT,
    CONF_FORECAST,
    CONF_METER,
    CONF_METER_KIND,
    CONF_POSITIVE_IS,
    METER_SURPLUS,
    METER_TWO,
    POSITIVE_CHARGE,
    POSITIVE_EXPORT,
)
from .planner.meter import MAX_SAMPLES
from .planner.model import LONG_AGO, Inputs, Sample
from .planner.settings import SolarSettings
from .planner.solar import horizon

SENSOR_DOMAINS: Final = (Platform.SENSOR, Platform.NUMBER, "input_number")

_MAX_WATTS: Final = 1e7
_MAX_KWH: Final = 1e6
_THINNED: Final = 0.75
"""The samples that the planner takes; they cover the span it uses."""
_HIDDEN: Final = 60.0
_HIDDEN_PART: Final = 0.1
"""A surplus of exactly 0 may hide an import: one that is enough for a step down."""

type EntityOf = Callable[[str], str | None]
"""Returns the entity that is stored under a key."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A sensor's value in W, kWh or %, and when it was last reported, changed or not.

    ``problem`` is the key of why it cannot be used.
    """

    value: float = 0.0
    at: datetime = LONG_AGO
    problem: str | None = None


def _read(
    hass: HomeAssistant,
    entity_id: str | None,
    units: Mapping[str, float],
    bad: str,
    low: float,
    high: float,
) -> Reading:
    state = hass.states.get(entity_id) if entity_id else None
    if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN, ""):
        return Reading(problem="sensor_unavailable")
    unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT)
    # A state that is set over the API may have anything as its unit
    factor = units.get(unit) if isinstance(unit, str) else None
    if factor is None:
        return Reading(problem=bad)
    value = parse_number(state.state)
    if value is None or not low <= value * factor <= high:
        return Reading(problem="sensor_unavailable")
    return Reading(value * factor, state.last_reported)


_POWER: Final = {
    str(unit): PowerConverter.get_unit_ratio(UnitOfPower.WATT, unit)
    for unit in PowerConverter.VALID_UNITS
    if unit is not None
}
_ENERGY: Final = {
    str(unit): EnergyConverter.get_unit_ratio(UnitOfEnergy.KILO_WATT_HOUR, unit)
    for unit in EnergyConverter.VALID_UNITS
    if unit is not None
}


@callback
def read_power(hass: HomeAssistant, entity_id: str | None) -> Reading:
    """Return W for any unit of power."""
    return _read(hass, entity_id, _POWER, "not_power", -_MAX_WATTS, _MAX_WATTS)


@callback
def read_energy(hass: HomeAssistant, entity_id: str | None) -> Reading:
    """Return kWh for any unit of energy."""
    return _read(hass, entity_id, _ENERGY, "not_energy", 0, _MAX_KWH)


@callback
def read_percent(hass: HomeAssistant, entity_id: str | None) -> Reading:
    """Return % of a battery."""
    return _read(hass, entity_id, {PERCENTAGE: 1.0}, "not_percent", 0, 100)


@callback
def read_exported(
    hass: HomeAssistant, data: Mapping[str, Any], entity_of: EntityOf
) -> list[tuple[float, Reading]]:
    """Return the sensors of the meter, each with its sign: the sum is what is exported."""
    meter = read_power(hass, entity_of(CONF_METER))
    match data.get(CONF_METER_KIND):
        case kind if kind == METER_TWO:
            return [(-1.0, meter), (1.0, read_power(hass, entity_of(CONF_EXPORT)))]
        case kind if kind == METER_SURPLUS:
            return [(1.0, meter)]
    is_export = data.get(CONF_POSITIVE_IS) == POSITIVE_EXPORT
    return [(1.0 if is_export else -1.0, meter)]


@callback
def read_charging(
    hass: HomeAssistant, data: Mapping[str, Any], entity_of: EntityOf
) -> tuple[float, Reading]:
    """Return the sensor of the battery with its sign: what goes into it is positive."""
    is_charge = data.get(CONF_BATTERY_POSITIVE_IS) == POSITIVE_CHARGE
    return 1.0 if is_charge else -1.0, read_power(hass, entity_of(CONF_BATTERY))


class SolarMeter:
    """The last minutes of the meter, one sample for each of its reports.

    ``drawn`` returns W of all miners of the strategy.
    """

    def __init__(
        self,
        hass: HomeAssistant,
        data: Mapping[str, Any],
        settings: SolarSettings,
        entity_of: EntityOf,
        drawn: Callable[[], float],
    ) -> None:
        """Begin without a sample."""
        self._hass = hass
        self._data = data
        self._settings = settings
        self._entity_of = entity_of
        self._drawn = drawn
        self._since = dt_util.utcnow()
        self._reach = horizon(settings)
        self._step = self._reach / (MAX_SAMPLES * _THINNED)
        self._samples: deque[Sample] = deque(maxlen=MAX_SAMPLES)
        self._merged = 0
        """Of how many reports the last sample is the mean."""

    @callback
    def async_follow(self, changed: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Follow the meter; ``changed`` is called when it is available again."""
        watched = [
            entity_id
            for key in (CONF_METER, CONF_EXPORT)
            if (entity_id := self._entity_of(key)) is not None
        ]

        @callback
        def updated(_: object) -> None:
            if self._take():
                changed()

        # An unchanged value was measured too: only its report shows a live meter
        stops = (
            async_track_state_change_event(self._hass, watched, updated),
            async_track_state_report_event(self._hass, watched, updated),
        )
        self._take()

        @callback
        def stop() -> None:
            for stop_one in stops:
                stop_one()

        return stop

    def _take(self) -> bool:
        """Take a sample if there is one; return whether it ends a silence."""
        sample = self._sample(dt_util.utcnow())
        if sample is None:
            return False
        before = self._samples[-1] if self._samples else None
        if before is not None and sample.at < before.at:
            # The clock was set back
            self._samples.clear()
            before = None
        self._keep(sample)
        stale_after = self._settings.stale_after
        return before is None or sample.at - before.at > stale_after

    def _sample(self, now: datetime) -> Sample | None:
        meter = read_exported(self._hass, self._data, self._entity_of)
        readings, charging = [reading for _, reading in meter], None
        if self._entity_of(CONF_BATTERY) is not None:
            sign, battery = read_charging(self._hass, self._data, self._entity_of)
            readings.append(battery)
            charging = sign * battery.value
        if not all(self._is_fresh(reading, now) for reading in readings):
            return None
        exported, own = (
            sum(sign * reading.value for sign, reading in meter),
            self._drawn(),
        )
        if self._data.get(CONF_METER_KIND) == METER_SURPLUS and not exported and own:
            exported = -_HIDDEN - _HIDDEN_PART * own
        at = max(reading.at for _, reading in meter)
        return Sample(at, exported, own, charging)

    def _is_fresh(self, reading: Reading, now: datetime) -> bool:
        """Return whether a reading holds; a sensor at rest has nothing to report."""
        is_recent = now - reading.at <= self._settings.stale_after
        return reading.problem is None and (is_recent or not reading.value)

    def _keep(self, sample: Sample) -> None:
        """Keep a sample; of many in a short time only the mean."""
        samples = self._samples
        if samples and sample.at - samples[-1].at < self._step:
            last, count = samples[-1], self._merged + 1
            self._merged = count
            samples[-1] = replace(
                sample,
                at=last.at,
                exported=last.exported + (sample.exported - last.exported) / count,
                own=last.own + (sample.own - last.own) / count,
            )
            return
        samples.append(sample)
        self._merged = 1
        # The last one before the start of the span gives the state at its start
        while len(samples) > 2 and samples[1].at < sample.at - self._reach:
            samples.popleft()

    @callback
    def add_to(self, inputs: Inputs) -> Inputs:
        """Return inputs with all that is known of the sun."""
        soc = read_percent(self._hass, self._entity_of(CONF_BATTERY_SOC))
        forecast = read_energy(self._hass, self._entity_of(CONF_FORECAST))
        return replace(
            inputs,
            samples=tuple(self._samples),
            metered_since=self._since,
            is_dark=not is_up(self._hass, inputs.now),
            battery_soc=None if soc.problem else soc.value,
            forecast=None if forecast.problem else forecast.value,
        )

    def part_of_sun(self, now: datetime) -> float:
        """Return which part of what the miners draw is surplus, 0 to 1."""
        last = self._samples[-1] if self._samples else None
        if last is None or now - last.at > self._settings.stale_after or last.own <= 0:
            return 0.0
        charging = last.charging or 0.0
        if self._settings.battery_first:
            charging = min(charging, 0.0)
        return min(max((last.exported + charging + last.own) / last.own, 0.0), 1.0)
