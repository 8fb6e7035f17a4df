"""What a language model gets of the fleet, as JSON.

Names and reasons come from devices and pools: they are data in short lines, never
instructions. Lists end with how many ``more`` there are. Units are in the keys.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

from homeassistant.helpers import entity_registry as er

from ..const import ATTR_REASON, ATTR_SINCE
from ..data import get_data
from ..driver_api.units import TERA, parse_text
from ..figures import rounded
from ..strategy.strategy import Strategy
from .answers import best_shares
from .asker import Asker, Miner, running
from .chance import chance_json
from .money import money_json
from .plans import plan_json
from .reasons import decision_of, problem_of
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
            **chance_json(asker),
            "best_share": next(iter(best_shares(asker.hass, miners)), (None,))[0],
            **money_json(asker),
            **_listed("problems", problems, _MAX_PROBLEMS, lambda text: {"text": text}),
        }
    )


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
    decision = decision_of(asker.hass, speech, miner)
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
    values["why"] = parse_text(decision, _LONGEST_TEXT)
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


def strategies_json(asker: Asker, speech: Speech) -> Json:
    """Return what each strategy does, why, and what it does until tomorrow."""
    return _listed(
        "strategies",
        asker.strategies,
        _MAX_STRATEGIES,
        lambda strategy: _strategy(asker, speech, strategy),
    )


def _strategy(asker: Asker, speech: Speech, strategy: Strategy) -> Json:
    values: Json = {"name": shown(strategy.title)}
    registry = er.async_get(asker.hass)
    manager = get_data(asker.hass).strategies
    for entity in er.async_entries_for_config_entry(
        registry, manager.fleet_entry.entry_id
    ):
        if entity.config_subentry_id != strategy.id or not asker.may_report(entity):
            continue
        state = asker.hass.states.get(entity.entity_id)
        key = entity.translation_key or entity.original_name or entity.domain
        if state is None or len(values) > _MAX_MODES or entity.entity_category:
            continue
        values[shown(str(key))] = parse_text(state.state, LONGEST_NAME)
    text = manager.explanation(strategy, speech.language.code)
    values["explanation"] = parse_text(text, _LONGEST_TEXT)
    if strategy.record.enabled:
        values["next"] = list(plan_json(asker, strategy))
    return _without_none(values)


def _sum(values: Iterable[float | None]) -> float | None:
    numbers = [value for value in values if value is not None]
    return rounded(sum(numbers)) if numbers else None


def _terahash(values: Iterable[float | None]) -> float | None:
    total = _sum(values)
    return None if total is None else rounded(total / TERA)
