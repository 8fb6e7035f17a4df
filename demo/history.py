"""The week before the demo was started, so that its graphs begin with something.

The simulated miners claim to have mined for days, and nobody watched them. What they
did on the last day is written into the database of the recorder (SQLite, schema of Home
Assistant 2026.8 to 2026.11): the present readings with the noise that readings have. The
week before is imported as long-term statistics, with what it used, cost and brought at
today's rates. The recorder goes on from there.
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
import random
import sqlite3
import time
from typing import Any

from .devices import Device
from .home_assistant import Client

SECONDS = 86_400
_FINE_SECONDS = 3600
_EVERY = 30.0
"""Seconds from one reading to the next, as miners are polled."""
_EVERY_BEFORE = 300.0
"""The same before the last hour: nobody looks closer."""
_DAYS = 7
_NOISE = {
    "hashrate": 0.015,
    "pools_hashrate": 0.01,
    "power": 0.01,
    "temperature": 0.012,
    "vr_temperature": 0.012,
    "efficiency": 0.01,
}
"""How much a reading moves, as a part of it."""
_STEADY = ("binary_sensor.problem", "sensor.status")
"""What was the same all day."""
_TOTALS = {
    "sensor.energy": ("sensor.power", 1 / 1000),
    "sensor.cost": ("sensor.cost_rate", 1),
    "sensor.revenue": ("sensor.revenue_rate", 1 / 24),
}
"""What grows, by which reading, and by how much of it in an hour."""
_DAILY = 0.15
"""How much a day is above or below another, as a part."""
_UNIT_CLASSES = {"energy": "energy", "power": "power", "temperature": "temperature"}
_RECORDER_SECONDS = 20.0
"""How long the recorder may take to write the first states of all."""


async def write_past(client: Client, devices: Iterable[Device], database: Path) -> None:
    """Write the past of every reading with a graph; leaves out what has no value."""
    devices = list(devices)
    # The fleet adds up every 30 s, or when it is asked to
    await client.post(
        "/api/services/homeassistant/update_entity",
        {"entity_id": [it.entities["sensor.hashrate"] for it in devices if it.is_hub]},
    )
    noise = {
        entity_id: part
        for device in devices
        for key, entity_id in device.entities.items()
        if (part := _NOISE.get(key.partition("sensor.")[2])) is not None
    }
    states = {it["entity_id"]: it for it in await client.get("/api/states")}
    now = {entity_id: it["state"] for entity_id, it in states.items()}
    readings = {
        entity_id: (now[entity_id], part)
        for entity_id, part in noise.items()
        if _is_number(now.get(entity_id))
    }
    steady = {
        entity_id: (now[entity_id], 0.0)
        for device in devices
        for key, entity_id in device.entities.items()
        if key in _STEADY and now.get(entity_id, "unknown") != "unknown"
    }
    deadline = time.monotonic() + _RECORDER_SECONDS
    while not await asyncio.to_thread(_write, database, readings | steady):
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.5)
    for entity_id, (state, part) in readings.items():
        await _import_week(client, states[entity_id], float(state), part)
    grown: dict[str, tuple[float, float]] = {}
    for device in devices:
        for key, (rate, factor) in _TOTALS.items():
            value = now.get(device.entities.get(rate, ""))
            state = states.get(device.entities.get(key, ""))
            if state is not None and _is_number(value) and _is_number(state["state"]):
                total = await _import_total(client, state, float(value or 0) * factor)
                grown[state["entity_id"]] = (float(state["state"]), total)
    deadline = time.monotonic() + _RECORDER_SECONDS
    while not await asyncio.to_thread(_go_on, database, grown):
        if time.monotonic() > deadline:
            return
        await asyncio.sleep(0.5)


def _hours() -> list[datetime]:
    """Return when each hour of the last days began."""
    end = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    return [end - timedelta(hours=hour) for hour in range(_DAYS * 24, 0, -1)]


async def _import_week(
    client: Client, state: dict[str, Any], value: float, part: float
) -> None:
    """Import an hourly mean of each hour of the last days."""
    generator = random.Random(state["entity_id"])
    hours = _hours()
    means = [value * (1 + generator.gauss(0, part / 2)) for _ in hours]
    stats = [
        {
            "start": start.isoformat(),
            "mean": mean,
            "min": mean * (1 - part),
            "max": mean * (1 + part),
        }
        for start, mean in zip(hours, means, strict=True)
    ]
    await _import(client, state, stats, has_sum=False)


async def _import_total(client: Client, state: dict[str, Any], rate: float) -> float:
    """Import how a total grew by ``rate`` an hour; returns how much that was."""
    generator = random.Random(state["entity_id"])
    days = [1 + generator.uniform(-_DAILY, _DAILY) for _ in range(_DAYS + 1)]
    hours = _hours()
    grown = [rate * days[hour // 24] for hour in range(len(hours))]
    stats = [
        {"start": start.isoformat(), "sum": sum(grown[:hour])}
        for hour, start in enumerate(hours, 1)
    ]
    await _import(client, state, stats, has_sum=True)
    return sum(grown)


async def _import(
    client: Client,
    state: dict[str, Any],
    stats: list[dict[str, Any]],
    *,
    has_sum: bool,
) -> None:
    await client.command(
        "recorder/import_statistics",
        metadata={
            "has_mean": not has_sum,
            "mean_type": 0 if has_sum else 1,
            "has_sum": has_sum,
            "name": None,
            "source": "recorder",
            "statistic_id": state["entity_id"],
            "unit_class": _UNIT_CLASSES.get(
                state["attributes"].get("device_class", "")
            ),
            "unit_of_measurement": state["attributes"].get("unit_of_measurement"),
        },
        stats=stats,
    )


def _is_number(state: str | None) -> bool:
    try:
        float(state or "")
    except ValueError:
        return False
    return True


def _write(database: Path, readings: dict[str, tuple[str, float]]) -> bool:
    """Return whether it was written: not before the recorder knows all of them."""
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        known = {
            entity_id: tuple(ids)
            for entity_id, *ids in connection.execute(
                "SELECT meta.entity_id, metadata_id, MAX(attributes_id), MAX(state_id)"
                " FROM states JOIN states_meta AS meta USING (metadata_id)"
                " GROUP BY metadata_id"
            )
        }
        if not readings.keys() <= known.keys():
            return False
        for entity_id, (state, part) in readings.items():
            metadata_id, attributes_id, last = known[entity_id]
            # What was seen while one miner after the other was added is no story
            connection.execute(
                "DELETE FROM states WHERE metadata_id = ? AND state_id < ?",
                (metadata_id, last),
            )
            connection.execute(
                "UPDATE states SET old_state_id = NULL WHERE state_id = ?", (last,)
            )
            ((until,),) = connection.execute(
                "SELECT last_updated_ts FROM states WHERE state_id = ?", (last,)
            )
            connection.executemany(
                "INSERT INTO states (metadata_id, attributes_id, state,"
                " last_updated_ts, origin_idx) VALUES (?, ?, ?, ?, 0)",
                (
                    (metadata_id, attributes_id, value, moment)
                    for moment, value in _past(entity_id, state, part, until)
                ),
            )
    return True


def _go_on(database: Path, grown: dict[str, tuple[float, float]]) -> bool:
    """Let the recorder add to what was imported; return whether it knows all of it."""
    start = datetime.now(UTC).timestamp() // 300 * 300 - 300
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        known = dict(connection.execute("SELECT statistic_id, id FROM statistics_meta"))
        if not grown.keys() <= known.keys():
            return False
        connection.executemany(
            "INSERT OR REPLACE INTO statistics_short_term"
            " (created_ts, metadata_id, start_ts, state, sum) VALUES (?, ?, ?, ?, ?)",
            (
                (start, known[entity_id], start, state, total)
                for entity_id, (state, total) in grown.items()
            ),
        )
    return True


def _past(
    entity_id: str, state: str, part: float, until: float
) -> Iterator[tuple[float, str]]:
    """Yield times and readings around one, written as precisely as that is."""
    if not part:
        yield from ((until - hour * 3600, state) for hour in range(24, 0, -1))
        return
    generator = random.Random(entity_id)
    decimals = len(state.partition(".")[2])
    drift, moment = 0.0, until - SECONDS
    while moment < until:
        drift = 0.8 * drift + 0.6 * generator.gauss(0, part)
        yield moment, f"{float(state) * (1 + drift):.{decimals}f}"
        moment += _EVERY if until - moment < _FINE_SECONDS else _EVERY_BEFORE
