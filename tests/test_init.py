"""Setting entries up and taking them down."""

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant

from simulator import SimulatedAxeOS

from .conftest import miner_entry, set_up


async def test_miner_is_set_up_with_hub(
    home: HomeAssistant, bitaxe: SimulatedAxeOS
) -> None:
    """Given a Bitaxe, when it is set up, then its entities and a hub are there."""
    entry = await set_up(home, miner_entry(bitaxe, "bitaxe", title="Garage"))

    assert entry.state is ConfigEntryState.LOADED
    for s in home.states.async_all():
        print(s)
    assert home.states.get("switch.garage").state == "on"
    hub = home.config_entries.async_entry_for_domain_unique_id("hmm", "hmm_hub")
    assert hub is not None and hub.state is ConfigEntryState.LOADED
    assert home.states.get("sensor.mining_fleet_miners_online").state == "1"
