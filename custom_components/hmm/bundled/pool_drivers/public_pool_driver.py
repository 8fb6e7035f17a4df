"""public-pool: the hosted public-pool.io, its forks, and servers of one's own."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, override
from urllib.parse import quote

from custom_components.hmm.bundled.shared.web_address import (
    bracket,
    host_of,
    parts_of,
    typed_base,
)
from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    FoundPool,
    InvalidValue,
    MiningModel,
    PoolBlock,
    PoolTemplate,
    PoolWorker,
)
from custom_components.hmm.driver_api.account import (
    account_tiles,
    objects,
    outcome,
    wallet_schema,
)
from custom_components.hmm.driver_api.transports.web import WebApi
from custom_components.hmm.driver_api.units import (
    parse_amount,
    parse_bool,
    parse_count,
    parse_text,
    parse_timestamp,
)
from custom_components.hmm.driver_api.wallets import strip_worker

API_PORT = 3334
STRATUM_PORT = 3333

# Domains and the API of each. nerdminer.de is the address that its web page would
# use by the defaults of public-pool-ui; not verified.
_HOSTED = {
    "public-pool.io": "https://public-pool.io:40557/api",
    "yourdevice.ch": "https://blitzpool.yourdevice.ch:3334/api",
    "pool.solomining.de": "https://pool.solomining.de/api",
    "pool.nerdminer.de": "https://pool.nerdminer.de/api",
}
_TEST_COIN = "TBTC"


class PublicPoolDriver(BasePoolIntegration):
    """public-pool and its forks, which mine Bitcoin alone.

    Both servers are understood: that of 2025 and that of 2026, which adds
    ``accounting`` with a count of accepted shares (src/controllers/client and
    src/ORM/share-accounting of benjamin-wilson/public-pool). Rejected shares and
    the time of a block are reported by neither. A hashrate is the mean of the last 10
    to 20 minutes, credited by difficulty. What an address may expect of a shared
    block (``expectedPayout``, blitzpool's ``/pplns``) is left out: it is not a balance.

    Keyword arguments: ``api_base`` (or ``api_base_url``) is where the API or the
    web page is, ``verify_ssl`` whether its certificate must be valid.
    """

    driver_type = "public_pool"
    driver_version = "1.0.0"
    display_name = "Public Pool"
    documentation_url = "https://github.com/benjamin-wilson/public-pool"
    supports_coins = ["BTC"]
    requires_api_key = False
    servers_share_accounts = False
    poll_seconds = 60
    """Of a hosted pool."""
    own_poll_seconds = 30

    timeout_seconds = 12.0
    shared_seconds = 300.0
    """How long the figures of network and pool serve; the server caches as long."""
    retry_seconds = 30.0
    """How long it serves that there are none."""
    probe_seconds = 2.8
    probe_ports: tuple[int, ...] = (API_PORT, 2019, 40557)
    """public-pool itself, Umbrel, and the port of the hosted one."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._sites: dict[tuple[str, bool], _Site] = {}

    def _site(self, url: str, options: Mapping[str, Any]) -> _Site:
        base = _api_base(url, options)
        verify = parse_bool(options.get("verify_ssl")) is not False
        if (site := self._sites.get((base, verify))) is None:
            site = self._sites[base, verify] = _Site(self, base, verify)
        return site

    @override
    def get_pool_templates(self) -> list[PoolTemplate]:
        return [
            PoolTemplate(
                template_id="public-pool-local",
                display_name="Public Pool (own server)",
                description="Solo mining of Bitcoin on a server of your own",
                url="",
                port=STRATUM_PORT,
                coin="BTC",
                region="LOCAL",
                mining_model=MiningModel.SOLO,
            )
        ]

    @override
    def get_poll_seconds(self, url: str, **kwargs: Any) -> int:
        try:
            base = _api_base(url, kwargs)
        except InvalidValue:
            return self.poll_seconds
        hosted = _hosted(host_of(base)) is not None
        return self.poll_seconds if hosted else self.own_poll_seconds

    @override
    async def detect(self, url: str, port: int) -> bool:
        return _hosted(host_of(url)) is not None

    @override
    async def probe(self, url: str, port: int) -> list[FoundPool]:
        """Ask the usual ports of the API, never the stratum port."""
        host = host_of(url)
        if not host:
            return []
        results = await asyncio.gather(
            *(
                self._probe_port(host, candidate)
                for candidate in self.probe_ports
                if candidate != port
            )
        )
        return [pool for pool in results if pool is not None][:1]

    async def _probe_port(self, host: str, port: int) -> FoundPool | None:
        try:
            async with asyncio.timeout(self.probe_seconds):
                # API_SECURE=true is HTTPS with a certificate that it signed itself
                for scheme, settings in (
                    ("http", {}),
                    ("https", {"verify_ssl": False}),
                ):
                    base = f"{scheme}://{bracket(host, port)}/api"
                    api = WebApi(
                        self.session,
                        base,
                        timeout=self.probe_seconds / 2,
                        verify_ssl=not settings,
                    )
                    answer = await outcome(api.get_object("pool"))
                    if isinstance(answer, DriverError):
                        continue
                    pool, _ = answer
                    if pool is None or parse_amount(pool.get("totalHashRate")) is None:
                        return None
                    network = await outcome(api.get_object("network"))
                    chain = None
                    if not isinstance(network, DriverError):
                        chain = parse_text((network[0] or {}).get("chain"))
                    return FoundPool(
                        coin="BTC" if chain in (None, "main") else _TEST_COIN,
                        settings={"api_base": base, **settings},
                    )
        except TimeoutError:
            pass
        return None

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of one wallet; ``username`` may end in ``.worker``.

        A pool that fails gives ``health_status`` False and a message; an address
        that it does not know (yet) ``account_known`` False. Raises
        ``InvalidValue``: the address of the API is none.
        """
        site = self._site(url, kwargs)
        address = strip_worker(username or "")
        # At once: without its node the server never answers /network
        network, pool, account = await asyncio.gather(
            outcome(site.difficulty()),
            outcome(site.pool()),
            outcome(site.account(address)),
        )
        tiles = account_tiles(coin, network, account)
        if isinstance(account, DriverError | None) or account[0] is None:
            return tiles
        own = fee = None
        if not isinstance(pool, DriverError):
            own = _own_blocks(pool[0], address, coin)
            fee = parse_amount(pool[0].get("fee"))
        return replace(
            tiles,
            fee_percent=fee,
            blocks_found=None if own is None else len(own),
            own_blocks=own or (),
        )

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        return self._site(url, kwargs).api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return that a wallet is needed, and what a server of one's own may need."""
        return wallet_schema(
            "The Bitcoin address that your miners mine to",
            api_base={
                "type": "string",
                "title": "Address of the statistics",
                "description": (
                    "Only for a server of your own whose statistics are not on"
                    " port 3334: the address of its web page or API, as"
                    " http://umbrel.local:2019"
                ),
            },
            verify_ssl={
                "type": "boolean",
                "title": "Check the certificate",
                "description": (
                    "Off for a server of your own with HTTPS and a certificate"
                    " that it signed itself"
                ),
                "default": True,
            },
        )

    @override
    def validate_config(self, config: dict[str, Any]) -> bool:
        try:
            if (typed := typed_base(config)) is not None:
                _read_base(typed)
        except InvalidValue:
            return False
        return super().validate_config(config)


class _Site:
    """One API and its shared figures."""

    def __init__(self, driver: PublicPoolDriver, base: str, verify: bool) -> None:
        self.api = WebApi(
            driver.session, base, timeout=driver.timeout_seconds, verify_ssl=verify
        )
        self._driver = driver

    async def difficulty(self) -> tuple[float | None, float]:
        """Return the network's difficulty and the latency in ms, shared by all."""
        network, latency = await self._shared("network")
        return parse_amount(network.get("difficulty")) or None, latency

    async def pool(self) -> tuple[Mapping[str, Any], float]:
        """Return ``/pool`` and its latency in ms, from one request for all."""
        return await self._shared("pool")

    async def _shared(self, path: str) -> tuple[Mapping[str, Any], float]:
        data, latency = await self.api.shared_object(path, self._driver.shared_seconds)
        if data is None:
            data, latency = await self.api.shared_object(
                path, self._driver.retry_seconds
            )
        if data is None:
            raise BadAnswer(
                "The pool has no statistics at this address", reason="no_statistics"
            )
        return data, latency

    async def account(
        self, address: str
    ) -> tuple[DashboardTileData | None, float] | None:
        """Return an account and the latency in ms, None without an address.

        None instead of the account: the pool has no data. This software reports that
        with 200, a fork may with 404.
        """
        if not address:
            return None
        data, latency = await self.api.get_object(f"client/{quote(address, safe='')}")
        return (None if data is None else _account(data)), latency


def _account(data: Mapping[str, Any]) -> DashboardTileData | None:
    """Read an account; None: no one has mined to this address.

    Whatever is missing or malformed is None. Raises BadAnswer: this is not an account.
    """
    if "workers" not in data and "workersCount" not in data:
        raise BadAnswer(
            "The pool answered with JSON of another shape", reason="bad_response"
        )
    entries = data.get("workers")
    sessions = [
        session
        for session in objects(entries)
        if isinstance(session.get("name", ""), str)
    ]
    # A part of the list is nothing that can be counted or added up
    listed = isinstance(entries, list) and len(sessions) == len(entries)
    count = parse_count(data.get("workersCount"))
    best = parse_amount(data.get("bestDifficulty"))
    accounting = data.get("accounting")
    if not isinstance(accounting, dict):
        accounting = {}
    # Some 2026 servers fill it with zeros (API_ONLY); the address is unknown to the
    # pool before a first share was accepted.
    accepted = parse_count(accounting.get("totalAcceptedShares")) or None
    if not (sessions or count or best or accepted) and (listed or count == 0):
        # The server of 2025 has a best of 0 for those that it knows, after
        # someone found a block, and no best for others. That of 2026 says 0
        # of anybody.
        if best is None or "accounting" in data:
            return None
    workers = _workers(sessions)
    seen = [worker.last_share for worker in workers if worker.last_share]
    if best is None:
        best = max(
            (worker.best_share for worker in workers if worker.best_share), default=None
        )
    return DashboardTileData(
        pool_hashrate=_sum(worker.hashrate for worker in workers) if listed else None,
        active_workers=len(workers) if listed else count,
        shares_valid=accepted,
        best_share=best,
        last_share=max(seen, default=None)
        or parse_timestamp(accounting.get("latestShareAt")),
        workers=workers,
    )


def _workers(sessions: Iterable[Mapping[str, Any]]) -> tuple[PoolWorker, ...]:
    """Return the workers: several sessions may have one name.

    The pool lists a session only while it mines; one that fell silent vanishes
    (after 5 minutes, of the server of 2026 after 30).
    """
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for session in sessions:
        by_name.setdefault(parse_text(session.get("name")) or "default", []).append(
            session
        )
    workers = []
    for name, same in by_name.items():
        best = [parse_amount(session.get("bestDifficulty")) for session in same]
        seen = [parse_timestamp(session.get("lastSeen")) for session in same]
        workers.append(
            PoolWorker(
                name=name,
                hashrate=_sum(
                    parse_amount(session.get("hashRate")) for session in same
                ),
                online=True,
                best_share=max(
                    (share for share in best if share is not None), default=None
                ),
                last_share=max(
                    (timestamp for timestamp in seen if timestamp is not None),
                    default=None,
                ),
            )
        )
    return tuple(workers)


def _sum(values: Iterable[float | None]) -> float | None:
    """Return the sum, None if a part of it is unknown."""
    total = 0.0
    for value in values:
        if value is None:
            return None
        total += value
    return total


def _blocks(pool: Mapping[str, Any], coin: str) -> list[PoolBlock]:
    """Return the blocks that ``/pool`` lists, newest first."""
    blocks = [
        PoolBlock(
            height=parse_count(entry.get("height")),
            miner=parse_text(entry.get("minerAddress")),
            worker=parse_text(entry.get("worker")),
            coin=coin.strip().upper(),
        )
        for entry in objects(pool.get("blocksFound"))
    ]
    return sorted(blocks, key=lambda block: block.height or 0, reverse=True)


def _own_blocks(
    pool: Mapping[str, Any], address: str, coin: str
) -> tuple[PoolBlock, ...] | None:
    """Return the blocks of an address, None if not all listed ones report whose."""
    listed = pool.get("blocksFound")
    if not isinstance(listed, list):
        return None
    blocks = [block for block in _blocks(pool, coin) if block.miner is not None]
    if len(blocks) < len(listed):
        return None
    return tuple(block for block in blocks if block.miner == address)


def _hosted(host: str) -> str | None:
    """Return the API of a hosted pool, by its whole domain."""
    for domain, api in _HOSTED.items():
        if host == domain or host.endswith(f".{domain}"):
            return api
    return None


def _api_base(url: str, options: Mapping[str, Any]) -> str:
    """Return where the API of a stratum host is. Raises InvalidValue."""
    if (typed := typed_base(options)) is not None:
        return _read_base(typed)
    host = host_of(url)
    if not host:
        raise InvalidValue("The pool needs an address", reason="host_invalid")
    return _hosted(host) or f"http://{bracket(host, API_PORT)}/api"


def _read_base(typed: str) -> str:
    """Return the API of what was typed: its address or that of the web page."""
    parts, host, port = parts_of(typed)
    if port is None:
        if (base := _hosted(host)) is not None:
            return base
        if "://" not in typed:
            port = API_PORT
    place = bracket(host, port)
    folders = [folder for folder in parts.path.split("/") if folder]
    if "api" in folders:
        folders = folders[: folders.index("api")]
    return "/".join((f"{parts.scheme}://{place}", *folders, "api"))
