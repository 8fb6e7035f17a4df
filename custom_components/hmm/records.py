"""What was seen of each entry and must outlive a restart, in a file for each kind."""

from collections.abc import Iterator
from typing import Any, Protocol, Self

from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN
from .safe_store import SafeStore
from .stored import BROKEN

_STORE_VERSION = 1

_SOON_SECONDS = 10

# After a crash what changes all the time is at most this old
_LATER_SECONDS = 600


class Record(Protocol):
    """What is kept of one entry."""

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return what was stored; any error is taken for a record that is broken."""


class Records[RecordT: Record]:
    """The records of all entries of a kind, by the id of the entry."""

    def __init__(self, hass: HomeAssistant, name: str, kind: type[RecordT]) -> None:
        """Start without any; ``kind()`` makes an empty one."""
        self._hass = hass
        self._kind = kind
        self._store = SafeStore(hass, _STORE_VERSION, f"{DOMAIN}.{name}")
        self._records: dict[str, RecordT] = {}

    async def async_load(self) -> None:
        """Continue as before the restart; unreadable records start from scratch."""
        broken = []
        for entry_id, data in (await self._store.async_load()).items():
            try:
                self._records[entry_id] = self._kind.from_dict(data)
            except BROKEN:
                broken.append(entry_id)
        if broken:
            await self._store.async_set_aside(f"broken: {', '.join(broken)}")
            await self.async_save()

    def __iter__(self) -> Iterator[str]:
        """Return the ids of the entries that have a record."""
        return iter(self._records)

    def get(self, entry_id: str) -> RecordT | None:
        """Return the record of an entry, None if there is none yet."""
        return self._records.get(entry_id)

    def __getitem__(self, entry_id: str) -> RecordT:
        """Return the record of an entry, an empty one for a new entry."""
        return self._records.setdefault(entry_id, self._kind())

    def __setitem__(self, entry_id: str, record: RecordT) -> None:
        """Keep another record of an entry."""
        self._records[entry_id] = record

    @callback
    def save_soon(self) -> None:
        """Save what does not change often."""
        self._store.async_save_within(self._content, _SOON_SECONDS)

    @callback
    def save_later(self) -> None:
        """Save what changes all the time."""
        self._store.async_save_within(self._content, _LATER_SECONDS)

    async def async_save(self) -> None:
        """Save now: what follows must not happen again after a crash."""
        await self._store.async_save(self._content())

    async def async_forget(self, entry_id: str) -> None:
        """Forget an entry that was removed, or is another device now."""
        if self._records.pop(entry_id, None) is not None:
            await self.async_save()

    def _content(self) -> dict[str, Any]:
        # A poll may end after its entry was removed
        return {
            entry_id: record.as_dict()
            for entry_id, record in self._records.items()
            if self._hass.config_entries.async_get_entry(entry_id) is not None
        }
