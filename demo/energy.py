"""The energy dashboard of Home Assistant, with the miners in it."""

from collections.abc import Iterable

from .devices import Device
from .home_assistant import Client


async def set_up_energy(client: Client, devices: Iterable[Device]) -> None:
    """List every miner that knows what it uses as a device that uses energy."""
    await client.command(
        "energy/save_prefs",
        device_consumption=[
            {
                "stat_consumption": miner.entities["sensor.energy"],
                "stat_rate": miner.entities["sensor.power"],
                "name": miner.name,
            }
            for miner in devices
            if not miner.is_service
            and {"sensor.energy", "sensor.power"} <= miner.entities.keys()
        ],
    )
