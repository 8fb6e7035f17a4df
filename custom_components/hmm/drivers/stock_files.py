"""What the user decided about the driver files that came with HMM-Local."""

from collections.abc import Collection, Iterable
from typing import Any

from homeassistant.core import HomeAssistant

from ..const import DOMAIN
from ..driver_engine.loaded import StockFile
from ..safe_store import SafeStore

_STORAGE_KEY = f"{DOMAIN}.stock_files"
_STORAGE_VERSION = 1


class StockDecisions:
    """Remembers by checksum which of these files are to run, across restarts.

    ``wanted`` are to run in place of the bundled drivers, of ``seen`` the user knows.
    """

    def __init__(self, hass: HomeAssistant) -> None:
        """Start with none; ``async_load`` brings them."""
        self.wanted: frozenset[str] = frozenset()
        self.seen: frozenset[str] = frozenset()
        self._store = SafeStore(hass, _STORAGE_VERSION, _STORAGE_KEY)

    async def async_load(self) -> None:
        """Read what was decided before."""
        if not (stored := await self._store.async_load()):
            return
        try:
            wanted, seen = _checksums(stored["wanted"]), _checksums(stored["seen"])
        except LookupError, TypeError:
            await self._store.async_set_aside("the decisions are missing")
        else:
            self.wanted, self.seen = wanted, seen

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


def _checksums(stored: Any) -> frozenset[str]:
    """Return stored checksums. Raises TypeError: they are none."""
    if not all(isinstance(value, str) for value in stored):
        raise TypeError
    return frozenset(stored)
