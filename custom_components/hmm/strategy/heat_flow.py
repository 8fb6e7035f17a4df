"""The dialog of heating: its room, how far miners go, its presets and its timing."""

from typing import Any, override

from homeassistant.components.climate import PRESET_COMFORT
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.config_entries import SubentryFlowResult
from homeassistant.const import Platform, UnitOfTemperature
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    SelectSelector,
)
from homeassistant.util import dt as dt_util
from homeassistant.util.unit_conversion import (
    BaseUnitConverter,
    TemperatureConverter,
    TemperatureDeltaConverter,
)
import voluptuous as vol

from ..flow_tools import ending, foreign_field, number_field, words_field
from ..markdown import escaping
from .flow import Texts, TimedStrategyFlow
from .heating import (
    BOOST_MINUTES,
    DEFAULTS,
    HIGHEST_TARGET,
    LONGEST_BOOST,
    LOWEST_TARGET,
    SHORTEST_BOOST,
)
from .keys import (
    CONF_BOOST_TIME,
    CONF_HIGHEST_RUNG,
    CONF_LOWEST_RUNG,
    CONF_MAX_ROOM,
    CONF_MIN_CYCLE,
    CONF_MINERS,
    CONF_STAGGER,
    CONF_STALE_AFTER,
    CONF_STOP_ALL,
    CONF_TEMPERATURE_ENTITY,
    CONF_TOLERANCE,
    CONF_WHEN_IDLE,
)
from .planner.heat import fresh
from .planner.model import HIGHEST, LOWEST, NORMAL, OFF
from .planner.settings import HeatSettings
from .room import room_of
from .words import temperature_text, words_of

_CELSIUS = UnitOfTemperature.CELSIUS
_MAX_ROOM = 28.0
_TOLERANCE = 0.3


def _rungs(*rungs: str) -> SelectSelector:
    return words_field("strategy_rung", *rungs)


@ending
@escaping
class HeatFlow(TimedStrategyFlow):
    """Adds and changes a heating; the form has Home Assistant's unit, stored is °C."""

    kind = "heat"
    steps = ("room", "rungs", "presets", "timing")

    def _take_who(self, given: dict[str, Any]) -> tuple[Texts, Texts]:
        """Keep name and miners: not all miners there are warm one room."""
        if not given.get(CONF_MINERS):
            return {CONF_MINERS: "no_miners"}, {}
        return super()._take_who(given)

    # Temperatures

    @property
    def _unit(self) -> str:
        return self.hass.config.units.temperature_unit

    def _shown(
        self,
        celsius: float,
        converter: type[BaseUnitConverter] = TemperatureConverter,
    ) -> float:
        """Return a temperature that is stored as it is shown in a field."""
        return round(converter.convert(celsius, _CELSIUS, self._unit), 1)

    def _taken(
        self,
        value: float,
        converter: type[BaseUnitConverter] = TemperatureConverter,
    ) -> float:
        """Return a temperature that was entered as it is stored."""
        return round(converter.convert(value, self._unit, _CELSIUS), 2)

    def _degrees(self, low: float, high: float) -> NumberSelector:
        return number_field(self._shown(low), self._shown(high), self._unit, 0.1)

    # Steps

    async def async_step_room(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the sensor of the room, and above which temperature it stops."""
        errors: Texts = {}
        if user_input is not None:
            entity_id = user_input[CONF_TEMPERATURE_ENTITY]
            if room_of(self.hass, entity_id):
                self._data |= user_input
                self._data[CONF_MAX_ROOM] = self._taken(user_input[CONF_MAX_ROOM])
                self._name_entity(CONF_TEMPERATURE_ENTITY, entity_id)
                return await self._after("room")
            errors = {CONF_TEMPERATURE_ENTITY: "room_unavailable"}
        stored = {**self._data}
        stored[CONF_MAX_ROOM] = self._shown(stored.get(CONF_MAX_ROOM, _MAX_ROOM))
        return self._show_form(
            "room",
            {
                vol.Required(CONF_TEMPERATURE_ENTITY): foreign_field(
                    self.hass,
                    Platform.SENSOR,
                    device_class=SensorDeviceClass.TEMPERATURE,
                ),
                vol.Required(CONF_MAX_ROOM): self._degrees(15, 45),
                vol.Required(CONF_STOP_ALL, default=False): BooleanSelector(),
            },
            user_input or stored,
            errors,
        )

    async def async_step_rungs(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Ask between which rungs it heats, and what miners do when it is warm."""
        if user_input is not None:
            self._data |= user_input
            return await self._after("rungs")
        return self._show_form(
            "rungs",
            {
                vol.Required(CONF_LOWEST_RUNG, default=LOWEST): _rungs(LOWEST, NORMAL),
                vol.Required(CONF_HIGHEST_RUNG, default=HIGHEST): _rungs(
                    LOWEST, NORMAL, HIGHEST
                ),
                vol.Required(CONF_WHEN_IDLE, default=OFF): _rungs(OFF, LOWEST),
            },
            self._data,
        )

    async def async_step_presets(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the temperature of each preset."""
        if user_input is not None:
            self._data |= {key: self._taken(user_input[key]) for key in DEFAULTS}
            self._data[CONF_BOOST_TIME] = user_input[CONF_BOOST_TIME]
            return await self._after("presets")
        degrees = self._degrees(LOWEST_TARGET, HIGHEST_TARGET)
        return self._show_form(
            "presets",
            {
                **{vol.Required(key): degrees for key in DEFAULTS},
                vol.Required(CONF_BOOST_TIME, default=BOOST_MINUTES): number_field(
                    SHORTEST_BOOST, LONGEST_BOOST, "min"
                ),
            },
            self._data
            | {
                key: self._shown(self._data.get(key, default))
                for key, default in DEFAULTS.items()
            },
        )

    @override
    def _take_timing(self, given: dict[str, Any]) -> dict[str, Any]:
        tolerance = self._taken(given[CONF_TOLERANCE], TemperatureDeltaConverter)
        return given | {CONF_TOLERANCE: tolerance}

    @override
    def _timing(self) -> tuple[dict[vol.Marker, Any], dict[str, Any]]:
        low, high, tolerance = (
            self._shown(tolerance, TemperatureDeltaConverter)
            for tolerance in (0.1, 2.0, self._data.get(CONF_TOLERANCE, _TOLERANCE))
        )
        fields: dict[vol.Marker, Any] = {
            vol.Required(CONF_TOLERANCE, default=tolerance): number_field(
                low, high, self._unit, 0.1
            ),
            vol.Required(CONF_MIN_CYCLE, default=10): number_field(5, 120, "min"),
            vol.Required(CONF_STALE_AFTER, default=45): number_field(30, 60, "min"),
            vol.Required(CONF_STAGGER, default=10): number_field(0, 300, "s"),
        }
        return fields, self._data | {CONF_TOLERANCE: tolerance}

    async def _preview(self) -> str:
        settings = HeatSettings.from_dict(self._data)
        reading = room_of(self.hass, self._data[CONF_TEMPERATURE_ENTITY])
        room = fresh(settings, reading, dt_util.utcnow())
        rung = words_of(self.hass, "strategy_rung")
        return words_of(self.hass, "strategy_preview")(
            "heat_silent" if room is None else "heat",
            room=None if room is None else temperature_text(self.hass, room),
            target=temperature_text(self.hass, self._data[PRESET_COMFORT]),
            lowest=rung(self._data[CONF_LOWEST_RUNG]),
            highest=rung(self._data[CONF_HIGHEST_RUNG]),
            idle=rung(self._data[CONF_WHEN_IDLE]),
        )
