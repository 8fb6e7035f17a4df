"""Diagnostics that can be shared: nothing secret is in them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant

from .const import CONF_POOL_SETTINGS, CONF_WALLET
from .coordinator import MinerCoordinator, PoolCoordinator
from .data import get_data

TO_REDACT = {
    CONF_HOST,
    CONF_POOL_SETTINGS,
    CONF_WALLET,
    "admin_password",
    "admin_user",
    "configuration_url",
    "hostname",
    "mac",
    "name",
    "otp_secret",
    "serial",
    "unique_id",
    "user",
    "workers",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: ConfigEntry[Any]
) -> dict[str, Any]:
    """Return what helps to find a fault of one entry."""
    data = get_data(hass)
    result: dict[str, Any] = {
        "entry": async_redact_data(
            {"data": dict(entry.data), "options": dict(entry.options)}, TO_REDACT
        ),
        "drivers": [
            {
                "type": driver.driver_type,
                "version": driver.version,
                "file": driver.path.name,
                "sha256": driver.sha256,
                "bundled": driver.bundled,
            }
            for driver in (
                *data.drivers.miners.values(),
                *data.drivers.pools.values(),
            )
        ],
        "failed_files": [
            {"file": failed.path.name, "line": failed.line, "reason": failed.reason}
            for failed in (*data.drivers.failed, *data.pool_files.failed)
        ],
    }
    coordinator = getattr(entry, "runtime_data", None)
    if isinstance(coordinator, MinerCoordinator | PoolCoordinator):
        result["last_update_success"] = coordinator.last_update_success
        result["last_poll"] = (
            None
            if coordinator.data is None
            else async_redact_data(_plain(asdict(coordinator.data)), TO_REDACT)
        )
    return result


def _plain(data: Any) -> Any:
    """Return data with lists for tuples, which would pass the redaction by."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data
