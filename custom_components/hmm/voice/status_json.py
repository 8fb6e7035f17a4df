"""What a language model gets of the fleet, as JSON.

Names and reasons come from devices and pools: they are data in short lines, never
instructions. Lists end with how many ``more`` there are. Units are in the keys.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from homeassistant.helpers import device_registry as dr, entity_registry as er

from ..const import ATTR_REASON, ATTR_SINCE, FLEET_UNIQUE_ID
from ..data import fleet_entry, get_data
from ..driver_api.units import TERA, parse_text
from ..figures import rounded
from .answers import best_shares, chance_per_year, problem_of
from .asker import Asker, Miner, number_of, running
from .speech import LONGEST_NAME, Speech, shown

MAX_MINERS: Final = 15
MAX_POOLS: Final = 20
_MAX_PROBLEMS: Final = 10
_MAX_SHARES: Final = 10
_MAX_MODES: Final = 12
_FEW: Final = 3
"""Miners whose modes are listed as well."""
_MAX_STRATEGIES: Final = 10
_LONGEST_TEXT: Final = 200

type Json = dict[str, Any]


def _listed[T](
    key: str, items: list[T], limit: int, read: Callable[[T], Json], start: int = 0
) -> Json:
    """Return some of a list, and how many come after them."""
    part = items[start : start + limit]
    return {
        key: [read(item) for item in part],
        "more": max(0, len(items) - start - limit),
    }


def _without_none(values: Json) -> Json:
    """Return what is known: no figure stands in for one that is not."""
    return {key: value for key, value in values.items() if value is not None}


def fleet_json(asker: Asker, speech: Speech) -> Json:
    """Return how all miners are together, and what is wrong."""
    miners, online = asker.miners, running(asker.miners)
    problems = [
        text
        for miner in miners
        if (text := problem_of(asker.hass, speech, miner)) is not None
    ]
    return _without_none(
        {
            "miners": len(miners),
            "online": len(online),
            "off_on_purpose": sum(
                item.coordinator is not None and item.coordinator.status.is_on_purpose
                for item in miners
            ),
            "hashrate_th_s": _terahash(item.data.hashrate for _, item in online),
            "power_w": _sum(item.power for _, item in online),
            "chance_of_a_block_in_a_year_is_one_in": rounded(chance_per_year(asker)),
            "best_share": next(iter(best_shares(asker.hass, miners)), (None,))[0],
            **_cost(asker),
            **_listed("problems", problems, _MAX_PROBLEMS, lambda text: {"text": text}),
        }
    )


def _cost(asker: Asker) -> Json:
    """Return what electricity costs, with the unit that each figure has."""
    values: Json = {}
    for key in ("cost_today", "cost_month", "cost_rate", "price"):
        state = asker.fleet_state(key)
        if (value := number_of(state)) is not None and state is not None:
            unit = parse_text(state.attributes.get("unit_of_measurement"), 16)
            values[key] = {"value": value, "unit": unit}
    if not values and asker.fleet_entity("cost_today") is None:
        return {"cost": "no electricity price is set"}
    return values


def miners_json(
    asker: Asker, speech: Speech, miners: list[Miner], start: int = 0
) -> Json:
    """Return the readings of miners, from the one at ``start`` on."""
    is_short = len(miners) <= _FEW

    def read(miner: Miner) -> Json:
        values = miner_json(asker, speech, miner)
        if is_short and miner.coordinator is not None:
            modes = miner.coordinator.tuning.options[:_MAX_MODES]
            values["modes"] = [shown(mode) for mode in modes]
        return values

    return _listed("miners", miners, MAX_MINERS, read, start)


def miner_json(asker: Asker, speech: Speech, miner: Miner) -> Json:
    """Return what one miner does, and why."""
    values: Json = {"name": miner.name, "state": "not set up"}
    problem = problem_of(asker.hass, speech, miner)
    if (coordinator := miner.coordinator) is not None:
        status = coordinator.status
        since = status.record.status.at
        values["state"] = status.state or "unknown"
        values[ATTR_REASON] = parse_text(status.record.status.reason, _LONGEST_TEXT)
        values[ATTR_SINCE] = since.isoformat(timespec="minutes") if since else None
    if coordinator is not None and coordinator.last_update_success:
        data = coordinator.data
        pool = data.active_pool
        values |= {
            "mode": parse_text(coordinator.tuning.current, LONGEST_NAME),
            "hashrate_th_s": _terahash([data.hashrate]),
            "temperature_c": data.temperature,
            "power_w": coordinator.power,
            "shares_accepted": data.shares_accepted,
            "shares_rejected": data.shares_rejected,
            "pool": parse_text(pool.url, LONGEST_NAME) if pool else None,
        }
    record = get_data(asker.hass).miner_records.get(miner.entry.entry_id)
    values["best_share"] = record.best if record else None
    values["problem"] = parse_text(problem, _LONGEST_TEXT)
    return _without_none(values)


def pools_json(asker: Asker, speech: Speech, start: int = 0) -> Json:
    """Return how each pool account stands; no wallet, no key."""

    def read(item: tuple[Any, Any]) -> Json:
        entry, pool = item
        values: Json = {"name": shown(entry.title), "state": "not set up"}
        if pool is None:
            return values
        values["state"] = pool.status.status.state
        values[ATTR_REASON] = parse_text(pool.status.status.reason, _LONGEST_TEXT)
        if pool.last_update_success and (tiles := pool.data) is not None:
            values |= {
                "coin": pool.account.coin,
                "hashrate_th_s": _terahash([tiles.pool_hashrate]),
                "shares_valid": tiles.shares_valid,
                "shares_invalid": tiles.shares_invalid,
                "blocks_24h": tiles.blocks_found_24h,
            }
        return _without_none(values)

    return _listed("pools", asker.pools, MAX_POOLS, read, start)


def shares_json(asker: Asker) -> Json:
    """Return the best share of each miner, the best first."""
    return _listed(
        "best_shares",
        best_shares(asker.hass, asker.miners),
        _MAX_SHARES,
        lambda share: {"name": share[1], "difficulty": share[0]},
    )


def strategies_json(asker: Asker) -> Json:
    """Return what each strategy does and why; each is a device below the fleet."""
    return _listed(
        "strategies",
        _strategies(asker),
        _MAX_STRATEGIES,
        lambda device: _strategy(asker, device),
    )


def has_strategies(asker: Asker) -> bool:
    """Return whether any strategy may be mentioned."""
    return bool(_strategies(asker))


def _strategies(asker: Asker) -> list[dr.DeviceEntry]:
    hass = asker.hass
    fleet = fleet_entry(hass)
    if fleet is None or not fleet.subentries:
        return []
    return [
        device
        for device in dr.async_entries_for_config_entry(
            dr.async_get(hass), fleet.entry_id
        )
        if not any(
            identifier[1] == FLEET_UNIQUE_ID for identifier in device.identifiers
        )
        and any(map(asker.may_report, _entities(asker, device)))
    ]


def _entities(asker: Asker, device: dr.DeviceEntry) -> list[er.RegistryEntry]:
    return er.async_entries_for_device(er.async_get(asker.hass), device.id)


def _strategy(asker: Asker, device: dr.DeviceEntry) -> Json:
    values: Json = {"name": shown(device.name_by_user or device.name or "")}
    for entity in filter(asker.may_report, _entities(asker, device)):
        state = asker.hass.states.get(entity.entity_id)
        key = entity.translation_key or entity.original_name or entity.domain
        if state is None or len(values) > _MAX_MODES or entity.entity_category:
            continue
        values[shown(str(key))] = parse_text(state.state, LONGEST_NAME)
        if (text := parse_text(state.attributes.get("explanation"), 255)) is not None:
            values["explanation"] = text
    return values


def _sum(values: Iterable[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return rounded(sum(numbers)) if numbers else None


def _terahash(values: Iterable[float | None]) -> float | None:
    total = _sum(values)
    return None if total is None else rounded(total / TERA)
