"""The pools over HTTP, at the addresses that HMM-Local had below ``/api``.

A user reads what his entities would show him, and the list of HMM's own pools.
``pools/discover`` requests servers in the network: administrators only.
"""

from http import HTTPStatus
from typing import Annotated, Final, Literal, NotRequired, TypedDict

import voluptuous as vol

from ..errors import refusal
from ..json_shapes import LONGEST_TEXT
from ..markdown import printable
from ..routes import Call, Route
from .tile_shapes import FoundServer, ListedPool, PlatformTiles, PoolTiles
from .tiles_json import (
    async_discovered_pools,
    platform_tiles,
    pool_templates,
    pool_tiles,
)


class WhichPool(TypedDict):
    """One pool."""

    pool_id: NotRequired[
        Annotated[str, vol.Length(max=LONGEST_TEXT), "Of one pool only"]
    ]


class WhereToLook(TypedDict):
    """Where pools are looked for."""

    network: NotRequired[
        Annotated[Literal["true", "false"], "Look at the own network, too; the default"]
    ]


async def _platform_tiles(call: Call) -> PlatformTiles:
    return platform_tiles(call.hass, call.user)


async def _pool_tiles(call: Call) -> dict[str, PoolTiles]:
    pools = pool_tiles(call.hass, call.user)
    if (pool_id := call.data.get("pool_id")) is None:
        return pools
    if pool_id not in pools:
        raise refusal("unknown_pool", pool_id=printable(pool_id, 64))
    return {pool_id: pools[pool_id]}


async def _pool_templates(call: Call) -> list[ListedPool]:
    """Return all of them, those of a driver, or those of one coin of it."""
    pool_type, coin = call.path.get("pool_type"), call.path.get("coin")
    templates = pool_templates(call.hass, call.user, pool_type, coin)
    if not templates and pool_type is not None:
        raise refusal("unknown_template")
    return templates


async def _discovered_pools(call: Call) -> list[FoundServer]:
    return await async_discovered_pools(
        call.hass, network=call.data.get("network") != "false"
    )


TILE_ROUTES: Final = (
    Route(
        method="get",
        paths=("/dashboard/pools/platform-tiles",),
        summary="The four tiles over all pools",
        run=_platform_tiles,
        answer=PlatformTiles,
    ),
    Route(
        method="get",
        paths=("/dashboard/pools",),
        summary="The four tiles of each pool, by its ID",
        run=_pool_tiles,
        answer=dict[str, PoolTiles],
        query=WhichPool,
        errors=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        method="get",
        paths=(
            "/pool-templates",
            "/pool-templates/{pool_type}",
            "/pool-templates/{pool_type}/{coin}",
        ),
        summary="The pools to choose from: all, of a driver, of one coin of it",
        run=_pool_templates,
        answer=list[ListedPool],
        errors=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        method="get",
        paths=("/pools/discover",),
        summary="The pool servers of the own miners and in the own network",
        run=_discovered_pools,
        answer=list[FoundServer],
        query=WhereToLook,
        is_for_admins=True,
    ),
)
