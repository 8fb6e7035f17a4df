"""A world for strategies: miners that draw, start and refuse, and a clock to set.

What a strategy stores goes through JSON at every step, as across a restart.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
import json
from typing import Any

from custom_components.hmm.money.slots import Slot
from custom_components.hmm.strategy.planner.decide import decide
from custom_components.hmm.strategy.planner.ledger import Ledger
from custom_components.hmm.strategy.planner.model import (
    OFF,
    ON,
    Circuit,
    Control,
    Decision,
    Inputs,
    Manual,
    MinerView,
    Mode,
    Price,
    Rung,
    Settlement,
    Standing,
    State,
    StrategyType,
)
from custom_components.hmm.strategy.planner.precedence import is_held, settle
from custom_components.hmm.strategy.planner.settings import BandsSettings, Settings

START = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)

type Modes = dict[Rung, tuple[float, float]]
"""Watts and TH/s of each."""


def slots_from(
    begin: datetime, prices: Sequence[float], minutes: int = 15
) -> tuple[Slot, ...]:
    """Return slots of equal length, one after the other."""
    step = timedelta(minutes=minutes)
    return tuple(
        Slot(begin + n * step, begin + (n + 1) * step, price)
        for n, price in enumerate(prices)
    )


def bands_of(*bands: tuple[str, float | None, Any], **settings: Any) -> BandsSettings:
    """Return price bands, each by its name, its limit and its rung or more of it."""
    rows = [
        {"band_name": name, "upto": upto}
        | (more if isinstance(more, dict) else {"rung": more})
        for name, upto, more in bands
    ]
    return BandsSettings.from_dict({"bands": rows, **settings})


def price_of(slots: Sequence[Slot], now: datetime) -> Price | None:
    """Return what a sensor that follows slots shows."""
    slot = next((item for item in slots if item.start <= now < item.end), None)
    return None if slot is None else Price(slot.price, slot.end)


@cache
def _modes(
    modes: tuple[tuple[Rung, tuple[float, float]], ...], unknown: frozenset[Rung]
) -> tuple[Mode, ...]:
    return tuple(
        Mode(rung, None if rung in unknown else watts, hashes)
        for rung, (watts, hashes) in modes
    )


@dataclass(slots=True)
class SimMiner:
    """A miner; ``truth`` is what it really draws of the watts of its modes."""

    id: str
    modes: Modes
    default: Rung
    mode: Rung = ""
    running: bool = True
    start_seconds: float = 0
    truth: float = 1.0
    can_be_off: bool = True
    plugged: bool = False
    refuses: bool = False
    online: bool = True
    mining: bool = True
    safety: Any = None
    manual: Manual | None = None
    metered: bool = True
    spike: bool = False
    """Whether its meter shows half as much again at this instant."""
    unknown: frozenset[Rung] = frozenset()
    """Modes that it has never run in long enough."""
    started_at: datetime | None = None
    back_at: datetime | None = None
    obeyed: list[tuple[datetime, Rung]] = field(default_factory=list)
    _seen: tuple[object, MinerView | None] = (None, None)

    def __post_init__(self) -> None:
        """Begin in the mode that it is delivered with."""
        self.mode = self.mode or self.default

    @property
    def reported(self) -> Rung:
        """What it says of itself."""
        return self.mode if self.running else OFF

    def is_hashing(self, now: datetime) -> bool:
        """Return whether it has started and hashes."""
        begun = self.started_at
        return (
            self.running
            and self.online
            and self.mining
            and (begun is None or (now - begun).total_seconds() >= self.start_seconds)
        )

    def watts(self, now: datetime) -> float:
        """Return what it draws: little while it starts, and off."""
        if not self.running or not self.online:
            return 0.0
        watts = self.modes[self.mode][0] * self.truth
        return watts if self.is_hashing(now) else watts * 0.1

    def hashrate(self, now: datetime) -> float:
        """Return TH/s."""
        return self.modes[self.mode][1] if self.is_hashing(now) else 0.0

    def take(self, rung: Rung, now: datetime) -> None:
        """Do what it is told, unless it refuses."""
        if self.refuses or not self.online:
            return
        self.obeyed.append((now, rung))
        if rung == OFF:
            self.running = False
            return
        if not self.running:
            self.running, self.started_at = True, now
        if rung != ON:
            self.mode = rung

    def view(self, now: datetime) -> MinerView:
        """Return it as the planner sees it, the same object while nothing changes."""
        key = (
            (self.id, self.mode, self.running, self.is_hashing(now), self.online),
            (self.truth, self.metered, self.safety, self.manual, self.back_at),
            (self.can_be_off, self.plugged, self.unknown, self.spike),
        )
        if self._seen[0] == key and self._seen[1] is not None:
            return self._seen[1]
        view = self._view(now)
        self._seen = key, view
        return view

    def _view(self, now: datetime) -> MinerView:
        watts, hashes = self.modes[self.default]
        return MinerView(
            id=self.id,
            reported=self.reported,
            modes=_modes(tuple(self.modes.items()), self.unknown),
            default_mode=self.default,
            model=self.id.partition(" ")[0],
            online=self.online,
            mining=self.is_hashing(now),
            can_be_off=self.can_be_off,
            plugged=self.plugged,
            watts=(
                self.watts(now) * (1.5 if self.spike else 1)
                if self.metered and self.online
                else None
            ),
            spike=self.spike,
            efficiency=watts / hashes,
            safety=self.safety,
            manual=self.manual,
            reachable_since=self.back_at,
        )


@dataclass(slots=True)
class Strategy:
    """A strategy of the world: ``feed`` returns what it looks at besides the miners."""

    id: str
    type: StrategyType
    settings: Settings
    feed: Callable[[datetime], dict[str, Any]]
    miners: frozenset[str] | None = None
    is_on: bool = True
    dry_run: bool = False
    memory: Any = None
    decision: Decision | None = None
    next_check_at: datetime | None = None


@dataclass(slots=True)
class World:
    """Miners, strategies and a clock."""

    miners: list[SimMiner]
    strategies: list[Strategy]
    circuits: list[Circuit] = field(default_factory=list)
    zone: tzinfo = UTC
    now: datetime = START
    ledger: Any = None
    controls: dict[str, Control] = field(default_factory=dict)
    settlement: Settlement | None = None
    commands: list[tuple[datetime, str, Rung, Control]] = field(default_factory=list)
    switched: list[tuple[datetime, str, Rung, Rung]] = field(default_factory=list)
    """When, which, from and to, of every command that is no retry."""
    is_stored: bool = True

    def miner(self, name: str) -> SimMiner:
        """Return a miner by its id."""
        return next(item for item in self.miners if item.id == name)

    @property
    def decision(self) -> Decision:
        """Return the last decision of the first strategy."""
        decision = self.strategies[0].decision
        assert decision is not None
        return decision

    @property
    def sentence(self) -> str:
        """Return the key of what the first strategy says."""
        return self.decision.sentence.key

    def why(self, name: str) -> str:
        """Return the key of why a miner does what it does."""
        reason = self.controls[name].reason
        assert reason is not None
        return reason.key

    @property
    def states(self) -> Mapping[str, State]:
        """Return what the strategies do."""
        assert self.settlement is not None
        return self.settlement.states

    def reported(self) -> list[Rung]:
        """Return what the miners say of themselves."""
        return [miner.reported for miner in self.miners]

    def inputs(self, strategy: Strategy, views: Sequence[MinerView] = ()) -> Inputs:
        """Return what a strategy looks at."""
        views = tuple(
            replace(view, held=True)
            if is_held(strategy.type, strategy.id, self.controls.get(view.id))
            else view
            for view in views or [miner.view(self.now) for miner in self.miners]
            if strategy.miners is None or view.id in strategy.miners
        )
        fed = strategy.feed(self.now)
        return Inputs(now=self.now, zone=self.zone, miners=views, **fed)

    def _stored(self, memory: dict[str, Any]) -> Any:
        return json.loads(json.dumps(memory)) if self.is_stored else memory

    def step(self) -> Settlement:
        """Decide, settle and obey, at this instant."""
        standings = []
        views = [item.view(self.now) for item in self.miners]
        for strategy in self.strategies:
            if not strategy.is_on:
                continue
            decision, memory = decide(
                strategy.settings, strategy.memory, self.inputs(strategy, views)
            )
            assert decision.next_check_at > self.now
            assert decision.sentence.key
            strategy.memory = self._stored(memory)
            strategy.decision = decision
            strategy.next_check_at = decision.next_check_at
            standings.append(
                Standing(strategy.id, strategy.type, decision, strategy.dry_run)
            )
        ledger = self.ledger
        if not isinstance(ledger, Ledger):
            ledger = Ledger.restored(ledger, self.now)
        settlement, ledger = settle(
            self.now, self.zone, standings, views, self.circuits, ledger
        )
        assert settlement.next_check_at > self.now
        self.ledger = ledger
        if self.is_stored:
            self.ledger = self._stored(ledger.as_dict())
        self.controls = dict(settlement.controls)
        self.settlement = settlement
        for name, control in settlement.controls.items():
            if control.command is not None:
                miner = self.miner(name)
                self.commands.append((self.now, name, control.command, control))
                if control.attempt == 1:
                    self.switched.append(
                        (self.now, name, miner.reported, control.command)
                    )
                miner.take(control.command, self.now)
        for name in settlement.released:
            self.miner(name).manual = None
        return settlement

    def run(
        self,
        until: datetime | timedelta,
        every: timedelta = timedelta(minutes=1),
        between: Callable[[], None] | None = None,
    ) -> None:
        """Step until an instant."""
        end = self.now + until if isinstance(until, timedelta) else until
        while self.now < end:
            if between is not None:
                between()
            self.step()
            self.now += every

    def by_hand(self, name: str, rung: Rung, **manual: Any) -> None:
        """Set a miner by hand, as its owner would."""
        miner = self.miner(name)
        miner.take(rung, self.now)
        against = self.settlement.wished.get(name) if self.settlement else None
        miner.manual = Manual(**({"against": against} | manual))


def bitaxe(name: str = "Bitaxe", **kwargs: Any) -> SimMiner:
    """Return a small miner with live modes."""
    modes: Modes = {
        "mode:eco": (12, 0.8),
        "mode:standard": (18, 1.2),
        "mode:turbo": (25, 1.5),
    }
    return SimMiner(name, modes, "mode:standard", start_seconds=20, **kwargs)


def nerdqaxe(name: str = "NerdQAxe++", **kwargs: Any) -> SimMiner:
    """Return one with four chips."""
    modes: Modes = {
        "mode:eco": (52, 3.6),
        "mode:standard": (76, 4.8),
        "mode:turbo": (100, 5.8),
    }
    return SimMiner(name, modes, "mode:standard", start_seconds=30, **kwargs)


def nano(name: str = "Avalon Nano 3S", **kwargs: Any) -> SimMiner:
    """Return a small heater."""
    modes: Modes = {
        "mode:low": (62, 3.0),
        "mode:medium": (100, 4.6),
        "mode:high": (132, 6.0),
    }
    return SimMiner(name, modes, "mode:medium", start_seconds=120, **kwargs)


def avalon_q(name: str = "Avalon Q", **kwargs: Any) -> SimMiner:
    """Return a big one that takes four minutes to start."""
    modes: Modes = {
        "mode:eco": (800, 52),
        "mode:standard": (1300, 80),
        "mode:super": (1600, 90),
    }
    return SimMiner(name, modes, "mode:standard", start_seconds=240, **kwargs)


def fleet() -> list[SimMiner]:
    """Return the miners of a typical home."""
    return [bitaxe(), nerdqaxe(), nano(), avalon_q()]
