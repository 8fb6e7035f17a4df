"""What one miner can be set to by name: its modes, the profiles, its own point."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, cast

from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.util import dt as dt_util

from ..const import CONF_DRIVER, MODE_CUSTOM
from ..driver_api import MinerTelemetry, Setting, TuningLimits, TuningRange
from ..driver_api.units import TERA, efficiency_j_per_th
from ..driver_engine.profile import MinerProfile
from ..errors import failure, refusal
from ..languages import home_language, names_of_modes
from ..listeners import notify_all
from .profiles import (
    FAN_AUTO,
    MAX_PROFILES,
    Settings,
    TuningProfile,
    TuningProfiles,
    TuningRecord,
    folded,
    is_name,
)

if TYPE_CHECKING:
    from .coordinator import MinerCoordinator

STABLE_SECONDS = 600
"""How long a point must last until it is the owner's own, or its figures are true."""

_POINT = ("frequency", "core_voltage")


class MinerTuning:
    """The modes, profiles and own point of one miner."""

    def __init__(self, miner: MinerCoordinator, book: TuningProfiles) -> None:
        """Begin with what is stored."""
        self._miner = miner
        self._book = book
        self._entry_id = miner.config_entry.entry_id
        miner.config_entry.async_on_unload(
            book.async_add_listener(self._profiles_changed)
        )
        # What is requested several times at each poll is found out once
        self._key: tuple[MinerProfile, str] | None = None
        self._seen: tuple[MinerTelemetry, object, str | None] | None = None
        self._before: Settings | None = None
        self._doubtful: Settings | None = None
        """What a change that failed half way has left behind: not the owner's point."""
        self._point: Settings | None = None
        self._since = 0.0
        self._mined: tuple[MinerTelemetry, float] | None = None
        """The last poll at which it mined, and the W that it drew."""
        self._listeners: list[Callable[[str, dict[str, Any]], None]] = []

    # What there is

    @property
    def model_key(self) -> str:
        """Return what miners must have in common to share profiles."""
        entry, profile = self._miner.config_entry, self._miner.profile
        if profile is None:
            return str(entry.data[CONF_DRIVER])
        if self._key is None or self._key[0] is not profile:
            facts = (profile.facts.model or "-", profile.facts.hardware or "-")
            self._key = profile, " ".join((entry.data[CONF_DRIVER], *facts))
        return self._key[1]

    @property
    def model(self) -> str:
        """Return the model as its owner knows it."""
        facts = self._miner.known.facts
        return " ".join(filter(None, (facts.model, facts.hardware)))

    @property
    def profiles(self) -> list[TuningProfile]:
        """Return the profiles of the miner, from A to Z."""
        return self._book.of(self.model_key, self._entry_id)

    @property
    def modes(self) -> tuple[str, ...]:
        """Return the modes of the device itself."""
        return self._miner.known.modes

    @property
    def own_point(self) -> Settings | None:
        """Return what the owner tuned last by hand, None where that is not known."""
        record = self._record
        return record.own_point if record.model_key == self.model_key else None

    @property
    def options(self) -> list[str]:
        """Return all names that the miner can be set to."""
        names = [*self.modes, *(profile.name for profile in self.profiles)]
        if self.own_point is not None or self.current == MODE_CUSTOM:
            names.append(MODE_CUSTOM)
        return names

    @property
    def current(self) -> str | None:
        """Return the name of what the miner is set to now.

        Of two that are alike it is the one that was chosen.
        """
        data: MinerTelemetry | None = self._miner.data
        if data is None:
            return None
        since = (self._book.version, self._record.active)
        if self._seen is None or self._seen[0] is not data or self._seen[1] != since:
            self._seen = data, since, self._find_current(data)
        return self._seen[2]

    def _find_current(self, data: MinerTelemetry) -> str | None:
        matching = [
            profile for profile in self.profiles if _matches(profile.settings, data)
        ]
        active = self._record.active
        if (
            chosen := next(
                (profile for profile in matching if profile.id == active), None
            )
        ) is not None:
            return chosen.name
        if data.mode is not None and data.mode != MODE_CUSTOM:
            return data.mode
        return matching[0].name if matching else data.mode

    @property
    def present(self) -> Settings:
        """Return the settings of the device that can be written back to it."""
        data, limits = self._miner.data, self._limits
        settings: Settings = {}
        # It is unknown which is in use where one waits for a restart
        is_reported = not self._miner.client.frequency_at_restart
        for key in _POINT if is_reported else ():
            value = getattr(data, key)
            if getattr(limits, key) is not None and value is not None:
                settings[key] = value
        if limits.frequency is None and data.mode is not None:
            settings["mode"] = data.mode
        if data.fan_auto and limits.target_temperature and data.target_temperature:
            settings["fan"] = FAN_AUTO
            settings["target_temperature"] = data.target_temperature
        elif (
            data.fan_auto is False and limits.fan_speed and data.fan_setting is not None
        ):
            settings["fan"] = data.fan_setting
        return settings

    # Choosing

    async def async_choose(self, name: str) -> bool:
        """Set the miner to a mode, a profile or its own point by its name.

        Returns whether anything was sent. Raises ServiceValidationError for a name
        that it does not have, and if what it draws then is too much for its fuse.
        """
        self._miner.require_room(name)
        self._miner.note_mode()
        if name in self.modes:
            sent = await self._miner.async_set_mode(name)
            self.activate(None)
            return sent
        was_custom = name == self.current == MODE_CUSTOM
        await self._miner.async_release()
        is_custom = name == self.current == MODE_CUSTOM
        if is_custom and (self._doubtful is None or self.own_point is None):
            self.keep_point()
            return False
        if name == MODE_CUSTOM and (point := self.own_point) is not None:
            sent = await self.async_apply(point, own=True)
            self.activate(None)
            return sent
        if was_custom:
            return True  # It was a point of autotune, which has given the miner back
        profile = self.find(name)
        if profile is None:
            raise refusal("unknown_mode", mode=name, modes=", ".join(self.options))
        own = profile.origin == self._entry_id
        sent = await self.async_apply(profile.settings, own=own)
        self.activate(profile.id)
        if sent:
            self.fire("profile_applied", profile=profile.name)
        return sent

    @callback
    def note_flood(self) -> None:
        """Note that the profiles change all the time."""
        self._book.note_flood()

    @callback
    def find(self, name: str) -> TuningProfile | None:
        """Return the profile of a name."""
        return next(
            (profile for profile in self.profiles if profile.name == name), None
        )

    def watts_with(self, settings: Mapping[str, Any]) -> float | None:
        """Return about what the miner draws with other settings, None if unknown.

        Chips draw in proportion to the frequency and to the square of the voltage. What
        they draw while they rest says nothing: it goes by when the miner mined last.
        What a mode draws is not known here.
        """
        data: MinerTelemetry | None = self._miner.data
        if (limit := settings.get("power_limit")) is not None or data is None:
            return limit
        if "mode" in settings or self._mined is None:
            return None
        mined, power = self._mined
        for key, exponent in (("frequency", 1), ("core_voltage", 2)):
            before = getattr(mined, key)
            if not (value := settings.get(key) or getattr(data, key) or before):
                continue
            if not before:
                return None
            power *= (value / before) ** exponent
        return power

    @callback
    def require_room(self, settings: Settings) -> None:
        """Raise ServiceValidationError if settings draw too much for its circuit."""
        mode = cast(str | None, settings.get("mode"))
        self._miner.require_room(mode, self.watts_with(settings))

    async def async_apply(self, settings: Settings, *, own: bool) -> bool:
        """Apply settings, unless the miner has them; return whether they were sent.

        Nothing is sent if one of them is beyond what the device allows; those that
        are not this miner's ``own`` stay within the device's list.
        """
        miner, is_point = self._miner, settings.keys() >= {*_POINT}
        if is_point and miner.client.frequency_at_restart:
            raise refusal("frequency_at_restart", host=miner.client.host)
        is_free = await miner.async_release()
        if is_free and miner.data is not None and _matches(settings, miner.data):
            await miner.async_refresh()
            if miner.last_update_success and _matches(settings, miner.data):
                return False
        values = self._values(settings, own=own)
        mode = cast(str | None, settings.get("mode"))
        if mode is not None and mode not in self.modes:
            raise refusal("unknown_mode", mode=mode, modes=", ".join(self.modes))
        await miner.async_command(
            miner.client.apply(values, mode),
            "mode",
            sets_point=mode is not None or any(key in values for key in _POINT),
        )
        if miner.last_update_success and _matches(settings, miner.data) is False:
            raise failure("profile_not_applied", host=miner.client.host)
        return True

    def _values(self, settings: Settings, *, own: bool) -> dict[Setting, float]:
        """Return the numbers of settings. Raises ServiceValidationError."""
        numbers: dict[Setting, Any] = {
            "frequency": settings.get("frequency"),
            "core_voltage": settings.get("core_voltage"),
            # A target temperature switches the automatic fan on
            "target_temperature": settings.get("target_temperature"),
            "fan_speed": settings.get("fan"),
        }
        values: dict[Setting, float] = {
            key: round(value)
            for key, value in numbers.items()
            if isinstance(value, float | int)
        }
        for key, value in values.items():
            limits: TuningRange | None = getattr(self._limits, key)
            if limits is None:
                raise refusal("not_settable", host=self._miner.client.host)
            allowed = (limits.minimum, limits.maximum)
            if limits.options and not own:
                allowed = (limits.options[0], limits.options[-1])
            if not allowed[0] <= value <= allowed[1]:
                # The limits reached to its own point while the device was there
                short = home_language(self._miner.hass).short
                may_more = own and getattr(self._miner.client.risky_limits, key, None)
                raise refusal(
                    "beyond_list" if may_more else "out_of_range",
                    host=self._miner.client.host,
                    value=short(value),
                    minimum=short(allowed[0]),
                    maximum=short(allowed[1]),
                )
        return values

    # Keeping

    async def async_save_now(self, name: str, *, shared: bool) -> None:
        """Ask the miner for its settings and save them as a profile.

        Raises HomeAssistantError: it does not respond, or see ``async_save``.
        """
        await self._miner.async_refresh()
        if not self._miner.last_update_success:
            raise self._miner.as_action()
        await self.async_save(name, shared=shared)

    async def async_save(self, name: str, *, shared: bool) -> None:
        """Save the settings of the last poll. Raises ServiceValidationError."""
        await self.async_check_name(name)
        if self._book.is_full(self.model_key):
            raise refusal("too_many_profiles", limit=str(MAX_PROFILES))
        if not (settings := self.present):
            raise refusal("nothing_to_save", host=self._miner.config_entry.title)
        profile = TuningProfile(
            name=name,
            settings=settings,
            measured=self._measured(),
            miner=None if shared else self._entry_id,
            origin=self._entry_id,
        )
        self._book.add(self.model_key, profile)
        self.activate(profile.id)

    async def async_rename(self, profile: TuningProfile, name: str) -> None:
        """Give a profile another name. Raises ServiceValidationError."""
        await self.async_check_name(name, profile.name)
        self._book.change(self.model_key, profile, name=name)

    @callback
    def delete(self, profile: TuningProfile) -> None:
        """Forget a profile; the miner runs on as it is."""
        self._book.remove(self.model_key, profile)

    @callback
    def share(self, profile: TuningProfile) -> None:
        """Give a profile to all miners of the model. Raises ServiceValidationError."""
        if self._book.has_two(self.model_key, profile.name):
            raise refusal("name_taken")
        self._book.change(self.model_key, profile, miner=None)

    async def async_check_name(self, name: str, old: str = "") -> None:
        """Raise ServiceValidationError unless a profile can have a name."""
        if not is_name(name):
            raise refusal("name_invalid")
        modes = {*self.modes, MODE_CUSTOM}
        names = await self._miner.hass.async_add_executor_job(names_of_modes)
        modes |= {name for mode in modes for name in names.get(mode, ())}
        if folded(name) in {folded(mode) for mode in modes}:
            raise refusal("name_is_mode")
        if folded(name) != folded(old) and self._book.is_taken(self.model_key, name):
            raise refusal("name_taken")

    @callback
    def save_result(
        self, name: str, settings: Settings, measured: dict[str, Any]
    ) -> TuningProfile | None:
        """Keep what autotune has found, for this miner alone: chips differ.

        It takes the place of what it found before. Returns None if the model has too
        many profiles.
        """
        for old in self.profiles:
            if old.source == "autotune" and old.miner == self._entry_id:
                if folded(old.name).rstrip(" 23456789") == name:
                    self._book.remove(self.model_key, old)
        if self._book.is_full(self.model_key):
            return None
        fan = {key: value for key, value in self.present.items() if key not in settings}
        taken = {folded(profile.name) for profile in self.profiles}
        names = (name, *(f"{name} {number}" for number in range(2, 10)))
        profile = TuningProfile(
            name=next((name for name in names if name not in taken), name),
            source="autotune",
            settings={**settings, **fan},
            measured={**measured, "at": dt_util.now().isoformat(timespec="seconds")},
            miner=self._entry_id,
            origin=self._entry_id,
        )
        self._book.add(self.model_key, profile)
        return profile

    # What happens to it

    @callback
    def async_add_listener(
        self, listener: Callable[[str, dict[str, Any]], None]
    ) -> CALLBACK_TYPE:
        """Call ``listener`` with each event and its facts."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def fire(self, event: str, **facts: Any) -> None:
        """Report an event to the listeners."""
        notify_all(self._listeners, event, facts)

    # Learning

    @callback
    def learn(self) -> None:
        """Look at a poll: a point that lasts is the owner's own, and not of a fault."""
        self._adopt()
        data, record, power = self._miner.data, self._record, self._miner.power
        if power and data.hashing is not False and not data.paused:
            self._mined = data, power
        if "overheat" in data.problems and not record.lowered:
            record.lowered = True
            self._book.save()
        if self._is_held:
            return
        point, now = self._own_of(data), self._miner.hass.loop.time()
        if point != self._point:
            self._point, self._since = point, now
        elif point is not None and now - self._since >= STABLE_SECONDS:
            self.keep_point()

    @callback
    def keep_point(self, *, by_hand: bool = False) -> None:
        """Keep the present point if it is the owner's own, before or after a change.

        What an overheat has lowered is not; what is set by hand in HMM is.
        """
        if self._is_held:
            return
        record = self._record
        if by_hand and record.lowered:
            record.lowered = False
            self._book.save()
        data = self._miner.data
        point = None if data is None or record.lowered else self._own_of(data)
        if point not in (None, self._doubtful) and point != self.own_point:
            record.own_point, record.model_key = point, self.model_key
            self._book.save()

    @callback
    def begin_change(self) -> None:
        """Keep the way back to what the owner has tuned by hand."""
        self.keep_point()
        self._before = self._own_of(self._miner.data)

    @callback
    def end_change(self, *, is_done: bool) -> None:
        """Note whether a change may have failed with one of two values written."""
        miner, self._doubtful = self._miner, None
        if not is_done and miner.last_update_success:
            point = self._own_of(miner.data)
            self._doubtful = point if point != self._before else None

    def _own_of(self, data: MinerTelemetry) -> Settings | None:
        """Return the point of a poll that no mode and no profile has."""
        if (
            data.mode != MODE_CUSTOM
            or data.frequency is None
            or data.core_voltage is None
            or any(_matches(profile.settings, data) for profile in self.profiles)
        ):
            return None
        return {"frequency": data.frequency, "core_voltage": data.core_voltage}

    def _adopt(self) -> None:
        """Take over imported profiles of this kind of miner that fit this model."""
        if self._miner.profile is None:
            return  # Nothing is known of its model yet
        key = self.model_key
        driver = self._miner.config_entry.data[CONF_DRIVER]
        for profile in self._book.to_adopt(driver, key):
            settings = self._fitting(profile.settings)
            if settings and not (
                folded(profile.name) in {*self.modes, MODE_CUSTOM}
                or self._book.is_taken(key, profile.name)
                or self._book.is_full(key)
            ):
                self._book.add(
                    key,
                    TuningProfile(
                        name=profile.name, source=profile.source, settings=settings
                    ),
                )

    def _fitting(self, settings: Settings) -> Settings:
        """Return the imported settings that the device itself lists."""
        limits, fitting = self._limits, dict(settings)
        voltage, frequency = fitting.get("core_voltage"), fitting.get("frequency")
        if limits.core_voltage is None or voltage not in limits.core_voltage.options:
            fitting.pop("core_voltage", None)
        if frequency is not None and (
            limits.frequency is None
            or not limits.frequency.minimum <= frequency <= limits.frequency.maximum  # type: ignore[operator]
        ):
            return {}
        if fitting.get("mode") not in (None, *self.modes):
            return {}
        return fitting

    # Shared

    @property
    def _record(self) -> TuningRecord:
        return self._book.record(self._entry_id)

    @property
    def _is_held(self) -> bool:
        """Return whether autotune sets the points: none of them is the owner's."""
        autotune = self._miner.autotune
        return autotune is not None and autotune.is_running

    @property
    def _limits(self) -> TuningLimits:
        return self._miner.known.tuning or TuningLimits()

    @callback
    def _profiles_changed(self) -> None:
        self._adopt()
        self._miner.async_update_listeners()

    @callback
    def activate(self, profile_id: str | None) -> None:
        """Note what was chosen: of two that are alike it is the one that is shown."""
        if self._record.active != profile_id:
            self._record.active = profile_id
            self._book.save()
        self._miner.async_update_listeners()

    def _measured(self) -> dict[str, Any] | None:
        """Return what the miner does with its settings, None while it settles."""
        data, miner = self._miner.data, self._miner
        settled = data.uptime is not None and data.uptime >= STABLE_SECONDS
        if not settled or miner.hass.loop.time() - miner.changed_at < STABLE_SECONDS:
            return None
        hashrate = data.hashrate_10m or data.hashrate
        if not hashrate:
            return None
        return {
            "hashrate": round(hashrate / TERA, 3),
            "power": data.power,
            "efficiency": efficiency_j_per_th(data.power, hashrate),
            "temperature": data.temperature,
            "at": dt_util.now().isoformat(timespec="seconds"),
        }


def _matches(settings: Settings, data: MinerTelemetry) -> bool | None:
    """Return whether a device is set so, None where it does not report all of it."""
    checks: Iterable[tuple[float | str | None, Any]] = (
        (settings.get("frequency"), data.frequency),
        (settings.get("core_voltage"), data.core_voltage),
        (settings.get("target_temperature"), data.target_temperature),
        (settings.get("mode"), data.mode),
    )
    pairs = [(wanted, present) for wanted, present in checks if wanted is not None]
    fan = settings.get("fan")
    if fan == FAN_AUTO:
        pairs.append((True, data.fan_auto))
    elif fan is not None:
        pairs.append((False, data.fan_auto))
        if data.fan_auto is False:
            pairs.append((fan, data.fan_setting))
    if any(
        abs(present - wanted) > (2 if wanted is fan else 0.5)
        if isinstance(wanted, float) and present is not None
        else present is not None and present != wanted
        for wanted, present in pairs
    ):
        return False
    return None if any(present is None for _, present in pairs) else True
