"""The week before the demo was started, so that its graphs begin with something.

The simulated miners claim to have mined for days, but were not recorded. What they
did on the last day is written into the database of the recorder (SQLite, schema of Home
Assistant 2026.8 to 2026.11): the present readings with the noise that readings have. The
week before is imported as long-term statistics: what each miner drew in each hour, what
that cost at the tariff of the hour, what the pools brought, and the sums of the fleet.
Home Assistant is stopped then, and what it and the integration have counted since they
were set up becomes what they would have counted since that week began (see sums.py).
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
import random
import sqlite3
import time
from typing import Any
from zoneinfo import ZoneInfo

from simulator.solopool import COINS as SOLO_COINS

from .config_folder import CORE_CONFIG
from .devices import Device
from .home_assistant import Client
from .price import COINS, SENSOR

type Row = dict[str, Any]
"""One hour of a statistic."""

ZONE = ZoneInfo(str(CORE_CONFIG["time_zone"]))
FLEET = "fleet"
"""Instead of an entry: what the fleet has grown by."""

SECONDS = 86_400
_FINE_SECONDS = 3600
_EVERY = 30.0
"""Seconds from one reading to the next, as miners are polled."""
_EVERY_BEFORE = 300.0
"""The same before the last hour, in less detail."""
_DAYS = 7
_NOISE = {
    "hashrate": 0.015,
    "pools_hashrate": 0.01,
    "power": 0.01,
    "temperature": 0.012,
    "vr_temperature": 0.012,
    "efficiency": 0.01,
    "reject_rate": 0.02,
}
"""How much a reading moves, as a part of it."""
_STEADY = ("binary_sensor.problem", "sensor.status")
"""What was the same all day."""
_SUMMED = ("sensor.hashrate", "sensor.power")
"""What of the fleet is the sum of its miners."""
_LUCK = 0.15
"""How much the pools bring more or less on one day than on another, as a part."""
_ATOMIC = 1e8
_MINED = timedelta(days=40)
"""How far back the oldest of the best shares lies."""
_UNIT_CLASSES = {"energy": "energy", "power": "power", "temperature": "temperature"}
_RECORDER_SECONDS = 20.0
"""How long the recorder may take to write the first states of all."""


@dataclass(slots=True)
class Total:
    """Something that only grows: by how much in each hour of the past."""

    entry_id: str
    key: str
    entity_id: str
    hours: list[float]
    since_midnight: float = field(init=False)
    this_month: float = field(init=False)

    def add_up(self, starts: list[datetime]) -> None:
        """Note what today and this month have; the days before are like the others."""
        now = datetime.now(ZONE)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        first = today.replace(day=1)
        grown = list(zip(starts, self.hours, strict=True))
        self.since_midnight = sum(it for start, it in grown if start >= today)
        missing = max(0.0, (starts[0] - first) / timedelta(hours=1))
        a_week = sum(self.hours) / len(self.hours)
        self.this_month = missing * a_week + sum(
            it for start, it in grown if start >= first
        )

    @property
    def total(self) -> float:
        """Return what all of the past has."""
        return sum(self.hours)


@dataclass(slots=True)
class Past:
    """What is written once Home Assistant has stopped."""

    totals: list[Total] = field(default_factory=list)
    """For the files of those who count."""
    shares: dict[str, tuple[datetime, float]] = field(default_factory=dict)
    """By the entry of a miner: its best share, and when that was found."""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """By entity: the hours of its statistic that are not imported yet."""

    async def begin(
        self, client: Client, state: dict[str, Any], rows: list[Row]
    ) -> None:
        """Import the first hour, which makes the statistic; each takes its time."""
        await _import(client, state, rows[:1])
        self.rows[state["entity_id"]] = rows[1:]


async def write_past(client: Client, devices: Iterable[Device], database: Path) -> Past:
    """Write the past of every reading with a graph; leaves out what has no value."""
    past = Past()
    devices = list(devices)
    # The fleet adds up every 30 s, or when it is asked to
    await client.post(
        "/api/services/homeassistant/update_entity",
        {
            "entity_id": [
                device.entities["sensor.hashrate"]
                for device in devices
                if device.is_hub
            ]
        },
    )
    noise = {
        entity_id: part
        for device in devices
        for key, entity_id in device.entities.items()
        if (part := _NOISE.get(key.partition("sensor.")[2])) is not None
    }
    states = {state["entity_id"]: state for state in await client.get("/api/states")}
    now = {entity_id: state["state"] for entity_id, state in states.items()}
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
            return past
        await asyncio.sleep(0.5)
    starts = _hours()
    prices = _prices(states)
    means = {
        entity_id: _means(entity_id, float(state), part, len(starts))
        for entity_id, (state, part) in readings.items()
    }
    miners = [item for item in devices if not item.is_service]
    hub = next(item for item in devices if item.is_hub)
    for key in _SUMMED:
        parts = [
            _scaled(means[entity_id], states[entity_id], states[hub.entities[key]])
            for miner in miners
            if (entity_id := miner.entities.get(key)) in means
        ]
        means[hub.entities[key]] = [sum(hour) for hour in zip(*parts, strict=True)]
    for entity_id, values in means.items():
        part = readings[entity_id][1]
        await past.begin(client, states[entity_id], _mean_rows(starts, values, part))
    tariff = [prices[start.astimezone(UTC).hour] for start in starts]
    await past.begin(client, states[SENSOR], _mean_rows(starts, tariff, 0.0))
    past.shares = dict(_shares(devices, states))
    past.totals = list(_totals(devices, states, starts, prices, means))
    for total in past.totals:
        total.add_up(starts)
        rows = [
            {"start": start.timestamp(), "sum": sum(total.hours[:hour])}
            # The hour that is not over yet is the recorder's
            for hour, start in enumerate(starts[:-1], 1)
        ]
        await past.begin(client, states[total.entity_id], rows)
    return past


def _hours() -> list[datetime]:
    """Return when each hour began, from midnight a week ago on."""
    now = datetime.now(ZONE)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(_DAYS)
    end = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    count = (end - first.astimezone(UTC)) // timedelta(hours=1)
    return [end - timedelta(hours=hour) for hour in range(count, -1, -1)]


def _prices(states: Mapping[str, Any]) -> dict[int, float]:
    """Return the tariff by the hour in UTC: each day has the same."""
    return {
        datetime.fromisoformat(slot["start"]).astimezone(UTC).hour: slot["price"]
        for slot in states[SENSOR]["attributes"]["prices"]
    }


def _means(entity_id: str, value: float, part: float, count: int) -> list[float]:
    generator = random.Random(entity_id)
    return [value * (1 + generator.gauss(0, part / 2)) for _ in range(count)]


_PREFIXES = {"k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12}


def _scaled(
    values: list[float], state: Mapping[str, Any], wanted: Mapping[str, Any]
) -> list[float]:
    """Return values in the unit of another state of the same kind."""
    own, other = (
        _PREFIXES.get(item["attributes"].get("unit_of_measurement", "")[:1], 1.0)
        for item in (state, wanted)
    )
    return [value * own / other for value in values]


def _totals(
    devices: list[Device],
    states: Mapping[str, Any],
    starts: list[datetime],
    prices: Mapping[int, float],
    means: Mapping[str, list[float]],
) -> Iterator[Total]:
    """Yield what has grown: energy, what it cost, and what the pools brought."""
    now = datetime.now(UTC)
    # The last hour is not over yet
    lengths = [min(1.0, (now - start) / timedelta(hours=1)) for start in starts]
    sums: dict[str, list[list[float]]] = {}
    hub = next(item for item in devices if item.is_hub)

    def grown(device: Device, key: str, hours: list[float]) -> Iterator[Total]:
        sums.setdefault(key, []).append(hours)
        if (entity_id := device.entities.get(f"sensor.{key}", "")) in states:
            yield Total(device.entry_id, key, entity_id, hours)

    for device in devices:
        if not device.is_service and device.entities.get("sensor.power") in means:
            watts = means[device.entities["sensor.power"]]
            kwh = [it / 1000 * part for it, part in zip(watts, lengths, strict=True)]
            yield from grown(device, "energy", kwh)
            cost = [
                it * prices[start.astimezone(UTC).hour]
                for it, start in zip(kwh, starts, strict=True)
            ]
            yield from grown(device, "cost", cost)
        elif "sensor.revenue" in device.entities and not device.is_hub:
            brought = list(_brought(device, states, starts, lengths))
            yield from grown(device, "revenue", brought)
    for key, parts in sums.items():
        hours = [sum(hour) for hour in zip(*parts, strict=True)]
        if (entity_id := hub.entities.get(f"sensor.{key}", "")) in states:
            yield Total(FLEET, key, entity_id, hours)


def _brought(
    device: Device,
    states: Mapping[str, Any],
    starts: list[datetime],
    lengths: list[float],
) -> Iterator[float]:
    """Yield what a pool brought in each hour: its estimate of a day, and blocks."""

    def number(entity_id: str | None) -> float:
        state = states.get(entity_id or "", {}).get("state")
        return float(state) if _is_number(state) else 0.0

    generator = random.Random(device.name)
    luck = [1 + generator.uniform(-_LUCK, _LUCK) for _ in range(_DAYS + 2)]
    earned = number(device.entities.get("sensor.earnings_24h"))
    last = states.get(device.entities.get("sensor.last_block", ""), {}).get("state", "")
    block = datetime.fromisoformat(last) if "T" in last else None
    reward = SOLO_COINS["dgb"].reward / _ATOMIC * number(COINS["dgb"])
    for start, part in zip(starts, lengths, strict=True):
        day = (start.astimezone(ZONE).date() - starts[0].astimezone(ZONE).date()).days
        money = earned / 24 * part * luck[day] * number(COINS["btc"])
        if block is not None and start <= block < start + timedelta(hours=1):
            money += reward
        yield money


def _shares(
    devices: list[Device], states: Mapping[str, Any]
) -> Iterator[tuple[str, tuple[datetime, float]]]:
    """Yield the best share of each miner, and when it may have been found."""
    blocks = {
        item.name: datetime.fromisoformat(states[entity_id]["state"])
        for item in devices
        if (entity_id := item.entities.get("sensor.last_block", "")) in states
        and "T" in states[entity_id]["state"]
    }
    now = datetime.now(UTC)
    for number, device in enumerate(devices, 1):
        known = [
            states.get(device.entities.get(f"sensor.{key}", ""))
            for key in ("best_share", "best_session_share")
        ]
        share = known[0] or known[1]
        is_miner = "sensor.status" in device.entities
        if not is_miner or share is None or "difficulty" not in share["attributes"]:
            continue
        difficulty = float(share["attributes"]["difficulty"])
        pool = states.get(device.entities.get("select.pool", ""), {})
        at = now - _MINED * ((number * 0.618) % 1)
        if difficulty >= SOLO_COINS["dgb"].difficulty:
            at = blocks.get(pool.get("state", ""), at)
        yield device.entry_id, (at, difficulty)


def _mean_rows(starts: list[datetime], values: list[float], part: float) -> list[Row]:
    return [
        {
            "start": start.timestamp(),
            "mean": mean,
            "min": mean * (1 - part),
            "max": mean * (1 + part),
        }
        for start, mean in zip(starts[:-1], values, strict=False)
    ]


async def _import(client: Client, state: dict[str, Any], rows: list[Row]) -> None:
    has_sum = "sum" in rows[0]
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
        stats=[
            {**row, "start": datetime.fromtimestamp(row["start"], UTC).isoformat()}
            for row in rows
        ],
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
        known_ids = {
            entity_id: tuple(ids)
            for entity_id, *ids in connection.execute(
                "SELECT meta.entity_id, metadata_id, MAX(attributes_id), MAX(state_id)"
                " FROM states JOIN states_meta AS meta USING (metadata_id)"
                " GROUP BY metadata_id"
            )
        }
        if not readings.keys() <= known_ids.keys():
            return False
        for entity_id, (state, part) in readings.items():
            metadata_id, attributes_id, last = known_ids[entity_id]
            # States while one miner after the other was added are not history
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
                    (metadata_id, attributes_id, value, timestamp)
                    for timestamp, value in _past(entity_id, state, part, until)
                ),
            )
    return True


def go_on(database: Path, past: Past) -> None:
    """Let the recorder add to what was imported; Home Assistant must not run.

    What was counted since the demo was set up is forgotten: it is part of the past now.
    """
    start = datetime.now(UTC).timestamp() // 300 * 300 - 300
    with closing(sqlite3.connect(database, timeout=10)) as connection, connection:
        known = dict(connection.execute("SELECT statistic_id, id FROM statistics_meta"))
        for entity_id, rows in past.rows.items():
            connection.executemany(
                "INSERT INTO statistics (created_ts, metadata_id, start_ts, mean, min,"
                " max, sum) VALUES (:start, :statistic, :start, :mean, :min, :max, :sum)",
                (
                    {"mean": None, "min": None, "max": None, "sum": None}
                    | row
                    | {"statistic": known[entity_id]}
                    for row in (rows if entity_id in known else ())
                ),
            )
        for total in past.totals:
            connection.execute(
                "UPDATE states SET old_state_id = NULL WHERE metadata_id ="
                " (SELECT metadata_id FROM states_meta WHERE entity_id = ?)",
                (total.entity_id,),
            )
            connection.execute(
                "DELETE FROM states WHERE metadata_id ="
                " (SELECT metadata_id FROM states_meta WHERE entity_id = ?)",
                (total.entity_id,),
            )
            if (statistic := known.get(total.entity_id)) is None:
                continue
            connection.execute(
                "DELETE FROM statistics_short_term WHERE metadata_id = ?", (statistic,)
            )
            connection.execute(
                "INSERT INTO statistics_short_term"
                " (created_ts, metadata_id, start_ts, state, sum) VALUES (?, ?, ?, ?, ?)",
                (start, statistic, start, total.total, total.total),
            )


def _past(
    entity_id: str, state: str, part: float, until: float
) -> Iterator[tuple[float, str]]:
    """Yield times and readings around one, written as precisely as that is."""
    if not part:
        yield from ((until - hour * 3600, state) for hour in range(24, 0, -1))
        return
    generator = random.Random(entity_id)
    decimals = len(state.partition(".")[2])
    drift, timestamp = 0.0, until - SECONDS
    while timestamp < until:
        drift = 0.8 * drift + 0.6 * generator.gauss(0, part)
        yield timestamp, f"{float(state) * (1 + drift):.{decimals}f}"
        timestamp += _EVERY if until - timestamp < _FINE_SECONDS else _EVERY_BEFORE
