"""What the author of a driver does: copy a bundled one, edit it, load it again."""

import os
from pathlib import Path

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..const import DOMAIN
from ..data import get_data
from ..driver_engine.driver_store import DriverStore, StoreError, driver_file_name
from ..driver_engine.faults import os_reason
from ..driver_engine.loaded import AnyLoaded
from ..errors import localized
from .manager import ReloadReport, id_of


async def async_reload(hass: HomeAssistant) -> ReloadReport:
    """Load driver and pool files again, because the user wants it.

    A file that is broken is in the report and in the repairs. Raises
    HomeAssistantError only if the reload itself could not be done.
    """
    try:
        return await get_data(hass).driver_manager.async_reload()
    except OSError as err:
        # No process could be started to try the files in, or a folder is gone
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="drivers_not_reloaded",
            translation_placeholders={"reason": localized(hass, os_reason(err))},
        ) from err


@callback
def customisable(hass: HomeAssistant) -> list[AnyLoaded]:
    """Return the bundled drivers that no file of the user stands for yet."""
    return [
        driver for driver in get_data(hass).driver_manager.drivers if driver.bundled
    ]


@callback
def known_drivers(hass: HomeAssistant) -> str:
    """Return the types of all bundled drivers."""
    bundled = get_data(hass).driver_manager.bundled
    return ", ".join(sorted(id_.driver_type for id_ in bundled))


async def async_customise(hass: HomeAssistant, name: str) -> tuple[Path, ReloadReport]:
    """Copy a bundled driver to where the user can edit it, and use the copy.

    ``name`` is its type, as ``bitaxe`` or ``miner/bitaxe``. Raises HomeAssistantError.
    """
    manager = get_data(hass).driver_manager
    bundled = next(
        (
            driver
            for id_, driver in manager.bundled.items()
            if name in (id_.driver_type, str(id_))
        ),
        None,
    )
    if bundled is None:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_bundled_driver",
            translation_placeholders={
                "driver": name,
                "drivers": known_drivers(hass),
            },
        )
    id_ = id_of(bundled)
    target = manager.folder / f"{id_.kind}_drivers" / driver_file_name(id_.driver_type)
    for driver in manager.drivers:
        if id_of(driver) == id_ and not driver.bundled:
            target = driver.path
    try:
        await hass.async_add_executor_job(
            _copy, DriverStore(manager.folder), bundled.path, target
        )
    except FileExistsError as err:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="driver_file_exists",
            translation_placeholders={"file": manager.name_of(target)},
        ) from err
    except StoreError as err:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="cannot_write_driver",
            translation_placeholders={
                "file": manager.name_of(target),
                "reason": localized(hass, err.reason),
            },
        ) from err
    return target, await async_reload(hass)


def _copy(store: DriverStore, source: Path, target: Path) -> None:
    """Write a new file; an old one is never written over."""
    if os.path.lexists(target):
        raise FileExistsError(target)
    store.write(target, source.read_bytes())
