"""Read what a driver answers: a value of the wrong kind is unknown.

A driver may return anything; one odd value must neither reach an entity nor the
totals of the fleet.
"""

from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime
from typing import Any

from ..driver_api import (
    DashboardTileData,
    DeviceFacts,
    FoundPool,
    MinerTelemetry,
    PoolBlock,
    PoolSlot,
    PoolWorker,
)
from ..driver_api.units import parse_int, parse_moment, parse_number, parse_text


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _items(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, list | tuple) else ()


def _numbers(value: Any) -> tuple[float, ...]:
    numbers = (parse_number(item) for item in _items(value))
    return tuple(number for number in numbers if number is not None)


def _counts(value: Any) -> tuple[int | None, ...]:
    return tuple(parse_int(item) for item in _items(value))


def _gaps(value: Any) -> tuple[float | None, ...]:
    return tuple(parse_number(item) for item in _items(value))


def _reasons(value: Any) -> tuple[tuple[str, int], ...]:
    pairs = (item for item in _items(value) if len(_items(item)) == 2)
    return tuple(
        (text, number)
        for reason, count in pairs
        if (text := parse_text(reason)) is not None
        and (number := parse_int(count)) is not None
    )


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(item for item in _items(value) if isinstance(item, str))


def _pools(value: Any) -> tuple[PoolSlot, ...]:
    return tuple(
        item
        for item in _items(value)
        if isinstance(item, PoolSlot)
        and isinstance(item.index, int)
        and isinstance(item.url, str)
    )


def _facts(value: Any) -> DeviceFacts | None:
    return value if isinstance(value, DeviceFacts) else None


def _workers(value: Any) -> tuple[PoolWorker, ...]:
    """Return the workers, one by name: two entities cannot have one id."""
    workers = {
        name: PoolWorker(
            name=name,
            hashrate=parse_number(item.hashrate),
            online=_flag(item.online),
            shares_valid=parse_int(item.shares_valid),
            shares_invalid=parse_int(item.shares_invalid),
            shares_stale=parse_int(item.shares_stale),
            best_share=parse_number(item.best_share),
            last_share=_moment(item.last_share),
        )
        for item in _items(value)
        if isinstance(item, PoolWorker) and (name := parse_text(item.name)) is not None
    }
    return tuple(workers.values())


def _blocks(value: Any) -> tuple[PoolBlock, ...]:
    return tuple(
        PoolBlock(
            height=parse_int(item.height),
            hash=parse_text(item.hash),
            miner=parse_text(item.miner),
            worker=parse_text(item.worker),
            timestamp=_seconds(item.timestamp),
            difficulty=parse_number(item.difficulty),
            network_difficulty=parse_number(item.network_difficulty),
            coin=parse_text(item.coin),
            reward=parse_number(item.reward),
            confirmed=item.confirmed is True,
        )
        for item in _items(value)
        if isinstance(item, PoolBlock)
    )


def _moment(value: Any) -> datetime | None:
    if not isinstance(value, datetime) or value.tzinfo is None:
        return None
    try:
        return value.astimezone(UTC)
    except OverflowError:  # The first and the last day of the calendar
        return None


def _seconds(value: Any) -> int | None:
    """Return seconds since 1970; milliseconds would be a moment of no calendar."""
    moment = parse_moment(parse_number(value))
    return None if moment is None else round(moment.timestamp())


def _readers(
    kind: type[MinerTelemetry | DashboardTileData],
    others: dict[str, Callable[[Any], Any]],
) -> dict[str, Callable[[Any], Any]]:
    """Return how to read each field; what is not among ``others`` is a number."""
    return {known.name: others.get(known.name, parse_number) for known in fields(kind)}


_TELEMETRY = _readers(
    MinerTelemetry,
    {
        "mode": parse_text,
        "uptime": parse_int,
        "uptime_total": parse_int,
        "chip_hashrates": _gaps,
        "chip_errors": _counts,
        "shares_accepted": parse_int,
        "shares_rejected": parse_int,
        "shares_stale": parse_int,
        "shares_pending": parse_int,
        "reject_reasons": _reasons,
        "blocks_found": parse_int,
        "blocks_found_session": parse_int,
        "pool_failures": parse_int,
        "crc_errors": parse_int,
        "reset_reason": parse_text,
        "free_memory": parse_int,
        "filter_runtime": parse_int,
        "block_height": parse_int,
        "signal": parse_int,
        "hashing": _flag,
        "paused": _flag,
        "using_fallback": _flag,
        "chip_temperatures": _numbers,
        "fan_rpm": _counts,
        "pools": _pools,
        "problems": _texts,
        "device": _facts,
    },
)

_TILES = _readers(
    DashboardTileData,
    {
        "health_status": lambda value: value is True,
        "health_message": parse_text,
        "active_workers": parse_int,
        "shares_valid": parse_int,
        "shares_invalid": parse_int,
        "shares_stale": parse_int,
        "blocks_found_24h": parse_int,
        "last_block_found": _moment,
        "currency": parse_text,
        "blocks_found": parse_int,
        "own_blocks": _blocks,
        "last_share": _moment,
        "workers": _workers,
        "account": parse_text,
        "account_known": lambda value: value is not False,
    },
)


def read_telemetry(answer: Any) -> MinerTelemetry | None:
    """Return a miner driver's answer as telemetry, None if it is no such thing."""
    if isinstance(answer, MinerTelemetry):
        return MinerTelemetry(
            **{name: read(getattr(answer, name)) for name, read in _TELEMETRY.items()}
        )
    if not isinstance(answer, dict):
        return None
    values = {name: read(answer.get(name)) for name, read in _TELEMETRY.items()}
    if values["hashing"] is None and values["hashrate"] is not None:
        values["hashing"] = values["hashrate"] > 0
    return MinerTelemetry(**values)


def read_tiles(answer: Any) -> DashboardTileData | None:
    """Return a pool driver's answer as tiles, None if it is no such thing."""
    if not isinstance(answer, DashboardTileData):
        return None
    return DashboardTileData(
        **{name: read(getattr(answer, name)) for name, read in _TILES.items()}
    )


def read_found_pools(answer: Any) -> list[FoundPool]:
    """Return what a probe found; what is no such thing is left out."""
    return [
        FoundPool(coin=item.coin.upper(), settings=dict(item.settings))
        for item in _items(answer)
        if isinstance(item, FoundPool)
        and isinstance(item.coin, str)
        and isinstance(item.settings, dict)
    ]
