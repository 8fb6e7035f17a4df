"""What the user decided about the driver files that came with HMM-Local."""

from collections.abc import Collection, Iterable
from typing import TypedDict

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store

from ..const import DOMAIN
from ..driver_manager.loader import StockFile

_STORAGE_KEY = f"{DOMAIN}.stock_files"
_STORAGE_VERSION = 1


class _Stored(TypedDict):
    wanted: list[str]
    seen: list[str]


class StockDecisions:
    """Remembers by checksum which of these files are to run, across restarts.

    ``wanted`` are to run in place of the bundled drivers, of ``seen`` the user knows.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with none; ``async_load`` brings them."""
        self.wanted: frozenset[str] = frozenset()
        self.seen: frozenset[str] = frozenset()
        self._store = Store[_Stored](hass, _STORAGE_VERSION, _STORAGE_KEY)

    async def async_load(self) -> None:
        """Read what was decided before."""
        if stored := await self._store.async_load():
            self.wanted = frozenset(stored["wanted"])
            self.seen = frozenset(stored["seen"])

    def unseen(self, files: Iterable[StockFile]) -> list[StockFile]:
        """Return the files that were set aside and the user has not decided about."""
        return [
            file
            for file in files
            if not file.is_wanted and file.sha256 not in self.seen
        ]

    async def async_decide(
        self, files: Collection[str], wanted: Collection[str]
    ) -> None:
        """Let those of ``files`` run that are ``wanted``, and none of the others."""
        self.wanted = (self.wanted - frozenset(files)) | frozenset(wanted)
        self.seen |= frozenset(files)
        await self._store.async_save(
            {"wanted": sorted(self.wanted), "seen": sorted(self.seen)}
        )
