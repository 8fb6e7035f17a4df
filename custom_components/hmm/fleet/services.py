"""Actions on many miners at the same time.

Each needs control of the entities that do the same, and credentials an
administrator. The response lists every miner with what became of it.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any, Final, NamedTuple

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import (
    ATTR_MODE,
    CONF_NAME,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
)
from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_extract_config_entry_ids
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..action_schema import action_schema, time_period
from ..const import DOMAIN, EntryType
from ..data import HmmConfigEntry, entry_kind, get_data
from ..errors import entry_reason, failure, listed, message, refusal
from ..miner.autotune_flow import AT_NIGHT, CONF_GOAL, CONF_START, LIMITS, NOW
from ..miner.coordinator import MinerCoordinator
from ..miner.walk import Goal
from ..rights import async_require_admin, async_user, require_control
from ..unique_ids import device_id_of, names_fleet
from .commands import (
    COMMANDS,
    CONF_POOL,
    CONF_PROFILE,
    CONF_SHARED,
    RESULTS,
    Outcome,
    async_attempt,
    pool_of,
)
from .kept import async_keep

CONF_KEEP_FOR: Final = "keep_for"
CONF_PARALLEL: Final = "parallel"
CONF_STAGGER: Final = "stagger"

_PARALLEL = 5
_MAX_PARALLEL = 20
_LONGEST_KEEP = timedelta(hours=24)
_LONGEST_STAGGER = timedelta(hours=1)
_RESTART_STAGGER = timedelta(seconds=10)

LONGEST_NAME = 64
"""Characters of a mode or profile; a kept command shows them in a state."""
_RELOAD_SECONDS = 15
"""How long a miner is waited for whose entry is being set up again."""

_IN_PROGRESS = (
    ConfigEntryState.SETUP_IN_PROGRESS,
    ConfigEntryState.UNLOAD_IN_PROGRESS,
)
_WITHOUT_MINER = (
    *_IN_PROGRESS,
    ConfigEntryState.SETUP_ERROR,
    ConfigEntryState.SETUP_RETRY,
)
"""The states of the entries of miners that are wanted and not there now."""

# What a schema refuses is reported in English: only what its form cannot send is left
# to it
_NAMES = vol.All(
    cv.ensure_list,
    vol.Length(min=1, max=32),
    [vol.All(cv.string, vol.Length(max=LONGEST_NAME))],
)
_FIELDS: Final[Mapping[str, dict[vol.Marker, Any]]] = {
    "set_mode": {vol.Required(ATTR_MODE): _NAMES},
    "set_pool": {
        vol.Optional(CONF_POOL): cv.string,
        vol.Optional(CONF_URL): cv.string,
        vol.Optional(CONF_USERNAME): cv.string,
        vol.Optional(CONF_PASSWORD): cv.string,
    },
    "apply_profile": {vol.Required(CONF_PROFILE): _NAMES},
    "save_profile": {
        vol.Required(CONF_NAME): cv.string,
        vol.Optional(CONF_SHARED, default=True): cv.boolean,
    },
    "start_autotune": {
        vol.Optional(CONF_GOAL, default=Goal.ALL): vol.Coerce(Goal),
        **{
            vol.Optional(key): vol.All(vol.Coerce(float), vol.Range(minimum, maximum))
            for key, (minimum, maximum, _) in LIMITS.items()
        },
        vol.Optional(CONF_START, default=NOW): vol.In((NOW, AT_NIGHT)),
    },
}
"""What an action needs to know beside its targets."""


class Target(NamedTuple):
    """A miner; without a coordinator its entry could not be set up."""

    entry: HmmConfigEntry
    miner: MinerCoordinator | None


@cache
def schema_of(action: str) -> vol.All:
    """Return the schema of an action on miners."""
    fields = {
        vol.Optional(CONF_PARALLEL, default=_PARALLEL): vol.All(
            vol.Coerce(int), vol.Range(min=1, max=_MAX_PARALLEL)
        ),
        vol.Optional(
            CONF_STAGGER,
            default=_RESTART_STAGGER if action == "restart" else timedelta(),
        ): time_period,
    }
    if COMMANDS[action].kind is not None:
        fields[vol.Optional(CONF_KEEP_FOR)] = time_period
    return action_schema(
        {**_FIELDS.get(action, {}), **fields, **cv.TARGET_SERVICE_FIELDS}
    )


@callback
def async_setup_miner_services(hass: HomeAssistant) -> None:
    """Register the actions on miners."""
    for action in COMMANDS:
        hass.services.async_register(
            DOMAIN,
            action,
            partial(_async_run, action),
            schema=schema_of(action),
            supports_response=SupportsResponse.OPTIONAL,
        )


async def _async_run(action: str, call: ServiceCall) -> ServiceResponse:
    """Run an action on every targeted miner and report for each.

    Nothing is run if the call cannot be right, or if the user may not control one
    of the miners. Raises when any failed, after all were tried; with a response
    wanted, the report says which.
    """
    hass, command = call.hass, COMMANDS[action]
    _require_period(call.data, CONF_STAGGER, _LONGEST_STAGGER)
    _require_period(call.data, CONF_KEEP_FOR, _LONGEST_KEEP)
    if action == "set_pool":
        _require_one_pool(call.data)
        if CONF_POOL not in call.data:
            await async_require_admin(hass, call.context)
        pool_of(hass, call.data)
    targets = await async_targets(call)
    user = await async_user(hass, call.context)
    for target in targets:
        require_control(hass, user, target.entry, *command.control)
    outcomes = await _run_all(call, action, targets)
    if call.return_response:
        return _report(hass, targets, outcomes)
    failed = [
        (target.entry.title, outcome.error)
        for target, outcome in zip(targets, outcomes, strict=True)
        if outcome.error is not None and outcome.result != "kept"
    ]
    if failed and len(targets) == 1:
        raise failed[0][1]
    if failed:
        raise failure(
            "some_failed",
            failed=str(len(failed)),
            total=str(len(targets)),
            list=listed(hass, failed),
        )
    return None


def _require_period(data: Mapping[str, Any], key: str, longest: timedelta) -> None:
    if data.get(key, longest) > longest:
        hours = f"{longest / timedelta(hours=1):g}"
        raise refusal("period_too_long", field=key, hours=hours)


def _require_one_pool(data: Mapping[str, Any]) -> None:
    """Raise unless a pool is given by its entry or by its credentials, not both."""
    credentials = data.keys() & {CONF_URL, CONF_USERNAME, CONF_PASSWORD}
    if CONF_POOL in data:
        is_one = not credentials
    else:
        is_one = credentials >= {CONF_URL, CONF_USERNAME}
    if not is_one:
        raise refusal("pool_or_credentials")


async def async_targets(call: ServiceCall) -> list[Target]:
    """Return the miners that a call means; the fleet means all of them.

    Pools, workers and everything else are left out. Raises ServiceValidationError if
    nothing remains.
    """
    hass = call.hass
    entry_ids = await async_extract_config_entry_ids(call)
    is_all = names_fleet(hass, call.data)
    miners = get_data(hass).fleet.miners
    targets = [
        Target(entry, miners.get(entry.entry_id))
        for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False)
        if (is_all or entry.entry_id in entry_ids)
        and entry_kind(entry) == EntryType.MINER
        and (entry.entry_id in miners or entry.state in _WITHOUT_MINER)
    ]
    if not targets:
        raise refusal("no_miners_targeted")
    return targets


async def _run_all(
    call: ServiceCall, action: str, targets: list[Target]
) -> list[Outcome]:
    """Run an action on all targets: some at a time, and one after the other."""
    stagger = call.data[CONF_STAGGER].total_seconds()
    free = asyncio.Semaphore(call.data[CONF_PARALLEL])

    async def run(target: Target) -> Outcome:
        try:
            return await _run_one(call, action, target)
        finally:
            free.release()

    async with asyncio.TaskGroup() as group:
        tasks = []
        for number, target in enumerate(targets):
            if number and stagger:
                await asyncio.sleep(stagger)
            await free.acquire()
            tasks.append(group.create_task(run(target)))
    return [task.result() for task in tasks]


async def _run_one(call: ServiceCall, action: str, target: Target) -> Outcome:
    hass, command, entry = call.hass, COMMANDS[action], target.entry
    # It may have been removed, disabled or reloaded while others had their turn
    miner = await _async_miner_of(hass, entry)
    if hass.config_entries.async_get_entry(entry.entry_id) is None or entry.disabled_by:
        return Outcome(
            result="refused",
            reason="miner_left",
            error=failure("miner_left", name=entry.title),
        )
    data = {
        key: value for key, value in call.data.items() if key in _FIELDS.get(action, {})
    }
    if miner is None:
        outcome = _not_set_up(hass, entry)
    else:
        outcome = await async_attempt(hass, miner, command, data, call.context)
    keep_for: timedelta | None = call.data.get(CONF_KEEP_FOR)
    if not keep_for or outcome.result != "unreachable":
        return outcome
    until = dt_util.utcnow() + keep_for
    await async_keep(hass, entry, action, data, until)
    return _kept(command.shown(hass, data), outcome, until)


async def _async_miner_of(
    hass: HomeAssistant, entry: HmmConfigEntry
) -> MinerCoordinator | None:
    """Return the miner of an entry now; one that is being set up is waited for."""
    deadline = hass.loop.time() + _RELOAD_SECONDS
    while entry.state in _IN_PROGRESS and hass.loop.time() < deadline:
        await asyncio.sleep(0.1)
    return get_data(hass).fleet.miners.get(entry.entry_id)


def _kept(value: str | None, outcome: Outcome, until: datetime) -> Outcome:
    return Outcome(
        result="kept",
        value=value,
        reason=outcome.reason,
        error=failure("kept_until", time=f"{dt_util.as_local(until):%H:%M}"),
    )


def _not_set_up(hass: HomeAssistant, entry: HmmConfigEntry) -> Outcome:
    """Return why nothing can be done at a miner whose entry is not set up."""
    error = failure("no_response", host=entry.title, detail="")
    if reason := entry_reason(hass, entry):
        error = HomeAssistantError(reason)
    return Outcome(
        result="unreachable",
        reason=entry.error_reason_translation_key or "no_response",
        error=error,
    )


def _report(
    hass: HomeAssistant, targets: list[Target], outcomes: list[Outcome]
) -> dict[str, Any]:
    return {
        "summary": {
            "total": len(outcomes),
            **{
                result: sum(outcome.result == result for outcome in outcomes)
                for result in RESULTS
            },
        },
        "miners": [
            {
                "device": target.entry.title,
                "device_id": device_id_of(hass, target.entry),
                "success": outcome.is_success,
                "result": outcome.result,
                "previous": outcome.previous,
                "value": outcome.value,
                "seconds": outcome.seconds,
                "reason": outcome.reason,
                "error": None
                if outcome.error is None
                else message(hass, outcome.error),
            }
            for target, outcome in zip(targets, outcomes, strict=True)
        ],
    }
