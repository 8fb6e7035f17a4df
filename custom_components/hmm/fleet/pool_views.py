"""Pool accounts over HTTP: list, add, change and remove them.

At the addresses that HMM-Local had below ``/api``. Wallets and keys are never reported.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any, Final, Literal, NotRequired, TypedDict

from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant, callback
import voluptuous as vol

from ..const import CONF_COIN, CONF_DRIVER, EntryType
from ..data import HmmConfigEntry, entries_of_kind
from ..driver_api.units import parse_text
from ..errors import refusal
from ..json_shapes import LONGEST_TEXT, Text
from ..markdown import printable
from ..pool.scripted import WantedPool, async_add_pool, async_change_pool
from ..rights import may_read
from ..routes import Call, Route

type Port = Annotated[int, vol.Range(min=1, max=65535)]
type LongText = Annotated[str, vol.Length(max=2048)]
type Settings = Annotated[
    dict[str, LongText | int | float | bool],
    vol.Length(max=32),
    "driver, coin, and the settings of the driver",
]


def _name(name: str) -> str:
    """Return a name as others can see it. Raises vol.Invalid if nothing is left."""
    if not (seen := parse_text(name)):
        raise vol.Invalid("no name")
    return seen


type Name = Annotated[Text, _name]
type OptionalText = Annotated[str, vol.Length(max=LONGEST_TEXT)]


class PoolConfig(TypedDict):
    """What a pool account is of."""

    driver: str
    coin: str


class PoolRow(TypedDict):
    """A pool account."""

    id: str
    name: str
    url: str
    port: int
    user: Annotated[None, "Never told"]
    password: Annotated[None, "Never told"]
    enabled: bool
    pool_type: str
    pool_config: PoolConfig


class NewPool(TypedDict):
    """A pool account to be added.

    It is at an address, or is one of the list by its template.
    """

    url: NotRequired[Annotated[OptionalText, "Host, or host:port"]]
    port: NotRequired[Annotated[Port, "Where miners connect to"]]
    template_id: NotRequired[Annotated[Text, "One of /pool-templates"]]
    name: NotRequired[Annotated[Name, "Its usual name if left out"]]
    user: NotRequired[Annotated[OptionalText, "The wallet or user name"]]
    password: NotRequired[
        Annotated[OptionalText | None, "Not used: pools ignore that of miners"]
    ]
    enabled: NotRequired[bool]
    pool_config: NotRequired[Settings | None]
    wallet_confirmed: NotRequired[
        Annotated[bool, "The wallet is right, although it cannot be checked"]
    ]
    show_on_dashboard: NotRequired[Annotated[bool, "Not used: cards decide"]]
    sort_order: NotRequired[Annotated[int, "Not used: cards decide"]]


class PoolChange(TypedDict):
    """What of a pool account changes; null leaves as it is."""

    name: NotRequired[Name | None]
    url: NotRequired[Text | None]
    port: NotRequired[Port | None]
    user: NotRequired[Annotated[OptionalText | None, "Only the same one"]]
    password: NotRequired[Annotated[OptionalText | None, "Not used"]]
    enabled: NotRequired[bool | None]
    pool_config: NotRequired[Settings | None]
    show_on_dashboard: NotRequired[Annotated[bool | None, "Not used"]]
    sort_order: NotRequired[Annotated[int | None, "Not used"]]


class Removed(TypedDict):
    """An account that is no more."""

    status: Literal["deleted"]


@callback
def _row(entry: HmmConfigEntry) -> PoolRow:
    return {
        "id": entry.entry_id,
        "name": entry.title,
        "url": entry.data[CONF_HOST],
        "port": entry.data[CONF_PORT],
        "user": None,
        "password": None,
        "enabled": entry.disabled_by is None,
        "pool_type": entry.data[CONF_DRIVER],
        "pool_config": {
            "driver": entry.data[CONF_DRIVER],
            "coin": entry.data[CONF_COIN],
        },
    }


@callback
def _entry(hass: HomeAssistant, path: Mapping[str, str]) -> HmmConfigEntry:
    """Return the account of an address; raises ServiceValidationError."""
    for entry in entries_of_kind(hass, EntryType.POOL):
        if entry.entry_id == path["pool_id"]:
            return entry
    raise refusal("unknown_pool", pool_id=printable(path["pool_id"], 64))


async def _pools(call: Call) -> list[PoolRow]:
    rows = [
        _row(entry)
        for entry in entries_of_kind(call.hass, EntryType.POOL)
        if may_read(call.hass, call.user, entry)
    ]
    return sorted(rows, key=lambda row: row["name"].casefold())


async def _pool(call: Call) -> PoolRow:
    entry = _entry(call.hass, call.path)
    if not may_read(call.hass, call.user, entry):
        raise refusal("unknown_pool", pool_id=entry.entry_id)
    return _row(entry)


async def _add(call: Call) -> PoolRow:
    data: Mapping[str, Any] = call.data
    entry = await async_add_pool(
        call.hass,
        WantedPool(
            template_id=data.get("template_id"),
            url=data.get("url", ""),
            port=data.get("port"),
            name=data.get("name"),
            user=data.get("user", ""),
            config=data.get("pool_config") or {},
            is_confirmed=data.get("wallet_confirmed", False),
        ),
    )
    if data.get("enabled") is False:
        await async_change_pool(call.hass, entry, is_enabled=False)
    return _row(entry)


async def _change(call: Call) -> PoolRow:
    data: Mapping[str, Any] = call.data
    entry = _entry(call.hass, call.path)
    await async_change_pool(
        call.hass,
        entry,
        user=data.get("user"),
        url=data.get("url"),
        port=data.get("port"),
        config=data.get("pool_config"),
        name=data.get("name"),
        is_enabled=data.get("enabled"),
    )
    return _row(entry)


async def _remove(call: Call) -> Removed:
    entry = _entry(call.hass, call.path)
    await call.hass.config_entries.async_remove(entry.entry_id)
    return {"status": "deleted"}


_MISSING: Final = (HTTPStatus.NOT_FOUND,)
_CHECKED: Final = (HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE)

POOL_ROUTES: Final = (
    Route(
        method="get",
        paths=("/pools",),
        summary="All pool accounts that the user may see",
        run=_pools,
        answer=list[PoolRow],
    ),
    Route(
        method="post",
        paths=("/pools",),
        summary="Add a pool account, with the checks of the dialog",
        run=_add,
        answer=PoolRow,
        body=NewPool,
        is_for_admins=True,
        errors=(HTTPStatus.NOT_FOUND, *_CHECKED),
    ),
    Route(
        method="get",
        paths=("/pools/{pool_id}",),
        summary="One pool account",
        run=_pool,
        answer=PoolRow,
        errors=_MISSING,
    ),
    Route(
        method="put",
        paths=("/pools/{pool_id}",),
        summary="Change a pool account, with the checks of the dialog",
        run=_change,
        answer=PoolRow,
        body=PoolChange,
        is_for_admins=True,
        errors=(*_MISSING, *_CHECKED),
    ),
    Route(
        method="delete",
        paths=("/pools/{pool_id}",),
        summary="Remove a pool account",
        run=_remove,
        answer=Removed,
        is_for_admins=True,
        errors=_MISSING,
    ),
)
