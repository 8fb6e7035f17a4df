"""Lets the owner take the new key of a driver index, or remove the index."""

from typing import Any

from homeassistant.components.repairs import RepairsFlowResult

from ..data import get_data
from ..question_flow import QuestionFlow
from .index_issues import DATA_INDEX, DATA_KEY
from .indexes import DriverIndexes


class IndexKeyFlow(QuestionFlow):
    """Shows the key of before and the one of now."""

    answers = ("trust", "remove")

    @property
    def _indexes(self) -> DriverIndexes:
        return get_data(self.hass).driver_service.indexes

    async def async_step_trust(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Take exactly the key that was shown."""
        own = self._indexes.get(self.held(DATA_INDEX))
        if own is None or own.changed is None:
            return self.async_create_entry(data={})
        signer = own.changed.signer
        if (signer.key if signer else "") != self.held(DATA_KEY):
            return self.async_abort(reason="changed_again")
        if not await self._indexes.async_trust(own):
            return self.async_abort(reason="changed_again")
        return self.async_create_entry(data={})

    async def async_step_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Forget the index; its drivers stay."""
        await self._indexes.async_remove(self.held(DATA_INDEX))
        return self.async_create_entry(data={})
