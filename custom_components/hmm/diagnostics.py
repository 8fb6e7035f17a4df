"""Diagnostics that can be shared: nothing secret is in them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from homeassistant.components.diagnostics import async_redact_data
from homeassistant.const import CONF_HOST
from homeassistant.core import HomeAssistant

from .const import (
    CONF_ACCOUNT_HASH,
    CONF_ACCOUNT_SETTINGS,
    CONF_CREDENTIALS,
    CONF_POOL_SETTINGS,
    CONF_WALLET,
    EntryType,
)
from .data import HmmConfigEntry, entry_kind, get_data
from .drivers.index_json import index_facts
from .drivers.list_json import driver_facts, failed_files, stock_files
from .miner.coordinator import MinerCoordinator
from .pool.coordinator import PoolCoordinator
from .strategy.facts import strategy_facts

TO_REDACT = {
    CONF_ACCOUNT_HASH,
    CONF_ACCOUNT_SETTINGS,
    CONF_CREDENTIALS,
    CONF_HOST,
    CONF_POOL_SETTINGS,
    CONF_WALLET,
    "account",
    "band",
    "band_name",
    "next",
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
    "own_blocks",
    "workers",
}


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: HmmConfigEntry
) -> dict[str, Any]:
    """Return what helps to find a fault of one entry."""
    manager = get_data(hass).driver_manager
    result: dict[str, Any] = {
        "entry": async_redact_data(
            {"data": dict(entry.data), "options": dict(entry.options)}, TO_REDACT
        ),
        "drivers": [driver_facts(manager, driver) for driver in manager.drivers],
        "failed_files": failed_files(hass, manager),
        "stock_files": stock_files(manager),
    }
    if (profile := get_data(hass).profiles.get(entry.entry_id)) is not None:
        result["profile"] = async_redact_data(_plain(profile.as_dict()), TO_REDACT)
    coordinator = getattr(entry, "runtime_data", None)
    if isinstance(coordinator, MinerCoordinator | PoolCoordinator):
        result["last_update_success"] = coordinator.last_update_success
        result["last_poll"] = (
            None
            if coordinator.data is None
            else async_redact_data(_plain(asdict(coordinator.data)), TO_REDACT)
        )
    if entry_kind(entry) == EntryType.FLEET:
        result["driver_indexes"] = index_facts(get_data(hass).driver_service.indexes)
        result["strategies"] = [
            async_redact_data(_plain(strategy_facts(strategy)), TO_REDACT)
            for strategy in get_data(hass).strategies.strategies.values()
        ]
    return result


def _plain(data: Any) -> Any:
    """Return data with lists for tuples, which would pass the redaction by."""
    if isinstance(data, Mapping):
        return {key: _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data
