"""solopool.org: solo mining of several coins, one API per coin."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, override
from urllib.parse import quote

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    InvalidValue,
    PoolBlock,
    PoolWorker,
    count_online,
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
    parse_int,
    parse_number,
    parse_text,
    parse_timestamp,
)
from custom_components.hmm.driver_api.wallets import strip_worker

DAY = 86_400


@dataclass(frozen=True, slots=True)
class _Coin:
    """Where a coin is mined."""

    api: str
    stratum: tuple[str, ...]
    port: int


# The port alone does not identify the coin: 8002 is BCH on eu2 and FB on eu3.
_COINS = {
    "DGB": _Coin("dgb-sha", ("eu1", "us1"), 8004),
    "BCH": _Coin("bch", ("eu2", "us1"), 8002),
    "BTC": _Coin("btc", ("eu3",), 8005),
    "BC2": _Coin("bc2", ("eu3",), 8001),
}


class _Generation(IntEnum):
    """The two APIs that the same hosts have spoken."""

    V1 = 1
    V2 = 2


_ACCOUNT_PATHS = {_Generation.V1: "accounts", _Generation.V2: "miners"}
_SIGNS = {
    _Generation.V1: ("currentHashrate", "workersOnline", "workersTotal"),
    _Generation.V2: ("onlineWorkers", "totalWorkers", "averageHashrate"),
}


class SolopoolDriver(BasePoolIntegration):
    """solopool.org for DigiByte (SHA-256), Bitcoin Cash, Bitcoin and BitcoinII.

    Both generations of the API are understood and distinguished by their shape
    (``/miners`` since 2026, ``/accounts`` before). Hashrates are in H/s.
    Balances are left out: their unit is nowhere documented. Version 2 reports no
    share counts (``roundShares`` is work), version 1 no time of the last block.

    Keyword arguments: ``api_base`` replaces ``https://<coin>.solopool.org/api``.
    """

    driver_type = "solopool"
    driver_version = "1.0.0"
    display_name = "Solopool.org"
    documentation_url = "https://solopool.org"
    supports_coins = list(_COINS)
    requires_api_key = False
    poll_seconds = 60

    timeout_seconds = 10.0
    """Of one request: two in a row must fit into what HMM waits for an account."""
    stats_seconds = 30.0
    """How long one response of ``/stats`` serves all accounts of a coin."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._sites: dict[str, _Site] = {}

    def _site(self, coin: str, options: Mapping[str, Any]) -> _Site:
        base = parse_text(options.get("api_base"))
        if base is None:
            listed = _COINS.get(coin.strip().upper())
            if listed is None:
                raise InvalidValue(
                    "Solopool.org does not mine this coin", reason="coin_unsupported"
                )
            base = f"https://{listed.api}.solopool.org/api"
        base = base.rstrip("/")
        if (site := self._sites.get(base)) is None:
            site = self._sites[base] = _Site(self, base)
        return site

    @override
    async def detect(self, url: str, port: int) -> bool:
        return _coin_at(url, port) is not None

    @override
    def coin_at(self, url: str, port: int) -> str | None:
        return _coin_at(url, port)

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of one wallet; ``username`` may end in ``.worker``.

        A pool that fails gives ``health_status`` False and a message; an address
        that it does not know (yet) ``account_known`` False. Raises
        ``InvalidValue``: there is no such coin.
        """
        site = self._site(coin, kwargs)
        network = await outcome(site.difficulty())
        address = strip_worker(username or "")
        account = await outcome(site.account(address)) if address else None
        return account_tiles(coin, network, account)

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        return self._site(coin, kwargs).api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        return wallet_schema()


class _Site:
    """The API of one coin: its shared statistics and which generation it is."""

    def __init__(self, driver: SolopoolDriver, base: str) -> None:
        self.api = WebApi(driver.session, base, timeout=driver.timeout_seconds)
        self._stats_seconds = driver.stats_seconds
        self._generation: _Generation | None = None

    async def stats(self) -> tuple[Mapping[str, Any], float]:
        """Return ``/stats`` and its latency in ms, from one request for all."""
        stats, latency = await self.api.shared_object("stats", self._stats_seconds)
        if stats is None:
            raise BadAnswer(
                "The pool has no statistics at this address", reason="no_statistics"
            )
        if self._generation is None:
            if isinstance(stats.get("node"), dict):
                self._generation = _Generation.V2
            elif isinstance(stats.get("stats"), dict):
                self._generation = _Generation.V1
        return stats, latency

    async def difficulty(self) -> tuple[float | None, float]:
        """Return the network's difficulty and the latency in ms."""
        stats, latency = await self.stats()
        return _difficulty(stats), latency

    async def account(self, address: str) -> tuple[DashboardTileData | None, float]:
        """Return an account and the latency in ms; None: the pool has no data.

        The generation that answered last is queried first. The other is tried
        when that gives nothing that looks like an account: the pool has changed,
        or the address is unknown.
        """
        detected = self._generation
        first = detected or _Generation.V2
        other = _Generation.V1 if first is _Generation.V2 else _Generation.V2
        failure: DriverError | None = None
        latency: float | None = None
        for generation in (first, other):
            try:
                data, took = await self.api.get_object(
                    f"{_ACCOUNT_PATHS[generation]}/{quote(address, safe='')}"
                )
            except BadAnswer as err:
                if generation is not other or detected is None:
                    failure = err
                continue
            except CannotConnect:
                if latency is None:
                    raise
                break
            if latency is None:
                latency = took
            if data is None or (shape := _shape(data)) is None:
                continue
            self._generation = generation
            return _account(data, shape, address, self.api.now()), latency
        # A "not here" of the generation that the pool is known to be is a response;
        # what the path of the other one gives does not matter then.
        if failure is not None or latency is None:
            raise failure or BadAnswer(
                "The pool did not answer properly", reason="bad_response"
            )
        return None, latency


def _account(
    data: Mapping[str, Any], shape: _Generation, address: str, now: float
) -> DashboardTileData | None:
    """Read an account of either generation. Whatever is missing or malformed is None.

    ``now`` is in seconds since 1970 by the clock of the pool. None: the address has
    never mined here, for which the pool returns zeros instead of a 404.
    """
    raw_workers = _workers(data.get("workers"))
    workers = tuple(_worker(name, raw, address) for name, raw in raw_workers)
    blocks: tuple[PoolBlock, ...] = ()
    if shape is _Generation.V2:
        hashrate = parse_amount(data.get("hashrate"))
        active = parse_count(data.get("onlineWorkers"))
        total = parse_count(data.get("totalWorkers"))
        last_share = data.get("lastShare")
        best = parse_amount(data.get("bestShare"))
        blocks = _own_blocks(data)
        blocks_found = parse_count(data.get("totalBlocks"))
        blocks_24h = _last_day(data, blocks, now)
        last_block = parse_timestamp(data.get("lastBlockTime")) or (
            parse_timestamp(blocks[0].timestamp) if blocks else None
        )
    else:
        hashrate = parse_amount(data.get("currentHashrate"))
        active = parse_count(data.get("workersOnline"))
        total = parse_count(data.get("workersTotal"))
        stats = data.get("stats")
        last_share = stats.get("lastShare") if isinstance(stats, dict) else None
        best = blocks_found = last_block = None
        blocks_24h = next(
            (
                parse_count(entry.get("blocks"))
                for entry in objects(data.get("earnings"))
                if parse_int(entry.get("period")) == DAY
            ),
            None,
        )
    if active is None and workers:
        active = count_online(workers)
    if not (hashrate or active or total or workers) and not (
        parse_number(last_share) or blocks_24h or last_block
    ):
        return None
    valid, invalid, stale = _shares(worker for _, worker in raw_workers)
    return DashboardTileData(
        pool_hashrate=hashrate,
        active_workers=active,
        shares_valid=valid,
        shares_invalid=invalid,
        shares_stale=stale,
        blocks_found_24h=blocks_24h,
        last_block_found=last_block,
        blocks_found=blocks_found,
        own_blocks=blocks,
        best_share=best,
        last_share=parse_timestamp(last_share),
        workers=workers,
    )


def _coin_at(url: str, port: int) -> str | None:
    """Return the coin at a stratum host and port.

    Ports 7xxx and 9xxx are siblings of the 8xxx ones; what they differ in is
    not documented.
    """
    host = url.strip().lower().rpartition("://")[2].partition("/")[0].partition(":")[0]
    for coin, site in _COINS.items():
        hosts = [f"{name}.solopool.org" for name in site.stratum]
        ports = (site.port, site.port - 1000, site.port + 1000)
        if host in hosts and port in ports:
            return coin
    return None


def _shape(data: Mapping[str, Any] | None) -> _Generation | None:
    """Return which generation an account is of, by its keys."""
    return next(
        (
            generation
            for generation, signs in _SIGNS.items()
            if data and any(sign in data for sign in signs)
        ),
        None,
    )


def _difficulty(stats: Mapping[str, Any]) -> float | None:
    """Return the network difficulty of ``/stats``: number or string."""
    for name in ("node", "stats"):
        section = stats.get(name)
        if isinstance(section, dict):
            difficulty = parse_amount(section.get("difficulty"))
            if difficulty:
                return difficulty
    return None


def _own_blocks(data: Mapping[str, Any]) -> tuple[PoolBlock, ...]:
    """Return the blocks that version 2 lists for a wallet, newest first."""
    blocks = [
        PoolBlock(
            height=parse_count(entry.get("height")),
            hash=parse_text(entry.get("hash")),
            worker=parse_text(entry.get("worker")),
            timestamp=None if timestamp is None else round(timestamp.timestamp()),
            difficulty=parse_amount(entry.get("shareDiff")),
        )
        for entry in objects(data.get("blocks"))
        for timestamp in (parse_timestamp(entry.get("timestamp")),)
    ]
    blocks.sort(key=lambda block: block.timestamp or 0, reverse=True)
    return tuple(blocks)


def _last_day(
    data: Mapping[str, Any], blocks: Iterable[PoolBlock], now: float
) -> int | None:
    """Return how many blocks are of the last 24 hours.

    None: there is no list, or one that cannot be read as a whole.
    """
    listed = data.get("blocks")
    if not isinstance(listed, list):
        return 0 if parse_count(data.get("totalBlocks")) == 0 else None
    times = [block.timestamp for block in blocks if block.timestamp is not None]
    if len(times) < len(listed):
        return None
    since = now - DAY
    return sum(timestamp >= since for timestamp in times)


def _worker(name: str, raw: Mapping[str, Any], address: str) -> PoolWorker:
    offline = parse_bool(raw.get("offline"))
    return PoolWorker(
        # A miner without worker name is listed under the wallet itself.
        name="default" if name in ("", address) else name,
        hashrate=parse_amount(raw.get("hr")),
        online=None if offline is None else not offline,
        shares_valid=parse_count(raw.get("sharesValid")),
        shares_invalid=parse_count(raw.get("sharesInvalid")),
        shares_stale=parse_count(raw.get("sharesStale")),
        last_share=parse_timestamp(raw.get("lastBeat")),
    )


def _workers(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return names and figures of workers: an object by name, or a list."""
    if isinstance(value, dict):
        return [(name, item) for name, item in value.items() if isinstance(item, dict)]
    return [(parse_text(item.get("name")) or "", item) for item in objects(value)]


def _shares(
    workers: Iterable[Mapping[str, Any]],
) -> tuple[int | None, int | None, int | None]:
    """Return the sums of valid, invalid and stale shares.

    None where it is not reported of all workers.
    """
    entries = list(workers)

    def total(key: str) -> int | None:
        counts = [parse_count(worker.get(key)) for worker in entries]
        numbers = [count for count in counts if count is not None]
        return sum(numbers) if numbers and len(numbers) == len(counts) else None

    return total("sharesValid"), total("sharesInvalid"), total("sharesStale")
