"""Whose texts somebody reads, and how numbers are written in a language."""

from datetime import date
from pathlib import Path

from homeassistant.core import HomeAssistant
import pytest

from custom_components import hmm
from custom_components.hmm.languages import (
    LANGUAGES,
    find_language,
    home_language,
    names_of_modes,
)
from custom_components.hmm.miner.profiles import settings_text
from custom_components.hmm.sentences import reason_sentence
from custom_components.hmm.strategy.words import price_text
from custom_components.hmm.voice.speech import async_speech
from custom_components.hmm.voice.triggers import FOLDER

from .flows import texts

TRANSLATIONS = Path(hmm.__file__).parent / "translations"


def test_each_language_has_its_texts() -> None:
    """Given the files, then there is a language for each, also of the sentences."""
    assert {language.code for language in LANGUAGES} >= {
        path.stem for path in TRANSLATIONS.iterdir()
    }
    for folder in FOLDER.iterdir():
        assert (folder.name == "en") is (find_language(folder.name).code == "en")


@pytest.mark.parametrize(
    ("code", "read"),
    [
        *((language.code, language.code) for language in LANGUAGES),
        ("de-CH", "de"),
        ("en-GB", "en"),
        ("es-419", "es"),
        ("pt", "pt-BR"),
        ("zh-CN", "zh-Hans"),
        ("pl", "en"),
        ("", "en"),
    ],
)
def test_a_regional_language_reads_its_own(code: str, read: str) -> None:
    """Given any name of a language, then the closest that HMM speaks is found."""
    assert find_language(code).code == read


@pytest.mark.parametrize(
    ("code", "number", "price", "day"),
    [
        ("en", "1,234.50", "0.284 EUR/kWh", "2026-11-28"),
        ("de", "1.234,50", "0,284 EUR/kWh", "28.11.2026"),
        ("es", "1.234,50", "0,284 EUR/kWh", "28/11/2026"),
        ("fr", "1\u202f234,50", "0,284 EUR/kWh", "28/11/2026"),
        ("nl", "1.234,50", "0,284 EUR/kWh", "28-11-2026"),
        ("pt-BR", "1.234,50", "0,284 EUR/kWh", "28/11/2026"),
        ("zh-Hans", "1,234.50", "0.284 EUR/kWh", "2026-11-28"),
    ],
)
async def test_numbers_are_written_as_in_the_language(
    hass: HomeAssistant, code: str, number: str, price: str, day: str
) -> None:
    """Given a language, then its marks are in numbers, prices and days."""
    hass.config.language = code
    language = home_language(hass)
    assert language.number(1234.5, 2) == number
    assert language.day(date(2026, 11, 28)) == day
    assert price_text(hass, 0.284, "EUR/kWh") == price


@pytest.mark.parametrize(
    ("value", "text"), [(0.9, "0,9"), (62.0, "62"), (1234567.0, "1234570"), (0.0, "0")]
)
def test_a_short_number_has_no_zeros_at_its_end(value: float, text: str) -> None:
    """Given a number, then only what it means is written."""
    assert find_language("nl").short(value) == text


async def test_a_reason_has_the_marks_of_its_language(home: HomeAssistant) -> None:
    """Given a Dutch Home Assistant, then a value in a sentence is written so."""
    home.config.language = "nl"
    await async_speech(home, "nl")
    said = reason_sentence(home, "high_rejects", {"value": 7.5})
    assert said.startswith("7,5 % van de shares")


@pytest.mark.parametrize(
    ("code", "share", "names"),
    [
        ("en", "13.8 billion", "A, B and C"),
        ("nl", "13,8 miljard", "A, B en C"),
        ("zh-CN", "138 亿", "A、B和C"),
    ],
)
async def test_large_numbers_and_rows_are_said_as_in_the_language(
    home: HomeAssistant, code: str, share: str, names: str
) -> None:
    """Given a language, then large numbers have its words: Chinese counts by 10,000."""
    speech = await async_speech(home, code)
    assert speech.large(13.8e9) == share
    assert speech.names(["A", "B", "C"]) == names


def test_modes_have_names_in_all_languages() -> None:
    """Given a mode, then its name in each language is known, to keep it free."""
    names = names_of_modes()
    for path in TRANSLATIONS.iterdir():
        modes = texts(path.stem)["entity"]["select"]["mode"]["state"]
        assert modes["quiet"] in names["quiet"]


@pytest.mark.parametrize(
    ("code", "text"), [("en", "512.5 MHz, eco"), ("de", "512,5 MHz, eco")]
)
def test_settings_as_they_are_read(code: str, text: str) -> None:
    """Given a frequency between two numbers, then it is written as at home."""
    assert (
        settings_text({"frequency": 512.5, "mode": "eco"}, find_language(code)) == text
    )
