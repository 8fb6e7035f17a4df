"""MMFP Solutions: GoSlimStratum and GoStratumEngine, pool servers of one's own."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping
from dataclasses import replace
from typing import Any, override
from urllib.parse import quote

from custom_components.hmm.bundled.shared.mmfp import PoolServer, no_such_pool
from custom_components.hmm.bundled.shared.mmfp_gse import GoStratumEngine
from custom_components.hmm.bundled.shared.mmfp_gss import GoSlimStratum
from custom_components.hmm.driver_api import (
    AuthRequired,
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    FoundPool,
    InvalidValue,
    MiningModel,
    PoolTemplate,
)
from custom_components.hmm.driver_api.account import with_network
from custom_components.hmm.driver_api.coins import COINS
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import parse_bool, parse_int, parse_text
from custom_components.hmm.driver_api.wallets import strip_worker

# Stratum ports of the installers' templates and of config.example.json
_GSS_STRATUM = {"DGB": 3333, "BCH": 3334, "BTC": 3335}
_GSE_STRATUM = {"BTC": 3333, "DGB": 3334, "BCH": 3335, "XEC": 3336, "BC2": 3337}

# The installer's second Bitcoin pool, beside that of another node
_SECOND_POOLS = {"BTC-CORE": "BTC"}

type _Place = tuple[str, tuple[type[PoolServer], ...]]
"""Where to query, and which servers there may be."""


class MmfpDriver(BasePoolIntegration):
    """GoSlimStratum (GSS) and GoStratumEngine (GSE) on the user's own network.

    They are distinguished by the endpoint that responds: both have ``/api/v1/health``,
    but only GSS has ``/api/v1/<pool>/metrics/pool`` and only GSE ``/api/v1/stats``. A
    poll is two requests. A server of one's own equals its user: without ``username``
    all of a pool is the user's, with it what the workers of that address do.

    Keyword arguments: ``api_port`` (4004; while it is left at that, a GSE at 8080
    is found as well), ``api_key`` (GSS with a licence), ``pool_key`` (the pool's
    name in the server where it is not the coin's, as "BTC-CORE"), ``api_base`` or
    ``api_base_url`` (instead of the host's port, as ``https://pool.lan/gss``) and
    ``verify_ssl``.
    """

    driver_type = "mmfp"
    driver_version = "1.0.0"
    display_name = "MMFP Solutions"
    documentation_url = "https://www.mmfpsolutions.io"
    supports_coins = list(COINS)
    requires_api_key = False
    poll_seconds = 30

    gss_port = 4004
    gse_port = 8080
    timeout_seconds = 8.0
    probe_seconds = 2.5
    share_seconds = 20.0
    """How long one response serves all accounts of a server."""
    window_seconds = 600.0
    """Over how much time the hashrate at a GSE is taken."""
    least_seconds = 120.0
    """The least of it for a hashrate to be reported."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._servers: dict[tuple[Any, ...], PoolServer] = {}
        self._found: dict[tuple[Any, ...], PoolServer] = {}

    @override
    def get_pool_templates(self) -> list[PoolTemplate]:
        """Return one of each coin and server, with its usual stratum port."""
        return [
            PoolTemplate(
                template_id=_template_id(short, coin),
                display_name=f"{name} {coin} (own server)",
                url="",
                port=port,
                coin=coin,
                mining_model=MiningModel.SOLO,
                region="LOCAL",
                description=f"{COINS[coin].name} on a {name} of your own",
            )
            for short, name, ports in (
                ("gss", "GoSlimStratum", _GSS_STRATUM),
                ("gse", "GoStratumEngine", _GSE_STRATUM),
            )
            for coin, port in ports.items()
        ]

    @override
    async def detect(self, url: str, port: int) -> bool:
        return False

    @override
    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Return the coins of the GSS and of the GSE at a host.

        A GSS that wants a key does not report its coins, so it is not found.
        """
        results = await asyncio.gather(
            self._in_time(self._probe_gss(_host(url))),
            self._in_time(self._probe_gse(_host(url))),
        )
        return [pool for pools in results for pool in pools]

    async def _in_time(self, probe: Awaitable[list[FoundPool]]) -> list[FoundPool]:
        try:
            async with asyncio.timeout(self.probe_seconds):
                return await probe
        except DriverError, TimeoutError:
            return []

    async def _probe_gss(self, host: str) -> list[FoundPool]:
        api = self._api(f"http://{host}:{self.gss_port}")
        health, _ = await api.get_object("api/v1/health")
        if health is None or not _is_ok(health):
            return []
        server = GoSlimStratum(api, self.share_seconds)
        pools = [*((coin, coin) for coin in COINS), *_SECOND_POOLS.items()]
        answers = await asyncio.gather(*(server.answers(pool) for pool, _ in pools))
        settings = {"api_port": self.gss_port}
        return [
            FoundPool(
                coin=coin,
                settings=settings if pool == coin else {**settings, "pool_key": pool},
                template_id=_template_id("gss", coin),
            )
            for (pool, coin), answer in zip(pools, answers, strict=True)
            if answer
        ]

    async def _probe_gse(self, host: str) -> list[FoundPool]:
        server = self._gse(self._api(f"http://{host}:{self.gse_port}"))
        return [
            FoundPool(
                coin=coin,
                settings={"api_port": self.gse_port},
                template_id=_template_id("gse", coin),
            )
            for coin in await server.coins() or {}
            if coin in COINS
        ]

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of an address, or of the whole pool without one.

        ``username`` may end in ``.worker``. An address without workers gives
        ``account_known`` False. Raises AuthRequired: GSS wants another key;
        BadAnswer: there is no pool of the coin; CannotConnect: nothing answers.
        """
        account = strip_worker(username or "")
        tiles = await self._tiles(url, coin, account, kwargs)
        tiles = with_network(tiles, coin)
        own_blocks = (replace(block, coin=tiles.currency) for block in tiles.own_blocks)
        return replace(tiles, own_blocks=tuple(own_blocks))

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        server = self._found.get(self._key_of(url, coin, kwargs))
        return None if server is None else server.api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return that nothing is needed, and what helps."""
        return {
            "type": "object",
            "properties": {
                "username": {
                    "type": "string",
                    "title": "Wallet address",
                    "description": (
                        "Only count workers whose user begins with this address. "
                        "Empty: all that the server counts is yours."
                    ),
                    "format": "wallet",
                },
                "api_port": {
                    "type": "integer",
                    "title": "API port",
                    "description": (
                        "Of the HTTP API, which GoSlimStratum must have switched on. "
                        "A GoStratumEngine at 8080 is found with 4004 as well."
                    ),
                    "default": self.gss_port,
                    "minimum": 1,
                    "maximum": 65535,
                },
                "api_key": {
                    "type": "string",
                    "title": "API key",
                    "description": "Of GoSlimStratum, if its API asks for one.",
                    "format": "password",
                },
                "pool_key": {
                    "type": "string",
                    "title": "Name of the pool",
                    "description": (
                        "As it is called in the server, if it is not named after its "
                        "coin, such as BTC-CORE."
                    ),
                },
            },
            "required": [],
        }

    # --- Which server -------------------------------------------------------

    async def _tiles(
        self, url: str, coin: str, account: str, options: Mapping[str, Any]
    ) -> DashboardTileData:
        server = await self._server(url, coin, options)
        try:
            return await server.tiles(_pool(coin, options), account)
        except BadAnswer:
            # It may have become another server: probe again the next time
            self._found = {
                place: other
                for place, other in self._found.items()
                if other is not server
            }
            raise

    async def _server(
        self, url: str, coin: str, options: Mapping[str, Any]
    ) -> PoolServer:
        """Return the server that has the pool, which is looked for once."""
        key = self._key_of(url, coin, options)
        if key not in self._found:
            self._found[key] = await self._find(url, _pool(coin, options), options)
        return self._found[key]

    def _key_of(
        self, url: str, coin: str, options: Mapping[str, Any]
    ) -> tuple[Any, ...]:
        """Return what a pool in a server is known by."""
        return (
            *self._places(url, options),
            _pool(coin, options),
            _key(options),
            _verify_ssl(options),
        )

    async def _find(
        self, url: str, pool: str, options: Mapping[str, Any]
    ) -> PoolServer:
        """Ask all places; raise what went wrong at the first of them."""
        problem: DriverError | None = None
        for base, kinds in self._places(url, options):
            for kind in kinds:
                server = self._at(base, kind, options)
                try:
                    if await server.answers(pool):
                        return server
                except AuthRequired:
                    raise
                except CannotConnect as err:
                    problem = problem or err
                    break
                except BadAnswer as err:
                    problem = problem or err
        raise problem or no_such_pool(pool)

    def _places(self, url: str, options: Mapping[str, Any]) -> Iterator[_Place]:
        """Yield where a server may be. Raises InvalidValue: no host is given."""
        base = parse_text(options.get("api_base")) or parse_text(
            options.get("api_base_url")
        )
        if base is not None:
            yield base.rstrip("/").removesuffix("/api/v1"), _EITHER
            return
        if not (host := _host(url)):
            raise InvalidValue(
                "The address of the server is missing", reason="host_invalid"
            )
        port = parse_int(options.get("api_port")) or self.gss_port
        kinds = tuple(reversed(_EITHER)) if port == self.gse_port else _EITHER
        yield f"http://{host}:{port}", kinds
        if port == self.gss_port:
            yield f"http://{host}:{self.gse_port}", (GoStratumEngine,)

    def _at(
        self, base: str, kind: type[PoolServer], options: Mapping[str, Any]
    ) -> PoolServer:
        """Return the client of one address, which all of its pools share."""
        # GSE has no keys: it gets none, and a 401 there is none of its own
        key = _key(options) if kind is GoSlimStratum else None
        verify_ssl = _verify_ssl(options)
        place = (base, kind, key, verify_ssl)
        if (server := self._servers.get(place)) is None:
            keyed = kind is GoSlimStratum
            api = self._api(base, key=key, keyed=keyed, verify_ssl=verify_ssl)
            server = GoSlimStratum(api, self.share_seconds) if keyed else self._gse(api)
            self._servers[place] = server
        return server

    def _gse(self, api: WebApi) -> GoStratumEngine:
        return GoStratumEngine(
            api,
            self.share_seconds,
            window_seconds=self.window_seconds,
            least_seconds=self.least_seconds,
        )

    def _api(
        self,
        base: str,
        *,
        key: str | None = None,
        keyed: bool = False,
        verify_ssl: bool = True,
    ) -> WebApi:
        return WebApi(
            self.session,
            base,
            headers={"X-API-Key": key} if key else None,
            keyed=keyed,
            timeout=self.timeout_seconds,
            verify_ssl=verify_ssl,
        )


_EITHER: tuple[type[PoolServer], ...] = (GoSlimStratum, GoStratumEngine)


def _pool(coin: str, options: Mapping[str, Any]) -> str:
    """Return the pool's name in the server."""
    return parse_text(options.get("pool_key")) or coin.strip().upper()


def _key(options: Mapping[str, Any]) -> str | None:
    return parse_text(options.get("api_key"))


def _verify_ssl(options: Mapping[str, Any]) -> bool:
    return parse_bool(options.get("verify_ssl")) is not False


def _is_ok(health: Mapping[str, Any]) -> bool:
    return (parse_text(health.get("status")) or "").lower() == "ok"


def _template_id(server: str, coin: str) -> str:
    """Return the id of the template of a coin on a kind of server."""
    return f"mmfp-{server}-{coin.lower()}"


def _host(url: str) -> str:
    """Return the host of a stratum address as it is written in a URL."""
    host = url.strip().rpartition("://")[2].partition("/")[0]
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    if host.count(":") > 1:
        return f"[{host}]"
    return quote(host.partition(":")[0])
