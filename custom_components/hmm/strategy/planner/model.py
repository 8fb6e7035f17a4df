"""What goes into a decision and what comes out of it.

Instants are aware, watts are W, efficiency is J/TH, temperatures are °C, hashrates are
H/s. Miners and strategies go by ids that mean nothing here; ``None`` is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Literal, Self, override

from ...money.slots import Slot
from ...stored import Stored

type Rung = str
"""``off``, ``lowest``, ``normal``, ``highest``, ``leave``, ``on`` (mines, in whatever
mode) or a name with its kind: ``mode:eco``, ``profile:Night``."""

OFF: Rung = "off"
ON: Rung = "on"
LOWEST: Rung = "lowest"
NORMAL: Rung = "normal"
HIGHEST: Rung = "highest"
LEAVE: Rung = "leave"
PLAIN_RUNGS = (OFF, LOWEST, NORMAL, HIGHEST, LEAVE)

type StrategyType = Literal["heat", "solar", "champion", "price_bands", "calendar"]
"""In order of precedence; quiet hours are a calendar that caps, above all of them."""

type Controller = Literal[
    "safety",
    "manual",
    "quiet_hours",
    "heat",
    "solar",
    "champion",
    "price_bands",
    "calendar",
    "nothing",
]
"""Who decides for a miner, in order of precedence."""

type State = Literal[
    "steering",
    "dry_run",
    "holding",
    "overridden",
    "suspended",
    "waiting",
    "fallback",
    "off",
]
"""What a strategy does; ``decide`` knows steering, holding, waiting and fallback."""

type Problem = Literal["settings", "meter_sign"]
"""What keeps a strategy from its work until its owner changes something."""

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Sentence(Stored):
    """A key of ux.md 7.5 with its values: numbers, instants, rungs and ids, no texts.

    ``miner``, ``old``, ``miners`` are ids; ``what`` and ``rung`` rungs
    (``rung`` of what the user wants of price bands "band:" and its name);
    ``time`` and ``until`` instants, ``until`` of a manual change possibly None (until
    the next change); ``band`` and ``next`` names of bands; ``reason`` a key.
    """

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mode:
    """A mode or profile of a miner with what it draws and brings, as far as known."""

    rung: Rung
    watts: float | None = None
    hashrate: float | None = None


@dataclass(frozen=True, slots=True)
class Manual(Stored):
    """A change by hand, and when the strategies decide again.

    With ``ends`` "next_change", when they no longer wish ``against``, which is what they
    wished when it was made (None: nothing).
    """

    ends: Literal["time", "next_change", "released"] = "next_change"
    until: datetime | None = None
    against: str | None = None

    @override
    @classmethod
    def from_dict(cls, data: Any) -> Self:
        if data["ends"] == "never":  # As it was called before
            data = {**data, "ends": "released"}
        return super().from_dict(data)

    def is_over(self, wished: str | None, now: datetime) -> bool:
        """Return whether the strategies, which now wish this, decide again."""
        match self.ends:
            case "time":
                return self.until is None or now >= self.until
            case "next_change":
                return wished != self.against
        return False


@dataclass(frozen=True, slots=True)
class MinerView:
    """A miner as the planner sees it.

    ``reported`` is ``off`` (paused, soft-off or unplugged), a named rung, ``on`` for a
    miner without modes, None while unknown. ``watts`` is measured, ``spike`` says that it is
    a single reading far above what its mode draws. ``claimed`` is what a recent command
    may make of it, ``drew`` what it drew when it last mined.
    ``mining`` says that hashes come. ``since`` is when ``reported`` began, if known. ``online`` is False for a
    miner that does not answer although it should: no command reaches it.
    ``efficiency`` is that of its last days of work, ``efficiency_at`` when it last
    worked, ``fan_speed`` % meanwhile, ``room`` the temperature of its room.

    ``safety`` "hot" allows no more than the lowest rung, "stop" nothing, "lowered" no
    other settings than those that the firmware has chosen after an overheat. ``refusal`` is
    the reason of the last refused command. ``held`` says that a strategy that goes
    before the present one, or the user, decides for it at present. ``plugged``
    says that off cuts its plug.
    """

    id: str
    reported: Rung | None
    modes: tuple[Mode, ...] = ()
    default_mode: Rung | None = None
    model: str | None = None
    online: bool = True
    mining: bool = True
    can_be_off: bool = True
    plugged: bool = False
    watts: float | None = None
    spike: bool = False
    claimed: float | None = None
    drew: float | None = None
    since: datetime | None = None
    reachable_since: datetime | None = None
    efficiency: float | None = None
    efficiency_at: datetime | None = None
    efficiency_1d: float | None = None
    fan_speed: float | None = None
    room: float | None = None
    safety: Literal["hot", "stop", "lowered"] | None = None
    refusal: str | None = None
    manual: Manual | None = None
    held: bool = False
    busy: bool = False
    """Whether a command still runs: it gets no other one meanwhile."""


@dataclass(frozen=True, slots=True)
class Price:
    """The price of now in the unit of the limits; ``valid_until`` None: until it changes."""

    value: float
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """The reading of the house meter, and what the miners drew, at the same instant.

    ``exported`` is negative while the house imports; ``own`` is the sum of all miners of
    the strategy; ``charging`` is negative while a battery discharges.
    """

    at: datetime
    exported: float
    own: float
    charging: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A temperature and when the sensor last reported it, changed or not."""

    value: float
    at: datetime


@dataclass(frozen=True, slots=True)
class Switched:
    """A calendar, schedule or binary sensor, and when it changes if it reports that."""

    on: bool
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class BandNow:
    """The band of another strategy, for a champion that follows it."""

    id: str
    name: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Inputs:
    """All input of a decision; each type uses its part.

    ``slots`` are sorted and do not overlap. ``samples`` are sorted, of the last minutes.
    ``miners`` are those of the strategy. ``target`` is None while heating is off.
    ``metered_since`` is when samples could come from, ``is_dark`` that the sun is down.
    """

    now: datetime
    zone: tzinfo = UTC
    miners: tuple[MinerView, ...] = ()
    price: Price | None = None
    slots: tuple[Slot, ...] = ()
    tariff: str | None = None
    samples: tuple[Sample, ...] = ()
    metered_since: datetime | None = None
    is_dark: bool = False
    battery_soc: float | None = None
    forecast: float | None = None
    room: Reading | None = None
    target: float | None = None
    calendar: Switched | None = None
    band: BandNow | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a strategy wants of one miner.

    ``cap`` allows no more than ``rung`` and requests nothing. ``safety`` is a cap that
    goes before everything. ``urgent`` waits for no minimum time and no other miner, as
    ``safety`` does not. ``yields`` lets any later strategy decide instead:
    no surplus is no reason to stop what the price allows. No wish at all gives the miner
    back as it was; ``leave`` leaves it as it is.
    """

    miner: str
    rung: Rung
    reason: Sentence
    until: datetime | None = None
    pool: str | None = None
    cap: bool = False
    safety: bool = False
    urgent: bool = False
    yields: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """What a strategy wants, why, and when it decides again.

    ``mark`` names what it wants in short (a band, a champion, a level): a change of it
    is "the next change the strategy would make". ``min_time`` and ``max_switches`` hold
    for each of its miners, ``stagger`` between two of them. ``problem`` is what its owner
    must mend.
    """

    wishes: tuple[Wish, ...]
    sentence: Sentence
    state: State
    next_check_at: datetime
    mark: str = ""
    next_change_at: datetime | None = None
    band: str | None = None
    next_band: str | None = None
    champion: str | None = None
    ranking: tuple[str, ...] = ()
    surplus: float | None = None
    allotted: float | None = None
    level: int | None = None
    min_time: timedelta = timedelta(minutes=15)
    max_switches: int = 12
    stagger: timedelta = timedelta(seconds=10)
    free_steps: bool = False
    is_sun: bool = True
    """Whether a surplus is of the sun: not at night, nor with the wrong sign."""
    problem: Problem | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """A strategy among the others: its decision, and whether it may act."""

    id: str
    type: StrategyType
    decision: Decision
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Circuit:
    """Miners that share a fuse, and what they may draw together at every instant.

    What others draw there that are not planned for is ``reserved``.
    """

    name: str
    max_watts: float
    miners: frozenset[str]
    reserved: float = 0.0

    @property
    def rated(self) -> float:
        """Return what all together may draw."""
        return self.max_watts + self.reserved


@dataclass(frozen=True, slots=True)
class Control:
    """Who decides for a miner, what it should do and why; ``command`` is due now.

    A command to leave it alone sends it to ``pool`` and changes nothing else.
    """

    by: Controller
    reason: Sentence | None = None
    strategy: str | None = None
    rung: Rung | None = None
    until: datetime | None = None
    pool: str | None = None
    command: Rung | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """The result of all strategies together.

    ``wished`` is what they wish for each miner, resolved and regardless of the user: what
    a new ``Manual`` is ``against``. ``released`` are the miners whose ``Manual`` is over.
    """

    controls: Mapping[str, Control]
    states: Mapping[str, State]
    next_check_at: datetime
    wished: Mapping[str, Rung | None]
    released: frozenset[str]
