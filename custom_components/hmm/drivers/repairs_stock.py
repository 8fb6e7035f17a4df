"""Offers to use driver files that came with HMM-Local in place of HMM's own drivers."""

from collections.abc import Collection
from typing import Any

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
import voluptuous as vol

from ..data import get_data
from ..driver_engine.loaded import StockFile
from ..flow_tools import choice
from ..markdown import escaping
from .issues import listed_stock, stock_label
from .manager import DriverManager

_FILES = "files"


@escaping
class StockFilesFlow(RepairsFlow):
    """Lets the user keep HMM's own drivers, or run all or some of the files."""

    @property
    def _manager(self) -> DriverManager:
        return get_data(self.hass).driver_manager

    @property
    def _files(self) -> list[StockFile]:
        manager = self._manager
        return manager.stock_decisions.unseen(manager.drivers.stock)

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show which files they are and what can be done."""
        files = self._files
        return self.async_show_menu(
            step_id="init",
            menu_options=[
                "use_bundled",
                "use_mine",
                *(["choose"] if len(files) > 1 else []),
            ],
            description_placeholders={"files": listed_stock(self._manager, files)},
        )

    async def async_step_use_bundled(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Leave it as it is, and do not ask again."""
        return await self._async_use(())

    async def async_step_use_mine(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Run all of the files."""
        return await self._async_use([file.sha256 for file in self._files])

    async def async_step_choose(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Run some of the files."""
        if user_input is not None:
            return await self._async_use(user_input[_FILES])
        return self.async_show_form(
            step_id="choose",
            data_schema=vol.Schema(
                {
                    vol.Required(_FILES): choice(
                        {
                            file.sha256: stock_label(self._manager, file)
                            for file in self._files
                        },
                        multiple=True,
                    )
                }
            ),
        )

    async def _async_use(self, files: Collection[str]) -> RepairsFlowResult:
        """Run these besides what the user wanted before; all others stay aside."""
        manager = self._manager
        before = [file.sha256 for file in manager.drivers.stock if file.is_wanted]
        await get_data(self.hass).driver_service.async_decide_stock([*before, *files])
        return self.async_create_entry(data={})
