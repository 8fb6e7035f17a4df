"""What an action does at one miner, and what became of it."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from homeassistant.const import (
    ATTR_MODE,
    CONF_NAME,
    CONF_PASSWORD,
    CONF_URL,
    CONF_USERNAME,
)
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from ..data import get_data
from ..driver_api.reasons import ReadReason
from ..errors import failure, refusal
from ..miner.coordinator import MinerCoordinator
from ..miner.kept import Kind
from ..miner.plug import async_switch_plug, plug_is_on
from ..pool.choice import async_mine_at, async_mine_in_slot, is_slot, pools_by_name
from ..pool.stratum_user import USUAL_PASSWORD, StratumPool, stratum_of

CONF_POOL: Final = "pool"
CONF_PROFILE: Final = "profile"
CONF_REASON: Final = "reason"
"""Why HMM itself pauses or resumes a miner; no action takes it."""
CONF_SHARED: Final = "shared"

type Data = Mapping[str, Any]

type Result = Literal["done", "already", "kept", "refused", "unreachable", "failed"]
RESULTS: tuple[Result, ...] = get_args(Result.__value__)

_LIMIT_SECONDS = 90.0
"""What one miner may take; the slowest restart of an Avalon is within it."""
_PLUG_SECONDS = 10.0

_UNREACHABLE = {*get_args(ReadReason.__value__)} - {"busy"}
_FAILED = {
    "command_failed",
    "mode_not_applied",
    "not_reported",
    "pause_not_applied",
    "plug_not_switched",
    "pool_not_applied",
    "profile_not_applied",
    "restart_lost",
    "restart_not_applied",
    "resume_not_applied",
    "setting_not_applied",
    "still_reports",
    "took_too_long",
}
_REASONS = {
    "autotune_not_supported": "not_supported",
    "command_unsupported": "not_supported",
    "firmware_too_old": "not_supported",
    "mode_unknown": "no_such_mode",
    "modes_missing": "not_supported",
    "no_identify": "not_supported",
    "no_pause": "not_supported",
    "no_restart": "not_supported",
    "no_set_pool": "not_supported",
    "not_settable": "not_supported",
    "profile_unknown": "no_such_mode",
    "unknown_mode": "no_such_mode",
}
"""Reasons that are one for whoever reads a response."""


@dataclass(frozen=True, slots=True)
class Job:
    """What a command is run with, at one miner."""

    hass: HomeAssistant
    miner: MinerCoordinator
    data: Data
    context: Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """An action on miners.

    ``run`` returns whether anything was sent, and raises HomeAssistantError.
    ``read`` returns the present value of what it changes. ``control`` are platform and
    key of the entity that does the same; ``shown`` is the value that was requested,
    without a secret. Without a ``kind`` it cannot be kept for a miner that is off.
    """

    run: Callable[[Job], Awaitable[bool]]
    control: tuple[str, str]
    kind: Kind | None = None
    read: Callable[[MinerCoordinator], str | None] = lambda _: None
    shown: Callable[[HomeAssistant, Data], str | None] = lambda *_: None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a command at one miner; ``error`` is there unless it succeeded."""

    result: Result
    previous: str | None = None
    value: str | None = None
    seconds: float = 0.0
    reason: str | None = None
    error: HomeAssistantError | None = None

    @property
    def is_success(self) -> bool:
        """Return whether the miner is as commanded."""
        return self.result in ("done", "already")


async def async_attempt(
    hass: HomeAssistant,
    miner: MinerCoordinator,
    command: Command,
    data: Data,
    context: Context,
) -> Outcome:
    """Run a command at one miner and return what became of it."""

    def read() -> str | None:
        is_read = miner.last_update_success and miner.data is not None
        return command.read(miner) if is_read else None

    job = Job(hass, miner, data, context)
    started, previous = hass.loop.time(), read()
    result: Result = "already"
    error: HomeAssistantError | None = None
    try:
        async with asyncio.timeout(_LIMIT_SECONDS):
            if await command.run(job):
                result = "done"
    except TimeoutError:
        error = failure("took_too_long", seconds=f"{_LIMIT_SECONDS:g}")
    except HomeAssistantError as err:
        error = err
    if error is not None:
        result = result_of(error)
    return Outcome(
        result=result,
        previous=previous,
        value=read(),
        seconds=round(hass.loop.time() - started, 1) if result != "already" else 0.0,
        reason=None if error is None else reason_of(error),
        error=error,
    )


def result_of(err: HomeAssistantError) -> Result:
    """Return what an error means for the miner that it came from."""
    if isinstance(err, ServiceValidationError):
        return "refused"
    if err.translation_key in _UNREACHABLE:
        return "unreachable"
    return "failed" if err.translation_key in _FAILED else "refused"


def reason_of(err: HomeAssistantError) -> str:
    """Return the key of what is wrong."""
    key = err.translation_key or "command_failed"
    return _REASONS.get(key, key)


# Modes


def names(value: str | list[str]) -> list[str]:
    """Return what was requested, the first choice first."""
    return [value] if isinstance(value, str) else value


async def _set_mode(job: Job) -> bool:
    wanted, tuning = names(job.data[ATTR_MODE]), job.miner.tuning
    if not (modes := tuning.options):
        raise refusal("modes_missing", host=job.miner.config_entry.title)
    if (mode := next((name for name in wanted if name in modes), None)) is None:
        _require_own_model(job.hass, wanted)
        raise refusal("unknown_mode", mode=", ".join(wanted), modes=", ".join(modes))
    return await tuning.async_choose(mode)


async def _apply_profile(job: Job) -> bool:
    wanted, tuning = names(job.data[CONF_PROFILE]), job.miner.tuning
    for name in wanted:
        if tuning.find(name) is not None:
            return await tuning.async_choose(name)
    _require_own_model(job.hass, wanted)
    raise refusal("profile_unknown", profile=", ".join(wanted))


async def _save_profile(job: Job) -> bool:
    data = job.data
    await job.miner.tuning.async_save_now(data[CONF_NAME], shared=data[CONF_SHARED])
    return True


def _require_own_model(hass: HomeAssistant, wanted: list[str]) -> None:
    """Raise if a profile that a miner does not have is one of another model."""
    for name in wanted:
        if get_data(hass).tuning.is_elsewhere(name):
            raise refusal("profile_other_model", profile=name)


async def _start_autotune(job: Job) -> bool:
    autotune, wanted = job.miner.autotune, {**job.data}
    assert autotune is not None
    at_night = wanted.pop("start", None) == "night"
    return await autotune.async_start(autotune.caps(**wanted), at_night=at_night)


async def _stop_autotune(job: Job) -> bool:
    assert job.miner.autotune is not None
    return await job.miner.autotune.async_stop()


def _read_autotune(miner: MinerCoordinator) -> str | None:
    return None if miner.autotune is None else miner.autotune.record.state


# Pools


def pool_of(hass: HomeAssistant, data: Data) -> StratumPool | None:
    """Return the pool that a call names: an account, or its own data.

    None: a slot, which is another pool in each miner. Raises ServiceValidationError:
    there is no such account, or it has no user name.
    """
    if CONF_POOL not in data:
        return StratumPool(
            url=data[CONF_URL],
            user=data[CONF_USERNAME],
            password=data.get(CONF_PASSWORD, USUAL_PASSWORD),
        )
    name: str = data[CONF_POOL]
    pools = get_data(hass).fleet.pools
    entry_id = pools_by_name(pools).get(name, name)
    if entry_id not in pools and is_slot(name):
        return None
    return stratum_of(pools, entry_id)


async def _set_pool(job: Job) -> bool:
    miner = job.miner
    if (pool := pool_of(job.hass, job.data)) is None:
        await async_mine_in_slot(miner, job.data[CONF_POOL])
        return True
    if CONF_POOL in job.data:
        return await async_mine_at(miner, pool)
    if not miner.known.set_pool:
        raise refusal("no_set_pool")
    await miner.async_command(
        miner.client.set_pool(pool.url, pool.user, pool.password), "pool"
    )
    return True


def _read_pool(miner: MinerCoordinator) -> str | None:
    return pool.url if (pool := miner.data.active_pool) else None


def _show_pool(hass: HomeAssistant, data: Data) -> str | None:
    """Return the name of a pool account or slot, else the address."""
    name = data.get(CONF_POOL)
    entry = hass.config_entries.async_get_entry(name or "")
    return entry.title if entry else name or data.get(CONF_URL)


# Mining


async def _pause(job: Job) -> bool:
    return await _set_paused(job, True, job.data.get(CONF_REASON, "paused_by_user"))


async def _resume(job: Job) -> bool:
    miner = job.miner
    if miner.last_update_success and "overheat" in miner.data.problems:
        raise refusal("overheat", host=miner.config_entry.title)
    if CONF_REASON not in job.data:
        miner.require_room()
    return await _set_paused(job, False)


async def _set_paused(job: Job, paused: bool, reason: str = "") -> bool:
    """Pause or resume a miner, by its plug if it has one, as its switch does."""
    hass, miner = job.hass, job.miner
    if (plug := miner.plug) is None:
        if not miner.known.pause:
            raise refusal("no_pause", host=miner.config_entry.title)
        return await miner.async_set_paused(paused, reason)
    miner.async_drop_kept("mining")
    await miner.async_release()
    on = not paused
    if plug_is_on(hass, plug) is on:
        return False
    await async_switch_plug(hass, plug, on, job.context)
    deadline = hass.loop.time() + _PLUG_SECONDS
    while plug_is_on(hass, plug) is not on:
        if hass.loop.time() > deadline:
            raise failure("plug_not_switched", plug=plug)
        await asyncio.sleep(0.1)
    return True


def _read_mining(miner: MinerCoordinator) -> str | None:
    if miner.data.paused is None:
        return None
    return "paused" if miner.data.paused else "mining"


# Buttons


async def _restart(job: Job) -> bool:
    if not job.miner.known.restart:
        raise refusal("no_restart", host=job.miner.config_entry.title)
    await job.miner.async_restart()
    return True


async def _identify(job: Job) -> bool:
    miner = job.miner
    if not miner.known.identify:
        raise refusal("no_identify", host=miner.config_entry.title)
    await miner.async_command(miner.client.identify())
    return True


def _read_mode(miner: MinerCoordinator) -> str | None:
    return miner.tuning.current


COMMANDS: Final[Mapping[str, Command]] = {
    "apply_profile": Command(
        run=_apply_profile,
        control=("select", "mode"),
        kind="mode",
        read=_read_mode,
        shown=lambda _, data: ", ".join(names(data[CONF_PROFILE])),
    ),
    "save_profile": Command(
        run=_save_profile, control=("select", "mode"), read=_read_mode
    ),
    "identify": Command(run=_identify, control=("button", "identify")),
    "pause": Command(
        run=_pause,
        control=("switch", "mining"),
        kind="mining",
        read=_read_mining,
        shown=lambda *_: "paused",
    ),
    "restart": Command(run=_restart, control=("button", "restart"), kind="restart"),
    "resume": Command(
        run=_resume,
        control=("switch", "mining"),
        kind="mining",
        read=_read_mining,
        shown=lambda *_: "mining",
    ),
    "start_autotune": Command(
        run=_start_autotune, control=("select", "mode"), read=_read_autotune
    ),
    "stop_autotune": Command(
        run=_stop_autotune, control=("select", "mode"), read=_read_autotune
    ),
    "set_mode": Command(
        run=_set_mode,
        control=("select", "mode"),
        kind="mode",
        read=_read_mode,
        shown=lambda _, data: ", ".join(names(data[ATTR_MODE])),
    ),
    "set_pool": Command(
        run=_set_pool,
        control=("select", "pool"),
        kind="pool",
        read=_read_pool,
        shown=_show_pool,
    ),
}
