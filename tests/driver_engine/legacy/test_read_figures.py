"""Units, times and spellings of HMM-Local's drivers."""

from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.hmm.driver_engine.legacy.read_figures import (
    read,
    read_duration,
    read_hashrate,
    read_timestamp,
)


@pytest.mark.parametrize(
    ("value", "plain_unit", "hashrate"),
    [
        # A plain number is in the unit of its time
        (1.2, "TH/s", 1.2e12),
        (1.2e12, "H/s", 1.2e12),
        (0, "TH/s", 0.0),
        ("1.2", "TH/s", 1.2e12),
        (1200, "GH/s", 1.2e12),
        # A text with a suffix tells its unit itself
        ("1.2T", "TH/s", 1.2e12),
        ("930G", "H/s", 9.3e11),
        # A dictionary tells its unit, GH/s if it does not
        ({"display": "1.20 TH/s", "value": 1200.0, "unit": "GH/s"}, "H/s", 1.2e12),
        ({"display": "1.20 TH/s", "value": 1.2, "unit": "TH/s"}, "H/s", 1.2e12),
        ({"display": "1.20 PH/s", "value": "1.2", "unit": "Ph/s"}, "H/s", 1.2e15),
        ({"value": 1200.0}, "H/s", 1.2e12),
        ({"value": 1200.0, "unit": None}, "TH/s", 1.2e12),
        ({"display": "0.00 GH/s", "value": 0.0, "unit": "GH/s"}, "TH/s", 0.0),
        # What is not known is not zero
        ({"display": "N/A", "value": 0}, "TH/s", None),
        ({"display": "1 W", "value": 1, "unit": "W"}, "TH/s", None),
        ({"value": None, "unit": "GH/s"}, "TH/s", None),
        ({}, "TH/s", None),
        (None, "TH/s", None),
        ("fast", "TH/s", None),
        (-1, "TH/s", None),
        ("-1.2T", "TH/s", None),
        (True, "TH/s", None),
        (float("nan"), "TH/s", None),
        ([1.2], "TH/s", None),
    ],
)
def test_hashrates(value: Any, plain_unit: str, hashrate: float | None) -> None:
    """Given what a driver says, it is H/s or unknown."""
    result = read_hashrate(value, plain_unit)

    assert result == (None if hashrate is None else pytest.approx(hashrate))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (90, 90.0),
        ("90", 90.0),
        ("5 days", 432_000.0),
        ("31d 4h", 2_692_800.0),
        ("2.5 hours", 9000.0),
        ("1 minute", 60.0),
        ("3 months", 7_889_400.0),
        ("1,234 days", 106_617_600.0),
        ("2 years", 63_115_200.0),
        ("45s", 45.0),
        ("soon", None),
        ("", None),
        (None, None),
        ([5], None),
        ("... days", None),
    ],
)
def test_durations(value: Any, seconds: float | None) -> None:
    """Given a time in words, it is seconds or unknown."""
    assert read_duration(value) == (None if seconds is None else pytest.approx(seconds))


def test_moments() -> None:
    """Given a moment, it has a time zone; one without was UTC."""
    naive = datetime(2026, 2, 7, 12)  # noqa: DTZ001
    aware = naive.replace(tzinfo=UTC)
    there = datetime(2026, 2, 7, 14, tzinfo=timezone(timedelta(hours=2)))

    assert (
        read_timestamp(naive) == read_timestamp(aware) == read_timestamp(there) == aware
    )
    assert read_timestamp("2026-02-07T12:00:00") == aware
    assert read_timestamp(int(aware.timestamp())) == aware
    for moment in (naive, "2026-02-07 12:00", aware.timestamp()):
        read = read_timestamp(moment)
        assert read is not None
        assert read.tzinfo is not None
    assert (
        read_timestamp("yesterday") is read_timestamp(None) is read_timestamp(0) is None
    )


def test_objects_and_dictionaries() -> None:
    """Given either, a field is read the same way."""
    for answer in ({"a": 1}, SimpleNamespace(a=1)):
        assert read(answer, "a") == 1
        assert read(answer, "b") is None
    assert read(None, "a") is None
