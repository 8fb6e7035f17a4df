"""The dialog of solar surplus."""

from collections.abc import Callable
from typing import Any, override

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.helpers.sun import is_up
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..flow_tools import ending, foreign_field, number_field, words_field
from ..markdown import escaping
from .energy_settings import async_sources, battery_of, meter_of
from .flow import Texts, TimedStrategyFlow
from .keys import (
    CONF_BATTERY,
    CONF_BATTERY_FIRST,
    CONF_BATTERY_POSITIVE_IS,
    CONF_BATTERY_SOC,
    CONF_DAYLIGHT,
    CONF_EXPORT,
    CONF_FLOOR,
    CONF_FORECAST,
    CONF_MAX_SWITCHES,
    CONF_METER,
    CONF_METER_KIND,
    CONF_MIN_FORECAST,
    CONF_MIN_RUN,
    CONF_MIN_SOC,
    CONF_OFF_DELAY,
    CONF_ON_DELAY,
    CONF_POSITIVE_IS,
    CONF_RESERVE,
    CONF_STAGGER,
    CONF_STALE_AFTER,
    CONF_WINDOW,
    METER_GRID,
    METER_SURPLUS,
    METER_TWO,
    POSITIVE_CHARGE,
    POSITIVE_DISCHARGE,
    POSITIVE_EXPORT,
    POSITIVE_IMPORT,
)
from .planner.model import LOWEST, OFF
from .planner.rungs import ladder
from .planner.settings import SolarSettings
from .planner.solar import ordered
from .preview import views_of
from .price_flow import CONF_RIGHT, RIGHT
from .solar_inputs import (
    SENSOR_DOMAINS,
    Reading,
    read_charging,
    read_energy,
    read_exported,
    read_percent,
    read_power,
)
from .words import number, words_of

_SOME = 50.0
"""W; with less the direction of flow is uncertain."""

_OPPOSITE = {
    POSITIVE_IMPORT: POSITIVE_EXPORT,
    POSITIVE_EXPORT: POSITIVE_IMPORT,
    POSITIVE_CHARGE: POSITIVE_DISCHARGE,
    POSITIVE_DISCHARGE: POSITIVE_CHARGE,
}


@ending
@escaping
class SolarFlow(TimedStrategyFlow):
    """Adds and changes solar surplus."""

    kind = "solar"
    steps = ("meter", "battery", "order", "timing")

    # The meter

    async def async_step_meter(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the meter of the house."""
        errors: Texts = {}
        if user_input is not None:
            is_two = user_input[CONF_METER_KIND] == METER_TWO
            export = user_input.get(CONF_EXPORT) if is_two else None
            errors = self._check(user_input, {CONF_METER: read_power})
            if is_two and not errors:
                if export in (None, user_input[CONF_METER]):
                    errors = {CONF_EXPORT: "export_missing"}
                else:
                    errors = self._check(user_input, {CONF_EXPORT: read_power})
            if not errors:
                self._data |= user_input | {CONF_EXPORT: export}
                self._name_entity(CONF_METER, user_input[CONF_METER])
                self._name_entity(CONF_EXPORT, export)
                return await self.async_step_reading()
        stored = _without_none(self._data)
        if CONF_METER not in stored:
            stored |= meter_of(await async_sources(self.hass))
        sensor = foreign_field(self.hass, *SENSOR_DOMAINS)
        return self._show_form(
            "meter",
            {
                vol.Required(CONF_METER_KIND, default=METER_GRID): words_field(
                    "strategy_meter", METER_GRID, METER_SURPLUS, METER_TWO
                ),
                vol.Required(CONF_METER): sensor,
                vol.Required(CONF_POSITIVE_IS, default=POSITIVE_IMPORT): words_field(
                    "strategy_positive", POSITIVE_IMPORT, POSITIVE_EXPORT
                ),
                vol.Optional(CONF_EXPORT): sensor,
            },
            user_input or stored,
            errors,
        )

    def _check(
        self, given: dict[str, Any], reads: dict[str, Callable[..., Reading]]
    ) -> Texts:
        """Return what is wrong with sensors that were chosen."""
        for key, read in reads.items():
            if (entity_id := given.get(key)) is None:
                continue
            if (problem := read(self.hass, entity_id).problem) is not None:
                return {key: problem}
        return {}

    async def async_step_reading(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Describe the meter's reading in words; the user can flip its sign."""
        if user_input is not None:
            if user_input[CONF_RIGHT]:
                return await self._after("meter")
            if self._data[CONF_METER_KIND] != METER_GRID:
                return await self.async_step_meter()
            self._turn(CONF_POSITIVE_IS)
        texts = {"reading": self._meter_text()}
        return self._show_form("reading", RIGHT, {}, texts=texts)

    def _turn(self, key: str) -> None:
        self._data[key] = _OPPOSITE[self._data[key]]

    @property
    def _exported(self) -> float:
        rows = read_exported(self.hass, self._data, self._data.get)
        return sum(sign * reading.value for sign, reading in rows)

    def _meter_text(self) -> str:
        exported = self._exported
        key = "exports" if exported >= 0 else "imports"
        text = self._flow_text(key, exported)
        is_dark = not is_up(self.hass, dt_util.utcnow())
        if is_dark and exported > _SOME and not self._data.get(CONF_BATTERY):
            text = f"{text} {self._flow_text('at_night', exported)}"
        return text

    def _flow_text(self, key: str, watts: float) -> str:
        word = words_of(self.hass, "strategy_power")
        return word(key, watts=f"{number(self.hass, abs(watts))} W")

    # The battery

    async def async_step_battery(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the battery and the forecast, which few have."""
        errors: Texts = {}
        if user_input is not None:
            errors = self._check_battery(user_input)
            if not errors:
                for key in (CONF_BATTERY, CONF_BATTERY_SOC, CONF_FORECAST):
                    self._data[key] = None
                    self._name_entity(key, user_input.get(key))
                self._data |= user_input
                if self._data[CONF_BATTERY] is not None:
                    return await self.async_step_battery_reading()
                return await self._after("battery")
        stored = _without_none(self._data)
        if CONF_BATTERY_FIRST not in stored:
            stored |= battery_of(await async_sources(self.hass))
        sensor = foreign_field(self.hass, *SENSOR_DOMAINS)
        return self._show_form(
            "battery",
            {
                vol.Optional(CONF_BATTERY): sensor,
                vol.Required(
                    CONF_BATTERY_POSITIVE_IS, default=POSITIVE_DISCHARGE
                ): words_field(
                    "strategy_positive", POSITIVE_DISCHARGE, POSITIVE_CHARGE
                ),
                vol.Required(CONF_BATTERY_FIRST, default=True): BooleanSelector(),
                vol.Optional(CONF_BATTERY_SOC): sensor,
                vol.Required(CONF_MIN_SOC, default=0): number_field(0, 100, "%"),
                vol.Optional(CONF_FORECAST): sensor,
                vol.Required(CONF_MIN_FORECAST, default=0): number_field(
                    0, 10_000, "kWh", 0.1
                ),
            },
            user_input or stored,
            errors,
        )

    def _check_battery(self, given: dict[str, Any]) -> Texts:
        for limit, sensor in (
            (CONF_MIN_SOC, CONF_BATTERY_SOC),
            (CONF_MIN_FORECAST, CONF_FORECAST),
        ):
            if given[limit] and not given.get(sensor):
                return {limit: "sensor_missing"}
        return self._check(
            given,
            {
                CONF_BATTERY: read_power,
                CONF_BATTERY_SOC: read_percent,
                CONF_FORECAST: read_energy,
            },
        )

    async def async_step_battery_reading(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say in words what the battery does; what is not right is turned round."""
        if user_input is not None:
            if user_input[CONF_RIGHT]:
                return await self._after("battery")
            self._turn(CONF_BATTERY_POSITIVE_IS)
        sign, reading = read_charging(self.hass, self._data, self._data.get)
        charging = sign * reading.value
        key = "charges" if charging >= 0 else "discharges"
        texts = {"reading": self._flow_text(key, charging)}
        return self._show_form("battery_reading", RIGHT, {}, texts=texts)

    # The miners

    async def async_step_order(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask who goes first, and what miners do without surplus."""
        return await self._ask_order(
            "order",
            user_input,
            {
                vol.Required(CONF_FLOOR, default=OFF): words_field(
                    "strategy_rung", OFF, LOWEST
                ),
                vol.Required(CONF_MIN_RUN, default=10): number_field(0, 240, "min"),
            },
        )

    @override
    def _timing(self) -> tuple[dict[vol.Marker, Any], dict[str, Any]]:
        fields: dict[vol.Marker, Any] = {
            vol.Required(CONF_RESERVE, default=100): number_field(0, 100_000, "W"),
            vol.Required(CONF_WINDOW, default=2): number_field(0.5, 30, "min", 0.5),
            vol.Required(CONF_ON_DELAY, default=2): number_field(0, 60, "min", 0.5),
            vol.Required(CONF_OFF_DELAY, default=5): number_field(0, 60, "min", 0.5),
            vol.Required(CONF_STALE_AFTER, default=5): number_field(1, 60, "min"),
            vol.Required(CONF_DAYLIGHT, default=True): BooleanSelector(),
            vol.Required(CONF_MAX_SWITCHES, default=12): number_field(1, 96, ""),
            vol.Required(CONF_STAGGER, default=10): number_field(0, 300, "s"),
        }
        return fields, self._data

    @override
    async def _preview(self) -> str:
        word = words_of(self.hass, "strategy_preview")
        views = views_of(self.hass, self._members)
        lines, unknown = [], []
        settings = SolarSettings.from_dict(self._data)
        for view in ordered(settings, views, dt_util.utcnow()):
            title = self.hass.config_entries.async_get_known_entry(view.id).title
            watts = [number(self.hass, mode.watts or 0.0) for mode in ladder(view)]
            if watts:
                span = "–".join(dict.fromkeys((watts[0], watts[-1])))
                lines.append(f"{title} ({span} W)")
            else:
                unknown.append(title)
        text = self._meter_text()
        if lines:
            text = f"{text} {word('solar', miners=', '.join(lines))}"
        if unknown:
            text = f"{text} {word('no_draw', miners=', '.join(unknown))}"
        return text


def _without_none(data: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in data.items() if value is not None}
