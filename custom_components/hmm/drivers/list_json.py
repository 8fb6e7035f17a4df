"""What is known of the drivers, as JSON."""

from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.util.json import JsonObjectType

from ..data import HmmConfigEntry, get_data
from ..driver_engine.loaded import AnyLoaded, FailedDriver
from ..driver_engine.metrics import metrics_of
from ..errors import entry_reason, localized
from .manager import DriverChange, DriverManager, ReloadReport, id_of, variant_of


@callback
def list_drivers(hass: HomeAssistant) -> JsonObjectType:
    """Return all drivers with what uses them, and the files that failed."""
    manager = get_data(hass).driver_manager
    return {
        "drivers": [
            {
                **driver_facts(manager, driver),
                "display_name": driver.name,
                "entries": [
                    {"entry_id": entry.entry_id, "title": entry.title}
                    for entry in manager.entries_of(driver)
                ],
            }
            for driver in manager.drivers
        ],
        "failed_files": failed_files(hass, manager),
        "stock_files": stock_files(manager),
    }


def stock_files(manager: DriverManager) -> list[Any]:
    """Return the unchanged files of HMM-Local, and whether the user wants them."""
    return [
        {
            "file": manager.name_of(file.path),
            "drivers": [str(id_) for id_ in file.drivers],
            "version": file.version,
            "sha256": file.sha256,
            "used": file.is_wanted,
        }
        for file in manager.drivers.stock
    ]


def driver_facts(manager: DriverManager, driver: AnyLoaded) -> dict[str, Any]:
    """Return what a driver is and which file it came from."""
    bundled = manager.bundled.get(id_of(driver))
    return {
        "type": driver.driver_type,
        "category": id_of(driver).kind,
        "version": driver.version,
        "bundled_version": bundled.version if bundled else None,
        "source": "bundled" if driver.bundled else "user",
        "variant": variant_of(driver),
        "file": manager.name_of(driver.path),
        "sha256": driver.sha256,
        "metrics": metrics_of(driver.driver_class).as_dict(),
    }


@callback
def failed_files(hass: HomeAssistant, manager: DriverManager) -> list[Any]:
    """Return the driver and pool files that cannot be used."""
    return [_failed(hass, manager, failed) for failed in manager.failed]


def _failed(
    hass: HomeAssistant, manager: DriverManager, failed: FailedDriver
) -> JsonObjectType:
    return {
        "file": manager.name_of(failed.path),
        "line": failed.line,
        "reason": localized(hass, failed.reason),
    }


@callback
def reload_report(
    hass: HomeAssistant, manager: DriverManager, report: ReloadReport
) -> JsonObjectType:
    """Return what a reload did."""
    return {
        "loaded": len(list(manager.drivers)),
        "changed": [_change(manager, change) for change in report.changes],
        "failed_files": [_failed(hass, manager, failed) for failed in report.failed],
        "entries": [_entry(hass, entry) for entry in report.entries],
        "seconds": round(report.seconds, 2),
    }


def _change(manager: DriverManager, change: DriverChange) -> JsonObjectType:
    before, after = change.before, change.after
    if before is None:
        what = "added"
    else:
        what = "removed" if after is None else "changed"
    return {
        "type": change.id.driver_type,
        "category": change.id.kind,
        "change": what,
        "old_version": before.version if before else None,
        "new_version": after.version if after else None,
        "file": manager.name_of(after.path) if after else None,
    }


def _entry(hass: HomeAssistant, entry: HmmConfigEntry) -> JsonObjectType:
    return {
        "entry_id": entry.entry_id,
        "title": entry.title,
        "state": entry.state.value,
        "reason": entry_reason(hass, entry),
    }
