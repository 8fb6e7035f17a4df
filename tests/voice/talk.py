"""How the tests talk to Home Assistant's own conversation agent."""

from homeassistant.components import conversation
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import intent
from homeassistant.setup import async_setup_component


async def start_assist(hass: HomeAssistant) -> None:
    """Set up what Assist needs."""
    assert await async_setup_component(hass, "homeassistant", {})
    assert await async_setup_component(hass, "conversation", {})


async def respond(
    hass: HomeAssistant, text: str, language: str = "en", user: str | None = None
) -> intent.IntentResponse:
    """Say something to Assist and return its response."""
    result = await conversation.async_converse(
        hass,
        text,
        conversation_id=None,
        context=Context(user_id=user),
        language=language,
    )
    return result.response


async def ask(
    hass: HomeAssistant, text: str, language: str = "en", user: str | None = None
) -> str:
    """Say something to Assist and return what it says."""
    speech = (await respond(hass, text, language, user)).speech
    return str(speech["plain"]["speech"])
