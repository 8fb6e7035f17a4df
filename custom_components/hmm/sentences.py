"""What is wrong, as a sentence, by default in the language of Home Assistant."""

from collections.abc import Mapping

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN
from .languages import find_language

SHORT_REASONS = (
    f"component.{DOMAIN}.entity.sensor.status.state_attributes.reason.state."
)
SENTENCES = f"component.{DOMAIN}.selector.sentence.options."


@callback
def reason_sentence(
    hass: HomeAssistant,
    key: str,
    values: Mapping[str, object],
    language: str | None = None,
) -> str:
    """Return a reason with its values, in short without them.

    A key of a user's driver, which has no translation, is its own sentence.
    """
    language = language or hass.config.language
    texts = async_get_cached_translations(hass, language, "selector", DOMAIN)
    if (text := texts.get(f"{SENTENCES}{key}")) is not None:
        try:
            return find_language(language).filled(text, values)
        except KeyError:
            pass
    texts = async_get_cached_translations(hass, language, "entity", DOMAIN)
    return texts.get(f"{SHORT_REASONS}{key}", key)
