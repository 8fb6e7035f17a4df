"""Why a miner lacks a value that its owner may expect."""

from typing import Final

from ..const import CONF_POWER_DRAW
from ..driver_api import MinerTelemetry
from .coordinator import MinerCoordinator

_WINDOWS: Final = {
    "hashrate_10m": 600,
    "hashrate_15m": 3600,  # It rises from zero, and is given after four of its windows
    "hashrate_1h": 3600,
    "hashrate_1d": 86_400,
}
"""Seconds that a miner must have run for an average."""
_OF_POWER: Final = ("power", "energy", "efficiency")


def missing_values(miner: MinerCoordinator) -> dict[str, str]:
    """Return the keys of entities without a value, each with the key of its reason.

    Only of a miner that responds: all values of another one have the same reason.
    """
    data: MinerTelemetry | None = miner.data
    if data is None or not miner.last_update_success:
        return {}
    reasons = {
        name: "not_reported"
        for name in miner.known.telemetry & miner.offered
        if getattr(data, name, None) is None
    }
    for name, seconds in _WINDOWS.items():
        if name in reasons and data.uptime is not None and data.uptime < seconds:
            reasons[name] = "window_after_restart"
    draw = miner.config_entry.options.get(CONF_POWER_DRAW)
    if not miner.measures_power and draw is None:
        reasons |= dict.fromkeys(_OF_POWER, "power_not_metered")
    return reasons
