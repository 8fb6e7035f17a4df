"""Lets the owner take the new key of a driver index, or remove the index."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..data import get_data
from ..markdown import Markdown, escaping
from .index_issues import DATA_INDEX, DATA_KEY, INDEX_KEY_CHANGED, INDEX_SIGNATURE_LOST
from .indexes import DriverIndexes


@callback
def async_create_index_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow | None:
    """Return the flow for an issue of an index, None for any other issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if (
        not data
        or issue is None
        or issue.translation_key not in (INDEX_KEY_CHANGED, INDEX_SIGNATURE_LOST)
    ):
        return None
    return IndexKeyFlow(
        str(data[DATA_INDEX]),
        str(data[DATA_KEY]),
        issue.translation_placeholders or {},
    )


@escaping
class IndexKeyFlow(RepairsFlow):
    """Shows the key of before and the one of now."""

    def __init__(self, address: str, key: str, shown: dict[str, str]) -> None:
        """Start with what the issue says."""
        self._address = address
        self._key = key
        self._shown = shown

    @property
    def _indexes(self) -> DriverIndexes:
        return get_data(self.hass).driver_service.indexes

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["trust", "remove"],
            # Escaped when the issue was made
            description_placeholders={
                name: Markdown(text) for name, text in self._shown.items()
            },
        )

    async def async_step_trust(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Take exactly the key that was shown."""
        own = self._indexes.get(self._address)
        if own is None or own.changed is None:
            return self.async_create_entry(data={})
        signer = own.changed.signer
        if (signer.key if signer else "") != self._key:
            return self.async_abort(reason="changed_again")
        if not await self._indexes.async_trust(own):
            return self.async_abort(reason="changed_again")
        return self.async_create_entry(data={})

    async def async_step_remove(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Forget the index; its drivers stay."""
        await self._indexes.async_remove(self._address)
        return self.async_create_entry(data={})
