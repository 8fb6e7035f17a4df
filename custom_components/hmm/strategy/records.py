"""What of the strategies outlives a restart of Home Assistant."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Self

from homeassistant.core import HomeAssistant, callback

from ..const import DOMAIN
from ..safe_store import SafeStore
from ..stored import BROKEN, Newest, Stored
from .miners import MinerMemory
from .planner.model import Manual

_VERSION: Final = 1
_SOON_SECONDS: Final = 10
_LATER_SECONDS: Final = 600
"""After a crash, what each poll adds to is at most this old."""
_MAX_BANDS: Final = 48
OF_SUN: Final = ""
"""Instead of a band: what the miners of a solar strategy used of its surplus."""


@dataclass(frozen=True, slots=True)
class Override(Stored):
    """What the user wants of a whole strategy, a rung or ``band_`` with an id."""

    to: str
    manual: Manual

    def as_dict(self) -> dict[str, Any]:
        """Return everything as JSON."""
        return {"to": self.to, **self.manual.as_dict()}

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """Return what was stored. Raises an error if that cannot be read."""
        return cls(str(data["to"]), Manual.from_dict(data))


@dataclass(slots=True)
class Used(Stored):
    """What was used in a band: kWh, what that cost, and what mining brought."""

    energy: float = 0.0
    cost: float = 0.0
    revenue: float = 0.0


@dataclass(slots=True, kw_only=True)
class StrategyRecord(Stored):
    """One strategy as it was left."""

    enabled: bool = True
    dry_run: bool = False
    memory: Mapping[str, Any] = field(default_factory=dict)
    """What the planner wants to remember."""
    override: Override | None = None
    used: Annotated[dict[str, Used], Newest(_MAX_BANDS)] = field(default_factory=dict)
    """By the id of a band, or ``OF_SUN``."""
    climate: dict[str, Any] = field(default_factory=dict)
    """Mode, target and presets of a heating."""


class StrategyStore:
    """The file of all strategies and the miners that they steer."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Begin with nothing."""
        self._hass = hass
        self._store = SafeStore(hass, _VERSION, f"{DOMAIN}.strategy")
        self.strategies: dict[str, StrategyRecord] = {}
        self.miners: dict[str, MinerMemory] = {}
        self.settled: Mapping[str, Any] = {}
        """What the planner remembers of all miners together."""

    async def async_load(self) -> None:
        """Continue as before the restart; unreadable records start from scratch."""
        stored = await self._store.async_load()
        broken: list[str] = []

        def read[T](part: str, make: Callable[[Any], T]) -> dict[str, T]:
            records: dict[str, T] = {}
            rows = stored.get(part, {})
            if not isinstance(rows, dict):
                broken.append(part)
                return records
            for key, row in rows.items():
                try:
                    records[key] = make(row)
                except BROKEN:
                    broken.append(key)
            return records

        self.strategies = read("strategies", StrategyRecord.from_dict)
        self.miners = read("miners", MinerMemory.from_dict)
        settled = stored.get("settled", {})
        if isinstance(settled, dict):
            self.settled = settled
        else:
            broken.append("settled")
        if broken:
            await self._store.async_set_aside(f"broken: {', '.join(broken[:10])}")
            await self.async_save()

    @property
    def decided(self) -> object:
        """Return what a decision may change, to compare; the rest is counted."""
        return (
            self.settled,
            [
                (record.memory, record.override, record.climate)
                for record in self.strategies.values()
            ],
            [(record.expected, record.manual) for record in self.miners.values()],
        )

    @property
    def owed(self) -> set[str]:
        """Return the miners that have not yet got back what they had before."""
        entries = self.settled.get("entries")
        if not isinstance(entries, dict):
            return set()
        return {
            key
            for key, entry in entries.items()
            if isinstance(entry, dict) and entry.get("before") is not None
        }

    @callback
    def save_now(self) -> None:
        """Begin to write the file: a crash must not undo what someone wanted by hand."""
        self._hass.async_create_task(self.async_save(), "HMM strategies are stored")

    @callback
    def save_soon(self) -> None:
        """Write the file within seconds."""
        self._store.async_save_within(self._content, _SOON_SECONDS)

    @callback
    def save_later(self) -> None:
        """Write what changes all the time within minutes."""
        self._store.async_save_within(self._content, _LATER_SECONDS)

    async def async_forget(self, entry_id: str) -> None:
        """Forget a miner that was removed, or is another device now."""
        entries = self.settled.get("entries")
        if isinstance(entries, dict):
            entries.pop(entry_id, None)
        if self.miners.pop(entry_id, None) is not None:
            await self.async_save()

    async def async_save(self) -> None:
        """Write the file now."""
        await self._store.async_save(self._content())

    def _content(self) -> dict[str, Any]:
        return {
            "strategies": {
                key: record.as_dict() for key, record in self.strategies.items()
            },
            "miners": {key: record.as_dict() for key, record in self.miners.items()},
            "settled": dict(self.settled),
        }
