"""Runs all strategies: collects their wishes and sets the miners accordingly."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
import logging
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import UnitOfPower
from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_call_later
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from ..const import CONF_PLUG, DOMAIN
from ..data import get_data
from ..errors import message, refusal
from ..fleet.members import Fleet
from ..listeners import notify_all
from ..miner.plug import plug_is_on
from ..miner.status import BY_CIRCUIT, BY_STRATEGY
from ..money.revenue import counted_revenue
from .explain import sentence_facts, sentence_text
from .issues import forget_problems, update_issues
from .keys import CONF_BAND_OF, CONF_START, START_DRY_RUN
from .limits import circuits_of, manual_of, rated
from .members import entries_of
from .miners import MinerMemory, Pause, SteeredMiner
from .planner.circuits import load, refusing
from .planner.ledger import Ledger
from .planner.model import (
    OFF,
    BandNow,
    Circuit,
    Control,
    Manual,
    MinerView,
    Sentence,
    Settlement,
    Standing,
)
from .planner.precedence import CIRCUIT_REASONS, is_held, settle
from .planner.rungs import watts_of
from .planner.settings import FROM_DICT
from .records import Override, StrategyRecord, StrategyStore
from .strategy import Strategy
from .words import clock_text, number

_LOGGER = logging.getLogger(__name__)

STARTUP_SECONDS: Final = 120.0
"""After the start of Home Assistant: until then sensors and miners become available."""

_PAUSE_SECONDS: Final = 1.0
"""Between two decisions, regardless of what happens in between."""
_SHORTEST_WAIT: Final = timedelta(seconds=1)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_RETURN_STAGGER: Final = 10.0
_TURN: Final = timedelta(seconds=10)
"""What the planner keeps between two miners that no strategy decides for."""


class StrategyManager:
    """All strategies of the fleet, and the miners that they steer."""

    def __init__(self, hass: HomeAssistant, fleet: Fleet) -> None:
        """Begin with nothing; it runs while the entry of the fleet is loaded."""
        self.hass = hass
        self.strategies: dict[str, Strategy] = {}
        self.controls: Mapping[str, Control] = {}
        self.store = StrategyStore(hass)
        self._fleet = fleet
        self._entry: ConfigEntry | None = None
        self._miners: dict[str, SteeredMiner] = {}
        self._followed: dict[str, CALLBACK_TYPE] = {}
        self._members: dict[str, frozenset[str]] = {}
        """The miners of each strategy, by its id."""
        self._new_listeners: list[Callable[[Strategy], None]] = []
        self._stops: list[CALLBACK_TYPE] = []
        self._timer: CALLBACK_TYPE | None = None
        self._soon: CALLBACK_TYPE | None = None
        self._is_ready = False
        self._has_decided = False
        """Before that, a manual change of a miner has nothing to be compared with."""
        self._broken: set[str] = set()
        """Strategies whose last decision failed: each is logged once."""
        self._fleet_version = -1
        self._options: Mapping[str, Any] = {}
        self._wished: Mapping[str, str | None] = {}
        self._rated: tuple[Circuit, ...] = ()
        """All circuits with all their miners."""
        self._over: set[str] = set()
        """The circuits that were over their limit when one of their miners was polled."""

    # Begin and end

    @callback
    def async_start(self, entry: ConfigEntry) -> CALLBACK_TYPE:
        """Run the strategies of the fleet's entry; return the end."""
        self._entry, self._options = entry, dict(entry.options)
        # Some may have been removed since it was stopped
        self._miners = {}
        for subentry in entry.subentries.values():
            self._add(subentry.subentry_id)
        self._forget_left()
        self._stops = [
            self._fleet.async_add_listener(self._fleet_changed),
            async_at_started(self.hass, self._started),
        ]
        money = get_data(self.hass).money
        money.on_block = self._block_found
        money.on_currency = self._currency_changed
        self._find_members()
        return self._stop

    @callback
    def _stop(self) -> None:
        """Stop; a fleet that is disabled gives its miners back."""
        entry = self._entry
        for stop in (*self._stops, *self._followed.values()):
            stop()
        for cancel in (self._timer, self._soon):
            if cancel is not None:
                cancel()
        self._timer = self._soon = None
        self._stops = []
        for strategy in self.strategies.values():
            strategy.stop()
            forget_problems(self.hass, strategy.id)
        is_ready, self._is_ready = self._is_ready, False
        self._has_decided = False
        for key in self._followed:
            # The sun is no longer tracked
            get_data(self.hass).money.surplus.pop(key, None)
        self.strategies, self._followed = {}, {}
        self._entry = None
        if is_ready and entry is not None and entry.disabled_by is not None:
            self.hass.async_create_task(
                self._async_give_back(), "HMM strategies give miners back"
            )

    async def _async_give_back(self) -> None:
        """Set all miners as they were before the strategies."""
        left, turn = dict(self._miners), timedelta()
        while any(steered.is_busy for steered in left.values()):
            # With its entry, what still runs is canceled
            await asyncio.sleep(_PAUSE_SECONDS)
        # A fleet that is back meanwhile decides itself
        while left and self._entry is None:
            # One after the other: a circuit may have no room for two at once
            controls = self._settle(dt_util.utcnow() + turn, []).controls
            turn += _TURN
            commands = {key: it.command for key, it in controls.items() if key in left}
            key = next((key for key, it in commands.items() if it is not None), None)
            if key is None:
                break
            steered, command = left.pop(key), commands[key]
            assert command is not None
            await steered.async_apply(command, None, Pause())
            steered.update()
            await asyncio.sleep(_RETURN_STAGGER)
        if self._entry is not None:
            return
        for steered in self._miners.values():
            steered.memory.expected = None
        self.controls = {}
        self.store.settled = {}
        await self.store.async_save()

    @callback
    def async_forget(self) -> None:
        """Forget all strategies, and give their miners back: the fleet was removed."""
        self.store.strategies.clear()
        self.hass.async_create_task(
            self._async_give_back(), "HMM strategies give miners back"
        )

    @callback
    def _started(self, _: HomeAssistant) -> None:
        def ready() -> None:
            self._is_ready = True
            self.async_decide_soon()

        self._stops.append(self._call_in(STARTUP_SECONDS, ready))

    def _call_in(
        self, wait: float | timedelta, action: Callable[[], None]
    ) -> CALLBACK_TYPE:
        @callback
        def run(_: datetime) -> None:
            action()

        job = HassJob(run, "HMM strategies", cancel_on_shutdown=True)
        return async_call_later(self.hass, wait, job)

    @callback
    def async_entry_changed(self, entry: ConfigEntry) -> None:
        """Start, change or stop what was added, changed or removed."""
        self._options = dict(entry.options)
        for key in [id_ for id_ in self.strategies if id_ not in entry.subentries]:
            strategy = self.strategies.pop(key)
            strategy.stop()
            forget_problems(self.hass, key)
            self.store.strategies.pop(key, None)
        for key, subentry in entry.subentries.items():
            strategy_now = self.strategies.get(key)
            if strategy_now is None:
                self._add(key)
            elif (
                strategy_now.data != subentry.data
                or strategy_now.title != subentry.title
            ):
                strategy_now.stop()
                strategy_now.take(subentry)
                strategy_now.start()
                update_issues(self.hass, strategy_now)
        self.store.save_soon()
        self._find_members()
        for strategy in self.strategies.values():
            strategy.show()
        self.async_decide_soon()

    def _add(self, subentry_id: str) -> None:
        subentry = self.fleet_entry.subentries[subentry_id]
        if subentry.subentry_type not in FROM_DICT:
            return  # Of a newer version
        if (record := self.store.strategies.get(subentry_id)) is None:
            is_dry = subentry.data.get(CONF_START) == START_DRY_RUN
            record = StrategyRecord(dry_run=is_dry)
            self.store.strategies[subentry_id] = record
        strategy = Strategy(self.hass, subentry, record, self.async_decide_soon)
        self.strategies[subentry_id] = strategy
        strategy.drawn = lambda: self._drawn(subentry_id)
        strategy.followed_band = lambda: self._followed_band(strategy)
        strategy.start()
        update_issues(self.hass, strategy)
        notify_all(self._new_listeners, strategy)

    def _forget_left(self) -> None:
        """Forget strategies that were removed while the fleet was not loaded."""
        for key in set(self.store.strategies) - set(self.strategies):
            del self.store.strategies[key]

    @callback
    def async_add_new_listener(
        self, listener: Callable[[Strategy], None]
    ) -> CALLBACK_TYPE:
        """Call ``listener`` with each strategy, present and future ones."""
        self._new_listeners.append(listener)
        for strategy in self.strategies.values():
            listener(strategy)
        return lambda: self._new_listeners.remove(listener)

    @property
    def fleet_entry(self) -> ConfigEntry:
        """Return the entry of the fleet, which must be loaded."""
        assert self._entry is not None
        return self._entry

    @property
    def fleet_device_id(self) -> str:
        """Return the device of the fleet, which those of strategies hang on."""
        entry = self.fleet_entry
        device = dr.async_get(self.hass).async_get_device_by_identifier(
            (DOMAIN, entry.unique_id or entry.entry_id), entry.entry_id
        )
        assert device is not None
        return device.id

    # Miners

    @callback
    def _fleet_changed(self, at_once: bool) -> None:
        """Follow added miners, and stop following removed ones."""
        if self._fleet.version != self._fleet_version:
            self._find_members()
            self.async_decide_soon()

    def _find_members(self) -> None:
        """Find out which miners each strategy has."""
        self._fleet_version = self._fleet.version
        self._members = {
            key: frozenset(
                entry.entry_id for entry in entries_of(self.hass, strategy.device_ids)
            )
            for key, strategy in self.strategies.items()
        }
        self._rated = rated(self.hass, self._options)
        wanted = self._led.union(*(circuit.miners for circuit in self._rated))
        for key in set(self._followed) - (wanted & set(self._fleet.miners)):
            self._followed.pop(key)()
            get_data(self.hass).money.surplus.pop(key, None)
            self._miners.pop(key, None)
        for key in wanted & set(self._fleet.miners):
            miner = self._fleet.miners[key]
            previous = self._miners.get(key)
            if key in self._followed:
                if previous is not None and previous.miner is miner:
                    continue
                self._followed.pop(key)()
            memory = self.store.miners.setdefault(key, MinerMemory())
            steered = SteeredMiner(miner, memory)
            self._miners[key] = steered
            self._followed[key] = self._follow(steered)
            # Its sensor of who controls it is there from now on
            miner.async_update_listeners()

    @property
    def _led(self) -> set[str]:
        """Return the miners in strategies, and those that a removed strategy releases.

        All others are only followed because they share a circuit. What was decided is
        not known after a restart, and one that was out of reach is not released yet.
        """
        left = {
            key for key, control in self.controls.items() if control.by != "nothing"
        }
        return left.union(self.store.owed, *self._members.values())

    def _follow(self, steered: SteeredMiner) -> CALLBACK_TYPE:
        @callback
        def polled() -> None:
            has_news = steered.update()
            has_news |= self._is_newly_over(steered)
            is_led = steered.id in self.controls
            if self._has_decided and is_led and steered.foreign is not None:
                self._hold(steered)
            self._count(steered)
            self._report_sun(steered)
            self.store.save_later()
            if has_news:
                self.async_decide_soon()

        steered.update()
        steered.miner.room_check = partial(self._require_room, steered)
        steered.miner.on_mode = steered.note_mode
        stop = steered.miner.async_add_listener(polled)

        @callback
        def leave() -> None:
            stop()
            steered.miner.room_check = steered.miner.on_mode = None

        return leave

    def _is_newly_over(self, steered: SteeredMiner) -> bool:
        """Return whether a circuit of a miner is over its limit since this poll."""
        own = [circuit for circuit in self._rated if steered.id in circuit.miners]
        over = {
            circuit.name
            for circuit in own
            if sum(map(self._drawn_by, circuit.miners)) > circuit.max_watts
        }
        is_news = not over <= self._over
        self._over = self._over.difference(circuit.name for circuit in own) | over
        return is_news

    def is_member(self, entry_id: str) -> bool:
        """Return whether a miner is in any strategy."""
        return any(entry_id in members for members in self._members.values())

    def steered_by(self, strategy: Strategy) -> list[MinerView]:
        """Return the miners that a strategy decides for now."""
        return [
            self._miners[key].view
            for key, control in self.controls.items()
            if control.strategy == strategy.id and key in self._miners
        ]

    def steered(self, entry_id: str) -> SteeredMiner | None:
        """Return a miner that is in a strategy."""
        return self._miners.get(entry_id)

    def _require_room(
        self, steered: SteeredMiner, mode: str | None, watts: float | None
    ) -> None:
        """Raise if a circuit has no room for what a miner is about to draw.

        Unknown watts are allowed: the measured ones count from the next poll on.
        """
        if watts is None and (watts := steered.min_watts(mode)) is None:
            return
        led = (self._led | {steered.id}) & self._miners.keys()
        entries = Ledger.restored(self.store.settled, dt_util.utcnow()).entries
        loads = {id_: load(self._miners[id_].view, entries.get(id_)) for id_ in led}
        circuits = circuits_of(self.hass, self._options, led, self._drawn_by)
        circuit = refusing(circuits, loads, steered.id, watts)
        if circuit is None:
            steered.claim(watts)
            return
        others = sum(loads.get(id_, 0.0) for id_ in circuit.miners if id_ != steered.id)
        raise refusal(
            "circuit_full",
            miner=steered.miner.config_entry.title,
            circuit=circuit.name,
            watts=number(self.hass, watts),
            others=number(self.hass, others + circuit.reserved),
            limit=number(self.hass, circuit.rated),
        )

    def _hold(self, steered: SteeredMiner) -> None:
        """Leave a miner to the user, for as long as the fleet's options say."""
        control = self.controls.get(steered.id)
        wished = self._wished.get(steered.id)
        rung = steered.hold(manual_of(self._options, dt_util.utcnow(), wished))
        self.store.save_now()
        strategy = self.strategies.get(control.strategy or "") if control else None
        if strategy is not None:
            name = steered.miner.config_entry.title
            strategy.fire("overridden", {"miner": name, "rung": rung})

    @callback
    def release(self, entry_id: str) -> None:
        """Let the strategies decide again for a miner."""
        if (steered := self._miners.get(entry_id)) is not None:
            steered.release()
            self.store.save_now()
            self.async_decide_soon()

    # Strategies

    @callback
    def async_enable(self, strategy: Strategy, enabled: bool) -> None:
        """Let a strategy steer, or give its miners back."""
        if enabled and not strategy.record.enabled:
            # Its findings are outdated, also that the meter has a wrong sign
            strategy.record.memory = {}
        strategy.record.enabled = enabled
        if strategy.decision is None:
            # Shown immediately, also before anything is decided
            strategy.state = "waiting" if enabled else "off"
        self.async_set()

    @callback
    def async_set_dry_run(self, strategy: Strategy, dry_run: bool) -> None:
        """Let a strategy decide without switching anything, or steer."""
        strategy.record.dry_run = dry_run
        self.async_set()

    @callback
    def async_override(
        self, strategy: Strategy, to: str | None, until: datetime | None = None
    ) -> None:
        """Let a strategy want a band or a rung until a time; None: what it decides."""
        if to is None:
            if strategy.record.override is not None:
                strategy.record.override = None
                strategy.fire("resumed", {})
        else:
            decision, now = strategy.decision, dt_util.utcnow()
            manual = manual_of(self._options, now, decision.mark if decision else None)
            if until is not None:
                manual = Manual("time", until)
            strategy.record.override = Override(to, manual)
            strategy.fire("overridden", {"rung": to})
        self.async_set()

    @callback
    def async_set(self) -> None:
        """Keep what was set by hand, show and follow it."""
        self.store.save_now()
        for strategy in self.strategies.values():
            strategy.show()
        self.async_decide_soon()

    # Deciding

    @callback
    def async_decide_soon(self) -> None:
        """Decide shortly: many events may arrive together."""
        if self._soon is None and self._is_ready:
            self._soon = self._call_in(_PAUSE_SECONDS, self._decide)

    @callback
    def _decide(self) -> None:
        if self._soon is not None:
            self._soon()
            self._soon = None
        now, kept = dt_util.utcnow(), self.store.decided
        standings = []
        # Who follows the band of another strategy must know what that has decided
        for strategy in sorted(
            self.strategies.values(), key=lambda strategy: strategy.kind == "champion"
        ):
            if strategy.settings is None or not strategy.record.enabled:
                strategy.decision = None
                continue
            before = strategy.decision
            try:
                strategy.decide(now, self.views(strategy))
            except Exception:
                # Any error: the others must continue; this one stays as it is
                if strategy.id not in self._broken:
                    _LOGGER.exception("%s cannot decide", strategy.title)
                self._broken.add(strategy.id)
                if before is None:
                    continue
                strategy.decision = replace(before, next_check_at=now + _LONGEST_WAIT)
            else:
                self._broken.discard(strategy.id)
            assert strategy.decision is not None
            self._fire_change(strategy, before)
            standings.append(
                Standing(
                    strategy.id,
                    strategy.kind,
                    strategy.decision,
                    strategy.record.dry_run,
                )
            )
        self._hold_changed(now, standings)
        self._has_decided = True
        settlement = self._settle(now, standings)
        controls, self.controls = self.controls, settlement.controls
        for key in settlement.released:
            if (steered := self._miners.get(key)) is not None:
                steered.release()
        for strategy in self.strategies.values():
            strategy.state = settlement.states.get(strategy.id, "off")
            update_issues(self.hass, strategy)
            strategy.show()
        self._run(settlement, controls)
        self._plan(now, settlement)
        if self.store.decided != kept:
            self.store.save_soon()

    def views(self, strategy: Strategy) -> tuple[MinerView, ...]:
        """Return the miners of a strategy as its planner sees them."""
        members = self._members.get(strategy.id, frozenset())
        return tuple(
            self._view(strategy, key) for key in sorted(members) if key in self._miners
        )

    def _view(self, strategy: Strategy, key: str) -> MinerView:
        view, control = self._miners[key].view, self.controls.get(key)
        if is_held(strategy.kind, strategy.id, control):
            return replace(view, held=True)
        return view

    def _drawn(self, key: str) -> float:
        """Return W of all miners of a strategy, as far as they are known."""
        views = [
            self._miners[id_].view
            for id_ in self._members.get(key, ())
            if id_ in self._miners
        ]
        return sum(view.watts or watts_of(view.reported, view) or 0.0 for view in views)

    def _drawn_by(self, entry_id: str) -> float:
        """Return W that a miner that no strategy steers may draw at any time."""
        if (steered := self._miners.get(entry_id)) is not None:
            return steered.may_draw
        # Its entry is not loaded just now: the miner may run all the same
        memory = self.store.miners.get(entry_id)
        entry = self.hass.config_entries.async_get_entry(entry_id)
        plug = None if entry is None else entry.options.get(CONF_PLUG)
        is_off = plug is not None and plug_is_on(self.hass, plug) is False
        return 0.0 if memory is None or is_off else memory.drew or 0.0

    def _followed_band(self, strategy: Strategy) -> BandNow | None:
        """Return the band of the strategy that a champion follows."""
        other = self.strategies.get(strategy.data.get(CONF_BAND_OF, ""))
        decision = None if other is None else other.decision
        if other is None or decision is None or decision.band is None:
            return None
        for band in other.bands:
            if band.name == decision.band:
                return BandNow(band.id, band.name, decision.next_change_at)
        return None

    def _hold_changed(self, now: datetime, standings: list[Standing]) -> None:
        """Respect what a user changed before the first decision."""
        changed = [
            self._miners[id_]
            for id_ in self._led & self._miners.keys()
            if self._miners[id_].foreign is not None
        ]
        if changed:
            # Against what would be wished: nothing of this is sent
            self._wished = self._settled(now, standings)[0].wished
        for steered in changed:
            self._hold(steered)

    def _settle(self, now: datetime, standings: list[Standing]) -> Settlement:
        settlement, ledger = self._settled(now, standings)
        self.store.settled = ledger.as_dict()
        self._wished = settlement.wished
        return settlement

    def _settled(
        self, now: datetime, standings: list[Standing]
    ) -> tuple[Settlement, Ledger]:
        led = self._led & self._miners.keys()
        return settle(
            now,
            dt_util.get_default_time_zone(),
            standings,
            (self._miners[id_].view for id_ in led),
            circuits_of(self.hass, self._options, led, self._drawn_by),
            Ledger.restored(self.store.settled, now),
        )

    def _plan(self, now: datetime, settlement: Settlement) -> None:
        """Decide again when that is due."""
        due = min(
            [
                settlement.next_check_at,
                *(
                    strategy.decision.next_check_at
                    for strategy in self.strategies.values()
                    if strategy.decision is not None
                ),
                now + _LONGEST_WAIT,
            ]
        )
        if self._timer is not None:
            self._timer()
        # A span, no instant: a clock that is set back must not keep it waiting
        self._timer = self._call_in(max(due - now, _SHORTEST_WAIT), self._decide)

    # Doing

    def _run(self, settlement: Settlement, before: Mapping[str, Control]) -> None:
        for key, control in settlement.controls.items():
            if (steered := self._miners.get(key)) is None:
                continue
            steered.settled(control)
            if (pause := self._pause_of(control)) is not None:
                steered.explain_pause(pause)
            if control.command is not None and not steered.is_busy:
                steered.begin()
                self.fleet_entry.async_create_background_task(
                    self.hass,
                    self._execute(steered, control),
                    f"HMM strategy {steered.miner.config_entry.title}",
                )
            if control != before.get(key):
                steered.miner.async_update_listeners()

    def _pause_of(self, control: Control) -> Pause | None:
        """Return why a miner has to be paused, or stay so; None: it has not."""
        reason = control.reason
        if reason is not None and reason.key in CIRCUIT_REASONS:
            return Pause(
                BY_CIRCUIT,
                {
                    "circuit": str(reason.values["circuit"]),
                    "limit": float(str(reason.values["watts"])),
                    "unit": UnitOfPower.WATT,
                },
            )
        if control.rung != OFF:
            return None
        values: dict[str, float | str] = {"strategy": self.name_of(control.strategy)}
        if control.until is not None:
            values["until"] = dt_util.as_local(control.until).isoformat()
            values["time"] = clock_text(self.hass, dt_util.as_local(control.until))
        return Pause(BY_STRATEGY, values)

    async def _execute(self, steered: SteeredMiner, control: Control) -> None:
        """Set one miner to what was settled; the next decision sees what became of it."""
        assert control.command is not None
        name, pause = steered.miner.config_entry.title, self._pause_of(control)
        memory, expected = steered.memory, steered.memory.expected
        # After a crash in between, the switching counts and is not a user's change
        memory.expected = None
        try:
            await self.store.async_save()
            outcome = await steered.async_apply(
                control.command, control.pool, pause or Pause()
            )
            if not outcome.is_success:
                memory.expected = expected
        except Exception:
            # Any error: the others must continue
            _LOGGER.exception("%s cannot be set to %s", name, control.command)
            memory.expected = expected
            return
        finally:
            # Also when it is canceled with the fleet
            steered.is_busy = False
            steered.update()
        self.store.save_soon()
        if not outcome.is_success:
            _LOGGER.info(
                "%s did not take %s: %s",
                name,
                control.command,
                message(self.hass, outcome.error) if outcome.error else outcome.reason,
            )
            strategy = self.strategies.get(control.strategy or "")
            if strategy is not None:
                strategy.fire(
                    "refused",
                    {
                        "miner": name,
                        "rung": control.command,
                        "reason": outcome.reason,
                    },
                )
        self.async_decide_soon()

    # Reporting

    def _fire_change(self, strategy: Strategy, before: Any) -> None:
        decision = strategy.decision
        assert decision is not None
        is_other = before is None or before.mark != decision.mark
        if not is_other and before.state == decision.state:
            return
        kinds = {"fallback": "fallback", "holding": "held"}
        if is_other or decision.state in kinds:
            kind = kinds.get(decision.state, "changed")
            strategy.fire(kind, {"explanation": self.explanation(strategy)})

    def name_of(self, key: str | None) -> str:
        """Return the title of a miner or of a strategy."""
        if (strategy := self.strategies.get(key or "")) is not None:
            return strategy.title
        entry = self.hass.config_entries.async_get_entry(key or "")
        return entry.title if entry is not None else "–"

    def explanation(
        self, strategy: Strategy, language: str | None = None
    ) -> str | None:
        """Return what a strategy does and why, in words."""
        sentence = strategy.sentence
        if sentence is None:
            return None
        return sentence_text(
            self.hass,
            sentence,
            self.name_of,
            strategy.unit,
            dry_run=strategy.record.dry_run,
            language=language,
        )

    def facts(self, strategy: Strategy) -> dict[str, Any]:
        """Return the explanation of a strategy as its key and values."""
        return sentence_facts(strategy.sentence, self.name_of, strategy.unit)

    def control_text(self, entry_id: str, language: str | None = None) -> str | None:
        """Return why a miner is set as it is, in words."""
        reason, unit = self._reason(entry_id)
        if reason is None:
            return None
        return sentence_text(self.hass, reason, self.name_of, unit, language=language)

    def control_facts(self, entry_id: str) -> dict[str, Any]:
        """Return why a miner is set as it is, as a key and values."""
        reason, unit = self._reason(entry_id)
        return sentence_facts(reason, self.name_of, unit)

    def _reason(self, entry_id: str) -> tuple[Sentence | None, str]:
        """Return why a miner is set as it is, and the unit of prices in that."""
        if (control := self.controls.get(entry_id)) is None:
            return None, ""
        strategy = self.strategies.get(control.strategy or "")
        return control.reason, strategy.unit if strategy else ""

    # Counting

    def _count(self, steered: SteeredMiner) -> None:
        """Add what a miner used, and brought, to the band that its strategy is in."""
        kwh, days = steered.used(), steered.mined()
        money = get_data(self.hass).money
        revenue = counted_revenue(money, steered.miner).money if days else None
        brought = (revenue or 0.0) * days
        if kwh or brought:
            for strategy in self._strategies_of(steered):
                strategy.count(kwh, brought)

    @callback
    def _block_found(self, entry_id: str, money: float) -> None:
        """Add a miner's part of a block to the band that its strategy is in."""
        if (steered := self._miners.get(entry_id)) is not None:
            for strategy in self._strategies_of(steered):
                strategy.count(0.0, money)

    @callback
    def _currency_changed(self) -> None:
        for strategy in self.strategies.values():
            strategy.forget_money()
            strategy.show()
        self.store.save_soon()

    def _report_sun(self, steered: SteeredMiner) -> None:
        """Report which part of a miner's power is from the sun."""
        parts = [strategy.part_of_sun for strategy in self._strategies_of(steered)]
        get_data(self.hass).money.surplus[steered.id] = max(parts, default=0.0)

    def _strategies_of(self, steered: SteeredMiner) -> list[Strategy]:
        return [
            self.strategies[key]
            for key, members in self._members.items()
            if steered.id in members and key in self.strategies
        ]
