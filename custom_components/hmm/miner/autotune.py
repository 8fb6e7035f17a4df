"""Autotune of one miner in Home Assistant: takes the walk from poll to poll.

It sends no request of its own but the writes. Each is stored before it is sent, so that
after a restart of Home Assistant the miner is where it was left, or goes back to the
point that it had at the start. So it does on any doubt, as soon as it can be reached.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
import logging
import time
from typing import TYPE_CHECKING, Any, ClassVar, Final, override

from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..driver_api import MinerTelemetry, TuningLimits
from ..driver_api.units import TERA, efficiency_j_per_th
from ..errors import refusal
from ..markdown import async_create_issue
from ..records import Records
from ..stored import Stored
from .profiles import Settings
from .walk import (
    FINISHED,
    Caps,
    Point,
    Sample,
    Trial,
    Walk,
    begin,
    restarted,
    results,
    with_sample,
)

if TYPE_CHECKING:
    from .coordinator import MinerCoordinator

_LOGGER = logging.getLogger(__name__)

NIGHT: Final = (22, 6)
"""The hours between which a walk begins that is to begin at night."""

_LONGEST_WAIT: Final = 36 * 3600.0
_STARTUP_SECONDS: Final = 180
_MISSED_POLLS: Final = 2
_ATTEMPTS: Final = 3
_FAN_SLACK: Final = 2
_LEAVE_SECONDS: Final = 30.0
"""How long a miner may take to be brought back before its entry goes."""
_NEEDED: Final = frozenset({"hashrate", "hashrate_expected", "power", "temperature"})


class AutotuneState(StrEnum):
    """What autotune does at a miner."""

    OFF = "off"
    QUEUED = "queued"
    SETTLING = "settling"
    MEASURING = "measuring"
    RETURNING = "returning"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


_WALKING: Final = (AutotuneState.SETTLING, AutotuneState.MEASURING)
_RUNNING: Final = (*_WALKING, AutotuneState.RETURNING)

NOT_RETURNED: Final = "autotune_not_returned"
"""The repair issue of a miner that is not where it was before."""

STOPPED: Final = "stopped"
USER_COMMAND: Final = "user_command"


@dataclass(slots=True, kw_only=True)
class AutotuneRecord(Stored):
    """What of a miner's autotune outlives a restart of Home Assistant."""

    stored_as: ClassVar = {"queued_at": "asked"}

    state: AutotuneState = AutotuneState.OFF
    reason: str | None = None
    """Why it waits or has ended; None for a success."""
    caps: Caps | None = None
    at_night: bool = False
    queued_at: float = 0.0
    """When it was started, as a Unix timestamp."""
    walk: Walk | None = None
    target: Point | None = None
    """Where the miner goes at the end, or should be after it did not get there."""

    @property
    def is_running(self) -> bool:
        """Return whether it holds the miner."""
        return self.state in _RUNNING

    @override
    def verify(self) -> None:
        if self.state is AutotuneState.QUEUED and self.caps is None:
            raise ValueError("nothing to wait for")
        if self.is_running and self.walk is None:
            raise ValueError("no walk")


class AutotuneTurns:
    """Lets one miner of the fleet walk at a time, the one that waits longest first."""

    def __init__(self) -> None:
        """Begin without miners."""
        self.members: dict[str, Autotune] = {}

    @callback
    def is_turn_of(self, asking: Autotune) -> bool:
        """Return whether no other miner walks, or is ready and waits for longer."""
        others = [member for member in self.members.values() if member is not asking]
        return not any(
            member.is_busy
            or (member.is_ready and member.record.queued_at < asking.record.queued_at)
            for member in others
        )


class Autotune:
    """Takes one miner through its walk."""

    clock = staticmethod(time.monotonic)

    def __init__(
        self,
        hass: HomeAssistant,
        miner: MinerCoordinator,
        records: Records[AutotuneRecord],
        turns: AutotuneTurns,
    ) -> None:
        """Continue where it was before a restart of Home Assistant, if it can."""
        self._hass = hass
        self._miner = miner
        self._records = records
        self._turns = turns
        self._entry_id = miner.config_entry.entry_id
        self._issue_id = f"{NOT_RETURNED}_{self._entry_id}"
        turns.members[self._entry_id] = self
        self._task: asyncio.Task[None] | None = None
        self._misses = 0
        self._attempts = 0
        self._uptime: int | None = None
        self._fan: tuple[object, ...] | None = None
        self._chosen: str | None = None
        """The profile of the only thing that was looked for."""
        self.finishes: datetime | None = None
        """When the walk is over, about."""
        self._was_interrupted = self.is_running
        if (walk := self.record.walk) is not None:
            self.record.walk = restarted(walk)
            if self.record.state in _WALKING:
                self._estimate_end()
        self._show_issue()

    @callback
    def leave(self) -> None:
        """Let another miner have its turn: the entry is unloaded."""
        if self._turns.members.get(self._entry_id) is self:
            del self._turns.members[self._entry_id]

    # What there is

    @property
    def record(self) -> AutotuneRecord:
        """Return what is kept of the miner."""
        return self._records[self._entry_id]

    @property
    def was_started(self) -> bool:
        """Return whether it was ever started."""
        return self.record.state is not AutotuneState.OFF

    @property
    def is_running(self) -> bool:
        """Return whether it holds the miner."""
        return self.record.is_running

    @property
    def reserved(self) -> float | None:
        """Return W that the miner may draw until it is given back, None if idle."""
        record = self.record
        if not self.is_running or record.caps is None or record.walk is None:
            return None
        start = self._miner.tuning.watts_with(_settings(record.walk.start))
        return max(record.caps.max_power, start or 0.0)

    @property
    def is_busy(self) -> bool:
        """Return whether others have to wait; not for a miner that is off."""
        return self.is_running and (
            self.record.state in _WALKING or self._miner.last_update_success
        )

    @property
    def is_ready(self) -> bool:
        """Return whether the miner waits and could begin."""
        return self.record.state is AutotuneState.QUEUED and self._waits_for() is None

    @property
    def limits(self) -> TuningLimits | None:
        """Return the lists that it chooses from, None for a miner without them."""
        known = self._miner.known
        limits = known.tuning
        if (
            limits is None
            or not (limits.frequency and limits.frequency.options)
            or not (limits.core_voltage and limits.core_voltage.options)
            or not known.telemetry >= _NEEDED
            or self._miner.client.frequency_at_restart
        ):
            return None
        return limits

    @property
    def progress(self) -> dict[str, float | str] | None:
        """Return the number of the present point and of all, None if it does not run."""
        walk = self.record.walk
        if not self.is_running or walk is None:
            return None
        return {"step": walk.step, "steps": walk.steps}

    @property
    def points(self) -> list[dict[str, Any]]:
        """Return what was measured, in the units that are shown."""
        walk = self.record.walk
        return [] if walk is None else [_shown(trial) for trial in walk.tried]

    def plan(self, caps: Caps) -> Walk:
        """Return the walk as it would be. Raises ServiceValidationError."""
        limits, data = self.limits, self._miner.data
        if limits is None or data is None or not (data.frequency and data.core_voltage):
            raise refusal("autotune_not_supported", host=self._miner.client.host)
        assert limits.frequency is not None
        assert limits.core_voltage is not None
        start = Point(data.frequency, data.core_voltage)
        for value, allowed in zip(
            start, (limits.frequency, limits.core_voltage), strict=True
        ):
            # The limits of some devices reach to the present value, and only as long
            if not (
                allowed.options[0] <= value <= allowed.options[-1]
                or allowed.minimum < value < allowed.maximum
            ):
                raise refusal(
                    "autotune_beyond_list",
                    host=self._miner.client.host,
                    frequency=f"{start.frequency:g}",
                    core_voltage=f"{start.core_voltage:g}",
                )
        return begin(limits.frequency.options, limits.core_voltage.options, start, caps)

    def effort(self, caps: Caps) -> tuple[int, float]:
        """Return how many points there are at most, and how many hours they take.

        Raises ServiceValidationError.
        """
        walk = self.plan(caps)
        return walk.steps, walk.seconds_left / 3600

    def caps(self, **wanted: Any) -> Caps:
        """Return the caps that were requested; ``max_power`` may be None.

        Raises ServiceValidationError: the device does not report what it may draw.
        """
        max_power = self.limits.most_power if self.limits else None
        power = wanted.pop("max_power", None)
        if power is None and (power := max_power) is None:
            raise refusal("autotune_power_needed", host=self._miner.client.host)
        return Caps(max_power=min(power, max_power or power), **wanted)

    # Starting and stopping

    async def async_start(self, caps: Caps, *, at_night: bool = False) -> bool:
        """Queue the miner, and begin if nothing is in the way.

        Returns False if it runs already. Raises HomeAssistantError.
        """
        if self.is_running:
            return False
        await self._miner.async_require_response()
        self.plan(caps)
        self._miner.require_room(watts=caps.max_power)
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        record = self.record
        record.caps, record.at_night, record.queued_at = caps, at_night, time.time()
        record.walk = record.target = None
        self._set(AutotuneState.QUEUED)
        self.update()
        self._miner.async_update_listeners()
        return True

    async def async_stop(self, reason: str = STOPPED) -> bool:
        """Bring the miner back to its start point; return whether there was anything.

        A miner that cannot be reached goes back once it is there again.
        """
        if self.record.state is AutotuneState.QUEUED:
            self._end(reason)
            return True
        if not self.is_running:
            return False
        if self.record.state in _WALKING:
            self._go_back(reason)
        while (task := self._task) is not None:
            # The write that is on its way, then the one that leads back
            await asyncio.wait({task})
            if self._task is task:
                self._task = None
        if self.is_running and self._may_return:
            self._send()
            if (task := self._task) is not None:
                await asyncio.wait({task})
        return True

    async def async_give_up(self) -> None:
        """Bring the miner back as far as it can be done soon: its entry goes."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_LEAVE_SECONDS):
                await self.async_stop()
        if self._task is not None:
            self._task.cancel()
        if self.is_running and (walk := self.record.walk) is not None:
            _LOGGER.warning(
                "%s is not as it was before autotune: %g MHz and %g mV",
                self._miner.name,
                *walk.start,
            )

    async def async_release(self) -> bool:
        """Give the miner back before a command that is not of autotune.

        Returns False if it still has to be brought back: it cannot be set now.
        """
        if not self.is_running or asyncio.current_task() is self._task:
            return True
        await self.async_stop(USER_COMMAND)
        return not self.is_running

    @callback
    def overruled(self) -> None:
        """Someone has set the miner: there is nothing to go back to any more."""
        if asyncio.current_task() is self._task:
            return
        ir.async_delete_issue(self._hass, DOMAIN, self._issue_id)
        if self.record.state is AutotuneState.RETURNING:
            self._end(self.record.reason)
        elif self.record.target is not None:
            self.record.target = None
            self._records.save_soon()

    # From poll to poll

    @callback
    def update(self) -> None:
        """Decide after a poll, or after one that failed."""
        if self._task is not None and not self._task.done():
            return
        if self._miner.commands_running and self.record.state not in _WALKING:
            # What comes of the command is known at the next poll
            return
        match self.record.state:
            case AutotuneState.QUEUED:
                self._update_queued()
            case AutotuneState.SETTLING | AutotuneState.MEASURING:
                self._update_walking()
            case AutotuneState.RETURNING:
                if self._may_return:
                    self._send()

    @property
    def _may_return(self) -> bool:
        """Return whether the miner can be set now.

        While it cools down, its firmware is about to change the settings automatically.
        """
        miner = self._miner
        return miner.last_update_success and (
            "overheat" not in miner.data.problems or miner.data.hashing is True
        )

    def _waits_for(self) -> str | None:
        """Return why the miner cannot begin now."""
        record, data = self.record, self._miner.data
        hour = dt_util.now().hour
        if record.at_night and NIGHT[1] <= hour < NIGHT[0]:
            return "night"
        if (
            not self._miner.last_update_success
            or data is None
            or not data.hashing
            or data.problems
            or not (data.frequency and data.core_voltage)
            or (data.uptime is not None and data.uptime < _STARTUP_SECONDS)
        ):
            return "not_ready"
        return None

    def _update_queued(self) -> None:
        record = self.record
        if not 0 <= time.time() - record.queued_at < _LONGEST_WAIT:
            self._end("waited_too_long")
            return
        if self.limits is None:
            # Another firmware, or another miner in its place
            self._end("not_supported")
            return
        reason = self._waits_for()
        if reason is None and not self._turns.is_turn_of(self):
            reason = "turn"
        assert record.caps is not None
        if reason is None:
            try:
                self._miner.require_room(watts=record.caps.max_power)
            except HomeAssistantError:
                reason = "circuit"
        if reason is not None:
            record.reason = reason
            return
        try:
            walk = self.plan(record.caps)
        except HomeAssistantError:
            self._end("beyond_list")
            return
        # What the owner tuned by hand is not one of the points that follow
        self._miner.tuning.keep_point()
        record.walk = walk
        self._misses = self._attempts = 0
        self._uptime = self._fan = None
        self._was_interrupted = False
        self._estimate_end()
        self._set(AutotuneState.SETTLING)
        self._update_walking()

    def _update_walking(self) -> None:
        record, miner = self.record, self._miner
        assert record.walk is not None
        if not miner.last_update_success:
            self._misses += 1
            if self._misses >= _MISSED_POLLS:
                self._go_back("no_response")
            return
        self._misses = 0
        if (doubt := self._doubt(record.walk, miner.data)) is not None:
            self._go_back(doubt)
            return
        self._was_interrupted = False
        before = record.walk.point
        record.walk = walk = with_sample(
            record.walk, _sample(miner.data, miner.power), self.clock()
        )
        if walk.ended == FINISHED:
            self._finish(walk)
        elif walk.ended is not None:
            self._go_back(walk.ended)
        elif walk.point != before:
            self._estimate_end()
            self._set(AutotuneState.SETTLING)
            self._send()
        elif walk.is_measuring and record.state is AutotuneState.SETTLING:
            self._set(AutotuneState.MEASURING)

    def _doubt(self, walk: Walk, data: MinerTelemetry) -> str | None:
        """Return what is wrong with the miner as it is now."""
        if data.problems:
            return data.problems[0]
        if data.paused:
            return "paused"
        if data.hashing is False and walk.is_measuring:
            return "not_hashing"
        before, self._uptime = self._uptime, data.uptime
        if before is not None and data.uptime is not None and data.uptime < before:
            return "miner_restarted"
        if data.frequency is None or data.core_voltage is None:
            return "figure_unknown"
        if not _is_at(data, walk.point):
            return "interrupted" if self._was_interrupted else "foreign_write"
        fan = (data.fan_auto, data.target_temperature)
        speed = data.fan_setting if data.fan_auto is False else None
        if self._fan is None:
            self._fan = (*fan, speed)
        elif fan != self._fan[:2]:
            return "foreign_write"
        elif speed is not None and isinstance(was := self._fan[2], float | int):
            return "foreign_write" if abs(speed - was) > _FAN_SLACK else None
        return None

    def _finish(self, walk: Walk) -> None:
        """Keep what was found, and go to it, or back if there is more than one."""
        points = results(walk)
        if not points:
            self._go_back("nothing_found")
            return
        tuning = self._miner.tuning
        for goal, trial in points.items():
            measured = _shown(trial)
            for key in ("frequency", "core_voltage", "verdict"):
                del measured[key]
            profile = tuning.save_result(goal, _settings(trial.point), measured)
            if profile is None:
                self._go_back("too_many_profiles")
                return
            self._chosen = profile.id if goal is walk.caps.goal else None
        only = points.get(walk.caps.goal)
        self._go_back(None, walk.start if only is None else only.point)

    # Writing

    def _go_back(self, reason: str | None, target: Point | None = None) -> None:
        """Go to the last point of the walk, on any doubt the one of the start."""
        record = self.record
        assert record.walk is not None
        if reason == "overheat" and record.walk.point.heat <= record.walk.start.heat:
            # What is wrong is the cooling: the start would be hotter still
            self._end(reason)
            return
        if reason is not None:
            _LOGGER.info("Autotune of %s ends: %s", self._miner.name, reason)
        record.target = target or record.walk.start
        record.reason = reason
        self.finishes = None
        self._set(AutotuneState.RETURNING)
        if self._may_return:
            self._send()

    def _send(self) -> None:
        """Write where the miner is to be, unless a write is on its way."""
        if self._task is not None and not self._task.done():
            return
        walking = self.record.state in _WALKING
        self._task = self._miner.config_entry.async_create_background_task(
            self._hass,
            self._async_walk() if walking else self._async_return(),
            f"autotune {self._miner.name}",
            # It checks whether it is the noted task
            eager_start=False,
        )

    async def _async_walk(self) -> None:
        walk = self.record.walk
        assert walk is not None
        await self._records.async_save()
        tuning, settings = self._miner.tuning, _settings(walk.point)
        try:
            tuning.require_room(settings)
            await tuning.async_apply(settings, own=False)
        except HomeAssistantError:
            is_there = self._miner.last_update_success
            self._task = None
            if self.record.state in _WALKING:
                self._go_back("not_applied" if is_there else "no_response")

    async def _async_return(self) -> None:
        record = self.record
        assert record.walk is not None
        target = _settings(record.target or record.walk.start)
        await self._records.async_save()
        if record.state is not AutotuneState.RETURNING:
            return  # Someone has set the miner in the meantime
        try:
            await self._miner.tuning.async_apply(target, own=True)
        except HomeAssistantError:
            if not self._miner.last_update_success:
                # It continues when the miner is back
                return
            self._attempts += 1
            if self._attempts >= _ATTEMPTS:
                await self._async_give_up(record.walk)
            return
        if record.state is AutotuneState.RETURNING:
            if record.reason is None and self._chosen is not None:
                self._miner.tuning.activate(self._chosen)
            self._end(record.reason)

    async def _async_give_up(self, walk: Walk) -> None:
        """Try the coolest point of the lists, and notify the owner."""
        coolest = Point(walk.frequencies[0], walk.voltages[0])
        with suppress(HomeAssistantError):
            await self._miner.tuning.async_apply(_settings(coolest), own=False)
        if self.record.state is not AutotuneState.RETURNING:
            return
        self._end("not_returned")
        self.record.target = walk.start
        self._show_issue()

    def _show_issue(self) -> None:
        """Show that the miner is not where it was, also after a restart."""
        record = self.record
        if record.state is not AutotuneState.FAILED or record.target is None:
            return
        async_create_issue(
            self._hass,
            self._issue_id,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=NOT_RETURNED,
            translation_placeholders={
                "name": self._miner.config_entry.title,
                "frequency": f"{record.target.frequency:g}",
                "core_voltage": f"{record.target.core_voltage:g}",
            },
        )

    def _set(self, state: AutotuneState) -> None:
        self.record.state = state
        self.record.reason = (
            self.record.reason if state is AutotuneState.RETURNING else None
        )
        self._records.save_soon()

    def _estimate_end(self) -> None:
        """Note when the walk is over if all of its points are needed."""
        walk = self.record.walk
        if walk is not None and walk.ended is None:
            seconds = timedelta(seconds=walk.seconds_left)
            self.finishes = (dt_util.utcnow() + seconds).replace(
                second=0, microsecond=0
            )

    def _end(self, reason: str | None) -> None:
        record, tuning = self.record, self._miner.tuning
        if reason is None:
            record.state = AutotuneState.DONE
        elif reason in (STOPPED, USER_COMMAND):
            record.state = AutotuneState.STOPPED
        else:
            record.state = AutotuneState.FAILED
        record.reason, record.target, self.finishes = reason, None, None
        self._records.save_soon()
        if reason is None and record.walk is not None:
            tuning.fire("autotune_finished", profiles=[*results(record.walk)])
        else:
            tuning.fire("autotune_aborted", reason=reason)
        self._miner.async_update_listeners()


def _is_at(data: MinerTelemetry, point: Point) -> bool:
    return all(
        value is not None and abs(value - wanted) <= 0.5
        for value, wanted in zip(
            (data.frequency, data.core_voltage), point, strict=True
        )
    )


def _settings(point: Point) -> Settings:
    return {"frequency": point.frequency, "core_voltage": point.core_voltage}


def _sample(data: MinerTelemetry, power: float | None) -> Sample:
    return Sample(
        hashrate=data.hashrate,
        expected=data.hashrate_expected,
        power=power,
        temperature=data.temperature,
        regulator=data.temperature_regulator,
        fan=data.fan_speed,
        fan_auto=data.fan_auto,
        error=data.error_rate,
        supply=data.input_voltage,
    )


def _shown(trial: Trial) -> dict[str, Any]:
    """Return a point in MHz, mV, TH/s, W, J/TH and °C."""

    def digits(value: float | None, places: int) -> float | None:
        return None if value is None else round(value, places)

    hashrate = trial.hashrate
    return {
        "frequency": trial.frequency,
        "core_voltage": trial.core_voltage,
        "hashrate": None if hashrate is None else round(hashrate / TERA, 3),
        "power": digits(trial.power, 1),
        "efficiency": digits(efficiency_j_per_th(trial.power, hashrate), 2),
        "temperature": digits(trial.temperature, 1),
        "verdict": trial.verdict,
    }
