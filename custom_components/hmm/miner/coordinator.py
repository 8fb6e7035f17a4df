"""Polls one miner and runs its commands."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
import logging
import math
import time
from typing import TYPE_CHECKING, Any, ClassVar, override
import zlib

from homeassistant.config_entries import SOURCE_IGNORE, ConfigEntry
from homeassistant.const import STATE_OFF
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator, UpdateFailed
from homeassistant.util import dt as dt_util

from ..const import (
    CONF_CREDENTIALS,
    CONF_DRIVER,
    CONF_HOT_LIMIT,
    CONF_PLUG,
    CONF_POWER_DRAW,
)
from ..display_units import HASHRATE_UNITS
from ..driver_api import (
    AuthRequired,
    BaseMinerAdapter,
    DeviceFacts,
    DriverError,
    MinerTelemetry,
    reason_of,
)
from ..driver_api.transports.recording import Recording, recorded
from ..driver_api.units import parse_number
from ..driver_engine.client import MinerClient, UnexpectedDevice
from ..driver_engine.identity import (
    device_ids,
    facts_of,
    is_same_device,
    miner_unique_id,
)
from ..driver_engine.profile import MinerProfile
from ..errors import action_failed, failure, refusal, update_failed
from ..figures import read_safely
from ..records import Records
from ..unique_ids import async_change_unique_id, async_holder, is_better_id
from .energy import EnergyMeter
from .finds import MinerRecord
from .kept import Kept, KeptCommands, Kind
from .lowered import LoweredSettings
from .problems import Limits, MinerProblems
from .profile_store import ProfileStore
from .profiles import TuningProfiles
from .status import MinerStatus, Poll, StatusRecord
from .tuning import MinerTuning

if TYPE_CHECKING:
    from .autotune import Autotune
    from .watchdog import Watchdog

_LOGGER = logging.getLogger(__name__)

MINER_INTERVAL = timedelta(seconds=30)

_REFUSED_SECONDS = 3600

_LONGEST_SILENCE = timedelta(hours=1)
"""What a miner found meanwhile may be of another day."""

_ATTEMPTS = 3
"""How often a miner is polled to verify a command that it accepted."""

_START_SLACK = timedelta(seconds=30)

_RESTART_SLACK = 2.0
"""Seconds by which the clocks of device and host may disagree during a restart."""

# What a miner accepted and did not do
_NOT_DONE = frozenset(
    {
        "mode_not_applied",
        "pause_not_applied",
        "pool_not_applied",
        "restart_not_applied",
        "resume_not_applied",
        "setting_not_applied",
    }
)

# A reading of the power is not valid for longer than this
LONGEST_ENERGY_GAP = 5 * MINER_INTERVAL.total_seconds()

_NOTHING_KNOWN = MinerProfile()

type MinerConfigEntry = ConfigEntry[MinerCoordinator]
type RoomCheck = Callable[[str | None, float | None], None]
"""See ``MinerCoordinator.require_room``."""


class MinerCoordinator(DataUpdateCoordinator[MinerTelemetry]):
    """Polls one miner and runs its commands."""

    config_entry: MinerConfigEntry

    restart_seconds: ClassVar[float] = 75.0
    """How long a restart may take; AxeOS needs 10 to 30 s, an Avalon a minute."""
    restart_interval: ClassVar[float] = 2.0

    def __init__(
        self,
        hass: HomeAssistant,
        entry: MinerConfigEntry,
        client: MinerClient,
        energy: EnergyMeter,
        records: Records[MinerRecord],
        profiles: ProfileStore,
        kept: Records[KeptCommands],
        statuses: Records[StatusRecord],
        tuning: TuningProfiles,
    ) -> None:
        """Prepare polling with what is known of the miner."""
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=MINER_INTERVAL,
        )
        self.client = client
        self.recording: Recording | None = None
        """Where the answers of the device are kept, if someone wants them."""
        self._profiles = profiles
        self.profile = profiles.get(entry.entry_id)
        client.is_meant = self._is_meant
        self.find: str | None = None
        """The field that the last poll showed a find in: a block, a best share."""
        self.offered: set[str] = set()
        """The keys of the entities that the miner has, also of disabled ones."""
        self.started: datetime | None = None
        """When the miner started, if it reports for how long it has run."""
        self.device_id = ""
        """Its device in the registry of Home Assistant."""
        self.last_good: datetime | None = None
        """When the last poll succeeded, None before the first one that does."""
        self._records = records
        self._kept = kept
        self.energy = energy
        unit = client.hashrate_unit
        limits = Limits(
            warm=parse_number(entry.options.get(CONF_HOT_LIMIT))
            or client.warm_temperature,
            startup=client.startup_seconds,
            hashes=HASHRATE_UNITS[unit],
            unit=unit,
        )
        self._statuses = statuses
        self.status = MinerStatus(
            statuses[entry.entry_id],
            MinerProblems(limits),
            None if hass.is_running else math.inf,
        )
        self.is_restarting = False
        self.watchdog: Watchdog | None = None
        """Restarts it, if its owner wants that."""
        self.lowered = LoweredSettings(self)
        """What its firmware has lowered after an overheat."""
        self.autotune: Autotune | None = None
        """Finds its best points, if its owner wants that."""
        self.has_news = False
        """Whether the last poll changed the status: the fleet counts again then."""
        self._was_down = False
        self._checked: tuple[str | None, DeviceFacts] | None = None
        """The id and the facts of the device that answered last."""
        self.tuning = MinerTuning(self, tuning)
        self.room_check: RoomCheck | None = None
        """Set by who knows what else hangs on its fuse: it only allows or raises."""
        self.on_mode: Callable[[], None] | None = None
        """Set by who must know whether a user or a strategy sets it."""
        self.pool_commands = 0
        """How many times it was given a pool, by whomever."""
        self.commands_running = 0
        """How many commands are on their way: autotune begins nothing meanwhile."""
        self.changed_at = float("-inf")
        """When a mode or a setting was written last, by the clock of the loop."""
        # Entries are set up together, and a busy moment lets many polls wait: each
        # miner has a place of its own in the interval, the same after a restart
        self._phase = zlib.crc32((entry.unique_id or "").encode()) / 2**32
        self._phase *= MINER_INTERVAL.total_seconds()

    @property
    def power(self) -> float | None:
        """Return watts: measured, or what the user entered for an unmetered miner."""
        if self.data.power is not None:
            return self.data.power
        if self.measures_power or self.data.hashing is not True:
            return None
        draw: float | None = self.config_entry.options.get(CONF_POWER_DRAW)
        return draw

    @callback
    def require_room(self, mode: str | None = None, watts: float | None = None) -> None:
        """Raise ServiceValidationError if its fuse is too full for what is about to be.

        That is a mode by its name, None: as it is set, or so many ``watts``.
        """
        if self.room_check is not None:
            self.room_check(mode, watts)

    def _require_room_to_restart(self) -> None:
        """Raise if its fuse is too full for what a restart makes of a miner that rests.

        Many firmwares forget a pause then, or that they have stopped for the heat.
        """
        data: MinerTelemetry | None = self.data
        if data is None or data.hashing is True:
            return
        if data.paused or "overheat" in data.problems:
            self.require_room()

    @callback
    def note_mode(self) -> None:
        """Report that a mode, a profile or what an overheat lowered is set now."""
        if self.on_mode is not None:
            self.on_mode()

    @property
    def known(self) -> MinerProfile:
        """Return what the miner can do: nothing, while it has never answered."""
        return self.profile or _NOTHING_KNOWN

    @property
    def measures_power(self) -> bool:
        """Return whether the device reports its power."""
        return "power" in self.known.telemetry

    @property
    def plug(self) -> str | None:
        """Return the entity of the plug that the miner hangs on, if linked."""
        plug: str | None = self.config_entry.options.get(CONF_PLUG)
        return plug

    @override
    async def _async_update_data(self) -> MinerTelemetry:
        try:
            with recorded(self.recording):
                telemetry = await self.client.poll()
            profile = self.client.read_profile(telemetry, self.profile)
            self._check_identity(self.client.localized(telemetry))
            self._learn(profile)
        except DriverError as err:
            self.energy.miss()
            failed = update_failed(err, self.client.host)
            if isinstance(err, AuthRequired) and self._request_login():
                # Devices lock out who comes with a wrong login again and again
                failed.retry_after = _REFUSED_SECONDS
            # Debug logs show causes, and a driver's own may quote what it was sent
            raise failed from None
        except UpdateFailed:
            self.energy.miss()
            if telemetry.device is None:
                # This driver identifies the device only when it connects
                await self.client.disconnect()
            raise
        self.find = self._record_finds(telemetry)
        self._note(telemetry)
        self.tuning.learn()
        self.lowered.learn()
        if self.find is not None:
            # Before it is an event, so that a crash does not make it two
            await self._records.async_save()
        return telemetry

    @callback
    @override
    def _async_refresh_finished(self) -> None:
        """Decide the status; report a change of it also while the miner is down."""
        is_down = not self.last_update_success
        if self.autotune is not None:
            read_safely(self.autotune.update, "autotune")
        failure, detail = self._failure() if is_down else (None, None)
        poll = Poll(
            at=time.monotonic(),
            time=dt_util.utcnow(),
            data=None if is_down else self.data,
            failure=failure,
            detail=detail,
            plug=self._plug_that_is_off(),
            tuning=self.autotune.progress if self.autotune else None,
        )
        before = self.status.record.times
        # Whatever a driver reports, the values of its miner are shown
        self.has_news = bool(read_safely(lambda: self.status.update(poll), "status"))
        if self.status.record.times != before:
            self._statuses.save_soon()
        else:
            self._statuses.save_later()
        if is_down and self._was_down:
            # The base reports only the first failure
            self.async_update_listeners()
        self._was_down = is_down

    @callback
    def async_started(self, _: HomeAssistant) -> None:
        """Home Assistant has started: from now on networks and pools come up."""
        if self.status.began is not None:
            self.status.began = time.monotonic()

    def _failure(self) -> tuple[str, str | None]:
        """Return why the last poll failed: a key, and what the device said of it."""
        cause = self.last_exception
        if not isinstance(cause, UpdateFailed) or cause.translation_key is None:
            return "driver_error", None
        placeholders = cause.translation_placeholders or {}
        return cause.translation_key, placeholders.get("detail")

    def _plug_that_is_off(self) -> str | None:
        """Return the name of the linked plug if it is off."""
        plug = self.hass.states.get(self.plug) if self.plug else None
        return plug.name if plug is not None and plug.state == STATE_OFF else None

    def _request_login(self) -> bool:
        """Ask the user for another login; return whether the miner refused one.

        There is nothing to enter where the driver uses none.
        """
        if self.client.option_fields:
            self.config_entry.async_start_reauth(self.hass)
        return bool(self.config_entry.data.get(CONF_CREDENTIALS))

    def _note(self, telemetry: MinerTelemetry) -> None:
        self.data = telemetry
        self.last_good = dt_util.utcnow()
        self._note_start(telemetry.uptime)
        if self.power is None and telemetry.hashing:
            # The value is missing, not the power
            self.energy.miss()
        else:
            self.energy.read(self.power, telemetry.uptime)

    def _note_start(self, uptime: float | None) -> None:
        """Take the start from an uptime; the seconds that each poll takes are no news."""
        before, self.started = self.started, None
        if uptime is not None:
            self.started = dt_util.utcnow() - timedelta(seconds=uptime)
            if before is not None and abs(self.started - before) < _START_SLACK:
                self.started = before

    def _record_finds(self, telemetry: MinerTelemetry) -> str | None:
        """Return in which field a find shows since the last poll that succeeded."""
        entry = self.config_entry
        record = self._records[entry.entry_id]
        before = replace(record)
        driver = f"{entry.data[CONF_DRIVER]} {self.client.driver_version}"
        identity = f"{entry.unique_id} {driver}"
        now, last = dt_util.utcnow(), self.last_good
        is_new = last is not None and now - last <= _LONGEST_SILENCE
        find = record.update(identity, telemetry, now if is_new else None)
        if record != before:
            self._records.save_soon()
        # Blocks alone are worth reporting long after they were found
        return None if find == "best_share" and self.data is None else find

    async def async_try_driver(self, driver_class: type[BaseMinerAdapter]) -> bool:
        """Go on with another version of the driver, without a gap.

        Returns False if the entry must be set up again for it: because the miner
        is down, cannot be read by it, or is another one in its eyes.
        """
        if self.profile is None or not self.last_update_success:
            return False
        telemetry = await self.client.try_version(driver_class, self.profile)
        if telemetry is None:
            return False
        # What another version reads is not a base for a block event
        self._record_finds(telemetry)
        self.find = None
        # The time of the next poll stays, so that those of many stay spread
        self._note(telemetry)
        self.async_update_listeners()
        # A poll that waited for this may have been lost
        return self.last_update_success

    @callback
    @override
    def _schedule_refresh(self) -> None:
        """Poll next at this miner's place in the interval, whenever the last was.

        The base adds the interval to the present second of the loop's clock.
        """
        interval = MINER_INTERVAL.total_seconds()
        seconds = (self._phase - int(self.hass.loop.time())) % interval
        # Not in the second that has begun: the base may place that in the past
        seconds += interval if seconds < 1 else 0
        self.update_interval = timedelta(seconds=seconds)
        super()._schedule_refresh()
        self.update_interval = MINER_INTERVAL

    def _expected_facts(self) -> DeviceFacts:
        """Return who the miner is, as far as it ever reported."""
        return facts_of(self.config_entry.unique_id, self.profile)

    def _is_meant(self, facts: DeviceFacts) -> bool:
        """Return whether a command may go to the device that reports these facts.

        One that reported who it is does so before a command as well.
        """
        is_same = is_same_device(self._expected_facts(), facts)
        if is_same is None:
            return self.profile is None or not device_ids(self.profile.facts)
        return is_same

    def _check_identity(self, facts: DeviceFacts) -> None:
        """Refuse the values of another device that got this address.

        A miner that was known by less takes its MAC, or serial number, as its id.
        """
        entry = self.config_entry
        if (entry.unique_id, facts) == self._checked:
            return
        if is_same_device(self._expected_facts(), facts) is False:
            raise self._unexpected(facts)
        unique_id = miner_unique_id(facts)
        if unique_id is None or not is_better_id(unique_id, entry.unique_id or ""):
            self._checked = entry.unique_id, facts
            return
        if (holder := async_holder(self.hass, entry, unique_id)) is None:
            async_change_unique_id(self.hass, entry, unique_id)
        elif holder.source != SOURCE_IGNORE:
            raise self._unexpected(facts)

    def _unexpected(self, facts: DeviceFacts) -> UpdateFailed:
        return update_failed(UnexpectedDevice(facts), self.client.host)

    def _learn(self, profile: MinerProfile) -> None:
        """Remember what the miner is and can do."""
        if profile != self.profile:
            self.profile = profile
            self._profiles.set(self.config_entry.entry_id, profile)

    @property
    def is_left(self) -> bool:
        """Return whether its entry was unloaded: another coordinator follows, or none."""
        return self._shutdown_requested

    @property
    def kept(self) -> dict[Kind, Kept]:
        """Return the commands that wait for the miner to be back."""
        record = self._kept.get(self.config_entry.entry_id)
        return record.current() if record else {}

    @callback
    def async_drop_kept(self, kind: Kind) -> None:
        """Forget a kept command: there is a newer one."""
        record = self._kept.get(self.config_entry.entry_id)
        if record and record.commands.pop(kind, None):
            self._kept.save_soon()

    async def async_set_mode(self, mode: str) -> bool:
        """Set a mode, unless the miner is in it; return whether it was sent.

        A mode that is set once more interrupts the mining of some devices.
        """
        self.async_drop_kept("mode")
        is_free = await self.async_release()
        if is_free and await self._async_is(lambda data: data.mode == mode):
            return False
        await self.async_command(self.client.set_mode(mode), "mode")
        if not await self._async_becomes(lambda data: data.mode in (mode, None)):
            self.status.problems.refusals += 1
            raise failure(
                "mode_not_applied",
                host=self.client.host,
                mode=mode,
                reported=str(self.data.mode),
            )
        return True

    async def async_set_paused(
        self, paused: bool, reason: str = "paused_by_user"
    ) -> bool:
        """Pause or resume, unless the miner is so; return whether it was sent.

        ``reason`` is shown as long as the miner is paused.
        """
        # The miner may be back at the next poll, which would run what was kept
        self.async_drop_kept("mining")
        await self.async_release()
        if await self._async_is(lambda data: data.paused is paused):
            return False
        command = self._pause(reason) if paused else self.client.resume()
        self.status.is_pausing = paused
        try:
            await self.async_command(command, "mining")
            is_done = await self._async_becomes(
                lambda data: data.paused in (paused, None)
            )
        finally:
            self.status.is_pausing = False
        if not is_done:
            self.status.problems.refusals += 1
            raise failure(
                "pause_not_applied" if paused else "resume_not_applied",
                host=self.client.host,
            )
        return True

    async def _async_becomes(self, check: Callable[[MinerTelemetry], bool]) -> bool:
        """Return whether the miner reports soon what a command was to bring.

        Bundled drivers have read it back; a user's driver may just believe its device.
        One that does not respond now has not contradicted it.
        """
        for _ in range(_ATTEMPTS):
            if not self.last_update_success:
                return True
            if check(self.data):
                self.status.problems.refusals = 0
                return True
            await self.async_look_again()
        return not self.last_update_success or check(self.data)

    async def async_look_again(self) -> None:
        """Poll in a moment. Raises HomeAssistantError if the entry was unloaded."""
        await asyncio.sleep(self.restart_interval)
        if self.is_left:
            raise failure("miner_left", name=self.name)
        await self.async_refresh()

    async def _pause(self, reason: str) -> None:
        await self.client.pause()
        self.status.record.paused_by = reason

    async def async_send_restart(self) -> None:
        """Restart the miner; its new start is not taken for a crash."""
        self._require_room_to_restart()
        self.async_drop_kept("restart")
        now = time.monotonic()
        self.status.problems.restarted_at = self.status.restart_sent_at = now
        try:
            await self.async_command(self.client.restart())
        except HomeAssistantError:
            self.status.restart_sent_at = None
            raise

    async def async_hold_fan(self) -> None:
        """Keep the fan at its present speed, full speed where that is not known."""
        tuning = self.known.tuning
        if tuning is None or (limits := tuning.fan_speed) is None:
            raise refusal("not_settable", host=self.client.host)
        await self.async_release()
        speed = self.data.fan_speed
        held = limits.maximum if speed is None else max(speed, limits.minimum)
        await self.async_command(self.client.set_tuning("fan_speed", round(held)))

    async def async_mines_at(self, url: str, user: str) -> bool:
        """Return whether a miner works for this user at a pool, and it is its first.

        Some restart for a change of the pool.
        """

        def is_there(data: MinerTelemetry) -> bool:
            pool = data.active_pool
            return (
                pool is not None
                and not data.using_fallback
                and sum(slot.active for slot in data.pools) == 1
                and pool.url.lower() == url.lower()
                and pool.user == user
            )

        if not await self._async_is(is_there):
            return False
        self.async_drop_kept("pool")
        return True

    async def async_restart(self) -> None:
        """Restart the miner and wait until it is back.

        Raises HomeAssistantError if it is not back in time, or never restarts.
        """
        if self.is_restarting:
            raise failure("busy", host=self.client.host)
        self.is_restarting = True
        try:
            await self._async_restart()
        finally:
            self.is_restarting = False

    async def _async_restart(self) -> None:
        before = self.data.uptime if self.data is not None else None
        await self.async_send_restart()
        sent, was_gone = self.hass.loop.time(), False
        while (elapsed := self.hass.loop.time() - sent) < self.restart_seconds:
            uptime = self.data.uptime
            if not self.last_update_success:
                was_gone = True
            elif was_gone and (uptime is None or uptime <= elapsed + _RESTART_SLACK):
                return
            elif uptime is not None and before is not None:
                if uptime < before + elapsed - _RESTART_SLACK:
                    return
            elif elapsed > self.restart_seconds / 3:
                return  # Nothing shows whether it has restarted
            await self.async_look_again()
        host, seconds = self.client.host, f"{self.restart_seconds:g}"
        if was_gone:
            raise failure("restart_lost", host=host, seconds=seconds)
        raise failure("restart_not_applied", host=host)

    async def _async_is(self, check: Callable[[MinerTelemetry], bool]) -> bool:
        """Return whether something is so now.

        What the last poll said may be half a minute old: where it reports it, the miner
        is queried again.
        """
        if self.data is None or not check(self.data):
            return False
        await self.async_refresh()
        is_so = self.last_update_success and check(self.data)
        if is_so:
            self.status.problems.refusals = 0
        return is_so

    async def async_release(self) -> bool:
        """Let autotune give the miner back; return whether it has done so."""
        return self.autotune is None or await self.autotune.async_release()

    async def async_command(
        self,
        command: Coroutine[Any, Any, None],
        kind: Kind | None = None,
        *,
        sets_point: bool = True,
    ) -> None:
        """Run a command of the client, then show what the miner reports now.

        A miner that failed its last poll is queried first: another device may
        have got its address, and it must not be steered by mistake. A command of
        the same ``kind`` that was kept for it is obsolete. One of the kind mode may set
        something else than a frequency, a voltage or a mode: not ``sets_point``.
        """
        if kind:
            self.async_drop_kept(kind)
        if kind == "pool":
            self.pool_commands += 1
        is_done = False
        self.commands_running += 1
        try:
            await self._async_prepare(kind)
            await command
        except AuthRequired as err:
            self._request_login()
            raise action_failed(err, self.client.host) from None
        except DriverError as err:
            if reason_of(err).key in _NOT_DONE:
                self.status.problems.refusals += 1
            raise action_failed(err, self.client.host) from None
        else:
            is_done = True
            if kind == "mode" and sets_point:
                self.lowered.forget()
                if self.autotune is not None:
                    self.autotune.overruled()
            if kind not in ("mode", "mining"):
                # Whether those are done shows only at a poll
                self.status.problems.refusals = 0
            if kind:
                # Some miners restart for it
                self.status.problems.restarted_at = time.monotonic()
        finally:
            # A command that never ran is not left behind un-awaited
            command.close()
            try:
                await self.async_refresh()
            finally:
                self.commands_running -= 1
            if kind == "mode":
                self.tuning.end_change(is_done=is_done)

    async def async_require_response(self) -> None:
        """Query a miner that failed its last poll. Raises HomeAssistantError."""
        if not self.last_update_success:
            await self.async_refresh()
        if not self.last_update_success:
            raise self.as_action()

    async def _async_prepare(self, kind: Kind | None) -> None:
        """Make sure that the miner is there and free for a command of this kind."""
        if kind:
            await self.async_release()
        was_down = not self.last_update_success
        await self.async_require_response()
        if kind == "pool":
            # Many restart for it
            self._require_room_to_restart()
        if kind and was_down:
            # It could not be brought back before
            await self.async_release()
        if kind == "mode":
            # The way back to what the owner has tuned by hand
            self.tuning.begin_change()
            self.changed_at = self.hass.loop.time()

    def as_action(self) -> HomeAssistantError:
        """Return why the last poll failed, as the reason of a failed action."""
        cause = self.last_exception
        if isinstance(cause, UpdateFailed) and cause.translation_key is not None:
            return failure(
                cause.translation_key, **(cause.translation_placeholders or {})
            )
        return HomeAssistantError(str(cause))
