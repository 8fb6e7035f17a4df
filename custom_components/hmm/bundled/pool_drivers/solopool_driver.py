"""solopool.org: solo mining of several coins, one API per coin."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import IntEnum
import json
import time
from typing import Any, override
from urllib.parse import quote

import aiohttp

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    CannotConnect,
    DashboardTileData,
    DriverError,
    InvalidValue,
    PoolBlock,
    PoolHealthStatus,
    PoolStats,
    PoolWorker,
)
from custom_components.hmm.driver_api.units import (
    expected_seconds_to_block,
    network_share_percent,
    parse_bool,
    parse_compact,
    parse_int,
    parse_number,
    parse_text,
)
from custom_components.hmm.driver_api.wallets import check_wallet, strip_worker

DAY = 86_400
MAX_ANSWER = 2_097_152
"""Bytes; accounts list every block and payment."""


@dataclass(frozen=True, slots=True)
class _Coin:
    """Where a coin is mined, and how often its network finds a block."""

    api: str
    stratum: tuple[str, ...]
    port: int
    block_seconds: float


# The port alone does not tell the coin: 8002 is BCH on eu2 and FB on eu3.
_COINS = {
    "DGB": _Coin("dgb-sha", ("eu1", "us1"), 8004, 75),  # SHA-256, one of 5 algorithms
    "BCH": _Coin("bch", ("eu2", "us1"), 8002, 600),
    "BTC": _Coin("btc", ("eu3",), 8005, 600),
    "BC2": _Coin("bc2", ("eu3",), 8001, 600),
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

    Both generations of the API are understood and told apart by their shape
    (``/miners`` since 2026, ``/accounts`` before). Hashrates are in H/s.
    Balances are left out: their unit is nowhere documented. Version 2 tells no
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

    timeout_seconds = 15.0
    stats_seconds = 30.0
    """How long one answer of ``/stats`` serves all accounts of a coin."""
    longest_pause = 900.0
    """The most of a ``Retry-After`` that is obeyed, in seconds."""

    def __init__(self) -> None:
        """Make a driver that has asked nothing yet."""
        self._sites: dict[str, _Site] = {}

    def _site(self, coin: str, options: Mapping[str, Any]) -> _Site:
        base = parse_text(options.get("api_base"))
        if base is None:
            known = _COINS.get(coin.strip().upper())
            if known is None:
                raise InvalidValue("Solopool.org does not mine this coin")
            base = f"https://{known.api}.solopool.org/api"
        base = base.rstrip("/")
        if (site := self._sites.get(base)) is None:
            site = self._sites[base] = _Site(self, base)
        return site

    @override
    async def detect(self, url: str, port: int) -> bool:
        """Return whether host and port are one of the pool's; asks nothing."""
        return _coin_at(url, port) is not None

    @override
    async def get_health(self, url: str, port: int, **kwargs: Any) -> PoolHealthStatus:
        """Return whether the API of the coin answers, and how fast."""
        coin = parse_text(kwargs.get("coin")) or _coin_at(url, port) or ""
        try:
            _, latency = await self._site(coin, kwargs).stats()
        except DriverError as err:
            return PoolHealthStatus(is_healthy=False, error_message=str(err))
        return PoolHealthStatus(is_healthy=True, latency_ms=latency)

    @override
    async def get_network_difficulty(self, coin: str, **kwargs: Any) -> float | None:
        """Return the difficulty of the network, on the algorithm that is mined."""
        stats, _ = await self._site(coin, kwargs).stats()
        return _difficulty(stats)

    @override
    async def get_pool_stats(
        self, url: str, coin: str, **kwargs: Any
    ) -> PoolStats | None:
        """Return figures of the whole pool; ``hashrate`` in H/s."""
        stats, _ = await self._site(coin, kwargs).stats()
        return PoolStats(
            hashrate=_amount(stats.get("hashrate")),
            active_workers=_count(stats.get("totalWorkers")),
            blocks_found=_count(stats.get("totalBlocks")),
            network_difficulty=_difficulty(stats),
        )

    @override
    async def get_blocks(
        self, url: str, coin: str, hours: int = 24, **kwargs: Any
    ) -> list[PoolBlock]:
        """Return the blocks of the whole pool, newest first (version 1 only)."""
        data = await self._site(coin, kwargs).get("blocks")
        since = time.time() - hours * 3600
        blocks = []
        for kind in ("candidates", "immature", "matured"):
            for entry in _dicts((data or {}).get(kind)):
                height = _count(entry.get("height"))
                timestamp = _unix(entry.get("timestamp"))
                if height is None or timestamp is None or timestamp < since:
                    continue
                if parse_bool(entry.get("orphan")):
                    continue
                blocks.append(
                    PoolBlock(
                        height=height,
                        hash=parse_text(entry.get("hash")) or "",
                        miner=parse_text(entry.get("miner")),
                        timestamp=round(timestamp),
                        difficulty=_amount(entry.get("shareDifficulty")),
                        network_difficulty=_amount(entry.get("difficulty")),
                        coin=coin.upper(),
                        confirmed=kind == "matured",
                    )
                )
        return sorted(blocks, key=lambda block: block.timestamp or 0, reverse=True)

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
        block_seconds = _block_seconds(coin)
        difficulty: float | None = None
        latency: float | None = None
        problem: str | None = None
        try:
            stats, latency = await site.stats()
            difficulty = _difficulty(stats)
        except DriverError as err:
            problem = str(err)
        address = strip_worker(username or "")
        account: _Account | None = None
        if address:
            try:
                account, latency = await site.account(address)
            except DriverError as err:
                problem = str(err)
            else:
                if account is not None:
                    problem = None  # the account is what matters
        tile = DashboardTileData(
            health_status=problem is None,
            health_message=problem,
            latency_ms=None if problem else latency,
            network_difficulty=difficulty,
            currency=coin.strip().upper(),
            account_known=not address or account is not None or problem is not None,
        )
        if account is None:
            return tile
        return account.fill(tile, difficulty, block_seconds)

    @override
    def get_config_schema(self) -> dict[str, Any]:
        """Return that a wallet address is needed."""
        return {
            "type": "object",
            "properties": {
                "username": {"type": "string", "title": "Wallet address"},
            },
            "required": ["username"],
        }

    @override
    def validate_config(self, config: dict[str, Any]) -> bool:
        """Return whether ``username`` is an address, of ``coin`` if that is given."""
        username = parse_text(config.get("username"))
        if username is None:
            return False
        try:
            check_wallet(parse_text(config.get("coin")) or "", username)
        except InvalidValue:
            return False
        return True

    @override
    async def get_user_stats(
        self, url: str, coin: str, username: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return ``hashrate`` (H/s), ``workers`` and ``best_share`` of a wallet."""
        account, _ = await self._site(coin, kwargs).account(strip_worker(username))
        if account is None:
            return None
        return {
            "hashrate": account.hashrate,
            "workers": account.active_workers,
            "best_share": account.best_share,
        }

    @override
    async def get_worker_stats(
        self, url: str, coin: str, worker_name: str, **kwargs: Any
    ) -> dict[str, Any] | None:
        """Return ``hashrate`` (H/s) and ``online`` of a worker of ``username``."""
        username = parse_text(kwargs.get("username")) or ""
        if not (address := strip_worker(username)):
            return None
        account, _ = await self._site(coin, kwargs).account(address)
        for worker in account.workers if account else ():
            if worker.name == worker_name:
                return {"hashrate": worker.hashrate, "online": worker.online}
        return None


class _Site:
    """The API of one coin: its shared statistics and which generation it is."""

    def __init__(self, driver: SolopoolDriver, base: str) -> None:
        self._driver = driver
        self._base = base
        self._generation: _Generation | None = None
        self._paused_until = 0.0
        self._stats_lock = asyncio.Lock()
        self._stats_at: float | None = None
        self._stats: tuple[Mapping[str, Any], float] | DriverError | None = None

    async def stats(self) -> tuple[Mapping[str, Any], float]:
        """Return ``/stats`` and its latency in ms, from one fetch for all."""
        async with self._stats_lock:
            now = time.monotonic()
            age = None if self._stats_at is None else now - self._stats_at
            if self._stats is None or age is None or age >= self._driver.stats_seconds:
                try:
                    self._stats = await self._fetch_stats()
                except DriverError as err:
                    # Kept as well: all accounts share a failure, too.
                    self._stats = err
                self._stats_at = now
            if isinstance(self._stats, DriverError):
                raise type(self._stats)(str(self._stats))
            return self._stats

    async def _fetch_stats(self) -> tuple[Mapping[str, Any], float]:
        start = time.monotonic()
        if (stats := await self.get("stats")) is None:
            raise BadAnswer("The pool has no statistics at this address")
        if self._generation is None:
            if isinstance(stats.get("node"), dict):
                self._generation = _Generation.V2
            elif isinstance(stats.get("stats"), dict):
                self._generation = _Generation.V1
        return stats, (time.monotonic() - start) * 1000

    async def account(self, address: str) -> tuple[_Account | None, float]:
        """Return an account and the latency in ms; None: the pool has no data.

        The generation that answered last is asked first. The other is tried
        when that gives nothing that looks like an account: the pool has changed,
        or nobody knows the address.
        """
        first = self._generation or _Generation.V2
        other = _Generation.V1 if first is _Generation.V2 else _Generation.V2
        failure: DriverError | None = None
        latency: float | None = None
        for generation in (first, other):
            start = time.monotonic()
            try:
                data = await self.get(
                    f"{_ACCOUNT_PATHS[generation]}/{quote(address, safe='')}"
                )
            except BadAnswer as err:
                failure = err
                continue
            except CannotConnect:
                if latency is None:
                    raise
                break
            if latency is None:
                latency = (time.monotonic() - start) * 1000
            if data is None or (shape := _shape(data)) is None:
                continue
            self._generation = generation
            account = _Account.parse(data, shape, address)
            return (None if account.is_blank else account), latency
        # One proper "not here" is an answer; what the path of the other
        # generation gives then does not matter.
        if latency is None or (failure is not None and self._generation is None):
            raise failure or BadAnswer("The pool did not answer properly")
        return None, latency

    async def get(self, path: str) -> Mapping[str, Any] | None:
        """Return a JSON object, None if there is nothing under the path (404).

        Raises ``CannotConnect``: no answer, or the pool asked to be left alone.
        Raises ``BadAnswer``: a web page, a redirect or an error of the server.
        """
        session = self._driver.session
        if session is None:
            raise CannotConnect("The driver was given no session")
        if time.monotonic() < self._paused_until:
            raise CannotConnect("The pool wants to be asked less often")
        try:
            async with session.get(
                f"{self._base}/{path}",
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=self._driver.timeout_seconds),
            ) as response:
                if response.status == 404:
                    return None
                if response.status in (429, 503):
                    self._pause(response.headers.get("Retry-After"))
                if response.status == 429:
                    raise CannotConnect("The pool wants to be asked less often")
                if 300 <= response.status < 400:
                    raise BadAnswer("The pool's API has moved elsewhere")
                if not response.ok:
                    error = CannotConnect if response.status >= 500 else BadAnswer
                    raise error(f"The pool answered with HTTP status {response.status}")
                return _decode(await _read(response))
        except TimeoutError as err:
            raise CannotConnect("The pool did not answer in time") from err
        except (aiohttp.InvalidURL, ValueError) as err:
            raise CannotConnect("This is not the address of a pool") from err
        except aiohttp.ClientPayloadError as err:
            raise BadAnswer("The pool's answer broke off") from err
        except (aiohttp.ClientError, OSError) as err:
            raise CannotConnect("The pool cannot be reached") from err

    def _pause(self, retry_after: str | None) -> None:
        seconds = parse_number(retry_after)
        if seconds is not None and seconds > 0:
            pause = min(seconds, self._driver.longest_pause)
            self._paused_until = time.monotonic() + pause


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    """What the pool tells of one wallet, in either generation."""

    hashrate: float | None
    active_workers: int | None
    workers: tuple[PoolWorker, ...]
    shares: tuple[int | None, int | None, int | None]
    """Valid, invalid, stale."""
    best_share: float | None
    blocks_24h: int | None
    last_block: datetime | None
    is_blank: bool
    """Whether it has never mined here: zeros instead of a 404."""

    @classmethod
    def parse(
        cls, data: Mapping[str, Any], shape: _Generation, address: str
    ) -> _Account:
        """Read an account. Whatever is missing or odd is None."""
        raw_workers = _workers(data.get("workers"))
        workers = tuple(
            PoolWorker(
                # A miner without worker name is listed under the wallet itself.
                name="default" if name in ("", address) else name,
                hashrate=_amount(worker.get("hr")),
                online=None
                if (off := parse_bool(worker.get("offline"))) is None
                else not off,
            )
            for name, worker in raw_workers
        )
        online = [worker for worker in workers if worker.online]
        if shape is _Generation.V2:
            hashrate = _amount(data.get("hashrate"))
            active = _count(data.get("onlineWorkers"))
            total = _count(data.get("totalWorkers"))
            last_share = data.get("lastShare")
            best = _amount(data.get("bestShare"))
            blocks = _blocks_v2(data)
            last = _when(data.get("lastBlockTime")) or max(
                filter(
                    None,
                    (_when(it.get("timestamp")) for it in _dicts(data.get("blocks"))),
                ),
                default=None,
            )
        else:
            hashrate = _amount(data.get("currentHashrate"))
            active = _count(data.get("workersOnline"))
            total = _count(data.get("workersTotal"))
            stats = data.get("stats")
            last_share = stats.get("lastShare") if isinstance(stats, dict) else None
            best = None
            blocks = next(
                (
                    _count(entry.get("blocks"))
                    for entry in _dicts(data.get("earnings"))
                    if parse_int(entry.get("period")) == DAY
                ),
                None,
            )
            last = None
        if active is None and raw_workers:
            active = len(online)
        return cls(
            hashrate=hashrate,
            active_workers=active,
            workers=workers,
            shares=_shares(worker for _, worker in raw_workers),
            best_share=best,
            blocks_24h=blocks,
            last_block=last,
            is_blank=not (hashrate or active or total or workers)
            and not parse_number(last_share)
            and not (blocks or last),
        )

    def fill(
        self, tile: DashboardTileData, difficulty: float | None, block_seconds: float
    ) -> DashboardTileData:
        """Return the tile with this account's figures."""
        valid, invalid, stale = self.shares
        rejected = (invalid or 0) + (stale or 0)
        total = (valid or 0) + rejected
        expected = percentage = None
        if difficulty is not None and self.hashrate is not None:
            expected = expected_seconds_to_block(difficulty, self.hashrate)
            percentage = network_share_percent(difficulty, self.hashrate, block_seconds)
        return replace(
            tile,
            pool_hashrate=self.hashrate,
            estimated_time_to_block=expected,
            pool_percentage=percentage,
            active_workers=self.active_workers,
            shares_valid=valid,
            shares_invalid=invalid,
            shares_stale=stale,
            reject_rate=100 * rejected / total if total else None,
            blocks_found_24h=self.blocks_24h,
            last_block_found=self.last_block,
            best_share=self.best_share,
            workers=self.workers,
        )


def _coin_at(url: str, port: int) -> str | None:
    """Return the coin at a stratum host and port.

    Ports 7xxx and 9xxx are siblings of the 8xxx ones; what they differ in is
    not documented.
    """
    host = url.strip().lower().rpartition("://")[2].partition("/")[0].partition(":")[0]
    for coin, known in _COINS.items():
        hosts = [f"{name}.solopool.org" for name in known.stratum]
        ports = (known.port, known.port - 1000, known.port + 1000)
        if host in hosts and port in ports:
            return coin
    return None


def _block_seconds(coin: str) -> float:
    """Return the target block time; 0 for a coin that is not known here."""
    known = _COINS.get(coin.strip().upper())
    return known.block_seconds if known else 0


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
            difficulty = _amount(section.get("difficulty"))
            if difficulty:
                return difficulty
    return None


def _blocks_v2(data: Mapping[str, Any]) -> int | None:
    blocks = data.get("blocks")
    if not isinstance(blocks, list):
        return 0 if _count(data.get("totalBlocks")) == 0 else None
    since = time.time() - DAY
    return sum(
        1
        for entry in _dicts(blocks)
        if (found := _unix(entry.get("timestamp"))) is not None and found >= since
    )


def _workers(value: Any) -> list[tuple[str, Mapping[str, Any]]]:
    """Return names and figures of workers: an object by name, or a list."""
    if isinstance(value, dict):
        return [(name, it) for name, it in value.items() if isinstance(it, dict)]
    return [(parse_text(it.get("name")) or "", it) for it in _dicts(value)]


def _shares(
    workers: Iterable[Mapping[str, Any]],
) -> tuple[int | None, int | None, int | None]:
    """Return the sums of valid, invalid and stale shares, None where untold."""
    entries = list(workers)

    def total(key: str) -> int | None:
        counts = [
            count
            for worker in entries
            if (count := _count(worker.get(key))) is not None
        ]
        return sum(counts) if counts else None

    return total("sharesValid"), total("sharesInvalid"), total("sharesStale")


def _dicts(value: Any) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        return []
    return [entry for entry in value if isinstance(entry, dict)]


def _amount(value: Any) -> float | None:
    number = parse_compact(value)
    return number if number is not None and number >= 0 else None


def _count(value: Any) -> int | None:
    number = parse_int(value)
    return number if number is not None and number >= 0 else None


def _unix(value: Any) -> float | None:
    number = parse_number(value)
    return number if number is not None and number > 0 else None


def _when(value: Any) -> datetime | None:
    if (seconds := _unix(value)) is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except OverflowError, OSError, ValueError:
        return None


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while chunk := await response.content.readany():
        body += chunk
        if len(body) > MAX_ANSWER:
            response.close()
            raise BadAnswer("The pool's answer is too long")
    return bytes(body)


def _decode(body: bytes) -> Mapping[str, Any]:
    # Whatever its Content-Type says: a web page does not parse.
    try:
        data = json.loads(body, strict=False)
    except ValueError, RecursionError:
        raise BadAnswer("The pool did not answer with JSON") from None
    if not isinstance(data, dict):
        raise BadAnswer("The pool answered with JSON of another shape")
    return data
