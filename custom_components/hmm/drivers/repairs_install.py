"""Asks whether a driver that was downloaded may be installed."""

from typing import Any

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.exceptions import HomeAssistantError

from ..data import get_data
from ..errors import message
from ..question_flow import QuestionFlow
from .install import DATA_FILE_NAME, DATA_INDEX, DATA_SHA256, DATA_URL


class InstallDriverFlow(QuestionFlow):
    """Shows what would be installed; nothing of it has been run yet."""

    answers = ("install", "discard")

    async def async_step_install(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Install exactly the file with the checksum that was shown."""
        service = get_data(self.hass).driver_service
        try:
            await service.async_install(
                self.held(DATA_URL),
                self.held(DATA_SHA256),
                self.held(DATA_FILE_NAME),
                self.held(DATA_INDEX) or None,
            )
        except HomeAssistantError as err:
            return self.async_abort(
                reason="not_installed",
                description_placeholders={"reason": message(self.hass, err)},
            )
        return self.async_create_entry(data={})

    async def async_step_discard(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Throw the file away."""
        await get_data(self.hass).driver_service.async_discard(self.held(DATA_SHA256))
        return self.async_create_entry(data={})
