"""The steps of what follows a price: which sensor, and whether it is read right."""

from abc import abstractmethod
from datetime import timedelta
from typing import Any, ClassVar, override

from homeassistant.config_entries import SubentryFlowResult
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    NumberSelector,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..data import fleet_entry
from ..flow_tools import foreign_field, number_field
from ..unique_ids import entity_id_of
from .flow import Texts, TimedStrategyFlow
from .keys import (
    CONF_DEAD_BAND,
    CONF_LOOK_AHEAD,
    CONF_MAX_SWITCHES,
    CONF_MIN_TIME,
    CONF_PRICE_ENTITY,
    CONF_STAGGER,
)
from .prices import (
    PRICE_DOMAINS,
    TARIFF_DOMAINS,
    PriceReading,
    fleet_price_entity,
    read_price,
)
from .words import price_text, time_text, words_of

CONF_RIGHT = "right"
RIGHT: dict[vol.Marker, Any] = {
    vol.Required(CONF_RIGHT, default=True): BooleanSelector()
}


def price_field(unit: str) -> NumberSelector:
    """Return a price in the unit of its sensor."""
    return number_field(-1e6, 1e6, unit, "any")


def price_entity_field(hass: HomeAssistant, *domains: str) -> EntitySelector:
    """Return a choice of what reports a price, also that of the fleet with its tax."""
    fleet = fleet_entry(hass)
    own = entity_id_of(hass, fleet, Platform.SENSOR, "price") if fleet else None
    return foreign_field(hass, *domains, allowed=own)


class StrategyPriceSteps(TimedStrategyFlow):
    """The steps for the price, with what is read from it in words."""

    has_tariffs: ClassVar[bool] = True
    """Whether what has states instead of prices can be followed."""

    _reading = PriceReading()

    async def async_step_price(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Prompt for the sensor of the price."""
        errors: Texts = {}
        texts: Texts = {"unit": "", "currency": self.hass.config.currency}
        if user_input is not None:
            entity_id = user_input[CONF_PRICE_ENTITY]
            reading = read_price(self.hass, entity_id, dt_util.utcnow())
            problem = reading.problem
            if reading.state is not None and not self.has_tariffs:
                problem = "price_is_tariff"
            if problem is None:
                self._reading = reading
                self._data[CONF_PRICE_ENTITY] = entity_id
                self._name_entity(CONF_PRICE_ENTITY, entity_id)
                return await self.async_step_reading()
            errors = {CONF_PRICE_ENTITY: problem}
            texts["unit"] = reading.unit or "–"
        stored = self._data.get(CONF_PRICE_ENTITY) or fleet_price_entity(self.hass)
        return self._show_form(
            "price",
            {
                vol.Required(CONF_PRICE_ENTITY): price_entity_field(
                    self.hass,
                    *PRICE_DOMAINS,
                    *(TARIFF_DOMAINS if self.has_tariffs else ()),
                )
            },
            user_input or ({CONF_PRICE_ENTITY: stored} if stored else {}),
            errors,
            texts,
        )

    async def async_step_reading(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Say the price of now in words; what is not right leads back."""
        if user_input is not None:
            if not user_input[CONF_RIGHT]:
                return await self.async_step_price()
            return await self._price_is_right()
        return self._show_form("reading", RIGHT, {}, texts={"reading": self._said()})

    @override
    def _timing(self) -> tuple[dict[vol.Marker, Any], dict[str, Any]]:
        fields: dict[vol.Marker, Any] = {
            vol.Required(CONF_DEAD_BAND, default=2): number_field(0, 50, "%", 0.5),
            vol.Required(CONF_MIN_TIME, default=15): number_field(5, 240, "min"),
            vol.Required(CONF_LOOK_AHEAD, default=True): BooleanSelector(),
            vol.Required(CONF_MAX_SWITCHES, default=12): number_field(1, 96, ""),
            **self._fallback,
            vol.Required(CONF_STAGGER, default=10): number_field(0, 300, "s"),
        }
        return fields, self._data

    @property
    def _fallback(self) -> dict[vol.Marker, Any]:
        """Return the field for what happens without a price, if there is a choice."""
        return {}

    @abstractmethod
    async def _price_is_right(self) -> SubentryFlowResult:
        """Go on with a price that the user confirmed."""

    def _said(self) -> str:
        word, reading = words_of(self.hass, "strategy_reading"), self._reading
        if reading.state is not None:
            return word("tariff", state=reading.state)
        assert reading.shown is not None
        now = price_text(self.hass, reading.shown, reading.unit)
        if not reading.slots:
            return word("price", price=now)
        # The end of a day is known better by its last minute than by the next day
        until = time_text(self.hass, reading.slots[-1].end - timedelta(minutes=1))
        return word("price_until", price=now, until=until)
