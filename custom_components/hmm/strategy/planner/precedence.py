"""Who decides for each miner, and the one command that is due.

Safety goes before the user, the user before quiet hours, heat, surplus, champion, price
bands and calendar. Down steps come before up steps, one after the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo

from .circuits import load, lowered, refusing
from .ledger import Entry, Ledger, switches_of
from .model import (
    LEAVE,
    LOWEST,
    OFF,
    ON,
    Circuit,
    Control,
    Controller,
    Decision,
    Manual,
    MinerView,
    Rung,
    Sentence,
    Settlement,
    Standing,
    State,
    StrategyType,
    Wish,
)
from .rungs import capped, is_at, most_watts_of, resolve

_ORDER: tuple[StrategyType, ...] = (
    "heat",
    "solar",
    "champion",
    "price_bands",
    "calendar",
)
CIRCUIT_REASONS = ("circuit", "circuit_unknown")
"""The keys of sentences that say that a circuit has no room."""
MAX_ATTEMPTS = 3
_NOISE = 1.03
"""Times the known watts: what is measured up to that is no more than it draws always."""
_RETRY = (timedelta(minutes=5), timedelta(minutes=10))
_RETRY_SOON = timedelta(minutes=1)
_LOOK_AGAIN = timedelta(minutes=15)
_REMEMBERED = timedelta(days=30)
_STAGGER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class _Goal:
    """What a miner should do, decided by whom."""

    by: Controller
    rung: Rung | None = None
    standing: Standing | None = None
    wish: Wish | None = None
    reason: Sentence | None = None
    until: datetime | None = None
    urgent: bool = False
    gives_back: bool = False

    @property
    def strategy(self) -> str | None:
        return None if self.standing is None else self.standing.id

    @property
    def decision(self) -> Decision | None:
        return None if self.standing is None else self.standing.decision

    @property
    def pool(self) -> str | None:
        return None if self.wish is None else self.wish.pool


def settle(
    now: datetime,
    zone: tzinfo,
    standings: Sequence[Standing],
    miners: Iterable[MinerView],
    circuits: Sequence[Circuit],
    ledger: Ledger,
) -> tuple[Settlement, Ledger]:
    """Return who decides for each miner and what is due now.

    ``standings`` are those that are on, in any order. The ledger must be stored before
    a command is sent; it counts every command as sent.
    """
    views = sorted(miners, key=lambda view: view.id)
    active = sorted(
        (standing for standing in standings if not standing.dry_run),
        key=lambda standing: (_ORDER.index(standing.type), standing.id),
    )
    wishes: dict[str, list[tuple[Standing, Wish]]] = {}
    for standing in active:
        for wish in standing.decision.wishes:
            wishes.setdefault(wish.miner, []).append((standing, wish))
    entries = {
        view.id: _seen(ledger.entries.get(view.id, Entry()), view) for view in views
    }
    goals: dict[str, _Goal] = {}
    wished: dict[str, Rung | None] = {}
    released: set[str] = set()
    for view in views:
        goal = _goal(view, wishes.get(view.id, []), entries[view.id])
        wished[view.id] = None if goal.gives_back else goal.rung
        if view.manual is not None:
            if view.manual.is_over(wished[view.id], now):
                released.add(view.id)
            else:
                goal = _by_hand(view, view.manual)
                entries[view.id] = replace(entries[view.id], before=None)
        goals[view.id] = _safe(view, goal, wishes.get(view.id, []))
    loads = {view.id: load(view, entries[view.id]) for view in views}
    calm = loads | {
        view.id: load(replace(view, watts=None), entries[view.id])
        for view in views
        if view.spike
    }
    for circuit in circuits:
        _fit(circuit, views, goals, loads, calm)
    execution = _Execution(now, zone, circuits, loads, entries, ledger)
    controls = execution.run(views, goals)
    states = {standing.id: _state(standing, controls) for standing in standings}
    checks = [standing.decision.next_check_at for standing in standings]
    checks += [*execution.checks, now + _LOOK_AGAIN]
    checks += [
        view.manual.until
        for view in views
        if view.manual is not None and view.manual.until is not None
    ]
    settlement = Settlement(
        controls=controls,
        states=states,
        next_check_at=min(instant for instant in checks if instant > now),
        wished=wished,
        released=frozenset(released),
    )
    return settlement, Ledger(
        entries={
            miner: entry
            for miner, entry in (ledger.entries | execution.entries).items()
            if miner in goals or _is_kept(entry, now)
        },
        commanded_at=execution.commanded_at,
    )


def _is_kept(entry: Entry, now: datetime) -> bool:
    """Return whether an absent miner may come back: one that is reloaded does."""
    return entry.tried_at is not None and now - entry.tried_at < _REMEMBERED


def is_held(kind: StrategyType, strategy: str, control: Control | None) -> bool:
    """Return whether someone before a strategy decides for a miner: its ``held``."""
    if control is None or control.strategy == strategy:
        return False
    before = _ORDER[: _ORDER.index(kind)]
    return control.by in {"safety", "manual", "quiet_hours", *before}


def _seen(entry: Entry, view: MinerView) -> Entry:
    """Return an entry with what the miner reports."""
    if entry.target is None or not is_at(view, entry.target) or entry.reached:
        return entry
    # What it refused all the same is its pool: that is tried again
    attempts = 0 if view.refusal is None else entry.attempts
    return replace(entry, reached=True, attempts=attempts)


def _goal(
    view: MinerView, wishes: Sequence[tuple[Standing, Wish]], entry: Entry
) -> _Goal:
    """Return what the first strategy with a wish wants, under the caps of all.

    A miner that is left alone may still get the pool of a wish.
    """
    goal: _Goal | None = None
    last: _Goal | None = None
    left: _Goal | None = None
    is_left = False
    for standing, wish in wishes:
        if wish.cap or wish.safety:
            continue
        rung = resolve(wish.rung, view)
        if rung is None:
            is_left = True
            if left is None and wish.pool is not None:
                left = _Goal(by="nothing", standing=standing, wish=wish)
            continue
        candidate = _Goal(
            by=standing.type,
            rung=rung,
            standing=standing,
            wish=wish,
            reason=wish.reason,
            until=wish.until,
            urgent=wish.urgent,
        )
        if wish.rung == OFF and rung != OFF:
            values = {"miner": view.id, "rung": rung}
            candidate = replace(candidate, reason=Sentence("cannot_be_off", values))
        if not wish.yields:
            goal = candidate
            break
        last = last or candidate
    goal = goal or last
    if goal is None:
        goal = left or _Goal(by="nothing")
        if not is_left and entry.before is not None:
            goal = replace(goal, rung=entry.before, gives_back=True)
    for standing, wish in wishes:
        if wish.cap and (cap := _cap(view, goal, wish.rung)):
            goal = _Goal(
                by="quiet_hours",
                rung=cap,
                standing=standing,
                wish=wish,
                reason=wish.reason,
                until=wish.until,
            )
    return goal


def _cap(view: MinerView, goal: _Goal, allowed: Rung) -> Rung | None:
    """Return what is allowed at most, where a goal is above it."""
    cap = resolve(allowed, view)
    wanted = goal.rung if goal.rung is not None else view.reported
    if cap is None or wanted is None or capped(wanted, cap, view) == wanted:
        return None
    return cap


def _by_hand(view: MinerView, manual: Manual) -> _Goal:
    values = {"rung": view.reported, "until": manual.until, "ends": manual.ends}
    return _Goal(by="manual", reason=Sentence("manual", values), until=manual.until)


def _safe(
    view: MinerView, goal: _Goal, wishes: Sequence[tuple[Standing, Wish]]
) -> _Goal:
    """Return a goal that the miner's own faults and the room allow."""
    caps: list[tuple[Rung, Sentence, Standing | None]] = [
        (wish.rung, wish.reason, standing) for standing, wish in wishes if wish.safety
    ]
    if view.safety == "lowered":
        # On or off, but no mode: that would take back what saved it
        if goal.rung not in (None, OFF, ON):
            reason = Sentence("safety_lowered", {"miner": view.id})
            goal = _Goal("safety", ON, reason=reason)
    elif view.safety is not None:
        rung = OFF if view.safety == "stop" else LOWEST
        caps.append((rung, Sentence(f"safety_{view.safety}", {"miner": view.id}), None))
    for rung, reason, standing in caps:
        if cap := _cap(view, goal, rung):
            goal = _Goal("safety", cap, standing, reason=reason, urgent=True)
    return goal


def _fit(
    circuit: Circuit,
    views: Sequence[MinerView],
    goals: dict[str, _Goal],
    loads: Mapping[str, float],
    calm: Mapping[str, float],
) -> None:
    """Lower goals until a circuit holds.

    First what is only given back, last what the user set by hand, or is left alone. A
    single reading that is far too high counts only where the circuit is over its limit
    by it: for what is planned it goes by the ``calm`` loads, without it.
    """
    is_over = sum(loads.get(miner, 0.0) for miner in circuit.miners) > circuit.max_watts
    drawn = loads if is_over else calm

    def turn(view: MinerView) -> tuple[bool, bool, float, str]:
        goal = goals[view.id]
        is_left = goal.by == "manual" or goal.rung is None
        return not goal.gives_back, is_left, -(view.efficiency or 0.0), view.id

    plan: dict[str, float] = {}
    known: dict[str, float] = {}
    for view in views:
        if view.id in circuit.miners:
            rung = goals[view.id].rung
            watts = most_watts_of(rung, view)
            if rung is None or is_at(view, rung):
                watts = drawn[view.id]
                steady = most_watts_of(view.reported, view)
                if steady is not None and (view.watts or 0.0) > _NOISE * steady:
                    known[view.id] = steady
            plan[view.id] = drawn[view.id] if watts is None else watts
    if is_over:
        # What is to go down anyway must not wait for its turn
        for name, watts in plan.items():
            if watts < loads[name]:
                goals[name] = replace(goals[name], urgent=True)
    order = sorted(views, key=turn)
    for miner, rung in lowered(circuit, plan, known, order).items():
        goals[miner] = _Goal(
            "safety",
            rung,
            goals[miner].standing,
            reason=_full(circuit),
            urgent=is_over,
        )


def _full(circuit: Circuit) -> Sentence:
    return Sentence("circuit", {"circuit": circuit.name, "watts": circuit.rated})


class _Execution:
    """Turns goals into the commands that are due."""

    def __init__(
        self,
        now: datetime,
        zone: tzinfo,
        circuits: Sequence[Circuit],
        loads: Mapping[str, float],
        entries: dict[str, Entry],
        ledger: Ledger,
    ) -> None:
        self._now = now
        self._day = now.astimezone(zone).date()
        self._circuits = circuits
        self._loads = dict(loads)
        self.entries = entries
        self.commanded_at = {
            key: min(at, now)
            for key, at in ledger.commanded_at.items()
            # Those of strategies that were removed would stay for ever
            if now - at < _REMEMBERED
        }
        self.checks: list[datetime] = []

    def run(
        self, views: Sequence[MinerView], goals: Mapping[str, _Goal]
    ) -> dict[str, Control]:
        """Return who controls each miner, some with a command."""
        controls: dict[str, Control] = {}

        def turn(view: MinerView) -> tuple[bool, bool, float, str]:
            goal = goals[view.id]
            watts = most_watts_of(goal.rung, view)
            step = 0.0 if watts is None else watts - self._loads[view.id]
            return not goal.urgent, step > 0, view.efficiency or 0.0, view.id

        for view in sorted(views, key=turn):
            goal = goals[view.id]
            control = Control(
                by=goal.by,
                reason=goal.reason,
                strategy=goal.strategy,
                rung=goal.rung,
                until=goal.until,
                pool=goal.pool,
            )
            if goal.gives_back:
                control = self._given_back(view, goal, control)
            elif goal.rung is not None:
                control = self._commanded(view, goal, goal.rung, control)
            elif goal.by == "nothing":
                control = self._left(view, goal, control)
            controls[view.id] = control
        return controls

    def _given_back(self, view: MinerView, goal: _Goal, control: Control) -> Control:
        """Give a miner back what it had before."""
        entry = self.entries[view.id]
        if goal.rung is None or is_at(view, goal.rung):
            self.entries[view.id] = replace(entry, before=None)
        else:
            control = self._commanded(view, goal, goal.rung, control)
        return replace(control, rung=None)

    def _left(self, view: MinerView, goal: _Goal, control: Control) -> Control:
        """Send a miner that is left alone to its pool, if it has one."""
        entry = self.entries[view.id]
        if control.pool is None:
            if entry.pool is not None:
                self.entries[view.id] = replace(entry, pool=None)
            return control
        if not view.online or view.busy or view.reported in {None, OFF}:
            return control
        is_retry = control.pool == entry.pool
        if is_retry:
            if view.refusal is None:
                return control
            control = self._tried(view, entry, control, urgent=False, is_pool=True)
            if control.attempt == 0:
                return control
        if not self._has_turn(goal):
            return control
        attempts = entry.attempts + 1 if is_retry else 1
        self.entries[view.id] = replace(
            entry, pool=control.pool, attempts=attempts, tried_at=self._now
        )
        self.commanded_at[goal.strategy or ""] = self._now
        return replace(control, command=LEAVE, attempt=attempts)

    def _commanded(
        self, view: MinerView, goal: _Goal, rung: Rung, control: Control
    ) -> Control:
        """Return a control with its command if it is due, else with why it is not."""
        entry = self.entries[view.id]
        if not view.online or view.busy or view.reported is None:
            return control
        is_there = is_at(view, rung)
        if is_there:
            if entry.target != rung:
                # It is there already: nothing was commanded, but this is the wish now
                entry = replace(
                    entry,
                    target=rung,
                    reached=True,
                    attempts=0,
                    before=entry.before or view.reported,
                )
            is_left = goal.wish is not None and not goal.wish.cap
            if entry.pool is not None and control.pool is None and is_left:
                entry = replace(entry, pool=None)
            self.entries[view.id] = entry
            if rung == OFF or control.pool is None:
                return control
            if control.pool == entry.pool and view.refusal is None:
                return control
        decision = goal.decision
        is_retry = entry.target == rung and not entry.reached
        if is_there:
            # It refused the pool only
            is_retry = control.pool == entry.pool
        if is_retry:
            control = self._tried(
                view, entry, control, urgent=goal.urgent, is_pool=is_there
            )
            if control.attempt == 0:
                return control
        watts = most_watts_of(rung, view)
        circuit = refusing(self._circuits, self._loads, view.id, watts)
        if circuit is not None and not is_there:
            # The first thing to say: no time that passes ends it
            reason = _full(circuit)
            if watts is None:
                values = {**reason.values, "miner": view.id, "rung": rung}
                reason = Sentence("circuit_unknown", values)
            return replace(control, reason=reason)
        is_stop_or_start = OFF in {rung, view.reported}
        is_free = decision is not None and decision.free_steps and not is_stop_or_start
        if not goal.urgent and not is_retry and not is_free:
            if not goal.gives_back and (held := self._held(view, goal, rung, entry)):
                return replace(control, reason=held)
        if not goal.urgent and not self._has_turn(goal):
            return control
        self._note(view, goal, rung, entry, is_retry=is_retry, is_free=is_free)
        return replace(control, command=rung, attempt=self.entries[view.id].attempts)

    def _tried(
        self,
        view: MinerView,
        entry: Entry,
        control: Control,
        *,
        urgent: bool,
        is_pool: bool,
    ) -> Control:
        """Return attempt 0 while a command is on its way or was refused too often.

        Safety tries again sooner and never gives up. A refused pool has time: the miner
        continues at the one that it has; and many a firmware restarts with each try.
        """
        tried = min(entry.tried_at or self._now, self._now)
        is_back = view.reachable_since is not None and view.reachable_since > tried
        is_back = is_back and not is_pool
        if entry.attempts >= MAX_ATTEMPTS and not is_back and not urgent:
            return replace(control, reason=_refused(view, entry))
        wait = _RETRY[min(max(entry.attempts, 1), len(_RETRY)) - 1]
        if urgent or (view.refusal is not None and not is_pool):
            wait = _RETRY_SOON * min(entry.attempts, 10)
        if self._now < tried + wait and not is_back:
            self.checks.append(tried + wait)
            if entry.attempts > 1 or view.refusal is not None:
                return replace(control, reason=_refused(view, entry))
            return control
        return replace(control, attempt=entry.attempts + 1)

    def _held(
        self, view: MinerView, goal: _Goal, rung: Rung, entry: Entry
    ) -> Sentence | None:
        """Return why a miner may not be switched yet."""
        if (decision := goal.decision) is None:
            return None
        last = entry.switched_at if decision.free_steps else entry.changed_at
        if view.reported == OFF and last is None:
            last = view.since
        is_back = (
            view.reachable_since is not None
            and last is not None
            and view.reachable_since > last
            and entry.target == rung
        )
        if last is not None and not is_back:
            last = min(last, self._now)
            if self._now < last + decision.min_time:
                self.checks.append(last + decision.min_time)
                minutes = int((self._now - last) / timedelta(minutes=1))
                values = {"miner": view.id, "rung": rung, "minutes": minutes}
                return Sentence("hold_miner", values)
        # The last switching of a day is kept for a step down
        watts = most_watts_of(rung, view)
        is_up = rung != OFF and (watts is None or watts > self._loads[view.id])
        limit = decision.max_switches - (decision.max_switches > 1 and is_up)
        if switches_of(entry, self._day) >= limit:
            return Sentence("limit", {"n": decision.max_switches})
        return None

    def _has_turn(self, goal: _Goal) -> bool:
        """Return whether the strategy may command one more miner now."""
        stagger = goal.decision.stagger if goal.decision else _STAGGER
        last = self.commanded_at.get(goal.strategy or "")
        if last is None or self._now >= last + stagger:
            return True
        self.checks.append(last + stagger)
        return False

    def _note(
        self,
        view: MinerView,
        goal: _Goal,
        rung: Rung,
        entry: Entry,
        *,
        is_retry: bool,
        is_free: bool,
    ) -> None:
        """Write a command into the ledger, and what the miner may draw from now on."""
        now = self._now
        is_switch = OFF in {rung, view.reported}
        counts = not is_retry and not is_free
        self.entries[view.id] = replace(
            entry,
            target=rung,
            reached=False,
            changed_at=entry.changed_at if is_retry else now,
            switched_at=now if is_switch and not is_retry else entry.switched_at,
            attempts=entry.attempts + 1 if is_retry else 1,
            tried_at=now,
            day=max(entry.day, self._day) if entry.day else self._day,
            switches=switches_of(entry, self._day) + counts,
            before=entry.before or view.reported,
            pool=None if rung == OFF else goal.pool,
        )
        self._loads[view.id] = max(
            self._loads[view.id], most_watts_of(rung, view) or self._loads[view.id]
        )
        self.commanded_at[goal.strategy or ""] = now


def _refused(view: MinerView, entry: Entry) -> Sentence:
    values = {
        "miner": view.id,
        "rung": entry.target,
        "n": min(entry.attempts, MAX_ATTEMPTS),
        "reason": view.refusal or "reports_other",
    }
    return Sentence("not_obeying", values)


def _state(standing: Standing, controls: Mapping[str, Control]) -> State:
    """Return what a strategy shows of itself."""
    if standing.dry_run:
        return "dry_run"
    decision = standing.decision
    wanted = {wish.miner for wish in decision.wishes if wish.miner in controls}
    others = [
        controls[miner].by
        for miner in wanted
        if controls[miner].strategy != standing.id
    ]
    wishes_all = [wish for wish in decision.wishes if not wish.yields and not wish.cap]
    if wanted and len(others) == len(wanted) and wishes_all:
        if all(by == "manual" for by in others):
            return "overridden"
        if all(by != "nothing" for by in others):
            return "suspended"
    return decision.state
