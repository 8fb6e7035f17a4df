"""A week of 30 miners with faults, through the watchdog and failover.

    python -m tests.bench.week

The faults are made up, the same in every run. Status, problems, watchdog and failover are
those that watch real miners, by a clock that is simulated. In both weeks an owner looks at
20:00, and cuts the power of what does not mine. In one of them that is all.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
import random
from time import process_time

from custom_components.hmm.driver_api import MinerTelemetry, PoolSlot
from custom_components.hmm.fleet.failover import (
    Criterion,
    Memory,
    MinerFacts,
    PoolHealth,
    Settings,
    decide,
    has_arrived,
)
from custom_components.hmm.miner.problems import Limits, MinerProblems
from custom_components.hmm.miner.status import (
    MinerState,
    MinerStatus,
    Poll,
    StatusRecord,
)
from custom_components.hmm.miner.watchdog_rules import (
    NEVER,
    NOT_WANTED,
    Decider,
    Observation,
    WatchdogAction,
    WatchdogRecord,
)

BEGIN = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""
STEP = 60.0
DAYS = 7
MINERS = 30
BOOT_SECONDS = 120.0
OWNER_HOUR = 20
_SILENT = (MinerState.NO_POOL, MinerState.NO_SHARES, MinerState.NOT_MINING)


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with some miners, or with what they need, from a time on."""

    name: str
    what: str
    """One of frozen, hung, no_voltage, hot, internet, wifi, pool."""
    at: float
    """Hours since Monday, 0:00."""
    hours: float = 0.0
    """How long it lasts by itself; 0: until it is cured."""
    miners: tuple[int, ...] = ()
    cure: str = "RESTART"
    """What ends it: RESTART (or the power), POWER, or NEVER."""


WEEK = (
    Fault("Firmware frozen", "frozen", 2.2, miners=(3,)),
    Fault("Firmware frozen, a restart does not help", "frozen", 27.5, 0, (7,), "POWER"),
    Fault("No core voltage", "no_voltage", 33.0, miners=(5,)),
    Fault("Internet down", "internet", 58.0, 0.7),
    Fault("Hangs, its plug may be cut", "hung", 52.0, 0, (12,), "POWER"),
    Fault("Hangs, without a plug", "hung", 73.0, 0, (25,), "POWER"),
    Fault("Hangs, shares its plug", "hung", 76.0, 0, (21,), "POWER"),
    Fault("Power supply broken", "hung", 78.0, 0, (14,), "NEVER"),
    Fault("Pool A down", "pool", 90.0, 8.0),
    Fault("Access point down", "wifi", 108.0, 0.75, tuple(range(16))),
    Fault("Frozen, three times in a day (1)", "frozen", 121.0, miners=(16,)),
    Fault("Frozen, three times in a day (2)", "frozen", 125.0, miners=(16,)),
    Fault("Frozen, three times in a day (3)", "frozen", 130.0, miners=(16,)),
    Fault("Fan blocked: too hot, and frozen", "hot", 134.0, 5.0, (9,)),
    Fault("Firmware frozen", "frozen", 145.5, miners=(28,)),
)

ORDER = {number: ("A", "B") if number < 20 else ("C",) for number in range(MINERS)}
PLUGS = {number: number for number in range(MINERS) if number < 20} | {21: 21, 22: 21}


@dataclass(slots=True)
class Miner:
    """One simulated miner, with what HMM keeps of it."""

    number: int
    chance: random.Random
    pool: str
    booted: float = -1e6
    shares: int = 1000
    hashrate: float = 1.2e12
    fault: Fault | None = None
    share_at: float = 0.0
    mined: float = 0.0
    """Seconds."""
    status: MinerStatus = field(
        default_factory=lambda: MinerStatus(StatusRecord(), MinerProblems(Limits()))
    )
    watchdog: Decider = field(
        default_factory=lambda: Decider(WatchdogRecord(enabled=True))
    )
    plug_off: bool = False
    responds: bool = True

    def boot(self, now: float, *, power: bool) -> None:
        """Start anew, by a restart or by its power."""
        self.booted = now
        self.plug_off = False
        fault = self.fault
        if fault and not fault.hours:
            if fault.cure == "RESTART" or (power and fault.cure == "POWER"):
                self.fault = None

    def poll(self, now: float, *, reachable: bool, pool_up: bool) -> Poll:
        """Return what HMM gets from it now; it mines in between."""
        at = BEGIN + timedelta(seconds=now)
        fault = self.fault.what if self.fault else None
        failure = None if reachable and fault != "hung" else "no_response"
        if self.plug_off or now - self.booted < STEP:
            failure = "no_response"
        is_up = now - self.booted >= BOOT_SECONDS and not self.plug_off
        self.responds = failure is None
        works = is_up and pool_up and fault in (None, "hot")
        if works and self.fault is None:
            self.hashrate = 1.2e12 * self.chance.gauss(1.0, 0.03)
            self.shares += self.chance.choice((1, 2, 3))
            self.share_at = now
            self.mined += STEP
        if failure:
            plug = "Plug" if self.plug_off else None
            return Poll(at=now, time=at, data=None, failure=failure, plug=plug)
        problems: tuple[str, ...] = {
            "hot": ("overheat",),
            "no_voltage": ("no_core_voltage",),
        }.get(fault or "", ())
        if not pool_up:
            problems += ("no_pool",)
        hashing = is_up and pool_up and fault in (None, "frozen")
        data = MinerTelemetry(
            hashrate=self.hashrate if hashing else 0.0,
            hashrate_expected=1.2e12,
            temperature=88.0 if fault == "hot" else 58.0,
            uptime=int(now - self.booted),
            hashing=hashing,
            paused=False,
            shares_accepted=self.shares,
            shares_rejected=3,
            pool_difficulty=1000.0,
            pools=(PoolSlot(index=0, url=f"{self.pool}:3333", active=True),),
            problems=problems,
        )
        return Poll(at=now, time=at, data=data)


@dataclass(slots=True)
class Course:
    """What became of one fault."""

    fault: Fault
    deeds: dict[str, None] = field(default_factory=dict)
    lost: float = 0.0
    """Seconds of all miners that it concerns."""


class Week:
    """Runs the week, with HMM's help or without."""

    def __init__(self, *, helped: bool) -> None:
        """Begin with all well."""
        self.helped = helped
        self.miners = [
            Miner(number, random.Random(number), ORDER[number][0])
            for number in range(MINERS)
        ]
        self.courses = [Course(fault) for fault in WEEK]
        self.memories: Mapping[str, Memory] = {}
        self.sent = 0.0
        self.silent: dict[str, float] = {}
        self.good: dict[str, float] = dict.fromkeys("ABC", 0.0)
        self.restarts = self.cuts = self.moves = 0
        self.harmful = 0
        """How many restarts and cuts hit a miner that was too hot."""

    def run(self) -> None:
        """Let all seven days pass."""
        begun = set[int]()
        for minute in range(int(DAYS * 86_400 / STEP)):
            now = minute * STEP
            hour = now / 3600
            for index, fault in enumerate(WEEK):
                if index not in begun and hour >= fault.at:
                    begun.add(index)
                    for number in fault.miners if fault.what != "wifi" else ():
                        self.miners[number].fault = fault
            for miner in self.miners:
                it = miner.fault
                if it and it.hours and hour >= it.at + it.hours:
                    miner.fault = None
            self._minute(now, hour)
            if hour % 24 == OWNER_HOUR:
                self._owner(now)

    def _active(self, what: str, hour: float) -> Fault | None:
        return next(
            (
                item
                for item in WEEK
                if item.what == what and item.at <= hour < item.at + item.hours
            ),
            None,
        )

    def _minute(self, now: float, hour: float) -> None:
        internet, pool = self._active("internet", hour), self._active("pool", hour)
        wifi = self._active("wifi", hour)
        for miner in self.miners:
            up = internet is None and not (pool and miner.pool == "A")
            far = wifi is not None and miner.number in wifi.miners
            before = miner.mined
            poll = miner.poll(now, reachable=not far, pool_up=up and not far)
            if self.helped:
                miner.status.update(poll)
            if miner.mined == before and hour > 1:
                self._count(miner, hour, internet or (wifi if far else None) or pool)
        if self.helped:
            self._watch(now, hour)
            self._fail_over(now, is_online=internet is None, a_down=pool is not None)

    def _count(self, miner: Miner, hour: float, common: Fault | None) -> None:
        """Count a minute that was not mined for the fault that it is of."""
        cause = miner.fault or common
        if cause is None:
            # It starts, after what was the last fault of it
            past = [
                item
                for item in WEEK
                if item.at <= hour
                and (miner.number in item.miners or item.what in ("pool", "internet"))
            ]
            if not past:
                return
            cause = past[-1]
        next(course for course in self.courses if course.fault is cause).lost += STEP

    def _owner(self, now: float) -> None:
        """Cut the power of what does not mine, unless all are down."""
        for miner in self.miners:
            if miner.fault and miner.fault.cure != "NEVER" and not miner.fault.hours:
                miner.boot(now, power=True)
                self._tell(miner, now, "the owner cuts its power")
                miner.watchdog.reset(enabled=True)

    def _tell(self, miner: Miner, now: float, text: str) -> None:
        hour = now / 3600
        course = next(
            (
                item
                for item in reversed(self.courses)
                if item.fault.at <= hour
                and (miner.number in item.fault.miners or item.fault is miner.fault)
            ),
            None,
        )
        if course is not None and hour - course.fault.at < 24:
            course.deeds.setdefault(f"{clock(now)} {text}")

    def _watch(self, now: float, hour: float) -> None:
        states = [item.status.state for item in self.miners]
        silent = sum(state in _SILENT for state in states)
        lost = states.count(MinerState.OFFLINE)
        for miner in self.miners:
            status, plug = miner.status, PLUGS.get(miner.number)
            is_shared = plug is not None and list(PLUGS.values()).count(plug) > 1
            why = NOT_WANTED if plug is None else "plug_shared" if is_shared else None
            observed = Observation(
                state=status.state,
                problems=tuple(status.active),
                works=miner.responds and status.problems.has_share,
                is_busy=miner.plug_off,
                plug=why,
                many_silent=partial(bool, 2 * silent >= MINERS),
                many_lost=partial(bool, 2 * lost >= MINERS),
                since_start=now,
            )
            if miner.plug_off:
                miner.boot(now, power=True)
            if (decision := miner.watchdog.update(observed, now)) is None:
                continue
            if decision.action in (
                WatchdogAction.RESTARTED,
                WatchdogAction.POWER_CYCLED,
            ):
                self.harmful += not NEVER.isdisjoint(status.active)
            match decision.action:
                case WatchdogAction.RESTARTED:
                    self.restarts += 1
                    status.problems.restarted_at = now
                    miner.boot(now, power=False)
                case WatchdogAction.POWER_CYCLED:
                    self.cuts += 1
                    miner.plug_off = True
            words = decision.action.replace("_", " ")
            reason = f" ({decision.reason})" if decision.reason else ""
            self._tell(miner, now, words + reason)

    def _fail_over(self, now: float, *, is_online: bool, a_down: bool) -> None:
        for pool in "ABC":
            if is_online and not (pool == "A" and a_down):
                self.silent.pop(pool, None)
                self.good.setdefault(pool, now)
            else:
                self.good.pop(pool, None)
                self.silent.setdefault(pool, now)
        pools = {
            pool: PoolHealth(
                good_since=self.good.get(pool), silent_since=self.silent.get(pool)
            )
            for pool in "ABC"
        }
        facts = {
            str(item.number): MinerFacts(
                order=ORDER[item.number],
                at=item.pool,
                is_ready=item.status.state
                not in (MinerState.OFFLINE, MinerState.OFF, None),
                no_pool="no_pool" in item.status.active,
                share_at=item.share_at,
            )
            for item in self.miners
        }
        settings = Settings(
            moves=True,
            when=frozenset({Criterion.STRATUM_DOWN, Criterion.MINER_NO_POOL}),
            after=300.0,
            back_after=1800.0,
        )
        decision = decide(
            now,
            settings,
            pools,
            facts,
            self.memories,
            last_sent=self.sent,
            has_internet=is_online,
        )
        memories = dict(decision.memories)
        for move in decision.moves:
            self.moves += 1
            self.sent = now
            miner = self.miners[int(move.miner)]
            miner.pool = move.to
            miner.booted = now  # Such a miner restarts for it
            miner.status.problems.restarted_at = now
            is_first = move.to == ORDER[miner.number][0]
            memories[move.miner] = has_arrived(
                memories[move.miner], now, is_first=is_first
            )
            course = next(item for item in self.courses if item.fault.what == "pool")
            way = "back to A" if is_first else "to B"
            course.deeds[f"{way}: {clock(now)}"] = None
        self.memories = memories


def clock(now: float) -> str:
    """Return day and time."""
    return f"{BEGIN + timedelta(seconds=now):%a %H:%M}"


def _deeds(course: Course) -> str:
    """Return what was done; of many moves the first and the last."""
    if course.fault.what != "pool":
        return "; ".join(course.deeds) or "nothing"
    parts = []
    for way in ("to B", "back to A"):
        if result := [action for action in course.deeds if action.startswith(way)]:
            first, last = result[0].partition(": ")[2], result[-1].partition(": ")[2]
            parts.append(f"{len(result)} miners {way}, {first} to {last}")
    return "; ".join(parts) or "nothing"


def rows(helped: Week, alone: Week) -> Iterator[str]:
    """Return the lines of the table."""
    yield "| From | What | What HMM did | Lost with HMM | Lost without |"
    yield "|---|---|---|---|---|"
    for with_hmm, without in zip(helped.courses, alone.courses, strict=True):
        fault = with_hmm.fault
        which = f"miner {fault.miners[0]}" if len(fault.miners) == 1 else ""
        count = f"{len(fault.miners)} miners" if len(fault.miners) > 1 else which
        name = f"{fault.name} ({count})" if count else fault.name
        yield (
            f"| {clock(fault.at * 3600)} | {name} | {_deeds(with_hmm)} |"
            f" {with_hmm.lost / 3600:.1f} h | {without.lost / 3600:.1f} h |"
        )
    total = [
        sum(course.lost for course in week.courses) / 3600 for week in (helped, alone)
    ]
    yield f"| | All | | {total[0]:.1f} h | {total[1]:.1f} h |"


def main() -> None:
    """Run both weeks and print the table."""
    began = process_time()
    helped, alone = Week(helped=True), Week(helped=False)
    helped.run()
    alone.run()
    print(*rows(helped, alone), sep="\n")
    print(
        f"\n{helped.restarts} restarts, {helped.cuts} cuts of the power,"
        f" {helped.moves} moves to another pool; {helped.harmful} of a miner that was"
        f" too hot. {process_time() - began:.0f} s of CPU."
    )


if __name__ == "__main__":
    main()
