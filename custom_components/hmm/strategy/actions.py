"""Actions on strategies: override them, end the override, preview.

To change one needs control of the select that does the same, to preview one the right
to read its entities.
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import Any, Final

from homeassistant.auth.permissions.const import POLICY_CONTROL, POLICY_READ
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import (
    config_validation as cv,
    device_registry as dr,
    entity_registry as er,
)
from homeassistant.helpers.target import (
    TargetSelection,
    async_extract_referenced_entity_ids,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..action_schema import action_schema, time_period
from ..const import DOMAIN
from ..data import get_data
from ..errors import refusal
from ..miner.profiles import folded
from ..rights import async_user, require
from .entities import BANDS, STRATEGY_OVERRIDE
from .explain import rung_text
from .followed import with_present_names
from .manager import StrategyManager
from .plan import Step, Stretch, lanes_of, level_of, plan_of
from .planner.model import LEAVE, PLAIN_RUNGS, MinerView
from .preview import async_past
from .strategy import Strategy

CONF_TO: Final = "to"
CONF_UNTIL: Final = "until"
CONF_FOR: Final = "for"
CONF_DAYS: Final = "days"

SERVICE_OVERRIDE_STRATEGY: Final = "override_strategy"
SERVICE_RESUME_STRATEGY: Final = "resume_strategy"
SERVICE_PREVIEW_STRATEGY: Final = "preview_strategy"

_LONGEST: Final = timedelta(days=30)
_LONGEST_NAME: Final = 64
_MAX_DAYS: Final = 30

OVERRIDE_STRATEGY_SCHEMA = action_schema(
    {
        vol.Required(CONF_TO): vol.All(cv.string, vol.Length(1, _LONGEST_NAME)),
        vol.Optional(CONF_UNTIL): vol.Any(cv.datetime, cv.time),
        vol.Optional(CONF_FOR): time_period,
        **cv.TARGET_SERVICE_FIELDS,
    }
)
RESUME_STRATEGY_SCHEMA = action_schema({**cv.TARGET_SERVICE_FIELDS})
PREVIEW_STRATEGY_SCHEMA = action_schema(
    {
        vol.Optional(CONF_DAYS, default=7): vol.All(
            vol.Coerce(int), vol.Range(min=0, max=_MAX_DAYS)
        ),
        **cv.TARGET_SERVICE_FIELDS,
    }
)


@callback
def async_setup_strategy_actions(hass: HomeAssistant) -> None:
    """Register the actions."""

    async def override(call: ServiceCall) -> None:
        manager, until = get_data(hass).strategies, _until(call.data)
        strategies = await _async_allowed(call, POLICY_CONTROL)
        for strategy in strategies:
            if not strategy.record.enabled:
                raise refusal("strategy_off", name=strategy.title)
        wanted = [
            _wanted(manager, strategy, call.data[CONF_TO]) for strategy in strategies
        ]
        for strategy, to in zip(strategies, wanted, strict=True):
            manager.async_override(strategy, to, until)

    async def resume(call: ServiceCall) -> None:
        for strategy in await _async_allowed(call, POLICY_CONTROL):
            get_data(hass).strategies.async_override(strategy, None)

    async def preview(call: ServiceCall) -> ServiceResponse:
        strategies = await _async_allowed(call, POLICY_READ)
        days = call.data[CONF_DAYS]
        return {
            "strategies": [
                await _async_json(hass, strategy, days) for strategy in strategies
            ]
        }

    hass.services.async_register(
        DOMAIN, SERVICE_OVERRIDE_STRATEGY, override, schema=OVERRIDE_STRATEGY_SCHEMA
    )
    hass.services.async_register(
        DOMAIN, SERVICE_RESUME_STRATEGY, resume, schema=RESUME_STRATEGY_SCHEMA
    )
    hass.services.async_register(
        DOMAIN,
        SERVICE_PREVIEW_STRATEGY,
        preview,
        schema=PREVIEW_STRATEGY_SCHEMA,
        supports_response=SupportsResponse.ONLY,
    )


# Which


async def _async_allowed(call: ServiceCall, policy: str) -> list[Strategy]:
    """Return the targeted strategies; raise unless the user may do it with each."""
    hass = call.hass
    user = await async_user(hass, call.context)
    strategies = _targets(hass, call.data)
    for strategy in strategies:
        entities = _entities(hass, strategy)
        select = f"{strategy.id}_{STRATEGY_OVERRIDE.key}"
        if policy == POLICY_CONTROL and select in entities:
            entities = {select: entities[select]}
        require(user, policy, list(entities.values()), strategy.title)
    return strategies


@callback
def _targets(hass: HomeAssistant, data: Mapping[str, Any]) -> list[Strategy]:
    """Return the strategies that a call means by their devices or entities."""
    selected = async_extract_referenced_entity_ids(hass, TargetSelection(dict(data)))
    entities, devices = er.async_get(hass), dr.async_get(hass)
    ids: set[str | None] = {
        entity.config_subentry_id
        for entity_id in selected.referenced | selected.indirectly_referenced
        if (entity := entities.async_get(entity_id)) and entity.platform == DOMAIN
    }
    for device_id in selected.referenced_devices:
        if (device := devices.async_get(device_id)) is not None:
            ids |= {name for domain, name in device.identifiers if domain == DOMAIN}
    strategies = get_data(hass).strategies.strategies
    targeted = [strategy for key, strategy in strategies.items() if key in ids]
    if not targeted:
        raise refusal("no_strategies_targeted")
    return targeted


def _entities(hass: HomeAssistant, strategy: Strategy) -> dict[str, str]:
    """Return the ids of a strategy's entities by their unique ids."""
    fleet = get_data(hass).strategies.fleet_entry
    return {
        entity.unique_id: entity.entity_id
        for entity in er.async_entries_for_config_entry(
            er.async_get(hass), fleet.entry_id
        )
        if entity.config_subentry_id == strategy.id
    }


# What


def _until(data: Mapping[str, Any]) -> datetime | None:
    """Return until when an override holds, None: as set in the fleet's options."""
    now = dt_util.utcnow()
    given: datetime | time | None = data.get(CONF_UNTIL)
    span: timedelta | None = data.get(CONF_FOR)
    if given is not None and span is not None:
        raise refusal("until_or_for")
    if span is not None:
        # What is far too long for a date is refused below like what is too long
        until = now + min(span, 2 * _LONGEST)
    elif given is None:
        return None
    elif isinstance(given, time):
        # The next time that the clock shows it
        today = datetime.combine(dt_util.now().date(), given)
        is_over = dt_util.as_utc(today) <= now
        until = dt_util.as_utc(today + timedelta(days=is_over))
    else:
        # The years 1 and 9999 have no time in some zones
        is_near = abs(given.year - now.year) <= 1
        until = dt_util.as_utc(given) if is_near else now
    if not now < until <= now + _LONGEST:
        raise refusal("until_out_of_range", days=str(_LONGEST.days))
    return until


def _wanted(manager: StrategyManager, strategy: Strategy, name: str) -> str:
    """Return what a name means: a band, a rung, or a mode or profile of a miner."""
    bands = {folded(name): to for name, to in strategy.override_names.items()}
    rungs = {rung: rung for rung in PLAIN_RUNGS if rung != LEAVE}
    modes = {
        folded(mode.rung.partition(":")[2]): mode.rung
        for view in manager.views(strategy)
        for mode in view.modes
        if ":" in mode.rung
    }
    options = {**modes, **rungs, **bands}
    if (to := options.get(folded(name))) is None:
        raise refusal(
            "no_such_band",
            name=name,
            strategy=strategy.title,
            options=", ".join(
                [
                    *strategy.override_names,
                    *(rung for rung in rungs if rung not in bands),
                ]
            ),
        )
    return to


# Ahead


async def _async_json(
    hass: HomeAssistant, strategy: Strategy, days: int
) -> dict[str, Any]:
    manager = get_data(hass).strategies
    views = manager.views(strategy)
    return {
        "strategy": strategy.title,
        "kind": strategy.kind,
        "state": strategy.state,
        "now": manager.explanation(strategy),
        "unit": strategy.unit or None,
        "plan": [_step(manager, step, views) for step in plan_of(strategy, views)],
        "lanes": _lanes(hass, manager, strategy, views),
        "past": await _async_past(hass, strategy, views, days),
    }


def _step(
    manager: StrategyManager, step: Step, views: tuple[MinerView, ...]
) -> dict[str, Any]:
    return {
        "start": step.start.isoformat(),
        "end": None if step.end is None else step.end.isoformat(),
        "band": step.band,
        "price": None if step.price is None else round(step.price, 5),
        "miners": {manager.name_of(view.id): step.rungs[view.id] for view in views},
    }


def _lanes(
    hass: HomeAssistant,
    manager: StrategyManager,
    strategy: Strategy,
    views: tuple[MinerView, ...],
) -> list[dict[str, Any]]:
    """Return what each miner does today and tomorrow, and who decides for it now."""

    def of_miner(view: MinerView) -> dict[str, Any]:
        control = manager.controls.get(view.id)
        return {
            "name": manager.name_of(view.id),
            "entry_id": view.id,
            "by": "nothing" if control is None else control.by,
            "reason": manager.control_text(view.id),
            **manager.control_facts(view.id),
            "until": control and control.until and control.until.isoformat(),
        }

    def of_stretch(stretch: Stretch, view: MinerView) -> dict[str, Any]:
        return {
            "start": stretch.start.isoformat(),
            "end": stretch.end and stretch.end.isoformat(),
            "rung": stretch.rung,
            "name": rung_text(hass, LEAVE if stretch.rung is None else stretch.rung),
            "level": level_of(stretch.rung, view),
        }

    return [
        {
            "miners": [of_miner(view) for view in members],
            "steps": [of_stretch(stretch, members[0]) for stretch in lane],
        }
        for lane, members in lanes_of(strategy, views).items()
    ]


async def _async_past(
    hass: HomeAssistant, strategy: Strategy, views: tuple[MinerView, ...], days: int
) -> dict[str, Any] | None:
    """Return what bands would have cost with the prices of the last days."""
    if strategy.kind != BANDS or strategy.settings is None or not days:
        return None
    data = with_present_names(hass, strategy.data)
    past = await async_past(hass, data, [view.id for view in views], days)
    if isinstance(past, str):
        return None
    return {
        "days": past.days,
        "currency": hass.config.currency,
        "cost": round(past.cost, 2),
        "always_on": round(past.always, 2),
        "hashrate_share": round(past.share, 3),
        "hours_off": round(past.hours_off, 1),
        "switches": past.switches,
    }
