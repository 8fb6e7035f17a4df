"""The user's settings of prices and coins: options of the fleet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..driver_api.units import parse_number
from .slots import MAX_PRICE

CONF_PRICES: Final = "prices"
CONF_COINS: Final = "coins"

CONF_PRICE_SOURCE: Final = "price_source"
CONF_PRICE_ENTITY: Final = "price_entity"
CONF_PRICE_FIXED: Final = "price_fixed"
CONF_SURCHARGE: Final = "surcharge"
CONF_VAT: Final = "vat"
CONF_SOLAR_PRICE: Final = "solar_price"
CONF_PRICE_MOST: Final = "price_most"

CONF_COIN_CURRENCY: Final = "coin_currency"
CONF_SOLO_IN_PROFIT: Final = "solo_in_profit"

PRICED_COINS: Final = ("btc", "bch", "dgb", "bc2", "xec")

MAX_VAT: Final = 100.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneySettings:
    """Where the price of electricity and those of the coins come from.

    Entities are references that survive a renaming; prices are per kWh in the currency
    of Home Assistant.
    """

    entity: str | None = None
    fixed: float | None = None
    surcharge: float = 0.0
    vat: float = 0.0
    solar_price: float | None = None
    """Of energy that a solar strategy took from surplus, None: the same."""
    maximum: float | None = None
    """What is dearer is a fault of the sensor, None: what is far from the usual."""
    coins: Mapping[str, str] = field(default_factory=dict)
    """By coin in capitals, the entity of its price."""
    coin_currency: str | None = None
    """The currency of coin prices where their unit does not state it."""
    solo_in_profit: bool = False

    @property
    def has_price(self) -> bool:
        """Return whether the user has configured a price."""
        return self.entity is not None or self.fixed is not None

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> MoneySettings:
        """Return what is in the options; what cannot be read is not there."""
        prices, coins = (
            stored if isinstance(stored := options.get(key), Mapping) else {}
            for key in (CONF_PRICES, CONF_COINS)
        )
        source = prices.get(CONF_PRICE_SOURCE)
        maximum = _price(prices.get(CONF_PRICE_MOST))
        entity = prices.get(CONF_PRICE_ENTITY)
        currency = coins.get(CONF_COIN_CURRENCY)
        return cls(
            entity=entity if source == "sensor" and isinstance(entity, str) else None,
            fixed=_price(prices.get(CONF_PRICE_FIXED)) if source == "fixed" else None,
            surcharge=_price(prices.get(CONF_SURCHARGE)) or 0.0,
            vat=min(max(_price(prices.get(CONF_VAT)) or 0.0, 0.0), MAX_VAT),
            solar_price=_price(prices.get(CONF_SOLAR_PRICE)),
            maximum=maximum if maximum and maximum > 0 else None,
            coins={
                coin.upper(): coins[coin]
                for coin in PRICED_COINS
                if isinstance(coins.get(coin), str)
            },
            coin_currency=currency if isinstance(currency, str) else None,
            solo_in_profit=coins.get(CONF_SOLO_IN_PROFIT) is True,
        )


def _price(value: Any) -> float | None:
    number = parse_number(value)
    return number if number is not None and abs(number) <= MAX_PRICE else None
