"""Prices and reasons as strategies say them."""

from datetime import UTC, datetime

from homeassistant.core import HomeAssistant
import pytest

from custom_components.hmm.strategy.explain import sentence_facts, sentence_text
from custom_components.hmm.strategy.planner.model import OFF, Sentence
from custom_components.hmm.strategy.words import spoken_price

from .common import House


@pytest.mark.parametrize(
    ("currency", "value", "unit", "said"),
    [
        ("EUR", 0.284, "EUR/kWh", "28.4 ct/kWh"),
        ("EUR", -0.03, "€/kWh", "-3.0 ct/kWh"),
        ("GBP", 0.2431, "GBP/kWh", "24.3 p/kWh"),
        # It is said as it is where that is how people say it, or nobody knows better
        ("EUR", 28.4, "ct/kWh", "28.4 ct/kWh"),
        ("EUR", 284, "EUR/MWh", "284.0 EUR/MWh"),
        ("EUR", 1.2, "EUR/kWh", "1.20 EUR/kWh"),
        ("JPY", 0.5, "JPY/kWh", "0.50 JPY/kWh"),
        ("EUR", 0.284, "GBP/kWh", "0.284 GBP/kWh"),
    ],
)
async def test_what_people_say(
    hass: HomeAssistant, currency: str, value: float, unit: str, said: str
) -> None:
    """Given a price in any unit, then it is said as its readers know it."""
    await hass.config.async_update(currency=currency)
    assert spoken_price(hass, value, unit) == said


@pytest.mark.usefixtures("quick")
async def test_many_miners_are_not_all_named(house: House) -> None:
    """Given more miners than anybody would read, then the rest is counted."""
    values = {"surplus": 300.0, "miners": list("abcdefg")}
    text = sentence_text(house.hass, Sentence("solar_unknown", values), str, "")
    assert "a, b, c, d, e, +2" in text


@pytest.mark.usefixtures("quick")
async def test_a_miner_that_accepts_and_reports_something_else(house: House) -> None:
    """Given a command without a refusal that has no effect, then it is said in words."""
    values = {"miner": "Axe", "rung": OFF, "n": 2, "reason": "reports_other"}
    text = sentence_text(house.hass, Sentence("not_obeying", values), str, "")
    assert text == "Axe did not take Off (attempt 2 of 3): it reports something else."


def test_facts_are_for_any_language_and_clock() -> None:
    """Given a sentence, then its facts have names, and no words, units or spare digits."""
    values = {
        "miner": "id",
        "rung": "mode:eco",
        "price": 0.28412345,
        "surplus": 812.34,
        "room": 20.123,
        "until": datetime(2026, 11, 30, 6, tzinfo=UTC),
        "time": None,
        "miners": ["id", "id"],
    }
    assert sentence_facts(Sentence("any", values), {"id": "Axe"}.__getitem__, "p") == {
        "key": "any",
        "values": {
            "miner": "Axe",
            "rung": "mode:eco",
            "price": 0.28412,
            "unit": "p",
            "surplus": 812,
            "room": 20.1,
            "until": "2026-11-30T06:00:00+00:00",
            "time": None,
            "miners": "Axe, Axe",
        },
    }
    assert sentence_facts(None, str, "") == {"key": None, "values": {}}
