"""Moves miners to another pool when theirs is of no use, and back.

What to do is decided in ``failover``; here it is seen, done and remembered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
import logging
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..data import fleet_entry
from ..driver_api import CannotConnect, PoolSlot
from ..driver_api.transports.stratum import connect_latency
from ..driver_api.units import parse_number
from ..driver_engine.pool_detect import is_at_home
from ..errors import failure, message, refusal
from ..listeners import notify_all
from ..markdown import async_create_issue
from ..miner.coordinator import MinerCoordinator
from ..miner.problems import OVERDUE, ShareWindow, seconds_per_share
from ..pool.choice import async_mine_at
from ..pool.coordinator import PoolCoordinator
from ..pool.stratum_user import StratumPool, stratum_at, stratum_of
from ..records import Records
from ..sentences import reason_sentence
from .commands import Outcome
from .coordinator import FleetConfigEntry
from .failover import (
    ON_THE_WAY,
    SHORTEST_PROOF,
    Criterion,
    Decision,
    FailoverState,
    Memory,
    MinerFacts,
    Move,
    PoolHealth,
    Settings,
    are_many,
    bad_shares,
    decide,
    has_arrived,
    has_failed,
    resumed,
    worst,
)
from .members import Fleet

_LOGGER = logging.getLogger(__name__)

# Options of the fleet; the order is also one of a miner
CONF_FAILOVER_MODE: Final = "failover_mode"
CONF_FAILOVER_MODE_BEFORE: Final = "failover_mode_before"
"""What the switch brings back."""
CONF_FAILOVER_POOLS: Final = "failover_pools"
CONF_FAILOVER_WHEN: Final = "failover_when"
CONF_FAILOVER_AFTER: Final = "failover_after"
CONF_FAILOVER_BACK_AFTER: Final = "failover_back_after"
CONF_FAILOVER_OWN: Final = "failover_own"
# Of a miner
CONF_FAILOVER: Final = "failover"

MODES: Final = ("off", "notify", "move")
CHOICES: Final = ("follow", "own", "device", "off")
DEFAULT_WHEN: Final = (Criterion.STRATUM_DOWN, Criterion.MINER_NO_POOL)
DEFAULT_AFTER: Final = 5
DEFAULT_BACK_AFTER: Final = 30
MAX_POOLS: Final = 10

FAILOVER_WANTED: Final = "failover_wanted"
EVENT_TYPES: Final = ("moved_to_backup", "moved_back", "move_failed")

_TICK = timedelta(seconds=30)
_SUSPECT_SECONDS: Final = 60.0
_EXHAUSTED_SECONDS: Final = 120.0
_LIMIT_SECONDS: Final = 180.0
"""What one move may take; the slowest restart is within it."""
_ATTEMPTS: Final = 3
_OWNER_SECONDS: Final = 600.0
"""How long after a command of its owner a miner may come to another pool."""
_MAX_LISTED: Final = 20

_CANNOT_REACH: Final = frozenset({"no_pool", "no_work"})


@dataclass(slots=True)
class _PoolWatch:
    """How the stratum of a pool responded, check by check."""

    good_since: float | None = None
    silent_since: float | None = None
    checked_at: float = float("-inf")
    """When, by the clock that only grows."""
    stale: ShareWindow = field(default_factory=bad_shares)

    def update(self, *, is_good: bool, now: float, at: float) -> None:
        """Take the next check."""
        self.checked_at = at
        if is_good:
            self.silent_since = None
            self.good_since = now if self.good_since is None else self.good_since
        else:
            self.good_since = None
            self.silent_since = now if self.silent_since is None else self.silent_since


@dataclass(slots=True)
class _MinerWatch:
    """What is known of a miner from one check to the next."""

    accepted: int | None = None
    share_at: float | None = None
    rejects: ShareWindow = field(default_factory=bad_shares)
    at: str | None = None
    commands: int | None = None
    """How many times it was given a pool, by anybody."""
    commanded: float = 0.0
    """When its owner gave it a pool where it is not yet."""

    def has_come(self, commands: int) -> None:
        """Take it that who gave it a pool is known."""
        self.commands, self.commanded = commands, 0.0


class Failover:
    """Follows the order of pools of every miner."""

    def __init__(
        self, hass: HomeAssistant, fleet: Fleet, records: Records[Memory]
    ) -> None:
        """Continue where it was; nothing happens before ``async_start``."""
        self._hass = hass
        self._fleet = fleet
        self._records = records
        self._entry: FleetConfigEntry | None = None
        self._pools: dict[str, _PoolWatch] = {}
        self._miners: dict[str, _MinerWatch] = {}
        self._moving: set[str] = set()
        self._reserved: set[str] = set()
        """Who is being sent by a strategy."""
        self._last_sent = 0.0
        self._is_probing = False
        self._end_ticks: CALLBACK_TYPE | None = None
        self._listeners: dict[str, list[Callable[[str, dict[str, Any]], None]]] = {}
        self._updated: Callable[[], None] = lambda: None

    # What others see

    @property
    def is_set_up(self) -> bool:
        """Return whether there is an order of pools at all."""
        return len(_pool_ids(self._options)) > 1

    @property
    def is_on(self) -> bool:
        """Return whether it moves miners, or says when it would."""
        return self.is_set_up and self._options.get(CONF_FAILOVER_MODE) in MODES[1:]

    @property
    def state(self) -> FailoverState | None:
        """Return the gravest state of all miners, None while it is off."""
        return worst(self._memories()) if self.is_on else None

    @property
    def attributes(self) -> dict[str, Any]:
        """Return how the miners stand that are not at their first pool."""
        listed = [
            {
                "name": miner.config_entry.title,
                "state": memory.state,
                "pool": self._title(memory.at),
                "reason": memory.state_reason,
                "until": None
                if memory.until is None
                else dt_util.utc_from_timestamp(memory.until),
            }
            for miner_id, memory in self._memories().items()
            if memory.state not in (None, FailoverState.PRIMARY)
            and (miner := self._fleet.miners.get(miner_id)) is not None
        ]
        return {"miners": listed[:_MAX_LISTED] if self.is_on else []}

    def follows(self, miner_id: str) -> bool:
        """Return whether a miner has an order of pools."""
        miner = self._fleet.miners.get(miner_id)
        return (
            miner is not None
            and self.is_on
            and miner.known.set_pool
            and len(self._order_of(miner)) > 1
        )

    @callback
    def async_add_listener(
        self, miner_id: str, listener: Callable[[str, dict[str, Any]], None]
    ) -> CALLBACK_TYPE:
        """Call ``listener`` with each event of a miner and its facts."""
        self._listeners.setdefault(miner_id, []).append(listener)
        return lambda: self._listeners[miner_id].remove(listener)

    # Life

    @callback
    def async_start(
        self, entry: FleetConfigEntry, updated: Callable[[], None]
    ) -> CALLBACK_TYPE:
        """Work from now on for the fleet of an entry; return the end.

        ``updated`` is called when what is shown has changed.
        """
        self._entry, self._updated = entry, updated
        self._pools.clear()
        self._miners.clear()
        self._moving.clear()

        @callback
        def started(_: HomeAssistant) -> None:
            self.async_options_changed()

        remove = async_at_started(self._hass, started)

        @callback
        def end() -> None:
            remove()
            self._stop()
            self._entry = None

        return end

    @callback
    def async_options_changed(self) -> None:
        """Take the options as they are now."""
        if self.is_on and self._end_ticks is None:
            self._end_ticks = async_track_time_interval(
                self._hass, self._tick, _TICK, cancel_on_shutdown=True
            )
        elif not self.is_on:
            self._stop()
            self._resume_all()
        self._updated()

    @callback
    def _stop(self) -> None:
        if self._end_ticks is not None:
            self._end_ticks()
            self._end_ticks = None
        ir.async_delete_issue(self._hass, DOMAIN, FAILOVER_WANTED)

    @callback
    def async_switch(self, on: bool) -> None:
        """Switch it off, or on again as it was."""
        if self._entry is None or not self.is_set_up:
            raise refusal("failover_not_set_up")
        if on is self.is_on:
            return
        options = dict(self._options)
        before = options.pop(CONF_FAILOVER_MODE_BEFORE, MODES[-1])
        if on:
            options[CONF_FAILOVER_MODE] = before if before in MODES[1:] else MODES[-1]
        else:
            options[CONF_FAILOVER_MODE_BEFORE] = options[CONF_FAILOVER_MODE]
            options[CONF_FAILOVER_MODE] = MODES[0]
        # The listener of the entry does the rest
        self._hass.config_entries.async_update_entry(self._entry, options=options)

    @callback
    def async_resume(self) -> None:
        """Let the order of each miner start over where it is now."""
        self._resume_all()
        if self.is_on:
            self._tick()

    @callback
    def _resume_all(self) -> None:
        for miner_id in self._records:
            before = self._records[miner_id]
            if before.state not in ON_THE_WAY and (memory := resumed(before)) != before:
                self._remember_soon(miner_id, memory)

    async def async_lend(
        self, miner_id: str, pool_id: str, sending: Awaitable[Outcome]
    ) -> Outcome:
        """Let a strategy send a miner to a pool, which is its first one then.

        It is not looked at meanwhile, so that this is not taken for its owner's choice.
        """
        if self.is_on:
            memory = replace(self._records[miner_id], unconfirmed=pool_id)
            self._remember_soon(miner_id, memory)
        self._reserved.add(miner_id)
        try:
            outcome = await sending
        finally:
            self._reserved.discard(miner_id)
            self._take_commands(miner_id)
        if outcome.is_success and self.is_on:
            memory = replace(self._records[miner_id], first=pool_id, unconfirmed=None)
            self._remember_soon(miner_id, memory)
        return outcome

    def _remember_soon(self, miner_id: str, memory: Memory) -> None:
        self._records[miner_id] = memory
        self._records.save_soon()

    @callback
    def _take_commands(self, miner_id: str) -> None:
        """Note that it was not the owner who gave a miner a pool."""
        miner = self._fleet.miners.get(miner_id)
        if miner is not None and miner_id in self._miners:
            self._miners[miner_id].has_come(miner.pool_commands)

    # One check

    @callback
    def _tick(self, _: datetime | None = None) -> None:
        """Look at all pools and miners, and do what is to be done."""
        now = time.time()
        before = self._memories()
        usable = self._usable()
        self._forget_removed()
        self._follow_clock(now)
        self._update_pools(now)
        miners = {
            miner_id: self._facts_of(miner, usable, before.get(miner_id, Memory()), now)
            for miner_id, miner in self._fleet.miners.items()
            if miner.known.set_pool and miner_id not in self._reserved
        }
        self._settle(miners)
        decision = decide(
            now,
            self._settings,
            {
                pool_id: PoolHealth(
                    good_since=watch.good_since,
                    silent_since=watch.silent_since,
                    is_stale=self._is_stale(pool_id),
                )
                for pool_id, watch in self._pools.items()
                if pool_id in usable
            },
            miners,
            self._memories(),
            last_sent=self._last_sent,
            has_internet=self._has_internet(),
        )
        self._remember(decision, before)
        self._show_wanted(decision)
        for move in decision.moves:
            self._last_sent = now
            self._begin(move)
        self._probe_due(decision)

    def _remember(self, decision: Decision, before: Mapping[str, Memory]) -> None:
        for miner_id, memory in decision.memories.items():
            self._records[miner_id] = memory
        if any(
            _shown(memory) != _shown(before.get(miner_id, Memory()))
            for miner_id, memory in decision.memories.items()
        ):
            self._records.save_soon()
            self._updated()

    def _settle(self, miners: Mapping[str, MinerFacts]) -> None:
        """Find out what became of moves that a restart interrupted."""
        for miner_id, facts in miners.items():
            memory = self._records[miner_id]
            if (
                memory.state not in ON_THE_WAY
                or miner_id in self._moving
                or not facts.is_ready
                or facts.at is None
            ):
                continue
            move = Move(
                miner=miner_id,
                origin=memory.at or "",
                to=memory.to or "",
                reason=memory.reason or "",
                is_back=memory.state is FailoverState.RETURNING,
            )
            error = None
            if facts.at != memory.to:
                error = failure("pool_not_applied", host=self._name(miner_id))
            self._finish(move, error)

    # Reading

    @property
    def _options(self) -> Mapping[str, Any]:
        """Return the options of the fleet, also before it is set up."""
        entry = self._entry or fleet_entry(self._hass)
        return entry.options if entry is not None else {}

    @property
    def _settings(self) -> Settings:
        options = self._options
        when = options.get(CONF_FAILOVER_WHEN)
        if not isinstance(when, list | tuple):
            when = DEFAULT_WHEN
        return Settings(
            moves=options.get(CONF_FAILOVER_MODE) == "move",
            when=frozenset(criterion for criterion in Criterion if criterion in when),
            after=60
            * (parse_number(options.get(CONF_FAILOVER_AFTER)) or DEFAULT_AFTER),
            back_after=60
            * (
                parse_number(options.get(CONF_FAILOVER_BACK_AFTER))
                or DEFAULT_BACK_AFTER
            ),
            even_own=options.get(CONF_FAILOVER_OWN) is True,
        )

    def _memories(self) -> dict[str, Memory]:
        return {
            miner_id: memory
            for miner_id in self._fleet.miners
            if (memory := self._records.get(miner_id)) is not None
        }

    def _usable(self) -> dict[str, StratumPool]:
        """Return the accounts that miners can log in to, by their entries."""
        return {
            pool_id: stratum
            for pool_id, pool in self._fleet.pools.items()
            if (stratum := stratum_at(pool)) is not None
        }

    def _order_of(self, miner: MinerCoordinator) -> tuple[str, ...]:
        choice = miner.config_entry.options.get(CONF_FAILOVER)
        if choice == "off":
            return ()
        order = _pool_ids(
            miner.config_entry.options if choice == "own" else self._options
        )
        memory = self._records.get(miner.config_entry.entry_id)
        first = None if memory is None else memory.first
        if first is None or first not in self._fleet.pools or len(order) < 2:
            return order
        return (first, *(pool_id for pool_id in order if pool_id != first))

    def _facts_of(
        self,
        miner: MinerCoordinator,
        usable: Mapping[str, StratumPool],
        memory: Memory,
        now: float,
    ) -> MinerFacts:
        """Return the facts of one miner."""
        miner_id = miner.config_entry.entry_id
        watch = self._miners.setdefault(miner_id, _MinerWatch())
        choice = miner.config_entry.options.get(CONF_FAILOVER)
        order = self._order_of(miner)
        if not miner.last_update_success or miner.data is None:
            return MinerFacts(
                order=order, at=None, is_ready=False, is_device=choice == "device"
            )
        data, active = miner.data, miner.data.active_pool
        at = None if active is None else _account_at(active, usable)
        if at == "" and self._is_left_out(memory.at, usable):
            # Its account is being set up again: it may still be there
            at = None
        # It counts from 0 again as the entry is set up again
        if watch.commands is not None and miner.pool_commands > watch.commands:
            watch.commanded = now
        watch.commands = miner.pool_commands
        by_user = 0 <= now - watch.commanded < _OWNER_SECONDS
        if at not in (None, memory.at):
            watch.has_come(miner.pool_commands)
        if at != watch.at:
            # What another pool took proves nothing of this one
            watch.rejects.clear()
            watch.share_at = watch.accepted = None
        watch.at = at
        accepted = data.shares_accepted
        if accepted is not None:
            if watch.accepted is not None and accepted > watch.accepted:
                watch.share_at = now
            watch.accepted = accepted
        active_problems = set(miner.status.active)
        rejects = watch.rejects.percent(
            time.monotonic(), accepted, data.shares_rejected
        )
        return MinerFacts(
            order=order,
            at=at,
            is_ready=not miner.status.is_on_purpose and not miner.is_restarting,
            is_device=choice == "device",
            has_own=len({pool.url.casefold() for pool in data.pools}) > 1,
            has_own_order=choice == "own",
            is_own_switch=(before := usable.get(memory.at or "")) is not None
            and any(map(before.holds, data.pools)),
            by_user=by_user,
            no_pool=not active_problems.isdisjoint(_CANNOT_REACH),
            has_rejects=are_many(rejects) and active_problems <= {"high_rejects"},
            share_at=watch.share_at,
            proof=_proof(miner),
        )

    def _is_left_out(
        self, pool_id: str | None, usable: Mapping[str, StratumPool]
    ) -> bool:
        """Return whether an account exists that cannot be used just now."""
        return (
            bool(pool_id)
            and pool_id not in usable
            and self._hass.config_entries.async_get_entry(str(pool_id)) is not None
        )

    def _follow_clock(self, now: float) -> None:
        """Take what lies in the future for what is now: the clock was set back."""

        def past(at: float | None) -> float | None:
            return None if at is None else min(at, now)

        self._last_sent = min(self._last_sent, now)
        for pool in self._pools.values():
            pool.good_since = past(pool.good_since)
            pool.silent_since = past(pool.silent_since)
        for miner in self._miners.values():
            miner.share_at = past(miner.share_at)

    def _update_pools(self, now: float) -> None:
        """Take over what the accounts found when they looked themselves."""
        for pool_id, pool in self._fleet.pools.items():
            watch = self._pools.setdefault(pool_id, _PoolWatch())
            if pool.stratum_at is not None and pool.stratum_at > watch.checked_at:
                watch.update(
                    is_good=pool.stratum_failures == 0, now=now, at=pool.stratum_at
                )

    def _forget_removed(self) -> None:
        """Forget what was seen of pools and miners that exist no more."""
        for watches in (self._pools, self._miners):
            for entry_id in list(watches):
                if self._hass.config_entries.async_get_entry(entry_id) is None:
                    del watches[entry_id]

    def _is_stale(self, pool_id: str) -> bool:
        pool, watch = self._fleet.pools[pool_id], self._pools[pool_id]
        if not pool.last_update_success or pool.data is None:
            return False
        valid, stale = pool.data.shares_valid, pool.data.shares_stale
        return are_many(watch.stale.percent(time.monotonic(), valid, stale))

    def _has_internet(self) -> bool:
        """Return False while two or more pools, all that are not at home, are silent."""
        hosted = [
            self._pools[pool_id].silent_since is not None
            for pool_id, pool in self._fleet.pools.items()
            if pool_id in self._pools and not is_at_home(pool.account.url)
        ]
        return len(hosted) < 2 or not all(hosted)

    # Probing

    def _probe_due(self, decision: Decision) -> None:
        """Try the pools of miners in trouble, and no others, in the background."""
        assert self._entry is not None
        wait: dict[str, float] = {}
        for miner_id, memory in decision.memories.items():
            if memory.suspect_since is None:
                continue
            seconds = (
                _EXHAUSTED_SECONDS
                if memory.state is FailoverState.EXHAUSTED
                else _SUSPECT_SECONDS
            )
            order = self._order_of(self._fleet.miners[miner_id])
            for pool_id in {*order, memory.at or ""}:
                wait[pool_id] = min(seconds, wait.get(pool_id, seconds))
        at = time.monotonic()
        due = [
            pool
            for pool_id, pool in self._fleet.pools.items()
            if pool_id in wait
            and at - self._pools[pool_id].checked_at >= wait[pool_id] - 1
        ]
        if due and not self._is_probing:
            self._is_probing = True
            self._entry.async_create_background_task(
                self._hass, self._probe(due), "HMM failover probes"
            )

    async def _probe(self, pools: list[PoolCoordinator]) -> None:
        try:
            await asyncio.gather(*map(self._probe_one, pools))
        finally:
            self._is_probing = False

    async def _probe_one(self, pool: PoolCoordinator) -> None:
        try:
            await connect_latency(pool.account.url, pool.account.port)
            is_good = True
        except CannotConnect:
            is_good = False
        watch = self._pools.get(pool.config_entry.entry_id)
        if watch is not None:
            watch.update(is_good=is_good, now=time.time(), at=time.monotonic())

    # Moving

    @callback
    def _begin(self, move: Move) -> None:
        assert self._entry is not None
        self._moving.add(move.miner)
        self._entry.async_create_background_task(
            self._hass, self._move(move), f"HMM failover of {self._name(move.miner)}"
        )

    async def _move(self, move: Move) -> None:
        """Send a miner to another pool, verify that, and report.

        What becomes of it while its entry is set up again shows at the next check.
        """
        error: HomeAssistantError | None = None
        miner = self._fleet.miners.get(move.miner)
        try:
            # Before it is sent, so that a crash does not make it two
            await self._records.async_save()
            try:
                async with asyncio.timeout(_LIMIT_SECONDS):
                    await self._send(move, miner)
            except TimeoutError:
                error = failure("took_too_long", seconds=f"{_LIMIT_SECONDS:g}")
            except HomeAssistantError as err:
                error = err
            if miner is None or not miner.is_left:
                self._finish(move, error)
        finally:
            self._moving.discard(move.miner)

    async def _send(self, move: Move, miner: MinerCoordinator | None) -> None:
        if miner is None:
            raise failure("miner_left", name=self._name(move.miner))
        pool = stratum_of(self._fleet.pools, move.to)
        await async_mine_at(miner, pool)
        for attempt in range(_ATTEMPTS):
            active = miner.data.active_pool if miner.last_update_success else None
            if active is not None and pool.holds(active):
                return
            if attempt < _ATTEMPTS - 1:
                await miner.async_look_again()
        raise failure("pool_not_applied", host=miner.client.host)

    @callback
    def _finish(self, move: Move, error: HomeAssistantError | None) -> None:
        """Note how a move ended, and report."""
        now, memory = time.time(), self._records[move.miner]
        miner = self._fleet.miners.get(move.miner)
        self._take_commands(move.miner)
        if error is None:
            order = () if miner is None else self._order_of(miner)
            is_first = bool(order) and order[0] == move.to
            memory = has_arrived(memory, now, is_first=is_first)
            event = "moved_back" if move.is_back else "moved_to_backup"
            reason = move.reason
        else:
            memory = has_failed(memory, now, error.translation_key)
            event, reason = "move_failed", message(self._hass, error)
        self._remember_soon(move.miner, memory)
        facts = {
            "from": self._title(move.origin),
            "to": self._title(move.to),
            "reason": reason,
        }
        _LOGGER.info("%s: %s (%s)", self._name(move.miner), event, reason)
        notify_all(self._listeners.get(move.miner, ()), event, facts)
        self._updated()

    @callback
    def _show_wanted(self, decision: Decision) -> None:
        """Show what would be done, in the mode that only reports."""
        if not decision.wanted:
            ir.async_delete_issue(self._hass, DOMAIN, FAILOVER_WANTED)
            return
        first = decision.wanted[0]
        names = [self._name(move.miner) for move in decision.wanted[:_MAX_LISTED]]
        async_create_issue(
            self._hass,
            FAILOVER_WANTED,
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key=FAILOVER_WANTED,
            translation_placeholders={
                "miners": ", ".join(names),
                "to": self._title(first.to) or "–",
                "reason": reason_sentence(self._hass, f"failover_{first.reason}", {}),
            },
        )

    def _title(self, entry_id: str | None) -> str | None:
        entry = self._hass.config_entries.async_get_entry(entry_id or "")
        return None if entry is None else entry.title

    def _name(self, miner_id: str) -> str:
        return self._title(miner_id) or miner_id


def _shown(memory: Memory) -> tuple[dict[str, Any], float | None]:
    """Return what is stored or shown: not when it was looked at last."""
    return memory.as_dict(), memory.until


def _pool_ids(options: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the order in some options, each pool once."""
    stored = options.get(CONF_FAILOVER_POOLS)
    if not isinstance(stored, list | tuple):
        return ()
    return tuple(dict.fromkeys(map(str, stored)))[:MAX_POOLS]


def _account_at(slot: PoolSlot, usable: Mapping[str, StratumPool]) -> str:
    """Return the account that a slot is of, "" for none."""
    return next((key for key, pool in usable.items() if pool.holds(slot)), "")


def _proof(miner: MinerCoordinator) -> float:
    """Return seconds in which a share must come: 12 times what is to be expected."""
    expected = seconds_per_share(miner.data)
    if expected is None:
        return SHORTEST_PROOF
    return min(max(SHORTEST_PROOF, OVERDUE * expected), 86_400.0)
