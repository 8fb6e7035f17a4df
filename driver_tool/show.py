"""Shows figures as people read them: with their units, in columns."""

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from pathlib import Path
import textwrap
import traceback
from typing import Any

from custom_components.hmm.driver_api import (
    DashboardTileData,
    DeviceFacts,
    DriverError,
    MinerTelemetry,
)
from custom_components.hmm.driver_api.ranges import DIFFICULTY, SHARE
from custom_components.hmm.driver_engine import client
from custom_components.hmm.driver_engine.guard import DriverFault

from . import ToolError
from .figures import range_of

_CLIENTS = Path(client.__file__).parent
"""HMM's own part of a traceback, which is of no use to an author."""
_FRAMES = 4
_WIDTH = 100

_HASHES = ((1e18, "EH/s"), (1e15, "PH/s"), (1e12, "TH/s"), (1e9, "GH/s"))
_SMALL_HASHES = ((1e6, "MH/s"), (1e3, "kH/s"), (1.0, "H/s"))
_COUNTS = ((1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M"))

type Row = tuple[str, str]


def rows_of(data: MinerTelemetry | DashboardTileData | DeviceFacts) -> list[Row]:
    """Return the fields that are known, each with its value and unit."""
    return [
        (field.name, text)
        for field in fields(data)
        if (text := show_value(type(data), field.name, getattr(data, field.name)))
        is not None
    ]


def unknown_in(data: MinerTelemetry | DashboardTileData) -> str:
    """Return the names of the fields that are None or empty, in some lines."""
    names = [
        field.name for field in fields(data) if getattr(data, field.name) in (None, ())
    ]
    return textwrap.fill(
        f"  unknown: {', '.join(names)}", _WIDTH, subsequent_indent=" " * 11
    )


def show_value(kind: type, name: str, value: Any) -> str | None:
    """Return a value of a data class with its unit, None for what is not known."""
    if value is None or value == ():
        return None
    match value:
        case bool() | str():
            return str(value)
        case datetime():
            return value.isoformat(timespec="seconds")
        case DeviceFacts():
            return ", ".join(text for _, text in rows_of(value))
    if isinstance(value, tuple):
        return ", ".join(_show_item(kind, name, item) for item in value)
    if not isinstance(value, int | float):
        return str(value)
    rule = range_of(kind, name)
    unit = "" if rule is None else rule.unit
    if unit == "H/s":
        return show_hashrate(value)
    if rule in (DIFFICULTY, SHARE):
        return _scaled(value, _COUNTS)
    if unit == "s":
        return _show_time(value)
    text = f"{value:,}" if isinstance(value, int) else f"{value:.6g}"
    return f"{text} {unit}".rstrip()


def show_hashrate(value: float) -> str:
    """Return H/s in a unit that suits it."""
    if not value:
        return "0 H/s"
    return _scaled(value, _HASHES + _SMALL_HASHES)


def _show_time(seconds: float) -> str:
    years = seconds / (365.25 * 86_400)
    if years >= 3:
        return f"{years:,.0f} years"
    return str(timedelta(seconds=round(seconds)))


def _show_item(kind: type, name: str, item: Any) -> str:
    worker = getattr(item, "name", None)
    if isinstance(worker, str):
        hashrate = getattr(item, "hashrate", None)
        return worker if hashrate is None else f"{worker} {show_hashrate(hashrate)}"
    if (url := getattr(item, "url", None)) is not None:
        return f"{url} (active)" if getattr(item, "active", False) else str(url)
    if isinstance(item, tuple):
        return " ".join(map(str, item))
    if (height := getattr(item, "height", None)) is not None:
        return f"block {height}"
    return show_value(kind, name, item) or "?"


def _scaled(value: float, units: Iterable[tuple[float, str]]) -> str:
    for size, unit in units:
        if abs(value) >= size:
            return f"{value / size:.4g} {unit}"
    return f"{value:.6g}"


def table(rows: Sequence[Sequence[str]], indent: str = "  ") -> str:
    """Return rows in columns; the last column is not padded."""
    widths = [
        max((len(row[place]) for row in rows if len(row) > place + 1), default=0)
        for place in range(max((len(row) for row in rows), default=0))
    ]
    lines = []
    for row in rows:
        cells = [
            cell.ljust(width) for cell, width in zip(row[:-1], widths, strict=False)
        ]
        lines.append(indent + "  ".join([*cells, row[-1]]).rstrip())
    return "\n".join(lines)


def show_error(err: BaseException) -> str:
    """Return an error with its kind, and where it happened if it is a fault.

    HMM leaves the text of a fault out, since it may quote the device. Here it is
    shown: an author tests with their own device.
    """
    if isinstance(err, DriverFault):
        # HMM drops the cause of what a pool driver raises
        cause = err.__cause__ or err.__context__
        return str(err) if cause is None else _show_fault(cause)
    if isinstance(err, ToolError):
        return str(err)
    if isinstance(err, DriverError):
        return f"{type(err).__name__}: {err}"
    return _show_fault(err)


def _show_fault(err: BaseException) -> str:
    """Return an error with the lines of the driver that led to it."""
    frames = [
        frame
        for frame in traceback.extract_tb(err.__traceback__)
        if not Path(frame.filename).is_relative_to(_CLIENTS)
    ]
    where = "".join(
        f"\n  {Path(frame.filename).name}:{frame.lineno} in {frame.name}"
        + (f": {frame.line}" if frame.line else "")
        for frame in frames[-_FRAMES:]
    )
    return f"{type(err).__name__}: {err}{where}"
