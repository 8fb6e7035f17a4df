"""The unique id of an entry: what its device and entities are known by.

With another one, its entities, their history and its device stay.
"""

from collections.abc import Mapping
from typing import Any

from homeassistant.config_entries import SOURCE_IGNORE
from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import CONNECTION_NETWORK_MAC

from .const import DOMAIN
from .data import HmmConfigEntry, fleet_entry
from .driver_engine.identity import is_mac


def identity_of(entry: HmmConfigEntry) -> str:
    """Return how the ids of an entry's device and entities begin."""
    return entry.unique_id or entry.entry_id


@callback
def device_of(hass: HomeAssistant, entry: HmmConfigEntry) -> dr.DeviceEntry | None:
    """Return an entry's own device, None if it never had one."""
    return dr.async_get(hass).async_get_device_by_identifier(
        (DOMAIN, identity_of(entry)), entry.entry_id
    )


@callback
def device_id_of(hass: HomeAssistant, entry: HmmConfigEntry) -> str | None:
    """Return the id of an entry's own device."""
    device = device_of(hass, entry)
    return device.id if device else None


@callback
def named_devices(hass: HomeAssistant, target: Mapping[str, Any]) -> set[str]:
    """Return the devices that a target names, itself or by one of their entities."""
    registry = er.async_get(hass)
    entities = map(registry.async_get, target.get(ATTR_ENTITY_ID) or ())
    return {*(target.get(ATTR_DEVICE_ID) or ())} | {
        entity.device_id
        for entity in entities
        if entity is not None and entity.device_id is not None
    }


@callback
def names_fleet(hass: HomeAssistant, target: Mapping[str, Any]) -> bool:
    """Return whether a target names the fleet, which stands for all miners."""
    fleet = fleet_entry(hass)
    return fleet is not None and device_id_of(hass, fleet) in named_devices(
        hass, target
    )


@callback
def entity_id_of(
    hass: HomeAssistant, entry: HmmConfigEntry, platform: str, key: str
) -> str | None:
    """Return an entity of an entry's own device by its key."""
    return er.async_get(hass).async_get_entity_id(
        platform, DOMAIN, f"{identity_of(entry)}_{key}"
    )


@callback
def is_own(hass: HomeAssistant, entity_id: str) -> bool:
    """Return whether an entity is of HMM: what follows it would follow itself."""
    entity = er.async_get(hass).async_get(entity_id)
    return entity is not None and entity.platform == DOMAIN


@callback
def async_change_unique_id(
    hass: HomeAssistant, entry: HmmConfigEntry, unique_id: str
) -> None:
    """Give a miner's entry the id of its device, which no other entry may have.

    Entities may be loaded: they take their unique id from the entry.
    """
    before = identity_of(entry)
    if before == unique_id:
        return
    _move(hass, entry, before, unique_id)
    hass.config_entries.async_update_entry(entry, unique_id=unique_id)
    async_dismiss(hass, unique_id)


@callback
def async_follow_unique_id(hass: HomeAssistant, entry: HmmConfigEntry) -> None:
    """Give what an entry has its id, if that has still the one before.

    Home Assistant writes entries within a second, devices and entities up to three
    minutes later: after a crash in between, all would be new ones beside the old.
    """
    identity = identity_of(entry)
    names = {
        name
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
        # Workers hang on the device of their account
        if device.via_device_id is None
        for domain, name in device.identifiers
        if domain == DOMAIN
    }
    if len(names) == 1 and (before := names.pop()) != identity:
        _move(hass, entry, before, identity)


def _move(
    hass: HomeAssistant, entry: HmmConfigEntry, before: str, unique_id: str
) -> None:
    """Give the device and entities of an entry another id."""
    entities = er.async_get(hass)
    for entity in er.async_entries_for_config_entry(entities, entry.entry_id):
        if entity.unique_id.startswith(f"{before}_"):
            key = entity.unique_id.removeprefix(before)
            entities.async_update_entity(
                entity.entity_id, new_unique_id=unique_id + key
            )
    devices = dr.async_get(hass)
    for device in dr.async_entries_for_config_entry(devices, entry.entry_id):
        if (DOMAIN, before) in device.identifiers:
            devices.async_update_device(
                device.id,
                new_identifiers=device.identifiers - {(DOMAIN, before)}
                | {(DOMAIN, unique_id)},
                # The MAC of a device that was replaced must not lead here
                new_connections={
                    connection
                    for connection in device.connections
                    if connection[0] != CONNECTION_NETWORK_MAC
                    or connection[1] == unique_id
                },
            )


@callback
def async_holder(
    hass: HomeAssistant, entry: HmmConfigEntry, unique_id: str
) -> HmmConfigEntry | None:
    """Return the other entry that has an id; one that only ignores it makes room."""
    holder = hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, unique_id)
    if holder is None or holder is entry:
        return None
    if holder.source == SOURCE_IGNORE:
        hass.async_create_task(hass.config_entries.async_remove(holder.entry_id))
    return holder


@callback
def async_dismiss(hass: HomeAssistant, unique_id: str) -> None:
    """Close the dialogs that offer a device as a new one."""
    for flow in hass.config_entries.flow.async_progress_by_handler(
        DOMAIN, include_uninitialized=True, match_context={"unique_id": unique_id}
    ):
        if flow["context"]["source"] not in ("reauth", "reconfigure", "user"):
            hass.config_entries.flow.async_abort(flow["flow_id"])


def is_better_id(unique_id: str, current: str) -> bool:
    """Return whether an id says more than the one that a verified device has."""
    return unique_id != current and not is_mac(current)
