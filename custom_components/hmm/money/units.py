"""Units of prices as integrations and users write them; it knows no Home Assistant."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

_LONGEST = 32

_PER_KWH: Mapping[str, float] = {"kwh": 1.0, "mwh": 1e-3, "wh": 1e3}

_DOLLARS = frozenset(
    ("USD", "AUD", "CAD", "NZD", "SGD", "HKD", "TWD", "MXN", "CLP", "COP", "ARS")
)
_KRONES = frozenset(("SEK", "NOK", "DKK", "ISK"))

_SYMBOLS: Mapping[str, frozenset[str]] = {
    "€": frozenset(("EUR",)),
    "euro": frozenset(("EUR",)),
    "£": frozenset(("GBP",)),
    "$": _DOLLARS,
    "us$": frozenset(("USD",)),
    "a$": frozenset(("AUD",)),
    "au$": frozenset(("AUD",)),
    "C$": frozenset(("CAD",)),  # "c$" are cents
    "ca$": frozenset(("CAD",)),
    "nz$": frozenset(("NZD",)),
    "kr": _KRONES,
    "kr.": _KRONES,
    "kč": frozenset(("CZK",)),
    "zł": frozenset(("PLN",)),
    "ft": frozenset(("HUF",)),
    "fr": frozenset(("CHF",)),
    "fr.": frozenset(("CHF",)),
    "lei": frozenset(("RON",)),
    "r$": frozenset(("BRL",)),
    "₺": frozenset(("TRY",)),
    "₴": frozenset(("UAH",)),
    "₹": frozenset(("INR",)),
    "¥": frozenset(("JPY", "CNY")),
    "₪": frozenset(("ILS",)),
}
"""By symbol, the currencies that are written with it."""

_CENTS = frozenset(("EUR", "CHF", "ZAR", "BRL")) | (_DOLLARS - {"CLP", "COP"})
_MINOR: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(("ct", "cts", "c", "¢", "cent", "cents"), _CENTS),
    **dict.fromkeys(("p", "pence", "penny"), frozenset(("GBP",))),
    **dict.fromkeys(("öre", "øre", "ore"), frozenset(("SEK", "NOK", "DKK"))),
    **dict.fromkeys(("gr", "grosz"), frozenset(("PLN",))),
    **dict.fromkeys(("rp", "rp.", "rappen"), frozenset(("CHF",))),
}
"""By the name of a hundredth, the currencies that have it."""


HUNDREDTHS: Mapping[str, str] = {
    "EUR": "ct",
    "GBP": "p",
    "CHF": "Rp.",
    "PLN": "gr",
    **dict.fromkeys(("USD", "CAD", "AUD", "NZD"), "¢"),
    "SEK": "öre",
    "NOK": "øre",
    "DKK": "øre",
}
"""What a hundredth is called in which people say prices of electricity."""


class UnitProblem(StrEnum):
    """Why a price in a unit cannot be read."""

    UNKNOWN = "price_unit_unknown"
    OTHER_CURRENCY = "price_currency"


def _amount(text: str, currency: str) -> float | UnitProblem:
    """Return how many units of ``currency`` one of what a text names is."""
    lower = text.lower()
    if text.upper() == currency:
        return 1.0
    if (currencies := _MINOR.get(lower)) is not None:
        return 0.01 if currency in currencies else UnitProblem.OTHER_CURRENCY
    if (currencies := _SYMBOLS.get(text, _SYMBOLS.get(lower))) is not None:
        return 1.0 if currency in currencies else UnitProblem.OTHER_CURRENCY
    if len(text) == 3 and text.isascii() and text.isalpha() and text.isupper():
        return UnitProblem.OTHER_CURRENCY
    return UnitProblem.UNKNOWN


def _money(text: str, currency: str) -> float | UnitProblem:
    """Return the same for "EUR", "ct" and what says both: "c€", "EUR cent"."""
    if (amount := _amount(text, currency)) is not UnitProblem.UNKNOWN:
        return amount
    for major in (currency, *_SYMBOLS):
        for rest in (
            text.lower().removeprefix(major.lower()),
            text.lower().removesuffix(major.lower()),
        ):
            if rest != text.lower() and rest.strip() in _MINOR:
                factor = _amount(major, currency)
                return factor if isinstance(factor, UnitProblem) else 0.01
    return UnitProblem.UNKNOWN


def price_factor(unit: Any, currency: str) -> float | UnitProblem:
    """Return by what to multiply a price in ``unit`` to get ``currency`` per kWh.

    ``unit`` is any money, or a hundredth of it, per kWh, MWh or Wh: "EUR/kWh",
    "€/MWh", "ct/kWh", "öre/kWh". A lone "kr" or "$" is that of ``currency``, an ISO
    code in capitals. What cannot be determined is never guessed.
    """
    if not isinstance(unit, str) or len(unit) > _LONGEST:
        return UnitProblem.UNKNOWN
    money, _, energy = unit.replace(" per ", "/").rpartition("/")
    per_kwh = _PER_KWH.get(energy.strip().lower())
    if per_kwh is None:
        return UnitProblem.UNKNOWN
    amount = _money(money.strip(), currency)
    return amount if isinstance(amount, UnitProblem) else amount * per_kwh


def money_factor(unit: Any, currency: str) -> float | UnitProblem:
    """Return by what to multiply an amount in ``unit`` to get ``currency``.

    The price of a coin may be in "EUR", "€" or "BTC/EUR".
    """
    if not isinstance(unit, str) or len(unit) > _LONGEST:
        return UnitProblem.UNKNOWN
    amounts = [
        amount
        for part in unit.split("/")
        if (amount := _money(part.strip(), currency)) is not UnitProblem.UNKNOWN
    ]
    numbers = [amount for amount in amounts if not isinstance(amount, UnitProblem)]
    if numbers:
        return numbers[0]
    return UnitProblem.OTHER_CURRENCY if amounts else UnitProblem.UNKNOWN
