"""What the integration has made of the miners and pools."""

from dataclasses import dataclass, field

from .home_assistant import Client


@dataclass(frozen=True, slots=True)
class Device:
    """A device of the integration, and its entities by "domain.key"."""

    device_id: str
    entry_id: str
    name: str
    is_service: bool
    entities: dict[str, str] = field(default_factory=dict)

    @property
    def is_hub(self) -> bool:
        """Whether it is the fleet: only that counts miners."""
        return "sensor.miners_online" in self.entities


async def read_devices(client: Client) -> list[Device]:
    """Return the devices of the integration with their enabled entities."""
    devices = {
        entry["id"]: Device(
            device_id=entry["id"],
            entry_id=entry["primary_config_entry"] or "",
            name=entry["name_by_user"] or entry["name"],
            is_service=entry["entry_type"] == "service",
        )
        for entry in await client.command("config/device_registry/list")
    }
    for entity in await client.command("config/entity_registry/list"):
        if entity["platform"] != "hmm" or entity["disabled_by"]:
            continue
        domain = entity["entity_id"].partition(".")[0]
        key = f"{domain}.{entity['translation_key']}"
        devices[entity["device_id"]].entities[key] = entity["entity_id"]
    return [device for device in devices.values() if device.entities]
