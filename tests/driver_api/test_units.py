"""Numbers as pools and devices write them, and the formulas of mining."""

from datetime import UTC, datetime, timedelta, timezone
import math
import time
from typing import Any

import pytest

from custom_components.hmm.driver_api import units
from custom_components.hmm.driver_api.coins import (
    COINS,
    NetworkFigures,
    network_figures,
)
from custom_components.hmm.driver_api.units import (
    efficiency_j_per_th,
    expected_seconds_to_block,
    network_share_percent,
    parse_amount,
    parse_bool,
    parse_compact,
    parse_count,
    parse_int,
    parse_number,
    parse_temperature,
    parse_text,
    parse_timestamp,
    reject_percent,
)

NONSENSE: list[Any] = [
    None,
    "",
    " ",
    "x",
    "nan",
    "inf",
    "1e400",
    math.nan,
    math.inf,
    -math.inf,
    True,
    False,
    [],
    [1],
    {},
    b"1",
    object(),
    10**400,
]


PARSERS = [
    *(parse_number, parse_compact, parse_int),
    *(parse_amount, parse_count, parse_timestamp),
]


def test_a_temperature_without_a_sensor() -> None:
    """What firmwares write in its place is none; cold and fire are."""
    for none in (0, 0.0, "0", -273, -274.15, 255, "255", 6553.5, None, "n/a", True):
        assert parse_temperature(none) is None
    for real in (-40, -1, 0.5, 61.25, 105, 220):
        assert parse_temperature(real) == parse_temperature(str(real)) == real


@pytest.mark.parametrize("parse", PARSERS)
def test_what_is_no_number(parse: Any) -> None:
    """It is unknown, never zero and never an exception."""
    assert [value for value in NONSENSE if parse(value) is not None] == []


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (0, 0.0),
        (5, 5.0),
        (1.5, 1.5),
        (-2, -2.0),
        ("756672128.56", 756672128.56),
        (" 7 ", 7.0),
        ("1e3", 1000.0),
        ("-1", -1.0),
    ],
)
def test_number(value: Any, number: float) -> None:
    """A number or its text."""
    assert parse_number(value) == number
    assert type(parse_number(value)) is float


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (950, 950.0),
        # ckpool: a bare number is H/s, whatever its readers made of it
        ("950", 950.0),
        ("113.13K", 113_130.0),
        ("4.29G", 4.29e9),
        ("1.2T", 1.2e12),
        ("12.3P", 1.23e16),
        # A lone E is exa, an exponent has digits
        ("1.5E", 1.5e18),
        ("1E", 1e18),
        ("1e+03G", 1e12),
        ("1e3", 1000.0),
        ("1e3e", 1e21),
        ("2Z", 2e21),
        ("2Y", 2e24),
        ("1.0154MH/s", 1_015_400.0),
        ("1.0154 mh/s", 1_015_400.0),
        ("1 Gh/s", 1e9),
        ("5 H", 5.0),
        ("5HS", 5.0),
        ("306.59 ", 306.59),
        (".5k", 500.0),
        ("5.", 5.0),
        ("-1K", -1000.0),
        ("132.8T", 132_800_000_000_000.0),
    ],
)
def test_compact(value: Any, number: float) -> None:
    """A number with the suffix of its magnitude, in base units and to the last digit."""
    assert parse_compact(value) == number


@pytest.mark.parametrize(
    "value", ["1.2.3", "1,5", "K", "E", "1X", "1 K K", "1GH/m", "e5", "1e400K", "0x5"]
)
def test_not_compact(value: str) -> None:
    """What looks nearly like a number is none."""
    assert parse_compact(value) is None


@pytest.mark.parametrize(
    ("value", "amount"),
    [(0, 0.0), ("0", 0.0), ("1.2T", 1.2e12), (-1, None), ("-1K", None), (-0.5, None)],
)
def test_amount(value: Any, amount: float | None) -> None:
    """Zero is a real figure; less than nothing is none."""
    assert parse_amount(value) == amount


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (0, 0),
        ("44", 44),
        (2.6, 3),
        ("7.0", 7),
        (2**62, 2**62),
        (-1, None),
        ("-1", None),
        ("4K", None),
        (1e300, None),
    ],
)
def test_count(value: Any, count: int | None) -> None:
    """A count has no magnitude and is not negative."""
    assert parse_count(value) == count
    assert count is None or type(parse_count(value)) is int


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1785000123, datetime(2026, 7, 25, 17, 22, 3, tzinfo=UTC)),
        ("1785000123", datetime(2026, 7, 25, 17, 22, 3, tzinfo=UTC)),
        (1785000123.5, datetime(2026, 7, 25, 17, 22, 3, 500_000, tzinfo=UTC)),
        ("2026-07-25T17:22:03Z", datetime(2026, 7, 25, 17, 22, 3, tzinfo=UTC)),
        (" 2026-07-25 17:22:03 ", datetime(2026, 7, 25, 17, 22, 3, tzinfo=UTC)),
        ("2026-07-25T19:22:03+02:00", datetime(2026, 7, 25, 17, 22, 3, tzinfo=UTC)),
        # Nobody counts seconds up to the year 5138
        (1_785_000_123_000, datetime(2026, 7, 25, 17, 22, 3, tzinfo=UTC)),
        # Programs say "never" so
        (0, None),
        ("0", None),
        (-5, None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        (1e300, None),
        ("2026-13-01", None),
        ("soon", None),
    ],
)
def test_moment(value: Any, moment: datetime | None) -> None:
    """Seconds since 1970 or ISO 8601, always in UTC."""
    result = parse_timestamp(value)
    assert result == moment
    assert result is None or result.utcoffset() == timedelta(0)


def test_moment_without_time_zone_is_utc() -> None:
    """A text in another zone is the same moment."""
    berlin = timezone(timedelta(hours=2))
    assert parse_timestamp("2026-07-25T12:00:00") == datetime(
        2026, 7, 25, 14, tzinfo=berlin
    )


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (1, True),
        (0.0, False),
        (2, None),
        (" Yes ", True),
        ("OFF", False),
        ("maybe", None),
        (None, None),
        ([], None),
    ],
)
def test_bool(value: Any, flag: bool | None) -> None:
    """The usual spellings of yes and no."""
    assert parse_bool(value) is flag


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        ("γ🚀", "γ🚀"),
        # Half of a pair, which Home Assistant could not write into any file
        ("a\ud83d", "a?"),
        ("", None),
        ("  ", None),
        (5, None),
        (None, None),
    ],
)
def test_text(value: Any, text: str | None) -> None:
    """A text with something in it."""
    assert parse_text(value) == text


@pytest.mark.parametrize(
    ("counts", "percent"),
    [
        ((98, 1, 1), 2.0),
        ((98, 2), 2.0),
        ((98, None, 2), 2.0),
        ((98, 2, None), 2.0),
        ((0, 5, 0), 100.0),
        ((5, 0, 0), 0.0),
        # Nothing is known of what was rejected, or there was nothing at all
        ((98, None, None), None),
        ((98, None), None),
        ((None, 1, 1), None),
        ((0, 0, 0), None),
    ],
)
def test_reject_percent(counts: tuple[int | None, ...], percent: float | None) -> None:
    """Rejected of all, where both are told."""
    assert reject_percent(*counts) == percent


# The network

DIFFICULTY = 756_672_128.56


def test_time_to_a_block() -> None:
    """D * 2^32 / H seconds: 1.18 TH/s find one of DigiByte in 31.9 days."""
    seconds = expected_seconds_to_block(DIFFICULTY, 1.18e12)
    assert seconds == pytest.approx(31.9 * 86_400, rel=1e-3)
    assert expected_seconds_to_block(DIFFICULTY, 0) is None
    assert expected_seconds_to_block(0, 1e12) is None
    assert expected_seconds_to_block(DIFFICULTY, -1) is None


def test_share_of_the_network() -> None:
    """Its hashrate is D * 2^32 / T."""
    assert network_share_percent(DIFFICULTY, 43.33e15, 75) == pytest.approx(
        100, rel=1e-3
    )
    assert network_share_percent(DIFFICULTY, 0, 75) == 0
    assert network_share_percent(0, 1e12, 75) is None
    assert network_share_percent(DIFFICULTY, 1e12, 0) is None


@pytest.mark.parametrize(
    ("coin", "seconds"),
    [("DGB", 75), ("BTC", 600), ("BCH", 600), ("BC2", 600), ("XEC", 600)],
)
def test_block_times(coin: str, seconds: float) -> None:
    """SHA-256 has every fifth of DigiByte's 15 s blocks."""
    assert COINS[coin].block_seconds == seconds
    figures = network_figures(coin, DIFFICULTY, 1.18e12)
    assert figures.seconds is not None
    assert figures.seconds == pytest.approx(31.9 * 86_400, rel=1e-3)
    assert figures.percent == pytest.approx(100 * seconds / figures.seconds)


def test_digibyte() -> None:
    """The share that the facts name: 0.00272 % of SHA-256."""
    figures = network_figures(" dgb ", DIFFICULTY, 1.18e12)
    assert figures.percent == pytest.approx(0.00272, rel=2e-3)


def test_what_cannot_be_told_of_the_network() -> None:
    """A part that is missing is not guessed."""
    nothing = NetworkFigures()
    assert network_figures("BTC", None, 1e12) == nothing
    assert network_figures("BTC", 1e14, None) == nothing
    assert network_figures("BTC", 0, 1e12) == nothing
    # A miner that stands still never finds a block; it is no part of the network
    assert network_figures("BTC", 1e14, 0.0) == NetworkFigures(None, 0.0)
    # More than all there is: one of the two is wrong
    assert network_figures("BTC", 1.0, 1e12).percent is None
    unknown = network_figures("DOGE", 1e14, 1e12)
    assert unknown.seconds is not None
    assert unknown.percent is None


@pytest.mark.parametrize(
    ("power", "hashrate", "efficiency"),
    [
        (18.0, 1.2e12, 15.0),
        (None, 1e12, None),
        (18.0, None, None),
        (0.0, 1e12, None),
        (18.0, 0.0, None),
        # An ESP8266 and an Avalon that has just started
        (0.8, 1_500, 5.333333333333333e8),
        (66.5, 50, None),
        (1e-3, 1e12, None),
    ],
)
def test_efficiency(
    power: float | None, hashrate: float | None, efficiency: float | None
) -> None:
    """Joules per terahash."""
    assert efficiency_j_per_th(power, hashrate) == efficiency


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("  a b ", "a b"),
        ("a\r\nb\tc", "a  b c"),
        ("\x1b[31mred\x1b[0m", "[31mred[0m"),
        # Turns "exe.png" around; joins nothing
        ("a\u202egnp.exe\u2066\u2069", "agnp.exe"),
        ("wal\u200blet\ufeff", "wallet"),
        ("\x00\x07\x7f\x9b", None),
        ("\ud83d", "?"),
        ("Küche ⛏️", "Küche ⛏️"),
    ],
)
def test_text_in_one_line(text: str, read: str | None) -> None:
    """What a terminal or a browser obeys is left out, letters of all languages stay."""
    assert parse_text(text) == read


@pytest.mark.parametrize("parse", PARSERS)
def test_no_text_is_long_to_read(parse: Any) -> None:
    """A figure has 64 characters; what is longer is not looked at."""
    start = time.thread_time()
    for size in (1_000, 10_000, 100_000):
        for text in ("1", "1e", "1.", " ", "+", "1_", "K", "\u212a"):
            assert parse(text * size + "!") is None
    # To backtrack in it takes minutes
    assert time.thread_time() - start < 1


def test_letters_that_only_look_like_a_suffix() -> None:
    """The sign of the kelvin is no kilo, and other digits are none."""
    assert parse_compact("1\u212a") is None
    assert parse_compact("\u0663G") is None
    assert parse_number("1_000") is None


@pytest.mark.parametrize("value", [2**63, -(2**63), 1e300, "1e30", 10**4000])
def test_whole_number_of_more_than_64_bits(value: Any) -> None:
    """Neither JSON nor a database takes it."""
    assert parse_int(value) is None
    assert parse_count(value) is None
    assert parse_int(2**53 + 1) == 2**53 + 1


def test_moment_of_the_far_future() -> None:
    """It has not been, by whatever clock."""
    now = datetime.now(UTC)
    assert parse_timestamp("9999-12-31T23:59:59Z") is None
    assert parse_timestamp(4_102_444_800) is None
    assert parse_timestamp((now + timedelta(days=40)).isoformat()) is None
    assert parse_timestamp((now + timedelta(days=20)).isoformat()) is not None


def test_formulas_with_what_nearly_is_nothing() -> None:
    """No division by a zero that was not one, no result beyond all numbers."""
    assert expected_seconds_to_block(1e300, 1e-300) is None
    assert network_share_percent(5e-324, 1e300, 600) is None
    assert efficiency_j_per_th(17.0, 5e-324) is None
    assert network_figures("BTC", 1e300, 1e12) == NetworkFigures()
    assert network_figures("BTC", 1e14, 1e30) == NetworkFigures()


def test_drivers_may_use_the_former_name() -> None:
    """Drivers that were written before the rename still load."""
    assert units.parse_moment is parse_timestamp
