"""One miner as the planner sees it, and the commands it gets."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import re
from types import MappingProxyType
from typing import Annotated, Final, Literal, NamedTuple, override

from homeassistant.const import ATTR_MODE
from homeassistant.core import Context, HomeAssistant, callback
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.util import dt as dt_util

from ..const import MODE_CUSTOM
from ..data import get_data
from ..driver_api.units import efficiency_j_per_th, parse_number
from ..errors import failure, message
from ..fleet.commands import (
    COMMANDS,
    CONF_POOL,
    CONF_PROFILE,
    CONF_REASON,
    Data,
    Outcome,
    async_attempt,
)
from ..miner.coordinator import MinerCoordinator
from ..miner.plug import plug_is_on
from ..miner.status import BY_STRATEGY, MinerState
from ..sentences import reason_sentence
from ..stored import Newest, Stored
from .planner.circuits import load
from .planner.model import LEAVE, OFF, ON, Control, Manual, MinerView, Mode, Rung
from .planner.rungs import is_at
from .room import room_of
from .watts import EXCEEDS, SETTLE_SECONDS, LearnedWatts

_MODE: Final = "mode:"
_PROFILE: Final = "profile:"
_CUSTOM: Final = f"{_MODE}{MODE_CUSTOM}"
_MAX_MODES: Final = 128
_POLLS: Final = 2
"""How often a miner must report what HMM did not set to count as a user's change."""
_AFTER_COMMAND: Final = 90.0
"""Seconds: miners settle, and some report another mode meanwhile."""
_DAY: Final = timedelta(days=1)
_LONGEST_SPAN: Final = timedelta(minutes=5)
"""Between two polls; what was mined during longer pauses is unknown."""

_DAYS: Final = 7
_SLACK: Final = 0.02
_FAN_SLACK: Final = 5.0
_ROOM_SLACK: Final = 0.5

_NORMAL: Final = ("standard", "medium", "mining")


@dataclass(slots=True)
class MinerMemory(Stored):
    """What of a steered miner must outlive a restart of Home Assistant."""

    expected: Rung | None = None
    """What HMM has set it to, None while no strategy decides."""
    manual: Manual | None = None
    watts: LearnedWatts = field(default_factory=LearnedWatts)
    work: Annotated[dict[str, list[float]], Newest(_DAYS)] = field(default_factory=dict)
    """By day: the sums of W and H/s of its polls, for the last days on which it worked."""
    efficiency: float | None = None
    """J/TH of these days, and when it last worked."""
    efficiency_at: datetime | None = None
    fan_speed: float | None = None
    """% when it last worked."""
    drew: float | None = None
    """W when it last mined: one that does not respond may draw that again."""
    seen_at: datetime | None = None
    """When it was polled last: who has restarted since may have forgotten a pause."""

    @override
    def verify(self) -> None:
        if any(len(day) != 2 for day in self.work.values()):
            raise ValueError(self.work)

    def rank(self, now: datetime, watts: float, hashrate: float) -> None:
        """Add a poll of a miner that works: what a ranking goes by.

        One that is off is not polled, and still has its place. Small changes are noise:
        two miners that are alike would swap their places again and again.
        """
        day = self.work.setdefault(now.date().isoformat(), [0.0, 0.0])
        day[0] += watts
        day[1] += hashrate
        while len(self.work) > _DAYS:
            del self.work[next(iter(self.work))]
        sums = [sum(day) for day in zip(*self.work.values(), strict=True)]
        if (efficiency := efficiency_j_per_th(*sums)) is not None:
            before = self.efficiency
            if before is None or abs(efficiency - before) > _SLACK * before:
                self.efficiency = efficiency
            self.efficiency_at = now


class Pause(NamedTuple):
    """Why a miner is paused: a reason of its status, and what belongs to that."""

    reason: str = BY_STRATEGY
    values: Mapping[str, float | str] = MappingProxyType({})


def _first_sentence(text: str) -> str:
    """Return what is wrong, without the advice behind it."""
    return re.split(r"\. |\.$|。", text, maxsplit=1)[0]


def _settled(before: float | None, now: float | None, slack: float) -> float | None:
    """Return a figure that changes only when it really is another."""
    if now is None or (before is not None and abs(now - before) <= slack):
        return before
    return now


class SteeredMiner:
    """A miner with what the strategies know of it."""

    def __init__(self, miner: MinerCoordinator, memory: MinerMemory) -> None:
        """Begin with what is remembered."""
        self.miner = miner
        self.memory = memory
        self.id = miner.config_entry.entry_id
        self.is_busy = False
        """Whether a command runs."""
        self.refusal: str | None = None
        self._quiet_until = 0.0
        self._seen: object = None
        self.foreign: Rung | None = None
        """What a user has set it to, until that is handled."""
        self._doubts = 0
        self._kwh = miner.energy.kwh
        self._claim: tuple[float, float] | None = None
        """W that a command makes it draw soon, and until when by the clock of the loop."""
        self._drew_before = 0.0
        """W at the last poll in another mode."""
        self._is_spike = False
        """Whether its W of the last poll are not believed yet."""
        self._room: float | None = None
        self._counted = dt_util.utcnow()
        self._uptime: float | None = None
        self._may_forget = False
        """Whether it has restarted since HMM, or anybody, has set it last."""
        self._after_restart: Rung | None = None
        self._set_by_hand = False
        """Whether a user sets it through HMM: a restart that follows is part of that."""
        self._reachable_since: datetime | None = None
        self._since: tuple[Rung | None, datetime | None, float] = (None, None, 0.0)
        self.view = MinerView(id=self.id, reported=None, online=False)

    @callback
    def update(self) -> bool:
        """Take a poll; return whether anything changed that a decision depends on."""
        before = self.view
        self._detect_manual_change()
        self.view = self._make_view()
        self._seen = self.miner.data
        after = self.view
        return (
            before.reported != after.reported
            or before.online is not after.online
            or before.mining is not after.mining
            or before.safety != after.safety
            or before.modes != after.modes
            or before.manual != after.manual
            or self.foreign is not None
        )

    def _make_view(self) -> MinerView:
        miner = self.miner
        now, clock = dt_util.utcnow(), miner.hass.loop.time()
        reported = self._reported()
        online = miner.last_update_success or self._is_unplugged
        if not online:
            self._reachable_since = None
        elif self._reachable_since is None:
            self._reachable_since = now
        if reported != self._since[0]:
            self._drew_before = self.view.watts or 0.0
            # The start is known only if it was observed; what the first poll reports
            # has settled long ago
            is_first = self._seen is None
            self._since = (
                reported,
                None if is_first else now,
                clock - SETTLE_SECONDS if is_first else clock,
            )
        data = miner.data if miner.last_update_success else None
        self._learn(reported, clock)
        return MinerView(
            id=self.id,
            # Not handled before it is certain that a user has changed it
            reported=self.memory.expected if self._doubts else reported,
            modes=self._modes(),
            default_mode=self._default_mode(),
            model=miner.tuning.model_key,
            online=online,
            mining=data is not None and data.hashing is True,
            can_be_off=self.can_be_off,
            plugged=miner.plug is not None,
            watts=self._watts(),
            spike=self._is_spike,
            claimed=self._claimed(clock),
            drew=self.memory.drew,
            since=self._since[1],
            reachable_since=self._reachable_since,
            efficiency=self.memory.efficiency,
            efficiency_at=self.memory.efficiency_at,
            efficiency_1d=get_data(miner.hass).money.efficiency_1d(self.id),
            fan_speed=self.memory.fan_speed,
            room=self._find_room(),
            safety=self._safety(),
            refusal=self.refusal,
            manual=self._manual,
            busy=self.is_busy,
        )

    @property
    def _is_tuned(self) -> bool:
        autotune = self.miner.autotune
        return autotune is not None and autotune.is_running

    @property
    def _manual(self) -> Manual | None:
        """Return what decides instead of strategies; autotune is started by hand."""
        return Manual("released") if self._is_tuned else self.memory.manual

    def _safety(self) -> Literal["hot", "stop", "lowered"] | None:
        if self.miner.status.state is MinerState.OVERHEATED:
            return "stop"
        if self._is_lowered:
            return "lowered"
        return "hot" if "hot" in self.miner.status.active else None

    @property
    def _is_lowered(self) -> bool:
        """Return whether its owner has not yet decided what an overheat has lowered."""
        return self.miner.status.problems.lowered is not None

    # What it is set to

    @property
    def can_be_off(self) -> bool:
        """Return whether mining can be stopped."""
        profile = self.miner.profile
        return self.miner.plug is not None or (profile is not None and profile.pause)

    @property
    def _is_unplugged(self) -> bool:
        """Return whether its plug is off; what the watchdog has cut is on soon."""
        plug, hass = self.miner.plug, self.miner.hass
        if plug is None or plug_is_on(hass, plug) is not False:
            return False
        return not any(
            miner.watchdog is not None and miner.watchdog.record.cut == plug
            for miner in get_data(hass).fleet.miners.values()
        )

    def _reported(self) -> Rung | None:
        miner = self.miner
        if self._is_unplugged:
            return OFF
        if not miner.last_update_success or miner.data is None:
            return None
        if miner.data.paused or miner.status.state is MinerState.OVERHEATED:
            return OFF
        if not miner.tuning.modes and not miner.tuning.profiles:
            return ON
        current = miner.tuning.current
        return None if current is None else self._rung(current)

    def _rung(self, name: str) -> Rung:
        tuning = self.miner.tuning
        is_mode = name in tuning.modes or name == MODE_CUSTOM
        return f"{_MODE if is_mode else _PROFILE}{name}"

    def _modes(self) -> tuple[Mode, ...]:
        tuning, learned = self.miner.tuning, self.memory.watts
        names = (*tuning.modes, *(profile.name for profile in tuning.profiles))[
            :_MAX_MODES
        ]
        return tuple(
            Mode(rung, learned.watts_of(rung), learned.hashrate_of(rung))
            for rung in map(self._rung, names)
        ) or (Mode(ON, learned.watts_of(ON), learned.hashrate_of(ON)),)

    def _default_mode(self) -> Rung | None:
        modes = self.miner.tuning.modes
        if not modes:
            return None
        named = next((mode for mode in _NORMAL if mode in modes), None)
        return f"{_MODE}{named or modes[len(modes) // 2]}"

    def _watts(self) -> float | None:
        miner = self.miner
        if self._is_unplugged:
            return 0.0
        return miner.power if miner.last_update_success else None

    def _find_room(self) -> float | None:
        """Return °C of its room: of the sensor that is chosen for its area."""
        hass = self.miner.hass
        device = dr.async_get(hass).async_get(self.miner.device_id)
        area = device and ar.async_get(hass).async_get_area(device.area_id or "")
        reading = room_of(hass, area.temperature_entity_id) if area else None
        room = None if reading is None else reading.value
        is_known = room is not None
        self._room = _settled(self._room, room, _ROOM_SLACK) if is_known else None
        return self._room

    # What it may draw

    @property
    def may_draw(self) -> float:
        """Return W that it may draw at any time, while no strategy steers it.

        One that does not respond is back as it was, unless its plug is off.
        """
        drew = self.memory.drew
        return load(self.view) if self.view.online or drew is None else drew

    def min_watts(self, name: str | None) -> float | None:
        """Return W that it draws at least in a mode or profile, None where unknown.

        ``None`` is what it is set to, or was. Modes get faster in the order of the miner:
        one of which nothing is learned draws no less than those before it.
        """
        tuning, learned = self.miner.tuning, self.memory.watts
        if (present := name or tuning.current) is None:
            return self.memory.drew
        if (watts := learned.watts_of(self._rung(present))) is not None:
            return watts
        if present in tuning.modes:
            slower = tuning.modes[: tuning.modes.index(present)]
            draws = [learned.watts_of(self._rung(mode)) for mode in slower]
        else:
            profile = tuning.find(present)
            measured = (profile.measured if profile else None) or {}
            settings = profile.settings if profile else tuning.own_point
            draws = [parse_number(measured.get("power"))]
            if draws == [None] and settings is not None:
                mode = settings.get("mode")
                is_mode = mode in tuning.modes
                draws = [self.min_watts(str(mode)) if is_mode else None]
                draws.append(tuning.watts_with(settings))
        if name is None:
            draws.append(self.memory.drew)
        return max((watts for watts in draws if watts is not None), default=None)

    @callback
    def claim(self, watts: float) -> None:
        """Count for a while what a command makes it draw, which it does not report yet."""
        until = self.miner.hass.loop.time() + SETTLE_SECONDS
        self._claim = (watts, until)
        self.view = replace(self.view, claimed=watts)

    def _claimed(self, clock: float) -> float | None:
        if self._claim is not None and clock >= self._claim[1]:
            self._claim = None
        autotune = self.miner.autotune
        reserved = None if autotune is None else autotune.reserved
        claims = [reserved, None if self._claim is None else self._claim[0]]
        return max((watts for watts in claims if watts is not None), default=None)

    def _learn(self, reported: Rung | None, clock: float) -> None:
        miner = self.miner
        if miner.last_update_success and miner.data is self._seen:
            return
        self._is_spike = False
        if (
            reported in (None, OFF)
            or not miner.last_update_success
            or miner.data.hashing is not True
        ):
            return
        assert reported is not None
        if miner.power and miner.power > EXCEEDS * self._drew_before:
            # No remainder of a higher mode before it
            self._is_spike = self.memory.watts.exceed(reported, miner.power)
        drawn = [self.memory.watts.watts_of(reported)]
        drawn += [] if self._is_spike else [miner.power]
        if any(drawn):
            self.memory.drew = max(watts for watts in drawn if watts is not None)
        if self._is_spike:
            return
        if (miner.data.uptime or SETTLE_SECONDS) < SETTLE_SECONDS:
            return
        if miner.power and miner.data.hashrate:
            self.memory.rank(dt_util.utcnow(), miner.power, miner.data.hashrate)
        self.memory.fan_speed = _settled(
            self.memory.fan_speed, miner.data.fan_speed, _FAN_SLACK
        )
        if reported == _CUSTOM or clock - self._since[2] < SETTLE_SECONDS:
            return
        hashrate = miner.data.hashrate_10m or miner.data.hashrate
        self.memory.watts.learn(reported, miner.power, hashrate)

    # By hand

    def _detect_manual_change(self) -> None:
        """Detect whether a user has changed the miner.

        Two polls must agree, long enough after a command. A miner that has restarted
        may have forgotten its setting: no user has changed it.
        """
        miner = self.miner
        if self._is_tuned:
            # Nor is it a user where autotune leaves the miner
            self.memory.expected = None
        expected = self.memory.expected
        if not miner.last_update_success:
            self._uptime, self._doubts, self.foreign = None, 0, None
            return
        if miner.data is self._seen:
            return
        reported = self._reported()
        self._detect_restart(reported)
        is_starting = miner.status.state is MinerState.STARTING
        if expected is None or reported in (None, expected):
            self._set_by_hand = self._set_by_hand and is_starting
        elif self._set_by_hand and is_starting:
            # As good as certain: nothing is sent against it meanwhile
            self._doubts, self.foreign = 1, None
            return
        if (
            self.is_busy
            or self._may_forget
            or expected is None
            or reported is None
            or reported == expected
            or miner.hass.loop.time() < self._quiet_until
            or is_starting
            or miner.status.state is MinerState.OVERHEATED
            or self._is_lowered
        ):
            self._doubts, self.foreign = 0, None
            return
        self._doubts += 1
        if self._doubts >= _POLLS:
            self.foreign = reported

    def _detect_restart(self, reported: Rung | None) -> None:
        """Detect whether it has restarted, also while Home Assistant was down.

        What it does after that holds until HMM or a user sets it again.
        """
        miner, now = self.miner, dt_util.utcnow()
        uptime, before = miner.data.uptime, self._uptime
        self._uptime, seen_at, self.memory.seen_at = uptime, self.memory.seen_at, now
        if uptime is not None and (
            uptime < before
            if before is not None
            else seen_at is not None and now - timedelta(seconds=uptime) > seen_at
        ):
            self._may_forget, self._after_restart = not self._set_by_hand, None
        if not self._may_forget or miner.status.state is MinerState.STARTING:
            return
        if self._after_restart is None:
            self._after_restart = reported
        elif reported != self._after_restart:
            self._may_forget = False

    @callback
    def note_mode(self) -> None:
        """Note that a mode is set: by a user, if no strategy does."""
        self._set_by_hand = not self.is_busy

    @callback
    def hold(self, manual: Manual) -> Rung:
        """Leave it to whoever changed it; return what it was set to."""
        rung = self.foreign or self._reported() or ON
        self.memory.manual, self.memory.expected = manual, rung
        self.foreign, self._doubts, self._set_by_hand = None, 0, False
        self.view = replace(self.view, manual=manual, reported=rung)
        return rung

    @callback
    def release(self) -> None:
        """Let the strategies decide again."""
        self.memory.manual = None
        self.refusal = None
        self.view = replace(self.view, manual=self._manual, refusal=None)

    @callback
    def settled(self, control: Control) -> None:
        """Take what was settled for it."""
        if control.by in ("nothing", "manual"):
            if control.by == "nothing" and control.command is None:
                self.memory.expected = None
        elif (
            control.rung is not None
            and control.command is None
            and not self.is_busy
            and (self._was_never_set or is_at(self.view, control.rung))
        ):
            self.memory.expected = self.view.reported

    @property
    def _was_never_set(self) -> bool:
        """Return whether it only waits: a user's change is one from what it is."""
        return self.memory.expected is None and self.refusal is None

    @callback
    def explain_pause(self, pause: Pause) -> None:
        """Show why it is paused and until when, if HMM has paused it."""
        if self.miner.status.explain_pause(*pause, dt_util.utcnow()):
            self.miner.async_update_listeners()

    @callback
    def used(self) -> float:
        """Return kWh that it used since this was called last."""
        before, self._kwh = self._kwh, self.miner.energy.kwh
        return max(0.0, self._kwh - before)

    @callback
    def mined(self) -> float:
        """Return the days that it mined since this was called last."""
        now = dt_util.utcnow()
        span, self._counted = now - self._counted, now
        is_known = self.miner.last_update_success and span <= _LONGEST_SPAN
        return max(span / _DAY, 0.0) if is_known else 0.0

    # Commands

    @callback
    def begin(self) -> None:
        """Take no other command before the one that begins has ended."""
        self.is_busy = True
        self.view = replace(self.view, busy=True)

    async def async_apply(self, rung: Rung, pool: str | None, pause: Pause) -> Outcome:
        """Set the miner to a rung; ``pause`` is shown while it is paused by it."""
        self.is_busy, context = True, Context()
        try:
            outcome = await self._apply(rung, pool, pause, context)
        finally:
            self.is_busy, self._claim = False, None
            self._quiet_until = self.miner.hass.loop.time() + _AFTER_COMMAND
        self.refusal = self._refusal_of(outcome)
        if outcome.is_success and rung != LEAVE:
            self.memory.expected, self._may_forget = rung, False
        return outcome

    def _refusal_of(self, outcome: Outcome) -> str | None:
        """Return why a command failed: a key with a short text, else what is said."""
        if outcome.is_success or outcome.reason is None or outcome.error is None:
            return outcome.reason
        hass = self.miner.hass
        if reason_sentence(hass, outcome.reason, {}) != outcome.reason:
            return outcome.reason
        return _first_sentence(message(hass, outcome.error))

    async def _apply(
        self,
        rung: Rung,
        pool: str | None,
        pause: Pause,
        context: Context,
    ) -> Outcome:
        if rung == OFF:
            outcome = await self._run("pause", {CONF_REASON: pause.reason}, context)
            if outcome.is_success:
                self.explain_pause(pause)
            return outcome
        outcome = Outcome(result="already")
        miner, name = self.miner, rung.partition(":")[2]
        is_off = self.view.reported in (OFF, None)
        is_paused = miner.last_update_success and miner.data.paused is True
        is_first = is_paused and bool(name) and miner.client.mode_while_paused
        if is_first:
            # Else it would mine in its old mode for a while
            outcome = await self._set_mode(rung, name, context)
        if outcome.is_success and is_off and self.can_be_off and rung != LEAVE:
            # What it draws then was planned: it gets its mode immediately
            by_strategy = {CONF_REASON: "resumed_by_strategy"}
            outcome = await self._run("resume", by_strategy, context)
        if outcome.is_success and not miner.last_update_success:
            # It starts up; its mode is set when it is back
            return outcome
        if outcome.is_success and name and not is_first:
            outcome = await self._set_mode(rung, name, context)
        if outcome.is_success and pool is not None:
            outcome = await get_data(self.miner.hass).failover.async_lend(
                self.id, pool, self._run("set_pool", {CONF_POOL: pool}, context)
            )
        return outcome

    async def _set_mode(self, rung: Rung, name: str, context: Context) -> Outcome:
        if rung.startswith(_PROFILE):
            return await self._run("apply_profile", {CONF_PROFILE: name}, context)
        return await self._run("set_mode", {ATTR_MODE: name}, context)

    async def _run(self, action: str, data: Data, context: Context) -> Outcome:
        hass: HomeAssistant = self.miner.hass
        miner = get_data(hass).fleet.miners.get(self.id)
        if miner is None:
            return Outcome(
                result="unreachable",
                reason="miner_left",
                error=failure("miner_left", name=self.miner.config_entry.title),
            )
        return await async_attempt(hass, miner, COMMANDS[action], data, context)
