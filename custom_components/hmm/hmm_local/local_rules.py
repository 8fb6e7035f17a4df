"""The rules of HMM-Local: price bands, champion, sun, alerts, plugs.

Shapes: ``app/api/{price_band_strategy,automation,notifications,integrations}.py`` of
April 2026, ``solar_strategy.py`` of October 2026. What is missing, or makes no sense, is
left out; nothing is ever written.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import time
from typing import Any, Final

from ..driver_api.units import parse_int, parse_number, parse_text

STRATEGY: Final = "/api/settings/price-band-strategy"
BANDS: Final = f"{STRATEGY}/bands"
SOLAR: Final = "/api/settings/solar-strategy"
RULES: Final = "/api/automation/"
ALERTS: Final = "/api/notifications/alerts"
PLUGS: Final = "/api/integrations/homeassistant/devices"

_MAX_BANDS = 24
_MAX_ROWS = 100
_MAX_MINERS = 200
_MAX_PENCE = 1e5
_MAX_WATTS = 1e5
_OPEN = 999
"""HMM-Local has no open end at the top: it begins with this limit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalBand:
    """A band that ends below ``upto`` pence per kWh, None: it has no end.

    ``pool`` is the id of a pool, -1 to leave it, None: everything is off. ``modes`` are
    by the type of the miner.
    """

    number: int
    upto: float | None
    pool: int | None
    modes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRule:
    """An automation of HMM-Local; what belongs to trigger and action is not read."""

    name: str
    enabled: bool
    trigger: str
    given: Mapping[str, Any]
    action: str
    wanted: Mapping[str, Any]

    def number(self, key: str, low: float, high: float) -> float | None:
        """Return a number of the trigger that is within its range."""
        value = parse_number(self.given.get(key))
        return value if value is not None and low <= value <= high else None

    def clock(self, key: str) -> time | None:
        """Return a time of day of the trigger; it is in UTC."""
        text = parse_text(self.given.get(key)) or ""
        try:
            return time.fromisoformat(text) if len(text) == len("12:34") else None
        except ValueError:
            return None

    @property
    def miners(self) -> tuple[int | str, ...]:
        """Return the ids of the miners of the action, or a type as ``type:bitaxe``."""
        one, several = self.wanted.get("miner_id"), self.wanted.get("miner_ids")
        listed = several if isinstance(several, list) else [one]
        return tuple(
            miner
            for miner in listed[:_MAX_MINERS]
            if (isinstance(miner, int) and not isinstance(miner, bool))
            or (isinstance(miner, str) and miner.startswith("type:"))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAlert:
    """A kind of message with its limits."""

    kind: str
    limits: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalPlug:
    """A switch of Home Assistant, and the ids of the miners that it feeds."""

    entity_id: str
    miners: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalSolar:
    """Miners that follow a surplus in W; ``buffer`` W of it are left, None: its usual.

    ``entity_id`` is a sensor of Home Assistant. ``has_pool``: an early version also
    named a pool.
    """

    is_steering: bool
    entity_id: str
    buffer: float | None
    enrolled: tuple[int, ...]
    has_pool: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRules:
    """All that HMM-Local steers and alerts by."""

    is_steering: bool = False
    has_champion: bool = False
    enrolled: tuple[int, ...] = ()
    bands: tuple[LocalBand, ...] = ()
    solar: LocalSolar | None = None
    rules: tuple[LocalRule, ...] = ()
    alerts: tuple[LocalAlert, ...] = ()
    plugs: tuple[LocalPlug, ...] = ()

    def __bool__(self) -> bool:
        """Return whether there is anything to move over.

        The bands of a fresh install all switch off, and no one requested them.
        """
        is_used = self.is_steering or any(band.pool is not None for band in self.bands)
        return bool(
            (self.bands and is_used)
            or self.solar
            or self.rules
            or self.alerts
            or self.plugs
        )


def read_rules(answers: Mapping[str, Any]) -> LocalRules:
    """Return what the answers of these paths say, each None if there was none."""
    strategy = _object(answers.get(STRATEGY))
    return LocalRules(
        is_steering=strategy.get("enabled") is True,
        has_champion=strategy.get("champion_mode_enabled") is True,
        enrolled=_enrolled(strategy),
        bands=tuple(_bands(_rows(_object(answers.get(BANDS)), "bands"))),
        solar=_solar(_object(answers.get(SOLAR))),
        rules=tuple(_rules(_list(answers.get(RULES)))),
        alerts=tuple(_alerts(_list(answers.get(ALERTS)))),
        plugs=tuple(_plugs(_rows(_object(answers.get(PLUGS)), "devices"))),
    )


def _enrolled(strategy: Mapping[str, Any]) -> tuple[int, ...]:
    ids = (parse_int(row.get("id")) for row in _rows(strategy, "enrolled_miners"))
    return tuple(id_ for id_ in ids if id_ is not None)


def _solar(answer: Mapping[str, Any]) -> LocalSolar | None:
    """Return how miners follow the sun, None where no sensor is set."""
    entity_id = parse_text(answer.get("solar_surplus_entity_id"))
    if entity_id is None:
        return None
    buffer = parse_number(answer.get("surplus_buffer_watts"))
    return LocalSolar(
        is_steering=answer.get("enabled") is True,
        entity_id=entity_id,
        buffer=buffer if buffer is not None and 0 <= buffer <= _MAX_WATTS else None,
        enrolled=_enrolled(answer),
        has_pool=parse_int(answer.get("pool_id")) is not None,
    )


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any, limit: int = _MAX_ROWS) -> list[Mapping[str, Any]]:
    listed = value[:limit] if isinstance(value, list) else []
    return [row for row in listed if isinstance(row, dict)]


def _rows(answer: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    return _list(answer.get(key), _MAX_MINERS)


def _bands(rows: list[Mapping[str, Any]]) -> Iterator[LocalBand]:
    """Yield the bands in their order; one that ends before it begins is left out.

    A gap belongs to the band above it: a price in it must not look cheap.
    """
    numbered = [
        (number, row)
        for row in rows
        if (number := parse_int(row.get("sort_order"))) is not None
    ]
    numbered.sort(key=lambda item: item[0])
    reached = -_MAX_PENCE
    for place, (number, row) in enumerate(numbered[:_MAX_BANDS]):
        limit = parse_number(row.get("max_price"))
        is_last = place == len(numbered[:_MAX_BANDS]) - 1
        if is_last or limit is None or limit >= _OPEN:
            limit = None
        elif not reached < limit < _MAX_PENCE:
            continue
        modes = _object(row.get("mode_targets"))
        yield LocalBand(
            number=number,
            upto=limit,
            pool=parse_int(row.get("target_pool_id")),
            modes={
                kind: mode
                for kind, mode in list(modes.items())[:_MAX_ROWS]
                if isinstance(kind, str) and isinstance(mode, str)
            },
        )
        if limit is None:
            return
        reached = limit


def _rules(rows: list[Mapping[str, Any]]) -> Iterator[LocalRule]:
    for row in rows:
        yield LocalRule(
            name=parse_text(row.get("name")) or "?",
            enabled=row.get("enabled") is not False,
            trigger=parse_text(row.get("trigger_type")) or "",
            given=_object(row.get("trigger_config")),
            action=parse_text(row.get("action_type")) or "",
            wanted=_object(row.get("action_config")),
        )


def _alerts(rows: list[Mapping[str, Any]]) -> Iterator[LocalAlert]:
    for row in rows:
        kind = parse_text(row.get("alert_type"))
        if kind is None or row.get("enabled") is not True:
            continue
        limits = {
            key: number
            for key, value in list(_object(row.get("config")).items())[:_MAX_ROWS]
            if isinstance(key, str)
            and (number := parse_number(value)) is not None
            and 0 <= number <= _MAX_PENCE
        }
        yield LocalAlert(kind=kind, limits=limits)


def _plugs(rows: list[Mapping[str, Any]]) -> Iterator[LocalPlug]:
    for row in rows:
        entity_id, ids = parse_text(row.get("entity_id")), row.get("linked_miner_ids")
        if entity_id is None or not isinstance(ids, list):
            continue
        miners = [parse_int(id_) for id_ in ids[:_MAX_MINERS]]
        if miner_ids := tuple(id_ for id_ in miners if id_ is not None):
            yield LocalPlug(entity_id=entity_id, miners=miner_ids)
