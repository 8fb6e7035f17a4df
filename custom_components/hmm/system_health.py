"""What the system information of Home Assistant says of HMM, for a bug report."""

from typing import Any

from homeassistant.components.system_health import SystemHealthRegistration
from homeassistant.core import HomeAssistant, callback

from .const import EntryType
from .data import entries_of_kind, get_data


@callback
def async_register(hass: HomeAssistant, register: SystemHealthRegistration) -> None:
    """Register what is shown of HMM."""
    register.async_register_info(system_health_info)


async def system_health_info(hass: HomeAssistant) -> dict[str, Any]:
    """Return counts: no address, account or name is in them."""
    fleet, manager = get_data(hass).fleet, get_data(hass).driver_manager
    online = sum(miner.last_update_success for miner in fleet.miners.values())
    own = sum(not driver.bundled for driver in manager.drivers)
    return {
        "miners": f"{online}/{len(entries_of_kind(hass, EntryType.MINER))}",
        "pools": len(entries_of_kind(hass, EntryType.POOL)),
        "own_drivers": own,
        "failed_files": len(manager.failed),
    }
