"""Tests of the units that prices come in."""

import pytest

from custom_components.hmm.money.units import UnitProblem, money_factor, price_factor


@pytest.mark.parametrize(
    ("unit", "currency", "factor"),
    [
        ("EUR/kWh", "EUR", 1),
        ("€/kWh", "EUR", 1),
        ("€ / kWh", "EUR", 1),
        ("EUR per kWh", "EUR", 1),
        ("EUR/MWh", "EUR", 0.001),
        ("EUR/Wh", "EUR", 1000),
        ("ct/kWh", "EUR", 0.01),
        ("Cent/kWh", "EUR", 0.01),
        ("c€/kWh", "EUR", 0.01),
        ("€ct/kWh", "EUR", 0.01),
        ("EUR cent/kWh", "EUR", 0.01),
        ("¢/kWh", "USD", 0.01),
        ("c/kWh", "AUD", 0.01),
        ("c$/kWh", "USD", 0.01),
        ("C$/kWh", "CAD", 1),
        ("$/kWh", "AUD", 1),
        ("AU$/kWh", "AUD", 1),
        ("p/kWh", "GBP", 0.01),
        ("GBP/kWh", "GBP", 1),
        ("öre/kWh", "SEK", 0.01),
        ("Øre/kWh", "DKK", 0.01),
        ("kr/kWh", "NOK", 1),
        ("gr/kWh", "PLN", 0.01),
        ("zł/MWh", "PLN", 0.001),
        ("Rp/kWh", "CHF", 0.01),
    ],
)
def test_units_that_people_use(unit: str, currency: str, factor: float) -> None:
    """Given a unit of a price, then it is known in the currency per kWh."""
    assert price_factor(unit, currency) == pytest.approx(factor)
    # And equal prices in other units are equal
    assert 0.25 / factor * factor == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("unit", "currency", "problem"),
    [
        ("GBP/kWh", "EUR", UnitProblem.OTHER_CURRENCY),
        ("£/kWh", "EUR", UnitProblem.OTHER_CURRENCY),
        ("p/kWh", "EUR", UnitProblem.OTHER_CURRENCY),
        ("ct/kWh", "SEK", UnitProblem.OTHER_CURRENCY),
        ("$/kWh", "EUR", UnitProblem.OTHER_CURRENCY),
        ("c$/kWh", "EUR", UnitProblem.OTHER_CURRENCY),
        ("kWh", "EUR", UnitProblem.UNKNOWN),
        ("EUR", "EUR", UnitProblem.UNKNOWN),
        ("EUR/m³", "EUR", UnitProblem.UNKNOWN),
        ("money/kWh", "EUR", UnitProblem.UNKNOWN),
        ("", "EUR", UnitProblem.UNKNOWN),
        (None, "EUR", UnitProblem.UNKNOWN),
        (7, "EUR", UnitProblem.UNKNOWN),
        ("€" * 100_000 + "/kWh", "EUR", UnitProblem.UNKNOWN),
    ],
)
def test_units_that_say_nothing(unit: object, currency: str, problem: str) -> None:
    """Given a unit of another currency or of no price, then nothing is guessed."""
    assert price_factor(unit, currency) == problem


@pytest.mark.parametrize(
    ("unit", "result"),
    [
        ("EUR", 1),
        ("€", 1),
        ("BTC/EUR", 1),
        ("EUR/BTC", 1),
        ("USD", UnitProblem.OTHER_CURRENCY),
        ("$", UnitProblem.OTHER_CURRENCY),
        ("ㅤ", UnitProblem.UNKNOWN),
        (None, UnitProblem.UNKNOWN),
    ],
)
def test_prices_of_coins(unit: object, result: float | UnitProblem) -> None:
    """Given the unit of a coin's price, then only the currency is taken from it."""
    assert money_factor(unit, "EUR") == result
