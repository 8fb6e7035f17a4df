"""Fix flows for the repair issues of drivers."""

from collections.abc import Mapping
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.components.repairs import (
    ConfirmRepairFlow,
    RepairsFlow,
    RepairsFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import UnknownFlow
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .data import get_data
from .driver_engine.declaration import DriverId
from .driver_engine.driver_files import UnusableFile, read_bytes
from .driver_engine.faults import os_reason
from .driver_engine.loaded import FailedDriver
from .drivers.index_issues import INDEX_KEY_CHANGED, INDEX_SIGNATURE_LOST
from .drivers.install import DRIVER_INSTALL
from .drivers.issues import DATA_PATH, DATA_TYPE, STOCK_FILES
from .drivers.repairs_index import IndexKeyFlow
from .drivers.repairs_install import InstallDriverFlow
from .drivers.repairs_stock import StockFilesFlow
from .drivers.repairs_worse import WorseDriverFlow
from .drivers.watch import DRIVER_GONE_BACK, DRIVER_WORSE
from .errors import localized
from .markdown import code, escaping, printable
from .miner.lowered import OVERHEAT_LOWERED, LoweredFlow

_FLOWS: Final[Mapping[str, type[RepairsFlow]]] = {
    DRIVER_GONE_BACK: ConfirmRepairFlow,
    DRIVER_INSTALL: InstallDriverFlow,
    DRIVER_WORSE: WorseDriverFlow,
    INDEX_KEY_CHANGED: IndexKeyFlow,
    INDEX_SIGNATURE_LOST: IndexKeyFlow,
    OVERHEAT_LOWERED: LoweredFlow,
    STOCK_FILES: StockFilesFlow,
}
"""By the translation key of the issue; what has no such key is about a file."""

_LONGEST_LINE = 200
_TYPE = re.compile(
    r"^[ \t]*(?:driver_type|miner_type|pool_type)[ \t]*(?::[^=\n]*)?=[ \t]*[\"'](\w+)[\"']",
    re.MULTILINE,
)


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow that fixes an issue."""
    issue = ir.async_get(hass).async_get_issue(DOMAIN, issue_id)
    if issue is not None and (flow := _FLOWS.get(issue.translation_key or "")):
        return flow()
    if not data or not isinstance(path := data.get(DATA_PATH), str):
        raise UnknownFlow(issue_id)
    driver_type = data.get(DATA_TYPE)
    if isinstance(driver_type, str):
        return HarmfulDriverFlow(Path(path), driver_type)
    return BrokenFileFlow(Path(path))


@escaping
class _FileFlow(RepairsFlow):
    """What the flows have in common: a file that can be taken out of use."""

    def __init__(self, path: Path) -> None:
        """Begin with the file of the issue."""
        self._path = path

    async def async_step_disable(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Rename the file; nothing is deleted."""
        try:
            await get_data(self.hass).driver_service.async_disable(self._path)
        except OSError as err:
            return self.async_abort(
                reason="cannot_rename",
                description_placeholders={
                    "file": get_data(self.hass).driver_manager.name_of(self._path),
                    "reason": localized(self.hass, os_reason(err)),
                },
            )
        return self.async_create_entry(data={})

    async def async_step_use_bundled(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Make room for the bundled driver."""
        return await self.async_step_disable()


class BrokenFileFlow(_FileFlow):
    """Shows what is wrong with a file, and loads it again or disables it."""

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show the fault and what can be done."""
        return await self._async_show("init")

    async def async_step_reload(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Try again, after the user has changed the file."""
        await get_data(self.hass).driver_service.async_reload()
        return await self.async_step_still_broken()

    async def async_step_still_broken(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Show what is wrong now, unless nothing is."""
        return await self._async_show("still_broken")

    async def _async_show(self, step_id: str) -> RepairsFlowResult:
        manager = get_data(self.hass).driver_manager
        failed = next(
            (failure for failure in manager.failed if failure.path == self._path), None
        )
        if failed is None:
            return self.async_create_entry(data={})
        source = await self.hass.async_add_executor_job(
            _read, self._path, manager.folder.parent
        )
        types = {self._path.stem.removesuffix("_driver"), *_TYPE.findall(source)}
        # Where another file of the user has taken the type, the bundled one rests
        has_bundled = self._path.suffix == ".py" and any(
            driver.driver_type in types
            and (driver.bundled or (driver.replaces and driver.path == self._path))
            for driver in manager.drivers
        )
        return self.async_show_menu(
            step_id=step_id,
            menu_options=["reload", "use_bundled" if has_bundled else "disable"],
            description_placeholders={
                "file": manager.name_of(failed.path),
                "line": str(failed.line or "?"),
                "reason": localized(self.hass, failed.reason),
                "source": code(_line(source, failed)),
            },
        )


class HarmfulDriverFlow(_FileFlow):
    """Offers the bundled driver in place of one that harms a device."""

    def __init__(self, path: Path, driver_type: str) -> None:
        """Begin with the driver of the issue."""
        super().__init__(path)
        self._driver_type = driver_type

    async def async_step_init(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Ask what to do."""
        manager = get_data(self.hass).driver_manager
        has_bundled = DriverId("miner", self._driver_type) in manager.bundled
        return self.async_show_menu(
            step_id="init",
            menu_options=["use_bundled" if has_bundled else "disable", "keep"],
            description_placeholders={
                "file": manager.name_of(self._path),
                "driver": self._driver_type,
            },
        )

    async def async_step_keep(
        self, user_input: dict[str, Any] | None = None
    ) -> RepairsFlowResult:
        """Let the driver run, and say no more of it."""
        if ir.async_get(self.hass).async_get_issue(DOMAIN, self.issue_id):
            ir.async_ignore_issue(self.hass, DOMAIN, self.issue_id, True)
        # To finish would delete the issue, and the next start would bring it back
        return self.async_abort(reason="kept")


def _read(path: Path, root: Path) -> str:
    """Return the text of a file, as far as it is one."""
    try:
        return read_bytes(path, root).decode("utf-8", "replace")
    except UnusableFile:
        return ""


def _line(source: str, failed: FailedDriver) -> str:
    """Return the line of the fault."""
    lines = source.split("\n")
    if failed.line is None or not 0 < failed.line <= len(lines):
        return "?"
    return printable(lines[failed.line - 1], _LONGEST_LINE) or "?"
