"""Which miners a strategy is for, and in which strategy a miner already is."""

from collections import Counter
from collections.abc import Iterable

from homeassistant.config_entries import ConfigEntry, ConfigSubentry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr

from ..data import HmmConfigEntry, miner_entries
from .keys import CONF_MINERS


@callback
def entries_of(
    hass: HomeAssistant, device_ids: Iterable[object]
) -> list[HmmConfigEntry]:
    """Return the miners of devices, all of them where no device is named.

    A device that is gone, or that is none of a miner, is left out.
    """
    wanted = {device_id for device_id in device_ids if isinstance(device_id, str)}
    entries = miner_entries(hass)
    if not wanted:
        return entries
    return [entry for entry in entries if wanted & _devices_of(hass, entry)]


@callback
def is_each_a_miner(hass: HomeAssistant, device_ids: Iterable[str]) -> bool:
    """Return whether each device is that of one miner."""
    miners = Counter(
        device_id
        for entry in miner_entries(hass)
        for device_id in _devices_of(hass, entry)
    )
    return all(miners[device_id] == 1 for device_id in device_ids)


def _devices_of(hass: HomeAssistant, entry: ConfigEntry) -> set[str | None]:
    """Return the ids of the devices of an entry.

    Those before they were split from the ones of another integration count, too.
    """
    return {
        device_id
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), entry.entry_id
        )
        for device_id in (device.id, getattr(device, "composite_device_id", None))
    }


@callback
def first_taken(
    hass: HomeAssistant,
    fleet: ConfigEntry,
    kind: str,
    device_ids: list[str],
    own: ConfigSubentry | None,
) -> tuple[str, str] | None:
    """Return a miner that is in another strategy of a kind, and that strategy.

    Both as their titles; None if each miner is free.
    """
    wanted = {entry.entry_id: entry.title for entry in entries_of(hass, device_ids)}
    for subentry in fleet.subentries.values():
        if subentry.subentry_type != kind or subentry is own:
            continue
        for entry in entries_of(hass, subentry.data.get(CONF_MINERS, ())):
            if entry.entry_id in wanted:
                return entry.title, subentry.title
    return None
