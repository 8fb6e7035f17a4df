"""Intents: what users ask Assist about miners, and what they command.

The stock intents turn miners on and off and read their sensors; these say the rest.
"""

from typing import override

from homeassistant.core import HomeAssistant
from homeassistant.helpers import intent
import voluptuous as vol

from .voice.answers import ORDERS, REPLIES, async_reply
from .voice.orders import NotUnderstood
from .voice.request import Request


async def async_setup_intents(hass: HomeAssistant) -> None:
    """Register the intents."""
    for intent_type in REPLIES:
        intent.async_register(hass, HmmIntent(intent_type))


class HmmIntent(intent.IntentHandler):
    """Answers one intent for all miners, those of an area, or one."""

    def __init__(self, intent_type: str) -> None:
        """Answer this intent."""
        self.intent_type = intent_type

    @property
    @override
    def slot_schema(self) -> dict[vol.Marker, object]:
        """Return what may be given: which miner or area, and which mode."""
        return {
            vol.Optional("name"): intent.non_empty_string,
            vol.Optional("area"): intent.non_empty_string,
            vol.Optional("hmm_mode"): intent.non_empty_string,
        }

    @override
    async def async_handle(self, intent_obj: intent.Intent) -> intent.IntentResponse:
        """Answer, or say what is missing."""
        slots = self.async_validate_slots(intent_obj.slots)

        def text(slot: str) -> str | None:
            return slots[slot]["value"] if slot in slots else None

        response = intent_obj.create_response()
        try:
            speech = await async_reply(
                intent_obj.hass,
                self.intent_type,
                Request(name=text("name"), area=text("area"), mode=text("hmm_mode")),
                context=intent_obj.context,
                assistant=intent_obj.assistant,
                language=intent_obj.language,
            )
        except NotUnderstood as err:
            response.async_set_error(
                intent.IntentResponseErrorCode.NO_VALID_TARGETS, str(err)
            )
            return response
        if self.intent_type not in ORDERS:
            response.response_type = intent.IntentResponseType.QUERY_ANSWER
        response.async_set_speech(speech)
        return response
