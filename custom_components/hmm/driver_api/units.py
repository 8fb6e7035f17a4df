"""Numbers as devices and pools write them, and the formulas of mining.

What is read here costs linear time, whatever was sent: texts are cut before anything
looks at them, and no pattern backtracks.
"""

from datetime import UTC, datetime
import math
import re
import time
from typing import Any, Literal
import unicodedata

from .ranges import AGE, EFFICIENCY, TEMPERATURE

HashrateUnit = Literal["TH/s", "GH/s", "MH/s", "kH/s"]

KILO = 1e3
MEGA = 1e6
GIGA = 1e9
TERA = 1e12
PETA = 1e15

HASHES_PER_DIFFICULTY = 2**32
"""Hashes that one share of difficulty 1 takes on average."""

_POWERS = {suffix: 3 * number for number, suffix in enumerate(("", *"KMGTPEZY"))}

LONGEST_FIGURE = 64
"""Characters of a number, a duration or a timestamp; a longer text is none of them."""
LONGEST_TEXT = 2048
"""Characters that ``parse_text`` reads; the fields of the data classes take fewer."""

# A lone trailing "E" is exa, "e+03" an exponent (ckpool prints "1e+03G"). ASCII alone:
# the sign of the kelvin equals a "k" otherwise.
_COMPACT = re.compile(
    r"\s*+([+-]?(?:\d++\.?\d*+|\.\d++)(?:e[+-]?\d++)?)\s*+([KMGTPEZY]?)"
    r"(?:H(?:/?s)?)?\s*+",
    re.IGNORECASE | re.ASCII,
)

_MAX_COUNTED = 2**63

_CLOCK_SLACK = 32 * 86_400
"""Seconds by which this machine's clock may be late: it may have lost a month."""
_MILLISECONDS = 1e11
"""From here on a time since 1970 is in milliseconds: of the year 1973, not 5138."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def parse_number(value: Any) -> float | None:
    """Return a number or a numeric string as a finite float, else None.

    Booleans are no numbers here, and neither are NaN, the infinities and a text of
    more than ``LONGEST_FIGURE`` characters.
    """
    # Nearly all values, and a poll parses dozens
    if type(value) is float:
        return value if math.isfinite(value) else None
    if type(value) is int and -_MAX_COUNTED < value < _MAX_COUNTED:
        return float(value)
    if isinstance(value, str):
        # Python alone reads "1_0" as ten
        if len(value) > LONGEST_FIGURE or "_" in value:
            return None
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except ValueError, OverflowError:
        return None
    return number if math.isfinite(number) else None


def parse_compact(value: Any) -> float | None:
    """Return "4.29G", "113.13K", "1.0154MH/s", "306.59 " or a number as a float.

    The result is in base units (hashes per second, or a plain difficulty).
    Anything else is None: an unreadable figure is unknown, not zero.
    """
    if not isinstance(value, str):
        return parse_number(value)
    if len(value) > LONGEST_FIGURE or (match := _COMPACT.fullmatch(value)) is None:
        return None
    # Not multiplied, which would make 132800000000000.02 of "132.8T"
    digits, _, exponent = match[1].lower().partition("e")
    power = int(exponent or 0) + _POWERS[match[2].upper()]
    number = float(f"{digits}e{power}")
    return number if math.isfinite(number) else None


def parse_int(value: Any) -> int | None:
    """Return a number or numeric string as an int (rounded), else None.

    None as well for one that does not fit into 64 bits.
    """
    if type(value) is int:
        return value if -_MAX_COUNTED < value < _MAX_COUNTED else None
    number = parse_number(value)
    if number is None or abs(number) >= _MAX_COUNTED:
        return None
    return round(number)


def parse_amount(value: Any) -> float | None:
    """Return what ``parse_compact`` does, None for a negative number."""
    number = parse_compact(value)
    return number if number is not None and number >= 0 else None


def parse_count(value: Any) -> int | None:
    """Return what ``parse_int`` does, None for a negative number."""
    number = parse_int(value)
    return number if number is not None and number >= 0 else None


def parse_age(value: Any) -> int | None:
    """Return for how many seconds something has run, None if it cannot be.

    What hangs on it is unknown then as well: an average that is not over its window.
    """
    seconds = parse_count(value)
    return seconds if seconds is not None and seconds in AGE else None


def parse_temperature(value: Any) -> float | None:
    """Return °C, None without a sensor: firmwares then write 0, -273 or 255."""
    number = parse_number(value)
    return number if number and number in TEMPERATURE else None


def parse_timestamp(value: Any) -> datetime | None:
    """Return a time since 1970 or an ISO 8601 string as a datetime in UTC.

    The time is in seconds, or in milliseconds if seconds would be absurd. A text
    without time zone is taken for UTC. Zero and the year 1, with which programs report
    "never", are None, as is everything that cannot be read and what is more than a month
    ahead of this machine's clock: it has not been yet.
    """
    seconds = parse_number(value)
    try:
        if seconds is not None:
            if seconds >= _MILLISECONDS:
                seconds /= 1000
            timestamp = datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
        elif isinstance(value, str) and len(value) <= LONGEST_FIGURE:
            timestamp = datetime.fromisoformat(value.strip())
            if timestamp.tzinfo is None:
                timestamp = timestamp.replace(tzinfo=UTC)
            timestamp = timestamp.astimezone(UTC) if timestamp.year > 1970 else None
        else:
            return None
    except ValueError, OverflowError, OSError:
        return None
    if timestamp is None or timestamp.timestamp() > time.time() + _CLOCK_SLACK:
        return None
    return timestamp


parse_moment = parse_timestamp
"""The former name, for drivers that use it."""


def parse_bool(value: Any) -> bool | None:
    """Return 0/1, true/false and their spellings as a bool, else None."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return bool(value) if value in (0, 1) else None
    if isinstance(value, str):
        if (text := value[:LONGEST_FIGURE].strip().lower()) in _TRUE:
            return True
        if text in _FALSE:
            return False
    return None


def parse_text(value: Any, longest: int = LONGEST_TEXT) -> str | None:
    """Return a non-empty string in one line, else None.

    Blanks around it, control characters (of terminals as well), marks that turn the
    direction of writing and what has no width are left out; what is beyond
    ``longest`` characters is cut off.
    """
    if not isinstance(value, str):
        return None
    text = value[:longest].strip()
    if not text.isprintable():
        text = "".join(map(_printable, text)).strip()
    return text or None


def _printable(char: str) -> str:
    """Return a character as it may stand in a line of text."""
    if char.isprintable():
        return char
    if char.isspace():  # Tabs and the ends of lines, and blanks of other widths
        return " "
    # JSON may hold half of a surrogate pair ("\\ud83d"), which no file can. Letters
    # that this Python does not know yet are letters all the same.
    category = unicodedata.category(char)
    if category == "Cs":
        return "?"
    return "" if category in ("Cc", "Cf") else char


def expected_seconds_to_block(difficulty: float, hashrate: float) -> float | None:
    """Return the mean time to a block in seconds, None without hashrate.

    ``difficulty`` is the network's, ``hashrate`` is in H/s. The time does not
    depend on the coin's block time: E = D * 2^32 / H.
    """
    if hashrate <= 0 or difficulty <= 0:
        return None
    return parse_number(difficulty * HASHES_PER_DIFFICULTY / hashrate)


def network_share_percent(
    difficulty: float, hashrate: float, block_seconds: float
) -> float | None:
    """Return the share of the network's hashrate in percent.

    ``block_seconds`` is the target block time of the coin on this algorithm
    (75 s for DigiByte's SHA-256, not the 15 s of its five algorithms together).
    """
    if difficulty <= 0 or block_seconds <= 0:
        return None
    network_hashrate = difficulty * HASHES_PER_DIFFICULTY / block_seconds
    if not 0 < network_hashrate < math.inf:
        return None
    return parse_number(100 * hashrate / network_hashrate)


def show_hashrate(hashrate: float) -> str:
    """Return a hashrate in H/s as HMM-Local's API shows it, for example ``1.07 TH/s``."""
    for factor, unit in (
        (TERA, "TH/s"),
        (GIGA, "GH/s"),
        (MEGA, "MH/s"),
        (KILO, "KH/s"),
    ):
        if hashrate >= factor:
            return f"{hashrate / factor:.2f} {unit}"
    return f"{hashrate:.0f} H/s" if hashrate else "0.00 GH/s"


def efficiency_j_per_th(power: float | None, hashrate: float | None) -> float | None:
    """Return joules per terahash from watts and H/s, None if either is missing.

    A miner that has just started hashes next to nothing: that is not its efficiency.
    """
    if power is None or hashrate is None or hashrate <= 0 or power <= 0:
        return None
    efficiency = parse_number(power * TERA / hashrate)
    return efficiency if efficiency is not None and efficiency in EFFICIENCY else None


def reject_percent(
    valid: int | None, invalid: int | None, stale: int | None = None
) -> float | None:
    """Return the percentage of shares that were rejected, from counts.

    None if accepted or rejected ones are not reported, or there were none. Never
    give it work (difficulty sums): it is not a number of shares.
    """
    if valid is None or (invalid is None and stale is None):
        return None
    rejected = (invalid or 0) + (stale or 0)
    total = valid + rejected
    return 100 * rejected / total if total else None
