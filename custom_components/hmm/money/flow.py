"""Steps of the "Configure" of the fleet: the price of electricity, and those of coins."""

from collections.abc import Mapping
from math import inf
from typing import Any

from homeassistant.config_entries import ConfigFlowResult, OptionsFlow
from homeassistant.const import (
    ATTR_UNIT_OF_MEASUREMENT,
    STATE_UNAVAILABLE,
    STATE_UNKNOWN,
)
from homeassistant.helpers.selector import BooleanSelector
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..data import get_data
from ..flow_tools import foreign_field, number_field, words_field
from ..languages import home_language
from .price import PriceSource, entity_reference, referred_entity
from .settings import (
    CONF_COIN_CURRENCY,
    CONF_COINS,
    CONF_PRICE_ENTITY,
    CONF_PRICE_FIXED,
    CONF_PRICE_MOST,
    CONF_PRICE_SOURCE,
    CONF_PRICES,
    CONF_SOLAR_PRICE,
    CONF_SOLO_IN_PROFIT,
    CONF_SURCHARGE,
    CONF_VAT,
    MAX_VAT,
    PRICED_COINS,
    MoneySettings,
)
from .slots import MAX_PRICE
from .units import HUNDREDTHS, UnitProblem, money_factor, price_factor

_DOMAINS = ("sensor", "number", "input_number")
_OTHER = "other"

type _Input = dict[str, Any]


class PriceSteps(OptionsFlow):
    """What electricity costs, and what coins are worth."""

    _prices: _Input | None = None
    _coins: _Input | None = None
    _price = 0.0
    """The one that was given, as it was when it was checked."""

    async def async_step_prices(
        self, user_input: _Input | None = None
    ) -> ConfigFlowResult:
        """Ask where the price of electricity comes from."""
        errors: dict[str, str] = {}
        placeholders = {"unit": "–"}
        if user_input is not None:
            self._prices = user_input
            errors = self._price_errors(user_input, placeholders)
            if not errors and user_input[CONF_PRICE_SOURCE] == "none":
                return self._save(CONF_PRICES, user_input)
            if not errors and self._thirstiest() is None:
                return await self.async_step_price_alone()
            if not errors:
                return await self.async_step_price_check()
        per_kwh = f"{self.hass.config.currency}/kWh"
        suggested = dict(
            self._prices or self.config_entry.options.get(CONF_PRICES) or {}
        )
        reference = suggested.get(CONF_PRICE_ENTITY)
        suggested[CONF_PRICE_ENTITY] = reference and referred_entity(
            self.hass, reference
        )
        price = number_field(-MAX_PRICE, MAX_PRICE, per_kwh, "any")
        schema = vol.Schema(
            {
                vol.Required(CONF_PRICE_SOURCE, default="none"): words_field(
                    CONF_PRICE_SOURCE, "none", "sensor", "fixed"
                ),
                vol.Optional(CONF_PRICE_ENTITY): foreign_field(self.hass, *_DOMAINS),
                vol.Optional(CONF_PRICE_FIXED): price,
                vol.Optional(CONF_SURCHARGE, default=0): price,
                vol.Optional(CONF_VAT, default=0): number_field(0, MAX_VAT, "%", "any"),
                vol.Optional(CONF_SOLAR_PRICE): price,
                vol.Optional(CONF_PRICE_MOST): price,
            }
        )
        return self.async_show_form(
            step_id="prices",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
            description_placeholders=placeholders,
        )

    async def async_step_price_check(
        self, user_input: _Input | None = None
    ) -> ConfigFlowResult:
        """Say a price in words, with what it means for a miner."""
        price, shown = self._shown_price()
        watts, name = self._thirstiest() or (0.0, "")
        cost = home_language(self.hass).number(watts * 24 / 1000 * price, 2)
        return self.async_show_menu(
            step_id="price_check",
            menu_options=["price_save", "prices"],
            description_placeholders={
                **shown,
                "miner": name,
                "cost": f"{cost} {self.hass.config.currency}",
            },
        )

    async def async_step_price_alone(
        self, user_input: _Input | None = None
    ) -> ConfigFlowResult:
        """Say a price in words where no miner's power is known."""
        return self.async_show_menu(
            step_id="price_alone",
            menu_options=["price_save", "prices"],
            description_placeholders=self._shown_price()[1],
        )

    async def async_step_price_save(
        self, user_input: _Input | None = None
    ) -> ConfigFlowResult:
        """Keep the price that was shown in words."""
        assert self._prices is not None
        return self._save(CONF_PRICES, self._prices)

    async def async_step_coins(
        self, user_input: _Input | None = None
    ) -> ConfigFlowResult:
        """Ask which entities show what coins are worth."""
        errors: dict[str, str] = {}
        if user_input is not None:
            self._coins = user_input
            problems = {
                coin: self._coin_problem(user_input[coin])
                for coin in PRICED_COINS
                if user_input.get(coin)
            }
            errors = {
                coin: str(problem)
                for coin, problem in problems.items()
                if problem not in (None, UnitProblem.UNKNOWN)
            }
            if not errors and UnitProblem.UNKNOWN in problems.values():
                return await self.async_step_coin_currency()
            if not errors:
                return self._save(CONF_COINS, user_input)
        suggested = dict(self._coins or self.config_entry.options.get(CONF_COINS) or {})
        for coin in PRICED_COINS:
            if reference := suggested.get(coin):
                suggested[coin] = referred_entity(self.hass, reference)
        price = foreign_field(self.hass, *_DOMAINS)
        schema = vol.Schema(
            {
                **dict.fromkeys(map(vol.Optional, PRICED_COINS), price),
                vol.Optional(CONF_SOLO_IN_PROFIT, default=False): BooleanSelector(),
            }
        )
        return self.async_show_form(
            step_id="coins",
            data_schema=self.add_suggested_values_to_schema(schema, suggested),
            errors=errors,
        )

    async def async_step_coin_currency(
        self, user_input: _Input | None = None
    ) -> ConfigFlowResult:
        """Prompt for the currency of coin prices without one in their unit."""
        errors: dict[str, str] = {}
        currency = self.hass.config.currency
        if user_input is not None:
            assert self._coins is not None
            if user_input[CONF_COIN_CURRENCY] != _OTHER:
                return self._save(CONF_COINS, {**self._coins, **user_input})
            errors[CONF_COIN_CURRENCY] = str(UnitProblem.OTHER_CURRENCY)
        return self.async_show_form(
            step_id="coin_currency",
            data_schema=vol.Schema(
                {
                    vol.Required(CONF_COIN_CURRENCY, default=currency): words_field(
                        CONF_COIN_CURRENCY, currency, _OTHER
                    )
                }
            ),
            errors=errors,
        )

    def _price_errors(
        self, given: _Input, placeholders: dict[str, str]
    ) -> dict[str, str]:
        """Return what is wrong with a price, by field."""
        errors: dict[str, str] = {}
        source = given[CONF_PRICE_SOURCE]
        entity_id: str = given.get(CONF_PRICE_ENTITY, "")
        is_first = not self.config_entry.options.get(CONF_PRICES)
        if source == "none" and is_first and (entity_id or CONF_PRICE_FIXED in given):
            errors = {CONF_PRICE_SOURCE: "price_source_missing"}
        elif source == "fixed" and given.get(CONF_PRICE_FIXED) is None:
            errors = {CONF_PRICE_FIXED: "price_missing"}
        elif source == "sensor" and not entity_id:
            errors = {CONF_PRICE_ENTITY: "price_entity_missing"}
        elif source == "sensor":
            state = self.hass.states.get(entity_id)
            unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) if state else None
            factor = price_factor(unit, self.hass.config.currency)
            if state is None or state.state in (STATE_UNAVAILABLE, STATE_UNKNOWN):
                errors = {CONF_PRICE_ENTITY: "price_unavailable"}
            elif isinstance(factor, UnitProblem):
                errors = {CONF_PRICE_ENTITY: str(factor)}
                placeholders["unit"] = str(unit or "–")
        if not errors and source != "none":
            if (price := self._price_of(given)) is None:
                errors = {CONF_PRICE_ENTITY: "price_unavailable"}
            elif source == "sensor" and abs(price) > given.get(CONF_PRICE_MOST, inf):
                errors = {CONF_PRICE_MOST: "price_above_most"}
            else:
                self._price = price
        return errors

    def _price_of(self, given: _Input) -> float | None:
        settings = MoneySettings.from_options({CONF_PRICES: given})
        source = PriceSource(
            self.hass,
            entity=settings.entity,
            fixed=settings.fixed,
            surcharge=settings.surcharge,
            vat=settings.vat,
        )
        return source.read(dt_util.utcnow()).value

    def _thirstiest(self) -> tuple[float, str] | None:
        """Return the watts and the name of the miner that draws the most."""
        return max(
            (
                (miner.power, miner.config_entry.title)
                for miner in get_data(self.hass).fleet.miners.values()
                if miner.last_update_success and miner.power
            ),
            default=None,
        )

    def _shown_price(self) -> tuple[float, dict[str, str]]:
        """Return the price that was given, also as people say it."""
        price, currency = self._price, self.hass.config.currency
        number = home_language(self.hass).number
        hundredth = HUNDREDTHS.get(currency)
        if hundredth is None or abs(price) >= 1:
            return price, {"price": f"{number(price, 4)} {currency}/kWh"}
        return price, {"price": f"{number(100 * price, 2)} {hundredth}/kWh"}

    def _coin_problem(self, entity_id: str) -> str | None:
        """Return why the price of a coin cannot be read, None if it can."""
        state = self.hass.states.get(entity_id)
        unit = state.attributes.get(ATTR_UNIT_OF_MEASUREMENT) if state else None
        factor = money_factor(unit, self.hass.config.currency)
        return factor if isinstance(factor, UnitProblem) else None

    def _save(self, part: str, given: Mapping[str, Any]) -> ConfigFlowResult:
        """Keep a part of the options; entities in a way that survives a renaming."""
        entities = (CONF_PRICE_ENTITY, *PRICED_COINS)
        kept = {
            key: entity_reference(self.hass, value) if key in entities else value
            for key, value in given.items()
            if value is not None
        }
        return self.async_create_entry(data={**self.config_entry.options, part: kept})
