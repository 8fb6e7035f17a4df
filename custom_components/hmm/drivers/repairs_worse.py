"""Asks whether to go back to the version of a driver before the one that does worse."""

from typing import Any

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..data import get_data
from ..errors import message
from ..markdown import Markdown, escaping
from .watch import DATA_BUNDLED, DATA_DRIVER, DATA_OLD, DRIVER_GONE_BACK, DRIVER_WORSE


@callback
def async_create_worse_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow | None:
    """Return the flow for an issue of a version that does worse, None for any other."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if issue is None or not data:
        return None
    if issue.translation_key == DRIVER_GONE_BACK:
        return ConfirmRepairFlow()
    if issue.translation_key != DRIVER_WORSE:
        return None
    return WorseDriverFlow(
        str(data[DATA_DRIVER]),
        str(data[DATA_OLD]),
        bool(data[DATA_BUNDLED]),
        issue.translation_placeholders or {},
    )


@escaping
class WorseDriverFlow(RepairsFlow):
    """Goes back, or keeps the new version."""

    def __init__(
        self, driver: str, sha256: str, bundled: bool, shown: dict[str, str]
    ) -> None:
        """Start with what the issue says."""
        self._driver = driver
        self._sha256 = sha256
        self._bundled = bundled
        self._shown = shown

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["go_back", "keep"],
            # Escaped when the issue was made
            description_placeholders={
                name: Markdown(text) for name, text in self._shown.items()
            },
        )

    async def async_step_go_back(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Bring the former version back."""
        try:
            await get_data(self.hass).driver_watch.async_go_back(
                self._driver, self._sha256, bundled=self._bundled
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
