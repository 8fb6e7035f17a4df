"""What is known of the miners, kept across restarts."""

from collections.abc import Mapping
from typing import Any

from homeassistant.core import HomeAssistant, callback

from ..const import CONF_PROFILE, DOMAIN
from ..data import HmmConfigEntry
from ..driver_engine.profile import MinerProfile
from ..safe_store import SafeStore

_STORE_VERSION = 1

# A miner that reports something new at every poll must not wear out the disk. What a
# crash loses is learned again at the next poll.
_SAVE_SECONDS = 900


class ProfileStore:
    """The profiles of all miners by config entry, in one file."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without profiles."""
        self._hass = hass
        # The stored dictionaries are never changed, only replaced
        self._store = SafeStore(
            hass, _STORE_VERSION, f"{DOMAIN}.miners", serialize_in_event_loop=False
        )
        self._profiles: dict[str, Mapping[str, Any]] = {}

    async def async_load(self) -> None:
        """Read the file, and take over what earlier versions kept in the entries."""
        entries = {
            entry.entry_id: entry
            for entry in self._hass.config_entries.async_entries(DOMAIN)
        }
        stored = await self._store.async_load()
        self._profiles = {id_: stored[id_] for id_ in entries.keys() & stored}
        await self.async_take_over(*entries.values())

    async def async_take_over(self, *entries: HmmConfigEntry) -> None:
        """Move the profiles that are in entries into the file.

        That is where the flow puts the profile of a new miner, and where earlier
        versions kept all. The file is written before the entries are, so that an end in
        between loses nothing.
        """
        old_entries = [entry for entry in entries if CONF_PROFILE in entry.data]
        if not old_entries:
            return
        for entry in old_entries:
            self._profiles[entry.entry_id] = entry.data[CONF_PROFILE]
        await self._store.async_save(self._content())
        for entry in old_entries:
            data = {
                key: value for key, value in entry.data.items() if key != CONF_PROFILE
            }
            self._hass.config_entries.async_update_entry(entry, data=data)

    @callback
    def get(self, entry_id: str) -> MinerProfile | None:
        """Return what is known of a miner, None if that is nothing."""
        try:
            return MinerProfile.from_dict(dict(self._profiles[entry_id]))
        except AttributeError, KeyError, TypeError, ValueError:
            # Never stored, or edited by hand: the next poll brings it
            return None

    @callback
    def set(self, entry_id: str, profile: MinerProfile) -> None:
        """Keep a profile; it is written within a quarter of an hour."""
        if self._hass.config_entries.async_get_entry(entry_id) is None:
            return  # A poll may end after the entry was removed
        self._profiles[entry_id] = profile.as_dict()
        self._store.async_save_within(self._content, _SAVE_SECONDS)

    async def async_forget(self, entry_id: str) -> None:
        """Forget a miner that was removed."""
        if self._profiles.pop(entry_id, None) is not None:
            await self._store.async_save(self._content())

    def _content(self) -> dict[str, Any]:
        return dict(self._profiles)
