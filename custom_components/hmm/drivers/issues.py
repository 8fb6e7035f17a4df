"""Repair issues of drivers: files that cannot be used, drivers that do harm."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from ..driver_engine.hanging import is_stopped
from ..driver_engine.loaded import StockFile
from ..driver_engine.loader import BUNDLED
from ..errors import localized
from ..markdown import Markdown, async_create_issue, async_delete_issues, code

if TYPE_CHECKING:
    from .manager import DriverManager

DATA_PATH = "path"
DATA_TYPE = "driver_type"

DRIVER_FAILED = "driver_failed"
POOL_FILE_FAILED = "pool_file_failed"
DRIVER_HANGS = "driver_hangs"
STOCK_FILES = "stock_files"
_STOCK_ISSUE = f"{STOCK_FILES}_of_hmm_local"

# What a driver may do that harms a device, and the issue that reports it
_DANGERS = {
    "writes_input_voltage": "driver_writes_input_voltage",
    "pool_switch_restarts": "driver_pool_switch_restarts",
}
DANGERS = frozenset(_DANGERS.values())


@callback
def async_show_issues(hass: HomeAssistant, manager: DriverManager) -> None:
    """Make an issue for each broken file and harmful driver; others vanish."""
    shown = set()
    for key, failures in (
        (DRIVER_FAILED, manager.drivers.failed),
        (POOL_FILE_FAILED, manager.known_pools.failed),
    ):
        for failed in failures:
            if failed.waiting or failed.path.is_relative_to(BUNDLED):
                # It arrives automatically, or its entries report what is wrong
                continue
            name = manager.name_of(failed.path)
            issue_id = f"{key}_{name}"
            # Of two faults in one file, the first is shown
            if issue_id in shown:
                continue
            shown.add(issue_id)
            async_create_issue(
                hass,
                issue_id,
                data={DATA_PATH: str(failed.path)},
                is_fixable=True,
                severity=ir.IssueSeverity.ERROR,
                translation_key=key,
                translation_placeholders={
                    "file": name,
                    "line": str(failed.line or "?"),
                    "reason": localized(hass, failed.reason),
                },
            )
    for driver in manager.drivers:
        danger = getattr(driver.driver_class, "danger", None)
        # One of a kind of its own may not even be compared
        if driver.bundled or type(danger) is not str or danger not in _DANGERS:
            continue
        dangerous = _DANGERS[danger]
        name = manager.name_of(driver.path)
        issue_id = f"{dangerous}_{name}"
        shown.add(issue_id)
        async_create_issue(
            hass,
            issue_id,
            data={DATA_PATH: str(driver.path), DATA_TYPE: driver.driver_type},
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=dangerous,
            translation_placeholders={"file": name, "driver": driver.driver_type},
        )
    for driver in manager.drivers:
        if not is_stopped(driver.driver_class):
            continue
        name = manager.name_of(driver.path)
        issue_id = f"{DRIVER_HANGS}_{name}"
        shown.add(issue_id)
        async_create_issue(
            hass,
            issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.ERROR,
            translation_key=DRIVER_HANGS,
            translation_placeholders={"file": name, "driver": driver.driver_type},
        )
    if unseen := manager.stock_decisions.unseen(manager.drivers.stock):
        shown.add(_STOCK_ISSUE)
        async_create_issue(
            hass,
            _STOCK_ISSUE,
            is_fixable=True,
            severity=ir.IssueSeverity.WARNING,
            translation_key=STOCK_FILES,
            translation_placeholders={"files": listed_stock(manager, unseen)},
        )
    kinds = {DRIVER_FAILED, POOL_FILE_FAILED, DRIVER_HANGS, STOCK_FILES, *DANGERS}
    async_delete_issues(hass, kinds, but=shown)


def listed_stock(manager: DriverManager, files: Iterable[StockFile]) -> Markdown:
    """Return files that came with HMM-Local as a list, with what runs instead."""
    bundled = manager.bundled
    return Markdown(
        "\n".join(
            f"- `{code(stock_label(manager, file))}`: "
            + ", ".join(
                f"{id_.driver_type} {bundled[id_].version}" for id_ in file.drivers
            )
            for file in files
        )
    )


def stock_label(manager: DriverManager, file: StockFile) -> str:
    """Return a file's path and version."""
    return f"{manager.name_of(file.path)} {file.version}"
