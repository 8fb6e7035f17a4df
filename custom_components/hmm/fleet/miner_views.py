"""The miners over HTTP, at the addresses that HMM-Local had below ``/api``.

What is done to them is done by the actions, with the rights that those need.
"""

from collections.abc import Mapping
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict, cast

from homeassistant.config_entries import ConfigEntryDisabler, ConfigError
from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant
import voluptuous as vol

from ..const import DOMAIN, EntryType
from ..data import HmmConfigEntry, entries_of_kind, get_data
from ..errors import entry_reason, message, refusal, sentence
from ..json_shapes import Text
from ..rights import may_read
from ..routes import Call, Method, Route, RouteError, error_of
from ..unique_ids import device_id_of
from .commands import Result
from .miners_json import (
    MinerRow,
    Telemetry,
    miner_entry,
    miner_row,
    telemetry,
    unknown_miner,
)
from .services import LONGEST_NAME

_MAX_MINERS = 1000


class Live(TypedDict):
    """Whether to query the miner: never done, the last poll is half a minute old."""

    live: NotRequired[Text]


class ToMode(TypedDict):
    """A mode or profile."""

    mode: Annotated[str, vol.Length(min=1, max=LONGEST_NAME)]


class ToPool(TypedDict):
    """A pool account."""

    pool_id: Annotated[Text, "Its ID, its name, or a slot of the miner"]


class Modes(TypedDict):
    """What a miner can be set to."""

    modes: list[str]


class Outcome(TypedDict):
    """What became of a miner; see the response of the action."""

    result: Literal["done", "already"]
    previous: str | None
    value: str | None
    seconds: float


class Done(Outcome):
    """What became of a miner that was set."""

    status: Literal["success"]


class ModeSet(Done):
    """What became of a change of the mode."""

    mode: str


class PoolSet(Done):
    """What became of a change of the pool."""

    pool: str


class Restarted(Outcome):
    """A miner that has restarted and is back."""

    status: Literal["restarting"]


type MinerIds = Annotated[list[Text], vol.Length(min=1, max=_MAX_MINERS)]


class ManyMiners(TypedDict):
    """Some miners, by their IDs."""

    miner_ids: MinerIds


class ManyToMode(ManyMiners):
    """Some miners and a mode for them."""

    mode: Annotated[str, vol.Length(min=1, max=LONGEST_NAME)]


class ManyToPool(ManyMiners):
    """Some miners and a pool for them."""

    pool_id: Text


class MinerDone(TypedDict):
    """What became of one of several miners."""

    id: str
    name: str | None
    success: bool
    result: Result
    reason: str | None
    error: str | None


class ManyDone(TypedDict):
    """What became of several miners."""

    success: Annotated[int, "How many"]
    failed: Annotated[int, "How many"]
    miners: list[MinerDone]


async def _miners(call: Call) -> list[MinerRow]:
    rows = [
        miner_row(call.hass, entry)
        for entry in entries_of_kind(call.hass, EntryType.MINER)
        if may_read(call.hass, call.user, entry)
    ]
    return sorted(rows, key=lambda row: row["name"].casefold())


def _read_entry(call: Call) -> HmmConfigEntry:
    """Return the miner of an address; one that the user may not see does not exist."""
    entry = miner_entry(call.hass, call.path["miner_id"])
    if not may_read(call.hass, call.user, entry):
        raise unknown_miner(entry.entry_id)
    return entry


async def _miner(call: Call) -> MinerRow:
    return miner_row(call.hass, _read_entry(call))


async def _telemetry(call: Call) -> Telemetry:
    entry = _read_entry(call)
    miner = get_data(call.hass).fleet.miners.get(entry.entry_id)
    if miner is None or not miner.last_update_success:
        raise _no_response(call.hass, entry)
    return telemetry(miner)


async def _modes(call: Call) -> Modes:
    miner = get_data(call.hass).fleet.miners.get(_read_entry(call).entry_id)
    return {"modes": [*miner.tuning.options] if miner else []}


def _no_response(hass: HomeAssistant, entry: HmmConfigEntry) -> RouteError:
    """Return why nothing is known of a miner now."""
    miner = get_data(hass).fleet.miners.get(entry.entry_id)
    error = miner.last_exception if miner else None
    reason = message(hass, error) if error else entry_reason(hass, entry)
    if not reason:
        reason = sentence(hass, "miner_disabled", {"name": entry.title})
    return RouteError(HTTPStatus.SERVICE_UNAVAILABLE, "miner_silent", reason)


async def _run(
    call: Call, action: str, devices: list[str], **data: str
) -> list[Mapping[str, Any]]:
    """Run an action on miners and return what it reports of each."""
    report = await call.hass.services.async_call(
        DOMAIN,
        action,
        {ATTR_DEVICE_ID: devices, **data},
        blocking=True,
        context=call.context,
        return_response=True,
    )
    return cast("list[Mapping[str, Any]]", cast("Any", report)["miners"])


async def _do(call: Call, action: str, **data: str) -> dict[str, Any]:
    """Run an action on the miner of an address."""
    hass = call.hass
    entry = miner_entry(hass, call.path["miner_id"])
    device = None if entry.disabled_by else device_id_of(hass, entry)
    if device is None:
        # No action checks the rights then
        entry = _read_entry(call)
        if entry.disabled_by:
            raise refusal("miner_disabled", name=entry.title)
        raise _no_response(hass, entry)
    (report,) = await _run(call, action, [device], **data)
    if report["success"]:
        kept = ("result", "previous", "value", "seconds")
        return {"status": "success", **{key: report[key] for key in kept}}
    status = HTTPStatus.SERVICE_UNAVAILABLE
    if report["result"] == "refused":
        is_wrong = report["reason"] == "no_such_mode"
        status = HTTPStatus.BAD_REQUEST if is_wrong else HTTPStatus.CONFLICT
    raise RouteError(status, report["reason"], report["error"])


async def _set_mode(call: Call) -> dict[str, Any]:
    mode = call.data["mode"]
    return await _do(call, "set_mode", mode=mode) | {"mode": mode}


async def _set_pool(call: Call) -> dict[str, Any]:
    pool = call.data["pool_id"]
    done = await _do(call, "set_pool", pool=pool)
    entry = call.hass.config_entries.async_get_entry(pool)
    return done | {"pool": entry.title if entry else pool}


async def _restart(call: Call) -> dict[str, Any]:
    return await _do(call, "restart") | {"status": "restarting"}


async def _do_many(call: Call, action: str, **data: str) -> ManyDone:
    """Run an action on several miners; those that there are not are failures."""
    hass = call.hass
    miners = {
        entry.entry_id: entry
        for entry in entries_of_kind(hass, EntryType.MINER)
        # No action checks the rights to one that is disabled
        if not entry.disabled_by or may_read(hass, call.user, entry)
    }
    wanted = {
        miner_id: miners.get(miner_id)
        for miner_id in dict.fromkeys(call.data["miner_ids"])
    }
    devices = {
        miner_id: device
        for miner_id, entry in wanted.items()
        if entry and not entry.disabled_by and (device := device_id_of(hass, entry))
    }
    reports: dict[str, Mapping[str, Any]] = {}
    if devices:
        rows = await _run(call, action, [*devices.values()], **data)
        reports = {row["device_id"]: row for row in rows}
    return _many(
        [
            _reported(hass, miner_id, entry, reports.get(devices.get(miner_id, "")))
            for miner_id, entry in wanted.items()
        ]
    )


def _many(rows: list[MinerDone]) -> ManyDone:
    success = sum(row["success"] for row in rows)
    return {"success": success, "failed": len(rows) - success, "miners": rows}


def _reported(
    hass: HomeAssistant,
    miner_id: str,
    entry: HmmConfigEntry | None,
    report: Mapping[str, Any] | None,
) -> MinerDone:
    row: MinerDone = {
        "id": miner_id,
        "name": entry.title if entry else None,
        "success": False,
        "result": "refused",
        "reason": "unknown_miner",
        "error": message(hass, unknown_miner(miner_id)),
    }
    if report is not None:
        return row | cast("MinerDone", {key: report[key] for key in _OF_REPORT})
    if entry is not None:
        silent = _no_response(hass, entry)
        row |= {"result": "unreachable", "reason": silent.code, "error": str(silent)}
    return row


_OF_REPORT = ("success", "result", "reason", "error")


async def _enable(call: Call, by: ConfigEntryDisabler | None) -> ManyDone:
    rows: list[MinerDone] = []
    for miner_id in dict.fromkeys(call.data["miner_ids"]):
        entries = entries_of_kind(call.hass, EntryType.MINER)
        entry = next((entry for entry in entries if entry.entry_id == miner_id), None)
        row = _reported(call.hass, miner_id, entry, None)
        if entry is not None:
            row |= await _set_disabled(call.hass, entry, by)
        rows.append(row)
    return _many(rows)


async def _set_disabled(
    hass: HomeAssistant, entry: HmmConfigEntry, by: ConfigEntryDisabler | None
) -> Any:
    """Return what became of one entry, which must not keep the others waiting."""
    is_same = entry.disabled_by == by
    try:
        await hass.config_entries.async_set_disabled_by(entry.entry_id, by)
    except ConfigError as err:
        failed = error_of(hass, err)
        return {"result": "failed", "reason": failed.code, "error": str(failed)}
    return {
        "success": True,
        "result": "already" if is_same else "done",
        "reason": None,
        "error": None,
    }


def _route(
    method: Method, path: str, summary: str, run: Any, answer: Any, **more: Any
) -> Route:
    return Route(
        method=method,
        paths=(f"/miners{path}",),
        summary=summary,
        run=run,
        answer=answer,
        **more,
    )


_get = partial(_route, "get")
_post = partial(_route, "post")

_MISSING: Final = (HTTPStatus.NOT_FOUND,)
_SILENT: Final = (HTTPStatus.NOT_FOUND, HTTPStatus.SERVICE_UNAVAILABLE)
_ONE: Final = (*_SILENT, HTTPStatus.CONFLICT)

MINER_ROUTES: Final = (
    _get("", "All miners that the user may see", _miners, list[MinerRow]),
    _get("/{miner_id}", "One miner", _miner, MinerRow, errors=_MISSING),
    _get(
        "/{miner_id}/telemetry",
        "The last poll of a miner",
        _telemetry,
        Telemetry,
        query=Live,
        errors=_SILENT,
    ),
    _get("/{miner_id}/modes", "Its modes", _modes, Modes, errors=_MISSING),
    _post(
        "/{miner_id}/mode",
        "Set its mode or a profile, as hmm.set_mode",
        _set_mode,
        ModeSet,
        body=ToMode,
        body_in_query=True,
        errors=_ONE,
    ),
    _post(
        "/{miner_id}/pool",
        "Let it mine at a pool account, as hmm.set_pool",
        _set_pool,
        PoolSet,
        body=ToPool,
        body_in_query=True,
        errors=_ONE,
    ),
    _post(
        "/{miner_id}/restart",
        "Restart it, as hmm.restart; the answer comes when it is back",
        _restart,
        Restarted,
        errors=_ONE,
    ),
    _post(
        "/bulk/mode",
        "Set the mode of several miners",
        lambda call: _do_many(call, "set_mode", mode=call.data["mode"]),
        ManyDone,
        body=ManyToMode,
    ),
    _post(
        "/bulk/pool",
        "Let several miners mine at a pool account",
        lambda call: _do_many(call, "set_pool", pool=call.data["pool_id"]),
        ManyDone,
        body=ManyToPool,
        errors=_MISSING,
    ),
    _post(
        "/bulk/restart",
        "Restart several miners, ten seconds apart",
        lambda call: _do_many(call, "restart"),
        ManyDone,
        body=ManyMiners,
    ),
    _post(
        "/bulk/enable",
        "Enable the entries of several miners",
        lambda call: _enable(call, None),
        ManyDone,
        body=ManyMiners,
        is_for_admins=True,
    ),
    _post(
        "/bulk/disable",
        "Disable the entries of several miners: they are not polled any more",
        lambda call: _enable(call, ConfigEntryDisabler.USER),
        ManyDone,
        body=ManyMiners,
        is_for_admins=True,
    ),
)
