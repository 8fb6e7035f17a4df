"""OCEAN: pooled mining of Bitcoin (TIDES), one public API."""

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
import time
from typing import Any, override
from urllib.parse import quote

from custom_components.hmm.driver_api import (
    BadAnswer,
    BasePoolIntegration,
    DashboardTileData,
    DriverError,
    MiningModel,
    PoolWorker,
    count_online,
    reason_of,
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
    parse_count,
    parse_text,
    parse_timestamp,
)
from custom_components.hmm.driver_api.wallets import strip_worker

API = "https://api.ocean.xyz/v1"
DAY = 86_400
SATOSHIS = 100_000_000

STALE_SECONDS = 1800
"""From which age on the pool's own snapshot stands still; it takes one a minute."""

ONLINE_SECONDS = 600
"""How long a worker may send no share: one of 0.5 TH/s sends one each 2 minutes."""

_MAX_BLOCKS = 50

_WORKER_SIGNS = (
    "hashrate_60s",
    "hashrate_300s",
    "lastest_share_ts",
    "latest_share_ts",
)


class OceanDriver(BasePoolIntegration):
    """OCEAN, which pays everybody by the work of the last eight blocks.

    The hashrate is the mean over 5 minutes (``hashrate_300s``). The confirmed
    balance is ``unpaid``: earned in blocks that were found and owed, though only
    paid out above a threshold. Nothing is pending: what the next block would
    bring is an estimate (``estimated_*_next_block``). The earnings of 24 hours
    are what the blocks of that time brought. Since every block of the pool pays,
    no time to a block is reported, and whose block it was is not a matter. Shares are
    sums of work here, never counts, and no best share is known.

    Keyword arguments: ``api_base`` replaces the address of the API.
    """

    driver_type = "ocean"
    driver_version = "1.0.0"
    display_name = "OCEAN"
    documentation_url = "https://ocean.xyz/docs"
    supports_coins = ["BTC"]
    requires_api_key = False
    mining_model = MiningModel.POOL
    poll_seconds = 60

    # An account takes up to three requests in a row
    timeout_seconds = 9.0
    shared_seconds = 300.0
    """How long figures of the pool serve all accounts."""
    retry_seconds = 30.0
    """How long it serves that there are none."""
    earnings_seconds = 900.0
    """How long the earnings of an account serve; the pool finds 1 to 3 blocks a day."""

    def __init__(self) -> None:
        """Make a driver without any request yet."""
        self._sites: dict[str, _Site] = {}

    def _site(self, options: Mapping[str, Any]) -> _Site:
        base = (parse_text(options.get("api_base")) or API).rstrip("/")
        if (site := self._sites.get(base)) is None:
            site = self._sites[base] = _Site(self, base)
        return site

    @override
    async def detect(self, url: str, port: int) -> bool:
        host = url.strip().lower().rpartition("://")[2].partition("/")[0]
        host = host.partition(":")[0].rstrip(".")
        return host == "ocean.xyz" or host.endswith(".ocean.xyz")

    @override
    async def get_dashboard_data(
        self, url: str, coin: str, username: str | None = None, **kwargs: Any
    ) -> DashboardTileData:
        """Return the tiles of one wallet; ``username`` may end in ``.worker``.

        A pool that fails, or whose figures stand still, gives ``health_status``
        False and a message; an address that it does not know (yet)
        ``account_known`` False.
        """
        site = self._site(kwargs)
        address = strip_worker(username or "")
        stat, account = await asyncio.gather(
            outcome(site.shared("pool_stat")), outcome(site.account(address))
        )
        network = stat
        if not isinstance(stat, DriverError):
            network = _difficulty(stat[0]), stat[1]
        tiles = account_tiles(coin, network, account, mining_model=self.mining_model)
        if not isinstance(account, DriverError | None) and account[0] is not None:
            earned = await outcome(site.earnings(address))
            if not isinstance(earned, DriverError):
                tiles = replace(tiles, estimated_earnings_24h=earned)
        if tiles.health_status and not isinstance(stat, DriverError):
            problem = _stale(stat[0], site.api.now())
            if problem is not None:
                return replace(
                    tiles,
                    health_status=False,
                    health_message=reason_of(problem),
                    latency_ms=None,
                    account_known=True,
                )
        return tiles

    @override
    def get_server_time(self, url: str, coin: str, **kwargs: Any) -> float | None:
        return self._site(kwargs).api.server_time

    @override
    def get_config_schema(self) -> dict[str, Any]:
        return wallet_schema(
            "The Bitcoin address that your miners have as user name, also behind a"
            " DATUM gateway of your own"
        )


class _Site:
    """The API, what it reports about the pool, and what accounts earned."""

    def __init__(self, driver: OceanDriver, base: str) -> None:
        self.api = WebApi(driver.session, base, timeout=driver.timeout_seconds)
        self._driver = driver
        self._earnings: dict[str, tuple[float, float | None]] = {}
        self._has_full = False

    async def result(self, path: str) -> tuple[Mapping[str, Any] | None, float]:
        """Return the result under a path and the latency in ms; None: no data."""
        data, latency = await self.api.get_object(path)
        return _result(data), latency

    async def shared(self, path: str) -> tuple[Mapping[str, Any], float]:
        """Return a result and its latency in ms, from one request for all."""
        data, latency = await self.api.shared_object(path, self._driver.shared_seconds)
        if data is None or "result" not in data:
            data, latency = await self.api.shared_object(
                path, self._driver.retry_seconds
            )
        if (result := _result(data)) is None:
            raise BadAnswer(
                "The pool has no statistics at this address", reason="no_statistics"
            )
        return result, latency

    async def account(
        self, address: str
    ) -> tuple[DashboardTileData | None, float] | None:
        """Return an account and the latency in ms, None without an address.

        None instead of the account: the pool has no data. One request gives all;
        two others do so when that one has not worked the last time, since its 404
        may also mean that the API has it no longer.
        """
        if not address:
            return None
        path = quote(address, safe="")
        worked, self._has_full = self._has_full, False
        try:
            result, latency = await self.result(f"userinfo_full/{path}")
        except BadAnswer:
            if worked:
                raise
            result, latency = None, 0.0
        if result is None and worked:
            return None, latency
        if result is not None:
            user = result.get("user_full")
            workers = result.get("workers")
            if isinstance(user, dict) or isinstance(workers, dict | list):
                self._has_full = True
                account = _account(user, workers, address, self.api.now())
                return account, latency
        (hashrates, latency), snapshot = await asyncio.gather(
            self.result(f"user_hashrate_full/{path}"),
            outcome(self.result(f"statsnap/{path}")),
        )
        if hashrates is None:
            return None, latency
        user = hashrates.get("user_hashrate")
        user = user if isinstance(user, dict) else {}
        if not isinstance(snapshot, DriverError) and snapshot[0] is not None:
            user = {**snapshot[0], **user}
        workers = hashrates.get("workers")
        return _account(user, workers, address, self.api.now()), latency

    async def earnings(self, address: str) -> float | None:
        """Return what an account earned in the last 24 hours, in coins."""
        now = time.monotonic()
        cached = self._earnings.get(address)
        if cached is not None and now - cached[0] < self._driver.earnings_seconds:
            return cached[1]
        since = int(self.api.now()) - DAY
        result, _ = await self.result(f"earnpay/{quote(address, safe='')}/{since}")
        earned = _earned(result, since)
        self._earnings[address] = now, earned
        return earned


def _account(
    user: Any, raw_workers: Any, address: str, now: float
) -> DashboardTileData:
    """Read an account. Whatever is missing or malformed is None.

    ``now`` is in seconds since 1970 by the clock of the pool.
    """
    if not isinstance(user, dict):
        user = {}
    workers = tuple(
        _worker(_worker_name(name, address), raw, now)
        for name, raw in _named(raw_workers)
    )
    active = parse_count(user.get("active_worker_count"))
    if active is None and (workers or raw_workers in ({}, [])):
        active = count_online(workers)
    return DashboardTileData(
        pool_hashrate=parse_amount(user.get("hashrate_300s")),
        active_workers=active,
        confirmed_balance=parse_amount(user.get("unpaid")),
        last_share=_last_share(user),
        workers=workers,
    )


def _named(value: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Give names and figures of workers.

    ``user_hashrate_full`` has an object of lists with one object each,
    ``userinfo_full`` a list of objects with one name each.
    """
    for group in [value] if isinstance(value, dict) else objects(value):
        for name, entry in group.items():
            raw = next(iter(objects(entry)), None) if isinstance(entry, list) else entry
            if isinstance(raw, dict) and any(sign in raw for sign in _WORKER_SIGNS):
                yield name, raw


def _worker_name(name: str, address: str) -> str:
    """Return the name of a worker without the address in front of it."""
    name = name.strip().removeprefix(address).removeprefix(".")
    return name or "default"


def _worker(name: str, raw: Mapping[str, Any], now: float) -> PoolWorker:
    last_share = _last_share(raw)
    recent = [
        rate
        for key in ("hashrate_60s", "hashrate_300s", "hashrate_600s")
        if (rate := parse_amount(raw.get(key))) is not None
    ]
    online: bool | None = None
    if last_share is not None:
        online = now - last_share.timestamp() < ONLINE_SECONDS
    elif recent:
        online = any(recent)
    return PoolWorker(
        name=name,
        hashrate=parse_amount(raw.get("hashrate_300s")),
        online=online,
        last_share=last_share,
    )


def _last_share(raw: Mapping[str, Any]) -> datetime | None:
    """Return when the last share came; the pool's own spelling is the first."""
    return parse_timestamp(raw.get("lastest_share_ts")) or parse_timestamp(
        raw.get("latest_share_ts")
    )


def _earned(result: Mapping[str, Any] | None, since: int) -> float | None:
    """Return the sum of what blocks since a timestamp brought, in coins."""
    if result is None or not isinstance(result.get("earnings"), list):
        return None
    total = 0
    for entry in result["earnings"]:
        if not isinstance(entry, dict):
            return None
        timestamp = parse_timestamp(entry.get("ts"))
        if timestamp is not None and timestamp.timestamp() < since:
            continue
        satoshis = parse_count(entry.get("satoshis_net_earned"))
        if satoshis is None:
            return None
        total += satoshis
    return total / SATOSHIS


def _result(data: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the result of a response; None: the pool does not know the user.

    Raises BadAnswer: another error, or no response of this API.
    """
    if data is None:
        return None
    if data.get("error"):
        text = parse_text(data["error"]) or ""
        if "no such user" in text.lower():
            return None
        raise BadAnswer("The pool reported an error", reason="bad_response")
    result = data.get("result")
    if not isinstance(result, dict):
        raise BadAnswer(
            "The pool answered with JSON of another shape", reason="bad_response"
        )
    return result


def _stale(stat: Mapping[str, Any], now: float) -> BadAnswer | None:
    """Return an error if the pool has stopped taking snapshots."""
    taken = parse_timestamp(stat.get("snap_ts"))
    if taken is None or now - taken.timestamp() <= STALE_SECONDS:
        return None
    return BadAnswer("The pool's statistics stand still", reason="statistics_stale")


def _difficulty(stat: Mapping[str, Any]) -> float | None:
    return parse_amount(stat.get("network_difficulty")) or None
