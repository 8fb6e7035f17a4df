"""Profiles: settings under a name, shared by all miners of one model.

They are kept in one file, with each miner's own point: what its owner tuned by hand.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
import logging
import math
from typing import Annotated, Any, Final, Literal, override
import unicodedata
from uuid import uuid4

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..languages import Language
from ..listeners import notify_all
from ..safe_store import SafeStore
from ..stored import BROKEN, Stored

_LOGGER = logging.getLogger(__name__)

type Settings = dict[str, float | str]
"""MHz, mV, percent or "auto", °C, a mode: what the device can write, by ``KEYS``."""
type Source = Literal["saved", "autotune", "hmm_local"]

KEYS: Final = ("frequency", "core_voltage", "fan", "target_temperature", "mode")
FAN_AUTO: Final = "auto"

LONGEST_NAME: Final = 32
MAX_PROFILES: Final = 100
"""Of one model: more than a list to choose from can show."""

_STORE_VERSION = 1
_SAVE_SECONDS = 30
_BURST, _BURST_SECONDS, _PAUSE_SECONDS = 10, 60.0, 3.0
"""After so many changes within so long a time, they are shown once in a pause."""


def read_settings(data: Mapping[str, Any]) -> Settings:
    """Return stored settings. Raises ValueError for what no device can be set to."""
    settings: Settings = {}
    for key in KEYS:
        if (value := data.get(key)) is None:
            continue
        if isinstance(value, str):
            if key not in ("mode", "fan"):
                raise ValueError(key)
            settings[key] = value
        elif isinstance(value, bool) or key == "mode" or not math.isfinite(value):
            raise ValueError(key)
        else:
            settings[key] = float(value)
    if not settings:
        raise ValueError("no settings")
    return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningProfile(Stored):
    """Settings under a name; ``miner`` is the entry of the only miner that has it."""

    id: str = field(default_factory=lambda: uuid4().hex)
    name: str
    source: Source = "saved"
    created: str = field(default_factory=lambda: dt_util.now().isoformat())
    settings: Annotated[Settings, read_settings]
    measured: dict[str, Any] | None = None
    """TH/s, W, J/TH and °C with these settings, and when that was."""
    miner: str | None = None
    origin: str | None = None
    """The entry of the miner whose settings they were."""

    @override
    def verify(self) -> None:
        if not is_name(self.name):
            raise ValueError(self.name)


UNITS: Final = {
    "frequency": "MHz",
    "core_voltage": "mV",
    "fan": "%",
    "target_temperature": "°C",
}


def settings_text(settings: Settings, language: Language) -> str:
    """Return settings as they are read: 505 MHz, 1120 mV."""
    return ", ".join(
        value if isinstance(value, str) else f"{language.short(value)} {UNITS[key]}"
        for key, value in settings.items()
    )


@dataclass(slots=True, kw_only=True)
class TuningRecord(Stored):
    """What is kept of one miner: its model, its own point, the profile in use."""

    model_key: str = ""
    own_point: Annotated[Settings, read_settings] | None = None
    active: str | None = None
    """The id of the profile that was applied last."""
    lowered: bool = False
    """Whether an overheat may have changed the settings: they are not the owner's."""
    before: Annotated[Settings, read_settings] | None = None
    """What was set before an overheat, until it is so again."""


_NOT_IN_NAMES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of Unicode: control characters, line breaks, what has no meaning."""


def folded(name: str) -> str:
    """Return what is the same for all names that look alike."""
    return unicodedata.normalize("NFKC", name).casefold()


def is_name(name: object) -> bool:
    """Return whether a text can be the name of a profile."""
    return (
        isinstance(name, str)
        and 0 < len(name) <= LONGEST_NAME
        and name == name.strip()
        and not any(unicodedata.category(char) in _NOT_IN_NAMES for char in name)
    )


class TuningProfiles:
    """The profiles of all models, and what is kept of each miner."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Start without profiles."""
        self._hass = hass
        self._store = SafeStore(hass, _STORE_VERSION, f"{DOMAIN}.profiles")
        self._models: dict[str, list[TuningProfile]] = {}
        self._miners: dict[str, TuningRecord] = {}
        self._imported: dict[str, list[TuningProfile]] = {}
        self._adopted: set[str] = set()
        self._sorted: dict[tuple[str, str], list[TuningProfile]] = {}
        self.version = 0
        """Rises with every change of a profile."""
        self._listeners: list[CALLBACK_TYPE] = []
        self._is_due = False
        """Whether the listeners are notified soon of changes."""
        self._notified: deque[float] = deque(maxlen=_BURST)
        self._is_flood_logged = False

    async def async_load(self) -> None:
        """Read the file; what cannot be read is set aside, and the rest is used."""
        stored = await self._store.async_load()
        broken = []

        def read[T](parse: Callable[[Any], T], part: str, data: Any) -> T | None:
            try:
                return parse(data)
            except BROKEN:
                broken.append(part)
                return None

        def lists(part: str) -> dict[str, list[TuningProfile]]:
            lists_read = {}
            for key, rows in _objects(stored, part, broken):
                rows = rows if isinstance(rows, list) else [None]
                if len(rows) > MAX_PROFILES:
                    broken.append(f"{part}: {len(rows)}")
                profiles = (
                    read(TuningProfile.from_dict, part, row)
                    for row in rows[:MAX_PROFILES]
                )
                lists_read[key] = [
                    profile for profile in profiles if profile is not None
                ]
            return lists_read

        self._models = lists("models")
        self._imported = lists("imported")
        self._miners = {
            key: record
            for key, data in _objects(stored, "miners", broken)
            if (record := read(TuningRecord.from_dict, "miners", data)) is not None
        }
        adopted = stored.get("adopted", [])
        self._adopted = {entry_id for entry_id in adopted if isinstance(entry_id, str)}
        if broken:
            await self._store.async_set_aside(f"broken: {', '.join(broken[:10])}")
            await self._store.async_save(self._content())

    # Profiles

    @callback
    def of(self, model_key: str, entry_id: str) -> list[TuningProfile]:
        """Return the profiles that a miner can use, from A to Z."""
        if not (rows := self._models.get(model_key)):
            # Nothing is kept for it: a device may be another model at every poll
            return []
        key = (model_key, entry_id)
        if (profiles := self._sorted.get(key)) is None:
            profiles = self._sorted[key] = sorted(
                (profile for profile in rows if profile.miner in (None, entry_id)),
                key=lambda profile: profile.name.casefold(),
            )
        return profiles

    @callback
    def is_elsewhere(self, name: str) -> bool:
        """Return whether any model has a profile of this name."""
        return any(
            profile.name == name for rows in self._models.values() for profile in rows
        )

    @callback
    def is_taken(self, model_key: str, name: str) -> bool:
        """Return whether a model has a profile of this name, also a private one."""
        wanted = folded(name)
        return any(
            folded(profile.name) == wanted
            for profile in self._models.get(model_key, ())
        )

    @callback
    def has_two(self, model_key: str, name: str) -> bool:
        """Return whether several miners have a profile of this name of their own."""
        wanted = folded(name)
        rows = self._models.get(model_key, ())
        return sum(folded(profile.name) == wanted for profile in rows) > 1

    @callback
    def is_full(self, model_key: str) -> bool:
        """Return whether a model can have no more profiles."""
        return len(self._models.get(model_key, ())) >= MAX_PROFILES

    @callback
    def add(self, model_key: str, profile: TuningProfile) -> None:
        """Keep a new profile."""
        self._models.setdefault(model_key, []).append(profile)
        self._show()

    @callback
    def change(self, model_key: str, profile: TuningProfile, **values: Any) -> None:
        """Keep a profile with other values, for example another name."""
        rows = self._models[model_key]
        rows[rows.index(profile)] = replace(profile, **values)
        self._show()

    @callback
    def remove(self, model_key: str, profile: TuningProfile) -> None:
        """Forget a profile."""
        self._models[model_key].remove(profile)
        self._show()

    def _show(self) -> None:
        self.version += 1
        self._sorted.clear()
        self.save()
        if self._is_due:
            return
        # Home Assistant warns of a select whose options change all the time, and each
        # change writes all entities of all miners: in a burst many are one
        self._is_due = True
        now, notified = self._hass.loop.time(), self._notified
        is_burst = len(notified) == _BURST and now - notified[0] < _BURST_SECONDS
        if is_burst:
            job = HassJob(self._notify, "HMM profiles", cancel_on_shutdown=True)
            async_call_later(self._hass, _PAUSE_SECONDS, job)
        else:
            self._hass.loop.call_soon(self._notify)

    @callback
    def _notify(self, _: datetime | None = None) -> None:
        self._is_due = False
        self._notified.append(self._hass.loop.time())
        notify_all(self._listeners)

    @callback
    def async_add_listener(self, listener: CALLBACK_TYPE) -> CALLBACK_TYPE:
        """Call ``listener`` soon after profiles have changed; return how to end it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def note_flood(self) -> None:
        """Log that profiles change all the time: in one line, however many miners."""
        if not self._is_flood_logged:
            self._is_flood_logged = True
            _LOGGER.warning(
                "Profiles are saved, renamed or deleted all the time, probably by an"
                " automation: the mode of their miners lists changes once a minute"
            )

    # From elsewhere

    @callback
    def take_over(self, profiles: Iterable[tuple[str, TuningProfile]]) -> None:
        """Keep profiles by driver, for each model of it that has them adopted."""
        for driver, profile in profiles:
            rows = self._imported.setdefault(driver, [])
            if len(rows) < MAX_PROFILES and profile.name not in {
                profile.name for profile in rows
            }:
                rows.append(profile)
        self._adopted.clear()
        self._show()

    @callback
    def to_adopt(self, driver: str, model_key: str) -> list[TuningProfile]:
        """Return what a model has not been given yet; it is not returned again."""
        if driver not in self._imported or model_key in self._adopted:
            return []
        self._adopted.add(model_key)
        self.save()
        return self._imported[driver]

    # Miners

    @callback
    def record(self, entry_id: str) -> TuningRecord:
        """Return what is kept of a miner; call ``save`` after a change."""
        return self._miners.setdefault(entry_id, TuningRecord())

    async def async_forget(self, entry_id: str) -> None:
        """Forget a miner that was removed, and what only it had."""
        await self.async_forget_device(entry_id, kept=())

    async def async_forget_device(
        self, entry_id: str, kept: Container[Source] = ("saved", "hmm_local")
    ) -> None:
        """Forget a device that another one replaces, but not what its owner saved."""
        self._miners.pop(entry_id, None)
        for key, rows in self._models.items():
            self._models[key] = [
                profile
                for profile in rows
                if profile.miner != entry_id or profile.source in kept
            ]
        self._show()
        await self._store.async_save(self._content())

    @callback
    def save(self) -> None:
        """Write the file within half a minute."""
        self._store.async_save_within(self._content, _SAVE_SECONDS)

    def _content(self) -> dict[str, Any]:
        return {
            "models": {
                key: [profile.as_dict() for profile in rows]
                for key, rows in self._models.items()
            },
            # Of an entry that was removed something may still end
            "miners": {
                key: record.as_dict()
                for key, record in self._miners.items()
                if self._hass.config_entries.async_get_entry(key) is not None
            },
            "imported": {
                key: [profile.as_dict() for profile in rows]
                for key, rows in self._imported.items()
            },
            "adopted": sorted(self._adopted),
        }


def _objects(
    stored: Mapping[str, Any], part: str, broken: list[str]
) -> list[tuple[str, Any]]:
    rows = stored.get(part, {})
    if isinstance(rows, dict):
        return list(rows.items())
    broken.append(part)
    return []
