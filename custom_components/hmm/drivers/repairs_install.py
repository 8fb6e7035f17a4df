"""Asks whether a driver that was downloaded may be installed."""

from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir

from ..const import DOMAIN
from ..data import get_data
from ..errors import message
from ..markdown import Markdown, escaping
from .install import DATA_FILE_NAME, DATA_INDEX, DATA_SHA256, DATA_URL, DRIVER_INSTALL


@callback
def async_create_install_flow(
    hass: HomeAssistant,
    issue_id: str,
    data: dict[str, str | int | float | None] | None,
) -> RepairsFlow | None:
    """Return the flow for an issue of ``driver_install``, None for any other issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if not data or issue is None or issue.translation_key != DRIVER_INSTALL:
        return None
    return InstallDriverFlow(
        str(data[DATA_URL]),
        str(data[DATA_SHA256]),
        str(data[DATA_FILE_NAME]),
        str(index) if (index := data.get(DATA_INDEX)) else None,
        issue.translation_placeholders or {},
    )


@escaping
class InstallDriverFlow(RepairsFlow):
    """Shows what would be installed; nothing of it has been run yet."""

    def __init__(
        self,
        url: str,
        sha256: str,
        file_name: str,
        index: str | None,
        shown: dict[str, str],
    ) -> None:
        """Start with what the issue says."""
        self._url = url
        self._sha256 = sha256
        self._file_name = file_name
        self._index = index
        self._shown = shown

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask."""
        return self.async_show_menu(
            step_id="init",
            menu_options=["install", "discard"],
            # Escaped when the issue was made; one of before there were indexes has none
            description_placeholders={
                "index": "-",
                **{name: Markdown(text) for name, text in self._shown.items()},
            },
        )

    async def async_step_install(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Install exactly the file with the checksum that was shown."""
        service = get_data(self.hass).driver_service
        try:
            await service.async_install(
                self._url, self._sha256, self._file_name, self._index
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
        await get_data(self.hass).driver_service.async_discard(self._sha256)
        return self.async_create_entry(data={})
