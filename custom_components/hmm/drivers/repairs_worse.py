"""Asks whether to go back to the version of a driver before the one that does worse."""

from typing import Any

from homeassistant.components.repairs import RepairsFlowResult
from homeassistant.exceptions import HomeAssistantError

from ..data import get_data
from ..errors import message
from ..question_flow import QuestionFlow
from .watch import DATA_BUNDLED, DATA_DRIVER, DATA_OLD


class WorseDriverFlow(QuestionFlow):
    """Goes back, or keeps the new version."""

    answers = ("go_back", "keep")

    async def async_step_go_back(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Bring the former version back."""
        try:
            await get_data(self.hass).driver_watch.async_go_back(
                self.held(DATA_DRIVER),
                self.held(DATA_OLD),
                bundled=bool(self.data and self.data[DATA_BUNDLED]),
            )
        except HomeAssistantError as err:
            return self.async_abort(
                reason="not_gone_back",
                description_placeholders={"reason": message(self.hass, err)},
            )
        return self.async_create_entry(data={})

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave the new version; the issue goes."""
        return self.async_create_entry(data={})
