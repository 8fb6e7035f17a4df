"""What a field of a report may hold: its unit, its limits, and the reason for them.

Each field of ``MinerTelemetry``, ``DashboardTileData`` and their parts is declared with
one of these types. HMM enforces them for every driver alike: a value outside its range
is unknown, a text is cut or dropped, a list ends after its last allowed item. The limits
are far beyond what devices do today, so that nothing real is hidden: a chip that burns
is shown as hot as it reports.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, get_args, get_type_hints

SMALLEST = 1e-30
"""A value closer to zero is not measured but left over from a calculation."""
LARGEST_COUNT = 2**53
"""The largest whole number that every reader of JSON and the recorder take exactly."""


@dataclass(frozen=True, slots=True)
class Range:
    """The least and the most of a number; both are allowed."""

    unit: str
    minimum: float
    maximum: float
    reason: str

    def __contains__(self, value: float) -> bool:
        """Return whether a number can be; NaN never can."""
        return self.minimum <= value <= self.maximum and (
            value == 0 or not -SMALLEST < value < SMALLEST
        )

    def __str__(self) -> str:
        """Return the range for people: "0 to 1e+17 H/s"."""
        return f"{self.minimum:g} to {self.maximum:g} {self.unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Text:
    """The most characters of a text; a longer one is cut off, or else unknown.

    All texts are in one line without control characters, as ``parse_text`` reads them.
    """

    longest: int
    reason: str
    cut: bool = True
    empty: bool = False
    """Whether an empty text says something."""


@dataclass(frozen=True, slots=True)
class Past:
    """The first year of a past event; the last time is what ``parse_timestamp`` takes.

    A timestamp has a time zone and becomes UTC.
    """

    year: int
    reason: str


@dataclass(frozen=True, slots=True)
class Many:
    """The most items of a list or a dictionary; those after them are left out."""

    maximum: int
    reason: str


@dataclass(frozen=True, slots=True)
class Flag:
    """What anything but True and False stands for; without it only True is a yes."""

    otherwise: bool
    reason: str


def rule_of(kind: type, name: str) -> Range | Text | Past | Many | Flag | None:
    """Return what limits a field of a data class, None if nothing does."""
    hint = get_type_hints(kind, include_extras=True)[name]
    for part in (hint, *get_args(hint)):
        for rule in getattr(part, "__metadata__", ()):
            if isinstance(rule, Range | Text | Past | Many | Flag):
                return rule
    return None


# Figures of miners

Hashrate = Annotated[
    float, Range("H/s", 0, 1e17, "a hundred times the fastest machine there is")
]
DIFFICULTY = Range("", 0, 1e21, "ten million times the difficulty of Bitcoin")
Difficulty = Annotated[float, DIFFICULTY]
SHARE = Range("", 0, 1e17, "several hundred times the difficulty of a Bitcoin block")
Share = Annotated[float, SHARE]
"""The difficulty of a share that was found."""
EFFICIENCY = Range(
    "J/TH", 0.1, 1e9, "from far better than any chip to 1 W for 1,000 H/s"
)
TEMPERATURE = Range(
    "°C", -60, 250, "a chip that burns must be seen; 255 is no sensor at all"
)
Temperature = Annotated[float, TEMPERATURE]
Power = Annotated[
    float, Range("W", 0, 50_000, "several times what the largest machine draws")
]
ENERGY = Range("kWh", 0, 1e9, "a thousand of the largest machines for ten years")
AGE = Range("s", 0, 1e9, "30 years, more than any miner has run")
Age = Annotated[int, AGE]
PERCENT = Range("%", 0, 100, "a part of a whole")
Percent = Annotated[float, PERCENT]
ErrorRate = Annotated[
    float,
    Range("%", 0, 10_000, "over 100 % where only good results are divided by"),
]
Frequency = Annotated[float, Range("MHz", 0, 10_000, "no chip runs faster")]
ChipVoltage = Annotated[
    float, Range("mV", 0, 50_000, "also of chips in a row, which share one supply")
]
SupplyVoltage = Annotated[
    float, Range("mV", 0, 1_000_000, "mains of three phases have 0.4 of it")
]
Current = Annotated[
    float, Range("mA", 0, 1_000_000, "the side of the chips has up to some hundred A")
]
FanSpeed = Annotated[int, Range("rpm", 0, 50_000, "small fans do up to 40,000")]
Signal = Annotated[int, Range("dBm", -127, 0, "what WiFi receivers can measure")]
Bytes = Annotated[int, Range("B", 0, 1e15, "more than any memory")]
Height = Annotated[int, Range("", 0, 1e10, "three hundred years of the fastest chain")]
Count = Annotated[
    int, Range("", 0, LARGEST_COUNT, "every reader of JSON takes it exactly")
]
Blocks = Annotated[int, Range("", 0, 1e9, "more blocks than any chain has")]
ResponseTime = Annotated[
    float, Range("ms", 0, 60_000, "after a minute every firmware has given up")
]
SettingValue = Annotated[float, Range("", -100, 1e6, "MHz, mV, percent and °C alike")]
Channel = Annotated[int, Range("", 0, 255, "red, green or blue of a light")]
Slot = Annotated[int, Range("", 0, 1000, "the place in a list of pools")]

# Figures of pools

ACCOUNT_HASHRATE = Range("H/s", 0, 1e21, "the whole network of Bitcoin does as much")
AccountHashrate = Annotated[float, ACCOUNT_HASHRATE]
NetworkHashrate = Annotated[
    float, Range("H/s", 0, 1e24, "a thousand times the network of Bitcoin")
]
BLOCK_TIME = Range("s", 0, 1e21, "what a miner of 1,000 H/s needs for a Bitcoin block")
BlockTime = Annotated[float, BLOCK_TIME]
Coins = Annotated[float, Range("coins", 0, 1e15, "more than there are of any coin")]
Port = Annotated[int, Range("", 0, 65_535, "a TCP port; 0 is none")]
Moment = Annotated[datetime, Past(2009, "the first block was found then")]
Timestamp = Annotated[int, Past(2009, "the first block was found then")]
"""Seconds since 1970."""

# Texts

Name = Annotated[str, Text(255, "a state and a name are no longer")]
Identifier = Annotated[str, Text(255, "a part of it would be another one", cut=False)]
Address = Annotated[str, Text(300, "a host of 255, a scheme and a port", cut=False)]
Message = Annotated[str, Text(500, "a few sentences")]
Key = Annotated[str, Text(64, "a word of the contract or of the device", cut=False)]
Symbol = Annotated[str, Text(16, "the symbol of a coin", cut=False)]

# Lists

CHIPS = Many(1024, "the largest machine has about 500 chips")
BOARDS = Many(16, "the largest machine has 4")
FANS = Many(16, "the largest machine has 6")
POOLS = Many(16, "firmwares take up to 8 pools")
REASONS = Many(32, "pools know about ten reasons")
PROBLEMS = Many(16, "there are 6 keys")
OPTIONS = Many(256, "the settings that a device offers for one value")
WORKERS = Many(2000, "a poll must not stop Home Assistant; 250 get a device")
BLOCKS = Many(1000, "years of luck; the newest come first")
DETAILS = Many(64, "details beyond the contract")
Details = Annotated[dict[str, Any], DETAILS]
