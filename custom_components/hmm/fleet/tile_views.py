"""The pools over HTTP, at the addresses that HMM-Local had below ``/api``.

A user reads what his entities would show him, and the list of known pools.
``pools/discover`` requests servers in the network: administrators only.
"""

from http import HTTPStatus

from aiohttp import web
from homeassistant.components.http import KEY_HASS_USER, require_admin
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView

from ..errors import sentence
from ..markdown import printable
from .tiles_json import (
    async_discovered_pools,
    platform_tiles,
    pool_templates,
    pool_tiles,
)


@callback
def async_register_views(hass: HomeAssistant) -> None:
    """Register the addresses; they stay for as long as Home Assistant runs."""
    for view in (
        PlatformTilesView,
        PoolTilesView,
        PoolTemplatesView,
        DiscoveredPoolsView,
    ):
        hass.http.register_view(view)


class PlatformTilesView(HomeAssistantView):
    """The four tiles over all pools."""

    url = "/api/hmm/dashboard/pools/platform-tiles"
    name = "api:hmm:dashboard:pools:platform-tiles"

    @callback
    def get(self, request: web.Request) -> web.Response:
        """Return the tiles."""
        return self.json(platform_tiles(request.app[KEY_HASS], request[KEY_HASS_USER]))


class PoolTilesView(HomeAssistantView):
    """The four tiles of each pool, or of one."""

    url = "/api/hmm/dashboard/pools"
    name = "api:hmm:dashboard:pools"

    @callback
    def get(self, request: web.Request) -> web.Response:
        """Return the tiles by pool id; ``pool_id`` in the query picks one."""
        pools = pool_tiles(request.app[KEY_HASS], request[KEY_HASS_USER])
        if (pool_id := request.query.get("pool_id")) is None:
            return self.json(pools)
        if pool_id not in pools:
            return self.json_message(
                sentence(
                    request.app[KEY_HASS],
                    "unknown_pool",
                    {"pool_id": printable(pool_id, 64)},
                ),
                HTTPStatus.NOT_FOUND,
                "unknown_pool",
            )
        return self.json({pool_id: pools[pool_id]})


class PoolTemplatesView(HomeAssistantView):
    """The pools that can be chosen from the list."""

    url = "/api/hmm/pool-templates"
    extra_urls = [
        "/api/hmm/pool-templates/{pool_type}",
        "/api/hmm/pool-templates/{pool_type}/{coin}",
    ]
    name = "api:hmm:pool-templates"

    @callback
    def get(
        self,
        request: web.Request,
        pool_type: str | None = None,
        coin: str | None = None,
    ) -> web.Response:
        """Return all of them, those of a driver, or those of one coin of it."""
        found = pool_templates(request.app[KEY_HASS], pool_type, coin)
        if not found and pool_type is not None:
            return self.json_message(
                sentence(request.app[KEY_HASS], "unknown_template", {}),
                HTTPStatus.NOT_FOUND,
                "unknown_template",
            )
        return self.json(found)


class DiscoveredPoolsView(HomeAssistantView):
    """The pools that the own miners mine at."""

    url = "/api/hmm/pools/discover"
    name = "api:hmm:pools:discover"

    @require_admin
    async def get(self, request: web.Request) -> web.Response:
        """Return them with what recognises them and whether they are set up."""
        return self.json(await async_discovered_pools(request.app[KEY_HASS]))
