"""What is known of the updates of drivers, as JSON with the keys of HMM-Local."""

from typing import Any

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util.json import JsonObjectType

from ..data import get_data
from ..driver_api import Reason
from ..driver_engine.faults import why
from ..driver_engine.loaded import AnyLoaded
from ..errors import localized, message
from .install import PendingDriver, issue_id
from .manager import id_of
from .service import DriverResult
from .sources import DriverState

_UP_TO_DATE = "up_to_date"
_UPDATE_AVAILABLE = "update_available"
_NO_SOURCE = "no_source"


@callback
def update_states(hass: HomeAssistant) -> list[Any]:
    """Return all drivers with the installed and the available version.

    A bundled driver is always up to date: it comes with the integration. The
    user's files are listed as they are on the disk, working or not.
    """
    states = get_data(hass).driver_service.states
    rows = [_state(hass, state) for state in states.values()]
    rows.extend(
        _bundled(driver)
        for driver in get_data(hass).driver_manager.drivers
        if driver.bundled and id_of(driver) not in states
    )
    return sorted(rows, key=lambda row: (row["category"], row["driver_type"]))


def _bundled(driver: AnyLoaded) -> dict[str, Any]:
    id_ = id_of(driver)
    return {
        "name": driver.path.name,
        "driver_type": id_.driver_type,
        "category": id_.kind,
        "display_name": driver.name,
        "current_version": driver.version,
        "available_version": driver.version,
        "status": _UP_TO_DATE,
        "description": _first_line(driver.driver_class.__doc__),
        "source": "bundled",
        "url": None,
        "error": None,
    }


def _state(hass: HomeAssistant, state: DriverState) -> dict[str, Any]:
    if state.has_update:
        status = _UPDATE_AVAILABLE
    else:
        status = _UP_TO_DATE if state.has_source else _NO_SOURCE
    if state.url is not None:
        source: str | None = "url" if state.index is None else "index"
    else:
        source = "bundled" if state.has_source else None
    return {
        "name": state.installed.path.name,
        "driver_type": state.id.driver_type,
        "category": state.id.kind,
        "display_name": state.installed.declaration.display_name,
        "current_version": state.installed_version,
        "available_version": state.latest_version,
        "status": status,
        "description": state.installed.declaration.description,
        "source": source,
        "url": str(state.url) if state.url else None,
        "error": message(hass, state.error) if state.error else None,
    }


@callback
def result_json(
    hass: HomeAssistant, result: DriverResult, done: Reason
) -> JsonObjectType:
    """Return what became of one driver."""
    return {
        "success": True,
        "message": localized(hass, done),
        "driver_name": result.name,
        "old_version": result.old_version,
        "new_version": result.new_version,
    }


@callback
def update_json(hass: HomeAssistant, result: DriverResult) -> JsonObjectType:
    """Return what an update did."""
    if result.old_version == result.new_version:
        done = why("driver_current", driver=result.name)
    else:
        done = why("driver_updated", driver=result.name)
    return result_json(hass, result, done)


@callback
def update_all_json(
    hass: HomeAssistant,
    updated: list[DriverResult],
    failed: list[tuple[DriverState, HomeAssistantError]],
) -> JsonObjectType:
    """Return what the update of all drivers did."""
    done = why("drivers_updated", count=len(updated))
    if failed:
        done = why("drivers_updated_in_part", count=len(updated), failed=len(failed))
    return {
        "success": not failed,
        "updated": [
            {
                "name": result.name,
                "category": result.id.kind,
                "old_version": result.old_version,
                "new_version": result.new_version,
            }
            for result in updated
        ],
        "failed": [
            {
                "name": state.installed.path.name,
                "category": state.id.kind,
                "error": message(hass, err),
            }
            for state, err in failed
        ],
        "message": localized(hass, done),
    }


@callback
def pending_json(hass: HomeAssistant, pending: PendingDriver) -> JsonObjectType:
    """Return what waits until the user accepts it."""
    declaration = pending.declaration
    return {
        "success": True,
        "message": localized(hass, why("driver_to_confirm")),
        "driver_name": pending.file_name,
        "driver_type": declaration.id.driver_type,
        "category": declaration.id.kind,
        "display_name": declaration.display_name,
        "version": declaration.version,
        "requirements": list(declaration.requirements),
        "sha256": declaration.sha256,
        "url": str(pending.url),
        "issue_id": issue_id(pending),
    }


def _first_line(docstring: str | None) -> str | None:
    lines = (docstring or "").strip().splitlines()
    return lines[0].strip() if lines else None
