"""Load drivers and pool files into Home Assistant, and report what is broken."""

import logging
from pathlib import Path

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN
from .driver_manager.loader import FailedDriver, LoadedDrivers, load_drivers
from .driver_manager.pool_files import PoolFiles, load_pool_files

_LOGGER = logging.getLogger(__name__)


async def async_load(hass: HomeAssistant) -> tuple[LoadedDrivers, PoolFiles]:
    """Load everything; a broken file becomes a repair issue."""
    folder = Path(hass.config.path(DOMAIN))
    drivers, pool_files = await hass.async_add_import_executor_job(_load, folder)

    for driver in (*drivers.miners.values(), *drivers.pools.values()):
        if not driver.bundled:
            _LOGGER.warning(
                "Loaded the driver %s %s from %s (SHA-256 %s). It runs with all"
                " rights of Home Assistant",
                driver.driver_type,
                driver.version,
                driver.path,
                driver.sha256,
            )
    for failed in drivers.failed:
        _report(hass, failed, folder, "driver_failed")
    for failed in pool_files.failed:
        _report(hass, failed, folder, "pool_file_failed")
    return drivers, pool_files


def _load(folder: Path) -> tuple[LoadedDrivers, PoolFiles]:
    drivers = load_drivers(folder)
    return drivers, load_pool_files(folder, drivers)


def _report(hass: HomeAssistant, failed: FailedDriver, folder: Path, key: str) -> None:
    """Log a broken file once and show it in the repairs."""
    name = (
        str(failed.path.relative_to(folder.parent))
        if failed.path.is_relative_to(folder.parent)
        else failed.path.name
    )
    _LOGGER.error(
        "%s cannot be used: %s (line %s)", name, failed.reason, failed.line or "?"
    )
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{key}_{name}",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=key,
        translation_placeholders={
            "file": name,
            "line": str(failed.line or "?"),
            "reason": failed.reason,
        },
    )
